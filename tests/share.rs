//! A mail that becomes a secure share: in through the real SMTP port, its notification and its receipt out, and what link
//! and code from these open is octet by octet what was sent, until it is withdrawn.
//!
//! The binary as a process; afterwards its data folder, opened beside it. Nothing waits for the clock.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::TryStreamExt;
use mailpoort::config::Config;
use mailpoort::outbox::Outbox;
use mailpoort::share::{How, ItemKind, Look, Scope, ShareError, Shares, Unlock, Visitor};
use support::client::Client;
use support::gate::{BINARY, Gate};
use support::sink::{Kept, Sink};
use support::{address, until};

const JUF: &str = "juf.anneke@delinde.example";
const COLLEAGUE: &str = "bert@delinde.example";
const FATHER: &str = "vader@thuis.example";
const MOTHER: &str = "moeder@elders.example";
const PATIENCE: Duration = Duration::from_secs(30);
/// In the mail and its attachment, and readable nowhere on the disk.
const CANARIES: [&str; 6] =
    ["kanarie-4711", "geheimverslag", "anneke", "vader@thuis", "moeder@elders", "kanariesubject"];

#[test]
fn a_mail_becomes_a_share_and_what_it_opens_is_what_was_sent() {
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(150));
    let sink = Sink::listen(&hosts.sink);
    let gate = Gate::start(folder.path(), &hosts.config(folder.path()));
    let mut client = Client::connect(&hosts.client, &hosts.gate);
    let reply = client.send(JUF, &[COLLEAGUE, FATHER, MOTHER], &mail());
    assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    let kept = arrived(&sink, 4);
    // The client missed our reply: nobody gets it twice.
    assert!(client.send(JUF, &[FATHER, MOTHER], &mail()).starts_with("250"));
    // The colleague has it as it was sent.
    let colleague = to(&kept, COLLEAGUE);
    assert!(colleague.ends_with("Q2FuYXJ5\r\n--a--\r\n") && colleague.contains("kanarie-4711"));
    let receipt = to(&kept, JUF);
    assert!(receipt.contains("Geef nog 2 codes door"), "{receipt}");
    assert!(!receipt.contains("kanarie") && receipt.contains("vader@thuis.example: code "), "{receipt}");
    let notification = to(&kept, FATHER);
    for (header, value) in [
        ("From:", "Juf Anneke"),
        ("Reply-To:", JUF),
        ("In-Reply-To:", "<eerder@thuis.example>"),
        ("References:", "<1@werkplek.delinde.example>"),
    ] {
        let found = notification.lines().any(|line| line.starts_with(header) && line.contains(value));
        assert!(found, "{header} {value}\n{notification}");
    }
    assert!(!notification.contains("kanarie") && !notification.contains("Auto-Submitted"), "{notification}");
    let link = link(&notification);
    assert_eq!(notification.matches("https://").collect::<Vec<_>>().len(), 3, "one link, in text and HTML");
    let code = code(&receipt, FATHER);
    let log = gate.stop();
    assert_eq!(sink.kept().len(), 4);
    for canary in CANARIES.into_iter().chain([link.1.as_str(), code.as_str()]) {
        assert!(!log.contains(canary), "the log holds {canary}");
        assert_eq!(holding(folder.path(), canary), Vec::<String>::new(), "{canary} is readable on the disk");
    }
    opened(&shares(folder.path()), &link, &code, &own(&receipt));
}

