//! The pages of a file (ISO 32000-1 section 7.7.3), and what is on one.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::content::{self, Drawn, Painter};
use super::file::File;
use super::lines;
use super::notes::Notes;
use super::object::{Dict, Object};
use crate::extract::{Cell, Layer, Why};

/// Pages that are read.
const PAGES: usize = 2_000;
/// A page without a size is an A4.
const A4: f64 = 595.0 * 842.0;
/// Streams of one page's content.
const CONTENTS: usize = 10_000;

/// A page of the tree.
pub(super) struct Page {
    pub(super) number: u32,
    /// The resources of the nodes above it.
    resources: Option<Rc<Object>>,
    /// Square points.
    area: f64,
}

/// What was read of a page.
pub(super) struct PageText {
    pub(super) texts: Vec<(Layer, String, Vec<Cell>)>,
    /// What of it is unread.
    pub(super) unread: BTreeSet<Why>,
    /// What it shows when it is a scan, and how large it is.
    pub(super) scan: Option<(Vec<content::Picture>, f64)>,
}

/// All pages in their order; true when there are more than are read.
pub(super) fn pages(file: &File<'_>) -> (Vec<Page>, bool) {
    let root = file.at(&file.trailer, b"Root");
    let top = match root.dict().map(|root| root.get(b"Pages")) {
        Some(Object::Ref(number)) => Some(*number),
        _ => None,
    };
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut todo: Vec<(u32, Option<Rc<Object>>, f64)> = top.map(|top| (top, None, A4)).into_iter().collect();
    while let Some((number, above, area)) = todo.pop() {
        if !seen.insert(number) {
            continue;
        }
        let object = file.get(number);
        let Some(dict) = object.dict() else { continue };
        let resources = if dict.has(b"Resources") { Some(Rc::clone(&object)) } else { above };
        let area = media(file, dict).unwrap_or(area);
        match file.at(dict, b"Kids").array() {
            Some(kids) if !dict.is_type(b"Page") => {
                let numbers = kids.iter().rev().filter_map(|kid| match kid {
                    Object::Ref(number) => Some(*number),
                    _ => None,
                });
                todo.extend(numbers.map(|number| (number, resources.clone(), area)));
            }
            _ if found.len() >= PAGES => return (found, true),
            _ => found.push(Page { number, resources, area }),
        }
    }
    if found.is_empty() {
        found = loose(file, &seen);
    }
    (found, false)
}

/// Pages that the tree does not lead to.
pub(super) fn loose(file: &File<'_>, seen: &BTreeSet<u32>) -> Vec<Page> {
    let numbers = file.numbers();
    let unseen = numbers.into_iter().filter(|number| !seen.contains(number));
    unseen
        .filter_map(|number| {
            let object = file.get(number);
            let dict = object.dict().filter(|dict| dict.is_type(b"Page"))?;
            let area = media(file, dict).unwrap_or(A4);
            Some(Page { number, resources: dict.has(b"Resources").then(|| Rc::clone(&object)), area })
        })
        .take(PAGES)
        .collect()
}

fn media(file: &File<'_>, dict: &Dict) -> Option<f64> {
    let shown = file.at(dict, b"CropBox");
    let whole = file.at(dict, b"MediaBox");
    let numbers: Vec<f64> =
        shown.array().or(whole.array())?.iter().filter_map(|side| file.resolve(side).number()).collect();
    let &[left, bottom, right, top] = numbers.as_slice() else { return None };
    Some(((right - left) * (top - bottom)).abs()).filter(|area| *area > 1.0)
}

impl Page {
    /// Draws the page's content.
    pub(super) fn draw(&self, painter: &mut Painter<'_, '_>) -> (Drawn, bool) {
        let file = painter.file;
        let page = file.get(self.number);
        let none = Dict::default();
        let dict = page.dict().unwrap_or(&none);
        let (content, whole) = content(file, dict);
        let resources =
            self.resources.as_ref().and_then(|holder| holder.dict()).map(|holder| file.at(holder, b"Resources"));
        let resources = resources.as_ref().and_then(|resources| resources.dict()).unwrap_or(&none);
        (painter.draw(&content, resources), whole)
    }

