//! Rows that end by their age alone: what each sort of them is, and how long it lives.
//!
//! Counted and erased by the same condition, so that a purge can show that what was due is gone. What else ends with
//! something of its own (held mail, shares, the journal's lines, the desk's codes) has its purge beside its tables.

use rusqlite::Connection;
use serde::Serialize;

use super::contacts::UNCHECKED;
use super::share::passkey::{UNUSED, close as close_passkeys};
use super::share::{CODE_SHOWN, LOG_DAYS};
use super::{Store, StoreError};

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A sort of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aged {
    /// Held mails whose content is gone, with their acts and requests: a month after their day.
    HeldRows,
    /// Links of the lists of a week: a fortnight after it.
    WeekLinks,
    /// Marks of who has a mail that is shared with others: two hours, as long as the outbox knows a second try.
    TakenMarks,
    /// Notes that nobody could be told for a month.
    Notes,
    /// How mail fared that must travel under proven TLS: a year.
    TlsDeliveries,
    /// What was found of TLS and is reported to domains: four days.
    TlsFindings,
    /// Policies of MTA-STS, at their end.
    TlsPolicies,
    /// Passkeys that nobody has used for a year.
    Passkeys,
    /// Numbers that nobody has checked or used for a fortnight.
    Contacts,
    /// Codes of shares, for their sender's page: a week.
    ShareCodes,
    /// Sessions of the portal, at their end.
    ShareSessions,
    /// Wrong codes, and codes by text message: a day.
    ShareTries,
    /// Shares whose content is gone, with their events: a month after their end.
    ShareRows,
}

/// What a sort is: its table, which of its rows are over (`?1` is a moment), and how long before now that moment is.
struct Sort(&'static str, &'static str, i64);

impl Aged {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::HeldRows,
        Self::WeekLinks,
        Self::TakenMarks,
        Self::Notes,
        Self::TlsDeliveries,
        Self::TlsFindings,
        Self::TlsPolicies,
        Self::Passkeys,
        Self::Contacts,
        Self::ShareCodes,
        Self::ShareSessions,
        Self::ShareTries,
        Self::ShareRows,
    ];

    fn sorts(self) -> &'static [Sort] {
        const UNCHECKED_NUMBER: &str = "checked = 0 AND proven_at IS NULL AND made_at <= ?1";
        match self {
            Self::HeldRows => &[Sort("held", "item IS NULL AND delete_at <= ?1", 30 * DAY)],
            Self::WeekLinks => &[Sort("desk_week", "ends_at <= ?1", 0)],
            Self::TakenMarks => &[Sort("taken", "at <= ?1", 120 * MINUTE)],
            Self::Notes => &[Sort("note", "due_at <= ?1", 30 * DAY)],
            Self::TlsDeliveries => &[Sort("tls_delivery", "at <= ?1", 365 * DAY)],
            // Whole days: the day of the report is over when it is due.
            Self::TlsFindings => &[Sort("tls_finding", "(day + 1) * 86400000 <= ?1", super::tls_finding::LIVES * DAY)],
            Self::TlsPolicies => &[Sort("tls_policy", "until <= ?1", 0)],
            Self::Passkeys => &[Sort("passkey", "coalesce(used_at, made_at) <= ?1", UNUSED)],
            Self::Contacts => &[Sort("contact", UNCHECKED_NUMBER, UNCHECKED)],
            Self::ShareCodes => &[Sort("share_recipient", "code IS NOT NULL AND made_at <= ?1", CODE_SHOWN)],
            Self::ShareSessions => &[Sort("share_session", "ends_at <= ?1", 0)],
            Self::ShareTries => &[Sort("share_fail", "at <= ?1", DAY), Sort("share_text", "at <= ?1", DAY)],
            Self::ShareRows => &[Sort("share", "over_at <= ?1", LOG_DAYS * DAY)],
        }
    }

    fn count(self, tables: &Connection, now: i64) -> rusqlite::Result<usize> {
        let mut due = 0;
        for Sort(table, over, lives) in self.sorts() {
            let count = format!("SELECT count(*) FROM {table} WHERE {over}");
            let rows: i64 = tables.query_row(&count, [now.saturating_sub(*lives)], |row| row.get(0))?;
            due += usize::try_from(rows).unwrap_or_default();
        }
        Ok(due)
    }

    fn erase(self, tables: &Connection, now: i64) -> rusqlite::Result<usize> {
        let mut gone = 0;
        for Sort(table, over, lives) in self.sorts() {
            let erase = match self {
                // The recipient stays.
                Self::ShareCodes => format!("UPDATE {table} SET code = NULL WHERE {over}"),
                _ => format!("DELETE FROM {table} WHERE {over}"),
            };
            gone += tables.execute(&erase, [now.saturating_sub(*lives)])?;
        }
        if self == Self::Passkeys && gone > 0 {
            close_passkeys(tables)?;
        }
        Ok(gone)
    }
}

impl Store {
    /// How many rows of a sort are over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn aged_due(&self, sort: Aged, now: i64) -> Result<usize, StoreError> {
        self.read(move |tables| sort.count(tables, now)).await
    }

    /// Erases what is over of a sort; gives how many rows were due and how many are gone.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was erased then.
    pub async fn purge_aged(&self, sort: Aged, now: i64) -> Result<(usize, usize), StoreError> {
        self.write(move |tables| Ok((sort.count(tables, now)?, sort.erase(tables, now)?))).await
    }
}
