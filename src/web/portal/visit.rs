//! Who asks: the language, the token of forms, the address, and what is open on this device.
//!
//! One cookie to which forms are bound, and one for each share that is open. Forms are bound to the browser alone, not to
//! what is open in it: who was signed out while typing signs in again beside it, and sends the same form.

use std::convert::Infallible;
use std::fmt;

use axum::Form;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use axum::response::Response;

use super::pages::{self, Page};
use super::{Answer, Fault, Portal};
use crate::share::{Opened, Proof, Visitor};
use crate::vault::LinkSecret;
use crate::web::ComesFrom;
use crate::web::forms::{self, Fields, cookie, field, is_own_path, see, set_cookie};

const FORM_COOKIE: &str = "__Host-mailpoort-formulier";
const SHARE_COOKIE: &str = "__Host-mailpoort-bericht-";
/// What was proven on this device: for as long as the browser is open, and for longer where that was asked for.
const PROOF_COOKIE: &str = "__Host-mailpoort-bewijs-";
const DEVICE_COOKIE: &str = "__Host-mailpoort-apparaat-";
/// Proofs that a device keeps: more make a request too long.
const MOST_PROOFS: usize = 8;
const LANGUAGE_COOKIE: &str = "__Host-mailpoort-taal";
/// The longest id that a cookie is looked for.
const LONGEST_ID: usize = 64;

/// A request's visitor.
pub(super) struct Visit {
    /// The language of the pages.
    pub tag: String,
    /// The path that was asked for.
    pub path: String,
    /// What stands behind it.
    pub query: String,
    /// For the budgets against guessing.
    pub visitor: Visitor,
    /// What the request says of itself.
    pub headers: HeaderMap,
    form: Option<LinkSecret>,
    /// The form's cookie is new and has to be set.
    fresh: bool,
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("tag", &self.tag).finish_non_exhaustive()
    }
}

impl FromRequestParts<Portal> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Infallible> {
        let kept = cookie(&parts.headers, FORM_COOKIE).and_then(|value| LinkSecret::read(&value));
        let from = parts.extensions.get::<ComesFrom>().map(|ComesFrom(address)| *address);
        Ok(Self {
            tag: language_of(&parts.headers, portal),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            visitor: Visitor { address: from, ..Visitor::default() },
            headers: parts.headers.clone(),
            fresh: kept.is_none(),
            form: kept.or_else(LinkSecret::new),
        })
    }
}

impl Visit {
    /// What every page shows around its own.
    pub fn page(&self, portal: &Portal) -> Page {
        let back = if self.path.starts_with("/b/") || is_own_path(&self.path) { self.path.as_str() } else { "/" };
        Page::new(portal, &self.headers, &self.tag, self.token(portal), back)
    }

    /// A page as an answer, with the cookie that its forms need.
    pub fn show(&self, page: &impl askama::Template) -> Response {
        let mut response = pages::show(page);
        if let Some(form) = self.form.as_ref().filter(|_| self.fresh) {
            set_cookie(&mut response, FORM_COOKIE, &form.written(), None);
        }
        response
    }

    /// Whether a form is one of ours, shown to this browser.
    ///
    /// # Errors
    /// [`Fault::FORGED`].
    pub fn check(&self, portal: &Portal, fields: &Fields) -> Result<(), Fault> {
        let token = field(fields, "token").unwrap_or_default();
        let fits = aws_lc_rs::constant_time::verify_slices_are_equal(token.as_bytes(), self.token(portal).as_bytes());
        (is_from_us(portal, &self.headers) && !self.fresh && fits.is_ok()).then_some(()).ok_or(Fault::FORGED)
    }

    /// Whether a form of ours could be sent from here: a page of ours was shown on this device, and it is ours that sends. What
    /// the form holds is not looked at; [`Visit::check`] does.
    pub fn may_post(&self, portal: &Portal) -> bool {
        is_from_us(portal, &self.headers) && !self.fresh
    }

    /// The session of a share on this device.
    ///
    /// # Errors
    /// [`Fault::CLOSED`] when there is none (any more).
    pub async fn opened(&self, portal: &Portal, share: &str) -> Result<Opened, Fault> {
        let Some(cookie) = device(&self.headers, share) else { return Err(Fault::CLOSED) };
        let opened = portal.0.shares.session(&cookie).await?;
        opened.filter(|opened| opened.share == share).ok_or(Fault::CLOSED)
    }

    /// The same, for who wants to have a file.
    ///
    /// # Errors
    /// [`Fault::CLOSED`], and [`Fault::VIEW_ONLY`] when the sender does not let files be had.
    pub async fn taking(&self, portal: &Portal, share: &str) -> Result<Opened, Fault> {
        let opened = self.opened(portal, share).await?;
        if opened.seen.view_only { Err(Fault::VIEW_ONLY) } else { Ok(opened) }
    }

