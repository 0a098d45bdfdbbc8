//! Secure shares: a mail that is not sent but kept sealed, with a link for each recipient, until it is withdrawn or over.
//!
//! [`Shares`] is the one handle: the gate makes shares with it, the portal opens them for recipients, the desk lets
//! their sender look, withdraw and extend. What opens an item never lies on this machine in `strict` mode: a recipient's
//! key comes out of the secret in his link, his code and the pepper (see [`crate::vault::share`]).
//!
//! | file | what |
//! |---|---|
//! | `factor`, `phone`, `sms` | by what a recipient proves who he is; codes by text message and mail |
//! | `make` | from a message to sealed items, rows and links, all or nothing |
//! | `open` | a recipient: link, code, session, items |
//! | `passkey`, `ceremony` | whoever comes back opens with what unlocks his device |
//! | `proof` | what a device has proven, for eight hours or 90 days |
//! | `reply` | what a recipient answers, and a call for a code |
//! | `sender` | the sender: what became of it, withdraw, extend, new link, delete |
//! | `told` | codes and receipts that are mailed on |
//! | `values` | settings and errors |
//!
//! To somebody without the right secret a share that is there, over or withdrawn is like one that never was. Looking
//! changes nothing. Never logs a secret, a code, a subject, a name or an address. Fails as [`ShareError`].

mod ceremony;
mod factor;
mod make;
mod open;
mod passkey;
mod phone;
mod proof;
mod reply;
mod sender;
pub mod sms;
#[cfg(test)]
mod tests;
mod told;
mod values;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

pub use self::factor::{CodeWords, Factor, NumberFrom, Texted};
pub use self::make::{Code, Draft, Drafted, Link, Made, NewItem, NewRecipient, NewShare, Purpose};
pub use self::open::{Body, How, Item, Look, Opened, OpenedBy, Seen, Unlock, Visitor};
pub use self::passkey::{Added, Challenge, OwnPasskey, PasskeyMade};
pub use self::phone::Phone;
pub use self::proof::Proof;
pub use self::reply::{Asked, CodeMail, CodeWanted, Received, Replied, Reply, ReplyFile};
pub use self::sender::{Event, Overview, RecipientOverview, Renewed, Scope};
pub use self::told::Told;
pub use self::values::{Brand, ItemKind, KeysMode, Letter, Letters, Lifetimes, Settings, ShareError};
use crate::outbox::Outbox;
use crate::problem::Problem;
use crate::secret::Secret;
pub use crate::store::share::{LOG_DAYS, Reminder, Statement};
use crate::vault::share::{Cost, Files};

/// What is known of the codes that live is no older.
const CODES_AGE: Duration = Duration::from_secs(60);

/// The shares of an installation. Clones are the same shares.
#[derive(Clone)]
pub struct Shares {
    inner: Arc<Inner>,
    letters: Option<Arc<dyn Letters>>,
    sms: Option<Arc<sms::Provider>>,
}

struct Inner {
    outbox: Outbox,
    files: Files,
    settings: Settings,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    cost: Cost,
    incidents: make::Incidents,
    networks: open::Networks,
    challenges: passkey::Challenges,
    codes: Notify,
}

impl fmt::Debug for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shares(..)")
    }
}

impl Shares {
    /// The shares of a data folder, known to the store of this outbox; the folder for their files is made when there is
    /// none.
    ///
    /// # Errors
    /// A [`Problem`] when that folder cannot be had.
    pub fn open(data_dir: &Path, outbox: Outbox, settings: Settings) -> Result<Self, Problem> {
        Self::with(data_dir, outbox, settings, Arc::new(crate::store::now), Cost::default())
    }

    /// The same with a clock of its own: now, in milliseconds since 1970.
    ///
    /// # Errors
    /// A [`Problem`] when the folder for files cannot be had.
    pub fn with(
        data_dir: &Path,
        outbox: Outbox,
        settings: Settings,
        clock: Arc<dyn Fn() -> i64 + Send + Sync>,
        cost: Cost,
    ) -> Result<Self, Problem> {
        let files = Files::open(data_dir, &settings.place)?;
        let (incidents, networks) = (make::Incidents::default(), open::Networks::default());
        let (challenges, codes) = (passkey::Challenges::default(), Notify::new());
        let inner = Inner { outbox, files, settings, clock, cost, incidents, networks, challenges, codes };
        Ok(Self { inner: Arc::new(inner), letters: None, sms: None })
    }

    /// The same shares, with somebody who writes their mails: for those who call what owes one ([`Shares::reply`],
    /// [`Shares::ask_for_code`], [`Shares::renew`]).
    #[must_use]
    pub fn with_letters(&self, letters: Arc<dyn Letters>) -> Self {
        Self { letters: Some(letters), ..self.clone() }
    }

    /// The same shares, with a provider of text messages: whose number is known gets his code by it from now on.
    #[must_use]
    pub fn with_sms(&self, provider: Arc<sms::Provider>) -> Self {
        Self { sms: Some(provider), ..self.clone() }
    }

    /// How text messages are sent; none when they are not.
    pub fn sms(&self) -> Option<&sms::Settings> {
        self.sms.as_ref().map(|provider| provider.settings())
    }

    /// Forgets what it remembers of shares for further parts of their mail, once none can come any more: the keys of items
    /// are in there. To be called every minute.
    pub fn forget_recent(&self) {
        self.inner.forget_recent();
    }

    /// The files, for the purge.
    pub fn files(&self) -> &Files {
        &self.inner.files
    }

    /// The settings: addresses, lifetimes, where the data is.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Takes away what a kill left behind: files that no row knows. To be called before the first share is made.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn recover(&self) -> Result<(), ShareError> {
        self.inner.files.claim(&self.inner.owner()).await?;
        self.inner.files.sweep()?;
        let known: HashSet<String> = self.inner.outbox.store().share_files().await?.into_iter().collect();
        let there = self.inner.files.names().await?;
        let unknown: Vec<String> = there.into_iter().filter(|name| !known.contains(name)).collect();
        self.inner.forget(&unknown).await;
        Ok(())
    }

    /// The codes that senders have still to tell, with their schools: for who looks whether one is mailed on.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn live_codes(&self) -> Result<Vec<(String, Secret<String>)>, ShareError> {
        let codes = self.inner.outbox.store().share_codes().await?;
        Ok(codes.into_iter().map(|(school, code)| (school, Secret::new(code))).collect())
    }

    /// Waits until there is another code, a minute at most.
    pub async fn until_codes_change(&self) {
        let _ = tokio::time::timeout(CODES_AGE, self.inner.codes.notified()).await;
    }

    fn now(&self) -> i64 {
        (self.inner.clock)()
    }
}

impl Inner {
    /// What tells this installation from others: whoever has its key file.
    fn owner(&self) -> String {
        let index = self.outbox.store().index("share owner", &[]);
        index.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// Takes files away that no row knows. One that stays is taken away at the next start; gives how many do.
    async fn forget(&self, files: &[String]) -> usize {
        let mut stay = 0;
        for name in files {
            if let Err(error) = self.files.delete(name).await {
                tracing::warn!(%error, "a file of a share could not be taken away yet");
                stay += 1;
            }
        }
        stay
    }
}
