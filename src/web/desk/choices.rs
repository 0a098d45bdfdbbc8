//! What may be done with a held mail: each a form, and a POST that carries it out.
//!
//! Only what the policy offers to a recipient is drawn, and is asked for again when the form comes back. What goes out
//! changed is judged by the gate again. Two forms at once: the store lets one of them win, and the other is told.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::hidden::hidden;
use super::letters::{self, Letter};
use super::mails::{self, mine, named};
use super::pages::{ChoicePage, Page, Tick};
use super::visit::Visit;
use super::{Answer, Desk, Fault, Reported, requests};
use crate::school::{Language, School};
use crate::secret::Secret;
use crate::share::Purpose;
use crate::store::held::{self, Act, Held, State as Becomes};
use crate::store::owed::{Envelope, Kind, NewOwed};
use crate::vault::Item;
use crate::web::forms::{Fields, field, see};
use crate::web::said;

/// What a teacher may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Send it without the columns in which something was found.
    Columns,
    /// Send it so that the recipients do not see each other.
    Bcc,
    /// Let the recipients open it as a secure share.
    Share,
    /// Send it on, with a reason.
    Reason,
    /// Ask a second person to agree.
    SecondPerson,
    /// Ask for help.
    Help,
    /// Say that it is a mistake.
    Mistake,
    /// Delete it now.
    Delete,
}

/// The longest reason or question, in characters; the shortest is a word or two.
const LONGEST: usize = 1000;
const SHORTEST: usize = 5;

impl Choice {
    /// In the order in which they are shown: what sends the mail safely first, what ends it last.
    pub const ALL: [Self; 8] = [
        Self::Columns,
        Self::Share,
        Self::Bcc,
        Self::Reason,
        Self::SecondPerson,
        Self::Help,
        Self::Mistake,
        Self::Delete,
    ];

    /// The word in paths and texts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Share => "share",
            Self::Bcc => "bcc",
            Self::Reason => "reason",
            Self::SecondPerson => "second",
            Self::Help => "help",
            Self::Mistake => "mistake",
            Self::Delete => "delete",
        }
    }

    /// The word in the policy's offers.
    fn offer(self) -> &'static str {
        match self {
            Self::Columns => "remove_columns",
            Self::SecondPerson => "second_person",
            other => other.word(),
        }
    }

    /// The recipients, by their places, for whom it may still be chosen.
    pub fn places(self, desk: &Desk, held: &Held) -> Vec<usize> {
        // Somebody is asked already, or there is nobody to ask.
        let is_open = |state: Becomes| match self {
            Self::SecondPerson => state == Becomes::Held,
            _ => state.is_open(),
        };
        if held.delete_at <= desk.now() || self == Self::SecondPerson && requests::second_persons(desk, held).is_empty()
        {
            return Vec::new();
        }
        if self == Self::Share && !desk.0.gate.can_share() {
            return Vec::new();
        }
        // What changes or looks at the mail needs the mail.
        if held.item.is_none() && !matches!(self, Self::Help | Self::Delete) {
            return Vec::new();
        }
        let offered = |place: usize| {
            held.facts.offers.get(place).is_some_and(|offers| offers.iter().any(|offer| offer == self.offer()))
        };
        let recipients = held.recipients.iter().enumerate();
        recipients.filter(|(place, one)| is_open(one.state) && offered(*place)).map(|(place, _)| place).collect()
    }

    /// Whether it is about some of the recipients, not about the mail.
    fn is_per_recipient(self) -> bool {
        !matches!(self, Self::Help | Self::Mistake)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.word() == word)
    }
}

/// What was typed and ticked.
struct Filled {
    /// Recipients by their places.
    places: Vec<usize>,
    /// A reason or a question.
    words: String,
    /// Whom to ask.
    person: usize,
    /// Whether what remains was looked at.
    seen: bool,
    /// On which ground of the law.
    ground: Option<&'static str>,
    /// What was ticked besides.
    also: Vec<&'static str>,
}

/// What is ticked where a purpose is asked (AVG art. 5 (1) c, art. 13 and 14): that there is no more in it than is needed,
/// which must be so, and that parents know, which is written down either way.
const NEEDED: &str = "needed";
const INFORMED: &str = "informed";

