//! Names: the roster as an index over folded words, and the pupils whom a text names.
//!
//! A surname that stands beside a first name or initials of the same pupil is that pupil, in whatever
//! order and with whatever tussenvoegsels between. So the index holds pairs (first name, surname), not
//! written forms: a few small entries a pupil, built in linear time. A first name alone is only support.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::detect::PupilKey;
use crate::detect::fold::fold;
use crate::detect::reading::{Reading, Token, gap, word_hash};
use crate::roster::{PARTICLES, Pupil, Roster};

/// The form in which a pupil is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A first name alone.
    First,
    /// First name and the first letter of the surname: "Sanne B.".
    FirstAndLetter,
    /// Initials and surname.
    Initials,
    /// First name and surname.
    Full,
    /// First name and surname in different cells of one row.
    Cells,
    /// The local part of a mail address or login name.
    Login,
}

/// A pupil named in a text.
#[derive(Debug, Clone, Copy)]
pub struct NameHit {
    /// First token.
    pub first: u32,
    /// Last token.
    pub last: u32,
    /// How.
    pub form: Form,
    /// The pupil (one of them, when several share the form), as an index into the roster.
    pub pupil: u32,
    /// How many pupils share the form.
    pub shared: u32,
}

/// The names of a school, ready to be found. `Debug` shows its size only.
pub struct NameIndex {
    words: Map<Word>,
    sieve: Vec<u64>,
    firsts: Vec<Sequence>,
    surnames: Vec<Sequence>,
    pairs: Map<Shared>,
    initials: Map<Shared>,
    letters: Map<Shared>,
    logins: Map<u32>,
    particles: Map<()>,
    alone: Vec<Shared>,
    keys: Vec<PupilKey>,
    numbers: Map<u32>,
    births: Map<Vec<u32>>,
}

impl std::fmt::Debug for NameIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NameIndex({} pupils)", self.keys.len())
    }
}

type Map<V> = HashMap<u64, V, BuildHasherDefault<Mixer>>;

/// Keys are hashes already; they are only spread.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = word_hash(bytes);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = (key ^ (key >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// What begins with a word: first names and surnames, as indexes.
#[derive(Default)]
struct Word {
    firsts: Vec<u32>,
    surnames: Vec<u32>,
}

/// A name of one or more words; its first word is in `words`.
struct Sequence {
    rest: Vec<u64>,
    letter: u8,
    /// Also an everyday word, so lower case says nothing.
    word: bool,
}

#[derive(Clone, Copy)]
struct Shared {
    pupil: u32,
    count: u32,
}

const SIEVE_BITS: u64 = 1 << 17;
/// First name, up to so many middle names or initials, surname.
const MIDDLE_NAMES: usize = 3;
/// "van den", "in 't", "uit den", "van der".
const MOST_PARTICLES: usize = 4;

impl NameIndex {
    /// Indexes a roster; linear in its pupils.
    pub fn new(roster: &Roster) -> Self {
        let mut builder = Builder::default();
        for (index, pupil) in roster.pupils().iter().enumerate() {
            builder.add(index as u32, pupil);
        }
        builder.finish()
    }

    /// How many pupils it knows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// A pupil's key.
    pub fn key(&self, pupil: u32) -> Option<PupilKey> {
        self.keys.get(pupil as usize).cloned()
    }

    /// The pupil with a student number.
    pub(super) fn by_number(&self, number: &[u8]) -> Option<u32> {
        self.numbers.get(&word_hash(number)).copied()
    }

    /// The pupils born on a date, as written in any of the usual ways.
    pub(super) fn born_on(&self, date: &str) -> &[u32] {
        day_of(date).and_then(|day| self.births.get(&day)).map_or(&[], Vec::as_slice)
    }

