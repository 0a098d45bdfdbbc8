//! One sheet (18.3.1): what is in the columns that go, and the sheet without it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use super::cells::{Cell, Formula, Piece, Pieces, place_of};
use super::{Book, CannotRedact, Edits, Listed, Scan, Step, Tag, strings};
use crate::redact::instead_of_heading;
use crate::redact::refs::{self, Reach};

/// What the first walk has seen, over all sheets.
#[derive(Default)]
pub(super) struct Looked {
    /// Shared strings that cells show which stay, and those that go.
    pub(super) kept: HashSet<usize>,
    pub(super) gone: HashSet<usize>,
    /// Values in the columns of this sheet.
    pub(super) values: Vec<String>,
    /// What formulas of this sheet look at, by their column.
    pub(super) formulas: HashSet<(u32, Vec<Reach>)>,
}

/// A sheet without the columns.
pub(super) struct Done {
    pub(super) xml: String,
    /// Cells that went, column by column as asked.
    pub(super) cells: Vec<usize>,
    /// Formulas that lost their results.
    pub(super) formulas: usize,
    /// The relations of links that went.
    pub(super) links: BTreeSet<String>,
}

/// A sheet of a workbook.
pub(super) struct Sheet<'b> {
    pub(super) book: &'b Book<'b>,
    pub(super) index: usize,
}

/// Formulas that many cells share, by their number.
type Shared = BTreeMap<String, First>;

/// The first cell of those that share a formula.
struct First {
    row: u32,
    column: u32,
    text: String,
    /// What the formula looks at from a column: which row it stands in makes no difference.
    looks: BTreeMap<u32, Vec<Reach>>,
}

/// A formula is no longer than this (Excel's own limit); a longer one is not followed.
const LONGEST: usize = 8192;
/// Cells of which the formula is written anew.
const MOST_WRITTEN: usize = 10_000;

/// More arrays of results than any sheet has that look at one column.
const MOST_ARRAYS: usize = 64;

impl<'b> Sheet<'b> {
    fn listed(&self) -> Result<&'b Listed, CannotRedact> {
        self.book.sheets.get(self.index).ok_or(CannotRedact::Damaged)
    }

    /// The index of the column of a cell that goes.
    fn goes(&self, listed: &Listed, row: u32, column: u32) -> Option<usize> {
        let (index, known) = self.book.goes(&listed.name, column)?;
        (!self.book.is_heading(listed, known, row)).then_some(index)
    }

    /// The first walk.
    pub(super) fn look(&self, text: &str, looked: &mut Looked) -> Result<(), CannotRedact> {
        let listed = self.listed()?;
        let mut shared = Shared::new();
        let mut pieces = Pieces::new(text);
        while let Some(piece) = pieces.next()? {
            let Piece::Cell(cell) = piece else { continue };
            let goes = self.goes(listed, cell.row, cell.column).is_some();
            let kind = cell.tag.value("t").unwrap_or_default();
            let written = cell.value.as_ref().map_or("", |(value, _)| value.trim());
            match (kind.as_str(), goes) {
                ("s", true) => looked.gone.extend(written.parse::<usize>()),
                ("s", false) => looked.kept.extend(written.parse::<usize>()),
                ("inlineStr", true) => {
                    looked.values.push(strings::string(text.get(cell.at.clone()).unwrap_or_default())?);
                }
                (_, true) => looked.values.push(written.to_string()),
                (_, false) => {}
            }
            if let Some(formula) = &cell.formula {
                let looks = reach(&cell, formula, &mut shared);
                if !goes {
                    looked.formulas.insert((cell.column, looks));
                }
            }
        }
        Ok(())
    }

    /// The second walk.
    pub(super) fn write(&self, text: &str) -> Result<Done, CannotRedact> {
        let mut writer = Writer {
            sheet: self,
            listed: self.listed()?,
            text,
            edits: Edits::new(text),
            shared: Shared::new(),
            arrays: Vec::new(),
            cells: vec![0; self.book.columns.len()],
            formulas: 0,
            written: 0,
            links: BTreeSet::new(),
        };
        let mut pieces = Pieces::new(text);
        while let Some(piece) = pieces.next()? {
            match piece {
                Piece::Cell(cell) => writer.cell(&cell)?,
                Piece::Tag(tag) => writer.element(&tag, &mut pieces.scan)?,
            }
        }
        let Writer { edits, cells, formulas, links, .. } = writer;
        Ok(Done { xml: edits.finish(), cells, formulas, links })
    }
}

