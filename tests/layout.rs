//! Who may know whom: the rules of the house, read from the paths in src/.
//!
//! A stage (message, extract, detect, decide, act, record) knows the output types of earlier stages and the leaves
//! (secret, problem, school), never a later stage, never the gate. `smtp` does not know that there is a scanner. The
//! four pure stages know no disk, network, clock, chance or log. Only commands and the gate's house know the
//! configuration; every other room is handed its own part of it.
//!
//! Comments and a file's own tests may name what they like. A new room, or a new acquaintance, is entered here, where a
//! reviewer sees it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

/// Room -> what it may name: whole rooms, or single items as `room::path`.
const KNOWS: &[(&str, &[&str])] = &[
    // The map itself names no paths.
    ("lib", &[]),
    ("main", &["commands"]),
    ("commands", &["*"]),
    (
        "gate",
        &[
            "act",
            "decide",
            "detect",
            "dkim",
            "extract",
            "level",
            "message",
            "meter",
            "outbox",
            "problem",
            "record",
            "redact",
            "school",
            "seal",
            "secret",
            "share",
            "smtp",
            // The desk asks it to look at a held mail again.
            "store::held::Held",
            "store::notes::NewNote",
            "store::owed",
            // What the desk tells of a recipient's domain.
            "tls::posture",
            "web::desk",
            "web::portal",
        ],
    ),
    // The one place of the gate that knows how a running gate is put together.
    (
        "gate/house",
        &[
            "acme::Settings",
            "act",
            "config",
            "decide",
            "detect",
            "dkim",
            "extract",
            "message",
            "outbox::Retry",
            "problem",
            "reader",
            "record::Lifetimes",
            "roster",
            "school",
            "secret",
            "share::Settings",
            "share::sms",
            "smtp",
            "store::Store",
            "store::owed::Otherwise",
            "tls",
            "tlsrpt::Settings",
            "web::Settings",
            "web::desk::Texts",
            "web::portal::Texts",
        ],
    ),
    // Settings are values of the room that uses them; the configuration makes them and knows no more of that room.
    (
        "config",
        &[
            "country",
            "message",
            "problem",
            "school",
            "secret",
            "decide::Mode",
            "decide::Modes",
            "decide::listable",
            "dkim",
            "outbox::Retry",
            "reader",
            "record::Lifetimes",
            "share",
            "smtp::access",
            "smtp::client::Demand",
            "smtp::settings",
            "acme",
            "tls::Files",
            "tls::Issuer",
            "tls::posture",
            "vault::share::Bucket",
            "vault::share::Place",
            "tlsrpt::Settings",
            "vault::share::is_recipient",
            "web::Settings",
            "web::Url",
        ],
    ),
    ("smtp", &["message", "meter", "secret", "tls"]),
    ("tls", &["country", "problem", "school::Language"]),
    ("country", &[]),
    ("message", &["secret"]),
    ("extract", &["message", "secret"]),
    // Carries documents to `extract` in other processes, and back.
    ("reader", &["extract", "message", "meter"]),
    // Reads what it wrote, to see that nothing is left of it.
    ("redact", &["extract", "message", "school::Language"]),
    // A roster is what names are looked up from.
    ("detect", &["extract", "message", "problem", "roster", "secret"]),
    // A pupil's key is a word of the findings, which a roster gives out; its contacts are asked by address, and its
    // report is in the school's language.
    ("roster", &["detect::PupilKey", "detect::is_everyday", "message::Mailbox", "problem", "school", "seal"]),
    ("decide", &["detect", "extract", "level", "message", "problem", "roster", "school", "secret"]),
    // Of smtp our own sending side, and the reply that the client gets.
    (
        "act",
        &[
            "decide",
            "detect",
            "extract",
            "level",
            "message",
            "outbox",
            "problem",
            "redact",
            "school",
            "seal::Index",
            "secret",
            "share",
            "smtp::Reply",
            "smtp::client",
            "smtp::command::MailCommand",
            "store",
            // Why nothing was proven, in the words of its reports.
            "tls::posture::why_not",
            "vault",
        ],
    ),
    (
        "record",
        &[
            "decide",
            "detect",
            "extract::Receipt",
            "kill",
            "message",
            "problem",
            "school",
            "seal::Index",
            "secret",
            "smtp::Client",
            "smtp::Reply",
            "store",
            "vault",
        ],
    ),
    // Points at which a test has the process die.
    ("kill", &[]),
    ("meter", &[]),
    ("level", &[]),
    // Reads what the others count, and knows nothing of mail.
    ("status", &["acme", "gate", "meter", "outbox", "problem", "reader", "roster", "smtp", "store", "tls"]),
    ("problem", &[]),
    ("school", &["message::Mailbox"]),
    ("seal", &["problem"]),
    // What is kept, sealed: blobs, and the tables that know of them.
    ("vault", &["kill", "problem", "seal", "secret"]),
    ("store", &["kill", "level", "problem", "seal", "tls::posture::Shelf", "vault"]),
    // Mail we owe: out of the store, to a next hop.
    ("outbox", &["kill", "message", "problem", "seal", "secret", "smtp", "store", "tls::posture", "vault"]),
    // Reports about TLS: findings out of the store, into mails that are owed.
    ("tlsrpt", &["message::Mailbox", "outbox", "store", "tls::posture"]),
    // Signs what is written for a school: a key, and the fields of a header.
    ("dkim", &["message::header", "problem"]),
    // A mail that is not sent but kept for whom has its link: sealed in the vault, known to the store, its mails owed.
    (
        "share",
        &[
            "kill",
            "level",
            "message::Mailbox",
            "outbox",
            "problem",
            "school::Calendar",
            "school::School",
            "seal",
            "secret",
            "store",
            // Asks a provider of text messages.
            "tls::https",
            "vault",
        ],
    ),
    // Pages about what is kept. What a mail holds it asks the gate, by a trait of its own: it knows no stage.
    (
        "web",
        &[
            "level",
            "message::Mailbox",
            "message::rewrite",
            "problem",
            "school",
            "seal",
            "secret",
            "share",
            "store",
            "tls",
            "vault",
        ],
    ),
    ("secret", &[]),
    // Asks for our certificate, and answers in the handshakes of the pages.
    ("acme", &["problem", "seal", "tls"]),
];

