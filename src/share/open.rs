//! A recipient: from link and code to a session, and from there to the items.
//!
//! A session's key lies sealed in its row, with a key that only the cookie holds. Every item that is read checks its grant
//! in the transaction that logs the reading: what was withdrawn is gone at the next request.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::Stream;

use super::factor::{self, CODE, EMAIL, Factor, ORGANISATION, SENDER, SMS};
use super::proof::{Proof, Shown};
use super::{Inner, ItemKind, ShareError, Shares};
use crate::level::Level;
use crate::seal::Index;
use crate::secret::Secret;
use crate::store::share::{Entry, ItemRow, Linked, Statement, Try};
use crate::vault::share::{AccessCode, Cookie, Cost, LinkCheck, Pepper, RecipientKey, Rid};
use crate::vault::{LinkSecret, VaultError};

/// Where a link leads.
pub enum Look {
    /// To a share that waits to be opened.
    Ready(Seen),
    /// Too many wrong codes: none works until then, milliseconds; without a moment until the sender makes a new link.
    Locked(Seen, Option<i64>),
    /// Its time is over.
    Over(Seen),
    /// Its sender has withdrawn it.
    Withdrawn(Seen),
    /// Nowhere: the same answer, in the same time, for a link that never was and for a secret that is wrong.
    Nothing,
}

/// What a link alone shows: never a subject, a name of a file, or the recipient's address.
#[derive(Clone)]
pub struct Seen {
    /// The id of the share.
    pub share: String,
    /// The school.
    pub school: String,
    /// Four characters that mail and page have in common.
    pub reference: String,
    /// The sender's name, or his address when the mail had none.
    pub sender: Secret<String>,
    /// The sender's address.
    pub sender_address: Secret<String>,
    /// When it was made, milliseconds.
    pub made_at: i64,
    /// Until when it can be opened first, milliseconds; none when it was opened.
    pub open_by: Option<i64>,
    /// When it ends, milliseconds.
    pub ends_at: i64,
    /// Wrong codes that are left before the next lock.
    pub tries_left: u32,
    /// Whether this is the sender's own link, which opens at the desk and takes no code.
    pub is_sender: bool,
    /// Whether it is read on a page alone, and no file of it may be had.
    pub view_only: bool,
    /// What the recipient needs besides the link.
    pub factor: Factor,
    /// How sure it must be that it is he who opens it.
    pub level: Level,
}

/// Who tries, for the budgets against guessing. Of the address no more than its network is used, in memory.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// The address that the connection comes from.
    pub address: Option<IpAddr>,
    /// Whether he wants his device to be remembered; the caller has seen that the school allows it.
    pub remember: bool,
    /// The privacy statement that stands on the pages for him, to be written down with the opening.
    pub statement: Option<Arc<Statement>>,
}

/// By what a link was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpenedBy {
    /// The code that the sender told.
    Code,
    /// A code by text message.
    Sms,
    /// A code by mail.
    Email,
    /// The fixed code of an organisation.
    Organisation,
    /// What was proven before on the same device.
    Device,
    /// A passkey.
    Passkey,
    /// The sender's own mailbox.
    Sender,
}

impl OpenedBy {
    const ALL: [Self; 7] =
        [Self::Code, Self::Sms, Self::Email, Self::Organisation, Self::Device, Self::Passkey, Self::Sender];

    /// The word in table and journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Code => CODE,
            Self::Sms => SMS,
            Self::Email => EMAIL,
            Self::Organisation => ORGANISATION,
            Self::Device => "device",
            Self::Passkey => "passkey",
            Self::Sender => SENDER,
        }
    }

    /// What a word stands for.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }
}

/// What a code came to.
pub enum Unlock {
    /// It is the right one.
    Open {
        /// The cookie's value: who has it, has the session. Letters and digits.
        cookie: Secret<String>,
        /// The session.
        opened: Box<Opened>,
    },
    /// It has not as many digits as a code; nothing was counted.
    Malformed,
    /// No code was sent by text message or mail that can still be typed.
    Expired,
    /// It is not the code.
    Wrong {
        /// Wrong codes that are left before the lock.
        left: u32,
    },
    /// Too many wrong codes: none works until then, milliseconds; without a moment until the sender makes a new link.
    Locked {
        /// Until when.
        until: Option<i64>,
    },
    /// Too many tries from this network, or in all: later.
    Busy,
    /// The link leads nowhere (any more).
    Nothing,
}

