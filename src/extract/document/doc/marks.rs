//! The properties of a Word document's characters and paragraphs that decide whether a text is shown, and where its
//! tables end (MS-DOC 2.4.6, 2.9.33, 2.9.55, 2.6).

use super::super::octets::{piece, size_at, u8_at, u16_at, u32_at};
use super::{CHARACTER_PAGES, Header, PARAGRAPH_PAGES, Streams};

/// Deleted with changes tracked.
pub(super) const DELETED: u8 = 1;
/// Hidden text.
pub(super) const HIDDEN: u8 = 2;
/// In a table.
pub(super) const IN_TABLE: u8 = 4;
/// The mark that ends a row.
pub(super) const ROW_END: u8 = 8;
/// The paragraph mark that ends a cell, or a row, of a table in a table.
pub(super) const INNER_CELL: u8 = 16;
pub(super) const INNER_ROW: u8 = 32;

/// A page of properties (2.9.35).
const PAGE: usize = 512;

/// Octets of the main stream with a property: from, to, which.
type Run = (usize, usize, u8);

/// The properties of a document.
#[derive(Default)]
pub(super) struct Marks {
    characters: Vec<Run>,
    paragraphs: Vec<Run>,
    /// Whether paragraphs say where they are in tables.
    pub(super) knows_tables: bool,
    /// Where in the data stream the pictures and form fields of the text are.
    pub(super) pictures: Vec<usize>,
}

impl Marks {
    pub(super) fn read(streams: &Streams, header: &Header) -> Self {
        let mut marks = Self::default();
        if header.is_old {
            return marks;
        }
        for page in pages(streams, CHARACTER_PAGES) {
            marks.character_page(page);
        }
        for page in pages(streams, PARAGRAPH_PAGES) {
            marks.knows_tables = true;
            marks.paragraph_page(page, &streams.data);
        }
        apart(&mut marks.characters);
        apart(&mut marks.paragraphs);
        marks.pictures.sort_unstable();
        marks.pictures.dedup();
        marks
    }

    /// The properties of so many octets of the main stream, as runs that do not overlap.
    pub(super) fn within(&self, from: usize, to: usize) -> impl Iterator<Item = Run> {
        let of = move |runs: &[Run]| -> std::ops::Range<usize> {
            runs.partition_point(|run| run.1 <= from)..runs.partition_point(|run| run.0 < to)
        };
        let characters = self.characters.get(of(&self.characters)).unwrap_or_default();
        let paragraphs = self.paragraphs.get(of(&self.paragraphs)).unwrap_or_default();
        characters.iter().chain(paragraphs).map(move |run| (run.0.max(from), run.1.min(to), run.2))
    }

    fn character_page(&mut self, page: &[u8]) {
        let runs = usize::from(u8_at(page, PAGE - 1).unwrap_or(0));
        for run in 0..runs {
            let Some((from, to)) = bounds(page, run) else { return };
            let Some(at) = u8_at(page, 4 * (runs + 1) + run).map(|at| usize::from(at) * 2) else { return };
            let size = usize::from(u8_at(page, at).unwrap_or(0));
            let mut flags = 0;
            for (code, value) in Modifiers(piece(page, at + 1, size).filter(|_| at > 0).unwrap_or_default()) {
                match code {
                    0x0800 if is_on(value) => flags |= DELETED,
                    0x083C if is_on(value) => flags |= HIDDEN,
                    0x6A03 => self.pictures.extend(size_at(value, 0)),
                    _ => {}
                }
            }
            if flags != 0 {
                self.characters.push((from, to, flags));
            }
        }
    }

