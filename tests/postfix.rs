//! Real mail servers on both sides of the gate.
//!
//! | who | plays |
//! |---|---|
//! | Debian's Postfix, `school` | the school's mail server: takes mail from a mail program, has the gate as smarthost, delivers mail to the school's own people itself |
//! | Debian's Postfix, `provider` | the next hop: takes everything and keeps it in one maildir |
//! | `tests/postfix/mail.py` | the mail program, and the DKIM signer and verifier (python3-dkim) |
//! | `tests/postfix/mails.toml`, `mails/` | what is sent: every kind of mail that a school sends in week one |
//! | the gate | our binary, mode = "enforce" |
//!
//! Every mail is accounted for by its Message-ID in three ledgers: what the school's Postfix was told, what lies in the
//! provider's maildir, and what came back to the school.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;
use support::address;
use support::client::Client;
use support::gate::Gate;
use support::postfix::Postfix;

const PATIENCE: Duration = Duration::from_secs(60);
const PYTHON: &str = "/usr/bin/python3";
const SCHOOLS_SECRET: &str = "bewijs-van-de-linde-0123456789";
const MARK: &str = "gezien-door-de-poort-0123456789";

#[test]
fn two_hundred_mails_between_two_postfixes() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs, gates) = (address(20), address(40), address(10));
    let provider = Postfix::start(&folder.path().join("provider"), &theirs, "virtual_mailbox_domains = static:all");
    let gate = Gate::start(
        folder.path(),
        &gate_config(
            &format!("[[smtp.client]]\nname = \"mailserver\"\nnetworks = [\"{ours}\"]\n"),
            &format!("name = \"provider\"\nhosts = [\"{theirs}:2525\"]\ntls = \"off\"\n"),
            "",
        ),
    );
    let school = Postfix::start(
        &folder.path().join("school"),
        &ours,
        &format!(
            "virtual_mailbox_domains = delinde.example\nrelayhost = [{gates}]:2525\nsmtp_bind_address = {ours}\n\
             transport_maps = inline:{{{{vork.example=fork:[{gates}]:2525}}}}"
        ),
    );
    let mails = mails(folder.path());
    assert_eq!(mails.len(), 200);
    send(folder.path(), &mails, &ours);
    idle(&school, &provider);

    let told = told(&school.log(), &["smtp", "fork/smtp"]);
    let arrived: Vec<Arrived> = provider.mails().iter().map(|raw| Arrived::read(raw)).collect();
    let returned: Vec<Arrived> = school.mails().iter().map(|raw| Arrived::read(raw)).collect();
    let names = ["Return-Path", "X-Original-To", "Delivered-To", "Received", "Received", "Received"];
    account(&mails, &told, &arrived, &returned, &names);
    assert_eq!(held(&mails, &arrived, folder.path()), 62, "signed mails that arrived");
    let reports = arrived.iter().filter(|mail| mail.is_success_report()).count();
    assert_eq!(reports, 5, "the DSN parameters reached the provider, which reports the delivery");
    let notices = arrived.iter().filter(|mail| mail.answers().is_some()).count();
    let passed: usize = mails.iter().filter(|mail| mail.expect == "pass").map(|mail| mail.to.len()).sum();
    assert_eq!(arrived.len(), passed + notices + reports, "mail that nobody sent");
    quiet(folder.path(), gate);
}

