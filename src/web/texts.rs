//! Texts of pages, one file a language, which a school may edit: a name and a text a line.
//!
//! A school's own file need not be whole: what it leaves out is as shipped. A text that nobody asks for, or a
//! placeholder that the shipped text does not have, is a problem at start or reload, with its line. A set that is open
//! takes files of further languages too: what such a file leaves out is in English.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::problem::Problem;

/// A set of texts, as shipped.
#[derive(Debug)]
pub struct Shipped {
    /// What its files are called: `desk` for `desk.nl.toml`.
    pub name: &'static str,
    /// The tag of each language (RFC 5646), and its file.
    pub languages: &'static [(&'static str, &'static str)],
    /// What a file of a further language must hold at least; none when there are no further languages.
    pub further: Option<&'static [&'static str]>,
}

/// A set of texts, in all its languages.
#[derive(Debug, Clone)]
pub struct Texts {
    languages: BTreeMap<String, BTreeMap<String, String>>,
}

impl Texts {
    /// The shipped texts.
    ///
    /// # Errors
    /// None in a build whose tests passed; the same as [`Texts::load`] otherwise.
    pub fn shipped(set: &Shipped) -> Result<Self, Vec<Problem>> {
        let mut languages = BTreeMap::new();
        for (tag, text) in set.languages {
            let file = PathBuf::from(format!("rules/texts/{}.{tag}.toml", set.name));
            let texts = read(&file, text)?.into_iter().map(|(key, text)| (key, text.into_inner()));
            languages.insert((*tag).to_owned(), texts.collect());
        }
        Ok(Self { languages })
    }

