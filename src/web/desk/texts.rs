//! The texts of the desk, one file a language (rules/texts/desk.nl.toml, desk.en.toml), which a school may edit.
//!
//! A school's own file need not be whole: what it leaves out is as shipped. A text that nobody asks for, or a
//! placeholder that the shipped text does not have, is a problem at start or reload, with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::problem::Problem;
use crate::school::Language;

const SHIPPED: [(Language, &str); 2] = [
    (Language::Nl, include_str!("../../../rules/texts/desk.nl.toml")),
    (Language::En, include_str!("../../../rules/texts/desk.en.toml")),
];

/// All texts, in both languages.
#[derive(Debug, Clone)]
pub struct Texts {
    languages: BTreeMap<Language, BTreeMap<String, String>>,
}

impl Texts {
    /// The shipped texts.
    ///
    /// # Errors
    /// None in a build whose tests passed; the same as [`Texts::load`] otherwise.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        let mut languages = BTreeMap::new();
        for (language, text) in SHIPPED {
            let file = PathBuf::from(format!("rules/texts/desk.{}.toml", language.word()));
            let texts = read(&file, text)?.into_iter().map(|(key, text)| (key, text.into_inner()));
            languages.insert(language, texts.collect());
        }
        Ok(Self { languages })
    }

    /// The shipped texts with those of a school's own files in their place: path and content each, of which only
    /// `desk.nl.toml` and `desk.en.toml` are looked at.
    ///
    /// # Errors
    /// Unknown texts and placeholders, and files that are no TOML, with their lines.
    pub fn load(files: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        let mut texts = Self::shipped()?;
        let mut problems = Vec::new();
        for (path, text) in files {
            let Some(language) = language_of(path) else { continue };
            match read(path, text) {
                Ok(own) => {
                    let shipped = texts.languages.entry(language).or_default();
                    for (key, own) in own {
                        match fits(&key, own.get_ref(), shipped.get(&key)) {
                            Ok(()) => _ = shipped.insert(key, own.into_inner()),
                            Err((what, remedy)) => {
                                problems.push(Problem::new(path, what, remedy).at(text, own.span().start));
                            }
                        }
                    }
                }
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(texts) } else { Err(problems) }
    }

    /// A text, with its placeholders as they are. Nothing for a text that is not there, which a test excludes.
    pub fn get(&self, language: Language, key: &str) -> &str {
        self.languages.get(&language).and_then(|texts| texts.get(key)).map_or("", String::as_str)
    }

    /// A text with its placeholders filled in.
    pub fn fill(&self, language: Language, key: &str, values: &[(&str, &str)]) -> String {
        let (mut filled, mut rest) = (String::new(), self.get(language, key));
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            filled.push_str(values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value));
            rest = behind;
        }
        filled + rest
    }
}

fn language_of(path: &Path) -> Option<Language> {
    let name = path.file_name()?.to_str()?.strip_prefix("desk.")?.strip_suffix(".toml")?.to_owned();
    Language::ALL.into_iter().find(|language| language.word() == name)
}

fn read(path: &Path, text: &str) -> Result<BTreeMap<String, Spanned<String>>, Vec<Problem>> {
    toml::from_str(text).map_err(|error| vec![Problem::from_toml(path, text, &error)])
}

fn fits(key: &str, own: &str, shipped: Option<&String>) -> Result<(), (String, String)> {
    let Some(shipped) = shipped else {
        let remedy = "use the names of the shipped file in rules/texts".to_owned();
        return Err((format!("there is no text called `{}`", key.escape_debug()), remedy));
    };
    let allowed = placeholders(shipped);
    if let Some(unknown) = placeholders(own).iter().find(|name| !allowed.contains(*name)) {
        let known: Vec<String> = allowed.iter().map(|name| format!("{{{name}}}")).collect();
        let remedy =
            if known.is_empty() { "use none here".into() } else { format!("use one of: {}", known.join(", ")) };
        return Err((format!("unknown placeholder {{{}}} in `{key}`", unknown.escape_debug()), remedy));
    }
    if own.trim().is_empty() {
        return Err((format!("the text `{key}` is empty"), "write a text, or leave the line out".into()));
    }
    Ok(())
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).map(|rest| rest.split_once('}').map_or(rest, |(name, _)| name)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn load(name: &str, text: &str) -> Result<Texts, Vec<String>> {
        let loaded = Texts::load(&[(PathBuf::from(name), text.to_owned())]);
        loaded.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn both_languages_have_the_same_texts_and_placeholders() {
        let texts = Texts::shipped().unwrap();
        let [nl, en] = Language::ALL.map(|language| &texts.languages[&language]);
        assert_eq!(nl.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>());
        for (key, text) in nl {
            assert_eq!(placeholders(text), placeholders(&en[key]), "{key}");
            assert!(!text.trim().is_empty() && !en[key].trim().is_empty(), "{key}");
        }
    }

    /// Every text is asked for somewhere, and every text that is asked for is there.
    #[test]
    fn no_text_is_missing_and_none_is_idle() {
        let texts = Texts::shipped().unwrap();
        let folder = Path::new(file!()).parent().unwrap();
        let mut asked = String::new();
        for folder in [folder.to_path_buf(), folder.join("pages")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "rs" || extension == "html") {
                    asked.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let call = regex::Regex::new(r#"\b(?:t|with|fill|get)\(\s*(?:language, )?"([a-z0-9_]+)""#).unwrap();
        let known = &texts.languages[&Language::Nl];
        let missing: Vec<&str> = call
            .captures_iter(&asked)
            .map(|found| found.get(1).unwrap().as_str())
            .filter(|key| !known.contains_key(*key) && *key != "known")
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        // Some are put together from a word of the tables: `state_held`, `choice_reason`.
        let families = ["state_", "choice_", "act_", "done_", "error_", "form_", "letter_"];
        let idle: Vec<&String> = known
            .keys()
            .filter(|key| !families.iter().any(|family| key.starts_with(family)))
            .filter(|key| !asked.contains(&format!("\"{key}\"")))
            .collect();
        assert!(idle.is_empty(), "{idle:?}");
    }

    #[test]
    fn a_school_changes_what_it_likes_and_no_more() {
        let own = load("desk.nl.toml", "nav_help = \"Help!\"").unwrap();
        assert_eq!(own.get(Language::Nl, "nav_help"), "Help!");
        assert_eq!(own.get(Language::En, "nav_help"), Texts::shipped().unwrap().get(Language::En, "nav_help"));
        assert_eq!(
            load("texts/desk.nl.toml", "nav_help = \"x\"\nnav_hulp = \"x\"\nsigned_in_as = \"{wie}\"\nskip = \"\"")
                .unwrap_err(),
            [
                "texts/desk.nl.toml:2: there is no text called `nav_hulp`. To do: use the names of the shipped file in \
                 rules/texts.",
                "texts/desk.nl.toml:3: unknown placeholder {wie} in `signed_in_as`. To do: use one of: {who}.",
                "texts/desk.nl.toml:4: the text `skip` is empty. To do: write a text, or leave the line out.",
            ]
        );
        assert!(load("desk.fr.toml", "x = 1").is_ok(), "not ours");
    }

    #[test]
    fn values_are_never_filled_twice() {
        let texts = Texts::shipped().unwrap();
        let filled = texts.fill(Language::En, "signed_in_as", &[("who", "{who}<b>")]);
        assert!(filled.contains("{who}<b>"), "{filled}");
    }
}
