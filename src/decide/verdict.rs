//! The verdict: one route for each recipient, with the policy line that made it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::detect::Kind;
use crate::extract::Why;
use crate::level::Level;

/// What happens to a mail for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// On to the next hop, byte for byte.
    Pass,
    /// On, over a way to the recipient's mailbox that is proven to be encrypted, or not by mail.
    Tls,
    /// As a secure share: the recipient gets a link, and the mail stays here, sealed.
    Share,
    /// Not now: the client keeps it and tries again (a 451).
    Defer,
    /// Not sent; the sender learns what to do.
    Block,
}

impl Route {
    /// The word in policy files, journal and `scan --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Tls => "tls",
            Self::Share => "share",
            Self::Defer => "defer",
            Self::Block => "block",
        }
    }

    /// Whether the recipient gets nothing.
    pub fn is_stopped(self) -> bool {
        matches!(self, Self::Defer | Self::Block)
    }
}

/// What this installation can do besides passing and blocking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Means {
    /// Prove that the way to a mailbox is encrypted.
    pub tls: bool,
    /// Make secure shares.
    pub share: bool,
}

/// What a policy line asks for, from mild to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ask {
    /// On to the next hop.
    Pass,
    /// On, when the way to the recipient's mailbox is proven to be encrypted; else a share.
    Tls,
    /// A secure share.
    Share,
    /// A secure share, after its sender said what for.
    ShareWithPurpose,
    /// Not now.
    Defer,
    /// Not sent, and who may send it on nevertheless.
    Block(Release),
}

impl Ask {
    /// The word in policy files, journal and `scan --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Tls => "tls",
            Self::Share => "share",
            Self::ShareWithPurpose => "share_with_purpose",
            Self::Defer => "defer",
            Self::Block(_) => "block",
        }
    }
}

/// Who may send a blocked mail on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Release {
    /// The sender, with a reason.
    Reason,
    /// A second person: the director or the privacy contact (never the FG, who looks afterwards: AVG art. 38).
    SecondPerson,
    /// Nobody: no law allows it.
    Nobody,
}

impl Release {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reason, Self::SecondPerson, Self::Nobody];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::SecondPerson => "second_person",
            Self::Nobody => "nobody",
        }
    }
}

/// How far a rule may go; the school's `mode` is the ceiling over all lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything passes; the journal says what would have happened.
    #[default]
    Observe,
    /// Everything passes; the sender is advised.
    Advise,
    /// The routes are carried out.
    Enforce,
}

/// The decision for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The route to carry out, below the ceiling of the mode.
    pub route: Route,
    /// What becomes of it when `route` is `Tls` and the way cannot be proven: a share, or what the line says.
    pub otherwise: Route,
    /// What the policy line asked for; differs from `route` when the mode is not `enforce`, or when it asks for what
    /// this installation cannot do.
    pub asked: Ask,
    /// The recipient's class, e.g. `inside`, `care`, `unknown`.
    pub class: Arc<str>,
    /// The id of the policy line that decided.
    pub line: Arc<str>,
    /// The key of the advice text, when the line has one.
    pub advice: Option<Arc<str>>,
    /// Whether the line wants the sender advised although the mail passes.
    pub advise: bool,
    /// Whether the notice must not name this recipient's address: it may be secret, or its reader barred.
    pub discreet: bool,
    /// The lines that would stop the mail one after the other when only what the line before asks about is taken out of
    /// it. The sender is to know all of them at once. Empty unless blocked.
    pub next: Vec<Arc<str>>,
    /// How sure it must be who opens a share of it: the strictest of all lines that fit of which one may come.
    pub level: Level,
    /// Whether only its attachments are shared: every such line says so, and the mail without them may go as it is.
    pub attachments: bool,
}

/// What was decided, made once, before anything is done; nothing later decides again.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// One decision for each recipient, in envelope order.
    pub decisions: Vec<Decision>,
    /// The class of the content (corpus: clean, personal, special, bulk).
    pub content: Content,
    /// How many findings of each kind count (confidence at or above the policy's threshold).
    pub kinds: BTreeMap<Kind, usize>,
    /// The reasons for which something is unread.
    pub unread: Vec<Why>,
}

impl Verdict {
    /// The strictest route of all recipients: what is carried out for the whole mail while there is no
    /// outbox (block over defer over share over TLS over pass).
    pub fn strictest(&self) -> Route {
        self.decisions.iter().map(|d| d.route).max().unwrap_or(Route::Pass)
    }
}

/// The class of a content, as the corpus defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Content {
    /// Nothing found.
    #[default]
    Clean,
    /// Personal data.
    Personal,
    /// A special category (AVG art. 9 and 10), or care.
    Special,
    /// Ten or more pupils.
    Bulk,
}

impl Content {
    /// The word in `scan --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Personal => "personal",
            Self::Special => "special",
            Self::Bulk => "bulk",
        }
    }
}
