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
use super::fact::Fact;
use super::policy::{CLEAN, Ground, Line, MessageClass, Offer, Policy, UNANSWERED, When};
use super::sender::SenderClass;
use super::verdict::{Ask, Mode, Release};
use crate::detect::{Kind, Strength};
use crate::extract::Why;
use crate::level::Level;
use crate::problem::{Problem, line_of};

mod exceptions;

use exceptions::{RawException, RawListSender};

/// Below this, a finding does not count, unless the policy says otherwise; the corpus scores at the same.
const MIN_CONFIDENCE: f32 = 0.5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    min_confidence: Option<Spanned<f32>>,
    #[serde(default)]
    line: Vec<RawLine>,
    #[serde(default)]
    ground: Vec<RawGround>,
    #[serde(default)]
    exception: Vec<RawException>,
    #[serde(default)]
    list_sender: Vec<RawListSender>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGround {
    to: Vec<Word>,
    kinds: Vec<Word>,
    may: bool,
    nl: String,
    en: String,
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
    pupils_min: Option<usize>,
    #[serde(default)]
    unread: Vec<Word>,
    #[serde(default)]
    sender: Vec<Word>,
    #[serde(default)]
    message: Vec<Word>,
    #[serde(default)]
    facts: Vec<Word>,
    visible_min: Option<usize>,
    outside_min: Option<usize>,
    quote: Option<Word>,
    to: Option<Spanned<Vec<Word>>>,
    #[serde(default)]
    before: bool,
    route: Word,
    release: Option<Word>,
    meanwhile: Option<Word>,
    #[serde(default)]
    advise: bool,
    mode: Option<Word>,
    advice: Option<Word>,
    #[serde(default)]
    offers: Vec<Word>,
    level: Option<Word>,
    share_parts: Option<Word>,
}

/// Reads a policy file.
pub(super) fn policy(file: &Path, text: &str) -> Result<Policy, Vec<Problem>> {
    let raw: RawPolicy = toml::from_str(text).map_err(|error| vec![Problem::from_toml(file, text, &error)])?;
    let mut reader = Reader { file, text, problems: Vec::new() };
    let min_confidence = reader.min_confidence(raw.min_confidence);
    let mut first_use = BTreeMap::new();
    let mut lines = Vec::with_capacity(raw.line.len());
    let exceptions = raw.exception.into_iter().map(|raw| Entry::Exception(Box::new(raw)));
    for entry in raw.line.into_iter().map(|line| Entry::Line(Box::new(line))).chain(exceptions) {
        let (id, at) = (entry.id().get_ref().clone(), entry.id().span().start);
        if let Some(first) = first_use.insert(id.clone(), at) {
            reader.say(
                at,
                format!("the id \"{id}\" is used twice; first in line {}", line_of(text, first)),
                "give each line an id of its own, since the journal names lines by it",
            );
        }
        lines.extend(match entry {
            Entry::Line(raw) => reader.line(*raw),
            Entry::Exception(raw) => reader.exception(*raw),
        });
    }
    let list_senders = raw.list_sender.into_iter().filter_map(|raw| reader.list_sender(&raw)).collect();
    let grounds: Vec<Ground> = raw.ground.into_iter().map(|ground| reader.ground(ground)).collect();
    if reader.problems.is_empty() {
        reader.unanswered(&lines);
        reader.unlawful(&lines, &grounds);
    }
    if reader.problems.is_empty() {
        return Ok(Policy { min_confidence, lines, grounds, list_senders, file: file.to_path_buf() });
    }
    reader.problems.sort_by_key(|problem| problem.line);
    Err(reader.problems)
}

/// What has an id.
enum Entry {
    Line(Box<RawLine>),
    Exception(Box<RawException>),
}

