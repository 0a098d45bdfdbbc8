//! The MIME fields of a part: its type, its parameters, its transfer encoding, its file names.
//!
//! Keeps every value where fields or parameters are doubled, since mail programs differ in which they
//! take; `ambiguous` says so. Never refuses. RFC 2045 section 5, RFC 2183, RFC 2231.

use super::header::Field;
use super::transfer::{self, Encoding};
use super::{charset, words};

/// A Content-Type value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ContentType {
    /// Type and subtype in lower case: `text/plain`. Without a slash when the field had none.
    pub essence: String,
    /// The parameters, names in lower case, RFC 2231 pieces joined and decoded, in order, doubled ones too.
    pub parameters: Vec<(String, String)>,
}

impl ContentType {
    /// The part before the slash.
    pub fn main(&self) -> &str {
        self.essence.split('/').next().unwrap_or_default()
    }

    /// The first parameter of that (lower case) name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every parameter of that (lower case) name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameters.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Parameters hold file names.
impl std::fmt::Debug for ContentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContentType({} parameters)", self.parameters.len())
    }
}

/// What a part's header says about its body.
#[derive(Debug, Clone, Default)]
pub struct Mime {
    /// The types, the one to go by first; empty when there is no Content-Type field.
    pub types: Vec<ContentType>,
    /// The transfer encodings that can be meant, the likeliest first; never empty after [`Mime::read`].
    pub encodings: Vec<Encoding>,
    /// The file names, the one that most programs show first.
    pub names: Names,
    /// The id by which an HTML body shows it (RFC 2045 section 7), without its angle brackets.
    pub id: Option<String>,
    /// Whether the disposition is `attachment`.
    pub attached: bool,
    /// Whether mail programs can differ about the structure: doubled or malformed fields.
    pub ambiguous: bool,
}

/// File names, which can be pupils' names: `Debug` shows their number alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Names({})", self.0.len())
    }
}

impl Mime {
    /// Reads the MIME fields among those of a part.
    pub fn read<'x>(fields: impl Iterator<Item = Field<'x>>) -> Self {
        let mut mime = Self::default();
        let (mut disposition, mut by_type) = (Vec::new(), Vec::new());
        let mut encoding_fields = 0;
        for field in fields {
            if !field.name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-")) {
                continue;
            }
            if field.is("Content-Type") {
                let parsed = content_type(field.value);
                mime.ambiguous |= is_ambiguous(&parsed, field.value);
                by_type.extend(parsed.parameters.iter().filter(|(key, _)| key == "name").map(|(_, v)| v.clone()));
                mime.types.push(parsed);
            } else if field.is("Content-Transfer-Encoding") {
                encoding_fields += 1;
                for encoding in transfer::encodings_of(field.value) {
                    if !mime.encodings.contains(&encoding) {
                        mime.encodings.push(encoding);
                    }
                }
            } else if field.is("Content-ID") {
                let id = String::from_utf8_lossy(field.value);
                mime.id = Some(id.trim().trim_start_matches('<').trim_end_matches('>').to_string());
            } else if field.is("Content-Disposition") {
                let parsed = content_type(field.value);
                mime.attached |= parsed.essence == "attachment";
                disposition.extend(parsed.parameters.into_iter().filter(|(key, _)| key == "filename").map(|(_, v)| v));
            }
        }
        mime.settle(encoding_fields);
        for name in disposition.into_iter().chain(by_type) {
            if !name.trim().is_empty() && !mime.names.0.contains(&name) {
                mime.names.0.push(name);
            }
        }
        mime
    }

    /// Orders what is doubled: a multipart type first, since its parts would otherwise stay unseen.
    fn settle(&mut self, encoding_fields: usize) {
        self.types.dedup();
        self.ambiguous |= self.types.len() > 1 || encoding_fields > 1 && self.encodings.len() > 1;
        self.types.sort_by_key(|kind| kind.main() != "multipart");
        if self.encodings.is_empty() {
            self.encodings.push(Encoding::Identity);
        }
        if encoding_fields > 1 && self.encodings.len() > 1 {
            self.encodings.sort_by_key(|encoding| *encoding == Encoding::Identity);
        }
    }
}

