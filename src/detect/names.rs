//! Names: the roster as an index over folded words, and the pupils whom a text names.
//!
//! A surname that stands beside a first name or initials of the same pupil is that pupil, in whatever
//! order and with whatever tussenvoegsels between. So the index holds pairs (first name, surname), not
//! written forms: a few small entries a pupil, built in linear time. A first name alone is only support.

mod build;
mod search;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::detect::PupilKey;
use crate::detect::reading::{Reading, Token, word_hash};
use crate::roster::Roster;

use build::{Builder, day_of};
use search::{Search, Taken};

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

fn pair(a: u32, b: u32) -> u64 {
    (u64::from(a) << 32) | u64::from(b)
}

/// A login name without its dots and the digits behind it.
fn login_hash(local: &str) -> u64 {
    let letters: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    let name = letters.trim_end_matches(|c: char| c.is_ascii_digit());
    word_hash(if name.is_empty() { &letters } else { name }.as_bytes())
}
