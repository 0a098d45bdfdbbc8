#![allow(clippy::unwrap_used)]
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::TryStreamExt;
use tempfile::TempDir;

use super::*;
use crate::message::Mailbox;
use crate::outbox::Retry;
use crate::school::Calendar;
use crate::secret::Secret;
use crate::store::held::Taken;
use crate::store::owed::Kind;
use crate::vault::share::{EscrowKey, ItemKey, RecipientKey};

const DAY: i64 = 24 * 3600 * 1000;

/// Shares on a folder, with a clock that the test turns.
struct House {
    folder: TempDir,
    shares: Shares,
    clock: Arc<AtomicI64>,
}

/// The mails about shares, as short as can be.
struct Plain;

impl Letters for Plain {
    fn school(&self, _id: &str) -> Option<crate::school::School> {
        None
    }

    fn invitation(&self, link: &Link, _overview: &Overview) -> Option<Letter> {
        let raw = format!("link {} {}", link.rid, link.secret.written()).into_bytes();
        Some(Letter { raw, sender: None, readers: vec![link.mailbox.clone()] })
    }

    fn code_wanted(&self, wanted: &CodeWanted) -> Option<Letter> {
        let raw = b"wanted".to_vec();
        Some(Letter { raw, sender: None, readers: vec![Mailbox::parse(wanted.to.expose()).unwrap()] })
    }

    fn passkey_made(&self, made: &PasskeyMade) -> Option<Letter> {
        let raw = format!("passkey {}\n", made.address.expose()).into_bytes();
        Some(Letter { raw, sender: None, readers: vec![Mailbox::parse(made.address.expose()).unwrap()] })
    }

    fn code_mail(&self, mail: &CodeMail) -> Option<Letter> {
        let raw = mail.text.expose().clone().into_bytes();
        Some(Letter { raw, sender: None, readers: vec![Mailbox::parse(mail.to.expose()).unwrap()] })
    }

    fn reply(&self, received: &Received) -> Option<Letter> {
        let raw = received.reply.text.expose().clone().into_bytes();
        Some(Letter { raw, sender: None, readers: vec![Mailbox::parse(received.to.expose()).unwrap()] })
    }
}

impl House {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            url: "https://veilig.delinde.example".into(),
            brands: std::collections::BTreeMap::new(),
            desk: "https://poort.delinde.example".into(),
            lifetimes: Lifetimes::default(),
            calendar: Calendar::new(jiff::tz::TimeZone::UTC, Vec::new()),
            keys: KeysMode::Strict,
            escrow: None,
            passkeys: true,
            remember: vec!["linde".into()],
            code_channels: Vec::new(),
            place: crate::vault::share::Place::Disk,
            country: "NL".into(),
            outside_eu: None,
        };
        change(&mut settings);
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(crate::store::now()));
        let outbox = Outbox::open(folder.path(), Retry::default()).unwrap();
        let now = Arc::clone(&clock);
        let now = Arc::new(move || now.load(Ordering::Relaxed));
        let shares = Shares::with(folder.path(), outbox, settings, now, Cost::TEST).unwrap();
        Self { folder, shares: shares.with_letters(Arc::new(Plain)), clock }
    }

    fn pass(&self, time: i64) {
        self.clock.fetch_add(time, Ordering::Relaxed);
    }

    async fn draft(&self, new: NewShare) -> Draft {
        match self.shares.draft(new).await.unwrap() {
            Drafted::Draft(draft) => *draft,
            Drafted::Again => panic!("it is there"),
        }
    }

    async fn make(&self, new: NewShare) -> Made {
        let mut draft = self.draft(new).await;
        let made = draft.made().clone();
        self.take(&mut draft, &made).await.unwrap();
        draft.kept();
        made
    }

    async fn take(&self, draft: &mut Draft, made: &Made) -> Result<(), ShareError> {
        let mut invitations = Vec::new();
        for link in &made.links {
            let letter = Letter { raw: b"link".to_vec(), sender: None, readers: vec![link.mailbox.clone()] };
            let (item, owed) = self.shares.owe(Kind::Invitation, letter, self.shares.now()).await?;
            invitations.push((link, item, owed));
        }
        let share = draft.rows(invitations);
        let taken = Taken {
            school: "linde".into(),
            items: Vec::new(),
            held: None,
            owed: Vec::new(),
            share,
            notes: Vec::new(),
            once: Default::default(),
            journal: None,
        };
        self.shares.inner.outbox.take(taken).await?;
        Ok(())
    }

    async fn unlock(&self, link: &Link, code: &str) -> Unlock {
        self.shares.unlock(&link.rid, &link.secret.written(), code, Visitor::default()).await.unwrap()
    }

    async fn open(&self, link: &Link) -> (String, Opened) {
        match self.unlock(link, link.code.as_ref().unwrap().grouped()).await {
            Unlock::Open { cookie, opened } => (cookie.expose().clone(), *opened),
            _ => panic!("the code is right"),
        }
    }

    async fn look(&self, link: &Link) -> Look {
        self.shares.look(&link.rid, &link.secret.written()).await.unwrap()
    }

    async fn octets(&self, opened: &Opened, item: &str) -> Result<Vec<u8>, ShareError> {
        let body = self.shares.read(opened, item, None, How::Downloaded).await?;
        Ok(body.stream.try_concat().await.unwrap())
    }

    async fn purge(&self) -> Vec<String> {
        let purged = self.shares.inner.outbox.store().purge_shares(self.shares.now()).await.unwrap();
        self.shares.inner.forget(&purged.files).await;
        purged.files
    }
}

