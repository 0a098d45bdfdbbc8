//! An answer to the sender: a text and some files, which become a mail to his own mailbox.
//!
//! What was typed is never lost: whatever is wrong, also when nothing is open on this device any more, the form comes back
//! with it. What is too large is read and thrown away, so that the browser hears why.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use tokio::time::timeout;

use super::incoming::may_come_in;
use super::message;
use super::names::safe;
use super::pages::AnswerPage;
use super::visit::Visit;
use super::{Answer, Fault, Portal};
use crate::secret::Secret;
use crate::share::{Opened, Reply, ReplyFile, ShareError};
use crate::web::forms::{Fields, field, see};

/// The fields of the form.
const FIELDS: [&str; 3] = ["token", "step", "text"];
/// An answer with its files is here within this, over a bad line too.
const LONGEST_ANSWER: Duration = Duration::from_secs(15 * 60);
/// Somebody else's answer is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// All files of an answer together: what schools' mailboxes take.
const LARGEST: usize = 15_000_000;
/// More files than this nobody sends.
const MOST: usize = 10;
/// The longest text, in characters.
const LONGEST: usize = 20_000;
/// What is read of a request at most, to be thrown away.
const MOST_READ: usize = 150 * 1024 * 1024;

/// `GET /s/SHARE/antwoord`: the form.
pub(super) async fn form(State(portal): State<Portal>, visit: Visit, Path(share): Path<String>) -> Answer {
    let opened = visit.opened(&portal, &share).await?;
    if opened.seen.is_sender {
        return Err(Fault::MISSING);
    }
    Ok(page(&portal, &visit, &share, Some(&opened), Draft::default()))
}

/// `POST /s/SHARE/antwoord`: sends it.
pub(super) async fn send(
    State(portal): State<Portal>,
    visit: Visit,
    Path(share): Path<String>,
    form: Multipart,
) -> Answer {
    // Files are taken, and kept in memory, only of who has the share open here: of all others no more than the text, to be
    // given back.
    let invited = visit.may_post(&portal) && visit.opened(&portal, &share).await.is_ok_and(|open| !open.seen.is_sender);
    let place = match invited {
        true => timeout(PATIENCE, portal.0.answers.acquire()).await.ok().and_then(Result::ok),
        false => None,
    };
    let typed = timeout(LONGEST_ANSWER, take(form, place.is_some())).await.map_err(|_| Fault::FORM)??;
    let draft = |status: StatusCode, opened: Option<&Opened>, error: &str| {
        draft_of(&portal, &visit, &share, (status, opened), typed.text(), error)
    };
    if visit.check(&portal, &typed.fields).is_err() {
        return Ok(draft(StatusCode::FORBIDDEN, None, "answer_forged"));
    }
    let opened = match visit.opened(&portal, &share).await {
        Ok(opened) => opened,
        Err(fault) if fault == Fault::CLOSED => return Ok(draft(fault.0, None, "answer_closed")),
        Err(fault) => return Ok(draft(fault.0, None, "answer_trouble")),
    };
    if opened.seen.is_sender {
        return Err(Fault::MISSING);
    }
    if place.is_none() {
        return Ok(draft(StatusCode::SERVICE_UNAVAILABLE, Some(&opened), "answer_trouble"));
    }
    if field(&typed.fields, "step") == Some("keep") {
        let draft = Draft { text: typed.text().to_owned(), error: None, done: Some("answer_kept") };
        return Ok(page(&portal, &visit, &share, Some(&opened), draft));
    }
    if let Some(error) = refused(&typed) {
        return Ok(draft(StatusCode::UNPROCESSABLE_ENTITY, Some(&opened), error));
    }
    let (text, around, files) = (typed.text().to_owned(), Arc::clone(&portal.0.around), typed.files);
    let looking = tokio::task::spawn_blocking(move || (around.look_into(&files), files));
    let (looked, files) = looking.await.map_err(|_| Fault::TROUBLE)?;
    if let Some(error) = looked.refuses() {
        return Ok(draft_of(&portal, &visit, &share, (StatusCode::UNPROCESSABLE_ENTITY, Some(&opened)), &text, error));
    }
    let reply = Reply { text: Secret::new(text.clone()), files };
    match portal.0.shares.reply(&opened, reply).await {
        Ok(_) => Ok(see(&format!("/s/{share}?done=sent"))),
        Err(ShareError::Gone) => Ok(draft_of(&portal, &visit, &share, TROUBLE, &text, "answer_closed")),
        Err(error) => {
            tracing::error!(%error, "an answer could not be kept");
            Ok(draft_of(&portal, &visit, &share, TROUBLE, &text, "answer_trouble"))
        }
    }
}

/// What was typed and chosen.
#[derive(Default)]
struct Typed {
    fields: Fields,
    files: Vec<ReplyFile>,
    too_large: bool,
    too_many: bool,
}

