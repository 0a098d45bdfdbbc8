//! The outcome of a mail: relayed, put off, or stopped with advice.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Zoned;
use tokio::time::Instant;

use crate::act::block::{self, Incidents};
use crate::act::notice;
use crate::decide::{Policy, Route, Verdict};
use crate::detect::Finding;
use crate::extract::Texts;
use crate::message::{Headers, Mail, rewrite};
use crate::school::{Language, School};
use crate::smtp::Reply;
use crate::smtp::client::NextHop;
use crate::smtp::client::Relay;

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
}

/// Does what the verdict says; the reply is the client's.
///
/// While there is no outbox one reply speaks for all recipients, so the strictest route is carried out for all.
pub async fn carry_out(case: &Case<'_>, relay: Relay, incidents: &Incidents) -> Reply {
    match case.verdict.strictest() {
        Route::Pass => pass(case, relay).await,
        Route::Defer => refuse(relay, Reply::deferred()).await,
        Route::Block => {
            // The next hop forgets the transaction before anything else is done: nobody gets this mail.
            relay.reset().await;
            block::block(case, incidents).await
        }
    }
}

/// Refuses a mail in session; the next hop's transaction is reset first.
pub async fn refuse(relay: Relay, refusal: Reply) -> Reply {
    relay.reset().await;
    refusal
}

async fn pass(case: &Case<'_>, relay: Relay) -> Reply {
    let body = match case.removed.as_slice() {
        [] => Cow::Borrowed(case.mail.raw.as_slice()),
        names => rewrite::without_fields(&case.mail.raw, names),
    };
    relay.send(case.head().as_bytes(), &body, case.deadline).await
}

impl Case<'_> {
    /// The header lines that we put on top.
    pub fn head(&self) -> String {
        format!("{}{}", self.received, self.mark.as_deref().unwrap_or_default())
    }
}
