//! The XML of documents: a pull parser over quick-xml that never expands an entity of the document's own, never goes
//! deeper than any document does, and stops at the first fault with what came before.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};

use crate::extract::Why;

/// More levels than any program writes.
const DEEPEST: usize = 256;

/// A step through a document.
pub(super) enum Node<'x> {
    /// An element begins.
    Open(Element<'x>),
    /// An element ends, by its name without prefix.
    Close(String),
    /// Text, with its references resolved. A text can come in several pieces.
    Text(Cow<'x, str>),
}

/// The start of an element.
pub(super) struct Element<'x>(BytesStart<'x>);

impl Element<'_> {
    /// Its name without prefix: `p` for `w:p`.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// Its name as written.
    pub(super) fn full_name(&self) -> &str {
        self.0.name().into_inner()
    }

    /// The value of an attribute, by its name without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        let found = attributes.with_checks(false).flatten().find(|a| a.key.local_name().into_inner() == name)?;
        Some(unescaped(&found.value))
    }

    /// All its attributes: names without prefix, and values; no declarations of namespaces.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, String)> {
        let mut attributes = self.0.attributes();
        let all = attributes.with_checks(false).collect::<Vec<_>>().into_iter().flatten();
        all.filter(|a| a.key.as_namespace_binding().is_none())
            .map(|a| (a.key.local_name().into_inner(), unescaped(&a.value)))
    }
}

fn unescaped(value: &str) -> String {
    quick_xml::escape::unescape(value).map_or_else(|_| value.to_string(), Cow::into_owned)
}

/// A walk through a document's octets.
pub(super) struct Xml<'x> {
    reader: quick_xml::Reader<&'x [u8]>,
    depth: usize,
    /// The end of an empty element, still to come.
    pending: Option<String>,
    /// Whether ends come without their names.
    nameless: bool,
    /// Why it stopped early.
    pub(super) fault: Option<Why>,
}

impl<'x> Xml<'x> {
    /// Begins at the start. The text has to be UTF-8: see [`decoded`].
    pub(super) fn new(text: &'x str) -> Self {
        let mut reader = quick_xml::Reader::from_str(text);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Self { reader, depth: 0, pending: None, nameless: false, fault: None }
    }

    /// Begins at the start; the ends of elements come without names, which are work for each element and which those
    /// do not need that keep a stack of their own.
    pub(super) fn nameless(text: &'x str) -> Self {
        Self { nameless: true, ..Self::new(text) }
    }

    /// The next step; none at the end, or at a fault.
    pub(super) fn next(&mut self) -> Option<Node<'x>> {
        if let Some(name) = self.pending.take() {
            return Some(Node::Close(name));
        }
        loop {
            let Ok(event) = self.reader.read_event() else {
                self.fault.get_or_insert(Why::Damaged);
                return None;
            };
            match event {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        self.fault.get_or_insert(Why::OverLimit);
                        return None;
                    }
                    return Some(Node::Open(Element(start)));
                }
                Event::Empty(start) => {
                    self.pending = Some(self.name(start.local_name().into_inner()));
                    return Some(Node::Open(Element(start)));
                }
                Event::End(end) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Some(Node::Close(self.name(end.local_name().into_inner())));
                }
                Event::Text(text) => return Some(Node::Text(text.into_inner())),
                Event::CData(data) => return Some(Node::Text(data.into_inner())),
                Event::GeneralRef(reference) => return Some(Node::Text(resolved(&reference).into())),
                // One that defines entities wants to be expanded without end; they are left as they stand.
                Event::DocType(kind) => {
                    let text: &str = &kind;
                    if text.contains("<!ENTITY") {
                        self.fault.get_or_insert(Why::Damaged);
                    }
                }
                Event::Eof => return None,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    fn name(&self, name: &str) -> String {
        if self.nameless { String::new() } else { name.to_string() }
    }
}

fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let name: &str = reference;
    quick_xml::escape::resolve_predefined_entity(name).map_or_else(|| format!("&{name};"), str::to_string)
}

/// Whether an entity is defined by another.
pub(super) fn has_nested_entities(source: &str) -> bool {
    source.split("<!ENTITY").skip(1).any(|definition| {
        let value = definition.split('>').next().unwrap_or_default();
        value.split('&').skip(1).any(|reference| reference.starts_with(char::is_alphabetic))
    })
}

/// The octets of an XML file as text: by its mark, by its first signs, or by its declaration (XML 1.0 appendix F).
pub(super) fn decoded(octets: &[u8]) -> Cow<'_, str> {
    let declared = match octets {
        [b'<', 0, ..] => Some("utf-16le"),
        [0, b'<', ..] => Some("utf-16be"),
        _ => octets.get(..200).unwrap_or(octets).trim_ascii_start().strip_prefix(b"<?xml").and_then(encoding),
    };
    crate::message::charset::decode(octets, declared.or(Some("utf-8")))
}

/// The encoding in a declaration; one of two octets a character cannot be, for then it could not be read.
fn encoding(declaration: &[u8]) -> Option<&str> {
    let text = declaration.split(|&b| b == b'>').next().and_then(|text| std::str::from_utf8(text).ok())?;
    let value = text.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let label = value.get(1..)?.split(quote).next()?;
    (!crate::message::charset::is_wide(label)).then_some(label)
}