/// A session in which somebody has proven to be a recipient, or the sender.
#[derive(Clone)]
pub struct Opened {
    /// The id of the share.
    pub share: String,
    /// The public half of the link.
    pub rid: String,
    /// What the link shows.
    pub seen: Seen,
    /// The subject of the mail.
    pub subject: Secret<String>,
    /// The address that the link was sent to.
    pub address: Secret<String>,
    /// When the session ends if nothing is done in it, milliseconds.
    pub ends_at: i64,
    /// What the device is to keep of the factor that was proven just now.
    pub proof: Option<Proof>,
    pub(super) seed: Secret<[u8; 32]>,
}

/// An item of a share, for who has opened it.
#[derive(Clone)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: ItemKind,
    /// Its name.
    pub name: Secret<String>,
    /// Its media type, as the mail had it: not to be believed.
    pub media_type: String,
    /// The id by which the HTML text shows it (`cid:`), without angle brackets.
    pub content_id: Option<Secret<String>>,
    /// Octets.
    pub size: u64,
    /// When it was withdrawn, milliseconds; then its content is gone, and its name.
    pub withdrawn_at: Option<i64>,
}

/// What an item is read for; the sender sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Shown on a page.
    Viewed,
    /// Downloaded on its own.
    Downloaded,
    /// Downloaded with all others.
    Zipped,
}

/// The content of an item, or a piece of it.
pub struct Body {
    /// The item.
    pub item: Item,
    /// Which octets of it.
    pub range: Range<u64>,
    /// They, in pieces; holds no more than a piece in memory, and no thread while nobody reads.
    pub stream: Pin<Box<dyn Stream<Item = std::io::Result<Vec<u8>>> + Send>>,
}

