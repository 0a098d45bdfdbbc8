//! Tells a sender that a mail which we took did not reach somebody, and will not be tried again.
//!
//! An ordinary mail like the notice, MAIL FROM `<>`. Names whom it did not reach and the server's code, never its text:
//! that is a stranger's, and may repeat the mail. Fails only on an address that cannot stand in a header.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::notice::{ComposeError, Later, Notice, Stamp, Texts};
use super::{unproven, wording};
use crate::outbox::Failure;
use crate::school::{Language, School};

/// Composes it.
///
/// # Errors
/// [`ComposeError`]; then nobody can be told.
pub fn failure(
    texts: &Texts,
    failure: &Failure<'_>,
    school: &School,
    language: Language,
    zone: &TimeZone,
    stamp: &Stamp,
) -> Result<Notice, ComposeError> {
    let taken = Timestamp::from_millisecond(failure.taken_at).unwrap_or(stamp.date).to_zoned(zone.clone()).datetime();
    let recipients: Vec<String> = failure.recipients.iter().map(|(address, _)| address.clone()).collect();
    let refused = failure.recipients.iter().any(|(_, code)| *code >= 500);
    let why = if let Some(code) = failure.unproven {
        // Temporary or not, it was given up for this.
        unproven::reason(code, &unproven::domain(&recipients), language)
    } else if refused {
        language
            .of(
                "De mailserver van de ontvanger weigert de mail. Vaak klopt het adres niet, of is de mailbox vol.",
                "The recipient's mail server refuses the mail. Often the address is wrong, or the mailbox is full.",
            )
            .to_owned()
    } else {
        language
            .of(
                "De mailserver van de ontvanger was al die tijd niet te bereiken.",
                "The recipient's mail server could not be reached all that time.",
            )
            .to_owned()
    };
    let code = failure.recipients.iter().map(|(_, code)| *code).max().unwrap_or_default();
    let words = [
        ("time", wording::moment(taken, language)),
        ("clock", wording::clock(taken, language)),
        ("recipients", wording::list(&recipients, language)),
        ("reason", why),
        ("code", code.to_string()),
        ("number", failure.number.to_owned()),
    ];
    texts.told_later(Later::Failed, &words, std::slice::from_ref(failure.sender), school, language, stamp)
}
