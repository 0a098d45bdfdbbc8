//! Transfer encodings: the octets behind a body (RFC 2045 section 6), read as leniently as mail programs do.
//!
//! Never refuses: junk in base64 is stepped over, a broken quoted-printable escape stays as it is.
//! Where programs differ (what stands behind padding), [`base64_readings`] gives every reading.

use std::borrow::Cow;

/// A transfer encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit, binary.
    Identity,
    /// base64.
    Base64,
    /// quoted-printable.
    QuotedPrintable,
    /// x-uuencode.
    Uuencode,
}

/// The encodings that a Content-Transfer-Encoding value can mean, the likeliest first. More than one when
/// mail programs differ about it: quotes, parameters or words that no standard knows.
pub fn encodings_of(value: &[u8]) -> Vec<Encoding> {
    let bare = without_comments(value);
    let word: String = bare.trim_ascii().iter().map(|b| char::from(b.to_ascii_lowercase())).collect();
    match word.as_str() {
        "" | "7bit" | "8bit" | "binary" => return vec![Encoding::Identity],
        "base64" => return vec![Encoding::Base64],
        "quoted-printable" => return vec![Encoding::QuotedPrintable],
        "x-uuencode" | "uuencode" | "x-uue" | "uue" => return vec![Encoding::Uuencode, Encoding::Identity],
        _ => {}
    }
    let has = |piece: &str| word.contains(piece);
    let mut all = Vec::new();
    if has("base64") || has("b64") {
        all.push(Encoding::Base64);
    }
    if has("quoted") || has("printable") || has("qp") {
        all.push(Encoding::QuotedPrintable);
    }
    if has("uu") {
        all.push(Encoding::Uuencode);
    }
    if all.is_empty() && !["7bit", "8bit", "binary", "7-bit", "8-bit"].iter().any(|known| has(known)) {
        all.extend([Encoding::Identity, Encoding::Base64, Encoding::QuotedPrintable]);
    } else {
        all.push(Encoding::Identity);
    }
    all
}

/// The bytes without RFC 5322 comments; brackets inside quotes are none.
pub(crate) fn without_comments(value: &[u8]) -> Vec<u8> {
    let (mut out, mut depth, mut quoted, mut escaped) = (Vec::with_capacity(value.len()), 0usize, false, false);
    for &byte in value {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted || depth > 0 => escaped = true,
            b'"' if depth == 0 => quoted = !quoted,
            b'(' if !quoted => {
                depth += 1;
                continue;
            }
            b')' if !quoted && depth > 0 => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            out.push(byte);
        }
    }
    out
}

/// Decodes a body.
pub fn decode(encoding: Encoding, body: &[u8]) -> Cow<'_, [u8]> {
    match encoding {
        Encoding::Identity => Cow::Borrowed(body),
        Encoding::Base64 => Cow::Owned(base64(body, Padding::Restarts)),
        Encoding::QuotedPrintable => Cow::Owned(quoted_printable(body)),
        Encoding::Uuencode => Cow::Owned(uuencoded(body).map_or_else(|| body.to_vec(), |file| file.content)),
    }
}

/// What `=` does when more follows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    /// The next character starts a new group of four: pieces that were joined (Outlook, Apple Mail).
    Restarts,
    /// It is junk like any other.
    IsJunk,
}