#[tokio::main(flavor = "current_thread")]
async fn opened(shares: &Shares, (rid, secret): &(String, String), code: &str, own: &(String, String)) {
    assert!(matches!(shares.look(rid, secret).await.unwrap(), Look::Ready(_)));
    let visitor = Visitor::default();
    let wrong = shares.unlock(rid, secret, "1111 1111 1111", visitor.clone()).await.unwrap();
    assert!(matches!(wrong, Unlock::Wrong { left: 4 }));
    let Unlock::Open { opened, .. } = shares.unlock(rid, secret, code, visitor.clone()).await.unwrap() else {
        panic!("the code of the receipt is the right one")
    };
    assert_eq!(opened.subject.expose(), "Kanariesubject groep 5");
    let items = shares.items(&opened).await.unwrap();
    let mut contents = Vec::new();
    for item in &items {
        let body = shares.read(&opened, &item.id, None, How::Downloaded).await.unwrap();
        contents.push((item.kind, item.name.expose().clone(), body.stream.try_concat().await.unwrap()));
    }
    assert_eq!(contents[0], (ItemKind::Text, String::new(), b"Hierbij kanarie-4711.".to_vec()));
    assert_eq!(contents[1], (ItemKind::Attachment, "geheimverslag.bin".into(), b"Canary".to_vec()));
    let original = String::from_utf8(contents[2].2.clone()).unwrap();
    assert_eq!(original, String::from_utf8(mail()).unwrap().replace("[veilig] ", ""));
    let events: Vec<String> = shares.events(&opened.share).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert!(events.iter().filter(|kind| *kind == "notified").count() == 2, "{events:?}");
    let by_sender = shares.open_as_sender(&own.0, &own.1, JUF).await.unwrap();
    assert!(matches!(by_sender, Unlock::Open { .. }), "the receipt carries the sender's own link");
    shares.withdraw(&opened.share, &Scope::All, JUF).await.unwrap();
    let again = shares.read(&opened, &items[0].id, None, How::Viewed).await;
    assert!(matches!(again, Err(ShareError::Gone)));
    assert!(matches!(shares.unlock(rid, secret, code, visitor.clone()).await.unwrap(), Unlock::Nothing));
}

/// An age identity and its recipient, of the test alone.
const ESCROW: &str =
    "# created: 2026-11-22\nAGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33\n";
const ESCROW_RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

#[test]
fn the_boards_own_key_recovers_a_share_from_the_files_on_the_disk() {
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(200));
    let sink = Sink::listen(&hosts.sink);
    let key = format!("[share]\nescrow_recipient = \"{ESCROW_RECIPIENT}\"\n");
    let gate = Gate::start(folder.path(), &hosts.config(folder.path()).replace("[share]\n", &key));
    let mut client = Client::connect(&hosts.client, &hosts.gate);
    assert!(client.send(JUF, &[FATHER], &mail()).starts_with("250"));
    arrived(&sink, 2);
    let run = |arguments: &[&str]| {
        Command::new(BINARY)
            .arg("share")
            .args(arguments)
            .arg("--config")
            .arg(config_file(folder.path()))
            .output()
            .unwrap()
    };
    let listed = String::from_utf8(run(&["list", "--json"]).stdout).unwrap();
    let id = listed.split("\"share\":\"").nth(1).unwrap().split('"').next().unwrap();
    let (identity, to) = (folder.path().join("bestuur.txt"), folder.path().join("terug"));
    let recover = || {
        let named = [identity.to_str().unwrap(), to.to_str().unwrap()];
        run(&["recover", "--identity", named[0], "--to", named[1], id])
    };
    // Another board's key opens nothing, and makes no folder.
    std::fs::write(&identity, format!("{}\n", other_identity())).unwrap();
    let other = recover();
    assert!(!other.status.success() && !to.exists(), "{}", String::from_utf8_lossy(&other.stderr));
    std::fs::write(&identity, ESCROW).unwrap();
    let recovered = recover();
    assert!(recovered.status.success(), "{}", String::from_utf8_lossy(&recovered.stderr));
    let read = |name: &str| std::fs::read(to.join(name)).unwrap();
    let names: std::collections::BTreeSet<String> =
        std::fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["1-body_text", "2-geheimverslag.bin", "3-bericht.eml"]);
    assert_eq!(read("1-body_text"), b"Hierbij kanarie-4711.");
    assert_eq!(read("2-geheimverslag.bin"), b"Canary");
    assert_eq!(
        String::from_utf8(read("3-bericht.eml")).unwrap(),
        String::from_utf8(mail()).unwrap().replace("[veilig] ", "")
    );
    assert!(!recover().status.success(), "a folder that is there is not written into");
    assert!(!String::from_utf8_lossy(&recovered.stdout).contains("kanarie"));
    gate.stop();
}

fn other_identity() -> String {
    use age::secrecy::ExposeSecret;
    age::x25519::Identity::generate().to_string().expose_secret().to_owned()
}

