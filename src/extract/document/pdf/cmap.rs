//! CMaps (Adobe Technical Note 5014; ISO 32000-1 sections 9.7.5 and 9.10.3): codes of a composite font, and what codes
//! mean.

use encoding_rs::Encoding;

use super::encoding::Shown;
use super::lexer::{Lexer, Token};

/// Entries of one map; a font has 65,536 glyphs.
const ENTRIES: usize = 200_000;
/// Code spaces of one map; programs write up to ten.
const SPACES: usize = 64;

/// From codes to characters: a ToUnicode map.
#[derive(Default)]
pub(super) struct Meanings {
    single: Vec<(u32, Shown)>,
    /// From, to, and the UTF-16 of the first.
    ranges: Vec<(u32, u32, Vec<u16>)>,
}

impl Meanings {
    pub(super) fn parse(octets: &[u8]) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer::new(octets, 0);
        while let Some(token) = lexer.next() {
            match token {
                Token::Word(b"beginbfchar") => map.characters(&mut lexer),
                Token::Word(b"beginbfrange") => map.bf_ranges(&mut lexer),
                _ => {}
            }
        }
        // Of a code that stands twice, the last counts.
        map.single.reverse();
        map.single.sort_by_key(|(code, _)| *code);
        map.single.dedup_by_key(|(code, _)| *code);
        map.ranges.sort_by_key(|(from, ..)| *from);
        map
    }

    fn characters(&mut self, lexer: &mut Lexer<'_>) {
        // Word by word: the next section begins right behind the word that ends this one.
        while let Some(Token::Text(code)) = lexer.next() {
            let Some(target) = lexer.next() else { return };
            if self.single.len() >= ENTRIES {
                return;
            }
            match target {
                Token::Text(text) => self.single.push((number(&code), Shown::of(&utf16(&units(&text))))),
                Token::Name(name) => self.single.push((number(&code), super::encoding::of_glyph(&name))),
                _ => return,
            }
        }
    }

    fn bf_ranges(&mut self, lexer: &mut Lexer<'_>) {
        while let Some(Token::Text(from)) = lexer.next() {
            let (Some(Token::Text(to)), Some(target)) = (lexer.next(), lexer.next()) else { return };
            let (from, to) = (number(&from), number(&to));
            match target {
                Token::Text(text) if self.ranges.len() < ENTRIES => self.ranges.push((from, to, units(&text))),
                Token::ArrayOpen => {
                    let mut code = from;
                    while let Some(Token::Text(text)) = lexer.next() {
                        if self.single.len() < ENTRIES && code <= to {
                            self.single.push((code, Shown::of(&utf16(&units(&text)))));
                        }
                        code = code.saturating_add(1);
                    }
                }
                _ => return,
            }
        }
    }

    /// What a code means; unknown when the map does not say.
    pub(super) fn get(&self, code: u32) -> Shown {
        if let Ok(at) = self.single.binary_search_by_key(&code, |(code, _)| *code) {
            return self.single.get(at).map(|(_, shown)| shown.clone()).unwrap_or_default();
        }
        let at = self.ranges.partition_point(|(from, ..)| *from <= code);
        let Some((from, to, first)) = at.checked_sub(1).and_then(|at| self.ranges.get(at)) else {
            return Shown::Unknown;
        };
        if code > *to {
            return Shown::Unknown;
        }
        let mut units = first.clone();
        let step = code - from;
        if let [high @ 0xD800..=0xDBFF, low @ 0xDC00..=0xDFFF] = units.as_slice() {
            let first = 0x10000 + (u32::from(*high) - 0xD800) * 0x400 + (u32::from(*low) - 0xDC00);
            return first.checked_add(step).and_then(char::from_u32).map_or(Shown::Unknown, Shown::One);
        }
        if let Some(last) = units.last_mut() {
            *last = last.wrapping_add((step & 0xFFFF) as u16);
        }
        Shown::of(&utf16(&units))
    }
}

fn number(code: &[u8]) -> u32 {
    code.iter().take(4).fold(0, |sum, octet| sum << 8 | u32::from(*octet))
}

/// UTF-16 as octets; a single octet is a character too.
fn units(text: &[u8]) -> Vec<u16> {
    match text {
        [one] => vec![u16::from(*one)],
        _ => text.as_chunks::<2>().0.iter().take(32).map(|pair| u16::from_be_bytes(*pair)).collect(),
    }
}

fn utf16(units: &[u16]) -> String {
    String::from_utf16_lossy(units)
}

/// From the octets of a string to codes, and from codes to the glyphs of a composite font.
#[derive(Default)]
pub(super) struct Codes {
    /// Length, lowest and highest code of each code space; none is two octets.
    spaces: Vec<(usize, u32, u32)>,
    /// From, to, and the first's glyph. None at all: a code is its glyph.
    glyphs: Vec<(u32, u32, u32)>,
    /// What the codes mean by themselves.
    charset: Option<&'static Encoding>,
    pub(super) vertical: bool,
}

