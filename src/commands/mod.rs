//! The commands, one file each. The only place that prints.

mod annex;
mod backup;
mod contacts;
mod demo;
mod doctor;
mod hash_password;
mod held;
mod journal;
mod kept;
mod keys;
mod outbox;
mod pause;
mod person;
mod process;
mod purge;
mod reach;
mod read_documents;
mod replay;
mod rollout;
mod roster;
mod rules;
mod scan;
mod score;
mod serve;
mod share;
mod tls_check;

use std::fmt::Display;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use clap::{Parser, Subcommand};

use crate::problem::{Excerpt, Problem};

/// The gate through which a Dutch school's mail leaves.
#[derive(Debug, Parser)]
#[command(name = "mailpoort", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gate, in the foreground
    Serve(serve::Arguments),
    /// Judge messages or documents without sending anything
    Scan(scan::Arguments),
    /// Judge mail of before with other rules, and tell what would change
    Replay(replay::Arguments),
    /// Look at the detection rules
    #[command(subcommand)]
    Rules(rules::Command),
    /// Import pupils, guardians and staff, or look what is in an export
    #[command(subcommand)]
    Roster(roster::Command),
    /// What each policy line did or would have done, in numbers
    Rollout(rollout::Arguments),
    /// Look into the journal: whether it is whole, what it says, and about whom
    #[command(subcommand)]
    Journal(journal::Command),
    /// Erase what is over, and show that it is gone
    Purge(purge::Arguments),
    /// The mail that is owed: list it, try it now, drop it
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// The mail that is held until its sender chooses: list it, and see that it opens
    #[command(subcommand)]
    Held(held::Command),
    /// Secure shares: list them, open one with the escrow key, try it all with an invented one
    #[command(subcommand)]
    Share(share::Command),
    /// Whom the school reaches by another way than mail: numbers for text messages, fixed codes of organisations
    #[command(subcommand)]
    Contacts(contacts::Command),
    /// What is kept about one person, by an address, and its erasure (AVG art. 15, 17)
    #[command(subcommand)]
    Person(person::Command),
    /// The key that seals what is kept: show its id, change it, back it up
    #[command(subcommand)]
    Keys(keys::Command),
    /// Copy what is kept, of one moment, beside a gate that serves; the key is copied apart
    Backup(backup::Arguments),
    /// What is processed here, where, how long, and who else gets it: the annex to a processor agreement
    Annex(annex::Arguments),
    /// Look at everything that the gate needs, and say what to do about what is wrong
    Doctor(doctor::Arguments),
    /// Whether mail to a domain can travel under proven TLS, and what a message that must would do
    TlsCheck(tls_check::Arguments),
    /// For some hours let everything pass, and only journal what would have happened
    Pause(pause::Arguments),
    /// Try it: an invented school, seven mails, and a page that shows what became of them
    Demo(demo::Arguments),
    /// Make an Argon2 hash for the user file; the password is read from standard input
    HashPassword,
}

/// Runs the command of the command line; the exit code of the process.
pub fn run() -> ExitCode {
    if let Some(code) = read_documents::run(std::env::args_os()) {
        return code;
    }
    process::keep_secrets();
    match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Rules(command) => rules::run(&command),
        Command::Roster(command) => roster::run(&command),
        Command::Rollout(arguments) => rollout::run(&arguments),
        Command::Journal(command) => journal::run(&command),
        Command::Purge(arguments) => purge::run(&arguments),
        Command::Outbox(command) => outbox::run(&command),
        Command::Held(command) => held::run(&command),
        Command::Share(command) => share::run(&command),
        Command::Contacts(command) => contacts::run(&command),
        Command::Person(command) => person::run(&command),
        Command::Keys(command) => keys::run(&command),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Annex(arguments) => annex::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::TlsCheck(arguments) => tls_check::run(&arguments),
        Command::Pause(arguments) => pause::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::HashPassword => hash_password::run(),
    }
}

/// Bad input: the user is to mend something, and this says what.
const MEND: u8 = 1;

/// Prints a line for whoever ran the command.
#[expect(clippy::print_stdout, reason = "commands are for people and programs that read standard output")]
fn say(line: impl Display) {
    println!("{line}");
}

/// Prints a line beside the output.
#[expect(clippy::print_stderr, reason = "problems do not belong in the output")]
fn complain(line: impl Display) {
    eprintln!("mailpoort: {line}");
}

fn fail(problems: &[Problem]) -> ExitCode {
    problems.iter().for_each(complain);
    ExitCode::from(MEND)
}

/// As [`fail`], with the piece of the file that is wrong: for whoever writes rules, never for a log.
fn fail_with_excerpts(problems: &[Problem]) -> ExitCode {
    problems.iter().for_each(|problem| match &problem.excerpt {
        None => complain(problem),
        Some(excerpt) => complain(excerpted(problem, excerpt)),
    });
    ExitCode::from(MEND)
}

/// The texts of rule packs.
fn read_packs(files: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, Vec<Problem>> {
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file);
        text.map(|text| (file.clone(), text))
            .map_err(|error| Problem::new(file, format!("the rules cannot be read: {error}"), "check the path"))
    };
    let (good, bad): (Vec<_>, Vec<_>) = files.iter().map(read).partition(Result::is_ok);
    let problems: Vec<Problem> = bad.into_iter().filter_map(Result::err).collect();
    if problems.is_empty() { Ok(good.into_iter().flatten().collect()) } else { Err(problems) }
}

/// A problem with the piece of the file that is wrong, as compilers show it.
fn excerpted(problem: &Problem, excerpt: &Excerpt) -> String {
    let path = problem.file.display().to_string();
    let end = excerpt.span.end.min(excerpt.text.len());
    let annotation = AnnotationKind::Primary.span(excerpt.span.start.min(end)..end);
    let snippet = Snippet::source(&*excerpt.text).path(path).annotation(annotation);
    let group = Group::with_title(Level::ERROR.primary_title(&problem.what)).element(snippet);
    let report = [group.element(Level::HELP.message(&problem.remedy))];
    let renderer = if std::io::stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&report)
}
