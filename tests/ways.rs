//! One next hop that is dead, or never answers, holds up its own mail and nobody else's.
//!
//! The outbox alone, with two schools that have a next hop each. Nothing waits for the clock: what never answers never
//! answers, and what is left alone is left alone for an hour.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use inside::authority::AUTHORITY;
use inside::next_hop::{NextHop as Server, Seen};
use inside::soon;
use mailpoort::message::Mailbox;
use mailpoort::outbox::{Around, Failure, KeptBack, NotNow, Outbox, Retry, Road, SharedInstead, Unproven, Way};
use mailpoort::smtp::client::{Demand, Hop, NextHop};
use mailpoort::store;
use mailpoort::store::owed::{Envelope, Kind, Listed, NewOwed, To};

const HOUR: Duration = Duration::from_secs(3600);

/// Each school has a next hop of its own.
struct Schools(Vec<(&'static str, Arc<NextHop>)>);

impl Schools {
    fn new(hops: &[(&'static str, SocketAddr)]) -> Arc<Self> {
        Arc::new(Self(hops.iter().map(|(name, address)| (*name, hop(name, *address))).collect()))
    }
}

fn hop(name: &str, address: SocketAddr) -> Arc<NextHop> {
    NextHop::new(Hop {
        name: name.to_owned(),
        hosts: vec![(address.ip().to_string(), address.port())],
        our_name: "poort.delinde.example".to_owned(),
        demand: Demand::Off,
        implicit_tls: false,
        tls: AUTHORITY.client_config(),
        credentials: None,
        connect_timeout: HOUR,
        reply_timeout: HOUR,
        final_reply_timeout: HOUR,
        keep_idle: Duration::ZERO,
        max_connections: 20,
    })
}

impl Around for Schools {
    fn way(&self, school: &str, _: Option<&Mailbox>) -> Option<Way> {
        let (_, next_hop) = self.0.iter().find(|(name, _)| *name == school)?;
        Some(Way { next_hop: Arc::clone(next_hop), mark: None })
    }

    fn next_hops(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn failure(&self, _: &Failure<'_>) -> Option<(Vec<u8>, Vec<Mailbox>)> {
        None
    }

    fn road(&self, _: &str, _: Option<&Mailbox>) -> Road {
        Road::None
    }

    fn signature(&self, _: &str, _: Kind, _: &[u8]) -> Option<String> {
        None
    }

    fn signed_for_direct(&self, _: &str, _: &[u8]) -> Option<String> {
        None
    }

    fn share_instead<'a>(
        &'a self,
        _: &'a Unproven<'a>,
        _: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<SharedInstead>, NotNow>> {
        Box::pin(async { Ok(None) })
    }

    fn kept_back(&self, _: &Unproven<'_>) -> Option<KeptBack> {
        None
    }

    fn waits(&self, _: &Unproven<'_>) -> Option<(Vec<u8>, Vec<Mailbox>)> {
        None
    }
}

fn outbox(folder: &Path, after: Duration) -> Outbox {
    Outbox::open(folder, Retry { after, most: after, ..Retry::default() }).unwrap()
}

async fn owe(outbox: &Outbox, school: &str, count: usize) {
    for _ in 0..count {
        let reader = Mailbox::parse(&format!("juf@{school}.example")).unwrap();
        outbox.owe(school, b"Subject: dag\r\n\r\ndag\r\n".to_vec(), &[reader]).await.unwrap();
    }
}

fn run(outbox: &Outbox, schools: &Arc<Schools>) {
    let (outbox, around) = (outbox.clone(), Arc::clone(schools));
    tokio::spawn(async move { outbox.run(around).await });
}

async fn owed(outbox: &Outbox, school: &str) -> Vec<Listed> {
    outbox.store().owed(1000).await.unwrap().into_iter().filter(|one| one.school == school).collect()
}

fn all_taken(count: usize) -> impl FnMut(&Seen) -> bool {
    move |seen| seen.taken().len() == count
}

/// Looks again and again, until something is so.
async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !look().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_next_hop_that_never_answers_holds_up_its_own_mail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (hole, good) = (Server::start().await, Server::start().await);
    hole.rule("on connect stall for ever");
    let outbox = outbox(folder.path(), HOUR);
    owe(&outbox, "hole", 30).await;
    owe(&outbox, "good", 10).await;
    run(&outbox, &Schools::new(&[("hole", hole.address), ("good", good.address)]));
    good.until("the other's mail", all_taken(10)).await;
    let seen = hole.until("its own tries", |seen| seen.open == 4).await;
    assert_eq!((seen.connections, seen.most), (4, 4), "four places, and no more");
    assert_eq!(owed(&outbox, "hole").await.iter().map(|one| one.tries).sum::<u32>(), 0);
    // Mail that comes now goes as well.
    owe(&outbox, "good", 3).await;
    good.until("mail that comes later", all_taken(13)).await;
    assert_eq!(hole.seen().connections, 4);
    outbox.stop();
}

#[tokio::test]
async fn a_next_hop_that_cannot_be_reached_is_not_tried_by_all_of_its_mail() {
    let folder = tempfile::tempdir().unwrap();
    let good = Server::start().await;
    let outbox = outbox(folder.path(), HOUR);
    owe(&outbox, "dead", 30).await;
    owe(&outbox, "good", 10).await;
    run(&outbox, &Schools::new(&[("dead", nobody()), ("good", good.address)]));
    good.until("the other's mail", all_taken(10)).await;
    until("a first failure", async || owed(&outbox, "dead").await.iter().any(|one| one.tries > 0)).await;
    // What goes on meanwhile goes on; then those that were on their way together are done.
    owe(&outbox, "good", 3).await;
    good.until("mail that comes later", all_taken(13)).await;
    let tries: Vec<u32> = owed(&outbox, "dead").await.iter().map(|one| one.tries).collect();
    assert_eq!((tries.len(), tries.iter().max()), (30, Some(&1)));
    assert!(tries.iter().sum::<u32>() <= 4, "{tries:?}");
    // What waits is not kept longer than anything else.
    let old = outbox.vault().put(Arc::new(b"dag".to_vec())).await.unwrap();
    let to = To { address: "juf@dead.example".to_owned(), parameters: String::new(), place: None };
    let envelope = Envelope { recipients: vec![to], ..Envelope::default() };
    let now = store::now();
    let new = NewOwed { kind: Kind::Message, item: old.id.clone(), envelope, due_at: now, give_up_at: now - 1 };
    outbox.store().owe("dead", old, new, now).await.unwrap();
    outbox.wake();
    until("the end of what is too old", async || owed(&outbox, "dead").await.len() == 30).await;
    outbox.stop();
}

#[tokio::test]
async fn a_next_hop_that_is_back_gets_all_of_its_mail() {
    let folder = tempfile::tempdir().unwrap();
    let (address, outbox) = (nobody(), outbox(folder.path(), Duration::from_millis(20)));
    owe(&outbox, "dead", 30).await;
    run(&outbox, &Schools::new(&[("dead", address)]));
    until("a first failure", async || owed(&outbox, "dead").await.iter().any(|one| one.tries > 0)).await;
    let back = Server::listen(&address.to_string(), None).await;
    let seen = back.until("all of its mail", all_taken(30)).await;
    assert!(seen.most <= 4);
    outbox.stop();
}

/// Where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
