//! Small things as people say them: days, lists, addresses.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::message::Mailbox;
use crate::school::{Contact, Language};

/// "dinsdag 8 december".
pub(super) fn day(millis: i64, zone: &TimeZone, language: Language) -> String {
    language.day(local(millis, zone).date())
}

/// "dinsdag 8 december, 14.07 uur".
pub(super) fn moment(millis: i64, zone: &TimeZone, language: Language) -> String {
    let at = local(millis, zone);
    let (hour, minute) = (at.hour(), at.minute());
    let clock = language.of(format!("{hour}.{minute:02} uur"), format!("{hour}:{minute:02}"));
    format!("{}, {clock}", day(millis, zone, language))
}

/// "a, b en c".
pub(super) fn list(items: &[String], language: Language) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {} {last}", first.join(", "), language.of("en", "and")),
    }
}

/// "Ilse Bakker, privacycoördinator (ma-do, 040-555 01 23)".
pub(super) fn contact(contact: &Contact) -> String {
    let role = if contact.role.is_empty() { String::new() } else { format!(", {}", contact.role) };
    let reach: Vec<&str> =
        [&contact.hours, &contact.phone, &contact.mail].into_iter().flatten().map(String::as_str).collect();
    let reach = if reach.is_empty() { String::new() } else { format!(" ({})", reach.join(", ")) };
    format!("{}{role}{reach}", contact.name)
}

/// A mailbox that its owner knows again and nobody else learns: "j•••@delinde.example".
pub(super) fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    format!("{}•••@{domain}", local.chars().next().unwrap_or('•'))
}

/// An address for comparing.
pub(super) fn folded(address: &str) -> String {
    Mailbox::parse(address).map_or_else(|_| address.to_lowercase(), |mailbox| mailbox.folded())
}

fn local(millis: i64, zone: &TimeZone) -> DateTime {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(zone.clone()).datetime()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> i64 {
        let moment: DateTime = text.parse().unwrap();
        moment.to_zoned(amsterdam()).unwrap().timestamp().as_millisecond()
    }

    fn amsterdam() -> TimeZone {
        TimeZone::get("Europe/Amsterdam").unwrap()
    }

    #[test]
    fn days_and_moments() {
        let millis = at("2026-12-08T14:07");
        assert_eq!(moment(millis, &amsterdam(), Language::Nl), "dinsdag 8 december, 14.07 uur");
        assert_eq!(moment(millis, &amsterdam(), Language::En), "Tuesday 8 December, 14:07");
    }

    #[test]
    fn a_masked_mailbox_shows_its_first_letter_and_its_domain() {
        assert_eq!(masked("juf.anna@delinde.example"), "j•••@delinde.example");
        assert_eq!(masked("@"), "••••@");
    }
}
