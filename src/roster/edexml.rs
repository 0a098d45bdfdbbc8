//! EDEXML 2.1 and the pupil data of UWLR 2.2 and 2.3 (Edustandaard): leerlingen, groepen, leerkrachten.
//!
//! Elements are known by their local names, so it is the same whether they stand in a file or in a SOAP answer. The
//! element `bsn_ondwnr-4` is never kept. No entity of the document's own is expanded. A file that breaks off in the
//! middle is refused, since half a roster would leave half of the pupils unprotected.

use std::collections::HashMap;

use quick_xml::events::{BytesStart, Event};

use super::import::Import;
use super::{Person, Pupil};

/// Whether a text is such a file.
pub fn is_export(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(4_096).collect();
    start.starts_with('<') && ["EDEX", "edexml", "leerlinggegevens"].iter().any(|word| start.contains(word))
}

/// Reads an export. False when it is damaged or names no pupil.
pub fn read(import: &mut Import, text: &str) -> bool {
    let Some(records) = records(text) else { return false };
    let named = |record: &&Record| record.kind == Kind::Group;
    let groups: HashMap<&str, &str> =
        records.iter().filter(named).map(|group| (group.key.as_str(), group.get("naam"))).collect();
    let mut pupils = 0;
    for (index, record) in records.iter().enumerate() {
        match record.kind {
            Kind::Group => {}
            Kind::Pupil => {
                let class = groups.get(record.get("groep")).copied();
                pupils += usize::from(import.pupil(pupil(record, class), index + 1).is_some());
            }
            Kind::Teacher => import.staff(Person { mail: record.get("emailadres").to_owned(), ..person(record) }),
        }
        if record.fields.iter().any(|(name, value)| name.starts_with("bsn_ondwnr") && !value.trim().is_empty()) {
            import.dropped(vec!["bsn_ondwnr-4".to_owned()]);
        }
    }
    pupils > 0
}

fn pupil(record: &Record, class: Option<&str>) -> Pupil {
    let Person { first, particle, surname, .. } = person(record);
    Pupil {
        first,
        formal: record.get("voornamen").to_owned(),
        initials: record.get("voorletters-1").to_owned(),
        particle,
        surname,
        number: record.key.clone(),
        mail: record.get("emailadres").to_owned(),
        born: record.get("geboortedatum").to_owned(),
        class: class.unwrap_or(record.get("jaargroep")).to_owned(),
        ..Pupil::default()
    }
}

fn person(record: &Record) -> Person {
    let first = match record.get("roepnaam") {
        "" => record.get("voornamen").split_whitespace().next().unwrap_or(record.get("voorletters-1")),
        first => first,
    };
    Person {
        first: first.to_owned(),
        particle: record.get("voorvoegsel").to_owned(),
        surname: record.get("achternaam").to_owned(),
        mail: String::new(),
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Pupil,
    Teacher,
    Group,
}

/// One leerling, leerkracht or groep.
struct Record {
    kind: Kind,
    key: String,
    /// Element name and text, in order.
    fields: Vec<(String, String)>,
}

impl Record {
    fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
    }
}

/// All records; none when the file is no XML to its end.
fn records(text: &str) -> Option<Vec<Record>> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut records: Vec<Record> = Vec::new();
    let mut depth = 0usize;
    // The depth at which the record that is being read began.
    let mut inside: Option<usize> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                depth += 1;
                open(&start, &mut records, &mut inside, depth);
            }
            Event::Empty(start) => {
                let before = inside;
                open(&start, &mut records, &mut inside, depth + 1);
                inside = before;
            }
            Event::End(_) => {
                inside = inside.filter(|&began| began < depth);
                depth = depth.checked_sub(1)?;
            }
            Event::Text(text) if inside.is_some() => append(&mut records, &text),
            Event::CData(data) if inside.is_some() => append(&mut records, &data),
            Event::GeneralRef(reference) if inside.is_some() => match reference.resolve_char_ref() {
                Ok(Some(character)) => append(&mut records, character.encode_utf8(&mut [0; 4])),
                _ => append(&mut records, quick_xml::escape::resolve_predefined_entity(&reference)?),
            },
            Event::Eof => return (depth == 0).then_some(records),
            _ => {}
        }
    }
}

fn open(start: &BytesStart<'_>, records: &mut Vec<Record>, inside: &mut Option<usize>, depth: usize) {
    let name = start.local_name().into_inner().to_string();
    let key = start.attributes().flatten().find(|attribute| attribute.key.local_name().into_inner() == "key");
    let key = key.map(|key| key.value.trim().to_string()).unwrap_or_default();
    let kind = match name.as_str() {
        "leerling" => Some(Kind::Pupil),
        "leerkracht" => Some(Kind::Teacher),
        "groep" | "samengestelde_groep" => Some(Kind::Group),
        _ => None,
    };
    match (kind, &inside) {
        (Some(kind), None) => {
            *inside = Some(depth);
            records.push(Record { kind, key, fields: Vec::new() });
        }
        // A reference: `<groep key="g1"/>` in a leerling.
        (_, Some(_)) => {
            if let Some(record) = records.last_mut() {
                record.fields.push((name, key));
            }
        }
        (None, None) => {}
    }
}

fn append(records: &mut [Record], text: &str) {
    if let Some((_, value)) = records.last_mut().and_then(|record| record.fields.last_mut()) {
        value.push_str(text);
    }
}
