//! What the sender of a share sees of it, and does with it.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::journal::{self, NewLine};
use super::super::owed;
use super::super::{Store, StoreError, count, insert_item};
use super::make::insert_recipient;
use super::open::locked;
use super::{
    DAY, Facts, Invitation, ItemFacts, NewRecipient, RecipientFacts, RidOctets, code_label, facts_label, happened,
    item_label, recipient_label,
};
use crate::seal::{Index, KeyId};

/// A code is shown to the sender for so long.
pub(in crate::store) const CODE_SHOWN: i64 = 7 * DAY;

/// A share as the sender sees it.
#[derive(Clone)]
pub struct ShareRow {
    /// Its id.
    pub id: String,
    /// The school.
    pub school: String,
    /// The number of the mail.
    pub mail: String,
    /// Hash of the sender's address.
    pub sender: Index,
    /// When it was made, milliseconds.
    pub made_at: i64,
    /// Until when it can be opened first, milliseconds.
    pub open_by: i64,
    /// When it ends, milliseconds.
    pub ends_at: i64,
    /// When it was withdrawn, milliseconds.
    pub withdrawn_at: Option<i64>,
    /// When its content went, milliseconds.
    pub over_at: Option<i64>,
    /// `strict` or `recoverable`.
    pub keys: String,
    /// The key that its pepper follows from.
    pub key: KeyId,
    /// Whether it may be read on a page alone.
    pub view_only: bool,
    /// The rest.
    pub facts: Facts,
    /// The items.
    pub items: Vec<ItemRow>,
    /// The recipients, the sender among them.
    pub recipients: Vec<RecipientRow>,
}

/// An item as the sender sees it.
#[derive(Clone)]
pub struct ItemRow {
    /// The id.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// Octets.
    pub size: u64,
    /// The name of its file, if that is there.
    pub file: Option<String>,
    /// When it was withdrawn from everybody, milliseconds.
    pub withdrawn_at: Option<i64>,
    /// Its key, for this machine.
    pub recovery: Option<Vec<u8>>,
    /// Its key, for the school's escrow key.
    pub escrow: Option<Vec<u8>>,
    /// Name and media type.
    pub facts: ItemFacts,
}

/// A recipient as the sender sees him.
#[derive(Clone)]
pub struct RecipientRow {
    /// The public half of the link.
    pub rid: RidOctets,
    /// Hash of the address.
    pub address: Index,
    /// `code`, `sms`, `email`, `organisation` or `sender`.
    pub factor: String,
    /// Recipients of one family have one code.
    pub family: u32,
    /// Wrong codes since the last right one.
    pub fails: u32,
    /// Until when no code works, milliseconds.
    pub locked_until: Option<i64>,
    /// When the link was made, milliseconds.
    pub made_at: i64,
    /// Until when it can be opened first, milliseconds, where that is not the share's own.
    pub open_by: Option<i64>,
    /// When the mail with the link was taken, milliseconds.
    pub notified_at: Option<i64>,
    /// When it was given up, milliseconds.
    pub failed_at: Option<i64>,
    /// When it was opened first, milliseconds.
    pub opened_at: Option<i64>,
    /// When it was withdrawn from this one, milliseconds.
    pub withdrawn_at: Option<i64>,
    /// By what it was opened first: `code`, `sms`, `email`, `organisation`, `device` or `passkey`.
    pub opened_by: Option<String>,
    /// Whether a passkey opens it too.
    pub takes_passkey: bool,
    /// Whether there is a passkey of this address.
    pub has_passkey: bool,
    /// The code, while it is shown.
    pub code: Option<String>,
    /// The address.
    pub facts: RecipientFacts,
    /// The items that may still be seen.
    pub items: Vec<String>,
    /// The items that were viewed or downloaded.
    pub read: Vec<String>,
}

/// A school, by what a code is known, and a sender's own link: one of the two.
pub type ShareTold = Vec<(String, Option<Vec<u8>>, Option<RidOctets>)>;

/// Something that happened.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// When, milliseconds.
    pub at: i64,
    /// What.
    pub kind: String,
    /// Which recipient.
    pub rid: Option<RidOctets>,
    /// Which item.
    pub item: Option<String>,
    /// By what, where that belongs to it.
    pub factor: Option<String>,
    /// Under which version of the privacy statement, where that belongs to it.
    pub statement: Option<String>,
}

/// What a sender is told of a share without having asked, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminder {
    /// Somebody has not opened it for a while.
    Unopened,
    /// Somebody has not opened it, and soon cannot any more.
    Closing,
}

