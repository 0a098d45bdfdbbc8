//! My blocked mail, and one of them.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::choices::Choice;
use super::pages::{Around, ListPage, MailPage, Page, PassagePage, Row, Said, Told};
use super::visit::Visit;
use super::{Answer, Desk, Fault, Look, Remade};
use crate::store::held::{Act, Held, State as Becomes};
use crate::store::owed::Envelope;
use crate::store::tls::Delivery;
use crate::web::forms::{Fields, see};
use crate::web::said;

/// More than this nobody looks through.
const MOST: usize = 200;

/// `GET /`.
pub(super) async fn home(State(desk): State<Desk>, visit: Visit) -> Response {
    if visit.session.is_some() {
        return see("/mail");
    }
    let page = visit.page(&desk);
    let (title, text) = (page.t("home_title").to_owned(), page.t("home_text").to_owned());
    visit.show(&Said::new(page, title, vec![text]))
}

/// `GET /help`: whom to ask.
pub(super) async fn help(State(desk): State<Desk>, visit: Visit) -> Response {
    let page = visit.page(&desk);
    let school = visit.session.as_ref().and_then(|session| desk.0.gate.school(&session.school));
    let mut paragraphs = vec![page.t("help_text").to_owned()];
    if let Some(school) = school {
        paragraphs.push(page.with("help_privacy", "privacy", &said::contact(&school.privacy)));
        if let Some(deputy) = &school.deputy {
            paragraphs.push(page.with("help_deputy", "deputy", &said::contact(deputy)));
        }
    }
    paragraphs.push(page.with("help_helpdesk", "helpdesk", &page.helpdesk));
    paragraphs.push(page.t("help_copy").to_owned());
    let title = page.t("nav_help").to_owned();
    visit.show(&Said::new(page, title, paragraphs))
}

/// `GET /signed-out`.
pub(super) async fn signed_out(State(desk): State<Desk>, visit: Visit) -> Response {
    let page = visit.page(&desk);
    let (title, text) = (page.t("signed_out_title").to_owned(), page.t("signed_out_text").to_owned());
    visit.show(&Said::new(page, title, vec![text]))
}

/// `GET /mail`: my blocked mail.
pub(super) async fn list(State(desk): State<Desk>, visit: Visit) -> Answer {
    let session = visit.signed_in()?;
    let sender = desk.0.store.sender(&said::folded(&session.address));
    let held = desk.0.store.held_of(&session.school, sender, MOST).await?;
    let page = visit.page(&desk);
    let row = |held: &Held| {
        let told = told(&desk, &page, held);
        let mut states: Vec<String> = told.recipients.iter().map(|(_, state)| state.clone()).collect();
        states.sort_unstable();
        states.dedup();
        Row {
            number: held.id.clone(),
            title: title(&page, &told),
            recipients: said::list(&people(&told), page.language),
            states,
            until: told.until,
        }
    };
    let rows = held.iter().map(row).collect();
    Ok(visit.show(&ListPage { rows, page }))
}

