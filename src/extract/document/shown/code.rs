//! A format code -> its sections, each a list of tokens.

/// One section of a format code: what it shows, and when.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// For which numbers, when it says so.
    pub(super) condition: Option<Condition>,
    pub(super) kind: Kind,
    pub(super) tokens: Vec<Token>,
    /// Whether it divides thousands.
    pub(super) grouped: bool,
    /// How often it divides by a thousand.
    pub(super) thousands: i32,
    /// Whether it is for text: it has an `@`.
    pub(super) is_text: bool,
    /// Whether names of months and days are English.
    pub(super) english: bool,
}

/// What a section shows a number as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    General,
    Number,
    Date,
}

/// `[>=100]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition {
    less: bool,
    equal: bool,
    greater: bool,
    than: f64,
}

impl Condition {
    pub(super) fn holds(self, value: f64) -> bool {
        self.less && value < self.than || self.equal && value == self.than || self.greater && value > self.than
    }
}

/// A piece of a section.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// Shown as it is.
    Literal(String),
    /// A place for a digit: `0`, `#` or `?`.
    Digit(char),
    Point,
    Percent,
    /// `E+` (true) or `E-`.
    Exponent(bool),
    /// A fraction's bar, or what divides a date.
    Slash,
    /// The whole number as General shows it.
    General,
    Year(usize),
    /// A month, or the minutes when an hour stands before it or seconds behind.
    Month(usize),
    Minute(usize),
    Day(usize),
    Hour(usize),
    Second(usize),
    /// Digits of a second.
    Fraction(usize),
    /// Hours, minutes or seconds in all.
    Elapsed(char, usize),
    /// Morning or afternoon; the hours go to twelve.
    HalfDay,
}

/// Longer codes are not shown in full: no program writes them (18.8.30 allows 255 characters).
const LONGEST: usize = 255;

pub(super) fn sections(code: &str) -> Vec<Section> {
    let mut rest = code.char_indices().nth(LONGEST).map_or(code, |(end, _)| code.get(..end).unwrap_or_default());
    let mut sections = Vec::new();
    while sections.len() < 4 {
        let (section, left) = section(rest);
        sections.push(section);
        match left {
            Some(left) => rest = left,
            None => break,
        }
    }
    sections
}

/// The first section, and what stands behind its semicolon.
fn section(code: &str) -> (Section, Option<&str>) {
    let mut out = Section {
        condition: None,
        kind: Kind::Number,
        tokens: Vec::new(),
        grouped: false,
        thousands: 0,
        is_text: false,
        english: false,
    };
    let mut commas = 0;
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        if c != ',' && commas > 0 {
            out.commas(std::mem::take(&mut commas), matches!(c, '0' | '#' | '?'));
        }
        let count = |letter: char, chars: &mut std::str::Chars<'_>| {
            let same = chars.as_str().chars().take_while(|next| next.eq_ignore_ascii_case(&letter)).count();
            chars.by_ref().take(same).for_each(drop);
            same + 1
        };
        match c {
            ';' => {
                out.settle();
                return (out, Some(chars.as_str()));
            }
            '"' => {
                let (quoted, behind) = chars.as_str().split_once('"').unwrap_or((chars.as_str(), ""));
                out.literal(quoted);
                chars = behind.chars();
            }
            '\\' | '!' => out.literal(chars.next().map_or(String::new(), String::from).as_str()),
            '_' => {
                chars.next();
                out.literal(" ");
            }
            '*' => {
                chars.next();
            }
            '[' => {
                let (inside, behind) = chars.as_str().split_once(']').unwrap_or((chars.as_str(), ""));
                out.bracket(inside);
                chars = behind.chars();
            }
            '0' | '#' | '?' => out.tokens.push(Token::Digit(c)),
            '.' if matches!(out.tokens.last(), Some(Token::Second(_) | Token::Elapsed('s', _)))
                && chars.as_str().starts_with('0') =>
            {
                chars.next();
                out.tokens.push(Token::Fraction(count('0', &mut chars)));
            }
            '.' => out.tokens.push(Token::Point),
            ',' => commas += 1,
            '%' => out.tokens.push(Token::Percent),
            '/' => out.tokens.push(Token::Slash),
            '@' => (out.is_text, out.kind) = (true, Kind::General),
            'E' | 'e' if chars.as_str().starts_with(['+', '-']) => {
                let plus = chars.next() == Some('+');
                out.tokens.push(Token::Exponent(plus));
            }
            'G' | 'g' if starts_with(chars.as_str(), "eneral") => {
                chars = chars.as_str().get(6..).unwrap_or_default().chars();
                out.tokens.push(Token::General);
            }
            'A' | 'a' if starts_with(chars.as_str(), "m/pm") => {
                chars = chars.as_str().get(4..).unwrap_or_default().chars();
                out.tokens.push(Token::HalfDay);
            }
            'A' | 'a' if starts_with(chars.as_str(), "/p") => {
                chars = chars.as_str().get(2..).unwrap_or_default().chars();
                out.tokens.push(Token::HalfDay);
            }
            'y' | 'Y' | 'e' => out.tokens.push(Token::Year(count(c, &mut chars))),
            'm' | 'M' => out.tokens.push(Token::Month(count('m', &mut chars))),
            'd' | 'D' => out.tokens.push(Token::Day(count('d', &mut chars))),
            'h' | 'H' => out.tokens.push(Token::Hour(count('h', &mut chars))),
            's' | 'S' => out.tokens.push(Token::Second(count('s', &mut chars))),
            other => out.literal(other.encode_utf8(&mut [0; 4])),
        }
    }
    out.commas(commas, false);
    out.settle();
    (out, None)
}

