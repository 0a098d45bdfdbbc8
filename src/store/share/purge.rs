//! What is over goes: files that no grant opens any more, the content of ended shares, and rows a while after.

use rusqlite::{Connection, params};

use super::super::contacts::UNCHECKED;
use super::super::journal::{self, NewLine};
use super::super::owed::NewOwed;
use super::super::{Store, StoreError, column};
use super::{CODE_SHOWN, DAY, happened, passkey};
use crate::vault::Item;

/// Days for which a share's row stays after its end, for the sender's list; then what is sealed in it, and who opened it,
/// go too.
pub const LOG_DAYS: i64 = 30;
const SHOWN: i64 = LOG_DAYS * DAY;

/// What a purge of shares came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgedShares {
    /// Shares that were over.
    pub due: usize,
    /// Shares whose content went.
    pub gone: usize,
    /// Files that no row needs any more, by name: to be taken away.
    pub files: Vec<String>,
}

/// Shares that are over and still have content: at their end, or when nobody opened them in time.
const DUE: &str = "over_at IS NULL AND (ends_at <= ?1 OR open_by <= ?1 AND NOT EXISTS (SELECT 1 FROM share_recipient r
     WHERE r.share = share.id AND r.factor <> 'sender' AND (r.opened_at IS NOT NULL
     OR r.withdrawn_at IS NULL AND r.open_by > ?1)))";

impl Store {
    /// Ends what is over. What the rows forget of files is to be taken away by the caller, who then says so.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has ended then.
    pub async fn purge_shares(&self, now: i64) -> Result<PurgedShares, StoreError> {
        self.write(move |tables| {
            let ids: Vec<(String, String)> = {
                let mut list = tables.prepare_cached(&format!("SELECT id, school FROM share WHERE {DUE}"))?;
                list.query_map([now], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?
            };
            for (id, school) in &ids {
                end(tables, id, now)?;
                happened(tables, (id, school), "expired", (None, None), now)?;
            }
            // Who has not opened it in time has had it: to extend the share later gives him nothing back, for his keys go now.
            tables.execute(
                "UPDATE share_recipient SET ends_at = ?1 WHERE factor <> 'sender' AND opened_at IS NULL
                 AND (ends_at IS NULL OR ends_at > ?1) AND coalesce(open_by,
                 (SELECT s.open_by FROM share s WHERE s.id = share_recipient.share)) <= ?1",
                [now],
            )?;
            tables.execute(
                "DELETE FROM share_grant WHERE rid IN (SELECT r.rid FROM share_recipient r JOIN share s ON s.id = r.share
                 WHERE r.factor <> 'sender' AND (r.ends_at <= ?1
                 OR r.opened_at IS NULL AND coalesce(r.open_by, s.open_by) <= ?1))",
                [now],
            )?;
            tables.execute(
                "UPDATE share_recipient SET code = NULL WHERE code IS NOT NULL AND made_at <= ?1",
                [now.saturating_sub(CODE_SHOWN)],
            )?;
            tables.execute("DELETE FROM share_session WHERE ends_at <= ?1", [now])?;
            tables.execute("DELETE FROM share_fail WHERE at <= ?1", [now.saturating_sub(DAY)])?;
            tables.execute(
                "DELETE FROM contact WHERE checked = 0 AND proven_at IS NULL AND made_at <= ?1",
                [now.saturating_sub(UNCHECKED)],
            )?;
            tables.execute("DELETE FROM share_text WHERE at <= ?1", [now.saturating_sub(DAY)])?;
            passkey::purge(tables, now)?;
            tables.execute("DELETE FROM share WHERE over_at <= ?1", [now.saturating_sub(SHOWN)])?;
            Ok(PurgedShares { due: ids.len(), gone: ids.len(), files: unused(tables)? })
        })
        .await
    }

    /// Deletes a share at once: its content for everybody, the sender too. Gives the files to be taken away; none when
    /// there is no such share. `told` is the mail that tells the sender when it was not he.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_share(
        &self,
        id: &str,
        line: NewLine,
        told: Option<(Item, NewOwed)>,
        now: i64,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let (line, chain, id) = (self.prepare(line)?, self.chain(), id.to_owned());
        let told = told.map(|mail| self.sealed_mail(mail)).transpose()?;
        self.write(move |tables| {
            let schools: Vec<String> = column(tables, "SELECT school FROM share WHERE id = ?1", [&id])?;
            let Some(school) = schools.first() else { return Ok(None) };
            journal::append(tables, &chain, std::slice::from_ref(&line))?;
            if let Some(told) = &told {
                told.insert(tables, school, now)?;
                happened(tables, (&id, school), "by_admin", (None, None), now)?;
            }
            end(tables, &id, now)?;
            happened(tables, (&id, school), "deleted", (None, None), now)?;
            unused(tables).map(Some)
        })
        .await
    }

    /// Forgets the files of items that no grant opens any more; gives their names, to be taken away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_share_files(&self) -> Result<Vec<String>, StoreError> {
        self.write(unused).await
    }

    /// How many shares are due for [`Store::purge_shares`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shares_due(&self, now: i64) -> Result<usize, StoreError> {
        let statement = format!("SELECT count(*) FROM share WHERE {DUE}");
        let due: i64 = self.read(move |tables| tables.query_row(&statement, [now], |row| row.get(0))).await?;
        Ok(usize::try_from(due).unwrap_or_default())
    }

    /// The names of all files of shares that a row knows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_files(&self) -> Result<Vec<String>, StoreError> {
        self.read(|tables| column(tables, "SELECT file FROM share_item WHERE file IS NOT NULL", [])).await
    }

    /// Those of these files that no row knows, nor will know by a write that was begun before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unknown_share_files(&self, mut names: Vec<String>) -> Result<Vec<String>, StoreError> {
        // By the writer, which is behind all that was begun before.
        self.write_later(move |tables| {
            let mut known = tables.prepare_cached("SELECT 1 FROM share_item WHERE file = ?1")?;
            let mut unknown = Vec::new();
            for name in names.drain(..) {
                if !known.exists([&name])? {
                    unknown.push(name);
                }
            }
            Ok(unknown)
        })
        .await
    }

    /// The ids of the keys that shares need which are not over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_keys(&self) -> Result<Vec<crate::seal::KeyId>, StoreError> {
        self.read(|tables| column(tables, "SELECT DISTINCT key FROM share WHERE over_at IS NULL", [])).await
    }
}

/// The keys of its items are destroyed: grants, recovery, escrow.
fn end(tables: &Connection, id: &str, now: i64) -> rusqlite::Result<()> {
    tables.execute("UPDATE share SET over_at = coalesce(over_at, ?2) WHERE id = ?1", params![id, now])?;
    tables.execute("DELETE FROM share_grant WHERE rid IN (SELECT rid FROM share_recipient WHERE share = ?1)", [id])?;
    tables
        .execute("DELETE FROM share_session WHERE rid IN (SELECT rid FROM share_recipient WHERE share = ?1)", [id])?;
    tables.execute("UPDATE share_recipient SET code = NULL, passkey = NULL, told = NULL WHERE share = ?1", [id])?;
    Ok(())
}

fn unused(tables: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut files = Vec::new();
    let mut list = tables.prepare_cached(
        "SELECT id, file FROM share_item WHERE file IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM share_grant g WHERE g.item = share_item.id)",
    )?;
    let rows: Vec<(String, String)> =
        list.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (id, file) in rows {
        tables
            .prepare_cached("UPDATE share_item SET file = NULL, recovery = NULL, escrow = NULL WHERE id = ?1")?
            .execute([id])?;
        files.push(file);
    }
    Ok(files)
}
