//! Names: the roster as an index over folded words, and the pupils whom a text names.
//!
//! A surname that stands beside a first name or initials of the same pupil is that pupil, in whatever
//! order and with whatever tussenvoegsels between. So the index holds pairs (first name, surname), not
//! written forms: a few small entries a pupil, built in linear time. A first name alone is only support.

mod build;
mod cells;
mod near;
mod search;
mod staff;
mod typo;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::detect::PupilKey;
use crate::detect::reading::{Reading, Token, word_hash};
use crate::detect::sieve::Sieve;
use crate::extract::Text;
use crate::roster::Roster;

use build::{Builder, day_of};
use near::Near;
use search::{Search, Taken};
pub use staff::Staff;

/// The form in which a pupil is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A first name alone.
    First,
    /// First name and the first letter of the surname: "Sanne B.".
    FirstAndLetter,
    /// Initials and surname.
    Initials,
    /// First name and surname, with one typing error.
    Typo,
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
    /// How many pupils would bear it if first names and surnames met by chance: what is common on the roster is common
    /// outside.
    pub chance: f32,
    /// What else there is to say.
    pub note: Option<Note>,
    /// A member of staff is called so.
    pub staff: bool,
}

/// What speaks for or against a name, beside its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Two initials or more, as the pupil's.
    SameInitials,
    /// Initials that the pupil has not.
    OtherInitials,
    /// The part taken for a typing error is another pupil's name.
    OtherName,
    /// The part taken for a typing error is an everyday word.
    OtherWord,
    /// A first name that is an everyday word, where any word has a capital.
    EverydayWord,
    /// Somebody else's surname follows the first name.
    Stranger,
}

/// The names of a school, ready to be found. `Debug` shows its size only.
pub struct NameIndex {
    words: Map<Word>,
    sieve: Sieve<SIEVE>,
    firsts: Vec<Sequence>,
    surnames: Vec<Sequence>,
    pairs: Map<Shared>,
    /// First letter and surname.
    initials: Map<Shared>,
    /// Two initials or more and surname: all of a pupil's, or the first of them.
    more_initials: Map<()>,
    /// First letter and surname of somebody whose other initials are not known.
    open_initials: Map<()>,
    letters: Map<Shared>,
    /// Second and third names.
    middle: Map<()>,
    near: Near,
    staff: Staff,
    /// How many pupils bear a surname.
    borne: Vec<u32>,
    particle_sets: Vec<Vec<String>>,
    particle_set: Vec<u16>,
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
    /// One of the names that are words too, in which lower case says nothing.
    word: bool,
    /// In the list of everyday words.
    everyday: bool,
}

#[derive(Clone, Copy)]
struct Shared {
    pupil: u32,
    count: u32,
}

/// Enough for the words of 50,000 pupils to keep out most other words.
const SIEVE: usize = 1 << 17;

