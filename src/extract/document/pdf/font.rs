//! A font (ISO 32000-1 sections 9.5 to 9.10): from the codes of a string to what they show and how wide they are.
//!
//! What a code shows is asked of the ToUnicode map first, then of the encoding, then of the embedded font. When nobody
//! knows, the glyph is [`Shown::Unknown`], and the page counts it: a page of unknown glyphs is unread, not empty.

use std::collections::HashMap;

use super::cmap::{Codes, Meanings};
use super::encoding::{Base, Shown, of_glyph};
use super::file::File;
use super::fontfile::{self, Cff};
use super::object::{Dict, Object};
use super::tables;

/// A font, ready to show strings.
pub(super) struct Font {
    kind: Kind,
    meanings: Option<Meanings>,
    /// How much of its size a glyph is high: 1, but for fonts that are drawn (Type 3).
    pub(super) em: f64,
    /// Whether it writes downwards.
    pub(super) vertical: bool,
}

enum Kind {
    /// 256 codes: what each shows, and its width.
    Simple(Box<[(Shown, f64)]>),
    Composite(Box<Composite>),
}

struct Composite {
    codes: Codes,
    widths: Widths,
    /// What glyphs show by the embedded font.
    embedded: HashMap<u32, Shown>,
    /// From codes of the font to glyphs of its file; empty when they are the same.
    glyphs: Vec<u8>,
}

/// The widths of a composite font's glyphs.
struct Widths {
    /// From, to, widths of each or of all.
    ranges: Vec<(u32, u32, Vec<f32>)>,
    default: f64,
}

/// One glyph of a string.
pub(super) struct Glyph {
    pub(super) shown: Shown,
    /// Of the font's size.
    pub(super) width: f64,
    /// Whether word spacing counts for it: the single octet 32.
    pub(super) spaces: bool,
}

impl Font {
    /// Reads a font's dictionary.
    pub(super) fn load(file: &File<'_>, dict: &Dict) -> Self {
        let meanings = file.at(dict, b"ToUnicode");
        let meanings = meanings.stream().map(|stream| Meanings::parse(&file.decode(stream).octets));
        let subtype = file.at(dict, b"Subtype");
        if subtype.name() == Some(b"Type0") {
            let composite = Composite::load(file, dict, meanings.as_ref());
            let vertical = composite.codes.vertical;
            return Self { kind: Kind::Composite(Box::new(composite)), meanings, em: 1.0, vertical };
        }
        let drawn = subtype.name() == Some(b"Type3");
        let mut shown = simple_codes(file, dict, drawn);
        if let Some(meanings) = &meanings {
            let symbolic = is_symbolic(file, dict);
            for (code, shown) in (0u32..).zip(shown.iter_mut()) {
                let known = meanings.get(code);
                if known != Shown::Unknown {
                    *shown = if symbolic { known } else { without_private(known) };
                }
            }
        }
        let (widths, em) = simple_widths(file, dict, drawn);
        let codes = shown.into_iter().zip(widths).collect();
        Self { kind: Kind::Simple(codes), meanings: None, em, vertical: false }
    }

    /// What stands in for a font that is not there.
    pub(super) fn fallback() -> Self {
        let codes = Base::WinAnsi.codes().into_iter().zip(standard_widths(b"Helvetica")).collect();
        Self { kind: Kind::Simple(codes), meanings: None, em: 1.0, vertical: false }
    }

