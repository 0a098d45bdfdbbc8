//! The configuration: the documented sample is right and complete, and each wrong one gets the right sentence.
//!
//! `tests/bad_config/NN-name.toml` with `NN-name.expect`: one problem a line, as it is shown. `NN-name.users`, where
//! it is there, is the user file of that case. Secrets are made here, since a repository keeps no permissions.
#![allow(clippy::unwrap_used, missing_docs)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mailpoort::config::Config;
use mailpoort::decide::Mode;
use mailpoort::problem::Problem;

const SAMPLE: &str = "deploy/mailpoort.toml";
const BAD: usize = 117;

#[test]
fn the_sample_loads_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = load(folder.path(), &read(SAMPLE));
    assert_eq!((config.hostname.as_str(), config.mode), ("poort.delinde.example", Mode::Observe));
    assert_eq!(config.schools[0].school.gate_address.typed(), "mailpoort@delinde.example");
    assert_eq!((config.schools.len(), config.smtp.clients.len(), config.next_hops.len()), (1, 1, 1));
}

#[test]
fn the_sample_loads_with_every_key_that_it_shows_set() {
    let folder = tempfile::tempdir().unwrap();
    for secret in ["linde.header", "berk.header", "provider.password", "provider.mark", "s3-key"] {
        write(&folder.path().join("secrets").join(secret), &format!("{}\n", "s3cret".repeat(4)), 0o600);
    }
    std::fs::write(folder.path().join("secrets/logo.png"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x20")
        .unwrap();
    write(&folder.path().join("users.toml"), &user_file(), 0o600);
    let config = load(folder.path(), &everything_set());
    assert_eq!((config.schools.len(), config.smtp.clients.len(), config.next_hops.len()), (2, 2, 2));
    assert!(config.metrics.is_some() && config.schools[0].duties.dpia.is_some());
    assert!(config.schools.iter().all(|school| school.secret_header.is_some()) && config.journal_archive.is_some());
    assert!(config.smtp.users["kopieerapparaat-hal"].source.program);
    assert!(config.next_hops[0].mark.is_some() && config.next_hops[0].credentials.is_some());
}

/// What the sample calls the default is the default. Of a key that is shown as an example the sample says
/// "Default: none", and there the two differ.
#[test]
fn the_sample_shows_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let plain = load(folder.path(), &read(SAMPLE));
    let (mut shown, mut lines) = (0, read(SAMPLE));
    for key in [
        "language",
        "time_zone",
        "gate_address",
        "max_message_size",
        "memory",
        "max_recipients",
        "max_connections",
        "max_connections_per_stranger",
        "command_timeout",
        "min_rate",
        "shared",
        "own_senders_only",
        "program",
        "school",
        "tls",
        "implicit_tls",
        "keep_idle",
        "connect_timeout",
        "reply_timeout",
        "final_reply_timeout",
    ] {
        let commented = format!("\n#{key} = ");
        assert!(lines.contains(&commented), "{key}");
        shown += 1;
        lines = lines.replacen(&commented, &format!("\n{key} = "), 1);
    }
    // The tables that hold nothing but defaults.
    for table in ["[scan]", "[documents]", "[ocr]", "[tls]", "[flood]", "[log]", "[journal]"] {
        lines = lines.replacen(&format!("\n#{table}"), &format!("\n{table}"), 1);
    }
    for key in [
        "max_parts",
        "max_depth",
        "deadline",
        // That of [documents]: the one of [smtp] is set by now.
        "memory",
        "time_per_document",
        "time_per_message",
        "max_unpacked",
        "max_entries",
        "archive_depth",
        "text_per_document",
        "text_per_message",
        "sandbox",
        "messages_per_hour",
        "outside_recipients_per_hour",
        // Those of [ocr].
        "languages",
        "memory",
        "pages",
        "max_pixels",
        "time_per_picture",
        "time_per_message",
        // Those of [tls].
        "route",
        "retry",
        "requiretls",
        "format",
        "level",
        "passed",
        "incidents",
        "overrides",
        "traces",
    ] {
        lines = lines.replacen(&format!("\n#{key} = "), &format!("\n{key} = "), 1);
        shown += 1;
    }
    let same = |config: &Config| {
        // `school` of a client is the first one by default, which the gate fills in.
        format!("{config:?}").replace("school: Some(\"linde\")", "school: None")
    };
    assert_eq!(same(&load(folder.path(), &lines)), same(&plain));
    assert_eq!(shown, 49);
}

#[test]
fn the_sample_names_every_key() {
    let sample = read(SAMPLE);
    let tables: Vec<String> = std::fs::read_dir("src/config/raw")
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let keys: Vec<&str> = tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(|line| line.strip_prefix("    pub ")?.split_once(':').map(|(key, _)| key))
        .collect();
    assert!(keys.len() > 60, "{keys:?}");
    let named = |key: &&&str| {
        sample.lines().any(|line| {
            let line = line.trim_start_matches('#').trim_start();
            let table = line.trim_start_matches('[').split(']').next().unwrap_or_default();
            line.starts_with(&format!("{key} = "))
                || (line.starts_with('[') && table.split('.').any(|word| word == **key))
                // Inline tables.
                || line.contains(&format!("{{ {key} = "))
                || line.contains(&format!(", {key} = "))
        })
    };
    let missing: Vec<&&str> = keys.iter().filter(|key| !named(key)).collect();
    assert!(missing.is_empty(), "{SAMPLE} does not explain {missing:?}");
}

#[test]
fn a_day_may_be_a_text_or_a_date_of_toml() {
    let folder = tempfile::tempdir().unwrap();
    let sample = read(SAMPLE).replacen("#dpia = \"2026-08-01\"", "dpia = 2026-08-01\nstaff_letter = \"2026-09-01\"", 1);
    let duties = &load(folder.path(), &sample).schools[0].duties;
    assert_eq!(duties.dpia, Some(jiff::civil::date(2026, 8, 1)));
    assert_eq!((duties.staff_letter, duties.participation_council), (Some(jiff::civil::date(2026, 9, 1)), None));
}

#[test]
fn a_missing_configuration_says_where_the_sample_is() {
    let problems = Config::load(Path::new("/nonexistent/mailpoort.toml")).unwrap_err();
    assert_eq!(
        show(&problems, Path::new("/nonexistent")),
        "mailpoort.toml: the configuration cannot be read: No such file or directory (os error 2). \
         To do: give its path with --config; deploy/mailpoort.toml is a documented sample.\n"
    );
}

#[test]
fn bad_configurations_are_refused_with_file_line_and_remedy() {
    let cases: Vec<PathBuf> = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mailpoort.toml");
        write(&file, &std::fs::read_to_string(case).unwrap(), 0o644);
        write(&folder.path().join("secret"), "a-secret-of-some-length\n", 0o640);
        write(&folder.path().join("secret-for-all"), "a-secret-of-some-length\n", 0o644);
        write(&folder.path().join("secret-too-short"), "geheim\n", 0o600);
        if let Ok(users) = std::fs::read_to_string(case.with_extension("users")) {
            write(&folder.path().join("users.toml"), &users, 0o600);
            write(&folder.path().join("users-for-all.toml"), &users, 0o644);
        }
        let got = match Config::load(&file) {
            Ok(_) => "it loaded\n".to_string(),
            Err(problems) => show(&problems, folder.path()),
        };
        // MAKE_EXPECT=1 writes the sentences; read each of them before it is committed.
        if std::env::var_os("MAKE_EXPECT").is_some() {
            std::fs::write(case.with_extension("expect"), &got).unwrap();
        }
        let expect = std::fs::read_to_string(case.with_extension("expect")).unwrap_or_default();
        if got.trim() != expect.trim() {
            wrong.push(format!("{}\n{got}", case.file_name().unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "other sentences than expected:\n{}", wrong.join("\n"));
    assert_eq!(cases.len(), BAD, "cases were added or lost");
}

fn load(folder: &Path, text: &str) -> Config {
    let file = folder.join("mailpoort.toml");
    write(&file, text, 0o644);
    Config::load(&file).map_err(|problems| show(&problems, folder)).unwrap()
}

/// The sample with every `#key = value` and `#[table]` set.
fn everything_set() -> String {
    let set = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '[') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    let set: String = read(SAMPLE).lines().map(set).collect();
    // Only what leaves straight is reported.
    set.replace("route = \"share\"", "route = \"direct\"")
}

/// The user file that the sample shows, with a real hash.
fn user_file() -> String {
    let sample = read(SAMPLE);
    let lines = sample.lines().skip_while(|line| *line != "#   [[user]]");
    let shown = lines.filter_map(|line| line.strip_prefix("#   ")).filter(|line| !line.starts_with(' '));
    let bare = |line: &str| line.split("    ").next().unwrap().to_string() + "\n";
    let hash = "$argon2id$v=19$m=4096,t=3,p=1$bWFpbHBvb3J0$3M2VKrI6ehpPWkZAP4BdC2XUW1kwLXMPoEWh5N7nPzc";
    shown.map(bare).collect::<String>().replace("$argon2id$v=19$...", hash)
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(".").join("tests/bad_config");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    cases.sort();
    cases
}

fn show(problems: &[Problem], folder: &Path) -> String {
    let text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    text.replace(&format!("{}/", folder.display()), "")
}

fn write(file: &Path, text: &str, mode: u32) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(".").join(file)).unwrap()
}
