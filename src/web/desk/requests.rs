//! What somebody else is asked: to agree that a mail is sent, or to help.
//!
//! The mail that asks has a link of its own; it shows kinds and places, and the asker's words after a code to the asked
//! mailbox. Never asks the FG, who looks afterwards (AVG art. 38), nor the asker. The words around a finding are for
//! the sender alone.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::choices::{self, act_of, back};
use super::door::{self, Door};
use super::letters;
use super::mails;
use super::pages::{Page, RequestPage, Said};
use super::visit::Visit;
use super::{Answer, Desk, Fault};
use crate::school::{Contact, Language, School};
use crate::store::StoreError;
use crate::store::desk::{Asked, Request, RequestFacts, RequestKind};
use crate::store::held::{self, Held, State as Becomes};
use crate::vault::LinkSecret;
use crate::web::forms::{Fields, field};
use crate::web::said;

/// The longest answer, in characters.
const LONGEST: usize = 2000;

/// Who may agree: the director and the privacy contact, when they have a mailbox that is neither the asker's nor the
/// FG's.
pub(super) fn second_persons(desk: &Desk, held: &Held) -> Vec<Contact> {
    let Some(school) = desk.0.gate.school(&held.school) else { return Vec::new() };
    let fg = school.fg.as_ref().and_then(|fg| fg.mail.clone());
    let barred: Vec<String> = held.facts.readers.iter().chain(&fg).map(|address| said::folded(address)).collect();
    let mut persons: Vec<Contact> = Vec::new();
    for person in school.director.iter().chain([&school.privacy]) {
        let Some(mail) = person.mail.as_deref().map(said::folded) else { continue };
        let known = persons.iter().any(|one| one.mail.as_deref().map(said::folded).as_ref() == Some(&mail));
        if !barred.contains(&mail) && !known {
            persons.push(person.clone());
        }
    }
    persons
}

/// Asks a second person.
pub(super) async fn ask_second(
    desk: &Desk,
    visit: &Visit,
    held: &Held,
    school: &School,
    places: &[usize],
    words: &str,
    person: usize,
) -> Answer {
    let persons = second_persons(desk, held);
    let person = persons.get(person).ok_or(Fault(StatusCode::BAD_REQUEST))?;
    let asked = vec![(person.name.clone(), person.mail.clone().unwrap_or_default())];
    let facts = facts(visit, asked, words, places)?;
    let (request, secret) = new_request(desk, held, RequestKind::Release, facts, None)?;
    let letter = letters::letter(
        desk,
        desk.0.gate.language(),
        "ask",
        &[
            ("who", &request.facts.asker),
            ("name", &person.name),
            ("number", &held.id),
            ("found", &found(held, desk.0.gate.language())),
            ("link", &desk.0.url.page(&format!("/r/{}", secret.written()))),
        ],
    );
    let (item, owed) = letters::owe(desk, school, letter, &addresses(&request)).await?;
    let act = act_of(visit, "asked", words, places)?;
    let asked = Some(Asked::New(Box::new(request)));
    let choice = held::Choice { act, to: Becomes::Asked, items: vec![item], owed: vec![owed], asked };
    let changed = desk.0.store.choose(held, choice, desk.now()).await?;
    (desk.0.wake)();
    Ok(back(held, if changed.is_empty() { "late" } else { "asked" }))
}

/// Asks the privacy contact, and the deputy, for help.
pub(super) async fn ask_help(desk: &Desk, visit: &Visit, held: &Held, school: &School, words: &str) -> Answer {
    let contacts = [Some(&school.privacy), school.deputy.as_ref()].into_iter().flatten();
    let asked: Vec<(String, String)> =
        contacts.filter_map(|contact| Some((contact.name.clone(), contact.mail.clone()?))).collect();
    let act = act_of(visit, "help", words, &[])?;
    if asked.is_empty() {
        // They have a telephone only, which the page has named.
        desk.0.store.did(held, &act, None, desk.now()).await?;
        return Ok(back(held, "told"));
    }
    let tell_at = desk.0.gate.calendar().school_days_after(desk.now(), 2);
    let facts = facts(visit, asked, words, &[])?;
    let (request, secret) = new_request(desk, held, RequestKind::Help, facts, Some(tell_at))?;
    let letter = letters::letter(
        desk,
        desk.0.gate.language(),
        "help",
        &[
            ("who", &request.facts.asker),
            ("question", words),
            ("number", &held.id),
            ("found", &found(held, desk.0.gate.language())),
            ("link", &desk.0.url.page(&format!("/r/{}", secret.written()))),
        ],
    );
    let owed = letters::owe(desk, school, letter, &addresses(&request)).await?;
    desk.0.store.did_about(held, &act, Some(owed), Some(Asked::New(Box::new(request))), desk.now()).await?;
    (desk.0.wake)();
    Ok(back(held, "helped"))
}

