//! The scene: one text with everything that was found in it, and what each sentence and row is about.
//!
//! The scores of all kinds look at the scene, in constant time a finding: which pupil stands in this
//! sentence or row, which words stand near, what the header of this column says.

use std::collections::HashMap;
use std::ops::Range;

use crate::detect::everyday::is_everyday_hash;
use crate::detect::names::{Form, NameHit, NameIndex, Note, Staff};
use crate::detect::reading::{Reading, Segment, Token, gap};
use crate::detect::rules::Rules;
use crate::detect::words::{Cue, Role, WordHit};
use crate::extract::Cell;

/// What a segment, row, paragraph or text is about, as bits.
pub mod about {
    /// A pupil in an identifying form.
    pub const PUPIL: u16 = 1;
    /// A pupil's first name.
    pub const FIRST: u16 = 2;
    /// "uw zoon".
    pub const CHILD: u16 = 4;
    /// "hij".
    pub const PRONOUN: u16 = 8;
    /// "heeft".
    pub const FACT: u16 = 16;
    /// "leerlingen met".
    pub const GENERIC: u16 = 32;
    /// A question or a supposition.
    pub const ASKED: u16 = 64;
    /// "juf".
    pub const STAFF: u16 = 128;
    /// "leerling", "groep".
    pub const SCHOOL: u16 = 256;
    /// "vacature".
    pub const PUBLIC: u16 = 512;
    /// A context word for a BSN.
    pub const BSN: u16 = 1024;
    /// "Beste ouders," on a line of its own.
    pub const SALUTATION: u16 = 2048;
    /// A pupil by first name and surname.
    pub const NAMED: u16 = 4096;
    /// "spreekbeurt".
    pub const TOPIC: u16 = 8192;
    /// Somebody in a list of people, on the roster or not.
    pub const LISTED: u16 = 16384;
    /// A pupil, however named.
    pub const PERSON: u16 = PUPIL | FIRST | NAMED;
}

/// What the whole message says, gathered from its texts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Message {
    /// What its texts are about, together.
    pub about: u16,
    /// What the subject is about.
    pub subject: u16,
}

/// One text with all that was found in it.
pub struct Scene<'a> {
    /// The text as read.
    pub reading: Reading<'a>,
    /// Its index among the texts.
    pub index: usize,
    /// Terms, context words and frames.
    pub words: Vec<WordHit>,
    /// Pupils.
    pub names: Vec<NameHit>,
    /// What each segment is about.
    pub segments: Vec<u16>,
    /// What each row is about.
    pub rows: Vec<u16>,
    /// What each paragraph is about.
    pub paragraphs: Vec<u16>,
    /// What the text is about.
    pub whole: u16,
    headers: HashMap<(u32, u32), Vec<Role>>,
}

/// A context word at a distance in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Near {
    /// What it is to the rule.
    pub role: Role,
    /// Bytes between it and the number.
    pub distance: u32,
}

/// A cell with something in it.
#[derive(Debug, Clone)]
pub struct Filled {
    /// Its segment.
    pub segment: Segment,
    /// Where, in the folded text.
    pub range: Range<usize>,
    /// Its first token.
    pub token: u32,
}

/// Further back than this nobody still means the same number.
const REACH: u32 = 120;
/// Over the border of a line or cell, a word reaches less far.
const REACH_OVER: u32 = 40;
/// Words between a talk and what it is about.
const TOPIC_REACH: u32 = 10;
/// What stands between a name and what is told of it, in a list.
const LISTS: u16 = gap::HYPHEN | gap::COLON | gap::COMMA | gap::BRACKET;
/// What stands between the two.
const ABOUT: [&[u8]; 4] = [b"over", b"about", b"on", b"van"];
/// Words before a term among which somebody may be named.
const STRANGER_REACH: u32 = 30;
/// Nobody has more initials.
const LONGEST_INITIALS: usize = 6;
/// Words looked at on one side.
const STEPS: usize = 24;