    /// The shipped texts with those of a school's own files in their place: path and content each, of which only those
    /// of this set are looked at.
    ///
    /// # Errors
    /// Unknown texts and placeholders, and files that are no TOML, with their lines.
    pub fn load(set: &Shipped, files: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        let mut texts = Self::shipped(set)?;
        let mut problems = Vec::new();
        for (path, text) in files {
            let Some(tag) = language_of(set, path) else { continue };
            match read(path, text) {
                Ok(own) => {
                    let is_new = !texts.languages.contains_key(&tag);
                    let english = texts.languages.get("en").cloned().unwrap_or_default();
                    let needs = set.further.filter(|_| is_new).unwrap_or_default();
                    for key in needs.iter().filter(|key| !own.contains_key(**key)) {
                        let remedy = "add it: a new language needs it";
                        problems.push(Problem::new(path, format!("`{key}` is missing"), remedy));
                    }
                    let known = texts.languages.entry(tag).or_insert(english);
                    for (key, own) in own {
                        match fits(&key, own.get_ref(), known.get(&key)) {
                            Ok(()) => _ = known.insert(key, own.into_inner()),
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

    /// The tags of its languages.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// A text, with its placeholders as they are. Nothing for a text that is not there, which a test excludes.
    pub fn get(&self, tag: &str, key: &str) -> &str {
        self.languages.get(tag).and_then(|texts| texts.get(key)).map_or("", String::as_str)
    }

    /// A text with its placeholders filled in.
    pub fn fill(&self, tag: &str, key: &str, values: &[(&str, &str)]) -> String {
        let (mut filled, mut rest) = (String::new(), self.get(tag, key));
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            filled.push_str(values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value));
            rest = behind;
        }
        filled + rest
    }
}

/// The language of a file of this set, by its name.
fn language_of(set: &Shipped, path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_prefix(set.name)?.strip_prefix('.')?.strip_suffix(".toml")?;
    let is_shipped = set.languages.iter().any(|(tag, _)| *tag == name);
    let is_tag = name.len() <= 35 && name.split('-').all(is_subtag) && name.split('-').next()?.len() <= 3;
    (is_shipped || set.further.is_some() && is_tag).then(|| name.to_owned())
}

fn is_subtag(tag: &str) -> bool {
    (2..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric())
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
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SET: Shipped = Shipped {
        name: "few",
        languages: &[
            ("nl", "a = \"een {x}\"\nb = \"b\"\ndir = \"ltr\""),
            ("en", "a = \"one {x}\"\nb = \"b\"\ndir = \"ltr\""),
        ],
        further: Some(&["dir"]),
    };

    fn load(name: &str, text: &str) -> Result<Texts, Vec<String>> {
        let loaded = Texts::load(&SET, &[(PathBuf::from(name), text.to_owned())]);
        loaded.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    /// Whether all shipped languages have the same texts and placeholders, none of them empty.
    pub fn is_even(set: &Shipped) {
        let texts = Texts::shipped(set).unwrap();
        let first = &texts.languages[set.languages[0].0];
        for (tag, _) in set.languages {
            let other = &texts.languages[*tag];
            assert_eq!(first.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{tag}");
            for (key, text) in first {
                assert_eq!(placeholders(text), placeholders(&other[key]), "{tag} {key}");
                assert!(!other[key].trim().is_empty(), "{tag} {key}");
            }
        }
    }

    /// Whether every text is asked for somewhere in a folder or its `pages`, and every text that is asked for is there.
    /// Some are put together from a word of the tables: they begin with one of `families`.
    pub fn is_used(set: &Shipped, folder: &Path, families: &[&str]) {
        let mut asked = String::new();
        for folder in [folder.to_path_buf(), folder.join("pages")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "rs" || extension == "html") {
                    asked.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let call = regex::Regex::new(r#"\b(?:t|with|fill|get|paragraphs)\(\s*(?:language, )?"([a-z0-9_]+)""#).unwrap();
        let texts = Texts::shipped(set).unwrap();
        let known = &texts.languages["nl"];
        let found = call.captures_iter(&asked).map(|found| found.get(1).unwrap().as_str().to_owned());
        let missing: Vec<String> = found.filter(|key| !known.contains_key(key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let idle: Vec<&String> = known
            .keys()
            .filter(|key| !families.iter().any(|family| key.starts_with(family)))
            .filter(|key| !asked.contains(&format!("\"{key}\"")))
            .collect();
        assert!(idle.is_empty(), "{idle:?}");
    }

    #[test]
    fn a_school_changes_what_it_likes_and_no_more() {
        let own = load("few.nl.toml", "b = \"B!\"").unwrap();
        assert_eq!((own.get("nl", "b"), own.get("en", "b"), own.get("nl", "a")), ("B!", "b", "een {x}"));
        assert_eq!(
            load("texts/few.nl.toml", "b = \"x\"\nc = \"x\"\na = \"{y}\"\ndir = \"\"").unwrap_err(),
            [
                "texts/few.nl.toml:3: unknown placeholder {y} in `a`. To do: use one of: {x}.",
                "texts/few.nl.toml:2: there is no text called `c`. To do: use the names of the shipped file in \
                 rules/texts.",
                "texts/few.nl.toml:4: the text `dir` is empty. To do: write a text, or leave the line out.",
            ]
        );
        assert!(load("other.nl.toml", "x = 1").is_ok(), "not ours");
    }

    #[test]
    fn another_language_is_a_file_and_what_it_leaves_out_is_english() {
        let own = load("few.ar.toml", "a = \"x {x}\"\ndir = \"rtl\"").unwrap();
        assert_eq!(own.tags().collect::<Vec<_>>(), ["ar", "en", "nl"]);
        assert_eq!((own.get("ar", "b"), own.fill("ar", "a", &[("x", "1")])), ("b", "x 1".to_owned()));
        assert_eq!(
            load("few.uk.toml", "a = \"x\"").unwrap_err(),
            ["few.uk.toml: `dir` is missing. To do: add it: a new language needs it."]
        );
        for other in ["few.x.toml", "few.toml", "few.a/b.toml", "few.nl toml", "few.-.toml"] {
            assert_eq!(load(other, "q = 1").unwrap().tags().count(), 2, "{other}");
        }
    }

    #[test]
    fn values_are_never_filled_twice() {
        let texts = Texts::shipped(&SET).unwrap();
        assert_eq!(texts.fill("en", "a", &[("x", "{x}<b>")]), "one {x}<b>");
    }
}
