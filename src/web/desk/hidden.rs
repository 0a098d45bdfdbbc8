//! A mail whose recipients do not see each other: the "send as BCC" of the desk (RFC 5322 3.6.3).

use crate::message::rewrite::without_fields;

/// The fields that name recipients. What else stands in the mail stays as it is.
const NAMES: [&str; 6] = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];

/// The mail without its fields that name recipients; an empty group stands in their place, as mail programs do.
pub(super) fn hidden(raw: &[u8]) -> Vec<u8> {
    let mut hidden = b"To: undisclosed-recipients:;\r\n".to_vec();
    hidden.extend_from_slice(&without_fields(raw, &NAMES));
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named_and_the_rest_stays() {
        let raw = b"From: a@b.example\r\nTo: x@y.example,\r\n z@y.example\r\nCC: q@y.example\r\nSubject: Cc: s\r\n\r\nTo: t\r\n";
        let expected = "To: undisclosed-recipients:;\r\nFrom: a@b.example\r\nSubject: Cc: s\r\n\r\nTo: t\r\n";
        assert_eq!(hidden(raw), expected.as_bytes());
    }
}
