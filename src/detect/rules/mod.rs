//! Rules: packs of TOML -> something that detects. A pack that is wrong is refused whole.
//!
//! Every rule brings texts that it must hit and texts that it must miss; loading runs them all, so a
//! rule that does not do what it says never comes into force. A school's packs lie over the shipped ones: a rule or
//! pack of the same id takes the place of the shipped one, a `[[change]]` turns it up, down or off. Nothing here reads
//! files.

mod allow;
mod compile;
mod examples;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use regex::Regex;

pub use allow::Allowed;

use crate::detect::rule::{Both, Check, RuleMode};
use crate::detect::words::Words;
use crate::detect::{Kind, Strength};
use crate::message::Day;
use crate::problem::Problem;
use compile::compile;

/// The packs that come with the program.
const SHIPPED: [(&str, &str); 13] = [
    ("rules/frames.toml", include_str!("../../../rules/frames.toml")),
    ("rules/numbers.toml", include_str!("../../../rules/numbers.toml")),
    ("rules/names.toml", include_str!("../../../rules/names.toml")),
    ("rules/health.toml", include_str!("../../../rules/health.toml")),
    ("rules/care.toml", include_str!("../../../rules/care.toml")),
    ("rules/belief_origin.toml", include_str!("../../../rules/belief_origin.toml")),
    ("rules/criminal.toml", include_str!("../../../rules/criminal.toml")),
    ("rules/marks.toml", include_str!("../../../rules/marks.toml")),
    ("rules/colleague.toml", include_str!("../../../rules/colleague.toml")),
    ("rules/conduct.toml", include_str!("../../../rules/conduct.toml")),
    ("rules/password.toml", include_str!("../../../rules/password.toml")),
    ("rules/employment.toml", include_str!("../../../rules/employment.toml")),
    ("rules/chat.toml", include_str!("../../../rules/chat.toml")),
];

/// Rules in force. A copy is cheap.
#[derive(Debug, Clone)]
pub struct Rules {
    inner: Arc<Inner>,
    today: Day,
}

#[derive(Debug)]
struct Inner {
    rules: Vec<Rule>,
    words: Words,
    /// For each check the first rule that looks so and is not off: asked for every text, and for every number in it.
    looking: [Option<u16>; CHECKS],
}

const CHECKS: usize = Check::ShareCode as usize + 1;

impl Inner {
    fn new(rules: Vec<Rule>, words: Words) -> Self {
        let mut looking = [None; CHECKS];
        for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.mode != RuleMode::Off) {
            if let Some(first) = looking.get_mut(rule.check as usize) {
                *first = first.or(Some(index as u16));
            }
        }
        Self { rules, words, looking }
    }
}

/// One rule, checked.
#[derive(Debug)]
pub struct Rule {
    /// Its id.
    pub id: Arc<str>,
    /// Its pack's id.
    pub pack: Arc<str>,
    /// The file that it stands in.
    pub file: PathBuf,
    /// What people call it.
    pub title: Both,
    /// What to do instead of mailing what it finds.
    pub advice: Both,
    /// The kind that it finds.
    pub kind: Kind,
    /// How grave that is.
    pub strength: Strength,
    /// How it looks.
    pub check: Check,
    /// How far it may go.
    pub mode: RuleMode,
    /// Log-odds that each of its findings gets beside its features.
    pub weight: f32,
    /// The confidence from which its findings count; none for the policy's.
    pub threshold: Option<f32>,
    /// Its terms, those in capitals too.
    pub terms: Vec<String>,
    /// Words that speak for a number.
    pub context: Vec<String>,
    /// Words that speak against it.
    pub against: Vec<String>,
    /// Its pattern, if it has one.
    pub pattern: Option<Regex>,
    /// What it finds and does not count.
    pub allowed: Allowed,
    /// Why a school changed it, in the order of its changes.
    pub changes: Vec<String>,
    /// How many hits it brings.
    pub hits: usize,
    /// How many misses it brings.
    pub misses: usize,
}

impl Rules {
    /// The shipped packs. Their hits and misses are run by the tests, not at every start.
    ///
    /// # Errors
    /// A shipped pack is broken: a fault of ours, which stops the start, since without rules everything would pass.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        static SHIPPED_RULES: OnceLock<Result<Rules, Vec<Problem>>> = OnceLock::new();
        SHIPPED_RULES.get_or_init(|| compile(&shipped_files(), 0).map(|(rules, _)| rules)).clone()
    }

    /// A school's own packs over the shipped ones; a pack or rule with the id of a shipped one takes its place. Where
    /// both have a term, the school's rule is the one that finds it, so only its examples are run here.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn beside_shipped(own: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        let taken: Vec<String> = own.iter().filter_map(|(_, text)| pack_id(text)).collect();
        let others =
            shipped_files().into_iter().filter(|(_, text)| !pack_id(text).is_some_and(|id| taken.contains(&id)));
        let files: Vec<_> = own.iter().cloned().chain(others).collect();
        let (rules, packs) = compile(&files, own.len())?;
        let problems = examples::check(&rules, packs.get(..own.len()).unwrap_or_default());
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    /// Rules from TOML texts, each with the file that it came from. Errors: every problem in every file,
    /// also hits that do not hit and misses that do.
    pub fn load(files: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        let (rules, packs) = compile(files, files.len())?;
        let problems = examples::check(&rules, &packs);
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    /// Checks the shipped packs with all their hits and misses, as [`Rules::load`] does others.
    pub fn check() -> Result<Self, Vec<Problem>> {
        Self::load(&shipped_files())
    }

    /// The same rules on a day: what was allowed until the day before counts again.
    #[must_use]
    pub fn on(&self, today: Day) -> Self {
        Self { inner: Arc::clone(&self.inner), today }
    }

    /// The rules, in the order of the files.
    pub fn list(&self) -> &[Rule] {
        &self.inner.rules
    }

    /// The rule of an id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.list().iter().find(|rule| &*rule.id == id)
    }

    pub(super) fn today(&self) -> Day {
        self.today
    }

    pub(super) fn words(&self) -> &Words {
        &self.inner.words
    }

    pub(super) fn rule(&self, index: u16) -> Option<&Rule> {
        self.inner.rules.get(usize::from(index))
    }

    pub(super) fn with_check(&self, check: Check) -> Option<(u16, &Rule)> {
        let index = self.inner.looking.get(check as usize).copied().flatten()?;
        Some((index, self.rule(index)?))
    }
}

impl Default for Rules {
    /// No rules: nothing is found.
    fn default() -> Self {
        Self { inner: Arc::new(Inner::new(Vec::new(), Words::default())), today: Day::default() }
    }
}

/// The id of a pack, where its text is well formed.
fn pack_id(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    Some(table.get("pack")?.get("id")?.as_str()?.to_string())
}

fn shipped_files() -> Vec<(PathBuf, String)> {
    SHIPPED.iter().map(|&(file, text)| (PathBuf::from(file), text.to_owned())).collect()
}