#[test]
fn two_transactions_of_one_mail_are_one_share_with_one_code_for_each() {
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(160));
    let sink = Sink::listen(&hosts.sink);
    let gate = Gate::start(folder.path(), &hosts.config(folder.path()));
    let mut client = Client::connect(&hosts.client, &hosts.gate);
    assert!(client.send(JUF, &[FATHER], &mail()).starts_with("250"));
    assert!(client.send(JUF, &[MOTHER], &mail()).starts_with("250"));
    arrived(&sink, 4);
    gate.stop();
    let config = config_file(folder.path());
    let listed = Command::new(BINARY).args(["share", "list", "--json", "--config"]).arg(config).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains("\"recipients\":2") && !listed.contains("thuis"), "{listed}");
}

#[test]
fn a_code_that_is_mailed_on_is_stopped_and_another_number_is_not() {
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(190));
    let sink = Sink::listen(&hosts.sink);
    let config = hosts.config(folder.path()).replace("mode = \"observe\"", "mode = \"enforce\"");
    let gate = Gate::start(folder.path(), &config);
    let mut client = Client::connect(&hosts.client, &hosts.gate);
    assert!(client.send(JUF, &[FATHER], &mail()).starts_with("250"));
    let code = code(&to(&arrived(&sink, 2), JUF), FATHER);
    let says = |text: &str| {
        format!("From: <{JUF}>\r\nTo: <{FATHER}>\r\nSubject: Re\r\nMessage-ID: <{}@x>\r\n\r\n{text}\r\n", text.len())
            .into_bytes()
    };
    let other = says("Hierbij het ordernummer van de boeken: 4821 7730 5519 en 482177305519.");
    assert!(client.send(JUF, &[FATHER], &other).starts_with("250"));
    assert!(to(&arrived(&sink, 3)[2..], FATHER).contains("ordernummer"), "it went as it was");
    client.send(JUF, &[FATHER], &says(&format!("Dag, u heeft nog nodig: {code}. Groet, Anneke")));
    let notice = to(&arrived(&sink, 4)[3..], JUF);
    assert!(notice.contains("code van een veilig bericht") && notice.contains("mail hem nooit"), "{notice}");
    assert!(!notice.contains(&code), "{notice}");
    // So it is when the code was used and is shown to nobody any more, and so is the receipt with its link.
    let tables = rusqlite::Connection::open(folder.path().join("data/mailpoort.db")).unwrap();
    assert!(tables.execute("UPDATE share_recipient SET code = NULL", []).unwrap() > 0);
    drop(tables);
    let log = gate.stop();
    assert!(!log.contains(&code));
    let gate = Gate::start(folder.path(), &config);
    let mut client = Client::connect(&hosts.client, &hosts.gate);
    let own = own(&to(&arrived(&sink, 2), JUF));
    let before = sink.kept().len();
    client.send(JUF, &[FATHER], &says(&format!("Goedemiddag, nog een keer de code, voor de zekerheid: {code}.")));
    assert!(to(&arrived(&sink, before + 1)[before..], JUF).contains("code van een veilig bericht"));
    let link = format!("Hier kun je meelezen: https://poort.delinde.example/kopie/{}/{}", own.0, own.1);
    client.send(JUF, &[FATHER], &says(&link));
    let notice = to(&arrived(&sink, before + 2)[before + 1..], JUF);
    assert!(notice.contains("code van een veilig bericht") && !notice.contains(&own.1), "{notice}");
    gate.stop();
}

#[test]
fn what_cannot_be_kept_stays_with_the_client_and_leaves_nothing() {
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(170));
    let _sink = Sink::listen(&hosts.sink);
    let gate = Gate::start(folder.path(), &hosts.config(folder.path()));
    let shares = folder.path().join("data/shares");
    // Where the files should be there is none: as on a disk that is gone.
    std::fs::remove_dir_all(&shares).unwrap();
    std::fs::write(&shares, b"no folder").unwrap();
    let mut client = Client::connect(&hosts.client, &hosts.gate);
    let reply = client.send(JUF, &[COLLEAGUE, FATHER], &mail());
    assert!(reply.starts_with("451"), "{reply}");
    std::fs::remove_file(&shares).unwrap();
    std::fs::create_dir(&shares).unwrap();
    assert!(client.send(JUF, &[COLLEAGUE, FATHER], &mail()).starts_with("250"), "and all resumes by itself");
    gate.kill();
}

#[test]
fn a_share_is_made_opened_and_withdrawn_by_the_self_test() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(config_file(folder.path()), Hosts::new(180).config(folder.path())).unwrap();
    let config = config_file(folder.path());
    let tested = Command::new(BINARY).args(["share", "selftest", "--config"]).arg(config).output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
    assert_eq!(std::fs::read_dir(folder.path().join("data")).unwrap().count(), 0, "nothing of it is left");
}