fn mailbox(address: &str) -> Mailbox {
    Mailbox::parse(address).unwrap()
}

fn new_item(kind: ItemKind, name: &str, content: &[u8]) -> NewItem {
    NewItem {
        kind,
        name: Secret::new(name.to_owned()),
        media_type: "application/octet-stream".into(),
        content_id: None,
        content: Box::new(Cursor::new(content.to_vec())),
    }
}

fn to(address: &str, family: &str) -> NewRecipient {
    NewRecipient {
        mailbox: mailbox(address),
        family: Secret::new(family.to_owned()),
        phones: Vec::new(),
        line: "12_health".into(),
        level: crate::level::Level::default(),
    }
}

fn new_share(recipients: Vec<NewRecipient>) -> NewShare {
    NewShare {
        school: "linde".into(),
        mail: "0001".into(),
        incident: [7; 16],
        sender: mailbox("Juf@delinde.example"),
        sender_name: Some(Secret::new("Sanne de Vries".into())),
        subject: Secret::new("Kanariesubject".into()),
        message_id: None,
        items: vec![
            new_item(ItemKind::Text, "", b"Kanarietekst"),
            new_item(ItemKind::Attachment, "kanarienaam.pdf", &b"0123456789".repeat(30_000)),
        ],
        recipients,
        is_password: false,
        purpose: None,
        open_subject: false,
    }
}

fn parents() -> Vec<NewRecipient> {
    vec![
        to("p.jansen@voorbeeld.example", "jansen"),
        to("k.jansen@voorbeeld.example", "jansen"),
        to("bo@ander.example", "bo"),
    ]
}

#[tokio::test]
async fn who_has_link_and_code_reads_and_nobody_else() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    let [first, second, third] = &made.links[..] else { panic!("{}", made.links.len()) };
    assert_eq!(first.code, second.code, "one code a family");
    assert_ne!(first.code, third.code);
    let Look::Ready(seen) = house.look(first).await else { panic!() };
    assert_eq!((seen.reference.as_str(), seen.sender.expose().as_str()), (made.reference.as_str(), "Sanne de Vries"));
    // The secret of one link with the public half of another, and a code of somebody else.
    assert!(matches!(house.look(&Link { rid: third.rid.clone(), ..first.clone() }).await, Look::Nothing));
    assert!(matches!(house.unlock(first, third.code.as_ref().unwrap().grouped()).await, Unlock::Wrong { left: 4 }));
    let (cookie, opened) = house.open(first).await;
    assert_eq!(opened.subject.expose(), "Kanariesubject");
    let items = house.shares.items(&opened).await.unwrap();
    assert_eq!(items.iter().map(|item| item.size).collect::<Vec<_>>(), [12, 300_000]);
    assert_eq!(items[1].name.expose(), "kanarienaam.pdf");
    assert_eq!(house.octets(&opened, &items[0].id).await.unwrap(), b"Kanarietekst");
    assert_eq!(house.octets(&opened, &items[1].id).await.unwrap(), b"0123456789".repeat(30_000));
    let body = house.shares.read(&opened, &items[1].id, Some(131_071..131_075), How::Viewed).await.unwrap();
    assert_eq!(body.stream.try_concat().await.unwrap(), b"1234");
    let again = house.shares.session(&cookie).await.unwrap().unwrap();
    assert_eq!(house.octets(&again, &items[0].id).await.unwrap(), b"Kanarietekst");
    house.shares.sign_out(&cookie).await.unwrap();
    assert!(house.shares.session(&cookie).await.unwrap().is_none());
    let kinds: Vec<String> = house.shares.events(&made.id).await.unwrap().into_iter().map(|event| event.kind).collect();
    let expected = ["created", "code_failed", "unlocked", "item_downloaded", "item_downloaded", "item_viewed"];
    assert_eq!(kinds[..6], expected);
    let overview = house.shares.share(&made.id).await.unwrap().unwrap();
    assert!(overview.recipients[0].opened_at.is_some() && overview.recipients[0].code.is_none());
    assert_eq!(overview.recipients[1].code, second.code);
    assert_eq!(overview.recipients[0].read.len(), 2);
}

