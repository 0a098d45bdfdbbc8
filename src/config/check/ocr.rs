//! `[ocr]`: whether and how text is recognised in pictures.

use std::path::PathBuf;

use toml::Spanned;

use super::super::OcrConfig;
use super::{Check, raw};
use crate::reader::{Bounds, RecogniserSettings, Sandbox, installed};

/// Less memory than this and no page of a scanner could be read.
const LEAST_MEMORY: usize = 256 << 20;
/// Fewer pixels than this and no page of a scanner would be.
const LEAST_PIXELS: usize = 9_000_000;

impl Check<'_> {
    pub(super) fn ocr(&mut self, raw: &raw::Ocr, sandbox: Sandbox) -> Option<OcrConfig> {
        let languages = self.languages(&raw.languages);
        let memory = raw.memory.get_ref().0;
        if memory < LEAST_MEMORY {
            self.problem(
                &raw.memory.span(),
                format!("`memory` is {memory} octets, in which no page can be read"),
                "set it to \"256 MiB\" or more",
            );
        }
        let (per_picture, per_message) = (
            self.time(&raw.time_per_picture, "time_per_picture"),
            self.time(&raw.time_per_message, "time_per_message"),
        );
        if per_picture > per_message {
            self.problem(
                &raw.time_per_picture.span(),
                "`time_per_picture` is more than `time_per_message`",
                "give a picture at most as long as the whole message",
            );
        }
        let processes = raw.processes.as_ref().map(|processes| self.at_least(processes, "processes", 1));
        let pages = self.at_least(&raw.pages, "pages", 1);
        let max_pixels = self.at_least(&raw.max_pixels, "max_pixels", LEAST_PIXELS);
        // The program is looked for only where it is wanted.
        let program = if raw.enabled { self.recogniser(&raw.program) } else { None };
        let base = RecogniserSettings::new(program?);
        let recognisers = RecogniserSettings {
            languages,
            processes: processes.unwrap_or(base.processes),
            bounds: Bounds { memory: memory as u64, seconds: (per_picture.as_secs() / 2).max(1) },
            per_picture,
            per_message,
            sandbox,
            ..base
        };
        Some(OcrConfig { recognisers, pages, max_pixels })
    }

    fn languages(&mut self, raw: &Spanned<Vec<Spanned<String>>>) -> Vec<String> {
        if raw.get_ref().is_empty() {
            self.problem(&raw.span(), "there are no `languages`", "write for example [\"nld\", \"eng\"]");
        }
        for language in raw.get_ref() {
            let name = language.get_ref();
            let is_name =
                (3..=20).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name {
                self.problem(
                    &language.span(),
                    format!("`{name}` is no language of Tesseract"),
                    "write for example \"nld\"; `tesseract --list-langs` names those that are installed",
                );
            }
        }
        raw.get_ref().iter().map(|language| language.get_ref().clone()).collect()
    }

    /// The whole path of the program.
    fn recogniser(&mut self, raw: &Spanned<PathBuf>) -> Option<PathBuf> {
        let found = installed(raw.get_ref());
        if found.is_none() {
            self.problem(
                &raw.span(),
                format!("`enabled` is true, and there is no program `{}`", raw.get_ref().display()),
                "install Tesseract 5 (Debian: apt-get install tesseract-ocr tesseract-ocr-nld), give its whole path as \
                 `program`, or set `enabled` to false",
            );
        }
        found
    }
}
