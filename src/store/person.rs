//! What is kept about one person, and its erasure (AVG art. 15, 17), by the keyed hash of an address: nobody's name is
//! needed, and none is shown. The journal has its own ([`erase`](super::journal::erase)).
//!
//! What is not a row of his alone stays, with its reason: mail that is still owed; mail of others to him that waits for its
//! sender's choice, and shares with him that can still be opened, until they are over; mail of a shared mailbox; a question
//! that he has not answered. An address is looked for in one school, or in all of an installation; the codes and sessions of
//! its desk are a school's anyway. Addresses that only a sealed column holds are found by opening it. Not found by an address
//! are who is named in a note to somebody else (a month) or as whoever checked a number, the marks of mail that was taken
//! (`taken`: a hash of the whole mail, two hours), and what the outbox knows of servers, which names nobody.

use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::json;

use super::desk::{RequestFacts, request_label};
use super::held::{Act, State, act_label, set_state};
use super::journal::{self, NewLine};
use super::owed::{self, Envelope};
use super::share::{DAY, LOG_DAYS, passkey};
use super::{Store, StoreError, column};
use crate::seal::Index;

/// A sort of rows about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Mail that is owed: from him, or to him.
    Owed,
    /// Mail of his that was stopped, with what was done to it.
    HeldSent,
    /// Mail to him that was stopped.
    HeldReceived,
    /// What he did to mail of others.
    Acts,
    /// What he was asked about mail of others.
    Requests,
    /// Shares of his.
    SharesSent,
    /// Shares with him: links, codes, openings, answers.
    SharesReceived,
    /// Codes by text message, and wrong codes.
    Codes,
    /// Passkeys.
    Passkeys,
    /// His number, or the fixed code of his organisation.
    Contacts,
    /// Codes and sessions of the desk.
    Desk,
    /// What he is told later.
    Notes,
    /// Lists of a week.
    Lists,
}

/// Why a row stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stays {
    /// It is still to be delivered.
    Owed,
    /// It belongs to mail of others that waits, or to their history.
    OfOthers,
    /// Somebody waits for his answer.
    Asked,
}

/// What there is of one sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Which.
    pub about: About,
    /// Rows.
    pub rows: usize,
    /// When the last of them ends by itself, milliseconds; none when it has no end, or there are none.
    pub until: Option<i64>,
    /// How many of them stay at an erasure, and why.
    pub stays: usize,
    /// Why.
    pub why: Option<Stays>,
}

/// Whom it is about. Without `Debug`: it is somebody.
#[derive(Clone)]
pub struct Who {
    /// The address in its folded form.
    pub folded: String,
    /// The school; none is all schools of the installation.
    pub school: Option<String>,
}

/// What is erased besides what is his alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Also {
    /// Mail from him or to him that is still owed: nobody gets it, and nobody is told.
    pub owed: bool,
    /// The lines of the journal.
    pub journal: bool,
}

/// What an erasure did.
#[derive(Debug, Default)]
pub struct Erased {
    /// What was there, and what stays.
    pub found: Vec<Found>,
    /// The names of the files of shares that are to be taken away.
    pub files: Vec<String>,
}

impl Store {
    /// What is kept about a person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn about_person(&self, who: &Who, now: i64) -> Result<Vec<Found>, StoreError> {
        let (store, who) = (self.clone(), who.clone());
        self.read(move |tables| Look::new(tables, &store, &who, now).all()).await
    }

    /// Erases what is kept about a person, all in one commit with the line of the journal that says so.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was erased then.
    pub async fn erase_about_person(&self, who: &Who, also: Also, now: i64) -> Result<Erased, StoreError> {
        let (store, who, chain) = (self.clone(), who.clone(), self.chain());
        self.write(move |tables| {
            let mut look = Look::new(tables, &store, &who, now);
            (look.erases, look.also_owed) = (true, also.owed);
            let found = look.all()?;
            let files = look.files;
            if also.journal {
                let person = store.person(&who.folded);
                journal::erase::of_person(tables, &chain, (&person, who.school.as_deref()), now)?;
            }
            let core = json!({ "event": "erased", "by": "person", "rows": found, "lines": also.journal });
            let line = NewLine { school: who.school.unwrap_or_default(), ..NewLine::of_gate(now, core.to_string()) };
            let line = store.prepare(line).map_err(|_| rusqlite::Error::InvalidQuery)?;
            journal::append(tables, &chain, &[line])?;
            Ok(Erased { found, files })
        })
        .await
    }
}

/// A look at the tables, which erases what it finds when it is told to.
struct Look<'a> {
    tables: &'a Connection,
    store: &'a Store,
    folded: &'a str,
    /// The school, when it is one alone.
    school: Option<&'a str>,
    address: Index,
    now: i64,
    erases: bool,
    also_owed: bool,
    files: Vec<String>,
}

