//! Packs as typed -> rules that cannot be wrong, or everything that is wrong with them.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use toml::Spanned;

use super::allow::{Allowed, Exception, plain};
use super::{Inner, Rule, Rules};
use crate::detect::Kind;
use crate::detect::fold::fold;
use crate::detect::rule::{AllowEntry, Change, Check, Frames, PackFile, RuleEntry, RuleMode};
use crate::detect::words::{Cue, Role, Words};
use crate::message::Day;
use crate::problem::Problem;

/// Hits and misses that each rule must bring.
const EXAMPLES: usize = 3;
/// Memory that one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;
/// A heavier hand than this makes the features meaningless.
const HEAVIEST: f32 = 5.0;

/// A pack with what its problems need: the file and its text.
pub(super) struct Source<'f> {
    pub(super) file: &'f Path,
    pub(super) text: &'f str,
    pub(super) pack: PackFile,
}

/// Compiles packs, of which the first so many are the school's own and lie over the others.
pub(super) fn compile(files: &[(PathBuf, String)], own: usize) -> Result<(Rules, Vec<Source<'_>>), Vec<Problem>> {
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for (file, text) in files {
        match toml::from_str(text) {
            Ok(pack) => sources.push(Source { file, text, pack }),
            Err(error) => {
                let problem = Problem::from_toml(file, text, &error);
                problems.push(error.span().map_or(problem.clone(), |span| problem.shown_at(text, span)));
            }
        }
    }
    let mut compiler = Compiler {
        rules: Vec::new(),
        words: Words::default(),
        ids: HashSet::new(),
        changes: BTreeMap::new(),
        problems,
    };
    sources.iter().for_each(|source| compiler.changes(source));
    for (index, source) in sources.iter().enumerate() {
        compiler.frames(source);
        for entry in &source.pack.rules {
            compiler.rule(source, entry, index < own);
        }
    }
    compiler.changes_of_nothing();
    let Compiler { rules, words, problems, .. } = compiler;
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok((Rules { inner: Arc::new(Inner::new(rules, words)), today: Day::default() }, sources))
}

struct Compiler<'f> {
    rules: Vec<Rule>,
    words: Words,
    ids: HashSet<&'f str>,
    changes: BTreeMap<&'f str, Vec<(&'f Source<'f>, &'f Change)>>,
    problems: Vec<Problem>,
}

impl<'f> Compiler<'f> {
    fn say(&mut self, source: &Source<'_>, span: Range<usize>, what: String, remedy: &str) {
        self.problems.push(Problem::new(source.file, what, remedy).shown_at(source.text, span));
    }

    fn changes(&mut self, source: &'f Source<'f>) {
        for change in &source.pack.changes {
            let id = change.rule.get_ref();
            if change.why.get_ref().trim().is_empty() {
                let what = format!("the change of rule {id} gives no reason");
                self.say(source, change.why.span(), what, "write in `why` what the shipped rule did wrong here");
            }
            self.changes.entry(id).or_default().push((source, change));
        }
    }

    fn changes_of_nothing(&mut self) {
        for (id, changes) in std::mem::take(&mut self.changes) {
            if self.ids.contains(id) {
                continue;
            }
            for (source, change) in changes {
                let what = format!("there is no rule {id} to change");
                self.say(source, change.rule.span(), what, "`mailpoort rules list` names all rules");
            }
        }
    }

    fn frames(&mut self, source: &Source<'_>) {
        let Frames {
            child,
            pronoun,
            fact,
            generic,
            asked,
            example,
            staff,
            closing,
            column,
            people,
            school,
            public,
            work,
            topic,
            cause,
        } = &source.pack.frames;
        for (cue, words) in [
            (Cue::Child, child),
            (Cue::Pronoun, pronoun),
            (Cue::Fact, fact),
            (Cue::Generic, generic),
            (Cue::Asked, asked),
            (Cue::Example, example),
            (Cue::Staff, staff),
            (Cue::Closing, closing),
            (Cue::Column, column),
            (Cue::People, people),
            (Cue::School, school),
            (Cue::Public, public),
            (Cue::Work, work),
            (Cue::Topic, topic),
            (Cue::Cause, cause),
        ] {
            self.terms(source, "frames", words, false, Role::Cue(cue));
        }
    }

    fn terms(&mut self, source: &Source<'_>, id: &str, terms: &[Spanned<String>], capitals: bool, role: Role) {
        for term in terms {
            if let Err(what) = self.words.add(term.get_ref(), capitals, role) {
                self.say(source, term.span(), format!("rule {id}: {what}"), "write it as a word or take it out");
            }
        }
    }

