//! The roster: which pupils there are, from a school's own export.
//!
//! It reads bytes that it is given, opens no file, and keeps no BSN. A bad or empty roster is a
//! [`Problem`] that never quotes a name. Which pupils there are is personal data: `Debug` hides it.

mod csv;
mod header;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::detect::PupilKey;
use crate::problem::Problem;

use header::{Column, Columns};

pub use header::PARTICLES;

/// The pupils of a school.
#[derive(Clone, Default)]
pub struct Roster {
    pupils: Vec<Pupil>,
}

/// One pupil.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Pupil {
    /// Leerlingnummer, or `rij 12` where there is none.
    pub key: String,
    /// Roepnaam; the first of the voornamen when the export has no roepnaam.
    pub first: String,
    /// Voornamen as registered, when the export has them.
    pub formal: String,
    /// Tussenvoegsel: "van den".
    pub particle: String,
    /// Achternaam without the tussenvoegsel.
    pub surname: String,
    /// Leerlingnummer or stamnummer.
    pub number: String,
    /// The pupil's own mail address.
    pub mail: String,
    /// Date of birth as the export writes it.
    pub born: String,
}

impl Pupil {
    /// The key that findings carry.
    pub fn key(&self) -> PupilKey {
        PupilKey(Arc::from(self.key.as_str()))
    }
}

impl fmt::Debug for Pupil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pupil(..)")
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roster({} pupils)", self.pupils.len())
    }
}

/// What an import says to the school office. It holds counts and column titles, never a pupil's data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many pupils.
    pub pupils: usize,
    /// How many rows repeat a pupil who was there already.
    pub repeated: usize,
    /// How many rows had no usable name.
    pub nameless: usize,
    /// How many pupils have no mail address.
    pub without_mail: usize,
    /// How many addresses of guardians, each counted once.
    pub guardian_mails: usize,
    /// Titles of columns with BSNs or onderwijsnummers, which were not kept.
    pub dropped: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", count(self.pupils, "leerling", "leerlingen"))?;
        if self.guardian_mails > 0 {
            write!(f, ", {} van ouders", count(self.guardian_mails, "mailadres", "mailadressen"))?;
        }
        if self.without_mail > 0 {
            write!(f, ", {} zonder e-mail", self.without_mail)?;
        }
        if self.repeated > 0 {
            write!(f, ", {} dubbel", count(self.repeated, "rij", "rijen"))?;
        }
        if self.nameless > 0 {
            write!(f, ", {} zonder naam overgeslagen", count(self.nameless, "rij", "rijen"))?;
        }
        f.write_str(".")?;
        if !self.dropped.is_empty() {
            write!(f, " Niet bewaard: kolom {} (BSN of onderwijsnummer).", self.dropped.join(", "))?;
        }
        Ok(())
    }
}

fn count(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

impl Roster {
    /// Reads an export: CSV in any of the shapes that Dutch pupil systems write, or one full name a line.
    ///
    /// # Errors
    /// A [`Problem`] when it is empty, is no text, or has no column with names.
    pub fn from_csv(bytes: &[u8], file: &Path) -> Result<(Self, Report), Problem> {
        let text = csv::decode(bytes).ok_or_else(|| not_text(file))?;
        let rows = csv::rows(&text);
        let Some(first) = rows.first() else { return Err(empty(file)) };
        let mut import = Import::default();
        match Columns::from_header(&first.fields) {
            Some(columns) if !columns.names() => return Err(no_names(file, first.line)),
            Some(columns) => {
                import.report.dropped = columns.dropped(&first.fields);
                rows.iter().skip(1).for_each(|row| import.row(&columns, &row.fields, row.line));
            }
            None if rows.iter().all(|row| plain_name(&row.fields)) => {
                rows.iter().for_each(|row| import.name(&row.fields.join(", "), row.line));
            }
            None => return Err(no_header(file, first.line)),
        }
        if import.pupils.is_empty() {
            return Err(empty(file));
        }
        Ok((Self { pupils: import.pupils }, import.report))
    }

    /// A roster of full names, for tests and for the examples of a rule pack.
    pub fn from_names<S: AsRef<str>>(names: &[S]) -> Self {
        let mut import = Import::default();
        names.iter().enumerate().for_each(|(index, name)| import.name(name.as_ref(), index + 1));
        Self { pupils: import.pupils }
    }

    /// The pupils of both, each once: a school may have a roster in several files.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let known: HashSet<&Pupil> = self.pupils.iter().collect();
        let more: Vec<Pupil> = other.pupils.into_iter().filter(|pupil| !known.contains(pupil)).collect();
        self.pupils.extend(more);
        self
    }

    /// The pupils, each once.
    pub fn pupils(&self) -> &[Pupil] {
        &self.pupils
    }
}

