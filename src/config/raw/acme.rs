//! The table of the certificate authority that we ask for our own certificate.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::units::default;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Acme {
    pub accept_terms: Spanned<bool>,
    pub contact: Spanned<String>,
    #[serde(default = "default_directory")]
    pub directory: Spanned<String>,
    #[serde(default)]
    pub names: Vec<Spanned<String>>,
    #[serde(default = "default_challenge")]
    pub challenge: Spanned<AcmeChallenge>,
    #[serde(default = "default_listen")]
    pub listen: Spanned<String>,
    pub ca: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(in crate::config) enum AcmeChallenge {
    #[serde(rename = "http-01")]
    Http01,
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

fn default_directory() -> Spanned<String> {
    default("https://acme-v02.api.letsencrypt.org/directory".to_owned())
}

fn default_challenge() -> Spanned<AcmeChallenge> {
    default(AcmeChallenge::Http01)
}

fn default_listen() -> Spanned<String> {
    default("0.0.0.0:80".to_owned())
}
