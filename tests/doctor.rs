//! `mailpoort doctor`: what is well, what is not and what to do, against next hops that are well and that are not.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;
mod support;

use std::path::Path;
use std::process::{Command, Output};

use inside::authority::{AUTHORITY, self_signed};
use inside::next_hop::NextHop;
use inside::poort::{self, Setup};
use tempfile::TempDir;

/// A configuration for which all is well but what a test spoils.
struct Ward {
    dir: TempDir,
    hop: NextHop,
}

impl Ward {
    async fn new(setup: Setup, hop: NextHop) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let dir = TempDir::new().unwrap();
        let top = setup.top.iter().cloned().chain(["data_dir = \"data\"".to_string()]).collect();
        poort::write(dir.path(), &Setup { top, ..setup }, hop.address);
        std::fs::create_dir(dir.path().join("data")).unwrap();
        std::fs::set_permissions(dir.path().join("data"), std::fs::Permissions::from_mode(0o700)).unwrap();
        Self { dir, hop }
    }

    /// What it says and its code; the next hop answers in the meantime.
    async fn examine(&self, arguments: &[&str]) -> (i32, String) {
        let output = mailpoort(self.dir.path(), arguments).await;
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    }

    fn spoil(&self, from: &str, to: &str) {
        let file = self.dir.path().join("mailpoort.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        assert!(config.contains(from), "{from} in\n{config}");
        std::fs::write(file, config.replacen(from, to, 1)).unwrap();
    }
}

async fn mailpoort(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailpoort"));
    command.arg("doctor").arg("--config").arg(folder.join("mailpoort.toml")).args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[track_caller]
fn line<'s>(said: &'s str, state: &str, words: &str) -> &'s str {
    let found = said.lines().find(|line| line.starts_with(state) && line.contains(words));
    found.unwrap_or_else(|| panic!("no line {state} ... {words} in\n{said}"))
}

fn verified() -> Setup {
    let next_hop =
        ["tls = \"verify\"", "ca = \"authority.pem\"", "username = \"poort\"", "password_file = \"linde-proof\""];
    Setup { next_hop: next_hop.map(str::to_string).to_vec(), ..Setup::default() }
}

/// A next hop that wants us to sign in.
async fn provider(leaf: inside::authority::Leaf) -> NextHop {
    let hop = NextHop::with_tls(leaf.server_config()).await;
    hop.rule("on EHLO say 250-provider.example\\r\\n250-STARTTLS\\r\\n250-8BITMIME\\r\\n250 AUTH PLAIN");
    hop
}

#[tokio::test]
async fn all_is_well() {
    let hop = provider(AUTHORITY.leaf("localhost")).await;
    hop.rule("on AUTH PLAIN say 235 2.7.0 ok");
    let (port, setup) = (hop.address.port(), verified());
    let hosts = Some(format!("[\"localhost:{port}\"]"));
    let ward = Ward::new(Setup { hosts, ..setup }, hop).await;
    let (code, said) = ward.examine(&[]).await;
    assert_eq!(code, 0, "{said}");
    line(&said, "ok", "de configuratie klopt");
    line(&said, "ok", "is vrij");
    line(&said, "ok", "voor één gebruiker");
    line(&said, "ok", "antwoordt op 127.0.0.1, versleuteld en gecontroleerd, aanmelden lukt");
    line(&said, "let op", "provider biedt geen SMTPUTF8, DSN");
    for (words, todo) in [
        ("geen datum van de DPIA", "zet `dpia`"),
        ("geen datum van het advies van de P(G)MR", "zet `participation_council`"),
        ("geen leerlingen bekend", "mailpoort roster import"),
        ("er is geen deputy, fg", "[school.deputy]"),
    ] {
        assert!(line(&said, "let op", words).split("Doen: ").nth(1).unwrap().contains(todo), "{said}");
    }
    assert_eq!(ward.hop.seen().count("MAIL"), 0, "nothing is asked that was not asked for");
    assert!(!said.contains("linde-geheim"), "{said}");
}

