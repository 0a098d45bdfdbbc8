//! Names: pupils are found in mails as people write them, and nobody else is; what a sealed roster leaves on disk.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::{Command, Output};

use mailpoort::detect::{Finding, Kind, NameIndex, Rules, findings};
use mailpoort::extract::{Text, Texts};
use mailpoort::roster::{Person, Roster};

/// First name, tussenvoegsel, surname.
type Name = (&'static str, &'static str, &'static str);

const PUPILS: [Name; 3] =
    [("Sanne", "van den", "Berghuizen"), ("Çağlar", "", "Yıldırım"), ("Jurre", "in 't", "Veldkamp")];
/// None of them is on the roster, or one letter away from it.
const STRANGERS: [Name; 3] =
    [("Hedwig", "van der", "Oosterlaar"), ("Bogdan", "", "Mihailescu"), ("Tjalling", "", "Wiersinga")];

fn roster() -> Roster {
    let full = |(first, particle, surname): Name| format!("{first} {particle} {surname}");
    Roster::from_names(&PUPILS.map(full))
}

fn found(roster: &Roster, text: &str) -> Vec<Finding> {
    let texts = Texts { texts: vec![Text { text: text.to_owned(), ..Text::default() }], ..Texts::default() };
    let found = findings(&texts, &Rules::shipped().unwrap(), Some(&NameIndex::new(roster)));
    found.into_iter().filter(|f| f.kind == Kind::PupilName && f.confidence >= 0.5).collect()
}

/// The mails with these names filled in.
fn mails(names: [Name; 3]) -> Vec<String> {
    let text = include_str!("names/mails.txt");
    let text: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let fill = |mail: &str| {
        names.iter().zip(1..).fold(mail.to_owned(), |mail, ((first, particle, surname), n)| {
            let surnames = format!("{particle} {surname}").trim().to_owned();
            [
                ("v", (*first).to_owned()),
                ("a", surnames.clone()),
                ("l", format!("{surname}, {first} {particle}").trim().to_owned()),
                ("i", format!("{}. {surnames}", first.chars().next().unwrap())),
                ("", format!("{first} {surnames}")),
            ]
            .iter()
            .fold(mail, |mail, (form, name)| mail.replace(&format!("@{n}{form}"), name))
        })
    };
    text.split("===\n").map(fill).collect()
}

#[test]
fn pupils_are_found_and_strangers_are_not() {
    let roster = roster();
    for (mail, least) in mails(PUPILS).iter().zip([1, 3, 1, 3, 2]) {
        assert!(found(&roster, mail).len() >= least, "{mail}");
    }
    for mail in mails(STRANGERS) {
        assert!(found(&roster, &mail).is_empty(), "{mail}");
    }
}

#[test]
fn what_changes_no_name_changes_no_finding() {
    use unicode_normalization::UnicodeNormalization;
    let roster = roster();
    let folded =
        |mail: &str| mail.nfd().filter(|c| c.is_ascii() || *c == 'ı').map(|c| if c == 'ı' { 'i' } else { c }).collect();
    type Change<'c> = (&'static str, &'c dyn Fn(&str) -> String);
    let changes: [Change<'_>; 4] = [
        ("NFD", &|mail| mail.nfd().collect()),
        ("ASCII", &folded),
        ("hard spaces", &|mail| mail.replace(' ', "\u{a0}")),
        ("quoted", &|mail| mail.lines().map(|line| format!("> {line}\n")).collect()),
    ];
    for mail in mails(PUPILS) {
        let plain = found(&roster, &mail).len();
        for (name, change) in &changes {
            assert_eq!(found(&roster, &change(&mail)).len(), plain, "{name}: {mail}");
        }
    }
}

#[test]
fn a_line_may_end_anywhere_in_a_name() {
    let roster = roster();
    for (first, particle, surname) in PUPILS {
        let initial = first.chars().next().unwrap();
        for name in [format!("{first} {particle} {surname}"), format!("{initial}. {particle} {surname}")] {
            let name = name.replace("  ", " ");
            for (at, _) in name.match_indices(' ') {
                for end in ["\n", "\r\n", "\n> "] {
                    let wrapped = format!("{}{end}{}", &name[..at], &name[at + 1..]);
                    let mail = format!("Wil je het adres aanpassen van {wrapped} uit groep 5?");
                    assert!(!found(&roster, &mail).is_empty(), "{mail:?}");
                }
            }
        }
    }
    for mail in ["Wie komt er uit groep C?\nVeldkamp was er niet.", "Dat staat in plan J\nVeldkamp heeft gebeld."] {
        assert!(found(&roster, mail).is_empty(), "{mail}");
    }
}

#[test]
fn staff_are_no_pupils() {
    let mut roster = roster();
    let person =
        |first: &str, surname: &str| Person { first: first.into(), surname: surname.into(), ..Person::default() };
    // A colleague whose name is one letter from a pupil's, and one with a pupil's initials.
    roster.staff = vec![person("Sanna", "Berghuizen"), person("Corrie", "Yıldırım")];
    for text in
        ["Sanna Berghuizen komt ook.", "Vraag het aan C. Yıldırım, zij weet het.", "Corrie Yildirim belt terug."]
    {
        assert!(found(&roster, text).is_empty(), "{text}");
    }
    for text in ["Sanne Berghuizen komt ook.", "Çağlar Yıldırım belt terug.", "Leerling Sanne van den Berghuizen"]
    {
        assert_eq!(found(&roster, text).len(), 1, "{text}");
    }
}

#[test]
fn an_import_leaves_nothing_readable() {
    let folder = tempfile::tempdir().unwrap();
    let config = std::fs::read_to_string("tests/bad_config/74-inbox-without-data-dir.toml").unwrap();
    std::fs::write(folder.path().join("mailpoort.toml"), config.replacen("mode", "data_dir = \"data\"\nmode", 1))
        .unwrap();
    let list = |pupils: usize| {
        let rows: String = (0..pupils).map(|n| format!("Kwinten{n};Zandvlietstra;123456782\n")).collect();
        std::fs::write(folder.path().join("list.csv"), format!("Roepnaam;Achternaam;BSN\n{rows}")).unwrap();
    };
    let import =
        |more: &[&str]| roster(&[&["import", "--config", "mailpoort.toml", "list.csv"], more].concat(), folder.path());
    fn roster(arguments: &[&str], folder: &Path) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailpoort"));
        command.arg("roster").args(arguments).current_dir(folder).output().unwrap()
    }
    list(40);
    let done = import(&[]);
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(said, "linde: 40 leerlingen. Niet bewaard: kolom BSN (BSN of onderwijsnummer).\n");
    list(30);
    let refused = import(&[]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("over 5% fewer") && !said.contains("Kwin"), "{said}");
    assert!(import(&["--accept-fewer", "--school", "linde"]).status.success());
    assert!(!import(&["--school", "eik"]).status.success());
    let mut files = 0;
    for file in ["data/seal.key", "data/rosters/linde.sealed"] {
        let octets = std::fs::read(folder.path().join(file)).unwrap();
        let holds =
            |canary: &str| octets.windows(canary.len()).any(|window| window.eq_ignore_ascii_case(canary.as_bytes()));
        assert!(!holds("kwin") && !holds("vliet") && !holds("123456782"), "{file}");
        files += 1;
    }
    let kept = ["data", "data/rosters"].map(|within| std::fs::read_dir(folder.path().join(within)).unwrap().count());
    assert_eq!((files, kept), (2, [2, 1]), "there is more on disk than was looked into");
}
