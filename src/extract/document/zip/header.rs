//! What the headers of a zip archive say of one file (APPNOTE 4.3.7, 4.3.12, 4.5): sizes, method, name.
//!
//! Says what stands there and believes none of it. Cannot fail.

use std::borrow::Cow;
use std::ops::Range;

use super::lock::Lock;

/// One file of an archive.
#[derive(Clone)]
pub(in super::super) struct Entry {
    /// Its path.
    pub(in super::super) name: String,
    /// Its path in the local header, when that is another one.
    pub(super) other_name: Option<String>,
    /// The compression method (4.4.5).
    pub(super) method: u16,
    /// How many octets it should have unpacked; none when the stream says itself where it ends.
    pub(super) size: Option<u32>,
    /// Whether it is encrypted.
    pub(in super::super) locked: bool,
    /// How, as far as it can be opened here.
    pub(super) lock: Option<Lock>,
    /// Where its compressed octets stand.
    pub(super) data: Range<usize>,
    /// The checksum it should have; none when that is not known.
    pub(super) checksum: Option<u32>,
    /// Another entry has its name, or its list is not the one that most programs go by.
    pub(super) shadowed: bool,
    /// It shares octets with an entry that begins before it, which no program writes.
    pub(super) overlaps: bool,
    /// Its end is not known before it is unpacked.
    pub(super) open: bool,
    /// Where its local header stands.
    pub(super) header: usize,
}

/// What both kinds of header say of a file.
pub(super) struct Fields<'o> {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) time: u16,
    pub(super) checksum: u32,
    pub(super) packed: u32,
    pub(super) unpacked: u32,
    pub(super) name: &'o [u8],
    pub(super) extra: &'o [u8],
}

/// Sizes and offsets with their upper halves.
pub(super) struct Wide {
    pub(super) packed: usize,
    pub(super) header: usize,
}

impl<'o> Fields<'o> {
    /// A local header (4.3.7), and where the data behind it begins.
    pub(super) fn local(octets: &'o [u8], at: usize) -> Option<(Self, usize)> {
        let header = octets.get(at..)?;
        let (name, extra) = (usize::from(u16_at(header, 26)?), usize::from(u16_at(header, 28)?));
        let fields = Self {
            flags: u16_at(header, 6)?,
            method: u16_at(header, 8)?,
            time: u16_at(header, 10)?,
            checksum: u32_at(header, 14)?,
            packed: u32_at(header, 18)?,
            unpacked: u32_at(header, 22)?,
            name: header.get(30..30 + name)?,
            extra: header.get(30 + name..30 + name + extra).unwrap_or_default(),
        };
        Some((fields, at + 30 + name + extra))
    }

    /// The fields of the extra field of ZIP64 (4.5.3), which stand there only for what is full.
    pub(super) fn wide(&self, header: u32) -> Wide {
        let mut rest = self.extra(1).unwrap_or_default();
        let mut next = |short: u32| {
            let long = (short == u32::MAX).then(|| u64_at(rest, 0)).flatten();
            if long.is_some() {
                rest = rest.get(8..).unwrap_or_default();
            }
            long.map_or(short as usize, |long| usize::try_from(long).unwrap_or(usize::MAX))
        };
        next(self.unpacked);
        Wide { packed: next(self.packed), header: next(header) }
    }

    /// The content of an extra field (4.5.1).
    pub(super) fn extra(&self, kind: u16) -> Option<&'o [u8]> {
        let mut rest = self.extra;
        while let Some(length) = u16_at(rest, 2) {
            let content = rest.get(4..4 + usize::from(length));
            if u16_at(rest, 0) == Some(kind) {
                return content;
            }
            rest = rest.get(4 + usize::from(length)..)?;
        }
        None
    }

    /// The name: in UTF-8 by flag or by Info-ZIP's extra field (4.6.9), or in a charset of old. Programs that write
    /// the folders of a path as Windows does are read as if they did not (4.4.17).
    pub(super) fn name(&self) -> String {
        let name = match self.extra(0x7075) {
            Some([1, _, _, _, _, name @ ..]) if !name.is_empty() => String::from_utf8_lossy(name).into_owned(),
            _ => in_charset(self.name, self.flags & 0x800 != 0).into_owned(),
        };
        if name.contains('\\') { name.replace('\\', "/") } else { name }
    }

    pub(super) fn entry(&self, header: usize, data: Range<usize>) -> Entry {
        // Method 99 is AES (WinZip AE); bit 0 is any encryption, bit 6 and 13 the strong one.
        let locked = self.flags & 0x2041 != 0 || self.method == 99;
        let lock = if locked { Lock::of(self) } else { None };
        // AE-2 has a code of its own for a checksum, and 0 here.
        let is_summed = self.checksum != 0 || self.flags & 8 == 0 && !matches!(lock, Some(Lock::WinZip { .. }));
        Entry {
            name: self.name(),
            other_name: None,
            locked,
            lock,
            method: lock.and_then(Lock::method).unwrap_or(self.method),
            // Bit 1 of LZMA: an end mark is in the stream (4.4.4).
            size: (self.flags & 0x000A == 0 && self.unpacked != u32::MAX).then_some(self.unpacked),
            data,
            checksum: is_summed.then_some(self.checksum),
            shadowed: false,
            overlaps: false,
            open: false,
            header,
        }
    }
}

/// A name without a charset. The appendix says code page 437; Windows in western Europe writes 850, which has
/// letters where 437 has lines to draw with.
pub(super) fn in_charset(octets: &[u8], utf8: bool) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if utf8 => String::from_utf8_lossy(octets),
        Err(_) => {
            octets.iter().map(|&octet| if octet < 0x80 { char::from(octet) } else { code_page_850(octet) }).collect()
        }
    }
}

fn code_page_850(octet: u8) -> char {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";
    UPPER.chars().nth(usize::from(octet.saturating_sub(0x80))).unwrap_or(char::REPLACEMENT_CHARACTER)
}

pub(super) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

pub(super) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

pub(super) fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    octets.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}
