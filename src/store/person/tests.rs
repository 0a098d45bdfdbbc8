//! What is kept about Kim, and as much about Bo, who must lose nothing.
#![allow(clippy::unwrap_used)]
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::super::desk::{Request, RequestKind};
use super::super::held::{Choice, Facts, NewHeld, NewRecipient, Taken};
use super::super::journal::find::Which;
use super::super::owed::{Kind, NewOwed, To};
use super::*;
use crate::seal::SealKey;
use crate::vault::Vault;

const NOW: i64 = 1_795_000_000_000;
const KIM: &str = "kim@delinde.example";
const OWED: Also = Also { owed: true, journal: false };

fn who(folded: &str) -> Who {
    Who { folded: folded.to_owned(), school: None }
}

fn open(folder: &Path) -> (Store, Vault) {
    let keys = Arc::new(SealKey::load_or_make(&folder.join(SealKey::FILE)).unwrap());
    (Store::open(folder, Arc::clone(&keys)).unwrap(), Vault::open(folder, keys).unwrap())
}

fn envelope(sender: &str, recipients: &[&str]) -> Envelope {
    let to = |(place, address): (usize, &&str)| To {
        address: (*address).to_owned(),
        parameters: String::new(),
        place: Some(place),
    };
    let recipients = recipients.iter().enumerate().map(to).collect();
    Envelope { sender: Some(sender.to_owned()), recipients, ..Envelope::default() }
}

/// Holds a mail; the first of its recipients gets it, the others wait.
async fn hold(kept: &(Store, Vault), id: &str, sender: &str, to: &[&str], owes: bool) {
    let (store, vault) = kept;
    let item = vault.put(Arc::new(id.as_bytes().to_vec())).await.unwrap();
    let recipient = |(place, address): (usize, &&str)| NewRecipient {
        address: store.sender(address),
        class: "guardian".into(),
        line: "bsn".into(),
        state: if owes && place == 0 { State::Owed } else { State::Held },
    };
    let held = NewHeld {
        id: id.into(),
        incident: [2; 16],
        part: store.index("part", &[id.as_bytes()]),
        sender: store.sender(sender),
        link: store.index("link", &[id.as_bytes()]),
        delete_at: NOW + DAY,
        item: Some(item.id.clone()),
        size: 5,
        facts: Facts { envelope: envelope(sender, to), ..Facts::default() },
        recipients: to.iter().enumerate().map(recipient).collect(),
        joins: None,
    };
    let first = NewOwed {
        kind: Kind::Rest,
        item: item.id.clone(),
        envelope: envelope(sender, &to[..1]),
        due_at: NOW,
        give_up_at: NOW + DAY,
    };
    let taken = Taken {
        school: "linde".into(),
        items: vec![item],
        held: Some(held),
        owed: if owes { vec![first] } else { Vec::new() },
        share: None,
        notes: Vec::new(),
        once: Default::default(),
        journal: None,
    };
    store.take(taken, NOW, 0).await.unwrap();
}

/// A share of a sender with some recipients, by hand.
fn share(by_hand: &Connection, store: &Store, id: &str, sender: &str, to: &[&str]) {
    by_hand
        .execute(
            "INSERT INTO share (id, school, mail, incident, sender, made_at, open_by, ends_at, keys, key, facts)
             VALUES (?1, 'linde', ?1, x'00', ?2, ?3, ?3, ?3, 'strict', x'00', x'00')",
            params![id, store.sender(sender), NOW],
        )
        .unwrap();
    by_hand
        .execute(
            "INSERT INTO share_item (id, share, school, place, kind, size, file, public, facts)
             VALUES ('item ' || ?1, ?1, 'linde', 0, 'body_text', 1, 'file ' || ?1, '', x'00')",
            [id],
        )
        .unwrap();
    for (place, (address, factor)) in to.iter().map(|to| (*to, "code")).chain([(sender, "sender")]).enumerate() {
        by_hand
            .execute(
                "INSERT INTO share_recipient (rid, share, school, place, address, link_check, public, factor, family,
                 made_at, facts) VALUES (CAST(substr(?1 || ?2 || '................', 1, 16) AS BLOB), ?1, 'linde', ?2, ?3, x'00', '', ?4, 0, ?5, x'00')",
                params![id, i64::try_from(place).unwrap(), store.sender(address), factor, NOW],
            )
            .unwrap();
    }
}

