//! One document -> its texts, section by section, and what of it is unread.
//!
//! A reader takes octets and writes to a [`Sink`]; it knows no disk, process or clock, and never trusts a count, size
//! or offset that stands in the file. It runs where a dead process costs one part its text: `reader` starts such
//! processes, and only they, tests and fuzzers come in here. Cannot fail: what is locked, broken, unknown or too large
//! is said to the sink, and what was read before that is kept.

mod cells;
mod cipher;
mod codepage;
mod compound;
mod compressed;
mod doc;
mod drawing;
mod epub;
mod formula;
mod iwork;
pub(super) mod lock;
mod mapi;
mod msg;
mod octets;
mod odf;
mod opc;
mod pdf;
mod ppt;
mod rar;
mod rtf;
mod sevenz;
mod shown;
mod slides;
mod story;
mod tar;
mod tnef;
mod unpack;
pub(super) mod word;
mod workbook;
mod xls;
mod xlsb;
mod xml;
mod zip;

use std::collections::BTreeSet;

pub(super) use self::pdf::placed;
use super::content::About;
use super::picture::{self, Setting};
use super::{Cell, Passwords, Picture, Place, Reader, Section, Spot, Unread, Why, html, sniff};
use crate::message::Limits;

/// Reads documents somewhere else than in this process.
pub trait Documents {
    /// What each of the documents of a message holds, in their order. Cannot fail: a reader that dies or runs late is
    /// an `Unread`.
    fn read(&self, documents: &[Document<'_>], limits: &Limits) -> Vec<super::Answer>;

    /// The same, of documents that were read before, in the little time that is left for a message.
    fn read_again(&self, documents: &[Document<'_>], limits: &Limits) -> Vec<super::Answer> {
        self.read(documents, limits)
    }
}

/// A document to be read.
#[derive(Clone, Copy)]
pub struct Document<'d> {
    /// Its octets, decoded.
    pub octets: &'d [u8],
    /// Its declared type and subtype, in lower case.
    pub essence: &'d str,
    /// Its file name; empty when it has none.
    pub name: &'d str,
    /// Where it stands; every place in what comes back begins with it.
    pub place: &'d Place,
    /// How many messages and multiparts are around it.
    pub depth: usize,
    /// What it may open with, if it is locked.
    pub passwords: &'d Passwords,
}

/// What a reader has found, as soon as it is settled.
#[derive(Debug, Clone, Copy)]
pub enum Found<'f> {
    /// A text.
    Text(&'f super::Text),
    /// Something that is unread.
    Unread(&'f Unread),
    /// A part that was looked at; the last one is the document itself.
    Receipt(&'f super::Receipt),
    /// Pictures of which somebody may recognise the text.
    Pictured(&'f super::Pictured),
}

/// Reads a document in this process: for tests and fuzzers.
pub fn read(document: &Document<'_>, limits: &Limits) -> super::Texts {
    read_aloud(document, limits, None).texts
}

/// Reads a document in this process, and tells a listener what is found as soon as it is: for the reader processes,
/// which may not live to its end.
pub fn read_aloud<'l>(
    document: &Document<'_>,
    limits: &Limits,
    listener: Option<&'l mut dyn FnMut(Found<'_>)>,
) -> super::Answer {
    let limits = Limits {
        parts: limits.entries,
        text_bytes: limits.document_text.min(limits.documents_text),
        depth: limits.depth.min(document.depth.saturating_add(limits.archives).saturating_add(1)),
        ..limits.clone()
    };
    let (entries, unpacked) = (limits.entries, limits.unpacked_bytes);
    let mut reader = Reader::new(limits);
    reader.listener = listener;
    reader.passwords = document.passwords.clone();
    let about = About::of(document);
    reader.content(document.octets, &about, true);
    super::Answer {
        entries: entries - reader.parts_left,
        unpacked: unpacked - reader.unpack_left,
        texts: reader.out,
        pictured: reader.pictured,
    }
}

/// What a document is by its first octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A zip archive: OOXML, ODF, EPUB, or files.
    Zip,
    /// A compound file (MS-CFB): DOC, XLS, PPT, MSG, or locked OOXML.
    Compound,
    /// PDF.
    Pdf,
    /// Rich text.
    Rtf,
    /// winmail.dat (MS-OXTNEF).
    Tnef,
    /// 7z.
    SevenZ,
    /// Tar.
    Tar,
    /// One compressed file: gzip, bzip2, xz, zstd, lz4, compress.
    Compressed,
    /// RAR.
    Rar,
    /// OpenDocument as one XML file.
    FlatOdf,
    /// A format with a known mark and no reader: CAB, ARJ, LHA, PST, SQLite, a program, a font.
    Known(&'static str),
}

impl Format {
    /// The word in receipts, as far as the mark tells it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Compound => "compound",
            Self::Pdf => "pdf",
            Self::Rtf => "rtf",
            Self::Tnef => "tnef",
            Self::SevenZ => "7z",
            Self::Tar => "tar",
            Self::Compressed => "compressed",
            Self::Rar => "rar",
            Self::FlatOdf => "fodt",
            Self::Known(word) => word,
        }
    }
}

/// Reads octets of a known format into a sink.
pub(super) fn open(format: Format, octets: &[u8], sink: &mut Sink<'_, '_>) {
    match format {
        Format::Zip => zip::read(octets, sink),
        Format::Compound => compound::read(octets, sink),
        Format::Pdf => pdf::read(octets, sink),
        Format::Rtf => rtf::read(octets, sink),
        Format::Tnef => tnef::read(octets, sink),
        Format::SevenZ => sevenz::read(octets, sink),
        Format::Tar => tar::read(octets, sink),
        Format::Compressed => compressed::read(octets, sink),
        Format::Rar => rar::read(octets, sink),
        Format::FlatOdf => odf::read_flat(octets, sink),
        Format::Known(_) => sink.unread(Why::UnknownFormat),
    }
}

/// Whether octets that begin as something else end in a zip archive; `whole` wants nothing behind it.
pub(super) fn ends_in_zip(octets: &[u8], whole: bool) -> bool {
    zip::is_behind(octets, whole)
}

/// Whether XML defines entities by other entities, which no program does and which grow without end when expanded.
pub(super) fn has_nested_entities(source: &str) -> bool {
    xml::has_nested_entities(source)
}

/// What is written in XML, with its references resolved.
pub(super) fn unescaped(written: &str) -> String {
    workbook::unescaped(written)
}

/// Whether octets begin with the header of a tar archive, also of one without a mark.
pub(super) fn is_tar(octets: &[u8]) -> bool {
    tar::is(octets)
}

/// What macOS leaves beside files (AppleDouble, RFC 1740) and in folders: it shows where a window stood.
fn is_finder_file(path: &str, octets: &[u8]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("._") && octets.len() < 4096 && octets.starts_with(b"\0\x05\x16\x07")
        || name == ".DS_Store" && octets.len() < 65_536 && octets.starts_with(b"\0\0\0\x01Bud1")
}

/// Files in files in files: deeper than any person packs, and as deep as a stack of readers goes.
const DEEPEST: usize = 12;

/// The files in a document that are pictures, nearly always. A logo in a letter is no news: the first of each kind is
/// said to be unread for all of them.
#[derive(Default)]
pub(super) struct Pictures {
    said: BTreeSet<Why>,
}

impl Pictures {
    /// Hands a file in a document over, unless it is another picture of a kind.
    pub(super) fn file(&mut self, name: &str, octets: &[u8], sink: &mut Sink<'_, '_>) {
        match in_document(octets) {
            None => sink.file(name, octets),
            Some(why) if sink.may_show_text(octets, why) || self.said.insert(why) => sink.picture(name, octets),
            Some(_) => {}
        }
    }
}

/// Why a picture that a document shows is unread; none for what is no picture, film or sound.
fn in_document(octets: &[u8]) -> Option<Why> {
    sniff::is_picture_or_media(octets).map(|_| picture::why(octets, octets.len(), "", Setting::Document))
}

/// Where a reader puts what one document holds.
pub(super) struct Sink<'s, 'l> {
    reader: &'s mut Reader<'l>,
    /// Where the document stands.
    place: &'s Place,
    /// Its name; the name of the place around what is in it.
    name: &'s str,
    depth: usize,
    /// What it turned out to be, for the receipt.
    format: &'static str,
}

impl<'s, 'l> Sink<'s, 'l> {
    pub(super) fn new(reader: &'s mut Reader<'l>, about: &'s About<'_>, format: Format) -> Self {
        Self { reader, place: &about.place, name: &about.name, depth: about.depth, format: format.word() }
    }

