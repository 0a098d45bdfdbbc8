//! Tells a sender that a mail may only travel under proven TLS, and cannot: it is kept, or it waits.
//!
//! Ordinary mails like the notice, MAIL FROM `<>`. Names whom it is for, and their domain; never what a stranger's server
//! said. Fails only on an address that cannot stand in a header.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::incident::Told;
use super::notice::{ComposeError, Later, Notice, Stamp, Texts};
use super::wording;
use crate::message::Mailbox;
use crate::outbox::Unproven;
use crate::school::{Language, School};
use crate::store::owed::Otherwise;
use crate::tls::posture::why_not;

/// Around a message of this kind.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The texts.
    pub texts: &'a Texts,
    /// The school.
    pub school: &'a School,
    /// Its language.
    pub language: Language,
    /// Its time zone.
    pub zone: &'a TimeZone,
    /// Who gets it.
    pub readers: &'a [Mailbox],
}

/// Composes the message about a mail that is kept until `until`, and about which its sender may choose at `link`.
///
/// # Errors
/// [`ComposeError`]; then nobody can be told.
pub fn kept_back(
    about: &About<'_>,
    unproven: &Unproven<'_>,
    until: Date,
    link: Option<String>,
    stamp: &Stamp,
) -> Result<Notice, ComposeError> {
    let until = about.language.day(until);
    let nothing = about.language.of(
        format!("Doe je niets? Dan wissen we de mail op {until}. Er wordt dan niets verstuurd."),
        format!("If you do nothing, we delete the mail on {until}. Nothing is sent then."),
    );
    let words = [("link", link.unwrap_or_default()), ("if_nothing", nothing), ("until", until)];
    told(about, Later::Unproven, unproven, words.into(), stamp)
}

/// Composes the message about a mail that still waits.
///
/// # Errors
/// [`ComposeError`]; then nobody can be told.
pub fn waits(about: &About<'_>, unproven: &Unproven<'_>, stamp: &Stamp) -> Result<Notice, ComposeError> {
    let language = about.language;
    let until = local(unproven.claimed.give_up_at, about.zone, stamp);
    let then = match unproven.claimed.envelope.forced.as_ref().map(|forced| forced.otherwise) {
        Some(Otherwise::Share) => language.of(
            "Lukt dat niet, dan zetten we de mail klaar om veilig op te halen.",
            "If that fails, we keep the mail ready to be collected safely.",
        ),
        Some(Otherwise::Hold) => language.of(
            "Lukt dat niet, dan bewaren we de mail, en krijg je bericht met wat je kunt kiezen.",
            "If that fails, we keep the mail, and you get a message with what you can choose.",
        ),
        Some(Otherwise::Bounce) | None => language.of(
            "Lukt dat niet, dan krijg je bericht dat de mail niet is aangekomen.",
            "If that fails, you get a message that the mail was not delivered.",
        ),
    };
    let today = until.date() == local(unproven.now, about.zone, stamp).date();
    let until = if today { wording::clock(until, language) } else { wording::moment(until, language) };
    let words = [("until", until), ("then", then.to_owned())];
    told(about, Later::Waits, unproven, words.into(), stamp)
}

fn told(
    about: &About<'_>,
    later: Later,
    unproven: &Unproven<'_>,
    mut words: Vec<(&'static str, String)>,
    stamp: &Stamp,
) -> Result<Notice, ComposeError> {
    let language = about.language;
    let taken = local(unproven.claimed.made_at, about.zone, stamp);
    let recipients: Vec<&str> = unproven.recipients.iter().map(|to| to.address.as_str()).collect();
    let discreet = unproven.claimed.envelope.forced.as_ref().is_some_and(|forced| forced.discreet);
    words.extend([
        ("time", wording::moment(taken, language)),
        ("clock", wording::clock(taken, language)),
        ("reason", reason(unproven.reason, &recipients, discreet, language)),
        ("recipients", people(&recipients, discreet, language)),
        ("number", unproven.claimed.held.clone().unwrap_or_default()),
    ]);
    about.texts.told_later(later, &words, about.readers, about.school, language, stamp)
}

fn local(millis: i64, zone: &TimeZone, stamp: &Stamp) -> jiff::civil::DateTime {
    Timestamp::from_millisecond(millis).unwrap_or(stamp.date).to_zoned(zone.clone()).datetime()
}

/// Whom a mail is for; those whom no message may name are parents.
pub(super) fn people(recipients: &[&str], discreet: bool, language: Language) -> String {
    let named = |address: &&str| if discreet { Told::Discreet } else { Told::Typed((*address).to_owned()) };
    wording::people(&recipients.iter().map(named).collect::<Vec<_>>(), language)
}

/// Why nothing was proven, by the code of the outbox, of recipients who all have the same domain. That may be a family's
/// own, so it is named only where they are.
pub(super) fn reason(code: &str, recipients: &[&str], discreet: bool, language: Language) -> String {
    let domain = recipients.first().and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain);
    match domain.filter(|_| !discreet) {
        Some(domain) => why_not(language, code, domain),
        None => wording::sentence(&why_not(language, code, language.of("de ontvanger", "the recipient"))),
    }
}
