//! Findings, unread parts, envelope and policy -> a verdict: one route for each recipient.
//!
//! Pure: same input, same verdict. Never looks at message bytes, a clock or the network, and never acts.
//! Cannot fail; what could not be read arrives as `Unread` and a policy that loaded answers it. Loading a
//! policy is the only thing here with an error, and a bad policy is refused whole.

mod class;
mod judge;
mod load;
mod policy;
mod sender;
mod verdict;

pub use class::{CLASSES, ClassList, Classes, INSIDE, UNKNOWN, listable};
pub use judge::{counted, pupils, value_of, verdict};
pub use policy::{CLEAN, Line, MessageClass, Offer, Policy, UNANSWERED, When};
pub use sender::{SenderClass, may_be_noticed, sender_class};
pub use verdict::{Content, Decision, Mode, Route, Verdict};
