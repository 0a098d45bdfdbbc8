//! Word documents, templates and their like (DOCX, DOCM, DOTX, DOTM): all parts, the main one first.
//!
//! Source: ECMA-376 parts 1 and 2; MS-DOCX for what came later. Also takes what is a package and no presentation or
//! workbook (XPS, drawings): its text is read as it stands.

use super::Sink;
use super::opc::{self, Package};
use super::zip::Archive;
use crate::extract::Unit;

pub(super) fn read(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) {
    sink.is(format(archive));
    let mut package = Package::new(archive, sink);
    let main = package.main(sink).or_else(|| package.part("word/document.xml"));
    if let Some(main) = main {
        package.read(main, &Unit::Document, sink);
    }
    package.finish(main.is_some(), sink);
}

/// Whether a text begins like a document of Word or PowerPoint that is one XML file.
pub(in crate::extract) fn is_single(start: &str) -> bool {
    let start = start.to_ascii_lowercase();
    ["progid=\"word.document\"", "progid=\"powerpoint.show\"", "<pkg:package", "<w:worddocument"]
        .iter()
        .any(|mark| start.contains(mark))
}

/// Reads such a document.
pub(in crate::extract) fn read_single(xml: &str, sink: &mut Sink<'_, '_>) {
    opc::read_single(xml, sink);
}

fn format(archive: &Archive<'_>) -> &'static str {
    let has = |folder: &str| archive.names().any(|name| name.starts_with(folder));
    match () {
        () if has("visio/") => "vsdx",
        () if has("FixedDocSeq") || has("Documents/") => "xps",
        () => "docx",
    }
}
