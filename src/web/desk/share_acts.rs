//! What a sender does about a share: withdraw, delete, extend, files off and on, a new link, passkeys away, a call for who
//! waits.
//!
//! Withdrawn is gone for its recipients, and the sender's own copy stays until he says otherwise; deleted is gone for
//! everybody, keys first. Each act is a POST with a token; what cannot be undone is asked first.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::letters;
use super::pages::{ChoicePage, Tick};
use super::share_log::address;
use super::shares::{LAST_DAYS, SCHOOL_DAYS, item_name, mine, withdraw_path};
use super::visit::Visit;
use super::{Answer, Desk, Fault};
use crate::share::{Overview, Reminder, Scope, ShareError, Shares};
use crate::web::forms::{Fields, field, see};
use crate::web::portal;
use crate::web::said;

/// The field that says that the sender's own copy goes too.
const OWN: &str = "own";

/// `GET /shares/ID/withdraw`: what will be withdrawn, from whom.
pub(super) async fn withdraw(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Answer {
    let share = mine(&desk, &visit, &id).await?;
    let page = visit.page(&desk);
    let scope = scope(&share, &visit.query).ok_or(Fault::MISSING)?;
    let (name, file) = (|rid: &str| address(&share, rid), |item: &str| item_name(&desk, &page, &share, item));
    let intro = match &scope {
        Scope::All => page.t("withdraw_all").to_owned(),
        Scope::Recipient(rid) => page.with("withdraw_person", "person", &name(rid)),
        Scope::Item(item) => page.with("withdraw_file", "file", &file(item)),
        Scope::Grant(rid, item) => page.fill("withdraw_grant", &[("person", &name(rid)), ("file", &file(item))]),
    };
    let own = Tick { name: OWN, label: page.t("withdraw_own").to_owned(), on: false };
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
        also: if scope == Scope::All { vec![own] } else { Vec::new() },
        button: page.t("withdraw_button").to_owned(),
        grave: true,
        mail: format!("/shares/{id}"),
        ..ChoicePage::bare(page)
    }))
}

/// `POST /shares/ID/withdraw`. The sender's own copy goes only when he ticks that.
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
    let who = &visit.signed_in()?.address;
    desk.shares()?.withdraw(&id, &scope, who).await?;
    if scope == Scope::All && field(&fields, OWN).is_some() {
        return destroy(&desk, &id, who).await;
    }
    Ok(back(&id, "withdrawn"))
}

/// `GET /shares/ID/delete`: what deleting does.
pub(super) async fn delete(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Answer {
    let share = mine(&desk, &visit, &id).await?;
    if share.over_at.is_some() {
        return Ok(back(&id, "late"));
    }
    let page = visit.page(&desk);
    let files = share.items.len().to_string();
    Ok(visit.show(&ChoicePage {
        title: page.t("share_delete_title").to_owned(),
        intro: vec![
            page.with("share_delete_intro", "number", &files),
            page.t("share_delete_log").to_owned(),
            page.t("withdraw_seen").to_owned(),
        ],
        action: format!("/shares/{id}/delete"),
        button: page.t("share_delete_button").to_owned(),
        grave: true,
        mail: format!("/shares/{id}"),
        ..ChoicePage::bare(page)
    }))
}

/// `POST /shares/ID/delete`: at once, the sender's own copy too.
pub(super) async fn delete_now(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    mine(&desk, &visit, &id).await?;
    destroy(&desk, &id, &visit.signed_in()?.address).await
}

/// `POST /shares/ID/downloads`: its files may be had (`on`), or read on a page alone.
pub(super) async fn downloads(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    mine(&desk, &visit, &id).await?;
    let view_only = match field(&fields, "downloads") {
        Some("off") => true,
        Some("on") => false,
        _ => return Err(Fault::MISSING),
    };
    match desk.shares()?.set_view_only(&id, view_only, &visit.signed_in()?.address).await {
        Ok(()) => Ok(back(&id, if view_only { "viewonly" } else { "downloads" })),
        Err(ShareError::Gone) => Ok(back(&id, "late")),
        Err(error) => Err(error.into()),
    }
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
    match desk.shares()?.extend(&id, i64::MAX, &visit.signed_in()?.address).await {
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

/// `POST /shares/ID/passkeys`: takes the passkeys of a recipient away.
pub(super) async fn passkeys(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    mine(&desk, &visit, &id).await?;
    let rid = field(&fields, "recipient").ok_or(Fault::MISSING)?;
    match desk.shares()?.remove_passkeys(&id, rid, &visit.signed_in()?.address).await {
        Ok(_) => Ok(back(&id, "passkeys")),
        Err(ShareError::Gone) => Err(Fault::MISSING),
        Err(error) => Err(error.into()),
    }
}

/// Tells each sender, once, that somebody has not opened his share for three school days; and once that somebody soon
/// cannot any more. The recipient hears nothing: a mail about a mail is what deceivers write.
pub(super) async fn remind(desk: &Desk) -> Result<(), Fault> {
    let Some(shares) = &desk.0.shares else { return Ok(()) };
    for share in shares.unopened(SCHOOL_DAYS).await? {
        tell(desk, shares, &share, (Reminder::Unopened, "unopened")).await?;
    }
    for share in shares.closing(LAST_DAYS).await? {
        tell(desk, shares, &share, (Reminder::Closing, "closing")).await?;
    }
    Ok(())
}

async fn tell(desk: &Desk, shares: &Shares, share: &Overview, (of, word): (Reminder, &str)) -> Result<(), Fault> {
    let Some(school) = desk.0.gate.school(&share.school) else { return Ok(()) };
    let (language, zone) = (desk.0.gate.language(), desk.0.gate.time_zone());
    let unopened = share.recipients.iter().filter(|one| one.opened_at.is_none() && one.withdrawn_at.is_none());
    let values = [
        ("reference", share.reference.as_str()),
        ("sent", &said::moment(share.made_at, &zone, language)),
        ("number", &unopened.count().to_string()),
        ("all", &share.recipients.len().to_string()),
        ("open_by", &said::day(share.open_by, &zone, language)),
        ("link", &desk.0.url.page(&format!("/shares/{}", share.id))),
    ];
    let letter = letters::letter(desk, language, word, &values);
    let mail = letters::owe(desk, &school, letter, std::slice::from_ref(share.sender.expose())).await?;
    if shares.remind(&share.id, of, mail).await? {
        (desk.0.wake)();
    }
    Ok(())
}

/// Deletes a share, and says what came of it.
async fn destroy(desk: &Desk, id: &str, who: &str) -> Answer {
    let stay = desk.shares()?.delete(id, who).await?;
    Ok(back(id, if stay == 0 { "destroyed" } else { "closed" }))
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

fn back(id: &str, done: &str) -> Response {
    see(&format!("/shares/{id}?done={done}"))
}
