//! How mail that must travel under proven TLS fared: one row a try, kept a year.

use std::fmt;

use rusqlite::{Connection, ToSql, params};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, count};

/// A try that is to be written down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewDelivery {
    /// Recipients that it was for.
    pub recipients: usize,
    /// For how many of them the server took it.
    pub taken: usize,
    /// The code of the row of the decision table.
    pub posture: String,
    /// TLS version, cipher suite, and how the server was verified: when it was.
    pub proof: Option<(String, String, String)>,
    /// Why it was not.
    pub reason: Option<String>,
    /// The code of the last reply.
    pub code: Option<u16>,
    /// Who and where.
    pub facts: Facts,
}

/// Where it was to go, and where it went. Sealed: a domain may be a family's.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The recipients' domain.
    pub domain: String,
    /// The host that took it, or refused it.
    pub mx: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Hosts that were passed over, each with its reason.
    pub misses: Vec<(String, String)>,
}

/// Domains and hosts are for those who may look.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts(..)")
    }
}

/// A try, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Recipients that it was for.
    pub recipients: i64,
    /// For how many of them the server took it.
    pub taken: i64,
    /// The code of the row of the decision table.
    pub posture: String,
    /// TLS version, when the server was verified.
    pub tls_version: Option<String>,
    /// Cipher suite.
    pub cipher: Option<String>,
    /// How the server was verified.
    pub verified: Option<String>,
    /// Why it was not.
    pub reason: Option<String>,
    /// The code of the last reply.
    pub code: Option<u16>,
    /// Who and where.
    #[serde(flatten)]
    pub facts: Facts,
}

const TRIES: &str = "SELECT at, recipients, taken, posture, tls_version, cipher, verified, reason, code, facts
                     FROM tls_delivery";

impl Store {
    /// How the mail with this number fared, the first try first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries(&self, mail: &str) -> Result<Vec<Delivery>, StoreError> {
        let mail = mail.to_owned();
        self.tries(format!("{TRIES} WHERE mail = ?1 ORDER BY id"), mail).await
    }

    /// The last tries of all mails, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_deliveries(&self, most: usize) -> Result<Vec<Delivery>, StoreError> {
        self.tries(format!("{TRIES} ORDER BY id DESC LIMIT ?1"), count(most)).await
    }

    async fn tries(&self, list: String, of: impl ToSql + Send + 'static) -> Result<Vec<Delivery>, StoreError> {
        let rows = self
            .read(move |tables| {
                let mut list = tables.prepare_cached(&list)?;
                let rows = list.query_map([of], |row| {
                    let delivery = Delivery {
                        at: row.get(0)?,
                        recipients: row.get(1)?,
                        taken: row.get(2)?,
                        posture: row.get(3)?,
                        tls_version: row.get(4)?,
                        cipher: row.get(5)?,
                        verified: row.get(6)?,
                        reason: row.get(7)?,
                        code: row.get(8)?,
                        facts: Facts::default(),
                    };
                    Ok((delivery, row.get::<_, Vec<u8>>(9)?))
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        let facts = |(delivery, sealed): (Delivery, Vec<u8>)| {
            Ok(Delivery { facts: self.unseal(&label(delivery.at), &sealed)?, ..delivery })
        };
        rows.into_iter().map(facts).collect()
    }

    pub(super) fn seal_delivery(&self, new: &NewDelivery, now: i64) -> Result<Vec<u8>, StoreError> {
        self.seal(&label(now), &new.facts)
    }
}

pub(super) fn insert(
    tables: &Connection,
    (school, mail): (&str, Option<&str>),
    new: &NewDelivery,
    facts: &[u8],
    now: i64,
) -> rusqlite::Result<()> {
    let proof = new.proof.as_ref();
    tables
        .prepare_cached(
            "INSERT INTO tls_delivery (school, mail, at, recipients, taken, posture, tls_version, cipher, verified, reason,
             code, facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            school,
            mail,
            now,
            count(new.recipients),
            count(new.taken),
            new.posture,
            proof.map(|(version, _, _)| version),
            proof.map(|(_, cipher, _)| cipher),
            proof.map(|(_, _, verified)| verified),
            new.reason,
            new.code,
            facts
        ])?;
    Ok(())
}

/// The row's number is not known when it is sealed.
fn label(at: i64) -> String {
    format!("tls_delivery.facts of {at}")
}
