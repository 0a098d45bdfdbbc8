//! The text model: what a person could read in a message, and where it stands.
//!
//! A [`Text`] is one readable unit (the subject, a body, a file's content) with its [`Place`]. Tables
//! keep their cells, so that detection can reason by row and column and the notice can name them.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Passwords;

/// Where a text stands, from the outside in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Place {
    /// The file names of the attached messages or archives around it, outermost first.
    pub within: Vec<String>,
    /// The spot in the innermost of those.
    pub spot: Spot,
    /// The part of the document that stands there.
    pub section: Section,
}

/// A part of a document: a unit of it (a sheet, a slide, a page) and a layer of that (its notes, its comments).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Section {
    /// Which unit; none for a document that has none, or for what belongs to all of it.
    pub unit: Unit,
    /// Which layer of it.
    pub layer: Layer,
}

impl Section {
    /// In words, for whoever runs `scan`: `sheet Leerlingen, comment`; empty for what is shown of a whole document.
    pub fn words(&self) -> String {
        let unit = match &self.unit {
            Unit::Document => None,
            Unit::Sheet(name) => Some(format!("sheet {name}")),
            Unit::Slide(number) => Some(format!("slide {number}")),
            Unit::Page(number) => Some(format!("page {number}")),
        };
        let layer = (self.layer != Layer::Body).then(|| self.layer.word().to_string());
        unit.into_iter().chain(layer).collect::<Vec<_>>().join(", ")
    }
}

/// A unit of a document.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Unit {
    /// The document itself.
    #[default]
    Document,
    /// A sheet, by its name.
    Sheet(String),
    /// A slide, counted from 1.
    Slide(u32),
    /// A page, counted from 1.
    Page(u32),
}

/// A layer of a document: what a reader sees at once, or where to look for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Layer {
    /// What is shown.
    #[default]
    Body,
    /// The header or footer of its pages.
    Margin,
    /// Footnotes and endnotes.
    Note,
    /// Comments.
    Comment,
    /// What was deleted with changes tracked, and lies there still.
    Deleted,
    /// What is hidden: a sheet, a row, a slide, hidden text.
    Hidden,
    /// Text in shapes and boxes.
    TextBox,
    /// Speaker notes.
    SpeakerNotes,
    /// The fields of a form.
    Field,
    /// Annotations.
    Annotation,
    /// The description of a picture.
    AltText,
    /// The words and values of a chart.
    Chart,
    /// The document's properties: title, author, keywords.
    Property,
    /// Names of ranges, lists of a cell's choices, formulas and other things behind the cells.
    Behind,
    /// Read from a picture of the text.
    Ocr,
}

impl Layer {
    /// The word in `scan --text` and `scan --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Margin => "header or footer",
            Self::Note => "footnote",
            Self::Comment => "comment",
            Self::Deleted => "deleted text",
            Self::Hidden => "hidden",
            Self::TextBox => "text box",
            Self::SpeakerNotes => "speaker notes",
            Self::Field => "form field",
            Self::Annotation => "annotation",
            Self::AltText => "alt text",
            Self::Chart => "chart",
            Self::Property => "property",
            Self::Behind => "behind the cells",
            Self::Ocr => "text in picture",
        }
    }
}

impl From<Layer> for Section {
    fn from(layer: Layer) -> Self {
        Self { unit: Unit::Document, layer }
    }
}

/// A sheet's name can be a pupil's: `Debug` hides it.
impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => f.write_str("document"),
            Self::Sheet(_) => f.write_str("sheet"),
            Self::Slide(number) => write!(f, "slide {number}"),
            Self::Page(number) => write!(f, "page {number}"),
        }
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {}", self.unit, self.layer.word())
    }
}

/// A spot in one message.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
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

    /// The path, and the part of the document behind it: `att:klas3.xlsx, sheet Leerlingen, comment`.
    pub fn path_and_section(&self) -> String {
        let mut path = self.path();
        let section = self.section.words();
        if !section.is_empty() {
            path.push_str(&format!(", {section}"));
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
#[derive(Clone, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unread {
    /// The part.
    pub place: Place,
    /// Why.
    pub why: Why,
}

/// Why a part is unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Why {
    /// A photo, sound or film.
    Media,
    /// A small picture that belongs to a signature or to the layout.
    SignatureImage,
    /// Nobody can read it without a password (a locked archive or document, rpmsg).
    Encrypted,
    /// Nobody but its recipient can read it (S/MIME, PGP).
    SmimePgp,
    /// A page as a picture, and no text recognition to read it.
    ScanWithoutOcr,
    /// A kind of file that there is no reader for.
    UnknownFormat,
    /// Mail programs would show different things; not all of those could be read.
    Ambiguous,
    /// Larger, deeper, longer or more than the limits allow.
    OverLimit,
    /// Broken in a way that leaves its content unknown.
    Damaged,
    /// The process that read it died.
    ReaderDied,
    /// The scanner panicked or ran late on this message twice.
    ScannerFailed,
}

impl Why {
    /// All reasons, in the order in which policy lists them.
    pub const ALL: [Self; 11] = [
        Self::Media,
        Self::SignatureImage,
        Self::Encrypted,
        Self::SmimePgp,
        Self::ScanWithoutOcr,
        Self::UnknownFormat,
        Self::Ambiguous,
        Self::OverLimit,
        Self::Damaged,
        Self::ReaderDied,
        Self::ScannerFailed,
    ];

    /// The word in policy files, in the journal and in `scan --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::SignatureImage => "signature_image",
            Self::Encrypted => "encrypted",
            Self::SmimePgp => "smime_pgp",
            Self::ScanWithoutOcr => "scan_without_ocr",
            Self::UnknownFormat => "unknown_format",
            Self::Ambiguous => "ambiguous",
            Self::OverLimit => "over_limit",
            Self::Damaged => "damaged",
            Self::ReaderDied => "reader_died",
            Self::ScannerFailed => "scanner_failed",
        }
    }
}

/// One line of the receipt: a part that was looked at, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The part; its section is the whole document.
    pub place: Place,
    /// What it was read as, by its content: `text`, `docx`, `pdf`, `zip`.
    pub format: String,
    /// Its size in octets, decoded.
    pub octets: usize,
    /// Whether text came of it.
    pub read: bool,
    /// Why it, or a part of it, is unread.
    pub unread: Vec<Why>,
    /// If it was locked and could be opened, which of [`Texts::passwords`] opened it.
    pub opened: Option<usize>,
}

/// What extract gives: everything that could be read, and everything that could not.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Texts {
    /// The texts, in message order.
    pub texts: Vec<Text>,
    /// What is unread, and why.
    pub unread: Vec<Unread>,
    /// Every part that was looked at: nothing is clean because nobody looked.
    pub receipts: Vec<Receipt>,
    /// Who sent the messages that are attached; not of those in documents, which reader processes read.
    pub writers: Vec<Writer>,
    /// Passwords of the message that its documents were tried with.
    pub passwords: Passwords,
}

/// Who sent an attached message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// The file names around its texts, its own last.
    pub within: Vec<String>,
    /// Its From field, decoded.
    pub address: String,
}

/// Names and addresses stay in.
impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer(..)")
    }
}