impl<'a> Scene<'a> {
    /// Finds all words and names of a text.
    pub fn new(index: usize, reading: Reading<'a>, rules: &Rules, names: Option<(&NameIndex, &Staff)>) -> Self {
        let words = rules.words().find(&reading);
        let names = names.map_or_else(Vec::new, |(names, sender)| names.find(&reading, sender));
        let paragraphs = reading.segments.last().map_or(1, |segment| segment.paragraph as usize + 1);
        let mut scene = Self {
            index,
            segments: vec![0; reading.segments.len()],
            rows: vec![0; reading.rows],
            paragraphs: vec![0; paragraphs],
            whole: 0,
            headers: HashMap::new(),
            reading,
            words,
            names,
        };
        scene.gather(rules);
        scene
    }

    fn gather(&mut self, rules: &Rules) {
        let bsn = rules.with_check(crate::detect::rule::Check::Bsn).map(|(index, _)| index);
        let mut marks: Vec<(u32, u16)> = Vec::with_capacity(self.words.len() + self.names.len());
        for word in &self.words {
            let bits = match word.role {
                Role::Cue(Cue::Pronoun | Cue::School) if self.initial_after(word) => about::CHILD,
                Role::Cue(Cue::Example) if self.begins_sentence(word.first) => 0,
                Role::Cue(cue) => bits_of(cue),
                Role::Context(rule) if Some(rule) == bsn => about::BSN,
                Role::Term(_) | Role::Context(_) | Role::Against(_) => 0,
            };
            marks.push((word.first, bits));
        }
        self.headers = headers(&self.reading, &self.words);
        if salutes(&self.reading) {
            self.whole |= about::SALUTATION;
        }
        marks.extend(self.name_marks(&[]));
        marks.extend(self.listed().map(|token| (token, about::LISTED)));
        for (token, bits) in marks {
            self.mark(token, bits);
        }
        for (index, segment) in self.reading.segments.iter().enumerate() {
            if let (true, Some(bits)) = (segment.question, self.segments.get_mut(index)) {
                *bits |= about::ASKED;
            }
        }
    }

