//! From a link to an open share: welcome, code, and who has none.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::pages::{CodePage, Fact, NoCodePage, Page, PasskeyForm, WelcomePage};
use super::visit::{Visit, enter};
use super::{Answer, Fault, Portal, about, passkey, text_code};
use crate::level::Level;
use crate::school::School;
use crate::secret::Secret;
use crate::share::{Asked, Factor, Look, Opened, Seen, Unlock, Visitor};
use crate::web::forms::{Fields, field, see};
use crate::web::said;

/// A link: its public half and its secret.
pub(super) type Link = Path<(String, String)>;

/// Where a link leads, for who may go on.
pub(super) struct Door {
    pub seen: Seen,
    school: Option<School>,
    /// Too many wrong codes.
    locked: Option<Locked>,
    /// Its path.
    pub path: String,
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
    let needs = match door.seen.factor {
        Factor::Sms { .. } => page.t("sms_needs").to_owned(),
        Factor::Email => page.t("mail_needs").to_owned(),
        Factor::Organisation => page.t("fixed_needs").to_owned(),
        Factor::Code | Factor::Sender => {
            page.fill("welcome_needs", &[("sender", &sender), ("channels", &door.channels(&portal, &page))])
        }
    };
    let needs = match portal.0.shares.opens_by_passkey(&link.0, &link.1).await? {
        true => page.t("passkey_needs").to_owned(),
        false => needs,
    };
    let locked = door.locked(&portal, &page);
    Ok(visit.show(&WelcomePage { intro, facts, needs, locked, open, action: door.path, page }))
}

/// `POST /b/RID/SECRET`: on to the code, or to the message where this device has proven before who has it. Else changes
/// nothing: whatever presses buttons may press this one.
pub(super) async fn go_on(
    State(portal): State<Portal>,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let door = find(&portal, &visit, &link).await?;
    let as_who = (door.visitor(&portal, &visit, false), door.remembers(&portal));
    match portal.0.shares.unlock_by_proof(&link.0, &link.1, &visit.proofs(), as_who).await? {
        Unlock::Open { cookie, opened } => Ok(enter(&opened.share, cookie.expose())),
        _ => Ok(see(&format!("{}/code", door.path))),
    }
}

/// `GET /b/RID/SECRET/code`: where the code is typed.
pub(super) async fn code(State(portal): State<Portal>, visit: Visit, Path(link): Link) -> Answer {
    let door = find(&portal, &visit, &link).await?;
    let error = door.locked(&portal, &door.page(&portal, &visit));
    second_step(&portal, &visit, (&door, &link), error).await
}

/// The page of the second step: where a text message is asked for, or where the code is typed.
pub(super) async fn second_step(
    portal: &Portal,
    visit: &Visit,
    (door, link): (&Door, &(String, String)),
    error: Option<String>,
) -> Answer {
    let passkey = passkey::button(portal, visit, link, &door.path).await?;
    // What was wrong with a passkey stands at its own button, where that is still there.
    let (passkey, error) = match (passkey, error) {
        (Some(passkey), Some(error)) => (Some(PasskeyForm { error, ..passkey }), None),
        other => other,
    };
    if door.is_sent() && !portal.0.shares.text_waits(&link.0).await? {
        return Ok(text_code::shown(visit, text_code::ask(door, door.page(portal, visit), (error, passkey))));
    }
    Ok(door.code_page(portal, visit, (error, passkey), ""))
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
    let remember = field(&fields, "remember").is_some() && door.remembers(&portal);
    let visitor = door.visitor(&portal, &visit, remember);
    let (status, error, typed) = match portal.0.shares.unlock(&link.0, &link.1, typed, visitor).await? {
        Unlock::Open { cookie, opened } => return Ok(entered(&visit, &cookie, &opened)),
        // What is no code is left in the field, to be mended.
        Unlock::Malformed => {
            let digits = typed.chars().filter(char::is_ascii_digit).count().to_string();
            let error = match door.seen.factor {
                Factor::Sms { .. } | Factor::Email => page.with(door.way("malformed"), "digits", &digits),
                _ => page.with("code_malformed", "digits", &digits),
            };
            (StatusCode::UNPROCESSABLE_ENTITY, error, shown_again(typed))
        }
        Unlock::Wrong { left } => {
            (StatusCode::UNPROCESSABLE_ENTITY, page.with("code_wrong", "left", &left.to_string()), String::new())
        }
        Unlock::Expired => {
            let error = page.t(door.way("expired")).to_owned();
            let passkey = passkey::button(&portal, &visit, &link, &door.path).await?;
            let mut response = text_code::shown(&visit, text_code::ask(&door, page, (Some(error), passkey)));
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(response);
        }
        Unlock::Locked { until } => (StatusCode::TOO_MANY_REQUESTS, locked(&portal, &page, until), String::new()),
        Unlock::Busy => (StatusCode::TOO_MANY_REQUESTS, page.t("code_busy").to_owned(), shown_again(typed)),
        Unlock::Nothing => return Err(Fault::MISSING),
    };
    let passkey = passkey::button(&portal, &visit, &link, &door.path).await?;
    let mut response = door.code_page(&portal, &visit, (Some(error), passkey), &typed);
    *response.status_mut() = status;
    Ok(response)
}

