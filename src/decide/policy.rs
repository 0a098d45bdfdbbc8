//! The policy: lines that are asked for each recipient; the strictest that fits decides.
//!
//! The file format is TOML, one `[[line]]` each; rules/policy/school.toml is the shipped one and the
//! sample. A policy that loads has an answer for everything: every kind, every strength and every reason
//! for being unread, for recipients of every class (`load` proves it), so a message with a finding cannot
//! fall through to the built-in last line `clean`. Lines only ask for "at least", so more findings never answer weaker. Never sees content; only kinds, counts and classes.
//! A bad file is refused whole, with every problem found in it. Design: school-defaults, section 2.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exception::{Exception, ListSender};
use super::fact::Fact;
use super::load;
use super::sender::SenderClass;
use super::verdict::{Ask, Decision, Means, Mode, Release, Route};
use crate::detect::{Kind, Strength};
use crate::extract::Why;
use crate::level::Level;
use crate::problem::Problem;

/// The id of the built-in last line: nothing found, all read, so it passes.
pub const CLEAN: &str = "clean";
/// The id that a decision carries when no line answered. [`Policy::load`] refuses every policy in which
/// that could happen; the recipient is blocked then, since what was not judged does not pass.
pub const UNANSWERED: &str = "unanswered";

/// A policy that loaded.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Findings below this confidence (0..1) do not count.
    pub min_confidence: f32,
    /// The lines, in their order.
    pub lines: Vec<Line>,
    /// What the law says of classes and kinds.
    pub grounds: Vec<Ground>,
    /// The school's senders of newsletters.
    pub list_senders: Vec<ListSender>,
    /// The file, as it was named; for problems with its advice keys.
    pub file: PathBuf,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its name in the journal and in `rules explain`.
    pub id: Arc<str>,
    /// Where it stands in the file, counted from 1.
    pub at: usize,
    /// The reason for it, for people.
    pub why: String,
    /// When it fits.
    pub when: When,
    /// For whom and how long, when it is an exception.
    pub exception: Option<Exception>,
    /// What it asks for.
    pub ask: Ask,
    /// Whether the mail passes where the installation cannot do what the line asks for (proven TLS, a share); otherwise
    /// it is blocked.
    pub passes_meanwhile: bool,
    /// Whether it answers alone for what it asks about, whatever stricter lines say.
    pub before: bool,
    /// Whether the sender is advised although the mail passes.
    pub advise: bool,
    /// How far this line may go; the school's mode can only lower it.
    pub mode: Mode,
    /// The key of the advice text.
    pub advice: Option<Arc<str>>,
    /// What the sender may choose, at the desk.
    pub offers: Vec<Offer>,
    /// How sure it must be who opens a share that comes of it.
    pub level: Level,
    /// Whether only the attachments are shared, where the mail without them may go as it is.
    pub attachments: bool,
}

/// What the law lets a class of recipients have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// Where it stands in the file, counted from 1.
    pub at: usize,
    /// The classes.
    pub to: Vec<Arc<str>>,
    /// The kinds.
    pub kinds: Vec<Kind>,
    /// Whether they may have them. Where not, a line never lets the sender alone send them on.
    pub may: bool,
    /// A sentence that says so with its article, Dutch and English.
    pub said: [String; 2],
}

/// When a line fits: all that is filled in must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// At least `min` distinct values of these kinds together; empty asks nothing.
    pub kinds: Vec<Kind>,
    /// Each of these kinds.
    pub all_of: Vec<Kind>,
    /// Only findings of this strength count for `kinds` and `all_of`.
    pub strength: Option<Strength>,
    /// The fewest distinct values of `kinds`.
    pub min: usize,
    /// At least so many different pupils in the message; 0 asks nothing.
    pub pupils_min: usize,
    /// One of these is a reason for which a part is unread.
    pub unread: Vec<Why>,
    /// One of these holds.
    pub facts: Vec<Fact>,
    /// At least so many private addresses stand in To and Cc; 0 asks nothing.
    pub visible_min: usize,
    /// At least so many recipients are outside; 0 asks nothing.
    pub outside_min: usize,
    /// It asks about findings in a quote that goes back to its author, and about no others.
    pub quote: bool,
    /// The sender is one of these.
    pub sender: Vec<SenderClass>,
    /// The message is one of these.
    pub message: Vec<MessageClass>,
    /// The recipient is one of these; empty is everybody.
    pub to: Vec<Arc<str>>,
}

