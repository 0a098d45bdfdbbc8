//! A code by text message, or at level low by mail: asked for with a button of its own, so that whatever presses the first
//! one sends nothing.
//!
//! The text is in the language of the page, and its last line ties the code to this site, so that a phone offers to fill it
//! in there and nowhere else (WebOTP, wicg.github.io/sms-one-time-codes). No link in it.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::door::{self, Door, Link};
use super::pages::{Page, PasskeyForm, TextCodePage};
use super::visit::Visit;
use super::{Answer, Fault, Portal, passkey};
use crate::share::{CodeWords, Factor, Texted};
use crate::web::forms::{Fields, see};

/// `POST /b/RID/SECRET/sms`, and `/per-mail`: sends it by the way that the link takes.
pub(super) async fn send(
    State(portal): State<Portal>,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let door = door::find(&portal, &visit, &link).await?;
    let page = door.page(&portal, &visit);
    let words = |code: &str| words(&portal, &page, &door, code);
    let (status, error) = match portal.0.shares.text_code(&link.0, &link.1, visit.visitor.clone(), words).await? {
        Texted::Sent => return Ok(see(&format!("{}/code", door.path))),
        Texted::Nothing => return Err(Fault::MISSING),
        Texted::Enough => (StatusCode::TOO_MANY_REQUESTS, page.t(door.way("enough")).to_owned()),
        Texted::Busy => (StatusCode::TOO_MANY_REQUESTS, page.t("code_busy").to_owned()),
        Texted::Locked { until } => (StatusCode::TOO_MANY_REQUESTS, door::locked(&portal, &page, until)),
        Texted::Down => (StatusCode::SERVICE_UNAVAILABLE, page.t(door.way("down")).to_owned()),
    };
    let passkey = passkey::button(&portal, &visit, &link, &door.path).await?;
    let mut response = shown(&visit, ask(&door, page, (Some(error), passkey)));
    *response.status_mut() = status;
    Ok(response)
}

/// The page, with the script where it has a passkey's button.
pub(super) fn shown(visit: &Visit, page: TextCodePage) -> Response {
    let response = visit.show(&page);
    if page.passkey.is_some() { passkey::with_script(response) } else { response }
}

/// The page with the button.
pub(super) fn ask(door: &Door, page: Page, (error, passkey): (Option<String>, Option<PasskeyForm>)) -> TextCodePage {
    TextCodePage {
        about: page.fill("about", &[("sender", &door.sender()), ("reference", &door.seen.reference)]),
        title: page.t(door.way("title")).to_owned(),
        intro: page.with(door.way("intro"), "number", number(door)),
        button: page.t(door.way("button")).to_owned(),
        no_code_word: page.t(door.way("no_link")).to_owned(),
        action: door.asked_at(),
        no_code: format!("{}/geen-code", door.path),
        error,
        passkey,
        page,
    }
}

/// As much of the number as its owner knows it by.
pub(super) fn number(door: &Door) -> &str {
    match &door.seen.factor {
        Factor::Sms { masked, .. } => masked,
        _ => "",
    }
}

/// One text is 160 letters; a school's long name does not make it two.
const LONGEST_NAME: usize = 40;

fn words(portal: &Portal, page: &Page, door: &Door, code: &str) -> CodeWords {
    let school: String = page.school.chars().take(LONGEST_NAME).collect();
    let values = [("code", code), ("reference", &door.seen.reference), ("school", &school)];
    if door.seen.factor == Factor::Email {
        let subject = page.with("mail_subject", "reference", &door.seen.reference);
        return CodeWords { subject, text: page.fill("mail_text", &values) };
    }
    let url = portal.0.shares.settings().url_of(&door.seen.school);
    let host = url.split("://").last().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    // The last line has browsers fill the code in, at the address of the page where it is asked for and nowhere else.
    CodeWords { subject: String::new(), text: format!("{}\n\n@{host} #{code}", page.fill("sms_text", &values)) }
}
