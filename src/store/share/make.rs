//! A share goes in: with its items, recipients and grants, and the mails that carry its links.

use std::fmt;

use rusqlite::{Connection, params};

use super::super::owed::{self, NewOwed};
use super::super::{Store, StoreError, count, insert_item};
use super::{
    Facts, ItemFacts, RecipientFacts, RidOctets, code_label, facts_label, happened, item_label, passkey_label,
    recipient_label,
};
use crate::seal::{Index, KeyId};
use crate::vault::Item;

/// A share, or more recipients of one that is there: all of it goes in with one commit.
pub struct NewShared {
    /// The id of the share.
    pub share: String,
    /// The school.
    pub school: String,
    /// The share itself; none when it is there already.
    pub new: Option<NewShare>,
    /// Who may see it.
    pub recipients: Vec<NewRecipient>,
    /// The mails with the links.
    pub invitations: Vec<Invitation>,
}

/// A share to be written down.
pub struct NewShare {
    /// The number by which reply, journal and receipt know the mail.
    pub mail: String,
    /// Hash of school, sender, Message-ID and content.
    pub incident: Index,
    /// Hash of the sender's address.
    pub sender: Index,
    /// Ends then when nobody opened it, milliseconds.
    pub open_by: i64,
    /// Ends then, milliseconds.
    pub ends_at: i64,
    /// `strict` or `recoverable`.
    pub keys: &'static str,
    /// The key that its pepper follows from.
    pub key: KeyId,
    /// Gone after it was opened once.
    pub once: bool,
    /// The rest.
    pub facts: Facts,
    /// The items.
    pub items: Vec<NewItem>,
}

/// An item of a share to be written down.
pub struct NewItem {
    /// The id.
    pub id: String,
    /// What it is.
    pub kind: &'static str,
    /// Octets.
    pub size: u64,
    /// The name of its file.
    pub file: String,
    /// The public half of its key.
    pub public: String,
    /// Its key, for this machine.
    pub recovery: Option<Vec<u8>>,
    /// Its key, for the school's escrow key.
    pub escrow: Option<Vec<u8>>,
    /// The rest.
    pub facts: ItemFacts,
}

/// A recipient to be written down.
pub struct NewRecipient {
    /// The public half of the link.
    pub rid: RidOctets,
    /// Hash of the address.
    pub address: Index,
    /// What follows from the secret half.
    pub link_check: [u8; 16],
    /// The public half of the recipient's key.
    pub public: String,
    /// `code`, `sms`, `email`, `organisation` or `sender`.
    pub factor: &'static str,
    /// Recipients of one family have one code.
    pub family: u32,
    /// The code, as it is told.
    pub code: Option<String>,
    /// What trying a code costs: the number of the parameters.
    pub cost: u32,
    /// By which its code is known when it is mailed on.
    pub told: Option<Vec<u8>>,
    /// Until when it can be opened first, milliseconds, where that is not the share's own.
    pub open_by: Option<i64>,
    /// What its code adds to its key, for who may open it by passkey instead.
    pub code_key: Option<[u8; 32]>,
    /// The rest.
    pub facts: RecipientFacts,
    /// Which items, each with its key sealed for this recipient.
    pub grants: Vec<(String, Vec<u8>)>,
}

/// The mail with a link, for one recipient.
pub struct Invitation {
    /// The public half of the link.
    pub rid: RidOctets,
    /// The mail.
    pub item: Item,
    /// What is owed.
    pub owed: NewOwed,
}

