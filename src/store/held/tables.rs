//! The rows of stopped mail: taken, found, chosen about, erased. Each change is one transaction with its line in the journal.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    Act, Choice, Facts, Held, HeldRecipient, ListedHeld, ListedRecipients, NewHeld, Purged, State, Taken, Took,
};
use crate::kill::Point;
use crate::seal::Index;
use crate::store::desk::Asked;
use crate::store::journal::{self, NewLine, People, Sort};
use crate::store::notes;
use crate::store::owed::{self, Kind, NewOwed};
use crate::store::share::{self, NewShared};
use crate::store::{Store, StoreError, count, insert_item};
use crate::vault::Item;

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
        let joins = taken.held.as_ref().and_then(|held| held.joins.as_ref());
        let late = joins.iter().flat_map(|joins| &joins.late).map(|note| self.seal_note(note));
        let late: Vec<_> = late.collect::<Result<_, _>>()?;
        let store = self.clone();
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
            if let Some(took) = once(tables, &taken, now, again)? {
                return Ok(took);
            }
            for item in &taken.items {
                insert_item(tables, &taken.school, item)?;
            }
            let mut took = Took::New;
            let mut in_place_of = None;
            match &taken.held {
                Some(held) if held.joins.is_some() => {
                    in_place_of = join(tables, &store, &taken.school, held, now)?;
                    took = Took::Joined { notice: in_place_of.is_some() };
                }
                Some(held) => insert(tables, &taken.school, held, &facts, now)?,
                None => {}
            }
            for (owed, envelope) in taken.owed.iter().zip(&envelopes) {
                let held = taken.held.as_ref().map(|held| held.id.as_str());
                match (owed.kind, &took, in_place_of) {
                    (Kind::Notice, Took::Joined { .. }, Some(due_at)) => {
                        let owed = NewOwed { due_at: owed.due_at.min(due_at), ..owed.clone() };
                        owed::insert(tables, &taken.school, held, &owed, envelope, now)?;
                    }
                    // The one before is out; of the rest its reader hears with other mail.
                    (Kind::Notice, Took::Joined { .. }, None) => {}
                    _ => owed::insert(tables, &taken.school, held, owed, envelope, now)?,
                }
            }
            if took == (Took::Joined { notice: false }) && notes.is_empty() {
                for note in &late {
                    notes::insert(tables, &taken.school, note, now)?;
                }
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
            Ok(took)
        })
        .await
    }

    /// Under which number each of these recipients has it already, since a moment; see [`Once`](super::Once).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn taken_since(&self, keys: &[Index], since: i64) -> Result<Vec<Option<String>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys = keys.to_vec();
        self.read(move |tables| keys.iter().map(|key| taken_as(tables, key, since)).collect()).await
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

    /// What is held, of all schools, the oldest first; for IT.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_list(&self, most: usize) -> Result<Vec<ListedHeld>, StoreError> {
        self.read(move |tables| {
            let mut list = tables.prepare_cached(
                "SELECT id, school, taken_at, delete_at, size, item FROM held ORDER BY taken_at, id LIMIT ?1",
            )?;
            let mut alike = tables.prepare_cached(
                "SELECT count(*), state, class, line FROM held_recipient WHERE held = ?1
                 GROUP BY state, class, line ORDER BY min(place)",
            )?;
            let rows = list.query_map([count(most)], |row| {
                Ok(ListedHeld {
                    number: row.get(0)?,
                    school: row.get(1)?,
                    taken_at: row.get(2)?,
                    delete_at: row.get(3)?,
                    size: row.get(4)?,
                    item: row.get(5)?,
                    recipients: Vec::new(),
                })
            })?;
            rows.map(|row| {
                let row = row?;
                let some = alike.query_map([&row.number], |some| {
                    let (count, state, class, line) = (some.get(0)?, some.get(1)?, some.get(2)?, some.get(3)?);
                    Ok(ListedRecipients { count, state, class, line })
                })?;
                let recipients = some.collect::<rusqlite::Result<_>>()?;
                Ok(ListedHeld { recipients, ..row })
            })
            .collect()
        })
        .await
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
        let asked = choice.asked.as_ref().map(|asked| self.seal_asked(asked)).transpose()?;
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
            if let Some(asked) = &asked {
                asked.write(tables, now)?;
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
        self.did_about(held, act, owed, None, now).await.map(drop)
    }

    /// The same, with what somebody else is asked or has answered. False when somebody answered before, and then nothing was
    /// written.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written then.
    pub async fn did_about(
        &self,
        held: &Held,
        act: &Act,
        owed: Option<(Item, NewOwed)>,
        asked: Option<Asked>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let asked = asked.as_ref().map(|asked| self.seal_asked(asked)).transpose()?;
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
            if let Some(asked) = &asked {
                asked.write(tables, now)?;
            }
            insert_act(tables, &id, &school, &what, &sealed, now)?;
            journal::append(tables, &chain, std::slice::from_ref(&line))?;
            Ok(true)
        })
        .await
        .or_else(|error| if error == no_rows() { Ok(false) } else { Err(error) })
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
    /// is forgotten; its rows go a month after their day ([`aged`](crate::store::aged)). Gives how many mails were due and how many are gone; these are
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
            Ok(Purged { due: usize::try_from(due).unwrap_or_default(), gone })
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
        let facts = self.unseal_facts(&held.id, &sealed)?;
        Ok(Held { facts, ..held })
    }

    fn unseal_facts(&self, id: &str, sealed: &[u8]) -> Result<Facts, StoreError> {
        let plain = self.0.keys.open(&facts_label(id), sealed).ok_or(StoreError::Sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Sealed)
    }

    /// In JSON, so that a later version can read what an earlier one wrote.
    fn seal_facts(&self, id: &str, facts: &Facts) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(facts).map_err(|error| StoreError::Trouble(error.to_string()))?;
        let sealed = self.0.keys.seal(&facts_label(id), &plain);
        sealed.ok_or_else(|| StoreError::Trouble("it could not be sealed".to_owned()))
    }
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
        .prepare_cached(
            "SELECT id, taken_at FROM held WHERE part = ?1 AND taken_at > ?2
             UNION SELECT held, taken_at FROM held_joined WHERE part = ?1 AND taken_at > ?2 ORDER BY 2 LIMIT 1",
        )?
        .query_row(params![held.part, since], |row| row.get(0))
        .optional()
}

