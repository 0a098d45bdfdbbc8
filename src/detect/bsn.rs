//! BSN and onderwijsnummer: which of the numbers is one, by its digits, its words, its row and its column.

use std::collections::HashMap;

use crate::detect::numbers::{Number, is_bsn, is_education_number, is_published};
use crate::detect::rule::Check;
use crate::detect::rules::Rules;
use crate::detect::scene::{Message, Near, Scene, about};
use crate::detect::score::Score;
use crate::detect::words::Role;

/// The weights, in log-odds. Nine digits pass by chance once in eleven, so the elfproef is worth ln 11.
mod weight {
    pub const PRIOR: f32 = -5.0;
    pub const ELFPROEF: f32 = 2.4;
    pub const WORD_NEXT: f32 = 6.0;
    pub const WORD_NEAR: f32 = 5.0;
    pub const WORD_FAR: f32 = 3.5;
    pub const WORD_BEHIND: f32 = 4.0;
    pub const HEADER: f32 = 5.0;
    pub const AGAINST: f32 = -5.0;
    pub const PUPIL: f32 = 2.5;
    pub const FIRST: f32 = 1.0;
    pub const ASKED_FOR: f32 = 2.5;
    pub const ALONE: f32 = 0.6;
    pub const PRINTED: f32 = 3.0;
    pub const LOST_ZERO: f32 = -2.5;
    pub const LONGER: f32 = -5.0;
    pub const CODE: f32 = -4.0;
    pub const GROUPING: f32 = -1.5;
    pub const BROKEN: f32 = -1.0;
    pub const PUBLISHED: f32 = -0.5;
    pub const EXPLAINED: f32 = -8.0;
    pub const COLUMN_PASS: f32 = 2.35;
    pub const COLUMN_FAIL: f32 = -3.0;
    pub const COLUMN_PRIOR: f32 = -2.0;
    pub const COLUMN_BOUND: f32 = 7.0;
    pub const SERIES: f32 = -8.0;
}

/// The numbers of a text that can be a BSN (or onderwijsnummer), each with its score.
pub fn scored(
    scene: &Scene<'_>,
    rules: &Rules,
    message: Message,
    numbers: &[Number],
    check: Check,
) -> Vec<(Number, Score)> {
    let Some((rule, _)) = rules.with_check(check) else { return Vec::new() };
    let passes = if check == Check::Bsn { is_bsn } else { is_education_number };
    if !numbers.iter().any(|number| passes(&number.digits)) {
        return Vec::new();
    }
    let columns = Columns::new(scene, numbers);
    let possible = numbers.iter().filter(|number| passes(&number.digits) && !number.odd.other);
    let in_order = possible.filter_map(|number| Some((*number, score(scene, message, &columns, number, rule)?)));
    in_order.collect()
}

fn score(scene: &Scene<'_>, message: Message, columns: &Columns, number: &Number, rule: u16) -> Option<Score> {
    let mut score = Score::new("any number of this length", weight::PRIOR);
    let segment = scene.reading.segment(scene.reading.token(number.first as usize)?);
    let column = columns.weight(scene, number);
    match column {
        Some((name, weight)) => score.add(name, weight),
        None => score.add("elfproef", weight::ELFPROEF),
    }
    let words = words(scene, &mut score, number, rule);
    if words == Words::Missing && column.is_none_or(|(_, weight)| weight > 0.0) {
        let header = scene.header(segment);
        if header.contains(&Role::Context(rule)) {
            score.add("its column is headed by a word for it", weight::HEADER);
        } else if header.contains(&Role::Against(rule)) {
            score.add("its column is headed by a word for another number", weight::AGAINST);
        } else if number.written == 9 && (message.about | scene.whole) & about::BSN != 0 {
            score.add("the message speaks of a BSN", weight::ASKED_FOR);
            score.when(alone(scene, number), "it stands alone, as an answer does", weight::ALONE);
        }
    }
    let near = scene.about(number.first);
    if near & about::PUPIL != 0 {
        score.add("a pupil in the same sentence or row", weight::PUPIL);
    } else {
        score.when(near & about::FIRST != 0, "a first name in the same sentence or row", weight::FIRST);
    }
    oddities(scene, &mut score, number, words == Words::For);
    Some(score)
}

/// What the words around a number say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    For,
    Against,
    Missing,
}

