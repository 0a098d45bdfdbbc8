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
    density: u32,
    is_blank: bool,
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
        let (size, rank) = Self::looked_at(octets, why, limits)?;
        Some(Self::sized(octets.to_vec(), size, rank))
    }

    /// The same of octets that are nobody else's.
    pub fn new(octets: Vec<u8>, why: Why, limits: &Limits) -> Option<Self> {
        let (size, rank) = Self::looked_at(&octets, why, limits)?;
        Some(Self::sized(octets, size, rank))
    }

    fn sized(octets: Vec<u8>, size: picture::Size, rank: Rank) -> Self {
        Self { octets, pages: size.pages, density: size.density, is_blank: size.is_blank, rank }
    }

    /// Whether it would be one.
    pub(super) fn may_show_text(octets: &[u8], why: Why, limits: &Limits) -> bool {
        Self::looked_at(octets, why, limits).is_some()
    }

    /// Size and rank, before anything is copied.
    fn looked_at(octets: &[u8], why: Why, limits: &Limits) -> Option<(picture::Size, Rank)> {
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
        (fits && octets.len() <= limits.picture_bytes).then_some((size, rank))
    }

    /// The file: PNG, JPEG, TIFF, GIF, BMP, WebP or JPEG 2000.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Pixels an inch, if it is a sheet of paper.
    pub fn density(&self) -> u32 {
        self.density
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
        let mut answers: Vec<Answered> = asked
            .iter()
            .zip(recognition.recognise(&pictures))
            .map(|((_, part, index), answer)| (*part, *index, answer))
            .collect();
        answers.sort_by_key(|(part, index, _)| (*part, *index));
        let mut answers = answers.into_iter().peekable();
        for (number, part) in pictured.iter().enumerate() {
            let mut own = Vec::new();
            while let Some((_, index, answer)) = answers.next_if(|(part, ..)| *part == number) {
                own.extend(part.pictures.get(index).map(|picture| (picture, answer)));
            }
            put(&mut texts, part, own);
        }
        texts
    }
}

/// The numbers of a part and of a picture in it, and what was recognised.
type Answered = (usize, usize, Option<Vec<Word>>);

