//! A certificate of ours, as it is shown now: read again when its file changes, so that a renewed one needs no reload
//! and ends no session.
//!
//! What is open keeps what it began with; a file that does not fit is told, and the certificate before it stays. One that
//! is still to be fetched (ACME) may be missing: until it is there nothing is shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Chain;
use super::certificate::{days_left, warning};
use crate::problem::Problem;

/// Where a certificate of ours lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The chain in PEM, leaf first.
    pub certificate: PathBuf,
    /// Its key in PEM; it may stand in the same file.
    pub key: PathBuf,
    /// Whether it is fetched by ACME, and so may be missing yet.
    pub fetched: bool,
}

/// A certificate of ours, as it is shown now. A clone is another handle on the same.
#[derive(Clone)]
pub struct Shown(Arc<Inner>);

struct Inner {
    files: Files,
    now: ArcSwapOption<Held>,
    /// What the files were when they were read last, whether they fitted or not.
    seen: Mutex<Option<[Stamp; 2]>>,
    /// The last of [`STEPS`](super::STEPS) that was told of, by the end of the certificate.
    told: Mutex<Option<(Timestamp, i64)>>,
}

struct Held {
    key: Arc<CertifiedKey>,
    life: (Timestamp, Timestamp),
}

/// A file that is written anew differs in one of these: when it was changed, its number, its octets.
pub type Stamp = (Option<SystemTime>, u64, u64);

impl Shown {
    /// Reads a certificate.
    ///
    /// # Errors
    /// A [`Problem`] that names the file which does not fit. A missing one that is to be fetched is no problem.
    pub fn load(files: &Files) -> Result<Self, Problem> {
        let shown = Self(Arc::new(Inner {
            files: files.clone(),
            now: ArcSwapOption::empty(),
            seen: Mutex::default(),
            told: Mutex::default(),
        }));
        shown.look()?;
        Ok(shown)
    }

    /// Where it lies.
    pub fn files(&self) -> &Files {
        &self.0.files
    }

    /// Whether there is a certificate to show.
    pub fn is_there(&self) -> bool {
        self.0.now.load().is_some()
    }

    /// Until when the one lasts that is shown; none when there is none.
    pub fn until(&self) -> Option<Timestamp> {
        self.0.now.load().as_ref().map(|held| held.life.1)
    }

    /// Reads it again if a file has changed; whether another one is shown since.
    ///
    /// # Errors
    /// The new one does not fit, and the one before stays. Told once for each change of a file.
    pub fn look(&self) -> Result<bool, Problem> {
        let Files { certificate, key, fetched } = &self.0.files;
        if *fetched && !certificate.exists() && !self.is_there() {
            return Ok(false);
        }
        let stamps = [stamp(certificate), stamp(key)];
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == Some(stamps) {
            return Ok(false);
        }
        let read = held(certificate, key);
        // A pair that is being written is read again, until both of it are there.
        let is_half = read.is_err() && seen.is_some() && is_young(&stamps);
        if !is_half {
            *seen = Some(stamps);
        }
        match read {
            Ok(held) => {
                self.0.now.store(Some(Arc::new(held)));
                Ok(true)
            }
            Err(_) if is_half => Ok(false),
            Err(problem) => Err(problem),
        }
    }

    /// The number of days that are left when somebody should be told of it now: once for each of [`STEPS`](super::STEPS).
    pub fn step(&self, now: Timestamp) -> Option<i64> {
        let held = self.0.now.load_full()?;
        let (from, until) = held.life;
        let step = warning((from, until), now)?;
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|(of, last)| of == until && last <= step) {
            return None;
        }
        *told = Some((until, step));
        Some(days_left(until, now))
    }

    /// Remembers what was told of the same certificate by another handle, before a reload.
    pub fn go_on_from(&self, before: &Self) {
        let told = *before.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        *self.0.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    /// The step that it is within now, if any.
    pub fn warning(&self, now: Timestamp) -> Option<i64> {
        warning(self.0.now.load().as_ref()?.life, now)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.now.load().as_ref().map(|held| Arc::clone(&held.key))
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.now.load().as_ref().map(|held| Arc::clone(&held.key))
    }

    fn has_certs(&self) -> bool {
        self.is_there()
    }
}

/// Keys are in there.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("files", &self.0.files).finish_non_exhaustive()
    }
}