impl<'a> Look<'a> {
    fn new(tables: &'a Connection, store: &'a Store, who: &'a Who, now: i64) -> Self {
        let (folded, school) = (who.folded.as_str(), who.school.as_deref());
        let address = store.sender(folded);
        Self { tables, store, folded, school, address, now, erases: false, also_owed: false, files: Vec::new() }
    }

    /// Owed mail first: what else stays because of it follows from what is left.
    fn all(&mut self) -> rusqlite::Result<Vec<Found>> {
        Ok(vec![
            self.owed()?,
            self.held_sent()?,
            self.held_received()?,
            self.acts()?,
            self.requests()?,
            self.shares_sent()?,
            self.shares_received()?,
            self.codes()?,
            self.of_address(
                About::Passkeys,
                "passkey",
                "address = ?1",
                &format!("coalesce(used_at, made_at) + {YEAR}"),
            )?,
            self.of_address(About::Contacts, "contact", "address = ?1", "NULL")?,
            self.desk()?,
            self.of_address(About::Notes, "note", "reader = ?1", &format!("due_at + {MONTH}"))?,
            self.of_address(About::Lists, "desk_week", "address = ?1", "ends_at")?,
        ])
    }

    /// Whether an address, as typed, is his.
    fn is_his(&self, typed: &str) -> bool {
        typed.to_lowercase() == self.folded
    }

    fn owed(&mut self) -> rusqlite::Result<Found> {
        let mut found = Found::none(About::Owed);
        let mut list = self.tables.prepare(
            "SELECT id, item, envelope, held, give_up_at, lease_until FROM owed
                 WHERE coalesce(?1, school) = school ORDER BY id",
        )?;
        let rows: Vec<OwedRow> = list
            .query_map([self.school], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for (id, item, sealed, held, until, lease) in rows {
            let Ok(mut envelope) = self.store.unseal::<Envelope>(&owed::envelope_label(&item), &sealed) else {
                continue;
            };
            let is_sender = envelope.sender.as_deref().is_some_and(|sender| self.is_his(sender));
            if !is_sender && !envelope.recipients.iter().any(|to| self.is_his(&to.address)) {
                continue;
            }
            // What is being delivered at this moment cannot be held back.
            let goes = self.also_owed && lease.is_none_or(|lease| lease < self.now);
            found.add(Some(until), (!goes).then_some(Stays::Owed));
            if !goes || !self.erases {
                continue;
            }
            if is_sender || envelope.recipients.iter().all(|to| self.is_his(&to.address)) {
                owed::drop_one(self.tables, self.store, id, self.now)?;
                continue;
            }
            let (his, others) =
                envelope.recipients.into_iter().partition(|to| to.address.to_lowercase() == self.folded);
            envelope.recipients = others;
            let his: Vec<owed::To> = his;
            for (held, place) in his.iter().filter_map(|to| held.as_deref().zip(to.place)) {
                set_state(self.tables, held, place, State::Failed, self.now)?;
            }
            let sealed = self.store.seal(&owed::envelope_label(&item), &envelope);
            let sealed = sealed.map_err(|_| rusqlite::Error::InvalidQuery)?;
            self.tables.execute("UPDATE owed SET envelope = ?2 WHERE id = ?1", params![id, sealed])?;
        }
        Ok(found)
    }

    fn held_sent(&self) -> rusqlite::Result<Found> {
        const STAYS: &str = "EXISTS (SELECT 1 FROM owed o WHERE o.held = held.id)";
        self.held(About::HeldSent, "sender = ?1", STAYS, Stays::Owed)
    }

    /// Mail of others, to him or told to him (a shared mailbox is not his alone): what waits for its sender's choice is not
    /// taken away behind that sender's back, and what he was told of belongs to who sent it.
    fn held_received(&self) -> rusqlite::Result<Found> {
        const HIS: &str = "sender <> ?1 AND (id IN (SELECT held FROM held_recipient WHERE address = ?1)
             OR id IN (SELECT held FROM held_reader WHERE address = ?1))";
        const STAYS: &str = "EXISTS (SELECT 1 FROM owed o WHERE o.held = held.id)
             OR EXISTS (SELECT 1 FROM held_reader r WHERE r.held = held.id AND r.address = ?1)
             OR item IS NOT NULL AND EXISTS
             (SELECT 1 FROM held_recipient r WHERE r.held = held.id AND r.state IN ('held', 'asked'))";
        self.held(About::HeldReceived, HIS, STAYS, Stays::OfOthers)
    }

