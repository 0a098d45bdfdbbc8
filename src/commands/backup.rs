//! `mailpoort backup`: a copy of what is kept, of one moment, beside a gate that serves. All of it is sealed; the key is no
//! part of it (`mailpoort keys backup`). What it is for and how it is put back stands in deploy/backup.md.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::commands::kept::beside;
use crate::commands::{MEND, complain, fail, process, say};
use crate::config::Config;
use crate::problem::Problem;
use crate::seal::SealKey;
use crate::store::FILE as TABLES;

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// A folder that is made for it; nothing may be there yet
    to: PathBuf,
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
    let Some(folder) = config.data_dir else { return ExitCode::from(MEND) };
    if is_within(&arguments.to, &folder) {
        let what = "the folder would lie in data_dir, and the copy in itself";
        return fail(&[Problem::new(&arguments.to, what, "name one outside data_dir, best on another disk")]);
    }
    if let Err(error) = DirBuilder::new().mode(0o700).create(&arguments.to) {
        let what = format!("the folder cannot be made: {error}");
        return fail(&[Problem::new(&arguments.to, what, "name one that is not there yet, in a folder that is")]);
    }
    // Rows first: each file that they know was there before them. Files first would leave rows without.
    match process::wait_for(kept.store().copy_to(arguments.to.join(TABLES))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            complain(error);
            return ExitCode::from(MEND);
        }
        Err(problem) => return fail(&[problem]),
    }
    let copied = copy(&folder, &arguments.to, true).and_then(|files| {
        to_disk(&arguments.to.join(TABLES))?;
        to_disk(&arguments.to)?;
        to_disk(around(&arguments.to))?;
        Ok(files)
    });
    match copied {
        Ok(files) => {
            say(format!("The tables and {files} files are in {}.", arguments.to.display()));
            say("The key is not: `mailpoort keys backup` copies it, to a place apart.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            fail(&[Problem::new(&folder, format!("it cannot be copied: {error}"), "look at space and rights")])
        }
    }
}

/// Whether a folder that is to be made will lie in another; not where there is nothing to make it in.
fn is_within(to: &Path, folder: &Path) -> bool {
    let places = fs::canonicalize(around(to)).and_then(|around| Ok((around, fs::canonicalize(folder)?)));
    places.is_ok_and(|(around, folder)| around.starts_with(folder))
}

/// The folder in which a path lies.
fn around(path: &Path) -> &Path {
    path.parent().filter(|around| !around.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits until a file, or the names in a folder, would outlive the machine's fall.
fn to_disk(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Copies what is in a folder; gives how many files. What is gone in the meantime is not needed any more.
fn copy(from: &Path, to: &Path, is_top: bool) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let is_left_out = name
            .to_str()
            .is_none_or(|name| name == "lock" || name.starts_with(TABLES) || name.starts_with(SealKey::FILE));
        if is_top && is_left_out {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            DirBuilder::new().mode(0o700).create(to.join(&name))?;
            files += copy(&path, &to.join(&name), false)?;
            to_disk(&to.join(&name))?;
        } else if kind.is_file() {
            match fs::copy(&path, to.join(&name)) {
                Ok(_) => {
                    to_disk(&to.join(&name))?;
                    files += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(files)
}
