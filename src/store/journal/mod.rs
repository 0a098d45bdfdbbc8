//! The journal's table: one line for each mail and each act, chained, so that a change shows.
//!
//! | file | what |
//! |---|---|
//! | `chain` | hashes and keyed seals: what makes a change, a removal, an insertion or another order show |
//! | [`verify`] | the whole chain, read again |
//! | [`find`] | lines by number, time, school, mail, address |
//! | [`erase`] | the end of a line's life |
//!
//! A line holds kinds, counts, classes, policy lines, sizes and times; addresses and Message-IDs are keyed hashes beside
//! one sealed column. Never content, a subject or a name. The writer of the store is one thread and every append reads
//! the head of the chain in its own transaction, so lines that go with owed mail and lines that are batched are one
//! chain. Whoever has the file but not the key cannot make a line, nor an erasure, that fits. Whoever puts an old copy of
//! the whole file back is found out by a head that was written down elsewhere ([`verify`]).

mod chain;
pub mod erase;
pub mod find;
pub mod verify;

use std::fmt;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, count};
use crate::seal::{Index, random};
pub(super) use chain::Chain;
use chain::{Head, Link};

/// What a line is about, which says how long it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// A mail that passed.
    Passed,
    /// A mail that did not, for some of its recipients, and what became of it.
    Incident,
    /// Somebody let a mail go that was stopped.
    Override,
    /// The gate itself: it started, it lost lines, it erased some.
    Gate,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Passed, Self::Incident, Self::Override, Self::Gate];

    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Incident => "incident",
            Self::Override => "override",
            Self::Gate => "gate",
        }
    }

    fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|sort| sort.word() == word).unwrap_or(Self::Gate)
    }
}

/// A line to be written.
#[derive(Debug, Clone)]
pub struct NewLine {
    /// When it happened, milliseconds.
    pub at: i64,
    /// The school; empty when it concerns the gate itself.
    pub school: String,
    /// What it is about.
    pub sort: Sort,
    /// The number by which reply, notice and desk know the mail.
    pub mail: Option<String>,
    /// JSON without content: what was decided, and on what.
    pub core: String,
    /// JSON without content that is erased earlier: how it came to that.
    pub trace: Option<String>,
    /// Whom it is about.
    pub people: People,
}

impl NewLine {
    /// A line about the gate itself; `core` is JSON.
    pub fn of_gate(at: i64, core: String) -> Self {
        Self { at, school: String::new(), sort: Sort::Gate, mail: None, core, trace: None, people: People::default() }
    }
}

/// Whom a line is about, and words of people. Sealed; the addresses are found by their hashes.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// The sender's address, or that of whoever did something, in lower case.
    pub sender: Option<String>,
    /// The recipients' addresses, in lower case.
    pub recipients: Vec<String>,
    /// The Message-ID.
    pub message_id: Option<String>,
    /// The reason that somebody gave.
    pub reason: String,
}

impl People {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Addresses and reasons are for those who may look.
impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("People(..)")
    }
}

type Salt = [u8; 16];

/// A line that only needs its number.
pub(super) struct Prepared {
    line: NewLine,
    message_id: Option<Index>,
    sealed: Option<Vec<u8>>,
    sealed_hash: Option<chain::Hash>,
    core_salt: Salt,
    trace_salt: Option<Salt>,
    /// Place and address.
    persons: Vec<(i64, Index)>,
}

impl Store {
    /// Writes lines, all or none of them, and waits for the disk. For a thread that may wait.
    ///
    /// # Errors
    /// [`StoreError`]; none was written then.
    pub fn journal_blocking(&self, lines: &[NewLine]) -> Result<(), StoreError> {
        let prepared: Vec<Prepared> = lines.iter().map(|line| self.prepare(line.clone())).collect::<Result<_, _>>()?;
        let chain = self.chain();
        self.0.database.write_blocking(move |tables| append(tables, &chain, &prepared))
    }

