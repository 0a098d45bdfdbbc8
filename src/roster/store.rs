//! Where rosters rest: one sealed file a school, below `data_dir`. No name is readable there.
//!
//! A new roster takes the place of the old one whole or not at all, and one with far fewer pupils is refused until
//! somebody says that it is right: half an export would leave half of the pupils unprotected.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Roster;
use crate::problem::Problem;
use crate::seal::{SealKey, write_whole};

/// The rosters of an installation.
pub struct Store {
    folder: PathBuf,
    key: SealKey,
}

/// A roster with the day on which it was imported.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    /// The roster.
    pub roster: Roster,
    /// Year, month, day.
    imported: (i16, i8, i8),
}

impl Kept {
    /// The day of the import.
    pub fn imported(&self) -> Date {
        let (year, month, day) = self.imported;
        Date::new(year, month, day).unwrap_or(Date::MIN)
    }
}

/// A roster with fewer pupils than this share of the old one's asks first, in percent.
const ENOUGH: usize = 95;
/// A roster is warned about after so many days.
const OLD: i32 = 30;

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.folder.display())
    }
}

impl Store {
    /// The rosters below a data folder; folder and key are made when there are none.
    ///
    /// # Errors
    /// A [`Problem`] when folder or key cannot be had.
    pub fn open(data_dir: &Path) -> Result<Self, Problem> {
        let folder = data_dir.join("rosters");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| {
            let what = format!("the folder for rosters cannot be made: {error}");
            Problem::new(&folder, what, "give mailpoort a `data_dir` that it may write to")
        })?;
        Ok(Self { folder, key: SealKey::load_or_make(&data_dir.join(SealKey::FILE))? })
    }

    /// The roster of a school; none when there was no import yet.
    ///
    /// # Errors
    /// A [`Problem`] when there is one that cannot be opened.
    pub fn load(&self, school: &str) -> Result<Option<Kept>, Problem> {
        let file = self.file(school);
        let damaged =
            |what: String| Problem::new(&file, what, "import the roster again with `mailpoort roster import`");
        let sealed = match fs::read(&file) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(damaged(format!("the sealed roster cannot be read: {error}"))),
        };
        let plain = self.key.open(&label(school), &sealed);
        let kept = plain.and_then(|plain| postcard::from_bytes(&plain).ok());
        kept.map(Some).ok_or_else(|| damaged("the sealed roster is damaged, or sealed with another key".to_owned()))
    }

    /// Keeps a roster in the place of the old one.
    ///
    /// # Errors
    /// A [`Problem`] when it has far fewer pupils than the old one and `accept_fewer` is not set, or cannot be written.
    pub fn keep(&self, school: &str, roster: Roster, today: Date, accept_fewer: bool) -> Result<(), Problem> {
        let file = self.file(school);
        // A damaged old one has nothing to compare with, and the new one mends it.
        let old = self.load(school).ok().flatten().map_or(0, |kept| kept.roster.pupils.len());
        let new = roster.pupils.len();
        if !accept_fewer && new * 100 < old * ENOUGH {
            return Err(Problem::new(
                &file,
                format!("the new roster has {new} pupils, the one in use {old}: over 5% fewer"),
                "check the export; if it is right, run `mailpoort roster import --accept-fewer`",
            ));
        }
        let kept = Kept { roster, imported: (today.year(), today.month(), today.day()) };
        let plain = postcard::to_allocvec(&kept).ok();
        let sealed = plain.and_then(|plain| self.key.seal(&label(school), &plain));
        let sealed = sealed.ok_or_else(|| Problem::new(&file, "the roster cannot be sealed", "try again"))?;
        write_whole(&file, &sealed).map_err(|error| {
            Problem::new(&file, format!("the sealed roster cannot be written: {error}"), "check space and rights")
        })
    }

    /// Seals every roster anew with the key that seals now. Gives how many.
    ///
    /// # Errors
    /// A [`Problem`] when one cannot be opened or written; the others may be sealed anew by then.
    pub fn seal_anew(&self) -> Result<usize, Problem> {
        let listed = fs::read_dir(&self.folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let unreadable = |error: std::io::Error| {
            Problem::new(&self.folder, format!("the rosters cannot be sealed anew: {error}"), "check space and rights")
        };
        let mut anew = 0;
        for entry in listed.map_err(unreadable)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(school) = name.strip_suffix(".sealed") else { continue };
            let sealed = fs::read(entry.path()).map_err(unreadable)?;
            let plain = self.key.open(&label(school), &sealed);
            let again = plain.and_then(|plain| self.key.seal(&label(school), &plain));
            let again = again.ok_or_else(|| {
                Problem::new(entry.path(), "the sealed roster cannot be opened", "import it again, or remove it")
            })?;
            write_whole(&entry.path(), &again).map_err(unreadable)?;
            anew += 1;
        }
        Ok(anew)
    }

    fn file(&self, school: &str) -> PathBuf {
        self.folder.join(format!("{school}.sealed"))
    }
}

