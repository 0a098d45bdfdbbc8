//! Our own certificate, asked of a certificate authority and renewed in time (ACME, RFC 8555).
//!
//! [`Acme::tend`] runs beside the gate and never in its way: without a certificate the gate begins without TLS, and what
//! fails is told with who can mend it ([`Trouble`]) and tried again, ever less often. It is renewed when two thirds of its
//! life are over, a little before or after, so that not all gates come at the same minute. The authority proves that the
//! names are ours by a file on port 80 (http-01) or a handshake with our pages (tls-alpn-01, RFC 8737).
//!
//! | file | what |
//! |---|---|
//! | `kept` | the account and the certificate in the data folder, readable for the gate alone |
//! | `order` | one certificate: the order, its challenges, the key |
//! | `answers` | what stands on port 80 while an order is open, and at no other time |
//! | `web` | HTTPS to the authority |
//! | `trouble` | why there is no certificate, and who is to blame |
//!
//! Knows nothing of mail, and tells nobody anything but the names.

mod answers;
mod kept;
mod order;
mod trouble;
mod web;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

pub use self::kept::files;
pub use self::trouble::{Blame, Trouble};
use crate::seal;
use crate::tls::Challenges;

/// What is asked of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The authority's directory (RFC 8555 7.1.1), https.
    pub directory: String,
    /// The mailbox to which the authority writes.
    pub contact: String,
    /// The names that the certificate is for, in lower case and A-labels; the first is how it is called.
    pub names: Vec<String>,
    /// How the authority sees that they are ours.
    pub challenge: Challenge,
    /// Authorities besides the system's, for the directory's own certificate.
    pub ca: Option<PathBuf>,
    /// The pause after a first failure; each further one doubles it, up to [`LONGEST`].
    pub again: Duration,
}

/// How the authority sees that the names are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// By a file that we show here (RFC 8555 8.3); the authority asks for it on port 80.
    Http(SocketAddr),
    /// By a handshake with our pages (RFC 8737), to which port 443 leads.
    TlsAlpn,
}

/// The pause after a first failure: no more than five within the hour, which is what authorities bear with.
pub const AGAIN: Duration = Duration::from_secs(120);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(6 * 3600);
/// After "too many requests" nothing is asked for so long.
const TOO_MANY: Duration = Duration::from_secs(3600);
/// One try takes no longer.
const TRY: Duration = Duration::from_secs(600);
/// The clock is looked at this often: it may jump, and the machine may sleep.
const LOOK: Duration = Duration::from_secs(600);

/// Keeps our certificate. A clone is another handle on the same.
#[derive(Clone)]
pub struct Acme(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    settings: ArcSwap<Settings>,
    changed: Notify,
    challenges: Challenges,
    trouble: Mutex<Option<Trouble>>,
    fetched: watch::Sender<()>,
}

impl Acme {
    /// One that keeps account and certificate in this data folder, and answers in these handshakes.
    pub fn new(data_dir: &Path, settings: Settings, challenges: Challenges) -> Self {
        Self(Arc::new(Inner {
            folder: kept::folder(data_dir),
            settings: ArcSwap::from_pointee(settings),
            changed: Notify::new(),
            challenges,
            trouble: Mutex::default(),
            fetched: watch::Sender::new(()),
        }))
    }

    /// Asks for other names, or somebody else, from now on.
    pub fn reload(&self, settings: Settings) {
        if **self.0.settings.load() != settings {
            self.0.settings.store(Arc::new(settings));
            self.0.changed.notify_one();
        }
    }

    /// Hears of each certificate that has come.
    pub fn fetched(&self) -> watch::Receiver<()> {
        self.0.fetched.subscribe()
    }

