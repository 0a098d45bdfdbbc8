//! A whole gate in one process, between a client and a next hop that do as they are told.
// Each test binary uses its part of this.
#![allow(dead_code, clippy::unwrap_used)]

pub mod authority;
pub mod client;
pub mod next_hop;
pub mod poort;

use std::future::Future;
use std::time::Duration;

/// Nothing in these tests waits for the clock; what has not happened by then never will.
const NEVER: Duration = Duration::from_secs(30);

/// What comes within the deadline; a test that hangs says where.
#[track_caller]
pub fn soon<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(NEVER, future).await {
            Ok(output) => output,
            Err(_) => panic!("{caller}: this never came: {what}"),
        }
    }
}

/// A message as the wire has it, from a file or a text with plain line ends.
pub fn on_the_wire(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}