/// Puts what was recognised of one part in its place.
fn put(texts: &mut Texts, part: &Pictured, answers: Vec<(&Picture, Option<Vec<Word>>)>) {
    let mut is_read = part.whole && answers.len() == part.pictures.len();
    let (mut text, mut cells) = (String::new(), Vec::new());
    for (picture, answer) in answers {
        let reading = answer.map(|words| Reading::of(words, picture));
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
    fn of(mut words: Vec<Word>, picture: &Picture) -> Self {
        words.truncate(WORDS);
        let mut text_left = OCTETS;
        words.retain(|word| {
            let left = text_left.checked_sub(word.text.len());
            text_left = left.unwrap_or(text_left);
            left.is_some() && !word.text.trim().is_empty()
        });
        let is_sure = match confidence(&words) {
            Some(confidence) => confidence >= SURE,
            // The back of a sheet has no words, and is read. Anything else without words may show a handwriting.
            None => picture.rank == Rank::Scan && picture.is_blank,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, confidence: f32, line: u32, left: i32, top: i32) -> Word {
        Word { text: text.to_string(), confidence, page: 1, line, left, top, width: 80, height: 30 }
    }

    fn picture(rank: Rank, is_blank: bool) -> Picture {
        Picture { octets: vec![1; 10], pages: 1, density: 300, is_blank, rank }
    }

    #[test]
    fn only_what_is_sure_is_read() {
        let sure = [word("Burgerservicenummer", 95.0, 1, 10, 10), word("~", 3.0, 1, 100, 10)];
        let doubtful = [word("Bvrgrsrv", 40.0, 1, 10, 10), word("BSN", 80.0, 1, 100, 10)];
        for (words, rank, is_blank, expected) in [
            (&sure[..], Rank::Scan, false, ("Burgerservicenummer ~\n", true)),
            (&sure[..], Rank::Photo, false, ("Burgerservicenummer ~\n", true)),
            (&doubtful[..], Rank::Scan, false, ("BSN\n", false)),
            (&[][..], Rank::Scan, true, ("", true)),
            (&[][..], Rank::Scan, false, ("", false)),
            (&[][..], Rank::Photo, true, ("", false)),
            (&sure[1..], Rank::Scan, false, ("", false)),
        ] {
            let reading = Reading::of(words.to_vec(), &picture(rank, is_blank));
            assert_eq!((reading.text.as_str(), reading.is_sure), expected, "{rank:?} {is_blank}");
        }
    }

    /// A page of two lines that lies on each of its sides.
    #[test]
    fn pages_are_turned_upright() {
        let page = [("een", 1, 0, 0), ("twee", 1, 100, 0), ("drie", 2, 0, 60), ("vier", 2, 100, 60)];
        type Turn = fn(i32, i32) -> (i32, i32);
        let turns: [Turn; 4] = [|x, y| (x, y), |x, y| (-x, -y), |x, y| (-y, x), |x, y| (y, -x)];
        for (turn, place) in turns.iter().enumerate() {
            let lies = turn > 1;
            let words: Vec<Word> = page
                .iter()
                .map(|&(text, line, x, y)| {
                    let (left, top) = place(x, y);
                    let (width, height) = if lies { (30, 80) } else { (80, 30) };
                    Word { width, height, ..word(text, 90.0, line, left + 1_000, top + 1_000) }
                })
                .collect();
            let reading = Reading::of(words, &picture(Rank::Scan, false));
            assert_eq!(reading.text.split_whitespace().collect::<Vec<_>>(), ["een", "twee", "drie", "vier"], "{turn}");
            assert_eq!(reading.text.trim().lines().count(), 2, "{turn}: {}", reading.text);
        }
    }

    struct Says(Vec<Option<&'static str>>);

    impl Recognition for Says {
        fn recognise(&self, pictures: &[&Picture]) -> Vec<Option<Vec<Word>>> {
            assert!(pictures.is_sorted_by_key(|picture| picture.rank));
            let said = self.0.iter().take(pictures.len());
            said.map(|text| text.map(|text| vec![word(text, 90.0, 1, 0, 0)])).collect()
        }
    }

    fn place(name: &str) -> Place {
        Place { spot: Spot::Attachment(name.to_string()), ..Place::default() }
    }

    fn unread(names: &[(&str, Why)]) -> Texts {
        let unread: Vec<Unread> = names.iter().map(|&(name, why)| Unread { place: place(name), why }).collect();
        Texts { unread, ..Texts::default() }
    }

    #[test]
    fn a_part_is_read_when_all_of_it_is() {
        let part = |name: &str, pictures: usize, whole: bool| {
            let pictures = (0..pictures).map(|_| picture(Rank::Scan, false)).collect();
            Pictured { place: place(name), why: Why::ScanWithoutOcr, pictures, whole }
        };
        let names = ["a", "b", "c", "d"].map(|name| (name, Why::ScanWithoutOcr));
        let pictured = vec![part("a", 2, true), part("b", 2, true), part("c", 1, false), part("d", 1, true)];
        let read = Read { texts: unread(&names), pictured, pages: 5 };
        assert!(read.has_scans());
        let texts =
            read.recognise(&Says(vec![Some("een"), Some("twee"), Some("drie"), None, Some("vier"), Some("vijf")]));
        let found: Vec<(String, String)> =
            texts.texts.iter().map(|text| (text.place.path(), text.text.trim().replace('\n', " "))).collect();
        let expected = [("att:a", "een twee"), ("att:b", "drie"), ("att:c", "vier")];
        assert_eq!(found, expected.map(|(place, text)| (place.to_string(), text.to_string())));
        // The second picture of b was not read, c has more than these, and d is beyond the budget.
        let left: Vec<String> = texts.unread.iter().map(|unread| unread.place.path()).collect();
        assert_eq!(left, ["att:b", "att:c", "att:d"]);
    }

    #[test]
    fn scans_go_before_photos() {
        let part = |name: &str, why, rank| Pictured {
            place: place(name),
            why,
            pictures: vec![picture(rank, false)],
            whole: true,
        };
        let (photo, scan) = (part("a", Why::Media, Rank::Photo), part("b", Why::ScanWithoutOcr, Rank::Scan));
        let texts = unread(&[("a", Why::Media), ("b", Why::ScanWithoutOcr)]);
        let texts = Read { texts, pictured: vec![photo, scan], pages: 1 }.recognise(&Says(vec![Some("een")]));
        assert_eq!(texts.unread, [Unread { place: place("a"), why: Why::Media }]);
    }

    #[test]
    fn a_hundred_photos_take_no_scans_room() {
        let mut room = Room::new(&Limits { pictures: 3, picture_bytes: 50, ..Limits::default() });
        let photos = (0..100).filter(|_| room.takes(&picture(Rank::Photo, false))).count();
        // By their octets.
        assert_eq!((photos, room.takes(&picture(Rank::Scan, false))), (2, true));
    }
}