    fn paragraph_page(&mut self, page: &[u8], data: &[u8]) {
        let runs = usize::from(u8_at(page, PAGE - 1).unwrap_or(0));
        for run in 0..runs {
            let Some((from, to)) = bounds(page, run) else { return };
            let Some(at) = u8_at(page, 4 * (runs + 1) + 13 * run).map(|at| usize::from(at) * 2) else { return };
            let (start, size) = match u8_at(page, at) {
                Some(0) => (at + 2, 2 * usize::from(u8_at(page, at + 1).unwrap_or(0))),
                Some(half) => (at + 1, 2 * usize::from(half) - 1),
                None => return,
            };
            // The style stands before the modifiers.
            let modifiers = piece(page, start, size).filter(|_| at > 0).and_then(|papx| papx.get(2..));
            let flags = paragraph_flags(modifiers.unwrap_or_default(), data, 0);
            if flags != 0 {
                self.paragraphs.push((from, to, flags));
            }
        }
    }
}

fn paragraph_flags(modifiers: &[u8], data: &[u8], depth: usize) -> u8 {
    let mut flags = 0;
    for (code, value) in Modifiers(modifiers) {
        match code {
            0x2416 if is_on(value) => flags |= IN_TABLE,
            0x2417 if is_on(value) => flags |= ROW_END | IN_TABLE,
            0x244B if is_on(value) => flags |= INNER_CELL,
            0x244C if is_on(value) => flags |= INNER_ROW,
            0x6649 if u32_at(value, 0).is_some_and(|depth| depth > 0) => flags |= IN_TABLE,
            // The row of a wide table: its modifiers are in the data stream.
            0x6645 | 0x6646 if depth == 0 => {
                let at = size_at(value, 0).unwrap_or(usize::MAX);
                let size = u16_at(data, at).map_or(0, usize::from);
                flags |= paragraph_flags(piece(data, at.saturating_add(2), size).unwrap_or_default(), data, 1);
            }
            _ => {}
        }
    }
    flags
}

/// The pages that a table of the header lists. No more than the main stream has: a page listed twice says nothing new.
fn pages(streams: &Streams, index: usize) -> impl Iterator<Item = &[u8]> {
    let table = streams.table(index);
    let count = table.len().saturating_sub(4) / 8;
    let most = streams.main.len() / PAGE + 1;
    let numbers = (0..count.min(most)).filter_map(move |page| u32_at(table, 4 * (count + 1) + 4 * page));
    numbers.filter_map(|number| piece(&streams.main, (number & 0x3F_FFFF) as usize * PAGE, PAGE))
}

fn bounds(page: &[u8], run: usize) -> Option<(usize, usize)> {
    let (from, to) = (size_at(page, 4 * run)?, size_at(page, 4 * run + 4)?);
    Some((from, to.max(from)))
}

/// Runs in order, and none over another.
fn apart(runs: &mut Vec<Run>) {
    runs.sort_unstable();
    let mut last = 0;
    for run in runs.iter_mut() {
        run.0 = run.0.max(last);
        run.1 = run.1.max(run.0);
        last = run.1;
    }
    runs.retain(|run| run.0 < run.1);
}

fn is_on(value: &[u8]) -> bool {
    matches!(value.first(), Some(1 | 0x81))
}

/// Property modifiers (2.6.1): code and operand.
struct Modifiers<'p>(&'p [u8]);

impl<'p> Iterator for Modifiers<'p> {
    type Item = (u16, &'p [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = u16_at(self.0, 0)?;
        let (skip, size) = match code >> 13 {
            0 | 1 => (0, 1),
            2 | 4 | 5 => (0, 2),
            3 => (0, 4),
            7 => (0, 3),
            // The definition of a table counts in two octets, and one too many (2.9.323).
            _ if matches!(code, 0xD608 | 0xD606) => (2, usize::from(u16_at(self.0, 2)?).saturating_sub(1)),
            // Changed tab stops have a count of their own when it does not fit (2.9.180).
            _ if code == 0xC615 && u8_at(self.0, 2) == Some(255) => {
                let deleted = usize::from(u8_at(self.0, 3)?);
                let added = usize::from(u8_at(self.0, 4 + 4 * deleted)?);
                (1, 2 + 4 * deleted + 3 * added)
            }
            _ => (1, usize::from(u8_at(self.0, 2)?)),
        };
        let value = piece(self.0, 2 + skip, size)?;
        self.0 = self.0.get(2 + skip + size..)?;
        Some((code, value))
    }
}
