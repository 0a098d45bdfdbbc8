//! The words of PDF (ISO 32000-1 section 7.2 and 7.3): numbers, names, strings, brackets, operators.
//!
//! Never fails: what is no word is skipped, an unclosed string ends where the octets end. Allocates only for names and
//! strings with escapes in them.

use std::borrow::Cow;

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'d> {
    Int(i64),
    Real(f64),
    Name(Cow<'d, [u8]>),
    Text(Cow<'d, [u8]>),
    ArrayOpen,
    ArrayClose,
    DictOpen,
    DictClose,
    /// An operator or keyword.
    Word(&'d [u8]),
}

/// Longest name that is kept whole; the standard says 127.
const NAME: usize = 1024;

pub(super) fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\n' | b'\r' | b'\t' | 0x0C | 0)
}

fn is_delimiter(octet: u8) -> bool {
    matches!(octet, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

/// A walk over octets.
#[derive(Clone)]
pub(super) struct Lexer<'d> {
    data: &'d [u8],
    pub(super) at: usize,
}

impl<'d> Lexer<'d> {
    pub(super) fn new(data: &'d [u8], at: usize) -> Self {
        Self { data, at }
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    /// The octets from here on.
    pub(super) fn rest(&self) -> &'d [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    /// Passes white space and comments.
    pub(super) fn skip_space(&mut self) {
        while let Some(octet) = self.peek() {
            if is_space(octet) {
                self.at += 1;
            } else if octet == b'%' {
                self.at += memchr::memchr2(b'\n', b'\r', self.rest()).unwrap_or(self.rest().len());
            } else {
                break;
            }
        }
    }

    /// The next word; none at the end.
    pub(super) fn next(&mut self) -> Option<Token<'d>> {
        loop {
            self.skip_space();
            let octet = self.peek()?;
            match octet {
                b'0'..=b'9' | b'+' | b'-' | b'.' => return Some(self.number()),
                b'/' => return Some(self.name()),
                b'(' => return Some(self.string()),
                b'[' => {
                    self.at += 1;
                    return Some(Token::ArrayOpen);
                }
                b']' => {
                    self.at += 1;
                    return Some(Token::ArrayClose);
                }
                b'<' => {
                    self.at += 1;
                    if self.peek() == Some(b'<') {
                        self.at += 1;
                        return Some(Token::DictOpen);
                    }
                    return Some(self.hex());
                }
                b'>' => {
                    self.at += 1;
                    if self.peek() == Some(b'>') {
                        self.at += 1;
                        return Some(Token::DictClose);
                    }
                }
                b')' | b'{' | b'}' => self.at += 1,
                _ => return Some(self.word()),
            }
        }
    }

    fn word(&mut self) -> Token<'d> {
        let start = self.at;
        while self.peek().is_some_and(|octet| !is_space(octet) && !is_delimiter(octet)) {
            self.at += 1;
        }
        Token::Word(self.data.get(start..self.at).unwrap_or_default())
    }

    /// A number as programs read it: `--5` is -5, `5-3` is 5.
    fn number(&mut self) -> Token<'d> {
        let mut negative = false;
        while let Some(sign @ (b'+' | b'-')) = self.peek() {
            negative |= sign == b'-';
            self.at += 1;
        }
        let (mut whole, mut scale, mut real, mut digits) = (0i64, 1f64, false, 0u32);
        let mut fraction = 0f64;
        while let Some(octet) = self.peek() {
            match octet {
                b'0'..=b'9' if real => {
                    scale /= 10.0;
                    fraction += f64::from(octet - b'0') * scale;
                }
                b'0'..=b'9' => {
                    whole = whole.saturating_mul(10).saturating_add(i64::from(octet - b'0'));
                    digits += 1;
                }
                b'.' if !real => real = true,
                b'.' | b'-' => {}
                _ => break,
            }
            self.at += 1;
        }
        if self.peek().is_some_and(|octet| !is_space(octet) && !is_delimiter(octet)) && digits == 0 && !real {
            return self.word();
        }
        let whole = if negative { -whole } else { whole };
        if !real {
            return Token::Int(whole);
        }
        let value = whole.unsigned_abs() as f64 + fraction;
        Token::Real(if negative { -value } else { value })
    }

    fn name(&mut self) -> Token<'d> {
        self.at += 1;
        let start = self.at;
        let Token::Word(raw) = self.word() else { return Token::Word(b"") };
        let raw = raw.get(..NAME).unwrap_or(raw);
        debug_assert!(self.at >= start);
        if memchr::memchr(b'#', raw).is_none() {
            return Token::Name(Cow::Borrowed(raw));
        }
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            if first == b'#'
                && let [a, b, after @ ..] = after
                && let (Some(a), Some(b)) = (digit(*a), digit(*b))
            {
                name.push(a * 16 + b);
                rest = after;
            } else {
                name.push(first);
            }
        }
        Token::Name(Cow::Owned(name))
    }

    fn hex(&mut self) -> Token<'d> {
        let length = memchr::memchr(b'>', self.rest());
        let raw = self.rest().get(..length.unwrap_or(usize::MAX)).unwrap_or(self.rest());
        self.at += raw.len() + usize::from(length.is_some());
        Token::Text(Cow::Owned(unhex(raw)))
    }

    fn string(&mut self) -> Token<'d> {
        self.at += 1;
        let start = self.at;
        let mut depth = 1usize;
        let mut plain = true;
        while let Some(octet) = self.peek() {
            self.at += 1;
            match octet {
                b'\\' => {
                    plain = false;
                    self.at += 1;
                }
                b'\r' => plain = false,
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        self.at = self.at.min(self.data.len());
        let end = if depth == 0 { self.at - 1 } else { self.at };
        let raw = self.data.get(start..end).unwrap_or_default();
        Token::Text(if plain { Cow::Borrowed(raw) } else { Cow::Owned(unescaped(raw)) })
    }
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Hexadecimal digits as octets; a missing last digit is 0 (section 7.3.4.3).
pub(super) fn unhex(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() / 2 + 1);
    let mut high = None;
    for value in raw.iter().filter_map(|octet| digit(*octet)) {
        match high.take() {
            None => high = Some(value),
            Some(high) => out.push(high * 16 + value),
        }
    }
    out.extend(high.map(|high| high * 16));
    out
}

