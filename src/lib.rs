//! mailpoort: the gate through which a Dutch school's mail leaves.

pub mod config;
pub mod decide;
pub mod detect;
pub mod extract;
pub mod message;
pub mod problem;
pub mod roster;
pub mod school;
pub mod secret;
pub mod smtp;
pub mod tls;
