//! The flow of mail, as far as a transcript can't tell it: hang-ups at the wrong moment, pools and caps, hosts in
//! order, reload, drain, TLS towards the next hop, memory.
//!
//! No test waits for the clock; each waits for what it wants to see, and fails when that never comes.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use inside::authority::{AUTHORITY, self_signed};
use inside::client::Client;
use inside::next_hop::NextHop;
use inside::poort::{Poort, Setup};
use inside::soon;
use mail_parser::MessageParser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const ANNA: &str = "anna@delinde.example";
const OUDER: &str = "ouder@post.example";
const COLLEAGUE: &str = "bert@delinde.example";

fn setup(next_hop: &[&str]) -> Setup {
    Setup { next_hop: next_hop.iter().map(|line| (*line).to_string()).collect(), ..Setup::default() }
}

fn clean(id: &str) -> String {
    format!("From: <{ANNA}>\nTo: <{OUDER}>\nSubject: Studiedag\nMessage-ID: <{id}@delinde.example>\n\nTot vrijdag.\n")
}

fn with_bsn(id: &str) -> String {
    format!(
        "From: <{ANNA}>\nTo: <{OUDER}>\nSubject: Aanmelding\nMessage-ID: <{id}@delinde.example>\n\nHet burgerservicenummer (BSN) van de leerling is 123456782.\n"
    )
}

/// Waits for something that nobody tells of.
async fn until(what: &str, condition: impl Fn() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// -- hang-ups

#[tokio::test]
async fn a_next_hop_that_hangs_up_during_the_upload_gets_the_mail_once() {
    for saying in ["", "421 4.4.2 provider.example Error: timeout exceeded"] {
        let hop = NextHop::start().await;
        let poort = Poort::start(&Setup::default(), &hop).await;
        let mut client = Client::hello(poort.address).await;
        client.begin(ANNA, &[OUDER, "tante@post.example"]).await;
        hop.hang_up(saying).await;
        let (code, reply) = client.content(&clean("oplaad")).await;
        assert_eq!(code, 250, "{saying:?}: {reply}");
        let seen = hop.seen();
        assert_eq!((seen.mails.len(), seen.taken().len()), (1, 1), "{saying:?}");
        assert_eq!(seen.mails[0].to, [OUDER, "tante@post.example"]);
    }
}

#[tokio::test]
async fn a_next_hop_that_hangs_up_between_recipients_keeps_those_it_took() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut client = Client::hello(poort.address).await;
    client.ask(&format!("MAIL FROM:<{ANNA}>")).await;
    assert_eq!(client.ask(&format!("RCPT TO:<{OUDER}>")).await.0, 250);
    hop.hang_up("").await;
    assert_eq!(client.ask("RCPT TO:<tante@post.example>").await.0, 451, "it was lost while it was asked");
    assert_eq!(client.ask("RCPT TO:<oom@post.example>").await.0, 250);
    assert_eq!(client.ask("DATA").await.0, 354);
    assert_eq!(client.content(&clean("tussen")).await.0, 250);
    assert_eq!(hop.seen().taken()[0].to, [OUDER, "oom@post.example"]);
}

#[tokio::test]
async fn a_client_that_is_gone_leaves_nothing_behind() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut client = Client::hello(poort.address).await;
    client.begin(ANNA, &[OUDER]).await;
    client.send(b"Subject: half\r\n\r\n.").await;
    drop(client);
    hop.until("RSET", |seen| seen.count("RSET") == 1).await;
    until("the memory is given back", || poort.budget.used() == 0).await;
    assert!(hop.seen().mails.is_empty());
}

#[tokio::test]
async fn a_next_hop_that_refuses_in_the_middle_of_the_content_is_heard() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut client = Client::hello(poort.address).await;
    hop.rule("once on content bye 552 5.3.4 larger than we like");
    // Many writes, so that one of them fails.
    let large = clean("middenin") + &"Een gewone regel.\n".repeat(200_000);
    let (code, reply) = client.mail(ANNA, &[OUDER], &large).await;
    assert!(code == 552 && reply.contains("larger than we like"), "{reply}");
    assert!(hop.seen().mails.is_empty());
}

// -- connections to the next hop

