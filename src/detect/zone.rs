//! Zones: whose words stand where in a body. What the sender wrote now, what was written before and is quoted or
//! forwarded, the signature below it, the disclaimer below that.
//!
//! Quotes begin with `>` or `|`, with a line that says who wrote ("Op 3 mei schreef Kim <..>:"), with a block of header
//! fields (Van, Verzonden, Aan, Onderwerp) or with a line that mail programs draw. The author of a quote is known when
//! exactly one address stands in that line or field; else nobody is, and nothing goes back to its author. An attached
//! message is a quote of whom its From field names. RFC 3676 section 4.3 (signatures) and 4.5 (quotes); the rest is
//! custom of Outlook, Gmail, Apple Mail and Thunderbird. One pass over the lines, when first asked for one: most texts
//! have nothing whose zone matters. Never fails.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use super::finding::{Kind, Zone};
use crate::extract::{Spot, Text, Writer};
use crate::message::Mailbox;

mod line;

use line::Line;

/// The zones of one text.
#[derive(Debug)]
pub struct Zones<'t> {
    text: &'t Text,
    writers: &'t [Writer],
    read: OnceCell<Read>,
}

/// The zones, one after the other; what comes before the first is the base.
#[derive(Debug)]
struct Read {
    base: Zone,
    /// From which byte on, which zone.
    from: Vec<(usize, Zone)>,
    disclaimers: Vec<Range<usize>>,
}

/// Whoever wrote a quote, when that is known.
type Author = Option<Arc<Mailbox>>;

/// What a zone says for or against a finding of a kind, in log-odds.
pub fn weight(zone: &Zone, kind: Kind) -> Option<(&'static str, f32)> {
    use Kind::{BeliefOrigin, Care, Conduct, Criminal, Employment, Health, Marks, PupilName};
    match (zone, kind) {
        (Zone::Signature, PupilName) => Some(("in the signature", -1.0)),
        (Zone::Signature, Health | Care | BeliefOrigin | Criminal | Marks | Conduct | Employment) => {
            Some(("in the signature", -2.0))
        }
        (Zone::Disclaimer, PupilName | Health | Care | BeliefOrigin | Criminal | Marks | Conduct | Employment) => {
            Some(("in the disclaimer", -3.0))
        }
        _ => None,
    }
}

impl<'t> Zones<'t> {
    /// The zones of a text, which nobody has asked for yet.
    pub fn new(text: &'t Text, writers: &'t [Writer]) -> Self {
        Self { text, writers, read: OnceCell::new() }
    }

    /// The zone at a byte. In a quote a disclaimer is part of the quote.
    pub fn at(&self, at: usize) -> &Zone {
        let Read { base, from, disclaimers } = self.read.get_or_init(|| Read::new(self.text, self.writers));
        let next = from.partition_point(|(from, _)| *from <= at);
        let zone = next.checked_sub(1).and_then(|last| from.get(last)).map_or(base, |(_, zone)| zone);
        let next = disclaimers.partition_point(|range| range.start <= at);
        let disclaims = next.checked_sub(1).and_then(|last| disclaimers.get(last));
        match zone {
            Zone::New | Zone::Signature if disclaims.is_some_and(|range| range.contains(&at)) => &Zone::Disclaimer,
            zone => zone,
        }
    }
}

impl Read {
    fn new(text: &Text, writers: &[Writer]) -> Self {
        let place = &text.place;
        let base = base(&place.within, writers);
        let (mut from, mut disclaimers) = (Vec::new(), Vec::new());
        if matches!(place.spot, Spot::Text | Spot::Html) {
            Walk::new(&text.text, base.clone(), &mut from).walk();
            disclaimers = line::disclaimers(&text.text);
        }
        Self { base, from, disclaimers }
    }
}

/// What all of a text is: a quote, in an attached message. Two of one name leave nobody as author.
fn base(within: &[String], writers: &[Writer]) -> Zone {
    let around = || writers.iter().filter(|writer| within.starts_with(&writer.within));
    let Some(nearest) = around().max_by_key(|writer| writer.within.len()) else { return Zone::New };
    let alone = around().filter(|writer| writer.within.len() == nearest.within.len()).count() == 1;
    Zone::Quote { author: sole_mailbox(&nearest.address).filter(|_| alone) }
}

