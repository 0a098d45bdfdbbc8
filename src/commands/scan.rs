//! `mailpoort scan`: judge messages or documents without sending anything.
//!
//! The same pure line as the daemon's. `--json` prints what was found as it stands in the mail: an exit on purpose, for
//! whoever runs the command on mail they hold anyway. Without it, places and kinds only.

mod output;
mod redact;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use jiff::Zoned;

use crate::commands::{MEND, complain, fail};
use crate::config::Config;
use crate::decide::{Classes, KnownDomains, KnowsAll, KnowsNoHosts, Means, Mode, Policy};
use crate::detect::Rules;
use crate::gate::house::{Bench, House, Tenant};
use crate::gate::{day, scan};
use crate::message::{Envelope, Limits, Mail, Mailbox, Recipient, header};
use crate::problem::Problem;
use crate::reader::{Readers, RecogniserSettings, Recognisers, Settings, installed};
use crate::roster::{Roster, Source};
use crate::school::{Contact, Language, School};

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A configuration, for its rules, policy, schools and rosters
    #[arg(long)]
    config: Option<PathBuf>,
    /// A roster (CSV), instead of the configuration's
    #[arg(long)]
    roster: Option<PathBuf>,
    /// One JSON object for each message, with what was found as it stands in the mail
    #[arg(long)]
    json: bool,
    /// The features of each finding, with their weights
    #[arg(long)]
    explain: bool,
    /// The text as it was read, place by place, and what is unread; nothing is judged
    #[arg(long)]
    text: bool,
    /// Recognise text in pictures (Tesseract, Dutch and English), also where the configuration does not
    #[arg(long)]
    ocr: bool,
    /// Judge as sent by this address
    #[arg(long)]
    from: Option<String>,
    /// Judge as sent to this address, and print the route; may be given several times
    #[arg(long, requires = "from")]
    to: Vec<String>,
    /// Write the file here without the columns that hold what was found, and judge it again; never over a file that is
    /// there
    #[arg(long, value_name = "OUT", conflicts_with_all = ["json", "text"])]
    redact: Option<PathBuf>,
    /// The language in which --redact tells what it did
    #[arg(long, default_value = "nl", value_parser = language, requires = "redact")]
    language: Language,
    /// Messages (.eml) or other documents; - is standard input. Addresses behind --to count as recipients too
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Pages of a message in which text is recognised: the default of the configuration.
const PAGES: usize = 10;
/// Wrong usage, beyond what the argument parser sees.
const USAGE: u8 = 2;

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let envelope = match envelope(arguments) {
        Ok(envelope) => envelope,
        Err(address) => {
            complain(format!("`{address}` is no mail address"));
            return ExitCode::from(USAGE);
        }
    };
    let domains: Vec<String> = envelope.sender.iter().map(|sender| sender.domain().to_string()).collect();
    let (config, roster) = (arguments.config.as_deref(), arguments.roster.as_deref());
    let mut judge = match Judge::load(config, roster, &domains, arguments.files.len()) {
        Ok(judge) => judge,
        Err(problems) => return fail(&problems),
    };
    if arguments.ocr
        && let Err(problem) = judge.recognise()
    {
        return fail(&[problem]);
    }
    let (bench, tenant) = (&judge.bench, judge.tenant(&envelope));
    let today = day(&Zoned::now());
    if let Some(out) = &arguments.redact {
        return redact::run(arguments, out, &judge, &envelope, today);
    }
    let mut code = ExitCode::SUCCESS;
    for file in arguments.files.iter().filter(|file| !is_recipient(arguments, file)) {
        match read(file) {
            Ok(raw) => {
                let mail = Mail { envelope: envelope.clone(), raw: as_message(file, raw), day: today };
                let scan = scan(&mail, &tenant, bench);
                let name = file.display().to_string();
                output::print(&name, &mail, &scan, &bench.policy, arguments);
            }
            Err(error) => {
                complain(format!("{}: {error}", file.display()));
                code = ExitCode::from(MEND);
            }
        }
    }
    code
}

fn language(typed: &str) -> Result<Language, String> {
    match typed {
        "nl" => Ok(Language::Nl),
        "en" => Ok(Language::En),
        _ => Err("nl or en".into()),
    }
}

fn envelope(arguments: &Arguments) -> Result<Envelope, String> {
    let parse = |address: &String| Mailbox::parse(address).map_err(|_| address.clone());
    let sender = arguments.from.as_ref().filter(|from| from.as_str() != "<>").map(parse).transpose()?;
    let more = arguments.files.iter().filter(|file| is_recipient(arguments, file));
    let typed = arguments.to.iter().cloned().chain(more.map(|file| file.to_string_lossy().into_owned()));
    let recipients = typed.map(|to| parse(&to).map(|mailbox| Recipient { mailbox, parameters: String::new() }));
    Ok(Envelope { sender, recipients: recipients.collect::<Result<_, _>>()?, ..Envelope::default() })
}

/// `--to a@x b@y mail.eml`: an address that is no file is another recipient.
fn is_recipient(arguments: &Arguments, file: &Path) -> bool {
    !arguments.to.is_empty() && file.to_string_lossy().contains('@') && !file.exists()
}

/// What judges: a configuration, or what is shipped for a school that is known by its domains alone.
pub(super) struct Judge {
    /// Rules, policy and readers.
    pub bench: Arc<Bench>,
    house: Option<House>,
    /// The school where no configuration names one, or a roster was given.
    tenant: Arc<Tenant>,
}

