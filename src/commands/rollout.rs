//! `mailpoort rollout`: what each policy line did or would have done, in numbers without names; and with `--reach` what
//! share of the recipients a proven route reaches.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::commands::kept::beside;
use crate::commands::{fail, process, say};
use crate::config::Config;
use crate::decide::Policy;
use crate::problem::Problem;
use crate::record::reach;
use crate::record::rollout::{Report, Tally};
use crate::school::Language;
use crate::store::journal::NewLine;
use crate::store::journal::find::Which;
use crate::store::{self, Store, StoreError};
use crate::tls::posture::Postures;

/// Arguments of `rollout`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// How far back, in days
    #[arg(long, default_value = "30d", value_parser = days)]
    since: i64,
    /// One school, by its id
    #[arg(long)]
    school: Option<String>,
    /// Which clients send which kinds of data to which classes of recipients
    #[arg(long)]
    flows: bool,
    /// What share of the recipients outside a proven route reaches (DANE, MTA-STS); asks DNS, and the journal says that
    /// addresses were counted
    #[arg(long, conflicts_with = "flows")]
    reach: bool,
    /// One JSON object, with both
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.reach {
        return match reached(arguments) {
            Ok((report, language)) => {
                let json = || serde_json::to_string(&report).unwrap_or_default();
                say(if arguments.json { json() } else { report.in_language(language) });
                ExitCode::SUCCESS
            }
            Err(problems) => fail(&problems),
        };
    }
    match report(arguments) {
        Ok((report, config)) => {
            say(match (arguments.json, arguments.flows) {
                (true, _) => serde_json::to_string(&report).unwrap_or_default(),
                (false, true) => report.flows_in_language(config.language),
                (false, false) => report.in_language(config.language),
            });
            ExitCode::SUCCESS
        }
        Err(problems) => fail(&problems),
    }
}

fn reached(arguments: &Arguments) -> Result<(reach::Report, Language), Vec<Problem>> {
    let config = Config::load(&arguments.config)?;
    let kept = beside(&config, &arguments.config).map_err(|problem| vec![problem])?;
    let counted = process::wait_for(async {
        let postures = Postures::new(config.tls.postures.clone(), None)?;
        let store = kept.store();
        let core = serde_json::json!({ "event": "opened", "by": "rollout" });
        let opened = store.journal(NewLine::of_gate(store::now(), core.to_string())).await;
        let report = match opened {
            Ok(()) => super::reach::reach(store, &which(arguments), &config, &postures).await,
            Err(error) => Err(error),
        };
        report.map_err(journal)
    });
    let report = counted.and_then(|report| report).map_err(|problem| vec![problem])?;
    Ok((report, config.language))
}

fn journal(error: StoreError) -> Problem {
    Problem::new("journal", error.to_string(), "look at `mailpoort journal verify` and at the disk")
}

fn which(arguments: &Arguments) -> Which {
    let from = store::now().saturating_sub(arguments.since);
    Which { from: Some(from), school: arguments.school.clone(), of_mail: true, ..Which::default() }
}

fn report(arguments: &Arguments) -> Result<(Report, Config), Vec<Problem>> {
    let config = Config::load(&arguments.config)?;
    let policy = policy(&config)?;
    let kept = beside(&config, &arguments.config).map_err(|problem| vec![problem])?;
    let counted = process::wait_for(count(kept.store(), arguments, &policy)).map_err(|problem| vec![problem])?;
    let counted = counted.map_err(|error| vec![journal(error)])?;
    Ok((counted.report(), config))
}

fn policy(config: &Config) -> Result<Policy, Vec<Problem>> {
    let Some(file) = &config.policy else { return Policy::shipped() };
    let text = std::fs::read_to_string(file)
        .map_err(|error| vec![Problem::new(file, format!("it cannot be read: {error}"), "check the path")])?;
    Policy::load(file, &text)
}

async fn count(store: &Store, arguments: &Arguments, policy: &Policy) -> Result<Tally, StoreError> {
    let which = which(arguments);
    let advises = |id: &str| policy.line(id).is_some_and(|line| line.advise);
    let (mut tally, mut behind) = (Tally::default(), 0);
    loop {
        let lines = store.journal_lines(&which, behind, 1000).await?;
        let Some(last) = lines.last() else { return Ok(tally) };
        behind = last.number;
        lines.iter().for_each(|line| tally.add(line, advises));
    }
}

/// Days as typed, in milliseconds.
fn days(typed: &str) -> Result<i64, String> {
    let days: Option<i64> = typed.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| *days > 0);
    let milliseconds = days.and_then(|days| days.checked_mul(24 * 3600 * 1000));
    milliseconds.ok_or_else(|| "write a number of days, for example 30d".to_owned())
}
