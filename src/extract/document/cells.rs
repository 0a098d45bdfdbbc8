//! The filled cells of one sheet -> its text and its table, for every format that has sheets.
//!
//! A cell takes room only when it holds something: there is no grid, and no size that a file states is believed. The
//! text is what a person sees: numbers as their format shows them. Where that hides digits that the file has (a power
//! of ten, thousands divided, a number of nine digits that is "shown" as a date, a format that shows nothing), the
//! column is written once more, as stored, in the layer behind the cells: the whole column with its header, at the
//! same rows and columns, so that a column of numbers stays one column. Numbers below a million are left out of that:
//! no number that identifies a person is so small. Cannot fail: over a limit the rest is dropped and that is said.

use std::collections::BTreeSet;

use super::Sink;
use super::shown::{Epoch, Format};
use crate::extract::{Cell, Layer, Section, Why};

/// The longest text of one sheet, in octets. Strings that many cells share make a sheet's text far longer than its
/// file; the process that reads it has 256 MiB.
const LONGEST: usize = 32 << 20;

/// Numbers below this are not written again as stored.
const IDENTIFYING: f64 = 1e6;
/// Above this, a number has lost digits in the file itself.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The cells of a sheet, one after another.
pub(super) struct Cells {
    text: String,
    cells: Vec<Cell>,
    /// Cells whose digits are hidden, with the number stored; in order.
    stored: Vec<(usize, f64)>,
    /// How many cells may be kept.
    most: usize,
    over_limit: bool,
}

impl Cells {
    /// None yet, and no more than the message has left.
    pub(super) fn new(sink: &Sink<'_, '_>) -> Self {
        Self { text: String::new(), cells: Vec::new(), stored: Vec::new(), most: sink.cells_left(), over_limit: false }
    }

    /// A cell with text.
    pub(super) fn string(&mut self, row: u32, column: u32, text: &str) {
        if text.is_empty() || !self.room(row, text.len()) {
            return;
        }
        let start = self.text.len();
        if memchr::memchr(b'\r', text.as_bytes()).is_some() {
            // A range must still hold when line ends become LF.
            self.text.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
        } else {
            self.text.push_str(text);
        }
        self.keep(row, column, start);
    }

    /// A cell with a number, as its format shows it.
    pub(super) fn number(&mut self, row: u32, column: u32, value: f64, format: &Format, epoch: Epoch) {
        if !self.room(row, 0) {
            return;
        }
        let start = self.text.len();
        format.show(value, epoch, &mut self.text);
        let shown = self.text.get(start..).unwrap_or_default();
        if hides(shown, value, format) {
            self.stored.push((self.cells.len(), value));
        }
        self.keep(row, column, start);
    }

    /// A cell with a number as the file writes it. A whole number with a format that shows those as they are is not
    /// computed with.
    pub(super) fn written(&mut self, row: u32, column: u32, number: &str, format: &Format, epoch: Epoch) {
        let whole = number.len() <= 11 && !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
        match number.parse() {
            _ if whole && format.is_general() => self.string(row, column, number),
            Ok(value) => self.number(row, column, value, format, epoch),
            Err(_) => self.string(row, column, number),
        }
    }

    /// Divides a cell from the one before it. False when there is no room for it.
    fn room(&mut self, row: u32, octets: usize) -> bool {
        if self.cells.len() >= self.most || self.text.len().saturating_add(octets) > LONGEST {
            self.over_limit = true;
        }
        if self.over_limit {
            return false;
        }
        if let Some(last) = self.cells.last() {
            self.text.push(if last.row == row { '\t' } else { '\n' });
        }
        true
    }

    fn keep(&mut self, row: u32, column: u32, start: usize) {
        self.cells.push(Cell { table: 0, row, column, range: start..self.text.len() });
    }

    /// Hands the sheet over: its text, and the columns that hide digits once more.
    pub(super) fn finish(mut self, section: &Section, sink: &mut Sink<'_, '_>) {
        if self.over_limit {
            sink.unread_section(section.clone(), Why::OverLimit);
        }
        if self.cells.is_empty() {
            return;
        }
        self.text.push('\n');
        let behind = self.as_stored();
        sink.text(section.clone(), self.text, self.cells);
        if let Some((text, cells)) = behind {
            sink.text(Section { layer: Layer::Behind, ..section.clone() }, text, cells);
        }
    }

    /// The columns that hide digits, as stored.
    fn as_stored(&self) -> Option<(String, Vec<Cell>)> {
        let columns: BTreeSet<u32> =
            self.stored.iter().filter_map(|(index, _)| self.cells.get(*index)).map(|cell| cell.column).collect();
        if columns.is_empty() {
            return None;
        }
        let (mut text, mut cells): (String, Vec<Cell>) = (String::new(), Vec::new());
        let mut stored = self.stored.iter().peekable();
        for (index, cell) in self.cells.iter().enumerate() {
            let number = stored.next_if(|(known, _)| *known == index);
            if !columns.contains(&cell.column) {
                continue;
            }
            if let Some(last) = cells.last() {
                text.push(if last.row == cell.row { '\t' } else { '\n' });
            }
            let start = text.len();
            match number {
                Some((_, value)) => text.push_str(&value.to_string()),
                None => text.push_str(self.text.get(cell.range.clone()).unwrap_or_default()),
            }
            cells.push(Cell { range: start..text.len(), ..cell.clone() });
        }
        text.push('\n');
        Some((text, cells))
    }
}

/// Whether what is shown has not the digits of the whole number in one piece, or as a BSN is written in groups.
fn hides(shown: &str, value: f64, format: &Format) -> bool {
    let size = value.abs();
    if !(IDENTIFYING..EXACT).contains(&size) {
        return false;
    }
    let whole = (size.trunc() as u64).to_string();
    let mut pieces = shown.split(|c: char| !c.is_ascii_digit());
    if pieces.any(|piece| piece.trim_start_matches('0') == whole) {
        return false;
    }
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    let as_written = digits.len() == 9 && digits.trim_start_matches('0') == whole;
    format.is_grouped() || !as_written
}
