//! A mail whose attachments alone are shared: the same mail without them, with a link in their place.
//!
//! Its header fields stay as they came, and its words do; below them stands where the attachments are. Pictures within the
//! text are files too and go with them. None for what cannot be told apart for certain (a signed, encrypted or unclear mail,
//! one without a text or without a file): that is shared whole.

use lettre::message::{MultiPart, MultiPartKind, SinglePart};

use super::items;
use super::letters::{boundary, html_paragraphs};
use crate::message::{Message, header, transfer};

/// A mail without its attachments.
pub(super) struct Rest {
    /// The fields of its header, each with its line end.
    head: Vec<u8>,
    plain: Option<String>,
    html: Option<String>,
}

/// Fields that say what is no longer so, or that nobody else is to see.
const GONE: [&str; 11] = [
    "ARC-Authentication-Results",
    "ARC-Message-Signature",
    "ARC-Seal",
    "Bcc",
    "DKIM-Signature",
    "DomainKey-Signature",
    "MIME-Version",
    "Received",
    "Return-Path",
    "X-Google-DKIM-Signature",
    "X-MS-Has-Attach",
];

/// A mail without its attachments; none when it is to be shared whole.
pub(super) fn without(message: &Message<'_>) -> Option<Rest> {
    let is_sealed = |essence: &str| {
        matches!(essence, "multipart/signed" | "multipart/encrypted" | "text/calendar") || essence.contains("pkcs7")
    };
    let unclear = message.ambiguous || message.unsure || message.over_limit;
    if unclear || message.parts.iter().any(|part| is_sealed(part.essence())) || !items::has_files(message) {
        return None;
    }
    let (plain, html) = items::texts(message);
    // A file within the words themselves would stay where it is.
    let holds_file =
        |text: &String| transfer::uuencoded(text.as_bytes()).is_some() || transfer::yencoded(text.as_bytes()).is_some();
    if plain.iter().chain(&html).any(holds_file) {
        return None;
    }
    let raw = message.raw();
    let stays = |field: &header::Field<'_>| {
        let name = raw.get(field.range.clone()).unwrap_or_default();
        !GONE.iter().any(|gone| field.is(gone)) && !name.get(..8).is_some_and(|n| n.eq_ignore_ascii_case(b"content-"))
    };
    let mut head = Vec::new();
    for field in header::fields(raw).filter(stays) {
        head.extend_from_slice(raw.get(field.range).unwrap_or_default());
    }
    (plain.is_some() || html.is_some()).then_some(Rest { head, plain, html })
}

impl Rest {
    /// The mail, with these words below its own.
    pub fn with(&self, heading: &str, words: &str) -> Option<Vec<u8>> {
        let plain = |text: &str| SinglePart::plain(format!("{}\n\n-----\n{heading}\n\n{words}\n", text.trim_end()));
        let html = |text: &str| SinglePart::html(below(text, &html_paragraphs(&format!("{heading}\n\n{words}"))));
        let body = match (&self.plain, &self.html) {
            (Some(text), Some(page)) => MultiPart::builder()
                .kind(MultiPartKind::Alternative)
                .boundary(boundary()?)
                .singlepart(plain(text))
                .singlepart(html(page))
                .formatted(),
            (Some(text), None) => plain(text).formatted(),
            (None, Some(page)) => html(page).formatted(),
            (None, None) => return None,
        };
        let mut raw = self.head.clone();
        raw.extend_from_slice(b"MIME-Version: 1.0\r\n");
        raw.extend_from_slice(&body);
        Some(raw)
    }
}

/// A page with more below it: before its end, where that is told.
fn below(page: &str, more: &str) -> String {
    let end = page.to_ascii_lowercase().rfind("</body");
    let (before, after) = end.and_then(|at| page.split_at_checked(at)).unwrap_or((page, ""));
    format!(
        "{before}<hr>\n<div style=\"font-family: Calibri, Arial, sans-serif; font-size: 11pt\">{more}</div>\n{after}"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::message::Limits;

    const MAIL: &str = "Received: from a\r\nFrom: Juf <juf@x.example>\r\nTo: a@b.example,\r\n c@d.example\r\n\
        Bcc: geheim@x.example\r\nSubject: =?utf-8?q?Lijst_=C3=A9=C3=A9n?=\r\nMessage-ID: <1@x>\r\nDKIM-Signature: oud\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; \
        boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: \
        quoted-printable\r\n\r\nDag, zie bijlage. Zo=EB\r\n--b\r\nContent-Type: text/html\r\n\r\n\
        <html><body><p>Dag</p></BODY></html>\r\n--b--\r\n--a\r\nContent-Type: text/csv; name=\"lijst.csv\"\r\n\r\n\
        123456782\r\n--a--\r\n";

    fn made(raw: &str) -> Option<String> {
        let message = Message::parse(raw.as_bytes(), &Limits::default());
        let raw = without(&message)?.with("De bijlagen staan klaar", "1. Open: https://v.example/b/x/y")?;
        Some(String::from_utf8(raw).unwrap())
    }

    #[test]
    fn header_and_words_stay_and_files_go() {
        let made = made(MAIL).unwrap();
        for stays in [
            "From: Juf <juf@x.example>\r\nTo: a@b.example,\r\n c@d.example\r\n",
            "Subject: =?utf-8?q?Lijst_=C3=A9=C3=A9n?=\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alt",
            "<p>Dag</p><hr>",
            "</BODY></html>",
            "<a href=",
        ] {
            assert!(made.contains(stays) || made.replace("=\r\n", "").contains(stays), "{stays}\n{made}");
        }
        for gone in ["geheim@", "Received", "DKIM", "123456782", "lijst.csv"] {
            assert!(!made.contains(gone), "{gone}\n{made}");
        }
        let message = Message::parse(made.as_bytes(), &Limits::default());
        let (plain, html) = items::texts(&message);
        assert!(plain.unwrap().starts_with("Dag, zie bijlage. Zoë\r\n\r\n-----\r\nDe bijlagen staan klaar"), "{made}");
        assert!(html.unwrap().contains("https://v.example/b/x/y") && !items::has_files(&message), "{made}");
    }

    #[test]
    fn what_cannot_be_told_apart_is_shared_whole() {
        let signed = MAIL.replace("multipart/mixed", "multipart/signed");
        let no_file = MAIL.split("--a\r\nContent-Type: text/csv").next().unwrap().to_owned() + "--a--\r\n";
        let file_alone = "Subject: x\r\nContent-Type: text/csv; name=\"lijst.csv\"\r\n\r\n123456782\r\n";
        let within =
            MAIL.replace("Dag, zie bijlage. Zo=EB", "Dag\r\n\r\nbegin 644 lijst.csv\r\n),3(S-#4V-S@R\r\n`\r\nend");
        for whole in [signed.as_str(), &no_file, file_alone, &within] {
            assert_eq!(made(whole), None, "{whole}");
        }
    }
}
