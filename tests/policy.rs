//! The shipped policy, row by row, and policies that must be refused with the right sentence.
//!
//! `tests/policy/*.toml`: cases against rules/policy/school.toml. `tests/bad_policy/*.toml` + `.expect`:
//! one problem a line, as it is shown.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use mailpoort::decide::{
    self, Acquaintance, Ask, ClassList, Classes, Evidence, Known, KnownDomains, MailHosts, Means, Mode, Policy,
    PupilFacts, Release, Verdict,
};
use mailpoort::detect::{Finding, Kind, PupilKey, RuleMode, Strength, Zone};
use mailpoort::extract::{Place, Spot, Unread, Why};
use mailpoort::message::{Day, Envelope, Headers, Mailbox, Recipient, Source};
use mailpoort::roster::{Bond, Contacts, Flags, Guardian, Person, Pupil, Roster};
use mailpoort::school::{Contact, School};
use mailpoort::secret::Secret;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    columns: Vec<String>,
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    row: String,
    #[serde(default)]
    found: Vec<String>,
    #[serde(default)]
    unread: Vec<String>,
    /// So many private addresses in To and Cc.
    #[serde(default)]
    visible: usize,
    /// Everything is found in a quote of what the recipient wrote.
    #[serde(default)]
    quote: bool,
    #[serde(default)]
    calendar: bool,
    #[serde(default)]
    program: bool,
    cells: String,
}

/// A recipient of each column.
const COLUMNS: [&str; 10] = [
    "a@delinde.example",
    "own@ouder.example",
    "other@ouder.example",
    "a@post.example",
    "a@care.example",
    "a@swv.example",
    "a@safety.example",
    "a@gov.example",
    "a@supplier.example",
    "a@private.example",
];

