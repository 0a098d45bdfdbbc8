//! Notices, word for word, and proof that nothing found gets into one.
//!
//! `tests/notices/NN-name.toml` is a stopped mail, `.expect.txt` the subject and text part of its notice
//! and the line for a refusal in session. The HTML part must be well-formed and say the same.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

#[path = "support/chrome.rs"]
mod chrome;

mod notices {
    mod later;
}

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::civil::date;
use mailpoort::act::notice::{Notice, Stamp, Texts};
use mailpoort::act::{Incident, Stopped};
use mailpoort::decide::{
    self, ClassList, Classes, Evidence, Known, KnownDomains, KnowsAll, KnowsNoHosts, Means, Mode, Policy, PupilFacts,
    Verdict,
};
use mailpoort::detect::{Finding, Kind, PupilKey, RuleMode, Strength, Zone};
use mailpoort::extract::{self, Cell, Layer, Place, Section, Spot, Text, Unit, Unread, Why};
use mailpoort::message::{Day, Envelope, Headers, Mailbox, Recipient};
use mailpoort::roster::{Bond, Flags, Guardian, Person, Roster};
use mailpoort::school::{Contact, Language, School};
use mailpoort::secret::Secret;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Case {
    to: Vec<String>,
    #[serde(default)]
    also_in_header: Vec<String>,
    subject: Option<String>,
    #[serde(default)]
    calendar: bool,
    #[serde(default)]
    language: Language,
    #[serde(default)]
    text: Vec<CaseText>,
    #[serde(default)]
    unread: Vec<CaseUnread>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct CaseText {
    place: String,
    #[serde(default)]
    within: Vec<String>,
    text: String,
    /// The part of the document: "sheet Leerlingen", "page 3", "slide 2", and a layer of it.
    #[serde(default)]
    unit: String,
    #[serde(default)]
    layer: String,
    /// Whether it is a table: cells between `;`.
    #[serde(default)]
    table: bool,
    /// What is found in it: value -> kind.
    #[serde(default)]
    found: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseUnread {
    place: String,
    why: String,
}

#[test]
fn notices_word_for_word() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notices");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    for path in &paths {
        let case: Case = toml::from_str(&std::fs::read_to_string(path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (incident, notice, line) = compose(&case);
        let read = Read::new(&notice);
        well_formed(&read.html);
        same_words(&read);
        assert!(line.is_ascii() && line.len() <= 400, "{line}");
        let got = format!("Subject: {}\n\n{}\n\n550 5.7.1 {line}\n", read.subject, read.text.trim_end());
        let expect = std::fs::read_to_string(path.with_extension("expect.txt")).unwrap_or_default();
        assert_eq!(got, expect, "{}: {incident:?}", path.display());
    }
    assert_eq!(paths.len(), CASES, "cases were added or lost");
}

const CASES: usize = 23;

#[test]
fn the_form_is_an_ordinary_mail_from_the_gate() {
    let (_, notice, _) = compose(&class_list());
    let raw = String::from_utf8(notice.raw.clone()).unwrap();
    let head = raw.split("\r\n\r\n").next().unwrap();
    for line in [
        "From: \"Mailpoort basisschool De Linde\" <mailpoort@delinde.example>",
        "To: juf@delinde.example",
        "Auto-Submitted: auto-replied",
        "In-Reply-To: <vraag-1@delinde.example>",
        "References: <vraag-1@delinde.example>",
        "Message-ID: <melding-1@poort.example>",
        "Date: Tue, 24 Nov 2026 13:07:30 +0000",
        "Content-Type: multipart/alternative;",
    ] {
        assert!(head.contains(line), "no {line} in\n{head}");
    }
    assert_eq!(compose(&class_list()).1.raw, notice.raw, "the same in, the same out");
    assert_eq!(format!("{notice:?}"), format!("Notice {{ readers: [..@delinde.example], bytes: {} }}", raw.len()));
}

#[test]
fn all_advice_of_the_shipped_policy_has_a_text() {
    let problems = texts().check(&policy());
    assert!(problems.is_empty(), "{problems:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/texts");
    for key in policy().advice_keys() {
        for language in Language::ALL.map(Language::word) {
            let text = std::fs::read_to_string(folder.join(format!("advice_{key}.{language}.txt"))).unwrap();
            let changes = text.lines().filter(|line| line.starts_with("+ ")).count();
            assert_eq!(changes, 1, "{key}.{language} names no one thing to change");
        }
    }
}

#[test]
fn bad_texts_are_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/texts");
    let mut files: Vec<(PathBuf, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|path| (Path::new("teksten").join(path.file_name().unwrap()), std::fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    assert!(Texts::load(&files).is_ok());
    let edit = |(path, text): &mut (PathBuf, String)| match path.file_name().unwrap().to_str().unwrap() {
        "notice.nl.txt" => text.push_str("{bsn}\n"),
        "notice.en.txt" => *text = "No subject".to_string(),
        "advice_bsn.nl.txt" => text.push_str("- Vraag het {directeur}\n"),
        "advice_list.en.txt" => *text = "\n".to_string(),
        _ => {}
    };
    files.iter_mut().for_each(edit);
    files.retain(|(path, _)| !path.ends_with("advice_health.en.txt") && !path.ends_with("notice.nl.html"));
    files.push((PathBuf::from("teksten/notise.nl.txt"), String::new()));
    files.push((PathBuf::from("teksten/README.md"), "{anything}".to_string()));
    let shown: Vec<String> = Texts::load(&files).unwrap_err().iter().map(ToString::to_string).collect();
    let expect = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notices/bad_texts.expect"));
    assert_eq!(shown.join("\n").trim(), expect.unwrap_or_default().trim());

    let mut without: Vec<_> = Vec::new();
    for (path, text) in files.into_iter().filter(|(path, _)| path.to_string_lossy().contains("advice_photo")) {
        without.push((path, text));
    }
    assert!(Texts::load(&without).is_err());
}

/// Every kind, planted in subject, body, file name, heading and cells: nothing of it may be in the notice.
#[test]
fn nothing_found_gets_into_a_notice() {
    let planted = [
        (Kind::Bsn, "111222333", "111222333"),
        (Kind::EducationNumber, "109.876.543", "109876543"),
        (Kind::PupilName, "Wietske Quakkelaar", "quakkelaar"),
        (Kind::Health, "epilepsie", "epilepsie"),
        (Kind::Care, "Veilig Thuismelding", "thuismelding"),
        (Kind::BeliefOrigin, "statushouder", "statushouder"),
        (Kind::Criminal, "winkeldiefstal", "winkeldiefstal"),
        (Kind::StudentNumber, "8877665", "8877665"),
        (Kind::BirthDate, "13-02-2014", "13022014"),
        (Kind::DocumentNumber, "NXW8QK4R1", "nxw8qk4r1"),
        (Kind::EckId, "ketenpseudoniem99aabb", "ketenpseudoniem99aabb"),
        (Kind::Iban, "NL91ABNA0417164300", "nl91abna0417164300"),
        (Kind::Phone, "06-98765432", "0698765432"),
        (Kind::Postcode, "9876 ZX", "9876zx"),
        (Kind::Marks, "Entreetoets 521", "entreetoets"),
        (Kind::Conduct, "schorsing", "schorsing"),
        (Kind::Password, "Kikkerdril-88", "kikkerdril"),
        (Kind::LockedWithPassword, "Zeehond!2014", "zeehond2014"),
        (Kind::ShareCode, "4821 7730 9265", "482177309265"),
        (Kind::Employment, "salarisstrook", "salarisstrook"),
        (Kind::ChatExport, "Chatgroep Ouders", "chatgroep"),
    ];
    assert_eq!(planted.map(|(kind, ..)| kind), Kind::ALL);
    let (mut checked, language) = (0, [Language::Nl, Language::En]);
    for (kind, value, canary) in planted {
        // Where the detector finds it, and where it stands but is not found.
        for found_at in 0..5 {
            for language in language {
                let case = planted_case(kind, value, found_at, language);
                let (incident, notice, line) = compose(&case);
                let read = Read::new(&notice);
                let shown = format!("{} {} {} {line} {incident:?}", read.subject, read.text, read.html);
                assert!(!compact(&shown).contains(canary), "{kind:?} found at {found_at}: {shown}");
                assert!(kind != Kind::PupilName || !compact(&shown).contains("wietske"), "{shown}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 21 * 5 * 2);
}

/// The value stands everywhere; it is found in one place only.
fn planted_case(kind: Kind, value: &str, found_at: usize, language: Language) -> Case {
    let found = |n: usize| {
        if n == found_at { BTreeMap::from([(value.to_string(), kind.word().to_string())]) } else { BTreeMap::new() }
    };
    let file = format!("over {value}.csv");
    let text = |n: usize, place: String, text: String, table: bool| CaseText {
        place,
        text,
        table,
        found: found(n),
        ..CaseText::default()
    };
    Case {
        to: vec!["a@post.example".to_string()],
        subject: Some(format!("Over {value}")),
        language,
        text: vec![
            text(0, "subject".to_string(), format!("Over {value}"), false),
            text(1, "text".to_string(), format!("Dag,\n\nover {value} dus.\nGroet\nJuf"), false),
            text(2, format!("name:{file}"), file.clone(), false),
            text(3, format!("att:{file}"), format!("naam;{value}\nx;y"), true),
            text(4, format!("att:{file}"), format!("naam;bsn\nx;{value}"), true),
        ],
        ..Case::default()
    }
}

#[test]
fn nothing_of_a_mail_ends_a_line_or_turns_a_sentence() {
    for evil in [
        "Lijst\r\nBcc: dief@elders.example",
        "Lijst\nX-Evil: ja\n\n<html>",
        "Lijst \u{202e}gpj.exe\u{2066}",
        "=?utf-8?q?Lijst=0D=0ABcc:_dief@elders.example?=",
        "Lijst\u{2028}\u{0}\u{85}\u{200b}\u{feff}",
        "<script>alert('x')</script> & {number}",
        "Lijst --=_mailpoort_K7QM",
    ] {
        let mut case = class_list();
        case.subject = Some(evil.to_string());
        for text in &mut case.text {
            text.place = format!("att:{evil}.csv");
        }
        let (_, notice, line) = compose(&case);
        let raw = String::from_utf8(notice.raw.clone()).unwrap();
        let head = raw.split("\r\n\r\n").next().unwrap();
        let names = head.split("\r\n").filter(|l| !l.starts_with([' ', '\t'])).map(|l| l.split(':').next().unwrap());
        let names: Vec<&str> = names.collect();
        let usual = [
            "From",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "To",
            "In-Reply-To",
            "References",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, usual, "{evil:?}: {head}");
        let read = Read::new(&notice);
        let turned = |c: char| {
            c.is_control() && c != '\n'
                || ('\u{200b}'..='\u{2069}').contains(&c) && !('\u{2010}'..='\u{2027}').contains(&c)
        };
        for shown in [&read.subject, &read.text, &read.html, &line] {
            assert!(!shown.contains(turned), "{evil:?}: {shown:?}");
        }
        assert!(!read.subject.contains('\n') && !read.html.contains("<script"), "{evil:?}");
        assert_eq!(read.parts, 2, "{evil:?}");
        well_formed(&read.html);
    }
}

#[test]
fn odd_message_ids_and_addresses() {
    for (id, kept) in
        [("a@b.example", true), ("a b@c", false), ("a@b>\r\nBcc: x", false), ("zoë@b", false), ("ab", false)]
    {
        let (stopped, school) = (Whole::new(&class_list(), Some(id)), school());
        let incident = stopped.incident();
        assert_eq!(incident.message_id.is_some(), kept, "{id:?}");
        let reader = Mailbox::parse("daniëlle@delinde.example").unwrap();
        let refused = texts().notice(&incident, &[reader], &school, Language::Nl, &stamp());
        assert!(refused.is_err(), "an address that needs SMTPUTF8 gets no notice");
    }
}

fn compose(case: &Case) -> (Incident, Notice, String) {
    let whole = Whole::new(case, Some("vraag-1@delinde.example"));
    let incident = whole.incident();
    let (texts, school) = (texts(), school());
    let readers = decide::may_be_noticed(&whole.envelope, &whole.headers, &school).unwrap();
    let notice = texts.notice(&incident, &readers, &school, case.language, &stamp()).unwrap();
    let line = texts.one_line(&incident, &school, case.language);
    (incident, notice, line)
}

fn stamp() -> Stamp {
    Stamp { date: "2026-11-24T13:07:30Z".parse().unwrap(), message_id: "melding-1@poort.example".to_string() }
}

/// A mail as the stages before would hand it over.
struct Whole {
    envelope: Envelope,
    headers: Headers,
    texts: extract::Texts,
    findings: Vec<Finding>,
    policy: Policy,
    verdict: Verdict,
}

impl Whole {
    fn new(case: &Case, message_id: Option<&str>) -> Self {
        let mailbox = |typed: &String| Mailbox::parse(typed).unwrap();
        let juf = Mailbox::parse("juf@delinde.example").unwrap();
        let envelope = Envelope {
            sender: Some(juf.clone()),
            recipients: case
                .to
                .iter()
                .map(|to| Recipient { mailbox: mailbox(to), parameters: String::new() })
                .collect(),
            ..Envelope::default()
        };
        let headers = Headers {
            subject: case.subject.clone().map(Secret::new),
            message_id: message_id.map(str::to_string),
            from: vec![juf],
            to_cc: case.to.iter().chain(&case.also_in_header).map(mailbox).collect(),
            calendar: case.calendar,
            ..Headers::default()
        };
        let texts = extract::Texts {
            texts: case.text.iter().map(read).collect(),
            unread: case.unread.iter().map(|u| Unread { place: place(&u.place, &[]), why: why(&u.why) }).collect(),
            ..extract::Texts::default()
        };
        let findings: Vec<Finding> =
            case.text.iter().enumerate().flat_map(|(n, text)| find(n, text, &texts.texts[n])).collect();
        let policy = policy();
        let list = |domain: &str| ClassList { domains: vec![domain.to_string()], addresses: vec![] };
        let listed = [("private", "thuis.example"), ("gov", "gemeente.example"), ("swv", "swv.example")];
        let listed = listed.map(|(class, domain)| (class.to_string(), list(domain)));
        let classes = Classes::new(&[], listed.into());
        let evidence = Evidence { envelope: &envelope, headers: &headers, findings: &findings, unread: &texts.unread };
        let known = Known {
            school: &school(),
            policy: &policy,
            classes: &classes,
            mode: Mode::Enforce,
            contacts: &roster().contacts(),
            pupils: &PupilFacts::default(),
            domains: [&KnownDomains::new(["delinde.example"]).and_providers(), &KnownDomains::default()],
            today: Day::new(2026, 11, 24),
            means: Means::default(),
            acquaintance: &KnowsAll,
            hosts: &KnowsNoHosts,
        };
        let verdict = decide::verdict(&evidence, &known);
        Self { envelope, headers, texts, findings, policy, verdict }
    }

    fn incident(&self) -> Incident {
        let stopped = Stopped {
            envelope: &self.envelope,
            headers: &self.headers,
            texts: &self.texts,
            findings: &self.findings,
            verdict: &self.verdict,
            policy: &self.policy,
        };
        Incident::new(&stopped, "K7QM", date(2026, 11, 24).at(14, 7, 12, 0))
    }
}

/// `ouder@gezin.example` is guardian of Wietske, `verborgen@gezin.example` too, at a secret address.
fn roster() -> Roster {
    let guardian = |mail: &str, secret_address| Guardian {
        person: Person { mail: mail.to_string(), ..Person::default() },
        bonds: vec![Bond {
            pupil: "Wietske Quakkelaar".to_string(),
            flags: Flags { secret_address, ..Flags::default() },
        }],
        ..Guardian::default()
    };
    let guardians = vec![guardian("ouder@gezin.example", false), guardian("verborgen@gezin.example", true)];
    Roster { guardians, ..Roster::default() }
}

fn read(case: &CaseText) -> Text {
    let mut cells = Vec::new();
    let mut start = 0;
    for (row, typed) in case.text.split('\n').enumerate().filter(|_| case.table) {
        let mut at = start;
        for (column, cell) in typed.split(';').enumerate() {
            cells.push(Cell { table: 0, row: row as u32, column: column as u32, range: at..at + cell.len() });
            at += cell.len() + 1;
        }
        start += typed.len() + 1;
    }
    let place = Place { section: section(case), ..place(&case.place, &case.within) };
    Text { place, text: case.text.clone(), cells }
}

fn section(case: &CaseText) -> Section {
    let unit = match case.unit.split_once(' ') {
        Some(("sheet", name)) => Unit::Sheet(name.to_string()),
        Some(("slide", number)) => Unit::Slide(number.parse().unwrap()),
        Some(("page", number)) => Unit::Page(number.parse().unwrap()),
        _ => Unit::Document,
    };
    let layer = match case.layer.as_str() {
        "" => Layer::Body,
        "comment" => Layer::Comment,
        "hidden" => Layer::Hidden,
        "deleted" => Layer::Deleted,
        "notes" => Layer::SpeakerNotes,
        other => panic!("{other}"),
    };
    Section { unit, layer }
}

fn find(n: usize, case: &CaseText, text: &Text) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (value, kind) in &case.found {
        let (word, light) = kind.split_once(':').map_or((kind.as_str(), false), |(word, _)| (word, true));
        for (at, _) in case.text.match_indices(value.as_str()) {
            findings.push(Finding {
                rule: Arc::from("test"),
                kind: Kind::from_word(word).expect(word),
                strength: if light { Strength::Light } else { Strength::Heavy },
                text: n,
                place: text.place.clone(),
                range: at..at + value.len(),
                cell: text.cells.iter().position(|cell| cell.range.contains(&at)),
                found: Secret::new(value.clone()),
                confidence: 0.9,
                why: vec![],
                pupil: (word == "pupil_name").then(|| PupilKey(Arc::from(value.as_str()))),
                mode: RuleMode::Enforce,
                threshold: None,
                zone: Zone::New,
            });
        }
    }
    findings.sort_by_key(|finding| finding.range.start);
    findings
}

fn place(path: &str, within: &[String]) -> Place {
    let spot = match path.split_once(':') {
        Some(("att", name)) => Spot::Attachment(name.to_string()),
        Some(("name", name)) => Spot::FileName(name.to_string()),
        Some(("header", name)) => Spot::Header(name.to_string()),
        _ => match path {
            "subject" => Spot::Subject,
            "html" => Spot::Html,
            _ => Spot::Text,
        },
    };
    Place { within: within.to_vec(), spot, ..Place::default() }
}

fn why(word: &str) -> Why {
    Why::ALL.into_iter().find(|why| why.word() == word).expect(word)
}

/// Five pupils with BSN and date of birth.
fn class_list() -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notices/01-class-list.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn policy() -> Policy {
    Policy::shipped().unwrap()
}

fn texts() -> Texts {
    Texts::shipped().unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn school() -> School {
    let contact = |name: &str, role: &str, phone: &str, hours: Option<&str>| Contact {
        name: name.to_string(),
        role: role.to_string(),
        phone: Some(phone.to_string()),
        mail: None,
        hours: hours.map(str::to_string),
    };
    School {
        id: "linde".to_string(),
        name: "basisschool De Linde".to_string(),
        domains: vec!["delinde.example".to_string()],
        gate_address: Mailbox::parse("mailpoort@delinde.example").unwrap(),
        privacy: contact("Ilse Bakker", "privacycoördinator", "040-555 01 23", Some("ma-do")),
        director: None,
        deputy: Some(contact("Joris Maas", "intern begeleider", "040-555 01 24", None)),
        helpdesk: contact("de helpdesk", "helpdesk", "040-555 01 00", None),
        fg: None,
        channels: BTreeMap::from([(
            "bsn_list".to_string(),
            "Overdracht naar een andere school gaat via OSO in het leerlingsysteem.".to_string(),
        )]),
    }
}

/// A notice as a mail program shows it.
struct Read {
    subject: String,
    text: String,
    html: String,
    parts: usize,
}

impl Read {
    fn new(notice: &Notice) -> Self {
        let message = mail_parser::MessageParser::default().parse(&notice.raw).unwrap();
        assert_eq!((message.text_body_count(), message.html_body_count(), message.attachment_count()), (1, 1, 0));
        Self {
            subject: message.subject().unwrap().to_string(),
            text: message.body_text(0).unwrap().replace("\r\n", "\n"),
            html: message.body_html(0).unwrap().replace("\r\n", "\n"),
            parts: message.parts.len() - 1,
        }
    }
}

/// Every element that opens closes in order, and every `&` is an entity that we write.
fn well_formed(html: &str) {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect(tag);
        let name = tag.split(' ').next().unwrap();
        match name {
            "!DOCTYPE" | "meta" => {}
            closing if closing.starts_with('/') => assert_eq!(open.pop(), Some(&closing[1..]), "{html}"),
            name => {
                let known = ["html", "head", "title", "body", "h2", "p", "strong", "ul", "ol", "li", "a"];
                assert!(known.contains(&name), "<{name}> in {html}");
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for entity in html.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(known.iter().any(|known| entity.starts_with(known)), "{entity}");
    }
}

/// The HTML part says what the text part says: every point and choice of one is in the other.
fn same_words(read: &Read) {
    let html = read.html.replace("&amp;", "&").replace("&#39;", "'").replace("&quot;", "\"");
    for line in
        read.text.lines().filter(|line| line.starts_with("- ") || line.starts_with(|c: char| c.is_ascii_digit()))
    {
        let (_, said) = line.split_once(' ').unwrap();
        assert!(html.contains(&format!(">{said}</li>")), "{said} is not in {html}");
    }
}

fn compact(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a mail library of another make (Python's) reads of a message, as JSON.
const OTHER: &str = r#"
import email, email.policy, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = [part for part in mail.walk() if not part.is_multipart()]
print(json.dumps({
    "defects": [str(defect) for part in mail.walk() for defect in part.defects],
    "header_defects": [name for name, value in mail.items() if getattr(value, "defects", ())],
    "type": mail.get_content_type(), "types": [part.get_content_type() for part in parts],
    "charsets": [part.get_content_charset() for part in parts],
    "subject": mail["subject"], "from": mail["from"].addresses[0].addr_spec,
    "to": [one.addr_spec for one in mail["to"].addresses], "date": mail["date"].datetime.isoformat(),
    "text": mail.get_body(("plain",)).get_content(), "html": mail.get_body(("html",)).get_content(),
}))
"#;

/// With an address and a file name as long as they come, and the desk's link.
fn long_case() -> Incident {
    let mut case = class_list();
    case.to = vec![format!("{}@{}.example", "voornaam.achternaam".repeat(3), "samenwerkingsverband".repeat(3))];
    let (mut incident, _, _) = compose(&case);
    incident.file = Some(format!("{}.xlsx", "Leerlingenlijst_groep_5_definitief_".repeat(4)));
    incident.kept_until = Some(date(2026, 12, 8));
    incident.link = Some(format!("https://poort.delinde.example/m/{}", "k7qm".repeat(13)));
    incident
}

#[test]
fn a_mail_library_of_another_make_reads_the_same() {
    let (texts, school, reader) = (texts(), school(), Mailbox::parse("juf@delinde.example").unwrap());
    for (language, not_sent) in [(Language::Nl, "NIET VERSTUURD"), (Language::En, "NOT SENT")] {
        let notice = texts.notice(&long_case(), std::slice::from_ref(&reader), &school, language, &stamp()).unwrap();
        let mut python =
            Command::new("python3").args(["-c", OTHER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let python = python.as_mut().expect("python3 is not on this machine; `make test` installs it");
        python.stdin.take().unwrap().write_all(&notice.raw).unwrap();
        let mut told = String::new();
        python.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(python.wait().unwrap().success());
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            told["defects"].as_array().unwrap().len() + told["header_defects"].as_array().unwrap().len(),
            0,
            "{told}"
        );
        assert_eq!(told["type"], "multipart/alternative");
        assert_eq!(told["types"], serde_json::json!(["text/plain", "text/html"]));
        assert_eq!(told["charsets"], serde_json::json!(["utf-8", "utf-8"]));
        assert_eq!(
            (&told["from"], &told["to"][0]),
            (&"mailpoort@delinde.example".into(), &"juf@delinde.example".into())
        );
        assert_eq!(told["date"], "2026-11-24T13:07:30+00:00");
        // It reads what we read, letter by letter.
        let read = Read::new(&notice);
        let plain = |text: &serde_json::Value| text.as_str().unwrap().replace("\r\n", "\n").trim().to_owned();
        assert_eq!(told["subject"].as_str().unwrap(), read.subject);
        assert_eq!(
            (plain(&told["text"]), plain(&told["html"])),
            (read.text.trim().to_owned(), read.html.trim().to_owned())
        );
        assert!(read.text.contains(not_sent) && read.text.lines().all(|line| line.len() < 998), "{}", read.text);
    }
}

/// As mail programs show HTML: in a page of theirs that fetches nothing and runs nothing, on a phone and beside a list.
#[test]
fn a_mail_program_shows_it_whole_and_fetches_nothing() {
    let (texts, school, reader) = (texts(), school(), Mailbox::parse("juf@delinde.example").unwrap());
    for width in [360, 800] {
        let Some(mut program) = chrome::Chrome::start(width, "nl") else {
            eprintln!("no chromium on this machine: the notice is not looked at");
            return;
        };
        for (language, not_sent) in [(Language::Nl, "niet verstuurd"), (Language::En, "not sent")] {
            let notice =
                texts.notice(&long_case(), std::slice::from_ref(&reader), &school, language, &stamp()).unwrap();
            let policy = "<head><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
                          'unsafe-inline'\"><meta name=\"viewport\" content=\"width=device-width\">";
            let page = Read::new(&notice).html.replacen("<head>", policy, 1);
            let file = program.folder.path().join("notice.html");
            std::fs::write(&file, page).unwrap();
            program.open(&format!("file://{}", file.display()));
            let text = program.text();
            assert!(text.to_lowercase().contains(not_sent) && text.contains("voornaam.achternaam"), "{text}");
            assert_eq!(program.sideways(), "0", "{width} wide it runs off the side:\n{text}");
            let fetched = "String(performance.getEntriesByType('resource').length)";
            let told =
                program.ask("Runtime.evaluate", serde_json::json!({ "expression": fetched, "returnByValue": true }));
            assert_eq!(told["result"]["value"], "0");
            if let Ok(folder) = std::env::var("MAILPOORT_PICTURES") {
                program.draw(&Path::new(&folder).join(format!("notice-{width}-{}.png", language.word())));
            }
        }
    }
}
