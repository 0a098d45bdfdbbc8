//! Share: the mail is not sent but kept sealed, and each recipient gets a link.
//!
//! | file | what |
//! |---|---|
//! | `items` | from a mail to what is shared of it: its text, its attachments, and the mail as it came |
//! | `files` | the mail of which the attachments alone are shared |
//! | `letters` | the mails about a share: with the link, to its sender, for a code, a recipient's answer |
//!
//! [`prepare`] serves whoever takes a mail (the door, the desk, the outbox when a way could not be proven): it seals and
//! composes, and what it gives goes to the disk in the transaction that takes the mail. All or nothing: what fails before
//! that leaves nothing, and the caller answers with a 451 or leaves things as they were. The sender's receipt carries the
//! codes, which are to go another way than mail. Never decides who may have a mail.

mod files;
mod items;
mod letters;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Zoned;

pub(super) use self::letters::names;
pub use self::letters::{TakenBack, answer, as_mail, code_mail, code_wanted, invitation, passkey_made, taken_back};
use crate::act::Case;
use crate::act::notice::Texts;
use crate::act::shown::Revealing;
use crate::decide::Verdict;
use crate::detect::{Finding, Kind, NameIndex};
use crate::extract::Spot;
use crate::level::Level;
use crate::message::{Headers, Limits, Mailbox, Message, rewrite};
use crate::outbox::Outbox;
use crate::school::{Language, School};
use crate::secret::Secret;
use crate::share::{Draft, Drafted, ItemKind, Letter, Made, NewRecipient, NewShare, Purpose, ShareError, Shares};
use crate::store::owed::{Kind as OwedKind, NewOwed};
use crate::store::share::NewShared;
use crate::vault::Item;

/// A mail of which a share is to be made, for some of its recipients.
pub struct Sending<'s> {
    /// The number by which reply, journal and receipt know the mail.
    pub number: &'s str,
    /// The sender's school.
    pub school: &'s School,
    /// Its sender, as the envelope has it: gets the receipt.
    pub sender: &'s Mailbox,
    /// The mail, parsed; without the headers that only we are to see.
    pub message: &'s Message<'s>,
    /// For whom, each with the policy line that says so.
    pub recipients: Vec<To>,
    /// Why it is not mailed.
    pub why: Why,
    /// Whether it holds a password: then it is gone after its first opening.
    pub is_password: bool,
    /// Its purpose, when its sender was asked for one.
    pub purpose: Option<Purpose>,
    /// Whether its subject may stand in mails: nothing was found in it, see [`is_open_subject`].
    pub open_subject: bool,
    /// The texts of our mails.
    pub texts: &'s Texts,
    /// The language of the school's staff.
    pub language: Language,
    /// When the mail came, in the school's time zone.
    pub arrived: &'s Zoned,
}

/// Somebody who gets a link.
#[derive(Clone)]
pub struct To {
    /// The address.
    pub mailbox: Mailbox,
    /// The policy line that says so.
    pub line: String,
    /// What members of one family have in common; none when that is not known.
    pub family: Option<String>,
    /// Numbers at which the pupil administration says that he is reached.
    pub phones: Vec<Secret<String>>,
    /// Whether no mail of ours may name the address.
    pub discreet: bool,
    /// How sure it must be that it is he who opens it.
    pub level: Level,
    /// Whether the attachments alone may be shared, and the rest mailed.
    pub attachments: bool,
}

/// What the roster knows of who reads an address.
#[derive(Debug, Clone, Default)]
pub struct Household {
    /// What the guardians of the same pupils have in common, and nobody else.
    pub family: Option<String>,
    /// The numbers of the one guardian who has this address; none where several have it, since nobody knows whose turn it
    /// is.
    pub phones: Vec<Secret<String>>,
}

/// Why a mail is shared and not mailed; the receipt says it.
#[derive(Debug, Clone)]
pub enum Why {
    /// What was found in it: kinds and how many of each.
    Found(Vec<(Kind, usize)>),
    /// The recipient's mail server does not prove that it encrypts.
    NoProvenTls,
    /// Its sender asked for it.
    Asked,
    /// It answers what a recipient of a share wrote on the portal.
    Answers,
}