/// Kinds of messages, as their headers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MessageClass {
    /// An invitation, its answer or its cancellation.
    Calendar,
    /// An auto-reply, a receipt or a non-delivery report.
    Auto,
    /// One that tells nobody how to get no more of it (RFC 2369, `List-Unsubscribe`).
    NoUnsubscribe,
    /// Its sender is not registered as one of newsletters.
    Unregistered,
}

impl MessageClass {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Calendar, Self::Auto, Self::NoUnsubscribe, Self::Unregistered];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Calendar => "calendar",
            Self::Auto => "auto",
            Self::NoUnsubscribe => "no_unsubscribe",
            Self::Unregistered => "unregistered",
        }
    }
}

/// What a sender may choose at the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Offer {
    /// Send it without the columns in which something was found.
    RemoveColumns,
    /// Send it on, with a reason.
    Reason,
    /// Send it on when a second person (director or privacy contact) agrees.
    SecondPerson,
    /// Send it as a secure share.
    Share,
    /// Send it with all addresses in Bcc.
    Bcc,
    /// Ask the privacy contact.
    Help,
    /// Say that it is a mistake.
    Mistake,
    /// Delete it.
    Delete,
}

impl Offer {
    /// All offers.
    pub const ALL: [Self; 8] = [
        Self::RemoveColumns,
        Self::Reason,
        Self::SecondPerson,
        Self::Share,
        Self::Bcc,
        Self::Help,
        Self::Mistake,
        Self::Delete,
    ];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::RemoveColumns => "remove_columns",
            Self::Reason => "reason",
            Self::SecondPerson => "second_person",
            Self::Share => "share",
            Self::Bcc => "bcc",
            Self::Help => "help",
            Self::Mistake => "mistake",
            Self::Delete => "delete",
        }
    }
}

impl Policy {
    /// The shipped policy, profile `school`.
    ///
    /// # Errors
    /// None in a build whose tests passed; the same as [`Policy::load`] otherwise.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        Self::load(Path::new("rules/policy/school.toml"), include_str!("../../rules/policy/school.toml"))
    }

    /// Loads a policy file from its text; `file` only names it.
    ///
    /// # Errors
    /// Everything that is wrong with it, in file order.
    pub fn load(file: &Path, text: &str) -> Result<Self, Vec<Problem>> {
        load::policy(file, text)
    }

    /// The line of an id, as in [`super::Decision::line`]; none for the built-in ids.
    pub fn line(&self, id: &str) -> Option<&Line> {
        self.lines.iter().find(|line| &*line.id == id)
    }

    /// The exceptions, in file order.
    pub fn exceptions(&self) -> impl Iterator<Item = (&Line, &Exception)> {
        self.lines.iter().filter_map(|line| Some((line, line.exception.as_ref()?)))
    }

    /// What its sender may choose for a recipient: what any line that stops it offers, but no release that one of them
    /// forbids, and no columns that are not an answer to all of them.
    pub fn offers(&self, decision: &Decision) -> BTreeSet<Offer> {
        let lines = || std::iter::once(&decision.line).chain(&decision.next).filter_map(|id| self.line(id));
        let release = lines().filter_map(|line| if let Ask::Block(release) = line.ask { Some(release) } else { None });
        let strictest = release.max();
        let forbidden = |offer: &Offer| match offer {
            Offer::Reason => strictest > Some(Release::Reason),
            Offer::SecondPerson => strictest > Some(Release::SecondPerson),
            Offer::RemoveColumns => !lines().all(|line| line.offers.contains(&Offer::RemoveColumns)),
            _ => false,
        };
        lines().flat_map(|line| line.offers.iter().copied()).filter(|offer| !forbidden(offer)).collect()
    }

    /// Whether a line asks for this fact.
    pub fn asks_for(&self, fact: Fact) -> bool {
        self.lines.iter().any(|line| line.when.facts.contains(&fact))
    }

    /// What the law says to a class of these kinds, in file order.
    pub fn grounds<'p>(&'p self, class: &'p str, kinds: &'p [Kind]) -> impl Iterator<Item = &'p Ground> {
        let about = move |ground: &&Ground| {
            ground.to.iter().any(|to| &**to == class) && ground.kinds.iter().any(|kind| kinds.contains(kind))
        };
        self.grounds.iter().filter(about)
    }

    /// The keys of all advice texts that the lines name.
    pub fn advice_keys(&self) -> BTreeSet<Arc<str>> {
        self.lines.iter().filter_map(|line| line.advice.clone()).collect()
    }
}

