//! One try to deliver owed mail that travels under proven TLS, or not by mail.
//!
//! All of its recipients are of one domain. The way is asked for anew at each try, the posture too. What is temporary is
//! tried again until its time is over; then, or when nothing can ever be proven, it becomes what was decided when it came:
//! a share, mail that is kept while its sender chooses, or mail that did not arrive. Never plain, and never by another way
//! than the one that is configured. See the decision table of `tls::posture`.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::delivery::{self, Told};
use super::{Around, KeptBack, NotNow, Outbox, SharedInstead, Unproven, Unreached, Way, millis};
use crate::message::{Mailbox, Recipient, header};
use crate::smtp::Reply;
use crate::smtp::client::{Direct, Evidence, Letter, Miss, Sent};
use crate::smtp::command::MailCommand;
use crate::store;
use crate::store::held::State;
use crate::store::journal::NewLine;
use crate::store::owed::{Claimed, Envelope, KeptAgain, Kind, Otherwise, Settled, To};
use crate::store::tls::{Facts, NewDelivery};
use crate::store::tls_finding::{Failed, Finding, Policy};
use crate::tls::posture::{Forced, NoHost, Posture, Postures, Published, Row};

/// The way of mail that must travel under proven TLS.
#[derive(Debug)]
pub enum Road {
    /// There is none: nothing is proven here.
    None,
    /// Straight to the servers of the recipient's domain, which prove themselves to us.
    Direct(Arc<Direct>, Postures),
    /// A next hop of which somebody has answered that it enforces TLS, asked to by our header.
    Attested(Way),
}

/// The header by which an attested next hop knows what it must send under TLS. Only we may set it.
pub const REQUIRE: &str = "X-Mailpoort-TLS";

/// Pauses between tries, minutes; the last one goes on.
const PAUSES: [u64; 6] = [1, 5, 15, 30, 60, 60];
/// The longest of them.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// The sender hears that the mail waits after this try: by then it has waited about an hour.
const TOLD_AFTER: u32 = 4;

/// A share that cannot be made now, for want of room or of a store, is tried for so long after the last try to deliver.
const SHARES_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// What a try came to, before it is written down.
struct Tried {
    /// One for each recipient.
    replies: Vec<Reply>,
    /// Nothing will ever be proven: no use in trying again.
    hopeless: bool,
    posture: &'static str,
    evidence: Option<Evidence>,
    misses: Vec<Miss>,
    attested: bool,
    /// Whether the next hop that answers for it could be reached. None when it goes straight: each mail has pauses of its own.
    reached: Option<bool>,
    reason: Option<String>,
    finding: Option<Finding>,
    /// The row of a wish of its sender that does not count here.
    overruled: Option<Row>,
}

/// Tries it; what comes back is to be written down.
pub(super) async fn deliver(
    outbox: &Outbox,
    claimed: &Claimed,
    around: &dyn Around,
) -> (Settled, Option<Kept>, Option<bool>) {
    let (tried, raw) = match delivery::opened(outbox, claimed).await {
        Ok(raw) => (Tried { overruled: overruled(&raw), ..attempt(claimed, around, &raw).await }, raw),
        Err(reply) => (Tried::ended(claimed, reply, "store"), Vec::new()),
    };
    let mut meant = meant(claimed, &tried);
    let instead = if meant.unproven.is_empty() {
        Instead::None
    } else {
        instead(outbox, claimed, around, (&tried, &meant.unproven), &raw).await
    };
    if matches!(instead, Instead::None) {
        meant.rest.append(&mut meant.unproven);
    }
    let reached = tried.reached;
    let (settled, kept) = settle(outbox, claimed, around, tried, meant, instead).await;
    (settled, kept, reached)
}

/// `TLS-Required: No` (RFC 8689 3) would have it go without proof; a rule that asks for proof stands above it.
fn overruled(raw: &[u8]) -> Option<Row> {
    let value = header::value_of(raw, "tls-required")?;
    value.trim_ascii().eq_ignore_ascii_case(b"no").then_some(Row::TlsRequiredNo)
}

async fn attempt(claimed: &Claimed, around: &dyn Around, raw: &[u8]) -> Tried {
    let sender = claimed.envelope.sender.as_deref().and_then(|typed| Mailbox::parse(typed).ok());
    match around.road(&claimed.school, sender.as_ref()) {
        Road::None => Tried { hopeless: true, ..Tried::ended(claimed, Reply::unproven(), "no-proven-route") },
        Road::Attested(way) => attested(claimed, &way, raw).await,
        Road::Direct(direct, postures) => straight(claimed, &direct, &postures, around, raw).await,
    }
}

