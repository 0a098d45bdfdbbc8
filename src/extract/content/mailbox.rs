//! Attached messages, and mailboxes in one file, by what was declared and by their looks.
//!
//! The one place where reading begins anew inside itself: depth, parts and octets are counted against the message's
//! limits, and what is past them is unread.

use super::about::About;
use crate::extract::{NAMELESS_MESSAGE, Reader, Why};
use crate::message::{Limits, Message, header, is_message_type};

impl Reader<'_> {
    /// Reads an attached message; false when it is none.
    pub(super) fn attached_message(&mut self, bytes: &[u8], about: &About<'_>) -> bool {
        let declared = is_message_type(about.essence)
            || matches!(about.essence, "text/rfc822-headers" | "message/rfc822-headers")
            || matches!(about.extension.as_str(), "eml" | "mht" | "mhtml" | "mbox");
        if !(declared || !about.is_body() && looks_like_message(bytes)) {
            return false;
        }
        if about.depth + 1 >= self.limits.depth || self.parts_left == 0 || bytes.len() > self.unpack_left {
            self.unread(about.place.clone(), Why::OverLimit);
            return true;
        }
        self.unpack_left -= bytes.len();
        let mut within = about.place.within.clone();
        within.push(match about.name.as_str() {
            "" => NAMELESS_MESSAGE.to_string(),
            name if name.starts_with("bijlage-") => NAMELESS_MESSAGE.to_string(),
            name => name.to_string(),
        });
        let mails = mails(bytes);
        let several = mails.len() > 1;
        for (number, mail) in (1..).zip(mails) {
            if self.parts_left == 0 {
                self.unread(about.place.clone(), Why::OverLimit);
                break;
            }
            let limits =
                Limits { parts: self.parts_left, depth: self.limits.depth - about.depth - 1, ..self.limits.clone() };
            let mut within = within.clone();
            if several {
                within.push(format!("bericht-{number}.eml"));
            }
            self.message(&Message::parse(mail, &limits), &within, about.depth + 1);
        }
        true
    }
}

/// Whether octets begin with a mail's header: two fields at least, one of them known, up to an empty line.
fn looks_like_message(bytes: &[u8]) -> bool {
    const KNOWN: [&str; 9] =
        ["From", "To", "Subject", "Date", "Received", "Message-ID", "MIME-Version", "Return-Path", "Delivered-To"];
    let start = bytes.get(..32_768).unwrap_or(bytes);
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    if !start.starts_with(b"From ") && !start.iter().take(60).any(|&b| b == b':') {
        return false;
    }
    let fields: Vec<_> = header::fields(start).take(40).collect();
    let known = fields.iter().filter(|field| KNOWN.iter().any(|name| field.is(name))).count();
    let typed = fields.iter().any(|field| field.is("Content-Type"));
    known >= 2 || known + usize::from(typed) >= 2
}

/// The mails of a mailbox in one file (RFC 4155), or the one mail. Each begins with a line of its own, behind an empty
/// line: a sender, and a date that ends in the year.
fn mails(bytes: &[u8]) -> Vec<&[u8]> {
    let is_start = |at: usize| {
        let from = bytes.get(at..).unwrap_or_default();
        let line = from.split(|&b| b == b'\n').next().unwrap_or_default().trim_ascii_end();
        let year = line.len().checked_sub(4).and_then(|year| line.get(year..));
        let next = from.get(line.len()..).unwrap_or_default().trim_ascii_start();
        line.starts_with(b"From ")
            && line.len() < 500
            && year.is_some_and(|year| year.iter().all(u8::is_ascii_digit))
            && header::fields(next.get(..2_000).unwrap_or(next)).next().is_some()
    };
    if !is_start(0) {
        return vec![bytes];
    }
    let mut starts = vec![0];
    let marks = memchr::memmem::find_iter(bytes, b"\nFrom ").filter(|&at| {
        let before = bytes.get(..at).unwrap_or_default();
        before.ends_with(b"\n") || before.ends_with(b"\n\r")
    });
    starts.extend(marks.map(|at| at + 1).filter(|&at| is_start(at)));
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).filter_map(|(&start, end)| bytes.get(start..end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_by_their_looks() {
        assert!(looks_like_message(b"From: a@b.example\r\nSubject: x\r\n\r\nhoi"));
        assert!(!looks_like_message(b"naam: Kim\r\nklas: 3\r\n"));
        assert!(!looks_like_message(b"Aan: allen\r\n"));
    }

    #[test]
    fn mailboxes_hold_several_mails() {
        let mail = "From a@b.example Sun Nov 22 07:00:00 2026\nSubject: x\n\nFrom nu af\n\n";
        let both = format!("{mail}{mail}");
        assert_eq!(mails(both.as_bytes()), [mail.as_bytes(), mail.as_bytes()]);
        assert_eq!(mails(b"Subject: x\n\nFrom a 2026\nB: c\n"), [b"Subject: x\n\nFrom a 2026\nB: c\n"]);
        assert_eq!(mails(b""), [b""]);
    }
}