/// How much is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// One item, from everybody but the sender.
    Item(String),
    /// All items, from one recipient.
    Recipient(RidOctets),
    /// One item, from one recipient.
    Grant(RidOctets, String),
    /// All items, from everybody but the sender.
    All,
}

/// A new link in the place of an old one.
pub struct Rewrapped {
    /// The old one, which leads nowhere from now on; none for somebody new.
    pub old: Option<RidOctets>,
    /// The new one.
    pub new: NewRecipient,
    /// The mail with it.
    pub invitation: Invitation,
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

shown_as_nothing!(ShareRow, ItemRow, RecipientRow, Rewrapped);

const SHARE: &str =
    "SELECT id, school, mail, sender, made_at, open_by, ends_at, withdrawn_at, over_at, keys, key, view_only, facts
     FROM share";

impl RecipientRow {
    /// Until when no code works; none at all works when there is no moment.
    pub fn locked(&self, now: i64) -> Option<Option<i64>> {
        locked(self.fails, self.locked_until, now)
    }
}

impl Store {
    /// The codes that are still shown to senders, each with its school.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_codes(&self) -> Result<Vec<(String, String)>, StoreError> {
        let sealed: Vec<(RidOctets, String, Vec<u8>)> = self
            .read(|tables| {
                let mut list = tables.prepare_cached(
                    "SELECT rid, school, code FROM share_recipient WHERE code IS NOT NULL AND withdrawn_at IS NULL",
                )?;
                list.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
            })
            .await?;
        let unsealed = |(rid, school, code): (RidOctets, String, Vec<u8>)| {
            Ok((school, self.unseal_json::<String>(&code_label(&rid), &code)?))
        };
        sealed.into_iter().map(unsealed).collect()
    }

    /// By what codes are known that are mailed on, and the senders' own links, each with its school, of all shares that live.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_told(&self, now: i64) -> Result<ShareTold, StoreError> {
        self.read(move |tables| {
            let mut list = tables.prepare_cached(
                "SELECT r.school, r.told, CASE WHEN r.factor = 'sender' THEN r.rid END FROM share_recipient r
                 JOIN share s ON s.id = r.share WHERE s.over_at IS NULL AND s.ends_at > ?1 AND r.withdrawn_at IS NULL
                 AND (r.told IS NOT NULL OR r.factor = 'sender')",
            )?;
            list.query_map([now], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })
        .await
    }

