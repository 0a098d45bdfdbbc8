//! One sheet of a workbook stream: its cells, and the words around them.

use std::collections::{BTreeMap, BTreeSet};

use super::Book;
use super::record::{Pieces, Record, f64_at, rk, u16_at, u32_at, wide_texts};
use crate::extract::document::Sink;
use crate::extract::document::cells::Cells;
use crate::extract::document::workbook::{margin, truth};
use crate::extract::{Layer, Section};

/// A sheet that is being read.
pub(super) struct Sheet {
    section: Section,
    cells: Cells,
    /// The cell of a formula whose text comes in the next record.
    awaited: Option<(u32, u32)>,
    /// The object that the next text belongs to.
    object: u16,
    /// The texts of objects, by their number.
    texts: BTreeMap<u16, String>,
    /// Notes: their cell and their object.
    notes: Vec<(u32, u32, u16)>,
    /// Notes that hold their own text (BIFF5).
    comments: Vec<(u32, u32, String)>,
    formulas: BTreeSet<String>,
    margin: String,
    chart: String,
    alt: String,
    behind: String,
}

impl Sheet {
    pub(super) fn new(section: Section, sink: &Sink<'_, '_>) -> Self {
        Self {
            section,
            cells: Cells::new(sink),
            awaited: None,
            object: 0,
            texts: BTreeMap::new(),
            notes: Vec::new(),
            comments: Vec::new(),
            formulas: BTreeSet::new(),
            margin: String::new(),
            chart: String::new(),
            alt: String::new(),
            behind: String::new(),
        }
    }

    /// A record of the sheet; deeper than 1 it belongs to a chart on it.
    pub(super) fn record(&mut self, record: &Record<'_>, depth: usize, book: &mut Book) {
        let data = record.data;
        // A record too short for what it should hold says nothing.
        let _ = match record.kind {
            0x203 => at(data).zip(f64_at(data, 6)).map(|(cell, value)| self.number(cell, value, depth, book)),
            0x27e => at(data).zip(u32_at(data, 6)).map(|(cell, value)| self.number(cell, rk(value), depth, book)),
            0xbd => self.numbers(data, book),
            0xfd => self.shared(data, book),
            0x204 | 0xd6 => self.label(data, depth, book),
            0x205 => self.truth_or_error(data),
            0x06 => self.formula(data, depth, book),
            0x207 => self.result(record, book),
            0x4bc => self.tokens(data, 8, book),
            0x221 => self.tokens(data, 12, book),
            0x14 | 0x15 => self.margin(data, book),
            0x89c => data.get(28..).map(|data| self.margins(data)),
            0x1c => self.note(data, book),
            0x5d => u16_at(data, 6).map(|object| self.object = object),
            0x1b6 => self.text(record, book),
            0x1be => self.choices(record, book),
            0x1b1 => self.condition(data, book),
            0x1b8 | 0x872 | 0x878 | 0x80 => wide(data, &mut self.behind),
            0xec => wide(data, &mut self.alt),
            0x100d => self.series(data, book),
            _ => None,
        };
    }

    fn number(&mut self, (row, column, style): (u32, u32, usize), value: f64, depth: usize, book: &Book) {
        let format = book.styles.of(style);
        if depth > 1 {
            format.show(value, book.epoch, &mut self.chart);
            return self.chart.push('\n');
        }
        self.cells.number(row, column, value, format, book.epoch);
    }

    /// Numbers side by side (2.4.175).
    fn numbers(&mut self, data: &[u8], book: &Book) -> Option<()> {
        let (row, first) = (u32::from(u16_at(data, 0)?), u32::from(u16_at(data, 2)?));
        // The last two octets are the last column, which is not needed.
        let numbers = data.get(4..data.len().checked_sub(2)?)?;
        for (column, number) in (first..).zip(numbers.chunks_exact(6)) {
            let (style, value) = (u16_at(number, 0)?, rk(u32_at(number, 2)?));
            self.cells.number(row, column, value, book.styles.of(usize::from(style)), book.epoch);
        }
        Some(())
    }