fn held(certificate: &Path, key: &Path) -> Result<Held, Problem> {
    let unfit = |error: rustls::Error| {
        let remedy = "give the key that belongs to the certificate";
        Problem::new(key, format!("certificate and key do not fit together: {error}"), remedy)
    };
    let (certificates, private) = (super::certificates(certificate)?, super::private_key(key)?);
    let certified = CertifiedKey::from_der(certificates, private, &super::provider()).map_err(unfit)?;
    // What rustls shows, this room need not understand: its dates are unknown then, and nobody is warned.
    let life = Chain::read(certificate).map_or((Timestamp::MIN, Timestamp::MAX), |chain| (chain.from(), chain.until()));
    Ok(Held { key: Arc::new(certified), life })
}

pub(super) fn stamp(file: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(file).map_or((None, 0, 0), |metadata| (metadata.modified().ok(), metadata.ino(), metadata.len()))
}

fn is_young(stamps: &[Stamp]) -> bool {
    let newest = stamps.iter().filter_map(|(modified, ..)| *modified).max();
    newest.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age.as_secs() < 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use std::os::unix::fs::PermissionsExt;

    fn write(files: &Files, until: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["poort.delinde.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(until, 1, 1));
        let certificate = params.self_signed(&key).unwrap().pem();
        // As most programs do it: a new file in the place of the old one.
        for (file, text) in [(&files.certificate, certificate), (&files.key, key.serialize_pem())] {
            let new = file.with_extension("new");
            std::fs::write(&new, text).unwrap();
            std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
            std::fs::rename(&new, file).unwrap();
        }
    }

    fn files(folder: &Path, fetched: bool) -> Files {
        Files { certificate: folder.join("poort.pem"), key: folder.join("poort.key"), fetched }
    }

    fn year(shown: &Shown) -> Option<String> {
        shown.until().map(|until| until.to_string().get(..4).unwrap().to_owned())
    }

    #[test]
    fn a_changed_file_is_shown_and_one_that_does_not_fit_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), false);
        assert!(Shown::load(&files).is_err(), "it is missing");
        write(&files, 2030);
        let shown = Shown::load(&files).unwrap();
        assert_eq!((year(&shown).as_deref(), shown.look()), (Some("2030"), Ok(false)));
        write(&files, 2031);
        assert_eq!((shown.look(), year(&shown).as_deref()), (Ok(true), Some("2031")));
        // Half of a new pair is not told at once, and not taken.
        std::fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert_eq!((shown.look(), year(&shown).as_deref()), (Ok(false), Some("2031")));
        let old = SystemTime::now() - std::time::Duration::from_secs(120);
        for file in [&files.key, &files.certificate] {
            std::fs::File::open(file).unwrap().set_modified(old).unwrap();
        }
        assert!(shown.look().is_err() && shown.look() == Ok(false), "told once");
        assert_eq!(year(&shown).as_deref(), Some("2031"));
    }

    #[test]
    fn one_that_is_to_be_fetched_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), true);
        let shown = Shown::load(&files).unwrap();
        assert!(!shown.is_there() && shown.look() == Ok(false));
        write(&files, 2032);
        assert_eq!((shown.look(), year(&shown).as_deref()), (Ok(true), Some("2032")));
    }

    #[test]
    fn each_step_is_told_once_and_only_in_the_last_third_of_a_life() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let year = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
        let short = (at("2026-12-26T00:00:00Z"), at("2027-01-01T00:00:00Z"));
        for (life, now, expected) in [
            (year, "2026-11-30T00:00:00Z", None),
            (year, "2026-12-03T00:00:00Z", Some(30)),
            (year, "2026-12-20T00:00:00Z", Some(14)),
            (year, "2026-12-28T00:00:00Z", Some(7)),
            (year, "2026-12-31T12:00:00Z", Some(1)),
            (year, "2027-02-01T00:00:00Z", Some(1)),
            (short, "2026-12-27T00:00:00Z", None),
            (short, "2026-12-30T12:00:00Z", Some(7)),
            (short, "2026-12-31T12:00:00Z", Some(1)),
        ] {
            assert_eq!(warning(life, at(now)), expected, "{now}");
        }
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), false);
        write(&files, 2027);
        let shown = Shown::load(&files).unwrap();
        let told: Vec<_> = ["2026-12-03", "2026-12-04", "2026-12-19", "2026-12-31", "2027-03-01"]
            .map(|day| shown.step(at(&format!("{day}T00:00:01Z"))))
            .into();
        assert_eq!(told, [Some(28), None, Some(12), Some(0), None]);
    }
}
