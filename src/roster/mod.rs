//! The roster: pupils, their guardians and the staff, from a school's own exports.
//!
//! It reads octets that it is given (only `store` and `inbox` know the disk), and keeps no BSN. A bad or empty roster is a problem that never
//! quotes a name. Who is in it is personal data: `Debug` hides it.
//!
//! | module | takes -> gives |
//! |---|---|
//! | `import` | the files of one school -> a [`Roster`] and what the school office reads about it |
//! | `table` | CSV of pupils, guardians or staff, by its column titles |
//! | `oneroster` | OneRoster 1.1 and 1.2, a zip or a folder |
//! | `edexml` | EDEXML 2.1 and UWLR |
//! | `store` | a roster <-> a sealed file |
//! | `inbox` | a watch folder -> the store |
//! | `contacts` | an address -> whose guardian it is, or staff |

mod archive;
mod contacts;
pub mod csv;
mod edexml;
mod header;
mod import;
mod inbox;
mod oneroster;
mod report;
mod store;
mod table;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::detect::PupilKey;

pub use contacts::{Contacts, Guardianship};
pub use header::PARTICLES;
pub use import::{Import, Source, read_files};
pub use inbox::{Inbox, Taken};
pub use report::Report;
pub use store::{Kept, Store, age_warning};

/// Everybody whom a school's exports name.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Roster {
    /// The pupils, each once.
    pub pupils: Vec<Pupil>,
    /// The guardians of those pupils.
    pub guardians: Vec<Guardian>,
    /// The staff: whoever bears one of these names is no pupil.
    pub staff: Vec<Person>,
}

/// One pupil.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pupil {
    /// Leerlingnummer, or `rij 12` where there is none.
    pub key: String,
    /// Roepnaam; the first of the voornamen when the export has no roepnaam.
    pub first: String,
    /// Voornamen as registered, when the export has them.
    pub formal: String,
    /// Voorletters: "S.M.J."; empty when the export has none.
    pub initials: String,
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
    /// Klas or groep: "3h2", "1/2a".
    pub class: String,
    /// No photo or film of this pupil may be shown (geen beeldmateriaal).
    pub no_pictures: bool,
}

/// A parent or other guardian.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Guardian {
    /// Who it is.
    pub person: Person,
    /// More mail addresses than the one of the person.
    pub more_mails: Vec<String>,
    /// Phone numbers as the export writes them.
    pub phones: Vec<String>,
    /// The pupils.
    pub bonds: Vec<Bond>,
}

/// What a guardian is to a pupil.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bond {
    /// The pupil's key.
    pub pupil: String,
    /// What the school must heed.
    pub flags: Flags,
}

/// What the school must heed with a guardian (Burgerlijk Wetboek 1:377b and 1:377c: who has no custody is told less).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags {
    /// Gezag: custody over the pupil; none when the export does not say.
    pub custody: Option<bool>,
    /// Geen contact: nothing about the pupil may go to this guardian.
    pub no_contact: bool,
    /// Geheim adres: the address must stay hidden from the pupil's other guardians.
    pub secret_address: bool,
}

/// A name with a mail address.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// First name, or initials.
    pub first: String,
    /// Tussenvoegsel.
    pub particle: String,
    /// Surname without the tussenvoegsel.
    pub surname: String,
    /// The mail address; empty when the export has none.
    pub mail: String,
}

impl Roster {
    /// A roster of full names, for tests and for the examples of a rule pack.
    pub fn from_names<S: AsRef<str>>(names: &[S]) -> Self {
        let mut import = Import::default();
        names.iter().enumerate().for_each(|(index, name)| import.named(name.as_ref(), index + 1));
        import.finish().map(|(roster, _)| roster).unwrap_or_default()
    }

    /// The pupils, each once.
    pub fn pupils(&self) -> &[Pupil] {
        &self.pupils
    }

    /// Whom mail may come to: the addresses of guardians, staff and pupils.
    pub fn contacts(&self) -> Contacts {
        Contacts::new(self)
    }
}

impl Pupil {
    /// The key that findings carry.
    pub fn key(&self) -> PupilKey {
        PupilKey(Arc::from(self.key.as_str()))
    }
}

impl Guardian {
    /// All mail addresses.
    pub fn mails(&self) -> impl Iterator<Item = &str> {
        let own = Some(self.person.mail.as_str()).filter(|mail| !mail.is_empty());
        own.into_iter().chain(self.more_mails.iter().map(String::as_str))
    }
}

impl Person {
    /// Whether nothing of a name is known.
    pub fn is_nameless(&self) -> bool {
        self.first.is_empty() && self.surname.is_empty()
    }
}

/// Who it is stays unsaid.
macro_rules! hidden {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($type), "(..)"))
            }
        }
    )*};
}
hidden!(Pupil, Guardian, Bond, Person);

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pupils, guardians, staff) = (self.pupils.len(), self.guardians.len(), self.staff.len());
        write!(f, "Roster({pupils} pupils, {guardians} guardians, {staff} staff)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn debug_shows_no_name() {
        let mut roster = Roster::from_names(&["Sanne van den Berg"]);
        roster.guardians.push(Guardian::default());
        assert_eq!(
            format!("{roster:?} {:?} {:?}", roster.pupils, roster.guardians),
            "Roster(1 pupils, 1 guardians, 0 staff) [Pupil(..)] [Guardian(..)]"
        );
    }
}
