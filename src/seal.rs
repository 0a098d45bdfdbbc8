//! Sealing: octets at rest that nobody reads without the key of this installation.
//!
//! AES-256-GCM with a random nonce. What a sealed text is (its label) is authenticated with it, so that one cannot be
//! put in another's place. The key is a file of 32 octets that its owner alone may read, made at first use. Never logs
//! and never keeps the plain text. Sealed text has a mark and a version in front, so that keys may change later.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::problem::Problem;

/// The key of an installation. It has no `Debug`.
pub struct SealKey(RandomizedNonceKey);

/// Mark and version of a sealed text.
const MARK: &[u8; 8] = b"mpseal\x00\x01";
const KEY_LENGTH: usize = 32;

impl SealKey {
    /// Reads the key, or makes it when there is none yet.
    ///
    /// # Errors
    /// A [`Problem`] when the file cannot be read or made, is no key, or may be read by others.
    pub fn load_or_make(file: &Path) -> Result<Self, Problem> {
        let unreadable = |error: io::Error| {
            Problem::new(
                file,
                format!("the key cannot be read or made: {error}"),
                "check the folder's owner and rights",
            )
        };
        if !file.try_exists().map_err(unreadable)? {
            make(file).or_else(|error| match error.kind() {
                // Somebody else was first.
                io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(unreadable(error)),
            })?;
        }
        let mut opened = File::open(file).map_err(unreadable)?;
        if opened.metadata().map_err(unreadable)?.permissions().mode() & 0o077 != 0 {
            return Err(Problem::new(file, "others may read the key", "chmod 600 it"));
        }
        let mut key = Vec::new();
        opened.read_to_end(&mut key).map_err(unreadable)?;
        let key = Some(key).filter(|key| key.len() == KEY_LENGTH);
        let key = key.and_then(|key| RandomizedNonceKey::new(&AES_256_GCM, &key).ok());
        key.map(Self).ok_or_else(|| Problem::new(file, "this is no key", "put the key back from the backup"))
    }

    /// Seals a text of some kind. None when chance is out of order, which no system has survived.
    pub fn seal(&self, label: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(authenticated(label)), &mut sealed).ok()?;
        Some([MARK.as_slice(), nonce.as_ref(), &sealed].concat())
    }

    /// Opens what was sealed under the same label. None when it was not, or was changed since.
    pub fn open(&self, label: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.strip_prefix(MARK.as_slice())?.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(authenticated(label)), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

fn authenticated(label: &str) -> Vec<u8> {
    [MARK.as_slice(), label.as_bytes()].concat()
}

fn make(file: &Path) -> io::Result<()> {
    let mut key = [0; KEY_LENGTH];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| io::Error::other("no chance to be had"))?;
    write_whole(file, &key)
}

/// Writes a file that its owner alone may read, whole or not at all: beside its place, to the disk, then into place. It
/// belongs to the owner of the folder: what root writes there, the gate must be able to read.
///
/// # Errors
/// What the system says. A file that was there before is then still there.
pub fn write_whole(file: &Path, octets: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    new.write_all(octets)?;
    let folder = File::open(file.parent().unwrap_or(Path::new(".")))?;
    let owner = folder.metadata()?;
    if owner.uid() != new.metadata()?.uid() {
        fchown(&new, Some(owner.uid()), Some(owner.gid()))?;
    }
    new.sync_all()?;
    fs::rename(&beside, file)?;
    folder.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
