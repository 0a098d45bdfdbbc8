#![allow(clippy::unwrap_used)]
use std::path::Path;
use std::sync::Arc;

use super::find::Which;
use super::verify::What;
use super::*;
use crate::seal::SealKey;
use crate::store::held::{Act, Choice, Facts, NewHeld, NewRecipient, State, Taken};
use crate::store::owed::{Envelope, To};

fn store(folder: &Path) -> Store {
    Store::open(folder, Arc::new(SealKey::load_or_make(&folder.join("seal.key")).unwrap())).unwrap()
}

fn tables(folder: &Path) -> Connection {
    Connection::open(folder.join("mailpoort.db")).unwrap()
}

/// A line of a mail from juf to so many parents, at so many seconds.
fn line(at: i64, sort: Sort) -> NewLine {
    NewLine {
        at: at * 1000,
        school: "linde".into(),
        sort,
        mail: Some(format!("MAIL{at}")),
        core: format!(r#"{{"code":250,"size":{at}}}"#),
        trace: Some(r#"{"rules":{"nl.bsn":1}}"#.into()),
        people: People {
            sender: Some("juf@delinde.example".into()),
            recipients: vec![format!("ouder{at}@thuis.example"), "iedereen@thuis.example".into()],
            message_id: Some(format!("bericht-{at}@delinde.example")),
            reason: String::new(),
        },
    }
}

async fn ten(folder: &Path) -> Store {
    let store = store(folder);
    for at in 1..=10 {
        let sort = if at % 3 == 0 { Sort::Incident } else { Sort::Passed };
        store.journal(line(at, sort)).await.unwrap();
    }
    store
}

/// What somebody does with the file, and what verifying it then says: the line and what is wrong with it.
const TAMPERING: &[(&str, i64, What)] = &[
    ("UPDATE journal SET core = '{\"code\":550}' WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET at = at + 1 WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET school = 'berk' WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET sort = 'passed' WHERE number = 3", 3, What::Changed),
    ("UPDATE journal SET mail = 'MAIL9' WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET trace = '{}' WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET trace = NULL, trace_salt = NULL WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET trace = NULL, trace_salt = NULL, trace_seal = x'00' WHERE number = 4", 4, What::Emptied),
    ("UPDATE journal SET message_id = NULL WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET people = (SELECT people FROM journal WHERE number = 5) WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET people = NULL WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET core_hash = zeroblob(32) WHERE number = 4", 4, What::Changed),
    ("UPDATE journal SET chain = zeroblob(16) WHERE number = 4", 4, What::Foreign),
    ("DELETE FROM journal_person WHERE number = 4 AND place = 2", 4, What::Changed),
    ("UPDATE journal_person SET address = zeroblob(16) WHERE number = 4 AND place = 0", 4, What::Changed),
    ("INSERT INTO journal_person SELECT 4, 3, school, address FROM journal_person WHERE number = 4 AND place = 1", 4, What::Changed),
    ("DELETE FROM journal WHERE number = 1", 1, What::Missing),
    ("DELETE FROM journal WHERE number BETWEEN 4 AND 6", 4, What::Missing),
    ("DELETE FROM journal WHERE number = 10", 10, What::Missing),
    ("DELETE FROM journal", 1, What::Missing),
    // The rest moved up behind one that was taken out.
    (
        "DELETE FROM journal WHERE number = 4; UPDATE journal SET number = number - 1, first = first - 1 WHERE number > 4",
        4,
        What::Changed,
    ),
    // Two in each other's place.
    (
        "UPDATE journal SET number = 99, first = 99 WHERE number = 4;
         UPDATE journal SET number = 4, first = 4 WHERE number = 5;
         UPDATE journal SET number = 5, first = 5 WHERE number = 99",
        4,
        What::Changed,
    ),
    // A copy at the end, and one in between.
    (
        "INSERT INTO journal SELECT 11, 11, school, at, sort, mail, message_id, core, people, people_hash, core_salt, trace,
         trace_salt, core_hash, trace_hash, chain, trace_seal, erased_at, erased_by, erased_seal FROM journal WHERE number = 10",
        11,
        What::Changed,
    ),
    // Emptied as if its day had come.
    (
        "UPDATE journal SET at = NULL, sort = NULL, mail = NULL, message_id = NULL, core = NULL, people = NULL, trace = NULL,
         core_salt = NULL, trace_salt = NULL, erased_at = 99, erased_by = 'purge', erased_seal = zeroblob(16) WHERE number = 4",
        4,
        What::Emptied,
    ),
    // As if lines 4 to 6 were a run of erased ones.
    (
        "DELETE FROM journal WHERE number IN (4, 5); UPDATE journal SET first = 4, at = NULL, sort = NULL, mail = NULL,
         message_id = NULL, core = NULL, people = NULL, trace = NULL, erased_seal = zeroblob(16) WHERE number = 6",
        6,
        What::Emptied,
    ),
    ("DELETE FROM journal_head", 10, What::CutOff),
    ("DELETE FROM journal WHERE number > 7; DELETE FROM journal_head", 7, What::CutOff),
];

#[tokio::test]
async fn every_kind_of_tampering_shows() {
    for (what, number, wrong) in TAMPERING {
        let folder = tempfile::tempdir().unwrap();
        let store = ten(folder.path()).await;
        let before = store.verify_journal(None).await.unwrap();
        assert_eq!((before.lines, before.wrong), (10, None));
        let by_hand = tables(folder.path());
        by_hand.pragma_update(None, "foreign_keys", false).unwrap();
        by_hand.execute_batch(what).unwrap();
        let found = store.verify_journal(None).await.unwrap().wrong.map(|wrong| (wrong.line, wrong.what));
        assert_eq!(found, Some((*number, *wrong)), "{what}");
        // The mail goes on, and it still shows.
        store.journal(line(11, Sort::Passed)).await.unwrap();
        assert!(store.verify_journal(None).await.unwrap().wrong.is_some(), "hidden by the next line: {what}");
    }
}

#[tokio::test]
async fn an_old_copy_of_the_whole_file_is_found_out_by_a_head_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = ten(folder.path()).await;
    let copy = folder.path().join("copy.db");
    tables(folder.path()).execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    store.journal(line(11, Sort::Incident)).await.unwrap();
    let (number, head) = store.journal_head().await.unwrap().unwrap();
    assert_eq!(store.verify_journal(Some((number, head.clone()))).await.unwrap().wrong, None);
    drop(store);
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(copy, other.path().join("mailpoort.db")).unwrap();
    std::fs::copy(folder.path().join("seal.key"), other.path().join("seal.key")).unwrap();
    let old = self::store(other.path());
    assert_eq!(old.verify_journal(None).await.unwrap().wrong, None);
    let wrong = old.verify_journal(Some((number, head.clone()))).await.unwrap().wrong.unwrap();
    assert_eq!((wrong.line, wrong.what), (11, What::Missing));
    old.journal(line(12, Sort::Passed)).await.unwrap();
    let wrong = old.verify_journal(Some((number, head))).await.unwrap().wrong.unwrap();
    assert_eq!((wrong.line, wrong.what), (11, What::OtherHead));
}

#[tokio::test]
async fn what_is_due_is_gone_and_the_chain_still_fits() {
    let folder = tempfile::tempdir().unwrap();
    let store = ten(folder.path()).await;
    // Lines 1, 2, 4, 5 and 7 of those that passed.
    let erased = store.erase_journal(Sort::Passed, 7000, 99_000).await.unwrap();
    assert_eq!((erased.due, erased.gone, erased.left, erased.changed), (5, 5, 0, 0));
    let traces = store.erase_journal_traces(9000).await.unwrap();
    assert_eq!((traces.due, traces.gone, traces.left, traces.changed), (4, 4, 0, 0));
    let verified = store.verify_journal(None).await.unwrap();
    assert_eq!((verified.lines, verified.erased, verified.wrong), (5, 5, None));
    assert_eq!(store.fold_journal().await.unwrap(), (2, 0));
    assert_eq!(store.fold_journal().await.unwrap(), (0, 0));
    store.erase_journal(Sort::Incident, 7000, 99_000).await.unwrap();
    // 1-2, 3, 4-5, 6 and 7 become one.
    assert_eq!(store.fold_journal().await.unwrap(), (4, 0));
    let verified = store.verify_journal(None).await.unwrap();
    assert_eq!((verified.lines, verified.erased, verified.wrong), (3, 7, None));
    store.journal(line(11, Sort::Passed)).await.unwrap();
    assert_eq!(store.verify_journal(None).await.unwrap().wrong, None);
    let left: i64 = tables(folder.path())
        .query_row("SELECT count(*) FROM journal_person WHERE number <= 7", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0, "hashes of addresses are left");
    // A run is as fixed as a line.
    tables(folder.path()).execute("UPDATE journal SET first = 2 WHERE first = 1", []).unwrap();
    assert_eq!(store.verify_journal(None).await.unwrap().wrong.unwrap().what, What::Missing);
}

#[tokio::test]
async fn an_erasure_does_not_launder_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let store = ten(folder.path()).await;
    let by_hand = tables(folder.path());
    by_hand.execute("UPDATE journal SET core = '{}' WHERE number = 2", []).unwrap();
    let erased = store.erase_journal(Sort::Passed, 4000, 99_000).await.unwrap();
    assert_eq!((erased.gone, erased.changed), (3, 1));
    by_hand.execute("UPDATE journal SET erased_at = 1 WHERE number = 1", []).unwrap();
    assert_eq!(store.fold_journal().await.unwrap(), (0, 1), "what does not fit is not folded away");
    assert_eq!(store.verify_journal(None).await.unwrap().wrong.unwrap().what, What::Emptied);
}