    /// The names under a header of people: "Medewerker", "leerling".
    fn listed(&self) -> impl Iterator<Item = u32> + '_ {
        let people = Role::Cue(Cue::People);
        let any = self.headers.values().any(|roles| roles.contains(&people));
        let named = move |cell: &Filled| {
            let first = self.reading.token(cell.token as usize);
            first.is_some_and(|first| first.capital && !first.digits) && self.header(cell.segment).contains(&people)
        };
        self.cells().take_while(move |_| any).filter(named).map(|cell| cell.token)
    }

    /// Where names make a person known, apart from those that are nobody here (`false` at their index).
    fn name_marks(&self, somebody: &[bool]) -> Vec<(u32, u16)> {
        let mut marks = Vec::new();
        for (index, name) in self.names.iter().enumerate() {
            let other = somebody.get(index) == Some(&false)
                || name.staff
                || matches!(name.note, Some(Note::OtherInitials | Note::OtherName | Note::Stranger));
            if !other && !self.after_staff(name.first) {
                let bits = match name.form {
                    Form::First => about::FIRST,
                    Form::FirstAndLetter | Form::Initials => about::PUPIL,
                    Form::Typo | Form::Full | Form::Cells | Form::Login => about::PUPIL | about::NAMED,
                };
                marks.push((name.first, bits));
            }
        }
        marks
    }

    /// Forgets the people whose names are nobody's here (`false` at the index of the name).
    pub fn keep_people(&mut self, somebody: &[bool]) {
        let marks = self.name_marks(somebody);
        let forgotten = !about::PERSON;
        self.whole &= forgotten;
        for about in self.segments.iter_mut().chain(&mut self.rows).chain(&mut self.paragraphs) {
            *about &= forgotten;
        }
        for (token, bits) in marks {
            self.mark(token, bits);
        }
    }

    fn mark(&mut self, token: u32, bits: u16) {
        let Some(token) = self.reading.token(token as usize) else { return };
        let segment = self.reading.segment(token);
        self.whole |= bits;
        if let Some(about) = self.segments.get_mut(token.segment as usize) {
            *about |= bits;
        }
        if let Some(about) = segment.row.and_then(|row| self.rows.get_mut(row as usize)) {
            *about |= bits;
        }
        if let Some(about) = self.paragraphs.get_mut(segment.paragraph as usize) {
            *about |= bits;
        }
    }

    /// What the header of a segment's column says.
    pub fn header(&self, segment: Segment) -> &[Role] {
        let cell = segment.cell.and_then(|cell| self.reading.text.cells.get(cell as usize)).filter(|cell| cell.row > 0);
        cell.and_then(|cell| self.headers.get(&(cell.table, cell.column))).map_or(&[], Vec::as_slice)
    }

    /// Whether the first row of a cell's column holds a word that heads it.
    pub fn is_headed(&self, cell: &Cell) -> bool {
        self.headers.contains_key(&(cell.table, cell.column))
    }

    /// The cells of the tables that have a header, from their first word to their last.
    pub fn cells(&self) -> impl Iterator<Item = Filled> + '_ {
        let tokens = if self.headers.is_empty() { &[][..] } else { self.reading.tokens.as_slice() };
        let mut next = 0;
        tokens.chunk_by(|one, other| one.segment == other.segment).filter_map(move |run| {
            let token = next;
            next += run.len() as u32;
            let (first, last) = (run.first()?, run.last()?);
            let segment = self.reading.segment(first);
            segment.cell?;
            Some(Filled { segment, range: first.start as usize..last.end as usize, token })
        })
    }

    /// What a token's sentence or cell, and its row, are about.
    pub fn about(&self, token: u32) -> u16 {
        let Some(token) = self.reading.token(token as usize) else { return 0 };
        let row = self.reading.segment(token).row.and_then(|row| self.rows.get(row as usize));
        self.segments.get(token.segment as usize).copied().unwrap_or_default() | row.copied().unwrap_or_default()
    }

    /// Whether somebody of a list of people stands in another cell of a token's row: "Medewerker | Reden", and not "Naam |
    /// Telefoon" with an organisation under it.
    pub fn is_of_listed(&self, token: u32) -> bool {
        let Some(token) = self.reading.token(token as usize) else { return false };
        let row = self.reading.segment(token).row.and_then(|row| self.rows.get(row as usize));
        let own = self.segments.get(token.segment as usize).copied().unwrap_or_default();
        row.is_some_and(|row| row & about::LISTED != 0) && own & about::LISTED == 0
    }

    /// What the segment before a token's is about, in the same paragraph or list.
    pub fn about_before(&self, token: u32) -> u16 {
        let Some(token) = self.reading.token(token as usize) else { return 0 };
        let before = token.segment.checked_sub(1).map(|before| before as usize);
        let near = before
            .and_then(|before| self.reading.segments.get(before))
            .is_some_and(|before| self.reading.segment(token).paragraph - before.paragraph <= 1);
        before.filter(|_| near).and_then(|before| self.segments.get(before)).copied().unwrap_or_default()
    }

    /// What a token's paragraph is about.
    pub fn about_paragraph(&self, token: u32) -> u16 {
        let segment = self.reading.token(token as usize).map(|token| self.reading.segment(token).paragraph as usize);
        segment.and_then(|paragraph| self.paragraphs.get(paragraph)).copied().unwrap_or_default()
    }

    /// Whether the word before a name says that it is staff: "juf Roos", "Groeten, Daan".
    pub fn after_staff(&self, token: u32) -> bool {
        let from = self.words.partition_point(|word| word.first + 4 < token);
        let near = self.words.get(from..).unwrap_or_default().iter().take_while(|word| word.first < token);
        // "Beste Karin, Daan is ziek" is not addressed to Daan, nor is "Beste collega,\n\nDaan is ziek".
        let comma = self.reading.token(token as usize).is_some_and(|token| token.gap & gap::COMMA != 0);
        // "Groeten,\n\nDaan" is signed; "Beste ouders,\n\nDaan" begins a letter about Daan.
        let segment = |at: u32| self.reading.token(at as usize).map(|token| token.segment);
        near.filter(|word| word.last < token).any(|word| {
            let beside = token - word.last == 2 && segment(word.last) == segment(token) && !comma;
            match word.role {
                Role::Cue(Cue::Closing) => beside || token - word.last == 1,
                Role::Cue(Cue::Staff) => beside || token - word.last == 1 && !comma,
                _ => false,
            }
        })
    }

    /// Whether a term is where somebody works or studies: "werkte hiervoor in het ziekenhuis".
    pub fn at_work(&self, token: u32) -> bool {
        let from = self.words.partition_point(|word| word.first + 8 < token);
        let near = self.words.get(from..).unwrap_or_default().iter().take_while(|word| word.first < token);
        let segment = |at: u32| self.reading.token(at as usize).map(|token| token.segment);
        near.filter(|word| word.role == Role::Cue(Cue::Work) && word.last < token)
            .any(|word| token - word.last <= 4 && segment(word.last) == segment(token))
    }

    /// Whether a term is what a talk, a book or a play is about: "spreekbeurt over diabetes", and not "kreeg tijdens zijn
    /// spreekbeurt een aanval".
    pub fn is_topic(&self, token: u32) -> bool {
        self.cue_before(token, Cue::Topic).is_some_and(|topic| {
            let word = |at: u32| self.reading.token(at as usize);
            let is_about = |word: &Token| ABOUT.iter().any(|one| self.reading.bytes(word).eq_ignore_ascii_case(one));
            let joined = word(topic.last + 1).is_some_and(|next| is_about(next) || next.gap & gap::COLON != 0);
            (joined || word(topic.last).is_some_and(is_about)) && token - topic.last <= TOPIC_REACH
        })
    }

    /// Whether a word before a term in its sentence says that it is why: "extra tijd vanwege zijn dyslexie".
    pub fn is_cause(&self, token: u32) -> bool {
        self.cue_before(token, Cue::Cause).is_some()
    }

    /// The nearest such cue before a token in its sentence.
    fn cue_before(&self, token: u32, cue: Cue) -> Option<&WordHit> {
        let segment = |at: u32| self.reading.token(at as usize).map(|token| token.segment);
        let before = self.words.get(..self.words.partition_point(|word| word.first < token))?.iter().rev().take(STEPS);
        let mut near = before.take_while(|word| segment(word.first) == segment(token));
        near.find(|word| word.role == Role::Cue(cue) && word.last < token)
    }

    /// Whether somebody who is not on the roster is named before a term, in its sentence or the one before: by first name
    /// and surname, with something told of him ("Jeroen Wagenaar is opgenomen") or at the head of a line of a list
    /// ("Mirthe Wagenaar - dyslexie"), or by initials alone at the head of its line ("S.P. sondevoeding").
    pub fn names_stranger(&self, token: u32) -> bool {
        let Some(term) = self.reading.token(token as usize) else { return false };
        if self.initials_lead(term.segment) {
            return true;
        }
        let told = self.segments.get(term.segment as usize).is_some_and(|about| about & about::FACT != 0);
        let from = token.saturating_sub(STRANGER_REACH) as usize;
        let near = self.reading.tokens.get(from..token as usize).unwrap_or_default();
        let one = |at: usize| near.get(at).filter(|token| token.segment + 1 >= term.segment);
        let is_name = |token: &Token| token.capital && !token.upper && !token.digits && token.len() >= 3;
        let pair = |at: usize| {
            // The list of everyday words has none that are longer.
            let first = one(at).filter(|token| is_name(token) && token.len() <= 8 && !is_everyday_hash(token.hash));
            let mut next = at + 1;
            while next - at <= 3 && one(next).is_some_and(|token| !token.capital && token.len() <= 3) {
                next += 1;
            }
            let surname = one(next).filter(|token| is_name(token));
            let spaced = (at + 1..=next).all(|at| one(at).is_some_and(|token| token.gap & !gap::SPACE == 0));
            // "Mirthe Wagenaar - dyslexie", a line of a list.
            let leads = first.is_some_and(|first| first.gap & (gap::LINE | gap::BLANK) != 0)
                && self.reading.token(from + next + 1).is_some_and(|behind| behind.gap & LISTS != 0);
            first.is_some() && surname.is_some() && spaced && (told || leads)
        };
        (0..near.len()).any(pair)
    }

    /// Whether a segment begins with two initials or more, and no surname behind them.
    fn initials_lead(&self, segment: u32) -> bool {
        let at = self.reading.tokens.partition_point(|token| token.segment < segment);
        let mut line = self.reading.tokens.get(at..).unwrap_or_default().iter().take(LONGEST_INITIALS);
        let dot = |token: &Token| self.reading.folded.text.as_bytes().get(token.end as usize) == Some(&b'.');
        let initials = line.clone().take_while(|token| token.len() == 1 && token.upper && !token.digits && dot(token));
        let initials = initials.count();
        initials >= 2 && line.nth(initials).is_some_and(|next| !next.capital || next.gap & gap::CELL != 0)
    }

    /// Whether a word of this role stands in a term's sentence or row, or in the sentence before or after in its paragraph.
    pub fn beside(&self, term: &WordHit, wanted: Role) -> bool {
        let place = |word: &WordHit| {
            let token = self.reading.token(word.first as usize)?;
            Some((token.segment, self.reading.segment(token)))
        };
        let Some((at, here)) = place(term) else { return false };
        let fits = |word: &WordHit| {
            let apart = word.role == wanted && (word.last < term.first || word.first > term.last);
            apart
                && place(word).is_some_and(|(segment, there)| match here.row {
                    Some(row) => there.row == Some(row),
                    None => segment.abs_diff(at) <= 1 && there.paragraph == here.paragraph,
                })
        };
        let (before, after) = self.words.split_at(self.words.partition_point(|word| word.first < term.first));
        before.iter().rev().take(STEPS).any(&fits) || after.iter().take(STEPS).any(fits)
    }

    fn begins_sentence(&self, token: u32) -> bool {
        token == 0 || self.reading.token(token as usize).is_some_and(|token| token.gap & gap::SEGMENT != 0)
    }

    /// Whether the letter of a name stands after a word, which makes the person known at school: "moeder F.",
    /// "leerling M.K."
    fn initial_after(&self, word: &WordHit) -> bool {
        let Some(last) = self.reading.token(word.last as usize) else { return false };
        let initial = self.reading.token(word.last as usize + 1);
        let dot = |token: &Token| self.reading.folded.text.as_bytes().get(token.end as usize) == Some(&b'.');
        let spaced = |token: &Token| token.gap & !(gap::SPACE | gap::LINE | gap::QUOTE) == 0;
        // "ze S." is no person; "zoon S." is.
        last.len() >= 4
            && initial
                .is_some_and(|token| token.len() == 1 && token.upper && !token.digits && spaced(token) && dot(token))
    }

    /// Whether a token stands in a row of cells.
    pub fn in_row(&self, token: u32) -> bool {
        self.reading.token(token as usize).is_some_and(|token| self.reading.segment(token).row.is_some())
    }

    /// Whether a name stands alone on its line, with no pupil on the lines beside it and nothing that announces it.
    pub fn signs(&self, name: &NameHit) -> bool {
        let Some(token) = self.reading.token(name.first as usize) else { return false };
        let line = gap::LINE | gap::BLANK;
        let ends = self.reading.token(name.last as usize + 1).is_none_or(|next| next.gap & line != 0);
        let begins = token.gap & line != 0 && token.gap & (gap::COLON | gap::CELL | gap::HYPHEN | gap::OTHER) == 0;
        let at = token.segment as usize;
        let pupil =
            |at: Option<usize>| at.and_then(|at| self.segments.get(at)).is_some_and(|about| about & about::PUPIL != 0);
        let cell = self.reading.segment(token).cell.is_some();
        begins && ends && !cell && !pupil(at.checked_sub(1)) && !pupil(at.checked_add(1))
    }

    /// The nearest word to the left of a token that a rule looks for or is warned by.
    pub fn left(&self, token: u32, wanted: impl Fn(Role) -> bool) -> Option<Near> {
        let until = self.words.partition_point(|word| word.first < token);
        let here = self.reading.token(token as usize)?;
        let before = self.words.get(until.saturating_sub(STEPS)..until)?.iter().rev();
        before.filter(|word| wanted(word.role) && word.last < token).find_map(|word| {
            let end = self.reading.token(word.last as usize)?;
            let distance = here.start - end.end;
            let same = end.segment == here.segment;
            let (one, other) = (self.reading.segment(here), self.reading.segment(end));
            // Running text has no cells: a word on the line above speaks for what a line of cells begins with.
            let fits = one.row == other.row || one.cell.is_none() && other.cell.is_none();
            let near = here.segment - end.segment <= 1 && distance <= REACH_OVER && fits;
            (distance <= REACH && (same || near)).then_some(Near { role: word.role, distance })
        })
    }

    /// The nearest word to the right, in the same segment, with no other number between.
    pub fn right(&self, token: u32, wanted: impl Fn(Role) -> bool) -> Option<Near> {
        let from = self.words.partition_point(|word| word.first <= token);
        let here = self.reading.token(token as usize)?;
        let word = self.words.get(from..)?.iter().take(STEPS).find(|word| wanted(word.role))?;
        let start = self.reading.token(word.first as usize)?;
        let distance = start.start - here.end;
        let between = self.reading.tokens.get(token as usize + 1..word.first as usize)?;
        let near = start.segment == here.segment && distance <= REACH_OVER && !between.iter().any(|token| token.digits);
        near.then_some(Near { role: word.role, distance })
    }
}

