//! A passkey as a parent meets it: made after a code, used for the next message, in a real browser with scripts on and a
//! device that Chromium plays (CDP, WebAuthn).

use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;

const HOST: &str = "veilig.delinde.example";

struct Says {
    offer: &'static str,
    made: &'static str,
    open: &'static str,
    read: &'static str,
    failed: &'static str,
    wrong: &'static str,
    removed: &'static str,
    code: &'static str,
}

#[test]
fn a_passkey_opens_the_next_message_on_a_phone_in_dutch() {
    flow(
        210,
        (390, "nl"),
        &Says {
            offer: "vingerafdruk of pincode van dit toestel",
            made: "Uw passkey is gemaakt",
            open: "Open met passkey",
            read: "U kunt dit bericht lezen tot en met",
            failed: "Probeer het nog eens, of gebruik hieronder een code",
            wrong: "Probeer het nog eens, of gebruik een code",
            removed: "De passkey is verwijderd",
            code: "Typ de code",
        },
    );
}

#[test]
fn a_passkey_opens_the_next_message_on_a_desk_in_english() {
    flow(
        220,
        (1280, "en"),
        &Says {
            offer: "fingerprint or PIN of this device",
            made: "Your passkey is made",
            open: "Open with passkey",
            read: "You can read this message until",
            failed: "Try again, or use a code below",
            wrong: "Try again, or use a code.",
            removed: "The passkey is removed",
            code: "Type the code",
        },
    );
}

/// A gate with pages under TLS, and what a browser needs to find and trust them.
struct House {
    host: u8,
    url: String,
    sink: Sink,
    gate: String,
    options: Vec<String>,
    _gate: Gate,
    _folder: tempfile::TempDir,
}

