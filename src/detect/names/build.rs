//! The index of names, built from a roster: a few small entries for each pupil.

use std::collections::HashMap;

use super::{Map, NameIndex, SIEVE_BITS, Sequence, Shared, Word, login_hash, pair, sieve_bit};
use crate::detect::PupilKey;
use crate::detect::fold::fold;
use crate::detect::reading::word_hash;
use crate::roster::{PARTICLES, Pupil};

/// Gathers the pupils.
#[derive(Default)]
pub struct Builder {
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
    /// Adds a pupil, under an index of its own.
    pub fn add(&mut self, index: u32, pupil: &Pupil) {
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
        let local = pupil.mail.split_once('@').map(|(local, _)| local);
        if let Some(local) = local.filter(|local| local.contains(|c: char| c.is_alphabetic())) {
            self.logins.insert(login_hash(&fold(local)), index);
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

    /// The index.
    pub fn finish(mut self) -> NameIndex {
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
pub fn day_of(date: &str) -> Option<u64> {
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
