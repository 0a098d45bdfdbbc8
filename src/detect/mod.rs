//! Texts, rules and roster -> findings.
//!
//! Each text is read once into words and numbers ([`reading`]); rules and roster are matched over those
//! in one pass each; then every candidate is scored by what stands around it. A finding says why, feature
//! by feature, in log-odds, and its confidence is the logistic of their sum. A page that only repeats the
//! plain text before it is not read again: its findings would be the same, and stand in the same body.
//!
//! It never judges what may be sent (that is `decide`'s), opens no file and cannot fail. Time and memory
//! are linear in the text. A value that repeats is reported at most [`REPEATS`] times a text and rule.

mod bsn;
mod codes;
mod columns;
mod everyday;
mod finding;
mod fold;
mod grade;
mod lines;
mod marks;
mod names;
mod numbers;
mod once;
mod opened;
mod password;
mod people;
mod reading;
mod rule;
mod rules;
mod scene;
mod score;
mod sieve;
mod special;
mod twin;
mod words;
mod zone;

use std::collections::HashMap;
use std::ops::Range;

use crate::extract::{Spot, Text, Texts, Writer};
use crate::message::Day;
use crate::secret::Secret;

pub use codes::{LiveCodes, Told};
pub use everyday::is_everyday;
pub use finding::{Feature, Finding, Kind, PupilKey, Strength, Zone};
pub use fold::fold as same_spelling;
pub use names::NameIndex;
pub use rule::{Both, Check, RuleMode};
pub use rules::{Rule, Rules};

use reading::{Reading, word_hash};
use scene::{Message, Scene, about};
use score::Score;
use zone::Zones;

/// How often the same value is reported in the same text by the same rule.
pub const REPEATS: u32 = 1_000;
/// How many findings of one text are reported at all.
pub const MOST_FINDINGS: usize = 50_000;
/// A longer text is scored as soon as it is read, so that its words need not be kept for the end.
const LARGE: usize = 1 << 20;
/// From here on, what is said of somebody makes a first name count.
const COUNTS: f32 = 0.5;
/// What is allowed does not count, whatever speaks for it.
const ALLOWED: f32 = -30.0;

/// Everything that the rules, and the roster if there is one, find in the texts; in text order.
pub fn findings(texts: &Texts, rules: &Rules, names: Option<&NameIndex>) -> Vec<Finding> {
    findings_with(texts, rules, names, (&LiveCodes::default(), ""))
}

/// The same, and the access codes of secure shares of this school among them.
pub fn findings_with(
    texts: &Texts,
    rules: &Rules,
    names: Option<&NameIndex>,
    (codes, school): (&LiveCodes, &str),
) -> Vec<Finding> {
    let mut message = Message::default();
    let mut waiting: Vec<Scene<'_>> = Vec::new();
    let mut terms = false;
    let mut found: Vec<Vec<Finding>> = texts.texts.iter().map(|_| Vec::new()).collect();
    // The text before, when it holds nothing that the borders of paragraphs could change.
    let mut plain: Option<&Text> = None;
    let from = texts.texts.iter().find(|text| text.place.spot == Spot::Header("From".into()));
    let sender = from.map(|from| names::Staff::sender(&Reading::new(from))).unwrap_or_default();
    for (index, text) in texts.texts.iter().enumerate() {
        if plain.take().is_some_and(|plain| twin::are_twins(plain, text)) {
            continue;
        }
        let scene = Scene::new(index, Reading::new(text), rules, names.map(|names| (names, &sender)));
        terms |= special::any(&scene, rules);
        plain = (!special::may_count(&scene, rules)).then_some(text);
        message.about |= scene.whole;
        if text.place.spot == Spot::Subject {
            message.subject |= scene.whole;
        }
        if text.text.len() > LARGE {
            put(&mut found, index, text_findings(&scene, rules, names, message, &texts.writers));
        } else {
            waiting.push(scene);
        }
    }
    if let (true, Some(names)) = (terms, names) {
        settle(&mut waiting, names, &mut message);
    }
    for scene in waiting {
        put(&mut found, scene.index, text_findings(&scene, rules, names, message, &texts.writers));
    }
    for (index, finding) in opened::findings(texts, rules) {
        found.get_mut(index).into_iter().for_each(|found| found.push(finding.clone()));
    }
    for (index, finding) in codes::findings(texts, rules, codes, school) {
        found.get_mut(index).into_iter().for_each(|found| found.push(finding.clone()));
    }
    once::only(found.into_iter().flatten().collect())
}

