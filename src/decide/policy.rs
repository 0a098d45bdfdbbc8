//! The policy: lines that are asked from top to bottom, for each recipient; the first that fits decides.
//!
//! The file format is TOML, one `[[line]]` each; rules/policy/school.toml is the shipped one and the
//! sample. A policy that loads has an answer for everything: every kind, every strength and every reason
//! for being unread, for recipients of every class (`load` proves it), so a message with a finding cannot
//! fall through to the built-in last line `clean`. Never sees content; only kinds, counts and classes.
//! A bad file is refused whole, with every problem found in it. Design: school-defaults, section 2.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::load;
use super::sender::SenderClass;
use super::verdict::{Mode, Route};
use crate::detect::{Kind, Strength};
use crate::extract::Why;
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
    /// What it asks for.
    pub route: Route,
    /// Whether the sender is advised although the mail passes.
    pub advise: bool,
    /// How far this line may go; the school's mode can only lower it.
    pub mode: Mode,
    /// The key of the advice text.
    pub advice: Option<Arc<str>>,
    /// What the sender may choose. Kept for the desk; this version's notice has no buttons.
    pub offers: Vec<Offer>,
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
    /// The most distinct values of `kinds`.
    pub max: Option<usize>,
    /// At least so many different pupils in the message; 0 asks nothing.
    pub pupils_min: usize,
    /// One of these is a reason for which a part is unread.
    pub unread: Vec<Why>,
    /// The sender is one of these.
    pub sender: Vec<SenderClass>,
    /// The message is one of these.
    pub message: Vec<MessageClass>,
    /// The recipient is one of these; empty is everybody.
    pub to: Vec<Arc<str>>,
}

/// Messages that a program makes, which cannot be rewritten or answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MessageClass {
    /// An invitation, its answer or its cancellation.
    Calendar,
    /// An auto-reply, a receipt or a non-delivery report.
    Auto,
}

impl MessageClass {
    /// All classes.
    pub const ALL: [Self; 2] = [Self::Calendar, Self::Auto];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Calendar => "calendar",
            Self::Auto => "auto",
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
    /// Ask the privacy contact.
    Help,
    /// Say that it is a mistake.
    Mistake,
    /// Delete it.
    Delete,
}

impl Offer {
    /// All offers.
    pub const ALL: [Self; 7] =
        [Self::RemoveColumns, Self::Reason, Self::SecondPerson, Self::Share, Self::Help, Self::Mistake, Self::Delete];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::RemoveColumns => "remove_columns",
            Self::Reason => "reason",
            Self::SecondPerson => "second_person",
            Self::Share => "share",
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

    /// The keys of all advice texts that the lines name.
    pub fn advice_keys(&self) -> BTreeSet<Arc<str>> {
        self.lines.iter().filter_map(|line| line.advice.clone()).collect()
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

    fn asks_nothing_but_findings_of(&self, class: &str) -> bool {
        (self.to.is_empty() || self.to.iter().any(|to| &**to == class))
            && self.all_of.is_empty()
            && self.min <= 1
            && self.max.is_none()
            && self.pupils_min == 0
            && self.sender.is_empty()
            && self.message.is_empty()
    }
}
