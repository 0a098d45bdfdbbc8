//! The brake on senders that send too much.

use toml::Spanned;

use super::Check;
use crate::config::{FloodConfig, raw};

/// More than any teacher sends in an hour, and a letter to all guardians of a large school twice over.
const PER_HOUR: usize = 2000;

impl Check<'_> {
    pub(super) fn flood(&mut self, raw: &raw::Flood, max_recipients: usize) -> FloodConfig {
        if let Some(typed) = raw.outside_recipients_per_hour.as_ref().filter(|n| *n.get_ref() < max_recipients) {
            self.problem(
                &typed.span(),
                format!("`outside_recipients_per_hour` is {}, fewer than one message may have", typed.get_ref()),
                format!("set it to `max_recipients` ({max_recipients}) or more, since such a message would never go"),
            );
        }
        let typed = |number: &Option<Spanned<usize>>| number.as_ref().map(|number| *number.get_ref());
        FloodConfig {
            messages: raw
                .messages_per_hour
                .as_ref()
                .map_or(PER_HOUR, |typed| self.at_least(typed, "messages_per_hour", 1)),
            outside_recipients: typed(&raw.outside_recipients_per_hour).unwrap_or(PER_HOUR.max(max_recipients)),
            exempt: raw.exempt.iter().filter_map(|typed| self.sender(typed)).collect(),
        }
    }

    /// A sender, folded: an address, or `@domain` for all of a domain.
    pub(super) fn sender(&mut self, typed: &Spanned<String>) -> Option<String> {
        if typed.get_ref().starts_with('@') {
            return self.domain_after(typed, "@", "a sender's domain").map(|domain| format!("@{domain}"));
        }
        self.mailbox(typed).map(|mailbox| mailbox.folded())
    }
}
