//! The loose reading: every piece of an ambiguous message that some mail program could take for a part.
//!
//! Splits at each line that begins with `--`, whatever boundary was declared, and takes each piece both with
//! the header that it seems to have and, where that header is odd, without. Every plausible transfer
//! encoding is offered. Bounded by the limit on parts; linear.

use std::ops::Range;

use super::Limits;
use super::header::{self, line_end, without_line_end};
use super::mime::Mime;
use super::parse::{HeaderLine, Part, Shape, line_kind};
use super::transfer::Encoding;

/// The pieces, as leaves.
#[derive(Default)]
pub(super) struct Pieces {
    pub parts: Vec<Part>,
    pub over_limit: bool,
}

/// Splits a message.
pub(super) fn pieces(raw: &[u8], limits: &Limits) -> Pieces {
    let mut found = Pieces::default();
    let mut start = 0;
    for at in memchr::memmem::find_iter(raw, b"\n--").map(|at| at + 1).chain([raw.len()]) {
        let range = start..at;
        start = line_end(raw, at);
        let bytes = raw.get(range.clone()).unwrap_or_default();
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        if found.parts.len() >= limits.parts {
            found.over_limit = true;
            break;
        }
        take(raw, range, limits, &mut found.parts);
    }
    found
}

/// Attached messages within a piece that are followed; each is read again whole, so few.
const LEVELS: usize = 8;

/// The readings of one piece.
fn take(raw: &[u8], range: Range<usize>, limits: &Limits, parts: &mut Vec<Part>) {
    let mut start = range.start;
    // An attached message has a header of its own behind the part's header.
    for _ in 0..LEVELS {
        let (bodies, header) = bodies(raw, start..range.end);
        let bytes = raw.get(start..header).unwrap_or_default();
        let mime = Mime::read(header::fields(bytes.get(..limits.header_bytes).unwrap_or(bytes)));
        let attached_message = mime.types.iter().any(|kind| kind.main() == "message");
        let last = bodies.last().cloned();
        for body in bodies {
            let mut mime = mime.clone();
            mime.types.retain(|kind| !matches!(kind.main(), "multipart" | "message"));
            offer_encodings(&mut mime, raw.get(body.clone()).unwrap_or_default());
            let range = start..body.end;
            parts.push(Part { range, body, parent: None, depth: 0, shape: Shape::Leaf, mime, in_digest: false });
        }
        match last {
            Some(body) if attached_message && body.start > start => start = body.start,
            _ => return,
        }
    }
}

/// Where the body of a piece can start, the most usual reading last, and where its header ends.
fn bodies(raw: &[u8], piece: Range<usize>) -> (Vec<Range<usize>>, usize) {
    let mut bodies = Vec::new();
    let mut at = piece.start;
    while at < piece.end {
        let end = line_end(raw, at).min(piece.end);
        let line = without_line_end(raw.get(at..end).unwrap_or_default());
        if line.is_empty() {
            bodies.push(end..piece.end);
            return (bodies, at);
        }
        if bodies.is_empty() && !matches!(line_kind(line), HeaderLine::Field) {
            bodies.push(at..piece.end);
        }
        at = end;
    }
    if bodies.is_empty() {
        bodies.push(piece.clone());
    }
    (bodies, piece.end)
}

/// Adds the encodings that the body looks like.
fn offer_encodings(mime: &mut Mime, body: &[u8]) {
    let mut offer = |encoding| {
        if !mime.encodings.contains(&encoding) {
            mime.encodings.push(encoding);
        }
    };
    offer(Encoding::Identity);
    let letters = body.iter().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')).count();
    let spaces = memchr::memchr_iter(b' ', body).count();
    let like_base64 = letters >= 8 && spaces * 20 < letters;
    if like_base64 {
        offer(Encoding::Base64);
    }
    let escape = |w: &[u8]| matches!(w, [b'=', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    if body.windows(3).any(escape) || !like_base64 && memchr::memmem::find(body, b"=\r\n").is_some() {
        offer(Encoding::QuotedPrintable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_offered() {
        let raw = b"A: b\r\n\r\nhoi\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\nQmVzdGU=\r\n--y--\r\nslot\r\n";
        let found = pieces(raw, &Limits::default());
        let bodies: Vec<_> =
            found.parts.iter().map(|p| (raw[p.body.clone()].trim_ascii(), p.mime.encodings.len())).collect();
        assert_eq!(bodies, [(&b"hoi"[..], 1), (&b"QmVzdGU="[..], 2), (&b"slot"[..], 1)]);
    }
}
