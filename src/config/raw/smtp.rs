//! Tables of who may hand us mail, and how much.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::units::{Size, Time, default, seconds, yes};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Smtp {
    #[serde(default)]
    pub listen: Vec<Spanned<String>>,
    #[serde(default)]
    pub listen_tls: Vec<Spanned<String>>,
    #[serde(default)]
    pub client: Vec<Spanned<Client>>,
    pub tls: Option<OwnCertificate>,
    pub auth: Option<Auth>,
    #[serde(default = "default_message_size")]
    pub max_message_size: Spanned<Size>,
    #[serde(default = "default_memory")]
    pub memory: Spanned<Size>,
    #[serde(default = "default_recipients")]
    pub max_recipients: Spanned<usize>,
    #[serde(default = "default_connections")]
    pub max_connections: Spanned<usize>,
    #[serde(default = "default_stranger_connections")]
    pub max_connections_per_stranger: usize,
    #[serde(default = "default_command_timeout")]
    pub command_timeout: Spanned<Time>,
    #[serde(default = "default_min_rate")]
    pub min_rate: Spanned<Size>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Client {
    pub name: Spanned<String>,
    #[serde(default)]
    pub networks: Vec<Spanned<String>>,
    #[serde(default)]
    pub certificates: Vec<Spanned<String>>,
    pub ca: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub names: Vec<Spanned<String>>,
    #[serde(default)]
    pub shared: bool,
    #[serde(default)]
    pub own_senders_only: bool,
    #[serde(default)]
    pub program: bool,
    pub school: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OwnCertificate {
    pub certificate: Spanned<PathBuf>,
    pub key: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Auth {
    pub users: Option<PathBuf>,
    pub pass_to: Option<Spanned<String>>,
}

/// The file that `smtp.auth.users` names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Users {
    #[serde(default)]
    pub user: Vec<Spanned<User>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct User {
    pub name: Spanned<String>,
    pub password: String,
    pub senders: Vec<Spanned<String>>,
    #[serde(default = "yes")]
    pub program: bool,
    pub school: Option<String>,
}

/// The hash is no password, but nobody's business either.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({})", self.name.get_ref())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Flood {
    pub messages_per_hour: Option<Spanned<usize>>,
    pub outside_recipients_per_hour: Option<Spanned<usize>>,
    #[serde(default)]
    pub exempt: Vec<Spanned<String>>,
}

fn default_message_size() -> Spanned<Size> {
    default(Size(50_000_000))
}

fn default_memory() -> Spanned<Size> {
    default(Size(512_000_000))
}

fn default_recipients() -> Spanned<usize> {
    default(1000)
}

fn default_connections() -> Spanned<usize> {
    default(2000)
}

fn default_stranger_connections() -> usize {
    10
}

fn default_command_timeout() -> Spanned<Time> {
    seconds(300)
}

fn default_min_rate() -> Spanned<Size> {
    default(Size(1000))
}

/// A program that sends mail, and who answers for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Program {
    pub address: Spanned<String>,
    pub owner: Spanned<String>,
    pub link_only: Option<Spanned<String>>,
}