impl NameIndex {
    /// Indexes a roster; linear in its pupils.
    pub fn new(roster: &Roster) -> Self {
        let mut builder = Builder::default();
        for (index, pupil) in roster.pupils().iter().enumerate() {
            builder.add(index as u32, pupil);
        }
        roster.staff.iter().for_each(|person| builder.add_staff(person));
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

    /// Whether a text has a word that is a pupil's first name or surname, whatever else it may mean.
    pub fn has_word_of(&self, text: &str) -> bool {
        let text = Text { text: text.to_owned(), ..Text::default() };
        let reading = Reading::new(&text);
        let mut words = reading.tokens.iter().filter(|token| !token.digits);
        words.any(|token| self.words.contains_key(&token.hash)) || self.genitives(&reading).next().is_some()
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
    /// `sender` is whoever writes: no pupil, whatever the name.
    pub(super) fn find(&self, reading: &Reading<'_>, sender: &Staff) -> Vec<NameHit> {
        let known =
            reading.tokens.iter().enumerate().filter(|(_, token)| !token.digits && self.sieve.may_hold(token.hash));
        let known: Vec<(usize, &Word)> =
            known.filter_map(|(index, token)| Some((index, self.words.get(&token.hash)?))).collect();
        let mut search = Search { index: self, reading, hits: Vec::new() };
        search.logins();
        for &(index, word) in &known {
            search.surname(index, word);
        }
        search.rows(&known);
        self.add_misspelt(&mut search, &known);
        search.hits.sort_by_key(|hit| (hit.first, std::cmp::Reverse(hit.form)));
        let mut named: Vec<(usize, &Word)> = known;
        named.extend(self.genitives(reading));
        named.sort_by_key(|&(index, _)| index);
        let mut taken = Taken::new(&search.hits);
        let firsts: Vec<NameHit> = named
            .iter()
            .filter_map(|&(index, word)| search.first_alone(index, word))
            .filter(|hit| taken.free(hit))
            .collect();
        let mut hits = search.hits;
        hits.extend(firsts);
        hits.retain_mut(|hit| {
            hit.staff = self.staff.bears(reading, hit) || sender.bears(reading, hit);
            // A colleague's name is no misspelt pupil's.
            !(hit.staff && hit.form == Form::Typo)
        });
        hits.sort_by_key(|hit| hit.first);
        hits
    }

    /// "Sannes boek": first names with an s that no other name has.
    fn genitives<'s>(&'s self, reading: &Reading<'_>) -> impl Iterator<Item = (usize, &'s Word)> {
        reading.tokens.iter().enumerate().filter(|(_, token)| token.capital && token.len() > 3).filter_map(
            |(at, token)| {
                let [name @ .., b's' | b'S'] = reading.bytes(token) else { return None };
                let word = self.words.get(&word_hash(name)).filter(|_| !self.words.contains_key(&token.hash))?;
                Some((at, word))
            },
        )
    }

    /// Adds the misspelt names, where no well-spelt one stands.
    fn add_misspelt(&self, search: &mut Search<'_, '_>, known: &[(usize, &Word)]) {
        search.hits.sort_by_key(|hit| hit.first);
        let certain = std::mem::take(&mut search.hits);
        let mut taken = Taken::new(&certain);
        for &(index, word) in known.iter().take(MOST_TRIED) {
            if taken.free_at(index as u32) {
                search.misspelt(index, word);
            }
        }
        let mut misspelt = std::mem::replace(&mut search.hits, certain);
        misspelt.sort_by_key(|hit| (hit.first, std::cmp::Reverse(hit.last)));
        let mut until = 0;
        misspelt.retain(|hit| {
            let free = hit.first >= until && search::taken_free(&search.hits, hit);
            if free {
                until = hit.last + 1;
            }
            free
        });
        search.hits.extend(misspelt);
    }

    fn chance(&self, first: u32, surname: u32) -> f32 {
        let alone = self.alone.get(first as usize).map_or(0, |shared| shared.count);
        self.expected(alone, surname)
    }

    /// How many of so many pupils would have a surname by chance.
    fn expected(&self, pupils: u32, surname: u32) -> f32 {
        let borne = self.borne.get(surname as usize).copied().unwrap_or_default();
        pupils as f32 * borne as f32 / self.keys.len().max(1) as f32
    }

    fn particles_of(&self, pupil: u32) -> &[String] {
        let set = self.particle_set.get(pupil as usize).and_then(|&set| self.particle_sets.get(usize::from(set)));
        set.map_or(&[], Vec::as_slice)
    }

    fn particle(&self, token: &Token) -> bool {
        // "V. Bakker" is an initial, "v. Bakker" a particle.
        token.len() <= 6 && (token.len() > 1 || !token.capital) && self.particles.contains_key(&token.hash)
    }
}

/// So many words of a text are tried as the right half of a misspelt name: a text with more words that are names is a list
/// of names, whatever is misspelt in it, and each try looks at all names that are near.
const MOST_TRIED: usize = 10_000;

fn pair(a: u32, b: u32) -> u64 {
    (u64::from(a) << 32) | u64::from(b)
}

/// A login name without its dots and the digits behind it.
fn login_hash(local: &str) -> u64 {
    let letters: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    let name = letters.trim_end_matches(|c: char| c.is_ascii_digit());
    word_hash(if name.is_empty() { &letters } else { name }.as_bytes())
}
