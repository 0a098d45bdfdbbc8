//! Canaries: values that only a mail, a roster or a secret holds are planted on every path through the program, and
//! none of them may sing in a log, the journal, what `--check` says, or any file of the data folder.
//!
//! The program runs as it is, with every log line switched on. Two exits are meant and not looked at: `scan --json`, and
//! the sender's own notice.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use inside::client::Client;
use inside::next_hop::NextHop;
use inside::poort::{self, PASSWORD, Setup};
use inside::soon;
use mailpoort::seal::SealKey;
use mailpoort::store::Store;
use mailpoort::store::journal::find::Which;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What must never be seen, each as it could be spelled.
const PLANTED: &[&str] = &[
    // A BSN, in the mail, with dots, and in base64 at each of the three offsets.
    "123456782",
    "1234.56.782",
    "1234 56 782",
    "MTIzNDU2Nzgy",
    "EyMzQ1Njc4M",
    "xMjM0NTY3OD",
    // A pupil, of the roster.
    "Kwinten",
    "Zandvlietstra",
    "kwinten.z",
    // Words of subject and body, a file name, a header field.
    "Zonnebloemplan",
    "kanariegeel",
    "epilepsie",
    "groep7-zorglijst",
    "koptekstkanarie",
    // Local parts: who gets it, and who sends it.
    "verborgen.ontvanger",
    "juf.geheimpje",
    // Secrets: the school's header, our mark, a right and a wrong password.
    "linde-geheim-1",
    "wij-waren-het",
    PASSWORD,
    "fout-wachtwoord-kanarie",
    "argon2id",
];

const SENDER: &str = "juf.geheimpje@delinde.example";
const RECIPIENT: &str = "verborgen.ontvanger@post.example";

const ROSTER: &str =
    "Roepnaam;Achternaam;Leerlingnummer;E-mail\nKwinten;Zandvlietstra;70012;kwinten.z@delinde.example\n";

#[tokio::test]
async fn no_canary_sings_in_json() {
    let heard = every_path("json", false).await;
    assert_silent(&heard);
    let lines = heard.log.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count();
    assert!(lines > 10, "the log is JSON:\n{}", heard.log);
}

#[tokio::test]
async fn no_canary_sings_in_text() {
    let heard = every_path("text", false).await;
    assert_silent(&heard);
}

#[tokio::test]
async fn no_canary_sings_where_mail_is_kept() {
    let heard = every_path("json", true).await;
    assert_silent(&heard);
}

/// What the program wrote where people and programs read it.
struct Heard {
    log: String,
    journal: String,
    checks: String,
    /// Every file of the data folder; none without one.
    kept: Option<String>,
}

fn assert_silent(heard: &Heard) {
    for (what, text) in [
        ("log", &heard.log),
        ("journal", &heard.journal),
        ("check", &heard.checks),
        ("data folder", heard.kept.as_ref().unwrap_or(&String::new())),
    ] {
        let singing = singing(text);
        assert!(singing.is_empty(), "in the {what}:\n{}", singing.join("\n"));
    }
    // It must have had reason to write: every path was gone.
    let notice = if heard.kept.is_some() { "owed mail was tried" } else { "the notice could not be handed" };
    for told in ["the scanner failed on a message", "failed twice", "reopening once", notice] {
        assert!(heard.log.contains(told), "the log says nothing of `{told}`:\n{}", heard.log);
    }
    assert_eq!(heard.log.matches("nothing was reloaded").count(), BAD.len(), "{}", heard.log);
    assert_eq!(heard.checks.matches("To do:").count().min(BAD.len()), BAD.len(), "{}", heard.checks);
    for code in ["250", "451", "550", "554"] {
        assert!(heard.journal.contains(&format!("\"code\":{code}")), "the journal has no {code}:\n{}", heard.journal);
    }
}

/// The lines in which something planted stands.
fn singing(text: &str) -> Vec<&str> {
    let planted: Vec<String> = PLANTED.iter().map(|canary| canary.to_lowercase()).collect();
    text.lines().filter(|line| planted.iter().any(|canary| line.to_lowercase().contains(canary))).collect()
}

#[test]
fn a_canary_that_sings_is_heard() {
    for canary in PLANTED {
        assert_eq!(singing(&format!("clean\nINFO mail to <{}>\n", canary.to_uppercase())).len(), 1, "{canary}");
    }
}

