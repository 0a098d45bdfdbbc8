//! From a glyph's name or a code to characters: the Adobe Glyph List's rules, the standard encodings, text strings.
//!
//! `glyphs.txt` is the part of the Adobe Glyph List 2.0 that Latin, Greek and Cyrillic texts use, sorted by name.

use std::borrow::Cow;

use super::tables::{DINGBATS, STANDARD, SYMBOL};

const GLYPHS: &str = include_str!("glyphs.txt");

/// What a glyph shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Shown {
    /// Nobody knows.
    #[default]
    Unknown,
    One(char),
    Many(Box<str>),
}

/// Characters that one code may stand for; a ligature has three.
const LONGEST: usize = 64;

impl Shown {
    /// Ligatures fall apart, as nobody searches for them; what shows nothing is a space.
    pub(super) fn of(text: &str) -> Self {
        let mut text = text.trim_matches('\0');
        if text.len() > LONGEST {
            text = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default();
        }
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (None, _) | (Some('\u{FFFD}'), None) => Self::Unknown,
            (Some(one), None) => match ligature(one) {
                Some(letters) => Self::Many(letters.into()),
                None if one.is_control() => Self::One(' '),
                None => Self::One(one),
            },
            _ if text.chars().any(|c| c.is_control() || ligature(c).is_some()) => Self::Many(
                text.chars()
                    .map(|c| {
                        ligature(c).map_or_else(|| if c.is_control() { ' ' } else { c }.to_string(), str::to_string)
                    })
                    .collect::<String>()
                    .into(),
            ),
            _ => Self::Many(text.into()),
        }
    }

    pub(super) fn is_space(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::One(one) => one.is_whitespace(),
            Self::Many(many) => many.chars().all(char::is_whitespace),
        }
    }
}

fn ligature(character: char) -> Option<&'static str> {
    Some(match character {
        '\u{FB00}' => "ff",
        '\u{FB01}' => "fi",
        '\u{FB02}' => "fl",
        '\u{FB03}' => "ffi",
        '\u{FB04}' => "ffl",
        '\u{FB05}' | '\u{FB06}' => "st",
        _ => return None,
    })
}

/// What a glyph of this name shows.
pub(super) fn of_glyph(name: &[u8]) -> Shown {
    let Ok(name) = std::str::from_utf8(name) else { return Shown::Unknown };
    let base = name.split('.').next().unwrap_or_default();
    if base.is_empty() || name.len() > 120 {
        return Shown::Unknown;
    }
    let text: Option<String> = base.split('_').map(component).collect();
    text.map_or(Shown::Unknown, |text| Shown::of(&text))
}

/// One component of a name, as the Adobe Glyph List Specification says, and the small capitals of old fonts.
fn component(name: &str) -> Option<String> {
    if let Some(found) = listed(name) {
        return Some(found.to_string());
    }
    if let Some(digits) = name.strip_prefix("uni")
        && digits.len() >= 4
        && digits.len().is_multiple_of(4)
    {
        let units: Option<Vec<u16>> = digits
            .as_bytes()
            .chunks(4)
            .map(|unit| u16::from_str_radix(std::str::from_utf8(unit).ok()?, 16).ok())
            .collect();
        return units.map(|units| String::from_utf16_lossy(&units));
    }
    if let Some(digits) = name.strip_prefix('u')
        && (4..=6).contains(&digits.len())
    {
        return char::from_u32(u32::from_str_radix(digits, 16).ok()?).map(String::from);
    }
    let (base, small) = ["small", "oldstyle", "superior", "inferior"]
        .iter()
        .find_map(|end| name.strip_suffix(end).map(|base| (base, *end == "small")))?;
    let found = listed(base)?;
    Some(if small { found.to_lowercase().to_string() } else { found.to_string() })
}

