//! Numbers that are no dates: digits at their places, thousands, fractions, powers of ten.

use std::fmt::Write;

use super::code::{Section, Token};

/// More decimals than a number has (18.8.30 allows thirty).
const DECIMALS: usize = 30;

/// A number as General shows it: eleven characters, or a power of ten.
pub(super) fn general(value: f64, out: &mut String) {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e11 {
        let _ = write!(out, "{}", value as i64);
    } else if (1e-9..1e11).contains(&size) {
        let whole = (size.log10().floor().max(0.0) as usize) + 1;
        let shown = format!("{value:.0$}", 10_usize.saturating_sub(whole));
        let shown = if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.') } else { &shown };
        out.push_str(&shown.replace('.', ","));
    } else {
        let shown = format!("{value:.5e}");
        let (digits, power) = shown.split_once('e').unwrap_or((&shown, "0"));
        out.push_str(&digits.trim_end_matches('0').trim_end_matches('.').replace('.', ","));
        let power: i32 = power.parse().unwrap_or(0);
        let _ = write!(out, "E{}{:02}", if power < 0 { '-' } else { '+' }, power.abs());
    }
}

/// A section whose one number is shown already.
pub(super) fn literally(section: &Section, shown: &str, out: &mut String) {
    let mut placed = false;
    for token in &section.tokens {
        match token {
            Token::General => {
                placed = true;
                out.push_str(shown);
            }
            Token::Literal(text) => out.push_str(text),
            _ => {}
        }
    }
    if !placed {
        out.push_str(shown);
    }
}

/// A number without its sign, as a section shows it.
pub(super) fn show(section: &Section, value: f64, out: &mut String) {
    let percents = section.tokens.iter().filter(|token| **token == Token::Percent).count() as i32;
    let value = value * 100_f64.powi(percents) / 1000_f64.powi(section.thousands);
    if let Some(bar) = section.tokens.iter().position(|token| *token == Token::Slash)
        && section.tokens.iter().take(bar).any(|token| matches!(token, Token::Digit(_)))
    {
        return fraction(section, bar, value, out);
    }
    match section.tokens.iter().position(|token| matches!(token, Token::Exponent(_))) {
        Some(exponent) => power(section, exponent, value, out),
        None => place(section, &section.tokens, value, out),
    }
}

/// Digits at their places.
fn place(section: &Section, tokens: &[Token], value: f64, out: &mut String) {
    let point = tokens.iter().position(|token| *token == Token::Point).unwrap_or(tokens.len());
    let (before, behind) = tokens.split_at_checked(point).unwrap_or((tokens, &[]));
    let is_digit = |token: &&Token| matches!(token, Token::Digit(_));
    let decimals = behind.iter().filter(is_digit).count();
    let rounded = format!("{:.*}", decimals.min(DECIMALS), nudged(value));
    let (whole, part) = rounded.split_once('.').unwrap_or((&rounded, ""));
    let whole = if whole == "0" { "" } else { whole };
    let places = before.iter().filter(is_digit).count();
    let mut left = places;
    if places == 0 && !behind.is_empty() {
        out.push_str(whole);
    }
    for token in before {
        if let Token::Digit(kind) = token {
            left -= 1;
            let from = if left + 1 == places { whole.len().max(left + 1) } else { left + 1 };
            digits(section.grouped, *kind, whole, (left..from).rev(), out);
        } else {
            other(token, out);
        }
    }
    // Zeros at the end are shown only as far as there are places that want them.
    let wanted = behind.iter().filter(is_digit).collect::<Vec<_>>();
    let least = wanted.iter().rposition(|token| **token != Token::Digit('#')).map_or(0, |last| last + 1);
    let part = part.get(..least.max(part.trim_end_matches('0').len())).unwrap_or(part);
    let mut part = part.chars();
    for token in behind {
        match token {
            Token::Point => out.push(','),
            Token::Digit(_) => out.extend(part.next()),
            _ => other(token, out),
        }
    }
}

