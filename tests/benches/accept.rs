//! How fast mail is taken that goes through the outbox: sealed, on the disk with its notice, then 250; beside Postfix, which
//! puts the same mail in its queue. Both on this machine, in one run, round by round, so that a slow disk is slow for both, and
//! both with a next hop that takes what they deliver meanwhile: that is part of the work.
//!
//! `cargo bench --bench accept`. Without Postfix, or not as root (which Postfix must be), nothing is measured, and that is
//! said. One client, four and sixteen send as fast as they hear replies.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use support::address;
use support::client::Client;
use support::gate::Gate;
use support::postfix::Postfix;
use support::sink::Sink;

const CLIENTS: [usize; 3] = [1, 4, 16];
/// Of all clients together, in a round.
const MAILS: usize = 800;
const ROUNDS: usize = 5;

fn main() {
    let has_postfix = ["/usr/sbin/postfix", "/usr/bin/postfix"].iter().any(|file| Path::new(file).is_file());
    if !has_postfix || !rustix::process::geteuid().is_root() {
        println!("accept: Postfix is not on this machine, or this is not root; nothing is measured");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at, postfix_at) =
        (format!("{}:2525", address(231)), format!("{}:2525", address(232)), address(233));
    let their_sink = address(234);
    let _sinks = [Sink::listen(&sink_at), Sink::listen(&format!("{their_sink}:2525"))];
    let gate = Gate::start(folder.path(), &config(folder.path(), &gate_at, &sink_at));
    let postfix =
        Postfix::start(&folder.path().join("postfix"), &postfix_at, &format!("relayhost = [{their_sink}]:2525"));
    let postfix_at = format!("{postfix_at}:2525");
    let number = AtomicUsize::new(0);
    for clients in CLIENTS {
        let mut ratios = Vec::new();
        for round in 1..=ROUNDS {
            let (ours, theirs) = (rate(clients, &gate_at, &number), rate(clients, &postfix_at, &number));
            let ratio = ours / theirs;
            println!(
                "accept: {clients} clients, round {round}: outbox {ours:.0}/s, Postfix {theirs:.0}/s, ratio {ratio:.2}"
            );
            ratios.push(ratio);
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios[ROUNDS / 2];
        println!(
            "accept: {clients} clients: the outbox takes {median:.2} times as many mails a second as Postfix (median)"
        );
    }
    drop(postfix);
    gate.stop();
}

/// Mails a second, over all clients.
fn rate(clients: usize, to: &str, number: &AtomicUsize) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..clients {
            scope.spawn(move || {
                let mut session = Client::connect(&address(240 + client as u8), to);
                for _ in 0..MAILS / clients {
                    // Each of another sender: of many mails of one, some would be told together.
                    let n = number.fetch_add(1, Ordering::Relaxed);
                    let sender = format!("juf.{n}@delinde.example");
                    let reply = session.send(&sender, &["ouder@thuis.example"], &mail(n, &sender));
                    assert!(reply.starts_with("250"), "{reply}");
                }
            });
        }
    });
    (MAILS / clients * clients) as f64 / begun.elapsed().as_secs_f64()
}

fn mail(n: usize, sender: &str) -> Vec<u8> {
    format!(
        "From: <{sender}>\r\nTo: <ouder@thuis.example>\r\nSubject: Aanmelding\r\nMessage-ID: \
         <{n}@werkplek.delinde.example>\r\n\r\nHet burgerservicenummer (BSN) van de leerling is 123456782.\r\n{}",
        "Nog een regel over het uitje van volgende week.\r\n".repeat(40)
    )
    .into_bytes()
}

fn config(folder: &Path, gate: &str, sink: &str) -> String {
    format!(
        "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
         [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
         privacy = {{ name = \"Ilse Bakker\", phone = \"040-555 01 23\" }}\n\
         helpdesk = {{ name = \"de helpdesk\", phone = \"040-555 01 00\" }}\n\n\
         [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
         [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n",
        folder.join("data").display(),
    )
}
