//! Makes the verdict: what the message holds, counted once, then the policy asked for each recipient.
//!
//! All lines that fit a recipient are asked, and the strictest decides. A line that comes `before` the others answers
//! alone for what it asks about (an invitation, a safety partner, a quote that goes back to its author). Never looks at
//! message bytes, only at findings, and never at a clock. Cannot fail; what could not be read arrives as [`Unread`] and
//! has a policy line. Classes of content: tests in `tests/policy.rs` and the corpus's definition (bulk from ten pupils,
//! whatever else).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::class::{Classes, INSIDE};
use super::fact::{Acquaintance, Fact, MailHosts, PupilFacts};
use super::look_alike::KnownDomains;
use super::policy::{CLEAN, Line, MessageClass, Policy, UNANSWERED, When};
use super::recipient::{Recipient, Recipients, outside, visible};
use super::sender::{SenderClass, sender_class};
use super::tally::{Tally, counted, strength_of};
use super::verdict::{Ask, Content, Decision, Means, Mode, Release, Route, Verdict};
use crate::detect::{Finding, Kind, RuleMode, Zone};
use crate::extract::{Place, Spot, Unread};
use crate::level::Level;
use crate::message::{Day, Envelope, Headers, Mailbox};
use crate::roster::Contacts;
use crate::school::School;

/// So many different pupils make a message a list.
const BULK_PUPILS: usize = 10;

/// A mail, as the stages before hand it over.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'m> {
    /// Its envelope.
    pub envelope: &'m Envelope,
    /// Its headers.
    pub headers: &'m Headers,
    /// What was found in it.
    pub findings: &'m [Finding],
    /// What could not be read of it.
    pub unread: &'m [Unread],
}

/// What is known before any mail comes.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// The sender's school.
    pub school: &'k School,
    /// The policy.
    pub policy: &'k Policy,
    /// The classes of recipients.
    pub classes: &'k Classes,
    /// The ceiling: `observe` passes everything and advises nobody, `advise` passes and advises, `enforce` carries out
    /// what each line asks for (unless that line has a lower mode itself).
    pub mode: Mode,
    /// The roster's guardians and staff.
    pub contacts: &'k Contacts,
    /// What the roster says of pupils.
    pub pupils: &'k PupilFacts,
    /// The domains that a typo can come near: those of the house, and those of the school's roster.
    pub domains: [&'k KnownDomains; 2],
    /// The day, where the school is.
    pub today: Day,
    /// What this installation can do.
    pub means: Means,
    /// What went where before.
    pub acquaintance: &'k dyn Acquaintance,
    /// Where recipients' domains have their mail hosts.
    pub hosts: &'k dyn MailHosts,
}

/// Judges one message: one decision for each recipient, in envelope order.
pub fn verdict(evidence: &Evidence<'_>, known: &Known<'_>) -> Verdict {
    let counted: Vec<&Finding> = counted(evidence.findings, known.policy).collect();
    let tally = Tally::new(&counted, evidence.unread);
    let mail = MailFacts::new(evidence, known);
    let mut recipients = Recipients::new(evidence, known, &counted, tally.pupils());
    let ceilings = Ceiling::all(&counted, evidence.unread, known);
    // Most recipients are like another one.
    let mut decided: HashMap<(Recipient, BTreeSet<Kind>), Decision> = HashMap::new();
    let mut decide = |mailbox: &Mailbox| {
        let recipient = recipients.of(mailbox);
        let new_kinds = new_kinds(&tally, mailbox, &recipient, known);
        let alike = (recipient.clone(), new_kinds.clone());
        let has_own_words = counted.iter().any(|finding| is_returned(finding, mailbox));
        if let Some(decision) = decided.get(&alike).filter(|_| !has_own_words) {
            return decision.clone();
        }
        let decision = under_the_strictest(&ceilings, &mail, &recipient, &new_kinds, mailbox);
        if !has_own_words {
            decided.insert(alike, decision.clone());
        }
        decision
    };
    let decisions = evidence.envelope.recipients.iter().map(|recipient| decide(&recipient.mailbox)).collect();
    let mut kinds = BTreeMap::new();
    for finding in &counted {
        *kinds.entry(finding.kind).or_insert(0) += 1;
    }
    Verdict { decisions, content: content(&tally), kinds, unread: tally.unread.into_iter().collect() }
}

