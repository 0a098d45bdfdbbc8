//! The sender's side: what became of a share, and what may still be done. No content: who wants to read his own copy
//! opens his own link.

use std::fmt;

use super::factor::{Factor, Proving};
use super::{Code, Item, ItemKind, KeysMode, Letter, Link, NewRecipient, Opened, OpenedBy, ShareError, Shares};
use crate::level::Level;
use crate::message::Mailbox;
use crate::secret::Secret;
use crate::store::journal::{NewLine, People, Sort};
use crate::store::owed::{Kind, NewOwed};
use crate::store::share::{
    EventRow, Invitation, ItemRow, RecipientRow, Reminder, Rewrapped, RidOctets, ShareRow, Withdrawn,
};
use crate::vault::share::{AccessCode, EscrowKey, ItemKey, Reading, RecipientKey, Rid};
use crate::vault::{self, LinkSecret};

/// A share as its sender sees it.
#[derive(Clone)]
pub struct Overview {
    /// Its id.
    pub id: String,
    /// The school.
    pub school: String,
    /// The number of the mail.
    pub mail: String,
    /// Four characters that name it.
    pub reference: String,
    /// The sender's address.
    pub sender: Secret<String>,
    /// The sender's name, if the mail had one.
    pub sender_name: Option<Secret<String>>,
    /// The subject of the mail.
    pub subject: Secret<String>,
    /// The Message-ID of the mail, if it had one.
    pub message_id: Option<Secret<String>>,
    /// What it is shared for, when the sender was asked.
    pub purpose: Option<Secret<String>>,
    /// On which ground of the law, when the sender was asked.
    pub ground: Option<String>,
    /// Whether the subject may stand in mails to others.
    pub open_subject: bool,
    /// When it was made, milliseconds.
    pub made_at: i64,
    /// Until when it can be opened first, milliseconds.
    pub open_by: i64,
    /// When it ends, milliseconds.
    pub ends_at: i64,
    /// When it was withdrawn from everybody, milliseconds.
    pub withdrawn_at: Option<i64>,
    /// When its content went, at its end or because it was deleted, milliseconds.
    pub over_at: Option<i64>,
    /// Whether its recipients read it on a page alone, and may have no file of it.
    pub view_only: bool,
    /// Whether nothing can open it any more: there is no key and no file.
    pub is_destroyed: bool,
    /// The items: id, kind, name, octets, when withdrawn.
    pub items: Vec<super::Item>,
    /// The recipients, without the sender.
    pub recipients: Vec<RecipientOverview>,
}

/// A recipient as the sender sees him.
#[derive(Clone)]
pub struct RecipientOverview {
    /// The public half of the link: names the recipient in [`Scope`].
    pub rid: String,
    /// Until when it can be opened first, milliseconds.
    pub open_by: i64,
    /// The address.
    pub address: Secret<String>,
    /// What he needs besides the link.
    pub factor: Factor,
    /// How sure it must be that it is he who opens it.
    pub level: Level,
    /// Whether a passkey of his opens it too.
    pub passkey: bool,
    /// Whether his address has passkeys at all.
    pub has_passkeys: bool,
    /// By what it was opened first; none before, and where nobody wrote that down yet.
    pub opened_by: Option<OpenedBy>,
    /// The code, until it was used or is a week old.
    pub code: Option<Code>,
    /// Recipients of one family have the same number, and the same code.
    pub family: u32,
    /// When the link was made, milliseconds.
    pub made_at: i64,
    /// When the mail with the link was taken by the next hop, milliseconds.
    pub notified_at: Option<i64>,
    /// When it was refused for good, or given up, milliseconds.
    pub failed_at: Option<i64>,
    /// When it was opened first, milliseconds.
    pub opened_at: Option<i64>,
    /// Whether too many wrong codes have locked it, until when (milliseconds), or for good.
    pub locked: Option<Option<i64>>,
    /// When it was withdrawn from him, milliseconds.
    pub withdrawn_at: Option<i64>,
    /// The ids of the items that he may still see.
    pub items: Vec<String>,
    /// The ids of the items that he has viewed or downloaded.
    pub read: Vec<String>,
}

