//! Mail that was stopped: kept sealed until its sender chooses, or until its time is over.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::journal::{self, NewLine, People, Sort};
use super::notes::{self, NewNote};
use super::owed::{self, Envelope, NewOwed};
use super::share::{self, NewShared};
use super::{Store, StoreError, count, insert_item};
use crate::kill::Point;
use crate::seal::Index;
use crate::vault::Item;

/// What has become of a mail for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Kept; its sender may choose.
    Held,
    /// A second person was asked.
    Asked,
    /// On its way: owed to the next hop.
    Owed,
    /// The next hop has taken it.
    Sent,
    /// The next hop refused it for good, or it was given up.
    Failed,
    /// Its sender deleted it.
    Deleted,
    /// Nobody chose in time.
    Expired,
    /// Gets it as a secure share.
    Shared,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Held, Self::Asked, Self::Owed, Self::Sent, Self::Failed, Self::Deleted, Self::Expired, Self::Shared];

    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Asked => "asked",
            Self::Owed => "owed",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
            Self::Shared => "shared",
        }
    }

    fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.word() == word).unwrap_or(Self::Failed)
    }

    /// Whether its sender may still choose.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Held | Self::Asked)
    }
}

/// A mail that we take, with everything that goes to the disk in the same commit.
#[derive(Debug)]
pub struct Taken {
    /// Its school.
    pub school: String,
    /// The mail itself, and what we wrote because of it.
    pub items: Vec<Item>,
    /// The mail as it is kept; none when it only goes on.
    pub held: Option<NewHeld>,
    /// What we owe because of it.
    pub owed: Vec<NewOwed>,
    /// What is shared of it.
    pub share: Option<NewShared>,
    /// What is told later because of it.
    pub notes: Vec<NewNote>,
    /// Its line in the journal.
    pub journal: Option<NewLine>,
}

/// A mail to be held.
#[derive(Debug)]
pub struct NewHeld {
    /// The number by which reply, notice and desk know it.
    pub id: String,
    /// Hash of school, sender and Message-ID.
    pub incident: Index,
    /// Hash of the incident, its recipients and its content.
    pub part: Index,
    /// Hash of the sender's address.
    pub sender: Index,
    /// Hash of the secret in the notice's link.
    pub link: Index,
    /// When it is deleted, milliseconds.
    pub delete_at: i64,
    /// The id of its item; none when the school keeps nothing.
    pub item: Option<String>,
    /// Octets.
    pub size: usize,
    /// What the desk shows and a release needs.
    pub facts: Facts,
    /// One for each recipient of `facts.envelope`.
    pub recipients: Vec<NewRecipient>,
}

/// A recipient of a mail to be held.
#[derive(Debug)]
pub struct NewRecipient {
    /// Hash of the address.
    pub address: Index,
    /// Its class.
    pub class: String,
    /// The policy line that decided.
    pub line: String,
    /// What has become of it so far.
    pub state: State,
}

/// What the desk shows of a held mail, and what its release needs. Sealed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    /// The envelope, all recipients, and the `Received` line of the mail.
    pub envelope: Envelope,
    /// Who got the notice, as typed.
    pub readers: Vec<String>,
    /// The subject, when it may be shown.
    pub subject: Option<String>,
    /// When it was sent, as the notice says it; Dutch and English.
    pub sent: [String; 2],
    /// What was found and where, as the notice says it, a line each; Dutch and English.
    pub found: [Vec<String>; 2],
    /// Why that matters, a paragraph each; Dutch and English.
    pub why: [Vec<String>; 2],
    /// What may be chosen for each recipient, in the words of policy files.
    pub offers: Vec<Vec<String>>,
    /// The places of recipients whose address is not named: it may be secret, or its reader barred.
    #[serde(default)]
    pub discreet: Vec<usize>,
    /// The places of recipients with whom it is shared only when its sender has said what for.
    #[serde(default)]
    pub asks_purpose: Vec<usize>,
}

/// Subjects, addresses and names of files are for the sender's own desk.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts(..)")
    }
}

/// A held mail as the desk sees it.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its number.
    pub id: String,
    /// Its school.
    pub school: String,
    /// Hash of the sender's address.
    pub sender: Index,
    /// When we took it, milliseconds.
    pub taken_at: i64,
    /// When it is deleted, milliseconds.
    pub delete_at: i64,
    /// The id of its item; none when it is deleted.
    pub item: Option<String>,
    /// What there is to show.
    pub facts: Facts,
    /// What has become of it for each recipient of `facts.envelope`.
    pub recipients: Vec<HeldRecipient>,
}

