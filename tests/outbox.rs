//! Mail that is taken: it is on the disk, sealed, before the client hears 250; it goes to those who may have it, its
//! sender is told, and a kill loses nothing.
//!
//! The binary as a process, a small client and a next hop that can be told to refuse. Nothing waits for the clock.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use support::client::Client;
use support::gate::{BINARY, Gate};
use support::sink::Sink;
use support::{address, until};

const JUF: &str = "juf.anneke@delinde.example";
const COLLEAGUE: &str = "bert@delinde.example";
const PARENT: &str = "ouder@thuis.example";
/// In the mail, and readable nowhere on the disk.
const CANARIES: [&str; 5] = ["kanarie-4711", "123456782", "anneke", "ouder@thuis", "Aanmelding"];
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn who_may_have_it_gets_it_and_the_sender_is_told() {
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(50));
    let sink = Sink::listen(&hosts.sink);
    let gate = Gate::start(folder.path(), &hosts.config(folder.path()));
    let mut client = Client::connect(&hosts.client, &hosts.gate);
    let reply = client.send(JUF, &[COLLEAGUE, PARENT], &mail("1"));
    assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    let kept = arrived(&sink, 2);
    let rest = kept.iter().find(|(to, _)| to[0].contains(COLLEAGUE)).unwrap();
    assert_eq!(rest.0.len(), 1);
    let (head, content) = rest.1.split_at(rest.1.len() - mail("1").len());
    assert!(head.starts_with(b"Received: ") && content == mail("1"), "byte for byte under one Received line");
    let notice = kept.iter().find(|(to, _)| to[0].contains(JUF)).unwrap();
    let notice = String::from_utf8_lossy(&notice.1).replace("=\r\n", "");
    assert!(notice.contains("De mail gaat wel naar bert@delinde.example."), "{notice}");
    assert!(notice.contains("Dan wissen we de mail op"), "{notice}");
    // The client missed our reply and sends it again: it was taken, and nobody gets it twice.
    let again = client.send(JUF, &[COLLEAGUE, PARENT], &mail("1"));
    assert!(again.starts_with("250 2.7.1 Taken"), "{again}");
    assert_eq!(number(&again), number(&reply));
    let log = gate.stop();
    assert_eq!(sink.kept().len(), 2);
    for canary in CANARIES {
        assert!(!log.contains(canary), "the log holds {canary}");
        assert_eq!(holding(folder.path(), canary), Vec::<String>::new(), "{canary} is readable on the disk");
    }
}

#[test]
fn what_was_taken_outlives_a_kill() {
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(60));
    let sink = Sink::listen(&hosts.sink);
    sink.refuse_content(true);
    let gate = Gate::start(folder.path(), &hosts.config(folder.path()));
    let mut client = Client::connect(&hosts.client, &hosts.gate);
    for n in ["1", "2", "3"] {
        // Of many mails of one sender some would be told together, ten minutes later.
        let reply = client.send(&format!("{n}.{JUF}"), &[COLLEAGUE, PARENT], &mail(n));
        assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    }
    let large = [mail("4"), b"Nog een regel over het uitje.\r\n".repeat(20_000)].concat();
    let reply = client.send(JUF, &[COLLEAGUE, PARENT], &large);
    assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    assert_eq!(sink.kept().len(), 0);
    gate.kill();
    // What a kill in the middle of taking a large mail leaves behind.
    let orphan = folder.path().join("data/vault/ab/cd/abcd0000");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, b"half").unwrap();
    let unfinished = orphan.with_file_name("abcd1111#1");
    std::fs::write(&unfinished, b"hal").unwrap();
    sink.refuse_content(false);
    let gate = Gate::start(folder.path(), &hosts.config(folder.path()));
    let kept = arrived(&sink, 8);
    assert_eq!(kept.iter().filter(|(to, _)| to[0].contains(COLLEAGUE)).count(), 4);
    assert_eq!(kept.iter().filter(|(to, _)| to[0].contains(JUF)).count(), 4);
    assert!(!kept.iter().any(|(to, _)| to.iter().any(|one| one.contains(PARENT))));
    assert!(!orphan.exists() && !unfinished.exists(), "an orphan is swept at the start");
    gate.stop();
    assert_eq!(sink.kept().len(), 8);
}

#[test]
fn a_second_gate_on_the_same_folder_does_not_start() {
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(70));
    let _sink = Sink::listen(&hosts.sink);
    let gate = Gate::start(folder.path(), &hosts.config(folder.path()));
    let config = hosts.config(folder.path()).replace(&hosts.gate, &format!("{}:2526", address(71)));
    std::fs::write(folder.path().join("second.toml"), config).unwrap();
    let second = Command::new(BINARY).args(["serve", "--config"]).arg(folder.path().join("second.toml")).output();
    let second = second.unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && said.contains("another mailpoort serves with this data folder"), "{said}");
    gate.stop();
}

