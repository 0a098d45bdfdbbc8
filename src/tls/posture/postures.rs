//! Postures by domain: looked up once, kept for as long as they may be, and never waited for longer than a sender can.
//!
//! Whoever asks for a domain that is being looked up waits for that look-up; it goes on when nobody waits any more, so
//! that the next who asks finds it. Memory is counted: the oldest go when there is too much. What fails is never
//! answered from an older success, since that would hide that the domain has changed.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout, timeout_at};

use super::countries::Countries;
use super::dns::Dns;
use super::found::{MxHost, Ordinary, Posture, Proof, TlsaFound};
use super::look::{Asker, Looker, posture};
use super::policies::{Policies, Shelf};
use super::row::{LookUp, NotProven, Row, Trouble};
use super::settings::Settings;
use crate::problem::Problem;
use crate::tls::https;

/// A posture is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(8);
/// Domains that are looked up at the same time; beyond it a domain is not known now.
const LOOK_UPS: usize = 256;
/// Octets of postures that are kept, about.
const ROOM: usize = 32 << 20;
/// How often kept policies are looked at, whether they are due.
const ROUND: Duration = Duration::from_secs(3600);

/// What is known of domains. A clone is another handle on the same.
#[derive(Clone)]
pub struct Postures(Arc<Inner>);

struct Inner {
    looker: Option<Arc<Looker>>,
    policies: Option<Arc<Policies>>,
    known: Mutex<Known>,
    settled: AtomicBool,
}

#[derive(Default)]
struct Known {
    postures: HashMap<String, (Arc<Posture>, Instant)>,
    room: usize,
    under_way: HashMap<String, watch::Receiver<Option<Arc<Posture>>>>,
}

impl Postures {
    /// An engine as the settings have it, with a shelf for what should outlive it.
    ///
    /// # Errors
    /// There is no resolver to ask, or a file of the settings is not what it should be.
    pub fn new(settings: Settings, shelf: Option<Arc<dyn Shelf>>) -> Result<Self, Problem> {
        let policies = Arc::new(Policies::new(authorities(&settings)?, settings.sts_port, settings.asks_inside()));
        if let Some(shelf) = shelf {
            policies.keep_on(shelf);
        }
        let countries = settings.countries.as_deref().map(Countries::read).transpose()?;
        let looker = Looker::new(Dns::new(&settings)?, Arc::clone(&policies), countries, settings);
        let known = Mutex::default();
        Ok(Self(Arc::new(Inner {
            looker: Some(Arc::new(looker)),
            policies: Some(policies),
            known,
            settled: AtomicBool::new(false),
        })))
    }

    /// Postures that are known beforehand, and of no other domain anything: for tests of what is done with them.
    pub fn given(postures: impl IntoIterator<Item = Posture>) -> Self {
        let mut known = Known::default();
        for posture in postures {
            let ends = Instant::now() + Duration::from_secs(24 * 3600);
            known.postures.insert(posture.domain.clone(), (Arc::new(posture), ends));
        }
        Self(Arc::new(Inner { looker: None, policies: None, known: Mutex::new(known), settled: AtomicBool::new(true) }))
    }

    /// The posture of a domain, in U-labels or A-labels. From memory it takes microseconds, else at most 8 seconds;
    /// what is not known by then is [`Row::Temp`]. Everybody who asks for one domain at the same time waits for one
    /// look-up.
    pub async fn of(&self, domain: &str) -> Arc<Posture> {
        let Some(domain) = in_a_labels(domain) else { return Arc::new(literal(domain)) };
        let mut done = match self.known_or_under_way(&domain) {
            Ok(posture) => return posture,
            Err(done) => done,
        };
        let waited = timeout(PATIENCE, done.wait_for(Option::is_some)).await;
        let known = waited.ok().and_then(Result::ok).and_then(|known| known.clone());
        known.unwrap_or_else(|| Arc::new(not_known_now(&domain)))
    }

    /// The posture of a domain that was looked up before, even when it should be looked up again by now; nobody is asked.
    pub fn known_of(&self, domain: &str) -> Option<Arc<Posture>> {
        let domain = in_a_labels(domain)?;
        self.known().postures.get(&domain).map(|(posture, _)| Arc::clone(posture))
    }

    /// As [`Postures::of`], but asked anew: for a page or a command that shows what is so now.
    pub async fn of_now(&self, domain: &str) -> Arc<Posture> {
        if let (Some(domain), true) = (in_a_labels(domain), self.0.looker.is_some()) {
            self.known().forget(&domain);
        }
        self.of(domain).await
    }

