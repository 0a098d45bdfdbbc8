//! The certificate that our own listener shows, and the client certificates it asks for.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use crate::problem::Problem;

/// The TLS configuration of our listener.
///
/// A client certificate is asked for, never demanded, and proves the holder only: who that is, is decided by the
/// pins in the configuration ([`pins`]), not by any authority.
///
/// # Errors
/// A [`Problem`] that names the file which does not fit.
pub fn server_config(certificate: &Path, key: &Path) -> Result<ServerConfig, Problem> {
    let provider = super::provider();
    let verifier = Arc::new(AnyHolder { provider: Arc::clone(&provider) });
    let chain = super::certificates(certificate)?;
    let private_key = super::private_key(key)?;
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Problem::new(
                certificate,
                format!("TLS cannot be set up: {error}"),
                "report this to the makers of mailpoort",
            )
        })?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private_key)
        .map_err(|error| {
            Problem::new(
                key,
                format!("certificate and key do not fit together: {error}"),
                "give the key that belongs to the certificate",
            )
        })
}

/// The TLS configuration of our pages: nobody is asked for a certificate.
///
/// # Errors
/// A [`Problem`] that names the file which does not fit.
pub fn web_config(certificate: &Path, key: &Path) -> Result<ServerConfig, Problem> {
    let (chain, private_key) = (super::certificates(certificate)?, super::private_key(key)?);
    let unfit = |error: rustls::Error| {
        Problem::new(
            key,
            format!("certificate and key do not fit together: {error}"),
            "give the key that belongs to the certificate",
        )
    };
    ServerConfig::builder_with_provider(super::provider())
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, private_key)
        .map_err(unfit)
}

/// By what a client certificate may be listed: the SHA-256 of the certificate in lower-case hex, and behind `key:` that of
/// its public key (SubjectPublicKeyInfo), which stays the same when the certificate is renewed with the same key.
pub fn pins(certificate: &CertificateDer<'_>) -> Vec<String> {
    let sha256 = |octets: &[u8]| -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
        digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
    };
    let parsed = ParsedCertificate::try_from(certificate).ok();
    let key = parsed.map(|certificate| format!("key:{}", sha256(&certificate.subject_public_key_info())));
    std::iter::once(sha256(certificate)).chain(key).collect()
}

/// Takes any client certificate whose holder proves to have its key.
#[derive(Debug)]
struct AnyHolder {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyHolder {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{CertificateParams, KeyPair, PublicKeyData};

    use super::*;

    #[test]
    fn a_renewed_certificate_keeps_the_pin_of_its_key() {
        let key = KeyPair::generate().unwrap();
        let certificate = |name: &str| {
            let params = CertificateParams::new(vec![name.to_string()]).unwrap();
            pins(params.self_signed(&key).unwrap().der())
        };
        let (old, new) = (certificate("oud.example"), certificate("nieuw.example"));
        assert!(old[0] != new[0] && old[1] == new[1] && old[0].len() == 64);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.subject_public_key_info());
        let hex: String = digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(old[1], format!("key:{hex}"));
        assert_eq!(pins(&CertificateDer::from(vec![1, 2, 3])).len(), 1);
    }
}
