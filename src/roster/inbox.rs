//! The watch folder of a school: exports that are put there become its roster, and the plain files go.
//!
//! The files that lie there together are one roster. They are taken when they are the same as a look before, so that
//! none is taken half written. What is bad stays where it is, is told once, and never takes the place of a good one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::civil::Date;

use super::{Roster, Source, Store};
use crate::problem::Problem;
use crate::school::Language;

/// The watch folder of one school.
#[derive(Debug)]
pub struct Inbox {
    school: String,
    folder: PathBuf,
    seen: Files,
    refused: Files,
}

/// Size and time of change, by file.
type Files = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// What became of the files in a watch folder.
#[derive(Debug)]
pub enum Taken {
    /// There is nothing, or nothing new, or it may still be written.
    Nothing,
    /// A new roster is kept, and the plain files are gone; what it held.
    New(String),
    /// The old roster stays.
    Refused(Vec<Problem>),
}

/// The most that one file may hold, in octets; nobody's roster is larger.
const MOST: u64 = 256 << 20;

impl Inbox {
    /// The folder of a school.
    pub fn new(school: &str, folder: &Path) -> Self {
        Self { school: school.into(), folder: folder.into(), seen: Files::new(), refused: Files::new() }
    }

    /// Whether it is this folder of this school.
    pub fn is(&self, school: &str, folder: &Path) -> bool {
        self.school == school && self.folder == folder
    }

    /// Looks into the folder, and takes what lies there unchanged since the look before.
    pub fn look(&mut self, store: &Store, today: Date, language: Language) -> Taken {
        let now = match files(&self.folder) {
            Ok(now) => now,
            Err(problem) => return self.refuse(Files::new(), vec![problem]),
        };
        if now.is_empty() || now != self.seen || now == self.refused {
            self.seen = now;
            return Taken::Nothing;
        }
        match self.take(&now, store, today, language) {
            Ok(report) => {
                self.seen.clear();
                Taken::New(report)
            }
            Err(problems) => self.refuse(now, problems),
        }
    }

    fn refuse(&mut self, files: Files, problems: Vec<Problem>) -> Taken {
        // A folder that is not there is told once too.
        if files.is_empty() && self.seen.contains_key(&self.folder) {
            return Taken::Nothing;
        }
        if files.is_empty() {
            self.seen = Files::from([(self.folder.clone(), (0, None))]);
        }
        self.refused = files;
        Taken::Refused(problems)
    }

    fn take(&self, files: &Files, store: &Store, today: Date, language: Language) -> Result<String, Vec<Problem>> {
        let read = |file: &PathBuf| {
            let octets = fs::read(file).map_err(|error| vec![unreadable(file, &error)])?;
            Ok(Source { name: file.clone(), octets })
        };
        let sources: Vec<Source> = files.keys().map(read).collect::<Result<_, Vec<Problem>>>()?;
        let (roster, report) = Roster::read(&sources)?;
        store.keep(&self.school, roster, today, false).map_err(|problem| vec![problem])?;
        for file in files.keys() {
            fs::remove_file(file).map_err(|error| {
                let what = format!("the roster is sealed, but its plain file cannot be removed: {error}");
                vec![Problem::new(file, what, "remove it yourself, and give mailpoort the right to")]
            })?;
        }
        Ok(format!("{}: {}", self.school, report.in_language(language)))
    }
}

fn files(folder: &Path) -> Result<Files, Problem> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let Ok(found) = entry.metadata() else { continue };
        if found.is_file() && !hidden && found.len() <= MOST {
            files.insert(entry.path(), (found.len(), found.modified().ok()));
        }
    }
    Ok(files)
}

fn unreadable(file: &Path, error: &std::io::Error) -> Problem {
    Problem::new(file, format!("it cannot be read: {error}"), "check `roster_inbox` and the rights on it")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_good_file_is_taken_and_goes_and_a_bad_one_changes_nothing() {
        let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(data.path()).unwrap();
        let mut inbox = Inbox::new("linde", folder.path());
        let mut look = || inbox.look(&store, "2026-09-01".parse().unwrap(), Language::Nl);
        assert!(matches!(look(), Taken::Nothing));
        let file = folder.path().join("leerlingen.csv");
        fs::write(&file, "roepnaam;achternaam\nDaan;Vos\nEva;Bos\n").unwrap();
        assert!(matches!(look(), Taken::Nothing));
        let Taken::New(report) = look() else { panic!() };
        assert_eq!(report, "linde: 2 leerlingen, 1 naam is ook een woord.");
        assert!(!file.exists());
        let pupils = || store.load("linde").unwrap().unwrap().roster.pupils.len();
        for bad in ["bedrag\n1\n", "roepnaam;achternaam\nDaan;Vos\n"] {
            fs::write(&file, bad).unwrap();
            assert!(matches!(look(), Taken::Nothing));
            let Taken::Refused(problems) = look() else { panic!() };
            assert!(problems.iter().all(|problem| !problem.to_string().contains("Vos")));
            // It is told once.
            assert!(matches!(look(), Taken::Nothing));
            assert!(file.exists() && pupils() == 2);
        }
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(matches!(look(), Taken::Refused(_)));
        assert!(matches!(look(), Taken::Nothing));
    }
}
