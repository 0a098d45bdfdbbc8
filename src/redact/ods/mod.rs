//! ODS without some columns (ODF 1.3 part 3, section 9).
//!
//! Rows and columns that repeat are never unfolded: a repeated cell that a column runs through is divided in three.
//! Charts of the column lose their copy of it and the picture that stands in for them; previews go. Tracked changes, older
//! versions and pivot tables over the column are refused.

mod parts;

use std::ops::Range;

use super::package::Package;
use super::refs;
use super::tainted::Tainted;
use super::values::Values;
use super::xml::{self, Edits, Scan, Step, Tag};
use super::{CannotRedact, Column, Heading, Note, Redacted};

/// Attributes that hold what a cell shows, beside its text (19.600 and others).
const RESULTS: [&str; 8] =
    ["value-type", "value", "string-value", "date-value", "time-value", "boolean-value", "currency", "formula"];

/// What compares cells with values, or names them.
const CONDITIONS: [&str; 6] =
    ["conditional-format", "content-validation", "filter", "map", "named-expression", "scenario"];

/// More arrays of results than any sheet has that look at one column.
const MOST_ARRAYS: usize = 64;

/// Takes the columns out; the values that go are added to `values`.
pub(super) fn redact(
    package: &mut Package<'_>,
    columns: &[Column],
    values: &mut Values,
) -> Result<Redacted, CannotRedact> {
    refuse(package)?;
    let content = package.text("content.xml")?.ok_or(CannotRedact::NotASheet)?;
    let mut tainted = Tainted::default();
    for column in columns {
        tainted.goes(column.sheet.as_deref().ok_or(CannotRedact::NoColumn)?, column.column);
    }
    look(&content, columns, &mut tainted, values)?;
    tainted.spread();
    values.ready()?;
    let mut writer = Writer {
        columns,
        tainted: &tainted,
        values,
        edits: Edits::new(&content),
        cells: vec![0; columns.len()],
        formulas: 0,
        comments: 0,
        arrays: Vec::new(),
        in_array: String::new(),
    };
    writer.run(&content)?;
    let Writer { edits, cells, formulas, comments, .. } = writer;
    if cells.contains(&0) {
        return Err(CannotRedact::NoColumn);
    }
    package.put("content.xml", edits.finish().into_bytes());
    let charts = parts::rewrite(package, &tainted, values)?;
    let counts = [(formulas, Note::Formulas as fn(usize) -> Note), (charts, Note::Charts), (comments, Note::Comments)];
    let notes = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, note)| note(count)).collect();
    Ok(Redacted { octets: package.write()?, cells, notes })
}

/// Refuses what the list of files shows.
fn refuse(package: &mut Package<'_>) -> Result<(), CannotRedact> {
    for name in package.names() {
        match () {
            () if name.starts_with("META-INF/") && name.contains("signatures") => return Err(CannotRedact::Signed),
            () if name.starts_with("Versions/") || name == "VersionList.xml" => return Err(CannotRedact::History),
            () if name == "encrypted-package" => return Err(CannotRedact::Locked),
            () => {}
        }
    }
    let manifest = package.read("META-INF/manifest.xml")?.unwrap_or_default();
    match memchr::memmem::find(&manifest, b"encryption-data") {
        Some(_) => Err(CannotRedact::Locked),
        None => Ok(()),
    }
}

/// Where a walk through the tables is.
#[derive(Default)]
struct At {
    sheet: String,
    row: u32,
    column: u32,
}

/// A piece of a table.
enum Piece<'x> {
    /// A cell that stands for so many, with all that is in it.
    Cell { tag: Tag<'x>, at: Range<usize>, repeated: u32 },
    /// Any other element begins.
    Tag(Tag<'x>),
}

/// A walk through the pieces of a content.
struct Pieces<'x> {
    scan: Scan<'x>,
    at: At,
    /// What a row or cell stands for, added when the next begins.
    rows: u32,
    columns: u32,
}

impl<'x> Pieces<'x> {
    fn new(text: &'x str) -> Self {
        Self { scan: Scan::new(text), at: At::default(), rows: 0, columns: 0 }
    }

