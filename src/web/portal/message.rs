//! A message: its text, its files, all of them as a zip.
//!
//! Every item that is read is asked for anew, so that what was withdrawn is gone at the next click. What strangers wrote is
//! escaped, made harmless ([`mail_page`]) or given as a file that browsers do not open in place.

use std::io;
use std::ops::Range;

use axum::Form;
use axum::body::{Body as Content, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::IntoResponse;
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::mail_page::{self, Picture};
use super::names::{Distinct, disposition, safe};
use super::pages::{Fact, File, FilePage, MessagePage, Page};
use super::visit::Visit;
use super::zip::{Asked, Entry, Octets, zip};
use super::{Answer, Fault, Portal};
use crate::school::Language;
use crate::share::{How, Item, ItemKind, Opened, ShareError, Shares};
use crate::web::desk;
use crate::web::forms::{Fields, see};

/// Plain text that is longer is a file to be had.
const LONGEST_TEXT: u64 = 1024 * 1024;
/// A picture that is larger is a file to be had.
const LARGEST_PICTURE: u64 = 24 * 1024 * 1024;
/// What a browser may be told of a file's type without opening it in place.
const TYPES: [&str; 12] = [
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/zip",
    "image/jpeg",
    "image/png",
    "message/rfc822",
];

/// `GET /s/SHARE`: the message.
pub(super) async fn show(State(portal): State<Portal>, visit: Visit, Path(share): Path<String>) -> Answer {
    let opened = visit.opened(&portal, &share).await?;
    let items = items(&portal, &opened).await?;
    let page = page(&portal, &visit, &opened);
    let zone = portal.0.around.time_zone();
    let of = |kind: ItemKind| items.iter().find(|item| item.kind == kind && item.withdrawn_at.is_none());
    let (html, plain) = (of(ItemKind::Html), of(ItemKind::Text));
    let framed = html.filter(|html| html.size <= mail_page::LARGEST);
    let text = match plain.filter(|_| framed.is_none()) {
        Some(plain) if plain.size <= LONGEST_TEXT => Some(words(read(&portal, &opened, plain, How::Viewed).await?)),
        _ => None,
    };
    let height = height(plain.map_or_else(|| framed.map_or(0, |html| html.size / 4), |plain| plain.size));
    let at = |rest: &str| format!("/s/{share}/{rest}");
    let sender = opened.seen.sender.expose().clone();
    let facts = vec![
        Fact::new(page.t("fact_from"), &sender).with(opened.seen.sender_address.expose()),
        Fact::new(page.t("fact_to"), opened.address.expose()),
        Fact::new(page.t("fact_sent"), &page.moment(opened.seen.made_at, &zone)),
    ];
    let whole = items.iter().filter(|item| item.withdrawn_at.is_none());
    // The whole mail goes with a file of it: one line for both.
    let is_listed = |item: &&Item| match item.kind {
        ItemKind::Attachment => true,
        ItemKind::Original => false,
        ItemKind::Html | ItemKind::Text => item.withdrawn_at.is_some(),
    };
    let mut listed: Vec<&Item> = items.iter().filter(is_listed).collect();
    // What the text itself may show, such as a logo, comes last.
    listed.sort_by_key(|item| item.content_id.is_some());
    let takes = !opened.seen.view_only;
    let files: Vec<File> = listed.into_iter().map(|item| file(&page, &share, (item, takes), &zone)).collect();
    let done = (visit.query == "done=sent").then(|| page.with("answer_sent", "sender", &sender));
    Ok(visit.show(&MessagePage {
        subject: subject(&page, &opened),
        until: page.with("read_until", "day", &page.day(opened.seen.ends_at, &zone)),
        frame: framed.map(|_| (at("brief"), height)),
        plain: plain.filter(|_| framed.is_some()).map(|_| at("tekst")),
        text,
        mailed: items.iter().all(|item| item.kind == ItemKind::Attachment),
        zip: (takes && whole.clone().any(|item| item.kind == ItemKind::Attachment)).then(|| at("alles.zip")),
        original: of(ItemKind::Original).filter(|_| takes).map(|item| at(&format!("bestand/{}", item.id))),
        view_only: !takes,
        answer: (!opened.seen.is_sender).then(|| at("antwoord")),
        passkeys: portal.0.shares.takes_passkeys(&opened).then(|| at("passkey")),
        close: at("uit"),
        remembered: visit.is_remembered(),
        facts,
        files,
        done,
        page,
    }))
}

/// `GET /s/SHARE/tekst`: its text without looks.
pub(super) async fn text(State(portal): State<Portal>, visit: Visit, Path(share): Path<String>) -> Answer {
    let opened = visit.opened(&portal, &share).await?;
    let items = items(&portal, &opened).await?;
    let item = items.iter().find(|item| item.kind == ItemKind::Text).ok_or(Fault::MISSING)?;
    let text = words(read(&portal, &opened, item, How::Viewed).await?);
    let page = page(&portal, &visit, &opened);
    let (title, back) = (subject(&page, &opened), format!("/s/{share}"));
    Ok(visit.show(&FilePage { title, picture: None, text: Some(text), download: None, back, page }))
}

/// `GET /s/SHARE/brief`: its text as a page of its own, for a frame.
pub(super) async fn body(State(portal): State<Portal>, visit: Visit, Path(share): Path<String>) -> Answer {
    let opened = visit.opened(&portal, &share).await?;
    let items = items(&portal, &opened).await?;
    let item = items.iter().find(|item| item.kind == ItemKind::Html).ok_or(Fault::MISSING)?;
    let html = words(read(&portal, &opened, item, How::Viewed).await?);
    let page = page(&portal, &visit, &opened);
    let pictures = pictures(&portal, &opened, &items, &html, How::Viewed).await?;
    let whole = framed(&page, html, pictures).await?;
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], whole).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(&mail_page::policy())?);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    Ok(response)
}