/// What the formula of a cell looks at, also one that it shares with others.
fn reach(cell: &Cell<'_>, formula: &Formula<'_>, shared: &mut Shared) -> Vec<Reach> {
    let anywhere = vec![Reach::Anywhere];
    let kind = formula.tag.value("t").unwrap_or_default();
    if kind == "dataTable" || formula.text.len() > LONGEST {
        return anywhere;
    }
    let number = formula.tag.value("si").filter(|_| kind == "shared");
    let Some(number) = number else { return refs::of_formula(&formula.text) };
    if !formula.text.is_empty() {
        let looks = refs::of_formula(&formula.text);
        let own = BTreeMap::from([(cell.column, looks.clone())]);
        shared.insert(number, First { row: cell.row, column: cell.column, text: formula.text.clone(), looks: own });
        return looks;
    }
    let Some(first) = shared.get_mut(&number) else { return anywhere };
    let text = &first.text;
    let across = i64::from(cell.column) - i64::from(first.column);
    let looks = || refs::moved(text, 0, across).map_or(anywhere, |text| refs::of_formula(&text));
    first.looks.entry(cell.column).or_insert_with(looks).clone()
}

/// What a formula says that a cell shares with the first of them.
fn own_text(cell: &Cell<'_>, first: &First) -> Option<String> {
    let (down, across) = (i64::from(cell.row) - i64::from(first.row), i64::from(cell.column) - i64::from(first.column));
    refs::moved(&first.text, down, across)
}

/// The second walk through a sheet.
struct Writer<'b, 'x> {
    sheet: &'b Sheet<'b>,
    listed: &'b Listed,
    text: &'x str,
    edits: Edits<'x>,
    shared: Shared,
    /// Ranges whose cells hold results of one formula that looks at the columns: rows, and columns.
    arrays: Vec<(Range<u32>, Range<u32>)>,
    cells: Vec<usize>,
    formulas: usize,
    written: usize,
    links: BTreeSet<String>,
}

