//! Raw octets -> the tree of parts, with byte ranges.
//!
//! One pass over the lines that begin with `--`, iterative, linear, stopped by the limits. Never decodes a
//! body. Cannot fail: `ambiguous` says that mail programs may see another structure, and then
//! [`Message::loose`] holds the pieces that any of them could see. RFC 2046 section 5.1.
//!
//! The tree is our own and not mail-parser's: that one takes `--b1` for the start of `--b11`, splits in the
//! middle of a line, and needs quadratic time for parts whose boundary never occurs.

use std::ops::Range;

use memchr::memmem::Finder;

use super::Headers;
use super::Limits;
use super::header::{self, line_end, without_line_end};
use super::loose;
use super::mime::{ContentType, Mime};
use super::transfer::Encoding;

/// A parsed message.
#[derive(Debug, Clone)]
pub struct Message<'x> {
    raw: &'x [u8],
    headers: Headers,
    /// The parts in message order; the first is the message itself, parents stand before children.
    pub parts: Vec<Part>,
    /// Text before, between and after the parts, which old mail programs show.
    pub gaps: Vec<Range<usize>>,
    /// The other structures that a mail program could see; empty unless `ambiguous`.
    pub loose: Vec<Part>,
    /// Whether mail programs can differ about the structure.
    pub ambiguous: bool,
    /// Whether not even `loose` holds every reading.
    pub unsure: bool,
    /// Whether a limit stopped the parser: something is in no part.
    pub over_limit: bool,
}

/// A part of a message: the message itself, a multipart, an attached message, a leaf.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its octets in the raw message, header included.
    pub range: Range<usize>,
    /// Its body.
    pub body: Range<usize>,
    /// The index of the part around it.
    pub parent: Option<usize>,
    /// How many parts are around it.
    pub depth: usize,
    /// What it holds.
    pub shape: Shape,
    /// What its header says.
    pub mime: Mime,
    /// Whether it has no Content-Type and stands in a digest, where that means an attached message.
    pub in_digest: bool,
}

/// What a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A body of its own.
    Leaf,
    /// Other parts.
    Multipart,
    /// An attached message, unencoded; its own part follows.
    Message,
    /// More levels or parts than the limits allow, unread.
    OverLimit,
}

impl Part {
    /// Type and subtype in lower case; the default where there is no Content-Type.
    pub fn essence(&self) -> &str {
        match self.mime.types.first() {
            Some(kind) => &kind.essence,
            None if self.in_digest => "message/rfc822",
            None => "text/plain",
        }
    }

    /// The Content-Type, when there is one.
    pub fn content_type(&self) -> Option<&ContentType> {
        self.mime.types.first()
    }

    /// The file name that most programs show.
    pub fn file_name(&self) -> Option<&str> {
        self.mime.names.0.first().map(String::as_str)
    }
}

impl<'x> Message<'x> {
    /// Parses a message. Time and memory are linear in its length; over a limit it stops early.
    pub fn parse(raw: &'x [u8], limits: &Limits) -> Self {
        let mut tree = Tree::new(raw, limits);
        tree.grow();
        let section = raw.get(..tree.parts.first().map_or(0, |root| root.body.start)).unwrap_or_default();
        let mut headers = Headers::read(section.get(..limits.header_bytes).unwrap_or(section));
        headers.report = tree.parts.first().is_some_and(|root| root.essence() == "multipart/report");
        headers.calendar = tree.parts.iter().any(|part| is_scheduling(part, raw));
        let loose = if tree.ambiguous { loose::pieces(raw, limits) } else { loose::Pieces::default() };
        Self {
            raw,
            headers,
            parts: tree.parts,
            gaps: tree.gaps,
            loose: loose.parts,
            ambiguous: tree.ambiguous,
            unsure: tree.unsure,
            over_limit: tree.over_limit || loose.over_limit,
        }
    }

    /// The octets that were parsed.
    pub fn raw(&self) -> &'x [u8] {
        self.raw
    }

    /// The facts in the message's own header.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The header section of a part.
    pub fn header_of(&self, part: &Part) -> &'x [u8] {
        self.raw.get(part.range.start..part.body.start).unwrap_or_default()
    }

    /// The body of a part, as transferred.
    pub fn body_of(&self, part: &Part) -> &'x [u8] {
        self.raw.get(part.body.clone()).unwrap_or_default()
    }
}