impl Codes {
    /// One of the predefined CMaps (section 9.7.5.2).
    pub(super) fn named(name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name);
        let has = |part: &str| name.contains(part);
        let charset = if has("UCS2") || has("UTF16") {
            Some(encoding_rs::UTF_16BE)
        } else if has("RKSJ") {
            Some(encoding_rs::SHIFT_JIS)
        } else if has("GBK") || has("GB-EUC") || has("GBpc") {
            Some(encoding_rs::GBK)
        } else if has("B5") || has("ETen") || has("HKscs") {
            Some(encoding_rs::BIG5)
        } else if has("KSC") {
            Some(encoding_rs::EUC_KR)
        } else if name == "EUC-H" || name == "EUC-V" {
            Some(encoding_rs::EUC_JP)
        } else {
            None
        };
        // Where a lead octet tells the length.
        let mixed = charset.is_some_and(|charset| charset != encoding_rs::UTF_16BE);
        let spaces = if mixed {
            let lead =
                if has("RKSJ") { vec![(2, 0x8140, 0x9FFC), (2, 0xE040, 0xFCFC)] } else { vec![(2, 0x8140, 0xFEFE)] };
            [vec![(1, 0, 0x80), (1, 0xA0, 0xDF)], lead].concat()
        } else {
            Vec::new()
        };
        Self { spaces, glyphs: Vec::new(), charset, vertical: name.ends_with("-V") || name == "V" }
    }

    /// One that stands in the file.
    pub(super) fn parse(octets: &[u8]) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer::new(octets, 0);
        let mut before = None;
        while let Some(token) = lexer.next() {
            match token {
                Token::Word(b"begincodespacerange") => {
                    while let Some(Token::Text(low)) = lexer.next()
                        && let Some(Token::Text(high)) = lexer.next()
                    {
                        if map.spaces.len() < SPACES {
                            map.spaces.push((low.len().clamp(1, 4), number(&low), number(&high)));
                        }
                    }
                }
                Token::Word(b"begincidrange") => {
                    while let Some(Token::Text(from)) = lexer.next()
                        && let (Some(Token::Text(to)), Some(Token::Int(glyph))) = (lexer.next(), lexer.next())
                    {
                        map.glyph_range(number(&from), number(&to), glyph);
                    }
                }
                Token::Word(b"begincidchar") => {
                    while let Some(Token::Text(code)) = lexer.next()
                        && let Some(Token::Int(glyph)) = lexer.next()
                    {
                        map.glyph_range(number(&code), number(&code), glyph);
                    }
                }
                Token::Int(mode) if before == Some(Token::Name(b"WMode".into())) => map.vertical = mode == 1,
                _ => {}
            }
            before = matches!(token, Token::Name(_)).then_some(token);
        }
        map.glyphs.sort_unstable();
        map.spaces.sort_unstable();
        map
    }

    fn glyph_range(&mut self, from: u32, to: u32, glyph: i64) {
        if let Ok(glyph) = u32::try_from(glyph)
            && self.glyphs.len() < ENTRIES
        {
            self.glyphs.push((from, to, glyph));
        }
    }

    /// The first code of a string, and the octets that it takes.
    pub(super) fn next(&self, octets: &[u8]) -> Option<(u32, usize)> {
        if octets.is_empty() {
            return None;
        }
        if self.spaces.is_empty() {
            return Some((number(octets.get(..2).unwrap_or(octets)), 2.min(octets.len())));
        }
        let fits = |code: u32, low: u32, high: u32| {
            (0..4).all(|place| {
                let octet = |value: u32| value >> (place * 8) & 0xFF;
                (octet(low)..=octet(high)).contains(&octet(code))
            })
        };
        for length in 1..=4.min(octets.len()) {
            let code = number(octets.get(..length)?);
            if self.spaces.iter().any(|(wide, low, high)| *wide == length && fits(code, *low, *high)) {
                return Some((code, length));
            }
        }
        let length = self.spaces.first().map_or(1, |(length, ..)| *length).min(octets.len());
        Some((number(octets.get(..length)?), length))
    }

    /// The glyph of a code.
    pub(super) fn glyph(&self, code: u32) -> u32 {
        if self.glyphs.is_empty() {
            return code;
        }
        let at = self.glyphs.partition_point(|(from, ..)| *from <= code);
        match at.checked_sub(1).and_then(|at| self.glyphs.get(at)) {
            Some((from, to, glyph)) if code <= *to => glyph.saturating_add(code - from),
            _ => 0,
        }
    }

    /// What a code means by itself, in a charset that the map is named for.
    pub(super) fn meaning(&self, code: u32, length: usize) -> Shown {
        let Some(charset) = self.charset else { return Shown::Unknown };
        let octets = code.to_be_bytes();
        Shown::of(&charset.decode_without_bom_handling(octets.get(4 - length.min(4)..).unwrap_or_default()).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings() {
        let map = Meanings::parse(
            b"2 beginbfchar <01> <0041> <0002> <00660069> endbfchar
              2 beginbfrange <0010> <0019> <0030> <20> <22> [<0061> <0062> <0063>] endbfrange
              1 beginbfrange <30> <31> <D83DDE00> endbfrange",
        );
        for (code, text) in [(1, "A"), (2, "fi"), (0x10, "0"), (0x19, "9"), (0x21, "b"), (0x31, "😁")] {
            assert_eq!(map.get(code), Shown::of(text), "{code}");
        }
        assert_eq!(map.get(0x1A), Shown::Unknown);
        assert_eq!(map.get(0), Shown::Unknown);
    }

    #[test]
    fn codes_of_one_and_two_octets() {
        let codes = Codes::parse(
            b"/WMode 1 def 2 begincodespacerange <00> <7f> <8000> <ffff> endcodespacerange
              1 begincidrange <8000> <80ff> 100 endcidrange 1 begincidchar <41> 7 endcidchar",
        );
        assert!(codes.vertical);
        assert_eq!(codes.next(b"A\x80\x01"), Some((0x41, 1)));
        assert_eq!(codes.next(b"\x80\x01"), Some((0x8001, 2)));
        assert_eq!((codes.glyph(0x41), codes.glyph(0x8001), codes.glyph(0x42)), (7, 101, 0));
        assert_eq!(Codes::named(b"UniJIS-UCS2-H").meaning(0x00EB, 2), Shown::One('ë'));
        assert_eq!(Codes::named(b"90ms-RKSJ-H").next(b"\x82\xA0a"), Some((0x82A0, 2)));
    }
}
