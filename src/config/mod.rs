//! The configuration: TOML as typed -> values that cannot be wrong.
//!
//! Every problem is found in one go and names file, line and remedy; nothing is half right afterwards. Relative
//! paths are relative to the configuration file. Secrets stand in files of their own and never in a problem.

mod check;
mod raw;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
pub use raw::{LogFormat, LogLevel, NoticeFormat, TlsUnmet, TlsUnproven};

use crate::acme;
use crate::decide::{Mode, Modes};
use crate::message::Mailbox;
use crate::outbox::Retry;
use crate::problem::Problem;
use crate::reader;
use crate::record::Lifetimes;
use crate::school::{Calendar, Language, Program, School};
use crate::secret::Secret;
use crate::share;
use crate::smtp::access::{ListedClient, User};
use crate::smtp::client::Demand;
use crate::smtp::settings::SessionLimits;
use crate::tls::{Files, posture};
use crate::tlsrpt;
use crate::web;

/// The whole configuration.
#[derive(Debug)]
pub struct Config {
    /// Our name in SMTP.
    pub hostname: String,
    /// The language of notices.
    pub language: Language,
    /// The schools' time zone, for notices.
    pub time_zone: TimeZone,
    /// When there is school.
    pub calendar: Calendar,
    /// The ceiling over all policy lines.
    pub mode: Mode,
    /// Where what is kept lies, sealed; none keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// The schools, at least one.
    pub schools: Vec<SchoolConfig>,
    /// The listener.
    pub smtp: SmtpConfig,
    /// The next hops, at least one.
    pub next_hops: Vec<NextHopConfig>,
    /// Recipient classes by name: domains and addresses, folded.
    pub recipients: BTreeMap<String, (Vec<String>, Vec<String>)>,
    /// Whether the shipped rule packs are used.
    pub shipped_rules: bool,
    /// Rule packs of the school's own.
    pub packs: Vec<PathBuf>,
    /// The policy file; none means the shipped one.
    pub policy: Option<PathBuf>,
    /// The folder with changed notice texts.
    pub texts: Option<PathBuf>,
    /// Most parts of a message.
    pub max_parts: usize,
    /// Most levels of a message.
    pub max_depth: usize,
    /// Time for judging one message.
    pub scan_deadline: Duration,
    /// Reading documents.
    pub documents: DocumentsConfig,
    /// Recognising text in pictures; none leaves them unread.
    pub ocr: Option<OcrConfig>,
    /// How long stopped mail is kept; zero keeps none.
    pub keep: Duration,
    /// How mail that we owe is tried again.
    pub retry: Retry,
    /// The form of the mail that tells a sender of a failure.
    pub notice: NoticeFormat,
    /// Whether senders get a list of the week in which something of theirs was stopped or shared.
    pub weekly: bool,
    /// The pages for teachers; none has none.
    pub web: Option<web::Settings>,
    /// Whom we ask for a certificate; none has files of its own, or none.
    pub acme: Option<acme::Settings>,
    /// Proven TLS towards recipients.
    pub tls: TlsConfig,
    /// Secure shares; none makes none.
    pub share: Option<ShareConfig>,
    /// The provider of text messages; none sends no codes.
    pub sms: Option<share::sms::Settings>,
    /// Programs that send mail, by their folded MAIL FROM.
    pub programs: BTreeMap<String, Program>,
    /// Journal reports that pass unscanned.
    pub journal_archive: Option<JournalArchive>,
    /// How long lines of the journal live.
    pub lifetimes: Lifetimes,
    /// The brake on senders that send too much.
    pub flood: FloodConfig,
    /// Where health and metrics are told; none tells them nowhere.
    pub metrics: Option<SocketAddr>,
    /// Logging.
    pub log: LogConfig,
}

/// A school with what belongs to it alone.
#[derive(Debug)]
pub struct SchoolConfig {
    /// The school.
    pub school: School,
    /// How far its mail may go, below the ceiling.
    pub modes: Modes,
    /// What it has done before mail is looked at.
    pub duties: Duties,
    /// Roster files, or folders with them.
    pub roster: Vec<PathBuf>,
    /// The folder from which a new roster is taken.
    pub roster_inbox: Option<PathBuf>,
    /// The header that its own mail rule sets, for clients on shared networks: name and value.
    pub secret_header: Option<(String, Secret<String>)>,
    /// The key that signs for it: domain, selector and file.
    pub dkim: Option<(String, String, PathBuf)>,
}

/// What a school does before its mail is looked at, with the day on which it was done. `doctor` asks; mail never stops
/// for one.
#[derive(Debug, Default)]
pub struct Duties {
    /// The assessment of what this means for people (AVG art. 35).
    pub dpia: Option<Date>,
    /// The advice or consent of the participation council, P(G)MR (WMS art. 12).
    pub participation_council: Option<Date>,
    /// The letter that told the staff.
    pub staff_letter: Option<Date>,
}

/// The brake on senders that send too much.
#[derive(Debug, Clone)]
pub struct FloodConfig {
    /// Messages of one sender in an hour.
    pub messages: usize,
    /// Recipients outside the schools that one sender writes to in an hour.
    pub outside_recipients: usize,
    /// Senders without a brake: folded addresses, or `@domain`.
    pub exempt: Vec<String>,
}

