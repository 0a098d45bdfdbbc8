//! `mailpoort rules score`: how well the rules do on mail in which people have marked what is there.
//!
//! A school marks some of its own mail once, and can see afterwards, rule by rule, what a change does: how much of what
//! was marked is found (recall), and how much of what is found was marked (precision). Prints counts and, when asked,
//! the files; a marked or found value never. Marks are TOML (`[[mail]]`) or a JSON object a line. What cannot be read is
//! told with its file and place, and nothing is scored then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::scan::Judge;
use crate::commands::{complain, fail, read_packs, say};
use crate::decide::counted;
use crate::detect::{Finding, Kind, Rules, same_spelling};
use crate::gate::house::Bench;
use crate::gate::scan;
use crate::message::{Day, Envelope, Mail};
use crate::problem::Problem;

/// Arguments of `rules score`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What is marked: labels.toml, with a `[[mail]]` for each file beside it, or labels.jsonl
    labels: PathBuf,
    /// A configuration, for its rules, policy, schools and rosters
    #[arg(long)]
    config: Option<PathBuf>,
    /// A roster, instead of the configuration's
    #[arg(long)]
    roster: Option<PathBuf>,
    /// Rule packs that lie over the shipped ones. May be given several times
    #[arg(long)]
    rules: Vec<PathBuf>,
    /// Name the files in which something was missed or wrongly found
    #[arg(long)]
    show: bool,
}

/// What people have marked in one mail.
#[derive(Deserialize)]
struct Labelled {
    /// The mail, from the folder of the labels.
    file: PathBuf,
    /// All that is there; empty for a mail with nothing in it.
    #[serde(default, alias = "expect")]
    find: Vec<Mark>,
}

#[derive(Deserialize)]
struct Mark {
    kind: String,
    /// As it stands in the mail.
    text: String,
    /// The part, as `scan --json` names it; none is any.
    part: Option<String>,
    /// Whether it must be found; what need not be is never wrong.
    #[serde(default = "yes")]
    must: bool,
}

/// The file of labels.
#[derive(Deserialize)]
struct Labels {
    mail: Vec<Labelled>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match scored(arguments) {
        Ok(score) => {
            score.print(arguments.show);
            ExitCode::SUCCESS
        }
        Err(problems) => fail(&problems),
    }
}

fn scored(arguments: &Arguments) -> Result<Score, Vec<Problem>> {
    let labels = labels(&arguments.labels).map_err(|problem| vec![problem])?;
    let mut judge = Judge::load(arguments.config.as_deref(), arguments.roster.as_deref(), &[], labels.len())?;
    if !arguments.rules.is_empty() {
        let rules = Rules::beside_shipped(&read_packs(&arguments.rules)?)?;
        judge.bench = std::sync::Arc::new(Bench { rules, ..judge.bench.as_ref().clone() });
    }
    let folder = arguments.labels.parent().unwrap_or(Path::new("."));
    let marked = labels.iter().flat_map(|labelled| &labelled.find).filter_map(|mark| Kind::from_word(&mark.kind));
    let mut score = Score { marked: marked.map(Kind::word).collect(), ..Score::default() };
    for labelled in &labels {
        let file = folder.join(&labelled.file);
        let raw = std::fs::read(&file).map_err(|error| {
            vec![Problem::new(&file, format!("the mail cannot be read: {error}"), "check its path in the labels")]
        })?;
        let mail = Mail { envelope: Envelope::default(), raw, day: Day::default() };
        let scan = scan(&mail, &judge.tenant(&mail.envelope), &judge.bench);
        score.add(labelled, &counted(&scan.findings, &judge.bench.policy).collect::<Vec<_>>());
    }
    Ok(score)
}

fn labels(file: &Path) -> Result<Vec<Labelled>, Problem> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Problem::new(file, format!("the labels cannot be read: {error}"), "check the path"))?;
    let labels = if file.extension().is_some_and(|end| end == "jsonl") {
        let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        lines.map(|(line, number)| serde_json::from_str(line).map_err(|error| wrong(file, number, &error))).collect()
    } else {
        let line = |error: &toml::de::Error| {
            text.get(..error.span().map_or(0, |span| span.start)).map_or(1, |before| before.matches('\n').count() + 1)
        };
        toml::from_str(&text).map(|Labels { mail }| mail).map_err(|error| wrong(file, line(&error), &error.message()))
    }?;
    let kinds = labels.iter().flat_map(|labelled: &Labelled| labelled.find.iter().map(|mark| mark.kind.as_str()));
    match kinds.into_iter().find(|kind| Kind::from_word(kind).is_none()) {
        Some(kind) => {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
            Err(Problem::new(file, format!("there is no kind `{kind}`"), format!("use one of: {}", known.join(", "))))
        }
        None => Ok(labels),
    }
}

