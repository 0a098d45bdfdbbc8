//! mailpoort: arguments to commands. Everything else is in the library; `src/lib.rs` is the map.

use std::process::ExitCode;

fn main() -> ExitCode {
    mailpoort::commands::run()
}