/// Who is really meant by the names, now that all of the message is known.
fn settle(scenes: &mut [Scene<'_>], names: &NameIndex, message: &mut Message) {
    let known = *message;
    message.about &= !about::PERSON;
    for scene in scenes {
        people::settle(scene, names, known);
        message.about |= scene.whole;
    }
}

fn put(found: &mut [Vec<Finding>], index: usize, findings: Vec<Finding>) {
    if let Some(place) = found.get_mut(index) {
        *place = findings;
    }
}

/// What one text holds.
fn text_findings<'s>(
    scene: &'s Scene<'_>,
    rules: &Rules,
    names: Option<&'s NameIndex>,
    message: Message,
    writers: &'s [Writer],
) -> Vec<Finding> {
    let zones = Zones::new(scene.reading.text, writers);
    let (findings, repeats) = (Vec::new(), HashMap::new());
    let mut report = Report { scene, names, zones, findings, repeats, today: rules.today() };
    let numbers = numbers::numbers(&scene.reading);
    for check in [Check::Bsn, Check::EducationNumber] {
        let Some((_, rule)) = rules.with_check(check) else { continue };
        for (number, score) in bsn::scored(scene, rules, message, &report.zones, &numbers, check) {
            report.tokens(rule, number.first, number.last, score, None);
        }
    }
    let others = marks::scored(scene, rules, names).into_iter().chain(grade::scored(scene, rules));
    let others = others.chain(password::scored(scene, rules)).chain(lines::scored(scene, rules));
    for mark in others {
        report.add(mark.rule, mark.range, mark.token, mark.score, mark.pupil);
    }
    let mut special = vec![false; scene.segments.len()];
    for (word, rule, score) in special::scored(scene, rules, message) {
        let counts =
            report.tokens(rule, word.first, word.last, score, None).is_some_and(|confidence| confidence >= COUNTS);
        if counts && rule.mode >= RuleMode::Advise && special::is_special(rule.kind) {
            note_special(scene, word.first, &mut special);
        }
    }
    if let (Some(index), Some((_, rule))) = (names, rules.with_check(Check::Names)) {
        for hit in &scene.names {
            let segment = scene.reading.token(hit.first as usize).map_or(0, |token| token.segment as usize);
            let near = special.get(segment).copied().unwrap_or_default();
            let score = people::score(scene, index, message, hit, near);
            report.tokens(rule, hit.first, hit.last, score, Some(hit.pupil));
        }
    }
    let mut findings = report.findings;
    findings.sort_by_key(|finding| (finding.range.start, finding.range.end));
    findings
}

/// Marks the segment of a special term, the rest of its row, and the sentence before it when only that
/// one names somebody.
fn note_special(scene: &Scene<'_>, token: u32, special: &mut [bool]) {
    let Some(token) = scene.reading.token(token as usize) else { return };
    let at = token.segment as usize;
    let row = scene.reading.segment(token).row;
    let own = scene.segments.get(at).copied().unwrap_or_default();
    let mut mark = |at: usize| special.get_mut(at).is_some_and(|mark| !std::mem::replace(mark, true));
    mark(at);
    if let Some(row) = row {
        let same = |at: usize| scene.reading.segments.get(at).is_some_and(|segment| segment.row == Some(row));
        // A cell that is marked already has had its row marked.
        let mut next = at + 1;
        while same(next) && mark(next) {
            next += 1;
        }
        let mut before = at;
        while before > 0 && same(before - 1) && mark(before - 1) {
            before -= 1;
        }
    } else if own & (about::PUPIL | about::FIRST) == 0 && at > 0 {
        mark(at - 1);
    }
}

struct Report<'s, 'a> {
    scene: &'s Scene<'a>,
    names: Option<&'s NameIndex>,
    zones: Zones<'s>,
    findings: Vec<Finding>,
    /// How often a rule, known by where it lies, found a value.
    repeats: HashMap<(*const Rule, u64), u32>,
    today: Day,
}

impl Report<'_, '_> {
    fn tokens(&mut self, rule: &Rule, first: u32, last: u32, score: Score, pupil: Option<u32>) -> Option<f32> {
        let start = self.scene.reading.token(first as usize)?.start as usize;
        let end = self.scene.reading.token(last as usize)?.end as usize;
        Some(self.add(rule, start..end, first, score, pupil))
    }