/// A recipient of a held mail.
#[derive(Debug, Clone)]
pub struct HeldRecipient {
    /// Its class.
    pub class: String,
    /// The policy line that decided.
    pub line: String,
    /// What has become of it.
    pub state: State,
    /// Since when, milliseconds.
    pub changed_at: i64,
}

/// What somebody did to a held mail.
#[derive(Clone, Serialize, Deserialize)]
pub struct Act {
    /// What: `released`, `asked`, `agreed`, `refused`, `deleted`, `mistake`, `help`, `shown`, ...
    #[serde(skip)]
    pub what: String,
    /// Who, as an address.
    pub who: String,
    /// The reason that was given.
    pub reason: String,
    /// Which recipients, by their places.
    pub places: Vec<usize>,
}

/// Reasons and addresses are for those who may look.
impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Act").field("what", &self.what).finish_non_exhaustive()
    }
}

/// What taking a mail came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Took {
    /// It is on the disk.
    New,
    /// The same part of the same mail is there already, under this number.
    Again(String),
}

impl Store {
    /// Takes a mail: all of it in one commit, on the disk when this returns. The same part again within `again` (in
    /// milliseconds) is not taken twice.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was taken then.
    pub async fn take(&self, mut taken: Taken, now: i64, again: i64) -> Result<Took, StoreError> {
        let (line, chain) = (taken.journal.take().map(|line| self.prepare(line)).transpose()?, self.chain());
        let facts = match &taken.held {
            Some(held) => self.seal_facts(&held.id, &held.facts)?,
            None => Vec::new(),
        };
        let readers = match &taken.held {
            Some(held) => self.other_readers(held),
            None => Vec::new(),
        };
        let notes: Vec<_> = taken.notes.iter().map(|note| self.seal_note(note)).collect::<Result<_, _>>()?;
        let envelopes: Vec<Vec<u8>> =
            taken.owed.iter().map(|owed| self.seal_envelope(owed)).collect::<Result<_, _>>()?;
        let shared = match taken.share.take() {
            Some(shared) => Some((self.seal_share(&shared)?, shared)),
            None => None,
        };
        self.write(move |tables| {
            if let Some(held) = &taken.held
                && let Some(id) = same_part(tables, held, now.saturating_sub(again))?
            {
                return Ok(Took::Again(id));
            }
            for item in &taken.items {
                insert_item(tables, &taken.school, item)?;
            }
            if let Some(held) = &taken.held {
                insert(tables, &taken.school, held, &facts, now)?;
            }
            for (owed, envelope) in taken.owed.iter().zip(&envelopes) {
                let held = taken.held.as_ref().map(|held| held.id.as_str());
                owed::insert(tables, &taken.school, held, owed, envelope, now)?;
            }
            if let Some((sealed, shared)) = &shared {
                share::insert(tables, shared, sealed, now)?;
            }
            for (held, address) in taken.held.iter().flat_map(|held| readers.iter().map(move |one| (&held.id, one))) {
                tables
                    .prepare_cached(
                        "INSERT INTO held_reader (held, school, address) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![held, taken.school, address])?;
            }
            for note in &notes {
                notes::insert(tables, &taken.school, note, now)?;
            }
            journal::append(tables, &chain, line.as_slice())?;
            Point::TakenRows.reached();
            Ok(Took::New)
        })
        .await
    }

    /// The held mail that a notice's link leads to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_by_link(&self, link: Index) -> Result<Option<Held>, StoreError> {
        self.one_held("link = ?1", link.to_vec()).await
    }

