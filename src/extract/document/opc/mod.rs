//! Packages of Office Open XML (ECMA-376 part 2): every part is read once, those that the document links to first and
//! where they belong, then all others, so that none is missed.
//!
//! A part is what its octets are: XML is walked through ([`story`]), pictures are told apart, everything else (an
//! embedded workbook, an old object, a page for `altChunk`) is a file in this one. A part that is locked or broken is
//! said so, and the rest is read.

mod chart;
mod describe;
mod element;
mod flow;
mod lines;
mod relations;
mod sections;
mod story;

use std::collections::{BTreeMap, BTreeSet};

use element::Manner;
use relations::Relation;
use sections::Sections;
use story::Whereabouts;

use super::xml::decoded;
use super::zip::Archive;
use super::{Sink, in_document};
use crate::extract::{Layer, Picture, Unit, Why, sniff};

/// Pictures of fewer octets are bullets and lines.
const TINY_PICTURE: usize = 2048;

/// A package, as far as it has been read.
pub(super) struct Package<'a, 'b> {
    archive: &'a Archive<'b>,
    /// The first part of each name, in lower case.
    by_name: BTreeMap<String, usize>,
    /// Whether each part has been read.
    read: Vec<bool>,
    found: Found,
}

/// What was found in a document so far.
struct Found {
    out: Sections,
    /// Why its pictures are unread, and those in which text may be recognised.
    pictures: BTreeMap<Why, Shown>,
    /// The names of pictures on the paper: in margins and on the master of the slides.
    paper: BTreeSet<String>,
}

/// The pictures that are unread for one reason.
struct Shown {
    /// Those in which text may be recognised.
    pictures: Vec<Picture>,
    /// Whether these are all.
    whole: bool,
}

/// What the octets of a part are.
enum Content {
    Xml,
    Picture,
    /// A control on the page, whose values lie among its octets.
    Control,
    /// A file of its own.
    File,
    /// A font, the settings of a printer, the program in a macro, a picture of the first page.
    Nothing,
}

impl<'a, 'b> Package<'a, 'b> {
    pub(super) fn new(archive: &'a Archive<'b>, sink: &Sink<'_, '_>) -> Self {
        let mut by_name = BTreeMap::new();
        for (index, entry) in archive.entries().iter().enumerate() {
            by_name.entry(key(&entry.name)).or_insert(index);
        }
        let read = vec![false; archive.entries().len()];
        Self { archive, by_name, read, found: Found::new(sink) }
    }

    /// The part of a name.
    pub(super) fn part(&self, name: &str) -> Option<usize> {
        self.by_name.get(&key(name)).copied()
    }

    /// The part that the package says is its main one.
    pub(super) fn main(&self, sink: &mut Sink<'_, '_>) -> Option<usize> {
        let relations = self.relations_of("", sink);
        relations.iter().find(|relation| relation.kind == "officeDocument").and_then(|main| self.part(&main.target))
    }

    /// What a part is linked to, within the package.
    pub(super) fn relations(&self, part: usize, sink: &mut Sink<'_, '_>) -> Vec<Relation> {
        self.archive.entries().get(part).map(|entry| self.relations_of(&entry.name, sink)).unwrap_or_default()
    }

    fn relations_of(&self, name: &str, sink: &mut Sink<'_, '_>) -> Vec<Relation> {
        let entry = self.part(&relations::name(name)).and_then(|part| self.archive.entries().get(part));
        // That it cannot be unpacked is said when it is read as a part.
        let octets = entry.and_then(|entry| self.archive.unpack(entry, sink).ok());
        let Some(octets) = octets else { return Vec::new() };
        let relations = relations::of(&octets, name);
        sink.keep_buffer(octets);
        relations
    }

    /// The XML of a part, to find the way by; it is not read by that.
    pub(super) fn xml(&self, part: usize, sink: &mut Sink<'_, '_>) -> Option<String> {
        let octets = self.archive.unpack(self.archive.entries().get(part)?, sink).ok()?;
        Some(decoded(&octets).into_owned())
    }