/// Where everybody is.
struct Hosts {
    client: String,
    gate: String,
    sink: String,
    web: String,
}

impl Hosts {
    fn new(host: u8) -> Self {
        let at = |n: u8| format!("{}:2525", address(host + n));
        Self { client: address(host), gate: at(1), sink: at(2), web: format!("{}:8026", address(host + 3)) }
    }

    fn config(&self, folder: &Path) -> String {
        format!(
            "hostname = \"poort.delinde.example\"\nmode = \"observe\"\ndata_dir = \"{}\"\n\n\
             [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
             privacy = {{ name = \"Ilse Bakker\", role = \"privacycoördinator\", phone = \"040-555 01 23\" }}\n\
             helpdesk = {{ name = \"de helpdesk\", role = \"helpdesk\", phone = \"040-555 01 00\" }}\n\n\
             [smtp]\nlisten = [\"{}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
             [[next_hop]]\nname = \"provider\"\nhosts = [\"{}\"]\ntls = \"off\"\n\n\
             [web]\nlisten = \"{}\"\nurl = \"https://poort.delinde.example\"\n\n\
             [share]\nurl = \"https://veilig.delinde.example\"\n\n[storage]\ncountry = \"NL\"\n",
            folder.join("data").display(),
            self.gate,
            self.sink,
            self.web,
        )
    }
}

fn config_file(folder: &Path) -> std::path::PathBuf {
    folder.join("mailpoort.toml")
}

fn shares(folder: &Path) -> Shares {
    let config = Config::load(&config_file(folder)).unwrap();
    let data = folder.join("data");
    Shares::open(&data, Outbox::beside(&data).unwrap(), config.share.unwrap().settings).unwrap()
}

fn mail() -> Vec<u8> {
    format!(
        "From: Juf Anneke <{JUF}>\r\nTo: <{FATHER}>, <{MOTHER}>, <{COLLEAGUE}>\r\n\
         Subject: [veilig] Kanariesubject groep 5\r\nMessage-ID: <1@werkplek.delinde.example>\r\n\
         In-Reply-To: <eerder@thuis.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\n\
         Hierbij kanarie-4711.\r\n--a\r\nContent-Type: application/octet-stream; name=\"geheimverslag.bin\"\r\n\
         Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nQ2FuYXJ5\r\n--a--\r\n"
    )
    .into_bytes()
}

fn arrived(sink: &Sink, mails: usize) -> Vec<Kept> {
    let enough = || Some(sink.kept()).filter(|kept| kept.len() >= mails);
    until(|| format!("{mails} mails, not {}", sink.kept().len()), PATIENCE, enough)
}

/// The mail to a reader, without the soft line ends of quoted-printable.
fn to(kept: &[Kept], reader: &str) -> String {
    let (_, raw) = kept.iter().find(|(to, _)| to.len() == 1 && to[0].contains(reader)).unwrap();
    String::from_utf8_lossy(raw).replace("=\r\n", "").replace("=3D", "=")
}

/// Both halves of the link in a notification.
fn link(notification: &str) -> (String, String) {
    halves(notification, "https://veilig.delinde.example/b/")
}

/// Both halves of the sender's own link.
fn own(receipt: &str) -> (String, String) {
    halves(receipt, "https://poort.delinde.example/kopie/")
}

fn halves(mail: &str, before: &str) -> (String, String) {
    let link = mail.split(before).nth(1).unwrap();
    let (rid, rest) = link.split_once('/').unwrap();
    (rid.to_owned(), rest.chars().take_while(char::is_ascii_alphanumeric).collect())
}

/// The code that the receipt has for somebody.
fn code(receipt: &str, reader: &str) -> String {
    let rest = receipt.split(&format!("{reader}: code ")).nth(1).unwrap();
    rest.chars().take(14).collect()
}

/// The files below a folder that hold a text, but for what the test itself wrote.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut holding = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            holding.extend(self::holding(&entry, text));
        } else if entry.file_name().is_some_and(|name| name != "mailpoort.toml") {
            let octets = std::fs::read(&entry).unwrap();
            if octets.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes())) {
                holding.push(entry.display().to_string());
            }
        }
    }
    holding
}