#[tokio::test]
async fn a_session_ends_when_nothing_is_done_in_it() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    let (cookie, _) = house.open(&made.links[0]).await;
    house.pass(29 * 60_000);
    assert!(house.shares.session(&cookie).await.unwrap().is_some());
    house.pass(29 * 60_000);
    assert!(house.shares.session(&cookie).await.unwrap().is_some());
    house.pass(31 * 60_000);
    assert!(house.shares.session(&cookie).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_withdrawn_is_gone_at_the_next_request() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    let mut sessions = Vec::new();
    for link in &made.links {
        sessions.push(house.open(link).await);
    }
    let items = house.shares.items(&sessions[0].1).await.unwrap();
    let withdraw = |scope: Scope| {
        let (shares, id) = (house.shares.clone(), made.id.clone());
        async move { shares.withdraw(&id, &scope, "juf@delinde.example").await }
    };
    let gone = |opened: &Opened, item: &str| {
        let (opened, item) = (opened.clone(), item.to_owned());
        let house = &house;
        async move { matches!(house.octets(&opened, &item).await, Err(ShareError::Gone)) }
    };
    assert_eq!(withdraw(Scope::Grant(made.links[2].rid.clone(), items[0].id.clone())).await.unwrap(), 1);
    assert!(gone(&sessions[2].1, &items[0].id).await && !gone(&sessions[2].1, &items[1].id).await);
    assert_eq!(withdraw(Scope::Item(items[1].id.clone())).await.unwrap(), 3);
    assert!(gone(&sessions[0].1, &items[1].id).await && !gone(&sessions[0].1, &items[0].id).await);
    let shown = house.shares.items(&sessions[0].1).await.unwrap();
    assert!(shown[1].withdrawn_at.is_some() && shown[1].name.expose().is_empty());
    withdraw(Scope::Recipient(made.links[0].rid.clone())).await.unwrap();
    assert!(house.shares.session(&sessions[0].0).await.unwrap().is_none());
    assert!(house.shares.session(&sessions[1].0).await.unwrap().is_some());
    assert!(matches!(house.shares.items(&sessions[0].1).await, Err(ShareError::Gone)));
    withdraw(Scope::All).await.unwrap();
    for (link, (cookie, opened)) in made.links.iter().zip(&sessions) {
        assert!(matches!(house.look(link).await, Look::Withdrawn(_)));
        assert!(house.shares.session(cookie).await.unwrap().is_none());
        assert!(gone(opened, &items[0].id).await);
        assert!(matches!(house.unlock(link, link.code.as_ref().unwrap().grouped()).await, Unlock::Nothing));
    }
    // The sender's own copy is still there, and goes when he says so.
    assert_eq!(house.shares.inner.files.names().await.unwrap().len(), 2);
    house.shares.delete(&made.id, "juf@delinde.example").await.unwrap();
    assert_eq!(house.shares.inner.files.names().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn guessing_locks_for_longer_each_time() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    let (link, wrong) = (&made.links[0], "0000 0000 0000");
    let right = link.code.as_ref().unwrap().grouped();
    for lock in [15 * 60_000, 3_600_000, 4 * 3_600_000] {
        for left in [4, 3, 2, 1] {
            let Unlock::Wrong { left: told } = house.unlock(link, wrong).await else { panic!() };
            assert_eq!(told, left);
        }
        let Unlock::Locked { until: Some(until) } = house.unlock(link, wrong).await else { panic!() };
        assert_eq!(until, house.shares.now() + lock);
        // Not even the right one.
        assert!(matches!(house.unlock(link, right).await, Unlock::Locked { until: Some(_) }));
        assert!(matches!(house.look(link).await, Look::Locked(_, Some(_))));
        house.pass(lock + 1);
    }
    for _ in 0..4 {
        house.unlock(link, wrong).await;
    }
    assert!(matches!(house.unlock(link, wrong).await, Unlock::Locked { until: None }));
    house.pass(DAY);
    assert!(matches!(house.unlock(link, right).await, Unlock::Locked { until: None }));
    assert!(matches!(house.unlock(link, "12").await, Unlock::Malformed));
    // Another link is another matter.
    house.open(&made.links[1]).await;
}

#[tokio::test]
async fn a_network_that_guesses_waits() {
    let house = House::new();
    let recipients = (0..10).map(|n| to(&format!("p{n}@voorbeeld.example"), &n.to_string())).collect();
    let made = house.make(new_share(recipients)).await;
    let visitor = Visitor { address: Some("192.0.2.7".parse().unwrap()), ..Visitor::default() };
    let unlock = |link: &Link, code: &str, visitor| {
        let (rid, secret, code) = (link.rid.clone(), link.secret.written(), code.to_owned());
        let shares = house.shares.clone();
        async move { shares.unlock(&rid, &secret, &code, visitor).await.unwrap() }
    };
    for link in &made.links {
        for _ in 0..4 {
            assert!(matches!(unlock(link, "000000000000", visitor.clone()).await, Unlock::Wrong { .. }));
        }
    }
    let (link, right) = (&made.links[0], made.links[0].code.as_ref().unwrap().grouped());
    let neighbour = Visitor { address: Some("192.0.2.99".parse().unwrap()), ..Visitor::default() };
    assert!(matches!(unlock(link, right, neighbour).await, Unlock::Busy));
    let elsewhere = Visitor { address: Some("198.51.100.1".parse().unwrap()), ..Visitor::default() };
    assert!(matches!(unlock(link, right, elsewhere).await, Unlock::Open { .. }));
}

#[tokio::test]
async fn a_file_that_is_withdrawn_is_not_in_the_whole_mail_either() {
    let house = House::new();
    let new = || {
        let mut new = new_share(parents());
        new.items.push(new_item(ItemKind::Original, "", b"Kanarietekst, and 0123456789 in it"));
        new
    };
    let had = async |link: &Link, made: &Made| {
        let (_, opened) = house.open(link).await;
        let kinds = [ItemKind::Text, ItemKind::Attachment, ItemKind::Original];
        let items = house.shares.items(&opened).await.unwrap();
        let mut had = Vec::new();
        for kind in kinds {
            let item = items.iter().find(|item| item.kind == kind).unwrap();
            had.push(house.octets(&opened, &item.id).await.is_ok());
        }
        let share = house.shares.share(&made.id).await.unwrap().unwrap();
        let file = share.items.iter().find(|item| item.kind == ItemKind::Attachment).unwrap().id.clone();
        (had, file)
    };
    // From one, and from all.
    let made = house.make(new()).await;
    let (all, file) = had(&made.links[0], &made).await;
    assert_eq!(all, [true, true, true]);
    let one = Scope::Grant(made.links[0].rid.clone(), file.clone());
    house.shares.withdraw(&made.id, &one, "juf@delinde.example").await.unwrap();
    assert_eq!(had(&made.links[0], &made).await.0, [true, false, false]);
    assert_eq!(had(&made.links[2], &made).await.0, [true, true, true]);
    house.shares.withdraw(&made.id, &Scope::Item(file), "juf@delinde.example").await.unwrap();
    assert_eq!(had(&made.links[2], &made).await.0, [true, false, false]);
}

#[tokio::test]
async fn what_was_known_of_the_handling_of_data_is_kept_with_the_opening() {
    let house = House::new();
    let made = house.make(new_share(vec![to("moeder@voorbeeld.example", "a")])).await;
    let link = &made.links[0];
    let statement = Statement { version: "0123456789abcdef".into(), text: "Privacy\n".into() };
    let visitor = Visitor { statement: Some(Arc::new(statement)), ..Visitor::default() };
    let code = link.code.as_ref().unwrap().grouped();
    let opened = house.shares.unlock(&link.rid, &link.secret.written(), code, visitor).await.unwrap();
    let Unlock::Open { opened, .. } = opened else { panic!("the code is right") };
    let events = house.shares.events(&made.id).await.unwrap();
    let under: Vec<&str> = events.iter().filter_map(|event| event.statement.as_deref()).collect();
    assert_eq!(under, ["0123456789abcdef"]);
    let kept = house.shares.statement("linde", "0123456789abcdef").await.unwrap();
    assert_eq!(kept.as_deref(), Some("Privacy\n"));
    assert_eq!(house.shares.statement("eik", "0123456789abcdef").await.unwrap(), None);
    // What is had piece by piece, or again, is one line of the log; a while later it is another.
    let item = house.shares.items(&opened).await.unwrap().remove(0).id;
    let uses = async || {
        let events = house.shares.events(&made.id).await.unwrap();
        events.iter().filter(|event| event.kind == "item_downloaded").count()
    };
    for _ in 0..3 {
        house.octets(&opened, &item).await.unwrap();
    }
    assert_eq!(uses().await, 1);
    house.clock.fetch_add(10 * 60 * 1000, Ordering::Relaxed);
    house.octets(&opened, &item).await.unwrap();
    assert_eq!(uses().await, 2);
}

#[tokio::test]
async fn two_transactions_of_one_mail_are_one_share() {
    let house = House::new();
    let made = house.make(new_share(parents()[..1].to_vec())).await;
    let more = house.make(new_share(parents()[1..].to_vec())).await;
    assert!(!made.is_more && more.is_more);
    assert_eq!((&made.id, &made.sender.rid), (&more.id, &more.sender.rid));
    assert_eq!(made.links[0].code, more.links[0].code, "one code a family, in both");
    let (_, opened) = house.open(&more.links[1]).await;
    let items = house.shares.items(&opened).await.unwrap();
    assert_eq!(house.octets(&opened, &items[0].id).await.unwrap(), b"Kanarietekst");
    assert_eq!(house.shares.inner.files.names().await.unwrap().len(), 2);
    // The client missed our reply.
    assert!(matches!(house.shares.draft(new_share(parents())).await.unwrap(), Drafted::Again));
    let other = NewShare { incident: [8; 16], ..new_share(parents()) };
    assert_ne!(house.make(other).await.id, made.id);
    // So did a server that tries again a quarter of an hour later, and once more after a part of it went by itself.
    house.pass(15 * 60_000);
    house.shares.inner.incidents.lock().unwrap().clear();
    assert!(matches!(house.shares.draft(new_share(parents())).await.unwrap(), Drafted::Again));
    let one_more = [parents(), vec![to("oma@elders.example", "oma")]].concat();
    let late = house.make(new_share(one_more)).await;
    assert!(late.id != made.id && late.links.len() == 1, "only who has none gets a link");
    assert!(matches!(house.shares.draft(new_share(parents())).await.unwrap(), Drafted::Again));
    house.pass(2 * 3_600_000);
    house.shares.inner.incidents.lock().unwrap().clear();
    assert_eq!(house.make(new_share(parents())).await.links.len(), 3, "hours later it is sent on purpose");
}

#[tokio::test]
async fn what_is_not_kept_leaves_nothing() {
    let house = House::new();
    // Dropped after its items were sealed.
    drop(house.draft(new_share(parents())).await);
    // An item that cannot be read.
    struct Broken;
    impl tokio::io::AsyncRead for Broken {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Err(std::io::Error::other("gone")))
        }
    }
    let mut broken = new_share(parents());
    broken.items.push(NewItem { content: Box::new(Broken), ..new_item(ItemKind::Attachment, "x", b"") });
    assert!(house.shares.draft(broken).await.is_err());
    // Rows that cannot be written: the owed table refuses.
    let by_hand = rusqlite::Connection::open(house.folder.path().join("mailpoort.db")).unwrap();
    by_hand.execute_batch("CREATE TRIGGER no BEFORE INSERT ON owed BEGIN SELECT RAISE(ABORT, 'no'); END").unwrap();
    let mut draft = house.draft(new_share(parents())).await;
    let made = draft.made().clone();
    assert!(house.take(&mut draft, &made).await.is_err());
    drop(draft);
    by_hand.execute_batch("DROP TRIGGER no").unwrap();
    for table in ["share", "share_item", "share_recipient", "share_grant", "share_event", "owed", "item"] {
        let rows: i64 = by_hand.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    while !house.shares.inner.files.names().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    // A kill between the files and the rows: the next start takes the files away.
    let key = ItemKey::new();
    house.shares.inner.files.put(&key, &mut Cursor::new(b"x".to_vec())).await.unwrap();
    let made = house.make(new_share(parents())).await;
    house.shares.recover().await.unwrap();
    assert_eq!(house.shares.inner.files.names().await.unwrap().len(), 2);
    house.open(&made.links[0]).await;
}

