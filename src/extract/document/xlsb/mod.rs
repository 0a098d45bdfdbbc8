//! XLSB (MS-XLSB): a package like that of [`super::workbook`], whose sheets, strings and styles are binary records.
//!
//! What is XML in it (drawings, properties) is read as there. Binary parts and records that this reader does not know
//! are searched for text. Cannot fail: a part that breaks off has given what stood before, and that is said.

mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::Sink;
use super::cells::Cells;
use super::formula::{Dialect, words_of_tokens};
use super::shown::Epoch;
use super::workbook::{Package, Strings, Styles, attached, margin, remains, truth};
use super::xls::{error, rk, wide_texts};
use super::zip::Archive;
use crate::extract::{Layer, Section, Unit};
use record::{Record, f64_at, records, string, u16_at, u32_at};

const WORKBOOK: &str = "xl/workbook.bin";

/// Reads a workbook.
pub(super) fn read(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) {
    sink.is("xlsb");
    let mut package = Package::new(archive);
    let relations = package.relations(WORKBOOK, sink);
    let workbook = package.take(WORKBOOK, sink).unwrap_or_default();
    let mut book = Book::default();
    for relation in &relations {
        match relation.kind.as_str() {
            "sharedStrings" => book.strings = strings(&package.take(&relation.target, sink).unwrap_or_default()),
            "styles" => book.styles = styles(&package.take(&relation.target, sink).unwrap_or_default()),
            _ => {}
        }
    }
    for (section, id) in book.sheets(&workbook, sink) {
        let Some(part) = relations.iter().find(|relation| relation.id == id) else { continue };
        let octets = package.take(&part.target, sink).unwrap_or_default();
        Sheet::new(&mut book, sink).read(&octets, &section, sink);
        attached(&mut package, &part.target, &section.unit, sink);
    }
    sink.text(Layer::Behind, book.strings.unused(), Vec::new());
    attached(&mut package, WORKBOOK, &Unit::Document, sink);
    attached(&mut package, "", &Unit::Document, sink);
    remains(&mut package, sink);
}

/// What the sheets of a workbook share.
#[derive(Default)]
struct Book {
    strings: Strings,
    styles: Styles,
    epoch: Epoch,
}

/// The strings that cells share (2.4.745).
fn strings(part: &[u8]) -> Strings {
    let mut out = Strings::default();
    for record in records(part).filter(|record| record.kind == 19) {
        out.push(&string(record.data, 1).unwrap_or_default().0);
    }
    out
}

/// The number formats (2.4.697) of the cells' styles (2.4.876).
fn styles(part: &[u8]) -> Styles {
    let mut out = Styles::default();
    let mut of_cells = false;
    for Record { kind, data } in records(part) {
        match kind {
            44 => {
                if let Some((id, (code, _))) = u16_at(data, 0).zip(string(data, 2)) {
                    out.format(id, &code);
                }
            }
            617 => of_cells = true,
            618 => of_cells = false,
            47 if of_cells => out.style(u16_at(data, 2).unwrap_or(0)),
            _ => {}
        }
    }
    out
}

impl Book {
    /// The sheets with the names of their relations (2.4.315); the other words of the workbook's part.
    fn sheets(&mut self, part: &[u8], sink: &mut Sink<'_, '_>) -> Vec<(Section, String)> {
        let (mut sheets, mut names, mut behind) = (Vec::new(), String::new(), String::new());
        for Record { kind, data } in records(part) {
            match kind {
                156 => {
                    let Some((id, end)) = string(data, 8) else { continue };
                    let name = string(data, end).unwrap_or_default().0;
                    names.push_str(&name);
                    names.push('\n');
                    let hidden = u32_at(data, 0).is_some_and(|state| state != 0);
                    let layer = if hidden { Layer::Hidden } else { Layer::Body };
                    sheets.push((Section { unit: Unit::Sheet(name), layer }, id));
                }
                153 if u32_at(data, 0).is_some_and(|flags| flags & 1 != 0) => self.epoch = Epoch::Y1904,
                _ => behind.push_str(&wide_texts(data)),
            }
        }
        sink.text(Layer::Property, names, Vec::new());
        sink.text(Layer::Behind, behind, Vec::new());
        sheets
    }
}

/// A sheet that is being read.
struct Sheet<'b> {
    book: &'b mut Book,
    cells: Cells,
    row: u32,
    column: u32,
    formulas: BTreeSet<String>,
    margin: String,
    behind: String,
}

