//! A posture: what was found of a domain, and what sessions with its hosts must show.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::StsMode;
use super::row::{NoHost, Row, Trouble};
use crate::country::Country;

/// What is known of a recipient's domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posture {
    /// The domain, in lower case and A-labels.
    pub domain: String,
    /// The row of its weakest host; a forced message may do better, see [`Posture::forced`].
    pub row: Row,
    /// Its hosts, the preferred first; hosts of one preference as the answer had them. At most 16.
    pub hosts: Vec<MxHost>,
    /// Whether the MX records, or that there are none, are secure (DNSSEC).
    pub mx_secure: bool,
    /// It has no MX, so it is its own host (RFC 5321 5.1).
    pub implicit_mx: bool,
    /// Its MTA-STS.
    pub sts: StsFound,
    /// Where it wants reports about TLS: `mailto:` or `https:` (RFC 8460 3). At most 4; none when it is not known now.
    pub reports: Option<Vec<String>>,
    /// Its NTA 7516 record, when it is in force today.
    pub nta7516: Option<Nta7516>,
    /// When it was looked up.
    pub at: Timestamp,
    /// How long it may be used.
    pub ttl: Duration,
}

/// What a message that must travel under proven TLS does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forced {
    /// Goes to those hosts whose [`MxHost::proof`] qualifies, and to no other.
    Deliver,
    /// Waits, and is tried again.
    Defer,
    /// Takes the rule's other way, at once.
    Fallback,
    /// Cannot be delivered by anybody: an ordinary bounce.
    Undeliverable,
}

/// A host that takes mail for a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxHost {
    /// Its name as the MX record has it, in lower case, without the last dot: SMTP's name for it.
    pub name: String,
    /// Lower is preferred (RFC 5321 5.1).
    pub preference: u16,
    /// Its addresses, IPv6 first. At most 16; none when they could not be looked up.
    pub addresses: Vec<IpAddr>,
    /// Where its addresses stand, each country once; those that are not known are left out.
    pub countries: Vec<Country>,
    /// Whether an address is secure (DNSSEC), so that TLSA records were asked for (RFC 7672 2.2.2).
    pub addresses_secure: bool,
    /// Its TLSA records.
    pub tlsa: TlsaFound,
    /// What a session must show for a message that must travel under proven TLS.
    pub proof: Proof,
    /// What a session must show for any other message.
    pub ordinary: Ordinary,
}

/// TLSA records of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsaFound {
    /// Not asked for, since the addresses are not secure (RFC 7672 2.2.2).
    NotAsked,
    /// There are none that are secure.
    None,
    /// There are secure ones, none of which can be used: as many as this.
    Unusable(usize),
    /// Secure ones that can be used.
    Usable(Dane),
    /// It is not known now.
    Unknown(Trouble),
}

/// What a session with a host must show for a message that must travel under proven TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A certificate that a TLSA record matches (row 1).
    Dane(Dane),
    /// A certificate of a known authority, valid and for one of `names` (row 4); beside it a match when the host has
    /// TLSA records (row 2).
    Sts {
        /// The names the certificate may have: the host's.
        names: Vec<String>,
        /// TLSA records that must match besides.
        dane: Option<Dane>,
    },
    /// As with STS, for names that our configuration pins (row 6).
    Pkix {
        /// The names the certificate may have.
        names: Vec<String>,
        /// TLSA records that must match besides.
        dane: Option<Dane>,
    },
    /// A valid certificate for the host's name, although nobody proves that the host is the domain's (row 7): only
    /// where the configuration says `accept_unproven`.
    Unproven {
        /// The names the certificate may have: the host's.
        names: Vec<String>,
        /// TLSA records that must match besides.
        dane: Option<Dane>,
    },
    /// The host does not qualify: it is skipped.
    None(Row),
}

/// What a session must show for a message that may travel as mail does. We send none such straight: it goes to the next
/// hop while its client waits, so that clean mail touches no disk. Whoever shows or sends it does as this says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ordinary {
    /// A match with TLSA records (RFC 7672 2.2).
    Dane(Dane),
    /// A certificate that is valid for one of these names (RFC 8461 5), and a match when there are TLSA records.
    Valid {
        /// The names the certificate may have.
        names: Vec<String>,
        /// TLSA records that must match besides.
        dane: Option<Dane>,
    },
    /// Encryption with whomever: there are TLSA records, none of them usable (RFC 7672 2.2).
    Encrypt,
    /// Encryption when it is offered (RFC 3207).
    Opportunistic,
    /// It gets no mail now (RFC 7672 2.1.1: failed look-ups; RFC 8461 4.1: not listed).
    Skip(Row),
}

/// Usable TLSA records, and what a certificate is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dane {
    /// The TLSA base domain (RFC 7672 2.2.3), which is the SNI (8.1.1).
    pub base: String,
    /// The records; any match will do. At most 32, never empty.
    pub records: Vec<Tlsa>,
    /// The names a certificate under a DANE-TA(2) record may have (3.2.2); DANE-EE(3) has no such check (3.1.1).
    pub names: Vec<String>,
}

