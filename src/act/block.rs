//! Block, with advice: the mail is not sent, and its sender learns what to do.
//!
//! With an outbox the mail is kept, and the notice owed (see [`super::hold`]). Without one, the notice is handed to the
//! next hop before the client hears 250; if that fails, 451, and the client keeps the mail. Programs, lists, forwarders and everybody outside are refused in session instead, with
//! the same advice in one line, and never get a notice (backscatter, RFC 3834 2).

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::act::carry::Case;
use crate::act::hold::{self, Composed, Notified};
use crate::act::joined::{ONE_INCIDENT, Open, Whole, what};
use crate::act::later::{About, stopped as stopped_later};
use crate::act::linked;
use crate::act::notice::{ComposeError, Notice, Stamp};
use crate::act::{Incident, Stopped};
use crate::decide;
use crate::message::{Mailbox, Recipient};
use crate::smtp::Reply;
use crate::smtp::client::Relay;
use crate::smtp::command::MailCommand;
use crate::store::notes::NewNote;
use crate::store::now;
use crate::vault::LinkSecret;

/// Tells the sender, by a notice or in session; the reply is the client's.
pub async fn block(case: &Case<'_>, command: MailCommand, incidents: &Incidents) -> Reply {
    let part = Part::of(case);
    if incidents.told(&part) {
        return Reply::taken_and_noticed(case.id);
    }
    if case.keeping.is_some() {
        // The parts of one mail come over several connections at the same time: each waits for the one before.
        let slot = incidents.slot(part.incident);
        let mut open = slot.lock().await;
        return answer(case, command, incidents, part, &mut open).await;
    }
    answer(case, command, incidents, part, &mut None).await
}

async fn answer(
    case: &Case<'_>,
    command: MailCommand,
    incidents: &Incidents,
    part: Part,
    open: &mut Option<Open>,
) -> Reply {
    // Composing works on what a stranger wrote; a fault in it must not leave the client without an answer.
    let Ok((advice, mail)) = catch_unwind(AssertUnwindSafe(|| {
        let mail = case.keeping.as_ref().map(|_| what(case, &command)).unwrap_or_default();
        let whole = open.as_ref().and_then(|open| open.with(case, mail));
        (compose(case, incidents, whole), mail)
    })) else {
        tracing::error!(id = case.id, "the advice could not be composed; the client will try again");
        return Reply::notice_failed();
    };
    match (advice, &case.keeping) {
        (Advice::Kept(composed), Some(keeping)) => {
            let (reader, link) = (composed.readers.first().cloned(), composed.link.clone());
            let whole = composed.joins.as_ref().map(|(whole, _)| whole.clone());
            let (reply, notified) = hold::hold(case, keeping, &command, Some(*composed)).await;
            match (notified, whole) {
                (Some(Notified(notice)), Some(whole)) => _ = open.as_mut().map(|open| open.joined(whole, notice)),
                (Some(Notified(notice)), None) => {
                    reader.inspect(|reader| incidents.noticed(reader));
                    // What another mail under the same Message-ID is a part of stays known.
                    if open.as_ref().is_none_or(|open| !open.is_fresh()) {
                        *open = Some(Open::new(case, mail, link, notice));
                    }
                }
                // What it should have joined may not be as it is known here: sent again, it goes by itself.
                (None, Some(_)) if !reply.is_ok() => *open = None,
                (None, _) => {}
            }
            reply
        }
        (Advice::Linked(linked), Some(keeping)) => hold::hold(case, keeping, &command, Some(*linked)).await.0,
        (Advice::Kept(_) | Advice::Linked(_), None) => Reply::notice_failed(),
        (Advice::Told(notice, in_session), _) => tell(case, &notice, in_session, (incidents, part)).await,
        (Advice::InSession(reply, for_owner), _) => {
            tell_owner(case, for_owner).await;
            reply
        }
    }
}

/// Advice, in the form that its reader can read.
enum Advice {
    /// Of a mail that is kept: a notice, or a note that goes together with others.
    Kept(Box<Composed>),
    /// A notice that is handed over at once, since nothing is kept; and one line, should that be refused.
    Told(Notice, Reply),
    /// Links in place of the mail of a program.
    Linked(Box<Composed>),
    /// One line, for programs, lists, forwarders and everybody outside; and what the owner of a program is told.
    InSession(Reply, Option<NewNote>),
}

/// Hands the notice over; without an outbox the client hears what came of that.
async fn tell(case: &Case<'_>, notice: &Notice, in_session: Reply, (incidents, part): (&Incidents, Part)) -> Reply {
    match hand_over(case, notice).await {
        Ok(()) => {
            incidents.remember(part);
            Reply::taken_and_noticed(case.id)
        }
        // No such mailbox, or a next hop that wants no notices: the client's own server can tell the sender.
        Err(refusal) if refusal.is_permanent() => in_session,
        Err(trouble) => {
            tracing::warn!(
                id = case.id,
                code = trouble.code(),
                "the notice could not be handed over; the client will try again"
            );
            Reply::notice_failed()
        }
    }
}

