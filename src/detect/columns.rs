//! Columns: numbers that stand in the same place of many rows decide together.
//!
//! In a table that is a column of cells. Elsewhere rows are lines, or records of the same fields: numbers behind the
//! same word (`"nr": 123`, `<nr>123`, `nr = 123`, `Nummer: 123`), at the same tab of lines, at the end, at the start or
//! as all of lines that follow each other. With n numbers of which k pass the elfproef it is a column of BSNs or it is
//! not, whatever is written over it. One look-up a number, and never fails.

use std::collections::HashMap;

use super::numbers::{Number, is_bsn, is_education_number};
use super::reading::{Reading, gap};
use super::scene::Scene;

/// The weights, in log-odds.
mod weight {
    pub const PASS: f32 = 2.35;
    pub const FAIL: f32 = -3.0;
    pub const PRIOR: f32 = -2.0;
    pub const BOUND: f32 = 7.0;
    pub const SERIES: f32 = -8.0;
}

/// The columns of a text: how many of their numbers pass.
pub struct Columns {
    at: HashMap<Key, Column>,
    /// The column of each number that stands in no cell, by its first token.
    listed: HashMap<u32, Key>,
}

/// What makes a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// The column of a table.
    Cells(u32, u32),
    /// Behind this word.
    Field(u64),
    /// A list of lines, and the place in them.
    List(u32, Place),
}

/// A place in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Alone,
    Start,
    End,
    Tab(u32),
}

#[derive(Default)]
struct Column {
    numbers: u32,
    passing: u32,
    steps: u32,
    last: Option<u32>,
}

/// With fewer numbers a column says no more than its cells.
const SMALLEST: u32 = 3;
/// So many lines may lie between two numbers of one list.
const LINES_APART: u32 = 2;
/// A record that has each field on a line of its own has so many lines.
const LINES_OF_RECORD: u32 = 12;

impl Columns {
    /// One column holds the BSN of most pupils and the onderwijsnummer of some, so both pass.
    pub fn new(scene: &Scene<'_>, numbers: &[Number]) -> Self {
        let (mut at, mut listed) = (HashMap::<Key, Column>::new(), HashMap::new());
        let mut lists = Lists::new(&scene.reading);
        for number in numbers {
            let key = match whole_cell(scene, number) {
                Some(key) => key,
                None => {
                    let Some(key) = lists.key(scene, number) else { continue };
                    listed.insert(number.first, key);
                    key
                }
            };
            let value = number.digits.iter().fold(0u32, |value, &digit| value * 10 + u32::from(digit));
            let column = at.entry(key).or_default();
            column.numbers += 1;
            column.passing += u32::from(is_bsn(&number.digits) || is_education_number(&number.digits));
            column.steps += u32::from(column.last.is_some_and(|last| value.abs_diff(last) <= 3));
            column.last = Some(value);
        }
        Self { at, listed }
    }

    /// How likely k of n pass in a column of such numbers, against any other column.
    pub fn weight(&self, scene: &Scene<'_>, number: &Number) -> Option<(&'static str, f32)> {
        let key = whole_cell(scene, number).or_else(|| self.listed.get(&number.first).copied())?;
        let column = self.at.get(&key).filter(|column| column.numbers >= SMALLEST)?;
        if column.steps * 2 > column.numbers {
            return Some(("its column counts up", weight::SERIES));
        }
        let failing = (column.numbers - column.passing) as f32;
        let ratio = column.passing as f32 * weight::PASS + failing * weight::FAIL + weight::PRIOR;
        let name = if ratio > 0.0 { "its column passes the elfproef" } else { "its column fails the elfproef" };
        Some((name, ratio.clamp(-weight::BOUND, weight::BOUND)))
    }

    /// Whether a number's column is a list of lines or of records, and no table that says so itself.
    pub fn is_listed(&self, number: &Number) -> bool {
        self.listed.contains_key(&number.first)
    }
}

/// The column of a number that fills its cell.
fn whole_cell(scene: &Scene<'_>, number: &Number) -> Option<Key> {
    let (first, last) = (scene.reading.token(number.first as usize)?, scene.reading.token(number.last as usize)?);
    let segment = scene.reading.segment(first);
    let cell = scene.reading.text.cells.get(segment.cell? as usize)?;
    let fits = (last.end - first.start) as usize + 4 >= cell.range.len();
    (fits && (cell.row > 0 || !scene.is_headed(cell))).then_some(Key::Cells(cell.table, cell.column))
}

/// Walks over the lines of a text, from number to number.
struct Lists<'r, 'a> {
    reading: &'r Reading<'a>,
    /// The token up to which lines are counted, the line there, and the tabs in it so far.
    token: usize,
    line: u32,
    tabs: u32,
    /// The line and the list of the last number at each place.
    last: HashMap<Place, (u32, u32)>,
    lists: u32,
}

