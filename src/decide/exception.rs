//! Exceptions of the policy, and the list senders that a school has registered: who answers for each, why, and until
//! when.
//!
//! An exception lets some kinds go to some recipients as if they were not there. It never lets go what the law does not
//! let a recipient's class have, and it ends by itself. Values only; `load` reads them, `recipient` asks them.

use std::fmt;
use std::sync::Arc;

use super::class::ClassList;
use super::policy::Ground;
use crate::detect::Kind;
use crate::message::{Day, Mailbox};

/// For whom a line is an exception.
#[derive(Clone, PartialEq, Eq)]
pub struct Exception {
    /// Who answers for it.
    pub owner: String,
    /// Its last day.
    pub until: Day,
    /// The classes it holds for.
    pub classes: Vec<Arc<str>>,
    /// The domains (`*.example.nl` for those below) and addresses it holds for.
    pub listed: ClassList,
}

impl Exception {
    /// Whether it holds for a recipient on a day.
    pub(super) fn holds(&self, mailbox: &Mailbox, class: &str, today: Day) -> bool {
        let address = || self.listed.addresses.iter().any(|listed| *listed == mailbox.folded());
        let domain = |listed: &String| match listed.strip_prefix("*.") {
            Some(parent) => mailbox.domain().strip_suffix(parent).is_some_and(|below| below.ends_with('.')),
            None => mailbox.domain() == listed,
        };
        today <= self.until
            && (self.classes.iter().any(|to| &**to == class) || address() || self.listed.domains.iter().any(domain))
    }
}

/// An address can be somebody's: `Debug` hides it.
impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exception(until {})", self.until)
    }
}

/// Whether the law lets a class have these kinds, as far as the policy says.
pub(super) fn is_lawful(grounds: &[Ground], class: &str, kinds: &[Kind]) -> bool {
    let forbids = |ground: &Ground| {
        !ground.may && ground.to.iter().any(|to| &**to == class) && ground.kinds.iter().any(|kind| kinds.contains(kind))
    };
    !grounds.iter().any(forbids)
}

/// A sender of newsletters that the school has registered.
#[derive(Clone, PartialEq, Eq)]
pub struct ListSender {
    /// Its address, folded.
    pub address: String,
    /// To whom it writes, and on what ground.
    pub purpose: Purpose,
}

/// An address can be somebody's: `Debug` hides it.
impl fmt::Debug for ListSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListSender({})", self.purpose.word())
    }
}

/// The three kinds of lists (Telecommunicatiewet art. 11.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To people of the school, about what they are at school for.
    Customers,
    /// To people of the school, who agreed to more than that.
    CustomersWithConsent,
    /// To others, who agreed.
    Consent,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 3] = [Self::Customers, Self::CustomersWithConsent, Self::Consent];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::CustomersWithConsent => "customers_with_consent",
            Self::Consent => "consent",
        }
    }
}
