//! Making a share: items are sealed first, then rows and everything that is owed go to the disk in one commit.
//!
//! A [`Draft`] has its items on the disk and nothing else; one that is dropped before it is kept takes its files away. What
//! made it (item keys, link secrets, codes) is in memory only, for ten minutes: a provider that splits one mail over
//! several transactions makes one share of it, and one code for each family.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncRead;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::factor::{Factor, Proving};
use super::{Inner, ItemKind, KeysMode, ShareError, Shares, told};
use crate::kill::Point;
use crate::level::Level;
use crate::message::Mailbox;
use crate::seal::{self, Index, KeyId};
use crate::secret::Secret;
use crate::store::owed::NewOwed;
use crate::store::share::{self as rows, Invitation, NewShared};
use crate::vault::share::{AccessCode, ItemKey, LinkCheck, Pepper, RecipientKey, Rid};
use crate::vault::{self, LinkSecret};

/// A share to be made.
pub struct NewShare {
    /// The school.
    pub school: String,
    /// The number by which reply, notice, journal and desk know the mail.
    pub mail: String,
    /// What several transactions of one mail have in common; see [`Shares::incident`].
    pub incident: Index,
    /// Its sender, who gets a link of his own.
    pub sender: Mailbox,
    /// The sender's name as the mail has it.
    pub sender_name: Option<Secret<String>>,
    /// The subject of the mail.
    pub subject: Secret<String>,
    /// The Message-ID of the mail.
    pub message_id: Option<Secret<String>>,
    /// What is shared, in the order in which it is shown.
    pub items: Vec<NewItem>,
    /// Who may see it.
    pub recipients: Vec<NewRecipient>,
    /// Whether it holds a password: then it lives a day, and is gone after its first opening.
    pub is_password: bool,
    /// Its purpose, when its sender was asked for one.
    pub purpose: Option<Purpose>,
    /// Whether its subject may stand in mails to others: nothing was found in it.
    pub open_subject: bool,
}

/// What a mail is shared for, as its sender said.
#[derive(Clone, PartialEq, Eq)]
pub struct Purpose {
    /// In his own words, and what he ticked.
    pub words: Secret<String>,
    /// On which ground of the law, in words (AVG art. 6 (1)).
    pub ground: String,
}

/// An item to be shared.
pub struct NewItem {
    /// What it is.
    pub kind: ItemKind,
    /// Its name, for an attachment.
    pub name: Secret<String>,
    /// Its media type, `image/png`.
    pub media_type: String,
    /// The id by which an HTML text shows it, without angle brackets.
    pub content_id: Option<Secret<String>>,
    /// Its octets.
    pub content: Box<dyn AsyncRead + Send + Unpin>,
}

/// Somebody who may see a share.
#[derive(Clone)]
pub struct NewRecipient {
    /// The address.
    pub mailbox: Mailbox,
    /// What recipients of one family have in common, and nobody else: they have the same code.
    pub family: Secret<String>,
    /// Numbers at which the school reaches him, as the pupil administration writes them.
    pub phones: Vec<Secret<String>>,
    /// The policy line that made this a share.
    pub line: String,
    /// How sure it must be that it is he who opens it.
    pub level: Level,
}

/// An access code: 12 digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(pub(super) Secret<String>);

impl Code {
    /// In groups of four, as it is told and read out: `4821 7730 5519`.
    pub fn grouped(&self) -> &str {
        self.0.expose()
    }
}

/// A link for one recipient, as it is only ever in the mail to him.
#[derive(Clone)]
pub struct Link {
    /// The address.
    pub mailbox: Mailbox,
    /// Its public half.
    pub rid: String,
    /// Its secret half.
    pub secret: LinkSecret,
    /// What the recipient needs besides the link.
    pub factor: Factor,
    /// The code, for the sender to pass on, where that is what is needed.
    pub code: Option<Code>,
    /// Whether a passkey of his opens it too.
    pub passkey: bool,
    /// Which family it is, among those of the share.
    pub family: u32,
    /// How sure it must be that it is he who opens it.
    pub level: Level,
}

