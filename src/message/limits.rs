//! The bounds on what one message may ask of parse and extract.

/// Limits on parsing and reading one message. Over a limit is `Unread`, never clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Parts in the whole message, nested messages included.
    pub parts: usize,
    /// Levels of multipart and attached messages.
    pub depth: usize,
    /// Octets of one part's header section, and of the message's own.
    pub header_bytes: usize,
    /// Octets of decoded text over all parts; the memory budget reserves this much before a scan.
    pub text_bytes: usize,
    /// Cells over all tables (CSV, HTML).
    pub cells: usize,
}

impl Limits {
    /// The same limits for a message of this many octets: what is decoded of it may be somewhat more than what came
    /// (a text in two readings, a charset that grows), but memory is reserved for it beforehand.
    #[must_use]
    pub fn for_message(&self, octets: usize) -> Self {
        Self { text_bytes: self.text_bytes.min(Self::decoded(octets)), ..self.clone() }
    }

    /// Octets that decoding a message of this size may take.
    pub fn decoded(octets: usize) -> usize {
        octets.saturating_add(octets.min(1 << 20)).saturating_add(64 << 10)
    }
}

impl Default for Limits {
    /// 1,000 parts and 100 levels are far beyond what a mail program writes (reliability.md, section 3);
    /// the text limit follows the greatest message that is taken.
    fn default() -> Self {
        Self { parts: 1_000, depth: 100, header_bytes: 1_000_000, text_bytes: 100_000_000, cells: 2_000_000 }
    }
}
