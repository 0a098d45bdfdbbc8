//! The sender's own link: where he proves that his mailbox is his, and opens his own copy.
//!
//! The link stands in his receipt, which may have been forwarded: it opens nothing without a code to his own mailbox. A GET
//! opens nothing either.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::door::{self, Entrance};
use super::pages::CopyPage;
use super::visit::Visit;
use super::{Answer, Desk, Fault};
use crate::share::{Look, Seen, Unlock};
use crate::web::forms::Fields;
use crate::web::portal;
use crate::web::said;

/// A link: its public half and its secret.
type Link = Path<(String, String)>;

/// `GET /kopie/RID/SECRET`: to the code, or to the copy.
pub(super) async fn show(State(desk): State<Desk>, visit: Visit, Path(link): Link) -> Answer {
    let (seen, entrance) = find(&desk, &link).await?;
    let is_open = entrance.is_open_to(&visit);
    let page = visit.page(&desk).of(&entrance.school);
    let zone = desk.0.gate.time_zone();
    let made = said::moment(seen.made_at, &zone, page.language);
    Ok(visit.show(&CopyPage {
        intro: page.fill("copy_intro", &[("day", &made), ("reference", &seen.reference)]),
        action: if is_open { entrance.path.clone() } else { format!("{}/code", entrance.path) },
        reader: (!is_open).then(|| said::masked(seen.sender_address.expose())),
        share: format!("/shares/{}", seen.share),
        page,
    }))
}

/// `POST /kopie/RID/SECRET`: opens the copy.
pub(super) async fn open(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let (_, entrance) = find(&desk, &link).await?;
    if !entrance.is_open_to(&visit) {
        return Err(Fault::STRANGER);
    }
    let who = said::folded(&visit.signed_in()?.address);
    match desk.shares()?.open_as_sender(&link.0, &link.1, &who).await? {
        Unlock::Open { cookie, opened } => Ok(portal::enter(&opened.share, cookie.expose())),
        _ => Err(Fault::MISSING),
    }
}

/// `GET /kopie/RID/SECRET/code`: where the code is typed.
pub(super) async fn code(State(desk): State<Desk>, visit: Visit, Path(link): Link) -> Answer {
    let (_, entrance) = find(&desk, &link).await?;
    Ok(door::code_page(&desk, &visit, &entrance, None))
}

/// `POST /kopie/RID/SECRET/code`: sends a code to the sender's mailbox.
pub(super) async fn send(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let (_, entrance) = find(&desk, &link).await?;
    match door::send_code(&desk, &visit, &entrance, &fields).await? {
        Some(sent) => Ok(sent),
        None => {
            let error = visit.page(&desk).t("code_too_many").to_owned();
            let mut response = door::code_page(&desk, &visit, &entrance, Some(error));
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            Ok(response)
        }
    }
}

/// `POST /kopie/RID/SECRET/sign-in`: takes a code.
pub(super) async fn sign_in(
    State(desk): State<Desk>,
    headers: HeaderMap,
    visit: Visit,
    Path(link): Link,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&desk, &headers, &fields)?;
    let (_, entrance) = find(&desk, &link).await?;
    door::sign_in(&desk, &visit, &entrance, &fields).await
}

/// The sender's own link; anybody else's leads nowhere here.
async fn find(desk: &Desk, (rid, secret): &(String, String)) -> Result<(Seen, Entrance), Fault> {
    let seen = match desk.shares()?.look(rid, secret).await? {
        Look::Ready(seen) | Look::Locked(seen, _) if seen.is_sender => seen,
        _ => return Err(Fault::MISSING),
    };
    let school = desk.0.gate.school(&seen.school).ok_or(Fault::MISSING)?;
    let path = format!("/kopie/{rid}/{secret}");
    let link = desk.0.store.index("desk copy", &[rid.to_ascii_lowercase().as_bytes()]);
    let entrance =
        Entrance { link, beyond: path.clone(), path, readers: vec![seen.sender_address.expose().clone()], school };
    Ok((seen, entrance))
}
