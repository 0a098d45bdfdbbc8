//! What is known of one mail, as it comes to be known: its line in the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use jiff::Zoned;
use serde::Serialize;

use crate::decide::{CONFIDENTIAL, Route, Verdict};
use crate::detect::Finding;
use crate::extract::Receipt;
use crate::message::{Headers, Mail, Mailbox};
use crate::school::School;
use crate::smtp::{Client, Reply};
use crate::store::journal::{NewLine, People, Sort};

/// One line of the journal.
#[derive(Serialize)]
pub struct Entry {
    time: String,
    id: String,
    school: Option<String>,
    client: String,
    /// Whether a program sends there, and not people.
    program: bool,
    sender_domain: Option<String>,
    message_id: Option<String>,
    size: usize,
    recipients: usize,
    /// The class of the content; none when the mail was refused before it was judged.
    content: Option<&'static str>,
    /// Findings that count, by kind.
    kinds: BTreeMap<&'static str, usize>,
    /// Reasons for which something is unread. Passed on or not, it was not read, and this says so.
    unread: Vec<&'static str>,
    /// Findings by the rule that found them, those that do not count too.
    rules: BTreeMap<String, usize>,
    /// The receipt: how many parts were read as what, or were not, and why.
    parts: Vec<PartCount>,
    /// Decisions: how many recipients of a class went which way, by which line.
    routes: Vec<RouteCount>,
    /// The reply's code: what became of it in the end.
    code: u16,
    times: Times,
    #[serde(skip)]
    people: People,
    /// Milliseconds since 1970.
    #[serde(skip)]
    at: i64,
    /// Whether the store has it already, in the transaction of the mail itself.
    #[serde(skip)]
    is_kept: bool,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Times {
    #[serde(skip)]
    began: Instant,
    /// Until the verdict; none when there is no verdict.
    scan: Option<u64>,
    /// From the verdict to the reply: the next hop's time when the mail passed.
    act: u64,
}

/// Of addresses and Message-ID it shows nothing.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("id", &self.id).field("code", &self.code).finish_non_exhaustive()
    }
}

/// Parts that fared the same. A format is a word of ours and never one of the mail.
#[derive(Debug, Serialize)]
struct PartCount {
    format: String,
    read: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    why: BTreeSet<&'static str>,
    parts: usize,
}

#[derive(Debug, Serialize)]
struct RouteCount {
    class: String,
    line: String,
    asked: &'static str,
    route: &'static str,
    /// Whether the sender is to be advised.
    advise: bool,
    #[serde(skip)]
    is_stopped: bool,
    recipients: usize,
}

impl Entry {
    /// What is known when the content is there.
    pub fn new(id: &str, client: &Client, mail: &Mail) -> Self {
        Self {
            time: String::new(),
            id: id.to_string(),
            school: client.source.school.clone(),
            client: client.source.client.clone(),
            program: client.source.program,
            sender_domain: mail.envelope.sender.as_ref().map(|sender| sender.domain().to_string()),
            message_id: None,
            size: mail.raw.len(),
            recipients: mail.envelope.recipients.len(),
            content: None,
            kinds: BTreeMap::new(),
            unread: Vec::new(),
            rules: BTreeMap::new(),
            parts: Vec::new(),
            routes: Vec::new(),
            code: 0,
            times: Times { began: Instant::now(), scan: None, act: 0 },
            people: People {
                sender: mail.envelope.sender.as_ref().map(Mailbox::folded),
                recipients: mail.envelope.recipients.iter().map(|recipient| recipient.mailbox.folded()).collect(),
                ..People::default()
            },
            at: 0,
            is_kept: false,
        }
    }

    /// What was decided, and on what.
    pub fn judged(&mut self, school: &School, headers: &Headers, findings: &[Finding], verdict: &Verdict) {
        self.school = Some(school.id.clone());
        self.times.scan = Some(milliseconds(self.times.began));
        if verdict.decisions.iter().any(|decision| &*decision.class == CONFIDENTIAL) {
            self.forget_all_but_the_route();
        } else {
            self.message_id = headers.message_id.clone().filter(|id| !holds_a_finding(id, findings));
            self.people.message_id = self.message_id.clone();
            for finding in findings {
                *self.rules.entry(finding.rule.to_string()).or_default() += 1;
            }
            self.content = Some(verdict.content.word());
            self.kinds = verdict.kinds.iter().map(|(kind, count)| (kind.word(), *count)).collect();
            self.unread = verdict.unread.iter().map(|why| why.word()).collect();
        }
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for d in &verdict.decisions {
            *counts.entry((&d.class, &d.line, d.asked, d.route, d.advise)).or_default() += 1;
        }
        self.routes = counts
            .into_iter()
            .map(|((class, line, asked, route, advise), recipients)| RouteCount {
                class: class.to_string(),
                line: line.to_string(),
                asked: asked.word(),
                route: route.word(),
                advise,
                is_stopped: route.is_stopped(),
                recipients,
            })
            .collect();
    }

