//! The shapes in which pupil systems export a roster, and what the school office reads about each.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use mailpoort::roster::Roster;

#[test]
fn every_shape_gives_its_report() {
    let reports = [
        (
            "parnassys.csv",
            "2 leerlingen, 2 zonder e-mail. Niet bewaard: kolom BSN, Onderwijsnummer (BSN of onderwijsnummer).",
        ),
        ("magister.csv", "2 leerlingen, 1 zonder e-mail, 1 rij dubbel."),
        ("somtoday.csv", "2 leerlingen, 2 mailadressen van ouders, 2 zonder e-mail."),
        ("esis.csv", "1 leerling, 1 zonder e-mail, 1 rij zonder naam overgeslagen."),
        ("names.txt", "3 leerlingen, 3 zonder e-mail."),
    ];
    for (name, expected) in reports {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rosters").join(name);
        let (roster, report) = Roster::from_csv(&std::fs::read(&file).unwrap(), &file).unwrap();
        assert_eq!(report.to_string(), expected, "{name}");
        assert_eq!(roster.pupils().len(), report.pupils);
        assert!(roster.pupils().iter().all(|pupil| !pupil.surname.is_empty() && !pupil.first.is_empty()), "{name}");
    }
}
