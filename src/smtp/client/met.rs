//! How a next hop has fared with us: its answers to messages, the trouble, and whether it could be reached of late.
//!
//! Counted where it happens, read by the page of `status`. Never waits.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::trouble::Trouble;
use crate::meter::{Counter, Histogram, Replies, SECONDS};

/// The counters of a next hop; they outlive reloads.
#[derive(Debug)]
pub struct Met {
    /// Its replies to the end of a message.
    pub replies: Replies,
    /// How long those took.
    pub latency: Histogram,
    troubles: [Counter; Trouble::ALL.len()],
    /// 0 before the first attempt, 1 reached, else 2 and the trouble.
    last: AtomicU8,
    /// When that was, seconds since 1970.
    at: AtomicI64,
}

/// What came of the last attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// There was none yet.
    Unknown,
    /// It answered.
    Reached,
    /// It did not, or not as it must.
    Trouble(Trouble),
}

impl Default for Met {
    fn default() -> Self {
        Self {
            replies: Replies::default(),
            latency: Histogram::new(SECONDS),
            troubles: Default::default(),
            last: AtomicU8::new(0),
            at: AtomicI64::new(0),
        }
    }
}

impl Met {
    /// It has answered a message.
    pub fn replied(&self, code: u16, took: Duration) {
        self.replies.one(code);
        self.latency.time(took);
        self.reached();
    }

    /// There was trouble with it. That all our places are in use says nothing of whether it can be reached, nor does a
    /// connection that ended in the middle.
    pub fn trouble(&self, trouble: Trouble) {
        let number = Trouble::ALL.iter().position(|known| *known == trouble).unwrap_or_default();
        if let Some(counter) = self.troubles.get(number) {
            counter.one();
        }
        if matches!(trouble, Trouble::Unreachable | Trouble::NoTls | Trouble::Tls | Trouble::RefusesUs) {
            self.note(2 + number as u8);
        }
    }

    /// A connection could be had.
    pub fn reached(&self) {
        self.note(1);
    }

    /// What came of the last attempt, and how many seconds ago that was.
    pub fn last(&self) -> (Last, u64) {
        let last = match self.last.load(Ordering::Relaxed) {
            0 => Last::Unknown,
            1 => Last::Reached,
            more => Trouble::ALL.get(usize::from(more) - 2).map_or(Last::Unknown, |trouble| Last::Trouble(*trouble)),
        };
        (last, now().saturating_sub(self.at.load(Ordering::Relaxed)).unsigned_abs())
    }

    /// Trouble by its word.
    pub fn troubles(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Trouble::ALL.into_iter().map(Trouble::word).zip(self.troubles.iter().map(Counter::get))
    }

    fn note(&self, last: u8) {
        self.last.store(last, Ordering::Relaxed);
        self.at.store(now(), Ordering::Relaxed);
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_counts_and_a_full_house_is_none() {
        let met = Met::default();
        assert_eq!(met.last().0, Last::Unknown);
        met.trouble(Trouble::Tls);
        met.trouble(Trouble::Busy);
        met.trouble(Trouble::Lost);
        assert_eq!(met.last(), (Last::Trouble(Trouble::Tls), 0));
        met.replied(250, Duration::from_millis(3));
        assert_eq!(met.last().0, Last::Reached);
        let counted: Vec<_> = met.troubles().filter(|(_, number)| *number > 0).collect();
        assert_eq!(counted, [("lost", 1), ("tls", 1), ("busy", 1)]);
    }
}
