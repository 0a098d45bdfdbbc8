//! Single values out of their wrappings: codes of symbols, octets of old forms, targets of links.

use std::borrow::Cow;

use crate::message::Encoding;
use crate::message::transfer;

/// Shorter runs of letters in binary data are chance.
const SHORTEST: usize = 4;

/// The character of a symbol (ECMA-376 part 1, 17.3.3.30): fonts of symbols have theirs from U+F020 on, where the
/// letters and digits of ASCII would be.
pub(super) fn symbol(code: &str) -> Option<char> {
    let code = u32::from_str_radix(code, 16).ok()?;
    char::from_u32(if (0xF020..0xF07F).contains(&code) { code - 0xF000 } else { code }).filter(|c| !c.is_control())
}

/// Whether a program gave the name: a word or two and a number.
pub(super) fn is_made_up(name: &str) -> bool {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name.len() - word.len();
    name.trim().is_empty() || digits > 0 && digits < 5 && word.ends_with(' ') && word.trim().split(' ').count() < 4
}

/// A text with its percent escapes decoded (RFC 3986, 2.1); none when it has none.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    memchr::memchr(b'%', text.as_bytes())?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match escaped.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(octet) => {
                out.push(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    let decoded = String::from_utf8_lossy(&out).into_owned();
    (decoded != text).then_some(decoded)
}

/// A drawing in VML without the conditions for browsers in it (`<![if gte mso 9]>`), which are no XML.
pub(super) fn without_conditions(vml: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = vml;
    while let Some((before, from)) = rest.split_once("<![").filter(|(_, from)| !from.starts_with("CDATA")) {
        out.push_str(before);
        rest = from.split_once('>').map_or("", |(_, after)| after);
    }
    if out.is_empty() { Cow::Borrowed(rest) } else { Cow::Owned(out + rest) }
}

/// Whether nothing but white space stands between the tags of an XML text.
pub(super) fn is_all_tags(xml: &str) -> bool {
    let octets = xml.as_bytes();
    memchr::memchr_iter(b'>', octets).all(|at| {
        let mut after = octets.iter().skip(at + 1).take(64).skip_while(|octet| octet.is_ascii_whitespace());
        matches!(after.next(), None | Some(b'<'))
    }) && memchr::memmem::find(octets, b"<![CDATA[").is_none()
}

/// The words in binary data that is written in Base64.
pub(super) fn in_base64(data: &str) -> String {
    in_octets(&transfer::decode(Encoding::Base64, data.as_bytes()))
}

/// The words in binary data (MS-OFORMS, MS-DOC FFData), a line each: UTF-16 or one octet a character.
pub(super) fn in_octets(octets: &[u8]) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < octets.len() {
        let wide = run(octets, at, 2);
        let (text, length) = if wide.0.chars().count() >= SHORTEST { wide } else { run(octets, at, 1) };
        if text.chars().filter(char::is_ascii_alphanumeric).count() + 1 >= SHORTEST && text.chars().count() >= SHORTEST
        {
            out.push_str(&text);
            out.push('\n');
        }
        at += length.max(1);
    }
    out
}

/// The text that begins at an offset, of so many octets a character; and how many octets it takes.
fn run(octets: &[u8], from: usize, width: usize) -> (String, usize) {
    let mut text = String::new();
    let mut at = from;
    while let Some(unit) = octets.get(at..at + width) {
        let code = unit.iter().rev().fold(0u32, |code, octet| code << 8 | u32::from(*octet));
        match char::from_u32(code).filter(|c| (' '..='\u{24f}').contains(c) && !c.is_control()) {
            Some(character) => text.push(character),
            None => break,
        }
        at += width;
    }
    (text, at - from)
}

/// A switch (ECMA-376 part 1, 22.9.2.7).
pub(super) fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "false" | "off")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_that_programs_make_up() {
        for (name, made_up) in [
            ("Afbeelding 1", true),
            ("Text Box 12", true),
            ("Tijdelijke aanduiding voor tekst 2", false),
            ("foto Bram de Wit.jpg", false),
            ("999990019", false),
            ("", true),
        ] {
            assert_eq!(is_made_up(name), made_up, "{name}");
        }
    }

    #[test]
    fn escapes_in_links() {
        assert_eq!(
            percent_decoded("mailto:a@b.example?subject=Bram%20de%20Wit").unwrap(),
            "mailto:a@b.example?subject=Bram de Wit"
        );
        assert_eq!(percent_decoded("100%"), None);
        assert_eq!(percent_decoded("geen"), None);
    }

    #[test]
    fn words_among_octets() {
        let mut octets = b"\x00\x02\x0C\x00Bram\x01".to_vec();
        octets.extend("Zoë 12".encode_utf16().flat_map(u16::to_le_bytes));
        octets.extend([0, 0, 7]);
        assert_eq!(in_octets(&octets), "Bram\nZoë 12\n");
    }

    #[test]
    fn texts_among_tags() {
        assert!(is_all_tags("<a>\n <b x=\"y\"/>\n</a>"));
        assert!(!is_all_tags("<a>\n <b/>Bo</a>"));
        assert!(!is_all_tags("<a><![CDATA[Bo]]></a>"));
    }

    #[test]
    fn symbols() {
        assert_eq!(symbol("F031"), Some('1'));
        assert_eq!(symbol("00E9"), Some('é'));
        assert_eq!(symbol("zz"), None);
    }
}