    /// The glyphs of a string.
    pub(super) fn each(&self, text: &[u8], each: &mut dyn FnMut(&Glyph)) {
        match &self.kind {
            Kind::Simple(codes) => {
                let mut glyph = Glyph { shown: Shown::Unknown, width: 0.0, spaces: false };
                for octet in text {
                    let Some((shown, width)) = codes.get(usize::from(*octet)) else { continue };
                    glyph.shown.clone_from(shown);
                    glyph.width = *width;
                    glyph.spaces = *octet == 32;
                    each(&glyph);
                }
            }
            Kind::Composite(composite) => {
                let mut rest = text;
                while let Some((code, length)) = composite.codes.next(rest) {
                    let glyph = composite.codes.glyph(code);
                    let known = self.meanings.as_ref().map(|meanings| without_private(meanings.get(code)));
                    let shown = match known {
                        Some(known) if known != Shown::Unknown => known,
                        _ => composite.shown(code, length, glyph),
                    };
                    let width = if self.vertical { 1.0 } else { composite.widths.of(glyph) };
                    each(&Glyph { shown, width, spaces: length == 1 && code == 32 });
                    rest = rest.get(length.max(1)..).unwrap_or_default();
                }
            }
        }
    }
}

/// Codes of symbol fonts that stand in the private area are the letters that they were made from.
fn without_private(shown: Shown) -> Shown {
    match shown {
        Shown::One(c @ '\u{F020}'..='\u{F07E}') => char::from_u32(u32::from(c) - 0xF000).map_or(shown, Shown::One),
        other => other,
    }
}

/// Whether its glyphs are signs and not letters.
fn is_symbolic(file: &File<'_>, dict: &Dict) -> bool {
    let name = file.at(dict, b"BaseFont");
    let name = name.name().unwrap_or_default().to_ascii_lowercase();
    [&b"symbol"[..], b"wingding", b"webding", b"dingbat"].iter().any(|part| memchr::memmem::find(&name, part).is_some())
}

