//! `mailpoort rules`: check rule packs with their own hits and misses; list the rules.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::commands::{fail, say};
use crate::detect::Rules;
use crate::problem::Problem;

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check packs as the gate loads them, beside the shipped ones: every hit must hit, every miss must miss
    Check {
        /// Rule packs in TOML
        files: Vec<PathBuf>,
    },
    /// List the rules; without files the shipped ones
    List {
        /// Rule packs in TOML
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(command: &Command) -> ExitCode {
    let (Command::Check { files } | Command::List { files }) = command;
    match load(files) {
        Ok(rules) => {
            if let Command::List { .. } = command {
                list(&rules);
            }
            let (hits, misses) = rules.list().iter().fold((0, 0), |(h, m), rule| (h + rule.hits, m + rule.misses));
            say(format!("{} rules are good: {hits} hits hit, {misses} misses miss.", rules.list().len()));
            ExitCode::SUCCESS
        }
        Err(problems) => fail(&problems),
    }
}

fn load(files: &[PathBuf]) -> Result<Rules, Vec<Problem>> {
    if files.is_empty() {
        return Rules::check();
    }
    let mut texts = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        match std::fs::read_to_string(file) {
            Ok(text) => texts.push((file.clone(), text)),
            Err(error) => {
                problems.push(Problem::new(file, format!("the rules cannot be read: {error}"), "check the path"))
            }
        }
    }
    if problems.is_empty() { Rules::beside_shipped(&texts) } else { Err(problems) }
}

fn list(rules: &Rules) {
    for rule in rules.list() {
        say(format!(
            "{:28} {:16} {:5} terms  {:3} hits  {:3} misses  ({})",
            rule.id,
            rule.kind.word(),
            rule.terms,
            rule.hits,
            rule.misses,
            rule.pack
        ));
    }
}
