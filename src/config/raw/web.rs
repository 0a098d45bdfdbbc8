//! Tables of the pages, of secure shares, and of who watches us.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::units::{Time, default};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Web {
    pub listen: Spanned<String>,
    pub url: Spanned<String>,
    pub certificate: Option<Spanned<PathBuf>>,
    pub key: Option<PathBuf>,
    #[serde(default)]
    pub proxies: Vec<Spanned<String>>,
    #[serde(default = "default_web_connections")]
    pub max_connections: Spanned<usize>,
    #[serde(default = "default_web_timeout")]
    pub idle_timeout: Spanned<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Share {
    pub url: Spanned<String>,
    #[serde(default = "default_share_days")]
    pub keep_days: Spanned<u32>,
    #[serde(default = "default_share_unopened_days")]
    pub unopened_days: Spanned<u32>,
    #[serde(default = "default_share_password_hours")]
    pub password_hours: Spanned<u32>,
    #[serde(default)]
    pub keys: ShareKeys,
    pub escrow_recipient: Option<Spanned<String>>,
    #[serde(default)]
    pub code_channels: Vec<Spanned<String>>,
    #[serde(default = "default_true")]
    pub passkeys: bool,
    #[serde(default = "default_true")]
    pub share_answers: bool,
    #[serde(default = "default_share_tag")]
    pub subject_tag: Spanned<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ShareKeys {
    #[default]
    Strict,
    Recoverable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Metrics {
    pub listen: Spanned<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Log {
    #[serde(default)]
    pub format: LogFormat,
    #[serde(default)]
    pub level: LogLevel,
    pub journal: Option<PathBuf>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The least grave lines that are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Trouble that a person must mend.
    Error,
    /// Trouble that may pass by itself.
    Warn,
    /// What happened.
    #[default]
    Info,
    /// How it happened.
    Debug,
}

fn default_share_days() -> Spanned<u32> {
    Spanned::new(0..0, 30)
}

fn default_share_unopened_days() -> Spanned<u32> {
    Spanned::new(0..0, 14)
}

fn default_share_password_hours() -> Spanned<u32> {
    Spanned::new(0..0, 24)
}

fn default_true() -> bool {
    true
}

fn default_share_tag() -> Spanned<String> {
    Spanned::new(0..0, "[veilig]".to_string())
}

fn default_web_connections() -> Spanned<usize> {
    default(256)
}

fn default_web_timeout() -> Spanned<Time> {
    default(Time(Duration::from_secs(60)))
}
