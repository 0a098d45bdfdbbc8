//! What the process does before anything else: nothing of a mail may end in a core dump or a panic's text.

use std::io::IsTerminal;
use std::panic;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::config::{LogConfig, LogFormat, LogLevel};
use crate::problem::Problem;

/// Switches core dumps off, and lets a panic tell its place but not its words: those may quote a mail.
pub(super) fn keep_secrets() {
    // Both may be refused by a container; the other one is then still there.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a fault in mailpoort; please report this line to its makers");
    }));
}

/// Waits for something that needs the store.
pub(super) fn wait_for<T>(work: impl Future<Output = T>) -> Result<T, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Problem::new("system", format!("it gives no threads: {error}"), "raise the limit on threads and open files")
    })?;
    Ok(runtime.block_on(work))
}

/// As many open files as the system allows: each connection is one.
pub(super) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Sends log lines to standard error.
pub(super) fn log(config: &LogConfig) {
    let level = match config.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    // The journal is the school's evidence, whatever else is worth a line.
    let wanted = Targets::new().with_default(level).with_target("mailpoort::journal", Level::INFO);
    // The resolver's own lines quote questions, and with them the domains that people write to.
    let resolver = if level == Level::DEBUG { LevelFilter::DEBUG } else { LevelFilter::OFF };
    let wanted = ["hickory_net", "hickory_proto", "hickory_resolver"]
        .into_iter()
        .fold(wanted, |wanted, target| wanted.with_target(target, resolver));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let _ = match config.format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal());
            tracing::subscriber::set_global_default(Registry::default().with(lines.with_filter(wanted)))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true);
            tracing::subscriber::set_global_default(Registry::default().with(lines.with_filter(wanted)))
        }
    };
}
