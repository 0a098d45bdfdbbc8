//! The index of names, built from a roster: a few small entries for each pupil.

use std::collections::HashMap;

use super::near::Near;
use super::staff::Staff;
use super::{Map, NameIndex, Sequence, Shared, Word, login_hash, pair};
use crate::detect::PupilKey;
use crate::detect::everyday::is_everyday_hash;
use crate::detect::fold::fold;
use crate::detect::reading::word_hash;
use crate::detect::sieve::Sieve;
use crate::roster::{PARTICLES, Person, Pupil};

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
    more_initials: Map<()>,
    open_initials: Map<()>,
    letters: Map<Shared>,
    middle: Map<()>,
    near: Near,
    staff: Staff,
    borne: Vec<u32>,
    particle_sets: Vec<Vec<String>>,
    particle_set: Vec<u16>,
    particle_ids: HashMap<Vec<String>, u16>,
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
        self.particles(&pupil.particle, &pupil.surname);
        let middle = words_of(&pupil.formal).into_iter().map(|name| (word_hash(name.as_bytes()), ()));
        self.middle.extend(middle);
        let letters = initials(pupil);
        for &surname in &surnames {
            if let Some(borne) = self.borne.get_mut(surname as usize) {
                *borne += 1;
            }
            self.initials_of(&letters, surname);
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

    /// Adds a member of staff.
    pub fn add_staff(&mut self, person: &Person) {
        let surnames = surname_forms(&person.surname);
        self.staff.add(&words_of(&person.first), &surnames);
    }

    /// Every start of two letters or more; who has one known letter may have more.
    fn initials_of(&mut self, letters: &str, surname: u32) {
        let Some(first) = letters.bytes().next() else { return };
        if letters.len() == 1 {
            self.open_initials.insert(pair(u32::from(first), surname), ());
        }
        for length in 2..=letters.len() {
            let letters = letters.get(..length).unwrap_or_default();
            self.more_initials.insert(initials_key(letters.as_bytes(), surname), ());
        }
    }

    fn particles(&mut self, particle: &str, surname: &str) {
        // "El Amrani" may stand whole in the column of surnames.
        let inside = words_of(surname).into_iter().filter(|word| PARTICLES.contains(&word.as_str()));
        let words: Vec<String> = words_of(particle).into_iter().chain(inside).collect();
        let next = self.particle_sets.len() as u16;
        let id = match self.particle_ids.get(&words) {
            Some(&id) => id,
            // There are a few dozen particles; whoever has more kinds of them than this goes without.
            None if next == u16::MAX => u16::MAX,
            None => {
                self.particle_sets.push(words.clone());
                self.particle_ids.insert(words, next);
                next
            }
        };
        self.particle_set.push(id);
    }

    fn first(&mut self, name: &[String], pupil: u32) -> u32 {
        let hashes: Vec<u64> = name.iter().map(|word| word_hash(word.as_bytes())).collect();
        let next = self.firsts.len() as u32;
        let id = *self.first_ids.entry(hashes.clone()).or_insert(next);
        if id == next {
            let (Some(&start), Some(word)) = (hashes.first(), name.first()) else { return id };
            self.know(start, word).firsts.push(id);
            let rest = hashes.get(1..).unwrap_or_default().to_vec();
            self.firsts.push(sequence(word, start, rest, &FIRST_WORDS));
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
            self.know(start, word).surnames.push(id);
            let rest = hashes.get(1..).unwrap_or_default().to_vec();
            self.surnames.push(sequence(word, start, rest, &LAST_WORDS));
            self.borne.push(0);
        }
        id
    }

    fn know(&mut self, hash: u64, word: &str) -> &mut Word {
        let near = &mut self.near;
        self.words.entry(hash).or_insert_with(|| {
            near.add(word.as_bytes());
            Word::default()
        })
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
        let mut sieve = Sieve::default();
        for (&hash, word) in &mut self.words {
            sieve.add(hash);
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
            more_initials: self.more_initials,
            open_initials: self.open_initials,
            letters: self.letters,
            middle: self.middle,
            near: self.near.finish(),
            staff: self.staff,
            borne: self.borne,
            particle_sets: self.particle_sets,
            particle_set: self.particle_set,
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

/// The key of initials and surname.
pub fn initials_key(letters: &[u8], surname: u32) -> u64 {
    word_hash(letters) ^ (u64::from(surname) << 32)
}

/// A pupil's initials in small letters: voorletters, else of the voornamen, else of the roepnaam alone.
fn initials(pupil: &Pupil) -> String {
    let letters = |text: &str| fold(text).to_ascii_lowercase().chars().filter(char::is_ascii_alphabetic).collect();
    if !pupil.initials.is_empty() {
        return letters(&pupil.initials);
    }
    let name = if pupil.formal.is_empty() { &pupil.first } else { &pupil.formal };
    words_of(name).iter().filter_map(|word| word.chars().next()).collect()
}

fn sequence(word: &str, hash: u64, rest: Vec<u64>, words: &[&str]) -> Sequence {
    let everyday = rest.is_empty() && is_everyday_hash(hash);
    Sequence { rest, letter: word.bytes().next().unwrap_or_default(), word: words.contains(&word), everyday }
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
