//! CSV of pupils, guardians or staff: what list it is, and its rows.
//!
//! Columns are known by their titles (`header`), never by their place. A row of a pupil may name guardians too.

use std::path::Path;

use super::header::{Column, Columns, Field, split_name, yes_or_no};
use super::import::{Import, empty};
use super::{Bond, Flags, Guardian, Person, Pupil, csv};
use crate::problem::Problem;

/// Reads a list into the import.
///
/// # Errors
/// A [`Problem`] when it is empty, has no header that we know, or names nobody.
pub fn read(import: &mut Import, file: &Path, text: &str) -> Result<(), Problem> {
    let rows = csv::rows(text);
    let Some(first) = rows.first() else { return Err(empty(file)) };
    let Some(columns) = Columns::from_header(&first.fields) else {
        if !rows.iter().all(|row| plain_name(&row.fields)) {
            return Err(no_header(file, first.line));
        }
        rows.iter().for_each(|row| import.named(&row.fields.join(", "), row.line));
        return Ok(());
    };
    import.dropped(columns.dropped(&first.fields));
    let list = list(file, &columns).ok_or_else(|| no_names(file, first.line))?;
    let mut named = 0;
    for row in rows.iter().skip(1) {
        named += usize::from(match list {
            List::Pupils => pupil(import, &columns, &row.fields, row.line),
            List::Guardians => guardian_row(import, &columns, &row.fields),
            List::Staff => staff(import, &columns, &row.fields),
        });
    }
    if named == 0 { Err(empty(file)) } else { Ok(()) }
}

/// Whom a list is of.
enum List {
    Pupils,
    Guardians,
    Staff,
}

fn list(file: &Path, columns: &Columns) -> Option<List> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let called = |words: &[&str]| words.iter().any(|word| stem.contains(word));
    let of_pupil = columns.has(Column::Born) || columns.has(Column::Class);
    let numbered = columns.has(Column::Number);
    let staff = columns.has(Column::Staff) || called(&["personeel", "medewerker", "docent", "leerkracht", "staff"]);
    let guardians = columns.of_guardians() || called(&["ouder", "verzorger", "guardian", "parent"]);
    match columns.names() {
        true if staff && !numbered && !of_pupil => Some(List::Staff),
        true if guardians && numbered && !of_pupil => Some(List::Guardians),
        true => Some(List::Pupils),
        false if numbered && !columns.guardians().is_empty() => Some(List::Guardians),
        false => None,
    }
}

fn pupil(import: &mut Import, columns: &Columns, fields: &[String], line: usize) -> bool {
    let get = |column| columns.get(column, fields);
    let own = |field| columns.get(Column::Own(field), fields);
    let named = named(columns, fields);
    let pictures = [yes_or_no(get(Column::NoPictures)), yes_or_no(get(Column::Pictures)).map(|yes| !yes)];
    let pupil = Pupil {
        number: get(Column::Number).to_owned(),
        mail: own(Field::Mail).to_owned(),
        born: get(Column::Born).to_owned(),
        class: get(Column::Class).to_owned(),
        no_pictures: pictures.into_iter().flatten().any(|no| no),
        ..named
    };
    let Some(key) = import.pupil(pupil, line) else { return false };
    for slot in columns.guardians() {
        let column = |field| Column::Guardian(slot, field);
        import.guardian(guardian(columns, fields, column, &[key.as_str()]));
    }
    true
}

/// A row of a list of guardians: of one guardian, or of all guardians of one pupil.
fn guardian_row(import: &mut Import, columns: &Columns, fields: &[String]) -> bool {
    let numbers = columns.get(Column::Number, fields);
    let pupils: Vec<&str> = numbers.split([',', ';', '/', ' ']).filter(|number| !number.is_empty()).collect();
    if pupils.is_empty() {
        return false;
    }
    if columns.names() {
        let own = guardian(columns, fields, Column::Own, &pupils);
        let named = !own.person.is_nameless();
        import.guardian(own);
        return named;
    }
    for slot in columns.guardians() {
        import.guardian(guardian(columns, fields, |field| Column::Guardian(slot, field), &pupils));
    }
    true
}