    /// The pupils that a text names, in text order.
    pub(super) fn find(&self, reading: &Reading<'_>) -> Vec<NameHit> {
        let known = reading.tokens.iter().enumerate().filter(|(_, token)| !token.digits && self.may_know(token.hash));
        let known: Vec<(usize, &Word)> =
            known.filter_map(|(index, token)| Some((index, self.words.get(&token.hash)?))).collect();
        let mut search = Search { index: self, reading, hits: Vec::new() };
        search.logins();
        for &(index, word) in &known {
            search.surname(index, word);
        }
        search.rows(&known);
        search.hits.sort_by_key(|hit| (hit.first, std::cmp::Reverse(hit.form)));
        let mut taken = Taken::new(&search.hits);
        let firsts: Vec<NameHit> = known
            .iter()
            .filter_map(|&(index, word)| search.first_alone(index, word))
            .filter(|hit| taken.free(hit))
            .collect();
        let mut hits = search.hits;
        hits.extend(firsts);
        hits.sort_by_key(|hit| hit.first);
        hits
    }

    fn may_know(&self, hash: u64) -> bool {
        let bit = sieve_bit(hash);
        self.sieve.get((bit / 64) as usize).is_some_and(|bits| bits >> (bit % 64) & 1 == 1)
    }

    fn particle(&self, token: &Token) -> bool {
        // "V. Bakker" is an initial, "v. Bakker" a particle.
        token.len() <= 6 && (token.len() > 1 || !token.capital) && self.particles.contains_key(&token.hash)
    }
}

fn sieve_bit(hash: u64) -> u64 {
    (hash ^ (hash >> 29)) % SIEVE_BITS
}

/// Walks along the hits with the tokens, to see which tokens a longer name has used.
struct Taken<'h> {
    hits: std::iter::Peekable<std::slice::Iter<'h, NameHit>>,
    until: u32,
}

impl<'h> Taken<'h> {
    fn new(hits: &'h [NameHit]) -> Self {
        Self { hits: hits.iter().peekable(), until: 0 }
    }

    fn free(&mut self, hit: &NameHit) -> bool {
        while let Some(next) = self.hits.next_if(|next| next.first <= hit.last) {
            self.until = self.until.max(next.last + 1);
        }
        hit.first >= self.until
    }
}

struct Search<'s, 'r> {
    index: &'s NameIndex,
    reading: &'s Reading<'r>,
    hits: Vec<NameHit>,
}

impl Search<'_, '_> {
    /// Tries every surname that begins at a token, the longest first, with what stands before and after.
    fn surname(&mut self, at: usize, word: &Word) {
        for &surname in &word.surnames {
            let Some(end) = self.sequence_end(at, self.index.surnames.get(surname as usize)) else { continue };
            let found = self.before(at, end, surname).or_else(|| self.after(at, end, surname));
            if let Some(hit) = found {
                self.hits.push(hit);
                return;
            }
        }
    }

    /// The last token of a name whose first word is at a token; particles inside it may be skipped.
    fn sequence_end(&self, at: usize, sequence: Option<&Sequence>) -> Option<usize> {
        let mut end = at;
        for &hash in &sequence?.rest {
            let mut next = end + 1;
            while self.joined(next, false)
                && self.reading.token(next).is_some_and(|t| t.hash != hash && self.index.particle(t))
            {
                next += 1;
            }
            if !self.joined(next, false) || self.reading.token(next)?.hash != hash {
                return None;
            }
            end = next;
        }
        Some(end)
    }

    /// Whether a token belongs with the one before it.
    fn joined(&self, at: usize, comma: bool) -> bool {
        let Some(token) = self.reading.token(at) else { return false };
        let mut barred = gap::BLANK | gap::END | gap::COLON | gap::OTHER | gap::AT | gap::SLASH | gap::BRACKET;
        if !comma {
            barred |= gap::COMMA;
        }
        // v/d Berg
        if token.gap & gap::SLASH != 0 && token.len() == 1 {
            barred &= !gap::SLASH;
        }
        let cells = token.gap & gap::CELL != 0 && token.gap & gap::LINE == 0;
        let segment = token.gap & gap::SEGMENT != 0 && !(cells && self.same_row(at));
        token.gap & barred == 0 && !segment && token.gap != 0
    }

