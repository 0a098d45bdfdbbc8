//! Findings, unread parts, envelope and policy -> a verdict.
mod verdict;

pub use verdict::{Content, Decision, Mode, Route, Verdict};