/// A usable TLSA record (RFC 6698 2.1; RFC 7672 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// What it is about.
    pub usage: Usage,
    /// What of the certificate.
    pub selector: Selector,
    /// How it is written.
    pub matching: Matching,
    /// The data, of the length that belongs to `matching`; at most 8 KiB.
    pub data: Vec<u8>,
}

/// Certificate usages that SMTP knows; 0 and 1 cannot be used (RFC 7672 3.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Usage {
    /// DANE-TA(2): an authority in the chain.
    Authority,
    /// DANE-EE(3): the server's own certificate.
    Server,
}

/// What of a certificate is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Cert(0): all of it.
    Certificate,
    /// SPKI(1): its SubjectPublicKeyInfo.
    Key,
}

/// How a TLSA record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matching {
    /// Full(0).
    Exact,
    /// SHA2-256(1).
    Sha256,
    /// SHA2-512(2).
    Sha512,
}

/// What MTA-STS gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StsFound {
    /// No record.
    None,
    /// A policy, fresh or kept from before.
    Policy {
        /// What it asks.
        mode: StsMode,
        /// The hosts it lists: names, or `*.` and a name.
        mx: Vec<String>,
        /// The id of the record it was fetched under.
        id: String,
        /// When it was fetched.
        fetched: Timestamp,
        /// Until when it holds.
        until: Timestamp,
    },
    /// A record, or the look-up of one, and no policy to be had.
    Trouble(StsTrouble),
}

/// Why there is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StsTrouble {
    /// Whether there is a record cannot be looked up now.
    Record(Trouble),
    /// It is being fetched, and nobody knows yet what comes.
    Pending,
    /// Its server cannot be asked now; in words.
    Now(&'static str),
    /// Its server gives none; in words.
    Server(&'static str),
    /// Its server has no valid certificate.
    Certificate,
    /// What it gives is none; in words.
    Policy(&'static str),
}

/// A record of NTA 7516: `v=NTA7516-1;startdate=..;enddate=..;provider=..;ntamx=..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nta7516 {
    /// Who provides it, as the record has it; at most 255 octets.
    pub provider: String,
    /// From when, the first of a month.
    pub start: Date,
    /// Until when, the last of a month.
    pub end: Date,
    /// Where mail between such domains goes.
    pub mx: Vec<String>,
    /// Whether the record is secure (DNSSEC).
    pub secure: bool,
}

impl StsTrouble {
    /// The trouble of the moment, when it is no more than that: then nobody knows whether there is a policy, and nothing
    /// less is taken in its place.
    pub(super) fn for_now(self) -> Option<Trouble> {
        match self {
            Self::Record(trouble) => Some(trouble),
            Self::Pending | Self::Now(_) => Some(Trouble::Silent),
            Self::Server(_) | Self::Certificate | Self::Policy(_) => None,
        }
    }
}

impl fmt::Display for StsTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record(_) => "the record cannot be looked up now",
            Self::Pending => "the policy is being fetched",
            Self::Certificate => "the policy's server has no valid certificate",
            Self::Now(words) | Self::Server(words) | Self::Policy(words) => words,
        })
    }
}

impl Posture {
    /// What a message that must travel under proven TLS does.
    pub fn forced(&self) -> Forced {
        if matches!(self.row, Row::Nowhere(NoHost::NoDomain | NoHost::NullMx)) {
            return Forced::Undeliverable;
        }
        if self.hosts.iter().any(|host| host.proof.qualifies()) {
            return Forced::Deliver;
        }
        let waits = |row: Row| matches!(row, Row::Temp(..) | Row::StsNotListed);
        let may_yet = waits(self.row) || self.hosts.iter().any(|host| waits(host.row()));
        if may_yet { Forced::Defer } else { Forced::Fallback }
    }
}

impl MxHost {
    /// Whether an address of it is known to stand outside of the European Economic Area.
    pub fn is_outside_eea(&self) -> bool {
        self.countries.iter().any(|country| !country.is_in_eea())
    }

    /// The row of this host.
    pub fn row(&self) -> Row {
        match &self.proof {
            Proof::Dane(_) => Row::Dane,
            Proof::Sts { .. } => Row::Sts,
            Proof::Pkix { .. } => Row::Pkix,
            Proof::Unproven { .. } => Row::PkixUnproven,
            Proof::None(row) => *row,
        }
    }
}

impl Tlsa {
    /// Usage, selector and matching type as numbers (RFC 6698 7).
    pub fn numbers(&self) -> [u8; 3] {
        let usage = match self.usage {
            Usage::Authority => 2,
            Usage::Server => 3,
        };
        let selector = match self.selector {
            Selector::Certificate => 0,
            Selector::Key => 1,
        };
        let matching = match self.matching {
            Matching::Exact => 0,
            Matching::Sha256 => 1,
            Matching::Sha512 => 2,
        };
        [usage, selector, matching]
    }
}

impl Proof {
    /// Whether a message that must travel under proven TLS may go to this host at all.
    pub fn qualifies(&self) -> bool {
        !matches!(self, Self::None(_))
    }
}
