//! The next hop of the demo: a mail server that takes everything and keeps the last of it in memory, to be looked at.
//!
//! Never sends anything on, and never writes to a disk.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Zoned;
use tokio::sync::Semaphore;

use crate::extract::{self, Spot};
use crate::message::{Limits, Mailbox, Message, Recipient, Source, header};
use crate::smtp::access::{Access, ListedClient};
use crate::smtp::budget::Budget;
use crate::smtp::command::MailCommand;
use crate::smtp::listener::{Server, bind};
use crate::smtp::settings::{SessionLimits, Settings};
use crate::smtp::{Client, Content, Extensions, Handler, Reply, Transaction};

/// Messages that are kept; the oldest goes first.
const MOST_MESSAGES: usize = 200;
/// Octets that are kept, all messages together.
const MOST_OCTETS: usize = 64 * 1024 * 1024;
/// Room for a message that the gate let through, with the lines that it put on top.
const MAX_MESSAGE: usize = 12 * 1024 * 1024;
/// Characters of a message's first line.
const LONGEST_OPENING: usize = 200;

/// A message that reached the next hop.
pub(super) struct Kept {
    /// Counted from 1, in order of arrival.
    pub number: u64,
    /// When it came.
    pub arrived: Zoned,
    /// MAIL FROM; empty for `<>`.
    pub sender: String,
    /// RCPT TO.
    pub recipients: Vec<String>,
    /// Decoded; empty when there is none.
    pub subject: String,
    /// The first line of its text.
    pub opening: String,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// The message that it answers, without angle brackets.
    pub in_reply_to: Option<String>,
    /// Whether the gate itself wrote it.
    pub notice: bool,
    /// The octets as they came.
    pub raw: Vec<u8>,
}

/// The provider's mailboxes; clones are the same ones.
#[derive(Clone)]
pub(super) struct Provider(Arc<Inner>);

struct Inner {
    gate_address: String,
    kept: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    messages: VecDeque<Arc<Kept>>,
    octets: usize,
    last: u64,
}

impl Provider {
    /// Empty mailboxes. What comes from `gate_address` with the null sender is a notice.
    pub fn new(gate_address: &str) -> Self {
        Self(Arc::new(Inner { gate_address: gate_address.to_string(), kept: Mutex::default() }))
    }

    /// Begins to serve on a free port of this machine.
    ///
    /// # Errors
    /// What the system says.
    pub async fn serve(&self) -> io::Result<SocketAddr> {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_addr()?;
        tokio::spawn(Server::new(self.clone(), settings()).serve(listener, false));
        Ok(address)
    }

    /// Everything that is kept, the newest first.
    pub fn all(&self) -> Vec<Arc<Kept>> {
        self.shelf().messages.iter().rev().cloned().collect()
    }

    /// The message of that number, while it is kept.
    pub fn get(&self, number: u64) -> Option<Arc<Kept>> {
        self.shelf().messages.iter().find(|kept| kept.number == number).cloned()
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, sender: Option<&Mailbox>, recipients: &[Mailbox], raw: Vec<u8>) {
        let kept = describe(&self.0.gate_address, sender, recipients, raw);
        self.shelf().put(kept);
    }
}

impl Shelf {
    fn put(&mut self, kept: Kept) {
        self.last += 1;
        self.octets += kept.raw.len();
        self.messages.push_back(Arc::new(Kept { number: self.last, ..kept }));
        while self.messages.len() > MOST_MESSAGES || self.octets > MOST_OCTETS {
            let Some(oldest) = self.messages.pop_front() else { return };
            self.octets -= oldest.raw.len();
        }
    }
}

