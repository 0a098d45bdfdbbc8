//! Documents on lock, written by other programs: what is read of each with the password of its mail, and without.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/read.rs"]
mod reading;
use mailpoort::extract::{Passwords, Why};
use reading::{lines, read_with};

const PASSWORD: &str = "Zeehond-2014";

/// The files of tests/locked, and a line that is read of each.
const FILES: &[(&str, &str)] = &[
    ("info-zip.zip", "att:info-zip.zip/att:lijst.csv: naam;bsn\\nKim Vos;123456782\\n"),
    ("info-zip-streamed.zip", "att:info-zip-streamed.zip/att:-: naam;bsn\\nKim Vos;123456782\\n"),
    ("pyzipper-128.zip", "att:pyzipper-128.zip/att:lijst.csv: naam;bsn\\nKim Vos;123456782\\n"),
    ("pyzipper-256.zip", "att:pyzipper-256.zip/att:lijst.csv: naam;bsn\\nKim Vos;123456782\\n"),
    ("py7zr.7z", "att:py7zr.7z/att:lijst.csv: naam;bsn\\nKim Vos;123456782\\n"),
    ("py7zr-list.7z", "att:py7zr-list.7z/att:lijst.csv: naam;bsn\\nKim Vos;123456782\\n"),
    ("qpdf-40.pdf", "att:qpdf-40.pdf, page 1: Kim Vos 123456782"),
    ("qpdf-128.pdf", "att:qpdf-128.pdf, page 1: Kim Vos 123456782"),
    ("qpdf-256.pdf", "att:qpdf-256.pdf, page 1: Kim Vos 123456782"),
    ("agile.docx", "att:agile.docx: Kim Vos 123456782\\n"),
    ("standard.docx", "att:standard.docx: Kim Vos 123456782\\n"),
    ("aes.odt", "att:aes.odt: Kim Vos 123456782\\n"),
];

#[test]
fn a_password_of_the_mail_opens_them() {
    let passwords = Passwords::from("iets anders").and(&Passwords::from(PASSWORD));
    let mut wrong = Vec::new();
    for (name, line) in FILES {
        let octets = std::fs::read(format!("tests/locked/{name}")).unwrap();
        let found = read_with(&passwords, name, &octets);
        let shown = lines(&found);
        let receipt = found.receipts.last().unwrap();
        let inside = found.receipts.iter().filter(|receipt| receipt.opened.is_some()).count();
        // Cells that a line ends in are no matter here.
        if !shown.iter().any(|shown| shown.starts_with(line))
            || !found.unread.is_empty()
            || receipt.opened != Some(1)
            || inside != 1
        {
            wrong.push(format!("{name} {shown:?} {receipt:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn another_password_or_none_leaves_them_locked() {
    for (name, _) in FILES {
        let octets = std::fs::read(format!("tests/locked/{name}")).unwrap();
        for passwords in [Passwords::from("Zeehond-2015"), Passwords::default()] {
            let found = read_with(&passwords, name, &octets);
            assert!(found.unread.iter().any(|unread| unread.why == Why::Encrypted), "{name} {:?}", lines(&found));
            assert!(found.receipts.iter().all(|receipt| receipt.opened.is_none()), "{name}");
            assert!(!lines(&found).concat().contains("123456782"), "{name}");
        }
    }
}