#[tokio::test]
async fn lines_are_found_by_what_is_known_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = ten(folder.path()).await;
    store.journal_blocking_for_tests(vec![NewLine::of_gate(11_000, r#"{"event":"start"}"#.into())]).await;
    let some = |text: &str| Some(text.to_owned());
    for (which, numbers) in [
        (Which { mail: some("MAIL4"), ..Which::default() }, vec![4]),
        (Which { message_id: some("<bericht-5@delinde.example>"), ..Which::default() }, vec![5]),
        (Which { recipient: some("Ouder6@thuis.example"), ..Which::default() }, vec![6]),
        (Which { sender: some("ouder6@thuis.example"), ..Which::default() }, vec![]),
        (Which { person: some("JUF@delinde.example"), from: Some(9000), ..Which::default() }, vec![9, 10]),
        (Which { person: some("iedereen@thuis.example"), to: Some(3000), ..Which::default() }, vec![1, 2]),
        (Which { school: some("berk"), ..Which::default() }, vec![]),
        (Which { of_mail: true, from: Some(10_000), ..Which::default() }, vec![10]),
        (Which { from: Some(10_000), ..Which::default() }, vec![10, 11]),
    ] {
        let found = store.journal_lines(&which, 0, 100).await.unwrap();
        assert_eq!(found.iter().map(|line| line.number).collect::<Vec<_>>(), numbers, "{which:?}");
    }
    let line = store.journal_lines(&Which::default(), 3, 1).await.unwrap().remove(0);
    assert_eq!(
        (line.number, line.core["size"].as_i64(), line.sender),
        (4, Some(4), Some(store.person("juf@delinde.example")))
    );
    assert_eq!(store.people_of(&line).unwrap().recipients, ["ouder4@thuis.example", "iedereen@thuis.example"]);
}

#[tokio::test]
async fn all_lines_about_a_person_can_be_erased() {
    let folder = tempfile::tempdir().unwrap();
    let store = ten(folder.path()).await;
    let person = store.person("ouder4@thuis.example");
    let erased = store.erase_person(person, 99_000).await.unwrap();
    assert_eq!((erased.due, erased.gone, erased.left), (1, 1, 0));
    let verified = store.verify_journal(None).await.unwrap();
    assert_eq!((verified.lines, verified.erased, verified.wrong), (9, 1, None));
}

#[tokio::test]
async fn the_line_of_owed_mail_is_in_its_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let to = |address: &str| To { address: address.into(), parameters: String::new(), place: None };
    let held = |id: &str, link: u8| NewHeld {
        id: id.into(),
        incident: [1; 16],
        part: [link; 16],
        sender: store.person("juf@delinde.example"),
        link: [link; 16],
        delete_at: 9_000_000,
        item: None,
        size: 4,
        facts: Facts {
            envelope: Envelope { recipients: vec![to("Ouder@thuis.example")], ..Envelope::default() },
            ..Facts::default()
        },
        recipients: vec![NewRecipient {
            address: [3; 16],
            class: "unknown".into(),
            line: "05_bsn".into(),
            state: State::Held,
        }],
        joins: None,
    };
    let taken = |id: &str, link: u8| Taken {
        school: "linde".into(),
        items: Vec::new(),
        held: Some(held(id, link)),
        owed: Vec::new(),
        share: None,
        notes: Vec::new(),
        once: Default::default(),
        journal: Some(line(1, Sort::Incident)),
    };
    store.take(taken("A", 1), 1000, 0).await.unwrap();
    // The same number again fails, and its line with it.
    store.take(taken("A", 2), 1000, 0).await.unwrap_err();
    assert_eq!(store.verify_journal(None).await.unwrap().lines, 1);
    let kept = store.held("A").await.unwrap().unwrap();
    let act =
        Act { what: "released".into(), who: "Juf@delinde.example".into(), reason: "spoed".into(), places: vec![0] };
    let choice =
        |act: &Act| Choice { act: act.clone(), to: State::Owed, items: Vec::new(), owed: Vec::new(), asked: None };
    assert_eq!(store.choose(&kept, choice(&act), 2000).await.unwrap(), [0]);
    assert!(store.choose(&kept, choice(&act), 2000).await.unwrap().is_empty(), "somebody was first");
    let lines = store.journal_lines(&Which { mail: Some("A".into()), ..Which::default() }, 0, 9).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.sort).collect::<Vec<_>>(), [Sort::Override]);
    let people = store.people_of(&lines[0]).unwrap();
    assert_eq!((people.reason.as_str(), people.recipients), ("spoed", vec!["ouder@thuis.example".to_owned()]));
    let verified = store.verify_journal(None).await.unwrap();
    assert_eq!((verified.lines, verified.wrong), (2, None));
}

#[tokio::test]
async fn a_change_of_keys_leaves_the_chain_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seal.key");
    drop(ten(folder.path()).await);
    SealKey::rotate(&file).unwrap();
    let rotated = store(folder.path());
    rotated.seal_anew().await.unwrap();
    SealKey::drop_old(&file).unwrap();
    let store = store(folder.path());
    let verified = store.verify_journal(None).await.unwrap();
    assert_eq!((verified.lines, verified.wrong), (10, None));
    let line = store.journal_lines(&Which::default(), 3, 1).await.unwrap().remove(0);
    assert_eq!(store.people_of(&line).unwrap().sender.as_deref(), Some("juf@delinde.example"));
}

#[tokio::test]
async fn two_writers_are_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (store(folder.path()), store(folder.path()));
    for at in 0..20 {
        let writer = if at % 2 == 0 { &one } else { &other };
        writer.journal(line(at, Sort::Passed)).await.unwrap();
    }
    let verified = one.verify_journal(None).await.unwrap();
    assert_eq!((verified.lines, verified.wrong), (20, None));
}

impl Store {
    async fn journal_blocking_for_tests(&self, lines: Vec<NewLine>) {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.journal_blocking(&lines)).await.unwrap().unwrap();
    }
}
