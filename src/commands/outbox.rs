//! `mailpoort outbox`: the mail that is owed, beside a gate that serves. Never shows an address or a subject.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::commands::{MEND, complain, fail, say};
use crate::config::Config;
use crate::outbox::{Outbox, OutboxError};
use crate::problem::Problem;
use crate::store::now;
use crate::store::owed::Listed;

/// What to do with owed mail.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What is owed: since when, how often it was tried, when it is tried next
    List(List),
    /// Try it now (a gate that serves looks within a quarter of a minute)
    Retry(Which),
    /// Give it up: its recipients never get it, and nobody is told
    Drop(One),
}

/// Arguments of `outbox list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Arguments of `outbox retry`.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The number in the list; without it, all
    id: Option<i64>,
}

/// Arguments of `outbox drop`.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The number in the list
    id: i64,
}

/// More than anybody reads.
const MOST: usize = 100_000;

pub(super) fn run(command: &Command) -> ExitCode {
    let config = match command {
        Command::List(List { config, .. })
        | Command::Retry(Which { config, .. })
        | Command::Drop(One { config, .. }) => config,
    };
    let (outbox, zone) = match open(config) {
        Ok(opened) => opened,
        Err(problems) => return fail(&problems),
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        complain("the system gives no threads");
        return ExitCode::from(MEND);
    };
    let done = runtime.block_on(async {
        match command {
            Command::List(arguments) => list(&outbox, arguments.json, &zone).await,
            Command::Retry(which) => retry(&outbox, which.id).await,
            Command::Drop(one) => drop(&outbox, one.id).await,
        }
    });
    done.unwrap_or_else(|error| {
        complain(error);
        ExitCode::from(MEND)
    })
}

fn open(config: &PathBuf) -> Result<(Outbox, TimeZone), Vec<Problem>> {
    let config_read = Config::load(config)?;
    let folder = config_read.data_dir.ok_or_else(|| {
        let remedy = "set `data_dir`; without one nothing is kept or owed";
        vec![Problem::new(config, "the configuration has no `data_dir`", remedy)]
    })?;
    let outbox = Outbox::beside(&folder).map_err(|problem| vec![problem])?;
    Ok((outbox, config_read.time_zone))
}

async fn list(outbox: &Outbox, json: bool, zone: &TimeZone) -> Result<ExitCode, OutboxError> {
    let owed = outbox.store().owed(MOST).await?;
    if json {
        owed.iter().filter_map(|one| serde_json::to_string(one).ok()).for_each(say);
        return Ok(ExitCode::SUCCESS);
    }
    if owed.is_empty() {
        say("Nothing is owed.");
        return Ok(ExitCode::SUCCESS);
    }
    say(format!(
        "{:>6}  {:<8}  {:<10}  {:<16}  {:>5}  {:<16}  {:>4}  {:>9}  {}",
        "number", "what", "mail", "since", "tries", "next", "code", "octets", "why"
    ));
    owed.iter().map(|one| line(one, zone)).for_each(say);
    Ok(ExitCode::SUCCESS)
}

fn line(one: &Listed, zone: &TimeZone) -> String {
    let at = |millis: i64| {
        let at = Timestamp::from_millisecond(millis).map(|at| at.to_zoned(zone.clone()));
        at.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
    };
    let code = one.last_code.map(|code| code.to_string()).unwrap_or_default();
    let mail = one.mail.as_deref().unwrap_or("-");
    format!(
        "{:>6}  {:<8}  {mail:<10}  {:<16}  {:>5}  {:<16}  {code:>4}  {:>9}  {}",
        one.id,
        one.kind,
        at(one.made_at),
        one.tries,
        at(one.due_at),
        one.size,
        one.last_reason.as_deref().unwrap_or_default(),
    )
    .trim_end()
    .to_owned()
}

async fn retry(outbox: &Outbox, id: Option<i64>) -> Result<ExitCode, OutboxError> {
    let due = outbox.store().retry(id, now()).await?;
    say(format!("{due} made due now."));
    Ok(if due == 0 && id.is_some() { ExitCode::from(MEND) } else { ExitCode::SUCCESS })
}

async fn drop(outbox: &Outbox, id: i64) -> Result<ExitCode, OutboxError> {
    if outbox.store().drop_owed(id, now()).await? {
        say(format!("{id} is dropped: its recipients never get it."));
        return Ok(ExitCode::SUCCESS);
    }
    complain(format!("{id} is not owed, or is on its way at this moment; look with `mailpoort outbox list`"));
    Ok(ExitCode::from(MEND))
}
