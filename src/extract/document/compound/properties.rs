//! The properties of a document (MS-OLEPS): title, author, keywords, and those that people add themselves.

use super::super::Sink;
use super::super::codepage::{CodePage, utf16_to_nul};
use super::super::octets::{piece, rest, size_at, u16_at, u32_at, u64_at};
use super::Storage;
use crate::extract::Layer;

/// What the code page of a set is called (2.18.2), and the names of its properties (2.18.1).
const CODE_PAGE: u32 = 1;
const DICTIONARY: u32 = 0;
/// More properties than a program writes in a set.
const MOST: usize = 4096;
/// The set of a person's own properties (2.25.2).
const OWN: &[u8] = b"\x05\xD5\xCD\xD5\x9C\x2E\x1B\x10\x93\x97\x08\x00\x2B\x2C\xF9\xAE";

/// Reads the property sets of a document.
pub(super) fn read(at: Storage<'_>, sink: &mut Sink<'_, '_>) {
    let mut out = String::new();
    for name in ["\u{5}SummaryInformation", "\u{5}DocumentSummaryInformation"] {
        if let Some(stream) = at.stream(name) {
            sets(&stream, &mut out);
        }
    }
    sink.text(Layer::Property, out, Vec::new());
}

/// The code page in which a document's title is written; none when it is not said, or Unicode.
pub(in super::super) fn code_page(at: Storage<'_>) -> Option<u32> {
    let stream = at.stream("\u{5}SummaryInformation")?;
    let set = stream.get(size_at(&stream, 44)?..)?;
    let count = size_at(set, 4)?.min(MOST);
    let place = (0..count).find(|index| u32_at(set, 8 + index * 8) == Some(CODE_PAGE))?;
    let page = u16_at(set, size_at(set, 12 + place * 8)?.checked_add(4)?)?;
    (!matches!(page, 0 | 1200 | 65001)).then_some(page.into())
}

/// The strings of all sets in a stream, a line each.
fn sets(stream: &[u8], out: &mut String) {
    let count = size_at(stream, 24).unwrap_or(0).min(8);
    for index in 0..count {
        let at = 28 + index * 20;
        let Some(offset) = size_at(stream, at + 16) else { return };
        let is_own = piece(stream, at, 16) == Some(OWN);
        set(stream.get(offset..).unwrap_or_default(), is_own, out);
    }
}

fn set(octets: &[u8], is_own: bool, out: &mut String) {
    let count = size_at(octets, 4).unwrap_or(0).min(MOST);
    let places: Vec<(u32, usize)> = (0..count)
        .map_while(|index| Some((u32_at(octets, 8 + index * 8)?, size_at(octets, 12 + index * 8)?)))
        .collect();
    let value_of = |id: u32| places.iter().find(|(known, _)| *known == id).map(|(_, at)| *at);
    let page = value_of(CODE_PAGE).and_then(|at| u16_at(octets, at + 4)).unwrap_or(1252);
    let page = CodePage::of(u32::from(page));
    let names = value_of(DICTIONARY).map(|at| dictionary(octets, at, page)).unwrap_or_default();
    // All values together are no longer than the set: several properties can claim the same octets.
    let mut left = octets.len();
    for (id, at) in places.iter().filter(|(id, _)| *id > CODE_PAGE && *id < 0x8000_0000) {
        let mut values = Values { octets, at: *at, page, numbers: is_own, left: &mut left, out: Vec::new() };
        values.typed();
        let name = names.iter().find(|(known, _)| known == id).map(|(_, name)| name.as_str());
        for value in values.out.iter().filter(|value| !value.trim().is_empty()) {
            if let Some(name) = name {
                out.push_str(name);
                out.push_str(": ");
            }
            out.push_str(value.trim());
            out.push('\n');
        }
    }
}

/// The names of a person's own properties (2.17).
fn dictionary(octets: &[u8], at: usize, page: CodePage) -> Vec<(u32, String)> {
    let mut names = Vec::new();
    let mut at = at;
    let count = size_at(octets, at).unwrap_or(0).min(MOST);
    at += 4;
    for _ in 0..count {
        let (Some(id), Some(size)) = (u32_at(octets, at), size_at(octets, at + 4)) else { break };
        let wide = page == CodePage::UTF16;
        let size = if wide { size.saturating_mul(2) } else { size };
        let Some(text) = piece(octets, at + 8, size) else { break };
        names.push((id, page.decode(text).trim_end_matches('\0').to_string()));
        at += 8 + if wide { size.next_multiple_of(4) } else { size };
    }
    names
}

