//! Who may use the teacher's desk: codes that were sent, devices that are signed in, and what was asked of somebody else.
//!
//! Bounds that keep a guesser out and a robot from flooding a mailbox are counted in the same transaction that does the
//! thing, so two at once count as two. Codes, cookies and links are here as keyed hashes only.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::owed::{self, NewOwed};
use super::{Store, StoreError, insert_item};
use crate::seal::Index;
use crate::vault::Item;

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long a code is good, milliseconds.
pub const CODE_LASTS: i64 = 10 * MINUTE;
/// Wrong guesses of a code, and of all codes of a link in 24 hours.
pub const TRIES: u32 = 5;
/// Codes through one link in an hour.
const CODES_OF_LINK: i64 = 5;
/// Codes to one mailbox in an hour, through whichever links: its owner may have several mails stopped at once.
const CODES_TO_MAILBOX: i64 = 15;

/// A code that is to be sent.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// The school.
    pub school: String,
    /// Hash of the link's secret.
    pub link: Index,
    /// Hash of the browser's cookie.
    pub browser: Index,
    /// Hash of the mailbox.
    pub address: Index,
    /// Hash of the code, with link and browser.
    pub code: Index,
}

/// What a guess came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// It is the code that was sent to this mailbox; it works no second time.
    Right {
        /// Hash of the mailbox.
        address: Index,
    },
    /// It is not; so many guesses are left.
    Wrong {
        /// Guesses left today.
        left: u32,
    },
    /// There is no code that could be guessed here: none was asked for in this browser, or it is too old or used up.
    NoCode,
    /// Too many wrong guesses through this link; no code works for a day.
    Locked,
}

/// What is asked of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// To agree that a mail is sent.
    Release,
    /// To help.
    Help,
}

impl RequestKind {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Help => "help",
        }
    }
}

/// Who asks whom, and why. Sealed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFacts {
    /// The mailbox of who asks.
    pub asker: String,
    /// Who is asked: name and mailbox of each.
    pub asked: Vec<(String, String)>,
    /// The reason or the question, as typed.
    pub words: String,
    /// Which recipients of the held mail, by their places.
    pub places: Vec<usize>,
    /// The language in which the asker reads.
    pub language: String,
}

/// Names, addresses and reasons are for those who are asked.
impl fmt::Debug for RequestFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestFacts(..)")
    }
}

/// Something that was asked of somebody else.
#[derive(Debug, Clone)]
pub struct Request {
    /// Hash of the link's secret.
    pub link: Index,
    /// The school.
    pub school: String,
    /// The number of the held mail.
    pub held: String,
    /// What is asked.
    pub kind: RequestKind,
    /// When, milliseconds.
    pub asked_at: i64,
    /// When the asker is told that nobody answered, milliseconds.
    pub tell_at: Option<i64>,
    /// When it was answered, milliseconds.
    pub answered_at: Option<i64>,
    /// The rest.
    pub facts: RequestFacts,
}

/// What a choice or an act does to what was asked of somebody else, in the same transaction.
#[derive(Debug)]
pub enum Asked {
    /// This is asked. The mail that asks it is owed with the act.
    New(Box<Request>),
    /// The request behind this link is answered. When it was answered before, nothing of the act is done.
    Answered(Index),
}

/// The same, its facts sealed.
pub(super) enum SealedAsked {
    New(Box<Request>, Vec<u8>),
    Answered(Index),
}

impl SealedAsked {
    /// # Errors
    /// `QueryReturnedNoRows` when it was answered before.
    pub fn write(&self, tables: &Connection, now: i64) -> rusqlite::Result<()> {
        match self {
            Self::New(request, facts) => {
                let kind = request.kind.word();
                tables.execute(
                    "INSERT INTO desk_request (link, school, held, kind, asked_at, tell_at, facts)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![request.link, request.school, request.held, kind, request.asked_at, request.tell_at, facts],
                )?;
            }
            Self::Answered(link) => {
                let answered = tables.execute(
                    "UPDATE desk_request SET answered_at = ?2, tell_at = NULL WHERE link = ?1 AND answered_at IS NULL",
                    params![link, now],
                )?;
                if answered == 0 {
                    return Err(rusqlite::Error::QueryReturnedNoRows);
                }
            }
        }
        Ok(())
    }
}

