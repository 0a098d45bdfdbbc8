//! What the outbox must be told of the house around it, and what it tells: values and one trait, nothing that is done.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Outbox, Road};
use crate::message::Mailbox;
use crate::secret::Secret;
use crate::smtp::Reply;
use crate::smtp::client::NextHop;
use crate::store::owed::{Claimed, Kind, NewOwed, To};
use crate::store::share::NewShared;
use crate::vault::Item;

/// What the outbox must be told of the house around it.
pub trait Around: Send + Sync + 'static {
    /// The way of a school's mail by this sender; none when the configuration has none (any more).
    fn way(&self, school: &str, sender: Option<&Mailbox>) -> Option<Way>;

    /// The names of all next hops.
    fn next_hops(&self) -> Vec<String>;

    /// A message to the sender of a mail that did not reach all of its recipients: the octets, and to whom it goes. None
    /// when nobody may be told.
    fn failure(&self, failure: &Failure<'_>) -> Option<(Vec<u8>, Vec<Mailbox>)>;

    /// The way of a school's mail by this sender that must travel under proven TLS.
    fn road(&self, school: &str, sender: Option<&Mailbox>) -> Road;

    /// The header field by which the school signs what is owed as this; none for what it does not sign: mail that passes
    /// untouched keeps the signature it has.
    fn signature(&self, school: &str, kind: Kind, raw: &[u8]) -> Option<String>;

    /// The signature that stands above a mail which goes straight to strangers' servers, by a key that is aligned with its
    /// `From`, whatever other signature it has. None when it cannot be had.
    fn signed_for_direct(&self, school: &str, raw: &[u8]) -> Option<String>;

    /// A secure share of a mail for which nothing could be proven, for those recipients. None when none can ever be made.
    ///
    /// # Errors
    /// [`NotNow`]: the same may well be made later.
    fn share_instead<'a>(
        &'a self,
        unproven: &'a Unproven<'a>,
        raw: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<SharedInstead>, NotNow>>;

    /// A message to the sender of a mail for which nothing could be proven, which is kept while its sender chooses. None
    /// when it cannot be kept, or nobody may be told.
    fn kept_back(&self, unproven: &Unproven<'_>) -> Option<KeptBack>;

    /// A message to the sender of a mail that has waited for an hour. None when nobody may be told.
    fn waits(&self, waiting: &Unproven<'_>) -> Option<(Vec<u8>, Vec<Mailbox>)>;
}

/// A mail for some of whose recipients nothing could be proven, now or ever.
pub struct Unproven<'u> {
    /// The outbox that owes it.
    pub outbox: &'u Outbox,
    /// The owed mail.
    pub claimed: &'u Claimed,
    /// Those recipients.
    pub recipients: &'u [To],
    /// The code of the row of the decision table, or why there is none.
    pub reason: &'static str,
    /// Now, milliseconds since 1970.
    pub now: i64,
}

impl fmt::Debug for Unproven<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unproven").field("recipients", &self.recipients.len()).field("reason", &self.reason).finish()
    }
}

/// It cannot be done now: the store or the disk has trouble, or the same is being done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow;

/// A secure share in place of mail: its files are on the disk, its rows not yet.
pub struct SharedInstead {
    /// Its rows, with the mails that carry the links.
    pub rows: NewShared,
    /// The sender's receipt.
    pub receipt: (Item, NewOwed),
    /// To be told when they are on the disk; dropped before that, the files go.
    pub kept: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for SharedInstead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedInstead(..)")
    }
}

/// A mail that is kept while its sender chooses.
pub struct KeptBack {
    /// The message to its sender.
    pub raw: Vec<u8>,
    /// Who gets that.
    pub readers: Vec<Mailbox>,
    /// When the mail is deleted, milliseconds since 1970.
    pub delete_at: i64,
}

impl fmt::Debug for KeptBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptBack").field("delete_at", &self.delete_at).finish_non_exhaustive()
    }
}

/// A next hop, and the header line by which its own rules know what has passed us.
#[derive(Debug)]
pub struct Way {
    /// The next hop.
    pub next_hop: Arc<NextHop>,
    /// The line, ending in CRLF.
    pub mark: Option<Secret<String>>,
}

/// A mail that did not reach some of its recipients, and will not be tried again.
pub struct Failure<'f> {
    /// Its school.
    pub school: &'f str,
    /// The number of the mail.
    pub number: &'f str,
    /// Its sender.
    pub sender: &'f Mailbox,
    /// Whom it did not reach.
    pub recipients: &'f [Unreached],
    /// Why no way could be proven, when that is why it did not arrive: the code of a row of the decision table.
    pub unproven: Option<&'static str>,
    /// Whether no message may name its recipients.
    pub discreet: bool,
    /// When we took the mail, milliseconds since 1970.
    pub taken_at: i64,
    /// RET= and ENVID= as typed.
    pub dsn: &'f str,
    /// The mail; none when it does not open.
    pub raw: Option<&'f [u8]>,
}

/// A recipient whom a mail did not reach.
#[derive(Clone, PartialEq, Eq)]
pub struct Unreached {
    /// The address as typed.
    pub address: String,
    /// NOTIFY= and ORCPT= as typed.
    pub parameters: String,
    /// The code of the last reply.
    pub code: u16,
    /// Its enhanced code (RFC 3463).
    pub enhanced: Option<String>,
}

impl Unreached {
    /// With what was said of it last.
    pub fn of(to: &To, reply: &Reply) -> Self {
        Self {
            address: to.address.clone(),
            parameters: to.parameters.clone(),
            code: reply.code(),
            enhanced: reply.enhanced().map(str::to_owned),
        }
    }
}

impl fmt::Debug for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unreached").field("code", &self.code).finish_non_exhaustive()
    }
}

impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("number", &self.number).finish_non_exhaustive()
    }
}
