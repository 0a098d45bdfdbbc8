//! One sheet (ECMA-376 part 1, 18.3): its cells, and the words around them.

use std::collections::BTreeSet;

use super::tags::{Step, Tag, Tags, cell_text, unescape};
use super::{Book, words};
use crate::extract::document::cells::Cells;
use crate::extract::document::{Sink, formula};
use crate::extract::{Layer, Section};

/// Reads a sheet into a section.
pub(super) fn read(xml: &str, book: &mut Book, section: &Section, sink: &mut Sink<'_, '_>) {
    let mut sheet = Sheet::new(book, sink);
    let mut tags = Tags::new(xml);
    while let Some(step) = tags.next() {
        match step {
            Step::Open(tag) => sheet.open(&tag),
            Step::Close(name) => sheet.close(name),
            Step::Text(text) => sheet.text(text, cell_text),
            Step::Verbatim(text) => sheet.text(text, |text, out| out.push_str(text)),
        }
    }
    if let Some(why) = tags.fault {
        sink.unread_section(section.clone(), why);
    }
    let Sheet { cells, behind, margin, formulas, .. } = sheet;
    cells.finish(section, sink);
    let layer = |layer| Section { layer, ..section.clone() };
    sink.text(layer(Layer::Margin), margin, Vec::new());
    let behind = formulas.into_iter().fold(behind, |mut out, line| {
        out.push_str(&line);
        out.push('\n');
        out
    });
    sink.text(layer(Layer::Behind), behind, Vec::new());
}

/// What the text that comes now belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Value,
    Formula,
    /// The text of a cell that holds its own.
    Inline,
    Margin,
    /// The formula of a list or a condition.
    Rule,
    /// Anything else that has text.
    Other,
}

/// How a cell's value is written (18.18.11).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Shared,
    Truth,
    Text,
}

struct Sheet<'b> {
    book: &'b mut Book,
    cells: Cells,
    /// The cell at hand.
    row: u32,
    column: u32,
    kind: Kind,
    style: usize,
    in_cell: bool,
    value: String,
    formula: String,
    within: Within,
    /// How the text of a cell is pronounced: read, but not as its text.
    phonetic: bool,
    behind: String,
    margin: String,
    formulas: BTreeSet<String>,
}

