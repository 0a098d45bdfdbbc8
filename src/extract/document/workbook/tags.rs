//! The tags of an XML file, as they stand: for sheets, of which a file has hundreds of thousands of elements.
//!
//! Nothing is copied: names, attributes and texts are slices of the file, and what nobody asks for is not looked at.
//! Never expands an entity of the document's own. A fault ends it with what came before ([`Tags::fault`]).

use crate::extract::Why;

/// More levels than any program writes.
const DEEPEST: usize = 256;

/// A walk through the tags of a text.
pub(super) struct Tags<'x> {
    text: &'x str,
    at: usize,
    depth: usize,
    /// Why it stopped early, or what it passed over.
    pub(super) fault: Option<Why>,
}

/// A step of it.
pub(super) enum Step<'x> {
    /// An element begins; an empty one ends too, without a [`Step::Close`].
    Open(Tag<'x>),
    /// An element ends, by its name without prefix.
    Close(&'x str),
    /// Text, with its references as written.
    Text(&'x str),
    /// Text of a CDATA section.
    Verbatim(&'x str),
}

/// The start of an element.
#[derive(Clone, Copy)]
pub(super) struct Tag<'x> {
    /// Its name without prefix.
    pub(super) name: &'x str,
    /// Whether it ends at once.
    pub(super) empty: bool,
    attributes: &'x str,
}

impl<'x> Tags<'x> {
    /// Begins at the start.
    pub(super) fn new(text: &'x str) -> Self {
        Self { text, at: 0, depth: 0, fault: None }
    }

    /// The next step; none at the end, or at a fault.
    pub(super) fn next(&mut self) -> Option<Step<'x>> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let Some(tag) = rest.strip_prefix('<') else {
                let end = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
                self.at += end;
                return rest.get(..end).map(Step::Text);
            };
            let step = match tag.as_bytes().first() {
                Some(b'/') => {
                    self.depth = self.depth.saturating_sub(1);
                    self.close(tag).map(|inside| Some(Step::Close(local(bare(inside)))))
                }
                Some(b'?') => self.until(tag, "?>").map(|_| None),
                Some(b'!') => self.declaration(tag),
                _ => self.open(tag).map(Some),
            };
            match step {
                Some(Some(step)) => return Some(step),
                Some(None) => {}
                None => {
                    self.at = self.text.len();
                    self.fault.get_or_insert(Why::Damaged);
                    return None;
                }
            }
        }
    }

    /// What stands between the slash and the end of a tag that closes.
    fn close(&mut self, rest: &'x str) -> Option<&'x str> {
        let end = memchr::memchr(b'>', rest.as_bytes())?;
        self.at += end + 2;
        rest.get(1..end)
    }

    /// What stands before an end; goes on behind it. `rest` begins behind the `<` of this step.
    fn until(&mut self, rest: &'x str, end: &str) -> Option<&'x str> {
        let found = memchr::memmem::find(rest.as_bytes(), end.as_bytes())?;
        self.at += 1 + found + end.len();
        rest.get(..found)
    }

    /// A comment, a CDATA section, or a document type.
    fn declaration(&mut self, rest: &'x str) -> Option<Option<Step<'x>>> {
        if rest.starts_with("!--") {
            return self.until(rest, "-->").map(|_| None);
        }
        if rest.starts_with("![CDATA[") {
            return self.until(rest, "]]>").map(|inside| inside.get("![CDATA[".len()..).map(Step::Verbatim));
        }
        // Office programs write no document type; one that defines entities wants to be expanded without end.
        self.fault.get_or_insert(Why::Damaged);
        let end = self.until(rest, ">")?;
        if end.contains('[') && !end.contains(']') {
            self.at -= 1;
            let rest = self.text.get(self.at + 1..)?;
            self.until(rest, "]>")?;
        }
        Some(None)
    }

    fn open(&mut self, rest: &'x str) -> Option<Step<'x>> {
        let octets = rest.as_bytes();
        let mut end = 0;
        loop {
            end += memchr::memchr3(b'>', b'"', b'\'', octets.get(end..)?)?;
            match octets.get(end) {
                Some(b'>') => break,
                Some(&quote) => end += memchr::memchr(quote, octets.get(end + 1..)?)? + 2,
                None => return None,
            }
        }
        self.at += end + 2;
        let inside = rest.get(..end)?;
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let name = inside.bytes().position(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).unwrap_or(inside.len());
        if !empty {
            self.depth += 1;
            if self.depth > DEEPEST {
                self.fault.get_or_insert(Why::OverLimit);
                self.at = self.text.len();
            }
        }
        let (name, attributes) = inside.split_at_checked(name)?;
        Some(Step::Open(Tag { name: local(name), attributes, empty }))
    }
}

impl<'x> Tag<'x> {
    /// The value of an attribute as written, by its name without prefix.
    pub(super) fn written(&self, name: &str) -> Option<&'x str> {
        self.attributes().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of an attribute, with its references resolved.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.written(name).map(|value| {
            let mut out = String::with_capacity(value.len());
            unescape(value, &mut out);
            out
        })
    }

    /// Whether an attribute says yes.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self.written(name), Some("1" | "true" | "on"))
    }

    /// Its attributes, by their names without prefix, with their values as written.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'x str, &'x str)> + use<'x> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || {
            // By octets: a sheet has a million of them, and none of these characters is part of another.
            let equals = rest.bytes().position(|b| b == b'=')?;
            let (name, behind) = (rest.get(..equals)?, rest.get(equals + 1..)?);
            let behind = if behind.starts_with(['"', '\'']) { behind } else { behind.trim_start() };
            let quote = behind.bytes().next().filter(|b| matches!(b, b'"' | b'\''))?;
            let behind = behind.get(1..)?;
            let end = memchr::memchr(quote, behind.as_bytes())?;
            rest = behind.get(end + 1..)?;
            Some((local(bare(name)), behind.get(..end)?))
        })
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.bytes().rposition(|b| b == b':').and_then(|colon| name.get(colon + 1..)).unwrap_or(name)
}