fn is_scheduling(part: &Part, raw: &[u8]) -> bool {
    part.essence() == "text/calendar"
        && (part.content_type().is_some_and(|kind| kind.parameter("method").is_some())
            || raw.get(part.body.clone()).is_some_and(|body| memchr::memmem::find(body, b"METHOD:").is_some()))
}

/// A container whose end has not been seen.
struct Open {
    part: usize,
    /// None for an attached message.
    boundary: Option<Vec<u8>>,
}

/// The parser's state.
struct Tree<'x, 'l> {
    raw: &'x [u8],
    limits: &'l Limits,
    parts: Vec<Part>,
    open: Vec<Open>,
    /// The leaf whose end has not been seen.
    leaf: Option<usize>,
    /// Where text outside every part began.
    gap: Option<usize>,
    gaps: Vec<Range<usize>>,
    ambiguous: bool,
    unsure: bool,
    over_limit: bool,
}

/// A line that divides or closes.
struct Delimiter {
    line: Range<usize>,
    /// Index in the stack of open containers.
    level: usize,
    closing: bool,
}

impl<'x, 'l> Tree<'x, 'l> {
    fn new(raw: &'x [u8], limits: &'l Limits) -> Self {
        Self {
            raw,
            limits,
            parts: Vec::new(),
            open: Vec::new(),
            leaf: None,
            gap: None,
            gaps: Vec::new(),
            ambiguous: false,
            unsure: false,
            over_limit: false,
        }
    }

    fn grow(&mut self) {
        let finder = Finder::new(b"\n--");
        let mut at = self.open_part(0);
        while let Some(found) = self.next_delimiter(at, &finder) {
            self.close_above(found.level, before_line_end(self.raw, found.line.start));
            at = found.line.end;
            if found.closing {
                if let Some(done) = self.open.pop() {
                    self.end_part(done.part, found.line.end);
                }
                self.gap = Some(at);
            } else if self.parts.len() >= self.limits.parts {
                self.over_limit = true;
                break;
            } else {
                at = self.open_part(at);
            }
        }
        // A multipart that is still open lost its end: programs differ in what they make of that.
        self.ambiguous |= !self.over_limit && self.open.iter().any(|open| open.boundary.is_some());
        self.close_above(0, self.raw.len());
        while let Some(open) = self.open.pop() {
            self.end_part(open.part, self.raw.len());
        }
    }

    /// Opens the part that starts here, and the messages that start within it. Gives where its body starts.
    fn open_part(&mut self, start: usize) -> usize {
        let mut start = start;
        loop {
            let section = self.header_section(start);
            let part = self.new_part(start, &section);
            let index = self.parts.len();
            let boundary = boundary_of(&part);
            let shape = part.shape;
            self.parts.push(part);
            match shape {
                Shape::Leaf | Shape::OverLimit => self.leaf = Some(index),
                Shape::Multipart => {
                    self.open.push(Open { part: index, boundary });
                    self.gap = Some(section.body);
                }
                Shape::Message => {
                    self.open.push(Open { part: index, boundary: None });
                    if self.parts.len() < self.limits.parts {
                        start = section.body;
                        continue;
                    }
                    self.over_limit = true;
                }
            }
            return section.body;
        }
    }

    fn new_part(&mut self, start: usize, section: &Section) -> Part {
        let bytes = self.raw.get(start..section.end).unwrap_or_default();
        self.over_limit |= bytes.len() > self.limits.header_bytes;
        let bytes = bytes.get(..self.limits.header_bytes).unwrap_or(bytes);
        // A loose CR is a line end to some programs: they see fields that we do not.
        self.unsure |= has_loose_cr(bytes);
        let mime = Mime::read(header::fields(bytes));
        self.ambiguous |= mime.ambiguous || section.odd;
        let parent = self.open.last().map(|open| open.part);
        let in_digest = mime.types.is_empty()
            && parent.and_then(|index| self.parts.get(index)).is_some_and(|p| p.essence() == "multipart/digest");
        let body = section.body..self.raw.len();
        let depth = self.open.len();
        let mut part = Part { range: start..self.raw.len(), body, parent, depth, shape: Shape::Leaf, mime, in_digest };
        part.shape = shape_of(&part);
        if part.shape != Shape::Leaf && depth >= self.limits.depth {
            self.over_limit = true;
            part.shape = Shape::OverLimit;
        }
        part
    }

