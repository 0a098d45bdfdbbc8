//! CSV and its kin without some columns: every octet of the rest stays, delimiters and line ends too.

use std::ops::Range;

use super::{CannotRedact, Column, File, Heading, Redacted};
use crate::extract;
use crate::message::{Limits, charset};

/// The table without the columns.
pub(super) fn redact(file: &File<'_>, columns: &[Column], limits: &Limits) -> Result<Redacted, CannotRedact> {
    let text = charset::decode(file.octets, file.charset);
    // These are read as something else.
    if columns.iter().any(|column| column.sheet.is_some()) || text.trim_start().starts_with(['{', '[', '<']) {
        return Err(CannotRedact::NotASheet);
    }
    let width = Width::of(file.octets, &text)?;
    let certain = extract::promises_table(file.name, file.essence);
    let fields = extract::fields(&even_lines(&text), certain, limits.cells.saturating_add(1));
    if fields.len() > limits.cells {
        return Err(CannotRedact::OverLimit);
    }
    let mut cells = vec![0; columns.len()];
    let mut out = Vec::with_capacity(file.octets.len());
    let (mut copied, mut place) = (0, Place { text: &text, byte: 0, octet: width.mark() });
    for field in &fields {
        let Some(index) = columns.iter().position(|column| column.column == field.column) else { continue };
        let stays =
            matches!(columns.get(index).map(|column| column.heading), Some(Heading::Stays(row)) if row == field.row);
        let range = without_line_end(&text, field.range.clone());
        if stays || text.get(range.clone()).is_none_or(str::is_empty) {
            continue;
        }
        let (from, to) = (place.octet_of(range.start, width), place.octet_of(range.end, width));
        out.extend_from_slice(file.octets.get(copied..from).unwrap_or_default());
        copied = to;
        cells.iter_mut().skip(index).take(1).for_each(|count| *count += 1);
    }
    out.extend_from_slice(file.octets.get(copied..).unwrap_or_default());
    if fields.is_empty() || cells.contains(&0) {
        return Err(CannotRedact::NoColumn);
    }
    Ok(Redacted { octets: out, cells, notes: Vec::new() })
}

/// A lone CR as LF, in as many octets, as it is read.
fn even_lines(text: &str) -> String {
    let mut rest = text.chars().peekable();
    let mut out = String::with_capacity(text.len());
    while let Some(c) = rest.next() {
        out.push(if c == '\r' && rest.peek() != Some(&'\n') { '\n' } else { c });
    }
    out
}

fn without_line_end(text: &str, range: Range<usize>) -> Range<usize> {
    let found = text.get(range.clone()).unwrap_or_default();
    range.start..range.start + found.strip_suffix('\r').unwrap_or(found).len()
}

/// How many octets a character takes.
#[derive(Clone, Copy)]
enum Width {
    /// As in UTF-8, behind a mark of so many octets.
    Utf8(usize),
    /// One.
    One,
    /// As in UTF-16, behind a mark of so many octets.
    Utf16(usize),
}

impl Width {
    /// By what was decoded: whatever the charset is called, lengths cannot lie.
    fn of(octets: &[u8], text: &str) -> Result<Self, CannotRedact> {
        let mark = match octets {
            [0xEF, 0xBB, 0xBF, ..] => 3,
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => 2,
            _ => 0,
        };
        if octets.get(mark..) == Some(text.as_bytes()) {
            return Ok(Self::Utf8(mark));
        }
        let units: usize = text.chars().map(|c| c.len_utf16() * 2).sum();
        if units + mark == octets.len() && mark != 3 {
            return Ok(Self::Utf16(mark));
        }
        match text.chars().count() == octets.len() {
            true => Ok(Self::One),
            false => Err(CannotRedact::Charset),
        }
    }

    fn mark(self) -> usize {
        match self {
            Self::Utf8(mark) | Self::Utf16(mark) => mark,
            Self::One => 0,
        }
    }
}

/// A place in the text and in the octets, which only goes forward.
struct Place<'t> {
    text: &'t str,
    byte: usize,
    octet: usize,
}

impl Place<'_> {
    fn octet_of(&mut self, byte: usize, width: Width) -> usize {
        let between = self.text.get(self.byte..byte).unwrap_or_default();
        self.octet += match width {
            Width::Utf8(_) => between.len(),
            Width::One => between.chars().count(),
            Width::Utf16(_) => between.chars().map(|c| c.len_utf16() * 2).sum(),
        };
        self.byte = byte;
        self.octet
    }
}
