//! What programs that watch are told: health, readiness, metrics; and that no canary sings there.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::net::SocketAddr;
use std::path::PathBuf;

use inside::authority::AUTHORITY;
use inside::client::Client;
use inside::next_hop::NextHop;
use inside::poort::{Poort, Setup};
use inside::soon;
use mailpoort::status::{self, Watched};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SENDER: &str = "juf.geheimpje@delinde.example";
const RECIPIENT: &str = "verborgen.ontvanger@kanariedomein.example";
const CANARIES: [&str; 9] = [
    "geheimpje",
    "verborgen",
    "kanariedomein",
    "123456782",
    "Zonnebloemplan",
    "kanariegeel",
    "message-id-kanarie",
    "delinde.example",
    "127.0.0.1",
];

async fn watched(poort: &Poort, journal: Option<PathBuf>) -> SocketAddr {
    let (gate, server) = (poort.gate.clone(), poort.server.clone());
    let watched = Watched { gate, server, budget: poort.budget.clone(), journal, acme: None };
    status::serve("127.0.0.1:0".parse().unwrap(), watched).await.unwrap()
}

/// The code and the body of a page.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    soon("a page", async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_string())
    })
    .await
}

async fn health(address: SocketAddr) -> (u16, serde_json::Value) {
    let (code, body) = get(address, "/health").await;
    (code, serde_json::from_str(&body).unwrap())
}

/// The samples of the page, by name and labels.
async fn metrics(address: SocketAddr) -> Metrics {
    let (code, page) = get(address, "/metrics").await;
    assert_eq!(code, 200);
    Metrics(page)
}

struct Metrics(String);

impl Metrics {
    #[track_caller]
    fn get(&self, sample: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in\n{}", self.0)).parse().unwrap()
    }
}

fn mail(id: &str, text: &str) -> String {
    format!(
        "From: <{SENDER}>\nTo: <{RECIPIENT}>\nSubject: Zonnebloemplan\nMessage-ID: <{id}@message-id-kanarie.example>\n\n{text}\n"
    )
}

const BSN: &str = "Het burgerservicenummer (BSN) van de kanariegeel leerling is 123456782.";

#[tokio::test]
async fn everything_is_counted_and_no_canary_sings() {
    let hop = NextHop::start().await;
    let top = vec!["flood = { messages_per_hour = 4 }".to_string()];
    let poort = Poort::start(&Setup { top, ..Setup::default() }, &hop).await;
    let address = watched(&poort, None).await;
    let mut client = Client::hello(poort.address).await;
    let locked = "Content-Type: application/octet-stream; name=\"kanariegeel.zip\"\nContent-Transfer-Encoding: base64\n\nUEsDBBQAAQA=\n";
    for (id, text) in [("a", "Tot vrijdag."), ("b", "Tot vrijdag."), ("c", BSN)] {
        assert_eq!(client.mail(SENDER, &[RECIPIENT], &mail(id, text)).await.0, 250);
    }
    // What is to come again counts for nothing yet.
    hop.rule("once on . say 451 4.3.0 verborgen.ontvanger is busy");
    assert_eq!(client.mail(SENDER, &[RECIPIENT], &mail("e", "Hoi.")).await.0, 451);
    let with_file = mail("d", locked).replacen("\n\nContent-Type", "\nContent-Type", 1);
    let (code, reply) = client.mail(SENDER, &[RECIPIENT], &with_file).await;
    assert_eq!(code, 250, "{reply}");
    assert_eq!(client.mail(SENDER, &[RECIPIENT], &mail("f", "Hoi.")).await.0, 451, "the flood brake");
    let counted = metrics(address).await;
    for (sample, number) in [
        ("mailpoort_messages_total{route=\"pass\",reply=\"2xx\"}", 2.0),
        ("mailpoort_messages_total{route=\"pass\",reply=\"4xx\"}", 1.0),
        ("mailpoort_messages_total{route=\"block\",reply=\"2xx\"}", 2.0),
        ("mailpoort_messages_total{route=\"refused\",reply=\"4xx\"}", 1.0),
        ("mailpoort_told_total{how=\"notice\"}", 2.0),
        ("mailpoort_findings_total{kind=\"bsn\"}", 1.0),
        ("mailpoort_flood_braked_total", 1.0),
        ("mailpoort_notes_untold_total", 0.0),
        ("mailpoort_scan_seconds_count", 5.0),
        ("mailpoort_message_octets_count", 6.0),
        ("mailpoort_sessions_total{client=\"listed\"}", 1.0),
        ("mailpoort_sessions_open", 1.0),
        // Two mails, two notices, and one that it put off.
        ("mailpoort_next_hop_replies_total{next_hop=\"provider\",reply=\"2xx\"}", 4.0),
        ("mailpoort_next_hop_replies_total{next_hop=\"provider\",reply=\"4xx\"}", 1.0),
        ("mailpoort_next_hop_reply_seconds_count{next_hop=\"provider\"}", 5.0),
        ("mailpoort_next_hop_up{next_hop=\"provider\"}", 1.0),
        ("mailpoort_readers_total{what=\"died\"}", 0.0),
        ("mailpoort_memory_limit_bytes", 512e6),
        ("mailpoort_memory_used_bytes", 0.0),
        ("mailpoort_paused", 0.0),
    ] {
        assert_eq!(counted.get(sample), number, "{sample} in\n{}", counted.0);
    }
    let unread: f64 = counted.0.lines().filter(|l| l.starts_with("mailpoort_unread_total{")).map(value).sum();
    assert_eq!(unread, 1.0, "{}", counted.0);
    let (_, ready) = get(address, "/ready").await;
    let (_, health) = get(address, "/health").await;
    for canary in CANARIES {
        let pages = [&counted.0, &ready, &health];
        assert!(pages.iter().all(|page| !page.to_lowercase().contains(&canary.to_lowercase())), "{canary} sings");
    }
    // What was counted of the next hop is not forgotten by a reload.
    poort.reload();
    assert_eq!(metrics(address).await.get("mailpoort_next_hop_reply_seconds_count{next_hop=\"provider\"}"), 5.0);
    // However many senders there are, the page stays as long as it is.
    let lines = counted.0.lines().count();
    for n in 0..20 {
        let from = format!("juf{n}@delinde.example");
        client.mail(&from, &[&format!("ouder{n}@domein{n}.example")], &mail(&n.to_string(), BSN)).await;
    }
    assert_eq!(metrics(address).await.0.lines().count(), lines);
}

