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
    /// What a school changes in rules that it did not write.
    #[serde(default, rename = "change")]
    pub changes: Vec<Change>,
}

/// A text in Dutch and English; a school that writes one text means both.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Typed")]
pub struct Both {
    /// Dutch.
    pub nl: String,
    /// English.
    pub en: String,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields, expecting = "expected a text, or { nl = \"...\", en = \"...\" }")]
enum Typed {
    One(String),
    Two { nl: String, en: String },
}

impl From<Typed> for Both {
    fn from(typed: Typed) -> Self {
        match typed {
            Typed::One(text) => Self { nl: text.clone(), en: text },
            Typed::Two { nl, en } => Self { nl, en },
        }
    }
}

/// How far a rule may go. The policy line and the school's mode can only lower it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleMode {
    /// It does not look.
    Off,
    /// What it finds is counted, and changes nothing.
    Observe,
    /// What it finds is advice at most.
    Advise,
    /// What it finds counts.
    #[default]
    Enforce,
}

impl RuleMode {
    /// The word in rule files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Advise => "advise",
            Self::Enforce => "enforce",
        }
    }
}

/// A change to a rule of another pack: that pack stays as it was shipped, and a newer one can take its place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The rule's id.
    pub rule: Spanned<String>,
    /// Why, for whoever reads it next year.
    pub why: Spanned<String>,
    /// How far it may go from now on.
    pub mode: Option<RuleMode>,
    /// Its weight, as in a rule.
    pub weight: Option<Spanned<f32>>,
    /// Its threshold, as in a rule.
    pub threshold: Option<Spanned<f32>>,
    /// More terms.
    #[serde(default)]
    pub terms: Vec<Spanned<String>>,
    /// Terms that it is to leave alone.
    #[serde(default)]
    pub without: Vec<Spanned<String>>,
    /// More words that speak against it.
    #[serde(default)]
    pub against: Vec<Spanned<String>>,
    /// What it finds and does not count.
    #[serde(default)]
    pub allow: Vec<AllowEntry>,
}

/// Something that a rule finds and that does not count, for a time. Who answers for it, and why, stands beside it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowEntry {
    /// The text; case, spaces, dots and hyphens do not matter.
    pub text: Spanned<String>,
    /// Who answers for it.
    pub owner: Spanned<String>,
    /// Why.
    pub reason: Spanned<String>,
    /// The last day, at most a year ahead of `since`.
    pub until: Spanned<toml::value::Datetime>,
}

/// The head of a pack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its id: `nl.health`.
    pub id: String,
    /// What people call it.
    pub title: Both,
    /// What to do instead of mailing what its rules find.
    #[serde(default)]
    pub advice: Both,
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
    /// What follows is an example, unless the sentence begins with it.
    pub example: Vec<Spanned<String>>,
    /// The name that follows is staff.
    pub staff: Vec<Spanned<String>>,
    /// Whoever follows has written it.
    pub closing: Vec<Spanned<String>>,
    /// Over a column of special data.
    pub column: Vec<Spanned<String>>,
    /// Over a column of people.
    pub people: Vec<Spanned<String>>,
    /// School context.
    pub school: Vec<Spanned<String>>,
    /// In a subject: the mail is about nobody.
    pub public: Vec<Spanned<String>>,
    /// Where somebody works.
    pub work: Vec<Spanned<String>>,
    /// What follows is what a talk, a book or a play is about.
    #[serde(default)]
    pub topic: Vec<Spanned<String>>,
    /// What follows is why, and not what something is about.
    #[serde(default)]
    pub cause: Vec<Spanned<String>>,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Its id: `nl.bsn`.
    pub id: Spanned<String>,
    /// The kind that it finds (`detect::Kind::word`).
    pub kind: Spanned<String>,
    /// What people call it; without it, the pack's title.
    pub title: Option<Both>,
    /// What to do instead; without it, the pack's advice.
    pub advice: Option<Both>,
    /// How far it may go.
    #[serde(default)]
    pub mode: RuleMode,
    /// Log-odds that each finding of it gets beside its features: above 0 it finds more, below 0 less.
    #[serde(default)]
    pub weight: Option<Spanned<f32>>,
    /// The confidence, 0..1, from which its findings count; without it, the policy's.
    pub threshold: Option<Spanned<f32>>,
    /// What it finds and does not count.
    #[serde(default)]
    pub allow: Vec<AllowEntry>,
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
    /// Words that speak for a number; without one of which, for `check = "terms"`, no term counts.
    #[serde(default)]
    pub context: Vec<Spanned<String>>,
    /// Words that speak against it.
    #[serde(default)]
    pub against: Vec<Spanned<String>>,
    /// The pattern, for `check = "pattern"` or `"lines"`; a group in it is what is found.
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
    /// A mark of a pupil.
    Grade,
    /// A password that is told.
    Password,
    /// Passwords behind the names of pupils, in a list of accounts.
    Accounts,
    /// Many lines that begin with a pattern.
    Lines,
    /// A file on lock that a password of the same mail opens.
    Opened,
    /// The access code of a secure share of ours.
    ShareCode,
}

impl Check {
    /// In words, for `rules explain`.
    pub fn explained(self) -> &'static str {
        match self {
            Self::Bsn => "eight or nine digits that pass the elfproef, weighed by what stands around them",
            Self::EducationNumber => {
                "nine digits from 10 with remainder 5 in the elfproef, weighed by what stands around"
            }
            Self::Terms => "terms, which count when they are said of a person",
            Self::Pattern => "a pattern near a word that speaks for it",
            Self::Names => "the names of the school's own roster, in every written form",
            Self::Iban => "an IBAN with its check digits",
            Self::Phone => "a Dutch phone number",
            Self::Postcode => "a Dutch postcode, or a street with a number beside a pupil",
            Self::BirthDate => "a date that a word calls a birth date, or that is the one of a pupil named nearby",
            Self::StudentNumber => "four to seven digits that a word calls a student number, or that the roster knows",
            Self::EckId => "https://ketenid.nl/ and 128 hex digits",
            Self::Grade => "a number from 1 to 10 near a word for marks, or a cell headed so, beside a pupil",
            Self::Password => "what is told after a word for a password, or stands under it, by how it looks",
            Self::Accounts => "what looks like a password behind a pupil's name, in a text that speaks of accounts",
            Self::Lines => "a pattern at the head of three lines or more",
            Self::Opened => "a file on lock that a password of the same mail opens; tried with files, not with texts",
            Self::ShareCode => {
                "twelve digits that are the code of a secure share of this school which waits to be opened"
            }
        }
    }
}
