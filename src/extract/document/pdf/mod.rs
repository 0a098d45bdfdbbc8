//! PDF (ISO 32000-1 and -2) -> its texts, page by page.
//!
//! Everything that a person could see or unhide: what is drawn in any colour, layer or mode, annotations, fields,
//! properties, outline, attached files, and what an older state of the file still holds. Says which pages are pictures
//! of text, and never calls a file without any text read. Never renders, never runs a script.
//!
//! `file` finds objects (`lexer`, `object`, `xref`, `salvage`), opens locks (`crypt`) and filters (`filter`,
//! `predictor`); `content` runs pages (`resources`, `marks`, `pen`) with their fonts (`font`, `encoding`, `cmap`,
//! `fontfile`); `words` and `lines` make text of glyphs; `notes` and `catalog` read the rest; `pictures` hands out scans.

mod catalog;
mod cmap;
mod content;
mod crypt;
mod encoding;
mod file;
mod filter;
mod font;
mod fontfile;
mod lexer;
mod lines;
mod marks;
mod notes;
mod object;
mod pages;
mod pen;
mod pictures;
mod predictor;
mod recognised;
mod resources;
mod salvage;
mod tables;
#[cfg(test)]
mod tests;
mod words;
mod xref;

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use self::content::Painter;
use self::file::File;
use self::filter::Budget;
use self::notes::Notes;
use self::pages::{Page, PageText};
pub(in crate::extract) use self::recognised::placed;
use super::Sink;
use crate::extract::passwords::forms;
use crate::extract::{Layer, Section, Unit, Why};

/// Operators of a whole document; 2,000 dense pages have 10 million.
const STEPS: usize = 20_000_000;
/// Older states of a file that are looked at.
const STATES: usize = 6;
/// Objects up to which a file is searched for pages that its tree does not lead to.
const OBJECTS: usize = 20_000;

/// Blocks of hashing for one password: a hundred rounds of revision 6, for the user and the owner.
const TRY: u64 = 50_000;

/// Reads a file; one that is locked with a password, and not with the empty one, with those of the message.
pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let left = sink.unpack_left();
    let open = |passwords: &[&[u8]]| File::open(octets, passwords, Rc::new(Budget::new(left))).ok();
    let opened = open(&[b""]).map(|file| (Vec::new(), file));
    let Some((password, file)) = opened.or_else(|| told(&open, sink)) else { return sink.unread(Why::Encrypted) };
    let passwords = [password.as_slice()];
    let mut reading = Reading {
        file: &file,
        passwords: &passwords,
        sink,
        notes: Notes::default(),
        scans: Vec::new(),
        lines: HashSet::new(),
        empty: true,
    };
    reading.all();
}

/// A file that a password of the message opens, and the octets of that. All are tried at once before each: a broken file
/// is searched from end to end for every try.
fn told<'d>(open: &dyn Fn(&[&[u8]]) -> Option<File<'d>>, sink: &mut Sink<'_, '_>) -> Option<(Vec<u8>, File<'d>)> {
    let all: Vec<Vec<u8>> = sink.passwords().iter().flat_map(forms).collect();
    let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    if all.is_empty() || open(&all).is_none() {
        return None;
    }
    sink.with_password(TRY, |password, _| {
        forms(password).into_iter().find_map(|form| open(&[&form]).map(|file| (form, file)))
    })
}

/// A file that is being read.
struct Reading<'r, 'd, 's, 'l, 'k> {
    file: &'r File<'d>,
    passwords: &'r [&'r [u8]],
    sink: &'k mut Sink<'s, 'l>,
    notes: Notes,
    /// The pages that are scans, with what they show and how large they are.
    scans: Vec<(u32, Vec<content::Picture>, f64)>,
    /// Lines that were read, so that an older state tells only what is gone.
    lines: HashSet<u64>,
    /// Nothing was read and nothing was said to be unread.
    empty: bool,
}

