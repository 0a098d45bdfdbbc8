//! The lines that go into the store, in batches of a second at most.
//!
//! A kill may lose that second: the next start writes a line that says it was not stopped, and behind which number that
//! was. With the store unwritable lines wait, mail goes on, and what waits too long is counted; the next line that is
//! written says how many are missing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Condition;
use crate::store::journal::NewLine;
use crate::store::{self, Store, StoreError};

/// A line waits this long for others at most.
const BATCH_TIME: Duration = Duration::from_millis(900);
/// So many lines do not wait.
const BATCH: usize = 500;
/// Lines that wait for a store that cannot be written; beyond it the newest are lost.
const MOST: usize = 20_000;

/// The lines on their way to the store.
pub(super) struct Ledger {
    store: Store,
    condition: Arc<Condition>,
    lines: Vec<NewLine>,
    /// When the lines are written.
    due: Option<Instant>,
    /// Whether the line of the start is written.
    has_begun: bool,
    /// Losses that the journal has told already.
    told: u64,
}

impl Ledger {
    pub fn new(store: Store, condition: Arc<Condition>) -> Self {
        // The start is a line, too, and is due at once.
        Self { store, condition, lines: Vec::new(), due: Some(Instant::now()), has_begun: false, told: 0 }
    }

    pub fn add(&mut self, line: NewLine) {
        if self.lines.len() >= MOST {
            self.condition.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.lines.push(line);
        self.due = self.due.or_else(|| Instant::now().checked_add(BATCH_TIME));
    }

    /// How long the next line may be waited for; none for as long as it takes.
    pub fn patience(&self) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    pub fn write_when_due(&mut self) {
        let is_well = self.condition.trouble_with_store().is_none();
        if self.due.is_some_and(|due| due <= Instant::now()) || is_well && self.lines.len() >= BATCH {
            self.write();
        }
    }

    /// The last lines, and that this was a stop.
    pub fn stop(mut self) {
        let line = NewLine::of_gate(store::now(), json!({ "event": "stop" }).to_string());
        self.lines.push(line);
        self.write();
    }

    fn write(&mut self) {
        match self.try_write() {
            Ok(()) => {
                if self.condition.unwritable.swap(false, Ordering::Relaxed) {
                    tracing::info!("the journal is written to the store again");
                }
                self.due = None;
            }
            Err(error) => {
                if !self.condition.unwritable.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the journal cannot be written to the store; its lines wait, and mail goes on");
                }
                self.due = Instant::now().checked_add(BATCH_TIME);
            }
        }
    }

    fn try_write(&mut self) -> Result<(), StoreError> {
        if !self.has_begun {
            self.store.journal_start(store::now())?;
            self.has_begun = true;
        }
        let lost = self.condition.lost();
        if lost > self.told {
            let core = json!({ "event": "lost", "lost": lost - self.told }).to_string();
            self.store.journal_blocking(&[NewLine::of_gate(store::now(), core)])?;
            self.told = lost;
        }
        // Owed mail waits behind each of these, so none is large.
        while !self.lines.is_empty() {
            let most = self.lines.len().min(BATCH);
            self.store.journal_blocking(self.lines.get(..most).unwrap_or_default())?;
            self.lines.drain(..most);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use rusqlite::Connection;

    use super::*;
    use crate::seal::SealKey;

    fn line() -> NewLine {
        NewLine::of_gate(1, r#"{"event":"mail"}"#.to_owned())
    }

    fn by_hand(folder: &Path, statement: &str) {
        Connection::open(folder.join("mailpoort.db")).unwrap().execute_batch(statement).unwrap();
    }

    #[test]
    fn a_store_that_cannot_be_written_costs_lines_only_when_too_many_wait() {
        let folder = tempfile::tempdir().unwrap();
        let keys = SealKey::load_or_make(&folder.path().join("seal.key")).unwrap();
        let store = Store::open(folder.path(), Arc::new(keys)).unwrap();
        let condition = Arc::new(Condition::default());
        let mut ledger = Ledger::new(store.clone(), Arc::clone(&condition));
        ledger.write_when_due();
        assert_eq!(condition.trouble(), None);
        by_hand(folder.path(), "ALTER TABLE journal RENAME TO elsewhere");
        for _ in 0..MOST + 7 {
            ledger.add(line());
        }
        ledger.write();
        assert_eq!((condition.trouble().is_some(), condition.lost()), (true, 7));
        by_hand(folder.path(), "ALTER TABLE elsewhere RENAME TO journal");
        ledger.write();
        assert_eq!((condition.trouble(), condition.lost()), (None, 7));
        ledger.add(line());
        ledger.stop();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verified = runtime.block_on(store.verify_journal(None)).unwrap();
        // Start, what was lost, the lines, stop.
        assert_eq!((verified.lines, verified.lost, verified.wrong), (MOST as u64 + 4, 7, None));
        assert!(verified.restarts.is_empty());
    }
}
