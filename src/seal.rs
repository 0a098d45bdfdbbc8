//! Sealing: octets at rest that nobody reads without the key of this installation.
//!
//! AES-256-GCM with a random nonce. What a sealed text is (its label) is authenticated with it, so that one cannot be
//! put in another's place. The key file holds one key of 32 octets, made at first use, or several: the first seals, all
//! of them open, so that a key can be changed while what the old one sealed is still there. Its owner alone may read
//! it. Never logs and never keeps the plain text.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac;

use crate::problem::Problem;

/// The keys of an installation, the one that seals first.
pub struct SealKey(Vec<Key>);

struct Key {
    id: KeyId,
    aead: RandomizedNonceKey,
    /// What other secrets of this key are derived from.
    root: Prk,
}

/// What of a key may be shown, and stands with what it has sealed.
pub type KeyId = [u8; ID_LENGTH];

/// Mark and version of a sealed text that does not say which key sealed it: the first form, which is still opened.
const MARK_WITHOUT_ID: &[u8; 8] = b"mpseal\x00\x01";
/// Mark and version of a sealed text; the id of its key follows.
const MARK: &[u8; 8] = b"mpseal\x00\x02";
const KEY_LENGTH: usize = 32;
const ID_LENGTH: usize = 4;
const TAG_LENGTH: usize = 16;
/// More keys than this in a file is no key file.
const MOST_KEYS: usize = 64;

/// What a sealed text is longer than its plain text, octets.
pub const OVERHEAD: usize = MARK.len() + ID_LENGTH + NONCE_LEN + TAG_LENGTH;

impl SealKey {
    /// Its file, in the data folder.
    pub const FILE: &str = "seal.key";

    /// Reads the keys, or makes one when there is none yet.
    ///
    /// # Errors
    /// A [`Problem`] when the file cannot be read or made, holds no keys, or may be read by others.
    pub fn load_or_make(file: &Path) -> Result<Self, Problem> {
        if !file.try_exists().map_err(|error| unreadable(file, &error))? {
            let made = random::<KEY_LENGTH>().and_then(|key| write_new(file, &key));
            made.or_else(|error| match error.kind() {
                // Somebody else was first.
                io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(unreadable(file, &error)),
            })?;
        }
        Self::load(file)
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// A [`Problem`] when the file cannot be read, holds no keys, or may be read by others.
    pub fn load(file: &Path) -> Result<Self, Problem> {
        let octets = octets(file)?;
        let keys: Option<Vec<Key>> = octets.chunks_exact(KEY_LENGTH).map(Key::new).collect();
        let keys = keys.filter(|keys| !keys.is_empty() && keys.len() <= MOST_KEYS && octets.len() % KEY_LENGTH == 0);
        keys.map(Self).ok_or_else(|| Problem::new(file, "this is no key", "put the key back from the backup"))
    }

    /// Puts a new key in front of the others: it seals from now on, and they still open.
    ///
    /// # Errors
    /// A [`Problem`] when the file cannot be read or written, or holds too many keys.
    pub fn rotate(file: &Path) -> Result<Self, Problem> {
        Self::load(file)?;
        let old = octets(file)?;
        if old.len() >= MOST_KEYS * KEY_LENGTH {
            return Err(Problem::new(file, "it holds too many keys", "drop those that nothing is sealed with"));
        }
        let new = random::<KEY_LENGTH>().map_err(|error| unreadable(file, &error))?;
        write_whole(file, &[new.as_slice(), &old].concat()).map_err(|error| unreadable(file, &error))?;
        Self::load(file)
    }

    /// Drops all keys but the one that seals. What they have sealed can never be opened again.
    ///
    /// # Errors
    /// A [`Problem`] when the file cannot be read or written.
    pub fn drop_old(file: &Path) -> Result<Self, Problem> {
        let old = octets(file)?;
        write_whole(file, old.get(..KEY_LENGTH).unwrap_or(&old)).map_err(|error| unreadable(file, &error))?;
        Self::load(file)
    }

    /// The ids of the keys, the one that seals first: what of a key may be shown.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|key| key.id.iter().map(|octet| format!("{octet:02x}")).collect())
    }

    /// The id of the key that seals.
    pub fn id(&self) -> Option<KeyId> {
        self.0.first().map(|key| key.id)
    }

