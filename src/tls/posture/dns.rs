//! DNS, with for every answer whether it is secure (RFC 4035 4.3): validated here by hickory, from the root down.
//!
//! Three outcomes and no fourth: records, a denial, or trouble for the moment. What is bogus is trouble, never an
//! absence. A denial that is not proven counts only when the zone that gives it is itself proven to be unsigned: its
//! SOA record, insecure, encloses the name. Without that check somebody in the path could answer a question about a
//! signed zone with "no such record" and the SOA of any unsigned zone, and take a host's TLSA records away.
//!
//! hickory 0.26.3 finds one thing bogus that is right: signed answers from a wildcard in a zone with NSEC records. Mail
//! for such a domain waits, and then takes its other way; `trust_ad` is the remedy.
//!
//! With `trust_ad` validation is the resolver's, which is on this machine then (RFC 7672 2.1.3), and the AD bit of its
//! answers says what is secure. The search list and the hosts file of the machine are never used.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::dnssec::rdata::DNSSECRData;
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::{DnsRequestOptions, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, Resolver, TlsConfig, TokioResolver};

use super::row::Trouble;
use super::settings::{Resolvers, Settings};
use crate::problem::Problem;

/// Records that are looked at in one answer.
const RECORDS: usize = 100;
/// Aliases that are followed (RFC 1034 3.6.2 wants few; nobody has more).
const ALIASES: usize = 8;
/// How long one question to one resolver may take; it is asked twice.
const PATIENCE: Duration = Duration::from_millis(1800);
/// A denial is believed for so long at most (RFC 2308 5).
const DENIED: Duration = Duration::from_secs(3600);

/// A resolver.
pub(super) struct Dns {
    resolver: TokioResolver,
    /// The same without validation, for when nothing can be validated.
    plain: TokioResolver,
    /// The resolver on this machine whose AD bit is believed.
    trusted: Option<NameServerPool<TokioRuntimeProvider>>,
}

/// What DNS says.
#[derive(Debug)]
pub(super) enum Reply {
    /// Records of the type that was asked for, at least one.
    Records(Records),
    /// There are none.
    None(Denial),
    /// It is not known now.
    Trouble(Trouble),
}

/// Records, and how far they can be believed.
#[derive(Debug)]
pub(super) struct Records {
    /// What they say.
    pub data: Vec<RData>,
    /// Whether each of them, and each alias on the way, is secure.
    pub secure: bool,
    /// Whether the name that was asked for is secure in itself: its first alias, or without one its records.
    pub first_secure: bool,
    /// The name at the end of the aliases; the one that was asked for when there are none.
    pub end: Name,
    /// How long they may be used.
    pub ttl: Duration,
}

/// A denial, and how far it can be believed.
#[derive(Debug)]
pub(super) struct Denial {
    /// Whether it is proven, and each alias on the way is.
    pub secure: bool,
    /// Whether the name does not exist at all.
    pub no_name: bool,
    /// How long it may be used.
    pub ttl: Duration,
}

impl Dns {
    /// A resolver as the settings have it.
    ///
    /// # Errors
    /// There is no resolver to ask, or the trust anchor is none.
    pub fn new(settings: &Settings) -> Result<Self, Problem> {
        let servers = servers(settings)?;
        let anchors = settings.trust_anchor.as_deref().map(anchors).transpose()?;
        let build = |validate: bool| {
            let config = ResolverConfig::from_name_servers(servers.iter().map(|server| name_server(*server)).collect());
            let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
            *builder.options_mut() = options(validate);
            if let Some(anchors) = anchors.as_ref().filter(|_| validate) {
                builder = builder.with_trust_anchor(Arc::clone(anchors));
            }
            let remedy = "set `resolver` in [tls]";
            builder.build().map_err(|error| Problem::new("/etc/resolv.conf", error.to_string(), remedy))
        };
        Ok(Self { resolver: build(true)?, plain: build(false)?, trusted: trusted(settings, &servers)? })
    }

