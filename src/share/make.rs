//! Making a share: items are sealed first, then rows and everything that is owed go to the disk in one commit.
//!
//! A [`Draft`] has its items on the disk and nothing else; one that is dropped leaves files that no row knows, which are
//! taken away. What made it (item keys, link secrets, codes) is in memory only until the mails that carry it are owed.

use std::fmt;

use super::ItemKind;
use crate::message::Mailbox;
use crate::secret::Secret;
use crate::vault::LinkSecret;

/// A share to be made.
pub struct NewShare {
    /// The school.
    pub school: String,
    /// The number by which reply, notice, journal and desk know the mail.
    pub mail: String,
    /// Its sender, who gets a link of his own.
    pub sender: Mailbox,
    /// The sender's name as the mail has it.
    pub sender_name: Option<Secret<String>>,
    /// The subject of the mail.
    pub subject: Secret<String>,
    /// What is shared, in the order in which it is shown.
    pub items: Vec<NewItem>,
    /// Who may see it.
    pub recipients: Vec<NewRecipient>,
    /// Whether it holds a password: then it lives a day, and is gone after its first opening.
    pub is_password: bool,
    /// Its purpose, when its sender was asked for one.
    pub purpose: Option<Secret<String>>,
}

/// An item to be shared.
pub struct NewItem {
    /// What it is.
    pub kind: ItemKind,
    /// Its name, for an attachment.
    pub name: Secret<String>,
    /// Its media type, `image/png`.
    pub media_type: String,
    /// Its octets.
    pub content: Box<dyn tokio::io::AsyncRead + Send + Unpin>,
}

/// Somebody who may see a share.
#[derive(Clone)]
pub struct NewRecipient {
    /// The address.
    pub mailbox: Mailbox,
    /// What proves, besides the link, that it is him.
    pub factor: Factor,
    /// Recipients with the same family number have the same code.
    pub family: u32,
    /// What policy class and line made this a share.
    pub line: String,
}

/// What proves, besides the link, who opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// A code of 12 digits that the sender passes on, not by mail.
    Code,
    /// The sender's own: the desk has proven his mailbox.
    Sender,
}

/// An access code: 12 digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Secret<String>);

impl Code {
    /// In groups of four, as it is told and read out: `4821 7730 5519`.
    pub fn grouped(&self) -> String {
        self.0.expose().clone()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// A link for one recipient, as it is only ever in the mail to him.
#[derive(Clone)]
pub struct Link {
    /// The address.
    pub mailbox: Mailbox,
    /// Its public half.
    pub rid: String,
    /// Its secret half.
    pub secret: LinkSecret,
    /// The code, for the sender to pass on.
    pub code: Option<Code>,
}

/// A share whose items are sealed and on the disk, and of which nothing else is known yet.
pub struct Draft {
    /// What is told about it.
    pub made: Made,
}

/// What is told about a share that was made.
#[derive(Clone)]
pub struct Made {
    /// The id of the share.
    pub id: String,
    /// Four characters, in subject, page and receipt: `K7QM`.
    pub reference: String,
    /// The sender's own link.
    pub sender: Link,
    /// One link for each recipient, in their order.
    pub links: Vec<Link>,
    /// When it ends for who has not opened it, milliseconds.
    pub open_by: i64,
    /// When it ends, milliseconds.
    pub ends_at: i64,
}
