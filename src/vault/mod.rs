//! The vault: what is kept of mail, sealed. Items have an id that says nothing, a school and a size.
//!
//! A small item travels with its row in the [store](crate::store), so that one commit puts both on the disk; a large one
//! is a file of its own, which is on the disk, and its folder too, before anybody hears of it (object_store with fsync:
//! local files now, S3 when there are several machines). Never holds plain text outside of memory, never says what an
//! item is about. Fails as [`VaultError`], which is trouble of ours and a 4xx to whoever waits.

pub mod link;
pub mod share;

use std::fmt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

pub use self::link::LinkSecret;
use crate::kill::Point;
use crate::problem::Problem;
use crate::seal::{self, SealKey};

/// Items up to this many octets travel with their row: one commit is one fsync, however many mails it holds.
const SMALL: usize = 128 * 1024;

/// Sealed items. Clones are the same vault.
#[derive(Clone)]
pub struct Vault {
    files: Arc<dyn ObjectStore>,
    folder: PathBuf,
    keys: Arc<SealKey>,
    /// Why the last file could not be written, until one can.
    trouble: Arc<Mutex<Option<String>>>,
}

/// A sealed item. Large ones are on the disk by now; small ones are when their row is.
#[derive(Clone)]
pub struct Item {
    /// The id: random, and the name of the file of a large one.
    pub id: String,
    /// Octets before sealing.
    pub size: usize,
    /// The sealed octets of a small one.
    pub sealed: Option<Vec<u8>>,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("id", &self.id).field("size", &self.size).finish_non_exhaustive()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// Why an item could not be put away or had.
#[derive(Debug)]
pub enum VaultError {
    /// Where it lies cannot be written or read: a full or read-only disk, mostly.
    Files(String),
    /// It is not there.
    Gone,
    /// It is there and does not open: damaged, or sealed with a key that was dropped.
    Sealed,
}

impl VaultError {
    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        // ENOSPC; object_store gives the system's words alone.
        matches!(self, Self::Files(error) if error.contains("os error 28"))
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(error) => write!(f, "the files of the vault cannot be used: {error}"),
            Self::Gone => f.write_str("the item is not in the vault"),
            Self::Sealed => f.write_str("the item does not open: it is damaged, or its key was dropped"),
        }
    }
}

impl std::error::Error for VaultError {}

impl From<object_store::Error> for VaultError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Gone,
            error => Self::Files(error.to_string()),
        }
    }
}

