//! Compound files (MS-CFB): which document a file is, by its streams.

use std::io::{Cursor, Read};

use super::{Sink, doc, msg, ppt, xls};
use crate::extract::Why;

/// A compound file in memory.
pub(super) struct Compound<'b> {
    octets: &'b [u8],
}

impl Compound<'_> {
    /// The content of a stream, by its path; none when there is none.
    pub(super) fn stream(&self, path: &str) -> Option<Vec<u8>> {
        let mut file = cfb::CompoundFile::open(Cursor::new(self.octets)).ok()?;
        let mut out = Vec::new();
        file.open_stream(path).ok()?.take(self.octets.len() as u64).read_to_end(&mut out).ok()?;
        Some(out)
    }
}

pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let file = Compound { octets };
    let Ok(streams) = cfb::CompoundFile::open(Cursor::new(octets)) else { return sink.unread(Why::Damaged) };
    let has = |path: &str| streams.exists(path);
    if has("/EncryptedPackage") {
        sink.unread(Why::Encrypted);
    } else if has("/WordDocument") {
        doc::read(&file, sink);
    } else if let Some(workbook) = file.stream("/Workbook").or_else(|| file.stream("/Book")) {
        xls::read(&workbook, sink);
    } else if has("/PowerPoint Document") {
        ppt::read(&file, sink);
    } else if has("/__properties_version1.0") {
        msg::read(&file, sink);
    } else {
        sink.unread(Why::UnknownFormat);
    }
}
