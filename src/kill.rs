//! Named points on the way of mail that we owe, at which a test has the process die: nothing of it is unwound, flushed or
//! said, as if it were killed there.
//!
//! `MAILPOORT_DIES_AT=taken:3` dies when the third mail is taken and its client has not heard of it. Only builds with
//! debug assertions know the variable: in a release build a point is nothing.

/// A point, named by what has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A large item is sealed, and no file.
    Sealed,
    /// It is a file on the disk, which no row knows.
    FileWritten,
    /// The rows of a mail that is taken are written, and not committed.
    TakenRows,
    /// They are committed, and its client has not heard of it.
    Taken,
    /// Mail that is due was claimed.
    Claimed,
    /// A next hop has answered, which is written nowhere.
    Answered,
    /// That is written, and not committed.
    SettledRows,
    /// It is committed.
    Settled,
    /// At the start, leases of who died are free, and files that no row knows are there.
    Freed,
    /// One of the items of a share is a file, and nothing else is.
    ShareItem,
    /// All of a share is sealed, and no row of it written.
    ShareDrafted,
    /// A choice about held mail is written, and not committed.
    ChosenRows,
    /// What somebody is told later is in a message, which is owed in rows that are not committed.
    ToldRows,
    /// The rows of what is over are gone, and its files are there.
    Purged,
    /// There is a new key beside the old one, which has sealed everything.
    KeyMade,
    /// One of the files is sealed with the new key.
    FileSealedAnew,
    /// The rows are sealed with the new key, and not committed.
    RowsSealedAnew,
    /// Everything is sealed with the new key, and the old one is there.
    SealedAnew,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Sealed,
        Self::FileWritten,
        Self::TakenRows,
        Self::Taken,
        Self::Claimed,
        Self::Answered,
        Self::SettledRows,
        Self::Settled,
        Self::Freed,
        Self::ShareItem,
        Self::ShareDrafted,
        Self::ChosenRows,
        Self::ToldRows,
        Self::Purged,
        Self::KeyMade,
        Self::FileSealedAnew,
        Self::RowsSealedAnew,
        Self::SealedAnew,
    ];

    /// Its name in the variable.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::FileWritten => "file-written",
            Self::TakenRows => "taken-rows",
            Self::Taken => "taken",
            Self::Claimed => "claimed",
            Self::Answered => "answered",
            Self::SettledRows => "settled-rows",
            Self::Settled => "settled",
            Self::Freed => "freed",
            Self::ShareItem => "share-item",
            Self::ShareDrafted => "share-drafted",
            Self::ChosenRows => "chosen-rows",
            Self::ToldRows => "told-rows",
            Self::Purged => "purged",
            Self::KeyMade => "key-made",
            Self::FileSealedAnew => "file-sealed-anew",
            Self::RowsSealedAnew => "rows-sealed-anew",
            Self::SealedAnew => "sealed-anew",
        }
    }

    /// The process is at this point.
    #[inline]
    pub fn reached(self) {
        #[cfg(debug_assertions)]
        wanted::die_at(self);
    }
}

#[cfg(debug_assertions)]
mod wanted {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Point;

    /// At which point, and how often it is to be passed before.
    static WANTED: OnceLock<Option<(Point, AtomicUsize)>> = OnceLock::new();

    pub(super) fn die_at(point: Point) {
        let wanted = WANTED.get_or_init(|| parse(&std::env::var("MAILPOORT_DIES_AT").ok()?));
        let Some((_, left)) = wanted.as_ref().filter(|(wanted, _)| *wanted == point) else { return };
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    }

    /// `word` or `word:times`.
    fn parse(text: &str) -> Option<(Point, AtomicUsize)> {
        let (word, times) = text.split_once(':').unwrap_or((text, "1"));
        let point = Point::ALL.into_iter().find(|point| point.word() == word)?;
        Some((point, AtomicUsize::new(times.parse().ok()?)))
    }
}
