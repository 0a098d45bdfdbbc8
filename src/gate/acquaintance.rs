//! What went where before: which kinds of data this gate has passed to which domains.
//!
//! Keeps only keyed hashes, `HMAC-SHA-256(key, school, kind, domain)` cut to 16 octets: the file says nothing of a school's
//! relations to whoever has it without its key, and with the key only of domains that he guesses. Kept in memory, and in
//! a file when there is a `data_dir`: first the key in hex, then a hash a line, only ever appended to. A line that
//! is damaged is forgotten, which costs one more advice. Nothing here can refuse a mail.

use std::collections::HashSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::{hmac, rand};

use crate::decide::{Acquaintance, INSIDE, Verdict};
use crate::detect::Kind;
use crate::gate::house::{Bench, Tenant};
use crate::message::Mail;
use crate::problem::Problem;

/// More than a school has relations; beyond it nothing new is remembered, and everything new is advised on.
const MOST: usize = 1_000_000;

type Hash = [u8; 16];

/// The kinds and domains that this gate knows. `Debug` shows how many.
pub struct Acquaintances {
    key: hmac::Key,
    seen: RwLock<HashSet<Hash>>,
    keeps: Option<Mutex<Keeps>>,
}

/// Where it is kept.
enum Keeps {
    /// Nothing is there yet: the first that is remembered makes the file, since looking must not.
    Nothing(PathBuf, Box<[u8; 32]>),
    File(File),
}

impl Acquaintances {
    /// In memory alone: a restart forgets.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub fn in_memory() -> Result<Self, Problem> {
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &fresh_key()?), seen: RwLock::default(), keeps: None })
    }

    /// In a file, which is made for this user alone when there is something to keep.
    ///
    /// # Errors
    /// The file is there and cannot be used.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let trouble = |error: std::io::Error| {
            let remedy = "let mailpoort read and write it, or move it away";
            Problem::new(path, format!("the file of first times cannot be used: {error}"), remedy)
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let octets = fresh_key()?;
                let keeps = Keeps::Nothing(path.to_path_buf(), Box::new(octets));
                return Ok(Self::new(&octets, HashSet::new(), keeps));
            }
            Err(error) => return Err(trouble(error)),
        };
        let mut lines = text.lines();
        let Some(octets) = lines.next().and_then(from_hex::<32>) else {
            let remedy = "move it away; every kind is then new again once";
            return Err(Problem::new(path, "this is no file of first times", remedy));
        };
        let file = OpenOptions::new().append(true).open(path).map_err(trouble)?;
        Ok(Self::new(&octets, lines.filter_map(from_hex).take(MOST).collect(), Keeps::File(file)))
    }

    fn new(key: &[u8; 32], seen: HashSet<Hash>, keeps: Keeps) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self { key, seen: RwLock::new(seen), keeps: Some(Mutex::new(keeps)) }
    }

    fn hash(&self, school: &str, kind: Kind, domain: &str) -> Hash {
        // No school's id, kind or domain holds a line end.
        let tag = hmac::sign(&self.key, format!("{school}\n{}\n{domain}", kind.word()).as_bytes());
        let mut hash = Hash::default();
        hash.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }
}

impl Acquaintance for Acquaintances {
    fn knows(&self, school: &str, kind: Kind, domain: &str) -> bool {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).contains(&self.hash(school, kind, domain))
    }

    fn remember(&self, school: &str, kind: Kind, domain: &str) {
        let hash = self.hash(school, kind, domain);
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST || !seen.insert(hash) {
            return;
        }
        drop(seen);
        let Some(keeps) = &self.keeps else { return };
        if let Err(error) = keeps.lock().unwrap_or_else(PoisonError::into_inner).line(&hash) {
            tracing::warn!(%error, "a first time could not be written; it is known until the next restart");
        }
    }
}

impl Keeps {
    fn line(&mut self, hash: &Hash) -> std::io::Result<()> {
        if let Self::Nothing(path, key) = self {
            let mut file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
            writeln!(file, "{}", hex(&**key))?;
            *self = Self::File(file);
        }
        match self {
            Self::File(file) => writeln!(file, "{}", hex(hash)),
            Self::Nothing(..) => Ok(()),
        }
    }
}

impl fmt::Debug for Acquaintances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Acquaintances({})", self.seen.read().unwrap_or_else(PoisonError::into_inner).len())
    }
}

/// Remembers what a mail that passed took where; without waiting for the disk.
pub(super) fn remember(bench: &Bench, tenant: &Tenant, mail: &Mail, verdict: &Verdict) {
    if verdict.kinds.is_empty() || verdict.strictest().is_stopped() {
        return;
    }
    let recipients = mail.envelope.recipients.iter().zip(&verdict.decisions);
    let outside = recipients.filter(|(_, decision)| &*decision.class != INSIDE);
    let domains: HashSet<&str> = outside.map(|(recipient, _)| recipient.mailbox.domain()).collect();
    let pairs = domains.iter().flat_map(|domain| verdict.kinds.keys().map(move |kind| (*domain, *kind)));
    let school = &tenant.school.id;
    let new: Vec<(String, Kind)> = pairs
        .filter(|(domain, kind)| !bench.acquaintance.knows(school, *kind, domain))
        .map(|(domain, kind)| (domain.to_string(), kind))
        .collect();
    if new.is_empty() {
        return;
    }
    let (acquaintance, school) = (Arc::clone(&bench.acquaintance), school.clone());
    tokio::task::spawn_blocking(move || {
        new.iter().for_each(|(domain, kind)| acquaintance.remember(&school, *kind, domain));
    });
}

fn fresh_key() -> Result<[u8; 32], Problem> {
    let mut key = [0; 32];
    let filled = rand::fill(&mut key);
    filled.map_err(|_| Problem::new("first_times", "this machine has no randomness", "check the system"))?;
    Ok(key)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Exactly so many octets.
fn from_hex<const LENGTH: usize>(line: &str) -> Option<[u8; LENGTH]> {
    if line.len() != 2 * LENGTH || !line.is_ascii() {
        return None;
    }
    let mut octets = [0; LENGTH];
    for (at, octet) in octets.iter_mut().enumerate() {
        *octet = u8::from_str_radix(line.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_remembers_kind_and_domain_of_each_school_and_names_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("first-times");
        let gate = Acquaintances::open(&path).unwrap();
        assert!(!path.exists(), "looking makes no file");
        assert!(!gate.knows("linde", Kind::Health, "ggd.example"));
        gate.remember("linde", Kind::Health, "ggd.example");
        gate.remember("linde", Kind::Health, "ggd.example");
        drop(gate);
        let again = Acquaintances::open(&path).unwrap();
        assert!(again.knows("linde", Kind::Health, "ggd.example"));
        assert!(!again.knows("linde", Kind::Bsn, "ggd.example"));
        assert!(!again.knows("linde", Kind::Health, "gdg.example"));
        assert!(!again.knows("berk", Kind::Health, "ggd.example"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.chars().all(|c| c.is_ascii_hexdigit() || c == '\n'), "{text}");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn another_file_is_refused_and_a_damaged_line_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("first-times");
        std::fs::write(&path, "no key\n").unwrap();
        assert!(Acquaintances::open(&path).is_err());
        std::fs::write(&path, format!("{}\nhalf a ha", "ab".repeat(32))).unwrap();
        let gate = Acquaintances::open(&path).unwrap();
        assert_eq!(format!("{gate:?}"), "Acquaintances(0)");
    }
}
