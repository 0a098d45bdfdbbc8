//! `mailpoort read-documents`: the reader processes. The gate starts it; people use `--prove`, which shows that their
//! seal holds on this machine.
//!
//! Comes before everything else that a command does, the parser of the command line too: readers are copies of it, and
//! until it is sealed nothing should be there that a document could use.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::commands::{MEND, complain, say};
use crate::reader::{self, Bounds};

/// The exit code of the process, when that is what was asked for.
pub(super) fn run(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let command = arguments.nth(1)?;
    if command == "recognise-text" {
        return Some(recognise(arguments));
    }
    if command != "read-documents" {
        return None;
    }
    let rest: Vec<String> = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    Some(match *rest {
        ["--prove"] => prove(),
        ["--attempt", name, memory, seconds] => bounds(memory, seconds).map_or_else(usage, |bounds| {
            if reader::attempt(name, bounds) { ExitCode::from(MEND) } else { ExitCode::SUCCESS }
        }),
        [memory, seconds] => bounds(memory, seconds).map_or_else(usage, |bounds| match reader::run(bounds) {
            Ok(code) => ExitCode::from(code),
            Err(_) => ExitCode::from(MEND),
        }),
        _ => usage(),
    })
}

/// Becomes the program that recognises text, sealed: bounds, whether the seal must be whole, the program, its arguments.
fn recognise(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let rest: Vec<String> = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let [memory, seconds, seal @ ("best" | "require"), program, arguments @ ..] = rest.as_slice() else {
        return usage();
    };
    let Some(bounds) = bounds(memory, seconds) else { return usage() };
    // It comes back only with a failure, which the gate knows from the exit code.
    let _ = reader::recognise(Path::new(program), arguments, bounds, *seal == "require");
    ExitCode::from(MEND)
}

fn bounds(memory: &str, seconds: &str) -> Option<Bounds> {
    Some(Bounds { memory: memory.parse().ok()?, seconds: seconds.parse().ok()? })
}

/// A wrong use, as the other commands have it.
fn usage() -> ExitCode {
    complain("read-documents is for the gate itself; try --prove");
    ExitCode::from(2)
}

/// Little of both, so that the proof is quick.
const PROOF: Bounds = Bounds { memory: 128 << 20, seconds: 1 };

fn prove() -> ExitCode {
    match reader::prove(Path::new("/proc/self/exe"), PROOF) {
        Ok(broken) if broken.is_empty() => {
            say("Reader processes are sealed: files, network, programs, memory and time are out of their reach.");
            ExitCode::SUCCESS
        }
        Ok(broken) => {
            broken.iter().for_each(|name| complain(format!("a sealed reader process was not kept from: {name}")));
            ExitCode::from(MEND)
        }
        Err(error) => {
            complain(format!("no process can be started: {error}"));
            ExitCode::from(MEND)
        }
    }
}
