//! Raw -> Config: what the types alone cannot say. Collects every problem instead of stopping at the first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::raw::{self, Raw};
use super::{Config, JournalArchive, LogConfig, NextHopConfig, SchoolConfig, SmtpConfig};
use crate::message::{Mailbox, Source};
use crate::problem::Problem;
use crate::school::{Contact, School};
use crate::secret::Secret;
use crate::smtp::access::{ListedClient, User};
use crate::smtp::client::Demand;
use crate::smtp::settings::SessionLimits;

pub(super) fn check(file: &Path, text: &str, raw: Raw) -> Result<Config, Vec<Problem>> {
    let mut check = Check { file, text, problems: Vec::new() };
    let hostname = check.domain(&raw.hostname, "the host name");
    let schools: Vec<SchoolConfig> = raw.school.into_iter().filter_map(|school| check.school(school)).collect();
    check.schools(&schools);
    let smtp = check.smtp(raw.smtp, &schools);
    let next_hops: Vec<NextHopConfig> = raw.next_hop.into_iter().map(|hop| check.next_hop(hop)).collect();
    check.next_hops(&next_hops);
    let recipients = raw
        .recipients
        .into_iter()
        .map(|(class, list)| (class, (folded(list.domains), folded(list.addresses))))
        .collect();
    let journal_archive = raw.journal_archive.map(|archive| check.journal_archive(archive, &smtp));
    let config = Config {
        hostname: hostname.unwrap_or_default(),
        language: raw.language,
        mode: raw.mode,
        schools,
        smtp,
        next_hops,
        recipients,
        packs: raw.rules.packs.iter().map(|pack| check.path(pack)).collect(),
        policy: raw.policy.file.map(|policy| check.path(&policy)),
        texts: raw.texts.folder.map(|folder| check.path(&folder)),
        max_parts: raw.scan.max_parts.max(1),
        max_depth: raw.scan.max_depth.max(1),
        scan_deadline: raw.scan.deadline.0,
        journal_archive,
        log: LogConfig {
            format: raw.log.format,
            level: raw.log.level,
            journal: raw.log.journal.map(|journal| check.path(&journal)),
        },
    };
    if check.problems.is_empty() { Ok(config) } else { Err(check.problems) }
}

