//! Carries out a verdict; each answer to a mail has its own file.
//!
//! Never decides: the verdict is made once, before anything here runs.

pub mod notice;

mod incident;
mod shown;
mod template;
mod wording;

pub use incident::{Column, Found, Incident, Part, Stopped, UnreadPart, Where};
pub use wording::Language;