    /// Seals a text of some kind. None when chance is out of order, which no system has survived.
    pub fn seal(&self, label: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let key = self.0.first()?;
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(MARK);
        sealed.extend_from_slice(&key.id);
        let nonce_at = sealed.len();
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        let text_at = sealed.len();
        sealed.extend_from_slice(plain);
        let text = sealed.get_mut(text_at..)?;
        let (nonce, tag) = key.aead.seal_in_place_separate_tag(Aad::from(authenticated(MARK, label)), text).ok()?;
        sealed.get_mut(nonce_at..text_at)?.copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    /// Opens what was sealed under the same label. None when it was not, or was changed since.
    pub fn open(&self, label: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        if let Some(sealed) = sealed.strip_prefix(MARK_WITHOUT_ID.as_slice()) {
            return self.0.iter().find_map(|key| key.open(&authenticated(MARK_WITHOUT_ID, label), sealed));
        }
        let (id, sealed) = sealed.strip_prefix(MARK.as_slice())?.split_at_checked(ID_LENGTH)?;
        self.0.iter().filter(|key| key.id == id).find_map(|key| key.open(&authenticated(MARK, label), sealed))
    }

    /// A secret that follows from the key that seals now, for one use, and the id of that key: the store may keep the id.
    pub fn derived(&self, label: &str) -> Option<(KeyId, [u8; KEY_LENGTH])> {
        let key = self.0.first()?;
        Some((key.id, key.derived(label)?))
    }

    /// The secret that followed from the key of this id. None when that key was dropped.
    pub fn derived_by(&self, id: KeyId, label: &str) -> Option<[u8; KEY_LENGTH]> {
        self.0.iter().find(|key| key.id == id)?.derived(label)
    }

    /// Whether a text is sealed with the key that seals now.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        let id = sealed.strip_prefix(MARK.as_slice()).and_then(|rest| rest.get(..ID_LENGTH));
        self.0.first().is_some_and(|key| id == Some(&key.id))
    }
}

/// The ids are no secret; the keys are not shown.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl Key {
    fn new(octets: &[u8]) -> Option<Self> {
        let aead = RandomizedNonceKey::new(&AES_256_GCM, octets).ok()?;
        let id = digest(&SHA256, &[b"mailpoort key id".as_slice(), octets].concat());
        let root = Salt::new(HKDF_SHA256, b"mailpoort derived key v1").extract(octets);
        Some(Self { id: id.as_ref().first_chunk().copied()?, aead, root })
    }

    fn derived(&self, label: &str) -> Option<[u8; KEY_LENGTH]> {
        let mut octets = [0; KEY_LENGTH];
        self.root.expand(&[label.as_bytes()], Length(KEY_LENGTH)).ok()?.fill(&mut octets).ok()?;
        Some(octets)
    }

    fn open(&self, authenticated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        let length = self.aead.open_in_place(nonce, Aad::from(authenticated), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

/// How many octets are derived.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The key of look-ups: the same value always gives the same index, which nobody can compute without the key. Unlike
/// the keys that seal it never changes, or nothing could be found again.
pub struct IndexKey(hmac::Key);

/// An index of a value.
pub type Index = [u8; 16];

impl IndexKey {
    /// Octets for a new one. None when chance is out of order.
    pub fn octets() -> Option<[u8; KEY_LENGTH]> {
        random().ok()
    }

    /// The key of these octets.
    pub fn new(octets: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, octets))
    }

    /// The index of values of some kind; where one ends and the next begins is part of it.
    pub fn of(&self, label: &str, values: &[&[u8]]) -> Index {
        let mut context = hmac::Context::with_key(&self.0);
        for value in std::iter::once(&label.as_bytes()).chain(values) {
            context.update(&(value.len() as u64).to_be_bytes());
            context.update(value);
        }
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(..)")
    }
}

fn octets(file: &Path) -> Result<Vec<u8>, Problem> {
    let mut opened = File::open(file).map_err(|error| unreadable(file, &error))?;
    let rights = opened.metadata().map_err(|error| unreadable(file, &error))?.permissions().mode();
    if rights & 0o077 != 0 {
        return Err(Problem::new(file, "others may read the key", "chmod 600 it"));
    }
    let mut octets = Vec::new();
    let most = (MOST_KEYS * KEY_LENGTH + 1) as u64;
    Read::by_ref(&mut opened).take(most).read_to_end(&mut octets).map_err(|error| unreadable(file, &error))?;
    Ok(octets)
}

fn unreadable(file: &Path, error: &io::Error) -> Problem {
    Problem::new(file, format!("the key cannot be read or made: {error}"), "check the folder's owner and rights")
}

fn authenticated(mark: &[u8], label: &str) -> Vec<u8> {
    [mark, label.as_bytes()].concat()
}

/// Octets that nobody can guess: keys, and the secrets of links.
///
/// # Errors
/// When chance is out of order.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| io::Error::other("no chance to be had"))?;
    Ok(octets)
}

/// A file of ours that must not be there yet; it belongs to the owner of the folder. It gets its name when it is whole and
/// on the disk: half a key would keep every later start from starting.
fn write_new(file: &Path, octets: &[u8]) -> io::Result<()> {
    let beside = file.with_extension(format!("new-{}", std::process::id()));
    let folder = File::open(file.parent().unwrap_or(Path::new(".")))?;
    let _ = fs::remove_file(&beside);
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    new.write_all(octets)?;
    give_to_owner(&folder, &new)?;
    new.sync_all()?;
    // Unlike a rename, a link takes no other's place.
    let named = fs::hard_link(&beside, file);
    fs::remove_file(&beside)?;
    folder.sync_all().and(named)
}

