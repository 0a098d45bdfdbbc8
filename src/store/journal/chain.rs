//! The chain: a hash of each line, and a keyed value that binds it to all lines before it.
//!
//! `hash = SHA-256(salt, number, every column)` for a line and for its trace; `chain = HMAC(key, chain before, number,
//! both hashes)`. The salt goes with the line, so that the hash of an erased one cannot be guessed back. Erasures and the
//! head have keyed seals of their own: an erasure that is not ours, and lines missing at the end, show.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::{Connection, OptionalExtension, params};

use super::hex;
use crate::seal::{Index, IndexKey, SealKey};

/// The hash of a line or of a trace.
pub type Hash = [u8; 32];

/// The key of the chain, and those of what is sealed in it.
#[derive(Clone)]
pub struct Chain(Arc<IndexKey>, Arc<SealKey>);

/// What a line adds to the chain.
#[derive(Clone, Copy)]
pub struct Link {
    /// Its number.
    pub number: i64,
    /// The hash of the line.
    pub core: Hash,
    /// The hash of its trace.
    pub trace: Hash,
}

/// The newest line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 when there is none.
    pub number: i64,
    /// Its chain value.
    pub chain: Index,
}

/// Everything that the hash of a line covers.
pub struct Core<'l> {
    pub number: i64,
    pub school: &'l str,
    pub at: i64,
    pub sort: &'l str,
    pub mail: Option<&'l str>,
    pub message_id: Option<&'l [u8]>,
    pub core: &'l str,
    pub people: Option<&'l [u8]>,
    pub salt: &'l [u8],
    pub persons: &'l [(i64, Index)],
}

/// The hash of a line.
pub fn core_hash(line: &Core<'_>) -> Hash {
    let mut context = Context::new(&SHA256);
    let mut add = |value: &[u8]| {
        context.update(&(value.len() as u64).to_be_bytes());
        context.update(value);
    };
    add(b"journal line");
    add(line.salt);
    add(&line.number.to_be_bytes());
    add(line.school.as_bytes());
    add(&line.at.to_be_bytes());
    add(line.sort.as_bytes());
    for value in [line.mail.map(str::as_bytes), line.message_id, Some(line.core.as_bytes()), line.people] {
        add(&[u8::from(value.is_some())]);
        add(value.unwrap_or_default());
    }
    for (place, address) in line.persons {
        add(&place.to_be_bytes());
        add(address);
    }
    finish(context)
}

/// The hash of what is sealed in a line.
pub fn people_hash(salt: &[u8], plain: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    for value in [b"journal people".as_slice(), salt, plain] {
        context.update(&(value.len() as u64).to_be_bytes());
        context.update(value);
    }
    finish(context)
}

/// What is sealed in a line is sealed under.
pub fn people_label(salt: &[u8]) -> String {
    format!("journal.people of {}", hex(salt))
}

/// The hash of a trace, or of none.
pub fn trace_hash(number: i64, trace: Option<&str>, salt: Option<&[u8]>) -> Hash {
    let mut context = Context::new(&SHA256);
    for value in [b"journal trace".as_slice(), &number.to_be_bytes()] {
        context.update(&(value.len() as u64).to_be_bytes());
        context.update(value);
    }
    for value in [salt, trace.map(str::as_bytes)] {
        context.update(&[u8::from(value.is_some())]);
        context.update(&(value.unwrap_or_default().len() as u64).to_be_bytes());
        context.update(value.unwrap_or_default());
    }
    finish(context)
}

fn finish(context: Context) -> Hash {
    context.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

impl Chain {
    /// The chain of this key.
    pub fn new(key: IndexKey, keys: Arc<SealKey>) -> Self {
        Self(Arc::new(key), keys)
    }

    /// Whether what is sealed in a line is what was sealed there first.
    pub fn is_sealed(&self, salt: &[u8], sealed: Option<&[u8]>, hash: Option<&[u8]>) -> bool {
        match (sealed, hash) {
            (None, None) => true,
            (Some(sealed), Some(hash)) => {
                let plain = self.1.open(&people_label(salt), sealed);
                plain.is_some_and(|plain| people_hash(salt, &plain) == hash)
            }
            _ => false,
        }
    }

    /// The chain value of a line behind another.
    pub fn link(&self, before: &Index, link: &Link) -> Index {
        self.0.of("journal line", &[before, &link.number.to_be_bytes(), &link.core, &link.trace])
    }

    /// The seal of an erased trace.
    pub fn trace_erased(&self, number: i64, hash: &[u8]) -> Index {
        self.0.of("journal trace erased", &[&number.to_be_bytes(), hash])
    }

    /// The seal of an erased line.
    pub fn erased(&self, number: i64, hash: &[u8], at: i64, by: &str) -> Index {
        self.0.of("journal line erased", &[&number.to_be_bytes(), hash, &at.to_be_bytes(), by.as_bytes()])
    }

    /// The seal of a run of erased lines, from one chain value to another.
    pub fn run(&self, first: i64, before: &Index, last: &Head) -> Index {
        let numbers = [first.to_be_bytes(), last.number.to_be_bytes()].concat();
        self.0.of("journal run", &[&numbers, before, &last.chain])
    }

    fn head(&self, head: &Head) -> Index {
        self.0.of("journal head", &[&head.number.to_be_bytes(), &head.chain])
    }
}

impl Head {
    /// The head as it stands in the tables; none when it is not there or not ours.
    pub fn read(tables: &Connection, chain: &Chain) -> rusqlite::Result<Option<Self>> {
        let value: Option<Vec<u8>> =
            tables.prepare_cached("SELECT value FROM journal_head")?.query_row([], |row| row.get(0)).optional()?;
        Ok(value.and_then(|value| Self::from_octets(&value, chain)))
    }

    /// Puts the head in the place of the one before.
    pub fn write(&self, tables: &Connection, chain: &Chain) -> rusqlite::Result<()> {
        tables
            .prepare_cached(
                "INSERT INTO journal_head (one, value) VALUES (1, ?1)
                 ON CONFLICT (one) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![[self.number.to_be_bytes().as_slice(), &self.chain, &chain.head(self)].concat()])?;
        Ok(())
    }

    fn from_octets(octets: &[u8], chain: &Chain) -> Option<Self> {
        let (number, rest) = octets.split_first_chunk::<8>()?;
        let (value, seal) = rest.split_first_chunk::<16>()?;
        let head = Self { number: i64::from_be_bytes(*number), chain: *value };
        (chain.head(&head) == seal).then_some(head)
    }
}
