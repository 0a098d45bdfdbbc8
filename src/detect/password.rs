//! Passwords and codes: what is told after a word for one, or stands under it in a column, by how it looks.
//!
//! "Wachtwoord vergeten?" and "kies een sterk wachtwoord" tell none. Linear in the text, and never fails.

use std::collections::HashSet;

use crate::detect::everyday::is_everyday;
use crate::detect::marks::Mark;
use crate::detect::names::{Form, NameHit};
use crate::detect::reading::gap;
use crate::detect::rule::Check;
use crate::detect::rules::{Rule, Rules};
use crate::detect::scene::{Scene, about};
use crate::detect::score::Score;
use crate::detect::words::Role;

/// The weights, in log-odds.
mod weight {
    pub const PRIOR: f32 = -2.5;
    pub const COLON: f32 = 2.5;
    pub const IS: f32 = 1.0;
    pub const HEADED: f32 = 3.0;
    pub const LISTED: f32 = 1.0;
    pub const DIGIT: f32 = 2.0;
    pub const SIGN: f32 = 1.0;
    pub const CAPITAL: f32 = 1.0;
    pub const ALONE: f32 = 1.0;
    pub const LETTERS: f32 = -1.0;
    pub const WORD: f32 = -1.5;
    pub const AGAINST: f32 = -4.0;
    pub const GENERIC: f32 = -2.0;
}

/// Bytes after a word for a password in which it is told.
const WINDOW: usize = 120;
/// Bytes between that word and the colon: "wachtwoord van de laptop op zolder:".
const TELLING: usize = 60;
/// Shorter is no password, longer is none that anybody types.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=64;

/// Every password that a text tells.
pub fn scored<'r>(scene: &Scene<'_>, rules: &'r Rules) -> Vec<Mark<'r>> {
    let mut marks = Vec::new();
    let mut until = 0;
    for word in &scene.words {
        let Role::Context(index) = word.role else { continue };
        let Some(rule) = rules.rule(index).filter(|rule| rule.check == Check::Password) else { continue };
        let Some(last) = scene.reading.token(word.last as usize) else { continue };
        let end = last.end as usize;
        if end < until {
            continue;
        }
        let Some(told) = told(window(&scene.reading.folded.text, end)) else { continue };
        let mut score = Score::new("after a word for a password", weight::PRIOR);
        match told.how {
            How::Colon => score.add("told after a colon", weight::COLON),
            How::Is => score.add("told", weight::IS),
            How::Beside => {}
        }
        looks(&mut score, told.value);
        score.when(told.alone, "it ends the line", weight::ALONE);
        let against = scene.right(word.last, |role| role == Role::Against(index)).is_some();
        score.when(against, "a word for something else near", weight::AGAINST);
        score.when(scene.about(word.first) & about::GENERIC != 0, "said of nobody in particular", weight::GENERIC);
        let start = end + told.at;
        until = start + told.value.len();
        marks.push(Mark { rule, range: start..until, token: word.last, score, pupil: None });
    }
    headed(scene, rules, &mut marks);
    listed(scene, rules, &mut marks);
    marks
}

/// What stands behind a pupil's name on its line and looks like a password, in a text that speaks of accounts.
fn listed<'r>(scene: &Scene<'_>, rules: &'r Rules, marks: &mut Vec<Mark<'r>>) {
    let accounts = |index: u16| rules.rule(index).filter(|rule| rule.check == Check::Accounts);
    let spoken_of = scene.words.iter().find_map(|word| match word.role {
        Role::Context(index) => accounts(index),
        _ => None,
    });
    // Login names speak for themselves.
    let apart = gap::SPACE | gap::LINE | gap::BLANK | gap::CELL;
    let joined = |gap: u16| gap & gap::DOT != 0 && gap & apart == 0;
    let token = |at: u32| scene.reading.token(at as usize);
    let dotted = |name: &&NameHit| {
        let first = token(name.first).is_some_and(|first| first.len() > 1);
        let address = token(name.last + 1).is_some_and(|next| next.gap & gap::AT != 0);
        first && !address && token(name.last).is_some_and(|last| joined(last.gap))
    };
    let logins = || scene.names.iter().filter(dotted).nth(LEAST_LOGINS - 1);
    let certain = spoken_of.is_some();
    let spoken_of = spoken_of.or_else(|| logins().and(rules.with_check(Check::Accounts)).map(|(_, rule)| rule));
    let Some(rule) = spoken_of else { return };
    let text = &*scene.reading.folded.text;
    let known: HashSet<usize> = marks.iter().map(|mark| mark.range.start).collect();
    let (mut found, mut lines, mut until) = (Vec::new(), 0, 0);
    for name in scene.names.iter().filter(|name| name.form != Form::First) {
        let Some(token) = scene.reading.token(name.last as usize) else { continue };
        let start = token.end as usize;
        if start < until {
            continue;
        }
        let line = text.get(start..).unwrap_or_default();
        let line = line.split('\n').next().unwrap_or_default();
        until = start + line.len();
        let (mut at, before) = (start, found.len());
        for cell in line.split([' ', '\t', ';', '|', ',']) {
            let around = ['.', ':', '(', ')', '"', '\''];
            let word = cell.trim_matches(around);
            let begins = at + cell.len() - cell.trim_start_matches(around).len();
            if is_made_up(word) && !known.contains(&begins) {
                let mut score =
                    Score::new("behind a pupil's name, in a list of accounts", weight::PRIOR + weight::LISTED);
                looks(&mut score, word);
                let range = begins..begins + word.len();
                found.push(Mark { rule, range, token: name.last, score, pupil: None });
            }
            at += cell.len() + 1;
        }
        lines += usize::from(found.len() > before);
    }
    // "Office365" stands behind a name once; a list has lines. "Chromebook-014", "Chromebook-015" are a series.
    let start = |mark: &Mark<'_>| text.get(mark.range.start..mark.range.start + SERIES).map(str::to_lowercase);
    let series = found.first().is_some_and(|first| found.iter().all(|one| start(one) == start(first)));
    if lines >= LEAST_LINES && (certain || !series) {
        marks.extend(found);
    }
}

