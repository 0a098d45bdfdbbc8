//! Our own SMTP, both sides: the listener with its sessions, and the client towards the next hop.
//!
//! Hands mail to a [`Handler`] and does not know that there is a scanner. Never repairs what a client sends, never
//! passes on a control character, never waits without a deadline. RFC 5321, 1870, 1985 (not offered), 2034, 2920,
//! 3207, 3461, 3848, 4954, 6152, 6531; CHUNKING (RFC 3030) is not offered: one body reader, one rule.

pub mod access;
pub mod budget;
pub mod client;
pub mod command;
pub mod data;
mod handler;
pub mod listener;
mod reply;
mod session;
pub mod settings;
mod stream;

pub use handler::{Client, Content, Extensions, Handler, Transaction};
pub use reply::Reply;
