//! `mailpoort replay`: judge mail that was sent before with two sets of rules, and tell what would change.
//!
//! Prints counts by rule, content and route; a subject, an address or a found value never, and file names only when
//! asked. Nothing is sent or kept. Uses two threads; documents are read in the sealed processes, as always.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;

use super::scan::Judge;
use crate::commands::{MEND, complain, fail, read_packs, say};
use crate::decide::{Policy, counted};
use crate::detect::Rules;
use crate::gate::house::{Bench, Tenant};
use crate::gate::{Scan, scan};
use crate::message::{Day, Envelope, Limits, Mail, Mailbox, Message, Recipient};
use crate::problem::Problem;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A folder with mail: .eml files, or a maildir; folders in it too
    folder: PathBuf,
    /// A configuration, for its rules, policy, schools and rosters: what was
    #[arg(long)]
    config: Option<PathBuf>,
    /// A roster, instead of the configuration's
    #[arg(long)]
    roster: Option<PathBuf>,
    /// A domain of the school, where there is no configuration; may be given several times
    #[arg(long)]
    domain: Vec<String>,
    /// Rule packs that lie over the shipped ones: what would be. May be given several times
    #[arg(long)]
    rules: Vec<PathBuf>,
    /// A policy: what would be
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Name the files that change, and how
    #[arg(long)]
    show: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match compared(arguments) {
        Ok(tally) => tally.print(arguments),
        Err(problems) => fail(&problems),
    }
}

fn compared(arguments: &Arguments) -> Result<Tally, Vec<Problem>> {
    let files = mails(&arguments.folder)?;
    let before = Judge::load(arguments.config.as_deref(), arguments.roster.as_deref(), &arguments.domain, files.len())?;
    let after = after(arguments, &before)?;
    let (next, done, tally) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Tally::default()));
    let progress = std::io::stderr().is_terminal();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut own = Tally::default();
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    own.add(file, &before, &after);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if progress && done.is_multiple_of(20) {
                        bar(done, files.len());
                    }
                }
                tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner).and(own);
            });
        }
    });
    if progress {
        bar(files.len(), files.len());
        complain("");
    }
    Ok(tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// The same house with the rules and policy that would be.
fn after(arguments: &Arguments, before: &Judge) -> Result<Bench, Vec<Problem>> {
    let rules = match arguments.rules.as_slice() {
        [] => before.bench.rules.clone(),
        packs => Rules::beside_shipped(&read_packs(packs)?)?,
    };
    let policy = match &arguments.policy {
        None => before.bench.policy.clone(),
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let unread =
                |error| vec![Problem::new(file, format!("the policy cannot be read: {error}"), "check the path")];
            Policy::load(file, &text.map_err(unread)?)?
        }
    };
    Ok(Bench { rules, policy, ..before.bench.as_ref().clone() })
}

/// All mails in a folder, in the order of their names.
fn mails(folder: &Path) -> Result<Vec<PathBuf>, Vec<Problem>> {
    let unread = |error: std::io::Error| {
        vec![Problem::new(
            folder,
            format!("the folder cannot be read: {error}"),
            "name a folder with .eml files or a maildir",
        )]
    };
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let path = entry.path();
            let in_maildir = folder.ends_with("cur") || folder.ends_with("new");
            // Links are not followed: one that leads upwards would have no end.
            match entry.file_type().map_err(unread)? {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() && (in_maildir || path.extension().is_some_and(|e| e == "eml")) => {
                    files.push(path)
                }
                _ => {}
            }
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(vec![Problem::new(folder, "there is no mail in it", "name a folder with .eml files or a maildir")]);
    }
    Ok(files)
}

