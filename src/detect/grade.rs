//! Marks of a pupil: a number after or before a word for it, one with a decimal beside a name in a list, and the cells
//! under a header of marks.
//!
//! Each needs a person: in the row, in the sentence, or in the sentence before with "hij" in this one. Linear in the
//! text, and never fails.

use crate::detect::marks::Mark;
use crate::detect::names::Form;
use crate::detect::reading::{Token, gap};
use crate::detect::rule::Check;
use crate::detect::rules::{Rule, Rules};
use crate::detect::scene::{Scene, about};
use crate::detect::score::Score;
use crate::detect::words::Role;

/// The weights, in log-odds.
mod weight {
    pub const PRIOR: f32 = -2.5;
    pub const HEADED: f32 = 2.5;
    pub const WORD: f32 = 2.0;
    pub const LISTED: f32 = 1.5;
    pub const PUPIL: f32 = 3.0;
    pub const FIRST: f32 = 2.0;
    pub const BEFORE: f32 = 1.0;
    pub const FACT: f32 = 0.5;
    pub const GENERIC: f32 = -4.0;
    pub const ASKED: f32 = -1.5;
}

/// A longer cell is no mark.
const LONGEST_CELL: usize = 16;
/// Words and numbers on a line between a pupil and a mark.
const COLUMNS: u32 = 40;
/// Bytes between a word and its mark.
const NEAR: u32 = 40;

/// Every mark of a text.
pub fn scored<'r>(scene: &Scene<'_>, rules: &'r Rules) -> Vec<Mark<'r>> {
    let mut marks = Vec::new();
    let Some((index, rule)) = rules.with_check(Check::Grade) else { return marks };
    let any = |role: Role| scene.words.iter().any(|word| word.role == role);
    let finder = Finder { scene, index, rule, spoken_of: any(Role::Term(index)) };
    finder.cells(&mut marks);
    if !scene.names.is_empty() || any(Role::Context(index)) {
        finder.sentences(&mut marks);
    }
    marks
}

struct Finder<'s, 'a, 'r> {
    scene: &'s Scene<'a>,
    index: u16,
    rule: &'r Rule,
    /// Whether a word that is about marks alone (a term of the rule) stands anywhere in the text.
    spoken_of: bool,
}

impl<'r> Finder<'_, '_, 'r> {
    fn cells(&self, marks: &mut Vec<Mark<'r>>) {
        for cell in self.scene.cells().filter(|cell| cell.range.len() <= LONGEST_CELL) {
            if !self.scene.header(cell.segment).contains(&Role::Context(self.index)) {
                continue;
            }
            let mut score = Score::new("a short cell", weight::PRIOR);
            score.add("its column is headed as marks", weight::HEADED);
            if self.person(&mut score, cell.token) {
                marks.push(Mark { rule: self.rule, range: cell.range, token: cell.token, score, pupil: None });
            }
        }
    }

    fn sentences(&self, marks: &mut Vec<Mark<'r>>) {
        for &first in &self.scene.reading.digits {
            let at = first as usize;
            let Some(token) = self.scene.reading.token(at) else { continue };
            let Some(last) = self.mark(at, token).map(|last| last as u32) else { continue };
            let mine = |role: Role| role == Role::Context(self.index) || role == Role::Against(self.index);
            let near = [self.scene.left(first, mine), self.scene.right(last, mine)];
            let nearest = near.into_iter().flatten().min_by_key(|near| near.distance);
            let worded = nearest.is_some_and(|near| near.role == Role::Context(self.index) && near.distance <= NEAR);
            let listed = self.is_behind_pupil(at, token, last) || nearest.is_none() && self.is_listed(token, last);
            if !worded && !listed {
                continue;
            }
            let Some(end) = self.scene.reading.token(last as usize).map(|token| token.end as usize) else { continue };
            let mut score = Score::new("a number from 1 to 10", weight::PRIOR);
            score.when(worded, "a word for marks near", weight::WORD);
            score.when(!worded, "alone, with a decimal, in a list", weight::LISTED);
            // A first name beside decimals of a sheet is no pupil yet: somebody has to be named, or the marks.
            let in_sheet = self.scene.reading.segment(token).cell.is_some();
            let named = worded || !in_sheet || self.scene.about(first) & about::PUPIL != 0;
            if named && self.person(&mut score, first) {
                let range = token.start as usize..end;
                marks.push(Mark { rule: self.rule, range, token: first, score, pupil: None });
            }
        }
    }

