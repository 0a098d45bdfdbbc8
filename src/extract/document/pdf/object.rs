//! The objects of PDF (ISO 32000-1 section 7.3), parsed from their words.
//!
//! Bounded: in depth, because a file of brackets has no end, and in elements, because one octet of a file can stand for
//! forty of memory. What goes beyond is null.

use std::ops::Range;

use super::lexer::{Lexer, Token};

/// Levels of arrays and dictionaries in one object; programs write 5 or so.
const DEEPEST: usize = 60;
/// Elements of one object: a font's widths, a page tree's kids.
const ELEMENTS: usize = 400_000;

/// An object.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Object {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(Vec<u8>),
    Name(Vec<u8>),
    Array(Vec<Object>),
    Dict(Dict),
    Stream(Stream),
    /// A reference to the object of this number.
    Ref(u32),
}

/// A dictionary.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Dict(Vec<(Vec<u8>, Object)>);

/// A stream: its dictionary, and where its raw octets stand in the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Stream {
    pub(super) dict: Dict,
    pub(super) range: Range<usize>,
    /// Number and generation of the object, which its key is made of.
    pub(super) id: (u32, u32),
}

impl Object {
    pub(super) fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Text(octets) => Some(octets),
            _ => None,
        }
    }

    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Real(value) => Some(*value as i64),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn array(&self) -> Option<&[Object]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A dictionary, or that of a stream.
    pub(super) fn dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            Self::Stream(stream) => Some(&stream.dict),
            _ => None,
        }
    }

    pub(super) fn stream(&self) -> Option<&Stream> {
        match self {
            Self::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    /// How many objects are in it, itself included: what it costs to keep.
    pub(super) fn weight(&self) -> usize {
        1 + match self {
            Self::Array(items) => items.iter().map(Self::weight).sum(),
            Self::Dict(dict) => dict.iter().map(|(_, value)| 1 + value.weight()).sum(),
            Self::Stream(stream) => stream.dict.iter().map(|(_, value)| 1 + value.weight()).sum(),
            Self::Text(octets) | Self::Name(octets) => octets.len() / 32,
            _ => 0,
        }
    }

    /// Changes every string in it.
    pub(super) fn each_text(&mut self, change: &mut dyn FnMut(&mut Vec<u8>)) {
        match self {
            Self::Text(octets) => change(octets),
            Self::Array(items) => items.iter_mut().for_each(|item| item.each_text(change)),
            Self::Dict(dict) => dict.0.iter_mut().for_each(|(_, value)| value.each_text(change)),
            Self::Stream(stream) => stream.dict.0.iter_mut().for_each(|(_, value)| value.each_text(change)),
            _ => {}
        }
    }
}

impl Dict {
    /// Of a key that stands twice, the first counts.
    fn new(mut entries: Vec<(Vec<u8>, Object)>) -> Self {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Self(entries)
    }

    /// The value as it stands, perhaps a reference; null when there is none.
    pub(super) fn get(&self, key: &[u8]) -> &Object {
        let at = self.0.partition_point(|(name, _)| name.as_slice() < key);
        match self.0.get(at) {
            Some((name, value)) if name == key => value,
            _ => &Object::Null,
        }
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        *self.get(key) != Object::Null
    }

    pub(super) fn is_type(&self, name: &[u8]) -> bool {
        self.get(b"Type").name() == Some(name)
    }

    /// The same with one more entry.
    pub(super) fn with(&self, key: &[u8], value: Object) -> Self {
        let entries = self.0.iter().filter(|(name, _)| name != key).cloned();
        Self::new(entries.chain([(key.to_vec(), value)]).collect())
    }

    /// Its entries, sorted by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Object)> {
        self.0.iter().map(|(key, value)| (key.as_slice(), value))
    }
}

/// Parses the object that begins here; none at the end of the octets or at a closing bracket or keyword.
pub(super) fn parse(lexer: &mut Lexer<'_>) -> Option<Object> {
    let mut left = ELEMENTS;
    let token = lexer.next()?;
    value(lexer, token, 0, &mut left)
}