    fn same_row(&self, at: usize) -> bool {
        let row = |at| self.reading.token(at).map(|token| self.reading.segment(token).row);
        at > 0 && row(at) == row(at - 1)
    }

    fn before(&self, at: usize, end: usize, surname: u32) -> Option<NameHit> {
        let mut start = at;
        let mut skipped = 0;
        while skipped < MOST_PARTICLES && self.joined(start, false) {
            match start.checked_sub(1).and_then(|before| self.reading.token(before)) {
                Some(token) if self.index.particle(token) => start -= 1,
                _ => break,
            }
            skipped += 1;
        }
        if let Some(hit) = self.first_before(start, end, surname) {
            return Some(hit);
        }
        // "Ben" and "Al" are names as well as particles.
        (skipped > 0).then(|| self.first_before(at, end, surname)).flatten()
    }

    fn first_before(&self, start: usize, end: usize, surname: u32) -> Option<NameHit> {
        let mut at = start;
        for _ in 0..=MIDDLE_NAMES {
            if !self.joined(at, false) {
                break;
            }
            let before = at.checked_sub(1)?;
            if let Some((first, shared, named)) = self.pair_ending_at(before, surname) {
                return self.hit(first, end, Form::Full, shared, named && self.surname_is_word(surname));
            }
            let token = self.reading.token(before)?;
            if !token.capital && self.reading.token(start)?.capital {
                break;
            }
            at = before;
        }
        self.initials_before(start, end, surname)
    }

    fn surname_is_word(&self, surname: u32) -> bool {
        self.index.surnames.get(surname as usize).is_some_and(|name| name.word)
    }

    /// A first name that ends at a token and has this surname: its first token, who, and whether it is a lower-case word.
    fn pair_ending_at(&self, at: usize, surname: u32) -> Option<(usize, Shared, bool)> {
        (0..3).find_map(|back| self.pair_at(at.checked_sub(back)?, at, surname))
    }

    fn pair_at(&self, from: usize, to: usize, surname: u32) -> Option<(usize, Shared, bool)> {
        let token = self.reading.token(from)?;
        let word = self.index.words.get(&token.hash)?;
        word.firsts.iter().find_map(|&first| {
            let name = self.index.firsts.get(first as usize)?;
            let end = self.sequence_end(from, Some(name))?;
            let shared = self.index.pairs.get(&pair(first, surname))?;
            (end == to).then_some((from, *shared, name.word && !token.capital))
        })
    }

    /// "S.M.J. van den Berg", "SMJ van den Berg": the leftmost letter is the first initial.
    fn initials_before(&self, start: usize, end: usize, surname: u32) -> Option<NameHit> {
        let mut at = start;
        while at > 0 && start - at < 5 && self.joined(at, false) && self.initial(at - 1) {
            at -= 1;
            if self.reading.token(at)?.len() > 1 {
                break;
            }
        }
        if at == start {
            return None;
        }
        self.initials_hit(at, at, end, surname)
    }

    fn initial(&self, at: usize) -> bool {
        self.reading
            .token(at)
            .is_some_and(|t| !t.digits && t.upper && t.len() <= 3 && (t.len() == 1 || !self.index.particle(t)))
    }

    fn initials_hit(&self, letters: usize, first: usize, last: usize, surname: u32) -> Option<NameHit> {
        let letter = self.reading.bytes(self.reading.token(letters)?).first()?.to_ascii_lowercase();
        let shared = *self.index.initials.get(&pair(u32::from(letter), surname))?;
        let surname = self.reading.tokens.get(first..=last)?.iter().any(|token| token.len() > 1 && token.capital);
        if surname { self.hit(first, last, Form::Initials, shared, false) } else { None }
    }