#[tokio::test]
async fn a_share_ends_and_its_keys_go() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    house.open(&made.links[0]).await;
    house.pass(14 * DAY);
    assert!(house.purge().await.is_empty(), "one has opened it");
    assert!(matches!(house.look(&made.links[1]).await, Look::Over(_)), "unopened for 14 days");
    assert!(matches!(house.look(&made.links[0]).await, Look::Ready(_)));
    // Whose keys are gone, has nothing of more time.
    house.shares.extend(&made.id, i64::MAX, "juf@delinde.example").await.unwrap();
    assert!(matches!(house.look(&made.links[1]).await, Look::Over(_)));
    assert!(matches!(house.look(&made.links[0]).await, Look::Ready(_)));
    house.pass(30 * DAY);
    assert!(matches!(house.look(&made.links[0]).await, Look::Over(_)));
    assert_eq!(house.purge().await.len(), 2);
    assert_eq!(house.shares.inner.files.names().await.unwrap(), Vec::<String>::new());
    assert!(matches!(house.look(&made.links[0]).await, Look::Over(_)));
    let by_hand = rusqlite::Connection::open(house.folder.path().join("mailpoort.db")).unwrap();
    let grants: i64 = by_hand.query_row("SELECT count(*) FROM share_grant", [], |row| row.get(0)).unwrap();
    assert_eq!(grants, 0);
    house.pass(31 * DAY);
    house.purge().await;
    assert!(matches!(house.look(&made.links[0]).await, Look::Nothing));
    // Nobody opened it: it ends as a whole.
    let made = house.make(new_share(parents())).await;
    house.pass(14 * DAY);
    assert_eq!(house.purge().await.len(), 2);
    assert!(house.shares.share(&made.id).await.unwrap().unwrap().over_at.is_some());
}

