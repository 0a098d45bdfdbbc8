//! Lines of a mail's body, and what they say about whose words come next. Pure patterns; never fails.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// A line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'t> {
    /// Where it begins in the text.
    pub start: usize,
    /// How often it is quoted.
    pub depth: usize,
    /// What it says, without quote marks and white space around it.
    pub said: &'t str,
}

/// Whether there is anything in a text that could begin a zone: most short mails have nothing.
pub fn may_have_zones(text: &str) -> bool {
    text.contains('\n')
}

/// The lines of a text, quotes no deeper than `deepest`.
pub fn lines(text: &str, deepest: usize) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for whole in text.split_inclusive('\n') {
        let (depth, said) = unquoted(whole.trim());
        lines.push(Line { start, depth: depth.min(deepest), said });
        start += whole.len();
    }
    lines
}

fn unquoted(line: &str) -> (usize, &str) {
    // A line of a table has more bars.
    let bar = |line: &str| line.strip_prefix('|').filter(|rest| !rest.contains('|')).map(str::len);
    if let Some(rest) = bar(line) {
        return (1, line.get(line.len() - rest..).unwrap_or_default().trim());
    }
    let (mut depth, mut said) = (0, line);
    while let Some(rest) = said.strip_prefix('>') {
        depth += 1;
        said = rest.trim_start();
    }
    (depth, said)
}

/// The From field of a block of header fields that begins with the first line, and has two others at least.
pub fn header_block<'t>(lines: &[Line<'t>]) -> Option<&'t str> {
    let (first, rest) = lines.split_first()?;
    let from = field(first.said).filter(|(name, _)| FROM.contains(name))?.1;
    let others = rest.iter().take(MOST_FIELDS).take_while(|line| line.depth == first.depth && !line.said.is_empty());
    let others = others.filter(|line| field(line.said).is_some_and(|(name, _)| OTHER_FIELDS.contains(&name)));
    (others.count() >= 1).then_some(from)
}

/// A block of fields is no longer; a list of recipients may take some lines.
const MOST_FIELDS: usize = 8;
const FROM: [&str; 4] = ["van", "from", "von", "de"];
const OTHER_FIELDS: [&str; 16] = [
    "verzonden",
    "sent",
    "datum",
    "date",
    "aan",
    "to",
    "onderwerp",
    "subject",
    "gesendet",
    "an",
    "betreff",
    "envoye",
    "objet",
    "cc",
    "beantwoorden",
    "reply-to",
];

/// `*Van:* Kim` -> `van`, ` Kim`.
fn field(said: &str) -> Option<(&'static str, &str)> {
    let end = said.bytes().take(LONGEST_NAME + 1).position(|byte| byte == b':')?;
    let (name, value) = (said.get(..end)?, said.get(end + 1..)?);
    let name = name.trim_matches(|c: char| c == '*' || c.is_whitespace());
    let known = FROM.iter().chain(&OTHER_FIELDS).find(|known| known.eq_ignore_ascii_case(name))?;
    Some((known, value))
}

const LONGEST_NAME: usize = 24;

/// A line that a mail program draws above what it quotes: "-----Oorspronkelijk bericht-----".
pub fn is_drawn(said: &str) -> bool {
    let begun = said.trim_end_matches(':');
    if ["Begin doorgestuurd bericht", "Begin forwarded message"].iter().any(|known| known.eq_ignore_ascii_case(begun)) {
        return true;
    }
    let Some(inner) = said.strip_prefix("--").filter(|_| said.len() <= LONGEST_DRAWN && said.ends_with('-')) else {
        return false;
    };
    let inner = inner.trim_matches(|c: char| c == '-' || c.is_whitespace());
    DRAWN.iter().any(|known| known.eq_ignore_ascii_case(inner))
}

const LONGEST_DRAWN: usize = 90;
const DRAWN: [&str; 8] = [
    "oorspronkelijk bericht",
    "original message",
    "doorgestuurd bericht",
    "forwarded message",
    "origineel bericht",
    "oorspronkelijke bericht",
    "original appointment",
    "oorspronkelijke afspraak",
];

