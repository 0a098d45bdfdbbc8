//! The teacher's desk: what was stopped, and what its sender wants to do about it.
//!
//! The link in a notice shows kinds, places and choices, and no more, since notices get forwarded. Every act, and the words
//! around a finding, take proof: a code to the sender's own mailbox, remembered on that device for eight hours. A GET
//! changes nothing; every act is a POST with a token bound to a cookie, and what a robot can press without reading the
//! mailbox sends a code at most. Unknown, expired and malformed links have one answer.
//!
//! | file | what |
//! |---|---|
//! | `frame` | the page of every error |
//! | `visit` | who asks: language, token, device |
//! | `door` | from a link to a device that is signed in |
//! | `mails` | my blocked mail, and one of them |
//! | `choices` | what may be done with it |
//! | `requests` | what somebody else is asked: to agree, or to help |
//! | `share_late` | somebody who gets a link afterwards |
//! | `shares` | my shared messages, and what became of each |
//! | `share_acts` | withdraw, delete, extend, files off, a new code, a word about who waits |
//! | `share_log` | what happened, in words and as a file |
//! | `copy` | the sender's own link to what he shared |
//! | `safely` | whether one can mail safely to somebody |
//! | `week` | the list of a week, and its link |
//! | `letters` | the mails that we write |
//!
//! Never decides who may have a mail: the policy's offers are in the [`Facts`](crate::store::held::Facts), and what goes
//! out changed is judged by the gate again. Never logs a path, a secret, an address or a text. Fails as pages.

mod choices;
mod copy;
mod door;
mod frame;
mod gate;
mod hidden;
mod letters;
mod mails;
mod pages;
mod requests;
mod safely;
mod share_acts;
mod share_late;
mod share_log;
mod shares;
mod texts;
mod visit;
mod week;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

pub use self::gate::{Asking, Does, Gate, Late, LateMail, Look, Passage, Remade, Reported, Safely, Shared, Sharing};
pub use self::share_log::Log;
pub use self::texts::Texts;
use crate::share::{ShareError, Shares};
use crate::store::{Store, StoreError};
use crate::vault::{Vault, VaultError};
use crate::web::Url;
use crate::web::headers::headers;

/// The desk of an installation. Clones are the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    store: Store,
    vault: Vault,
    gate: Arc<dyn Gate>,
    url: Url,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    wake: Arc<dyn Fn() + Send + Sync>,
    shares: Option<Shares>,
    give_up: i64,
    looks: Semaphore,
    asked: safely::Asked,
    weeks: week::Told,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("url", &self.0.url).finish_non_exhaustive()
    }
}

/// What a desk works with.
pub struct Means {
    /// The tables.
    pub store: Store,
    /// The sealed mails.
    pub vault: Vault,
    /// The gate behind it.
    pub gate: Arc<dyn Gate>,
    /// The address of the pages.
    pub url: Url,
    /// Now, in milliseconds since 1970.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Called when something is owed: it should go out now.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// The shares, where the installation has any; they can write their mails.
    pub shares: Option<Shares>,
    /// After how long mail that the desk owes is given up, milliseconds.
    pub give_up: i64,
}

impl fmt::Debug for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Forms are short: a reason, some numbers.
const LARGEST_FORM: usize = 16 * 1024;
/// Mails that are judged again at the same time: judging is the gate's work first.
const LOOKS: usize = 2;

impl Desk {
    /// A desk.
    pub fn new(means: Means) -> Self {
        let Means { store, vault, gate, url, clock, wake, shares, give_up } = means;
        Self(Arc::new(Inner {
            store,
            vault,
            gate,
            url,
            clock,
            wake,
            shares,
            give_up,
            looks: Semaphore::new(LOOKS),
            asked: safely::Asked::default(),
            weeks: week::Told::default(),
        }))
    }