fn is_ambiguous(parsed: &ContentType, raw: &[u8]) -> bool {
    let doubled = |name: &str| {
        let mut values = parsed.all(name);
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let multipart = parsed.main() == "multipart";
    doubled("boundary")
        || multipart && parsed.parameter("boundary").is_none_or(|boundary| boundary.trim().is_empty())
        || multipart && (raw.contains(&b'(') || raw.contains(&b'*')) && !plainly_quoted(raw)
}

/// Whether brackets and stars stand in a plain quoted boundary, about which nobody differs.
fn plainly_quoted(raw: &[u8]) -> bool {
    let mut quoted = false;
    for &byte in raw {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => return false,
            b'(' | b'*' if !quoted => return false,
            _ => {}
        }
    }
    !quoted
}

/// Parses `type/subtype; name=value; ...` as leniently as mail programs do. Bounded: 500 parameters.
pub fn content_type(value: &[u8]) -> ContentType {
    // Words are decoded in each parameter, after the quotes are gone: an encoded word may hold a `;`.
    let mut pieces = split_outside_quotes(value);
    let essence: String = pieces
        .next()
        .map(|piece| {
            let bare = transfer::without_comments(&piece);
            String::from_utf8_lossy(bare.trim_ascii()).trim_matches('"').to_ascii_lowercase()
        })
        .unwrap_or_default();
    let essence: String = essence.chars().filter(|c| !c.is_whitespace()).take(200).collect();
    let mut parameters = Vec::new();
    let mut extended: Vec<Piece> = Vec::new();
    for piece in pieces.take(500) {
        let Some(equals) = memchr::memchr(b'=', &piece) else { continue };
        let (key, raw) = (piece.get(..equals).unwrap_or_default(), piece.get(equals + 1..).unwrap_or_default());
        let key = transfer::without_comments(key);
        let key = String::from_utf8_lossy(key.trim_ascii()).to_ascii_lowercase();
        match key.split_once('*') {
            None => parameters.push((key, words::shown(&unquoted(raw)))),
            Some((name, rest)) => extended.push(Piece {
                name: name.to_string(),
                number: rest.trim_end_matches('*').parse().ok(),
                encoded: rest.is_empty() || rest.ends_with('*'),
                value: unquoted(raw),
            }),
        }
    }
    // Programs that know RFC 2231 prefer it to the plain parameter (RFC 6266 section 4.3).
    let mut joined = join(extended);
    joined.append(&mut parameters);
    ContentType { essence, parameters: joined }
}

/// One RFC 2231 parameter: `name*0*=...`.
struct Piece {
    name: String,
    number: Option<u32>,
    encoded: bool,
    value: Vec<u8>,
}

fn join(mut pieces: Vec<Piece>) -> Vec<(String, String)> {
    pieces.sort_by(|a, b| (&a.name, a.number).cmp(&(&b.name, b.number)));
    let mut out: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    while let Some(first) = pieces.get(at) {
        let numbered = first.number.is_some();
        let same = |p: &&Piece| p.name == first.name && numbered && p.number.is_some();
        let count = pieces.iter().skip(at).take_while(same).count().max(1);
        let (mut bytes, mut label) = (Vec::new(), None);
        for (index, piece) in pieces.iter().skip(at).take(count).enumerate() {
            let mut value = piece.value.as_slice();
            if piece.encoded && index == 0 {
                let mut quotes = memchr::memchr_iter(b'\'', value);
                if let (Some(one), Some(two)) = (quotes.next(), quotes.next()) {
                    label = Some(String::from_utf8_lossy(value.get(..one).unwrap_or_default()).into_owned());
                    value = value.get(two + 1..).unwrap_or_default();
                }
            }
            if piece.encoded { percent_decoded(value, &mut bytes) } else { bytes.extend_from_slice(value) }
        }
        let text = match &label {
            Some(label) => charset::decode(&bytes, Some(label)).into_owned(),
            None => words::shown(&bytes),
        };
        out.push((first.name.clone(), text));
        at += count;
    }
    out
}

