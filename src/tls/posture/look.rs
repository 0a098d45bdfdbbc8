//! Looks a domain up: the questions to DNS, in their order, and what follows from the answers.
//!
//! MX first, and beside it the TXT records; then for each host its addresses, and TLSA records only where an address is
//! secure (RFC 7672 2.2.2: a host in an unsigned zone is not asked, since servers of such zones fail on the question).
//! The TLSA base is the end of a host's aliases first and its own name next (2.2.3). Hosts and records are counted.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::countries::Countries;
use super::dns::{Denial, Dns, Records, Reply};
use super::found::{Nta7516, Posture, StsFound, TlsaFound};
use super::judge::{Addresses, Domain, Host, judge, weakest};
use super::policies::Policies;
use super::row::{LookUp, NoHost, Row, Trouble};
use super::settings::Settings;
use super::{texts, tlsa};

/// Hosts of a domain.
const HOSTS: usize = 16;
/// Addresses of a host.
const ADDRESSES: usize = 16;
/// Text records of a name.
const TEXTS: usize = 50;
/// A posture is used for so long at most, and so long at least.
const LONGEST: Duration = Duration::from_secs(3600);
const SHORTEST: Duration = Duration::from_secs(30);
/// What failed is looked up again after this.
const AGAIN: Duration = Duration::from_secs(30);
/// Names that nobody's mail server has (RFC 6761, RFC 7686): the question is not asked.
const NOWHERE: [&str; 4] = ["invalid", "localhost", "local", "onion"];
/// That answers can be validated is believed for so long; that they cannot, for the other.
const VALIDATES: Duration = Duration::from_secs(3600);
const VALIDATES_NOT: Duration = Duration::from_secs(60);

/// Looks domains up.
pub(super) struct Looker {
    dns: Arc<Dns>,
    policies: Arc<Policies>,
    countries: Option<Countries>,
    settings: Settings,
    /// Whether answers can be validated, and until when that is believed.
    validates: Mutex<Option<(bool, Instant)>>,
}

/// Asks, with or without validation.
#[derive(Clone)]
pub(super) struct Asker {
    dns: Arc<Dns>,
    validated: bool,
}

impl Asker {
    pub async fn ask(&self, name: &Name, kind: RecordType) -> Reply {
        if self.validated { self.dns.ask(name, kind).await } else { self.dns.ask_plainly(name, kind).await }
    }

    /// The text records of a name; none too when it is not known now, and whether that is so.
    pub async fn texts(&self, name: &str) -> (Vec<String>, bool, Option<Trouble>) {
        let Some(name) = dns_name(name) else { return (Vec::new(), false, None) };
        match self.ask(&name, RecordType::TXT).await {
            Reply::Records(found) => (strings(&found.data), found.secure, None),
            Reply::None(denial) => (Vec::new(), denial.secure, None),
            Reply::Trouble(trouble) => (Vec::new(), false, Some(trouble)),
        }
    }

    /// The names of an address.
    pub async fn names(&self, address: IpAddr) -> Result<Vec<String>, Trouble> {
        match self.ask(&Name::from(address), RecordType::PTR).await {
            Reply::Records(found) => {
                let name = |data: &RData| match data {
                    RData::PTR(name) => Some(name.0.to_string().trim_end_matches('.').to_ascii_lowercase()),
                    _ => None,
                };
                Ok(found.data.iter().filter_map(name).collect())
            }
            Reply::None(_) => Ok(Vec::new()),
            Reply::Trouble(trouble) => Err(trouble),
        }
    }

    /// The addresses of a name, IPv6 first, and nothing of what they prove.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Trouble> {
        let Some(name) = dns_name(name) else { return Ok(Vec::new()) };
        match addresses(self, &name).await.0 {
            Addresses::Found { addresses, .. } => Ok(addresses),
            Addresses::None => Ok(Vec::new()),
            Addresses::Trouble(trouble) => Err(trouble),
        }
    }
}

impl Looker {
    pub fn new(dns: Dns, policies: Arc<Policies>, countries: Option<Countries>, settings: Settings) -> Self {
        Self { dns: Arc::new(dns), policies, countries, settings, validates: Mutex::new(None) }
    }

    /// Whether answers can be validated.
    ///
    /// # Errors
    /// The resolver does not answer.
    pub async fn validates(&self) -> Result<bool, Trouble> {
        let mut known = self.validates.lock().await;
        match *known {
            Some((validates, until)) if Instant::now() < until => Ok(validates),
            _ => {
                let validates = self.dns.validates().await?;
                let holds = if validates { VALIDATES } else { VALIDATES_NOT };
                *known = Some((validates, Instant::now() + holds));
                Ok(validates)
            }
        }
    }