/// The grounds on which a school may share data of pupils with others (AVG art. 6 (1) a to e). Its own interest (f) is none
/// for what it does as a school.
const GROUNDS: [(&str, &str); 5] = [
    ("task", "ground_task"),
    ("law", "ground_law"),
    ("consent", "ground_consent"),
    ("contract", "ground_contract"),
    ("vital", "ground_vital"),
];

/// `GET /mail/NUMBER/CHOICE`: its form.
pub(super) async fn form(State(desk): State<Desk>, visit: Visit, Path((id, word)): Path<(String, String)>) -> Answer {
    let held = mine(&desk, &visit, &id).await?;
    let choice = Choice::from_word(&word).ok_or(Fault::MISSING)?;
    let places = choice.places(&desk, &held);
    if places.is_empty() {
        return Ok(back(&held, "late"));
    }
    let filled = Filled { places, words: String::new(), person: 0, seen: false, ground: None, also: Vec::new() };
    Ok(visit.show(&page(&desk, &visit, &held, choice, &filled, None)?))
}

/// `POST /mail/NUMBER/CHOICE`: carries it out.
pub(super) async fn act(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path((id, word)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let held = mine(&desk, &visit, &id).await?;
    let choice = Choice::from_word(&word).ok_or(Fault::MISSING)?;
    let open = choice.places(&desk, &held);
    if open.is_empty() {
        return Ok(back(&held, "late"));
    }
    let filled = read(choice, &fields, &open);
    let asks = asks_purpose(choice, &held, &filled.places);
    if let Some(error) = wrong(choice, &fields, &filled, &open, asks) {
        let mut response = visit.show(&page(&desk, &visit, &held, choice, &filled, Some(error))?);
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let school = desk.0.gate.school(&held.school).ok_or(Fault::MISSING)?;
    match choice {
        Choice::Columns => columns(&desk, &visit, &held, &filled).await,
        Choice::Share => share(&desk, &visit, &held, &filled).await,
        Choice::Bcc => bcc(&desk, &visit, &held, &filled).await,
        Choice::Reason => release(&desk, &visit, &held, &filled).await,
        Choice::SecondPerson => {
            requests::ask_second(&desk, &visit, &held, &school, &filled.places, &filled.words, filled.person).await
        }
        Choice::Help => requests::ask_help(&desk, &visit, &held, &school, &filled.words).await,
        Choice::Mistake => mistake(&desk, &visit, &held, &school).await,
        Choice::Delete => delete(&desk, &visit, &held, &filled).await,
    }
}

/// Back to the mail, with what was done.
pub(super) fn back(held: &Held, done: &str) -> Response {
    see(&format!("/mail/{}?done={done}", held.id))
}

fn read(choice: Choice, fields: &Fields, open: &[usize]) -> Filled {
    let ticked = fields.iter().filter(|(key, _)| key == "place").filter_map(|(_, place)| place.parse().ok());
    let places = if choice.is_per_recipient() { ticked.collect() } else { open.to_vec() };
    let words: String = field(fields, "words").unwrap_or_default().replace("\r\n", "\n").trim().to_owned();
    let person = field(fields, "person").and_then(|number| number.parse().ok()).unwrap_or_default();
    let also = [NEEDED, INFORMED].into_iter().filter(|name| field(fields, name).is_some()).collect();
    let ground = field(fields, "ground");
    let ground = GROUNDS.into_iter().map(|(word, _)| word).find(|word| Some(*word) == ground);
    Filled { places, words, person, seen: field(fields, "step") == Some("send"), ground, also }
}

/// What is wrong with a form, as the name of its text.
fn wrong(choice: Choice, fields: &Fields, filled: &Filled, open: &[usize], asks: bool) -> Option<&'static str> {
    let ticked = fields.iter().filter(|(key, _)| key == "place").count();
    if choice.is_per_recipient() {
        if ticked == 0 {
            return Some("form_no_recipient");
        }
        if filled.places.len() != ticked || filled.places.iter().any(|place| !open.contains(place)) {
            return Some("form_late");
        }
    }
    if asks || matches!(choice, Choice::Reason | Choice::SecondPerson | Choice::Help) {
        match filled.words.chars().count() {
            0..SHORTEST => return Some("form_no_words"),
            SHORTEST..=LONGEST => {}
            _ => return Some("form_long_words"),
        }
    }
    if asks && filled.ground.is_none() {
        return Some("form_no_ground");
    }
    (asks && !filled.also.contains(&NEEDED)).then_some("form_not_needed")
}

/// Whether a share for these recipients takes a purpose.
fn asks_purpose(choice: Choice, held: &Held, places: &[usize]) -> bool {
    choice == Choice::Share && places.iter().any(|place| held.facts.asks_purpose.contains(place))
}

fn page(
    desk: &Desk,
    visit: &Visit,
    held: &Held,
    choice: Choice,
    filled: &Filled,
    error: Option<&str>,
) -> Result<ChoicePage, Fault> {
    let page = visit.page(desk);
    let school = desk.0.gate.school(&held.school).ok_or(Fault::MISSING)?;
    let open = if choice.is_per_recipient() { choice.places(desk, held) } else { Vec::new() };
    let asks = asks_purpose(choice, held, &open);
    let recipients = open.iter().map(|place| (*place, named(&page, held, *place), filled.places.contains(place)));
    let area = match choice {
        Choice::Reason | Choice::SecondPerson => Some(("form_reason", "form_reason_hint")),
        Choice::Help => Some(("form_question", "form_question_hint")),
        Choice::Share if asks => Some(("form_purpose", "form_purpose_hint")),
        _ => None,
    };
    let also = [(NEEDED, "form_needed"), (INFORMED, "form_informed")].into_iter().filter(|_| asks);
    let also = also.map(|(name, key)| Tick { name, label: page.t(key).to_owned(), on: filled.also.contains(&name) });
    let ground = |(word, key): (&'static str, &str)| (word, page.t(key).to_owned(), filled.ground == Some(word));
    let grounds = GROUNDS.into_iter().filter(|_| asks).map(ground).collect();
    let area = area.map(|(label, hint)| (page.t(label).to_owned(), page.t(hint).to_owned(), filled.words.clone()));
    let people = match choice {
        Choice::SecondPerson => requests::second_persons(desk, held).iter().map(said::contact).enumerate().collect(),
        _ => Vec::new(),
    };
    Ok(ChoicePage {
        title: page.t(&format!("choice_{}", choice.word())).to_owned(),
        intro: intro(&page, choice, &school),
        lines_heading: String::new(),
        lines: Vec::new(),
        action: format!("/mail/{}/{}", held.id, choice.word()),
        recipients: recipients.collect(),
        people,
        area,
        grounds,
        also: also.collect(),
        step: if choice == Choice::Columns { "look" } else { "send" },
        button: page.t(&format!("choice_{}_button", choice.word())).to_owned(),
        grave: choice == Choice::Delete,
        error: error.map(|key| page.t(key).to_owned()),
        words_wrong: error.is_some_and(|key| key.ends_with("_words")),
        ground_wrong: error == Some("form_no_ground"),
        mail: format!("/mail/{}", held.id),
        page,
    })
}

fn intro(page: &Page, choice: Choice, school: &School) -> Vec<String> {
    let mut intro = vec![page.t(&format!("choice_{}_intro", choice.word())).to_owned()];
    match choice {
        Choice::Help => {
            intro.push(page.with("help_privacy", "privacy", &said::contact(&school.privacy)));
            intro.extend(
                school.deputy.as_ref().map(|deputy| page.with("help_deputy", "deputy", &said::contact(deputy))),
            );
        }
        Choice::Mistake => intro.push(page.with("help_helpdesk", "helpdesk", &said::contact(&school.helpdesk))),
        _ => {}
    }
    intro
}

/// The act of whoever is signed in.
pub(super) fn act_of(visit: &Visit, what: &str, reason: &str, places: &[usize]) -> Result<Act, Fault> {
    let who = visit.signed_in()?.address.clone();
    Ok(Act { what: what.to_owned(), who, reason: reason.to_owned(), places: places.to_vec() })
}

/// The mail as it came, owed to these recipients.
pub(super) fn released(desk: &Desk, held: &Held, item: String, places: &[usize]) -> NewOwed {
    let (now, facts) = (desk.now(), &held.facts);
    let to = |place: &usize| {
        let to = facts.envelope.recipients.get(*place)?.clone();
        Some(crate::store::owed::To { place: Some(*place), ..to })
    };
    let envelope = Envelope { recipients: places.iter().filter_map(to).collect(), ..facts.envelope.clone() };
    NewOwed { kind: Kind::Released, item, envelope, due_at: now, give_up_at: now.saturating_add(desk.0.give_up) }
}

/// Carries out a choice and says what came of it.
pub(super) async fn choose(desk: &Desk, held: &Held, choice: held::Choice, done: &str) -> Answer {
    let files: Vec<String> = choice.items.iter().filter(|item| item.sealed.is_none()).map(|i| i.id.clone()).collect();
    let changed = desk.0.store.choose(held, choice, desk.now()).await;
    if !changed.as_ref().is_ok_and(|changed| !changed.is_empty()) {
        for file in files {
            desk.0.vault.delete(&file).await?;
        }
    }
    (desk.0.wake)();
    Ok(if changed?.is_empty() { back(held, "late") } else { back(held, done) })
}

async fn release(desk: &Desk, visit: &Visit, held: &Held, filled: &Filled) -> Answer {
    let Some(item) = held.item.clone() else { return Ok(back(held, "late")) };
    let owed = vec![released(desk, held, item, &filled.places)];
    let act = act_of(visit, "released", &filled.words, &filled.places)?;
    choose(desk, held, held::Choice { act, to: Becomes::Owed, items: Vec::new(), owed, asked: None }, "sent").await
}

async fn share(desk: &Desk, visit: &Visit, held: &Held, filled: &Filled) -> Answer {
    let Some(raw) = desk.raw(held).await? else { return Ok(back(held, "late")) };
    let asks = asks_purpose(Choice::Share, held, &filled.places);
    let page = visit.page(desk);
    let purpose = asks.then(|| purpose(&page, filled));
    let why = purpose
        .as_ref()
        .map(|purpose| format!("{} {}", purpose.words.expose(), page.t(&format!("ground_{}", purpose.ground))));
    let act = act_of(visit, "shared", why.as_deref().unwrap_or_default(), &filled.places)?;
    let shared = desk.0.gate.share(held, raw, &filled.places, purpose).await.map_err(|error| {
        tracing::error!(mail = held.id, %error, "the desk could not make a share");
        Fault::TROUBLE
    })?;
    let (item, owed) = shared.receipt;
    let file = item.sealed.is_none().then(|| item.id.clone());
    let choice = held::Choice { act, to: Becomes::Shared, items: vec![item], owed: vec![owed], asked: None };
    let changed = desk.0.store.choose_and_share(held, choice, Some(shared.rows), desk.now()).await;
    let done = changed.as_ref().is_ok_and(|changed| !changed.is_empty());
    match file {
        _ if done => (shared.kept)(),
        Some(file) => desk.0.vault.delete(&file).await?,
        None => {}
    }
    (desk.0.wake)();
    Ok(if changed?.is_empty() { back(held, "late") } else { back(held, "shared") })
}

/// What it is for, that it is needed, and whether parents know: as share, journal and log keep it.
fn purpose(page: &Page, filled: &Filled) -> Purpose {
    let informed = if filled.also.contains(&INFORMED) { "purpose_informed" } else { "purpose_not_informed" };
    let words = Secret::new(format!("{} {} {}", filled.words, page.t("purpose_needed"), page.t(informed)));
    Purpose { words, ground: filled.ground.unwrap_or_default().to_owned() }
}

async fn delete(desk: &Desk, visit: &Visit, held: &Held, filled: &Filled) -> Answer {
    let act = act_of(visit, "deleted", "", &filled.places)?;
    let choice = held::Choice { act, to: Becomes::Deleted, items: Vec::new(), owed: Vec::new(), asked: None };
    choose(desk, held, choice, "deleted").await
}

async fn bcc(desk: &Desk, visit: &Visit, held: &Held, filled: &Filled) -> Answer {
    let Some(raw) = desk.raw(held).await? else { return Ok(back(held, "late")) };
    send_changed(desk, visit, held, filled, Choice::Bcc, hidden(&raw), "bcc").await
}

async fn columns(desk: &Desk, visit: &Visit, held: &Held, filled: &Filled) -> Answer {
    let Some(raw) = desk.raw(held).await? else { return Ok(back(held, "late")) };
    let remade = match desk.without_columns(&held.school, &held.facts.envelope, raw).await? {
        Ok(remade) => remade,
        Err(why) => {
            let mut shown = page(desk, visit, held, Choice::Columns, filled, None)?;
            shown.intro = vec![mails::in_language(&shown.page, why)];
            shown.action = String::new();
            let mut response = visit.show(&shown);
            *response.status_mut() = StatusCode::CONFLICT;
            return Ok(response);
        }
    };
    if filled.seen {
        return send_changed(desk, visit, held, filled, Choice::Columns, remade.raw, "columns").await;
    }
    let mut shown = page(desk, visit, held, Choice::Columns, filled, None)?;
    shown.lines_heading = shown.page.t("columns_gone").to_owned();
    shown.lines = mails::in_language(&shown.page, remade.gone);
    shown.intro = vec![shown.page.t("columns_look").to_owned()];
    shown.button = shown.page.t("columns_button").to_owned();
    shown.step = "send";
    Ok(visit.show(&shown))
}

/// Sends a changed mail when the gate lets it pass for these recipients; else says what is left in it.
async fn send_changed(
    desk: &Desk,
    visit: &Visit,
    held: &Held,
    filled: &Filled,
    choice: Choice,
    raw: Vec<u8>,
    what: &str,
) -> Answer {
    let mut owed = released(desk, held, String::new(), &filled.places);
    let Some(look) = desk.look(&held.school, &owed.envelope, raw.clone()).await else {
        return Ok(back(held, "unread"));
    };
    if !look.stopped.is_empty() {
        let mut left = page(desk, visit, held, choice, filled, None)?;
        left.intro = vec![left.page.t("left_intro").to_owned()];
        left.lines_heading = left.page.t("left_heading").to_owned();
        left.lines = mails::in_language(&left.page, look.left);
        left.action = String::new();
        let mut response = visit.show(&left);
        *response.status_mut() = StatusCode::CONFLICT;
        return Ok(response);
    }
    let item: Item = desk.0.vault.put(Arc::new(raw)).await?;
    owed.item.clone_from(&item.id);
    let act = act_of(visit, what, "", &filled.places)?;
    choose(
        desk,
        held,
        held::Choice { act, to: Becomes::Owed, items: vec![item], owed: vec![owed], asked: None },
        "sent",
    )
    .await
}

/// Reports findings that are none to IT: rules and features, and lines like those of the mail in which everything that
/// could be somebody's is invented.
async fn mistake(desk: &Desk, visit: &Visit, held: &Held, school: &School) -> Answer {
    let Some(raw) = desk.raw(held).await? else { return Ok(back(held, "late")) };
    let Some(look) = desk.look(&held.school, &held.facts.envelope, raw).await else { return Ok(back(held, "unread")) };
    let language = desk.0.gate.language();
    let readers: Vec<String> = school.helpdesk.mail.iter().cloned().collect();
    let owed = if readers.is_empty() {
        None
    } else {
        let letter = report(desk, language, held, &look.findings);
        Some(letters::owe(desk, school, letter, &readers).await?)
    };
    let act = act_of(visit, "mistake", "", &[])?;
    desk.0.store.did(held, &act, owed, desk.now()).await?;
    (desk.0.wake)();
    Ok(back(held, if readers.is_empty() { "told" } else { "reported" }))
}

fn report(desk: &Desk, language: Language, held: &Held, findings: &[Reported]) -> Letter {
    let lines = findings.iter().map(|finding| {
        let features = finding.features.join("; ");
        format!("{} ({}, {}%)\n{features}\n> {}", finding.rule, finding.kind, finding.percent, finding.like)
    });
    let lines = lines.collect::<Vec<_>>().join("\n\n");
    let policy: Vec<String> = held.recipients.iter().map(|one| format!("{}: {}", one.class, one.line)).collect();
    let policy = policy.join("\n");
    let values = [("number", held.id.as_str()), ("findings", &lines), ("lines", &policy)];
    letters::letter(desk, language, "mistake", &values)
}
