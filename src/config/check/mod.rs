//! Raw -> Config: what the types alone cannot say. Collects every problem instead of stopping at the first.
//!
//! Never repairs a value in silence: what cannot be meant is refused with a sentence.

mod acme;
mod brand;
mod calendar;
mod documents;
mod flood;
mod journal;
mod keeping;
mod listener;
mod next_hops;
mod ocr;
mod programs;
mod schools;
mod share;
mod sms;
mod storage;
mod tls;
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use toml::Spanned;

use super::raw::{self, Raw};
use super::{Config, JournalArchive, LogConfig};
use crate::decide;
use crate::message::Mailbox;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::tls::Files;

pub(super) fn check(file: &Path, text: &str, raw: Raw) -> Result<Config, Vec<Problem>> {
    let mut check = Check { file, text, recognises: raw.ocr.enabled, acme: None, problems: Vec::new() };
    if let (Some(_), Some(folder)) = (&raw.acme, &raw.data_dir) {
        check.acme = Some(crate::acme::files(&check.path(folder)));
    }
    let hostname = check.domain(&raw.hostname, "the host name");
    let known = check.known_schools(&raw.school);
    let ocr = check.ocr(&raw.ocr, raw.documents.sandbox);
    // What clients wait for in the worst case.
    let pictures = ocr.as_ref().map_or(Duration::ZERO, |ocr| ocr.recognisers.per_message);
    let scan_time = raw.scan.deadline.get_ref().0 + pictures;
    check.headers_apart(&raw);
    check.inboxes_sealed(&raw);
    let journal_archive = raw.journal_archive.map(|archive| check.journal_archive(archive, &raw.smtp.client));
    let programs =
        check.programs(&raw.program, &raw.school, (raw.data_dir.is_some(), *raw.hold.keep_days.get_ref() > 0));
    let flood = check.flood(&raw.flood, *raw.smtp.max_recipients.get_ref());
    let route = raw.tls.route.clone();
    let time_zone = check.time_zone(&raw.time_zone);
    let calendar = check.calendar(&raw.calendar, &time_zone);
    let remember = raw.school.iter().map(Spanned::get_ref).filter(|school| school.remember_devices);
    let remember: Vec<String> = remember.map(|school| school.id.get_ref().clone()).collect();
    let brands = check.brands(&raw.school, raw.share.is_some());
    let report = (raw.tls.report_from.clone(), raw.tls.report_organisation.clone());
    let mut config = Config {
        hostname: hostname.unwrap_or_default(),
        language: raw.language,
        time_zone,
        mode: raw.mode,
        data_dir: raw.data_dir.as_ref().map(|folder| check.path(folder)),
        schools: raw.school.into_iter().filter_map(|school| check.school(school)).collect(),
        smtp: check.smtp(raw.smtp, &known, &raw.next_hop),
        next_hops: check.next_hops(raw.next_hop, scan_time),
        recipients: check.recipients(raw.recipients),
        shipped_rules: raw.rules.shipped,
        packs: raw.rules.packs.iter().map(|pack| check.path(pack)).collect(),
        policy: raw.policy.file.map(|policy| check.path(&policy)),
        texts: raw.texts.folder.map(|folder| check.path(&folder)),
        max_parts: check.at_least(&raw.scan.max_parts, "max_parts", 1),
        max_depth: check.at_least(&raw.scan.max_depth, "max_depth", 1),
        scan_deadline: check.time(&raw.scan.deadline, "deadline"),
        documents: check.documents(&raw.documents, raw.scan.deadline.get_ref().0),
        ocr,
        keep: check.hold(&raw.hold),
        retry: check.outbox(&raw.outbox),
        notice: raw.notice.format,
        weekly: raw.notice.weekly,
        sms: raw.sms.as_ref().and_then(|sms| check.sms(sms, raw.share.is_some())),
        share: raw.share.and_then(|share| {
            check.share(&share, raw.storage.as_ref(), raw.web.as_ref(), (&calendar, brands, remember))
        }),
        calendar,
        web: raw.web.and_then(|web| check.web(&web, raw.data_dir.is_some())),
        acme: None,
        tls: check.tls(raw.tls, raw.hostname.get_ref()),
        programs,
        journal_archive,
        lifetimes: check.journal(&raw.journal),
        flood,
        metrics: raw.metrics.and_then(|metrics| check.address(&metrics.listen)),
        log: LogConfig {
            format: raw.log.format,
            level: raw.log.level,
            journal: raw.log.journal.map(|journal| check.path(&journal)),
        },
    };
    check.road(&route, &config);
    config.acme = raw.acme.and_then(|acme| check.acme(&acme, &config));
    if let (Some(from), organisation) = report {
        config.tls.report = check.report(&from, organisation, &config);
    }
    // In the order of the file, since they are mended from top to bottom.
    check.problems.sort_by_key(|problem| (problem.file != file, problem.line));
    if check.problems.is_empty() { Ok(config) } else { Err(check.problems) }
}