    /// "Berg, Sanne van den", "van den Berg Sanne", "Berg, van den, Sanne", "Berg SM van den".
    fn after(&self, at: usize, end: usize, surname: u32) -> Option<NameHit> {
        let mut next = end + 1;
        let mut skipped = 0;
        while skipped < MOST_PARTICLES && self.joined(next, true) && self.index.particle(self.reading.token(next)?) {
            if self.pair_at(next, next, surname).is_some() {
                break;
            }
            next += 1;
            skipped += 1;
        }
        if !self.joined(next, true) {
            return None;
        }
        let start = self.particles_before(at);
        for to in next..next + 3 {
            if let Some((_, shared, lower)) = self.pair_at(next, to, surname) {
                let last = self.particles_after(to);
                return self.hit(start, last, Form::Full, shared, lower);
            }
        }
        let comma = self.reading.token(next)?.gap & (gap::COMMA | gap::CELL) != 0;
        let dotted = self.reading.byte_at(self.reading.token(next)?.end) == Some(b'.');
        if self.initial(next) && (comma || dotted || self.reading.token(next)?.len() > 1) {
            let mut last = next;
            while last - next < 5 && self.joined(last + 1, false) && self.initial(last + 1) {
                last += 1;
            }
            let last = self.particles_after(last);
            return self.initials_hit(next, start, last, surname);
        }
        None
    }

    fn particles_before(&self, mut at: usize) -> usize {
        let from = at;
        while from - at < MOST_PARTICLES
            && self.joined(at, false)
            && at
                .checked_sub(1)
                .and_then(|before| self.reading.token(before))
                .is_some_and(|token| self.index.particle(token))
        {
            at -= 1;
        }
        at
    }

    fn particles_after(&self, mut at: usize) -> usize {
        let from = at;
        while at - from < MOST_PARTICLES
            && self.joined(at + 1, false)
            && self.reading.token(at + 1).is_some_and(|token| self.index.particle(token) && !token.capital)
            && self.reading.token(at + 1).is_some_and(|token| token.gap & gap::LINE == 0)
        {
            at += 1;
        }
        at
    }

    fn hit(&self, first: usize, last: usize, form: Form, shared: Shared, lower_word: bool) -> Option<NameHit> {
        let capital = self.reading.tokens.get(first..=last)?.iter().any(|token| token.capital);
        (!lower_word || capital).then_some(NameHit {
            first: first as u32,
            last: last as u32,
            form,
            pupil: shared.pupil,
            shared: shared.count,
        })
    }

    /// First name and surname in other cells of the same row, with cells between.
    fn rows(&mut self, known: &[(usize, &Word)]) {
        if self.reading.rows == 0 {
            return;
        }
        let row = |index: usize| self.reading.token(index).and_then(|token| self.reading.segment(token).row);
        let mut found = Vec::new();
        for group in known.chunk_by(|a, b| row(a.0).is_some() && row(a.0) == row(b.0)) {
            // A row of more names than this is running text in a cell.
            if group.len() < 2 || group.len() > 24 {
                continue;
            }
            for &(at, word) in group {
                found.extend(self.surname_cell(at, word, group));
            }
        }
        self.hits.sort_by_key(|hit| hit.first);
        let fresh: Vec<NameHit> = found.into_iter().filter(|hit| taken_free(&self.hits, hit)).collect();
        self.hits.extend(fresh);
    }

    fn surname_cell(&self, at: usize, word: &Word, group: &[(usize, &Word)]) -> Option<NameHit> {
        if self.in_address(at) {
            return None;
        }
        word.surnames.iter().find_map(|&surname| {
            let end = self.sequence_end(at, self.index.surnames.get(surname as usize))?;
            let shared = group.iter().filter(|(other, _)| *other < at || *other > end).find_map(|&(other, word)| {
                let pairs = word.firsts.iter().filter_map(|&first| {
                    self.sequence_end(other, self.index.firsts.get(first as usize))?;
                    self.index.pairs.get(&pair(first, surname))
                });
                pairs.copied().next()
            })?;
            self.hit(self.particles_before(at), end, Form::Cells, shared, false)
        })
    }

    /// Whether a token is part of a mail address: `bakker62@`, `@bakker.example`.
    fn in_address(&self, at: usize) -> bool {
        let near = self.reading.tokens.get(at..).unwrap_or_default().iter().take(5);
        let ahead = near.skip(1).take_while(|token| token.gap & !(gap::DOT | gap::HYPHEN | gap::AT) == 0);
        ahead.into_iter().any(|token| token.gap & gap::AT != 0)
            || self.reading.token(at).is_some_and(|token| token.gap & gap::AT != 0)
    }

