//! The recipient as evidence: what each recipient is to the pupils in the mail, and what stands out about the address.
//!
//! Asks the lists of the configuration, the roster's contacts and the headers; never the network. A guardian without
//! custody, with no contact or with a secret address is an "other guardian", and no notice names that address. Cannot
//! fail; linear in the recipients and the visible addresses. Design: school-defaults, section 2.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use super::class::{INSIDE, OTHER_GUARDIAN, OWN_GUARDIAN, PRIVATE, UNKNOWN};
use super::exception::{Exception, is_lawful};
use super::fact::Fact;
use super::judge::{Evidence, Known};
use super::look_alike::KnownDomains;
use super::policy::Line;
use super::webmail;
use crate::detect::{Finding, PupilKey};
use crate::extract::{Spot, Unread, Why};
use crate::message::Mailbox;
use crate::roster::Flags;

/// What one recipient is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Recipient {
    pub(super) class: Arc<str>,
    pub(super) facts: BTreeSet<Fact>,
    /// Whether no notice may name the address.
    pub(super) discreet: bool,
    /// The exceptions that hold for it, by their line in the file.
    pub(super) exceptions: BTreeSet<usize>,
}

/// Everything about the recipients of one mail.
pub(super) struct Recipients<'k> {
    known: &'k Known<'k>,
    /// The pupils in the mail.
    pupils: HashSet<&'k PupilKey>,
    /// How many there are at least, those whom the roster does not know counted too.
    at_least: usize,
    /// What holds for all recipients.
    shared: BTreeSet<Fact>,
    /// The sender's name and address, in letters.
    sender: Vec<Vec<String>>,
    looks: HashMap<String, bool>,
}

impl<'k> Recipients<'k> {
    pub(super) fn new(evidence: &Evidence<'k>, known: &'k Known<'k>, counted: &[&'k Finding], at_least: usize) -> Self {
        let pupils: HashSet<&PupilKey> = counted.iter().filter_map(|finding| finding.pupil.as_ref()).collect();
        let mut shared = BTreeSet::new();
        let mut add = |fact, holds: bool| holds.then(|| shared.insert(fact));
        add(Fact::Under16, pupils.iter().any(|pupil| known.pupils.under_16.contains(*pupil)));
        add(Fact::NoPictures, pupils.iter().any(|pupil| known.pupils.no_pictures.contains(*pupil)));
        add(Fact::TwoHouseholds, two_households(&evidence.headers.to_cc, known));
        add(Fact::ClassNamed, names_a_class(evidence));
        Self { known, pupils, at_least, shared, sender: names_of_sender(evidence), looks: HashMap::new() }
    }

    /// Class and facts of a recipient.
    pub(super) fn of(&mut self, mailbox: &Mailbox) -> Recipient {
        let (class, discreet) = self.class(mailbox);
        let mut facts = self.shared.clone();
        if &*class != INSIDE && self.looks_alike(mailbox.domain()) {
            facts.insert(Fact::LookAlike);
        }
        if &*class != INSIDE && self.known.hosts.outside_eea(mailbox.domain()) {
            facts.insert(Fact::HostOutsideEea);
        }
        let holds = |(line, exception): &(&Line, &Exception)| {
            exception.holds(mailbox, &class, self.known.today)
                && is_lawful(&self.known.policy.grounds, &class, &line.when.kinds)
        };
        let exceptions = self.known.policy.exceptions().filter(holds).map(|(line, _)| line.at).collect();
        Recipient { class, facts, discreet, exceptions }
    }

    fn class(&self, mailbox: &Mailbox) -> (Arc<str>, bool) {
        let listed = self.known.classes.listed(mailbox, self.known.school);
        if let Some(class) = listed.filter(|class| &***class == INSIDE) {
            return (class.clone(), false);
        }
        let bonds = self.known.contacts.guardian_of(mailbox);
        let speaks_of = |pupil: &PupilKey| self.pupils.is_empty() || self.pupils.contains(pupil);
        if bonds.iter().any(|bond| speaks_of(&bond.pupil) && is_barred(bond.flags)) {
            return (Arc::from(OTHER_GUARDIAN), true);
        }
        let own: Vec<&PupilKey> = match self.known.contacts.pupil(mailbox) {
            Some(pupil) => vec![pupil],
            None => bonds.iter().map(|bond| &bond.pupil).collect(),
        };
        let all_own = self.at_least <= own.len() && self.pupils.iter().all(|pupil| own.contains(pupil));
        match listed {
            _ if !own.is_empty() && all_own => (Arc::from(OWN_GUARDIAN), false),
            // A guardian who works at the GGD, say, is written to as what the list says.
            Some(class) => (class.clone(), false),
            None if !own.is_empty() => (Arc::from(OTHER_GUARDIAN), false),
            None if self.is_private(mailbox) => (Arc::from(PRIVATE), false),
            None => (Arc::from(UNKNOWN), false),
        }
    }

    /// A colleague's mailbox outside, or one with the sender's own name at a provider of private mailboxes.
    fn is_private(&self, mailbox: &Mailbox) -> bool {
        self.known.contacts.is_staff(mailbox)
            || webmail::is_webmail(mailbox.domain())
                && self.sender.iter().any(|name| is_name_in(name, mailbox.local_part()))
    }

    fn looks_alike(&mut self, domain: &str) -> bool {
        if let Some(known) = self.looks.get(domain) {
            return *known;
        }
        let resembles = KnownDomains::resembled(&self.known.domains, domain);
        self.looks.insert(domain.to_string(), resembles);
        resembles
    }
}

