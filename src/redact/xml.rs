//! XML as it stands in a file: its tags with their places, and changes at places.
//!
//! What is not changed stays octet for octet. Stricter than a reader: whatever two programs could read in two ways (a
//! document type, tags that do not close) is a fault, and then nothing is changed at all.

use std::ops::Range;

use super::CannotRedact;

/// More levels than any program writes.
const DEEPEST: usize = 256;

/// A walk through the tags of a text.
pub(super) struct Scan<'x> {
    text: &'x str,
    at: usize,
    depth: usize,
}

/// A step of it.
pub(super) enum Step<'x> {
    /// An element begins; an empty one ends too.
    Open(Tag<'x>),
    /// An element ends.
    Close,
    /// Text, with its references as written, and text of a CDATA section.
    Text(&'x str),
}

/// The start of an element.
#[derive(Clone)]
pub(super) struct Tag<'x> {
    /// Its name without prefix.
    pub(super) name: &'x str,
    /// Its name as written.
    pub(super) full: &'x str,
    /// Whether it ends at once.
    pub(super) empty: bool,
    /// Where the tag stands.
    pub(super) at: Range<usize>,
    /// What stands behind the name, and where.
    written: &'x str,
    written_at: usize,
}

/// An attribute of a tag.
pub(super) struct Attribute<'x> {
    /// Its name without prefix.
    pub(super) name: &'x str,
    /// Its value, as written.
    pub(super) value: &'x str,
    /// Where all of it stands, with the white space before it.
    pub(super) at: Range<usize>,
    /// Where the value stands, without its quotes.
    pub(super) value_at: Range<usize>,
}

impl<'x> Scan<'x> {
    /// Begins at the start.
    pub(super) fn new(text: &'x str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Where the next step begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next step; none at the end.
    ///
    /// # Errors
    /// The text is no XML that all programs read alike.
    pub(super) fn next(&mut self) -> Result<Option<Step<'x>>, CannotRedact> {
        loop {
            let Some(rest) = self.text.get(self.at..).filter(|rest| !rest.is_empty()) else {
                return if self.depth == 0 { Ok(None) } else { Err(CannotRedact::Damaged) };
            };
            let Some(tag) = rest.strip_prefix('<') else {
                let end = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
                self.at += end;
                return Ok(rest.get(..end).map(Step::Text));
            };
            match tag.as_bytes().first() {
                Some(b'/') => {
                    self.until(tag, ">")?;
                    self.depth = self.depth.checked_sub(1).ok_or(CannotRedact::Damaged)?;
                    return Ok(Some(Step::Close));
                }
                Some(b'?') => drop(self.until(tag, "?>")?),
                Some(b'!') if tag.starts_with("!--") => drop(self.until(tag, "-->")?),
                Some(b'!') if tag.starts_with("![CDATA[") => {
                    let inside = self.until(tag, "]]>")?;
                    return Ok(inside.get("![CDATA[".len()..).map(Step::Text));
                }
                Some(b'!') => return Err(CannotRedact::Damaged),
                _ => return self.open(tag).map(|tag| Some(Step::Open(tag))),
            }
        }
    }

    /// Goes on behind an element that was just opened; where it ends.
    ///
    /// # Errors
    /// As [`Scan::next`].
    pub(super) fn skip(&mut self, tag: &Tag<'x>) -> Result<usize, CannotRedact> {
        let outside = self.depth.saturating_sub(usize::from(!tag.empty));
        while self.depth > outside {
            self.next()?.ok_or(CannotRedact::Damaged)?;
        }
        Ok(self.at)
    }