fn describe(gate_address: &str, sender: Option<&Mailbox>, recipients: &[Mailbox], raw: Vec<u8>) -> Kept {
    let limits = Limits::default();
    let message = Message::parse(&raw, &limits);
    let headers = message.headers();
    let from_gate = matches!(headers.from.as_slice(), [from] if from.typed() == gate_address);
    let in_reply_to = header::value_of(&raw, "In-Reply-To").map(String::from_utf8_lossy);
    Kept {
        number: 0,
        arrived: now(),
        sender: sender.map(|sender| sender.typed().to_string()).unwrap_or_default(),
        recipients: recipients.iter().map(|mailbox| mailbox.typed().to_string()).collect(),
        subject: headers.subject.as_ref().map(|subject| subject.expose().clone()).unwrap_or_default(),
        opening: opening(&message, &limits),
        message_id: headers.message_id.clone(),
        in_reply_to: in_reply_to.map(|id| id.trim().trim_matches(['<', '>']).to_string()),
        notice: sender.is_none() && headers.auto_submitted && from_gate,
        raw,
    }
}

fn opening(message: &Message<'_>, limits: &Limits) -> String {
    let texts = extract::texts(message, limits, None).texts;
    let body = texts.iter().find(|text| text.place.within.is_empty() && text.place.spot == Spot::Text);
    let line = body.and_then(|body| body.text.lines().find(|line| !line.trim().is_empty())).unwrap_or_default();
    line.trim().chars().take(LONGEST_OPENING).collect()
}

fn settings() -> Settings {
    let source = Source { client: "gate".into(), ..Source::default() };
    let networks = vec![ipnet::Ipv4Net::from(Ipv4Addr::LOCALHOST).into()];
    let gate = ListedClient {
        networks,
        certificates: Vec::new(),
        issuer: None,
        shared: false,
        own_senders_only: false,
        source,
    };
    Settings {
        hostname: "provider.example".into(),
        access: Access {
            clients: vec![gate],
            users: Default::default(),
            accounts: None,
            own_domains: BTreeMap::new(),
            hashing: Semaphore::new(1),
            failure_delay: Duration::from_secs(1),
        },
        tls: None,
        limits: SessionLimits {
            max_message_size: MAX_MESSAGE,
            max_recipients: 1000,
            command_timeout: Duration::from_secs(300),
            min_rate: 100,
            max_connections: 100,
            max_connections_per_stranger: 1,
        },
        budget: Budget::new(MOST_OCTETS),
    }
}

impl Handler for Provider {
    type Transaction = Delivery;

    fn extensions(&self) -> Extensions {
        Extensions::UNKNOWN
    }

    fn open(&self, _client: Client, mail: MailCommand) -> Result<Delivery, Reply> {
        Ok(Delivery { provider: self.clone(), sender: mail.sender, recipients: Vec::new() })
    }
}

/// One transaction.
pub(super) struct Delivery {
    provider: Provider,
    sender: Option<Mailbox>,
    recipients: Vec<Mailbox>,
}

/// The school's time zone, which its notices have too.
pub(super) const TIME_ZONE: &str = "Europe/Amsterdam";

fn now() -> Zoned {
    let here = Zoned::now();
    here.in_tz(TIME_ZONE).unwrap_or(here)
}

impl Transaction for Delivery {
    async fn recipients(&mut self, batch: Vec<Recipient>) -> Vec<Reply> {
        let replies = batch.iter().map(|_| Reply::new(250, "2.1.5", "Recipient taken")).collect();
        self.recipients.extend(batch.into_iter().map(|recipient| recipient.mailbox));
        replies
    }

    async fn judge_and_send(self, content: Content) -> Reply {
        self.provider.keep(self.sender.as_ref(), &self.recipients, content.raw);
        Reply::new(250, "2.0.0", "Taken by the provider of the demo")
    }

    async fn abandon(self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(shelf: &mut Shelf, times: usize, octets: usize) {
        for _ in 0..times {
            let kept = describe("mailpoort@delinde.example", None, &[], Vec::new());
            shelf.put(Kept { raw: vec![0; octets], ..kept });
        }
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many_or_they_are_too_big() {
        let mut shelf = Shelf::default();
        put(&mut shelf, MOST_MESSAGES + 3, 1);
        let first = |shelf: &Shelf| shelf.messages.front().map(|kept| kept.number);
        assert_eq!((shelf.messages.len(), first(&shelf)), (MOST_MESSAGES, Some(4)));
        put(&mut shelf, 1, MOST_OCTETS);
        put(&mut shelf, 1, 10);
        assert_eq!((shelf.messages.len(), first(&shelf), shelf.octets), (1, Some(205), 10));
    }
}
