//! An HTML tokenizer for reading: texts and tags, nothing else.
//!
//! Follows the WHATWG HTML standard, section 13.2.5, in what is text, tag, comment or raw text. Never
//! allocates for text, never recurses, looks at each octet a bounded number of times. Cannot fail.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

/// What stands in a page.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'x> {
    /// Text without references.
    Text(&'x str),
    /// A character that stood as a reference.
    Char(char),
    /// A start tag.
    Open(Tag<'x>),
    /// An end tag, name as written.
    Close(&'x str),
}

/// A start tag.
#[derive(Debug, PartialEq)]
pub(super) struct Tag<'x> {
    /// Its name as written.
    pub name: &'x str,
    /// Everything between the name and `>`.
    inner: &'x str,
    /// Whether it ends in `/>`.
    pub self_closing: bool,
}

impl<'x> Tag<'x> {
    /// Its attributes: names as written, values with references still in them.
    pub fn attributes(&self) -> impl Iterator<Item = (&'x str, &'x str)> {
        let mut rest = self.inner;
        std::iter::from_fn(move || {
            let (name, value, after) = attribute(rest)?;
            rest = after;
            Some((name, value))
        })
    }
}

/// The tokens of a page.
pub(super) struct Tokens<'x> {
    rest: &'x str,
    /// Octets left in which references count and tags do not (title, textarea).
    untagged: usize,
    /// A second character of a reference.
    pending: Option<char>,
    /// No `-->` follows any more, so that it is not searched again.
    no_comment_end: bool,
}

impl<'x> Tokens<'x> {
    pub fn new(html: &'x str) -> Self {
        Self { rest: html.strip_prefix('\u{feff}').unwrap_or(html), untagged: 0, pending: None, no_comment_end: false }
    }

    pub fn next(&mut self) -> Option<Token<'x>> {
        loop {
            if let Some(c) = self.pending.take() {
                return Some(Token::Char(c));
            }
            if self.rest.is_empty() {
                return None;
            }
            if self.untagged > 0 {
                return Some(self.untagged_text());
            }
            match memchr2(b'<', b'&', self.rest.as_bytes()) {
                None => return Some(Token::Text(self.cut(self.rest.len()))),
                Some(0) if self.rest.starts_with('&') => return Some(self.reference()),
                Some(0) => match self.markup() {
                    Some(token) => return Some(token),
                    None => continue,
                },
                Some(at) => return Some(Token::Text(self.cut(at))),
            }
        }
    }

    /// Takes octets from the front.
    fn cut(&mut self, at: usize) -> &'x str {
        let (front, rest) = self.rest.split_at_checked(at).unwrap_or((self.rest, ""));
        self.rest = rest;
        front
    }

    /// Reads what begins with `<`. None when that was no token.
    fn markup(&mut self) -> Option<Token<'x>> {
        let bytes = self.rest.as_bytes();
        match (bytes.get(1), bytes.get(2)) {
            (Some(b), _) if b.is_ascii_alphabetic() => self.start_tag(),
            (Some(b'/'), Some(b)) if b.is_ascii_alphabetic() => self.end_tag(),
            (Some(b'/'), Some(b'>')) => {
                self.cut(3);
                None
            }
            (Some(b'!'), _) if self.rest.starts_with("<!--") => {
                self.comment();
                None
            }
            (Some(b'!' | b'?'), _) | (Some(b'/'), Some(_)) => {
                let end = memchr(b'>', bytes).map_or(bytes.len(), |at| at + 1);
                self.cut(end);
                None
            }
            _ => Some(Token::Text(self.cut(1))),
        }
    }

    fn comment(&mut self) {
        let body = self.rest.get(4..).unwrap_or_default();
        if body.starts_with('>') || body.starts_with("->") {
            let end = memchr(b'>', body.as_bytes()).unwrap_or(0);
            self.cut(4 + end + 1);
            return;
        }
        let end = if self.no_comment_end { None } else { comment_end(body.as_bytes()) };
        self.no_comment_end |= end.is_none();
        self.cut(end.map_or(self.rest.len(), |end| 4 + end));
    }

    fn start_tag(&mut self) -> Option<Token<'x>> {
        let name = tag_name(self.rest.get(1..)?);
        let inner_start = 1 + name.len();
        let Some(length) = tag_length(self.rest.get(inner_start..)?.as_bytes()) else {
            // A tag that is never closed is not shown.
            self.rest = "";
            return None;
        };
        let inner = self.rest.get(inner_start..inner_start + length)?;
        self.cut(inner_start + length + 1);
        self.enter(name);
        Some(Token::Open(Tag { name, inner, self_closing: inner.ends_with('/') }))
    }

    fn end_tag(&mut self) -> Option<Token<'x>> {
        let name = tag_name(self.rest.get(2..)?);
        let inner_start = 2 + name.len();
        let Some(length) = tag_length(self.rest.get(inner_start..)?.as_bytes()) else {
            self.rest = "";
            return None;
        };
        self.cut(inner_start + length + 1);
        Some(Token::Close(name))
    }

    /// Steps over content that is no text (style, script), and finds the end of content without tags.
    fn enter(&mut self, name: &str) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let end = || raw_text_end(self.rest, name).unwrap_or(self.rest.len());
        if is("style") || is("script") {
            let end = end();
            self.cut(end);
        } else if is("title") || is("textarea") {
            self.untagged = end();
        }
    }

    fn untagged_text(&mut self) -> Token<'x> {
        let before = self.rest.len();
        let content = self.rest.get(..self.untagged).unwrap_or(self.rest);
        let token = match memchr(b'&', content.as_bytes()) {
            Some(0) => self.reference(),
            at => Token::Text(self.cut(at.unwrap_or(content.len()))),
        };
        self.untagged = self.untagged.saturating_sub(before - self.rest.len());
        token
    }

    /// Reads what begins with `&`.
    fn reference(&mut self) -> Token<'x> {
        match reference(self.rest) {
            Some((first, second, length)) => {
                self.cut(length);
                self.pending = second;
                Token::Char(first)
            }
            None => Token::Text(self.cut(1)),
        }
    }
}