/// The listener.
#[derive(Debug)]
pub struct SmtpConfig {
    /// Addresses for plain SMTP with STARTTLS.
    pub listen: Vec<SocketAddr>,
    /// Addresses for implicit TLS.
    pub listen_tls: Vec<SocketAddr>,
    /// Where its certificate lies.
    pub tls: Option<Files>,
    /// Clients by network or certificate.
    pub clients: Vec<ListedClient>,
    /// Users by name.
    pub users: BTreeMap<String, User>,
    /// The next hop at which people have accounts, by its name.
    pub accounts: Option<String>,
    /// Limits of a session.
    pub limits: SessionLimits,
    /// The memory budget, octets.
    pub memory: usize,
}

/// A next hop.
#[derive(Debug)]
pub struct NextHopConfig {
    /// Name in logs.
    pub name: String,
    /// Sender domains it serves; empty is all others.
    pub sender_domains: Vec<String>,
    /// Hosts and ports in order.
    pub hosts: Vec<(String, u16)>,
    /// Demand on TLS.
    pub demand: Demand,
    /// TLS from the first octet.
    pub implicit_tls: bool,
    /// Authorities instead of the system's.
    pub ca: Option<PathBuf>,
    /// Name and password.
    pub credentials: Option<(String, Secret<String>)>,
    /// Where our certificate towards it lies.
    pub certificate: Option<Files>,
    /// The header by which its own rules know mail that has passed us: name and value.
    pub mark: Option<(String, Secret<String>)>,
    /// Connections at the same time.
    pub max_connections: usize,
    /// How long an unused connection is kept.
    pub keep_idle: Duration,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time for a reply.
    pub reply_timeout: Duration,
    /// Time for the reply to the end of data.
    pub final_reply_timeout: Duration,
}

/// Reading documents.
#[derive(Debug)]
pub struct DocumentsConfig {
    /// The processes that do it.
    pub readers: reader::Settings,
    /// Octets that may be unpacked from the documents of a message.
    pub max_unpacked: usize,
    /// Levels of archives and documents in one another.
    pub archive_depth: usize,
    /// Files in the archives and documents of a message.
    pub max_entries: usize,
    /// Octets of text of one document.
    pub text_per_document: usize,
    /// Octets of text of the documents of a message.
    pub text_per_message: usize,
    /// How long passwords are remembered by recipient; none remembers none.
    pub remember_passwords: Option<Duration>,
}

/// Secure shares.
#[derive(Debug, Clone)]
pub struct ShareConfig {
    /// How they are kept.
    pub settings: share::Settings,
    /// By which a sender asks for one in the subject; empty when by no tag.
    pub subject_tag: String,
    /// Whether what answers a recipient of a share is a share too.
    pub answers: bool,
}

/// Recognising text in pictures.
#[derive(Debug)]
pub struct OcrConfig {
    /// The processes that do it.
    pub recognisers: reader::RecogniserSettings,
    /// Pages of one message.
    pub pages: usize,
    /// Pixels of a page.
    pub max_pixels: usize,
}

/// Proven TLS towards recipients.
#[derive(Debug)]
pub struct TlsConfig {
    /// How mail that must travel under it leaves.
    pub route: TlsRoute,
    /// What becomes of it when nothing can be proven, where no share is made of it.
    pub unproven: TlsUnproven,
    /// The port of recipients' servers.
    pub port: u16,
    /// How long its delivery is tried before the policy line's other way is taken.
    pub retry: Duration,
    /// What becomes of mail whose sender asks for REQUIRETLS when a server does not offer it.
    pub requiretls: TlsUnmet,
    /// Our name towards those servers, which the PTR record of our address gives as well.
    pub ehlo: String,
    /// How it is found out what a domain can prove.
    pub postures: posture::Settings,
    /// In whose name what is found of TLS is reported to those who ask for it; none reports nothing.
    pub report: Option<tlsrpt::Settings>,
}

/// How mail that must travel under proven TLS leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsRoute {
    /// Not by mail: it becomes a share, or what the policy line says instead.
    Share,
    /// By our own client, to the servers of the recipient's domain.
    Direct,
    /// By the next hop with this name, of which somebody answers that it enforces TLS when our header asks.
    Attested(String),
}

/// Journal reports (Exchange journaling) that go to an archive and pass unscanned.
#[derive(Debug)]
pub struct JournalArchive {
    /// The only client that may send them.
    pub client: String,
    /// The only addresses they may go to.
    pub addresses: Vec<Mailbox>,
}

/// Logging.
#[derive(Debug)]
pub struct LogConfig {
    /// Text or JSON.
    pub format: LogFormat,
    /// Least grave line.
    pub level: LogLevel,
    /// A file for the journal; none sends it to the log.
    pub journal: Option<PathBuf>,
}

/// A time as it is typed: "500ms", "30s", "5m", "1h".
pub fn duration(typed: &str) -> Option<Duration> {
    raw::time(typed)
}

impl Config {
    /// Reads and checks a configuration file and the small files it names (passwords, marks, users).
    ///
    /// # Errors
    /// Every problem found, each with file, line and remedy.
    pub fn load(file: &Path) -> Result<Self, Vec<Problem>> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            vec![Problem::new(
                file,
                format!("the configuration cannot be read: {error}"),
                "give its path with --config; deploy/mailpoort.toml is a documented sample",
            )]
        })?;
        let raw = toml::from_str(&text).map_err(|error| vec![Problem::from_toml(file, &text, &error)])?;
        check::check(file, &text, raw)
    }
}
