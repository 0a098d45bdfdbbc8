//! The shipped policy, row by row, and policies that must be refused with the right sentence.
//!
//! `tests/policy/*.toml`: cases against rules/policy/school.toml. `tests/bad_policy/*.toml` + `.expect`:
//! one problem a line, as it is shown.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailpoort::decide::{self, ClassList, Classes, Mode, Policy};
use mailpoort::detect::{Finding, Kind, PupilKey, RuleMode, Strength, Zone};
use mailpoort::extract::{Place, Unread, Why};
use mailpoort::message::{Envelope, Headers, Mailbox, Recipient, Source};
use mailpoort::school::{Contact, School};
use mailpoort::secret::Secret;
use serde::Deserialize;

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
    /// `kind`, `kind:light`, `kind*3` (three different ones), `kind@0.4` (confidence).
    #[serde(default)]
    found: Vec<String>,
    #[serde(default)]
    unread: Vec<String>,
    #[serde(default = "enforce")]
    mode: Mode,
    content: String,
    /// Recipient -> route, line, and what else the decision says.
    to: BTreeMap<String, String>,
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
    for path in files("tests/policy", "toml") {
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
    let idle: Vec<&str> = policy.lines.iter().map(|line| &*line.id).filter(|id| !used.contains(*id)).collect();
    assert!(idle.is_empty(), "no case reaches {idle:?}");
}

const CASES: usize = 63;
const RECIPIENTS: usize = 164;

fn judge(case: &Case, to: &str, policy: &Policy) -> (String, &'static str) {
    let envelope = Envelope {
        sender: Mailbox::parse(&case.from).ok(),
        recipients: vec![Recipient { mailbox: Mailbox::parse(to).unwrap(), parameters: String::new() }],
        source: Source { program: case.program, ..Source::default() },
    };
    let headers = Headers { calendar: case.calendar, auto_submitted: case.auto_submitted, ..Headers::default() };
    let findings: Vec<Finding> = case.found.iter().flat_map(|word| found(word)).collect();
    let why = |word: &String| Why::ALL.into_iter().find(|why| why.word() == word).expect(word);
    let unread: Vec<Unread> =
        case.unread.iter().map(|word| Unread { place: Place::default(), why: why(word) }).collect();
    let verdict = decide::verdict(&envelope, &headers, &school(), &findings, &unread, policy, &classes(), case.mode);
    let decision = &verdict.decisions[0];
    let mut got = format!("{} {}", decision.route.word(), decision.line);
    if decision.asked != decision.route {
        got.push_str(&format!(" asked={}", decision.asked.word()));
    }
    if decision.advise {
        got.push_str(" advise");
    }
    if let Some(advice) = &decision.advice {
        got.push_str(&format!(" advice={advice}"));
    }
    if let Some(next) = verdict.next.get(&decision.class).filter(|next| !next.is_empty()) {
        got.push_str(&format!(" next={}", next.join(",")));
    }
    (got, verdict.content.word())
}

#[test]
fn each_recipient_has_its_own_decision() {
    let to = ["a@delinde.example", "a@post.example", "a@safety.example", "a@gov.example"];
    let recipient = |to: &str| Recipient { mailbox: Mailbox::parse(to).unwrap(), parameters: String::new() };
    let envelope = Envelope { recipients: to.map(recipient).into(), ..Envelope::default() };
    let findings = found("bsn");
    let policy = Policy::shipped().unwrap();
    let headers = Headers::default();
    let judged = decide::verdict(&envelope, &headers, &school(), &findings, &[], &policy, &classes(), Mode::Enforce);
    let got: Vec<String> = judged.decisions.iter().map(|d| format!("{} {}", d.class, d.route.word())).collect();
    assert_eq!(got, ["inside pass", "unknown block", "safety pass", "gov block"]);
    assert_eq!(judged.strictest(), decide::Route::Block);
    assert_eq!(judged.kinds, BTreeMap::from([(Kind::Bsn, 2)]));
}

fn found(word: &str) -> Vec<Finding> {
    let (word, confidence) = word.split_once('@').map_or((word, 0.9), |(w, c)| (w, c.parse().unwrap()));
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
        mode: RuleMode::Enforce,
        threshold: None,
        zone: Zone::New,
    };
    // Each twice, as in a mail with a text and an HTML body: distinct values count.
    (0..count).flat_map(|n| [finding(n), finding(n)]).collect()
}

/// `x@care.example` is a care partner, and so on.
fn classes() -> Classes {
    let list = |class: &str| ClassList { domains: vec![format!("{class}.example")], addresses: vec![] };
    let mut listed: BTreeMap<String, ClassList> =
        decide::listable().map(|class| (class.to_string(), list(class))).collect();
    listed.insert("own_guardian".to_string(), list("guardian"));
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
        deputy: None,
        helpdesk: desk,
        fg: None,
        channels: BTreeMap::new(),
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

const BAD: usize = 12;

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
