//! `mailpoort purge`: erases what is over, as the gate does every hour, and shows that it is gone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::commands::kept::beside;
use crate::commands::{MEND, complain, fail, process, say};
use crate::config::Config;
use crate::problem::Problem;
use crate::record::purge::purge;
use crate::store;
use crate::vault::share::Files;

/// Arguments of `purge`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// Count what is due, and erase nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(problems) => return fail(&problems),
    };
    let kept = match beside(&config, &arguments.config) {
        Ok(kept) => kept,
        Err(problem) => return fail(&[problem]),
    };
    let shares = match share_files(&config) {
        Ok(shares) => shares,
        Err(problem) => return fail(&[problem]),
    };
    let purging =
        purge(kept.store(), (kept.vault(), shares.as_ref()), &config.lifetimes, store::now(), arguments.dry_run);
    let report = match process::wait_for(purging) {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => {
            complain(error);
            return ExitCode::from(MEND);
        }
        Err(problem) => return fail(&[problem]),
    };
    if arguments.json {
        say(serde_json::to_string(&report).unwrap_or_default());
    } else {
        say(report.in_language(config.language));
    }
    if report.is_proven() { ExitCode::SUCCESS } else { ExitCode::from(MEND) }
}

/// The files of shares, when there are or were any.
pub(super) fn share_files(config: &Config) -> Result<Option<Files>, Problem> {
    let folder = config.data_dir.as_deref().filter(|folder| config.share.is_some() || Files::are_in(folder));
    let place = config.share.as_ref().map(|share| share.settings.place.clone()).unwrap_or_default();
    folder.map(|folder| Files::open(folder, &place)).transpose()
}
