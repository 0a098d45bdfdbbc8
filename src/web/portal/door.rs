//! From a link to an open share: welcome, code, and who has none.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::pages::{CodePage, Fact, NoCodePage, Page, WelcomePage};
use super::visit::{Visit, enter};
use super::{Answer, Fault, Portal};
use crate::school::School;
use crate::share::{Asked, Look, Seen, Unlock};
use crate::web::forms::{Fields, field, see};
use crate::web::said;

/// A link: its public half and its secret.
type Link = Path<(String, String)>;

/// Where a link leads, for who may go on.
struct Door {
    seen: Seen,
    school: Option<School>,
    /// Too many wrong codes.
    locked: Option<Locked>,
    /// Its path.
    path: String,
}

/// Until when no code works; without a moment until the sender makes a new link.
struct Locked(Option<i64>);

/// `GET /b/RID/SECRET`: who wrote, when, and until when it can be read.
pub(super) async fn welcome(State(portal): State<Portal>, visit: Visit, Path(link): Link) -> Answer {
    let door = find(&portal, &visit, &link).await?;
    if door.seen.is_sender {
        // The sender's own copy opens at the desk, which knows his mailbox.
        return Ok(see(&format!("{}/kopie/{}/{}", portal.0.shares.settings().desk, link.0, link.1)));
    }
    let page = door.page(&portal, &visit);
    let open = visit.opened(&portal, &door.seen.share).await.is_ok();
    let open = open.then(|| format!("/s/{}", door.seen.share));
    let (sender, school) = (door.sender(), page.school.clone());
    let zone = portal.0.around.time_zone();
    let made = page.day(door.seen.made_at, &zone);
    let intro = page.fill("welcome_intro", &[("sender", &sender), ("school", &school), ("day", &made)]);
    let until = match door.seen.open_by {
        Some(open_by) => Fact::new(page.t("fact_open_by"), &page.day(open_by, &zone)),
        None => Fact::new(page.t("fact_until"), &page.day(door.seen.ends_at, &zone)),
    };
    let from = Fact::new(page.t("fact_from"), &sender).with(door.seen.sender_address.expose());
    let reference = Fact::new(page.t("fact_reference"), &door.seen.reference).with(page.t("fact_reference_hint"));
    let facts = vec![from, until, reference];
    let needs = page.fill("welcome_needs", &[("sender", &sender), ("channels", &door.channels(&portal, &page))]);
    let locked = door.locked(&portal, &page);
    Ok(visit.show(&WelcomePage { intro, facts, needs, locked, open, action: door.path, page }))
}

/// `POST /b/RID/SECRET`: on to the code. Changes nothing: whatever presses buttons may press this one.
pub(super) async fn go_on(
    State(portal): State<Portal>,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let door = find(&portal, &visit, &link).await?;
    Ok(see(&format!("{}/code", door.path)))
}

/// `GET /b/RID/SECRET/code`: where the code is typed.
pub(super) async fn code(State(portal): State<Portal>, visit: Visit, Path(link): Link) -> Answer {
    let door = find(&portal, &visit, &link).await?;
    let error = door.locked(&portal, &door.page(&portal, &visit));
    Ok(door.code_page(&portal, &visit, error, ""))
}

/// `POST /b/RID/SECRET/code`: tries a code.
pub(super) async fn unlock(
    State(portal): State<Portal>,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let door = find(&portal, &visit, &link).await?;
    let typed = field(&fields, "code").unwrap_or_default();
    let page = door.page(&portal, &visit);
    let again = |status: StatusCode, error: String, typed: &str| {
        let mut response = door.code_page(&portal, &visit, Some(error), typed);
        *response.status_mut() = status;
        Ok(response)
    };
    match portal.0.shares.unlock(&link.0, &link.1, typed, visit.visitor).await? {
        Unlock::Open { cookie, opened } => Ok(enter(&opened.share, cookie.expose())),
        // What is no code is left in the field, to be mended.
        Unlock::Malformed => {
            let digits = typed.chars().filter(char::is_ascii_digit).count().to_string();
            let error = page.with("code_malformed", "digits", &digits);
            again(StatusCode::UNPROCESSABLE_ENTITY, error, &shown_again(typed))
        }
        Unlock::Wrong { left } => {
            let error = page.with("code_wrong", "left", &left.to_string());
            again(StatusCode::UNPROCESSABLE_ENTITY, error, "")
        }
        Unlock::Locked { until } => again(StatusCode::TOO_MANY_REQUESTS, locked(&portal, &page, until), ""),
        Unlock::Busy => again(StatusCode::TOO_MANY_REQUESTS, page.t("code_busy").to_owned(), &shown_again(typed)),
        Unlock::Nothing => Err(Fault::MISSING),
    }
}

