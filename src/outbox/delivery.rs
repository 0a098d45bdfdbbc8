//! One try to deliver one owed mail.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Around, Failure, Outbox, Unreached, Way, millis};
use crate::message::{Mailbox, Recipient};
use crate::smtp::Reply;
use crate::smtp::client::{Relay, Trouble};
use crate::smtp::command::MailCommand;
use crate::store::held::State;
use crate::store::journal::{NewLine, People, Sort};
use crate::store::owed::{Claimed, Envelope, Kind, NewOwed, Settled, To};
use crate::store::{self};
use crate::vault::{Item, VaultError};

/// A next hop takes a message within this time, or is tried again later.
pub(super) const DELIVER_WITHIN: Duration = Duration::from_secs(600);
/// Recipients that are handed over at once.
const BATCH: usize = 100;

/// Tries it; what comes back is to be written down, and whether its next hop could be reached, as far as that was seen.
pub(super) async fn deliver(outbox: &Outbox, claimed: &Claimed, around: &dyn Around) -> (Settled, Option<bool>) {
    let (replies, reached) = match ready(outbox, claimed, around).await {
        Ok((way, raw)) => {
            let signature = around.signature(&claimed.school, claimed.kind, &raw).unwrap_or_default();
            let replies = hand_over(claimed, &way, &signature, &raw, Instant::now() + DELIVER_WITHIN).await;
            let reached = !replies.iter().all(is_out_of_reach);
            (replies, Some(reached))
        }
        Err(reply) => (vec![reply; claimed.envelope.recipients.len()], None),
    };
    (settle(outbox, claimed, around, &replies).await, reached)
}

/// Gives up mail whose next hop cannot be reached, without trying it once more.
pub(super) async fn give_up(outbox: &Outbox, claimed: &Claimed, around: &dyn Around) -> Settled {
    let replies = vec![Reply::next_hop_unreachable(); claimed.envelope.recipients.len()];
    settle(outbox, claimed, around, &replies).await
}

/// Whether a reply says that there was no session with the next hop in which anything could be said.
pub(super) fn is_out_of_reach(reply: &Reply) -> bool {
    let none = [Trouble::Unreachable, Trouble::Tls, Trouble::RefusesUs].map(Trouble::reply);
    none.contains(reply)
}

async fn ready(outbox: &Outbox, claimed: &Claimed, around: &dyn Around) -> Result<(Way, Vec<u8>), Reply> {
    let raw = opened(outbox, claimed).await?;
    let sender = claimed.envelope.sender.as_deref().and_then(|typed| Mailbox::parse(typed).ok());
    let way = around.way(&claimed.school, sender.as_ref()).ok_or_else(Reply::no_route)?;
    Ok((way, raw))
}

/// Its octets; else the reply that they would get.
pub(super) async fn opened(outbox: &Outbox, claimed: &Claimed) -> Result<Vec<u8>, Reply> {
    outbox.vault().open_item(&claimed.item, claimed.sealed.clone()).await.map_err(|error| {
        tracing::error!(owed = claimed.id, %error, "owed mail cannot be opened");
        // A file that is gone stays gone; anything else may come right.
        match error {
            VaultError::Gone => Reply::lost_here(),
            _ => Reply::store_failed(),
        }
    })
}

/// One reply for each recipient, all of them by the deadline. `lines` are header fields that go on top of the message, below
/// our own.
pub(super) async fn hand_over(claimed: &Claimed, way: &Way, lines: &str, raw: &[u8], deadline: Instant) -> Vec<Reply> {
    let envelope = &claimed.envelope;
    let dsn = way.next_hop.known().is_none_or(|known| known.dsn);
    let mail = MailCommand {
        sender: envelope.sender.as_deref().and_then(|typed| Mailbox::parse(typed).ok()),
        size: Some(raw.len()),
        eight_bit: envelope.eight_bit,
        smtputf8: envelope.smtputf8,
        // A next hop without DSN gets none of it (RFC 3461 5.2.2), rather than no mail.
        dsn: if dsn { envelope.dsn.clone() } else { String::new() },
        require_tls: envelope.require_tls,
    };
    let mut relay = Relay::new(Arc::clone(&way.next_hop), mail);
    let recipients: Vec<Option<Recipient>> = envelope.recipients.iter().map(|to| recipient(to, dsn)).collect();
    let mut replies = Vec::with_capacity(recipients.len());
    for batch in recipients.chunks(BATCH) {
        let good: Vec<Recipient> = batch.iter().flatten().cloned().collect();
        let Ok(answers) = timeout_at(deadline, relay.recipients(&good)).await else {
            // Each reply came in time, and all of them together take longer than the lease: the next try is another's.
            return vec![Reply::next_hop_lost(); recipients.len()];
        };
        let mut answers = answers.into_iter();
        let answered = batch.iter().map(|one| one.as_ref().and_then(|_| answers.next()));
        replies.extend(answered.map(|reply| reply.unwrap_or_else(Reply::next_hop_lost)));
    }
    if !replies.iter().any(Reply::is_ok) {
        relay.reset().await;
        return replies;
    }
    let mark = way.mark.as_ref().map(|mark| mark.expose().as_str()).unwrap_or_default();
    let head = format!("{}{mark}{lines}", envelope.head);
    let last = relay.send(head.as_bytes(), raw, deadline).await;
    replies.iter_mut().filter(|reply| reply.is_ok()).for_each(|reply| *reply = last.clone());
    replies
}

