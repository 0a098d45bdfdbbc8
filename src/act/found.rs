//! Findings -> places that a teacher can find: the column of a sheet, the line of a text, and how many.
//!
//! Keeps counts, kinds, places and the last two digits of a long number; no found value goes further than
//! this file. A heading is told only when it is a known word, since a sheet without headings has a pupil
//! there. Cannot fail. The design's `Place` of a notice: "bijlage klas3.csv, kolom C, 27 rijen".

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use super::shown::{Revealing, line};
use crate::decide;
use crate::detect::{Finding, Kind, PupilKey};
use crate::extract::{self, Cell, Layer, Place, Spot, Text, Unit, Why};
use crate::redact::letters_of;

/// One kind of finding at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub at: Where,
    /// In which columns of a table; a name can be spread over several.
    pub columns: Vec<Column>,
    /// How many columns that table has; 0 outside a table.
    pub columns_of_table: usize,
    /// What.
    pub kind: Kind,
    /// How many different ones.
    pub values: usize,
    /// The row of the first, counted from 1 as a sheet does, for columns.
    pub row: Option<u32>,
    /// The line of the first, counted from 1 without empty ones, for running text.
    pub line: Option<usize>,
    /// The last two digits of the first, for long numbers.
    pub ends: Option<String>,
}

/// A place that a teacher can find.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Where {
    /// The attached message or archive around it: its name when that may be shown.
    pub within: Option<Option<String>>,
    /// The part of it.
    pub part: Part,
    /// The sheet, slide or page of a document.
    pub unit: ToldUnit,
    /// Where on that: its body, a comment, what is hidden.
    pub layer: Layer,
}

/// A unit of a document, as far as it may be named.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ToldUnit {
    /// The document itself.
    Document,
    /// A sheet; its name when that may be shown. Its number is not known.
    Sheet(Option<String>),
    /// A slide, counted from 1.
    Slide(u32),
    /// A page, counted from 1.
    Page(u32),
}

/// A part of a message.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// The subject.
    Subject,
    /// Another header field.
    Header,
    /// The body.
    Body,
    /// The name of a file.
    FileName,
    /// A file; its name when that may be shown.
    File(Option<String>),
}

/// A column of a table in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its letter, as in a sheet.
    pub letter: String,
    /// Its heading, when that is a known word.
    pub heading: Option<String>,
}

/// A part that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnreadPart {
    /// Where.
    pub at: Where,
    /// Why.
    pub why: Why,
}

/// A sheet's name can be a pupil's: `Debug` hides it.
impl fmt::Debug for ToldUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => f.write_str("document"),
            Self::Sheet(_) => f.write_str("sheet"),
            Self::Slide(number) => write!(f, "slide {number}"),
            Self::Page(number) => write!(f, "page {number}"),
        }
    }
}

impl fmt::Debug for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.part {
            Part::Subject => "subject",
            Part::Header => "header",
            Part::Body => "body",
            Part::FileName => "file name",
            Part::File(_) => "file",
        })
    }
}

/// Turns places into what may be said of them.
pub(super) struct Places<'a> {
    pub(super) revealing: &'a Revealing,
    /// File names in which something was found.
    pub(super) hidden: HashSet<String>,
}

impl Places<'_> {
    /// The place, with the names around it that may be shown.
    pub(super) fn tell(&self, place: &Place) -> Where {
        let part = match &place.spot {
            Spot::Subject => Part::Subject,
            Spot::Header(_) => Part::Header,
            Spot::Text | Spot::Html => Part::Body,
            Spot::FileName(_) => Part::FileName,
            Spot::Attachment(name) => Part::File(self.name(name)),
        };
        let unit = match &place.section.unit {
            Unit::Document => ToldUnit::Document,
            Unit::Sheet(name) => ToldUnit::Sheet(self.name(name)),
            Unit::Slide(number) => ToldUnit::Slide(*number),
            Unit::Page(number) => ToldUnit::Page(*number),
        };
        Where { within: place.within.last().map(|name| self.name(name)), part, unit, layer: place.section.layer }
    }

    fn name(&self, name: &str) -> Option<String> {
        if self.hidden.contains(name) { None } else { self.revealing.pass(name) }
    }
}

/// The file names in which something was found.
pub(super) fn names_with_findings(findings: &[Finding]) -> HashSet<String> {
    let name = |finding: &Finding| match &finding.place.spot {
        Spot::FileName(name) => Some(name.clone()),
        _ => None,
    };
    findings.iter().filter_map(name).collect()
}