    /// Whether answers can be validated: the keys of the root are there, and are those of the trust anchor.
    pub async fn validates(&self) -> Result<bool, Trouble> {
        match self.ask(&Name::root(), RecordType::DNSKEY).await {
            Reply::Records(keys) => Ok(keys.secure),
            Reply::None(_) | Reply::Trouble(Trouble::Bogus) => Ok(false),
            Reply::Trouble(trouble) => Err(trouble),
        }
    }

    /// Asks, and validates what comes.
    pub async fn ask(&self, name: &Name, kind: RecordType) -> Reply {
        if let Some(trusted) = &self.trusted {
            return ask_trusted(trusted, name, kind).await;
        }
        match self.direct(name, kind).await {
            // An alias with nothing at its end is one answer, of which the denial is about another name than the one
            // that was asked for; hickory finds that bogus. Name by name it can be validated.
            Reply::Trouble(Trouble::Bogus) => self.behind_aliases(name, kind).await,
            reply => reply,
        }
    }

    async fn direct(&self, name: &Name, kind: RecordType) -> Reply {
        match self.resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => records(name, kind, lookup.answers()),
            Err(NetError::Dns(DnsError::NoRecordsFound(no))) if *no.query.name() == *name => {
                self.denied(name, &no).await
            }
            // Of a name at the end of aliases; it says nothing of the way to it.
            Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Reply::Trouble(Trouble::Bogus),
            // Denied by NSEC3 records that are themselves secure, but leave room for unsigned zones (RFC 5155 6).
            Err(NetError::Dns(DnsError::Nsec { response, proof: Proof::Insecure, .. })) => {
                let no_name = response.response_code == ResponseCode::NXDomain;
                Reply::None(Denial { secure: false, no_name, ttl: denied_for(&response.authorities) })
            }
            Err(error) => Reply::Trouble(trouble(&error)),
        }
    }

    /// Asks without validating: nothing is secure then.
    pub async fn ask_plainly(&self, name: &Name, kind: RecordType) -> Reply {
        match self.plain.lookup(name.clone(), kind).await {
            Ok(lookup) => records(name, kind, lookup.answers()),
            Err(NetError::Dns(DnsError::NoRecordsFound(no))) => Reply::None(unproven(&no)),
            Err(error) => Reply::Trouble(trouble(&error)),
        }
    }

    async fn denied(&self, name: &Name, no: &NoRecords) -> Reply {
        let authorities = no.authorities.as_deref().unwrap_or_default();
        let denial = |secure| {
            let no_name = no.response_code == ResponseCode::NXDomain;
            Reply::None(Denial { secure, no_name, ttl: denied_for(authorities) })
        };
        // hickory lets a denial with secure NSEC records through only when they deny this name and type.
        let proves = |record: &Record| {
            let denies = matches!(record.data, RData::DNSSEC(DNSSECRData::NSEC(_) | DNSSECRData::NSEC3(_)));
            denies && record.proof == Proof::Secure
        };
        if authorities.iter().any(proves) {
            return denial(true);
        }
        let unsigned = |record: &Record| {
            record.record_type() == RecordType::SOA && record.proof == Proof::Insecure && record.name.zone_of(name)
        };
        if authorities.iter().any(unsigned) || self.is_unsigned(name).await {
            return denial(false);
        }
        Reply::Trouble(Trouble::Bogus)
    }

    /// Asks for the aliases one by one, and then at their end.
    async fn behind_aliases(&self, name: &Name, kind: RecordType) -> Reply {
        let (mut at, mut way) = (name.clone(), Vec::new());
        while let Reply::Records(found) = self.direct(&at, RecordType::CNAME).await {
            let Some(RData::CNAME(target)) = found.data.first().filter(|_| way.len() < ALIASES) else { break };
            at = target.0.clone();
            way.push(found.secure);
        }
        let (Some(&first_secure), way_secure) = (way.first(), way.iter().all(|secure| *secure)) else {
            return Reply::Trouble(Trouble::Bogus);
        };
        match self.direct(&at, kind).await {
            Reply::Records(found) => {
                Reply::Records(Records { secure: found.secure && way_secure, first_secure, ..found })
            }
            Reply::None(denial) => Reply::None(Denial { secure: denial.secure && way_secure, ..denial }),
            trouble => trouble,
        }
    }

    /// Whether the zone of a name is proven to be unsigned, asked where its own answer does not say.
    async fn is_unsigned(&self, name: &Name) -> bool {
        let mut at = name.clone();
        for _ in 0..ALIASES {
            if let Ok(lookup) = self.resolver.lookup(at.clone(), RecordType::SOA).await {
                let own = |record: &&Record| record.record_type() == RecordType::SOA && record.name == at;
                if let Some(record) = lookup.answers().iter().find(own) {
                    return record.proof == Proof::Insecure;
                }
            }
            if at.is_root() {
                break;
            }
            at = at.base_name();
        }
        false
    }
}

