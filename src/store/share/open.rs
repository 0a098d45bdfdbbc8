//! A recipient opens a share: the link is looked up, a try is counted, a session begins, a grant is checked.

use std::fmt;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::journal::{self, NewLine, People, Sort};
use super::super::owed::{self, NewOwed};
use super::super::{Store, StoreError, column, insert_item};
use super::{
    DAY, Facts, HOUR, ItemFacts, MINUTE, RecipientFacts, RidOctets, facts_label, happened, item_label, passkey_label,
    recipient_label,
};
use crate::seal::{Index, KeyId};
use crate::vault::Item;

/// Wrong codes through one link, until it is locked.
pub(in crate::store) const TRIES: u32 = 5;
/// How long it is locked, the first time, the second and so on; after that until the sender makes another link.
const LOCKS: [i64; 3] = [15 * MINUTE, HOUR, 4 * HOUR];
/// Wrong codes through all links to one mailbox in a day.
const TRIES_OF_ADDRESS: i64 = 30;
/// Wrong codes at one school in an hour: its parents do not make that many. Others' parents are not kept out by them.
const TRIES_OF_SCHOOL: i64 = 2000;

/// What is used again within this time is written down as one use.
const ONE_USE: i64 = 10 * MINUTE;

/// What a link leads to.
#[derive(Clone)]
pub struct Linked {
    /// The id of the share.
    pub share: String,
    /// The school.
    pub school: String,
    /// The number of the mail.
    pub mail: String,
    /// The public half of the link.
    pub rid: RidOctets,
    /// Hash of the recipient's address.
    pub address: Index,
    /// What the secret half must give.
    pub link_check: Vec<u8>,
    /// The public half of the recipient's key.
    pub public: String,
    /// `code`, `sms`, `email`, `organisation` or `sender`.
    pub factor: String,
    /// Recipients of one family have one code.
    pub family: u32,
    /// The key that its pepper follows from.
    pub key: KeyId,
    /// Hash of the sender's address.
    pub sender: Index,
    /// When the share was made, milliseconds.
    pub made_at: i64,
    /// Until when it can be opened first, milliseconds.
    pub open_by: i64,
    /// When it ends, milliseconds.
    pub ends_at: i64,
    /// When it was opened by this recipient first, milliseconds.
    pub opened_at: Option<i64>,
    /// When it was withdrawn from this recipient, milliseconds.
    pub withdrawn_at: Option<i64>,
    /// When its content went, milliseconds.
    pub over_at: Option<i64>,
    /// Wrong codes since the last right one.
    pub fails: u32,
    /// Until when no code works, milliseconds.
    pub locked_until: Option<i64>,
    /// Whether it may be read on a page alone.
    pub view_only: bool,
    /// What trying a code costs: the number of the parameters.
    pub cost: u32,
    /// What is told about the share.
    pub facts: Facts,
    /// What its code adds to its key, for who opens it by passkey; none where no passkey opens it.
    pub code_key: Option<[u8; 32]>,
    /// What is told about the recipient.
    pub recipient: RecipientFacts,
}

/// Addresses and subjects are for those who have opened it.
impl fmt::Debug for Linked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linked").field("share", &self.share).finish_non_exhaustive()
    }
}

impl Linked {
    /// Whether its time is over.
    pub fn is_over(&self, now: i64) -> bool {
        let unopened = self.opened_at.is_none() && self.factor != "sender" && self.open_by <= now;
        self.over_at.is_some() || self.ends_at <= now || unopened
    }

    /// Wrong codes that are left before the next lock.
    pub fn tries_left(&self) -> u32 {
        TRIES - self.fails % TRIES
    }

    /// Until when no code works; none at all works when there is no moment.
    pub fn locked(&self, now: i64) -> Option<Option<i64>> {
        locked(self.fails, self.locked_until, now)
    }
}

pub(super) fn locked(fails: u32, locked_until: Option<i64>, now: i64) -> Option<Option<i64>> {
    if fails >= TRIES * (LOCKS.len() as u32 + 1) {
        return Some(None);
    }
    locked_until.filter(|until| *until > now).map(Some)
}