impl Entry {
    fn id(&self) -> &Word {
        match self {
            Self::Line(raw) => &raw.id,
            Self::Exception(raw) => &raw.id,
        }
    }
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
        let ask = self.ask(&raw);
        let meanwhile = raw.meanwhile.as_ref().map(|word| self.meanwhile(word, ask));
        let mode = raw.mode.as_ref().map_or(Some(Some(Mode::Enforce)), |word| self.mode(word));
        let strength = raw.strength.as_ref().map(|word| self.word("strength", word, &STRENGTHS));
        let when = When {
            kinds: self.words("kind", &raw.kinds, &Kind::ALL.map(|kind| (kind.word(), kind))),
            all_of: self.words("kind", &raw.all_of, &Kind::ALL.map(|kind| (kind.word(), kind))),
            strength: strength.flatten(),
            min: raw.min.map_or(1, Spanned::into_inner),
            pupils_min: raw.pupils_min.unwrap_or(0),
            unread: self.words("reason for being unread", &raw.unread, &Why::ALL.map(|why| (why.word(), why))),
            sender: self.words("sender", &raw.sender, &SenderClass::ALL.map(|class| (class.word(), class))),
            message: self.words("message class", &raw.message, &MessageClass::ALL.map(|class| (class.word(), class))),
            facts: self.words("fact", &raw.facts, &Fact::ALL.map(|fact| (fact.word(), fact))),
            visible_min: raw.visible_min.unwrap_or(0),
            outside_min: raw.outside_min.unwrap_or(0),
            quote: raw.quote.as_ref().and_then(|word| self.word("quote", word, &[("returned", true)])).is_some(),
            to: self.to(raw.to),
        };
        let offers = self.words("offer", &raw.offers, &Offer::ALL.map(|offer| (offer.word(), offer)));
        self.offers(&raw.offers, &offers, ask);
        self.shares([("level", &raw.level), ("share_parts", &raw.share_parts)], ask, &offers);
        let levels = Level::ALL.map(|level| (level.word(), level));
        let level = raw.level.as_ref().and_then(|word| self.word("level", word, &levels));
        let parts = raw.share_parts.as_ref().and_then(|word| self.word("share_parts", word, &PARTS));
        if raw.before && !when.can_come_before() {
            let remedy = "ask for kinds, pupils_min or unread, to and message only; a line with less comes before none";
            self.say(at, "a line that comes before the others asks for more than it can answer alone", remedy);
        }
        if (!matches!(ask, None | Some(Ask::Pass | Ask::Defer)) || raw.advise) && raw.advice.is_none() {
            let remedy = "add advice = \"...\", so that the sender learns what to do";
            self.say(at, "a line that blocks or advises has no advice", remedy);
        }
        if self.problems.len() > told {
            return None;
        }
        let line = Line {
            id: Arc::from(raw.id.get_ref().as_str()),
            at: line_of(self.text, at),
            why: raw.why,
            when,
            exception: None,
            ask: ask?,
            passes_meanwhile: meanwhile.flatten().unwrap_or(false),
            before: raw.before,
            advise: raw.advise,
            mode: Mode::Enforce,
            advice: raw.advice.map(|key| Arc::from(key.into_inner())),
            offers,
            level: level.unwrap_or_default(),
            attachments: parts.unwrap_or(false),
        };
        // A line that is off has been read, so that it can be switched on, and answers nothing.
        Some(Line { mode: mode??, ..line })
    }

    fn id_and_why(&mut self, raw: &RawLine) {
        self.id(&raw.id);
        let (id, at) = (raw.id.get_ref(), raw.id.span().start);
        if raw.why.trim().is_empty() {
            self.say(
                at,
                format!("line \"{id}\" has no reason"),
                "add why = \"...\", one sentence a privacy officer can defend",
            );
        }
    }

    fn id(&mut self, word: &Word) {
        let (id, at) = (word.get_ref(), word.span().start);
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if id.is_empty() || !id.bytes().all(plain) {
            self.say(at, "an id has other characters than a-z, 0-9, _ and -", "choose a plain word, such as bsn_list");
        }
        if id == CLEAN || id == UNANSWERED {
            self.say(at, format!("the id \"{id}\" belongs to a built-in line"), "choose another id");
        }
    }

    fn counts(&mut self, raw: &RawLine) {
        if let Some(min) = &raw.min {
            let at = min.span().start;
            if raw.kinds.is_empty() {
                self.say(at, "min counts nothing without kinds", "add kinds = [...], or use pupils_min");
            }
            if *min.get_ref() == 0 {
                self.say(at, "min is 0", "count from 1, or leave it out");
            }
        }
        if let Some(quote) = raw.quote.as_ref().filter(|_| raw.kinds.is_empty()) {
            self.say(quote.span().start, "a line about quotes asks for no kinds", "add kinds = [...]");
        }
        if raw.strength.is_some() && raw.kinds.is_empty() && raw.all_of.is_empty() {
            let at = raw.strength.as_ref().map_or(0, |word| word.span().start);
            self.say(at, "strength without kinds asks nothing", "add kinds = [...]");
        }
    }

    fn ask(&mut self, raw: &RawLine) -> Option<Ask> {
        let nobody = Some(Release::Nobody);
        let release = raw
            .release
            .as_ref()
            .map_or(nobody, |word| self.word("release", word, &Release::ALL.map(|release| (release.word(), release))));
        let asks = [Ask::Pass, Ask::Tls, Ask::Share, Ask::ShareWithPurpose, Ask::Defer, Ask::Block(Release::Nobody)];
        let ask = self.word("route", &raw.route, &asks.map(|ask| (ask.word(), ask)))?;
        match (ask, &raw.release) {
            (Ask::Block(_), _) => Some(Ask::Block(release?)),
            (_, Some(word)) => {
                self.say(word.span().start, "release without a block", "leave it out, or use route = \"block\"");
                None
            }
            (ask, None) => Some(ask),
        }
    }

    /// Whether the mail passes as long as the gate cannot do what the line asks for.
    fn meanwhile(&mut self, word: &Word, ask: Option<Ask>) -> Option<bool> {
        if !matches!(ask, None | Some(Ask::Tls | Ask::Share | Ask::ShareWithPurpose)) {
            let remedy = "leave it out: it says what happens while the gate cannot do tls or share";
            self.say(word.span().start, "meanwhile without tls or share", remedy);
        }
        self.word("meanwhile", word, &[("pass", true), ("block", false)])
    }

    fn mode(&mut self, word: &Word) -> Option<Option<Mode>> {
        let modes = [("observe", Mode::Observe), ("advise", Mode::Advise), ("enforce", Mode::Enforce)];
        let known = [("off", None)].into_iter().chain(modes.map(|(name, mode)| (name, Some(mode))));
        self.word("mode", word, &known.collect::<Vec<_>>())
    }

    /// Only what the route leaves open may be offered.
    fn offers(&mut self, words: &[Word], offers: &[Offer], ask: Option<Ask>) {
        let forbidden = |offer: Offer| match (offer, ask) {
            (Offer::SecondPerson, ask) => ask != Some(Ask::Block(Release::SecondPerson)),
            (Offer::Reason, Some(Ask::Block(release))) => release != Release::Reason,
            (Offer::Share, Some(Ask::Block(release))) => release == Release::Nobody,
            _ => false,
        };
        for (word, offer) in words.iter().zip(offers).filter(|(_, offer)| forbidden(**offer)) {
            self.say(
                word.span().start,
                format!("the offer \"{}\" goes further than the line's release", offer.word()),
                "set release to what may be offered (reason or second_person), or leave the offer out",
            );
        }
    }

    /// What is said of shares, a line says of which one can come.
    fn shares(&mut self, said: [(&str, &Option<Word>); 2], ask: Option<Ask>, offers: &[Offer]) {
        let can = matches!(ask, None | Some(Ask::Tls | Ask::Share | Ask::ShareWithPurpose));
        if can || offers.contains(&Offer::Share) {
            return;
        }
        for (key, word) in said {
            if let Some(word) = word {
                let remedy =
                    "leave it out: it is about shares (route share, share_with_purpose or tls, or the offer share)";
                self.say(word.span().start, format!("{key} on a line of which no share comes"), remedy);
            }
        }
    }

    fn ground(&mut self, raw: RawGround) -> Ground {
        if let Some(at) = raw.to.first().filter(|_| raw.nl.trim().is_empty() || raw.en.trim().is_empty()) {
            self.say(at.span().start, "a ground says nothing", "write nl = \"...\" and en = \"...\" with the article");
        }
        let to = self.words("recipient class", &raw.to, &CLASSES.map(|class| (class, class)));
        let kinds = self.words("kind", &raw.kinds, &Kind::ALL.map(|kind| (kind.word(), kind)));
        let at = raw.to.first().map_or(1, |word| line_of(self.text, word.span().start));
        Ground { at, to: to.into_iter().map(Arc::from).collect(), kinds, may: raw.may, said: [raw.nl, raw.en] }
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
        let lines: Vec<&Line> = lines.iter().filter(|line| line.exception.is_none()).collect();
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

    /// What the law does not let a class have must always be answered by a line that leaves it to a second person or
    /// nobody, and by no line that comes before that one and leaves it to the sender. An exception for listed addresses
    /// is looked at when mail goes there.
    fn unlawful(&mut self, lines: &[Line], grounds: &[Ground]) {
        let firm = |line: &&Line| matches!(line.ask, Ask::Block(Release::SecondPerson | Release::Nobody));
        for ground in grounds.iter().filter(|ground| !ground.may) {
            let pairs = ground.to.iter().flat_map(|class| ground.kinds.iter().map(move |kind| (&**class, *kind)));
            for (class, kind) in pairs {
                let answers =
                    |line: &&Line| line.exception.is_none() && line.when.always_answers(kind, Strength::Heavy, class);
                let goes =
                    |line: &&Line| line.before && !firm(line) && line.when.kinds.contains(&kind) && line.goes_to(class);
                let (kept, leak) = (lines.iter().any(|line| firm(&line) && answers(&line)), lines.iter().find(goes));
                if kept && leak.is_none() {
                    continue;
                }
                let what = format!("kind \"{}\" can go to {class}, for which there is no legal ground", kind.word());
                let remedy = "block it with release = \"second_person\" or \"nobody\", or change the ground";
                let mut problem = Problem::new(self.file, what, remedy);
                problem.line = Some(leak.map_or(ground.at, |line| line.at));
                self.problems.push(problem);
            }
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

/// What of a mail is shared: whether its attachments alone.
const PARTS: [(&str, bool); 2] = [("whole", false), ("attachments", true)];
const STRENGTHS: [(&str, Strength); 2] = [("light", Strength::Light), ("heavy", Strength::Heavy)];

fn open_classes(answered: impl Fn(&str) -> bool) -> Vec<&'static str> {
    CLASSES.into_iter().filter(|class| !answered(class)).collect()
}
