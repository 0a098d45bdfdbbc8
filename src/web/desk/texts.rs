//! The texts of the desk, one file a language (rules/texts/desk.nl.toml, desk.en.toml), which a school may edit.

use std::path::PathBuf;

use crate::problem::Problem;
use crate::school::Language;
use crate::web::texts::{self, Shipped};

const SET: Shipped = Shipped {
    name: "desk",
    languages: &[
        ("nl", include_str!("../../../rules/texts/desk.nl.toml")),
        ("en", include_str!("../../../rules/texts/desk.en.toml")),
    ],
    further: None,
};

/// All texts, in both languages.
#[derive(Debug, Clone)]
pub struct Texts(texts::Texts);

impl Texts {
    /// The shipped texts.
    ///
    /// # Errors
    /// None in a build whose tests passed; the same as [`Texts::load`] otherwise.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        texts::Texts::shipped(&SET).map(Self)
    }

    /// The shipped texts with those of a school's own files in their place: path and content each, of which only
    /// `desk.nl.toml` and `desk.en.toml` are looked at.
    ///
    /// # Errors
    /// Unknown texts and placeholders, and files that are no TOML, with their lines.
    pub fn load(files: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        texts::Texts::load(&SET, files).map(Self)
    }

    /// A text, with its placeholders as they are. Nothing for a text that is not there, which a test excludes.
    pub fn get(&self, language: Language, key: &str) -> &str {
        self.0.get(language.word(), key)
    }

    /// A text with its placeholders filled in.
    pub fn fill(&self, language: Language, key: &str, values: &[(&str, &str)]) -> String {
        self.0.fill(language.word(), key, values)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;
    use crate::web::texts::tests::{is_even, is_used};

    #[test]
    fn both_languages_have_the_same_texts_and_placeholders() {
        is_even(&SET);
    }

    #[test]
    fn no_text_is_missing_and_none_is_idle() {
        let folder = Path::new(file!()).parent().unwrap();
        is_used(
            &SET,
            folder,
            &[
                "state_",
                "choice_",
                "act_",
                "done_",
                "error_",
                "form_",
                "letter_",
                "share_done_",
                "event_",
                "by_",
                "week_state_",
            ],
        );
    }
}
