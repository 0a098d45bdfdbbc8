//! A mail without some columns of the spreadsheets in it: every octet but those of the files stays.
//!
//! A file stands in the mail itself, in a message that is attached to it, or in zip archives within those. What is signed
//! or sealed is refused. A signature over the whole mail (DKIM, RFC 6376; ARC, RFC 8617) does not hold any more: those
//! fields go, so that nobody takes the mail for a forged one.

use std::ops::Range;

use base64::Engine;

use super::package::Package;
use super::{CannotRedact, Column, File, Redacted, columns};
use crate::extract::Documents;
use crate::message::{Encoding, Limits, Message, Part, Shape, header, rewrite, transfer};

/// The columns of one file that go.
#[derive(Clone)]
pub struct Choice {
    /// The names of the messages and archives around the file, outermost first, and its own.
    pub path: Vec<String>,
    /// What goes.
    pub columns: Vec<Column>,
}

/// File names can be pupils' names: `Debug` hides them.
impl std::fmt::Debug for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Choice({} levels, {:?})", self.path.len(), self.columns)
    }
}

/// A mail without the columns.
#[derive(Clone)]
pub struct Rewritten {
    /// The mail.
    pub raw: Vec<u8>,
    /// What went of each file, in the order in which they were asked.
    pub files: Vec<Redacted>,
    /// How many fields with signatures went.
    pub signatures: usize,
}

impl std::fmt::Debug for Rewritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rewritten({} octets, {:?})", self.raw.len(), self.files)
    }
}

/// More spreadsheets than a mail has that a person sends.
const MOST_FILES: usize = 50;

/// Fields with signatures over the mail, which do not hold when its content changes.
const SIGNATURES: [&str; 6] = [
    "ARC-Authentication-Results",
    "ARC-Message-Signature",
    "ARC-Seal",
    "DKIM-Signature",
    "DomainKey-Signature",
    "X-Google-DKIM-Signature",
];

/// A mail without some columns.
///
/// # Errors
/// Which of the choices cannot be done, and why; then none is.
pub fn message(
    raw: &[u8],
    choices: &[Choice],
    limits: &Limits,
    documents: &dyn Documents,
) -> Result<Rewritten, (usize, CannotRedact)> {
    if choices.len() > MOST_FILES {
        return Err((0, CannotRedact::OverLimit));
    }
    let (mut out, mut files) = (raw.to_vec(), Vec::new());
    for (number, choice) in choices.iter().enumerate() {
        // One after the other: two of the files may stand in one archive.
        let (changed, redacted) = without(&out, choice, limits, documents).map_err(|why| (number, why))?;
        out = changed;
        files.push(redacted);
    }
    let signatures = header::fields(&out).filter(|field| SIGNATURES.iter().any(|name| field.is(name))).count();
    let raw = rewrite::without_fields(&out, &SIGNATURES).into_owned();
    Ok(Rewritten { raw, files, signatures })
}

/// A mail without the columns of one file.
fn without(
    raw: &[u8],
    choice: &Choice,
    limits: &Limits,
    documents: &dyn Documents,
) -> Result<(Vec<u8>, Redacted), CannotRedact> {
    let message = Message::parse(raw, &limits.for_message(raw.len()));
    if message.ambiguous || message.unsure || message.over_limit {
        return Err(CannotRedact::UnclearMail);
    }
    let (part, octets, redacted) = one(&message, choice, limits, documents)?;
    let mut out = raw.get(..part.range.start).unwrap_or_default().to_vec();
    out.extend_from_slice(&rewritten(&message, part, &octets));
    out.extend_from_slice(raw.get(part.body.end..).unwrap_or_default());
    Ok((out, redacted))
}

/// For each part, the names of the messages around it.
fn around(message: &Message<'_>) -> Vec<Vec<String>> {
    let mut around: Vec<Vec<String>> = Vec::with_capacity(message.parts.len());
    for part in &message.parts {
        let parent = part.parent.and_then(|parent| message.parts.get(parent).map(|found| (parent, found)));
        let mut inside = parent.and_then(|(parent, _)| around.get(parent)).cloned().unwrap_or_default();
        if let Some((_, found)) = parent.filter(|(_, found)| found.shape == Shape::Message) {
            inside.push(found.file_name().unwrap_or(crate::extract::NAMELESS_MESSAGE).to_string());
        }
        around.push(inside);
    }
    around
}

/// The part of a choice, with its octets and what went.
fn one<'m>(
    message: &'m Message<'_>,
    choice: &Choice,
    limits: &Limits,
    documents: &dyn Documents,
) -> Result<(&'m Part, Vec<u8>, Redacted), CannotRedact> {
    let around = around(message);
    let leads = |(part, inside): &(&Part, &Vec<String>)| {
        let behind = choice.path.strip_prefix(inside.as_slice());
        part.shape == Shape::Leaf && behind.and_then(|rest| rest.first()).map(String::as_str) == part.file_name()
    };
    let mut found = message.parts.iter().zip(&around).enumerate().filter(|(_, both)| leads(both));
    let (index, (part, inside)) = found.next().ok_or(CannotRedact::NoFile)?;
    // Two files of one name: nobody could say which is which.
    if found.next().is_some() || part.mime.encodings.len() != 1 || part.mime.names.0.len() != 1 {
        return Err(CannotRedact::UnclearMail);
    }
    if is_sealed(message, index) {
        return Err(CannotRedact::SealedMail);
    }
    let encoding = part.mime.encodings.first().copied().unwrap_or(Encoding::Identity);
    let octets = transfer::decode(encoding, message.body_of(part));
    let path = choice.path.get(inside.len()..).unwrap_or_default();
    let charsets: Vec<&str> = part.content_type().map(|kind| kind.all("charset").collect()).unwrap_or_default();
    let file = File {
        octets: &octets,
        name: path.first().map_or("", String::as_str),
        essence: part.essence(),
        charset: charsets.first().copied(),
    };
    let (redacted, octets) = within(&file, path, choice, limits, documents)?;
    Ok((part, octets, redacted))
}

