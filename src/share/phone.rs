//! Phone numbers: however a school writes one, the number in E.164 (`+31612345678`), and as much of it as a page may show.

use std::fmt;

use crate::secret::Secret;

/// A phone number in E.164. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(Secret<String>);

/// Digits of a number at most, with its country (E.164 6).
const MOST: usize = 15;
/// Digits of a number at least: shorter ones are services, not people.
const LEAST: usize = 8;
/// A country's own zero, and the one for abroad.
const TRUNK: char = '0';

impl Phone {
    /// Reads one as it is typed: spaces, dashes, dots and brackets count for nothing, and a number without a country is of
    /// the one with this calling code ("31"). None when it is no number.
    pub fn read(typed: &str, calling_code: &str) -> Option<Self> {
        // "+31 (0)6": the zero is dialled at home alone.
        let typed = typed.trim().replace("(0)", "");
        let abroad = typed.starts_with('+');
        let ignored = |c: char| c.is_whitespace() || "-./()\u{2010}\u{2011}\u{2013}\u{a0}".contains(c);
        let digits: String = typed.chars().skip(usize::from(abroad)).filter(|c| !ignored(*c)).take(MOST + 3).collect();
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number = match (abroad, digits.strip_prefix("00"), digits.strip_prefix(TRUNK)) {
            (true, ..) => digits,
            (_, Some(abroad), _) => abroad.to_owned(),
            (_, None, Some(home)) => format!("{calling_code}{home}"),
            // Pupil systems write the country without its sign, and spreadsheets lose the zero: 316..., 612345678.
            _ if digits.starts_with(calling_code) && digits.len() > LEAST + 2 => digits,
            _ => format!("{calling_code}{digits}"),
        };
        let fits = (LEAST..=MOST).contains(&number.len()) && !number.starts_with(TRUNK);
        fits.then(|| Self(Secret::new(format!("+{number}"))))
    }

    /// The number, for who sends to it: `+31612345678`.
    pub fn written(&self) -> &str {
        self.0.expose()
    }

    /// Whether text messages can come to it, as far as that can be seen: of the Netherlands only mobile numbers (06), of
    /// other countries any.
    pub fn takes_texts(&self) -> bool {
        self.written().strip_prefix("+31").is_none_or(|home| home.len() == 9 && home.starts_with('6'))
    }

    /// What its owner knows it by, and nobody else learns: `06-••••1234`.
    pub fn masked(&self) -> String {
        let number = self.written();
        let last = number.get(number.len().saturating_sub(4)..).unwrap_or_default();
        match number.strip_prefix("+316") {
            Some(_) => format!("06-••••{last}"),
            None => format!("{}••••{last}", number.get(..3).unwrap_or_default()),
        }
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_number_is_read_however_a_school_writes_it() {
        for typed in [
            "0612345678",
            "06-12345678",
            "06 12 34 56 78",
            "+31 6 12345678",
            "+31 (0)6-1234 5678",
            "0031612345678",
            "31612345678",
            "612345678",
        ] {
            let phone = Phone::read(typed, "31").unwrap();
            assert_eq!((phone.written(), phone.masked().as_str()), ("+31612345678", "06-••••5678"), "{typed}");
            assert!(phone.takes_texts());
        }
        for (typed, expected, texts) in [
            ("+32 470 12 34 56", "+32470123456", true),
            ("040-2345678", "+31402345678", false),
            ("0032470123456", "+32470123456", true),
        ] {
            let phone = Phone::read(typed, "31").unwrap();
            assert_eq!((phone.written(), phone.takes_texts()), (expected, texts), "{typed}");
        }
        assert_eq!(Phone::read("+32470123456", "31").unwrap().masked(), "+32••••3456");
        for none in ["", "112", "geen", "06", "06-12345678 (moeder)", "+00000000000", "١٢٣٤٥٦٧٨٩", "12345678901234567"]
        {
            assert!(Phone::read(none, "31").is_none(), "{none}");
        }
        assert_eq!(format!("{:?}", Phone::read("0612345678", "31")), "Some(Phone(..))");
    }
}
