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

/// The message without a mark in its subject (case does not count), and the space around it. Borrowed when the subject
/// does not hold it as it is typed: one that is encoded (RFC 2047) stays as it is.
pub fn without_mark<'x>(raw: &'x [u8], mark: &str) -> Cow<'x, [u8]> {
    let find = |field: &header::Field<'_>| {
        let subject = raw.get(field.range.clone())?;
        let at = subject.windows(mark.len().max(1)).position(|window| window.eq_ignore_ascii_case(mark.as_bytes()))?;
        let from = field.range.start + at;
        let space = usize::from(raw.get(from + mark.len()) == Some(&b' '));
        Some(from..from + mark.len() + space)
    };
    let found = header::fields(raw).filter(|field| field.is("Subject")).find_map(|field| find(&field));
    match found.and_then(|range| Some((raw.get(..range.start)?, raw.get(range.end..)?))) {
        Some((before, behind)) => Cow::Owned([before, behind].concat()),
        None => Cow::Borrowed(raw),
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

    #[test]
    fn a_mark_leaves_the_subject_and_nothing_else() {
        let raw = b"To: [veilig]\r\nSubject: Re: [Veilig] Groep 5\r\n\r\n[veilig]\r\n";
        let without = b"To: [veilig]\r\nSubject: Re: Groep 5\r\n\r\n[veilig]\r\n";
        assert_eq!(without_mark(raw, "[veilig]"), &without[..]);
        assert!(matches!(without_mark(without, "[veilig]"), Cow::Borrowed(_)));
        assert_eq!(without_mark(b"Subject: x [veilig]\r\n\r\n", "[veilig]"), &b"Subject: x \r\n\r\n"[..]);
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