/// The findings of rules that may go at least so far, judged under that ceiling: a rule that only advises makes no line
/// block.
struct Ceiling<'m> {
    known: Known<'m>,
    findings: Vec<&'m Finding>,
    tally: Tally,
    /// Of the mail without its attachments; none where no line asks.
    rest: Option<Tally>,
}

impl<'m> Ceiling<'m> {
    fn all(counted: &[&'m Finding], unread: &[Unread], known: &Known<'m>) -> Vec<Self> {
        let of_rules = |(rules, mode): (RuleMode, Mode)| {
            let findings: Vec<&Finding> = counted.iter().copied().filter(|finding| finding.mode >= rules).collect();
            let is_needed = mode == Mode::Enforce || findings.iter().any(|finding| finding.mode == rules);
            let tally = Tally::new(&findings, unread);
            let rest = known.policy.lines.iter().any(|line| line.attachments);
            let rest = rest.then(|| without_attachments(&findings, unread));
            is_needed.then(|| Self { known: Known { mode: known.mode.min(mode), ..*known }, findings, tally, rest })
        };
        let modes = [(RuleMode::Enforce, Mode::Enforce), (RuleMode::Advise, Mode::Advise)];
        modes.into_iter().chain([(RuleMode::Observe, Mode::Observe)]).filter_map(of_rules).collect()
    }
}

/// What the mail holds without its attachments.
fn without_attachments(findings: &[&Finding], unread: &[Unread]) -> Tally {
    let stays =
        |place: &Place| place.within.is_empty() && !matches!(place.spot, Spot::Attachment(_) | Spot::FileName(_));
    let findings: Vec<&Finding> = findings.iter().copied().filter(|finding| stays(&finding.place)).collect();
    let unread: Vec<Unread> = unread.iter().filter(|unread| stays(&unread.place)).cloned().collect();
    Tally::new(&findings, &unread)
}

/// What is carried out comes before what is only asked for; of two alike the one that may go further.
fn under_the_strictest(
    ceilings: &[Ceiling<'_>],
    mail: &MailFacts,
    recipient: &Recipient,
    new_kinds: &BTreeSet<Kind>,
    mailbox: &Mailbox,
) -> Decision {
    let decisions = ceilings.iter().map(|ceiling| {
        let returned = Returned::new(&ceiling.findings, mailbox);
        let case = Case { mail, recipient, new_kinds, returned: returned.as_ref(), known: &ceiling.known };
        case.decision(&ceiling.tally, ceiling.rest.as_ref())
    });
    let strictness = |d: &Decision| (d.route, (d.route != Route::Pass).then_some(d.asked), d.advise, d.asked);
    let strictest = decisions.reduce(|best, next| if strictness(&next) > strictness(&best) { next } else { best });
    strictest.unwrap_or_else(|| unanswered(recipient))
}

/// There is always a level; if there were none, nothing would have been judged.
fn unanswered(recipient: &Recipient) -> Decision {
    Decision {
        route: Route::Block,
        otherwise: Route::Block,
        asked: Ask::Block(Release::Nobody),
        class: recipient.class.clone(),
        line: Arc::from(UNANSWERED),
        advice: None,
        advise: false,
        discreet: recipient.discreet,
        next: Vec::new(),
        level: Level::default(),
        attachments: false,
    }
}

/// The kinds that never went to this recipient's domain.
fn new_kinds(tally: &Tally, mailbox: &Mailbox, recipient: &Recipient, known: &Known<'_>) -> BTreeSet<Kind> {
    if &*recipient.class == INSIDE || !known.policy.asks_for(Fact::FirstTime) {
        return BTreeSet::new();
    }
    let is_new = |kind: &Kind| !known.acquaintance.knows(&known.school.id, *kind, mailbox.domain());
    tally.distinct.keys().copied().filter(is_new).collect()
}

/// What is the same for all recipients besides the content.
struct MailFacts {
    sender: SenderClass,
    means: Means,
    calendar: bool,
    unsubscribe: bool,
    registered: bool,
    visible: usize,
    outside: usize,
}

impl MailFacts {
    fn new(evidence: &Evidence<'_>, known: &Known<'_>) -> Self {
        let sender = sender_class(evidence.envelope, evidence.headers, known.school);
        // A share needs a person, who hands on the code; and a shared invitation is in nobody's calendar.
        let share = known.means.share && sender == SenderClass::Person && !evidence.headers.calendar;
        // Proven TLS is tried for hours after our 250: without somebody who may be told, what it cannot reach would be lost
        // in silence. All others are refused in the session, where their own server tells them.
        let told = matches!(sender, SenderClass::Person | SenderClass::Program);
        let tls = known.means.tls && told;
        Self {
            sender,
            means: Means { tls, share },
            calendar: evidence.headers.calendar,
            unsubscribe: evidence.headers.unsubscribe,
            registered: is_registered(evidence, known.policy),
            visible: visible(evidence, known),
            outside: outside(evidence, known),
        }
    }

    fn is(&self, class: MessageClass) -> bool {
        match class {
            MessageClass::Calendar => self.calendar,
            MessageClass::Auto => self.sender == SenderClass::Automatic,
            MessageClass::NoUnsubscribe => !self.unsubscribe,
            MessageClass::Unregistered => !self.registered,
        }
    }
}

fn is_registered(evidence: &Evidence<'_>, policy: &Policy) -> bool {
    let senders = evidence.envelope.sender.iter().chain(&evidence.headers.from);
    let mut senders = senders.map(Mailbox::folded);
    senders.any(|sender| policy.list_senders.iter().any(|listed| listed.address == sender))
}

/// The findings that stand in a quote of what this recipient wrote. The BSN is excepted: it should not go round twice.
struct Returned<'f> {
    all: &'f [&'f Finding],
    author: Mailbox,
    tally: Tally,
}

