//! `mailpoort doctor`: looks at everything that the gate needs, and says what to do about what is wrong.
//!
//! Sends no mail and changes nothing. With `--live` it asks the next hop whether it would take a notice (MAIL and RCPT,
//! then RSET), DNS what it says of the schools' own domains, and one server of others whether port 25 is open outward. A line a check: ok, a warning (somebody must look), or an error (mail stops, or will soon).

mod domains;
mod files;
mod next_hops;
mod outward;
mod ports;
mod report;
mod schools;
mod spf;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::commands::{MEND, complain, say};
use crate::config::{Config, TlsRoute};
use crate::gate::house::{self, House};
use crate::reader::Readers;
use crate::school::Language;
use crate::smtp::budget::Budget;
use report::Report;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// Also ask the next hops whether they would take a notice, DNS for SPF, DKIM, DMARC and PTR of your domains, and, where
    /// mail goes straight to others, a mail server of others whether port 25 is open; no mail is sent
    #[arg(long)]
    live: bool,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format!("the system gives no threads: {error}"));
            return ExitCode::from(MEND);
        }
    };
    let report = runtime.block_on(examine(arguments));
    if arguments.json {
        say(report.json());
    } else {
        report.lines().for_each(say);
    }
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(MEND) }
}

async fn examine(arguments: &Arguments) -> Report {
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(problems) => {
            let mut report = Report::new(Language::default());
            problems.iter().for_each(|problem| report.problem("configuration", problem));
            return report;
        }
    };
    let mut report = Report::new(config.language);
    files::data_dir(&mut report, &config);
    ports::all(&mut report, &config).await;
    files::certificates(&mut report, &config);
    schools::all(&mut report, &config);
    let clocks = match load(arguments, &mut report) {
        None => Vec::new(),
        Some(house) => {
            schools::rosters(&mut report, &house);
            // Where nothing is signed or sent straight, nothing of ours depends on these records.
            let depends = config.tls.route == TlsRoute::Direct || house.schools.iter().any(|one| one.dkim.is_some());
            if arguments.live {
                domains::all(&mut report, &config, &house, depends).await;
            }
            next_hops::all(&mut report, &config, &house, arguments.live).await
        }
    };
    files::clock(&mut report, &clocks);
    report
}

/// Rules, policy, texts, rosters and certificates: everything that the configuration names.
fn load(arguments: &Arguments, report: &mut Report) -> Option<House> {
    let mut rosters = Vec::new();
    let loaded = Config::load(&arguments.config).and_then(|config| House::load(config, &mut |line| rosters.push(line)));
    let (house, smtp) = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            problems.iter().for_each(|problem| report.problem("configuration", problem));
            return None;
        }
    };
    match house::settings(&house, smtp, Budget::new(0)) {
        Err(problem) => report.problem("configuration", &problem),
        Ok(_) => report.ok(
            "configuration",
            [
                "de configuratie klopt, met regels, beleid, teksten en certificaten",
                "the configuration is good, with rules, policy, texts and certificates",
            ],
        ),
    }
    if let Some(readers) = &house.bench.readers {
        documents(report, readers);
    }
    Some(house)
}

/// Whether documents can be read, and how those who do are sealed.
fn documents(report: &mut Report, readers: &Readers) {
    match readers.check() {
        Ok(seal) if seal.is_whole() => report.ok(
            "documents",
            ["documenten worden gelezen in afgesloten processen", "documents are read in sealed processes"],
        ),
        Ok(seal) => report.warn(
            "documents",
            [
                format!("documenten worden gelezen in processen die deze machine niet helemaal afsluit ({seal})"),
                format!("documents are read in processes that this machine cannot seal whole ({seal})"),
            ],
            ["gebruik een kernel met seccomp en Landlock (5.13)", "run a kernel with seccomp and Landlock (5.13)"],
        ),
        Err(failure) => report.bad(
            "documents",
            [format!("documenten worden niet gelezen: {failure}"), format!("documents are not read: {failure}")],
            ["kijk naar de grenzen voor processen en geheugen", "look at the limits on processes and memory"],
        ),
    }
}
