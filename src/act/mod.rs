//! Carries out a verdict; each answer to a mail has its own file.
//!
//! Never decides: the verdict is made once, before anything here runs. Fails as replies: a 451 keeps the mail with its
//! client, and nothing here says 250 before the next hop has taken the mail, or its sender's notice.

pub mod notice;
pub mod relay;

mod block;
mod carry;
mod columns;
mod found;
mod incident;
mod shown;
mod template;
mod texts;
mod wording;

pub use block::Incidents;
pub use carry::{Case, carry_out, refuse};
pub use columns::{Held, HeldColumn, held};
pub use found::{Column, Found, Part, ToldUnit, UnreadPart, Where};
pub use incident::{Advised, Incident, Stopped, Told};
