//! Findings, unread parts, envelope, roster and policy -> a verdict: one route for each recipient.
//!
//! Pure: same input, same verdict. Never looks at message bytes, a clock or the network, and never acts.
//! Cannot fail; what could not be read arrives as `Unread` and a policy that loaded answers it. Loading a
//! policy is the only thing here with an error, and a bad policy is refused whole.

mod class;
mod exception;
mod fact;
mod judge;
mod load;
mod look_alike;
mod modes;
mod policy;
mod recipient;
mod sender;
mod tally;
mod verdict;
mod webmail;

pub use class::{
    CLASSES, CONFIDENTIAL, ClassList, Classes, INSIDE, OTHER_GUARDIAN, OWN_GUARDIAN, PRIVATE, UNKNOWN, listable,
};
pub use exception::{Exception, ListSender, Purpose};
pub use fact::{Acquaintance, Fact, KnowsAll, KnowsNoHosts, MailHosts, PupilFacts};
pub use judge::{Evidence, Known, verdict};
pub use look_alike::KnownDomains;
pub use modes::Modes;
pub use policy::{CLEAN, Ground, Line, MessageClass, Offer, Policy, UNANSWERED, When};
pub use sender::{SenderClass, may_be_noticed, sender_class};
pub use tally::{counted, pupils, value_of};
pub use verdict::{Ask, Content, Decision, Means, Mode, Release, Route, Verdict};