impl<'b> Sheet<'b> {
    fn new(book: &'b mut Book, sink: &Sink<'_, '_>) -> Self {
        let cells = Cells::new(sink);
        let (margin, behind) = (String::new(), String::new());
        Self { book, cells, row: 0, column: 0, formulas: BTreeSet::new(), margin, behind }
    }

    fn read(mut self, part: &[u8], section: &Section, sink: &mut Sink<'_, '_>) {
        for record in records(part) {
            match record.kind {
                0 => (self.row, self.column) = (u32_at(record.data, 0).unwrap_or(self.row), u32::MAX),
                1..=11 | 62 => {
                    self.column = u32_at(record.data, 0).unwrap_or(self.column);
                    self.cell(record.kind, record.data.get(4..).unwrap_or_default());
                }
                // Short ones stand right of the last.
                12..=18 => {
                    self.column = self.column.wrapping_add(1);
                    self.cell(record.kind - 11, record.data);
                }
                479 => self.margins(record.data),
                _ => self.behind.push_str(&wide_texts(record.data)),
            }
        }
        let layer = |layer| Section { layer, ..section.clone() };
        self.cells.finish(section, sink);
        sink.text(layer(Layer::Margin), self.margin, Vec::new());
        let behind = self.formulas.iter().fold(self.behind, |out, line| out + line + "\n");
        sink.text(layer(Layer::Behind), behind, Vec::new());
    }

    /// A cell (2.5.9) behind its column: its style, its value, and its formula. One too short says nothing.
    fn cell(&mut self, kind: u16, data: &[u8]) -> Option<()> {
        let style = u32_at(data, 0)? as usize & 0xff_ffff;
        let value = data.get(4..)?;
        let (row, column) = (self.row, self.column);
        let end = match kind {
            2 => self.number(style, rk(u32_at(value, 0)?)),
            5 | 9 => self.number(style, f64_at(value, 0)?),
            3 | 11 => {
                self.cells.string(row, column, error(*value.first()?));
                1
            }
            4 | 10 => {
                self.cells.string(row, column, truth(*value.first()? == 1));
                1
            }
            7 => {
                let text = self.book.strings.used(u32_at(value, 0)? as usize)?;
                self.cells.string(row, column, text);
                4
            }
            6 | 8 | 62 => {
                let (text, end) = string(value, usize::from(kind == 62))?;
                self.cells.string(row, column, &text);
                end
            }
            _ => return None,
        };
        let tokens = value.get(end + 6..).filter(|_| (8..=11).contains(&kind))?;
        let size = u32_at(value, end + 2)? as usize;
        let tokens = tokens.get(..size).unwrap_or(tokens);
        self.formulas.extend(words_of_tokens(tokens, Dialect::Biff12, &|_| String::new()));
        Some(())
    }

    /// A number; says how many octets a long one has, since only those have formulas.
    fn number(&mut self, style: usize, value: f64) -> usize {
        let format = self.book.styles.of(style);
        self.cells.number(self.row, self.column, value, format, self.book.epoch);
        8
    }

    /// Headers and footers (2.4.73), six at most.
    fn margins(&mut self, data: &[u8]) {
        let mut at = 2;
        while let Some((codes, end)) = string(data, at) {
            if !codes.is_empty() {
                self.margin.push_str(&margin(&codes));
                self.margin.push('\n');
            }
            at = end;
        }
    }
}

/// Comments with their cells (2.4.28, 2.4.329), and their authors.
pub(super) fn comments(part: &[u8], unit: &Unit, sink: &mut Sink<'_, '_>) {
    let mut cells = Cells::new(sink);
    let (mut at, mut authors) = ((0, 0), String::new());
    for Record { kind, data } in records(part) {
        match kind {
            632 => authors = authors + &string(data, 0).unwrap_or_default().0 + "\n",
            635 => at = u32_at(data, 4).zip(u32_at(data, 12)).unwrap_or_default(),
            637 => cells.string(at.0, at.1, string(data, 1).unwrap_or_default().0.trim()),
            _ => {}
        }
    }
    let section = |layer| Section { unit: unit.clone(), layer };
    cells.finish(&section(Layer::Comment), sink);
    sink.text(section(Layer::Behind), authors, Vec::new());
}