struct Check<'f> {
    file: &'f Path,
    text: &'f str,
    /// Whether text in pictures is recognised, which takes its time.
    recognises: bool,
    /// Where the certificate lies that [acme] fetches.
    acme: Option<Files>,
    problems: Vec<Problem>,
}

/// A school as others refer to it, whether or not it is right itself.
struct KnownSchool {
    id: String,
    has_secret_header: bool,
}

impl Check<'_> {
    fn problem(&mut self, span: &Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        let problem = Problem::new(self.file, what, remedy);
        // A default has no place in the file.
        self.problems.push(if span.end > 0 { problem.at(self.text, span.start) } else { problem });
    }

    fn general(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.problem(&(0..0), what, remedy);
    }

    /// A path relative to the configuration file.
    fn path(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    fn recipients(
        &mut self,
        raw: BTreeMap<Spanned<String>, raw::Recipients>,
    ) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
        let mut classes = BTreeMap::new();
        for (class, list) in raw {
            if !decide::listable().any(|known| known == class.get_ref()) {
                let known: Vec<&str> = decide::listable().collect();
                self.problem(
                    &class.span(),
                    format!("there is no class of recipients called `{}`", class.get_ref()),
                    format!("use one of: {}", known.join(", ")),
                );
            }
            for domain in &list.domains {
                self.domain_after(domain, "*.", "a recipients' domain");
            }
            let addresses = list.addresses.iter().filter_map(|address| self.mailbox(address));
            let addresses = addresses.map(|mailbox| mailbox.folded()).collect();
            classes.insert(class.into_inner(), (folded(list.domains), addresses));
        }
        classes
    }

    fn journal_archive(&mut self, raw: raw::JournalArchive, clients: &[Spanned<raw::Client>]) -> JournalArchive {
        let client = raw.client.get_ref();
        if !clients.iter().any(|listed| listed.get_ref().name.get_ref() == client) {
            self.problem(
                &raw.client.span(),
                format!("there is no [[smtp.client]] with the name `{client}`"),
                "name the client that sends the journal reports",
            );
        }
        if raw.addresses.get_ref().is_empty() {
            self.problem(
                &raw.addresses.span(),
                "the journal archive has no addresses",
                "list the archive's addresses, or remove [journal_archive]",
            );
        }
        let addresses = raw.addresses.into_inner().iter().filter_map(|address| self.mailbox(address)).collect();
        JournalArchive { client: raw.client.into_inner(), addresses }
    }

    /// The header that a school's mail rule sets is taken off, the mark is put on and ends a loop: one name for
    /// both would refuse all mail.
    fn headers_apart(&mut self, raw: &Raw) {
        let secrets: Vec<String> = raw
            .school
            .iter()
            .filter_map(|school| school.get_ref().secret_header.as_ref())
            .map(|header| header.name.get_ref().to_ascii_lowercase())
            .collect();
        for mark in raw.next_hop.iter().filter_map(|hop| hop.get_ref().mark.as_ref()) {
            if secrets.contains(&mark.name.get_ref().to_ascii_lowercase()) {
                self.problem(
                    &mark.name.span(),
                    format!("`{}` is both a school's `secret_header` and a next hop's `mark`", mark.name.get_ref()),
                    "give the mark a name of its own: one proves where mail comes from, the other that it has passed us",
                );
            }
        }
    }

    /// What comes in by a watch folder is kept, so there must be a place for it.
    fn inboxes_sealed(&mut self, raw: &Raw) {
        let inboxes = raw.school.iter().filter_map(|school| school.get_ref().roster_inbox.as_ref());
        for inbox in inboxes.filter(|_| raw.data_dir.is_none()) {
            self.problem(
                &inbox.span(),
                "there is a `roster_inbox`, but no `data_dir` to keep a roster in",
                "set `data_dir`, for example \"/var/lib/mailpoort\"",
            );
        }
    }

    /// Complains about every second use of a name.
    fn once<'s>(&mut self, names: impl IntoIterator<Item = &'s Spanned<String>>, what: &str, remedy: &str) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.get_ref().to_lowercase()) {
                self.problem(&name.span(), what.replace("{}", name.get_ref()), remedy);
            }
        }
    }

    fn at_least(&mut self, typed: &Spanned<usize>, key: &str, least: usize) -> usize {
        let number = *typed.get_ref();
        if number < least {
            self.problem(&typed.span(), format!("`{key}` is {number}"), format!("set it to {least} or more"));
        }
        number
    }

    fn time(&mut self, typed: &Spanned<raw::Time>, key: &str) -> Duration {
        let time = typed.get_ref().0;
        if time.is_zero() {
            self.problem(&typed.span(), format!("`{key}` is no time at all"), "set it to \"1s\" or more");
        }
        time
    }

    fn time_zone(&mut self, typed: &Spanned<String>) -> TimeZone {
        TimeZone::get(typed.get_ref()).unwrap_or_else(|_| {
            self.problem(
                &typed.span(),
                format!("`{}` is no time zone", typed.get_ref()),
                "write for example \"Europe/Amsterdam\"",
            );
            TimeZone::UTC
        })
    }

    fn mailbox(&mut self, typed: &Spanned<String>) -> Option<Mailbox> {
        let mailbox = Mailbox::parse(typed.get_ref()).ok();
        if mailbox.is_none() {
            self.problem(
                &typed.span(),
                format!("`{}` is no mail address", typed.get_ref()),
                "write for example \"name@school.example\"",
            );
        }
        mailbox
    }

    fn domain(&mut self, typed: &Spanned<String>, what: &str) -> Option<String> {
        self.domain_after(typed, "", what)
    }

    /// A domain name, behind an optional prefix.
    fn domain_after(&mut self, typed: &Spanned<String>, prefix: &str, what: &str) -> Option<String> {
        let name = typed.get_ref().strip_prefix(prefix).unwrap_or(typed.get_ref());
        let domain = Mailbox::parse(&format!("x@{name}"))
            .ok()
            .map(|mailbox| mailbox.domain().to_string())
            .filter(|domain| !domain.starts_with('['));
        if domain.is_none() {
            self.problem(
                &typed.span(),
                format!("{what} `{}` is no domain name", typed.get_ref()),
                "write for example \"school.example\"",
            );
        }
        domain
    }

    fn header(&mut self, raw: &raw::Header) -> (String, Secret<String>) {
        let name = raw.name.get_ref();
        let well_formed =
            name.starts_with("X-") && name.len() > 2 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !well_formed {
            self.problem(
                &raw.name.span(),
                format!("`{name}` is no name for a header of our own"),
                "use letters, digits and hyphens, beginning with X-",
            );
        }
        (name.clone(), self.secret(&raw.value_file))
    }

    /// The first line of a file that only its owner and its group may read.
    fn secret(&mut self, file: &Path) -> Secret<String> {
        let secret = self.password(file);
        let value = secret.expose();
        let well_formed = value.len() >= 8 && value.bytes().all(|b| b.is_ascii_graphic());
        // An empty one has its problem already.
        if !value.is_empty() && !well_formed {
            self.problems.push(Problem::new(
                self.path(file),
                "the secret is not 8 to 500 printable characters without spaces",
                "write it on the first line, for example from: openssl rand -hex 24",
            ));
        }
        secret
    }

    /// A password that somebody else has chosen, so with fewer demands: the first line of a file.
    fn password(&mut self, file: &Path) -> Secret<String> {
        let file = self.path(file);
        let mut refuse = |what: String, remedy: &str| {
            self.problems.push(Problem::new(&file, what, remedy));
            Secret::default()
        };
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                return refuse(
                    format!("the secret cannot be read: {error}"),
                    "create the file with the secret on its first line",
                );
            }
        };
        if open_to_all(&file) {
            return refuse("everybody on this machine can read the secret".into(), "run: chmod o-rwx on this file");
        }
        let secret = text.lines().next().unwrap_or_default().trim();
        if secret.is_empty() || secret.len() > 500 || secret.chars().any(char::is_control) {
            return refuse(
                "the secret is not 8 to 500 printable characters without spaces".into(),
                "write it on the first line, for example from: openssl rand -hex 24",
            );
        }
        Secret::new(secret.to_string())
    }
}

/// Whether others than owner and group have any right to a file.
fn open_to_all(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

fn folded(list: Vec<Spanned<String>>) -> Vec<String> {
    list.into_iter().map(|entry| entry.get_ref().to_lowercase()).collect()
}