#[test]
fn a_provider_that_sends_everything_unmarked_back() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs, gates, shared) = (address(120), address(140), address(110), address(160));
    secret(&folder.path().join("school.secret"), SCHOOLS_SECRET);
    secret(&folder.path().join("provider.mark"), MARK);
    for (name, rule) in [
        ("prepend", format!("/^Message-ID:/ PREPEND X-Linde-Bewijs: {SCHOOLS_SECRET}\n")),
        ("marked", format!("/^X-Linde-Gezien: {MARK}$/ FILTER virtual:marked\n")),
    ] {
        std::fs::write(folder.path().join(name), rule).unwrap();
    }
    // All mail goes back to the gate, but for what carries the mark: the last FILTER wins.
    let provider = Postfix::start(
        &folder.path().join("provider"),
        &theirs,
        &format!(
            "virtual_mailbox_domains = static:all\nsmtp_bind_address = {shared}\n\
             content_filter = smtp:[{gates}]:2525\nheader_checks = regexp:{{folder}}/../marked"
        ),
    );
    let config = gate_config(
        &format!("[[smtp.client]]\nname = \"provider\"\nnetworks = [\"{shared}\"]\nshared = true\n"),
        &format!(
            "name = \"provider\"\nhosts = [\"{theirs}:2525\"]\ntls = \"off\"\n\
             mark = {{ name = \"X-Linde-Gezien\", value_file = \"provider.mark\" }}\n"
        ),
        "secret_header = { name = \"X-Linde-Bewijs\", value_file = \"school.secret\" }\n",
    );
    let gate = Gate::start(folder.path(), &config.replace(&address(10), &gates));
    let school = Postfix::start(
        &folder.path().join("school"),
        &ours,
        &format!(
            "virtual_mailbox_domains = delinde.example\nrelayhost = [{gates}]:2525\nsmtp_bind_address = {shared}\n\
             smtp_header_checks = regexp:{{folder}}/../prepend"
        ),
    );
    let kinds = ["plain", "html", "alternative", "attachments", "base64-body"].map(|kind| (kind, 10));
    let mails = chosen(folder.path(), &[&kinds[..], &[("bsn-plain", 5), ("bsn-csv", 5)]].concat());
    assert_eq!(mails.len(), 60);
    send(folder.path(), &mails, &ours);
    idle(&school, &provider);

    let told = told(&school.log(), &["smtp"]);
    let arrived: Vec<Arrived> = provider.mails().iter().map(|raw| Arrived::read(raw)).collect();
    let names = ["Return-Path", "X-Original-To", "Delivered-To", "Received", "Received", "X-Linde-Gezien", "Received"];
    account(&mails, &told, &arrived, &[], &names);
    assert_eq!(arrived.len(), 60, "50 mails and 10 notices");
    assert!(arrived.iter().all(|mail| mail.field("X-Linde-Bewijs").is_none()), "the secret header went on");
    assert_eq!(journal(folder.path()).len(), 60, "a mail passed the gate twice");
    assert!(!provider.log().contains(&format!("relay={gates}")), "the provider sent something back");

    refused_from_the_same_network(&shared, &format!("{gates}:2525"));
    // The return rule is a rule: what comes to the provider unmarked is sent to the gate, which knows no such tenant.
    let reply = Client::connect(&address(161), &format!("{theirs}:2525")).send(
        "iemand@andere.example",
        &["ouder@thuis.example"],
        b"Subject: van een ander\r\n\r\nHallo\r\n",
    );
    assert!(reply.starts_with("250"), "{reply}");
    support::until(
        || "answer of the gate to unmarked mail",
        PATIENCE,
        || provider.log().contains(&format!("relay={gates}[{gates}]:2525")).then_some(()),
    );
    idle(&school, &provider);
    let refused = provider.log().lines().filter(|line| line.contains("said: 550 5.7.1")).count();
    let bounced = provider.mails().iter().filter(|raw| Arrived::read(raw).to() == "iemand@andere.example").count();
    assert_eq!((refused, bounced, provider.mails().len()), (1, 1, 61), "the one mail goes back to its sender");
    quiet(folder.path(), gate);
}

