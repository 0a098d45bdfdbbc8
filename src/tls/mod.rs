//! TLS: what our listener shows, and how we verify whom we send to.
//!
//! rustls with aws-lc-rs, TLS 1.2 and 1.3 only (NCSC-NL 2025). Every configuration names its provider, so that no
//! dependency can change it. Loading fails with a [`Problem`] that names the file.

mod certificate;
pub mod https;
mod issuer;
mod layers;
mod listener;
mod mx;
mod next_hop;
pub mod posture;
mod shown;

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub use certificate::{Chain, Claims, STEPS, days_left};
pub use issuer::{Issuer, NotVouched};
pub use listener::{ACME_TLS, Challenges, Serving, pins, web_config};
pub use mx::{Certified, Expected, MxVerifier, Refused, mx_config};
pub use next_hop::{Trust, authorities, client_config};
use shown::stamp;
pub use shown::{Files, Shown, Stamp};

use crate::problem::Problem;

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The certificates of a PEM file, leaf first.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let read = CertificateDer::pem_file_iter(file).and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(Problem::new(
            file,
            "there is no certificate in this file",
            "give a PEM file with the certificate chain, leaf first",
        )),
        Err(error) => {
            Err(Problem::new(file, format!("the certificate cannot be read: {error}"), "give a readable PEM file"))
        }
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Problem> {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0) {
        return Err(Problem::new(
            file,
            "everybody on this machine can read the private key",
            "run: chmod o-rwx on this file",
        ));
    }
    PrivateKeyDer::from_pem_file(file).map_err(|error| {
        Problem::new(file, format!("the private key cannot be read: {error}"), "give a readable PEM file with the key")
    })
}
