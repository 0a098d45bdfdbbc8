//! The whole chain, read again: the first line that does not fit, and what there is to know of gaps.
//!
//! Read in one transaction, so that a purge or a mail in the middle of it does not look like tampering.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::chain::{self, Chain, Hash, Head, Link};
use super::{Store, StoreError, hex};
use crate::seal::Index;

/// What reading the chain came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Lines that are whole.
    pub lines: u64,
    /// Lines whose life has ended, and that left their hashes.
    pub erased: u64,
    /// Starts behind which up to a second of lines about passed mail may be lost: there was no stop before them.
    pub restarts: Vec<i64>,
    /// Lines that could not be written, as the journal itself says.
    pub lost: u64,
    /// The number of the newest line.
    pub last: i64,
    /// The chain value of the newest line.
    pub head: String,
    /// The first thing that is wrong; nothing behind it was looked at.
    pub wrong: Option<Wrong>,
}

/// Something that is wrong with the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The number of the line.
    pub line: i64,
    /// What.
    pub what: What,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It says something else than was written.
    Changed,
    /// It is not there.
    Missing,
    /// It was not written by us, or not in this place.
    Foreign,
    /// It, or its trace, was emptied, and not by us.
    Emptied,
    /// It and what may have followed it were taken away, and mail went on after that.
    CutOff,
    /// It is not the one whose head was written down elsewhere.
    OtherHead,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "it says something else than was written",
            Self::Missing => "it is missing",
            Self::Foreign => "it was not written by this gate, or not in this place",
            Self::Emptied => "it was emptied, and not by a purge",
            Self::CutOff => "the end of the chain was taken away before it",
            Self::OtherHead => "it is another line than the one whose head was written down",
        })
    }
}

impl Store {
    /// Reads the whole chain again. `known` is a head that was written down before: the number of a line and its chain
    /// value.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn verify_journal(&self, known: Option<(i64, String)>) -> Result<Verified, StoreError> {
        let chain = self.chain();
        self.read(move |tables| {
            let one = tables.unchecked_transaction()?;
            let verified = verify(&one, &chain, known.as_ref());
            one.finish()?;
            verified
        })
        .await
    }
}

fn verify(tables: &Connection, chain: &Chain, known: Option<&(i64, String)>) -> rusqlite::Result<Verified> {
    let mut verified = Verified::default();
    let mut head = Head::default();
    let statement = format!("SELECT {COLUMNS} FROM journal ORDER BY number");
    let mut list = tables.prepare(&statement)?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let line = Line::from_row(row)?;
        let followed = line.follow(tables, chain, &head)?;
        let followed = followed.and_then(|next| line.tell(&mut verified).map(|()| next));
        match followed.and_then(|next| as_known(&next, known).map(|()| next)) {
            Ok(next) => head = next,
            Err(wrong) => {
                verified.wrong = Some(wrong);
                return Ok(verified);
            }
        }
        (verified.last, verified.head) = (head.number, hex(&head.chain));
    }
    verified.wrong = end(tables, chain, &head)?;
    if verified.wrong.is_none()
        && let Some((number, _)) = known.filter(|(number, _)| *number > head.number)
    {
        verified.wrong = Some(Wrong { line: *number, what: What::Missing });
    }
    Ok(verified)
}

/// Whether the head of the tables is the newest line.
fn end(tables: &Connection, chain: &Chain, newest: &Head) -> rusqlite::Result<Option<Wrong>> {
    Ok(match Head::read(tables, chain)? {
        Some(head) if head == *newest => None,
        Some(head) if head.number > newest.number => Some(Wrong { line: newest.number + 1, what: What::Missing }),
        _ => Some(Wrong { line: newest.number, what: What::CutOff }),
    })
}

fn as_known(head: &Head, known: Option<&(i64, String)>) -> Result<(), Wrong> {
    match known {
        Some((number, value)) if *number == head.number && !value.eq_ignore_ascii_case(&hex(&head.chain)) => {
            Err(Wrong { line: head.number, what: What::OtherHead })
        }
        _ => Ok(()),
    }
}

pub(super) const COLUMNS: &str = "number, first, school, at, sort, mail, message_id, core, people, people_hash,
     core_salt, trace, trace_salt, core_hash, trace_hash, chain, trace_seal, erased_at, erased_by, erased_seal";

/// A row as it stands in the table, whoever wrote it.
pub(super) struct Line {
    pub number: i64,
    first: i64,
    school: String,
    at: Option<i64>,
    sort: Option<String>,
    mail: Option<String>,
    message_id: Option<Vec<u8>>,
    core: Option<String>,
    people: Option<Vec<u8>>,
    people_hash: Option<Vec<u8>>,
    core_salt: Option<Vec<u8>>,
    trace: Option<String>,
    trace_salt: Option<Vec<u8>>,
    pub core_hash: Option<Vec<u8>>,
    pub trace_hash: Option<Vec<u8>>,
    chain: Vec<u8>,
    trace_seal: Option<Vec<u8>>,
    pub erased_at: Option<i64>,
    erased_by: Option<String>,
    erased_seal: Option<Vec<u8>>,
}

