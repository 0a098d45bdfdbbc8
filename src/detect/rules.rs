//! Rules: packs of TOML -> something that detects. A pack that is wrong is refused whole.
//!
//! Every rule brings texts that it must hit and texts that it must miss; loading runs them all, so a
//! rule that does not do what it says never comes into force. Nothing here reads files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};
use toml::Spanned;

use crate::detect::rule::{Check, Frames, PackFile, RuleEntry};
use crate::detect::words::{Cue, Role, Words};
use crate::detect::{Kind, NameIndex, Strength, findings};
use crate::extract::{Text, Texts};
use crate::problem::Problem;
use crate::roster::Roster;

/// The packs that come with the program.
const SHIPPED: [(&str, &str); 7] = [
    ("rules/frames.toml", include_str!("../../rules/frames.toml")),
    ("rules/numbers.toml", include_str!("../../rules/numbers.toml")),
    ("rules/names.toml", include_str!("../../rules/names.toml")),
    ("rules/health.toml", include_str!("../../rules/health.toml")),
    ("rules/care.toml", include_str!("../../rules/care.toml")),
    ("rules/belief_origin.toml", include_str!("../../rules/belief_origin.toml")),
    ("rules/criminal.toml", include_str!("../../rules/criminal.toml")),
];
/// Hits and misses that each rule must bring.
const EXAMPLES: usize = 3;
/// Memory that one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;
/// From here on a finding counts (the policy's default).
const COUNTS: f32 = 0.5;

/// Rules in force.
#[derive(Debug, Clone)]
pub struct Rules {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rules: Vec<Rule>,
    words: Words,
}

/// One rule, checked.
#[derive(Debug)]
pub struct Rule {
    /// Its id.
    pub id: Arc<str>,
    /// Its pack's id.
    pub pack: Arc<str>,
    /// Its pack's title.
    pub title: Arc<str>,
    /// The kind that it finds.
    pub kind: Kind,
    /// How grave that is.
    pub strength: Strength,
    /// How it looks.
    pub check: Check,
    /// Its pattern, if it has one.
    pub(super) pattern: Option<Regex>,
    /// How many terms it has.
    pub terms: usize,
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
        SHIPPED_RULES.get_or_init(|| compile(&shipped_files()).map(|(rules, _)| rules)).clone()
    }

    /// A school's own packs beside the shipped ones; one with the id of a shipped pack takes its place. Where both have
    /// a term, the school's rule is the one that finds it, so only its examples are run here.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn beside_shipped(own: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        let taken: Vec<String> = own.iter().filter_map(|(_, text)| pack_id(text)).collect();
        let others =
            shipped_files().into_iter().filter(|(_, text)| !pack_id(text).is_some_and(|id| taken.contains(&id)));
        let files: Vec<_> = own.iter().cloned().chain(others).collect();
        let (rules, packs) = compile(&files)?;
        let problems = check_examples(&rules, packs.get(..own.len()).unwrap_or_default());
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    /// Rules from TOML texts, each with the file that it came from. Errors: every problem in every file,
    /// also hits that do not hit and misses that do.
    pub fn load(files: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        let (rules, packs) = compile(files)?;
        let problems = check_examples(&rules, &packs);
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    /// Checks the shipped packs with all their hits and misses, as [`Rules::load`] does others.
    pub fn check() -> Result<Self, Vec<Problem>> {
        Self::load(&shipped_files())
    }

    /// The rules, in the order of the files.
    pub fn list(&self) -> &[Rule] {
        &self.inner.rules
    }

    pub(super) fn words(&self) -> &Words {
        &self.inner.words
    }

    pub(super) fn rule(&self, index: u16) -> Option<&Rule> {
        self.inner.rules.get(usize::from(index))
    }

    pub(super) fn with_check(&self, check: Check) -> Option<(u16, &Rule)> {
        let mut indexed = self.inner.rules.iter().enumerate();
        indexed.find(|(_, rule)| rule.check == check).map(|(index, rule)| (index as u16, rule))
    }
}

impl Default for Rules {
    /// No rules: nothing is found.
    fn default() -> Self {
        Self { inner: Arc::new(Inner { rules: Vec::new(), words: Words::default() }) }
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

/// A pack with what its problems need: the file and its text.
struct Source<'f> {
    file: &'f Path,
    text: &'f str,
    pack: PackFile,
}

fn compile(files: &[(PathBuf, String)]) -> Result<(Rules, Vec<Source<'_>>), Vec<Problem>> {
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for (file, text) in files {
        match toml::from_str(text) {
            Ok(pack) => sources.push(Source { file, text, pack }),
            Err(error) => problems.push(Problem::from_toml(file, text, &error)),
        }
    }
    let mut compiler = Compiler { rules: Vec::new(), words: Words::default(), ids: HashSet::new(), problems };
    for source in &sources {
        compiler.frames(source);
        for rule in &source.pack.rules {
            compiler.rule(source, rule);
        }
    }
    let Compiler { rules, words, problems, .. } = compiler;
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok((Rules { inner: Arc::new(Inner { rules, words }) }, sources))
}

struct Compiler<'f> {
    rules: Vec<Rule>,
    words: Words,
    ids: HashSet<&'f str>,
    problems: Vec<Problem>,
}

impl<'f> Compiler<'f> {
    fn problem(&mut self, source: &Source<'_>, offset: usize, what: String, remedy: &str) {
        self.problems.push(Problem::new(source.file, what, remedy).at(source.text, offset));
    }

