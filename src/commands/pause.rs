//! `mailpoort pause`: for some hours everything passes, and the journal says what would have happened.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::commands::{fail, say};
use crate::config::{self, Config};
use crate::gate::pause::{LONGEST, Pause, Pauses};
use crate::problem::Problem;
use crate::school::Language;

/// Arguments of `pause`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// How long, at most 8h
    #[arg(long = "for", value_name = "TIME", value_parser = length, requires = "reason", required_unless_present = "end")]
    length: Option<Duration>,
    /// Why; it stands in the journal, so name no pupils
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// End it now
    #[arg(long, conflicts_with_all = ["length", "reason"])]
    end: bool,
    /// This school alone, by its id
    #[arg(long)]
    school: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match pause(arguments) {
        Ok(line) => {
            say(line);
            ExitCode::SUCCESS
        }
        Err(problems) => fail(&problems),
    }
}

fn pause(arguments: &Arguments) -> Result<String, Vec<Problem>> {
    let config = Config::load(&arguments.config)?;
    let one = |problem| vec![problem];
    let folder = data_dir(&config, &arguments.config).map_err(one)?;
    known_school(&config, arguments).map_err(one)?;
    let now = Timestamp::now();
    let school = arguments.school.as_deref();
    let Some(length) = arguments.length else { return end(folder, school, now, config.language).map_err(one) };
    // A file that cannot be read is no pause, and this one takes its place.
    let mut pauses = Pauses::read(folder).unwrap_or_default();
    let pause = Pause::new(arguments.school.clone(), now, length, arguments.reason.clone().unwrap_or_default());
    let until = clock(pause.until(), &config.time_zone);
    pauses.begin(pause, now);
    pauses.write(folder).map_err(one)?;
    Ok(config.language.of(
        format!(
            "Gepauzeerd tot {until}: alles gaat door, en het journaal houdt bij wat er gebeurd zou zijn. De poort ziet \
             het binnen een seconde. Eerder stoppen: mailpoort pause --end"
        ),
        format!(
            "Paused until {until}: everything passes, and the journal says what would have happened. The gate sees it \
             within a second. To end it before: mailpoort pause --end"
        ),
    ))
}

fn end(folder: &Path, school: Option<&str>, now: Timestamp, language: Language) -> Result<String, Problem> {
    let mut pauses = Pauses::read(folder).unwrap_or_default();
    let was = pauses.end(school, now);
    pauses.write(folder)?;
    let said = match was {
        true => language.of("De pauze is voorbij: de poort kijkt weer.", "The pause is over: the gate looks again."),
        false => language.of("Er was geen pauze.", "There was no pause."),
    };
    Ok(said.into())
}

fn data_dir<'c>(config: &'c Config, file: &Path) -> Result<&'c Path, Problem> {
    config.data_dir.as_deref().ok_or_else(|| {
        let remedy = "set `data_dir`, for example \"/var/lib/mailpoort\", and restart the gate";
        Problem::new(file, "there is no `data_dir`, where a pause is kept", remedy)
    })
}

fn known_school(config: &Config, arguments: &Arguments) -> Result<(), Problem> {
    let ids: Vec<&str> = config.schools.iter().map(|school| school.school.id.as_str()).collect();
    match &arguments.school {
        Some(id) if !ids.contains(&id.as_str()) => {
            let remedy = format!("use one of: {}", ids.join(", "));
            Err(Problem::new(&arguments.config, format!("there is no school `{id}`"), remedy))
        }
        _ => Ok(()),
    }
}

/// The time on a clock at the school; the day too, since a pause may end after midnight.
fn clock(moment: Timestamp, zone: &TimeZone) -> String {
    moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

fn length(typed: &str) -> Result<Duration, String> {
    match config::duration(typed) {
        None => Err("write for example 90m or 2h".into()),
        Some(length) if length < Duration::from_secs(60) => Err("a pause lasts a minute at least".into()),
        Some(length) if length > LONGEST => {
            Err("a pause lasts 8 hours at most; for longer, set `mode` in the configuration".into())
        }
        Some(length) => Ok(length),
    }
}

fn reason(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    let fits = (3..=200).contains(&typed.chars().count()) && !typed.chars().any(char::is_control);
    if fits { Ok(typed.into()) } else { Err("write 3 to 200 characters on one line".into()) }
}
