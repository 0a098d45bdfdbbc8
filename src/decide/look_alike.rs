//! Domains that look like one the school knows, but are another: a typo is a leak as much as a fraud is.
//!
//! Known are the school's own domains, those of the listed recipients, the big providers, and those at which several of
//! the roster's people have their mail. A domain that is known, or lies below a known one, is never a look-alike. Short
//! names (`me.com`) are compared by looks alone, since every short name is near another. No public suffix list: the last
//! label counts as the suffix, and the two last where the second is a usual one (`co.uk`). Unicode TR39 names the looks
//! (confusables); the table here is the part of it that occurs in Latin, Cyrillic and Greek names. Never asks the
//! network, never fails; linear in the known names.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::webmail;
use crate::message::Mailbox;
use crate::roster::{Guardian, Roster};

/// Names shorter than this are compared by their looks alone.
const SHORT: usize = 5;
/// From this length on, two mistakes are one typo too.
const LONG: usize = 10;
/// Longer names than this are not compared; none that people type is.
const LONGEST: usize = 80;

/// The domains that a school knows, ready for comparing.
#[derive(Debug, Clone, Default)]
pub struct KnownDomains {
    whole: HashSet<String>,
    /// How each looks, without dots and hyphens.
    looks: HashSet<String>,
    /// Names and their suffixes, by the length of the name in characters.
    by_length: HashMap<usize, Vec<Name>>,
}

/// A domain, divided.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    /// The part that people choose: `delinde` of `post.delinde.nl`.
    label: Vec<char>,
    /// What it ends in: `nl`.
    suffix: String,
    /// Which letters stand in the label, as [`letters`] has them.
    letters: u64,
}

impl KnownDomains {
    /// These (lower case, A-labels).
    pub fn new<'a>(domains: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Self::default();
        domains.into_iter().for_each(|domain| known.add(domain));
        known
    }

    /// Those at which at least three guardians or colleagues of a roster have their mail: fewer, and it may be a typo
    /// itself.
    pub fn of_roster(roster: &Roster) -> Self {
        let mut people: HashMap<String, usize> = HashMap::new();
        let staff = roster.staff.iter().map(|person| person.mail.as_str());
        for mail in roster.guardians.iter().flat_map(Guardian::mails).chain(staff) {
            if let Ok(mailbox) = Mailbox::parse(mail.trim()) {
                *people.entry(mailbox.domain().to_string()).or_insert(0) += 1;
            }
        }
        Self::new(people.iter().filter(|(_, people)| **people >= 3).map(|(domain, _)| domain.as_str()))
    }

    /// The big providers besides.
    #[must_use]
    pub fn and_providers(mut self) -> Self {
        webmail::distinct().for_each(|domain| self.add(domain));
        self.whole.extend(webmail::DOMAINS.map(str::to_string));
        self
    }

    fn add(&mut self, domain: &str) {
        let Some(name) = divided(domain) else { return };
        if !self.whole.insert(domain.to_string()) {
            return;
        }
        self.looks.insert(look(domain));
        let names = self.by_length.entry(name.label.len()).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }

    /// Whether a domain (as in [`crate::message::Mailbox::domain`]) looks like one of any of these, and is another.
    pub fn resembled(all: &[&Self], domain: &str) -> bool {
        if domain.len() > LONGEST || domain.starts_with('[') || all.iter().any(|known| known.covers(domain)) {
            return false;
        }
        // `gmailcom.nl` looks like `gmail.com` with something behind it.
        let looks = [look(domain), domain.rsplit_once('.').map_or_else(String::new, |(name, _)| look(name))];
        all.iter().any(|known| {
            looks.iter().any(|look| known.looks.contains(look))
                || known.begins_with_known(domain)
                || known.is_near(domain)
        })
    }

    /// Known, or below a known one: `mail.delinde.nl`.
    fn covers(&self, domain: &str) -> bool {
        let mut rest = domain;
        loop {
            if self.whole.contains(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, above)) => rest = above,
                None => return false,
            }
        }
    }

    /// `delinde.nl.evil.com`: a known domain, with another behind it.
    fn begins_with_known(&self, domain: &str) -> bool {
        let dots = domain.match_indices('.').map(|(at, _)| at);
        dots.filter_map(|at| domain.get(..at)).any(|begin| self.whole.contains(begin))
    }

    fn is_near(&self, domain: &str) -> bool {
        let Some(name) = divided(domain) else { return false };
        let length = name.label.len();
        let lengths = length.saturating_sub(2)..=length + 2;
        lengths.filter_map(|length| self.by_length.get(&length)).flatten().any(|known| name.is_typo_of(known))
    }
}