/// Asks a resolver whose AD bit is believed. That bit does not come with denials, which such a resolver gives only when
/// they are no lie: what is bogus it refuses (RFC 4035 3.2.2).
async fn ask_trusted(trusted: &NameServerPool<TokioRuntimeProvider>, name: &Name, kind: RecordType) -> Reply {
    let mut options = DnsRequestOptions::default();
    (options.use_edns, options.edns_set_dnssec_ok) = (true, true);
    match trusted.lookup(Query::query(name.clone(), kind), options).first_answer().await {
        Ok(mut response) => {
            let proof = if response.metadata.authentic_data { Proof::Secure } else { Proof::Insecure };
            response.answers.iter_mut().for_each(|record| record.proof = proof);
            match records(name, kind, &response.answers) {
                // Aliases that lead to nothing.
                Reply::Trouble(Trouble::Silent) => {
                    let no_name = response.response_code == ResponseCode::NXDomain;
                    Reply::None(Denial { secure: false, no_name, ttl: denied_for(&response.authorities) })
                }
                reply => reply,
            }
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(no))) => Reply::None(unproven(&no)),
        Err(error) => Reply::Trouble(trouble(&error)),
    }
}

fn unproven(no: &NoRecords) -> Denial {
    let ttl = Duration::from_secs(no.negative_ttl.unwrap_or(60).into()).min(DENIED);
    Denial { secure: false, no_name: no.response_code == ResponseCode::NXDomain, ttl }
}

/// The records of an answer, with the aliases that lead to them.
fn records(name: &Name, kind: RecordType, answers: &[Record]) -> Reply {
    if answers.iter().any(|record| record.proof == Proof::Bogus) {
        return Reply::Trouble(Trouble::Bogus);
    }
    let (mut end, mut way) = (name, Vec::new());
    if kind != RecordType::CNAME {
        while let Some(alias) = answers.iter().take(RECORDS).find(|record| record.name == *end && is_alias(record)) {
            let RData::CNAME(target) = &alias.data else { break };
            if way.len() == ALIASES {
                return Reply::Trouble(Trouble::Silent);
            }
            way.push(alias);
            end = &target.0;
        }
    }
    let asked = |record: &&Record| record.record_type() == kind && record.name == *end;
    let found: Vec<&Record> = answers.iter().filter(asked).take(RECORDS).collect();
    let Some(first) = way.first().or(found.first()) else { return Reply::Trouble(Trouble::Silent) };
    let is_secure = |record: &&Record| record.proof == Proof::Secure;
    let ttl = way.iter().chain(&found).map(|record| record.ttl).min().unwrap_or_default();
    if found.is_empty() {
        return Reply::Trouble(Trouble::Silent);
    }
    Reply::Records(Records {
        secure: way.iter().chain(&found).all(is_secure),
        first_secure: is_secure(first),
        end: end.clone(),
        ttl: Duration::from_secs(ttl.into()),
        data: found.into_iter().map(|record| record.data.clone()).collect(),
    })
}

