//! The shapes in which pupil systems export a roster, and what the school office reads about each.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use mailpoort::message::Mailbox;
use mailpoort::roster::{Report, Roster, Source};
use mailpoort::school::Language;

fn read(names: &[&str]) -> (Roster, Report) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rosters");
    let source = |name: &&str| Source { name: (*name).into(), octets: std::fs::read(folder.join(name)).unwrap() };
    Roster::read(&names.iter().map(source).collect::<Vec<_>>()).unwrap()
}

#[test]
fn every_shape_gives_its_report() {
    let reports: [(&[&str], &str); 6] = [
        (&["parnassys.csv"], "2 leerlingen. Niet bewaard: kolom BSN, Onderwijsnummer (BSN of onderwijsnummer)."),
        (&["magister.csv"], "2 leerlingen, 1 rij dubbel."),
        (&["somtoday.csv"], "2 leerlingen, 2 ouders."),
        (&["esis.csv"], "1 leerling, 1 rij zonder naam overgeslagen."),
        (&["names.txt"], "3 leerlingen."),
        (
            &["ouders.csv", "parnassys.csv", "personeel.csv"],
            "2 leerlingen, 3 ouders, 1 zonder e-mail, 2 medewerkers, 1 ouder van een onbekende leerling overgeslagen. \
             Niet bewaard: kolom BSN, Onderwijsnummer (BSN of onderwijsnummer).",
        ),
    ];
    for (names, expected) in reports {
        let (roster, report) = read(names);
        assert_eq!(report.to_string(), expected, "{names:?}");
        assert_eq!(roster.pupils().len(), report.pupils);
        assert!(roster.pupils().iter().all(|pupil| !pupil.surname.is_empty() && !pupil.first.is_empty()), "{names:?}");
    }
    let (_, report) = read(&["ouders.csv", "parnassys.csv"]);
    let english = report.in_language(Language::En);
    assert!(english.starts_with("2 pupils, 3 guardians, 1 without e-mail, 1 guardian of an unknown"), "{english}");
}

#[test]
fn guardians_bring_their_flags() {
    let (roster, _) = read(&["ouders.csv", "parnassys.csv", "personeel.csv"]);
    let contacts = roster.contacts();
    let of = |address: &str| contacts.guardian_of(&Mailbox::parse(address).unwrap()).to_vec();
    let [anna] = &of("anna@thuis.example")[..] else { panic!() };
    assert_eq!((&*anna.pupil.0, anna.flags.custody, anna.flags.no_contact), ("2013", Some(true), false));
    let [karel] = &of("KAREL@thuis.example")[..] else { panic!() };
    assert_eq!((&*karel.pupil.0, karel.flags.custody, karel.flags.no_contact), ("2013", Some(false), true));
    assert!(of("niemand@thuis.example").is_empty());
    assert!(contacts.is_staff(&Mailbox::parse("k.deboer@school.example").unwrap()));
    let hidden = roster.guardians.iter().filter(|guardian| guardian.bonds.iter().any(|bond| bond.flags.secret_address));
    assert_eq!(hidden.count(), 1);
}