    /// What the document turned out to be: `docx`, `xlsx`, `epub`.
    pub(super) fn is(&mut self, format: &'static str) {
        self.format = format;
    }

    /// What it is.
    pub(super) fn format(&self) -> &'static str {
        self.format
    }

    /// The limits of the message.
    pub(super) fn limits(&self) -> &Limits {
        &self.reader.limits
    }

    /// A text of one section. One call for each section, not one for each paragraph: paragraphs end in a line end,
    /// cells of a row are divided by a tab.
    pub(super) fn text(&mut self, section: impl Into<Section>, text: String, cells: Vec<Cell>) {
        let place = Place { section: section.into(), ..self.place.clone() };
        self.reader.text(place, text, cells);
    }

    /// The document, or the rest of it, is unread.
    pub(super) fn unread(&mut self, why: Why) {
        self.reader.unread(self.place.clone(), why);
    }

    /// A section is unread.
    pub(super) fn unread_section(&mut self, section: impl Into<Section>, why: Why) {
        let place = Place { section: section.into(), ..self.place.clone() };
        self.reader.unread(place, why);
    }

    /// Whether so many more octets may be unpacked; says so when they may not. Ask before the memory is taken.
    pub(super) fn may_unpack(&mut self, octets: usize) -> bool {
        match self.reader.unpack_left.checked_sub(octets) {
            Some(left) => {
                self.reader.unpack_left = left;
                true
            }
            None => {
                self.reader.unpack_left = 0;
                self.unread(Why::OverLimit);
                false
            }
        }
    }