impl Line {
    pub fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            first: row.get(1)?,
            school: row.get(2)?,
            at: row.get(3)?,
            sort: row.get(4)?,
            mail: row.get(5)?,
            message_id: row.get(6)?,
            core: row.get(7)?,
            people: row.get(8)?,
            people_hash: row.get(9)?,
            core_salt: row.get(10)?,
            trace: row.get(11)?,
            trace_salt: row.get(12)?,
            core_hash: row.get(13)?,
            trace_hash: row.get(14)?,
            chain: row.get(15)?,
            trace_seal: row.get(16)?,
            erased_at: row.get(17)?,
            erased_by: row.get(18)?,
            erased_seal: row.get(19)?,
        })
    }

    /// The first line that this row stands for.
    pub fn first(&self) -> i64 {
        self.first
    }

    /// The head after this row, when it follows from the one before.
    pub fn follow(&self, tables: &Connection, chain: &Chain, before: &Head) -> rusqlite::Result<Result<Head, Wrong>> {
        let wrong = |line, what| Ok(Err(Wrong { line, what }));
        if self.first > before.number + 1 {
            return wrong(before.number + 1, What::Missing);
        }
        let Ok(value) = Index::try_from(self.chain.as_slice()) else { return wrong(self.number, What::Changed) };
        let head = Head { number: self.number, chain: value };
        if self.first <= before.number || self.first > self.number {
            return wrong(self.number, What::Foreign);
        }
        if self.first < self.number {
            let is_ours =
                self.is_empty() && self.erased_seal.as_deref() == Some(&chain.run(self.first, &before.chain, &head));
            return if is_ours { Ok(Ok(head)) } else { wrong(self.number, What::Emptied) };
        }
        let hashes = (self.core_hash.as_deref().map(Hash::try_from), self.trace_hash.as_deref().map(Hash::try_from));
        let (Some(Ok(core)), Some(Ok(trace))) = hashes else { return wrong(self.number, What::Changed) };
        if chain.link(&before.chain, &Link { number: self.number, core, trace }) != value {
            return wrong(self.number, if self.is_whole(tables, chain)? { What::Foreign } else { What::Changed });
        }
        if self.is_erased() {
            let is_ours =
                self.is_empty() && self.erasure(chain).is_some_and(|seal| self.erased_seal.as_deref() == Some(&seal));
            return if is_ours { Ok(Ok(head)) } else { wrong(self.number, What::Emptied) };
        }
        if self.trace.is_none()
            && self.trace_seal.as_deref().is_some_and(|seal| seal != chain.trace_erased(self.number, &trace))
        {
            return wrong(self.number, What::Emptied);
        }
        if self.is_whole(tables, chain)? { Ok(Ok(head)) } else { wrong(self.number, What::Changed) }
    }

    /// Whether line and trace are what their hashes say.
    pub fn is_whole(&self, tables: &Connection, chain: &Chain) -> rusqlite::Result<bool> {
        let persons = if self.is_erased() { Vec::new() } else { persons(tables, self.number)? };
        let core = match (&self.core, self.at, &self.sort, &self.core_salt) {
            (Some(core), Some(at), Some(sort), Some(salt)) => Some(chain::core_hash(&chain::Core {
                number: self.number,
                school: &self.school,
                at,
                sort,
                mail: self.mail.as_deref(),
                message_id: self.message_id.as_deref(),
                core,
                people: self.people_hash.as_deref(),
                salt,
                persons: &persons,
            })),
            _ => None,
        };
        let trace = chain::trace_hash(self.number, self.trace.as_deref(), self.trace_salt.as_deref());
        let trace_fits =
            self.trace_hash.as_deref() == Some(&trace) || self.trace.is_none() && self.trace_seal.is_some();
        let salt = self.core_salt.as_deref().unwrap_or_default();
        let people_fit = chain.is_sealed(salt, self.people.as_deref(), self.people_hash.as_deref());
        Ok(core.is_some_and(|core| self.core_hash.as_deref() == Some(&core)) && trace_fits && people_fit)
    }

    /// The seal of its erasure.
    pub fn erasure(&self, chain: &Chain) -> Option<Index> {
        let hashes = [self.core_hash.as_deref()?, self.trace_hash.as_deref()?].concat();
        Some(chain.erased(self.number, &hashes, self.erased_at?, self.erased_by.as_deref()?))
    }

    fn is_erased(&self) -> bool {
        self.core.is_none()
    }

    /// Nothing may be left in an erased line, or be put there.
    fn is_empty(&self) -> bool {
        self.core.is_none() && self.trace.is_none() && self.people.is_none() && self.mail.is_none() && self.at.is_none()
    }

    /// Counts it, and believes what it says of gaps.
    fn tell(&self, verified: &mut Verified) -> Result<(), Wrong> {
        #[derive(Deserialize)]
        struct Event {
            event: String,
            #[serde(default)]
            stopped: bool,
            #[serde(default)]
            lost: u64,
        }
        let Some(core) = &self.core else {
            verified.erased += u64::try_from(self.number - self.first + 1).unwrap_or_default();
            return Ok(());
        };
        verified.lines += 1;
        if self.sort.as_deref() != Some("gate") {
            return Ok(());
        }
        let Ok(said) = serde_json::from_str::<Event>(core) else { return Ok(()) };
        match said.event.as_str() {
            "start" if !said.stopped => verified.restarts.push(self.number),
            "lost" => verified.lost += said.lost,
            "head_lost" => return Err(Wrong { line: self.number, what: What::CutOff }),
            _ => {}
        }
        Ok(())
    }
}

fn persons(tables: &Connection, number: i64) -> rusqlite::Result<Vec<(i64, Index)>> {
    let mut list =
        tables.prepare_cached("SELECT place, address FROM journal_person WHERE number = ?1 ORDER BY place")?;
    let rows = list.query_map(params![number], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let by_place: BTreeMap<i64, Vec<u8>> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(by_place.into_iter().map(|(place, address)| (place, Index::try_from(address).unwrap_or_default())).collect())
}
