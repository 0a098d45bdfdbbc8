//! What the end-to-end tests share: the gate as a process, a client, a next hop that keeps everything, Postfix.
//!
//! Everything is on loopback. Each test has a block of addresses of its own in 127.0.0.0/8, so that tests that run at
//! the same time never meet, and ports need no guessing. Nothing waits by the clock: [`until`] looks again and again,
//! and has an end.
// Each test binary uses its own part of this.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod client;
pub mod gate;
pub mod postfix;
pub mod sink;

use std::fmt::Display;
use std::time::{Duration, Instant};

/// An address of this test process: 127.x.y.`host`, x and y from the process id.
pub fn address(host: u8) -> String {
    let pid = std::process::id();
    format!("127.{}.{}.{host}", 64 + (pid >> 8 & 63), pid & 255)
}

/// Looks until something is there.
///
/// # Panics
/// It is not there in time.
pub fn until<T, W: Display>(what: impl Fn() -> W, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "within {patience:?} there was no {}", what());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Fails with a sentence for newcomers when a program is missing.
pub fn needs(program: &str) {
    let there = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .chain(["/usr/sbin".into(), "/usr/bin".into()])
        .any(|folder| folder.join(program).is_file());
    assert!(there, "{program} is not on this machine; `make test` installs it");
}

/// Fails with a sentence when the test may not do what it must.
pub fn needs_root(why: &str) {
    assert!(rustix::process::geteuid().is_root(), "this test must run as root: {why}");
}