async fn attested(claimed: &Claimed, way: &Way, raw: &[u8]) -> Tried {
    let head = format!("{REQUIRE}: require\r\n");
    let replies = delivery::hand_over(claimed, way, &head, raw, Instant::now() + delivery::DELIVER_WITHIN).await;
    let sent = replies.iter().any(Reply::is_ok);
    let (code, none) = (Row::Smarthost.code(), Reply::no_requiretls());
    let hopeless = replies.iter().all(|reply| *reply == none);
    let reached = Some(!replies.iter().all(delivery::is_out_of_reach));
    Tried { replies, hopeless, attested: sent, reached, ..Tried::ended(claimed, Reply::unproven_now(), code) }.of(code)
}

async fn straight(claimed: &Claimed, direct: &Direct, postures: &Postures, around: &dyn Around, raw: &[u8]) -> Tried {
    let envelope = &claimed.envelope;
    // DMARC passes on DKIM alone where our address is not in the domain's SPF record: unsigned mail would be refused.
    let Some(signature) = around.signed_for_direct(&claimed.school, raw) else {
        return Tried { hopeless: true, ..Tried::ended(claimed, Reply::unproven(), "no-dkim") };
    };
    let recipients: Vec<Option<Recipient>> =
        envelope.recipients.iter().map(|to| delivery::recipient(to, true)).collect();
    let Some(domain) = recipients.iter().flatten().next().map(|first| first.mailbox.domain().to_owned()) else {
        return Tried::ended(claimed, Reply::no_such_domain(), "no-such-domain");
    };
    let posture = postures.of(&domain).await;
    let code = code_of(&posture);
    let ended = |reply| Tried { finding: found(&posture, None), ..Tried::ended(claimed, reply, code) };
    match posture.forced() {
        Forced::Deliver => {}
        Forced::Defer => return ended(Reply::unproven_now()),
        Forced::Fallback => return Tried { hopeless: true, ..ended(Reply::unproven()) },
        Forced::Undeliverable => return Tried::ended(claimed, Reply::no_such_domain(), code),
    }
    let mail = MailCommand {
        sender: envelope.sender.as_deref().and_then(|typed| Mailbox::parse(typed).ok()),
        size: Some(raw.len()),
        eight_bit: envelope.eight_bit,
        smtputf8: envelope.smtputf8,
        dsn: String::new(),
        require_tls: envelope.require_tls,
    };
    // What the next host offers is not known beforehand; without NOTIFY nothing is lost but a report.
    let good: Vec<Recipient> =
        recipients.iter().flatten().map(|to| Recipient { parameters: String::new(), ..to.clone() }).collect();
    let head = format!("{}{signature}", envelope.head);
    let letter = Letter { mail: &mail, recipients: &good, head: head.as_bytes(), body: raw };
    let sent = direct.deliver(&posture, &letter).await;
    let finding = found(&posture, Some(&sent));
    let mut answers = sent.replies.into_iter();
    let replies: Vec<Reply> = recipients
        .iter()
        .map(|one| one.as_ref().and_then(|_| answers.next()).unwrap_or_else(Reply::no_such_domain))
        .collect();
    let no_requiretls = Reply::no_requiretls();
    let reason = sent.evidence.is_none().then(|| sent.misses.iter().rev().map(|miss| miss.why.code()).next()).flatten();
    let hopeless = replies.iter().all(|reply| *reply == no_requiretls);
    let code = if hopeless { Row::RequireTls.code() } else { code };
    Tried {
        hopeless,
        posture: sent.evidence.as_ref().map_or(code, |evidence| evidence.row.code()),
        reason: reason.map(str::to_owned),
        evidence: sent.evidence,
        misses: sent.misses,
        attested: false,
        reached: None,
        replies,
        finding,
        overruled: None,
    }
}

/// What the domain would want to know of its TLS (RFC 8460 4.3): sessions that were proven or not, and what is wrong
/// without one. None when there is nothing to tell, as of a server that cannot be reached.
fn found(posture: &Posture, sent: Option<&Sent>) -> Option<Finding> {
    let misses = || sent.into_iter().flat_map(|sent| &sent.misses);
    let failed = misses().filter_map(|miss| {
        let server = (miss.mx.clone(), miss.address.map(|address| address.to_string()));
        Some(Failed { result: miss.why.finding()?.to_owned(), server: Some(server) })
    });
    let mut failed: Vec<Failed> = failed.collect();
    let evidence = sent.and_then(|sent| sent.evidence.as_ref());
    if let (None, true, Some(result)) = (evidence, failed.is_empty(), posture.finding()) {
        failed.push(Failed { result: result.to_owned(), server: None });
    }
    if evidence.is_none() && failed.is_empty() {
        return None;
    }
    let server = failed.iter().find_map(|failed| failed.server.as_ref()).map(|(mx, _)| mx.as_str());
    let Published { kind, domain, strings, hosts } =
        posture.published(evidence.map(|proven| proven.mx.as_str()).or(server));
    let policy = Policy { kind: kind.to_owned(), domain, strings, hosts };
    Some(Finding { domain: posture.domain.clone(), policy, succeeded: u32::from(evidence.is_some()), failed })
}