    /// The shares of a sender, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shares_of(&self, school: &str, sender: Index, most: usize) -> Result<Vec<ShareRow>, StoreError> {
        let school = school.to_owned();
        let rows = self
            .read(move |tables| {
                let statement = format!("{SHARE} WHERE school = ?1 AND sender = ?2 ORDER BY made_at DESC LIMIT ?3");
                let mut list = tables.prepare_cached(&statement)?;
                let rows = list.query_map(params![school, sender, count(most)], share)?;
                rows.map(|row| whole(tables, row?)).collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        rows.into_iter().map(|row| self.unsealed_share(row)).collect()
    }

    /// All shares, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shares(&self, most: usize) -> Result<Vec<ShareRow>, StoreError> {
        let rows = self
            .read(move |tables| {
                let mut list = tables.prepare_cached(&format!("{SHARE} ORDER BY made_at DESC LIMIT ?1"))?;
                let rows = list.query_map([count(most)], share)?;
                rows.map(|row| whole(tables, row?)).collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        rows.into_iter().map(|row| self.unsealed_share(row)).collect()
    }

    /// One share. None when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share(&self, id: &str) -> Result<Option<ShareRow>, StoreError> {
        let id = id.to_owned();
        let row = self
            .read(move |tables| {
                let row =
                    tables.prepare_cached(&format!("{SHARE} WHERE id = ?1"))?.query_row([id], share).optional()?;
                row.map(|row| whole(tables, row)).transpose()
            })
            .await?;
        row.map(|row| self.unsealed_share(row)).transpose()
    }

    /// What happened to a share, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_events(&self, id: &str) -> Result<Vec<EventRow>, StoreError> {
        let id = id.to_owned();
        self.read(move |tables| {
            let mut list = tables.prepare_cached(
                "SELECT at, kind, rid, item, factor, statement FROM share_event WHERE share = ?1 ORDER BY id",
            )?;
            let event = |row: &Row<'_>| {
                let (at, kind, rid) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(EventRow { at, kind, rid, item: row.get(3)?, factor: row.get(4)?, statement: row.get(5)? })
            };
            list.query_map([id], event)?.collect()
        })
        .await
    }

    /// A version of a school's privacy statement; none under which nobody opened anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn statement(&self, school: &str, version: &str) -> Result<Option<String>, StoreError> {
        let (school, version) = (school.to_owned(), version.to_owned());
        self.read(move |tables| {
            tables
                .prepare_cached("SELECT text FROM statement WHERE school = ?1 AND version = ?2")?
                .query_row([school, version], |row| row.get(0))
                .optional()
        })
        .await
    }

    /// Withdraws: the rows of the grants go. The sender's own stay. Gives how many went. `told` is the mail that tells the
    /// sender when it was not he.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was withdrawn then.
    pub async fn withdraw_share(
        &self,
        id: &str,
        what: Withdrawn,
        line: NewLine,
        told: Option<(crate::vault::Item, owed::NewOwed)>,
        now: i64,
    ) -> Result<usize, StoreError> {
        let (line, chain, id) = (self.prepare(line)?, self.chain(), id.to_owned());
        let told = told.map(|mail| self.sealed_mail(mail)).transpose()?;
        self.write(move |tables| {
            let school: String = tables.query_row("SELECT school FROM share WHERE id = ?1", [&id], |row| row.get(0))?;
            journal::append(tables, &chain, std::slice::from_ref(&line))?;
            if let Some(told) = &told {
                told.insert(tables, &school, now)?;
                happened(tables, (&id, &school), "by_admin", (None, None), now)?;
            }
            let event = |kind, rid, item| happened(tables, (&id, &school), kind, (rid, item), now);
            match &what {
                Withdrawn::Item(item) => {
                    tables.execute(
                        "UPDATE share_item SET withdrawn_at = coalesce(withdrawn_at, ?3) WHERE id = ?1 AND share = ?2",
                        params![item, id, now],
                    )?;
                    event("item_revoked", None, Some(item.as_str()))?;
                    // The whole mail, as it came, has it in it.
                    tables.execute(
                        "UPDATE share_item SET withdrawn_at = coalesce(withdrawn_at, ?2)
                         WHERE share = ?1 AND kind = 'original_eml'",
                        params![id, now],
                    )?;
                    tables.execute(&format!("{DELETE_GRANTS} AND (item = ?2 OR {ORIGINAL})"), params![id, item])
                }
                Withdrawn::Recipient(rid) => {
                    tables.execute(
                        "UPDATE share_recipient SET withdrawn_at = coalesce(withdrawn_at, ?3), code = NULL, passkey = NULL
                         WHERE rid = ?1 AND share = ?2 AND factor <> 'sender'",
                        params![rid, id, now],
                    )?;
                    event("recipient_revoked", Some(rid), None)?;
                    tables.execute(&format!("{DELETE_GRANTS} AND rid = ?2"), params![id, rid])
                }
                Withdrawn::Grant(rid, item) => {
                    event("item_revoked", Some(rid), Some(item.as_str()))?;
                    let grants = format!("{DELETE_GRANTS} AND rid = ?2 AND (item = ?3 OR {ORIGINAL})");
                    tables.execute(&grants, params![id, rid, item])
                }
                Withdrawn::All => {
                    tables.execute(
                        "UPDATE share SET withdrawn_at = coalesce(withdrawn_at, ?2) WHERE id = ?1",
                        params![id, now],
                    )?;
                    tables.execute(
                        "UPDATE share_recipient SET withdrawn_at = coalesce(withdrawn_at, ?2), code = NULL, passkey = NULL
                         WHERE share = ?1 AND factor <> 'sender'",
                        params![id, now],
                    )?;
                    event("share_revoked", None, None)?;
                    tables.execute(DELETE_GRANTS, [&id])
                }
            }
        })
        .await
    }

    /// Lets a share end later. False when it is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn extend_share(&self, id: &str, until: i64, line: NewLine, now: i64) -> Result<bool, StoreError> {
        let (line, chain, id) = (self.prepare(line)?, self.chain(), id.to_owned());
        self.write(move |tables| {
            let school: Option<String> = tables
                .prepare_cached(
                    "UPDATE share SET ends_at = CASE WHEN ends_at < ?2 THEN ?2 ELSE ends_at END,
                     open_by = CASE WHEN open_by < ?2 THEN ?2 ELSE open_by END
                     WHERE id = ?1 AND over_at IS NULL AND ends_at > ?3 AND once = 0 RETURNING school",
                )?
                .query_row(params![id, until, now], |row| row.get(0))
                .optional()?;
            tables
                .prepare_cached(
                    "UPDATE share_recipient SET open_by = ?2 WHERE share = ?1 AND open_by > ?3 AND open_by < ?2",
                )?
                .execute(params![id, until, now])?;
            if let Some(school) = &school {
                journal::append(tables, &chain, std::slice::from_ref(&line))?;
                happened(tables, (&id, school), "extended", (None, None), now)?;
            }
            Ok(school.is_some())
        })
        .await
    }

    /// Lets its files be had, or read on a page alone. False when it is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_view_only(&self, id: &str, on: bool, line: NewLine, now: i64) -> Result<bool, StoreError> {
        let (line, chain, id) = (self.prepare(line)?, self.chain(), id.to_owned());
        self.write(move |tables| {
            let school: Option<String> = tables
                .prepare_cached(
                    "UPDATE share SET view_only = ?2 WHERE id = ?1 AND over_at IS NULL AND ends_at > ?3
                     RETURNING school",
                )?
                .query_row(params![id, on, now], |row| row.get(0))
                .optional()?;
            if let Some(school) = &school {
                journal::append(tables, &chain, std::slice::from_ref(&line))?;
                let kind = if on { "downloads_off" } else { "downloads_on" };
                happened(tables, (&id, school), kind, (None, None), now)?;
            }
            Ok(school.is_some())
        })
        .await
    }

    /// The shares of which a link that was made before this moment is not opened, and whose sender was not told so yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unopened_shares(&self, before: i64, now: i64) -> Result<Vec<ShareRow>, StoreError> {
        let rows = self
            .read(move |tables| {
                let statement = format!(
                    "{SHARE} WHERE reminded_at IS NULL AND withdrawn_at IS NULL AND over_at IS NULL AND ends_at > ?2
                     AND made_at <= ?1 AND EXISTS (SELECT 1 FROM share_recipient r WHERE r.share = share.id
                     AND r.factor <> 'sender' AND r.opened_at IS NULL AND r.withdrawn_at IS NULL AND r.made_at <= ?1
                     AND coalesce(r.open_by, share.open_by) > ?2)"
                );
                let mut list = tables.prepare_cached(&statement)?;
                let rows = list.query_map([before, now], share)?;
                rows.map(|row| whole(tables, row?)).collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        rows.into_iter().map(|row| self.unsealed_share(row)).collect()
    }

    /// The shares that cannot be opened any more after this moment, of which a link is not opened, and whose sender was told
    /// nothing since that other moment, nor of this before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn closing_shares(&self, (by, since): (i64, i64), now: i64) -> Result<Vec<ShareRow>, StoreError> {
        let rows = self
            .read(move |tables| {
                let statement = format!(
                    "{SHARE} WHERE warned_at IS NULL AND withdrawn_at IS NULL AND over_at IS NULL AND open_by > ?3
                     AND open_by <= ?1 AND coalesce(reminded_at, made_at) <= ?2 AND EXISTS (SELECT 1 FROM share_recipient r
                     WHERE r.share = share.id AND r.factor <> 'sender' AND r.opened_at IS NULL AND r.withdrawn_at IS NULL)"
                );
                let mut list = tables.prepare_cached(&statement)?;
                let rows = list.query_map([by, since, now], share)?;
                rows.map(|row| whole(tables, row?)).collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        rows.into_iter().map(|row| self.unsealed_share(row)).collect()
    }

    /// Owes the mail that tells the sender of one of these, once for each share. False when he was told.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is owed then.
    pub async fn remind_sender(
        &self,
        id: &str,
        of: Reminder,
        (item, mail): (crate::vault::Item, owed::NewOwed),
        now: i64,
    ) -> Result<bool, StoreError> {
        let (id, envelope) = (id.to_owned(), self.seal_envelope(&mail)?);
        let (statement, event) = match of {
            Reminder::Unopened => {
                ("UPDATE share SET reminded_at = ?2 WHERE id = ?1 AND reminded_at IS NULL RETURNING school", "reminded")
            }
            Reminder::Closing => {
                ("UPDATE share SET warned_at = ?2 WHERE id = ?1 AND warned_at IS NULL RETURNING school", "warned")
            }
        };
        self.write(move |tables| {
            let school: Option<String> =
                tables.prepare_cached(statement)?.query_row(params![id, now], |row| row.get(0)).optional()?;
            let Some(school) = school else { return Ok(false) };
            insert_item(tables, &school, &item)?;
            owed::insert(tables, &school, None, &mail, &envelope, now)?;
            happened(tables, (&id, &school), event, (None, None), now)?;
            Ok(true)
        })
        .await
    }

    /// Writes down that the school's escrow key opened a share.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_recovered(&self, id: &str, line: NewLine, now: i64) -> Result<(), StoreError> {
        let (line, chain, id) = (self.prepare(line)?, self.chain(), id.to_owned());
        self.write(move |tables| {
            let school: String = tables.query_row("SELECT school FROM share WHERE id = ?1", [&id], |row| row.get(0))?;
            happened(tables, (&id, &school), "recovered", (None, None), now)?;
            journal::append(tables, &chain, std::slice::from_ref(&line))
        })
        .await
    }

    /// Puts a new link in the place of an old one, with the mail that carries it.
    ///
    /// # Errors
    /// [`StoreError`]; the old link is as it was then.
    pub async fn renew_link(&self, id: &str, renewed: Rewrapped, line: NewLine, now: i64) -> Result<bool, StoreError> {
        let (line, chain) = (self.prepare(line)?, self.chain());
        let sealed = self.seal_recipient(&renewed.new)?;
        let envelope = self.seal_envelope(&renewed.invitation.owed)?;
        let id = id.to_owned();
        self.write(move |tables| {
            // What somebody else than the sender took back, he does not give again.
            let live = "SELECT school FROM share WHERE id = ?1 AND over_at IS NULL AND ends_at > ?2 AND NOT (
                 EXISTS (SELECT 1 FROM share_event e WHERE e.share = ?1 AND e.kind = 'by_admin') AND (withdrawn_at IS NOT NULL
                 OR EXISTS (SELECT 1 FROM share_recipient r WHERE r.rid = ?3 AND r.withdrawn_at IS NOT NULL)))";
            let school: Option<String> =
                tables.prepare_cached(live)?.query_row(params![id, now, renewed.old], |row| row.get(0)).optional()?;
            let Some(school) = school else { return Ok(false) };
            if let Some(old) = renewed.old {
                let gone = "DELETE FROM share_recipient WHERE rid = ?1 AND share = ?2 AND factor <> 'sender'";
                if tables.prepare_cached(gone)?.execute(params![old, id])? == 0 {
                    return Ok(false);
                }
            }
            // A new link is given on purpose: what was withdrawn from all is open again for this one.
            tables.execute("UPDATE share SET withdrawn_at = NULL WHERE id = ?1", [&id])?;
            insert_recipient(tables, (&id, &school), &renewed.new, &sealed, now)?;
            insert_item(tables, &school, &renewed.invitation.item)?;
            owed::insert_invitation(tables, &school, &renewed.new.rid, &renewed.invitation.owed, &envelope, now)?;
            journal::append(tables, &chain, std::slice::from_ref(&line))?;
            let kind = if renewed.old.is_some() { "renewed" } else { "added" };
            happened(tables, (&id, &school), kind, (Some(&renewed.new.rid), None), now)?;
            Ok(true)
        })
        .await
    }

    /// Writes down that an answer came, and owes its mail, in one commit.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is owed then.
    pub async fn share_replied(
        &self,
        (share, school): (&str, &str),
        rid: RidOctets,
        reply: &str,
        (item, mail): (crate::vault::Item, owed::NewOwed),
        now: i64,
    ) -> Result<(), StoreError> {
        let (share, school, reply) = (share.to_owned(), school.to_owned(), reply.to_owned());
        let envelope = self.seal_envelope(&mail)?;
        self.write(move |tables| {
            insert_item(tables, &school, &item)?;
            owed::insert(tables, &school, None, &mail, &envelope, now)?;
            tables.execute(
                "INSERT INTO share_reply (id, share, rid, school, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![reply, share, rid, school, now],
            )?;
            happened(tables, (&share, &school), "reply_received", (Some(&rid), None), now)
        })
        .await
    }

    fn unsealed_share(&self, (row, sealed): (ShareRow, SealedShare)) -> Result<ShareRow, StoreError> {
        let mut row = row;
        row.facts = self.unseal_json(&facts_label(&row.id), &sealed.facts)?;
        for (item, facts) in row.items.iter_mut().zip(&sealed.items) {
            item.facts = self.unseal_json(&item_label(&item.id), facts)?;
        }
        for (one, (facts, code)) in row.recipients.iter_mut().zip(&sealed.recipients) {
            one.facts = self.unseal_json(&recipient_label(&one.rid), facts)?;
            one.code = code.as_ref().map(|code| self.unseal_json(&code_label(&one.rid), code)).transpose()?;
        }
        Ok(row)
    }
}