impl Vault {
    /// The vault below a data folder; its folder is made when there is none.
    ///
    /// # Errors
    /// A [`Problem`] when the folder cannot be had.
    pub fn open(data_dir: &Path, keys: Arc<SealKey>) -> Result<Self, Problem> {
        let folder = data_dir.join("vault");
        let unusable = |error: String| {
            let what = format!("the folder for sealed mail cannot be used: {error}");
            Problem::new(&folder, what, "give mailpoort a `data_dir` that it may write to")
        };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&folder).map_err(|error| unusable(error.to_string()))?;
        let files = LocalFileSystem::new_with_prefix(&folder).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { files: Arc::new(files.with_fsync(true)), folder, keys, trouble: Arc::default() })
    }

    /// Why the last file could not be written; none when it could.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes a file and takes it away again, to see whether any can be written.
    ///
    /// # Errors
    /// [`VaultError::Files`]: none can.
    pub async fn try_writing(&self) -> Result<(), VaultError> {
        let id = random_id()?;
        let tried = self.write(&id, Vec::new()).await;
        self.delete(&id).await.and(tried)
    }

    async fn write(&self, id: &str, sealed: Vec<u8>) -> Result<(), VaultError> {
        let written = self.files.put(&location(id), PutPayload::from(sealed)).await.map_err(VaultError::from);
        let trouble = written.as_ref().err().map(ToString::to_string);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        written.map(|_| ())
    }

    /// Seals an item. A large one is on the disk when this returns.
    ///
    /// # Errors
    /// [`VaultError::Files`]; nothing is kept then.
    pub async fn put(&self, plain: Arc<Vec<u8>>) -> Result<Item, VaultError> {
        let id = random_id()?;
        let (keys, name, size) = (Arc::clone(&self.keys), label(&id), plain.len());
        // A large mail takes a while to seal, and other sessions go on.
        let sealing = move || keys.seal(&name, &plain);
        let sealed = if size > SMALL { tokio::task::spawn_blocking(sealing).await.ok().flatten() } else { sealing() };
        let sealed = sealed.ok_or_else(|| VaultError::Files("it could not be sealed".to_owned()))?;
        if size <= SMALL {
            return Ok(Item { id, size, sealed: Some(sealed) });
        }
        Point::Sealed.reached();
        self.write(&id, sealed).await?;
        Point::FileWritten.reached();
        Ok(Item { id, size, sealed: None })
    }

    /// Opens an item. `sealed` is what its row holds of it, if anything.
    ///
    /// # Errors
    /// [`VaultError`] when it is not there, or does not open.
    pub async fn open_item(&self, id: &str, sealed: Option<Vec<u8>>) -> Result<Vec<u8>, VaultError> {
        let sealed = match sealed {
            Some(sealed) => sealed,
            None => self.files.get(&location(id)).await?.bytes().await?.to_vec(),
        };
        let (keys, name) = (Arc::clone(&self.keys), label(id));
        let opening = move || keys.open(&name, &sealed);
        tokio::task::spawn_blocking(opening).await.ok().flatten().ok_or(VaultError::Sealed)
    }

    /// Takes away what a kill left of files that were being written, which [`Vault::files`] does not show. Nobody writes any
    /// meanwhile.
    ///
    /// # Errors
    /// [`VaultError::Files`].
    pub fn sweep(&self) -> Result<(), VaultError> {
        sweep_unfinished(self.folder.clone())
    }

    /// Takes the file of an item away; none is no error.
    ///
    /// # Errors
    /// [`VaultError::Files`].
    pub async fn delete(&self, id: &str) -> Result<(), VaultError> {
        match self.files.delete(&location(id)).await.map_err(VaultError::from) {
            Err(VaultError::Gone) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Seals the items that are files anew with the key that seals now. Gives how many.
    ///
    /// # Errors
    /// [`VaultError`]; the files that were not reached are as they were.
    pub async fn seal_anew(&self) -> Result<usize, VaultError> {
        let mut anew = 0;
        for id in self.files().await? {
            let plain = self.open_item(&id, None).await?;
            let sealed = self.keys.seal(&label(&id), &plain);
            let sealed = sealed.ok_or_else(|| VaultError::Files("it could not be sealed".to_owned()))?;
            self.write(&id, sealed).await?;
            Point::FileSealedAnew.reached();
            anew += 1;
        }
        Ok(anew)
    }

    /// The ids of all items that are files.
    ///
    /// # Errors
    /// [`VaultError::Files`].
    pub async fn files(&self) -> Result<Vec<String>, VaultError> {
        let listed: Vec<_> = self.files.list(None).try_collect().await?;
        Ok(listed.iter().filter_map(|file| file.location.filename().map(str::to_owned)).collect())
    }
}

/// Files that object_store had not finished, in a folder and all below it: it gives them a name with a `#`.
fn sweep_unfinished(folder: PathBuf) -> Result<(), VaultError> {
    let trouble = |error: std::io::Error| VaultError::Files(error.to_string());
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(trouble)? {
            let entry = entry.map_err(trouble)?;
            if entry.file_type().map_err(trouble)?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().contains('#') {
                std::fs::remove_file(entry.path()).map_err(trouble)?;
            }
        }
    }
    Ok(())
}

/// An id that says nothing: 128 random bits.
///
/// # Errors
/// [`VaultError::Files`] when chance is out of order.
pub fn random_id() -> Result<String, VaultError> {
    let octets: [u8; 16] = seal::random().map_err(|error| VaultError::Files(error.to_string()))?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

fn label(id: &str) -> String {
    format!("vault item {id}")
}

/// Two levels of folders keep each of them small.
fn location(id: &str) -> Location {
    let level = |range: std::ops::Range<usize>| id.get(range).unwrap_or("00");
    Location::from_iter([level(0..2), level(2..4), id])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn vault(folder: &Path) -> Vault {
        Vault::open(folder, Arc::new(SealKey::load_or_make(&folder.join("key")).unwrap())).unwrap()
    }

    #[tokio::test]
    async fn large_items_are_sealed_files_and_small_ones_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(folder.path());
        let small = vault.put(Arc::new(b"Sanne".to_vec())).await.unwrap();
        assert_eq!(vault.files().await.unwrap(), Vec::<String>::new());
        assert_eq!(vault.open_item(&small.id, small.sealed.clone()).await.unwrap(), b"Sanne");
        let plain = Arc::new(b"Sanne ".repeat(40_000));
        let large = vault.put(Arc::clone(&plain)).await.unwrap();
        assert_eq!((large.sealed.is_none(), vault.files().await.unwrap()), (true, vec![large.id.clone()]));
        assert_eq!(vault.open_item(&large.id, None).await.unwrap(), *plain);
        let file = folder.path().join("vault").join(location(&large.id).as_ref());
        let octets = std::fs::read(file).unwrap();
        assert!(!octets.windows(6).any(|window| window == b"Sanne "));
        vault.delete(&large.id).await.unwrap();
        vault.delete(&large.id).await.unwrap();
        assert!(matches!(vault.open_item(&large.id, None).await, Err(VaultError::Gone)));
    }

    #[tokio::test]
    async fn an_item_opens_under_its_own_id_only() {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(folder.path());
        let item = vault.put(Arc::new(b"Sanne".to_vec())).await.unwrap();
        assert!(matches!(vault.open_item("other", item.sealed).await, Err(VaultError::Sealed)));
    }
}