    /// The last token of "een 4", "een 6,5" or "7,3", when these digits are one.
    fn mark(&self, at: usize, token: &Token) -> Option<usize> {
        let reading = &self.scene.reading;
        let bytes = reading.bytes(token);
        let whole = bytes == b"10" || matches!(bytes, [b'1'..=b'9']);
        let tenths = reading.token(at + 1).filter(|next| next.digits && next.len() == 1);
        let tenths = tenths.filter(|next| matches!(next.gap, gap::COMMA | gap::DOT));
        let before = at.checked_sub(1).and_then(|before| reading.token(before));
        let counted = before.is_some_and(|before| {
            [&b"een"[..], b"n", b"a", b"an", b"cijfer"]
                .iter()
                .any(|word| reading.bytes(before).eq_ignore_ascii_case(word))
        });
        let apart = token.gap & !(gap::SPACE | gap::LINE | gap::QUOTE | gap::COLON | gap::CELL | gap::SEGMENT) == 0;
        match tenths {
            Some(next) if whole && apart && (counted || next.gap == gap::COMMA) => Some(at + 1),
            None if whole && apart && counted => Some(at),
            _ => None,
        }
    }

    /// Whether a number with a decimal stands alone in its cell, or between a colon and the end of its line.
    fn is_listed(&self, token: &Token, last: u32) -> bool {
        self.is_last(token, last) && token.gap & (gap::COLON | gap::CELL) != 0
    }

    /// Whether it stands right behind a pupil and ends the line, in a text that speaks of marks: "uitslag van de toets .. Merel
    /// J 4,1".
    fn is_behind_pupil(&self, at: usize, token: &Token, last: u32) -> bool {
        if !self.spoken_of || token.gap & !gap::SPACE != 0 || !self.is_last(token, last) {
            return false;
        }
        let names = &self.scene.names;
        let before = names.partition_point(|name| (name.last as usize) < at).checked_sub(1);
        let name = before.and_then(|before| names.get(before)).filter(|name| name.last as usize + 1 == at);
        name.is_some_and(|name| name.form != Form::First && !name.staff)
    }

    /// Whether a number has a decimal and nothing behind it.
    fn is_last(&self, token: &Token, last: u32) -> bool {
        let ends = gap::SEGMENT | gap::LINE | gap::BLANK | gap::CELL | gap::BRACKET;
        let decimal = self.scene.reading.token(last as usize).is_some_and(|last| last.start > token.start);
        let ended = self.scene.reading.token(last as usize + 1).is_none_or(|next| next.gap & ends != 0);
        decimal && ended
    }

    /// Whether a pupil stands before it on its line: in a text, the columns of a table are tabs or bars.
    fn named_on_line(&self, token: u32) -> bool {
        let names = &self.scene.names;
        let before = names.partition_point(|name| name.first < token).checked_sub(1).and_then(|at| names.get(at));
        let pupil = before.filter(|name| name.form != Form::First && !name.staff && name.note.is_none());
        let between = pupil
            .filter(|name| token.saturating_sub(name.last) <= COLUMNS)
            .and_then(|name| self.scene.reading.tokens.get(name.last as usize + 1..=token as usize));
        between.is_some_and(|tokens| tokens.iter().all(|token| token.gap & (gap::LINE | gap::BLANK) == 0))
    }

    /// Whether a cell begins with a number: a room and a subject have their columns too.
    fn is_number(&self, token: u32) -> bool {
        self.scene.reading.token(token as usize).is_some_and(|token| token.digits)
    }

    /// Whether somebody is there whose mark it is.
    fn person(&self, score: &mut Score, token: u32) -> bool {
        let here = self.scene.about(token);
        let persons = about::PUPIL | about::CHILD | about::FIRST;
        if here & (about::PUPIL | about::CHILD) != 0 || self.named_on_line(token) {
            score.add("a pupil in the same sentence, line or row", weight::PUPIL);
        } else if here & about::FIRST != 0 {
            score.add("a pupil's first name in the same sentence or row", weight::FIRST);
        } else if self.scene.is_of_listed(token) && self.is_number(token) && self.scene.whole & about::SCHOOL != 0 {
            score.add("somebody in the same row of a list of pupils", weight::FIRST);
        } else if here & about::PRONOUN != 0 && self.scene.about_before(token) & persons != 0 {
            score.add("a person in the sentence before", weight::BEFORE);
        } else {
            return false;
        }
        score.when(here & about::FACT != 0, "said as a fact", weight::FACT);
        score.when(here & about::GENERIC != 0, "said of nobody in particular", weight::GENERIC);
        score.when(here & about::ASKED != 0, "asked or supposed", weight::ASKED);
        true
    }
}
