//! The store: the tables of what we keep and owe, behind one interface.
//!
//! | file | tables |
//! |---|---|
//! | [`aged`] | rows that end by their age alone |
//! | [`contacts`] | whom the school reaches by another way than mail: numbers and fixed codes |
//! | [`desk`] | who may use the teacher's desk: codes, sessions, and what somebody else was asked |
//! | [`held`] | mail that was stopped, its recipients, and what was done to it |
//! | [`journal`] | what was done with each mail, without content, chained |
//! | [`notes`] | what people are told later, several things in one mail |
//! | [`owed`] | mail that we owe to a next hop: claimed with a lease, retried, given up |
//! | [`person`] | no table: what all of them hold about one person |
//! | `policies` | what domains say of their mail servers (MTA-STS), for as long as it holds |
//! | [`share`] | secure shares: items, recipients, grants, sessions |
//! | [`tls`] | how mail fared that must travel under proven TLS |
//! | [`week`] | who was sent the list of a week |
//! | `sqlite` | the file itself: one writer with group commit, some readers |
//!
//! Every row has its school. A write has reached the disk when its future is done; one that failed left nothing. Sealed
//! columns hold what only this installation may read; hashes are keyed. Fails as [`StoreError`], which is trouble of ours: a
//! 4xx to whoever waits.
//!
//! SQLite is the only backend. Nobody outside this folder sees that: what is public speaks of mails and recipients, takes
//! and gives plain values, and its tests ask nothing of SQLite. The statements keep to what SQLite and PostgreSQL have in
//! common (a test holds that): keys and times made here, `ON CONFLICT`, `RETURNING`, no function or row number of SQLite's
//! own. What is SQLite's alone is in `sqlite` and the `schema*.sql`. A second backend would take: the schema in its words
//! (identity columns, `bytea`, no STRICT or WITHOUT ROWID), a driver in the place of rusqlite, which every file here names,
//! with `?1` read as `$1` and its numbers and truth values as 64 bits; writers in the place of the one of `sqlite`, whose
//! claims then need `FOR UPDATE SKIP LOCKED` and whose journal needs a lock on its head; and other words for backup.

pub mod aged;
pub mod contacts;
pub mod desk;
pub mod held;
pub mod journal;
pub mod notes;
pub mod owed;
pub mod person;
mod policies;
pub mod share;
mod sqlite;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod tls_finding;
pub mod week;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kill::Point;
use crate::problem::Problem;
use crate::seal::{Index, IndexKey, SealKey};
use crate::vault::Item;
use sqlite::{Database, Sync};

/// The tables of an installation. Clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Database,
    keys: Arc<SealKey>,
    index: IndexKey,
    chain: journal::Chain,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.database).finish()
    }
}

