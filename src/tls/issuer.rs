//! Client certificates by an authority of the school's own: which of them we take.
//!
//! The authority alone is not enough: it may give out certificates for everything in the building, so a certificate must
//! also be for a name that is listed. Looks at the chain, the dates, the use (RFC 5280 4.2.1.12: for clients, where it
//! says for what) and the name: one of the alternative names, or the common name where there are none (RFC 9525 6.3 has
//! done with that one; copiers have not). Knows no revocation: who is to stay out is taken off the list. Fails as a
//! [`NotVouched`], which says why and names nobody.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, Error};

use super::certificate::common_name;
use crate::problem::Problem;

/// An authority for clients, and the names that count.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its certificate, or those of several (PEM).
    pub file: PathBuf,
    /// Host names or IP addresses, as they stand in the certificates; lower case.
    pub names: Vec<String>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

/// Why a certificate is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotVouched {
    /// It has ended.
    Expired,
    /// It does not hold yet.
    Early,
    /// It is from somebody else.
    OtherAuthority,
    /// It is for a name that is not listed.
    OtherName,
    /// It is not for clients.
    OtherUse,
    /// It cannot be read, or is broken in another way.
    Damaged,
}

impl fmt::Display for NotVouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "it has expired",
            Self::Early => "it does not hold yet",
            Self::OtherAuthority => "it is not from the authority in `ca`",
            Self::OtherName => "it is for none of the `names`",
            Self::OtherUse => "it is not for clients",
            Self::Damaged => "it cannot be read",
        })
    }
}

impl Issuer {
    /// An authority that vouches for nobody until it is loaded.
    pub fn new(file: PathBuf, names: Vec<String>) -> Self {
        Self { file, names, verifier: None }
    }

    /// Whether something can stand in `names`.
    pub fn is_name(name: &str) -> bool {
        ServerName::try_from(name).is_ok()
    }

    /// Reads the authority's certificate.
    ///
    /// # Errors
    /// A [`Problem`] that names the file which does not fit.
    pub fn load(&mut self) -> Result<(), Problem> {
        let roots = Arc::new(super::next_hop::roots(&self.file)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, super::provider()).build();
        let verifier = verifier.map_err(|error| {
            let remedy = "give a PEM file with CA certificates";
            Problem::new(&self.file, format!("no client can be verified with it: {error}"), remedy)
        })?;
        self.verifier = Some(verifier);
        Ok(())
    }

    /// Looks at what a client showed, leaf first. That it has the key, the handshake has proven.
    ///
    /// # Errors
    /// [`NotVouched`].
    pub fn vouches(&self, shown: &[CertificateDer<'_>], now: UnixTime) -> Result<(), NotVouched> {
        let (verifier, (leaf, others)) =
            self.verifier.as_ref().zip(shown.split_first()).ok_or(NotVouched::OtherAuthority)?;
        verifier.verify_client_cert(leaf, others, now).map_err(|error| why(&error))?;
        if self.names.iter().any(|name| is_for(leaf, name)) { Ok(()) } else { Err(NotVouched::OtherName) }
    }
}

fn is_for(leaf: &CertificateDer<'_>, name: &str) -> bool {
    let (Ok(parsed), Ok(wanted)) = (ParsedCertificate::try_from(leaf), ServerName::try_from(name)) else {
        return false;
    };
    match verify_server_name(&parsed, &wanted) {
        Ok(()) => true,
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })) => {
            presented.is_empty() && common_name(leaf).is_some_and(|common| common.eq_ignore_ascii_case(name))
        }
        Err(_) => false,
    }
}

fn why(error: &Error) -> NotVouched {
    let Error::InvalidCertificate(error) = error else { return NotVouched::Damaged };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => NotVouched::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => NotVouched::Early,
        CertificateError::UnknownIssuer | CertificateError::BadSignature => NotVouched::OtherAuthority,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => NotVouched::OtherUse,
        _ => NotVouched::Damaged,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType, date_time_ymd,
    };

    use super::*;

    fn authority(name: &str) -> (rcgen::Issuer<'static, KeyPair>, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        (rcgen::Issuer::new(params, key), pem)
    }

    fn shown(
        issuer: &rcgen::Issuer<'_, KeyPair>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["kopieer1.delinde.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Kopieerapparaat 1");
        change(&mut params);
        params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().clone()
    }

    #[test]
    fn only_listed_names_of_the_own_authority_that_hold_now() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let (own, pem) = authority("De Linde");
        let (other, _) = authority("Een ander");
        // Whoever takes the authority's name has not its key.
        let (namesake, _) = authority("De Linde");
        std::fs::write(&file, pem).unwrap();
        let mut issuer = Issuer::new(file, ["kopieer1.delinde.example", "192.0.2.7"].map(str::to_owned).into());
        let good = shown(&own, |_| {});
        assert_eq!(issuer.vouches(std::slice::from_ref(&good), UnixTime::now()), Err(NotVouched::OtherAuthority));
        issuer.load().unwrap();
        let cases = [
            (good, Ok(())),
            (shown(&own, |p| p.subject_alt_names = vec![SanType::IpAddress([192, 0, 2, 7].into())]), Ok(())),
            (shown(&own, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]), Ok(())),
            (
                shown(&own, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
                Err(NotVouched::OtherUse),
            ),
            (shown(&own, |p| year(p, 2020)), Err(NotVouched::Expired)),
            (shown(&own, |p| year(p, 3020)), Err(NotVouched::Early)),
            (shown(&other, |_| {}), Err(NotVouched::OtherAuthority)),
            (shown(&namesake, |_| {}), Err(NotVouched::OtherAuthority)),
            (
                shown(&own, |p| p.subject_alt_names = vec![SanType::DnsName("x.delinde.example".try_into().unwrap())]),
                Err(NotVouched::OtherName),
            ),
            // The common name counts where there is no other, and there alone.
            (shown(&own, |p| named(p, "Kopieer1.delinde.example", true)), Ok(())),
            (shown(&own, |p| named(p, "x.delinde.example", true)), Err(NotVouched::OtherName)),
            (
                shown(&own, |p| {
                    p.subject_alt_names = vec![SanType::DnsName("x.delinde.example".try_into().unwrap())];
                    named(p, "kopieer1.delinde.example", false);
                }),
                Err(NotVouched::OtherName),
            ),
            (CertificateDer::from(vec![1, 2, 3]), Err(NotVouched::Damaged)),
        ];
        for (number, (certificate, expected)) in cases.into_iter().enumerate() {
            assert_eq!(issuer.vouches(&[certificate], UnixTime::now()), expected, "case {number}");
        }
        assert_eq!(issuer.vouches(&[], UnixTime::now()), Err(NotVouched::OtherAuthority));
    }

    fn year(params: &mut CertificateParams, year: i32) {
        (params.not_before, params.not_after) = (date_time_ymd(year, 1, 1), date_time_ymd(year + 1, 1, 1));
    }

    fn named(params: &mut CertificateParams, name: &str, alone: bool) {
        params.distinguished_name.push(DnType::CommonName, name);
        if alone {
            params.subject_alt_names = Vec::new();
        }
    }

    #[test]
    fn a_file_that_is_no_authority_is_told() {
        let mut issuer = Issuer::new("/there/is/none.pem".into(), vec!["a.example".to_owned()]);
        assert!(issuer.load().is_err());
        assert!(Issuer::is_name("a.example") && Issuer::is_name("192.0.2.1") && !Issuer::is_name("twee woorden"));
    }
}
