//! The configuration as typed: one struct a table, every key named, unknown keys refused.
//!
//! deploy/mailpoort.toml documents each key and its default; a test holds the two together.

mod sms;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Date;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::decide::Mode;
use crate::reader::Sandbox;
use crate::school::Language;

pub(super) use sms::{Sms, SmsFormat, SmsHeader};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
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
    pub web: Option<Web>,
    #[serde(default)]
    pub tls: Tls,
    pub share: Option<Share>,
    pub sms: Option<Sms>,
    pub storage: Option<Storage>,
    pub journal_archive: Option<JournalArchive>,
    #[serde(default)]
    pub journal: Journal,
    #[serde(default)]
    pub flood: Flood,
    pub metrics: Option<Metrics>,
    #[serde(default)]
    pub log: Log,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct School {
    pub id: Spanned<String>,
    pub name: String,
    pub domains: Vec<Spanned<String>>,
    pub gate_address: Option<Spanned<String>>,
    pub mode: Option<Mode>,
    #[serde(default)]
    pub pilot: Vec<Pilot>,
    pub dpia: Option<Day>,
    pub participation_council: Option<Day>,
    pub staff_letter: Option<Day>,
    pub privacy: Option<Contact>,
    pub deputy: Option<Contact>,
    pub director: Option<Contact>,
    pub helpdesk: Option<Contact>,
    pub fg: Option<Contact>,
    #[serde(default)]
    pub channels: BTreeMap<String, String>,
    #[serde(default)]
    pub roster: Vec<PathBuf>,
    pub roster_inbox: Option<Spanned<PathBuf>>,
    pub secret_header: Option<Header>,
    pub dkim: Option<Dkim>,
    #[serde(default)]
    pub remember_devices: bool,
}

