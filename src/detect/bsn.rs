//! BSN and onderwijsnummer: which of the numbers is one, by its digits, its words, its row and its column.

use crate::detect::columns::Columns;
use crate::detect::finding::Zone;
use crate::detect::numbers::{Number, is_bsn, is_education_number, is_published};
use crate::detect::reading::Token;
use crate::detect::rule::Check;
use crate::detect::rules::Rules;
use crate::detect::scene::{Message, Near, Scene, about};
use crate::detect::score::Score;
use crate::detect::words::Role;
use crate::detect::zone::Zones;
use crate::extract::Spot;

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
    pub const NAMED: f32 = 1.5;
    pub const SHORT: f32 = 3.0;
}

/// The numbers of a text that can be a BSN (or onderwijsnummer), each with its score.
pub fn scored(
    scene: &Scene<'_>,
    rules: &Rules,
    message: Message,
    zones: &Zones<'_>,
    numbers: &[Number],
    check: Check,
) -> Vec<(Number, Score)> {
    let Some((rule, _)) = rules.with_check(check) else { return Vec::new() };
    let passes = if check == Check::Bsn { is_bsn } else { is_education_number };
    if !numbers.iter().any(|number| passes(&number.digits)) {
        return Vec::new();
    }
    let columns = Columns::new(scene, numbers);
    let short = short_answer(scene, zones, numbers, rule);
    let around = Around { scene, message, columns, short };
    let possible = numbers.iter().filter(|number| passes(&number.digits) && !number.odd.other);
    let in_order = possible.filter_map(|number| Some((*number, around.score(number, rule)?)));
    in_order.collect()
}

/// What surrounds the numbers of a text.
struct Around<'s, 'a> {
    scene: &'s Scene<'a>,
    message: Message,
    columns: Columns,
    /// The first token of the only number of a short answer.
    short: Option<u32>,
}

impl Around<'_, '_> {
    fn score(&self, number: &Number, rule: u16) -> Option<Score> {
        let scene = self.scene;
        let mut score = Score::new("any number of this length", weight::PRIOR);
        let segment = scene.reading.segment(scene.reading.token(number.first as usize)?);
        let near = scene.about(number.first);
        let mut said = Score::default();
        let words = words(scene, &mut said, number, rule);
        // A list has no header that would hold against it what its own words say.
        let column = self.columns.weight(scene, number);
        let column = column.filter(|_| words != Words::For || !self.columns.is_listed(number));
        match column {
            Some((name, weight)) => score.add(name, weight),
            None => score.add("elfproef", weight::ELFPROEF),
        }
        score.and(said);
        if words == Words::Missing && column.is_none_or(|(_, weight)| weight > 0.0) {
            let header = scene.header(segment);
            if header.contains(&Role::Context(rule)) {
                score.add("its column is headed by a word for it", weight::HEADER);
            } else if header.contains(&Role::Against(rule)) {
                score.add("its column is headed by a word for another number", weight::AGAINST);
            } else if number.written == 9 {
                self.bare(&mut score, number, near, column.is_some());
            }
        }
        if near & about::PUPIL != 0 {
            score.add("a pupil in the same sentence or row", weight::PUPIL);
        } else {
            score.when(near & about::FIRST != 0, "a first name in the same sentence or row", weight::FIRST);
        }
        oddities(scene, &mut score, number, words == Words::For);
        Some(score)
    }

    /// Nine digits of which no word says what they are.
    fn bare(&self, score: &mut Score, number: &Number, near: u16, column: bool) {
        if (self.message.about | self.scene.whole) & about::BSN != 0 {
            score.add("the message speaks of a BSN", weight::ASKED_FOR);
            score.when(alone(self.scene, number), "it stands alone, as an answer does", weight::ALONE);
        } else {
            score.when(near & about::NAMED != 0 && !column, "and nothing says what else it is", weight::NAMED);
        }
        score.when(
            self.short == Some(number.first) && !column,
            "a short answer that is mostly this number",
            weight::SHORT,
        );
    }
}

/// The only number of a text that says little else: "Dit is hem: ..". A subject is one when it is nothing but a number,
/// and the mail names a pupil.
fn short_answer(scene: &Scene<'_>, zones: &Zones<'_>, numbers: &[Number], rule: u16) -> Option<u32> {
    let mine = |token: &Token| {
        let start = token.start as usize;
        matches!(zones.at(scene.reading.folded.origin(start..start).start), Zone::New)
    };
    let most = match scene.reading.text.place.spot {
        Spot::Text | Spot::Html => SHORTEST_MAIL,
        Spot::Subject => 0,
        _ => return None,
    };
    let end = scene.reading.tokens.iter().take_while(|token| mine(token)).take(2 * SHORTEST_MAIL).count();
    let own = numbers.iter().take_while(|number| (number.last as usize) < end);
    let mut long = own.filter(|number| number.written == 9 && !number.odd.longer && !number.odd.grouping);
    let (only, None) = (long.next()?, long.next()) else { return None };
    let digits = scene.reading.tokens.iter().take(end).filter(|token| token.digits).count();
    let other_digits = digits != (only.last - only.first + 1) as usize;
    let against = scene.words.iter().any(|word| (word.first as usize) < end && word.role == Role::Against(rule));
    let words = end - digits;
    (words <= most && !other_digits && !against).then_some(only.first)
}

/// An answer of more words says something of its own.
const SHORTEST_MAIL: usize = 12;

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
    let near = scene.about(number.first);
    let explained = is_published(&number.digits) && near & about::ASKED != 0 && near & about::PUPIL == 0;
    score.when(explained, "an example in an explanation", weight::EXPLAINED);
    score.when(is_published(&number.digits), "a published example", weight::PUBLISHED);
}

/// Whether nothing else stands in the number's sentence or line.
fn alone(scene: &Scene<'_>, number: &Number) -> bool {
    let segment = |at: u32| scene.reading.token(at as usize).map(|token| token.segment);
    let here = segment(number.first);
    number.first.checked_sub(1).and_then(segment) != here && segment(number.last + 1) != here
}