/// Never with the line itself: marked values stand in it.
fn wrong(file: &Path, line: usize, error: &dyn std::fmt::Display) -> Problem {
    let says = error.to_string();
    let says = says.split('`').next().unwrap_or_default().trim_end_matches([' ', ':', ',']);
    Problem::new(
        format!("{}:{line}", file.display()),
        format!("this is no label: {says}"),
        "a mail has `file` and `find`, and each mark in it `kind` and `text`",
    )
}

/// What was found and missed, counted.
#[derive(Default)]
struct Score {
    mails: usize,
    /// The kinds that people looked for; of others nothing is right or wrong.
    marked: BTreeSet<&'static str>,
    /// The kinds that were found and that nobody looked for.
    others: BTreeSet<&'static str>,
    /// By rule: how many different values were marked, and how many were not.
    rules: BTreeMap<String, [usize; 2]>,
    /// By kind: how many must be found, and how many were not.
    kinds: BTreeMap<&'static str, [usize; 2]>,
    /// Files, with what was missed and what was wrongly found in them, by kind.
    files: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Score {
    fn add(&mut self, labelled: &Labelled, findings: &[&Finding]) {
        self.mails += 1;
        let mut note = |what: &str, kind: &str| {
            self.files.entry(labelled.file.clone()).or_default().insert(format!("{what} {kind}"));
        };
        let mut seen = BTreeSet::new();
        for mark in labelled.find.iter().filter(|mark| mark.must) {
            let Some(kind) = Kind::from_word(&mark.kind) else { continue };
            if !seen.insert((kind, plain(&mark.text), mark.part.as_deref().map(place))) {
                continue;
            }
            let [all, missed] = self.kinds.entry(kind.word()).or_default();
            *all += 1;
            if !findings.iter().any(|finding| mark.is(finding)) {
                *missed += 1;
                note("missed", kind.word());
            }
        }
        let mut seen = BTreeSet::new();
        for finding in findings {
            if !self.marked.contains(finding.kind.word()) {
                self.others.insert(finding.kind.word());
                continue;
            }
            let part = finding.place.path();
            if !seen.insert((finding.rule.to_string(), plain(finding.found.expose()), place(&part).to_owned())) {
                continue;
            }
            let [right, wrong] = self.rules.entry(finding.rule.to_string()).or_default();
            if labelled.find.iter().any(|mark| mark.is(finding)) {
                *right += 1;
            } else {
                *wrong += 1;
                note("wrongly found", finding.kind.word());
            }
        }
    }

    fn print(&self, show: bool) {
        say(format!("{} mails scored.", self.mails));
        say(format!("\n{:32} {:>8} {:>8} {:>8}", "kinds that were marked", "marked", "missed", "recall"));
        for (kind, [all, missed]) in &self.kinds {
            say(format!("  {kind:30} {all:>8} {missed:>8} {:>8}", share(all - missed, *all)));
        }
        say(format!("\n{:32} {:>8} {:>8} {:>9}", "rules that found something", "right", "wrong", "precision"));
        for (rule, [right, wrong]) in &self.rules {
            say(format!("  {rule:30} {right:>8} {wrong:>8} {:>9}", share(*right, right + wrong)));
        }
        if !self.others.is_empty() {
            let others: Vec<&str> = self.others.iter().copied().collect();
            say(format!("Found too, but marked in no mail, so left out: {}.", others.join(", ")));
        }
        for (file, what) in self.files.iter().filter(|_| show) {
            let what: Vec<&str> = what.iter().map(String::as_str).collect();
            say(format!("  {}: {}", file.display(), what.join("; ")));
        }
        if self.mails == 0 {
            complain("no mail is labelled, so this says nothing");
        }
    }
}

impl Mark {
    /// Whether a finding is what was marked: of its kind, in its part, the same value or a part of it.
    fn is(&self, finding: &Finding) -> bool {
        let (marked, found) = (plain(&self.text), plain(finding.found.expose()));
        let alike = marked == found
            || !marked.is_empty() && !found.is_empty() && (marked.contains(&found) || found.contains(&marked));
        let here = |part: &String| place(part) == place(&finding.place.path());
        self.kind == finding.kind.word() && alike && self.part.as_ref().is_none_or(here)
    }
}

/// The two forms of a body say the same, so they are one place.
fn place(part: &str) -> &str {
    match part.strip_suffix("html") {
        Some(around) if around.is_empty() || around.ends_with('/') => around,
        _ => part.strip_suffix("text").filter(|around| around.is_empty() || around.ends_with('/')).unwrap_or(part),
    }
}

/// A value without what may be written one way or another: case, accents, points, spaces, leading zeros.
fn plain(value: &str) -> String {
    let plain: String =
        same_spelling(value).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    plain.trim_start_matches('0').to_owned()
}

fn share(part: usize, all: usize) -> String {
    if all == 0 { "-".into() } else { format!("{:.3}", part as f64 / all as f64) }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn what_is_marked_found_and_missed_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.eml", "Subject: x\r\n\r\nHet BSN van de leerling is 123456782.\r\n");
        write(folder.path(), "b.eml", "Subject: x\r\n\r\nMail naar NL91ABNA0417164300 of bel 06-12345678.\r\n");
        let toml = "[[mail]]\nfile = \"a.eml\"\nfind = [\n  { kind = \"bsn\", text = \"123.456.782\" },\n  \
                    { kind = \"health\", text = \"epilepsie\" },\n  { kind = \"phone\", text = \"0\", must = false },\n]\n[[mail]]\nfile = \"b.eml\"\n\
                    find = [{ kind = \"iban\", text = \"NL91 ABNA 0417 1643 00\", part = \"html\" }]\n";
        let jsonl = concat!(
            "{\"file\":\"a.eml\",\"expect\":[{\"kind\":\"bsn\",\"text\":\"123456782\"},",
            "{\"kind\":\"health\",\"text\":\"epilepsie\",\"must\":true},",
            "{\"kind\":\"phone\",\"text\":\"0\",\"must\":false}]}\n\n",
            "{\"file\":\"b.eml\",\"expect\":[{\"kind\":\"iban\",\"text\":\"NL91ABNA0417164300\",\"part\":\"text\"}]}\n"
        );
        for (name, text) in [("labels.toml", toml), ("labels.jsonl", jsonl)] {
            let labels = write(folder.path(), name, text);
            let arguments = Arguments { labels, config: None, roster: None, rules: Vec::new(), show: false };
            let score = scored(&arguments).map_err(|problems| format!("{problems:?}")).unwrap();
            assert_eq!(score.kinds, [("bsn", [1, 0]), ("health", [1, 1]), ("iban", [1, 0])].into(), "{name}");
            let wrong: Vec<&str> =
                score.rules.iter().filter(|(_, [_, wrong])| *wrong > 0).map(|(rule, _)| rule.as_str()).collect();
            assert_eq!(wrong, ["nl.phone"], "{name}");
            let files: Vec<String> = score.files.values().flatten().cloned().collect();
            assert_eq!(files, ["missed health", "wrongly found phone"], "{name}");
        }
    }

    #[test]
    fn labels_that_are_wrong_are_told_without_what_was_marked() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, says) in [
            (
                "a.toml",
                "[[mail]]\nfile = \"a.eml\"\nfind = [{ kind = \"bsn\", text = 123456782 }]\n",
                "this is no label",
            ),
            (
                "b.jsonl",
                "{\"file\":\"a.eml\",\"expect\":[{\"kind\":\"bsn\",\"text\":123456782}]}\n",
                "this is no label",
            ),
            (
                "c.toml",
                "[[mail]]\nfile = \"a.eml\"\nfind = [{ kind = \"shoe\", text = \"123456782\" }]\n",
                "no kind `shoe`",
            ),
            ("d.toml", "[[mail]]\nfile = \"none.eml\"\n", "the mail cannot be read"),
        ] {
            let labels = write(folder.path(), name, text);
            let arguments = Arguments { labels, config: None, roster: None, rules: Vec::new(), show: false };
            let problems = scored(&arguments).err().map(|problems| format!("{problems:?}")).unwrap();
            assert!(problems.contains(says) && !problems.contains("123456782"), "{name}: {problems}");
        }
    }
}