/// The character of a listed name.
fn listed(name: &str) -> Option<char> {
    let (mut low, mut high) = (0, GLYPHS.len());
    while low < high {
        let middle = (low + high) / 2;
        let start = GLYPHS.get(low..middle)?.rfind('\n').map_or(low, |at| low + at + 1);
        let line = GLYPHS.get(start..)?.lines().next()?;
        let (found, code) = line.split_once(' ')?;
        match found.cmp(name) {
            std::cmp::Ordering::Equal => return char::from_u32(u32::from_str_radix(code, 16).ok()?),
            std::cmp::Ordering::Less => low = start + line.len() + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    None
}

/// An encoding of simple fonts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Base {
    Standard,
    WinAnsi,
    MacRoman,
    Symbol,
    Dingbats,
}

impl Base {
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"WinAnsiEncoding" => Self::WinAnsi,
            b"MacRomanEncoding" => Self::MacRoman,
            b"StandardEncoding" => Self::Standard,
            _ => return None,
        })
    }

    /// What its 256 codes show.
    pub(super) fn codes(self) -> Vec<Shown> {
        let listed = |table: &str| {
            let own = table.chars().map(|c| Shown::of(c.encode_utf8(&mut [0; 4])));
            (0..32).map(|_| Shown::Unknown).chain(own).collect()
        };
        let decoded = |encoding: &'static encoding_rs::Encoding| {
            let of = |code: u8| Shown::of(&encoding.decode_without_bom_handling(&[code]).0);
            (0..=255u8).map(|code| if code < 32 || code == 127 { Shown::Unknown } else { of(code) }).collect()
        };
        match self {
            Self::Standard => listed(STANDARD),
            Self::Symbol => listed(SYMBOL),
            Self::Dingbats => listed(DINGBATS),
            Self::WinAnsi => decoded(encoding_rs::WINDOWS_1252),
            Self::MacRoman => decoded(encoding_rs::MACINTOSH),
        }
    }
}

/// Codes 0x18 to 0x1F and 0x80 to 0xA0 of PDFDocEncoding (D.3).
const DOC_LOW: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
const DOC_HIGH: [char; 33] = [
    '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ',
    'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', ' ', '€',
];

/// A text string of a dictionary (section 7.9.2.2): UTF-16 or UTF-8 by its mark, else PDFDocEncoding.
pub(super) fn text(octets: &[u8]) -> String {
    let decoded: Cow<'_, str> = match octets {
        [0xFE, 0xFF, rest @ ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0,
        [0xFF, 0xFE, rest @ ..] => encoding_rs::UTF_16LE.decode_without_bom_handling(rest).0,
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        _ => octets.iter().map(|octet| of_doc(*octet)).collect(),
    };
    without_language(&decoded)
}

fn of_doc(octet: u8) -> char {
    match octet {
        0x18..=0x1F => DOC_LOW.get(usize::from(octet - 0x18)).copied().unwrap_or(' '),
        0x80..=0xA0 => DOC_HIGH.get(usize::from(octet - 0x80)).copied().unwrap_or(' '),
        _ => char::from(octet),
    }
}

/// Drops language marks, which stand between two escape characters, and characters that show nothing.
fn without_language(text: &str) -> String {
    let marked = text.contains('\u{1b}');
    let kept: String = if marked { text.split('\u{1b}').step_by(2).collect() } else { text.to_string() };
    kept.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_glyph_list_is_sorted_and_found() {
        let names: Vec<&str> = GLYPHS.lines().map(|line| line.split_once(' ').unwrap().0).collect();
        assert!(names.is_sorted());
        for name in &names {
            assert!(listed(name).is_some(), "{name}");
        }
    }

    #[test]
    fn glyph_names() {
        let cases: [(&str, &str); 10] = [
            ("A", "A"),
            ("edieresis", "ë"),
            ("Euro", "€"),
            ("f_i", "fi"),
            ("fi", "fi"),
            ("uni00EB0041", "ëA"),
            ("u1F600", "😀"),
            ("one.oldstyle", "1"),
            ("sevenoldstyle", "7"),
            ("Asmall", "a"),
        ];
        for (name, text) in cases {
            let shown = match of_glyph(name.as_bytes()) {
                Shown::Unknown => String::new(),
                Shown::One(c) => c.to_string(),
                Shown::Many(many) => many.to_string(),
            };
            assert_eq!(shown, text, "{name}");
        }
        for name in ["g12", ".notdef", "", "uniXYZW", "cid123", "zzz", "a73"] {
            assert_eq!(of_glyph(name.as_bytes()), Shown::Unknown, "{name}");
        }
    }

    #[test]
    fn encodings() {
        assert_eq!(Base::WinAnsi.codes()[0xEB], Shown::One('ë'));
        assert_eq!(Base::MacRoman.codes()[0x91], Shown::One('ë'));
        assert_eq!(Base::Standard.codes()[0xAE], Shown::Many("fi".into()));
        assert_eq!(Base::Symbol.codes()[0x61], Shown::One('α'));
        for base in [Base::Standard, Base::WinAnsi, Base::MacRoman, Base::Symbol, Base::Dingbats] {
            assert_eq!(base.codes().len(), 256);
        }
    }

    #[test]
    fn text_strings() {
        assert_eq!(text(b"\xFE\xFF\x00Z\x00o\x00\xEB"), "Zoë");
        assert_eq!(text(b"\xEF\xBB\xBFZo\xC3\xAB"), "Zoë");
        assert_eq!(text(b"Zo\xEB \xA0 \x80"), "Zoë € •");
        assert_eq!(text(b"\xFE\xFF\x00\x1b\x00n\x00l\x00\x1b\x00h\x00i"), "hi");
    }
}