#[tokio::test]
async fn a_password_is_gone_after_its_first_opening() {
    let house = House::new();
    let made = house.make(NewShare { is_password: true, ..new_share(parents()) }).await;
    assert_eq!(made.ends_at, house.shares.now() + DAY);
    let (cookie, _) = house.open(&made.links[0]).await;
    house.pass(29 * 60_000);
    assert!(house.shares.session(&cookie).await.unwrap().is_some());
    house.pass(60_000);
    assert!(house.shares.session(&cookie).await.unwrap().is_none());
    assert!(matches!(house.look(&made.links[0]).await, Look::Over(_)));
    assert!(matches!(house.look(&made.links[1]).await, Look::Ready(_)));
    assert!(house.shares.extend(&made.id, i64::MAX, "juf@delinde.example").await.is_err());
}

#[tokio::test]
async fn the_sender_reads_his_copy_and_gives_a_new_link() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    let own = &made.sender;
    assert!(matches!(house.unlock(own, "000000000000").await, Unlock::Nothing), "no code opens it");
    let open = |folded: &str| {
        let (rid, secret, folded) = (own.rid.clone(), own.secret.written(), folded.to_owned());
        let shares = house.shares.clone();
        async move { shares.open_as_sender(&rid, &secret, &folded).await.unwrap() }
    };
    assert!(matches!(open("p.jansen@voorbeeld.example").await, Unlock::Nothing));
    let Unlock::Open { opened, .. } = open("juf@delinde.example").await else { panic!() };
    let items = house.shares.items(&opened).await.unwrap();
    assert_eq!(house.octets(&opened, &items[0].id).await.unwrap(), b"Kanarietekst");
    // Somebody else's link is none of his.
    let first = &made.links[0];
    let other = house.shares.open_as_sender(&first.rid, &first.secret.written(), "juf@delinde.example").await.unwrap();
    assert!(matches!(other, Unlock::Nothing));
    house.shares.withdraw(&made.id, &Scope::All, "juf@delinde.example").await.unwrap();
    let strict = house.shares.renew(&made.id, &first.rid, None, "juf@delinde.example").await;
    assert!(matches!(strict, Err(ShareError::NeedsLink)));
    let renewed = house.shares.renew(&made.id, &first.rid, Some(&opened), "juf@delinde.example").await.unwrap();
    assert!(matches!(house.look(first).await, Look::Nothing), "the old link leads nowhere");
    assert!(matches!(house.look(&made.links[1]).await, Look::Withdrawn(_)), "the others stay withdrawn");
    let late = to("late@voorbeeld.example", "late");
    house.shares.add(&made.id, &late, Some(&opened), "juf@delinde.example").await.unwrap();
    let overview = house.shares.share(&made.id).await.unwrap().unwrap();
    let now: Vec<_> = overview.recipients.iter().filter(|one| one.withdrawn_at.is_none()).collect();
    assert_eq!(now.len(), 2);
    assert!(now.iter().all(|one| one.items.len() == 2) && now.iter().any(|one| one.code == Some(renewed.code.clone())));
    assert_eq!(house.shares.of_sender("linde", "juf@delinde.example", 9).await.unwrap().len(), 1);
    assert_eq!(house.shares.of_sender("linde", "bo@ander.example", 9).await.unwrap().len(), 0);
}

