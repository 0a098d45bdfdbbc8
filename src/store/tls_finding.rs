//! What was found of TLS, try by try, until it is reported to the domain (RFC 8460): no address of a person, and no longer
//! than four days.

use std::fmt;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::journal::hex;
use super::{Store, StoreError};
use crate::seal::random;

/// What one try found of a domain. Sealed: a domain may be a family's.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The recipients' domain.
    pub domain: String,
    /// The policy by which it was judged.
    pub policy: Policy,
    /// Sessions that were proven.
    pub succeeded: u32,
    /// What was not.
    pub failed: Vec<Failed>,
}

/// A policy, as a report names it (RFC 8460 4.4).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policy {
    /// `tlsa`, `sts` or `no-policy-found`.
    pub kind: String,
    /// The policy domain.
    pub domain: String,
    /// Its records or lines.
    pub strings: Vec<String>,
    /// The hosts that it lists.
    pub hosts: Vec<String>,
}

/// A session that was not proven, or that was not worth a try.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failed {
    /// The word of RFC 8460 4.3.
    pub result: String,
    /// The host and its address, where there was a session.
    pub server: Option<(String, Option<String>)>,
}

/// A finding of a day that is over, with its row.
#[derive(Debug)]
pub struct Row {
    /// Its row.
    pub id: i64,
    /// Days since 1970, UTC.
    pub day: i64,
    /// What was found.
    pub finding: Finding,
}

/// Domains are for those who may look.
impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding").field("succeeded", &self.succeeded).field("failed", &self.failed.len()).finish()
    }
}

/// Milliseconds of a day.
const DAY: i64 = 24 * 3600 * 1000;
/// What nobody has reported by then is not reported any more: days.
pub(super) const LIVES: i64 = 4;
/// Findings that are reported at once; what is beyond them waits for the next time.
const MOST: usize = 10_000;

/// The day of a moment, in days since 1970, UTC.
pub fn day(at: i64) -> i64 {
    at.div_euclid(DAY)
}

impl Store {
    /// What was found on days before this one and is not reported yet, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn findings_before(&self, day: i64) -> Result<Vec<Row>, StoreError> {
        type Sealed = (i64, i64, Vec<u8>, Vec<u8>);
        let rows: Vec<Sealed> = self
            .read(move |tables| {
                let mut list = tables.prepare_cached(
                    "SELECT id, day, salt, facts FROM tls_finding WHERE day < ?1 ORDER BY day, id LIMIT ?2",
                )?;
                let rows = list.query_map(params![day, super::count(MOST)], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?;
                rows.collect()
            })
            .await?;
        // One that does not open is nobody's any more, and must not keep the others back.
        let open = |(id, day, salt, sealed): Sealed| {
            let finding = self.unseal(&label(&salt), &sealed).ok()?;
            Some(Row { id, day, finding })
        };
        Ok(rows.into_iter().filter_map(open).collect())
    }

    /// These are reported, or nobody wants to know.
    ///
    /// # Errors
    /// [`StoreError`]; they are reported again then.
    pub async fn drop_findings(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.write(move |tables| {
            let mut drop = tables.prepare_cached("DELETE FROM tls_finding WHERE id = ?1")?;
            ids.iter().try_for_each(|id| drop.execute([id]).map(|_| ()))
        })
        .await
    }

    /// What nobody has reported in time goes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_old_findings(&self, now: i64) -> Result<(), StoreError> {
        self.write(move |tables| drop_old(tables, day(now))).await
    }

    pub(super) fn seal_finding(&self, finding: &Finding) -> Result<([u8; 16], Vec<u8>), StoreError> {
        let salt = random::<16>().map_err(|error| StoreError::Trouble(error.to_string()))?;
        Ok((salt, self.seal(&label(&salt), finding)?))
    }
}

pub(super) fn insert(tables: &Connection, (salt, facts): &([u8; 16], Vec<u8>), now: i64) -> rusqlite::Result<()> {
    let today = day(now);
    drop_old(tables, today)?;
    tables
        .prepare_cached("INSERT INTO tls_finding (day, salt, facts) VALUES (?1, ?2, ?3)")?
        .execute(params![today, salt, facts])?;
    Ok(())
}

fn drop_old(tables: &Connection, today: i64) -> rusqlite::Result<()> {
    let oldest = today.saturating_sub(LIVES);
    tables.prepare_cached("DELETE FROM tls_finding WHERE day < ?1")?.execute([oldest]).map(|_| ())
}

fn label(salt: &[u8]) -> String {
    format!("tls_finding.facts of {}", hex(salt))
}
