//! The outcome of a mail: relayed, put off, or stopped with advice.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Zoned;
use tokio::time::Instant;

use crate::act::block::{self, Incidents};
use crate::act::forced;
use crate::act::hold;
use crate::act::notice;
use crate::decide::{self, Policy, Route, Verdict};
use crate::detect::{Finding, NameIndex};
use crate::extract::Texts;
use crate::message::{Headers, Mail, rewrite};
use crate::outbox::Outbox;
use crate::school::{Language, Program, School};
use crate::share::Shares;
use crate::smtp::Reply;
use crate::smtp::client::NextHop;
use crate::smtp::client::Relay;
use crate::smtp::command::MailCommand;
use crate::store::journal::NewLine;
use crate::store::owed::Otherwise;

/// A judged mail, and what acting on it needs.
pub struct Case<'c> {
    /// The id by which reply, log and notice know it.
    pub id: &'c str,
    /// The mail.
    pub mail: &'c Mail,
    /// The facts of its header section.
    pub headers: &'c Headers,
    /// What was read of it.
    pub texts: &'c Texts,
    /// What was found in that.
    pub findings: &'c [Finding],
    /// What was decided.
    pub verdict: &'c Verdict,
    /// By which policy.
    pub policy: &'c Policy,
    /// The sender's school.
    pub school: &'c School,
    /// The texts of notices.
    pub notices: &'c notice::Texts,
    /// The language of the notice.
    pub language: Language,
    /// Where the mail, and a notice, goes.
    pub next_hop: Option<&'c Arc<NextHop>>,
    /// Our `Received` line.
    pub received: String,
    /// The header line by which the next hop's rules know what has passed us.
    pub mark: Option<String>,
    /// The headers that only we are to see: every school's, whoever sends.
    pub removed: Vec<&'c str>,
    /// When the mail came, in the schools' time zone.
    pub arrived: &'c Zoned,
    /// When the client will have its answer.
    pub deadline: Instant,
    /// Where stopped mail is kept; none keeps nothing.
    pub keeping: Option<Keeping<'c>>,
    /// Secure shares; none makes none.
    pub shares: Option<&'c Shares>,
    /// What the roster knows of the recipients' households, in envelope order.
    pub households: Vec<super::share::Household>,
    /// Why it is a share, when its sender wants that.
    pub asked: Option<crate::act::share::Why>,
    /// The names of the school's pupils; none without a roster.
    pub names: Option<&'c NameIndex>,
    /// The tag in the subject by which senders ask.
    pub tag: Option<&'c str>,
    /// The listed program that sends it, when one does.
    pub program: Option<&'c Program>,
    /// Its line in the journal, for the transaction of a mail that is taken.
    pub journal: Option<Journal>,
}

/// The line of a mail in the journal.
#[derive(Debug)]
pub struct Journal {
    pub(super) line: NewLine,
    is_kept: AtomicBool,
}

impl Journal {
    /// A line that is on no disk yet.
    pub fn new(line: NewLine) -> Self {
        Self { line, is_kept: AtomicBool::new(false) }
    }

    pub(super) fn kept(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    /// Whether it is on the disk, together with the mail.
    pub fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }
}

/// Where stopped mail is kept, and how.
#[derive(Debug, Clone, Copy)]
pub struct Keeping<'c> {
    /// What takes it.
    pub outbox: &'c Outbox,
    /// For how long; zero keeps no mail, only what is owed.
    pub keep: Duration,
    /// The public address of the desk, without a slash at its end; none has no desk.
    pub desk: Option<&'c str>,
    /// How long a way that can be proven is looked for.
    pub prove_within: Duration,
    /// What becomes of mail for which there is none, where no share is made of it.
    pub unproven: Otherwise,
    /// Whether mail whose sender asks for REQUIRETLS then bounces, as RFC 8689 has it.
    pub requiretls_bounces: bool,
}

/// Does what the verdict says; the reply is the client's.
///
/// One reply speaks for all recipients. When all of them may have the mail, it is the next hop's. When some may not, and
/// there is an outbox, the mail is taken: it goes on to the ones and is kept for the others. Without an outbox, or for a
/// sender who can get no notice, the strictest route is carried out for all.
pub async fn carry_out(case: &Case<'_>, relay: Relay, incidents: &Incidents) -> Reply {
    match case.verdict.strictest() {
        Route::Pass => pass(case, relay).await,
        Route::Defer => refuse(relay, Reply::deferred()).await,
        Route::Tls => take(case, relay).await,
        // Whoever can prove a way or make a share has an outbox, which takes these with all that is owed for them.
        Route::Share if case.can_share() => take(case, relay).await,
        Route::Share | Route::Block => {
            let command = relay.command().clone();
            if case.keeping.is_none() {
                // Its connection is there for the notice.
                relay.reset().await;
                return block::block(case, command, incidents).await;
            }
            // The next hop hears at once that nobody gets this mail; its answer is waited for beside the disk.
            tokio::join!(relay.reset(), block::block(case, command, incidents)).1
        }
    }
}

/// Takes a mail that nobody is denied: those who may have it as it is get it, and the others over a proven way or as a
/// share.
async fn take(case: &Case<'_>, relay: Relay) -> Reply {
    let command = relay.command().clone();
    tokio::join!(relay.reset(), take_as_it_is(case, command)).1
}

async fn take_as_it_is(case: &Case<'_>, command: MailCommand) -> Reply {
    let Some(keeping) = &case.keeping else { return Reply::store_failed() };
    let forced = case.verdict.decisions.iter().any(|decision| decision.route == Route::Tls);
    let composed = if forced { forced::composed(case) } else { None };
    if forced && composed.is_none() {
        return Reply::store_failed();
    }
    hold::hold(case, keeping, &command, composed).await.0
}

/// Refuses a mail in session; the next hop's transaction is reset first.
pub async fn refuse(relay: Relay, refusal: Reply) -> Reply {
    relay.reset().await;
    refusal
}

async fn pass(case: &Case<'_>, relay: Relay) -> Reply {
    relay.send(case.head().as_bytes(), &case.body(), case.deadline).await
}

impl Case<'_> {
    /// Whether its sender is a person who can pass codes on, and there is where a share is kept.
    fn can_share(&self) -> bool {
        let person = decide::may_be_noticed(&self.mail.envelope, self.headers, self.school).is_some();
        person && self.keeping.is_some() && self.shares.is_some()
    }

    /// Whether its subject may stand in mails to others.
    pub(super) fn open_subject(&self) -> bool {
        let subject = self.headers.subject.as_ref().map(|subject| subject.expose().as_str());
        super::share::is_open_subject(subject, self.findings, self.names)
    }

    /// The mail without the headers that only we are to see.
    pub(super) fn body(&self) -> Cow<'_, [u8]> {
        match self.removed.as_slice() {
            [] => Cow::Borrowed(self.mail.raw.as_slice()),
            names => rewrite::without_fields(&self.mail.raw, names),
        }
    }

    /// The header lines that we put on top.
    pub fn head(&self) -> String {
        format!("{}{}", self.received, self.mark.as_deref().unwrap_or_default())
    }
}