/// Everything that there may be about Kim, and as much about Bo.
async fn filled(folder: &Path) -> (Store, Vault) {
    let kept = open(folder);
    let store = kept.0.clone();
    hold(&kept, "sent", KIM, &["a@b.example"], false).await;
    hold(&kept, "owed", KIM, &["a@b.example", "c@b.example"], true).await;
    hold(&kept, "alone", "bo@delinde.example", &[KIM], false).await;
    hold(&kept, "others", "bo@delinde.example", &[KIM, "a@b.example"], false).await;
    hold(&kept, "bo", "bo@delinde.example", &["a@b.example"], false).await;
    let act = |places: Vec<usize>| Act { what: "refused".into(), who: KIM.into(), reason: "nee".into(), places };
    let held = store.held("bo").await.unwrap().unwrap();
    let facts = RequestFacts { asked: vec![("Kim".into(), KIM.into())], ..RequestFacts::default() };
    let request = Request {
        link: [7; 16],
        school: "linde".into(),
        held: "bo".into(),
        kind: RequestKind::Release,
        asked_at: NOW,
        tell_at: None,
        answered_at: None,
        facts,
    };
    let asked = Some(super::super::desk::Asked::New(Box::new(request)));
    let choice = Choice { act: act(vec![0]), to: State::Asked, items: Vec::new(), owed: Vec::new(), asked };
    store.choose(&held, choice, NOW).await.unwrap();
    let by_hand = Connection::open(folder.join("mailpoort.db")).unwrap();
    share(&by_hand, &store, "of kim", KIM, &["a@b.example"]);
    share(&by_hand, &store, "with kim", "bo@delinde.example", &[KIM]);
    share(&by_hand, &store, "with both", "bo@delinde.example", &[KIM, "a@b.example"]);
    for (who, n) in [(KIM, 1), ("bo@delinde.example", 2)] {
        let (address, desk) = (store.sender(who), store.index("desk mailbox", &[b"linde", who.as_bytes()]));
        for (statement, hash) in [
            ("INSERT INTO share_fail (school, address, at) VALUES ('linde', ?1, ?2 * 0 + ?3)", address),
            (
                "INSERT INTO note (school, kind, reader, made_at, due_at, salt, facts)
              VALUES ('linde', 'notice', ?1, 0, ?3, CAST(?2 AS BLOB), x'00')",
                address,
            ),
            ("INSERT INTO desk_week VALUES (CAST(?2 AS BLOB), 'linde', ?1, 0, ?3, x'00')", address),
            (
                "INSERT INTO passkey (id, school, address, host, credential, made_at, state, facts)
              VALUES (CAST(?2 AS BLOB), 'linde', ?1, 'a', CAST(?2 AS BLOB), ?3, x'00', x'00')",
                address,
            ),
            (
                "INSERT INTO contact (id, school, address, made_at, checked, facts)
              VALUES (CAST(?2 AS BLOB), 'linde', ?1, ?3, 1, x'00')",
                address,
            ),
            (
                "INSERT INTO desk_session (id, school, address, ends_at, who)
              VALUES (CAST(?2 AS BLOB), 'linde', ?1, ?3, x'00')",
                desk,
            ),
            (
                "INSERT INTO desk_code (school, link, browser, address, code, made_at, state)
              VALUES ('linde', CAST(?2 AS BLOB), x'00', ?1, x'00', ?3, 'open')",
                desk,
            ),
        ] {
            by_hand
                .execute(statement, params![hash, n.to_string(), NOW])
                .unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
    }
    kept
}

fn told(found: &[Found]) -> Vec<(About, usize, usize, Option<Stays>)> {
    let there = found.iter().filter(|one| one.rows > 0);
    there.map(|one| (one.about, one.rows, one.stays, one.why)).collect()
}

#[tokio::test]
async fn what_is_kept_about_a_person_is_found_and_erased_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _vault) = filled(folder.path()).await;
    let all = [
        (About::Owed, 1, 1, Some(Stays::Owed)),
        (About::HeldSent, 2, 1, Some(Stays::Owed)),
        (About::HeldReceived, 2, 2, Some(Stays::OfOthers)),
        (About::Acts, 1, 1, Some(Stays::OfOthers)),
        (About::Requests, 1, 1, Some(Stays::Asked)),
        (About::SharesSent, 1, 0, None),
        (About::SharesReceived, 2, 0, None),
        (About::Codes, 1, 0, None),
        (About::Passkeys, 1, 0, None),
        (About::Contacts, 1, 0, None),
        (About::Desk, 2, 0, None),
        (About::Notes, 1, 0, None),
        (About::Lists, 1, 0, None),
    ];
    let bo = store.about_person(&who("bo@delinde.example"), NOW).await.unwrap();
    let found = store.about_person(&who(KIM), NOW).await.unwrap();
    assert_eq!(told(&found), all);
    let before = told(&store.about_person(&who(KIM), NOW - 1).await.unwrap());
    assert_eq!(before[6], (About::SharesReceived, 2, 2, Some(Stays::OfOthers)), "they can still be opened");
    assert_eq!(found[1].until, Some(NOW + DAY + MONTH));
    assert_eq!(found[9].until, None, "a number that was checked has no end");
    assert_eq!(told(&store.about_person(&who(KIM), NOW).await.unwrap()), all, "a look changes nothing");
    let Erased { found: erased, mut files, .. } =
        store.erase_about_person(&who(KIM), Also::default(), NOW).await.unwrap();
    files.sort_unstable();
    assert_eq!((told(&erased), files), (all.to_vec(), vec!["file of kim".to_owned(), "file with kim".to_owned()]));
    // A second time there is what stays, and nothing else.
    let left = |all: &[(About, usize, usize, Option<Stays>)]| -> Vec<_> {
        let stay = all.iter().filter(|(_, _, stays, _)| *stays > 0);
        stay.map(|(about, _, stays, why)| (*about, *stays, *stays, *why)).collect()
    };
    assert_eq!(told(&store.erase_about_person(&who(KIM), Also::default(), NOW).await.unwrap().found), left(&all));
    // Without what is owed, his own mail goes too.
    store.erase_about_person(&who(KIM), OWED, NOW).await.unwrap();
    let rest = [left(&all)[2], left(&all)[3], left(&all)[4]];
    assert_eq!(told(&store.about_person(&who(KIM), NOW).await.unwrap()), rest);
    assert!(store.owed(9).await.unwrap().is_empty() && store.held("owed").await.unwrap().is_none());
    // Nobody else lost anything but what was his, and nothing that waits.
    let after = store.about_person(&who("bo@delinde.example"), NOW).await.unwrap();
    let gone = |found: &[Found], about| found.iter().find(|one| one.about == about).unwrap().rows;
    assert_eq!((gone(&bo, About::HeldSent), gone(&after, About::HeldSent)), (3, 3));
    assert_eq!((gone(&bo, About::SharesSent), gone(&after, About::SharesSent)), (2, 1));
    let same = |found: &[Found]| -> Vec<Found> { found.iter().skip(7).cloned().collect() };
    assert_eq!(same(&bo), same(&after));
    assert_eq!(store.held("others").await.unwrap().unwrap().recipients.len(), 2);
}

