//! The same as a letter, in the form that programs read: a delivery status notification (RFC 3464) in a `multipart/report`
//! (RFC 6522), the letter first.
//!
//! Says of each recipient what became of him and the server's codes, never the server's words: they are a stranger's, and may
//! repeat the mail. Of the mail itself four header lines come back, without the subject, which may hold what nobody else is to
//! see. Cannot fail: what does not fit the form (an address that may not be named, or is not ASCII) leaves the letter as it is.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::notice::{Notice, Stamp};
use crate::message::header;
use crate::outbox::{Failure, Unreached};

/// What comes back of the mail: by these its sender finds it.
const RETURNED: [&str; 4] = ["Message-ID", "Date", "From", "To"];
/// Octets of a header that comes back.
const LONGEST: usize = 2000;

/// Makes a report of a letter. `ours` is the name of this machine.
pub fn report(letter: Notice, failure: &Failure<'_>, ours: &str, stamp: &Stamp) -> Notice {
    let plain = failure.recipients.iter().all(|unreached| is_plain(&unreached.address));
    let parts = if failure.discreet || !plain { None } else { taken_apart(&letter.raw) };
    let Some((head, kind, body)) = parts else { return letter };
    // Base64 and quoted-printable have no "=_", and nobody but us knows the number.
    let number: String = failure.number.chars().filter(char::is_ascii_alphanumeric).collect();
    let boundary = format!("=_mailpoort_report_{number}");
    let status = lines(&status(failure, ours, stamp));
    let returned = failure.raw.map(returned).unwrap_or_default();
    let mut raw = format!(
        "{head}Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\n{kind}\r\n"
    )
    .into_bytes();
    raw.extend_from_slice(body.as_bytes());
    raw.extend_from_slice(
        format!(
            "\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n\
             --{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n--{boundary}--\r\n"
        )
        .as_bytes(),
    );
    Notice { raw, ..letter }
}

/// The header fields of a letter of ours but for the kind of its content, that field, and the content.
fn taken_apart(raw: &[u8]) -> Option<(String, String, &str)> {
    let (fields, body) = std::str::from_utf8(raw).ok()?.split_once("\r\n\r\n")?;
    let (mut head, mut kind, mut is_kind) = (String::new(), String::new(), false);
    for line in fields.split("\r\n") {
        if !line.starts_with([' ', '\t']) {
            is_kind = line.to_ascii_lowercase().starts_with("content-type:");
        }
        let to = if is_kind { &mut kind } else { &mut head };
        to.push_str(line);
        to.push_str("\r\n");
    }
    (!kind.is_empty()).then_some((head, kind, body))
}

/// The fields of the message, then those of each recipient; an empty line between them (RFC 3464 2.1).
fn status(failure: &Failure<'_>, ours: &str, stamp: &Stamp) -> Vec<Vec<String>> {
    let taken = Timestamp::from_millisecond(failure.taken_at).unwrap_or(stamp.date);
    let mut message = Vec::new();
    message.extend(parameter(failure.dsn, "ENVID").map(|id| format!("Original-Envelope-Id: {id}")));
    message.push(format!("Reporting-MTA: dns; {ours}"));
    message.push(format!("Arrival-Date: {}", date(taken)));
    let of_each = |unreached: &Unreached| {
        let mut fields = Vec::new();
        fields.extend(parameter(&unreached.parameters, "ORCPT").map(|typed| format!("Original-Recipient: {typed}")));
        fields.push(format!("Final-Recipient: rfc822; {}", unreached.address));
        fields.push("Action: failed".to_owned());
        let class = unreached.code / 100;
        let enhanced = unreached.enhanced.clone().unwrap_or_else(|| format!("{class}.0.0"));
        // Where nothing could be proven no server has said anything.
        if failure.unproven.is_some() {
            fields.push("Status: 5.7.0".to_owned());
        } else {
            fields.push(format!("Status: {enhanced}"));
            fields.push(format!("Diagnostic-Code: smtp; {} {enhanced}", unreached.code));
        }
        fields.push(format!("Last-Attempt-Date: {}", date(stamp.date)));
        fields
    };
    std::iter::once(message).chain(failure.recipients.iter().map(of_each)).collect()
}

fn lines(groups: &[Vec<String>]) -> String {
    groups
        .iter()
        .map(|group| group.iter().map(|line| format!("{line}\r\n")).collect::<String>())
        .collect::<Vec<_>>()
        .join("\r\n")
}

/// A parameter as typed, decoded (xtext, RFC 3461 4); none when it is not there or does not fit a header line.
fn parameter(typed: &str, name: &str) -> Option<String> {
    let mut all = typed.split_ascii_whitespace().filter_map(|one| one.split_once('='));
    let (_, value) = all.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    let (mut decoded, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once('+') {
        decoded.push_str(before);
        let octet = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok())?;
        decoded.push(char::from(octet));
        rest = after.get(2..)?;
    }
    decoded.push_str(rest);
    is_plain(&decoded).then_some(decoded)
}

/// ASCII in one line.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 900 && text.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ')
}

fn returned(raw: &[u8]) -> String {
    let field = |name: &str| {
        let value = std::str::from_utf8(header::value_of(raw, name)?).ok()?;
        let words: Vec<&str> = value.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).collect();
        let value = words.join("\r\n ");
        let fits = value.len() <= LONGEST && words.iter().all(|line| is_plain(line));
        fits.then(|| format!("{name}: {value}\r\n"))
    };
    RETURNED.iter().filter_map(|name| field(name)).collect()
}

/// RFC 5322 3.3.
fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_stay_one_line() {
        for (typed, expected) in [
            (" RET=HDRS ENVID=QQ314159", Some("QQ314159")),
            (" envid=a+2Bb+3Dc+20d", Some("a+b=c d")),
            (" ENVID=a+0Db", None),
            (" ENVID=a+E9", None),
            (" ENVID=a+2", None),
            (" ENVID=a+ZZ", None),
            (" ENVID=", None),
            (" RET=HDRS", None),
        ] {
            assert_eq!(parameter(typed, "ENVID").as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn of_the_mail_come_plain_lines_without_the_subject() {
        let raw = "From: <a@b.example>\r\nSubject: Kim\r\nTo: c@d.example,\r\n\te@f.example\r\nMessage-ID: <\u{e9}@x>\r\n\r\nKim\r\n";
        assert_eq!(returned(raw.as_bytes()), "From: <a@b.example>\r\nTo: c@d.example,\r\n e@f.example\r\n");
    }
}
