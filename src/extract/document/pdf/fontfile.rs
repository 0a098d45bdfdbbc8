//! What an embedded font itself says of its glyphs: TrueType's cmap backwards (OpenType 1.9, cmap), the names and the
//! encoding of CFF (Adobe Technical Note 5176) and of Type 1 (Adobe Type 1 Font Format, chapter 2).
//!
//! Asked only when the document does not say what its codes mean. Every offset is looked up, none believed.

use std::collections::HashMap;

use super::encoding::{Shown, of_glyph};
use super::lexer::{Lexer, Token};
use super::tables::{CFF_STRINGS, STANDARD};

/// Glyphs of a font, at most; their numbers have 16 bits.
const GLYPHS: usize = 65_536;

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

fn u32_at(data: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*data.get(at..)?.first_chunk()?)).ok()
}

/// A table of a TrueType or OpenType font.
pub(super) fn table<'f>(font: &'f [u8], tag: &[u8; 4]) -> Option<&'f [u8]> {
    let count = usize::from(u16_at(font, 4)?);
    (0..count.min(100)).find_map(|index| {
        let entry = font.get(12 + index * 16..)?;
        if entry.get(..4)? != tag {
            return None;
        }
        let rest = font.get(u32_at(entry, 8)?..)?;
        Some(rest.get(..u32_at(entry, 12)?).unwrap_or(rest))
    })
}

/// From the glyphs of a TrueType font to the characters that lead to them.
pub(super) fn characters(font: &[u8]) -> HashMap<u32, char> {
    let mut found = HashMap::new();
    let Some(cmap) = table(font, b"cmap") else { return found };
    let count = usize::from(u16_at(cmap, 2).unwrap_or(0)).min(20);
    let mut maps: Vec<(u16, u16, usize)> = (0..count)
        .filter_map(|index| {
            let at = 4 + index * 8;
            Some((u16_at(cmap, at)?, u16_at(cmap, at + 2)?, u32_at(cmap, at + 4)?))
        })
        .collect();
    // Unicode first, then symbols, then Macintosh.
    maps.sort_by_key(|(platform, encoding, _)| match (platform, encoding) {
        (3, 10) | (0, 4..) => 0,
        (3, 1) | (0, _) => 1,
        (3, 0) => 2,
        _ => 3,
    });
    for (platform, encoding, offset) in maps {
        let Some(map) = cmap.get(offset..) else { continue };
        each_pair(map, &mut |code, glyph| {
            let character = match (platform, encoding) {
                (3, 0) if (0xF020..=0xF0FF).contains(&code) => char::from_u32(code - 0xF000),
                (1, _) => u8::try_from(code)
                    .ok()
                    .and_then(|code| encoding_rs::MACINTOSH.decode_without_bom_handling(&[code]).0.chars().next()),
                _ => char::from_u32(code),
            };
            if let Some(character) = character.filter(|c| !c.is_control())
                && glyph != 0
                && found.len() < GLYPHS
            {
                found.entry(glyph).or_insert(character);
            }
        });
    }
    found
}

/// Every code of a cmap subtable with its glyph: formats 0, 4, 6 and 12.
fn each_pair(map: &[u8], each: &mut dyn FnMut(u32, u32)) -> Option<()> {
    match u16_at(map, 0)? {
        0 => {
            for (code, glyph) in (0u32..).zip(map.get(6..)?.iter().take(256)) {
                each(code, u32::from(*glyph));
            }
        }
        4 => {
            let count = usize::from(u16_at(map, 6)?) / 2;
            let mut left = GLYPHS * 2;
            for segment in 0..count {
                let end = u16_at(map, 14 + segment * 2)?;
                let start = u16_at(map, 16 + count * 2 + segment * 2)?;
                let delta = u16_at(map, 16 + count * 4 + segment * 2)?;
                let place = 16 + count * 6 + segment * 2;
                let offset = usize::from(u16_at(map, place)?);
                for code in start..=end {
                    left = left.checked_sub(1)?;
                    let glyph = if offset == 0 {
                        code.wrapping_add(delta)
                    } else {
                        match u16_at(map, place + offset + usize::from(code - start) * 2) {
                            Some(0) | None => continue,
                            Some(glyph) => glyph.wrapping_add(delta),
                        }
                    };
                    each(u32::from(code), u32::from(glyph));
                }
            }
        }
        6 => {
            let first = u32::from(u16_at(map, 6)?);
            for index in 0..usize::from(u16_at(map, 8)?) {
                each(first + u32::try_from(index).ok()?, u32::from(u16_at(map, 10 + index * 2)?));
            }
        }
        12 => {
            let mut left = GLYPHS * 2;
            for group in 0..u32_at(map, 12)?.min(GLYPHS) {
                let at = 16 + group * 12;
                let (start, end, glyph) = (u32_at(map, at)?, u32_at(map, at + 4)?, u32_at(map, at + 8)?);
                for step in 0..=end.checked_sub(start)? {
                    left = left.checked_sub(1)?;
                    each(u32::try_from(start + step).ok()?, u32::try_from(glyph.checked_add(step)?).ok()?);
                }
            }
        }
        _ => {}
    }
    Some(())
}