#[tokio::test]
async fn one_school_of_an_installation_erases_its_own_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _vault) = filled(folder.path()).await;
    let in_school = |school: &str| Who { school: Some(school.to_owned()), ..who(KIM) };
    let all = Also { owed: true, journal: true };
    assert!(told(&store.about_person(&in_school("es"), NOW).await.unwrap()).is_empty());
    let erased = store.erase_about_person(&in_school("es"), all, NOW).await.unwrap();
    assert!(told(&erased.found).is_empty() && erased.files.is_empty());
    let before = told(&store.about_person(&who(KIM), NOW).await.unwrap());
    assert_eq!(told(&store.about_person(&in_school("linde"), NOW).await.unwrap()), before);
    let lines = store.journal_lines(&Which::default(), 0, 99).await.unwrap();
    let line = lines.last().unwrap();
    assert_eq!(
        (line.school.as_str(), &line.core["event"]),
        ("es", &json!("erased")),
        "it is written down in one commit"
    );
}

#[tokio::test]
async fn a_share_goes_with_its_letters_when_what_is_owed_goes_too() {
    let folder = tempfile::tempdir().unwrap();
    let (store, vault) = filled(folder.path()).await;
    let item = vault.put(Arc::new(b"een link".to_vec())).await.unwrap();
    let by_hand = Connection::open(folder.path().join("mailpoort.db")).unwrap();
    by_hand
        .execute(
            "INSERT INTO item (id, school, size, sealed) VALUES (?1, 'linde', 8, ?2)",
            params![item.id, item.sealed],
        )
        .unwrap();
    let envelope = store.seal(&owed::envelope_label(&item.id), &envelope("a@b.example", &["a@b.example"])).unwrap();
    by_hand
        .execute(
            "INSERT INTO owed (school, kind, item, envelope, made_at, due_at, give_up_at, rid)
             VALUES ('linde', 'invitation', ?1, ?2, ?3, ?3, ?3, CAST('of kim0.........' AS BLOB))",
            params![item.id, envelope, NOW],
        )
        .unwrap();
    let sent = |found: &[Found]| told(found).into_iter().find(|one| one.0 == About::SharesSent);
    let erased = store.erase_about_person(&who(KIM), Also::default(), NOW).await.unwrap();
    assert_eq!(sent(&erased.found), Some((About::SharesSent, 1, 1, Some(Stays::Owed))));
    let erased = store.erase_about_person(&who(KIM), OWED, NOW).await.unwrap();
    assert_eq!(
        (sent(&erased.found), erased.files),
        (Some((About::SharesSent, 1, 0, None)), vec!["file of kim".to_owned()])
    );
    assert!(store.owed(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn owed_mail_of_others_goes_without_him() {
    let folder = tempfile::tempdir().unwrap();
    let kept = open(folder.path());
    let item = kept.1.put(Arc::new(b"een brief".to_vec())).await.unwrap();
    let new = NewOwed {
        kind: Kind::Rest,
        item: item.id.clone(),
        envelope: envelope("bo@delinde.example", &["a@b.example", "KIM@delinde.example"]),
        due_at: NOW,
        give_up_at: NOW + DAY,
    };
    kept.0.owe("linde", item, new, NOW).await.unwrap();
    kept.0.erase_about_person(&who(KIM), OWED, NOW).await.unwrap();
    let claimed = kept.0.claim(NOW, 1000, DAY, 9).await.unwrap();
    let to: Vec<&str> = claimed[0].envelope.recipients.iter().map(|to| to.address.as_str()).collect();
    assert_eq!(to, ["a@b.example"]);
    // Somebody delivers it at this moment.
    let erased = kept.0.erase_about_person(&who("a@b.example"), OWED, NOW).await.unwrap();
    assert_eq!(told(&erased.found), [(About::Owed, 1, 1, Some(Stays::Owed))]);
}
