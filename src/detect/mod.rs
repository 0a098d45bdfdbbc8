//! Texts, rules and roster -> findings.
mod finding;

pub use finding::{Feature, Finding, Kind, PupilKey, Strength};