/// What root writes in a folder of the gate, the gate must be able to read.
fn give_to_owner(folder: &File, new: &File) -> io::Result<()> {
    let owner = folder.metadata()?;
    if owner.uid() == new.metadata()?.uid() {
        return Ok(());
    }
    fchown(new, Some(owner.uid()), Some(owner.gid()))
}

/// Writes a file that its owner alone may read, whole or not at all: beside its place, to the disk, then into place. It
/// belongs to the owner of the folder.
///
/// # Errors
/// What the system says. A file that was there before is then still there.
pub fn write_whole(file: &Path, octets: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    new.write_all(octets)?;
    let folder = File::open(file.parent().unwrap_or(Path::new(".")))?;
    give_to_owner(&folder, &new)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    folder.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_root_writes_belongs_to_the_owner_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        // Somebody who is not root can give nothing away, and has nothing to give.
        let owner = if std::os::unix::fs::chown(folder.path(), Some(12_345), Some(12_345)).is_ok() {
            12_345
        } else {
            fs::metadata(folder.path()).unwrap().uid()
        };
        SealKey::load_or_make(&folder.path().join("key")).unwrap();
        write_whole(&folder.path().join("roster"), b"x").unwrap();
        for name in ["key", "roster"] {
            let metadata = fs::metadata(folder.path().join(name)).unwrap();
            assert_eq!((metadata.uid(), metadata.mode() & 0o777), (owner, 0o600), "{name}");
        }
    }

    #[test]
    fn only_the_same_key_and_label_open_it() {
        let folder = tempfile::tempdir().unwrap();
        let key = SealKey::load_or_make(&folder.path().join("a.key")).unwrap();
        let sealed = key.seal("roster", b"Sanne").unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"Sanne"));
        let again = SealKey::load_or_make(&folder.path().join("a.key")).unwrap();
        assert_eq!(again.open("roster", &sealed).as_deref(), Some(&b"Sanne"[..]));
        assert_eq!(again.open("mail", &sealed), None);
        let other = SealKey::load_or_make(&folder.path().join("b.key")).unwrap();
        assert_eq!(other.open("roster", &sealed), None);
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(key.open("roster", &changed), None);
        assert_eq!(key.open("roster", b"mpseal"), None);
    }

    #[test]
    fn a_new_key_seals_and_the_old_ones_still_open() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let old = SealKey::load_or_make(&file).unwrap().seal("mail", b"Sanne").unwrap();
        let keys = SealKey::rotate(&file).unwrap();
        assert_eq!(keys.ids().count(), 2);
        assert_eq!(keys.open("mail", &old).as_deref(), Some(&b"Sanne"[..]));
        let new = keys.seal("mail", b"Noor").unwrap();
        assert!(keys.is_current(&new) && !keys.is_current(&old));
        let alone = SealKey::drop_old(&file).unwrap();
        assert_eq!((alone.open("mail", &old), alone.open("mail", &new).as_deref()), (None, Some(&b"Noor"[..])));
    }

    #[test]
    fn what_is_derived_stays_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let (id, secret) = SealKey::load_or_make(&file).unwrap().derived("a").unwrap();
        let keys = SealKey::rotate(&file).unwrap();
        assert_eq!(keys.derived_by(id, "a"), Some(secret));
        assert_ne!(keys.derived_by(id, "b"), Some(secret));
        assert_ne!(keys.derived("a").unwrap(), (id, secret));
        assert_eq!(SealKey::drop_old(&file).unwrap().derived_by(id, "a"), None);
    }

    #[test]
    fn what_was_sealed_before_keys_had_ids_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        write_new(&file, &[7; KEY_LENGTH]).unwrap();
        let key = RandomizedNonceKey::new(&AES_256_GCM, &[7; KEY_LENGTH]).unwrap();
        let mut text = b"Sanne".to_vec();
        let label = Aad::from(authenticated(MARK_WITHOUT_ID, "roster"));
        let nonce = key.seal_in_place_append_tag(label, &mut text).unwrap();
        let sealed = [MARK_WITHOUT_ID.as_slice(), nonce.as_ref(), &text].concat();
        let keys = SealKey::load(&file).unwrap();
        assert_eq!(keys.open("roster", &sealed).as_deref(), Some(&b"Sanne"[..]));
        assert!(!keys.is_current(&sealed));
    }

    #[test]
    fn an_index_tells_values_apart_and_needs_the_key() {
        let (key, other) = (IndexKey::new(&[1; 32]), IndexKey::new(&[2; 32]));
        assert_eq!(key.of("address", &[b"a@b.example"]), key.of("address", &[b"a@b.example"]));
        assert_ne!(key.of("address", &[b"a@b.example"]), other.of("address", &[b"a@b.example"]));
        assert_ne!(key.of("address", &[b"ab", b"c"]), key.of("address", &[b"a", b"bc"]));
        assert_ne!(key.of("address", &[b"ab"]), key.of("incident", &[b"ab"]));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        SealKey::load_or_make(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(SealKey::load_or_make(&file).is_err());
        fs::write(folder.path().join("short"), b"x").unwrap();
        assert!(SealKey::load_or_make(&folder.path().join("short")).is_err());
    }
}