/// Stages whose answer depends on nothing but what they are handed.
const PURE: [&str; 5] = ["message", "extract", "detect", "decide", "redact"];

/// What would make it depend on more.
const IMPURE: [&str; 21] = [
    "tokio",
    "lettre",
    "rustls",
    "tracing",
    "aws_lc_rs",
    "rustix",
    "axum",
    "jiff",
    "std::fs",
    "std::net",
    "std::time",
    "stdin",
    "stdout",
    "stderr",
    "std::env",
    "std::thread",
    "std::process",
    "Instant",
    "SystemTime",
    "rand",
    "getrandom",
];

/// An address is a value, as it stands in an envelope, and no network.
const ADDRESSES: &str = "std::net::IpAddr";

#[test]
fn every_room_names_only_whom_it_may_know() {
    let paths = Regex::new(r"\bcrate::(\w+(?:::\w+)*)(?:::\{([^}]*)\})?").unwrap();
    let mut wrong = Vec::new();
    let mut known = BTreeSet::new();
    for (file, code) in sources() {
        let room = room(&file);
        let Some((_, allowed)) = KNOWS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{file}: the room `{room}` is not in this test"));
            continue;
        };
        let own = room.split('/').next().unwrap();
        for found in paths.captures_iter(&code) {
            let path = found.get(1).unwrap().as_str();
            let items: Vec<String> = match found.get(2) {
                None => vec![path.to_string()],
                Some(list) => list.as_str().split(',').map(|item| format!("{path}::{}", item.trim())).collect(),
            };
            for path in items.iter().filter(|path| path.split("::").next() != Some(own) && !path.ends_with("::")) {
                let fits = |one: &&&str| **one == "*" || path == *one || path.starts_with(&format!("{one}::"));
                // `use crate::decide;` and then `decide::listable()`.
                let later = |one: &&&str| one.starts_with(&format!("{path}::")) && only_uses(&code, path, allowed);
                match allowed.iter().find(fits).or_else(|| allowed.iter().find(later)) {
                    Some(acquaintance) => _ = known.insert((room.clone(), *acquaintance)),
                    None => wrong.push(format!("{file}: `{room}` may not know crate::{path}")),
                }
            }
        }
        if code.contains("crate::{") || code.contains("super::super::super") || code.contains("mailpoort::{") {
            wrong.push(format!("{file}: name whole paths, so that this test can read them"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(known.len() > 30, "the test has read nothing: {known:?}");
}

#[test]
fn pure_stages_know_no_world() {
    let mut wrong = Vec::new();
    let mut read = BTreeMap::<String, usize>::new();
    let impure = Regex::new(&format!(r"\b(?:{})\b", IMPURE.join("|"))).unwrap();
    for (file, code) in sources() {
        let room = room(&file);
        if !PURE.contains(&room.as_str()) {
            continue;
        }
        *read.entry(room).or_default() += 1;
        for (number, line) in code.lines().enumerate() {
            // A crate's or module's name counts as the start of a path, a type's name anywhere.
            let is_path = |found: regex::Match<'_>| {
                found.as_str().contains("::")
                    || found.as_str().starts_with(char::is_uppercase)
                    || line[found.end()..].starts_with("::")
            };
            if impure.find_iter(line).any(is_path) && !line.contains(ADDRESSES) {
                wrong.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "pure stages that know the world:\n{}", wrong.join("\n"));
    assert_eq!(read.len(), PURE.len(), "{read:?}");
}

#[test]
fn the_page_of_frameworks_names_tests_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("deploy/frameworks.md")).unwrap();
    let named = Regex::new("`([a-z]+(?:_[a-z0-9]+){2,})`").unwrap();
    let named: BTreeSet<&str> = named.captures_iter(&page).map(|found| found.get(1).unwrap().as_str()).collect();
    let mut all = String::new();
    let mut folders = vec![root.join("tests"), root.join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let missing: Vec<&&str> = named.iter().filter(|name| !all.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty() && named.len() > 40, "{} named, missing: {missing:?}", named.len());
}

#[test]
fn the_map_lists_every_room() {
    let map = std::fs::read_to_string(source("lib.rs")).unwrap();
    let listed: BTreeSet<&str> =
        map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let here: BTreeSet<String> =
        sources().iter().map(|(file, _)| room(file).split('/').next().unwrap().to_string()).collect();
    let here: BTreeSet<&str> = here.iter().map(String::as_str).filter(|room| !["lib", "main"].contains(room)).collect();
    assert_eq!(listed, here);
}

/// Whether a room that was brought in by its name is used for the allowed items alone.
fn only_uses(code: &str, room: &str, allowed: &[&str]) -> bool {
    let name = room.rsplit("::").next().unwrap();
    let uses = Regex::new(&format!(r"(?:^|[^:\w]){name}::(\w+)")).unwrap();
    uses.captures_iter(code).all(|used| allowed.contains(&format!("{room}::{}", &used[1]).as_str()))
}

/// `message/mime.rs` -> `message`; the gate's house is a room of its own.
fn room(file: &str) -> String {
    let room = file.split('/').next().unwrap().trim_end_matches(".rs");
    if file == "gate/house.rs" || file.starts_with("gate/house/") { "gate/house".to_string() } else { room.to_string() }
}

/// Every source file by its path below src/, without comments and without its own tests.
fn sources() -> Vec<(String, String)> {
    let root = source("");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    assert!(files.len() > 40, "{files:?}");
    let name = |file: &PathBuf| file.strip_prefix(&root).unwrap().display().to_string();
    files.iter().map(|file| (name(file), code(&name(file), &std::fs::read_to_string(file).unwrap()))).collect()
}

fn code(file: &str, text: &str) -> String {
    // Tests in a file of their own are known by its name.
    let text = Regex::new(r"#\[cfg\(test\)\]\nmod \w+;\n").unwrap().replace_all(text, "");
    let (text, tests) = text.split_once("#[cfg(test)]\nmod ").unwrap_or((&text, ""));
    // Nothing hides behind the tests.
    let behind = tests.split_once("\n}\n").map_or("", |(_, behind)| behind);
    assert!(behind.is_empty(), "{file}: tests come last, so that this test sees the whole file");
    text.lines().map(|line| line.split("//").next().unwrap().to_string() + "\n").collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn source(file: &str) -> PathBuf {
    Path::new(".").join("src").join(file)
}