    /// Mail addresses and the like: `sanne.vandenberg@`, also with digits behind.
    fn logins(&mut self) {
        if self.index.logins.is_empty() {
            return;
        }
        for (at, token) in self.reading.tokens.iter().enumerate() {
            if token.gap != gap::AT || at == 0 {
                continue;
            }
            let mut first = at - 1;
            while first > 0 && at - first < 8 {
                let gap_before = self.reading.token(first).map_or(gap::OTHER, |token| token.gap);
                if gap_before & !(gap::DOT | gap::HYPHEN) != 0 {
                    break;
                }
                first -= 1;
            }
            let start = self.reading.token(first).map_or(0, |token| token.start as usize);
            let local = self.reading.folded.text.get(start..token.start as usize).unwrap_or_default();
            if let Some(&pupil) = self.index.logins.get(&login_hash(local)) {
                let (first, last) = (first as u32, at as u32 - 1);
                self.hits.push(NameHit { first, last, form: Form::Login, pupil, shared: 1 });
            }
        }
    }

    fn first_alone(&self, at: usize, word: &Word) -> Option<NameHit> {
        let token = self.reading.token(at)?;
        if !token.capital || token.len() < 2 {
            return None;
        }
        let (first, end) = word
            .firsts
            .iter()
            .find_map(|&first| self.sequence_end(at, self.index.firsts.get(first as usize)).map(|end| (first, end)))?;
        let shared = *self.index.alone.get(first as usize)?;
        let next =
            self.reading.token(end + 1).filter(|next| self.joined(end + 1, false) && next.len() == 1 && next.capital);
        if let Some(next) = next {
            let letter = self.reading.bytes(next).first()?.to_ascii_lowercase();
            let alone = self.reading.token(end + 2).is_none_or(|after| !after.capital || after.gap & gap::SEGMENT != 0);
            if let Some(&shared) = self.index.letters.get(&pair(first, u32::from(letter))).filter(|_| alone) {
                return self.hit(at, end + 1, Form::FirstAndLetter, shared, false);
            }
        }
        self.hit(at, end, Form::First, shared, false)
    }
}

fn taken_free(hits: &[NameHit], hit: &NameHit) -> bool {
    let next = hits.partition_point(|other| other.first <= hit.last);
    hits.get(next.saturating_sub(3)..next).unwrap_or_default().iter().all(|other| other.last < hit.first)
}

fn pair(a: u32, b: u32) -> u64 {
    (u64::from(a) << 32) | u64::from(b)
}

/// A login name without its dots and the digits behind it.
fn login_hash(local: &str) -> u64 {
    let letters: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    let name = letters.trim_end_matches(|c: char| c.is_ascii_digit());
    word_hash(if name.is_empty() { &letters } else { name }.as_bytes())
}

#[derive(Default)]
struct Builder {
    words: Map<Word>,
    firsts: Vec<Sequence>,
    surnames: Vec<Sequence>,
    first_ids: HashMap<Vec<u64>, u32>,
    surname_ids: HashMap<Vec<u64>, u32>,
    pairs: Map<Shared>,
    initials: Map<Shared>,
    letters: Map<Shared>,
    logins: Map<u32>,
    alone: Vec<Shared>,
    keys: Vec<PupilKey>,
    numbers: Map<u32>,
    births: Map<Vec<u32>>,
}

