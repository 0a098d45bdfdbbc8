//! What `scan` prints: JSON in the corpus's schema, or lines for people.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Arguments;
use crate::commands::say;
use crate::decide::{self, Content, Policy};
use crate::detect::{Finding, Kind};
use crate::extract::Receipt;
use crate::gate::Scan;
use crate::message::Mail;

#[derive(Serialize)]
struct Message<'s> {
    file: &'s str,
    verdict: &'static str,
    special: bool,
    findings: Vec<Found<'s>>,
    unread: Vec<Unread>,
    parts: Vec<Part<'s>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<Route<'s>>,
}

#[derive(Serialize)]
struct Found<'s> {
    rule: &'s str,
    kind: &'static str,
    part: String,
    /// The part of the document: a sheet, a page, a comment.
    #[serde(skip_serializing_if = "String::is_empty")]
    section: String,
    /// Code points in the text of the part.
    start: usize,
    end: usize,
    text: &'s str,
    confidence: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pupil: Option<&'s str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    why: Vec<Why<'s>>,
}

#[derive(Serialize)]
struct Why<'s> {
    feature: &'s str,
    weight: f32,
}

#[derive(Serialize)]
struct Unread {
    part: String,
    why: &'static str,
}

/// A line of the receipt.
#[derive(Serialize)]
struct Part<'s> {
    part: String,
    format: &'s str,
    octets: usize,
    read: bool,
    /// Why it, or some of it, is unread.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    why: Vec<&'static str>,
    /// A password of the message opened it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    opened: bool,
}

#[derive(Serialize)]
struct Route<'s> {
    to: &'s str,
    class: &'s str,
    /// What happens in this mode, and what the line asks for.
    route: &'static str,
    asked: &'static str,
    line: &'s str,
}

#[derive(Serialize)]
struct Read<'s> {
    file: &'s str,
    texts: Vec<ReadText<'s>>,
    unread: Vec<Unread>,
    parts: Vec<Part<'s>>,
}

#[derive(Serialize)]
struct ReadText<'s> {
    place: String,
    text: &'s str,
}

pub(super) fn print(file: &str, mail: &Mail, scan: &Scan, policy: &Policy, arguments: &Arguments) {
    match (arguments.text, arguments.json) {
        (true, true) => json(&read(file, scan)),
        (true, false) => text(file, scan),
        (false, true) => json(&message(file, mail, scan, arguments.explain)),
        (false, false) => people(file, mail, scan, policy, arguments.explain),
    }
}

fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => say(line),
        Err(error) => crate::commands::complain(error),
    }
}

fn message<'s>(file: &'s str, mail: &'s Mail, scan: &'s Scan, explain: bool) -> Message<'s> {
    let special = scan.verdict.kinds.keys().any(|kind| is_special(*kind));
    Message {
        file,
        verdict: scan.verdict.content.word(),
        special,
        findings: findings(scan, explain),
        unread: unread(scan),
        parts: parts(scan),
        routes: routes(mail, scan),
    }
}

fn is_special(kind: Kind) -> bool {
    matches!(kind, Kind::Health | Kind::Care | Kind::BeliefOrigin | Kind::Criminal)
}

fn findings(scan: &Scan, explain: bool) -> Vec<Found<'_>> {
    let mut counters: BTreeMap<usize, CodePoints<'_>> = BTreeMap::new();
    scan.findings
        .iter()
        .map(|finding| {
            let text = scan.texts.texts.get(finding.text).map_or("", |text| text.text.as_str());
            let counter = counters.entry(finding.text).or_insert_with(|| CodePoints { text, byte: 0, count: 0 });
            let start = counter.at(finding.range.start);
            Found {
                rule: &finding.rule,
                kind: finding.kind.word(),
                part: finding.place.path(),
                section: finding.place.section.words(),
                start,
                end: start + text.get(finding.range.clone()).map_or(0, |found| found.chars().count()),
                text: finding.found.expose(),
                confidence: finding.confidence,
                pupil: finding.pupil.as_ref().map(|pupil| &*pupil.0),
                why: if explain {
                    finding.why.iter().map(|f| Why { feature: &f.name, weight: f.weight }).collect()
                } else {
                    Vec::new()
                },
            }
        })
        .collect()
}