/// An attribute's value with its references decoded.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match reference(from).filter(|(.., length)| !is_plain_in_a_value(from, *length)) {
            Some((first, second, length)) => {
                out.push(first);
                out.extend(second);
                rest = from.get(length..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// In a value, a name without semicolon before a letter, a digit or an equals sign is no reference: `?a=1&copy=2`
/// (section 13.2.5.73).
fn is_plain_in_a_value(text: &str, length: usize) -> bool {
    let (name, next) = (text.get(..length).unwrap_or_default(), text.as_bytes().get(length));
    !name.starts_with("&#") && !name.ends_with(';') && next.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'=')
}

/// The characters of the reference with which a text begins, and its length.
fn reference(text: &str) -> Option<(char, Option<char>, usize)> {
    let bytes = text.as_bytes();
    if bytes.get(1) == Some(&b'#') {
        let hex = matches!(bytes.get(2), Some(b'x' | b'X'));
        let start = if hex { 3 } else { 2 };
        let digit = |b: &&u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        let count = bytes.get(start..)?.iter().take_while(digit).count();
        if count == 0 {
            return None;
        }
        let radix = if hex { 16 } else { 10 };
        let digits = text.get(start..start + count)?.trim_start_matches('0');
        let value = if digits.is_empty() { 0 } else { u32::from_str_radix(digits, radix).unwrap_or(u32::MAX) };
        let semicolon = usize::from(bytes.get(start + count) == Some(&b';'));
        return Some((numbered(value), None, start + count + semicolon));
    }
    let count = bytes.get(1..)?.iter().take(40).take_while(|b| b.is_ascii_alphanumeric()).count();
    let semicolon = usize::from(bytes.get(1 + count) == Some(&b';'));
    // The longest name in the table wins; old names stand without a semicolon too.
    (1..=count + semicolon).rev().find_map(|length| {
        let name = text.get(1..=length)?;
        let &(first, second) = html5ever::data::NAMED_ENTITIES.get(name)?;
        if first == 0 {
            return None;
        }
        Some((char::from_u32(first)?, char::from_u32(second).filter(|c| *c != '\0'), 1 + length))
    })
}

/// The character of a numeric reference: windows-1252 where the number is a C1 control (section 13.2.5.80).
fn numbered(value: u32) -> char {
    if let Some(offset) = value.checked_sub(0x80)
        && let Some(Some(c)) = html5ever::data::C1_REPLACEMENTS.get(offset as usize)
    {
        return *c;
    }
    char::from_u32(value).filter(|c| *c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn tag_name(text: &str) -> &str {
    let end = text.bytes().position(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0C | b'/' | b'>'));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// The length of what stands between a tag's name and its `>`, quoted values skipped.
fn tag_length(bytes: &[u8]) -> Option<usize> {
    let skip = |from: usize, wanted: fn(u8) -> bool| {
        bytes.get(from..).map_or(from, |rest| from + rest.iter().take_while(|b| wanted(**b)).count())
    };
    let mut at = 0;
    loop {
        at = skip(at, |b| is_space(b) || b == b'/');
        if bytes.get(at)? == &b'>' {
            return Some(at);
        }
        // An equals sign where a name begins is part of the name.
        at = skip(at + 1, |b| !is_space(b) && !matches!(b, b'/' | b'=' | b'>'));
        let equals = skip(at, is_space);
        if bytes.get(equals) != Some(&b'=') {
            continue;
        }
        at = skip(equals + 1, is_space);
        at = match bytes.get(at)? {
            quote @ (b'"' | b'\'') => at + 1 + memchr(*quote, bytes.get(at + 1..)?)? + 1,
            // An unquoted value goes on to white space or `>`; quotes and equals signs in it mean nothing.
            _ => skip(at, |b| !is_space(b) && b != b'>'),
        };
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0C)
}

/// The first attribute in a tag: name, raw value, and what follows.
fn attribute(inner: &str) -> Option<(&str, &str, &str)> {
    let inner = inner.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}', '/']);
    if inner.is_empty() {
        return None;
    }
    let stops = |b: u8| is_space(b) || matches!(b, b'/' | b'=');
    // An equals sign at the very start belongs to the name.
    let name_end = inner.bytes().skip(1).position(stops).map_or(inner.len(), |at| at + 1);
    let (name, rest) = inner.split_at_checked(name_end)?;
    let after_space = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
    let Some(value) = after_space.strip_prefix('=') else { return Some((name, "", rest)) };
    let value = value.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, rest) = quoted.split_once(quote).unwrap_or((quoted, ""));
            return Some((name, value, rest));
        }
    }
    let end = value.bytes().position(is_space).unwrap_or(value.len());
    let (value, rest) = value.split_at_checked(end)?;
    Some((name, value, rest))
}

