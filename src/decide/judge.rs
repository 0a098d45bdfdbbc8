//! Makes the verdict: what the message holds, counted once, then the policy asked for each recipient.
//!
//! Never looks at message bytes, only at findings, and never at a clock. Cannot fail; what could not be
//! read arrives as [`Unread`] and has a policy line. Classes of content: tests in `tests/policy.rs` and
//! the corpus's definition (bulk from ten pupils, whatever else).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::class::Classes;
use super::policy::{CLEAN, Line, MessageClass, Policy, UNANSWERED, When};
use super::sender::{SenderClass, sender_class};
use super::verdict::{Content, Decision, Mode, Route, Verdict};
use crate::detect::{Finding, Kind, Strength};
use crate::extract::{Unread, Why};
use crate::message::{Envelope, Headers};
use crate::school::School;

/// So many different pupils make a message a list.
const BULK_PUPILS: usize = 10;

/// Judges one message: one decision for each recipient, in envelope order.
///
/// `mode` is the school's ceiling: `observe` passes everything and advises nobody, `advise` passes and
/// advises, `enforce` carries out what each line asks for (unless that line has a lower mode itself).
#[expect(clippy::too_many_arguments, reason = "the inputs of the stage, each of them a value of its own")]
pub fn verdict(
    envelope: &Envelope,
    headers: &Headers,
    school: &School,
    findings: &[Finding],
    unread: &[Unread],
    policy: &Policy,
    classes: &Classes,
    mode: Mode,
) -> Verdict {
    let counted: Vec<&Finding> = counted(findings, policy).collect();
    let facts = Facts::new(&counted, unread, sender_class(envelope, headers, school), headers.calendar);
    let decide = |class: Arc<str>| {
        let line = policy.lines.iter().find(|line| facts.fit(&line.when, &class));
        facts.decision(line, class, mode)
    };
    let recipients = envelope.recipients.iter();
    let decisions: Vec<Decision> =
        recipients.map(|recipient| decide(classes.class_of(&recipient.mailbox, school))).collect();
    let blocked: BTreeSet<&Arc<str>> =
        decisions.iter().filter(|decision| decision.route == Route::Block).map(|decision| &decision.class).collect();
    let next = blocked.into_iter().map(|class| (class.clone(), facts.next(policy, class, mode))).collect();
    let mut kinds = BTreeMap::new();
    for finding in &counted {
        *kinds.entry(finding.kind).or_insert(0) += 1;
    }
    Verdict { decisions, next, content: facts.content(), kinds, unread: facts.unread.into_iter().collect() }
}

/// The findings that count under this policy.
pub fn counted<'a>(findings: &'a [Finding], policy: &Policy) -> impl Iterator<Item = &'a Finding> {
    let min = policy.min_confidence;
    findings.iter().filter(move |finding| finding.is_sure(min))
}

