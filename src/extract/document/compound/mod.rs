//! Compound files (MS-CFB): which document a file is, by its streams, its properties and the objects in it.
//!
//! A storage inside a document can be a document itself, so all reading begins at a [`Storage`].

mod file;
mod native;
mod objects;
mod properties;

pub(super) use file::{Compound, Storage};
pub(super) use native::{Native, ole1};
pub(super) use properties::{code_page, words};

use super::{Sink, doc, lock, msg, ppt, xls, zip};
use crate::extract::Why;

/// What Outlook and Office wrap with rights management in (MS-OFFCRYPTO 2.2).
const RIGHTS: &str = "\u{9}DRMContent";
/// What locked OOXML stands in (MS-OFFCRYPTO 2.3.4.4).
const LOCKED: &str = "EncryptedPackage";

pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let Some(file) = Compound::open(octets) else { return sink.unread(Why::Damaged) };
    storage(file.root(), sink);
    if file.is_over() {
        sink.unread(Why::OverLimit);
    } else if file.is_cut() {
        sink.unread(Why::Damaged);
    }
}

/// Reads a storage as the document that it is.
pub(super) fn storage(at: Storage<'_>, sink: &mut Sink<'_, '_>) {
    if let Some(package) = at.stream(LOCKED).and_then(|package| lock::package(at, &package, sink)) {
        return zip::read(&package, sink);
    }
    if at.has(LOCKED) || at.has(RIGHTS) {
        // What is shown to those without rights is a document too.
        sink.unread(Why::Encrypted);
        if !at.has("WordDocument") {
            return;
        }
    }
    if at.has("__properties_version1.0") {
        sink.is("msg");
        return msg::read(at, sink);
    }
    properties::read(at, sink);
    if at.has("WordDocument") {
        sink.is("doc");
        doc::read(at, sink);
        if let Some(pool) = at.storage("ObjectPool") {
            objects::all(pool, sink);
        }
    } else if let Some(workbook) = at.stream("Workbook").or_else(|| at.stream("Book")) {
        sink.is("xls");
        xls::read(&workbook, sink);
        objects::all(at, sink);
    } else if at.has("PowerPoint Document") {
        sink.is("ppt");
        ppt::read(at, sink);
    } else {
        objects::one(at, sink);
    }
}
