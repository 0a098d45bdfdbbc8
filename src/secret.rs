//! A value that must never reach a log, metric, error or `Debug`.
//!
//! `Secret` hands its content out only through [`Secret::expose`], so that every place where a found
//! value, a name or a password leaves the program can be listed with one search. It does not encrypt
//! and does not wipe memory: it keeps values out of *text that we write*, nothing more.

use std::fmt;

/// A value whose `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each caller is an exit on purpose (DESIGN section 1, promise 5).
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?} {:?}", Secret::new("canary".to_string()), Some(Secret::new(7_654_321)));
        assert_eq!(shown, "Secret(..) Some(Secret(..))");
    }
}
