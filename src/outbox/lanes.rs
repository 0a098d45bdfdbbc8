//! Places for deliveries: some for each way, under a total, so that a way on which nobody answers holds up its own mail
//! and no other. The last places of all are for ways that have none, or a few slow ways would take them all.
//!
//! A way that could not be reached is left alone for a while; then one mail alone tries it, and when that arrives somewhere
//! the others go on. Knows nothing of mail, and no clock but the one it is handed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::owed::Closed;

/// The places of one sort of deliveries. Clones are the same places.
#[derive(Debug, Clone)]
pub(super) struct Lanes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    total: usize,
    each: usize,
    lanes: Mutex<HashMap<i64, Lane>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Lane {
    busy: usize,
    /// It could not be reached: nobody tries it before this moment, milliseconds, and one alone after it.
    down_until: Option<i64>,
}

/// What came of asking for a place.
#[derive(Debug)]
pub(super) enum Entry {
    /// It may go.
    In(Place),
    /// All places of the way, or all of them, are taken.
    Full,
    /// The way could not be reached a moment ago.
    Down,
}

/// A place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    inner: Arc<Inner>,
    lane: i64,
}

impl Lanes {
    /// So many places in all, and so many for each way.
    pub fn new(total: usize, each: usize) -> Self {
        Self(Arc::new(Inner { total, each, lanes: Mutex::default() }))
    }

    /// Asks for a place.
    pub fn enter(&self, lane: i64, now: i64) -> Entry {
        let mut lanes = self.0.lanes();
        let busy: usize = lanes.values().map(|lane| lane.busy).sum();
        let own = lanes.entry(lane).or_default();
        if own.is_down(now) {
            return Entry::Down;
        }
        if busy >= self.0.room(own) || own.busy >= own.most(self.0.each) {
            return Entry::Full;
        }
        own.busy += 1;
        Entry::In(Place { inner: Arc::clone(&self.0), lane })
    }

    /// Somebody says that a way works again: one mail tries it.
    pub fn open_again(&self, lane: i64, now: i64) {
        if let Some(own) = self.0.lanes().get_mut(&lane).filter(|own| own.is_down(now)) {
            own.down_until = Some(now);
        }
    }

    /// How many mails may find a place that go by any of these ways: there is no use in claiming more.
    pub fn free(&self, ways: &[i64], now: i64) -> usize {
        let lanes = self.0.lanes();
        let busy: usize = lanes.values().map(|lane| lane.busy).sum();
        let free = |way: &i64| match lanes.get(way) {
            // Its mail is claimed to be put aside, or given up.
            Some(lane) if lane.is_down(now) => self.0.each,
            Some(lane) => lane.most(self.0.each).saturating_sub(lane.busy),
            None => self.0.each,
        };
        self.0.total.saturating_sub(busy).min(ways.iter().map(free).sum())
    }

    /// How many mails may find a place, wherever they go.
    pub fn free_anywhere(&self) -> usize {
        self.0.total.saturating_sub(self.0.lanes().values().map(|lane| lane.busy).sum())
    }

    /// The ways on which nothing more can be tried now, and when the first of those that are down may be again.
    pub fn closed(&self, now: i64) -> (Closed, Option<i64>) {
        let mut lanes = self.0.lanes();
        lanes.retain(|_, lane| lane.busy > 0 || lane.down_until.is_some());
        let down = lanes.iter().filter(|(_, lane)| lane.is_down(now)).map(|(way, _)| *way);
        let busy: usize = lanes.values().map(|lane| lane.busy).sum();
        let is_full = |lane: &Lane| lane.busy >= lane.most(self.0.each) || busy >= self.0.room(lane);
        let full = lanes.iter().filter(|(_, lane)| !lane.is_down(now) && is_full(lane));
        let mut closed = Closed { full: full.map(|(way, _)| *way).collect(), down: down.collect() };
        closed.full.sort_unstable();
        closed.down.sort_unstable();
        (closed, lanes.values().filter(|lane| lane.is_down(now)).filter_map(|lane| lane.down_until).min())
    }
}

