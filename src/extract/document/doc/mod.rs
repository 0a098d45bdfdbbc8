//! Word's binary format (MS-DOC; Word 6 and 95 as far as their text goes) -> the texts of its sub-documents.
//!
//! The text stands in pieces, the properties of characters and paragraphs in pages of their own. Counts and offsets
//! are taken as far as they lead to octets. Never reads macros. What is locked, cut off or lost is said.

mod marks;
mod pieces;
mod stories;

use super::codepage::{CodePage, utf16};
use super::compound::{Storage, code_page, words};
use super::drawing::Drawings;
use super::octets::{piece, rest, size_at, u8_at, u16_at, u32_at};
use super::{Sink, lock};
use crate::extract::{Layer, Why};
use marks::Marks;

/// Places of tables in the header (2.5.6): the index of their offset and size.
const PLACES: usize = 154;
/// Octets of the header that are never locked (2.2.6.2).
const OPEN: usize = 0x44;
const CHARACTER_PAGES: usize = 12;
const PARAGRAPH_PAGES: usize = 13;
const PIECES: usize = 33;
const COMMENT_AUTHORS: usize = 36;
const DRAWINGS: usize = 50;

/// The sub-documents in the order of their text (2.3), and the layer of each.
const SUB_DOCUMENTS: [Layer; 8] = [
    Layer::Body,
    Layer::Note,
    Layer::Margin,
    Layer::Hidden,
    Layer::Comment,
    Layer::Note,
    Layer::TextBox,
    Layer::TextBox,
];

/// What the header says (2.5.1).
struct Header {
    /// Word 6 and 95: no table stream, one octet a character.
    is_old: bool,
    /// Word 95 for languages with many characters: two octets a character.
    is_wide: bool,
    is_locked: bool,
    table: &'static str,
    /// The code page of octets.
    page: CodePage,
    /// Where the text of old documents stands.
    text: (usize, usize),
    /// Characters in each sub-document.
    counts: [usize; 8],
}

/// A document's streams.
struct Streams {
    main: Vec<u8>,
    table: Vec<u8>,
    data: Vec<u8>,
}

pub(super) fn read(at: Storage<'_>, sink: &mut Sink<'_, '_>) {
    let Some(main) = at.stream("WordDocument") else { return sink.unread(Why::Damaged) };
    let Some(mut header) = header(&main, code_page(at)) else { return sink.unread(Why::Damaged) };
    let table = if header.is_old { None } else { at.stream(header.table) };
    let mut streams = Streams { main, table: table.unwrap_or_default(), data: at.stream("Data").unwrap_or_default() };
    if header.is_locked {
        match streams.unlocked(&header, sink).and_then(|open| Some((self::header(&open.main, code_page(at))?, open))) {
            Some(opened) => (header, streams) = opened,
            None => return sink.unread(Why::Encrypted),
        }
    }
    let marks = Marks::read(&streams, &header);
    let units = match pieces::read(&streams, &header, &marks) {
        Some(units) => units,
        None => {
            // Without its pieces the text has no order, but it is there.
            sink.text(Layer::Body, words(&streams.main), Vec::new());
            return sink.unread(Why::Damaged);
        }
    };
    stories(&units, &header, &streams, sink);
    drawings(&streams, &header, &marks, sink);
}

fn header(main: &[u8], title_page: Option<u32>) -> Option<Header> {
    let (mark, version, flags) = (u16_at(main, 0)?, u16_at(main, 2)?, u16_at(main, 10)?);
    // Word 97 is 0xC1; what wrote 0x69 and less is Word 95 or Word 6.
    let is_old = mark == 0xA5DC || version <= 0x6A;
    let first = if is_old { 0x34 } else { 0x4C };
    let count = |index: usize| size_at(main, first + 4 * index).unwrap_or(0);
    Some(Header {
        is_old,
        is_wide: is_old && flags & 0x1000 != 0,
        is_locked: flags & 0x0100 != 0,
        table: if flags & 0x0200 != 0 { "1Table" } else { "0Table" },
        page: if is_old { old_page(main, title_page) } else { CodePage::WESTERN },
        text: (size_at(main, 0x18)?, size_at(main, 0x1C)?),
        counts: std::array::from_fn(count),
    })
}

/// The code page of a document in octets. A Mac says so; otherwise the title is written in the code page of the machine
/// more often than the language is set.
fn old_page(main: &[u8], title_page: Option<u32>) -> CodePage {
    let is_mac = u16_at(main, 0x14) == Some(256);
    match title_page {
        _ if is_mac => CodePage::of(10000),
        Some(page) if page != 1252 => CodePage::of(page),
        _ => CodePage::of_language(u16_at(main, 6).unwrap_or(0)),
    }
}

