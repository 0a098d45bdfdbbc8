//! A secure share from mail to withdrawal, as people meet it: in through the real SMTP port, and from the link in the mail
//! on in a real browser with scripts off. Dutch on a phone, English on a desk.
//!
//! Pages that have a script are checked by axe-core (those without, in the tests of portal and desk), and with
//! `MAILPOORT_PICTURES` (a folder) each is drawn there. Without Chromium on this machine nothing is tried, and that is said;
//! `make test` installs it.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

#[path = "support/chrome.rs"]
mod chrome;
#[path = "share_flow/passkey.rs"]
mod passkey;
mod support;

use std::path::Path;
use std::time::Duration;

use chrome::Chrome;
use support::client::Client;
use support::gate::Gate;
use support::sink::Sink;
use support::{address, until};

const JUF: &str = "s.devries@delinde.example";
const MOTHER: &str = "p.jansen@voorbeeld.example";
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn from_the_mail_to_the_withdrawal_on_a_phone_in_dutch() {
    flow(
        190,
        (390, "nl"),
        &Words {
            welcome: "een bericht voor u klaargezet",
            wrong: "klopt niet",
            read: "U kunt dit bericht lezen tot en met",
            sent: "Uw antwoord is verstuurd",
            gone: "werkt niet",
        },
    );
}

#[test]
fn from_the_mail_to_the_withdrawal_on_a_desk_in_english() {
    flow(
        200,
        (1280, "en"),
        &Words {
            welcome: "has put a message here for you",
            wrong: "not right",
            read: "You can read this message until",
            sent: "Your reply was sent",
            gone: "does not work",
        },
    );
}

/// To some it goes as it is, to others as a share: a client that missed our reply sends the same again.
#[test]
fn nobody_gets_a_mail_twice_that_is_shared_with_others() {
    let (folder, at) = (tempfile::tempdir().unwrap(), |n: u8| format!("{}:2525", address(220 + n)));
    let (sink, web) = (Sink::listen(&at(2)), format!("{}:8026", address(223)));
    let gate =
        Gate::start(folder.path(), &config(folder.path(), (&at(1), &at(2), &web), (&format!("http://{web}"), "")));
    let mut client = Client::connect(&address(220), &at(1));
    let number = |reply: &str| reply.rsplit_once("(id ").unwrap_or_else(|| panic!("{reply}")).1.to_owned();
    let first = client.send(JUF, &[MOTHER, "bert@delinde.example"], &mail());
    let again = client.send(JUF, &[MOTHER, "bert@delinde.example"], &mail());
    assert_eq!(number(&first), number(&again));
    // With somebody more, it is for that one.
    let more = client.send(JUF, &[MOTHER, "bert@delinde.example", "carla@delinde.example"], &mail());
    assert_ne!(number(&first), number(&more));
    heard(&sink, "carla@", "Het verslag.");
    heard(&sink, JUF, "code ");
    heard(&sink, MOTHER, "/b/");
    gate.stop();
    let got = |who: &str| sink.kept().iter().filter(|(to, _)| to.iter().any(|one| one.contains(who))).count();
    assert_eq!([MOTHER, "bert@", "carla@", JUF].map(got), [1, 1, 1, 1]);
}

/// A large mail for a colleague too, and a letter that cannot be written: nothing of it stays.
#[test]
fn what_cannot_be_shared_leaves_no_file() {
    let (folder, at) = (tempfile::tempdir().unwrap(), |n: u8| format!("{}:2525", address(226 + n)));
    let (_sink, web) = (Sink::listen(&at(2)), format!("{}:8026", address(229)));
    let gate =
        Gate::start(folder.path(), &config(folder.path(), (&at(1), &at(2), &web), (&format!("http://{web}"), "")));
    let large = [mail(), b"Nog een regel over het uitje.\r\n".repeat(20_000)].concat();
    let bad = String::from_utf8(large.clone()).unwrap().replacen(&format!("<{JUF}>"), "<j\u{fc}f@delinde.example>", 1);
    let mut client = Client::connect(&address(226), &at(1));
    let reply = client.send(JUF, &[MOTHER, "bert@delinde.example"], bad.as_bytes());
    assert!(reply.starts_with("451"), "{reply}");
    let files = || [files(&folder.path().join("data/vault")), files(&folder.path().join("data/shares"))].concat();
    until(|| format!("end of {:?}", files()), PATIENCE, || files().is_empty().then_some(()));
    // The same with an address that can be written is shared, with files.
    assert!(client.send(JUF, &[MOTHER, "bert@delinde.example"], &large).starts_with("250"));
    assert!(!files().is_empty());
    gate.stop();
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let inside = |path: std::path::PathBuf| match path.is_dir() {
        true => files(&path),
        // Whose files these are.
        false if path.file_name().is_some_and(|name| name == "owner") => Vec::new(),
        false => vec![path.display().to_string()],
    };
    entries.flat_map(inside).collect()
}

