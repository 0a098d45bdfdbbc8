//! RFC 2047 encoded words: a header value as people see it.
//!
//! Reads words wherever they stand, in quotes and in the middle of a token too, since mail programs do.
//! Never refuses: what is no word stays as it is. Linear in the length of the value.

use super::charset;
use super::transfer::{self, Encoding};

/// The value as shown: unfolded, encoded words decoded, control characters gone.
pub fn shown(value: &[u8]) -> String {
    let unfolded: Vec<u8> = value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n' | 0)).collect();
    let mut out = String::with_capacity(unfolded.len());
    let mut rest = unfolded.trim_ascii();
    let mut run: Option<Run> = None;
    let mut closing_left = true;
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let (before, from_mark) = rest.split_at(at);
        let word = if closing_left { word_at(from_mark, &mut closing_left) } else { None };
        let Some((word, after)) = word else {
            finish(&mut run, &mut out);
            out.push_str(&charset::decode_header(before));
            out.push_str("=?");
            rest = from_mark.get(2..).unwrap_or_default();
            continue;
        };
        // White space between two words is not shown (RFC 2047 section 6.2).
        if run.is_none() || !before.trim_ascii().is_empty() {
            finish(&mut run, &mut out);
            out.push_str(&charset::decode_header(before));
        }
        match &mut run {
            // One character may be split over two words of the same charset.
            Some(open) if open.charset.eq_ignore_ascii_case(&word.charset) => open.bytes.extend(word.bytes),
            _ => {
                finish(&mut run, &mut out);
                run = Some(word);
            }
        }
        rest = after;
    }
    finish(&mut run, &mut out);
    out.push_str(&charset::decode_header(rest));
    out
}

/// The decoded octets of words that belong together.
struct Run {
    charset: String,
    bytes: Vec<u8>,
}

fn finish(run: &mut Option<Run>, out: &mut String) {
    if let Some(run) = run.take() {
        let text = charset::decode(&run.bytes, Some(&run.charset));
        out.extend(text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')));
    }
}

/// The word with which the bytes begin, and what follows it. `closing_left` becomes false when no `?=`
/// follows at all, so that a value full of openings is not searched again for each.
fn word_at<'x>(bytes: &'x [u8], closing_left: &mut bool) -> Option<(Run, &'x [u8])> {
    let inner = bytes.get(2..)?;
    let charset_end = inner.iter().take(80).position(|&b| b == b'?')?;
    let kind = *inner.get(charset_end + 1)?;
    if inner.get(charset_end + 2) != Some(&b'?') {
        return None;
    }
    let encoding = match kind.to_ascii_lowercase() {
        b'b' => Encoding::Base64,
        b'q' => Encoding::QuotedPrintable,
        _ => return None,
    };
    let text = inner.get(charset_end + 3..)?;
    let Some(end) = memchr::memmem::find(text, b"?=") else {
        *closing_left = false;
        return None;
    };
    let (text, after) = (text.get(..end)?, text.get(end + 2..)?);
    let charset = inner.get(..charset_end)?.split(|&b| b == b'*').next()?;
    let spaced: Vec<u8> = match encoding {
        Encoding::QuotedPrintable => text.iter().map(|&b| if b == b'_' { b' ' } else { b }).collect(),
        _ => text.to_vec(),
    };
    let charset = String::from_utf8_lossy(charset).into_owned();
    Some((Run { charset, bytes: transfer::decode(encoding, &spaced).into_owned() }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_mail_programs_show_them() {
        for (value, text) in [
            (" =?utf-8?b?QmVzdGU=?=", "Beste"),
            ("=?UTF-8?Q?Groep_7=3a_caf=c3=a9?=", "Groep 7: café"),
            ("=?utf-8?q?caf=C3?=\r\n =?utf-8?q?=A9?=", "café"),
            ("=?utf-8?q?a?= =?iso-8859-1?q?=E9?= b", "aé b"),
            ("Re: =?utf-8*nl?q?a?=,b", "Re: a,b"),
            ("=?utf-8?q?a b?= c", "a b c"),
            ("\"=?utf-8?q?a?=\" <a@b.example>", "\"a\" <a@b.example>"),
            ("=?utf-8?x?a?= =? ?=", "=?utf-8?x?a?= =? ?="),
            ("2 =?= 3 =?", "2 =?= 3 =?"),
            ("een\r\n twee", "een twee"),
            ("caf\u{e9}", "café"),
        ] {
            assert_eq!(shown(value.as_bytes()), text, "{value}");
        }
    }

    #[test]
    fn unclosed_words_take_linear_time() {
        let value = b"=?a?q?x ".repeat(200_000);
        assert_eq!(shown(&value).len(), value.len() - 1);
    }
}
