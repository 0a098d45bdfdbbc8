//! What a sender hears later of a mail that may travel under proven TLS alone: that it waits, that it is kept, that it did
//! not arrive. Word for word, in both languages: `tests/notices/later.NL.txt`.

use std::path::Path;

use jiff::civil::date;
use jiff::tz::TimeZone;
use mailpoort::act::{self, About};
use mailpoort::message::Mailbox;
use mailpoort::outbox::{Failure, Outbox, Retry, Unproven};
use mailpoort::school::Language;
use mailpoort::store::owed::{Claimed, Envelope, Forced, Kind, Otherwise, To};

use crate::{Read, same_words, school, stamp, texts, well_formed};

/// 24 November 2026, a quarter past one in the afternoon, in Amsterdam.
const TAKEN: i64 = 1_795_522_500_000;
const HOUR: i64 = 3_600_000;

/// The letter, what becomes of the mail, the reason, and whether no message may name its recipients.
const LETTERS: [(&str, Otherwise, &str, bool); 12] = [
    ("waits", Otherwise::Share, "dane", false),
    ("waits", Otherwise::Hold, "temp-tlsa-bogus", false),
    ("waits", Otherwise::Bounce, "sts-mx-not-listed", true),
    ("kept", Otherwise::Hold, "no-starttls", false),
    ("kept", Otherwise::Hold, "unproven", true),
    ("kept", Otherwise::Hold, "dane-half", false),
    ("kept", Otherwise::Hold, "no-dkim", false),
    ("failed", Otherwise::Bounce, "resolver-not-validating", false),
    ("failed", Otherwise::Bounce, "requiretls", false),
    ("failed", Otherwise::Bounce, "encrypt-only", false),
    ("failed", Otherwise::Bounce, "no-proven-route", true),
    ("failed", Otherwise::Bounce, "refused", false),
];

#[test]
fn letters_about_mail_that_waits_or_could_not_go() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(folder.path(), Retry::default()).unwrap();
    for language in Language::ALL {
        let all: String = LETTERS.iter().map(|letter| composed(&outbox, language, letter)).collect();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/notices/later.{}.txt", language.word()));
        assert_eq!(all, std::fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
    }
}

fn composed(outbox: &Outbox, language: Language, letter: &(&str, Otherwise, &'static str, bool)) -> String {
    let (name, otherwise, reason, discreet) = *letter;
    let (texts, school, zone) = (texts(), school(), TimeZone::get("Europe/Amsterdam").unwrap());
    let reader = Mailbox::parse("juf@delinde.example").unwrap();
    let to = |name: &str| To { address: format!("{name}@veilig.example"), parameters: String::new(), place: None };
    let recipients = [to("melding"), to("anna")];
    let forced = Some(Forced { otherwise, link: String::new(), discreet, password: false });
    let claimed = Claimed {
        id: 1,
        school: "linde".to_owned(),
        kind: Kind::Forced,
        held: Some("7K2M9P".to_owned()),
        item: String::new(),
        sealed: None,
        envelope: Envelope { forced, ..Envelope::default() },
        tries: 4,
        made_at: TAKEN,
        give_up_at: TAKEN + 4 * HOUR,
    };
    let unproven = Unproven { outbox, claimed: &claimed, recipients: &recipients, reason, now: TAKEN + HOUR };
    let about = About { texts: &texts, school: &school, language, zone: &zone, readers: std::slice::from_ref(&reader) };
    let link = Some("https://poort.delinde.example/m/ABC".to_owned());
    let notice = match name {
        "waits" => act::waits(&about, &unproven, &stamp()),
        "kept" => act::kept_back(&about, &unproven, date(2026, 12, 8), link, &stamp()),
        _ => {
            let failed: Vec<(String, u16)> = recipients.iter().map(|to| (to.address.clone(), 550)).collect();
            let failure = Failure {
                school: "linde",
                number: "7K2M9P",
                sender: &reader,
                recipients: &failed,
                unproven: Some(reason).filter(|reason| *reason != "refused"),
                discreet,
                taken_at: TAKEN,
            };
            act::failure(&texts, &failure, &school, language, &zone, &stamp())
        }
    };
    let read = Read::new(&notice.unwrap());
    well_formed(&read.html);
    same_words(&read);
    assert!(!discreet || !read.text.contains("veilig.example"), "{}", read.text);
    format!("--- {name}, {reason}, {}\n\nSubject: {}\n\n{}\n\n", otherwise.word(), read.subject, read.text.trim_end())
}
