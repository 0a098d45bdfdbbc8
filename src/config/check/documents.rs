//! `[documents]`: how documents are read, and how much of them.

use std::time::Duration;

use toml::Spanned;

use super::super::DocumentsConfig;
use super::{Check, raw};
use crate::reader::{Bounds, Settings};

/// Less memory than this and ordinary workbooks could not be read.
const LEAST_MEMORY: usize = 64 << 20;
const A_DAY: Duration = Duration::from_secs(24 * 3600);

impl Check<'_> {
    pub(super) fn documents(&mut self, raw: &raw::Documents, scan_deadline: Duration) -> DocumentsConfig {
        let (per_document, per_message) = self.document_times(raw, scan_deadline);
        let memory = raw.memory.get_ref().0;
        if memory < LEAST_MEMORY {
            self.problem(
                &raw.memory.span(),
                format!("`memory` is {memory} octets, in which no larger document can be read"),
                "set it to \"64 MiB\" or more",
            );
        }
        // A clock more than the gate's own, which should be the first to ring: it knows what late means.
        let seconds = per_message.as_secs().saturating_add(2);
        let bounds = Bounds { memory: memory as u64, seconds };
        let mut readers = Settings { sandbox: raw.sandbox, ..Settings::new(bounds, per_document, per_message) };
        if let Some(processes) = &raw.processes {
            readers.processes = self.at_least(processes, "processes", 1);
            readers.spares = readers.spares.min(readers.processes);
        }
        DocumentsConfig {
            readers,
            max_unpacked: raw.max_unpacked.get_ref().0,
            archive_depth: self.at_least(&raw.archive_depth, "archive_depth", 1),
            max_entries: self.at_least(&raw.max_entries, "max_entries", 1),
            text_per_document: raw.text_per_document.get_ref().0,
            text_per_message: raw.text_per_message.get_ref().0,
            remember_passwords: raw.remember_passwords.as_ref().map(|typed| self.remembered(typed)),
        }
    }

    /// How long passwords are remembered: a day at most, since who may know them should soon be only their reader.
    fn remembered(&mut self, typed: &Spanned<raw::Time>) -> Duration {
        let time = self.time(typed, "remember_passwords");
        if time > A_DAY {
            self.problem(&typed.span(), "`remember_passwords` is more than a day", "set it to \"24h\" or less");
        }
        time
    }

    /// Time for a document and for all documents of a message. Defaults give way to a shorter scan; what is typed must
    /// fit.
    fn document_times(&mut self, raw: &raw::Documents, scan_deadline: Duration) -> (Duration, Duration) {
        let mut per_message = self.time(&raw.time_per_message, "time_per_message");
        if raw.time_per_message.span().end == 0 {
            per_message = per_message.min(scan_deadline * 3 / 4);
        } else if per_message >= scan_deadline {
            self.problem(
                &raw.time_per_message.span(),
                "`time_per_message` is not below the `deadline` in [scan], which would end the scan first",
                "leave some seconds between them",
            );
        }
        let mut per_document = self.time(&raw.time_per_document, "time_per_document");
        if raw.time_per_document.span().end == 0 {
            per_document = per_document.min(per_message);
        } else if per_document > per_message {
            self.problem(
                &raw.time_per_document.span(),
                "`time_per_document` is more than `time_per_message`",
                "give a document at most as long as the whole message",
            );
        }
        (per_document, per_message)
    }
}