pub(super) fn recipient(to: &To, dsn: bool) -> Option<Recipient> {
    let parameters = if dsn { to.parameters.clone() } else { String::new() };
    Mailbox::parse(&to.address).ok().map(|mailbox| Recipient { mailbox, parameters })
}

/// What the replies mean: who has it, who will never have it, and for whom it is tried again.
async fn settle(outbox: &Outbox, claimed: &Claimed, around: &dyn Around, replies: &[Reply]) -> Settled {
    let now = store::now();
    let pause = outbox.pause_after(claimed.tries);
    let over = now.saturating_add(pause) > claimed.give_up_at;
    let (mut rest, mut failed, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for (to, reply) in claimed.envelope.recipients.iter().zip(replies) {
        let state = match reply {
            reply if reply.is_ok() => State::Sent,
            reply if reply.is_permanent() || over => {
                failed.push(Unreached::of(to, reply));
                State::Failed
            }
            _ => {
                rest.push(to.clone());
                continue;
            }
        };
        places.extend(to.place.map(|place| (place, state)));
    }
    let rest = (!rest.is_empty()).then(|| {
        let envelope = Envelope { recipients: rest, ..claimed.envelope.clone() };
        (envelope, now.saturating_add(pause))
    });
    let owed = if failed.is_empty() {
        Vec::new()
    } else {
        Vec::from_iter(told(outbox, claimed, around, &Told { failed: &failed, reason: None }, now).await)
    };
    let code = replies.iter().map(Reply::code).max();
    let waits = rest.as_ref().map_or(0, |(envelope, _)| envelope.recipients.len());
    let journal =
        Some(line(claimed, code, (replies.len().saturating_sub(failed.len() + waits), failed.len(), waits), None, now));
    Settled { rest, code, places, owed, journal, ..Settled::default() }
}

/// What came of a try, without saying for whom: the mail's own line knows, where it may. For mail under force also for
/// how many nothing was proven, and what was.
pub(super) fn line(
    claimed: &Claimed,
    code: Option<u16>,
    (sent, failed, waits): (usize, usize, usize),
    forced: Option<(usize, serde_json::Value)>,
    now: i64,
) -> NewLine {
    let mut core = serde_json::json!({
        "event": "delivery", "kind": claimed.kind.word(), "owed": claimed.id, "try": claimed.tries.saturating_add(1),
        "code": code, "sent": sent, "failed": failed, "waits": waits,
    });
    if let (Some(fields), Some((unproven, tls))) = (core.as_object_mut(), forced) {
        fields.insert("unproven".to_owned(), unproven.into());
        fields.insert("tls".to_owned(), tls);
    }
    NewLine {
        at: now,
        school: claimed.school.clone(),
        sort: Sort::Incident,
        mail: claimed.held.clone(),
        core: core.to_string(),
        trace: None,
        people: People::default(),
    }
}

/// What is owed to the sender of a mail that was given up. Of a notice that is refused nothing is told: it would go to
/// the same mailbox.
pub(super) async fn told(
    outbox: &Outbox,
    claimed: &Claimed,
    around: &dyn Around,
    what: &Told<'_>,
    now: i64,
) -> Option<(Item, NewOwed)> {
    if !claimed.kind.is_mail() {
        tracing::warn!(owed = claimed.id, kind = claimed.kind.word(), "a message of ours was refused for good");
        return None;
    }
    let failed: Vec<Unreached> =
        what.failed.iter().filter(|unreached| !asks_for_silence(&unreached.parameters)).cloned().collect();
    if failed.is_empty() {
        return None;
    }
    let sender = claimed.envelope.sender.as_deref().and_then(|typed| Mailbox::parse(typed).ok())?;
    // Lost or not, its sender is told.
    let raw = opened(outbox, claimed).await.ok();
    let failure = Failure {
        school: &claimed.school,
        number: claimed.held.as_deref().unwrap_or_default(),
        sender: &sender,
        recipients: &failed,
        unproven: what.reason,
        discreet: claimed.envelope.forced.as_ref().is_some_and(|forced| forced.discreet),
        taken_at: claimed.made_at,
        dsn: &claimed.envelope.dsn,
        raw: raw.as_deref(),
    };
    let (raw, readers) = around.failure(&failure)?;
    owes(outbox, claimed, Kind::Failure, raw, &readers, now).await
}

/// Whether the parameters of a RCPT say that its sender wants to hear of no failure (NOTIFY=NEVER, RFC 3461 4.1).
fn asks_for_silence(parameters: &str) -> bool {
    parameters.split_ascii_whitespace().any(|parameter| parameter.eq_ignore_ascii_case("NOTIFY=NEVER"))
}

/// Whom a mail did not reach; and, when nothing could be proven, the reason.
pub(super) struct Told<'t> {
    pub failed: &'t [Unreached],
    pub reason: Option<&'static str>,
}