    fn next(&mut self) -> Result<Option<Piece<'x>>, CannotRedact> {
        while let Some(step) = self.scan.next()? {
            let Step::Open(tag) = step else { continue };
            match tag.name {
                "table" if tag.full.starts_with("table:") => {
                    self.at = At { sheet: tag.value("name").unwrap_or_default(), ..At::default() };
                    (self.rows, self.columns) = (0, 0);
                }
                "table-row" => {
                    self.at.row = self.at.row.saturating_add(self.rows);
                    self.rows = count(&tag, "number-rows-repeated");
                    (self.at.column, self.columns) = (0, 0);
                }
                "table-cell" | "covered-table-cell" => {
                    self.at.column = self.at.column.saturating_add(self.columns);
                    self.columns = count(&tag, "number-columns-repeated");
                    let end = self.scan.skip(&tag)?;
                    return Ok(Some(Piece::Cell { at: tag.at.start..end, tag, repeated: self.columns }));
                }
                "tracked-changes" => return Err(CannotRedact::History),
                _ => {}
            }
            return Ok(Some(Piece::Tag(tag)));
        }
        Ok(None)
    }
}

fn count(tag: &Tag<'_>, name: &str) -> u32 {
    tag.value(name).and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
}

/// The first of the columns that go among cells, and its index.
fn goes(columns: &[Column], at: &At, from: u32, to: u32) -> Option<(usize, u32)> {
    let here = |(index, known): (usize, &Column)| {
        let heading = matches!(known.heading, Heading::Stays(row) if row == at.row);
        let inside = known.sheet.as_deref() == Some(at.sheet.as_str()) && (from..to).contains(&known.column);
        (inside && !heading).then_some((index, known.column))
    };
    columns.iter().enumerate().filter_map(here).min_by_key(|(_, column)| *column)
}

/// The first walk: the values that go, and what formulas look at.
fn look(content: &str, columns: &[Column], tainted: &mut Tainted, values: &mut Values) -> Result<(), CannotRedact> {
    let mut pieces = Pieces::new(content);
    while let Some(piece) = pieces.next()? {
        let Piece::Cell { tag, at: place, repeated } = piece else { continue };
        let at = &pieces.at;
        let to = at.column.saturating_add(repeated);
        if goes(columns, at, at.column, to).is_some() {
            for attribute in
                tag.attributes().filter(|known| known.name.ends_with("value") && known.name != "value-type")
            {
                values.add(&xml::unescaped(attribute.value));
            }
            values.add(&paragraphs(content.get(place).unwrap_or_default())?);
        }
        if let Some(formula) = tag.value("formula") {
            tainted.looks(&at.sheet, at.column, refs::of_open_formula(&formula));
        }
    }
    Ok(())
}

/// The text of a cell, without its comments.
fn paragraphs(source: &str) -> Result<String, CannotRedact> {
    let mut out = String::new();
    let mut scan = Scan::new(source);
    while let Some(step) = scan.next()? {
        match step {
            Step::Open(tag) if tag.name == "annotation" => drop(scan.skip(&tag)?),
            Step::Text(text) => out.push_str(&xml::unescaped(text)),
            _ => {}
        }
    }
    Ok(out)
}

/// The second walk.
struct Writer<'w, 'x> {
    columns: &'w [Column],
    tainted: &'w Tainted,
    values: &'w Values,
    edits: Edits<'x>,
    cells: Vec<usize>,
    formulas: usize,
    comments: usize,
    /// Ranges of the sheet at hand whose cells hold results of one formula that looks at the columns.
    arrays: Vec<(Range<u32>, Range<u32>)>,
    in_array: String,
}

