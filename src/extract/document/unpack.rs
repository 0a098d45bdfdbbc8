//! Compressed streams -> octets, as far as the limits go.
//!
//! Every stream of an archive or document comes through here: what a header says of its size is never believed, what
//! came before a limit or a fault is kept. Memory for windows and dictionaries is bounded too. DEFLATE: RFC 1951, zip
//! methods: APPNOTE 4.4.5, LZMA in zip: APPNOTE 5.8.

use std::io::Read;

use flate2::{FlushDecompress, Status};
use lzma_rust2::{LzmaReader, XzReader};
use ruzstd::decoding::StreamingDecoder;

use super::Sink;
use crate::extract::Why;

/// What came out of a stream.
pub(super) struct Unpacked {
    /// The octets, up to the fault.
    pub(super) content: Vec<u8>,
    /// Why they are not all.
    pub(super) fault: Option<Why>,
}

impl Unpacked {
    /// Nothing, for a reason.
    pub(super) fn nothing(why: Why) -> Self {
        Self { content: Vec::new(), fault: Some(why) }
    }
}

/// More than so many octets for each packed one is no document but a bomb.
const RATIO: usize = 200;

/// Below this the ratio does not count: a short run of spaces packs well.
const SMALL: usize = 32 << 20;

/// The most that one stream may hold: the reader has four times as much memory.
const MOST: usize = 64 << 20;

/// The least and the most memory for the first piece of a stream.
const FIRST: (usize, usize) = (1 << 12, 1 << 18);

/// The most memory that waits for the next stream.
pub(super) const KEPT: usize = 1 << 20;

/// The most members or frames of one file: each costs a decoder of its own.
const MOST_MEMBERS: usize = 10_000;

/// The largest window or dictionary, in octets: what 7-Zip's highest setting asks for.
const WINDOW: u32 = 64 << 20;

/// How many octets may come from so many packed ones.
fn most(packed: usize, sink: &Sink<'_, '_>) -> usize {
    packed.saturating_mul(RATIO).clamp(SMALL, MOST).min(sink.unpack_left())
}

/// Reads a stream that came from so many packed octets.
pub(super) fn drain(stream: impl Read, packed: usize, sink: &mut Sink<'_, '_>) -> Unpacked {
    let most = most(packed, sink);
    let mut content = Vec::new();
    // What was read before an error stays in the buffer.
    let end = stream.take(most as u64 + 1).read_to_end(&mut content);
    let over = content.len() > most;
    content.truncate(most);
    sink.may_unpack(content.len());
    let fault = match end {
        _ if over => Some(Why::OverLimit),
        Err(error) if error.kind() == std::io::ErrorKind::OutOfMemory => Some(Why::OverLimit),
        Err(_) => Some(Why::Damaged),
        Ok(_) => None,
    };
    Unpacked { content, fault }
}

/// Reads a stream packed by a method of zip archives. The size that the archive tells is believed of LZMA, which may have
/// no end of its own; elsewhere it only says how much memory to begin with.
pub(super) fn by_zip_method(method: u16, data: &[u8], size: Option<u32>, sink: &mut Sink<'_, '_>) -> Unpacked {
    match method {
        0 => drain(data, data.len(), sink),
        8 => deflate(data, size, sink),
        12 => bzip2(data, sink),
        14 => lzma_of_zip(data, size, sink),
        20 | 93 => zstd(data, sink),
        95 => xz(data, sink),
        _ => Unpacked::nothing(Why::UnknownFormat),
    }
}

