//! Tables of the ways out: next hops, and proven TLS.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::school::Header;
use super::smtp::Certificate;
use super::units::{Time, default, seconds};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct NextHop {
    pub name: Spanned<String>,
    #[serde(default)]
    pub sender_domains: Vec<Spanned<String>>,
    pub hosts: Vec<Spanned<String>>,
    #[serde(default)]
    pub tls: Demand,
    #[serde(default)]
    pub implicit_tls: bool,
    pub ca: Option<PathBuf>,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    pub client: Option<Certificate>,
    pub mark: Option<Header>,
    #[serde(default = "default_hop_connections")]
    pub max_connections: Spanned<usize>,
    #[serde(default = "default_keep_idle")]
    pub keep_idle: Time,
    #[serde(default = "default_connect_timeout")]
    pub connect_timeout: Spanned<Time>,
    #[serde(default = "default_reply_timeout")]
    pub reply_timeout: Spanned<Time>,
    #[serde(default = "default_final_reply_timeout")]
    pub final_reply_timeout: Spanned<Time>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Demand {
    #[default]
    Verify,
    Require,
    Opportunistic,
    Off,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Tls {
    #[serde(default = "default_tls_route")]
    pub route: Spanned<String>,
    #[serde(default)]
    pub unproven: TlsUnproven,
    #[serde(default = "default_tls_port")]
    pub port: u16,
    #[serde(default = "default_tls_retry")]
    pub retry: Spanned<Time>,
    #[serde(default)]
    pub requiretls: TlsUnmet,
    pub ehlo: Option<Spanned<String>>,
    pub resolver: Option<Spanned<Vec<Spanned<String>>>>,
    pub trust_anchor: Option<PathBuf>,
    pub trust_ad: Option<Spanned<bool>>,
    pub ca: Option<PathBuf>,
    pub country_file: Option<PathBuf>,
    #[serde(default)]
    pub accept_unproven: bool,
    pub report_from: Option<Spanned<String>>,
    pub report_organisation: Option<String>,
    #[serde(default)]
    pub pkix: Vec<Pkix>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            route: default_tls_route(),
            unproven: TlsUnproven::default(),
            port: default_tls_port(),
            retry: default_tls_retry(),
            requiretls: TlsUnmet::default(),
            ehlo: None,
            resolver: None,
            trust_anchor: None,
            trust_ad: None,
            ca: None,
            country_file: None,
            accept_unproven: false,
            report_from: None,
            report_organisation: None,
            pkix: Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Pkix {
    pub domains: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub mx: Vec<Spanned<String>>,
}

/// What becomes of mail under force for which nothing can be proven, where no share is made of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsUnproven {
    /// It is kept, and its sender chooses.
    #[default]
    Hold,
    /// Its sender is told that it did not arrive.
    Bounce,
}

/// What becomes of a message whose sender asks for REQUIRETLS when a server does not offer it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsUnmet {
    /// A share.
    #[default]
    Share,
    /// A bounce, as RFC 8689 has it.
    Bounce,
}

fn default_hop_connections() -> Spanned<usize> {
    default(20)
}

fn default_keep_idle() -> Time {
    Time(Duration::from_secs(15))
}

fn default_connect_timeout() -> Spanned<Time> {
    seconds(10)
}

fn default_reply_timeout() -> Spanned<Time> {
    seconds(60)
}

fn default_final_reply_timeout() -> Spanned<Time> {
    seconds(480)
}

fn default_tls_route() -> Spanned<String> {
    Spanned::new(0..0, "share".to_owned())
}

/// RFC 5321 4.5.4.2.
fn default_tls_port() -> u16 {
    25
}

fn default_tls_retry() -> Spanned<Time> {
    default(Time(Duration::from_secs(4 * 3600)))
}