/// Whether a code may be tried. It counts as wrong until [`Store::share_opened`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Try {
    /// It may; so many are left if it is wrong.
    Allowed {
        /// Wrong codes that are left.
        left: u32,
        /// When this one is wrong, no code works until then (milliseconds), or none at all.
        locks: Option<Option<i64>>,
    },
    /// It may not until then, milliseconds; or not at all.
    Locked(Option<i64>),
    /// Too many wrong codes, to this mailbox or in all.
    Busy,
}

/// A session to begin.
pub struct Entry {
    /// The public half of the link.
    pub rid: RidOctets,
    /// Hash of the cookie's first half.
    pub session: Index,
    /// The recipient's key, sealed with the cookie's second half.
    pub seed: Vec<u8>,
    /// When it ends if nothing is done in it, milliseconds.
    pub ends_at: i64,
    /// By what it was opened: `code`, `sms`, `email`, `organisation`, `device`, `passkey` or `sender`.
    pub by: &'static str,
    /// The privacy statement that stood on the pages.
    pub statement: Option<Arc<Statement>>,
}

/// A version of the privacy statement. Public words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What pages, log and journal call it.
    pub version: String,
    /// All of it, as it stood on the page.
    pub text: String,
}

/// A session.
pub struct Session {
    /// What it is about.
    pub linked: Linked,
    /// The recipient's key, sealed with the cookie's second half.
    pub seed: Vec<u8>,
}

/// What reading an item takes.
pub struct Grant {
    /// The item's key, sealed for the recipient's key.
    pub wrapped: Vec<u8>,
    /// The name of its file.
    pub file: String,
    /// Octets.
    pub size: u64,
    /// What it is.
    pub kind: String,
    /// Name and media type.
    pub facts: ItemFacts,
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

shown_as_nothing!(Entry, Session, Grant);

const LINKED: &str = "SELECT s.id, s.school, r.rid, r.link_check, r.public, r.factor, s.key, s.sender, s.made_at,
     coalesce(r.open_by, s.open_by), CASE WHEN r.ends_at < s.ends_at THEN r.ends_at ELSE s.ends_at END, r.opened_at, r.withdrawn_at,
     s.over_at, r.fails, r.locked_until, s.view_only, r.cost, s.facts, r.facts, r.family, r.passkey,
     s.mail, r.address
     FROM share_recipient r JOIN share s ON s.id = r.share";

impl Store {
    /// What the public half of a link leads to, whatever its state. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn linked(&self, rid: RidOctets) -> Result<Option<Linked>, StoreError> {
        let row = self
            .read(move |tables| {
                let statement = format!("{LINKED} WHERE r.rid = ?1");
                tables.prepare_cached(&statement)?.query_row([rid], linked).optional()
            })
            .await?;
        row.map(|row| self.unsealed_link(row)).transpose()
    }

    /// Counts a try as wrong, before it is looked at.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was counted then, and nothing may be tried.
    pub async fn share_try(&self, rid: RidOctets, now: i64) -> Result<Try, StoreError> {
        self.write(move |tables| {
            let (fails, locked_until, school, address): (u32, Option<i64>, String, Index) = tables
                .prepare_cached("SELECT fails, locked_until, school, address FROM share_recipient WHERE rid = ?1")?
                .query_row([rid], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
            if let Some(until) = locked(fails, locked_until, now) {
                return Ok(Try::Locked(until));
            }
            if too_many(tables, &school, &address, now)? {
                return Ok(Try::Busy);
            }
            let fails = fails + 1;
            // The fifth is a lock of its own, the tenth a longer one.
            let locks = (fails % TRIES == 0)
                .then(|| LOCKS.get((fails / TRIES - 1) as usize).map(|lasts| now.saturating_add(*lasts)));
            tables
                .prepare_cached("UPDATE share_recipient SET fails = ?2, locked_until = ?3 WHERE rid = ?1")?
                .execute(params![rid, fails, locks.flatten()])?;
            tables
                .prepare_cached("INSERT INTO share_fail (school, address, at) VALUES (?1, ?2, ?3)")?
                .execute(params![school, address, now])?;
            Ok(Try::Allowed { left: (TRIES - fails % TRIES) % TRIES, locks })
        })
        .await
    }

    /// Writes down that a code was wrong, and whether that locked the link.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_wrong(&self, linked: &Linked, locks: bool, now: i64) -> Result<(), StoreError> {
        let (share, school, rid) = (linked.share.clone(), linked.school.clone(), linked.rid);
        let kind = if locks { "code_locked" } else { "code_failed" };
        self.write_later(move |tables| happened(tables, (&share, &school), kind, (Some(&rid), None), now)).await
    }

