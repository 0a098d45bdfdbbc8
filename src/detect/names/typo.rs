//! Typing errors in full names: one part as it should be, one edit in the other part of the same pupil's name.
//!
//! Both begin with a capital, and the misspelt part has four letters or more when spelt right. A first name alone is
//! never looked for this way: too many names are one edit apart.

use super::near::one_edit;
use super::search::{MOST_PARTICLES, Search};
use super::{Form, NameHit, Note, Word};
use crate::detect::everyday::is_everyday_hash;
use crate::detect::reading::gap;

impl Search<'_, '_> {
    /// Tries a known word as the right part of a misspelt name.
    pub fn misspelt(&mut self, at: usize, word: &Word) {
        let Some(token) = self.reading.token(at).filter(|token| token.capital && token.len() > 2) else { return };
        // After a name, in the middle of a line or not, anything may follow; an address is another matter.
        if token.gap & gap::AT != 0 {
            return;
        }
        let found = (word.firsts.iter())
            .find_map(|&first| {
                let end = self.sequence_end(at, self.index.firsts.get(first as usize))?;
                self.particle_slip(at, end, first)
                    .or_else(|| self.surname_slip(at, end, first))
                    .or_else(|| self.surname_slip_before(at, end, first))
            })
            .or_else(|| {
                word.surnames.iter().find_map(|&surname| {
                    let end = self.sequence_end(at, self.index.surnames.get(surname as usize))?;
                    self.first_slip(at, end, surname).or_else(|| self.first_slip_after(at, end, surname))
                })
            });
        self.hits.extend(found);
    }

    /// "Daan Hoejstra", "Sanne van den Breg".
    fn surname_slip(&self, at: usize, end: usize, first: u32) -> Option<NameHit> {
        let next = self.past_particles(end + 1);
        if !self.parted(next) {
            return None;
        }
        let (last, surname, note) = self.slipped_surname(next, first)?;
        self.typo(at, last, first, surname, note)
    }

    /// "Hoejstra, Daan".
    fn surname_slip_before(&self, at: usize, end: usize, first: u32) -> Option<NameHit> {
        let before = at.checked_sub(1)?;
        if self.reading.token(at)?.gap & gap::COMMA == 0 || !self.joined(at, true) {
            return None;
        }
        let (last, surname, note) = self.slipped_surname(before, first)?;
        (last == before).then(|| self.typo(self.particles_before(before), end, first, surname, note)).flatten()
    }

    /// The misspelt surname of somebody with this first name: its last token and which it is.
    fn slipped_surname(&self, at: usize, first: u32) -> Option<(usize, u32, Option<Note>)> {
        let note = self.may_be_slip(at, |word| !word.surnames.is_empty())?;
        self.index.near.find(self.reading.bytes(self.reading.token(at)?), |hash| {
            self.index.words.get(&hash)?.surnames.iter().find_map(|&surname| {
                self.index.pairs.get(&super::pair(first, surname))?;
                let last = self.sequence_end(at, self.index.surnames.get(surname as usize))?;
                Some((last, surname, note))
            })
        })
    }

    /// "Dana Hoekstra", "Snane van den Berg".
    fn first_slip(&self, at: usize, end: usize, surname: u32) -> Option<NameHit> {
        let start = self.particles_before(at);
        let before = start.checked_sub(1).filter(|_| self.parted(start))?;
        let (first, note) = self.slipped_first(before, surname)?;
        self.typo(before, end, first, surname, note)
    }

    /// "Hoekstra, Dana", "Berg, Snane van den".
    fn first_slip_after(&self, at: usize, end: usize, surname: u32) -> Option<NameHit> {
        let next = end + 1;
        if self.reading.token(next)?.gap & gap::COMMA == 0 || !self.joined(next, true) {
            return None;
        }
        let (first, note) = self.slipped_first(next, surname)?;
        self.typo(self.particles_before(at), self.particles_after(next), first, surname, note)
    }

    fn slipped_first(&self, at: usize, surname: u32) -> Option<(u32, Option<Note>)> {
        let note = self.may_be_slip(at, |word| !word.firsts.is_empty())?;
        self.index.near.find(self.reading.bytes(self.reading.token(at)?), |hash| {
            self.index.words.get(&hash)?.firsts.iter().find_map(|&first| {
                let single = self.index.firsts.get(first as usize)?.rest.is_empty();
                (single && self.index.pairs.contains_key(&super::pair(first, surname))).then_some((first, note))
            })
        })
    }

    /// "Wies dw Graaf", "Nour ean Vliet".
    fn particle_slip(&self, at: usize, end: usize, first: u32) -> Option<NameHit> {
        let mut slip = end + 1;
        let mut skipped = 0;
        while skipped < MOST_PARTICLES && self.joined(slip, false) && self.index.particle(self.reading.token(slip)?) {
            slip += 1;
            skipped += 1;
        }
        let token = self.reading.token(slip)?;
        if !self.joined(slip, false)
            || token.digits
            || token.len() > 5
            || (is_everyday_hash(token.hash) && !token.capital)
        {
            return None;
        }
        let next = self.past_particles(slip + 1);
        if !self.joined(next, false) || !self.reading.token(next)?.capital {
            return None;
        }
        let typed = self.reading.bytes(token).to_ascii_lowercase();
        self.index.words.get(&self.reading.token(next)?.hash)?.surnames.iter().find_map(|&surname| {
            let shared = self.index.pairs.get(&super::pair(first, surname))?;
            let last = self.sequence_end(next, self.index.surnames.get(surname as usize))?;
            let meant = self.index.particles_of(shared.pupil).iter().any(|known| one_edit(known.as_bytes(), &typed));
            meant.then(|| self.typo(at, last, first, surname, None)).flatten()
        })
    }

    /// Whether a token may be a misspelt name: not an everyday word where a sentence begins. A word or another's name
    /// is noted.
    fn may_be_slip(&self, at: usize, named: impl Fn(&Word) -> bool) -> Option<Option<Note>> {
        let token = self.reading.token(at)?;
        if !token.capital || token.digits {
            return None;
        }
        let begins = at == 0 || token.gap & (gap::SEGMENT | gap::LINE) != 0;
        let everyday = is_everyday_hash(token.hash);
        let note = match self.index.words.get(&token.hash).is_some_and(named) {
            true => Some(Note::OtherName),
            false => everyday.then_some(Note::OtherWord),
        };
        (!everyday || !begins).then_some(note)
    }

    /// Joined by more than a hyphen: "Beaux-Arts" is one word.
    fn parted(&self, at: usize) -> bool {
        self.joined(at, false) && self.reading.token(at).is_some_and(|token| token.gap & gap::HYPHEN == 0)
    }

    fn past_particles(&self, mut at: usize) -> usize {
        let from = at;
        while at - from < MOST_PARTICLES
            && self.joined(at, false)
            && self.reading.token(at).is_some_and(|token| self.index.particle(token))
        {
            at += 1;
        }
        at
    }

    fn typo(&self, first_token: usize, last: usize, first: u32, surname: u32, note: Option<Note>) -> Option<NameHit> {
        let shared = *self.index.pairs.get(&super::pair(first, surname))?;
        let hit = self.hit(first_token, last, Form::Typo, shared, self.index.chance(first, surname));
        Some(NameHit { note, ..hit })
    }
}
