//! What a certificate file of ours says: until when, for which names, and whether its chain is whole.
//!
//! rustls keeps the dates of a certificate to itself, so they are read here. Decides nothing: a listener shows its
//! certificate also when this room does not understand it.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::layers::{Layers, take};
use crate::problem::Problem;

/// The certificates of a file, leaf first.
#[derive(Debug)]
pub struct Chain {
    certificates: Vec<CertificateDer<'static>>,
    facts: Vec<Facts>,
}

/// What is read of one certificate.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    issuer: Vec<u8>,
    from: Timestamp,
    until: Timestamp,
    subject: Vec<u8>,
}

impl Chain {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// It cannot be read, or a certificate in it is none.
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let certificates = super::certificates(file)?;
        let facts = certificates.iter().map(|certificate| facts(certificate)).collect::<Option<Vec<_>>>();
        let remedy = "ask for a new certificate, and give its chain as PEM, leaf first";
        let facts = facts.ok_or_else(|| Problem::new(file, "a certificate in this file is damaged", remedy))?;
        Ok(Self { certificates, facts })
    }

    /// When the first of them ends.
    pub fn until(&self) -> Timestamp {
        self.facts.iter().map(|facts| facts.until).min().unwrap_or(Timestamp::MIN)
    }

    /// When the last of them begins.
    pub fn from(&self) -> Timestamp {
        self.facts.iter().map(|facts| facts.from).max().unwrap_or(Timestamp::MAX)
    }

    /// The narrowest of [`STEPS`] that its end is within, when somebody should look: one that lives for weeks alone is
    /// renewed in its last third, so the steps before that say nothing of it.
    pub fn warning(&self, now: Timestamp) -> Option<i64> {
        warning((self.from(), self.until()), now)
    }

    /// Whether each was issued by the one behind it.
    pub fn is_in_order(&self) -> bool {
        self.facts.iter().zip(self.facts.iter().skip(1)).all(|(one, next)| one.issuer == next.subject)
    }

    /// Whether the leaf is for this host name.
    pub fn is_for(&self, name: &str) -> bool {
        let Ok(name) = ServerName::try_from(name.to_string()) else { return false };
        let leaf = self.certificates.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        leaf.is_some_and(|leaf| verify_server_name(&leaf, &name).is_ok())
    }

    /// Whether whoever trusts the authorities of this machine trusts it, for this name and now; false too when there are
    /// none.
    pub fn is_trusted_here(&self, name: &str) -> bool {
        let (Ok(roots), Ok(name)) = (super::next_hop::system_roots(), ServerName::try_from(name.to_string())) else {
            return false;
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), super::provider()).build();
        let (Ok(verifier), Some((leaf, others))) = (verifier, self.certificates.split_first()) else { return false };
        verifier.verify_server_cert(leaf, others, &name, &[], UnixTime::now()).is_ok()
    }
}

/// What a certificate says of itself, for people. Proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The subject's name: its common name, else its organisation, else nothing.
    pub subject: String,
    /// The issuer's, likewise.
    pub issuer: String,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

impl Claims {
    /// Reads those of a certificate in DER; none when it is damaged.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let Facts { issuer, from, until, subject } = facts(certificate)?;
        Some(Self { subject: name(&subject), issuer: name(&issuer), from, until })
    }
}

/// The common name of a certificate's subject; none when it has none, or is damaged.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    names(Layers::of(certificate)?.subject).0
}

/// The common name in a name, else the organisation.
fn name(name: &[u8]) -> String {
    let (common, organisation) = names(name);
    common.or(organisation).unwrap_or_default()
}

/// The common name (2.5.4.3) and the organisation (2.5.4.10) in a name, the last of each: X.501, RFC 5280 4.1.2.4.
fn names(name: &[u8]) -> (Option<String>, Option<String>) {
    const SET: u8 = 0x31;
    const SEQUENCE: u8 = 0x30;
    const OBJECT: u8 = 0x06;
    let (mut rest, mut organisation, mut common) = (name, None, None);
    while let Some(mut set) = take(&mut rest, SET) {
        while let Some(mut pair) = take(&mut set, SEQUENCE) {
            let kind = take(&mut pair, OBJECT);
            let value = pair.first().copied().and_then(|tag| take(&mut pair, tag)).map(String::from_utf8_lossy);
            let value = value.map(|text| text.chars().filter(|c| !c.is_control()).take(200).collect());
            match kind {
                Some([0x55, 0x04, 0x03]) => common = value,
                Some([0x55, 0x04, 0x0a]) => organisation = value,
                _ => {}
            }
        }
    }
    (common, organisation)
}

