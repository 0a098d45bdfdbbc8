//! Secure shares: items, recipients, grants, sessions, and what happened.
//!
//! | file | what |
//! |---|---|
//! | `factor` | codes by text message |
//! | `make` | a share with its items, recipients and owed mails goes in, in one commit |
//! | `open` | links, tries, sessions, grants |
//! | `passkey` | passkeys of recipients |
//! | `sender` | what the sender sees and does |
//! | `purge` | what is over goes |
//!
//! Withdrawn means that the grant's row is gone, so that the next request finds none. Wrong codes are counted before they
//! are looked at, in a transaction, so that two at once count as two.

mod factor;
mod make;
mod open;
pub(in crate::store) mod passkey;
mod purge;
mod sender;

use std::fmt;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

pub use self::factor::{Limits as TextLimits, Text};
pub use self::make::{Invitation, NewItem, NewRecipient, NewShare, NewShared};
pub(super) use self::make::{insert, settled};
pub use self::open::{Entry, Grant, Linked, Session, Statement, Try};
pub use self::passkey::{Facts as PasskeyFacts, Kept as PasskeyKept, Passkey, PasskeyId};
pub use self::purge::{LOG_DAYS, PurgedShares};
pub(in crate::store) use self::sender::CODE_SHOWN;
pub use self::sender::{EventRow, ItemRow, RecipientRow, Reminder, Rewrapped, ShareRow, Withdrawn};
use super::owed::{self, NewOwed};
use super::{Store, StoreError, insert_item};
use crate::level::Level;
use crate::vault::Item;

/// The octets of the public half of a link.
pub type RidOctets = [u8; 16];

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// What is told about a share. Sealed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Four characters that name it in mails and on pages.
    pub reference: String,
    /// The sender's address, as typed.
    pub sender: String,
    /// The sender's name, when the mail had one.
    pub sender_name: Option<String>,
    /// The subject of the mail.
    pub subject: String,
    /// The Message-ID of the mail, when it had one.
    pub message_id: Option<String>,
    /// What it is shared for, when the sender was asked.
    pub purpose: Option<String>,
    /// On which ground of the law, when the sender was asked.
    #[serde(default)]
    pub ground: Option<String>,
    /// Whether the subject may stand in mails to others.
    #[serde(default)]
    pub open_subject: bool,
}

/// What is told about an item. Sealed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemFacts {
    /// The name.
    pub name: String,
    /// The media type, as the mail had it.
    pub media_type: String,
    /// The id by which an HTML text shows it.
    pub content_id: Option<String>,
}

/// What is told about a recipient. Sealed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientFacts {
    /// The address, as typed.
    pub address: String,
    /// The policy line for which the mail is shared.
    pub line: String,
    /// The number that codes are sent to, in E.164.
    #[serde(default)]
    pub phone: Option<String>,
    /// The contact whose number or fixed code it is: its id in base 32.
    #[serde(default)]
    pub contact: Option<String>,
    /// How sure it must be that it is he who opens it.
    #[serde(default)]
    pub level: Level,
    /// Hash of what recipients of one family have in common.
    #[serde(default)]
    pub family: Option<String>,
}

macro_rules! shown_as_nothing {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

shown_as_nothing!(Facts, ItemFacts, RecipientFacts);

impl Store {
    /// In JSON, so that a later version can read what an earlier one wrote.
    pub(in crate::store) fn seal_json<T: Serialize>(&self, label: &str, value: &T) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(value).map_err(|error| StoreError::Trouble(error.to_string()))?;
        self.0.keys.seal(label, &plain).ok_or_else(|| StoreError::Trouble("it could not be sealed".to_owned()))
    }

    pub(in crate::store) fn unseal_json<T: serde::de::DeserializeOwned>(
        &self,
        label: &str,
        sealed: &[u8],
    ) -> Result<T, StoreError> {
        let plain = self.0.keys.open(label, sealed).ok_or(StoreError::Sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Sealed)
    }
}

fn facts_label(share: &str) -> String {
    format!("share.facts of {share}")
}

fn item_label(item: &str) -> String {
    format!("share_item.facts of {item}")
}

fn recipient_label(rid: &RidOctets) -> String {
    format!("share_recipient.facts of {}", hex(rid))
}

fn code_label(rid: &RidOctets) -> String {
    format!("share_recipient.code of {}", hex(rid))
}

fn passkey_label(rid: &RidOctets) -> String {
    format!("share_recipient.passkey of {}", hex(rid))
}

/// A mail of ours, sealed, to be owed in a transaction.
pub(super) struct SealedMail {
    item: Item,
    mail: NewOwed,
    envelope: Vec<u8>,
}

impl SealedMail {
    fn insert(&self, tables: &Connection, school: &str, now: i64) -> rusqlite::Result<()> {
        insert_item(tables, school, &self.item)?;
        owed::insert(tables, school, None, &self.mail, &self.envelope, now)
    }
}

impl Store {
    fn sealed_mail(&self, (item, mail): (Item, NewOwed)) -> Result<SealedMail, StoreError> {
        let envelope = self.seal_envelope(&mail)?;
        Ok(SealedMail { item, mail, envelope })
    }
}

/// Octets in hexadecimal.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Writes down that something happened.
fn happened(
    tables: &Connection,
    (share, school): (&str, &str),
    kind: &str,
    (rid, item): (Option<&RidOctets>, Option<&str>),
    now: i64,
) -> rusqlite::Result<()> {
    tables
        .prepare_cached("INSERT INTO share_event (share, school, at, kind, rid, item) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![share, school, now, kind, rid, item])?;
    Ok(())
}
