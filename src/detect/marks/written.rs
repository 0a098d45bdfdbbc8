//! Dates as people write them: `3-5-2014`, `2014-05-03`, `20140503`, "3 mei 2014", "May 3rd, 2014", "27 februari '14".
//!
//! Knows nothing of what a date is for. Looks at six tokens at most, and never fails.

use crate::detect::reading::{Reading, Token, gap};

/// A date in the tokens of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// The index of its last token.
    pub last: usize,
    /// The index of the token that begins with its year, or is a day.
    pub year: usize,
    /// Written so that it is a date only when something calls it one: `28 12 2017`, `20171228`.
    pub loose: bool,
}

/// The date that begins with this token.
pub fn date(reading: &Reading<'_>, at: usize, token: &Token) -> Option<Date> {
    // Part of a longer number or word is none.
    if at > 0 && token.gap == 0 {
        return None;
    }
    let date = |last, year| Some(Date { last, year, loose: false });
    if !token.digits {
        return month_first(reading, at, token).and_then(|last| date(last, last));
    }
    if token.len() == 8 {
        return joined(reading.bytes(token)).then_some(Date { last: at, year: at, loose: true });
    }
    let (second, third) = (reading.token(at + 1)?, reading.token(at + 2)?);
    if second.digits && third.digits {
        let single = |token: &Token| [gap::HYPHEN, gap::SLASH, gap::DOT].contains(&token.gap);
        let lengths = (token.len(), second.len(), third.len());
        return match lengths {
            (1..=2, 1..=2, 2 | 4) if single(second) && single(third) => date(at + 2, at + 2),
            (4, 2, 2) if single(second) && single(third) => date(at + 2, at),
            (2, 2, 4) if second.gap == gap::SPACE && third.gap == gap::SPACE => {
                Some(Date { last: at + 2, year: at + 2, loose: true })
            }
            _ => None,
        };
    }
    day_first(reading, at, token).and_then(|last| date(last, last))
}

/// `20140503`, of somebody who lives.
fn joined(digits: &[u8]) -> bool {
    let number =
        |from: usize| digits.get(from..from + 2).and_then(|two| std::str::from_utf8(two).ok()?.parse::<u8>().ok());
    matches!((number(0), number(4), number(6)), (Some(19 | 20), Some(1..=12), Some(1..=31)))
}

/// "3 mei 2014", "24th of May, 2011".
fn day_first(reading: &Reading<'_>, at: usize, token: &Token) -> Option<usize> {
    if token.len() > 2 {
        return None;
    }
    let mut next = at + 1;
    let word = |at: usize| reading.token(at).map(|token| reading.bytes(token));
    if reading.token(next).is_some_and(|token| token.gap == 0) && is_ordinal(word(next)?) {
        next += 1;
    }
    if word(next)?.eq_ignore_ascii_case(b"of") {
        next += 1;
    }
    let month = reading.token(next)?;
    let spaced = month.gap & !BETWEEN == 0;
    if !spaced || month.digits || !is_month(reading.bytes(month)) {
        return None;
    }
    is_year(reading, next + 1).then_some(next + 1)
}

/// "May 3, 2014", "March 12th 2012".
fn month_first(reading: &Reading<'_>, at: usize, token: &Token) -> Option<usize> {
    let day = reading.token(at + 1).filter(|day| day.digits && day.len() <= 2 && day.gap & !BETWEEN == 0)?;
    if !is_month(reading.bytes(token)) || day.gap == 0 {
        return None;
    }
    let ordinal = reading.token(at + 2).is_some_and(|token| token.gap == 0 && is_ordinal(reading.bytes(token)));
    let year = at + 2 + usize::from(ordinal);
    (is_year(reading, year) && reading.token(year).is_some_and(|token| token.len() == 4)).then_some(year)
}

/// Four digits, or two after an apostrophe.
fn is_year(reading: &Reading<'_>, at: usize) -> bool {
    let Some(token) = reading.token(at).filter(|token| token.digits) else { return false };
    let short = token.len() == 2 && token.gap & gap::APOSTROPHE != 0;
    // "12 sept. 2014": the full stop ends no sentence, though it looks so.
    let between = BETWEEN | gap::DOT | gap::COMMA | gap::APOSTROPHE | gap::SEGMENT;
    (token.len() == 4 || short) && token.gap & !between == 0
}

/// What may stand between the parts of a date in words.
const BETWEEN: u16 = gap::SPACE | gap::LINE | gap::QUOTE;

fn is_ordinal(word: &[u8]) -> bool {
    let ordinals: [&[u8]; 6] = [b"st", b"nd", b"rd", b"th", b"e", b"ste"];
    ordinals.iter().any(|ordinal| ordinal.eq_ignore_ascii_case(word))
}

fn is_month(word: &[u8]) -> bool {
    const MONTHS: [&[u8]; 33] = [
        b"januari",
        b"februari",
        b"maart",
        b"april",
        b"mei",
        b"juni",
        b"juli",
        b"augustus",
        b"september",
        b"oktober",
        b"november",
        b"december",
        b"jan",
        b"feb",
        b"mrt",
        b"apr",
        b"jun",
        b"jul",
        b"aug",
        b"sep",
        b"sept",
        b"okt",
        b"nov",
        b"dec",
        b"january",
        b"february",
        b"march",
        b"august",
        b"may",
        b"june",
        b"july",
        b"october",
        b"oct",
    ];
    MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word))
}