impl Place {
    /// Says whether the way could be reached; when not, nobody tries it for `pause` milliseconds.
    pub fn came(&self, reached: bool, now: i64, pause: i64) {
        if let Some(lane) = self.inner.lanes().get_mut(&self.lane) {
            lane.down_until = (!reached).then(|| now.saturating_add(pause));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(lane) = self.inner.lanes().get_mut(&self.lane) {
            lane.busy = lane.busy.saturating_sub(1);
        }
    }
}

impl Lane {
    fn is_down(&self, now: i64) -> bool {
        self.down_until.is_some_and(|until| now < until)
    }

    /// How many of its mails may be on their way: of a way that was not reached last, one.
    fn most(&self, each: usize) -> usize {
        if self.down_until.is_some() { 1 } else { each }
    }
}

impl Inner {
    /// How many places in all there are for a way: a quarter of them only for one that has none yet.
    fn room(&self, lane: &Lane) -> usize {
        if lane.busy > 0 { self.total - self.total / 4 } else { self.total }
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<i64, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(lanes: &Lanes, way: i64, now: i64) -> Option<Place> {
        match lanes.enter(way, now) {
            Entry::In(place) => Some(place),
            _ => None,
        }
    }

    #[test]
    fn a_way_has_its_places_and_all_have_a_total() {
        let lanes = Lanes::new(5, 2);
        let first: Vec<_> = (0..3).filter_map(|_| enter(&lanes, 1, 0)).collect();
        assert_eq!((first.len(), lanes.free(&[1], 0), lanes.free(&[1, 2], 0)), (2, 0, 2));
        assert_eq!(lanes.closed(0).0, Closed { full: vec![1], down: vec![] });
        let others: Vec<_> = [2, 2, 3, 3].into_iter().filter_map(|way| enter(&lanes, way, 0)).collect();
        assert_eq!((others.len(), lanes.free_anywhere()), (3, 0), "the total holds");
        drop(first);
        assert!(matches!(lanes.enter(1, 0), Entry::In(_)));
        assert_eq!(lanes.free(&[1], 0), 2);
    }

    #[test]
    fn slow_ways_leave_a_place_for_each_of_the_others() {
        let lanes = Lanes::new(16, 4);
        let slow: Vec<_> = (0..16).filter_map(|n| enter(&lanes, n % 4, 0)).collect();
        assert_eq!(slow.len(), 12);
        assert_eq!(lanes.closed(0).0.full, [0, 1, 2, 3], "no more of their mail is claimed");
        assert!(lanes.free(&[0, 1, 2, 3, 4], 0) > 0, "but of others");
        for way in 4..8 {
            let one = enter(&lanes, way, 0);
            assert!(one.is_some() && enter(&lanes, way, 0).is_none(), "{way}");
            std::mem::forget(one);
        }
        drop(slow);
        assert!(enter(&lanes, 4, 0).is_some());
    }

    #[test]
    fn a_way_that_is_down_is_left_alone_and_then_tried_by_one() {
        let lanes = Lanes::new(8, 4);
        let (first, second) = (enter(&lanes, 1, 0), enter(&lanes, 1, 0));
        first.as_ref().inspect(|place| place.came(false, 100, 50));
        assert!(matches!(lanes.enter(1, 149), Entry::Down) && matches!(lanes.enter(2, 149), Entry::In(_)));
        assert_eq!(lanes.closed(149), (Closed { full: vec![], down: vec![1] }, Some(150)));
        drop((first, second));
        let one = enter(&lanes, 1, 150);
        assert!(one.is_some() && matches!(lanes.enter(1, 150), Entry::Full), "one tries it");
        assert_eq!(lanes.closed(150), (Closed { full: vec![1], down: vec![] }, None));
        one.as_ref().inspect(|place| place.came(false, 155, 50));
        drop(one);
        // Somebody has mended it, and does not wait.
        assert!(matches!(lanes.enter(1, 156), Entry::Down));
        lanes.open_again(1, 156);
        lanes.open_again(7, 156);
        let one = enter(&lanes, 1, 156);
        assert!(one.is_some() && matches!(lanes.enter(1, 156), Entry::Full), "one tries it still");
        one.as_ref().inspect(|place| place.came(true, 160, 50));
        assert_eq!(lanes.free(&[1], 160), 3);
        drop(one);
        assert_eq!(lanes.closed(160).0, Closed::default());
        assert!(lanes.0.lanes().is_empty(), "nothing is remembered of a way that works");
    }
}