#[tokio::test]
async fn clients_stuck_after_mail_hold_no_connection_to_the_next_hop() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&setup(&["keep_idle = \"0s\"", "max_connections = 1"]), &hop).await;
    let mut stuck = Vec::new();
    for _ in 0..200 {
        let mut client = Client::hello(poort.address).await;
        assert_eq!(client.ask(&format!("MAIL FROM:<{ANNA}>")).await.0, 250);
        stuck.push(client);
    }
    let seen = hop.until("the connection of the start is closed", |seen| seen.open == 0).await;
    assert_eq!(seen.connections, 1, "only that of the start");
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.mail(ANNA, &[OUDER], &clean("tussendoor")).await.0, 250);
    assert_eq!(stuck.last_mut().unwrap().ask("NOOP").await.0, 250);
}

#[tokio::test]
async fn a_kept_connection_serves_the_next_mail() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut client = Client::hello(poort.address).await;
    for n in 0..5 {
        assert_eq!(client.mail(ANNA, &[OUDER], &clean(&format!("rij-{n}"))).await.0, 250);
    }
    assert_eq!((hop.seen().connections, hop.seen().taken().len()), (1, 5));
}

#[tokio::test]
async fn a_stale_connection_is_replaced_once_before_mail_is_answered() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut client = Client::hello(poort.address).await;
    // Hung up while it lay idle.
    hop.hang_up("").await;
    assert_eq!(client.mail(ANNA, &[OUDER], &clean("een")).await.0, 250);
    // Hung up at the very moment.
    hop.rule("once on MAIL drop");
    assert_eq!(client.mail(ANNA, &[OUDER], &clean("twee")).await.0, 250);
    assert_eq!(hop.seen().connections, 3);
    // The fresh one too: once is all.
    hop.rule("once on MAIL drop");
    hop.rule("once on MAIL drop");
    assert_eq!(client.ask(&format!("MAIL FROM:<{ANNA}>")).await.0, 250);
    let (code, reply) = client.ask(&format!("RCPT TO:<{OUDER}>")).await;
    assert!(code == 451 && reply.contains("4.4.2"), "{reply}");
    assert_eq!((hop.seen().connections, hop.seen().taken().len()), (4, 2));
}

#[tokio::test]
async fn a_connection_lost_after_mail_was_answered_is_not_replaced() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut client = Client::hello(poort.address).await;
    hop.rule("once on RCPT drop");
    client.ask(&format!("MAIL FROM:<{ANNA}>")).await;
    let (code, reply) = client.ask(&format!("RCPT TO:<{OUDER}>")).await;
    assert!(code == 451 && reply.contains("4.4.2"), "{reply}");
    assert_eq!((hop.seen().connections, hop.seen().count("MAIL")), (1, 1));
}

#[tokio::test]
async fn above_the_cap_a_client_is_told_to_come_back() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&setup(&["max_connections = 2"]), &hop).await;
    let mut holding = Vec::new();
    for _ in 0..2 {
        let mut client = Client::hello(poort.address).await;
        client.ask(&format!("MAIL FROM:<{ANNA}>")).await;
        assert_eq!(client.ask(&format!("RCPT TO:<{OUDER}>")).await.0, 250);
        holding.push(client);
    }
    let mut third = Client::hello(poort.address).await;
    third.ask(&format!("MAIL FROM:<{ANNA}>")).await;
    let (code, reply) = third.ask(&format!("RCPT TO:<{OUDER}>")).await;
    assert!(code == 451 && reply.contains("4.3.2"), "{reply}");
    assert_eq!(holding[0].ask("RSET").await.0, 250);
    assert_eq!(third.ask(&format!("RCPT TO:<{OUDER}>")).await.0, 250);
    assert_eq!(hop.seen().most, 2);
}

#[tokio::test]
async fn all_addresses_of_all_hosts_are_tried_in_order() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (unwilling, hop, spare) = (NextHop::start().await, NextHop::start().await, NextHop::start().await);
    unwilling.rule("on connect say 554 5.3.2 not today");
    let hosts = format!(
        "[\"{nobody}\", \"{}\", \"localhost:{}\", \"{}\"]",
        unwilling.address,
        hop.address.port(),
        spare.address
    );
    let poort = Poort::start(&Setup { hosts: Some(hosts), ..setup(&["keep_idle = \"0s\""]) }, &hop).await;
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.mail(ANNA, &[OUDER], &clean("volgorde")).await.0, 250);
    let tried = [&unwilling, &hop, &spare].map(|hop| (hop.seen().connections, hop.seen().taken().len()));
    assert_eq!(tried, [(2, 0), (2, 1), (0, 0)]);
}

