//! How far mail may go: the ceiling, the schools, their pilot groups, the pause; and the flood brake.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::path::Path;
use std::process::{Command, Output};

use inside::client::Client;
use inside::next_hop::NextHop;
use inside::poort::{Poort, Setup};
use mailpoort::gate::pause::Pauses;

const OUDER: &str = "ouder@post.example";

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_string()).collect()
}

/// A mail that the shipped policy blocks.
fn with_bsn(from: &str, id: &str) -> String {
    format!(
        "From: <{from}>\nTo: <{OUDER}>\nSubject: Aanmelding\nMessage-ID: <{id}@delinde.example>\n\nHet burgerservicenummer (BSN) van de leerling is 123456782.\n"
    )
}

/// Whether a mail with a BSN reaches its recipient.
async fn passes(poort: &Poort, hop: &NextHop, from: &str) -> bool {
    let sent = hop.seen().mails.len();
    let id = format!("m{sent}");
    let (code, reply) = Client::hello(poort.address).await.mail(from, &[OUDER], &with_bsn(from, &id)).await;
    assert_eq!(code, 250, "{reply}");
    hop.seen().mails.iter().skip(sent).any(|mail| mail.to.iter().any(|to| to.contains(OUDER)))
}

#[tokio::test]
async fn each_school_and_pilot_group_goes_as_far_as_it_is_told_and_none_over_the_ceiling() {
    let hop = NextHop::start().await;
    let setup = |school: &[&str]| Setup { school: lines(school), ..Setup::default() };
    let pilot = "pilot = [{ mode = \"enforce\", senders = [\"ib@delinde.example\"] }]";
    for (school, anna, ib) in [
        (vec![], false, false),
        (vec!["mode = \"observe\""], true, true),
        (vec!["mode = \"advise\"", pilot], true, false),
        (vec!["pilot = [{ mode = \"observe\", senders = [\"@delinde.example\"] }]"], true, true),
    ] {
        let poort = Poort::start(&setup(&school), &hop).await;
        for (from, expected) in
            [("anna@delinde.example", anna), ("IB@delinde.example", ib), ("juf@deeik.example", false)]
        {
            assert_eq!(passes(&poort, &hop, from).await, expected, "{school:?} {from}");
        }
    }
}

// -- pause

fn mailpoort(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mailpoort"))
        .args(arguments)
        .arg("--config")
        .arg(folder.join("mailpoort.toml"))
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

async fn with_data(hop: &NextHop) -> Poort {
    let poort = Poort::start(&Setup { top: lines(&["data_dir = \"data\""]), ..Setup::default() }, hop).await;
    std::fs::create_dir_all(poort.dir.path().join("data")).unwrap();
    poort
}

#[tokio::test]
async fn a_pause_lets_mail_pass_until_it_is_ended() {
    let hop = NextHop::start().await;
    let poort = with_data(&hop).await;
    let (anna, eik) = ("anna@delinde.example", "juf@deeik.example");
    assert!(!passes(&poort, &hop, anna).await);
    let done = mailpoort(poort.dir.path(), &["pause", "--for", "2h", "--reason", "storing", "--school", "linde"]);
    assert!(done.status.success() && said(&done).contains("Gepauzeerd tot"), "{}", said(&done));
    poort.gate.look_for_pause().await;
    assert!(passes(&poort, &hop, anna).await && !passes(&poort, &hop, eik).await, "one school alone");
    assert_eq!(poort.gate.pauses()[0].school.as_deref(), Some("linde"));
    assert!(mailpoort(poort.dir.path(), &["pause", "--for", "8h", "--reason", "storing"]).status.success());
    poort.gate.look_for_pause().await;
    assert!(passes(&poort, &hop, eik).await, "all of them");
    let done = mailpoort(poort.dir.path(), &["pause", "--end"]);
    assert!(done.status.success() && said(&done).contains("voorbij"), "{}", said(&done));
    poort.gate.look_for_pause().await;
    assert!(!passes(&poort, &hop, anna).await && !passes(&poort, &hop, eik).await);
}

#[tokio::test]
async fn a_pause_is_no_longer_than_a_day_at_work_and_has_a_reason() {
    let hop = NextHop::start().await;
    let poort = with_data(&hop).await;
    for (arguments, sentence) in [
        (vec!["pause"], "--for"),
        (vec!["pause", "--for", "2h"], "--reason"),
        (vec!["pause", "--for", "9h", "--reason", "storing"], "8 hours at most"),
        (vec!["pause", "--for", "morgen", "--reason", "storing"], "90m"),
        (vec!["pause", "--for", "1s", "--reason", "storing"], "a minute"),
        (vec!["pause", "--for", "2h", "--reason", " "], "characters"),
        (vec!["pause", "--for", "2h", "--reason", "een\ntwee"], "one line"),
        (vec!["pause", "--end", "--reason", "storing"], "cannot be used with"),
        (vec!["pause", "--for", "2h", "--reason", "storing", "--school", "berk"], "use one of: linde, eik"),
    ] {
        let done = mailpoort(poort.dir.path(), &arguments);
        assert!(!done.status.success() && said(&done).contains(sentence), "{arguments:?}: {}", said(&done));
    }
    assert_eq!(Pauses::read(&poort.dir.path().join("data")).unwrap(), Pauses::default());
}

// -- the flood brake

#[tokio::test]
async fn a_sender_that_floods_is_held_back_and_nobody_else_is() {
    let hop = NextHop::start().await;
    let flood = "flood = { messages_per_hour = 3, exempt = [\"nieuwsbrief@delinde.example\"] }";
    let poort = Poort::start(&Setup { top: lines(&[flood]), ..Setup::default() }, &hop).await;
    let mut client = Client::hello(poort.address).await;
    let clean = |from: &str| format!("From: <{from}>\nTo: <{OUDER}>\nSubject: Studiedag\n\nTot vrijdag.\n");
    for (from, replies) in [
        ("anna@delinde.example", [250, 250, 250, 451, 451]),
        ("bert@delinde.example", [250, 250, 250, 451, 451]),
        ("nieuwsbrief@delinde.example", [250; 5]),
        ("", [250; 5]),
    ] {
        for (n, expected) in replies.into_iter().enumerate() {
            let (code, reply) = client.mail(from, &[OUDER], &clean("anna@delinde.example")).await;
            assert_eq!(code, expected, "{from} {n}: {reply}");
            assert!(code == 250 || reply.contains("4.7.1"), "{reply}");
        }
    }
    assert_eq!((hop.seen().taken().len(), poort.gate.counts().braked.get()), (16, 4));
    // A reload with more room lets them go on.
    let file = poort.dir.path().join("mailpoort.toml");
    let config = std::fs::read_to_string(&file).unwrap().replace("messages_per_hour = 3", "messages_per_hour = 4");
    std::fs::write(&file, config).unwrap();
    poort.reload();
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.mail("anna@delinde.example", &[OUDER], &clean("anna@delinde.example")).await.0, 250);
}
