//! The shapes in which pupil systems export a roster, and what the school office reads about each.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};

use mailpoort::message::Mailbox;
use mailpoort::roster::{Pupil, Report, Roster, Source, read_files};
use mailpoort::school::Language;

fn read(names: &[&str]) -> (Roster, Report) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rosters");
    let names: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    Roster::read(&read_files(&names).unwrap()).unwrap()
}

fn classes(roster: &Roster) -> Vec<[String; 4]> {
    let shown = |pupil: &Pupil| [&pupil.first, &pupil.particle, &pupil.surname, &pupil.class].map(String::clone);
    roster.pupils.iter().map(shown).collect()
}

#[test]
fn every_shape_gives_its_report() {
    let reports: [(&[&str], &str); 10] = [
        (&["parnassys.csv"], "2 leerlingen. Niet bewaard: kolom BSN, Onderwijsnummer (BSN of onderwijsnummer)."),
        (&["magister.csv"], "2 leerlingen, 1 rij dubbel."),
        (&["somtoday.csv"], "2 leerlingen, 2 ouders."),
        (&["esis.csv"], "1 leerling, 1 rij zonder naam overgeslagen."),
        (&["names.txt"], "3 leerlingen."),
        (&["oneroster11"], "2 leerlingen, 2 ouders, 1 zonder e-mail, 1 medewerker, 1 als verwijderd gemarkeerd."),
        (&["oneroster12"], "1 leerling, 1 ouder, 1 medewerker."),
        (&["edexml.xml"], "2 leerlingen, 1 medewerker. Niet bewaard: kolom bsn_ondwnr-4 (BSN of onderwijsnummer)."),
        (&["uwlr.xml"], "1 leerling."),
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

#[test]
fn oneroster_ties_guardians_from_either_side() {
    let (roster, _) = read(&["oneroster11"]);
    let expected = [["Sanne", "van den", "Berg", "3h2"], ["Azra", "Ait", "Oufkir", ""]];
    assert_eq!(classes(&roster), expected);
    assert_eq!(roster.pupils[0].born, "2014-05-03");
    let bonds = |name: &str| {
        let guardian = roster.guardians.iter().find(|guardian| guardian.person.first == name).unwrap();
        guardian.bonds.iter().map(|bond| bond.pupil.clone()).collect::<Vec<_>>()
    };
    assert_eq!((bonds("Ewa"), bonds("Karel")), (vec!["120403".into(), "120406".into()], vec!["120403".to_string()]));
    let (roster, _) = read(&["oneroster12"]);
    assert_eq!(classes(&roster), [["Sanne", "van den", "Berg", ""]]);
}

#[test]
fn a_zip_is_read_as_its_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rosters/oneroster11");
    let files = read_files(&[folder]).unwrap();
    let zip = zip(&files);
    let read = |octets: &[u8]| Roster::read(&[Source { name: "export.zip".into(), octets: octets.to_vec() }]);
    let (roster, report) = read(&zip).unwrap();
    assert_eq!((roster.pupils.len(), report.guardians), (2, 2));
    // Cut anywhere, or with any octet changed, it is refused or read, and nothing falls over.
    for at in (0..zip.len()).step_by(7) {
        let _ = read(&zip[..at]);
        let mut changed = zip.clone();
        changed[at] ^= 0xff;
        let _ = read(&changed);
    }
}

#[test]
fn half_an_edexml_file_is_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rosters");
    let whole = std::fs::read(folder.join("edexml.xml")).unwrap();
    let half = Source { name: "edexml.xml".into(), octets: whole[..whole.len() - 300].to_vec() };
    assert!(Roster::read(&[half]).is_err());
    let (roster, _) = read(&["edexml.xml"]);
    assert_eq!(classes(&roster), [["Sanne", "van den", "Berg", "5a"], ["Zoë", "", "D'Haese & Co", "6"]]);
    assert_eq!(roster.pupils[0].initials, "S.M.");
}

/// A zip of deflated files, as APPNOTE 4.3 wants it.
fn zip(files: &[Source]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let name = format!("export/{}", file.name.file_name().unwrap().to_str().unwrap());
        let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&file.octets).unwrap();
        let packed = packed.finish().unwrap();
        let sizes = [packed.len() as u32, file.octets.len() as u32].map(u32::to_le_bytes).concat();
        let common = |out: &mut Vec<u8>| {
            out.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            out.extend(&sizes);
            out.extend((name.len() as u16).to_le_bytes());
            out.extend([0, 0]);
        };
        directory.extend(b"PK\x01\x02\x14\x00");
        common(&mut directory);
        directory.extend([0; 10]);
        directory.extend((zip.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        zip.extend(b"PK\x03\x04");
        common(&mut zip);
        zip.extend(name.as_bytes());
        zip.extend(packed);
    }
    let start = zip.len() as u32;
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\x00\x00\x00\x00");
    zip.extend([(files.len() as u16).to_le_bytes(), (files.len() as u16).to_le_bytes()].concat());
    zip.extend((directory.len() as u32).to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0, 0]);
    zip
}