/// How the Message-IDs of the mails with recipients' answers begin.
pub const ANSWER_ID: &str = "mailpoort.antwoord.";

/// A share that is ready to be kept.
pub struct Prepared {
    /// What is told about it.
    pub made: Made,
    /// Its rows, with the mails that carry the links.
    pub rows: NewShared,
    /// The sender's receipt.
    pub receipt: (Item, NewOwed),
    draft: Draft,
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

shown_as_nothing!(Sending<'_>, To, Prepared, Kept);

impl Prepared {
    /// Takes it apart: what goes to the disk, and what is to be told when it is there.
    pub fn into_parts(self) -> (NewShared, (Item, NewOwed), Kept) {
        (self.rows, self.receipt, Kept(self.draft))
    }
}

/// A share whose rows are on their way to the disk. Dropped before [`Kept::done`], it takes its files away.
pub struct Kept(Draft);

impl Kept {
    /// The rows are on the disk.
    pub fn done(self) {
        self.0.kept();
    }
}

/// Seals a mail's items and composes the mails about them; nothing of it counts until its rows are on the disk. None when
/// all of these recipients have it already: the client missed our reply.
///
/// # Errors
/// [`ShareError`]; nothing is left of it then.
pub async fn prepare(sending: &Sending<'_>, shares: &Shares, outbox: &Outbox) -> Result<Option<Prepared>, ShareError> {
    let rest = sending.recipients.iter().all(|to| to.attachments).then(|| files::without(sending.message)).flatten();
    let new = new_share(sending, shares, rest.is_some());
    let mut draft = match shares.draft(new).await? {
        Drafted::Draft(draft) => *draft,
        Drafted::Again => return Ok(None),
    };
    let made = draft.made().clone();
    let now = sending.arrived.timestamp().as_millisecond();
    let mut invitations = Vec::with_capacity(made.links.len());
    for link in &made.links {
        let letter =
            letters::of_sending(sending, shares.settings(), (&made, link), rest.as_ref()).ok_or(ShareError::Letter)?;
        let (item, owed) = owe(outbox, OwedKind::Invitation, letter, now).await?;
        invitations.push((link, item, owed));
    }
    let receipt = letters::receipt(sending, shares.settings(), &made, rest.is_some()).ok_or(ShareError::Letter)?;
    let receipt = owe(outbox, OwedKind::Message, receipt, now).await?;
    let rows = draft.rows(invitations).ok_or(ShareError::System)?;
    Ok(Some(Prepared { made, rows, receipt, draft }))
}

/// What came of sharing a mail with some of its recipients.
pub(super) enum Shared {
    /// There are none of them.
    Nobody,
    /// They have it already.
    Again,
    /// It is ready to be kept.
    Ready(Box<Prepared>),
}

impl Shared {
    pub(super) fn is_again(&self) -> bool {
        matches!(self, Self::Again)
    }

    pub(super) fn into_parts(self) -> (Option<NewShared>, Option<(Item, NewOwed)>, Option<Kept>) {
        match self {
            Self::Ready(prepared) => {
                let (rows, receipt, kept) = prepared.into_parts();
                (Some(rows), Some(receipt), Some(kept))
            }
            Self::Nobody | Self::Again => (None, None, None),
        }
    }
}

/// Prepares the share of a mail at the door, for the recipients at these places.
pub(super) async fn of_case(case: &Case<'_>, outbox: &Outbox, places: &[usize]) -> Result<Shared, ShareError> {
    if places.is_empty() {
        return Ok(Shared::Nobody);
    }
    let (Some(shares), Some(sender)) = (case.shares, case.mail.envelope.sender.as_ref()) else {
        return Err(ShareError::System);
    };
    let body = case.body();
    let body = match case.tag.filter(|tag| !tag.is_empty()) {
        Some(tag) => rewrite::without_mark(&body, tag),
        None => Cow::Borrowed(&*body),
    };
    let message = Message::parse(&body, &Limits::default());
    let to = |place: &usize| {
        let (recipient, decision) = (case.mail.envelope.recipients.get(*place)?, case.verdict.decisions.get(*place)?);
        let household = case.households.get(*place).cloned().unwrap_or_default();
        let mailbox = recipient.mailbox.clone();
        Some(To {
            mailbox,
            line: decision.line.to_string(),
            family: household.family,
            phones: household.phones,
            discreet: decision.discreet,
            level: decision.level,
            attachments: decision.attachments,
        })
    };
    let kinds = &case.verdict.kinds;
    let sending = Sending {
        number: case.id,
        school: case.school,
        sender,
        message: &message,
        recipients: places.iter().filter_map(to).collect(),
        why: case.asked.clone().unwrap_or_else(|| Why::Found(kinds.iter().map(|(kind, n)| (*kind, *n)).collect())),
        is_password: holds_password(case.verdict),
        purpose: None,
        open_subject: case.open_subject(),
        texts: case.notices,
        language: case.language,
        arrived: case.arrived,
    };
    Ok(match prepare(&sending, shares, outbox).await? {
        Some(prepared) => Shared::Ready(Box::new(prepared)),
        None => Shared::Again,
    })
}

/// Whether a subject may stand in mails to others: nothing was found in it, it repeats nothing that was found elsewhere, and
/// no word of it is a name of a pupil. Nothing is known of a subject that nobody looked at: then it may not.
pub fn is_open_subject(subject: Option<&str>, findings: &[Finding], names: Option<&NameIndex>) -> bool {
    let Some(subject) = subject.filter(|subject| !subject.trim().is_empty()) else { return false };
    let found = |finding: &Finding| finding.place.within.is_empty() && finding.place.spot == Spot::Subject;
    !findings.iter().any(found)
        && Revealing::new(findings).pass(subject).is_some()
        && !names.is_some_and(|names| names.has_word_of(subject))
}

/// Whether a password was found in a mail.
pub fn holds_password(verdict: &Verdict) -> bool {
    verdict.kinds.keys().any(|kind| matches!(kind, Kind::Password | Kind::LockedWithPassword))
}

/// What a mail holds: the digest of its texts and files, decoded, and the names of the files. Its headers are no part of
/// that, which servers change for each recipient.
pub(super) fn content(raw: &[u8]) -> (Vec<u8>, Vec<Secret<String>>) {
    let (items, digest) = items::of(&Message::parse(raw, &Limits::default()));
    (digest, items.into_iter().map(|item| item.name).collect())
}

fn new_share(sending: &Sending<'_>, shares: &Shares, files_alone: bool) -> NewShare {
    let headers: &Headers = sending.message.headers();
    let (mut items, mut digest) = items::of(sending.message);
    if files_alone {
        items.retain(|item| item.kind == ItemKind::Attachment);
        digest.push(1);
    }
    let message_id = headers.message_id.as_deref();
    let incident =
        shares.incident(&sending.school.id, sending.sender, message_id.unwrap_or_default().as_bytes(), &digest);
    let recipient = |to: &To| NewRecipient {
        mailbox: to.mailbox.clone(),
        family: Secret::new(to.family.clone().unwrap_or_else(|| to.mailbox.folded())),
        phones: to.phones.clone(),
        line: to.line.clone(),
        level: to.level,
    };
    NewShare {
        school: sending.school.id.clone(),
        mail: sending.number.to_owned(),
        incident,
        sender: sending.sender.clone(),
        sender_name: headers.from_name.clone(),
        subject: headers.subject.clone().unwrap_or_default(),
        message_id: message_id.map(|id| Secret::new(id.to_owned())),
        items,
        recipients: sending.recipients.iter().map(recipient).collect(),
        is_password: sending.is_password,
        purpose: sending.purpose.clone(),
        open_subject: sending.open_subject,
    }
}

async fn owe(outbox: &Outbox, kind: OwedKind, letter: Letter, now: i64) -> Result<(Item, NewOwed), ShareError> {
    let item = outbox.vault().put(Arc::new(letter.raw)).await?;
    let mut owed = outbox.message(kind, &item, &letter.readers, now);
    owed.envelope.sender = letter.sender.map(|sender| sender.typed().to_owned());
    Ok((item, owed))
}