/// Why something could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The disk is full.
    Full,
    /// Another process holds the file.
    Busy,
    /// The store is closing down.
    Closed,
    /// The file cannot be written or read: a read-only or broken disk, mostly. The text holds no value of a row.
    File(String),
    /// A sealed column does not open: damaged, or sealed with a key that was dropped.
    Sealed,
    /// Something else; the text holds no value of a row.
    Trouble(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the disk of the store is full"),
            Self::Busy => f.write_str("the store is locked by another process"),
            Self::Closed => f.write_str("the store is closing down"),
            Self::File(error) => write!(f, "the file of the store cannot be used: {error}"),
            Self::Sealed => f.write_str("a sealed column does not open: it is damaged, or its key was dropped"),
            Self::Trouble(error) => write!(f, "the store cannot be used: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// Whether it is about the file as a whole, so that everybody else's write fails as well.
    fn is_of_file(&self) -> bool {
        matches!(self, Self::Full | Self::Busy | Self::File(_))
    }
}

impl Store {
    /// The store below a data folder, which exists; the file is made when there is none, and brought up to date.
    ///
    /// # Errors
    /// A [`Problem`] when the file cannot be used, or belongs to another key.
    pub fn open(data_dir: &Path, keys: Arc<SealKey>) -> Result<Self, Problem> {
        let path = data_dir.join(FILE);
        let unusable = |error: StoreError| {
            Problem::new(
                &path,
                error.to_string(),
                "check space, owner and rights of `data_dir`, and that its key is there",
            )
        };
        let database = Database::open(&path).map_err(unusable)?;
        own(&path).map_err(|error| unusable(StoreError::Trouble(error.to_string())))?;
        let (index, chain) = kept_keys(&path, &keys).map_err(unusable)?;
        Ok(Self(Arc::new(Inner { database, keys, index, chain })))
    }

    /// What is wrong with the file; none when the last write that met it succeeded.
    pub fn trouble(&self) -> Option<StoreError> {
        self.0.database.trouble()
    }

    /// Writes something, to see whether anything can be written; with trouble known, as much as a mail needs.
    ///
    /// # Errors
    /// [`StoreError`]: a mail could not be taken.
    pub async fn try_writing(&self) -> Result<(), StoreError> {
        if self.trouble().is_none() {
            return self.write(|tables| tables.execute("UPDATE journal_head SET value = value", []).map(|_| ())).await;
        }
        self.write(|tables| {
            let piece = "INSERT INTO item (id, school, size, sealed) VALUES ('piece', '', ?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET size = excluded.size, sealed = excluded.sealed";
            tables.execute(piece, params![count(PIECE), vec![0_u8; PIECE]]).map(|_| ())
        })
        .await?;
        self.write(|tables| tables.execute("DELETE FROM item WHERE id = 'piece'", []).map(|_| ())).await?;
        self.0.database.has_room();
        Ok(())
    }

    /// The hash by which an address is found again.
    pub fn index(&self, label: &str, values: &[&[u8]]) -> Index {
        self.0.index.of(label, values)
    }

    /// The ids of all items that are files, as far as any row knows them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn items_in_files(&self) -> Result<Vec<String>, StoreError> {
        self.read(|tables| column(tables, "SELECT id FROM item WHERE sealed IS NULL", [])).await
    }

    /// Forgets the items that no row needs any more; gives the ids of those that are files.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_unused_items(&self) -> Result<Vec<String>, StoreError> {
        self.write_later(|tables| {
            let statement = format!("DELETE FROM item WHERE {UNUSED} RETURNING CASE WHEN sealed IS NULL THEN id END");
            column(tables, &statement, []).map(|ids: Vec<Option<String>>| ids.into_iter().flatten().collect())
        })
        .await
    }

    /// How many items that are files no row needs any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unused_files(&self) -> Result<usize, StoreError> {
        let unused = format!("SELECT count(*) FROM item WHERE sealed IS NULL AND {UNUSED}");
        let number: i64 = self.read(move |tables| tables.query_row(&unused, [], |row| row.get(0))).await?;
        Ok(usize::try_from(number).unwrap_or_default())
    }

    /// Brings the log of the tables into their file and empties it, so that nothing that was erased is left in it. While
    /// somebody reads, as much of it as can be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.read(|tables| tables.query_row(sqlite::CHECKPOINT, [], |_| Ok(()))).await
    }

    /// Copies the tables, as they are at one moment, into a file that is not there yet. Nobody waits for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn copy_to(&self, file: PathBuf) -> Result<(), StoreError> {
        let name = file.to_string_lossy().into_owned();
        self.read(move |tables| tables.execute(sqlite::COPY, [name]).map(drop)).await?;
        let synced = own(&file).and_then(|()| std::fs::File::open(&file)?.sync_all());
        synced.map_err(|error| StoreError::File(error.to_string()))
    }

    /// What an item's row holds of it: its sealed octets when it is small. None when there is no such item.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn item(&self, id: &str) -> Result<Option<Option<Vec<u8>>>, StoreError> {
        let id = id.to_owned();
        self.read(move |tables| {
            tables.prepare_cached("SELECT sealed FROM item WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
        })
        .await
    }

    /// Seals every sealed column anew with the key that seals now, in one commit. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`]; everything is as it was then.
    pub async fn seal_anew(&self) -> Result<usize, StoreError> {
        let keys = Arc::clone(&self.0.keys);
        let done = self.write(move |tables| {
            let mut anew = 0;
            for sealed in SEALED {
                anew += sealed.anew(tables, &keys)?;
            }
            Point::RowsSealedAnew.reached();
            Ok(anew)
        });
        // The one thing that is invalid here is a column that does not open.
        let sealed = StoreError::from(rusqlite::Error::InvalidQuery);
        done.await.map_err(|error| if error == sealed { StoreError::Sealed } else { error })
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.database.write(work).await
    }

    /// As [`Store::write`], for what is done again when a power cut undoes it.
    async fn write_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.database.write_with(Sync::Later, work).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.database.read(work).await
    }

    /// Seals a column. `label` says which, and of which row.
    fn seal<T: Serialize>(&self, label: &str, value: &T) -> Result<Vec<u8>, StoreError> {
        let plain = postcard::to_allocvec(value).map_err(|error| StoreError::Trouble(error.to_string()))?;
        self.0.keys.seal(label, &plain).ok_or_else(|| StoreError::Trouble("it could not be sealed".to_owned()))
    }

    fn unseal<T: DeserializeOwned>(&self, label: &str, sealed: &[u8]) -> Result<T, StoreError> {
        let plain = self.0.keys.open(label, sealed).ok_or(StoreError::Sealed)?;
        postcard::from_bytes(&plain).map_err(|_| StoreError::Sealed)
    }
}

/// The name of the file of the tables, below the data folder.
pub const FILE: &str = "mailpoort.db";

/// What is written to see whether a mail can be: twice as much as the largest item that is a row, octets.
const PIECE: usize = 256 * 1024;

/// Items that no row needs any more.
const UNUSED: &str = "NOT EXISTS (SELECT 1 FROM held WHERE held.item = item.id)
     AND NOT EXISTS (SELECT 1 FROM owed WHERE owed.item = item.id)";