impl<'f> Returned<'f> {
    fn new(all: &'f [&'f Finding], author: &Mailbox) -> Option<Self> {
        let returned: Vec<&Finding> = all.iter().copied().filter(|finding| is_returned(finding, author)).collect();
        (!returned.is_empty()).then(|| Self { all, author: author.clone(), tally: Tally::new(&returned, &[]) })
    }

    /// The findings without those for which a line about quotes has answered.
    fn rest(&self, answered: &[&Line]) -> Vec<&'f Finding> {
        let by = |line: &&Line, finding: &Finding| {
            let when = &line.when;
            when.kinds.contains(&finding.kind) && when.strength.is_none_or(|only| only == strength_of(finding))
        };
        let is_answered = |f: &&Finding| is_returned(f, &self.author) && answered.iter().any(|line| by(line, f));
        self.all.iter().copied().filter(|finding| !is_answered(finding)).collect()
    }
}

fn is_returned(finding: &Finding, to: &Mailbox) -> bool {
    let Zone::Quote { author: Some(author) } = &finding.zone else { return false };
    !matches!(finding.kind, Kind::Bsn | Kind::EducationNumber) && author.folded() == to.folded()
}

/// One recipient of one mail.
struct Case<'c> {
    mail: &'c MailFacts,
    recipient: &'c Recipient,
    new_kinds: &'c BTreeSet<Kind>,
    returned: Option<&'c Returned<'c>>,
    known: &'c Known<'c>,
}

/// What is left in the mail when one line after the other had its way.
#[derive(Clone)]
struct Left<'c> {
    tally: Cow<'c, Tally>,
    returned: Option<Cow<'c, Tally>>,
    facts: Cow<'c, BTreeSet<Fact>>,
    visible: usize,
    outside: usize,
}

