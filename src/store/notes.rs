//! What people are told later, several things in one mail. A note goes when it is written into a mail that is owed, in the
//! same commit: told once, and never dropped.

use std::fmt;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::journal::hex;
use super::owed::{self, NewOwed};
use super::{Store, StoreError, count, insert_item};
use crate::kill::Point;
use crate::seal::random;
use crate::vault::Item;

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// Mail that passed and should be sent in another way next time.
    Advice,
    /// Mail that was stopped, while its sender had been told of others.
    Notice,
    /// Mail of a program that was refused to it; its owner reads this.
    Program,
}

impl NoteKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Advice, Self::Notice, Self::Program];

    fn word(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Notice => "notice",
            Self::Program => "program",
        }
    }

    fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or(Self::Notice)
    }
}

/// A note to be written.
#[derive(Debug, Clone)]
pub struct NewNote {
    /// What it is about.
    pub kind: NoteKind,
    /// When its reader is told, milliseconds.
    pub due_at: i64,
    /// Who is told what.
    pub facts: NoteFacts,
}

/// Who is told what. Sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct NoteFacts {
    /// The reader's address.
    pub reader: String,
    /// One mail, in one paragraph: Dutch and English.
    pub said: [String; 2],
}

/// Addresses and what was found are for the reader.
impl fmt::Debug for NoteFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteFacts(..)")
    }
}

/// The notes of one kind for one reader, of which at least one is due.
#[derive(Debug)]
pub struct Notes {
    /// Their school.
    pub school: String,
    /// What they are about.
    pub kind: NoteKind,
    /// The reader's address.
    pub reader: String,
    /// What is told, oldest first.
    pub said: Vec<[String; 2]>,
    ids: Vec<i64>,
}

/// More than this are told in a second mail.
const MOST: usize = 100;

/// A note whose facts are sealed.
pub(super) struct Sealed {
    kind: NoteKind,
    reader: crate::seal::Index,
    due_at: i64,
    salt: [u8; 16],
    facts: Vec<u8>,
}

impl Store {
    /// Writes a note. On the disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`]; it was not written then.
    pub async fn note(&self, school: &str, note: NewNote, now: i64) -> Result<(), StoreError> {
        let (sealed, school) = (self.seal_note(&note)?, school.to_owned());
        self.write(move |tables| insert(tables, &school, &sealed, now)).await
    }

    /// The notes of some reader to whom one is due; none when nobody has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_notes(&self, now: i64) -> Result<Option<Notes>, StoreError> {
        type Row = (i64, String, String, Vec<u8>, Vec<u8>);
        let rows: Vec<Row> = self
            .read(move |tables| {
                let mut list = tables.prepare_cached(
                    "SELECT n.id, n.school, n.kind, n.salt, n.facts FROM note n
                     JOIN (SELECT school, kind, reader FROM note WHERE due_at <= ?1 ORDER BY due_at LIMIT 1) first
                     ON n.school = first.school AND n.kind = first.kind AND n.reader = first.reader
                     ORDER BY n.id LIMIT ?2",
                )?;
                let rows = list.query_map(params![now, count(MOST)], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })?;
                rows.collect()
            })
            .await?;
        let Some((_, school, kind, ..)) = rows.first() else { return Ok(None) };
        let (school, kind) = (school.clone(), NoteKind::from_word(kind));
        let mut notes = Notes { school, kind, reader: String::new(), said: Vec::new(), ids: Vec::new() };
        for (id, _, _, salt, sealed) in rows {
            notes.ids.push(id);
            // One that does not open is nobody's any more, and must not keep the others waiting.
            match self.unseal::<NoteFacts>(&label(&salt), &sealed) {
                Ok(facts) => {
                    notes.reader = facts.reader;
                    notes.said.push(facts.said);
                }
                Err(error) => tracing::error!(note = id, %error, "a note cannot be opened; it is dropped"),
            }
        }
        Ok(Some(notes))
    }

    /// These notes are in a mail that is owed from now on; or, without one, nobody is there to be told any more.
    ///
    /// # Errors
    /// [`StoreError`]; they are still to be told then.
    pub async fn told_notes(&self, notes: Notes, owed: Option<(Item, NewOwed)>, now: i64) -> Result<(), StoreError> {
        let owed = match owed {
            Some((item, new)) => Some((self.seal_envelope(&new)?, item, new)),
            None => None,
        };
        self.write(move |tables| {
            for id in &notes.ids {
                tables.prepare_cached("DELETE FROM note WHERE id = ?1")?.execute([id])?;
            }
            if let Some((envelope, item, new)) = &owed {
                insert_item(tables, &notes.school, item)?;
                owed::insert(tables, &notes.school, None, new, envelope, now)?;
            }
            Point::ToldRows.reached();
            Ok(())
        })
        .await
    }

    pub(super) fn seal_note(&self, note: &NewNote) -> Result<Sealed, StoreError> {
        let salt = random::<16>().map_err(|error| StoreError::Trouble(error.to_string()))?;
        Ok(Sealed {
            kind: note.kind,
            reader: self.index("address", &[note.facts.reader.to_lowercase().as_bytes()]),
            due_at: note.due_at,
            salt,
            facts: self.seal(&label(&salt), &note.facts)?,
        })
    }
}

fn label(salt: &[u8]) -> String {
    format!("note.facts of {}", hex(salt))
}

pub(super) fn insert(tables: &Connection, school: &str, note: &Sealed, now: i64) -> rusqlite::Result<()> {
    tables
        .prepare_cached(
            "INSERT INTO note (school, kind, reader, made_at, due_at, salt, facts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![school, note.kind.word(), note.reader, now, note.due_at, note.salt, note.facts])?;
    Ok(())
}