/// What a CFF font says.
#[derive(Default)]
pub(super) struct Cff {
    /// What each glyph shows, by its name.
    pub(super) glyphs: Vec<Shown>,
    /// Codes and their glyphs; none is the standard encoding.
    codes: Vec<(u8, usize)>,
    /// Whether its glyphs have numbers instead of names.
    pub(super) by_number: bool,
    /// The number of each glyph then.
    pub(super) numbers: HashMap<u32, usize>,
}

impl Cff {
    pub(super) fn parse(font: &[u8]) -> Option<Self> {
        let (_, at) = index(font, usize::from(*font.get(2)?))?;
        let (tops, at) = index(font, at)?;
        let (strings, _) = index(font, at)?;
        let top = operands(tops.first()?);
        let value = |operator: u16| top.iter().find(|(found, _)| *found == operator).map(|(_, value)| *value);
        let glyphs = index(font, usize::try_from(value(17)?).ok()?)?.0.len().min(GLYPHS);
        let by_number = value(0x0C1E).is_some();
        let standard: Vec<&str> = CFF_STRINGS.split(' ').collect();
        let ids = charset(font, value(15).unwrap_or(0), glyphs);
        let shown = |id: &u16| match standard.get(usize::from(*id)) {
            Some(name) => of_glyph(name.as_bytes()),
            None => strings.get(usize::from(*id) - standard.len()).map_or(Shown::Unknown, |name| of_glyph(name)),
        };
        let mut cff = Self { by_number, ..Self::default() };
        if by_number {
            cff.numbers = ids.iter().enumerate().map(|(glyph, id)| (u32::from(*id), glyph)).collect();
        } else {
            cff.glyphs = ids.iter().map(shown).collect();
            cff.codes = encoding(font, value(16).unwrap_or(0)).unwrap_or_default();
        }
        Some(cff)
    }

    /// What a code shows in the font's own encoding.
    pub(super) fn of_code(&self, code: u8) -> Shown {
        if self.codes.is_empty() {
            let standard = usize::from(code).checked_sub(32).and_then(|at| STANDARD.chars().nth(at));
            return standard.map_or(Shown::Unknown, |c| Shown::of(c.encode_utf8(&mut [0; 4])));
        }
        let glyph = self.codes.iter().find(|(found, _)| *found == code).and_then(|(_, glyph)| self.glyphs.get(*glyph));
        glyph.cloned().unwrap_or_default()
    }
}

/// An INDEX: its items, and where it ends.
fn index(font: &[u8], at: usize) -> Option<(Vec<&[u8]>, usize)> {
    let count = usize::from(u16_at(font, at)?);
    if count == 0 {
        return Some((Vec::new(), at + 2));
    }
    let size = usize::from(*font.get(at + 2)?);
    if !(1..=4).contains(&size) {
        return None;
    }
    let offset = |number: usize| {
        let octets = font.get(at + 3 + number * size..)?.get(..size)?;
        Some(octets.iter().fold(0usize, |sum, octet| sum << 8 | usize::from(*octet)))
    };
    let data = at + 2 + (count + 1) * size;
    let items = (0..count)
        .map(|number| Some(font.get(data + offset(number)?..data + offset(number + 1)?).unwrap_or_default()))
        .collect::<Option<Vec<_>>>()?;
    Some((items, data + offset(count)?))
}

