//! `mailpoort scan --redact OUT FILE`: the mail or spreadsheet without the columns that hold what was found.
//!
//! Judges it, takes the columns out, writes OUT (never over a file that is there) and judges that again. Exit code 0 only
//! when nothing is left that stops the mail: for the recipients of `--to`, or for anybody when there are none.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Arguments, Judge, as_message, output, read};
use crate::act::{Held, HeldColumn, held};
use crate::commands::{MEND, complain, say};
use crate::decide::{Ask, Content, counted};
use crate::gate::house::{Bench, Tenant};
use crate::gate::{Scan, scan};
use crate::message::{Day, Envelope, Mail};
use crate::redact::{Choice, Redacted, letters_of, message};
use crate::school::Language;

pub(super) fn run(arguments: &Arguments, out: &Path, judge: &Judge, envelope: &Envelope, day: Day) -> ExitCode {
    let files: Vec<&PathBuf> = arguments.files.iter().filter(|file| !super::is_recipient(arguments, file)).collect();
    let [file] = files.as_slice() else {
        complain("--redact takes one file");
        return ExitCode::from(super::USAGE);
    };
    match redacted(arguments, file, out, judge, envelope, day) {
        Ok(code) => code,
        Err(error) => {
            complain(error);
            ExitCode::from(MEND)
        }
    }
}

fn redacted(
    arguments: &Arguments,
    file: &Path,
    out: &Path,
    judge: &Judge,
    envelope: &Envelope,
    day: Day,
) -> Result<ExitCode, String> {
    let language = arguments.language;
    if out.exists() {
        return Err(format!("{}: is there already; --redact writes over nothing", out.display()));
    }
    let content = read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let raw = as_message(file, content.clone());
    let is_mail = raw == content;
    let (bench, tenant) = (&judge.bench, judge.tenant(envelope));
    let mail = Mail { envelope: envelope.clone(), raw, day };
    let first = scan(&mail, &tenant, bench);
    let counts: Vec<_> = counted(&first.findings, &bench.policy).collect();
    let wanted = held(&counts, &first.findings, &first.texts);
    let (raw, done) = without(mail.raw.clone(), &wanted, bench, language);
    if done.is_empty() {
        say(language.of("Er is geen kolom weggehaald.", "No column was taken out."));
    } else {
        let octets = match (is_mail, done.as_slice()) {
            (false, [(_, redacted)]) => &redacted.octets,
            _ => &raw,
        };
        write(out, octets)?;
    }
    for (held, redacted) in &done {
        tell(held, redacted, language);
    }
    let mail = Mail { raw, ..mail };
    Ok(judged_again(arguments, file, &mail, bench, &tenant, !done.is_empty()))
}

/// The mail without what can be taken out, and what was; why not, is said.
fn without<'h>(
    raw: Vec<u8>,
    wanted: &'h [Held],
    bench: &Bench,
    language: Language,
) -> (Vec<u8>, Vec<(&'h Held, Redacted)>) {
    let (mut raw, mut done) = (raw, Vec::new());
    for held in wanted {
        let choices: [Choice; 1] = [held.choice()];
        match message(&raw, &choices, &bench.limits, bench.documents()) {
            Ok(rewritten) => {
                if rewritten.signatures > 0 {
                    say(language.of(
                        "De handtekening van de mailserver (DKIM) klopt niet meer en is weg.",
                        "The signature of the mail server (DKIM) does not hold any more and is gone.",
                    ));
                }
                raw = rewritten.raw;
                done.extend(rewritten.files.into_iter().map(|redacted| (held, redacted)));
            }
            Err((_, why)) => say(format!("{}: {}", held.path.join(" > "), why.sentence(language))),
        }
    }
    (raw, done)
}

fn write(out: &Path, octets: &[u8]) -> Result<(), String> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(out);
    file.and_then(|mut file| file.write_all(octets)).map_err(|error| format!("{}: {error}", out.display()))
}

fn tell(held: &Held, redacted: &Redacted, language: Language) {
    say(language.of(format!("Weg uit {}:", held.path.join(" > ")), format!("Gone from {}:", held.path.join(" > "))));
    for (HeldColumn { column, heading, .. }, cells) in held.columns.iter().zip(&redacted.cells) {
        let sheet =
            column.sheet.as_ref().map(|sheet| language.of(format!("blad {sheet}: "), format!("sheet {sheet}: ")));
        let heading = heading.as_ref().map(|heading| format!(" “{heading}”")).unwrap_or_default();
        let (one, many) = language.of(("cel", "cellen"), ("cell", "cells"));
        let of = (language.of("kolom", "column"), if *cells == 1 { one } else { many });
        let letter = letters_of(column.column);
        say(format!("  {}{} {letter}{heading} ({cells} {})", sheet.unwrap_or_default(), of.0, of.1));
    }
    redacted.notes.iter().for_each(|note| say(format!("  {}", note.sentence(language))));
}

fn judged_again(
    arguments: &Arguments,
    file: &Path,
    mail: &Mail,
    bench: &Bench,
    tenant: &Tenant,
    written: bool,
) -> ExitCode {
    let again = scan(mail, tenant, bench);
    let language = arguments.language;
    say(language.of("Wat overblijft:", "What is left:"));
    output::print(&file.display().to_string(), mail, &again, &bench.policy, arguments);
    match (stops(&again), written) {
        (false, true) => ExitCode::SUCCESS,
        (false, false) => {
            complain(
                language
                    .of("er was niets om weg te halen; er is niets geschreven", "nothing to take out, nothing written"),
            );
            ExitCode::from(MEND)
        }
        (true, _) => {
            complain(language.of("wat overblijft houdt de mail nog tegen", "what is left still stops the mail"));
            ExitCode::from(MEND)
        }
    }
}

/// Whether something is left that stops the mail.
fn stops(scan: &Scan) -> bool {
    match scan.verdict.decisions.as_slice() {
        [] => scan.verdict.content != Content::Clean,
        decisions => decisions.iter().any(|decision| matches!(decision.asked, Ask::Block(_) | Ask::Defer)),
    }
}