/// What the codes of a simple font show by its encoding.
fn simple_codes(file: &File<'_>, dict: &Dict, drawn: bool) -> Vec<Shown> {
    let encoding = file.at(dict, b"Encoding");
    let named = match &*encoding {
        Object::Name(name) => Base::named(name),
        other => other.dict().and_then(|dict| Base::named(file.at(dict, b"BaseEncoding").name()?)),
    };
    let mut codes = named.map_or_else(|| own_codes(file, dict), Base::codes);
    let differences = encoding.dict().map(|encoding| file.at(encoding, b"Differences"));
    let mut code = 0usize;
    for item in differences.as_ref().and_then(|list| list.array()).unwrap_or_default() {
        match &*file.resolve(item) {
            Object::Int(next) => code = usize::try_from(*next).unwrap_or(usize::MAX),
            Object::Name(name) => {
                if let Some(shown) = codes.get_mut(code) {
                    *shown = of_glyph(name);
                    // Programs that draw fonts from bits name a glyph by its code: a65.
                    if *shown == Shown::Unknown && drawn && name.strip_prefix(b"a") == Some(code.to_string().as_bytes())
                    {
                        *shown = u8::try_from(code).map_or(Shown::Unknown, |code| Shown::One(char::from(code)));
                    }
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
    codes
}

/// The codes of a font whose encoding is its own.
fn own_codes(file: &File<'_>, dict: &Dict) -> Vec<Shown> {
    let name = file.at(dict, b"BaseFont");
    let name = name.name().unwrap_or_default();
    let part = |part: &[u8]| memchr::memmem::find(name, part).is_some();
    if part(b"Dingbats") {
        return Base::Dingbats.codes();
    }
    if part(b"Symbol") {
        return Base::Symbol.codes();
    }
    let descriptor = file.at(dict, b"FontDescriptor");
    let embedded = |key: &[u8]| {
        let stream = file.at(descriptor.dict()?, key);
        stream.stream().map(|stream| file.decode(stream).octets)
    };
    if let Some(font) = embedded(b"FontFile") {
        let mut codes = Base::Standard.codes();
        let own = fontfile::type1_codes(&font);
        if !own.is_empty() {
            codes.fill(Shown::Unknown);
        }
        for (code, shown) in own {
            codes.get_mut(usize::from(code)).into_iter().for_each(|slot| slot.clone_from(&shown));
        }
        return codes;
    }
    if let Some(font) = embedded(b"FontFile3")
        && let Some(cff) = Cff::parse(fontfile::table(&font, b"CFF ").unwrap_or(&font))
        && !cff.by_number
    {
        return (0..=255).map(|code| cff.of_code(code)).collect();
    }
    match file.at(dict, b"Subtype").name() {
        Some(b"TrueType") => Base::WinAnsi.codes(),
        Some(b"Type3") => vec![Shown::Unknown; 256],
        _ => Base::Standard.codes(),
    }
}

/// The widths of a simple font's codes, in parts of its size, and its height.
fn simple_widths(file: &File<'_>, dict: &Dict, drawn: bool) -> (Vec<f64>, f64) {
    let name = file.at(dict, b"BaseFont");
    let given = file.at(dict, b"Widths");
    let Some(given) = given.array() else { return (standard_widths(name.name().unwrap_or_default()), 1.0) };
    let matrix = file.at(dict, b"FontMatrix");
    let matrix: Vec<f64> =
        matrix.array().unwrap_or_default().iter().map(|item| file.resolve(item).number().unwrap_or(0.0)).collect();
    let scale = if drawn { matrix.first().copied().unwrap_or(0.001) } else { 0.001 };
    let descriptor = file.at(dict, b"FontDescriptor");
    let missing = descriptor.dict().and_then(|descriptor| file.at(descriptor, b"MissingWidth").number()).unwrap_or(0.0);
    let mut widths = vec![missing * 0.001; 256];
    let first = usize::try_from(file.at(dict, b"FirstChar").int().unwrap_or(0)).unwrap_or(0);
    for (slot, width) in widths.iter_mut().skip(first).zip(given) {
        *slot = file.resolve(width).number().unwrap_or(0.0) * scale;
    }
    if !drawn {
        return (widths, 1.0);
    }
    let used: Vec<f64> = widths.iter().copied().filter(|width| *width > 0.0).collect();
    let mean = used.iter().sum::<f64>() / (used.len().max(1) as f64);
    (widths, if mean > 0.0 { mean * 1.8 } else { 1.0 })
}

/// The widths of one of the standard fonts, or of what looks most like it.
fn standard_widths(name: &[u8]) -> Vec<f64> {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let has = |part: &str| name.contains(part);
    let (bold, italic) = (has("bold"), has("italic") || has("oblique"));
    if has("courier") || has("mono") || has("consolas") {
        return vec![0.6; 256];
    }
    let table = match (has("times") || has("serif") || has("roman"), bold, italic) {
        (true, true, true) => &tables::TIMES_BOLD_ITALIC,
        (true, true, false) => &tables::TIMES_BOLD,
        (true, false, true) => &tables::TIMES_ITALIC,
        (true, false, false) => &tables::TIMES,
        (false, true, _) => &tables::HELVETICA_BOLD,
        (false, false, _) => &tables::HELVETICA,
    };
    let of = |code: u8| usize::from(code).checked_sub(32).and_then(|at| table.get(at)).copied();
    (0..=255u8)
        .map(|code| {
            // A letter with an accent is as wide as without.
            let octet = [code];
            let plain = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&octet).0;
            let base = unicode_normalization::UnicodeNormalization::nfd(&*plain).next();
            let base = base.and_then(|c| u8::try_from(c).ok()).and_then(of);
            f64::from(of(code).or(base).unwrap_or(if code < 32 { 0 } else { 556 })) / 1000.0
        })
        .collect()
}

impl Composite {
    fn load(file: &File<'_>, dict: &Dict, meanings: Option<&Meanings>) -> Self {
        let encoding = file.at(dict, b"Encoding");
        let codes = match &*encoding {
            Object::Name(name) => Codes::named(name),
            Object::Stream(stream) => Codes::parse(&file.decode(stream).octets),
            _ => Codes::default(),
        };
        let descendants = file.at(dict, b"DescendantFonts");
        let descendant = match &*descendants {
            Object::Array(fonts) => fonts.first().map(|font| (*file.resolve(font)).clone()),
            other => Some(other.clone()),
        };
        let descendant = descendant.as_ref().and_then(Object::dict).cloned().unwrap_or_default();
        let mut composite =
            Self { codes, widths: Widths::load(file, &descendant), embedded: HashMap::new(), glyphs: Vec::new() };
        // The map says it, as a rule; then the font's file need not be unpacked.
        let says = |glyph: u32| meanings.is_some_and(|meanings| meanings.get(glyph) != Shown::Unknown);
        if !composite.widths.some_glyphs().all(says) || meanings.is_none() {
            composite.load_embedded(file, &descendant);
        }
        composite
    }

    fn load_embedded(&mut self, file: &File<'_>, descendant: &Dict) {
        let descriptor = file.at(descendant, b"FontDescriptor");
        let Some(descriptor) = descriptor.dict() else { return };
        let embedded = |key: &[u8]| file.at(descriptor, key).stream().map(|stream| file.decode(stream).octets);
        if let Some(font) = embedded(b"FontFile2").or_else(|| embedded(b"FontFile3")) {
            self.embedded = fontfile::characters(&font)
                .into_iter()
                .map(|(glyph, c)| (glyph, Shown::of(c.encode_utf8(&mut [0; 4]))))
                .collect();
            if self.embedded.is_empty()
                && let Some(cff) = Cff::parse(fontfile::table(&font, b"CFF ").unwrap_or(&font))
            {
                self.embedded = (0u32..).zip(cff.glyphs).collect();
            }
        }
        if let Some(stream) = file.at(descendant, b"CIDToGIDMap").stream() {
            self.glyphs = file.decode(stream).octets.into_owned();
        }
    }

    fn shown(&self, code: u32, length: usize, glyph: u32) -> Shown {
        let itself = self.codes.meaning(code, length);
        if itself != Shown::Unknown {
            return itself;
        }
        let glyph = match usize::try_from(glyph).ok().and_then(|glyph| self.glyphs.get(glyph * 2..)?.first_chunk()) {
            Some(pair) => u32::from(u16::from_be_bytes(*pair)),
            None => glyph,
        };
        self.embedded.get(&glyph).cloned().unwrap_or_default()
    }
}

impl Widths {
    fn load(file: &File<'_>, dict: &Dict) -> Self {
        let default = file.at(dict, b"DW").number().unwrap_or(1000.0) / 1000.0;
        let list = file.at(dict, b"W");
        let mut items = list.array().unwrap_or_default().iter().map(|item| file.resolve(item));
        let mut ranges = Vec::new();
        let number = |object: &Object| object.int().and_then(|value| u32::try_from(value).ok());
        while let (Some(first), Some(second)) = (items.next(), items.next()) {
            let Some(from) = number(&first) else { continue };
            match &*second {
                Object::Array(widths) => {
                    let widths: Vec<f32> =
                        widths.iter().map(|width| file.resolve(width).number().unwrap_or(0.0) as f32).collect();
                    let to = from.saturating_add(u32::try_from(widths.len()).unwrap_or(0).saturating_sub(1));
                    ranges.push((from, to, widths));
                }
                to => {
                    let Some(width) = items.next() else { break };
                    ranges.push((from, number(to).unwrap_or(from), vec![width.number().unwrap_or(0.0) as f32]));
                }
            }
        }
        ranges.sort_by_key(|(from, ..)| *from);
        Self { ranges, default }
    }

    /// Glyphs that have a width of their own: those that a document uses, when its font holds no others.
    fn some_glyphs(&self) -> impl Iterator<Item = u32> {
        self.ranges.iter().flat_map(|(from, to, _)| *from..=*to).filter(|glyph| *glyph > 0).take(500)
    }

    fn of(&self, glyph: u32) -> f64 {
        let at = self.ranges.partition_point(|(from, ..)| *from <= glyph);
        let Some((from, to, widths)) = at.checked_sub(1).and_then(|at| self.ranges.get(at)) else {
            return self.default;
        };
        if glyph > *to {
            return self.default;
        }
        let index = usize::try_from(glyph - from).unwrap_or(usize::MAX);
        widths.get(index).or(widths.first()).map_or(self.default, |width| f64::from(*width) / 1000.0)
    }
}