fn guardian(columns: &Columns, fields: &[String], column: impl Fn(Field) -> Column, pupils: &[&str]) -> Guardian {
    let get = |field| columns.get(column(field), fields);
    // One column over a pupil's row holds for all of its guardians.
    let flag = |field| yes_or_no(get(field)).or_else(|| yes_or_no(columns.get(Column::Own(field), fields)));
    let mut mails = get(Field::Mail).split([',', ';', ' ']).filter(|mail| mail.contains('@')).map(str::to_owned);
    let flags = Flags {
        custody: flag(Field::Custody),
        no_contact: flag(Field::NoContact).unwrap_or_default(),
        secret_address: flag(Field::SecretAddress).unwrap_or_default(),
    };
    let phones = get(Field::Phone).split([',', ';']).map(str::trim).filter(|phone| !phone.is_empty());
    Guardian {
        person: Person { mail: mails.next().unwrap_or_default(), ..person(columns, fields, &column) },
        more_mails: mails.collect(),
        phones: phones.map(str::to_owned).collect(),
        bonds: pupils.iter().map(|&pupil| Bond { pupil: pupil.to_owned(), flags }).collect(),
    }
}

fn staff(import: &mut Import, columns: &Columns, fields: &[String]) -> bool {
    let mail = columns.get(Column::Own(Field::Mail), fields).to_owned();
    let person = Person { mail, ..person(columns, fields, &Column::Own) };
    let named = !person.is_nameless();
    import.staff(person);
    named
}

fn person(columns: &Columns, fields: &[String], column: &impl Fn(Field) -> Column) -> Person {
    let get = |field| columns.get(column(field), fields);
    let whole = get(Field::Whole);
    if get(Field::Surname).is_empty() && !whole.is_empty() {
        let Pupil { first, particle, surname, .. } = split_name(whole);
        return Person { first, particle, surname, ..Person::default() };
    }
    Person {
        first: get(Field::First).to_owned(),
        particle: get(Field::Particle).to_owned(),
        surname: get(Field::Surname).to_owned(),
        ..Person::default()
    }
}

/// The name of a pupil's row.
fn named(columns: &Columns, fields: &[String]) -> Pupil {
    let get = |field| columns.get(Column::Own(field), fields);
    let whole = get(Field::Whole);
    if get(Field::Surname).is_empty() && !whole.is_empty() {
        return split_name(whole);
    }
    let formal = get(Field::Formal);
    let first = match get(Field::First) {
        "" => formal.split_whitespace().next().unwrap_or_default(),
        first => first,
    };
    Pupil {
        first: first.to_owned(),
        formal: formal.to_owned(),
        initials: get(Field::Initials).to_owned(),
        particle: get(Field::Particle).to_owned(),
        surname: get(Field::Surname).to_owned(),
        ..Pupil::default()
    }
}

/// A line of a list of names: one to three fields ("Berg, Sanne van den"), with letters and no digits or @.
fn plain_name(fields: &[String]) -> bool {
    let name = fields.join(" ");
    fields.len() <= 3
        && name.chars().any(char::is_alphabetic)
        && !name.contains(|c: char| c.is_ascii_digit() || c == '@')
}

fn no_names(file: &Path, line: usize) -> Problem {
    let what = "the roster has no column with names";
    let remedy = "add the columns roepnaam, tussenvoegsel and achternaam to the export, or naam";
    Problem { line: Some(line), ..Problem::new(file, what, remedy) }
}

fn no_header(file: &Path, line: usize) -> Problem {
    let what = "the first row of the roster is no header that we know";
    let remedy = "put column titles in the first row: leerlingnummer, roepnaam, tussenvoegsel, achternaam";
    Problem { line: Some(line), ..Problem::new(file, what, remedy) }
}