impl Streams {
    /// The streams below their lock, if a password of the message opens it.
    fn unlocked(&self, header: &Header, sink: &mut Sink<'_, '_>) -> Option<Self> {
        // What is only obfuscated says so.
        if header.is_old || u16_at(&self.main, 10)? & 0x8000 != 0 {
            return None;
        }
        let lock = lock::document(&self.table, sink)?;
        if !sink.may_unpack(self.main.len().saturating_add(self.table.len()).saturating_add(self.data.len())) {
            return None;
        }
        let [main, table, data] =
            [(&self.main, OPEN), (&self.table, 0), (&self.data, 0)].map(|(stream, open)| lock.stream(stream, open));
        Some(Self { main, table, data })
    }

    /// A table of the header, by its index; empty when the header does not lead to one.
    fn table(&self, index: usize) -> &[u8] {
        let at = PLACES + 8 * index;
        let (Some(offset), Some(size)) = (size_at(&self.main, at), size_at(&self.main, at + 4)) else { return &[] };
        if usize::from(u16_at(&self.main, PLACES - 2).unwrap_or(0)) <= index {
            return &[];
        }
        piece(&self.table, offset, size).unwrap_or(rest(&self.table, offset, size))
    }
}

/// Writes each sub-document to the sink, and what of it is deleted or hidden.
fn stories(units: &pieces::Units, header: &Header, streams: &Streams, sink: &mut Sink<'_, '_>) {
    let mut hidden = stories::Hidden::default();
    let mut from = 0usize;
    for (index, (layer, count)) in SUB_DOCUMENTS.into_iter().zip(header.counts).enumerate() {
        // A lost count of the last ones is no reason to lose their text.
        let is_last = index + 1 == SUB_DOCUMENTS.len();
        let to = if is_last { units.len() } else { from.saturating_add(count).min(units.len()) };
        let mut story = stories::read(units, from..to, &mut hidden);
        if layer == Layer::Comment && !story.is_empty() {
            comment_authors(streams.table(COMMENT_AUTHORS)).for_each(|author| story.behind(&author));
        }
        let (text, cells) = story.finish();
        sink.text(layer, text, cells);
        from = to;
    }
    sink.text(Layer::Deleted, hidden.deleted, Vec::new());
    sink.text(Layer::Hidden, hidden.hidden, Vec::new());
}

/// The names of those who commented (2.9.113).
fn comment_authors(table: &[u8]) -> impl Iterator<Item = String> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let size = usize::from(u16_at(table, at)?) * 2;
        let name = piece(table, at + 2, size)?;
        at += 2 + size;
        Some(utf16(name))
    })
}

/// Shapes, the pictures they show, pictures in the text and the fields of forms.
fn drawings(streams: &Streams, header: &Header, marks: &Marks, sink: &mut Sink<'_, '_>) {
    let mut drawings = Drawings::default();
    let mut fields = String::new();
    if !header.is_old {
        let table = streams.table(DRAWINGS);
        drawings.read(table, sink);
        for place in picture_places(table) {
            let octets = streams.main.get(place..).unwrap_or_default();
            if let Some(record) = super::drawing::Record::at(octets, 0) {
                drawings.atom(record, sink);
            }
        }
    }
    for &place in &marks.pictures {
        let Some(size) = size_at(&streams.data, place) else { continue };
        let octets = rest(&streams.data, place, size);
        let head = usize::from(u16_at(octets, 4).unwrap_or(0));
        let content = octets.get(head..).unwrap_or_default();
        if u32_at(content, 0) == Some(u32::MAX) {
            // A form's field (2.9.78): name, default, choices and help.
            fields.push_str(&words(content));
            continue;
        }
        // A picture that is linked to has its name before it (2.9.192).
        let name = if u16_at(octets, 6) == Some(0x66) { 1 + usize::from(u8_at(content, 0).unwrap_or(0)) } else { 0 };
        drawings.read(content.get(name..).unwrap_or_default(), sink);
    }
    drawings.finish(sink);
    sink.text(Layer::Field, fields, Vec::new());
}

/// Where the main stream holds the pictures of shapes: the entries of the store say so (MS-ODRAW 2.2.32).
fn picture_places(table: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(record) = super::drawing::Record::at(table, at) {
        at += match record.kind {
            0xF007 => {
                places.extend(size_at(record.content, 28).filter(|&place| place != u32::MAX as usize));
                record.size
            }
            0xF000..=0xF1FF if record.is_container => 8,
            0xF000..=0xF1FF => record.size,
            _ => 1,
        };
    }
    places.sort_unstable();
    places.dedup();
    places
}