    /// What was proven on this device before.
    pub fn proofs(&self) -> Vec<String> {
        let all = [DEVICE_COOKIE, PROOF_COOKIE].into_iter().flat_map(|prefix| forms::cookies(&self.headers, prefix));
        all.map(|(_, value)| value).collect()
    }

    /// Whether this device is to be remembered.
    pub fn is_remembered(&self) -> bool {
        !forms::cookies(&self.headers, DEVICE_COOKIE).is_empty()
    }

    /// Has the device keep what was proven on it; of too many the first go.
    pub fn keep(&self, response: &mut Response, proof: &Proof) {
        let prefix = if proof.lasts.is_some() { DEVICE_COOKIE } else { PROOF_COOKIE };
        let name = format!("{prefix}{}", proof.name);
        let others: Vec<(String, String)> = forms::cookies(&self.headers, prefix);
        let others: Vec<&String> = others.iter().map(|(other, _)| other).filter(|other| **other != name).collect();
        for other in others.iter().take((others.len() + 1).saturating_sub(MOST_PROOFS)) {
            set_cookie(response, other, "", Some(0));
        }
        set_cookie(response, &name, proof.value.expose(), proof.lasts);
    }

    /// Forgets what was proven on this device: all of it, or what it does not keep for longer.
    pub fn forget(&self, response: &mut Response, all: bool) {
        for prefix in [PROOF_COOKIE, DEVICE_COOKIE].into_iter().take(if all { 2 } else { 1 }) {
            for (name, _) in forms::cookies(&self.headers, prefix) {
                set_cookie(response, &name, "", Some(0));
            }
        }
    }

    /// Ends the session of a share on this device.
    pub async fn close(&self, portal: &Portal, share: &str, response: &mut Response) -> Result<(), Fault> {
        if let Some(cookie) = device(&self.headers, share) {
            portal.0.shares.sign_out(&cookie).await?;
        }
        set_cookie(response, &format!("{SHARE_COOKIE}{share}"), "", Some(0));
        self.forget(response, false);
        Ok(())
    }

    /// What tells this browser from others, for what is asked of it alone.
    pub fn browser(&self, portal: &Portal) -> String {
        self.token(portal)
    }

    fn token(&self, portal: &Portal) -> String {
        let form = self.form.as_ref().map_or(&[][..], LinkSecret::octets);
        let index = portal.0.store.index("portal form", &[form]);
        index.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

/// The cookie of a share that is open on this device.
pub(in crate::web) fn device(headers: &HeaderMap, share: &str) -> Option<String> {
    let is_id = share.len() <= LONGEST_ID && share.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_id { cookie(headers, &format!("{SHARE_COOKIE}{share}")) } else { None }
}

/// On to an opened share, with its cookie, which ends with the browser.
pub(in crate::web) fn enter(share: &str, cookie: &str) -> Response {
    let mut response = see(&format!("/s/{share}"));
    set_cookie(&mut response, &format!("{SHARE_COOKIE}{share}"), cookie, None);
    response
}

/// `POST /taal`: another language, on the page where it was asked for. It takes no token, so that it works on an error's
/// page too: it changes nothing but words.
pub(super) async fn language(State(portal): State<Portal>, headers: HeaderMap, Form(fields): Form<Fields>) -> Answer {
    let asked = field(&fields, "language").unwrap_or_default();
    let texts = portal.0.around.texts();
    let known = texts.languages().into_iter().find(|(tag, _)| *tag == asked);
    let (tag, _) = known.filter(|_| is_from_us(&portal, &headers)).ok_or(Fault::FORM)?;
    let back = field(&fields, "back").filter(|back| is_own_path(back)).unwrap_or("/");
    let mut response = see(back);
    set_cookie(&mut response, LANGUAGE_COOKIE, tag, Some(365 * 24 * 3600));
    Ok(response)
}

/// The language that was chosen on this device, else one that its browser asks for, else the schools'.
pub(super) fn language_of(headers: &HeaderMap, portal: &Portal) -> String {
    let chosen = cookie(headers, LANGUAGE_COOKIE);
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    portal.0.around.texts().best(chosen.as_deref(), accepted, portal.0.around.language().word())
}

/// The portal has its own address, and stands at that of the desk too, where senders read their own copy.
fn is_from_us(portal: &Portal, headers: &HeaderMap) -> bool {
    portal.0.urls.iter().any(|url| forms::is_from_us(url, headers))
}