fn taken_as(tables: &Connection, key: &Index, since: i64) -> rusqlite::Result<Option<String>> {
    tables
        .prepare_cached("SELECT mail FROM taken WHERE recipient = ?1 AND at > ?2")?
        .query_row(params![key, since], |row| row.get(0))
        .optional()
}

/// Writes down who has it from now on; what it took to be, when somebody else was first.
///
/// # Errors
/// Busy when somebody was first with some of them: its client sends it again, and then it is known who has it.
fn once(tables: &Connection, taken: &Taken, now: i64, again: i64) -> rusqlite::Result<Option<Took>> {
    let keys = &taken.once.keys;
    let before = keys.iter().map(|key| taken_as(tables, key, now.saturating_sub(again)));
    let mut before: Vec<String> = before.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?;
    if !before.is_empty() {
        let busy = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT), None);
        let all = before.len() == keys.len() && taken.share.is_none();
        return if all { Ok(before.pop().map(Took::Again)) } else { Err(busy) };
    }
    for key in keys {
        tables
            .prepare_cached(
                "INSERT INTO taken (recipient, school, mail, at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (recipient) DO UPDATE SET mail = excluded.mail, at = excluded.at",
            )?
            .execute(params![key, taken.school, taken.once.mail, now])?;
    }
    Ok(None)
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
    insert_recipients(tables, school, held, 0, now)
}

/// Adds a part to the mail that it belongs to; gives when the notice was due in whose place its own comes, when that one is
/// not on its way.
///
/// # Errors
/// Also when that mail is not there as it was known; then its client sends it again.
fn join(tables: &Connection, store: &Store, school: &str, held: &NewHeld, now: i64) -> rusqlite::Result<Option<i64>> {
    let changed = || rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT), None);
    let joins = held.joins.as_ref().ok_or_else(changed)?;
    let sealed: Option<Vec<u8>> = tables
        .prepare_cached(
            "SELECT facts FROM held WHERE id = ?1 AND school = ?2 AND incident = ?3
             AND (SELECT count(*) FROM held_recipient r WHERE r.held = held.id) = ?4",
        )?
        .query_row(params![held.id, school, held.incident, count(joins.before)], |row| row.get(0))
        .optional()?;
    let mut facts = store.unseal_facts(&held.id, &sealed.ok_or_else(changed)?).map_err(|_| changed())?;
    facts.join(&held.facts);
    let sealed = store.seal_facts(&held.id, &facts).map_err(|_| changed())?;
    // Where nothing of the parts before is kept any more, this one's is.
    tables
        .prepare_cached(
            "UPDATE held SET facts = ?2, item = coalesce(item, ?3),
             delete_at = CASE WHEN item IS NULL THEN ?4 ELSE delete_at END WHERE id = ?1",
        )?
        .execute(params![held.id, sealed, held.item, held.delete_at])?;
    insert_recipients(tables, school, held, joins.before, now)?;
    tables
        .prepare_cached("INSERT INTO held_joined (part, held, school, taken_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![held.part, held.id, school, now])?;
    let Some(notice) = &joins.notice else { return Ok(None) };
    tables
        .prepare_cached(
            "DELETE FROM owed WHERE item = ?1 AND held = ?2 AND tries = 0 AND (lease_until IS NULL OR lease_until < ?3)
             RETURNING due_at",
        )?
        .query_row(params![notice, held.id, now], |row| row.get(0))
        .optional()
}

fn insert_recipients(
    tables: &Connection,
    school: &str,
    held: &NewHeld,
    before: usize,
    now: i64,
) -> rusqlite::Result<()> {
    let mut recipient = tables.prepare_cached(
        "INSERT INTO held_recipient (held, place, school, address, class, line, state, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (place, one) in held.recipients.iter().enumerate() {
        recipient.execute(params![
            held.id,
            count(before.saturating_add(place)),
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

pub(in crate::store) fn set_state(
    tables: &Connection,
    held: &str,
    place: usize,
    to: State,
    now: i64,
) -> rusqlite::Result<()> {
    tables
        .prepare_cached("UPDATE held_recipient SET state = ?3, changed_at = ?4 WHERE held = ?1 AND place = ?2")?
        .execute(params![held, count(place), to.word(), now])?;
    Ok(())
}

/// Its sender gets the whole time to choose.
pub(in crate::store) fn keep_again(
    tables: &Connection,
    held: &str,
    item: &str,
    kept: &owed::KeptAgain,
) -> rusqlite::Result<()> {
    tables.prepare_cached("UPDATE held SET item = ?2, delete_at = ?3 WHERE id = ?1")?.execute(params![
        held,
        item,
        kept.delete_at
    ])?;
    Ok(())
}

pub(in crate::store) fn set_all(
    tables: &Connection,
    held: &str,
    from: State,
    to: State,
    now: i64,
) -> rusqlite::Result<()> {
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

pub(in crate::store) fn act_label(id: &str) -> String {
    format!("act.facts of {id}")
}