impl Typed {
    fn text(&self) -> &str {
        field(&self.fields, "text").unwrap_or_default()
    }
}

/// What the form holds already.
#[derive(Default)]
struct Draft {
    text: String,
    error: Option<String>,
    done: Option<&'static str>,
}

/// Reads a form to its end, and keeps of it what an answer may hold.
async fn take(mut form: Multipart, files_too: bool) -> Result<Typed, Fault> {
    let mut typed = Typed::default();
    let (mut read, mut kept) = (0_usize, 0_usize);
    while let Some(mut part) = form.next_field().await.map_err(|_| Fault::FORM)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let media_type = part.content_type().unwrap_or("application/octet-stream").to_owned();
        let known = FIELDS.contains(&name.as_str()) && field(&typed.fields, &name).is_none();
        let most = match &file {
            Some(_) if files_too => LARGEST.saturating_sub(kept),
            None if known => LONGEST * 4,
            Some(_) | None => 0,
        };
        let (octets, whole) = octets(&mut part, most, &mut read).await?;
        match file {
            None if !known => {}
            None => {
                let mut text: String = String::from_utf8_lossy(&octets).replace("\r\n", "\n");
                typed.too_large |= name == "text" && !whole;
                text.retain(|c| c == '\n' || c == '\t' || !c.is_control());
                typed.fields.push((name, text));
            }
            // A field of files in which none was chosen.
            Some(file) if file.is_empty() && octets.is_empty() => {}
            Some(file) => {
                typed.too_large |= !whole;
                typed.too_many |= typed.files.len() >= MOST;
                if whole && !typed.too_many {
                    kept = kept.saturating_add(octets.len());
                    let name = Secret::new(safe(&file, "file"));
                    typed.files.push(ReplyFile { name, media_type, content: octets });
                }
            }
        }
    }
    Ok(typed)
}

/// A part, as far as it may be kept, and whether that is all of it.
async fn octets(part: &mut Field<'_>, most: usize, read: &mut usize) -> Result<(Vec<u8>, bool), Fault> {
    let (mut octets, mut whole) = (Vec::new(), true);
    while let Some(piece) = part.chunk().await.map_err(|_| Fault::FORM)? {
        *read = read.saturating_add(piece.len());
        if *read > MOST_READ {
            return Err(Fault(StatusCode::PAYLOAD_TOO_LARGE));
        }
        whole &= octets.len().saturating_add(piece.len()) <= most;
        if whole {
            octets.extend_from_slice(&piece);
        }
    }
    Ok((octets, whole))
}

/// Why an answer is not sent, if so: the name of a text.
fn refused(typed: &Typed) -> Option<&'static str> {
    if typed.too_many {
        return Some("answer_too_many");
    }
    if typed.too_large || typed.text().chars().count() > LONGEST {
        return Some("answer_too_large");
    }
    if typed.text().trim().is_empty() && typed.files.is_empty() {
        return Some("answer_empty");
    }
    let welcome = typed.files.iter().all(|file| may_come_in(file.name.expose(), &file.content));
    (!welcome).then_some("answer_kind")
}

/// It may have been closed meanwhile, and it was no fault of whoever typed.
const TROUBLE: (StatusCode, Option<&Opened>) = (StatusCode::SERVICE_UNAVAILABLE, None);

/// The form again, with what was typed.
fn draft_of(
    portal: &Portal,
    visit: &Visit,
    share: &str,
    (status, opened): (StatusCode, Option<&Opened>),
    text: &str,
    error: &str,
) -> Response {
    let draft = Draft { text: text.to_owned(), error: Some(error.to_owned()), done: None };
    let mut response = page(portal, visit, share, opened, draft);
    *response.status_mut() = status;
    response
}

fn page(portal: &Portal, visit: &Visit, share: &str, opened: Option<&Opened>, draft: Draft) -> Response {
    let page = match opened {
        Some(opened) => message::page(portal, visit, opened),
        None => visit.page(portal),
    };
    let limit = page.size(LARGEST as u64);
    let number = MOST.to_string();
    let to = opened.map(|opened| opened.seen.sender.expose().clone());
    let to =
        to.map_or_else(|| page.t("answer_to_somebody").to_owned(), |sender| page.with("answer_to", "sender", &sender));
    let ends = opened.map(|opened| page.clock(opened.ends_at, &portal.0.around.time_zone()));
    visit.show(&AnswerPage {
        to,
        draft: draft.text,
        limit: page.fill("answer_limit", &[("size", &limit), ("number", &number)]),
        keep: ends.map_or_else(String::new, |time| page.with("answer_until", "time", &time)),
        error: draft.error.map(|key| page.t(&key).to_owned()),
        done: draft.done.map(|key| page.t(key).to_owned()),
        action: format!("/s/{share}/antwoord"),
        back: opened.map(|_| format!("/s/{share}")),
        page,
    })
}
