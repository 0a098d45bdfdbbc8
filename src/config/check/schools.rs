//! The schools and the people whom their notices name.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use super::{Check, KnownSchool};
use crate::config::{Duties, SchoolConfig, raw};
use crate::decide::{Mode, Modes};
use crate::dkim;
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
        let dkim = raw.dkim.and_then(|dkim| self.dkim(&dkim, &domains));
        let modes = self.modes(raw.mode, raw.pilot, &domains, &id);
        let day = |day: Option<raw::Day>| day.map(|day| day.0);
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
            modes,
            duties: Duties {
                dpia: day(raw.dpia),
                participation_council: day(raw.participation_council),
                staff_letter: day(raw.staff_letter),
            },
            roster: raw.roster.iter().map(|roster| self.path(roster)).collect(),
            roster_inbox: raw.roster_inbox.map(|inbox| self.path(inbox.get_ref())),
            secret_header,
            dkim,
        })
    }

    /// The domain is the school's own, or one above it: another's proves nothing to DMARC (RFC 7489 3.1.1).
    fn dkim(&mut self, raw: &raw::Dkim, domains: &[String]) -> Option<(String, String, PathBuf)> {
        let selector = self.domain(&raw.selector, "a DKIM selector");
        let domain = match &raw.domain {
            Some(typed) => {
                let domain = self.domain(typed, "the domain that signs")?;
                if !domains.iter().any(|own| dkim::is_aligned(&domain, own)) {
                    self.problem(
                        &typed.span(),
                        format!("`{domain}` is none of the school's domains, so its signature proves nothing"),
                        "give one of `domains`",
                    );
                }
                domain
            }
            None => domains.first()?.clone(),
        };
        Some((domain, selector?, self.path(&raw.key_file)))
    }

    /// A pilot group goes its own way, so each sender is in one at most, and is one of the school's.
    fn modes(&mut self, school: Option<Mode>, pilots: Vec<raw::Pilot>, domains: &[String], id: &str) -> Modes {
        let senders = pilots.iter().flat_map(|pilot| pilot.senders.get_ref());
        self.once(senders, "the sender `{}` is in two pilot groups", "list each sender in one group");
        let mut listed = Vec::new();
        for pilot in pilots {
            if pilot.senders.get_ref().is_empty() {
                let what = format!("a pilot group of the school `{id}` has no senders");
                self.problem(&pilot.senders.span(), what, "list addresses, or \"@domain\", or remove the group");
            }
            for typed in pilot.senders.into_inner() {
                let Some(sender) = self.sender(&typed) else { continue };
                if !domains.iter().any(|own| sender.rsplit('@').next() == Some(own)) {
                    let what = format!("the pilot group's sender `{}` is not of the school `{id}`", typed.get_ref());
                    self.problem(&typed.span(), what, "list senders in the school's own `domains`");
                }
                listed.push((sender, pilot.mode));
            }
        }
        Modes::new(school, listed)
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