/// `GET /b/RID/SECRET/geen-code`: what to do without a code.
pub(super) async fn no_code(State(portal): State<Portal>, visit: Visit, Path(link): Link) -> Answer {
    let door = find(&portal, &visit, &link).await?;
    Ok(door.no_code_page(&portal, &visit, None))
}

/// `POST /b/RID/SECRET/geen-code`: tells the sender.
pub(super) async fn ask_for_code(
    State(portal): State<Portal>,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let door = find(&portal, &visit, &link).await?;
    let page = door.page(&portal, &visit);
    let told = match portal.0.shares.ask_for_code(&link.0, &link.1).await? {
        Asked::Told => page.with("no_code_told", "sender", &door.sender()),
        Asked::Already => page.with("no_code_already", "sender", &door.sender()),
        Asked::Nothing => return Err(Fault::MISSING),
    };
    Ok(door.no_code_page(&portal, &visit, Some(told)))
}

/// Where a link leads. Unknown, over and withdrawn is the same, and a robot learns nothing from it.
async fn find(portal: &Portal, visit: &Visit, (rid, secret): &(String, String)) -> Result<Door, Fault> {
    let (seen, locked) = match portal.0.shares.look(rid, secret).await? {
        Look::Ready(seen) => (seen, None),
        Look::Locked(seen, until) => (seen, Some(Locked(until))),
        Look::Over(_) | Look::Withdrawn(_) | Look::Nothing => return Err(Fault::MISSING),
    };
    if !portal.is_home_of(&seen.school, &visit.headers) {
        return Err(Fault::MISSING);
    }
    let school = portal.school(&seen.school);
    Ok(Door { school, locked, path: format!("/b/{rid}/{secret}"), seen })
}

impl Door {
    fn page(&self, portal: &Portal, visit: &Visit) -> Page {
        let page = visit.page(portal);
        if let Some(school) = &self.school { page.of(portal, school) } else { page }
    }

    fn sender(&self) -> String {
        self.seen.sender.expose().clone()
    }

    /// "op school of via Parro", as the mail with the link says it.
    fn channels(&self, portal: &Portal, page: &Page) -> String {
        let named = &portal.0.shares.settings().code_channels;
        if named.is_empty() { page.t("channel_phone").to_owned() } else { page.any_of(named) }
    }

    fn locked(&self, portal: &Portal, page: &Page) -> Option<String> {
        self.locked.as_ref().map(|Locked(until)| locked(portal, page, *until))
    }

    fn code_page(&self, portal: &Portal, visit: &Visit, error: Option<String>, typed: &str) -> Response {
        let page = self.page(portal, visit);
        let values = [("sender", self.sender()), ("channels", self.channels(portal, &page))];
        let hint = page.fill("code_hint", &values.each_ref().map(|(name, value)| (*name, value.as_str())));
        let (action, no_code) = (format!("{}/code", self.path), format!("{}/geen-code", self.path));
        let about = page.fill("about", &[("sender", &self.sender()), ("reference", &self.seen.reference)]);
        visit.show(&CodePage { about, hint, typed: typed.to_owned(), error, action, no_code, page })
    }

    fn no_code_page(&self, portal: &Portal, visit: &Visit, told: Option<String>) -> Response {
        let page = self.page(portal, visit);
        let phone = self.school.as_ref().map(|school| said::contact(&school.helpdesk));
        let phone = phone.map(|phone| page.with("no_code_call", "contact", &phone));
        let intro =
            page.fill("no_code_intro", &[("sender", &self.sender()), ("channels", &self.channels(portal, &page))]);
        let button = page.with("no_code_button", "sender", &self.sender());
        let (action, back) = (format!("{}/geen-code", self.path), format!("{}/code", self.path));
        visit.show(&NoCodePage { intro, phone, button, told, action, back, page })
    }
}

fn locked(portal: &Portal, page: &Page, until: Option<i64>) -> String {
    match until {
        Some(until) => page.with("code_locked", "time", &page.clock(until, &portal.0.around.time_zone())),
        None => page.t("code_locked_for_good").to_owned(),
    }
}

/// What was typed, as far as it can have been meant for a code.
fn shown_again(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(40).collect()
}
