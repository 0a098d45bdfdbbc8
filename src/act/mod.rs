//! Carries out a verdict; each answer to a mail has its own file.
//!
//! Never decides: the verdict is made once, before anything here runs.

pub mod notice;

mod found;
mod incident;
mod shown;
mod template;
mod texts;
mod wording;

pub use found::{Column, Found, Part, UnreadPart, Where};
pub use incident::{Incident, Stopped};
pub use wording::Language;
