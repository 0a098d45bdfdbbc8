//! One mail in several transactions: its server sends the part of each domain apart, and its sender has sent one mail.
//!
//! What was stopped of it is one held mail with one notice, which names all of its recipients: the first transaction makes
//! it, and those within ten minutes join it. Known in memory alone, by school, sender and Message-ID: after a restart a part
//! is told of by itself. Nothing joins that is another mail under the same Message-ID: mail merges and corrected mails have
//! the same one, and each of them is kept by itself with its own content.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use super::carry::Case;
use super::incident::{Incident, Stopped};
use super::share;
use crate::decide::{self, Decision, Verdict};
use crate::message::{Envelope, Recipient};
use crate::smtp::command::MailCommand;
use crate::vault::LinkSecret;

/// How long transactions with the same Message-ID are one incident.
pub(super) const ONE_INCIDENT: Duration = Duration::from_secs(600);

/// A mail that was stopped just now, as far as it is known. Its addresses are for its sender alone.
pub(super) struct Open {
    since: Instant,
    /// Its number.
    held: String,
    /// The secret of its link.
    link: LinkSecret,
    /// What tells it from another mail, see [`what`].
    mail: u64,
    recipients: Vec<Recipient>,
    decisions: Vec<Decision>,
    /// The item of its notice, as long as that may not have been delivered.
    notice: Option<String>,
}

/// The whole of a mail of which a part came: what came before, and this.
#[derive(Clone)]
pub(super) struct Whole {
    pub envelope: Envelope,
    pub verdict: Verdict,
    /// The number of what it joins.
    pub held: String,
    pub link: LinkSecret,
    /// How many recipients there are in that.
    pub before: usize,
    /// The item of the notice that the new one takes the place of.
    pub notice: Option<String>,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("held", &self.held).finish_non_exhaustive()
    }
}

impl Open {
    /// After its first part, of which `mail` is [`what`] it is.
    pub fn new(case: &Case<'_>, mail: u64, link: LinkSecret, notice: Option<String>) -> Self {
        Self {
            since: Instant::now(),
            held: case.id.to_owned(),
            link,
            mail,
            recipients: case.mail.envelope.recipients.clone(),
            decisions: case.verdict.decisions.clone(),
            notice,
        }
    }

    /// After another part.
    pub fn joined(&mut self, whole: Whole, notice: Option<String>) {
        (self.recipients, self.decisions) = (whole.envelope.recipients, whole.verdict.decisions);
        self.notice = notice;
    }

    /// Whether it is still one incident with what comes now.
    pub fn is_fresh(&self) -> bool {
        self.since.elapsed() < ONE_INCIDENT
    }

    /// With the part that comes now; none when that is another mail, see [`what`], or too late.
    pub fn with(&self, case: &Case<'_>, mail: u64) -> Option<Whole> {
        if !self.is_fresh() || self.mail != mail {
            return None;
        }
        let mut envelope = case.mail.envelope.clone();
        envelope.recipients = [self.recipients.as_slice(), &envelope.recipients].concat();
        let mut verdict = case.verdict.clone();
        verdict.decisions = [self.decisions.as_slice(), &verdict.decisions].concat();
        Some(Whole {
            envelope,
            verdict,
            held: self.held.clone(),
            link: self.link.clone(),
            before: self.recipients.len(),
            notice: self.notice.clone(),
        })
    }
}

impl Whole {
    /// What its sender is told of all of it.
    pub fn incident(&self, case: &Case<'_>) -> Incident {
        let stopped = Stopped {
            envelope: &self.envelope,
            headers: case.headers,
            texts: case.texts,
            findings: case.findings,
            verdict: &self.verdict,
            policy: case.policy,
        };
        Incident::new(&stopped, &self.held, case.arrived.datetime())
    }
}

/// What tells a mail from another one under the same Message-ID. Servers write the headers and the encodings of its parts a
/// little differently; what it holds, what is told of it and to whom is the same.
pub(super) fn what(case: &Case<'_>, command: &MailCommand) -> u64 {
    let mut hasher = DefaultHasher::new();
    case.headers.subject.as_ref().map(|subject| subject.expose()).hash(&mut hasher);
    case.verdict.kinds.hash(&mut hasher);
    format!("{:?}", case.verdict.unread).hash(&mut hasher);
    let (digest, files) = share::content(&case.mail.raw);
    digest.hash(&mut hasher);
    files.iter().for_each(|name| name.expose().hash(&mut hasher));
    let readers = decide::may_be_noticed(&case.mail.envelope, case.headers, case.school).unwrap_or_default();
    readers.iter().map(|reader| reader.folded()).collect::<Vec<_>>().hash(&mut hasher);
    // One part may not go without what was asked for another.
    command.require_tls.hash(&mut hasher);
    hasher.finish()
}