    fn header_section(&mut self, start: usize) -> Section {
        let (mut at, mut odd) = (start, false);
        while at < self.raw.len() {
            let end = line_end(self.raw, at);
            let line = without_line_end(self.raw.get(at..end).unwrap_or_default());
            if line.is_empty() {
                return Section { end: at, body: end, odd };
            }
            if line.starts_with(b"--") && !self.open.is_empty() && self.delimiter(at..end).is_some() {
                return Section { end: at, body: at, odd: true };
            }
            match line_kind(line) {
                HeaderLine::Field => {}
                HeaderLine::Odd => odd = true,
                HeaderLine::None if at == start && !line.starts_with(b"From ") => {
                    return Section { end: start, body: start, odd: true };
                }
                HeaderLine::None => odd = true,
            }
            at = end;
        }
        Section { end: at, body: at, odd }
    }

    fn next_delimiter(&mut self, at: usize, finder: &Finder<'_>) -> Option<Delimiter> {
        let mut line = at;
        if !self.raw.get(line..)?.starts_with(b"--") {
            line += finder.find(self.raw.get(line..)?)? + 1;
        }
        if self.open.is_empty() {
            return None;
        }
        loop {
            let end = line_end(self.raw, line);
            if let Some(found) = self.delimiter(line..end) {
                return Some(found);
            }
            // The LF before the next line may be this line's own.
            let from = end.saturating_sub(1).max(line + 1);
            line = from + finder.find(self.raw.get(from..)?)? + 1;
        }
    }

    /// Whether a line that begins with `--` divides or closes an open multipart, innermost first.
    fn delimiter(&mut self, line: Range<usize>) -> Option<Delimiter> {
        let text = self.raw.get(line.start + 2..line.end)?;
        let mut near = false;
        for (level, open) in self.open.iter().enumerate().rev() {
            let Some(boundary) = &open.boundary else { continue };
            let Some(rest) = text.strip_prefix(boundary.as_slice()) else { continue };
            let rest = rest.trim_ascii();
            let closing = rest.starts_with(b"--");
            if rest.is_empty() || closing {
                self.ambiguous |= rest.len() > 2;
                return Some(Delimiter { line, level, closing });
            }
            near = true;
        }
        self.ambiguous |= near;
        None
    }

    /// Ends the open leaf, gap and all containers above a level.
    fn close_above(&mut self, level: usize, end: usize) {
        if let Some(leaf) = self.leaf.take() {
            self.end_part(leaf, end);
        }
        if let Some(start) = self.gap.take()
            && let Some(text) = self.raw.get(start..end.max(start))
            && !text.trim_ascii().is_empty()
        {
            self.ambiguous |= text.starts_with(b"--") || memchr::memmem::find(text, b"\n--").is_some();
            self.gaps.push(start..end.max(start));
        }
        while self.open.len() > level + 1 {
            if let Some(open) = self.open.pop() {
                self.ambiguous |= open.boundary.is_some();
                self.end_part(open.part, end);
            }
        }
    }

    fn end_part(&mut self, index: usize, end: usize) {
        if let Some(part) = self.parts.get_mut(index) {
            part.body.end = end.max(part.body.start);
            part.range.end = part.body.end;
        }
    }
}

/// Where a header section ends and its body starts.
struct Section {
    end: usize,
    body: usize,
    /// Whether mail programs can differ about it.
    odd: bool,
}

/// What a line of a header section is.
pub(super) enum HeaderLine {
    /// A field, or the fold of one.
    Field,
    /// One about which programs differ: white space before the colon, or nothing but white space.
    Odd,
    /// No field at all.
    None,
}