macro_rules! shown_as_nothing {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

shown_as_nothing!(NewShared, NewShare, NewItem, NewRecipient, Invitation);

/// What of a share is sealed before the transaction begins.
pub(in crate::store) struct Sealed {
    facts: Vec<u8>,
    items: Vec<Vec<u8>>,
    recipients: Vec<SealedRecipient>,
    envelopes: Vec<Vec<u8>>,
}

/// What of a recipient is sealed.
pub(super) struct SealedRecipient {
    facts: Vec<u8>,
    code: Option<Vec<u8>>,
    code_key: Option<Vec<u8>>,
}

impl Store {
    pub(in crate::store) fn seal_share(&self, shared: &NewShared) -> Result<Sealed, StoreError> {
        let facts = match &shared.new {
            Some(new) => self.seal_json(&facts_label(&shared.share), &new.facts)?,
            None => Vec::new(),
        };
        let items = shared.new.iter().flat_map(|new| &new.items);
        let envelope = |invitation: &Invitation| self.seal_envelope(&invitation.owed);
        Ok(Sealed {
            facts,
            items: items.map(|item| self.seal_json(&item_label(&item.id), &item.facts)).collect::<Result<_, _>>()?,
            recipients: shared.recipients.iter().map(|one| self.seal_recipient(one)).collect::<Result<_, _>>()?,
            envelopes: shared.invitations.iter().map(envelope).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn seal_recipient(&self, one: &NewRecipient) -> Result<SealedRecipient, StoreError> {
        let code_key = one.code_key.as_ref();
        Ok(SealedRecipient {
            facts: self.seal_json(&recipient_label(&one.rid), &one.facts)?,
            code: one.code.as_ref().map(|code| self.seal_json(&code_label(&one.rid), code)).transpose()?,
            code_key: code_key.map(|key| self.seal_json(&passkey_label(&one.rid), key)).transpose()?,
        })
    }

    /// The newest share of the same incident that was made since, and the hashes of the addresses of those who are in it or
    /// in those before it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn share_of(&self, incident: Index, since: i64) -> Result<Option<(String, Vec<Index>)>, StoreError> {
        self.read(move |tables| {
            let mut find = tables.prepare_cached(
                "SELECT id, mail FROM share WHERE incident = ?1 AND made_at >= ?2 AND withdrawn_at IS NULL
                 AND over_at IS NULL ORDER BY made_at DESC LIMIT 1",
            )?;
            let mut found = find.query(params![incident, since])?;
            let Some(row) = found.next()? else { return Ok(None) };
            let id: String = row.get(0)?;
            let inside = super::super::column(
                tables,
                "SELECT r.address FROM share_recipient r JOIN share s ON s.id = r.share WHERE s.incident = ?1
                 AND s.made_at >= ?2 AND s.withdrawn_at IS NULL AND s.over_at IS NULL AND r.factor <> 'sender'",
                params![incident, since],
            )?;
            Ok(Some((id, inside)))
        })
        .await
    }
}

/// Writes a share down, with its mails.
pub(in crate::store) fn insert(
    tables: &Connection,
    shared: &NewShared,
    sealed: &Sealed,
    now: i64,
) -> rusqlite::Result<()> {
    let (share, school) = (shared.share.as_str(), shared.school.as_str());
    if let Some(new) = &shared.new {
        tables
            .prepare_cached(
                "INSERT INTO share (id, school, mail, incident, sender, made_at, open_by, ends_at, keys, key, once, facts)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                share,
                school,
                new.mail,
                new.incident,
                new.sender,
                now,
                new.open_by,
                new.ends_at,
                new.keys,
                new.key,
                new.once,
                sealed.facts
            ])?;
        for (place, (item, facts)) in new.items.iter().zip(&sealed.items).enumerate() {
            insert_share_item(tables, (share, school), place, item, facts)?;
        }
        happened(tables, (share, school), "created", (None, None), now)?;
    }
    for (recipient, sealed) in shared.recipients.iter().zip(&sealed.recipients) {
        insert_recipient(tables, (share, school), recipient, sealed, now)?;
    }
    for (invitation, envelope) in shared.invitations.iter().zip(&sealed.envelopes) {
        insert_item(tables, school, &invitation.item)?;
        owed::insert_invitation(tables, school, &invitation.rid, &invitation.owed, envelope, now)?;
    }
    Ok(())
}

fn insert_share_item(
    tables: &Connection,
    (share, school): (&str, &str),
    place: usize,
    item: &NewItem,
    facts: &[u8],
) -> rusqlite::Result<()> {
    tables
        .prepare_cached(
            "INSERT INTO share_item (id, share, school, place, kind, size, file, public, recovery, escrow, facts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            item.id,
            share,
            school,
            count(place),
            item.kind,
            i64::try_from(item.size).unwrap_or(i64::MAX),
            item.file,
            item.public,
            item.recovery,
            item.escrow,
            facts
        ])?;
    Ok(())
}

/// A recipient with the grants; the caller says in which place by the number that are there.
pub(super) fn insert_recipient(
    tables: &Connection,
    (share, school): (&str, &str),
    new: &NewRecipient,
    sealed: &SealedRecipient,
    now: i64,
) -> rusqlite::Result<()> {
    tables
        .prepare_cached(
            "INSERT INTO share_recipient
             (rid, share, school, place, address, link_check, public, factor, family, made_at, code, cost, facts,
             passkey, open_by, told)
             VALUES (?1, ?2, ?3, (SELECT count(*) FROM share_recipient WHERE share = ?2), ?4, ?5, ?6, ?7, ?8, ?9, ?10,
             ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            new.rid,
            share,
            school,
            new.address,
            new.link_check,
            new.public,
            new.factor,
            new.family,
            now,
            sealed.code,
            new.cost,
            sealed.facts,
            sealed.code_key,
            new.open_by,
            new.told
        ])?;
    for (item, wrapped) in &new.grants {
        tables
            .prepare_cached("INSERT INTO share_grant (rid, item, school, wrapped) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![new.rid, item, school, wrapped])?;
    }
    Ok(())
}

/// What became of the mail with a link: the recipient's row learns it before the owed row goes.
pub(in crate::store) fn settled(tables: &Connection, owed: i64, code: Option<u16>, now: i64) -> rusqlite::Result<()> {
    let column = if code.is_some_and(|code| code < 400) { "notified" } else { "failed" };
    let update = format!(
        "UPDATE share_recipient SET {column}_at = ?2 WHERE rid = (SELECT rid FROM owed WHERE id = ?1)
         RETURNING share, school, rid"
    );
    let mut update = tables.prepare_cached(&update)?;
    let mut rows = update.query(params![owed, now])?;
    while let Some(row) = rows.next()? {
        let (share, school, rid): (String, String, RidOctets) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let kind = if column == "notified" { "notified" } else { "notify_failed" };
        happened(tables, (&share, &school), kind, (Some(&rid), None), now)?;
    }
    Ok(())
}
