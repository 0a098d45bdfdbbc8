//! Carries out a verdict; each answer to a mail has its own file.
//!
//! Never decides: the verdict is made once, before anything here runs. Fails as replies: a 451 keeps the mail with its
//! client, and nothing here says 250 before the next hop has taken the mail, or it lies sealed on the disk with all that
//! is owed because of it, or (where nothing is kept) the next hop has taken its sender's notice.

pub mod notice;
pub mod share;

mod block;
mod carry;
mod columns;
mod dsn;
mod failure;
mod forced;
mod found;
mod hold;
mod incident;
mod joined;
mod later;
mod linked;
mod shown;
mod template;
mod texts;
mod unproven;
mod wording;

pub use block::Incidents;
pub use carry::{Case, Journal, Keeping, carry_out, refuse};
pub use columns::{Held, HeldColumn, held};
pub use dsn::report as failure_report;
pub use failure::failure;
pub use found::{Column, Found, Part, ToldUnit, UnreadPart, Where};
pub use incident::{Advised, Incident, Stopped, Told};
pub use later::{advice, together};
pub use unproven::{About, kept_back, waits};
pub use wording::kind as kind_in_words;
