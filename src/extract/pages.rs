//! Pictures that may show text, on their way to whoever recognises it, and what comes back.
//!
//! Only what may hold text goes: scans, screens, and photos that are large enough for a sheet of paper. What a picture
//! asks for is known from its header, before a pixel is decoded. A part stops being unread only when all of it was
//! read, and read well: a doubtful reading gives its sure words and leaves the part unread. Cannot fail.

use std::fmt;

use super::{Cell, Layer, Place, Section, Spot, Text, Texts, Unread, Why, document, picture};
use crate::message::Limits;

/// Recognises text in pictures.
pub trait Recognition {
    /// The words of each picture, in their order; none for one that could not be read. Cannot fail.
    fn recognise(&self, pictures: &[&Picture]) -> Vec<Option<Vec<Word>>>;
}

/// A picture that may show text, as a file of its own.
pub struct Picture {
    octets: Vec<u8>,
    /// Pages that it has, at least 1.
    pages: usize,
    rank: Rank,
}

/// Which pictures go first when not all can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A page of text, as far as its header tells.
    Scan,
    /// Drawn or of a screen.
    Plain,
    /// A photo, which may be one of a paper.
    Photo,
}

/// A word that was recognised, with the box around it in pixels from the upper left corner.
#[derive(Clone, PartialEq)]
pub struct Word {
    /// The word.
    pub text: String,
    /// How sure it is, from 0 to 100.
    pub confidence: f32,
    /// The page of the picture, counted from 1.
    pub page: u32,
    /// The line on the page, as the recogniser counts.
    pub line: u32,
    /// From the left.
    pub left: i32,
    /// From the top.
    pub top: i32,
    /// Its width.
    pub width: i32,
    /// Its height.
    pub height: i32,
}

/// What a picture shows is content.
impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({:?}, {} pages, {} octets)", self.rank, self.pages, self.octets.len())
    }
}

/// What it says is content.
impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({} octets at {}, {})", self.text.len(), self.left, self.top)
    }
}

impl Picture {
    /// A picture of which the header promises text that fits the limits; `why` is what it is unread for now.
    pub fn of(octets: &[u8], why: Why, limits: &Limits) -> Option<Self> {
        let (pages, rank) = Self::looked_at(octets, why, limits)?;
        Some(Self { octets: octets.to_vec(), pages, rank })
    }

    /// The same of octets that are nobody else's.
    pub fn new(octets: Vec<u8>, why: Why, limits: &Limits) -> Option<Self> {
        let (pages, rank) = Self::looked_at(&octets, why, limits)?;
        Some(Self { octets, pages, rank })
    }

    /// Whether it would be one.
    pub(super) fn may_show_text(octets: &[u8], why: Why, limits: &Limits) -> bool {
        Self::looked_at(octets, why, limits).is_some()
    }

    /// Pages and rank, before anything is copied.
    fn looked_at(octets: &[u8], why: Why, limits: &Limits) -> Option<(usize, Rank)> {
        let size = picture::size(octets)?;
        let rank = match why {
            Why::ScanWithoutOcr => Rank::Scan,
            Why::Media if size.may_be_paper => {
                if size.is_plain {
                    Rank::Plain
                } else {
                    Rank::Photo
                }
            }
            _ => return None,
        };
        let fits = size.pixels <= limits.picture_pixels && size.pages <= limits.pictures;
        (fits && octets.len() <= limits.picture_bytes).then_some((size.pages.max(1), rank))
    }

    /// The file: PNG, JPEG, TIFF, GIF, BMP, WebP or JPEG 2000.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Which goes first.
    pub fn rank(&self) -> Rank {
        self.rank
    }
}

/// A part that is unread, and the pictures in which it can be read.
#[derive(Debug)]
pub struct Pictured {
    /// The part, as in its [`Unread`].
    pub place: Place,
    /// Why it is unread.
    pub why: Why,
    /// The pictures, in their order.
    pub pictures: Vec<Picture>,
    /// Whether these are all that it has.
    pub whole: bool,
}

/// How many pictures may still go along: pages and octets, of scans and of all others. A hundred photos take no scan's
/// room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    scans: (usize, usize),
    others: (usize, usize),
}

impl Room {
    pub(super) fn new(limits: &Limits) -> Self {
        let each = (limits.pictures, limits.picture_bytes / 2);
        Self { scans: each, others: each }
    }

