//! Zip archives (APPNOTE), and which document one is.
//!
//! Hands the files of an OOXML, OpenDocument or other package to the reader of that, and every file of a plain archive
//! to whoever reads files. Names are shown and read as text, never used as a path. What is encrypted, broken, doubtful
//! or too large is said of that file alone, and the rest is read.

mod directory;
mod header;
mod lock;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use directory::Directory;
pub(super) use directory::is_behind;
pub(super) use header::Entry;

use super::unpack::{self, Unpacked};
use super::{Sink, epub, iwork, odf, slides, word, workbook, xlsb};
use crate::extract::passwords::forms;
use crate::extract::{Layer, Why};

/// The files of a zip archive.
pub(super) struct Archive<'b> {
    octets: &'b [u8],
    directory: Directory,
    /// Files that are locked by the document that the archive is, below that lock.
    unlocked: BTreeMap<String, Vec<u8>>,
}

impl Archive<'_> {
    /// The paths of its files.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().map(|entry| entry.name.as_str())
    }

    /// Its files.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.directory.entries
    }

    /// Whether there is a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The content of a file, by its path; none when there is none, or it cannot be unpacked, which the sink is told.
    pub(super) fn file(&self, name: &str, sink: &mut Sink<'_, '_>) -> Option<Vec<u8>> {
        let name = name.trim_start_matches('/');
        let entry = self.entries().iter().find(|entry| entry.name.eq_ignore_ascii_case(name))?;
        match self.unpack(entry, sink) {
            Ok(content) => Some(content),
            Err(why) => {
                sink.unread(why);
                None
            }
        }
    }

    /// The octets of a file as they stand in the archive, which are not compressed.
    pub(super) fn packed(&self, name: &str, sink: &mut Sink<'_, '_>) -> Option<Vec<u8>> {
        let entry = self.entries().iter().find(|entry| entry.name == name)?;
        self.unpack(entry, sink).ok()
    }

    /// The same archive with some of its files below the lock that the document has.
    pub(super) fn with(&self, unlocked: BTreeMap<String, Vec<u8>>) -> Self {
        Self { octets: self.octets, directory: self.directory.clone(), unlocked }
    }

    /// The content of an entry. What came before a fault is given, and the sink is told of the fault.
    ///
    /// # Errors
    /// Why nothing of it can be had.
    pub(super) fn unpack(&self, entry: &Entry, sink: &mut Sink<'_, '_>) -> Result<Vec<u8>, Why> {
        if let Some(content) = self.unlocked.get(&entry.name) {
            return Ok(content.clone());
        }
        // Only an entry without a local header ends at the very start.
        let data = self.octets.get(entry.data.clone()).filter(|_| entry.data.end > 0);
        if entry.locked {
            return self.unlock(entry, data.unwrap_or_default(), sink).ok_or(Why::Encrypted);
        }
        let read = unpacked(entry, data.ok_or(Why::Damaged)?, sink);
        match read.fault {
            Some(why) if read.content.is_empty() => return Err(why),
            Some(why) => sink.unread(why),
            None => {}
        }
        Ok(read.content)
    }

    /// The content of a locked entry, whole: of a part one could not say whether the password was right.
    fn unlock(&self, entry: &Entry, data: &[u8], sink: &mut Sink<'_, '_>) -> Option<Vec<u8>> {
        let lock = entry.lock?;
        sink.with_password(lock.work(), |password, sink| {
            forms(password).iter().find_map(|password| {
                let read = unpacked(entry, &lock.open(password, data)?, sink);
                read.fault.is_none().then_some(read.content)
            })
        })
    }

    /// Hands every file to whoever reads files.
    fn files(&self, sink: &mut Sink<'_, '_>) {
        let names: BTreeSet<&str> = self.names().collect();
        for entry in self.entries() {
            // A folder is named by the files in it.
            let after = (Bound::Excluded(entry.name.as_str()), Bound::Unbounded);
            let next = names.range::<str, _>(after).next();
            if !(entry.name.ends_with('/') && next.is_some_and(|next| next.starts_with(&entry.name))) {
                self.hand_over(entry, sink);
            }
        }
    }

    fn hand_over(&self, entry: &Entry, sink: &mut Sink<'_, '_>) {
        if let Some(other) = &entry.other_name {
            sink.unread_file(other, Why::Ambiguous);
        }
        if entry.overlaps {
            return sink.unread_file(&entry.name, Why::Ambiguous);
        }
        match self.unpack(entry, sink) {
            Ok(content) => {
                sink.file(&entry.name, &content);
                sink.keep_buffer(content);
            }
            Err(why) => sink.unread_file(&entry.name, why),
        }
    }
}

/// The content of an entry's octets, and whether they are what its checksum says.
fn unpacked(entry: &Entry, data: &[u8], sink: &mut Sink<'_, '_>) -> Unpacked {
    let mut read = unpack::by_zip_method(entry.method, data, entry.size, sink);
    let mut sum = flate2::Crc::new();
    sum.update(&read.content);
    if read.fault.is_none() && entry.checksum.is_some_and(|known| known != sum.sum()) {
        read.fault = Some(Why::Damaged);
    }
    read
}

/// Reads an archive, as every kind of document that it is.
pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let archive = Archive { octets, directory: directory::read(octets), unlocked: BTreeMap::new() };
    let directory = &archive.directory;
    let faults = [
        (directory.locked, Why::Encrypted),
        (directory.ambiguous, Why::Ambiguous),
        (directory.over_limit, Why::OverLimit),
        (directory.damaged, Why::Damaged),
    ];
    for (_, why) in faults.into_iter().filter(|(found, _)| *found) {
        sink.unread(why);
    }
    sink.text(Layer::Comment, directory.comments.clone(), Vec::new());
    if !as_document(&archive, sink) {
        return archive.files(sink);
    }
    // The readers of documents take the first file of a name.
    for entry in archive.entries().iter().filter(|entry| entry.shadowed || entry.other_name.is_some()) {
        archive.hand_over(entry, sink);
    }
}

/// Reads an archive as a document, or as two when it is two; false when it is none.
fn as_document(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) -> bool {
    let within = |folder: &str| archive.names().any(|name| starts_with(name, folder));
    let mut found = false;
    if archive.has("[Content_Types].xml") {
        let workbook = within("xl/") || archive.has("workbook.xml");
        let (cells, slides, other) = (workbook, within("ppt/"), within("visio/") || within("Documents/"));
        match cells {
            true if archive.has("xl/workbook.bin") => xlsb::read(archive, sink),
            true => workbook::read(archive, sink),
            false => {}
        }
        if slides {
            slides::read(archive, sink);
        }
        if within("word/") || !(cells || slides || other) {
            word::read(archive, sink);
        }
        found = cells || slides || !other || within("word/");
    }
    if odf::is(archive) {
        odf::read(archive, sink);
        found = true;
    }
    if archive.has("META-INF/container.xml") && archive.names().any(|name| name.to_lowercase().ends_with(".opf")) {
        epub::read(archive, sink);
        found = true;
    }
    if iwork::is(archive) {
        iwork::read(archive, sink);
        found = true;
    }
    found
}

fn starts_with(name: &str, folder: &str) -> bool {
    name.get(..folder.len()).is_some_and(|start| start.eq_ignore_ascii_case(folder))
}
