//! `mailpoort roster`: import a school's exports, sealed, or look what is in them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Zoned;

use crate::commands::{fail, say};
use crate::config::Config;
use crate::problem::Problem;
use crate::roster::{Roster, Store, read_files};

/// What to do with a roster.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Keep a school's pupils, guardians and staff, sealed; reload the gate to use them
    Import(Import),
    /// Say what is in the files, and keep nothing
    Check(Check),
}

/// Arguments of `roster import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The school, by its id; not needed where there is one
    #[arg(long)]
    school: Option<String>,
    /// Also when there are over 5% fewer pupils than before
    #[arg(long)]
    accept_fewer: bool,
    /// All files of the school together: CSV, OneRoster (zip or folder), EDEXML
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Arguments of `roster check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(command: &Command) -> ExitCode {
    let done = match command {
        Command::Import(arguments) => import(arguments),
        Command::Check(arguments) => {
            read_files(&arguments.files).and_then(|files| Roster::read(&files)).map(|(_, report)| say(report))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => fail(&problems),
    }
}

fn import(arguments: &Import) -> Result<(), Vec<Problem>> {
    let config = Config::load(&arguments.config)?;
    let one = |problem| vec![problem];
    let school = school(&config, arguments).map_err(one)?;
    let folder = config.data_dir.as_deref().ok_or_else(|| vec![no_data_dir(&arguments.config)])?;
    let (roster, report) = Roster::read(&read_files(&arguments.files)?)?;
    let today = Zoned::now().with_time_zone(config.time_zone.clone()).date();
    Store::open(folder).and_then(|store| store.keep(&school, roster, today, arguments.accept_fewer)).map_err(one)?;
    say(format!("{school}: {}", report.in_language(config.language)));
    Ok(())
}

fn school(config: &Config, arguments: &Import) -> Result<String, Problem> {
    let ids: Vec<&str> = config.schools.iter().map(|school| school.school.id.as_str()).collect();
    match (&arguments.school, &ids[..]) {
        (Some(id), ids) if ids.contains(&id.as_str()) => Ok(id.clone()),
        (None, [id]) => Ok((*id).to_owned()),
        (asked, ids) => Err(Problem::new(
            &arguments.config,
            asked
                .as_ref()
                .map_or("there is more than one school".to_owned(), |id| format!("there is no school `{id}`")),
            format!("name it with --school: {}", ids.join(", ")),
        )),
    }
}

fn no_data_dir(config: &Path) -> Problem {
    Problem::new(
        config,
        "there is no `data_dir`, so a roster cannot be kept",
        "set `data_dir`, for example /var/lib/mailpoort",
    )
}
