//! What is wrong with a file that a person wrote: which file, which line, what, and what to do.
//!
//! Configuration, rules, policy, texts and rosters all report through [`Problem`], so that every such
//! sentence has the same shape. A problem never quotes the *value* of a credential or a name.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One thing that is wrong with a file, with its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named by whoever asked for it.
    pub file: PathBuf,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// The place in the file's text, for files that hold no secret.
    pub excerpt: Option<Excerpt>,
}

/// A piece of a file, to be shown with the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file's text.
    pub text: Arc<str>,
    /// The piece that is wrong, in bytes.
    pub span: Range<usize>,
}

impl Problem {
    /// A problem that has no line of its own.
    pub fn new(file: impl AsRef<Path>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.as_ref().to_path_buf(), line: None, what: what.into(), remedy: remedy.into(), excerpt: None }
    }

    /// The same problem at a byte offset of the file's text.
    #[must_use]
    pub fn at(mut self, text: &str, offset: usize) -> Self {
        self.line = Some(line_of(text, offset));
        self
    }

    /// The same problem at a piece of the file's text, which is shown with it: for rules and policies, never for a file
    /// that can hold a password.
    #[must_use]
    pub fn shown_at(mut self, text: &str, span: Range<usize>) -> Self {
        self.line = Some(line_of(text, span.start));
        self.excerpt = Some(Excerpt { text: Arc::from(text), span });
        self
    }

    /// What serde or the TOML parser said, with its line.
    pub fn from_toml(file: impl AsRef<Path>, text: &str, error: &toml::de::Error) -> Self {
        let problem = Self::new(
            file,
            without_value(error.message().trim_end()).replace('\n', "; "),
            "compare with the documented sample, deploy/mailpoort.toml, or with the shipped rules",
        );
        match error.span() {
            Some(span) => problem.at(text, span.start),
            None => problem,
        }
    }
}

/// serde repeats a text that it did not expect: `invalid type: string "secret", expected a map`. What stands in a
/// configuration where it does not belong may be a secret.
fn without_value(message: &str) -> String {
    match (message.find("string \""), message.rfind("\", expected")) {
        (Some(from), Some(to)) if from < to => format!("{}text{}", &message[..from], &message[to + 1..]),
        _ => message.to_string(),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}. To do: {}.", self.what, self.remedy)
    }
}

impl std::error::Error for Problem {}

/// The line of a byte offset, counted from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|&&b| b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_the_wrong_place_is_not_repeated() {
        let said = "invalid type: string \"linde-\"geheim\", expected struct Header";
        assert_eq!(without_value(said), "invalid type: text, expected struct Header");
        assert_eq!(without_value("unknown field `host`"), "unknown field `host`");
    }
}
