//! What belongs to a sheet or a workbook beside its cells: comments, drawings, charts, pivot caches, properties.

use super::package::{Package, Relation};
use super::tags::{Step, Tags, cell_text};
use super::{leads_to_sheet, pivot, reference, words};
use crate::extract::document::Sink;
use crate::extract::document::cells::Cells;
use crate::extract::document::xls::wide_texts;
use crate::extract::document::xlsb;
use crate::extract::{Layer, Section, Unit};

/// More parts that lead to parts than any program writes.
const DEEPEST: usize = 8;

/// Kinds of parts that hold no word of a person.
const WORDLESS: [&str; 6] =
    ["calcChain", "printerSettings", "vbaProject", "sheetMetadata", "volatileDependencies", "vbaProjectSignature"];

/// Reads the parts that belong to a part, and theirs.
pub(in crate::extract::document) fn attached(
    package: &mut Package<'_, '_>,
    part: &str,
    unit: &Unit,
    sink: &mut Sink<'_, '_>,
) {
    of_part(package, part, unit, DEEPEST, sink);
}

fn of_part(package: &mut Package<'_, '_>, part: &str, unit: &Unit, depth: usize, sink: &mut Sink<'_, '_>) {
    let mut links = String::new();
    for relation in package.relations(part, sink) {
        if relation.external {
            words::line(&mut links, &relation.target);
        } else if !leads_to_sheet(&relation) {
            one(package, &relation, unit, sink);
            if depth > 0 {
                of_part(package, &relation.target, unit, depth - 1, sink);
            }
        }
    }
    sink.text(Section { unit: unit.clone(), layer: Layer::Behind }, links, Vec::new());
}

fn one(package: &mut Package<'_, '_>, relation: &Relation, unit: &Unit, sink: &mut Sink<'_, '_>) {
    let kind = relation.kind.as_str();
    let layer = match kind {
        _ if WORDLESS.contains(&kind) => return,
        "comments" if relation.target.ends_with(".bin") => {
            let octets = package.take(&relation.target, sink).unwrap_or_default();
            return xlsb::comments(&octets, unit, sink);
        }
        "comments" | "threadedComment" => return comments(package, &relation.target, unit, sink),
        "pivotCacheDefinition" if relation.target.ends_with(".xml") => {
            return pivot_cache(package, &relation.target, sink);
        }
        "image" | "oleObject" | "package" | "video" | "audio" | "media" | "attachedToolbars" => {
            return embedded(package, &relation.target, sink);
        }
        "drawing" | "vmlDrawing" | "legacyDrawing" | "diagramData" | "diagramDrawing" => Layer::TextBox,
        "chart" | "chartEx" | "chartUserShapes" => Layer::Chart,
        "core-properties" | "extended-properties" | "custom-properties" | "person" => Layer::Property,
        _ => Layer::Behind,
    };
    any(package, &relation.target, unit, layer, sink);
}

/// A part of XML of any kind, for its words; another is handed on.
fn any(package: &mut Package<'_, '_>, part: &str, unit: &Unit, layer: Layer, sink: &mut Sink<'_, '_>) {
    let name = part.to_ascii_lowercase();
    if name.ends_with(".bin") {
        return binary(package, part, Section { unit: unit.clone(), layer }, sink);
    }
    if !(name.ends_with(".xml") || name.ends_with(".vml") || name.ends_with(".rels")) {
        return embedded(package, part, sink);
    }
    let Some(xml) = package.take_xml(part, sink) else { return };
    let found = words::read(&xml, name.starts_with("customxml/"));
    sink.keep_buffer(xml.into_bytes());
    let section = |layer| Section { unit: unit.clone(), layer };
    // Old drawings are no well-formed XML, and need not be.
    if let Some(why) = found.fault.filter(|_| !name.ends_with(".vml")) {
        sink.unread_section(section(layer), why);
    }
    sink.text(section(layer), found.text, Vec::new());
    sink.text(section(Layer::AltText), found.alt, Vec::new());
}

/// A binary part: a document of its own by its mark, or records and settings with text among them.
fn binary(package: &mut Package<'_, '_>, part: &str, section: Section, sink: &mut Sink<'_, '_>) {
    let Some(octets) = package.take(part, sink) else { return };
    if octets.starts_with(b"\xd0\xcf\x11\xe0") || octets.starts_with(b"PK") {
        return sink.file(file_name(part), &octets);
    }
    sink.text(section, wide_texts(&octets), Vec::new());
}

fn file_name(part: &str) -> &str {
    part.rsplit('/').next().unwrap_or(part)
}

/// A file in the file.
fn embedded(package: &mut Package<'_, '_>, part: &str, sink: &mut Sink<'_, '_>) {
    let name = part.to_ascii_lowercase();
    if ["thumbnail", ".odttf"].iter().any(|word| name.contains(word)) {
        return;
    }
    if let Some(octets) = package.take(part, sink) {
        sink.file(file_name(part), &octets);
    }
}

/// Comments, with their cells (18.7; MS-XLSX 2.6.205 for those with threads).
fn comments(package: &mut Package<'_, '_>, part: &str, unit: &Unit, sink: &mut Sink<'_, '_>) {
    let Some(xml) = package.take_xml(part, sink) else { return };
    let mut cells = Cells::new(sink);
    let (mut at, mut text, mut authors) = ((0, 0), String::new(), String::new());
    let (mut in_text, mut in_author) = (false, false);
    let mut tags = Tags::new(&xml);
    while let Some(step) = tags.next() {
        match step {
            Step::Open(tag) => match tag.name {
                "comment" | "threadedComment" => {
                    at = tag.written("ref").and_then(reference).unwrap_or_default();
                    text.clear();
                }
                "t" | "text" => in_text = !tag.empty,
                "author" => in_author = !tag.empty,
                _ => {}
            },
            Step::Close("comment" | "threadedComment") => {
                cells.string(at.0, at.1, text.trim());
                text.clear();
            }
            Step::Close("author") => {
                in_author = false;
                authors.push('\n');
            }
            Step::Close("t" | "text") => in_text = false,
            Step::Text(written) if in_text => cell_text(written, &mut text),
            Step::Text(written) if in_author => cell_text(written, &mut authors),
            Step::Verbatim(written) if in_text => text.push_str(written),
            _ => {}
        }
    }
    let section = |layer| Section { unit: unit.clone(), layer };
    if let Some(why) = tags.fault {
        sink.unread_section(section(Layer::Comment), why);
    }
    cells.finish(&section(Layer::Comment), sink);
    sink.text(section(Layer::Behind), authors, Vec::new());
}

fn pivot_cache(package: &mut Package<'_, '_>, part: &str, sink: &mut Sink<'_, '_>) {
    let Some(definition) = package.take_xml(part, sink) else { return };
    let records = package.relations(part, sink).into_iter().find(|relation| relation.kind == "pivotCacheRecords");
    let records = records.and_then(|relation| package.take_xml(&relation.target, sink));
    pivot::read(&definition, records.as_deref(), sink);
}

/// Reads what no relation led to.
pub(in crate::extract::document) fn remains(package: &mut Package<'_, '_>, sink: &mut Sink<'_, '_>) {
    for part in package.left() {
        let name = part.to_ascii_lowercase();
        let wordless =
            ["calcchain.", "metadata.", "[content_types].xml", "printersettings", "vbaproject", "binaryindex"];
        if wordless.iter().any(|word| name.contains(word)) {
            continue;
        }
        let layer = if name.starts_with("docprops/") { Layer::Property } else { Layer::Behind };
        any(package, &part, &Unit::Document, layer, sink);
    }
}
