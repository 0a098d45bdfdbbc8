//! What changes nothing for who reads a mail changes nothing in what is found: wrapped, encoded, as a page, quoted,
//! without accents, with tags through its words.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailpoort::detect::{NameIndex, Rules, findings};
use mailpoort::extract::texts;
use mailpoort::message::{Limits, Message};
use mailpoort::roster::Roster;
use unicode_normalization::UnicodeNormalization;

/// Columns at which mail programs wrap.
const WIDTH: usize = 72;

struct Mail {
    kinds: BTreeSet<String>,
    body: String,
}

fn mails() -> Vec<Mail> {
    let text = include_str!("metamorphic/mails.txt");
    let text: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let mail = |mail: &str| {
        let (kinds, body) = mail.split_once('\n').unwrap();
        Mail { kinds: kinds.split(' ').map(str::to_owned).collect(), body: body.to_owned() }
    };
    text.split("===\n").map(mail).collect()
}

/// The letters and digits of a text, without accents and case.
fn plain(text: &str) -> String {
    let letters = text.nfkd().map(|letter| if letter == 'ı' { 'i' } else { letter });
    letters.filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Kinds and values that are found in a mail with these headers and this body.
fn found(headers: &str, body: &str) -> BTreeSet<(String, String)> {
    let names = ["Sanne van den Berghuizen", "Çağlar Yıldırım", "Jurre in 't Veldkamp"];
    let names = NameIndex::new(&Roster::from_names(&names));
    let raw = format!("From: els@school.example\r\nSubject: bericht\r\nMIME-Version: 1.0\r\n{headers}\r\n\r\n{body}");
    let limits = Limits::default();
    let texts = texts(&Message::parse(raw.as_bytes(), &limits), &limits, None);
    let found = findings(&texts, &Rules::shipped().unwrap(), Some(&names));
    let sure = found.iter().filter(|finding| finding.is_sure(0.5));
    sure.map(|finding| (finding.kind.word().to_owned(), plain(finding.found.expose()))).collect()
}

const TEXT: &str = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ";
const PAGE: &str = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit";

fn wrapped(body: &str) -> String {
    let wrap = |line: &str| {
        let mut lines = String::new();
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            let (gap, at) = match column {
                0 => ("", length),
                _ if column + 1 + length > WIDTH => ("\n", length),
                _ => (" ", column + 1 + length),
            };
            lines.push_str(gap);
            lines.push_str(word);
            column = at;
        }
        lines + "\n"
    };
    body.lines().map(wrap).collect()
}

fn quoted_printable(body: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for byte in body.bytes() {
        let sign = match byte {
            b'\n' => "\r\n".to_owned(),
            b' '..=b'~' if byte != b'=' => char::from(byte).to_string(),
            _ => format!("={byte:02X}"),
        };
        if column + sign.len() > WIDTH {
            lines.push_str("=\r\n");
            column = 0;
        }
        column = if byte == b'\n' { 0 } else { column + sign.len() };
        lines.push_str(&sign);
    }
    lines
}

/// A page of paragraphs, each line as `line` makes it.
fn page(body: &str, line: impl Fn(&str) -> String) -> String {
    let paragraph = |lines: &str| format!("<p>{}</p>\n", lines.lines().map(&line).collect::<Vec<_>>().join("<br>\n"));
    format!("<html><body>\n{}</body></html>\n", body.split("\n\n").map(paragraph).collect::<String>())
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&#39;").replace('ç', "&ccedil;")
}

/// A tag through the middle of every word and number of four signs or more.
fn split(line: &str) -> String {
    let word = |word: &str| {
        let signs: Vec<char> = word.chars().collect();
        let (start, end) = signs.split_at(if signs.len() < 4 { 0 } else { signs.len() / 2 });
        format!("{}<span>{}</span>", start.iter().collect::<String>(), end.iter().collect::<String>())
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_mail_holds_what_it_says() {
    let mut wrong = Vec::new();
    for mail in mails() {
        let found = found(&format!("{TEXT}8bit"), &mail.body);
        let kinds: BTreeSet<String> = found.iter().map(|(kind, _)| kind.clone()).collect();
        if kinds != mail.kinds {
            wrong.push(format!("{}found {found:?}\n", mail.body));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_changes_nothing_for_who_reads_it_changes_no_finding() {
    type Change<'c> = (&'static str, String, &'c dyn Fn(&str) -> String);
    let text = |encoding: &str| format!("{TEXT}{encoding}");
    let ascii = |body: &str| {
        let letters = body.nfkd().map(|letter| if letter == 'ı' { 'i' } else { letter });
        letters.filter(char::is_ascii).collect()
    };
    let changes: [Change<'_>; 10] = [
        ("wrapped", text("8bit"), &wrapped),
        ("base64", text("base64"), &|body| STANDARD.encode(body)),
        ("quoted-printable", text("quoted-printable"), &quoted_printable),
        ("quoted", text("8bit"), &|body| body.lines().map(|line| format!("> {line}\n")).collect()),
        ("wrapped, quoted twice", text("8bit"), &|body| {
            wrapped(body).lines().map(|line| format!(">> {line}\n")).collect()
        }),
        ("ASCII", text("8bit"), &ascii),
        ("NFD", text("8bit"), &|body| body.nfd().collect()),
        ("hard spaces", text("8bit"), &|body| body.replace(' ', "\u{a0}")),
        ("as a page", PAGE.to_owned(), &|body| page(body, escaped)),
        ("split by tags", PAGE.to_owned(), &|body| page(body, split)),
    ];
    let mut lost = Vec::new();
    for mail in mails() {
        let before = found(&text("8bit"), &mail.body);
        for (name, headers, change) in &changes {
            let after = found(headers, &change(&mail.body));
            if after != before {
                lost.push(format!("{name}:\n{}before {before:?}\nafter  {after:?}\n", mail.body));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}