/// A message of ours about a mail, sealed and to be owed.
pub(super) async fn owes(
    outbox: &Outbox,
    claimed: &Claimed,
    kind: Kind,
    raw: Vec<u8>,
    readers: &[Mailbox],
    now: i64,
) -> Option<(Item, NewOwed)> {
    let item = outbox.vault().put(Arc::new(raw)).await;
    let item = item.inspect_err(|error| tracing::error!(owed = claimed.id, %error, "it cannot be told")).ok()?;
    let new = outbox.message(kind, &item, readers, now);
    Some((item, new))
}

impl Outbox {
    /// How long after this many tries the next one comes, milliseconds.
    fn pause_after(&self, tries: u32) -> i64 {
        let retry = &self.0.retry;
        millis(retry.after.saturating_mul(1u32.checked_shl(tries.min(20)).unwrap_or(u32::MAX)).min(retry.most))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::smtp::client::{Demand, Hop, NextHop};

    #[test]
    fn who_wants_to_hear_of_nothing_is_told_nothing() {
        for (parameters, silent) in [
            ("", false),
            (" NOTIFY=NEVER", true),
            (" ORCPT=rfc822;a@b.example notify=never", true),
            (" NOTIFY=FAILURE,DELAY", false),
            (" ORCPT=rfc822;NOTIFY=NEVER", false),
        ] {
            assert_eq!(asks_for_silence(parameters), silent, "{parameters}");
        }
    }

    /// Ways on which nobody answers, ever.
    #[tokio::test]
    async fn all_recipients_together_have_one_deadline() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let hour = Duration::from_secs(3600);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let next_hop = NextHop::new(Hop {
            name: "hole".to_owned(),
            hosts: vec![("127.0.0.1".to_owned(), listener.local_addr().unwrap().port())],
            our_name: "poort.delinde.example".to_owned(),
            demand: Demand::Off,
            implicit_tls: false,
            tls: Arc::new(tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()),
            credentials: None,
            connect_timeout: hour,
            reply_timeout: hour,
            final_reply_timeout: hour,
            keep_idle: Duration::ZERO,
            max_connections: 1,
        });
        let to = |n: usize| To { address: format!("{n}@thuis.example"), parameters: String::new(), place: None };
        let claimed = Claimed {
            id: 1,
            school: "linde".to_owned(),
            kind: Kind::Message,
            held: None,
            item: String::new(),
            sealed: None,
            envelope: Envelope { recipients: (0..250).map(to).collect(), ..Envelope::default() },
            tries: 0,
            made_at: 0,
            give_up_at: i64::MAX,
            lane: None,
        };
        let way = Way { next_hop, mark: None };
        let replies = hand_over(&claimed, &way, "", b"dag", Instant::now()).await;
        assert_eq!(replies, vec![Reply::next_hop_lost(); 250]);
        assert!(!is_out_of_reach(&Reply::next_hop_lost()));
    }
}
