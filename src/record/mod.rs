//! The journal: one line a mail, without content.
//!
//! Kinds, counts, classes, policy lines and codes; never a found value, a name, a subject or, in what people read, an
//! address. A Message-ID is written when it holds no finding, so that IT can trace a mail. Lines go to a file or the log,
//! and into the [store](crate::store::journal) when there is one, where they are chained. A thread of its own writes them,
//! so that no session waits for a disk; nothing here can refuse a mail.
//!
//! | file | what |
//! |---|---|
//! | `entry` | what is known of one mail |
//! | `ledger` | the lines that go into the store, in batches |
//! | [`purge`] | the end of what is kept |
//! | [`rollout`] | what each policy line did or would have done |

mod entry;
mod ledger;
pub mod purge;
pub mod reach;
pub mod rollout;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::problem::Problem;
use crate::store::Store;
pub use entry::Entry;
use ledger::Ledger;
pub use purge::Lifetimes;

/// Where the lines go.
#[derive(Debug)]
pub struct Record {
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
    condition: Arc<Condition>,
}

/// How the journal is. Whoever watches the gate reads it.
#[derive(Debug, Default)]
pub struct Condition {
    unwritable: AtomicBool,
    unproven: AtomicBool,
    lost: AtomicU64,
}

impl Condition {
    /// What is wrong now, in words for the operator; none when it is well.
    pub fn trouble(&self) -> Option<&'static str> {
        self.trouble_with_store().or_else(|| self.trouble_with_purge())
    }

    fn trouble_with_store(&self) -> Option<&'static str> {
        self.unwritable.load(Ordering::Relaxed).then_some("the journal cannot be written to the store")
    }

    fn trouble_with_purge(&self) -> Option<&'static str> {
        self.unproven.load(Ordering::Relaxed).then_some("a purge did not erase what was due")
    }

    /// Lines that were lost since the start: they stand in the log, and the journal says how many are missing.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// What a purge came to.
    pub fn purged(&self, is_proven: bool) {
        self.unproven.store(!is_proven, Ordering::Relaxed);
    }
}

/// What the writing thread is told.
#[derive(Debug)]
enum Order {
    Write(Box<Entry>),
    /// Another program has moved the file away (logrotate).
    Reopen,
    /// The store is there.
    Keep(Store),
}

/// Lines that may wait for the disk; beyond that they go to the log instead, so that no mail waits.
const WAITING: usize = 10_000;

impl Record {
    /// A record in a file, appended to, or in the log.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: Option<&Path>) -> Result<Self, Problem> {
        match path {
            None => Ok(Self { orders: None, writer: None, condition: Arc::default() }),
            Some(_) => Self::start(path, None),
        }
    }

    /// From now on the lines go into the store, too.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn keep_in(&mut self, store: Store) -> Result<(), Problem> {
        match &self.orders {
            None => *self = Self::start(None, Some(store))?,
            Some(orders) => _ = orders.send(Order::Keep(store)),
        }
        Ok(())
    }

    fn start(path: Option<&Path>, store: Option<Store>) -> Result<Self, Problem> {
        let lines = Lines::open(path)?;
        let condition = Arc::new(Condition::default());
        let its = Arc::clone(&condition);
        let ledger = store.map(|store| Ledger::new(store, Arc::clone(&condition)));
        let (orders, waiting) = sync_channel(WAITING);
        let writer = std::thread::Builder::new().name("journal".into());
        let thread = writer.spawn(move || write_all(lines, ledger, &waiting, &its)).map_err(|error| {
            Problem::new("journal", format!("no thread for the journal: {error}"), "raise the limit on threads")
        })?;
        Ok(Self { orders: Some(orders), writer: Some(thread), condition })
    }

    /// Writes one line, without waiting.
    pub fn line(&self, entry: Entry) {
        let Some(orders) = &self.orders else { return log(&entry) };
        let sent = orders.try_send(Order::Write(Box::new(entry)));
        if let Err(TrySendError::Full(Order::Write(entry)) | TrySendError::Disconnected(Order::Write(entry))) = sent {
            self.condition.lost.fetch_add(u64::from(!entry.is_kept()), Ordering::Relaxed);
            log(&entry);
        }
    }

    /// Opens the file anew, for a log rotation that has moved it.
    pub fn reopen(&self) {
        if let Some(orders) = &self.orders {
            // A full channel is served by the old file for a while; the next reload tries again.
            let _ = orders.try_send(Order::Reopen);
        }
    }

    /// How it is, for whoever watches.
    pub fn condition(&self) -> Arc<Condition> {
        Arc::clone(&self.condition)
    }
}

impl Drop for Record {
    /// Waits until every line is on the disk.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write_all(mut lines: Lines, mut ledger: Option<Ledger>, waiting: &Receiver<Order>, condition: &Arc<Condition>) {
    loop {
        let order = match ledger.as_ref().and_then(Ledger::patience) {
            Some(patience) => waiting.recv_timeout(patience),
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match order {
            Ok(Order::Write(entry)) => {
                lines.write(&entry);
                if let Some(ledger) = ledger.as_mut().filter(|_| !entry.is_kept()) {
                    ledger.add(entry.line());
                }
            }
            Ok(Order::Reopen) => lines.reopen(),
            Ok(Order::Keep(store)) => ledger = Some(Ledger::new(store, Arc::clone(condition))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Some(ledger) = &mut ledger {
            ledger.write_when_due();
        }
    }
    if let Some(ledger) = ledger {
        ledger.stop();
    }
}

/// The lines for programs: a file, or the log.
enum Lines {
    File(File, PathBuf),
    Log,
}

impl Lines {
    fn open(path: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = path else { return Ok(Self::Log) };
        let file = append_to(path).map_err(|error| {
            Problem::new(
                path,
                format!("the journal cannot be written: {error}"),
                "give `log.journal` a path that mailpoort may write",
            )
        })?;
        Ok(Self::File(file, path.to_path_buf()))
    }

    fn write(&mut self, entry: &Entry) {
        let Self::File(file, _) = self else { return log(entry) };
        let written = serde_json::to_vec(entry).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            file.write_all(&line)
        });
        if let Err(error) = written {
            tracing::error!(%error, "the journal could not be written; the line follows here");
            log(entry);
        }
    }

    fn reopen(&mut self) {
        let Self::File(file, path) = self else { return };
        match append_to(path) {
            Ok(again) => *file = again,
            Err(error) => tracing::error!(%error, "the journal could not be opened anew; the old file is written on"),
        }
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn log(entry: &Entry) {
    if !tracing::enabled!(target: "mailpoort::journal", tracing::Level::INFO) {
        return;
    }
    let line = serde_json::to_string(entry).unwrap_or_default();
    tracing::info!(target: "mailpoort::journal", "{line}");
}