/// The refusal stands, whether or not this can be written down.
async fn tell_owner(case: &Case<'_>, note: Option<NewNote>) {
    if let (Some(keeping), Some(note)) = (&case.keeping, note)
        && let Err(error) = keeping.outbox.note(&case.school.id, note).await
    {
        tracing::error!(id = case.id, %error, "the program's owner cannot be told");
    }
}

/// Renders no more than will be read: it is a third of the work of taking a mail.
fn compose(case: &Case<'_>, incidents: &Incidents, whole: Option<Whole>) -> Advice {
    let number = whole.as_ref().map_or(case.id, |whole| &whole.held);
    let mut incident = Incident::new(&stopped(case), number, case.arrived.datetime());
    let readers = decide::may_be_noticed(&case.mail.envelope, case.headers, case.school);
    let in_session =
        |incident: &Incident| Reply::new(550, "5.7.1", &case.notices.one_line(incident, case.school, case.language));
    let link = whole.as_ref().map(|whole| whole.link.clone()).or_else(LinkSecret::new);
    if let Some((readers, link)) = readers.zip(link) {
        let refusal = case.keeping.is_none().then(|| in_session(&incident));
        let mut joins = None;
        if let Some(keeping) = &case.keeping {
            hold::kept(&mut incident, case, (&case.mail.envelope.recipients, case.verdict), keeping, &link);
            if let Some(whole) = whole {
                let mut all = whole.incident(case);
                hold::kept(&mut all, case, (&whole.envelope.recipients, &whole.verdict), keeping, &link);
                joins = Some((whole, std::mem::replace(&mut incident, all)));
            }
        }
        // The notice in whose place this part's comes would be gone, and with it those whom it names.
        let replaces = joins.as_ref().is_some_and(|(whole, _)| whole.notice.is_some());
        let had_many = || readers.first().is_some_and(|reader| incidents.had_many(reader));
        let goes_together = case.keeping.is_some() && !replaces && had_many();
        let notice = if goes_together { Ok(None) } else { notice(case, &incident, &readers).map(Some) };
        match (notice, refusal) {
            (Ok(Some(notice)), Some(refusal)) => return Advice::Told(notice, refusal),
            (Ok(notice), _) => {
                let composed = Composed { notice, goes_together, joins, ..Composed::new(readers, incident, link) };
                return Advice::Kept(Box::new(composed));
            }
            (Err(error), _) => tracing::error!(id = case.id, %error, "no notice; refused in session"),
        }
    }
    if let Some(linked) = linked::linked(case) {
        return Advice::Linked(Box::new(linked));
    }
    let program = case.mail.envelope.sender.as_ref();
    let owner = case.program.map(|program| &program.owner).zip(program);
    let for_owner = owner.map(|(owner, program)| stopped_later(&incident, &About::Of(program.typed()), owner, now()));
    Advice::InSession(in_session(&incident), for_owner)
}

fn notice(case: &Case<'_>, incident: &Incident, readers: &[Mailbox]) -> Result<Notice, ComposeError> {
    let stamp = Stamp {
        date: case.arrived.timestamp(),
        message_id: format!("mailpoort.{}@{}", case.id, case.school.gate_address.domain()),
    };
    case.notices.notice(incident, readers, case.school, case.language, &stamp)
}

/// What is known of it.
pub(super) fn stopped<'c>(case: &'c Case<'_>) -> Stopped<'c> {
    Stopped {
        envelope: &case.mail.envelope,
        headers: case.headers,
        texts: case.texts,
        findings: case.findings,
        verdict: case.verdict,
        policy: case.policy,
    }
}

/// Hands a notice to the next hop, MAIL FROM `<>`, with our mark, so that it does not come back.
async fn hand_over(case: &Case<'_>, notice: &Notice) -> Result<(), Reply> {
    let next_hop = case.next_hop.ok_or_else(Reply::no_route)?;
    let utf8 = notice.readers.iter().any(|reader| reader.is_international());
    let mut relay = Relay::new(next_hop.clone(), MailCommand { smtputf8: utf8, ..MailCommand::default() });
    let readers: Vec<Recipient> = notice
        .readers
        .iter()
        .map(|mailbox| Recipient { mailbox: mailbox.clone(), parameters: String::new() })
        .collect();
    let replies = relay.recipients(&readers).await;
    // The first reader is the envelope's sender; a `Sender:` that is refused does not stop the notice.
    if let Some(refusal) = replies.into_iter().next().filter(|reply| !reply.is_ok()) {
        relay.reset().await;
        return Err(refusal);
    }
    let reply = relay.send(case.mark.as_deref().unwrap_or_default().as_bytes(), &notice.raw, case.deadline).await;
    if reply.is_ok() { Ok(()) } else { Err(reply) }
}

