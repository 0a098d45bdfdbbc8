//! What a notice tells of one stopped mail, without anything that was found in it.
//!
//! Built from the verdict and the findings; afterwards only counts, places, kinds and the last two digits
//! of a number are left. The recipients stay as they were typed, and the subject and file names stay when
//! they repeat nothing that was found (DESIGN, promise 5). Never holds a found value, so a notice cannot
//! show one. Cannot fail.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use jiff::civil::{Date, DateTime};

use super::found::{Found, Part, Places, UnreadPart, grouped, names_with_findings};
use super::shown::{Revealing, line};
use super::wording;
use crate::decide::{self, Decision, Fact, Line, Offer, Policy, Route, Verdict, When};
use crate::detect::{Finding, Kind};
use crate::extract::{self, Spot, Unread, Why};
use crate::message::{Envelope, Headers, Mailbox};
use crate::school::Language;

/// So many places, columns and kinds are told; a sheet can have thousands.
const MOST_TOLD: usize = 12;

/// Everything that is known of a mail that was stopped.
#[derive(Debug, Clone, Copy)]
pub struct Stopped<'a> {
    /// Its envelope.
    pub envelope: &'a Envelope,
    /// Its headers.
    pub headers: &'a Headers,
    /// What was read of it.
    pub texts: &'a extract::Texts,
    /// What was found in that.
    pub findings: &'a [Finding],
    /// What was decided.
    pub verdict: &'a Verdict,
    /// The policy that decided.
    pub policy: &'a Policy,
}

/// One stopped mail, as told to its sender.
#[derive(Clone, Default)]
pub struct Incident {
    /// The number of the report, by which the helpdesk finds it in the journal.
    pub number: String,
    /// When the mail came, in the school's local time.
    pub sent: DateTime,
    /// The subject, when it may be shown.
    pub subject: Option<String>,
    /// The one file that it is about, when there is one and its name may be shown.
    pub file: Option<String>,
    /// Who did not get the mail, as typed: all recipients of this transaction, but for those who are reached.
    pub not_reached: Vec<Told>,
    /// Who did get it, when it goes on to some.
    pub reached: Vec<Told>,
    /// Until when the mail is kept; none when it is not.
    pub kept_until: Option<Date>,
    /// Where the sender may choose; a secret of its reader.
    pub link: Option<String>,
    /// Those of them because of whom it was stopped.
    pub cause: Vec<Told>,
    /// Whether To and Cc name more people than this transaction has: it is a part of the mail.
    pub part_of_mail: bool,
    /// What was found, place by place; at most twelve.
    pub found: Vec<Found>,
    /// How many more there are.
    pub more: usize,
    /// How many different pupils.
    pub pupils: usize,
    /// What could not be read, when that is why the mail was stopped.
    pub unread: Vec<UnreadPart>,
    /// What has to change, line by line of the policy, for the mail to pass.
    pub advice: Vec<Advised>,
    /// Whether names alone are among what stops it; otherwise they may stay in.
    pub names: bool,
    /// What the sender may choose.
    pub offers: BTreeSet<Offer>,
    /// The mail's Message-ID, when it has a plain one.
    pub message_id: Option<String>,
}

/// A recipient, as a notice may name it.
#[derive(Clone, PartialEq, Eq)]
pub enum Told {
    /// As typed.
    Typed(String),
    /// A guardian whose address stays unnamed.
    Discreet,
}

/// The advice of one line of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advised {
    /// The key of its text.
    pub key: Arc<str>,
    /// Whether a line before it asks about the same (for recipients of another class): its reasons are told already.
    pub again: bool,
    /// Whether it is about addresses, of which nothing is told place by place.
    pub of_addresses: bool,
    /// What the law says to those who did not get the mail, Dutch and English.
    pub grounds: Vec<[String; 2]>,
    /// With how many pupils the mail would pass, when their number is what stops it.
    pub most_pupils: Option<usize>,
}

