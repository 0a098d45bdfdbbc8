//! The listener: where, who may relay, and the limits of a session.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::Spanned;

use super::{Check, KnownSchool};
use crate::config::{SmtpConfig, raw};
use crate::message::Source;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::smtp::access::{ListedClient, User};
use crate::smtp::settings::SessionLimits;
use crate::tls::Issuer;

impl Check<'_> {
    pub(super) fn smtp(
        &mut self,
        raw: raw::Smtp,
        schools: &[KnownSchool],
        hops: &[Spanned<raw::NextHop>],
    ) -> SmtpConfig {
        if raw.listen.is_empty() && raw.listen_tls.is_empty() {
            self.general(
                "mailpoort listens nowhere",
                "give `listen` or `listen_tls` under [smtp], for example [\"0.0.0.0:25\"]",
            );
        }
        if raw.tls.is_none() && (!raw.listen_tls.is_empty() || raw.auth.is_some()) {
            self.general("`listen_tls` and `auth` need a certificate", "add [smtp.tls] with certificate and key");
        }
        let limits = self.limits(&raw);
        let has_tls = raw.tls.is_some();
        self.once(
            raw.client.iter().map(|client| &client.get_ref().name),
            "two clients have the name `{}`",
            "give each a name of its own, by which the log tells them apart",
        );
        let nobody = raw.client.is_empty() && raw.auth.is_none();
        if nobody {
            self.general(
                "nobody may send mail through this gate",
                "add an [[smtp.client]] with the networks of the school's mail server",
            );
        }
        SmtpConfig {
            listen: raw.listen.iter().filter_map(|typed| self.address(typed)).collect(),
            listen_tls: raw.listen_tls.iter().filter_map(|typed| self.address(typed)).collect(),
            tls: raw.tls.and_then(|tls| self.own_certificate("[smtp.tls]", &tls.certificate, tls.key.as_deref())),
            clients: raw.client.into_iter().map(|client| self.client(client, schools, has_tls)).collect(),
            accounts: raw.auth.as_ref().and_then(|auth| self.accounts(auth, hops)),
            users: raw.auth.and_then(|auth| auth.users).map(|file| self.users(&file, schools)).unwrap_or_default(),
            limits,
            memory: raw.memory.get_ref().0,
        }
    }

    /// The next hop that checks the credentials of accounts.
    fn accounts(&mut self, auth: &raw::Auth, hops: &[Spanned<raw::NextHop>]) -> Option<String> {
        let Some(name) = &auth.pass_to else {
            if auth.users.is_none() {
                self.general("[smtp.auth] says of nobody how to sign in", "give `users`, `pass_to` or both");
            }
            return None;
        };
        match hops.iter().map(Spanned::get_ref).find(|hop| hop.name.get_ref() == name.get_ref()) {
            None => self.problem(
                &name.span(),
                format!("there is no next hop with the name `{}`", name.get_ref()),
                "use the name of a [[next_hop]]",
            ),
            // Nobody's password goes to whom we do not know.
            Some(hop) if hop.tls != raw::Demand::Verify => self.problem(
                &name.span(),
                format!("passwords would be passed on to `{}`, whose certificate is not verified", name.get_ref()),
                "set `tls = \"verify\"` for that [[next_hop]], with `ca` when its authority is your own",
            ),
            Some(_) => {}
        }
        Some(name.get_ref().clone())
    }

    fn limits(&mut self, raw: &raw::Smtp) -> SessionLimits {
        let max_message_size = raw.max_message_size.get_ref().0;
        let memory = raw.memory.get_ref().0;
        if max_message_size < 64 * 1024 {
            self.problem(
                &raw.max_message_size.span(),
                format!("`max_message_size` is {max_message_size} octets; RFC 5321 asks every server to take 64 KiB"),
                "set it to what the next hop takes, for example \"50 MB\"",
            );
        } else if memory < max_message_size.saturating_mul(2) {
            self.problem(
                &raw.memory.span(),
                format!(
                    "the memory budget of {memory} octets is below twice the message size of {max_message_size} octets"
                ),
                "raise `memory` or lower `max_message_size`: a message is held once as it came and once decoded",
            );
        }
        if *raw.max_recipients.get_ref() < 100 {
            self.problem(
                &raw.max_recipients.span(),
                "`max_recipients` is below 100, which RFC 5321 asks every server to take",
                "set it to 100 or more",
            );
        }
        SessionLimits {
            max_message_size,
            max_recipients: *raw.max_recipients.get_ref(),
            command_timeout: self.time(&raw.command_timeout, "command_timeout"),
            min_rate: raw.min_rate.get_ref().0 as u64,
            max_connections: self.at_least(&raw.max_connections, "max_connections", 1),
            max_connections_per_stranger: raw.max_connections_per_stranger,
        }
    }

    fn client(&mut self, client: Spanned<raw::Client>, schools: &[KnownSchool], has_tls: bool) -> ListedClient {
        let span = client.span();
        let raw = client.into_inner();
        let name = raw.name.into_inner();
        if raw.networks.is_empty() && raw.certificates.is_empty() && raw.ca.is_none() {
            self.problem(
                &span,
                format!("the client `{name}` has neither networks nor certificates"),
                "list the networks it sends from",
            );
        }
        if (!raw.certificates.is_empty() || raw.ca.is_some()) && !has_tls {
            self.problem(
                &span,
                format!("the client `{name}` shows a certificate, which takes TLS, and the gate offers none"),
                "add [smtp.tls] with certificate and key",
            );
        }
        let networks = raw.networks.iter().filter_map(|typed| self.network(typed, &name)).collect();
        self.school_exists(&span, raw.school.as_deref(), schools);
        for school in schools.iter().filter(|school| raw.shared && !school.has_secret_header) {
            self.problem(
                &span,
                format!(
                    "the client `{name}` is on a network that a provider shares among its customers, and the school \
                     `{}` has no secret header to prove itself with",
                    school.id
                ),
                "add `secret_header` to the school and set that header in its own mail rule",
            );
        }
        ListedClient {
            certificates: raw.certificates.iter().filter_map(|typed| self.fingerprint(typed)).collect(),
            issuer: self.issuer(&span, raw.ca.as_ref(), &raw.names),
            networks,
            shared: raw.shared,
            own_senders_only: raw.own_senders_only,
            source: Source { client: name, program: raw.program, school: raw.school },
        }
    }

    /// An authority whose certificates count for some names.
    fn issuer(
        &mut self,
        span: &Range<usize>,
        ca: Option<&Spanned<PathBuf>>,
        names: &[Spanned<String>],
    ) -> Option<Issuer> {
        for name in names.iter().filter(|name| !Issuer::is_name(name.get_ref())) {
            self.problem(
                &name.span(),
                format!("`{}` is no host name or IP address that a certificate can be for", name.get_ref()),
                "write the whole name as it stands in the certificate, without `*`",
            );
        }
        match (ca, names) {
            (None, []) => None,
            (None, _) => {
                let remedy = "give `ca`, the authority (PEM) whose certificates count for these names";
                self.problem(span, "`names` say which certificates of an authority count, and there is none", remedy);
                None
            }
            (Some(ca), []) => {
                let remedy = "list in `names` the names that its certificates must be for";
                self.problem(&ca.span(), "every certificate of this authority would let its holder in", remedy);
                None
            }
            (Some(ca), names) => {
                let names = names.iter().map(|name| name.get_ref().to_ascii_lowercase()).collect();
                Some(Issuer::new(self.path(ca.get_ref()), names))
            }
        }
    }

    pub(super) fn address(&mut self, typed: &Spanned<String>) -> Option<SocketAddr> {
        let address = typed.get_ref().parse().ok();
        if address.is_none() {
            self.problem(
                &typed.span(),
                format!("`{}` is no address with a port", typed.get_ref()),
                "write for example \"0.0.0.0:25\" or \"[::]:25\"",
            );
        }
        address
    }

    fn network(&mut self, typed: &Spanned<String>, client: &str) -> Option<IpNet> {
        let network = typed.get_ref().parse().or_else(|_| typed.get_ref().parse::<IpAddr>().map(IpNet::from)).ok();
        let (what, remedy) = match network {
            None => ("is no network", "write for example \"192.0.2.25/32\" or \"2001:db8::/64\""),
            Some(network) if is_open(&network) => {
                ("is the internet or a great part of it: an open relay", "list only the school's own addresses")
            }
            Some(network) => return Some(network),
        };
        self.problem(&typed.span(), format!("`{}` of the client `{client}` {what}", typed.get_ref()), remedy);
        None
    }

    fn fingerprint(&mut self, typed: &Spanned<String>) -> Option<String> {
        let (of, pin) =
            typed.get_ref().strip_prefix("key:").map_or(("", typed.get_ref().as_str()), |pin| ("key:", pin));
        let hex: String = pin.chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
        if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Some(format!("{of}{hex}"));
        }
        self.problem(
            &typed.span(),
            "a certificate is listed by its SHA-256 fingerprint, or by `key:` and that of its key: 64 hex digits",
            "run: openssl x509 -in client.pem -noout -fingerprint -sha256",
        );
        None
    }

    fn school_exists(&mut self, span: &Range<usize>, id: Option<&str>, schools: &[KnownSchool]) {
        if let Some(id) = id.filter(|id| !schools.iter().any(|school| school.id == **id)) {
            self.problem(span, format!("there is no school with the id `{id}`"), "use the id of a [[school]]");
        }
    }

    fn users(&mut self, file: &Path, schools: &[KnownSchool]) -> BTreeMap<String, User> {
        let file = self.path(file);
        let mut refuse = |problem: Problem| {
            self.problems.push(problem);
            BTreeMap::new()
        };
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                let what = format!("the user file cannot be read: {error}");
                return refuse(Problem::new(&file, what, "create it, or remove [smtp.auth]"));
            }
        };
        if super::open_to_all(&file) {
            let what = "everybody on this machine can read the password hashes";
            return refuse(Problem::new(&file, what, "run: chmod o-rwx on this file"));
        }
        let raw: raw::Users = match toml::from_str(&text) {
            Ok(raw) => raw,
            Err(error) => {
                // The parser's message may quote the line; the line of a hash is nobody's business.
                let remedy = "give each [[user]] name, password (an Argon2 hash) and senders, and no other keys than \
                              program and school";
                let problem = Problem::new(&file, "the user file is not well formed", remedy);
                return refuse(problem.at(&text, error.span().map_or(0, |span| span.start)));
            }
        };
        let mut inner = Check { file: &file, text: &text, recognises: false, acme: None, problems: Vec::new() };
        if raw.user.is_empty() {
            inner.general("there are no users in this file", "add a [[user]], or remove [smtp.auth]");
        }
        let names = raw.user.iter().map(|user| &user.get_ref().name);
        inner.once(names, "two users have the name `{}`", "give each a name of its own");
        let users = raw.user.into_iter().filter_map(|user| inner.user(user, schools)).collect();
        let found = inner.problems;
        self.problems.extend(found);
        users
    }

    fn user(&mut self, user: Spanned<raw::User>, schools: &[KnownSchool]) -> Option<(String, User)> {
        let span = user.span();
        let raw = user.into_inner();
        let name = raw.name.into_inner();
        self.school_exists(&span, raw.school.as_deref(), schools);
        if raw.senders.is_empty() {
            self.problem(&span, format!("the user `{name}` has no `senders`"), "list the addresses it may send as");
        }
        for sender in raw.senders.iter().filter(|sender| sender.get_ref() != "<>") {
            match sender.get_ref().starts_with('@') {
                true => _ = self.domain_after(sender, "@", "a sender's domain"),
                false => _ = self.mailbox(sender),
            }
        }
        if argon2::password_hash::phc::PasswordHash::new(&raw.password).is_err() {
            let remedy = "make one with: mailpoort hash-password";
            self.problem(&span, format!("the password of `{name}` is no Argon2 hash"), remedy);
            return None;
        }
        let source = Source { client: name.clone(), program: raw.program, school: raw.school };
        Some((name, User { hash: Secret::new(raw.password), senders: super::folded(raw.senders), source }))
    }
}

/// Broader than any private network (10.0.0.0/8, fc00::/7).
pub(super) fn is_open(network: &IpNet) -> bool {
    network.prefix_len() < if matches!(network, IpNet::V4(_)) { 8 } else { 7 }
}
