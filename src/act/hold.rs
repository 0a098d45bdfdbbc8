//! Take a mail that does not go to everybody: kept sealed for those whom it was stopped for, owed to the others, and its
//! sender's notice owed with it; shared with those who get it as a secure share. One commit, then 250, then the outbox.
//!
//! Never lets a recipient have what the verdict stopped. Fails as a 4xx: then nothing was taken, and the client keeps the
//! mail.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use jiff::SignedDuration;

use crate::act::carry::{Case, Keeping};
use crate::act::forced;
use crate::act::joined::Whole;
use crate::act::later;
use crate::act::notice::Notice;
use crate::act::{Incident, Told, share};
use crate::decide::{Ask, Decision, Line, Offer, Route, Verdict};
use crate::message::{Mailbox, Recipient};
use crate::school::Language;
use crate::seal::Index;
use crate::share::ShareError;
use crate::smtp::Reply;
use crate::smtp::command::MailCommand;
use crate::store::held::{Facts, Joins, NewHeld, NewRecipient, Once, State, Taken, Took};
use crate::store::notes::NewNote;
use crate::store::now;
use crate::store::owed::{Envelope, Kind, NewOwed, To};
use crate::vault::{Item, LinkSecret};

/// Data of so many pupils is a list: sharing one takes a purpose (AVG art. 5 (1) b and c).
const MANY: usize = 10;

/// What was composed for the sender of a mail.
pub(super) struct Composed {
    /// The notice; none as long as nothing was stopped.
    pub notice: Option<Notice>,
    /// Who gets it, or would.
    pub readers: Vec<Mailbox>,
    /// What it tells.
    pub incident: Incident,
    /// The secret of its link.
    pub link: LinkSecret,
    /// Whether its readers had so many just now that it is told together with others.
    pub goes_together: bool,
    /// What its recipients get in its place.
    pub letters: Vec<Notice>,
    /// The mail of which this is another part, and what is told of this part alone.
    pub joins: Option<(Whole, Incident)>,
}

impl Composed {
    /// Nothing is told yet.
    pub fn new(readers: Vec<Mailbox>, incident: Incident, link: LinkSecret) -> Self {
        Self { notice: None, readers, incident, link, goes_together: false, letters: Vec::new(), joins: None }
    }
}

/// Tells in the incident who of these recipients got the mail, how long it is kept, and where its sender may choose.
pub(super) fn kept(
    incident: &mut Incident,
    case: &Case<'_>,
    (recipients, verdict): (&[Recipient], &Verdict),
    keeping: &Keeping<'_>,
    link: &LinkSecret,
) {
    let decided = recipients.iter().zip(&verdict.decisions);
    incident.reached = decided
        .filter(|(_, decision)| !decision.route.is_stopped())
        .map(|(recipient, decision)| Told::of(&recipient.mailbox, decision))
        .collect();
    incident.leave_out_those_reached(verdict);
    // What the desk will offer, for any of them: what one line forbids, another does not bring back.
    let stopped = verdict.decisions.iter().filter(|decision| decision.route.is_stopped());
    let offered = stopped.flat_map(|decision| offers(case, decision, incident)).collect();
    incident.offers = offered;
    let keep = SignedDuration::try_from(keeping.keep).unwrap_or(SignedDuration::MAX);
    incident.kept_until = case.arrived.checked_add(keep).ok().filter(|_| !keeping.keep.is_zero()).map(|at| at.date());
    let desk = keeping.desk.filter(|_| incident.kept_until.is_some());
    incident.link = desk.map(|desk| format!("{desk}/m/{}", link.written()));
}

/// Takes it; the reply is the client's. With a notice when it was stopped for some, else all of its recipients get it in
/// one way or another.
pub(super) async fn hold(
    case: &Case<'_>,
    keeping: &Keeping<'_>,
    command: &MailCommand,
    composed: Option<Composed>,
) -> (Reply, Option<Notified>) {
    match take(case, keeping, command, composed).await {
        Ok((took @ (Took::New | Took::Joined { .. }), notice)) => {
            if let Some(journal) = &case.journal {
                journal.kept();
            }
            // With the one before delivered, this one's notice never was.
            let notice = notice.filter(|_| took != Took::Joined { notice: false });
            (Reply::taken(case.id), Some(Notified(notice)))
        }
        // The client missed our reply; its mail was taken then.
        Ok((Took::Again(id), _)) => (Reply::taken(&id), None),
        Err(error) => {
            tracing::error!(id = case.id, %error, "the mail could not be taken; its client will try again");
            // It looks from now on whether mail can be kept again.
            keeping.outbox.wake();
            (if error.is_full() { Reply::store_full() } else { Reply::store_failed() }, None)
        }
    }
}