fn value(lexer: &mut Lexer<'_>, token: Token<'_>, depth: usize, left: &mut usize) -> Option<Object> {
    Some(match token {
        Token::Int(number) => reference(lexer, number).unwrap_or(Object::Int(number)),
        Token::Real(number) => Object::Real(number),
        Token::Name(name) => Object::Name(name.into_owned()),
        Token::Text(text) => Object::Text(text.into_owned()),
        Token::Word(b"true") => Object::Bool(true),
        Token::Word(b"false") => Object::Bool(false),
        Token::Word(b"null") => Object::Null,
        Token::ArrayOpen if depth < DEEPEST => array(lexer, depth, left),
        Token::DictOpen if depth < DEEPEST => Object::Dict(dict(lexer, depth, left)),
        // Too deep: nothing of it is kept, and its end is not looked for.
        Token::ArrayOpen | Token::DictOpen => {
            *left = 0;
            return None;
        }
        Token::ArrayClose | Token::DictClose | Token::Word(_) => return None,
    })
}

fn array(lexer: &mut Lexer<'_>, depth: usize, left: &mut usize) -> Object {
    let mut items = Vec::new();
    while *left > 0 {
        let before = lexer.at;
        match lexer.next() {
            None | Some(Token::ArrayClose) => break,
            Some(Token::Word(b"endobj" | b"stream" | b"endstream" | b"obj")) => {
                lexer.at = before;
                break;
            }
            Some(token) => {
                *left -= 1;
                items.extend(value(lexer, token, depth + 1, left));
            }
        }
    }
    Object::Array(items)
}

/// A dictionary behind its `<<`.
fn dict(lexer: &mut Lexer<'_>, depth: usize, left: &mut usize) -> Dict {
    let mut entries = Vec::new();
    while *left > 0 {
        let before = lexer.at;
        match lexer.next() {
            None | Some(Token::DictClose) => break,
            Some(Token::Word(b"endobj" | b"stream" | b"endstream" | b"obj")) => {
                lexer.at = before;
                break;
            }
            Some(Token::Name(key)) => {
                *left -= 1;
                let before = lexer.at;
                match lexer.next() {
                    None => break,
                    Some(Token::DictClose) => break,
                    Some(token) => match value(lexer, token, depth + 1, left) {
                        Some(value) => entries.push((key.into_owned(), value)),
                        None if *left == 0 => break,
                        None => lexer.at = before.max(lexer.at),
                    },
                }
            }
            // What stands where a key should is passed.
            Some(_) => {}
        }
    }
    Dict::new(entries)
}

/// `12 0 R`, of which the 12 has been read.
fn reference(lexer: &mut Lexer<'_>, number: i64) -> Option<Object> {
    let number = u32::try_from(number).ok()?;
    let rest = lexer.rest();
    // Most numbers are no references: a look at the octets is cheaper than two words.
    let mut at = rest.iter().take_while(|octet| super::lexer::is_space(**octet)).count();
    let digits = rest.get(at..)?.iter().take(6).take_while(|octet| octet.is_ascii_digit()).count();
    at += digits;
    let spaces = rest.get(at..)?.iter().take_while(|octet| super::lexer::is_space(**octet)).count();
    at += spaces;
    let ends = rest.get(at + 1).is_none_or(|octet| !octet.is_ascii_alphanumeric());
    if digits == 0 || spaces == 0 || rest.get(at) != Some(&b'R') || !ends {
        return None;
    }
    lexer.at += at + 1;
    Some(Object::Ref(number))
}

/// A dictionary in a content stream, where nothing is a reference but nothing is lost by looking.
pub(super) fn parse_dict(lexer: &mut Lexer<'_>) -> Dict {
    let mut left = ELEMENTS;
    dict(lexer, 0, &mut left)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(text: &[u8]) -> Object {
        parse(&mut Lexer::new(text, 0)).unwrap()
    }

    #[test]
    fn dictionaries_and_references() {
        let object = parsed(b"<</A 12 0 R/B[1 2 0 R 3]/C<</D(x)>>/E null/A 3>>");
        let dict = object.dict().unwrap();
        assert_eq!(dict.get(b"A"), &Object::Ref(12));
        assert_eq!(dict.get(b"B").array().unwrap(), [Object::Int(1), Object::Ref(2), Object::Int(3)]);
        assert_eq!(dict.get(b"C").dict().unwrap().get(b"D").octets().unwrap(), b"x");
        assert!(!dict.has(b"E") && !dict.has(b"Z"));
    }

    #[test]
    fn brackets_without_end_are_cut() {
        let object = parsed(&b"[".repeat(12_000));
        assert!(object.weight() < 100);
        assert!(parsed(&b"<</A".repeat(12_000)).weight() < 300);
        let many = [b"[".to_vec(), b"0 ".repeat(ELEMENTS + 10)].concat();
        assert_eq!(parsed(&many).array().unwrap().len(), ELEMENTS);
    }
}