    /// The held mail with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held(&self, id: &str) -> Result<Option<Held>, StoreError> {
        self.one_held("id = ?1", id.to_owned()).await
    }

    /// Who reads about it besides its sender.
    fn other_readers(&self, held: &NewHeld) -> Vec<Index> {
        let readers =
            held.facts.readers.iter().map(|reader| self.index("address", &[reader.to_lowercase().as_bytes()]));
        readers.filter(|reader| *reader != held.sender).collect()
    }

    /// The mails of a sender that were stopped, the newest first; also those that he sent for somebody else (`Sender:`).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_of(&self, school: &str, sender: Index, most: usize) -> Result<Vec<Held>, StoreError> {
        let school = school.to_owned();
        let rows = self
            .read(move |tables| {
                let statement = format!(
                    "SELECT {COLUMNS} FROM held WHERE school = ?1 AND (sender = ?2 OR id IN
                     (SELECT held FROM held_reader WHERE school = ?1 AND address = ?2)) ORDER BY taken_at DESC LIMIT ?3"
                );
                let mut list = tables.prepare_cached(&statement)?;
                let rows = list.query_map(params![school, sender, count(most)], from_row)?;
                rows.map(|row| with_recipients(tables, row?)).collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        rows.into_iter().map(|row| self.unsealed(row)).collect()
    }

    /// Carries out a choice: those of the recipients that are still open go from what they were to `to`, and what is owed
    /// because of it is, in one commit. Gives the places that changed; when none did (somebody was first), nothing
    /// was done.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was done then.
    pub async fn choose(&self, held: &Held, choice: Choice, now: i64) -> Result<Vec<usize>, StoreError> {
        self.choose_and_share(held, choice, None, now).await
    }

    /// The same, with a share that is made of it.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was done then.
    pub async fn choose_and_share(
        &self,
        held: &Held,
        choice: Choice,
        shared: Option<NewShared>,
        now: i64,
    ) -> Result<Vec<usize>, StoreError> {
        let shared = match shared {
            Some(shared) => Some((self.seal_share(&shared)?, shared)),
            None => None,
        };
        let (id, school) = (held.id.clone(), held.school.clone());
        let act = self.seal(&act_label(&id), &choice.act)?;
        let (line, chain) = (self.prepare(line_of(held, &choice.act, Some(choice.to), now))?, self.chain());
        let envelopes: Vec<Vec<u8>> =
            choice.owed.iter().map(|owed| self.seal_envelope(owed)).collect::<Result<_, _>>()?;
        self.write(move |tables| {
            let mut changed = Vec::new();
            for &place in &choice.act.places {
                let open = tables
                    .prepare_cached(
                        "UPDATE held_recipient SET state = ?3, changed_at = ?4
                         WHERE held = ?1 AND place = ?2 AND state IN ('held', 'asked') AND state <> ?3",
                    )?
                    .execute(params![id, count(place), choice.to.word(), now])?;
                if open > 0 {
                    changed.push(place);
                }
            }
            // Mail to all of them was composed; with one of them gone it would be wrong.
            if changed.len() < choice.act.places.len() {
                return Err(rusqlite::Error::QueryReturnedNoRows);
            }
            for item in &choice.items {
                insert_item(tables, &school, item)?;
            }
            for (owed, envelope) in choice.owed.iter().zip(&envelopes) {
                owed::insert(tables, &school, Some(&id), owed, envelope, now)?;
            }
            if let Some((sealed, shared)) = &shared {
                share::insert(tables, shared, sealed, now)?;
            }
            insert_act(tables, &id, &school, &choice.act.what, &act, now)?;
            journal::append(tables, &chain, std::slice::from_ref(&line))?;
            Point::ChosenRows.reached();
            Ok(changed)
        })
        .await
        .or_else(|error| if error == no_rows() { Ok(Vec::new()) } else { Err(error) })
    }

    /// Writes down what somebody did that changes no recipient's state, with what is owed because of it.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written then.
    pub async fn did(&self, held: &Held, act: &Act, owed: Option<(Item, NewOwed)>, now: i64) -> Result<(), StoreError> {
        let (id, school, what) = (held.id.clone(), held.school.clone(), act.what.clone());
        let sealed = self.seal(&act_label(&id), act)?;
        let (line, chain) = (self.prepare(line_of(held, act, None, now))?, self.chain());
        let owed = match owed {
            Some((item, new)) => Some((self.seal_envelope(&new)?, item, new)),
            None => None,
        };
        self.write(move |tables| {
            if let Some((envelope, item, new)) = &owed {
                insert_item(tables, &school, item)?;
                owed::insert(tables, &school, Some(&id), new, envelope, now)?;
            }
            insert_act(tables, &id, &school, &what, &sealed, now)?;
            journal::append(tables, &chain, std::slice::from_ref(&line))
        })
        .await
    }

    /// What was done to a held mail, oldest first, with its times in milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acts(&self, held: &str) -> Result<Vec<(i64, Act)>, StoreError> {
        let id = held.to_owned();
        let rows: Vec<(i64, String, Vec<u8>)> = self
            .read(move |tables| {
                let mut list =
                    tables.prepare_cached("SELECT at, what, facts FROM act WHERE held = ?1 ORDER BY at, id")?;
                list.query_map([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
            })
            .await?;
        let label = act_label(held);
        let unseal = |(at, what, sealed): (i64, String, Vec<u8>)| {
            let act: Act = self.unseal(&label, &sealed)?;
            Ok((at, Act { what, ..act }))
        };
        rows.into_iter().map(unseal).collect()
    }

    /// Ends what is over: the content of held mail whose day has come, or for which nothing is open or owed any more,
    /// is forgotten, and rows a month after their day. Gives how many mails were due and how many are gone; these are
    /// the same, or something is wrong.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purge(&self, now: i64) -> Result<Purged, StoreError> {
        self.write(move |tables| {
            let due: i64 = tables.query_row(DUE, [now], |row| row.get(0))?;
            tables.execute(
                "UPDATE held_recipient SET state = 'expired', changed_at = ?1 WHERE state IN ('held', 'asked')
                 AND held IN (SELECT id FROM held WHERE delete_at <= ?1)",
                [now],
            )?;
            let gone =
                tables.execute("UPDATE held SET item = NULL WHERE item IS NOT NULL AND delete_at <= ?1", [now])?;
            tables.execute(
                "UPDATE held SET item = NULL WHERE item IS NOT NULL AND NOT EXISTS (SELECT 1 FROM held_recipient r
                 WHERE r.held = held.id AND r.state IN ('held', 'asked', 'owed'))",
                [],
            )?;
            let month = 30 * 24 * 3600 * 1000;
            let forgotten = tables
                .execute("DELETE FROM held WHERE item IS NULL AND delete_at <= ?1", [now.saturating_sub(month)])?;
            Ok(Purged { due: usize::try_from(due).unwrap_or_default(), gone, forgotten })
        })
        .await
    }

    /// How many held mails are due for [`Store::purge`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_due(&self, now: i64) -> Result<usize, StoreError> {
        let due: i64 = self.read(move |tables| tables.query_row(DUE, [now], |row| row.get(0))).await?;
        Ok(usize::try_from(due).unwrap_or_default())
    }

    async fn one_held(
        &self,
        which: &'static str,
        value: impl rusqlite::ToSql + Send + 'static,
    ) -> Result<Option<Held>, StoreError> {
        let row = self
            .read(move |tables| {
                let statement = format!("SELECT {COLUMNS} FROM held WHERE {which}");
                let row = tables.prepare_cached(&statement)?.query_row([value], from_row).optional()?;
                row.map(|row| with_recipients(tables, row)).transpose()
            })
            .await?;
        row.map(|row| self.unsealed(row)).transpose()
    }

    fn unsealed(&self, (held, sealed): (Held, Vec<u8>)) -> Result<Held, StoreError> {
        let plain = self.0.keys.open(&facts_label(&held.id), &sealed).ok_or(StoreError::Sealed)?;
        let facts = serde_json::from_slice(&plain).map_err(|_| StoreError::Sealed)?;
        Ok(Held { facts, ..held })
    }

    /// In JSON, so that a later version can read what an earlier one wrote.
    fn seal_facts(&self, id: &str, facts: &Facts) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(facts).map_err(|error| StoreError::Trouble(error.to_string()))?;
        let sealed = self.0.keys.seal(&facts_label(id), &plain);
        sealed.ok_or_else(|| StoreError::Trouble("it could not be sealed".to_owned()))
    }
}