fn words(scene: &Scene<'_>, score: &mut Score, number: &Number, rule: u16) -> Words {
    let mine = |role: Role| role == Role::Context(rule) || role == Role::Against(rule);
    let left = scene.left(number.first, mine);
    let right = scene.right(number.last, mine);
    match (left, right) {
        (Some(Near { role: Role::Against(_), distance }), _) if distance <= 60 => {
            score.add("a word for another number to the left", weight::AGAINST);
            Words::Against
        }
        (Some(Near { role: Role::Context(_), distance }), _) => {
            let weight = match distance {
                0..=15 => weight::WORD_NEXT,
                16..=50 => weight::WORD_NEAR,
                _ => weight::WORD_FAR,
            };
            score.add(format!("a word for it {distance} characters to the left"), weight);
            Words::For
        }
        (_, Some(Near { role: Role::Context(_), distance })) => {
            score.add(format!("a word for it {distance} characters to the right"), weight::WORD_BEHIND);
            Words::For
        }
        (_, Some(Near { role: Role::Against(_), distance })) if distance <= 12 => {
            score.add("a word for another number to the right", weight::AGAINST);
            Words::Against
        }
        _ => Words::Missing,
    }
}

fn oddities(scene: &Scene<'_>, score: &mut Score, number: &Number, words: bool) {
    let odd = number.odd;
    score.when(number.written < 9, "a zero is missing in front", weight::LOST_ZERO);
    score.when(number.written < 8, "two zeros are missing in front", weight::LOST_ZERO);
    score.when(odd.longer && !words, "part of a longer number", weight::LONGER);
    score.when(odd.code && !words, "letters of a code stand against it", weight::CODE);
    score.when(odd.inside, "letters on both sides", weight::CODE);
    score.when(odd.printed, "grouped 4-2-3, as a BSN is printed", weight::PRINTED);
    score.when(odd.grouping, "an unusual grouping", weight::GROUPING);
    score.when(odd.broken && !words, "broken over lines or cells", weight::BROKEN);
    let explained = is_published(&number.digits) && scene.about(number.first) & about::ASKED != 0;
    score.when(explained, "an example in an explanation", weight::EXPLAINED);
    score.when(is_published(&number.digits), "a published example", weight::PUBLISHED);
}

/// Whether nothing else stands in the number's sentence or line.
fn alone(scene: &Scene<'_>, number: &Number) -> bool {
    let segment = |at: u32| scene.reading.token(at as usize).map(|token| token.segment);
    let here = segment(number.first);
    number.first.checked_sub(1).and_then(segment) != here && segment(number.last + 1) != here
}

/// The columns of a text's tables: how many of their numbers pass.
struct Columns {
    at: HashMap<(u32, u32), Column>,
}

#[derive(Default)]
struct Column {
    numbers: u32,
    passing: u32,
    steps: u32,
    last: Option<u32>,
}

/// With fewer numbers a column says no more than its cells.
const SMALLEST_COLUMN: u32 = 3;

impl Columns {
    /// One column holds the BSN of most pupils and the onderwijsnummer of some, so both pass.
    fn new(scene: &Scene<'_>, numbers: &[Number]) -> Self {
        let mut at: HashMap<(u32, u32), Column> = HashMap::new();
        for number in numbers {
            let Some(key) = whole_cell(scene, number) else { continue };
            let value = number.digits.iter().fold(0u32, |value, &digit| value * 10 + u32::from(digit));
            let column = at.entry(key).or_default();
            column.numbers += 1;
            column.passing += u32::from(is_bsn(&number.digits) || is_education_number(&number.digits));
            column.steps += u32::from(column.last.is_some_and(|last| value.abs_diff(last) <= 3));
            column.last = Some(value);
        }
        Self { at }
    }

    /// How likely k of n pass in a column of such numbers, against any other column.
    fn weight(&self, scene: &Scene<'_>, number: &Number) -> Option<(&'static str, f32)> {
        let column = self.at.get(&whole_cell(scene, number)?).filter(|column| column.numbers >= SMALLEST_COLUMN)?;
        if column.steps * 2 > column.numbers {
            return Some(("its column counts up", weight::SERIES));
        }
        let failing = (column.numbers - column.passing) as f32;
        let ratio = column.passing as f32 * weight::COLUMN_PASS + failing * weight::COLUMN_FAIL + weight::COLUMN_PRIOR;
        let name = if ratio > 0.0 { "its column passes the elfproef" } else { "its column fails the elfproef" };
        Some((name, ratio.clamp(-weight::COLUMN_BOUND, weight::COLUMN_BOUND)))
    }
}

/// The column of a number that fills its cell.
fn whole_cell(scene: &Scene<'_>, number: &Number) -> Option<(u32, u32)> {
    let (first, last) = (scene.reading.token(number.first as usize)?, scene.reading.token(number.last as usize)?);
    let segment = scene.reading.segment(first);
    let cell = scene.reading.text.cells.get(segment.cell? as usize)?;
    let fits = (last.end - first.start) as usize + 4 >= cell.range.len();
    (fits && (cell.row > 0 || !scene.is_headed(cell))).then_some((cell.table, cell.column))
}
