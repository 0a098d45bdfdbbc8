//! My shared messages: what became of each, and what its sender may still do about it.
//!
//! Of a message this shows its subject, its files by name, its recipients, and what they did; its content opens through
//! the sender's own link alone ([`super::copy`]). What is withdrawn is gone at the recipient's next click. Somebody else's
//! share is not there.

use axum::extract::{Path, State};

use super::pages::{Page, Person, Piece, ShareListPage, SharePage, ShareRow, SharedWith};
use super::share_log::Log;
use super::visit::Visit;
use super::{Answer, Desk, Fault};
use crate::level::Level;
use crate::share::{Factor, ItemKind, OpenedBy, Overview, RecipientOverview, Shares};
use crate::web::said;

/// More than this nobody looks through.
const MOST: usize = 200;
/// A message that nobody has opened by then is worth a call.
pub(super) const SCHOOL_DAYS: usize = 3;
/// Days before the end on which the sender hears that somebody has not opened it.
pub(super) const LAST_DAYS: i64 = 3;
/// What was done just now: nothing else in the address is shown.
const DONE: [&str; 11] = [
    "added",
    "withdrawn",
    "extended",
    "renewed",
    "late",
    "link",
    "destroyed",
    "closed",
    "viewonly",
    "downloads",
    "passkeys",
];
/// Recipients of a message that the list names.
const NAMED: usize = 5;

/// `GET /shares`: my shared messages.
pub(super) async fn list(State(desk): State<Desk>, visit: Visit) -> Answer {
    let session = visit.signed_in()?;
    let shares = desk.shares()?;
    let mine = shares.of_sender(&session.school, &said::folded(&session.address), MOST).await?;
    let page = visit.page(&desk);
    let row = |share: &Overview| {
        let shared_with = |one: &RecipientOverview| SharedWith {
            address: one.address.expose().clone(),
            state: state(&desk, &page, share, one).to_owned(),
            by: in_short(&page, one),
        };
        let more = share.recipients.len().saturating_sub(NAMED);
        ShareRow {
            number: share.id.clone(),
            title: title(&desk, &page, share),
            people: share.recipients.iter().take(NAMED).map(shared_with).collect(),
            more: if more == 0 { String::new() } else { page.with("shares_more", "number", &more.to_string()) },
            until: until(&desk, &page, share),
        }
    };
    let rows = mine.iter().map(row).collect();
    Ok(visit.show(&ShareListPage { rows, page }))
}

