//! Somebody who is to have a shared message too: the sender types an address, and the gate judges it as it would have when the
//! mail came.
//!
//! What the mail held is read through the sender's own link, open on this device: nobody else can. Whoever may not have it
//! does not get it, and the sender reads the reason that a notice would have given; a colleague gets mail. Who has a link
//! already gets a new one on the page of the message, not here.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use futures_util::TryStreamExt;

use super::gate::{Late, LateMail};
use super::mails::in_language;
use super::pages::{Page, ShareLatePage};
use super::shares::{is_open, mine};
use super::visit::Visit;
use super::{Answer, Desk, Fault};
use crate::message::Mailbox;
use crate::share::{How, ItemKind, Opened, Overview, ReplyFile, ShareError, Shares};
use crate::web::forms::{Fields, field, see};
use crate::web::portal;
use crate::web::said;

/// `GET /shares/ID/add`.
pub(super) async fn form(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Answer {
    let share = mine(&desk, &visit, &id).await?;
    if !is_open(&desk, &share) {
        return Ok(see(&format!("/shares/{id}?done=late")));
    }
    Ok(visit.show(&page(visit.page(&desk), &id, "", Vec::new())))
}

/// `POST /shares/ID/add`: one invitation, to that address alone, with a code.
pub(super) async fn add(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let share = mine(&desk, &visit, &id).await?;
    let who = visit.signed_in()?.address.clone();
    let shares = desk.shares()?;
    let back = |done: &str| Ok(see(&format!("/shares/{id}?done={done}")));
    if !is_open(&desk, &share) {
        return back("late");
    }
    let typed = field(&fields, "to").unwrap_or_default().trim().to_owned();
    let again = |errors: Vec<String>| {
        let mut response = visit.show(&page(visit.page(&desk), &id, &typed, errors));
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    };
    let says = |key: &str| vec![visit.page(&desk).t(key).to_owned()];
    let Ok(to) = Mailbox::parse(&typed) else { return again(says("late_wrong")) };
    if share.recipients.iter().any(|one| said::folded(one.address.expose()) == to.folded()) {
        return again(says("late_there"));
    }
    let opened = match portal::device(&headers, &id) {
        Some(cookie) => shares.session(&cookie).await?.filter(|opened| opened.share == id && opened.seen.is_sender),
        None => None,
    };
    let Some(opened) = opened else { return back("link") };
    let held = held(shares, &opened).await?;
    match judged(&desk, &share, &to, held).await {
        None => again(says("late_unsure")),
        Some(Late::Inside) => again(says("late_inside")),
        Some(Late::MayNot(why)) => {
            let page = visit.page(&desk);
            let why = in_language(&page, why);
            again(std::iter::once(page.with("late_may_not", "address", to.typed())).chain(why).collect())
        }
        Some(Late::May(new)) => match shares.add(&id, &new, Some(&opened), &who).await {
            Ok(_) => {
                (desk.0.wake)();
                back("added")
            }
            Err(ShareError::NeedsLink) => back("link"),
            Err(ShareError::Gone) => back("late"),
            Err(error) => Err(error.into()),
        },
    }
}

/// What the share holds, through the sender's own link.
async fn held(shares: &Shares, opened: &Opened) -> Result<LateMail, Fault> {
    let (mut whole, mut files) = (None, Vec::new());
    for item in shares.items(opened).await? {
        if item.kind != ItemKind::Original && item.kind != ItemKind::Attachment {
            continue;
        }
        let body = shares.read(opened, &item.id, None, How::Viewed).await?;
        let content = body.stream.try_concat().await.map_err(|_| Fault::TROUBLE)?;
        if item.kind == ItemKind::Original {
            whole = Some(content);
            break;
        }
        files.push(ReplyFile { name: body.item.name, media_type: body.item.media_type, content });
    }
    Ok(whole.map_or(LateMail::Files(files), LateMail::Whole))
}

/// Looks, apart from the pages of others.
async fn judged(desk: &Desk, share: &Overview, to: &Mailbox, held: LateMail) -> Option<Late> {
    let _place = desk.0.looks.acquire().await.ok()?;
    let (gate, share, to) = (Arc::clone(&desk.0.gate), share.clone(), to.clone());
    tokio::task::spawn_blocking(move || gate.late(&share, &to, held)).await.ok().flatten()
}

fn page(page: Page, id: &str, typed: &str, errors: Vec<String>) -> ShareLatePage {
    ShareLatePage {
        action: format!("/shares/{id}/add"),
        back: format!("/shares/{id}"),
        typed: typed.to_owned(),
        errors,
        page,
    }
}