    fn until(&mut self, rest: &'x str, end: &str) -> Result<&'x str, CannotRedact> {
        let found = memchr::memmem::find(rest.as_bytes(), end.as_bytes()).ok_or(CannotRedact::Damaged)?;
        self.at += 1 + found + end.len();
        rest.get(..found).ok_or(CannotRedact::Damaged)
    }

    fn open(&mut self, rest: &'x str) -> Result<Tag<'x>, CannotRedact> {
        let octets = rest.as_bytes();
        let fault = CannotRedact::Damaged;
        let mut end = 0;
        loop {
            let behind = octets.get(end..).unwrap_or_default();
            end += memchr::memchr3(b'>', b'"', b'\'', behind).ok_or(fault.clone())?;
            match octets.get(end) {
                Some(b'>') => break,
                Some(&quote) => {
                    let value = octets.get(end + 1..).unwrap_or_default();
                    end += memchr::memchr(quote, value).ok_or(fault.clone())? + 2;
                }
                None => return Err(fault),
            }
        }
        let start = self.at;
        self.at += end + 2;
        let inside = rest.get(..end).ok_or(fault.clone())?;
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let name = inside.bytes().position(|b| b.is_ascii_whitespace()).unwrap_or(inside.len());
        if !empty {
            self.depth += 1;
        }
        if self.depth > DEEPEST || name == 0 {
            return Err(fault);
        }
        let (full, written) = inside.split_at_checked(name).ok_or(fault)?;
        Ok(Tag { name: local(full), full, empty, at: start..self.at, written, written_at: start + 1 + name })
    }
}

impl<'x> Tag<'x> {
    /// Its attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Attribute<'x>> + use<'x> {
        let (mut rest, mut at) = (self.written, self.written_at);
        std::iter::from_fn(move || {
            let (name, behind) = rest.split_once('=')?;
            let before = name.len() + 1;
            let value = behind.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let start = at + before + (behind.len() - value.len()) + 1;
            let (value, behind) = value.get(1..)?.split_once(quote)?;
            let end = start + value.len() + 1;
            let found = Attribute { name: local(name.trim()), value, at: at..end, value_at: start..end - 1 };
            (rest, at) = (behind, end);
            Some(found)
        })
    }

    /// An attribute, by its name without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<Attribute<'x>> {
        self.attributes().find(|known| known.name == name)
    }

    /// The value of an attribute, with its references resolved.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.attribute(name).map(|found| unescaped(found.value))
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Text with its references resolved. One that is not known stays as it is.
pub(super) fn unescaped(written: &str) -> String {
    crate::extract::unescaped(written)
}

/// A text with changes at places, which come in the order of the text.
pub(super) struct Edits<'x> {
    text: &'x str,
    out: String,
    copied: usize,
}

impl<'x> Edits<'x> {
    /// No change so far.
    pub(super) fn new(text: &'x str) -> Self {
        Self { text, out: String::with_capacity(text.len()), copied: 0 }
    }

    /// Puts something in the place of a piece. A piece that begins in one that was replaced already is left out.
    pub(super) fn replace(&mut self, range: Range<usize>, with: &str) {
        if range.start >= self.copied {
            self.out.push_str(self.text.get(self.copied..range.start).unwrap_or_default());
            self.out.push_str(with);
            self.copied = range.end;
        }
    }

    /// Takes a piece out.
    pub(super) fn cut(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// The text with its changes.
    pub(super) fn finish(mut self) -> String {
        self.out.push_str(self.text.get(self.copied..).unwrap_or_default());
        self.out
    }
}

/// All text in a piece of XML, and the values of its attributes, a line each.
pub(super) fn words(xml: &str) -> Result<String, CannotRedact> {
    let mut out = String::new();
    let mut scan = Scan::new(xml);
    while let Some(step) = scan.next()? {
        match step {
            Step::Open(tag) => tag.attributes().for_each(|found| {
                out.push('\n');
                out.push_str(&unescaped(found.value));
                out.push('\n');
            }),
            Step::Text(text) => out.push_str(&unescaped(text)),
            Step::Close => {}
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_those_of_the_text() {
        let text = "<?xml?><x:a b = \"1>2\" r:id='3'>t&amp;<b/><![CDATA[<c>]]></x:a>";
        let mut scan = Scan::new(text);
        let Some(Step::Open(tag)) = scan.next().unwrap() else { panic!("no tag") };
        let seen: Vec<_> = tag.attributes().map(|a| (a.name, &text[a.at.clone()], &text[a.value_at.clone()])).collect();
        assert_eq!(seen, [("b", " b = \"1>2\"", "1>2"), ("id", " r:id='3'", "3")]);
        assert_eq!((tag.name, tag.full, &text[tag.at.clone()]), ("a", "x:a", "<x:a b = \"1>2\" r:id='3'>"));
        assert_eq!(scan.skip(&tag).unwrap(), text.len());
        assert!(scan.next().unwrap().is_none());
    }

    #[test]
    fn doubtful_xml_is_a_fault() {
        for text in ["<a>", "</a>", "<!DOCTYPE a><a/>", "<a b='>", "<>", &"<a>".repeat(300), "<!-- "] {
            let mut scan = Scan::new(text);
            let fault = loop {
                match scan.next() {
                    Ok(Some(_)) => {}
                    end => break end.err(),
                }
            };
            assert_eq!(fault, Some(CannotRedact::Damaged), "{text}");
        }
    }

    #[test]
    fn changes_leave_the_rest() {
        let mut edits = Edits::new("abcdef");
        edits.replace(1..3, "X");
        edits.cut(2..4);
        edits.cut(4..5);
        assert_eq!(edits.finish(), "aXdf");
    }
}
