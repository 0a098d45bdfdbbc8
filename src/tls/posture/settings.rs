//! What the configuration says about postures.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::tls::{Stamp, stamp};

/// What the configuration says about postures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The resolvers that are asked.
    pub resolvers: Resolvers,
    /// A file with DNSKEY records of the root, instead of IANA's.
    pub trust_anchor: Option<PathBuf>,
    /// Whether the AD bit of the resolver is believed; it is on this machine then (RFC 7672 2.1.3).
    pub trust_ad: bool,
    /// Authorities besides the system's, for policies of MTA-STS and for certificates of rows 4, 6 and 7.
    pub ca: Option<PathBuf>,
    /// Domains whose hosts we pin.
    pub pkix: Vec<Pinned>,
    /// Whether a valid certificate for a name of unproven DNS will do (row 7).
    pub accept_unproven: bool,
    /// A file that says in which country an address stands; none leaves it unknown.
    pub countries: Option<PathBuf>,
    /// The port on which policies of MTA-STS are fetched; 443 but on a test bench.
    pub sts_port: u16,
}

impl Settings {
    /// Whether servers of policies and reports may stand in networks inside (RFC 1918 and the like) and at any port: where
    /// the root of DNS is one's own, all that it names is one's own, too.
    pub fn asks_inside(&self) -> bool {
        self.trust_anchor.is_some()
    }

    /// What its files are now, to tell later whether they are still the same.
    pub fn stamps(&self) -> Vec<Stamp> {
        [&self.trust_anchor, &self.ca, &self.countries].into_iter().flatten().map(|file| stamp(file)).collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resolvers: Resolvers::System,
            trust_anchor: None,
            trust_ad: false,
            ca: None,
            pkix: Vec::new(),
            accept_unproven: false,
            countries: None,
            sts_port: 443,
        }
    }
}

/// Who is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Resolvers {
    /// Those of /etc/resolv.conf.
    #[default]
    System,
    /// These.
    Given(Vec<SocketAddr>),
}

/// Domains with the hosts that may take their mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The domains, in lower case and A-labels.
    pub domains: Vec<String>,
    /// Host names, or `*.` and a name for one label before it; empty: the domain itself and every name in it.
    pub mx: Vec<String>,
}