    fn shared(&mut self, data: &[u8], book: &mut Book) -> Option<()> {
        let (row, column, _) = at(data)?;
        let text = book.strings.used(u32_at(data, 6)? as usize)?;
        self.cells.string(row, column, text);
        Some(())
    }

    fn label(&mut self, data: &[u8], depth: usize, book: &Book) -> Option<()> {
        let (row, column, _) = at(data)?;
        let text = book.string(usize::from(u16_at(data, 6)?), data.get(8..)?)?;
        if depth > 1 {
            self.chart.push_str(&text);
            self.chart.push('\n');
        } else {
            self.cells.string(row, column, &text);
        }
        Some(())
    }

    fn truth_or_error(&mut self, data: &[u8]) -> Option<()> {
        let (row, column, _) = at(data)?;
        let value = *data.get(6)?;
        self.cells.string(row, column, if *data.get(7)? == 0 { truth(value == 1) } else { error(value) });
        Some(())
    }

    /// A formula with its result (2.4.127).
    fn formula(&mut self, data: &[u8], depth: usize, book: &Book) -> Option<()> {
        let cell = at(data)?;
        self.awaited = None;
        let value = data.get(6..14)?;
        match (value.get(6..)?, value.first()?) {
            ([0xff, 0xff], 0) => self.awaited = Some((cell.0, cell.1)),
            ([0xff, 0xff], 1) => self.cells.string(cell.0, cell.1, truth(*value.get(2)? == 1)),
            ([0xff, 0xff], 2) => self.cells.string(cell.0, cell.1, error(*value.get(2)?)),
            ([0xff, 0xff], _) => {}
            _ => self.number(cell, f64_at(value, 0)?, depth, book),
        }
        self.tokens(data, 20, book)
    }

    /// A formula's tokens, behind their size.
    fn tokens(&mut self, data: &[u8], size_at: usize, book: &Book) -> Option<()> {
        let size = usize::from(u16_at(data, size_at)?);
        let rest = data.get(size_at + 2..)?;
        self.formulas.extend(book.words(rest.get(..size).unwrap_or(rest)));
        Some(())
    }

    fn result(&mut self, record: &Record<'_>, book: &Book) -> Option<()> {
        let (row, column) = self.awaited.take()?;
        let mut text = String::new();
        if book.biff5 {
            text = book.string(usize::from(u16_at(record.data, 0)?), record.data.get(2..)?)?;
        } else {
            Pieces::new(record.data, &record.more).string(&mut text);
        }
        self.cells.string(row, column, &text);
        Some(())
    }

    fn margin(&mut self, data: &[u8], book: &Book) -> Option<()> {
        let codes = if book.biff5 {
            book.string(usize::from(*data.first()?), data.get(1..)?)?
        } else {
            book.string(usize::from(u16_at(data, 0)?), data.get(2..)?)?
        };
        self.margin.push_str(&margin(&codes));
        self.margin.push('\n');
        Some(())
    }

    /// The headers and footers of first and even pages (2.4.137), behind their lengths.
    fn margins(&mut self, data: &[u8]) {
        let mut pieces = Pieces::new(data.get(10..).unwrap_or_default(), &[]);
        let mut codes = String::new();
        while pieces.string(&mut codes).is_some() {
            self.margin.push_str(&margin(&codes));
            self.margin.push('\n');
            codes.clear();
        }
    }

    fn note(&mut self, data: &[u8], book: &Book) -> Option<()> {
        let (row, column) = (u32::from(u16_at(data, 0)?), u32::from(u16_at(data, 2)?));
        if !book.biff5 {
            self.notes.push((row, column, u16_at(data, 6)?));
            return Some(());
        }
        let text = book.decode(data.get(6..)?);
        match self.comments.last_mut() {
            // A long note goes on in notes without a row.
            Some((_, _, before)) if row == 0xffff => before.push_str(&text),
            _ => self.comments.push((row, column, text)),
        }
        Some(())
    }

