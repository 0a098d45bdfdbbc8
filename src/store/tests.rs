//! What the tables promise, whatever keeps them.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::aged::Aged;
use super::desk::{Asked, Request, RequestFacts, RequestKind};
use super::held::{Act, Choice, Facts, Held, NewHeld, NewRecipient, State, Taken, Took};
use super::owed::{ASKED, Closed, Envelope, Kind, NewOwed, Settled, To};
use super::tls_finding::Finding;
use super::*;
use crate::vault::Vault;

const DAY: i64 = 24 * 3600 * 1000;
const NOW: i64 = 1_795_000_000_000;

struct Kept {
    store: Store,
    vault: Vault,
    folder: tempfile::TempDir,
}

fn kept() -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let (store, vault) = open(folder.path());
    Kept { store, vault, folder }
}

fn open(folder: &Path) -> (Store, Vault) {
    let keys = Arc::new(SealKey::load_or_make(&folder.join(SealKey::FILE)).unwrap());
    (Store::open(folder, Arc::clone(&keys)).unwrap(), Vault::open(folder, keys).unwrap())
}

fn to(address: &str, place: usize) -> To {
    To { address: address.to_owned(), parameters: String::new(), place: Some(place) }
}

fn envelope(recipients: Vec<To>) -> Envelope {
    Envelope { sender: Some("juf@delinde.example".to_owned()), recipients, ..Envelope::default() }
}

fn owed(kind: Kind, item: &Item, recipients: Vec<To>) -> NewOwed {
    NewOwed { kind, item: item.id.clone(), envelope: envelope(recipients), due_at: NOW, give_up_at: NOW + DAY }
}

impl Kept {
    async fn item(&self, text: &str) -> Item {
        self.vault.put(Arc::new(text.as_bytes().to_vec())).await.unwrap()
    }

    /// A mail to a colleague, who may have it, and a parent, who may not.
    async fn take(&self, id: &str) -> Took {
        let (mail, notice) = (self.item("Sanne").await, self.item("Niet verstuurd").await);
        let recipient =
            |state| NewRecipient { address: [1; 16], class: "guardian".to_owned(), line: "bsn".to_owned(), state };
        let held = NewHeld {
            id: id.to_owned(),
            incident: [2; 16],
            part: [3; 16],
            sender: self.store.index("address", &[b"juf@delinde.example"]),
            link: self.store.index("link", &[id.as_bytes()]),
            delete_at: NOW + 14 * DAY,
            item: Some(mail.id.clone()),
            size: 5,
            facts: Facts {
                envelope: envelope(vec![to("bert@delinde.example", 0), to("ouder@thuis.example", 1)]),
                subject: Some("Uitje".to_owned()),
                ..Facts::default()
            },
            recipients: vec![recipient(State::Owed), recipient(State::Held)],
            joins: None,
        };
        let rest = owed(Kind::Rest, &mail, vec![to("bert@delinde.example", 0)]);
        let told = owed(Kind::Notice, &notice, vec![]);
        let taken = Taken {
            school: "linde".to_owned(),
            items: vec![mail, notice],
            held: Some(held),
            owed: vec![rest, told],
            share: None,
            notes: Vec::new(),
            once: Default::default(),
            journal: None,
        };
        self.store.take(taken, NOW, 600_000).await.unwrap()
    }

    async fn held(&self, id: &str) -> Held {
        self.store.held(id).await.unwrap().unwrap()
    }

    async fn states(&self, id: &str) -> Vec<State> {
        self.held(id).await.recipients.iter().map(|recipient| recipient.state).collect()
    }
}

fn act(what: &str, places: Vec<usize>) -> Act {
    Act { what: what.to_owned(), who: "juf@delinde.example".to_owned(), reason: "afgesproken".to_owned(), places }
}

