//! PowerPoint's binary format (MS-PPT) -> slide by slide what is on it, its notes and its comments.
//!
//! What the last save left behind is read, by the directory of what is alive; without a directory, everything that is
//! there, in order. Prompts of masters are no text. Never reads macros.

mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::Sink;
use super::compound::{Storage, words};
use super::drawing::{Drawings, Record};
use super::octets::{size_at, u32_at};
use crate::extract::{Layer, Section, Unit, Why};
use page::{Page, Reader};

/// Records (2.13.24).
const DOCUMENT: u16 = 0x03E8;
const SLIDE: u16 = 0x03EE;
const NOTES: u16 = 0x03F0;
const MASTER: u16 = 0x03F8;
const HANDOUT: u16 = 0x0FC9;
const SLIDE_LIST: u16 = 0x0FF0;
const SLIDE_PERSIST: u16 = 0x03F3;
const OBJECT: u16 = 0x1011;
const USER_EDIT: u16 = 0x0FF5;
const DIRECTORY: u16 = 0x1772;
const CRYPT_SESSION: u16 = 0x2F14;
/// What the user's stream says of a locked presentation (2.3.2).
const LOCKED: u32 = 0xF3D1_C4DF;
/// More saves than a file keeps.
const MOST_EDITS: usize = 1_000;
/// More slides, notes and objects than a presentation has.
const MOST_OBJECTS: usize = 100_000;

/// A slide as the list of slides names it, with the texts of its outline.
struct Listed {
    persist: u32,
    id: u32,
    outline: Vec<String>,
}

