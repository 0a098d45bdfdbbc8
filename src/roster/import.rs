//! Import: the files of one school, in whatever shape -> one roster and its report.
//!
//! Files may come in any order: guardians are tied to pupils when all are read. The same person in two rows or files
//! is one person.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::oneroster::Files;
use super::{Bond, Guardian, Person, Pupil, Report, Roster, archive, csv, edexml, header, oneroster, table};
use crate::detect::is_everyday;
use crate::problem::Problem;

/// A file that holds part of a roster.
pub struct Source {
    /// Its name, for problems and for what kind of list it may be.
    pub name: PathBuf,
    /// What is in it.
    pub octets: Vec<u8>,
}

/// Reads files; of a folder those that lie in it.
///
/// # Errors
/// A [`Problem`] for each that cannot be read.
pub fn read_files(names: &[PathBuf]) -> Result<Vec<Source>, Vec<Problem>> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        let within = std::fs::read_dir(name).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut within: Vec<PathBuf> = within.filter(|file| file.is_file()).collect();
        within.sort();
        for file in if name.is_dir() { within } else { vec![name.clone()] } {
            match std::fs::read(&file) {
                Ok(octets) => files.push(Source { name: file, octets }),
                Err(error) => problems.push(Problem::new(
                    file,
                    format!("the roster cannot be read: {error}"),
                    "export it again from the pupil administration",
                )),
            }
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// A roster in the making.
#[derive(Default)]
pub struct Import {
    roster: Roster,
    report: Report,
    known: HashSet<(String, String)>,
    keys: HashSet<String>,
    guardians: HashMap<String, usize>,
}

impl Roster {
    /// Reads the files of one school.
    ///
    /// # Errors
    /// A [`Problem`] for each file that is empty, is no list that we know, or names nobody.
    pub fn read(files: &[Source]) -> Result<(Self, Report), Vec<Problem>> {
        let mut import = Import::default();
        let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.name.parent()).collect();
        let mut problems = Vec::new();
        for folder in folders {
            let here = || files.iter().filter(|file| file.name.parent() == Some(folder));
            let together: Files<'_> = here().map(|file| (file_name(&file.name), file.octets.as_slice())).collect();
            if oneroster::is_export(&together) {
                problems.extend((!oneroster::read(&mut import, &together)).then(|| empty(folder)));
            } else {
                problems.extend(here().filter_map(|file| import.file(&file.name, &file.octets).err()));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let name = files.first().map_or_else(|| PathBuf::from("roster"), |file| file.name.clone());
        import.finish().ok_or_else(|| vec![empty(&name)])
    }
}

impl Import {
    /// Reads one file.
    ///
    /// # Errors
    /// A [`Problem`] when it is empty, is no list that we know, or names nobody.
    pub fn file(&mut self, file: &Path, octets: &[u8]) -> Result<(), Problem> {
        if archive::is_zip(octets) {
            return self.zip(file, octets);
        }
        let text = csv::decode(octets).ok_or_else(|| not_text(file))?;
        if edexml::is_export(&text) {
            return if edexml::read(self, &text) { Ok(()) } else { Err(damaged(file)) };
        }
        table::read(self, file, &text)
    }

    fn zip(&mut self, file: &Path, octets: &[u8]) -> Result<(), Problem> {
        let inside = archive::files(octets).ok_or_else(|| not_text(file))?;
        let files: Files<'_> =
            inside.iter().map(|(name, octets)| (file_name(Path::new(name)), octets.as_slice())).collect();
        match oneroster::is_export(&files) {
            true if oneroster::read(self, &files) => Ok(()),
            true => Err(empty(file)),
            false => Err(not_text(file)),
        }
    }

    /// The roster; none when there is no pupil in it.
    pub fn finish(mut self) -> Option<(Roster, Report)> {
        let keys = &self.keys;
        let mut strangers = 0;
        self.roster.guardians.retain_mut(|guardian| {
            guardian.bonds.retain(|bond| keys.contains(&bond.pupil));
            strangers += usize::from(guardian.bonds.is_empty());
            !guardian.bonds.is_empty()
        });
        self.report.strangers = strangers;
        let firsts: HashSet<&str> = self.roster.pupils.iter().map(|pupil| pupil.first.as_str()).collect();
        self.report.words = firsts.into_iter().filter(|first| is_everyday(first)).count();
        self.report.pupils = self.roster.pupils.len();
        self.report.guardians = self.roster.guardians.len();
        self.report.staff = self.roster.staff.len();
        self.report.without_mail =
            self.roster.guardians.iter().filter(|guardian| guardian.mails().next().is_none()).count();
        (!self.roster.pupils.is_empty()).then_some((self.roster, self.report))
    }

    /// Everybody of another roster.
    pub fn roster(&mut self, roster: Roster) {
        let mut keys = HashMap::new();
        for (index, pupil) in roster.pupils.into_iter().enumerate() {
            let old = pupil.key.clone();
            keys.extend(self.pupil(pupil, index + 1).map(|key| (old, key)));
        }
        for mut guardian in roster.guardians {
            for bond in &mut guardian.bonds {
                if let Some(key) = keys.get(&bond.pupil) {
                    bond.pupil.clone_from(key);
                }
            }
            self.guardian(guardian);
        }
        roster.staff.into_iter().for_each(|person| self.staff(person));
    }

    /// A whole name on a line.
    pub fn named(&mut self, name: &str, line: usize) {
        self.pupil(header::split_name(name), line);
    }

    /// A pupil; the key under which it is known now. None when the row has no name.
    pub(super) fn pupil(&mut self, mut pupil: Pupil, line: usize) -> Option<String> {
        if pupil.first.is_empty() && pupil.surname.is_empty() {
            self.report.nameless += 1;
            return None;
        }
        // A pupil has a row for each group in some exports; without a number, the date of birth tells namesakes apart.
        let name = format!("{}\n{}\n{}", pupil.first, pupil.particle, pupil.surname);
        let number = if pupil.number.is_empty() { pupil.born.clone() } else { pupil.number.clone() };
        let fallback = format!("rij {line}");
        let key = if pupil.number.is_empty() { &fallback } else { &pupil.number };
        if !self.known.insert((number, name)) {
            self.report.repeated += 1;
            return Some(key.clone());
        }
        // Two schools of a board may use the same number.
        let mut unique = key.clone();
        let mut next = 2;
        while !self.keys.insert(unique.clone()) {
            unique = format!("{key} ({next})");
            next += 1;
        }
        pupil.key.clone_from(&unique);
        self.roster.pupils.push(pupil);
        Some(unique)
    }

    /// A guardian; whoever has the same name and address is the same.
    pub(super) fn guardian(&mut self, guardian: Guardian) {
        let Guardian { person, phones, .. } = &guardian;
        if person.is_nameless() && person.mail.is_empty() && phones.is_empty() {
            return;
        }
        let phone = if person.is_nameless() && person.mail.is_empty() { phones.concat() } else { String::new() };
        let who = [&person.first, &person.particle, &person.surname, &person.mail, &phone].map(|s| s.to_lowercase());
        let next = self.roster.guardians.len();
        let at = *self.guardians.entry(who.join("\n")).or_insert(next);
        match self.roster.guardians.get_mut(at) {
            None => self.roster.guardians.push(guardian),
            Some(known) => {
                for bond in guardian.bonds {
                    merge(&mut known.bonds, bond);
                }
                known.phones.extend(guardian.phones);
                known.phones.sort();
                known.phones.dedup();
            }
        }
    }

    /// A member of staff.
    pub(super) fn staff(&mut self, person: Person) {
        if person.is_nameless() {
            self.report.nameless += 1;
        } else if self.roster.staff.contains(&person) {
            self.report.repeated += 1;
        } else {
            self.roster.staff.push(person);
        }
    }

    /// Counts an entry that is marked as removed.
    pub(super) fn removed(&mut self) {
        self.report.removed += 1;
    }

    /// Columns that were not kept.
    pub(super) fn dropped(&mut self, titles: Vec<String>) {
        let fresh: Vec<String> = titles.into_iter().filter(|title| !self.report.dropped.contains(title)).collect();
        self.report.dropped.extend(fresh);
    }
}

fn merge(bonds: &mut Vec<Bond>, bond: Bond) {
    match bonds.iter_mut().find(|known| known.pupil == bond.pupil) {
        Some(known) => {
            known.flags.custody = known.flags.custody.or(bond.flags.custody);
            known.flags.no_contact |= bond.flags.no_contact;
            known.flags.secret_address |= bond.flags.secret_address;
        }
        None => bonds.push(bond),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn damaged(file: &Path) -> Problem {
    Problem::new(file, "the EDEXML file is damaged or names no pupil", "export it again, whole")
}

fn not_text(file: &Path) -> Problem {
    Problem::new(
        file,
        "the roster is not text",
        "export it as CSV (kommagescheiden), OneRoster or EDEXML, not as a workbook or PDF",
    )
}

pub(super) fn empty(file: &Path) -> Problem {
    Problem::new(file, "the roster has no pupils", "export the list of all pupils again, with its header row")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(files: &[(&str, &[u8])]) -> Result<(Roster, Report), Vec<Problem>> {
        let source = |(name, octets): &(&str, &[u8])| Source { name: name.into(), octets: octets.to_vec() };
        Roster::read(&files.iter().map(source).collect::<Vec<_>>())
    }

    #[test]
    fn a_list_of_names_needs_no_header() {
        let (roster, report) = read(&[("n", "Sanne van den Berg\nBerg, Daan de\nZoë Bos\n".as_bytes())]).unwrap();
        let names: Vec<_> =
            roster.pupils().iter().map(|p| (p.first.as_str(), p.particle.as_str(), p.surname.as_str())).collect();
        assert_eq!(names, [("Sanne", "van den", "Berg"), ("Daan", "de", "Berg"), ("Zoë", "", "Bos")]);
        assert_eq!(report.pupils, 3);
    }

    #[test]
    fn a_bad_roster_is_refused_without_a_name_in_it() {
        for bytes in
            [&b""[..], b"\xff\xfe\x00", b"PK\x03\x04\x00\x00", b"bedrag;datum\n1;2\n", b"123,Sanne\n124,Daan\n"]
        {
            let problems = read(&[("roster.csv", bytes)]).unwrap_err();
            assert!(!problems.is_empty() && problems.iter().all(|p| !p.to_string().contains("Sanne")), "{problems:?}");
        }
    }

    #[test]
    fn the_number_of_another_school_is_another_pupil() {
        let (roster, _) =
            read(&[("r", b"leerlingnummer;naam;klas\n7;Daan Vos;1a\n7;Daan Vos;1b\n7;Eva Bos;1a\n")]).unwrap();
        let keys: Vec<_> = roster.pupils().iter().map(|pupil| pupil.key.as_str()).collect();
        assert_eq!(keys, ["7", "7 (2)"]);
    }
}