/// The findings of one kind at one place: a column of a table, or all columns with names of one.
pub(super) struct Group<'a> {
    at: Where,
    kind: Kind,
    first: &'a Finding,
    values: HashSet<String>,
    columns: BTreeSet<u32>,
    /// The pupils named, by row.
    rows: HashSet<(u32, Option<&'a PupilKey>)>,
}

/// Place, table, column and kind; names have no column.
type Key = (Where, Option<(u32, Option<u32>)>, Kind);

/// In order of first appearance. The place is told once per distinct place, since a sheet can have a
/// hundred thousand findings.
pub(super) fn grouped<'a>(findings: &[&'a Finding], texts: &extract::Texts, places: &Places<'_>) -> Vec<Group<'a>> {
    let mut told: HashMap<&Place, Where> = HashMap::new();
    let mut index: HashMap<Key, usize> = HashMap::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for finding in findings {
        let at = told.entry(&finding.place).or_insert_with(|| places.tell(&finding.place)).clone();
        let cell = cell_in_file(finding, texts);
        let table = cell.map(|cell| (cell.table, (finding.kind != Kind::PupilName).then_some(cell.column)));
        let group = *index.entry((at.clone(), table, finding.kind)).or_insert_with(|| {
            groups.push(Group::new(at, finding));
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(group) {
            group.values.insert(decide::value_of(finding));
            group.columns.extend(cell.into_iter().chain(last_cell(finding, texts)).map(|cell| cell.column));
            group.rows.extend(cell.map(|cell| (cell.row, finding.pupil.as_ref())));
        }
    }
    groups
}

/// The cell of a finding in a file. A table in a body has no letters at its columns, so none there.
pub(super) fn cell_in_file<'t>(finding: &Finding, texts: &'t extract::Texts) -> Option<&'t Cell> {
    if !has_letters(&finding.place) {
        return None;
    }
    texts.texts.get(finding.text)?.cells.get(finding.cell?)
}

/// Whether columns have letters there: in sheets, and in files that open as one.
fn has_letters(place: &Place) -> bool {
    let Spot::Attachment(name) = &place.spot else { return false };
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    match place.section.unit {
        Unit::Sheet(_) => place.section.layer != Layer::Comment,
        Unit::Document => ["csv", "tsv", "tab", "txt"].contains(&extension.as_str()),
        Unit::Slide(_) | Unit::Page(_) => false,
    }
}

/// The cell in which it ends.
pub(super) fn last_cell<'t>(finding: &Finding, texts: &'t extract::Texts) -> Option<&'t Cell> {
    let first = cell_in_file(finding, texts)?;
    let cells = &texts.texts.get(finding.text)?.cells;
    let behind = cells.partition_point(|cell| cell.range.start < finding.range.end);
    cells.get(behind.checked_sub(1)?).filter(|last| (last.table, last.row) == (first.table, first.row))
}

impl<'a> Group<'a> {
    fn new(at: Where, first: &'a Finding) -> Self {
        let (values, columns, rows) = (HashSet::new(), BTreeSet::new(), HashSet::new());
        Self { at, kind: first.kind, first, values, columns, rows }
    }

    /// What is told of it; `texts` has its columns and line, `findings` are all of the mail, those that do not count
    /// too.
    pub(super) fn tell(self, texts: &extract::Texts, findings: &[Finding]) -> Found {
        let cell = cell_in_file(self.first, texts);
        let text = texts.texts.get(self.first.text);
        let has_lines = self.at.layer == Layer::Body && matches!(self.at.unit, ToldUnit::Document | ToldUnit::Page(_));
        let in_running_text = cell.is_none() && has_lines && matches!(self.at.part, Part::Body | Part::File(_));
        let table = text.zip(cell).map(|(text, cell)| Table { text, number: cell.table });
        let columns = match &table {
            Some(table) if self.kind == Kind::PupilName => self.name_columns(table, texts, findings),
            _ => self.columns.clone(),
        };
        let told = |number: &u32| Column {
            letter: letters_of(*number),
            heading: table.as_ref().and_then(|table| table.heading(*number, &[&HEADINGS, &NAME_HEADINGS])),
        };
        Found {
            columns: columns.iter().map(told).collect(),
            columns_of_table: table.as_ref().map(|table| table.filled_columns().len()).unwrap_or_default(),
            row: cell.map(|cell| cell.row.saturating_add(1)),
            line: text.filter(|_| in_running_text).and_then(|text| line_of(text, self.first.range.start)),
            ends: last_digits(self.first),
            at: self.at,
            kind: self.kind,
            values: self.values.len(),
        }
    }