#[tokio::test]
async fn json_and_english_say_the_same() {
    let hop = NextHop::start().await;
    let ward = Ward::new(Setup { top: vec!["language = \"en\"".into()], ..Setup::default() }, hop).await;
    ward.spoil("id = \"linde\"", "id = \"linde\"\ndpia = \"2026-08-01\"\nstaff_letter = \"2999-01-01\"");
    let (code, said) = ward.examine(&[]).await;
    assert_eq!(code, 0, "{said}");
    line(&said, "ok", "linde: the DPIA (AVG art. 35) of 2026-08-01");
    line(&said, "warning", "linde: the letter to the staff is on 2999-01-01 only. To do: wait");
    line(&said, "ok", "answers at 127.0.0.1, not encrypted");
    let (code, json) = ward.examine(&["--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, json["ok"].as_bool()), (0, Some(true)));
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), said.lines().count());
    let dpia = checks.iter().find(|check| check["said"].as_str().unwrap().contains("DPIA")).unwrap();
    assert_eq!((dpia["check"].as_str(), dpia["state"].as_str(), dpia.get("todo")), (Some("duties"), Some("ok"), None));
}

#[tokio::test]
async fn next_hops_that_are_not_well() {
    let untrusted = provider(self_signed("localhost")).await;
    let expired = provider(AUTHORITY.expired("localhost")).await;
    let misnamed = provider(AUTHORITY.leaf("elders.example")).await;
    let refusing = provider(AUTHORITY.leaf("localhost")).await;
    refusing.rule("on AUTH say 535 5.7.8 no");
    let gone = NextHop::start().await;
    gone.rule("on connect drop");
    for (hop, setup, words) in [
        (untrusted, verified(), "geen TLS"),
        (expired, verified(), "geen TLS"),
        (misnamed, verified(), "geen TLS"),
        (refusing, verified(), "aanmelden wordt geweigerd"),
        (gone, Setup::default(), "niet te bereiken"),
    ] {
        let hosts = Some(format!("[\"localhost:{}\"]", hop.address.port()));
        let ward = Ward::new(Setup { hosts, ..setup }, hop).await;
        let (code, said) = ward.examine(&[]).await;
        assert_eq!(code, 1, "{words}: {said}");
        assert!(line(&said, "fout", words).contains("Doen: "), "{said}");
    }
    // A name without address beside a host that is well.
    let hop = NextHop::start().await;
    let hosts = Some(format!("[\"nergens.invalid:25\", \"{}\"]", hop.address));
    let ward = Ward::new(Setup { hosts, ..Setup::default() }, hop).await;
    let (code, said) = ward.examine(&[]).await;
    assert_eq!(code, 0, "{said}");
    line(&said, "let op", "(nergens.invalid:25) heeft geen adres");
}

#[tokio::test]
async fn the_way_of_notices_is_asked_when_wanted() {
    let hop = NextHop::start().await;
    let ward = Ward::new(Setup::default(), hop).await;
    let (code, said) = ward.examine(&["--live"]).await;
    assert_eq!(code, 0, "{said}");
    line(&said, "ok", "neemt mail van <> aan mailpoort@delinde.example");
    line(&said, "ok", "neemt mail van <> aan mailpoort@deeik.example");
    let seen = ward.hop.seen();
    assert_eq!((seen.count("MAIL FROM:<>"), seen.count("RSET"), seen.mails.len()), (2, 2, 0));
    ward.hop.rule("on RCPT TO:<mailpoort@deeik say 550 5.1.1 no");
    let (code, said) = ward.examine(&["--live"]).await;
    assert_eq!(code, 1, "{said}");
    line(&said, "fout", "weigert mail van <> aan mailpoort@deeik.example (550): leraren krijgen geen meldingen");
}

