//! Numbers: runs of digits in a text that could be a BSN or an onderwijsnummer, in any notation.
//!
//! Separators, line breaks with quote marks, digits one by one, letters glued to either side: all give a
//! [`Number`], with its oddities noted for the scores. From each digit on at most nine are looked at, so
//! this is linear, whatever the text.

use std::ops::RangeInclusive;

use crate::detect::reading::{Reading, Token, gap};

/// Seven to nine digits that stand for one number.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// Its first token.
    pub first: u32,
    /// Its last token.
    pub last: u32,
    /// The digits, with zeros in front.
    pub digits: [u8; 9],
    /// How many digits stood there.
    pub written: u8,
    /// What is odd about how it stands.
    pub odd: Odd,
}

/// What is odd about a number's surroundings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odd {
    /// More digits join it: it is part of something longer.
    pub longer: bool,
    /// A short code of capitals stands glued to it (`NL...`, `3S...`).
    pub code: bool,
    /// Letters stand glued to both sides.
    pub inside: bool,
    /// Grouped in a way nobody groups a BSN.
    pub grouping: bool,
    /// Grouped 4-2-3, as letters from the authorities print a BSN.
    pub printed: bool,
    /// A country code of a phone number stands before it, or `B01` of a btw-id behind.
    pub other: bool,
    /// It goes on over a line break, or from cell to cell.
    pub broken: bool,
}

/// The remainder of the elfproef: 9a+8b+7c+6d+5e+4f+3g+2h-i, modulo 11. 0 for a BSN (Besluit
/// burgerservicenummer), 5 for an onderwijsnummer.
pub fn elfproef(digits: &[u8; 9]) -> u32 {
    let weights = [9i32, 8, 7, 6, 5, 4, 3, 2, -1];
    let sum: i32 = digits.iter().zip(weights).map(|(&digit, weight)| i32::from(digit) * weight).sum();
    sum.rem_euclid(11).unsigned_abs()
}

/// Whether nine digits are a BSN by their form.
pub fn is_bsn(digits: &[u8; 9]) -> bool {
    elfproef(digits) == 0 && digits.iter().any(|&digit| digit != 0)
}

/// Whether nine digits are an onderwijsnummer by their form.
pub fn is_education_number(digits: &[u8; 9]) -> bool {
    digits.starts_with(&[1, 0]) && elfproef(digits) == 5
}

/// Numbers that are published as examples. They say more about the writer than about a person.
pub fn is_published(digits: &[u8; 9]) -> bool {
    const PUBLISHED: [[u8; 9]; 3] =
        [[1, 1, 1, 2, 2, 2, 3, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 2], [2, 4, 9, 5, 6, 6, 7, 5, 8]];
    digits.starts_with(&[9, 9, 9, 9]) || PUBLISHED.contains(digits)
}

/// All numbers of seven to nine digits, in text order; also those that fail the elfproef.
pub fn numbers(reading: &Reading<'_>) -> Vec<Number> {
    let mut numbers = Vec::new();
    let mut from = 0;
    for &at in &reading.digits {
        let Some(token) = reading.token(at as usize).filter(|token| at >= from && token.len() <= 9) else { continue };
        if let Some(number) = number_at(reading, at as usize, token) {
            from = number.last + 1;
            numbers.push(number);
        }
    }
    numbers
}

fn number_at(reading: &Reading<'_>, first: usize, token: &Token) -> Option<Number> {
    let mut last = first;
    let mut written = token.len();
    let mut separators = 0u16;
    while written < 9 {
        let Some(next) = reading.token(last + 1) else { break };
        let Some(separator) = separator(next) else { break };
        if written + next.len() > 9 {
            break;
        }
        separators |= separator;
        written += next.len();
        last += 1;
    }
    let whole = written == 9;
    if !whole {
        // A lost zero is lost from an unseparated number, by a spreadsheet.
        (last, written, separators) = (first, token.len(), 0);
        if !(7..=8).contains(&written) {
            return None;
        }
    }
    let number = Number {
        first: first as u32,
        last: last as u32,
        digits: digits(reading, first..=last, 9 - written),
        written: written as u8,
        odd: odd(reading, first, last, separators),
    };
    let cells = separators & gap::CELL != 0;
    (!cells || last - first == 8).then_some(number)
}

/// The separator before a digit token, when it can be inside a number.
fn separator(next: &Token) -> Option<u16> {
    if !next.digits {
        return None;
    }
    let bits = next.gap & !gap::SEGMENT;
    let line = gap::LINE | gap::SPACE | gap::QUOTE;
    let single = [gap::SPACE, gap::DOT, gap::HYPHEN, gap::SLASH, gap::CELL].contains(&bits);
    let wrapped = bits & gap::LINE != 0 && bits & !(line | gap::DOT | gap::HYPHEN | gap::SLASH) == 0;
    let spaced = [gap::SPACE | gap::HYPHEN, gap::SPACE | gap::DOT, gap::SPACE | gap::SLASH].contains(&bits);
    (single || wrapped || spaced || bits == 0).then_some(bits)
}