macro_rules! shown_as_nothing {
    ($($name:ty),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

shown_as_nothing!(Look, Seen, Unlock, Opened, Item, Body);

/// A session ends when nothing is done in it for so long, milliseconds.
const IDLE: i64 = 30 * 60 * 1000;
/// Wrong codes from one network in a quarter of an hour: a school's own guest network has many parents in it.
const TRIES_OF_NETWORK: u32 = 40;
const NETWORK_WINDOW: Duration = Duration::from_secs(900);
/// Networks that are remembered.
const MOST_NETWORKS: usize = 20_000;

/// A code as it was typed.
enum Typed {
    Text(Secret<String>),
    Code(AccessCode),
    Fixed(AccessCode),
}

/// Wrong codes by network, in memory only.
pub(super) type Networks = Mutex<HashMap<IpAddr, (Instant, u32)>>;

impl Shares {
    /// Where a link leads: `/b/RID/SECRET`. Changes nothing.
    ///
    /// # Errors
    /// [`ShareError`], for trouble of ours alone.
    pub async fn look(&self, rid: &str, secret: &str) -> Result<Look, ShareError> {
        let Some((linked, _)) = self.linked(rid, secret).await? else { return Ok(Look::Nothing) };
        let (now, seen) = (self.now(), seen(&linked));
        Ok(match linked.locked(now) {
            _ if linked.withdrawn_at.is_some() => Look::Withdrawn(seen),
            _ if linked.is_over(now) => Look::Over(seen),
            Some(until) => Look::Locked(seen, until),
            None => Look::Ready(seen),
        })
    }

    /// Tries a code. Spaces and dashes in it count for nothing.
    ///
    /// # Errors
    /// [`ShareError`]; the try may have been counted.
    pub async fn unlock(&self, rid: &str, secret: &str, code: &str, visitor: Visitor) -> Result<Unlock, ShareError> {
        let Some((linked, secret)) = self.live(rid, secret).await? else { return Ok(Unlock::Nothing) };
        let typed = match linked.factor.as_str() {
            SMS | EMAIL => factor::read_text_code(code).map(Typed::Text),
            CODE => AccessCode::read(code).map(Typed::Code),
            ORGANISATION => AccessCode::read(code).map(Typed::Fixed),
            _ => return Ok(Unlock::Nothing),
        };
        let Some(typed) = typed else { return Ok(Unlock::Malformed) };
        if self.inner.is_too_much(&visitor) {
            return Ok(Unlock::Busy);
        }
        let now = self.now();
        let sent = match (&typed, linked.locked(now)) {
            (_, Some(until)) => return Ok(Unlock::Locked { until }),
            (Typed::Text(_), None) => match self.sent_code(&linked).await? {
                Some(sent) => Some(sent),
                None => return Ok(Unlock::Expired),
            },
            _ => None,
        };
        let (left, locks) = match self.inner.outbox.store().share_try(linked.rid, now).await? {
            Try::Allowed { left, locks } => (left, locks),
            Try::Locked(until) => return Ok(Unlock::Locked { until }),
            Try::Busy => return Ok(Unlock::Busy),
        };
        if let Some((key, shown)) = self.prove(&linked, &secret, typed, sent).await? {
            return self.let_in(linked, &key, &shown, visitor).await;
        }
        self.inner.note_wrong(&visitor);
        self.inner.outbox.store().share_wrong(&linked, locks.is_some(), now).await?;
        Ok(match locks {
            Some(until) => Unlock::Locked { until },
            None => Unlock::Wrong { left },
        })
    }

    /// What was typed, as a key and as what it proves. None when it is wrong.
    async fn prove(
        &self,
        linked: &Linked,
        secret: &LinkSecret,
        typed: Typed,
        sent: Option<Index>,
    ) -> Result<Option<(RecipientKey, Shown)>, ShareError> {
        let rid = Rid::of(linked.rid);
        let (code, shown) = match typed {
            Typed::Text(typed) => match sent {
                Some(sent) if self.is_text_code(linked, &sent, typed.expose()).await? => {
                    (None, if linked.factor == EMAIL { Shown::Email } else { Shown::Sms })
                }
                _ => return Ok(None),
            },
            Typed::Code(code) => {
                let cost = Cost::of(linked.cost).ok_or(ShareError::System)?;
                let key = code.key(&rid, cost).await.ok_or(ShareError::System)?;
                (Some(key), Shown::Code(code))
            }
            Typed::Fixed(code) => {
                let contact = factor::contact(&linked.recipient).ok_or(ShareError::System)?;
                let cost = Cost::of(linked.cost).ok_or(ShareError::System)?;
                let key = code.fixed_key(&contact, cost).await.ok_or(ShareError::System)?;
                (Some(key.clone()), Shown::Organisation(key))
            }
        };
        let key = self.inner.pepper(linked)?.recipient(&rid, secret, code.as_ref()).ok_or(ShareError::System)?;
        Ok(key.is(&linked.public).then_some((key, shown)))
    }

    /// Begins a session for who has proven who he is just now.
    pub(super) async fn let_in(
        &self,
        linked: Linked,
        key: &RecipientKey,
        shown: &Shown,
        visitor: Visitor,
    ) -> Result<Unlock, ShareError> {
        let proof = self.proof(&linked, shown, visitor.remember);
        // A passkey or a code that was told says nothing of the number.
        let of_contact = matches!(shown, Shown::Sms | Shown::Organisation(_));
        if let Some(contact) = factor::contact(&linked.recipient).filter(|_| of_contact) {
            self.inner.outbox.store().contact_proven(contact, self.now()).await?;
        }
        Ok(match self.enter(linked, key, (shown.by(), visitor.statement)).await? {
            Unlock::Open { cookie, opened } => Unlock::Open { cookie, opened: Box::new(Opened { proof, ..*opened }) },
            other => other,
        })
    }

    /// Opens the sender's own link, for a caller who has proven that this (folded) address is his: the desk. `Nothing`
    /// when it is somebody else's link.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn open_as_sender(&self, rid: &str, secret: &str, folded: &str) -> Result<Unlock, ShareError> {
        let Some((linked, secret)) = self.live(rid, secret).await? else { return Ok(Unlock::Nothing) };
        if linked.factor != SENDER || self.inner.outbox.store().sender(folded) != linked.sender {
            return Ok(Unlock::Nothing);
        }
        let key = self.inner.pepper(&linked)?.recipient(&Rid::of(linked.rid), &secret, None);
        let key = key.filter(|key| key.is(&linked.public)).ok_or(ShareError::System)?;
        self.enter(linked, &key, (OpenedBy::Sender, None)).await
    }

    /// The session of a cookie, which lives on for another half hour. None when it is over, or its share is.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn session(&self, cookie: &str) -> Result<Option<Opened>, ShareError> {
        let Some(cookie) = Cookie::read(cookie) else { return Ok(None) };
        let (now, store) = (self.now(), self.inner.outbox.store());
        let ends_at = now.saturating_add(IDLE);
        let Some(session) = store.share_session(self.inner.session(&cookie), ends_at, now).await? else {
            return Ok(None);
        };
        let linked = session.linked;
        if linked.withdrawn_at.is_some() || linked.is_over(now) {
            return Ok(None);
        }
        let key = cookie.open(&Rid::of(linked.rid), &session.seed);
        Ok(key.map(|key| opened(&linked, &key, ends_at)))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn sign_out(&self, cookie: &str) -> Result<(), ShareError> {
        let Some(cookie) = Cookie::read(cookie) else { return Ok(()) };
        Ok(self.inner.outbox.store().end_share_session(self.inner.session(&cookie)).await?)
    }

    /// The items that this recipient may see, and those that were withdrawn.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when the share is over or withdrawn.
    pub async fn items(&self, opened: &Opened) -> Result<Vec<Item>, ShareError> {
        let store = self.inner.outbox.store();
        let share = store.share(&opened.share).await?.filter(|share| share.over_at.is_none());
        let share = share.ok_or(ShareError::Gone)?;
        let rid = Rid::read(&opened.rid).ok_or(ShareError::Gone)?;
        let own = share.recipients.iter().find(|one| one.rid == *rid.octets()).ok_or(ShareError::Gone)?;
        if own.withdrawn_at.is_some() {
            return Err(ShareError::Gone);
        }
        let now = self.now();
        let item = |row: &ItemRow| {
            let granted = own.items.contains(&row.id);
            // When it was taken from this one alone is in the events; that it was is all that is told.
            let withdrawn_at = (!granted).then(|| row.withdrawn_at.unwrap_or(now));
            super::sender::item(row, withdrawn_at, granted)
        };
        Ok(share.items.iter().map(item).collect())
    }

    /// Reads an item, or some octets of it. Logs it, in the transaction that checks that it may be read.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when it was withdrawn, is over, is another share's, or may not be had as a file.
    pub async fn read(
        &self,
        opened: &Opened,
        item: &str,
        range: Option<Range<u64>>,
        how: How,
    ) -> Result<Body, ShareError> {
        let rid = Rid::read(&opened.rid).ok_or(ShareError::Gone)?;
        let store = self.inner.outbox.store();
        let used = (how.word(), how.takes());
        let grant = store.use_grant(*rid.octets(), item, used, self.now()).await?.ok_or(ShareError::Gone)?;
        let recipient = RecipientKey::from_seed(*opened.seed.expose()).ok_or(ShareError::System)?;
        let key = recipient.unwrap(&grant.wrapped).ok_or(VaultError::Sealed)?;
        let range = range.unwrap_or(0..grant.size);
        let range = range.start.min(grant.size)..range.end.min(grant.size);
        let reading = self.inner.files.read(&grant.file, key, range.clone()).await.map_err(gone)?;
        let item = Item {
            id: item.to_owned(),
            kind: ItemKind::from_word(&grant.kind),
            name: Secret::new(grant.facts.name),
            media_type: grant.facts.media_type,
            content_id: grant.facts.content_id.map(Secret::new),
            size: grant.size,
            withdrawn_at: None,
        };
        Ok(Body { item, range, stream: Box::pin(reading.pieces()) })
    }

    /// What a link leads to, when its secret is right.
    pub(super) async fn linked(&self, rid: &str, secret: &str) -> Result<Option<(Linked, LinkSecret)>, ShareError> {
        // What is malformed is looked up like what is unknown.
        let rid = Rid::read(rid).unwrap_or(Rid::of([0; 16]));
        let secret = LinkSecret::read(secret);
        let found = self.inner.outbox.store().linked(*rid.octets()).await?;
        let (Some(linked), Some(secret)) = (found, secret) else { return Ok(None) };
        Ok(LinkCheck::new(&rid, &secret).is(&linked.link_check).then_some((linked, secret)))
    }

    /// The same, when it can still be opened.
    pub(super) async fn live(&self, rid: &str, secret: &str) -> Result<Option<(Linked, LinkSecret)>, ShareError> {
        let now = self.now();
        let found = self.linked(rid, secret).await?;
        Ok(found.filter(|(linked, _)| linked.withdrawn_at.is_none() && !linked.is_over(now)))
    }

    pub(super) async fn enter(
        &self,
        linked: Linked,
        key: &RecipientKey,
        (by, statement): (OpenedBy, Option<Arc<Statement>>),
    ) -> Result<Unlock, ShareError> {
        let (now, rid) = (self.now(), Rid::of(linked.rid));
        let cookie = Cookie::new().ok_or(ShareError::System)?;
        let ends_at = now.saturating_add(IDLE);
        let seed = cookie.seal(&rid, key).ok_or(ShareError::System)?;
        let session = self.inner.session(&cookie);
        let entry = Entry { rid: linked.rid, session, seed, ends_at, by: by.word(), statement };
        if !self.inner.outbox.store().share_opened(entry, now).await? {
            return Ok(Unlock::Nothing);
        }
        let opened = opened(&linked, key, ends_at);
        Ok(Unlock::Open { cookie: Secret::new(cookie.written()), opened: Box::new(opened) })
    }
}

impl How {
    fn word(self) -> &'static str {
        match self {
            Self::Viewed => "item_viewed",
            Self::Downloaded => "item_downloaded",
            Self::Zipped => "zip_downloaded",
        }
    }

    fn takes(self) -> bool {
        self != Self::Viewed
    }
}

