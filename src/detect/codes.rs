//! Access codes of secure shares, mailed on: twelve digits, however they are grouped, that are the code of a share of this
//! school which waits to be opened.
//!
//! Which codes live is handed in as keyed hashes, so that no code lies in the scanner's memory and any other twelve digits
//! (an order, an account) are none: that one of them is a live code by chance happens once in 10^12 for each. A number
//! begins and ends at the border of a group of digits; groups are at most three signs apart. Linear in the text, and never
//! fails.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use crate::detect::rule::Check;
use crate::detect::rules::Rules;
use crate::detect::score::Score;
use crate::detect::{Finding, MOST_FINDINGS, REPEATS, Zone};
use crate::extract::Texts;
use crate::secret::Secret;

/// It is the code: there is no doubt.
const LIVE: f32 = 8.0;
/// Digits of a code.
const DIGITS: usize = 12;
/// Signs between two groups of a code: a space, a dash, the end of a line and its quote.
const APART: usize = 3;

/// The codes that live, each as a keyed hash of its school and itself.
#[derive(Clone, Default)]
pub struct LiveCodes {
    key: RandomState,
    hashes: HashSet<u64>,
    told: Option<Arc<dyn Told>>,
}

/// What of shares was told to their senders and lives, although nobody here knows it: asking takes some milliseconds.
pub trait Told: fmt::Debug + Send + Sync {
    /// Whether a number of twelve digits is the code of a share of this school.
    fn is_code(&self, school: &str, number: u64) -> bool;

    /// Whether this names the link that a sender of this school has in his receipt.
    fn is_receipt(&self, school: &str, name: &str) -> bool;
}

impl LiveCodes {
    /// Those of schools, as twelve digits with or without spaces.
    pub fn new<'c>(key: RandomState, codes: impl Iterator<Item = (&'c str, &'c str)>) -> Self {
        let hash = |(school, code): (&str, &str)| {
            let digits = code.bytes().filter(u8::is_ascii_digit);
            key.hash_one((school, digits.fold(0u64, |number, digit| number.wrapping_mul(10) + u64::from(digit - b'0'))))
        };
        let hashes = codes.map(hash).collect();
        Self { key, hashes, told: None }
    }

    /// The same, and what was told and is known no more.
    #[must_use]
    pub fn and(self, told: Arc<dyn Told>) -> Self {
        Self { told: Some(told), ..self }
    }

    fn holds(&self, school: &str, number: u64) -> bool {
        self.hashes.contains(&self.key.hash_one((school, number)))
    }
}

impl fmt::Debug for LiveCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveCodes({})", self.hashes.len())
    }
}

/// A finding for each, with the text that it is in.
pub(super) fn findings(texts: &Texts, rules: &Rules, codes: &LiveCodes, school: &str) -> Vec<(usize, Finding)> {
    let mut found = Vec::new();
    let Some((_, rule)) = rules.with_check(Check::ShareCode) else { return found };
    if codes.hashes.is_empty() && codes.told.is_none() {
        return found;
    }
    let mut asked = HashMap::new();
    let mut is_code = |number: u64| {
        if codes.holds(school, number) {
            return true;
        }
        let Some(told) = &codes.told else { return false };
        let room = asked.len() < MOST_ASKED;
        *asked.entry(number).or_insert_with(|| room && told.is_code(school, number))
    };
    for (index, text) in texts.texts.iter().enumerate() {
        let is_receipt = |name: &str| codes.told.as_ref().is_some_and(|told| told.is_receipt(school, name));
        let mut ranges = told(&text.text, &mut is_code);
        ranges.extend(receipts(&text.text, is_receipt));
        for range in ranges.into_iter().take(REPEATS as usize) {
            if found.len() >= MOST_FINDINGS {
                return found;
            }
            let mut score = Score::new("the code of a secure share that waits to be opened", LIVE);
            score.add("the rule's own weight", rule.weight);
            let (confidence, why) = score.close();
            let finding = Finding {
                rule: rule.id.clone(),
                kind: rule.kind,
                strength: rule.strength,
                text: index,
                place: text.place.clone(),
                found: Secret::new(text.text.get(range.clone()).unwrap_or_default().to_owned()),
                range,
                cell: None,
                confidence,
                why,
                pupil: None,
                mode: rule.mode,
                threshold: rule.threshold,
                zone: Zone::New,
            };
            found.push((index, finding));
        }
    }
    found
}

/// Different numbers of one mail that are asked about: a list of orders has more, and a mail with a code has few.
const MOST_ASKED: usize = 40;
/// What stands before the name of a link in a receipt.
const RECEIPT: &str = "/kopie/";

/// Where links of receipts stand, from their names on.
fn receipts(text: &str, is_receipt: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let named = |at: usize| {
        let from = at + RECEIPT.len();
        let rest = text.get(from..)?;
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        is_receipt(name).then(|| from..from + name.len())
    };
    memchr::memmem::find_iter(text.as_bytes(), RECEIPT).take(MOST_ASKED).filter_map(named).collect()
}

