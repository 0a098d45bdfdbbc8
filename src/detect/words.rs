//! Words: all terms, context words and frames of all rules, found in one pass over the tokens.
//!
//! A term is one or more words; `*` at its end takes in longer words (`dyslexie*`: dyslexieverklaring),
//! `*` at its start words that end in it (`*allergie`). Between the words of a term may stand spaces,
//! hyphens, dots, brackets, a line break and quote marks. A token is compared only with the terms that
//! share its first (or last) four letters, and only when it and the next one may be the first words of one, or when
//! it begins (or ends) as an open one does: so the pass is linear and seldom compares at all.

use crate::detect::fold::fold;
use crate::detect::reading::{Reading, Token, gap, word_hash};
use crate::detect::sieve::Sieve;

/// What a word means to a rule, or to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A term of the rule with this index.
    Term(u16),
    /// Speaks for a number of this rule.
    Context(u16),
    /// Speaks against a number of this rule.
    Against(u16),
    /// A frame ([`Cue`]).
    Cue(Cue),
}

/// What a sentence is about, apart from terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// "uw zoon": the recipient's child.
    Child,
    /// "hij", "haar": somebody named before.
    Pronoun,
    /// "heeft", "gebruikt": something is so.
    Fact,
    /// "leerlingen met", "week van": nobody in particular.
    Generic,
    /// "heeft uw kind", "bijvoorbeeld": asked or supposed, not told.
    Asked,
    /// "zoals": what follows is an example, unless the sentence begins with it ("Zoals besproken").
    Example,
    /// "juf", "meester": the name that follows is staff, but not behind a comma, where staff is written to.
    Staff,
    /// "Groeten,": whoever follows has written it.
    Closing,
    /// "diagnose", "bijzonderheden" over a column.
    Column,
    /// "medewerker", "leerling" over a column: who stands in it is somebody, on the roster or not.
    People,
    /// "leerling", "groep": school context for a name.
    School,
    /// "vacature", "nieuwsbrief", "protocol" in a subject: the whole mail is about nobody.
    Public,
    /// "werkte hiervoor in": where somebody works, and is no patient.
    Work,
    /// "spreekbeurt", "rolverdeling": what follows is what a talk, a book or a play is about.
    Topic,
    /// "vanwege": what follows is why, and not what it is about.
    Cause,
}

/// A word or phrase that was found.
#[derive(Debug, Clone, Copy)]
pub struct WordHit {
    /// Its first token.
    pub first: u32,
    /// Its last token.
    pub last: u32,
    /// What it means.
    pub role: Role,
}

#[derive(Debug)]
struct Entry {
    parts: Vec<Box<[u8]>>,
    open_start: bool,
    open_end: bool,
    capitals: bool,
    roles: Vec<Role>,
}

/// A term in a bucket.
#[derive(Debug, Clone)]
struct Candidate {
    entry: u16,
    /// The hash of its first word, when that must be the token and not only its start or end.
    whole: Option<u64>,
    /// The hash of its second word, when the next token must be that.
    next: Option<u64>,
}

/// The vocabulary of all rules together.
#[derive(Debug)]
pub struct Words {
    entries: Vec<Entry>,
    by_start: Vec<Vec<Candidate>>,
    by_end: Vec<Vec<Candidate>>,
    /// The hashes of first words that must be the token, whatever comes next.
    whole: Sieve<WHOLE>,
    /// Those of which the second word must be the next token, both together: "de" begins many terms.
    pairs: Sieve<WHOLE>,
    /// The buckets of words that a token may begin with.
    starts: Sieve<BUCKETS>,
    /// The buckets of words that a token may end with.
    ends: Sieve<BUCKETS>,
}

const BUCKETS: usize = 1 << 15;
const WHOLE: usize = 1 << 16;
/// `*` with fewer letters would take in half the language.
const SHORTEST_OPEN: usize = 4;