/// Something that happened to a share.
#[derive(Debug, Clone)]
pub struct Event {
    /// When, milliseconds.
    pub at: i64,
    /// What: `created`, `notified`, `unlocked`, `code_failed`, `code_locked`, `code_wanted`, `item_viewed`,
    /// `item_downloaded`, `zip_downloaded`, `reply_received`, `extended`, `renewed`, `added`, `item_revoked`, `recipient_revoked`,
    /// `share_revoked`, `by_admin` (the next one), `downloads_off`, `downloads_on`, `reminded`, `warned`, `expired`, `purged`, `deleted`, `recovered`,
    /// `passkey_added`, `passkey_removed`, `passkeys_removed`.
    pub kind: String,
    /// The recipient, by the public half of the link.
    pub rid: Option<String>,
    /// The item.
    pub item: Option<String>,
    /// By what, where something was opened.
    pub by: Option<OpenedBy>,
    /// The version of the privacy statement that stood there, where something was opened.
    pub statement: Option<String>,
}

/// A day, in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

/// How much of a share is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One item, from everybody.
    Item(String),
    /// Everything, from one recipient, by the public half of his link.
    Recipient(String),
    /// One item from one recipient: rid, item.
    Grant(String, String),
    /// Everything, from everybody but the sender.
    All,
}

/// A new link for a recipient: the mail with it is owed, the old one leads nowhere.
#[derive(Clone)]
pub struct Renewed {
    /// The public half of the new link.
    pub rid: String,
    /// The new code, for the sender to pass on.
    pub code: Code,
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

shown_as_nothing!(Overview, RecipientOverview, Renewed);

impl Shares {
    /// The shares of a sender (folded address), the newest first.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn of_sender(&self, school: &str, folded: &str, most: usize) -> Result<Vec<Overview>, ShareError> {
        let store = self.inner.outbox.store();
        let (rows, now) = (store.shares_of(school, store.sender(folded), most).await?, self.now());
        Ok(rows.into_iter().map(|row| overview(row, now)).collect())
    }