/// Appends the octets behind `%XX` escapes.
pub(crate) fn percent_decoded(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match rest {
            [b'%', high, low, next @ ..] if transfer::hex(*high).is_some() && transfer::hex(*low).is_some() => {
                out.push(transfer::hex(*high).unwrap_or(0) << 4 | transfer::hex(*low).unwrap_or(0));
                next
            }
            _ => {
                out.push(byte);
                after
            }
        };
    }
}

/// The pieces between semicolons, comments still in them.
fn split_outside_quotes(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0usize);
    let mut pieces = vec![Vec::new()];
    for &byte in value {
        match byte {
            b'\r' | b'\n' => continue,
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if depth == 0 => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            b';' if !quoted && depth == 0 && pieces.len() < 1_000 => {
                pieces.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = pieces.last_mut() {
            last.push(byte);
        }
    }
    pieces.into_iter()
}

/// A parameter value without quotes, escapes and comments.
fn unquoted(raw: &[u8]) -> Vec<u8> {
    let raw = raw.trim_ascii();
    let Some(inner) = raw.strip_prefix(b"\"") else {
        // A boundary or name with brackets in it, though unquoted, is written so by some programs.
        let bare = if raw.first() == Some(&b'(') || raw.contains(&b' ') {
            transfer::without_comments(raw)
        } else {
            raw.to_vec()
        };
        return bare.trim_ascii().to_vec();
    };
    let (mut out, mut escaped) = (Vec::with_capacity(inner.len()), false);
    for &byte in inner {
        match byte {
            _ if escaped => {
                out.push(byte);
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => break,
            _ => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::message::header;

    #[test]
    fn types_and_parameters_as_written() {
        for (value, essence, name, expected) in [
            (" Text/Plain; charset=\"UTF-8\"", "text/plain", "charset", "UTF-8"),
            ("multipart/mixed; boundary=b1 ; x=y", "multipart/mixed", "boundary", "b1"),
            ("multipart/mixed; boundary=\"b('+_,-./:=?)1\"", "multipart/mixed", "boundary", "b('+_,-./:=?)1"),
            ("text/html (brief); charset = utf-8 (ja)", "text/html", "charset", "utf-8"),
            ("attachment; filename*=utf-8''caf%c3%A9.txt; filename=x", "attachment", "filename", "café.txt"),
            ("attachment; filename*0=\"kl\";\r\n filename*1=\"as.csv\"", "attachment", "filename", "klas.csv"),
            ("attachment; filename*1*=%20b; filename*0*=utf-8'nl'a", "attachment", "filename", "a b"),
            ("attachment; filename=\"=?utf-8?q?a=3Bb?=\"", "attachment", "filename", "a;b"),
            ("attachment; filename=\"a\\\"b;c\"", "attachment", "filename", "a\"b;c"),
            ("attachment; filename=lijst(1).csv", "attachment", "filename", "lijst(1).csv"),
        ] {
            let parsed = content_type(value.as_bytes());
            assert_eq!((parsed.essence.as_str(), parsed.parameter(name)), (essence, Some(expected)), "{value}");
        }
        assert_eq!(content_type(b"").essence, "");
    }

    #[test]
    fn doubled_fields_are_ambiguous() {
        for (raw, ambiguous, encodings) in [
            ("Content-Type: text/plain\r\n", false, vec![Encoding::Identity]),
            ("Content-Type: text/plain\r\nContent-Type: text/html\r\n", true, vec![Encoding::Identity]),
            ("Content-Type: multipart/mixed; boundary=a; boundary=b\r\n", true, vec![Encoding::Identity]),
            ("Content-Type: multipart/mixed\r\n", true, vec![Encoding::Identity]),
            (
                "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n",
                true,
                vec![Encoding::Base64, Encoding::Identity],
            ),
        ] {
            let mime = Mime::read(header::fields(raw.as_bytes()));
            assert_eq!((mime.ambiguous, mime.encodings), (ambiguous, encodings), "{raw}");
        }
    }
}
