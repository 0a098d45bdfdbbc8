//! What we sign holds for somebody else: Debian's python3-dkim, which shares no line with us.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use mailpoort::dkim::Signer;

/// Verifies the message on its standard input with the TXT record of its argument; the name that is asked for must be the
/// other.
const VERIFIER: &str = "
import dkim, sys
record, name = sys.argv[1].encode(), sys.argv[2].encode()
found = lambda asked, timeout=5: record if asked.rstrip(b'.') == name else None
print(dkim.verify(sys.stdin.buffer.read(), dnsfunc=found))
";

fn holds(raw: &[u8], signer: &Signer) -> bool {
    let mut verifier = Command::new("/usr/bin/python3")
        .args(["-c", VERIFIER, &signer.record(), &signer.name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    verifier.stdin.take().unwrap().write_all(raw).unwrap();
    let said = verifier.wait_with_output().unwrap();
    assert!(said.status.success(), "python3-dkim is not on this machine; `make test` installs it");
    String::from_utf8_lossy(&said.stdout).trim() == "True"
}

fn keys(folder: &Path) -> [Signer; 3] {
    let rsa = folder.join("rsa.pem");
    let made = Command::new("openssl").args(["genrsa", "-traditional", "-out"]).arg(&rsa).arg("2048").output().unwrap();
    assert!(made.status.success());
    let pkcs8 = folder.join("rsa8.pem");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "RSA", "-out"]).arg(&pkcs8).output().unwrap();
    assert!(made.status.success());
    let edwards = folder.join("ed.pem");
    let made =
        Command::new("openssl").args(["genpkey", "-algorithm", "ED25519", "-out"]).arg(&edwards).output().unwrap();
    assert!(made.status.success());
    [rsa, pkcs8, edwards].map(|file| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        Signer::load("delinde.example", "poort1", &file).unwrap()
    })
}

#[test]
fn signatures_hold_for_another_and_break_with_the_mail() {
    let folder = tempfile::tempdir().unwrap();
    let mails: [&str; 4] = [
        "From: Mailpoort <mailpoort@delinde.example>\r\nTo: juf@delinde.example\r\nSubject: Niet\r\n  verstuurd:\tje  mail \r\n\
         Date: Tue, 24 Nov 2026 14:07:00 +0100\r\nMessage-ID: <a@delinde.example>\r\nAuto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\n\r\nDag  juf,\t\r\n\r\n é \r\n\r\n\r\n",
        "FROM: juf@delinde.example\r\nTo: a@x.example\r\nTo: b@x.example\r\nX-Anders: weg\r\nSubject: \r\n\r\n",
        "From: juf@delinde.example\r\n\r\ngeen regeleinde",
        "From: juf@delinde.example\r\nSubject: leeg\r\n\r\n\r\n\r\n",
    ];
    for signer in keys(folder.path()) {
        for mail in mails {
            let line = signer.sign(mail.as_bytes(), 1_700_000_000).unwrap();
            assert!(line.split("\r\n").all(|line| line.len() <= 998) && line.ends_with("\r\n"), "{line}");
            let signed = format!("Received: from here\r\n{line}{mail}");
            assert!(holds(signed.as_bytes(), &signer), "{signer:?}\n{signed}");
        }
        let signed = format!("{}{}", signer.sign(mails[0].as_bytes(), 1_700_000_000).unwrap(), mails[0]);
        for (what, bent) in [
            ("the body", signed.replace("Dag", "Doei")),
            ("the subject", signed.replace("Niet", "Wel")),
            ("a second From", signed.replace("\r\nTo:", "\r\nFrom: directie@delinde.example\r\nTo:")),
        ] {
            assert!(!holds(bent.as_bytes(), &signer), "{what} was changed, and the signature of {signer:?} holds");
        }
    }
    assert!(keys(folder.path())[0].sign(b"Subject: x\r\n\r\n", 0).is_none(), "nobody wrote it");
}

#[test]
fn what_is_no_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let small = Command::new("openssl").args(["genrsa", "1024"]).output().unwrap().stdout;
    for (octets, mode, words) in [
        (&b"no key at all"[..], 0o600, "cannot be read"),
        (&small, 0o600, "no RSA key of 2048"),
        (&small, 0o644, "everybody"),
    ] {
        std::fs::write(&file, octets).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let problem = Signer::load("delinde.example", "poort1", &file).unwrap_err().to_string();
        assert!(problem.contains(words), "{problem}");
    }
}