/// On to what was opened; the device keeps what was proven on it.
pub(super) fn entered(visit: &Visit, cookie: &Secret<String>, opened: &Opened) -> Response {
    let mut response = enter(&opened.share, cookie.expose());
    if let Some(proof) = &opened.proof {
        visit.keep(&mut response, proof);
    }
    response
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
        Asked::Told if door.seen.factor == Factor::Code => page.with("no_code_told", "sender", &door.sender()),
        Asked::Told => page.with("no_sms_told", "sender", &door.sender()),
        Asked::Already => page.with("no_code_already", "sender", &door.sender()),
        Asked::Nothing => return Err(Fault::MISSING),
    };
    Ok(door.no_code_page(&portal, &visit, Some(told)))
}

/// Where a link leads. Unknown, over and withdrawn is the same, and a robot learns nothing from it.
pub(super) async fn find(portal: &Portal, visit: &Visit, (rid, secret): &(String, String)) -> Result<Door, Fault> {
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

/// The texts about a code that is sent: by text message, and by mail.
const WAYS: [(&str, &str, &str); 12] = [
    ("title", "sms_title", "mail_title"),
    ("intro", "sms_intro", "mail_intro"),
    ("button", "sms_button", "mail_button"),
    ("again", "sms_again", "mail_again"),
    ("malformed", "sms_malformed", "mail_malformed"),
    ("expired", "sms_expired", "mail_expired"),
    ("enough", "sms_enough", "mail_enough"),
    ("down", "sms_down", "mail_down"),
    ("back", "sms_back", "mail_back"),
    ("no_link", "no_sms_link", "no_mail_link"),
    ("no_title", "no_sms_title", "no_mail_title"),
    ("no_intro", "no_sms_intro", "no_mail_intro"),
];

impl Door {
    /// Whether its school lets devices be remembered, and its factor can be.
    fn remembers(&self, portal: &Portal) -> bool {
        let can_be = (self.is_sent() || self.seen.factor == Factor::Organisation) && self.seen.level < Level::High;
        can_be && portal.0.shares.settings().remember.contains(&self.seen.school)
    }

    /// Whether its code of six digits is sent when somebody asks for it.
    fn is_sent(&self) -> bool {
        matches!(self.seen.factor, Factor::Sms { .. } | Factor::Email)
    }

    /// The key of a text about a code that is sent, by the way it goes.
    pub fn way(&self, text: &str) -> &'static str {
        let by_mail = self.seen.factor == Factor::Email;
        let (_, sms, mail) = WAYS.iter().find(|(name, ..)| *name == text).copied().unwrap_or_default();
        if by_mail { mail } else { sms }
    }

    /// Where a code is asked for that is sent.
    pub fn asked_at(&self) -> String {
        format!("{}/{}", self.path, if self.seen.factor == Factor::Email { "per-mail" } else { "sms" })
    }

    pub fn page(&self, portal: &Portal, visit: &Visit) -> Page {
        let page = visit.page(portal);
        let page = if let Some(school) = &self.school { page.of(portal, school) } else { page };
        let version = about::statement(portal, visit, &page).version;
        page.under(version)
    }

    /// Who tries to open it, and what he could read of the handling of his data.
    pub fn visitor(&self, portal: &Portal, visit: &Visit, remember: bool) -> Visitor {
        let statement = about::statement(portal, visit, &visit.page(portal));
        Visitor { remember, statement: Some(Arc::new(statement)), ..visit.visitor.clone() }
    }

    pub fn sender(&self) -> String {
        self.seen.sender.expose().clone()
    }

    /// "op school of via Parro", as the mail with the link says it.
    fn channels(&self, portal: &Portal, page: &Page) -> String {
        if self.seen.level == Level::High {
            return page.t("channel_high").to_owned();
        }
        let named = &portal.0.shares.settings().code_channels;
        if named.is_empty() { page.t("channel_phone").to_owned() } else { page.any_of(named) }
    }

    fn locked(&self, portal: &Portal, page: &Page) -> Option<String> {
        self.locked.as_ref().map(|Locked(until)| locked(portal, page, *until))
    }

    fn code_page(
        &self,
        portal: &Portal,
        visit: &Visit,
        (error, passkey): (Option<String>, Option<PasskeyForm>),
        typed: &str,
    ) -> Response {
        let has_script = passkey.is_some();
        let page = self.page(portal, visit);
        let (label, hint, shape) = self.code_words(portal, &page);
        let (action, no_code) = (format!("{}/code", self.path), format!("{}/geen-code", self.path));
        let about = page.fill("about", &[("sender", &self.sender()), ("reference", &self.seen.reference)]);
        let again = self.is_sent().then(|| (self.asked_at(), page.t(self.way("again")).to_owned()));
        let no_code_word = page.t(if self.is_sent() { self.way("no_link") } else { "no_code_link" }).to_owned();
        let (typed, remember) = (typed.to_owned(), self.remembers(portal));
        let shown = visit.show(&CodePage {
            passkey,
            about,
            label,
            hint,
            shape,
            remember,
            again,
            no_code_word,
            typed,
            error,
            action,
            no_code,
            page,
        });
        if has_script { passkey::with_script(shown) } else { shown }
    }

    /// What the field of the code is called, where the code comes from, and how it looks.
    fn code_words(&self, portal: &Portal, page: &Page) -> (String, String, &'static str) {
        match &self.seen.factor {
            Factor::Sms { masked, .. } => {
                let hint = page.fill("sms_hint", &[("number", masked), ("reference", &self.seen.reference)]);
                (page.t("sms_label").to_owned(), hint, "000000")
            }
            Factor::Email => {
                let hint = page.with("mail_hint", "reference", &self.seen.reference);
                (page.t("sms_label").to_owned(), hint, "000000")
            }
            Factor::Organisation => {
                (page.t("fixed_label").to_owned(), page.t("fixed_hint").to_owned(), "0000 0000 0000")
            }
            Factor::Code | Factor::Sender => {
                let values = [("sender", self.sender()), ("channels", self.channels(portal, page))];
                let hint = page.fill("code_hint", &values.each_ref().map(|(name, value)| (*name, value.as_str())));
                (page.t("code_label").to_owned(), hint, "0000 0000 0000")
            }
        }
    }

    fn no_code_page(&self, portal: &Portal, visit: &Visit, told: Option<String>) -> Response {
        let page = self.page(portal, visit);
        let phone = self.school.as_ref().map(|school| said::contact(&school.helpdesk));
        let phone = phone.map(|phone| page.with("no_code_call", "contact", &phone));
        let (sender, number) = (self.sender(), text_code::number(self));
        let (title, intro, ask, back_word) = match self.seen.factor {
            Factor::Sms { .. } | Factor::Email => (
                page.t(self.way("no_title")).to_owned(),
                page.fill(self.way("no_intro"), &[("number", number), ("sender", &sender)]),
                page.with("no_sms_ask", "sender", &sender),
                page.t(self.way("back")),
            ),
            Factor::Organisation => (
                page.t("no_code_title").to_owned(),
                page.t("no_fixed_intro").to_owned(),
                page.with("no_fixed_ask", "sender", &sender),
                page.t("no_code_back"),
            ),
            Factor::Code | Factor::Sender => (
                page.t("no_code_title").to_owned(),
                page.fill("no_code_intro", &[("sender", &sender), ("channels", &self.channels(portal, &page))]),
                page.t("no_code_ask").to_owned(),
                page.t("no_code_back"),
            ),
        };
        let back_word = back_word.to_owned();
        let button = page.with("no_code_button", "sender", &self.sender());
        let (action, back) = (format!("{}/geen-code", self.path), format!("{}/code", self.path));
        visit.show(&NoCodePage { title, intro, phone, ask, button, told, action, back, back_word, page })
    }
}

pub(super) fn locked(portal: &Portal, page: &Page, until: Option<i64>) -> String {
    match until {
        Some(until) => page.with("code_locked", "time", &page.clock(until, &portal.0.around.time_zone())),
        None => page.t("code_locked_for_good").to_owned(),
    }
}

/// What was typed, as far as it can have been meant for a code.
fn shown_again(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(40).collect()
}