/// A choice that is carried out.
#[derive(Debug)]
pub struct Choice {
    /// What is done, by whom, for which recipients.
    pub act: Act,
    /// What these recipients become.
    pub to: State,
    /// What we wrote because of it.
    pub items: Vec<Item>,
    /// What we owe because of it.
    pub owed: Vec<NewOwed>,
}

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Held mails whose day had come.
    pub due: usize,
    /// Held mails whose content was forgotten because of it.
    pub gone: usize,
    /// Rows without content that were forgotten.
    pub forgotten: usize,
}

const DUE: &str = "SELECT count(*) FROM held WHERE item IS NOT NULL AND delete_at <= ?1";
const COLUMNS: &str = "id, school, sender, taken_at, delete_at, item, facts";

fn from_row(row: &Row<'_>) -> rusqlite::Result<(Held, Vec<u8>)> {
    let held = Held {
        id: row.get(0)?,
        school: row.get(1)?,
        sender: row.get(2)?,
        taken_at: row.get(3)?,
        delete_at: row.get(4)?,
        item: row.get(5)?,
        facts: Facts::default(),
        recipients: Vec::new(),
    };
    Ok((held, row.get(6)?))
}

fn with_recipients(tables: &Connection, (mut held, facts): (Held, Vec<u8>)) -> rusqlite::Result<(Held, Vec<u8>)> {
    let mut list = tables
        .prepare_cached("SELECT class, line, state, changed_at FROM held_recipient WHERE held = ?1 ORDER BY place")?;
    let rows = list.query_map([&held.id], |row| {
        let word: String = row.get(2)?;
        Ok(HeldRecipient {
            class: row.get(0)?,
            line: row.get(1)?,
            state: State::from_word(&word),
            changed_at: row.get(3)?,
        })
    })?;
    held.recipients = rows.collect::<rusqlite::Result<_>>()?;
    Ok((held, facts))
}