    /// Begins a session: the code was right, and the try before it counts for nothing. False when the share was withdrawn
    /// or ended meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; there is no session then.
    pub async fn share_opened(&self, entry: Entry, now: i64) -> Result<bool, StoreError> {
        let Some(before) = self.linked(entry.rid).await? else { return Ok(false) };
        let (share, school) = (before.share.clone(), before.school.clone());
        let version = entry.statement.as_ref().map(|statement| statement.version.clone());
        let (line, chain) = (self.prepare(opened_line(&before, (entry.by, version.as_deref()), now))?, self.chain());
        self.write(move |tables| {
            let open = tables
                .prepare_cached(
                    "UPDATE share_recipient SET fails = 0, locked_until = NULL, opened_at = coalesce(opened_at, ?2),
                     opened_by = coalesce(opened_by, ?4), code = NULL, ends_at = CASE WHEN (SELECT once FROM share WHERE id = share) <> 0
                     AND factor <> 'sender' THEN coalesce(ends_at, ?3) ELSE ends_at END
                     WHERE rid = ?1 AND withdrawn_at IS NULL AND EXISTS (SELECT 1 FROM share s WHERE s.id = share
                     AND s.over_at IS NULL AND s.ends_at > ?2
                     AND (share_recipient.opened_at IS NOT NULL OR factor = 'sender'
                     OR coalesce(share_recipient.open_by, s.open_by) > ?2))",
                )?
                .execute(params![entry.rid, now, entry.ends_at, entry.by])?;
            if open == 0 {
                return Ok(false);
            }
            tables
                .prepare_cached(
                    "INSERT INTO share_session (id, rid, school, ends_at, seed) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![entry.session, entry.rid, school, entry.ends_at, entry.seed])?;
            if before.factor != "sender" {
                // The try that was right is no wrong one.
                tables
                    .prepare_cached(
                        "DELETE FROM share_fail WHERE id = (SELECT max(f.id) FROM share_fail f
                         JOIN share_recipient r ON r.address = f.address AND r.school = f.school WHERE r.rid = ?1)",
                    )?
                    .execute([entry.rid])?;
                if let Some(Statement { version, text }) = entry.statement.as_deref() {
                    tables
                        .prepare_cached(
                            "INSERT INTO statement (school, version, at, text) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                        )?
                        .execute(params![school, version, now, text])?;
                }
                unlocked(tables, (&share, &school), (&entry.rid, entry.by, version.as_deref()), now)?;
                if before.opened_at.is_none() {
                    journal::append_if_it_can_be(tables, &chain, std::slice::from_ref(&line))?;
                }
            }
            Ok(true)
        })
        .await
    }

    /// The session of a cookie, which ends later from now on. None when there is none (any more).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_session(&self, id: Index, ends_at: i64, now: i64) -> Result<Option<Session>, StoreError> {
        let found = self
            .write_later(move |tables| {
                let session: Option<(RidOctets, Vec<u8>)> = tables
                    .prepare_cached(
                        "UPDATE share_session SET ends_at = ?2 WHERE id = ?1 AND ends_at > ?3 RETURNING rid, seed",
                    )?
                    .query_row(params![id, ends_at, now], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                let Some((rid, seed)) = session else { return Ok(None) };
                let statement = format!("{LINKED} WHERE r.rid = ?1");
                let found = tables.prepare_cached(&statement)?.query_row([rid], linked).optional()?;
                Ok(found.map(|found| (found, seed)))
            })
            .await?;
        let Some((row, seed)) = found else { return Ok(None) };
        Ok(Some(Session { linked: self.unsealed_link(row)?, seed }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_share_session(&self, id: Index) -> Result<(), StoreError> {
        self.write(move |tables| tables.execute("DELETE FROM share_session WHERE id = ?1", [id]).map(drop)).await
    }

    /// The grant of a recipient for an item, and that it is used: in one transaction, so that what was withdrawn is read
    /// by nobody after that. `takes` when he is to have the item as a file, which the sender may have switched off.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn use_grant(
        &self,
        rid: RidOctets,
        item: &str,
        (kind, takes): (&'static str, bool),
        now: i64,
    ) -> Result<Option<Grant>, StoreError> {
        let (id, label) = (item.to_owned(), item_label(item));
        let found = self
            .write_later(move |tables| {
                let found: Option<(Grant, Vec<u8>, [String; 3])> = tables
                    .prepare_cached(
                        "SELECT g.wrapped, i.file, i.size, i.kind, i.facts, i.share, i.school, r.factor
                         FROM share_grant g JOIN share_item i ON i.id = g.item
                         JOIN share_recipient r ON r.rid = g.rid JOIN share s ON s.id = r.share
                         WHERE g.rid = ?1 AND g.item = ?2 AND i.file IS NOT NULL AND r.withdrawn_at IS NULL
                         AND s.over_at IS NULL AND s.ends_at > ?3 AND (r.ends_at IS NULL OR r.ends_at > ?3)
                         AND (s.view_only = 0 OR ?4 = 0 OR r.factor = 'sender')",
                    )?
                    .query_row(params![rid, id, now, takes], |row| {
                        let grant = Grant {
                            wrapped: row.get(0)?,
                            file: row.get(1)?,
                            size: row.get::<_, i64>(2)?.unsigned_abs(),
                            kind: row.get(3)?,
                            facts: ItemFacts::default(),
                        };
                        Ok((grant, row.get(4)?, [row.get(5)?, row.get(6)?, row.get(7)?]))
                    })
                    .optional()?;
                if let Some((_, _, [share, school, factor])) = &found
                    && factor != "sender"
                {
                    used(tables, (share, school), kind, (&rid, &id), now)?;
                }
                Ok(found)
            })
            .await?;
        let Some((grant, facts, _)) = found else { return Ok(None) };
        Ok(Some(Grant { facts: self.unseal_json(&label, &facts)?, ..grant }))
    }

    /// The item keys that a recipient may have, each sealed for his key: item, grant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grants_of(&self, rid: RidOctets) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.read(move |tables| {
            let mut list = tables.prepare_cached("SELECT item, wrapped FROM share_grant WHERE rid = ?1")?;
            list.query_map([rid], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    /// The ids of the items that a recipient may see.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn granted(&self, rid: RidOctets) -> Result<Vec<String>, StoreError> {
        self.read(move |tables| column(tables, "SELECT item FROM share_grant WHERE rid = ?1", [rid])).await
    }

    /// Owes the mail that tells the sender that this recipient has no code, at most once in this time. False when that was.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is owed then.
    pub async fn asks_for_code(
        &self,
        (rid, school): (RidOctets, &str),
        every: i64,
        (item, mail): (Item, NewOwed),
        now: i64,
    ) -> Result<bool, StoreError> {
        let (school, envelope) = (school.to_owned(), self.seal_envelope(&mail)?);
        self.write(move |tables| {
            let share: Option<String> = tables
                .prepare_cached(
                    "UPDATE share_recipient SET asked_at = ?2 WHERE rid = ?1 AND (asked_at IS NULL OR asked_at <= ?3)
                     RETURNING share",
                )?
                .query_row(params![rid, now, now.saturating_sub(every)], |row| row.get(0))
                .optional()?;
            let Some(share) = share else { return Ok(false) };
            insert_item(tables, &school, &item)?;
            owed::insert(tables, &school, None, &mail, &envelope, now)?;
            happened(tables, (&share, &school), "code_wanted", (Some(&rid), None), now)?;
            Ok(true)
        })
        .await
    }

    fn unsealed_link(&self, (linked, sealed): (Linked, SealedLink)) -> Result<Linked, StoreError> {
        let facts = self.unseal_json(&facts_label(&linked.share), &sealed.facts)?;
        let recipient = self.unseal_json(&recipient_label(&linked.rid), &sealed.recipient)?;
        let label = passkey_label(&linked.rid);
        let code_key = sealed.code_key.map(|key| self.unseal_json(&label, &key)).transpose()?;
        Ok(Linked { facts, recipient, code_key, ..linked })
    }
}

fn too_many(tables: &Connection, school: &str, address: &Index, now: i64) -> rusqlite::Result<bool> {
    let of_address: i64 = tables
        .prepare_cached("SELECT count(*) FROM share_fail WHERE school = ?1 AND address = ?2 AND at > ?3")?
        .query_row(params![school, address, now.saturating_sub(DAY)], |row| row.get(0))?;
    let of_school: i64 = tables
        .prepare_cached("SELECT count(*) FROM share_fail WHERE school = ?1 AND at > ?2")?
        .query_row(params![school, now.saturating_sub(HOUR)], |row| row.get(0))?;
    Ok(of_address >= TRIES_OF_ADDRESS || of_school >= TRIES_OF_SCHOOL)
}

/// The sealed columns of a link.
struct SealedLink {
    facts: Vec<u8>,
    recipient: Vec<u8>,
    code_key: Option<Vec<u8>>,
}

/// That a share was opened by a recipient for the first time, and by what.
fn opened_line(linked: &Linked, (by, statement): (&str, Option<&str>), now: i64) -> NewLine {
    let recipients = vec![linked.recipient.address.to_lowercase()];
    let people = People { recipients, ..People::default() };
    let mut core = serde_json::json!({ "event": "share_opened", "share": linked.share, "factor": by });
    if let Some(version) = statement {
        core["statement"] = version.into();
    }
    let core = core.to_string();
    let (school, mail) = (linked.school.clone(), Some(linked.mail.clone()));
    NewLine { at: now, school, sort: Sort::Incident, mail, core, trace: None, people }
}

/// Writes down that an item was used, once in a while: who asks for it piece by piece, or again and again, fills no log.
fn used(
    tables: &Connection,
    (share, school): (&str, &str),
    kind: &str,
    (rid, item): (&RidOctets, &str),
    now: i64,
) -> rusqlite::Result<()> {
    let known = tables
        .prepare_cached(
            "SELECT 1 FROM share_event WHERE share = ?1 AND at > ?2 AND kind = ?3 AND rid = ?4 AND item = ?5",
        )?
        .exists(params![share, now.saturating_sub(ONE_USE), kind, rid, item])?;
    if known { Ok(()) } else { happened(tables, (share, school), kind, (Some(rid), Some(item)), now) }
}

/// Writes down that a link was opened, and by what.
fn unlocked(
    tables: &Connection,
    (share, school): (&str, &str),
    (rid, by, statement): (&RidOctets, &str, Option<&str>),
    now: i64,
) -> rusqlite::Result<()> {
    tables
        .prepare_cached(
            "INSERT INTO share_event (share, school, at, kind, rid, factor, statement)
             VALUES (?1, ?2, ?3, 'unlocked', ?4, ?5, ?6)",
        )?
        .execute(params![share, school, now, rid, by, statement])?;
    Ok(())
}

fn linked(row: &Row<'_>) -> rusqlite::Result<(Linked, SealedLink)> {
    let linked = Linked {
        share: row.get(0)?,
        school: row.get(1)?,
        mail: row.get(22)?,
        address: row.get(23)?,
        rid: row.get(2)?,
        link_check: row.get(3)?,
        public: row.get(4)?,
        factor: row.get(5)?,
        family: row.get(20)?,
        key: row.get(6)?,
        sender: row.get(7)?,
        made_at: row.get(8)?,
        open_by: row.get(9)?,
        ends_at: row.get(10)?,
        opened_at: row.get(11)?,
        withdrawn_at: row.get(12)?,
        over_at: row.get(13)?,
        fails: row.get(14)?,
        locked_until: row.get(15)?,
        view_only: row.get(16)?,
        cost: row.get(17)?,
        code_key: None,
        facts: Facts::default(),
        recipient: RecipientFacts::default(),
    };
    Ok((linked, SealedLink { facts: row.get(18)?, recipient: row.get(19)?, code_key: row.get(21)? }))
}
