//! How we verify the next hop's certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::Shown;
use crate::problem::Problem;

/// Whom to trust.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'f> {
    /// The authorities of the operating system.
    System,
    /// Those of a PEM file, and no others.
    File(&'f Path),
    /// Anybody: encryption without proof, for `tls = "require"` and `"opportunistic"`. Protects against listeners,
    /// not against an attacker in the path.
    Unverified,
}

/// A TLS configuration towards a next hop, with our own certificate when one is given.
///
/// # Errors
/// A [`Problem`] that names the file which does not fit.
pub fn client_config(trust: Trust<'_>, own: Option<Shown>) -> Result<ClientConfig, Problem> {
    let provider = super::provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Problem::new("rustls", format!("TLS cannot be set up: {error}"), "report this to the makers of mailpoort")
        })?;
    let builder = match trust {
        Trust::System => builder.with_root_certificates(system_roots()?),
        Trust::File(file) => builder.with_root_certificates(roots(file)?),
        Trust::Unverified => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody { provider })),
    };
    Ok(match own {
        None => builder.with_no_client_auth(),
        Some(shown) => builder.with_client_cert_resolver(Arc::new(shown)),
    })
}

/// The authorities that count towards servers of other domains: the system's, and those of a file besides.
///
/// # Errors
/// A [`Problem`] that names the file which does not fit.
pub fn authorities(besides: Option<&Path>) -> Result<Arc<RootCertStore>, Problem> {
    let mut all = match besides {
        Some(file) => roots(file)?,
        None => RootCertStore::empty(),
    };
    // A machine without authorities of its own can still trust those of the file.
    match (system_roots(), besides) {
        (Ok(system), _) => all.extend(system.roots),
        (Err(_), Some(_)) => {}
        (Err(problem), None) => return Err(problem),
    }
    Ok(Arc::new(all))
}

pub(super) fn system_roots() -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(Problem::new(
            "/etc/ssl/certs",
            "the system has no certificate authorities, so no next hop can be verified",
            "install the package ca-certificates, or give `ca` for this next hop",
        ));
    }
    Ok(roots)
}

pub(super) fn roots(file: &Path) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    for certificate in super::certificates(file)? {
        roots.add(certificate).map_err(|error| {
            Problem::new(
                file,
                format!("an authority's certificate is not usable: {error}"),
                "give a PEM file with CA certificates",
            )
        })?;
    }
    Ok(roots)
}

/// Accepts any certificate whose holder proves to have its key.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
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
