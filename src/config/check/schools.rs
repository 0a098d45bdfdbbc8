//! The schools and the people whom their notices name.

use std::ops::Range;

use toml::Spanned;

use super::{Check, KnownSchool};
use crate::config::{SchoolConfig, raw};
use crate::message::Mailbox;
use crate::school::{Contact, School};

impl Check<'_> {
    /// All schools together: there is one, and none is there twice.
    pub(super) fn known_schools(&mut self, schools: &[Spanned<raw::School>]) -> Vec<KnownSchool> {
        if schools.is_empty() {
            self.general("there is no school", "add a [[school]] with id, name, domains and contacts");
        }
        let schools = || schools.iter().map(Spanned::get_ref);
        self.once(
            schools().map(|school| &school.id),
            "two schools have the id `{}`",
            "give each school an id of its own",
        );
        self.once(
            schools().flat_map(|school| &school.domains),
            "the domain `{}` is listed twice",
            "list each domain once, at the school that it belongs to",
        );
        schools()
            .map(|school| KnownSchool {
                id: school.id.get_ref().clone(),
                has_secret_header: school.secret_header.is_some(),
            })
            .collect()
    }

    pub(super) fn school(&mut self, school: Spanned<raw::School>) -> Option<SchoolConfig> {
        let span = school.span();
        let raw = school.into_inner();
        self.id(&raw.id);
        let id = raw.id.into_inner();
        let domains: Vec<String> =
            raw.domains.iter().filter_map(|domain| self.domain(domain, "a school's domain")).collect();
        if raw.domains.is_empty() {
            self.problem(&span, format!("the school `{id}` has no domains"), "list its mail domains in `domains`");
        }
        let privacy = self.needed(&span, &id, raw.privacy, "privacy", "whom a teacher may ask for help");
        let helpdesk = self.needed(&span, &id, raw.helpdesk, "helpdesk", "who can say whether a notice is real");
        let deputy = raw.deputy.and_then(|deputy| self.contact(&span, &id, deputy, "deputy"));
        let director = raw.director.and_then(|director| self.contact(&span, &id, director, "director"));
        let fg = raw.fg.and_then(|fg| self.contact(&span, &id, fg, "fg"));
        let gate_address = self.gate_address(raw.gate_address, &domains, &id);
        let secret_header = raw.secret_header.map(|header| self.header(&header));
        Some(SchoolConfig {
            school: School {
                id,
                name: raw.name,
                domains,
                gate_address: gate_address?,
                privacy: privacy?,
                deputy,
                director,
                helpdesk: helpdesk?,
                fg,
                channels: raw.channels,
            },
            roster: raw.roster.iter().map(|roster| self.path(roster)).collect(),
            roster_inbox: raw.roster_inbox.map(|inbox| self.path(inbox.get_ref())),
            secret_header,
        })
    }

    /// An id stands in every journal line, where it must not break anything.
    fn id(&mut self, id: &Spanned<String>) {
        let fits = |id: &str| {
            !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !fits(id.get_ref()) {
            self.problem(
                &id.span(),
                format!("`{}` is no id for a school", id.get_ref()),
                "use 1 to 64 letters, digits and hyphens, for example \"linde\"",
            );
        }
    }

    fn needed(
        &mut self,
        span: &Range<usize>,
        school: &str,
        raw: Option<raw::Contact>,
        key: &str,
        why: &str,
    ) -> Option<Contact> {
        let Some(raw) = raw else {
            self.problem(
                span,
                format!("the school `{school}` has no {key} contact; every notice names {why}"),
                format!("add [school.{key}] with name and phone or mail"),
            );
            return None;
        };
        self.contact(span, school, raw, key)
    }

    fn contact(&mut self, span: &Range<usize>, school: &str, raw: raw::Contact, key: &str) -> Option<Contact> {
        if raw.phone.is_none() && raw.mail.is_none() {
            self.problem(
                span,
                format!("the {key} contact of the school `{school}` has neither phone nor mail"),
                format!("add `phone` or `mail` under [school.{key}]"),
            );
            return None;
        }
        if let Some(mail) = &raw.mail {
            self.mailbox(mail)?;
        }
        let mail = raw.mail.map(Spanned::into_inner);
        Some(Contact { name: raw.name, role: raw.role, phone: raw.phone, mail, hours: raw.hours })
    }

    fn gate_address(&mut self, typed: Option<Spanned<String>>, domains: &[String], school: &str) -> Option<Mailbox> {
        let Some(typed) = typed else {
            return domains.first().and_then(|domain| Mailbox::parse(&format!("mailpoort@{domain}")).ok());
        };
        let mailbox = self.mailbox(&typed)?;
        if !domains.iter().any(|domain| domain == mailbox.domain()) {
            self.problem(
                &typed.span(),
                format!("the gate's address is not in a domain of the school `{school}`"),
                "use an address in one of its domains, so that SPF and DKIM fit",
            );
        }
        Some(mailbox)
    }
}