/// A guardian who must not be written to, or whose address nobody may learn.
fn is_barred(flags: Flags) -> bool {
    flags.custody == Some(false) || flags.no_contact || flags.secret_address
}

/// How many private addresses everybody can see in To and Cc: guardians' and those at providers. A list of
/// organisations is none of those.
pub(super) fn visible(evidence: &Evidence<'_>, known: &Known<'_>) -> usize {
    let is_private = |mailbox: &&Mailbox| {
        !is_inside(mailbox, known)
            && (webmail::is_webmail(mailbox.domain()) || !known.contacts.guardian_of(mailbox).is_empty())
    };
    distinct(evidence.headers.to_cc.iter().filter(is_private))
}

/// How many recipients are outside: those of this transaction, or those that the headers show when that is more.
pub(super) fn outside(evidence: &Evidence<'_>, known: &Known<'_>) -> usize {
    let is_outside = |mailbox: &&Mailbox| !is_inside(mailbox, known);
    let here = distinct(evidence.envelope.recipients.iter().map(|recipient| &recipient.mailbox).filter(is_outside));
    here.max(distinct(evidence.headers.to_cc.iter().filter(is_outside)))
}

fn is_inside(mailbox: &Mailbox, known: &Known<'_>) -> bool {
    known.classes.listed(mailbox, known.school).is_some_and(|class| &**class == INSIDE)
}

fn distinct<'m>(mailboxes: impl Iterator<Item = &'m Mailbox>) -> usize {
    mailboxes.map(Mailbox::folded).collect::<HashSet<String>>().len()
}

/// Whether To and Cc show two guardians of one pupil of whom one must not be known to, or reach, the other.
fn two_households(visible: &[Mailbox], known: &Known<'_>) -> bool {
    if !known.contacts.knows_guardians() {
        return false;
    }
    let mut seen: HashMap<&PupilKey, (HashSet<String>, bool)> = HashMap::new();
    for mailbox in visible {
        for bond in known.contacts.guardian_of(mailbox) {
            let (addresses, barred) = seen.entry(&bond.pupil).or_default();
            addresses.insert(mailbox.folded());
            *barred |= is_barred(bond.flags);
        }
    }
    seen.values().any(|(addresses, barred)| addresses.len() > 1 && *barred)
}

/// Whether the subject, or the name of a picture that could not be read, names a class.
fn names_a_class(evidence: &Evidence<'_>) -> bool {
    let pictures = evidence.unread.iter().filter(|unread| unread.why == Why::Media);
    let files = pictures.filter_map(|Unread { place, .. }| match &place.spot {
        Spot::Attachment(name) => Some(name.as_str()),
        _ => None,
    });
    files.chain(evidence.headers.subject.as_ref().map(|subject| subject.expose().as_str())).any(has_class_name)
}

