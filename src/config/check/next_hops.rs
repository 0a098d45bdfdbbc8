//! The next hops: where mail goes, under which demand, for which senders.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::Spanned;

use super::Check;
use crate::config::{NextHopConfig, raw};
use crate::smtp::client::Demand;
use crate::tls::Files;

/// How long a client waits for the reply to the end of its data (RFC 5321 4.5.3.2.6). Whoever answers later has
/// sent the mail, while the client thinks that it has not and sends it again.
const CLIENTS_PATIENCE: Duration = Duration::from_secs(600);

impl Check<'_> {
    pub(super) fn next_hops(
        &mut self,
        hops: Vec<Spanned<raw::NextHop>>,
        scan_deadline: Duration,
    ) -> Vec<NextHopConfig> {
        if hops.is_empty() {
            self.general("there is no next hop, so mail cannot leave", "add a [[next_hop]] with name and hosts");
        }
        let raws = || hops.iter().map(Spanned::get_ref);
        self.once(raws().map(|hop| &hop.name), "two next hops have the name `{}`", "give each a name of its own");
        self.served_once(&hops);
        hops.into_iter().map(|hop| self.next_hop(hop, scan_deadline)).collect()
    }

    fn served_once(&mut self, hops: &[Spanned<raw::NextHop>]) {
        let remedy = "give each sender domain one next hop, with several hosts if need be";
        let (mut domains, mut all_others) = (BTreeSet::new(), false);
        for hop in hops {
            for domain in &hop.get_ref().sender_domains {
                if !domains.insert(domain.get_ref().to_lowercase()) {
                    self.problem(
                        &domain.span(),
                        format!("two next hops serve senders at `{}`", domain.get_ref()),
                        remedy,
                    );
                }
            }
            if hop.get_ref().sender_domains.is_empty() && std::mem::replace(&mut all_others, true) {
                self.problem(
                    &hop.span(),
                    "two next hops have no `sender_domains`, so both would serve all other senders",
                    remedy,
                );
            }
        }
    }

    fn next_hop(&mut self, hop: Spanned<raw::NextHop>, scan_deadline: Duration) -> NextHopConfig {
        self.demands(&hop);
        self.patience(hop.get_ref(), scan_deadline);
        let raw = hop.into_inner();
        NextHopConfig {
            name: raw.name.into_inner(),
            sender_domains: raw
                .sender_domains
                .iter()
                .filter_map(|domain| self.domain(domain, "a sender domain"))
                .collect(),
            hosts: raw.hosts.iter().filter_map(|host| self.host(host)).collect(),
            demand: match raw.tls {
                raw::Demand::Verify => Demand::Verify,
                raw::Demand::Require => Demand::Require,
                raw::Demand::Opportunistic => Demand::Opportunistic,
                raw::Demand::Off => Demand::Off,
            },
            implicit_tls: raw.implicit_tls,
            ca: raw.ca.map(|ca| self.path(&ca)),
            credentials: raw.username.zip(raw.password_file.map(|file| self.password(&file))),
            certificate: raw.client.map(|own| Files {
                certificate: self.path(&own.certificate),
                key: self.path(&own.key),
                fetched: false,
            }),
            mark: raw.mark.map(|mark| self.header(&mark)),
            max_connections: self.at_least(&raw.max_connections, "max_connections", 1),
            keep_idle: raw.keep_idle.0,
            connect_timeout: self.time(&raw.connect_timeout, "connect_timeout"),
            reply_timeout: self.time(&raw.reply_timeout, "reply_timeout"),
            final_reply_timeout: self.time(&raw.final_reply_timeout, "final_reply_timeout"),
        }
    }

    /// What does not go together.
    fn demands(&mut self, hop: &Spanned<raw::NextHop>) {
        let (span, raw) = (hop.span(), hop.get_ref());
        let name = raw.name.get_ref();
        let encrypted = matches!(raw.tls, raw::Demand::Verify | raw::Demand::Require);
        if raw.hosts.is_empty() {
            self.problem(
                &span,
                format!("the next hop `{name}` has no hosts"),
                "list them as \"smtp.provider.example:587\"",
            );
        }
        if raw.username.is_some() != raw.password_file.is_some() {
            self.problem(
                &span,
                format!("the next hop `{name}` needs both `username` and `password_file`, or neither"),
                "add the missing one",
            );
        }
        if raw.username.is_some() && raw.tls != raw::Demand::Verify {
            self.problem(
                &span,
                format!("the next hop `{name}` would get a password without having shown who it is"),
                "set tls = \"verify\"",
            );
        }
        if raw.client.is_some() && raw.tls == raw::Demand::Off {
            self.problem(
                &span,
                format!("the next hop `{name}` has a client certificate, and tls = \"off\" never shows one"),
                "set tls = \"verify\", or remove [next_hop.client]",
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
    }

    /// We must answer while the client still waits.
    fn patience(&mut self, raw: &raw::NextHop, scan_deadline: Duration) {
        let ours = raw.final_reply_timeout.get_ref().0.saturating_add(scan_deadline);
        if ours >= CLIENTS_PATIENCE {
            self.problem(
                &raw.final_reply_timeout.span(),
                format!(
                    "{} and the `final_reply_timeout` of the next hop `{}` are {} s together, and a client waits {} s: it \
                     would send the mail twice",
                    if self.recognises { "the scan's `deadline`, the `time_per_message` of [ocr]" } else { "the scan's `deadline`" },
                    raw.name.get_ref(),
                    ours.as_secs(),
                    CLIENTS_PATIENCE.as_secs()
                ),
                "lower one of them",
            );
        }
    }

    fn host(&mut self, typed: &Spanned<String>) -> Option<(String, u16)> {
        let split = typed.get_ref().rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let bracketed = |host: &str| host.starts_with('[') && host.ends_with(']');
        let fits = |host: &str| !host.is_empty() && (bracketed(host) || !host.contains(':'));
        let Some((host, port)) = split.filter(|(host, port)| fits(host) && *port > 0) else {
            self.problem(
                &typed.span(),
                format!("`{}` is no host with a port", typed.get_ref()),
                "write for example \"smtp.provider.example:587\" or \"[2001:db8::1]:25\"",
            );
            return None;
        };
        Some((host.trim_start_matches('[').trim_end_matches(']').to_string(), port))
    }
}
