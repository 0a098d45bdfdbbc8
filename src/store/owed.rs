//! Mail that we owe to a next hop: what was accepted for recipients who may have it, and what we made ourselves.
//!
//! Whoever delivers claims rows with a lease; a lease that ran out (a kill, a hang) lets somebody else try. Delivered
//! means that the row is gone. Held mail that it belongs to learns in the same commit what became of its recipients.

use std::fmt;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::held::State;
use super::journal::{self, NewLine};
use super::share::{NewShared, RidOctets};
use super::sqlite::Sync;
use super::tls::NewDelivery;
use super::tls_finding::Finding;
use super::{Store, StoreError, count, insert_item};
use crate::kill::Point;
use crate::level::Level;
use crate::vault::Item;

/// What a mail is that we owe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tells a sender that a mail was stopped.
    Notice,
    /// A mail, for those of its recipients who may have it.
    Rest,
    /// A mail that was held and is sent on.
    Released,
    /// Tells a sender that a mail could not be delivered.
    Failure,
    /// A mail, for those of its recipients who get it under proven TLS or not by mail.
    Forced,
    /// Tells a recipient that a share waits, with the link to it: the teacher's own mail.
    Invitation,
    /// Anything else that we write: a code, a call for help, a report.
    Message,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Notice, Self::Rest, Self::Released, Self::Failure, Self::Forced, Self::Invitation, Self::Message];

    /// The word in the table and in lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Rest => "rest",
            Self::Released => "released",
            Self::Failure => "failure",
            Self::Forced => "forced",
            Self::Invitation => "invitation",
            Self::Message => "message",
        }
    }

    fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or(Self::Message)
    }

    /// Whether it is a teacher's mail, of which nothing may be given up in silence; else it is ours.
    pub fn is_mail(self) -> bool {
        matches!(self, Self::Rest | Self::Released | Self::Forced | Self::Invitation)
    }
}

/// The envelope of owed mail, and the header lines that go on top.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// MAIL FROM as typed; none is `<>`.
    pub sender: Option<String>,
    /// BODY=8BITMIME was said.
    pub eight_bit: bool,
    /// SMTPUTF8 was said.
    pub smtputf8: bool,
    /// RET= and ENVID= as typed.
    pub dsn: String,
    /// RCPT TO.
    pub recipients: Vec<To>,
    /// Header lines, each ending in CRLF.
    pub head: String,
    /// REQUIRETLS was said (RFC 8689).
    #[serde(default)]
    pub require_tls: bool,
    /// For mail that travels under proven TLS or not at all.
    #[serde(default)]
    pub forced: Option<Forced>,
}

/// What belongs to mail that travels under proven TLS or not at all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// What becomes of it when nothing can be proven.
    pub otherwise: Otherwise,
    /// The secret of the link by which its sender may then choose.
    pub link: String,
    /// Whether no message may name its recipients.
    pub discreet: bool,
    /// Whether it holds a password, so that a share of it is gone after its first opening.
    pub password: bool,
    /// How sure it must be that it is its recipients who open a share of it.
    #[serde(default)]
    pub level: Level,
    /// Whether the attachments alone may be shared then.
    #[serde(default)]
    pub attachments: bool,
    /// Whether its subject may stand in mails to others.
    #[serde(default)]
    pub open_subject: bool,
}

/// What becomes of mail for which no way could be proven. Never: plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// A secure share.
    Share,
    /// It is kept, and its sender chooses.
    Hold,
    /// Its sender is told that it did not arrive.
    Bounce,
}

impl Otherwise {
    /// The word in configuration and lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Hold => "hold",
            Self::Bounce => "bounce",
        }
    }
}

/// A recipient of owed mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct To {
    /// The address as typed.
    pub address: String,
    /// NOTIFY= and ORCPT= as typed.
    pub parameters: String,
    /// Its place among the recipients of the held mail that this belongs to.
    pub place: Option<usize>,
}

/// Addresses are for next hops and the sender's own desk.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("recipients", &self.recipients.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("To(..)")
    }
}

/// Mail to be owed.
#[derive(Debug, Clone)]
pub struct NewOwed {
    /// What it is.
    pub kind: Kind,
    /// The id of its item.
    pub item: String,
    /// Its envelope.
    pub envelope: Envelope,
    /// When it may be tried first, milliseconds.
    pub due_at: i64,
    /// When it is given up, milliseconds.
    pub give_up_at: i64,
}

