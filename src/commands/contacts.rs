//! `mailpoort contacts`: whom the school reaches by another way than mail. Numbers for codes by text message, and the fixed
//! codes of organisations; with each where it comes from, who brought it, and when the school checked it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::commands::kept::beside;
use crate::commands::{fail, process, say};
use crate::config::Config;
use crate::message::Mailbox;
use crate::problem::Problem;
use crate::roster::csv;
use crate::seal;
use crate::share::Phone;
use crate::store::contacts::{Contact, Facts};
use crate::store::{self, Store};
use crate::vault::share::{AccessCode, Cost};

/// What to do with contacts.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take in a CSV file with the columns address, phone and checked (the day on which the school checked the number)
    Import(Import),
    /// The contacts: address, as much of the number as its owner knows it by, where it comes from
    List(List),
    /// Forget one
    Remove(One),
    /// Make a fixed code for an organisation, in the place of the one before, and show it once
    Code(One),
    /// Remove all passkeys of an address: a code opens what is shared with it from then on
    ForgetPasskeys(One),
}

/// Arguments of `contacts import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The school, by its id; not needed where there is one
    #[arg(long)]
    school: Option<String>,
    /// Who brings it, for whoever asks later
    #[arg(long)]
    by: String,
    /// The file
    file: PathBuf,
}

/// Arguments of `contacts list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
}

/// Arguments of `contacts remove`, `contacts code` and `contacts forget-passkeys`.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The school, by its id; not needed where there is one
    #[arg(long)]
    school: Option<String>,
    /// The address
    address: String,
}

