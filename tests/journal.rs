//! The journal of a gate as it runs: a kill leaves a mark, a store that cannot be written stops no mail, the commands tell
//! what is there, and the report on the policy counts right.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use inside::client::Client;
use inside::next_hop::NextHop;
use inside::poort::{self, Setup};
use inside::soon;
use mailpoort::record::rollout::{Answer, Tally};
use mailpoort::school::Language;
use mailpoort::seal::SealKey;
use mailpoort::store::Store;
use mailpoort::store::journal::find::Which;
use mailpoort::store::journal::{NewLine, People, Sort};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

const SENDER: &str = "juf@delinde.example";
const PARENT: &str = "ouder@thuis.example";

struct Running {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Running {
    async fn start(dir: &Path) -> Self {
        let log = dir.join("stderr.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailpoort"));
        command.arg("serve").arg("--config").arg(dir.join("mailpoort.toml"));
        let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            line
        });
        let line = soon("the program is ready", line).await.unwrap();
        let address = line.split("smtp=").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|a| a.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{line}{}", std::fs::read_to_string(&log).unwrap()));
        Self { child, address, log }
    }

    async fn end(mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let status = tokio::task::spawn_blocking(move || self.child.wait().unwrap());
        assert_eq!(soon("the end of the program", status).await.unwrap().success(), signal == Signal::TERM);
    }

    async fn send(&self, id: &str, body: &str) -> u16 {
        let mut client = Client::hello(self.address).await;
        let mail =
            format!("From: <{SENDER}>\nTo: <{PARENT}>\nSubject: x\nMessage-ID: <{id}@delinde.example>\n\n{body}\n");
        client.mail(SENDER, &[PARENT], &mail).await.0
    }

    async fn log_has(&self, words: &str) {
        soon(words, async {
            while !std::fs::read_to_string(&self.log).unwrap().contains(words) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

async fn setup() -> (TempDir, NextHop) {
    let (dir, hop) = (TempDir::new().unwrap(), NextHop::start().await);
    let setup = Setup { top: vec!["data_dir = \"kept\"".into()], ..Setup::default() };
    poort::write(dir.path(), &setup, hop.address);
    (dir, hop)
}

fn store(folder: &Path) -> Store {
    std::fs::create_dir_all(folder).unwrap();
    Store::open(folder, Arc::new(SealKey::load_or_make(&folder.join("seal.key")).unwrap())).unwrap()
}

async fn mails(store: &Store) -> usize {
    store.journal_lines(&Which { of_mail: true, ..Which::default() }, 0, 1000).await.unwrap().len()
}

async fn written(store: &Store, number: usize) {
    soon("the lines are written", async {
        while mails(store).await < number {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn mailpoort(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailpoort"));
    command.args(arguments).arg("--config").arg(dir.join("mailpoort.toml")).output().unwrap()
}

fn printed(dir: &Path, arguments: &[&str]) -> String {
    let output = mailpoort(dir, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_kill_leaves_a_mark_and_a_stop_leaves_none() {
    let (dir, _hop) = setup().await;
    let running = Running::start(dir.path()).await;
    assert_eq!(running.send("een", "Hallo.").await, 250);
    let store = store(&dir.path().join("kept"));
    written(&store, 1).await;
    // Its line may be lost.
    assert_eq!(running.send("twee", "Hallo.").await, 250);
    running.end(Signal::KILL).await;
    let known = mails(&store).await;
    let running = Running::start(dir.path()).await;
    assert_eq!(running.send("drie", "Hallo.").await, 250);
    running.end(Signal::TERM).await;
    assert_eq!(mails(&store).await, known + 1, "a stop waits for the last line");
    let verified = store.verify_journal(None).await.unwrap();
    assert_eq!((verified.restarts.len(), &verified.wrong), (1, &None));
    let start = store.journal_lines(&Which::default(), verified.restarts[0] - 1, 1).await.unwrap().remove(0);
    assert_eq!((&start.core["stopped"], &start.core["after"]), (&json!(false), &json!(start.number - 1)));
    Running::start(dir.path()).await.end(Signal::TERM).await;
    assert_eq!(store.verify_journal(None).await.unwrap().restarts.len(), 1);
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_no_mail() {
    let (dir, _hop) = setup().await;
    let running = Running::start(dir.path()).await;
    assert_eq!(running.send("een", "Hallo.").await, 250);
    let store = store(&dir.path().join("kept"));
    written(&store, 1).await;
    let by_hand = Connection::open(dir.path().join("kept/mailpoort.db")).unwrap();
    by_hand.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    by_hand.execute_batch("ALTER TABLE journal RENAME TO elsewhere").unwrap();
    for n in 0..5 {
        assert_eq!(running.send(&n.to_string(), "Hallo.").await, 250);
    }
    running.log_has("the journal cannot be written to the store").await;
    by_hand.execute_batch("ALTER TABLE elsewhere RENAME TO journal").unwrap();
    running.log_has("the journal is written to the store again").await;
    written(&store, 6).await;
    running.end(Signal::TERM).await;
    let verified = store.verify_journal(None).await.unwrap();
    assert_eq!((verified.lost, verified.wrong, verified.restarts.len()), (0, None, 0));
}

#[tokio::test]
async fn the_commands_tell_what_is_there() {
    let (dir, _hop) = setup().await;
    assert!(!mailpoort(dir.path(), &["journal", "verify"]).status.success(), "there is no store yet");
    assert!(!dir.path().join("kept").exists(), "looking makes nothing");
    let running = Running::start(dir.path()).await;
    assert_eq!(running.send("een", "Hallo.").await, 250);
    assert_eq!(running.send("bsn", "BSN van de leerling: 123456782").await, 250);
    running.end(Signal::TERM).await;

    let verified: Value = serde_json::from_str(&printed(dir.path(), &["journal", "verify", "--json"])).unwrap();
    assert_eq!((&verified["restarts"], &verified["wrong"]), (&json!([]), &Value::Null));
    let head = format!("{}:{}", verified["last"], verified["head"].as_str().unwrap());
    printed(dir.path(), &["journal", "verify", "--head", &head]);

    let exported = mailpoort(dir.path(), &["journal", "export"]);
    let lines: Vec<Value> =
        exported.stdout.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let said = |event: &str, sort: &str| {
        let is = |line: &&Value| line["said"]["event"] == event && line["sort"] == sort;
        lines.iter().filter(is).collect::<Vec<_>>()
    };
    assert_eq!((said("start", "gate").len(), said("stop", "gate").len(), said("mail", "passed").len()), (1, 1, 1));
    assert!(said("delivery", "incident").iter().all(|line| line["said"]["kind"] == "notice"), "{lines:?}");
    let [stopped] = said("mail", "incident")[..] else { panic!("{lines:?}") };
    assert!(String::from_utf8_lossy(&exported.stderr).contains(&head), "the head stands beside it");
    assert!(!String::from_utf8_lossy(&exported.stdout).contains("thuis"), "no address");
    assert_eq!((&stopped["said"]["kinds"]["bsn"], &stopped["said"]["code"]), (&json!(1), &json!(250)));
    assert!(stopped["trace"]["rules"].as_object().unwrap().contains_key("nl.bsn"));

    let id = stopped["id"].as_str().unwrap();
    assert!(printed(dir.path(), &["journal", "find", "--id", id]).lines().all(|line| line.contains(id)));
    let found = printed(dir.path(), &["journal", "find", "--message-id", "<bsn@delinde.example>"]);
    assert_eq!((found.lines().count(), found.contains(id)), (1, true));
    for (by, number) in [("--sender", 0), ("--recipient", 2), ("--person", 2)] {
        assert_eq!(
            printed(dir.path(), &["journal", "find", by, "OUDER@thuis.example"]).lines().count(),
            number,
            "{by}"
        );
    }
    let opened = printed(dir.path(), &["journal", "find", "--person", PARENT, "--addresses", "--csv"]);
    assert!(opened.starts_with("line;time;") && opened.contains(PARENT) && opened.lines().count() == 3, "{opened}");
    let noted = printed(dir.path(), &["journal", "export"]);
    assert!(noted.lines().last().unwrap().contains("opened"), "whoever opens addresses is noted");

    let purged: Value = serde_json::from_str(&printed(dir.path(), &["purge", "--dry-run", "--json"])).unwrap();
    assert!(purged["sorts"].as_array().unwrap().iter().all(|sort| sort["due"] == 0), "{purged}");
    assert!(printed(dir.path(), &["purge"]).contains("tegengehouden mail"));
    let report: Value = serde_json::from_str(&printed(dir.path(), &["rollout", "--json"])).unwrap();
    assert_eq!((&report["mails"], &report["senders"]), (&json!(2), &json!(1)));
    assert!(printed(dir.path(), &["rollout"]).contains("2 mails van 1 afzenders"));
    assert!(printed(dir.path(), &["rollout", "--flows"]).contains("soort gegevens"));

    let found: Value = serde_json::from_str(&printed(dir.path(), &["person", "find", PARENT, "--json"])).unwrap();
    let rows = |sort: &str| found["journal"].as_array().unwrap().iter().find(|one| one["sort"] == sort).unwrap();
    assert_eq!((&rows("passed")["rows"], &rows("incident")["rows"]), (&json!(1), &json!(1)), "{found}");
    assert!(rows("incident")["until"].as_i64() > rows("passed")["until"].as_i64(), "{found}");
    let shown = printed(dir.path(), &["person", "find", "OUDER@thuis.example"]);
    assert!(shown.contains("journaal: incidenten") && !shown.to_lowercase().contains("ouder@"), "{shown}");
    let erased = printed(dir.path(), &["person", "erase", PARENT]);
    assert!(erased.contains("journaal: doorgelaten mail: 0 gewist, 1 bewaard (bewijs, tot 20"), "{erased}");
    assert!(!mailpoort(dir.path(), &["person", "find", "niemand"]).status.success());
    assert!(printed(dir.path(), &["journal", "erase", "--person", PARENT, "--dry-run"]).starts_with("2 lines"));
    assert!(
        printed(dir.path(), &["journal", "erase", "--person", PARENT]).starts_with("2 lines were due, 2 are erased")
    );
    assert_eq!(printed(dir.path(), &["journal", "find", "--person", PARENT]), "");
    printed(dir.path(), &["journal", "verify"]);
    let by_hand = Connection::open(dir.path().join("kept/mailpoort.db")).unwrap();
    by_hand.execute("UPDATE journal SET core = '{}' WHERE number = 1", []).unwrap();
    let wrong = mailpoort(dir.path(), &["journal", "verify"]);
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stdout).contains("WRONG at line 1"));
}

/// A mail of a teacher (or a copier) at an hour, with the routes of its recipients.
fn mail(hour: i64, teacher: u32, program: bool, kinds: Value, routes: &[(&str, &str, &str, &str)]) -> NewLine {
    let routes: Vec<Value> = routes
        .iter()
        .map(|(class, line, asked, route)| {
            json!({"class": class, "line": line, "asked": asked, "route": route, "advise": false, "recipients": 2})
        })
        .collect();
    let client = if program { "copiers" } else { "mailserver" };
    let core =
        json!({"event": "mail", "client": client, "program": program, "kinds": kinds, "routes": routes, "code": 250});
    NewLine {
        at: hour * 3_600_000,
        school: "linde".into(),
        sort: Sort::Passed,
        mail: Some(hour.to_string()),
        core: core.to_string(),
        trace: None,
        people: People { sender: Some(format!("leraar{teacher}@delinde.example")), ..People::default() },
    }
}

#[tokio::test]
async fn the_rollout_counts_right() {
    let folder = TempDir::new().unwrap();
    let store = store(folder.path());
    let mut lines = vec![NewLine::of_gate(0, r#"{"event":"start"}"#.into())];
    // In 14 days: 60 clean mails of six teachers.
    for n in 0..60 {
        let teacher = u32::try_from(n % 6).unwrap();
        lines.push(mail(n * 5, teacher, false, json!({}), &[("unknown", "clean", "pass", "pass")]));
    }
    // 20 that would be shared, of five teachers; half of these also have a recipient for whom only advice is due.
    for n in 0..20 {
        let share = ("unknown", "04_health_stranger", "share", "pass");
        let advice = ("unknown", "01_name_odd", "pass", "pass");
        let routes = if n % 2 == 0 { vec![share] } else { vec![share, advice] };
        lines.push(mail(100 + n, u32::try_from(n % 5).unwrap(), false, json!({"health": 1}), &routes));
    }
    // Three blocks of two teachers, one of them for two classes at once; a scanner's mail.
    lines.push(mail(
        200,
        1,
        false,
        json!({"bsn": 1}),
        &[("care", "05_bsn", "block", "pass"), ("unknown", "05_bsn", "block", "block")],
    ));
    lines.push(mail(201, 1, false, json!({"bsn": 2}), &[("unknown", "05_bsn", "block", "block")]));
    lines.push(mail(202, 2, false, json!({"bsn": 1}), &[("unknown", "06_bsn_list", "block", "pass")]));
    lines.push(mail(336, 99, true, json!({"bsn": 1}), &[("inside", "05_inside", "tls", "pass")]));
    let last = store.clone();
    tokio::task::spawn_blocking(move || last.journal_blocking(&lines)).await.unwrap().unwrap();

    let mut tally = Tally::default();
    for line in store.journal_lines(&Which::default(), 0, 1000).await.unwrap() {
        tally.add(&line, |id| id == "01_name_odd");
    }
    let report = tally.report();
    assert_eq!((report.mails, report.senders, report.days), (84, 7, 14.0));
    let answers: Vec<_> = report.answers.iter().map(|a| (a.answer, a.mails, a.per_week)).collect();
    assert_eq!(answers, [(Answer::Block, 3, 2), (Answer::Share, 20, 10), (Answer::Tls, 1, 1)]);
    let rows: Vec<_> = report
        .lines
        .iter()
        .map(|row| (row.line.as_deref(), row.mails, row.per_100, row.senders, row.stopped))
        .collect();
    assert_eq!(
        rows,
        [
            (Some("04_health_stranger"), 20, 23.8, Some(5), 0),
            (Some("01_name_odd"), 10, 11.9, Some(5), 0),
            // 05_bsn twice, 06_bsn_list, 05_inside: of three senders.
            (None, 4, 4.8, None, 2),
        ]
    );
    let flows: Vec<_> = report
        .flows
        .iter()
        .map(|row| (row.client.as_deref(), row.kind.as_deref(), row.class.as_deref(), row.mails, row.recipients))
        .collect();
    assert_eq!(
        flows,
        [
            (Some("mailserver"), Some("health"), Some("unknown"), 20, 60),
            (Some("copiers"), Some("bsn"), Some("inside"), 1, 2),
            // A mail to two classes is in two flows.
            (None, None, None, 4, 8),
        ]
    );
    let dutch = report.in_language(Language::Nl);
    for words in [
        "84 mails van 7 afzenders, in 14 dagen.",
        "10 mails per week zouden veilig gedeeld worden.",
        "de overige",
        "<5",
    ] {
        assert!(dutch.contains(words), "{words}:\n{dutch}");
    }
    assert!(report.in_language(Language::En).contains("10 mails a week would become shares."));
    assert!(!dutch.contains("05_bsn") && !dutch.contains("leraar"), "few are not told apart:\n{dutch}");
}
