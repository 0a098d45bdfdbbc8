//! The filters of streams (ISO 32000-1 section 7.4), as far as text goes through them.
//!
//! What a broken stream gave before its fault is kept. Pictures are not decoded: their filter ends the chain. Memory is
//! asked of the [`Budget`] before it is taken.

use std::borrow::Cow;
use std::cell::Cell;

use super::file::File;
use super::lexer::unhex;
use super::object::{Dict, Object, Stream};
use super::predictor::predicted;

/// More than any one stream of text, font or table holds unpacked.
const STREAM: usize = 48 << 20;
/// Filters one after another; programs write two.
const CHAIN: usize = 8;
/// Steps in which an unpacked stream grows.
const STEP: usize = 64 << 10;

/// Octets that may still be unpacked.
#[derive(Default)]
pub(super) struct Budget {
    left: Cell<usize>,
    spent: Cell<usize>,
    /// Something was not unpacked for it.
    over: Cell<bool>,
}

impl Budget {
    pub(super) fn new(left: usize) -> Self {
        Self { left: Cell::new(left), ..Self::default() }
    }

    fn take(&self, octets: usize) -> bool {
        match self.left.get().checked_sub(octets) {
            Some(left) => {
                self.left.set(left);
                self.spent.set(self.spent.get() + octets);
                true
            }
            None => {
                self.over.set(true);
                false
            }
        }
    }

    /// What has been spent since it was last asked for.
    pub(super) fn settle(&self, left: usize) -> usize {
        self.left.set(left);
        self.spent.take()
    }

    /// Something was left out for a limit of another kind.
    pub(super) fn exceed(&self) {
        self.over.set(true);
    }

    /// How many octets may still be unpacked.
    pub(super) fn left(&self) -> usize {
        self.left.get()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }
}

/// A stream without its filters.
pub(super) struct Decoded<'d> {
    pub(super) octets: Cow<'d, [u8]>,
    /// The filter of a picture that ended the chain, and its parameters.
    pub(super) picture: Option<(Vec<u8>, Dict)>,
    /// Whether all of it came out.
    pub(super) whole: bool,
}

impl<'d> File<'d> {
    /// A stream's octets: deciphered and unpacked.
    pub(super) fn decode(&self, stream: &Stream) -> Decoded<'d> {
        let raw = self.data.get(stream.range.clone()).unwrap_or_default();
        let (filters, parameters) = self.chain(&stream.dict);
        let mut octets = match self.crypt().filter(|_| !stream.dict.is_type(b"XRef")) {
            Some(crypt) if self.budget.take(raw.len()) => {
                let own = filters.first().filter(|name| *name == b"Crypt").and(parameters.first());
                Cow::Owned(crypt.stream(stream, own, raw))
            }
            Some(_) => Cow::Borrowed(&b""[..]),
            None => Cow::Borrowed(raw),
        };
        let mut whole = true;
        for (filter, parameters) in filters.into_iter().zip(parameters).take(CHAIN) {
            match self.apply(&filter, &parameters, &octets) {
                Some((out, fine)) => {
                    whole &= fine;
                    octets = Cow::Owned(out);
                }
                None if filter == b"Crypt" => {}
                None => return Decoded { octets, picture: Some((filter, parameters)), whole },
            }
        }
        Decoded { octets, picture: None, whole }
    }

    /// The names of a stream's filters, each with its parameters.
    fn chain(&self, dict: &Dict) -> (Vec<Vec<u8>>, Vec<Dict>) {
        let either = |long: &[u8], short: &[u8]| self.at(dict, if dict.has(long) { long } else { short });
        let names = either(b"Filter", b"F");
        let name = |object: &Object| self.resolve(object).name().map(<[u8]>::to_vec);
        let filters: Vec<Vec<u8>> = match &*names {
            Object::Array(names) => names.iter().take(CHAIN).filter_map(name).collect(),
            one => name(one).into_iter().collect(),
        };
        let given = either(b"DecodeParms", b"DP");
        let one = |object: Option<&Object>| {
            object.and_then(|object| self.resolve(object).dict().cloned()).map(|dict| self.resolved(&dict))
        };
        let parameters = (0..filters.len())
            .map(|index| match &*given {
                Object::Array(items) => one(items.get(index)).unwrap_or_default(),
                other if index == 0 => one(Some(other)).unwrap_or_default(),
                _ => Dict::default(),
            })
            .collect();
        (filters, parameters)
    }

    /// Parameters are numbers; the rare one that is a reference to a number becomes it.
    fn resolved(&self, dict: &Dict) -> Dict {
        dict.iter().fold(Dict::default(), |all, (key, value)| match value {
            Object::Ref(_) if self.resolve(value).int().is_some() => all.with(key, (*self.resolve(value)).clone()),
            _ => all.with(key, value.clone()),
        })
    }

    /// None for a filter of pictures, or one that nobody knows.
    fn apply(&self, filter: &[u8], parameters: &Dict, octets: &[u8]) -> Option<(Vec<u8>, bool)> {
        let budget = &self.budget;
        Some(match filter {
            b"FlateDecode" | b"Fl" => {
                let (out, fine) = inflated(octets, budget);
                (predicted(out, parameters), fine)
            }
            b"LZWDecode" | b"LZW" => {
                let early = parameters.get(b"EarlyChange").int() != Some(0);
                let (out, fine) = lzw(octets, early, budget);
                (predicted(out, parameters), fine)
            }
            b"ASCIIHexDecode" | b"AHx" => {
                let end = memchr::memchr(b'>', octets).unwrap_or(octets.len());
                if !budget.take(end / 2) {
                    return Some((Vec::new(), false));
                }
                (unhex(octets.get(..end).unwrap_or(octets)), true)
            }
            b"ASCII85Decode" | b"A85" if budget.take(octets.len()) => (ascii85(octets), true),
            b"ASCII85Decode" | b"A85" => (Vec::new(), false),
            b"RunLengthDecode" | b"RL" => run_lengths(octets, budget),
            _ => return None,
        })
    }
}