/// What a line of a header section is; it is not empty.
pub(super) fn line_kind(line: &[u8]) -> HeaderLine {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return if line.trim_ascii().is_empty() { HeaderLine::Odd } else { HeaderLine::Field };
    }
    let Some(colon) = memchr::memchr(b':', line) else { return HeaderLine::None };
    let name = line.get(..colon).unwrap_or_default();
    let bare = name.trim_ascii_end();
    if bare.is_empty() || !bare.iter().all(|b| matches!(b, b'!'..=b'~')) {
        return HeaderLine::None;
    }
    if bare.len() == name.len() { HeaderLine::Field } else { HeaderLine::Odd }
}

fn has_loose_cr(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1).is_some_and(|&next| next != b'\n'))
}

fn before_line_end(raw: &[u8], at: usize) -> usize {
    let before = raw.get(..at).unwrap_or_default();
    without_line_end(before).len()
}

fn boundary_of(part: &Part) -> Option<Vec<u8>> {
    let boundary = part.content_type()?.parameter("boundary")?.trim_end();
    (!boundary.is_empty()).then(|| boundary.as_bytes().to_vec())
}

fn shape_of(part: &Part) -> Shape {
    let essence = part.essence();
    if essence.starts_with("multipart/") && boundary_of(part).is_some() {
        Shape::Multipart
    } else if is_message_type(essence) && part.mime.encodings == [Encoding::Identity] {
        Shape::Message
    } else {
        Shape::Leaf
    }
}

/// Whether a type means an attached message.
pub(crate) fn is_message_type(essence: &str) -> bool {
    matches!(essence, "message/rfc822" | "message/global" | "message/news")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bodies(raw: &str) -> Vec<String> {
        let message = Message::parse(raw.as_bytes(), &Limits::default());
        let text = |part: &Part| String::from_utf8(message.body_of(part).to_vec()).unwrap();
        message.parts.iter().filter(|p| p.shape == Shape::Leaf).map(text).collect()
    }

    #[test]
    fn parts_have_their_own_octets() {
        let inner = "Content-Type: multipart/mixed; boundary=b11\r\n\r\n--b11\r\n\r\ntwee\r\n--b11--\r\n";
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n\r\neen\r\n--b1  \t\r\n{inner}--b1--\r\n"
        );
        assert_eq!(bodies(&raw), ["een", "twee"]);
        assert!(!Message::parse(raw.as_bytes(), &Limits::default()).ambiguous);
    }

    #[test]
    fn attached_messages_stand_in_the_tree() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
            Subject: x\r\n\r\nbinnen\r\n--b\r\n\r\nbuiten\r\n--b--\r\n";
        assert_eq!(bodies(raw), ["binnen", "buiten"]);
        let message = Message::parse(raw.as_bytes(), &Limits::default());
        let shapes: Vec<_> = message.parts.iter().map(|p| (p.shape, p.parent, p.depth)).collect();
        assert_eq!(shapes[2], (Shape::Leaf, Some(1), 2));
    }

    #[test]
    fn structures_about_which_programs_differ() {
        for (raw, ambiguous) in [
            ("Subject: a\r\n\r\nb", false),
            ("Beste\r\nA: b\r\n\r\n", true),
            ("From x\r\nA: b\r\n\r\n", true),
            ("Content-Type : text/plain\r\n\r\n", true),
            ("A: b\r\n \r\n\r\n", true),
            ("Content-Type: multipart/mixed; boundary=b\r\n\r\nx", true),
            ("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx", true),
            ("Content-Type: multipart/mixed; boundary=b\r\n\r\n--bb\r\n--b\r\n\r\nx\r\n--b--\r\n", true),
            ("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny", true),
            ("Content-Type: multipart/mixed; boundary=b\r\n\r\nhoi\r\n--b\r\n\r\nx\r\n--b--\r\n", false),
        ] {
            assert_eq!(Message::parse(raw.as_bytes(), &Limits::default()).ambiguous, ambiguous, "{raw}");
        }
        assert!(Message::parse(b"Subject: a\rContent-Type: text/html\r\n\r\n", &Limits::default()).unsure);
    }

    #[test]
    fn limits_stop_the_parser() {
        let limits = Limits { parts: 10, depth: 5, ..Limits::default() };
        let many = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(100));
        let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(20);
        for raw in [many, deep] {
            let message = Message::parse(raw.as_bytes(), &limits);
            assert!(message.over_limit && message.parts.len() <= 10);
        }
    }
}