#[tokio::test]
async fn silence_has_an_end() {
    let hop = NextHop::start().await;
    let next_hop = ["keep_idle = \"0s\"", "reply_timeout = \"300ms\"", "final_reply_timeout = \"300ms\""];
    let poort = Poort::start(&setup(&next_hop), &hop).await;
    let mut client = Client::hello(poort.address).await;
    hop.rule("once on RCPT stall never");
    client.ask(&format!("MAIL FROM:<{ANNA}>")).await;
    let (code, reply) = client.ask(&format!("RCPT TO:<{OUDER}>")).await;
    assert!(code == 451 && reply.contains("4.4.2"), "{reply}");
    client.ask("RSET").await;
    hop.rule("once on . stall never");
    let (code, reply) = client.mail(ANNA, &[OUDER], &clean("stil")).await;
    assert!(code == 451 && reply.contains("may have been delivered"), "{reply}");
    assert_eq!(hop.seen().mails.len(), 1, "never tried again by us");
}

// -- clients

#[tokio::test]
async fn a_silent_client_is_let_go() {
    let hop = NextHop::start().await;
    let smtp = vec!["command_timeout = \"300ms\"".to_string()];
    let poort = Poort::start(&Setup { smtp, ..Setup::default() }, &hop).await;
    let mut idle = Client::hello(poort.address).await;
    let mut uploading = Client::hello(poort.address).await;
    uploading.begin(ANNA, &[OUDER]).await;
    for client in [&mut idle, &mut uploading] {
        assert!(client.expect(421).await.contains("4.4.2"));
        assert_eq!(client.line().await, None);
    }
    hop.until("the transaction is given up", |seen| seen.count("RSET") == 1).await;
}

