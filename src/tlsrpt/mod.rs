//! Reports about TLS to the domains that ask for them (RFC 8460): what our own deliveries under proven TLS found of their
//! servers, a report a domain and UTC day.
//!
//! Findings are written down with the delivery ([`crate::store::tls_finding`]) and hold no address of a person. When their
//! day is over, the domain's `_smtp._tls` record says where they go: by mail, owed by the outbox and signed with the
//! school's key, or by a POST. One place that takes it is enough. What cannot be sent is tried again every hour, and after
//! four days it is dropped. Nothing is sent unless somebody of the school has lent his address to it.

mod mail;
mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub use mail::message;
pub use report::{Report, gzip};

use crate::message::Mailbox;
use crate::outbox::Outbox;
use crate::store;
use crate::store::tls_finding::{self, Finding, day};
use crate::tls::posture::Postures;

/// In whose name reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where somebody answers questions about them; their sender, too.
    pub contact: Mailbox,
    /// Whose they are.
    pub organisation: String,
    /// The school whose address that is: it signs them.
    pub school: String,
}

/// The media type of a report (RFC 8460 6.4).
const GZIPPED: &str = "application/tlsrpt+gzip";
/// The time after midnight over which reports are spread, so that not all of the world sends them at once (RFC 8460 4.1).
const SPREAD: Duration = Duration::from_secs(4 * 3600);

/// Sends the reports of all days that are over, as of now. Never fails: what cannot be sent is said in the log, and stays.
pub async fn send(settings: &Settings, outbox: &Outbox, postures: &Postures) {
    let now = store::now();
    if let Err(error) = outbox.store().drop_old_findings(now).await {
        tracing::error!(%error, "findings about TLS stay longer than they may");
    }
    let before = due_before(settings, now);
    let found = match outbox.store().findings_before(before).await {
        Ok(found) => found,
        Err(error) => return tracing::error!(%error, "findings about TLS cannot be read; they are reported later"),
    };
    let mut by_domain: BTreeMap<(i64, String), (Vec<i64>, Vec<Finding>)> = BTreeMap::new();
    for tls_finding::Row { id, day, finding } in found {
        let (ids, findings) = by_domain.entry((day, finding.domain.clone())).or_default();
        ids.push(id);
        findings.push(finding);
    }
    for ((day, domain), (ids, findings)) in by_domain {
        let report = Report::new(&domain, day, &findings);
        if one(settings, outbox, postures, &report).await
            && let Err(error) = outbox.store().drop_findings(ids).await
        {
            tracing::error!(%error, "a report about TLS may be sent twice");
        }
    }
}

/// Findings of days before this one are due: yesterday's only some time after midnight, at a time of our own.
fn due_before(settings: &Settings, now: i64) -> i64 {
    let hash = settings.contact.typed().bytes().fold(7_u64, |hash, octet| hash.wrapping_mul(31) ^ u64::from(octet));
    let wait = i64::try_from(hash % SPREAD.as_secs()).unwrap_or(0).saturating_mul(1000);
    day(now.saturating_sub(wait))
}

/// Sends one report to where its domain wants it. Whether that is done: somebody took it, or nobody wants it.
async fn one(settings: &Settings, outbox: &Outbox, postures: &Postures, report: &Report<'_>) -> bool {
    let posture = postures.of(report.domain()).await;
    let zipped = gzip(&report.json(settings));
    // What DNS does not say now, it may say in an hour.
    let Some(readers) = &posture.reports else { return false };
    let mut done = readers.is_empty();
    for address in readers {
        let sent = match address.split_once(':') {
            Some((scheme, reader)) if scheme.eq_ignore_ascii_case("mailto") => {
                by_mail(settings, outbox, report, reader, &zipped).await
            }
            _ => postures.post(address, (GZIPPED, zipped.clone())).await,
        };
        match sent {
            Ok(()) => {
                tracing::info!(day = report.day(), "a report about TLS is sent");
                done = true;
            }
            // Not to whom: it may be a family's domain.
            Err(error) => tracing::warn!(day = report.day(), error, "a report about TLS could not be sent"),
        }
    }
    done
}

async fn by_mail(
    settings: &Settings,
    outbox: &Outbox,
    report: &Report<'_>,
    reader: &str,
    zipped: &[u8],
) -> Result<(), String> {
    // What follows are words for the message (RFC 6068 2), which has its own.
    let reader = reader.split('?').next().unwrap_or_default();
    let reader = Mailbox::parse(reader).map_err(|_| "the record has no address to mail to".to_owned())?;
    let raw = message(settings, report, &reader, zipped, Timestamp::now());
    outbox.owe(&settings.school, raw, &[reader]).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn yesterday_is_due_some_time_after_midnight() {
        let settings = Settings {
            contact: Mailbox::parse("tls@delinde.example").unwrap(),
            organisation: "De Linde".into(),
            school: "linde".into(),
        };
        let midnight = 20_000 * 24 * 3600 * 1000;
        assert_eq!(due_before(&settings, midnight), 19_999, "not at midnight sharp");
        let spread = i64::try_from(SPREAD.as_millis()).unwrap();
        assert_eq!(due_before(&settings, midnight + spread), 20_000);
        assert_eq!(due_before(&settings, midnight + 24 * 3600 * 1000 - 1), 20_000);
    }
}