    /// Writes that a gate has started: behind which line, and whether the one before it was stopped or killed. Waits for
    /// the disk.
    ///
    /// # Errors
    /// [`StoreError`]; it was not written then.
    pub fn journal_start(&self, at: i64) -> Result<(), StoreError> {
        let (chain, store) = (self.chain(), self.clone());
        self.0.database.write_blocking(move |tables| {
            let core = serde_json::json!({
                "event": "start", "version": env!("CARGO_PKG_VERSION"), "after": last_number(tables)?.unwrap_or_default(),
                "stopped": was_stopped(tables)?,
            });
            let line = store.prepare(NewLine::of_gate(at, core.to_string()));
            append(tables, &chain, &[line.map_err(|_| rusqlite::Error::InvalidQuery)?])
        })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// [`StoreError`]; it was not written then.
    pub async fn journal(&self, line: NewLine) -> Result<(), StoreError> {
        let (prepared, chain) = ([self.prepare(line)?], self.chain());
        self.write(move |tables| append(tables, &chain, &prepared)).await
    }

    /// The number and chain value of the newest line: written down elsewhere, they prove later that nothing up to there
    /// was put back. None when a head is not there or not ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn journal_head(&self) -> Result<Option<(i64, String)>, StoreError> {
        let chain = self.chain();
        let head = self.read(move |tables| Head::read(tables, &chain)).await?;
        Ok(head.map(|head| (head.number, hex(&head.chain))))
    }

    /// The hash by which an address is found in the journal.
    pub fn person(&self, address: &str) -> Index {
        self.index("journal address", &[address.to_lowercase().as_bytes()])
    }

    /// Seals what is to be sealed, so that the transaction need not wait for it.
    pub(super) fn prepare(&self, line: NewLine) -> Result<Prepared, StoreError> {
        let salt = || random::<16>().map_err(|error| StoreError::Trouble(error.to_string()));
        let core_salt = salt()?;
        let trace_salt = line.trace.as_ref().map(|_| salt()).transpose()?;
        let sealed = if line.people.is_empty() { None } else { Some(self.seal_people(&core_salt, &line.people)?) };
        let (sealed, sealed_hash) = sealed.unzip();
        let places = line.people.sender.iter().map(|sender| (0, sender));
        let places = places.chain((1..).zip(&line.people.recipients));
        let persons = places.map(|(place, address)| (place, self.person(address))).collect();
        let message_id = line.people.message_id.as_ref().map(|id| self.message_index(id));
        Ok(Prepared { line, message_id, sealed, sealed_hash, core_salt, trace_salt, persons })
    }

    pub(super) fn chain(&self) -> Chain {
        self.0.chain.clone()
    }

    fn message_index(&self, id: &str) -> Index {
        self.index("journal message", &[id.trim_matches(['<', '>']).as_bytes()])
    }

    /// In JSON, so that a later version can read what an earlier one wrote.
    fn seal_people(&self, salt: &Salt, people: &People) -> Result<(Vec<u8>, chain::Hash), StoreError> {
        let plain = serde_json::to_vec(people).map_err(|error| StoreError::Trouble(error.to_string()))?;
        let sealed = self.0.keys.seal(&chain::people_label(salt), &plain);
        let sealed = sealed.ok_or_else(|| StoreError::Trouble("it could not be sealed".to_owned()))?;
        Ok((sealed, chain::people_hash(salt, &plain)))
    }

    fn unseal_people(&self, salt: &[u8], sealed: &[u8]) -> Result<People, StoreError> {
        let plain = self.0.keys.open(&chain::people_label(salt), sealed).ok_or(StoreError::Sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Sealed)
    }
}

/// Begins a chain: from now on there is a head, and one that is missing was taken away.
pub(super) fn begin(tables: &Connection, chain: &Chain) -> rusqlite::Result<()> {
    Head::default().write(tables, chain)
}

/// Appends lines behind the newest one, in the transaction of whoever calls.
pub(super) fn append(tables: &Connection, chain: &Chain, lines: &[Prepared]) -> rusqlite::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut head = match Head::read(tables, chain)? {
        Some(head) => head,
        // Somebody took the head away, or there is an old one: the mail goes on, and the line says so for good.
        None => {
            let last = last(tables)?;
            let mut lost = NewLine::of_gate(0, r#"{"event":"head_lost"}"#.to_owned());
            lost.at = lines.first().map_or(0, |first| first.line.at);
            let salt = random::<16>().unwrap_or_default();
            let lost = Prepared {
                line: lost,
                message_id: None,
                sealed: None,
                sealed_hash: None,
                core_salt: salt,
                trace_salt: None,
                persons: Vec::new(),
            };
            insert(tables, chain, last, &lost)?
        }
    };
    // A line that somebody put behind the newest one keeps its number, and never fits.
    if let Some(last) = last_number(tables)?.filter(|last| *last > head.number) {
        head.number = last;
    }
    for line in lines {
        head = insert(tables, chain, head, line)?;
    }
    head.write(tables, chain)
}