/// The row that counts for a mail under force: that of the best host.
fn code_of(posture: &Posture) -> &'static str {
    let host = posture.hosts.iter().find(|host| host.proof.qualifies());
    match posture.row {
        Row::Nowhere(NoHost::NoDomain | NoHost::NullMx) => posture.row.code(),
        _ => host.map_or(posture.row, |host| host.row()).code(),
    }
}

impl Tried {
    fn ended(claimed: &Claimed, reply: Reply, reason: &'static str) -> Self {
        Self {
            replies: vec![reply; claimed.envelope.recipients.len()],
            hopeless: false,
            posture: reason,
            evidence: None,
            misses: Vec::new(),
            attested: false,
            reached: None,
            reason: Some(reason.to_owned()),
            finding: None,
            overruled: None,
        }
    }

    /// By a next hop: how it fared is the reply's to say.
    fn of(mut self, posture: &'static str) -> Self {
        self.posture = posture;
        self.reason = (!self.attested).then(|| "next-hop".to_owned());
        self
    }

    /// How the server was verified, in a word.
    fn verified(&self) -> Option<&'static str> {
        match &self.evidence {
            Some(evidence) => Some(match evidence.row {
                Row::Dane => "dane",
                Row::Sts => "sts",
                Row::Pkix => "pkix",
                _ => "certificate",
            }),
            None => self.attested.then_some("provider"),
        }
    }

    fn delivery(&self, claimed: &Claimed) -> NewDelivery {
        let domain = claimed.envelope.recipients.first().and_then(|to| Mailbox::parse(&to.address).ok());
        let evidence = self.evidence.as_ref();
        NewDelivery {
            recipients: self.replies.len(),
            taken: self.replies.iter().filter(|reply| reply.is_ok()).count(),
            posture: self.posture.to_owned(),
            proof: evidence.map(|proven| {
                let verified = self.verified().unwrap_or_default();
                (proven.version.to_owned(), proven.cipher.clone(), verified.to_owned())
            }),
            reason: self.reason.clone(),
            code: self.replies.iter().map(Reply::code).max(),
            facts: Facts {
                domain: domain.map(|mailbox| mailbox.domain().to_owned()).unwrap_or_default(),
                mx: evidence.map(|proven| proven.mx.clone()),
                address: evidence.map(|proven| proven.address.to_string()),
                misses: self.misses.iter().map(|miss| (miss.mx.clone(), miss.why.code().to_owned())).collect(),
            },
        }
    }
}

/// To be told when what was made of the mail is on the disk.
pub(super) type Kept = Box<dyn FnOnce() + Send>;

/// What the replies mean: who will never have it, for whom it is tried again and when, and for whom it becomes something
/// else.
struct Meant {
    failed: Vec<(To, Reply)>,
    rest: Vec<To>,
    unproven: Vec<To>,
    due: i64,
    now: i64,
}

fn meant(claimed: &Claimed, tried: &Tried) -> Meant {
    let now = store::now();
    let pause = PAUSES.get(claimed.tries as usize).or(PAUSES.last()).copied().unwrap_or(60);
    let due = now.saturating_add(millis(Duration::from_secs(60 * pause)));
    let over = due > claimed.give_up_at;
    let mut meant = Meant { failed: Vec::new(), rest: Vec::new(), unproven: Vec::new(), due, now };
    for (to, reply) in claimed.envelope.recipients.iter().zip(&tried.replies) {
        match reply {
            reply if reply.is_ok() => {}
            _ if tried.hopeless => meant.unproven.push(to.clone()),
            reply if reply.is_permanent() => meant.failed.push((to.clone(), reply.clone())),
            _ if over => meant.unproven.push(to.clone()),
            _ => meant.rest.push(to.clone()),
        }
    }
    meant
}

/// What the mail becomes for those to whom no way could be proven.
enum Instead {
    /// Nothing yet: it is tried again, also to make of it what it becomes; or all have it.
    None,
    /// A share.
    Share(Box<SharedInstead>),
    /// Kept back, and its sender chooses.
    Held(KeptBack),
    /// Nothing that helps: its sender is told that it did not arrive.
    Nothing,
}

