//! The portal: where a recipient reads what was shared with him, and answers. For parents, on a phone, without an account.
//!
//! Three steps: the link in the mail, the button, the code. A GET changes nothing and shows nothing but who wrote and when;
//! every step is a POST with a token bound to a cookie, and what a robot can press without the code mails the sender at
//! most. Unknown, expired and withdrawn links have one answer. Behind the code stand the message, its files, and a form to
//! answer; who was signed out while typing keeps what was typed. No page needs a script; those where a passkey is made or used
//! have one, small and our own.
//!
//! | file | what |
//! |---|---|
//! | `frame` | the page of every error |
//! | `visit` | who asks: language, token, what is open on this device |
//! | `door` | from a link and a code to an open share |
//! | `text_code` | a code by text message |
//! | `passkey` | whoever comes back opens with what unlocks his device |
//! | `brand` | which schools are at which address, and their looks |
//! | `message` | the message, its files, all of them as a zip |
//! | `answer`, `incoming` | an answer to the sender, and what may come with it |
//! | `about` | help, privacy, accessibility, and whether this is real |
//! | `mail_page` | HTML of strangers, made harmless |
//! | `names`, `zip` | names of strangers, made harmless; a zip while it is read |
//!
//! Knows [`Shares`] and no table. Never logs a path, a secret, an address, a name or a text. Fails as pages.

mod about;
mod answer;
mod brand;
mod door;
mod frame;
mod incoming;
mod mail_page;
mod message;
mod names;
mod pages;
mod passkey;
mod text_code;
mod texts;
mod visit;
mod zip;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;

pub use self::incoming::Looked;
pub use self::texts::Texts;
pub(super) use self::visit::{device, enter};
use crate::school::{Language, School};
use crate::share::{ReplyFile, ShareError, Shares};
use crate::store::Store;
use crate::web::Url;
use crate::web::desk;
use crate::web::headers::headers;

/// What the portal asks of the gate behind it.
pub trait Around: Send + Sync + 'static {
    /// The schools, as they are configured now.
    fn schools(&self) -> Vec<School>;

    /// The schools' language.
    fn language(&self) -> Language;

    /// The schools' time zone.
    fn time_zone(&self) -> TimeZone;

    /// The texts of the pages.
    fn texts(&self) -> Arc<Texts>;

    /// Looks into the files of an answer, as into those of a mail. May take as long as a scan takes.
    fn look_into(&self, files: &[ReplyFile]) -> Looked;

    /// The texts for senders, in which what happened is told beside their own copy.
    fn sender_texts(&self) -> Arc<desk::Texts>;
}

/// The portal of an installation. Clones are the same portal.
#[derive(Clone)]
pub struct Portal(Arc<Inner>);

struct Inner {
    shares: Shares,
    store: Store,
    around: Arc<dyn Around>,
    urls: Vec<Url>,
    answers: Arc<Semaphore>,
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").field("urls", &self.0.urls).finish_non_exhaustive()
    }
}

/// What a portal works with.
pub struct Means {
    /// The shares; they can write their mails.
    pub shares: Shares,
    /// Whose keyed hash forms are bound with.
    pub store: Store,
    /// The gate behind it.
    pub around: Arc<dyn Around>,
    /// Addresses at which its pages stand besides the shares' own: that of the desk.
    pub urls: Vec<Url>,
}

impl fmt::Debug for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Forms are short: a code, a word.
const LARGEST_FORM: usize = 16 * 1024;
/// Answers that are taken in at the same time: each is in memory until its mail is owed.
const ANSWERS: usize = 8;

impl Portal {
    /// A portal.
    pub fn new(means: Means) -> Self {
        let Means { shares, store, around, mut urls } = means;
        urls.extend(shares.settings().urls().into_iter().filter_map(Url::parse));
        Self(Arc::new(Inner { shares, store, around, urls, answers: Arc::new(Semaphore::new(ANSWERS)) }))
    }

