//! mailpoort: arguments to commands. Everything else is in the library; `src/lib.rs` is the map.

use std::process::ExitCode;

/// A mail is thousands of short-lived small pieces of text.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mailpoort::commands::run()
}
