//! What a byte is inside a token, as bits: a table, so that one look-up tells all that reading asks of a byte.

/// A letter, or part of one that is not ASCII.
pub const LETTER: u8 = 1;
/// A digit.
pub const DIGIT: u8 = 2;
/// A small ASCII letter.
pub const SMALL: u8 = 4;
/// A capital ASCII letter; the same bit tells it from its small one.
pub const CAPITAL: u8 = 32;

/// What each byte means inside tokens (the bits above); 0 for what stands between them.
pub static KIND: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' => LETTER | SMALL,
            b'A'..=b'Z' => LETTER | CAPITAL,
            128..=255 => LETTER,
            _ => 0,
        };
        byte += 1;
    }
    table
}
