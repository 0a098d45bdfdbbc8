//! Golden mails: what of each is read, where it stands, and what stays unread.
//!
//! `tests/mails/NN-name.eml` has its expectation in `NN-name.expect`: a line for each text, `place: text`
//! with line ends as `\n` and tabs as `\t`, `[n cells]` behind it where there are any; then a line for each
//! unread part, `unread place: reason`.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use mailpoort::extract::{Texts, texts};
use mailpoort::message::{Limits, Message, header, rewrite};
use proptest::prelude::*;

fn mails() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "eml"));
    found.sort();
    found
}

fn read(raw: &[u8]) -> Texts {
    let limits = Limits::default();
    texts(&Message::parse(raw, &limits), &limits, None)
}

fn shown(found: &Texts) -> String {
    let mut lines = Vec::new();
    for text in &found.texts {
        let cells = if text.cells.is_empty() { String::new() } else { format!(" [{} cells]", text.cells.len()) };
        let content = text.text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
        lines.push(format!("{}: {content}{cells}\n", text.place.path()));
    }
    for unread in &found.unread {
        lines.push(format!("unread {}: {}\n", unread.place.path(), unread.why.word()));
    }
    lines.concat()
}

#[test]
fn golden_mails() {
    let mails = mails();
    let mut wrong = Vec::new();
    for mail in &mails {
        let expected = std::fs::read_to_string(mail.with_extension("expect")).unwrap_or_default();
        let found = shown(&read(&std::fs::read(mail).unwrap()));
        if found != expected {
            wrong.push(format!("{}\nexpected:\n{expected}found:\n{found}", mail.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(mails.len(), 40, "mails run");
}

/// A change to a mail: a piece is cut, doubled, overwritten or taken from another mail.
fn mutated(first: usize, second: usize, changes: &[(u8, u16, u16, u8)]) -> Vec<u8> {
    let mails = mails();
    let mut raw = std::fs::read(&mails[first % mails.len()]).unwrap();
    let other = std::fs::read(&mails[second % mails.len()]).unwrap();
    for &(kind, at, length, byte) in changes {
        let at = usize::from(at) % (raw.len() + 1);
        let end = (at + usize::from(length) % 80).min(raw.len());
        let piece = raw[at..end].to_vec();
        let foreign = other[at.min(other.len())..end.min(other.len())].to_vec();
        match kind % 5 {
            0 => drop(raw.splice(at..end, [])),
            1 => drop(raw.splice(at..at, piece)),
            2 => drop(raw.splice(at..end, foreign)),
            3 => drop(raw.splice(at..end, [byte])),
            _ => drop(raw.splice(at..at, [b'\r', b'\n'])),
        }
    }
    raw
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, nothing panics and every range is one.
    #[test]
    fn broken_mails_keep_valid_ranges(
        first in any::<usize>(),
        second in any::<usize>(),
        changes in prop::collection::vec((any::<u8>(), any::<u16>(), any::<u16>(), any::<u8>()), 1..6),
    ) {
        let raw = mutated(first, second, &changes);
        let limits = Limits::default();
        let message = Message::parse(&raw, &limits);
        prop_assert!(!message.parts.is_empty());
        for (index, part) in message.parts.iter().enumerate() {
            prop_assert!(part.range.start <= part.body.start && part.body.start <= part.body.end);
            prop_assert!(part.body.end <= part.range.end && part.range.end <= raw.len());
            prop_assert!(part.parent.is_none_or(|parent| parent < index));
        }
        for text in texts(&message, &limits, None).texts {
            let mut last = 0;
            for cell in &text.cells {
                prop_assert!(text.text.get(cell.range.clone()).is_some());
                prop_assert!(cell.range.start >= last);
                last = cell.range.start;
            }
        }
        let kept = rewrite::without_fields(&raw, &["Subject", "Content-Type"]);
        prop_assert!(header::value_of(&kept, "subject").is_none());
        prop_assert!(kept.len() <= raw.len());
    }

    /// The same octets always give the same texts.
    #[test]
    fn reading_is_repeatable(first in any::<usize>(), changes in prop::collection::vec((any::<u8>(), any::<u16>(), any::<u16>(), any::<u8>()), 0..3)) {
        let raw = mutated(first, first, &changes);
        prop_assert_eq!(shown(&read(&raw)), shown(&read(&raw)));
    }
}

/// Mails that ask too much get an answer in linear time, and say so.
#[test]
fn hostile_mails_end_early() {
    let deep: String =
        (0..10_000).map(|n| format!("Content-Type: multipart/mixed; boundary=\"n{n}\"\r\n\r\n--n{n}\r\n")).collect();
    let boundary = "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n";
    let never = "--b\r\nContent-Type: multipart/mixed; boundary=\"nooit\"\r\n\r\nx\r\n";
    for (name, raw, stops) in [
        ("deep", deep, true),
        ("parts", format!("{boundary}{}--b--\r\n", "--b\r\n\r\nx\r\n".repeat(100_000)), true),
        ("near misses", format!("{boundary}--b\r\n\r\nx\r\n{}", "--bb\r\n".repeat(400_000)), false),
        ("never closed", format!("{boundary}{}", never.repeat(50_000)), true),
        ("header", format!("X-Vol:{}\r\n\r\nx\r\n", " x\r\n".repeat(1_000_000)), true),
        ("words", format!("Subject: {}\r\n\r\nx\r\n", "=?utf-8?q?a?=\r\n ".repeat(60_000)), false),
        ("addresses", format!("To: {}\r\n\r\nx\r\n", "a <a@b.example>,\r\n ".repeat(50_000)), false),
        ("html", format!("Content-Type: text/html\r\n\r\n{}", "<div>".repeat(500_000)), false),
        (
            "soft breaks",
            format!("Content-Transfer-Encoding: quoted-printable\r\n\r\n{}", "=\r\n".repeat(500_000)),
            false,
        ),
        ("digits", format!("\r\n{}", "1".repeat(3_000_000)), false),
        ("uuencoded", format!("\r\n\r\n{}", "begin 644 a\r\n".repeat(50_000)), false),
        ("messages", "Content-Type: message/rfc822\r\n\r\n".repeat(5_000), true),
    ] {
        let found = read(raw.as_bytes());
        let over = found.unread.iter().any(|unread| unread.why.word() == "over_limit");
        assert_eq!(over, stops, "{name}");
        assert!(found.texts.iter().map(|text| text.text.len()).sum::<usize>() <= 100_000_000, "{name}");
    }
}
