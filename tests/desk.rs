//! The teacher's desk, over HTTP: every page and every act, and what nobody may do.
//!
//! A real listener, a real store and vault, a gate that answers as it is told, and a clock that is set. Mail that the
//! desk owes is read from the store. All names, numbers and mails are invented.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

#[path = "desk/acts.rs"]
mod acts;
#[path = "desk/browser.rs"]
mod browser;
#[path = "support/drawn.rs"]
mod drawn;
#[path = "desk/guard.rs"]
mod guard;
#[path = "desk/house.rs"]
mod house;
#[path = "desk/pages.rs"]
mod pages;
#[path = "desk/real.rs"]
mod real;
#[path = "desk/signing_in.rs"]
mod signing_in;
#[path = "support/browser.rs"]
mod surf;
#[path = "desk/week.rs"]
mod week;
