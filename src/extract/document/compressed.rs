//! One compressed file: gzip (RFC 1952), bzip2, xz, Zstandard (RFC 8878).
//!
//! The file in it is read like any other, one level deeper; a tar archive in it is then a tar archive. lz4 and compress
//! (.Z) are known and not read. Cannot fail.

use super::{Sink, unpack};
use crate::extract::{Layer, Why};
use crate::message::charset;

/// Reads the file in a compressed one.
pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let mut name = inner_name(sink.name());
    let (format, read) = match octets {
        [0x1F, 0x8B, ..] => {
            let (named, comment) = gzip_header(octets);
            name = named.unwrap_or(name);
            sink.text(Layer::Comment, comment, Vec::new());
            ("gzip", unpack::gzip(octets, sink))
        }
        [b'B', b'Z', b'h', ..] => ("bzip2", unpack::bzip2(octets, sink)),
        [0xFD, b'7', b'z', ..] => ("xz", unpack::xz(octets, sink)),
        [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => ("zstd", unpack::zstd(octets, sink)),
        _ => return sink.unread(Why::UnknownFormat),
    };
    sink.is(format);
    if let Some(why) = read.fault {
        sink.unread(why);
    }
    sink.file(&name, &read.content);
}

/// The name without what the compression added.
fn inner_name(name: &str) -> String {
    let Some((stem, end)) = name.rsplit_once('.') else { return name.to_string() };
    match end.to_lowercase().as_str() {
        "tgz" | "tbz" | "tbz2" | "txz" | "tzst" => format!("{stem}.tar"),
        "gz" | "bz2" | "xz" | "zst" => stem.to_string(),
        "svgz" => format!("{stem}.svg"),
        _ => name.to_string(),
    }
}

/// The name and the comment in a header of gzip (RFC 1952 section 2.3.1).
fn gzip_header(octets: &[u8]) -> (Option<String>, String) {
    let Some(&flags) = octets.get(3) else { return Default::default() };
    let mut rest = octets.get(10..).unwrap_or_default();
    if flags & 4 != 0 {
        let length = rest.first_chunk().map_or(0, |length| usize::from(u16::from_le_bytes(*length)));
        rest = rest.get(2 + length..).unwrap_or_default();
    }
    let mut zero_ended = |present: bool| {
        let end = memchr::memchr(0, rest.get(..65_536).unwrap_or(rest)).filter(|_| present)?;
        let text = charset::decode_header(rest.get(..end)?).into_owned();
        rest = rest.get(end + 1..)?;
        Some(text)
    };
    let name = zero_ended(flags & 8 != 0).filter(|name| !name.is_empty());
    (name, zero_ended(flags & 16 != 0).unwrap_or_default())
}