/// Owed mail that was claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its number.
    pub id: i64,
    /// Its school.
    pub school: String,
    /// What it is.
    pub kind: Kind,
    /// The held mail that it belongs to.
    pub held: Option<String>,
    /// The id of its item.
    pub item: String,
    /// The sealed octets of its item, when that is small.
    pub sealed: Option<Vec<u8>>,
    /// Its envelope.
    pub envelope: Envelope,
    /// How often it was tried before.
    pub tries: u32,
    /// When we took it, milliseconds.
    pub made_at: i64,
    /// When it is given up, milliseconds.
    pub give_up_at: i64,
    /// Which way it goes, as far as that is known.
    pub lane: Option<i64>,
}

/// In the place of a way: somebody asked for a try, so the way of this mail is tried, whatever was seen of it. No way has
/// this number, but with a chance of one in 2^64.
pub const ASKED: i64 = 0;

/// Ways on which nothing more is tried now; see [`Store::claim_open`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closed {
    /// All their places are taken.
    pub full: Vec<i64>,
    /// They cannot be reached: of their mail only that is claimed whose time is over.
    pub down: Vec<i64>,
}

impl Closed {
    /// A condition on rows of `owed`, that they go another way; `?2` is now. Numbers alone, so that nothing needs to be
    /// escaped.
    fn open(&self) -> String {
        let list = |lanes: &[i64]| lanes.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        match (self.full.as_slice(), self.down.as_slice()) {
            ([], []) => String::new(),
            (full, down) => format!(
                " AND (lane IS NULL OR lane NOT IN ({}) AND (lane NOT IN ({}) OR give_up_at <= ?2))",
                list(full),
                list(down)
            ),
        }
    }
}

/// What a try came to.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// What is still owed and when it is tried again; none when nothing is.
    pub rest: Option<(Envelope, i64)>,
    /// The code of the last reply.
    pub code: Option<u16>,
    /// What became of recipients of the held mail, by their places.
    pub places: Vec<(usize, State)>,
    /// What we owe because of it: what its sender is told.
    pub owed: Vec<(Item, NewOwed)>,
    /// What is shared of it, for recipients to whom no way could be proven.
    pub share: Option<Arc<NewShared>>,
    /// The mail is kept again, for the recipients that are held now.
    pub kept: Option<KeptAgain>,
    /// Why it was not taken.
    pub reason: Option<String>,
    /// How it fared, when it must travel under proven TLS.
    pub delivery: Option<NewDelivery>,
    /// What it found of the domain's TLS, for the report to it.
    pub finding: Option<Finding>,
    /// Its line in the journal.
    pub journal: Option<NewLine>,
}

/// Mail for which no way could be proven, and about which its sender is asked.
#[derive(Debug, Clone)]
pub struct KeptAgain {
    /// When it is deleted, milliseconds.
    pub delete_at: i64,
}

/// A line of the list of owed mail, without anybody's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its number.
    pub id: i64,
    /// Its school.
    pub school: String,
    /// What it is.
    pub kind: String,
    /// The number of the mail that it belongs to.
    pub mail: Option<String>,
    /// When we took it, milliseconds since 1970.
    pub made_at: i64,
    /// When it is tried next, milliseconds since 1970.
    pub due_at: i64,
    /// How often it was tried.
    pub tries: u32,
    /// When it is given up, milliseconds since 1970.
    pub give_up_at: i64,
    /// The code of the last reply.
    pub last_code: Option<u16>,
    /// Why it was not taken, for mail that must travel under proven TLS.
    pub last_reason: Option<String>,
    /// Octets.
    pub size: i64,
}

/// What is owed and kept now, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many mails are owed, by what they are: each of [`Kind::ALL`] once.
    pub owed: Vec<(&'static str, u64)>,
    /// How many of them were tried before.
    pub tried: u64,
    /// When the oldest was taken, milliseconds; none when nothing is owed.
    pub oldest: Option<i64>,
    /// How many mails are kept for their sender to choose.
    pub held: u64,
}