/// Why a roster should be imported anew: it is a month old, or of the school year before (which ends on 1 August).
pub fn age_warning(imported: Date, today: Date) -> Option<String> {
    let days = today.since(imported).map_or(0, |span| span.get_days());
    let august = Date::new(today.year(), 8, 1).ok()?;
    if imported < august && august <= today {
        return Some(format!(
            "het rooster van leerlingen is van {imported}, dus van vóór dit schooljaar: importeer het opnieuw"
        ));
    }
    (days > OLD)
        .then(|| format!("het rooster van leerlingen is {days} dagen oud (van {imported}): importeer het opnieuw"))
}

fn label(school: &str) -> String {
    format!("roster of {school}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_readable_rests_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..100).map(|n| format!("Kwinten{n} Zandvlietstra")).collect();
        let store = Store::open(folder.path()).unwrap();
        assert!(store.load("linde").unwrap().is_none());
        store.keep("linde", Roster::from_names(&names), day("2026-03-01"), false).unwrap();
        let files = [folder.path().join("rosters/linde.sealed"), folder.path().join("seal.key")];
        for file in files {
            let octets = fs::read(file).unwrap();
            assert!(
                memchr::memmem::find(&octets, b"Zandvliet").is_none()
                    && memchr::memmem::find(&octets, b"Kwin").is_none()
            );
        }
        let kept = Store::open(folder.path()).unwrap().load("linde").unwrap().unwrap();
        assert_eq!((kept.roster.pupils.len(), kept.imported()), (100, day("2026-03-01")));
        fs::copy(folder.path().join("rosters/linde.sealed"), folder.path().join("rosters/eik.sealed")).unwrap();
        assert!(store.load("eik").is_err());
    }

    #[test]
    fn far_fewer_pupils_ask_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let names: Vec<String> = (0..100).map(|n| format!("Kwinten{n} Zandvlietstra")).collect();
        let keep = |count: usize, accept| {
            let roster = Roster::from_names(names.get(..count).unwrap());
            store.keep("linde", roster, day("2026-03-01"), accept)
        };
        keep(100, false).unwrap();
        keep(95, false).unwrap();
        let refused = keep(90, false).unwrap_err().to_string();
        assert!(
            refused.contains("90 pupils") && refused.contains("95") && refused.contains("--accept-fewer"),
            "{refused}"
        );
        assert_eq!(store.load("linde").unwrap().unwrap().roster.pupils.len(), 95);
        keep(90, true).unwrap();
        assert_eq!(store.load("linde").unwrap().unwrap().roster.pupils.len(), 90);
    }

    #[test]
    fn age_is_warned_about() {
        for (imported, today, old) in [
            ("2026-03-01", "2026-03-31", false),
            ("2026-03-01", "2026-04-01", true),
            ("2026-07-31", "2026-08-01", true),
            ("2026-08-01", "2026-08-20", false),
            ("2025-12-20", "2026-01-10", false),
        ] {
            assert_eq!(age_warning(day(imported), day(today)).is_some(), old, "{imported} {today}");
        }
    }
}