#[derive(Default)]
struct Import {
    pupils: Vec<Pupil>,
    seen: HashSet<Pupil>,
    guardians: HashSet<String>,
    report: Report,
}

impl Import {
    fn row(&mut self, columns: &Columns, fields: &[String], line: usize) {
        let get = |column| columns.get(column, fields);
        let formal = get(Column::Formal);
        let first = match get(Column::First) {
            "" => formal.split_whitespace().next().unwrap_or_default(),
            first => first,
        };
        let mut pupil = Pupil {
            first: first.to_owned(),
            formal: formal.to_owned(),
            particle: get(Column::Particle).to_owned(),
            surname: get(Column::Surname).to_owned(),
            number: get(Column::Number).to_owned(),
            mail: get(Column::Mail).to_owned(),
            born: get(Column::Born).to_owned(),
            ..Pupil::default()
        };
        let whole = get(Column::Whole);
        if pupil.surname.is_empty() && !whole.is_empty() {
            let named = header::split_name(whole);
            pupil = Pupil { number: pupil.number, mail: pupil.mail, born: pupil.born, ..named };
        }
        let guardians = [Column::GuardianMail, Column::GuardianMail2].map(get);
        let addresses = guardians.into_iter().filter(|mail| mail.contains('@')).map(str::to_lowercase);
        self.guardians.extend(addresses);
        self.report.guardian_mails = self.guardians.len();
        if !fields.iter().all(|field| field.trim().is_empty()) {
            self.add(pupil, line);
        }
    }

    fn name(&mut self, name: &str, line: usize) {
        self.add(header::split_name(name), line);
    }

    fn add(&mut self, mut pupil: Pupil, line: usize) {
        if pupil.first.is_empty() && pupil.surname.is_empty() {
            self.report.nameless += 1;
            return;
        }
        if !self.seen.insert(pupil.clone()) {
            self.report.repeated += 1;
            return;
        }
        self.report.pupils += 1;
        self.report.without_mail += usize::from(pupil.mail.is_empty());
        pupil.key = if pupil.number.is_empty() { format!("rij {line}") } else { pupil.number.clone() };
        self.pupils.push(pupil);
    }
}

/// A line of a list of names: one to three fields ("Berg, Sanne van den"), with letters and no digits or @.
fn plain_name(fields: &[String]) -> bool {
    let name = fields.join(" ");
    fields.len() <= 3
        && name.chars().any(char::is_alphabetic)
        && !name.contains(|c: char| c.is_ascii_digit() || c == '@')
}

fn not_text(file: &Path) -> Problem {
    Problem::new(file, "the roster is not text", "export it as CSV (kommagescheiden), not as a workbook or PDF")
}

fn empty(file: &Path) -> Problem {
    Problem::new(file, "the roster has no pupils", "export the list of all pupils again, with its header row")
}

fn no_names(file: &Path, line: usize) -> Problem {
    let what = "the roster has no column with names";
    let remedy = "add the columns roepnaam, tussenvoegsel and achternaam to the export, or naam";
    Problem { line: Some(line), ..Problem::new(file, what, remedy) }
}

fn no_header(file: &Path, line: usize) -> Problem {
    let what = "the first row of the roster is no header that we know";
    let remedy = "put column titles in the first row: leerlingnummer, roepnaam, tussenvoegsel, achternaam";
    Problem { line: Some(line), ..Problem::new(file, what, remedy) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn debug_shows_no_name() {
        let roster = Roster::from_names(&["Sanne van den Berg"]);
        assert_eq!(format!("{roster:?} {:?}", roster.pupils()), "Roster(1 pupils) [Pupil(..)]");
    }

    #[test]
    fn a_list_of_names_needs_no_header() {
        let (roster, report) =
            Roster::from_csv("Sanne van den Berg\nBerg, Daan de\nZoë Bos\n".as_bytes(), Path::new("n")).unwrap();
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
            let problem = Roster::from_csv(bytes, Path::new("roster.csv")).unwrap_err();
            assert!(!problem.to_string().contains("Sanne"), "{problem}");
        }
    }
}
