//! Facts: what is known of a recipient, or of the mail as it stands, besides what was found in it.
//!
//! Policy lines ask for them as they ask for kinds. Values only; `recipient` finds them.

use std::collections::HashSet;
use std::fmt;

use crate::detect::{Kind, PupilKey};
use crate::roster::{Pupil, Roster};

/// A fact that a policy line can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// The recipient's domain looks like one that the school knows, but is another.
    LookAlike,
    /// A kind that the line asks about never went to this domain before.
    FirstTime,
    /// To and Cc show two guardians of one pupil of whom one has no custody, no contact or a secret address.
    TwoHouseholds,
    /// A pupil in the mail is under 16 (UAVG art. 5: the parents consent).
    Under16,
    /// A pupil in the mail may not be shown in pictures.
    NoPictures,
    /// The subject, or the name of something that could not be read, names a class ("groep 5", "klas 2b").
    ClassNamed,
    /// A mail host of the recipient's domain is known to stand outside of the European Economic Area.
    HostOutsideEea,
}

impl Fact {
    /// All facts.
    pub const ALL: [Self; 7] = [
        Self::LookAlike,
        Self::FirstTime,
        Self::TwoHouseholds,
        Self::Under16,
        Self::NoPictures,
        Self::ClassNamed,
        Self::HostOutsideEea,
    ];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::LookAlike => "look_alike",
            Self::FirstTime => "first_time",
            Self::TwoHouseholds => "two_households",
            Self::Under16 => "under_16",
            Self::NoPictures => "no_pictures",
            Self::ClassNamed => "class_named",
            Self::HostOutsideEea => "host_outside_eea",
        }
    }
}

/// Which kinds have gone to which domains before; the store of it lies outside, since this stage keeps nothing.
pub trait Acquaintance: fmt::Debug + Send + Sync {
    /// Whether mail of this school with this kind went to this domain before.
    fn knows(&self, school: &str, kind: Kind, domain: &str) -> bool;

    /// It went now. Not asked while judging.
    fn remember(&self, school: &str, kind: Kind, domain: &str);
}

/// Nothing is ever new: for judging where no history is kept.
#[derive(Debug, Clone, Copy)]
pub struct KnowsAll;

impl Acquaintance for KnowsAll {
    fn knows(&self, _: &str, _: Kind, _: &str) -> bool {
        true
    }

    fn remember(&self, _: &str, _: Kind, _: &str) {}
}

/// Where domains have their mail hosts; who finds it out lies outside, since this stage asks nobody.
pub trait MailHosts: fmt::Debug + Send + Sync {
    /// Whether a mail host of this domain is known to stand outside of the European Economic Area.
    fn outside_eea(&self, domain: &str) -> bool;
}

/// Of no domain anything is known: for judging where nobody is asked.
#[derive(Debug, Clone, Copy)]
pub struct KnowsNoHosts;

impl MailHosts for KnowsNoHosts {
    fn outside_eea(&self, _: &str) -> bool {
        false
    }
}

/// What the roster says of pupils that lines may ask about.
#[derive(Clone, Default)]
pub struct PupilFacts {
    /// Pupils who were under 16 when the roster was loaded: one who has turned 16 since is still counted, on the safe
    /// side.
    pub under_16: HashSet<PupilKey>,
    /// Pupils of whom no pictures may be shown (geen beeldmateriaal).
    pub no_pictures: HashSet<PupilKey>,
}

impl PupilFacts {
    /// Of a roster, on a day (year, month, day).
    pub fn new(roster: &Roster, today: (i16, i8, i8)) -> Self {
        let of = |wanted: &dyn Fn(&Pupil) -> bool| {
            roster.pupils.iter().filter(|pupil| wanted(pupil)).map(Pupil::key).collect::<HashSet<_>>()
        };
        let turned_16 = (today.0.saturating_sub(16), today.1, today.2);
        Self {
            under_16: of(&|pupil| birth_date(&pupil.born).is_some_and(|born| born > turned_16)),
            no_pictures: of(&|pupil| pupil.no_pictures),
        }
    }
}

/// Year, month and day of `14-02-2015`, `14/2/2015`, `14.02.2015` or `2015-02-14` (with a time behind it or not).
fn birth_date(typed: &str) -> Option<(i16, i8, i8)> {
    let day = typed.split(['T', ' ']).next()?;
    let mut numbers = day.split(['-', '/', '.']).map(|number| number.parse::<i16>().ok());
    let (first, month, last) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let (year, day) = if first > 31 { (first, last) } else { (last, first) };
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    (year > 1900 && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year, month, day))
}

/// Which pupils these are is personal data: `Debug` shows how many.
impl fmt::Debug for PupilFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PupilFacts({} under 16, {} without pictures)", self.under_16.len(), self.no_pictures.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pupils_under_16_and_without_pictures() {
        let pupil = |key: &str, born: &str, no_pictures| Pupil {
            key: key.into(),
            born: born.into(),
            no_pictures,
            ..Pupil::default()
        };
        let pupils = vec![
            pupil("a", "24-11-2010", false),
            pupil("b", "2010-11-23", true),
            pupil("c", "3.2.2016 00:00", false),
            pupil("d", "onbekend", false),
            pupil("e", "", false),
        ];
        let facts = PupilFacts::new(&Roster { pupils, ..Roster::default() }, (2026, 11, 23));
        let mut under: Vec<&str> = facts.under_16.iter().map(|key| &*key.0).collect();
        under.sort_unstable();
        assert_eq!(under, ["a", "c"]);
        assert_eq!(facts.no_pictures.len(), 1);
        assert_eq!(format!("{facts:?}"), "PupilFacts(2 under 16, 1 without pictures)");
    }
}
