//! A recipient: from link and code to a session, and from there to the items.
//!
//! A session's key lies sealed in its row, with a key that only the cookie holds. Every item that is read checks its grant
//! in the transaction that logs the reading: what was withdrawn is gone at the next request.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::pin::Pin;

use futures_util::Stream;

use super::{ItemKind, ShareError, Shares};
use crate::secret::Secret;

/// Where a link leads.
pub enum Look {
    /// To a share that waits to be opened.
    Ready(Seen),
    /// Too many wrong codes: none works until then, milliseconds; without a moment until the sender makes a new link.
    Locked(Seen, Option<i64>),
    /// Its time is over.
    Over(Seen),
    /// Its sender has withdrawn it.
    Withdrawn(Seen),
    /// Nowhere: the same answer, in the same time, for a link that never was and for a secret that is wrong.
    Nothing,
}

/// What a link alone shows: never a subject, a name of a file, or the recipient's address.
#[derive(Clone)]
pub struct Seen {
    /// The id of the share.
    pub share: String,
    /// The school.
    pub school: String,
    /// Four characters that mail and page have in common.
    pub reference: String,
    /// The sender's name, or his address when the mail had none.
    pub sender: Secret<String>,
    /// The sender's address.
    pub sender_address: Secret<String>,
    /// When it was made, milliseconds.
    pub made_at: i64,
    /// Until when it can be opened first, milliseconds; none when it was opened.
    pub open_by: Option<i64>,
    /// When it ends, milliseconds.
    pub ends_at: i64,
    /// Wrong codes that are left before the next lock.
    pub tries_left: u32,
    /// Whether this is the sender's own link, which opens at the desk and takes no code.
    pub is_sender: bool,
}

/// Who tries, for the budgets against guessing. Of the address no more than its network is used, in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor {
    /// The address that the connection comes from.
    pub address: Option<IpAddr>,
}

/// What a code came to.
pub enum Unlock {
    /// It is the right one.
    Open {
        /// The cookie's value: who has it, has the session. Letters and digits.
        cookie: Secret<String>,
        /// The session.
        opened: Opened,
    },
    /// It is not 12 digits; nothing was counted.
    Malformed,
    /// It is not the code.
    Wrong {
        /// Wrong codes that are left before the lock.
        left: u32,
    },
    /// Too many wrong codes: none works until then, milliseconds; without a moment until the sender makes a new link.
    Locked {
        /// Until when.
        until: Option<i64>,
    },
    /// Too many tries from this network, or in all: later.
    Busy,
    /// The link leads nowhere (any more).
    Nothing,
}

/// A session in which somebody has proven to be a recipient, or the sender.
#[derive(Clone)]
pub struct Opened {
    /// The id of the share.
    pub share: String,
    /// The public half of the link.
    pub rid: String,
    /// What the link shows.
    pub seen: Seen,
    /// The subject of the mail.
    pub subject: Secret<String>,
    /// The address that the link was sent to.
    pub address: Secret<String>,
    /// When the session ends if nothing is done in it, milliseconds.
    pub ends_at: i64,
    pub(super) seed: Secret<[u8; 32]>,
}

/// An item of a share, for who has opened it.
#[derive(Clone)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: ItemKind,
    /// Its name.
    pub name: Secret<String>,
    /// Its media type, as the mail had it: not to be believed.
    pub media_type: String,
    /// Octets.
    pub size: u64,
    /// When it was withdrawn, milliseconds; then its content is gone, and its name.
    pub withdrawn_at: Option<i64>,
}

/// What an item is read for; the sender sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Shown on a page.
    Viewed,
    /// Downloaded on its own.
    Downloaded,
    /// Downloaded with all others.
    Zipped,
}

/// The content of an item, or a piece of it.
pub struct Body {
    /// The item.
    pub item: Item,
    /// Which octets of it.
    pub range: Range<u64>,
    /// They, in pieces; holds no more than a piece in memory, and no thread while nobody reads.
    pub stream: Pin<Box<dyn Stream<Item = std::io::Result<Vec<u8>>> + Send>>,
}

macro_rules! shown_as_nothing {
    ($($name:ty),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

shown_as_nothing!(Look, Seen, Unlock, Opened, Item, Body);

impl Shares {
    /// Where a link leads: `/b/RID/SECRET`. Changes nothing.
    ///
    /// # Errors
    /// [`ShareError`], for trouble of ours alone.
    pub async fn look(&self, rid: &str, secret: &str) -> Result<Look, ShareError> {
        todo!()
    }

    /// Tries a code. Spaces and dashes in it count for nothing.
    ///
    /// # Errors
    /// [`ShareError`]; the try was not counted then.
    pub async fn unlock(&self, rid: &str, secret: &str, code: &str, visitor: Visitor) -> Result<Unlock, ShareError> {
        todo!()
    }

    /// Opens the sender's own link, for a caller who has proven to read his mailbox (the desk): folded address. `Nothing`
    /// when it is somebody else's link.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn open_as_sender(&self, rid: &str, secret: &str, folded: &str) -> Result<Unlock, ShareError> {
        todo!()
    }

    /// The session of a cookie, which lives on for another half hour. None when it is over, or its share is.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn session(&self, cookie: &str) -> Result<Option<Opened>, ShareError> {
        todo!()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn sign_out(&self, cookie: &str) -> Result<(), ShareError> {
        todo!()
    }

    /// The items that this recipient may see, and those that were withdrawn.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when the share is over or withdrawn.
    pub async fn items(&self, opened: &Opened) -> Result<Vec<Item>, ShareError> {
        todo!()
    }

    /// Reads an item, or some octets of it. Logs it, in the transaction that checks that it may be read.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when it was withdrawn, is over, or is another share's.
    pub async fn read(
        &self,
        opened: &Opened,
        item: &str,
        range: Option<Range<u64>>,
        how: How,
    ) -> Result<Body, ShareError> {
        todo!()
    }
}