impl<'b> Sheet<'b> {
    fn new(book: &'b mut Book, sink: &Sink<'_, '_>) -> Self {
        Self {
            book,
            cells: Cells::new(sink),
            row: u32::MAX,
            column: u32::MAX,
            kind: Kind::Number,
            style: 0,
            in_cell: false,
            value: String::new(),
            formula: String::new(),
            within: Within::Nothing,
            phonetic: false,
            behind: String::new(),
            margin: String::new(),
            formulas: BTreeSet::new(),
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        match tag.name {
            "c" => return self.cell(tag),
            "v" if self.in_cell => self.within = Within::Value,
            "f" if self.in_cell => self.within = Within::Formula,
            "t" if self.in_cell => self.within = Within::Inline,
            "rPh" => self.phonetic = true,
            "row" => {
                let written = tag.written("r").and_then(|row| row.parse::<u32>().ok()?.checked_sub(1));
                self.row = written.unwrap_or(self.row.wrapping_add(1));
                self.column = u32::MAX;
                return;
            }
            "oddHeader" | "oddFooter" | "evenHeader" | "evenFooter" | "firstHeader" | "firstFooter" => {
                self.within = Within::Margin;
            }
            "inputCells" => {
                if let Some(value) = tag.written("val") {
                    words::line(&mut self.behind, value);
                }
            }
            _ if !self.in_cell => {
                self.within = match tag.name {
                    "f" | "formula" | "formula1" | "formula2" => Within::Rule,
                    "sqref" => Within::Nothing,
                    _ => Within::Other,
                };
                words::attributes(tag, &mut self.behind);
            }
            _ => {}
        }
        if tag.empty {
            self.within = Within::Nothing;
        }
    }

    /// The start of a cell; one that says not where it stands, stands right of the last.
    fn cell(&mut self, tag: &Tag<'_>) {
        (self.kind, self.style, self.in_cell) = (Kind::Number, 0, !tag.empty);
        self.column = self.column.wrapping_add(1);
        for (name, value) in tag.attributes() {
            match name {
                "r" => {
                    if let Some((row, column)) = reference(value) {
                        (self.row, self.column) = (row, column);
                    }
                }
                "s" => self.style = value.parse().unwrap_or(0),
                "t" => {
                    self.kind = match value {
                        "s" => Kind::Shared,
                        "b" => Kind::Truth,
                        "n" => Kind::Number,
                        _ => Kind::Text,
                    }
                }
                _ => {}
            }
        }
        self.value.clear();
        self.formula.clear();
    }

    fn close(&mut self, name: &str) {
        match self.within {
            Within::Margin => self.margin.push('\n'),
            Within::Rule => self.keep_formula(),
            _ => {}
        }
        self.within = Within::Nothing;
        match name {
            "c" if self.in_cell => self.end_cell(),
            "rPh" => self.phonetic = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str, write: fn(&str, &mut String)) {
        match self.within {
            Within::Inline if self.phonetic => {
                write(text, &mut self.behind);
                self.behind.push('\n');
            }
            Within::Value | Within::Inline => write(text, &mut self.value),
            Within::Formula | Within::Rule => unescape(text, &mut self.formula),
            Within::Margin => {
                let mut codes = String::new();
                write(text, &mut codes);
                self.margin.push_str(&margin(&codes));
            }
            Within::Other if !text.trim().is_empty() => words::line(&mut self.behind, text),
            Within::Other | Within::Nothing => {}
        }
    }

    fn end_cell(&mut self) {
        self.in_cell = false;
        let (row, column, value) = (self.row, self.column, self.value.as_str());
        match self.kind {
            Kind::Shared => {
                let string = value.trim().parse().ok().and_then(|number| self.book.strings.used(number));
                self.cells.string(row, column, string.unwrap_or_default());
            }
            Kind::Truth => self.cells.string(row, column, truth(value.trim() == "1")),
            Kind::Text => self.cells.string(row, column, value),
            Kind::Number if value.is_empty() => {}
            Kind::Number => {
                self.cells.written(row, column, value.trim(), self.book.styles.of(self.style), self.book.epoch);
            }
        }
        self.keep_formula();
    }

    fn keep_formula(&mut self) {
        if let Some(line) = formula::words(&self.formula) {
            self.formulas.insert(line);
        }
        self.formula.clear();
    }
}

/// A truth value as Excel shows it.
pub(in crate::extract::document) fn truth(value: bool) -> &'static str {
    if value { "WAAR" } else { "ONWAAR" }
}

/// `C6` -> row 5, column 2.
pub(in crate::extract::document) fn reference(written: &str) -> Option<(u32, u32)> {
    let (mut row, mut column) = (0u32, 0u32);
    for octet in written.bytes() {
        match octet {
            b'A'..=b'Z' => column = column.checked_mul(26)?.checked_add(u32::from(octet - b'A') + 1)?,
            b'a'..=b'z' => column = column.checked_mul(26)?.checked_add(u32::from(octet - b'a') + 1)?,
            b'0'..=b'9' => row = row.checked_mul(10)?.checked_add(u32::from(octet - b'0'))?,
            b'$' => {}
            _ => return None,
        }
    }
    Some((row.checked_sub(1)?, column.checked_sub(1)?))
}

/// The words of a header or footer, a line for each of its parts (18.3.1.46): the codes go.
pub(in crate::extract::document) fn margin(codes: &str) -> String {
    let mut out = String::with_capacity(codes.len());
    let mut chars = codes.chars();
    while let Some(c) = chars.next() {
        if c != '&' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('&') => out.push('&'),
            Some('L' | 'C' | 'R' | 'l' | 'c' | 'r') if !out.is_empty() && !out.ends_with('\n') => out.push('\n'),
            Some('"') => {
                let behind = chars.as_str().split_once('"').map_or("", |(_, behind)| behind);
                chars = behind.chars();
            }
            // A colour: six figures, or a theme's number and tint.
            Some('K' | 'k') => chars.by_ref().take(6).for_each(drop),
            Some('0'..='9') => {
                // A size has three figures at most.
                let more = chars.as_str().bytes().take(2).take_while(u8::is_ascii_digit).count();
                chars.by_ref().take(more).for_each(drop);
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_margins() {
        assert_eq!(reference("C6"), Some((5, 2)));
        assert_eq!(reference("$XFD$1048576"), Some((1_048_575, 16_383)));
        assert_eq!(reference("ZZZZZZZZZ1"), None);
        assert_eq!(reference("C0"), None);
        for (codes, text) in [
            ("&LKim&CGroep &\"Arial,Bold\"&12 3&RBlad &P", "Kim\nGroep  3\nBlad "),
            ("&C&K01+000R&&D", "R&D"),
            ("&", ""),
            ("&\"Arial", ""),
        ] {
            assert_eq!(margin(codes), text);
        }
    }
}
