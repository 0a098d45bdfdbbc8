//! Other numbers: IBAN, phone, postcode, birth date, student number, ECK iD, and patterns near a word.
//!
//! The numbers are found from the digits on, in one pass over those; a pattern is tried only in a short
//! window after one of its context words.

use std::collections::HashSet;
use std::ops::Range;

use crate::detect::names::{Form, NameIndex};
use crate::detect::reading::{Token, gap};
use crate::detect::rule::Check;
use crate::detect::rules::{Rule, Rules};
use crate::detect::scene::{Near, Scene, about};
use crate::detect::score::Score;
use crate::detect::words::Role;

mod written;

/// A finding in the folded text.
pub struct Mark<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// Where, in the folded text.
    pub range: Range<usize>,
    /// Its first token.
    pub token: u32,
    /// How sure.
    pub score: Score,
    /// The pupil, when the roster knows the number.
    pub pupil: Option<u32>,
}

/// Bytes after a context word in which a pattern is tried.
const WINDOW: usize = 80;
/// Bytes between a date and the word behind it that calls it a birth date.
const BEHIND: u32 = 12;
/// Words before a date that make it a bound: no birth date, though somebody was born before it.
const BOUNDS: [&[u8]; 17] = [
    b"voor",
    b"na",
    b"tussen",
    b"en",
    b"vanaf",
    b"tot",
    b"met",
    b"m",
    b"uiterlijk",
    b"sinds",
    b"per",
    b"before",
    b"after",
    b"between",
    b"until",
    b"by",
    b"since",
];
/// What the names of Dutch streets end in.
const STREETS: [&[u8]; 13] = [
    b"straat",
    b"straatje",
    b"laan",
    b"weg",
    b"plein",
    b"hof",
    b"kade",
    b"dijk",
    b"pad",
    b"gracht",
    b"singel",
    b"dreef",
    b"plantsoen",
];
/// "Hof 3" may be anything.
const SHORTEST_STREET: usize = 6;

/// All marks of a text, in no particular order.
pub fn scored<'r>(scene: &Scene<'_>, rules: &'r Rules, names: Option<&NameIndex>) -> Vec<Mark<'r>> {
    let mut finder = Finder { scene, rules, names, marks: Vec::new(), houses: Vec::new(), iban_until: 0 };
    scene.reading.digits.iter().for_each(|&at| finder.number(at as usize));
    finder.eck_ids();
    finder.patterns();
    finder.houses_without_postcode();
    finder.marks
}

struct Finder<'s, 'a, 'r> {
    scene: &'s Scene<'a>,
    rules: &'r Rules,
    names: Option<&'s NameIndex>,
    marks: Vec<Mark<'r>>,
    /// Streets with a number: the token of the number, and where.
    houses: Vec<(usize, Range<u32>)>,
    iban_until: u32,
}