    fn held(&self, about: About, his: &str, stays: &str, why: Stays) -> rusqlite::Result<Found> {
        let mut found = Found::none(about);
        let list = format!(
            "SELECT id, delete_at + {MONTH}, ({stays}) FROM held WHERE {his} AND coalesce(?2, school) = school"
        );
        let rows: Vec<(String, i64, bool)> = self
            .tables
            .prepare(&list)?
            .query_map(params![self.address, self.school], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (id, until, stays) in rows {
            found.add(Some(until), stays.then_some(why));
            if self.erases && !stays {
                self.tables.execute("DELETE FROM held WHERE id = ?1", [id])?;
            }
        }
        Ok(found)
    }

    fn acts(&self) -> rusqlite::Result<Found> {
        let mut found = Found::none(About::Acts);
        let mut list = self.tables.prepare(&format!(
            "SELECT a.held, a.facts, h.delete_at + {MONTH} FROM act a JOIN held h ON h.id = a.held WHERE h.sender <> ?1
             AND NOT EXISTS (SELECT 1 FROM held_reader r WHERE r.held = h.id AND r.address = ?1)
             AND coalesce(?2, h.school) = h.school"
        ))?;
        let rows: Vec<(String, Vec<u8>, i64)> = list
            .query_map(params![self.address, self.school], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (held, sealed, until) in rows {
            let act = self.store.unseal::<Act>(&act_label(&held), &sealed);
            if act.is_ok_and(|act| self.is_his(&act.who)) {
                found.add(Some(until), Some(Stays::OfOthers));
            }
        }
        Ok(found)
    }

    fn requests(&self) -> rusqlite::Result<Found> {
        let mut found = Found::none(About::Requests);
        let mut list = self.tables.prepare(&format!(
            "SELECT q.link, q.facts, q.answered_at IS NULL AND h.item IS NOT NULL, h.delete_at + {MONTH}
             FROM desk_request q JOIN held h ON h.id = q.held WHERE coalesce(?1, h.school) = h.school"
        ))?;
        let rows: Vec<(Index, Vec<u8>, bool, i64)> = list
            .query_map([self.school], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (link, sealed, waits, until) in rows {
            let plain = self.store.0.keys.open(&request_label(&link), &sealed);
            let facts = plain.and_then(|plain| serde_json::from_slice::<RequestFacts>(&plain).ok());
            let Some(facts) = facts else { continue };
            if !self.is_his(&facts.asker) && !facts.asked.iter().any(|(_, address)| self.is_his(address)) {
                continue;
            }
            found.add(Some(until), waits.then_some(Stays::Asked));
            if self.erases && !waits {
                self.tables.execute("DELETE FROM desk_request WHERE link = ?1", [link])?;
            }
        }
        Ok(found)
    }

    fn shares_sent(&mut self) -> rusqlite::Result<Found> {
        let mut found = Found::none(About::SharesSent);
        let list = format!(
            "SELECT id, coalesce(over_at, ends_at) + {LOG}, {SHARE_OWED} FROM share
             WHERE sender = ?1 AND coalesce(?2, school) = school"
        );
        let rows: Vec<(String, i64, bool)> = self
            .tables
            .prepare(&list)?
            .query_map(params![self.address, self.school], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (id, until, is_owed) in rows {
            let stays = is_owed && !(self.erases && self.also_owed && self.drop_invitations(&id)?);
            found.add(Some(until), stays.then_some(Stays::Owed));
            if self.erases && !stays {
                self.erase_share(&id)?;
            }
        }
        Ok(found)
    }

    /// Drops what is still owed of a share of his: the letters in which others were to get their links. False, and nothing
    /// is dropped, when somebody delivers one of them at this moment.
    fn drop_invitations(&self, share: &str) -> rusqlite::Result<bool> {
        const OWED: &str = "SELECT o.id FROM owed o JOIN share_recipient r ON r.rid = o.rid WHERE r.share = ?1";
        let leased = format!("{OWED} AND o.lease_until >= ?2");
        if self.tables.prepare(&leased)?.exists(params![share, self.now])? {
            return Ok(false);
        }
        for id in column::<i64>(self.tables, OWED, [share])? {
            owed::drop_one(self.tables, self.store, id, self.now)?;
        }
        Ok(true)
    }

    fn shares_received(&mut self) -> rusqlite::Result<Found> {
        let mut found = Found::none(About::SharesReceived);
        let list = format!(
            "SELECT r.rid, r.share, coalesce(s.over_at, s.ends_at) + {LOG},
             EXISTS (SELECT 1 FROM owed o WHERE o.rid = r.rid), s.over_at IS NULL AND s.ends_at > ?2,
             NOT EXISTS (SELECT 1 FROM share_recipient a WHERE a.share = r.share AND a.factor <> 'sender'
               AND a.address <> ?1) AND NOT {SHARE_OWED_OF_S}
             FROM share_recipient r JOIN share s ON s.id = r.share WHERE r.address = ?1 AND r.factor <> 'sender'
             AND coalesce(?3, s.school) = s.school"
        );
        let rows: Vec<ReceivedRow> = self
            .tables
            .prepare(&list)?
            .query_map(params![self.address, self.now, self.school], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for (rid, share, until, is_owed, is_open, alone) in rows {
            // Its sender has shared it, and counts on it as long as it can be opened.
            let stays = is_owed.then_some(Stays::Owed).or(is_open.then_some(Stays::OfOthers));
            found.add(Some(until), stays);
            if !self.erases || stays.is_some() {
                continue;
            }
            if alone {
                self.erase_share(&share)?;
                continue;
            }
            self.tables.execute("DELETE FROM share_event WHERE share = ?1 AND rid = ?2", params![share, rid])?;
            self.tables.execute("DELETE FROM share_reply WHERE share = ?1 AND rid = ?2", params![share, rid])?;
            self.tables.execute("DELETE FROM share_recipient WHERE rid = ?1", [rid])?;
        }
        Ok(found)
    }

    /// The keys go with the rows; what lies in the files is noise by then.
    fn erase_share(&mut self, id: &str) -> rusqlite::Result<()> {
        let files = "SELECT file FROM share_item WHERE share = ?1 AND file IS NOT NULL";
        self.files.extend(column::<String>(self.tables, files, [id])?);
        self.tables.execute("DELETE FROM share WHERE id = ?1", [id]).map(drop)
    }

    fn codes(&self) -> rusqlite::Result<Found> {
        let texts = self.of_address(About::Codes, "share_text", "address = ?1", &format!("at + {DAY}"))?;
        let fails = self.of_address(About::Codes, "share_fail", "address = ?1", &format!("at + {DAY}"))?;
        Ok(Found { rows: texts.rows + fails.rows, until: texts.until.max(fails.until), ..texts })
    }

    /// The desk's hash of a mailbox has its school in it.
    fn desk(&self) -> rusqlite::Result<Found> {
        let mut found = Found::none(About::Desk);
        let schools: Vec<String> =
            column(self.tables, "SELECT school FROM desk_session UNION SELECT school FROM desk_code", [])?;
        for school in schools.into_iter().filter(|school| self.school.is_none_or(|only| only == school)) {
            let mailbox = self.store.index("desk mailbox", &[school.as_bytes(), self.folded.as_bytes()]);
            for (table, until) in [("desk_session", "ends_at".to_owned()), ("desk_code", format!("made_at + {DAY}"))] {
                let some = self.rows_of(About::Desk, table, "address = ?1", &until, mailbox)?;
                (found.rows, found.until) = (found.rows + some.rows, found.until.max(some.until));
            }
        }
        Ok(found)
    }

    fn of_address(&self, about: About, table: &str, his: &str, until: &str) -> rusqlite::Result<Found> {
        let found = self.rows_of(about, table, his, until, self.address)?;
        if self.erases && table == "passkey" {
            passkey::close(self.tables)?;
        }
        Ok(found)
    }

    fn rows_of(&self, about: About, table: &str, his: &str, until: &str, hash: Index) -> rusqlite::Result<Found> {
        let his = format!("{his} AND coalesce(?2, school) = school");
        let count = format!("SELECT count(*), max({until}) FROM {table} WHERE {his}");
        let (rows, until): (i64, Option<i64>) =
            self.tables.query_row(&count, params![hash, self.school], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if self.erases {
            self.tables.execute(&format!("DELETE FROM {table} WHERE {his}"), params![hash, self.school])?;
        }
        Ok(Found { rows: usize::try_from(rows).unwrap_or_default(), until, ..Found::none(about) })
    }
}

/// Link, share, end, whether its invitation is owed, whether it can be opened, whether nobody else has it.
type ReceivedRow = (Vec<u8>, String, i64, bool, bool, bool);
type OwedRow = (i64, String, Vec<u8>, Option<String>, i64, Option<i64>);

impl Found {
    fn none(about: About) -> Self {
        Self { about, rows: 0, until: None, stays: 0, why: None }
    }

    fn add(&mut self, until: Option<i64>, stays: Option<Stays>) {
        self.rows += 1;
        self.until = self.until.max(until);
        self.stays += usize::from(stays.is_some());
        self.why = self.why.or(stays);
    }
}

const MONTH: i64 = 30 * DAY;
const YEAR: i64 = 365 * DAY;
const LOG: i64 = LOG_DAYS * DAY;
const SHARE_OWED: &str =
    "EXISTS (SELECT 1 FROM owed o JOIN share_recipient r ON r.rid = o.rid WHERE r.share = share.id)";
const SHARE_OWED_OF_S: &str =
    "EXISTS (SELECT 1 FROM owed o JOIN share_recipient b ON b.rid = o.rid WHERE b.share = s.id)";

#[cfg(test)]
mod tests;
