//! Passkeys: a page on which one is made, the list of them, and the button that opens a link with one.
//!
//! They take a script, the one of this site, which stands on these pages alone. Without it the buttons are not shown.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;

use super::door::{self, Door, Link};
use super::message;
use super::pages::{OwnKey, Page, PasskeyForm, PasskeysPage};
use super::visit::Visit;
use super::{Answer, Fault, Portal};
use crate::share::{Added, Challenge, OwnPasskey, Unlock};
use crate::web::forms::{Fields, field, see};
use crate::web::headers::POLICY_WITH_SCRIPT;

/// `GET /passkey.js`: the script.
pub(super) async fn script() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "private, max-age=3600")];
    (headers, include_str!("pages/passkey.js")).into_response()
}

/// What the button on a link's page takes. None when no passkey opens it.
pub(super) async fn button(
    portal: &Portal,
    visit: &Visit,
    (rid, secret): &(String, String),
    path: &str,
) -> Result<Option<PasskeyForm>, Fault> {
    let challenge = portal.0.shares.ask_for_passkey(rid, secret, &visit.browser(portal)).await?;
    Ok(challenge.map(|challenge| form(challenge, format!("{path}/passkey"), format!("{path}/code"))))
}

/// `POST /b/RID/SECRET/passkey`: opens the link, when the device's answer is right. Whatever is wrong, it is said alike.
pub(super) async fn open(
    State(portal): State<Portal>,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let door = door::find(&portal, &visit, &link).await?;
    let page = door.page(&portal, &visit);
    let answer = (field(&fields, "challenge").unwrap_or_default(), field(&fields, "answer").unwrap_or_default());
    let browser = visit.browser(&portal);
    let named = (link.0.as_str(), link.1.as_str());
    let visitor = door.visitor(&portal, &visit, false);
    let (status, error) = match portal.0.shares.unlock_by_passkey(named, &browser, answer, visitor).await? {
        Unlock::Open { cookie, opened } => return Ok(door::entered(&visit, &cookie, &opened)),
        Unlock::Nothing => return Err(Fault::MISSING),
        Unlock::Locked { until } => (StatusCode::TOO_MANY_REQUESTS, door::locked(&portal, &page, until)),
        Unlock::Busy => (StatusCode::TOO_MANY_REQUESTS, page.t("code_busy").to_owned()),
        Unlock::Wrong { .. } | Unlock::Malformed | Unlock::Expired => {
            (StatusCode::UNPROCESSABLE_ENTITY, page.t("passkey_wrong").to_owned())
        }
    };
    again(&portal, &visit, (&door, &link), (status, error)).await
}

/// The page of the code, with what is wrong.
async fn again(
    portal: &Portal,
    visit: &Visit,
    (door, link): (&Door, &(String, String)),
    (status, error): (StatusCode, String),
) -> Answer {
    let mut response = door::second_step(portal, visit, (door, link), Some(error)).await?;
    *response.status_mut() = status;
    Ok(response)
}

/// `GET /s/SHARE/passkey`: makes a passkey, and lists those that there are.
pub(super) async fn list(State(portal): State<Portal>, visit: Visit, Path(share): Path<String>) -> Answer {
    let done = match visit.query.as_str() {
        "done=made" => Some("passkey_made"),
        "done=removed" => Some("passkey_removed"),
        _ => None,
    };
    shown(&portal, &visit, &share, (done, None)).await
}

/// `POST /s/SHARE/passkey`: keeps a passkey that was made.
pub(super) async fn make(
    State(portal): State<Portal>,
    visit: Visit,
    Path(share): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let opened = visit.opened(&portal, &share).await?;
    let answer = (field(&fields, "challenge").unwrap_or_default(), field(&fields, "answer").unwrap_or_default());
    let (browser, name) = (visit.browser(&portal), field(&fields, "name").unwrap_or_default());
    let error = match portal.0.shares.add_passkey(&opened, &browser, answer, name).await? {
        Added::Added => return Ok(see(&format!("/s/{share}/passkey?done=made"))),
        Added::Refused => "passkey_not_made",
        Added::Full => "passkey_full",
    };
    let mut response = shown(&portal, &visit, &share, (None, Some(error))).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// `POST /s/SHARE/passkey/weg`: takes one away.
pub(super) async fn remove(
    State(portal): State<Portal>,
    visit: Visit,
    Path(share): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let opened = visit.opened(&portal, &share).await?;
    portal.0.shares.remove_passkey(&opened, field(&fields, "passkey").unwrap_or_default()).await?;
    Ok(see(&format!("/s/{share}/passkey?done=removed")))
}

async fn shown(portal: &Portal, visit: &Visit, share: &str, (done, error): (Option<&str>, Option<&str>)) -> Answer {
    let opened = visit.opened(portal, share).await?;
    if !portal.0.shares.takes_passkeys(&opened) {
        return Err(Fault::MISSING);
    }
    let page = message::page(portal, visit, &opened);
    let at = format!("/s/{share}/passkey");
    let challenge = portal.0.shares.invite_passkey(&opened, &visit.browser(portal)).await?;
    let zone = portal.0.around.time_zone();
    let passkeys = portal.0.shares.passkeys(&opened).await?;
    let passkeys = passkeys.iter().map(|one| own_key(&page, one, &zone)).collect();
    let texts = PasskeysPage {
        intro: page.paragraphs("passkey_intro", &[("school", &page.school)]),
        own: page.with("passkey_own", "address", opened.address.expose()),
        make: challenge.map(|challenge| form(challenge, at.clone(), at.clone())),
        remove: format!("{at}/weg"),
        back: format!("/s/{share}"),
        done: done.map(|key| page.t(key).to_owned()),
        error: error.map(|key| page.t(key).to_owned()),
        passkeys,
        page,
    };
    Ok(with_script(visit.show(&texts)))
}

/// Lets a page of ours have the script.
pub(super) fn with_script(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY_WITH_SCRIPT));
    response
}

fn form(challenge: Challenge, action: String, page: String) -> PasskeyForm {
    PasskeyForm { action, page, challenge: challenge.id, asked: challenge.options, error: String::new() }
}

fn own_key(page: &Page, one: &OwnPasskey, zone: &TimeZone) -> OwnKey {
    let name = one.name.expose();
    let made = page.with("passkey_since", "day", &page.day(one.made_at, zone));
    let used = one.used_at.map(|at| page.with("passkey_used", "day", &page.day(at, zone)));
    OwnKey {
        id: one.id.clone(),
        name: if name.is_empty() { page.t("passkey_unnamed").to_owned() } else { name.clone() },
        about: [Some(made), used].into_iter().flatten().collect::<Vec<_>>().join(" "),
    }
}
