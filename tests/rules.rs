//! The shipped packs do what they say, and bad rule files are refused with file, line and remedy.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use mailpoort::detect::{Kind, Rules};

#[test]
fn every_hit_hits_and_every_miss_misses() {
    let rules = Rules::check().unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    });
    assert!(rules.list().len() >= 18, "{} rules", rules.list().len());
    assert!(
        rules.list().iter().all(|rule| matches!(rule.kind, Kind::LockedWithPassword | Kind::ShareCode)
            || rule.hits >= 3 && rule.misses >= 3)
    );
}

#[test]
fn shipped_and_checked_are_the_same_rules() {
    let ids = |rules: &Rules| rules.list().iter().map(|rule| rule.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&Rules::shipped().unwrap()), ids(&Rules::check().unwrap()));
}

#[test]
fn bad_rule_files_are_refused_for_the_right_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_rules");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let name = PathBuf::from(file.file_name().unwrap());
        let problems = Rules::load(&[(name, text)]).unwrap_err();
        let said = problems.iter().map(|problem| format!("{problem}\n")).collect::<String>();
        assert_eq!(said, std::fs::read_to_string(file.with_extension("expect")).unwrap(), "{}", file.display());
    }
    assert_eq!(files.len(), 10);
}
