//! What our own listeners show in a handshake, and the client certificates that are asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme, WantsVerifier};

use super::Shown;
use crate::problem::Problem;

/// TLS of our SMTP listener. A clone is another handle on the same.
#[derive(Debug, Clone)]
pub struct Serving {
    config: Arc<ServerConfig>,
    shown: Shown,
}

impl Serving {
    /// TLS with this certificate.
    ///
    /// A client certificate is asked for, never demanded, and proves the holder only: who that is, is decided by the
    /// pins in the configuration ([`pins`]), or by an authority of the school's own ([`Issuer`](super::Issuer)), once it
    /// is known whom the session is with.
    ///
    /// # Errors
    /// A [`Problem`] when TLS cannot be set up, which is a fault of the build.
    pub fn new(shown: Shown) -> Result<Self, Problem> {
        let verifier = Arc::new(AnyHolder { provider: super::provider() });
        let config = versions()?.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(shown.clone()));
        Ok(Self { config: Arc::new(config), shown })
    }

    /// What a handshake takes; none while there is no certificate to show.
    pub fn config(&self) -> Option<Arc<ServerConfig>> {
        self.shown.is_there().then(|| Arc::clone(&self.config))
    }
}

/// TLS of our pages: nobody is asked for a certificate. Answers challenges besides (RFC 8737).
///
/// # Errors
/// A [`Problem`] when TLS cannot be set up, which is a fault of the build.
pub fn web_config(shown: Shown, challenges: Challenges) -> Result<ServerConfig, Problem> {
    let mut config = versions()?.with_no_client_auth().with_cert_resolver(Arc::new(Pages { shown, challenges }));
    config.alpn_protocols = vec![b"http/1.1".to_vec(), ACME_TLS.to_vec()];
    Ok(config)
}

fn versions() -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, Problem> {
    ServerConfig::builder_with_provider(super::provider()).with_safe_default_protocol_versions().map_err(|error| {
        Problem::new("rustls", format!("TLS cannot be set up: {error}"), "report this to the makers of mailpoort")
    })
}

/// The protocol in whose name an authority looks for an answer (RFC 8737 3). Nothing else is ever said in it.
pub const ACME_TLS: &[u8] = b"acme-tls/1";

/// Answers that an authority looks for in a handshake with our pages (tls-alpn-01, RFC 8737), by the name it asks for. A
/// clone is another handle on the same.
#[derive(Debug, Clone, Default)]
pub struct Challenges(Arc<Mutex<HashMap<String, Arc<CertifiedKey>>>>);

impl Challenges {
    /// Answers for a name with this certificate from now on.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn answer(
        &self,
        name: &str,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), rustls::Error> {
        let key = super::provider().key_provider.load_private_key(key)?;
        // Whether both belong together rustls would find out by an extension that it does not know.
        let key = CertifiedKey::new(vec![certificate], key);
        self.all().insert(name.to_ascii_lowercase(), Arc::new(key));
        Ok(())
    }

    /// Answers for no name any more.
    pub fn forget(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<CertifiedKey>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the pages show: their certificate, or the answer to a challenge.
#[derive(Debug)]
struct Pages {
    shown: Shown,
    challenges: Challenges,
}

impl ResolvesServerCert for Pages {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_TLS)) {
            return self.challenges.all().get(&hello.server_name()?.to_ascii_lowercase()).cloned();
        }
        ResolvesServerCert::resolve(&self.shown, hello)
    }
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