fn value(line: &str) -> f64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn health_is_green_or_says_what_is_wrong() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let journal = poort.dir.path().join("journal.jsonl");
    std::fs::write(&journal, "").unwrap();
    let address = watched(&poort, Some(journal.clone())).await;
    let (code, said) = health(address).await;
    assert_eq!((code, said["status"].as_str(), said["reasons"].as_array().unwrap().len()), (200, Some("green"), 0));
    assert_eq!(get(address, "/ready").await, (200, "yes\n".into()));
    // The next hop goes away.
    hop.hang_up("").await;
    hop.rule("once on connect drop");
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.ask(&format!("MAIL FROM:<{SENDER}>")).await.0, 250);
    assert_eq!(client.ask(&format!("RCPT TO:<{RECIPIENT}>")).await.0, 451);
    assert_eq!(client.ask("RSET").await.0, 250);
    let (code, said) = health(address).await;
    let reason = said["reasons"][0].as_str().unwrap();
    assert!(code == 503 && reason.starts_with("the next hop provider cannot be reached"), "{said}");
    assert_eq!(metrics(address).await.get("mailpoort_next_hop_up{next_hop=\"provider\"}"), 0.0);
    assert_eq!(get(address, "/ready").await.0, 200, "clients can be told to come back");
    // And comes back.
    assert_eq!(client.mail(SENDER, &[RECIPIENT], &mail("a", "Hoi.")).await.0, 250);
    assert_eq!(health(address).await.0, 200);
    // The journal is gone.
    std::fs::remove_file(&journal).unwrap();
    let (code, said) = health(address).await;
    assert!(code == 503 && said["reasons"][0].as_str().unwrap().starts_with("the journal cannot be written"), "{said}");
    assert_eq!(get(address, "/else").await.0, 404);
}

#[tokio::test]
async fn certificates_and_a_pause_are_told() {
    let hop = NextHop::start().await;
    let setup = Setup { top: vec!["data_dir = \"data\"".into()], ..Setup::default() };
    let poort = Poort::start(&setup, &hop).await;
    let address = watched(&poort, None).await;
    for (days, code, word) in [
        (40, 200, "\"warnings\":[]"),
        (30, 200, "ends in 29 days"),
        (10, 200, "ends in 9 days"),
        (1, 503, "ends in 0 days"),
        (-1, 503, "ended"),
    ] {
        let mut params = CertificateParams::new(vec!["poort.delinde.example".to_string()]).unwrap();
        let end = std::time::SystemTime::now() + std::time::Duration::from_secs(40 * 86_400);
        params.not_after = (end - std::time::Duration::from_secs((40 - days) as u64 * 86_400)).into();
        let key = KeyPair::generate().unwrap();
        std::fs::write(poort.dir.path().join("poort.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(poort.dir.path().join("poort.key"), key.serialize_pem()).unwrap();
        poort.reload();
        let (got, said) = health(address).await;
        assert!(got == code && said.to_string().contains(word), "{days}: {got} {said}");
    }
    let leaf = AUTHORITY.leaf("poort.delinde.example");
    std::fs::write(poort.dir.path().join("poort.pem"), leaf.certificate).unwrap();
    std::fs::write(poort.dir.path().join("poort.key"), leaf.key).unwrap();
    poort.reload();
    std::fs::create_dir_all(poort.dir.path().join("data")).unwrap();
    let pause = std::process::Command::new(env!("CARGO_BIN_EXE_mailpoort"))
        .args(["pause", "--for", "1h", "--reason", "storing", "--config"])
        .arg(poort.dir.path().join("mailpoort.toml"))
        .status();
    assert!(pause.unwrap().success());
    poort.gate.look_for_pause().await;
    let (code, said) = health(address).await;
    assert!(code == 200 && said["warnings"][0].as_str().unwrap().starts_with("paused for all schools"), "{said}");
    assert_eq!(get(address, "/ready").await, (200, "yes, and paused: everything passes\n".into()));
    assert_eq!(metrics(address).await.get("mailpoort_paused"), 1.0);
}

#[tokio::test]
async fn a_gate_that_is_being_stopped_is_not_ready() {
    let hop = NextHop::start().await;
    let poort = Poort::start(&Setup::default(), &hop).await;
    let address = watched(&poort, None).await;
    poort.server.drain(std::time::Duration::from_secs(5)).await;
    assert_eq!(get(address, "/ready").await.0, 503);
}