/// How many different pupils these findings speak of, at least.
pub fn pupils<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> usize {
    Pupils::new(findings).count(&BTreeSet::new())
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

/// What policy lines ask about, counted once for all recipients.
#[derive(Debug, Clone)]
struct Facts {
    /// Distinct values by kind.
    distinct: BTreeMap<Kind, usize>,
    /// Distinct values by kind and strength.
    graded: BTreeMap<(Kind, Strength), usize>,
    pupils: Pupils,
    /// The kinds that are taken out.
    gone: BTreeSet<Kind>,
    /// The most pupils that are left in.
    most_pupils: usize,
    unread: BTreeSet<Why>,
    sender: SenderClass,
    calendar: bool,
}

impl Facts {
    fn new(findings: &[&Finding], unread: &[Unread], sender: SenderClass, calendar: bool) -> Self {
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
            unread: unread.iter().map(|u| u.why).collect(),
            sender,
            calendar,
        }
    }

    fn pupils(&self) -> usize {
        self.pupils.count(&self.gone).min(self.most_pupils)
    }

    /// The lines that would block one after the other, when each time what the last one asks about is taken out.
    fn next(&self, policy: &Policy, class: &str, mode: Mode) -> Vec<Arc<str>> {
        let (mut facts, mut next) = (self.clone(), Vec::new());
        // A line that asks about nothing in the mail blocks it whatever is taken out; each other takes something.
        for _ in 0..policy.lines.len() {
            let fits = policy.lines.iter().find(|line| facts.fit(&line.when, class));
            let Some(line) = fits.filter(|line| line.route == Route::Block && line.mode.min(mode) == Mode::Enforce)
            else {
                break;
            };
            if next.last() == Some(&line.id) {
                break;
            }
            next.push(line.id.clone());
            facts.take_out(&line.when);
        }
        next.into_iter().skip(1).collect()
    }

    /// Without what made a line fit: the findings that it asks about, else the pupils, else the unread parts.
    fn take_out(&mut self, when: &When) {
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

    fn fit(&self, when: &When, class: &str) -> bool {
        let of_class = when.to.is_empty() || when.to.iter().any(|to| &**to == class);
        of_class
            && self.fit_kinds(when)
            && self.pupils() >= when.pupils_min
            && (when.unread.is_empty() || when.unread.iter().any(|why| self.unread.contains(why)))
            && (when.sender.is_empty() || when.sender.contains(&self.sender))
            && (when.message.is_empty() || when.message.iter().any(|class| self.is(*class)))
    }

    fn fit_kinds(&self, when: &When) -> bool {
        let count = |kind: &Kind| match when.strength {
            None => self.distinct.get(kind),
            Some(strength) => self.graded.get(&(*kind, strength)),
        };
        let total: usize = when.kinds.iter().filter_map(count).sum();
        let enough = when.kinds.is_empty() || total >= when.min.max(1) && when.max.is_none_or(|max| total <= max);
        enough && when.all_of.iter().all(|kind| count(kind).is_some())
    }

    fn is(&self, class: MessageClass) -> bool {
        match class {
            MessageClass::Calendar => self.calendar,
            MessageClass::Auto => self.sender == SenderClass::Automatic,
        }
    }

    /// The decision of a line, lowered to the ceiling.
    fn decision(&self, line: Option<&Line>, class: Arc<str>, mode: Mode) -> Decision {
        let Some(line) = line else { return self.built_in(class, mode) };
        let ceiling = line.mode.min(mode);
        Decision {
            route: if ceiling == Mode::Enforce { line.route } else { Route::Pass },
            asked: line.route,
            class,
            line: line.id.clone(),
            advice: line.advice.clone(),
            advise: match ceiling {
                Mode::Observe => false,
                Mode::Advise => line.advise || line.route != Route::Pass,
                Mode::Enforce => line.advise,
            },
        }
    }

    fn built_in(&self, class: Arc<str>, mode: Mode) -> Decision {
        let clean = self.distinct.is_empty() && self.unread.is_empty();
        let asked = if clean { Route::Pass } else { Route::Block };
        Decision {
            route: if mode == Mode::Enforce { asked } else { Route::Pass },
            asked,
            class,
            line: Arc::from(if clean { CLEAN } else { UNANSWERED }),
            advice: None,
            advise: false,
        }
    }

    fn content(&self) -> Content {
        let has = |kinds: &[Kind]| kinds.iter().any(|kind| self.distinct.contains_key(kind));
        if self.pupils() >= BULK_PUPILS {
            Content::Bulk
        } else if has(&[Kind::Health, Kind::Care, Kind::BeliefOrigin, Kind::Criminal]) {
            Content::Special
        } else if has(&PERSONAL) {
            Content::Personal
        } else {
            Content::Clean
        }
    }
}

/// Only health and care come in two strengths; a policy is checked on that ground when it loads.
fn strength_of(finding: &Finding) -> Strength {
    match finding.kind {
        Kind::Health | Kind::Care => finding.strength,
        _ => Strength::Heavy,
    }
}

/// The kinds that make a content personal; IBAN, phone and postcode are in half of all signatures.
const PERSONAL: [Kind; 7] = [
    Kind::Bsn,
    Kind::EducationNumber,
    Kind::DocumentNumber,
    Kind::EckId,
    Kind::StudentNumber,
    Kind::BirthDate,
    Kind::PupilName,
];