/// `GET /s/SHARE/bestand/ITEM`: a file, to be kept.
pub(super) async fn download(
    State(portal): State<Portal>,
    visit: Visit,
    headers: HeaderMap,
    Path((share, id)): Path<(String, String)>,
) -> Answer {
    let opened = visit.taking(&portal, &share).await?;
    let items = items(&portal, &opened).await?;
    let item = items.iter().find(|item| item.id == id).ok_or(Fault::MISSING)?;
    let asked =
        headers.get(header::RANGE).and_then(|range| range.to_str().ok()).and_then(|range| ranged(range, item.size));
    let body = portal.0.shares.read(&opened, &id, asked.clone(), How::Downloaded).await?;
    let page = page(&portal, &visit, &opened);
    let name = disposition(&name(&page, item));
    let kind = item.media_type.to_ascii_lowercase();
    let kind = TYPES.into_iter().find(|known| *known == kind).unwrap_or("application/octet-stream");
    let length = body.range.end.saturating_sub(body.range.start);
    let mut response = streamed(body.stream, kind, &name, Some(length))?;
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if asked.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {}-{}/{}", body.range.start, body.range.end.saturating_sub(1), item.size);
        response.headers_mut().insert(header::CONTENT_RANGE, value(&range)?);
    }
    Ok(response)
}

/// `GET /s/SHARE/bekijk/ITEM`: a picture or a text, on a page of ours.
pub(super) async fn view(
    State(portal): State<Portal>,
    visit: Visit,
    Path((share, id)): Path<(String, String)>,
) -> Answer {
    let opened = visit.opened(&portal, &share).await?;
    let items = items(&portal, &opened).await?;
    let item = items.iter().find(|item| item.id == id).ok_or(Fault::MISSING)?;
    let page = page(&portal, &visit, &opened);
    let picture = (viewable(item) == Some(Viewable::Picture)).then(|| format!("/s/{share}/beeld/{id}"));
    let text = match viewable(item).ok_or(Fault::MISSING)? {
        Viewable::Text => Some(words(read(&portal, &opened, item, How::Viewed).await?)),
        Viewable::Picture => None,
    };
    let (title, back) = (name(&page, item), format!("/s/{share}"));
    let download = (!opened.seen.view_only).then(|| format!("/s/{share}/bestand/{id}"));
    Ok(visit.show(&FilePage { title, picture, text, download, back, page }))
}