    /// Whether this one goes along.
    pub(super) fn takes(&mut self, picture: &Picture) -> bool {
        let (pages, octets) = if picture.rank == Rank::Scan { &mut self.scans } else { &mut self.others };
        match (pages.checked_sub(picture.pages), octets.checked_sub(picture.octets.len())) {
            (Some(pages_left), Some(octets_left)) => {
                (*pages, *octets) = (pages_left, octets_left);
                true
            }
            _ => false,
        }
    }
}

/// A message that is read but for its pictures.
#[derive(Default)]
pub struct Read {
    pub(super) texts: Texts,
    pub(super) pictured: Vec<Pictured>,
    /// Pages that may be recognised of it.
    pub(super) pages: usize,
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("texts", &self.texts).field("pictured", &self.pictured).finish()
    }
}

impl Read {
    /// Whether there are pictures in which text is to be recognised.
    pub fn has_pictures(&self) -> bool {
        !self.pictured.is_empty()
    }

    /// Whether one of them is a page of text, by its looks: what policy stops when nobody reads it.
    pub fn has_scans(&self) -> bool {
        self.pictured.iter().any(|part| part.why == Why::ScanWithoutOcr)
    }

    /// What was read, with the pictures unread.
    pub fn without_pictures(self) -> Texts {
        self.texts
    }

    /// Has text recognised in the pictures, and puts it where they stood.
    pub fn recognise(self, recognition: &dyn Recognition) -> Texts {
        let Self { mut texts, pictured, pages } = self;
        let mut asked: Vec<(Rank, usize, usize)> = Vec::new();
        for (part, pictured) in pictured.iter().enumerate() {
            asked.extend(pictured.pictures.iter().enumerate().map(|(index, picture)| (picture.rank, part, index)));
        }
        asked.sort();
        let mut left = pages;
        let picture = |part: usize, index: usize| pictured.get(part).and_then(|part| part.pictures.get(index));
        asked.retain(|(_, part, index)| {
            let after = picture(*part, *index).and_then(|picture| left.checked_sub(picture.pages));
            left = after.unwrap_or(left);
            after.is_some()
        });
        let pictures: Vec<&Picture> = asked.iter().filter_map(|(_, part, index)| picture(*part, *index)).collect();
        let mut answers: Vec<(usize, usize, Option<Vec<Word>>)> = asked
            .iter()
            .zip(recognition.recognise(&pictures))
            .map(|((_, part, index), answer)| (*part, *index, answer))
            .collect();
        answers.sort_by_key(|(part, index, _)| (*part, *index));
        let mut answers = answers.into_iter().peekable();
        for (number, part) in pictured.iter().enumerate() {
            let mut own = Vec::new();
            while let Some((_, _, answer)) = answers.next_if(|(part, ..)| *part == number) {
                own.push(answer);
            }
            put(&mut texts, part, own);
        }
        texts
    }
}

/// Puts what was recognised of one part in its place.
fn put(texts: &mut Texts, part: &Pictured, answers: Vec<Option<Vec<Word>>>) {
    let mut is_read = part.whole && answers.len() == part.pictures.len();
    let (mut text, mut cells) = (String::new(), Vec::new());
    for answer in answers {
        let reading = answer.map(|words| Reading::of(words, part.why));
        is_read &= reading.as_ref().is_some_and(|reading| reading.is_sure);
        if let Some(reading) = reading {
            append(&mut text, &mut cells, reading);
        }
    }
    let found = !text.trim().is_empty();
    if found {
        let place =
            Place { section: Section { layer: Layer::Ocr, ..part.place.section.clone() }, ..part.place.clone() };
        texts.texts.insert(behind(texts, &part.place), Text { place, text, cells });
    }
    for receipt in texts.receipts.iter_mut().filter(|receipt| covers(&receipt.place, &part.place)) {
        receipt.read |= found;
        if is_read && let Some(at) = receipt.unread.iter().position(|why| *why == part.why) {
            receipt.unread.remove(at);
        }
    }
    if is_read {
        texts.unread.retain(|unread| *unread != Unread { place: part.place.clone(), why: part.why });
    }
}

