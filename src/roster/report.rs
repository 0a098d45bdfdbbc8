//! What an import tells the school office: counts and column titles, never anybody's data.

use std::fmt;

use crate::school::Language;

/// What an import held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many pupils.
    pub pupils: usize,
    /// How many guardians.
    pub guardians: usize,
    /// How many staff.
    pub staff: usize,
    /// How many guardians have no mail address.
    pub without_mail: usize,
    /// How many names of pupils are an everyday word too.
    pub words: usize,
    /// How many rows repeat somebody who was there already.
    pub repeated: usize,
    /// How many rows had no usable name.
    pub nameless: usize,
    /// How many guardians belong to no pupil that is in the files.
    pub strangers: usize,
    /// How many entries were marked as removed.
    pub removed: usize,
    /// Titles of columns with BSNs or onderwijsnummers, which were not kept.
    pub dropped: Vec<String>,
}

impl Report {
    /// The report in a language.
    pub fn in_language(&self, language: Language) -> String {
        let mut said = Said { language, text: String::new() };
        said.always(self.pupils, ["leerling", "leerlingen"], ["pupil", "pupils"]);
        said.some(self.guardians, ["ouder", "ouders"], ["guardian", "guardians"]);
        said.some(self.without_mail, ["zonder e-mail"; 2], ["without e-mail"; 2]);
        said.some(self.staff, ["medewerker", "medewerkers"], ["member of staff", "members of staff"]);
        said.some(
            self.words,
            ["naam is ook een woord", "namen zijn ook een woord"],
            ["name is also a word", "names are also words"],
        );
        said.some(self.repeated, ["rij dubbel", "rijen dubbel"], ["row repeated", "rows repeated"]);
        said.some(
            self.nameless,
            ["rij zonder naam overgeslagen", "rijen zonder naam overgeslagen"],
            ["row without a name skipped", "rows without a name skipped"],
        );
        said.some(
            self.strangers,
            ["ouder van een onbekende leerling overgeslagen", "ouders van onbekende leerlingen overgeslagen"],
            ["guardian of an unknown pupil skipped", "guardians of unknown pupils skipped"],
        );
        said.some(self.removed, ["als verwijderd gemarkeerd"; 2], ["marked as deleted"; 2]);
        said.text.push('.');
        if !self.dropped.is_empty() {
            let (columns, nl) = (self.dropped.join(", "), language == Language::Nl);
            said.text.push_str(&match nl {
                true => format!(" Niet bewaard: kolom {columns} (BSN of onderwijsnummer)."),
                false => format!(" Not kept: column {columns} (BSN or onderwijsnummer)."),
            });
        }
        said.text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_language(Language::Nl))
    }
}

struct Said {
    language: Language,
    text: String,
}

impl Said {
    fn always(&mut self, number: usize, nl: [&str; 2], en: [&str; 2]) {
        let [one, more] = self.language.of(nl, en);
        let comma = if self.text.is_empty() { "" } else { ", " };
        self.text.push_str(&format!("{comma}{number} {}", if number == 1 { one } else { more }));
    }

    fn some(&mut self, number: usize, nl: [&str; 2], en: [&str; 2]) {
        if number > 0 {
            self.always(number, nl, en);
        }
    }
}
