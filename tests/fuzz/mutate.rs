//! Documents that are nearly right: octets of a good one changed here and there, in the files of a zip archive below its
//! compression. The same seed gives the same document.

#[path = "../support/zip.rs"]
mod zips;

use std::io::Read;

/// Numbers that programs count, measure and point with, at the edges.
const EDGES: [u32; 16] =
    [0, 1, 2, 7, 8, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF];

/// A row of numbers that only its seed decides (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    /// The next number, below `most`.
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % most.max(1) as u64) as usize
    }
}

/// A document that is like one, with something of another in it now and then.
pub fn like(octets: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    match unzipped(octets) {
        // One in four as it stands, so that the archive itself is broken too.
        Some(mut files) if chance.below(4) > 0 => {
            let index = chance.below(files.len());
            let others = unzipped(other).unwrap_or_default();
            let other = others.get(chance.below(others.len())).map_or(other, |(_, content)| content);
            files[index].1 = changed(&files[index].1, other, chance);
            let files: Vec<_> = files.iter().map(|(name, content)| zips::stored(name, content)).collect();
            zips::zip(&files)
        }
        _ => changed(octets, other, chance),
    }
}

fn changed(octets: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut out = octets.to_vec();
    for _ in 0..1 + chance.below(6) {
        let at = chance.below(out.len());
        let edge = EDGES[chance.below(EDGES.len())];
        match chance.below(9) {
            0 => set(&mut out, at, &[chance.below(256) as u8]),
            1 if !out.is_empty() => out[at] ^= 1 << chance.below(8),
            2 => set(&mut out, at, &edge.to_le_bytes()[..2]),
            3 => set(&mut out, at, &edge.to_le_bytes()),
            4 => set(&mut out, at, &edge.to_be_bytes()),
            5 => out.truncate(at),
            6 => _ = out.drain(at..(at + chance.below(64)).min(out.len())),
            7 => {
                let piece = out[at..(at + chance.below(200)).min(out.len())].to_vec();
                let times = 1 + chance.below(20);
                out.splice(at..at, piece.repeat(times));
            }
            _ => {
                let from = chance.below(other.len());
                let piece = &other[from..(from + chance.below(400)).min(other.len())];
                out.splice(at..at, piece.iter().copied());
            }
        }
    }
    out
}

fn set(out: &mut [u8], at: usize, octets: &[u8]) {
    out.iter_mut().skip(at).zip(octets).for_each(|(to, from)| *to = *from);
}

/// The files of a zip archive that was written by a program; none when it is not one.
fn unzipped(octets: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let u16_at = |at: usize| octets.get(at..at + 2).map(|two| usize::from(u16::from_le_bytes([two[0], two[1]])));
    let u32_at = |at: usize| Some(u16_at(at)? | u16_at(at + 2)? << 16);
    let end = octets.windows(4).rposition(|mark| mark == b"PK\x05\x06")?;
    let (mut at, mut files) = (u32_at(end + 16)?, Vec::new());
    while octets.get(at..at + 4) == Some(b"PK\x01\x02") {
        let (flags, method, packed, name) = (u16_at(at + 8)?, u16_at(at + 10)?, u32_at(at + 20)?, u16_at(at + 28)?);
        let start = u32_at(at + 42)?;
        let start = start + 30 + u16_at(start + 26)? + u16_at(start + 28)?;
        let data = octets.get(start..start + packed)?;
        let mut content = Vec::new();
        match method {
            // What is locked is left as it stands.
            _ if flags & 1 != 0 => return None,
            0 => content.extend_from_slice(data),
            8 => _ = flate2::read::DeflateDecoder::new(data).take(1 << 20).read_to_end(&mut content).ok()?,
            _ => return None,
        }
        files.push((String::from_utf8_lossy(octets.get(at + 46..at + 46 + name)?).into_owned(), content));
        at += 46 + name + u16_at(at + 30)? + u16_at(at + 32)?;
    }
    (!files.is_empty()).then_some(files)
}