/// A device that is signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The school.
    pub school: String,
    /// The mailbox, as typed where it was found.
    pub address: String,
    /// Until when, milliseconds.
    pub ends_at: i64,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("school", &self.school).finish_non_exhaustive()
    }
}

impl Store {
    /// The hash by which a sender's held mail is found: of the folded address.
    pub fn sender(&self, folded: &str) -> Index {
        self.index("address", &[folded.as_bytes()])
    }

    /// The hash by which a link is found again: of the octets of its secret.
    pub fn link(&self, secret: &[u8]) -> Index {
        self.index("link", &[secret])
    }

    /// Writes down a code and owes the mail that carries it, in one commit. Codes that were sent through the same link
    /// before are void. False when that would be too many, and then nothing is sent.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was done then.
    pub async fn send_code(&self, new: NewCode, item: Item, mail: NewOwed, now: i64) -> Result<bool, StoreError> {
        let envelope = self.seal_envelope(&mail)?;
        self.write(move |tables| {
            if is_locked(tables, new.link, now)? || too_many_codes(tables, &new, now)? {
                return Ok(false);
            }
            tables
                .prepare_cached("UPDATE desk_code SET state = 'void' WHERE link = ?1 AND state = 'open'")?
                .execute([new.link])?;
            tables
                .prepare_cached(
                    "INSERT INTO desk_code (school, link, browser, address, code, made_at, state)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open')",
                )?
                .execute(params![new.school, new.link, new.browser, new.address, new.code, now])?;
            insert_item(tables, &new.school, &item)?;
            owed::insert(tables, &new.school, None, &mail, &envelope, now)?;
            Ok(true)
        })
        .await
    }

    /// Guesses the code that was sent through a link, in the browser that asked for it.
    ///
    /// # Errors
    /// [`StoreError`]; the guess was not counted then, and nothing learned.
    pub async fn guess_code(&self, link: Index, browser: Index, code: Index, now: i64) -> Result<Guess, StoreError> {
        self.write(move |tables| {
            if is_locked(tables, link, now)? {
                return Ok(Guess::Locked);
            }
            let open: Option<(i64, Index, Index)> = tables
                .prepare_cached(
                    "SELECT id, address, code FROM desk_code WHERE link = ?1 AND browser = ?2 AND state = 'open'
                     AND made_at > ?3 ORDER BY id DESC LIMIT 1",
                )?
                .query_row(params![link, browser, now.saturating_sub(CODE_LASTS)], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let Some((id, address, sent)) = open else { return Ok(Guess::NoCode) };
            if aws_lc_rs::constant_time::verify_slices_are_equal(&sent, &code).is_ok() {
                tables.execute("UPDATE desk_code SET state = 'used' WHERE id = ?1", [id])?;
                return Ok(Guess::Right { address });
            }
            tables.execute(
                "UPDATE desk_code SET tries = tries + 1, state = CASE WHEN tries + 1 >= ?2 THEN 'void' ELSE state END
                 WHERE id = ?1",
                params![id, TRIES],
            )?;
            match TRIES.saturating_sub(tries(tables, link, now)?) {
                0 => Ok(Guess::Locked),
                left => Ok(Guess::Wrong { left }),
            }
        })
        .await
    }

    /// Signs a device in. `id` is the hash of its cookie.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_session(&self, id: Index, address: Index, session: Session) -> Result<(), StoreError> {
        let who = self.seal(&who_label(&id), &session.address)?;
        self.write(move |tables| {
            tables.execute(
                "INSERT INTO desk_session (id, school, address, ends_at, who) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, session.school, address, session.ends_at, who],
            )?;
            Ok(())
        })
        .await
    }