impl Incident {
    /// Gathers what a notice tells. `number` and `sent` come from the caller, who has the clock.
    pub fn new(stopped: &Stopped<'_>, number: &str, sent: DateTime) -> Self {
        let revealing = Revealing::new(stopped.findings);
        let cause = cause(stopped);
        let findings: Vec<&Finding> = told_findings(stopped, &cause.lines);
        let places = Places { revealing: &revealing, hidden: names_with_findings(stopped.findings) };
        let groups = grouped(&findings, stopped.texts, &places);
        let more = groups.len().saturating_sub(MOST_TOLD);
        let found: Vec<Found> =
            groups.into_iter().take(MOST_TOLD).map(|group| group.tell(stopped.texts, stopped.findings)).collect();
        let unread = told_unread(&stopped.texts.unread, &cause.lines, &places);
        let subject =
            stopped.headers.subject.as_ref().filter(|_| {
                !stopped.findings.iter().any(|f| f.place.within.is_empty() && f.place.spot == Spot::Subject)
            });
        Self {
            number: line(number, 40),
            sent,
            subject: subject.and_then(|subject| revealing.pass(subject.expose())),
            file: one_file(&found, &unread),
            not_reached: stopped
                .envelope
                .recipients
                .iter()
                .zip(&stopped.verdict.decisions)
                .map(|(recipient, decision)| Told::of(&recipient.mailbox, decision))
                .collect(),
            advice: advice(&cause, stopped.verdict, stopped.policy),
            reached: Vec::new(),
            kept_until: None,
            link: None,
            cause: cause.recipients,
            part_of_mail: is_part(stopped),
            more,
            pupils: decide::pupils(findings.iter().copied()),
            found,
            unread,
            names: cause.lines.iter().any(|line| asks_for_names(&line.when)),
            offers: offers(&cause.lines),
            message_id: stopped.headers.message_id.as_deref().filter(|id| is_plain_id(id)).map(str::to_string),
        }
    }
}

impl Incident {
    /// Of a mail that goes on to some, only the others were not reached.
    pub(super) fn leave_out_those_reached(&mut self, verdict: &Verdict) {
        let mut routes = verdict.decisions.iter().map(|decision| decision.route);
        self.not_reached.retain(|_| routes.next().is_none_or(Route::is_stopped));
    }

    /// What was found and where, a line each, as its notice says it.
    pub fn found_in_words(&self, language: Language) -> Vec<String> {
        wording::found(self, language)
    }
}

/// Recipients, subject and file names are shown to the sender alone, never in a log.
impl fmt::Debug for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incident")
            .field("number", &self.number)
            .field("not_reached", &self.not_reached.len())
            .field("cause", &self.cause.len())
            .field("found", &self.found.len())
            .field("unread", &self.unread.len())
            .field("advice", &self.advice)
            .finish_non_exhaustive()
    }
}

/// Why the mail was stopped.
struct Cause<'a> {
    recipients: Vec<Told>,
    /// The classes of those.
    classes: Vec<&'a str>,
    /// All lines that stop it, and those that would stop it next.
    lines: Vec<&'a Line>,
}

fn cause<'a>(stopped: &Stopped<'a>) -> Cause<'a> {
    let strictest = stopped.verdict.strictest();
    let mut cause = Cause { recipients: Vec::new(), classes: Vec::new(), lines: Vec::new() };
    for (recipient, decision) in stopped.envelope.recipients.iter().zip(&stopped.verdict.decisions) {
        if decision.route != strictest || strictest == Route::Pass {
            continue;
        }
        cause.recipients.push(Told::of(&recipient.mailbox, decision));
        if !cause.classes.contains(&&*decision.class) {
            cause.classes.push(&decision.class);
        }
        for line in std::iter::once(&decision.line).chain(&decision.next).filter_map(|id| stopped.policy.line(id)) {
            if !cause.lines.iter().any(|known| known.id == line.id) {
                cause.lines.push(line);
            }
        }
    }
    cause
}

/// The advice of each line, once.
fn advice(cause: &Cause<'_>, verdict: &Verdict, policy: &Policy) -> Vec<Advised> {
    let mut told: Vec<(Advised, &When)> = Vec::new();
    for line in &cause.lines {
        let Some(key) = line.advice.as_ref().filter(|key| told.iter().all(|(known, _)| known.key != **key)) else {
            continue;
        };
        let asks = |when: &When| (when.kinds.clone(), when.strength, when.pupils_min, when.unread.clone());
        let again = told.iter().any(|(_, when)| asks(when) == asks(&line.when));
        let most_pupils = line.when.pupils_min.checked_sub(1).filter(|_| line.when.kinds.is_empty());
        let found: Vec<Kind> =
            line.when.kinds.iter().copied().filter(|kind| verdict.kinds.contains_key(kind)).collect();
        let classes = cause.classes.iter().filter(|class| line.goes_to(class));
        let grounds = classes.flat_map(|class| policy.grounds(class, &found)).map(|ground| ground.said.clone());
        told.push((
            Advised {
                key: key.clone(),
                again,
                of_addresses: of_addresses(&line.when),
                grounds: grounds.collect(),
                most_pupils,
            },
            &line.when,
        ));
    }
    told.into_iter().map(|(advised, _)| advised).collect()
}

