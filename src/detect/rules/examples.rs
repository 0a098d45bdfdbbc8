//! Runs the hits and misses that a rule brings.

use toml::Spanned;

use super::Rules;
use super::compile::Source;
use crate::detect::rule::RuleMode;
use crate::detect::{NameIndex, findings};
use crate::extract::{Text, Texts};
use crate::problem::Problem;
use crate::roster::Roster;

/// From here on a finding counts (the policy's default).
const COUNTS: f32 = 0.5;

/// Every hit that does not hit, and every miss that does. A rule that is off, or that another took the place of, is not
/// tried.
pub(super) fn check(rules: &Rules, sources: &[Source<'_>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for source in sources {
        let roster = Roster::from_names(&source.pack.pack.roster);
        let names = (!source.pack.pack.roster.is_empty()).then(|| NameIndex::new(&roster));
        for entry in &source.pack.rules {
            let id = entry.id.get_ref();
            let tried = |rule: &&super::Rule| rule.mode != RuleMode::Off && *rule.file == *source.file;
            let Some(rule) = rules.get(id).filter(tried) else { continue };
            let counts = rule.threshold.unwrap_or(COUNTS);
            let is_wrong = |example: &&Spanned<String>, wanted: bool| {
                finds(rules, names.as_ref(), id, example.get_ref(), counts) != wanted
            };
            let mut say = |example: &Spanned<String>, what: &str, remedy: &str| {
                let problem = Problem::new(source.file, format!("rule {id}: {what}"), remedy);
                problems.push(problem.shown_at(source.text, example.span()));
            };
            for example in entry.hits.iter().filter(|example| is_wrong(example, true)) {
                say(example, "this hit is not found", "mend the rule or the example");
            }
            for example in entry.misses.iter().filter(|example| is_wrong(example, false)) {
                say(example, "this miss is found", "add a context or `against` word, or mend the example");
            }
        }
    }
    problems
}

fn finds(rules: &Rules, names: Option<&NameIndex>, id: &str, example: &str, counts: f32) -> bool {
    let text = Text { text: example.to_string(), ..Text::default() };
    let texts = Texts { texts: vec![text], ..Texts::default() };
    findings(&texts, rules, names).iter().any(|finding| *finding.rule == *id && finding.confidence >= counts)
}