/// `GET /s/SHARE/beeld/ITEM`: a picture, for a page of ours. What is no picture by its first octets is not shown.
pub(super) async fn picture(
    State(portal): State<Portal>,
    visit: Visit,
    Path((share, id)): Path<(String, String)>,
) -> Answer {
    let opened = visit.opened(&portal, &share).await?;
    let items = items(&portal, &opened).await?;
    let item = items.iter().find(|item| item.id == id && viewable(item) == Some(Viewable::Picture));
    let mut body = portal.0.shares.read(&opened, &item.ok_or(Fault::MISSING)?.id, None, How::Viewed).await?;
    // Its first piece tells what it is; the others come when the browser takes them, however many do so at once.
    let first = body.stream.next().await.ok_or(Fault::MISSING)?.map_err(trouble)?;
    let kind = mail_page::picture_type(&first).ok_or(Fault::MISSING)?;
    let whole = futures_util::stream::once(async { Ok(first) }).chain(body.stream);
    let content = Content::from_stream(whole.map_ok(Bytes::from));
    let mut response = ([(header::CONTENT_TYPE, kind)], content).into_response();
    // Should a browser show it as anything else all the same.
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy("sandbox; default-src 'none'")?);
    Ok(response)
}

/// `GET /s/SHARE/alles.zip`: the message and all its files; in the sender's own copy with what happened to them.
pub(super) async fn all(State(portal): State<Portal>, visit: Visit, Path(share): Path<String>) -> Answer {
    let opened = visit.taking(&portal, &share).await?;
    let items = items(&portal, &opened).await?;
    let page = page(&portal, &visit, &opened);
    let mut names = Distinct::new();
    let mut entries = Vec::new();
    for item in items.iter().filter(|item| item.withdrawn_at.is_none()) {
        let name = names.name(&name(&page, item));
        if item.kind == ItemKind::Html {
            if item.size <= mail_page::LARGEST {
                let html = words(read(&portal, &opened, item, How::Zipped).await?);
                let pictures = pictures(&portal, &opened, &items, &html, How::Zipped).await?;
                entries.push(Entry::ready(name, framed(&page, html, pictures).await?.into_bytes()));
            }
            continue;
        }
        let content = later(portal.0.shares.clone(), opened.clone(), item.id.clone());
        entries.push(Entry { name, size: item.size, content });
    }
    entries.extend(log(&portal, &page, &opened).await?);
    let date = date(opened.seen.made_at, &portal.0.around.time_zone());
    let name = format!("{}-{}.zip", page.t("zip_name"), opened.seen.reference);
    streamed(Box::pin(zip(entries, date)), "application/zip", &disposition(&safe(&name, "zip")), None)
}

/// What happened, for the sender: in his own language, as far as the desk has it.
async fn log(portal: &Portal, page: &Page, opened: &Opened) -> Result<Option<Entry>, Fault> {
    if !opened.seen.is_sender {
        return Ok(None);
    }
    let Some(share) = portal.0.shares.share(&opened.share).await? else { return Ok(None) };
    let events = portal.0.shares.events(&opened.share).await?;
    let (texts, zone) = (portal.0.around.sender_texts(), portal.0.around.time_zone());
    let language = Language::ALL.into_iter().find(|language| language.word() == page.tag).unwrap_or_default();
    let log = desk::Log { texts: &texts, language, zone: &zone };
    Ok(Some(Entry::ready(log.file_name(&share), log.text(&share, &events).into_bytes())))
}

