//! Reads one document by itself, and shows what came of it line by line.
#![allow(dead_code)]

use mailpoort::extract::document::{self, Document};
use mailpoort::extract::{Passwords, Place, Spot, Texts};
use mailpoort::message::Limits;

/// What is read of a document.
pub fn read(name: &str, octets: &[u8]) -> Texts {
    read_with(Passwords::none(), name, octets)
}

/// What is read of a document in a mail that tells passwords.
pub fn read_with(passwords: &Passwords, name: &str, octets: &[u8]) -> Texts {
    let place = Place { spot: Spot::Attachment(name.to_string()), ..Place::default() };
    let essence = "application/octet-stream";
    document::read(&Document { octets, essence, name, place: &place, depth: 0, passwords }, &Limits::default())
}

/// A line for each text that is no name, `place: text [row.column row.column]`, and one for each unread part.
pub fn shown(name: &str, octets: &[u8]) -> Vec<String> {
    lines(&read(name, octets))
}

/// The same, of what was read.
pub fn lines(found: &Texts) -> Vec<String> {
    let texts = found.texts.iter().filter(|text| !matches!(text.place.spot, Spot::FileName(_))).map(|text| {
        let cells: Vec<String> =
            text.cells.iter().map(|c| format!("{}.{}={}", c.row, c.column, &text.text[c.range.clone()])).collect();
        let cells = if cells.is_empty() { String::new() } else { format!(" [{}]", cells.join("|")) };
        let content = text.text.replace('\n', "\\n").replace('\t', "\\t");
        format!("{}: {content}{cells}", text.place.path_and_section())
    });
    let unread = found.unread.iter().map(|unread| format!("unread {}: {}", unread.place.path(), unread.why.word()));
    texts.chain(unread).collect()
}

/// The names that are read.
pub fn names(name: &str, octets: &[u8]) -> Vec<String> {
    let texts = read(name, octets).texts;
    texts.into_iter().filter(|text| matches!(text.place.spot, Spot::FileName(_))).map(|text| text.text).collect()
}
