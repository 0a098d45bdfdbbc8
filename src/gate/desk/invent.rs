//! A line like that of a mail, in which everything that could be somebody's is invented: for a test of a rule.
//!
//! Kept are signs, spaces, and words in small letters that anybody writes (the list of everyday words). Numbers become
//! other digits, and all other words other letters, of the same shape: as long, with capitals where there were capitals.
//! What is invented depends on its place alone, never on what was there, so nothing can be worked back.

use crate::detect::is_everyday;

/// The line, with an invented finding in the middle.
pub(super) fn line(before: &str, found: &str, after: &str) -> String {
    let mut inventor = Inventor::default();
    let words = |text: &str, inventor: &mut Inventor, keeps: bool| inventor.invent(text, keeps);
    // A number or name that was cut in two at the edge is invented like a whole one.
    let before = words(before, &mut inventor, true);
    let found = number_like(found).unwrap_or_else(|| words(found, &mut inventor, false));
    let after = words(after, &mut inventor, true);
    format!("{before}{found}{after}").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// For nine digits that pass the elfproef, nine others that do: a rule of BSNs would find no number that fails it.
fn number_like(found: &str) -> Option<String> {
    const INVENTED: [&str; 2] = ["111222333", "999990019"];
    let digits: String = found.chars().filter(char::is_ascii_digit).collect();
    if digits.len() != 9 || found.chars().any(char::is_alphabetic) || !passes_elfproef(&digits) {
        return None;
    }
    let mut invented = INVENTED.into_iter().find(|number| *number != digits)?.chars();
    Some(found.chars().map(|c| if c.is_ascii_digit() { invented.next().unwrap_or('0') } else { c }).collect())
}

/// Weights 9 to 2 and -1, the sum divisible by 11 (Wabb art. 1, Besluit BSN).
fn passes_elfproef(digits: &str) -> bool {
    let weights = [9, 8, 7, 6, 5, 4, 3, 2, -1];
    let values = digits.bytes().map(|digit| i32::from(digit) - i32::from(b'0'));
    values.zip(weights).map(|(digit, weight)| digit * weight).sum::<i32>() % 11 == 0
}

const CONSONANTS: &[u8] = b"bdfghklmnprstvz";
const VOWELS: &[u8] = b"aeiou";

#[derive(Default)]
struct Inventor {
    /// How many letters and digits were invented so far.
    made: usize,
}

impl Inventor {
    fn invent(&mut self, text: &str, keeps: bool) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let in_word = |c: &char| c.is_alphanumeric() || is_mark(*c);
            let word: String = rest.chars().take_while(in_word).collect();
            if word.is_empty() {
                out.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
            rest = rest.get(word.len()..).unwrap_or_default();
            if keeps && is_anybodys(&word) {
                out.push_str(&word);
            } else {
                out.push_str(&self.word(&word));
            }
        }
        out
    }

    /// Another word of the same shape.
    fn word(&mut self, word: &str) -> String {
        loop {
            let made: String = word.chars().filter(|c| !is_mark(*c)).map(|c| self.letter(c)).collect();
            // A number of one digit in ten is what was there, and the next one is not.
            if made != word {
                return made;
            }
        }
    }

    fn letter(&mut self, like: char) -> char {
        self.made += 1;
        let pick = |from: &[u8], step: usize| from.get(self.made * step % from.len()).map_or('x', |b| char::from(*b));
        if like.is_numeric() {
            return pick(b"1234567890", 7);
        }
        let letter = if self.made.is_multiple_of(2) { pick(VOWELS, 3) } else { pick(CONSONANTS, 4) };
        if like.is_uppercase() { letter.to_ascii_uppercase() } else { letter }
    }
}

/// Abbreviations that rules look for, and that are nobody's initials.
const KNOWN: [&str; 6] = ["BSN", "PGN", "IBAN", "OKR", "OPP", "OSO"];

/// A word in small letters that anybody writes, or a known abbreviation. A name with a capital is none, though it be a
/// word too.
fn is_anybodys(word: &str) -> bool {
    KNOWN.contains(&word) || word.chars().all(char::is_lowercase) && is_everyday(word)
}

/// Combining marks belong to the letter before them.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_stay_and_values_go() {
        let made = line("Het BSN van Noor Aalbers is ", "123456782", ", geboren op 04-03-2016 (daan@x.nl)");
        assert!(made.contains(" van ") && made.contains(" is ") && made.contains("geboren op "), "{made}");
        assert!(made.contains(" BSN "), "{made}");
        for gone in ["123456782", "Noor", "Aalbers", "04-03", "2016", "daan"] {
            assert!(!made.contains(gone), "{gone} in {made}");
        }
        let shape = |text: &str| -> String {
            let of = |c: char| match c {
                c if c.is_numeric() => '9',
                c if c.is_uppercase() => 'A',
                c if c.is_alphabetic() => 'a',
                c => c,
            };
            text.chars().map(of).collect()
        };
        assert_eq!(shape(&made), shape("Het BSN van Noor Aalbers is 123456782, geboren op 04-03-2016 (daan@x.nl)"));
    }

    #[test]
    fn a_finding_is_invented_though_it_be_an_everyday_word() {
        assert!(!line("zij heeft ", "griep", " en is ziek").contains("griep"));
        assert!(line("zij heeft ", "griep", " en is ziek").contains("zij heeft"));
    }

    #[test]
    fn a_bsn_becomes_another_that_passes_the_elfproef() {
        assert_eq!(line("", "1234.56.782", ""), "1112.22.333");
        assert_eq!(line("", "111222333", ""), "999990019");
        assert!(passes_elfproef("111222333") && passes_elfproef("999990019") && !passes_elfproef("123456789"));
        assert_ne!(line("", "123456789", ""), "111222333");
    }

    #[test]
    fn what_is_invented_does_not_depend_on_what_was_there() {
        assert_eq!(line("", "123456782", ""), line("", "999991000", ""));
        assert_eq!(line("", "Noor", ""), line("", "Daan", ""));
        // Even when that is, by chance, what was invented.
        let made = line("", "123456782", "");
        assert_ne!(line("", &made, ""), made);
        for digit in "0123456789".chars() {
            assert_ne!(line("", &digit.to_string(), ""), digit.to_string());
        }
    }
}