/// `GET /shares/ID`: one of them.
pub(super) async fn detail(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Answer {
    let share = mine(&desk, &visit, &id).await?;
    let events = desk.shares()?.events(&id).await?;
    let page = visit.page(&desk);
    let (texts, zone) = (desk.0.gate.texts(), desk.0.gate.time_zone());
    let moment = |at: i64| said::moment(at, &zone, page.language);
    let people = share.recipients.iter().map(|one| person(&desk, &page, &share, one)).collect();
    let log = Log { texts: &texts, language: page.language, zone: &zone };
    let history = events.iter().map(|event| (moment(event.at), log.what(&share, event))).collect();
    let done = visit.query.strip_prefix("done=").filter(|word| DONE.contains(word));
    let done = done.map(|word| page.t(&format!("share_done_{word}")).to_owned());
    let is_open = is_open(&desk, &share);
    let shared = share.items.iter().filter(|item| item.kind == ItemKind::Attachment && item.withdrawn_at.is_none());
    let files = shared.map(|item| (withdraw_path(&id, None, Some(&item.id)), item.name.expose().clone())).collect();
    Ok(visit.show(&SharePage {
        title: title(&desk, &page, &share),
        intro: page.fill("share_intro", &[("day", &moment(share.made_at)), ("reference", &share.reference)]),
        until: until(&desk, &page, &share),
        purpose: share.purpose.as_ref().map(|purpose| page.with("share_purpose", "purpose", purpose.expose())),
        ground: share.ground.as_ref().map(|ground| page.t(&format!("ground_{ground}")).to_owned()),
        destroyed: share
            .over_at
            .filter(|_| share.is_destroyed)
            .map(|at| page.with("share_destroyed", "day", &moment(at))),
        people,
        files: if is_open { files } else { Vec::new() },
        withdraw: is_open.then(|| withdraw_path(&id, None, None)),
        extend: is_open.then(|| format!("/shares/{id}/extend")),
        add: is_open.then(|| format!("/shares/{id}/add")),
        downloads: is_open.then(|| format!("/shares/{id}/downloads")),
        view_only: share.view_only,
        delete: share.over_at.is_none().then(|| format!("/shares/{id}/delete")),
        log: format!("/shares/{id}/log"),
        history,
        done,
        page,
    }))
}

impl Desk {
    /// The shares, where there are any.
    pub(super) fn shares(&self) -> Result<&Shares, Fault> {
        self.0.shares.as_ref().ok_or(Fault::MISSING)
    }
}

/// The share with this id, when it is that of whoever is signed in.
pub(super) async fn mine(desk: &Desk, visit: &Visit, id: &str) -> Result<Overview, Fault> {
    let session = visit.signed_in()?;
    let share = desk.shares()?.share(id).await?.filter(|share| share.school == session.school).ok_or(Fault::MISSING)?;
    let is_mine = said::folded(share.sender.expose()) == said::folded(&session.address);
    is_mine.then_some(share).ok_or(Fault::MISSING)
}

/// Where this much is withdrawn.
pub(super) fn withdraw_path(id: &str, rid: Option<&str>, item: Option<&str>) -> String {
    let named = [("recipient", rid), ("item", item)];
    let asked: Vec<String> = named.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value)?))).collect();
    if asked.is_empty() {
        format!("/shares/{id}/withdraw")
    } else {
        format!("/shares/{id}/withdraw?{}", asked.join("&"))
    }
}

pub(super) fn is_open(desk: &Desk, share: &Overview) -> bool {
    share.withdrawn_at.is_none() && share.over_at.is_none() && share.ends_at > desk.now()
}

fn is_open_to(desk: &Desk, share: &Overview, one: &RecipientOverview) -> bool {
    is_open(desk, share) && one.withdrawn_at.is_none() && (one.opened_at.is_some() || one.open_by > desk.now())
}

/// What became of a share for one recipient.
fn state<'p>(desk: &Desk, page: &'p Page, share: &Overview, one: &RecipientOverview) -> &'p str {
    if share.is_destroyed {
        page.t("share_gone")
    } else if share.withdrawn_at.is_some() || one.withdrawn_at.is_some() {
        page.t("share_withdrawn")
    } else if !is_open_to(desk, share, one) {
        page.t("share_over")
    } else if one.opened_at.is_some() {
        page.t("share_opened")
    } else if one.locked.is_some() {
        page.t("share_locked")
    } else if desk.0.gate.calendar().school_days_after(one.made_at, SCHOOL_DAYS) <= desk.now() {
        page.t("share_unopened")
    } else {
        page.t("share_ready")
    }
}