/// A name without the blanks around it; most have none.
fn bare(name: &str) -> &str {
    let blank = |b: &u8| b.is_ascii_whitespace();
    let octets = name.as_bytes();
    if octets.first().is_some_and(blank) || octets.last().is_some_and(blank) { name.trim() } else { name }
}

/// Text with its references resolved. One that is not known stays as it is.
pub(super) fn unescape(written: &str, out: &mut String) {
    let mut rest = written;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        let (before, reference) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let name = reference.get(1..).and_then(|name| name.get(..name.bytes().take(12).position(|b| b == b';')?));
        match name.and_then(|name| Some((name, resolved(name)?))) {
            Some((name, character)) => {
                out.push(character);
                rest = reference.get(name.len() + 2..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = reference.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
}

fn resolved(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

/// Text of a cell, in which `_x000D_` stands for a character (ECMA-376 part 1, 22.9.2.19).
pub(super) fn cell_text(written: &str, out: &mut String) {
    let from = out.len();
    unescape(written, out);
    if memchr::memchr(b'_', written.as_bytes()).is_none() {
        return;
    }
    let plain = out.split_off(from);
    let mut rest = plain.as_str();
    while let Some((before, behind)) = rest.split_once("_x") {
        out.push_str(before);
        let code = behind.get(..4).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        let character = code
            .filter(|_| behind.as_bytes().get(4) == Some(&b'_'))
            .and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
        match character {
            Some(character) => {
                out.push(character);
                rest = behind.get(5..).unwrap_or_default();
            }
            None => {
                out.push_str("_x");
                rest = behind;
            }
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(text: &str) -> (String, Option<Why>) {
        let mut tags = Tags::new(text);
        let mut out = String::new();
        while let Some(step) = tags.next() {
            match step {
                Step::Open(tag) => {
                    out.push_str(&format!("<{}", tag.name));
                    tag.attributes().for_each(|(name, value)| out.push_str(&format!(" {name}={value}")));
                    out.push_str(if tag.empty { "/>" } else { ">" });
                }
                Step::Close(name) => out.push_str(&format!("</{name}>")),
                Step::Text(text) => unescape(text, &mut out),
                Step::Verbatim(text) => out.push_str(text),
            }
        }
        (out, tags.fault)
    }

    #[test]
    fn tags_and_texts() {
        for (text, seen) in [
            ("<?xml version='1.0'?><x:a b = \"1>2\" r:id='3'>t&amp;u</x:a >", "<a b=1>2 id=3>t&u</a>"),
            ("<a/><!-- <b> --><![CDATA[<c>&amp;]]>", "<a/><c>&amp;"),
            ("&#49;&#x32;&euro;&;& <a\n/>", "12&euro;&;& <a/>"),
        ] {
            assert_eq!(walk(text), (seen.to_string(), None), "{text}");
        }
        let entity = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
        assert_eq!(walk(entity), ("<a>&b;</a>".to_string(), Some(Why::Damaged)));
        assert_eq!(walk("<a>b<c d='"), ("<a>b".to_string(), Some(Why::Damaged)));
        assert_eq!(walk(&"<a>".repeat(300)).1, Some(Why::OverLimit));
    }

    #[test]
    fn characters_of_cells() {
        for (written, text) in [("a_x000A_b", "a\nb"), ("_x005F_x000A_", "_x000A_"), ("_xyz_ _x00", "_xyz_ _x00")] {
            let mut out = String::new();
            cell_text(written, &mut out);
            assert_eq!(out, text);
        }
    }
}
