//! Settings of shares, and why something cannot be done.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{CodeMail, CodeWanted, Link, Received};
use crate::message::Mailbox;
use crate::outbox::OutboxError;
use crate::school::{Calendar, School};
use crate::store::StoreError;
use crate::vault::VaultError;
use crate::vault::share::Place;

/// How shares are kept; the configuration makes it, and has checked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The public address of the portal, without a slash at its end: `https://veilig.delinde.example`.
    pub url: String,
    /// The schools that have an address or looks of their own, by their ids.
    pub brands: BTreeMap<String, Brand>,
    /// The public address of the teacher's desk, without a slash at its end.
    pub desk: String,
    /// How long what lives.
    pub lifetimes: Lifetimes,
    /// When there is school: days of a holiday do not count.
    pub calendar: Calendar,
    /// Whether this machine alone can open a share.
    pub keys: KeysMode,
    /// An age recipient whose private half is kept offline; it opens every share made from now on.
    pub escrow: Option<String>,
    /// How a code reaches a parent besides a call, as the receipt and the portal name it: "Parro", "op school".
    pub code_channels: Vec<String>,
    /// Where the sealed items lie.
    pub place: Place,
    /// The schools that let a recipient's device be remembered for 90 days, by id.
    pub remember: Vec<String>,
    /// Whether recipients may have passkeys.
    pub passkeys: bool,
    /// Where the data lies: ISO 3166 code of a country.
    pub country: String,
    /// Why it may lie outside the EU and EEA, in the school's words.
    pub outside_eu: Option<String>,
}

/// What pages for the recipients of one school have of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brand {
    /// The address, as [`Settings::url`].
    pub url: Option<String>,
    /// The colour of links and buttons, `#0a4f8f`; dark enough to be read on white.
    pub colour: Option<String>,
    /// A picture for the head of its pages (PNG), small.
    pub logo: Option<Arc<[u8]>>,
}

impl Settings {
    /// The address at which a school's shares are opened.
    pub fn url_of(&self, school: &str) -> &str {
        self.brands.get(school).and_then(|brand| brand.url.as_deref()).unwrap_or(&self.url)
    }

    /// All addresses at which shares are opened, the installation's own first.
    pub fn urls(&self) -> Vec<&str> {
        let mut urls = vec![self.url.as_str()];
        urls.extend(self.brands.values().filter_map(|brand| brand.url.as_deref()));
        urls.dedup();
        urls
    }
}

/// How long what of a share lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A share that was opened.
    pub share: Duration,
    /// A share that nobody opened yet.
    pub unopened: Duration,
    /// A share that holds a password, which is gone after its first opening too.
    pub password: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Self { share: days(30), unopened: days(14), password: days(1) }
    }
}

/// Whether this machine alone can open a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeysMode {
    /// It cannot: a new link takes the sender's own.
    #[default]
    Strict,
    /// It can, with a key that lies in the key file: new links without the sender.
    Recoverable,
}

impl KeysMode {
    /// The word in configuration and table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Recoverable => "recoverable",
        }
    }
}

/// What an item of a share is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// The text of the mail in HTML, as it came: to be sanitised before anybody sees it. UTF-8.
    Html,
    /// The text of the mail. UTF-8.
    Text,
    /// An attachment, decoded.
    Attachment,
    /// The whole mail as it came (message/rfc822).
    Original,
}

impl ItemKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Html, Self::Text, Self::Attachment, Self::Original];

    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Html => "body_html",
            Self::Text => "body_text",
            Self::Attachment => "attachment",
            Self::Original => "original_eml",
        }
    }

    /// The kind of a word; one that we do not know is an attachment.
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or(Self::Attachment)
    }
}

/// A mail of ours: its octets, and who gets it.
pub struct Letter {
    /// The mail, whole.
    pub raw: Vec<u8>,
    /// MAIL FROM; none for `<>`, which is for what no person has written.
    pub sender: Option<Mailbox>,
    /// Its readers.
    pub readers: Vec<Mailbox>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("readers", &self.readers.len()).finish_non_exhaustive()
    }
}

/// Who writes the mails about shares: the gate, which has schools and texts. None means that it cannot be written.
pub trait Letters: Send + Sync + 'static {
    /// The school with this id, as it is configured now.
    fn school(&self, id: &str) -> Option<School>;

    /// The mail with the link for a recipient, from the sender's own address.
    fn invitation(&self, link: &Link, overview: &super::Overview) -> Option<Letter>;

    /// Tells the sender, and the school's deputy, that somebody has no code.
    fn code_wanted(&self, wanted: &CodeWanted) -> Option<Letter>;

    /// Tells an address that there is a passkey now that opens what is shared with it.
    fn passkey_made(&self, made: &super::PasskeyMade) -> Option<Letter>;

    /// The mail with a code of six digits, for a recipient's mailbox.
    fn code_mail(&self, mail: &CodeMail) -> Option<Letter>;

    /// A recipient's answer, for the sender's own mailbox.
    fn reply(&self, received: &Received) -> Option<Letter>;
}

/// Why something could not be done. Nothing was done then.
#[derive(Debug)]
pub enum ShareError {
    /// The tables.
    Store(StoreError),
    /// The sealed items.
    Vault(VaultError),
    /// It is not there, is over, is withdrawn, or is not yours.
    Gone,
    /// Only the sender's own link can do it: strict keys.
    NeedsLink,
    /// The mail about it could not be written.
    Letter,
    /// The system has no chance, no threads, or no memory left.
    System,
}

impl ShareError {
    /// Whether the same may well be done later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Vault(_) | Self::System)
    }

    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Store(error) => *error == StoreError::Full,
            Self::Vault(error) => error.is_full(),
            _ => false,
        }
    }
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
            Self::Gone => f.write_str("there is no such share, or it is over"),
            Self::NeedsLink => f.write_str("only the sender's own link can do this (keys = \"strict\")"),
            Self::Letter => f.write_str("the mail about a share could not be written"),
            Self::System => f.write_str("the system has no chance, threads or memory left"),
        }
    }
}

impl std::error::Error for ShareError {}

impl From<StoreError> for ShareError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<VaultError> for ShareError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<OutboxError> for ShareError {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Store(error) => Self::Store(error),
            OutboxError::Vault(error) => Self::Vault(error),
        }
    }
}