/// The digits at some positions, counted from the right end of a whole number.
fn digits(grouped: bool, kind: char, whole: &str, positions: impl Iterator<Item = usize>, out: &mut String) {
    for position in positions {
        let digit = whole.len().checked_sub(position + 1).and_then(|at| whole.as_bytes().get(at));
        match (digit, kind) {
            (Some(&digit), _) => out.push(char::from(digit)),
            (None, '0') => out.push('0'),
            (None, '?') => out.push(' '),
            _ => continue,
        }
        if grouped && position > 0 && position % 3 == 0 {
            out.push('.');
        }
    }
}

fn other(token: &Token, out: &mut String) {
    match token {
        Token::Literal(text) => out.push_str(text),
        Token::Percent => out.push('%'),
        Token::Slash => out.push('/'),
        Token::Point => out.push(','),
        _ => {}
    }
}

/// A power of ten: `1,00E+09`.
fn power(section: &Section, at: usize, value: f64, out: &mut String) {
    let (mantissa, rest) = section.tokens.split_at_checked(at).unwrap_or((&section.tokens, &[]));
    let point = mantissa.iter().position(|token| *token == Token::Point).unwrap_or(mantissa.len());
    let step = mantissa.iter().take(point).filter(|token| matches!(token, Token::Digit(_))).count().max(1) as i32;
    let decimals = mantissa.iter().skip(point).filter(|token| matches!(token, Token::Digit(_))).count();
    // Rounding first may carry: 9,996 with two decimals is 1,00E+01.
    let rounded = format!("{value:.*e}", decimals.min(DECIMALS) + step as usize - 1);
    let exponent: i32 = rounded.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let exponent = exponent.div_euclid(step) * step;
    // In two steps: the power of a tiny number is out of bounds by itself.
    let scaled = value / 10_f64.powi(exponent / 2) / 10_f64.powi(exponent - exponent / 2);
    place(section, mantissa, scaled, out);
    let width = rest.iter().filter(|token| matches!(token, Token::Digit(_))).count();
    let plus = rest.first() == Some(&Token::Exponent(true));
    let sign = if exponent < 0 {
        "-"
    } else if plus {
        "+"
    } else {
        ""
    };
    let _ = write!(out, "E{sign}{:0width$}", exponent.abs());
    rest.iter().filter(|token| matches!(token, Token::Literal(_) | Token::Percent)).for_each(|token| other(token, out));
}

/// A fraction: `1 1/2`.
fn fraction(section: &Section, bar: usize, value: f64, out: &mut String) {
    let tokens = &section.tokens;
    let top = tokens.iter().take(bar).rev().take_while(|token| matches!(token, Token::Digit(_))).count();
    let mixed = tokens.iter().take(bar - top.min(bar)).any(|token| matches!(token, Token::Digit(_)));
    let fixed = tokens.iter().skip(bar + 1).find_map(|token| match token {
        Token::Literal(text) => text.trim().parse::<u32>().ok(),
        _ => None,
    });
    let places = tokens.iter().skip(bar + 1).filter(|token| matches!(token, Token::Digit(_))).count();
    let most = [9_u32, 99, 999].get(places.saturating_sub(1)).copied().unwrap_or(999);
    let whole = if mixed { value.floor() } else { 0.0 };
    let part = value - whole;
    let error = |under: u32| (part - (part * f64::from(under)).round() / f64::from(under)).abs();
    let under = fixed.filter(|under| *under > 0).unwrap_or_else(|| {
        (1..=most).fold(1, |best, under| if error(under) + 1e-12 < error(best) { under } else { best })
    });
    let over = (part * f64::from(under)).round();
    if whole > 0.0 || over == 0.0 {
        let _ = write!(out, "{whole:.0}");
    }
    if over > 0.0 {
        let _ = write!(out, "{}{over:.0}/{under}", if whole > 0.0 { " " } else { "" });
    }
}

/// Halves are rounded away from zero, on the fifteen digits that Excel keeps.
fn nudged(value: f64) -> f64 {
    if value < 1e15 { value * (1.0 + f64::EPSILON) } else { value }
}
