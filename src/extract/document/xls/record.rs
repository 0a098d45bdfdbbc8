//! The records of a workbook stream (MS-XLS 2.1.4), and the strings in them, which may go on in the next record.

/// A record with those that continue it.
pub(super) struct Record<'b> {
    /// What it holds.
    pub(super) kind: u16,
    /// Where it stands in the stream.
    pub(super) offset: usize,
    pub(super) data: &'b [u8],
    /// The data of the records that continue it.
    pub(super) more: Vec<&'b [u8]>,
}

const CONTINUE: u16 = 0x3c;

/// The records of a stream; ends where a record goes beyond it.
pub(super) fn records(stream: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let offset = at;
        let (kind, data) = one(stream, &mut at)?;
        let mut more = Vec::new();
        let mut next = at;
        while let Some((CONTINUE, data)) = one(stream, &mut next) {
            more.push(data);
            at = next;
        }
        Some(Record { kind, offset, data, more })
    })
}

fn one<'b>(stream: &'b [u8], at: &mut usize) -> Option<(u16, &'b [u8])> {
    let head = stream.get(*at..*at + 4)?;
    let size = usize::from(u16_at(head, 2)?);
    let rest = stream.get(*at + 4..)?;
    // The last record of a stream that was cut off counts as far as it goes.
    let data = rest.get(..size).unwrap_or(rest);
    *at += 4 + size;
    Some((u16_at(head, 0)?, data))
}

/// Two octets.
pub(super) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

/// Four octets.
pub(super) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// A number.
pub(super) fn f64_at(octets: &[u8], at: usize) -> Option<f64> {
    octets.get(at..at.checked_add(8)?)?.try_into().ok().map(f64::from_le_bytes)
}

/// A number in thirty bits (2.5.217): whole, or the upper half of a longer one; in hundredths when it says so.
pub(in crate::extract::document) fn rk(written: u32) -> f64 {
    let value =
        if written & 2 != 0 { f64::from(written as i32 >> 2) } else { f64::from_bits(u64::from(written & !3) << 32) };
    if written & 1 != 0 { value / 100.0 } else { value }
}

/// A walk through a record and what continues it.
pub(super) struct Pieces<'r, 'b> {
    piece: &'b [u8],
    more: std::slice::Iter<'r, &'b [u8]>,
}

impl<'r, 'b> Pieces<'r, 'b> {
    pub(super) fn new(data: &'b [u8], more: &'r [&'b [u8]]) -> Self {
        Self { piece: data, more: more.iter() }
    }

    /// So many octets of one piece.
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        while self.piece.is_empty() && count > 0 {
            self.piece = self.more.next()?;
        }
        let (taken, rest) = self.piece.split_at_checked(count)?;
        self.piece = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        u16_at(self.take(2)?, 0)
    }

    fn u32(&mut self) -> Option<u32> {
        u32_at(self.take(4)?, 0)
    }

    pub(super) fn skip(&mut self, mut count: usize) -> Option<()> {
        while count > 0 {
            if self.piece.is_empty() {
                self.piece = self.more.next()?;
            }
            let step = count.min(self.piece.len());
            self.piece = self.piece.get(step..)?;
            count -= step;
        }
        Some(())
    }

    /// A string of BIFF8 (2.5.293, 2.5.294): its length, its flags, its characters, and what is said of its looks.
    pub(super) fn string(&mut self, out: &mut String) -> Option<()> {
        let count = usize::from(self.u16()?);
        self.string_of(count, out)
    }

    /// One whose length is known.
    pub(super) fn string_of(&mut self, count: usize, out: &mut String) -> Option<()> {
        let flags = self.u8()?;
        let runs = if flags & 8 != 0 { usize::from(self.u16()?) } else { 0 };
        let extra = if flags & 4 != 0 { self.u32()? as usize } else { 0 };
        self.characters(count, flags, out)?;
        self.skip(runs * 4)?;
        self.skip(extra)
    }

    /// Characters; each piece that they go on in says anew how wide they are (2.5.293).
    pub(super) fn characters(&mut self, mut count: usize, flags: u8, out: &mut String) -> Option<()> {
        let mut wide = flags & 1 != 0;
        while count > 0 {
            if self.piece.is_empty() {
                self.piece = self.more.next()?;
                wide = self.u8()? & 1 != 0;
                continue;
            }
            let width = if wide { 2 } else { 1 };
            let here = count.min(self.piece.len() / width);
            if here == 0 {
                // Half a character: the rest of the piece means nothing.
                self.piece = &[];
                continue;
            }
            let (characters, rest) = self.piece.split_at_checked(here * width)?;
            if wide {
                out.push_str(&encoding_rs::UTF_16LE.decode_without_bom_handling(characters).0);
            } else if characters.is_ascii() {
                out.push_str(&String::from_utf8_lossy(characters));
            } else {
                out.extend(characters.iter().copied().map(char::from));
            }
            self.piece = rest;
            count -= here;
        }
        Some(())
    }
}

/// Texts in UTF-16 among other octets: letters, figures and punctuation, four at least.
pub(in crate::extract::document) fn wide_texts(octets: &[u8]) -> String {
    let (mut out, mut run) = (String::new(), String::new());
    for start in [0, 1] {
        let units = octets.get(start..).unwrap_or_default().chunks_exact(2);
        for unit in units.map(|unit| u16::from_le_bytes([unit[0], unit[1]])).chain([0]) {
            match char::from_u32(u32::from(unit)) {
                Some(c @ (' '..='~' | '\u{a0}'..='\u{24f}' | '\u{2010}'..='\u{203a}' | '€')) => run.push(c),
                _ => {
                    if run.chars().count() >= 4 {
                        out.push_str(&run);
                        out.push('\n');
                    }
                    run.clear();
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_go_on_in_another_width() {
        let more: Vec<&[u8]> = vec![b"\x01c\0d\0", b"\x00ef\x02\0\x01g\0", b"\x00h!"];
        let mut pieces = Pieces::new(b"\x06\0\0ab", &more);
        let mut out = String::new();
        assert_eq!(pieces.string(&mut out), Some(()));
        out.push('|');
        assert_eq!(pieces.string(&mut out), Some(()));
        assert_eq!(out, "abcdef|gh");
        assert_eq!(pieces.string(&mut out), None);
    }

    #[test]
    fn short_numbers() {
        assert_eq!(rk(999_918 << 2 | 2), 999_918.0);
        assert_eq!(rk(12_345 << 2 | 3), 123.45);
        assert_eq!(rk(0x3ff0_0000), 1.0);
        assert_eq!(rk(-5_i32 as u32 & !3 | 2), -2.0);
    }

    #[test]
    fn wide_text_among_octets() {
        assert_eq!(wide_texts(b"\x01k\0i\0m\0s\0\0\0\xff\xffa\0b\0"), "kims\n");
    }
}
