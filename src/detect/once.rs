//! Once: what stands in the new text and again in the quote below it, or in both forms of one body, is one finding.
//!
//! Kept is the one that weighs most in policy: the sender's own words before a quote (which may go back to its author),
//! the plain text before the page. A surer finding is never dropped for one that is less sure. A value that repeats
//! within one zone of one text keeps all its places. Linear in the findings, and never fails.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::finding::{Finding, Kind, Zone};
use crate::extract::Spot;

/// The findings without those that only repeat another one elsewhere in the same body.
pub fn only(findings: Vec<Finding>) -> Vec<Finding> {
    let mut places = findings.iter().map(|finding| Best::of(finding).rank);
    let first = places.next();
    // A mail without a quote in one form: most are.
    if places.all(|place| Some(place) == first) {
        return findings;
    }
    let keys: Vec<Option<u64>> = findings.iter().map(key).collect();
    let mut best: HashMap<u64, Best> = HashMap::new();
    for (finding, key) in findings.iter().zip(&keys) {
        if let Some(key) = *key {
            let here = Best::of(finding);
            best.entry(key).and_modify(|best| *best = best.or(here)).or_insert(here);
        }
    }
    let repeats = |finding: &Finding, key: Option<u64>| {
        key.and_then(|key| best.get(&key)).is_some_and(|best| best.rank != Best::of(finding).rank)
    };
    findings
        .into_iter()
        .zip(keys)
        .filter(|(finding, key)| !repeats(finding, *key))
        .map(|(finding, _)| finding)
        .collect()
}

/// The best place of one value.
#[derive(Clone, Copy)]
struct Best {
    sure: bool,
    /// Smaller is kept.
    rank: (u8, usize),
}

impl Best {
    fn of(finding: &Finding) -> Self {
        let zone = match finding.zone {
            Zone::New => 0,
            Zone::Quote { author: None } => 1,
            Zone::Quote { .. } => 2,
            Zone::Signature => 3,
            Zone::Disclaimer => 4,
        };
        Self { sure: finding.is_sure(SURE), rank: (zone, finding.text) }
    }

    fn or(self, other: Self) -> Self {
        let better = (other.sure, std::cmp::Reverse(other.rank)) > (self.sure, std::cmp::Reverse(self.rank));
        if better { other } else { self }
    }
}

/// Findings below this count nowhere, unless a policy says so.
const SURE: f32 = 0.5;

/// What is the same finding: its value in the bodies of one message. None elsewhere: files keep all their places.
fn key(finding: &Finding) -> Option<u64> {
    if !matches!(finding.place.spot, Spot::Text | Spot::Html) || finding.cell.is_some() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    finding.rule.hash(&mut hasher);
    finding.place.within.hash(&mut hasher);
    finding.pupil.hash(&mut hasher);
    let number = matches!(finding.kind, Kind::Bsn | Kind::EducationNumber);
    let kept = finding.found.expose().chars().filter(|c| if number { c.is_ascii_digit() } else { c.is_alphanumeric() });
    for letter in kept.flat_map(char::to_lowercase) {
        letter.hash(&mut hasher);
    }
    Some(hasher.finish())
}