/// The sender's own link, opened.
async fn own(house: &House, made: &Made) -> Opened {
    let (rid, secret) = (made.sender.rid.as_str(), made.sender.secret.written());
    let Unlock::Open { opened, .. } = house.shares.open_as_sender(rid, &secret, "juf@delinde.example").await.unwrap()
    else {
        panic!()
    };
    *opened
}

#[tokio::test]
async fn a_new_link_lives_although_the_time_to_open_the_first_is_over() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    house.open(&made.links[2]).await;
    for (after, lives) in [(16 * DAY, 14), (10 * DAY, 4)] {
        house.pass(after);
        house.purge().await;
        assert!(matches!(house.look(&made.links[1]).await, Look::Over(_)), "who was late stays late");
        let opened = own(&house, &made).await;
        let share = house.shares.share(&made.id).await.unwrap().unwrap();
        let late = share.recipients.iter().find(|one| one.address.expose().starts_with("p.jansen")).unwrap();
        let renewed = house.shares.renew(&made.id, &late.rid, Some(&opened), "juf@delinde.example").await.unwrap();
        house.purge().await;
        let share = house.shares.share(&made.id).await.unwrap().unwrap();
        let anew = share.recipients.iter().find(|one| one.rid == renewed.rid).unwrap();
        assert_eq!(anew.open_by, (house.shares.now() + lives * DAY).min(share.ends_at));
        assert!(anew.items.len() == 2 && anew.open_by > house.shares.now());
        let store = house.shares.inner.outbox.store();
        let linked =
            store.linked(*crate::vault::share::Rid::read(&renewed.rid).unwrap().octets()).await.unwrap().unwrap();
        assert!(!linked.is_over(house.shares.now()) && linked.open_by == anew.open_by);
    }
}

#[tokio::test]
async fn a_share_of_which_nobody_opened_anything_lives_as_long_as_its_newest_link() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    house.pass(13 * DAY);
    let opened = own(&house, &made).await;
    house.shares.renew(&made.id, &made.links[0].rid, Some(&opened), "juf@delinde.example").await.unwrap();
    house.pass(10 * DAY);
    house.purge().await;
    assert!(house.shares.share(&made.id).await.unwrap().unwrap().over_at.is_none());
    house.pass(5 * DAY);
    house.purge().await;
    assert!(house.shares.share(&made.id).await.unwrap().unwrap().over_at.is_some());
}