/// Another tenant of the same provider, and a loop.
fn refused_from_the_same_network(shared: &str, gate: &str) {
    let to = &["ouder@thuis.example"][..];
    let mail = |head: &str| format!("{head}From: anneke@delinde.example\r\nSubject: hoi\r\n\r\nHallo\r\n").into_bytes();
    let mark = format!("X-Linde-Gezien: {MARK}\r\n");
    let proof = format!("X-Linde-Bewijs: {SCHOOLS_SECRET}\r\n");
    let mut client = Client::connect(shared, gate);
    for (case, from, content, code) in [
        ("a foreign MAIL FROM", "iemand@andere.example", mail(""), "550 5.7.1"),
        ("a foreign MAIL FROM with the secret", "iemand@andere.example", mail(&proof), "550 5.7.1"),
        ("<> without the secret", "", mail(""), "550 5.7.1"),
        ("our domain without the secret", "anneke@delinde.example", mail(""), "550 5.7.1"),
        ("our domain with a wrong secret", "anneke@delinde.example", mail("X-Linde-Bewijs: geheim\r\n"), "550 5.7.1"),
        ("the secret in the body", "anneke@delinde.example", [mail(""), proof.clone().into()].concat(), "550 5.7.1"),
        ("our own mark", "anneke@delinde.example", mail(&format!("{proof}{mark}")), "554 5.4.6"),
    ] {
        let reply = client.send(from, to, &content);
        assert!(reply.starts_with(code), "{case}: {reply}");
    }
}

// -- what is sent