pub(super) fn run(command: &Command) -> ExitCode {
    let done = match command {
        Command::Import(arguments) => import(arguments),
        Command::List(arguments) => with_store(&arguments.config, |store, _| list(store)),
        Command::Remove(one) => of_one(one, |store, school, address| async move {
            let found = store.contact(&school, store.sender(&address)).await.map_err(trouble)?;
            let found =
                found.ok_or_else(|| Problem::new("contacts", "there is no such contact", "look at the list"))?;
            store.remove_contact(found.id).await.map_err(trouble)?;
            say(
                "The contact and its passkeys are forgotten. Shares that were made before keep the way they were made with.",
            );
            Ok(())
        }),
        Command::Code(one) => of_one(one, code),
        Command::ForgetPasskeys(one) => of_one(one, |store, school, address| async move {
            let gone = store.remove_passkeys(&school, store.sender(&address)).await.map_err(trouble)?;
            say(format!("{gone} passkeys of this address are removed."));
            Ok(())
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => fail(&problems),
    }
}

/// Does something with the store of a configuration.
fn with_store<W: Future<Output = Result<(), Problem>>>(
    file: &Path,
    work: impl FnOnce(Store, &Config) -> W,
) -> Result<(), Vec<Problem>> {
    let config = Config::load(file)?;
    let kept = beside(&config, file).map_err(|problem| vec![problem])?;
    let done = process::wait_for(work(kept.store().clone(), &config));
    done.and_then(|done| done).map_err(|problem| vec![problem])
}

/// Does something with one address of a school.
fn of_one<W: Future<Output = Result<(), Problem>>>(
    one: &One,
    work: impl FnOnce(Store, String, String) -> W,
) -> Result<(), Vec<Problem>> {
    let school = school(&Config::load(&one.config)?, one.school.as_deref(), &one.config).map_err(|one| vec![one])?;
    let mailbox = Mailbox::parse(&one.address)
        .map_err(|_| vec![Problem::new("contacts", "this is no mail address", "write it as in a mail")])?;
    with_store(&one.config, |store, _| work(store, school, mailbox.folded()))
}

fn school(config: &Config, asked: Option<&str>, file: &Path) -> Result<String, Problem> {
    let ids: Vec<&str> = config.schools.iter().map(|school| school.school.id.as_str()).collect();
    match (asked, ids.as_slice()) {
        (None, [only]) => Ok((*only).to_owned()),
        (Some(asked), ids) if ids.contains(&asked) => Ok(asked.to_owned()),
        (_, ids) => {
            let what = "it is not said for which school";
            Err(Problem::new(file, what, format!("give --school, one of: {}", ids.join(", "))))
        }
    }
}

fn trouble(error: impl std::fmt::Display) -> Problem {
    Problem::new("contacts", error.to_string(), "look at the data folder with `mailpoort doctor`")
}

fn import(arguments: &Import) -> Result<(), Vec<Problem>> {
    let config = Config::load(&arguments.config)?;
    let school = school(&config, arguments.school.as_deref(), &arguments.config).map_err(|one| vec![one])?;
    let octets = std::fs::read(&arguments.file).map_err(|error| {
        let what = format!("the file cannot be read: {error}");
        vec![Problem::new(&arguments.file, what, "give a CSV file")]
    })?;
    let calling_code = config.sms.as_ref().map_or("31", |sms| sms.calling_code.as_str());
    let source = arguments.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rows = read(&octets, calling_code, &arguments.file)?;
    for row in &mut rows {
        (row.source, row.by) = (source.clone(), arguments.by.clone());
    }
    let unchecked = rows.iter().filter(|row| row.checked.is_none()).count();
    let number = rows.len();
    with_store(&arguments.config, |store, _| async move {
        let new = |facts| Ok((seal::random().map_err(trouble)?, facts));
        let contacts = rows.into_iter().map(new).collect::<Result<Vec<_>, Problem>>()?;
        store.keep_contacts(&school, contacts, store::now()).await.map_err(trouble)
    })?;
    say(format!("{number} contacts of {}.", arguments.file.display()));
    if unchecked > 0 {
        say(format!(
            "{unchecked} of them have no day of checking: they are forgotten after 14 days, unless they are used."
        ));
    }
    Ok(())
}

/// Columns by the words that stand above them.
const ADDRESS: &[&str] = &["address", "mail", "email", "e-mail", "adres", "mailadres", "e-mailadres", "emailadres"];
const PHONE: &[&str] = &["phone", "mobile", "telefoon", "telefoonnummer", "mobiel", "mobiele nummer", "06-nummer"];
const CHECKED: &[&str] = &["checked", "since", "gecontroleerd", "gecontroleerd op", "sinds"];
/// Problems of one file that are told.
const MOST: usize = 20;

/// Reads a file, all of it or nothing: what is wrong is told by its line, without its value.
fn read(octets: &[u8], calling_code: &str, file: &Path) -> Result<Vec<Facts>, Vec<Problem>> {
    let wrong = |what: &str, remedy: &str| vec![Problem::new(file, what, remedy)];
    let text = csv::decode(octets).ok_or_else(|| wrong("this is no text", "save it as CSV"))?;
    let mut rows = csv::rows(&text).into_iter();
    let head = rows.next().ok_or_else(|| wrong("the file is empty", "give a CSV file with a first line of titles"))?;
    let titles: Vec<String> = head.fields.iter().map(|title| title.trim().to_lowercase()).collect();
    let column = |words: &[&str]| titles.iter().position(|title| words.contains(&title.as_str()));
    let address = column(ADDRESS)
        .ok_or_else(|| wrong("no column is called address", "put titles in the first line: address;phone;checked"))?;
    let (phone, checked) = (column(PHONE), column(CHECKED));
    let (mut facts, mut problems) = (Vec::new(), Vec::new());
    for row in rows {
        let field =
            |at: Option<usize>| at.and_then(|at| row.fields.get(at)).map(|text| text.trim()).unwrap_or_default();
        let mut bad = |what: &str, remedy: &str| {
            let text = format!("line {}: {what}", row.line);
            problems.push(Problem::new(file, text, remedy));
        };
        let Ok(mailbox) = Mailbox::parse(field(Some(address))) else {
            bad("there is no mail address", "write it as in a mail, or remove the line");
            continue;
        };
        let number = Some(field(phone)).filter(|typed| !typed.is_empty());
        let read = number.and_then(|typed| Phone::read(typed, calling_code));
        if number.is_some() && read.as_ref().is_none_or(|phone| !phone.takes_texts()) {
            bad("this is no number of a mobile phone", "write it as 06-12345678 or +31612345678, or leave it empty");
        }
        let day = Some(field(checked)).filter(|typed| !typed.is_empty());
        let known = day.and_then(date);
        if day.is_some() && known.is_none() {
            bad("the day of checking is no date", "write it as 2026-11-24 or 24-11-2026, or leave it empty");
        }
        facts.push(Facts {
            address: mailbox.folded(),
            phone: read.map(|phone| phone.written().to_owned()),
            checked: known.map(|day| day.to_string()),
            ..Facts::default()
        });
    }
    problems.truncate(MOST);
    if problems.is_empty() { Ok(facts) } else { Err(problems) }
}

fn date(typed: &str) -> Option<Date> {
    typed.parse().ok().or_else(|| Date::strptime("%d-%m-%Y", typed).ok())
}

async fn list(store: Store) -> Result<(), Problem> {
    let contacts = store.contacts().await.map_err(trouble)?;
    say(format!(
        "{:<12}  {:<40}  {:<12}  {:<5}  {:<10}  {:<10}  {:<10}  from",
        "school", "address", "number", "code", "checked", "brought", "used"
    ));
    contacts.iter().for_each(|contact| say(line(contact)));
    Ok(())
}

fn line(contact: &Contact) -> String {
    let day = |millis: i64| {
        Timestamp::from_millisecond(millis).map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
    };
    let facts = &contact.facts;
    let phone = facts.phone.as_deref().and_then(|phone| Phone::read(phone, "")).map(|phone| phone.masked());
    let from = [facts.source.as_str(), facts.by.as_str()].into_iter().filter(|text| !text.is_empty());
    format!(
        "{:<12}  {:<40}  {:<12}  {:<5}  {:<10}  {:<10}  {:<10}  {}",
        contact.school,
        facts.address,
        phone.unwrap_or_else(|| "-".to_owned()),
        if contact.code.is_some() { "yes" } else { "-" },
        facts.checked.as_deref().unwrap_or("-"),
        day(contact.made_at),
        contact.proven_at.map_or_else(|| "-".to_owned(), day),
        from.collect::<Vec<_>>().join(", ")
    )
}

async fn code(store: Store, school: String, address: String) -> Result<(), Problem> {
    let index = store.sender(&address);
    if store.contact(&school, index).await.map_err(trouble)?.is_none() {
        let facts = Facts { address, source: "contacts code".to_owned(), ..Facts::default() };
        let id = seal::random().map_err(trouble)?;
        store.keep_contacts(&school, vec![(id, facts)], store::now()).await.map_err(trouble)?;
    }
    let contact = store.contact(&school, index).await.map_err(trouble)?;
    let contact = contact.ok_or_else(|| trouble("the contact could not be kept"))?;
    let nothing = || trouble("the system has no chance, threads or memory left");
    let code = AccessCode::new().ok_or_else(nothing)?;
    let cost = Cost::default();
    let key = code.fixed_key(&contact.id, cost).await.ok_or_else(nothing)?;
    store.set_contact_code(contact.id, key.octets(), cost.number()).await.map_err(trouble)?;
    say(format!("The fixed code of this organisation: {}", code.grouped()));
    say("It is shown once, and kept nowhere. Tell it by phone or in person; never mail it.");
    say(
        "Shares that are made from now on ask for it. Those that were made with an earlier code still ask for that one.",
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_is_read_whole_or_refused_by_line() {
        let file = Path::new("contacts.csv");
        let good = "E-mailadres;Telefoon;Gecontroleerd op\nWijkteam@Zorg.example;06-12345678;24-11-2026\nouder@thuis.example;;\n";
        let read_good = read(good.as_bytes(), "31", file).unwrap();
        assert_eq!(read_good.len(), 2);
        assert_eq!(read_good[0].address, "wijkteam@zorg.example");
        assert_eq!(read_good[0].phone.as_deref(), Some("+31612345678"));
        assert_eq!(read_good[0].checked.as_deref(), Some("2026-11-24"));
        assert_eq!((read_good[1].phone.clone(), read_good[1].checked.clone()), (None, None));
        let bad = "address,phone,checked\nniemand,06-12345678,\na@b.example,040-7654321,\na@b.example,,gisteren\n";
        let told: Vec<String> = read(bad.as_bytes(), "31", file).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("line 2") && told[1].contains("line 3") && told[2].contains("line 4"), "{told:?}");
        assert!(!told.concat().contains("niemand") && !told.concat().contains("7654321"), "{told:?}");
        assert!(read(b"naam;klas\nKim;3\n", "31", file).is_err());
    }
}
