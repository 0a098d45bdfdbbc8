//! A sieve of hashes: a bit for each, in a table small enough to stay in the fastest cache. Nearly all words of a text are
//! none that is looked for, and this says so without a look at the words themselves.

/// Knows which of so many places (a power of two) hold anything.
#[derive(Debug)]
pub struct Sieve<const PLACES: usize>(Box<[u64]>);

impl<const PLACES: usize> Default for Sieve<PLACES> {
    fn default() -> Self {
        Self(vec![0; PLACES / 64].into())
    }
}

impl<const PLACES: usize> Sieve<PLACES> {
    /// Adds a hash.
    pub fn add(&mut self, hash: u64) {
        let place = hash as usize % PLACES;
        if let Some(bits) = self.0.get_mut(place / 64) {
            *bits |= 1 << (place % 64);
        }
    }

    /// Whether a hash, or another one of its place, was added.
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let place = hash as usize % PLACES;
        self.0.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }
}