#[derive(Deserialize)]
struct List {
    mail: Vec<Kind>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Kind {
    file: String,
    kind: String,
    count: usize,
    expect: String,
    from: String,
    to: Vec<String>,
    #[serde(default)]
    sign: bool,
    #[serde(default)]
    mail_options: Vec<String>,
    #[serde(default)]
    rcpt_options: Vec<String>,
}

/// One mail that is sent.
#[derive(Debug)]
struct Sent {
    id: String,
    file: PathBuf,
    from: String,
    to: Vec<String>,
    expect: String,
    sign: bool,
    order: serde_json::Value,
}

/// The kinds of DESIGN section 5, each at least three times, clean and with BSNs where both make sense.
const KINDS: [&str; 39] = [
    "auto-reply",
    "auto-reply with BSNs",
    "read receipt",
    "read receipt with BSNs",
    "NDR",
    "NDR with BSNs",
    "Auto-Submitted",
    "Auto-Submitted with BSNs",
    "calendar request",
    "calendar reply",
    "calendar cancel",
    "BSNs in a calendar request",
    "S/MIME signed",
    "BSNs in S/MIME signed",
    "PGP signed",
    "BSNs in PGP signed",
    "encrypted smime",
    "encrypted pgp",
    "encrypted rpmsg",
    "journal report",
    "journal report elsewhere",
    "list",
    "list with BSNs",
    "group",
    "group with BSNs",
    "forwarded srs",
    "forwarded srs with BSNs",
    "forwarded caf",
    "forwarded caf with BSNs",
    "bulk",
    "bulk with BSNs",
    "several transactions",
    "BSNs in several transactions",
    "8-bit",
    "SMTPUTF8",
    "long lines",
    "DSN",
    "attachments",
    "alternative",
];

fn mails(folder: &Path) -> Vec<Sent> {
    let kinds = kinds();
    for kind in KINDS {
        let count: usize = kinds.iter().filter(|one| one.kind == kind).map(|one| one.count).sum();
        assert!(count >= 3, "only {count} of the kind {kind:?}");
    }
    kinds.iter().flat_map(|kind| make(folder, kind, kind.count)).collect()
}

fn chosen(folder: &Path, counts: &[(&str, usize)]) -> Vec<Sent> {
    let kinds = kinds();
    let one = |name: &str| kinds.iter().find(|kind| kind.file == format!("{name}.eml")).unwrap();
    counts.iter().flat_map(|(name, count)| make(folder, one(name), *count)).collect()
}

fn kinds() -> Vec<Kind> {
    toml::from_str::<List>(&std::fs::read_to_string(data("mails.toml")).unwrap()).unwrap().mail
}

fn make(folder: &Path, kind: &Kind, count: usize) -> Vec<Sent> {
    let template = std::fs::read(data("mails").join(&kind.file)).unwrap();
    let name = kind.file.trim_end_matches(".eml");
    std::fs::create_dir_all(folder.join("out")).unwrap();
    (1..=count)
        .map(|n| {
            let id = format!("{name}.{n}@werkplek.delinde.example");
            let raw = replaced(&replaced(&template, b"{n}", n.to_string().as_bytes()), b"{id}", id.as_bytes());
            let file = folder.join("out").join(format!("{name}-{n}.eml"));
            std::fs::write(&file, replaced(&raw, b"\n", b"\r\n")).unwrap();
            let numbered =
                |options: &[String]| options.iter().map(|o| o.replace("{n}", &n.to_string())).collect::<Vec<_>>();
            let order = serde_json::json!({
                "file": file, "from": kind.from, "to": kind.to, "sign": kind.sign,
                "mail_options": numbered(&kind.mail_options), "rcpt_options": numbered(&kind.rcpt_options),
            });
            let (from, to, expect) = (kind.from.clone(), kind.to.clone(), kind.expect.clone());
            Sent { id, file, from, to, expect, sign: kind.sign, order }
        })
        .collect()
}

fn send(folder: &Path, mails: &[Sent], server: &str) {
    support::needs("openssl");
    let key = folder.join("dkim.key");
    let openssl = |arguments: &[&str]| Command::new("openssl").args(arguments).output().unwrap();
    // DKIM readers of Debian's age want the traditional form.
    openssl(&["genrsa", "-traditional", "-out", &key.display().to_string(), "1024"]);
    let public = folder.join("dkim.pub");
    openssl(&["rsa", "-in", &key.display().to_string(), "-pubout", "-out", &public.display().to_string()]);
    let list: String = mails.iter().map(|mail| format!("{}\n", mail.order)).collect();
    std::fs::write(folder.join("list"), list).unwrap();
    mail_program(&["send", server, &folder.join("list").display().to_string(), &key.display().to_string()]);
}

fn mail_program(arguments: &[&str]) -> String {
    let output = Command::new(PYTHON).arg(data("mail.py")).args(arguments).output().unwrap();
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the mail program failed; `make test` installs python3-dkim\n{trouble}");
    String::from_utf8(output.stdout).unwrap()
}

// -- what became of it

/// Both servers have nothing left to do. One look can miss a mail that moves from one folder to another.
fn idle(school: &Postfix, provider: &Postfix) {
    support::until(
        || "end of the queues",
        PATIENCE,
        || (0..3).all(|_| school.is_idle() && provider.is_idle()).then_some(()),
    );
}

/// Message-ID -> recipient -> what the school's Postfix was told in the end.
type Told = HashMap<String, BTreeMap<String, Vec<String>>>;

fn told(log: &str, transports: &[&str]) -> Told {
    let queued = Regex::new(r"postfix/cleanup\[\d+\]: (\w+): message-id=[^<]*<([^>]+)>").unwrap();
    let ended = Regex::new(r"postfix/([a-z/]+)\[\d+\]: (\w+): to=<([^>]*)>.* status=(sent|bounced) \((.*)\)$").unwrap();
    let ids: HashMap<&str, &str> =
        queued.captures_iter(log).map(|found| found.extract()).map(|(_, [queue, id])| (queue, id)).collect();
    let mut told = Told::new();
    for line in log.lines() {
        let Some((_, [transport, queue, to, status, reply])) = ended.captures(line).map(|found| found.extract()) else {
            continue;
        };
        if transports.contains(&transport) {
            let by_recipient = told.entry(ids[queue].to_string()).or_default();
            by_recipient.entry(to.to_string()).or_default().push(format!("{status} {reply}"));
        }
    }
    told
}

/// A mail in a maildir, its lines ending in LF.
struct Arrived {
    raw: Vec<u8>,
    /// Top header fields, unfolded.
    fields: Vec<(String, String)>,
}

impl Arrived {
    fn read(raw: &[u8]) -> Self {
        let head = raw.windows(2).position(|two| two == b"\n\n").map_or(raw, |end| &raw[..end + 1]);
        let head = String::from_utf8_lossy(head).replace("\n ", " ").replace("\n\t", " ");
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.trim().to_string(), value.trim().to_string())).collect();
        Self { raw: raw.to_vec(), fields }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn id(&self) -> Option<&str> {
        self.field("Message-ID").map(|id| id.trim_matches(['<', '>']))
    }

