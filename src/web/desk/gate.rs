//! What the desk asks of the gate behind it: who is who, and to look at a mail again.

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Texts;
use crate::school::{Language, School};
use crate::secret::Secret;
use crate::store::owed::Envelope;

/// The gate, as the desk sees it.
pub trait Gate: Send + Sync + 'static {
    /// A school by its id; none when the configuration has it no more.
    fn school(&self, id: &str) -> Option<School>;

    /// The schools' language.
    fn language(&self) -> Language;

    /// The schools' time zone.
    fn time_zone(&self) -> TimeZone;

    /// The texts of the pages.
    fn texts(&self) -> Arc<Texts>;

    /// Judges a mail again. None when its school is gone, or the gate cannot tell. May take as long as a scan takes.
    fn look(&self, school: &str, envelope: &Envelope, raw: Vec<u8>) -> Option<Look>;

    /// The mail without the columns in which something was found. None when there are none, or they cannot be taken
    /// out; then that choice is not offered.
    fn without_columns(&self, school: &str, envelope: &Envelope, raw: &[u8]) -> Option<Remade>;
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