/// `POST /s/SHARE/uit`: signs out.
pub(super) async fn close(
    State(portal): State<Portal>,
    visit: Visit,
    Path(share): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    visit.check(&portal, &fields)?;
    let mut response = see("/uit");
    visit.close(&portal, &share, &mut response).await?;
    Ok(response)
}

/// The page of the school whose message it is.
pub(super) fn page(portal: &Portal, visit: &Visit, opened: &Opened) -> Page {
    let page = visit.page(portal);
    match portal.school(&opened.seen.school) {
        Some(school) => page.of(portal, &school),
        None => page,
    }
}

/// What may be seen of a share. One that was withdrawn meanwhile is closed.
async fn items(portal: &Portal, opened: &Opened) -> Result<Vec<Item>, Fault> {
    match portal.0.shares.items(opened).await {
        Err(ShareError::Gone) => Err(Fault::CLOSED),
        items => Ok(items?),
    }
}

/// An item, whole; for those whose size was looked at.
async fn read(portal: &Portal, opened: &Opened, item: &Item, how: How) -> Result<Vec<u8>, Fault> {
    let mut body = portal.0.shares.read(opened, &item.id, None, how).await?;
    let mut octets = Vec::new();
    while let Some(piece) = body.stream.next().await {
        octets.extend(piece.map_err(trouble)?);
    }
    Ok(octets)
}

fn trouble(error: io::Error) -> Fault {
    tracing::error!(kind = ?error.kind(), "an item of a share cannot be read");
    Fault::TROUBLE
}