/// The walk over the lines.
struct Walk<'t, 'z> {
    lines: Vec<Line<'t>>,
    /// What a line without a quote mark is.
    here: Zone,
    /// Who wrote the quotes at depth 1, 2, ..
    levels: Vec<Author>,
    /// The depth of the line before.
    depth: usize,
    /// Who was said to have written what comes next.
    announced: Option<Author>,
    /// How many lines a signature may still have; 0 outside one.
    signature: usize,
    zones: &'z mut Vec<(usize, Zone)>,
}

/// Deeper quotes are as deep as this.
const DEEPEST: usize = 20;
/// A signature has no more lines.
const LONGEST_SIGNATURE: usize = 12;

impl<'t, 'z> Walk<'t, 'z> {
    fn new(text: &'t str, base: Zone, zones: &'z mut Vec<(usize, Zone)>) -> Self {
        Self {
            lines: if line::may_have_zones(text) { line::lines(text, DEEPEST) } else { Vec::new() },
            here: base,
            levels: Vec::new(),
            depth: 0,
            announced: None,
            signature: 0,
            zones,
        }
    }

    fn walk(mut self) {
        for at in 0..self.lines.len() {
            let Some(line) = self.lines.get(at).copied() else { return };
            if line.said.is_empty() {
                continue;
            }
            self.enter(line.depth);
            self.begin_quote(at, line);
            self.sign(line);
            let zone = match line.depth.checked_sub(1) {
                None if self.signature > 0 => Zone::Signature,
                None => self.here.clone(),
                Some(level) => Zone::Quote { author: self.levels.get(level).cloned().flatten() },
            };
            if self.zones.last().is_none_or(|(_, last)| *last != zone) {
                self.zones.push((line.start, zone));
            }
            self.begin_signature(line);
        }
    }

    /// Deeper quotes are of whoever was announced; of who wrote there before when nobody was.
    fn enter(&mut self, depth: usize) {
        if depth > self.depth {
            if let Some(author) = self.announced.take() {
                self.levels.truncate(self.depth);
                self.levels.push(author);
            }
            self.levels.resize(self.levels.len().max(depth), None);
        }
        if depth > 0 {
            self.signature = 0;
        }
        self.depth = depth;
    }

    /// A line that says whose words come next.
    fn begin_quote(&mut self, at: usize, line: Line<'t>) {
        let ahead = self.lines.get(at..).unwrap_or_default();
        let author = if let Some(from) = line::header_block(ahead) {
            sole_mailbox(from)
        } else if line::is_drawn(line.said) {
            None
        } else if let Some((said, lines)) = line::attribution(ahead) {
            let author = sole_mailbox(&said);
            let next = ahead.iter().skip(lines).find(|line| !line.said.is_empty());
            if next.is_some_and(|next| next.depth > line.depth) {
                self.announced = Some(author);
                return;
            }
            author
        } else {
            return;
        };
        self.signature = 0;
        self.announced = None;
        match line.depth.checked_sub(1) {
            None => self.here = Zone::Quote { author },
            Some(level) => {
                self.levels.truncate(level);
                self.levels.push(author);
            }
        }
    }

    /// A signature goes on as long as its lines are short.
    fn sign(&mut self, line: Line<'t>) {
        self.signature = if line::can_sign(line.said) { self.signature.saturating_sub(1) } else { 0 };
    }

    fn begin_signature(&mut self, line: Line<'t>) {
        if line.depth == 0 && self.here == Zone::New && line::ends_letter(line.said) {
            self.signature = LONGEST_SIGNATURE;
        }
    }
}

