//! OneRoster 1.1 and 1.2 CSV (1EdTech): users.csv, with roles.csv in 1.2, demographics.csv, classes.csv, enrollments.csv.
//!
//! Students become pupils; parents, guardians and relatives guardians; everybody else staff. Who is tied to whom stands
//! in `agentSourcedIds`, on either side. What is marked `tobedeleted` is left out and counted.

use std::collections::{HashMap, HashSet};

use super::header::{PARTICLES, leading_particles};
use super::import::Import;
use super::{Bond, Flags, Guardian, Person, Pupil, csv};

/// The files of an export, by name in small letters without folder.
pub type Files<'f> = HashMap<String, &'f [u8]>;

/// Whether these files are such an export.
pub fn is_export(files: &Files<'_>) -> bool {
    table(files, "users.csv").is_some_and(|users| users.titles.contains_key("sourcedid"))
}

/// Reads an export. False when it names no pupil.
pub fn read(import: &mut Import, files: &Files<'_>) -> bool {
    let Some(users) = table(files, "users.csv") else { return false };
    let roles = roles(files);
    let (born, classes) = (born(files), classes(files));
    let mut keys: HashMap<&str, String> = HashMap::new();
    let mut guardians: Vec<(&csv::Row, &str)> = Vec::new();
    let mut agents: HashMap<&str, HashSet<&str>> = HashMap::new();
    for row in &users.rows {
        let id = users.get(row, "sourcedid");
        if users.get(row, "status").eq_ignore_ascii_case("tobedeleted") {
            import.removed();
            continue;
        }
        let role = match users.get(row, "role") {
            "" => roles.get(id).map_or("", String::as_str),
            role => role,
        };
        for agent in users.get(row, "agentsourcedids").split(',').map(str::trim).filter(|agent| !agent.is_empty()) {
            agents.entry(id).or_default().insert(agent);
            agents.entry(agent).or_default().insert(id);
        }
        match role.to_lowercase().as_str() {
            "student" => {
                let born = born.get(id).cloned().unwrap_or_default();
                let class = classes.get(id).cloned().unwrap_or_default();
                let pupil = Pupil { born, class, ..pupil(&users, row) };
                keys.extend(import.pupil(pupil, row.line).map(|key| (id, key)));
            }
            "parent" | "guardian" | "relative" => guardians.push((row, id)),
            _ => import.staff(person(&users, row)),
        }
    }
    for (row, id) in guardians {
        let pupils = agents.get(id).into_iter().flatten().filter_map(|agent| keys.get(agent));
        let mut bonds: Vec<Bond> = pupils.map(|pupil| Bond { pupil: pupil.clone(), flags: Flags::default() }).collect();
        bonds.sort_by(|a, b| a.pupil.cmp(&b.pupil));
        let phones = ["sms", "phone"].map(|title| users.get(row, title).to_owned());
        let phones = phones.into_iter().filter(|phone| !phone.is_empty()).collect();
        import.guardian(Guardian { person: person(&users, row), more_mails: Vec::new(), phones, bonds });
    }
    !keys.is_empty()
}

struct Table {
    titles: HashMap<String, usize>,
    rows: Vec<csv::Row>,
}

impl Table {
    fn get<'r>(&self, row: &'r csv::Row, title: &str) -> &'r str {
        self.titles.get(title).and_then(|&index| row.fields.get(index)).map_or("", String::as_str)
    }

    /// The rows that are not marked as removed.
    fn current(&self) -> impl Iterator<Item = &csv::Row> {
        self.rows.iter().filter(|row| !self.get(row, "status").eq_ignore_ascii_case("tobedeleted"))
    }
}

fn table(files: &Files<'_>, name: &str) -> Option<Table> {
    let mut rows = csv::rows(&csv::decode(files.get(name)?)?);
    if rows.is_empty() {
        return None;
    }
    let titles = rows.remove(0).fields.into_iter().enumerate().map(|(index, title)| (title.to_lowercase(), index));
    Some(Table { titles: titles.collect(), rows })
}

/// 1.2: user -> role. Who is a student anywhere is one.
fn roles(files: &Files<'_>) -> HashMap<String, String> {
    let mut roles = HashMap::new();
    let Some(table) = table(files, "roles.csv") else { return roles };
    for row in table.current() {
        let (user, role) = (table.get(row, "usersourcedid"), table.get(row, "role"));
        if role == "student" || !roles.contains_key(user) {
            roles.insert(user.to_owned(), role.to_owned());
        }
    }
    roles
}

fn born(files: &Files<'_>) -> HashMap<String, String> {
    let Some(table) = table(files, "demographics.csv") else { return HashMap::new() };
    let born = |title: &str| {
        let row = |row| (table.get(row, "sourcedid").to_owned(), table.get(row, title).to_owned());
        table.current().map(row).collect()
    };
    born(if table.titles.contains_key("birthdate") { "birthdate" } else { "dateofbirth" })
}

/// User -> title of the homeroom.
fn classes(files: &Files<'_>) -> HashMap<String, String> {
    let (Some(classes), Some(enrollments)) = (table(files, "classes.csv"), table(files, "enrollments.csv")) else {
        return HashMap::new();
    };
    let homeroom = |row: &&csv::Row| classes.get(row, "classtype") == "homeroom";
    let titles: HashMap<&str, &str> = (classes.current().filter(homeroom))
        .map(|row| (classes.get(row, "sourcedid"), classes.get(row, "title")))
        .collect();
    let enrolled = enrollments.current().filter_map(|row| {
        let title = titles.get(enrollments.get(row, "classsourcedid"))?;
        Some((enrollments.get(row, "usersourcedid").to_owned(), (*title).to_owned()))
    });
    enrolled.collect()
}

fn pupil(users: &Table, row: &csv::Row) -> Pupil {
    let Person { first, particle, surname, mail } = person(users, row);
    let given = users.get(row, "givenname");
    let middle = users.get(row, "middlename");
    let formal = if is_particles(middle) { given.to_owned() } else { format!("{given} {middle}") };
    let number = match users.get(row, "identifier") {
        "" => users.get(row, "sourcedid"),
        identifier => identifier,
    };
    Pupil {
        first,
        formal: formal.trim().to_owned(),
        particle,
        surname,
        mail,
        number: number.to_owned(),
        ..Pupil::default()
    }
}

/// The tussenvoegsel stands before the family name, or alone in the middle name.
fn person(users: &Table, row: &csv::Row) -> Person {
    let preferred = |title: &str, other: &str| match users.get(row, title) {
        "" => users.get(row, other).to_owned(),
        preferred => preferred.to_owned(),
    };
    let (particle, surname) = leading_particles(&preferred("preferredfamilyname", "familyname"));
    let middle = users.get(row, "middlename");
    let particle = if particle.is_empty() && is_particles(middle) { middle.to_owned() } else { particle };
    let first = preferred("preferredgivenname", "givenname");
    Person { first, particle, surname, mail: users.get(row, "email").to_owned() }
}

fn is_particles(middle: &str) -> bool {
    !middle.is_empty() && middle.split_whitespace().all(|word| PARTICLES.contains(&word.to_lowercase().as_str()))
}
