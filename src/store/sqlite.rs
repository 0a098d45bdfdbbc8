//! SQLite: one file, one thread that writes, some connections that read.
//!
//! Everybody's writes that wait at the same time are one transaction (group commit): each runs in a savepoint of its
//! own, so that one that fails takes no other with it, and all hear of it after the commit is on the disk (WAL with
//! synchronous FULL, so every commit is an fsync). A write that panics is rolled back like one that fails.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::StoreError;

/// Writes that are one commit at most.
const BATCH: usize = 256;
/// Writes that may wait; beyond it callers wait in line.
const WAITING: usize = 1024;
/// Connections that read at the same time.
const READERS: usize = 4;
/// How long a lock of another process (`mailpoort outbox`, a backup) is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file, with its writer and its readers.
pub(super) struct Database {
    jobs: mpsc::Sender<(Job, Sync)>,
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A write: does its work, or is told why it cannot, and is told afterwards whether the commit succeeded.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Committed + Send>;
type Committed = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// When a write reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sync {
    /// With the next commit of the other kind, or a checkpoint: a kill loses nothing of it, a power cut may.
    Later,
    /// Before its future is done.
    Now,
}

impl Database {
    /// Opens the file, brings its tables to this version, and starts the thread that writes.
    ///
    /// # Errors
    /// What SQLite or the system says.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = connect(path)?;
        migrate(&writer)?;
        let (jobs, waiting) = mpsc::channel(WAITING);
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || write_all(&writer, waiting))
            .map_err(|error| StoreError::Trouble(format!("no thread for the store: {error}")))?;
        let places = Arc::new(Semaphore::new(READERS));
        Ok(Self { jobs, path: path.to_path_buf(), idle: Arc::default(), places })
    }

    /// Does a write. When this returns, it is on the disk.
    ///
    /// # Errors
    /// Nothing of it was written then.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_with(Sync::Now, work).await
    }

    /// Does a write whose loss in a power cut costs work that is done again, and nothing else.
    ///
    /// # Errors
    /// Nothing of it was written then.
    pub async fn write_with<T: Send + 'static>(
        &self,
        sync: Sync,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, waiting) = job(work);
        self.jobs.send((job, sync)).await.map_err(|_| StoreError::Closed)?;
        waiting.await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Database::write`], for a thread that may wait.
    ///
    /// # Errors
    /// Nothing of it was written then.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, waiting) = job(work);
        self.jobs.blocking_send((job, Sync::Now)).map_err(|_| StoreError::Closed)?;
        waiting.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    /// Reads, on a connection of its own: it sees every write that has returned.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (idle, path) = (Arc::clone(&self.idle), self.path.clone());
        let reading = move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = kept.map_or_else(|| connect(&path), Ok)?;
            let found = work(&connection).map_err(StoreError::from);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(place);
            found
        };
        tokio::task::spawn_blocking(reading).await.map_err(|_| StoreError::Closed)?
    }
}

/// A write, and where its answer comes.
fn job<T: Send + 'static>(
    work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, StoreError>>) {
    let (answer, waiting) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
        let done = connection.and_then(|connection| in_savepoint(connection, work));
        Box::new(move |committed| {
            let _ = answer.send(done.and_then(|value| committed.map(|()| value)));
        })
    });
    (job, waiting)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// The tables of each version; the file says in `user_version` how many of them it has had.
const VERSIONS: [&str; 5] = [
    include_str!("schema.sql"),
    include_str!("schema-2.sql"),
    include_str!("schema-journal.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
];

fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let had: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let had = had as usize;
    if had > VERSIONS.len() {
        let newer = "the store was written by a newer mailpoort; run that one, or put a backup of before it back";
        return Err(StoreError::Trouble(newer.to_owned()));
    }
    for (number, tables) in VERSIONS.iter().enumerate().skip(had) {
        let version = number + 1;
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {tables} PRAGMA user_version = {version}; COMMIT;"))?;
    }
    Ok(())
}

fn write_all(connection: &Connection, mut waiting: mpsc::Receiver<(Job, Sync)>) {
    let mut jobs = Vec::with_capacity(BATCH);
    while waiting.blocking_recv_many(&mut jobs, BATCH) > 0 {
        // A commit that syncs takes all that was written before it to the disk as well: the log is one file.
        let begin = match jobs.iter().map(|(_, sync)| *sync).max() {
            Some(Sync::Later) => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
            Some(Sync::Now) | None => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
        };
        if let Err(error) = connection.execute_batch(begin) {
            let told = StoreError::from(error);
            jobs.drain(..).for_each(|(job, _)| job(Err(told.clone()))(Ok(())));
            continue;
        }
        let done: Vec<Committed> = jobs.drain(..).map(|(job, _)| job(Ok(connection))).collect();
        let committed = connection.execute_batch("COMMIT").map_err(StoreError::from);
        if committed.is_err() {
            // After a full disk SQLite may have rolled back by itself; then this one fails, and nothing is lost.
            let _ = connection.execute_batch("ROLLBACK");
        }
        done.into_iter().for_each(|tell| tell(committed.clone()));
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, StoreError> {
    connection.execute_batch("SAVEPOINT one")?;
    let done = catch_unwind(AssertUnwindSafe(|| work(connection)));
    let done = done.unwrap_or_else(|_| Err(rusqlite::Error::InvalidQuery)).map_err(StoreError::from);
    let end = if done.is_ok() { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" };
    connection.execute_batch(end)?;
    done
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            // The message of SQLite names tables and columns, never a value.
            _ => Self::Trouble(error.to_string()),
        }
    }
}