/// What is told about a share that was made.
#[derive(Clone)]
pub struct Made {
    /// The id of the share.
    pub id: String,
    /// Four characters, in subject, page and receipt: `K7QM`.
    pub reference: String,
    /// The sender's own link.
    pub sender: Link,
    /// One link for each recipient who has none yet, in their order.
    pub links: Vec<Link>,
    /// When it ends for who has not opened it, milliseconds.
    pub open_by: i64,
    /// When it ends, milliseconds.
    pub ends_at: i64,
    /// Whether others of the same mail have their links already.
    pub is_more: bool,
}

macro_rules! shown_as_nothing {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

shown_as_nothing!(NewShare, Purpose, NewItem, NewRecipient, Code, Link, Made, Draft, Recent);

/// A share whose items are sealed and on the disk, and of which nothing else is known yet.
pub struct Draft {
    made: Made,
    rows: Option<NewShared>,
    unkept: Unkept,
    recent: Recent,
    place: OwnedMutexGuard<Option<Recent>>,
}

/// What came of drafting.
#[derive(Debug)]
pub enum Drafted {
    /// A share to be kept.
    Draft(Box<Draft>),
    /// All of these recipients have it already: the client missed our reply.
    Again,
}

/// What makes further links to a share that was made just now.
#[derive(Clone)]
pub(super) struct Recent {
    since: Instant,
    id: String,
    reference: String,
    sender: Link,
    key: KeyId,
    items: Vec<(String, ItemKey)>,
    families: HashMap<String, (u32, AccessCode)>,
    ends: (i64, i64),
}

/// How long transactions of one mail are one share.
const ONE_INCIDENT: Duration = Duration::from_secs(600);
/// The same mail to the same recipients, within this time, is a server's second try; see `outbox::AGAIN`.
const AGAIN: Duration = Duration::from_secs(2 * 3600);
/// Shares that are remembered for it.
const MOST_RECENT: usize = 1000;

pub(super) type Incidents = std::sync::Mutex<HashMap<Index, Arc<Mutex<Option<Recent>>>>>;

/// Files that no row knows yet: taken away when nothing comes of them.
struct Unkept {
    inner: Arc<Inner>,
    files: Vec<String>,
}

impl Drop for Unkept {
    fn drop(&mut self) {
        let files = std::mem::take(&mut self.files);
        // Without a runtime the process is ending; what stays is taken away at the next start.
        if let Some(runtime) = tokio::runtime::Handle::try_current().ok().filter(|_| !files.is_empty()) {
            let inner = Arc::clone(&self.inner);
            runtime.spawn(async move {
                // Whoever took the mail may have gone while its rows were on their way to the disk.
                match inner.outbox.store().unknown_share_files(files).await {
                    Ok(unknown) => _ = inner.forget(&unknown).await,
                    Err(error) => {
                        tracing::warn!(%error, "files of a share that was not made stay until the next start")
                    }
                }
            });
        }
    }
}

impl Shares {
    /// The hash of an incident: school, sender, Message-ID and what is shared.
    pub fn incident(&self, school: &str, sender: &Mailbox, message_id: &[u8], content: &[u8]) -> Index {
        let folded = sender.folded();
        let values = [school.as_bytes(), folded.as_bytes(), message_id, content];
        self.inner.outbox.store().index("share incident", &values)
    }

    /// Seals the items of a share, and makes links and codes. Nobody can open anything until it is kept: give
    /// [`Draft::rows`] to the transaction that takes the mail, and then tell [`Draft::kept`].
    ///
    /// # Errors
    /// [`ShareError`]; nothing is left of it then.
    pub async fn draft(&self, new: NewShare) -> Result<Drafted, ShareError> {
        let place = self.inner.place_of(new.incident).lock_owned().await;
        let recent = place.clone().filter(|recent| recent.since.elapsed() < ONE_INCIDENT);
        let since = self.now().saturating_sub(i64::try_from(AGAIN.as_millis()).unwrap_or(i64::MAX));
        let there = self.inner.outbox.store().share_of(new.incident, since).await?;
        let recipients = match &there {
            Some((_, inside)) => {
                let outside = |one: &NewRecipient| !inside.contains(&self.inner.address(&one.mailbox));
                new.recipients.iter().filter(|one| outside(one)).cloned().collect()
            }
            None => new.recipients.clone(),
        };
        if there.is_some() && recipients.is_empty() {
            return Ok(Drafted::Again);
        }
        // After a restart nobody can make further links to what is there: another share, then.
        let recent = recent.filter(|recent| there.as_ref().is_some_and(|(id, _)| *id == recent.id));
        let mut unkept = Unkept { inner: Arc::clone(&self.inner), files: Vec::new() };
        let (mut recent, mut rows) = match recent {
            Some(recent) => {
                let rows = NewShared {
                    share: recent.id.clone(),
                    school: new.school.clone(),
                    new: None,
                    recipients: Vec::new(),
                    invitations: Vec::new(),
                };
                (recent, rows)
            }
            None => self.begin(new, &mut unkept).await?,
        };
        let links = self.link(&mut recent, &mut rows, &recipients).await?;
        let made = Made {
            id: recent.id.clone(),
            reference: recent.reference.clone(),
            sender: recent.sender.clone(),
            links,
            open_by: recent.ends.0,
            ends_at: recent.ends.1,
            is_more: rows.new.is_none(),
        };
        Point::ShareDrafted.reached();
        Ok(Drafted::Draft(Box::new(Draft { made, rows: Some(rows), unkept, recent, place })))
    }

    /// A share that is new: its items are sealed, and its sender has a link.
    async fn begin(&self, new: NewShare, unkept: &mut Unkept) -> Result<(Recent, NewShared), ShareError> {
        let (inner, now) = (&self.inner, self.now());
        let (lifetimes, calendar) = (inner.settings.lifetimes, &inner.settings.calendar);
        let ends_at = calendar.after(now, if new.is_password { lifetimes.password } else { lifetimes.share });
        let open_by = calendar.after(now, lifetimes.unopened).min(ends_at);
        let (key, _) = Pepper::current(inner.outbox.keys()).ok_or(ShareError::System)?;
        let mut items = Vec::with_capacity(new.items.len());
        let mut keys = Vec::with_capacity(new.items.len());
        for item in new.items {
            let (row, key) = self.seal(item, unkept).await?;
            keys.push((row.id.clone(), key));
            items.push(row);
        }
        let id = vault::random_id()?;
        let rid = Rid::new().ok_or(ShareError::System)?;
        let secret = LinkSecret::new().ok_or(ShareError::System)?;
        let factor = Factor::Sender;
        let sender = Link {
            mailbox: new.sender.clone(),
            rid: rid.written(),
            secret,
            factor,
            code: None,
            passkey: false,
            family: 0,
            level: Level::default(),
        };
        let reference = reference().ok_or(ShareError::System)?;
        let facts = rows::Facts {
            reference: reference.clone(),
            sender: new.sender.typed().to_owned(),
            sender_name: new.sender_name.map(|name| name.expose().clone()),
            subject: new.subject.expose().clone(),
            message_id: new.message_id.map(|id| id.expose().clone()),
            ground: new.purpose.as_ref().map(|purpose| purpose.ground.clone()),
            purpose: new.purpose.map(|purpose| purpose.words.expose().clone()),
            open_subject: new.open_subject,
        };
        let share = rows::NewShare {
            mail: new.mail,
            incident: new.incident,
            sender: inner.address(&new.sender),
            open_by,
            ends_at,
            keys: inner.settings.keys.word(),
            key,
            once: new.is_password,
            facts,
            items,
        };
        let recent = Recent {
            since: Instant::now(),
            id: id.clone(),
            reference,
            sender: sender.clone(),
            key,
            items: keys,
            families: HashMap::new(),
            ends: (open_by, ends_at),
        };
        let school = new.school;
        let of = Default::default();
        let own = self.recipient(&school, (&recent.items, key), &sender, &rid, &Proving::Sender, &of).await?;
        Ok((recent, NewShared { share: id, school, new: Some(share), recipients: vec![own], invitations: Vec::new() }))
    }

    async fn seal(&self, mut item: NewItem, unkept: &mut Unkept) -> Result<(rows::NewItem, ItemKey), ShareError> {
        let inner = &self.inner;
        let key = ItemKey::new();
        let (file, size) = inner.files.put(&key, &mut *item.content).await?;
        unkept.files.push(file.clone());
        Point::ShareItem.reached();
        let recovery = match inner.settings.keys {
            KeysMode::Strict => None,
            KeysMode::Recoverable => {
                let (_, recovery) = RecipientKey::recovery(inner.outbox.keys()).ok_or(ShareError::System)?;
                Some(key.wrapped_for(&recovery.public()).ok_or(ShareError::System)?)
            }
        };
        let escrow = match &inner.settings.escrow {
            Some(recipient) => Some(key.wrapped_for(recipient).ok_or(ShareError::System)?),
            None => None,
        };
        let row = rows::NewItem {
            id: vault::random_id()?,
            kind: item.kind.word(),
            size,
            file,
            public: key.public(),
            recovery,
            escrow,
            facts: rows::ItemFacts {
                name: item.name.expose().clone(),
                media_type: item.media_type,
                content_id: item.content_id.map(|id| id.expose().clone()),
            },
        };
        Ok((row, key))
    }

    /// A link and a code for each recipient.
    async fn link(
        &self,
        recent: &mut Recent,
        rows: &mut NewShared,
        recipients: &[NewRecipient],
    ) -> Result<Vec<Link>, ShareError> {
        let store = self.inner.outbox.store();
        let mut links = Vec::with_capacity(recipients.len());
        for one in recipients {
            let next = u32::try_from(recent.families.len()).unwrap_or(u32::MAX).saturating_add(1);
            let family = match recent.families.get(one.family.expose()) {
                Some(family) => family.clone(),
                None => {
                    let family = (next, AccessCode::new().ok_or(ShareError::System)?);
                    recent.families.insert(one.family.expose().clone(), family.clone());
                    family
                }
            };
            let rid = Rid::new().ok_or(ShareError::System)?;
            let secret = LinkSecret::new().ok_or(ShareError::System)?;
            let contact = store.contact(&rows.school, self.inner.address(&one.mailbox)).await?;
            let proving = self.proving(one, contact.as_ref(), &family.1);
            let code = matches!(proving, Proving::Code(_)).then(|| Code(Secret::new(family.1.grouped())));
            let link = Link {
                mailbox: one.mailbox.clone(),
                rid: rid.written(),
                secret,
                factor: proving.told(),
                code,
                passkey: self.counts_passkey(&rows.school, self.inner.address(&one.mailbox), one.level).await?
                    && !(one.level == Level::High && matches!(proving, Proving::Sms { .. })),
                family: family.0,
                level: one.level,
            };
            let kin = self.kin(&recent.id, one.family.expose());
            links.push((link, rid, proving, (one.line.clone(), Some(kin))));
        }
        let making = links.iter().map(|(link, rid, proving, of)| {
            self.recipient(&rows.school, (&recent.items, recent.key), link, rid, proving, of)
        });
        rows.recipients.extend(futures_util::future::try_join_all(making).await?);
        Ok(links.into_iter().map(|(link, ..)| link).collect())
    }

    /// The hash by which those of one family know each other within a share.
    pub(super) fn kin(&self, share: &str, family: &str) -> String {
        let index = self.inner.outbox.store().index("share family", &[share.as_bytes(), family.as_bytes()]);
        rows::hex(&index)
    }

    /// The row of a recipient, with a grant for each item; with his policy line and the hash of his family.
    pub(super) async fn recipient(
        &self,
        school: &str,
        (items, key): (&[(String, ItemKey)], KeyId),
        link: &Link,
        rid: &Rid,
        proving: &Proving,
        (line, kin): &(String, Option<String>),
    ) -> Result<rows::NewRecipient, ShareError> {
        let pepper = Pepper::of(self.inner.outbox.keys(), key).ok_or(ShareError::System)?;
        let code_key = match proving {
            Proving::Code(code) => Some(code.key(rid, self.inner.cost).await.ok_or(ShareError::System)?),
            Proving::Organisation { key, .. } => Some(key.clone()),
            Proving::Sms { .. } | Proving::Email | Proving::Sender => None,
        };
        let by_passkey = code_key.as_ref().filter(|_| link.passkey && matches!(proving, Proving::Code(_)));
        let by_passkey = by_passkey.map(|key| *key.octets());
        let recipient = pepper.recipient(rid, &link.secret, code_key.as_ref()).ok_or(ShareError::System)?;
        let public = recipient.public();
        let (keys, to) = (items.to_vec(), public.clone());
        let code = link.code.as_ref().map(|code| code.grouped().to_owned());
        let (store, of) = (self.inner.outbox.store().clone(), school.to_owned());
        let wrapping = move || {
            let grant = |(item, key): &(String, ItemKey)| Some((item.clone(), key.wrapped_for(&to)?));
            let told = code.map(|code| told::mark(&store, &of, &code));
            Some((keys.iter().map(grant).collect::<Option<Vec<_>>>()?, told))
        };
        let (grants, told) = tokio::task::spawn_blocking(wrapping).await.ok().flatten().ok_or(ShareError::System)?;
        let mut facts = rows::RecipientFacts {
            address: link.mailbox.typed().to_owned(),
            line: line.clone(),
            family: kin.clone(),
            level: link.level,
            ..Default::default()
        };
        proving.note(&mut facts);
        Ok(rows::NewRecipient {
            rid: *rid.octets(),
            address: self.inner.address(&link.mailbox),
            link_check: *LinkCheck::new(rid, &link.secret).octets(),
            public,
            factor: proving.word(),
            family: link.family,
            code: link.code.as_ref().map(|code| code.grouped().to_owned()),
            cost: proving.cost().unwrap_or(self.inner.cost.number()),
            open_by: None,
            told,
            code_key: by_passkey,
            facts,
            grants,
        })
    }
}

impl Draft {
    /// What is told about it.
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// Its rows, with the mail for each link, for the transaction that takes the mail. To be asked for once.
    pub fn rows(&mut self, invitations: Vec<(&Link, vault::Item, NewOwed)>) -> Option<NewShared> {
        let mut rows = self.rows.take()?;
        for (link, item, owed) in invitations {
            rows.invitations.push(Invitation { rid: *Rid::read(&link.rid)?.octets(), item, owed });
        }
        Some(rows)
    }

    /// The rows are on the disk: its files stay.
    pub fn kept(mut self) {
        self.unkept.files.clear();
        self.unkept.inner.codes.notify_one();
        *self.place = Some(self.recent);
    }
}

impl Inner {
    /// Forgets the keys of shares that were made more than ten minutes ago: no further part of their mail comes now.
    pub(super) fn forget_recent(&self) {
        self.incidents.lock().unwrap_or_else(std::sync::PoisonError::into_inner).retain(|_, place| is_recent(place));
    }

    /// Where what is remembered of an incident stands. Whoever makes a share of it, holds its lock.
    fn place_of(&self, incident: Index) -> Arc<Mutex<Option<Recent>>> {
        let mut incidents = self.incidents.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if incidents.len() >= MOST_RECENT {
            incidents.retain(|_, place| is_recent(place));
        }
        if incidents.len() >= MOST_RECENT {
            incidents.clear();
        }
        Arc::clone(incidents.entry(incident).or_default())
    }

    /// The hash by which somebody's shares are found.
    pub(super) fn address(&self, mailbox: &Mailbox) -> Index {
        self.outbox.store().index("address", &[mailbox.folded().as_bytes()])
    }
}

fn is_recent(place: &Arc<Mutex<Option<Recent>>>) -> bool {
    match place.try_lock() {
        Ok(recent) => recent.as_ref().is_some_and(|recent| recent.since.elapsed() < ONE_INCIDENT),
        // Somebody makes a share of it now.
        Err(_) => true,
    }
}

/// Four characters without look-alikes.
fn reference() -> Option<String> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let octets: [u8; 4] = seal::random().ok()?;
    Some(
        octets.iter().map(|octet| char::from(ALPHABET.get(usize::from(octet & 31)).copied().unwrap_or(b'0'))).collect(),
    )
}
