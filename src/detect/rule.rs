//! A rule file as it is written: TOML -> entries. Unknown keys are errors, with their line.

use serde::Deserialize;
use toml::Spanned;

use crate::detect::Strength;

/// One pack: a file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackFile {
    /// What the pack is called.
    pub pack: Pack,
    /// Words that say what a sentence is about, for all rules.
    #[serde(default)]
    pub frames: Frames,
    /// The rules.
    #[serde(default, rename = "rule")]
    pub rules: Vec<RuleEntry>,
}

/// The head of a pack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its id: `nl.health`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Invented pupils of whom the hits and misses speak, one full name each.
    #[serde(default)]
    pub roster: Vec<String>,
}

/// Words that say what a sentence is about (`words::Cue`).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Frames {
    /// The recipient's child.
    pub child: Vec<Spanned<String>>,
    /// Somebody named before.
    pub pronoun: Vec<Spanned<String>>,
    /// Something is so.
    pub fact: Vec<Spanned<String>>,
    /// Nobody in particular.
    pub generic: Vec<Spanned<String>>,
    /// Asked or supposed.
    pub asked: Vec<Spanned<String>>,
    /// The name that follows is staff.
    pub staff: Vec<Spanned<String>>,
    /// Over a column of special data.
    pub column: Vec<Spanned<String>>,
    /// School context.
    pub school: Vec<Spanned<String>>,
    /// In a subject: the mail is about nobody.
    pub public: Vec<Spanned<String>>,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Its id: `nl.bsn`.
    pub id: Spanned<String>,
    /// The kind that it finds (`detect::Kind::word`).
    pub kind: Spanned<String>,
    /// How it looks.
    pub check: Check,
    /// How grave what it finds is.
    #[serde(default)]
    pub strength: Strength,
    /// The terms, for `check = "terms"`.
    #[serde(default)]
    pub terms: Vec<Spanned<String>>,
    /// Terms that count in capitals only.
    #[serde(default)]
    pub capitals: Vec<Spanned<String>>,
    /// Words that speak for a number.
    #[serde(default)]
    pub context: Vec<Spanned<String>>,
    /// Words that speak against it.
    #[serde(default)]
    pub against: Vec<Spanned<String>>,
    /// The pattern, for `check = "pattern"`.
    #[serde(default)]
    pub pattern: Option<Spanned<String>>,
    /// Texts in which the rule must find something.
    pub hits: Vec<Spanned<String>>,
    /// Texts in which it must find nothing.
    pub misses: Vec<Spanned<String>>,
}

/// How a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Eight or nine digits that pass the elfproef.
    Bsn,
    /// Nine digits from 10, remainder 5.
    EducationNumber,
    /// Terms about a person.
    Terms,
    /// A pattern near a context word.
    Pattern,
    /// The roster's names.
    Names,
    /// An IBAN with its check digits.
    Iban,
    /// A Dutch phone number.
    Phone,
    /// A Dutch postcode.
    Postcode,
    /// A date that a context word calls a birth date.
    BirthDate,
    /// Four to seven digits that a context word calls a student number.
    StudentNumber,
    /// `https://ketenid.nl/` and 128 hex digits.
    EckId,
}