/// The only address in a text.
fn sole_mailbox(said: &str) -> Author {
    let divides =
        |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '[' | ']' | '(' | ')' | ',' | ';' | '"' | '\'');
    let words = said.split(divides).filter(|word| word.contains('@'));
    let strip = |word: &'_ str| word.trim_end_matches([':', '.', '*']).rsplit("mailto:").next().map(str::to_owned);
    let mut found: Option<Mailbox> = None;
    for word in words.filter_map(strip) {
        let mailbox = Mailbox::parse(&word).ok()?;
        if found.as_ref().is_some_and(|found| found.folded() != mailbox.folded()) {
            return None;
        }
        found = Some(mailbox);
    }
    found.map(Arc::new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::extract::Place;

    fn zones(text: &str) -> String {
        let text = Text { text: text.to_owned(), ..Text::default() };
        let zones = Zones::new(&text, &[]);
        let mut at = 0;
        let mut out = String::new();
        for line in text.text.split_inclusive('\n') {
            let sign = match zones.at(at) {
                Zone::New => "n".to_owned(),
                Zone::Signature => "s".to_owned(),
                Zone::Disclaimer => "d".to_owned(),
                Zone::Quote { author: None } => "q".to_owned(),
                Zone::Quote { author: Some(author) } => author.local_part().to_owned(),
            };
            if !line.trim().is_empty() {
                out += &sign;
            }
            at += line.len();
        }
        out
    }

    #[test]
    fn whose_words_a_line_is() {
        for (text, expected) in [
            ("Hoi\n\nTot morgen", "nn"),
            ("Goed!\n\nOp 3 mei 2024 om 10:02 schreef Kim <k@x.example>:\n\n> Hoi\n> dag\nnog iets\n> meer", "nnkknk"),
            ("Ja\n\nOp 3 mei 2024 om 10:02 heeft Kim <k@x.example> het volgende geschreven:\nHoi\ndag", "nkkk"),
            ("Ja\n\nOn Wed, 13 Nov 2024 at 15:20, Kim Vos <\nk@x.example> wrote:\n> Hoi\n>> o ja\n> dag", "nnnkqk"),
            ("Ja\n> On 3 May 2024 Bo <b@x.example> wrote:\n>> Hoi\n> dag\nnee", "nqbqn"),
            (
                "Ja\n\nVan: Kim <k@x.example>\nVerzonden: maandag 3 mei 2024 10:02\nAan: Bo\nOnderwerp: dag\n\nHoi\n\nFrom: \
                 Bo\nSent: 3 May\nTo: Kim\n\nHallo",
                "nkkkkkqqqq",
            ),
            (
                "Zie onder\n\n-----Oorspronkelijk bericht-----\nVan: Kim [mailto:k@x.example]\nDatum: 3 mei\n\nHoi",
                "nqkkk",
            ),
            ("---------- Forwarded message ---------\nVan: Kim <k@x.example>\nDate: 3 mei\nSubject: x\n\nHoi", "qkkkk"),
            ("> Van: Kim <k@x.example>\n> Aan: Bo\n> Onderwerp: x\n>\n> Hoi", "kkkkk"),
            ("Van: Utrecht\nnaar Zwolle", "nn"),
            ("Op 3 mei schreef de inspectie dat het goed is.\nDag", "nn"),
            ("Dag\n-- \nKim Vos\nDe Berk\n013-5550000", "nnsss"),
            ("Dag\n\nMet vriendelijke groet,\n\nKim Vos\nleerkracht groep 3\n\nPS Daan is ziek", "nnssn"),
            ("| hoi\n| dag\nnee", "qqn"),
            ("| a | b |\n| c | d |", "nn"),
            ("Van: Kim <k@x.example>, Bo <b@x.example>\nVerzonden: nu\nAan: wie\n\nHoi", "qqqq"),
        ] {
            assert_eq!(zones(text), expected, "{text}");
        }
    }

    #[test]
    fn a_disclaimer_is_what_has_its_words() {
        let text = "Hoi, dit is vertrouwelijk.\n\nKim\n\nDe informatie in dit e-mailbericht is vertrouwelijk en\n\
                    uitsluitend bestemd voor de geadresseerde. Wij zijn niet\naansprakelijk.\n\nPS dag";
        assert_eq!(zones(text), "nndddn");
        assert_eq!(zones("De afzender is vertrouwelijk."), "n");
    }

    #[test]
    fn an_attached_message_is_a_quote_of_who_sent_it() {
        let within = vec!["a.eml".to_owned()];
        let writers = [Writer { within: within.clone(), address: "Kim <k@x.example>".to_owned() }];
        let zone = |within: Vec<String>, spot| {
            let text =
                Text { place: Place { within, spot, ..Place::default() }, text: "Hoi".into(), cells: Vec::new() };
            Zones::new(&text, &writers).at(0).clone()
        };
        let kim = Zone::Quote { author: Some(Arc::new(Mailbox::parse("k@x.example").unwrap())) };
        assert_eq!(zone(within.clone(), Spot::Subject), kim);
        assert_eq!(zone(within, Spot::Attachment("a.csv".into())), kim);
        assert_eq!(zone(vec!["b.zip".into()], Spot::Attachment("a.csv".into())), Zone::New);
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        for line in [
            "> > > > > ",
            "Op 3 schreef\n",
            "Van: a\n",
            "vertrouwelijk geadresseerde dit bericht\n\n",
            "-- \n",
            "groet\n",
        ] {
            let text = Text { text: line.repeat(50_000), ..Text::default() };
            Zones::new(&text, &[]).at(1);
        }
    }
}