    /// Asks, as long as answers can be validated with validation.
    pub async fn asker(&self) -> Result<Asker, Trouble> {
        Ok(Asker { validated: self.validates().await?, dns: Arc::clone(&self.dns) })
    }

    /// Looks up a domain in lower case and A-labels.
    pub async fn look(&self, domain: &str) -> Posture {
        let Some(name) = dns_name(domain).filter(|_| !is_nowhere(domain)) else {
            return posture(domain, Row::Nowhere(NoHost::NoDomain), LONGEST);
        };
        let asker = match self.asker().await {
            Ok(asker) => asker,
            Err(trouble) => return posture(domain, Row::Temp(LookUp::All, trouble), AGAIN),
        };
        let nta = async {
            let (records, secure, _) = asker.texts(domain).await;
            texts::nta7516(&records, secure, Timestamp::now().to_zoned(TimeZone::UTC).date())
        };
        let reports = async {
            let (records, _, trouble) = asker.texts(&format!("_smtp._tls.{domain}")).await;
            trouble.is_none().then(|| texts::report_addresses(&records))
        };
        let (mx, sts, reports, nta) =
            tokio::join!(asker.ask(&name, RecordType::MX), self.policies.of(&asker, domain), reports, nta);
        let found = self.hosts(&asker, domain, &name, mx, sts).await;
        let ttl = if reports.is_none() { AGAIN } else { found.ttl };
        let found = Posture { reports, nta7516: nta, ttl, ..found };
        // Nobody is asked by us what a host of nobody wants to know.
        if matches!(found.row, Row::Nowhere(NoHost::NoDomain)) { Posture { nta7516: None, ..found } } else { found }
    }

    async fn hosts(&self, asker: &Asker, domain: &str, name: &Name, mx: Reply, sts: StsFound) -> Posture {
        let (hosts, mut mx_secure, implicit_mx, ttl) = match mx {
            Reply::Trouble(trouble) => {
                let temp = posture(domain, Row::Temp(LookUp::Mx, trouble), AGAIN);
                return Posture { sts, ..temp };
            }
            Reply::None(Denial { no_name: true, secure, ttl }) => {
                let nowhere = posture(domain, Row::Nowhere(NoHost::NoDomain), ttl);
                return Posture { mx_secure: secure, ttl: ttl.clamp(SHORTEST, LONGEST), ..nowhere };
            }
            Reply::None(denial) => (vec![(0, name.clone())], denial.secure, true, denial.ttl),
            Reply::Records(found) if is_null(&found.data) => {
                let null = posture(domain, Row::Nowhere(NoHost::NullMx), found.ttl.clamp(SHORTEST, LONGEST));
                return Posture { mx_secure: found.secure, ..null };
            }
            Reply::Records(found) => (exchanges(&found.data), found.secure, false, found.ttl),
        };
        let aliased = |names: &mut Vec<String>| names.extend(mx_secure.then(|| domain.to_owned()));
        let looked = hosts.into_iter().map(|(preference, host)| self.host(asker, preference, host, &aliased));
        let (looked, ttls): (Vec<Host>, Vec<Duration>) = join_all(looked).await.into_iter().unzip();
        // When the addresses are secure, so is that there is no MX beside them: it is one zone.
        let own_secure = matches!(looked.first(), Some(Host { addresses: Addresses::Found { secure: true, .. }, .. }));
        mx_secure |= implicit_mx && own_secure;
        let pinned = self.settings.pkix.iter().find(|pinned| pinned.domains.iter().any(|pinned| pinned == domain));
        let (accept_unproven, validated) = (self.settings.accept_unproven, asker.validated);
        let known = Domain { name: domain, mx_secure, sts: &sts, pinned, accept_unproven, validated };
        let mut hosts: Vec<_> = looked.into_iter().map(|host| judge(known, host)).collect();
        if let Some(countries) = &self.countries {
            hosts.iter_mut().for_each(|host| host.countries = countries.of(&host.addresses));
        }
        let row = weakest(&hosts);
        let failed =
            hosts.iter().any(|host| matches!(host.row(), Row::Temp(..))) || matches!(sts, StsFound::Trouble(_));
        let ttl = ttls.into_iter().chain([ttl]).min().unwrap_or_default().clamp(SHORTEST, LONGEST);
        let ttl = if failed { AGAIN } else { ttl };
        Posture { hosts, mx_secure, implicit_mx, sts, ..posture(domain, row, ttl) }
    }