/// A mail was taken; with the item of its notice, when that is owed.
pub(super) struct Notified(pub Option<String>);

async fn take(
    case: &Case<'_>,
    keeping: &Keeping<'_>,
    command: &MailCommand,
    composed: Option<Composed>,
) -> Result<(Took, Option<String>), ShareError> {
    let (outbox, now) = (keeping.outbox, now());
    let joins = composed.as_ref().and_then(|composed| composed.joins.as_ref());
    let envelope = envelope(case, command, joins.map_or(0, |(whole, _)| whole.before));
    let mut passing = places(case, |route| route == Route::Pass);
    let (mut once, mut before) = (Vec::new(), None);
    if composed.is_none() {
        // Held mail is known again by its row; of this one those who have it are known.
        once = once_each(case, keeping, &passing);
        let taken = outbox.taken_before(&once).await?;
        let is_new = |at: usize| taken.get(at).is_none_or(Option::is_none);
        let new: Vec<usize> = (0..passing.len()).filter(|at| is_new(*at)).collect();
        (passing, once) = new.iter().filter_map(|at| Some((*passing.get(*at)?, *once.get(*at)?))).unzip();
        before = taken.into_iter().flatten().next();
    }
    // Before anything is put on the disk: what fails most is this, and it takes away what it has put there.
    let shared = share::of_case(case, outbox, &places(case, |route| route == Route::Share)).await?;
    if shared.is_again() && composed.is_none() && passing.is_empty() {
        return Ok((Took::Again(before.unwrap_or_else(|| case.id.to_owned())), None));
    }
    let (mut items, mut owed) = (Vec::new(), Vec::new());
    let (mut notes, mut told) = (Vec::new(), None);
    if let Some(composed) = composed.as_ref().filter(|composed| composed.goes_together) {
        notes.extend(told_later(composed, now));
    } else if let Some((notice, composed)) = composed.as_ref().and_then(|one| Some((one.notice.as_ref()?, one))) {
        let item = outbox.vault().put(Arc::new(notice.raw.clone())).await?;
        let mut new = outbox.message(Kind::Notice, &item, &notice.readers, now);
        if awaits_more(case, composed) {
            new.due_at = now.saturating_add(GATHER);
        }
        told = Some(item.id.clone());
        owed.push(new);
        items.push(item);
    }
    for letter in composed.iter().flat_map(|composed| &composed.letters) {
        let item = outbox.vault().put(Arc::new(letter.raw.clone())).await?;
        let mut new = outbox.message(Kind::Released, &item, &letter.readers, now);
        new.envelope.sender.clone_from(&envelope.sender);
        owed.push(new);
        items.push(item);
    }
    let mut mail: Option<Item> = None;
    let forced = case.verdict.decisions.iter().any(|decision| decision.route == Route::Tls);
    if composed.is_some() && !keeping.keep.is_zero() || !passing.is_empty() || forced {
        let item = outbox.vault().put(Arc::new(case.body().into_owned())).await?;
        items.push(item.clone());
        mail = Some(item);
    }
    if let Some(item) = mail.as_ref().filter(|_| !passing.is_empty()) {
        let recipients = passing.iter().filter_map(|place| envelope.recipients.get(*place).cloned()).collect();
        owed.push(NewOwed {
            kind: Kind::Rest,
            item: item.id.clone(),
            envelope: Envelope { recipients, ..envelope.clone() },
            due_at: now,
            give_up_at: outbox.gives_up_at(now),
        });
    }
    if let (Some(item), Some(composed)) = (&mail, &composed) {
        owed.extend(forced::owed(case, keeping, composed, &item.id, &envelope, now));
    }
    let (rows, receipt, kept) = shared.into_parts();
    if let Some((item, receipt)) = receipt {
        items.push(item);
        owed.push(receipt);
    }
    let held = composed.map(|composed| held(case, keeping, envelope, &composed, mail.map(|item| item.id), now));
    let journal = case.journal.as_ref().map(|journal| journal.line.clone());
    let once = Once { keys: once, mail: case.id.to_owned() };
    let taken = Taken { school: case.school.id.clone(), items, held, owed, share: rows, notes, once, journal };
    let took = outbox.take(taken).await?;
    if let Some(kept) = kept.filter(|_| !matches!(took, Took::Again(_))) {
        kept.done();
    }
    Ok((took, told))
}