#[tokio::test]
async fn one_code_for_a_family_whenever_its_links_are_made() {
    let house = House::new();
    let made =
        house.make(new_share(vec![to("p.jansen@voorbeeld.example", "jansen"), to("bo@ander.example", "bo")])).await;
    let opened = own(&house, &made).await;
    let code = |link: &Link| link.code.clone().unwrap();
    let late = to("k.jansen@voorbeeld.example", "jansen");
    let added = house.shares.add(&made.id, &late, Some(&opened), "juf@delinde.example").await.unwrap();
    assert!(added.code == code(&made.links[0]), "who comes later has the code of his family");
    let renewed = house.shares.renew(&made.id, &made.links[0].rid, Some(&opened), "juf@delinde.example").await.unwrap();
    assert!(renewed.code == added.code, "and so has a new link, as long as the other's waits");
    let alone = house.shares.renew(&made.id, &made.links[1].rid, Some(&opened), "juf@delinde.example").await.unwrap();
    assert!(alone.code != code(&made.links[1]) && alone.code != added.code, "a family of one has a new code");
    let share = house.shares.share(&made.id).await.unwrap().unwrap();
    let families: std::collections::BTreeSet<u32> = share.recipients.iter().map(|one| one.family).collect();
    assert_eq!((share.recipients.len(), families.len()), (3, 2));
    let again = house.shares.add(&made.id, &late, Some(&opened), "juf@delinde.example").await;
    assert!(matches!(again, Err(ShareError::Gone)), "who has a link gets no second one");
    house.shares.withdraw(&made.id, &Scope::All, "juf@delinde.example").await.unwrap();
    let after = house.shares.renew(&made.id, &renewed.rid, Some(&opened), "juf@delinde.example").await.unwrap();
    assert!(after.code != added.code, "a code that was taken back stays so");
}

#[tokio::test]
async fn answers_and_calls_for_a_code_are_owed_to_the_sender() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    let before = house.shares.inner.outbox.store().owed(99).await.unwrap().len();
    let (link, ask) = (&made.links[1], |link: &Link| {
        let (rid, secret) = (link.rid.clone(), link.secret.written());
        let shares = house.shares.clone();
        async move { shares.ask_for_code(&rid, &secret).await.unwrap() }
    });
    assert_eq!((ask(link).await, ask(link).await), (Asked::Told, Asked::Already));
    house.pass(3_600_000);
    assert_eq!(ask(link).await, Asked::Told);
    let (_, opened) = house.open(link).await;
    let reply = Reply { text: Secret::new("Dank u wel".into()), files: Vec::new() };
    house.shares.reply(&opened, reply).await.unwrap();
    assert_eq!(house.shares.inner.outbox.store().owed(99).await.unwrap().len(), before + 3);
    house.shares.withdraw(&made.id, &Scope::All, "juf@delinde.example").await.unwrap();
    let reply = Reply { text: Secret::new("Nog iets".into()), files: Vec::new() };
    assert!(matches!(house.shares.reply(&opened, reply).await, Err(ShareError::Gone)));
    assert_eq!(ask(link).await, Asked::Nothing);
}

/// All octets of the data folder.
fn everything(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything(&path));
        } else {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    all
}

#[tokio::test]
async fn nothing_plain_is_on_the_disk() {
    let house = House::with(|settings| settings.keys = KeysMode::Recoverable);
    let made = house.make(new_share(parents())).await;
    house.open(&made.links[0]).await;
    let mut canaries: Vec<Vec<u8>> = ["Kanarie", "kanarienaam", "voorbeeld.example", "delinde.example", "Sanne"]
        .map(|c| c.as_bytes().to_vec())
        .into();
    for link in made.links.iter().chain([&made.sender]) {
        canaries.push(link.secret.written().into_bytes());
        canaries.push(link.secret.octets().to_vec());
        if let Some(code) = &link.code {
            canaries.push(code.grouped().as_bytes().to_vec());
            canaries.push(code.grouped().replace(' ', "").into_bytes());
        }
    }
    canaries.push(b"AGE-SECRET-KEY".to_vec());
    for (file, octets) in everything(house.folder.path()) {
        for canary in &canaries {
            assert!(!octets.windows(canary.len()).any(|window| window == canary), "{file} holds {canary:?}");
        }
    }
    let shown = format!("{made:?} {:?} {:?}", house.shares, house.look(&made.links[1]).await);
    assert!(!shown.contains("delinde") && !shown.contains(&made.links[1].secret.written()), "{shown}");
}

/// The attacker of DESIGN: he has the tables, the files and the key file, and no link.
async fn stolen(house: &House) -> usize {
    let store = house.shares.inner.outbox.store();
    let keys = house.shares.inner.outbox.keys();
    let mut opened = 0;
    for share in store.shares(99).await.unwrap() {
        let mut tried: Vec<RecipientKey> = Vec::new();
        tried.extend(RecipientKey::recovery(keys).map(|(_, key)| key));
        for (_, label) in [(0, "mailpoort/share/v1/pepper"), (1, "mailpoort/share/v1/recipient"), (2, "")] {
            tried.extend(keys.derived(label).and_then(|(_, seed)| RecipientKey::from_seed(seed)));
        }
        for one in &share.recipients {
            // He knows the codes that are shown to the sender, and the public half of every link.
            let pepper = crate::vault::share::Pepper::of(keys, share.key).unwrap();
            let rid = crate::vault::share::Rid::of(one.rid);
            let mut secret = [0; 32];
            secret[..16].copy_from_slice(&one.rid);
            let guessed = crate::vault::LinkSecret::read(&crate::vault::link::written(&secret)).unwrap();
            let code = match &one.code {
                Some(code) => crate::vault::share::AccessCode::read(code).unwrap().key(&rid, Cost::TEST).await,
                None => None,
            };
            tried.extend(pepper.recipient(&rid, &guessed, code.as_ref()));
            tried.extend(pepper.recipient(&rid, &guessed, None));
        }
        for item in &share.items {
            let mut wraps: Vec<Vec<u8>> = item.recovery.iter().chain(&item.escrow).cloned().collect();
            for one in &share.recipients {
                let grants = store.grants_of(one.rid).await.unwrap();
                wraps.extend(grants.into_iter().filter(|(id, _)| *id == item.id).map(|(_, wrapped)| wrapped));
            }
            let key = wraps.iter().find_map(|wrapped| tried.iter().find_map(|key| key.unwrap(wrapped)));
            let Some(key) = key else { continue };
            let file = item.file.as_deref().unwrap();
            let reading = house.shares.inner.files.read(file, key, 0..item.size).await.unwrap();
            opened += usize::from(reading.pieces().try_concat().await.unwrap().len() as u64 == item.size);
        }
    }
    opened
}

