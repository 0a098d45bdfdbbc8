//! Passkeys of recipients: what a device has to prove that it has (WebAuthn 3). For one address at one school, on the pages
//! of one host. What names a passkey, and its public key, are sealed; its counter is looked at when it is used.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::super::contacts::ContactId;
use super::super::journal::{self, NewLine};
use super::super::owed::{self, NewOwed};
use super::super::{Store, StoreError, insert_item};
use super::{DAY, HOUR, RidOctets, happened, hex};
use crate::seal::Index;
use crate::vault::Item;

/// What nobody has used for so long is gone.
pub(in crate::store) const UNUSED: i64 = 365 * DAY;
/// Passkeys of one address: a mailbox that more people read has a fixed code.
const MOST: i64 = 20;

/// The id of a passkey: random octets.
pub type PasskeyId = [u8; 16];

/// A passkey.
#[derive(Clone)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// The host that it is for.
    pub host: String,
    /// When it was made, milliseconds.
    pub made_at: i64,
    /// When it was used last, milliseconds.
    pub used_at: Option<i64>,
    /// What changes with its use.
    pub state: [u8; 7],
    /// The rest.
    pub facts: Facts,
}

/// What is told about a passkey. Sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Facts {
    /// The address, as typed.
    pub address: String,
    /// What its owner calls it.
    pub name: String,
    /// Whose it is, as its device knows him.
    pub user: [u8; 16],
    /// What names it to its device.
    pub credential: Vec<u8>,
    /// Its public key.
    pub key: Vec<u8>,
    /// How its device is reached: bits.
    pub transports: u8,
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

shown_as_nothing!(Passkey, Facts);

/// What became of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept.
    Kept,
    /// It is there already, of this address or another.
    Known,
    /// The address has as many as it may have.
    Full,
}

impl Store {
    /// Keeps a passkey of whoever has this link open, and owes the mail that tells its address so; not more often than once
    /// an hour, however many are made.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept then.
    pub async fn keep_passkey(
        &self,
        rid: RidOctets,
        new: Passkey,
        (item, mail): (Item, NewOwed),
        now: i64,
    ) -> Result<Kept, StoreError> {
        let envelope = self.seal_envelope(&mail)?;
        let credential = self.index("passkey", &[new.host.as_bytes(), &new.facts.credential]);
        let facts = self.seal_json(&facts_label(&new.id), &new.facts)?;
        self.write(move |tables| {
            let (share, school, address): (String, String, Index) = of_link(tables, &rid)?;
            let there: i64 = tables
                .prepare_cached("SELECT count(*) FROM passkey WHERE school = ?1 AND address = ?2")?
                .query_row(params![school, address], |row| row.get(0))?;
            if there >= MOST {
                return Ok(Kept::Full);
            }
            let kept = tables
                .prepare_cached(
                    "INSERT INTO passkey (id, school, address, host, credential, made_at, state, facts)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (credential) DO NOTHING",
                )?
                .execute(params![new.id, school, address, new.host, credential, now, new.state, facts])?;
            if kept == 0 {
                return Ok(Kept::Known);
            }
            let told = tables
                .prepare_cached(
                    "SELECT 1 FROM share_event WHERE share = ?1 AND rid = ?2 AND kind = 'passkey_added' AND at > ?3",
                )?
                .exists(params![share, rid, now.saturating_sub(HOUR)])?;
            if !told {
                insert_item(tables, &school, &item)?;
                owed::insert(tables, &school, None, &mail, &envelope, now)?;
            }
            happened(tables, (&share, &school), "passkey_added", (Some(&rid), None), now)?;
            Ok(Kept::Kept)
        })
        .await
    }

