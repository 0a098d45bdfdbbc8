//! A zip file (APPNOTE 6.3) -> the files in it: just what an export in a zip needs, stored or deflated.
//!
//! Sizes in its headers are claims: no more than [`MOST`] octets are unpacked in all. What cannot be read is left out.

use std::io::Read;

/// The most that all files together may unpack to, in octets: a board's export is some tens of megabytes.
const MOST: usize = 256 << 20;
/// A central directory of more files is no roster.
const MOST_FILES: usize = 1_000;

/// Whether octets begin as a zip file does.
pub fn is_zip(octets: &[u8]) -> bool {
    octets.starts_with(b"PK\x03\x04")
}

/// The files: name and content. None when it is no zip file, is locked, or unpacks to too much.
pub fn files(octets: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut at = directory(octets)?;
    let (mut files, mut left) = (Vec::new(), MOST);
    // APPNOTE 4.3.12: the central directory header.
    while octets.get(at..)?.starts_with(b"PK\x01\x02") && files.len() < MOST_FILES {
        let (flags, method) = (short(octets, at + 8)?, short(octets, at + 10)?);
        let (size, local) = (long(octets, at + 20)?, long(octets, at + 42)?);
        let (name, extra, comment) = (short(octets, at + 28)?, short(octets, at + 30)?, short(octets, at + 32)?);
        let path = String::from_utf8_lossy(octets.get(at + 46..at + 46 + name)?).into_owned();
        let data = content(octets, local, size)?;
        let unpacked = match (flags & 1, method) {
            (0, 0) if data.len() <= left => data.to_vec(),
            (0, 8) => inflate(data, left)?,
            _ => return None,
        };
        left = left.checked_sub(unpacked.len())?;
        if !path.ends_with('/') {
            files.push((path, unpacked));
        }
        at = at.checked_add(46 + name + extra + comment)?;
    }
    Some(files)
}

/// Where the central directory begins, by the record at the end (APPNOTE 4.3.16).
fn directory(octets: &[u8]) -> Option<usize> {
    let from = octets.len().saturating_sub(22 + usize::from(u16::MAX));
    let end = memchr::memmem::rfind(octets.get(from..)?, b"PK\x05\x06")?;
    long(octets, from + end + 16)
}

/// The packed octets behind the local header (APPNOTE 4.3.7).
fn content(octets: &[u8], local: usize, size: usize) -> Option<&[u8]> {
    let start = local.checked_add(30 + short(octets, local.checked_add(26)?)? + short(octets, local + 28)?)?;
    octets.get(start..start.checked_add(size)?)
}

fn inflate(data: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    flate2::read::DeflateDecoder::new(data).take(most as u64 + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() <= most).then_some(unpacked)
}

fn short(octets: &[u8], at: usize) -> Option<usize> {
    let bytes = octets.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(bytes)))
}

fn long(octets: &[u8], at: usize) -> Option<usize> {
    let bytes = octets.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}