/// Counts code points up to a byte offset, going on from the last one where it can.
struct CodePoints<'t> {
    text: &'t str,
    byte: usize,
    count: usize,
}

impl CodePoints<'_> {
    fn at(&mut self, byte: usize) -> usize {
        if byte < self.byte {
            (self.byte, self.count) = (0, 0);
        }
        self.count += self.text.get(self.byte..byte).map_or(0, |between| between.chars().count());
        self.byte = byte;
        self.count
    }
}

fn unread(scan: &Scan) -> Vec<Unread> {
    scan.texts
        .unread
        .iter()
        .map(|unread| Unread { part: unread.place.path_and_section(), why: unread.why.word() })
        .collect()
}

fn parts(scan: &Scan) -> Vec<Part<'_>> {
    let part = |receipt: &'_ Receipt| {
        let mut why: Vec<&str> = receipt.unread.iter().map(|why| why.word()).collect();
        why.sort_unstable();
        why.dedup();
        (receipt.place.path(), receipt.octets, receipt.read, why, receipt.opened.is_some())
    };
    let receipts = scan.texts.receipts.iter().map(|receipt| (part(receipt), receipt.format.as_str()));
    receipts
        .map(|((part, octets, read, why, opened), format)| Part { part, format, octets, read, why, opened })
        .collect()
}

fn routes<'s>(mail: &'s Mail, scan: &'s Scan) -> Vec<Route<'s>> {
    let recipients = mail.envelope.recipients.iter().zip(&scan.verdict.decisions);
    recipients
        .map(|(recipient, d)| Route {
            to: recipient.mailbox.typed(),
            class: &d.class,
            route: d.route.word(),
            asked: d.asked.word(),
            line: &d.line,
        })
        .collect()
}

fn read<'s>(file: &'s str, scan: &'s Scan) -> Read<'s> {
    let texts = scan
        .texts
        .texts
        .iter()
        .map(|text| ReadText { place: text.place.path_and_section(), text: &text.text })
        .collect();
    Read { file, texts, unread: unread(scan), parts: parts(scan) }
}

fn text(file: &str, scan: &Scan) {
    say(file);
    for text in &scan.texts.texts {
        say(format!("\n[{}]\n{}", text.place.path_and_section(), text.text.trim_end()));
    }
    unread(scan).iter().for_each(|unread| say(format!("\n[{}] is unread: {}", unread.part, unread.why)));
}

fn people(file: &str, mail: &Mail, scan: &Scan, policy: &Policy, explain: bool) {
    let content = match scan.verdict.content {
        Content::Clean => "clean",
        Content::Personal => "personal data",
        Content::Special => "special personal data",
        Content::Bulk => "data of ten pupils or more",
    };
    say(format!("{file}: {content}"));
    let mut groups: BTreeMap<(String, Kind, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in decide::counted(&scan.findings, policy) {
        groups.entry((finding.place.path_and_section(), finding.kind, &*finding.rule)).or_default().push(finding);
    }
    for ((place, kind, rule), findings) in groups {
        let surest = findings.iter().map(|f| f.confidence).fold(0.0, f32::max);
        say(format!("  {place}: {} x {}  (rule {rule}, confidence up to {surest:.2})", findings.len(), kind.word()));
        for feature in findings.first().filter(|_| explain).into_iter().flat_map(|finding| &finding.why) {
            say(format!("      {:+.1}  {}", feature.weight, feature.name));
        }
    }
    for Part { part, format, octets, why, .. } in parts(scan).iter().filter(|part| part.read && part.format != "text") {
        let rest = if why.is_empty() { String::new() } else { format!(", but for some of it: {}", why.join(", ")) };
        say(format!("  {part}: read as {format}, {octets} octets{rest}"));
    }
    unread(scan).iter().for_each(|unread| say(format!("  {}: unread, {}", unread.part, unread.why)));
    routes(mail, scan).iter().for_each(|r| {
        let asked = if r.asked == r.route { String::new() } else { format!(" (would be {} when enforced)", r.asked) };
        say(format!("  to {} ({}): {}{asked}, by policy line {}", r.to, r.class, r.route, r.line));
    });
}
