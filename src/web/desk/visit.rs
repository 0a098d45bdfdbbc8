//! Who asks: the language, the token of forms, and the device.
//!
//! Two cookies: one to which forms are bound, one of a device that is signed in. The tables know keyed hashes of them. A
//! POST must come from a page of ours, with a token made of both.

use std::fmt;
use std::future::Future;

use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use axum::{Form, http::StatusCode};

use super::pages::Page;
use super::{Answer, Desk, Fault};
use crate::school::Language;
use crate::seal::Index;
use crate::store::desk::Session;
use crate::vault::LinkSecret;
use crate::web::forms::{Fields, cookie, field, is_from_us, is_own_path, see, set_cookie};
use crate::web::said;

const FORM_COOKIE: &str = "__Host-mailpoort-form";
const SESSION_COOKIE: &str = "__Host-mailpoort";
const LANGUAGE_COOKIE: &str = "__Host-mailpoort-taal";
/// How long a device stays signed in, milliseconds.
const SIGNED_IN: i64 = 8 * 3600 * 1000;

/// A request's visitor.
pub(super) struct Visit {
    /// The language of the pages.
    pub language: Language,
    /// Who is signed in on this device.
    pub session: Option<Session>,
    /// The path that was asked for.
    pub path: String,
    /// What stands behind it.
    pub query: String,
    form: LinkSecret,
    /// The form's cookie is new and has to be set.
    fresh: bool,
    device: Option<LinkSecret>,
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("session", &self.session).finish_non_exhaustive()
    }
}

impl FromRequestParts<Desk> for Visit {
    type Rejection = Fault;

    fn from_request_parts(parts: &mut Parts, desk: &Desk) -> impl Future<Output = Result<Self, Fault>> + Send {
        let cookies = |name| cookie(&parts.headers, name);
        let kept = cookies(FORM_COOKIE).and_then(|value| LinkSecret::read(&value));
        let device = cookies(SESSION_COOKIE).and_then(|value| LinkSecret::read(&value));
        let language = language_of(&parts.headers, desk);
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        async move {
            let fresh = kept.is_none();
            let form = kept.or_else(LinkSecret::new).ok_or(Fault::TROUBLE)?;
            let session = match &device {
                Some(device) => desk.0.store.session(desk.device(device), desk.now()).await?,
                None => None,
            };
            let device = device.filter(|_| session.is_some());
            Ok(Self { language, session, path, query, form, fresh, device })
        }
    }
}

impl Visit {
    /// What every page shows around its own.
    pub fn page(&self, desk: &Desk) -> Page {
        let school = self.session.as_ref().and_then(|session| desk.0.gate.school(&session.school));
        let who = self.session.as_ref().map(|session| session.address.clone());
        Page::new(desk, self.language, school.as_ref(), who, self.token(desk), &self.path)
    }

    /// A page as an answer, with the cookie that its forms need.
    pub fn show(&self, page: &impl askama::Template) -> Response {
        let mut response = super::pages::show(page);
        if self.fresh {
            set_cookie(&mut response, FORM_COOKIE, &self.form.written(), None);
        }
        response
    }

    /// The hash of the browser, to which a code is bound.
    pub fn browser(&self, desk: &Desk) -> Index {
        desk.0.store.index("desk browser", &[self.form.octets()])
    }

    /// Whether a form is one of ours, shown to this browser and this device.
    ///
    /// # Errors
    /// [`Fault::FORGED`].
    pub fn check(&self, desk: &Desk, headers: &HeaderMap, fields: &Fields) -> Result<(), Fault> {
        let token = field(fields, "token").unwrap_or_default();
        let fits = aws_lc_rs::constant_time::verify_slices_are_equal(token.as_bytes(), self.token(desk).as_bytes());
        (is_from_us(&desk.0.url, headers) && !self.fresh && fits.is_ok()).then_some(()).ok_or(Fault::FORGED)
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// [`Fault::STRANGER`].
    pub fn signed_in(&self) -> Result<&Session, Fault> {
        self.session.as_ref().ok_or(Fault::STRANGER)
    }

    fn token(&self, desk: &Desk) -> String {
        let device = self.device.as_ref().map_or(&[][..], LinkSecret::octets);
        let index = desk.0.store.index("desk form", &[self.form.octets(), device]);
        index.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

impl Desk {
    fn device(&self, cookie: &LinkSecret) -> Index {
        self.0.store.index("desk session", &[cookie.octets()])
    }

    /// The hash of a mailbox.
    pub(super) fn mailbox(&self, school: &str, address: &str) -> Index {
        self.0.store.index("desk mailbox", &[school.as_bytes(), said::folded(address).as_bytes()])
    }

    /// Signs this device in: a new cookie for the device, and a new one for its forms.
    pub(super) async fn sign_in(&self, school: &str, address: &str, to: &str) -> Answer {
        let (device, form) = (LinkSecret::new().ok_or(Fault::TROUBLE)?, LinkSecret::new().ok_or(Fault::TROUBLE)?);
        let ends_at = self.now().saturating_add(SIGNED_IN);
        let session = Session { school: school.to_owned(), address: address.to_owned(), ends_at };
        self.0.store.begin_session(self.device(&device), self.mailbox(school, address), session).await?;
        let mut response = see(to);
        set_cookie(&mut response, SESSION_COOKIE, &device.written(), Some(SIGNED_IN / 1000));
        set_cookie(&mut response, FORM_COOKIE, &form.written(), None);
        Ok(response)
    }
}

/// `POST /sign-out`.
pub(super) async fn sign_out(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    if let Some(device) = &visit.device {
        desk.0.store.end_session(desk.device(device)).await?;
    }
    let mut response = see("/signed-out");
    for name in [SESSION_COOKIE, FORM_COOKIE] {
        set_cookie(&mut response, name, "", Some(0));
    }
    Ok(response)
}

/// `POST /language`: the other language, on the page where it was asked for. It takes no token, so that it works on an
/// error's page too: it changes nothing but words.
pub(super) async fn language(State(desk): State<Desk>, headers: HeaderMap, Form(fields): Form<Fields>) -> Answer {
    let asked = field(&fields, "language").unwrap_or_default();
    let asked = Language::ALL.into_iter().find(|language| language.word() == asked);
    let asked = asked.filter(|_| is_from_us(&desk.0.url, &headers)).ok_or(Fault(StatusCode::BAD_REQUEST))?;
    let back = field(&fields, "back").filter(|back| is_own_path(back)).unwrap_or("/");
    let mut response = see(back);
    set_cookie(&mut response, LANGUAGE_COOKIE, asked.word(), Some(365 * 24 * 3600));
    Ok(response)
}

/// The language that was chosen on this device, else the schools'.
pub(super) fn language_of(headers: &HeaderMap, desk: &Desk) -> Language {
    let chosen = cookie(headers, LANGUAGE_COOKIE);
    let known = Language::ALL.into_iter().find(|language| chosen.as_deref() == Some(language.word()));
    known.unwrap_or_else(|| desk.0.gate.language())
}
