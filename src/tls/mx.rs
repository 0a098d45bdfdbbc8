//! Who may be the MX of a domain: the certificate is verified inside the handshake, against what DNS or a policy
//! promised of it.
//!
//! DANE (RFC 6698, RFC 7671, RFC 7672 3): one usable TLSA record that matches is enough, which is how keys roll over.
//! DANE-EE looks at the certificate or its key and at nothing else: not at names, dates or chains. DANE-TA wants a chain
//! to the authority of the record, dates, and one of the reference names. MTA-STS and PKIX (RFC 8461 4.2) want a chain to
//! an authority that we trust, and a name; names stand in `subjectAltName`, never in the subject.
//!
//! Never accepts what it does not understand; a failure ends the handshake before anything of a message was said. TLS 1.2
//! and up; no session is ever resumed, so that nothing proven for one message counts for another.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerMisbehaved, RootCertStore};
use rustls::{SignatureScheme, version};

use super::layers::{self, Layers};
use super::posture::{Dane, Matching, MxHost, Proof, Selector, Tlsa, Usage};

/// What the certificate of an MX must be. With neither of both it is never accepted.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The server name in the handshake (SNI): the TLSA base domain (RFC 7672 8.1.1), else the MX (RFC 8461 4.2).
    pub sni: String,
    /// One of these records matches.
    pub dane: Option<Dane>,
    /// One of these authorities vouches for one of these names.
    pub authority: Option<(Arc<RootCertStore>, Vec<String>)>,
}

impl Expected {
    /// What a host must show for a message that travels under proven TLS; none when it does not qualify.
    pub fn of(host: &MxHost, roots: &Arc<RootCertStore>) -> Option<Self> {
        match &host.proof {
            Proof::Dane(dane) => Some(Self { sni: dane.base.clone(), dane: Some(dane.clone()), authority: None }),
            Proof::Sts { names, dane } | Proof::Pkix { names, dane } | Proof::Unproven { names, dane } => Some(Self {
                sni: host.name.clone(),
                dane: dane.clone(),
                authority: Some((Arc::clone(roots), names.clone())),
            }),
            Proof::None(_) => None,
        }
    }
}

/// What a certificate was accepted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certified {
    /// A DANE-EE record matches it.
    DaneEe,
    /// A DANE-TA record matches an authority above it.
    DaneTa,
    /// An authority that we trust vouches for its name.
    Authority,
}

/// Why a handshake with an MX failed; the words are those of RFC 8460 4.3 where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// No TLSA record matches.
    NoMatch,
    /// Out of date.
    Expired,
    /// For another name.
    WrongName,
    /// No authority that counts vouches for it.
    Untrusted,
    /// No TLS came about: versions, ciphers, a broken certificate, a line that was cut.
    Handshake,
}

impl Refused {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoMatch | Self::Handshake => "validation-failure",
            Self::Expired => "certificate-expired",
            Self::WrongName => "certificate-host-mismatch",
            Self::Untrusted => "certificate-not-trusted",
        }
    }

    /// What the error of a handshake means.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => Self::NoMatch,
            Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => Self::Expired,
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::WrongName,
            Error::InvalidCertificate(_) => Self::Untrusted,
            _ => Self::Handshake,
        }
    }
}

/// The TLS configuration of one connection, and what will tell for what its certificate was accepted.
///
/// # Errors
/// The provider cannot do TLS 1.2 and 1.3, which is a fault of the build.
pub fn mx_config(expected: Expected) -> Result<(Arc<ClientConfig>, Arc<MxVerifier>), Error> {
    let verifier = Arc::new(MxVerifier::new(expected));
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok((Arc::new(config), verifier))
}

/// Verifies the certificate of one MX on one connection.
#[derive(Debug)]
pub struct MxVerifier {
    expected: Expected,
    provider: Arc<CryptoProvider>,
    certified: OnceLock<Certified>,
    refused: OnceLock<Refused>,
    shown: OnceLock<Vec<CertificateDer<'static>>>,
}

impl MxVerifier {
    /// For one connection.
    pub fn new(expected: Expected) -> Self {
        Self {
            expected,
            provider: super::provider(),
            certified: OnceLock::new(),
            refused: OnceLock::new(),
            shown: OnceLock::new(),
        }
    }

    /// What the certificate was accepted for; none before it was.
    pub fn certified(&self) -> Option<Certified> {
        self.certified.get().copied()
    }

    /// Why the certificate was refused; none when it was not, or was never seen.
    pub fn refused(&self) -> Option<Refused> {
        self.refused.get().copied()
    }

    /// The chain that was shown, leaf first, accepted or not; empty when none was.
    pub fn shown(&self) -> &[CertificateDer<'static>] {
        self.shown.get().map_or(&[], Vec::as_slice)
    }

