//! The policies of MTA-STS that we know, and when they are fetched again (RFC 8461 3.3, 5.1, 10.2).
//!
//! A policy is kept until it ends, whatever DNS and the policy's server do in between: who can break those must not be
//! able to take a policy away. It is fetched when the id in the record changes, and once a day besides; a newer one
//! replaces it at once, also when it says that there is none any more. A fetch that failed is not tried again for five
//! minutes. Kept on the [`Shelf`] too, when there is one.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::found::{StsFound, StsTrouble};
use super::look::Asker;
use super::posting::{self, Target};
use super::sts::Policy;
use super::{fetch, texts};
use crate::tls::https::is_public;

/// Policies in memory, and failures that are remembered.
const KEPT: usize = 4096;
/// Policies that are fetched at the same time.
const FETCHES: usize = 16;
/// A posture waits for a fetch no longer; the fetch goes on.
const PATIENCE: Duration = Duration::from_secs(6);
/// A failed fetch is not tried again before this (3.3).
const AGAIN: Duration = Duration::from_secs(300);
/// Where a report may be posted to.
const HTTPS: u16 = 443;
/// A kept policy is fetched anew after this (10.2).
const DAILY: SignedDuration = SignedDuration::from_hours(24);

/// Where policies outlive us.
pub trait Shelf: Send + Sync {
    /// What was put there for a domain, unless it has ended.
    fn find(&self, domain: &str) -> BoxFuture<'_, Option<Vec<u8>>>;
    /// Puts something there for a domain, in place of what was there, until this moment.
    fn keep(&self, domain: &str, octets: Vec<u8>, until: Timestamp) -> BoxFuture<'_, ()>;
}

/// The policies that we know.
pub(super) struct Policies {
    tls: Arc<ClientConfig>,
    port: u16,
    /// Whether addresses of networks inside are asked, too.
    inside: bool,
    shelf: OnceLock<Arc<dyn Shelf>>,
    kept: Mutex<HashMap<String, Kept>>,
    failed: Mutex<HashMap<String, (Instant, StsTrouble)>>,
    under_way: Mutex<BTreeSet<String>>,
    places: Semaphore,
}

/// A policy, and the record it was fetched under.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    id: String,
    policy: Policy,
    /// Milliseconds since 1970.
    fetched: i64,
}

impl Policies {
    pub fn new(tls: Arc<ClientConfig>, port: u16, inside: bool) -> Self {
        let (places, shelf) = (Semaphore::new(FETCHES), OnceLock::new());
        let (kept, failed, under_way) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { tls, port, inside, shelf, kept, failed, under_way, places }
    }

    /// From now on policies outlive us there; the first shelf counts.
    pub fn keep_on(&self, shelf: Arc<dyn Shelf>) {
        let _ = self.shelf.set(shelf);
    }

    /// The policy of a domain: the one that its record names, or one from before that still holds.
    pub async fn of(self: &Arc<Self>, asker: &Asker, domain: &str) -> StsFound {
        let (records, _, trouble) = asker.texts(&format!("_mta-sts.{domain}")).await;
        let kept = self.kept(domain).await;
        let Some(id) = texts::sts_id(&records) else {
            return match (kept, trouble) {
                (Some(kept), _) => kept.found(),
                (None, None) => StsFound::None,
                (None, Some(trouble)) => StsFound::Trouble(StsTrouble::Record(trouble)),
            };
        };
        let fetching = match &kept {
            Some(kept) if kept.id == id && !kept.is_due() => return kept.found(),
            _ => self.fetch(asker, domain, id.clone()),
        };
        if let Some(kept) = kept.as_ref().filter(|kept| kept.id == id) {
            // Only due: the fetch goes on by itself.
            tokio::spawn(fetching);
            return kept.found();
        }
        let fetched = timeout(PATIENCE, tokio::spawn(fetching)).await;
        match (fetched, kept) {
            (Ok(Ok(Ok(fresh))), _) => fresh.found(),
            (_, Some(kept)) => kept.found(),
            (Ok(Ok(Err(trouble))), None) => StsFound::Trouble(trouble),
            (_, None) => StsFound::Trouble(StsTrouble::Pending),
        }
    }

    /// Posts to an `https:` address, as whoever fetches policies.
    ///
    /// # Errors
    /// Why it was not taken, in words.
    pub async fn post(&self, asker: &Asker, url: &str, content: (&str, Vec<u8>)) -> Result<(), String> {
        let target = Target::of(url).ok_or("the address is none for HTTPS")?;
        if !self.may_ask(&target) {
            return Err("the address names a port of its own".to_owned());
        }
        let known = asker.addresses(target.host).await.map_err(|_| "the resolver does not answer")?;
        let addresses = self.outside(known.clone());
        if addresses.is_empty() && !known.is_empty() {
            return Err("the address is of a network inside".to_owned());
        }
        posting::post(&self.tls, &target, &addresses, content).await
    }

    /// Whether a stranger's record may send us to this port.
    fn may_ask(&self, target: &Target<'_>) -> bool {
        self.inside || target.port == HTTPS
    }

    /// The addresses that a stranger's records may send us to: none of networks inside, which are not his to name.
    fn outside(&self, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        addresses.into_iter().filter(|address| self.inside || is_public(*address)).collect()
    }