/// A literal string without its escapes (section 7.3.4.2).
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'\r' => {
                out.push(b'\n');
                rest = after.strip_prefix(b"\n").unwrap_or(after);
            }
            b'\\' => {
                let Some((&escape, after)) = after.split_first() else { break };
                rest = after;
                match escape {
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    b't' => out.push(b'\t'),
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'\n' => {}
                    b'\r' => rest = after.strip_prefix(b"\n").unwrap_or(after),
                    b'0'..=b'7' => {
                        let mut value = u32::from(escape - b'0');
                        for _ in 0..2 {
                            let Some((&next @ b'0'..=b'7', after)) = rest.split_first() else { break };
                            value = value * 8 + u32::from(next - b'0');
                            rest = after;
                        }
                        out.push((value & 0xFF) as u8);
                    }
                    other => out.push(other),
                }
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(text: &[u8]) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text, 0);
        std::iter::from_fn(|| lexer.next()).collect()
    }

    #[test]
    fn words_of_all_kinds() {
        let text = |octets: &'static [u8]| Token::Text(Cow::Borrowed(octets));
        assert_eq!(
            all(b"12 -3.50 --7 /Na#20am (a\\(b\\051\\r) <48 6> [>>% rest\nTj"),
            [
                Token::Int(12),
                Token::Real(-3.5),
                Token::Int(-7),
                Token::Name(Cow::Borrowed(b"Na am")),
                text(b"a(b)\r"),
                text(b"H`"),
                Token::ArrayOpen,
                Token::DictClose,
                Token::Word(b"Tj"),
            ]
        );
        assert_eq!(all(b"(a(b)c)(open"), [text(b"a(b)c"), text(b"open")]);
        assert_eq!(all(b"(a\\\nb\\101\r\nc)"), [text(b"abA\nc")]);
        assert_eq!(all(b"0.5-3 4.re"), [Token::Real(0.53), Token::Real(4.0), Token::Word(b"re")]);
    }
}