/// What its readers are told later, together with other mail.
fn told_later(composed: &Composed, now: i64) -> impl Iterator<Item = NewNote> {
    let incident = composed.joins.as_ref().map_or(&composed.incident, |(_, part)| part);
    composed.readers.iter().map(move |reader| later::stopped(incident, &later::About::Yours, reader, now))
}

/// The notice of a mail of which other parts are to come waits for them this long, milliseconds: servers send them within
/// seconds, and its sender gets one notice that names everybody.
const GATHER: i64 = 10_000;

/// Whether To and Cc name somebody outside the school whose part has not come. Those inside never reach us.
fn awaits_more(case: &Case<'_>, composed: &Composed) -> bool {
    let envelope = composed.joins.as_ref().map_or(&case.mail.envelope, |(whole, _)| &whole.envelope);
    let here: HashSet<String> = envelope.recipients.iter().map(|to| to.mailbox.folded()).collect();
    let mut named = case.headers.to_cc.iter().filter(|mailbox| !case.school.owns(mailbox.domain()));
    named.any(|mailbox| !here.contains(&mailbox.folded()))
}

/// `before` recipients are in the parts that this one joins.
fn envelope(case: &Case<'_>, command: &MailCommand, before: usize) -> Envelope {
    let to = |(place, recipient): (usize, &crate::message::Recipient)| To {
        address: recipient.mailbox.typed().to_owned(),
        parameters: recipient.parameters.clone(),
        place: Some(before.saturating_add(place)),
    };
    Envelope {
        sender: case.mail.envelope.sender.as_ref().map(|sender| sender.typed().to_owned()),
        eight_bit: command.eight_bit,
        smtputf8: command.smtputf8,
        dsn: command.dsn.clone(),
        recipients: case.mail.envelope.recipients.iter().enumerate().map(to).collect(),
        // The mark is the next hop's by which it goes, which is known when it goes.
        head: case.received.clone(),
        require_tls: command.require_tls,
        forced: None,
    }
}

fn places(case: &Case<'_>, wanted: fn(Route) -> bool) -> Vec<usize> {
    let decisions = case.verdict.decisions.iter().enumerate();
    decisions.filter(|(_, decision)| wanted(decision.route)).map(|(place, _)| place).collect()
}

fn held(
    case: &Case<'_>,
    keeping: &Keeping<'_>,
    envelope: Envelope,
    composed: &Composed,
    item: Option<String>,
    now: i64,
) -> NewHeld {
    let keep = i64::try_from(keeping.keep.as_millis()).unwrap_or(i64::MAX);
    let (incident, part) = marks(case, keeping);
    let index = |label: &str, value: &str| keeping.outbox.store().index(label, &[value.as_bytes()]);
    let sender = case.mail.envelope.sender.as_ref().map(|sender| sender.folded()).unwrap_or_default();
    let recipients = case.mail.envelope.recipients.iter().zip(&case.verdict.decisions);
    let recipients = recipients.map(|(recipient, decision)| NewRecipient {
        address: index("address", &recipient.mailbox.folded()),
        class: decision.class.to_string(),
        line: decision.line.to_string(),
        state: state(decision, keeping),
    });
    let joins = composed.joins.as_ref();
    NewHeld {
        id: joins.map_or_else(|| case.id.to_owned(), |(whole, _)| whole.held.clone()),
        incident,
        part,
        sender: index("address", &sender),
        link: keeping.outbox.store().index("link", &[composed.link.octets()]),
        delete_at: now.saturating_add(keep),
        item,
        size: case.mail.raw.len(),
        facts: facts(case, envelope, composed),
        recipients: recipients.collect(),
        joins: joins.map(|(whole, _)| Joins {
            before: whole.before,
            notice: whole.notice.clone(),
            late: told_later(composed, now).collect(),
        }),
    }
}

fn state(decision: &Decision, keeping: &Keeping<'_>) -> State {
    match decision.route {
        Route::Pass | Route::Tls => State::Owed,
        Route::Share => State::Shared,
        _ if keeping.keep.is_zero() => State::Deleted,
        _ => State::Held,
    }
}