    /// Domains whose policy is kept and was not fetched for a day.
    pub fn due(&self) -> Vec<String> {
        let kept = lock(&self.kept);
        kept.iter().filter(|(_, kept)| kept.is_due() && kept.holds()).map(|(domain, _)| domain.clone()).collect()
    }

    async fn kept(&self, domain: &str) -> Option<Kept> {
        let in_memory = lock(&self.kept).get(domain).cloned();
        if let Some(kept) = in_memory {
            return kept.holds().then_some(kept);
        }
        let octets = self.shelf.get()?.find(domain).await?;
        let kept = postcard::from_bytes::<Kept>(&octets).ok().filter(Kept::holds)?;
        self.remember(domain, kept.clone());
        Some(kept)
    }

    fn remember(&self, domain: &str, policy: Kept) {
        let mut kept = lock(&self.kept);
        if kept.len() >= KEPT {
            kept.retain(|_, kept| kept.holds());
        }
        if kept.len() < KEPT || kept.contains_key(domain) {
            kept.insert(domain.to_owned(), policy);
        }
    }

    fn fetch(
        self: &Arc<Self>,
        asker: &Asker,
        domain: &str,
        id: String,
    ) -> impl Future<Output = Result<Kept, StsTrouble>> + Send + 'static {
        let (policies, asker, domain) = (Arc::clone(self), asker.clone(), domain.to_owned());
        async move {
            if let Some(trouble) = policies.failed_lately(&domain) {
                return Err(trouble);
            }
            let _place = policies.places.acquire().await.map_err(|_| StsTrouble::Pending)?;
            if !lock(&policies.under_way).insert(domain.clone()) {
                return Err(StsTrouble::Pending);
            }
            let _done = UnderWay { policies: &policies, domain: &domain };
            let fetched = policies.fetch_now(&asker, &domain).await;
            let policy = fetched.inspect_err(|trouble| policies.failed(&domain, *trouble))?;
            let kept = Kept { id, policy, fetched: Timestamp::now().as_millisecond() };
            policies.remember(&domain, kept.clone());
            if let (Some(shelf), Ok(octets)) = (policies.shelf.get(), postcard::to_allocvec(&kept)) {
                shelf.keep(&domain, octets, kept.until()).await;
            }
            Ok(kept)
        }
    }

    async fn fetch_now(&self, asker: &Asker, domain: &str) -> Result<Policy, StsTrouble> {
        let known = asker.addresses(&format!("mta-sts.{domain}")).await;
        let known = known.map_err(|_| StsTrouble::Now("the address of the policy's server cannot be looked up now"))?;
        if known.is_empty() {
            return Err(StsTrouble::Server("the policy's server has no address"));
        }
        let addresses = self.outside(known);
        if addresses.is_empty() {
            return Err(StsTrouble::Server("the policy's server stands in a network inside"));
        }
        fetch::policy(&self.tls, domain, &addresses, self.port).await
    }

    fn failed_lately(&self, domain: &str) -> Option<StsTrouble> {
        let failed = lock(&self.failed);
        failed.get(domain).filter(|(until, _)| Instant::now() < *until).map(|(_, trouble)| *trouble)
    }

    fn failed(&self, domain: &str, trouble: StsTrouble) {
        let (mut failed, now) = (lock(&self.failed), Instant::now());
        if failed.len() >= KEPT {
            failed.retain(|_, (until, _)| now < *until);
        }
        if failed.len() < KEPT {
            failed.insert(domain.to_owned(), (now + AGAIN, trouble));
        }
    }
}

/// Takes a domain off the list again, however its fetch ends.
struct UnderWay<'p> {
    policies: &'p Policies,
    domain: &'p str,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(&self.policies.under_way).remove(self.domain);
    }
}

impl Kept {
    fn fetched(&self) -> Timestamp {
        Timestamp::from_millisecond(self.fetched).unwrap_or(Timestamp::MIN)
    }

    fn until(&self) -> Timestamp {
        let age = SignedDuration::from_secs(i64::try_from(self.policy.max_age).unwrap_or(0));
        self.fetched().checked_add(age).unwrap_or(Timestamp::MIN)
    }

    fn holds(&self) -> bool {
        Timestamp::now() < self.until()
    }

    fn is_due(&self) -> bool {
        self.fetched().checked_add(DAILY).is_ok_and(|due| due <= Timestamp::now())
    }

    fn found(&self) -> StsFound {
        StsFound::Policy {
            mode: self.policy.mode,
            mx: self.policy.mx.clone(),
            id: self.id.clone(),
            fetched: self.fetched(),
            until: self.until(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tls::provider;
    use rustls::RootCertStore;

    #[test]
    fn a_strangers_record_sends_us_nowhere_inside() {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
        let addresses = || ["10.0.0.1", "193.0.6.139", "::1"].map(|address| address.parse().unwrap()).to_vec();
        let target = |url| Target::of(url).unwrap();
        let (outside, bench) = (Policies::new(Arc::clone(&tls), 443, false), Policies::new(tls, 443, true));
        assert_eq!(outside.outside(addresses()), [addresses()[1]]);
        assert_eq!(bench.outside(addresses()), addresses());
        for (url, may) in [
            ("https://b.example/v1", true),
            ("https://b.example:443/v1", true),
            ("https://b.example:8443/v1", false),
            ("https://b.example:22/v1", false),
        ] {
            assert_eq!((outside.may_ask(&target(url)), bench.may_ask(&target(url))), (may, true), "{url}");
        }
    }
}
