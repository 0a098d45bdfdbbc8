//! Documents on lock, written by other programs: what is read of each with the password of its mail, and without.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/read.rs"]
mod reading;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailpoort::detect::{self, Kind, Rules};
use mailpoort::extract::{Documents, Here, Passwords, Texts, Why, begin, texts};
use mailpoort::message::{Limits, Message};
use mailpoort::reader::{Readers, Settings};
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

/// A mail with a text and files of tests/locked.
fn mail(text: &str, files: &[&str]) -> String {
    let parts: Vec<String> = files
        .iter()
        .map(|name| {
            let octets = STANDARD.encode(std::fs::read(format!("tests/locked/{name}")).unwrap());
            format!("--b\r\nContent-Type: application/octet-stream; name={name}\r\nContent-Transfer-Encoding: base64\r\n\r\n{octets}\r\n")
        })
        .collect();
    format!(
        "Subject: De lijst\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{text}\r\n{}--b--\r\n",
        parts.concat()
    )
}

fn read_mail(mail: &str, documents: &dyn Documents) -> Texts {
    let limits = Limits::default();
    texts(&Message::parse(mail.as_bytes(), &limits), &limits, Some(documents))
}

/// What is found, as kind and place.
fn found(texts: &Texts) -> Vec<(Kind, String)> {
    let findings = detect::findings(texts, &Rules::shipped().unwrap(), None);
    let sure = findings.iter().filter(|finding| finding.is_sure(0.5));
    sure.map(|finding| (finding.kind, finding.place.path())).collect()
}

#[test]
fn a_password_beside_its_file_is_a_finding_and_what_is_in_it_too() {
    let processes =
        Readers::new(Settings { program: PathBuf::from(env!("CARGO_BIN_EXE_mailpoort")), ..Settings::default() });
    let with = mail("Hierbij de lijst. Het wachtwoord is Zeehond-2014.", &["pyzipper-256.zip"]);
    let readers: [&dyn Documents; 2] = [&Here, &processes];
    for documents in readers {
        let texts = read_mail(&with, documents);
        let found = found(&texts);
        assert!(texts.unread.is_empty());
        assert!(found.contains(&(Kind::LockedWithPassword, "att:pyzipper-256.zip".into())), "{found:?}");
        assert!(found.contains(&(Kind::Bsn, "att:pyzipper-256.zip/att:lijst.csv".into())), "{found:?}");
        assert!(!format!("{texts:?}").contains("Zeehond"), "a password is told to nobody");
    }
    let without = read_mail(&mail("Hierbij de lijst. Het wachtwoord komt per sms.", &["pyzipper-256.zip"]), &Here);
    assert!(found(&without).iter().all(|(kind, _)| *kind != Kind::LockedWithPassword));
    assert_eq!(without.unread.iter().map(|unread| unread.why).collect::<Vec<_>>(), [Why::Encrypted]);
}

#[test]
fn a_password_of_an_earlier_mail_opens_it_where_that_is_remembered() {
    let mail = mail("De lijst van gisteren.", &["info-zip.zip"]);
    let limits = Limits::default();
    let read = |told: &Passwords| {
        begin(&Message::parse(mail.as_bytes(), &limits), &limits).finish(&Here, told).without_pictures()
    };
    assert!(found(&read(Passwords::none())).is_empty());
    let told = Passwords::from(PASSWORD);
    assert!(found(&read(&told)).contains(&(Kind::LockedWithPassword, "att:info-zip.zip".into())));
}

#[test]
fn a_password_in_a_document_opens_another() {
    let rtf = STANDARD.encode("{\\rtf1 Het wachtwoord is Zeehond-2014\\par}");
    let part = format!(
        "--b\r\nContent-Type: application/rtf; name=lees.rtf\r\nContent-Transfer-Encoding: base64\r\n\r\n{rtf}\r\n--b--"
    );
    let texts = read_mail(&mail("Zie de brief.", &["info-zip.zip"]).replace("--b--", &part), &Here);
    assert!(texts.unread.is_empty(), "{texts:?}");
    assert!(found(&texts).contains(&(Kind::LockedWithPassword, "att:info-zip.zip".into())));
}
