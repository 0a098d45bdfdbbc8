//! The memory budget over all sessions: messages in memory, raw and decoded, never exceed it.
//!
//! A reservation is taken before the bytes are, and given back when it is dropped. When the budget is spent
//! the client gets a 452 and tries again; nothing is ever refused for good for want of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A budget in octets, shared by all sessions.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: AtomicUsize,
    used: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` octets.
    pub fn new(limit: usize) -> Self {
        Self { shared: Arc::new(Shared { limit: AtomicUsize::new(limit), used: AtomicUsize::new(0) }) }
    }

    /// An empty reservation, to be grown.
    pub fn reservation(&self) -> Reservation {
        Reservation { shared: Arc::clone(&self.shared), held: 0 }
    }

    /// Changes the limit; what is held already stays held.
    pub fn set_limit(&self, limit: usize) {
        self.shared.limit.store(limit, Ordering::Relaxed);
    }

    /// Octets that may be used.
    pub fn limit(&self) -> usize {
        self.shared.limit.load(Ordering::Relaxed)
    }

    /// Octets in use.
    pub fn used(&self) -> usize {
        self.shared.used.load(Ordering::Relaxed)
    }

    /// Whether `octets` would fit at this moment.
    pub fn has_room(&self, octets: usize) -> bool {
        self.used().saturating_add(octets) <= self.shared.limit.load(Ordering::Relaxed)
    }
}

/// Octets held of the budget; given back on drop.
#[derive(Debug)]
pub struct Reservation {
    shared: Arc<Shared>,
    held: usize,
}

impl Reservation {
    /// Takes `more` octets; false, and nothing taken, when they are not there.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let limit = self.shared.limit.load(Ordering::Relaxed);
        let taken = self.shared.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(more).filter(|&sum| sum <= limit)
        });
        self.held += if taken.is_ok() { more } else { 0 };
        taken.is_ok()
    }

    /// Octets held.
    pub fn held(&self) -> usize {
        self.held
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_beyond_the_limit_and_all_comes_back() {
        let budget = Budget::new(100);
        let (mut a, mut b) = (budget.reservation(), budget.reservation());
        assert!(a.grow(60) && !b.grow(41) && b.grow(40));
        assert_eq!((budget.used(), a.held(), b.held()), (100, 60, 40));
        assert!(!b.grow(usize::MAX));
        drop(a);
        assert_eq!(budget.used(), 40);
        assert!(budget.has_room(60) && !budget.has_room(61));
    }
}
