//! mailpoort: the gate through which a Dutch school's mail leaves.

pub mod act;
pub mod commands;
pub mod config;
pub mod decide;
pub mod detect;
pub mod extract;
pub mod gate;
pub mod message;
pub mod problem;
pub mod record;
pub mod roster;
pub mod school;
pub mod secret;
pub mod smtp;
pub mod tls;