    /// All shares, the newest first: for whoever runs the machine, who is to show no address and no subject.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn all(&self, most: usize) -> Result<Vec<Overview>, ShareError> {
        let (rows, now) = (self.inner.outbox.store().shares(most).await?, self.now());
        Ok(rows.into_iter().map(|row| overview(row, now)).collect())
    }

    /// One share; the caller sees to it that only its sender (or who may look for him) gets it. None when there is none.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn share(&self, id: &str) -> Result<Option<Overview>, ShareError> {
        let (row, now) = (self.inner.outbox.store().share(id).await?, self.now());
        Ok(row.map(|row| overview(row, now)))
    }

    /// What happened to a share, oldest first.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn events(&self, id: &str) -> Result<Vec<Event>, ShareError> {
        let event = |row: EventRow| Event {
            at: row.at,
            kind: row.kind,
            rid: row.rid.map(|rid| Rid::of(rid).written()),
            item: row.item,
            by: row.factor.as_deref().and_then(OpenedBy::from_word),
            statement: row.statement,
        };
        Ok(self.inner.outbox.store().share_events(id).await?.into_iter().map(event).collect())
    }

    /// The privacy statement of a school as it stood in a version, when somebody opened a share under it.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn statement(&self, school: &str, version: &str) -> Result<Option<String>, ShareError> {
        Ok(self.inner.outbox.store().statement(school, version).await?)
    }

    /// Withdraws: from the next request on it is gone. The sender's own copy stays until the end or [`Shares::delete`], so
    /// that a new link can be given. Gives how many grants went. `who` is the address of who does it, for the journal.
    ///
    /// # Errors
    /// [`ShareError`]; nothing was withdrawn then.
    pub async fn withdraw(&self, id: &str, scope: &Scope, who: &str) -> Result<usize, ShareError> {
        let rid = |rid: &str| Rid::read(rid).map(|rid| *rid.octets()).ok_or(ShareError::Gone);
        let what = match scope {
            Scope::Item(item) => Withdrawn::Item(item.clone()),
            Scope::Recipient(one) => Withdrawn::Recipient(rid(one)?),
            Scope::Grant(one, item) => Withdrawn::Grant(rid(one)?, item.clone()),
            Scope::All => Withdrawn::All,
        };
        let line = self.line(id, "share_withdrawn", who).await?;
        Ok(self.inner.outbox.store().withdraw_share(id, what, line, None, self.now()).await?)
    }

    /// The same by whoever runs the machine, for a reason: the journal keeps it, and `letter` tells the sender. `Item` and
    /// `Grant` are the sender's own to withdraw.
    ///
    /// # Errors
    /// [`ShareError::Gone`] for those, and for what is not there; nothing was withdrawn then.
    pub async fn withdraw_for(&self, id: &str, scope: &Scope, reason: &str, letter: Letter) -> Result<(), ShareError> {
        let what = match scope {
            Scope::All => Withdrawn::All,
            Scope::Recipient(one) => Withdrawn::Recipient(*Rid::read(one).ok_or(ShareError::Gone)?.octets()),
            Scope::Item(_) | Scope::Grant(..) => return Err(ShareError::Gone),
        };
        let (line, told) = self.by_admin(id, "share_withdrawn", reason, letter).await?;
        self.inner.outbox.store().withdraw_share(id, what, line, Some(told), self.now()).await?;
        Ok(())
    }

    /// Deletes a share at once, by whoever runs the machine; as [`Shares::delete`] and [`Shares::withdraw_for`].
    ///
    /// # Errors
    /// [`ShareError::Gone`] when there is none.
    pub async fn delete_for(&self, id: &str, reason: &str, letter: Letter) -> Result<usize, ShareError> {
        let (line, told) = self.by_admin(id, "share_deleted", reason, letter).await?;
        let deleted = self.inner.outbox.store().delete_share(id, line, Some(told), self.now()).await?;
        Ok(self.inner.forget(&deleted.ok_or(ShareError::Gone)?).await)
    }

    async fn by_admin(
        &self,
        id: &str,
        event: &'static str,
        reason: &str,
        letter: Letter,
    ) -> Result<(NewLine, (vault::Item, NewOwed)), ShareError> {
        let mut line = self.line(id, event, "").await?;
        line.core = serde_json::json!({ "event": event, "share": id, "by": "admin" }).to_string();
        line.people.reason = reason.to_owned();
        Ok((line, self.owe(Kind::Message, letter, self.now()).await?))
    }

    /// Lets a share end later, at most the lifetime of a share from now. Gives when.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when it is over already, or holds a password.
    pub async fn extend(&self, id: &str, until: i64, who: &str) -> Result<i64, ShareError> {
        let now = self.now();
        let settings = &self.inner.settings;
        let until = until.clamp(now, settings.calendar.after(now, settings.lifetimes.share));
        let line = self.line(id, "share_extended", who).await?;
        if self.inner.outbox.store().extend_share(id, until, line, now).await? {
            Ok(until)
        } else {
            Err(ShareError::Gone)
        }
    }

    /// A new link and a new code for a recipient; the old link leads nowhere. With strict keys it takes the sender's own
    /// link, opened.
    ///
    /// # Errors
    /// [`ShareError::NeedsLink`] without it.
    pub async fn renew(&self, id: &str, rid: &str, opened: Option<&Opened>, who: &str) -> Result<Renewed, ShareError> {
        let share = self.inner.outbox.store().share(id).await?.ok_or(ShareError::Gone)?;
        let rid = Rid::read(rid).ok_or(ShareError::Gone)?;
        let old = share.recipients.iter().find(|one| one.rid == *rid.octets() && one.factor != "sender");
        let old = old.ok_or(ShareError::Gone)?;
        let mailbox = Mailbox::parse(&old.facts.address).map_err(|_| ShareError::Letter)?;
        let facts = &old.facts;
        let late = Late { mailbox: &mailbox, line: facts.line.clone(), level: facts.level, kin: facts.family.clone() };
        let old = old.rid;
        self.link_anew(share, late, Some(old), opened, who).await
    }

    /// A link and a code for somebody who had none: all items. The caller has seen that he may have them.
    ///
    /// # Errors
    /// [`ShareError::NeedsLink`] as for [`Shares::renew`]; [`ShareError::Gone`] when he has a link already.
    pub async fn add(
        &self,
        id: &str,
        new: &NewRecipient,
        opened: Option<&Opened>,
        who: &str,
    ) -> Result<Renewed, ShareError> {
        let share = self.inner.outbox.store().share(id).await?.ok_or(ShareError::Gone)?;
        let address = self.inner.address(&new.mailbox);
        if share.recipients.iter().any(|one| one.address == address && one.factor != "sender") {
            return Err(ShareError::Gone);
        }
        let kin = Some(self.kin(id, new.family.expose()));
        let late = Late { mailbox: &new.mailbox, line: new.line.clone(), level: new.level, kin };
        self.link_anew(share, late, None, opened, who).await
    }

    /// Deletes a share at once, the sender's own copy too: its keys first, then its files, which are noise by then. Gives
    /// how many files could not be taken away yet; they are at the next start.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when there is none.
    pub async fn delete(&self, id: &str, who: &str) -> Result<usize, ShareError> {
        let line = self.line(id, "share_deleted", who).await?;
        let files =
            self.inner.outbox.store().delete_share(id, line, None, self.now()).await?.ok_or(ShareError::Gone)?;
        Ok(self.inner.forget(&files).await)
    }

    /// Has its recipients read it on a page alone, or lets them have its files again.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when it is over.
    pub async fn set_view_only(&self, id: &str, on: bool, who: &str) -> Result<(), ShareError> {
        let line = self.line(id, if on { "share_downloads_off" } else { "share_downloads_on" }, who).await?;
        let is_set = self.inner.outbox.store().set_view_only(id, on, line, self.now()).await?;
        is_set.then_some(()).ok_or(ShareError::Gone)
    }

    /// The shares that somebody has not opened for so many school days, and of which the sender was not told so.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn unopened(&self, school_days: usize) -> Result<Vec<Overview>, ShareError> {
        let (now, calendar) = (self.now(), &self.inner.settings.calendar);
        // School days are no shorter than days.
        let before = now.saturating_sub(i64::try_from(school_days).unwrap_or(i64::MAX).saturating_mul(DAY));
        let rows = self.inner.outbox.store().unopened_shares(before, now).await?;
        let waits = |one: &RecipientOverview| {
            one.opened_at.is_none()
                && one.withdrawn_at.is_none()
                && calendar.school_days_after(one.made_at, school_days) <= now
        };
        let shares = rows.into_iter().map(|row| overview(row, now));
        Ok(shares.filter(|share| share.recipients.iter().any(waits)).collect())
    }

    /// The shares that somebody has not opened and within so many days cannot open any more; not those whose sender was told
    /// something within the last two days, or that are younger.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn closing(&self, days: i64) -> Result<Vec<Overview>, ShareError> {
        let now = self.now();
        let until = (now.saturating_add(days.saturating_mul(DAY)), now.saturating_sub(2 * DAY));
        let rows = self.inner.outbox.store().closing_shares(until, now).await?;
        Ok(rows.into_iter().map(|row| overview(row, now)).collect())
    }

    /// Owes the mail that tells the sender of it; false when he was told before.
    ///
    /// # Errors
    /// [`ShareError`]; nothing is owed then.
    pub async fn remind(&self, id: &str, of: Reminder, mail: (vault::Item, NewOwed)) -> Result<bool, ShareError> {
        Ok(self.inner.outbox.store().remind_sender(id, of, mail, self.now()).await?)
    }

    /// The items of a share, opened with the school's escrow key.
    ///
    /// # Errors
    /// [`ShareError::Gone`] when there is no such share, or it is over, or this key opens none of its items.
    pub async fn recovered(&self, id: &str, key: &EscrowKey) -> Result<Vec<(Item, Reading)>, ShareError> {
        let store = self.inner.outbox.store();
        let share = store.share(id).await?.ok_or(ShareError::Gone)?;
        let mut opened = Vec::new();
        for row in &share.items {
            let Some(file) = &row.file else { continue };
            let Some(key) = row.escrow.as_deref().and_then(|escrow| key.unwrap(escrow)) else { continue };
            opened.push((item(row, row.withdrawn_at, true), self.inner.files.read(file, key, 0..row.size).await?));
        }
        if opened.is_empty() {
            return Err(ShareError::Gone);
        }
        let line = self.line(id, "share_recovered", "").await?;
        store.share_recovered(id, line, self.now()).await?;
        Ok(opened)
    }

    async fn link_anew(
        &self,
        share: ShareRow,
        Late { mailbox, line, level, kin }: Late<'_>,
        old: Option<RidOctets>,
        opened: Option<&Opened>,
        who: &str,
    ) -> Result<Renewed, ShareError> {
        let now = self.now();
        if share.over_at.is_some() || share.ends_at <= now {
            return Err(ShareError::Gone);
        }
        let mut items = self.keys_of(&share, opened).await?;
        // Files that were withdrawn from him alone stay so.
        let his = share.recipients.iter().find(|one| Some(one.rid) == old).filter(|one| !one.items.is_empty());
        items.retain(|(item, _)| his.is_none_or(|his| his.items.contains(item)));
        let (family, code) = family_of(&share, kin.as_ref(), old).ok_or(ShareError::System)?;
        let rid = Rid::new().ok_or(ShareError::System)?;
        let secret = LinkSecret::new().ok_or(ShareError::System)?;
        let told = Code(Secret::new(code.grouped()));
        let proving = Proving::Code(code);
        let link = Link {
            mailbox: mailbox.clone(),
            rid: rid.written(),
            secret,
            code: Some(told.clone()),
            factor: proving.told(),
            passkey: self.counts_passkey(&share.school, self.inner.address(mailbox), level).await?,
            family,
            level,
        };
        let (settings, of) = (&self.inner.settings, (line, kin));
        // Not that of the share, which may be over for who has not opened it.
        let open_by = settings.calendar.after(now, settings.lifetimes.unopened).min(share.ends_at);
        let new = self.recipient(&share.school, (&items, share.key), &link, &rid, &proving, &of).await?;
        let new = crate::store::share::NewRecipient { open_by: Some(open_by), ..new };
        let id = share.id.clone();
        let letters = self.letters.as_ref().ok_or(ShareError::Letter)?;
        let letter =
            letters.invitation(&link, &Overview { open_by, ..overview(share, now) }).ok_or(ShareError::Letter)?;
        let (item, owed) = self.owe(Kind::Invitation, letter, now).await?;
        let invitation = Invitation { rid: *rid.octets(), item, owed };
        let mut journal = self.line(&id, if old.is_some() { "share_renewed" } else { "share_added" }, who).await?;
        journal.people.recipients = vec![link.mailbox.folded()];
        if !self.inner.outbox.store().renew_link(&id, Rewrapped { old, new, invitation }, journal, now).await? {
            return Err(ShareError::Gone);
        }
        self.inner.outbox.wake();
        self.inner.codes.notify_one();
        Ok(Renewed { rid: link.rid, code: told })
    }

    /// The keys of all items: through the sender's own link, or by this machine's own key when it has one.
    async fn keys_of(&self, share: &ShareRow, opened: Option<&Opened>) -> Result<Vec<(String, ItemKey)>, ShareError> {
        let there = share.items.iter().filter(|item| item.file.is_some() && item.withdrawn_at.is_none());
        if let Some(opened) = opened.filter(|opened| opened.share == share.id && opened.seen.is_sender) {
            let key = RecipientKey::from_seed(*opened.seed.expose()).ok_or(ShareError::System)?;
            let rid = Rid::read(&opened.rid).ok_or(ShareError::Gone)?;
            let grants = self.inner.outbox.store().grants_of(*rid.octets()).await?;
            let unwrapped = |item: &ItemRow| {
                let (_, grant) = grants.iter().find(|(id, _)| *id == item.id)?;
                Some((item.id.clone(), key.unwrap(grant)?))
            };
            return there.map(unwrapped).collect::<Option<_>>().ok_or(ShareError::Gone);
        }
        let recovery = RecipientKey::recovery_by(self.inner.outbox.keys(), share.key);
        let recovery = recovery.filter(|_| share.keys == KeysMode::Recoverable.word()).ok_or(ShareError::NeedsLink)?;
        let unwrapped = |item: &ItemRow| Some((item.id.clone(), recovery.unwrap(item.recovery.as_deref()?)?));
        there.map(unwrapped).collect::<Option<_>>().ok_or(ShareError::NeedsLink)
    }

    /// A line in the journal about what somebody does with a share.
    pub(super) async fn line(&self, id: &str, event: &'static str, who: &str) -> Result<NewLine, ShareError> {
        let share = self.inner.outbox.store().share(id).await?.ok_or(ShareError::Gone)?;
        let sender = Some(who).filter(|who| !who.is_empty()).map(str::to_owned);
        let people = People { sender, ..People::default() };
        let core = serde_json::json!({ "event": event, "share": share.id }).to_string();
        let (at, school, mail) = (self.now(), share.school, Some(share.mail));
        Ok(NewLine { at, school, sort: Sort::Override, mail, core, trace: None, people })
    }
}