/// A file, or an archive with that file in it; the octets of the outermost.
fn within(
    file: &File<'_>,
    path: &[String],
    choice: &Choice,
    limits: &Limits,
    documents: &dyn Documents,
) -> Result<(Redacted, Vec<u8>), CannotRedact> {
    let Some(inner) = path.get(1) else {
        let redacted = columns(file, &choice.columns, limits, documents)?;
        let octets = redacted.octets.clone();
        return Ok((redacted, octets));
    };
    if path.len() > limits.archives {
        return Err(CannotRedact::OverLimit);
    }
    if !file.octets.starts_with(b"PK\x03\x04") {
        return Err(CannotRedact::NoFile);
    }
    let mut package = Package::open(file.octets, limits.unpacked_bytes, limits.entries)?;
    let content = package.read(inner)?.ok_or(CannotRedact::NoFile)?;
    let file = File { octets: &content, name: inner, essence: "application/octet-stream", charset: None };
    let rest = path.get(1..).unwrap_or_default();
    let (redacted, octets) = within(&file, rest, choice, limits, documents)?;
    package.put(inner, octets);
    Ok((redacted, package.write()?))
}

/// Whether a part stands in something signed or encrypted.
fn is_sealed(message: &Message<'_>, index: usize) -> bool {
    let mut next = Some(index);
    while let Some(part) = next.and_then(|index| message.parts.get(index)) {
        let essence = part.essence();
        if matches!(essence, "multipart/signed" | "multipart/encrypted") || essence.contains("pkcs7") {
            return true;
        }
        next = part.parent;
    }
    false
}

/// A part with other content: its header with the encoding that it has now, and its body.
fn rewritten(message: &Message<'_>, part: &Part, octets: &[u8]) -> Vec<u8> {
    let section = message.header_of(part);
    let line = if memchr::memmem::find(section, b"\r\n").is_some() { "\r\n" } else { "\n" };
    let mut out = Vec::with_capacity(octets.len() / 57 * 80 + section.len() + 100);
    let encoded = part.mime.encodings == [Encoding::Base64];
    let (mut copied, mut said) = (0, encoded);
    for field in header::fields(section) {
        let encoding = !encoded && field.is("Content-Transfer-Encoding");
        let with = match () {
            () if encoding && !said => format!("Content-Transfer-Encoding: base64{line}"),
            // What they say of the content is no longer so.
            () if encoding || field.is("Content-MD5") || field.is("Content-Length") => String::new(),
            () if field.is("Content-Disposition") => resized(field.value, octets.len())
                .map_or_else(|| written(section, &field.range), |value| format!("Content-Disposition:{value}{line}")),
            () => continue,
        };
        said |= encoding;
        out.extend_from_slice(section.get(copied..field.range.start).unwrap_or_default());
        out.extend_from_slice(with.as_bytes());
        copied = field.range.end;
    }
    let rest = section.get(copied..).unwrap_or_default();
    if said {
        out.extend_from_slice(rest);
    } else {
        let empty = rest.strip_suffix(line.as_bytes()).unwrap_or(rest);
        out.extend_from_slice(empty);
        out.extend_from_slice(format!("Content-Transfer-Encoding: base64{line}").as_bytes());
        out.extend_from_slice(rest.get(empty.len()..).unwrap_or_default());
    }
    let text = base64::engine::general_purpose::STANDARD.encode(octets);
    let lines = text.as_bytes().chunks(76);
    let ends = message.body_of(part).ends_with(b"\n");
    let count = lines.len();
    for (number, piece) in lines.enumerate() {
        out.extend_from_slice(piece);
        if number + 1 < count || ends {
            out.extend_from_slice(line.as_bytes());
        }
    }
    out
}

fn written(section: &[u8], range: &Range<usize>) -> String {
    String::from_utf8_lossy(section.get(range.clone()).unwrap_or_default()).into_owned()
}

/// A disposition that says the size of the file (RFC 2183 section 2.7), with its new one.
fn resized(value: &[u8], size: usize) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let mut quoted = false;
    let mut pieces: Vec<String> = text
        .split(|c| {
            quoted ^= c == '"';
            c == ';' && !quoted
        })
        .map(str::to_string)
        .collect();
    let piece = pieces.iter_mut().find(|piece| piece.trim_start().to_ascii_lowercase().starts_with("size="))?;
    let start = piece.len() - piece.trim_start().len();
    *piece = format!("{}size={size}", piece.get(..start)?);
    Some(pieces.join(";"))
}