    /// The text of an object (2.4.329): it stands in the records that continue it.
    fn text(&mut self, record: &Record<'_>, book: &Book) -> Option<()> {
        let count = usize::from(u16_at(record.data, 10)?);
        let (first, more) = record.more.split_first()?;
        let mut text = String::new();
        if book.biff5 {
            text = book.string(count, first)?;
        } else {
            Pieces::new(first.get(1..)?, more).characters(count, *first.first()?, &mut text);
        }
        let known = self.texts.entry(self.object).or_default();
        known.push_str(&text);
        known.push('\n');
        Some(())
    }

    /// The choices for a cell (2.4.89): four texts around them, and the formula that lists them.
    fn choices(&mut self, record: &Record<'_>, book: &Book) -> Option<()> {
        let mut pieces = Pieces::new(record.data.get(4..)?, &record.more);
        for _ in 0..4 {
            let mut text = String::new();
            pieces.string(&mut text)?;
            // A text that is not there is one NUL.
            let text = text.trim_matches('\0');
            if !text.is_empty() {
                self.behind.push_str(text);
                self.behind.push('\n');
            }
        }
        for _ in 0..2 {
            let size = usize::from(pieces.u16()?);
            pieces.u16()?;
            let tokens: Vec<u8> = std::iter::from_fn(|| pieces.u8()).take(size).collect();
            self.formulas.extend(book.words(&tokens));
        }
        Some(())
    }

    /// A condition for a look (2.4.42): its formulas stand at its end.
    fn condition(&mut self, data: &[u8], book: &Book) -> Option<()> {
        let (first, second) = (usize::from(u16_at(data, 2)?), usize::from(u16_at(data, 4)?));
        let start = data.len().checked_sub(first + second)?;
        self.formulas.extend(book.words(data.get(start..start + first)?));
        self.formulas.extend(book.words(data.get(start + first..)?));
        Some(())
    }

    fn series(&mut self, data: &[u8], book: &Book) -> Option<()> {
        let text = book.string(usize::from(*data.get(2)?), data.get(3..)?)?;
        self.chart.push_str(&text);
        self.chart.push('\n');
        Some(())
    }

    /// Hands the sheet over.
    pub(super) fn finish(mut self, sink: &mut Sink<'_, '_>) {
        let layer = |layer| Section { layer, ..self.section.clone() };
        self.cells.finish(&self.section, sink);
        let mut comments = Cells::new(sink);
        for (row, column, object) in std::mem::take(&mut self.notes) {
            let text = self.texts.remove(&object).unwrap_or_default();
            comments.string(row, column, text.trim());
        }
        for (row, column, text) in &self.comments {
            comments.string(*row, *column, text.trim());
        }
        comments.finish(&layer(Layer::Comment), sink);
        sink.text(layer(Layer::TextBox), self.texts.into_values().collect(), Vec::new());
        sink.text(layer(Layer::Margin), self.margin, Vec::new());
        sink.text(layer(Layer::Chart), self.chart, Vec::new());
        sink.text(layer(Layer::AltText), self.alt, Vec::new());
        let behind = self.formulas.iter().fold(self.behind, |out, line| out + line + "\n");
        sink.text(layer(Layer::Behind), behind, Vec::new());
    }
}

/// Adds the wide texts of a record that has more than those.
fn wide(data: &[u8], out: &mut String) -> Option<()> {
    out.push_str(&wide_texts(data));
    Some(())
}

/// Row, column and style of a cell (2.5.13).
fn at(data: &[u8]) -> Option<(u32, u32, usize)> {
    Some((u32::from(u16_at(data, 0)?), u32::from(u16_at(data, 2)?), usize::from(u16_at(data, 4)?)))
}

/// An error as it is shown (2.5.10).
pub(in crate::extract::document) fn error(code: u8) -> &'static str {
    match code {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0f => "#VALUE!",
        0x17 => "#REF!",
        0x1d => "#NAME?",
        0x24 => "#NUM!",
        _ => "#N/A",
    }
}
