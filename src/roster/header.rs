//! Column titles of Dutch pupil systems -> what is in them; and a whole name -> its parts.

use std::collections::{BTreeSet, HashMap};

use crate::roster::Pupil;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Of the person whose row it is.
    Own(Field),
    /// Of a guardian in a pupil's row: the first, the second ...
    Guardian(u8, Field),
    /// Leerlingnummer.
    Number,
    /// Date of birth.
    Born,
    /// Klas or groep.
    Class,
    /// No photo or film may be shown.
    NoPictures,
    /// Photo and film may be shown.
    Pictures,
    /// What a guardian is to the pupil: only a list of guardians says so.
    Relation,
    /// Function, abbreviation or staff number: only a list of staff has one.
    Staff,
    /// BSN or onderwijsnummer: never kept.
    Dropped,
    /// Known, and of no use here.
    Unused,
}

/// What is told of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Roepnaam.
    First,
    /// Voornamen.
    Formal,
    /// Voorletters.
    Initials,
    /// Tussenvoegsel.
    Particle,
    /// Achternaam.
    Surname,
    /// The whole name.
    Whole,
    /// Mail address.
    Mail,
    /// Phone number.
    Phone,
    /// Gezag.
    Custody,
    /// Geen contact.
    NoContact,
    /// Geheim adres.
    SecretAddress,
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
            let Some(mut column) = column(field) else { continue };
            known += 1;
            if column == Column::Dropped {
                dropped.push(index);
            }
            // "E-mail ouder" twice: the second is the other guardian's.
            while let Column::Guardian(slot @ ..MOST_GUARDIANS, field) = column
                && at.contains_key(&column)
            {
                column = Column::Guardian(slot + 1, field);
            }
            at.entry(column).or_insert(index);
        }
        (known > 0).then_some(Self { at, dropped })
    }

    /// Whether there is such a column.
    pub fn has(&self, column: Column) -> bool {
        self.at.contains_key(&column)
    }

    /// Whether a name can be made of the row's own columns.
    pub fn names(&self) -> bool {
        self.has(Column::Own(Field::Whole)) || self.has(Column::Own(Field::Surname))
    }

    /// Whether only a list of guardians has such columns.
    pub fn of_guardians(&self) -> bool {
        let flags = [Field::Custody, Field::NoContact, Field::SecretAddress].map(Column::Own);
        self.has(Column::Relation) || flags.into_iter().any(|flag| self.has(flag))
    }

    /// The guardians that a row may name.
    pub fn guardians(&self) -> BTreeSet<u8> {
        let slot = |column: &Column| match column {
            Column::Guardian(slot, field) if *field != Field::Unused => Some(*slot),
            _ => None,
        };
        self.at.keys().filter_map(slot).collect()
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

/// Nobody has more columns of guardians than this.
const MOST_GUARDIANS: u8 = 24;
/// Words in the title of a guardian's column.
const GUARDIAN: [&str; 8] = ["ouder", "verzorger", "moeder", "vader", "voogd", "guardian", "parent", "contactpersoon"];
/// Titles that hold such a word and are about something else.
const NO_GUARDIAN: [&str; 4] = ["ouderbijdrage", "ouderavond", "oudersgescheiden", "ouderraad"];

fn column(title: &str) -> Option<Column> {
    let title: String = title.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let has = |words: &[&str]| words.iter().any(|word| title.contains(word));
    Some(match title.as_str() {
        _ if has(&["bsn", "burgerservice", "sofinummer"]) => Column::Dropped,
        "onderwijsnummer" | "persoonsgebondennummer" | "pgn" | "ondwnr" => Column::Dropped,
        _ if has(&NO_GUARDIAN) => Column::Unused,
        _ if has(&["beeldmateriaal", "foto", "picture"]) => {
            if has(&["geen", "niet", "no"]) {
                Column::NoPictures
            } else {
                Column::Pictures
            }
        }
        _ if has(&GUARDIAN) => Column::Guardian(slot(&title), guardian_field(&title)),
        "relatie" | "relatietype" | "relation" | "relationship" | "soortrelatie" => Column::Relation,
        "personeelsnummer" | "medewerkernummer" | "medewerker" | "functie" | "afkorting" | "docentcode"
        | "employeeid" | "docent" | "leerkracht" => Column::Staff,
        "leerlingnummer" | "stamnummer" | "leerlingnr" | "stamnr" | "llnr" | "identifier" | "studentnummer"
        | "leerlingnummers" | "leerlingid" => Column::Number,
        "geboortedatum" | "gebdatum" | "gebdat" | "geboren" | "birthdate" | "dateofbirth" => Column::Born,
        "klas" | "groep" | "stamgroep" | "jaargroep" | "stamklas" | "groepsnaam" | "class" => Column::Class,
        "geslacht" | "school" | "studie" | "straat" | "postcode" | "woonplaats" | "plaats" => Column::Unused,
        _ => Column::Own(own_field(&title)?),
    })
}

fn own_field(title: &str) -> Option<Field> {
    Some(match title {
        "roepnaam" | "givenname" | "preferredgivenname" | "firstname" | "voornaam" => Field::First,
        "voornamen" | "doopnamen" | "officielevoornamen" => Field::Formal,
        "voorletters" | "initialen" => Field::Initials,
        "naam" | "volledigenaam" | "leerling" | "naamleerling" | "leerlingnaam" | "name" | "fullname" => Field::Whole,
        _ => field(title)?,
    })
}

/// A title that names a guardian and nothing else is over the guardian's name.
fn guardian_field(title: &str) -> Field {
    let bare = title.trim_end_matches(|c: char| c.is_ascii_digit());
    let first = ["roepnaam", "voornaam", "voorletters", "givenname", "firstname", "initialen"];
    match field(title) {
        Some(field) => field,
        None if first.iter().any(|word| title.contains(word)) => Field::First,
        None if title.contains("naam") || title.contains("name") || GUARDIAN.contains(&bare) => Field::Whole,
        None => Field::Unused,
    }
}

/// What the title of anybody's column says.
fn field(title: &str) -> Option<Field> {
    let has = |words: &[&str]| words.iter().any(|word| title.contains(word));
    Some(match title {
        _ if has(&["mail"]) => Field::Mail,
        _ if has(&["gezag", "custody"]) => Field::Custody,
        _ if has(&["geencontact", "contactverbod", "nocontact"]) => Field::NoContact,
        _ if has(&["geheim", "secretaddress"]) => Field::SecretAddress,
        _ if has(&["telefoon", "mobiel", "phone", "gsm", "mobile"]) || title.starts_with("tel") => Field::Phone,
        _ if has(&["tussenvoegsel", "voorvoegsel", "middlename"]) => Field::Particle,
        "tv" | "tussenv" | "voorv" => Field::Particle,
        _ if has(&["achternaam", "familienaam", "geslachtsnaam", "familyname", "surname", "lastname"]) => {
            Field::Surname
        }
        _ => return None,
    })
}

/// "Ouder 2": the second; moeder and vader are two, without a number.
fn slot(title: &str) -> u8 {
    let digit = title.chars().find_map(|c| c.to_digit(10)).map_or(0, |digit| digit as u8);
    match title {
        _ if title.contains("vader") => 10 + digit,
        _ if title.contains("moeder") => 12 + digit,
        _ => digit,
    }
}

/// "ja", "nee" and their like.
pub fn yes_or_no(field: &str) -> Option<bool> {
    match field.trim().to_lowercase().as_str() {
        "ja" | "j" | "yes" | "y" | "true" | "waar" | "1" | "x" => Some(true),
        "nee" | "n" | "no" | "false" | "onwaar" | "0" | "geen" => Some(false),
        _ => None,
    }
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