fn same_part(tables: &Connection, held: &NewHeld, since: i64) -> rusqlite::Result<Option<String>> {
    tables
        .prepare_cached("SELECT id FROM held WHERE part = ?1 AND taken_at > ?2 ORDER BY taken_at LIMIT 1")?
        .query_row(params![held.part, since], |row| row.get(0))
        .optional()
}

fn insert(tables: &Connection, school: &str, held: &NewHeld, facts: &[u8], now: i64) -> rusqlite::Result<()> {
    tables
        .prepare_cached(
            "INSERT INTO held (id, school, incident, part, sender, link, taken_at, delete_at, item, size, facts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            held.id,
            school,
            held.incident,
            held.part,
            held.sender,
            held.link,
            now,
            held.delete_at,
            held.item,
            count(held.size),
            facts
        ])?;
    let mut recipient = tables.prepare_cached(
        "INSERT INTO held_recipient (held, place, school, address, class, line, state, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (place, one) in held.recipients.iter().enumerate() {
        recipient.execute(params![
            held.id,
            count(place),
            school,
            one.address,
            one.class,
            one.line,
            one.state.word(),
            now
        ])?;
    }
    Ok(())
}

fn insert_act(
    tables: &Connection,
    held: &str,
    school: &str,
    what: &str,
    facts: &[u8],
    now: i64,
) -> rusqlite::Result<()> {
    tables
        .prepare_cached("INSERT INTO act (held, school, at, what, facts) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![held, school, now, what, facts])?;
    Ok(())
}

pub(super) fn set_state(tables: &Connection, held: &str, place: usize, to: State, now: i64) -> rusqlite::Result<()> {
    tables
        .prepare_cached("UPDATE held_recipient SET state = ?3, changed_at = ?4 WHERE held = ?1 AND place = ?2")?
        .execute(params![held, count(place), to.word(), now])?;
    Ok(())
}

/// Its sender gets the whole time to choose.
pub(super) fn keep_again(tables: &Connection, held: &str, item: &str, kept: &owed::KeptAgain) -> rusqlite::Result<()> {
    tables.prepare_cached("UPDATE held SET item = ?2, delete_at = ?3 WHERE id = ?1")?.execute(params![
        held,
        item,
        kept.delete_at
    ])?;
    Ok(())
}

pub(super) fn set_all(tables: &Connection, held: &str, from: State, to: State, now: i64) -> rusqlite::Result<()> {
    tables
        .prepare_cached("UPDATE held_recipient SET state = ?3, changed_at = ?4 WHERE held = ?1 AND state = ?2")?
        .execute(params![held, from.word(), to.word(), now])?;
    Ok(())
}

/// The line of the journal about what somebody did. Letting a mail go that was stopped is an override.
fn line_of(held: &Held, act: &Act, to: Option<State>, now: i64) -> NewLine {
    let is_override = to == Some(State::Owed) || matches!(act.what.as_str(), "released" | "agreed");
    let lines: std::collections::BTreeSet<&str> =
        act.places.iter().filter_map(|place| Some(held.recipients.get(*place)?.line.as_str())).collect();
    let core = serde_json::json!({
        "event": act.what, "recipients": act.places.len(), "lines": lines, "to": to.map(State::word),
    });
    NewLine {
        at: now,
        school: held.school.clone(),
        sort: if is_override { Sort::Override } else { Sort::Incident },
        mail: Some(held.id.clone()),
        core: core.to_string(),
        trace: None,
        people: People {
            sender: Some(act.who.to_lowercase()).filter(|who| !who.is_empty()),
            recipients: act
                .places
                .iter()
                .filter_map(|place| Some(held.facts.envelope.recipients.get(*place)?.address.to_lowercase()))
                .collect(),
            reason: act.reason.clone(),
            ..People::default()
        },
    }
}

fn no_rows() -> StoreError {
    StoreError::from(rusqlite::Error::QueryReturnedNoRows)
}

fn facts_label(id: &str) -> String {
    format!("held.facts of {id}")
}

fn act_label(id: &str) -> String {
    format!("act.facts of {id}")
}