/// The operators of a DICT, each with its last operand; two-octet operators as 0x0Cxx.
fn operands(dict: &[u8]) -> Vec<(u16, i64)> {
    let mut out = Vec::new();
    let mut last = 0i64;
    let mut rest = dict;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            12 => {
                let Some((&second, after)) = rest.split_first() else { break };
                rest = after;
                out.push((0x0C00 | u16::from(second), last));
            }
            0..=21 => out.push((u16::from(first), last)),
            28 => {
                last = rest.first_chunk().map_or(0, |octets| i64::from(i16::from_be_bytes(*octets)));
                rest = rest.get(2..).unwrap_or_default();
            }
            29 => {
                last = rest.first_chunk().map_or(0, |octets| i64::from(i32::from_be_bytes(*octets)));
                rest = rest.get(4..).unwrap_or_default();
            }
            30 => {
                let length = rest.iter().take_while(|octet| *octet & 0x0F != 0x0F && *octet & 0xF0 != 0xF0).count();
                rest = rest.get(length + 1..).unwrap_or_default();
            }
            32..=246 => last = i64::from(first) - 139,
            247..=250 => {
                last = (i64::from(first) - 247) * 256 + i64::from(rest.first().copied().unwrap_or(0)) + 108;
                rest = rest.get(1..).unwrap_or_default();
            }
            251..=254 => {
                last = -(i64::from(first) - 251) * 256 - i64::from(rest.first().copied().unwrap_or(0)) - 108;
                rest = rest.get(1..).unwrap_or_default();
            }
            _ => {}
        }
    }
    out
}

/// The string id, or the number, of each glyph.
fn charset(font: &[u8], offset: i64, glyphs: usize) -> Vec<u16> {
    let mut ids = vec![0u16];
    // 0 is the charset of the standard strings in their order; 1 and 2 are for experts.
    if offset < 3 {
        ids.extend((1..=228u16).take(glyphs.saturating_sub(1)));
        return ids;
    }
    let Some(data) = usize::try_from(offset).ok().and_then(|offset| font.get(offset..)) else { return ids };
    let Some((&format, data)) = data.split_first() else { return ids };
    if format == 0 {
        let pairs = data.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
        ids.extend(pairs.take(glyphs.saturating_sub(1)));
        return ids;
    }
    for range in data.chunks_exact(if format == 1 { 3 } else { 4 }) {
        let (Some(first), Some(left)) = (u16_at(range, 0), range.get(2..)) else { break };
        let left = left.iter().fold(0u16, |sum, octet| sum << 8 | u16::from(*octet));
        for step in 0..=left {
            if ids.len() >= glyphs {
                return ids;
            }
            ids.push(first.wrapping_add(step));
        }
    }
    ids
}

/// The font's own encoding; none when it is one of the predefined.
fn encoding(font: &[u8], offset: i64) -> Option<Vec<(u8, usize)>> {
    let data = font.get(usize::try_from(offset).ok().filter(|offset| *offset > 1)?..)?;
    let (&format, data) = data.split_first()?;
    let (&count, data) = data.split_first()?;
    let mut codes = Vec::new();
    if format & 0x7F == 0 {
        codes.extend(data.iter().take(usize::from(count)).copied().zip(1..));
        return Some(codes);
    }
    for range in data.chunks_exact(2).take(usize::from(count)) {
        let &[first, left] = range else { break };
        codes.extend((0..=left).map(|step| first.wrapping_add(step)).zip(codes.len() + 1..).collect::<Vec<_>>());
    }
    Some(codes)
}

