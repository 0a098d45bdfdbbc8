//! A spreadsheet, or a mail with one -> the same without some of its columns.
//!
//! The cells of a column are emptied and stay where they are: formulas, charts, merged cells and names go on pointing at
//! what they pointed at. Every other place that can hold a copy of the column (shared strings, comments, charts, results
//! of formulas, previews) loses it too, and the result is read once more to see that nothing of it is left. What
//! cannot be done truthfully is refused, with a reason, and never done by halves: [`CannotRedact`].
//!
//! Pure. Never trusts a count or size of the file, is linear in its size, and does no more than the limits allow.
//! ECMA-376 parts 1 and 2 (XLSX, XLSM), ODF 1.3 parts 2 and 3 (ODS), RFC 4180 (CSV), RFC 2045 (mail).

mod check;
mod message;
mod note;
mod ods;
mod package;
mod reason;
mod refs;
mod tainted;
mod text;
mod values;
mod workbook;
mod xml;

use std::fmt;

pub use message::{Choice, Rewritten, message};
pub use note::Note;
pub use reason::CannotRedact;
pub use refs::letters_of;

use crate::extract::Documents;
use crate::message::Limits;
use package::Package;

/// A file.
#[derive(Clone, Copy)]
pub struct File<'f> {
    /// Its octets, decoded.
    pub octets: &'f [u8],
    /// Its name.
    pub name: &'f str,
    /// Its declared type and subtype, in lower case.
    pub essence: &'f str,
    /// Its declared charset, for text.
    pub charset: Option<&'f str>,
}

/// A column that goes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// The sheet, by its name; none in a file that is one table.
    pub sheet: Option<String>,
    /// The column, counted from 0.
    pub column: u32,
    /// What of it stays.
    pub heading: Heading,
}

/// A sheet's name can be a pupil's: `Debug` hides it.
impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}, {:?}", self.column, self.heading)
    }
}

/// The heading of a column that goes, by its row, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heading {
    /// It has none, or that goes too.
    Goes,
    /// It stays.
    Stays(u32),
    /// It stays where the file itself says that it is a heading.
    StaysInTable(u32),
}

/// A file without the columns.
#[derive(Clone)]
pub struct Redacted {
    /// Its octets.
    pub octets: Vec<u8>,
    /// How many cells went, column by column as asked.
    pub cells: Vec<usize>,
    /// What else changed, or did not.
    pub notes: Vec<Note>,
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redacted({} octets, {:?} cells, {:?})", self.octets.len(), self.cells, self.notes)
    }
}

/// More columns than anybody takes out one by one; every cell is compared with each.
const MOST_COLUMNS: usize = 256;

/// A file without some columns. `documents` reads it before and after.
///
/// # Errors
/// Why that cannot be done truthfully.
pub fn columns(
    file: &File<'_>,
    columns: &[Column],
    limits: &Limits,
    documents: &dyn Documents,
) -> Result<Redacted, CannotRedact> {
    if file.octets.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(if is_locked(file.octets) { CannotRedact::Locked } else { CannotRedact::OldFormat });
    }
    match columns.len() {
        0 => return Err(CannotRedact::NoColumn),
        count if count > MOST_COLUMNS => return Err(CannotRedact::OverLimit),
        _ => {}
    }
    if !file.octets.starts_with(b"PK\x03\x04") {
        let before = check::Before::read(file, columns, limits, documents)?;
        let redacted = text::redact(file, columns, limits)?;
        return before.compare(file, redacted, limits, documents);
    }
    let mut package = Package::open(file.octets, limits.unpacked_bytes, limits.entries)?;
    let redact = match () {
        () if package.has("xl/workbook.bin") => return Err(CannotRedact::Binary),
        () if package.has("[Content_Types].xml") => workbook::redact,
        () if package.has("content.xml") => ods::redact,
        () => return Err(CannotRedact::NotASheet),
    };
    let mut before = check::Before::read(file, columns, limits, documents)?;
    let redacted = redact(&mut package, columns, &mut before.values)?;
    before.compare(file, redacted, limits, documents)
}

/// What stands in the place of a table's heading that goes: a table has to have headings.
fn instead_of_heading(column: u32) -> String {
    format!("Kolom {} (weg)", letters_of(column))
}

/// Whether a compound file holds a locked document (MS-OFFCRYPTO 2.3.4): the names of its streams stand in it.
fn is_locked(octets: &[u8]) -> bool {
    let wide: Vec<u8> = "EncryptedPackage".bytes().flat_map(|b| [b, 0]).collect();
    memchr::memmem::find(octets, &wide).is_some()
}
