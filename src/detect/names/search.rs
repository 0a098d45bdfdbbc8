//! The search: every known word of a text, with what stands before and after it.

use super::build::initials_key;
use super::{Form, NameHit, NameIndex, Note, Sequence, Shared, Word, pair};
use crate::detect::reading::{Reading, Token, gap};

/// First name, up to so many middle names or initials, surname.
const MIDDLE_NAMES: usize = 3;
/// "van den", "in 't", "uit den", "van der".
pub const MOST_PARTICLES: usize = 4;

/// Walks along the hits with the tokens, to see which tokens a longer name has used.
pub struct Taken<'h> {
    hits: std::iter::Peekable<std::slice::Iter<'h, NameHit>>,
    until: u32,
}

impl<'h> Taken<'h> {
    /// Starts at the first token.
    pub fn new(hits: &'h [NameHit]) -> Self {
        Self { hits: hits.iter().peekable(), until: 0 }
    }

    /// Whether no hit so far has used the tokens of this one; hits must come in text order.
    pub fn free(&mut self, hit: &NameHit) -> bool {
        self.read_until(hit.last);
        hit.first >= self.until
    }

    /// The same for a single token.
    pub fn free_at(&mut self, token: u32) -> bool {
        self.read_until(token);
        token >= self.until
    }

    fn read_until(&mut self, last: u32) {
        while let Some(next) = self.hits.next_if(|next| next.first <= last) {
            self.until = self.until.max(next.last + 1);
        }
    }
}

/// A first name of somebody with the surname that was asked for.
#[derive(Clone, Copy)]
struct Paired {
    /// Its first token.
    from: usize,
    first: u32,
    shared: Shared,
}

/// The search of one text.
pub struct Search<'s, 'r> {
    /// The names.
    pub index: &'s NameIndex,
    /// The text.
    pub reading: &'s Reading<'r>,
    /// What was found so far.
    pub hits: Vec<NameHit>,
}

impl Search<'_, '_> {
    /// Tries every surname that begins at a token, the longest first, with what stands before and after.
    pub fn surname(&mut self, at: usize, word: &Word) {
        for &surname in &word.surnames {
            let Some(end) = self.sequence_end(at, self.index.surnames.get(surname as usize)) else { continue };
            let found = (self.before(at, end, surname))
                .or_else(|| self.after(at, end, surname))
                .or_else(|| self.over_line(at, end, surname));
            if let Some(hit) = found {
                self.hits.push(hit);
                return;
            }
        }
    }