    fn rule(&mut self, source: &'f Source<'f>, entry: &'f RuleEntry, own: bool) {
        let id = entry.id.get_ref();
        if !self.ids.insert(id) {
            // A shipped rule whose place a school's own has taken.
            if own {
                let what = format!("rule {id} stands here a second time");
                self.say(source, entry.id.span(), what, "give it an id of its own");
            }
            return;
        }
        let Some(kind) = Kind::from_word(entry.kind.get_ref()) else {
            let kinds = Kind::ALL.map(Kind::word).join(", ");
            let what = format!("rule {id}: there is no kind \"{}\"", entry.kind.get_ref());
            return self.say(source, entry.kind.span(), what, &format!("choose one of {kinds}"));
        };
        self.examples(source, entry);
        let pattern = self.pattern(source, entry);
        let Ok(index) = u16::try_from(self.rules.len()) else { return };
        let mut rule = Rule {
            id: Arc::from(id.as_str()),
            pack: Arc::from(source.pack.pack.id.as_str()),
            file: source.file.to_path_buf(),
            title: entry.title.clone().unwrap_or_else(|| source.pack.pack.title.clone()),
            advice: entry.advice.clone().unwrap_or_else(|| source.pack.pack.advice.clone()),
            kind,
            strength: entry.strength,
            check: entry.check,
            mode: entry.mode,
            weight: self.weight(source, entry.weight.as_ref()).unwrap_or(0.0),
            threshold: self.threshold(source, entry.threshold.as_ref()),
            terms: Vec::new(),
            context: Vec::new(),
            against: Vec::new(),
            pattern,
            allowed: Allowed::default(),
            changes: Vec::new(),
            hits: entry.hits.len(),
            misses: entry.misses.len(),
        };
        self.allow(source, &entry.allow, &mut rule);
        let changes = self.changes.get(id.as_str()).cloned().unwrap_or_default();
        for (by, change) in &changes {
            self.change(by, change, &mut rule);
        }
        self.vocabulary(source, entry, &changes, index, &mut rule);
        self.rules.push(rule);
    }

    fn examples(&mut self, source: &Source<'_>, entry: &RuleEntry) {
        let id = entry.id.get_ref();
        for (what, examples) in [("hits", &entry.hits), ("misses", &entry.misses)] {
            // No text is a file on lock.
            if examples.len() < EXAMPLES && !matches!(entry.check, Check::Opened | Check::ShareCode) {
                let what = format!("rule {id} has {} {what}, and needs {EXAMPLES}", examples.len());
                self.say(source, entry.id.span(), what, "add sentences as people write them, with invented data");
            }
        }
        if entry.check == Check::Terms && entry.terms.is_empty() && entry.capitals.is_empty() {
            let what = format!("rule {id} has no terms");
            self.say(source, entry.id.span(), what, "add `terms` or `capitals`");
        }
    }