#[tokio::test]
async fn an_upload_below_the_minimum_rate_is_let_go() {
    let hop = NextHop::start().await;
    let smtp = vec!["command_timeout = \"300ms\"".to_string(), "min_rate = \"1 GB\"".to_string()];
    let poort = Poort::start(&Setup { smtp, ..Setup::default() }, &hop).await;
    let (mut read, mut write) = TcpStream::connect(poort.address).await.unwrap().into_split();
    let dripping = tokio::spawn(async move {
        let head = format!("EHLO x\r\nMAIL FROM:<{ANNA}>\r\nRCPT TO:<{OUDER}>\r\nDATA\r\n");
        write.write_all(head.as_bytes()).await.unwrap();
        while write.write_all(b"drup\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let mut heard = Vec::new();
    // What was dripped and never read makes the end of the connection a reset.
    let _ = soon("the end of the connection", read.read_to_end(&mut heard)).await;
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.contains("\r\n421 4.4.2 "), "{heard}");
    soon("the client notices", dripping).await.unwrap();
    assert!(hop.seen().mails.is_empty());
}

#[tokio::test]
async fn a_client_that_is_still_sending_hears_why_it_is_let_go() {
    let hop = NextHop::start().await;
    let smtp = vec!["max_message_size = 70000".to_string(), "memory = 400000".to_string()];
    let poort = Poort::start(&Setup { smtp, ..Setup::default() }, &hop).await;
    for (beginning, code) in [("", "552 5.3.4 "), ("een\n.\r\n", "550 5.6.0 ")] {
        let mut client = Client::hello(poort.address).await;
        client.begin(ANNA, &[OUDER]).await;
        let upload = beginning.to_string() + &"0123456789\r\n".repeat(100_000);
        client.send(upload.as_bytes()).await;
        let heard = client.line().await.unwrap_or_default();
        assert!(heard.starts_with(code), "{code}: heard {heard:?}");
    }
}

#[tokio::test]
async fn a_message_of_the_limit_fits_into_twice_the_limit() {
    let hop = NextHop::start().await;
    let smtp = vec!["max_message_size = 200000".to_string(), "memory = 400000".to_string()];
    let poort = Poort::start(&Setup { smtp, ..Setup::default() }, &hop).await;
    let mut client = Client::hello(poort.address).await;
    let head = clean("precies");
    let head_on_the_wire = head.len() + head.matches('\n').count();
    let line = "0123456789012345678901234567890123456789\n";
    let lines = (200_000 - head_on_the_wire) / (line.len() + 1);
    let (code, reply) = client.mail(ANNA, &[OUDER], &(head + &line.repeat(lines))).await;
    assert_eq!(code, 250, "{reply}");
}

#[tokio::test]
async fn spent_memory_is_a_452_and_comes_back() {
    let hop = NextHop::start().await;
    let smtp = vec!["max_message_size = 200000".to_string(), "memory = 400000".to_string()];
    let poort = Poort::start(&Setup { smtp, ..Setup::default() }, &hop).await;
    let mut holding = Vec::new();
    for n in 1..=2 {
        let mut client = Client::hello(poort.address).await;
        client.ask(&format!("MAIL FROM:<{ANNA}> SIZE=190000")).await;
        client.ask(&format!("RCPT TO:<{OUDER}>")).await;
        assert_eq!(client.ask("DATA").await.0, 354);
        until("the memory is held", || poort.budget.used() >= n * 190_000).await;
        holding.push(client);
    }
    let mut client = Client::hello(poort.address).await;
    let (code, reply) = client.ask(&format!("MAIL FROM:<{ANNA}> SIZE=100000")).await;
    assert!(code == 452 && reply.contains("4.3.1"), "{reply}");
    // Without SIZE= it is found out on the way.
    let large = clean("groot") + &"0123456789".repeat(4000) + "\n";
    assert_eq!(client.mail(ANNA, &[OUDER], &large).await.0, 452);
    drop(holding);
    until("the memory is given back", || poort.budget.used() == 0).await;
    assert_eq!(client.mail(ANNA, &[OUDER], &large).await.0, 250);
    until("the memory is given back", || poort.budget.used() == 0).await;
    assert_eq!(hop.seen().taken().len(), 1);
}

// -- the verdict

#[tokio::test]
async fn different_routes_in_one_mail_stop_it_for_all_and_the_notice_says_so() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.mail(ANNA, &[COLLEAGUE], &with_bsn("binnen")).await.0, 250);
    assert_eq!(hop.seen().taken()[0].to, [COLLEAGUE], "a colleague alone would get it");
    assert_eq!(client.mail(ANNA, &[COLLEAGUE, OUDER], &with_bsn("samen")).await.0, 250);
    let seen = hop.seen();
    let order: Vec<&str> = seen.commands.iter().skip_while(|line| !line.starts_with("DATA")).map(|l| &l[..4]).collect();
    assert_eq!(order, ["DATA", "MAIL", "RCPT", "RCPT", "RSET", "MAIL", "RCPT", "DATA"], "RSET before the notice");
    let notice = seen.taken()[1].clone();
    assert_eq!((notice.from.as_str(), notice.to.as_slice()), ("", &[ANNA.to_string()][..]));
    let parsed = MessageParser::default().parse(&notice.raw).unwrap();
    let text = parsed.body_text(0).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Niemand van hen heeft de mail gekregen."), "{text}");
    assert!(text.contains(&format!("We hielden hem tegen vanwege {OUDER}.")), "{text}");
    assert!(!notice.text().contains("123456782"));
}

#[tokio::test]
async fn a_scan_that_runs_late_twice_makes_the_mail_unread() {
    let hop = NextHop::start().await;
    // A scan that gets no time is late; a panic takes the same way out of the scanner.
    let poort = Poort::start(&Setup { scan: vec!["deadline = \"1ms\"".into()], ..Setup::default() }, &hop).await;
    let mut client = Client::hello(poort.address).await;
    let large = clean("laat") + &"Een gewone regel.\n".repeat(80_000);
    let (code, reply) = client.mail(ANNA, &[OUDER], &large).await;
    assert!(code == 451 && reply.contains("4.3.0"), "{reply}");
    let (code, reply) = client.mail(ANNA, &[OUDER], &large).await;
    assert!(code == 550 && reply.contains("5.7.1"), "policy stops what nobody could read: {reply}");
    // Another mail is not the worse for it.
    assert_eq!(client.mail(ANNA, &[OUDER], &clean("klein")).await.0, 250);
    assert_eq!(hop.seen().taken().len(), 1);
    until("late scans give their memory back", || poort.budget.used() == 0).await;
}