/// `GET /mail/NUMBER`: one of them.
pub(super) async fn detail(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Answer {
    let held = mine(&desk, &visit, &id).await?;
    let page = visit.page(&desk);
    let told = told(&desk, &page, &held);
    let acts = desk.0.store.acts(&held.id).await?;
    let zone = desk.0.gate.time_zone();
    let taken = (said::moment(held.taken_at, &zone, page.language), page.t("act_taken").to_owned());
    let history = acts.iter().map(|(at, act)| (said::moment(*at, &zone, page.language), what(&page, &held, act)));
    let history = std::iter::once(taken).chain(history).collect();
    let done = visit.query.strip_prefix("done=").filter(|word| DONE.contains(word));
    let done = done.map(|word| page.t(&format!("done_{word}")).to_owned());
    let passage = (held.item.is_some() && is_open(&desk, &held)).then(|| format!("/mail/{}/passage", held.id));
    let choices = choices(&desk, &page, &held);
    let title = title(&page, &told);
    let ways = ways(&desk, &page, &held).await?;
    Ok(visit.show(&MailPage { title, told, done, choices, passage, history, ways, page }))
}

/// How it travelled, or did not, where it had to go under proven TLS: when, what, and the facts of it. A server's name
/// would tell whose an address is that may not be named.
async fn ways(desk: &Desk, page: &Page, held: &Held) -> Result<Vec<(String, String, String)>, Fault> {
    let zone = desk.0.gate.time_zone();
    let way = |tried: Delivery| {
        let when = said::moment(tried.at, &zone, page.language);
        let host = tried.facts.mx.as_deref().filter(|_| held.facts.discreet.is_empty());
        let how = match tried.verified.as_deref() {
            Some("dane") => "DANE",
            Some("sts") => "MTA-STS",
            _ => page.t("way_certificate"),
        };
        let what = match (&tried.tls_version, host) {
            (Some(_), Some(host)) => page.fill("way_proven", &[("host", host), ("how", how)]),
            (Some(_), None) => page.with("way_proven_unnamed", "how", how),
            (None, _) if tried.taken > 0 => page.t("way_provider").to_owned(),
            (None, _) => page.t("way_none").to_owned(),
        };
        let address = tried.facts.address.as_deref().filter(|_| host.is_some());
        let facts = [address, tried.tls_version.as_deref(), tried.cipher.as_deref()];
        (when, what, facts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    };
    Ok(desk.0.store.deliveries(&held.id).await?.into_iter().map(way).collect())
}

/// What was done just now: nothing else in the address is shown.
const DONE: [&str; 9] = ["shared", "sent", "asked", "helped", "reported", "deleted", "late", "told", "unread"];

/// `POST /mail/NUMBER/passage`: the words around what was found, for the sender's own eyes. It is written down that they
/// were shown, so it is no GET.
pub(super) async fn passage(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let held = mine(&desk, &visit, &id).await?;
    let mail = format!("/mail/{}", held.id);
    let Some(raw) = desk.raw(&held).await? else { return Ok(see(&format!("{mail}?done=late"))) };
    let Some(look) = desk.look(&held.school, &held.facts.envelope, raw).await else {
        return Ok(see(&format!("{mail}?done=unread")));
    };
    let who = visit.signed_in()?.address.clone();
    let act = Act { what: "shown".into(), who, reason: String::new(), places: Vec::new() };
    desk.0.store.did(&held, &act, None, desk.now()).await?;
    let page = visit.page(&desk);
    let passages = look.passages.into_iter().map(|passage| Around {
        heading: format!("{}: {}", in_language(&page, passage.place), in_language(&page, passage.kind)),
        before: passage.before.expose().clone(),
        found: passage.found.expose().clone(),
        after: passage.after.expose().clone(),
    });
    Ok(visit.show(&PassagePage { passages: passages.collect(), mail, page }))
}

/// The held mail with this number, when it is that of whoever is signed in. One that is somebody else's is not there.
pub(super) async fn mine(desk: &Desk, visit: &Visit, id: &str) -> Result<Held, Fault> {
    let session = visit.signed_in()?;
    let held = desk.0.store.held(id).await?.filter(|held| held.school == session.school).ok_or(Fault::MISSING)?;
    let who = said::folded(&session.address);
    let is_mine = held.facts.readers.iter().any(|reader| said::folded(reader) == who);
    is_mine.then_some(held).ok_or(Fault::MISSING)
}

/// Whether a choice is still open for any recipient.
pub(super) fn is_open(desk: &Desk, held: &Held) -> bool {
    held.delete_at > desk.now() && held.recipients.iter().any(|recipient| recipient.state.is_open())
}

/// What may still be chosen: its path, its name, and what it does.
pub(super) fn choices(desk: &Desk, page: &Page, held: &Held) -> Vec<(String, String, String)> {
    let said = |choice: Choice| {
        let (name, does) =
            (page.t(&format!("choice_{}", choice.word())), page.t(&format!("choice_{}_does", choice.word())));
        (format!("/mail/{}/{}", held.id, choice.word()), name.to_owned(), does.to_owned())
    };
    Choice::ALL.into_iter().filter(|choice| !choice.places(desk, held).is_empty()).map(said).collect()
}

/// What the notice told.
pub(super) fn told(desk: &Desk, page: &Page, held: &Held) -> Told {
    let (facts, zone) = (&held.facts, desk.0.gate.time_zone());
    let state = |place: usize| {
        let state = held.recipients.get(place).map_or(Becomes::Failed, |recipient| recipient.state);
        page.t(&format!("state_{}", state.word())).to_owned()
    };
    let until = if is_open(desk, held) {
        page.with("until", "day", &said::day(held.delete_at, &zone, page.language))
    } else {
        String::new()
    };
    Told {
        sent: in_language(page, facts.sent.clone()),
        subject: facts.subject.clone(),
        number: held.id.clone(),
        recipients: (0..facts.envelope.recipients.len())
            .map(|place| (named(page, held, place), state(place)))
            .collect(),
        found: in_language(page, facts.found.clone()),
        why: in_language(page, facts.why.clone()),
        until,
    }
}

/// A recipient, as it may be named.
pub(super) fn named(page: &Page, held: &Held, place: usize) -> String {
    let typed = held.facts.envelope.recipients.get(place).map(|to| to.address.clone());
    match typed {
        Some(typed) if !held.facts.discreet.contains(&place) => typed,
        _ => page.t("a_guardian").to_owned(),
    }
}

/// What stands here in the language of a page.
pub(super) fn in_language<T>(page: &Page, both: [T; 2]) -> T {
    let [nl, en] = both;
    page.language.of(nl, en)
}

impl Desk {
    /// A held mail as it came. None when it is not kept any more.
    pub(super) async fn raw(&self, held: &Held) -> Result<Option<Vec<u8>>, Fault> {
        let Some(id) = &held.item else { return Ok(None) };
        let Some(sealed) = self.0.store.item(id).await? else { return Ok(None) };
        Ok(Some(self.0.vault.open_item(id, sealed).await?))
    }

    /// Judges a mail again, beside the pages of others.
    pub(super) async fn look(&self, school: &str, envelope: &Envelope, raw: Vec<u8>) -> Option<Look> {
        let _place = self.0.looks.acquire().await.ok()?;
        let (gate, school, envelope) = (Arc::clone(&self.0.gate), school.to_owned(), envelope.clone());
        tokio::task::spawn_blocking(move || gate.look(&school, &envelope, raw)).await.ok().flatten()
    }
}

impl Desk {
    /// A mail without the columns in which something was found, beside the pages of others.
    pub(super) async fn without_columns(
        &self,
        school: &str,
        envelope: &Envelope,
        raw: Vec<u8>,
    ) -> Result<Result<Remade, [String; 2]>, Fault> {
        let _place = self.0.looks.acquire().await.map_err(|_| Fault::TROUBLE)?;
        let (gate, school, envelope) = (Arc::clone(&self.0.gate), school.to_owned(), envelope.clone());
        let remade = tokio::task::spawn_blocking(move || gate.without_columns(&school, &envelope, raw)).await;
        remade.map_err(|_| Fault::TROUBLE)
    }
}

fn title(page: &Page, told: &Told) -> String {
    match &told.subject {
        Some(subject) => page.fill("mail_title", &[("subject", subject), ("sent", &told.sent)]),
        None => page.with("mail_title_untold", "sent", &told.sent),
    }
}

fn people(told: &Told) -> Vec<String> {
    told.recipients.iter().map(|(name, _)| name.clone()).collect()
}

/// What somebody did, for its sender: what, who, for whom, and why.
fn what(page: &Page, held: &Held, act: &Act) -> String {
    const KNOWN: [&str; 13] = [
        "released",
        "shared",
        "bcc",
        "columns",
        "asked",
        "agreed",
        "refused",
        "deleted",
        "mistake",
        "help",
        "answered",
        "shown",
        "unanswered",
    ];
    let word = if KNOWN.contains(&act.what.as_str()) { act.what.as_str() } else { "other" };
    let whom: Vec<String> = act.places.iter().map(|place| named(page, held, *place)).collect();
    let whom = said::list(&whom, page.language);
    let mut told = page.fill(&format!("act_{word}"), &[("who", &act.who), ("recipients", &whom)]);
    if !act.reason.is_empty() {
        told = format!("{told} {}", page.with("act_reason", "reason", &act.reason));
    }
    told
}