fn bar(done: usize, all: usize) {
    let full = (done * 30).checked_div(all).unwrap_or(30);
    let line = format!("\r[{}{}] {done} of {all}", "#".repeat(full), " ".repeat(30 - full.min(30)));
    // A terminal that is gone needs no progress.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// What was and what would be, counted.
#[derive(Default)]
struct Tally {
    mails: usize,
    unread: usize,
    /// Findings that count, by rule.
    rules: BTreeMap<String, [usize; 2]>,
    /// Mails, by the class of their content.
    contents: BTreeMap<&'static str, [usize; 2]>,
    /// Recipients, by the route that is asked for them.
    routes: BTreeMap<&'static str, [usize; 2]>,
    /// Recipients, by the change of their route.
    changes: BTreeMap<(&'static str, &'static str), usize>,
    /// Files that change, and how.
    changed: Vec<(PathBuf, String)>,
}

impl Tally {
    fn add(&mut self, file: &Path, before: &Judge, after: &Bench) {
        let Ok(raw) = std::fs::read(file) else {
            self.unread += 1;
            return;
        };
        let mail = Mail { envelope: envelope(&raw, &before.bench.limits), raw, day: Day::default() };
        let tenant = before.tenant(&mail.envelope);
        self.mails += 1;
        let scans =
            [(&*before.bench, 0), (after, 1)].map(|(bench, side)| (self.count(&mail, &tenant, bench, side), side));
        let [(old, _), (new, _)] = scans;
        let mut how = Vec::new();
        if old.verdict.content != new.verdict.content {
            how.push(format!("{} -> {}", old.verdict.content.word(), new.verdict.content.word()));
        }
        for (old, new) in old.verdict.decisions.iter().zip(&new.verdict.decisions) {
            if old.asked != new.asked {
                *self.changes.entry((old.asked.word(), new.asked.word())).or_default() += 1;
                how.push(format!("{} by {} -> {} by {}", old.asked.word(), old.line, new.asked.word(), new.line));
            }
        }
        if !how.is_empty() {
            self.changed.push((file.to_path_buf(), how.join("; ")));
        }
    }

    fn count(&mut self, mail: &Mail, tenant: &Tenant, bench: &Bench, side: usize) -> Scan {
        let scan = scan(mail, tenant, bench);
        let put = |counts: &mut [usize; 2]| counts.iter_mut().skip(side).take(1).for_each(|count| *count += 1);
        for finding in counted(&scan.findings, &bench.policy) {
            put(self.rules.entry(finding.rule.to_string()).or_default());
        }
        put(self.contents.entry(scan.verdict.content.word()).or_default());
        for decision in &scan.verdict.decisions {
            put(self.routes.entry(decision.asked.word()).or_default());
        }
        scan
    }

    fn and(&mut self, other: Self) {
        self.mails += other.mails;
        self.unread += other.unread;
        self.changed.extend(other.changed);
        let add =
            |into: &mut [usize; 2], from: [usize; 2]| into.iter_mut().zip(from).for_each(|(into, from)| *into += from);
        other.rules.into_iter().for_each(|(rule, counts)| add(self.rules.entry(rule).or_default(), counts));
        other.contents.into_iter().for_each(|(content, counts)| add(self.contents.entry(content).or_default(), counts));
        other.routes.into_iter().for_each(|(route, counts)| add(self.routes.entry(route).or_default(), counts));
        other.changes.into_iter().for_each(|(change, count)| *self.changes.entry(change).or_default() += count);
    }

    fn print(mut self, arguments: &Arguments) -> ExitCode {
        say(format!("{} mails judged twice.", self.mails));
        table("findings, by rule", self.rules.iter().map(|(rule, counts)| (rule.as_str(), *counts)));
        table("mails, by content", self.contents.iter().map(|(content, counts)| (*content, *counts)));
        table("recipients, by route asked for", self.routes.iter().map(|(route, counts)| (*route, *counts)));
        say(format!("\n{} mails change.", self.changed.len()));
        for ((was, will), count) in &self.changes {
            say(format!("  {count} recipients: {was} -> {will}"));
        }
        self.changed.sort();
        for (file, how) in self.changed.iter().filter(|_| arguments.show) {
            say(format!("  {}: {how}", file.display()));
        }
        if self.unread == 0 {
            return ExitCode::SUCCESS;
        }
        complain(format!("{} files could not be read", self.unread));
        ExitCode::from(MEND)
    }
}

fn table<'t>(title: &str, rows: impl Iterator<Item = (&'t str, [usize; 2])>) {
    say(format!("\n{title:32} {:>8} {:>8}", "was", "would be"));
    for (word, [was, will]) in rows {
        let change = if was == will { String::new() } else { format!("{:+}", will as i64 - was as i64) };
        say(format!("  {word:30} {was:>8} {will:>8} {change:>8}"));
    }
}

/// Who sent it to whom, as its header says.
fn envelope(raw: &[u8], limits: &Limits) -> Envelope {
    let message = Message::parse(raw, limits);
    let headers = message.headers();
    let recipient = |mailbox: &Mailbox| Recipient { mailbox: mailbox.clone(), parameters: String::new() };
    Envelope {
        sender: headers.from.first().cloned(),
        recipients: headers.to_cc.iter().map(recipient).collect(),
        ..Envelope::default()
    }
}