impl Default for Words {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            by_start: vec![Vec::new(); BUCKETS],
            by_end: vec![Vec::new(); BUCKETS],
            whole: Sieve::default(),
            pairs: Sieve::default(),
            starts: Sieve::default(),
            ends: Sieve::default(),
        }
    }
}

impl Words {
    /// Adds a term. Errors, in a sentence, when it has no letters or its `*` is too open.
    pub fn add(&mut self, term: &str, capitals: bool, role: Role) -> Result<(), String> {
        let folded = fold(term);
        let open_start = folded.starts_with('*');
        let open_end = folded.ends_with('*');
        let parts = parts(&folded);
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return Err(format!("the term \"{term}\" has no letters or digits"));
        };
        if (open_start && (parts.len() > 1 || open_end)) || folded.trim_matches('*').contains('*') {
            return Err(format!("the term \"{term}\": `*` stands at the end, or before a single word"));
        }
        if parts.len() == 1 && (open_start || open_end) && last.len() < SHORTEST_OPEN {
            return Err(format!("the term \"{term}\" needs {SHORTEST_OPEN} letters beside its `*`"));
        }
        let known = self.entries.iter_mut().find(|entry| {
            entry.parts == parts
                && (entry.open_start, entry.open_end, entry.capitals) == (open_start, open_end, capitals)
        });
        if let Some(entry) = known {
            if !entry.roles.contains(&role) {
                entry.roles.push(role);
            }
            return Ok(());
        }
        let Ok(index) = u16::try_from(self.entries.len()) else {
            return Err("there are more than 65,535 terms".to_owned());
        };
        let whole = (!(open_start || open_end && parts.len() == 1)).then(|| word_hash(first));
        let (table, bucket) = match open_start {
            true => (&mut self.by_end, end_bucket(last)),
            false => (&mut self.by_start, start_bucket(first)),
        };
        let second = parts.get(1).filter(|_| !(open_end && parts.len() == 2)).map(|word| word_hash(word));
        match (whole, second) {
            (Some(first), Some(second)) => self.pairs.add(pair(first, second)),
            (Some(first), None) => self.whole.add(first),
            (None, _) if open_start => self.ends.add(bucket as u64),
            (None, _) => self.starts.add(bucket as u64),
        }
        if let Some(bucket) = table.get_mut(bucket) {
            bucket.push(Candidate { entry: index, whole, next: second });
        }
        self.entries.push(Entry { parts, open_start, open_end, capitals, roles: vec![role] });
        Ok(())
    }

    /// All words found, in text order.
    pub fn find(&self, reading: &Reading<'_>) -> Vec<WordHit> {
        let mut hits = Vec::new();
        for (index, token) in reading.tokens.iter().enumerate() {
            let word = reading.bytes(token);
            let next = reading.token(index + 1).map_or(0, |next| next.hash);
            // No shorter word can begin or end as a term that is open there.
            let open = word.len() >= SHORTEST_OPEN;
            let may_begin = self.whole.may_hold(token.hash)
                || self.pairs.may_hold(pair(token.hash, next))
                || open && self.starts.may_hold(start_bucket(word) as u64);
            if may_begin {
                self.look(&self.by_start, start_bucket(word), reading, index, &mut hits);
            }
            if open && self.ends.may_hold(end_bucket(word) as u64) {
                self.look(&self.by_end, end_bucket(word), reading, index, &mut hits);
            }
        }
        hits
    }

    /// Compares a token with the terms of a bucket. Apart from the loop, as few tokens come to it.
    #[inline(never)]
    fn look(
        &self,
        table: &[Vec<Candidate>],
        bucket: usize,
        reading: &Reading<'_>,
        index: usize,
        hits: &mut Vec<WordHit>,
    ) {
        let Some(token) = reading.token(index) else { return };
        let next = reading.token(index + 1).map(|token| token.hash);
        let fits = |one: &&Candidate| {
            one.whole.is_none_or(|whole| whole == token.hash) && (one.next.is_none() || one.next == next)
        };
        for candidate in table.get(bucket).into_iter().flatten().filter(fits) {
            let same = usize::from(candidate.whole.is_some()) + usize::from(candidate.next.is_some());
            if let Some(entry) = self.entries.get(usize::from(candidate.entry)) {
                entry.push_hits(reading, index, token, same, hits);
            }
        }
    }
}