fn facts(case: &Case<'_>, envelope: Envelope, composed: &Composed) -> Facts {
    let told = |language: Language| case.notices.told(&composed.incident, case.school, language);
    let [nl, en] = Language::ALL.map(told);
    let words = |decision| {
        offers(case, decision, &composed.incident).into_iter().map(|offer| offer.word().to_owned()).collect()
    };
    let before = composed.joins.as_ref().map_or(0, |(whole, _)| whole.before);
    let decisions = || case.verdict.decisions.iter().zip(before..).map(|(decision, place)| (place, decision));
    Facts {
        envelope,
        readers: composed.readers.iter().map(|reader| reader.typed().to_owned()).collect(),
        subject: composed.incident.subject.clone(),
        sent: [nl.sent, en.sent],
        found: [nl.found, en.found],
        why: [nl.why, en.why],
        offers: case.verdict.decisions.iter().map(words).collect(),
        discreet: decisions().filter(|(_, decision)| decision.discreet).map(|(place, _)| place).collect(),
        asks_purpose: decisions()
            .filter(|(_, decision)| asks_purpose(case, decision))
            .map(|(place, _)| place)
            .collect(),
    }
}

/// Whether its sender is asked what for before it is shared with a recipient: a line says so, or is about so many pupils.
fn asks_purpose(case: &Case<'_>, decision: &Decision) -> bool {
    let asks = |line: &Line| line.ask == Ask::ShareWithPurpose || line.when.pupils_min >= MANY;
    let lines = std::iter::once(&decision.line).chain(&decision.next);
    decision.route.is_stopped() && lines.filter_map(|id| case.policy.line(id)).any(asks)
}

/// What its sender may choose for a recipient; nothing for one who gets the mail. Of a mail under force nobody may choose
/// that it goes without.
fn offers(case: &Case<'_>, decision: &Decision, incident: &Incident) -> BTreeSet<Offer> {
    let mut offers = match decision.route {
        Route::Pass | Route::Share => BTreeSet::new(),
        Route::Tls => {
            let mut offers = case.policy.offers(decision);
            offers.retain(|offer| !matches!(offer, Offer::Reason | Offer::SecondPerson | Offer::Bcc));
            offers
        }
        Route::Defer | Route::Block => case.policy.offers(decision),
    };
    if case.shares.is_none() {
        offers.remove(&Offer::Share);
    }
    // Where nothing stands in a column, there is none to take out.
    if incident.found.iter().all(|found| found.columns.is_empty()) {
        offers.remove(&Offer::RemoveColumns);
    }
    offers
}

/// A hash for each of these recipients, of incident, content and address: a client that missed our reply sends the same
/// again, and nobody gets it twice.
fn once_each(case: &Case<'_>, keeping: &Keeping<'_>, places: &[usize]) -> Vec<Index> {
    if places.is_empty() {
        return Vec::new();
    }
    let store = keeping.outbox.store();
    let content = store.index("content", &[&incident(case, keeping), &case.mail.raw]);
    let recipients = places.iter().filter_map(|place| case.mail.envelope.recipients.get(*place));
    recipients.map(|to| store.index("once", &[&content, to.mailbox.folded().as_bytes()])).collect()
}

/// The hashes of the incident (school, sender and Message-ID: providers split one mail over several transactions) and of
/// this part of it (its recipients and content: a second mail under the same Message-ID is another mail).
fn marks(case: &Case<'_>, keeping: &Keeping<'_>) -> (Index, Index) {
    let (envelope, store) = (&case.mail.envelope, keeping.outbox.store());
    let incident = incident(case, keeping);
    let mut folded: Vec<String> = envelope.recipients.iter().map(|recipient| recipient.mailbox.folded()).collect();
    folded.sort_unstable();
    let mut values: Vec<&[u8]> = vec![&incident, &case.mail.raw];
    values.extend(folded.iter().map(|one| one.as_bytes()));
    (incident, store.index("part", &values))
}

fn incident(case: &Case<'_>, keeping: &Keeping<'_>) -> Index {
    let sender = case.mail.envelope.sender.as_ref().map(|sender| sender.folded()).unwrap_or_default();
    let id = case.headers.message_id.as_deref().map_or(case.mail.raw.as_slice(), str::as_bytes);
    keeping.outbox.store().index("incident", &[case.school.id.as_bytes(), sender.as_bytes(), id])
}
