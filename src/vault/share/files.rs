//! Sealed items as files: written and read in pieces, so that a large one takes no more memory than a small one.
//!
//! The name of a file is random and says nothing; what knows it is its row. A file is on the disk, and its folder too (or
//! the provider has said that it has it), before anybody hears of it. Fails as [`VaultError`].

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use futures_util::{Stream, TryStreamExt, stream};
use object_store::path::Path as Location;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::ItemKey;
use super::cipher::{Opener, Sealer};
use super::place::{FOLDER, Place, blamed};
use crate::problem::Problem;
use crate::vault::{VaultError, location, random_id};

/// Plain octets that are sealed or opened at once.
const PIECE: usize = 256 * 1024;
/// Sealed octets that are handed on at once; S3 wants no less than 5 MiB, and some providers want parts of one size.
const PART: usize = 5 * 1024 * 1024;
/// Pieces that are read at the same time. Each holds a thread that waits for another one, and these are not endless.
const AT_ONCE: usize = 16;

static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(AT_ONCE));

/// The files of shares. Clones are the same files.
#[derive(Clone)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    /// Where they lie on this machine, if they do.
    folder: Option<PathBuf>,
}

/// What says whose files these are.
const OWNER: &str = "owner";

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files(..)")
    }
}

impl Files {
    /// The files of shares of a data folder, at this place; their folder is made when there is none.
    ///
    /// # Errors
    /// A [`Problem`] when the place cannot be had.
    pub fn open(data_dir: &Path, place: &Place) -> Result<Self, Problem> {
        let (store, folder) = place.open(data_dir)?;
        Ok(Self { store, folder })
    }

    /// Whether there is a folder for them in a data folder.
    pub fn are_in(data_dir: &Path) -> bool {
        data_dir.join(FOLDER).is_dir()
    }

    /// Takes away what a kill left of files that were being written. Nobody writes any meanwhile.
    ///
    /// # Errors
    /// [`VaultError::Files`].
    pub fn sweep(&self) -> Result<(), VaultError> {
        self.folder.clone().map_or(Ok(()), crate::vault::sweep_unfinished)
    }