impl Name {
    fn is_typo_of(&self, known: &Self) -> bool {
        let allowed = match known.label.len() {
            0..SHORT => return false,
            SHORT..LONG => 1,
            _ => 2,
        };
        // Each letter that one has and the other has not is a mistake: seldom must more be counted.
        let apart = |one: u64, other: u64| (one & !other).count_ones() as usize;
        if apart(self.letters, known.letters).max(apart(known.letters, self.letters)) > allowed {
            return false;
        }
        let mistakes = mistakes(&self.label, &known.label, allowed);
        match self.suffix == known.suffix {
            // The same name and suffix: an address at another subdomain of it.
            true => (1..=allowed).contains(&mistakes),
            // `gmail.nl`, `delinde.con`; with a typo in the name besides, only when the suffix is one too.
            false => mistakes == 0 || mistakes <= allowed && suffix_is_typo(&self.suffix, &known.suffix),
        }
    }
}

/// `con`, `cm`, `n`: no suffix that somebody else would have.
fn suffix_is_typo(typed: &str, known: &str) -> bool {
    let (typed, known): (Vec<char>, Vec<char>) = (typed.chars().collect(), known.chars().collect());
    mistakes(&typed, &known, 1) == 1
}

/// Label and suffix; none for a name without a dot, which no mail is sent to.
fn divided(domain: &str) -> Option<Name> {
    const SECOND: [&str; 7] = ["co", "com", "org", "net", "ac", "gov", "edu"];
    let mut labels = domain.rsplit('.');
    let mut suffix = labels.next()?.to_string();
    let mut label = labels.next()?;
    if suffix.len() == 2 && SECOND.contains(&label) {
        suffix = format!("{label}.{suffix}");
        label = labels.next()?;
    }
    let label = match label.starts_with("xn--") {
        true => idna::domain_to_unicode(label).0,
        false => label.to_string(),
    };
    let label: Vec<char> = label.chars().take(LONGEST).collect();
    Some(Name { letters: letters(&label), label, suffix })
}

/// Which letters stand in a label, as bits; some share one.
fn letters(label: &[char]) -> u64 {
    label.iter().fold(0, |letters, letter| letters | 1 << (u32::from(*letter) % u64::BITS))
}

/// How a domain looks at a glance: dots and hyphens gone, letters that look alike the same.
fn look(domain: &str) -> String {
    let shown = if domain.contains("xn--") { idna::domain_to_unicode(domain).0 } else { domain.to_string() };
    let plain: String = shown
        .nfkd()
        .filter(|c| !is_combining_mark(*c) && !matches!(c, '.' | '-' | '_'))
        .flat_map(char::to_lowercase)
        .map(twin)
        .collect();
    plain.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// The letter that a character looks like.
fn twin(c: char) -> char {
    match c {
        '0' | 'о' | 'ο' | 'σ' | 'ø' => 'o',
        '1' | 'i' | 'ı' | 'і' | 'ι' | 'ł' | 'ӏ' | '|' => 'l',
        '3' | 'е' | 'ε' => 'e',
        '5' | 'ѕ' => 's',
        'а' | 'α' | '4' => 'a',
        'р' | 'ρ' => 'p',
        'с' => 'c',
        'у' | 'γ' => 'y',
        'х' | 'χ' => 'x',
        'ј' => 'j',
        'һ' => 'h',
        'ԁ' | 'đ' => 'd',
        'ԛ' => 'q',
        'ѡ' | 'ω' => 'w',
        'ν' | 'ѵ' => 'v',
        'κ' | 'к' => 'k',
        'η' | 'п' => 'n',
        'τ' | 'т' => 't',
        'м' => 'm',
        'в' | 'β' | '8' => 'b',
        'ɡ' | '9' => 'g',
        c => c,
    }
}

/// How many letters are missing, too many, wrong or swapped with their neighbour (Damerau-Levenshtein, optimal string
/// alignment); `most + 1` when there are more than `most`.
fn mistakes(a: &[char], b: &[char], most: usize) -> usize {
    if a.len().abs_diff(b.len()) > most {
        return most + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (row, from) in a.iter().enumerate() {
        let mut here = vec![row + 1];
        for (column, to) in b.iter().enumerate() {
            let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut least = (cell(&above, column) + usize::from(from != to))
                .min(cell(&above, column + 1) + 1)
                .min(cell(&here, column) + 1);
            let swapped = row > 0 && column > 0 && a.get(row - 1) == Some(to) && b.get(column - 1) == Some(from);
            if swapped {
                least = least.min(cell(&before, column - 1) + 1);
            }
            here.push(least);
        }
        if here.iter().all(|cell| *cell > most) {
            return most + 1;
        }
        before = std::mem::replace(&mut above, here);
    }
    above.last().copied().unwrap_or_default().min(most + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_counted_as_people_make_them() {
        let count = |a: &str, b: &str| mistakes(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>(), 2);
        for (a, b, expected) in [
            ("gmail", "gmail", 0),
            ("gmial", "gmail", 1),
            ("gmal", "gmail", 1),
            ("gmaill", "gmail", 1),
            ("gnail", "gmail", 1),
            ("gnial", "gmail", 2),
            ("gmail", "hotmail", 3),
            ("", "ab", 2),
            ("school", "schuul", 2),
        ] {
            assert_eq!(count(a, b), expected, "{a} {b}");
            assert_eq!(count(b, a), expected, "{b} {a}");
        }
    }
}
