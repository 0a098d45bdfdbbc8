//! XLSX and XLSM without some columns (ECMA-376 parts 1 and 2).
//!
//! Two walks over the sheets: one for the values that go and for what formulas look at, one that writes. Then every part
//! that can hold a copy, by the name of its root element, since a part can have any path. What cannot be kept without a
//! copy of the column is refused: pivot tables over it, data models, logs of changes, pictures of cells. Macros stay as
//! they are.

mod cells;
mod parts;
mod relations;
mod sheet;
mod strings;

use std::collections::{BTreeMap, BTreeSet};

use super::package::Package;
use super::tainted::Tainted;
use super::values::Values;
use super::xml::{Edits, Scan, Step, Tag};
use super::{CannotRedact, Column, Heading, Note, Redacted, xml};
use relations::{Relation, Relations};
use sheet::{Looked, Sheet};

/// A sheet of the workbook, and the parts that belong to it.
struct Listed {
    name: String,
    part: String,
    relations: Vec<Relation>,
    /// The rows in which tables have their headings, with their first and last columns.
    headings: Vec<Table>,
}

/// A table's place (18.5.1.2).
struct Table {
    part: String,
    name: String,
    first: u32,
    last: u32,
    /// The row of its headings; none when it has none.
    row: Option<u32>,
}

/// What is known of the whole workbook, on the way.
struct Book<'b> {
    columns: &'b [Column],
    sheets: Vec<Listed>,
    tainted: Tainted,
    values: &'b mut Values,
    /// Parts that hold cells, where values that stay may be the same.
    of_cells: BTreeSet<String>,
    /// Parts that go.
    gone: BTreeSet<String>,
    /// Relations that go, by the part that they start from.
    unrelated: BTreeMap<String, BTreeSet<String>>,
    notes: Vec<Note>,
    cells: Vec<usize>,
}

/// More sheets than a workbook has that a person keeps.
const MOST_SHEETS: usize = 1_000;
/// More tables than stand on one sheet.
const MOST_TABLES: usize = 64;

/// Takes the columns out; the values that go are added to `values`.
pub(super) fn redact(
    package: &mut Package<'_>,
    columns: &[Column],
    values: &mut Values,
) -> Result<Redacted, CannotRedact> {
    refuse(package)?;
    let main = relations::main_part(package)?;
    let cells = vec![0; columns.len()];
    let mut book = Book {
        columns,
        sheets: listed(package, &main)?,
        tainted: Tainted::default(),
        values,
        of_cells: BTreeSet::new(),
        gone: BTreeSet::new(),
        unrelated: BTreeMap::new(),
        notes: Vec::new(),
        cells,
    };
    for column in columns {
        let sheet = column.sheet.as_deref().ok_or(CannotRedact::NoColumn)?;
        if !book.sheets.iter().any(|listed| listed.name == sheet) {
            return Err(CannotRedact::NoColumn);
        }
        book.tainted.goes(sheet, column.column);
    }
    let looked = book.look(package)?;
    book.tainted.spread();
    strings::forget(package, &main, &looked, book.values)?;
    book.values.ready()?;
    book.sheets(package)?;
    book.parts(package, &main)?;
    relations::settle(package, &book.gone, &book.unrelated)?;
    book.leftovers(package)?;
    Ok(Redacted { octets: package.write()?, cells: book.cells, notes: book.notes })
}

/// Refuses what no part alone shows.
fn refuse(package: &Package<'_>) -> Result<(), CannotRedact> {
    for name in package.names() {
        let name = name.to_lowercase();
        let is = |word: &str| name.contains(word);
        match () {
            () if is("_xmlsignatures/") => return Err(CannotRedact::Signed),
            () if is("xl/revisions/") => return Err(CannotRedact::History),
            () if is("xl/model/") => return Err(CannotRedact::Model),
            () => {}
        }
    }
    Ok(())
}