    /// The text records of a name: for whoever looks after domains of his own.
    ///
    /// # Errors
    /// It cannot be found out now.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, Trouble> {
        let (texts, _, trouble) = self.asker().await?.texts(name).await;
        trouble.map_or(Ok(texts), Err)
    }

    /// The addresses of a name, IPv6 first.
    ///
    /// # Errors
    /// They cannot be found out now.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Trouble> {
        self.asker().await?.addresses(name).await
    }

    /// The names that DNS gives an address (PTR), in lower case.
    ///
    /// # Errors
    /// They cannot be found out now.
    pub async fn names(&self, address: IpAddr) -> Result<Vec<String>, Trouble> {
        self.asker().await?.names(address).await
    }

    /// Posts content of a type to an `https:` address, whose certificate must be valid.
    ///
    /// # Errors
    /// Why it was not taken, in words.
    pub async fn post(&self, url: &str, content: (&str, Vec<u8>)) -> Result<(), String> {
        let policies = self.0.policies.as_ref().ok_or("there is nobody to ask")?;
        let asker = self.asker().await.map_err(|_| "the resolver does not answer")?;
        policies.post(&asker, url, content).await
    }

    async fn asker(&self) -> Result<Asker, Trouble> {
        let looker = self.0.looker.as_ref().ok_or(Trouble::Refused)?;
        timeout(PATIENCE, looker.asker()).await.unwrap_or(Err(Trouble::Silent))
    }

    /// Whether answers of DNS can be validated through the resolver that we have.
    ///
    /// # Errors
    /// The resolver does not answer within 8 seconds.
    pub async fn validates(&self) -> Result<bool, Trouble> {
        let Some(looker) = &self.0.looker else { return Ok(false) };
        timeout(PATIENCE, looker.validates()).await.unwrap_or(Err(Trouble::Silent))
    }

    /// From now on what should outlive us is kept on a shelf, policies that are due are fetched, day after day, and the log
    /// is told when nothing can be validated, for as long as there is a handle on this. Once is enough. Needs a runtime.
    pub fn settle(&self, shelf: Arc<dyn Shelf>) {
        let (Some(_), Some(policies)) = (&self.0.looker, &self.0.policies) else { return };
        policies.keep_on(shelf);
        if !self.0.settled.swap(true, Ordering::Relaxed) {
            tokio::spawn(stay_fresh(Arc::downgrade(&self.0)));
        }
    }

    fn known_or_under_way(&self, domain: &str) -> Result<Arc<Posture>, watch::Receiver<Option<Arc<Posture>>>> {
        let mut known = self.known();
        if let Some((posture, ends)) = known.postures.get(domain)
            && Instant::now() < *ends
        {
            return Ok(Arc::clone(posture));
        }
        let Some(looker) = &self.0.looker else {
            return Ok(Arc::new(posture(domain, Row::Unproven(NotProven::NotValidating), Duration::ZERO)));
        };
        if let Some(done) = known.under_way.get(domain) {
            return Err(done.clone());
        }
        if known.under_way.len() >= LOOK_UPS {
            return Ok(Arc::new(not_known_now(domain)));
        }
        let (tell, done) = watch::channel(None);
        known.under_way.insert(domain.to_owned(), done.clone());
        tokio::spawn(look(self.clone(), Arc::clone(looker), domain.to_owned(), tell));
        Err(done)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn stay_fresh(inner: Weak<Inner>) {
    let mut round = interval(ROUND);
    loop {
        round.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let (Some(looker), Some(policies)) = (&inner.looker, &inner.policies) else { return };
        match looker.validates().await {
            Ok(true) => tracing::debug!("answers of DNS can be validated"),
            Ok(false) => tracing::error!(
                "answers of DNS cannot be validated, so that no domain can prove anything: the resolver passes no \
                 signatures on; see `resolver` in [tls]"
            ),
            Err(_) => tracing::warn!("the resolver does not answer; see `resolver` in [tls]"),
        }
        for domain in policies.due() {
            if let Ok(asker) = looker.asker().await {
                let _ = policies.of(&asker, &domain).await;
            }
        }
    }
}

/// One look-up. However it ends, also when it panics, the domain is not under way any more.
async fn look(postures: Postures, looker: Arc<Looker>, domain: String, tell: watch::Sender<Option<Arc<Posture>>>) {
    let done = UnderWay { postures: &postures, domain: &domain };
    let looked = timeout_at(Instant::now() + PATIENCE, looker.look(&domain)).await;
    let found = Arc::new(looked.unwrap_or_else(|_| not_known_now(&domain)));
    postures.known().keep(&found);
    drop(done);
    let _ = tell.send(Some(found));
}

struct UnderWay<'p> {
    postures: &'p Postures,
    domain: &'p str,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.postures.known().under_way.remove(self.domain);
    }
}