    fn to(&self) -> &str {
        self.field("X-Original-To").unwrap_or_default()
    }

    /// The Message-ID that our notice answers.
    fn answers(&self) -> Option<&str> {
        let notice = self.field("Auto-Submitted") == Some("auto-replied") && self.field("Return-Path") == Some("<>");
        let ours = self.field("Message-ID").is_some_and(|id| id.starts_with("<mailpoort."));
        self.field("In-Reply-To").filter(|_| notice && ours).map(|id| id.trim_matches(['<', '>']))
    }

    fn is_success_report(&self) -> bool {
        String::from_utf8_lossy(&self.raw).contains("\nOriginal-Envelope-Id: env-")
    }

    /// The names of the fields in front of the original.
    fn added(&self, original: &[u8]) -> Option<Vec<&str>> {
        let front = self.raw.strip_suffix(original)?;
        let count = front.split(|&b| b == b'\n').filter(|line| line.first().is_some_and(|b| !b" \t".contains(b)));
        Some(self.fields.iter().take(count.count()).map(|(name, _)| name.as_str()).collect())
    }

    /// The `Received` lines that the gate has put on.
    fn passages(&self) -> Vec<&str> {
        let received = self.fields.iter().filter(|(name, _)| name == "Received").map(|(_, value)| value.as_str());
        received.filter(|value| value.contains("(mailpoort)")).collect()
    }
}

/// Each mail has the fate that it should have, once.
fn account(mails: &[Sent], told: &Told, arrived: &[Arrived], returned: &[Arrived], added: &[&str]) {
    let mut wrong: Vec<String> = Vec::new();
    for mail in mails {
        let mut complain = |what: &str| wrong.push(format!("{}: {what}", mail.id));
        let said = told.get(&mail.id).cloned().unwrap_or_default();
        let said: Vec<(&str, &str)> =
            said.iter().flat_map(|(to, all)| all.iter().map(|reply| (to.as_str(), reply.as_str()))).collect();
        let verdict = if mail.expect == "refused" { "bounced" } else { "sent" };
        if said.len() != mail.to.len() || said.iter().any(|(_, reply)| !reply.starts_with(verdict)) {
            complain(&format!("the school was told {said:?}"));
        }
        if mail.expect == "refused" && said.iter().any(|(_, reply)| !reply.contains(" said: 550 5.7.1 ")) {
            complain(&format!("refused with {said:?}"));
        }
        let copies: Vec<&Arrived> = arrived.iter().filter(|one| one.id() == Some(&mail.id)).collect();
        let mut reached: Vec<&str> = copies.iter().map(|copy| copy.to()).collect();
        reached.sort_unstable();
        let mut expected: Vec<&str> = mail.to.iter().map(String::as_str).collect();
        expected.retain(|_| mail.expect == "pass");
        expected.sort_unstable();
        if reached != expected {
            complain(&format!("reached {reached:?}"));
        }
        let original = replaced(&std::fs::read(sent_form(mail)).unwrap(), b"\r\n", b"\n");
        for copy in copies {
            if copy.added(&original).as_deref() != Some(added) {
                complain(&format!("changed on its way: {:?}", copy.added(&original)));
            }
            if copy.passages().len() != 1 || copy.passages()[0].contains(" for ") {
                complain(&format!("our Received lines: {:?}", copy.passages()));
            }
        }
        let notices: Vec<&str> =
            arrived.iter().filter(|one| one.answers() == Some(&mail.id)).map(Arrived::to).collect();
        // One for each transaction: each tells whom this part of the mail did not reach.
        let parts = 1 + usize::from(mail.to.len() > 1 && mail.to.iter().any(|to| to.ends_with("@vork.example")));
        let expected = vec![mail.from.as_str(); if mail.expect == "notice" { parts } else { 0 }];
        if notices != expected {
            complain(&format!("notices to {notices:?}"));
        }
        let needle = format!("<{}>", mail.id).into_bytes();
        let bounces =
            returned.iter().filter(|one| one.raw.windows(needle.len()).any(|part| part == &needle[..])).count();
        let expected = usize::from(mail.expect == "refused" && !mail.from.is_empty());
        if bounces != expected {
            complain(&format!("{bounces} bounces"));
        }
    }
    assert!(wrong.is_empty(), "{} complaints about {} mails:\n{}", wrong.len(), mails.len(), wrong.join("\n"));
}

