//! Lines of one shape: an exported chat is many lines that begin with a day, a time and a name.
//!
//! A pattern counts when it stands at the head of at least [`LINES`] lines that begin with a number; what is found is
//! the head of the first. Each line is tried once, over a bounded length. Never fails.

use crate::detect::marks::Mark;
use crate::detect::reading::gap;
use crate::detect::rule::{Check, RuleMode};
use crate::detect::rules::{Rule, Rules};
use crate::detect::scene::Scene;
use crate::detect::score::Score;

/// One line, or two, may be quoted by anybody.
const LINES: usize = 3;
/// Bytes of a line in which its head must end.
const HEAD: usize = 120;
/// How sure so many lines make it, in log-odds.
const SURE: f32 = 3.0;

/// Every kind of such lines in a text.
pub fn scored<'r>(scene: &Scene<'_>, rules: &'r Rules) -> Vec<Mark<'r>> {
    let looks = |rule: &&Rule| rule.check == Check::Lines && rule.mode != RuleMode::Off;
    rules.list().iter().filter(looks).filter_map(|rule| lines(scene, rule)).collect()
}

fn lines<'r>(scene: &Scene<'_>, rule: &'r Rule) -> Option<Mark<'r>> {
    let pattern = rule.pattern.as_ref()?;
    let text: &str = &scene.reading.folded.text;
    let mut heads = scene.reading.digits.iter().filter_map(|&at| {
        let token = scene.reading.token(at as usize)?;
        if at > 0 && token.gap & (gap::LINE | gap::BLANK) == 0 {
            return None;
        }
        let start = token.start - u32::from(scene.reading.byte_before(token.start) == Some(b'['));
        let start = start as usize;
        let mut end = (start + HEAD).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let head = pattern.find(text.get(start..end)?).filter(|head| head.start() == 0)?;
        Some((at, start..start + head.end()))
    });
    let (token, range) = heads.next()?;
    (heads.take(LINES - 1).count() == LINES - 1).then(|| Mark {
        rule,
        range,
        token,
        score: Score::new("many lines of this shape", SURE),
        pupil: None,
    })
}