    fn frames(&mut self, source: &Source<'_>) {
        let Frames { child, pronoun, fact, generic, asked, staff, column, school, public } = &source.pack.frames;
        for (cue, words) in [
            (Cue::Child, child),
            (Cue::Pronoun, pronoun),
            (Cue::Fact, fact),
            (Cue::Generic, generic),
            (Cue::Asked, asked),
            (Cue::Staff, staff),
            (Cue::Column, column),
            (Cue::School, school),
            (Cue::Public, public),
        ] {
            self.terms(source, "frames", words, false, Role::Cue(cue));
        }
    }

    fn terms(&mut self, source: &Source<'_>, id: &str, terms: &[Spanned<String>], capitals: bool, role: Role) {
        for term in terms {
            if let Err(what) = self.words.add(term.get_ref(), capitals, role) {
                self.problem(
                    source,
                    term.span().start,
                    format!("rule {id}: {what}"),
                    "write it as a word or take it out",
                );
            }
        }
    }

    fn rule(&mut self, source: &'f Source<'_>, entry: &'f RuleEntry) {
        let id = entry.id.get_ref();
        let at = entry.id.span().start;
        if !self.ids.insert(id) {
            self.problem(source, at, format!("rule {id} stands here a second time"), "give it an id of its own");
        }
        let Some(kind) = Kind::from_word(entry.kind.get_ref()) else {
            let kinds = Kind::ALL.map(Kind::word).join(", ");
            let what = format!("rule {id}: there is no kind \"{}\"", entry.kind.get_ref());
            return self.problem(source, entry.kind.span().start, what, &format!("choose one of {kinds}"));
        };
        for (what, examples) in [("hits", &entry.hits), ("misses", &entry.misses)] {
            if examples.len() < EXAMPLES {
                let what = format!("rule {id} has {} {what}, and needs {EXAMPLES}", examples.len());
                self.problem(source, at, what, "add sentences as people write them, with invented data");
            }
        }
        let own = if entry.check == Check::Terms { entry.terms.len() + entry.capitals.len() } else { 1 };
        if own == 0 {
            self.problem(source, at, format!("rule {id} has no terms"), "add `terms` or `capitals`");
        }
        let Ok(index) = u16::try_from(self.rules.len()) else { return };
        self.terms(source, id, &entry.terms, false, Role::Term(index));
        self.terms(source, id, &entry.capitals, true, Role::Term(index));
        self.terms(source, id, &entry.context, false, Role::Context(index));
        self.terms(source, id, &entry.against, false, Role::Against(index));
        let pattern = self.pattern(source, entry);
        self.rules.push(Rule {
            id: Arc::from(id.as_str()),
            pack: Arc::from(source.pack.pack.id.as_str()),
            title: Arc::from(source.pack.pack.title.as_str()),
            kind,
            strength: entry.strength,
            check: entry.check,
            pattern,
            terms: entry.terms.len() + entry.capitals.len(),
            hits: entry.hits.len(),
            misses: entry.misses.len(),
        });
    }

    fn pattern(&mut self, source: &Source<'_>, entry: &RuleEntry) -> Option<Regex> {
        let id = entry.id.get_ref();
        let at = entry.id.span().start;
        if entry.check != Check::Pattern {
            if entry.pattern.is_some() {
                self.problem(
                    source,
                    at,
                    format!("rule {id} has a pattern that nothing uses"),
                    "write check = \"pattern\"",
                );
            }
            return None;
        }
        let Some(pattern) = &entry.pattern else {
            self.problem(source, at, format!("rule {id} has no pattern"), "add `pattern`");
            return None;
        };
        if entry.context.is_empty() {
            self.problem(
                source,
                at,
                format!("rule {id} has no context words"),
                "add `context`: a pattern counts near one",
            );
        }
        let built =
            RegexBuilder::new(pattern.get_ref()).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
        match built {
            Ok(regex) => return Some(regex),
            Err(regex::Error::CompiledTooBig(_)) => {
                let what = format!("rule {id}: the pattern needs more than {PATTERN_BYTES} bytes");
                self.problem(source, pattern.span().start, what, "use smaller repetitions");
            }
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let what = format!("rule {id}: the pattern cannot be read: {last}");
                self.problem(source, pattern.span().start, what, "see the syntax page of Rust's regex crate");
            }
        }
        None
    }
}

fn check_examples(rules: &Rules, sources: &[Source<'_>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for source in sources {
        let roster = Roster::from_names(&source.pack.pack.roster);
        let names = (!source.pack.pack.roster.is_empty()).then(|| NameIndex::new(&roster));
        for entry in &source.pack.rules {
            let id = entry.id.get_ref();
            for (examples, wanted) in [(&entry.hits, true), (&entry.misses, false)] {
                for example in examples.iter().filter(|example| finds(rules, names.as_ref(), id, example) != wanted) {
                    let (what, remedy) = if wanted {
                        ("this hit is not found", "mend the rule or the example")
                    } else {
                        ("this miss is found", "add a context or `against` word, or mend the example")
                    };
                    let problem = Problem::new(source.file, format!("rule {id}: {what}"), remedy);
                    problems.push(problem.at(source.text, example.span().start));
                }
            }
        }
    }
    problems
}

fn finds(rules: &Rules, names: Option<&NameIndex>, id: &str, example: &Spanned<String>) -> bool {
    let text = Text { text: example.get_ref().clone(), ..Text::default() };
    let texts = Texts { texts: vec![text], ..Texts::default() };
    findings(&texts, rules, names).iter().any(|finding| *finding.rule == *id && finding.confidence >= COUNTS)
}