/// Somebody who gets a link afterwards.
struct Late<'a> {
    mailbox: &'a Mailbox,
    line: String,
    level: Level,
    /// Hash of his family.
    kin: Option<String>,
}

/// Which family somebody is of, and its code: that of the others in it, as long as it is known. A code that is known no more
/// cannot be told again; then he has one of his own. None when chance is out of order.
fn family_of(share: &ShareRow, kin: Option<&String>, old: Option<RidOctets>) -> Option<(u32, AccessCode)> {
    let others = share.recipients.iter().filter(|one| Some(one.rid) != old && one.withdrawn_at.is_none());
    let of_kin = others.filter(|one| kin.is_some() && one.facts.family.as_ref() == kin);
    let known = of_kin.filter_map(|one| Some((one.family, AccessCode::read(one.code.as_deref()?)?))).next();
    let next = share.recipients.iter().map(|one| one.family).max().unwrap_or_default().saturating_add(1);
    known.or_else(|| Some((next, AccessCode::new()?)))
}

/// A code that was used, or is of the past, is shown to nobody.
fn overview(row: ShareRow, now: i64) -> Overview {
    let sender = Secret::new(row.facts.sender);
    let items = row.items.iter().map(|one| item(one, one.withdrawn_at, one.withdrawn_at.is_none())).collect();
    let is_sender = |one: &RecipientRow| one.factor == "sender";
    let has_file = row.items.iter().any(|item| item.file.is_some() || item.recovery.is_some() || item.escrow.is_some());
    let has_key = row.recipients.iter().any(|one| !one.items.is_empty());
    let recipient = |one: RecipientRow| RecipientOverview {
        rid: Rid::of(one.rid).written(),
        open_by: one.open_by.unwrap_or(row.open_by),
        locked: one.locked(now),
        made_at: one.made_at,
        factor: super::factor::of(&one.factor, &one.facts),
        level: one.facts.level,
        passkey: one.takes_passkey,
        has_passkeys: one.has_passkey,
        opened_by: one.opened_by.as_deref().and_then(OpenedBy::from_word),
        address: Secret::new(one.facts.address),
        family: one.family,
        code: one.code.map(|code| Code(Secret::new(code))),
        notified_at: one.notified_at,
        failed_at: one.failed_at,
        opened_at: one.opened_at,
        withdrawn_at: one.withdrawn_at,
        items: one.items,
        read: one.read,
    };
    Overview {
        id: row.id,
        school: row.school,
        mail: row.mail,
        reference: row.facts.reference,
        sender,
        sender_name: row.facts.sender_name.map(Secret::new),
        subject: Secret::new(row.facts.subject),
        message_id: row.facts.message_id.map(Secret::new),
        purpose: row.facts.purpose.map(Secret::new),
        ground: row.facts.ground,
        open_subject: row.facts.open_subject,
        made_at: row.made_at,
        open_by: row.open_by,
        ends_at: row.ends_at,
        withdrawn_at: row.withdrawn_at,
        over_at: row.over_at,
        view_only: row.view_only,
        is_destroyed: row.over_at.is_some() && !has_file && !has_key,
        items,
        recipients: row.recipients.into_iter().filter(|one| !is_sender(one)).map(recipient).collect(),
    }
}

/// An item as a page shows it; one that was withdrawn has no name any more.
pub(super) fn item(row: &ItemRow, withdrawn_at: Option<i64>, named: bool) -> Item {
    Item {
        id: row.id.clone(),
        kind: ItemKind::from_word(&row.kind),
        name: Secret::new(if named { row.facts.name.clone() } else { String::new() }),
        media_type: row.facts.media_type.clone(),
        content_id: row.facts.content_id.clone().map(Secret::new),
        size: row.size,
        withdrawn_at,
    }
}
