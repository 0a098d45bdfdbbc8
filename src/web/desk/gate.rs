//! What the desk asks of the gate behind it: who is who, and to look at a mail again.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Texts;
use crate::message::Mailbox;
use crate::school::{Calendar, Language, School};
use crate::secret::Secret;
use crate::share::{NewRecipient, Overview, Purpose, ReplyFile, ShareError};
use crate::store::held::Held;
use crate::store::owed::{Envelope, NewOwed};
use crate::store::share::NewShared;
use crate::vault::Item;

/// The gate, as the desk sees it.
pub trait Gate: Send + Sync + 'static {
    /// A school by its id; none when the configuration has it no more.
    fn school(&self, id: &str) -> Option<School>;

    /// The schools' language.
    fn language(&self) -> Language;

    /// The schools' time zone.
    fn time_zone(&self) -> TimeZone;

    /// When there is school.
    fn calendar(&self) -> Calendar;

    /// Whether senders get a list of the week in which something of theirs was stopped or shared.
    fn tells_weekly(&self) -> bool {
        false
    }

    /// The texts of the pages.
    fn texts(&self) -> Arc<Texts>;

    /// Judges a mail again. None when its school is gone, or the gate cannot tell. May take as long as a scan takes.
    fn look(&self, school: &str, envelope: &Envelope, raw: Vec<u8>) -> Option<Look>;

    /// The mail without the columns in which something was found. May take as long as a scan takes.
    ///
    /// # Errors
    /// Why that cannot be done, Dutch and English.
    fn without_columns(&self, school: &str, envelope: &Envelope, raw: Vec<u8>) -> Result<Remade, [String; 2]>;

    /// Whether secure shares can be made.
    fn can_share(&self) -> bool {
        false
    }

    /// Whether one can mail safely to a domain; none when it cannot be found out here.
    fn safely<'a>(&'a self, _domain: &'a str) -> Asking<'a> {
        Box::pin(async { None })
    }

    /// Judges whether somebody may have what a share holds, as the gate would have when its mail came. None when that cannot
    /// be told now.
    fn late(&self, _share: &Overview, _to: &Mailbox, _held: LateMail) -> Option<Late> {
        None
    }

    /// Makes a secure share of a held mail, for the recipients at these places, for a purpose when its sender was asked:
    /// what is to go to the disk with the choice.
    ///
    /// # Errors
    /// [`ShareError`]; nothing is left of it then.
    fn share<'a>(
        &'a self,
        _held: &'a Held,
        _raw: Vec<u8>,
        _places: &'a [usize],
        _purpose: Option<Purpose>,
    ) -> Sharing<'a> {
        Box::pin(async { Err(ShareError::System) })
    }
}

/// What of a shared mail there is to be judged.
pub enum LateMail {
    /// The mail as it came.
    Whole(Vec<u8>),
    /// Its attachments: of the others the text went as mail.
    Files(Vec<ReplyFile>),
}

impl fmt::Debug for LateMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LateMail(..)")
    }
}

/// Whether somebody may have what was shared with others.
#[derive(Debug)]
pub enum Late {
    /// He may, by a link of his own.
    May(Box<NewRecipient>),
    /// He is a colleague, who gets mail.
    Inside,
    /// He may not, and why: paragraphs in Dutch and English, as a notice has them.
    MayNot([Vec<String>; 2]),
}

/// An answer that is being looked up.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Option<Safely>> + Send + 'a>>;

/// Whether one can mail safely to a domain.
#[derive(Debug, Clone)]
pub struct Safely {
    /// The answer and why, Dutch and English.
    pub sentence: [String; 2],
    /// What becomes of mail that may go under proven encryption alone.
    pub does: Does,
}

/// What becomes of mail that may go under proven encryption alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// It goes, encrypted.
    Send,
    /// The provider sends it, encrypted.
    Provider,
    /// It becomes a share.
    Share,
    /// It is kept back, and its sender chooses.
    Keep,
    /// It waits some hours first.
    Wait,
    /// There is nothing to tell: it goes nowhere, or stays in the school.
    Nothing,
}

/// A share in the making.
pub type Sharing<'a> = Pin<Box<dyn Future<Output = Result<Shared, ShareError>> + Send + 'a>>;

/// A share that is ready to be kept.
pub struct Shared {
    /// Its rows, with the mails that carry the links.
    pub rows: NewShared,
    /// The sender's receipt.
    pub receipt: (Item, NewOwed),
    /// To be called when all of it is on the disk; dropped before, it takes its files away.
    pub kept: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared(..)")
    }
}

/// A mail without some columns.
pub struct Remade {
    /// The new mail.
    pub raw: Vec<u8>,
    /// What was taken out, a line each, Dutch and English.
    pub gone: [Vec<String>; 2],
}

/// What judging a mail again came to.
#[derive(Default)]
pub struct Look {
    /// The places of the recipients who may not have it, in the order of the envelope that was asked about.
    pub stopped: Vec<usize>,
    /// What stands in the way, a line each, as a notice says it; Dutch and English.
    pub left: [Vec<String>; 2],
    /// What was found, with the words around it: for the sender's own eyes.
    pub passages: Vec<Passage>,
    /// What was found, without a word of the mail: for IT.
    pub findings: Vec<Reported>,
}

/// A finding with the words around it.
pub struct Passage {
    /// Where, Dutch and English.
    pub place: [String; 2],
    /// What, Dutch and English.
    pub kind: [String; 2],
    /// The words before it.
    pub before: Secret<String>,
    /// The finding.
    pub found: Secret<String>,
    /// The words behind it.
    pub after: Secret<String>,
}

/// A finding as it is reported when its sender says that it is none.
pub struct Reported {
    /// The rule.
    pub rule: String,
    /// The kind.
    pub kind: String,
    /// How sure it was, in percent.
    pub percent: u32,
    /// What spoke for and against it.
    pub features: Vec<String>,
    /// A line like that of the mail, in which names, numbers and rare words are invented.
    pub like: String,
}

impl fmt::Debug for Remade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remade(..)")
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("stopped", &self.stopped).finish_non_exhaustive()
    }
}