/// "Op 3 mei schreef Kim <..>:", in up to three lines: what it says, and in how many lines.
pub fn attribution(lines: &[Line<'_>]) -> Option<(String, usize)> {
    let first = lines.first()?;
    let begins = ["Op ", "On ", "Le ", "Am "].iter().any(|start| {
        let word = first.said.get(..start.len() - 1);
        word.is_some_and(|word| word == start.trim_end())
            && first.said.get(start.len() - 1..).is_some_and(|rest| rest.starts_with(char::is_whitespace))
    });
    let tells = |said: &str| WROTE.iter().any(|wrote| said.contains(wrote));
    if !(begins || first.said.ends_with(':') && first.said.contains('@') && tells(first.said)) {
        return None;
    }
    let mut said = String::new();
    for (at, line) in lines.iter().take(LONGEST_ATTRIBUTION).enumerate() {
        // Gmail breaks before the > of an address, which then looks like a quote mark.
        let broken = at > 0 && line.depth == first.depth + 1 && said.contains('<') && !said.contains('>');
        if line.said.is_empty() || (line.depth != first.depth && !broken) || said.len() + line.said.len() > LONGEST_SAID
        {
            return None;
        }
        if at > 0 {
            said.push(' ');
        }
        said.push_str(line.said);
        if line.said.ends_with(':') {
            let dated = said.bytes().any(|byte| byte.is_ascii_digit()) || said.contains('@');
            return (dated && tells(&said)).then_some((said, at + 1));
        }
    }
    None
}

const LONGEST_ATTRIBUTION: usize = 3;
const LONGEST_SAID: usize = 400;
const WROTE: [&str; 5] = ["schreef", "geschreven", "wrote", "schrieb", "écrit"];

/// Whether a line ends a letter, so that the next can be a signature: "-- ", "Met vriendelijke groet,".
pub fn ends_letter(said: &str) -> bool {
    if said == "--" {
        return true;
    }
    if said.len() > LONGEST_CLOSING {
        return false;
    }
    let first = said.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let starts = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(first));
    let last = said.rsplit(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    let greets = |word: &str| GREETS.iter().any(|greets| greets.eq_ignore_ascii_case(word));
    starts(&CLOSING) && (greets(first) || greets(last))
}

const LONGEST_CLOSING: usize = 40;
const CLOSING: [&str; 16] = [
    "met",
    "vriendelijke",
    "hartelijke",
    "groet",
    "groeten",
    "groetjes",
    "mvg",
    "gr",
    "hoogachtend",
    "kind",
    "best",
    "regards",
    "lieve",
    "warme",
    "warm",
    "fijne",
];
const GREETS: [&str; 9] = ["groet", "groeten", "groetjes", "mvg", "gr", "hoogachtend", "regards", "groetje", "gegroet"];

/// Whether a line may stand in a signature: short, and no sentence.
pub fn can_sign(said: &str) -> bool {
    let sentence = said.ends_with(['.', '!', '?', ':', ';']) || said.starts_with("PS") || said.starts_with("P.S");
    said.len() <= LONGEST_SIGNED && !sentence
}

const LONGEST_SIGNED: usize = 80;

/// The disclaimers of a text: in a paragraph, from the first line with words of one to the last.
pub fn disclaimers(text: &str) -> Vec<Range<usize>> {
    if TOLD.as_ref().is_some_and(|told| told.find(text).is_none()) {
        return Vec::new();
    }
    let (mut found, mut start) = (Vec::new(), 0);
    let mut paragraph = Paragraph::default();
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            found.extend(std::mem::take(&mut paragraph).disclaimer());
        } else {
            paragraph.add(start, line);
        }
        start += line.len();
    }
    found.extend(paragraph.disclaimer());
    found
}

/// The lines of one paragraph that have words of a disclaimer.
#[derive(Default)]
struct Paragraph {
    range: Option<Range<usize>>,
    /// Which of [`DISCLAIMS`] stand in it, as bits.
    words: u16,
}

impl Paragraph {
    fn add(&mut self, start: usize, line: &str) {
        let mut words = 0;
        for way in WAYS.iter().flat_map(|ways| ways.find_overlapping_iter(line)) {
            words |= WAY_BITS.get(way.pattern().as_usize()).copied().unwrap_or_default();
        }
        if words != 0 {
            self.words |= words;
            let range = self.range.get_or_insert(start..start);
            range.end = start + line.len();
        }
    }

    fn disclaimer(self) -> Option<Range<usize>> {
        self.range.filter(|_| self.words.count_ones() >= ENOUGH)
    }
}

/// So many different things are said by a disclaimer and by no ordinary paragraph.
const ENOUGH: u32 = 3;
/// One of these stands in every disclaimer: looked for with vector instructions, as most texts have none. A processor
/// without them has no such searcher, and looks for all ways in every text.
static TOLD: LazyLock<Option<Searcher>> =
    LazyLock::new(|| Searcher::new(["ertrouwelijk", "onfidential", "eadresseerde", "bestemd voor", "ntended"]));
/// All ways of [`DISCLAIMS`], in their order. The automaton looks at every byte: the letters that these words begin with
/// stand in every line, and a search for those would stop there.
static WAYS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).prefilter(false);
    builder.build(DISCLAIMS.concat()).ok()
});
/// The bit of each way.
static WAY_BITS: LazyLock<Vec<u16>> = LazyLock::new(|| {
    DISCLAIMS.iter().enumerate().flat_map(|(bit, ways)| std::iter::repeat_n(1 << bit, ways.len())).collect()
});

const DISCLAIMS: [&[&str]; 9] = [
    &["vertrouwelijk", "confidential"],
    &["geadresseerde", "addressee", "intended recipient"],
    &["uitsluitend", "alleen bestemd", "solely", "only for"],
    &["afzender", "sender"],
    &["verwijder", "vernietig", "delete", "destroy"],
    &["aansprakelijk", "liab", "geen rechten"],
    &["openbaarmaking", "vermenigvuldig", "verspreiding", "verstrekking aan derden", "disclos", "distribution"],
    &["dit bericht", "e-mailbericht", "deze e-mail", "deze mail", "this e-mail", "this email", "this message"],
    &["ten onrechte", "abusievelijk", "niet voor u bestemd", "bent u dat niet", "in error", "by mistake"],
];
