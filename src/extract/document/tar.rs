//! Tar archives (POSIX.1-1988 ustar, POSIX.1-2001 pax, GNU).
//!
//! Long names of GNU and pax are read, a sparse file is said to be unread. Sizes are not believed: a file ends where
//! the archive does. Links, devices and folders are shown by their names. Cannot fail.

use std::borrow::Cow;

use super::Sink;
use crate::extract::Why;
use crate::message::charset;

/// More files than a person sends.
const MOST_FILES: usize = 2_000;

/// Whether octets begin with a tar header: its checksum is right, which no other file has by chance.
pub(super) fn is(octets: &[u8]) -> bool {
    octets.first_chunk::<512>().is_some_and(|block| block[0] != 0 && Header(block).is_sound())
}

/// Reads the files of a tar archive.
pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let mut rest = octets;
    let mut next = Next::default();
    let mut files = 0;
    while let Some((block, behind)) = rest.split_first_chunk::<512>() {
        if block.iter().all(|&octet| octet == 0) {
            // Two zero blocks end an archive; programs can be told to read on behind them.
            rest = behind;
            continue;
        }
        let header = Header(block);
        if files >= MOST_FILES {
            return sink.unread(Why::OverLimit);
        }
        if !header.is_sound() {
            return sink.unread(Why::Damaged);
        }
        files += 1;
        let size = next.size.take().unwrap_or_else(|| header.size());
        let content = behind.get(..size).unwrap_or(behind);
        header.file(content, &mut next, sink);
        if content.len() < size {
            return sink.unread(Why::Damaged);
        }
        rest = behind.get(size.next_multiple_of(512)..).unwrap_or_default();
    }
}

/// What a header of the kinds L, K and x says about the file behind it.
#[derive(Default)]
struct Next {
    name: Option<String>,
    size: Option<usize>,
    sparse: bool,
}

/// A header block.
struct Header<'b>(&'b [u8; 512]);

impl Header<'_> {
    fn file(&self, content: &[u8], next: &mut Next, sink: &mut Sink<'_, '_>) {
        let until_zero =
            |octets: &[u8]| charset::decode_header(octets.split(|&b| b == 0).next().unwrap_or_default()).into_owned();
        match self.0[156] {
            b'L' => next.name = Some(until_zero(content)),
            b'x' | b'X' => next.pax(content),
            // A comment, a volume's name or a long link is shown like a name.
            b'K' | b'V' => sink.name_only(&until_zero(content)),
            b'g' => sink.name_only(&charset::decode_header(content)),
            kind => {
                let name = next.name.take().unwrap_or_else(|| self.name().into_owned());
                let sparse = std::mem::take(&mut next.sparse) || kind == b'S' || kind == b'M';
                match kind {
                    _ if sparse => sink.unread_file(&name, Why::UnknownFormat),
                    b'1'..=b'6' => sink.name_only(&name),
                    _ if name.ends_with('/') && content.is_empty() => sink.name_only(&name),
                    _ if sink.may_unpack(content.len()) => sink.file(&name, content),
                    _ => sink.unread_file(&name, Why::OverLimit),
                }
            }
        }
    }

    fn name(&self) -> Cow<'_, str> {
        let field = |range: std::ops::Range<usize>| {
            let field = self.0.get(range).unwrap_or_default();
            charset::decode_header(field.split(|&b| b == 0).next().unwrap_or_default())
        };
        let prefix = if self.0.get(257..263) == Some(b"ustar\0") { field(345..500) } else { Cow::Borrowed("") };
        if prefix.is_empty() { field(0..100) } else { Cow::Owned(format!("{prefix}/{}", field(0..100))) }
    }

    fn size(&self) -> usize {
        // Links and folders have no content, whatever the field says.
        if matches!(self.0[156], b'1'..=b'6') {
            return 0;
        }
        // GNU: with the first bit set, the rest is a number in binary.
        if self.0[124] & 0x80 != 0 {
            let number =
                self.0.get(128..136).and_then(<[u8]>::first_chunk).map_or(u64::MAX, |n| u64::from_be_bytes(*n));
            return usize::try_from(number).unwrap_or(usize::MAX / 2).min(usize::MAX / 2);
        }
        self.octal(124..136).unwrap_or(0)
    }

    /// Whether the checksum is right, over octets with or without sign: programs did both.
    fn is_sound(&self) -> bool {
        let Some(known) = self.octal(148..156) else { return false };
        let octets = || self.0.iter().enumerate().map(|(at, &b)| if (148..156).contains(&at) { b' ' } else { b });
        let plain: usize = octets().map(usize::from).sum();
        let signed: i64 = octets().map(|b| i64::from(b.cast_signed())).sum();
        known == plain || usize::try_from(signed) == Ok(known)
    }

    fn octal(&self, range: std::ops::Range<usize>) -> Option<usize> {
        let field = self.0.get(range)?;
        let digits = field.split(|b| matches!(b, 0 | b' ')).find(|part| !part.is_empty())?;
        usize::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
    }
}

impl Next {
    /// Records of a pax header: a length, a space, a key, an equals sign, a value, a line end.
    fn pax(&mut self, content: &[u8]) {
        for record in content.split(|&b| b == b'\n') {
            let Some((_, pair)) = split_once(record, b' ') else { continue };
            let Some((key, value)) = split_once(pair, b'=') else { continue };
            match key {
                b"path" | b"GNU.sparse.name" => self.name = Some(charset::decode_header(value).into_owned()),
                b"size" => self.size = std::str::from_utf8(value).ok().and_then(|size| size.parse().ok()),
                _ => {}
            }
            self.sparse |= key.starts_with(b"GNU.sparse.");
        }
        self.size = self.size.map(|size| size.min(usize::MAX / 2));
    }
}

fn split_once(octets: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(mark, octets)?;
    Some((octets.get(..at)?, octets.get(at + 1..)?))
}
