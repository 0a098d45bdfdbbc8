//! `mailpoort held`: the mail that is kept until its sender chooses, beside a gate that serves. Never shows an address, a
//! subject or a word of a mail: what IT needs is how much there is, why, and until when. What is done with it is its
//! sender's to choose, at the desk.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::commands::kept::beside;
use crate::commands::{MEND, complain, fail, process, say};
use crate::config::Config;
use crate::outbox::{Outbox, OutboxError};
use crate::store::held::ListedHeld;

/// What to do with held mail.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What is held: since when, until when, for how many, by which lines of the policy, and what became of it
    List(Arguments),
}

/// Arguments of `held list`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// Only of this school, by its id
    #[arg(long)]
    school: Option<String>,
    /// Also what is decided or over, as long as its row is there
    #[arg(long)]
    all: bool,
    /// Open every mail that is kept, to see that it can be opened; exit 1 when one cannot
    #[arg(long)]
    check: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// More than anybody reads.
const MOST: usize = 100_000;

pub(super) fn run(command: &Command) -> ExitCode {
    let Command::List(arguments) = command;
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(problems) => return fail(&problems),
    };
    let kept = match beside(&config, &arguments.config) {
        Ok(kept) => kept,
        Err(problem) => return fail(&[problem]),
    };
    match process::wait_for(list(&kept, arguments, &config.time_zone)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            complain(error);
            ExitCode::from(MEND)
        }
        Err(problem) => fail(&[problem]),
    }
}

async fn list(kept: &Outbox, arguments: &Arguments, zone: &TimeZone) -> Result<ExitCode, OutboxError> {
    let mut held = kept.store().held_list(MOST).await?;
    held.retain(|one| arguments.school.as_ref().is_none_or(|school| *school == one.school));
    let shut = if arguments.check { check(kept, &held).await } else { 0 };
    held.retain(|one| arguments.all || one.is_open());
    if arguments.json {
        held.iter().filter_map(|one| serde_json::to_string(one).ok()).for_each(say);
    } else if held.is_empty() {
        say("Nothing is held.");
    } else {
        say(format!(
            "{:<10}  {:<12}  {:<16}  {:<10}  {:>9}  {}",
            "number", "school", "since", "until", "octets", "recipients, by line of the policy"
        ));
        held.iter().map(|one| line(one, zone)).for_each(say);
    }
    if shut > 0 {
        complain(format!("{shut} held mails cannot be opened: a file is gone, or was sealed with another key"));
    }
    Ok(if shut > 0 { ExitCode::from(MEND) } else { ExitCode::SUCCESS })
}

/// How many of them cannot be opened.
async fn check(kept: &Outbox, held: &[ListedHeld]) -> usize {
    let mut shut = 0;
    for item in held.iter().filter_map(|one| one.item.as_ref()) {
        let opened = match kept.store().item(item).await {
            Ok(Some(sealed)) => kept.vault().open_item(item, sealed).await.is_ok(),
            Ok(None) | Err(_) => false,
        };
        shut += usize::from(!opened);
    }
    shut
}

fn line(one: &ListedHeld, zone: &TimeZone) -> String {
    let at = |millis: i64, form: &str| {
        let at = Timestamp::from_millisecond(millis).map(|at| at.to_zoned(zone.clone()));
        at.map(|at| at.strftime(form).to_string()).unwrap_or_default()
    };
    let recipients = one.recipients.iter().map(|some| format!("{} {} ({})", some.count, some.state, some.line));
    format!(
        "{:<10}  {:<12}  {:<16}  {:<10}  {:>9}  {}",
        one.number,
        one.school,
        at(one.taken_at, "%Y-%m-%d %H:%M"),
        at(one.delete_at, "%Y-%m-%d"),
        one.size,
        recipients.collect::<Vec<_>>().join(", ")
    )
}
