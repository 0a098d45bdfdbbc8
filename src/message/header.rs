//! The raw header section: its fields, byte for byte.
//!
//! Never decodes a value and never allocates. Cannot fail: lines that are no field are stepped over.
//! RFC 5322 section 2.2; line ends are LF with or without CR before it.

use std::ops::Range;

/// One field of a header section.
#[derive(Clone, PartialEq, Eq)]
pub struct Field<'x> {
    /// The name as written, without white space around it.
    pub name: &'x [u8],
    /// Everything between the colon and the last line end, folds included.
    pub value: &'x [u8],
    /// The whole field in the bytes that were given: name, colon, folding lines, last line end.
    pub range: Range<usize>,
}

impl Field<'_> {
    /// Whether this is the field of that name; case does not count (RFC 5322 section 1.2.2).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Values hold subjects and addresses.
impl std::fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("range", &self.range).finish_non_exhaustive()
    }
}

/// The fields of the header section with which `raw` begins, up to the first empty line.
///
/// Lines without a colon, and folded lines with nothing before them, are no field and are left out.
pub fn fields(raw: &[u8]) -> impl Iterator<Item = Field<'_>> {
    Fields { raw, at: 0 }
}

/// The value of the first field of that name, folds included.
pub fn value_of<'x>(raw: &'x [u8], name: &str) -> Option<&'x [u8]> {
    fields(raw).find(|field| field.is(name)).map(|field| field.value)
}

/// Where the line that starts at `at` ends: behind its LF, or at the end of the bytes.
pub(crate) fn line_end(raw: &[u8], at: usize) -> usize {
    raw.get(at..).and_then(|rest| memchr::memchr(b'\n', rest)).map_or(raw.len(), |offset| at + offset + 1)
}

/// A line without its line end.
pub(crate) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

struct Fields<'x> {
    raw: &'x [u8],
    at: usize,
}

impl<'x> Iterator for Fields<'x> {
    type Item = Field<'x>;

    fn next(&mut self) -> Option<Field<'x>> {
        while self.at < self.raw.len() {
            let start = self.at;
            let first_end = line_end(self.raw, start);
            if without_line_end(self.raw.get(start..first_end)?).is_empty() {
                self.at = self.raw.len();
                return None;
            }
            let mut end = first_end;
            while matches!(self.raw.get(end), Some(b' ' | b'\t')) {
                end = line_end(self.raw, end);
            }
            self.at = end;
            let first = self.raw.get(start..first_end)?;
            if matches!(first.first(), Some(b' ' | b'\t')) {
                continue;
            }
            let Some(colon) = memchr::memchr(b':', first) else { continue };
            let name = first.get(..colon)?.trim_ascii();
            if name.is_empty() {
                continue;
            }
            let value = without_line_end(self.raw.get(start + colon + 1..end)?);
            return Some(Field { name, value, range: start..end });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folded_fields_keep_their_bytes() {
        let raw = b"Subject: een\r\n twee\r\nX : y\n\r\nTo: niet@hier.example\r\n";
        let found: Vec<_> = fields(raw).map(|f| (f.name, f.value, f.range)).collect();
        assert_eq!(found, [(&b"Subject"[..], &b" een\r\n twee"[..], 0..21), (&b"X"[..], &b" y"[..], 21..27)]);
        assert_eq!(value_of(raw, "SUBJECT"), Some(&b" een\r\n twee"[..]));
        assert_eq!(value_of(raw, "To"), None);
    }

    #[test]
    fn garbage_is_stepped_over() {
        for (raw, names) in [
            (&b""[..], vec![]),
            (b"\r\n", vec![]),
            (b"Beste ouders\r\nA: b\r\n", vec![&b"A"[..]]),
            (b" los\r\n A: b\r\nC: d", vec![b"C"]),
            (b": leeg\r\nA:b", vec![b"A"]),
            (b"A", vec![]),
            (b"A:", vec![b"A"]),
        ] {
            assert_eq!(fields(raw).map(|f| f.name).collect::<Vec<_>>(), names, "{raw:?}");
        }
    }
}