/// Every reading of a base64 body: one, unless something stands behind padding or the URL alphabet is in it.
pub fn base64_readings(body: &[u8]) -> Vec<Vec<u8>> {
    let mut readings = vec![base64(body, Padding::Restarts)];
    let letter = |b: &u8| ALPHABET[usize::from(*b)] < 64;
    if let Some(pad) = memchr::memchr(b'=', body)
        && body.get(pad..).is_some_and(|rest| rest.iter().any(letter))
    {
        readings.push(base64(body.get(..pad).unwrap_or_default(), Padding::Restarts));
        readings.push(base64(body, Padding::IsJunk));
    }
    if memchr::memchr2(b'-', b'_', body).is_some() {
        let standard: Vec<u8> = body
            .iter()
            .map(|b| match b {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect();
        readings.push(base64(&standard, Padding::Restarts));
    }
    readings
}

/// The value of each base64 character; 64 is `=`, 65 anything else.
const ALPHABET: [u8; 256] = {
    let mut table = [65u8; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut i = 0;
    while i < 64 {
        table[letters[i] as usize] = i as u8;
        i += 1;
    }
    table[b'=' as usize] = 64;
    table
};

fn base64(body: &[u8], padding: Padding) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 3);
    let (mut group, mut count) = (0u32, 0u8);
    for &byte in body {
        match ALPHABET[usize::from(byte)] {
            value @ 0..64 => {
                group = group << 6 | u32::from(value);
                count += 1;
                if count == 4 {
                    let [_, a, b, c] = group.to_be_bytes();
                    out.extend_from_slice(&[a, b, c]);
                    (group, count) = (0, 0);
                }
            }
            64 if padding == Padding::Restarts => {
                flush(&mut out, group, count);
                (group, count) = (0, 0);
            }
            _ => {}
        }
    }
    flush(&mut out, group, count);
    out
}

/// The whole octets in an unfinished group.
fn flush(out: &mut Vec<u8>, group: u32, count: u8) {
    match count {
        2 => out.push((group >> 4) as u8),
        3 => out.extend_from_slice(&[(group >> 10) as u8, (group >> 2) as u8]),
        _ => {}
    }
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'=', rest) {
        let (before, escape) = rest.split_at(at);
        out.extend_from_slice(before);
        rest = match escape {
            [_, high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                after
            }
            [_, after @ ..] => match soft_break(after) {
                Some(next) => next,
                None => {
                    out.push(b'=');
                    after
                }
            },
            [] => escape,
        };
    }
    out.extend_from_slice(rest);
    out
}

/// What follows a soft line break: white space and a line end behind `=`, or the end of the body.
fn soft_break(after: &[u8]) -> Option<&[u8]> {
    let mut rest = after;
    while let [b' ' | b'\t', next @ ..] = rest {
        rest = next;
    }
    match rest {
        [b'\r', b'\n', next @ ..] | [b'\n', next @ ..] | [b'\r', next @ ..] => Some(next),
        [] => Some(rest),
        _ => None,
    }
}

/// The value of a hexadecimal digit, either case.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// A file that stands uuencoded or yEnc-encoded in a text.
pub struct InlineFile {
    /// Its name as written, in whatever charset.
    pub name: Vec<u8>,
    /// Its decoded content.
    pub content: Vec<u8>,
    /// Where the text goes on behind it.
    pub end: usize,
}

/// The first uuencoded file in a body (`begin 644 name` ... `end`), if there is one.
pub fn uuencoded(body: &[u8]) -> Option<InlineFile> {
    let (name, mut at) = opening_line(body, b"begin ", |rest| {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let base64_mode = rest.starts_with(b"-base64 ");
        let name = rest.get(if base64_mode { 8 } else { digits }..)?;
        ((3..=5).contains(&digits) && name.starts_with(b" ") || base64_mode).then(|| name.trim_ascii())
    })?;
    let mut content = Vec::new();
    while at < body.len() {
        let end = super::header::line_end(body, at);
        let line = super::header::without_line_end(body.get(at..end).unwrap_or_default());
        at = end;
        if line.trim_ascii().eq_ignore_ascii_case(b"end") {
            break;
        }
        uu_line(line, &mut content);
    }
    Some(InlineFile { name: name.to_vec(), content, end: at })
}

fn uu_line(line: &[u8], out: &mut Vec<u8>) {
    let six = |b: u8| b.wrapping_sub(32) & 63;
    let Some((&length, data)) = line.split_first() else { return };
    let wanted = out.len() + usize::from(six(length));
    for group in data.chunks(4) {
        let value = group.iter().chain(std::iter::repeat(&b' ')).take(4).fold(0u32, |v, &b| v << 6 | u32::from(six(b)));
        let [_, a, b, c] = value.to_be_bytes();
        out.extend([a, b, c].into_iter().take(wanted.saturating_sub(out.len())));
    }
}

