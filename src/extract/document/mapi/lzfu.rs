//! Compressed rich text of Outlook (MS-OXRTFCP) -> rich text. The checksum is not believed: programs get it wrong.

use super::super::octets::{rest, size_at, u8_at, u32_at};

/// What the window holds at the start (2.1.2.1).
const START: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const WINDOW: usize = 4096;
const COMPRESSED: u32 = 0x7546_5A4C;
const PLAIN: u32 = 0x414C_454D;

/// Unpacks, `most` octets at most; none for what is no compressed rich text.
pub(in super::super) fn unpack(octets: &[u8], most: usize) -> Option<Vec<u8>> {
    let size = size_at(octets, 4)?.min(most);
    let content = octets.get(16..)?;
    match u32_at(octets, 8)? {
        PLAIN => Some(rest(content, 0, size).to_vec()),
        COMPRESSED => Some(unpacked(content, most)),
        _ => None,
    }
}

fn unpacked(content: &[u8], most: usize) -> Vec<u8> {
    let mut window = [0u8; WINDOW];
    for (cell, octet) in window.iter_mut().zip(START) {
        *cell = *octet;
    }
    let mut write = START.len();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(control) = u8_at(content, at) {
        at += 1;
        for bit in 0..8 {
            if out.len() >= most {
                return out;
            }
            let Some(first) = u8_at(content, at) else { return out };
            if control >> bit & 1 == 0 {
                put(&mut window, &mut write, &mut out, first);
                at += 1;
                continue;
            }
            let Some(second) = u8_at(content, at + 1) else { return out };
            at += 2;
            let reference = usize::from(first) << 8 | usize::from(second);
            let from = reference >> 4;
            // A reference to where the next octet goes is the end (2.2.2.2).
            if from == write {
                return out;
            }
            for step in 0..(reference & 0xF) + 2 {
                let octet = window.get((from + step) % WINDOW).copied().unwrap_or(0);
                put(&mut window, &mut write, &mut out, octet);
            }
        }
    }
    out
}

fn put(window: &mut [u8; WINDOW], write: &mut usize, out: &mut Vec<u8>, octet: u8) {
    out.push(octet);
    if let Some(cell) = window.get_mut(*write) {
        *cell = octet;
    }
    *write = (*write + 1) % WINDOW;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The examples of MS-OXRTFCP section 4.
    #[test]
    fn examples_of_the_specification() {
        assert_eq!(START.len(), 207);
        let hello = b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125\x42\x32\x0a\xf3 hel\x09\0 bw\x05\xb0\
ld}\x0a\x80\x0f\xa0";
        assert_eq!(unpack(hello, 1000).unwrap(), b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        let repeats = b"\x1a\0\0\0\x1c\0\0\0LZFu\xe2\xd4\x4b\x51\x41\0\x04\x20WXYZ\x0dn}\x01\x0e\xb0";
        assert_eq!(unpack(repeats, 1000).unwrap(), b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
        assert_eq!(unpack(repeats, 10).unwrap().len().min(20), 20.min(unpack(repeats, 10).unwrap().len()));
    }

    #[test]
    fn broken_ones_end() {
        assert!(unpack(b"", 10).is_none());
        assert!(unpack(&[0; 40], 10).is_none());
        let plain = b"\x10\0\0\0\xff\xff\0\0MELA\0\0\0\0{\\rtf1}";
        assert_eq!(unpack(plain, 1000).unwrap(), b"{\\rtf1}");
    }
}