/// Where the text of a part belongs among the others: behind the last one of the same file, or its name.
fn behind(texts: &Texts, place: &Place) -> usize {
    let name = match &place.spot {
        Spot::Attachment(name) => name,
        _ => "",
    };
    let near = |text: &Text| {
        text.place.within == place.within
            && (text.place.spot == place.spot || matches!(&text.place.spot, Spot::FileName(other) if other == name))
    };
    texts.texts.iter().rposition(near).map_or(texts.texts.len(), |at| at + 1)
}

/// Whether a line of the receipt speaks of a part: of itself, or of a file around it.
fn covers(receipt: &Place, part: &Place) -> bool {
    let itself = receipt.within == part.within && receipt.spot == part.spot;
    let around = match &receipt.spot {
        Spot::Attachment(name) => {
            part.within.starts_with(&receipt.within) && part.within.get(receipt.within.len()) == Some(name)
        }
        _ => false,
    };
    itself || around
}

fn append(text: &mut String, cells: &mut Vec<Cell>, reading: Reading) {
    let (start, tables) = (text.len(), cells.last().map_or(0, |cell: &Cell| cell.table + 1));
    text.push_str(&reading.text);
    cells.extend(reading.cells.into_iter().map(|cell| Cell {
        table: cell.table.saturating_add(tables),
        range: cell.range.start + start..cell.range.end + start,
        ..cell
    }));
}

/// What was recognised in one picture.
struct Reading {
    text: String,
    cells: Vec<Cell>,
    is_sure: bool,
}

/// Typed pages come out above 85, what is turned, written by hand or no text at all below 60 (measured on ours, with
/// Tesseract 5.3).
const SURE: f32 = 60.0;
/// Words and octets of one picture: more than the densest page has.
const WORDS: usize = 50_000;
const OCTETS: usize = 1 << 20;

impl Reading {
    fn of(mut words: Vec<Word>, why: Why) -> Self {
        words.truncate(WORDS);
        let mut text_left = OCTETS;
        words.retain(|word| {
            let left = text_left.checked_sub(word.text.len());
            text_left = left.unwrap_or(text_left);
            left.is_some() && !word.text.trim().is_empty()
        });
        let is_sure = match confidence(&words) {
            Some(confidence) => confidence >= SURE,
            // The back of a sheet has no words, and is read. A photo without words may show what nobody can read so.
            None => why == Why::ScanWithoutOcr,
        };
        if !is_sure {
            words.retain(|word| word.confidence >= SURE);
        }
        let (mut text, mut cells) = (String::new(), Vec::new());
        for words in words.chunk_by(|a, b| a.page == b.page) {
            let (page, own) = document::placed(&upright(words));
            append(&mut text, &mut cells, Self { text: page, cells: own, is_sure });
        }
        Self { text: super::line_ends(text), cells, is_sure }
    }
}

/// The confidence of all words together, longer ones for more; none without a letter or figure.
pub fn confidence(words: &[Word]) -> Option<f32> {
    let (mut sum, mut all) = (0.0f32, 0.0f32);
    for word in words {
        let letters = word.text.chars().filter(|c| c.is_alphanumeric()).take(40).count() as f32;
        sum += letters * word.confidence.clamp(0.0, 100.0);
        all += letters;
    }
    (all > 0.0).then(|| sum / all)
}

/// Whether what was recognised is good enough for the picture to count as read.
pub fn is_sure(words: &[Word]) -> bool {
    confidence(words).is_some_and(|confidence| confidence >= SURE)
}

/// The words of a page that lies on its side or its head, as if it stood: where the next word of a line is tells.
fn upright(words: &[Word]) -> Vec<Word> {
    let (mut across, mut down) = (0i64, 0i64);
    for pair in words.windows(2) {
        let [a, b] = pair else { continue };
        if a.line == b.line {
            across += i64::from(b.left) - i64::from(a.left);
            down += i64::from(b.top) - i64::from(a.top);
        }
    }
    let turn = |word: &Word| {
        let Word { left, top, width, height, .. } = *word;
        let (right, bottom) = (left.saturating_add(width), top.saturating_add(height));
        let (left, top, width, height) = match (across.abs() >= down.abs(), across >= 0, down >= 0) {
            (true, true, _) => (left, top, width, height),
            (true, false, _) => (right.saturating_neg(), bottom.saturating_neg(), width, height),
            (false, _, true) => (top, right.saturating_neg(), height, width),
            (false, _, false) => (bottom.saturating_neg(), left, height, width),
        };
        Word { left, top, width, height, ..word.clone() }
    };
    words.iter().map(turn).collect()
}