impl Store {
    /// What is owed and kept now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.read(|tables| {
            let number = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(i64::unsigned_abs);
            let mut of_kind = tables.prepare_cached("SELECT count(*) FROM owed WHERE kind = ?1")?;
            let mut owed = Vec::with_capacity(Kind::ALL.len());
            for kind in Kind::ALL {
                owed.push((kind.word(), of_kind.query_row([kind.word()], |row| number(row, 0))?));
            }
            let (tried, oldest) = tables
                .prepare_cached("SELECT count(*) FILTER (WHERE tries > 0), min(made_at) FROM owed")?
                .query_row([], |row| Ok((number(row, 0)?, row.get(1)?)))?;
            let held = tables
                .prepare_cached("SELECT count(*) FROM held WHERE item IS NOT NULL")?
                .query_row([], |row| number(row, 0))?;
            Ok(Backlog { owed, tried, oldest, held })
        })
        .await
    }

    /// Owes a mail that belongs to no held one. On the disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is owed then.
    pub async fn owe(&self, school: &str, item: Item, new: NewOwed, now: i64) -> Result<(), StoreError> {
        let envelope = self.seal_envelope(&new)?;
        let school = school.to_owned();
        self.write(move |tables| {
            insert_item(tables, &school, &item)?;
            insert(tables, &school, None, &new, &envelope, now)
        })
        .await
    }

    /// Claims what is due, oldest first, at most so many. Others leave it alone until the lease is over. What is due
    /// later than `longest` from now is due as well: only a clock that was set back puts it there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(&self, now: i64, lease: i64, longest: i64, most: usize) -> Result<Vec<Claimed>, StoreError> {
        self.claim_open((now, lease, longest), most, &Closed::default()).await
    }

    /// As [`Store::claim`], without what goes a way that is closed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_open(
        &self,
        (now, lease, longest): (i64, i64, i64),
        most: usize,
        closed: &Closed,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.claim_some((now, lease, longest), most, closed, false).await
    }

    /// As [`Store::claim`], of the mail that must travel under proven TLS: strangers' servers may be slow, and nothing
    /// else waits for them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_forced(
        &self,
        (now, lease, longest): (i64, i64, i64),
        most: usize,
        closed: &Closed,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.claim_some((now, lease, longest), most, closed, true).await
    }

    async fn claim_some(
        &self,
        (now, lease, longest): (i64, i64, i64),
        most: usize,
        closed: &Closed,
        forced: bool,
    ) -> Result<Vec<Claimed>, StoreError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let statement = format!(
            "UPDATE owed SET lease_until = ?1 WHERE id IN (SELECT id FROM owed
             WHERE (due_at <= ?2 OR due_at > ?4)
             AND (lease_until IS NULL OR lease_until < ?2 OR lease_until > ?1)
             AND (kind = 'forced') = ?5{} ORDER BY due_at, id LIMIT ?3)
             RETURNING id, school, kind, held, item, envelope, tries, made_at, give_up_at,
             (SELECT sealed FROM item WHERE item.id = owed.item), lane",
            closed.open()
        );
        let rows = self
            .write_later(move |tables| {
                let mut claim = tables.prepare_cached(&statement)?;
                let rows = claim.query_map(
                    params![now.saturating_add(lease), now, count(most), now.saturating_add(longest), forced],
                    |row| {
                        let word: String = row.get(2)?;
                        let claimed = Claimed {
                            id: row.get(0)?,
                            school: row.get(1)?,
                            kind: Kind::from_word(&word),
                            held: row.get(3)?,
                            item: row.get(4)?,
                            sealed: row.get(9)?,
                            envelope: Envelope::default(),
                            tries: row.get(6)?,
                            made_at: row.get(7)?,
                            give_up_at: row.get(8)?,
                            lane: row.get(10)?,
                        };
                        Ok((claimed, row.get::<_, Vec<u8>>(5)?))
                    },
                )?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for (one, sealed) in rows {
            match self.unseal(&envelope_label(&one.item), &sealed) {
                Ok(envelope) => claimed.push(Claimed { envelope, ..one }),
                // One that does not open must not keep the others; `keys` tells how to bring its key back.
                Err(error) => tracing::error!(owed = one.id, %error, "owed mail cannot be opened"),
            }
        }
        // What RETURNING gives is in no order.
        claimed.sort_by_key(|one| one.id);
        Ok(claimed)
    }

    /// Lets mail go again that was claimed and cannot be tried now; each learns its way, by which it is left out of the
    /// next claims until that is open.
    ///
    /// # Errors
    /// [`StoreError`]; they are claimed again when their leases are over.
    pub async fn put_aside(&self, waiting: Vec<(i64, i64)>) -> Result<(), StoreError> {
        self.write_later(move |tables| {
            let mut aside = tables.prepare_cached("UPDATE owed SET lane = ?2, lease_until = NULL WHERE id = ?1")?;
            waiting.iter().try_for_each(|(id, lane)| aside.execute(params![id, lane]).map(drop))
        })
        .await
    }

    /// When the next mail is due that nobody has claimed and whose way is open, of the mail that goes anyhow and of that
    /// which travels under proven TLS; none when nothing of that is owed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_due(&self, now: i64, [closed, forced]: &[Closed; 2]) -> Result<Option<i64>, StoreError> {
        let statement = format!(
            "SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) FROM owed
             WHERE (due_at > ?1 OR due_at <= ?2) AND (kind <> 'forced'{} OR kind = 'forced'{})",
            closed.open(),
            forced.open()
        );
        let all = i64::MIN;
        self.read(move |tables| tables.prepare_cached(&statement)?.query_row([all, now], |row| row.get(0))).await
    }

    /// Forgets all leases: for the start, when nobody else can be delivering.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn free_leases(&self) -> Result<(), StoreError> {
        self.write(|tables| tables.execute("UPDATE owed SET lease_until = NULL", []).map(|_| ())).await
    }

    /// Writes down what a try came to.
    ///
    /// # Errors
    /// [`StoreError`]; the lease then runs out, and the mail is tried again: a duplicate rather than a loss.
    pub async fn settle(&self, claimed: &Claimed, settled: Settled, now: i64) -> Result<(), StoreError> {
        let line = settled.journal.map(|line| self.prepare(line)).transpose()?;
        let chain = self.chain();
        let rest = match &settled.rest {
            Some((envelope, due_at)) => Some((self.seal(&envelope_label(&claimed.item), envelope)?, *due_at)),
            None => None,
        };
        let sealed = settled.owed.into_iter().map(|(item, new)| Ok((self.seal_envelope(&new)?, item, new)));
        let owed: Vec<_> = sealed.collect::<Result<_, StoreError>>()?;
        let (id, school, held, lane) = (claimed.id, claimed.school.clone(), claimed.held.clone(), claimed.lane);
        let (code, places, kept, reason) = (settled.code, settled.places, settled.kept, settled.reason);
        let delivery = match settled.delivery {
            Some(delivery) => Some((self.seal_delivery(&delivery, now)?, delivery)),
            None => None,
        };
        let finding = settled.finding.as_ref().map(|finding| self.seal_finding(finding)).transpose()?;
        let item_again = claimed.item.clone();
        let shared = match settled.share {
            Some(shared) => Some((self.seal_share(&shared)?, shared)),
            None => None,
        };
        // What is delivered and undone by a power cut is delivered twice, never lost; what is newly owed must not be lost.
        let sync = if !owed.is_empty() || kept.is_some() || shared.is_some() { Sync::Now } else { Sync::Later };
        let work = move |tables: &Connection| {
            if rest.is_none() {
                super::share::settled(tables, id, code, now)?;
            }
            match rest {
                None => tables.prepare_cached("DELETE FROM owed WHERE id = ?1")?.execute([id])?,
                Some((envelope, due_at)) => tables
                    .prepare_cached(
                        "UPDATE owed SET envelope = ?2, due_at = ?3, lease_until = NULL, tries = tries + 1,
                         last_code = ?4, last_reason = ?5, lane = ?6 WHERE id = ?1",
                    )?
                    .execute(params![id, envelope, due_at, code, reason, lane])?,
            };
            if let Some(held) = &held {
                for (place, state) in places {
                    super::held::set_state(tables, held, place, state, now)?;
                }
                if let Some(kept) = &kept {
                    super::held::keep_again(tables, held, &item_again, kept)?;
                }
            }
            if let Some((sealed, shared)) = &shared {
                super::share::insert(tables, shared, sealed, now)?;
            }
            if let Some((facts, delivery)) = &delivery {
                super::tls::insert(tables, (&school, held.as_deref()), delivery, facts, now)?;
            }
            if let Some(finding) = &finding {
                super::tls_finding::insert(tables, finding, now)?;
            }
            for (envelope, item, new) in owed {
                insert_item(tables, &school, &item)?;
                insert(tables, &school, held.as_deref(), &new, &envelope, now)?;
            }
            journal::append_if_it_can_be(tables, &chain, line.as_slice())?;
            Point::SettledRows.reached();
            Ok(())
        };
        self.0.database.write_with(sync, work).await
    }

    /// Everything that is owed, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owed(&self, most: usize) -> Result<Vec<Listed>, StoreError> {
        self.read(move |tables| {
            let mut list = tables.prepare_cached(
                "SELECT owed.id, owed.school, kind, held, made_at, due_at, tries, give_up_at, last_code, last_reason, item.size
                 FROM owed JOIN item ON item.id = owed.item ORDER BY owed.id LIMIT ?1",
            )?;
            let rows = list.query_map([count(most)], |row| {
                Ok(Listed {
                    id: row.get(0)?,
                    school: row.get(1)?,
                    kind: row.get(2)?,
                    mail: row.get(3)?,
                    made_at: row.get(4)?,
                    due_at: row.get(5)?,
                    tries: row.get(6)?,
                    give_up_at: row.get(7)?,
                    last_code: row.get(8)?,
                    last_reason: row.get(9)?,
                    size: row.get(10)?,
                })
            })?;
            rows.collect()
        })
        .await
    }

    /// Makes owed mail due at once: one, or all, also what waits for a way that is down; see [`ASKED`]. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry(&self, id: Option<i64>, now: i64) -> Result<usize, StoreError> {
        self.write(move |tables| {
            tables.execute(
                "UPDATE owed SET due_at = CASE WHEN due_at > ?2 THEN ?2 ELSE due_at END, lane = ?3
                 WHERE (id = ?1 OR ?1 IS NULL) AND (due_at > ?2 OR lane IS NOT NULL AND lease_until IS NULL)",
                params![id, now, ASKED],
            )
        })
        .await
    }

    /// Drops owed mail that nobody is delivering now, on purpose: its recipients never get it. False when it is not
    /// there, or on its way at this moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_owed(&self, id: i64, now: i64) -> Result<bool, StoreError> {
        let store = self.clone();
        self.write(move |tables| drop_one(tables, &store, id, now)).await
    }

    pub(super) fn seal_envelope(&self, new: &NewOwed) -> Result<Vec<u8>, StoreError> {
        self.seal(&envelope_label(&new.item), &new.envelope)
    }
}