/// The key by which a school signs, and the place of its public half in DNS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dkim {
    pub selector: Spanned<String>,
    pub key_file: PathBuf,
    pub domain: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pilot {
    pub mode: Mode,
    pub senders: Spanned<Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contact {
    pub name: String,
    #[serde(default)]
    pub role: String,
    pub phone: Option<String>,
    pub mail: Option<Spanned<String>>,
    pub hours: Option<String>,
}

/// A header field whose value is a secret and stands in a file of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub name: Spanned<String>,
    pub value_file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Smtp {
    #[serde(default)]
    pub listen: Vec<Spanned<String>>,
    #[serde(default)]
    pub listen_tls: Vec<Spanned<String>>,
    #[serde(default)]
    pub client: Vec<Spanned<Client>>,
    pub tls: Option<Certificate>,
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
pub(super) struct Client {
    pub name: Spanned<String>,
    #[serde(default)]
    pub networks: Vec<Spanned<String>>,
    #[serde(default)]
    pub certificates: Vec<Spanned<String>>,
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
pub(super) struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    pub users: PathBuf,
}

/// The file that `smtp.auth.users` names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Users {
    #[serde(default)]
    pub user: Vec<Spanned<User>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NextHop {
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
pub(super) enum Demand {
    #[default]
    Verify,
    Require,
    Opportunistic,
    Off,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipients {
    #[serde(default)]
    pub domains: Vec<Spanned<String>>,
    #[serde(default)]
    pub addresses: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[serde(default = "yes")]
    pub shipped: bool,
    #[serde(default)]
    pub packs: Vec<PathBuf>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { shipped: true, packs: Vec::new() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    pub file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Texts {
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scan {
    #[serde(default = "default_parts")]
    pub max_parts: Spanned<usize>,
    #[serde(default = "default_depth")]
    pub max_depth: Spanned<usize>,
    #[serde(default = "default_deadline")]
    pub deadline: Spanned<Time>,
}

impl Default for Scan {
    fn default() -> Self {
        Self { max_parts: default_parts(), max_depth: default_depth(), deadline: default_deadline() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
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
pub(super) struct Outbox {
    #[serde(default = "default_retry_after")]
    pub retry_after: Spanned<Time>,
    #[serde(default = "default_retry_at_most")]
    pub retry_at_most: Spanned<Time>,
    #[serde(default = "default_give_up_after")]
    pub give_up_after: Spanned<Time>,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Documents {
    pub processes: Option<Spanned<usize>>,
    #[serde(default = "default_reader_memory")]
    pub memory: Spanned<Size>,
    #[serde(default = "default_document_time")]
    pub time_per_document: Spanned<Time>,
    #[serde(default = "default_documents_time")]
    pub time_per_message: Spanned<Time>,
    #[serde(default = "default_unpacked")]
    pub max_unpacked: Spanned<Size>,
    #[serde(default = "default_archive_depth")]
    pub archive_depth: Spanned<usize>,
    #[serde(default = "default_entries")]
    pub max_entries: Spanned<usize>,
    #[serde(default = "default_document_text")]
    pub text_per_document: Spanned<Size>,
    #[serde(default = "default_documents_text")]
    pub text_per_message: Spanned<Size>,
    pub remember_passwords: Option<Spanned<Time>>,
    #[serde(default)]
    pub sandbox: Sandbox,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            processes: None,
            memory: default_reader_memory(),
            time_per_document: default_document_time(),
            time_per_message: default_documents_time(),
            max_unpacked: default_unpacked(),
            archive_depth: default_archive_depth(),
            max_entries: default_entries(),
            text_per_document: default_document_text(),
            text_per_message: default_documents_text(),
            remember_passwords: None,
            sandbox: Sandbox::default(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ocr {
    #[serde(default)]
    pub enabled: bool,
    #[serde(default = "default_ocr_program")]
    pub program: Spanned<PathBuf>,
    #[serde(default = "default_languages")]
    pub languages: Spanned<Vec<Spanned<String>>>,
    pub processes: Option<Spanned<usize>>,
    #[serde(default = "default_ocr_memory")]
    pub memory: Spanned<Size>,
    #[serde(default = "default_pages")]
    pub pages: Spanned<usize>,
    #[serde(default = "default_pixels")]
    pub max_pixels: Spanned<usize>,
    #[serde(default = "default_picture_time")]
    pub time_per_picture: Spanned<Time>,
    #[serde(default = "default_pictures_time")]
    pub time_per_message: Spanned<Time>,
}

impl Default for Ocr {
    fn default() -> Self {
        Self {
            enabled: false,
            program: default_ocr_program(),
            languages: default_languages(),
            processes: None,
            memory: default_ocr_memory(),
            pages: default_pages(),
            max_pixels: default_pixels(),
            time_per_picture: default_picture_time(),
            time_per_message: default_pictures_time(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Web {
    pub listen: Spanned<String>,
    pub url: Spanned<String>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    #[serde(default)]
    pub behind_proxy: bool,
    #[serde(default = "default_web_connections")]
    pub max_connections: Spanned<usize>,
    #[serde(default = "default_web_timeout")]
    pub idle_timeout: Spanned<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
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
    #[serde(default)]
    pub accept_unproven: bool,
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
            accept_unproven: false,
            pkix: Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Share {
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
    #[serde(default = "default_share_tag")]
    pub subject_tag: Spanned<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ShareKeys {
    #[default]
    Strict,
    Recoverable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pkix {
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Storage {
    pub country: Spanned<String>,
    pub i_accept_outside_eu: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalArchive {
    pub client: Spanned<String>,
    pub addresses: Spanned<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub passed: Option<Spanned<Days>>,
    pub incidents: Option<Spanned<Days>>,
    pub overrides: Option<Spanned<Days>>,
    pub traces: Option<Spanned<Days>>,
    pub reason: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flood {
    pub messages_per_hour: Option<Spanned<usize>>,
    pub outside_recipients_per_hour: Option<Spanned<usize>>,
    #[serde(default)]
    pub exempt: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    pub listen: Spanned<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
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

/// Octets: a number, or text such as "50 MB" (10^6) or "64 MiB" (2^20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub usize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a size is a number of octets or a text such as \"50 MB\"")]
        enum Typed {
            Number(usize),
            Text(String),
        }
        match Typed::deserialize(deserializer)? {
            Typed::Number(octets) => Ok(Self(octets)),
            Typed::Text(text) => size(&text)
                .map(Self)
                .ok_or_else(|| D::Error::custom(format!("`{text}` is no size; write for example \"50 MB\""))),
        }
    }
}

fn size(text: &str) -> Option<usize> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A duration: "500ms", "30s", "5m", "1h".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time(pub Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)
            .map_err(|_| D::Error::custom("a duration is a text such as \"30s\" or \"5m\""))?;
        time(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no duration; write for example \"30s\" or \"5m\"")))
    }
}

pub(super) fn time(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let number = u64::try_from(number).ok()?;
    // A year is longer than any wait here has sense, and short enough for every clock.
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number.min(1000 * 31_536_000))),
        "s" => number,
        "m" => number.checked_mul(60)?,
        "h" => number.checked_mul(3600)?,
        _ => return None,
    };
    Some(Duration::from_secs(seconds.min(31_536_000)))
}

/// Days: "30d".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days(pub u32);

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |text: &str| D::Error::custom(format!("`{text}` is no number of days; write for example \"30d\""));
        let text = String::deserialize(deserializer)
            .map_err(|_| D::Error::custom("a number of days is a text such as \"30d\""))?;
        match number_and_unit(&text) {
            Some((number, "d")) => u32::try_from(number).map(Self).map_err(|_| wrong(&text)),
            _ => Err(wrong(&text)),
        }
    }
}

/// A day: "2026-08-01", with quotes or as a date of TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DayVisitor)
    }
}

struct DayVisitor;

impl<'de> Visitor<'de> for DayVisitor {
    type Value = Day;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a day such as \"2026-08-01\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Day, E> {
        text.parse().map(Day).map_err(|_| E::custom(format!("`{text}` is no day; write for example \"2026-08-01\"")))
    }

    /// TOML's own dates come as a table with one key.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Day, A::Error> {
        match map.next_entry::<String, String>()? {
            Some((_, text)) => self.visit_str(&text),
            None => Err(A::Error::custom("a day is a text such as \"2026-08-01\"")),
        }
    }
}

fn number_and_unit(text: &str) -> Option<(usize, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

fn yes() -> bool {
    true
}

/// A default: it has no place in the file.
fn default<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn seconds(number: u64) -> Spanned<Time> {
    default(Time(Duration::from_secs(number)))
}

fn default_time_zone() -> Spanned<String> {
    Spanned::new(0..0, "Europe/Amsterdam".into())
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

fn default_share_days() -> Spanned<u32> {
    Spanned::new(0..0, 30)
}

fn default_share_unopened_days() -> Spanned<u32> {
    Spanned::new(0..0, 14)
}

fn default_share_password_hours() -> Spanned<u32> {
    Spanned::new(0..0, 24)
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

fn default_parts() -> Spanned<usize> {
    default(1000)
}

fn default_depth() -> Spanned<usize> {
    default(100)
}

fn default_deadline() -> Spanned<Time> {
    seconds(20)
}

fn default_reader_memory() -> Spanned<Size> {
    default(Size(256 << 20))
}

fn default_document_time() -> Spanned<Time> {
    seconds(10)
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

fn default_documents_time() -> Spanned<Time> {
    seconds(15)
}

fn default_unpacked() -> Spanned<Size> {
    default(Size(200_000_000))
}

fn default_archive_depth() -> Spanned<usize> {
    default(6)
}

fn default_entries() -> Spanned<usize> {
    default(2000)
}

fn default_document_text() -> Spanned<Size> {
    default(Size(20_000_000))
}

fn default_documents_text() -> Spanned<Size> {
    default(Size(100_000_000))
}

fn default_ocr_program() -> Spanned<PathBuf> {
    default("tesseract".into())
}

fn default_languages() -> Spanned<Vec<Spanned<String>>> {
    default(["nld", "eng"].map(|language| default(language.into())).to_vec())
}

fn default_ocr_memory() -> Spanned<Size> {
    default(Size(640 << 20))
}

fn default_pages() -> Spanned<usize> {
    default(10)
}

fn default_pixels() -> Spanned<usize> {
    default(40_000_000)
}

fn default_picture_time() -> Spanned<Time> {
    seconds(20)
}

fn default_pictures_time() -> Spanned<Time> {
    seconds(40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        for (text, expected) in [
            ("50 MB", Some(50_000_000)),
            ("64MiB", Some(64 << 20)),
            ("7", Some(7)),
            ("MB", None),
            ("5 XB", None),
            ("99999999999999999999 GB", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
        for (text, expected) in
            [("500ms", Some(500)), ("30s", Some(30_000)), ("5m", Some(300_000)), ("5", None), ("-1s", None)]
        {
            assert_eq!(time(text).map(|t| t.as_millis()), expected, "{text}");
        }
    }
}