// -- reload and drain

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_under_load_loses_nothing() {
    const CLIENTS: usize = 8;
    const EACH: usize = 25;
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let (address, done) = (poort.address, Arc::new(AtomicBool::new(false)));
    let mut sending = JoinSet::new();
    for c in 0..CLIENTS {
        sending.spawn(async move {
            let mut client = Client::hello(address).await;
            for n in 0..EACH {
                let (code, reply) = client.mail(ANNA, &[OUDER], &clean(&format!("last-{c}-{n}-"))).await;
                assert_eq!(code, 250, "{reply}");
            }
        });
    }
    let reloading = {
        let done = Arc::clone(&done);
        tokio::task::spawn_blocking(move || {
            let mut times = 0;
            while !done.load(Ordering::Relaxed) || times == 0 {
                poort.reload();
                times += 1;
            }
            times
        })
    };
    while let Some(result) = sending.join_next().await {
        result.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    assert!(reloading.await.unwrap() >= 1);
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for mail in hop.seen().taken() {
        let id = mail.text().lines().find(|line| line.starts_with("Message-ID")).unwrap().to_string();
        *times.entry(id).or_default() += 1;
    }
    assert_eq!((times.len(), times.values().max()), (CLIENTS * EACH, Some(&1)), "each once");
}

#[tokio::test]
async fn a_drain_finishes_what_is_under_way_and_takes_nothing_new() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let mut idle = Client::hello(poort.address).await;
    let mut uploading = Client::hello(poort.address).await;
    uploading.begin(ANNA, &[OUDER]).await;
    uploading.send(b"Subject: half\r\n").await;
    let mut waiting = Client::hello(poort.address).await;
    waiting.begin(ANNA, &[OUDER]).await;
    hop.rule("once on . stall slow");
    waiting.send(b"Subject: heel\r\n\r\nx\r\n.\r\n").await;
    hop.until("the end of data", |seen| seen.mails.len() == 1).await;

    let server = Arc::clone(&poort.server);
    let draining = tokio::spawn(async move { server.drain(Duration::from_secs(60)).await });
    assert!(idle.expect(421).await.contains("4.3.2"));
    assert_eq!(idle.line().await, None);
    soon("no new connections", async { while TcpStream::connect(poort.address).await.is_ok() {} }).await;
    assert!(!draining.is_finished());
    uploading.send(b"\r\nhelft\r\n.\r\n").await;
    assert!(uploading.expect(250).await.contains("queued"));
    uploading.expect(421).await;
    hop.release("slow");
    assert!(waiting.expect(250).await.contains("queued"));
    waiting.expect(421).await;
    assert!(soon("the end of the drain", draining).await.unwrap(), "all finished in time");
    assert_eq!(hop.seen().taken().len(), 2);
}

// -- TLS towards the next hop

/// Sends one mail to `localhost` with this demand; the reply.
async fn over_tls(demand: &str, hop: &NextHop) -> (u16, String) {
    let tls = format!("tls = \"{demand}\"");
    let ca: &[&str] = if demand == "verify" { &["ca = \"authority.pem\""] } else { &[] };
    let hosts = Some(format!("[\"localhost:{}\"]", hop.address.port()));
    let poort = Poort::start(&Setup { hosts, ..setup(&[&[tls.as_str()], ca].concat()) }, hop).await;
    let mut client = Client::hello(poort.address).await;
    client.ask(&format!("MAIL FROM:<{ANNA}>")).await;
    match client.ask(&format!("RCPT TO:<{OUDER}>")).await {
        (250, _) => {
            client.ask("DATA").await;
            client.content(&clean("dicht")).await
        }
        refused => refused,
    }
}