    /// The words of a rule as changed; a rule that is off has none.
    fn vocabulary(
        &mut self,
        source: &Source<'_>,
        entry: &RuleEntry,
        changes: &[(&Source<'_>, &Change)],
        index: u16,
        rule: &mut Rule,
    ) {
        let left_out = |term: &Spanned<String>| {
            changes.iter().any(|(_, change)| change.without.iter().any(|out| out.get_ref() == term.get_ref()))
        };
        let kept = |terms: &[Spanned<String>]| -> Vec<Spanned<String>> {
            terms.iter().filter(|term| !left_out(term)).cloned().collect()
        };
        for (by, change) in changes {
            for out in &change.without {
                if !entry.terms.iter().chain(&entry.capitals).any(|term| term.get_ref() == out.get_ref()) {
                    let what = format!("rule {} has no term \"{}\"", rule.id, out.get_ref());
                    self.say(by, out.span(), what, "copy the term as `mailpoort rules explain` shows it");
                }
            }
        }
        let (terms, capitals) = (kept(&entry.terms), kept(&entry.capitals));
        let mut sets: Vec<(&Source<'_>, &[Spanned<String>], bool, Role)> = vec![
            (source, &terms, false, Role::Term(index)),
            (source, &capitals, true, Role::Term(index)),
            (source, &entry.context, false, Role::Context(index)),
            (source, &entry.against, false, Role::Against(index)),
        ];
        for (by, change) in changes {
            sets.push((by, &change.terms, false, Role::Term(index)));
            sets.push((by, &change.against, false, Role::Against(index)));
        }
        for (from, words, capitals, role) in sets {
            if rule.mode != RuleMode::Off {
                self.terms(from, &rule.id.clone(), words, capitals, role);
            }
            let list = match role {
                Role::Term(_) => &mut rule.terms,
                Role::Context(_) => &mut rule.context,
                Role::Against(_) | Role::Cue(_) => &mut rule.against,
            };
            list.extend(words.iter().map(|word| word.get_ref().clone()));
        }
    }

    fn change(&mut self, by: &Source<'_>, change: &Change, rule: &mut Rule) {
        rule.changes.push(change.why.get_ref().clone());
        rule.mode = change.mode.unwrap_or(rule.mode);
        rule.weight = self.weight(by, change.weight.as_ref()).unwrap_or(rule.weight);
        rule.threshold = self.threshold(by, change.threshold.as_ref()).or(rule.threshold);
        if rule.check != Check::Terms && !(change.terms.is_empty() && change.without.is_empty()) {
            let what = format!("rule {} looks for no terms", rule.id);
            self.say(by, change.rule.span(), what, "change its `mode`, `weight`, `threshold` or `against`");
        }
        self.allow(by, &change.allow, rule);
    }

    fn allow(&mut self, source: &Source<'_>, entries: &[AllowEntry], rule: &mut Rule) {
        for entry in entries {
            for (word, typed) in [("owner", &entry.owner), ("reason", &entry.reason)] {
                if typed.get_ref().trim().is_empty() {
                    let what = format!("rule {}: an exception without {word}", rule.id);
                    self.say(source, typed.span(), what, "write who answers for it, and why it is right");
                }
            }
            if plain(&fold(entry.text.get_ref())).is_empty() {
                let what = format!("rule {}: an exception for nothing", rule.id);
                self.say(source, entry.text.span(), what, "write the text that is found and should not count");
            }
            let Some(date) = entry.until.get_ref().date else {
                let what = format!("rule {}: an exception without a last day", rule.id);
                self.say(source, entry.until.span(), what, "write a date: until = 2027-07-31");
                continue;
            };
            let exception = Exception {
                owner: entry.owner.get_ref().clone(),
                reason: entry.reason.get_ref().clone(),
                until: Day::new(date.year, date.month, date.day),
            };
            rule.allowed.insert(entry.text.get_ref(), exception);
        }
    }

    fn weight(&mut self, source: &Source<'_>, weight: Option<&Spanned<f32>>) -> Option<f32> {
        let weight = weight?;
        if !(-HEAVIEST..=HEAVIEST).contains(weight.get_ref()) {
            let what = format!("the weight is not between -{HEAVIEST} and {HEAVIEST}");
            self.say(source, weight.span(), what, "one feature weighs 1 to 4; turn a rule off with mode = \"off\"");
        }
        Some(*weight.get_ref())
    }

    fn threshold(&mut self, source: &Source<'_>, threshold: Option<&Spanned<f32>>) -> Option<f32> {
        let threshold = threshold?;
        if !(0.0..=1.0).contains(threshold.get_ref()) {
            self.say(source, threshold.span(), "the threshold is not between 0 and 1".into(), "leave it out for 0.5");
        }
        Some(*threshold.get_ref())
    }

    fn pattern(&mut self, source: &Source<'_>, entry: &RuleEntry) -> Option<Regex> {
        let (id, at) = (entry.id.get_ref(), entry.id.span());
        if !matches!(entry.check, Check::Pattern | Check::Lines) {
            if let Some(pattern) = &entry.pattern {
                let what = format!("rule {id} has a pattern that nothing uses");
                self.say(source, pattern.span(), what, "write check = \"pattern\"");
            }
            return None;
        }
        let Some(pattern) = &entry.pattern else {
            self.say(source, at, format!("rule {id} has no pattern"), "add `pattern`");
            return None;
        };
        if entry.check == Check::Pattern && entry.context.is_empty() {
            let what = format!("rule {id} has no context words");
            self.say(source, at, what, "add `context`: a pattern counts near one");
        }
        let built =
            RegexBuilder::new(pattern.get_ref()).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
        match built {
            Ok(regex) => return Some(regex),
            Err(regex::Error::CompiledTooBig(_)) => {
                let what = format!("rule {id}: the pattern needs more than {PATTERN_BYTES} bytes");
                self.say(source, pattern.span(), what, "use smaller repetitions");
            }
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let what = format!("rule {id}: the pattern cannot be read: {last}");
                self.say(source, pattern.span(), what, "see the syntax page of Rust's regex crate");
            }
        }
        None
    }
}