impl<'c> Case<'c> {
    fn decision(&self, tally: &'c Tally, rest: Option<&'c Tally>) -> Decision {
        let mut left = Left {
            tally: Cow::Borrowed(tally),
            returned: self.returned.map(|returned| Cow::Borrowed(&returned.tally)),
            facts: Cow::Borrowed(&self.recipient.facts),
            visible: self.mail.visible,
            outside: self.mail.outside,
        };
        if let Some(returned) = self.returned {
            let quotes = self.known.policy.lines.iter().filter(|line| line.when.quote);
            let answered: Vec<&Line> = quotes.filter(|line| self.fits(line, &left)).collect();
            left.tally = Cow::Owned(Tally::new(&returned.rest(&answered), &[]).with_unread_of(tally));
        }
        match self.strictest(&left) {
            Some(line) => {
                let (level, attachments) = self.of_shares(&left, rest);
                Decision { level, attachments, ..self.of_line(line, left) }
            }
            None => self.built_in(tally),
        }
    }

    /// The strictest of the lines that fit; of two alike the first.
    fn strictest(&self, left: &Left<'_>) -> Option<&'c Line> {
        let keyed = self.fitting(left).into_iter().map(|line| (self.strictness(line), line));
        keyed.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, line)| line)
    }

    /// What all lines that fit say of a share: how sure it must be who opens it, and whether it is of the attachments
    /// alone. A line that may go less far than enforcing has its say too: it says what the content is worth.
    fn of_shares(&self, left: &Left<'_>, rest: Option<&Tally>) -> (Level, bool) {
        let lines: Vec<&Line> = self.fitting(left).into_iter().filter(|line| line.can_share()).collect();
        let level = lines.iter().map(|line| line.level).max().unwrap_or_default();
        let attachments = !lines.is_empty() && lines.iter().all(|line| line.attachments);
        let Some(rest) = rest.filter(|_| attachments) else { return (level, false) };
        let rest = Left { tally: Cow::Borrowed(rest), ..left.clone() };
        let passes = |line: &Line| self.carried_out(line).0 == Route::Pass;
        (level, self.strictest(&rest).map_or(rest.tally.is_empty(), passes))
    }

    /// The lines that fit.
    fn fitting(&self, left: &Left<'_>) -> Vec<&'c Line> {
        let lines = &self.known.policy.lines;
        let first: Vec<&Line> =
            lines.iter().filter(|line| (line.before || line.when.quote) && self.fits(line, left)).collect();
        let mut others = Cow::Borrowed(left);
        for line in first.iter().filter(|line| line.before) {
            others.to_mut().tally.to_mut().take_out(&line.when);
        }
        let rest = lines.iter().filter(|line| !line.before && !line.when.quote && self.fits(line, &others));
        first.into_iter().chain(rest).collect()
    }

    /// What is carried out comes before what is only asked for.
    fn strictness(&self, line: &Line) -> (Route, Option<Ask>, bool, Ask) {
        let (route, advise) = self.carried_out(line);
        (route, (route != Route::Pass).then_some(line.ask), advise, line.ask)
    }

    /// A colleague's mailbox is the school's own: nothing is proven to it, and it reads what it is sent.
    fn means(&self) -> Means {
        if &*self.recipient.class == INSIDE { Means::default() } else { self.mail.means }
    }

    fn carried_out(&self, line: &Line) -> (Route, bool) {
        match line.mode.min(self.known.mode) {
            Mode::Observe => (Route::Pass, false),
            Mode::Advise => (Route::Pass, line.advise || line.ask != Ask::Pass),
            Mode::Enforce => (line.route(self.means()), line.advise),
        }
    }

    fn fits(&self, line: &Line, left: &Left<'_>) -> bool {
        let (when, mail) = (&line.when, self.mail);
        let tally = if when.quote { left.returned.as_deref() } else { Some(&*left.tally) };
        (when.to.is_empty() || when.to.contains(&self.recipient.class))
            && (line.exception.is_none() || self.recipient.exceptions.contains(&line.at))
            && tally.is_some_and(|tally| tally.fit(when) && self.fit_facts(when, tally, &left.facts))
            && left.visible >= when.visible_min
            && left.outside >= when.outside_min
            && (when.sender.is_empty() || when.sender.contains(&mail.sender))
            && (when.message.is_empty() || when.message.iter().any(|class| mail.is(*class)))
    }

    fn fit_facts(&self, when: &When, tally: &Tally, facts: &BTreeSet<Fact>) -> bool {
        let holds = |fact: &Fact| match fact {
            Fact::FirstTime => self
                .new_kinds
                .iter()
                .any(|kind| tally.distinct.contains_key(kind) && (when.kinds.is_empty() || when.kinds.contains(kind))),
            fact => facts.contains(fact),
        };
        when.facts.is_empty() || when.facts.iter().any(holds)
    }

    fn of_line(&self, line: &Line, left: Left<'_>) -> Decision {
        let (route, advise) = self.carried_out(line);
        Decision {
            route,
            otherwise: if route == Route::Tls { line.without_tls(self.means()) } else { route },
            asked: line.ask,
            class: self.recipient.class.clone(),
            line: line.id.clone(),
            advice: line.advice.clone(),
            advise,
            discreet: self.recipient.discreet,
            next: if route == Route::Block { self.next(line, left) } else { Vec::new() },
            level: Level::default(),
            attachments: false,
        }
    }

    /// The lines that would block one after the other, when each time what the last one asks about is taken out.
    fn next(&self, first: &'c Line, mut left: Left<'_>) -> Vec<Arc<str>> {
        let (mut next, mut last) = (Vec::new(), first);
        // A line that asks about nothing in the mail blocks it whatever is taken out; each other takes something.
        for _ in 0..self.known.policy.lines.len() {
            left.without(&last.when);
            let Some(line) = self.strictest(&left).filter(|line| self.carried_out(line).0 == Route::Block) else {
                break;
            };
            if line.id == last.id {
                break;
            }
            next.push(line.id.clone());
            last = line;
        }
        next
    }

    fn built_in(&self, tally: &Tally) -> Decision {
        let blocked = unanswered(self.recipient);
        if !tally.is_empty() {
            let route = if self.known.mode == Mode::Enforce { Route::Block } else { Route::Pass };
            return Decision { route, otherwise: route, ..blocked };
        }
        Decision { route: Route::Pass, otherwise: Route::Pass, asked: Ask::Pass, line: Arc::from(CLEAN), ..blocked }
    }
}