#[test]
fn the_table_of_the_design_cell_by_cell() {
    let policy = Policy::shipped().map_err(|problems| show(&problems)).unwrap();
    let table = table();
    assert_eq!(table.columns.len(), COLUMNS.len());
    let mut wrong = Vec::new();
    for row in &table.row {
        let cells: Vec<&str> = row.cells.split(' ').collect();
        assert_eq!(cells.len(), COLUMNS.len(), "{}", row.row);
        for ((cell, to), column) in cells.iter().zip(COLUMNS).zip(&table.columns) {
            let (got, line) = asked(row, to, &policy);
            // What row 7 says of an own guardian is said of another: nobody has ten children at one school.
            if *cell != "." && got != *cell {
                wrong.push(format!("{}, {column}: {got} ({line}), not {cell}", row.row));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(table.row.len(), ROWS, "rows were added or lost");
}

const ROWS: usize = 40;

fn table() -> Table {
    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/table.toml")).unwrap();
    toml::from_str(&file).unwrap()
}

/// What the deciding line asks for, whatever mode it is in.
fn asked(row: &Row, to: &str, policy: &Policy) -> (String, String) {
    let case = Case {
        program: row.program,
        calendar: row.calendar,
        visible: (0..row.visible).map(|n| format!("ouder{n}@gezin.example")).collect(),
        quote_of: row.quote.then(|| to.to_string()),
        found: row.found.clone(),
        unread: row.unread.clone(),
        ..Case::new()
    };
    let verdict = verdict(&case, to, policy);
    let decision = &verdict.decisions[0];
    let line = policy.line(&decision.line);
    let cell = match (decision.asked, line.is_some_and(|line| line.advise)) {
        (Ask::Pass, false) => "P",
        (Ask::Pass, true) => "A",
        (Ask::Tls, false) => "T",
        (Ask::Tls, true) => "T+A",
        (Ask::Share, _) => "S",
        (Ask::ShareWithPurpose, _) => "S+",
        (Ask::Defer, _) => "D",
        (Ask::Block(Release::Reason), _) => "B1",
        (Ask::Block(Release::SecondPerson), _) => "B2",
        (Ask::Block(Release::Nobody), _) => "B0",
    };
    (cell.to_string(), decision.line.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "a_teacher")]
    from: String,
    #[serde(default)]
    program: bool,
    #[serde(default)]
    calendar: bool,
    #[serde(default)]
    auto_submitted: bool,
    #[serde(default)]
    unsubscribe: bool,
    #[serde(default)]
    subject: String,
    /// Who stands in To and Cc.
    #[serde(default)]
    visible: Vec<String>,
    /// So many more recipients, each at an organisation of its own.
    #[serde(default)]
    more_recipients: usize,
    /// Who wrote the quote that everything is found in.
    quote_of: Option<String>,
    /// Domains to which no kind ever went before.
    #[serde(default)]
    new_domains: Vec<String>,
    /// `kind`, `kind:light`, `kind*3` (three different ones), `pupil_name#7` (the eighth), `kind@0.4` (confidence),
    /// `kind~advise` (how far its rule may go).
    #[serde(default)]
    found: Vec<String>,
    #[serde(default)]
    unread: Vec<String>,
    #[serde(default = "enforce")]
    mode: Mode,
    /// What the installation can do: `tls`, `share`.
    #[serde(default)]
    means: Vec<String>,
    content: String,
    /// Recipient -> route, line, and what else the decision says.
    to: BTreeMap<String, String>,
}

impl Case {
    fn new() -> Self {
        toml::from_str("name = ''\ncontent = 'clean'\nto = {}").unwrap()
    }
}

fn a_teacher() -> String {
    "juf@delinde.example".to_string()
}

fn enforce() -> Mode {
    Mode::Enforce
}

#[test]
fn the_shipped_policy_row_by_row() {
    let policy = Policy::shipped().map_err(|problems| show(&problems)).unwrap();
    let (mut cases, mut recipients, mut wrong) = (0, 0, Vec::new());
    let mut used = std::collections::BTreeSet::new();
    for path in files("tests/policy", "toml").into_iter().filter(|path| !path.ends_with("table.toml")) {
        let file: File = toml::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in file.case {
            cases += 1;
            recipients += case.to.len();
            for (to, want) in &case.to {
                let (got, content) = judge(&case, to, &policy);
                used.insert(got.split(' ').nth(1).unwrap_or_default().to_string());
                if (&got, content) != (want, case.content.as_str()) {
                    wrong.push(format!("{}: {}: {to}: {got} ({content}), not {want}", path.display(), case.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((cases, recipients), (CASES, RECIPIENTS), "cases were added or lost");
    let rows = table().row;
    used.extend(rows.iter().flat_map(|row| COLUMNS.map(|to| asked(row, to, &policy).1)));
    let idle: Vec<&str> = policy.lines.iter().map(|line| &*line.id).filter(|id| !used.contains(*id)).collect();
    assert!(idle.is_empty(), "no case reaches {idle:?}");
}

const CASES: usize = 109;
const RECIPIENTS: usize = 274;

fn verdict(case: &Case, to: &str, policy: &Policy) -> Verdict {
    let mailbox = |typed: &str| Mailbox::parse(typed).unwrap();
    let recipient = |typed: &str| Recipient { mailbox: mailbox(typed), parameters: String::new() };
    let more = (0..case.more_recipients).map(|n| recipient(&format!("info@organisatie{n}.example")));
    let envelope = Envelope {
        sender: Mailbox::parse(&case.from).ok(),
        recipients: std::iter::once(recipient(to)).chain(more).collect(),
        source: Source { program: case.program, ..Source::default() },
    };
    let headers = Headers {
        calendar: case.calendar,
        auto_submitted: case.auto_submitted,
        unsubscribe: case.unsubscribe,
        subject: Some(Secret::new(case.subject.clone())),
        to_cc: case.visible.iter().map(|typed| mailbox(typed)).collect(),
        from_name: Some(Secret::new("Sanne de Vries".to_string())),
        ..Headers::default()
    };
    let author = case.quote_of.as_ref().map(|author| Arc::new(mailbox(author)));
    let zone = author.map_or(Zone::New, |author| Zone::Quote { author: Some(author) });
    let findings: Vec<Finding> = case.found.iter().flat_map(|word| found(word, &zone)).collect();
    let why = |word: &String| Why::ALL.into_iter().find(|why| why.word() == word).expect(word);
    let unread: Vec<Unread> =
        case.unread.iter().map(|word| Unread { place: Place::default(), why: why(word) }).collect();
    let can = |word: &str| case.means.iter().any(|able| able == word);
    let means = Means { tls: can("tls"), share: can("share") };
    let evidence = Evidence { envelope: &envelope, headers: &headers, findings: &findings, unread: &unread };
    World::new(&case.new_domains).judge(&evidence, policy, case.mode, means)
}

fn judge(case: &Case, to: &str, policy: &Policy) -> (String, &'static str) {
    let verdict = verdict(case, to, policy);
    let decision = &verdict.decisions[0];
    let mut got = format!("{} {}", decision.route.word(), decision.line);
    match decision.asked {
        Ask::Block(release) => got.push_str(&format!(" block={}", release.word())),
        asked if asked.word() != decision.route.word() => got.push_str(&format!(" asked={}", asked.word())),
        _ => {}
    }
    if decision.advise {
        got.push_str(" advise");
    }
    if decision.otherwise != decision.route {
        got.push_str(&format!(" otherwise={}", decision.otherwise.word()));
    }
    if let Some(advice) = decision.advice.as_ref().filter(|_| decision.route != decide::Route::Pass || decision.advise)
    {
        got.push_str(&format!(" advice={advice}"));
    }
    if decision.discreet {
        got.push_str(" discreet");
    }
    if !decision.next.is_empty() {
        got.push_str(&format!(" next={}", decision.next.join(",")));
    }
    (got, verdict.content.word())
}

/// A school with a roster and lists, as a gate has loaded them.
struct World {
    school: School,
    classes: Classes,
    contacts: Contacts,
    pupils: PupilFacts,
    domains: KnownDomains,
    new: New,
}

/// Knows all domains but these.
#[derive(Debug)]
struct New(Vec<String>);

impl Acquaintance for New {
    fn knows(&self, school: &str, _: Kind, domain: &str) -> bool {
        assert_eq!(school, "linde");
        !self.0.iter().any(|new| new == domain)
    }

    fn remember(&self, _: &str, _: Kind, _: &str) {}
}

/// The hosts of one domain stand far away.
#[derive(Debug)]
struct Hosts;

impl MailHosts for Hosts {
    fn outside_eea(&self, domain: &str) -> bool {
        domain == "ver.example"
    }
}

impl World {
    fn new(new_domains: &[String]) -> Self {
        let (school, classes, roster) = (school(), classes(), roster());
        let domains = KnownDomains::new(classes.domains().chain(["delinde.example"])).and_providers();
        let pupils = PupilFacts::new(&roster, (2026, 11, 24));
        Self { school, classes, contacts: roster.contacts(), pupils, domains, new: New(new_domains.to_vec()) }
    }

    fn judge(&self, evidence: &Evidence<'_>, policy: &Policy, mode: Mode, means: Means) -> Verdict {
        let known = Known {
            school: &self.school,
            policy,
            classes: &self.classes,
            mode,
            contacts: &self.contacts,
            pupils: &self.pupils,
            domains: [&self.domains, &KnownDomains::default()],
            today: Day::new(2026, 11, 24),
            means,
            acquaintance: &self.new,
            hosts: &Hosts,
        };
        decide::verdict(evidence, &known)
    }
}

/// The found pupils are p0, p1, ... `own@ouder.example` is guardian of all the cases have, `one@` of p0 alone, `other@` of
/// another pupil, `barred@`, `hidden@` and `voogd@` of p0 with no contact, a secret address and without custody.
fn roster() -> Roster {
    let bond = |pupil: usize, flags| Bond { pupil: format!("p{pupil}"), flags };
    let guardian = |mail: &str, bonds: Vec<Bond>| Guardian {
        person: Person { mail: mail.to_string(), ..Person::default() },
        bonds,
        ..Guardian::default()
    };
    let none = Flags::default();
    let pupil = |n: usize| Pupil { key: format!("p{n}"), born: "01-02-2015".to_string(), ..Pupil::default() };
    let mut pupils: Vec<Pupil> = (0..40).map(pupil).collect();
    pupils.push(Pupil { no_pictures: true, mail: "p99@leerling.example".to_string(), ..pupil(99) });
    let mut guardians = vec![
        guardian("own@ouder.example", (0..9).map(|n| bond(n, none)).collect()),
        guardian("one@ouder.example", vec![bond(0, none)]),
        guardian("other@ouder.example", vec![bond(77, none)]),
        guardian("barred@ouder.example", vec![bond(0, Flags { no_contact: true, ..none })]),
        guardian("hidden@ouder.example", vec![bond(0, Flags { secret_address: true, ..none })]),
        guardian("voogd@ouder.example", vec![bond(0, Flags { custody: Some(false), ..none })]),
        guardian("arts@care.example", vec![bond(0, none)]),
    ];
    guardians.extend((0..12).map(|n| guardian(&format!("ouder{n}@gezin.example"), vec![bond(n + 20, none)])));
    Roster { pupils, guardians, staff: vec![Person { mail: "tim@thuispost.example".to_string(), ..Person::default() }] }
}

/// A school's own line may ask where the recipient's mail host stands.
#[test]
fn a_line_asks_where_the_mail_host_stands() {
    let shipped = include_str!("../rules/policy/school.toml");
    let own = "\n[[line]]\nid = \"abroad\"\nwhy = \"care data stays in Europe\"\nkinds = [\"pupil_name\"]\n\
               facts = [\"host_outside_eea\"]\nroute = \"block\"\nrelease = \"nobody\"\nadvice = \"bsn\"\n\
               offers = [\"help\", \"delete\"]\n";
    let policy = Policy::load(Path::new("own.toml"), &format!("{shipped}{own}")).unwrap();
    assert!(
        policy.asks_for(decide::Fact::HostOutsideEea)
            && !Policy::shipped().unwrap().asks_for(decide::Fact::HostOutsideEea)
    );
    let to = ["a@ver.example", "a@post.example"];
    let recipient = |to: &str| Recipient { mailbox: Mailbox::parse(to).unwrap(), parameters: String::new() };
    let envelope = Envelope {
        sender: Mailbox::parse("juf@delinde.example").ok(),
        recipients: to.map(recipient).into(),
        ..Envelope::default()
    };
    let findings = found("pupil_name", &Zone::New);
    let evidence = Evidence { envelope: &envelope, headers: &Headers::default(), findings: &findings, unread: &[] };
    let means = Means { tls: true, share: true };
    let judged = World::new(&[]).judge(&evidence, &policy, Mode::Enforce, means);
    let lines: Vec<&str> = judged.decisions.iter().map(|decision| &*decision.line).collect();
    assert_eq!(lines[0], "abroad");
    assert_ne!(lines[1], "abroad");
}

/// Of all lines that fit the strictest level counts, for each recipient; attachments alone are shared where all agree and
/// the rest may go.
#[test]
fn what_a_share_takes_is_the_strictest_of_all_lines() {
    let line = |id: &str, kinds: &str, more: &str| {
        format!(
            "\n[[line]]\nid = \"{id}\"\nwhy = \"w\"\nkinds = [\"{kinds}\"]\nto = [\"unknown\"]\nroute = \"share\"\n\
             advice = \"bsn\"\n{more}"
        )
    };
    let own = [
        line("low", "pupil_name", "level = \"low\"\nshare_parts = \"attachments\"\n"),
        line("files", "iban", "share_parts = \"attachments\"\n"),
        line("high", "phone", "level = \"high\"\nshare_parts = \"attachments\"\n"),
    ];
    let shipped = include_str!("../rules/policy/school.toml");
    let policy = Policy::load(Path::new("own.toml"), &format!("{shipped}{}", own.concat())).unwrap();
    let recipient = |to: &str| Recipient { mailbox: Mailbox::parse(to).unwrap(), parameters: String::new() };
    let to = ["a@post.example", "a@gov.example"];
    let envelope = Envelope {
        sender: Mailbox::parse("juf@delinde.example").ok(),
        recipients: to.map(recipient).into(),
        ..Envelope::default()
    };
    let headers = Headers { from_name: Some(Secret::new("Sanne de Vries".to_string())), ..Headers::default() };
    let judged = |attached: &[&str], text: &[&str]| {
        let spot = |words: &[&str], spot: Spot| {
            let all: Vec<Finding> = words.iter().flat_map(|word| found(word, &Zone::New)).collect();
            all.into_iter().map(move |mut one| {
                one.place.spot = spot.clone();
                one
            })
        };
        let findings: Vec<Finding> =
            spot(attached, Spot::Attachment("lijst.csv".into())).chain(spot(text, Spot::Text)).collect();
        let evidence = Evidence { envelope: &envelope, headers: &headers, findings: &findings, unread: &[] };
        let means = Means { tls: true, share: true };
        let judged = World::new(&[]).judge(&evidence, &policy, Mode::Enforce, means);
        let told = |decision: &decide::Decision| format!("{} {}", decision.level.word(), decision.attachments);
        judged.decisions.iter().map(told).collect::<Vec<_>>().join(", ")
    };
    for (attached, text, expected) in [
        (&["pupil_name"][..], &[][..], "low true, normal false"),
        (&["pupil_name", "iban"], &[], "normal true, normal false"),
        (&["pupil_name", "phone"], &[], "high true, normal false"),
        // Another line wants the whole of it, at normal.
        (&["pupil_name", "health"], &[], "normal false, normal false"),
        // The text may not go as it is.
        (&["pupil_name"], &["pupil_name"], "low false, normal false"),
        (&["pupil_name"], &["postcode"], "low true, normal false"),
        (&[], &["pupil_name"], "low false, normal false"),
    ] {
        assert_eq!(judged(attached, text), expected, "{attached:?} {text:?}");
    }
}

#[test]
fn each_recipient_has_its_own_decision() {
    let to = ["a@delinde.example", "a@post.example", "a@safety.example", "a@gov.example"];
    let recipient = |to: &str| Recipient { mailbox: Mailbox::parse(to).unwrap(), parameters: String::new() };
    let envelope = Envelope { recipients: to.map(recipient).into(), ..Envelope::default() };
    let findings = found("bsn", &Zone::New);
    let policy = Policy::shipped().unwrap();
    let headers = Headers::default();
    let evidence = Evidence { envelope: &envelope, headers: &headers, findings: &findings, unread: &[] };
    let judged = World::new(&[]).judge(&evidence, &policy, Mode::Enforce, Means::default());
    let got: Vec<String> = judged.decisions.iter().map(|d| format!("{} {}", d.class, d.route.word())).collect();
    assert_eq!(got, ["inside pass", "unknown block", "safety pass", "gov block"]);
    assert_eq!(judged.strictest(), decide::Route::Block);
    assert_eq!(judged.kinds, BTreeMap::from([(Kind::Bsn, 2)]));
}

fn found(word: &str, zone: &Zone) -> Vec<Finding> {
    let (word, confidence) = word.split_once('@').map_or((word, 0.9), |(w, c)| (w, c.parse().unwrap()));
    let (word, mode) = match word.split_once('~') {
        Some((word, "advise")) => (word, RuleMode::Advise),
        Some((word, _)) => (word, RuleMode::Observe),
        None => (word, RuleMode::Enforce),
    };
    let (word, first) = word.split_once('#').map_or((word, 0), |(w, n)| (w, n.parse().unwrap()));
    let (word, count) = word.split_once('*').map_or((word, 1), |(w, n)| (w, n.parse().unwrap()));
    let (word, light) = word.split_once(':').map_or((word, false), |(w, strength)| (w, strength == "light"));
    let kind = Kind::from_word(word).expect(word);
    let finding = |n: usize| Finding {
        rule: Arc::from("test"),
        kind,
        strength: if light { Strength::Light } else { Strength::Heavy },
        text: 0,
        place: Place::default(),
        range: 0..1,
        cell: None,
        found: Secret::new(format!("{}", 100_000_000 + n)),
        confidence,
        why: vec![],
        pupil: (kind == Kind::PupilName).then(|| PupilKey(Arc::from(format!("p{n}")))),
        mode,
        threshold: None,
        zone: zone.clone(),
    };
    // Each twice, as in a mail with a text and an HTML body: distinct values count.
    (first..first + count).flat_map(|n| [finding(n), finding(n)]).collect()
}

/// `x@care.example` is a care partner, and so on.
fn classes() -> Classes {
    let list = |class: &str| ClassList { domains: vec![format!("{class}.example")], addresses: vec![] };
    let listed: BTreeMap<String, ClassList> =
        decide::listable().map(|class| (class.to_string(), list(class))).collect();
    Classes::new(&["deberk.example".to_string()], listed)
}

fn school() -> School {
    let desk =
        Contact { name: "Helpdesk".to_string(), role: "helpdesk".to_string(), phone: None, mail: None, hours: None };
    School {
        id: "linde".to_string(),
        name: "De Linde".to_string(),
        domains: vec!["delinde.example".to_string()],
        gate_address: Mailbox::parse("mailpoort@delinde.example").unwrap(),
        privacy: desk.clone(),
        director: None,
        deputy: None,
        helpdesk: desk,
        fg: None,
        channels: BTreeMap::new(),
    }
}

/// The shipped policy with exceptions and a list sender of a school.
fn policy_with(added: &str) -> Policy {
    let shipped = include_str!("../rules/policy/school.toml");
    Policy::load(Path::new("school.toml"), &format!("{shipped}\n{added}")).map_err(|problems| show(&problems)).unwrap()
}

#[test]
fn exceptions_hold_for_whom_they_say_until_they_end_and_as_far_as_the_law_lets_them() {
    let entry = |id: &str, to: &str, kinds: &str, until: &str| {
        format!(
            "[[exception]]\nid = \"{id}\"\n{to}\nkinds = [{kinds}]\nowner = \"o\"\nreason = \"r\"\nuntil = {until}\n"
        )
    };
    let policy = policy_with(
        &[
            entry("address", "addresses = [\"A@care.example\"]", "\"health\", \"bsn\"", "2026-11-24"),
            entry("ended", "addresses = [\"b@post.example\"]", "\"health\"", "2026-11-23"),
            entry("domain", "domains = [\"post.example\", \"*.zorg.example\"]", "\"care\"", "2027-07-31"),
            entry("class", "to = [\"supplier\"]", "\"marks\"", "2027-07-31"),
            entry("health", "addresses = [\"c@care.example\"]", "\"health\"", "2027-07-31"),
        ]
        .concat(),
    );
    for (to, kind, want) in [
        ("a@care.example", "health", "block 04_health_partner asked=tls advice=health"),
        ("c@care.example", "health", "pass health"),
        ("b@care.example", "health", "block 04_health_partner asked=tls advice=health"),
        ("b@post.example", "health", "block 04_health_stranger asked=share_with_purpose advice=health"),
        ("b@post.example", "care", "pass domain"),
        ("b@x.zorg.example", "care", "pass domain"),
        ("b@zorg.example", "care", "block 04_health_stranger asked=share_with_purpose advice=health"),
        ("a@supplier.example", "marks", "pass class"),
    ] {
        let case = Case { found: vec![kind.to_string()], ..Case::new() };
        assert_eq!(judge(&case, to, &policy).0, want, "{to} {kind}");
    }
    let more = Case { found: vec!["care".to_string(), "bsn".to_string()], ..Case::new() };
    assert_eq!(judge(&more, "b@post.example", &policy).0, "block 05_bsn block=second_person advice=bsn");
}

#[test]
fn a_registered_list_sender_is_not_asked_who_it_is() {
    let added = "[[list_sender]]\naddress = \"Nieuws@delinde.example\"\npurpose = \"customers\"";
    let policy = policy_with(added);
    for (from, want) in [
        ("nieuws@delinde.example", "pass clean"),
        ("juf@delinde.example", "pass bulk_unregistered advise advice=bulk_sender"),
    ] {
        let case = Case { from: from.to_string(), more_recipients: 100, unsubscribe: true, ..Case::new() };
        assert_eq!(judge(&case, "a@post.example", &policy).0, want);
    }
}

#[test]
fn bad_policies_are_refused_with_file_line_and_remedy() {
    let paths = files("tests/bad_policy", "toml");
    for path in &paths {
        let text = std::fs::read_to_string(path).unwrap();
        let name = Path::new(path.file_name().unwrap());
        let Err(problems) = Policy::load(name, &text) else { panic!("{} loaded", path.display()) };
        let expect = std::fs::read_to_string(path.with_extension("expect")).unwrap_or_default();
        assert_eq!(show(&problems).trim(), expect.trim(), "{}", path.display());
    }
    assert_eq!(paths.len(), BAD, "cases were added or lost");
}

const BAD: usize = 15;

fn show(problems: &[mailpoort::problem::Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == extension));
    paths.sort();
    paths
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Domains {
    known: Vec<String>,
    look_alike: Vec<String>,
    other: Vec<String>,
}

#[test]
fn look_alike_domains() {
    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/look_alikes.toml")).unwrap();
    let domains: Domains = toml::from_str(&file).unwrap();
    let known = KnownDomains::new(domains.known.iter().map(String::as_str)).and_providers();
    let told = |domain: &&String| KnownDomains::resembled(&[&known], domain);
    let missed: Vec<_> = domains.look_alike.iter().filter(|domain| !told(domain)).collect();
    let false_alarms: Vec<_> = domains.other.iter().filter(told).collect();
    assert!(missed.is_empty() && false_alarms.is_empty(), "missed {missed:?}, false alarms {false_alarms:?}");
}

proptest! {
    /// More in a mail is never answered weaker.
    #[test]
    fn no_superset_is_answered_weaker(
        less in vec(0..40usize, 0..6),
        more in vec(0..40usize, 1..4),
        to in 0..14usize,
        flags in 0..16u8,
    ) {
        static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::shipped().unwrap());
        let policy = &*POLICY;
        let kinds: Vec<String> = Kind::ALL.iter().map(|kind| kind.word().to_string()).collect();
        let several = ["bsn*2", "pupil_name*10", "student_number*11", "health:light", "care:light", "pupil_name#99"];
        let found: Vec<String> = kinds.into_iter().chain(several.map(str::to_string)).collect();
        let unread: Vec<String> = Why::ALL.iter().map(|why| why.word().to_string()).collect();
        let others = ["one@ouder.example", "barred@ouder.example", "a@confidential.example", "jan@gmial.com"];
        let to = COLUMNS.into_iter().chain(others).nth(to).unwrap();
        let strength = |items: &[usize]| {
            let case = Case {
                found: items.iter().filter_map(|item| found.get(*item).cloned()).collect(),
                unread: items.iter().filter_map(|item| unread.get(item.checked_sub(found.len())?).cloned()).collect(),
                calendar: flags & 1 > 0,
                program: flags & 2 > 0,
                new_domains: if flags & 4 > 0 { vec!["post.example".to_string()] } else { vec![] },
                quote_of: (flags & 8 > 0).then(|| to.to_string()),
                ..Case::new()
            };
            let decision = verdict(&case, to, policy).decisions.remove(0);
            (decision.route, (decision.route != decide::Route::Pass).then_some(decision.asked), decision.advise)
        };
        let all: Vec<usize> = less.iter().chain(&more).copied().collect();
        let (weak, strong) = (strength(&less), strength(&all));
        prop_assert!(weak <= strong, "{to}: {weak:?} becomes {strong:?}");
    }
}
