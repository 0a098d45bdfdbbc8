//! The bounds on what one message may ask of parse and extract.

use serde::{Deserialize, Serialize};

/// Limits on parsing and reading one message. Over a limit is `Unread`, never clean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Parts in the whole message, nested messages included.
    pub parts: usize,
    /// Levels of multipart and attached messages.
    pub depth: usize,
    /// Octets of one part's header section, and of the message's own.
    pub header_bytes: usize,
    /// Octets of decoded text over all parts but documents; the memory budget reserves this much before a scan.
    pub text_bytes: usize,
    /// Cells over all tables (CSV, HTML, sheets).
    pub cells: usize,
    /// Octets that may come out of archives, documents and attached, encoded messages, all levels together.
    pub unpacked_bytes: usize,
    /// Files in archives and documents, all of them together.
    pub entries: usize,
    /// Levels of archives and documents in one another.
    pub archives: usize,
    /// Octets of text of one document with all that is in it.
    pub document_text: usize,
    /// Octets of text of all documents.
    pub documents_text: usize,
    /// Pages of pictures in which text is recognised; 0 when nobody recognises any.
    pub pictures: usize,
    /// Octets of these pictures.
    pub picture_bytes: usize,
    /// Pixels of one page of them.
    pub picture_pixels: u64,
}

impl Limits {
    /// The same limits for a message of this many octets: what is decoded of it may be somewhat more than what came
    /// (a text in two readings, a charset that grows). As much memory as the message has is reserved for it; what goes
    /// beyond is a megabyte at most, for no more messages at a time than there are cores.
    #[must_use]
    pub fn for_message(&self, octets: usize) -> Self {
        let decoded = octets.saturating_add(octets.min(1 << 20)).saturating_add(64 << 10);
        Self { text_bytes: self.text_bytes.min(decoded), ..self.clone() }
    }
}

impl Default for Limits {
    /// 1,000 parts and 100 levels are far beyond what a mail program writes (reliability.md, section 3);
    /// the text limit follows the greatest message that is taken.
    fn default() -> Self {
        Self {
            parts: 1_000,
            depth: 100,
            header_bytes: 1_000_000,
            text_bytes: 100_000_000,
            cells: 2_000_000,
            unpacked_bytes: 200_000_000,
            entries: 2_000,
            archives: 6,
            document_text: 20_000_000,
            documents_text: 100_000_000,
            pictures: 0,
            picture_bytes: 64_000_000,
            picture_pixels: 40_000_000,
        }
    }
}