    /// The last token of a name whose first word is at a token; particles inside it may be skipped.
    pub fn sequence_end(&self, at: usize, sequence: Option<&Sequence>) -> Option<usize> {
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
    pub fn joined(&self, at: usize, comma: bool) -> bool {
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
        if let Some(hit) = self.first_before(start, (at, end), surname) {
            return Some(hit);
        }
        // "Ben" and "Al" are names as well as particles.
        (skipped > 0).then(|| self.first_before(at, (at, end), surname)).flatten()
    }

    fn first_before(&self, start: usize, (surname_at, end): (usize, usize), surname: u32) -> Option<NameHit> {
        let mut at = start;
        for _ in 0..=MIDDLE_NAMES {
            if !self.joined(at, false) {
                break;
            }
            let before = at.checked_sub(1)?;
            if let Some(named) = self.pair_ending_at(before, surname) {
                return self.full((named.from, end), named, (surname_at, surname));
            }
            if !self.middle_name(before) {
                break;
            }
            at = before;
        }
        self.initials_before(start, end, surname)
    }

    /// "Hamza\nvan der Maath heeft": a page may end a line anywhere. Where the next line goes on with a first name, it
    /// is a list of names.
    fn over_line(&self, at: usize, end: usize, surname: u32) -> Option<NameHit> {
        let next = self.reading.token(end + 1)?;
        let named = next.capital && self.index.words.get(&next.hash).is_some_and(|word| !word.firsts.is_empty());
        if named || next.gap & gap::LINE != 0 {
            return None;
        }
        let mut start = at;
        while at - start < MOST_PARTICLES && (self.joined(start, false) || self.is_wrapped(start)) {
            match self.reading.token(start.checked_sub(1)?) {
                Some(token) if self.index.particle(token) => start -= 1,
                _ => break,
            }
        }
        if self.is_wrapped_initial(start) {
            return self
                .initials_before(start - 1, end, surname)
                .or_else(|| self.initials_hit(start - 1, start - 1, end, surname));
        }
        if !(self.joined(start, false) || self.is_wrapped(start)) {
            return None;
        }
        match self.pair_ending_at(start.checked_sub(1)?, surname) {
            Some(named) => self.full((named.from, end), named, (at, surname)),
            None => self.initials_before(start, end, surname),
        }
    }

    /// Whether nothing but a single line end stands before a token.
    fn is_wrapped(&self, at: usize) -> bool {
        let plain = gap::LINE | gap::SEGMENT | gap::SPACE | gap::QUOTE | gap::APOSTROPHE;
        self.reading.token(at).is_some_and(|token| token.gap & gap::LINE != 0 && token.gap & !plain == 0)
    }

    /// Whether a line ends after the initial before a token: "Y.\nde Bruijn". Its dot tells it from "groep C\nde Bruijn".
    fn is_wrapped_initial(&self, at: usize) -> bool {
        let plain = gap::LINE | gap::SEGMENT | gap::SPACE | gap::QUOTE | gap::DOT;
        let breaks = |token: &Token| token.gap & gap::LINE != 0 && token.gap & gap::DOT != 0 && token.gap & !plain == 0;
        self.reading.token(at).is_some_and(breaks) && at.checked_sub(1).is_some_and(|before| self.initial(before))
    }

    /// Whether a token may stand between first name and surname: another first name, or an initial.
    fn middle_name(&self, at: usize) -> bool {
        let Some(token) = self.reading.token(at) else { return false };
        let named = || {
            let first = |word: &Word| !word.firsts.is_empty();
            self.index.middle.contains_key(&token.hash) || self.index.words.get(&token.hash).is_some_and(first)
        };
        self.initial(at) || named()
    }

    /// A full name, unless two words happen to stand together: "Roos, winter", "Jan werd".
    fn full(&self, (first, last): (usize, usize), named: Paired, (at, surname): (usize, u32)) -> Option<NameHit> {
        let capital = |at| self.reading.token(at).is_some_and(|token| token.capital);
        let (name, surname_name) =
            (self.index.firsts.get(named.first as usize)?, self.index.surnames.get(surname as usize)?);
        let words = match (capital(named.from), capital(at)) {
            (true, true) => false,
            (true, false) => surname_name.everyday,
            (false, true) => name.everyday,
            (false, false) => name.word && surname_name.word,
        };
        if words {
            return None;
        }
        Some(self.hit(first, last, Form::Full, named.shared, self.index.chance(named.first, surname)))
    }

    /// A first name that ends at a token, of somebody with this surname.
    fn pair_ending_at(&self, at: usize, surname: u32) -> Option<Paired> {
        (0..3).find_map(|back| self.pair_at(at.checked_sub(back)?, at, surname))
    }

    fn pair_at(&self, from: usize, to: usize, surname: u32) -> Option<Paired> {
        let word = self.index.words.get(&self.reading.token(from)?.hash)?;
        word.firsts.iter().find_map(|&first| {
            let end = self.sequence_end(from, self.index.firsts.get(first as usize))?;
            let shared = *self.index.pairs.get(&pair(first, surname))?;
            (end == to).then_some(Paired { from, first, shared })
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
        let typed = self.letters_from(letters, last);
        let key = pair(u32::from(*typed.first()?), surname);
        let shared = *self.index.initials.get(&key)?;
        let note = match typed.len() {
            1 => None,
            _ if self.index.more_initials.contains_key(&initials_key(&typed, surname)) => Some(Note::SameInitials),
            _ if self.index.open_initials.contains_key(&key) => None,
            _ => Some(Note::OtherInitials),
        };
        let named = self.reading.tokens.get(first..=last)?.iter().any(|token| token.len() > 1 && token.capital);
        let hit = self.hit(first, last, Form::Initials, shared, self.index.expected(shared.count, surname));
        named.then_some(NameHit { note, ..hit })
    }

    /// The initials that begin at a token, in small letters.
    fn letters_from(&self, at: usize, last: usize) -> Vec<u8> {
        let mut letters = Vec::new();
        for index in at..=last.min(at + 5) {
            let Some(token) = self.reading.token(index).filter(|_| self.initial(index)) else { break };
            letters.extend(self.reading.bytes(token).iter().map(u8::to_ascii_lowercase));
            // "SM van den": what follows is no initial.
            if token.len() > 1 {
                break;
            }
        }
        letters
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
            if let Some(named) = self.pair_at(next, to, surname) {
                let last = self.particles_after(to);
                return self.full((start, last), named, (at, surname));
            }
        }
        let comma = self.reading.token(next)?.gap & (gap::COMMA | gap::CELL) != 0;
        let dotted = self.reading.byte_at(self.reading.token(next)?.end) == Some(b'.');
        // "van den Berg van FNV" is somebody of the FNV.
        let direct = comma || next == end + 1;
        if direct && self.initial(next) && (comma || dotted || self.reading.token(next)?.len() > 1) {
            let mut last = next;
            while last - next < 5 && self.joined(last + 1, false) && self.initial(last + 1) {
                last += 1;
            }
            let end = self.particles_after(last);
            let hit = self.initials_hit(next, start, end, surname);
            // "Berg SM van den" is a name, "Liu BSN" is not.
            return hit.filter(|hit| comma || dotted || end > last || hit.note == Some(Note::SameInitials));
        }
        None
    }

    /// The first of the particles that stand right before a token.
    pub fn particles_before(&self, mut at: usize) -> usize {
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

    /// The last of the particles that stand right after a token.
    pub fn particles_after(&self, mut at: usize) -> usize {
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

    /// A hit from token to token.
    pub fn hit(&self, first: usize, last: usize, form: Form, shared: Shared, chance: f32) -> NameHit {
        NameHit {
            first: first as u32,
            last: last as u32,
            form,
            pupil: shared.pupil,
            shared: shared.count,
            chance,
            note: None,
            staff: false,
        }
    }

    /// A first name, or first name and letter, that begins at a token.
    pub fn first_alone(&self, at: usize, word: &Word) -> Option<NameHit> {
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
                return Some(self.hit(at, end + 1, Form::FirstAndLetter, shared, 0.0));
            }
        }
        let begins = token.gap & gap::SEGMENT != 0 || at == 0;
        let word = begins && self.index.firsts.get(first as usize).is_some_and(|name| name.everyday);
        let note = match word {
            _ if self.stranger_follows(end) => Some(Note::Stranger),
            true => Some(Note::EverydayWord),
            false => None,
        };
        Some(NameHit { note, ..self.hit(at, end, Form::First, shared, 0.0) })
    }

    /// "Sanne Pietersen", "Sanne van Pietersen", where no pupil is called so. An abbreviation is no surname.
    fn stranger_follows(&self, end: usize) -> bool {
        let mut next = end + 1;
        let spaced = |at| self.reading.token(at).is_some_and(|token| token.gap & !(gap::SPACE | gap::APOSTROPHE) == 0);
        while next - end <= MOST_PARTICLES
            && spaced(next)
            && self.reading.token(next).is_some_and(|token| self.index.particle(token))
        {
            next += 1;
        }
        let name = |token: &Token| token.capital && token.len() > 1 && !(token.upper && token.len() < 6);
        spaced(next) && self.reading.token(next).is_some_and(name)
    }
}

/// Whether no other hit has used these tokens; the hits stand in text order.
pub fn taken_free(hits: &[NameHit], hit: &NameHit) -> bool {
    let next = hits.partition_point(|other| other.first <= hit.last);
    hits.get(next.saturating_sub(3)..next).unwrap_or_default().iter().all(|other| other.last < hit.first)
}
