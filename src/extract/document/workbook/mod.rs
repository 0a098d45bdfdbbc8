//! XLSX and its kin: XLSM, XLTX, XLTM, XLAM (ECMA-376 parts 1 and 2; the strict form has other names for the same).
//!
//! Sheets are found by the workbook's relations, what belongs to a sheet by the sheet's. What no relation leads to is
//! read at last, so that no part with words stays unread for not being known. A file in the file (an embedded
//! document, a picture) is handed on. Macros, printer settings and fonts are not read. Cannot fail: a broken part ends
//! where it breaks, and that is said.

mod package;
mod parts;
mod pivot;
mod sheet;
mod strings;
mod styles;
mod tags;
#[cfg(test)]
pub(super) mod tests;
mod words;

use super::Sink;
use super::shown::Epoch;
use super::zip::Archive;
use crate::extract::{Layer, Section, Unit};
pub(super) use package::{Package, Relation};
pub(super) use parts::{attached, remains};
pub(super) use sheet::{margin, reference, truth};
pub(super) use strings::Strings;
pub(super) use styles::Styles;
use tags::{Step, Tags, unescape};

/// What is written in XML, with its references resolved.
pub(super) fn unescaped(written: &str) -> String {
    let mut out = String::with_capacity(written.len());
    unescape(written, &mut out);
    out
}

/// What the sheets of a workbook share.
#[derive(Default)]
struct Book {
    strings: Strings,
    styles: Styles,
    epoch: Epoch,
}

/// A sheet as the workbook lists it.
struct Listed {
    name: String,
    hidden: bool,
    relation: String,
}

/// Kinds of parts that are sheets.
const SHEETS: [&str; 5] = ["worksheet", "chartsheet", "dialogsheet", "xlMacrosheet", "xlIntlMacrosheet"];

/// Reads a workbook.
pub(super) fn read(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) {
    let mut package = Package::new(archive);
    let types = package.take_xml("[Content_Types].xml", sink).unwrap_or_default();
    sink.is(variant(&types));
    sink.keep_buffer(types.into_bytes());
    let roots = package.relations("", sink);
    let main = roots.iter().find(|relation| relation.kind == "officeDocument");
    let main = main.map_or("xl/workbook.xml", |relation| relation.target.as_str()).to_string();
    let relations = package.relations(&main, sink);
    let text = package.take_xml(&main, sink).unwrap_or_default();
    let (mut book, sheets) = workbook(&text, sink);
    sink.keep_buffer(text.into_bytes());
    for relation in &relations {
        let kind = relation.kind.as_str();
        if matches!(kind, "sharedStrings" | "styles") {
            let text = package.take_xml(&relation.target, sink).unwrap_or_default();
            match kind {
                "styles" => book.styles = Styles::read(&text),
                _ => book.strings = Strings::read(&text),
            }
            sink.keep_buffer(text.into_bytes());
        }
    }
    for listed in &sheets {
        let part = relations.iter().find(|relation| relation.id == listed.relation && !relation.external);
        if let Some(part) = part {
            one_sheet(&mut package, &part.target, &mut book, &listed.section(), sink);
        }
    }
    // Sheets that a program forgot to list.
    for name in package.left().iter().filter(|name| is_sheet(name)) {
        let section = Section { unit: Unit::Sheet(file_stem(name).to_string()), layer: Layer::Hidden };
        one_sheet(&mut package, name, &mut book, &section, sink);
    }
    if let Some(why) = book.strings.fault {
        sink.unread(why);
    }
    let phonetic = std::mem::take(&mut book.strings.phonetic);
    sink.text(Layer::Behind, book.strings.unused() + &phonetic, Vec::new());
    attached(&mut package, &main, &Unit::Document, sink);
    attached(&mut package, "", &Unit::Document, sink);
    remains(&mut package, sink);
}

/// The file's kind, by its types of content.
fn variant(types: &str) -> &'static str {
    let has = |word: &str| memchr::memmem::find(types.as_bytes(), word.as_bytes()).is_some();
    if has("ms-excel.addin.macroEnabled.main") {
        "xlam"
    } else if has("ms-excel.template.macroEnabled.main") {
        "xltm"
    } else if has("spreadsheetml.template.main") {
        "xltx"
    } else if has("ms-excel.sheet.macroEnabled.main") {
        "xlsm"
    } else {
        "xlsx"
    }
}

fn is_sheet(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".xml") && ["worksheets/", "chartsheets/", "macrosheets/"].iter().any(|folder| name.contains(folder))
}

fn file_stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// The workbook's own part: its sheets, and the names that are defined in it.
fn workbook(xml: &str, sink: &mut Sink<'_, '_>) -> (Book, Vec<Listed>) {
    let (mut book, mut sheets) = (Book::default(), Vec::new());
    let (mut names, mut rest) = (String::new(), String::new());
    let mut defining = false;
    let mut tags = Tags::new(xml);
    while let Some(step) = tags.next() {
        match step {
            Step::Open(tag) => match tag.name {
                "sheet" => {
                    let name = tag.attribute("name").unwrap_or_default();
                    words::line(&mut names, tag.written("name").unwrap_or_default());
                    let hidden = tag.written("state").is_some_and(|state| state != "visible");
                    sheets.push(Listed { name, hidden, relation: tag.attribute("id").unwrap_or_default() });
                }
                "workbookPr" if tag.is("date1904") => book.epoch = Epoch::Y1904,
                "definedName" => {
                    words::attributes(&tag, &mut rest);
                    defining = !tag.empty;
                }
                _ => words::attributes(&tag, &mut rest),
            },
            Step::Close("definedName") => {
                defining = false;
                rest.push('\n');
            }
            Step::Text(text) if defining => unescape(text, &mut rest),
            _ => {}
        }
    }
    if let Some(why) = tags.fault {
        sink.unread(why);
    }
    sink.text(Layer::Property, names, Vec::new());
    sink.text(Layer::Behind, rest, Vec::new());
    (book, sheets)
}

impl Listed {
    fn section(&self) -> Section {
        let layer = if self.hidden { Layer::Hidden } else { Layer::Body };
        Section { unit: Unit::Sheet(self.name.clone()), layer }
    }
}

fn one_sheet(package: &mut Package<'_, '_>, part: &str, book: &mut Book, section: &Section, sink: &mut Sink<'_, '_>) {
    if let Some(xml) = package.take_xml(part, sink) {
        sheet::read(&xml, book, section, sink);
        sink.keep_buffer(xml.into_bytes());
    }
    attached(package, part, &section.unit, sink);
}

/// Whether a relation leads to a sheet, which is read in its own turn.
fn leads_to_sheet(relation: &Relation) -> bool {
    SHEETS.contains(&relation.kind.as_str())
}