/// What makes a good configuration bad: a file of it, and what it then holds.
type Spoil = (&'static str, &'static str);

const BAD: &[Spoil] = &[
    ("mailpoort.toml", "hostname = \"poort.delinde.example\"\nkanariegeel epilepsie = Kwinten\n"),
    ("mark", "kort"),
    (
        "users.toml",
        "[[user]]\nname = \"kopieerapparaat\"\npassword = \"fout-wachtwoord-kanarie\"\nsenders = [\"juf.geheimpje@delinde.example\"]\n",
    ),
    ("users.toml", "[[user]]\npassword = \"fout-wachtwoord-kanarie\nname = 1\n"),
    ("roster.csv", "Kwinten;Zandvlietstra;123456782;kwinten.z@delinde.example\n"),
    ("roster.csv", "Roepnaam;E-mail\nKwinten;kwinten.z@delinde.example\n"),
    ("roster.csv", "Kwinten\0Zandvlietstra"),
    (
        "rules.toml",
        "[pack]\nid = \"x\"\ntitle = \"x\"\n[[rule]]\nid = \"x.y\"\nkind = \"care\"\ncheck = \"terms\"\nterms = [\"zorgje\"]\nhits = [\"Kwinten Zandvlietstra heeft epilepsie.\", \"123456782\", \"kanariegeel\"]\nmisses = [\"zorgje voor Kwinten\", \"Zonnebloemplan\", \"x\"]\n",
    ),
];

struct Running {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

async fn every_path(format: &str, keeps: bool) -> Heard {
    let dir = TempDir::new().unwrap();
    let hop = NextHop::start().await;
    let setup = Setup {
        top: vec![
            if keeps { "data_dir = \"kept\"".to_string() } else { String::new() },
            format!("log = {{ format = \"{format}\", level = \"debug\", journal = \"journal.log\" }}"),
            "rules = { shipped = false, packs = [\"rules.toml\"] }".to_string(),
        ],
        scan: vec!["deadline = \"1ms\"".to_string()],
        ..Setup::default()
    };
    poort::write(dir.path(), &setup, hop.address);
    let config = std::fs::read_to_string(dir.path().join("mailpoort.toml")).unwrap();
    let config = config.replacen("id = \"linde\"", "id = \"linde\"\nroster = [\"roster.csv\"]", 1);
    std::fs::write(dir.path().join("mailpoort.toml"), config).unwrap();
    std::fs::write(dir.path().join("roster.csv"), ROSTER).unwrap();
    std::fs::write(dir.path().join("rules.toml"), shipped_rules()).unwrap();

    let running = start(dir.path()).await;
    passed_blocked_and_refused(running.address, &hop).await;
    next_hop_quotes_addresses(running.address, &hop, keeps).await;
    odd_commands_and_sign_ins(running.address).await;
    scanner_runs_late(running.address).await;
    let mut checks = String::new();
    for (n, (name, text)) in BAD.iter().enumerate() {
        let file = dir.path().join(name);
        let good = std::fs::read(&file).unwrap();
        std::fs::write(&file, text).unwrap();
        checks += &check(dir.path(), name);
        signal(&running.child, Signal::HUP);
        log_has(&running.log, "nothing was reloaded", n + 1).await;
        std::fs::write(&file, good).unwrap();
    }
    checks += &check(dir.path(), "a good one");
    signal(&running.child, Signal::TERM);
    let mut child = running.child;
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert!(soon("the end of the program", status).await.unwrap().success());
    Heard {
        log: std::fs::read_to_string(&running.log).unwrap(),
        journal: std::fs::read_to_string(dir.path().join("journal.log")).unwrap(),
        checks,
        kept: if keeps { Some(kept(&dir.path().join("kept")).await) } else { None },
    }
}

/// Every octet of what is kept, and that there is something: a line of the journal for each mail.
async fn kept(folder: &Path) -> String {
    let keys = SealKey::load(&folder.join("seal.key")).unwrap();
    let store = Store::open(folder, Arc::new(keys)).unwrap();
    let verified = store.verify_journal(None).await.unwrap();
    assert!(verified.wrong.is_none() && verified.lines > 20, "{verified:?}");
    let mine = Which { person: Some(RECIPIENT.to_owned()), ..Which::default() };
    let lines = store.journal_lines(&mine, 0, 100).await.unwrap();
    assert!(lines.len() > 5 && lines.iter().all(|line| store.people_of(line).unwrap().recipients == [RECIPIENT]));
    let (mut octets, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { octets.extend(std::fs::read(path).unwrap()) }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// The shipped packs that find BSNs and names; the others only take time.
fn shipped_rules() -> String {
    std::fs::read_to_string("rules/numbers.toml").unwrap()
}

async fn start(dir: &Path) -> Running {
    let log = dir.join("stderr.log");
    let mut child = program(dir, &[]).stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        line
    });
    let line = soon("the program is ready", line).await.unwrap();
    let address = line.split("smtp=").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|a| a.parse().ok());
    let address = address.unwrap_or_else(|| panic!("{line}{}", std::fs::read_to_string(&log).unwrap()));
    Running { child, address, log }
}

