//! Counting: numbers that many threads raise and one page shows.
//!
//! Whoever has something to count owns its counters; the page of `status` reads them. One relaxed atomic addition each:
//! no lock, no allocation, no waiting. The page is the text format of Prometheus, version 0.0.4
//! (prometheus.io/docs/instrumenting/exposition_formats), which needs no library. A label is a word of ours or of the
//! configuration: never an address, a name or an id, which would both tell something and grow without end.

mod page;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use page::Page;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Replies by their class: 2xx, 4xx, 5xx.
#[derive(Debug, Default)]
pub struct Replies([Counter; 3]);

impl Replies {
    /// One more reply with this code.
    pub fn one(&self, code: u16) {
        let class = match code {
            0..300 => 0,
            300..500 => 1,
            _ => 2,
        };
        self.0[class].one();
    }

    /// The classes with their numbers.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ["2xx", "4xx", "5xx"].into_iter().zip(self.0.iter().map(Counter::get))
    }
}

/// How often a measure lay below each of some bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than there are bounds: what lies above all.
    buckets: Box<[Counter]>,
    /// In millionths, so that an integer holds it.
    sum: AtomicU64,
}

/// From a scan of a small mail to one that is nearly late, seconds.
pub const SECONDS: &[f64] = &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0];
/// From a line to the largest mail, octets.
pub const OCTETS: &[f64] = &[1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6];

impl Histogram {
    /// An empty one; the bounds rise.
    pub fn new(bounds: &'static [f64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| Counter::default()).collect();
        Self { bounds, buckets, sum: AtomicU64::new(0) }
    }

    /// One more measure.
    pub fn note(&self, measure: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < measure);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.one();
        }
        self.sum.fetch_add((measure * 1e6) as u64, Ordering::Relaxed);
    }

    /// One more time, in seconds.
    pub fn time(&self, time: Duration) {
        self.note(time.as_secs_f64());
    }

    /// Each bound with how many lay at or below it, the last of which is all; and their sum.
    fn read(&self) -> (Vec<(f64, u64)>, f64) {
        let mut below = 0;
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let read = bounds.zip(&self.buckets).map(|(bound, bucket)| {
            below += bucket.get();
            (bound, below)
        });
        (read.collect(), self.sum.load(Ordering::Relaxed) as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_counts_for_every_bound_at_or_above_it() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        [0.5, 1.0, 1.5, 7.0].into_iter().for_each(|measure| histogram.note(measure));
        assert_eq!(histogram.read(), (vec![(1.0, 2), (2.0, 3), (f64::INFINITY, 4)], 10.0));
    }

    #[test]
    fn replies_have_three_classes() {
        let replies = Replies::default();
        [250, 451, 452, 550, 999].into_iter().for_each(|code| replies.one(code));
        assert_eq!(replies.all().collect::<Vec<_>>(), [("2xx", 1), ("4xx", 2), ("5xx", 2)]);
    }
}