fn digits(reading: &Reading<'_>, tokens: RangeInclusive<usize>, zeros: usize) -> [u8; 9] {
    let mut digits = [0; 9];
    let found = reading.tokens.get(tokens).unwrap_or_default().iter().flat_map(|token| reading.bytes(token));
    for (digit, byte) in digits.iter_mut().skip(zeros).zip(found) {
        *digit = byte.wrapping_sub(b'0');
    }
    digits
}

fn odd(reading: &Reading<'_>, first: usize, last: usize, separators: u16) -> Odd {
    let before = first.checked_sub(1).and_then(|i| reading.token(i));
    let after = reading.token(last + 1);
    let own = reading.token(first);
    let gap_before = own.map_or(0, |token| token.gap);
    let glued_before = before.is_some_and(|token| !token.digits) && gap_before == 0;
    let glued_after = after.is_some_and(|token| !token.digits && token.gap == 0);
    let code = |token: Option<&Token>| token.is_some_and(|token| token.upper && token.len() <= 4);
    let tight = |bits: u16| bits & !(gap::DOT | gap::HYPHEN | gap::SLASH) == 0;
    let same = |bits: u16| tight(bits) || (first != last && bits == gap::SPACE && separators & gap::SPACE != 0);
    let longer_before = before.is_some_and(|token| token.digits && same(gap_before));
    let longer_after = after.is_some_and(|token| token.digits && same(token.gap));
    let phone = before.is_some_and(|token| {
        let word = reading.bytes(token);
        token.digits && (word == b"31" || word == b"0031" || (word == b"0" && gap_before & gap::BRACKET != 0))
    });
    let btw = after.is_some_and(|token| token.gap & !gap::DOT == 0 && reading.bytes(token).eq_ignore_ascii_case(b"b"))
        && reading.token(last + 2).is_some_and(|token| token.digits && token.gap & !gap::DOT == 0 && token.len() == 2);
    let plus = own.is_some_and(|token| reading.byte_before(token.start) == Some(b'+'));
    Odd {
        longer: longer_before || longer_after,
        code: (glued_before && code(before)) || (glued_after && code(after)),
        inside: glued_before && glued_after,
        grouping: !usual(reading, first, last),
        printed: reading.tokens.get(first..=last).is_some_and(|tokens| tokens.iter().map(Token::len).eq([4, 2, 3])),
        other: phone || btw || plus,
        broken: separators & (gap::LINE | gap::CELL) != 0,
    }
}

/// The groupings in which people write nine digits.
fn usual(reading: &Reading<'_>, first: usize, last: usize) -> bool {
    let lengths: Vec<usize> = reading.tokens.get(first..=last).unwrap_or_default().iter().map(Token::len).collect();
    matches!(
        lengths.as_slice(),
        [_] | [4, 2, 3] | [3, 3, 3] | [2, 3, 4] | [3, 2, 4] | [4, 5] | [2, 2, 2, 3] | [3, 6] | [6, 3]
    ) || (lengths.len() == 9 && lengths.iter().all(|&length| length == 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::extract::Text;

    fn found(text: &str) -> Vec<String> {
        let text = Text { text: text.to_owned(), ..Text::default() };
        let reading = Reading::new(&text);
        numbers(&reading).iter().map(|n| n.digits.iter().map(|d| char::from(b'0' + d)).collect()).collect()
    }

    #[test]
    fn the_elfproef_of_published_numbers() {
        for (number, bsn, education) in [
            ("111222333", true, false),
            ("123456782", true, false),
            ("101222331", false, true),
            ("000000000", false, false),
        ] {
            let digits: Vec<u8> = number.bytes().map(|byte| byte - b'0').collect();
            let digits: [u8; 9] = digits.try_into().unwrap();
            assert_eq!((is_bsn(&digits), is_education_number(&digits)), (bsn, education), "{number}");
        }
    }

    #[test]
    fn every_notation_gives_the_same_digits() {
        for text in [
            "123456782",
            "1234.56.782",
            "123 456 782",
            "123-456-782",
            "1234/56/782",
            "123\u{A0}456\u{A0}782",
            "1 2 3 4 5 6 7 8 2",
            "12345\n> 6782",
            "1234.56.\n> 782",
            "BSN123456782",
            "?bsn=123456782&x",
            "１２３４５６７８２",
            "1\t2\t3\t4\t5\t6\t7\t8\t2",
            "1234\u{AD}56782",
            "den123456782",
        ] {
            assert_eq!(found(text), ["123456782"], "{text:?}");
        }
        assert_eq!(found("23456782"), ["023456782"]);
        assert_eq!(found("12345 1234567890 1-2-2014"), [""; 0]);
    }
}