fn of_addresses(when: &When) -> bool {
    when.facts.contains(&Fact::LookAlike) || when.visible_min > 0 || when.outside_min > 0
}

fn asks_for_names(when: &When) -> bool {
    let kinds = if when.kinds.is_empty() { &when.all_of } else { &when.kinds };
    kinds.contains(&Kind::PupilName) || kinds.is_empty() && when.pupils_min > 0
}

/// What one line offers is offered; columns are, when that answers every line.
fn offers(lines: &[&Line]) -> BTreeSet<Offer> {
    let mut offers: BTreeSet<Offer> = lines.iter().flat_map(|line| line.offers.iter().copied()).collect();
    if !lines.iter().all(|line| line.offers.contains(&Offer::RemoveColumns)) {
        offers.remove(&Offer::RemoveColumns);
    }
    offers
}

/// The findings that belong to the reason. Phone numbers and the like are in every signature: they are told
/// only when a line asks for them. A line about unread parts has no findings to tell.
fn told_findings<'a>(stopped: &Stopped<'a>, lines: &[&Line]) -> Vec<&'a Finding> {
    let about_content = |line: &&&Line| line.when.unread.is_empty();
    let asked: BTreeSet<Kind> = lines
        .iter()
        .filter(about_content)
        .flat_map(|line| line.when.kinds.iter().chain(&line.when.all_of))
        .copied()
        .collect();
    let any = lines.iter().any(|line| line.when.unread.is_empty());
    let everyday = |kind: Kind| matches!(kind, Kind::Iban | Kind::Phone | Kind::Postcode);
    decide::counted(stopped.findings, stopped.policy)
        .filter(|finding| any && (asked.contains(&finding.kind) || !everyday(finding.kind)))
        .collect()
}

fn told_unread(unread: &[Unread], lines: &[&Line], places: &Places<'_>) -> Vec<UnreadPart> {
    let asked: HashSet<Why> = lines.iter().flat_map(|line| line.when.unread.iter().copied()).collect();
    let mut told = Vec::new();
    for unread in unread.iter().filter(|unread| asked.contains(&unread.why)) {
        let part = UnreadPart { at: places.tell(&unread.place), why: unread.why };
        if told.len() < MOST_TOLD && !told.contains(&part) {
            told.push(part);
        }
    }
    told
}

/// The name of the only file that is told of.
fn one_file(found: &[Found], unread: &[UnreadPart]) -> Option<String> {
    let mut names =
        found.iter().map(|found| &found.at).chain(unread.iter().map(|unread| &unread.at)).filter_map(|at| {
            match (&at.within, &at.part) {
                (None, Part::File(name)) => Some(name.clone()),
                (Some(name), _) => Some(name.clone()),
                _ => None,
            }
        });
    let first = names.next()?;
    if names.all(|name| name == first) { first } else { None }
}

/// Whether To and Cc name somebody whom this transaction does not have: providers send one mail to each
/// domain apart, and inside recipients never reach us.
fn is_part(stopped: &Stopped<'_>) -> bool {
    let here: HashSet<String> = stopped.envelope.recipients.iter().map(|r| r.mailbox.folded()).collect();
    stopped.headers.to_cc.iter().any(|mailbox| !here.contains(&mailbox.folded()))
}

impl Told {
    /// As it may be named: a guardian with a secret address is not.
    pub(super) fn of(mailbox: &Mailbox, decision: &Decision) -> Self {
        if decision.discreet { Self::Discreet } else { Self::Typed(line(mailbox.typed(), 320)) }
    }
}

/// A Message-ID that can stand in a header as it is (RFC 5322 3.6.4, without quoted forms and comments).
fn is_plain_id(id: &str) -> bool {
    id.len() <= 200 && id.contains('@') && id.bytes().all(|b| b.is_ascii_graphic() && !b"<>()\"\\,;:".contains(&b))
}