/// A stream of DEFLATE without a header. Nothing at all is an empty one.
fn deflate(data: &[u8], size: Option<u32>, sink: &mut Sink<'_, '_>) -> Unpacked {
    let most = most(data.len(), sink);
    let likely = size.map_or(data.len().saturating_mul(4), |size| size as usize);
    let mut content = sink.buffer(likely.clamp(FIRST.0, FIRST.1));
    let mut inflater = sink.inflater();
    let mut rest = data;
    let mut fault = None;
    while fault.is_none() && !data.is_empty() {
        let before = inflater.total_in();
        let status = inflater.decompress_vec(rest, &mut content, FlushDecompress::Finish);
        let eaten = usize::try_from(inflater.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
        rest = rest.get(eaten..).unwrap_or_default();
        match status {
            _ if content.len() > most => fault = Some(Why::OverLimit),
            Ok(Status::StreamEnd) => break,
            // There was room, so there is nothing more to come.
            Ok(_) if content.len() < content.capacity() => fault = Some(Why::Damaged),
            Ok(_) => content.reserve_exact(content.len().min(most + 1 - content.len()).max(FIRST.0)),
            Err(_) => fault = Some(Why::Damaged),
        }
    }
    sink.keep_inflater(inflater);
    content.truncate(most);
    sink.may_unpack(content.len());
    Unpacked { content, fault }
}

/// Members of gzip (RFC 1952), one behind the other; what stands behind them has to be zeros.
pub(super) fn gzip(data: &[u8], sink: &mut Sink<'_, '_>) -> Unpacked {
    let mut all = Unpacked { content: Vec::new(), fault: None };
    let mut rest = data;
    let mut members = 0;
    while all.fault.is_none() && rest.starts_with(b"\x1F\x8B") {
        if all.content.len() > MOST || members == MOST_MEMBERS {
            all.fault = Some(Why::OverLimit);
            break;
        }
        members += 1;
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let read = drain(&mut member, rest.len(), sink);
        all.content.extend_from_slice(&read.content);
        all.fault = read.fault;
        rest = member.into_inner();
    }
    if all.fault.is_none() && rest.iter().any(|&octet| octet != 0) {
        all.fault = Some(Why::Damaged);
    }
    all
}

/// Streams of bzip2, one behind the other.
pub(super) fn bzip2(data: &[u8], sink: &mut Sink<'_, '_>) -> Unpacked {
    drain(bzip2::bufread::MultiBzDecoder::new(data), data.len(), sink)
}

/// Streams of xz.
pub(super) fn xz(data: &[u8], sink: &mut Sink<'_, '_>) -> Unpacked {
    drain(XzReader::new_mem_limit(data, true, WINDOW / 1024 + 1024), data.len(), sink)
}

/// Frames of Zstandard (RFC 8878), skippable ones among them.
pub(super) fn zstd(data: &[u8], sink: &mut Sink<'_, '_>) -> Unpacked {
    let mut all = Unpacked { content: Vec::new(), fault: None };
    let mut rest = data;
    let mut members = 0;
    while all.fault.is_none() && !rest.is_empty() {
        if all.content.len() > MOST || members == MOST_MEMBERS {
            all.fault = Some(Why::OverLimit);
            break;
        }
        members += 1;
        if let Some((head, behind)) = rest.split_first_chunk::<8>()
            && let [0x50..=0x5F, 0x2A, 0x4D, 0x18, length @ ..] = *head
        {
            rest = behind.get(u32::from_le_bytes(length) as usize..).unwrap_or_default();
            continue;
        }
        let packed = rest.len();
        let read = match StreamingDecoder::new_with_max_window_size(&mut rest, u64::from(WINDOW)) {
            Ok(frame) => drain(frame, packed, sink),
            Err(_) => Unpacked::nothing(Why::Damaged),
        };
        all.content.extend_from_slice(&read.content);
        all.fault = read.fault;
    }
    all
}

/// LZMA behind the header that zip gives it: a version, the length of the properties, the properties.
fn lzma_of_zip(data: &[u8], size: Option<u32>, sink: &mut Sink<'_, '_>) -> Unpacked {
    let Some((&[_, _, 5, 0, properties, a, b, c, d], stream)) = data.split_first_chunk::<9>() else {
        return Unpacked::nothing(Why::Damaged);
    };
    let window = u32::from_le_bytes([a, b, c, d]);
    if window > WINDOW {
        return Unpacked::nothing(Why::OverLimit);
    }
    match LzmaReader::new_with_props(stream, size.map_or(u64::MAX, u64::from), properties, window, None) {
        Ok(reader) => drain(reader, stream.len(), sink),
        Err(_) => Unpacked::nothing(Why::Damaged),
    }
}
