//! Eight bytes of a text at once: how many of them go on with a word, and what they are in lower case.
//!
//! In each byte of a sum, bit 7 tells whether the byte is past a border, and no sum runs over into the next byte. It is
//! plain arithmetic, which every processor has, and several times as fast as a look at each byte.

/// Bit 7 of each byte.
const TOPS: u64 = 0x8080_8080_8080_8080;
/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Up to eight bytes, the first one lowest; zeros, which are in no word, where there are no more.
#[derive(Clone, Copy)]
pub struct Eight(u64);

impl Eight {
    /// The first bytes of a text.
    #[inline]
    pub fn new(text: &[u8]) -> Self {
        if let Some(eight) = text.first_chunk() {
            return Self(u64::from_le_bytes(*eight));
        }
        Self(text.iter().rev().fold(0, |eight, byte| eight << 8 | u64::from(*byte)))
    }

    /// How many at the front are digits.
    #[inline]
    pub fn digits(self) -> usize {
        in_front(self.within(b'0', b'9'))
    }

    /// How many at the front are letters; all that is not ASCII is (part of) one.
    #[inline]
    pub fn letters(self) -> usize {
        in_front(self.within(b'a', b'z') | self.within(b'A', b'Z') | self.0 & TOPS)
    }

    /// Only so many from the front.
    #[inline]
    pub fn first(self, count: usize) -> Self {
        if count < 8 { Self(self.0 & !(u64::MAX << (8 * count))) } else { self }
    }

    /// Whether there is a small ASCII letter.
    #[inline]
    pub fn has_small(self) -> bool {
        self.within(b'a', b'z') != 0
    }

    /// As a number, with capital ASCII letters in lower case.
    #[inline]
    pub fn lower(self) -> u64 {
        self.0 | self.within(b'A', b'Z') >> 2
    }

    /// Bit 7 of each byte that stands between two ASCII characters, or is one of them.
    #[inline]
    fn within(self, low: u8, high: u8) -> u64 {
        let seven = self.0 & !TOPS;
        let (from_low, past_high) = (seven + ONES * u64::from(0x80 - low), seven + ONES * u64::from(0x7F - high));
        from_low & !past_high & !self.0 & TOPS
    }
}

/// How many bytes at the front have their bit 7.
fn in_front(tops: u64) -> usize {
    (!tops & TOPS).trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_what_it_is_alone() {
        for byte in 0..=u8::MAX {
            let letter = usize::from(byte.is_ascii_alphabetic() || !byte.is_ascii());
            for others in [*b"aaaaaaa", *b"\0\0\0\0\0\0\0", [0xFF; 7], *b"9999999"] {
                let [a, b, c, d, e, f, g] = others;
                let eight = Eight::new(&[byte, a, b, c, d, e, f, g]);
                assert_eq!(eight.first(1).letters(), letter, "{byte}");
                assert_eq!(eight.first(1).digits(), usize::from(byte.is_ascii_digit()), "{byte}");
                assert_eq!(eight.first(1).has_small(), byte.is_ascii_lowercase(), "{byte}");
                assert_eq!(eight.first(1).lower(), u64::from(byte.to_ascii_lowercase()), "{byte}");
                assert_eq!(eight.letters() > 0, letter == 1, "{byte}");
            }
        }
    }

    #[test]
    fn a_word_ends_where_it_ends() {
        for (text, letters, digits) in
            [("", 0, 0), ("a", 1, 0), ("zoon is", 4, 0), ("12a", 0, 2), ("Zoë-", 4, 0), ("abcdefghij", 8, 0)]
        {
            let eight = Eight::new(text.as_bytes());
            assert_eq!((eight.letters(), eight.digits()), (letters, digits), "{text}");
        }
    }
}