/// What a page says, in its language.
struct Words {
    welcome: &'static str,
    wrong: &'static str,
    read: &'static str,
    sent: &'static str,
    gone: &'static str,
}

fn flow(host: u8, (width, language): (u32, &str), words: &Words) {
    let Some(mut parent) = Chrome::start(width, language) else {
        eprintln!("no chromium on this machine: the flow is not tried");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |n: u8| format!("{}:2525", address(host + n));
    let web = format!("{}:8026", address(host + 3));
    let sink = Sink::listen(&at(2));
    let _gate =
        Gate::start(folder.path(), &config(folder.path(), (&at(1), &at(2), &web), (&format!("http://{web}"), "")));
    let reply = Client::connect(&address(host), &at(1)).send(JUF, &[MOTHER], &mail());
    assert!(reply.starts_with("250"), "{reply}");
    // The parent, from the mail on.
    let notification = heard(&sink, MOTHER, "/b/");
    let receipt = heard(&sink, JUF, "code ");
    let code: String = receipt.split(&format!("{MOTHER}: code ")).nth(1).unwrap().chars().take(14).collect();
    let mut steps = Steps { name: format!("{language}-{width}"), number: 0 };
    parent.open(&link(&notification, &format!("http://{web}/b/")));
    steps.see(&mut parent, words.welcome);
    parent.press("main form button");
    parent.fill("#code", "0000 0000 0000");
    parent.press("main form button");
    steps.see(&mut parent, words.wrong);
    parent.fill("#code", &code);
    parent.press("main form button");
    steps.see(&mut parent, words.read);
    assert_eq!(parent.the("h1", "innerText"), "Het gesprek over Noor");
    let letter = parent.the("iframe", "src");
    let message = parent.the("a[href$='/antwoord']", "href").replace("/antwoord", "");
    parent.take("a[href$='.zip']");
    let zip = until(|| "zip", PATIENCE, || downloaded(parent.folder.path()));
    assert!(zip.starts_with(b"PK") && zip.windows(11).any(|window| window == b"verslag.txt"));
    parent.open(&letter);
    steps.see(&mut parent, "extra begeleiding");
    parent.open(&format!("{message}/antwoord"));
    steps.see(&mut parent, "Sanne de Vries");
    parent.fill("textarea", "Dank u wel. Wij komen dinsdag graag.");
    let photo = parent.folder.path().join("foto.jpg");
    std::fs::write(&photo, [&b"\xff\xd8\xff\xe0\x00\x10JFIF"[..], &[7; 900]].concat()).unwrap();
    parent.choose("input[type=file]", &photo);
    parent.press("form.act button.wide");
    steps.see(&mut parent, words.sent);
    let answer = heard(&sink, JUF, "Wij komen dinsdag graag.");
    assert!(answer.contains("foto.jpg") && answer.contains("veilig bericht"), "{answer}");
    // What the teacher answers from his own mailbox goes the same way, whatever is in it.
    let id = answer.split("Message-ID: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let subject = answer.split("Subject: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mail = format!(
        "From: Sanne de Vries <{JUF}>\r\nTo: <{MOTHER}>\r\nSubject: Re: {subject}\r\nMessage-ID: \
         <2@werkplek.delinde.example>\r\nIn-Reply-To: {id}\r\n\r\nTot dinsdag om vier uur.\r\n"
    );
    assert!(Client::connect(&address(host), &at(1)).send(JUF, &[MOTHER], mail.as_bytes()).starts_with("250"));
    let thread = heard(&sink, MOTHER, id);
    assert!(thread.contains("/b/") && !thread.contains("vier uur"), "{thread}");
    assert!(heard(&sink, JUF, "Je antwoordt daarmee op een veilig bericht").contains("code "));
    // The teacher takes it back.
    let mut teacher = Chrome::start(width, "nl").unwrap();
    let mut desk = Steps { name: format!("desk-{language}-{width}"), number: 0 };
    teacher.open(&link(&receipt, &format!("http://{web}/kopie/")));
    teacher.press("main form button");
    let letter = heard(&sink, JUF, "Je code is ");
    let code: String = letter.split("Je code is ").nth(1).unwrap().chars().take(6).collect();
    teacher.fill("#code", &code);
    teacher.press("main form button");
    teacher.press("a[href^='/shares/']");
    desk.see(&mut teacher, "heeft geantwoord");
    teacher.press("a.grave");
    teacher.press("main form button");
    desk.see(&mut teacher, "Ingetrokken.");
    // At the parent's next click.
    parent.open(&message);
    assert_ne!(parent.the("h1", "innerText"), "Het gesprek over Noor");
    parent.open(&link(&notification, &format!("http://{web}/b/")));
    steps.see(&mut parent, words.gone);
}

/// Pages that are looked at.
struct Steps {
    name: String,
    number: usize,
}

impl Steps {
    /// The page says so, and does not run off the side.
    fn see(&mut self, chrome: &mut Chrome, says: &str) {
        let text = chrome.text();
        assert!(text.contains(says), "{} does not say {says:?}:\n{text}", self.name);
        assert_eq!(chrome.sideways(), "0", "{} runs off the side:\n{text}", self.name);
        assert_eq!(chrome.axe(), "", "{} {says}", self.name);
        self.number += 1;
        if let Ok(folder) = std::env::var("MAILPOORT_PICTURES") {
            chrome.draw(&Path::new(&folder).join(format!("{}-{}.png", self.name, self.number)));
        }
    }
}

/// The mail to somebody that holds this, without the soft line ends of quoted-printable.
fn heard(sink: &Sink, reader: &str, says: &str) -> String {
    let look = || {
        let plain = |raw: &[u8]| String::from_utf8_lossy(raw).replace("=\r\n", "").replace("=3D", "=");
        let to = |to: &[String]| to.iter().any(|line| line.contains(reader));
        sink.kept().iter().filter(|(line, _)| to(line)).map(|(_, raw)| plain(raw)).find(|mail| mail.contains(says))
    };
    until(|| format!("mail to {reader} with {says:?}"), PATIENCE, look)
}

fn link(mail: &str, before: &str) -> String {
    let rest = mail.split(before).nth(1).unwrap();
    let path: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
    format!("{before}{path}")
}

fn downloaded(folder: &Path) -> Option<Vec<u8>> {
    let mut files = std::fs::read_dir(folder.join("downloads")).unwrap().map(|entry| entry.unwrap().path());
    let done = files.find(|file| file.extension().is_some_and(|extension| extension == "zip"))?;
    std::fs::read(done).ok().filter(|octets| octets.windows(4).any(|window| window == b"PK\x05\x06"))
}

fn config(folder: &Path, (gate, sink, web): (&str, &str, &str), (url, more): (&str, &str)) -> String {
    format!(
        "hostname = \"poort.delinde.example\"\nmode = \"observe\"\ndata_dir = \"{}\"\n\n\
         [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
         privacy = {{ name = \"Ilse Bakker\", role = \"privacycoördinator\", phone = \"040-555 01 23\" }}\n\
         helpdesk = {{ name = \"de helpdesk\", role = \"helpdesk\", phone = \"040-555 01 00\" }}\n\n\
         [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
         [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n\n\
         [web]\nlisten = \"{web}\"\nurl = \"{url}\"\n{more}\n\
         [share]\nurl = \"{url}\"\n\n[storage]\ncountry = \"NL\"\n",
        folder.join("data").display(),
    )
}

fn mail() -> Vec<u8> {
    let text = format!(
        "From: Sanne de Vries <{JUF}>\nTo: <{MOTHER}>\nSubject: [veilig] Het gesprek over Noor\n\
         Message-ID: <1@werkplek.delinde.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n\
         --a\nContent-Type: text/html; charset=utf-8\n\n<p>Beste mevrouw Jansen,</p><p>Noor krijgt vanaf maandag extra \
         begeleiding.</p><script>document.body.innerText = ''</script>\n--a\nContent-Type: text/plain; name=verslag.txt\n\
         Content-Disposition: attachment; filename=verslag.txt\n\nHet verslag.\n--a--\n"
    );
    text.replace('\n', "\r\n").into_bytes()
}