    /// All columns that hold a part of these names. Detection reports a pupil of a row once, at the surname or from
    /// first name to surname; what is left of the name when only that goes would still name the pupil.
    fn name_columns(&self, table: &Table<'_>, texts: &extract::Texts, findings: &[Finding]) -> BTreeSet<u32> {
        let headed = |column: &u32| table.heading(*column, &[&NAME_HEADINGS]).is_some();
        let mut columns: BTreeSet<u32> = table.filled_columns().into_iter().filter(headed).collect();
        columns.extend(&self.columns);
        let same_text = |f: &&Finding| f.kind == Kind::PupilName && f.text == self.first.text;
        for finding in findings.iter().filter(same_text) {
            let Some(cell) = cell_in_file(finding, texts).filter(|cell| cell.table == table.number) else { continue };
            if self.rows.contains(&(cell.row, finding.pupil.as_ref())) {
                columns.insert(cell.column);
            }
        }
        columns
    }
}

/// Whether something is a word that stands over a column, and over a column with names, or parts of them.
pub(super) fn is_heading(typed: &str, of_names: bool) -> bool {
    let folded = typed.trim().to_lowercase();
    NAME_HEADINGS.contains(&folded.as_str()) || !of_names && HEADINGS.contains(&folded.as_str())
}

/// A table in a file.
struct Table<'t> {
    text: &'t Text,
    number: u32,
}

impl Table<'_> {
    /// The columns in which something stands.
    fn filled_columns(&self) -> BTreeSet<u32> {
        let is_filled = |cell: &&Cell| {
            cell.table == self.number
                && self.text.text.get(cell.range.clone()).is_some_and(|typed| !typed.trim().is_empty())
        };
        self.text.cells.iter().filter(is_filled).map(|cell| cell.column).collect()
    }

    /// What stands in row 0 of a column, when it is a known word. Other headings stay untold: a file without a
    /// heading row has a pupil there.
    fn heading(&self, column: u32, known: &[&[&str]]) -> Option<String> {
        let mut cells = self.text.cells.iter();
        let cell = cells.find(|cell| (cell.table, cell.row, cell.column) == (self.number, 0, column))?;
        let typed = line(self.text.text.get(cell.range.clone())?, 40);
        let folded = typed.to_lowercase();
        known.iter().any(|words| words.contains(&folded.as_str())).then_some(typed)
    }
}

const HEADINGS: [&str; 27] = [
    "adres",
    "bankrekening",
    "bsn",
    "burgerservicenummer",
    "diagnose",
    "e-mail",
    "email",
    "geboortedatum",
    "geboren",
    "geb.datum",
    "gezondheid",
    "groep",
    "iban",
    "klas",
    "leerlingnr",
    "leerlingnummer",
    "medisch",
    "mobiel",
    "notitie",
    "onderwijsnummer",
    "opmerking",
    "opmerkingen",
    "pgn",
    "postcode",
    "stamnummer",
    "telefoon",
    "zorg",
];

/// Headings of columns that hold names, or parts of them.
const NAME_HEADINGS: [&str; 19] = [
    "achternaam",
    "doopnamen",
    "familienaam",
    "geslachtsnaam",
    "leerling",
    "leerlingnaam",
    "naam",
    "naam leerling",
    "roepnaam",
    "tussenvoegsel",
    "tussenvoegsels",
    "tv",
    "volledige naam",
    "voorletters",
    "voornaam",
    "voornamen",
    "voorvoegsel",
    "voorvoegsels",
    "voorv",
];

/// The line of an offset, empty ones not counted; none in a text of one or two lines.
fn line_of(text: &Text, offset: usize) -> Option<usize> {
    let filled = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    let before = text.text.get(..offset)?;
    let begun = before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
    (filled(&text.text) > 2).then(|| filled(before) + usize::from(begun))
}

/// The last two digits of a number that is long enough to stay unknown without the rest.
fn last_digits(finding: &Finding) -> Option<String> {
    if !matches!(finding.kind, Kind::Bsn | Kind::EducationNumber | Kind::StudentNumber | Kind::Iban) {
        return None;
    }
    let digits: Vec<char> = finding.found.expose().chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 6).then(|| digits.iter().skip(digits.len() - 2).collect())
}
