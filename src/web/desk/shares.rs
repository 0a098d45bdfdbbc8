//! My shared messages: what became of each, and what its sender may still do about it.
//!
//! Of a message this shows its subject, its files by name, its recipients, and what they did; its content opens through
//! the sender's own link alone ([`super::copy`]). What is withdrawn is gone at the recipient's next click. Somebody else's
//! share is not there.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::pages::{ChoicePage, Page, Person, Piece, Row, ShareListPage, SharePage};
use super::visit::Visit;
use super::{Answer, Desk, Fault};
use crate::share::{Event, ItemKind, Overview, RecipientOverview, Scope, ShareError, Shares};
use crate::web::forms::{Fields, field, see};
use crate::web::portal;
use crate::web::said;

/// More than this nobody looks through.
const MOST: usize = 200;
/// A message that nobody has opened by then is worth a call.
const SCHOOL_DAYS: usize = 3;
/// What was done just now: nothing else in the address is shown.
const DONE: [&str; 5] = ["withdrawn", "extended", "renewed", "late", "link"];

/// `GET /shares`: my shared messages.
pub(super) async fn list(State(desk): State<Desk>, visit: Visit) -> Answer {
    let session = visit.signed_in()?;
    let shares = desk.shares()?;
    let mine = shares.of_sender(&session.school, &said::folded(&session.address), MOST).await?;
    let page = visit.page(&desk);
    let row = |share: &Overview| {
        let mut states: Vec<String> =
            share.recipients.iter().map(|one| state(&desk, &page, share, one).to_owned()).collect();
        states.sort_unstable();
        states.dedup();
        let recipients: Vec<String> = share.recipients.iter().map(|one| one.address.expose().clone()).collect();
        Row {
            number: share.id.clone(),
            title: title(&desk, &page, share),
            recipients: said::list(&recipients, page.language),
            states,
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
    let zone = desk.0.gate.time_zone();
    let moment = |at: i64| said::moment(at, &zone, page.language);
    let people = share.recipients.iter().map(|one| person(&desk, &page, &share, one)).collect();
    let history = events.iter().map(|event| (moment(event.at), what(&page, &share, event))).collect();
    let done = visit.query.strip_prefix("done=").filter(|word| DONE.contains(word));
    let done = done.map(|word| page.t(&format!("share_done_{word}")).to_owned());
    let is_open = is_open(&desk, &share);
    let shared = share.items.iter().filter(|item| item.kind == ItemKind::Attachment && item.withdrawn_at.is_none());
    let files = shared.map(|item| (withdraw_path(&id, None, Some(&item.id)), item.name.expose().clone())).collect();
    Ok(visit.show(&SharePage {
        title: title(&desk, &page, &share),
        intro: page.fill("share_intro", &[("day", &moment(share.made_at)), ("reference", &share.reference)]),
        until: until(&desk, &page, &share),
        people,
        files: if is_open { files } else { Vec::new() },
        withdraw: is_open.then(|| withdraw_path(&id, None, None)),
        extend: is_open.then(|| format!("/shares/{id}/extend")),
        history,
        done,
        page,
    }))
}

/// `GET /shares/ID/withdraw`: what will be withdrawn, from whom.
pub(super) async fn withdraw(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Answer {
    let share = mine(&desk, &visit, &id).await?;
    let page = visit.page(&desk);
    let scope = scope(&share, &visit.query).ok_or(Fault::MISSING)?;
    let name = |rid: &str| address(&share, rid);
    let intro = match &scope {
        Scope::All => page.t("withdraw_all").to_owned(),
        Scope::Recipient(rid) => page.with("withdraw_person", "person", &name(rid)),
        Scope::Item(item) => page.with("withdraw_file", "file", &file(&page, &share, item)),
        Scope::Grant(rid, item) => {
            page.fill("withdraw_grant", &[("person", &name(rid)), ("file", &file(&page, &share, item))])
        }
    };
    let action = match &scope {
        Scope::All => withdraw_path(&id, None, None),
        Scope::Recipient(rid) => withdraw_path(&id, Some(rid), None),
        Scope::Item(item) => withdraw_path(&id, None, Some(item)),
        Scope::Grant(rid, item) => withdraw_path(&id, Some(rid), Some(item)),
    };
    Ok(visit.show(&ChoicePage {
        title: page.t("withdraw_title").to_owned(),
        intro: vec![intro, page.t("withdraw_seen").to_owned()],
        action,
        button: page.t("withdraw_button").to_owned(),
        grave: true,
        mail: format!("/shares/{id}"),
        ..ChoicePage::bare(page)
    }))
}

/// `POST /shares/ID/withdraw`.
pub(super) async fn withdraw_now(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let share = mine(&desk, &visit, &id).await?;
    let scope = scope(&share, &visit.query).ok_or(Fault::MISSING)?;
    desk.shares()?.withdraw(&id, &scope, &visit.signed_in()?.address).await?;
    Ok(back(&id, "withdrawn"))
}

/// `POST /shares/ID/extend`: as long again as a share lives, from now.
pub(super) async fn extend(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    mine(&desk, &visit, &id).await?;
    let shares = desk.shares()?;
    let lives = i64::try_from(shares.settings().lifetimes.share.as_millis()).unwrap_or(i64::MAX);
    match shares.extend(&id, desk.now().saturating_add(lives), &visit.signed_in()?.address).await {
        Ok(_) => Ok(back(&id, "extended")),
        Err(ShareError::Gone) => Ok(back(&id, "late")),
        Err(error) => Err(error.into()),
    }
}

/// `POST /shares/ID/renew`: a new link and a new code for a recipient. The sender's own link, open on this device, is what
/// makes it possible when nobody else's key can.
pub(super) async fn renew(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let share = mine(&desk, &visit, &id).await?;
    let shares = desk.shares()?;
    let rid = field(&fields, "recipient").filter(|rid| share.recipients.iter().any(|one| one.rid == *rid));
    let opened = match portal::device(&headers, &id) {
        Some(cookie) => shares.session(&cookie).await?.filter(|opened| opened.share == id && opened.seen.is_sender),
        None => None,
    };
    match shares.renew(&id, rid.ok_or(Fault::MISSING)?, opened.as_ref(), &visit.signed_in()?.address).await {
        Ok(_) => {
            (desk.0.wake)();
            Ok(back(&id, "renewed"))
        }
        Err(ShareError::NeedsLink) => Ok(back(&id, "link")),
        Err(ShareError::Gone) => Ok(back(&id, "late")),
        Err(error) => Err(error.into()),
    }
}

impl Desk {
    /// The shares, where there are any.
    pub(super) fn shares(&self) -> Result<&Shares, Fault> {
        self.0.shares.as_ref().ok_or(Fault::MISSING)
    }
}

/// The share with this id, when it is that of whoever is signed in.
async fn mine(desk: &Desk, visit: &Visit, id: &str) -> Result<Overview, Fault> {
    let session = visit.signed_in()?;
    let share = desk.shares()?.share(id).await?.filter(|share| share.school == session.school).ok_or(Fault::MISSING)?;
    let is_mine = said::folded(share.sender.expose()) == said::folded(&session.address);
    is_mine.then_some(share).ok_or(Fault::MISSING)
}

fn back(id: &str, done: &str) -> Response {
    see(&format!("/shares/{id}?done={done}"))
}

fn withdraw_path(id: &str, rid: Option<&str>, item: Option<&str>) -> String {
    let named = [("recipient", rid), ("item", item)];
    let asked: Vec<String> = named.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value)?))).collect();
    if asked.is_empty() {
        format!("/shares/{id}/withdraw")
    } else {
        format!("/shares/{id}/withdraw?{}", asked.join("&"))
    }
}

