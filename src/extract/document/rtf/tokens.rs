//! The tokens of rich text: groups, control words, control symbols, octets of text (RTF 1.9.1, "Basic Entities").

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A group begins.
    Open,
    /// A group ends.
    Close,
    /// A control word, and its number.
    Word(&'t str, Option<i32>),
    /// A control symbol.
    Symbol(u8),
    /// An octet written in hexadecimal.
    Octet(u8),
    /// Octets of text, with the line ends that mean nothing.
    Text(&'t [u8]),
    /// Octets that are no text.
    Binary(&'t [u8]),
}

/// A walk through the tokens.
pub(super) struct Tokens<'t> {
    left: &'t [u8],
}

/// Longer control words are none.
const LONGEST: usize = 40;

impl<'t> Tokens<'t> {
    pub(super) fn new(octets: &'t [u8]) -> Self {
        Self { left: octets }
    }

    fn take(&mut self, size: usize) -> &'t [u8] {
        let (taken, left) = self.left.split_at(size.min(self.left.len()));
        self.left = left;
        taken
    }

    fn control(&mut self) -> Option<Token<'t>> {
        self.take(1);
        let first = *self.left.first()?;
        if !first.is_ascii_alphabetic() {
            self.take(1);
            return Some(match first {
                b'\'' => match self.left.get(..2).and_then(octet) {
                    Some(octet) => {
                        self.take(2);
                        Token::Octet(octet)
                    }
                    None => Token::Symbol(b'\''),
                },
                _ => Token::Symbol(first),
            });
        }
        let letters = self.left.iter().take(LONGEST).take_while(|b| b.is_ascii_alphabetic()).count();
        let name = std::str::from_utf8(self.take(letters)).unwrap_or_default();
        let number = self.number();
        if self.left.first() == Some(&b' ') {
            self.take(1);
        }
        match (name, number) {
            ("bin", Some(size)) => Some(Token::Binary(self.take(usize::try_from(size).unwrap_or(0)))),
            _ => Some(Token::Word(name, number)),
        }
    }

    fn number(&mut self) -> Option<i32> {
        let sign = usize::from(self.left.first() == Some(&b'-'));
        let digits = self.left.iter().skip(sign).take(18).take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let written = std::str::from_utf8(self.take(sign + digits)).unwrap_or_default();
        Some(written.parse::<i64>().unwrap_or(0).clamp(i32::MIN.into(), i32::MAX.into()) as i32)
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        match self.left.first()? {
            b'{' => {
                self.take(1);
                Some(Token::Open)
            }
            b'}' => {
                self.take(1);
                Some(Token::Close)
            }
            b'\\' => self.control(),
            _ => {
                let size = memchr::memchr3(b'\\', b'{', b'}', self.left).unwrap_or(self.left.len());
                Some(Token::Text(self.take(size)))
            }
        }
    }
}

/// The octet that two hexadecimal digits stand for.
pub(super) fn octet(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|&b| char::from(b).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_kind() {
        let tokens: Vec<_> = Tokens::new(b"{\\rtf1\\b x\\'e9\\~\\bin3 a}bc\\u-10179?}").collect();
        let expected = [
            Token::Open,
            Token::Word("rtf", Some(1)),
            Token::Word("b", None),
            Token::Text(b"x"),
            Token::Octet(0xE9),
            Token::Symbol(b'~'),
            Token::Binary(b"a}b"),
            Token::Text(b"c"),
            Token::Word("u", Some(-10179)),
            Token::Text(b"?"),
            Token::Close,
        ];
        assert_eq!(tokens, expected);
        assert_eq!(Tokens::new(b"\\").count(), 0);
        assert_eq!(Tokens::new(b"\\bin99999999999 abc").collect::<Vec<_>>(), [Token::Binary(b"abc")]);
    }
}