/// Behind the `-->` or `--!>` that ends a comment.
fn comment_end(body: &[u8]) -> Option<usize> {
    memmem::find_iter(body, b"--").find_map(|at| match body.get(at + 2..)? {
        [b'>', ..] => Some(at + 3),
        [b'!', b'>', ..] => Some(at + 4),
        // Three dashes: the next find starts behind this one, so look one further here.
        [b'-', b'>', ..] => Some(at + 4),
        [b'-', b'!', b'>', ..] => Some(at + 5),
        _ => None,
    })
}

/// Where the end tag of a raw text element stands.
fn raw_text_end(text: &str, name: &str) -> Option<usize> {
    memmem::find_iter(text.as_bytes(), b"</").find(|&at| {
        let after = text.as_bytes().get(at + 2..).unwrap_or_default();
        after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
            && after.get(name.len()).is_none_or(|&b| is_space(b) || matches!(b, b'/' | b'>'))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use html5ever::tendril::StrTendril;
    use html5ever::tokenizer as peer;
    use proptest::prelude::*;

    use super::*;

    /// Text as html5ever's tokenizer sees it.
    #[derive(Default)]
    struct Sink(RefCell<String>);

    impl peer::TokenSink for Sink {
        type Handle = ();

        fn process_token(&self, token: peer::Token, _line: u64) -> peer::TokenSinkResult<()> {
            match token {
                peer::Token::CharacterTokens(text) => self.0.borrow_mut().push_str(&text),
                peer::Token::NullCharacterToken => self.0.borrow_mut().push('\0'),
                peer::Token::TagToken(tag) => {
                    let close = tag.kind == peer::TagKind::EndTag;
                    self.0.borrow_mut().push_str(&format!("<{}{}", if close { "/" } else { "" }, tag.name));
                    let mut seen = tag.attrs;
                    seen.retain(|_| !close);
                    for attribute in seen {
                        self.0.borrow_mut().push_str(&format!(" {}={}", attribute.name.local, attribute.value));
                    }
                    self.0.borrow_mut().push('>');
                }
                _ => {}
            }
            peer::TokenSinkResult::Continue
        }
    }

    fn by_html5ever(html: &str) -> String {
        let tokenizer = peer::Tokenizer::new(Sink::default(), peer::TokenizerOpts::default());
        let input = peer::BufferQueue::default();
        input.push_back(StrTendril::from_slice(html));
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.0.into_inner()
    }

    fn by_us(html: &str) -> String {
        let mut out = String::new();
        let mut tokens = Tokens::new(html);
        while let Some(token) = tokens.next() {
            match token {
                Token::Text(text) => out.push_str(text),
                Token::Char(c) => out.push(c),
                Token::Close(name) => out.push_str(&format!("</{}>", name.to_ascii_lowercase())),
                Token::Open(tag) => {
                    out.push_str(&format!("<{}", tag.name.to_ascii_lowercase()));
                    let mut seen = Vec::new();
                    for (name, value) in tag.attributes() {
                        let name = name.to_ascii_lowercase();
                        if !seen.contains(&name) {
                            out.push_str(&format!(" {name}={}", decoded(value)));
                            seen.push(name);
                        }
                    }
                    out.push('>');
                }
            }
        }
        out
    }

    proptest! {
        /// Whatever the page, text and tags are those that html5ever sees. Raw text elements are left out:
        /// there html5ever waits for its tree builder.
        #[test]
        fn the_same_tokens_as_html5ever(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "<p>", "</p>", "<b a=1 c='2' d=\"3\">", "<br/>", "<", ">", "</", "<!--", "-->", "--!>", "->", "-", "!",
                    "a", "1", " ", "=", "'", "\"", "/", "&", "&amp;", "&eacute", "&#49;", "&#x31", "&notin;", "&not", ";",
                    "<?x", "<!x", "<a href=", "x=y", "\n", "é", "<i", "&#128;", "&#0;",
                ]),
                0..24,
            )
        ) {
            let html = pieces.concat();
            prop_assert_eq!(by_us(&html), by_html5ever(&html));
        }
    }
}