/// One transaction of an incident. Providers split one mail over several transactions (one a recipient domain), and a
/// client that missed our reply sends the same again: school, sender and Message-ID tell that they are one incident.
#[derive(Debug, Clone, Copy)]
struct Part {
    incident: u64,
    /// Recipients and content.
    recipients: u64,
}

impl Part {
    fn of(case: &Case<'_>) -> Self {
        let mut incident = DefaultHasher::new();
        case.school.id.hash(&mut incident);
        case.mail.envelope.sender.as_ref().map(|sender| sender.folded()).hash(&mut incident);
        match &case.headers.message_id {
            Some(id) => id.hash(&mut incident),
            None => case.mail.raw.hash(&mut incident),
        }
        let mut folded: Vec<String> = case.mail.envelope.recipients.iter().map(|r| r.mailbox.folded()).collect();
        folded.sort_unstable();
        let mut recipients = DefaultHasher::new();
        folded.hash(&mut recipients);
        // A second mail under the same Message-ID is another mail, and its sender must know of it.
        case.mail.raw.hash(&mut recipients);
        Self { incident: incident.finish(), recipients: recipients.finish() }
    }
}

/// Which incidents the senders were told of, in memory only.
#[derive(Debug, Default)]
pub struct Incidents {
    told: Mutex<HashMap<u64, (Instant, HashSet<u64>)>>,
    /// What was stopped just now and is kept, by its incident; who acts on one holds its lock.
    open: Mutex<HashMap<u64, Slot>>,
    /// How many notices a sender got since when.
    notices: Mutex<HashMap<u64, (Instant, usize)>>,
}

/// So many notices within the time of one incident are one each; what comes then goes together in one.
const ONE_EACH: usize = 3;

type Slot = Arc<tokio::sync::Mutex<Option<Open>>>;

/// Beyond this the oldest knowledge is dropped: at worst a sender is told twice.
const MOST: usize = 10_000;

impl Incidents {
    /// Whether the sender was told of exactly these recipients. Others of the same incident get their own notice, which
    /// says that it is about a part of the mail: a teacher must know whom the mail did not reach.
    fn told(&self, part: &Part) -> bool {
        let incidents = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        incidents
            .get(&part.incident)
            .is_some_and(|(since, told)| since.elapsed() < ONE_INCIDENT && told.contains(&part.recipients))
    }

    /// The place of an incident.
    fn slot(&self, incident: u64) -> Slot {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST {
            let is_fresh = |slot: &Slot| slot.try_lock().map_or(true, |one| one.as_ref().is_some_and(Open::is_fresh));
            open.retain(|_, slot| is_fresh(slot));
        }
        if open.len() >= MOST {
            open.clear();
        }
        Arc::clone(open.entry(incident).or_default())
    }

    /// Whether this reader got so many notices just now that the next goes together with others.
    fn had_many(&self, reader: &Mailbox) -> bool {
        let notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        let had = notices.get(&hash_of(reader));
        had.is_some_and(|(since, count)| since.elapsed() < ONE_INCIDENT && *count >= ONE_EACH)
    }

    /// Counts a notice to this reader.
    fn noticed(&self, reader: &Mailbox) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() >= MOST {
            notices.retain(|_, (since, _)| since.elapsed() < ONE_INCIDENT);
        }
        if notices.len() >= MOST {
            notices.clear();
        }
        let (since, count) = notices.entry(hash_of(reader)).or_insert((Instant::now(), 0));
        if since.elapsed() >= ONE_INCIDENT {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
    }

    fn remember(&self, part: Part) {
        let mut incidents = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if incidents.len() >= MOST {
            incidents.retain(|_, (since, _)| since.elapsed() < ONE_INCIDENT);
        }
        if incidents.len() >= MOST {
            incidents.clear();
        }
        let entry = incidents.entry(part.incident).or_insert_with(|| (Instant::now(), HashSet::new()));
        if entry.0.elapsed() >= ONE_INCIDENT {
            *entry = (Instant::now(), HashSet::new());
        }
        entry.1.insert(part.recipients);
    }
}

fn hash_of(reader: &Mailbox) -> u64 {
    let mut hasher = DefaultHasher::new();
    reader.folded().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn notices_that_come_fast_go_together() {
        let incidents = Incidents::default();
        let [anneke, bert] = ["Anneke@delinde.example", "bert@delinde.example"].map(|a| Mailbox::parse(a).unwrap());
        for _ in 0..ONE_EACH {
            assert!(!incidents.had_many(&anneke));
            incidents.noticed(&anneke);
        }
        assert!(incidents.had_many(&anneke) && !incidents.had_many(&bert));
    }

    #[test]
    fn the_same_part_is_told_once_and_another_part_again() {
        let incidents = Incidents::default();
        let (first, other) = (Part { incident: 1, recipients: 1 }, Part { incident: 1, recipients: 2 });
        assert!(!incidents.told(&first));
        incidents.remember(first);
        assert!(incidents.told(&first) && !incidents.told(&other));
        assert!(!incidents.told(&Part { incident: 2, recipients: 1 }));
    }
}
