//! The list of a week: what of a sender's mail still waits for his choice, and of what the first version still lies in his
//! Sent folder, where nobody else can take it away. One mail on the first school day of the week after, to whoever had
//! something; and its link, which leads to his own pages.
//!
//! Says of a mail what its notice said, and no more: when it was sent, its subject where that may be told, its number. A
//! reader without anything gets nothing. Fails as a list that is tried again at the next call.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::Form;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, StatusCode};

use super::door::{self, Entrance};
use super::letters::{self, Letter};
use super::pages::WeekPage;
use super::visit::Visit;
use super::{Answer, Desk, Fault};
use crate::message::Mailbox;
use crate::school::{Language, School};
use crate::seal::Index;
use crate::store::held::{Held, State};
use crate::store::share::ShareRow;
use crate::store::week::NewList;
use crate::store::{Store, StoreError};
use crate::vault::LinkSecret;
use crate::web::forms::{Fields, see};
use crate::web::said;

/// The end of the newest week of which everybody was told, so that it is not looked through every minute. After a start it
/// is once: the tables say who had a list.
#[derive(Debug, Default)]
pub(super) struct Told(AtomicI64);

/// Mails of one sender that are looked through.
const MOST: usize = 200;
/// Mails in each half of a list; nobody reads on.
const MOST_SHOWN: usize = 30;

/// Tells everybody who has something of the week that is over, when that is due.
pub(super) async fn tell(desk: &Desk, now: i64) -> Result<(), StoreError> {
    let Some((from, until)) = desk.0.gate.calendar().week_to_tell(now).filter(|_| desk.0.gate.tells_weekly()) else {
        return Ok(());
    };
    if desk.0.weeks.0.load(Ordering::Relaxed) >= until {
        return Ok(());
    }
    let mut all_told = true;
    for (school, address) in desk.0.store.without_list(from, until).await? {
        let Some(school) = desk.0.gate.school(&school) else { continue };
        // One row that does not open keeps the list from its sender, and from nobody else.
        match composed(desk, &school, address, (from, until), now).await {
            Ok(None) => {}
            Ok(Some((list, letter))) => {
                let owed = letters::owe(desk, &school, letter, std::slice::from_ref(&list.reader)).await;
                // Its cause is in the log.
                let Ok((item, mail)) = owed else {
                    all_told = false;
                    continue;
                };
                desk.0.store.tell_week(list, item, mail, now).await?;
                (desk.0.wake)();
            }
            Err(error) => tracing::error!(school = school.id, %error, "a sender cannot be told what the week left"),
        }
    }
    if all_told {
        desk.0.weeks.0.store(until, Ordering::Relaxed);
    }
    Ok(())
}

/// None when there is nothing to tell, or nobody of ours to tell it to (backscatter, RFC 3834 2).
async fn composed(
    desk: &Desk,
    school: &School,
    address: Index,
    (from, until): (i64, i64),
    now: i64,
) -> Result<Option<(NewList, Letter)>, StoreError> {
    let store = &desk.0.store;
    let held = store.held_of(&school.id, address, MOST).await?;
    let (waiting, decided): (Vec<_>, Vec<_>) =
        held.into_iter().filter(|held| held.taken_at < until).partition(|held| waits(held, now));
    let decided: Vec<Held> = decided.into_iter().filter(|held| held.taken_at >= from).collect();
    let mut shared = store.shares_of(&school.id, address, MOST).await?;
    // What was shared from the desk is in the other half, with what became of the rest of it.
    let is_held = |share: &ShareRow| waiting.iter().chain(&decided).any(|held| held.id == share.mail);
    shared.retain(|share| (from..until).contains(&share.made_at) && !is_held(share));
    if waiting.is_empty() && decided.is_empty() && shared.is_empty() {
        return Ok(None);
    }
    let Some(reader) = reader(store, school, address, waiting.iter().chain(&decided), &shared) else {
        return Ok(None);
    };
    let Some(secret) = LinkSecret::new() else { return Ok(None) };
    let letter = letter(desk, school, &secret, (&waiting, &decided, &shared));
    let list = NewList { school: school.id.clone(), reader, week: until, link: store.link(secret.octets()) };
    Ok(Some((list, letter)))
}

/// Whether its sender may still choose.
fn waits(held: &Held, now: i64) -> bool {
    held.item.is_some() && held.delete_at > now && held.recipients.iter().any(|recipient| recipient.state.is_open())
}

/// Whose address has this hash, as typed in a notice or a receipt.
fn reader<'h>(
    store: &Store,
    school: &School,
    address: Index,
    held: impl Iterator<Item = &'h Held>,
    shared: &'h [ShareRow],
) -> Option<String> {
    let of_held = held.flat_map(|held| &held.facts.readers);
    let mut readers = of_held.chain(shared.iter().map(|share| &share.facts.sender));
    let reader = readers.find(|reader| store.sender(&said::folded(reader)) == address)?;
    let is_ours = Mailbox::parse(reader).is_ok_and(|mailbox| school.owns(mailbox.domain()));
    is_ours.then(|| reader.clone())
}