    /// Who is signed in with this cookie.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(&self, id: Index, now: i64) -> Result<Option<Session>, StoreError> {
        let row: Option<(String, i64, Vec<u8>)> = self
            .read(move |tables| {
                tables
                    .prepare_cached("SELECT school, ends_at, who FROM desk_session WHERE id = ?1 AND ends_at > ?2")?
                    .query_row(params![id, now], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()
            })
            .await?;
        let Some((school, ends_at, who)) = row else { return Ok(None) };
        Ok(Some(Session { school, address: self.unseal(&who_label(&id), &who)?, ends_at }))
    }

    /// Signs a device out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_session(&self, id: Index) -> Result<(), StoreError> {
        self.write(move |tables| tables.execute("DELETE FROM desk_session WHERE id = ?1", [id]).map(drop)).await
    }

    /// What a link in a mail to somebody else asks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request(&self, link: Index) -> Result<Option<Request>, StoreError> {
        Ok(self.requests("link = ?1", link.to_vec()).await?.pop())
    }

    /// What was asked about a held mail, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requests_about(&self, held: &str) -> Result<Vec<Request>, StoreError> {
        self.requests("held = ?1", held.to_owned()).await
    }

    /// Calls for help that nobody has answered although their time is over, and that the asker was not told of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unanswered(&self, now: i64) -> Result<Vec<Request>, StoreError> {
        self.requests("tell_at <= ?1 AND answered_at IS NULL", now).await
    }

    /// Tells the asker of an unanswered request, once: the mail is owed in the same commit.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was done then.
    pub async fn tell_unanswered(
        &self,
        request: &Request,
        item: Item,
        mail: NewOwed,
        now: i64,
    ) -> Result<(), StoreError> {
        let envelope = self.seal_envelope(&mail)?;
        let (link, school, held) = (request.link, request.school.clone(), request.held.clone());
        self.write(move |tables| {
            let first = tables.execute(
                "UPDATE desk_request SET tell_at = NULL WHERE link = ?1 AND answered_at IS NULL AND tell_at IS NOT NULL",
                [link],
            )?;
            if first > 0 {
                insert_item(tables, &school, &item)?;
                owed::insert(tables, &school, Some(&held), &mail, &envelope, now)?;
            }
            Ok(())
        })
        .await
    }

    /// Forgets codes that count for nothing any more, and sessions that are over. Gives how many rows went.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purge_desk(&self, now: i64) -> Result<usize, StoreError> {
        self.write(move |tables| {
            let codes = tables.execute("DELETE FROM desk_code WHERE made_at <= ?1", [now.saturating_sub(DAY)])?;
            let sessions = tables.execute("DELETE FROM desk_session WHERE ends_at <= ?1", [now])?;
            Ok(codes + sessions)
        })
        .await
    }

    /// How many rows are due for [`Store::purge_desk`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn desk_due(&self, now: i64) -> Result<usize, StoreError> {
        const DUE: &str = "SELECT (SELECT count(*) FROM desk_code WHERE made_at <= ?1)
             + (SELECT count(*) FROM desk_session WHERE ends_at <= ?2)";
        let due: i64 =
            self.read(move |tables| tables.query_row(DUE, [now.saturating_sub(DAY), now], |row| row.get(0))).await?;
        Ok(usize::try_from(due).unwrap_or_default())
    }

    async fn requests(
        &self,
        which: &'static str,
        value: impl rusqlite::ToSql + Send + 'static,
    ) -> Result<Vec<Request>, StoreError> {
        let rows: Vec<(Request, Vec<u8>)> = self
            .read(move |tables| {
                let statement = format!(
                    "SELECT link, school, held, kind, asked_at, tell_at, answered_at, facts FROM desk_request
                     WHERE {which} ORDER BY asked_at"
                );
                tables.prepare_cached(&statement)?.query_map([value], from_row)?.collect()
            })
            .await?;
        let unseal = |(request, facts): (Request, Vec<u8>)| {
            let plain = self.0.keys.open(&request_label(&request.link), &facts).ok_or(StoreError::Sealed)?;
            let facts = serde_json::from_slice(&plain).map_err(|_| StoreError::Sealed)?;
            Ok(Request { facts, ..request })
        };
        rows.into_iter().map(unseal).collect()
    }

    pub(super) fn seal_asked(&self, asked: &Asked) -> Result<SealedAsked, StoreError> {
        Ok(match asked {
            Asked::New(request) => SealedAsked::New(request.clone(), self.seal_request(request)?),
            Asked::Answered(link) => SealedAsked::Answered(*link),
        })
    }

    /// In JSON, so that a later version can read what an earlier one wrote.
    fn seal_request(&self, request: &Request) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(&request.facts).map_err(|error| StoreError::Trouble(error.to_string()))?;
        let sealed = self.0.keys.seal(&request_label(&request.link), &plain);
        sealed.ok_or_else(|| StoreError::Trouble("it could not be sealed".to_owned()))
    }
}

