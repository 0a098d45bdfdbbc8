//! Pages, Numbers and Keynote: what can be had without a reader for them.
//!
//! Their files hold protocol buffers in Snappy chunks (IWA) of which no specification is public. Runs of text in them
//! are read, and so is the PDF that some versions put beside; cells that hold numbers are not, so the document is always
//! said to be unknown as well. Cannot fail.

use super::zip::Archive;
use super::{Pictures, Sink};
use crate::extract::{Section, Why};

/// Whether an archive is such a document.
pub(super) fn is(archive: &Archive<'_>) -> bool {
    archive.names().any(|name| name.ends_with(".iwa") || name.ends_with("Index.zip") || name == "index.apxl")
}

/// Reads what can be read.
pub(super) fn read(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) {
    sink.is("iwork");
    sink.unread(Why::UnknownFormat);
    let mut pictures = Pictures::default();
    let mut text = String::new();
    for entry in archive.entries().iter().filter(|entry| !entry.name.ends_with('/')) {
        match archive.unpack(entry, sink) {
            Ok(content) if entry.name.ends_with(".iwa") => texts(&unpacked(&content), &mut text),
            Ok(content) if entry.name.ends_with(".plist") => texts(&content, &mut text),
            Ok(content) => pictures.file(&entry.name, &content, sink),
            Err(why) => sink.unread_file(&entry.name, why),
        }
    }
    sink.text(Section::default(), text, Vec::new());
}

/// The chunks of an IWA file: a zero, a length of three octets, Snappy without a checksum.
fn unpacked(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = octets;
    while let Some((&[0, a, b, c], behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        if snappy(behind.get(..length).unwrap_or(behind), &mut out).is_none() {
            break;
        }
        rest = behind.get(length..).unwrap_or_default();
    }
    out
}

/// One block of Snappy (its format description, sections 1 and 2), at most as long as its chunks can be.
fn snappy(mut rest: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    // The length in front is not believed.
    let length = rest.iter().take(5).position(|&octet| octet < 0x80)?;
    rest = rest.get(length + 1..)?;
    while let Some((&tag, behind)) = rest.split_first() {
        let number = |count: usize| {
            behind.get(..count).map(|octets| octets.iter().rev().fold(0usize, |sum, &b| sum << 8 | usize::from(b)))
        };
        let upper = usize::from(tag >> 2);
        let (count, distance, used) = match tag & 3 {
            0 if upper < 60 => (upper + 1, 0, 0),
            0 => (number(upper - 59)? + 1, 0, upper - 59),
            1 => ((upper & 7) + 4, (upper >> 3) << 8 | number(1)?, 1),
            2 => (upper + 1, number(2)?, 2),
            _ => (upper + 1, number(4)?, 4),
        };
        rest = behind.get(used..)?;
        if tag & 3 == 0 {
            out.extend_from_slice(rest.get(..count)?);
            rest = rest.get(count..)?;
        } else {
            for _ in 0..count {
                let from = out.len().checked_sub(distance).filter(|&from| from >= start && distance > 0)?;
                out.push(*out.get(from)?);
            }
        }
        if out.len() - start > 1 << 24 {
            return None;
        }
    }
    Some(())
}

/// Runs of characters that make a word or a number at least.
fn texts(octets: &[u8], out: &mut String) {
    for chunk in octets.utf8_chunks() {
        for run in chunk.valid().split(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
            if run.chars().filter(|c| c.is_alphanumeric()).count() >= 3 {
                out.push_str(run);
                out.push('\n');
            }
        }
    }
}
