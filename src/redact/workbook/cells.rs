//! The cells of a sheet as they stand (18.3.1.4), with their places in the text.

use std::ops::Range;

use super::{CannotRedact, Scan, Step, Tag};

/// A piece of a sheet.
pub(super) enum Piece<'x> {
    /// A cell.
    Cell(Cell<'x>),
    /// Any other element begins.
    Tag(Tag<'x>),
}

/// A cell.
pub(super) struct Cell<'x> {
    pub(super) row: u32,
    pub(super) column: u32,
    pub(super) tag: Tag<'x>,
    /// Where all of it stands.
    pub(super) at: Range<usize>,
    /// Its value as written, and where its element stands.
    pub(super) value: Option<(String, Range<usize>)>,
    /// Its formula.
    pub(super) formula: Option<Formula<'x>>,
    /// Whether it holds anything.
    pub(super) filled: bool,
}

/// The formula of a cell (18.3.1.40).
pub(super) struct Formula<'x> {
    pub(super) tag: Tag<'x>,
    pub(super) text: String,
}

/// A walk through the pieces of a sheet.
pub(super) struct Pieces<'x> {
    pub(super) scan: Scan<'x>,
    row: u32,
    column: u32,
}

impl<'x> Pieces<'x> {
    pub(super) fn new(text: &'x str) -> Self {
        Self { scan: Scan::new(text), row: u32::MAX, column: u32::MAX }
    }

    /// The next piece. A cell or row that says not where it stands, stands behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Piece<'x>>, CannotRedact> {
        while let Some(step) = self.scan.next()? {
            let Step::Open(tag) = step else { continue };
            match tag.name {
                "row" => {
                    let written = tag.value("r").and_then(|row| row.parse::<u32>().ok()?.checked_sub(1));
                    self.row = written.unwrap_or(self.row.wrapping_add(1));
                    self.column = u32::MAX;
                }
                "c" => return self.cell(tag).map(|cell| Some(Piece::Cell(cell))),
                _ => {}
            }
            return Ok(Some(Piece::Tag(tag)));
        }
        Ok(None)
    }

    fn cell(&mut self, tag: Tag<'x>) -> Result<Cell<'x>, CannotRedact> {
        self.column = self.column.wrapping_add(1);
        if let Some(place) = tag.value("r") {
            (self.row, self.column) = place_of(&place).ok_or(CannotRedact::Damaged)?;
        }
        let (row, column) = (self.row, self.column);
        let start = tag.at.start;
        let empty = tag.empty;
        let mut cell = Cell { row, column, tag, at: start..start, value: None, formula: None, filled: false };
        let mut depth = usize::from(!empty);
        while depth > 0 {
            match self.scan.next()?.ok_or(CannotRedact::Damaged)? {
                Step::Close => depth -= 1,
                Step::Text(_) => {}
                Step::Open(tag) if depth == 1 && tag.name == "v" => {
                    let (text, end) = self.text_of(&tag)?;
                    cell.value = Some((text, tag.at.start..end));
                    cell.filled = true;
                }
                Step::Open(tag) if depth == 1 && tag.name == "f" => {
                    let text = self.text_of(&tag)?.0;
                    cell.formula = Some(Formula { tag, text });
                    cell.filled = true;
                }
                Step::Open(tag) => {
                    cell.filled = true;
                    depth += usize::from(!tag.empty);
                }
            }
        }
        cell.at.end = self.scan.at();
        Ok(cell)
    }

    /// The text of an element that was just opened, and where it ends.
    fn text_of(&mut self, tag: &Tag<'x>) -> Result<(String, usize), CannotRedact> {
        let mut text = String::new();
        let mut depth = usize::from(!tag.empty);
        while depth > 0 {
            match self.scan.next()?.ok_or(CannotRedact::Damaged)? {
                Step::Text(written) => text.push_str(&super::xml::unescaped(written)),
                Step::Open(inner) => depth += usize::from(!inner.empty),
                Step::Close => depth -= 1,
            }
        }
        Ok((text, self.scan.at()))
    }
}

/// `C6` -> row 5, column 2.
pub(super) fn place_of(written: &str) -> Option<(u32, u32)> {
    let letters = written.bytes().take(4).take_while(u8::is_ascii_alphabetic).count();
    let (name, row) = written.split_at_checked(letters).filter(|_| letters < 4)?;
    let column = name.bytes().fold(0u32, |sum, b| sum * 26 + u32::from(b.to_ascii_uppercase() - b'A') + 1);
    Some((row.parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}