/// Wrong guesses through a link in the last 24 hours.
fn tries(tables: &Connection, link: Index, now: i64) -> rusqlite::Result<u32> {
    tables
        .prepare_cached("SELECT coalesce(sum(tries), 0) FROM desk_code WHERE link = ?1 AND made_at > ?2")?
        .query_row(params![link, now.saturating_sub(DAY)], |row| row.get(0))
}

fn is_locked(tables: &Connection, link: Index, now: i64) -> rusqlite::Result<bool> {
    Ok(tries(tables, link, now)? >= TRIES)
}

fn too_many_codes(tables: &Connection, new: &NewCode, now: i64) -> rusqlite::Result<bool> {
    let since = now.saturating_sub(HOUR);
    let of_link: i64 = tables
        .prepare_cached("SELECT count(*) FROM desk_code WHERE link = ?1 AND made_at > ?2")?
        .query_row(params![new.link, since], |row| row.get(0))?;
    let to_mailbox: i64 = tables
        .prepare_cached("SELECT count(*) FROM desk_code WHERE school = ?1 AND address = ?2 AND made_at > ?3")?
        .query_row(params![new.school, new.address, since], |row| row.get(0))?;
    Ok(of_link >= CODES_OF_LINK || to_mailbox >= CODES_TO_MAILBOX)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(Request, Vec<u8>)> {
    let kind: String = row.get(3)?;
    let request = Request {
        link: row.get(0)?,
        school: row.get(1)?,
        held: row.get(2)?,
        kind: if kind == RequestKind::Help.word() { RequestKind::Help } else { RequestKind::Release },
        asked_at: row.get(4)?,
        tell_at: row.get(5)?,
        answered_at: row.get(6)?,
        facts: RequestFacts::default(),
    };
    Ok((request, row.get(7)?))
}

fn who_label(id: &Index) -> String {
    format!("desk_session.who of {}", hex(id))
}

pub(super) fn request_label(link: &Index) -> String {
    format!("desk_request.facts of {}", hex(link))
}

fn hex(index: &Index) -> String {
    index.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::seal::SealKey;
    use crate::store::owed::{Envelope, Kind};
    use crate::vault::Vault;

    struct Desk {
        store: Store,
        vault: Vault,
    }

    impl Desk {
        fn open(folder: &Path) -> Self {
            let keys = Arc::new(SealKey::load_or_make(&folder.join("key")).unwrap());
            Self { store: Store::open(folder, Arc::clone(&keys)).unwrap(), vault: Vault::open(folder, keys).unwrap() }
        }

        async fn send(&self, link: u8, browser: u8, code: u8, now: i64) -> bool {
            let item = self.vault.put(Arc::new(b"mail".to_vec())).await.unwrap();
            let mail = NewOwed {
                kind: Kind::Message,
                item: item.id.clone(),
                envelope: Envelope::default(),
                due_at: now,
                give_up_at: now + 1,
            };
            let (school, address) = ("linde".to_owned(), [9; 16]);
            let new = NewCode { school, link: [link; 16], browser: [browser; 16], address, code: [code; 16] };
            self.store.send_code(new, item, mail, now).await.unwrap()
        }

        async fn guess(&self, link: u8, browser: u8, code: u8, now: i64) -> Guess {
            self.store.guess_code([link; 16], [browser; 16], [code; 16], now).await.unwrap()
        }
    }

    const RIGHT: Guess = Guess::Right { address: [9; 16] };

    #[tokio::test]
    async fn a_code_works_once_where_it_was_asked_for_and_not_too_late() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path());
        assert!(desk.send(1, 1, 5, 1000).await);
        assert_eq!(desk.guess(1, 2, 5, 1001).await, Guess::NoCode, "another browser");
        assert_eq!(desk.guess(2, 1, 5, 1001).await, Guess::NoCode, "another link");
        assert_eq!(desk.guess(1, 1, 5, 1000 + CODE_LASTS).await, Guess::NoCode, "too late");
        assert_eq!(desk.guess(1, 1, 5, 1001).await, RIGHT);
        assert_eq!(desk.guess(1, 1, 5, 1002).await, Guess::NoCode, "used");
    }

    #[tokio::test]
    async fn a_new_code_voids_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path());
        assert!(desk.send(1, 1, 5, 1000).await && desk.send(1, 1, 6, 1001).await);
        assert_eq!(desk.guess(1, 1, 5, 1002).await, Guess::Wrong { left: 4 });
        assert_eq!(desk.guess(1, 1, 6, 1002).await, RIGHT);
    }

    #[tokio::test]
    async fn five_wrong_guesses_lock_the_link_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path());
        assert!(desk.send(1, 1, 5, 1000).await);
        assert_eq!(desk.guess(1, 1, 0, 1001).await, Guess::Wrong { left: 4 });
        assert_eq!(desk.guess(1, 1, 0, 1001).await, Guess::Wrong { left: 3 });
        assert!(desk.send(1, 1, 6, 1002).await);
        assert_eq!(desk.guess(1, 1, 0, 1003).await, Guess::Wrong { left: 2 }, "a new code gives no new guesses");
        assert_eq!(desk.guess(1, 1, 0, 1003).await, Guess::Wrong { left: 1 });
        assert_eq!(desk.guess(1, 1, 0, 1003).await, Guess::Locked);
        assert_eq!(desk.guess(1, 1, 6, 1004).await, Guess::Locked, "not even the right one");
        assert!(!desk.send(1, 1, 7, 1005).await && desk.send(2, 1, 7, 1005).await);
        assert!(desk.send(1, 1, 8, 1003 + DAY).await);
        assert_eq!(desk.guess(1, 1, 8, 1003 + DAY).await, RIGHT);
    }

    #[tokio::test]
    async fn codes_are_bounded_by_link_and_by_mailbox() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path());
        for n in 0..5 {
            assert!(desk.send(1, 1, 5, 1000 + n).await);
        }
        assert!(!desk.send(1, 2, 5, 1010).await);
        for link in 2..12 {
            assert!(desk.send(link, 1, 5, 1010).await, "{link}");
        }
        assert!(!desk.send(20, 1, 5, 1011).await);
        assert!(desk.send(1, 1, 5, 1010 + HOUR).await);
        assert_eq!(desk.store.owed(100).await.unwrap().len(), 16, "what is refused sends nothing");
        assert_eq!(desk.store.purge_desk(1010 + DAY).await.unwrap(), 15);
    }

    #[tokio::test]
    async fn a_session_ends_by_itself_and_by_signing_out() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path());
        let session = Session { school: "linde".into(), address: "juf@delinde.example".into(), ends_at: 100 };
        desk.store.begin_session([1; 16], [2; 16], session.clone()).await.unwrap();
        assert_eq!(desk.store.session([1; 16], 99).await.unwrap(), Some(session));
        assert_eq!(desk.store.session([1; 16], 100).await.unwrap(), None);
        assert_eq!(desk.store.session([3; 16], 1).await.unwrap(), None);
        desk.store.end_session([1; 16]).await.unwrap();
        assert_eq!(desk.store.session([1; 16], 1).await.unwrap(), None);
    }
}