const DELETE_GRANTS: &str = "DELETE FROM share_grant
     WHERE rid IN (SELECT rid FROM share_recipient WHERE share = ?1 AND factor <> 'sender')";
const ORIGINAL: &str = "item IN (SELECT id FROM share_item WHERE share = ?1 AND kind = 'original_eml')";

/// The sealed columns of a share, in the order of its rows.
#[derive(Default)]
struct SealedShare {
    facts: Vec<u8>,
    items: Vec<Vec<u8>>,
    recipients: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn share(row: &Row<'_>) -> rusqlite::Result<(ShareRow, Vec<u8>)> {
    let share = ShareRow {
        id: row.get(0)?,
        school: row.get(1)?,
        mail: row.get(2)?,
        sender: row.get(3)?,
        made_at: row.get(4)?,
        open_by: row.get(5)?,
        ends_at: row.get(6)?,
        withdrawn_at: row.get(7)?,
        over_at: row.get(8)?,
        keys: row.get(9)?,
        key: row.get(10)?,
        view_only: row.get(11)?,
        facts: Facts::default(),
        items: Vec::new(),
        recipients: Vec::new(),
    };
    Ok((share, row.get(12)?))
}

fn whole(tables: &Connection, (mut share, facts): (ShareRow, Vec<u8>)) -> rusqlite::Result<(ShareRow, SealedShare)> {
    let mut sealed = SealedShare { facts, ..SealedShare::default() };
    let mut items = tables.prepare_cached(
        "SELECT id, kind, size, file, withdrawn_at, recovery, escrow, facts FROM share_item WHERE share = ?1
         ORDER BY place",
    )?;
    let mut rows = items.query([&share.id])?;
    while let Some(row) = rows.next()? {
        share.items.push(item(row)?);
        sealed.items.push(row.get(7)?);
    }
    let mut recipients = tables.prepare_cached(
        "SELECT rid, address, factor, family, fails, locked_until, notified_at, failed_at, opened_at, withdrawn_at,
         made_at, facts, code, opened_by, factor <> 'code' OR passkey IS NOT NULL, factor <> 'sender' AND EXISTS
         (SELECT 1 FROM passkey p WHERE p.school = share_recipient.school AND p.address = share_recipient.address),
         open_by FROM share_recipient WHERE share = ?1 ORDER BY place, made_at",
    )?;
    let mut rows = recipients.query([&share.id])?;
    while let Some(row) = rows.next()? {
        let mut one = recipient(row)?;
        one.items = super::super::column(tables, "SELECT item FROM share_grant WHERE rid = ?1", [one.rid])?;
        let read = "SELECT DISTINCT item FROM share_event WHERE share = ?1 AND rid = ?2
             AND kind IN ('item_viewed', 'item_downloaded', 'zip_downloaded') AND item IS NOT NULL";
        one.read = super::super::column(tables, read, params![share.id, one.rid])?;
        share.recipients.push(one);
        sealed.recipients.push((row.get(11)?, row.get(12)?));
    }
    Ok((share, sealed))
}

fn item(row: &Row<'_>) -> rusqlite::Result<ItemRow> {
    Ok(ItemRow {
        id: row.get(0)?,
        kind: row.get(1)?,
        size: row.get::<_, i64>(2)?.unsigned_abs(),
        file: row.get(3)?,
        withdrawn_at: row.get(4)?,
        recovery: row.get(5)?,
        escrow: row.get(6)?,
        facts: ItemFacts::default(),
    })
}

fn recipient(row: &Row<'_>) -> rusqlite::Result<RecipientRow> {
    Ok(RecipientRow {
        rid: row.get(0)?,
        address: row.get(1)?,
        factor: row.get(2)?,
        family: row.get(3)?,
        fails: row.get(4)?,
        locked_until: row.get(5)?,
        notified_at: row.get(6)?,
        failed_at: row.get(7)?,
        opened_at: row.get(8)?,
        withdrawn_at: row.get(9)?,
        made_at: row.get(10)?,
        opened_by: row.get(13)?,
        takes_passkey: row.get::<_, bool>(14)? && row.get(15)?,
        has_passkey: row.get(15)?,
        open_by: row.get(16)?,
        code: None,
        facts: RecipientFacts::default(),
        items: Vec::new(),
        read: Vec::new(),
    })
}