    /// How many octets may still be unpacked.
    pub(super) fn unpack_left(&self) -> usize {
        self.reader.unpack_left
    }

    /// What inflates streams without a header, fresh; given back, it serves the next one.
    pub(super) fn inflater(&mut self) -> flate2::Decompress {
        match self.reader.inflater.take() {
            Some(mut inflater) => {
                inflater.reset(false);
                inflater
            }
            None => flate2::Decompress::new(false),
        }
    }

    /// Empty memory for so many octets; given back, it serves the next stream.
    pub(super) fn buffer(&mut self, octets: usize) -> Vec<u8> {
        let mut buffer = std::mem::take(&mut self.reader.buffer);
        buffer.clear();
        if buffer.capacity() < octets { Vec::with_capacity(octets) } else { buffer }
    }

    /// What was in it has been read. The largest is kept, unless that is much.
    pub(super) fn keep_buffer(&mut self, buffer: Vec<u8>) {
        if (self.reader.buffer.capacity()..=unpack::KEPT).contains(&buffer.capacity()) {
            self.reader.buffer = buffer;
        }
    }

    pub(super) fn keep_inflater(&mut self, inflater: flate2::Decompress) {
        self.reader.inflater = Some(inflater);
    }

    /// How many cells may still be kept.
    pub(super) fn cells_left(&self) -> usize {
        self.reader.cells_left
    }

    /// A file in this document (an archive's entry, an embedded object, an attachment): read like any other, one level
    /// deeper. Its name is read as a file name too.
    pub(super) fn file(&mut self, name: &str, octets: &[u8]) {
        if !is_finder_file(name, octets) {
            self.part(name, octets, About::file);
        }
    }

    /// Whether text may be recognised in a picture.
    pub(super) fn may_show_text(&self, octets: &[u8], why: Why) -> bool {
        self.reader.limits.pictures > 0 && Picture::may_show_text(octets, why, &self.reader.limits)
    }

    /// A picture in which text may be recognised.
    pub(super) fn legible(&self, octets: &[u8], why: Why) -> Option<Picture> {
        self.may_show_text(octets, why).then(|| Picture::of(octets, why, &self.reader.limits)).flatten()
    }