#[tokio::test]
async fn a_mail_is_taken_whole_and_once() {
    let kept = kept();
    assert_eq!(kept.take("A").await, Took::New);
    // The same part again, under a number of its own: the client missed our reply.
    assert_eq!(kept.take("B").await, Took::Again("A".to_owned()));
    assert_eq!(kept.store.owed(10).await.unwrap().len(), 2);
    assert!(kept.store.held("B").await.unwrap().is_none());
    let held = kept.held("A").await;
    assert_eq!((held.facts.subject.as_deref(), held.school.as_str()), (Some("Uitje"), "linde"));
    assert_eq!(kept.states("A").await, [State::Owed, State::Held]);
    let by_link = kept.store.held_by_link(kept.store.index("link", &[b"A"])).await.unwrap().unwrap();
    assert_eq!(by_link.id, "A");
    let sender = kept.store.index("address", &[b"juf@delinde.example"]);
    assert_eq!(kept.store.held_of("linde", sender, 10).await.unwrap().len(), 1);
    assert_eq!(kept.store.held_of("other", sender, 10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn findings_go_when_nobody_reported_them_in_time() {
    let kept = kept();
    kept.take("A").await;
    let claimed = kept.store.claim(NOW, 1000, DAY, 1).await.unwrap().remove(0);
    let finding = Some(Finding { domain: "veilig.example".to_owned(), succeeded: 1, ..Finding::default() });
    kept.store.settle(&claimed, Settled { finding, ..Settled::default() }, NOW).await.unwrap();
    let left = async || kept.store.findings_before(i64::MAX).await.unwrap().len();
    kept.store.drop_old_findings(NOW + 4 * DAY).await.unwrap();
    assert_eq!(left().await, 1);
    kept.store.drop_old_findings(NOW + 5 * DAY).await.unwrap();
    assert_eq!(left().await, 0);
}

#[tokio::test]
async fn owed_mail_is_claimed_by_one_until_its_lease_is_over() {
    let kept = kept();
    kept.take("A").await;
    let claim = |now| kept.store.claim(now, 1000, DAY, 10);
    let claimed = claim(NOW).await.unwrap();
    assert_eq!(claimed.iter().map(|one| one.kind).collect::<Vec<_>>(), [Kind::Rest, Kind::Notice]);
    assert_eq!(claimed[0].envelope.recipients[0].address, "bert@delinde.example");
    let item = kept.vault.open_item(&claimed[0].item, claimed[0].sealed.clone()).await.unwrap();
    assert_eq!(item, b"Sanne");
    assert_eq!(claim(NOW + 500).await.unwrap().len(), 0);
    assert_eq!(claim(NOW + 1500).await.unwrap().len(), 2);
    kept.store.free_leases().await.unwrap();
    let [rest, notice] = claim(NOW + 1600).await.unwrap().try_into().unwrap();
    let delivered = Settled { places: vec![(0, State::Sent)], code: Some(250), ..Settled::default() };
    kept.store.settle(&rest, delivered, NOW + 1700).await.unwrap();
    let again = Settled { rest: Some((notice.envelope.clone(), NOW + 60_000)), code: Some(451), ..Settled::default() };
    kept.store.settle(&notice, again, NOW + 1700).await.unwrap();
    assert_eq!(kept.states("A").await, [State::Sent, State::Held]);
    let [listed] = kept.store.owed(10).await.unwrap().try_into().unwrap();
    assert_eq!((listed.tries, listed.last_code, listed.due_at), (1, Some(451), NOW + 60_000));
    assert_eq!(kept.store.next_due(NOW, &Default::default()).await.unwrap(), Some(NOW + 60_000));
    assert_eq!(claim(NOW + 2000).await.unwrap().len(), 0);
    // A clock that was set back by a week does not make it wait for a week.
    assert_eq!(claim(NOW - 7 * DAY).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_choice_is_carried_out_once() {
    let kept = kept();
    kept.take("A").await;
    let held = kept.held("A").await;
    let release = |item: &Item| Choice {
        act: act("released", vec![1]),
        to: State::Owed,
        items: vec![],
        owed: vec![owed(Kind::Released, item, vec![to("ouder@thuis.example", 1)])],
        asked: None,
    };
    let item = Item { id: held.item.clone().unwrap(), size: 5, sealed: None };
    assert_eq!(kept.store.choose(&held, release(&item), NOW).await.unwrap(), [1]);
    assert_eq!(kept.store.choose(&held, release(&item), NOW).await.unwrap(), Vec::<usize>::new());
    assert_eq!(kept.store.owed(10).await.unwrap().len(), 3);
    let [(at, done)] = kept.store.acts("A").await.unwrap().try_into().unwrap();
    assert_eq!((at, done.what.as_str(), done.reason.as_str()), (NOW, "released", "afgesproken"));
    // Whoever has the mail already is not asked again.
    let late = Choice { act: act("deleted", vec![0]), to: State::Deleted, items: vec![], owed: vec![], asked: None };
    assert_eq!(kept.store.choose(&held, late, NOW).await.unwrap(), Vec::<usize>::new());
}

#[tokio::test]
async fn what_is_over_is_gone() {
    let kept = kept();
    kept.take("A").await;
    let early = kept.store.purge(NOW + 13 * DAY).await.unwrap();
    assert_eq!((early.due, early.gone), (0, 0));
    for claimed in kept.store.claim(NOW, 1000, DAY, 10).await.unwrap() {
        kept.store.settle(&claimed, Settled::default(), NOW).await.unwrap();
    }
    assert_eq!(kept.store.drop_unused_items().await.unwrap(), Vec::<String>::new());
    let item = kept.held("A").await.item.unwrap();
    assert!(kept.store.item(&item).await.unwrap().is_some());
    let purged = kept.store.purge(NOW + 14 * DAY).await.unwrap();
    assert_eq!((purged.due, purged.gone), (1, 1));
    assert_eq!(kept.states("A").await[1], State::Expired);
    kept.store.drop_unused_items().await.unwrap();
    assert!(kept.store.item(&item).await.unwrap().is_none());
    assert_eq!(kept.store.purge_aged(Aged::HeldRows, NOW + 60 * DAY).await.unwrap(), (1, 1));
    assert!(kept.store.held("A").await.unwrap().is_none());
}

#[tokio::test]
async fn a_new_key_opens_all_and_the_old_one_nothing() {
    let kept = kept();
    kept.take("A").await;
    kept.store.did(&kept.held("A").await, &act("mistake", vec![]), None, NOW).await.unwrap();
    let file = kept.folder.path().join(SealKey::FILE);
    let before = std::fs::read(&file).unwrap();
    SealKey::rotate(&file).unwrap();
    let (store, _) = open(kept.folder.path());
    // The keys of the hashes and of the chain, two items, one mail, one act with its line, two envelopes.
    assert_eq!(store.seal_anew().await.unwrap(), 9);
    SealKey::drop_old(&file).unwrap();
    let (store, vault) = open(kept.folder.path());
    let held = store.held_by_link(store.index("link", &[b"A"])).await.unwrap().unwrap();
    assert_eq!(held.facts.subject.as_deref(), Some("Uitje"));
    assert_eq!(store.acts("A").await.unwrap().len(), 1);
    let sealed = store.item(held.item.as_deref().unwrap()).await.unwrap().unwrap();
    assert_eq!(vault.open_item(held.item.as_deref().unwrap(), sealed).await.unwrap(), b"Sanne");
    std::fs::write(&file, before).unwrap();
    assert!(Store::open(kept.folder.path(), Arc::new(SealKey::load(&file).unwrap())).is_err());
}

#[tokio::test]
async fn a_write_that_fails_takes_no_other_with_it() {
    let kept = kept();
    let bad = kept.store.write(|tables| {
        tables.execute("INSERT INTO meta (name, value) VALUES ('half', x'00')", [])?;
        tables.execute("INSERT INTO nothing VALUES (1)", []).map(|_| ())
    });
    let panics = kept.store.write(|_| -> rusqlite::Result<()> { panic!("a fault of ours") });
    let good = kept.store.write(|tables| tables.execute("INSERT INTO meta (name, value) VALUES ('whole', x'00')", []));
    let (bad, panics, good) = tokio::join!(bad, panics, good);
    assert!(matches!(bad, Err(StoreError::Trouble(_))));
    assert!(panics.is_err());
    assert_eq!(good, Ok(1));
    let names: Vec<String> =
        kept.store.read(|tables| column(tables, "SELECT name FROM meta ORDER BY name", [])).await.unwrap();
    assert_eq!(names, ["index key", "journal chain key", "whole"]);
}

#[tokio::test]
async fn a_write_that_is_alone_and_fails_leaves_nothing() {
    let kept = kept();
    let half = "INSERT INTO meta (name, value) VALUES ('half', x'00')";
    let bad = kept.store.write(move |tables| {
        tables.execute(half, [])?;
        tables.execute("INSERT INTO nothing VALUES (1)", []).map(|_| ())
    });
    assert!(matches!(bad.await, Err(StoreError::Trouble(_))));
    let panics = kept.store.write(move |tables| -> rusqlite::Result<()> {
        tables.execute(half, [])?;
        panic!("a fault of ours")
    });
    assert!(panics.await.is_err());
    let names = "SELECT name FROM meta ORDER BY name";
    let read = || kept.store.read(move |tables| column::<String>(tables, names, []));
    assert_eq!(read().await.unwrap(), ["index key", "journal chain key"]);
    let whole = "INSERT INTO meta (name, value) VALUES ('whole', x'00')";
    assert_eq!(kept.store.write(move |tables| tables.execute(whole, [])).await, Ok(1));
    assert_eq!(read().await.unwrap(), ["index key", "journal chain key", "whole"]);
    assert_eq!(kept.store.trouble(), None);
}

#[tokio::test]
async fn behind_a_transaction_that_is_gone_nothing_is_written() {
    let kept = kept();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (begins, begun) = tokio::sync::oneshot::channel();
    let first = kept.store.write(move |_| {
        begins.send(()).unwrap();
        wait.recv().unwrap();
        Ok(())
    });
    // As SQLite does on a full disk.
    let full = kept.store.write(|tables| -> rusqlite::Result<()> {
        tables.execute_batch("ROLLBACK")?;
        Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None))
    });
    let insert = "INSERT INTO meta (name, value) VALUES ('behind', x'00')";
    let behind = kept.store.write(move |tables| tables.execute(insert, []));
    // Both wait behind the first, so they are one transaction.
    let both = async {
        begun.await.unwrap();
        tokio::join!(full, behind, async { go.send(()) })
    };
    let (_, (full, behind, _)) = tokio::join!(first, both);
    assert_eq!((full, behind), (Err(StoreError::Full), Err(StoreError::Full)));
    assert_eq!(
        kept.store.read(|tables| column(tables, "SELECT name FROM meta WHERE name = 'behind'", [])).await,
        Ok(Vec::<String>::new())
    );
    assert_eq!(kept.store.trouble(), Some(StoreError::Full));
    // A small write proves no room for a mail; a piece as large as one does.
    kept.store.write(|tables| tables.execute("UPDATE journal_head SET value = value", [])).await.unwrap();
    assert_eq!(kept.store.trouble(), Some(StoreError::Full));
    kept.store.try_writing().await.unwrap();
    assert_eq!(kept.store.trouble(), None);
}

#[tokio::test]
async fn a_part_that_is_dropped_fails_its_own_recipients_alone() {
    let kept = kept();
    kept.take("A").await;
    let held = kept.held("A").await;
    let item = Item { id: held.item.clone().unwrap(), size: 5, sealed: None };
    let choice = Choice {
        act: act("released", vec![1]),
        to: State::Owed,
        items: vec![],
        owed: vec![owed(Kind::Released, &item, vec![to("ouder@thuis.example", 1)])],
        asked: None,
    };
    kept.store.choose(&held, choice, NOW).await.unwrap();
    assert_eq!(kept.states("A").await, [State::Owed, State::Owed]);
    let of_kind = async |kind: Kind| {
        kept.store.owed(10).await.unwrap().into_iter().find(|one| one.kind == kind.word()).unwrap().id
    };
    // A notice is not the mail.
    assert!(kept.store.drop_owed(of_kind(Kind::Notice).await, NOW).await.unwrap());
    assert_eq!(kept.states("A").await, [State::Owed, State::Owed]);
    assert!(kept.store.drop_owed(of_kind(Kind::Released).await, NOW).await.unwrap());
    assert_eq!(kept.states("A").await, [State::Owed, State::Failed]);
    let claimed = kept.store.claim(NOW, 1000, DAY, 1).await.unwrap().remove(0);
    assert!(!kept.store.drop_owed(claimed.id, NOW).await.unwrap(), "it is on its way");
    assert_eq!(kept.states("A").await, [State::Owed, State::Failed]);
}

#[tokio::test]
async fn what_somebody_answers_is_answered_with_what_it_does_or_not_at_all() {
    let kept = kept();
    kept.take("A").await;
    let held = kept.held("A").await;
    let request = Request {
        link: [7; 16],
        school: "linde".to_owned(),
        held: "A".to_owned(),
        kind: RequestKind::Release,
        asked_at: NOW,
        tell_at: None,
        answered_at: None,
        facts: RequestFacts::default(),
    };
    let choice = |what: &str, to: State, asked: Option<Asked>| Choice {
        act: act(what, vec![1]),
        to,
        items: vec![],
        owed: vec![],
        asked,
    };
    let choose = |choice| kept.store.choose(&held, choice, NOW);
    assert_eq!(choose(choice("asked", State::Asked, Some(Asked::New(Box::new(request))))).await.unwrap(), [1]);
    let answered = || Some(Asked::Answered([7; 16]));
    assert_eq!(choose(choice("refused", State::Held, answered())).await.unwrap(), [1]);
    assert_eq!(kept.store.request([7; 16]).await.unwrap().unwrap().answered_at, Some(NOW));
    // Answered once more, nothing of it is done: not the state, not the act.
    assert_eq!(choose(choice("agreed", State::Owed, answered())).await.unwrap(), Vec::<usize>::new());
    assert!(!kept.store.did_about(&held, &act("answered", vec![]), None, answered(), NOW).await.unwrap());
    assert_eq!(kept.states("A").await[1], State::Held);
    assert_eq!(kept.store.acts("A").await.unwrap().len(), 2);
}

/// Each page of the log is written and synced before anybody hears 250: few of them are the accept rate.
#[tokio::test]
async fn a_mail_that_is_taken_writes_few_pages() {
    const MAILS: usize = 300;
    let kept = kept();
    let mut written = Vec::new();
    for n in 0..MAILS {
        // As the gate makes them: numbers by time, hashes and items by chance.
        let chance = |label: &str| kept.store.index(label, &[&n.to_be_bytes()]);
        let mail = kept.item(&"Een regel over het uitje.\r\n".repeat(80)).await;
        let notice = kept.item(&"Niet verstuurd, en waarom.\r\n".repeat(200)).await;
        let recipient = |state| NewRecipient {
            address: chance("parent"),
            class: "guardian".to_owned(),
            line: "bsn".to_owned(),
            state,
        };
        let held = NewHeld {
            id: format!("{:010}", 4711 + n),
            incident: chance("incident"),
            part: chance("part"),
            sender: kept.store.index("address", &[&(n % 40).to_be_bytes()]),
            link: chance("link"),
            delete_at: NOW + 14 * DAY,
            item: Some(mail.id.clone()),
            size: 2000,
            facts: Facts {
                envelope: envelope(vec![to("bert@delinde.example", 0), to("ouder@thuis.example", 1)]),
                found: [vec!["27 burgerservicenummers in kolom C".to_owned(); 3], vec![]],
                ..Facts::default()
            },
            recipients: vec![recipient(State::Owed), recipient(State::Held)],
            joins: None,
        };
        let people = journal::People {
            sender: Some(format!("juf.{}@delinde.example", n % 40)),
            recipients: vec!["bert@delinde.example".to_owned(), format!("ouder.{n}@thuis.example")],
            message_id: Some(format!("{n}@werkplek.delinde.example")),
            ..journal::People::default()
        };
        let line = journal::NewLine {
            at: NOW + n as i64,
            school: "linde".to_owned(),
            sort: journal::Sort::Incident,
            mail: Some(held.id.clone()),
            core: r#"{"event":"mail","route":"block","kinds":{"bsn":1}}"#.repeat(8),
            trace: Some(r#"{"rules":{}}"#.repeat(8)),
            people,
        };
        let taken = Taken {
            school: "linde".to_owned(),
            owed: vec![
                owed(Kind::Rest, &mail, vec![to("bert@delinde.example", 0)]),
                owed(Kind::Notice, &notice, vec![to("juf@delinde.example", 0)]),
            ],
            items: vec![mail, notice],
            held: Some(held),
            share: None,
            notes: Vec::new(),
            once: Default::default(),
            journal: Some(line),
        };
        assert_eq!(kept.store.take(taken, NOW + n as i64, 0).await.unwrap(), Took::New);
        written.push(std::fs::metadata(kept.folder.path().join("mailpoort.db-wal")).unwrap().len());
    }
    const PAGE: u64 = 4096 + 24;
    let (first, last) = (written[MAILS / 2], written[MAILS - 1]);
    let pages = (last - first) as f64 / PAGE as f64 / (MAILS - 1 - MAILS / 2) as f64;
    // With indexes that nobody needs it was 34.6.
    assert!(pages < 31.0, "{pages:.1} pages a mail");
}

#[tokio::test]
async fn who_asks_for_a_try_gets_one_also_of_what_waits_for_a_way_that_is_down() {
    let kept = kept();
    kept.take("A").await;
    let claimed = kept.store.claim(NOW, 1000, DAY, 10).await.unwrap();
    kept.store.put_aside(claimed.iter().map(|one| (one.id, 7)).collect()).await.unwrap();
    let down = Closed { full: Vec::new(), down: vec![7] };
    let claim = || kept.store.claim_open((NOW, 1000, DAY), 10, &down);
    assert_eq!(claim().await.unwrap().len(), 0);
    assert_eq!(kept.store.retry(Some(claimed[0].id), NOW).await.unwrap(), 1);
    let asked = claim().await.unwrap();
    assert_eq!(asked.iter().map(|one| (one.id, one.lane)).collect::<Vec<_>>(), [(claimed[0].id, Some(ASKED))]);
    assert_eq!(kept.store.retry(None, NOW).await.unwrap(), 1, "what is on its way needs nobody to ask");
}

/// What only SQLite knows, as it stands in a statement.
const SQLITE_ONLY: &str = r"(?i)\b_?rowid\b|\bhex\(|zeroblob|\bINSERT OR\b|\bREPLACE INTO\b|\bUPDATE OR\b|\bifnull\(|\biif\(|datetime\(|julianday|strftime|unixepoch|last_insert|\bchanges\(|\bPRAGMA\b|\bVACUUM\b|\bGLOB\b|\bINDEXED BY\b|AUTOINCREMENT|\bSTRICT\b|sqlite_|\bprintf\(|group_concat|\binstr\(|\btypeof\(|\bx'|\b(?:max|min)\([^()]*,|\bIS (?:NOT )?\?|==|\btotal\(";

#[test]
fn statements_keep_to_what_sqlite_and_postgresql_have_in_common() {
    let only = regex::Regex::new(SQLITE_ONLY).unwrap();
    let literal = regex::Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap();
    let statement = regex::Regex::new(
        r"\b(?:SELECT|INSERT INTO|INSERT OR|UPDATE|DELETE FROM|WHERE|AND|ORDER BY|PRAGMA|VACUUM|EXISTS)\b",
    )
    .unwrap();
    let (mut folders, mut seen) = (vec![Path::new(file!()).parent().unwrap().to_path_buf()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if !name.ends_with(".rs") || ["sqlite.rs", "tests.rs"].contains(&name) {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let code = code.join("\n");
            assert!(!code.contains("last_insert_rowid"), "{name}: use RETURNING");
            for text in literal.find_iter(&code).map(|found| found.as_str()).filter(|text| statement.is_match(text)) {
                seen += 1;
                let wrong = only.find(text).map(|found| found.as_str());
                assert_eq!(wrong, None, "{}: {text}", path.display());
            }
        }
    }
    assert!(seen > 150, "{seen}");
    for wrong in
        ["SELECT rowid FROM a", "INSERT OR IGNORE INTO a", "SELECT max(a, b) FROM c", "SELECT hex(a)", "a = x'00'"]
    {
        assert!(only.is_match(wrong), "{wrong}");
    }
    assert!(!only.is_match("SELECT max(number), coalesce(min(a), 0) FROM journal"));
}