/// "Beste ouders,", "Hoi Mei," near the start of a text, and then the end of the line.
fn salutes(reading: &Reading<'_>) -> bool {
    let begins = |at: usize, token: &Token| at == 0 || token.gap & (gap::SEGMENT | gap::LINE) != 0;
    let salutation = |token: &Token| SALUTATIONS.iter().any(|word| reading.bytes(token).eq_ignore_ascii_case(word));
    let near = reading.tokens.iter().enumerate().take(SALUTATION_NEAR);
    near.filter(|(at, token)| begins(*at, token) && salutation(token)).any(|(at, _)| {
        let mut after = reading.tokens.iter().skip(at + 1).take(SALUTATION_LONG);
        after.find(|next| next.gap & gap::COMMA != 0).is_some_and(|next| next.gap & gap::LINE != 0)
    })
}

/// A salutation stands among so many words from the start, below what a mail program puts over it.
const SALUTATION_NEAR: usize = 60;
/// "Beste ouders en verzorgers van groep 5,"
const SALUTATION_LONG: usize = 9;
const SALUTATIONS: [&[u8]; 12] = [
    b"beste",
    b"geachte",
    b"hoi",
    b"hallo",
    b"dag",
    b"lieve",
    b"hi",
    b"hey",
    b"dear",
    b"hello",
    b"goedemorgen",
    b"goedemiddag",
];