impl Line {
    /// Whether recipients of this class are among those it asks about.
    pub fn goes_to(&self, class: &str) -> bool {
        let to = self.exception.as_ref().map_or(&self.when.to, |exception| &exception.classes);
        (to.is_empty() && self.exception.is_none()) || to.iter().any(|to| &**to == class)
    }

    /// Whether a share may come of it, at once or at the desk.
    pub fn can_share(&self) -> bool {
        matches!(self.ask, Ask::Tls | Ask::Share | Ask::ShareWithPurpose) || self.offers.contains(&Offer::Share)
    }

    /// What the gate does: what the line asks for, or what it can do instead.
    pub fn route(&self, means: Means) -> Route {
        match self.ask {
            Ask::Pass => Route::Pass,
            Ask::Tls if means.tls => Route::Tls,
            // It waits until its sender has said what for, at the desk, which makes the share then.
            Ask::ShareWithPurpose if means.share => Route::Block,
            Ask::Tls | Ask::Share | Ask::ShareWithPurpose => self.without_tls(means),
            Ask::Defer => Route::Defer,
            Ask::Block(_) => Route::Block,
        }
    }

    /// What becomes of a mail that asks for more than passing, when no way to the mailbox can be proven.
    pub fn without_tls(&self, means: Means) -> Route {
        match (means.share, self.passes_meanwhile) {
            (true, _) => Route::Share,
            (false, true) => Route::Pass,
            (false, false) => Route::Block,
        }
    }
}

impl When {
    /// Whether the line fits every message to `class` in which this kind is found at this strength,
    /// whatever else is in it and whoever sends it.
    pub(super) fn always_answers(&self, kind: Kind, strength: Strength, class: &str) -> bool {
        self.asks_nothing_but_findings_of(class)
            && self.unread.is_empty()
            && (self.kinds.contains(&kind) && self.strength.is_none_or(|only| only == strength)
                || self.kinds.is_empty())
    }

    /// Whether the line fits every message to `class` of which something is unread for this reason.
    pub(super) fn always_answers_unread(&self, why: Why, class: &str) -> bool {
        self.asks_nothing_but_findings_of(class)
            && self.kinds.is_empty()
            && (self.unread.contains(&why) || self.unread.is_empty())
    }

    /// Whether one finding, one unread part or the number of pupils is all it asks about in the content, so that it can
    /// answer for that alone.
    pub(super) fn can_come_before(&self) -> bool {
        let asks = [!self.kinds.is_empty(), !self.unread.is_empty(), self.pupils_min > 0];
        asks.into_iter().filter(|asks| *asks).count() == 1
            && self.all_of.is_empty()
            && self.min <= 1
            && self.facts.is_empty()
            && self.visible_min == 0
            && self.outside_min == 0
            && !self.quote
    }

    fn asks_nothing_but_findings_of(&self, class: &str) -> bool {
        (self.to.is_empty() || self.to.iter().any(|to| &**to == class))
            && self.all_of.is_empty()
            && self.min <= 1
            && self.pupils_min == 0
            && self.facts.is_empty()
            && self.visible_min == 0
            && self.outside_min == 0
            && !self.quote
            && self.sender.is_empty()
            && self.message.is_empty()
    }
}
