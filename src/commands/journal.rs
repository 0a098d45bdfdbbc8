//! `mailpoort journal`: whether it is whole, its lines for the FG, what it says of a mail or a person.
//!
//! Addresses are shown with `--addresses` alone. Every look that opens them, and every erasure, is itself a line of the
//! journal: who looks after the lookers can see it (AVG art. 38, 39).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::commands::kept::beside;
use crate::commands::{MEND, complain, fail, process, say};
use crate::config::Config;
use crate::store::journal::find::{Line, Which};
use crate::store::journal::{NewLine, People};
use crate::store::tls::Delivery;
use crate::store::{self, Store, StoreError};

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read the whole chain again, and name the first line that does not fit
    Verify(Verify),
    /// The lines of some days, without addresses, with the head of the chain
    Export(Export),
    /// The lines about a mail or a person
    Find(Find),
    /// Erase all lines about a person (AVG art. 17)
    Erase(Erase),
}

/// Arguments of `journal verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// A head that was written down before, NUMBER:VALUE: finds out an old copy that was put back
    #[arg(long, value_name = "NUMBER:VALUE", value_parser = head)]
    head: Option<(i64, String)>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Arguments of `journal export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The first day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Date>,
    /// The last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<Date>,
    /// One school, by its id
    #[arg(long)]
    school: Option<String>,
    /// The form of the lines
    #[command(flatten)]
    form: Form,
}

/// Arguments of `journal find`.
#[derive(Debug, Args)]
pub(super) struct Find {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    form: Form,
}

/// By what lines are found; all that is given must fit.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct By {
    /// The number by which reply and notice know the mail
    #[arg(long)]
    id: Option<String>,
    /// The sender's address
    #[arg(long)]
    sender: Option<String>,
    /// A recipient's address
    #[arg(long)]
    recipient: Option<String>,
    /// An address in whatever place: for a request for inspection (AVG art. 15)
    #[arg(long)]
    person: Option<String>,
    /// The Message-ID
    #[arg(long)]
    message_id: Option<String>,
}

/// Arguments of `journal erase`.
#[derive(Debug, Args)]
pub(super) struct Erase {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The address
    #[arg(long)]
    person: String,
    /// Count, and erase nothing
    #[arg(long)]
    dry_run: bool,
}

/// How lines are shown.
#[derive(Debug, Args)]
struct Form {
    /// One JSON object a line: so it is without this, too
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// A table for spreadsheets
    #[arg(long)]
    csv: bool,
    /// Open the sealed addresses, Message-IDs and reasons; the journal notes that you did
    #[arg(long)]
    addresses: bool,
}

pub(super) fn run(command: &Command) -> ExitCode {
    let file = match command {
        Command::Verify(arguments) => &arguments.config,
        Command::Export(arguments) => &arguments.config,
        Command::Find(arguments) => &arguments.config,
        Command::Erase(arguments) => &arguments.config,
    };
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(problems) => return fail(&problems),
    };
    let kept = match beside(&config, file) {
        Ok(kept) => kept,
        Err(problem) => return fail(&[problem]),
    };
    let done = process::wait_for(async {
        match command {
            Command::Verify(arguments) => verify(kept.store(), arguments).await,
            Command::Export(arguments) => export(kept.store(), arguments, &config.time_zone).await,
            Command::Find(arguments) => find(kept.store(), arguments).await,
            Command::Erase(arguments) => erase(kept.store(), arguments).await,
        }
    });
    match done {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            complain(error);
            ExitCode::from(MEND)
        }
        Err(problem) => fail(&[problem]),
    }
}

async fn verify(store: &Store, arguments: &Verify) -> Result<ExitCode, StoreError> {
    let verified = store.verify_journal(arguments.head.clone()).await?;
    if arguments.json {
        say(serde_json::to_string(&verified).unwrap_or_default());
    } else {
        say(format!("{} lines are whole, {} were erased at the end of their life.", verified.lines, verified.erased));
        for line in &verified.restarts {
            say(format!("Line {line}: a start without a stop before it; a second of mail that passed may be missing."));
        }
        if verified.lost > 0 {
            say(format!("{} lines could not be written in their time, and are missing.", verified.lost));
        }
        match &verified.wrong {
            None => say(format!("The chain is whole. Head: {}:{}", verified.last, verified.head)),
            Some(wrong) => {
                say(format!("WRONG at line {}: {}. Nothing behind it was looked at.", wrong.line, wrong.what))
            }
        }
    }
    Ok(if verified.wrong.is_none() { ExitCode::SUCCESS } else { ExitCode::from(MEND) })
}

async fn export(store: &Store, arguments: &Export, zone: &TimeZone) -> Result<ExitCode, StoreError> {
    let start = |day: Date| zone.to_zoned(day.at(0, 0, 0, 0)).map(|start| start.timestamp().as_millisecond()).ok();
    let which = Which {
        from: arguments.from.and_then(start),
        to: arguments.to.and_then(|day| start(day.saturating_add(1.day()))),
        school: arguments.school.clone(),
        ..Which::default()
    };
    show(store, &which, &arguments.form, "export").await?;
    // Beside the lines, so that they can be read by programs: whoever keeps it can prove later what was there.
    if let Some((number, head)) = store.journal_head().await? {
        complain(format!("the head of the chain is {number}:{head}"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(store: &Store, arguments: &Find) -> Result<ExitCode, StoreError> {
    let By { id, sender, recipient, person, message_id } = &arguments.by;
    let which = Which {
        mail: id.clone(),
        sender: sender.clone(),
        recipient: recipient.clone(),
        person: person.clone(),
        message_id: message_id.clone(),
        ..Which::default()
    };
    show(store, &which, &arguments.form, "find").await?;
    Ok(ExitCode::SUCCESS)
}

async fn erase(store: &Store, arguments: &Erase) -> Result<ExitCode, StoreError> {
    if arguments.dry_run {
        let which = Which { person: Some(arguments.person.clone()), ..Which::default() };
        let (mut behind, mut due) = (0, 0);
        loop {
            let lines = page(store, &which, behind).await?;
            let Some(last) = lines.last() else { break };
            behind = last.number;
            due += lines.len();
        }
        say(format!("{due} lines would be erased."));
        return Ok(ExitCode::SUCCESS);
    }
    let erased = store.erase_person(store.person(&arguments.person), store::now()).await?;
    let core = json!({ "event": "erased", "due": erased.due, "gone": erased.gone });
    store.journal(NewLine::of_gate(store::now(), core.to_string())).await?;
    store.checkpoint().await?;
    say(format!("{} lines were due, {} are erased, {} are left.", erased.due, erased.gone, erased.left));
    Ok(if erased.left == 0 { ExitCode::SUCCESS } else { ExitCode::from(MEND) })
}

/// Lines that are had at a time.
const PAGE: usize = 1000;

async fn page(store: &Store, which: &Which, behind: i64) -> Result<Vec<Line>, StoreError> {
    store.journal_lines(which, behind, PAGE).await
}

async fn show(store: &Store, which: &Which, form: &Form, what: &str) -> Result<(), StoreError> {
    if form.addresses {
        let core = json!({ "event": "opened", "by": what });
        store.journal(NewLine::of_gate(store::now(), core.to_string())).await?;
    }
    if form.csv {
        say(HEAD.join(";"));
    }
    let mut behind = 0;
    loop {
        let lines = page(store, which, behind).await?;
        let Some(last) = lines.last() else { return Ok(()) };
        behind = last.number;
        for line in &lines {
            let people = if form.addresses { Some(store.people_of(line)?) } else { None };
            let tries = tries(store, line, form.addresses).await?;
            say(if form.csv { as_csv(line, people, &tries) } else { as_json(line, people, tries).to_string() });
        }
    }
}

/// How the mail of a line fared where it had to travel under proven TLS. Domains and servers are as telling as addresses.
async fn tries(store: &Store, line: &Line, addresses: bool) -> Result<Vec<Value>, StoreError> {
    let is_mail = line.core.get("event").and_then(Value::as_str) == Some("mail");
    let Some(mail) = line.mail.as_deref().filter(|_| is_mail) else { return Ok(Vec::new()) };
    let shown = |tried: Delivery| {
        let mut shown = json!(tried);
        if let (Some(fields), false) = (shown.as_object_mut(), addresses) {
            fields.retain(|field, _| !["domain", "mx", "address", "misses"].contains(&field.as_str()));
        }
        shown
    };
    Ok(store.deliveries(mail).await?.into_iter().map(shown).collect())
}

fn as_json(line: &Line, people: Option<People>, tries: Vec<Value>) -> Value {
    let mut shown = json!({
        "line": line.number, "time": time(line.at), "school": line.school, "sort": line.sort, "id": line.mail,
        "said": line.core, "trace": line.trace, "chain": line.chain,
    });
    if let Some(shown) = shown.as_object_mut() {
        people.map(|people| shown.insert("people".into(), json!(people)));
        (!tries.is_empty()).then(|| shown.insert("tls".into(), json!(tries)));
    }
    shown
}

const HEAD: [&str; 15] = [
    "line",
    "time",
    "school",
    "sort",
    "id",
    "event",
    "code",
    "size",
    "recipients",
    "kinds",
    "unread",
    "routes",
    "tls",
    "chain",
    "people",
];

/// With semicolons, as Dutch spreadsheets want it.
fn as_csv(line: &Line, people: Option<People>, tries: &[Value]) -> String {
    let said = |key: &str| match line.core.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let cells = [
        line.number.to_string(),
        time(line.at),
        line.school.clone(),
        line.sort.word().to_owned(),
        line.mail.clone().unwrap_or_default(),
        said("event"),
        said("code"),
        said("size"),
        said("recipients"),
        said("kinds"),
        said("unread"),
        said("routes"),
        if tries.is_empty() { String::new() } else { json!(tries).to_string() },
        line.chain.clone(),
        people.map(|people| json!(people).to_string()).unwrap_or_default(),
    ];
    cells.map(|cell| quoted(&cell)).join(";")
}

/// RFC 4180 2.6. What a spreadsheet would take for a formula is text: an address may begin with any of these.
fn quoted(cell: &str) -> String {
    let cell = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains(['"', ';', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

fn time(at: i64) -> String {
    Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}

fn head(typed: &str) -> Result<(i64, String), String> {
    let wrong =
        || "a head is a number, a colon and 32 hex digits, as `journal verify` and `journal export` show it".to_owned();
    let (number, value) = typed.split_once(':').ok_or_else(wrong)?;
    let is_value = value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit());
    number.parse().ok().filter(|_| is_value).map(|number| (number, value.to_owned())).ok_or_else(wrong)
}
