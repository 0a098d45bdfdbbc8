//! Formulas as tokens (MS-XLS 2.5.198, MS-XLSB 2.2.2): the texts and long numbers in them.

use super::add;

/// How large tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::extract::document) enum Dialect {
    /// BIFF5 and BIFF7.
    Biff5,
    /// BIFF8.
    Biff8,
    /// XLSB.
    Biff12,
}

/// The texts and long numbers of a formula, on one line; none when it has none. What stands behind a token that
/// nobody knows is not read.
pub(in crate::extract::document) fn words_of_tokens(
    tokens: &[u8],
    dialect: Dialect,
    decode: &dyn Fn(&[u8]) -> String,
) -> Option<String> {
    let mut out = String::new();
    let mut rest = tokens;
    while let Some((&token, behind)) = rest.split_first() {
        // The classes of a token (reference, value, array) are the same token.
        let token = if token & 0x60 == 0 { token } else { token & 0x1f | 0x20 };
        let Some(size) = (match token {
            0x17 => text(behind, dialect, decode, &mut out),
            0x19 => choices(behind),
            0x1e => Some(2),
            0x1f => number(behind, &mut out),
            _ => size(token, dialect),
        }) else {
            break;
        };
        rest = behind.get(size..).unwrap_or_default();
    }
    (!out.is_empty()).then_some(out)
}

/// PtgStr (2.5.198.89).
fn text(rest: &[u8], dialect: Dialect, decode: &dyn Fn(&[u8]) -> String, out: &mut String) -> Option<usize> {
    let (count, flags) = (usize::from(*rest.first()?), rest.get(1).copied().unwrap_or(0));
    let (start, size) = match dialect {
        Dialect::Biff5 => (1, count),
        Dialect::Biff8 if flags & 1 == 0 => (2, count),
        Dialect::Biff8 => (2, count * 2),
        Dialect::Biff12 => (2, (count | usize::from(flags) << 8) * 2),
    };
    let octets = rest.get(start..start + size)?;
    let text = match dialect {
        Dialect::Biff5 => decode(octets),
        Dialect::Biff8 if flags & 1 == 0 => octets.iter().copied().map(char::from).collect(),
        _ => encoding_rs::UTF_16LE.decode_without_bom_handling(octets).0.into_owned(),
    };
    // The entries of a list are divided by NUL.
    add(&text.replace('\0', "\n"), out);
    Some(start + size)
}

fn number(rest: &[u8], out: &mut String) -> Option<usize> {
    let value = f64::from_le_bytes(rest.get(..8)?.try_into().ok()?);
    if value.fract() == 0.0 && (1e6..1e15).contains(&value.abs()) {
        add(&value.abs().to_string(), out);
    }
    Some(8)
}

/// PtgAttr (2.5.198.33 and on): one that chooses has a table behind it.
fn choices(rest: &[u8]) -> Option<usize> {
    let count = u16::from_le_bytes(rest.get(1..3)?.try_into().ok()?);
    Some(if rest.first()? & 0x04 != 0 { 3 + (usize::from(count) + 1) * 2 } else { 3 })
}

/// The size of other tokens, without their first octet.
fn size(token: u8, dialect: Dialect) -> Option<usize> {
    let by = |biff5, biff8, biff12| match dialect {
        Dialect::Biff5 => biff5,
        Dialect::Biff8 => biff8,
        Dialect::Biff12 => biff12,
    };
    Some(match token {
        0x03..=0x16 => 0,
        0x01 | 0x02 => 4,
        0x1c | 0x1d => 1,
        0x20 => by(7, 7, 14),
        0x21 | 0x29 | 0x2e | 0x2f => 2,
        0x22 => 3,
        0x23 => by(14, 4, 4),
        0x24 | 0x2a | 0x2c => by(3, 4, 6),
        0x25 | 0x2b | 0x2d => by(6, 8, 12),
        0x26..=0x28 => 6,
        0x39 => by(24, 6, 6),
        0x3a | 0x3c => by(17, 6, 8),
        0x3b | 0x3d => by(20, 10, 14),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_tokens() {
        let latin = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let biff8 = [&[0x44, 1, 0, 2, 0, 0x17, 2, 0][..], b"ab", &[0x19, 4, 0, 0, 9, 9, 0x17, 1, 1], b"c\0", &[0x1f]];
        let number = 999_918_564_f64.to_le_bytes();
        let tokens = [&biff8.concat()[..], &number].concat();
        assert_eq!(words_of_tokens(&tokens, Dialect::Biff8, &latin).as_deref(), Some("ab c 999918564"));
        assert_eq!(words_of_tokens(b"\x17\x02xy", Dialect::Biff5, &latin).as_deref(), Some("xy"));
        assert_eq!(words_of_tokens(b"\x17\x01\0x\0", Dialect::Biff12, &latin).as_deref(), Some("x"));
        assert_eq!(words_of_tokens(b"\x18\x17\x01\0x", Dialect::Biff8, &latin), None);
        assert_eq!(words_of_tokens(b"\x17\xff\x01x", Dialect::Biff8, &latin), None);
    }
}
