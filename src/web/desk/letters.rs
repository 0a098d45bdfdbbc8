//! The mails that the desk writes: a code, a question to somebody else, an answer, a report.
//!
//! Ordinary mails from the gate's own address, MAIL FROM `<>`, `Auto-Submitted` (RFC 3834), in plain text and in HTML that
//! is the same text. A mail with a code holds no link, so that nobody learns to follow one from it. A reader's address
//! that cannot stand in a header stays out of it; the envelope has it.

use std::sync::Arc;

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as Named, MultiPart, MultiPartKind, SinglePart};

use super::{Desk, Fault};
use crate::message::Mailbox;
use crate::school::{Language, School};
use crate::seal;
use crate::store::owed::{Envelope, Kind, NewOwed, To};
use crate::vault::Item;

/// A mail to be written.
pub(super) struct Letter {
    /// The language.
    pub language: Language,
    /// The subject.
    pub subject: String,
    /// The text: paragraphs with an empty line between them.
    pub text: String,
}

/// A code for a mailbox.
pub(super) fn code(desk: &Desk, school: &School, language: Language, code: &str) -> Letter {
    let texts = desk.0.gate.texts();
    let values = [("code", code), ("school", school.name.as_str())];
    Letter {
        language,
        subject: texts.fill(language, "letter_code_subject", &values),
        text: texts.fill(language, "letter_code", &values),
    }
}

/// Any other mail, by the name of its texts.
pub(super) fn letter(desk: &Desk, language: Language, name: &str, values: &[(&str, &str)]) -> Letter {
    let texts = desk.0.gate.texts();
    Letter {
        language,
        subject: texts.fill(language, &format!("letter_{name}_subject"), values),
        text: texts.fill(language, &format!("letter_{name}"), values),
    }
}

/// Writes a mail and puts it in the vault; it is owed with whatever it is about.
pub(super) async fn owe(
    desk: &Desk,
    school: &School,
    letter: Letter,
    readers: &[String],
) -> Result<(Item, NewOwed), Fault> {
    let own = desk.0.url.page("/");
    let raw = write(school, &letter, (readers, &own), desk.now()).ok_or(Fault::TROUBLE)?;
    let item = desk.0.vault.put(Arc::new(raw)).await?;
    let to = |address: &String| To { address: address.clone(), parameters: String::new(), place: None };
    let envelope = Envelope {
        smtputf8: readers.iter().any(|reader| !reader.is_ascii()),
        recipients: readers.iter().map(to).collect(),
        ..Envelope::default()
    };
    let (now, kind) = (desk.now(), Kind::Message);
    let owed =
        NewOwed { kind, item: item.id.clone(), envelope, due_at: now, give_up_at: now.saturating_add(desk.0.give_up) };
    Ok((item, owed))
}

fn write(school: &School, letter: &Letter, (readers, own): (&[String], &str), now: i64) -> Option<Vec<u8>> {
    let id: String = seal::random::<12>().ok()?.iter().map(|octet| format!("{octet:02x}")).collect();
    let from = Named::new(Some(format!("Mailpoort {}", line(&school.name))), address(&school.gate_address)?);
    let date = Timestamp::from_millisecond(now).ok()?;
    let mut message = lettre::Message::builder()
        .from(from)
        .subject(line(&letter.subject))
        .date(std::time::SystemTime::from(date))
        .message_id(Some(format!("<mailpoort.{id}@{}>", school.gate_address.domain())))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    for reader in readers.iter().filter_map(|reader| address(&Mailbox::parse(reader).ok()?)) {
        message = message.to(Named::new(None, reader));
    }
    let body = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_mailpoort_{id}"))
        .singlepart(SinglePart::plain(format!("{}\n", letter.text)))
        .singlepart(SinglePart::html(html(letter, own)));
    Some(message.multipart(body).ok()?.formatted())
}

/// The text in HTML: paragraphs, with their line breaks. What leads to pages of our own (`own` is where they begin) can be
/// pressed, and nothing else: reasons and questions are typed by people.
fn html(letter: &Letter, own: &str) -> String {
    let word = |word: &str| match word.starts_with(own)
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b":/.-".contains(&b))
    {
        true => format!("<a href=\"{word}\">{word}</a>"),
        false => escaped(word),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    let paragraph = |text: &str| format!("<p>{}</p>\n", text.lines().map(line).collect::<Vec<_>>().join("<br>\n"));
    let body: String = letter.text.split("\n\n").map(|text| paragraph(text.trim())).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family: Calibri, Arial, sans-serif; font-size: 11pt; line-height: 1.4; max-width: 42em; overflow-wrap: break-word\">\n\
         {body}</body>\n</html>\n",
        letter.language.word(),
        escaped(&letter.subject),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn address(mailbox: &Mailbox) -> Option<lettre::Address> {
    let ascii = mailbox.local_part().is_ascii();
    lettre::Address::new(mailbox.local_part(), mailbox.domain()).ok().filter(|_| ascii)
}

/// One line, of printable characters, not too long.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn html_says_the_same_and_escapes_it() {
        let letter = Letter {
            language: Language::Nl,
            subject: "a<b".into(),
            text:
                "Een <script>\nregel & \"twee\"\n\nslot\nhttps://poort.delinde.example/m/abc\nhttps://elders.example/"
                    .into(),
        };
        let html = html(&letter, "https://poort.delinde.example/");
        assert!(html.contains("<p>Een &lt;script&gt;<br>\nregel &amp; &quot;twee&quot;</p>\n<p>slot<br>\n"), "{html}");
        let link = "<a href=\"https://poort.delinde.example/m/abc\">https://poort.delinde.example/m/abc</a>";
        assert!(html.contains(&format!("{link}<br>\nhttps://elders.example/</p>")), "{html}");
        assert!(html.contains("<title>a&lt;b</title>") && html.contains("lang=\"nl\""));
    }
}
