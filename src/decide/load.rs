//! A policy file -> a [`Policy`] that cannot be wrong, or everything that is wrong with it.
//!
//! What was typed is read into `Raw..` values that keep their place in the file, then turned word by word
//! into the values that the verdict uses. Never guesses: an unknown word is a problem, with the words
//! that would have been right.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::class::CLASSES;
use super::policy::{CLEAN, Line, MessageClass, Offer, Policy, UNANSWERED, When};
use super::sender::SenderClass;
use super::verdict::{Mode, Route};
use crate::detect::{Kind, Strength};
use crate::extract::Why;
use crate::problem::{Problem, line_of};

/// Below this, a finding does not count, unless the policy says otherwise; the corpus scores at the same.
const MIN_CONFIDENCE: f32 = 0.5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    min_confidence: Option<Spanned<f32>>,
    #[serde(default)]
    line: Vec<RawLine>,
}

type Word = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    id: Word,
    #[serde(default)]
    why: String,
    #[serde(default)]
    kinds: Vec<Word>,
    #[serde(default)]
    all_of: Vec<Word>,
    strength: Option<Word>,
    min: Option<Spanned<usize>>,
    max: Option<Spanned<usize>>,
    pupils_min: Option<usize>,
    #[serde(default)]
    unread: Vec<Word>,
    #[serde(default)]
    sender: Vec<Word>,
    #[serde(default)]
    message: Vec<Word>,
    to: Option<Spanned<Vec<Word>>>,
    route: Word,
    #[serde(default)]
    advise: bool,
    mode: Option<Word>,
    advice: Option<Word>,
    #[serde(default)]
    offers: Vec<Word>,
}

/// Reads a policy file.
pub(super) fn policy(file: &Path, text: &str) -> Result<Policy, Vec<Problem>> {
    let raw: RawPolicy = toml::from_str(text).map_err(|error| vec![Problem::from_toml(file, text, &error)])?;
    let mut reader = Reader { file, text, problems: Vec::new() };
    let min_confidence = reader.min_confidence(raw.min_confidence);
    let mut first_use = BTreeMap::new();
    let mut lines = Vec::with_capacity(raw.line.len());
    for raw_line in raw.line {
        let (id, at) = (raw_line.id.get_ref().clone(), raw_line.id.span().start);
        if let Some(first) = first_use.insert(id.clone(), at) {
            reader.say(
                at,
                format!("the id \"{id}\" is used twice; first in line {}", line_of(text, first)),
                "give each line an id of its own, since the journal names lines by it",
            );
        }
        lines.extend(reader.line(raw_line));
    }
    if reader.problems.is_empty() {
        reader.unanswered(&lines);
    }
    if reader.problems.is_empty() {
        return Ok(Policy { min_confidence, lines, file: file.to_path_buf() });
    }
    reader.problems.sort_by_key(|problem| problem.line);
    Err(reader.problems)
}

struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn say(&mut self, offset: usize, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::new(self.file, what, remedy).at(self.text, offset));
    }

    fn min_confidence(&mut self, raw: Option<Spanned<f32>>) -> f32 {
        let Some(raw) = raw else { return MIN_CONFIDENCE };
        if !(0.0..=1.0).contains(raw.get_ref()) {
            self.say(raw.span().start, "min_confidence is not between 0 and 1", "leave it out for 0.5");
        }
        *raw.get_ref()
    }

    /// One line, or none with its problems told.
    fn line(&mut self, raw: RawLine) -> Option<Line> {
        let at = raw.id.span().start;
        let told = self.problems.len();
        self.id_and_why(&raw);
        self.counts(&raw);
        let route = self.route(&raw.route);
        let mode = raw.mode.as_ref().map_or(Some(Mode::Enforce), |word| self.mode(word));
        let strength = raw.strength.as_ref().map(|word| self.word("strength", word, &STRENGTHS));
        let when = When {
            kinds: self.words("kind", &raw.kinds, &Kind::ALL.map(|kind| (kind.word(), kind))),
            all_of: self.words("kind", &raw.all_of, &Kind::ALL.map(|kind| (kind.word(), kind))),
            strength: strength.flatten(),
            min: raw.min.map_or(1, Spanned::into_inner),
            max: raw.max.map(Spanned::into_inner),
            pupils_min: raw.pupils_min.unwrap_or(0),
            unread: self.words("reason for being unread", &raw.unread, &Why::ALL.map(|why| (why.word(), why))),
            sender: self.words("sender", &raw.sender, &SenderClass::ALL.map(|class| (class.word(), class))),
            message: self.words("message class", &raw.message, &MessageClass::ALL.map(|class| (class.word(), class))),
            to: self.to(raw.to),
        };
        let offers = self.words("offer", &raw.offers, &Offer::ALL.map(|offer| (offer.word(), offer)));
        if (route == Some(Route::Block) || raw.advise) && raw.advice.is_none() {
            let remedy = "add advice = \"...\", so that the sender learns what to do";
            self.say(at, "a line that blocks or advises has no advice", remedy);
        }
        if self.problems.len() > told {
            return None;
        }
        Some(Line {
            id: Arc::from(raw.id.into_inner()),
            at: line_of(self.text, at),
            why: raw.why,
            when,
            route: route?,
            advise: raw.advise,
            mode: mode?,
            advice: raw.advice.map(|key| Arc::from(key.into_inner())),
            offers,
        })
    }

    fn id_and_why(&mut self, raw: &RawLine) {
        let (id, at) = (raw.id.get_ref(), raw.id.span().start);
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if id.is_empty() || !id.bytes().all(plain) {
            self.say(at, "an id has other characters than a-z, 0-9, _ and -", "choose a plain word, such as bsn_list");
        }
        if id == CLEAN || id == UNANSWERED {
            self.say(at, format!("the id \"{id}\" belongs to a built-in line"), "choose another id");
        }
        if raw.why.trim().is_empty() {
            self.say(
                at,
                format!("line \"{id}\" has no reason"),
                "add why = \"...\", one sentence a privacy officer can defend",
            );
        }
    }

    fn counts(&mut self, raw: &RawLine) {
        let min = raw.min.as_ref().map_or(1, |min| *min.get_ref());
        for (name, count) in [("min", &raw.min), ("max", &raw.max)] {
            let Some(count) = count else { continue };
            if raw.kinds.is_empty() {
                self.say(
                    count.span().start,
                    format!("{name} counts nothing without kinds"),
                    "add kinds = [...], or use pupils_min",
                );
            }
            if *count.get_ref() == 0 {
                self.say(count.span().start, format!("{name} is 0"), "count from 1, or leave it out");
            }
        }
        if let Some(max) = raw.max.as_ref().filter(|max| (1..min).contains(max.get_ref())) {
            self.say(max.span().start, "max is less than min, so the line never fits", "swap them");
        }
        if raw.strength.is_some() && raw.kinds.is_empty() && raw.all_of.is_empty() {
            let at = raw.strength.as_ref().map_or(0, |word| word.span().start);
            self.say(at, "strength without kinds asks nothing", "add kinds = [...]");
        }
    }

    fn route(&mut self, word: &Word) -> Option<Route> {
        if ["tls", "share"].contains(&word.get_ref().as_str()) {
            self.say(
                word.span().start,
                format!("route \"{}\" is not available in this version", word.get_ref()),
                "use \"block\" with an advice until it is",
            );
            return None;
        }
        self.word("route", word, &[Route::Pass, Route::Defer, Route::Block].map(|route| (route.word(), route)))
    }

    fn mode(&mut self, word: &Word) -> Option<Mode> {
        self.word("mode", word, &[("observe", Mode::Observe), ("advise", Mode::Advise), ("enforce", Mode::Enforce)])
    }

    fn to(&mut self, raw: Option<Spanned<Vec<Word>>>) -> Vec<Arc<str>> {
        let Some(raw) = raw else { return Vec::new() };
        if raw.get_ref().is_empty() {
            self.say(
                raw.span().start,
                "to is empty, so the line never fits",
                "name classes, or leave it out for everybody",
            );
        }
        let classes = self.words("recipient class", raw.get_ref(), &CLASSES.map(|class| (class, class)));
        classes.into_iter().map(Arc::from).collect()
    }

    fn words<T: Copy>(&mut self, what: &str, words: &[Word], known: &[(&str, T)]) -> Vec<T> {
        words.iter().filter_map(|word| self.word(what, word, known)).collect()
    }

    fn word<T: Copy>(&mut self, what: &str, word: &Word, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| name == word.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.say(
                word.span().start,
                format!("unknown {what} \"{}\"", word.get_ref().escape_debug()),
                format!("use one of: {}", names.join(", ")),
            );
        }
        found
    }

    /// Everything that no line answers for some class of recipients. It would fall through.
    fn unanswered(&mut self, lines: &[Line]) {
        for kind in Kind::ALL {
            let strengths: &[Strength] = match kind {
                Kind::Health | Kind::Care => &[Strength::Light, Strength::Heavy],
                _ => &[Strength::Heavy],
            };
            let open = open_classes(|class| {
                strengths.iter().all(|s| lines.iter().any(|line| line.when.always_answers(kind, *s, class)))
            });
            self.report_open(&format!("kind \"{}\"", kind.word()), &format!("kinds = [\"{}\"]", kind.word()), &open);
        }
        for why in Why::ALL {
            let open = open_classes(|class| lines.iter().any(|line| line.when.always_answers_unread(why, class)));
            self.report_open(&format!("unread \"{}\"", why.word()), &format!("unread = [\"{}\"]", why.word()), &open);
        }
    }

    fn report_open(&mut self, what: &str, key: &str, open: &[&str]) {
        if open.is_empty() {
            return;
        }
        let who = if open.len() == CLASSES.len() { "any class".to_string() } else { open.join(", ") };
        self.problems.push(Problem::new(
            self.file,
            format!("no line always answers {what} for recipients of {who}"),
            format!("add a last line with {key} and nothing else but to and route"),
        ));
    }
}

const STRENGTHS: [(&str, Strength); 2] = [("light", Strength::Light), ("heavy", Strength::Heavy)];

fn open_classes(answered: impl Fn(&str) -> bool) -> Vec<&'static str> {
    CLASSES.into_iter().filter(|class| !answered(class)).collect()
}