    /// Reads the page: its text, its annotations and fields.
    pub(super) fn read(&self, painter: &mut Painter<'_, '_>, notes: &mut Notes) -> PageText {
        let (drawn, whole) = self.draw(painter);
        let (text, cells) = lines::read(&drawn.words);
        let page = painter.file.get(self.number);
        let mut texts = vec![(Layer::Body, text, cells), (Layer::AltText, drawn.alternates.clone(), Vec::new())];
        if let Some(dict) = page.dict() {
            for (layer, text) in notes.of_page(painter, dict) {
                texts.push((layer, text, Vec::new()));
            }
        }
        let mut unread = BTreeSet::new();
        if drawn.over {
            unread.insert(Why::OverLimit);
        }
        if !whole {
            unread.insert(Why::Damaged);
        }
        let shown = self.shown(&drawn);
        if shown != Shown::Text {
            unread.insert(Why::ScanWithoutOcr);
        }
        let scan = (shown == Shown::Scan).then_some((drawn.pictures, self.area));
        PageText { texts, unread, scan }
    }

    /// Whether what a reader sees is, for the most part, a picture of text. A logo is none, nor a photo beside text.
    fn shown(&self, drawn: &Drawn) -> Shown {
        let letters = drawn.glyphs;
        let covered = drawn.pictures.iter().map(|picture| picture.area.min(self.area)).sum::<f64>() / self.area;
        let scan = covered > 0.4 && letters < 40 || covered > 0.85 && letters < 120;
        let nameless = drawn.unknown >= 8 && drawn.unknown * 10 > letters;
        let shapes = letters == 0 && drawn.paths > 150;
        match (nameless || shapes, scan) {
            (true, _) => Shown::Drawing,
            (false, true) => Shown::Scan,
            (false, false) => Shown::Text,
        }
    }
}

/// What a reader of a page sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Text, a drawing, or little of anything.
    Text,
    /// Pictures of text.
    Scan,
    /// Letters of which nobody knows what they are, or that were drawn as shapes.
    Drawing,
}

/// A page's content: all its streams as one, since a word may begin in one and end in the next.
fn content(file: &File<'_>, dict: &Dict) -> (Vec<u8>, bool) {
    let contents = file.at(dict, b"Contents");
    let mut all = Vec::new();
    let mut whole = true;
    let mut add = |object: &Object| {
        if let Some(stream) = object.stream() {
            let decoded = file.decode(stream);
            whole &= decoded.whole;
            if all.len() < 64 << 20 {
                all.extend_from_slice(&decoded.octets);
                all.push(b'\n');
            }
        }
    };
    match &*contents {
        Object::Array(streams) => streams.iter().take(CONTENTS).for_each(|stream| add(&file.resolve(stream))),
        one => add(one),
    }
    (all, whole)
}

/// Whether a page looks the same in two states of a file.
pub(super) fn is_same(new: &File<'_>, old: &File<'_>, number: u32) -> bool {
    let (now, then) = (new.get(number), old.get(number));
    let (Some(now_dict), Some(then_dict)) = (now.dict(), then.dict()) else { return false };
    now == then
        && places(new, &new.at(now_dict, b"Contents")) == places(old, &old.at(then_dict, b"Contents"))
        && same_parts(new, old, now_dict, then_dict)
}

/// The same forms and annotations.
fn same_parts(new: &File<'_>, old: &File<'_>, now: &Dict, then: &Dict) -> bool {
    let objects = |file: &File<'_>, page: &Dict| {
        let resources = file.at(page, b"Resources");
        let forms = resources.dict().map(|resources| file.at(resources, b"XObject"));
        let forms: Vec<Object> = forms
            .as_ref()
            .and_then(|forms| forms.dict())
            .map(|forms| forms.iter().map(|(_, form)| (*file.resolve(form)).clone()).collect())
            .unwrap_or_default();
        let notes = file.at(page, b"Annots");
        let notes = notes.array().unwrap_or_default().iter().take(1_000).map(|note| (*file.resolve(note)).clone());
        (forms, notes.collect::<Vec<_>>())
    };
    objects(new, now) == objects(old, then)
}

fn places(file: &File<'_>, contents: &Object) -> Vec<Option<std::ops::Range<usize>>> {
    let place = |object: &Object| file.resolve(object).stream().map(|stream| stream.range.clone());
    match contents {
        Object::Array(streams) => streams.iter().take(CONTENTS).map(place).collect(),
        one => vec![place(one)],
    }
}
