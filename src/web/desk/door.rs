//! From a link to a device that is signed in.
//!
//! A link leads to a held mail (for its sender) or to something that somebody else is asked. Whoever has it sees kinds and
//! places; a code that is sent to a mailbox of a reader proves the rest.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::pages::{CodePage, DoorPage};
use super::visit::Visit;
use super::{Answer, Desk, Fault, letters, mails, requests};
use crate::school::School;
use crate::seal::{self, Index};
use crate::store::desk::{Guess, NewCode, Request};
use crate::store::held::Held;
use crate::vault::LinkSecret;
use crate::web::forms::{Fields, field, see};
use crate::web::said;

/// Where a link leads.
pub(super) struct Door {
    /// The way in.
    pub entrance: Entrance,
    /// The held mail that it is about.
    pub held: Held,
    /// What is asked of somebody else; none for the sender's own link.
    pub request: Option<Request>,
}

/// A link behind which a code to a reader's mailbox opens something.
pub(super) struct Entrance {
    /// Hash of its secret.
    pub link: Index,
    /// Its path.
    pub path: String,
    /// Whose mailboxes prove who asks.
    pub readers: Vec<String>,
    /// Where a signed-in reader goes on.
    pub beyond: String,
    /// The school.
    pub school: School,
}

impl Entrance {
    /// Whether this device is signed in as one of its readers.
    pub fn is_open_to(&self, visit: &Visit) -> bool {
        let Some(session) = visit.session.as_ref().filter(|session| session.school == self.school.id) else {
            return false;
        };
        let who = said::folded(&session.address);
        self.readers.iter().any(|reader| said::folded(reader) == who)
    }
}

/// `GET /m/SECRET`: the link in a notice.
pub(super) async fn notice(State(desk): State<Desk>, visit: Visit, Path(secret): Path<String>) -> Answer {
    let door = find(&desk, false, &secret).await?;
    if door.entrance.is_open_to(&visit) { Ok(see(&door.entrance.beyond)) } else { Ok(page(&desk, &visit, &door, None)) }
}

/// `GET /r/SECRET`: the link in a mail to somebody who is asked.
pub(super) async fn request(State(desk): State<Desk>, visit: Visit, Path(secret): Path<String>) -> Answer {
    let door = find(&desk, true, &secret).await?;
    if door.entrance.is_open_to(&visit) {
        requests::show(&desk, &visit, &door, None)
    } else {
        Ok(page(&desk, &visit, &door, None))
    }
}

/// `GET /m/SECRET/code`: where the code is typed.
pub(super) async fn notice_code(State(desk): State<Desk>, visit: Visit, Path(secret): Path<String>) -> Answer {
    code(&desk, &visit, false, &secret).await
}

/// `GET /r/SECRET/code`.
pub(super) async fn request_code(State(desk): State<Desk>, visit: Visit, Path(secret): Path<String>) -> Answer {
    code(&desk, &visit, true, &secret).await
}

/// `POST /m/SECRET/code`: sends a code.
pub(super) async fn notice_send(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(secret): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    send(&desk, &visit, &find(&desk, false, &secret).await?, &fields).await
}

/// `POST /r/SECRET/code`.
pub(super) async fn request_send(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(secret): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    send(&desk, &visit, &find(&desk, true, &secret).await?, &fields).await
}

/// `POST /m/SECRET/sign-in`: takes a code.
pub(super) async fn notice_sign_in(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(secret): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    sign_in(&desk, &visit, &find(&desk, false, &secret).await?.entrance, &fields).await
}

/// `POST /r/SECRET/sign-in`.
pub(super) async fn request_sign_in(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(secret): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    sign_in(&desk, &visit, &find(&desk, true, &secret).await?.entrance, &fields).await
}

/// Where a link leads. A malformed one is looked up like an unknown one, and one that is over is no other.
pub(super) async fn find(desk: &Desk, is_request: bool, secret: &str) -> Result<Door, Fault> {
    let store = &desk.0.store;
    let secret_read = LinkSecret::read(secret);
    let link = store.link(secret_read.as_ref().map_or(&[0; 32], |secret| secret.octets()));
    let (held, request, kind) = if is_request {
        let request = store.request(link).await?;
        let held = match &request {
            Some(request) => store.held(&request.held).await?,
            None => None,
        };
        (held, request, 'r')
    } else {
        (store.held_by_link(link).await?, None, 'm')
    };
    let held = held.filter(|held| held.delete_at > desk.now()).ok_or(Fault::MISSING)?;
    let school = desk.0.gate.school(&held.school).ok_or(Fault::MISSING)?;
    let path = format!("/{kind}/{}", secret.to_ascii_lowercase());
    let (readers, beyond) = match &request {
        Some(request) => (request.facts.asked.iter().map(|(_, address)| address.clone()).collect(), path.clone()),
        None => (held.facts.readers.clone(), format!("/mail/{}", held.id)),
    };
    Ok(Door { entrance: Entrance { link, path, readers, beyond, school }, held, request })
}