/// Whether a text begins so, in capitals or not.
fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

impl Section {
    fn literal(&mut self, text: &str) {
        match self.tokens.last_mut() {
            Some(Token::Literal(last)) => last.push_str(text),
            _ => self.tokens.push(Token::Literal(text.to_string())),
        }
    }

    /// Commas between places for digits divide thousands; behind the last they divide by a thousand.
    fn commas(&mut self, count: i32, digit_next: bool) {
        if count == 0 {
            return;
        }
        match self.tokens.last() {
            Some(Token::Digit(_)) if digit_next => self.grouped = true,
            Some(Token::Digit(_)) => self.thousands = count.min(100),
            _ => self.literal(","),
        }
    }

    /// `[Red]`, `[>100]`, `[$€-413]`, `[h]`.
    fn bracket(&mut self, inside: &str) {
        if let Some(currency) = inside.strip_prefix('$') {
            let (symbol, locale) = currency.split_once('-').unwrap_or((currency, ""));
            self.literal(symbol);
            // The lowest ten bits are the language (MS-LCID 2.2); 9 is English.
            let language = u32::from_str_radix(locale.split(',').next().unwrap_or_default(), 16).unwrap_or(0);
            self.english |= language & 0x3ff == 9;
        } else if let Some(condition) = condition(inside) {
            self.condition = Some(condition);
        } else if let Some(letter @ ('h' | 'm' | 's')) = inside.chars().next().map(|c| c.to_ascii_lowercase())
            && inside.chars().all(|c| c.eq_ignore_ascii_case(&letter))
        {
            self.tokens.push(Token::Elapsed(letter, inside.len()));
        }
    }

    /// What it is, now that all of it is known; and which months are minutes.
    fn settle(&mut self) {
        use Token::{Day, Elapsed, HalfDay, Hour, Minute, Month, Second, Year};
        let is_date =
            |token: &Token| matches!(token, Year(_) | Month(_) | Day(_) | Hour(_) | Second(_) | Elapsed(..) | HalfDay);
        if self.tokens.contains(&Token::General) {
            self.kind = Kind::General;
        } else if self.tokens.iter().any(is_date) {
            self.kind = Kind::Date;
        }
        let mut hour_before = false;
        for index in 0..self.tokens.len() {
            let seconds_behind = || {
                let behind = self.tokens.iter().skip(index + 1).find(|token| is_date(token));
                matches!(behind, Some(Second(_) | Elapsed('s', _)))
            };
            match self.tokens.get(index) {
                Some(Month(count)) if *count <= 2 && (hour_before || seconds_behind()) => {
                    let minute = Minute(*count);
                    if let Some(token) = self.tokens.get_mut(index) {
                        *token = minute;
                    }
                    hour_before = false;
                }
                Some(token) if is_date(token) => hour_before = matches!(token, Hour(_) | Elapsed('h', _)),
                _ => {}
            }
        }
    }
}

fn condition(inside: &str) -> Option<Condition> {
    let sign = inside.find(|c: char| !matches!(c, '<' | '>' | '='))?;
    let (sign, than) = inside.split_at_checked(sign)?;
    let (less, equal, greater) = match sign {
        "<" => (true, false, false),
        "<=" => (true, true, false),
        "=" => (false, true, false),
        ">" => (false, false, true),
        ">=" => (false, true, true),
        "<>" => (true, false, true),
        _ => return None,
    };
    Some(Condition { less, equal, greater, than: than.trim().parse().ok()? })
}
