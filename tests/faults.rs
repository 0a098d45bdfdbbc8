//! The disk under what is kept and owed fails: a mail that must be kept stays with its client (4xx), clean mail passes,
//! health says what is wrong, and all comes right by itself when the disk does.
//!
//! The binary as a process; the faults are real ones: a full file system, files that may not grow, a lock that another
//! process holds, a table that is not there.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use support::client::Client;
use support::gate::{BINARY, Gate};
use support::sink::Sink;
use support::{address, until};

const JUF: &str = "juf.anneke@delinde.example";
const PARENT: &str = "ouder@thuis.example";
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("data")) else {
        eprintln!("not tried: nobody may mount a file system here");
        return;
    };
    let mut house = House::start(folder.path(), 10, Command::new(BINARY));
    house.is_well("before");
    disk.fill();
    let reply = house.owed("full", &[]);
    assert!(reply.starts_with("452 4.3.1"), "{reply}");
    let large = house.owed("large", &b"Nog een regel over het uitje.\r\n".repeat(20_000));
    assert!(large.starts_with("452 4.3.1"), "{large}");
    house.passes("clean");
    assert!(house.health().contains("the disk of the store is full"), "{}", house.health());
    assert_eq!(house.metric("mailpoort_store_writable"), 0.0);
    disk.free();
    house.becomes_well("after");
    house.every_mail_came_once();
}

#[test]
fn files_that_may_not_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut env = Command::new("env");
    env.args(["--ignore-signal=XFSZ", BINARY]);
    let mut house = House::start(folder.path(), 20, env);
    house.is_well("before");
    house.gate_may_write(Some(0));
    let reply = house.owed("closed", &[]);
    assert!(reply.starts_with("451 4.3.0"), "{reply}");
    house.passes("clean");
    assert!(house.health().contains("the store cannot be written"), "{}", house.health());
    house.gate_may_write(None);
    house.becomes_well("after");
    house.every_mail_came_once();
}

#[test]
fn a_vault_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = House::start(folder.path(), 30, Command::new(BINARY));
    let (vault, away) = (folder.path().join("data/vault"), folder.path().join("data/away"));
    std::fs::rename(&vault, &away).unwrap();
    std::fs::write(&vault, "").unwrap();
    let reply = house.owed("large", &b"Nog een regel over het uitje.\r\n".repeat(20_000));
    assert!(reply.starts_with("451 4.3.0"), "{reply}");
    house.passes("clean");
    assert!(house.health().contains("the files of the vault cannot be written"), "{}", house.health());
    std::fs::remove_file(&vault).unwrap();
    std::fs::rename(&away, &vault).unwrap();
    house.becomes_well("after");
    house.every_mail_came_once();
}

#[test]
fn a_lock_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = House::start(folder.path(), 40, Command::new(BINARY));
    house.is_well("before");
    let other = Connection::open(folder.path().join("data/mailpoort.db")).unwrap();
    other.busy_timeout(PATIENCE).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    house.passes("clean");
    let reply = house.owed("locked", &[]);
    assert!(reply.starts_with("451 4.3.0"), "{reply}");
    assert!(house.health().contains("the store is locked by another process"), "{}", house.health());
    other.execute_batch("ROLLBACK").unwrap();
    house.becomes_well("after");
    house.every_mail_came_once();
}

#[test]
fn a_journal_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = House::start(folder.path(), 50, Command::new(BINARY));
    house.is_well("before");
    let by_hand = |statement: &str| {
        let tables = Connection::open(folder.path().join("data/mailpoort.db")).unwrap();
        tables.busy_timeout(PATIENCE).unwrap();
        tables.execute_batch(statement).unwrap();
    };
    by_hand("ALTER TABLE journal RENAME TO elsewhere");
    let reply = house.owed("unwritten", &[]);
    assert!(reply.starts_with("451 4.3.0"), "{reply}");
    house.passes("clean");
    let red = || house.health().contains("the journal cannot be written to the store").then_some(());
    until(|| "a red light", PATIENCE, red);
    by_hand("ALTER TABLE elsewhere RENAME TO journal");
    house.becomes_well("after");
    house.every_mail_came_once();
}