impl<'x> Writer<'_, 'x> {
    fn cell(&mut self, cell: &Cell<'x>) -> Result<(), CannotRedact> {
        let looks = cell.formula.as_ref().map(|formula| (formula, reach(cell, formula, &mut self.shared)));
        if let Some(index) = self.sheet.goes(self.listed, cell.row, cell.column) {
            if cell.filled {
                self.cells.iter_mut().skip(index).take(1).for_each(|count| *count += 1);
                self.edits.replace(cell.at.clone(), &self.emptied(cell));
            }
            return Ok(());
        }
        let Some((formula, looks)) = looks else {
            let in_array =
                |(rows, columns): &(Range<u32>, Range<u32>)| rows.contains(&cell.row) && columns.contains(&cell.column);
            if self.arrays.iter().any(in_array) {
                self.without_result(cell, None);
            }
            return Ok(());
        };
        let book = self.sheet.book;
        let touched = looks.iter().any(|reach| book.tainted.touches(&self.listed.name, reach));
        let result = cell.value.as_ref().map_or("", |(value, _)| value.as_str());
        let repeats = book.values.is_one(result) || book.values.stands_in(result);
        let own = self.orphaned(cell, formula)?;
        match touched || repeats {
            true => {
                self.array(formula)?;
                self.without_result(cell, own);
            }
            false => self.formula(cell, own),
        }
        Ok(())
    }

    /// The formula that a cell shares with the first of several, when that first one goes.
    fn orphaned(&mut self, cell: &Cell<'x>, formula: &Formula<'_>) -> Result<Option<String>, CannotRedact> {
        let number = formula.tag.value("si").filter(|_| formula.text.is_empty());
        let Some(first) = number.and_then(|number| self.shared.get(&number)) else { return Ok(None) };
        if self.sheet.goes(self.listed, first.row, first.column).is_none() {
            return Ok(None);
        }
        self.written += 1;
        if self.written > MOST_WRITTEN {
            return Err(CannotRedact::OverLimit);
        }
        own_text(cell, first).map(Some).ok_or(CannotRedact::Damaged)
    }

    /// A cell without its result; with a formula of its own where the one that it shared goes.
    fn without_result(&mut self, cell: &Cell<'x>, own: Option<String>) {
        let Some((_, at)) = &cell.value else { return self.formula(cell, own) };
        if let Some(kind) = cell.tag.attribute("t") {
            self.edits.cut(kind.at);
        }
        self.formula(cell, own);
        self.edits.cut(at.clone());
        self.formulas += 1;
    }

    fn formula(&mut self, cell: &Cell<'x>, own: Option<String>) {
        let (Some(own), Some(formula)) = (own, &cell.formula) else { return };
        let name = formula.tag.full;
        let text = own.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        // Without its text, the formula is one tag, or two with nothing between them.
        let behind = self.text.get(formula.tag.at.end..).unwrap_or_default();
        let close = if formula.tag.empty { 0 } else { behind.find('>').map_or(0, |end| end + 1) };
        self.edits.replace(formula.tag.at.start..formula.tag.at.end + close, &format!("<{name}>{text}</{name}>"));
    }

    /// Takes in an array of results.
    fn array(&mut self, formula: &Formula<'_>) -> Result<(), CannotRedact> {
        let range = formula.tag.value("ref").filter(|_| formula.tag.value("t").is_some_and(|kind| kind != "shared"));
        let Some((first, last)) = range.as_deref().and_then(|range| range.split_once(':')) else { return Ok(()) };
        let (first, last) = place_of(first).zip(place_of(last)).ok_or(CannotRedact::Damaged)?;
        if self.arrays.len() >= MOST_ARRAYS {
            return Err(CannotRedact::OverLimit);
        }
        self.arrays.push((first.0..last.0.saturating_add(1), first.1..last.1.saturating_add(1)));
        Ok(())
    }

    /// A cell with nothing in it but its style. A table's heading has to say something.
    fn emptied(&self, cell: &Cell<'_>) -> String {
        let name = cell.tag.full;
        let kept = cell.tag.attributes().filter(|known| matches!(known.name, "r" | "s"));
        let kept: String = kept.map(|known| format!(" {}=\"{}\"", known.name, known.value)).collect();
        let heads = |table: &&super::Table| table.row == Some(cell.row) && table.has(cell.column);
        match self.listed.headings.iter().find(heads) {
            None => format!("<{name}{kept}/>"),
            Some(_) => {
                let prefix = name.strip_suffix('c').unwrap_or_default();
                let heading = instead_of_heading(cell.column);
                format!(
                    "<{name}{kept} t=\"inlineStr\"><{prefix}is><{prefix}t>{heading}</{prefix}t></{prefix}is></{name}>"
                )
            }
        }
    }

    /// What stands around the cells and can hold a copy.
    fn element(&mut self, tag: &Tag<'x>, scan: &mut Scan<'x>) -> Result<(), CannotRedact> {
        let child = match tag.name {
            "dataValidations" => "dataValidation",
            "hyperlinks" => "hyperlink",
            "conditionalFormatting" => "",
            "scenarios" => "inputCells",
            "autoFilter" => "filterColumn",
            "extLst" => "ext",
            _ => return Ok(()),
        };
        let end = scan.skip(tag)?;
        let at = tag.at.start..end;
        let inside = self.text.get(at.clone()).unwrap_or_default();
        if tag.name == "conditionalFormatting" {
            if self.is_of_column(tag, inside)? {
                self.edits.cut(at);
            }
            return Ok(());
        }
        let first = tag.value("ref").and_then(|range| place_of(range.split(':').next()?)).map_or(0, |place| place.1);
        let (mut links, mut touched) = (BTreeSet::new(), false);
        let kept = pruned(inside, child, |tag, xml| {
            let goes = match child {
                "filterColumn" => {
                    let column = tag.value("colId").and_then(|id| id.parse::<u32>().ok()?.checked_add(first));
                    column.is_none_or(|column| self.sheet.book.tainted.is_gone(&self.listed.name, column))
                }
                "inputCells" => {
                    let place = tag.value("r").and_then(|place| place_of(&place));
                    place.is_none_or(|place| self.sheet.book.tainted.is_gone(&self.listed.name, place.1))
                }
                _ => self.is_of_column(tag, xml)?,
            };
            touched |= goes;
            if goes && child == "hyperlink" {
                links.extend(tag.value("id"));
            }
            Ok(goes)
        })?;
        self.links.append(&mut links);
        match kept {
            // A scenario counts its cells.
            _ if child == "inputCells" && touched => self.edits.cut(at),
            None if child != "filterColumn" => self.edits.cut(at),
            Some(kept) if touched => self.edits.replace(at, &kept),
            _ => {}
        }
        Ok(())
    }

    /// Whether something belongs to the columns alone, or repeats what was in them.
    fn is_of_column(&self, tag: &Tag<'_>, xml: &str) -> Result<bool, CannotRedact> {
        let book = self.sheet.book;
        let place = tag.value("sqref").or_else(|| tag.value("ref"));
        let covered = place.is_some_and(|list| book.tainted.covers(&self.listed.name, &refs::of_list(&list)));
        Ok(covered || book.values.stands_in(&super::xml::words(xml)?))
    }
}

/// An element without some of the elements of a name in it; none when none of those is left. What an element says of
/// their number goes with the first.
pub(super) fn pruned(
    text: &str,
    child: &str,
    mut goes: impl FnMut(&Tag<'_>, &str) -> Result<bool, CannotRedact>,
) -> Result<Option<String>, CannotRedact> {
    let (mut gone, mut stays) = (Vec::new(), 0);
    let mut count = None;
    let mut outer = true;
    let mut scan = Scan::new(text);
    while let Some(step) = scan.next()? {
        let Step::Open(tag) = step else { continue };
        if std::mem::take(&mut outer) {
            count = tag.attribute("count").map(|count| count.at);
            continue;
        }
        if tag.name != child {
            continue;
        }
        let end = scan.skip(&tag)?;
        match goes(&tag, text.get(tag.at.start..end).unwrap_or_default())? {
            true => gone.push(tag.at.start..end),
            false => stays += 1,
        }
    }
    if stays == 0 && !gone.is_empty() && child != "filterColumn" {
        return Ok(None);
    }
    let mut edits = Edits::new(text);
    if let Some(count) = count.filter(|_| !gone.is_empty()) {
        edits.cut(count);
    }
    gone.into_iter().for_each(|range| edits.cut(range));
    Ok(Some(edits.finish()))
}