/// A sealed column: its table and name, the key of a row, the words of its label, and the column that says of which row.
struct SealedColumn(&'static str, &'static str, &'static str, &'static str, &'static str);

impl SealedColumn {
    /// Seals it anew in all rows. Gives how many.
    fn anew(&self, tables: &Connection, keys: &SealKey) -> rusqlite::Result<usize> {
        let Self(table, column, key, words, row_of) = self;
        let list = format!("SELECT {key}, {row_of}, {column} FROM {table} WHERE {column} IS NOT NULL");
        let change = format!("UPDATE {table} SET {column} = ?2 WHERE {key} = ?1");
        let (mut list, mut anew) = (tables.prepare(&list)?, 0);
        let mut rows = list.query([])?;
        while let Some(row) = rows.next()? {
            let (id, of, sealed): (Value, Value, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let label = match of {
                Value::Text(of) => format!("{words}{of}"),
                Value::Blob(of) => format!("{words}{}", share::hex(&of)),
                Value::Integer(of) => format!("{words}{of}"),
                Value::Null | Value::Real(_) => return Err(rusqlite::Error::InvalidQuery),
            };
            let again = keys.open(&label, &sealed).and_then(|plain| keys.seal(&label, &plain));
            let again = again.ok_or(rusqlite::Error::InvalidQuery)?;
            anew += tables.execute(&change, params![id, again])?;
        }
        Ok(anew)
    }
}

/// Every sealed column.
const SEALED: [SealedColumn; 21] = [
    SealedColumn("contact", "facts", "id", "contact.facts of ", "id"),
    SealedColumn("contact", "code", "id", "contact.code of ", "id"),
    SealedColumn("meta", "value", "name", "meta ", "name"),
    SealedColumn("item", "sealed", "id", "vault item ", "id"),
    SealedColumn("held", "facts", "id", "held.facts of ", "id"),
    SealedColumn("act", "facts", "id", "act.facts of ", "held"),
    SealedColumn("note", "facts", "id", "note.facts of ", "salt"),
    SealedColumn("owed", "envelope", "id", "owed.envelope of ", "item"),
    SealedColumn("desk_session", "who", "id", "desk_session.who of ", "id"),
    SealedColumn("desk_week", "who", "link", "desk_week.who of ", "link"),
    SealedColumn("desk_request", "facts", "link", "desk_request.facts of ", "link"),
    SealedColumn("share", "facts", "id", "share.facts of ", "id"),
    SealedColumn("share_item", "facts", "id", "share_item.facts of ", "id"),
    SealedColumn("share_recipient", "facts", "rid", "share_recipient.facts of ", "rid"),
    SealedColumn("share_recipient", "code", "rid", "share_recipient.code of ", "rid"),
    SealedColumn("share_recipient", "passkey", "rid", "share_recipient.passkey of ", "rid"),
    SealedColumn("passkey", "facts", "id", "passkey.facts of ", "id"),
    SealedColumn("tls_finding", "facts", "id", "tls_finding.facts of ", "salt"),
    SealedColumn("tls_delivery", "facts", "id", "tls_delivery.facts of ", "at"),
    SealedColumn("tls_policy", "sealed", "domain", "tls_policy.sealed of ", "domain"),
    SealedColumn("journal", "people", "number", "journal.people of ", "core_salt"),
];

/// Now, as the tables have it: milliseconds since 1970, UTC.
pub fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Names in mail and hashes of people are in there: nobody else reads the file.
fn own(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

/// The keys that never change, of the hashes and of the journal's chain, which begins with its key.
fn kept_keys(path: &Path, keys: &Arc<SealKey>) -> Result<(IndexKey, journal::Chain), StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let one = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (index, _) = kept_key(&one, keys, "index key")?;
    let (chain, is_new) = kept_key(&one, keys, "journal chain key")?;
    let chain = journal::Chain::new(chain, Arc::clone(keys));
    if is_new {
        journal::begin(&one, &chain)?;
    }
    one.commit()?;
    Ok((index, chain))
}

/// A key that is made once, and kept sealed in the store itself, so that a backup of store and key file is whole; and
/// whether it was made now.
fn kept_key(tables: &Connection, keys: &SealKey, name: &str) -> Result<(IndexKey, bool), StoreError> {
    let label = format!("meta {name}");
    let chance = || StoreError::Trouble("there is no chance to be had".to_owned());
    let new = IndexKey::octets().and_then(|octets| keys.seal(&label, &octets)).ok_or_else(chance)?;
    let made =
        tables.execute("INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![name, new])?;
    let sealed: Vec<u8> = tables.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))?;
    let key = keys.open(&label, &sealed).map(|octets| IndexKey::new(&octets)).ok_or(StoreError::Sealed)?;
    Ok((key, made > 0))
}

/// The row of an item goes in with the row that needs it.
fn insert_item(tables: &Connection, school: &str, item: &Item) -> rusqlite::Result<()> {
    tables.prepare_cached("INSERT INTO item (id, school, size, sealed) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        item.id,
        school,
        count(item.size),
        item.sealed
    ])?;
    Ok(())
}

fn column<T: rusqlite::types::FromSql>(
    tables: &Connection,
    statement: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<T>> {
    tables.prepare_cached(statement)?.query_map(values, |row| row.get(0))?.collect()
}

/// A count as the tables have it.
fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