#[tokio::test]
async fn a_verified_next_hop_gets_the_mail_inside_tls() {
    let hop = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    assert_eq!(over_tls("verify", &hop).await.0, 250);
    let seen = hop.seen();
    let verbs: Vec<&str> = seen.commands.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(verbs, ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA"]);
}

#[tokio::test]
async fn a_next_hop_that_cannot_be_verified_gets_nothing() {
    let (expired, other) = (AUTHORITY.expired("localhost"), AUTHORITY.leaf("elders.example"));
    let injecting = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    injecting.rule("on STARTTLS say 220 go\\r\\n250-evil.example\\r\\n250 8BITMIME");
    let refusing = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    refusing.rule("on STARTTLS say 454 4.7.0 not now");
    let broken = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    broken.rule("on STARTTLS drop");
    for (what, hop) in [
        ("expired", NextHop::with_tls(expired.server_config()).await),
        ("another name", NextHop::with_tls(other.server_config()).await),
        ("its own authority", NextHop::with_tls(self_signed("localhost").server_config()).await),
        ("no STARTTLS", NextHop::start().await),
        ("replies injected behind 220", injecting),
        ("STARTTLS refused", refusing),
        ("hung up", broken),
    ] {
        let (code, reply) = over_tls("verify", &hop).await;
        assert_eq!(code, 451, "{what}: {reply}");
        assert!(what == "hung up" || reply.contains("4.7.5"), "{what}: {reply}");
        let seen = hop.seen();
        assert!(seen.count("MAIL") == 0 && seen.mails.is_empty(), "{what}: {:?}", seen.commands);
    }
}

#[tokio::test]
async fn a_null_sender_goes_the_way_of_the_school_that_proves_itself() {
    let (linde, eik) = (NextHop::start().await, NextHop::start().await);
    let second = format!(
        "[[next_hop]]\nname = \"eik\"\nhosts = [\"{}\"]\nsender_domains = [\"deeik.example\"]\ntls = \"off\"",
        eik.address
    );
    let client = vec!["networks = [\"127.0.0.1/32\"]".to_string(), "shared = true".to_string()];
    let poort = Poort::start(&Setup { client, scan: vec![second], ..Setup::default() }, &linde).await;
    let mut client = Client::hello(poort.address).await;
    for (proof, value, to_linde, to_eik) in [("Eik", "eik-geheim-22", 0, 1), ("Linde", "linde-geheim-1", 1, 1)] {
        let mail = format!("X-{proof}-Proof: {value}\n{}", clean("weg"));
        let (code, reply) = client.mail("", &[OUDER], &mail).await;
        assert_eq!(code, 250, "{reply}");
        assert_eq!((linde.seen().mails.len(), eik.seen().mails.len()), (to_linde, to_eik), "{proof}");
    }
}

#[tokio::test]
async fn a_password_goes_only_where_it_was_asked_for() {
    let offer = "on EHLO say 250-provider.example\\r\\n250-STARTTLS\\r\\n250 AUTH LOGIN";
    let credentials = [
        "tls = \"verify\"",
        "ca = \"authority.pem\"",
        "username = \"poort\"",
        "password_file = \"mark\"",
        "keep_idle = \"0s\"",
    ];
    let hop = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    hop.rule(offer);
    hop.rule("on AUTH LOGIN say 504 5.5.4 not that one");
    let hosts = format!("[\"localhost:{}\"]", hop.address.port());
    let poort = Poort::start(&Setup { hosts: Some(hosts), ..setup(&credentials) }, &hop).await;
    let mut client = Client::hello(poort.address).await;
    client.ask(&format!("MAIL FROM:<{ANNA}>")).await;
    let (code, reply) = client.ask(&format!("RCPT TO:<{OUDER}>")).await;
    assert!(code == 451 && reply.contains("sign-in"), "{reply}");
    // The user name and the password in base64.
    let seen = hop.seen();
    assert_eq!((seen.count("cG9vcnQ="), seen.count("d2lqLXdhcmVuLWhldA==")), (0, 0), "{:?}", seen.commands);
    // Asked for, they go.
    hop.rule("on AUTH LOGIN say 334 VXNlcm5hbWU6");
    hop.rule("on cG9vcnQ= say 334 UGFzc3dvcmQ6");
    hop.rule("on d2lqLXdhcmVuLWhldA== say 235 2.7.0 welcome");
    client.ask("RSET").await;
    assert_eq!(client.mail(ANNA, &[OUDER], &clean("aangemeld")).await.0, 250);
}

#[tokio::test]
async fn require_and_opportunistic_take_what_they_say() {
    let own = NextHop::with_tls(self_signed("elders.example").server_config()).await;
    assert_eq!(over_tls("require", &own).await.0, 250);
    assert_eq!(own.seen().count("STARTTLS"), 1);
    let plain = NextHop::start().await;
    let (code, reply) = over_tls("require", &plain).await;
    assert!(code == 451 && reply.contains("4.7.5"), "{reply}");
    assert_eq!(plain.seen().count("MAIL"), 0);
    assert_eq!(over_tls("opportunistic", &plain).await.0, 250);
    let refusing = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    refusing.rule("on STARTTLS say 454 4.7.0 not now");
    assert_eq!(over_tls("opportunistic", &refusing).await.0, 250);
    assert_eq!(over_tls("opportunistic", &own).await.0, 250);
}