impl House {
    fn open(host: u8) -> Self {
        use base64::Engine;
        let folder = tempfile::tempdir().unwrap();
        let at = |n: u8| format!("{}:2525", address(host + n));
        let web = format!("{}:8443", address(host + 3));
        let url = format!("https://{HOST}:8443");
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![HOST.to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.path().join("web.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("web.key"), key.serialize_pem()).unwrap();
        owner_alone(&folder.path().join("web.key"));
        let known = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(key.subject_public_key_info()));
        let options = vec![
            format!("--ignore-certificate-errors-spki-list={known}"),
            format!("--host-resolver-rules=MAP {HOST} {}", address(host + 3)),
        ];
        let sink = Sink::listen(&at(2));
        let more = "certificate = \"web.pem\"\nkey = \"web.key\"\n";
        let config = config(folder.path(), (&at(1), &at(2), &web), (&url, more));
        let gate = Gate::start(folder.path(), &config);
        Self { host, url, sink, gate: at(1), options, _gate: gate, _folder: folder }
    }

    /// A mail to the mother; what she and the teacher hear of it.
    fn share(&self, number: u32) -> (String, String) {
        let subject = format!("Het gesprek over Noor {number}");
        let mail = String::from_utf8(mail()).unwrap().replace("Het gesprek over Noor", &subject);
        let mail = mail.replace("<1@werkplek", &format!("<{number}@werkplek"));
        let reply = Client::connect(&address(self.host), &self.gate).send(JUF, &[MOTHER], mail.as_bytes());
        assert!(reply.starts_with("250"), "{reply}");
        let links = || -> Vec<String> {
            let kept = self.sink.kept();
            let to_mother = kept.iter().filter(|(line, _)| line.iter().any(|line| line.contains(MOTHER)));
            to_mother.map(|(_, raw)| plain(raw)).filter(|mail| mail.contains("/b/")).collect()
        };
        let number = usize::try_from(number).unwrap();
        let letter = until(|| "the mail with the link", PATIENCE, || links().get(number - 1).cloned());
        let receipts = || -> Vec<String> {
            let kept = self.sink.kept();
            let to_juf = kept.iter().filter(|(line, _)| line.iter().any(|line| line.contains(JUF)));
            to_juf.map(|(_, raw)| plain(raw)).filter(|mail| mail.contains("/kopie/")).collect()
        };
        (letter, until(|| "the receipt", PATIENCE, || receipts().get(number - 1).cloned()))
    }

    fn link(&self, letter: &str) -> String {
        link(letter, &format!("{}/b/", self.url))
    }
}

fn flow(host: u8, (width, language): (u32, &str), says: &Says) {
    let house = House::open(host);
    let Some(mut parent) = Chrome::start_with(width, language, &house.options) else {
        eprintln!("no chromium on this machine: the passkey is not tried");
        return;
    };
    parent.scripts(true);
    let device = parent.device();
    let mut steps = Steps { name: format!("passkey-{language}-{width}"), number: 0 };
    // By code, and then a passkey is made.
    let (letter, receipt) = house.share(1);
    let code = code_in(&receipt);
    parent.open(&house.link(&letter));
    parent.press("main form button");
    steps.see(&mut parent, says.code);
    assert!(!parent.text().contains(says.open), "nothing is offered to who has no passkey");
    parent.fill("#code", &code);
    parent.press("main form button");
    steps.see(&mut parent, says.offer);
    let message = parent.the("a[href$='/passkey']", "href").replace("/passkey", "");
    parent.press("a[href$='/passkey']");
    parent.fill("#name", "mijn telefoon");
    parent.press("form[data-passkey] button");
    steps.see(&mut parent, says.made);
    assert!(parent.text().contains("mijn telefoon"));
    // The next message: offered first, and the code is still there.
    let (letter, receipt) = house.share(2);
    assert!(letter.contains("Kies Open met passkey"), "{letter}");
    assert!(receipt.contains("opent met een passkey") && receipt.contains("code "), "{receipt}");
    let next = house.link(&letter);
    parent.open(&next);
    parent.press("main form button");
    steps.see(&mut parent, says.open);
    assert_eq!(parent.the("#code", "type"), "text");
    // A device that did not look who holds it is refused by the browser, and the page says so.
    parent.ask("WebAuthn.setUserVerified", json!({ "authenticatorId": device, "isUserVerified": false }));
    parent.run("document.querySelector('form[data-passkey] button').click()");
    until(|| "what went wrong", PATIENCE, || parent.text().contains(says.failed).then_some(()));
    steps.see(&mut parent, says.failed);
    parent.ask("WebAuthn.setUserVerified", json!({ "authenticatorId": device, "isUserVerified": true }));
    // What is sent is kept, to be sent again.
    parent.run(
        "(() => { const sent = HTMLFormElement.prototype.submit; HTMLFormElement.prototype.submit = function () { \
         window.name = JSON.stringify(Object.fromEntries(new FormData(this))); sent.call(this); }; })()",
    );
    parent.press("form[data-passkey] button");
    steps.see(&mut parent, says.read);
    // The same answer a second time.
    parent.open(&format!("{next}/code"));
    let before = parent.begin();
    parent.run(
        "(() => { const kept = JSON.parse(window.name), form = document.querySelector('form[data-passkey]'); \
         for (const name of ['challenge', 'answer']) form.elements[name].value = kept[name]; \
         HTMLFormElement.prototype.submit.call(form); })()",
    );
    parent.end(before);
    steps.see(&mut parent, says.wrong);
    // Without scripts there is no button, and the code is asked.
    parent.scripts(false);
    parent.open(&format!("{next}/code"));
    assert!(!parent.text().contains(says.open), "{}", parent.text());
    assert_eq!(parent.the("#code", "type"), "text");
    // Removed: no script is needed for that, and nothing offers it any more.
    parent.open(&format!("{message}/passkey"));
    parent.press("form[action$='/weg'] button");
    steps.see(&mut parent, says.removed);
    parent.scripts(true);
    parent.open(&format!("{next}/code"));
    steps.see(&mut parent, says.code);
    assert!(!parent.text().contains(says.open));
}

fn code_in(receipt: &str) -> String {
    receipt.split(&format!("{MOTHER}: code ")).nth(1).unwrap().chars().take(14).collect()
}

fn plain(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).replace("=\r\n", "").replace("=3D", "=")
}

fn owner_alone(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}
