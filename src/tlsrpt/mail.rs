//! The mail that carries a report (RFC 8460 5.3): `multipart/report` with a line for people and the report.
//!
//! It says `TLS-Required: No` (RFC 8689 5), since it may be about a server with which no TLS can be had. Signed by the
//! outbox. Cannot fail.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::report::Report;
use super::{GZIPPED, Settings};
use crate::message::Mailbox;

/// A line of an attachment.
const WIDTH: usize = 76;

/// Composes it.
pub fn message(settings: &Settings, report: &Report<'_>, reader: &Mailbox, zipped: &[u8], now: Timestamp) -> Vec<u8> {
    let (domain, ours, id) = (report.domain(), settings.contact.domain(), report.id(settings));
    let (first, last) = report.seconds();
    let date = now.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000");
    let (from, to) = (settings.contact.typed(), reader.typed());
    let boundary = format!("tlsrpt-{first}-{}", now.as_second());
    let octets = BASE64.encode(zipped);
    let lines: Vec<&str> = octets.as_bytes().chunks(WIDTH).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let text = [
        format!("From: <{from}>"),
        format!("To: <{to}>"),
        format!("Date: {date}"),
        format!("Subject: Report Domain: {domain} Submitter: {ours} Report-ID: <{id}>"),
        format!("Message-ID: <{id}>"),
        format!("TLS-Report-Domain: {domain}"),
        format!("TLS-Report-Submitter: {ours}"),
        "TLS-Required: No".to_owned(),
        "Auto-Submitted: auto-generated".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        format!("Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"{boundary}\""),
        String::new(),
        format!("--{boundary}"),
        "Content-Type: text/plain; charset=us-ascii".to_owned(),
        String::new(),
        format!("This is a report about TLS (RFC 8460) with the mail servers of {domain}"),
        format!("on {} (UTC), by {ours}.", report.day()),
        String::new(),
        format!("--{boundary}"),
        format!("Content-Type: {GZIPPED}"),
        "Content-Transfer-Encoding: base64".to_owned(),
        format!("Content-Disposition: attachment;\r\n filename=\"{ours}!{domain}!{first}!{last}.json.gz\""),
        String::new(),
        lines.join("\r\n"),
        format!("--{boundary}--"),
        String::new(),
    ];
    text.join("\r\n").into_bytes()
}