/// So many lines are a list.
const LEAST_LINES: usize = 2;
/// What begins with as many letters alike is numbered.
const SERIES: usize = 3;
/// So many login names are a list of accounts, whatever it is called.
const LEAST_LOGINS: usize = 3;

/// Letters, digits and a sign or a capital, as people are told to make a password; no address, time or sum.
fn is_made_up(word: &str) -> bool {
    let has = |what: fn(&u8) -> bool| word.as_bytes().iter().any(what);
    let sign = |byte: &u8| b"!?#$%&*+=_-".contains(byte);
    // "4-daagse", "10-jarige"
    let counted = word.trim_start_matches(|sign: char| sign.is_ascii_digit());
    MADE_UP.contains(&word.len())
        && (counted.len() == word.len() || !counted.starts_with('-'))
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || sign(&byte))
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && (word.bytes().any(|byte| sign(&byte)) || has(u8::is_ascii_uppercase))
}

/// A list has no longer ones; shorter are groups and rooms.
const MADE_UP: std::ops::RangeInclusive<usize> = 6..=24;

/// The cells under a header that is a word for a password.
fn headed<'r>(scene: &Scene<'_>, rules: &'r Rules, marks: &mut Vec<Mark<'r>>) {
    for cell in scene.cells() {
        let rule = |role: &Role| match role {
            Role::Context(index) => rules.rule(*index).filter(|rule: &&Rule| rule.check == Check::Password),
            _ => None,
        };
        let Some(rule) = scene.header(cell.segment).iter().find_map(rule) else { continue };
        let Some(value) = scene.reading.folded.text.get(cell.range.clone()).filter(|value| is_told(value)) else {
            continue;
        };
        let mut score = Score::new("a cell", weight::PRIOR);
        score.add("its column is headed so", weight::HEADED);
        looks(&mut score, value);
        marks.push(Mark { rule, range: cell.range, token: cell.token, score, pupil: None });
    }
}

struct Told<'t> {
    at: usize,
    value: &'t str,
    how: How,
    alone: bool,
}

enum How {
    Colon,
    Is,
    Beside,
}

/// What is told after ":", "=", "is" or nothing at all, up to the next space.
fn told(after: &str) -> Option<Told<'_>> {
    let line = after.find("\n\n").and_then(|end| after.get(..end)).unwrap_or(after);
    let ends = line.find(['.', '?', '!', ';', ',']).unwrap_or(line.len());
    let telling = line.get(..ends.min(TELLING)).unwrap_or(line);
    let colon = line.find([':', '=', '\t']).filter(|at| *at <= ends.min(TELLING));
    let is = TELLS.iter().filter_map(|word| Some(telling.find(word)? + word.len())).min();
    let (mut at, how) = match (colon, is) {
        (Some(colon), is) if is.is_none_or(|is| colon <= is + 2) => (colon + 1, How::Colon),
        (_, Some(is)) => (is, How::Is),
        (Some(colon), None) => (colon + 1, How::Colon),
        (None, None) if after.starts_with(' ') => (0, How::Beside),
        (None, None) => return None,
    };
    let rest = line.get(at..)?;
    let before = |sign: char| sign.is_whitespace() || "\"'`*_:=".contains(sign);
    at += rest.find(|sign| !before(sign))?;
    let rest = line.get(at..)?;
    let (value, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
    let value = value.trim_end_matches(['.', ',', ';', ':', '?', '"', '\'', '`', ')', '*']);
    let alone = after.trim_start_matches([' ', '\t', '.']).chars().next().is_none_or(|next| next == '\n');
    is_told(value).then_some(Told { at, value, how, alone })
}

/// The words between a password and what it is, with the spaces around them.
const TELLS: [&str; 5] = [" is ", " wordt ", " luidt ", " blijft ", " is:"];

/// Whether it could be one at all: no dots to fill in, no placeholder, no address.
fn is_told(value: &str) -> bool {
    let first = value.chars().next().unwrap_or_default();
    LENGTHS.contains(&value.len())
        && value.chars().any(|sign| sign != first && sign.is_alphanumeric())
        && !"<[{%$(".contains(first)
        && !["http", "www.", "mailto"]
            .iter()
            .any(|start| value.get(..start.len()).is_some_and(|v| v.eq_ignore_ascii_case(start)))
}

fn looks(score: &mut Score, value: &str) {
    let letters = value.chars().all(char::is_alphabetic);
    score.when(value.chars().any(|sign| sign.is_ascii_digit()), "it has a digit", weight::DIGIT);
    score.when(value.chars().any(|sign| !sign.is_alphanumeric()), "it has a sign", weight::SIGN);
    let mixed = value.chars().any(char::is_uppercase) && value.chars().any(char::is_lowercase);
    score.when(mixed, "it has capitals and small letters", weight::CAPITAL);
    score.when(letters && !mixed, "it has letters only", weight::LETTERS);
    score.when(letters && is_everyday(value), "an everyday word", weight::WORD);
}

fn window(text: &str, from: usize) -> &str {
    let mut end = (from + WINDOW).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(from..end).unwrap_or_default()
}
