//! Findings -> the columns of spreadsheets that hold them: what "send without these columns" can offer.
//!
//! A name that is spread over columns takes all of them along, since what is left of it would still name the pupil. The
//! heading of a column stays when nothing was found in it and it is a word that stands over columns: a file without
//! headings has a pupil there. Keeps counts and kinds; no found value. Cannot fail.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::found::{cell_in_file, is_heading, last_cell};
use crate::detect::{Finding, Kind};
use crate::extract::{self, Cell, Layer, Spot, Text, Unit};
use crate::redact::{Choice, Column, Heading};

/// The columns of one file that hold findings.
#[derive(Clone)]
pub struct Held {
    /// The names of the messages and archives around the file, outermost first, and its own.
    pub path: Vec<String>,
    /// The columns, by sheet and place.
    pub columns: Vec<HeldColumn>,
}

/// A column that holds findings.
#[derive(Debug, Clone)]
pub struct HeldColumn {
    /// The column.
    pub column: Column,
    /// What was found there.
    pub kinds: BTreeSet<Kind>,
    /// Its heading, when that stays.
    pub heading: Option<String>,
}

impl Held {
    /// All of it, as what is to go.
    pub fn choice(&self) -> Choice {
        Choice { path: self.path.clone(), columns: self.columns.iter().map(|held| held.column.clone()).collect() }
    }
}

/// File names can be pupils' names: `Debug` hides them.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({} levels, {:?})", self.path.len(), self.columns)
    }
}

/// File, sheet and column.
type Key = (Vec<String>, Option<String>, u32);

/// The columns that hold these findings, file by file. `all` are all findings of the mail, those that do not count too.
pub fn held(counted: &[&Finding], all: &[Finding], texts: &extract::Texts) -> Vec<Held> {
    let mut kinds: BTreeMap<Key, BTreeSet<Kind>> = BTreeMap::new();
    // The texts in which pupils are named, and the rows.
    let mut named: HashMap<usize, BTreeSet<u32>> = HashMap::new();
    for finding in counted {
        let (Some(cell), Some(file)) = (cell_of(finding, texts), file_of(finding, texts)) else { continue };
        let last = last_cell(finding, texts).map_or(cell.column, |last| last.column);
        for column in cell.column..=last.max(cell.column) {
            kinds.entry((file.0.clone(), file.1.clone(), column)).or_default().insert(finding.kind);
        }
        if finding.kind == Kind::PupilName {
            named.entry(finding.text).or_default().insert(cell.row);
        }
    }
    for finding in all.iter().filter(|finding| finding.kind == Kind::PupilName) {
        let (Some(cell), Some(file)) = (cell_of(finding, texts), file_of(finding, texts)) else { continue };
        if named.get(&finding.text).is_some_and(|rows| rows.contains(&cell.row)) {
            kinds.entry((file.0, file.1, cell.column)).or_default().insert(Kind::PupilName);
        }
    }
    for index in named.keys() {
        let Some((text, file)) = texts.texts.get(*index).zip(place_of(texts, *index)) else { continue };
        for cell in text.cells.iter().filter(|cell| is_heading(typed(text, cell), true)) {
            kinds.entry((file.0.clone(), file.1.clone(), cell.column)).or_default().insert(Kind::PupilName);
        }
    }
    in_files(kinds, &Headings::of(all, texts))
}

fn in_files(kinds: BTreeMap<Key, BTreeSet<Kind>>, headings: &Headings) -> Vec<Held> {
    let mut files: Vec<Held> = Vec::new();
    for ((path, sheet, column), kinds) in kinds {
        let (heading, written) = headings.of_column(&(path.clone(), sheet.clone(), column));
        let held = HeldColumn { column: Column { sheet, column, heading }, kinds, heading: written };
        match files.last_mut().filter(|file| file.path == path) {
            Some(file) => file.columns.push(held),
            None => files.push(Held { path, columns: vec![held] }),
        }
    }
    files
}

fn cell_of<'t>(finding: &Finding, texts: &'t extract::Texts) -> Option<&'t Cell> {
    let layer = finding.place.section.layer;
    cell_in_file(finding, texts).filter(|_| matches!(layer, Layer::Body | Layer::Hidden | Layer::Behind))
}

fn file_of(finding: &Finding, texts: &extract::Texts) -> Option<(Vec<String>, Option<String>)> {
    place_of(texts, finding.text)
}

/// The file and sheet of a text.
fn place_of(texts: &extract::Texts, index: usize) -> Option<(Vec<String>, Option<String>)> {
    let place = &texts.texts.get(index)?.place;
    let Spot::Attachment(name) = &place.spot else { return None };
    let mut path = place.within.clone();
    path.push(name.clone());
    let sheet = match &place.section.unit {
        Unit::Sheet(name) => Some(name.clone()),
        _ => None,
    };
    Some((path, sheet))
}

fn typed<'t>(text: &'t Text, cell: &Cell) -> &'t str {
    text.text.get(cell.range.clone()).unwrap_or_default()
}

/// The first filled cell of each column in which nothing was found.
struct Headings(BTreeMap<Key, (u32, String)>);

impl Headings {
    fn of(all: &[Finding], texts: &extract::Texts) -> Self {
        let found: BTreeSet<(usize, u32, u32)> = all
            .iter()
            .filter_map(|finding| cell_of(finding, texts).map(|cell| (finding.text, cell.row, cell.column)))
            .collect();
        let mut first: BTreeMap<Key, (u32, String)> = BTreeMap::new();
        let mut taken: BTreeSet<Key> = BTreeSet::new();
        for (index, text) in texts.texts.iter().enumerate().filter(|(_, text)| !text.cells.is_empty()) {
            let shown = matches!(text.place.section.layer, Layer::Body | Layer::Hidden);
            let Some((path, sheet)) = place_of(texts, index).filter(|_| shown) else { continue };
            for cell in text.cells.iter().filter(|cell| !typed(text, cell).trim().is_empty()) {
                let key = (path.clone(), sheet.clone(), cell.column);
                if taken.insert(key.clone()) && !found.contains(&(index, cell.row, cell.column)) {
                    first.insert(key, (cell.row, typed(text, cell).trim().to_string()));
                }
            }
        }
        Self(first)
    }

    fn of_column(&self, key: &Key) -> (Heading, Option<String>) {
        match self.0.get(key) {
            Some((row, written)) if is_heading(written, false) => (Heading::Stays(*row), Some(written.clone())),
            Some((row, _)) => (Heading::StaysInTable(*row), None),
            None => (Heading::Goes, None),
        }
    }
}