/// What is asked and by whom, as a title.
pub(super) fn title(page: &Page, request: &Request, asker: &str) -> String {
    let key = match request.kind {
        RequestKind::Release => "ask_title",
        RequestKind::Help => "asked_help_title",
    };
    page.with(key, "who", asker)
}

/// What is asked, in a sentence or two.
pub(super) fn intro(page: &Page, request: &Request, asker: &str) -> String {
    let key = match request.kind {
        RequestKind::Release => "ask_intro",
        RequestKind::Help => "asked_help_intro",
    };
    page.with(key, "who", asker)
}

/// The page for who is asked, after the proof.
pub(super) fn show(desk: &Desk, visit: &Visit, door: &Door, error: Option<&str>) -> Answer {
    let request = door.request.as_ref().ok_or(Fault::MISSING)?;
    let page = visit.page(desk).of(&door.entrance.school);
    if !is_waiting(request, &door.held) {
        let (title, text) = (page.t("answered_title").to_owned(), page.t("answered_text").to_owned());
        return Ok(visit.show(&Said::new(page, title, vec![text])));
    }
    let buttons = match request.kind {
        RequestKind::Release => vec![("agree", "ask_agree"), ("refuse", "ask_refuse")],
        RequestKind::Help => vec![("reply", "asked_help_button")],
    };
    let (words, label, hint) = match request.kind {
        RequestKind::Release => ("ask_reason", "ask_remark", "ask_remark_hint"),
        RequestKind::Help => ("asked_help_question", "asked_help_answer", "asked_help_answer_hint"),
    };
    Ok(visit.show(&RequestPage {
        title: title(&page, request, &request.facts.asker),
        intro: intro(&page, request, &request.facts.asker),
        told: mails::told(desk, &page, &door.held),
        words_heading: page.t(words).to_owned(),
        words: request.facts.words.clone(),
        action: format!("{}/answer", door.entrance.path),
        area: (page.t(label).to_owned(), page.t(hint).to_owned()),
        buttons: buttons.into_iter().map(|(value, key)| (value, page.t(key).to_owned())).collect(),
        error: error.map(|key| page.t(key).to_owned()),
        page,
    }))
}

