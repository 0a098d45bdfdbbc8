//! RAR archives, version 4 and 5 (technote of RARLAB; UnRAR's headers for version 4).
//!
//! Names are read, and files that were only stored; there is no reader for what is compressed. Encrypted files and
//! headers are said. Sizes are not believed. Cannot fail.

use super::Sink;
use crate::extract::Why;

/// More files than a person sends.
const MOST_FILES: usize = 2_000;

/// Reads the names and stored files of a RAR archive.
pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let mut files = 0;
    let mut each = |file: File<'_>, sink: &mut Sink<'_, '_>| {
        files += 1;
        if files > MOST_FILES {
            sink.unread(Why::OverLimit);
        } else if let Some(why) = file.unread {
            sink.unread_file(&file.name, why);
        } else if file.folder {
            sink.name_only(&file.name);
        } else if sink.may_unpack(file.content.len()) {
            sink.file(&file.name, file.content);
        }
        files <= MOST_FILES
    };
    let whole = match octets.strip_prefix(b"Rar!\x1A\x07\x01\0") {
        Some(blocks) => version_5(blocks, sink, &mut each),
        None => version_4(octets.get(7..).unwrap_or_default(), sink, &mut each),
    };
    if whole.is_none() {
        sink.unread(Why::Damaged);
    }
}

/// One file of an archive.
struct File<'o> {
    name: String,
    content: &'o [u8],
    folder: bool,
    unread: Option<Why>,
}

/// Blocks of version 5 (technote, "General archive block format"); none at a fault.
fn version_5<'o, 's, 'l>(
    mut rest: &'o [u8],
    sink: &mut Sink<'s, 'l>,
    each: &mut impl FnMut(File<'o>, &mut Sink<'s, 'l>) -> bool,
) -> Option<()> {
    while !rest.is_empty() {
        let mut at = rest.get(4..)?;
        let size = number(&mut at)?;
        let (mut header, behind) = at.split_at_checked(size)?;
        let (kind, flags) = (number(&mut header)?, number(&mut header)?);
        let extra = if flags & 1 != 0 { number(&mut header)? } else { 0 };
        let packed = if flags & 2 != 0 { number(&mut header)? } else { 0 };
        let content = behind.get(..packed).unwrap_or(behind);
        match kind {
            2 if !each(file_5(header, extra, content)?, sink) => return Some(()),
            4 => {
                sink.unread(Why::Encrypted);
                return Some(());
            }
            5 => return Some(()),
            _ => {}
        }
        rest = behind.get(packed..)?;
    }
    // Programs write an end.
    None
}

fn file_5<'o>(mut header: &'o [u8], extra: usize, content: &'o [u8]) -> Option<File<'o>> {
    let mut records = header.get(header.len().checked_sub(extra)?..)?;
    let flags = number(&mut header)?;
    let _unpacked = number(&mut header)?;
    let _attributes = number(&mut header)?;
    header = header.get(if flags & 2 != 0 { 4 } else { 0 } + if flags & 4 != 0 { 4 } else { 0 }..)?;
    let method = number(&mut header)? >> 7 & 7;
    let _system = number(&mut header)?;
    let length = number(&mut header)?;
    let name = String::from_utf8_lossy(header.get(..length)?).into_owned();
    let mut locked = false;
    while let Some(size) = number(&mut records) {
        let Some((mut record, behind)) = records.split_at_checked(size) else { break };
        locked |= number(&mut record) == Some(1);
        records = behind;
    }
    let folder = flags & 1 != 0;
    let unread = match () {
        () if locked => Some(Why::Encrypted),
        () if method != 0 && !folder => Some(Why::UnknownFormat),
        () => None,
    };
    Some(File { name, content, folder, unread })
}

/// A number of 7 bits an octet, the lowest first.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for shift in (0..63).step_by(7) {
        let (&octet, behind) = rest.split_first()?;
        *rest = behind;
        value |= usize::from(octet & 0x7F) << shift;
        if octet & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Blocks of version 4; none at a fault.
fn version_4<'o, 's, 'l>(
    mut rest: &'o [u8],
    sink: &mut Sink<'s, 'l>,
    each: &mut impl FnMut(File<'o>, &mut Sink<'s, 'l>) -> bool,
) -> Option<()> {
    while !rest.is_empty() {
        let flags = u16_at(rest, 3)?;
        let size = usize::from(u16_at(rest, 5)?).max(7);
        let (header, behind) = rest.split_at_checked(size)?;
        let added = if flags & 0x8000 != 0 { u32_at(header, 7)? as usize } else { 0 };
        match rest.get(2)? {
            0x73 if flags & 0x80 != 0 => {
                sink.unread(Why::Encrypted);
                return Some(());
            }
            0x74 if !each(file_4(header, flags, behind.get(..added).unwrap_or(behind))?, sink) => return Some(()),
            0x7B => return Some(()),
            _ => {}
        }
        rest = behind.get(added..)?;
    }
    // Version 2 and 3 wrote no end.
    Some(())
}

fn file_4<'o>(header: &'o [u8], flags: u16, content: &'o [u8]) -> Option<File<'o>> {
    let method = *header.get(25)?;
    let length = usize::from(u16_at(header, 26)?);
    let start = if flags & 0x100 != 0 { 40 } else { 32 };
    let name = header.get(start..start + length)?;
    // With flag 0x200 the name stands there twice: in a charset of old, a zero, and coded.
    let name = name.split(|&b| b == 0).next().unwrap_or_default();
    let folder = flags & 0xE0 == 0xE0;
    let unread = match () {
        () if flags & 4 != 0 => Some(Why::Encrypted),
        () if method != 0x30 && !folder => Some(Why::UnknownFormat),
        () => None,
    };
    Some(File { name: crate::message::charset::decode_header(name).into_owned(), content, folder, unread })
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}
