//! The values that go, and whether one still stands somewhere.
//!
//! Only values that point at somebody count outside of cells: a number of five digits or more, a text of several words,
//! a long word. That "geen" or "dyslexie" stands in a heading too says nothing of the column.

use std::collections::HashSet;

use aho_corasick::AhoCorasick;

use super::CannotRedact;

/// What goes.
#[derive(Default)]
pub(super) struct Values {
    /// Every value as it stands in a cell.
    whole: HashSet<String>,
    /// Numbers, without the zeros in front.
    numbers: HashSet<String>,
    /// Texts that point at somebody.
    texts: Vec<String>,
    octets: usize,
    finder: Option<AhoCorasick>,
}

/// The most octets of text that are looked for.
const MOST: usize = 2 << 20;
/// From so many digits a number points at somebody.
const DIGITS: usize = 5;
/// From so many characters a word does.
const LONG: usize = 12;

impl Values {
    /// Adds a value.
    pub(super) fn add(&mut self, value: &str) {
        let value = value.trim();
        if value.is_empty() || !self.whole.insert(folded(value)) {
            return;
        }
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        if value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b' ')) && digits >= DIGITS {
            let whole = value.strip_suffix(".0").unwrap_or(value);
            self.numbers.insert(without_zeros(&whole.replace(['.', ' '], "")).to_string());
        }
        let letters = value.chars().count();
        let several = value.contains(char::is_whitespace) && letters >= DIGITS;
        if (digits >= DIGITS || several || letters >= LONG) && value.parse::<f64>().is_err() {
            self.octets = self.octets.saturating_add(value.len());
            if self.octets <= MOST {
                self.texts.push(value.to_string());
            }
        }
    }

    /// Makes ready to search.
    ///
    /// # Errors
    /// There is too much to look for.
    pub(super) fn ready(&mut self) -> Result<(), CannotRedact> {
        if self.octets > MOST {
            return Err(CannotRedact::OverLimit);
        }
        let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(&self.texts);
        self.finder = Some(finder.map_err(|_| CannotRedact::OverLimit)?);
        Ok(())
    }

    /// Whether a cell holds one of them, and nothing else. Small numbers are the same by chance.
    pub(super) fn is_one(&self, cell: &str) -> bool {
        let cell = cell.trim();
        let digits = cell.bytes().filter(u8::is_ascii_digit).count();
        let says = cell.chars().filter(|c| c.is_alphabetic()).count() > 2 || digits >= DIGITS;
        says && self.whole.contains(&folded(cell))
    }

    /// Whether one that points at somebody stands in a text.
    pub(super) fn stands_in(&self, text: &str) -> bool {
        self.number_stands_in(text, DIGITS) || self.finder.as_ref().is_some_and(|finder| finder.is_match(text))
    }

    /// Whether one stands among the octets of a file of any kind, where short numbers are measures and counts.
    pub(super) fn stands_in_octets(&self, octets: &[u8]) -> bool {
        let text = String::from_utf8_lossy(octets);
        self.number_stands_in(&text, 8) || self.finder.as_ref().is_some_and(|finder| finder.is_match(text.as_bytes()))
    }

    fn number_stands_in(&self, text: &str, least: usize) -> bool {
        let mut runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= least);
        !self.numbers.is_empty() && runs.any(|run| self.numbers.contains(without_zeros(run)))
    }
}

/// In lower case, and numbers without the zeros in front.
fn folded(value: &str) -> String {
    match value.bytes().all(|b| b.is_ascii_digit()) {
        true => without_zeros(value).to_string(),
        false => value.to_lowercase(),
    }
}

fn without_zeros(number: &str) -> &str {
    number.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_points_at_somebody_is_found_anywhere() {
        let mut values = Values::default();
        for value in ["012345678", "Kim de Vos", "geen", "8", "astma", "NL91ABNA0417164300", "1234.56.782", ""] {
            values.add(value);
        }
        values.ready().unwrap();
        for (text, stands) in [
            ("bsn 12345678.", true),
            ("bsn 123456789", false),
            ("van KIM DE VOS weg", true),
            ("geen astma", false),
            ("iban NL91ABNA0417164300x", true),
            ("123456782", true),
            ("1234.56.782", true),
            ("8", false),
        ] {
            assert_eq!(values.stands_in(text), stands, "{text}");
        }
        for (cell, one) in [(" Astma", true), ("8", false), ("12345678", true), ("Kim", false)] {
            assert_eq!(values.is_one(cell), one, "{cell}");
        }
    }
}