pub(super) fn read(at: Storage<'_>, sink: &mut Sink<'_, '_>) {
    let Some(stream) = at.stream("PowerPoint Document") else { return sink.unread(Why::Damaged) };
    let user = at.stream("Current User").unwrap_or_default();
    if u32_at(&user, 12) == Some(LOCKED) {
        return sink.unread(Why::Encrypted);
    }
    let mut drawings = Drawings::default();
    let directory = size_at(&user, 16).map(|edit| directory(&stream, edit)).unwrap_or_default();
    let mut objects: Vec<(usize, Record<'_>)> =
        directory.values().filter_map(|&at| Some((at, Record::at(&stream, at)?))).collect();
    if !is_whole(&objects, &directory) {
        objects = top_level(&stream);
    }
    if !objects.iter().any(|(_, object)| object.kind == DOCUMENT) {
        // Its records cannot be followed, but its words are there.
        sink.text(Layer::Body, words(&stream), Vec::new());
        sink.unread(Why::Damaged);
    }
    if objects.iter().any(|(_, object)| object.kind == CRYPT_SESSION) {
        return sink.unread(Why::Encrypted);
    }
    objects.sort_unstable_by_key(|(at, _)| *at);
    objects.dedup_by_key(|(at, _)| *at);
    let mut deck = Deck { reader: Reader::new(&mut drawings), left: stream.len().saturating_mul(2), objects: 0 };
    deck.read(&objects, &directory, sink);
    if let Some(pictures) = at.stream("Pictures") {
        drawings.read(&pictures, sink);
    }
    drawings.finish(sink);
}

/// Whether there is a document, and every slide that it lists.
fn is_whole(objects: &[(usize, Record<'_>)], directory: &BTreeMap<u32, usize>) -> bool {
    let (mut slides, mut notes) = (Vec::new(), Vec::new());
    let documents = objects.iter().filter(|(_, object)| object.kind == DOCUMENT);
    let found = documents.map(|(_, object)| lists(object.content, &mut slides, &mut notes)).count() > 0;
    let places: BTreeSet<usize> =
        objects.iter().filter(|(_, object)| object.kind == SLIDE).map(|(place, _)| *place).collect();
    found && slides.iter().all(|slide| directory.get(&slide.persist).is_some_and(|place| places.contains(place)))
}

/// Where the living objects are, by their number: the newest save wins (2.1.2).
fn directory(stream: &[u8], edit: usize) -> BTreeMap<u32, usize> {
    let mut places = BTreeMap::new();
    let mut edit = edit;
    for _ in 0..MOST_EDITS {
        let Some(record) = Record::at(stream, edit).filter(|record| record.kind == USER_EDIT) else { break };
        if let Some(list) = size_at(record.content, 12).and_then(|at| Record::at(stream, at))
            && list.kind == DIRECTORY
        {
            entries(list.content, &mut places);
        }
        match size_at(record.content, 8) {
            // Each save stands behind the one before it.
            Some(before) if before > 0 && before < edit => edit = before,
            _ => break,
        }
    }
    places
}

/// Runs of numbers with a place for each (2.3.5).
fn entries(list: &[u8], places: &mut BTreeMap<u32, usize>) {
    let mut at = 0;
    while let Some(head) = u32_at(list, at) {
        at += 4;
        for index in 0..head >> 20 {
            let Some(place) = size_at(list, at) else { return };
            if places.len() >= MOST_OBJECTS {
                return;
            }
            places.entry((head & 0xF_FFFF).saturating_add(index)).or_insert(place);
            at += 4;
        }
    }
}

fn top_level(stream: &[u8]) -> Vec<(usize, Record<'_>)> {
    let mut objects = Vec::new();
    let mut at = 0;
    while let Some(record) = Record::at(stream, at) {
        objects.push((at, record));
        at += record.size;
    }
    objects
}

/// A presentation under way.
struct Deck<'d> {
    reader: Reader<'d>,
    /// Octets of objects that may still be read: objects within each other would be read many times.
    left: usize,
    /// Embedded objects so far.
    objects: u32,
}

impl Deck<'_> {
    fn read(&mut self, objects: &[(usize, Record<'_>)], directory: &BTreeMap<u32, usize>, sink: &mut Sink<'_, '_>) {
        let document = objects.iter().filter(|(_, object)| object.kind == DOCUMENT);
        let mut shared = Page::default();
        let mut slides = Vec::new();
        for (_, document) in document {
            // The last is the newest, where nothing says which one lives.
            let mut notes = Vec::new();
            slides.clear();
            lists(document.content, &mut slides, &mut notes);
            self.page(document, &[], &mut shared, sink);
        }
        let mut of_slide: BTreeMap<usize, u32> = BTreeMap::new();
        let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
        for (slide, number) in slides.iter().zip(1..) {
            numbers.insert(slide.id, number);
            if let Some(&place) = directory.get(&slide.persist) {
                of_slide.insert(place, number);
            }
        }
        // In order of the slides; what no list names comes behind them.
        let mut rest = slides.len() as u32;
        let mut ordered: Vec<(u32, Record<'_>)> = Vec::new();
        for (place, object) in objects.iter().filter(|(_, object)| object.kind == SLIDE) {
            let number = of_slide.get(place).copied().unwrap_or_else(|| {
                rest += 1;
                if directory.is_empty() { rest - slides.len() as u32 } else { rest }
            });
            ordered.push((number, *object));
        }
        ordered.sort_by_key(|(number, _)| *number);
        for (slide, number) in slides.iter().zip(1..) {
            // A slide that was not found is known by its outline.
            if ordered.binary_search_by_key(&number, |(known, _)| *known).is_err() {
                let section = Section { unit: Unit::Slide(number), layer: Layer::Body };
                sink.text(section, slide.outline.concat(), Vec::new());
            }
        }
        for (number, object) in ordered {
            let outline = (number as usize).checked_sub(1).and_then(|index| slides.get(index));
            self.slide(&object, number, outline.map_or(&[], |slide| slide.outline.as_slice()), sink);
        }
        for (_, object) in objects {
            match object.kind {
                NOTES => self.notes(object, &numbers, sink),
                MASTER | HANDOUT => {
                    self.reader.is_master = true;
                    self.page(object, &[], &mut shared, sink);
                    self.reader.is_master = false;
                }
                OBJECT => self.object(object, sink),
                _ => {}
            }
        }
        sink.text(Layer::Body, std::mem::take(&mut self.reader.links), Vec::new());
        sink.text(Layer::Margin, shared.margin + &shared.text, Vec::new());
        sink.text(Layer::Comment, shared.comments, Vec::new());
    }

    fn page(&mut self, object: &Record<'_>, outline: &[String], page: &mut Page, sink: &mut Sink<'_, '_>) {
        match self.left.checked_sub(object.content.len()) {
            Some(left) => self.left = left,
            None => return sink.unread(Why::OverLimit),
        }
        self.reader.read(object.content, outline, page, sink);
    }

    fn slide(&mut self, object: &Record<'_>, number: u32, outline: &[String], sink: &mut Sink<'_, '_>) {
        let mut page = Page::default();
        self.page(object, outline, &mut page, sink);
        let section = |layer| Section { unit: Unit::Slide(number), layer };
        // A text of the outline that no shape shows is still in the outline.
        for (index, text) in outline.iter().enumerate() {
            if !page.shown.contains(&index) {
                page.text.push_str(text);
            }
        }
        let layer = if page.is_hidden { Layer::Hidden } else { Layer::Body };
        sink.text(section(layer), page.text, Vec::new());
        sink.text(section(Layer::Margin), page.margin, Vec::new());
        sink.text(section(Layer::Comment), page.comments, Vec::new());
    }

    fn notes(&mut self, object: &Record<'_>, numbers: &BTreeMap<u32, u32>, sink: &mut Sink<'_, '_>) {
        let mut page = Page::default();
        self.page(object, &[], &mut page, sink);
        let number = page.of_slide.and_then(|id| numbers.get(&id));
        let unit = number.map_or(Unit::Document, |&number| Unit::Slide(number));
        let text = page.text + &page.margin;
        sink.text(Section { unit, layer: Layer::SpeakerNotes }, text, Vec::new());
    }

    /// An embedded document: a compound file, mostly compressed behind its size (2.10.34).
    fn object(&mut self, object: &Record<'_>, sink: &mut Sink<'_, '_>) {
        self.objects += 1;
        let name = format!("object-{}", self.objects);
        if object.instance == 0 {
            return sink.file(&name, object.content);
        }
        let mut content = Vec::new();
        let packed = object.content.get(4..).unwrap_or_default();
        let most = sink.unpack_left() as u64 + 1;
        let whole = flate2::read::ZlibDecoder::new(packed).take(most).read_to_end(&mut content).is_ok();
        if !sink.may_unpack(content.len()) {
            return;
        }
        if content.is_empty() {
            return sink.unread_file(&name, Why::Damaged);
        }
        sink.file(&name, &content);
        // Some leave out the end of the compression, and the size says that nothing is missing.
        if !whole && size_at(object.content, 0).is_some_and(|size| size > content.len()) {
            sink.unread_file(&name, Why::Damaged);
        }
    }
}

/// The lists of slides and of notes in the document, with the outline's texts (2.4.14.3).
fn lists(document: &[u8], slides: &mut Vec<Listed>, notes: &mut Vec<Listed>) {
    let mut at = 0;
    while let Some(record) = Record::at(document, at) {
        at += record.size;
        let out = match (record.kind, record.instance) {
            (SLIDE_LIST, 0) => &mut *slides,
            (SLIDE_LIST, 2) => &mut *notes,
            _ => continue,
        };
        let mut at = 0;
        while let Some(inner) = Record::at(record.content, at) {
            at += inner.size;
            if inner.kind == SLIDE_PERSIST {
                let number = |at| u32_at(inner.content, at).unwrap_or(0);
                out.push(Listed { persist: number(0), id: number(12), outline: Vec::new() });
            } else if let Some(listed) = out.last_mut() {
                page::outline(&inner, &mut listed.outline);
            }
        }
    }
}