/// A digit of a text.
#[derive(Clone, Copy)]
struct Digit {
    value: u64,
    at: usize,
    /// It begins a group.
    first: bool,
}

/// Where twelve digits stand that are wanted. Goes from digit to digit, and keeps the last twelve.
fn told(text: &str, mut wanted: impl FnMut(u64) -> bool) -> Vec<Range<usize>> {
    let (mut found, mut last): (Vec<Range<usize>>, std::collections::VecDeque<Digit>) =
        (Vec::new(), Default::default());
    // Where the digit before ended.
    let mut end = None;
    let mut from = 0;
    while let Some((at, c)) = next_digit(text, from) {
        from = at + c.len_utf8();
        let Some(value) = digit(c) else { continue };
        let apart = end.and_then(|end| text.get(end..at)).map_or(usize::MAX, signs);
        if apart > APART {
            last.clear();
        }
        last.push_back(Digit { value, at, first: apart > 0 });
        end = Some(from);
        if last.len() > DIGITS {
            last.pop_front();
        }
        let ends = text.get(from..).and_then(|rest| rest.chars().next()).is_none_or(|next| digit(next).is_none());
        let begins = last.front().filter(|digit| last.len() == DIGITS && digit.first);
        if let Some(begins) = begins.filter(|_| ends)
            && wanted(last.iter().fold(0, |number, digit| number * 10 + digit.value))
        {
            found.push(begins.at..from);
        }
    }
    found
}

/// The next character that is a digit, or begins as a wide one does, and where it stands.
fn next_digit(text: &str, from: usize) -> Option<(usize, char)> {
    let rest = text.as_bytes().get(from..)?;
    let at = from + rest.iter().position(|byte| byte.is_ascii_digit() || *byte == WIDE)?;
    Some((at, text.get(at..)?.chars().next()?))
}

/// The first byte of wide digits, and of some thousand other characters.
const WIDE: u8 = 0xEF;

/// How many signs stand between two digits; more than any code has when there is anything else, or too much.
fn signs(between: &str) -> usize {
    let few = between.len() <= APART * char::MAX.len_utf8() && between.chars().all(is_between);
    if few { between.chars().count() } else { usize::MAX }
}

/// Wide digits too (U+FF10), which people paste.
fn digit(c: char) -> Option<u64> {
    let c = if ('\u{ff10}'..='\u{ff19}').contains(&c) { char::from_u32(u32::from(c) - 0xff10 + 0x30)? } else { c };
    c.to_digit(10).map(u64::from)
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || "-.>*_\u{ad}\u{200b}\u{200c}\u{200d}\u{2010}\u{2011}\u{2013}\u{2060}\u{feff}".contains(c)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::detect::{Kind, findings_with};
    use crate::extract::Text;

    fn found(text: &str) -> Vec<String> {
        let live = [("linde", "4821 7730 5519"), ("berk", "111122223333")];
        let codes = LiveCodes::new(RandomState::new(), live.into_iter());
        let texts = Texts { texts: vec![Text { text: text.to_owned(), ..Text::default() }], ..Texts::default() };
        let found = findings_with(&texts, &Rules::shipped().unwrap(), None, (&codes, "linde"));
        let ours = found.into_iter().filter(|finding| finding.kind == Kind::ShareCode);
        ours.map(|finding| finding.found.expose().clone()).collect()
    }

    #[test]
    fn a_live_code_is_found_however_it_is_written() {
        for (text, expected) in [
            ("De code is 4821 7730 5519.", "4821 7730 5519"),
            ("code:482177305519", "482177305519"),
            ("4821-7730-5519", "4821-7730-5519"),
            ("> 4821 7730\n> 5519", "4821 7730\n> 5519"),
            ("4821\u{a0}7730\u{a0}5519 staat in de mail van 14.07 uur", "4821\u{a0}7730\u{a0}5519"),
            ("bel 06 12345678, code 4821 7730 5519", "4821 7730 5519"),
            ("４８２１ 7730 5519", "４８２１ 7730 5519"),
        ] {
            assert_eq!(found(text), [expected], "{text}");
        }
    }

    #[test]
    fn other_numbers_are_none() {
        for text in [
            "bestelling 482177305518",
            "14821 7730 5519",
            "4821 7730 55190",
            "4821 en 7730 en 5519",
            "de code van een andere school: 1111 2222 3333",
            "",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
        // Order numbers by the thousand: a fixed walk through twelve digits.
        let mut number = 17u64;
        let orders: Vec<String> = (0..20_000)
            .map(|_| {
                number = (number * 6_364_136_223_846_793_005u64.rem_euclid(1_000_003) + 1_442_695_040_888)
                    % 1_000_000_000_000;
                format!("{number:012}")
            })
            .filter(|order| order != "482177305519")
            .collect();
        assert!(found(&orders.join(" ")).is_empty());
    }

    #[test]
    fn nothing_of_a_code_is_shown() {
        let codes = LiveCodes::new(RandomState::new(), [("linde", "482177305519")].into_iter());
        assert_eq!(format!("{codes:?}"), "LiveCodes(1)");
    }
}