impl Builder {
    fn add(&mut self, index: u32, pupil: &Pupil) {
        self.keys.push(pupil.key());
        if (4..=7).contains(&pupil.number.len()) && pupil.number.bytes().all(|byte| byte.is_ascii_digit()) {
            self.numbers.insert(word_hash(pupil.number.as_bytes()), index);
        }
        if let Some(day) = day_of(&pupil.born) {
            self.births.entry(day).or_default().push(index);
        }
        let mut names: Vec<Vec<String>> = Vec::new();
        let formal = pupil.formal.split_whitespace().next().unwrap_or_default();
        for name in [pupil.first.as_str(), formal] {
            let name = words_of(name);
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        let firsts: Vec<u32> = names.iter().map(|name| self.first(name, index)).collect();
        let surnames: Vec<u32> = surname_forms(&pupil.surname).iter().map(|form| self.surname(form)).collect();
        for &surname in &surnames {
            for (&first, name) in firsts.iter().zip(&names) {
                share(&mut self.pairs, pair(first, surname), index);
                let letter = self.surnames.get(surname as usize).map_or(0, |surname| surname.letter);
                share(&mut self.letters, pair(first, u32::from(letter)), index);
                let initial = name.first().and_then(|word| word.bytes().next()).unwrap_or_default();
                share(&mut self.initials, pair(u32::from(initial), surname), index);
            }
        }
        for name in &names {
            self.login_forms(name, pupil, index);
        }
        if let Some((local, _)) = pupil.mail.split_once('@') {
            if local.contains(|c: char| c.is_alphabetic()) {
                self.logins.insert(login_hash(&fold(local)), index);
            }
        }
    }

    fn first(&mut self, name: &[String], pupil: u32) -> u32 {
        let hashes: Vec<u64> = name.iter().map(|word| word_hash(word.as_bytes())).collect();
        let next = self.firsts.len() as u32;
        let id = *self.first_ids.entry(hashes.clone()).or_insert(next);
        if id == next {
            let (Some(&start), Some(word)) = (hashes.first(), name.first()) else { return id };
            self.words.entry(start).or_default().firsts.push(id);
            let rest = hashes.get(1..).unwrap_or_default().to_vec();
            let letter = word.bytes().next().unwrap_or_default();
            self.firsts.push(Sequence { rest, letter, word: FIRST_WORDS.contains(&word.as_str()) });
            self.alone.push(Shared { pupil, count: 0 });
        }
        if let Some(shared) = self.alone.get_mut(id as usize) {
            shared.count += 1;
        }
        id
    }

    fn surname(&mut self, name: &[String]) -> u32 {
        let hashes: Vec<u64> = name.iter().map(|word| word_hash(word.as_bytes())).collect();
        let next = self.surnames.len() as u32;
        let id = *self.surname_ids.entry(hashes.clone()).or_insert(next);
        if id == next {
            let (Some(&start), Some(word)) = (hashes.first(), name.first()) else { return id };
            self.words.entry(start).or_default().surnames.push(id);
            let rest = hashes.get(1..).unwrap_or_default().to_vec();
            let letter = word.bytes().next().unwrap_or_default();
            self.surnames.push(Sequence { rest, letter, word: LAST_WORDS.contains(&word.as_str()) });
        }
        id
    }

    /// sannevandenberg, sanneberg, sannevdberg: enough of a name to be one. Initials are not.
    fn login_forms(&mut self, name: &[String], pupil: &Pupil, index: u32) {
        let first = name.concat();
        let surname = words_of(&pupil.surname).concat();
        let particles = words_of(&pupil.particle);
        let short: String = particles.iter().filter_map(|word| word.chars().next()).collect();
        if first.len() < 2 || surname.len() < 2 {
            return;
        }
        for particle in [String::new(), particles.concat(), short] {
            self.logins.entry(word_hash(format!("{first}{particle}{surname}").as_bytes())).or_insert(index);
            self.logins.entry(word_hash(format!("{particle}{surname}{first}").as_bytes())).or_insert(index);
        }
    }

    fn finish(mut self) -> NameIndex {
        let mut sieve = vec![0u64; (SIEVE_BITS / 64) as usize];
        for (&hash, word) in &mut self.words {
            let bit = sieve_bit(hash);
            if let Some(bits) = sieve.get_mut((bit / 64) as usize) {
                *bits |= 1 << (bit % 64);
            }
            let longest =
                |&id: &u32| std::cmp::Reverse(self.surnames.get(id as usize).map_or(0, |name| name.rest.len()));
            word.surnames.sort_by_key(longest);
            let longest = |&id: &u32| std::cmp::Reverse(self.firsts.get(id as usize).map_or(0, |name| name.rest.len()));
            word.firsts.sort_by_key(longest);
        }
        NameIndex {
            words: self.words,
            sieve,
            firsts: self.firsts,
            surnames: self.surnames,
            pairs: self.pairs,
            initials: self.initials,
            letters: self.letters,
            logins: self.logins,
            particles: PARTICLES
                .iter()
                .flat_map(|particle| words_of(particle))
                .map(|word| (word_hash(word.as_bytes()), ()))
                .collect(),
            alone: self.alone,
            keys: self.keys,
            numbers: self.numbers,
            births: self.births,
        }
    }
}

/// A date as one number, yyyymmdd: `2014-05-03`, `3-5-2014`, `03.05.14`, `3 mei 2014`.
fn day_of(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["jan", "feb", "m", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"];
    let mut pieces = date.split(|c: char| !c.is_alphanumeric()).filter(|piece| !piece.is_empty());
    let (a, b, c) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let (day, year) = if a.len() == 4 { (c, a) } else { (a, c) };
    let month = match b.parse::<u64>() {
        Ok(month) => month,
        Err(_) => {
            let b = b.to_lowercase();
            let at = MONTHS.iter().position(|month| *month != "m" && b.starts_with(month));
            1 + at.or((b.starts_with("ma") || b == "mrt").then_some(2))? as u64
        }
    };
    let year: u64 = year.parse().ok()?;
    let year = if year < 100 { year + 2000 } else { year };
    Some(year * 10_000 + month * 100 + day.get(..day.len().min(2))?.parse::<u64>().ok()?)
}

fn share(map: &mut Map<Shared>, key: u64, pupil: u32) {
    let shared = map.entry(key).or_insert(Shared { pupil, count: 0 });
    if shared.count == 0 || shared.pupil != pupil {
        shared.count += 1;
    }
}

fn words_of(name: &str) -> Vec<String> {
    let folded = fold(name).to_ascii_lowercase();
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The whole surname, and of a double one each half: "Jansen-de Wit" is also Jansen, and Wit.
fn surname_forms(surname: &str) -> Vec<Vec<String>> {
    let core = |text: &str| -> Vec<String> {
        let words = words_of(text);
        let bare: Vec<String> = words.iter().filter(|word| !PARTICLES.contains(&word.as_str())).cloned().collect();
        if bare.is_empty() { words } else { bare }
    };
    let mut forms = vec![core(surname)];
    let folded = fold(surname);
    for half in folded.split('-') {
        let half = core(half);
        if half.iter().map(String::len).sum::<usize>() > 2 && !forms.contains(&half) {
            forms.push(half);
        }
    }
    forms.retain(|form| !form.is_empty());
    forms
}

/// First names that are everyday words too: in lower case they name nobody.
const FIRST_WORDS: [&str; 34] = [
    "roos", "sterre", "bloem", "lente", "mei", "storm", "wolf", "vos", "sam", "daan", "rein", "hope", "faith", "lotus",
    "merel", "parel", "star", "sky", "river", "prins", "joy", "amber", "linde", "floor", "beau", "max", "robin",
    "iris", "jet", "guus", "moos", "tess", "wende", "bas",
];
/// Surnames that are everyday words too.
const LAST_WORDS: [&str; 52] = [
    "jong", "bakker", "visser", "smit", "kok", "boer", "prins", "koning", "vos", "mol", "haan", "berg", "bos", "maas",
    "winter", "zomer", "groen", "klein", "lang", "post", "berk", "zand", "zee", "kaas", "ham", "brood", "goed", "dood",
    "wit", "groot", "lange", "hart", "hof", "meer", "wal", "ven", "veld", "kamp", "broek", "horst", "roos", "bloem",
    "wolf", "blom", "dijk", "beek", "hoek", "steen", "brink", "kuiper", "jager", "molen",
];