/// The words of a list, in the schools' language.
fn letter(
    desk: &Desk,
    school: &School,
    secret: &LinkSecret,
    (waiting, decided, shared): (&[Held], &[Held], &[ShareRow]),
) -> Letter {
    let (texts, language, zone) = (desk.0.gate.texts(), desk.0.gate.language(), desk.0.gate.time_zone());
    let words = |key: &str, values: &[(&str, &str)]| texts.fill(language, key, values);
    let open: Vec<String> = waiting
        .iter()
        .map(|held| {
            let until = said::day(held.delete_at, &zone, language);
            words("week_waits", &[("mail", &title(desk, held, language)), ("day", &until), ("number", &held.id)])
        })
        .collect();
    let of_held = decided.iter().map(|held| {
        let became = words(&format!("week_state_{}", became(held)), &[]);
        words("week_became", &[("mail", &title(desk, held, language)), ("became", &became), ("number", &held.id)])
    });
    let of_shared = shared.iter().map(|share| {
        let sent = said::moment(share.made_at, &zone, language);
        words("week_shared", &[("sent", &sent), ("reference", &share.facts.reference)])
    });
    let sent: Vec<String> = of_held.chain(of_shared).collect();
    let points = |mails: &[String]| {
        let mut points: Vec<String> = mails.iter().take(MOST_SHOWN).map(|mail| format!("- {mail}")).collect();
        if let Some(more) = mails.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            points.push(format!("- {}", words("week_more", &[("number", &more.to_string())])));
        }
        points.join("\n")
    };
    let mut text = Vec::new();
    if !open.is_empty() {
        text.push(words("week_open", &[("mails", &points(&open))]));
    }
    if !sent.is_empty() {
        text.push(words("week_sent", &[("mails", &points(&sent))]));
    }
    let link = desk.0.url.page(&format!("/w/{}", secret.written()));
    text.push(words("week_link", &[("link", &link)]));
    text.push(words("week_end", &[("helpdesk", &said::contact(&school.helpdesk))]));
    Letter { language, subject: words("letter_week_subject", &[]), text: text.join("\n\n") }
}

/// What became of a mail, in a word for all of its recipients.
fn became(held: &Held) -> &'static str {
    let states: Vec<State> = held.recipients.iter().map(|one| one.state).collect();
    match states.split_first() {
        Some((first, others)) if others.iter().all(|other| other == first) => first.word(),
        _ if states.iter().any(|state| matches!(state, State::Sent | State::Owed | State::Shared)) => "some",
        _ => State::Held.word(),
    }
}

/// A mail as its notice named it.
fn title(desk: &Desk, held: &Held, language: Language) -> String {
    let texts = desk.0.gate.texts();
    let [nl, en] = &held.facts.sent;
    let sent = language.of(nl, en).as_str();
    match &held.facts.subject {
        Some(subject) => texts.fill(language, "week_mail", &[("subject", subject), ("sent", sent)]),
        None => texts.fill(language, "week_mail_untold", &[("sent", sent)]),
    }
}

/// `GET /w/SECRET`: the link in a list; on to the reader's own pages, or to the code.
pub(super) async fn show(
    extract::State(desk): extract::State<Desk>,
    visit: Visit,
    Path(secret): Path<String>,
) -> Answer {
    let entrance = find(&desk, &secret).await?;
    if entrance.is_open_to(&visit) {
        return Ok(see(&entrance.beyond));
    }
    let page = visit.page(&desk).of(&entrance.school);
    let reader = entrance.readers.first().map(|reader| said::masked(reader)).unwrap_or_default();
    Ok(visit.show(&WeekPage { action: format!("{}/code", entrance.path), reader, page }))
}

/// `GET /w/SECRET/code`: where the code is typed.
pub(super) async fn code(
    extract::State(desk): extract::State<Desk>,
    visit: Visit,
    Path(secret): Path<String>,
) -> Answer {
    let entrance = find(&desk, &secret).await?;
    Ok(door::code_page(&desk, &visit, &entrance, None))
}

/// `POST /w/SECRET/code`: sends a code to the reader's mailbox.
pub(super) async fn send(
    extract::State(desk): extract::State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(secret): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let entrance = find(&desk, &secret).await?;
    match door::send_code(&desk, &visit, &entrance, &fields).await? {
        Some(sent) => Ok(sent),
        None => {
            let error = visit.page(&desk).t("code_too_many").to_owned();
            let mut response = door::code_page(&desk, &visit, &entrance, Some(error));
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            Ok(response)
        }
    }
}

/// `POST /w/SECRET/sign-in`: takes a code.
pub(super) async fn sign_in(
    extract::State(desk): extract::State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(secret): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    door::sign_in(&desk, &visit, &find(&desk, &secret).await?, &fields).await
}

/// Where a link leads: to my blocked mail, or to my shares where that is all there is. A malformed one is looked up like an
/// unknown one.
async fn find(desk: &Desk, secret: &str) -> Result<Entrance, Fault> {
    let store = &desk.0.store;
    let read = LinkSecret::read(secret);
    let link = store.link(read.as_ref().map_or(&[0; 32], |secret| secret.octets()));
    let (school, reader) = store.list_of(link, desk.now()).await?.ok_or(Fault::MISSING)?;
    let school = desk.0.gate.school(&school).ok_or(Fault::MISSING)?;
    let held = store.held_of(&school.id, store.sender(&said::folded(&reader)), 1).await?;
    let beyond = if held.is_empty() { "/shares" } else { "/mail" }.to_owned();
    Ok(Entrance { link, path: format!("/w/{}", secret.to_ascii_lowercase()), readers: vec![reader], beyond, school })
}