/// The words in the first row of each table, by column.
fn headers(reading: &Reading<'_>, words: &[WordHit]) -> HashMap<(u32, u32), Vec<Role>> {
    let mut headers: HashMap<(u32, u32), Vec<Role>> = HashMap::new();
    if reading.rows == 0 {
        return headers;
    }
    for word in words {
        let cell = reading.token(word.first as usize).and_then(|token| reading.segment(token).cell);
        let cell = cell.and_then(|cell| reading.text.cells.get(cell as usize)).filter(|cell| cell.row == 0);
        let Some(cell) = cell else { continue };
        let roles = headers.entry((cell.table, cell.column)).or_default();
        // Once each: a header of a megabyte is looked at for every cell below it.
        if !roles.contains(&word.role) {
            roles.push(word.role);
        }
    }
    headers
}

fn bits_of(cue: Cue) -> u16 {
    match cue {
        Cue::Child => about::CHILD,
        Cue::Pronoun => about::PRONOUN,
        Cue::Fact => about::FACT,
        Cue::Generic => about::GENERIC,
        Cue::Asked | Cue::Example => about::ASKED,
        Cue::Staff | Cue::Closing => about::STAFF,
        Cue::School => about::SCHOOL,
        Cue::Public => about::PUBLIC,
        Cue::Topic => about::TOPIC,
        Cue::Column | Cue::People | Cue::Work | Cue::Cause => 0,
    }
}