    /// Its pages.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(mails::home))
            .route("/style.css", get(frame::style))
            .route("/language", post(visit::language))
            .route("/help", get(mails::help))
            .route("/sign-out", post(visit::sign_out))
            .route("/signed-out", get(mails::signed_out))
            .route("/m/{secret}", get(door::notice))
            .route("/m/{secret}/code", get(door::notice_code).post(door::notice_send))
            .route("/m/{secret}/sign-in", post(door::notice_sign_in))
            .route("/r/{secret}", get(door::request))
            .route("/r/{secret}/code", get(door::request_code).post(door::request_send))
            .route("/r/{secret}/sign-in", post(door::request_sign_in))
            .route("/r/{secret}/answer", post(requests::answer))
            .route("/w/{secret}", get(week::show))
            .route("/w/{secret}/code", get(week::code).post(week::send))
            .route("/w/{secret}/sign-in", post(week::sign_in))
            .route("/mail", get(mails::list))
            .route("/mail/{id}", get(mails::detail))
            .route("/mail/{id}/passage", post(mails::passage))
            .route("/mail/{id}/{choice}", get(choices::form).post(choices::act))
            .route("/safely", get(safely::form).post(safely::answer))
            .route("/shares", get(shares::list))
            .route("/shares/{id}", get(shares::detail))
            .route("/shares/{id}/log", get(share_log::file))
            .route("/shares/{id}/withdraw", get(share_acts::withdraw).post(share_acts::withdraw_now))
            .route("/shares/{id}/delete", get(share_acts::delete).post(share_acts::delete_now))
            .route("/shares/{id}/downloads", post(share_acts::downloads))
            .route("/shares/{id}/extend", post(share_acts::extend))
            .route("/shares/{id}/renew", post(share_acts::renew))
            .route("/shares/{id}/add", get(share_late::form).post(share_late::add))
            .route("/shares/{id}/passkeys", post(share_acts::passkeys))
            .route("/kopie/{rid}/{secret}", get(copy::show).post(copy::open))
            .route("/kopie/{rid}/{secret}/code", get(copy::code).post(copy::send))
            .route("/kopie/{rid}/{secret}/sign-in", post(copy::sign_in))
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(DefaultBodyLimit::max(LARGEST_FORM))
            .layer(from_fn_with_state(self.clone(), frame::errors))
            .layer(from_fn(headers))
            .with_state(self.clone())
    }

    /// What is due without anybody asking: tells who asked for help and had no answer, tells senders what is not opened
    /// and what their week left, and forgets old codes and sessions. To be called every minute or so.
    ///
    /// # Errors
    /// [`StoreError`]; the rest is done at the next call.
    pub async fn tend(&self) -> Result<(), StoreError> {
        let now = self.now();
        self.0.store.purge_desk(now).await?;
        requests::tell_unanswered(self, now).await?;
        let told = week::tell(self, now).await;
        // What is wrong is in the log by then.
        let _ = share_acts::remind(self).await;
        told
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }
}

/// Why a page cannot be had: the status says it, and the frame writes the page.
#[derive(Debug, Clone, Copy)]
struct Fault(StatusCode);

impl Fault {
    /// Not there, or not yours: the same.
    const MISSING: Self = Self(StatusCode::NOT_FOUND);
    /// The form is not one of ours, or too old.
    const FORGED: Self = Self(StatusCode::FORBIDDEN);
    /// Nobody is signed in on this device.
    const STRANGER: Self = Self(StatusCode::UNAUTHORIZED);
    /// Trouble of ours.
    const TROUBLE: Self = Self(StatusCode::SERVICE_UNAVAILABLE);
}

impl axum::response::IntoResponse for Fault {
    fn into_response(self) -> axum::response::Response {
        self.0.into_response()
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the desk cannot use the store");
        Self::TROUBLE
    }
}

impl From<ShareError> for Fault {
    fn from(error: ShareError) -> Self {
        if matches!(error, ShareError::Gone) {
            return Self::MISSING;
        }
        tracing::error!(%error, "the desk cannot use the shares");
        Self::TROUBLE
    }
}

impl From<VaultError> for Fault {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "the desk cannot use the vault");
        Self::TROUBLE
    }
}

/// What a handler gives.
type Answer = Result<axum::response::Response, Fault>;