#[tokio::test]
async fn ports_files_and_modes_that_are_not_well() {
    use std::os::unix::fs::PermissionsExt;
    let hop = NextHop::start().await;
    let ward = Ward::new(Setup::default(), hop).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    // It must say something, or doctor waits for its greeting.
    std::thread::spawn(move || taken.incoming().for_each(drop));
    ward.spoil("listen = [\"127.0.0.1:0\"]", &format!("listen = [\"127.0.0.1:{port}\"]"));
    ward.spoil("mode = \"enforce\"", "mode = \"observe\"");
    ward.spoil("id = \"linde\"", "id = \"linde\"\nmode = \"advise\"");
    let data = ward.dir.path().join("data");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(data.join("seal.key"), "kort").unwrap();
    let mut short = rcgen::CertificateParams::new(vec!["elders.example".to_string()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let end = std::time::SystemTime::now() + std::time::Duration::from_secs(20 * 86_400);
    short.not_after = end.into();
    std::fs::write(ward.dir.path().join("poort.pem"), short.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(ward.dir.path().join("poort.key"), key.serialize_pem()).unwrap();
    let (code, said) = ward.examine(&[]).await;
    assert_eq!(code, 1, "{said}");
    line(&said, "fout", "luistert een ander programma. Doen: zoek het");
    line(&said, "let op", "anderen mogen in");
    line(&said, "fout", "seal.key: others may read the key. Doen: chmod 600 it");
    line(&said, "let op", "geldt nog 19 dagen. Doen: vernieuw het");
    line(&said, "let op", "is niet voor de naam poort.delinde.example");
    line(&said, "let op", "linde: een `mode` van de school");
    // A configuration that does not load is told as it always is.
    ward.spoil("hostname", "hotsname");
    let (code, said) = ward.examine(&[]).await;
    assert!(code == 1 && line(&said, "fout", "mailpoort.toml:1").contains("Doen: "), "{said}");
}

/// The program as it is: its listeners are known again, a pause is seen without a signal and outlives a restart.
#[test]
fn a_running_gate_is_known_and_hears_of_a_pause() {
    let dir = TempDir::new().unwrap();
    let (gates, ours, theirs) = (support::address(210), support::address(220), support::address(240));
    let sink = support::sink::Sink::listen(&format!("{theirs}:2525"));
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let config = format!(
        r#"hostname = "poort.delinde.example"
mode = "enforce"
data_dir = "data"
[[school]]
id = "linde"
name = "De Linde"
domains = ["delinde.example"]
privacy = {{ name = "Sanne Vos", phone = "000-1" }}
helpdesk = {{ name = "ICT", phone = "000-2" }}
[smtp]
listen = ["{gates}:2525"]
[[smtp.client]]
name = "mailserver"
networks = ["{ours}"]
[[next_hop]]
name = "provider"
hosts = ["{theirs}:2525"]
tls = "off"
[metrics]
listen = "{gates}:9925"
"#
    );
    let gate = support::gate::Gate::start(dir.path(), &config);
    let ready = || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(format!("{gates}:9925")).ok()?;
        stream.write_all(b"GET /ready HTTP/1.0\r\n\r\n").ok()?;
        let mut said = String::new();
        stream.read_to_string(&mut said).ok()?;
        Some(said)
    };
    let bsn =
        b"From: <juf@delinde.example>\r\nSubject: Aanmelding\r\n\r\nHet burgerservicenummer (BSN) is 123456782.\r\n";
    let sent = || {
        let mut client = support::client::Client::connect(&ours, &format!("{gates}:2525"));
        let reply = client.send("juf@delinde.example", &["ouder@thuis.example"], bsn);
        assert!(reply.starts_with("250"), "{reply}");
        sink.kept().iter().filter(|(to, _)| to.iter().any(|to| to.contains("ouder@thuis.example"))).count()
    };
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailpoort"));
        let output = command.args(arguments).arg("--config").arg(dir.path().join("mailpoort.toml")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = command(&["doctor"]);
    line(&said, "ok", &format!("mailpoort luistert op {gates}:2525"));
    line(&said, "ok", &format!("mailpoort luistert op {gates}:9925"));
    let patience = std::time::Duration::from_secs(30);
    assert_eq!(sent(), 0, "enforced");
    command(&["pause", "--for", "1h", "--reason", "storing"]);
    support::until(|| "pause", patience, || ready()?.contains("paused").then_some(()));
    assert_eq!(sent(), 1, "paused");
    line(&command(&["doctor"]), "let op", "gepauzeerd voor alle scholen tot");
    let log = gate.stop();
    assert!(log.contains("pause_begin") && log.contains("storing"), "{log}");
    let gate = support::gate::Gate::start(dir.path(), &config);
    assert_eq!(sent(), 2, "paused from the first mail on");
    command(&["pause", "--end"]);
    support::until(|| "end of the pause", patience, || (!ready()?.contains("paused")).then_some(()));
    assert_eq!(sent(), 2, "enforced again");
    assert!(gate.stop().contains("pause_end"));
}
