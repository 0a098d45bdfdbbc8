//! `mailpoort person`: what is kept about one person, as counts and days, and its erasure (AVG art. 15, 17). By the keyed hash
//! of an address: no name, address or subject is shown, and the journal notes that somebody looked or erased.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::commands::kept::beside;
use crate::commands::purge::share_files;
use crate::commands::{MEND, complain, fail, process, say};
use crate::config::Config;
use crate::message::Mailbox;
use crate::outbox::Outbox;
use crate::problem::Problem;
use crate::record::Lifetimes;
use crate::school::Language;
use crate::store::journal::find::Which;
use crate::store::journal::{NewLine, Sort};
use crate::store::person::{About, Also, Erased, Found, Stays, Who};
use crate::store::{self, Store, StoreError};
use crate::vault::share::Files;

/// What to do with what is kept about a person.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// How much there is of each sort, and until when
    Find(Find),
    /// Erase what may be erased, and say why the rest stays
    Erase(Erase),
}

/// Arguments of `person find`.
#[derive(Debug, Args)]
pub(super) struct Find {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// In one school, by its id; without it in all schools of the installation
    #[arg(long)]
    school: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// The address
    address: String,
}

/// Arguments of `person erase`.
#[derive(Debug, Args)]
pub(super) struct Erase {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// Also mail from or to this person that is still to be delivered: nobody gets it, and nobody is told
    #[arg(long)]
    also_owed: bool,
    /// Also the lines of the journal, which prove what was done with mail; their hashes stay, so that the chain fits
    #[arg(long)]
    also_journal: bool,
    /// In one school, by its id; without it in all schools of the installation
    #[arg(long)]
    school: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// The address
    address: String,
}