impl Inner {
    fn session(&self, cookie: &Cookie) -> Index {
        self.outbox.store().index("share session", &[cookie.name()])
    }

    pub(super) fn pepper(&self, linked: &Linked) -> Result<Pepper, ShareError> {
        // Its key was dropped although it was needed.
        Pepper::of(self.outbox.keys(), linked.key).ok_or(ShareError::Store(crate::store::StoreError::Sealed))
    }

    pub(super) fn is_too_much(&self, visitor: &Visitor) -> bool {
        let Some(network) = visitor.address.map(network) else { return false };
        let networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks
            .get(&network)
            .is_some_and(|(since, wrong)| since.elapsed() < NETWORK_WINDOW && *wrong >= TRIES_OF_NETWORK)
    }

    pub(super) fn note_wrong(&self, visitor: &Visitor) {
        let Some(network) = visitor.address.map(network) else { return };
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if networks.len() >= MOST_NETWORKS {
            networks.retain(|_, (since, _)| since.elapsed() < NETWORK_WINDOW);
        }
        if networks.len() >= MOST_NETWORKS {
            networks.clear();
        }
        let entry = networks.entry(network).or_insert_with(|| (Instant::now(), 0));
        if entry.0.elapsed() >= NETWORK_WINDOW {
            *entry = (Instant::now(), 0);
        }
        entry.1 += 1;
    }
}