struct Check<'f> {
    file: &'f Path,
    text: &'f str,
    problems: Vec<Problem>,
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

    // -- schools

    fn school(&mut self, school: Spanned<raw::School>) -> Option<SchoolConfig> {
        let span = school.span();
        let raw = school.into_inner();
        let domains: Vec<String> =
            raw.domains.iter().filter_map(|domain| self.domain(domain, "a school's domain")).collect();
        if raw.domains.is_empty() {
            self.problem(
                &span,
                format!("the school `{}` has no domains", raw.id),
                "list its mail domains in `domains`",
            );
        }
        let privacy = self.contact(&span, &raw.id, raw.privacy, "privacy", "whom a teacher may ask for help");
        let helpdesk = self.contact(&span, &raw.id, raw.helpdesk, "helpdesk", "who can say whether a notice is real");
        let gate_address = self.gate_address(raw.gate_address, &domains, &raw.id)?;
        let secret_header = raw.secret_header.map(|header| self.header(&header));
        Some(SchoolConfig {
            school: School {
                id: raw.id,
                name: raw.name,
                domains,
                gate_address,
                privacy: privacy?,
                deputy: raw.deputy.map(contact),
                helpdesk: helpdesk?,
                fg: raw.fg.map(contact),
                channels: raw.channels,
            },
            roster: raw.roster.iter().map(|roster| self.path(roster)).collect(),
            secret_header,
        })
    }

    fn contact(
        &mut self,
        span: &Range<usize>,
        school: &str,
        raw: Option<raw::Contact>,
        key: &str,
        why: &str,
    ) -> Option<Contact> {
        match raw {
            Some(raw) if raw.phone.is_some() || raw.mail.is_some() => Some(contact(raw)),
            Some(_) => {
                self.problem(
                    span,
                    format!("the {key} contact of the school `{school}` has neither phone nor mail"),
                    format!("add `phone` or `mail` under [school.{key}]"),
                );
                None
            }
            None => {
                self.problem(
                    span,
                    format!("the school `{school}` has no {key} contact; every notice names {why}"),
                    format!("add [school.{key}] with name and phone or mail"),
                );
                None
            }
        }
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

    fn schools(&mut self, schools: &[SchoolConfig]) {
        if schools.is_empty() && self.problems.is_empty() {
            self.general("there is no school", "add a [[school]] with id, name, domains and contacts");
        }
        let (mut ids, mut domains) = (BTreeSet::new(), BTreeSet::new());
        for school in schools.iter().map(|config| &config.school) {
            if !ids.insert(&school.id) {
                self.general(format!("two schools have the id `{}`", school.id), "give each school an id of its own");
            }
            for domain in &school.domains {
                if !domains.insert(domain) {
                    self.general(format!("the domain `{domain}` belongs to two schools"), "list each domain once");
                }
            }
        }
    }

    // -- the listener

    fn smtp(&mut self, raw: raw::Smtp, schools: &[SchoolConfig]) -> SmtpConfig {
        if raw.listen.is_empty() && raw.listen_tls.is_empty() {
            self.general(
                "mailpoort listens nowhere",
                "give `listen` or `listen_tls` under [smtp], for example [\"0.0.0.0:25\"]",
            );
        }
        if raw.tls.is_none() && (!raw.listen_tls.is_empty() || raw.auth.is_some()) {
            self.general("`listen_tls` and `auth` need a certificate", "add [smtp.tls] with certificate and key");
        }
        let max_message_size = raw.max_message_size.get_ref().0;
        let memory = raw.memory.get_ref().0;
        if memory < max_message_size.saturating_mul(2) {
            self.problem(
                &raw.memory.span(),
                format!("the memory budget of {memory} octets is below twice the message size of {max_message_size}"),
                "raise `memory` or lower `max_message_size`: a message is held once as it came and once decoded",
            );
        }
        if raw.max_recipients < 100 {
            self.general(
                "`max_recipients` is below 100, which RFC 5321 asks every server to take",
                "set it to 100 or more",
            );
        }
        let clients: Vec<ListedClient> = raw.client.into_iter().map(|client| self.client(client, schools)).collect();
        let users = raw.auth.map(|auth| self.users(&auth.users, schools)).unwrap_or_default();
        if clients.is_empty() && users.is_empty() {
            self.general(
                "nobody may send mail through this gate",
                "add an [[smtp.client]] with the networks of the school's mail server",
            );
        }
        SmtpConfig {
            listen: raw.listen,
            listen_tls: raw.listen_tls,
            tls: raw.tls.map(|tls| (self.path(&tls.certificate), self.path(&tls.key))),
            clients,
            users,
            limits: SessionLimits {
                max_message_size,
                max_recipients: raw.max_recipients,
                command_timeout: raw.command_timeout.0,
                min_rate: raw.min_rate.0 as u64,
                max_connections: raw.max_connections.max(1),
                max_connections_per_stranger: raw.max_connections_per_stranger,
            },
            memory,
        }
    }

    fn client(&mut self, client: Spanned<raw::Client>, schools: &[SchoolConfig]) -> ListedClient {
        let span = client.span();
        let raw = client.into_inner();
        if raw.networks.is_empty() && raw.certificates.is_empty() {
            self.problem(
                &span,
                format!("the client `{}` has neither networks nor certificates", raw.name),
                "list the networks it sends from",
            );
        }
        if let Some(open) = raw.networks.iter().find(|network| network.prefix_len() == 0) {
            self.problem(
                &span,
                format!("the network {open} of the client `{}` is the whole internet: an open relay", raw.name),
                "list only the school's own addresses",
            );
        }
        self.school_exists(&span, raw.school.as_deref(), schools);
        for school in schools.iter().filter(|school| raw.shared && school.secret_header.is_none()) {
            let id = &school.school.id;
            self.problem(
                &span,
                format!("the client `{}` is on a network that a provider shares among its customers, and the school `{id}` has no secret header to prove itself with", raw.name),
                "add `secret_header` to the school and set that header in its own mail rule",
            );
        }
        let certificates = raw.certificates.iter().filter_map(|typed| self.fingerprint(typed)).collect();
        ListedClient {
            networks: raw.networks,
            certificates,
            shared: raw.shared,
            own_senders_only: raw.own_senders_only,
            source: Source { client: raw.name, program: raw.program, school: raw.school },
        }
    }

    fn fingerprint(&mut self, typed: &Spanned<String>) -> Option<String> {
        let hex: String = typed.get_ref().chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
        if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Some(hex);
        }
        self.problem(
            &typed.span(),
            "a certificate is listed by its SHA-256 fingerprint: 64 hex digits",
            "run: openssl x509 -in client.pem -noout -fingerprint -sha256",
        );
        None
    }

    fn school_exists(&mut self, span: &Range<usize>, id: Option<&str>, schools: &[SchoolConfig]) {
        if let Some(id) = id.filter(|id| !schools.iter().any(|school| school.school.id == **id)) {
            self.problem(span, format!("there is no school with the id `{id}`"), "use the id of a [[school]]");
        }
    }

    fn users(&mut self, file: &Path, schools: &[SchoolConfig]) -> BTreeMap<String, User> {
        let file = self.path(file);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                self.problems.push(Problem::new(
                    &file,
                    format!("the user file cannot be read: {error}"),
                    "create it, or remove [smtp.auth]",
                ));
                return BTreeMap::new();
            }
        };
        let raw: raw::Users = match toml::from_str(&text) {
            Ok(raw) => raw,
            Err(error) => {
                // The parser's message may quote the line; the line of a hash is nobody's business.
                let problem = Problem::new(
                    &file,
                    "the user file is not well formed",
                    "each [[user]] has name, password (an Argon2 hash) and senders",
                );
                self.problems.push(problem.at(&text, error.span().map_or(0, |span| span.start)));
                return BTreeMap::new();
            }
        };
        let mut inner = Check { file: &file, text: &text, problems: Vec::new() };
        let users = raw.user.into_iter().filter_map(|user| inner.user(user, schools)).collect();
        let found = inner.problems;
        self.problems.extend(found);
        users
    }

    fn user(&mut self, user: Spanned<raw::User>, schools: &[SchoolConfig]) -> Option<(String, User)> {
        let span = user.span();
        let raw = user.into_inner();
        self.school_exists(&span, raw.school.as_deref(), schools);
        if argon2::password_hash::phc::PasswordHash::new(&raw.password).is_err() {
            self.problem(
                &span,
                format!("the password of `{}` is no Argon2 hash", raw.name),
                "make one with: mailpoort hash-password",
            );
            return None;
        }
        if raw.senders.is_empty() {
            self.problem(
                &span,
                format!("the user `{}` has no `senders`", raw.name),
                "list the addresses it may send as",
            );
        }
        let source = Source { client: raw.name.clone(), program: raw.program, school: raw.school };
        Some((raw.name, User { hash: Secret::new(raw.password), senders: folded(raw.senders), source }))
    }

    // -- next hops

    fn next_hop(&mut self, hop: Spanned<raw::NextHop>) -> NextHopConfig {
        let span = hop.span();
        let raw = hop.into_inner();
        let name = raw.name;
        if raw.hosts.is_empty() {
            self.problem(
                &span,
                format!("the next hop `{name}` has no hosts"),
                "list them as \"smtp.provider.example:587\"",
            );
        }
        let hosts = raw.hosts.iter().filter_map(|host| self.host(host)).collect();
        let sender_domains =
            raw.sender_domains.iter().filter_map(|domain| self.domain(domain, "a sender domain")).collect();
        let encrypted = matches!(raw.tls, raw::Demand::Verify | raw::Demand::Require);
        if raw.username.is_some() != raw.password_file.is_some() {
            self.problem(
                &span,
                format!("the next hop `{name}` needs both `username` and `password_file`, or neither"),
                "add the missing one",
            );
        }
        if raw.username.is_some() && !encrypted {
            self.problem(
                &span,
                format!("the next hop `{name}` would get a password over a connection that may be plain"),
                "set tls = \"verify\"",
            );
        }
        if raw.ca.is_some() && raw.tls != raw::Demand::Verify {
            self.problem(
                &span,
                format!("`ca` of the next hop `{name}` does nothing without verification"),
                "set tls = \"verify\", or remove `ca`",
            );
        }
        if raw.implicit_tls && !encrypted {
            self.problem(
                &span,
                format!("the next hop `{name}` has implicit_tls and a `tls` that allows plain"),
                "set tls = \"verify\"",
            );
        }
        let credentials = raw.username.zip(raw.password_file.map(|file| self.secret(&file)));
        NextHopConfig {
            sender_domains,
            hosts,
            demand: match raw.tls {
                raw::Demand::Verify => Demand::Verify,
                raw::Demand::Require => Demand::Require,
                raw::Demand::Opportunistic => Demand::Opportunistic,
                raw::Demand::Off => Demand::Off,
            },
            implicit_tls: raw.implicit_tls,
            ca: raw.ca.map(|ca| self.path(&ca)),
            credentials,
            certificate: raw.client.map(|own| (self.path(&own.certificate), self.path(&own.key))),
            mark: raw.mark.map(|mark| self.header(&mark)),
            max_connections: raw.max_connections.max(1),
            keep_idle: raw.keep_idle.0,
            connect_timeout: raw.connect_timeout.0,
            reply_timeout: raw.reply_timeout.0,
            final_reply_timeout: raw.final_reply_timeout.0,
            name,
        }
    }

    fn next_hops(&mut self, hops: &[NextHopConfig]) {
        if hops.is_empty() {
            self.general("there is no next hop, so mail cannot leave", "add a [[next_hop]] with name and hosts");
        }
        let (mut names, mut domains) = (BTreeSet::new(), BTreeSet::new());
        for hop in hops {
            if !names.insert(&hop.name) {
                self.general(format!("two next hops have the name `{}`", hop.name), "give each a name of its own");
            }
            // "" stands for "all other senders".
            let served: Vec<&str> = if hop.sender_domains.is_empty() {
                vec![""]
            } else {
                hop.sender_domains.iter().map(String::as_str).collect()
            };
            for domain in served {
                if !domains.insert(domain) {
                    let whose =
                        if domain.is_empty() { "all other senders".into() } else { format!("senders at `{domain}`") };
                    self.general(
                        format!("two next hops serve {whose}"),
                        "give each sender domain one next hop, with several hosts if need be",
                    );
                }
            }
        }
    }

    fn host(&mut self, typed: &Spanned<String>) -> Option<(String, u16)> {
        let split = typed.get_ref().rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let Some((host, port)) = split.filter(|(host, port)| !host.is_empty() && *port > 0) else {
            self.problem(
                &typed.span(),
                format!("`{}` is no host with a port", typed.get_ref()),
                "write for example \"smtp.provider.example:587\"",
            );
            return None;
        };
        Some((host.trim_start_matches('[').trim_end_matches(']').to_string(), port))
    }

    // -- small things

    fn journal_archive(&mut self, raw: raw::JournalArchive, smtp: &SmtpConfig) -> JournalArchive {
        let client = raw.client.get_ref();
        if !smtp.clients.iter().any(|listed| listed.source.client == *client) {
            self.problem(
                &raw.client.span(),
                format!("there is no [[smtp.client]] with the name `{client}`"),
                "name the client that sends the journal reports",
            );
        }
        let addresses = raw.addresses.iter().filter_map(|address| self.mailbox(address)).collect();
        JournalArchive { client: raw.client.into_inner(), addresses }
    }

    fn mailbox(&mut self, typed: &Spanned<String>) -> Option<Mailbox> {
        let mailbox = Mailbox::parse(typed.get_ref()).ok();
        if mailbox.is_none() {
            self.problem(
                &typed.span(),
                format!("`{}` is no mail address", typed.get_ref()),
                "write for example \"mailpoort@school.nl\"",
            );
        }
        mailbox
    }

    fn domain(&mut self, typed: &Spanned<String>, what: &str) -> Option<String> {
        let domain = Mailbox::parse(&format!("x@{}", typed.get_ref())).ok().map(|mailbox| mailbox.domain().to_string());
        if domain.is_none() {
            self.problem(
                &typed.span(),
                format!("{what} `{}` is no domain name", typed.get_ref()),
                "write for example \"school.nl\"",
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

    /// The first line of a file that only its owner's group may read.
    fn secret(&mut self, file: &Path) -> Secret<String> {
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
        let secret = text.lines().next().unwrap_or_default().trim();
        if secret.len() < 8 || secret.len() > 500 || !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return refuse(
                "the secret is not 8 to 500 printable characters without spaces".into(),
                "write it on the first line, for example from: openssl rand -hex 24",
            );
        }
        if readable_by_all(&file) {
            return refuse("everybody on this machine can read the secret".into(), "run: chmod o-rwx on this file");
        }
        Secret::new(secret.to_string())
    }
}

fn readable_by_all(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

fn contact(raw: raw::Contact) -> Contact {
    Contact { name: raw.name, role: raw.role, phone: raw.phone, mail: raw.mail, hours: raw.hours }
}

fn folded(list: Vec<String>) -> Vec<String> {
    list.into_iter().map(|entry| entry.to_lowercase()).collect()
}
