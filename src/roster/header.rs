//! Column titles of Dutch pupil systems -> what is in them; and a whole name -> its parts.

use std::collections::HashMap;

use crate::roster::Pupil;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Roepnaam.
    First,
    /// Voornamen.
    Formal,
    /// Tussenvoegsel.
    Particle,
    /// Achternaam.
    Surname,
    /// The whole name.
    Whole,
    /// Leerlingnummer.
    Number,
    /// Date of birth.
    Born,
    /// The pupil's mail address.
    Mail,
    /// A guardian's mail address.
    GuardianMail,
    /// The other guardian's.
    GuardianMail2,
    /// BSN or onderwijsnummer: never kept.
    Dropped,
    /// Known, and of no use here.
    Unused,
}

/// Where each column is.
pub struct Columns {
    at: HashMap<Column, usize>,
    dropped: Vec<usize>,
}

impl Columns {
    /// The columns of a header row; none when the row is no header.
    pub fn from_header(fields: &[String]) -> Option<Self> {
        let (mut at, mut dropped) = (HashMap::new(), Vec::new());
        let mut known = 0;
        for (index, field) in fields.iter().enumerate() {
            let Some(column) = column(field) else { continue };
            known += 1;
            match column {
                Column::Dropped => dropped.push(index),
                Column::GuardianMail if at.contains_key(&column) => {
                    at.entry(Column::GuardianMail2).or_insert(index);
                }
                column => {
                    at.entry(column).or_insert(index);
                }
            }
        }
        (known > 0).then_some(Self { at, dropped })
    }

    /// Whether a name can be made of them.
    pub fn names(&self) -> bool {
        self.at.contains_key(&Column::Whole) || self.at.contains_key(&Column::Surname)
    }

    /// A row's field, empty when there is none.
    pub fn get<'r>(&self, column: Column, fields: &'r [String]) -> &'r str {
        self.at.get(&column).and_then(|&index| fields.get(index)).map_or("", String::as_str)
    }

    /// The titles of the columns that are not kept.
    pub fn dropped(&self, fields: &[String]) -> Vec<String> {
        self.dropped.iter().filter_map(|&index| fields.get(index).cloned()).collect()
    }
}

fn column(title: &str) -> Option<Column> {
    let title: String = title.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let guardian = ["ouder", "verzorger", "moeder", "vader", "guardian", "parent", "contactpersoon"];
    let mail = title.contains("mail");
    Some(match title.as_str() {
        _ if title.contains("bsn") || title.contains("burgerservice") || title.contains("sofinummer") => {
            Column::Dropped
        }
        "onderwijsnummer" | "persoonsgebondennummer" | "pgn" | "ondwnr" => Column::Dropped,
        _ if mail && guardian.iter().any(|word| title.contains(word)) => Column::GuardianMail,
        _ if mail => Column::Mail,
        _ if guardian.iter().any(|word| title.contains(word)) => Column::Unused,
        "roepnaam" | "givenname" | "preferredgivenname" | "firstname" => Column::First,
        "voornaam" => Column::First,
        "voornamen" | "doopnamen" | "officielevoornamen" => Column::Formal,
        "tussenvoegsel" | "tussenvoegsels" | "voorvoegsel" | "voorvoegsels" | "tv" | "tussenv" | "voorv"
        | "middlename" => Column::Particle,
        "achternaam" | "familienaam" | "geslachtsnaam" | "familyname" | "surname" | "lastname" => Column::Surname,
        "naam" | "volledigenaam" | "leerling" | "naamleerling" | "leerlingnaam" | "name" | "fullname" => Column::Whole,
        "leerlingnummer" | "stamnummer" | "leerlingnr" | "stamnr" | "llnr" | "identifier" | "studentnummer" => {
            Column::Number
        }
        "geboortedatum" | "gebdatum" | "gebdat" | "geboren" | "birthdate" | "dateofbirth" => Column::Born,
        "klas" | "groep" | "stamgroep" | "jaargroep" | "voorletters" | "geslacht" | "school" | "studie" => {
            Column::Unused
        }
        _ => return None,
    })
}

/// Particles that stand between first name and surname, in folded lower case.
pub const PARTICLES: [&str; 44] = [
    "van", "de", "den", "der", "het", "'t", "t", "in", "op", "aan", "bij", "uit", "voor", "ter", "ten", "te", "tot",
    "el", "al", "ait", "ben", "bin", "von", "zu", "zum", "zur", "da", "la", "del", "dos", "di", "le", "l", "d", "du",
    "des", "do", "das", "vd", "v", "vander", "vande", "vanden", "ver",
];

/// A whole name in any order: "Sanne van den Berg", "Berg, Sanne van den", "Berg, van den, Sanne".
pub fn split_name(name: &str) -> Pupil {
    let mut pieces = name.split(',').map(str::trim).filter(|piece| !piece.is_empty());
    let (head, tail): (&str, Vec<&str>) = (pieces.next().unwrap_or_default(), pieces.collect());
    if tail.is_empty() {
        return in_speaking_order(head);
    }
    let (leading, surname) = leading_particles(head);
    let rest = tail.join(" ");
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (particles, names): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| is_particle(word));
    Pupil {
        first: names.first().copied().unwrap_or_default().to_owned(),
        formal: names.join(" "),
        particle: if leading.is_empty() { particles.join(" ") } else { leading },
        surname,
        ..Pupil::default()
    }
}

fn in_speaking_order(name: &str) -> Pupil {
    let words: Vec<&str> = name.split_whitespace().collect();
    let Some((first, rest)) = words.split_first() else { return Pupil::default() };
    let middle = rest.iter().position(|word| is_particle(word)).unwrap_or(0);
    let (names, surname) = rest.split_at_checked(middle).unwrap_or((&[], rest));
    let (particle, surname) = leading_particles(&surname.join(" "));
    Pupil {
        first: (*first).to_owned(),
        formal: std::iter::once(*first).chain(names.iter().copied()).collect::<Vec<_>>().join(" "),
        particle,
        surname,
        ..Pupil::default()
    }
}

/// The particles at the start of a surname, and the rest; a surname of nothing but particles stays whole.
pub fn leading_particles(surname: &str) -> (String, String) {
    let words: Vec<&str> = surname.split_whitespace().collect();
    let count = words.iter().take_while(|word| is_particle(word)).count();
    match words.split_at_checked(count) {
        Some((particles, rest)) if !rest.is_empty() => (particles.join(" "), rest.join(" ")),
        _ => (String::new(), surname.trim().to_owned()),
    }
}

fn is_particle(word: &str) -> bool {
    let word = word.to_lowercase().replace('\u{2019}', "'");
    PARTICLES.contains(&word.trim_end_matches('.'))
}