/// The sheets, as the workbook lists them.
fn listed(package: &mut Package<'_>, main: &str) -> Result<Vec<Listed>, CannotRedact> {
    let relations = Relations::of(package, main)?;
    let workbook = package.text(main)?.ok_or(CannotRedact::Damaged)?;
    let (mut sheets, mut names): (Vec<Listed>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    let mut scan = Scan::new(&workbook);
    while let Some(step) = scan.next()? {
        let Step::Open(tag) = step else { continue };
        if tag.name != "sheet" {
            continue;
        }
        let (name, id) = (tag.value("name").unwrap_or_default(), tag.value("id").unwrap_or_default());
        if !names.insert(name.to_lowercase()) {
            return Err(CannotRedact::Damaged);
        }
        if names.len() > MOST_SHEETS {
            return Err(CannotRedact::OverLimit);
        }
        let part = relations.iter().find(|relation| relation.id == id && !relation.external);
        let part = part.map(|relation| relation.target.clone()).filter(|part| package.has(part));
        let Some(part) = part else { continue };
        // One part for two sheets would be walked for each.
        if sheets.iter().any(|sheet| sheet.part == part) {
            return Err(CannotRedact::Damaged);
        }
        let own = Relations::of(package, &part)?;
        let mut headings = Vec::new();
        for relation in own.iter().filter(|relation| relation.kind == "table" && !relation.external) {
            headings.extend(parts::table(package, &relation.target)?);
            if headings.len() > MOST_TABLES {
                return Err(CannotRedact::OverLimit);
            }
        }
        sheets.push(Listed { name, part, relations: own, headings });
    }
    Ok(sheets)
}

impl Book<'_> {
    /// The first walk.
    fn look(&mut self, package: &mut Package<'_>) -> Result<Looked, CannotRedact> {
        let mut looked = Looked::default();
        let parts: Vec<(usize, String)> =
            self.sheets.iter().enumerate().map(|(index, sheet)| (index, sheet.part.clone())).collect();
        for (index, part) in parts {
            let Some(text) = package.text(&part)? else { continue };
            self.sheet(index).look(&text, &mut looked)?;
            let name = self.sheets.get(index).map(|sheet| sheet.name.clone()).unwrap_or_default();
            for (column, reach) in std::mem::take(&mut looked.formulas) {
                self.tainted.looks(&name, column, reach);
            }
            std::mem::take(&mut looked.values).iter().for_each(|value| self.values.add(value));
        }
        Ok(looked)
    }

    fn sheet(&self, index: usize) -> Sheet<'_> {
        Sheet { book: self, index }
    }

    /// The second walk.
    fn sheets(&mut self, package: &mut Package<'_>) -> Result<(), CannotRedact> {
        let mut formulas = 0;
        for index in 0..self.sheets.len() {
            let Some(listed) = self.sheets.get(index) else { continue };
            let part = listed.part.clone();
            let Some(text) = package.text(&part)? else { continue };
            let done = self.sheet(index).write(&text)?;
            formulas += done.formulas;
            self.cells.iter_mut().zip(done.cells).for_each(|(all, more)| *all += more);
            self.unrelated.entry(part.clone()).or_default().extend(done.links);
            package.put(&part, done.xml.into_bytes());
        }
        if formulas > 0 {
            self.notes.push(Note::Formulas(formulas));
        }
        match self.cells.contains(&0) {
            true => Err(CannotRedact::NoColumn),
            false => Ok(()),
        }
    }

    /// The column of this sheet that goes, and its index.
    fn goes(&self, sheet: &str, column: u32) -> Option<(usize, &Column)> {
        let is = |known: &(usize, &Column)| known.1.column == column && known.1.sheet.as_deref() == Some(sheet);
        self.columns.iter().enumerate().find(is)
    }

    /// Whether a cell of a column that goes is a heading that stays.
    fn is_heading(&self, listed: &Listed, column: &Column, row: u32) -> bool {
        let in_table = listed.headings.iter().any(|table| table.row == Some(row) && table.has(column.column));
        match column.heading {
            Heading::Stays(known) => known == row,
            Heading::StaysInTable(known) => known == row && in_table,
            Heading::Goes => false,
        }
    }
}

impl Table {
    fn has(&self, column: u32) -> bool {
        (self.first..=self.last).contains(&column)
    }
}

/// The name of the root element of a part, and where it starts.
fn root(text: &str) -> Result<Option<Tag<'_>>, CannotRedact> {
    let mut scan = Scan::new(text);
    while let Some(step) = scan.next()? {
        if let Step::Open(tag) = step {
            return Ok(Some(tag));
        }
    }
    Ok(None)
}