    async fn host(
        &self,
        asker: &Asker,
        preference: u16,
        host: Name,
        names_besides: &impl Fn(&mut Vec<String>),
    ) -> (Host, Duration) {
        let name = text(&host);
        let (addresses, bases, mut ttl) = addresses(asker, &host).await;
        let mut found = TlsaFound::NotAsked;
        for base in bases {
            let Ok(asked) = Name::from_ascii("_25._tcp.").and_then(|prefix| prefix.append_domain(&base)) else { break };
            let base = text(&base);
            let mut names = vec![base.clone(), name.clone()];
            names_besides(&mut names);
            names.dedup();
            found = match asker.ask(&asked, RecordType::TLSA).await {
                Reply::Records(records) if records.secure => {
                    ttl = ttl.min(records.ttl);
                    tlsa::found(base, names, &records.data)
                }
                // Records that are not secure are none (RFC 7672 2.1.1).
                Reply::Records(Records { ttl: holds, .. }) | Reply::None(Denial { ttl: holds, .. }) => {
                    ttl = ttl.min(holds);
                    TlsaFound::None
                }
                Reply::Trouble(trouble) => TlsaFound::Unknown(trouble),
            };
            if found != TlsaFound::None {
                break;
            }
        }
        (Host { name, preference, addresses, tlsa: found }, ttl)
    }
}

/// The addresses of a host, where its TLSA records may be, in order, and how long both hold.
async fn addresses(asker: &Asker, host: &Name) -> (Addresses, Vec<Name>, Duration) {
    let (six, four) = tokio::join!(asker.ask(host, RecordType::AAAA), asker.ask(host, RecordType::A));
    let trouble = match (&six, &four) {
        (Reply::Trouble(trouble), _) | (_, Reply::Trouble(trouble)) => Some(*trouble),
        _ => None,
    };
    let (mut addresses, mut bases, mut secure, mut ttl) = (Vec::new(), Vec::new(), false, LONGEST);
    for reply in [six, four] {
        let Reply::Records(found) = reply else { continue };
        ttl = ttl.min(found.ttl);
        // One of the two is enough (RFC 7672 2.2.2).
        secure |= found.secure;
        let own = found.first_secure && found.end != *host;
        let ends = [found.secure.then(|| found.end.clone()), own.then(|| host.clone())];
        for base in ends.into_iter().flatten() {
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
        addresses.extend(found.data.iter().filter_map(|data| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        }));
    }
    addresses.truncate(ADDRESSES);
    let found = match (addresses.is_empty(), trouble) {
        (true, Some(trouble)) => Addresses::Trouble(trouble),
        (true, None) => Addresses::None,
        // What is known may be used; what is not, only counts when nothing is.
        (false, _) => Addresses::Found { addresses, secure },
    };
    (found, bases, ttl)
}

/// The hosts of MX records, the preferred first; what is no host name is none.
fn exchanges(data: &[RData]) -> Vec<(u16, Name)> {
    let mut hosts: Vec<(u16, Name)> = Vec::new();
    for data in data {
        if let RData::MX(mx) = data
            && !mx.exchange.is_root()
            && is_host(&text(&mx.exchange))
            && !hosts.iter().any(|(_, known)| *known == mx.exchange)
        {
            hosts.push((mx.preference, mx.exchange.clone()));
        }
    }
    hosts.sort_by_key(|(preference, _)| *preference);
    hosts.truncate(HOSTS);
    hosts
}

/// RFC 7505 3: the one record, for the root.
fn is_null(data: &[RData]) -> bool {
    matches!(data, [RData::MX(mx)] if mx.exchange.is_root())
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        let known = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        !label.is_empty() && label.bytes().all(known)
    };
    name.split('.').all(label)
}

fn is_nowhere(domain: &str) -> bool {
    NOWHERE.contains(&domain.rsplit('.').next().unwrap_or_default())
}

/// A name of DNS, from one in A-labels.
pub(super) fn dns_name(name: &str) -> Option<Name> {
    let name = Name::from_ascii(format!("{name}.")).ok()?;
    (!name.is_root()).then_some(name)
}

/// The name in lower case, without the last dot.
fn text(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn strings(data: &[RData]) -> Vec<String> {
    let texts = data.iter().filter_map(|data| if let RData::TXT(txt) = data { Some(txt) } else { None });
    let whole = |parts: &[Box<[u8]>]| String::from_utf8_lossy(&parts.concat()).into_owned();
    texts.take(TEXTS).map(|txt| whole(&txt.txt_data)).collect()
}

/// A posture without hosts.
pub(super) fn posture(domain: &str, row: Row, ttl: Duration) -> Posture {
    Posture {
        domain: domain.to_owned(),
        row,
        hosts: Vec::new(),
        mx_secure: false,
        implicit_mx: false,
        sts: StsFound::None,
        reports: (!matches!(row, Row::Temp(..))).then(Vec::new),
        nta7516: None::<Nta7516>,
        at: Timestamp::now(),
        ttl,
    }
}
