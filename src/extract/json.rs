//! JSON as a person reads it: with its escapes resolved (RFC 8259 section 7).
//!
//! Never parses: what is no JSON keeps its backslashes where they mean nothing. Cannot fail, linear.

use std::borrow::Cow;

/// The text with `\\u00eb`, `\\"` and the like as what they stand for.
pub(super) fn unescaped(text: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        rest = match escape.as_bytes().first() {
            Some(b'u') => match character(escape) {
                Some((character, behind)) => {
                    out.push(character);
                    behind
                }
                None => literal(&mut out, escape),
            },
            Some(b'n' | b'r') => known(&mut out, '\n', escape),
            Some(b't') => known(&mut out, '\t', escape),
            Some(b'"') => known(&mut out, '"', escape),
            Some(b'/') => known(&mut out, '/', escape),
            Some(b'\\') => known(&mut out, '\\', escape),
            _ => literal(&mut out, escape),
        };
    }
    out.push_str(rest);
    out.into()
}

fn known<'t>(out: &mut String, character: char, escape: &'t str) -> &'t str {
    out.push(character);
    escape.get(1..).unwrap_or_default()
}

fn literal<'t>(out: &mut String, escape: &'t str) -> &'t str {
    out.push('\\');
    escape
}

/// The character of `uXXXX`, or of a pair of them, and what stands behind.
fn character(escape: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u16::from_str_radix(text.get(1..5)?, 16).ok();
    let (first, behind) = (unit(escape)?, escape.get(5..)?);
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Some((character, behind));
    }
    let low = behind.strip_prefix('\\').filter(|low| low.starts_with('u'))?;
    let pair = char::decode_utf16([first, unit(low)?]).next()?.ok()?;
    Some((pair, low.get(5..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_what_they_stand_for() {
        for (json, read) in [
            (r#"{"naam": "Zo\u00eb"}"#, r#"{"naam": "Zoë"}"#),
            (r"\ud83d\ude00 \ud83d \u12 \u", "😀 \\ud83d \\u12 \\u"),
            (r#"a\tb\n\"c\" \/ \\ \x"#, "a\tb\n\"c\" / \\ \\x"),
            ("geen", "geen"),
            ("\\", "\\"),
            ("\\u00é1", "\\u00é1"),
        ] {
            assert_eq!(unescaped(json.into()), read);
        }
    }
}
