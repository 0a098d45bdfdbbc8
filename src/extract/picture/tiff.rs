//! The directories of TIFF 6.0, which Exif (CIPA DC-008) is written in too.
//!
//! Counts and offsets are lies: every directory is read as far as it is there, and only so many of them. Cannot fail.

use super::header::{Kind, Origin, Picture, per_inch, per_metre, slice};

/// Directories, and entries of one; cameras write 60.
const MOST_DIRECTORIES: usize = 32;
const MOST_ENTRIES: usize = 300;
/// Pixels of a page; a preview has fewer.
const FULL: u64 = 300_000;

/// Tags of a directory (TIFF 6.0 section 8, Exif 2.3 section 4.6).
const REDUCED: u32 = 254;
const WIDTH: u32 = 256;
const HEIGHT: u32 = 257;
const BITS: u32 = 258;
const COLOURS: u32 = 262;
const MAKE: u32 = 271;
const SAMPLES: u32 = 277;
const ACROSS: u32 = 282;
const DOWN: u32 = 283;
const UNIT: u32 = 296;
const EXIF: u32 = 0x8769;
const GPS: u32 = 0x8825;
/// Exposure time, aperture, sensitivity, light, flash and focal length: what only a lens has.
const LENS: [u32; 6] = [0x829A, 0x829D, 0x8827, 0x9208, 0x9209, 0x920A];

/// The order of the octets of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

impl Order {
    pub(super) fn u16(self, octets: &[u8], at: usize) -> Option<u32> {
        let octets = slice(octets, at, 2)?.try_into().ok()?;
        Some(u32::from(if self == Self::Big { u16::from_be_bytes(octets) } else { u16::from_le_bytes(octets) }))
    }

    pub(super) fn u32(self, octets: &[u8], at: usize) -> Option<u32> {
        let octets = slice(octets, at, 4)?.try_into().ok()?;
        Some(if self == Self::Big { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) })
    }
}

/// A TIFF file as a picture: its first page, and how many there are.
pub(super) fn picture(octets: &[u8]) -> Option<Picture> {
    let (order, mut at) = start(octets)?;
    let mut first: Option<Picture> = None;
    let mut pages = 0;
    for _ in 0..MOST_DIRECTORIES {
        let Some(directory) = Directory::at(octets, order, at) else { break };
        if let Some(page) = directory.picture()
            && directory.value(REDUCED).unwrap_or(0) & 1 == 0
        {
            pages += u32::from(page.pixels() >= FULL);
            first.get_or_insert(page);
        }
        at = match directory.next() {
            Some(next) if next != 0 => next as usize,
            _ => break,
        };
    }
    first.map(|first| Picture { pages: pages.max(1), ..first })
}

/// How many pages a TIFF file has, previews too, and the pixels of the largest; none when there are more than are
/// counted.
pub(super) fn pages(octets: &[u8]) -> Option<(usize, u64)> {
    let (order, mut at) = start(octets)?;
    let (mut pages, mut largest) = (0, 0);
    for _ in 0..MOST_DIRECTORIES {
        let directory = Directory::at(octets, order, at)?;
        pages += 1;
        largest = directory.picture()?.pixels().max(largest);
        match directory.next() {
            Some(next) if next != 0 => at = next as usize,
            _ => return Some((pages, largest)),
        }
    }
    None
}

/// What made a picture, by its Exif.
pub(super) fn origin(octets: &[u8]) -> Origin {
    first(octets).map_or(Origin::Unknown, |directory| directory.origin())
}

/// Pixels an inch, by a picture's Exif.
pub(super) fn density(octets: &[u8]) -> Option<(u32, u32)> {
    first(octets)?.density()
}

fn start(octets: &[u8]) -> Option<(Order, usize)> {
    let order = match octets {
        [b'I', b'I', ..] => Order::Little,
        [b'M', b'M', ..] => Order::Big,
        _ => return None,
    };
    Some((order, order.u32(octets, 4)? as usize))
}

fn first(octets: &[u8]) -> Option<Directory<'_>> {
    let (order, at) = start(octets)?;
    Directory::at(octets, order, at)
}

struct Directory<'o> {
    octets: &'o [u8],
    order: Order,
    /// Where its entries begin.
    entries: usize,
    count: usize,
}

impl<'o> Directory<'o> {
    fn at(octets: &'o [u8], order: Order, at: usize) -> Option<Self> {
        let count = order.u16(octets, at)? as usize;
        Some(Self { octets, order, entries: at.checked_add(2)?, count })
    }

    /// Where the next directory is; 0 when this is the last.
    fn next(&self) -> Option<u32> {
        self.order.u32(self.octets, self.entries.checked_add(self.count * 12)?)
    }

    /// Where the entry of a tag is.
    fn entry(&self, tag: u32) -> Option<usize> {
        let mut places = (0..self.count.min(MOST_ENTRIES)).map(|index| self.entries.saturating_add(index * 12));
        places.find(|&at| self.order.u16(self.octets, at) == Some(tag))
    }

    /// The number, or the first of the numbers, of a tag.
    fn value(&self, tag: u32) -> Option<u32> {
        let at = self.entry(tag)?;
        let (kind, count) = (self.order.u16(self.octets, at + 2)?, self.order.u32(self.octets, at + 4)?);
        let value = at + 8;
        match kind {
            3 if count <= 2 => self.order.u16(self.octets, value),
            3 => self.order.u16(self.octets, self.order.u32(self.octets, value)? as usize),
            4 if count == 1 => self.order.u32(self.octets, value),
            _ => None,
        }
    }

    /// A fraction, rounded down.
    fn fraction(&self, tag: u32) -> Option<u32> {
        let at = self.order.u32(self.octets, self.entry(tag)? + 8)? as usize;
        let below = self.order.u32(self.octets, at.checked_add(4)?)?;
        self.order.u32(self.octets, at)?.checked_div(below)
    }

    fn picture(&self) -> Option<Picture> {
        let bits = self.value(BITS).unwrap_or(1).saturating_mul(self.value(SAMPLES).unwrap_or(1));
        let picture = Picture::of(Kind::Tiff, self.value(WIDTH)?, self.value(HEIGHT)?, bits)?;
        let is_grey = self.value(COLOURS).is_some_and(|colours| colours < 2);
        Some(Picture { is_grey, density: self.density(), origin: self.origin(), ..picture })
    }

    fn density(&self) -> Option<(u32, u32)> {
        let (across, down) = (self.fraction(ACROSS)?, self.fraction(DOWN)?);
        match self.value(UNIT).unwrap_or(2) {
            2 => per_inch(across, down),
            3 => per_metre(across.saturating_mul(100), down.saturating_mul(100)),
            _ => None,
        }
    }

    fn origin(&self) -> Origin {
        let exif = self.value(EXIF).and_then(|at| Directory::at(self.octets, self.order, at as usize));
        let has_lens = exif.is_some_and(|exif| LENS.iter().any(|&tag| exif.entry(tag).is_some()));
        if has_lens || self.entry(GPS).is_some() {
            Origin::Camera
        } else if self.entry(MAKE).is_some() {
            Origin::Machine
        } else {
            Origin::Unknown
        }
    }
}