impl Finder<'_, '_, '_> {
    /// What these digits are, with the word before them: `NL91 ..`, "May 3, 2014".
    fn number(&mut self, at: usize) {
        let reading = &self.scene.reading;
        let Some(token) = reading.token(at) else { return };
        if let Some((before, word)) = at.checked_sub(1).and_then(|before| Some((before, reading.token(before)?))) {
            match word.len() {
                _ if word.digits => {}
                2 if matches!(reading.bytes(word), b"NL" | b"nl" | b"Nl") => self.iban(before, word),
                3..=9 if word.capital => _ = self.date(before, word),
                _ => {}
            }
        }
        if token.start < self.iban_until {
            return;
        }
        match token.len() {
            1..=2 if self.date(at, token) => {}
            4 if self.date(at, token) || self.postcode(at, token) => {}
            8 if self.date(at, token) => {}
            1..=4 if self.house(at, token) => {}
            _ => self.phone(at, token),
        }
        if (4..=7).contains(&token.len()) {
            self.student_number(at, token);
        }
    }

    fn push(&mut self, check: Check, at: usize, range: Range<u32>, why: &'static str, weight: f32, pupil: Option<u32>) {
        let Some((_, rule)) = self.rules.with_check(check) else { return };
        let score = Score::new(why, weight);
        let range = range.start as usize..range.end as usize;
        self.marks.push(Mark { rule, range, token: at as u32, score, pupil });
    }

    /// ISO 13616: NL, two check digits, four letters, ten digits; modulo 97 is 1.
    fn iban(&mut self, at: usize, token: &Token) {
        let bytes = self.scene.reading.folded.text.as_bytes();
        let mut signs = Vec::with_capacity(18);
        let mut end = token.start as usize;
        while signs.len() < 18 {
            match bytes.get(end) {
                Some(byte) if byte.is_ascii_alphanumeric() => signs.push(byte.to_ascii_uppercase()),
                Some(b' ' | b'.' | b'-')
                    if end > token.start as usize && bytes.get(end - 1).is_some_and(u8::is_ascii_alphanumeric) => {}
                _ => return,
            }
            end += 1;
        }
        let (Some(check), Some(bank), Some(account)) = (signs.get(2..4), signs.get(4..8), signs.get(8..)) else {
            return;
        };
        let shaped = check.iter().chain(account).all(u8::is_ascii_digit) && bank.iter().all(u8::is_ascii_alphabetic);
        let rest = bank.iter().chain(account).chain(b"NL").chain(check);
        let modulo = rest.fold(0u64, |sum, &sign| match sign {
            b'0'..=b'9' => (sum * 10 + u64::from(sign - b'0')) % 97,
            letter => (sum * 100 + u64::from(letter - b'A') + 10) % 97,
        });
        let ends = !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
        if shaped && modulo == 1 && ends {
            self.iban_until = end as u32;
            self.push(Check::Iban, at, token.start..end as u32, "an IBAN whose check digits are right", 6.0, None);
        }
    }

    /// Where the name of their issuer stands, there may be one behind it.
    fn eck_ids(&mut self) {
        let reading = &self.scene.reading;
        if reading.digits.is_empty() {
            return;
        }
        for start in memchr::memmem::find_iter(reading.folded.text.as_bytes(), b"ketenid") {
            let at = reading.tokens.partition_point(|token| (token.start as usize) < start);
            if let Some(token) = reading.token(at).filter(|token| token.start as usize == start && token.len() == 7) {
                self.eck_id(at, token);
            }
        }
    }

    fn eck_id(&mut self, at: usize, token: &Token) {
        let text = self.scene.reading.folded.text.as_bytes();
        let start = (token.start as usize).saturating_sub(8);
        let start =
            if text.get(start..token.start as usize) == Some(b"https://") { start } else { token.start as usize };
        let slashes =
            text.get(start..).unwrap_or_default().iter().take(200).position(|byte| byte.is_ascii_whitespace());
        let end = slashes.map_or((start + 200).min(text.len()), |length| start + length);
        let address = text.get(start..end).unwrap_or_default();
        let hex = address.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let digits = hex.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits == 128 {
            let end = (end - hex.len() + digits) as u32;
            self.push(Check::EckId, at, start as u32..end, "an ECK iD", 6.0, None);
        }
    }

    fn postcode(&mut self, at: usize, token: &Token) -> bool {
        let reading = &self.scene.reading;
        let Some(letters) = reading.token(at + 1) else { return false };
        let word = reading.bytes(letters);
        let shaped = !letters.digits
            && letters.upper
            && word.len() == 2
            && letters.gap & !(gap::SPACE | gap::LINE | gap::QUOTE) == 0;
        let real = reading.bytes(token).first() != Some(&b'0') && ![&b"SA"[..], b"SD", b"SS"].contains(&word);
        let apart = at == 0 || token.gap != 0;
        if shaped && real && apart {
            self.push(Check::Postcode, at, token.start..letters.end, "a postcode", 3.0, None);
        }
        shaped && real && apart
    }

    /// The number of a house in a street, where a pupil is named: "Merwedestraat 61", "Burg. van Dijklaan 31".
    fn house(&mut self, at: usize, token: &Token) -> bool {
        let reading = &self.scene.reading;
        let Some(street) = at.checked_sub(1).and_then(|before| reading.token(before)) else { return false };
        let word = reading.bytes(street);
        let ends = |end: &&[u8]| {
            let start = word.len().checked_sub(end.len()).and_then(|start| word.get(start..));
            start.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        };
        let is_street = !street.digits
            && street.capital
            && reading.bytes(token).first() != Some(&b'0')
            && token.gap == gap::SPACE
            && word.len() >= SHORTEST_STREET
            && STREETS.iter().any(ends);
        let lives = is_street && self.scene.about(at as u32) & (about::PUPIL | about::FIRST) != 0;
        if lives {
            self.houses.push((at, street.start..token.end));
        }
        lives
    }

    /// A street tells where somebody lives when no postcode beside it does so better.
    fn houses_without_postcode(&mut self) {
        if self.houses.is_empty() {
            return;
        }
        let place = |at: usize| {
            let token = self.scene.reading.token(at)?;
            Some(self.scene.reading.segment(token).row.map_or((false, token.segment), |row| (true, row)))
        };
        let postcodes: HashSet<_> = self
            .marks
            .iter()
            .filter(|mark| mark.rule.check == Check::Postcode)
            .filter_map(|mark| place(mark.token as usize))
            .collect();
        let mut houses = std::mem::take(&mut self.houses);
        houses.retain(|(at, _)| place(*at).is_some_and(|place| !postcodes.contains(&place)));
        for (at, range) in houses {
            self.push(Check::Postcode, at, range, "a street with a number, beside a pupil", 2.0, None);
        }
    }

    /// Ten digits from 0, or nine after +31.
    fn phone(&mut self, at: usize, token: &Token) {
        let reading = &self.scene.reading;
        let bytes = reading.bytes(token);
        let plus = reading.byte_before(token.start) == Some(b'+') && bytes.starts_with(b"31");
        let abroad = plus || bytes.starts_with(b"0031");
        let glued = at > 0 && token.gap == 0;
        if glued || !(abroad || bytes.first() == Some(&b'0')) {
            return;
        }
        let mut digits: Vec<u8> = bytes.to_vec();
        let mut last = at;
        let wanted = |digits: &[u8]| match (plus, abroad, digits.get(2), digits.get(4)) {
            (true, _, Some(b'0'), _) => 12,
            (true, ..) => 11,
            (_, true, _, Some(b'0')) => 14,
            (_, true, ..) => 13,
            _ => 10,
        };
        while digits.len() < wanted(&digits) && last - at < 9 {
            let Some(next) = reading.token(last + 1) else { return };
            let apart = gap::SPACE | gap::HYPHEN | gap::DOT | gap::SLASH | gap::BRACKET;
            if !next.digits || next.gap & !apart != 0 {
                return;
            }
            digits.extend(reading.bytes(next));
            last += 1;
        }
        let joined = reading
            .token(last + 1)
            .is_some_and(|next| next.digits && next.gap & !(gap::HYPHEN | gap::DOT | gap::SLASH) == 0);
        let before = at.checked_sub(1).and_then(|before| reading.token(before));
        let part =
            before.is_some_and(|before| before.digits && token.gap & !(gap::HYPHEN | gap::DOT | gap::SLASH) == 0);
        let national = digits.get(digits.len().saturating_sub(9)..).unwrap_or_default();
        if digits.len() == wanted(&digits) && !joined && !part && national.first() != Some(&b'0') {
            let start = token.start - u32::from(plus);
            let bracket = u32::from(reading.byte_before(start) == Some(b'('));
            let Some(end) = reading.token(last).map(|token| token.end) else { return };
            self.push(Check::Phone, at, start - bracket..end, "a phone number", 3.0, None);
        }
    }

    /// A date that a word calls a birth date, or that is the birth date of a pupil named in the text.
    fn date(&mut self, at: usize, token: &Token) -> bool {
        let Some(date) = written::date(&self.scene.reading, at, token) else { return false };
        let reading = &self.scene.reading;
        let (Some(last), Some(year)) = (reading.token(date.last), reading.token(date.year)) else { return false };
        let Some((rule, _)) = self.rules.with_check(Check::BirthDate) else { return true };
        let range = token.start..last.end;
        let living = self.may_be_born_in(reading.bytes(year));
        if let Some(weight) = self.named(at, rule).or(self.named_behind((at, date.last), rule)).filter(|_| living) {
            self.push(Check::BirthDate, at, range, "a date called a birth date", weight, None);
        } else if let Some(pupil) = self.born(range.clone()) {
            self.push(Check::BirthDate, at, range, "the birth date of a pupil named here", 3.0, Some(pupil));
        } else if date.loose {
            let row =
                token.len() == 8 && self.scene.in_row(at as u32) && self.scene.about(at as u32) & about::PUPIL != 0;
            if row && living {
                self.push(Check::BirthDate, at, range, "a date in the row of a pupil", 1.5, None);
            }
            return row;
        }
        true
    }

    /// "op 3 mei 2014 geboren", and not "voor 1 oktober 2021 geboren", which is anybody.
    fn named_behind(&self, (first, last): (usize, usize), rule: u16) -> Option<f32> {
        let mine = |role: Role| role == Role::Context(rule) || role == Role::Against(rule);
        let near = self.scene.right(last as u32, mine)?;
        let before = first.checked_sub(1).and_then(|before| self.scene.reading.token(before));
        let bounds =
            |word: &&[u8]| before.is_some_and(|before| word.eq_ignore_ascii_case(self.scene.reading.bytes(before)));
        (near.role == Role::Context(rule) && near.distance <= BEHIND && !BOUNDS.iter().any(bounds)).then_some(2.0)
    }

    /// Whether a pupil, a parent or staff may have been born in this year: not before [`LIVING`], which is history, nor in the
    /// last years, in which parties and trips are. Two digits tell nothing.
    fn may_be_born_in(&self, year: &[u8]) -> bool {
        let year = year.get(..4).and_then(|year| std::str::from_utf8(year).ok()?.parse::<u16>().ok());
        let today = self.rules.today().year();
        year.is_none_or(|year| year >= LIVING && (today == 0 || year + YOUNGEST <= today))
    }

    fn born(&self, range: Range<u32>) -> Option<u32> {
        let names = self.names?;
        let date = self.scene.reading.folded.text.get(range.start as usize..range.end as usize)?;
        let pupils = names.born_on(date);
        if pupils.is_empty() {
            return None;
        }
        let named: HashSet<u32> =
            self.scene.names.iter().filter(|hit| hit.form != Form::First).map(|hit| hit.pupil).take(2_000).collect();
        pupils.iter().copied().find(|pupil| named.contains(pupil))
    }

    /// The weight of a context word or column header for a number, when one stands there.
    fn named(&self, at: usize, rule: u16) -> Option<f32> {
        let mine = |role: Role| role == Role::Context(rule) || role == Role::Against(rule);
        match self.scene.left(at as u32, mine) {
            Some(near) if near.role == Role::Context(rule) && near.distance <= 40 && self.first_after(near, at) => {
                return Some(3.0);
            }
            Some(near) if near.role == Role::Against(rule) => return None,
            _ => {}
        }
        let segment = self.scene.reading.segment(self.scene.reading.token(at)?);
        self.scene.header(segment).contains(&Role::Context(rule)).then_some(3.0)
    }

    /// Whether no other number of four digits or more stands between a word and a number.
    fn first_after(&self, near: Near, at: usize) -> bool {
        let from = self.scene.reading.token(at).map_or(0, |token| token.start.saturating_sub(near.distance));
        let between = self
            .scene
            .reading
            .tokens
            .get(..at)
            .unwrap_or_default()
            .iter()
            .rev()
            .take_while(|token| token.start >= from);
        between.filter(|token| token.digits && token.len() >= 4).count() == 0
    }

    fn student_number(&mut self, at: usize, token: &Token) {
        let Some((rule, _)) = self.rules.with_check(Check::StudentNumber) else { return };
        let pupil = self.names.and_then(|names| names.by_number(self.scene.reading.bytes(token)));
        let named = self.named(at, rule);
        let near = self.scene.about(at as u32) & about::PUPIL != 0;
        let glued = at > 0 && matches!(token.gap, 0 | gap::SLASH);
        if named.is_some() && !glued {
            self.push(Check::StudentNumber, at, token.start..token.end, "a number called a student number", 3.0, pupil);
        } else if pupil.is_some() && near && token.len() >= 5 && !glued {
            self.push(
                Check::StudentNumber,
                at,
                token.start..token.end,
                "the number of a pupil, beside a pupil",
                1.5,
                pupil,
            );
        }
    }

    fn patterns(&mut self) {
        let reading = &self.scene.reading;
        let mut until = 0;
        for word in &self.scene.words {
            let Role::Context(index) = word.role else { continue };
            let Some(rule) = self.rules.rule(index).filter(|rule| rule.check == Check::Pattern) else { continue };
            let (Some(pattern), Some(last)) = (&rule.pattern, reading.token(word.last as usize)) else { continue };
            let start = (last.end as usize).max(until);
            let mut end = (last.end as usize + WINDOW).min(reading.folded.text.len());
            while !reading.folded.text.is_char_boundary(end) {
                end -= 1;
            }
            let Some(window) = reading.folded.text.get(start..end) else { continue };
            let against = |role: Role| role == Role::Against(index);
            let warned = self.scene.left(word.first, against).or(self.scene.right(word.last, against)).is_some();
            for found in pattern.captures_iter(window) {
                // Only what the group takes in is the thing itself, where the pattern has one.
                let Some(found) = found.get(1).or(found.get(0)) else { continue };
                let range = start + found.start()..start + found.end();
                until = range.end;
                let mut score = Score::new("its pattern after a word for it", 3.0);
                score.when(warned, "a word for something else near", -4.0);
                self.marks.push(Mark { rule, range, token: word.last, score, pupil: None });
            }
        }
    }
}

/// The year of birth of the oldest who still have to do with a school.
const LIVING: u16 = 1935;
/// Years of age of the youngest, at least.
const YOUNGEST: u16 = 2;