/// How many of the signed mails have arrived; all their signatures hold.
fn held(mails: &[Sent], arrived: &[Arrived], folder: &Path) -> usize {
    let signed = |one: &&Arrived| mails.iter().any(|mail| mail.sign && one.id() == Some(&mail.id));
    let files: Vec<String> = arrived
        .iter()
        .filter(signed)
        .enumerate()
        .map(|(n, mail)| {
            let file = folder.join(format!("signed-{n}"));
            std::fs::write(&file, replaced(&mail.raw, b"\n", b"\r\n")).unwrap();
            file.display().to_string()
        })
        .collect();
    let key = folder.join("dkim.pub").display().to_string();
    let arguments: Vec<&str> = ["verify", &key].into_iter().chain(files.iter().map(String::as_str)).collect();
    assert_eq!(mail_program(&arguments), "", "these signatures do not hold");
    // The verifier can say no.
    let changed = replaced(&std::fs::read(&files[0]).unwrap(), b"e", b"E");
    let file = folder.join("changed").display().to_string();
    std::fs::write(&file, changed).unwrap();
    assert_eq!(mail_program(&["verify", &key, &file]).trim(), file);
    files.len()
}

/// Nothing of the mails is in log or journal: no BSN, subject, name or word.
fn quiet(folder: &Path, gate: Gate) {
    let log = gate.stop() + &journal(folder).join("\n");
    let text = std::fs::read_to_string(data("mails/bsn-plain.eml")).unwrap();
    let numbers = Regex::new(r"\b\d{9}\b").unwrap();
    let mut words: Vec<&str> = numbers.find_iter(&text).map(|found| found.as_str()).collect();
    assert_eq!(words.len(), 6);
    words.extend([
        "Leerling ",
        "Klassenlijst",
        "Schoolreis",
        "Anneke",
        "anneke@",
        "ouder@thuis",
        "vork",
        SCHOOLS_SECRET,
        MARK,
    ]);
    let found: Vec<&&str> = words.iter().filter(|word| log.contains(**word)).collect();
    assert!(found.is_empty(), "the log holds {found:?}");
}

fn journal(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("journal.jsonl")).unwrap();
    text.lines().map(str::to_string).collect()
}

/// A mail as it left the mail program: with its signature.
fn sent_form(mail: &Sent) -> PathBuf {
    let mut name = mail.file.clone().into_os_string();
    name.push(".sent");
    name.into()
}

// -- small things

fn gate_config(clients: &str, next_hop: &str, school: &str) -> String {
    let listen = address(10);
    format!(
        r#"hostname = "poort.delinde.example"
mode = "enforce"

[[school]]
id = "linde"
name = "basisschool De Linde"
domains = ["delinde.example"]
{school}privacy = {{ name = "Ilse Bakker", phone = "0123 456 781" }}
helpdesk = {{ name = "ICT-helpdesk", phone = "0123 456 789" }}

[smtp]
listen = ["{listen}:2525"]

{clients}
[[next_hop]]
{next_hop}
[recipients.safety]
domains = ["veiligthuis.example"]

[journal_archive]
client = "{client}"
addresses = ["journaal@archief.example"]

[log]
format = "json"
level = "debug"
journal = "journal.jsonl"
"#,
        client = if clients.contains("mailserver") { "mailserver" } else { "provider" },
    )
}

fn secret(file: &Path, value: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(file, value).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn data(name: &str) -> PathBuf {
    Path::new(".").join("tests/postfix").join(name)
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
