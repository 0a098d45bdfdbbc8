//! The list that a sender gets of a week: who is to have one, who had it, and where its link leads.
//!
//! The mail of a list is owed in the same commit that writes its row, so a list goes once, whatever dies meanwhile.

use std::fmt;

use rusqlite::{OptionalExtension, params};

use super::owed::{self, NewOwed};
use super::{Store, StoreError, insert_item};
use crate::seal::Index;
use crate::vault::Item;

/// How long the link of a list leads somewhere, milliseconds; longer than the week in which the list may go.
const LINK_LASTS: i64 = 14 * 24 * 3600 * 1000;

/// A list that is to go.
#[derive(Clone)]
pub struct NewList {
    /// The school.
    pub school: String,
    /// Its reader's address.
    pub reader: String,
    /// When its week was over, milliseconds.
    pub week: i64,
    /// Hash of the secret of its link.
    pub link: Index,
}

/// Addresses are for their readers.
impl fmt::Debug for NewList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewList").field("school", &self.school).field("week", &self.week).finish_non_exhaustive()
    }
}

impl Store {
    /// Who had a mail stopped or shared in a time, or has one that waits for a choice since before its end, and had no list
    /// of the week that is over then: school, and hash of the address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn without_list(&self, from: i64, until: i64) -> Result<Vec<(String, Index)>, StoreError> {
        self.read(move |tables| {
            let mut list = tables.prepare_cached(
                "WITH told AS (SELECT id, school, sender FROM held WHERE taken_at < ?2 AND (taken_at >= ?1
                   OR id IN (SELECT held FROM held_recipient WHERE state IN ('held', 'asked')))),
                 who AS (SELECT school, sender AS address FROM told
                   UNION SELECT r.school, r.address FROM held_reader r JOIN told ON told.id = r.held
                   UNION SELECT school, sender FROM share WHERE made_at >= ?1 AND made_at < ?2)
                 SELECT school, address FROM who WHERE NOT EXISTS (SELECT 1 FROM desk_week w
                   WHERE w.school = who.school AND w.address = who.address AND w.week = ?2)
                 ORDER BY school, address",
            )?;
            list.query_map([from, until], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    /// Owes a list to its reader. False when he had that of the week, and then nothing is owed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was done then.
    pub async fn tell_week(&self, list: NewList, item: Item, mail: NewOwed, now: i64) -> Result<bool, StoreError> {
        let envelope = self.seal_envelope(&mail)?;
        let address = self.sender(&list.reader.to_lowercase());
        let who = self.seal(&label(&list.link), &list.reader)?;
        self.write(move |tables| {
            let ends_at = list.week.saturating_add(LINK_LASTS);
            let new = tables.execute(
                "INSERT INTO desk_week (link, school, address, week, ends_at, who) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (school, address, week) DO NOTHING",
                params![list.link, list.school, address, list.week, ends_at, who],
            )?;
            if new > 0 {
                insert_item(tables, &list.school, &item)?;
                owed::insert(tables, &list.school, None, &mail, &envelope, now)?;
            }
            Ok(new > 0)
        })
        .await
    }

    /// Whose list has this link: school and address. None when it is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_of(&self, link: Index, now: i64) -> Result<Option<(String, String)>, StoreError> {
        let row: Option<(String, Vec<u8>)> = self
            .read(move |tables| {
                tables
                    .prepare_cached("SELECT school, who FROM desk_week WHERE link = ?1 AND ends_at > ?2")?
                    .query_row(params![link, now], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .await?;
        let Some((school, who)) = row else { return Ok(None) };
        Ok(Some((school, self.unseal(&label(&link), &who)?)))
    }
}

fn label(link: &[u8]) -> String {
    format!("desk_week.who of {}", super::journal::hex(link))
}