    /// Seals an item and writes its file, which is on the disk when this returns. Gives the name of the file, and how many
    /// octets the item has.
    ///
    /// # Errors
    /// [`VaultError::Files`]; nothing is kept then, or a file that no row knows.
    pub async fn put(
        &self,
        key: &ItemKey,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<(String, u64), VaultError> {
        let name = random_id()?;
        let mut sealer = key.sealer().map_err(trouble)?;
        let mut upload = None;
        let sealed = self.seal(&name, content, &mut sealer, &mut upload).await;
        let done = match (sealed, &mut upload) {
            (Ok(size), None) => self.end(&name, sealer).await.map(|()| size),
            (Ok(size), Some(parts)) => end_parts(&mut **parts, sealer).await.map(|()| size),
            (Err(error), _) => Err(error),
        };
        if let (Err(_), Some(parts)) = (&done, &mut upload) {
            // A provider keeps, and bills, parts of which nothing came.
            let _ = parts.abort().await;
        }
        Ok((name, done?))
    }

    /// Seals all of it, and hands on what makes whole parts. Gives its size.
    async fn seal(
        &self,
        name: &str,
        content: &mut (dyn AsyncRead + Send + Unpin),
        sealer: &mut Sealer,
        upload: &mut Option<Box<dyn MultipartUpload>>,
    ) -> Result<u64, VaultError> {
        let (mut piece, mut size) = (vec![0; PIECE], 0u64);
        loop {
            let read = content.read(&mut piece).await.map_err(trouble)?;
            let Some(octets) = piece.get(..read).filter(|octets| !octets.is_empty()) else { return Ok(size) };
            size += read as u64;
            sealer.write(octets).map_err(trouble)?;
            while sealer.length() > PART {
                let parts = match upload {
                    Some(parts) => parts,
                    None => upload.insert(self.store.put_multipart(&location(name)).await.map_err(blamed)?),
                };
                parts.put_part(PutPayload::from(sealer.take(PART))).await.map_err(blamed)?;
            }
        }
    }

    async fn end(&self, name: &str, sealer: Sealer) -> Result<(), VaultError> {
        let rest = PutPayload::from(sealer.end().map_err(trouble)?);
        self.store.put(&location(name), rest).await.map(drop).map_err(blamed)
    }

    /// Opens an item, at some octets of it. Whoever reads it needs a runtime with time for blocking work.
    ///
    /// # Errors
    /// [`VaultError`] when it is not there, or does not open.
    pub async fn read(&self, name: &str, key: ItemKey, range: Range<u64>) -> Result<Reading, VaultError> {
        let size = self.store.head(&location(name)).await.map_err(blamed)?.size;
        let file =
            File { files: Arc::clone(&self.store), name: location(name), size, at: 0, runtime: Handle::current() };
        let _place = PLACES.acquire().await.ok();
        let opening = move || {
            let mut opener = key.opener(file)?;
            opener.seek(SeekFrom::Start(range.start)).ok()?;
            Some(Reading { opener, left: range.end.saturating_sub(range.start) })
        };
        tokio::task::spawn_blocking(opening).await.ok().flatten().ok_or(VaultError::Sealed)
    }

    /// Takes a file away; none is no error.
    ///
    /// # Errors
    /// [`VaultError::Files`].
    pub async fn delete(&self, name: &str) -> Result<(), VaultError> {
        match self.store.delete(&location(name)).await.map_err(blamed) {
            Err(VaultError::Gone) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether a file is there.
    ///
    /// # Errors
    /// [`VaultError::Files`].
    pub async fn has(&self, name: &str) -> Result<bool, VaultError> {
        match self.store.head(&location(name)).await.map_err(blamed) {
            Ok(_) => Ok(true),
            Err(VaultError::Gone) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The names of all files.
    ///
    /// # Errors
    /// [`VaultError::Files`].
    pub async fn names(&self) -> Result<Vec<String>, VaultError> {
        let listed: Vec<_> = self.store.list(None).try_collect().await.map_err(blamed)?;
        let names = listed.iter().filter_map(|file| file.location.filename());
        Ok(names.filter(|name| *name != OWNER).map(str::to_owned).collect())
    }

    /// Sees to it that a place that others can reach has one owner: whoever takes away what he does not know would take
    /// away another's files. On a disk of our own there is nobody else.
    ///
    /// # Errors
    /// [`VaultError::Files`] when it cannot be used, or is another's.
    pub async fn claim(&self, owner: &str) -> Result<(), VaultError> {
        if self.folder.is_some() {
            return Ok(());
        }
        let mark = Location::from(OWNER);
        let kept = match self.store.get(&mark).await.map_err(blamed) {
            Ok(found) => found.bytes().await.map_err(blamed)?,
            Err(VaultError::Gone) => {
                let payload = PutPayload::from(owner.as_bytes().to_vec());
                return self.store.put(&mark, payload).await.map(drop).map_err(blamed);
            }
            Err(error) => return Err(error),
        };
        if kept == owner.as_bytes() {
            return Ok(());
        }
        let whose =
            "the bucket holds the shares of another installation; give this one a `prefix` of its own in [storage]";
        Err(VaultError::Files(whose.to_owned()))
    }

    /// Takes the mark of its owner away: nothing is kept there any more.
    ///
    /// # Errors
    /// [`VaultError::Files`].
    pub async fn disclaim(&self) -> Result<(), VaultError> {
        match self.store.delete(&Location::from(OWNER)).await.map_err(blamed) {
            Err(VaultError::Gone) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

async fn end_parts(parts: &mut dyn MultipartUpload, sealer: Sealer) -> Result<(), VaultError> {
    let rest = sealer.end().map_err(trouble)?;
    parts.put_part(PutPayload::from(rest)).await.map_err(blamed)?;
    parts.complete().await.map(drop).map_err(blamed)
}

fn trouble(error: io::Error) -> VaultError {
    VaultError::Files(error.to_string())
}

/// An item that is being read.
pub struct Reading {
    opener: Opener<File>,
    left: u64,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading(..)")
    }
}

impl Reading {
    /// Its octets, in pieces. Between two pieces it holds a piece of memory and no thread.
    pub fn pieces(self) -> impl Stream<Item = io::Result<Vec<u8>>> + Send {
        stream::try_unfold(self, |reading| async move {
            if reading.left == 0 {
                return Ok(None);
            }
            let _place = PLACES.acquire().await.ok();
            let next = tokio::task::spawn_blocking(move || reading.piece()).await.map_err(io::Error::other)?;
            next.map(|(piece, rest)| (!piece.is_empty()).then_some((piece, rest)))
        })
    }

    fn piece(mut self) -> io::Result<(Vec<u8>, Self)> {
        let most = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; most];
        self.opener.read_exact(&mut piece)?;
        self.left -= most as u64;
        Ok((piece, self))
    }
}

/// A sealed file, for a thread that may wait.
struct File {
    files: Arc<dyn ObjectStore>,
    name: Location,
    size: u64,
    at: u64,
    runtime: Handle,
}

impl Read for File {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let end = self.size.min(self.at.saturating_add(octets.len() as u64));
        if end <= self.at {
            return Ok(0);
        }
        let range = self.at..end;
        let found = self.runtime.block_on(self.files.get_range(&self.name, range)).map_err(io::Error::other)?;
        let read = found.len().min(octets.len());
        for (to, from) in octets.iter_mut().zip(found.iter()) {
            *to = *from;
        }
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
