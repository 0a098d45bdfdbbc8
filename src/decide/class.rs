//! Recipient classes: what a recipient is to the school, as far as the address tells.
//!
//! The school lists domains and addresses per class (`[recipients.care]`); its own domains are `inside`;
//! everybody else, webmail included, is `unknown`. Never looks at names, content or the network, and
//! never fails. Design: school-defaults, section 2 (the columns of the table).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::message::Mailbox;
use crate::school::School;

/// The class of every address in the school's own domains.
pub const INSIDE: &str = "inside";
/// The class of every address that nobody listed.
pub const UNKNOWN: &str = "unknown";

/// The class of a guardian to whom every pupil in the mail belongs (by the roster).
pub const OWN_GUARDIAN: &str = "own_guardian";
/// The class of any other guardian, and of one without custody, with no contact or with a secret address.
pub const OTHER_GUARDIAN: &str = "other_guardian";
/// The class of the sender's own private mailbox; a school can list more.
pub const PRIVATE: &str = "private";

/// The class of those who keep a colleague's secrets: of mail to them the journal holds the route alone.
pub const CONFIDENTIAL: &str = "confidential";

/// All classes, in the order of the policy table.
pub const CLASSES: [&str; 11] =
    [INSIDE, OWN_GUARDIAN, OTHER_GUARDIAN, UNKNOWN, "care", "swv", "safety", "gov", "supplier", PRIVATE, CONFIDENTIAL];

/// The classes that a configuration may list: those that neither domain nor roster tells.
pub fn listable() -> impl Iterator<Item = &'static str> {
    CLASSES.into_iter().filter(|class| ![INSIDE, OWN_GUARDIAN, OTHER_GUARDIAN, UNKNOWN].contains(class))
}

/// The members of one class, as listed in the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassList {
    /// Domains; `*.example.nl` stands for every domain below example.nl, not for that one itself.
    pub domains: Vec<String>,
    /// Whole addresses; they count before any domain, so that one desk of a supplier can be `care`.
    pub addresses: Vec<String>,
}

/// All classes with their members, ready for look-ups.
#[derive(Debug, Clone)]
pub struct Classes {
    by_address: HashMap<String, Arc<str>>,
    by_domain: HashMap<String, Arc<str>>,
    /// Keyed by the parent domain, without the `*.`.
    by_parent: HashMap<String, Arc<str>>,
    inside: Arc<str>,
}

impl Classes {
    /// Builds the look-ups. `own_domains` are those of all schools behind this gate. An entry in two lists
    /// belongs to the class that comes first by name.
    pub fn new(own_domains: &[String], listed: BTreeMap<String, ClassList>) -> Self {
        let inside: Arc<str> = Arc::from(INSIDE);
        let mut classes = Self {
            by_address: HashMap::new(),
            by_domain: own_domains.iter().map(|domain| (ascii(domain), inside.clone())).collect(),
            by_parent: HashMap::new(),
            inside,
        };
        for (name, list) in listed {
            classes.list(&Arc::from(name), list);
        }
        classes
    }

    fn list(&mut self, class: &Arc<str>, list: ClassList) {
        for address in list.addresses {
            let key = Mailbox::parse(&address).map_or_else(|_| address.to_lowercase(), |mailbox| mailbox.folded());
            self.by_address.entry(key).or_insert_with(|| class.clone());
        }
        for domain in list.domains {
            let domain = domain.to_lowercase();
            match domain.strip_prefix("*.") {
                Some(parent) => self.by_parent.entry(ascii(parent)).or_insert_with(|| class.clone()),
                None => self.by_domain.entry(ascii(&domain)).or_insert_with(|| class.clone()),
            };
        }
    }

    /// The class of a recipient of this school's mail, as far as lists tell: a listed address, else one of our
    /// domains, else a listed domain, else the nearest listed `*.` above it.
    pub fn listed(&self, mailbox: &Mailbox, school: &School) -> Option<&Arc<str>> {
        if let Some(class) = self.by_address.get(&mailbox.folded()) {
            return Some(class);
        }
        let domain = mailbox.domain();
        if school.owns(domain) {
            return Some(&self.inside);
        }
        if let Some(class) = self.by_domain.get(domain) {
            return Some(class);
        }
        let mut below = domain;
        while let Some((_, parent)) = below.split_once('.') {
            if let Some(class) = self.by_parent.get(parent) {
                return Some(class);
            }
            below = parent;
        }
        None
    }

    /// All domains that are listed or our own, as A-labels.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.by_domain.keys().chain(self.by_parent.keys()).map(String::as_str)
    }
}

/// A listed domain as A-labels, which is how [`Mailbox::domain`] gives it.
fn ascii(domain: &str) -> String {
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn school() -> School {
        let desk = crate::school::Contact {
            name: "Helpdesk".to_string(),
            role: "helpdesk".to_string(),
            phone: None,
            mail: None,
            hours: None,
        };
        School {
            id: "linde".to_string(),
            name: "De Linde".to_string(),
            domains: vec!["delinde.example".to_string()],
            gate_address: Mailbox::parse("mailpoort@delinde.example").unwrap(),
            privacy: desk.clone(),
            director: None,
            deputy: None,
            helpdesk: desk,
            fg: None,
            channels: BTreeMap::new(),
        }
    }

    #[test]
    fn address_before_own_domain_before_listed_domain_before_parent() {
        let lists = BTreeMap::from([
            (
                "care".to_string(),
                ClassList {
                    domains: vec!["GGD.example".to_string(), "*.zorg.example".to_string(), "zoë.example".to_string()],
                    addresses: vec!["Zorg@post.example".to_string()],
                },
            ),
            (
                "confidential".to_string(),
                ClassList { domains: vec![], addresses: vec!["vertrouwen@delinde.example".to_string()] },
            ),
            ("supplier".to_string(), ClassList { domains: vec!["a.zorg.example".to_string()], addresses: vec![] }),
        ]);
        let classes = Classes::new(&["deberk.example".to_string()], lists);
        for (address, class) in [
            ("juf@delinde.example", "inside"),
            ("Juf@DeLinde.example", "inside"),
            ("juf@deberk.example", "inside"),
            ("vertrouwen@delinde.example", "confidential"),
            ("arts@ggd.example", "care"),
            ("zorg@POST.example", "care"),
            ("ander@post.example", "unknown"),
            ("a@b.zorg.example", "care"),
            ("a@c.b.zorg.example", "care"),
            ("a@a.zorg.example", "supplier"),
            ("a@zorg.example", "unknown"),
            ("a@xggd.example", "unknown"),
            ("a@zoë.example", "care"),
            ("a@delinde.example.evil.example", "unknown"),
            ("a@[192.0.2.1]", "unknown"),
        ] {
            let listed = classes.listed(&Mailbox::parse(address).unwrap(), &school());
            assert_eq!(listed.map_or(UNKNOWN, |class| class), class, "{address}");
        }
    }

    #[test]
    fn the_gate_decides_what_a_school_may_list() {
        assert_eq!(listable().count(), CLASSES.len() - 4);
    }
}
