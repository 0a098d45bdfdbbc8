//! The text model: what a person could read in a message, and where it stands.
//!
//! A [`Text`] is one readable unit (the subject, a body, a file's content) with its [`Place`]. Tables
//! keep their cells, so that detection can reason by row and column and the notice can name them.

use std::fmt;
use std::ops::Range;

/// Where a text stands, from the outside in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    /// The file names of the attached messages or archives around it, outermost first.
    pub within: Vec<String>,
    /// The spot in the innermost of those.
    pub spot: Spot,
}

/// A spot in one message.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Spot {
    /// The subject.
    Subject,
    /// Another header field, by its name.
    Header(String),
    /// The text/plain body.
    #[default]
    Text,
    /// The text/html body.
    Html,
    /// The name of an attached file.
    FileName(String),
    /// The content of an attached file.
    Attachment(String),
}

impl Place {
    /// The place in the notation of the corpus: `subject`, `text`, `att:klas3.csv`,
    /// `att:bericht.eml/text`. It holds file names, so it is for `scan --json` and never for a log.
    pub fn path(&self) -> String {
        let mut path: String = self.within.iter().map(|name| format!("att:{name}/")).collect();
        match &self.spot {
            Spot::Subject => path.push_str("subject"),
            Spot::Header(name) => path.push_str(&format!("header:{name}")),
            Spot::Text => path.push_str("text"),
            Spot::Html => path.push_str("html"),
            Spot::FileName(name) => path.push_str(&format!("name:{name}")),
            Spot::Attachment(name) => path.push_str(&format!("att:{name}")),
        }
        path
    }

    /// The place without any name in it, for the journal: `attachment in message: text`.
    pub fn masked(&self) -> &'static str {
        match (&self.spot, self.within.is_empty()) {
            (Spot::Subject, true) => "subject",
            (Spot::Header(_), true) => "header",
            (Spot::Text, true) => "text",
            (Spot::Html, true) => "html",
            (Spot::FileName(_), true) => "file_name",
            (Spot::Attachment(_), true) => "attachment",
            (_, false) => "attached_message",
        }
    }
}

/// File names can be pupils' names: `Debug` shows the shape alone.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.masked())
    }
}

/// A text that was read, with its place.
#[derive(Clone, Default)]
pub struct Text {
    /// Where it stands.
    pub place: Place,
    /// The text: charset decoded, line ends LF, byte order mark gone, markup gone.
    pub text: String,
    /// The cells of the tables in it, in text order; empty for running text.
    pub cells: Vec<Cell>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text")
            .field("place", &self.place)
            .field("bytes", &self.text.len())
            .field("cells", &self.cells.len())
            .finish()
    }
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The table within the text, counted from 0.
    pub table: u32,
    /// The row, counted from 0. Row 0 may be a header; detection decides.
    pub row: u32,
    /// The column, counted from 0.
    pub column: u32,
    /// The byte range of its content in the text.
    pub range: Range<usize>,
}

/// A part that could not be read, or not be read with certainty. Policy must answer each reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unread {
    /// The part.
    pub place: Place,
    /// Why.
    pub why: Why,
}

/// Why a part is unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// A document that this version has no reader for (office, PDF, archive).
    NotYetReadable,
    /// A picture.
    Image,
    /// Sound or film.
    Media,
    /// Nobody can read it without a key or password (S/MIME, PGP, rpmsg, a locked archive).
    Encrypted,
    /// Mail programs would show different things; not all of those could be read.
    Ambiguous,
    /// Larger, deeper or more than the limits allow.
    OverLimit,
    /// Broken in a way that leaves its content unknown.
    Malformed,
    /// The scanner panicked or ran late on this message twice.
    ScannerFailed,
}

impl Why {
    /// All reasons, in the order in which policy lists them.
    pub const ALL: [Self; 8] = [
        Self::NotYetReadable,
        Self::Image,
        Self::Media,
        Self::Encrypted,
        Self::Ambiguous,
        Self::OverLimit,
        Self::Malformed,
        Self::ScannerFailed,
    ];

    /// The word in policy files, in the journal and in `scan --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotYetReadable => "not_yet_readable",
            Self::Image => "image",
            Self::Media => "media",
            Self::Encrypted => "encrypted",
            Self::Ambiguous => "ambiguous",
            Self::OverLimit => "over_limit",
            Self::Malformed => "malformed",
            Self::ScannerFailed => "scanner_failed",
        }
    }
}

/// What extract gives: everything that could be read, and everything that could not.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    /// The texts, in message order.
    pub texts: Vec<Text>,
    /// What is unread, and why.
    pub unread: Vec<Unread>,
}