fn page(desk: &Desk, visit: &Visit, door: &Door, error: Option<&str>) -> Response {
    let page = visit.page(desk).of(&door.entrance.school);
    let mut told = mails::told(desk, &page, &door.held);
    // A notice gets forwarded: to whom it goes, and what it is about, is for those who prove to be asked.
    (told.recipients, told.subject) = (Vec::new(), None);
    let readers = &door.entrance.readers;
    let shown = readers.iter().map(|reader| said::masked(reader)).enumerate().collect();
    let (title, intro, choices) = match &door.request {
        Some(request) => {
            let asker = said::masked(&request.facts.asker);
            (requests::title(&page, request, &asker), requests::intro(&page, request, &asker), Vec::new())
        }
        None => {
            let title = page.with("link_title", "sent", &told.sent);
            let choices = mails::choices(desk, &page, &door.held).into_iter().map(|(_, name, _)| name).collect();
            (title, page.t("link_intro").to_owned(), choices)
        }
    };
    let proof = if door.request.is_some() { page.t("proof_asked") } else { page.t("proof_sender") }.to_owned();
    let error = error.map(|key| page.t(key).to_owned());
    let action = format!("{}/code", door.entrance.path);
    visit.show(&DoorPage { title, intro, told, choices, proof, action, readers: shown, error, page })
}

async fn code(desk: &Desk, visit: &Visit, is_request: bool, secret: &str) -> Answer {
    let entrance = find(desk, is_request, secret).await?.entrance;
    if entrance.is_open_to(visit) { Ok(see(&entrance.beyond)) } else { Ok(code_page(desk, visit, &entrance, None)) }
}

/// Where a code is typed.
pub(super) fn code_page(desk: &Desk, visit: &Visit, entrance: &Entrance, error: Option<String>) -> Response {
    let page = visit.page(desk).of(&entrance.school);
    let (action, again) = (format!("{}/sign-in", entrance.path), entrance.path.clone());
    visit.show(&CodePage { page, action, again, error })
}

async fn send(desk: &Desk, visit: &Visit, door: &Door, fields: &Fields) -> Answer {
    if let Some(sent) = send_code(desk, visit, &door.entrance, fields).await? {
        return Ok(sent);
    }
    let mut response = page(desk, visit, door, Some("code_too_many"));
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    Ok(response)
}

/// Sends a code to a reader's mailbox, and goes on to where it is typed. None when too many were sent.
pub(super) async fn send_code(
    desk: &Desk,
    visit: &Visit,
    entrance: &Entrance,
    fields: &Fields,
) -> Result<Option<Response>, Fault> {
    let chosen = field(fields, "reader").and_then(|number| number.parse::<usize>().ok());
    let reader = chosen.and_then(|number| entrance.readers.get(number)).ok_or(Fault(StatusCode::BAD_REQUEST))?;
    let code = six_digits().ok_or(Fault::TROUBLE)?;
    let letter = letters::code(desk, &entrance.school, visit.language, &code);
    let (item, mail) = letters::owe(desk, &entrance.school, letter, std::slice::from_ref(reader)).await?;
    let new = NewCode {
        school: entrance.school.id.clone(),
        link: entrance.link,
        browser: visit.browser(desk),
        address: desk.mailbox(&entrance.school.id, reader),
        code: hash(desk, visit, entrance, &code),
    };
    if !desk.0.store.send_code(new, item, mail, desk.now()).await? {
        return Ok(None);
    }
    (desk.0.wake)();
    Ok(Some(see(&format!("{}/code", entrance.path))))
}

/// Takes a code, and signs this device in.
pub(super) async fn sign_in(desk: &Desk, visit: &Visit, entrance: &Entrance, fields: &Fields) -> Answer {
    let typed: String = field(fields, "code").unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
    let page = visit.page(desk);
    let again = |status: StatusCode, error: String| {
        let mut response = code_page(desk, visit, entrance, Some(error));
        *response.status_mut() = status;
        Ok(response)
    };
    if typed.len() != 6 || !typed.bytes().all(|b| b.is_ascii_digit()) {
        return again(StatusCode::UNPROCESSABLE_ENTITY, page.t("code_no_code").to_owned());
    }
    let (browser, school) = (visit.browser(desk), &entrance.school.id);
    let guessed = hash(desk, visit, entrance, &typed);
    match desk.0.store.guess_code(entrance.link, browser, guessed, desk.now()).await? {
        Guess::Right { address } => {
            let who = entrance.readers.iter().find(|reader| desk.mailbox(school, reader) == address);
            desk.sign_in(school, who.ok_or(Fault::MISSING)?, &entrance.beyond).await
        }
        Guess::Wrong { left } => {
            let error = page.with("code_wrong", "left", &left.to_string());
            again(StatusCode::UNPROCESSABLE_ENTITY, error)
        }
        Guess::NoCode => again(StatusCode::UNPROCESSABLE_ENTITY, page.t("code_old").to_owned()),
        Guess::Locked => again(StatusCode::TOO_MANY_REQUESTS, page.t("code_locked").to_owned()),
    }
}

fn hash(desk: &Desk, visit: &Visit, entrance: &Entrance, code: &str) -> Index {
    desk.0.store.index("desk code", &[&entrance.link, &visit.browser(desk), code.as_bytes()])
}

/// Every code is as likely as any other.
fn six_digits() -> Option<String> {
    const CODES: u32 = 1_000_000;
    const FAIR: u32 = u32::MAX - u32::MAX % CODES;
    for _ in 0..64 {
        let number = u32::from_be_bytes(seal::random().ok()?);
        if number < FAIR {
            return Some(format!("{:06}", number % CODES));
        }
    }
    None
}