/// The bytes of a 250 are written after the row is on the disk, and a large mail's file before its row.
#[test]
fn the_disk_has_it_before_the_client_hears() {
    support::needs("strace");
    let (folder, hosts) = (tempfile::tempdir().unwrap(), Hosts::new(80));
    let _sink = Sink::listen(&hosts.sink);
    let trace = folder.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "64", "-e", "signal=none", "-e"]);
    strace.arg("trace=fsync,fdatasync,sendto,sendmsg,write,writev,rename,renameat,renameat2,link,linkat");
    strace.arg("-o").arg(&trace).arg(BINARY);
    let gate = Gate::start_as(folder.path(), &hosts.config(folder.path()), strace);
    let large = [mail("1"), b"Nog een regel over het uitje.\r\n".repeat(20_000)].concat();
    let reply = Client::connect(&hosts.client, &hosts.gate).send(JUF, &[COLLEAGUE, PARENT], &large);
    assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    gate.stop();
    let trace = std::fs::read_to_string(&trace).unwrap();
    let calls = whole_calls(&trace);
    let first = |what: &dyn Fn(&str) -> bool| calls.iter().position(|line| what(line));
    let sync = |line: &str| line.contains("fsync(") || line.contains("fdatasync(");
    let file = first(&|line| sync(line) && line.contains("/vault/") && !line.contains("/vault>")).unwrap();
    let named = first(&|line| ["rename", "link"].iter().any(|call| line.contains(call)) && line.contains("/vault/"));
    let named = named.unwrap();
    let folder_synced =
        calls.iter().skip(named).position(|line| sync(line) && line.contains("/vault")).unwrap() + named;
    let row =
        calls.iter().skip(named).position(|line| sync(line) && line.contains("mailpoort.db-wal")).unwrap() + named;
    let told = first(&|line| line.contains("250 2.7.1 Taken")).unwrap();
    assert!(
        file < named && named < folder_synced && folder_synced < row && row < told,
        "file {file}, name {named}, folder {folder_synced}, row {row}, reply {told}"
    );
}

/// The calls in the order in which they ended, but for our reply, which counts from its beginning. Of a call that others
/// came between strace writes two lines.
fn whole_calls(trace: &str) -> Vec<String> {
    let (mut calls, mut begun) = (Vec::new(), std::collections::HashMap::new());
    for line in trace.lines() {
        let thread = line.split(' ').next().unwrap_or_default();
        if line.contains("<unfinished") && !line.contains("250 2.7.1 Taken") {
            begun.insert(thread, line);
        } else if line.contains(" resumed>") {
            calls.extend(begun.remove(thread).map(|start| format!("{start} {line}")));
        } else {
            calls.push(line.to_owned());
        }
    }
    calls
}

/// Where everybody is.
struct Hosts {
    client: String,
    gate: String,
    sink: String,
}

impl Hosts {
    fn new(host: u8) -> Self {
        let at = |n: u8| format!("{}:2525", address(host + n));
        Self { client: address(host), gate: at(1), sink: at(2) }
    }

    fn config(&self, folder: &Path) -> String {
        format!(
            "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
             [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
             privacy = {{ name = \"Ilse Bakker\", role = \"privacycoördinator\", phone = \"040-555 01 23\" }}\n\
             helpdesk = {{ name = \"de helpdesk\", role = \"helpdesk\", phone = \"040-555 01 00\" }}\n\n\
             [smtp]\nlisten = [\"{}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
             [[next_hop]]\nname = \"provider\"\nhosts = [\"{}\"]\ntls = \"off\"\n\n[outbox]\nretry_after = \"50ms\"\n\
             retry_at_most = \"100ms\"\n",
            folder.join("data").display(),
            self.gate,
            self.sink,
        )
    }
}

fn mail(n: &str) -> Vec<u8> {
    format!(
        "From: Juf Anneke <{JUF}>\r\nTo: <{PARENT}>, <{COLLEAGUE}>\r\nSubject: Aanmelding {n}\r\n\
         Message-ID: <{n}@werkplek.delinde.example>\r\n\r\nkanarie-4711\r\n\
         Het burgerservicenummer (BSN) van de leerling is 123456782.\r\n"
    )
    .into_bytes()
}

fn arrived(sink: &Sink, mails: usize) -> Vec<support::sink::Kept> {
    let enough = || Some(sink.kept()).filter(|kept| kept.len() >= mails);
    until(|| format!("{mails} mails, not {}", sink.kept().len()), PATIENCE, enough)
}

/// The number that a reply names.
fn number(reply: &str) -> &str {
    reply.rsplit_once("(id ").unwrap().1
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
