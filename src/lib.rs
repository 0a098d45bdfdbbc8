//! mailpoort: the gate through which a Dutch school's mail leaves.

pub mod act;
pub mod decide;
pub mod detect;
pub mod extract;
pub mod message;
pub mod problem;
pub mod school;
pub mod secret;
