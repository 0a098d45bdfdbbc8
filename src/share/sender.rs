//! The sender's side: what became of a share, and what may still be done. No content: who wants to read his own copy
//! opens his own link.

use super::{Code, Opened, ShareError, Shares};
use crate::message::Mailbox;
use crate::secret::Secret;

/// A share as its sender sees it.
#[derive(Clone)]
pub struct Overview {
    /// Its id.
    pub id: String,
    /// The school.
    pub school: String,
    /// The number of the mail.
    pub mail: String,
    /// Four characters that name it.
    pub reference: String,
    /// The sender's address.
    pub sender: Secret<String>,
    /// The sender's name, if the mail had one.
    pub sender_name: Option<Secret<String>>,
    /// The subject of the mail.
    pub subject: Secret<String>,
    /// The Message-ID of the mail, if it had one.
    pub message_id: Option<Secret<String>>,
    /// When it was made, milliseconds.
    pub made_at: i64,
    /// Until when it can be opened first, milliseconds.
    pub open_by: i64,
    /// When it ends, milliseconds.
    pub ends_at: i64,
    /// When it was withdrawn, milliseconds.
    pub withdrawn_at: Option<i64>,
    /// The items: id, kind, name, octets, when withdrawn.
    pub items: Vec<super::Item>,
    /// The recipients, without the sender.
    pub recipients: Vec<RecipientOverview>,
}

/// A recipient as the sender sees him.
#[derive(Clone)]
pub struct RecipientOverview {
    /// The public half of the link: names the recipient in [`Scope`].
    pub rid: String,
    /// The address.
    pub address: Secret<String>,
    /// The code, until it was used or is a week old.
    pub code: Option<Code>,
    /// When the mail with the link was taken by the next hop, milliseconds.
    pub notified_at: Option<i64>,
    /// When it was opened first, milliseconds.
    pub opened_at: Option<i64>,
    /// Whether too many wrong codes have locked it, until when (milliseconds), or for good.
    pub locked: Option<Option<i64>>,
    /// When it was withdrawn from him, milliseconds.
    pub withdrawn_at: Option<i64>,
    /// The ids of the items that he may still see.
    pub items: Vec<String>,
    /// The ids of the items that he has viewed or downloaded.
    pub read: Vec<String>,
}

/// Something that happened to a share.
#[derive(Debug, Clone)]
pub struct Event {
    /// When, milliseconds.
    pub at: i64,
    /// What: `created`, `notified`, `unlocked`, `code_failed`, `code_locked`, `code_wanted`, `item_viewed`,
    /// `item_downloaded`, `zip_downloaded`, `reply_received`, `extended`, `renewed`, `item_revoked`, `recipient_revoked`,
    /// `share_revoked`, `expired`, `purged`, `recovered`.
    pub kind: String,
    /// The recipient, by the public half of the link.
    pub rid: Option<String>,
    /// The item.
    pub item: Option<String>,
}

/// How much of a share is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One item, from everybody.
    Item(String),
    /// Everything, from one recipient, by the public half of his link.
    Recipient(String),
    /// One item from one recipient: rid, item.
    Grant(String, String),
    /// Everything, from everybody but the sender.
    All,
}

/// A new link for a recipient: the mail with it is owed, the old one leads nowhere.
#[derive(Clone)]
pub struct Renewed {
    /// The public half of the new link.
    pub rid: String,
    /// The new code, for the sender to pass on.
    pub code: Code,
}

impl Shares {
    /// The shares of a sender (folded address), the newest first.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn of_sender(&self, school: &str, folded: &str, most: usize) -> Result<Vec<Overview>, ShareError> {
        todo!()
    }

    /// One share; the caller sees to it that only its sender (or who may look for him) gets it. None when there is none.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn share(&self, id: &str) -> Result<Option<Overview>, ShareError> {
        todo!()
    }

    /// What happened to a share, oldest first.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn events(&self, id: &str) -> Result<Vec<Event>, ShareError> {
        todo!()
    }

    /// Withdraws: from the next request on it is gone. The sender's own copy stays until the end or [`Shares::delete`], so
    /// that a new link can be given. Gives how many grants went. `who` is the address of who does it, for the log.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn withdraw(&self, id: &str, scope: &Scope, who: &str) -> Result<usize, ShareError> {
        todo!()
    }

    /// Lets a share end later, at most the lifetime of a share from now. Gives when.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when it is over already.
    pub async fn extend(&self, id: &str, until: i64, who: &str) -> Result<i64, ShareError> {
        todo!()
    }

    /// A new link and a new code for a recipient. With strict keys it takes the sender's own link, opened.
    ///
    /// # Errors
    /// [`ShareError::NeedsLink`] without it.
    pub async fn renew(&self, id: &str, rid: &str, opened: Option<&Opened>, who: &str) -> Result<Renewed, ShareError> {
        todo!()
    }

    /// A link for somebody who had none: all items, from the sender's own link, opened.
    ///
    /// # Errors
    /// [`ShareError::NeedsLink`] without it.
    pub async fn add(
        &self,
        id: &str,
        mailbox: &Mailbox,
        opened: Option<&Opened>,
        who: &str,
    ) -> Result<Renewed, ShareError> {
        todo!()
    }

    /// Deletes a share at once, the sender's own copy too.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn delete(&self, id: &str, who: &str) -> Result<(), ShareError> {
        todo!()
    }
}
