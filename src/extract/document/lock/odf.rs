//! Locked OpenDocument packages (ODF 1.3 part 2, section 4.8): each file by itself, compressed and then locked with AES in
//! CBC mode, with a key of PBKDF2. Older ones with Blowfish, and those that are locked as a whole, are not known here.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::Sink;
use super::super::cipher::{BLOCK, aes_cbc_open};
use super::super::unpack;
use super::super::xml::{Element, Node, Xml};
use super::super::zip::Archive;
use super::hash::{Hash, pbkdf2};

/// How one file is locked.
#[derive(Default)]
struct Lock {
    path: String,
    /// Of the first 1024 octets below the lock, still compressed.
    checksum: Vec<u8>,
    checksum_hash: Option<Hash>,
    is_aes: bool,
    vector: Vec<u8>,
    rounds: u32,
    salt: Vec<u8>,
    key: usize,
    start: Option<Hash>,
}

/// More rounds than any program asks for; LibreOffice writes 100,000.
const MOST_ROUNDS: u32 = 1_000_000;
/// Octets that a checksum is of.
const CHECKED: usize = 1024;
/// The same salt gives the same key: some programs write one for all files of a package.
type Keys = BTreeMap<(Vec<u8>, u32), Vec<u8>>;

/// The files of a package below their locks, by their paths; none when no password of the message opens them all.
pub(in super::super) fn files(
    archive: &Archive<'_>,
    manifest: &str,
    sink: &mut Sink<'_, '_>,
) -> Option<BTreeMap<String, Vec<u8>>> {
    let locks = locks(manifest)?;
    let first = locks.first()?;
    // Two blocks of hashing a round for each 20 octets of the key, of which some packages have one for every file.
    let work = u64::from(first.rounds) * 2 * (first.key as u64).div_ceil(20);
    let first_octets = archive.packed(&first.path, sink)?;
    let (password, mut keys) = sink.with_password(work, |password, _| {
        let mut keys = Keys::new();
        first.open(password, &first_octets, &mut keys).map(|_| (password.to_string(), keys))
    })?;
    let mut files = BTreeMap::new();
    for lock in &locks {
        if !keys.contains_key(&(lock.salt.clone(), lock.rounds)) && !sink.may_try(work) {
            return None;
        }
        let open = lock.open(&password, &archive.packed(&lock.path, sink)?, &mut keys)?;
        files.insert(lock.path.clone(), unpack::by_zip_method(DEFLATE, &open, None, sink).content);
    }
    Some(files)
}

/// The method of all files below their locks.
const DEFLATE: u16 = 8;

/// The locks that a manifest describes; none when one of them is not known here.
fn locks(manifest: &str) -> Option<Vec<Lock>> {
    let mut locks: Vec<Lock> = Vec::new();
    let mut path = String::new();
    let mut reader = Xml::new(manifest);
    while let Some(node) = reader.next() {
        let Node::Open(element) = node else { continue };
        match element.name() {
            "file-entry" => path = element.attribute("full-path").unwrap_or_default(),
            "encryption-data" => locks.push(Lock { path: path.clone(), ..Lock::default() }),
            _ => {}
        }
        locks.last_mut().into_iter().for_each(|lock| lock.describe(&element));
    }
    let is_known = |lock: &Lock| {
        lock.is_aes
            && lock.vector.len() == BLOCK
            && lock.rounds <= MOST_ROUNDS
            && [16, 24, 32].contains(&lock.key)
            && !lock.checksum.is_empty()
    };
    locks.iter().all(is_known).then_some(locks)
}

impl Lock {
    /// Takes in what an element says of it.
    fn describe(&mut self, element: &Element<'_>) {
        let value = |name: &str| element.attribute(name).unwrap_or_default();
        let octets = |name: &str| STANDARD.decode(value(name)).unwrap_or_default();
        match element.name() {
            "encryption-data" => {
                self.checksum = octets("checksum");
                let kind = value("checksum-type").to_ascii_lowercase();
                let kind = kind.trim_end_matches("/1k").trim_end_matches("-1k");
                self.checksum_hash = Hash::named(kind);
            }
            "algorithm" => {
                self.vector = octets("initialisation-vector");
                self.is_aes = value("algorithm-name").to_ascii_lowercase().ends_with("-cbc");
            }
            "key-derivation" if value("key-derivation-name").to_ascii_lowercase().ends_with("pbkdf2") => {
                self.rounds = value("iteration-count").parse().unwrap_or(0);
                self.salt = octets("salt");
                self.key = value("key-size").parse().unwrap_or(16);
            }
            "start-key-generation" => self.start = Hash::named(&value("start-key-generation-name")),
            _ => {}
        }
    }

    /// The octets below the lock, still compressed, if this password opens it.
    fn open(&self, password: &str, octets: &[u8], keys: &mut Keys) -> Option<Vec<u8>> {
        let key = keys.entry((self.salt.clone(), self.rounds)).or_insert_with(|| {
            let start = self.start.unwrap_or(Hash::Sha1).of(&[password.as_bytes()]);
            pbkdf2(&start, &self.salt, self.rounds, self.key)
        });
        let mut open = aes_cbc_open(key, self.vector.first_chunk()?, octets);
        // XML encryption fills the last block up and says with what (5.2).
        let padding = open.last().map_or(0, |&padding| usize::from(padding));
        open.truncate(open.len().saturating_sub(padding.min(BLOCK)));
        let checked = open.get(..CHECKED).unwrap_or(&open);
        (self.checksum_hash?.of(&[checked]) == self.checksum).then_some(open)
    }
}
