//! What a recipient answers, and a call for a code: mails to the sender's own mailbox, owed to the outbox.

use std::fmt;
use std::sync::Arc;

use super::factor::{self, Factor, SENDER};
use super::{Letter, Opened, ShareError, Shares};
use crate::secret::Secret;
use crate::store::owed::{Kind, NewOwed};
use crate::store::share::Linked;
use crate::vault;
use crate::vault::share::Rid;

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
    /// What the link asks for.
    pub factor: Factor,
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

/// A code of six digits for a recipient's own mailbox.
pub struct CodeMail {
    /// The school.
    pub school: String,
    /// The recipient's address.
    pub to: Secret<String>,
    /// The subject.
    pub subject: String,
    /// The text, with the code in it.
    pub text: Secret<String>,
    /// When, milliseconds.
    pub at: i64,
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

shown_as_nothing!(Reply, ReplyFile, Received, CodeWanted, CodeMail);

/// The sender is told of a missing code at most this often, milliseconds, a link.
const ASK_EVERY: i64 = 3600 * 1000;

impl Shares {
    /// Owes an answer to the sender's own mailbox. The caller has bounded its size and looked at its files.
    ///
    /// # Errors
    /// [`ShareError`]; nothing is owed then.
    pub async fn reply(&self, opened: &Opened, reply: Reply) -> Result<Replied, ShareError> {
        let (store, now) = (self.inner.outbox.store(), self.now());
        let rid = Rid::read(&opened.rid).ok_or(ShareError::Gone)?;
        let linked = store.linked(*rid.octets()).await?;
        let live = |linked: &Linked| linked.withdrawn_at.is_none() && !linked.is_over(now) && linked.factor != "sender";
        let linked = linked.filter(live).ok_or(ShareError::Gone)?;
        let received = Received {
            school: linked.school.clone(),
            from: Secret::new(linked.recipient.address),
            to: Secret::new(linked.facts.sender),
            subject: Secret::new(linked.facts.subject),
            reference: linked.facts.reference,
            message_id: linked.facts.message_id.map(Secret::new),
            reply,
            at: now,
        };
        let letters = self.letters.as_ref().ok_or(ShareError::Letter)?;
        let letter = letters.reply(&received).ok_or(ShareError::Letter)?;
        let (item, mail) = self.owe(Kind::Message, letter, now).await?;
        let id = vault::random_id()?;
        let of = (linked.share.as_str(), linked.school.as_str());
        store.share_replied(of, linked.rid, &id, (item, mail), now).await?;
        self.inner.outbox.wake();
        Ok(Replied { id, at: now })
    }

    /// Tells the sender, and the school's deputy, that whoever has this link has no code. At most once an hour a link.
    ///
    /// # Errors
    /// [`ShareError`]; nobody is told then.
    pub async fn ask_for_code(&self, rid: &str, secret: &str) -> Result<Asked, ShareError> {
        let Some((linked, _)) = self.live(rid, secret).await? else { return Ok(Asked::Nothing) };
        if linked.factor == SENDER {
            return Ok(Asked::Nothing);
        }
        let (store, now) = (self.inner.outbox.store(), self.now());
        let wanted = CodeWanted {
            school: linked.school.clone(),
            factor: factor::of(&linked.factor, &linked.recipient),
            from: Secret::new(linked.recipient.address),
            to: Secret::new(linked.facts.sender),
            reference: linked.facts.reference,
            share: linked.share.clone(),
            at: now,
        };
        let letters = self.letters.as_ref().ok_or(ShareError::Letter)?;
        let letter = letters.code_wanted(&wanted).ok_or(ShareError::Letter)?;
        let (item, mail) = self.owe(Kind::Message, letter, now).await?;
        if !store.asks_for_code((linked.rid, &linked.school), ASK_EVERY, (item, mail), now).await? {
            return Ok(Asked::Already);
        }
        self.inner.outbox.wake();
        Ok(Asked::Told)
    }

    /// A mail of ours, sealed, to be owed with whatever it is about.
    pub(super) async fn owe(&self, kind: Kind, letter: Letter, now: i64) -> Result<(vault::Item, NewOwed), ShareError> {
        let outbox = &self.inner.outbox;
        let item = outbox.vault().put(Arc::new(letter.raw)).await?;
        let mut owed = outbox.message(kind, &item, &letter.readers, now);
        owed.envelope.sender = letter.sender.map(|sender| sender.typed().to_owned());
        Ok((item, owed))
    }
}