impl Known {
    fn keep(&mut self, posture: &Arc<Posture>) {
        self.forget(&posture.domain);
        let now = Instant::now();
        let weight = weight(posture);
        if self.room + weight > ROOM {
            self.postures.retain(|_, (_, ends)| now < *ends);
            self.room = self.postures.values().map(|(posture, _)| self::weight(posture)).sum();
        }
        // Full of what still holds: those go that end first.
        if self.room + weight > ROOM {
            let mut ends: Vec<Instant> = self.postures.values().map(|(_, ends)| *ends).collect();
            ends.sort_unstable();
            let half = ends.get(ends.len() / 2).copied().unwrap_or(now);
            self.postures.retain(|_, (_, ends)| half < *ends);
            self.room = self.postures.values().map(|(posture, _)| self::weight(posture)).sum();
        }
        self.room += weight;
        self.postures.insert(posture.domain.clone(), (Arc::clone(posture), now + posture.ttl));
    }

    fn forget(&mut self, domain: &str) {
        if let Some((posture, _)) = self.postures.remove(domain) {
            self.room = self.room.saturating_sub(weight(&posture));
        }
    }
}

/// Octets that a posture takes, about.
fn weight(posture: &Posture) -> usize {
    let host = |host: &MxHost| match &host.tlsa {
        // The records stand there, in the proof, and in what ordinary mail asks.
        TlsaFound::Usable(dane) => 1000 + 3 * dane.records.iter().map(|record| record.data.len() + 64).sum::<usize>(),
        _ => 1000,
    };
    let reports: usize = posture.reports.iter().flatten().map(String::len).sum();
    8000 + reports + posture.hosts.iter().map(host).sum::<usize>()
}

/// The domain in lower case and A-labels; none for an address literal, and for what is no domain.
fn in_a_labels(domain: &str) -> Option<String> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let name = if domain.is_ascii() { domain.to_ascii_lowercase() } else { idna::domain_to_ascii(domain).ok()? };
    let label = |label: &str| {
        let known = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    (name.len() <= 253 && name.split('.').all(label)).then_some(name)
}

/// An address in place of a domain (RFC 5321 4.1.3), of which nothing can be proven; what is neither, is nowhere.
fn literal(domain: &str) -> Posture {
    let inner = domain.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let address = inner.and_then(|inner| inner.strip_prefix("IPv6:").unwrap_or(inner).parse::<IpAddr>().ok());
    let ttl = Duration::from_secs(3600);
    let Some(address) = address else {
        return posture(&domain.chars().take(253).collect::<String>(), Row::Nowhere(super::NoHost::NoDomain), ttl);
    };
    let row = Row::Unproven(NotProven::NoPolicy);
    let host = MxHost {
        name: domain.to_ascii_lowercase(),
        preference: 0,
        addresses: vec![address],
        countries: Vec::new(),
        addresses_secure: false,
        tlsa: TlsaFound::NotAsked,
        proof: Proof::None(row),
        ordinary: Ordinary::Opportunistic,
    };
    Posture { hosts: vec![host], implicit_mx: true, ..posture(domain, row, ttl) }
}

fn not_known_now(domain: &str) -> Posture {
    posture(domain, Row::Temp(LookUp::All, Trouble::Silent), Duration::from_secs(30))
}

/// Whom we trust for the servers of policies.
fn authorities(settings: &Settings) -> Result<Arc<ClientConfig>, Problem> {
    https::trusting(settings.ca.as_deref())
}

/// Domains are in there, which are nobody's business in a log.
impl fmt::Debug for Postures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postures").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tls::posture::NoHost;

    #[test]
    fn domains_are_one_however_they_are_written() {
        for (typed, expected) in [
            ("School.Example", Some("school.example")),
            ("school.example.", Some("school.example")),
            ("schoöl.example", Some("xn--schol-mua.example")),
            ("xn--schol-mua.example", Some("xn--schol-mua.example")),
            ("", None),
            ("a..b", None),
            ("a b.example", None),
            ("[192.0.2.1]", None),
        ] {
            assert_eq!(in_a_labels(typed).as_deref(), expected, "{typed}");
        }
        assert_eq!(in_a_labels(&"a.".repeat(200)), None);
    }

    #[tokio::test]
    async fn of_an_address_nothing_is_proven() {
        let postures = Postures::given([]);
        let literal = postures.of("[IPv6:2001:db8::1]").await;
        assert_eq!((literal.row.code(), literal.hosts.len()), ("unproven", 1));
        assert_eq!(postures.of("not a domain").await.row, Row::Nowhere(NoHost::NoDomain));
        assert_eq!(postures.of("linde.example").await.row, Row::Unproven(NotProven::NotValidating));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut known = Known::default();
        for number in 0..(ROOM / 8000 + 500) {
            let ttl = Duration::from_secs(60 + number as u64 % 100);
            known.keep(&Arc::new(posture(&format!("d{number}.example"), Row::Dane, ttl)));
        }
        assert!(known.room <= ROOM && known.postures.len() > 1000, "{}", known.postures.len());
        let room: usize = known.postures.values().map(|(posture, _)| weight(posture)).sum();
        assert_eq!(known.room, room);
    }
}
