//! Lines by number, time, school, mail, Message-ID and address: what is asked for is hashed, what is kept is not opened.

use std::fmt;

use rusqlite::{Row, ToSql};
use serde_json::Value;

use super::{People, Sort, Store, StoreError, count, hex};
use crate::seal::Index;

/// Which lines. All that is said must fit.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// From this moment, milliseconds.
    pub from: Option<i64>,
    /// Before this moment, milliseconds.
    pub to: Option<i64>,
    /// Of this school.
    pub school: Option<String>,
    /// Of the mail with this number.
    pub mail: Option<String>,
    /// Of the mail with this Message-ID.
    pub message_id: Option<String>,
    /// With this sender.
    pub sender: Option<String>,
    /// With this recipient.
    pub recipient: Option<String>,
    /// With this address, in whatever place.
    pub person: Option<String>,
    /// About mail alone, not about the gate itself.
    pub of_mail: bool,
}

/// A line as it stands in the journal.
#[derive(Clone)]
pub struct Line {
    /// Its number.
    pub number: i64,
    /// When it happened, milliseconds.
    pub at: i64,
    /// The school; empty when it concerns the gate itself.
    pub school: String,
    /// What it is about.
    pub sort: Sort,
    /// The number of the mail.
    pub mail: Option<String>,
    /// What was decided.
    pub core: Value,
    /// How it came to that; none when it is erased.
    pub trace: Option<Value>,
    /// The hash of the sender's address.
    pub sender: Option<Index>,
    /// Its chain value.
    pub chain: String,
    sealed: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("number", &self.number).field("sort", &self.sort).finish_non_exhaustive()
    }
}

impl Store {
    /// The lines behind a number, in their order, at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn journal_lines(&self, which: &Which, behind: i64, most: usize) -> Result<Vec<Line>, StoreError> {
        let mut conditions = vec!["journal.core IS NOT NULL".to_owned(), "journal.number > ?1".to_owned()];
        let mut values: Vec<Box<dyn ToSql + Send>> = vec![Box::new(behind)];
        let mut add = |condition: &str, value: Option<Box<dyn ToSql + Send>>| {
            let Some(value) = value else { return };
            values.push(value);
            conditions.push(condition.replace("??", &format!("?{}", values.len())));
        };
        const WITH: &str =
            "EXISTS (SELECT 1 FROM journal_person p WHERE p.number = journal.number AND p.address = ?? AND ";
        let person =
            |address: &Option<String>| address.as_ref().map(|a| Box::new(self.person(a)) as Box<dyn ToSql + Send>);
        add("journal.at >= ??", which.from.map(|from| Box::new(from) as _));
        add("journal.at < ??", which.to.map(|to| Box::new(to) as _));
        add("journal.school = ??", which.school.clone().map(|school| Box::new(school) as _));
        add("journal.mail = ??", which.mail.clone().map(|mail| Box::new(mail) as _));
        add("journal.message_id = ??", which.message_id.as_ref().map(|id| Box::new(self.message_index(id)) as _));
        add(&format!("{WITH}p.place = 0)"), person(&which.sender));
        add(&format!("{WITH}p.place > 0)"), person(&which.recipient));
        add(&format!("{WITH}p.place >= 0)"), person(&which.person));
        add("journal.sort <> ??", which.of_mail.then(|| Box::new(Sort::Gate.word()) as _));
        add("1 = 1 ORDER BY journal.number LIMIT ??", Some(Box::new(count(most))));
        let statement = format!("SELECT {COLUMNS} WHERE {}", conditions.join(" AND "));
        self.read(move |tables| {
            let values: Vec<&dyn ToSql> = values.iter().map(|value| value.as_ref() as &dyn ToSql).collect();
            tables.prepare_cached(&statement)?.query_map(values.as_slice(), from_row)?.collect()
        })
        .await
    }

    /// Whom a line is about. Nobody when it says so.
    ///
    /// # Errors
    /// [`StoreError::Sealed`].
    pub fn people_of(&self, line: &Line) -> Result<People, StoreError> {
        match &line.sealed {
            Some((salt, sealed)) => self.unseal_people(salt, sealed),
            None => Ok(People::default()),
        }
    }
}

const COLUMNS: &str =
    "journal.number, journal.at, journal.school, journal.sort, journal.mail, journal.core, journal.trace,
     journal.core_salt, journal.people, journal.chain, sender.address FROM journal
     LEFT JOIN journal_person sender ON sender.number = journal.number AND sender.place = 0";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Line> {
    let (sort, core, trace): (String, String, Option<String>) = (row.get(3)?, row.get(5)?, row.get(6)?);
    let (salt, people): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(7)?, row.get(8)?);
    Ok(Line {
        number: row.get(0)?,
        at: row.get(1)?,
        school: row.get(2)?,
        sort: Sort::from_word(&sort),
        mail: row.get(4)?,
        core: serde_json::from_str(&core).unwrap_or_default(),
        trace: trace.and_then(|trace| serde_json::from_str(&trace).ok()),
        sender: row.get(10)?,
        chain: hex(&row.get::<_, Vec<u8>>(9)?),
        sealed: salt.zip(people),
    })
}
