//! Codes by text message or mail: how many may be sent, and whether one is right. A code is a keyed hash here, and a try is counted
//! before it is looked at.

use rusqlite::{OptionalExtension, params};

use super::super::owed::{self, NewOwed};
use super::super::{Store, StoreError, insert_item};
use super::{DAY, RidOctets, happened};
use crate::seal::Index;
use crate::vault::Item;

/// How many texts may be sent, and how long their codes live.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The way by which it goes: `sms` or `email`; each is counted by itself.
    pub channel: &'static str,
    /// To one recipient in a day, through all links.
    pub of_recipient: u32,
    /// By one school in a day.
    pub of_school: u32,
    /// How long a code lives, milliseconds.
    pub lasts: i64,
    /// How often a code may be tried.
    pub tries: u32,
}

/// What became of the wish to send a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// It may be sent; its number.
    Due(i64),
    /// This recipient had enough of them today.
    Enough,
    /// The school has sent as many as it wants to in a day.
    Ceiling,
}

impl Store {
    /// Counts a text, before it is sent, and keeps the hash of its code; those before it count no longer. One that goes by
    /// mail is owed in the same transaction.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is to be sent then.
    pub async fn share_text(
        &self,
        rid: RidOctets,
        mac: Index,
        limits: Limits,
        mail: Option<(Item, NewOwed)>,
        now: i64,
    ) -> Result<Text, StoreError> {
        let envelope = mail.as_ref().map(|(_, mail)| self.seal_envelope(mail)).transpose()?;
        self.write(move |tables| {
            let (share, school, address): (String, String, Index) = tables
                .prepare_cached("SELECT share, school, address FROM share_recipient WHERE rid = ?1")?
                .query_row([rid], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let since = now.saturating_sub(DAY);
            let of_recipient: u32 = tables
                .prepare_cached(
                    "SELECT count(*) FROM share_text WHERE school = ?1 AND address = ?2 AND at > ?3 AND channel = ?4",
                )?
                .query_row(params![school, address, since, limits.channel], |row| row.get(0))?;
            let of_school: u32 = tables
                .prepare_cached("SELECT count(*) FROM share_text WHERE school = ?1 AND at > ?2 AND channel = ?3")?
                .query_row(params![school, since, limits.channel], |row| row.get(0))?;
            if of_recipient >= limits.of_recipient {
                return Ok(Text::Enough);
            }
            if of_school >= limits.of_school {
                return Ok(Text::Ceiling);
            }
            tables.prepare_cached("UPDATE share_text SET mac = NULL WHERE rid = ?1")?.execute([rid])?;
            let id = tables
                .prepare_cached(
                    "INSERT INTO share_text (rid, school, address, at, ends_at, mac, channel)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
                )?
                .query_row(
                    params![rid, school, address, now, now.saturating_add(limits.lasts), mac, limits.channel],
                    |row| row.get(0),
                )?;
            if let Some(((item, mail), envelope)) = mail.as_ref().zip(envelope.as_deref()) {
                insert_item(tables, &school, item)?;
                owed::insert(tables, &school, None, mail, envelope, now)?;
            }
            happened(tables, (&share, &school), "code_sent", (Some(&rid), None), now)?;
            Ok(Text::Due(id))
        })
        .await
    }

    /// A text was not sent: it counts for nothing, and its code opens nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_text_failed(&self, id: i64, now: i64) -> Result<(), StoreError> {
        self.write(move |tables| {
            let gone: Option<RidOctets> = tables
                .prepare_cached("DELETE FROM share_text WHERE id = ?1 RETURNING rid")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            let Some(rid) = gone else { return Ok(()) };
            let (share, school): (String, String) = tables
                .prepare_cached("SELECT share, school FROM share_recipient WHERE rid = ?1")?
                .query_row([rid], |row| Ok((row.get(0)?, row.get(1)?)))?;
            happened(tables, (&share, &school), "code_not_sent", (Some(&rid), None), now)
        })
        .await
    }

    /// Whether a code that was sent to this recipient can still be typed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_text_waits(&self, rid: RidOctets, tries: u32, now: i64) -> Result<bool, StoreError> {
        self.read(move |tables| {
            tables
                .prepare_cached(
                    "SELECT 1 FROM share_text WHERE rid = ?1 AND mac IS NOT NULL AND ends_at > ?2 AND tries < ?3",
                )?
                .exists(params![rid, now, tries])
        })
        .await
    }

    /// Counts a try of the code that was sent last, and gives its hash; none when no code can be typed (any more).
    ///
    /// # Errors
    /// [`StoreError`]; nothing may be tried then.
    pub async fn share_text_try(&self, rid: RidOctets, tries: u32, now: i64) -> Result<Option<Index>, StoreError> {
        self.write(move |tables| {
            tables
                .prepare_cached(
                    "UPDATE share_text SET tries = tries + 1 WHERE rid = ?1 AND mac IS NOT NULL AND ends_at > ?2
                     AND tries < ?3 RETURNING mac",
                )?
                .query_row(params![rid, now, tries], |row| row.get(0))
                .optional()
        })
        .await
    }

    /// The code that was sent last was right: it opens nothing a second time. False when it was used meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_text_used(&self, rid: RidOctets) -> Result<bool, StoreError> {
        self.write(move |tables| {
            let used = "UPDATE share_text SET mac = NULL WHERE rid = ?1 AND mac IS NOT NULL";
            Ok(tables.prepare_cached(used)?.execute([rid])? > 0)
        })
        .await
    }
}