impl Reading<'_, '_, '_, '_, '_> {
    fn all(&mut self) {
        let mut painter = Painter::new(self.file, STEPS);
        let (pages, more) = pages::pages(self.file);
        for (index, page) in (1u32..).zip(&pages) {
            let read = page.read(&mut painter, &mut self.notes);
            self.page(index, read);
        }
        if more {
            self.unread(Section::default(), Why::OverLimit);
        }
        self.document();
        self.gone(&mut painter, &pages);
        self.settle();
        let is_over = self.file.budget.is_over();
        self.scans();
        if is_over {
            self.unread(Section::default(), Why::OverLimit);
        }
        if self.empty {
            // A file without text is a picture to its reader, or nothing of it was understood.
            let why = if pages.is_empty() { Why::Damaged } else { Why::ScanWithoutOcr };
            self.unread(Section::default(), why);
        }
    }

    fn page(&mut self, index: u32, read: PageText) {
        let unit = Unit::Page(index);
        for (layer, text, cells) in read.texts {
            self.remember(&text);
            self.empty &= text.trim().is_empty();
            self.sink.text(Section { unit: unit.clone(), layer }, text, cells);
        }
        for why in read.unread {
            self.unread(Section { unit: unit.clone(), layer: Layer::Body }, why);
        }
        if self.scans.len() < self.sink.limits().pictures {
            self.scans.extend(read.scan.map(|(pictures, area)| (index, pictures, area)));
        }
    }

    /// Hands out the pictures of the pages that are scans: last, so that what they take is taken from no text.
    fn scans(&mut self) {
        for (index, drawn, area) in std::mem::take(&mut self.scans) {
            let (pictures, whole) = pictures::of_page(self.file, &drawn, area, self.sink.limits());
            let section = Section { unit: Unit::Page(index), layer: Layer::Body };
            self.sink.pictured(section, Why::ScanWithoutOcr, pictures, whole);
            self.settle();
        }
    }

    fn unread(&mut self, section: Section, why: Why) {
        self.empty = false;
        self.sink.unread_section(section, why);
    }

    fn text(&mut self, layer: Layer, text: String) {
        self.remember(&text);
        self.sink.text(layer, text, Vec::new());
    }

    fn remember(&mut self, text: &str) {
        self.lines.extend(text.lines().map(hash));
    }

    /// What belongs to no page.
    fn document(&mut self) {
        let root = catalog::root(self.file);
        let form = self.file.at(&root, b"AcroForm");
        if let Some(form) = form.dict() {
            let fields = self.notes.other_fields(self.file, form) + &catalog::xfa(self.file, form);
            self.empty &= fields.trim().is_empty();
            self.text(Layer::Field, fields);
        }
        let described = catalog::properties(self.file, &root) + &catalog::outline(self.file, &root);
        self.text(Layer::Property, described);
        self.text(Layer::AltText, catalog::descriptions(self.file, &root));
        self.text(Layer::Behind, catalog::scripts(self.file, &root));
        let on_pages = std::mem::take(&mut self.notes.files);
        for attached in catalog::attached(self.file, &root, on_pages) {
            self.text(Layer::Annotation, attached.described.clone());
            self.settle();
            let decoded = self.file.decode(&attached.stream);
            self.settle();
            self.empty = false;
            if !decoded.whole {
                self.sink.unread_file(&attached.name, Why::Damaged);
            }
            self.sink.file(&attached.name, &decoded.octets);
            self.settle();
        }
    }

    /// Takes what was unpacked from the message's budget, and what others took from ours.
    fn settle(&mut self) {
        let budget = &self.file.budget;
        let spent = budget.settle(self.sink.unpack_left());
        if spent > 0 {
            self.sink.may_unpack(spent.min(self.sink.unpack_left()));
        }
        budget.settle(self.sink.unpack_left());
    }

    /// What older states of the file still hold, and pages that are in no tree: deleted, and there.
    fn gone(&mut self, painter: &mut Painter<'_, '_>, pages: &[Page]) {
        let numbers: BTreeSet<u32> = pages.iter().map(|page| page.number).collect();
        if self.file.numbers().len() <= OBJECTS {
            for page in pages::loose(self.file, &numbers) {
                let read = page.read(painter, &mut Notes::default());
                self.deleted(Unit::Document, read);
            }
        }
        for section in self.file.older.iter().take(STATES) {
            let Some(old) = self.file.open_older(*section, self.passwords) else { continue };
            let (pages, _) = pages::pages(&old);
            let mut painter = Painter::new(&old, STEPS / 4);
            for (index, page) in (1u32..).zip(&pages) {
                if !pages::is_same(self.file, &old, page.number) {
                    let read = page.read(&mut painter, &mut Notes::default());
                    self.deleted(Unit::Page(index), read);
                }
            }
        }
    }

    /// The lines of a page that is gone, as far as they stand nowhere else.
    fn deleted(&mut self, unit: Unit, read: PageText) {
        let mut kept = String::new();
        for (_, text, _) in &read.texts {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                if self.lines.insert(hash(line)) {
                    kept.push_str(line);
                    kept.push('\n');
                }
            }
        }
        self.sink.text(Section { unit, layer: Layer::Deleted }, kept, Vec::new());
    }
}

/// Lines are told apart by their hash: a document has as many as it likes.
fn hash(line: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    line.trim().hash(&mut hasher);
    hasher.finish()
}