#[tokio::test]
async fn tables_files_and_keys_open_nothing_in_strict_mode() {
    let strict = House::new();
    strict.make(new_share(parents())).await;
    assert_eq!(stolen(&strict).await, 0);
    let recoverable = House::with(|settings| settings.keys = KeysMode::Recoverable);
    let made = recoverable.make(new_share(parents())).await;
    assert_eq!(stolen(&recoverable).await, 2, "that is what recoverable means");
    let renewed = recoverable.shares.renew(&made.id, &made.links[0].rid, None, "ict@delinde.example").await;
    assert!(renewed.is_ok());
}

#[tokio::test]
async fn mailbox_tables_and_files_open_nothing_without_the_key_file() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    let link = &made.links[0];
    let store = house.shares.inner.outbox.store();
    let rid = crate::vault::share::Rid::read(&link.rid).unwrap();
    let grants = store.grants_of(*rid.octets()).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = crate::seal::SealKey::load_or_make(&elsewhere.path().join("key")).unwrap();
    let (_, pepper) = crate::vault::share::Pepper::current(&other).unwrap();
    let code = crate::vault::share::AccessCode::read(link.code.as_ref().unwrap().grouped()).unwrap();
    let code = code.key(&rid, Cost::TEST).await.unwrap();
    let without = pepper.recipient(&rid, &link.secret, Some(&code)).unwrap();
    assert!(grants.iter().all(|(_, wrapped)| without.unwrap(wrapped).is_none()));
    // With it, it opens: the test can fail.
    let (_, pepper) = crate::vault::share::Pepper::current(house.shares.inner.outbox.keys()).unwrap();
    let with = pepper.recipient(&rid, &link.secret, Some(&code)).unwrap();
    assert!(grants.iter().all(|(_, wrapped)| with.unwrap(wrapped).is_some()));
    assert!(
        grants
            .iter()
            .all(|(_, wrapped)| { pepper.recipient(&rid, &link.secret, None).unwrap().unwrap(wrapped).is_none() })
    );
}

/// An age identity and its recipient, of the test alone.
const ESCROW: &str =
    "# created: 2026-11-22\nAGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33\n";
const ESCROW_RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

#[tokio::test]
async fn the_escrow_key_opens_what_was_made_with_it() {
    let house = House::with(|settings| settings.escrow = Some(ESCROW_RECIPIENT.into()));
    let made = house.make(new_share(parents())).await;
    let key = EscrowKey::read(ESCROW).unwrap();
    let recovered = house.shares.recovered(&made.id, &key).await.unwrap();
    assert_eq!(recovered.len(), 2);
    let (item, reading) = recovered.into_iter().next().unwrap();
    assert_eq!((item.kind, reading.pieces().try_concat().await.unwrap()), (ItemKind::Text, b"Kanarietekst".to_vec()));
    assert_eq!(stolen(&house).await, 0, "its private half is elsewhere");
    let kinds = house.shares.events(&made.id).await.unwrap();
    assert!(kinds.iter().any(|event| event.kind == "recovered"));
}

#[tokio::test]
async fn a_changed_key_still_opens_what_the_old_one_made() {
    let house = House::new();
    let made = house.make(new_share(parents())).await;
    let file = house.folder.path().join(crate::seal::SealKey::FILE);
    let House { folder, shares, clock } = house;
    let settings = shares.settings().clone();
    drop(shares);
    crate::seal::SealKey::rotate(&file).unwrap();
    let outbox = Outbox::beside(folder.path()).unwrap();
    let now = Arc::clone(&clock);
    let now: Arc<dyn Fn() -> i64 + Send + Sync> = Arc::new(move || now.load(Ordering::Relaxed));
    let shares = Shares::with(folder.path(), outbox, settings, now, Cost::TEST).unwrap();
    let house = House { folder, shares, clock };
    house.shares.inner.outbox.seal_anew().await.unwrap();
    let (_, opened) = house.open(&made.links[0]).await;
    let items = house.shares.items(&opened).await.unwrap();
    assert_eq!(house.octets(&opened, &items[0].id).await.unwrap(), b"Kanarietekst");
    let needed = house.shares.inner.outbox.store().share_keys().await.unwrap();
    assert_ne!(Some(needed[0]), house.shares.inner.outbox.keys().derived("x").map(|(id, _)| id));
}
