//! The exceptions and list senders of a policy file, as they are typed.

use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::{Reader, Word};
use crate::decide::class::{CLASSES, ClassList};
use crate::decide::exception::{Exception, ListSender, Purpose};
use crate::decide::policy::{Line, When};
use crate::decide::verdict::{Ask, Mode};
use crate::detect::Kind;
use crate::level::Level;
use crate::message::{Day, Mailbox};
use crate::problem::line_of;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawException {
    pub(super) id: Word,
    kinds: Vec<Word>,
    #[serde(default)]
    to: Vec<Word>,
    #[serde(default)]
    domains: Vec<String>,
    #[serde(default)]
    addresses: Vec<Word>,
    owner: Word,
    reason: Word,
    until: Spanned<toml::value::Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListSender {
    address: Word,
    purpose: Word,
}

impl Reader<'_> {
    /// An exception is a line of its own kind: it comes before the others and passes.
    pub(super) fn exception(&mut self, raw: RawException) -> Option<Line> {
        let told = self.problems.len();
        self.id(&raw.id);
        for (word, typed) in [("owner", &raw.owner), ("reason", &raw.reason)] {
            if typed.get_ref().trim().is_empty() {
                let remedy = "write who answers for it, and why it is right";
                self.say(typed.span().start, format!("an exception without {word}"), remedy);
            }
        }
        let at = raw.id.span().start;
        let kinds = self.words("kind", &raw.kinds, &Kind::ALL.map(|kind| (kind.word(), kind)));
        if raw.kinds.is_empty() {
            self.say(at, "an exception for no kind", "add kinds = [...]");
        }
        let classes = self.words("recipient class", &raw.to, &CLASSES.map(|class| (class, class)));
        if raw.to.is_empty() && raw.domains.is_empty() && raw.addresses.is_empty() {
            self.say(at, "an exception for nobody", "add to = [...], domains = [...] or addresses = [...]");
        }
        let addresses = raw.addresses.iter().filter_map(|typed| self.address(typed)).collect();
        let domains = raw.domains.iter().map(|domain| domain.to_lowercase()).collect();
        let until = self.day(&raw.until);
        if self.problems.len() > told {
            return None;
        }
        Some(Line {
            id: Arc::from(raw.id.into_inner()),
            at: line_of(self.text, at),
            why: raw.reason.into_inner(),
            when: When { kinds, min: 1, ..When::default() },
            exception: Some(Exception {
                owner: raw.owner.into_inner(),
                until: until?,
                classes: classes.into_iter().map(Arc::from).collect(),
                listed: ClassList { domains, addresses },
            }),
            ask: Ask::Pass,
            passes_meanwhile: false,
            before: true,
            advise: false,
            mode: Mode::Enforce,
            advice: None,
            offers: Vec::new(),
            level: Level::default(),
            attachments: false,
        })
    }

    pub(super) fn list_sender(&mut self, raw: &RawListSender) -> Option<ListSender> {
        let purpose = self.word("purpose", &raw.purpose, &Purpose::ALL.map(|purpose| (purpose.word(), purpose)));
        Some(ListSender { address: self.address(&raw.address)?, purpose: purpose? })
    }

    fn address(&mut self, typed: &Word) -> Option<String> {
        let mailbox = Mailbox::parse(typed.get_ref());
        if mailbox.is_err() {
            self.say(typed.span().start, "this is no mail address", "write it as name@domain");
        }
        Some(mailbox.ok()?.folded())
    }

    fn day(&mut self, typed: &Spanned<toml::value::Datetime>) -> Option<Day> {
        let date = typed.get_ref().date;
        if date.is_none() {
            self.say(typed.span().start, "an exception without a last day", "write a date: until = 2027-07-31");
        }
        date.map(|date| Day::new(date.year, date.month, date.day))
    }
}
