//! The configuration as typed: one struct a table, every key named, unknown keys refused.
//!
//! deploy/mailpoort.toml documents each key and its default; a test holds the two together.

mod acme;
mod keeping;
mod road;
mod scan;
mod school;
mod sms;
mod smtp;
mod units;
mod web;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use crate::decide::Mode;
use crate::school::Language;

pub(super) use acme::{Acme, AcmeChallenge};
pub use keeping::NoticeFormat;
pub(super) use keeping::{Calendar, Hold, Journal, JournalArchive, Notice, Outbox, Storage, StorageKind};
pub(super) use road::{Demand, NextHop, Pkix, Tls};
pub use road::{TlsUnmet, TlsUnproven};
pub(super) use scan::{Documents, Ocr, Scan};
pub(super) use school::{Contact, Dkim, Header, Pilot, Policy, Recipients, Rules, School, Texts};
pub(super) use sms::{Sms, SmsFormat, SmsHeader};
pub(super) use smtp::{Auth, Client, Flood, Program, Smtp, User, Users};
pub(super) use units::{Day, Days, Time, time};
pub(super) use web::{Log, Metrics, Share, ShareKeys, Web};
pub use web::{LogFormat, LogLevel};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Raw {
    pub hostname: Spanned<String>,
    #[serde(default)]
    pub language: Language,
    #[serde(default = "default_time_zone")]
    pub time_zone: Spanned<String>,
    #[serde(default)]
    pub mode: Mode,
    pub data_dir: Option<PathBuf>,
    #[serde(default)]
    pub school: Vec<Spanned<School>>,
    pub smtp: Smtp,
    #[serde(default)]
    pub next_hop: Vec<Spanned<NextHop>>,
    #[serde(default)]
    pub recipients: BTreeMap<Spanned<String>, Recipients>,
    #[serde(default)]
    pub rules: Rules,
    #[serde(default)]
    pub policy: Policy,
    #[serde(default)]
    pub texts: Texts,
    #[serde(default)]
    pub scan: Scan,
    #[serde(default)]
    pub documents: Documents,
    #[serde(default)]
    pub ocr: Ocr,
    #[serde(default)]
    pub hold: Hold,
    #[serde(default)]
    pub outbox: Outbox,
    #[serde(default)]
    pub notice: Notice,
    pub web: Option<Web>,
    pub acme: Option<Acme>,
    #[serde(default)]
    pub tls: Tls,
    pub share: Option<Share>,
    pub sms: Option<Sms>,
    pub storage: Option<Storage>,
    #[serde(default)]
    pub calendar: Calendar,
    pub journal_archive: Option<JournalArchive>,
    #[serde(default)]
    pub program: Vec<Program>,
    #[serde(default)]
    pub journal: Journal,
    #[serde(default)]
    pub flood: Flood,
    pub metrics: Option<Metrics>,
    #[serde(default)]
    pub log: Log,
}

fn default_time_zone() -> Spanned<String> {
    Spanned::new(0..0, "Europe/Amsterdam".into())
}