/// How much is meant: everything when nothing is named. None for what is not in this share.
fn scope(share: &Overview, query: &str) -> Option<Scope> {
    let asked = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let (rid, item) = (asked("recipient"), asked("item"));
    let known = rid.is_none_or(|rid| share.recipients.iter().any(|one| one.rid == rid))
        && item.is_none_or(|item| share.items.iter().any(|one| one.id == item));
    known.then(|| match (rid, item) {
        (None, None) => Scope::All,
        (Some(rid), None) => Scope::Recipient(rid.to_owned()),
        (None, Some(item)) => Scope::Item(item.to_owned()),
        (Some(rid), Some(item)) => Scope::Grant(rid.to_owned(), item.to_owned()),
    })
}

fn is_open(desk: &Desk, share: &Overview) -> bool {
    share.withdrawn_at.is_none() && share.ends_at > desk.now()
}

fn is_open_to(desk: &Desk, share: &Overview, one: &RecipientOverview) -> bool {
    is_open(desk, share) && one.withdrawn_at.is_none() && (one.opened_at.is_some() || share.open_by > desk.now())
}

/// What became of a share for one recipient.
fn state<'p>(desk: &Desk, page: &'p Page, share: &Overview, one: &RecipientOverview) -> &'p str {
    let zone = desk.0.gate.time_zone();
    if share.withdrawn_at.is_some() || one.withdrawn_at.is_some() {
        page.t("share_withdrawn")
    } else if !is_open_to(desk, share, one) {
        page.t("share_over")
    } else if one.opened_at.is_some() {
        page.t("share_opened")
    } else if one.locked.is_some() {
        page.t("share_locked")
    } else if said::working_days_after(share.made_at, SCHOOL_DAYS, &zone) <= desk.now() {
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
        lines.push(page.with("person_opened", "day", &said::moment(opened, &zone, page.language)));
    }
    if let Some(Some(until)) = one.locked.filter(|_| is_open) {
        lines.push(page.with("person_locked", "day", &said::moment(until, &zone, page.language)));
    }
    let may_see = |id: &String| one.items.contains(id);
    let pieces = share.items.iter().filter(|item| item.kind == ItemKind::Attachment).map(|item| Piece {
        name: file(page, share, &item.id),
        label: page
            .fill("withdraw_link_named", &[("file", &file(page, share, &item.id)), ("person", one.address.expose())]),
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
    }
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

fn address(share: &Overview, rid: &str) -> String {
    let one = share.recipients.iter().find(|one| one.rid == rid);
    one.map(|one| one.address.expose().clone()).unwrap_or_default()
}

fn file(page: &Page, share: &Overview, id: &str) -> String {
    let item = share.items.iter().find(|item| item.id == id);
    let name = item.map(|item| item.name.expose().clone()).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    match item.map(|item| item.kind) {
        Some(ItemKind::Attachment) if !name.trim().is_empty() => name,
        Some(ItemKind::Attachment) | None => page.t("piece_unnamed").to_owned(),
        Some(ItemKind::Original) => page.t("piece_original").to_owned(),
        Some(_) => page.t("piece_text").to_owned(),
    }
}

/// What happened, for the sender: who, and which file.
fn what(page: &Page, share: &Overview, event: &Event) -> String {
    const KNOWN: [&str; 19] = [
        "created",
        "notified",
        "unlocked",
        "code_failed",
        "code_locked",
        "code_wanted",
        "item_viewed",
        "item_downloaded",
        "zip_downloaded",
        "reply_received",
        "extended",
        "renewed",
        "item_revoked",
        "recipient_revoked",
        "share_revoked",
        "expired",
        "purged",
        "recovered",
        "deleted",
    ];
    let word = if KNOWN.contains(&event.kind.as_str()) { event.kind.as_str() } else { "other" };
    let who = event.rid.as_deref().map(|rid| address(share, rid)).unwrap_or_default();
    let who = if who.is_empty() { page.t("event_you").to_owned() } else { who };
    let file = event.item.as_deref().map(|item| file(page, share, item)).unwrap_or_default();
    page.fill(&format!("event_{word}"), &[("who", &who), ("file", &file)])
}
