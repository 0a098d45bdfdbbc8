//! EPUB (EPUB 3.3): its pages, and what it says of itself.
//!
//! Every page in the archive is read, in the reading order or not. Style sheets and fonts hold nothing to read. Cannot
//! fail.

use super::xml::{Node, Xml, decoded};
use super::zip::Archive;
use super::{Pictures, Sink};
use crate::extract::{Layer, Section};

/// Reads a book.
pub(super) fn read(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) {
    sink.is("epub");
    let mut pictures = Pictures::default();
    for entry in archive.entries() {
        let name = entry.name.to_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&["/", ".css", ".ttf", ".otf", ".woff", ".woff2"])
            || name == "mimetype"
            || name.starts_with("meta-inf/")
        {
            continue;
        }
        match archive.unpack(entry, sink) {
            Ok(content) if ends(&[".xhtml", ".html", ".htm", ".xml", ".ncx"]) => {
                sink.page(Section::default(), &decoded(&content));
            }
            Ok(content) if ends(&[".opf"]) => sink.text(Layer::Property, metadata(&decoded(&content)), Vec::new()),
            Ok(content) => pictures.file(&entry.name, &content, sink),
            Err(why) => sink.unread_file(&entry.name, why),
        }
    }
}

/// The texts of the metadata, one a line.
fn metadata(source: &str) -> String {
    let mut xml = Xml::new(source);
    let mut out = String::new();
    let mut inside = false;
    while let Some(node) = xml.next() {
        match node {
            Node::Open(element) => inside |= element.name() == "metadata",
            Node::Close(name) => inside &= name != "metadata",
            Node::Text(text) if inside && !text.trim().is_empty() => {
                out.push_str(text.trim());
                out.push('\n');
            }
            Node::Text(_) => {}
        }
    }
    out
}