pub(super) fn run(command: &Command) -> ExitCode {
    let (file, typed, school) = match command {
        Command::Find(one) => (&one.config, &one.address, &one.school),
        Command::Erase(one) => (&one.config, &one.address, &one.school),
    };
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(problems) => return fail(&problems),
    };
    let Ok(mailbox) = Mailbox::parse(typed) else {
        return fail(&[Problem::new("person", "this is no mail address", "write it as in a mail")]);
    };
    if let Some(school) = school.as_ref().filter(|id| !config.schools.iter().any(|one| one.school.id == **id)) {
        let known: Vec<&str> = config.schools.iter().map(|one| one.school.id.as_str()).collect();
        let remedy = format!("the schools of this configuration are: {}", known.join(", "));
        return fail(&[Problem::new("--school", format!("there is no school \"{school}\""), remedy)]);
    }
    let who = Who { folded: mailbox.folded(), school: school.clone() };
    let kept = match beside(&config, file).and_then(|kept| Ok((kept, share_files(&config)?))) {
        Ok(kept) => kept,
        Err(problem) => return fail(&[problem]),
    };
    let done = process::wait_for(async {
        match command {
            Command::Find(one) => find(kept.0.store(), &config, &who, one.json).await,
            Command::Erase(one) => erase((&kept.0, kept.1.as_ref()), &config, &who, one).await,
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

async fn find(store: &Store, config: &Config, who: &Who, as_json: bool) -> Result<ExitCode, StoreError> {
    let now = store::now();
    let found = store.about_person(who, now).await?;
    let lines = lines(store, &config.lifetimes, who).await?;
    let core = json!({ "event": "opened", "by": "person" });
    let school = who.school.clone().unwrap_or_default();
    store.journal(NewLine { school, ..NewLine::of_gate(now, core.to_string()) }).await?;
    if as_json {
        say(json!({ "found": found, "journal": lines.iter().map(Lines::as_json).collect::<Vec<_>>() }));
        return Ok(ExitCode::SUCCESS);
    }
    let language = config.language;
    say(format!("{:<38}{:>6}  {}", "", language.of("aantal", "count"), language.of("tot", "until")));
    for one in &found {
        say(row(about(one.about, language), one.rows, one.until, &config.time_zone));
    }
    for one in &lines {
        say(row(sort(one.sort, language), one.rows, one.until, &config.time_zone));
    }
    say(language.of(
        "Leerlingen, ouders en medewerkers staan in het rooster zoals de leerlingadministratie het levert: wis ze daar.",
        "Pupils, guardians and staff are in the roster as the pupil administration delivers it: erase them there.",
    ));
    Ok(ExitCode::SUCCESS)
}

async fn erase(
    (kept, files): (&Outbox, Option<&Files>),
    config: &Config,
    who: &Who,
    arguments: &Erase,
) -> Result<ExitCode, StoreError> {
    let (store, language, now) = (kept.store(), config.language, store::now());
    let also = Also { owed: arguments.also_owed, journal: arguments.also_journal };
    let Erased { found, files: shared } = store.erase_about_person(who, also, now).await?;
    let lines = lines(store, &config.lifetimes, who).await?;
    let mut left_files = 0;
    for name in &shared {
        let gone = match files {
            Some(files) => files.delete(name).await.is_ok(),
            None => false,
        };
        left_files += usize::from(!gone);
    }
    for id in store.drop_unused_items().await? {
        left_files += usize::from(kept.vault().delete(&id).await.is_err());
    }
    store.checkpoint().await?;
    if arguments.json {
        let lines: Vec<_> = lines.iter().map(Lines::as_json).collect();
        say(json!({ "erased": found, "journal": lines, "files_left": left_files }));
    } else {
        for one in &found {
            say(told(one, language));
        }
        for one in lines.iter().filter(|one| one.rows > 0) {
            let (rows, until) = (one.rows, day(one.until, &config.time_zone));
            let stays = language.of(
                format!("0 gewist, {rows} bewaard (bewijs, tot {until}; met --also-journal gaat het ook weg)"),
                format!("0 erased, {rows} kept (proof, until {until}; with --also-journal it goes too)"),
            );
            say(format!("{}: {stays}", sort(one.sort, language)));
        }
        if left_files > 0 {
            say(language.of(
                format!(
                    "{left_files} bestanden konden nog niet weg; hun sleutels zijn gewist, en mailpoort ruimt ze op."
                ),
                format!("{left_files} files could not go yet; their keys are erased, and mailpoort sweeps them."),
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Lines of the journal of one sort.
struct Lines {
    sort: Sort,
    rows: usize,
    until: Option<i64>,
}

impl Lines {
    fn as_json(&self) -> serde_json::Value {
        json!({ "sort": self.sort.word(), "rows": self.rows, "until": self.until })
    }
}

/// Lines that are had at a time.
const PAGE: usize = 1000;

async fn lines(store: &Store, lifetimes: &Lifetimes, who: &Who) -> Result<Vec<Lines>, StoreError> {
    let which = Which { person: Some(who.folded.clone()), school: who.school.clone(), ..Which::default() };
    let mut sorts: Vec<Lines> = Sort::ALL.into_iter().map(|sort| Lines { sort, rows: 0, until: None }).collect();
    let mut behind = 0;
    loop {
        let page = store.journal_lines(&which, behind, PAGE).await?;
        let Some(last) = page.last() else { return Ok(sorts) };
        behind = last.number;
        for line in &page {
            let lives = i64::try_from(lifetimes.of(line.sort).as_millis()).unwrap_or(i64::MAX);
            for one in sorts.iter_mut().filter(|one| one.sort == line.sort) {
                one.rows += 1;
                one.until = one.until.max(Some(line.at.saturating_add(lives)));
            }
        }
    }
}

fn row(what: &str, rows: usize, until: Option<i64>, zone: &TimeZone) -> String {
    let until = if rows > 0 { day(until, zone) } else { String::new() };
    format!("{what:<38}{rows:>6}  {until}").trim_end().to_owned()
}

/// What became of a sort, in a line.
fn told(found: &Found, language: Language) -> String {
    let (what, gone) = (about(found.about, language), found.rows - found.stays);
    let Some(why) = found.why else {
        return format!("{what}: {gone} {}", language.of("gewist", "erased"));
    };
    let why = match why {
        Stays::Owed => language.of(
            "nog te bezorgen; met --also-owed vervalt die mail",
            "still to be delivered; with --also-owed that mail is dropped",
        ),
        Stays::OfOthers => language
            .of("hoort bij mail van anderen en verdwijnt daarmee", "belongs to mail of others, and ends with that"),
        Stays::Asked => language.of("er wacht iemand op zijn antwoord", "somebody waits for his answer"),
    };
    let (erased, kept) = (language.of("gewist", "erased"), language.of("bewaard", "kept"));
    format!("{what}: {gone} {erased}, {} {kept} ({why})", found.stays)
}

fn day(until: Option<i64>, zone: &TimeZone) -> String {
    let until = until.and_then(|until| Timestamp::from_millisecond(until).ok());
    until.map_or_else(|| "-".to_owned(), |until| until.to_zoned(zone.clone()).date().to_string())
}

fn about(about: About, language: Language) -> &'static str {
    match about {
        About::Owed => language.of("mail die nog bezorgd moet worden", "mail that is still owed"),
        About::HeldSent => language.of("tegengehouden mail van deze persoon", "held mail of this person"),
        About::HeldReceived => language.of("tegengehouden mail aan deze persoon", "held mail to this person"),
        About::Acts => language.of("gedaan met mail van anderen", "done with mail of others"),
        About::Requests => language.of("vragen aan of van deze persoon", "questions to or of this person"),
        About::SharesSent => language.of("veilige berichten van deze persoon", "secure shares of this person"),
        About::SharesReceived => language.of("veilige berichten aan deze persoon", "secure shares with this person"),
        About::Codes => language.of("codes per sms en foute codes", "codes by text and wrong codes"),
        About::Passkeys => language.of("passkeys", "passkeys"),
        About::Contacts => language.of("nummer of vaste code", "number or fixed code"),
        About::Desk => language.of("codes en sessies van het bureau", "codes and sessions of the desk"),
        About::Notes => language.of("berichten voor later", "notes for later"),
        About::Lists => language.of("links van weekoverzichten", "links of weekly lists"),
    }
}

fn sort(sort: Sort, language: Language) -> &'static str {
    match sort {
        Sort::Passed => language.of("journaal: doorgelaten mail", "journal: mail that passed"),
        Sort::Incident => language.of("journaal: incidenten", "journal: incidents"),
        Sort::Override => language.of("journaal: toch verstuurd", "journal: overrides"),
        Sort::Gate => language.of("journaal: de poort zelf", "journal: the gate itself"),
    }
}