fn words(octets: Vec<u8>) -> String {
    String::from_utf8(octets).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The HTML of a mail as a whole page. Beside the pages of others: it takes a while.
async fn framed(page: &Page, html: String, pictures: Vec<Picture>) -> Result<String, Fault> {
    let showing = tokio::task::spawn_blocking(move || mail_page::shown(&html, &pictures));
    let shown = showing.await.map_err(|_| Fault::TROUBLE)?;
    let (body, left_out) = match &shown {
        Some(shown) => (shown.html.as_str(), shown.left_out),
        None => ("", 0),
    };
    let note = match (left_out, shown.is_none()) {
        (_, true) => page.t("body_too_large").to_owned(),
        (0, _) => String::new(),
        (number, _) => page.with("body_left_out", "number", &number.to_string()),
    };
    Ok(mail_page::whole(&page.tag, page.t("body_title"), &note, body))
}

/// The pictures of a mail that its text shows, as far as they are put into it.
async fn pictures(
    portal: &Portal,
    opened: &Opened,
    items: &[Item],
    html: &str,
    how: How,
) -> Result<Vec<Picture>, Fault> {
    let (mut pictures, mut room) = (Vec::new(), mail_page::LARGEST_PICTURES);
    let there = items.iter().filter(|item| item.withdrawn_at.is_none() && item.size <= mail_page::LARGEST_PICTURE);
    for item in there.filter(|_| html.contains("cid:") || html.contains("CID:")) {
        let Some(id) = item.content_id.as_ref().map(|id| id.expose().clone()) else { continue };
        let Some(left) = room.checked_sub(item.size) else { continue };
        room = left;
        pictures.push(Picture { id, octets: read(portal, opened, item, how).await? });
    }
    Ok(pictures)
}

/// How high a frame is for a text of this many octets: no script can measure it, and a frame within which one scrolls is
/// hard to use on a phone.
fn height(octets: u64) -> &'static str {
    match octets {
        0..300 => "low",
        300..900 => "half",
        900..2500 => "high",
        2500..6000 => "higher",
        _ => "highest",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Viewable {
    Picture,
    Text,
}

/// Whether a file is shown on a page of ours: by its type, or its name's ending. Whether it is what it says is seen then.
fn viewable(item: &Item) -> Option<Viewable> {
    let name = item.name.expose().to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if item.kind != ItemKind::Attachment || item.withdrawn_at.is_some() {
        None
    } else if item.size <= LARGEST_PICTURE && ends(&[".png", ".jpg", ".jpeg", ".gif", ".webp"]) {
        Some(Viewable::Picture)
    } else if item.size <= LONGEST_TEXT && ends(&[".txt", ".csv", ".md"]) {
        Some(Viewable::Text)
    } else {
        None
    }
}

fn file(page: &Page, share: &str, (item, takes): (&Item, bool), zone: &TimeZone) -> File {
    let at = |what: &str| format!("/s/{share}/{what}/{}", item.id);
    match item.withdrawn_at {
        Some(when) => File {
            name: page.t("file_withdrawn").to_owned(),
            about: page.with("file_withdrawn_on", "day", &page.day(when, zone)),
            view: None,
            download: None,
        },
        None => File {
            name: name(page, item),
            about: page.size(item.size),
            view: viewable(item).map(|_| at("bekijk")),
            download: takes.then(|| at("bestand")),
        },
    }
}

/// The name of an item, as a file.
fn name(page: &Page, item: &Item) -> String {
    let message = page.t("file_message");
    match item.kind {
        ItemKind::Html => format!("{message}.html"),
        ItemKind::Text => format!("{message}.txt"),
        ItemKind::Original => format!("{message}.eml"),
        ItemKind::Attachment => safe(item.name.expose(), page.t("file_unnamed")),
    }
}

fn subject(page: &Page, opened: &Opened) -> String {
    let subject: String = opened.subject.expose().chars().filter(|c| !c.is_control()).take(300).collect();
    if subject.trim().is_empty() { page.t("no_subject").to_owned() } else { subject }
}

fn later(shares: Shares, opened: Opened, item: String) -> Asked {
    Box::pin(async move {
        let body = shares.read(&opened, &item, None, How::Zipped).await;
        body.map(|body| body.stream).map_err(|error| io::Error::other(error.to_string()))
    })
}

fn streamed(octets: Octets, kind: &'static str, name: &str, length: Option<u64>) -> Answer {
    let mut response = Content::from_stream(octets.map_ok(Bytes::from)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, value(name)?);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy("sandbox; default-src 'none'")?);
    headers.insert(HeaderName::from_static("x-download-options"), HeaderValue::from_static("noopen"));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

fn policy(policy: &str) -> Result<HeaderValue, Fault> {
    value(policy)
}

fn value(text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(text).map_err(|_| Fault::TROUBLE)
}

/// One range of octets (RFC 9110 14.1.2), for a download that goes on where it broke off. Anything else is the whole file.
fn ranged(range: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let end = if last.is_empty() { size } else { last.parse::<u64>().ok()?.checked_add(1)?.min(size) };
    (first < end).then_some(first..end)
}

fn date(millis: i64, zone: &TimeZone) -> ::zip::DateTime {
    let at = Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(zone.clone()).datetime();
    let small = |number: i8| u8::try_from(number).unwrap_or_default();
    let year = u16::try_from(at.year()).unwrap_or_default();
    let date = ::zip::DateTime::from_date_and_time(
        year,
        small(at.month()),
        small(at.day()),
        small(at.hour()),
        small(at.minute()),
        small(at.second()),
    );
    date.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_others_are_the_whole() {
        for (range, expected) in [
            ("bytes=0-", Some(0..10)),
            ("bytes=4-", Some(4..10)),
            ("bytes=2-3", Some(2..4)),
            ("bytes=2-99", Some(2..10)),
            ("bytes=10-", None),
            ("bytes=5-4", None),
            ("bytes=-3", None),
            ("bytes=0-1,3-4", None),
            ("bytes=0-18446744073709551615", None),
            ("items=0-", None),
        ] {
            assert_eq!(ranged(range, 10), expected, "{range}");
        }
    }
}