impl Judge {
    /// Loads it. `files` is how many there are to judge.
    ///
    /// # Errors
    /// What is wrong with the configuration or the roster.
    pub(super) fn load(
        config: Option<&Path>,
        roster: Option<&Path>,
        domains: &[String],
        files: usize,
    ) -> Result<Self, Vec<Problem>> {
        let house = match config {
            Some(file) => Some(House::load(Config::load(file)?, &mut |_| ())?.0),
            None => None,
        };
        let bench = match &house {
            Some(house) => Arc::clone(&house.bench),
            None => Arc::new(shipped(domains, files)?),
        };
        let mut judge = Self { bench, house, tenant: Arc::new(nobodys(domains)) };
        if let Some(file) = roster {
            let octets = std::fs::read(file).map_err(|error| {
                vec![Problem::new(file, format!("the roster cannot be read: {error}"), "check the path")]
            })?;
            let (roster, _) = Roster::read(&[Source { name: file.to_path_buf(), octets }])?;
            let school = judge.house.take().and_then(|house| house.schools.first().map(|t| t.school.clone()));
            let school = school.unwrap_or_else(|| judge.tenant.school.clone());
            judge.tenant = Arc::new(Tenant::new(school, Some(&roster), None));
        }
        Ok(judge)
    }

    /// Has text recognised in pictures, if nobody does yet.
    ///
    /// # Errors
    /// There is nothing to do it with.
    fn recognise(&mut self) -> Result<(), Problem> {
        if self.bench.recognisers.is_some() {
            return Ok(());
        }
        let program = installed(Path::new("tesseract")).ok_or_else(|| {
            let remedy = "install it (Debian: apt-get install tesseract-ocr tesseract-ocr-nld)";
            Problem::new("--ocr", "there is no Tesseract to recognise text with", remedy)
        })?;
        let bench = Arc::make_mut(&mut self.bench);
        bench.limits.pictures = PAGES;
        bench.recognisers = Some(Recognisers::new(RecogniserSettings::new(program)));
        Ok(())
    }

    /// The school of a mail.
    pub(super) fn tenant(&self, envelope: &Envelope) -> Arc<Tenant> {
        let configured = self.house.as_ref().and_then(|house| house.tenant(envelope.sender.as_ref(), None));
        Arc::clone(configured.unwrap_or(&self.tenant))
    }
}

/// What is shipped, enforced: what would happen at a school that changed nothing.
fn shipped(own: &[String], files: usize) -> Result<Bench, Vec<Problem>> {
    let readers = Settings::default();
    let spares = readers.spares.min(files.saturating_sub(1));
    let classes = Classes::new(own, std::collections::BTreeMap::new());
    Ok(Bench {
        limits: Limits::default(),
        rules: Rules::shipped()?,
        policy: Policy::shipped()?,
        domains: KnownDomains::new(classes.domains()).and_providers(),
        acquaintance: Arc::new(KnowsAll),
        hosts: Arc::new(KnowsNoHosts),
        told: None,
        classes,
        means: Means::default(),
        share_tag: None,
        share_answers: false,
        share_codes: Arc::default(),
        mode: Mode::Enforce,
        readers: Some(Readers::new(Settings { spares, ..readers })),
        recognisers: None,
    })
}

/// A school for mail that is judged without a configuration: these domains are inside, and nobody is named.
fn nobodys(domains: &[String]) -> Tenant {
    let contact = Contact { name: String::new(), role: String::new(), phone: None, mail: None, hours: None };
    let own = domains.first().map_or("school.invalid", String::as_str);
    let gate_address =
        Mailbox::parse(&format!("mailpoort@{own}")).or_else(|_| Mailbox::parse("mailpoort@school.invalid"));
    let school = School {
        id: "scan".into(),
        name: String::new(),
        domains: domains.to_vec(),
        gate_address: gate_address.unwrap_or_else(|_| unreachable!("a constant address is well formed")),
        privacy: contact.clone(),
        director: None,
        deputy: None,
        helpdesk: contact,
        fg: None,
        channels: std::collections::BTreeMap::new(),
    };
    Tenant::new(school, None, None)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if file.as_os_str() != "-" {
        return std::fs::read(file);
    }
    let mut raw = Vec::new();
    std::io::stdin().lock().read_to_end(&mut raw)?;
    Ok(raw)
}

/// A document that is no message is put into one, as an attachment of that name: one way in for everything.
fn as_message(file: &Path, raw: Vec<u8>) -> Vec<u8> {
    let named_message = file.as_os_str() == "-" || file.extension().is_some_and(|e| e.eq_ignore_ascii_case("eml"));
    if named_message || looks_like_message(&raw) {
        return raw;
    }
    use base64::Engine;
    let name: String = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let encoded_name: String = name
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    let body = base64::engine::general_purpose::STANDARD.encode(raw);
    format!(
        "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment;\r\n filename*=utf-8''{encoded_name}\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}

/// Two fields that only messages begin with.
fn looks_like_message(raw: &[u8]) -> bool {
    const USUAL: [&str; 7] = ["From", "To", "Subject", "Date", "Received", "Message-ID", "Return-Path"];
    header::fields(&raw[..raw.len().min(4096)]).take(3).filter(|field| USUAL.iter().any(|name| field.is(name))).count()
        >= 2
}