/// "groep 5", "groep5b", "klas 2c", "klassenfoto".
fn has_class_name(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_number = |word: &str| word.len() <= 3 && word.starts_with(|c: char| ('1'..='8').contains(&c));
    let names = |(at, word): (usize, &&str)| {
        let behind = ["groep", "klas", "class", "grade"].iter().find_map(|kind| word.strip_prefix(kind));
        match behind {
            Some("") => words.get(at + 1).is_some_and(|next| is_number(next)),
            Some("foto") | Some("senfoto") => true,
            Some(number) => is_number(number),
            None => *word == "klassenfoto" || *word == "schoolfoto",
        }
    };
    words.iter().enumerate().any(names)
}

/// The names under which the sender is known: the one beside the address, and the address itself, as words.
fn names_of_sender(evidence: &Evidence<'_>) -> Vec<Vec<String>> {
    let shown = evidence.headers.from_name.as_ref().map(|name| name.expose().as_str());
    let from = evidence.headers.from.first().map(Mailbox::local_part);
    let sender = evidence.envelope.sender.as_ref().map(Mailbox::local_part);
    shown.into_iter().chain(from).chain(sender).map(name_words).filter(|name| !name.is_empty()).collect()
}

/// Words of letters, folded, titles left out: "Juf Sanne de Vries" -> sanne, de, vries.
fn name_words(text: &str) -> Vec<String> {
    const TITLES: [&str; 8] = ["juf", "meester", "mevrouw", "mevr", "mw", "dhr", "meneer", "drs"];
    let folded: String = text.nfkd().filter(|c| c.is_ascii()).collect::<String>().to_lowercase();
    let words = folded.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    words.filter(|word| !TITLES.contains(word)).map(str::to_string).take(8).collect()
}

/// Whether a mailbox is called after this name: `sannedevries`, `s.devries84`, `devries.sanne`; never by a first name
/// alone, and never by fewer than five letters.
fn is_name_in(name: &[String], local_part: &str) -> bool {
    let local: String = name_words(local_part).concat();
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return false };
    if local.len() < 5 {
        return false;
    }
    let Some(rest) = name.get(1..).filter(|rest| !rest.is_empty()) else { return local == *first };
    let (rest, initial) = (rest.concat(), first.chars().take(1).collect::<String>());
    let surnames = [rest.as_str(), last.as_str()];
    surnames.iter().filter(|surname| surname.len() > 3).any(|surname| {
        [first.as_str(), &initial]
            .iter()
            .any(|first| local == format!("{first}{surname}") || local == format!("{surname}{first}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_with_the_name_of_the_sender() {
        for (name, local, same) in [
            ("Sanne de Vries", "sannedevries", true),
            ("Juf Sanne de Vries", "s.de.vries84", true),
            ("s.devries", "sdevries_1984", true),
            ("Sanne de Vries", "devries.sanne", true),
            ("Sanne de Vries", "svries", true),
            ("Zoë Öztürk", "zoe.ozturk", true),
            ("Sanne de Vries", "sanne", false),
            ("Sanne de Vries", "p.devries", false),
            ("Sanne de Vries", "familiedevries", false),
            ("Bo Li", "boli", false),
            ("administratie", "administratie", true),
            ("", "sdevries", false),
        ] {
            assert_eq!(is_name_in(&name_words(name), local), same, "{name} {local}");
        }
    }

    #[test]
    fn names_of_classes() {
        for text in ["Foto's groep 5", "groep5b.jpg", "KLAS 2c", "klassenfoto.jpg", "schoolfoto 2026"] {
            assert!(has_class_name(text), "{text}");
        }
        for text in ["groep mensen", "IMG_5512.jpg", "klassiek", "groepsfoto team", "groep 2026", ""] {
            assert!(!has_class_name(text), "{text}");
        }
    }
}
