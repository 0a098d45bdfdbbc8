//! The portal of recipients, over HTTP: every page and every state, what a robot can do without a code, and what strangers
//! have written.
//!
//! A real listener, real shares in a real store, a clock that is set; mail that is owed is read from the store. All names,
//! numbers and mails are invented.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

#[path = "portal/brands.rs"]
mod brands;
#[path = "portal/browser.rs"]
mod browser;
#[path = "support/device.rs"]
mod device;
#[path = "support/drawn.rs"]
mod drawn;
#[path = "portal/factors.rs"]
mod factors;
#[path = "portal/guard.rs"]
mod guard;
#[path = "portal/house.rs"]
mod house;
#[path = "portal/passkeys.rs"]
mod passkeys;
#[path = "support/provider.rs"]
mod provider;
#[path = "portal/reading.rs"]
mod reading;
#[path = "portal/sender.rs"]
mod sender;
#[path = "portal/strangers.rs"]
mod strangers;
#[path = "support/browser.rs"]
mod surf;