fn program(dir: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailpoort"));
    command.arg("serve").arg("--config").arg(dir.join("mailpoort.toml")).args(more);
    command
}

fn check(dir: &Path, what: &str) -> String {
    let output = program(dir, &["--check"]).output().unwrap();
    assert_eq!(output.status.success(), what == "a good one", "{what}");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

async fn log_has(log: &Path, words: &str, times: usize) {
    soon(words, async {
        while std::fs::read_to_string(log).unwrap().matches(words).count() < times {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn mail(id: &str, header: &str, body: &str) -> String {
    format!(
        "From: Juf <{SENDER}>\nTo: <{RECIPIENT}>\nSubject: Zonnebloemplan voor Kwinten Zandvlietstra\n{header}X-Kop: koptekstkanarie\nMessage-ID: <{id}@delinde.example>\n{body}"
    )
}

/// A text and a list as an attachment.
fn with_list(id: &str, header: &str) -> String {
    let body = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nkanariegeel: Kwinten heeft epilepsie.\n--b\nContent-Type: text/csv; name=groep7-zorglijst.csv\nContent-Disposition: attachment; filename=groep7-zorglijst.csv\n\nNaam;BSN\nKwinten Zandvlietstra;123456782\n--b--\n";
    mail(id, header, body)
}

async fn passed_blocked_and_refused(address: SocketAddr, hop: &NextHop) {
    let mut client = Client::hello(address).await;
    let clean = mail("schoon", "", "\nkanariegeel, groep7-zorglijst\n");
    assert_eq!(client.mail(SENDER, &[RECIPIENT], &clean).await.0, 250);
    // A Message-ID may be logged, unless something was found in it.
    let (code, reply) = client.mail(SENDER, &[RECIPIENT], &with_list("123456782.kwinten.z", "")).await;
    assert!(code == 250 && reply.contains("2.7.1"), "{reply}");
    let (code, _) = client.mail(SENDER, &[RECIPIENT], &with_list("x", "Auto-Submitted: auto-replied\n")).await;
    assert_eq!(code, 550);
    let (code, _) = client.mail("", &[RECIPIENT], &with_list("y", "")).await;
    assert_eq!(code, 550);
    let looping = with_list("z", "X-Mailpoort-Mark: wij-waren-het\nX-Linde-Proof: linde-geheim-1\n");
    assert_eq!(client.mail(SENDER, &[RECIPIENT], &looping).await.0, 554);
    soon("the clean one and a notice", async {
        while hop.seen().taken().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(hop.seen().taken().len(), 2, "the clean one and a notice");
    for (n, malformed) in [
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=kanariegeel\n\nBSN 123456782 van Kwinten\n",
        "Content-Type: text/plain; charset=kanariegeel\nContent-Transfer-Encoding: epilepsie\n\nBSN: 123456782\n",
        "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Type: text/html; name=groep7-zorglijst\n\nBSN 123456782\n",
        "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nQlNOIDEyMzQ1Njc4MiA=!!Kwinten\n",
        "Zandvlietstra zonder dubbele punt\n\nBSN 123456782\n",
    ]
    .iter()
    .enumerate()
    {
        client.mail(SENDER, &[RECIPIENT], &mail(&format!("kapot-{n}"), "", malformed)).await;
    }
    client.begin(SENDER, &[RECIPIENT]).await;
    client.send(b"Subject: Zonnebloemplan\r\n\r\nBSN 123456782\nvan Kwinten\r\n.\r\n").await;
    client.expect(550).await;
}

/// A next hop quotes what it got in each of its answers, and hangs up at each moment.
async fn next_hop_quotes_addresses(address: SocketAddr, hop: &NextHop, keeps: bool) {
    let quote = format!("<{RECIPIENT}> of <{SENDER}>, Zonnebloemplan Kwinten 123456782");
    let clean = |n: &str| mail(n, "", "\nkanariegeel\n");
    for rule in [
        format!("once on RCPT say 550 5.1.1 {quote}"),
        format!("once on RCPT say 451 4.2.0 {quote}"),
        format!("once on MAIL say 554 5.7.1 {quote}"),
        format!("once on DATA say 554 5.7.1 {quote}"),
        format!("once on . say 550 5.7.1 {quote}"),
        format!("once on . say 421 4.7.1 {quote}"),
        format!("once on RCPT say {quote}"),
        format!("once on . say {quote}"),
        "once on RCPT drop".to_string(),
        "once on DATA drop".to_string(),
        "once on . drop".to_string(),
    ] {
        hop.rule(&rule);
        let mut client = Client::hello(address).await;
        client.ask(&format!("MAIL FROM:<{SENDER}>")).await;
        if client.ask(&format!("RCPT TO:<{RECIPIENT}>")).await.0 == 250 && client.ask("DATA").await.0 == 354 {
            client.content(&clean("volgende")).await;
        }
    }
    for rule in [
        format!("once on MAIL FROM:<> say 451 4.3.0 {quote}"),
        format!("once on MAIL FROM:<> say 550 5.7.1 {quote}"),
        format!("once on . say 452 4.3.0 {quote}"),
    ] {
        hop.rule(&rule);
        let mut client = Client::hello(address).await;
        let (code, reply) = client.mail(SENDER, &[RECIPIENT], &with_list(&rule[..20].replace(' ', "-"), "")).await;
        // What is kept is taken, whatever becomes of the notice.
        assert!(if keeps { code == 250 } else { code >= 400 }, "{rule}: {reply}");
    }
}

async fn odd_commands_and_sign_ins(address: SocketAddr) {
    let mut client = Client::hello(address).await;
    for line in [
        format!("VRFY {RECIPIENT}"),
        format!("EXPN {RECIPIENT}"),
        format!("KWINTEN {RECIPIENT}"),
        format!("MAIL FROM:{SENDER}"),
        format!("MAIL FROM:<{SENDER}> KWINTEN=123456782"),
        format!("MAIL FROM:<{SENDER}> SIZE=999999999999"),
        format!("RCPT TO:<@kanariegeel:{RECIPIENT}>"),
        format!("NOOP \u{7} {RECIPIENT}"),
    ] {
        client.ask(&line).await;
    }
    assert_eq!(client.ask("STARTTLS").await.0, 220);
    client.handshake().await;
    client.ask("EHLO kopieerapparaat").await;
    // kopieerapparaat and a password that is wrong.
    let wrong = "AGtvcGllZXJhcHBhcmFhdABmb3V0LXdhY2h0d29vcmQta2FuYXJpZQ==";
    assert_eq!(client.ask(&format!("AUTH PLAIN {wrong}")).await.0, 535);
    let right = "AGtvcGllZXJhcHBhcmFhdABnZWhlaW0td29vcmQtMQ==";
    assert_eq!(client.ask(&format!("AUTH PLAIN {right}")).await.0, 235);
    assert_eq!(client.ask(&format!("MAIL FROM:<{SENDER}>")).await.0, 550);
    client.ask(&format!("Subject: Zonnebloemplan {RECIPIENT}")).await;
}

async fn scanner_runs_late(address: SocketAddr) {
    let mut client = Client::hello(address).await;
    let large = with_list("laat", "") + &"kanariegeel: Kwinten Zandvlietstra, 123456782\n".repeat(2000);
    assert_eq!(client.mail(SENDER, &[RECIPIENT], &large).await.0, 451);
    assert_eq!(client.mail(SENDER, &[RECIPIENT], &large).await.0, 550);
    // A document whose reader has next to no time, whatever comes of it.
    let document = "MIME-Version: 1.0\nContent-Type: application/zip; name=groep7-zorglijst.zip\n\nPK\u{3}\u{4}Kwinten 123456782\n";
    for id in ["bijlage", "bijlage", "nog-een-bijlage"] {
        client.mail(SENDER, &[RECIPIENT], &mail(id, "", document)).await;
    }
}