    /// Why the last try came to nothing; none when it did not.
    pub fn trouble(&self) -> Option<Trouble> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for a certificate whenever one is due. Never ends.
    pub async fn tend(self) {
        let mut failures = 0;
        loop {
            self.until_due().await;
            let settings = self.0.settings.load_full();
            let tried = timeout(TRY, self.try_once(&settings)).await;
            let failed = tried.unwrap_or_else(|_| Err(Trouble::slow(&settings.directory))).err();
            self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&failed);
            let Some(trouble) = failed else {
                failures = 0;
                tracing::info!(names = settings.names.join(", "), "a new certificate has come");
                self.0.fetched.send_replace(());
                continue;
            };
            let pause = pause(settings.again, failures, &trouble);
            failures += 1;
            let minutes = pause.as_secs().div_ceil(60);
            tracing::error!(%trouble, minutes, "no new certificate; tried again after these minutes");
            let _ = timeout(pause, self.0.changed.notified()).await;
        }
    }

    async fn try_once(&self, settings: &Settings) -> Result<(), Trouble> {
        let account = kept::account(&self.0.folder, settings).await?;
        let ordered = order::certificate(settings, &account, &self.0.challenges).await;
        if let Err(trouble) = &ordered
            && trouble.blame == Blame::Account
        {
            // The authority knows it no more: the next try makes another.
            kept::forget_account(&self.0.folder);
        }
        kept::keep(&self.0.folder, settings, &ordered?)
    }

    /// Waits until a certificate should be asked for.
    async fn until_due(&self) {
        let chance = chance();
        loop {
            let settings = self.0.settings.load_full();
            let due = kept::life(&self.0.folder, &settings).map(|life| renewal(life, chance));
            let left = due.map_or(SignedDuration::ZERO, |due| due.duration_since(Timestamp::now()));
            let Ok(left) = Duration::try_from(left) else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = sleep(left.min(LOOK)) => {}
                () = self.0.changed.notified() => {}
            }
        }
    }
}

/// When to ask for the next: at two thirds of the life of the one there is, less up to a thirtieth of it by chance (0 to 1).
fn renewal((from, until): (Timestamp, Timestamp), chance: f64) -> Timestamp {
    let life = until.duration_since(from).as_millis() as f64;
    let after = SignedDuration::from_millis((life * (2.0 / 3.0 - chance / 30.0)) as i64);
    from.checked_add(after).unwrap_or(from)
}

/// Doubled with each failure, and a little longer by chance.
fn pause(first: Duration, failures: u32, trouble: &Trouble) -> Duration {
    let doubled = first.saturating_mul(2u32.saturating_pow(failures.min(20))).min(LONGEST);
    let least = if trouble.blame == Blame::TooMany { TOO_MANY } else { Duration::ZERO };
    doubled.max(least).mul_f64(1.0 + chance() / 5.0)
}

/// From 0 to 1; what cannot be had by chance is in the middle.
fn chance() -> f64 {
    seal::random::<4>().map_or(0.5, |octets| f64::from(u32::from_be_bytes(octets)) / f64::from(u32::MAX))
}

impl fmt::Debug for Acme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acme").field("settings", &self.0.settings.load()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_of_its_life_or_a_little_before() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let quarter = (at("2026-01-01T00:00:00Z"), at("2026-04-01T00:00:00Z"));
        assert_eq!(renewal(quarter, 0.0), at("2026-03-02T00:00:00Z"));
        assert_eq!(renewal(quarter, 1.0), at("2026-02-27T00:00:00Z"));
        let week = (at("2026-01-01T00:00:00Z"), at("2026-01-07T00:00:00Z"));
        assert_eq!(renewal(week, 0.0), at("2026-01-05T00:00:00Z"));
    }

    #[test]
    fn pauses_grow_and_end_somewhere() {
        let (down, busy) =
            (Trouble::slow("https://ca.example"), Trouble { blame: Blame::TooMany, ..Trouble::slow("") });
        let about = |pause: Duration, seconds: u64| (seconds..=seconds * 6 / 5).contains(&pause.as_secs());
        assert!(about(pause(AGAIN, 0, &down), 120) && about(pause(AGAIN, 3, &down), 960));
        assert!(about(pause(AGAIN, 400, &down), 6 * 3600) && about(pause(AGAIN, 0, &busy), 3600));
        // The first hour sees five tries at most (at 0, 2, 6, 14 and 30 minutes, and the sixth after an hour).
        let waited: u64 = (0..5).map(|failures| pause(AGAIN, failures, &down).as_secs()).sum();
        assert!(waited >= 3600, "{waited}");
    }
}
