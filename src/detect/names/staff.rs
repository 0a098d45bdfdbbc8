//! Staff: the negative list. Whoever bears a member of staff's name is taken for that person.

use std::collections::HashSet;

use super::NameHit;
use crate::detect::reading::{Reading, Token, word_hash};
use crate::roster::PARTICLES;

/// The names of the staff, as pairs of words.
#[derive(Default)]
pub struct Staff {
    /// First name or initial, and a surname's last word.
    pairs: HashSet<(u64, u64)>,
    firsts: HashSet<u64>,
}

/// No name has more words.
const LONGEST: usize = 12;

impl Staff {
    /// Whoever writes a mail, by the name in its From field: "Sanne de Graaf", "Graaf, Sanne de". The first name alone
    /// may be a pupil's.
    pub fn sender(reading: &Reading<'_>) -> Self {
        let mut sender = Self::default();
        let words: Vec<_> = reading.tokens.iter().take(LONGEST).filter(|token| !token.digits).collect();
        for first in &words {
            let letter = reading.bytes(first).get(..1).map(word_hash);
            let particle =
                |word: &&&Token| PARTICLES.iter().any(|p| reading.bytes(word).eq_ignore_ascii_case(p.as_bytes()));
            for surname in words.iter().filter(|word| word.len() > 1 && word.hash != first.hash && !particle(word)) {
                sender.pairs.extend([Some(first.hash), letter].into_iter().flatten().map(|name| (name, surname.hash)));
            }
        }
        sender
    }

    /// Adds a name: first name or initials, and the forms of the surname.
    pub fn add(&mut self, first: &[String], surnames: &[Vec<String>]) {
        let Some(first) = first.first() else { return };
        let names = [Some(first.as_str()), first.get(..1)];
        for surname in surnames.iter().filter_map(|words| words.last()) {
            let surname = word_hash(surname.as_bytes());
            self.pairs.extend(names.iter().flatten().map(|name| (word_hash(name.as_bytes()), surname)));
        }
        if first.len() > 2 {
            self.firsts.insert(word_hash(first.as_bytes()));
        }
    }

    /// Whether a member of staff is called as it stands there.
    pub fn bears(&self, reading: &Reading<'_>, hit: &NameHit) -> bool {
        if self.pairs.is_empty() && self.firsts.is_empty() {
            return false;
        }
        let tokens = reading.tokens.get(hit.first as usize..=hit.last as usize).unwrap_or_default();
        let words: Vec<u64> = tokens.iter().take(LONGEST).map(|token| token.hash).collect();
        match words[..] {
            [name] => self.firsts.contains(&name),
            _ => words.iter().any(|&a| words.iter().any(|&b| self.pairs.contains(&(a, b)))),
        }
    }
}