impl Entry {
    /// Pushes what the term means when it stands at a token. Its first `same` words are those there: they have their hashes.
    fn push_hits(&self, reading: &Reading<'_>, index: usize, token: &Token, same: usize, hits: &mut Vec<WordHit>) {
        if self.capitals && !token.upper {
            return;
        }
        let last = self.parts.len() - 1;
        for (offset, part) in self.parts.iter().enumerate() {
            let Some(token) = reading.token(index + offset) else { return };
            if offset > 0 && token.gap & !JOINS != 0 && !is_underscore(reading, token) {
                return;
            }
            if offset >= same && !self.fits(part, reading.bytes(token), offset == last) {
                return;
            }
        }
        let (first, last) = (index as u32, (index + last) as u32);
        hits.extend(self.roles.iter().map(|&role| WordHit { first, last, role }));
    }

    fn fits(&self, part: &[u8], word: &[u8], last: bool) -> bool {
        if self.open_start {
            let start = word.len().checked_sub(part.len());
            return start.and_then(|start| word.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(part));
        }
        if last && self.open_end {
            return word.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part));
        }
        word.eq_ignore_ascii_case(part)
    }
}

/// A single `_`, which joins the words of field names and file names.
fn is_underscore(reading: &Reading<'_>, token: &Token) -> bool {
    token.gap == gap::OTHER && reading.byte_before(token.start) == Some(b'_')
}

/// What may stand between the words of one term.
const JOINS: u16 =
    gap::SPACE | gap::LINE | gap::QUOTE | gap::HYPHEN | gap::APOSTROPHE | gap::DOT | gap::SLASH | gap::BRACKET;

fn parts(folded: &str) -> Vec<Box<[u8]>> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut before = None;
    for byte in folded.bytes() {
        let class =
            byte.is_ascii_digit().then_some(true).or((byte.is_ascii_alphabetic() || byte >= 128).then_some(false));
        match (class, before == class, parts.last_mut()) {
            (Some(_), true, Some(part)) => part.push(byte.to_ascii_lowercase()),
            (Some(_), _, _) => parts.push(vec![byte.to_ascii_lowercase()]),
            (None, ..) => {}
        }
        before = class;
    }
    parts.into_iter().map(Vec::into_boxed_slice).collect()
}

/// One hash for two words in their order.
fn pair(first: u64, second: u64) -> u64 {
    first.rotate_left(23) ^ second
}

fn start_bucket(word: &[u8]) -> usize {
    let key = match word {
        [a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
        short => short.iter().fold(0, |key, letter| (key << 8) | u32::from(*letter)),
    };
    bucket(key)
}

fn end_bucket(word: &[u8]) -> usize {
    let key = match word {
        [.., d, c, b, a] => u32::from_be_bytes([*a, *b, *c, *d]),
        short => short.iter().rev().fold(0, |key, letter| (key << 8) | u32::from(*letter)),
    };
    bucket(key)
}

/// The bucket of up to four letters, whatever their case.
fn bucket(letters: u32) -> usize {
    (small(letters).wrapping_mul(0x9E37_79B1) >> 17) as usize % BUCKETS
}

/// Four ASCII letters in lower case at once: in each byte, bit 7 of the sums tells whether it is past `A`, past `Z`.
fn small(letters: u32) -> u32 {
    let low = letters & 0x7F7F_7F7F;
    let (from_a, past_z) = (low + 0x3F3F_3F3F, low + 0x2525_2525);
    let capital = (from_a ^ past_z) & !letters & 0x8080_8080;
    letters | capital >> 2
}
