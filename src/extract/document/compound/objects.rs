//! Objects in documents: a storage that holds a file, a document of its own, a picture or a form's control.

use super::super::Sink;
use super::native::Native;
use super::{Storage, storage, words};
use crate::extract::Layer;
use crate::extract::Why;
use crate::extract::sniff;

/// Streams that every object has, or that only draw it.
const PLAIN: [&str; 8] = [
    "\u{1}Ole",
    "\u{1}CompObj",
    "\u{3}ObjInfo",
    "\u{3}LinkInfo",
    "\u{3}OCXNAME",
    "\u{5}SummaryInformation",
    "\u{5}DocumentSummaryInformation",
    "\u{3}ACCESSOBJSITEDATA",
];
/// Storages that hold no objects: macros, signatures and the parts that content controls are bound to.
const NO_OBJECTS: [&str; 8] = [
    "Macros",
    "_VBA_PROJECT_CUR",
    "VBA",
    "MsoDataStore",
    "_xmlsignatures",
    "_signatures",
    "\u{6}DataSpaces",
    "ObjectPool",
];
/// More objects than a person puts into a document; the sink has limits of its own on files.
const MOST: usize = 2_000;

/// Reads every object that stands in a storage.
pub(super) fn all(pool: Storage<'_>, sink: &mut Sink<'_, '_>) {
    for (count, (name, object)) in pool.storages().filter(|(name, _)| !NO_OBJECTS.contains(name)).enumerate() {
        if count >= MOST {
            return sink.unread(Why::OverLimit);
        }
        if ["WordDocument", "Workbook", "Book", "PowerPoint Document"].iter().any(|stream| object.has(stream))
            || object.has("__properties_version1.0")
        {
            let name = name.trim_start_matches('_').to_string();
            sink.document(&format!("object-{name}"), |sink| storage(object, sink));
        } else {
            one(object, sink);
        }
    }
}

/// Reads an object, or a file that no reader knows by its streams.
pub(super) fn one(object: Storage<'_>, sink: &mut Sink<'_, '_>) {
    let mut known = object.storage("VBA").is_some() || object.storage("Macros").is_some();
    for (stream, name) in [("Package", "package"), ("EmbeddedOdf", "package"), ("package_stream", "package")] {
        if let Some(content) = object.stream(stream) {
            sink.file(name, &content);
            known = true;
        }
    }
    if let Some(stream) = object.stream("\u{1}Ole10Native") {
        match Native::in_stream(&stream) {
            Some(file) => sink.file(&file.name, file.content),
            // Drawing programs of old write their picture behind its size alone; what else has a mark is a file.
            None => match stream.get(4..).unwrap_or_default() {
                content if sniff::is_known(content) => sink.file("object", content),
                _ => sink.unread(Why::Media),
            },
        }
        known = true;
    }
    if object.storage("Quill").is_some() {
        sink.is("pub");
        publisher(object, sink);
        return sink.unread(Why::UnknownFormat);
    }
    if let Some(content) = object.stream("CONTENTS") {
        // A form's control when the document says how it is called there.
        match object.has("\u{3}OCXNAME") || object.size("CONTENTS") < 16 {
            true => sink.text(Layer::Field, words(&content), Vec::new()),
            false => sink.file("contents", &content),
        }
        known = true;
    }
    if object.has("Equation Native") || drawn(object) && only_drawn(object) {
        sink.unread(Why::Media);
        known = true;
    }
    if !known && (!only_drawn(object) || object.streams().next().is_none()) {
        sink.unread(Why::UnknownFormat);
    }
}

/// Whether a picture of the object is in it.
fn drawn(object: Storage<'_>) -> bool {
    object.streams().any(is_drawing)
}

/// Whether there is nothing else in it.
fn only_drawn(object: Storage<'_>) -> bool {
    object.streams().all(|name| PLAIN.contains(&name) || is_drawing(name))
}

fn is_drawing(name: &str) -> bool {
    name.starts_with("\u{2}OlePres") || matches!(name, "\u{3}META" | "\u{3}PIC" | "\u{3}PRINT" | "\u{3}EPRINT")
}

/// The text of a publication: nobody has published how it is laid out, but it stands there in UTF-16.
fn publisher(object: Storage<'_>, sink: &mut Sink<'_, '_>) {
    let quill = object.storage("Quill").and_then(|quill| quill.storage("QuillSub"));
    if let Some(content) = quill.and_then(|quill| quill.stream("CONTENTS")) {
        sink.text(Layer::Body, words(&content), Vec::new());
    }
}