    /// What a chain would be accepted for, leaf first, outside of any handshake.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<Certified, Refused> {
        let (leaf, others) = chain.split_first().ok_or(Refused::Handshake)?;
        self.certify(leaf, others, UnixTime::now()).map_err(|error| Refused::of(&error))
    }

    fn certify(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Certified, Error> {
        let matched = self.expected.dane.as_ref().map(|dane| self.matched(dane, leaf, others, now)).transpose()?;
        let vouched = self
            .expected
            .authority
            .as_ref()
            .map(|(roots, names)| self.chain(leaf, others, roots, names, now).map(|()| Certified::Authority));
        vouched.transpose()?.or(matched).ok_or_else(no_match)
    }

    fn matched(
        &self,
        dane: &Dane,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Certified, Error> {
        if dane.records.iter().any(|record| record.usage == Usage::Server && speaks_of(record, leaf)) {
            return Ok(Certified::DaneEe);
        }
        let anchors = anchors(&dane.records, leaf, others);
        if anchors.is_empty() {
            return Err(no_match());
        }
        self.chain(leaf, others, &anchors, &dane.names, now).map(|()| Certified::DaneTa)
    }

    /// A chain to one of the authorities, dates, and one of the names.
    fn chain(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        roots: &RootCertStore,
        names: &[String],
        now: UnixTime,
    ) -> Result<(), Error> {
        let leaf = ParsedCertificate::try_from(leaf)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&leaf, roots, others, now, algorithms)?;
        let mut last = Error::InvalidCertificate(CertificateError::NotValidForName);
        for name in names {
            // An address is no name: only dNSName counts (RFC 8461 4.1).
            let Ok(name @ ServerName::DnsName(_)) = ServerName::try_from(name.as_str()) else { continue };
            match verify_server_name(&leaf, &name) {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The key of a certificate that DANE-EE has accepted as it is, whatever else the certificate says.
    fn bare_key<'c>(&self, leaf: &'c CertificateDer<'_>) -> Option<&'c [u8]> {
        (self.certified() == Some(Certified::DaneEe)).then(|| Layers::of(leaf).map(|layers| layers.key)).flatten()
    }
}

impl ServerCertVerifier for MxVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.shown.get_or_init(|| std::iter::once(leaf).chain(others).map(|one| one.clone().into_owned()).collect());
        match self.certify(leaf, others, now) {
            Ok(certified) => {
                self.certified.get_or_init(|| certified);
                Ok(ServerCertVerified::assertion())
            }
            Err(error) => {
                self.refused.get_or_init(|| Refused::of(&error));
                Err(error)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let Some(key) = self.bare_key(leaf) else {
            return verify_tls12_signature(message, leaf, signed, algorithms);
        };
        let bent = || Error::InvalidCertificate(CertificateError::BadEncoding);
        let (kind, bits) = layers::algorithm_and_bits(key).ok_or_else(bent)?;
        let known = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme).map(|(_, known)| *known);
        let known = known.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        let fits = known.iter().filter(|algorithm| algorithm.public_key_alg_id().as_ref() == kind);
        let valid = fits.map(|algorithm| algorithm.verify_signature(bits, message, signed.signature()));
        if valid.into_iter().any(|valid| valid.is_ok()) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::BadSignature))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match self.bare_key(leaf) {
            None => verify_tls13_signature(message, leaf, signed, algorithms),
            Some(key) => {
                let key = SubjectPublicKeyInfoDer::from(key);
                verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a record speaks of this certificate (RFC 6698 2.1).
fn speaks_of(record: &Tlsa, certificate: &CertificateDer<'_>) -> bool {
    let selected = match record.selector {
        Selector::Certificate => Some(certificate.as_ref()),
        Selector::Key => Layers::of(certificate).map(|layers| layers.key),
    };
    selected.is_some_and(|selected| match record.matching {
        Matching::Exact => selected == record.data,
        Matching::Sha256 => digest(&SHA256, selected).as_ref() == record.data,
        Matching::Sha512 => digest(&SHA512, selected).as_ref() == record.data,
    })
}

fn no_match() -> Error {
    Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}

/// The authorities that the DANE-TA records speak of. The leaf is none: it is what they vouch for.
fn anchors(records: &[Tlsa], leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> RootCertStore {
    let mut anchors = RootCertStore::empty();
    for record in records.iter().filter(|record| record.usage == Usage::Authority) {
        for authority in others.iter().filter(|other| speaks_of(record, other)) {
            // One that cannot vouch for anybody is passed over.
            let _ = anchors.add(authority.clone());
        }
        match (record.selector, record.matching) {
            // The record holds the authority itself, which the server need not send then (RFC 7671 5.2).
            (Selector::Certificate, Matching::Exact) => _ = anchors.add(CertificateDer::from(record.data.as_slice())),
            // A bare key has no name: it may be that of whoever is named as an issuer, and the signature tells.
            (Selector::Key, Matching::Exact) => {
                let Some(key) = layers::inside(&record.data) else { continue };
                let chain = std::iter::once(leaf).chain(others);
                for issuer in chain.filter_map(|certificate| Some(Layers::of(certificate)?.issuer)) {
                    anchors.roots.push(TrustAnchor {
                        subject: issuer.to_vec().into(),
                        subject_public_key_info: key.to_vec().into(),
                        name_constraints: None,
                    });
                }
            }
            _ => {}
        }
    }
    anchors
}

#[cfg(test)]
mod tests;