    /// The passkeys of an address at a school, the first first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn passkeys(&self, school: &str, address: Index) -> Result<Vec<Passkey>, StoreError> {
        let school = school.to_owned();
        let rows: Vec<(Passkey, Vec<u8>)> = self
            .read(move |tables| {
                let mut list = tables.prepare_cached(
                    "SELECT id, host, made_at, used_at, state, facts FROM passkey WHERE school = ?1 AND address = ?2
                     ORDER BY made_at, id",
                )?;
                list.query_map(params![school, address], row)?.collect()
            })
            .await?;
        rows.into_iter()
            .map(|(passkey, facts)| {
                Ok(Passkey { facts: self.unseal_json(&facts_label(&passkey.id), &facts)?, ..passkey })
            })
            .collect()
    }

    /// Writes down that a passkey was used. False when it is gone, or was used by somebody else meanwhile: then it opens
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn passkey_used(
        &self,
        id: PasskeyId,
        (before, after): ([u8; 7], [u8; 7]),
        now: i64,
    ) -> Result<bool, StoreError> {
        self.write(move |tables| {
            let used = "UPDATE passkey SET state = ?3, used_at = ?4 WHERE id = ?1 AND state = ?2";
            Ok(tables.prepare_cached(used)?.execute(params![id, before, after, now])? > 0)
        })
        .await
    }

    /// Takes a passkey away, for whoever has a link of its address open. False when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_passkey(&self, rid: RidOctets, id: PasskeyId, now: i64) -> Result<bool, StoreError> {
        self.write(move |tables| {
            let (share, school, address): (String, String, Index) = of_link(tables, &rid)?;
            let gone = tables
                .prepare_cached("DELETE FROM passkey WHERE id = ?1 AND school = ?2 AND address = ?3")?
                .execute(params![id, school, address])?;
            if gone == 0 {
                return Ok(false);
            }
            happened(tables, (&share, &school), "passkey_removed", (Some(&rid), None), now)?;
            close(tables).map(|()| true)
        })
        .await
    }

    /// Takes all passkeys of a recipient away, for the sender of a share. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_passkeys_of(&self, rid: RidOctets, line: NewLine, now: i64) -> Result<usize, StoreError> {
        let (line, chain) = (self.prepare(line)?, self.chain());
        self.write(move |tables| {
            let (share, school, address): (String, String, Index) = of_link(tables, &rid)?;
            let gone =
                tables.execute("DELETE FROM passkey WHERE school = ?1 AND address = ?2", params![school, address])?;
            if gone > 0 {
                journal::append(tables, &chain, std::slice::from_ref(&line))?;
                happened(tables, (&share, &school), "passkeys_removed", (Some(&rid), None), now)?;
                close(tables)?;
            }
            Ok(gone)
        })
        .await
    }

    /// Takes all passkeys of an address at a school away. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_passkeys(&self, school: &str, address: Index) -> Result<usize, StoreError> {
        let school = school.to_owned();
        self.write(move |tables| {
            let gone =
                tables.execute("DELETE FROM passkey WHERE school = ?1 AND address = ?2", params![school, address])?;
            close(tables).map(|()| gone)
        })
        .await
    }
}

/// Share, school and address of a link.
fn of_link(tables: &Connection, rid: &RidOctets) -> rusqlite::Result<(String, String, Index)> {
    tables
        .prepare_cached("SELECT share, school, address FROM share_recipient WHERE rid = ?1")?
        .query_row([rid], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

/// Takes the passkeys of a contact's address away.
pub(in crate::store) fn remove_of_contact(tables: &Connection, id: &ContactId) -> rusqlite::Result<()> {
    let of: Option<(String, Index)> = tables
        .prepare_cached("SELECT school, address FROM contact WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((school, address)) = of else { return Ok(()) };
    tables.execute("DELETE FROM passkey WHERE school = ?1 AND address = ?2", params![school, address])?;
    close(tables)
}

/// What nobody has used for a year goes.
pub(super) fn purge(tables: &Connection, now: i64) -> rusqlite::Result<()> {
    let unused = "DELETE FROM passkey WHERE coalesce(used_at, made_at) <= ?1";
    if tables.execute(unused, [now.saturating_sub(UNUSED)])? > 0 {
        close(tables)?;
    }
    Ok(())
}

/// Whose last passkey has gone: from now on his code alone opens what waits for him.
pub(in crate::store) fn close(tables: &Connection) -> rusqlite::Result<()> {
    tables
        .execute(
            "UPDATE share_recipient SET passkey = NULL WHERE passkey IS NOT NULL AND NOT EXISTS (SELECT 1 FROM passkey p
             WHERE p.school = share_recipient.school AND p.address = share_recipient.address)",
            [],
        )
        .map(drop)
}

fn row(row: &Row<'_>) -> rusqlite::Result<(Passkey, Vec<u8>)> {
    let facts = Facts {
        address: String::new(),
        name: String::new(),
        user: [0; 16],
        credential: Vec::new(),
        key: Vec::new(),
        transports: 0,
    };
    let passkey = Passkey {
        id: row.get(0)?,
        host: row.get(1)?,
        made_at: row.get(2)?,
        used_at: row.get(3)?,
        state: row.get(4)?,
        facts,
    };
    Ok((passkey, row.get(5)?))
}

fn facts_label(id: &PasskeyId) -> String {
    format!("passkey.facts of {}", hex(id))
}