/// As [`append`], but what cannot be appended is told and left out: for what has happened already, and would happen again
/// if it could not be written down.
pub(super) fn append_if_it_can_be(tables: &Connection, chain: &Chain, lines: &[Prepared]) -> rusqlite::Result<()> {
    tables.prepare_cached("SAVEPOINT line")?.execute([])?;
    if let Err(error) = append(tables, chain, lines) {
        tracing::error!(%error, lines = lines.len(), "lines of the journal are lost");
        tables.execute_batch("ROLLBACK TO line")?;
    }
    tables.prepare_cached("RELEASE line")?.execute([]).map(|_| ())
}

fn insert(tables: &Connection, chain: &Chain, before: Head, new: &Prepared) -> rusqlite::Result<Head> {
    let number = before.number.saturating_add(1);
    let line = &new.line;
    let link = Link {
        number,
        core: chain::core_hash(&chain::Core {
            number,
            school: &line.school,
            at: line.at,
            sort: line.sort.word(),
            mail: line.mail.as_deref(),
            message_id: new.message_id.as_ref().map(Index::as_slice),
            core: &line.core,
            people: new.sealed_hash.as_ref().map(chain::Hash::as_slice),
            salt: &new.core_salt,
            persons: &new.persons,
        }),
        trace: chain::trace_hash(number, line.trace.as_deref(), new.trace_salt.as_ref().map(Salt::as_slice)),
    };
    let value = chain.link(&before.chain, &link);
    tables
        .prepare_cached(
            "INSERT INTO journal (number, first, school, at, sort, mail, message_id, core, people, people_hash,
             core_salt, trace, trace_salt, core_hash, trace_hash, chain)
             VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            number,
            line.school,
            line.at,
            line.sort.word(),
            line.mail,
            new.message_id,
            line.core,
            new.sealed,
            new.sealed_hash,
            new.core_salt,
            line.trace,
            new.trace_salt,
            link.core,
            link.trace,
            value,
        ])?;
    // What somebody left there of a line that was taken out must not stop the mail; it shows in `verify`.
    let mut person = tables.prepare_cached(
        "INSERT INTO journal_person (number, place, school, address) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (number, place) DO UPDATE SET school = excluded.school, address = excluded.address",
    )?;
    for (place, address) in &new.persons {
        person.execute(params![number, place, line.school, address])?;
    }
    Ok(Head { number, chain: value })
}

/// The newest row, for want of a head.
fn last(tables: &Connection) -> rusqlite::Result<Head> {
    let row = tables
        .prepare_cached("SELECT number, chain FROM journal ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok(Head { number: row.get(0)?, chain: row.get(1)? }))
        .optional()?;
    Ok(row.unwrap_or_default())
}

/// Whether the last gate that started was stopped and had written all its lines.
fn was_stopped(tables: &Connection) -> rusqlite::Result<bool> {
    const LAST: &str = "SELECT core FROM journal WHERE sort = 'gate' AND (core LIKE '%\"event\":\"start\"%'
         OR core LIKE '%\"event\":\"stop\"%') ORDER BY number DESC LIMIT 1";
    let last: Option<String> = tables.prepare_cached(LAST)?.query_row([], |row| row.get(0)).optional()?;
    Ok(last.is_none_or(|core| core.contains("\"event\":\"stop\"")))
}

fn last_number(tables: &Connection) -> rusqlite::Result<Option<i64>> {
    tables.prepare_cached("SELECT max(number) FROM journal")?.query_row([], |row| row.get(0))
}

/// Octets as people copy them.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// How many rows a statement counts.
fn counted(tables: &Connection, statement: &str, values: impl rusqlite::Params) -> rusqlite::Result<usize> {
    let number: i64 = tables.prepare_cached(statement)?.query_row(values, |row| row.get(0))?;
    Ok(usize::try_from(number).unwrap_or_default())
}

#[cfg(test)]
mod tests;