/// As it was decided when the mail came; where that cannot be done, the next stricter.
async fn instead(
    outbox: &Outbox,
    claimed: &Claimed,
    around: &dyn Around,
    (tried, recipients): (&Tried, &[To]),
    raw: &[u8],
) -> Instead {
    let told = Unproven { outbox, claimed, recipients, reason: tried.posture, now: store::now() };
    let otherwise = claimed.envelope.forced.as_ref().map_or(Otherwise::Bounce, |forced| forced.otherwise);
    if otherwise == Otherwise::Share {
        match around.share_instead(&told, raw).await {
            Ok(Some(shared)) => return Instead::Share(Box::new(shared)),
            Ok(None) => {}
            Err(NotNow) if told.now < claimed.give_up_at.saturating_add(millis(SHARES_WITHIN)) => return Instead::None,
            Err(NotNow) => tracing::error!(owed = claimed.id, "for a day no share could be made of it"),
        }
    }
    let kept = if otherwise == Otherwise::Bounce { None } else { around.kept_back(&told) };
    kept.map_or(Instead::Nothing, Instead::Held)
}

async fn settle(
    outbox: &Outbox,
    claimed: &Claimed,
    around: &dyn Around,
    tried: Tried,
    meant: Meant,
    instead: Instead,
) -> (Settled, Option<Kept>) {
    let Meant { mut failed, rest, unproven, due, now } = meant;
    let mut settled = Settled { code: tried.replies.iter().map(Reply::code).max(), ..Settled::default() };
    let sent = claimed.envelope.recipients.iter().zip(&tried.replies).filter(|(_, reply)| reply.is_ok());
    settled.places.extend(sent.filter_map(|(to, _)| Some((to.place?, State::Sent))));
    let taken = tried.replies.iter().filter(|reply| reply.is_ok()).count();
    let counts = (taken, failed.len(), rest.len(), unproven.len());
    let places = |state: State| unproven.iter().filter_map(move |to| Some((to.place?, state))).collect::<Vec<_>>();
    let (mut became, mut told_kept) = (None, None);
    match instead {
        Instead::None => {}
        Instead::Share(shared) => {
            became = Some(Otherwise::Share);
            settled.places.extend(places(State::Shared));
            settled.share = Some(Arc::new(shared.rows));
            settled.owed.push(shared.receipt);
            told_kept = Some(shared.kept);
        }
        Instead::Held(kept) => {
            became = Some(Otherwise::Hold);
            settled.places.extend(places(State::Held));
            settled.kept = Some(KeptAgain { delete_at: kept.delete_at });
            settled.owed.extend(delivery::owes(outbox, claimed, Kind::Notice, kept.raw, &kept.readers, now).await);
        }
        Instead::Nothing => {
            became = Some(Otherwise::Bounce);
            failed.extend(unproven.into_iter().map(|to| (to, Reply::unproven())));
        }
    }
    settled.places.extend(failed.iter().filter_map(|(to, _)| Some((to.place?, State::Failed))));
    if !failed.is_empty() {
        let whom: Vec<Unreached> = failed.iter().map(|(to, reply)| Unreached::of(to, reply)).collect();
        let reason = (became == Some(Otherwise::Bounce)).then_some(tried.posture);
        settled.owed.extend(delivery::told(outbox, claimed, around, &Told { failed: &whom, reason }, now).await);
    }
    if !rest.is_empty() {
        if claimed.tries == TOLD_AFTER {
            let waits = Unproven { outbox, claimed, recipients: &rest, reason: tried.posture, now };
            if let Some((raw, readers)) = around.waits(&waits) {
                settled.owed.extend(delivery::owes(outbox, claimed, Kind::Notice, raw, &readers, now).await);
            }
        }
        settled.rest = Some((Envelope { recipients: rest, ..claimed.envelope.clone() }, due));
    }
    settled.journal = Some(line(claimed, &tried, counts, became, now));
    settled.reason.clone_from(&tried.reason);
    settled.delivery = Some(tried.delivery(claimed));
    settled.finding.clone_from(&tried.finding);
    (settled, told_kept)
}

/// What came of a try, with what was proven: never to whom or by which host, whose name may be the recipient's own. Its
/// row has those, sealed.
fn line(
    claimed: &Claimed,
    tried: &Tried,
    (sent, failed, waits, unproven): (usize, usize, usize, usize),
    became: Option<Otherwise>,
    now: i64,
) -> NewLine {
    let delivery = tried.delivery(claimed);
    let tls = serde_json::json!({
        "posture": delivery.posture,
        "version": delivery.proof.as_ref().map(|proof| &proof.0),
        "cipher": delivery.proof.as_ref().map(|proof| &proof.1),
        "verified": tried.verified(),
        "reason": delivery.reason,
        "overruled": tried.overruled.map(Row::code),
        "became": became.map(Otherwise::word),
    });
    let code = tried.replies.iter().map(Reply::code).max();
    delivery::line(claimed, code, (sent, failed, waits), Some((unproven, tls)), now)
}
