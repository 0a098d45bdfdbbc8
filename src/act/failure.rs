//! Tells a sender that a mail which we took did not reach somebody, and will not be tried again.
//!
//! An ordinary mail like the notice, MAIL FROM `<>`, or, where the school wants that, a report that programs read as well
//! (`dsn`). Names whom it did not reach and the server's code, never its text:
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
    let recipients: Vec<&str> = failure.recipients.iter().map(|unreached| unreached.address.as_str()).collect();
    let words = [
        ("time", wording::moment(taken, language)),
        ("clock", wording::clock(taken, language)),
        ("recipients", unproven::people(&recipients, failure.discreet, language)),
        ("reason", reason(failure, &recipients, language)),
        ("todo", todo(failure, language).to_owned()),
        ("number", failure.number.to_owned()),
    ];
    texts.told_later(Later::Failed, &words, std::slice::from_ref(failure.sender), school, language, stamp)
}

fn reason(failure: &Failure<'_>, recipients: &[&str], language: Language) -> String {
    // Temporary or not, it was given up for this; the code would be ours.
    if let Some(code) = failure.unproven {
        return unproven::reason(code, recipients, failure.discreet, language);
    }
    let code = failure.recipients.iter().map(|unreached| unreached.code).max().unwrap_or_default();
    let (nl, en) = if code >= 500 {
        (
            "De mailserver van de ontvanger weigert de mail. Vaak klopt het adres niet, of is de mailbox vol.",
            "The recipient's mail server refuses the mail. Often the address is wrong, or the mailbox is full.",
        )
    } else {
        (
            "De mailserver van de ontvanger was al die tijd niet te bereiken.",
            "The recipient's mail server could not be reached all that time.",
        )
    };
    language.of(format!("{nl} Code van de mailserver: {code}."), format!("{en} Code of the mail server: {code}."))
}

/// What helps: where nothing could be proven, sending it again does not.
fn todo(failure: &Failure<'_>, language: Language) -> &'static str {
    if failure.unproven.is_some() {
        return language.of(
            "Geef door wat erin staat op een andere manier, bijvoorbeeld aan de telefoon.",
            "Pass on what it says in another way, for example by telephone.",
        );
    }
    language.of(
        "Kijk het adres na en verstuur de mail opnieuw uit je map Verzonden items.",
        "Check the address and send the mail again from your Sent Items.",
    )
}
