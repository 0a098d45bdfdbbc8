//! `mailpoort rules`: check rule packs with their own hits and misses; list, explain and score the rules.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Zoned;

use crate::commands::{MEND, complain, fail_with_excerpts, read_packs, say, score};
use crate::decide::Policy;
use crate::detect::{Rule, RuleMode, Rules};
use crate::gate::day;
use crate::problem::Problem;

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check packs as the gate loads them, over the shipped ones: every hit must hit, every miss must miss
    Check(Packs),
    /// Run all hits and misses of all rules, the shipped ones too
    Test(Packs),
    /// List the rules; without files the shipped ones
    List(Packs),
    /// Tell what one rule looks for, how far it may go, who changed it, and what policy does with what it finds
    Explain {
        /// The rule's id, as `rules list` and `scan` show it
        id: String,
        #[command(flatten)]
        packs: Packs,
    },
    /// How well the rules do on mail in which people have marked what is there: recall by kind, precision by rule
    Score(score::Arguments),
}

/// A school's own packs.
#[derive(Debug, Args)]
pub(super) struct Packs {
    /// Rule packs in TOML, which lie over the shipped ones
    files: Vec<PathBuf>,
}

pub(super) fn run(command: &Command) -> ExitCode {
    let done = match command {
        Command::Score(arguments) => return score::run(arguments),
        Command::Check(packs) => load(packs).map(|rules| tally(&rules)),
        Command::Test(packs) => Rules::check().and_then(|_| load(packs)).map(|rules| tally(&rules)),
        Command::List(packs) => load(packs).map(|rules| {
            rules.list().iter().for_each(list);
            tally(&rules);
        }),
        Command::Explain { id, packs } => match load(packs) {
            Ok(rules) => return explain(&rules, id),
            Err(problems) => Err(problems),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => fail_with_excerpts(&problems),
    }
}

fn load(packs: &Packs) -> Result<Rules, Vec<Problem>> {
    if packs.files.is_empty() {
        return Rules::check();
    }
    Rules::beside_shipped(&read_packs(&packs.files)?)
}

fn tally(rules: &Rules) {
    let (hits, misses) = rules.list().iter().fold((0, 0), |(h, m), rule| (h + rule.hits, m + rule.misses));
    say(format!("{} rules are good: {hits} hits hit, {misses} misses miss.", rules.list().len()));
    let today = day(&Zoned::now());
    for rule in rules.list() {
        for exception in rule.allowed.list().filter(|exception| exception.until < today) {
            let (id, until, owner) = (&rule.id, exception.until, &exception.owner);
            complain(format!("rule {id}: an exception of {owner} ended on {until} and does nothing any more"));
        }
    }
}

fn list(rule: &Rule) {
    let (kind, mode, terms) = (rule.kind.word(), rule.mode.word(), rule.terms.len());
    let (hits, misses, pack) = (rule.hits, rule.misses, &rule.pack);
    say(format!("{:28} {kind:16} {mode:8} {terms:5} terms  {hits:3} hits  {misses:3} misses  ({pack})", rule.id));
}

fn explain(rules: &Rules, id: &str) -> ExitCode {
    let Some(rule) = rules.get(id) else {
        complain(format!("there is no rule {id}; `mailpoort rules list` names all rules"));
        return ExitCode::from(MEND);
    };
    say(format!("{id}: {} / {}", rule.title.nl, rule.title.en));
    say(format!("  finds         {} ({:?})", rule.kind.word(), rule.strength).to_lowercase());
    say(format!("  looks by      {}", rule.check.explained()));
    say(format!("  stands in     {}, pack {}", rule.file.display(), rule.pack));
    say(format!("  mode          {}", in_words(rule.mode)));
    if rule.weight != 0.0 {
        say(format!("  weight        {:+.1} to each finding, in log-odds", rule.weight));
    }
    let threshold = rule.threshold.map_or("the policy's".to_string(), |threshold| format!("{threshold:.2}"));
    say(format!("  counts from   a confidence of {threshold}"));
    for (what, words) in [("terms", &rule.terms), ("speaks for", &rule.context), ("against", &rule.against)] {
        if !words.is_empty() {
            say(format!("  {what:13} {}", words.join(", ")));
        }
    }
    if let Some(pattern) = &rule.pattern {
        say(format!("  pattern       {}", pattern.as_str()));
    }
    if !rule.advice.nl.is_empty() {
        say(format!("  advice        {} / {}", rule.advice.nl, rule.advice.en));
    }
    rule.changes.iter().for_each(|why| say(format!("  changed       {why}")));
    for exception in rule.allowed.list() {
        say(format!("  allowed       until {}, by {}: {}", exception.until, exception.owner, exception.reason));
    }
    say(format!("  tried with    {} hits, {} misses", rule.hits, rule.misses));
    lines(rule)
}

/// What the shipped policy does with what a rule finds.
fn lines(rule: &Rule) -> ExitCode {
    match Policy::shipped() {
        Ok(policy) => {
            let about = policy.lines.iter().filter(|line| line.when.kinds.contains(&rule.kind));
            for line in about.filter(|line| line.when.strength.is_none_or(|strength| strength == rule.strength)) {
                say(format!("  policy line   {:24} {:6} {}", line.id, line.ask.word(), line.why));
            }
            ExitCode::SUCCESS
        }
        Err(problems) => fail_with_excerpts(&problems),
    }
}

fn in_words(mode: RuleMode) -> &'static str {
    match mode {
        RuleMode::Off => "off: it does not look",
        RuleMode::Observe => "observe: what it finds is counted, and changes nothing",
        RuleMode::Advise => "advise: what it finds is advice at most",
        RuleMode::Enforce => "enforce: what it finds counts",
    }
}