    /// A section is unread, unless text is recognised in these pictures, which are all that it has when `whole`.
    pub(super) fn pictured(&mut self, section: impl Into<Section>, why: Why, pictures: Vec<Picture>, whole: bool) {
        let place = Place { section: section.into(), ..self.place.clone() };
        self.reader.pictured(place, why, pictures, whole);
    }

    /// A picture that this document shows.
    fn picture(&mut self, name: &str, octets: &[u8]) {
        self.part(name, octets, About::picture);
    }

    fn part(&mut self, name: &str, octets: &[u8], about: fn(&str, Vec<String>, usize) -> About<'_>) {
        let within = self.inside();
        let deep = self.depth + 1 >= self.reader.limits.depth || within.len() > DEEPEST;
        if deep || self.reader.parts_left == 0 {
            return self.unread(Why::OverLimit);
        }
        self.reader.parts_left -= 1;
        let spot = Spot::FileName(name.to_string());
        self.reader.text(Place { within: within.clone(), spot, ..Place::default() }, name.to_string(), Vec::new());
        let about = about(name, within, self.depth + 1);
        self.reader.content(octets, &about, true);
    }

    /// A document in this one that has no octets of its own (a storage of a compound file, a message in a message): read
    /// by `read`, one level deeper, with a line of its own in the receipt.
    pub(super) fn document(&mut self, name: &str, read: impl FnOnce(&mut Sink<'_, 'l>)) {
        if self.depth + 1 >= self.reader.limits.depth || self.reader.parts_left == 0 {
            return self.unread(Why::OverLimit);
        }
        self.reader.parts_left -= 1;
        let place = Place { within: self.inside(), spot: Spot::Attachment(name.to_string()), ..Place::default() };
        let depth = self.depth + 1;
        self.reader.receipted(&place, 0, |reader| {
            let mut sink = Sink { reader, place: &place, name, depth, format: "object" };
            read(&mut sink);
            Some(sink.format)
        });
    }

    /// A file in this document that cannot be read.
    pub(super) fn unread_file(&mut self, name: &str, why: Why) {
        let within = self.inside();
        let spot = |spot: fn(String) -> Spot| Place {
            within: within.clone(),
            spot: spot(name.to_string()),
            ..Place::default()
        };
        self.reader.text(spot(Spot::FileName), name.to_string(), Vec::new());
        self.reader.unread(spot(Spot::Attachment), why);
    }

    /// The name of something in this document that has no content: a folder, a link.
    pub(super) fn name_only(&mut self, name: &str) {
        let spot = Spot::FileName(name.to_string());
        self.reader.text(Place { within: self.inside(), spot, ..Place::default() }, name.to_string(), Vec::new());
    }

    /// The name of this document.
    pub(super) fn name(&self) -> &str {
        self.name
    }

    /// A text of a message that this document is (MSG, TNEF): its subject, a header field or its body.
    pub(super) fn message_text(&mut self, spot: Spot, text: String) {
        let place = Place { within: self.inside(), spot, ..Place::default() };
        self.reader.text(place, text, Vec::new());
    }

    /// The body of a message that this document is, with the tables in it.
    pub(super) fn message_body(&mut self, spot: Spot, text: String, cells: Vec<Cell>) {
        let place = Place { within: self.inside(), spot, ..Place::default() };
        self.reader.text(place, text, cells);
    }

    /// The HTML body of a message that this document is.
    pub(super) fn message_page(&mut self, source: &str) {
        let place = Place { within: self.inside(), spot: Spot::Html, ..Place::default() };
        self.reader.page(source, place);
    }

    /// HTML in a section of this document.
    pub(super) fn page(&mut self, section: impl Into<Section>, source: &str) {
        let place = Place { section: section.into(), ..self.place.clone() };
        self.reader.page(source, place);
    }

    /// HTML as plain text, without a place.
    pub(super) fn html_text(source: &str) -> String {
        html::read(source, 0).text
    }

    fn inside(&self) -> Vec<String> {
        let mut within = self.place.within.clone();
        within.push(self.name.to_string());
        within
    }
}