impl<'r, 'a> Lists<'r, 'a> {
    fn new(reading: &'r Reading<'a>) -> Self {
        Self { reading, token: 0, line: 0, tabs: 0, last: HashMap::new(), lists: 0 }
    }

    fn key(&mut self, scene: &Scene<'_>, number: &Number) -> Option<Key> {
        self.go_to(number.first as usize);
        let first = self.reading.token(number.first as usize)?;
        if number.odd.longer || number.odd.other || scene.reading.segment(first).cell.is_some() {
            return None;
        }
        if let Some(word) = self.field(number) {
            return Some(Key::Field(word));
        }
        let line = gap::LINE | gap::BLANK;
        let starts = number.first == 0 || first.gap & line != 0;
        let ends = self.reading.token(number.last as usize + 1).is_none_or(|next| next.gap & line != 0);
        let place = match (starts, ends) {
            (true, true) => Place::Alone,
            _ if self.tabs > 0 => Place::Tab(self.tabs),
            (true, false) => Place::Start,
            (false, true) => Place::End,
            (false, false) => return None,
        };
        Some(Key::List(self.list(place), place))
    }

    /// The list that goes on here, or a new one.
    fn list(&mut self, place: Place) -> u32 {
        let apart = if place == Place::Alone { LINES_OF_RECORD } else { LINES_APART };
        let list = match self.last.get(&place) {
            Some((line, list)) if self.line - line <= apart => *list,
            _ => {
                self.lists += 1;
                self.lists
            }
        };
        self.last.insert(place, (self.line, list));
        list
    }

    fn go_to(&mut self, token: usize) {
        for next in self.reading.tokens.get(self.token..=token).unwrap_or_default() {
            if next.gap & (gap::LINE | gap::BLANK) != 0 {
                (self.line, self.tabs) = (self.line + 1, 0);
            } else if next.gap & gap::CELL != 0 {
                self.tabs += 1;
            }
        }
        self.token = self.token.max(token + 1);
    }

    /// The word that names the field of a number: right before it, with the signs between that records have.
    fn field(&self, number: &Number) -> Option<u64> {
        let first = self.reading.token(number.first as usize)?;
        let word = self.reading.token((number.first as usize).checked_sub(1)?).filter(|word| !word.digits)?;
        let between = self.reading.folded.text.get(word.end as usize..first.start as usize)?;
        let signs = between.trim_matches(|c: char| c == ' ' || c == '\t' || c == '"' || c == '\'');
        matches!(signs, ":" | "=" | ">" | "=>" | "\":" | "\":\"" | "':" | "\" :").then_some(word.hash)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::detect::{Kind, Rules, findings};
    use crate::extract::{Text, Texts};

    /// How many BSNs are found.
    fn found(text: &str) -> usize {
        let text = Text { text: text.to_owned(), ..Text::default() };
        let texts = Texts { texts: vec![text], ..Texts::default() };
        let found = findings(&texts, &Rules::shipped().unwrap(), None);
        found.iter().filter(|finding| finding.kind == Kind::Bsn && finding.is_sure(0.5)).count()
    }

    /// Numbers that pass, in records of this shape.
    fn records(shape: &str) -> String {
        ["387981135", "343122200", "242508996", "217220794"].iter().map(|number| shape.replace('#', number)).collect()
    }

    #[test]
    fn lists_and_records_are_columns() {
        for shape in [
            "{\"naam\": \"Kim\", \"nr\": #},",
            "{\n  \"nr\" : \"#\",\n  \"naam\": \"Kim\"\n},\n",
            "<kind><nr>#</nr><naam>Kim</naam></kind>\n",
            "Kind: Kim\nNr: #\nWoont: hier\n\n",
            "Kim de Vos\t#\tgroep 3\n",
            "#\n",
            "Kim\n#\nwoont hier\n",
            "- Kim #\n",
            "# Kim\n",
        ] {
            assert_eq!(found(&records(shape)), 4, "{shape}");
        }
    }

    #[test]
    fn a_list_of_other_numbers_is_none() {
        // The first passes, as one in eleven does.
        let list = "387981135\n387981203\n343122299\n242508911\n217220785\n";
        for text in [list.to_owned(), list.replace('\n', " Kim\n"), list.replace('\n', "},\n{nr: ")] {
            assert_eq!(found(&text), 0, "{text}");
        }
        assert_eq!(found(&records("Het was # en toen kwam er nog iets dat op deze regel niet past, dus verder.\n")), 0);
    }
}