    /// Reads a part and the targets of its links, unless that was done.
    pub(super) fn read(&mut self, part: usize, unit: &Unit, sink: &mut Sink<'_, '_>) {
        self.read_part(part, unit, sink);
        let links = self.archive.entries().get(part).and_then(|entry| self.part(&relations::name(&entry.name)));
        if let Some(links) = links {
            self.read_part(links, unit, sink);
        }
    }

    fn read_part(&mut self, part: usize, unit: &Unit, sink: &mut Sink<'_, '_>) {
        let Some(entry) = self.archive.entries().get(part) else { return };
        match self.read.get_mut(part) {
            Some(read) if !*read => *read = true,
            _ => return,
        }
        let name = key(&entry.name);
        if is_nothing(&name) {
            return;
        }
        let octets = match self.archive.unpack(entry, sink) {
            Ok(octets) => octets,
            Err(why) => return sink.unread(why),
        };
        self.found.content(&entry.name, &octets, unit, sink);
        sink.keep_buffer(octets);
    }

    /// Reads what has not been read, and hands everything to the sink. Without a main part, and without any text, it
    /// is none of the documents it seems to be.
    pub(super) fn finish(mut self, has_main: bool, sink: &mut Sink<'_, '_>) {
        let papers = self.by_name.keys().filter(|name| is_paper(name));
        let links = papers.flat_map(|name| self.relations_of(name, sink)).filter(|link| link.kind == "image");
        self.found.paper = links.map(|link| key(&link.target)).collect();
        for part in 0..self.read.len() {
            self.read_part(part, &Unit::Document, sink);
        }
        if !has_main && !self.found.out.any() {
            sink.unread(Why::Damaged);
        }
        self.found.give(sink);
    }
}

impl Found {
    fn new(sink: &Sink<'_, '_>) -> Self {
        Self { out: Sections::new(sink), pictures: BTreeMap::new(), paper: BTreeSet::new() }
    }

    /// Reads the octets of a part as what they are.
    fn content(&mut self, path: &str, octets: &[u8], unit: &Unit, sink: &mut Sink<'_, '_>) {
        let name = key(path);
        match content(&name, octets) {
            Content::Xml => {
                let (layer, manner) = layer(&name);
                let whereabouts = Whereabouts { unit: unit.clone(), layer, manner };
                let text = decoded(octets);
                // Styles are the largest part of a small document, and nobody reads them.
                if is_form(&name) && lines::is_all_tags(&text) {
                    return;
                }
                let text = if name.ends_with(".vml") { lines::without_conditions(&text) } else { text };
                if let Some(why) = story::read(&text, whereabouts, &mut self.out) {
                    sink.unread(why);
                }
            }
            Content::Picture if octets.len() >= TINY_PICTURE => {
                self.picture(&name, octets, sink);
            }
            Content::Picture => {}
            Content::Control => self.out.control(unit, &lines::in_octets(octets)),
            Content::File => sink.file(path.rsplit(['/', '\\']).next().unwrap_or(path), octets),
            Content::Nothing => {}
        }
    }

    /// Notes a picture. What is printed on all paper is as large as a page, and no page.
    fn picture(&mut self, name: &str, octets: &[u8], sink: &Sink<'_, '_>) {
        let is_paper = self.paper.contains(name);
        let why = match in_document(octets) {
            Some(Why::ScanWithoutOcr) if is_paper => Why::Media,
            why => why.unwrap_or(Why::Media),
        };
        let shown = self.pictures.entry(why).or_insert(Shown { pictures: Vec::new(), whole: true });
        let has_room = !is_paper && shown.pictures.len() < sink.limits().pictures;
        match has_room.then(|| sink.legible(octets, why)).flatten() {
            Some(picture) => shown.pictures.push(picture),
            None => shown.whole = false,
        }
    }