/// The first yEnc-encoded file in a body (`=ybegin` ... `=yend`), if there is one.
pub fn yencoded(body: &[u8]) -> Option<InlineFile> {
    let (name, mut at) = opening_line(body, b"=ybegin ", |rest| {
        Some(memchr::memmem::find(rest, b"name=").map_or(&b""[..], |offset| rest.get(offset + 5..).unwrap_or_default()))
    })?;
    let mut content = Vec::new();
    while at < body.len() {
        let end = super::header::line_end(body, at);
        let line = super::header::without_line_end(body.get(at..end).unwrap_or_default());
        at = end;
        if line.starts_with(b"=yend") {
            break;
        }
        if line.starts_with(b"=ypart") {
            continue;
        }
        let mut escaped = false;
        for &byte in line {
            match byte {
                b'=' if !escaped => escaped = true,
                _ => {
                    content.push(byte.wrapping_sub(if escaped { 106 } else { 42 }));
                    escaped = false;
                }
            }
        }
    }
    Some(InlineFile { name: name.trim_ascii().to_vec(), content, end: at })
}

/// The first line that starts with `mark` and that `name` accepts, and where the next line starts.
fn opening_line<'x>(
    body: &'x [u8],
    mark: &[u8],
    name: impl Fn(&'x [u8]) -> Option<&'x [u8]>,
) -> Option<(&'x [u8], usize)> {
    memchr::memmem::find_iter(body, mark).find_map(|at| {
        if at > 0 && body.get(at - 1) != Some(&b'\n') {
            return None;
        }
        let end = super::header::line_end(body, at);
        let line = super::header::without_line_end(body.get(at..end)?);
        Some((name(line.get(mark.len()..)?)?, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_mail_programs_read_it() {
        for (body, first) in [
            (&b"QmVzdGU="[..], &b"Beste"[..]),
            (b"Qm*V!z dG\r\nU", b"Beste"),
            (b"QmVzdGU=QmVzdGU=", b"BesteBeste"),
            (b"", b""),
            (b"Q", b""),
        ] {
            assert_eq!(base64_readings(body)[0], first);
        }
        assert!(base64_readings(b"QQ==Qg==").contains(&b"A".to_vec()));
    }

    #[test]
    fn quoted_printable_as_mail_programs_read_it() {
        for (body, text) in
            [(&b"caf=c3=A9"[..], "café"), (b"12= \t\r\n34=\n56=", "123456"), (b"a=b=3D=zz", "a=b==zz"), (b"=", "")]
        {
            assert_eq!(quoted_printable(body), text.as_bytes());
        }
    }

    #[test]
    fn files_inside_a_text() {
        let file =
            uuencoded(b"Zie:\r\nbegin 644 brief.txt\r\n%0F5S=&4`\r\n`\r\nend\r\nrest").map(|f| (f.name, f.content));
        assert_eq!(file, Some((b"brief.txt".to_vec(), b"Beste".to_vec())));
        assert!(uuencoded(b"begin nu\r\nbegin 12 x").is_none());
        let file =
            yencoded(b"=ybegin line=128 size=2 name=a.txt\r\nk=n\r\n=yend size=2\r\n").map(|f| (f.name, f.content));
        assert_eq!(file, Some((b"a.txt".to_vec(), vec![b'A', 4])));
    }

    #[test]
    fn odd_encodings_have_more_readings() {
        assert_eq!(encodings_of(b" BASE64 (ja)"), [Encoding::Base64]);
        assert_eq!(encodings_of(b" \"base64\""), [Encoding::Base64, Encoding::Identity]);
        assert_eq!(encodings_of(b" base64;"), [Encoding::Base64, Encoding::Identity]);
        assert_eq!(encodings_of(b"\r\n\tquoted-printable"), [Encoding::QuotedPrintable]);
        assert_eq!(encodings_of(b"geheim").len(), 3);
    }
}
