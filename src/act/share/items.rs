//! From a mail to what is shared of it: its text in both forms, each attachment, and the mail as it came.
//!
//! Parts are decoded once and handed over as they are; nobody here looks into them. What an attached message holds is not
//! taken out of it. A signed or encrypted mail is whole in its last item, the mail as it came. Cannot fail.

use std::io::Cursor;

use aws_lc_rs::digest::{Context, SHA256};

use crate::message::transfer::decode;
use crate::message::{Encoding, Message, Part, Shape, charset};
use crate::secret::Secret;
use crate::share::{ItemKind, NewItem};

/// The items of a mail, and a digest of what they hold: that of the mail as it came apart, which a provider changes for
/// each recipient.
pub(super) fn of(message: &Message<'_>) -> (Vec<NewItem>, Vec<u8>) {
    let (mut items, mut digest) = (Vec::new(), Context::new(&SHA256));
    let mut add = |kind: ItemKind, name: String, part: Option<&Part>, octets: Vec<u8>| {
        digest.update(kind.word().as_bytes());
        digest.update(&(octets.len() as u64).to_be_bytes());
        digest.update(&octets);
        let media_type = part.map_or("message/rfc822", Part::essence).to_owned();
        let content_id = part.and_then(|part| part.mime.id.clone()).map(Secret::new);
        let content = Box::new(Cursor::new(octets));
        items.push(NewItem { kind, name: Secret::new(name), media_type, content_id, content });
    };
    let mut texts = [false; 2];
    for (place, part) in message.parts.iter().enumerate() {
        if part.shape == Shape::Multipart || is_within_message(message, part) {
            continue;
        }
        let is_body = part.shape == Shape::Leaf && !part.mime.attached && part.file_name().is_none();
        // Of a second text (a mailing list's footer, Apple Mail around a picture) a file is made.
        let mut is_first = |form: usize| texts.get_mut(form).is_some_and(|seen| !std::mem::replace(seen, true));
        match part.essence() {
            "text/plain" if is_body && is_first(0) => {
                add(ItemKind::Text, String::new(), Some(part), text(message, part));
            }
            "text/html" if is_body && is_first(1) => {
                add(ItemKind::Html, String::new(), Some(part), text(message, part));
            }
            _ => add(ItemKind::Attachment, name(part, place), Some(part), octets(message, part)),
        }
    }
    let digest = digest.finish().as_ref().to_vec();
    let original = Cursor::new(message.raw().to_vec());
    items.push(NewItem {
        kind: ItemKind::Original,
        name: Secret::new("bericht.eml".to_owned()),
        media_type: "message/rfc822".to_owned(),
        content_id: None,
        content: Box::new(original),
    });
    (items, digest)
}

/// Whether a mail has a file of which an item is made.
pub(super) fn has_files(message: &Message<'_>) -> bool {
    of(message).0.iter().any(|item| item.kind == ItemKind::Attachment)
}

/// Its first texts, plain and HTML, as the items of them are made.
pub(super) fn texts(message: &Message<'_>) -> (Option<String>, Option<String>) {
    let first = |essence: &str| {
        let is_body = |part: &&Part| {
            part.shape == Shape::Leaf && !part.mime.attached && part.file_name().is_none() && part.essence() == essence
        };
        let part = message.parts.iter().find(|part| is_body(part) && !is_within_message(message, part))?;
        Some(String::from_utf8_lossy(&text(message, part)).into_owned())
    };
    (first("text/plain"), first("text/html"))
}

/// Whether a part belongs to an attached message, which is shared whole.
fn is_within_message(message: &Message<'_>, part: &Part) -> bool {
    let mut around = part.parent;
    // No message has more levels than its parts.
    for _ in 0..message.parts.len() {
        let Some(outer) = around.and_then(|outer| message.parts.get(outer)) else { return false };
        if outer.shape == Shape::Message {
            return true;
        }
        around = outer.parent;
    }
    false
}

fn octets(message: &Message<'_>, part: &Part) -> Vec<u8> {
    let encoding = part.mime.encodings.first().copied().unwrap_or(Encoding::Identity);
    decode(encoding, message.body_of(part)).into_owned()
}

fn text(message: &Message<'_>, part: &Part) -> Vec<u8> {
    let label = part.content_type().and_then(|kind| kind.parameter("charset"));
    charset::decode(&octets(message, part), label).into_owned().into_bytes()
}

/// The name that most programs show, or one that says what it is.
fn name(part: &Part, place: usize) -> String {
    if let Some(name) = part.file_name() {
        return name.to_owned();
    }
    let ending = match part.essence() {
        "message/rfc822" => "eml",
        "text/plain" => "txt",
        "text/html" => "html",
        "text/calendar" => "ics",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "application/pdf" => "pdf",
        _ => "bin",
    };
    format!("bijlage-{place}.{ending}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::message::Limits;

    async fn told(raw: &str) -> Vec<(ItemKind, String, String)> {
        let message = Message::parse(raw.as_bytes(), &Limits::default());
        let mut told = Vec::new();
        for mut item in of(&message).0 {
            let mut octets = Vec::new();
            item.content.read_to_end(&mut octets).await.unwrap();
            told.push((item.kind, item.name.expose().clone(), String::from_utf8_lossy(&octets).into_owned()));
        }
        told
    }

    #[tokio::test]
    async fn a_mail_is_its_texts_its_attachments_and_itself() {
        let raw = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n\
             --a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
             Zo=EB\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Zo</p>\r\n--b--\r\n\
             --a\r\nContent-Type: image/png\r\nContent-ID: <p1>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n\
             --a\r\nContent-Type: text/plain; name=\"lijst.csv\"\r\n\r\na;b\r\n\
             --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nbinnen\r\n--a--\r\n";
        let told = told(raw).await;
        let kinds: Vec<(ItemKind, &str)> = told.iter().map(|(kind, name, _)| (*kind, name.as_str())).collect();
        assert_eq!(
            kinds,
            [
                (ItemKind::Text, ""),
                (ItemKind::Html, ""),
                (ItemKind::Attachment, "bijlage-4.png"),
                (ItemKind::Attachment, "lijst.csv"),
                (ItemKind::Attachment, "bijlage-6.eml"),
                (ItemKind::Original, "bericht.eml"),
            ]
        );
        let contents: Vec<&str> = told.iter().map(|(.., content)| content.as_str()).collect();
        assert_eq!(contents[..4], ["Zoë", "<p>Zo</p>", "\0\u{1}\u{2}", "a;b"]);
        assert!(contents[4].starts_with("Subject: y") && contents[5] == raw);
    }

    #[test]
    fn the_digest_is_of_what_is_shared_and_not_of_the_way_it_came() {
        let digest = |raw: &str| of(&Message::parse(raw.as_bytes(), &Limits::default())).1;
        let first = digest("Received: a\r\nSubject: x\r\n\r\ntekst\r\n");
        assert_eq!(first, digest("Received: b\r\nSubject: x\r\n\r\ntekst\r\n"));
        assert_ne!(first, digest("Received: a\r\nSubject: x\r\n\r\nanders\r\n"));
    }
}
