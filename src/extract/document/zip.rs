//! Zip archives (APPNOTE), and which document one is.

use std::io::Read;

use super::{Sink, odf, slides, word, workbook, xlsb};
use crate::extract::Why;

/// The files of a zip archive.
pub(super) struct Archive<'b> {
    octets: &'b [u8],
    entries: Vec<Entry>,
}

/// One file of it.
pub(super) struct Entry {
    /// Its path.
    pub(super) name: String,
    /// The compression method (4.4.5).
    method: u16,
    /// Whether it is encrypted.
    pub(super) locked: bool,
    /// Where its compressed octets stand.
    data: std::ops::Range<usize>,
}

impl Archive<'_> {
    /// The paths of its files.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Its files.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The content of a file, by its path; none when there is none, or it cannot be unpacked, which the sink is told.
    pub(super) fn file(&self, name: &str, sink: &mut Sink<'_, '_>) -> Option<Vec<u8>> {
        let name = name.trim_start_matches('/');
        let entry = self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))?;
        match self.unpack(entry, sink) {
            Ok(content) => Some(content),
            Err(why) => {
                sink.unread(why);
                None
            }
        }
    }

    /// The content of an entry.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) fn unpack(&self, entry: &Entry, sink: &mut Sink<'_, '_>) -> Result<Vec<u8>, Why> {
        if entry.locked {
            return Err(Why::Encrypted);
        }
        let data = self.octets.get(entry.data.clone()).ok_or(Why::Damaged)?;
        let most = sink.unpack_left();
        let mut content = Vec::new();
        match entry.method {
            0 => content.extend_from_slice(data.get(..most.min(data.len())).unwrap_or(data)),
            8 => {
                let bound = most as u64 + 1;
                flate2::read::DeflateDecoder::new(data)
                    .take(bound)
                    .read_to_end(&mut content)
                    .map_err(|_| Why::Damaged)?;
            }
            _ => return Err(Why::UnknownFormat),
        }
        if sink.may_unpack(content.len()) { Ok(content) } else { Err(Why::OverLimit) }
    }
}

pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let Some(archive) = directory(octets) else { return sink.unread(Why::Damaged) };
    let has = |name: &str| archive.names().any(|known| known == name);
    if has("[Content_Types].xml") {
        match archive.names().find_map(|name| name.split_once('/').map(|(folder, _)| folder)) {
            _ if has("xl/workbook.bin") => xlsb::read(&archive, sink),
            _ if archive.names().any(|name| name.starts_with("xl/")) => workbook::read(&archive, sink),
            _ if archive.names().any(|name| name.starts_with("ppt/")) => slides::read(&archive, sink),
            _ => word::read(&archive, sink),
        }
    } else if has("mimetype") && has("content.xml") {
        odf::read(&archive, sink);
    } else {
        for entry in archive.entries() {
            match archive.unpack(entry, sink) {
                Ok(content) => sink.file(&entry.name, &content),
                Err(why) => sink.unread_file(&entry.name, why),
            }
        }
    }
}

/// The central directory (4.3.12).
fn directory(octets: &[u8]) -> Option<Archive<'_>> {
    let end = memchr::memmem::rfind(octets, b"PK\x05\x06")?;
    let mut at = u32_at(octets, end + 16)? as usize;
    let mut entries = Vec::new();
    while octets.get(at..).is_some_and(|rest| rest.starts_with(b"PK\x01\x02")) && entries.len() < 2000 {
        let (name, extra, comment) = (u16_at(octets, at + 28)?, u16_at(octets, at + 30)?, u16_at(octets, at + 32)?);
        let packed = u32_at(octets, at + 20)? as usize;
        let local = u32_at(octets, at + 42)? as usize;
        let start = local + 30 + usize::from(u16_at(octets, local + 26)?) + usize::from(u16_at(octets, local + 28)?);
        let path = octets.get(at + 46..at + 46 + usize::from(name))?;
        if !path.ends_with(b"/") {
            entries.push(Entry {
                name: String::from_utf8_lossy(path).into_owned(),
                method: u16_at(octets, at + 10)?,
                locked: u16_at(octets, at + 8)? & 1 == 1,
                data: start..start.checked_add(packed)?,
            });
        }
        at += 46 + usize::from(name) + usize::from(extra) + usize::from(comment);
    }
    Some(Archive { octets, entries })
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