impl<'x> Writer<'_, 'x> {
    fn run(&mut self, content: &'x str) -> Result<(), CannotRedact> {
        let mut pieces = Pieces::new(content);
        while let Some(piece) = pieces.next()? {
            match piece {
                Piece::Cell { tag, at, repeated } => self.cell(content, &pieces.at, &tag, at, repeated)?,
                Piece::Tag(tag) if tag.name == "source-cell-range" => {
                    let address = tag.value("cell-range-address").unwrap_or_default();
                    if self.tainted.touches("", &refs::of_address(&address)) {
                        return Err(CannotRedact::Pivot);
                    }
                }
                Piece::Tag(tag) if CONDITIONS.contains(&tag.name) => {
                    let end = pieces.scan.skip(&tag)?;
                    let inside = content.get(tag.at.start..end).unwrap_or_default();
                    if self.values.stands_in(&xml::words(inside)?) {
                        self.edits.cut(tag.at.start..end);
                    }
                }
                Piece::Tag(_) => {}
            }
        }
        Ok(())
    }

    fn cell(
        &mut self,
        content: &'x str,
        at: &At,
        tag: &Tag<'x>,
        place: Range<usize>,
        repeated: u32,
    ) -> Result<(), CannotRedact> {
        let written = content.get(place.clone()).unwrap_or_default();
        let to = at.column.saturating_add(repeated);
        let filled = !tag.empty && !paragraphs(written)?.is_empty() || tag.attribute("value-type").is_some();
        if goes(self.columns, at, at.column, to).is_none() {
            return match tag.value("formula") {
                Some(formula) => self.formula(content, at, tag, place, &formula),
                None if filled && self.is_in_array(at) => self.without_result(content, tag, place, false),
                None => Ok(()),
            };
        }
        if !filled && tag.attribute("formula").is_none() && !written.contains(":annotation") {
            return Ok(());
        }
        self.comments += usize::from(written.contains("<office:annotation"));
        let mut out = String::new();
        let mut from = at.column;
        while let Some((index, column)) = goes(self.columns, at, from, to) {
            out.push_str(&run_of(written, tag, &place, column - from));
            out.push_str(&emptied(written, tag, &place)?);
            self.cells.iter_mut().skip(index).take(1).for_each(|count| *count += 1);
            from = column + 1;
        }
        out.push_str(&run_of(written, tag, &place, to - from));
        self.edits.replace(place, &out);
        Ok(())
    }

    fn formula(
        &mut self,
        content: &'x str,
        at: &At,
        tag: &Tag<'x>,
        place: Range<usize>,
        formula: &str,
    ) -> Result<(), CannotRedact> {
        let shown = paragraphs(content.get(place.clone()).unwrap_or_default())?;
        let touched = refs::of_open_formula(formula).iter().any(|reach| self.tainted.touches(&at.sheet, reach));
        let stored = tag.value("string-value").or_else(|| tag.value("value")).unwrap_or_default();
        let repeats = [&shown, &stored].iter().any(|text| self.values.is_one(text) || self.values.stands_in(text));
        if !touched && !repeats {
            return Ok(());
        }
        let [rows, columns] =
            ["number-matrix-rows-spanned", "number-matrix-columns-spanned"].map(|name| count(tag, name));
        if rows > 1 || columns > 1 {
            self.is_in_array(at);
            if self.arrays.len() >= MOST_ARRAYS {
                return Err(CannotRedact::OverLimit);
            }
            let end = (at.row.saturating_add(rows), at.column.saturating_add(columns));
            self.arrays.push((at.row..end.0, at.column..end.1));
        }
        self.without_result(content, tag, place, true)
    }

    /// Whether a cell shows a part of an array's result.
    fn is_in_array(&mut self, at: &At) -> bool {
        if self.in_array != at.sheet {
            self.arrays.clear();
            self.in_array.clone_from(&at.sheet);
        }
        self.arrays.iter().any(|(rows, columns)| rows.contains(&at.row) && columns.contains(&at.column))
    }

    /// A cell without its result, with its formula and all that is no text.
    fn without_result(
        &mut self,
        content: &'x str,
        tag: &Tag<'x>,
        place: Range<usize>,
        counts: bool,
    ) -> Result<(), CannotRedact> {
        let written = content.get(place.clone()).unwrap_or_default();
        let is_result = |name: &str| RESULTS.contains(&name) && name != "formula";
        self.edits.replace(place.clone(), &stripped(written, tag, &place, is_result, &["p"])?);
        self.formulas += usize::from(counts);
        Ok(())
    }
}

/// The same cell, standing for so many.
fn run_of(written: &str, tag: &Tag<'_>, place: &Range<usize>, columns: u32) -> String {
    if columns == 0 {
        return String::new();
    }
    let mut edits = Edits::new(written);
    if let Some(known) = tag.attribute("number-columns-repeated") {
        let at = known.value_at.start - place.start..known.value_at.end - place.start;
        edits.replace(at, &columns.to_string());
    }
    edits.finish()
}

/// A single cell with nothing in it but its style and the shapes that hang on it.
fn emptied(written: &str, tag: &Tag<'_>, place: &Range<usize>) -> Result<String, CannotRedact> {
    let goes = |name: &str| RESULTS.contains(&name) || name == "number-columns-repeated" || name.contains("matrix");
    stripped(written, tag, place, goes, &["p", "annotation", "table", "cell-range-source", "detective"])
}

/// A cell without some of its attributes and of the elements in it.
fn stripped(
    written: &str,
    tag: &Tag<'_>,
    place: &Range<usize>,
    attribute: impl Fn(&str) -> bool,
    elements: &[&str],
) -> Result<String, CannotRedact> {
    let mut edits = Edits::new(written);
    for known in tag.attributes().filter(|known| attribute(known.name)) {
        edits.cut(known.at.start - place.start..known.at.end - place.start);
    }
    let mut scan = Scan::new(written);
    scan.next()?;
    while let Some(step) = scan.next()? {
        let Step::Open(inner) = step else { continue };
        let end = scan.skip(&inner)?;
        if elements.contains(&inner.name) {
            edits.cut(inner.at.start..end);
        }
    }
    Ok(edits.finish())
}
