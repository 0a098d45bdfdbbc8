//! SQLite: one file, one thread that writes, some connections that read.
//!
//! Everybody's writes that wait at the same time are one transaction (group commit): each runs in a savepoint of its
//! own, so that one that fails takes no other with it, and all hear of it after the commit is on the disk (WAL with
//! synchronous FULL, so every commit is an fsync). One that waits alone goes at once, and needs no savepoint. A write that panics is rolled back like one that fails. The outbox's own
//! bookkeeping needs no fsync and waits a moment for a commit that it can go with: a mail that is taken then waits for one
//! transaction and one fsync, not for those of others. Whether the file can be written at all is known to whoever asks.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
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
/// How long a write that needs no fsync waits for one that does, to go with it.
const COMPANY: Duration = Duration::from_millis(3);

/// The file, with its writer and its readers.
pub(super) struct Database {
    orders: mpsc::Sender<Order>,
    /// Writes that wait for company: few, since only the outbox has them, and each waits for its answer.
    later: Arc<Mutex<Vec<Job>>>,
    condition: Arc<Condition>,
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What the thread that writes is told.
enum Order {
    /// Write this, and sync.
    Write(Job),
    /// Those who wait for company have waited long enough.
    Go,
}

/// Whether the file can be written: what was wrong with it last, until something is written.
#[derive(Debug, Default)]
struct Condition(Mutex<Option<StoreError>>);

impl Condition {
    fn now(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write met this trouble, or none. A full disk may have room for a small write and none for a mail.
    fn met(&self, trouble: Option<&StoreError>) {
        let mut now = self.now();
        if trouble.is_some() || *now != Some(StoreError::Full) {
            *now = trouble.cloned();
        }
    }
}

/// A write: does its work, or is told why it cannot, and is told afterwards whether the commit succeeded.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>, Company) -> Done + Send>;

/// Whether a write has its transaction for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    /// When it fails, the transaction is rolled back. A savepoint would copy every page that it changes.
    Alone,
    /// When it fails, the others' writes stand.
    Others,
}

/// What a write came to before its commit.
struct Done {
    /// What is wrong with the file, as far as this write has met it.
    trouble: Option<StoreError>,
    /// It has failed, and what it did before that is in the transaction still.
    half_done: bool,
    /// Tells whoever waits.
    tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

/// When a write reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let (orders, waiting) = mpsc::channel(WAITING);
        let (later, condition) = (Arc::<Mutex<Vec<Job>>>::default(), Arc::<Condition>::default());
        let (its_later, its_condition) = (Arc::clone(&later), Arc::clone(&condition));
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || write_all(&writer, waiting, &its_later, &its_condition))
            .map_err(|error| StoreError::Trouble(format!("no thread for the store: {error}")))?;
        let places = Arc::new(Semaphore::new(READERS));
        Ok(Self { orders, later, condition, path: path.to_path_buf(), idle: Arc::default(), places })
    }

    /// What is wrong with the file; none when the last write that met it succeeded.
    pub fn trouble(&self) -> Option<StoreError> {
        self.condition.now().clone()
    }

    /// As much was written as a mail needs: whatever was wrong is over.
    pub fn has_room(&self) {
        *self.condition.now() = None;
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
        match sync {
            Sync::Now => self.orders.send(Order::Write(job)).await.map_err(|_| StoreError::Closed)?,
            Sync::Later => self.wait_for_company(job),
        }
        waiting.await.map_err(|_| StoreError::Closed)?
    }

    /// The next write that syncs takes it along; when none comes, it goes without.
    fn wait_for_company(&self, job: Job) {
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        later.push(job);
        if later.len() == 1 {
            let orders = self.orders.clone();
            tokio::spawn(async move {
                tokio::time::sleep(COMPANY).await;
                // The writer ends with its last sender, and this is one.
                let _ = orders.send(Order::Go).await;
            });
        }
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
        self.orders.blocking_send(Order::Write(job)).map_err(|_| StoreError::Closed)?;
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
    let job: Job = Box::new(move |connection, company| {
        let done = connection.and_then(|connection| match company {
            Company::Alone => caught(connection, work),
            Company::Others => in_savepoint(connection, work),
        });
        let trouble = done.as_ref().err().filter(|error| error.is_of_file()).cloned();
        let half_done = company == Company::Alone && done.is_err();
        let tell = Box::new(move |committed: Result<(), StoreError>| {
            let _ = answer.send(done.and_then(|value| committed.map(|()| value)));
        });
        Done { trouble, half_done, tell }
    });
    (job, waiting)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Without it, statements that are kept are planned anew for other values: a third of the work of taking a mail.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A checkpoint makes whoever is taken at that moment wait; with a longer log it is seldom, and writes less in all.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
         PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8000;
         PRAGMA wal_autocheckpoint = 16000; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// Brings the log into the file, and empties it.
pub(super) const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
/// Copies all tables, as they are at one moment, into a file.
pub(super) const COPY: &str = "VACUUM INTO ?1";

/// The tables of each version; the file says in `user_version` how many of them it has had.
const VERSIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema-2.sql"),
    include_str!("schema-journal.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
    include_str!("schema-tls-policy.sql"),
    include_str!("schema-notes.sql"),
    include_str!("schema-sharing.sql"),
    include_str!("schema-factor.sql"),
    include_str!("schema-tlsrpt.sql"),
    include_str!("schema-passkey.sql"),
    include_str!("schema-statement.sql"),
    include_str!("schema-lanes.sql"),
    include_str!("schema-taken.sql"),
    include_str!("schema-incident.sql"),
    include_str!("schema-level.sql"),
    include_str!("schema-anew.sql"),
    include_str!("schema-told.sql"),
    include_str!("schema-pages.sql"),
    include_str!("schema-week.sql"),
];

fn migrate(connection: &Connection) -> Result<(), StoreError> {
    while version(connection)? < VERSIONS.len() {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        // Another process that was started after an upgrade may have been first; from here on none can be.
        let had = version(&transaction)?;
        if let Some(tables) = VERSIONS.get(had) {
            transaction.execute_batch(&format!("{tables} PRAGMA user_version = {};", had + 1))?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// How many of the versions the file has had.
fn version(connection: &Connection) -> Result<usize, StoreError> {
    let had: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let had = had as usize;
    if had > VERSIONS.len() {
        let newer = "the store was written by a newer mailpoort; run that one, or put a backup of before it back";
        return Err(StoreError::Trouble(newer.to_owned()));
    }
    Ok(had)
}

fn write_all(
    connection: &Connection,
    mut waiting: mpsc::Receiver<Order>,
    later: &Mutex<Vec<Job>>,
    condition: &Condition,
) {
    let (mut orders, mut syncs) = (Vec::with_capacity(BATCH), Sync::Now);
    while waiting.blocking_recv_many(&mut orders, BATCH) > 0 {
        let mut jobs: Vec<Job> = orders.drain(..).filter_map(Order::job).collect();
        // A commit that syncs takes all that was written before it to the disk as well: the log is one file.
        let wanted = if jobs.is_empty() { Sync::Later } else { Sync::Now };
        if wanted != syncs {
            match connection.execute_batch(wanted.pragma()) {
                Ok(()) => syncs = wanted,
                // What syncs too often is slow; what does not sync is not on the disk, and nobody may hear that it is.
                Err(error) if wanted == Sync::Now => {
                    let told = StoreError::from(error);
                    condition.met(Some(&told));
                    refuse(jobs, &told);
                    continue;
                }
                Err(_) => {}
            }
        }
        jobs.append(&mut later.lock().unwrap_or_else(PoisonError::into_inner));
        if !jobs.is_empty() {
            write(connection, jobs, condition);
        }
    }
}

impl Sync {
    fn pragma(self) -> &'static str {
        match self {
            Self::Later => "PRAGMA synchronous = NORMAL",
            Self::Now => "PRAGMA synchronous = FULL",
        }
    }
}

/// One transaction.
fn write(connection: &Connection, jobs: Vec<Job>, condition: &Condition) {
    if let Err(error) = run(connection, "BEGIN IMMEDIATE") {
        let told = StoreError::from(error);
        condition.met(Some(&told));
        refuse(jobs, &told);
        return;
    }
    let before = connection.total_changes();
    let mut trouble = None;
    let company = if jobs.len() == 1 { Company::Alone } else { Company::Others };
    let done: Vec<Done> = jobs
        .into_iter()
        .map(|job| {
            // Trouble with the disk may have ended the transaction. A savepoint would begin one of its own then, and
            // write what its client is told was not written.
            let open = if connection.is_autocommit() { Err(gone(&trouble)) } else { Ok(connection) };
            let done = job(open, company);
            trouble = trouble.take().or_else(|| done.trouble.clone());
            done
        })
        .collect();
    let half_done = done.iter().any(|done| done.half_done);
    let committed = match connection.is_autocommit() {
        true => Err(gone(&trouble)),
        false if half_done => run(connection, "ROLLBACK").map_err(StoreError::from),
        false => run(connection, "COMMIT").map_err(StoreError::from),
    };
    if committed.is_err() {
        // After a full disk SQLite may have rolled back by itself; then this one fails, and nothing is lost.
        let _ = connection.execute_batch("ROLLBACK");
    }
    match trouble.as_ref().or(committed.as_ref().err()) {
        None if half_done || connection.total_changes() == before => {}
        met => condition.met(met),
    }
    done.into_iter().for_each(|done| (done.tell)(committed.clone()));
}

/// Tells all of them that nothing was written.
fn refuse(jobs: Vec<Job>, error: &StoreError) {
    jobs.into_iter().for_each(|job| (job(Err(error.clone()), Company::Others).tell)(Ok(())));
}

impl Order {
    fn job(self) -> Option<Job> {
        match self {
            Self::Write(job) => Some(job),
            Self::Go => None,
        }
    }
}

/// Why a transaction is not there any more.
fn gone(trouble: &Option<StoreError>) -> StoreError {
    trouble.clone().unwrap_or_else(|| StoreError::File("the transaction was rolled back".to_owned()))
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, StoreError> {
    run(connection, "SAVEPOINT one")?;
    match caught(connection, work) {
        Ok(value) => run(connection, "RELEASE one").map(|()| value).map_err(StoreError::from),
        Err(error) => {
            // With the whole transaction rolled back there is no savepoint any more; what went wrong first is told.
            let _ = connection.execute_batch("ROLLBACK TO one; RELEASE one");
            Err(error)
        }
    }
}

/// Does a write's work; a panic in it is its failure.
fn caught<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, StoreError> {
    let done = catch_unwind(AssertUnwindSafe(|| work(connection)));
    done.unwrap_or_else(|_| Err(rusqlite::Error::InvalidQuery)).map_err(StoreError::from)
}

/// A statement without values that every transaction has, kept ready.
fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(|_| ())
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase,
            ) => Self::File(error.to_string()),
            // The message of SQLite names tables and columns, never a value.
            _ => Self::Trouble(error.to_string()),
        }
    }
}