/// What one customer of a provider has: a /24, or a /48.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => network(IpAddr::V4(mapped)),
            None => {
                let [a, b, c, ..] = address.segments();
                IpAddr::from([a, b, c, 0, 0, 0, 0, 0])
            }
        },
    }
}

/// A file that is not there was withdrawn between the check and the reading.
fn gone(error: VaultError) -> ShareError {
    match error {
        VaultError::Gone => ShareError::Gone,
        error => ShareError::Vault(error),
    }
}

fn seen(linked: &Linked) -> Seen {
    let facts = &linked.facts;
    Seen {
        share: linked.share.clone(),
        school: linked.school.clone(),
        reference: facts.reference.clone(),
        sender: Secret::new(facts.sender_name.clone().unwrap_or_else(|| facts.sender.clone())),
        sender_address: Secret::new(facts.sender.clone()),
        made_at: linked.made_at,
        open_by: linked.opened_at.is_none().then_some(linked.open_by),
        ends_at: linked.ends_at,
        tries_left: linked.tries_left(),
        is_sender: linked.factor == SENDER,
        view_only: linked.view_only && linked.factor != SENDER,
        factor: factor::of(&linked.factor, &linked.recipient),
        level: linked.recipient.level,
    }
}

fn opened(linked: &Linked, key: &RecipientKey, ends_at: i64) -> Opened {
    Opened {
        share: linked.share.clone(),
        rid: Rid::of(linked.rid).written(),
        seen: seen(linked),
        subject: Secret::new(linked.facts.subject.clone()),
        address: Secret::new(linked.recipient.address.clone()),
        ends_at,
        proof: None,
        seed: Secret::new(*key.seed()),
    }
}