/// The values of one property, which can be a list.
struct Values<'o> {
    octets: &'o [u8],
    at: usize,
    page: CodePage,
    /// Whether numbers are shown: those of the known sets only count pages and words.
    numbers: bool,
    left: &'o mut usize,
    out: Vec<String>,
}

impl Values<'_> {
    fn typed(&mut self) {
        let Some(kind) = u16_at(self.octets, self.at) else { return };
        self.at = self.at.saturating_add(4);
        if kind & 0x1000 == 0 {
            self.one(kind, 0);
            return;
        }
        let count = size_at(self.octets, self.at).unwrap_or(0).min(MOST);
        self.at = self.at.saturating_add(4);
        for _ in 0..count {
            if self.one(kind & 0xFFF, 0).is_none() {
                return;
            }
        }
    }

    /// One value (2.15), and the place behind it; none for types that hold no text.
    fn one(&mut self, kind: u16, depth: usize) -> Option<()> {
        match kind {
            0x1E => self.string(false),
            0x1F => self.string(true),
            0x0C if depth == 0 => {
                let kind = u16_at(self.octets, self.at)?;
                self.at = self.at.checked_add(4)?;
                self.one(kind, 1)
            }
            0x02 | 0x03 | 0x12 | 0x13 | 0x16 | 0x17 | 0x0B => self.number(4),
            0x05 | 0x14 | 0x15 => self.number(kind.into()),
            _ => None,
        }
    }

    fn string(&mut self, wide: bool) -> Option<()> {
        let size = size_at(self.octets, self.at)?;
        let size = if wide { size.checked_mul(2)? } else { size };
        let start = self.at.checked_add(4)?;
        let text = piece(self.octets, start, size)?;
        *self.left = self.left.checked_sub(size)?;
        let is_wide = wide || self.page == CodePage::UTF16;
        let text = if is_wide {
            utf16_to_nul(text)
        } else {
            self.page.decode(text.split(|&b| b == 0).next().unwrap_or_default())
        };
        self.out.push(text);
        // Lists of narrow strings are not padded by the programs that write them, whatever 2.11 says of it.
        self.at = start.checked_add(if wide { size.next_multiple_of(4) } else { size })?;
        Some(())
    }

    fn number(&mut self, kind: usize) -> Option<()> {
        let (shown, size) = match kind {
            4 => ((u32_at(self.octets, self.at)? as i32).to_string(), 4),
            5 => (f64::from_bits(u64_at(self.octets, self.at)?).to_string(), 8),
            _ => (u64_at(self.octets, self.at)?.to_string(), 8),
        };
        if self.numbers {
            self.out.push(shown);
        }
        self.at = self.at.checked_add(size)?;
        Some(())
    }
}

/// The words in octets whose layout nobody knows: runs of four printable characters and more, in UTF-16 or in a code
/// page, a line each.
pub(in super::super) fn words(octets: &[u8]) -> String {
    const SHORTEST: usize = 4;
    let mut out = String::new();
    let mut at = 0;
    while at < octets.len() {
        let from = rest(octets, at, octets.len());
        let wide = from.as_chunks::<2>().0.iter().take_while(|pair| is_printable(u16::from_le_bytes(**pair))).count();
        // Not counted where it is not needed: each octet is looked at a few times, however long the runs are.
        let narrow = || from.iter().take_while(|&&b| matches!(b, 0x20..0x7F | 0xA1..)).count();
        let (run, step) = if wide >= SHORTEST {
            (super::super::codepage::utf16(rest(from, 0, wide * 2)), wide * 2)
        } else {
            match narrow() {
                size if size >= SHORTEST => (CodePage::WESTERN.decode(rest(from, 0, size)), size),
                _ => (String::new(), 1),
            }
        };
        if !run.is_empty() {
            out.push_str(&run.replace('\r', "\n"));
            out.push('\n');
        }
        at += step;
    }
    out
}

/// Letters, digits and signs of Europe, and what ends a line; not two spaces of a code page.
fn is_printable(unit: u16) -> bool {
    matches!(unit, 0x09 | 0x0A | 0x0D | 0x20..0x7F | 0xA0..0x0600 | 0x1E00..0x1F00 | 0x2010..=0x201F | 0x2021..=0x2026 | 0x20AC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_either_width() {
        let wide: Vec<u8> = "Zoë van Dijk".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let octets = [&[1, 2, 0, 9][..], &wide, &[0, 0, 3], b"BSN        123456782", &[0, 7], b"abc"].concat();
        assert_eq!(words(&octets), "Zoë van Dijk\nBSN        123456782\n");
    }
}
