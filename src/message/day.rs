//! A day of the calendar, as a value: whoever has a clock says which day it is.

/// A day. Later days are greater; the default is before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(u32);

impl Day {
    /// A day of the Gregorian calendar; whether there is such a day is not looked at.
    pub fn new(year: u16, month: u8, day: u8) -> Self {
        Self(u32::from(year) * 10_000 + u32::from(month) * 100 + u32::from(day))
    }

    /// Its year; 0 of the default.
    pub fn year(self) -> u16 {
        u16::try_from(self.0 / 10_000).unwrap_or(u16::MAX)
    }
}

impl std::fmt::Display for Day {
    /// As in ISO 8601: `2026-11-24`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0 / 10_000, self.0 / 100 % 100, self.0 % 100)
    }
}
