//! OpenDocument (ODF 1.3 part 2 and 3): texts, sheets, slides, drawings, templates, in a package or as one XML file.
//!
//! Reads the content, the styles (headers and footers stand there), the properties, the objects inside, and hands over
//! every other file. A document on lock is said to be so, unless a password of the message opens it. Cannot fail.

mod draft;
mod table;
mod walk;

use walk::Walk;

use super::xml::decoded;
use super::zip::Archive;
use super::{Pictures, Sink, lock};
use crate::extract::{Layer, Why};

/// Whether an archive is an OpenDocument package, also one that lost its type.
pub(super) fn is(archive: &Archive<'_>) -> bool {
    let beside = ["mimetype", "META-INF/manifest.xml", "styles.xml", "meta.xml"];
    archive.has("encrypted-package") || archive.has("content.xml") && beside.iter().any(|name| archive.has(name))
}

/// Reads a package.
pub(super) fn read(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) {
    let kind = archive.file("mimetype", sink).unwrap_or_default();
    sink.is(format(&String::from_utf8_lossy(&kind)));
    let manifest = archive.file("META-INF/manifest.xml", sink).unwrap_or_default();
    if archive.has("encrypted-package") || memchr::memmem::find(&manifest, b"encryption-data").is_some() {
        return match lock::files(archive, &decoded(&manifest), sink) {
            Some(files) => parts(&archive.with(files), sink),
            None => sink.unread(Why::Encrypted),
        };
    }
    parts(archive, sink);
}

/// Reads the files of a package that is open.
fn parts(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) {
    // The styles come first: they say what the content hides.
    let mut walk = Walk::default();
    for part in ["styles.xml", "meta.xml", "content.xml"] {
        if let Some(content) = archive.file(part, sink) {
            walk.part(&decoded(&content), sink);
            sink.keep_buffer(content);
        }
    }
    walk.end(sink);
    for entry in archive.entries() {
        let name = entry.name.as_str();
        if name.ends_with("/content.xml") {
            if let Some(content) = archive.file(name, sink) {
                Walk::inside(Layer::TextBox).part(&decoded(&content), sink);
            }
        } else if !is_plumbing(name) {
            match archive.unpack(entry, sink) {
                Ok(content) => walk.pictures().file(name, &content, sink),
                Err(why) => sink.unread_file(name, why),
            }
        }
    }
}

/// Reads a document that is one XML file.
pub(super) fn read_flat(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let source = decoded(octets);
    let start = source.get(..source.floor_char_boundary(65_536)).unwrap_or_default();
    let kind = start.split_once("office:mimetype=").map_or("", |(_, rest)| rest);
    sink.is(match format(kind.get(1..kind.floor_char_boundary(80)).unwrap_or_default()) {
        "ods" => "fods",
        "odp" => "fodp",
        "odg" => "fodg",
        _ => "fodt",
    });
    let mut walk = Walk::default();
    walk.part(&source, sink);
    walk.end(sink);
}

/// The word for a media type.
fn format(kind: &str) -> &'static str {
    let has = |word| kind.contains(word);
    match () {
        () if has("spreadsheet") || has("calc") => "ods",
        () if has("presentation") || has("impress") => "odp",
        () if has("graphics") || has("draw") => "odg",
        () if has("formula") || has("math") => "odf",
        () => "odt",
    }
}

/// Files that hold what is shown elsewhere, or nothing that is shown.
fn is_plumbing(name: &str) -> bool {
    let folders = ["META-INF/", "Thumbnails/", "Configurations", "ObjectReplacements/", "Basic/", "Dialogs/"];
    let files = ["mimetype", "content.xml", "styles.xml", "meta.xml", "settings.xml", "manifest.rdf", "layout-cache"];
    name.ends_with('/')
        || folders.iter().any(|folder| name.starts_with(folder))
        || files.contains(&name)
        // Of an object inside.
        || ["/styles.xml", "/settings.xml", "/meta.xml", "/manifest.rdf", "/mimetype"].iter().any(|end| name.ends_with(end))
}
