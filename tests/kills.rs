//! kill -9 under load, at moments of chance: nothing that was taken is lost, nothing that was not taken is invented.
//!
//! Clients send mail to a colleague, who may have it, and a parent, who may not; the gate is killed after so many mails
//! and started again. In the end everything that was answered with 250 has reached the colleague, and its sender knows.
//! `KILLS=200 cargo nextest run --test kills` is the long run.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::gate::Gate;
use support::sink::Sink;
use support::{address, until};

const CLIENTS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_kill_loses_nothing_and_invents_nothing() {
    let kills: usize = std::env::var("KILLS").map_or(6, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at) = (format!("{}:2525", address(91)), format!("{}:2525", address(92)));
    let sink = Sink::listen(&sink_at);
    let config = config(folder.path(), &gate_at, &sink_at);
    let load = Arc::new(Load::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (load, gate_at) = (Arc::clone(&load), gate_at.clone());
            std::thread::spawn(move || load.send_until_told(client, &gate_at))
        })
        .collect();
    let mut chance = 0x2545_F491_4F6C_DD1D_u64;
    for _ in 0..kills {
        let gate = Gate::start(folder.path(), &config);
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let (before, more) = (load.taken(), (chance % 23) as usize);
        until(|| format!("{more} more mails"), PATIENCE, || (load.taken() >= before + more).then_some(()));
        gate.kill();
    }
    let gate = Gate::start(folder.path(), &config);
    load.enough.store(true, Ordering::SeqCst);
    clients.into_iter().for_each(|client| client.join().unwrap());
    let told = load.told.lock().unwrap().clone();
    let taken: Vec<&String> = told.iter().filter(|(_, reply)| reply.starts_with("250")).map(|(id, _)| id).collect();
    assert!(taken.len() >= kills, "{} mails were taken", taken.len());
    let arrived = || -> BTreeMap<String, [usize; 2]> {
        let mut arrived: BTreeMap<String, [usize; 2]> = BTreeMap::new();
        for (to, content) in sink.kept() {
            let text = String::from_utf8_lossy(&content).into_owned();
            let id = text.split("kanarie-").nth(1).map(|rest| rest.chars().take_while(|c| *c != '@').collect());
            let notice = to.iter().any(|to| to.contains("juf"));
            assert!(!to.iter().any(|to| to.contains("ouder")), "the parent got a mail that was stopped");
            arrived.entry(id.unwrap()).or_default()[usize::from(notice)] += 1;
        }
        arrived
    };
    let whole = || {
        let arrived = arrived();
        taken.iter().all(|id| arrived.get(*id).is_some_and(|[mail, notice]| *mail > 0 && *notice > 0)).then_some(())
    };
    until(|| "all that was taken".to_owned(), PATIENCE, whole);
    gate.stop();
    let arrived = arrived();
    let duplicates: usize = arrived.values().map(|counts| counts.iter().map(|count| count - 1).sum::<usize>()).sum();
    let ghosts = arrived.keys().filter(|id| told.get(*id).is_some_and(|reply| reply.starts_with(['4', '5']))).count();
    assert_eq!(ghosts, 0, "mails that were refused and arrived");
    // The outbox has four deliveries on their way at most; each may have been taken in the moment of the kill.
    assert!(duplicates <= 4 * kills, "{duplicates} duplicates after {kills} kills");
    eprintln!("{kills} kills, {} mails taken, 0 lost, 0 ghosts, {duplicates} duplicates", taken.len());
}

/// What the clients sent, and what they were told.
#[derive(Default)]
struct Load {
    told: Mutex<BTreeMap<String, String>>,
    accepted: AtomicUsize,
    enough: AtomicBool,
}

impl Load {
    fn taken(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    fn send_until_told(&self, client: usize, to: &str) {
        let mut n = 0;
        while !self.enough.load(Ordering::SeqCst) {
            let Ok(stream) = TcpStream::connect(to) else {
                std::thread::yield_now();
                continue;
            };
            while !self.enough.load(Ordering::SeqCst) {
                n += 1;
                let id = format!("{client}x{n}");
                let Some(reply) = send(&stream, &id) else { break };
                self.accepted.fetch_add(usize::from(reply.starts_with("250")), Ordering::SeqCst);
                self.told.lock().unwrap().insert(id, reply);
            }
        }
    }
}

/// One mail in a session; none when the session broke before the last reply.
fn send(stream: &TcpStream, id: &str) -> Option<String> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut says = |line: &str, codes: &str| -> Option<String> {
        writer.write_all(line.as_bytes()).ok()?;
        loop {
            let mut reply = String::new();
            if reader.read_line(&mut reply).ok()? == 0 {
                return None;
            }
            // The greeting comes with the first reply.
            if reply.as_bytes().get(3) == Some(&b'-') || reply.starts_with("220") {
                continue;
            }
            return codes.contains(reply.get(..1)?).then_some(reply);
        }
    };
    says("EHLO client.delinde.example\r\n", "2")?;
    // Of many mails of one sender some would be told together, ten minutes later.
    says(&format!("MAIL FROM:<juf-{id}@delinde.example>\r\n"), "2")?;
    says("RCPT TO:<bert@delinde.example>\r\n", "2")?;
    says("RCPT TO:<ouder@thuis.example>\r\n", "2")?;
    says("DATA\r\n", "3")?;
    // One in five is too large for a row, and has a file of its own.
    let more = if id.ends_with('3') { "Nog een regel over het uitje.\r\n".repeat(6_000) } else { String::new() };
    let mail = format!(
        "From: <juf@delinde.example>\r\nTo: <bert@delinde.example>, <ouder@thuis.example>\r\nSubject: Aanmelding\r\n\
         Message-ID: <kanarie-{id}@werkplek.example>\r\n\r\n\
         Het burgerservicenummer (BSN) van de leerling is 123456782.\r\n{more}.\r\n"
    );
    says(&mail, "245")
}

fn config(folder: &Path, gate: &str, sink: &str) -> String {
    format!(
        "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
         [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
         privacy = {{ name = \"Ilse Bakker\", phone = \"040-555 01 23\" }}\n\
         helpdesk = {{ name = \"de helpdesk\", phone = \"040-555 01 00\" }}\n\n\
         [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
         [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n\n[outbox]\nretry_after = \"50ms\"\n\
         retry_at_most = \"100ms\"\n",
        folder.join("data").display(),
    )
}
