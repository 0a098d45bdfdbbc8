//! The text of a Word document in the order in which it is shown: its pieces (MS-DOC 2.4.1, 2.8.35, 2.9.73, 2.9.177).

use super::super::codepage::CodePage;
use super::super::octets::{piece, rest, size_at, u8_at, u16_at, u32_at};
use super::marks::{DELETED, HIDDEN, Marks};
use super::{Header, PIECES, Streams};

/// The text as UTF-16 code units, with the marks of each.
#[derive(Default)]
pub(super) struct Units {
    /// The code units.
    pub(super) text: Vec<u16>,
    /// The marks of each unit.
    pub(super) marks: Vec<u8>,
    /// Whether the marks tell tables from text.
    pub(super) knows_tables: bool,
}

impl Units {
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

/// Reads the text; none when nothing says where it is.
pub(super) fn read(streams: &Streams, header: &Header, marks: &Marks) -> Option<Units> {
    let mut units = Units { knows_tables: marks.knows_tables, ..Units::default() };
    let table = match header.is_old {
        // Word 6 and 95 keep the pieces of a fast-saved document in the main stream.
        true => rest(&streams.main, size_at(&streams.main, 0x160)?, size_at(&streams.main, 0x164)?),
        false => streams.table(PIECES),
    };
    // Pieces that share their octets are no pieces of one text; a little more than there is has to do.
    let mut left = streams.main.len();
    if let Some((table, modifiers)) = piece_table(table) {
        let count = table.len().saturating_sub(4) / 12;
        for index in 0..count {
            let Some(size) = characters(table, index) else { continue };
            let Some(descriptor) = piece(table, 4 * (count + 1) + 8 * index, 8) else { break };
            let size = size.min(left);
            left -= size;
            let all = piece_marks(u16_at(descriptor, 6).unwrap_or(0), &modifiers);
            units.add(streams, header, marks, u32_at(descriptor, 2)?, size, all);
        }
    } else if header.is_old {
        let (from, to) = header.text;
        let text = rest(&streams.main, from, to.saturating_sub(from));
        let page = if header.is_wide { CodePage::UTF16 } else { header.page };
        units.text = page.decode(text).encode_utf16().collect();
        units.marks = vec![0; units.text.len()];
    }
    (!units.text.is_empty()).then_some(units)
}

/// The characters in a piece.
fn characters(table: &[u8], index: usize) -> Option<usize> {
    size_at(table, 4 * index + 4)?.checked_sub(size_at(table, 4 * index)?)
}

/// The piece table, and the modifiers that pieces point to (2.9.38).
fn piece_table(table: &[u8]) -> Option<(&[u8], Vec<&[u8]>)> {
    let mut at = 0;
    let mut modifiers = Vec::new();
    loop {
        match u8_at(table, at)? {
            1 => {
                let size = usize::from(u16_at(table, at + 1)?);
                modifiers.push(rest(table, at + 3, size));
                at += 3 + size;
            }
            2 => return Some((rest(table, at + 5, size_at(table, at + 1)?), modifiers)),
            _ => return None,
        }
    }
}

/// What a fast save changed about a whole piece (2.9.214, 2.9.215).
fn piece_marks(modifier: u16, modifiers: &[&[u8]]) -> u8 {
    if modifier & 1 == 0 {
        let on = modifier >> 8 & 1 == 1;
        return match modifier >> 1 & 0x7F {
            0x41 if on => DELETED,
            0x5C if on => HIDDEN,
            _ => 0,
        };
    }
    let octets = modifiers.get(usize::from(modifier >> 1)).copied().unwrap_or_default();
    match octets {
        [0x00, 0x08, 1, ..] => DELETED,
        [0x3C, 0x08, 1, ..] => HIDDEN,
        _ => 0,
    }
}

impl Units {
    /// Adds a piece: `place` says where it is, and whether a character takes one octet.
    fn add(&mut self, streams: &Streams, header: &Header, marks: &Marks, place: u32, size: usize, all: u8) {
        let narrow = if header.is_old { !header.is_wide } else { place & 0x4000_0000 != 0 };
        let place = (place & 0x3FFF_FFFF) as usize;
        let from = if header.is_old || !narrow { place } else { place / 2 };
        let width = if narrow { 1 } else { 2 };
        let octets = rest(&streams.main, from, size.saturating_mul(width));
        let start = self.text.len();
        if !narrow {
            self.text.extend(octets.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)));
        } else if header.page.is_single() {
            // One character for each octet, so that counts and marks keep their places.
            let text = header.page.decode(octets);
            self.text.extend(text.chars().map(|character| u16::try_from(u32::from(character)).unwrap_or(0xFFFD)));
        } else {
            self.text.extend(header.page.decode(octets).encode_utf16());
        }
        self.marks.resize(self.text.len(), all);
        for (run_from, run_to, flags) in marks.within(from, from + octets.len()) {
            let (first, last) = (start + (run_from - from) / width, start + (run_to - from).div_ceil(width));
            let last = last.min(self.marks.len());
            for mark in self.marks.get_mut(first..last).unwrap_or_default() {
                *mark |= flags;
            }
        }
    }
}
