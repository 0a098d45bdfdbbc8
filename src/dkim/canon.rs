//! Relaxed canonicalization (RFC 6376 3.4.2 and 3.4.4). Pure; takes any octets.

/// Where the body begins: behind the first empty line.
pub(super) fn header_end(raw: &[u8]) -> usize {
    if raw.starts_with(b"\r\n") {
        return 2;
    }
    memchr::memmem::find(raw, b"\r\n\r\n").map_or(raw.len(), |at| at + 4)
}

/// A header field without its last line end: name in lower case, folds gone, runs of white space one space.
pub(super) fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend(name.iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    for word in value.split(|octet| matches!(octet, b' ' | b'\t' | b'\r' | b'\n')).filter(|word| !word.is_empty()) {
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// The body: runs of white space one space, none at line ends, no empty lines at the end; nothing stays nothing.
pub(super) fn body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut empty_lines = 0usize;
    for line in lines(body) {
        let start = out.len();
        let mut space = false;
        for &octet in line {
            if matches!(octet, b' ' | b'\t') {
                space = true;
                continue;
            }
            if out.len() == start {
                out.extend(std::iter::repeat_n(b"\r\n", std::mem::take(&mut empty_lines)).flatten());
            }
            if std::mem::take(&mut space) {
                out.push(b' ');
            }
            out.push(octet);
        }
        if out.len() == start {
            empty_lines += 1;
        } else {
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

/// Lines without their CRLF, the last one also when it has none.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body).filter(|body| !body.is_empty());
    std::iter::from_fn(move || {
        let now = rest?;
        let (line, later) = match memchr::memmem::find(now, b"\r\n") {
            Some(at) => (now.get(..at)?, now.get(at + 2..).filter(|later| !later.is_empty())),
            None => (now, None),
        };
        rest = later;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 6376 3.4.5, with tabs and folds.
        let mut out = Vec::new();
        field(&mut out, b"A", b" X");
        out.extend_from_slice(b"\r\n");
        field(&mut out, b"B", b" Y\t\r\n\tZ  ");
        assert_eq!(out, b"a:X\r\nb:Y Z");
        assert_eq!(body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
    }

    #[test]
    fn ends_of_bodies() {
        for (given, expected) in [
            (&b""[..], &b""[..]),
            (b"\r\n", b""),
            (b"\r\n\r\n", b""),
            (b" \r\n\t\r\n", b""),
            (b"a", b"a\r\n"),
            (b"a\r\n\r\nb", b"a\r\n\r\nb\r\n"),
            (b"\r\na\r\n", b"\r\na\r\n"),
        ] {
            assert_eq!(body(given), expected, "{given:?}");
        }
    }

    #[test]
    fn the_body_begins_behind_the_first_empty_line() {
        for (raw, expected) in [(&b"a: b\r\n\r\nc"[..], &b"c"[..]), (b"\r\nc", b"c"), (b"a: b\r\n", b"")] {
            assert_eq!(raw.get(header_end(raw)..).unwrap(), expected);
        }
    }
}