fn is_alias(record: &Record) -> bool {
    record.record_type() == RecordType::CNAME
}

/// RFC 2308 5: the lesser of the SOA's TTL and its MINIMUM.
fn denied_for(authorities: &[Record]) -> Duration {
    let soa = authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    });
    Duration::from_secs(soa.unwrap_or(60).into()).min(DENIED)
}

fn trouble(error: &NetError) -> Trouble {
    match error {
        NetError::Dns(DnsError::DnssecBogus | DnsError::Nsec { .. }) => Trouble::Bogus,
        NetError::Dns(_) => Trouble::Refused,
        _ => Trouble::Silent,
    }
}

fn options(validate: bool) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.validate = validate;
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = PATIENCE;
    options.attempts = 1;
    options.try_tcp_on_error = true;
    options.preserve_intermediates = true;
    options.cache_size = 4096;
    options.positive_max_ttl = Some(Duration::from_secs(24 * 3600));
    options.negative_max_ttl = Some(DENIED);
    options
}

fn trusted(
    settings: &Settings,
    servers: &[SocketAddr],
) -> Result<Option<NameServerPool<TokioRuntimeProvider>>, Problem> {
    if !settings.trust_ad {
        return Ok(None);
    }
    if let Some(far) = servers.iter().find(|server| !server.ip().is_loopback()) {
        let remedy = "have a validating resolver on this machine and name it in `resolver`, or leave `trust_ad` out";
        return Err(Problem::new("[tls]", format!("`trust_ad` believes {far}, which is another machine"), remedy));
    }
    let tls = TlsConfig::new().map_err(|error| Problem::new("[tls]", error.to_string(), "leave `trust_ad` out"))?;
    let context = Arc::new(PoolContext::new(options(false), tls));
    let servers: Vec<_> = servers.iter().map(|server| name_server(*server)).collect();
    Ok(Some(NameServerPool::from_config(servers, context, TokioRuntimeProvider::default())))
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

fn anchors(file: &Path) -> Result<Arc<TrustAnchors>, Problem> {
    let remedy = "give a file with the DNSKEY records of the root, one a line, or leave `trust_anchor` out";
    let anchors = TrustAnchors::from_file(file)
        .map_err(|error| Problem::new(file, format!("the trust anchor cannot be read: {error}"), remedy))?;
    if anchors.is_empty() {
        return Err(Problem::new(file, "there is no key of the root in this file", remedy));
    }
    Ok(Arc::new(anchors))
}

/// Where the system's resolvers stand (resolv.conf(5)).
const RESOLV_CONF: &str = "/etc/resolv.conf";

fn servers(settings: &Settings) -> Result<Vec<SocketAddr>, Problem> {
    if let Resolvers::Given(servers) = &settings.resolvers {
        return Ok(servers.clone());
    }
    let text = std::fs::read_to_string(RESOLV_CONF).unwrap_or_default();
    let servers = name_servers(&text);
    if servers.is_empty() {
        let remedy = "set `resolver` in [tls], for example [\"127.0.0.1\"]";
        return Err(Problem::new(RESOLV_CONF, "no resolver is named here", remedy));
    }
    Ok(servers)
}

/// The `nameserver` lines, at most three (resolv.conf(5), MAXNS).
fn name_servers(text: &str) -> Vec<SocketAddr> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()?.parse().ok()
    });
    addresses.map(|address| SocketAddr::new(address, 53)).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_read() {
        let text = "# nameserver 192.0.2.9\nsearch delinde.example\nnameserver 192.0.2.1\n nameserver 2001:db8::1 # two\n\
                    nameserver fe80::1%eth0\nnameserver\noptions edns0\n";
        let shown: Vec<String> = name_servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["192.0.2.1:53", "[2001:db8::1]:53"]);
        assert!(name_servers("").is_empty());
    }
}
