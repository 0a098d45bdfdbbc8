//! `[tls]`: who is asked what recipients' domains prove, whom we trust, and which hosts we pin.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use toml::Spanned;

use super::super::{Config, SchoolConfig, TlsConfig, TlsRoute};
use super::{Check, raw};
use crate::dkim;
use crate::smtp::client::Demand;
use crate::tls::posture::{Pinned, Resolvers, Settings};
use crate::tlsrpt;

/// DNS (RFC 1035 4.2).
const PORT: u16 = 53;
/// More resolvers than this are not asked.
const RESOLVERS: usize = 3;

impl Check<'_> {
    pub(super) fn tls(&mut self, raw: raw::Tls, hostname: &str) -> TlsConfig {
        let resolvers = self.resolvers(raw.resolver.as_ref());
        let trust_ad = raw.trust_ad.filter(|trust_ad| *trust_ad.get_ref());
        if let Some(trust_ad) = &trust_ad {
            self.trusted_is_here(trust_ad, &resolvers);
        }
        let ehlo = raw.ehlo.as_ref().and_then(|name| self.domain(name, "our name for servers of recipients"));
        let domains = raw.pkix.iter().flat_map(|pinned| pinned.domains.get_ref());
        self.once(domains, "`{}` stands in two tables of [[tls.pkix]]", "put all its hosts in one of them");
        let pkix = raw.pkix.iter().map(|pinned| self.pinned(pinned)).collect();
        let postures = Settings {
            resolvers,
            trust_anchor: raw.trust_anchor.map(|file| self.path(&file)),
            trust_ad: trust_ad.is_some(),
            ca: raw.ca.map(|file| self.path(&file)),
            countries: raw.country_file.map(|file| self.path(&file)),
            pkix,
            accept_unproven: raw.accept_unproven,
            ..Settings::default()
        };
        if raw.port == 0 {
            self.general("`port` of [tls] is 0", "leave it out: mail servers listen on port 25");
        }
        TlsConfig {
            route: match raw.route.get_ref().as_str() {
                "share" => TlsRoute::Share,
                "direct" => TlsRoute::Direct,
                name => TlsRoute::Attested(name.to_owned()),
            },
            unproven: raw.unproven,
            port: raw.port,
            retry: self.time(&raw.retry, "retry"),
            requiretls: raw.requiretls,
            ehlo: ehlo.unwrap_or_else(|| hostname.to_ascii_lowercase()),
            postures,
            report: None,
        }
    }

    /// In whose name reports about TLS go: of a school of ours that signs, by which they are known to be true.
    pub(super) fn report(
        &mut self,
        from: &Spanned<String>,
        organisation: Option<String>,
        config: &Config,
    ) -> Option<tlsrpt::Settings> {
        let contact = self.mailbox(from)?;
        if config.tls.route != TlsRoute::Direct {
            let remedy = "set route = \"direct\", or leave `report_from` out";
            self.problem(&from.span(), "without route = \"direct\" there is nothing to report", remedy);
        }
        let Some(SchoolConfig { school, dkim, .. }) =
            config.schools.iter().find(|one| one.school.owns(contact.domain()))
        else {
            let what = format!("`{}` is no address of a school of this gate", contact.typed());
            self.problem(&from.span(), what, "write an address in a domain of one of the schools, which is read there");
            return None;
        };
        let aligned = |(domain, ..): &(String, String, PathBuf)| dkim::is_aligned(domain, contact.domain());
        if !dkim.as_ref().is_some_and(aligned) {
            let what = format!("reports of `{}` must be signed (RFC 8460 3), and there is no key", contact.domain());
            self.problem(&from.span(), what, "give the school `dkim`, with a key for this domain");
        }
        let organisation = organisation.unwrap_or_else(|| school.name.clone());
        Some(tlsrpt::Settings { contact, organisation, school: school.id.clone() })
    }

    /// The way that is named is there, and what waits on it is kept.
    pub(super) fn road(&mut self, route: &Spanned<String>, config: &Config) {
        let span = route.span();
        if config.tls.route != TlsRoute::Share && config.data_dir.is_none() {
            self.problem(
                &span,
                "mail that must travel under proven TLS has to wait somewhere, and there is no `data_dir`",
                "set `data_dir`, for example \"/var/lib/mailpoort\", or leave `route` out",
            );
        }
        let TlsRoute::Attested(name) = &config.tls.route else { return };
        match config.next_hops.iter().find(|hop| hop.name == *name) {
            None => self.problem(
                &span,
                format!("`{name}` is no route: there is no next hop with this name"),
                "write \"share\", \"direct\", or the name of a [[next_hop]]",
            ),
            Some(hop) if hop.demand != Demand::Verify => self.problem(
                &span,
                format!("the way to the next hop `{name}` is not proven itself"),
                "set tls = \"verify\" for this next hop",
            ),
            Some(_) => {}
        }
    }

    fn resolvers(&mut self, raw: Option<&Spanned<Vec<Spanned<String>>>>) -> Resolvers {
        let Some(raw) = raw else { return Resolvers::System };
        if !(1..=RESOLVERS).contains(&raw.get_ref().len()) {
            self.problem(&raw.span(), "`resolver` names none, or more than 3", "write for example [\"127.0.0.1\"]");
        }
        Resolvers::Given(raw.get_ref().iter().filter_map(|resolver| self.resolver(resolver)).collect())
    }

    fn resolver(&mut self, typed: &Spanned<String>) -> Option<SocketAddr> {
        let text = typed.get_ref();
        let address = text.parse().ok();
        let address = address.or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, PORT)));
        if address.is_none() {
            self.problem(
                &typed.span(),
                format!("`{text}` is no address of a resolver"),
                "write for example \"127.0.0.1\", or \"127.0.0.1:5353\" with another port than 53",
            );
        }
        address
    }

    /// What comes from another machine is changed by whoever is in between (RFC 7672 2.1.3).
    fn trusted_is_here(&mut self, trust_ad: &Spanned<bool>, resolvers: &Resolvers) {
        let here = match resolvers {
            Resolvers::System => false,
            Resolvers::Given(servers) => servers.iter().all(|server| server.ip().is_loopback()),
        };
        if !here {
            self.problem(
                &trust_ad.span(),
                "`trust_ad` believes a resolver that is not on this machine",
                "install a validating resolver here (unbound) and set `resolver` to [\"127.0.0.1\"], or remove `trust_ad`",
            );
        }
    }

    fn pinned(&mut self, raw: &raw::Pkix) -> Pinned {
        if raw.domains.get_ref().is_empty() {
            self.problem(&raw.domains.span(), "a [[tls.pkix]] has no domains", "name the domains that it is about");
        }
        let domains = raw.domains.get_ref().iter().filter_map(|domain| self.domain(domain, "a pinned domain"));
        let domains = domains.collect();
        for host in &raw.mx {
            self.domain_after(host, "*.", "a pinned host");
            // Whoever may register a name there has a certificate for it.
            let parent = host.get_ref().strip_prefix("*.").map(|parent| parent.trim_end_matches('.'));
            if parent.is_some_and(dkim::is_suffix) {
                let what = format!("the pinned hosts `{}` are anybody's", host.get_ref());
                self.problem(&host.span(), what, "write whose they are, for example \"*.mail.provider.example\"");
            }
        }
        Pinned { domains, mx: super::folded(raw.mx.clone()) }
    }
}
