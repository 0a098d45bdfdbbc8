//! Contacts: whom the school reaches by another way than mail. A number or a fixed code, with where it comes from, who
//! brought it and when it was checked.
//!
//! What nobody has checked and nobody has used is gone after 14 days. Addresses and numbers are sealed; the code itself is
//! kept nowhere, only what it adds to a key.

use std::fmt;

use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::share::{DAY, hex, passkey};
use super::{Store, StoreError};
use crate::seal::Index;

/// The id of a contact: random octets.
pub type ContactId = [u8; 16];

/// A number that nobody has checked, and nobody has used, lives so long.
pub(in crate::store) const UNCHECKED: i64 = 14 * DAY;

/// What is told about a contact. Sealed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The address, folded.
    pub address: String,
    /// The number, in E.164.
    #[serde(default)]
    pub phone: Option<String>,
    /// Where it comes from: the name of a file.
    #[serde(default)]
    pub source: String,
    /// Who brought it.
    #[serde(default)]
    pub by: String,
    /// The day on which the school checked it, as 2026-11-24.
    #[serde(default)]
    pub checked: Option<String>,
}

/// A contact.
#[derive(Clone)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The school.
    pub school: String,
    /// When it was brought, milliseconds.
    pub made_at: i64,
    /// When somebody opened a share by it last, milliseconds.
    pub proven_at: Option<i64>,
    /// What its fixed code adds to a key, and the number of what making that cost.
    pub code: Option<([u8; 32], u32)>,
    /// The rest.
    pub facts: Facts,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts(..)")
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("school", &self.school).finish_non_exhaustive()
    }
}

const COLUMNS: &str = "SELECT id, school, made_at, proven_at, facts, code FROM contact";

impl Store {
    /// Keeps contacts of a school, all or none. One that is there keeps its id and its code; whose number is another now,
    /// loses the passkeys that were made by the old one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_contacts(
        &self,
        school: &str,
        contacts: Vec<(ContactId, Facts)>,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(contacts.len());
        for (new, facts) in contacts {
            let address = self.sender(&facts.address);
            let there = self.contact(school, address).await?;
            let other =
                there.as_ref().is_some_and(|there| there.facts.phone.is_some() && there.facts.phone != facts.phone);
            let id = there.map_or(new, |there| there.id);
            rows.push((id, address, facts.checked.is_some(), self.seal_contact(&id, &facts)?, other));
        }
        let school = school.to_owned();
        self.write(move |tables| {
            for (id, address, checked, facts, other) in &rows {
                if *other {
                    passkey::remove_of_contact(tables, id)?;
                }
                tables
                    .prepare_cached(
                        "INSERT INTO contact (id, school, address, made_at, checked, facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                         ON CONFLICT (school, address) DO UPDATE SET made_at = ?4, checked = ?5, facts = ?6, proven_at = NULL
                         WHERE contact.id = ?1",
                    )?
                    .execute(params![id, school, address, now, checked, facts])?;
            }
            Ok(())
        })
        .await
    }

    /// A contact of a school, by the hash of the address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contact(&self, school: &str, address: Index) -> Result<Option<Contact>, StoreError> {
        let school = school.to_owned();
        let found = self
            .read(move |tables| {
                let statement = format!("{COLUMNS} WHERE school = ?1 AND address = ?2");
                tables.prepare_cached(&statement)?.query_row(params![school, address], row).optional()
            })
            .await?;
        found.map(|found| self.unsealed_contact(found)).transpose()
    }

    /// All contacts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contacts(&self) -> Result<Vec<Contact>, StoreError> {
        let all: Vec<Sealed> = self
            .read(|tables| {
                let statement = format!("{COLUMNS} ORDER BY school, made_at, id");
                tables.prepare_cached(&statement)?.query_map([], row)?.collect()
            })
            .await?;
        all.into_iter().map(|found| self.unsealed_contact(found)).collect()
    }

    /// Forgets a contact, and the passkeys of its address. False when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_contact(&self, id: ContactId) -> Result<bool, StoreError> {
        self.write(move |tables| {
            passkey::remove_of_contact(tables, &id)?;
            Ok(tables.execute("DELETE FROM contact WHERE id = ?1", [id])? > 0)
        })
        .await
    }

    /// Gives a contact a fixed code, in the place of the one before. Whoever knew that one has no passkey any more either.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_contact_code(&self, id: ContactId, key: &[u8; 32], cost: u32) -> Result<(), StoreError> {
        let sealed = self.seal_json(&code_label(&id), &(key, cost))?;
        self.write(move |tables| {
            // Whoever gives out a fixed code has looked whom he gives it to.
            let set = "UPDATE contact SET code = ?2, checked = 1 WHERE id = ?1";
            tables.execute(set, params![id, sealed])?;
            passkey::remove_of_contact(tables, &id)
        })
        .await
    }

    /// Somebody opened a share by this number or code.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contact_proven(&self, id: ContactId, now: i64) -> Result<(), StoreError> {
        self.write_later(move |tables| {
            tables.execute("UPDATE contact SET proven_at = ?2 WHERE id = ?1", params![id, now]).map(drop)
        })
        .await
    }

    fn seal_contact(&self, id: &ContactId, facts: &Facts) -> Result<Vec<u8>, StoreError> {
        self.seal_json(&facts_label(id), facts)
    }

    fn unsealed_contact(&self, (contact, facts, code): Sealed) -> Result<Contact, StoreError> {
        let facts = self.unseal_json(&facts_label(&contact.id), &facts)?;
        let code = code.map(|code| self.unseal_json(&code_label(&contact.id), &code)).transpose()?;
        Ok(Contact { facts, code, ..contact })
    }
}

type Sealed = (Contact, Vec<u8>, Option<Vec<u8>>);

fn row(row: &Row<'_>) -> rusqlite::Result<Sealed> {
    let contact = Contact {
        id: row.get(0)?,
        school: row.get(1)?,
        made_at: row.get(2)?,
        proven_at: row.get(3)?,
        code: None,
        facts: Facts::default(),
    };
    Ok((contact, row.get(4)?, row.get(5)?))
}

fn facts_label(id: &ContactId) -> String {
    format!("contact.facts of {}", hex(id))
}

fn code_label(id: &ContactId) -> String {
    format!("contact.code of {}", hex(id))
}
