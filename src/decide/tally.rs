//! What a message holds, counted once: kinds, strengths, pupils, unread parts.
//!
//! Counts distinct values, since a mail with a plain and an HTML body says everything twice. Never keeps a found value
//! longer than the counting takes. Linear in the findings; cannot fail.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::policy::{Policy, When};
use crate::detect::{Finding, Kind, Strength};
use crate::extract::{Unread, Why};

/// The findings that count under this policy.
pub fn counted<'a>(findings: &'a [Finding], policy: &Policy) -> impl Iterator<Item = &'a Finding> {
    let min = policy.min_confidence;
    findings.iter().filter(move |finding| finding.is_sure(min))
}

/// How many different pupils these findings speak of, at least.
pub fn pupils<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> usize {
    Pupils::new(findings).count(&BTreeSet::new())
}

/// A found value in the form in which two of them are compared: numbers without points, spaces or leading
/// zeros, words in lower case; a pupil of the roster by its key. For counting only.
pub fn value_of(finding: &Finding) -> String {
    let found = finding.found.expose();
    match (finding.kind, &finding.pupil) {
        (Kind::PupilName, Some(pupil)) => pupil.0.to_string(),
        (Kind::Bsn | Kind::EducationNumber, _) => {
            let digits: String = found.chars().filter(char::is_ascii_digit).collect();
            digits.trim_start_matches('0').to_string()
        }
        _ => found.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect(),
    }
}

/// Only health and care come in two strengths; a policy is checked on that ground when it loads.
pub(super) fn strength_of(finding: &Finding) -> Strength {
    match finding.kind {
        Kind::Health | Kind::Care => finding.strength,
        _ => Strength::Heavy,
    }
}

/// The pupils of a message, by the kinds of findings that speak of them.
#[derive(Debug, Clone, Default)]
struct Pupils {
    /// How many pupils are named by exactly these kinds of findings.
    named: BTreeMap<BTreeSet<Kind>, usize>,
    /// Distinct numbers by kind.
    numbers: BTreeMap<Kind, usize>,
}

impl Pupils {
    fn new<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut by_pupil: HashMap<String, BTreeSet<Kind>> = HashMap::new();
        let mut numbers: BTreeMap<Kind, HashSet<String>> = BTreeMap::new();
        for finding in findings {
            let name = match (&finding.pupil, finding.kind) {
                (Some(pupil), _) => Some(pupil.0.to_string()),
                (None, Kind::PupilName) => Some(value_of(finding)),
                _ => None,
            };
            if let Some(name) = name {
                by_pupil.entry(name).or_default().insert(finding.kind);
            }
            if matches!(finding.kind, Kind::Bsn | Kind::EducationNumber | Kind::StudentNumber) {
                numbers.entry(finding.kind).or_default().insert(value_of(finding));
            }
        }
        let mut named = BTreeMap::new();
        for kinds in by_pupil.into_values() {
            *named.entry(kinds).or_insert(0) += 1;
        }
        Self { named, numbers: numbers.into_iter().map(|(kind, values)| (kind, values.len())).collect() }
    }

    /// How many are left without the findings of some kinds. Rows cannot be joined here, so a pupil with name and BSN
    /// must not count twice: the largest of the three ways of counting is taken.
    fn count(&self, gone: &BTreeSet<Kind>) -> usize {
        let named = self.named.iter().filter(|(kinds, _)| !kinds.is_subset(gone)).map(|(_, pupils)| pupils).sum();
        let of = |kind: Kind| self.numbers.get(&kind).filter(|_| !gone.contains(&kind)).copied().unwrap_or_default();
        (of(Kind::Bsn) + of(Kind::EducationNumber)).max(of(Kind::StudentNumber)).max(named)
    }
}

/// Everything in a message that policy lines ask about, counted.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Distinct values by kind.
    pub(super) distinct: BTreeMap<Kind, usize>,
    /// Distinct values by kind and strength.
    graded: BTreeMap<(Kind, Strength), usize>,
    pupils: Pupils,
    /// The kinds that are taken out.
    gone: BTreeSet<Kind>,
    /// The most pupils that are left in.
    most_pupils: usize,
    pub(super) unread: BTreeSet<Why>,
}

impl Tally {
    pub(super) fn new(findings: &[&Finding], unread: &[Unread]) -> Self {
        let (mut distinct, mut graded) = (BTreeMap::new(), BTreeMap::new());
        let mut seen: HashMap<(Kind, String), Vec<Strength>> = HashMap::new();
        for finding in findings {
            let strengths = seen.entry((finding.kind, value_of(finding))).or_default();
            if strengths.is_empty() {
                *distinct.entry(finding.kind).or_insert(0) += 1;
            }
            let strength = strength_of(finding);
            if !strengths.contains(&strength) {
                *graded.entry((finding.kind, strength)).or_insert(0) += 1;
                strengths.push(strength);
            }
        }
        Self {
            distinct,
            graded,
            pupils: Pupils::new(findings.iter().copied()),
            gone: BTreeSet::new(),
            most_pupils: usize::MAX,
            unread: unread.iter().map(|unread| unread.why).collect(),
        }
    }

    /// These findings, with the unread parts of another.
    pub(super) fn with_unread_of(self, other: &Self) -> Self {
        Self { unread: other.unread.clone(), ..self }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.distinct.is_empty() && self.unread.is_empty()
    }

    pub(super) fn pupils(&self) -> usize {
        self.pupils.count(&self.gone).min(self.most_pupils)
    }

    /// Whether a line's questions about the content hold.
    pub(super) fn fit(&self, when: &When) -> bool {
        self.fit_kinds(when)
            && (when.pupils_min == 0 || self.pupils() >= when.pupils_min)
            && (when.unread.is_empty() || when.unread.iter().any(|why| self.unread.contains(why)))
    }

    fn fit_kinds(&self, when: &When) -> bool {
        let count = |kind: &Kind| match when.strength {
            None => self.distinct.get(kind),
            Some(strength) => self.graded.get(&(*kind, strength)),
        };
        let total: usize = when.kinds.iter().filter_map(count).sum();
        let enough = when.kinds.is_empty() || total >= when.min.max(1);
        enough && when.all_of.iter().all(|kind| count(kind).is_some())
    }

    /// Without what a line asks about: its kinds, else the pupils beyond its number, else the unread parts.
    pub(super) fn take_out(&mut self, when: &When) {
        let kinds = if when.kinds.is_empty() { &when.all_of } else { &when.kinds };
        for kind in kinds {
            let left: usize = match when.strength {
                None => 0,
                Some(strength) => {
                    self.graded.remove(&(*kind, strength));
                    self.graded.iter().filter(|((graded, _), _)| graded == kind).map(|(_, count)| count).sum()
                }
            };
            if left > 0 {
                self.distinct.insert(*kind, left);
            } else {
                self.distinct.remove(kind);
                self.graded.retain(|(graded, _), _| graded != kind);
                self.gone.insert(*kind);
            }
        }
        if kinds.is_empty() && when.pupils_min > 0 {
            self.most_pupils = self.most_pupils.min(when.pupils_min - 1);
        } else if kinds.is_empty() {
            self.unread.retain(|why| !when.unread.contains(why));
        }
    }
}