/// Deflate with a zlib header (RFC 1950), or, when that is broken, without.
fn inflated(octets: &[u8], budget: &Budget) -> (Vec<u8>, bool) {
    // White space before the data, which some programs write.
    let skipped = octets.iter().take(4).take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
    let data = octets.get(skipped..).unwrap_or_default();
    let (out, fine) = inflate(data, true, budget);
    if !fine && out.is_empty() && data.len() > 2 {
        return inflate(data.get(2..).unwrap_or_default(), false, budget);
    }
    (out, fine)
}

fn inflate(data: &[u8], header: bool, budget: &Budget) -> (Vec<u8>, bool) {
    let mut inflater = flate2::Decompress::new(header);
    let mut out = Vec::new();
    let mut step = (data.len() * 4).clamp(256, STEP);
    loop {
        if out.len() >= STREAM || !budget.take(step) {
            budget.over.set(true);
            return (out, false);
        }
        out.reserve_exact(step);
        let rest = data.get(usize::try_from(inflater.total_in()).unwrap_or(usize::MAX)..).unwrap_or_default();
        let before = (inflater.total_in(), out.len());
        let room = out.capacity();
        let status = inflater.decompress_vec(rest, &mut out, flate2::FlushDecompress::None);
        let unused = step.saturating_sub(out.len() - before.1);
        match status {
            Ok(flate2::Status::StreamEnd) => {
                budget.left.set(budget.left.get() + unused);
                budget.spent.set(budget.spent.get().saturating_sub(unused));
                return (out, true);
            }
            Ok(_) if (inflater.total_in(), out.len()) != before || out.len() == room => {}
            Ok(_) | Err(_) => return (out, false),
        }
        step = out.len().clamp(STEP, 4 << 20);
    }
}

