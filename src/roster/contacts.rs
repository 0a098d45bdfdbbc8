//! Contacts: a mail address -> whose guardian it is, whether it is staff, whether it is a pupil.
//!
//! Addresses are compared folded ([`Mailbox::folded`]), and a `+tag` in the local part is the same mailbox, since a
//! parent who writes to `ouder+school@` reads `ouder@`. What is no address is not known. Never fails.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{Flags, Roster};
use crate::detect::PupilKey;
use crate::message::Mailbox;

/// The addresses of a roster. `Debug` shows how many.
#[derive(Clone, Default)]
pub struct Contacts {
    guardians: HashMap<String, Vec<Guardianship>>,
    /// The numbers of the one guardian who has an address; none of an address that several have.
    phones: HashMap<String, Vec<String>>,
    pupils: HashMap<String, PupilKey>,
    staff: HashSet<String>,
}

/// What the reader of an address is to a pupil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardianship {
    /// The pupil, as findings name it.
    pub pupil: PupilKey,
    /// What the school must heed. Where two guardians share an address, the stricter of both.
    pub flags: Flags,
}

impl Contacts {
    /// The contacts of a roster; linear in its people.
    pub fn new(roster: &Roster) -> Self {
        let mut contacts = Self::default();
        for pupil in &roster.pupils {
            if let Some(address) = folded(&pupil.mail) {
                contacts.pupils.insert(address, pupil.key());
            }
        }
        contacts.staff.extend(roster.staff.iter().filter_map(|person| folded(&person.mail)));
        for guardian in &roster.guardians {
            for address in guardian.mails().filter_map(folded) {
                let shared = contacts.guardians.contains_key(&address);
                let phones = contacts.phones.entry(address.clone()).or_default();
                if shared && *phones != guardian.phones {
                    phones.clear();
                } else if !shared {
                    phones.clone_from(&guardian.phones);
                }
                let known = contacts.guardians.entry(address).or_default();
                for bond in &guardian.bonds {
                    match known.iter_mut().find(|other| *other.pupil.0 == *bond.pupil) {
                        Some(other) => other.flags = stricter(other.flags, bond.flags),
                        None => {
                            known.push(Guardianship { pupil: PupilKey(bond.pupil.as_str().into()), flags: bond.flags })
                        }
                    }
                }
            }
        }
        contacts
    }

    /// The pupils whose guardian reads this address; empty when nobody's does.
    pub fn guardian_of(&self, mailbox: &Mailbox) -> &[Guardianship] {
        self.guardians.get(&address(mailbox)).map_or(&[], Vec::as_slice)
    }

    /// The numbers, as the export writes them, of the one guardian who reads this address; none where several do.
    pub fn phones_of(&self, mailbox: &Mailbox) -> &[String] {
        self.phones.get(&address(mailbox)).map_or(&[], Vec::as_slice)
    }

    /// The pupil whose own address it is.
    pub fn pupil(&self, mailbox: &Mailbox) -> Option<&PupilKey> {
        self.pupils.get(&address(mailbox))
    }

    /// Whether a member of staff reads this address.
    pub fn is_staff(&self, mailbox: &Mailbox) -> bool {
        self.staff.contains(&address(mailbox))
    }

    /// Whether there is any guardian's address: without one, an unknown address says nothing.
    pub fn knows_guardians(&self) -> bool {
        !self.guardians.is_empty()
    }
}

impl fmt::Debug for Contacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contacts({} of guardians, {} of staff)", self.guardians.len(), self.staff.len())
    }
}

fn folded(typed: &str) -> Option<String> {
    Mailbox::parse(typed.trim()).ok().map(|mailbox| address(&mailbox))
}

fn address(mailbox: &Mailbox) -> String {
    let folded = mailbox.folded();
    match (folded.find('+'), folded.rfind('@')) {
        (Some(tag), Some(at)) if tag > 0 && tag < at => {
            let (local, domain) = (folded.get(..tag), folded.get(at..));
            [local.unwrap_or_default(), domain.unwrap_or_default()].concat()
        }
        _ => folded,
    }
}

fn stricter(a: Flags, b: Flags) -> Flags {
    let custody = match (a.custody, b.custody) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (a, b) => a.or(b),
    };
    Flags { custody, no_contact: a.no_contact || b.no_contact, secret_address: a.secret_address || b.secret_address }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::roster::{Bond, Guardian, Person, Pupil};

    fn mailbox(address: &str) -> Mailbox {
        Mailbox::parse(address).unwrap()
    }

    #[test]
    fn an_address_says_whose_guardian_reads_it() {
        let bond =
            |pupil: &str, no_contact| Bond { pupil: pupil.to_owned(), flags: Flags { no_contact, ..Flags::default() } };
        let person = |mail: &str| Person { mail: mail.to_owned(), ..Person::default() };
        let guardian = |mail: &str, bonds| Guardian { person: person(mail), bonds, ..Guardian::default() };
        let roster = Roster {
            pupils: vec![Pupil { key: "12".into(), mail: "s.berg@ll.example".into(), ..Pupil::default() }],
            guardians: vec![
                guardian("Ouder@Mail.Example", vec![bond("12", false), bond("13", false)]),
                guardian("ouder@mail.example", vec![bond("12", true)]),
                guardian("geen adres", vec![bond("12", true)]),
            ],
            staff: vec![person("juf@school.example")],
        };
        let contacts = roster.contacts();
        let found = contacts.guardian_of(&mailbox("OUDER+school@mail.example"));
        let found: Vec<_> = found.iter().map(|one| (&*one.pupil.0, one.flags.no_contact)).collect();
        assert_eq!(found, [("12", true), ("13", false)]);
        assert!(contacts.guardian_of(&mailbox("juf@school.example")).is_empty());
        assert!(contacts.is_staff(&mailbox("juf@school.example")));
        assert_eq!(contacts.pupil(&mailbox("s.berg@ll.example")).map(|key| &*key.0), Some("12"));
        assert_eq!(format!("{contacts:?}"), "Contacts(1 of guardians, 1 of staff)");
    }
}