    fn add(&mut self, rule: &Rule, range: Range<usize>, token: u32, mut score: Score, pupil: Option<u32>) -> f32 {
        let reading = &self.scene.reading;
        let folded = reading.folded.text.get(range.clone()).unwrap_or_default();
        let value = word_hash(folded.as_bytes());
        score.add("the rule's own weight", rule.weight);
        let origin = reading.folded.origin(range.clone());
        let zone = self.zones.at(origin.start);
        if let Some((name, weight)) = zone::weight(zone, rule.kind) {
            score.add(name, weight);
        }
        if let Some(exception) = rule.allowed.exception(folded, self.today) {
            score.add(format!("allowed until {} by {}", exception.until, exception.owner), ALLOWED);
        }
        let (confidence, why) = score.close();
        let repeats = self.repeats.entry((std::ptr::from_ref(rule), value)).or_default();
        *repeats += 1;
        if *repeats > REPEATS || self.findings.len() >= MOST_FINDINGS {
            return confidence;
        }
        let cell =
            reading.token(token as usize).and_then(|token| reading.segment(token).cell).map(|cell| cell as usize);
        self.findings.push(Finding {
            rule: rule.id.clone(),
            kind: rule.kind,
            strength: rule.strength,
            text: self.scene.index,
            place: reading.text.place.clone(),
            found: Secret::new(reading.folded.as_written(range.clone()).to_owned()),
            range: origin,
            cell,
            confidence,
            why,
            pupil: pupil.and_then(|pupil| self.names?.key(pupil)),
            mode: rule.mode,
            threshold: rule.threshold,
            zone: zone.clone(),
        });
        confidence
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::extract::Place;
    use crate::roster::Roster;

    fn found(text: &str) -> Vec<Finding> {
        let roster = Roster::from_names(&["Sanne van den Berg", "Daan Visser"]);
        let text = Text { text: text.to_owned(), ..Text::default() };
        let texts = Texts { texts: vec![text], ..Texts::default() };
        findings(&texts, &Rules::shipped().unwrap(), Some(&NameIndex::new(&roster)))
    }

    fn kinds(text: &str) -> Vec<Kind> {
        found(text).iter().filter(|finding| finding.confidence >= COUNTS).map(|finding| finding.kind).collect()
    }

    #[test]
    fn a_finding_says_why_and_its_confidence_is_their_sum() {
        let found = found("Het BSN van Sanne van den Berg is 123456782.");
        let bsn = found.iter().find(|finding| finding.kind == Kind::Bsn).unwrap();
        let sum: f32 = bsn.why.iter().map(|feature| feature.weight).sum();
        assert!((bsn.confidence - 1.0 / (1.0 + (-sum).exp())).abs() < 1e-6);
        assert!(bsn.why.iter().all(|feature| !feature.name.contains("123456782")));
        assert_eq!(bsn.found.expose(), "123456782");
    }

    #[test]
    fn what_hides_a_bsn_from_a_search_does_not_hide_it_here() {
        for text in [
            "BSN 1\u{200B}2\u{200B}3456782",
            "bsn: １２３４５６７８２",
            "BSN den123456782",
            "BSN 1\t2\t3\t4\t5\t6\t7\t8\t2",
            "BSN \u{202E}287654321\u{202C}",
            "Jan heeft BSN 12345\n> 6782.",
        ] {
            assert!(kinds(text).contains(&Kind::Bsn), "{text:?}");
        }
    }

    #[test]
    fn what_stands_in_both_bodies_is_found_once() {
        let body = |spot, text: &str| Text {
            place: Place { spot, ..Place::default() },
            text: text.to_owned(),
            cells: Vec::new(),
        };
        let names = NameIndex::new(&Roster::from_names(&["Sanne van den Berg", "Daan Visser"]));
        let count = |plain: &str, page: &str| {
            let texts = vec![body(Spot::Text, plain), body(Spot::Html, page)];
            let texts = Texts { texts, ..Texts::default() };
            findings(&texts, &Rules::shipped().unwrap(), Some(&names)).len()
        };
        assert_eq!(count("Hallo,\n\nDaan Visser las voor.", "Hallo,\nDaan Visser las voor."), 1);
        assert_eq!(count("Hallo,\n\nDaan Visser las.", "Hallo,\nDaan Visser las voor."), 1);
        assert_eq!(count("Hallo,\n\nDaan Visser las.", "Hallo,\nSanne van den Berg las voor."), 2);
        assert_eq!(count("Daan\n\nVisser las voor.", "Daan Visser las voor."), 2);
    }

    #[test]
    fn a_value_that_repeats_is_reported_a_bounded_number_of_times() {
        assert_eq!(found(&"BSN 123456782. ".repeat(3_000)).len(), REPEATS as usize);
    }

    proptest! {
        #[test]
        fn nine_digits_that_fail_the_elfproef_are_never_a_bsn(number in 0u32..1_000_000_000) {
            let text = format!("{number:09}");
            let digits: Vec<u8> = text.bytes().map(|byte| byte - b'0').collect();
            let digits: [u8; 9] = digits.try_into().unwrap();
            let expected = numbers::is_bsn(&digits);
            let text = format!("Het BSN is {text}.");
            prop_assert_eq!(found(&text).iter().any(|finding| finding.kind == Kind::Bsn), expected);
        }

        #[test]
        fn other_spaces_and_breaks_keep_a_finding(at in 1usize..8, gap in "[ \u{A0}.\u{2009}/-]|\n> |\n") {
            let (left, right) = "123456782".split_at(at);
            let text = format!("Het BSN is {left}{gap}{right}.");
            prop_assert!(kinds(&text).contains(&Kind::Bsn));
        }

        #[test]
        fn nothing_that_is_written_makes_it_panic(text in "[\\PC\n\t0-9A-Z@;,.]{0,200}") {
            found(&text);
        }
    }
}