/// LZW with codes of 9 to 12 bits (section 7.4.4.2).
fn lzw(octets: &[u8], early: bool, budget: &Budget) -> (Vec<u8>, bool) {
    // Each entry is where its octets stand in what came out, and how many they are.
    let mut table: Vec<(usize, usize)> = Vec::with_capacity(4096);
    let mut out: Vec<u8> = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    let mut width = 9;
    let mut last: Option<(usize, usize)> = None;
    for &octet in octets {
        held = held << 8 | u32::from(octet);
        bits += 8;
        if bits < width {
            continue;
        }
        let code = held >> (bits - width) & ((1 << width) - 1);
        bits -= width;
        held &= (1 << bits) - 1;
        if code == 257 {
            return (out, true);
        }
        if code == 256 {
            table.clear();
            width = 9;
            last = None;
            continue;
        }
        let start = out.len();
        if code < 256 {
            out.push((code & 0xFF) as u8);
        } else if let Some(&(from, length)) = table.get(code as usize - 258) {
            out.extend_from_within(from..from + length);
        } else if let Some((from, length)) = last {
            out.extend_from_within(from..from + length);
            out.extend(out.get(from).copied());
        } else {
            return (out, false);
        }
        let length = out.len() - start;
        if out.len() > STREAM || !budget.take(length) {
            return (out, false);
        }
        if let Some((from, length)) = last
            && table.len() + 258 < 4096
        {
            // The next octet stands right behind the last entry's.
            table.push((from, length + 1));
        }
        last = Some((start, length));
        width = match table.len() + 258 + usize::from(early) {
            0..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
    }
    (out, false)
}

fn ascii85(octets: &[u8]) -> Vec<u8> {
    let octets = octets.strip_prefix(b"<~").unwrap_or(octets);
    let mut out = Vec::with_capacity(octets.len() / 5 * 4 + 4);
    let (mut value, mut count) = (0u32, 0usize);
    for &octet in octets {
        match octet {
            b'z' if count == 0 => out.extend([0; 4]),
            b'!'..=b'u' => {
                value = value.wrapping_mul(85).wrapping_add(u32::from(octet - b'!'));
                count += 1;
                if count == 5 {
                    out.extend(value.to_be_bytes());
                    (value, count) = (0, 0);
                }
            }
            b'~' => break,
            _ => {}
        }
    }
    if count > 1 {
        for _ in count..5 {
            value = value.wrapping_mul(85).wrapping_add(84);
        }
        out.extend(value.to_be_bytes().iter().take(count - 1));
    }
    out
}

fn run_lengths(octets: &[u8], budget: &Budget) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut rest = octets;
    while let Some((&length, after)) = rest.split_first() {
        let before = out.len();
        match length {
            128 => return (out, true),
            0..128 => {
                let run = after.get(..usize::from(length) + 1).unwrap_or(after);
                out.extend_from_slice(run);
                rest = after.get(run.len()..).unwrap_or_default();
            }
            _ => {
                let Some((&octet, after)) = after.split_first() else { break };
                out.extend(std::iter::repeat_n(octet, 257 - usize::from(length)));
                rest = after;
            }
        }
        if out.len() > STREAM || !budget.take(out.len() - before) {
            return (out, false);
        }
    }
    (out, false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(data).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn a_cut_stream_gives_what_came_before() {
        let text: Vec<u8> = (0..20_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let packed = deflated(&text);
        let budget = Budget::new(1 << 20);
        assert_eq!(inflated(&packed, &budget), (text.clone(), true));
        assert_eq!(budget.spent.get(), text.len());
        let (half, fine) = inflated(&packed[..packed.len() / 2], &Budget::new(1 << 20));
        assert!(!fine && half.len() > text.len() / 3 && text.starts_with(&half));
        let (raw, fine) = inflated(&[b"xx", &packed[2..]].concat(), &Budget::new(1 << 20));
        assert!(raw == text && fine);
    }

    #[test]
    fn a_stream_over_the_budget_is_cut() {
        let packed = deflated(&vec![b'a'; 10 << 20]);
        let budget = Budget::new(1 << 20);
        let (out, fine) = inflated(&packed, &budget);
        assert!(!fine && out.len() <= 1 << 20 && budget.is_over());
    }

    #[test]
    fn text_filters() {
        assert_eq!(ascii85(b"<~87cURD]i,\"Ebo80~>"), b"Hello World!");
        assert_eq!(run_lengths(&[2, b'a', b'b', b'c', 254, b'x', 128], &Budget::new(100)).0, b"abcxxx");
        // The example of the standard.
        let packed = [0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01];
        assert_eq!(lzw(&packed, true, &Budget::new(100)), (vec![45, 45, 45, 45, 45, 65, 45, 45, 45, 66], true));
    }
}