/// Days before the end of a certificate at which somebody is told, the first first.
pub const STEPS: [i64; 4] = [30, 14, 7, 1];

/// Whole days until then; negative when it is over.
pub fn days_left(until: Timestamp, now: Timestamp) -> i64 {
    until.duration_since(now).as_secs().div_euclid(24 * 3600)
}

/// As [`Chain::warning`], of a life.
pub(super) fn warning((from, until): (Timestamp, Timestamp), now: Timestamp) -> Option<i64> {
    let third = until.duration_since(from) / 3;
    let left = until.duration_since(now);
    let within = |step: &&i64| left <= SignedDuration::from_hours(24 * **step) && left < third;
    STEPS.iter().rev().find(within).copied()
}

/// Tags of DER (X.690 8.1.2).
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

fn facts(certificate: &[u8]) -> Option<Facts> {
    let layers = Layers::of(certificate)?;
    let validity = &mut { layers.validity };
    let (from, until) = (time(validity)?, time(validity)?);
    Some(Facts { issuer: layers.issuer.to_vec(), from, until, subject: layers.subject.to_vec() })
}

/// `YYMMDDHHMMSSZ` (50 and above is of the last century) or `YYYYMMDDHHMMSSZ` (RFC 5280 4.1.2.5).
fn time(from: &mut &[u8]) -> Option<Timestamp> {
    let tag = *from.first()?;
    let text = std::str::from_utf8(take(from, tag)?).ok()?.strip_suffix('Z')?;
    let text = match (tag, text.get(..2)?.parse::<u8>().ok()?) {
        (UTC_TIME, 50..) => format!("19{text}"),
        (UTC_TIME, _) => format!("20{text}"),
        (GENERALIZED_TIME, _) => text.to_string(),
        _ => return None,
    };
    jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text).ok()?.in_tz("UTC").ok().map(|moment| moment.timestamp())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

    fn chain(folder: &Path, until: i32) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Authority");
        let key = KeyPair::generate().unwrap();
        let its_own = params.self_signed(&key).unwrap().pem();
        let authority = Issuer::new(params, key);
        let mut leaf = CertificateParams::new(vec!["poort.delinde.example".to_string()]).unwrap();
        (leaf.not_before, leaf.not_after) = (date_time_ymd(2026, 1, 2), date_time_ymd(until, 3, 4));
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &authority).unwrap().pem();
        std::fs::write(folder.join("right.pem"), format!("{leaf}{its_own}")).unwrap();
        std::fs::write(folder.join("wrong.pem"), format!("{its_own}{leaf}")).unwrap();
    }

    #[test]
    fn dates_names_and_order_are_read() {
        let folder = tempfile::tempdir().unwrap();
        // The one is written with two digits of the year, the other with four.
        for (until, expected) in [(2031, "2031-03-04T00:00:00Z"), (2051, "2051-03-04T00:00:00Z")] {
            chain(folder.path(), until);
            let right = Chain::read(&folder.path().join("right.pem")).unwrap();
            assert_eq!(right.until(), expected.parse().unwrap());
            assert_eq!(right.from(), "2026-01-02T00:00:00Z".parse().unwrap());
            assert!(right.is_in_order() && right.is_for("poort.delinde.example") && !right.is_for("delinde.example"));
            assert!(!right.is_trusted_here("poort.delinde.example"));
            assert!(!Chain::read(&folder.path().join("wrong.pem")).unwrap().is_in_order());
            let leaf = super::super::certificates(&folder.path().join("right.pem")).unwrap().remove(0);
            let claims = Claims::of(&leaf).unwrap();
            assert_eq!((claims.issuer.as_str(), claims.until), ("Authority", right.until()));
        }
    }

    #[test]
    fn what_is_cut_off_or_bent_is_no_certificate() {
        let folder = tempfile::tempdir().unwrap();
        chain(folder.path(), 2031);
        let whole = super::super::certificates(&folder.path().join("right.pem")).unwrap().remove(0);
        assert!(facts(&whole).is_some());
        for length in 0..whole.len().min(300) {
            let cut = whole.get(..length).unwrap();
            assert_eq!(facts(cut), None, "{length}");
        }
        for at in 0..whole.len().min(200) {
            for octet in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut bent = whole.to_vec();
                *bent.get_mut(at).unwrap() = octet;
                let _ = Claims::of(&bent);
            }
        }
    }
}