/// Whether nothing of a mail is owed any more.
fn is_last(tables: &Connection, held: &str) -> rusqlite::Result<bool> {
    let others = "SELECT 1 FROM owed WHERE held = ?1 AND kind IN ('rest', 'released', 'forced', 'invitation')";
    tables.prepare_cached(others)?.exists([held]).map(|there| !there)
}

/// Gives one up that nobody is delivering; false when there is none.
pub(super) fn drop_one(tables: &Connection, store: &Store, id: i64, now: i64) -> rusqlite::Result<bool> {
    // The mail with a link tells its recipient's row that it did not go.
    let is_free = "id = ?1 AND (lease_until IS NULL OR lease_until < ?2)";
    if tables.prepare(&format!("SELECT 1 FROM owed WHERE {is_free}"))?.exists(params![id, now])? {
        super::share::settled(tables, id, None, now)?;
    }
    let gone: Option<(Option<String>, Kind, String, Vec<u8>)> = tables
        .query_row(
            &format!("DELETE FROM owed WHERE {is_free} RETURNING held, kind, item, envelope"),
            params![id, now],
            |row| Ok((row.get(0)?, Kind::from_word(&row.get::<_, String>(1)?), row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    // A notice or a message of ours is not the mail: its recipients have lost nothing.
    if let Some((Some(held), kind, item, envelope)) = &gone
        && kind.is_mail()
    {
        match store.unseal::<Envelope>(&envelope_label(item), envelope) {
            Ok(envelope) => {
                for place in envelope.recipients.iter().filter_map(|to| to.place) {
                    super::held::set_state(tables, held, place, State::Failed, now)?;
                }
            }
            // Nobody can know any more whose it was; with nothing else on its way it was everybody's.
            Err(_) if is_last(tables, held)? => {
                super::held::set_all(tables, held, State::Owed, State::Failed, now)?;
            }
            Err(_) => {}
        }
    }
    Ok(gone.is_some())
}

pub(super) fn envelope_label(item: &str) -> String {
    format!("owed.envelope of {item}")
}

pub(super) fn insert(
    tables: &Connection,
    school: &str,
    held: Option<&str>,
    new: &NewOwed,
    envelope: &[u8],
    now: i64,
) -> rusqlite::Result<()> {
    tables
        .prepare_cached(
            "INSERT INTO owed (school, kind, held, item, envelope, made_at, due_at, give_up_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![school, new.kind.word(), held, new.item, envelope, now, new.due_at, new.give_up_at])?;
    Ok(())
}

/// The same, of the mail with the link of a recipient, whose row learns what becomes of it.
pub(super) fn insert_invitation(
    tables: &Connection,
    school: &str,
    rid: &RidOctets,
    new: &NewOwed,
    envelope: &[u8],
    now: i64,
) -> rusqlite::Result<()> {
    tables
        .prepare_cached(
            "INSERT INTO owed (school, kind, item, envelope, made_at, due_at, give_up_at, rid)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![school, new.kind.word(), new.item, envelope, now, new.due_at, new.give_up_at, rid])?;
    Ok(())
}
