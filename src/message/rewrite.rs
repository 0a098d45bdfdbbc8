//! Byte-exact changes to a message's top header section.
//!
//! Removes whole fields and touches nothing else: a signature over what stays remains valid
//! (RFC 6376 section 3.4). Never looks below the first empty line. Cannot fail.

use std::borrow::Cow;

use super::header;

/// The message without the fields of those names (case does not count), folded lines included.
///
/// Borrowed when there is none of them.
pub fn without_fields<'x>(raw: &'x [u8], names: &[&str]) -> Cow<'x, [u8]> {
    let mut kept: Option<Vec<u8>> = None;
    let mut copied = 0;
    for field in header::fields(raw).filter(|field| names.iter().any(|name| field.is(name))) {
        let out = kept.get_or_insert_with(|| Vec::with_capacity(raw.len()));
        out.extend_from_slice(raw.get(copied..field.range.start).unwrap_or_default());
        copied = field.range.end;
    }
    match kept {
        None => Cow::Borrowed(raw),
        Some(mut out) => {
            out.extend_from_slice(raw.get(copied..).unwrap_or_default());
            Cow::Owned(out)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_fields_go_and_the_body_stays() {
        let raw = b"X-Poort: a\r\n b\r\nTo: c\r\nx-poort : d\r\n\r\nX-Poort: e\r\n";
        assert_eq!(without_fields(raw, &["X-Poort"]), &b"To: c\r\n\r\nX-Poort: e\r\n"[..]);
        assert!(matches!(without_fields(raw, &["X-Ander"]), Cow::Borrowed(_)));
    }

    proptest! {
        /// The lines that go are those of the named fields; all others stay, in order.
        #[test]
        fn only_named_fields_go(
            lines in prop::collection::vec("(Weg|Blijf|weg |)(:)?[ a-z:]{0,6}", 0..12),
            folds in prop::collection::vec(any::<bool>(), 12),
            body in "[a-zA-Z: \r\n]{0,40}",
        ) {
            let mut raw = String::new();
            for (line, fold) in lines.iter().zip(&folds) {
                raw.push_str(if *fold { " " } else { "" });
                raw.push_str(line);
                raw.push_str("\r\n");
            }
            raw.push_str("\r\n");
            let head = raw.len();
            raw.push_str(&body);
            let raw = raw.into_bytes();
            let out = without_fields(&raw, &["Weg"]);
            let mut expected = Vec::new();
            let mut dropping = false;
            let mut ended = false;
            for line in raw[..head].split_inclusive(|&b| b == b'\n') {
                let folded = matches!(line.first(), Some(b' ' | b'\t'));
                ended |= line == b"\r\n";
                if !folded || ended {
                    let name = line.split(|&b| b == b':').next().unwrap();
                    dropping = !ended && line.contains(&b':') && name.trim_ascii().eq_ignore_ascii_case(b"weg");
                }
                if !dropping {
                    expected.extend_from_slice(line);
                }
            }
            expected.extend_from_slice(&raw[head..]);
            prop_assert_eq!(out.as_ref(), &expected[..]);
        }
    }
}
