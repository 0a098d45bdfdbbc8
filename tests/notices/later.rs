//! What a sender hears later of a mail that may travel under proven TLS alone: that it waits, that it is kept, that it did
//! not arrive. Word for word, in both languages: `tests/notices/later.NL.txt`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::civil::date;
use jiff::tz::TimeZone;
use mailpoort::act::{self, About};
use mailpoort::level::Level;
use mailpoort::message::Mailbox;
use mailpoort::outbox::{Failure, Outbox, Retry, Unproven, Unreached};
use mailpoort::school::Language;
use mailpoort::smtp::Reply;
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

/// The letter about a failure in the form of RFC 3464: word for word, and as the mail library of Python reads it.
#[test]
fn a_report_is_a_letter_that_programs_read() {
    let (texts, school, zone) = (texts(), school(), TimeZone::get("Europe/Amsterdam").unwrap());
    let reader = Mailbox::parse("juf@delinde.example").unwrap();
    let to = |name: &str, parameters: &str| To {
        address: format!("{name}@thuis.example"),
        parameters: parameters.to_owned(),
        place: None,
    };
    let recipients = [
        Unreached::of(
            &to("weg", " NOTIFY=FAILURE ORCPT=rfc822;Weg+2Bklas3@thuis.example"),
            &Reply::new(550, "5.1.1", "Kim woont hier niet"),
        ),
        Unreached::of(&to("vol", ""), &Reply::new(452, "4.2.2", "vol")),
    ];
    let raw = b"Message-ID: <1@delinde.example>\r\nFrom: <juf@delinde.example>\r\nSubject: Kim is ziek\r\n\r\nKim.\r\n";
    let failure = Failure {
        school: "linde",
        number: "7K2M9P",
        sender: &reader,
        recipients: &recipients,
        unproven: None,
        discreet: false,
        taken_at: TAKEN,
        dsn: " RET=FULL ENVID=QQ+3D1",
        raw: Some(raw),
    };
    let letter = || act::failure(&texts, &failure, &school, Language::Nl, &zone, &stamp()).unwrap();
    let report = act::failure_report(letter(), &failure, "poort.delinde.example", &stamp());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notices/report.nl.txt");
    let written = String::from_utf8(report.raw.clone()).unwrap().replace("\r\n", "\n");
    assert_eq!(written, std::fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
    assert!(!written.contains("Kim"), "{written}");
    assert_eq!(
        read_by_python(&report.raw),
        "multipart/report delivery-status\n\
         Original-Envelope-Id=QQ=1|Reporting-MTA=dns; poort.delinde.example|Arrival-Date=Tue, 24 Nov 2026 12:15:00 +0000\n\
         Original-Recipient=rfc822;Weg+klas3@thuis.example|Final-Recipient=rfc822; weg@thuis.example|Action=failed|\
         Status=5.1.1|Diagnostic-Code=smtp; 550 5.1.1|Last-Attempt-Date=Tue, 24 Nov 2026 13:07:30 +0000\n\
         Final-Recipient=rfc822; vol@thuis.example|Action=failed|Status=4.2.2|Diagnostic-Code=smtp; 452 4.2.2|\
         Last-Attempt-Date=Tue, 24 Nov 2026 13:07:30 +0000\n\
         text/plain text/html\n\
         Message-ID: <1@delinde.example> From: <juf@delinde.example>\n"
    );
    // An address that nobody may name, or that is not ASCII, stays out of a form that must name it.
    let discreet = Failure { discreet: true, ..failure };
    assert_eq!(act::failure_report(letter(), &discreet, "poort.delinde.example", &stamp()).raw, letter().raw);
    let abroad = [Unreached { address: "jürgen@thuis.example".to_owned(), ..recipients[1].clone() }];
    let abroad = Failure { recipients: &abroad, discreet: false, ..discreet };
    assert_eq!(act::failure_report(letter(), &abroad, "poort.delinde.example", &stamp()).raw, letter().raw);
}

/// The kind of a mail and its fields of delivery status, as programs have them.
fn read_by_python(raw: &[u8]) -> String {
    const READ: &str = "
import email, sys
mail = email.message_from_bytes(sys.stdin.buffer.read())
print(mail.get_content_type(), mail.get_param('report-type'))
letter, status, headers = mail.get_payload()
assert status.get_content_type() == 'message/delivery-status', status.get_content_type()
for part in status.get_payload():
    print('|'.join('%s=%s' % field for field in part.items()))
print(*(part.get_content_type() for part in letter.get_payload()))
print(*headers.get_payload().split('\\n'))
";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3, which `make test` installs");
    python.stdin.take().unwrap().write_all(raw).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    said.replace("\r", "").lines().map(|line| format!("{}\n", line.trim())).collect()
}

fn composed(outbox: &Outbox, language: Language, letter: &(&str, Otherwise, &'static str, bool)) -> String {
    let (name, otherwise, reason, discreet) = *letter;
    let (texts, school, zone) = (texts(), school(), TimeZone::get("Europe/Amsterdam").unwrap());
    let reader = Mailbox::parse("juf@delinde.example").unwrap();
    let to = |name: &str| To { address: format!("{name}@veilig.example"), parameters: String::new(), place: None };
    let recipients = [to("melding"), to("anna")];
    let forced = Some(Forced {
        otherwise,
        link: String::new(),
        discreet,
        password: false,
        level: Level::default(),
        attachments: false,
        open_subject: false,
    });
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
        lane: None,
    };
    let unproven = Unproven { outbox, claimed: &claimed, recipients: &recipients, reason, now: TAKEN + HOUR };
    let about = About { texts: &texts, school: &school, language, zone: &zone, readers: std::slice::from_ref(&reader) };
    let link = Some("https://poort.delinde.example/m/ABC".to_owned());
    let notice = match name {
        "waits" => act::waits(&about, &unproven, &stamp()),
        "kept" => act::kept_back(&about, &unproven, date(2026, 12, 8), link, &stamp()),
        _ => {
            let reply = Reply::new(550, "5.1.1", "onbekend");
            let failed: Vec<Unreached> = recipients.iter().map(|to| Unreached::of(to, &reply)).collect();
            let failure = Failure {
                school: "linde",
                number: "7K2M9P",
                sender: &reader,
                recipients: &failed,
                unproven: Some(reason).filter(|reason| *reason != "refused"),
                discreet,
                taken_at: TAKEN,
                dsn: "",
                raw: None,
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
