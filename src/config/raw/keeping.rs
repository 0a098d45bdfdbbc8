//! Tables of what is kept, owed and written down.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::units::{Days, Time, default};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Hold {
    #[serde(default = "default_keep_days")]
    pub keep_days: Spanned<u32>,
}

impl Default for Hold {
    fn default() -> Self {
        Self { keep_days: default_keep_days() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Outbox {
    #[serde(default = "default_retry_after")]
    pub retry_after: Spanned<Time>,
    #[serde(default = "default_retry_at_most")]
    pub retry_at_most: Spanned<Time>,
    #[serde(default = "default_give_up_after")]
    pub give_up_after: Spanned<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Notice {
    #[serde(default)]
    pub format: NoticeFormat,
    #[serde(default = "default_weekly")]
    pub weekly: bool,
}

impl Default for Notice {
    fn default() -> Self {
        Self { format: NoticeFormat::default(), weekly: default_weekly() }
    }
}

fn default_weekly() -> bool {
    true
}

/// The form of the mail that tells a sender of a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeFormat {
    /// An ordinary mail, for people.
    #[default]
    Letter,
    /// A delivery status notification (RFC 3464), for programs too.
    Dsn,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            retry_after: default_retry_after(),
            retry_at_most: default_retry_at_most(),
            give_up_after: default_give_up_after(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Calendar {
    #[serde(default)]
    pub closed: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Storage {
    pub country: Spanned<String>,
    pub i_accept_outside_eu: Option<Spanned<String>>,
    #[serde(default = "default_kind")]
    pub kind: Spanned<StorageKind>,
    pub endpoint: Option<Spanned<String>>,
    pub bucket: Option<Spanned<String>>,
    pub region: Option<Spanned<String>>,
    pub prefix: Option<Spanned<String>>,
    pub access_key_id: Option<Spanned<String>>,
    pub secret_access_key_file: Option<Spanned<PathBuf>>,
    #[serde(default = "default_path_style")]
    pub path_style: bool,
    #[serde(default)]
    pub server_side_encryption: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum StorageKind {
    #[default]
    Disk,
    S3,
}

fn default_kind() -> Spanned<StorageKind> {
    default(StorageKind::Disk)
}

fn default_path_style() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct JournalArchive {
    pub client: Spanned<String>,
    pub addresses: Spanned<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Journal {
    pub passed: Option<Spanned<Days>>,
    pub incidents: Option<Spanned<Days>>,
    pub overrides: Option<Spanned<Days>>,
    pub traces: Option<Spanned<Days>>,
    pub reason: Option<Spanned<String>>,
}

fn default_keep_days() -> Spanned<u32> {
    default(14)
}

fn default_retry_after() -> Spanned<Time> {
    default(Time(Duration::from_secs(60)))
}

fn default_retry_at_most() -> Spanned<Time> {
    default(Time(Duration::from_secs(3600)))
}

fn default_give_up_after() -> Spanned<Time> {
    default(Time(Duration::from_secs(48 * 3600)))
}
