//! Dates and times: days since an epoch -> what a section shows.

use std::fmt::Write;

use super::Epoch;
use super::code::{Section, Token};

/// The first day that has no date any more: 1 January 10000.
const END: f64 = 2_958_466.0;
const DAY: i64 = 86_400;

const MONTHS: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const SHORT_MONTHS: [&str; 12] = ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"];
const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"];
const ENGLISH_DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) fn show(section: &Section, value: f64, epoch: Epoch, out: &mut String) {
    let days = value + if epoch == Epoch::Y1904 { 1462.0 } else { 0.0 };
    if !(0.0..END).contains(&days) {
        // What Excel fills the cell with: the number is no date.
        return out.push_str("########");
    }
    let fraction = section.tokens.iter().find_map(|token| match token {
        Token::Fraction(count) => Some(*count as u32),
        _ => None,
    });
    let unit = 10_i64.pow(fraction.unwrap_or(0).min(3));
    let parts = (days * (DAY * unit) as f64).round() as i64;
    let (seconds, part) = (parts / unit, parts % unit);
    let (day, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day_of_month) = civil(day);
    let half = section.tokens.contains(&Token::HalfDay);
    let hour = match second / 3600 {
        hour if half => (hour + 11) % 12 + 1,
        hour => hour,
    };
    for token in &section.tokens {
        // Writing to a String cannot fail.
        let _ = match token {
            Token::Literal(text) => out.write_str(text),
            Token::Slash => out.write_char('-'),
            Token::Point => out.write_char('.'),
            Token::Percent => out.write_char('%'),
            Token::Year(1 | 2) => write!(out, "{:02}", year % 100),
            Token::Year(_) => write!(out, "{year:04}"),
            Token::Month(count) => named_month(section.english, month, *count, out),
            Token::Day(count) => named_day(section.english, day, day_of_month, *count, out),
            Token::Hour(count) => padded(hour, *count, out),
            Token::Minute(count) => padded(second / 60 % 60, *count, out),
            Token::Second(count) => padded(second % 60, *count, out),
            Token::Fraction(count) => write!(out, ",{part:00$}", (*count).min(3)),
            Token::Elapsed('h', count) => padded(seconds / 3600, *count, out),
            Token::Elapsed('m', count) => padded(seconds / 60, *count, out),
            Token::Elapsed(_, count) => padded(seconds, *count, out),
            Token::HalfDay => out.write_str(if second < DAY / 2 { "AM" } else { "PM" }),
            Token::Digit(_) | Token::Exponent(_) | Token::General => Ok(()),
        };
    }
}

fn padded(number: i64, count: usize, out: &mut String) -> std::fmt::Result {
    write!(out, "{number:0width$}", width = count.min(9))
}

fn named_month(english: bool, month: usize, count: usize, out: &mut String) -> std::fmt::Result {
    let long = if english { ENGLISH_MONTHS } else { MONTHS }.get(month.wrapping_sub(1)).copied().unwrap_or_default();
    match count {
        1 | 2 => padded(month as i64, count, out),
        3 if english => out.write_str(long.get(..3).unwrap_or(long)),
        3 => out.write_str(SHORT_MONTHS.get(month.wrapping_sub(1)).copied().unwrap_or_default()),
        5 => out.write_str(long.get(..1).unwrap_or(long)),
        _ => out.write_str(long),
    }
}

fn named_day(english: bool, day: i64, of_month: i64, count: usize, out: &mut String) -> std::fmt::Result {
    let index = usize::try_from((day - 1).rem_euclid(7)).unwrap_or(0);
    let long = if english { ENGLISH_DAYS } else { DAYS }.get(index).copied().unwrap_or_default();
    match count {
        1 | 2 => padded(of_month, count, out),
        3 => out.write_str(long.get(..if english { 3 } else { 2 }).unwrap_or(long)),
        _ => out.write_str(long),
    }
}

/// Year, month and day of a day since 31 December 1899, as Excel counts: with 29 February 1900, which never was.
fn civil(day: i64) -> (i64, usize, i64) {
    let day = match day {
        0 => return (1900, 1, 0),
        60 => return (1900, 2, 29),
        1..60 => day,
        _ => day - 1,
    };
    // Days since 1 March 0000, in eras of 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let since = day + 693_900;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), of_year - (153 * shifted + 2) / 5 + 1)
}