/// A gate with a next hop, and what was sent.
struct House {
    gate: Gate,
    sink: Sink,
    client: Client,
    watch: String,
    passed: usize,
    taken: usize,
}

impl House {
    fn start(folder: &Path, host: u8, command: Command) -> Self {
        let at = |n: u8, port: u16| format!("{}:{port}", address(host + n));
        let (gate, sink, watch) = (at(1, 2525), at(2, 2525), at(1, 9925));
        let config = format!(
            "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
             [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
             privacy = {{ name = \"Ilse Bakker\", phone = \"040-555 01 23\" }}\n\
             helpdesk = {{ name = \"de helpdesk\", phone = \"040-555 01 00\" }}\n\n\
             [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
             [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n\n\
             [metrics]\nlisten = \"{watch}\"\n\n[log]\njournal = \"{}\"\n",
            folder.join("data").display(),
            folder.join("journal.jsonl").display(),
        );
        let sink = Sink::listen(&sink);
        let gate_runs = Gate::start_as(folder, &config, command);
        let client = Client::connect(&address(host), &gate);
        Self { gate: gate_runs, sink, client, watch, passed: 0, taken: 0 }
    }

    /// Sends a mail that must be stopped.
    fn owed(&mut self, id: &str, more: &[u8]) -> String {
        let text = "Het burgerservicenummer (BSN) van de leerling is 123456782.\r\n";
        let reply = self.client.send(JUF, &[PARENT], &[&mail(id, text), more].concat());
        self.taken += usize::from(reply.starts_with("250 2.7.1 Taken"));
        reply
    }

    /// Sends a mail that must pass.
    fn passes(&mut self, id: &str) {
        let reply = self.client.send(JUF, &[PARENT], &mail(id, "Tot vrijdag.\r\n"));
        assert!(reply.starts_with("250"), "{reply}");
        self.passed += 1;
    }

    fn is_well(&mut self, id: &str) {
        let reply = self.owed(id, &[]);
        assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
        self.passes(id);
        assert!(self.health().contains("green"), "{}", self.health());
    }

    /// Without a restart, and without anybody's help.
    fn becomes_well(&mut self, id: &str) {
        until(|| format!("green light: {}", self.health()), PATIENCE, || self.health().contains("green").then_some(()));
        assert_eq!(self.metric("mailpoort_store_writable"), 1.0);
        self.is_well(id);
    }

    /// What passed, and a notice of each mail that was taken: nothing of those that were refused, and nothing twice.
    fn every_mail_came_once(self) {
        let wanted = self.passed + self.taken;
        until(|| format!("{wanted} mails"), PATIENCE, || (self.sink.kept().len() >= wanted).then_some(()));
        until(
            || "empty outbox",
            PATIENCE,
            || (self.metric("mailpoort_outbox_mails{kind=\"notice\"}") == 0.0).then_some(()),
        );
        assert_eq!(self.metric("mailpoort_held_mails"), self.taken as f64);
        self.gate.stop();
        assert_eq!(self.sink.kept().len(), wanted);
    }

    fn health(&self) -> String {
        self.get("/health")
    }

    fn metric(&self, sample: &str) -> f64 {
        let page = self.get("/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in\n{page}")).parse().unwrap()
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.watch).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.watch).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Whether files of the gate may grow beyond so many octets, without being asked.
    fn gate_may_write(&self, most: Option<u64>) {
        let gate = Pid::from_raw(i32::try_from(self.gate.id()).unwrap());
        prlimit(gate, Resource::Fsize, Rlimit { current: most, maximum: None }).unwrap();
    }
}

fn mail(id: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Juf Anneke <{JUF}>\r\nTo: <{PARENT}>\r\nSubject: Aanmelding\r\n\
         Message-ID: <{id}@werkplek.delinde.example>\r\n\r\n{text}"
    )
    .into_bytes()
}

/// A file system of 8 MB; dropped, it is gone.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(at).output().ok()?;
        mounted.status.success().then(|| Self(at.to_path_buf()))
    }

    fn fill(&self) {
        let mut filler = std::fs::File::create(self.0.join("filler")).unwrap();
        // First in large pieces, then the last page.
        for size in [1 << 20, 4096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
