//! The commands, one file each. The only place that prints.

mod demo;
mod hash_password;
mod process;
mod roster;
mod rules;
mod scan;
mod serve;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::problem::Problem;

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
    /// Look at the detection rules
    #[command(subcommand)]
    Rules(rules::Command),
    /// Import pupils, guardians and staff, or look what is in an export
    #[command(subcommand)]
    Roster(roster::Command),
    /// Try it: an invented school, six mails, and a page that shows what became of them
    Demo(demo::Arguments),
    /// Make an Argon2 hash for the user file; the password is read from standard input
    HashPassword,
}

/// Runs the command of the command line; the exit code of the process.
pub fn run() -> ExitCode {
    process::keep_secrets();
    match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Rules(command) => rules::run(&command),
        Command::Roster(command) => roster::run(&command),
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
