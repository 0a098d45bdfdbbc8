//! What a file says before and after: that the columns are empty, and that nothing of them is left anywhere else.

use std::collections::BTreeMap;

use super::values::Values;
use super::{CannotRedact, Column, File, Heading, Note, Redacted, instead_of_heading};
use crate::extract::{Document, Documents, Layer, Passwords, Place, Section, Spot, Text, Texts, Unit, Why};
use crate::message::Limits;

/// What a file says before the columns go.
pub(super) struct Before {
    columns: Vec<Column>,
    /// The values that go.
    pub(super) values: Values,
}

impl Before {
    /// Reads a file.
    ///
    /// # Errors
    /// Something in it cannot be read.
    pub(super) fn read(
        file: &File<'_>,
        columns: &[Column],
        limits: &Limits,
        documents: &dyn Documents,
    ) -> Result<Self, CannotRedact> {
        let mut before = Self { columns: columns.to_vec(), values: Values::default() };
        let mut values = Values::default();
        for text in &texts(file, file.octets, limits, documents)?.texts {
            for cell in cells(text) {
                if before.goes(text, cell.row, cell.column) {
                    values.add(text.text.get(cell.range.clone()).unwrap_or_default());
                }
            }
        }
        before.values = values;
        Ok(before)
    }

    /// Whether a cell is in a column that goes.
    fn goes(&self, text: &Text, row: u32, column: u32) -> bool {
        let sheet = sheet_of(&text.place.section);
        let is = |known: &&Column| known.column == column && known.sheet.as_deref() == sheet;
        let heading = self.columns.iter().find(is).map(|known| known.heading);
        let stays =
            |heading: Heading| matches!(heading, Heading::Stays(known) | Heading::StaysInTable(known) if known == row);
        heading.is_some_and(|heading| !stays(heading))
    }

    /// Reads what was written, and says where values of the columns still stand.
    ///
    /// # Errors
    /// One is left where it should not be, or something cannot be read.
    pub(super) fn compare(
        mut self,
        file: &File<'_>,
        mut redacted: Redacted,
        limits: &Limits,
        documents: &dyn Documents,
    ) -> Result<Redacted, CannotRedact> {
        self.values.ready()?;
        let mut also: BTreeMap<(Option<String>, u32), usize> = BTreeMap::new();
        for text in &texts(file, &redacted.octets, limits, documents)?.texts {
            let mut in_cells = false;
            for cell in cells(text) {
                in_cells = true;
                let written = text.text.get(cell.range.clone()).unwrap_or_default();
                let is_left = !written.trim().is_empty() && written != instead_of_heading(cell.column);
                if is_left && self.goes(text, cell.row, cell.column) {
                    return Err(CannotRedact::Copy(text.place.section.layer.word()));
                }
                if self.values.is_one(written) || self.values.stands_in(written) {
                    let sheet = sheet_of(&text.place.section).map(str::to_string);
                    *also.entry((sheet, cell.column)).or_default() += 1;
                }
            }
            if !in_cells && self.values.stands_in(&text.text) {
                return Err(CannotRedact::Copy(text.place.section.layer.word()));
            }
        }
        redacted.notes.extend(also.into_iter().map(|((sheet, column), cells)| Note::AlsoIn { sheet, column, cells }));
        Ok(redacted)
    }
}

/// The cells of a text, when it is a sheet.
fn cells(text: &Text) -> &[crate::extract::Cell] {
    let in_sheet = matches!(text.place.section.unit, Unit::Sheet(_));
    let shown = matches!(text.place.section.layer, Layer::Body | Layer::Hidden | Layer::Behind);
    let table = text.place.section == Section::default() && matches!(text.place.spot, Spot::Attachment(_));
    match text.place.within.is_empty() && (in_sheet && shown || table) {
        true => &text.cells,
        false => &[],
    }
}

fn sheet_of(section: &Section) -> Option<&str> {
    match &section.unit {
        Unit::Sheet(name) => Some(name),
        _ => None,
    }
}

/// All that a file says.
fn texts(file: &File<'_>, octets: &[u8], limits: &Limits, documents: &dyn Documents) -> Result<Texts, CannotRedact> {
    let place = Place { spot: Spot::Attachment(file.name.to_string()), ..Place::default() };
    // What a password opens cannot be written back behind that password.
    let passwords = Passwords::default();
    let document =
        Document { octets, essence: file.essence, name: file.name, place: &place, depth: 0, passwords: &passwords };
    let answer = documents.read(&[document], limits).into_iter().next().ok_or(CannotRedact::Unread(Why::ReaderDied))?;
    // A photo or a logo holds no column.
    let blocks = |why: &Why| !matches!(why, Why::Media | Why::SignatureImage | Why::ScanWithoutOcr);
    match answer.texts.unread.iter().map(|unread| unread.why).find(blocks) {
        Some(Why::OverLimit) => Err(CannotRedact::OverLimit),
        Some(Why::Encrypted) => Err(CannotRedact::Locked),
        Some(why) => Err(CannotRedact::Unread(why)),
        None => Ok(answer.texts),
    }
}
