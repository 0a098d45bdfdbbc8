//! Secure shares: a mail that is not sent but kept sealed, with a link for each recipient, until it is withdrawn or over.
//!
//! [`Shares`] is the one handle: the gate makes shares with it, the portal opens them for recipients, the desk lets
//! their sender look, withdraw and extend. What opens an item never lies on this machine in `strict` mode: a recipient's
//! key comes out of the secret in his link, his code and the pepper (see [`crate::vault::share`]).
//!
//! | file | what |
//! |---|---|
//! | `make` | from a message to sealed items, rows and links, all or nothing |
//! | `open` | a recipient: link, code, session, items |
//! | `reply` | what a recipient answers, and a call for a code |
//! | `sender` | the sender: what became of it, withdraw, extend, new link, delete |
//! | `values` | settings and errors |
//!
//! To somebody without the right secret a share that is there, over or withdrawn is like one that never was. Looking
//! changes nothing. Never logs a secret, a code, a subject, a name or an address. Fails as [`ShareError`].

mod make;
mod open;
mod reply;
mod sender;
mod values;

use std::fmt;
use std::sync::Arc;

pub use self::make::{Code, Draft, Factor, Link, Made, NewItem, NewRecipient, NewShare};
pub use self::open::{Body, How, Item, Look, Opened, Seen, Unlock, Visitor};
pub use self::reply::{Asked, CodeWanted, Received, Replied, Reply, ReplyFile};
pub use self::sender::{Event, Overview, RecipientOverview, Renewed, Scope};
pub use self::values::{ItemKind, KeysMode, Letter, Letters, Lifetimes, Settings, ShareError};
use crate::outbox::Outbox;

/// The shares of an installation. Clones are the same shares.
#[derive(Clone)]
pub struct Shares {
    inner: Arc<Inner>,
    letters: Option<Arc<dyn Letters>>,
}

struct Inner {
    outbox: Outbox,
    settings: Settings,
}

impl fmt::Debug for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shares(..)")
    }
}

impl Shares {
    /// The shares that this outbox's store and vault keep.
    pub fn new(outbox: Outbox, settings: Settings) -> Self {
        Self { inner: Arc::new(Inner { outbox, settings }), letters: None }
    }

    /// The same shares, with somebody who writes their mails: for those who call what owes one ([`Shares::reply`],
    /// [`Shares::ask_for_code`], [`Shares::renew`]).
    #[must_use]
    pub fn with_letters(&self, letters: Arc<dyn Letters>) -> Self {
        Self { inner: Arc::clone(&self.inner), letters: Some(letters) }
    }

    /// The settings: addresses, lifetimes, where the data is.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}