impl Left<'_> {
    /// Without what made a line fit: another address, fewer addresses, else what it asks about in the content.
    fn without(&mut self, when: &When) {
        if !when.facts.is_empty() {
            self.facts.to_mut().retain(|fact| !when.facts.contains(fact));
        } else if when.visible_min > 0 {
            self.visible = self.visible.min(when.visible_min - 1);
        } else if when.outside_min > 0 {
            self.outside = self.outside.min(when.outside_min - 1);
        } else if when.quote {
            if let Some(returned) = &mut self.returned {
                returned.to_mut().take_out(when);
            }
        } else {
            self.tally.to_mut().take_out(when);
        }
    }
}

fn content(tally: &Tally) -> Content {
    let has = |kinds: &[Kind]| kinds.iter().any(|kind| tally.distinct.contains_key(kind));
    if tally.pupils() >= BULK_PUPILS {
        Content::Bulk
    } else if has(&[Kind::Health, Kind::Care, Kind::BeliefOrigin, Kind::Criminal]) {
        Content::Special
    } else if has(&PERSONAL) {
        Content::Personal
    } else {
        Content::Clean
    }
}

/// The kinds that make a content personal; IBAN, phone and postcode are in half of all signatures.
const PERSONAL: [Kind; 14] = [
    Kind::Bsn,
    Kind::EducationNumber,
    Kind::DocumentNumber,
    Kind::EckId,
    Kind::StudentNumber,
    Kind::BirthDate,
    Kind::PupilName,
    Kind::Marks,
    Kind::Conduct,
    Kind::Password,
    Kind::LockedWithPassword,
    Kind::ShareCode,
    Kind::Employment,
    Kind::ChatExport,
];