    /// The parts that stand in Base64 in a file of one XML.
    fn binaries(&mut self, sink: &mut Sink<'_, '_>) {
        for (name, octets) in std::mem::take(&mut self.out.binaries) {
            if !is_nothing(&key(&name)) && sink.may_unpack(octets.len()) {
                self.content(&name, &octets, &Unit::Document, sink);
            }
        }
    }

    fn give(mut self, sink: &mut Sink<'_, '_>) {
        self.binaries(sink);
        for (why, shown) in std::mem::take(&mut self.pictures) {
            sink.unread_section(Layer::Body, why);
            sink.pictured(Layer::Body, why, shown.pictures, shown.whole);
        }
        self.out.give(sink);
    }
}

/// Reads a document that is one XML file: flat OPC, or the format of Word 2003.
pub(super) fn read_single(xml: &str, sink: &mut Sink<'_, '_>) {
    let whereabouts = Whereabouts { unit: Unit::Document, layer: Layer::Behind, manner: Manner::Loose };
    let mut found = Found::new(sink);
    if let Some(why) = story::read(xml, whereabouts, &mut found.out) {
        sink.unread(why);
    }
    found.give(sink);
}

/// Names of parts are compared without case (9.1.1.1), and some programs write the separators of their system.
fn key(name: &str) -> String {
    name.trim_start_matches(['/', '\\']).replace('\\', "/").to_ascii_lowercase()
}

/// Whether a part is what the pages of a document have in common.
fn is_paper(name: &str) -> bool {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let file = file.strip_suffix(".xml").unwrap_or_default();
    let kinds = ["header", "footer", "slidemaster", "slidelayout", "notesmaster", "handoutmaster", "theme"];
    !folder.ends_with("_rels") && kinds.iter().any(|kind| file.starts_with(kind))
}

/// Whether no text for people can be in a part of this name.
fn is_nothing(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let file = name.rsplit('/').next().unwrap_or(name);
    matches!(ending, "odttf" | "fntdata" | "ttf" | "otf")
        || name.contains("printersettings/")
        || name.starts_with("docprops/thumbnail")
        || matches!(file, "vbaproject.bin" | "vbaprojectsignature.bin" | "[content_types].xml")
}

/// Whether a part says how things look, and has no attributes that a person sees.
fn is_form(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    ["style", "theme", "fonttable", "tablestyles"].iter().any(|start| file.starts_with(start))
}

fn content(name: &str, octets: &[u8]) -> Content {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_page = matches!(ending, "htm" | "html" | "xhtml" | "mht" | "mhtml" | "eml" | "txt" | "rtf");
    let start = octets.get(..1024).unwrap_or(octets);
    // UTF-16 has a mark or a zero beside the bracket.
    let bracket = start
        .iter()
        .find(|octet| !matches!(octet, b' ' | b'\r' | b'\n' | b'\t' | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF | 0));
    // Compressed drawings have no mark of their own.
    let is_media = name.contains("/media/") || matches!(ending, "emz" | "wmz" | "emf" | "wmf");
    if octets.iter().all(|octet| *octet == 0) {
        Content::Nothing
    } else if matches!(ending, "xml" | "rels" | "vml" | "svg") || bracket == Some(&b'<') && !is_page {
        Content::Xml
    } else if is_media || sniff::is_picture_or_media(start).is_some() {
        Content::Picture
    } else if name.contains("activex/") && ending == "bin" {
        Content::Control
    } else {
        Content::File
    }
}

/// The layer of a part's text whose root does not tell it, by the folder that the part is in.
fn layer(name: &str) -> (Layer, Manner) {
    match name.split('/').next() {
        Some("customxml") if !name.ends_with(".rels") && !name.contains("/itemprops") => {
            (Layer::Behind, Manner::Labelled)
        }
        Some("documents" | "fixeddocuments") => (Layer::Body, Manner::Loose),
        _ => (Layer::Behind, Manner::Loose),
    }
}

#[cfg(test)]
mod tests;