/// `POST /r/SECRET/answer`.
pub(super) async fn answer(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(secret): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let door = door::find(&desk, true, &secret).await?;
    visit.signed_in()?;
    let request = door.request.clone().filter(|_| door.entrance.is_open_to(&visit)).ok_or(Fault::MISSING)?;
    let words = field(&fields, "words").unwrap_or_default().replace("\r\n", "\n").trim().to_owned();
    let said = field(&fields, "answer").unwrap_or_default();
    let needs_words = request.kind == RequestKind::Help;
    let wrong = match words.chars().count() {
        0 if needs_words => Some("form_no_words"),
        count if count > LONGEST => Some("form_long_words"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        let mut response = show(&desk, &visit, &door, Some(wrong))?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let done = match (request.kind, said) {
        _ if !is_waiting(&request, &door.held) => None,
        (RequestKind::Help, "reply") => reply(&desk, &visit, &door, &request, &words).await?,
        (RequestKind::Release, "agree") => decide(&desk, &visit, &door, &request, &words, true).await?,
        (RequestKind::Release, "refuse") => decide(&desk, &visit, &door, &request, &words, false).await?,
        _ => return Err(Fault(StatusCode::BAD_REQUEST)),
    };
    let page = visit.page(&desk).of(&door.entrance.school);
    let (title, text) = match done {
        Some((title, text)) => (title, text),
        None => ("answered_title", "answered_text"),
    };
    let (title, text) = (page.t(title).to_owned(), page.t(text).to_owned());
    Ok(visit.show(&Said::new(page, title, vec![text])))
}

/// Tells everybody who asked for help two working days ago, and had no answer.
pub(super) async fn tell_unanswered(desk: &Desk, now: i64) -> Result<(), StoreError> {
    for request in desk.0.store.unanswered(now).await? {
        let Some(school) = desk.0.gate.school(&request.school) else { continue };
        let names: Vec<String> = [Some(&school.privacy), school.deputy.as_ref(), Some(&school.helpdesk)]
            .into_iter()
            .flatten()
            .map(said::contact)
            .collect();
        let language = language_of(&request);
        let values = [("number", request.held.as_str()), ("people", &names.join("\n"))];
        let letter = letters::letter(desk, language, "unanswered", &values);
        let Ok((item, mail)) = letters::owe(desk, &school, letter, std::slice::from_ref(&request.facts.asker)).await
        else {
            continue;
        };
        desk.0.store.tell_unanswered(&request, item, mail, now).await?;
        (desk.0.wake)();
    }
    Ok(())
}

/// The title and the text of a page.
type Done = Option<(&'static str, &'static str)>;

/// Agrees or refuses; the sender hears of it in the same commit. None when somebody was first.
async fn decide(
    desk: &Desk,
    visit: &Visit,
    door: &Door,
    request: &Request,
    words: &str,
    agrees: bool,
) -> Result<Done, Fault> {
    let held = &door.held;
    let places: Vec<usize> = waiting(request, held);
    let (what, to) = if agrees { ("agreed", Becomes::Owed) } else { ("refused", Becomes::Held) };
    let act = act_of(visit, what, words, &places)?;
    let language = language_of(request);
    let values = [("who", act.who.as_str()), ("number", &held.id), ("remark", words)];
    let letter = letters::letter(desk, language, what, &values);
    let asker = std::slice::from_ref(&request.facts.asker);
    let (item, told) = letters::owe(desk, &door.entrance.school, letter, asker).await?;
    let mut owed = vec![told];
    if agrees {
        let Some(item) = held.item.clone() else { return Ok(None) };
        owed.push(choices::released(desk, held, item, &places));
    }
    let choice = held::Choice { act, to, items: vec![item], owed, asked: Some(Asked::Answered(request.link)) };
    let changed = desk.0.store.choose(held, choice, desk.now()).await?;
    (desk.0.wake)();
    if changed.is_empty() {
        return Ok(None);
    }
    Ok(Some(if agrees { ("agreed_title", "agreed_text") } else { ("refused_title", "refused_text") }))
}

/// Answers a call for help. None when somebody was first.
async fn reply(desk: &Desk, visit: &Visit, door: &Door, request: &Request, words: &str) -> Result<Done, Fault> {
    let act = act_of(visit, "answered", words, &[])?;
    let values = [("who", act.who.as_str()), ("number", &door.held.id), ("answer", words)];
    let letter = letters::letter(desk, language_of(request), "answer", &values);
    let asker = std::slice::from_ref(&request.facts.asker);
    let owed = letters::owe(desk, &door.entrance.school, letter, asker).await?;
    let answered = Some(Asked::Answered(request.link));
    let done = desk.0.store.did_about(&door.held, &act, Some(owed), answered, desk.now()).await?;
    (desk.0.wake)();
    Ok(done.then_some(("replied_title", "replied_text")))
}

/// The recipients about whom the request still is.
fn waiting(request: &Request, held: &Held) -> Vec<usize> {
    let is_asked = |place: &usize| held.recipients.get(*place).is_some_and(|one| one.state == Becomes::Asked);
    request.facts.places.iter().copied().filter(is_asked).collect()
}

fn is_waiting(request: &Request, held: &Held) -> bool {
    request.answered_at.is_none() && (request.kind == RequestKind::Help || !waiting(request, held).is_empty())
}

fn new_request(
    desk: &Desk,
    held: &Held,
    kind: RequestKind,
    facts: RequestFacts,
    tell_at: Option<i64>,
) -> Result<(Request, LinkSecret), Fault> {
    let secret = LinkSecret::new().ok_or(Fault::TROUBLE)?;
    let request = Request {
        link: desk.0.store.link(secret.octets()),
        school: held.school.clone(),
        held: held.id.clone(),
        kind,
        asked_at: desk.now(),
        tell_at,
        answered_at: None,
        facts,
    };
    Ok((request, secret))
}

fn facts(visit: &Visit, asked: Vec<(String, String)>, words: &str, places: &[usize]) -> Result<RequestFacts, Fault> {
    let asker = visit.signed_in()?.address.clone();
    let language = visit.language.word().to_owned();
    Ok(RequestFacts { asker, asked, words: words.to_owned(), places: places.to_vec(), language })
}

fn addresses(request: &Request) -> Vec<String> {
    request.facts.asked.iter().map(|(_, address)| address.clone()).collect()
}

fn language_of(request: &Request) -> Language {
    Language::ALL.into_iter().find(|language| language.word() == request.facts.language).unwrap_or_default()
}

/// What was found and where, for a mail to somebody who is asked: kinds and places, as the notice has them.
fn found(held: &Held, language: Language) -> String {
    let [nl, en] = &held.facts.found;
    language.of(nl, en).iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}
