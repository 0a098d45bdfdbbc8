//! What happened to a share, for its sender: in words on a page, and as a file that he may keep.
//!
//! Who opened what, and when. No network address, no browser, no code, nothing of the content.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::shares::mine;
use super::visit::Visit;
use super::{Answer, Desk, Texts};
use crate::school::Language;
use crate::share::{Event, ItemKind, OpenedBy, Overview};

/// Who puts what happened into words.
#[derive(Debug)]
pub struct Log<'t> {
    /// The texts of the desk.
    pub texts: &'t Texts,
    /// In which language.
    pub language: Language,
    /// Of which hour.
    pub zone: &'t TimeZone,
}

/// `GET /shares/ID/log`: what happened, as a file.
pub(super) async fn file(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Answer {
    let share = mine(&desk, &visit, &id).await?;
    let events = desk.shares()?.events(&id).await?;
    let (texts, zone) = (desk.0.gate.texts(), desk.0.gate.time_zone());
    let log = Log { texts: &texts, language: visit.language, zone: &zone };
    let name = format!("attachment; filename=\"{}\"", log.file_name(&share));
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, log.text(&share, &events)).into_response())
}

impl Log<'_> {
    /// The name of the file: `verloop-K7QM.txt`.
    pub fn file_name(&self, share: &Overview) -> String {
        format!("{}-{}.txt", self.t("log_name"), share.reference)
    }

    /// All of it, a line each.
    pub fn text(&self, share: &Overview, events: &[Event]) -> String {
        let fact = |key: &str, value: &str| format!("{}: {}", self.t(key), plain(value));
        let mut lines = vec![self.t("log_title").to_owned(), String::new()];
        lines.push(fact("log_subject", share.subject.expose()));
        lines.push(fact("log_reference", &share.reference));
        lines.push(fact("log_made", &self.moment(share.made_at)));
        lines.push(fact("log_ends", &self.moment(share.ends_at)));
        lines.extend(share.purpose.as_ref().map(|purpose| fact("log_purpose", purpose.expose())));
        lines.extend(share.ground.as_ref().map(|ground| fact("log_ground", self.t(&format!("ground_{ground}")))));
        lines.extend([String::new(), self.t("log_recipients").to_owned()]);
        let person = |one: &crate::share::RecipientOverview| {
            let opened = match (one.opened_at.map(|at| self.moment(at)), one.opened_by) {
                (Some(at), Some(by)) => {
                    self.texts.fill(self.language, "log_opened_by", &[("day", &at), ("by", self.by(by))])
                }
                (Some(at), None) => self.with("log_opened", "day", &at),
                (None, _) => self.t("log_unopened").to_owned(),
            };
            format!("- {}: {opened}", plain(one.address.expose()))
        };
        lines.extend(share.recipients.iter().map(person));
        lines.extend([String::new(), self.t("log_events").to_owned()]);
        lines.extend(events.iter().map(|event| format!("{}  {}", self.moment(event.at), self.what(share, event))));
        lines.join("\r\n") + "\r\n"
    }

    /// What happened: who, and which file.
    pub(super) fn what(&self, share: &Overview, event: &Event) -> String {
        let word = if KNOWN.contains(&event.kind.as_str()) { event.kind.as_str() } else { "other" };
        let who = event.rid.as_deref().map(|rid| address(share, rid)).unwrap_or_default();
        let who = if who.is_empty() { self.t("event_you").to_owned() } else { who };
        let file = event.item.as_deref().map(|item| self.item(share, item)).unwrap_or_default();
        if let Some(by) = event.by {
            let opened = self.texts.fill(self.language, "event_unlocked_by", &[("who", &who), ("by", self.by(by))]);
            let under = event.statement.as_deref().map(|version| self.with("event_unlocked_under", "version", version));
            return under.map(|under| format!("{opened} {under}")).unwrap_or(opened);
        }
        self.texts.fill(self.language, &format!("event_{word}"), &[("who", &who), ("file", &file)])
    }

    /// What an item is called.
    pub(super) fn item(&self, share: &Overview, id: &str) -> String {
        let item = share.items.iter().find(|item| item.id == id);
        let name = plain(item.map(|item| item.name.expose().as_str()).unwrap_or_default());
        match item.map(|item| item.kind) {
            Some(ItemKind::Attachment) if !name.trim().is_empty() => name,
            Some(ItemKind::Attachment) | None => self.t("piece_unnamed").to_owned(),
            Some(ItemKind::Original) => self.t("piece_original").to_owned(),
            Some(_) => self.t("piece_text").to_owned(),
        }
    }

    /// What something was opened with.
    fn by(&self, by: OpenedBy) -> &str {
        self.t(&format!("by_{}", by.word()))
    }

    /// "24-11-2026 14.07".
    fn moment(&self, millis: i64) -> String {
        let at = Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(self.zone.clone());
        at.strftime("%d-%m-%Y %H.%M").to_string()
    }

    fn t(&self, key: &str) -> &str {
        self.texts.get(self.language, key)
    }

    fn with(&self, key: &str, name: &str, value: &str) -> String {
        self.texts.fill(self.language, key, &[(name, value)])
    }
}

/// Whose link it is.
pub(super) fn address(share: &Overview, rid: &str) -> String {
    let one = share.recipients.iter().find(|one| one.rid == rid);
    one.map(|one| one.address.expose().clone()).unwrap_or_default()
}

/// One line, whatever a stranger wrote.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

const KNOWN: [&str; 28] = [
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
    "added",
    "item_revoked",
    "recipient_revoked",
    "share_revoked",
    "by_admin",
    "downloads_off",
    "downloads_on",
    "reminded",
    "warned",
    "expired",
    "purged",
    "recovered",
    "deleted",
    "passkey_added",
    "passkey_removed",
    "passkeys_removed",
];