    /// Of a mail to a confidential adviser the journal knows that it went, and no more: not who wrote it, and to whom.
    fn forget_all_but_the_route(&mut self) {
        self.people = People::default();
        self.parts.clear();
        (self.sender_domain, self.message_id, self.size) = (None, None, 0);
    }

    /// What was looked at, and what came of it.
    pub fn looked_at(&mut self, receipts: &[Receipt]) {
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for receipt in receipts {
            let why: BTreeSet<&str> = receipt.unread.iter().map(|why| why.word()).collect();
            *counts.entry((receipt.format.as_str(), receipt.read, why)).or_default() += 1;
        }
        let count = |((format, read, why), parts): ((&str, _, _), _)| PartCount {
            format: format.to_string(),
            read,
            why,
            parts,
        };
        self.parts = counts.into_iter().map(count).collect();
    }

    /// The line is complete.
    #[must_use]
    pub fn done(mut self, reply: &Reply, arrived: &Zoned) -> Self {
        self.finish(reply.code(), arrived);
        self
    }

    /// The line for the transaction of the mail itself, when it is to be taken: its client then hears 250. Once that is on
    /// the disk, say so with [`Entry::kept`]. None for a mail that everybody may have.
    pub fn of_taken(&mut self, verdict: &Verdict, arrived: &Zoned) -> Option<NewLine> {
        if verdict.strictest() == Route::Pass {
            return None;
        }
        self.finish(TAKEN, arrived);
        Some(self.line())
    }

    /// The store has it: it is not written there again.
    pub fn kept(&mut self) {
        self.is_kept = true;
    }

    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }

    fn finish(&mut self, code: u16, arrived: &Zoned) {
        self.time = arrived.timestamp().to_string();
        self.at = arrived.timestamp().as_millisecond();
        self.code = code;
        self.times.act = milliseconds(self.times.began).saturating_sub(self.times.scan.unwrap_or_default());
    }

    /// The line as the store has it.
    pub(super) fn line(&self) -> NewLine {
        #[derive(Serialize)]
        struct Core<'e> {
            event: &'static str,
            client: &'e str,
            program: bool,
            sender_domain: Option<&'e str>,
            size: usize,
            recipients: usize,
            content: Option<&'static str>,
            kinds: &'e BTreeMap<&'static str, usize>,
            unread: &'e [&'static str],
            routes: &'e [RouteCount],
            code: u16,
        }
        #[derive(Serialize)]
        struct Trace<'e> {
            rules: &'e BTreeMap<String, usize>,
            parts: &'e [PartCount],
            times: Times,
        }
        let core = Core {
            event: "mail",
            client: &self.client,
            program: self.program,
            sender_domain: self.sender_domain.as_deref(),
            size: self.size,
            recipients: self.recipients,
            content: self.content,
            kinds: &self.kinds,
            unread: &self.unread,
            routes: &self.routes,
            code: self.code,
        };
        let trace = Trace { rules: &self.rules, parts: &self.parts, times: self.times };
        let is_stopped = self.routes.iter().any(|route| route.is_stopped);
        NewLine {
            at: self.at,
            school: self.school.clone().unwrap_or_default(),
            sort: if is_stopped { Sort::Incident } else { Sort::Passed },
            mail: Some(self.id.clone()),
            core: serde_json::to_string(&core).unwrap_or_default(),
            trace: serde_json::to_string(&trace).ok(),
            people: self.people.clone(),
        }
    }
}

/// Whether a Message-ID holds something that was found; then nobody needs it in a log.
fn holds_a_finding(id: &str, findings: &[Finding]) -> bool {
    let bare =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let id = bare(id);
    findings.iter().map(|finding| bare(finding.found.expose())).any(|found| found.len() > 2 && id.contains(&found))
}

/// RFC 5321 4.2.3.
const TAKEN: u16 = 250;

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
