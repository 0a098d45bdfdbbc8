//! How far the mail of a school may go: the school's own mode, and that of its pilot groups.
//!
//! A pilot group goes through the rollout before (or behind) its school, so its mode takes the place of the school's for
//! its senders. Neither goes over the ceiling of the installation, nor over a pause. Values only; cannot fail.

use std::collections::HashMap;

use super::verdict::Mode;
use crate::message::Mailbox;

/// The modes of a school.
#[derive(Debug, Clone, Default)]
pub struct Modes {
    /// Without one the ceiling alone counts.
    school: Option<Mode>,
    /// By folded address, or `@domain`.
    pilots: HashMap<String, Mode>,
}

impl Modes {
    /// The mode of a school, and of the senders in its pilot groups: folded addresses, or `@domain` for all of a domain.
    pub fn new(school: Option<Mode>, pilots: impl IntoIterator<Item = (String, Mode)>) -> Self {
        Self { school, pilots: pilots.into_iter().collect() }
    }

    /// The mode of a sender; an address counts before its domain. The null path is in no group.
    pub fn of(&self, sender: Option<&Mailbox>) -> Mode {
        let school = self.school.unwrap_or(Mode::Enforce);
        let Some(sender) = sender.filter(|_| !self.pilots.is_empty()) else { return school };
        let pilot = self.pilots.get(&sender.folded());
        *pilot.or_else(|| self.pilots.get(&format!("@{}", sender.domain()))).unwrap_or(&school)
    }

    /// The mode that goes furthest of those that are named.
    pub fn furthest(&self) -> Option<Mode> {
        self.pilots.values().copied().chain(self.school).max()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_counts_before_its_domain_and_both_before_the_school() {
        let pilots = [("juf@delinde.example".into(), Mode::Enforce), ("@ict.delinde.example".into(), Mode::Advise)];
        let modes = Modes::new(Some(Mode::Observe), pilots);
        for (sender, mode) in [
            (Some("juf@delinde.example"), Mode::Enforce),
            (Some("JUF@DeLinde.example"), Mode::Enforce),
            (Some("meester@delinde.example"), Mode::Observe),
            (Some("wie@ict.delinde.example"), Mode::Advise),
            (Some("juf@elders.example"), Mode::Observe),
            (None, Mode::Observe),
        ] {
            let mailbox = sender.map(|sender| Mailbox::parse(sender).unwrap());
            assert_eq!(modes.of(mailbox.as_ref()), mode, "{sender:?}");
        }
        assert_eq!((modes.furthest(), Modes::default().furthest()), (Some(Mode::Enforce), None));
        assert_eq!(Modes::default().of(None), Mode::Enforce);
    }
}
