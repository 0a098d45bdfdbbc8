//! `mailpoort keys`: the key that seals what this installation keeps. Shows ids, never a key.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::commands::{fail, say};
use crate::config::Config;
use crate::kill::Point;
use crate::outbox::{Outbox, OutboxError};
use crate::problem::Problem;
use crate::roster;
use crate::seal::{SealKey, write_whole};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The ids of the keys, the one that seals first
    Show(Arguments),
    /// Seal everything anew with a new key, and drop the old one; the gate must be stopped
    Rotate(Arguments),
    /// Copy the key to a file, which belongs in a safe and not beside the backup of the data folder
    Backup(Backup),
}

/// Arguments of `keys show` and `keys rotate`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
}

/// Arguments of `keys backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// Where to; nothing may be there yet
    to: PathBuf,
}

pub(super) fn run(command: &Command) -> ExitCode {
    let done = match command {
        Command::Show(arguments) => folder(&arguments.config).and_then(|folder| show(&folder)),
        Command::Rotate(arguments) => folder(&arguments.config).and_then(|folder| rotate(&folder)),
        Command::Backup(arguments) => folder(&arguments.config).and_then(|folder| backup(&folder, &arguments.to)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => fail(&problems),
    }
}

fn folder(config: &Path) -> Result<PathBuf, Vec<Problem>> {
    Config::load(config)?.data_dir.ok_or_else(|| {
        let remedy = "set `data_dir`; without one nothing is sealed";
        vec![Problem::new(config, "the configuration has no `data_dir`", remedy)]
    })
}

fn show(folder: &Path) -> Result<(), Vec<Problem>> {
    let keys = SealKey::load(&folder.join(SealKey::FILE)).map_err(one)?;
    for (number, id) in keys.ids().enumerate() {
        say(if number == 0 { format!("{id}  seals") } else { format!("{id}  opens what it has sealed before") });
    }
    Ok(())
}

/// The new key first; what the old one sealed is sealed anew; only then the old one goes. Stopped half-way, both are
/// there, and the next run finishes.
fn rotate(folder: &Path) -> Result<(), Vec<Problem>> {
    let file = folder.join(SealKey::FILE);
    let lock = Outbox::lock(folder).map_err(one)?;
    SealKey::rotate(&file).map_err(one)?;
    Point::KeyMade.reached();
    let rosters = roster::Store::open(folder).and_then(|store| store.seal_anew()).map_err(one)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime =
        runtime.map_err(|error| one(Problem::new(folder, error.to_string(), "raise the limit on threads")))?;
    let mails = runtime.block_on(async {
        let outbox = Outbox::beside(folder)?;
        let anew = async { Ok::<_, OutboxError>((outbox.seal_anew().await?, outbox.store().share_keys().await?)) };
        anew.await.map_err(|error| {
            Problem::new(folder, error.to_string(), "mend that, and run `mailpoort keys rotate` again")
        })
    });
    let (sealed, needed) = mails.map_err(one)?;
    Point::SealedAnew.reached();
    let keys = SealKey::load(&file).map_err(one)?;
    // What a share was made with cannot be made anew: its recipients' keys follow from it.
    let needed = needed.iter().filter(|id| keys.id() != Some(**id)).count();
    let keys = if needed == 0 { SealKey::drop_old(&file).map_err(one)? } else { keys };
    drop(lock);
    let id = keys.ids().next().unwrap_or_default();
    say(format!("The key is {id} now; {rosters} rosters and {sealed} other sealed things are sealed anew with it."));
    if needed > 0 {
        say(
            "The old keys stay for the secure shares that were made with them; change the key again when these are over.",
        );
    }
    say("Have the new key in the backup (`mailpoort keys backup`), and start the gate again.");
    Ok(())
}

fn backup(folder: &Path, to: &Path) -> Result<(), Vec<Problem>> {
    let file = folder.join(SealKey::FILE);
    SealKey::load(&file).map_err(one)?;
    if to.exists() {
        return Err(one(Problem::new(to, "something is there already", "give a file that is not there yet")));
    }
    let copied = std::fs::read(&file).and_then(|octets| write_whole(to, &octets));
    copied.map_err(|error| {
        one(Problem::new(to, format!("the key cannot be copied: {error}"), "check space and rights"))
    })?;
    say(format!("The key is in {}. Without it nothing in a backup of the data folder can be read.", to.display()));
    Ok(())
}

fn one(problem: Problem) -> Vec<Problem> {
    vec![problem]
}