    /// Its pages, to stand beside those of the desk.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/portal.css", get(frame::style))
            .route("/huisstijl/{school}", get(brand::style))
            .route("/logo/{school}", get(brand::logo))
            .route("/taal", post(visit::language))
            .route("/echt", get(about::real))
            .route("/hulp", get(about::help))
            .route("/privacy", get(about::privacy))
            .route("/toegankelijkheid", get(about::accessibility))
            .route("/b/{rid}/{secret}", get(door::welcome).post(door::go_on))
            .route("/b/{rid}/{secret}/code", get(door::code).post(door::unlock))
            .route("/b/{rid}/{secret}/sms", post(text_code::send))
            .route("/b/{rid}/{secret}/per-mail", post(text_code::send))
            .route("/b/{rid}/{secret}/passkey", post(passkey::open))
            .route("/passkey.js", get(passkey::script))
            .route("/b/{rid}/{secret}/geen-code", get(door::no_code).post(door::ask_for_code))
            // Whatever is missing or left over of a link: the same answer as for one that leads nowhere.
            .route("/b/{rid}", get(|| async { Fault::MISSING }))
            .route("/b/{rid}/{secret}/{more}", get(|| async { Fault::MISSING }))
            .route("/b/{rid}/{secret}/{more}/{*rest}", get(|| async { Fault::MISSING }))
            .route("/s/{share}", get(message::show))
            .route("/s/{share}/tekst", get(message::text))
            .route("/s/{share}/brief", get(message::body))
            .route("/s/{share}/alles.zip", get(message::all))
            .route("/s/{share}/bestand/{item}", get(message::download))
            .route("/s/{share}/bekijk/{item}", get(message::view))
            .route("/s/{share}/beeld/{item}", get(message::picture))
            .route("/s/{share}/passkey", get(passkey::list).post(passkey::make))
            .route("/s/{share}/passkey/weg", post(passkey::remove))
            .route("/s/{share}/uit", post(message::close))
            .route("/uit", get(about::closed))
            .route("/vergeet", get(about::forgotten).post(about::forget))
            .layer(DefaultBodyLimit::max(LARGEST_FORM))
            .route("/s/{share}/antwoord", get(answer::form).post(answer::send).layer(DefaultBodyLimit::disable()))
            .layer(from_fn_with_state(self.clone(), frame::errors))
            .layer(from_fn(headers))
            .with_state(self.clone())
    }

    /// A school by its id.
    fn school(&self, id: &str) -> Option<School> {
        self.0.around.schools().into_iter().find(|school| school.id == id)
    }
}

/// Why a page cannot be had: the status says it, and the frame writes the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault(StatusCode);

impl Fault {
    /// The link leads nowhere: unknown, over or withdrawn, which is the same.
    const MISSING: Self = Self(StatusCode::NOT_FOUND);
    /// Nothing is open on this device, or not any more.
    const CLOSED: Self = Self(StatusCode::UNAUTHORIZED);
    /// A file was withdrawn.
    const GONE: Self = Self(StatusCode::GONE);
    /// Its sender has it read on a page alone.
    const VIEW_ONLY: Self = Self(StatusCode::CONFLICT);
    /// The form is not one of ours, or too old.
    const FORGED: Self = Self(StatusCode::FORBIDDEN);
    /// The form cannot be read.
    const FORM: Self = Self(StatusCode::BAD_REQUEST);
    /// Trouble of ours.
    const TROUBLE: Self = Self(StatusCode::SERVICE_UNAVAILABLE);
}

impl axum::response::IntoResponse for Fault {
    fn into_response(self) -> axum::response::Response {
        self.0.into_response()
    }
}

impl From<ShareError> for Fault {
    fn from(error: ShareError) -> Self {
        if matches!(error, ShareError::Gone) {
            return Self::GONE;
        }
        tracing::error!(%error, "the portal cannot use the shares");
        Self::TROUBLE
    }
}

/// What a handler gives.
type Answer = Result<axum::response::Response, Fault>;