/// The encoding of a Type 1 font: `dup 65 /A put`, in its readable part.
pub(super) fn type1_codes(font: &[u8]) -> Vec<(u8, Shown)> {
    let clear = font.get(..memchr::memmem::find(font, b"eexec").unwrap_or(font.len())).unwrap_or(font);
    let Some(at) = memchr::memmem::find(clear, b"/Encoding") else { return Vec::new() };
    let mut lexer = Lexer::new(clear, at + 9);
    let mut codes = Vec::new();
    let mut left = 4_000;
    while let Some(token) = lexer.next()
        && left > 0
    {
        left -= 1;
        match token {
            Token::Word(b"dup") => {
                if let (Some(Token::Int(code)), Some(Token::Name(name))) = (lexer.next(), lexer.next())
                    && let Ok(code) = u8::try_from(code)
                {
                    codes.push((code, of_glyph(&name)));
                }
            }
            Token::Word(b"def" | b"readonly" | b"StandardEncoding") if !codes.is_empty() || token_is_last(&token) => {
                break;
            }
            _ => {}
        }
    }
    codes
}

fn token_is_last(token: &Token<'_>) -> bool {
    *token == Token::Word(b"StandardEncoding")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A font with one table.
    fn font(tag: &[u8; 4], table: &[u8]) -> Vec<u8> {
        let length = u32::try_from(table.len()).unwrap().to_be_bytes();
        [b"\0\x01\0\0\0\x01\0\0\0\0\0\0", &tag[..], b"\0\0\0\0", b"\0\0\0\x1c", &length, table].concat()
    }

    fn words(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    #[test]
    fn truetype_backwards() {
        // Two segments: A to C are the glyphs 5 to 7; 0xEB goes through the glyph array.
        let format4 = words(&[4, 0, 0, 4, 0, 0, 0, 0x43, 0xEB, 0, 0x41, 0xEB, 65476, 0, 0, 2, 9]);
        let cmap = [words(&[0, 1, 3, 1, 0, 12]), format4].concat();
        let found = characters(&font(b"cmap", &cmap));
        assert_eq!(found.get(&5), Some(&'A'));
        assert_eq!(found.get(&7), Some(&'C'));
        assert_eq!(found.get(&9), Some(&'ë'));
        let format12 =
            [words(&[12, 0]), [0u32, 0, 1, 0x61, 0x63, 3].iter().flat_map(|v| v.to_be_bytes()).collect()].concat();
        let cmap = [words(&[0, 1, 3, 10, 0, 12]), format12].concat();
        assert_eq!(characters(&font(b"cmap", &cmap)).get(&4), Some(&'b'));
    }

    #[test]
    fn compact_fonts() {
        let top = |charset: u8, encoding: u8, strings: u8| [charset + 139, 15, encoding + 139, 16, strings + 139, 17];
        let index = |items: &[&[u8]]| {
            let mut out = words(&[u16::try_from(items.len()).unwrap()]);
            let mut offset = 1u8;
            out.extend([1, offset]);
            for item in items {
                offset += u8::try_from(item.len()).unwrap();
                out.push(offset);
            }
            out.extend(items.concat());
            out
        };
        let head = [vec![1, 0, 4, 1], index(&[b"F"])].concat();
        let rest = [index(&[b"edieresis"]), words(&[0])].concat();
        let start = head.len() + index(&[&top(0, 0, 0)]).len() + rest.len();
        let start = u8::try_from(start).unwrap();
        // Two glyphs beside .notdef: zero (id 17) and a name of its own; codes 1 and 2.
        let charset = [0, 0, 17, 1, 0x87];
        let encoding = [0, 2, 1, 2];
        let strings = index(&[b"x", b"x", b"x"]);
        let top = top(start, start + 5, start + 9);
        let font = [head, index(&[&top]), rest, charset.to_vec(), encoding.to_vec(), strings].concat();
        let cff = Cff::parse(&font).unwrap();
        assert_eq!(cff.of_code(1), Shown::One('0'));
        assert_eq!(cff.of_code(2), Shown::One('ë'));
        assert_eq!(cff.of_code(3), Shown::Unknown);
    }

    #[test]
    fn type_1_encodings() {
        let codes = type1_codes(b"%!PS /Encoding 256 array 0 1 255 {1 index exch /.notdef put} for dup 65 /zero put dup 66 /one put readonly def /x eexec");
        assert_eq!(codes, [(65, Shown::One('0')), (66, Shown::One('1'))]);
        assert_eq!(type1_codes(b"/Encoding StandardEncoding def dup 1 /A put"), []);
    }
}
