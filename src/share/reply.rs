//! What a recipient answers, and a call for a code: mails to the sender's own mailbox, owed to the outbox.

use super::{Opened, ShareError, Shares};
use crate::secret::Secret;

/// An answer.
pub struct Reply {
    /// Its text.
    pub text: Secret<String>,
    /// Its files.
    pub files: Vec<ReplyFile>,
}

/// A file of an answer.
pub struct ReplyFile {
    /// Its name.
    pub name: Secret<String>,
    /// Its media type.
    pub media_type: String,
    /// Its octets.
    pub content: Vec<u8>,
}

/// An answer, with what its mail tells; for who writes it.
pub struct Received {
    /// The school.
    pub school: String,
    /// Who answers: the address that the link was sent to.
    pub from: Secret<String>,
    /// To whom: the sender of the share.
    pub to: Secret<String>,
    /// The subject of the share.
    pub subject: Secret<String>,
    /// Four characters that name the share.
    pub reference: String,
    /// The Message-ID of the mail that was shared, if it had one.
    pub message_id: Option<Secret<String>>,
    /// The answer.
    pub reply: Reply,
    /// When, milliseconds.
    pub at: i64,
}

/// Somebody has no code; for who writes the mail.
pub struct CodeWanted {
    /// The school.
    pub school: String,
    /// Who has none: the address that the link was sent to.
    pub from: Secret<String>,
    /// The sender of the share.
    pub to: Secret<String>,
    /// Four characters that name the share.
    pub reference: String,
    /// The id of the share.
    pub share: String,
    /// When, milliseconds.
    pub at: i64,
}

/// What a call for a code came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The sender, and the school's deputy, are told.
    Told,
    /// They were told a short while ago.
    Already,
    /// The link leads nowhere (any more).
    Nothing,
}

/// An answer that is owed to the sender's mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replied {
    /// Its id.
    pub id: String,
    /// When, milliseconds.
    pub at: i64,
}

impl Shares {
    /// Owes an answer to the sender's own mailbox. The caller has bounded its size and looked at its files.
    ///
    /// # Errors
    /// [`ShareError`]; nothing is owed then.
    pub async fn reply(&self, opened: &Opened, reply: Reply) -> Result<Replied, ShareError> {
        todo!()
    }

    /// Tells the sender, and the school's deputy, that whoever has this link has no code. At most once an hour a link.
    ///
    /// # Errors
    /// [`ShareError`]; nobody is told then.
    pub async fn ask_for_code(&self, rid: &str, secret: &str) -> Result<Asked, ShareError> {
        todo!()
    }
}
