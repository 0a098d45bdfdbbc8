//! Countries, by the two letters of ISO 3166-1: where data lies, who handles numbers, where a mail host stands.

use std::fmt;

/// The European Union and the European Economic Area. What lies there is under the GDPR itself; elsewhere somebody has to
/// say why it may (GDPR art. 44-49).
const EEA: [[u8; 2]; 30] = [
    *b"AT", *b"BE", *b"BG", *b"HR", *b"CY", *b"CZ", *b"DK", *b"EE", *b"FI", *b"FR", *b"DE", *b"GR", *b"HU", *b"IS",
    *b"IE", *b"IT", *b"LV", *b"LI", *b"LT", *b"LU", *b"MT", *b"NL", *b"NO", *b"PL", *b"PT", *b"RO", *b"SK", *b"SI",
    *b"ES", *b"SE",
];

/// A country: two capital letters. Whether there is one of that name is not looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads two letters, capitals or not; none when it is anything else.
    pub fn parse(code: &str) -> Option<Self> {
        let letters = <[u8; 2]>::try_from(code.as_bytes()).ok()?;
        letters.iter().all(u8::is_ascii_alphabetic).then(|| Self(letters.map(|letter| letter.to_ascii_uppercase())))
    }

    /// Its two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether it is in the European Union or the European Economic Area.
    pub fn is_in_eea(self) -> bool {
        EEA.contains(&self.0)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_letters_are_a_country() {
        for (typed, expected) in
            [("nl", Some("NL")), ("US", Some("US")), ("N", None), ("NLD", None), ("é", None), ("1a", None)]
        {
            assert_eq!(Country::parse(typed).as_ref().map(Country::code), expected, "{typed}");
        }
        assert!(Country::parse("NO").unwrap().is_in_eea());
        assert!(!Country::parse("gb").unwrap().is_in_eea() && !Country::parse("CH").unwrap().is_in_eea());
    }
}