fn person(desk: &Desk, page: &Page, share: &Overview, one: &RecipientOverview) -> Person {
    let zone = desk.0.gate.time_zone();
    let is_open = is_open_to(desk, share, one);
    let mut lines = Vec::new();
    if let Some(opened) = one.opened_at {
        let day = said::moment(opened, &zone, page.language);
        lines.push(match one.opened_by {
            Some(by) => page.fill("person_opened_by", &[("day", &day), ("by", by_words(page, by))]),
            None => page.with("person_opened", "day", &day),
        });
    } else if is_open {
        lines.push(how(page, one));
    }
    if let Some(Some(until)) = one.locked.filter(|_| is_open) {
        lines.push(page.with("person_locked", "day", &said::moment(until, &zone, page.language)));
    }
    let may_see = |id: &String| one.items.contains(id);
    let pieces = share.items.iter().filter(|item| item.kind == ItemKind::Attachment).map(|item| Piece {
        name: item_name(desk, page, share, &item.id),
        label: page.fill(
            "withdraw_link_named",
            &[("file", &item_name(desk, page, share, &item.id)), ("person", one.address.expose())],
        ),
        state: match (item.withdrawn_at.is_none() && may_see(&item.id), one.read.contains(&item.id)) {
            (false, _) => page.t("piece_withdrawn"),
            (true, true) => page.t("piece_read"),
            (true, false) => page.t("piece_unread"),
        }
        .to_owned(),
        withdraw: (is_open && item.withdrawn_at.is_none() && may_see(&item.id))
            .then(|| withdraw_path(&share.id, Some(&one.rid), Some(&item.id))),
    });
    Person {
        address: one.address.expose().clone(),
        rid: one.rid.clone(),
        state: state(desk, page, share, one).to_owned(),
        code: one.code.as_ref().filter(|_| is_open && one.opened_at.is_none()).map(|code| code.grouped().to_owned()),
        lines,
        pieces: pieces.collect(),
        withdraw: is_open.then(|| withdraw_path(&share.id, Some(&one.rid), None)),
        renew: is_open.then(|| format!("/shares/{}/renew", share.id)),
        passkeys: one.has_passkeys.then(|| format!("/shares/{}/passkeys", share.id)),
    }
}

/// By what somebody will open it.
fn how(page: &Page, one: &RecipientOverview) -> String {
    let how = match &one.factor {
        Factor::Sms { masked, .. } => page.with("opens_sms", "number", masked),
        Factor::Email => page.t("opens_email").to_owned(),
        Factor::Organisation => page.t("opens_organisation").to_owned(),
        Factor::Code if one.level == Level::High => page.t("opens_code_high").to_owned(),
        Factor::Code | Factor::Sender => page.t("opens_code").to_owned(),
    };
    if one.passkey { format!("{} {how}", page.t("opens_passkey")) } else { how }
}

/// By what it was opened, or will be, in a word or two.
fn in_short(page: &Page, one: &RecipientOverview) -> String {
    let by = match (one.opened_by, &one.factor) {
        (Some(by), _) => by,
        (None, _) if one.passkey => OpenedBy::Passkey,
        (None, Factor::Sms { .. }) => OpenedBy::Sms,
        (None, Factor::Email) => OpenedBy::Email,
        (None, Factor::Organisation) => OpenedBy::Organisation,
        (None, Factor::Code | Factor::Sender) => OpenedBy::Code,
    };
    page.with("shares_by", "by", by_words(page, by))
}

/// What something was opened with.
fn by_words(page: &Page, by: OpenedBy) -> &str {
    page.t(&format!("by_{}", by.word()))
}

fn title(desk: &Desk, page: &Page, share: &Overview) -> String {
    let sent = said::moment(share.made_at, &desk.0.gate.time_zone(), page.language);
    let subject = share.subject.expose();
    if subject.trim().is_empty() {
        page.with("mail_title_untold", "sent", &sent)
    } else {
        page.fill("mail_title", &[("subject", subject), ("sent", &sent)])
    }
}

fn until(desk: &Desk, page: &Page, share: &Overview) -> String {
    if !is_open(desk, share) {
        return String::new();
    }
    page.with("share_until", "day", &said::day(share.ends_at, &desk.0.gate.time_zone(), page.language))
}

/// What an item is called.
pub(super) fn item_name(desk: &Desk, page: &Page, share: &Overview, id: &str) -> String {
    let (texts, zone) = (desk.0.gate.texts(), desk.0.gate.time_zone());
    Log { texts: &texts, language: page.language, zone: &zone }.item(share, id)
}
