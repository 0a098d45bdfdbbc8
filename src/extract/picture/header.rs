//! The headers of pictures: PNG (ISO 15948), JPEG (ITU-T T.81, JFIF, Exif), GIF 89a, BMP, TIFF 6.0, WebP (RFC 9649),
//! JPEG 2000 (ITU-T T.800).
//!
//! HEIC and AVIF are what telephones make of photos: nothing in their header would make them anything else. Every walk
//! is bounded by the octets that are there. Cannot fail: none is a header that is broken or unknown.

use memchr::memmem;

use super::tiff::{self, Order};

/// What the header of a picture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) kind: Kind,
    /// In pixels, above 0.
    pub(super) width: u32,
    /// In pixels, above 0.
    pub(super) height: u32,
    /// Bits of a pixel.
    pub(super) bits: u32,
    /// Whether it has no colours.
    pub(super) is_grey: bool,
    /// Whether a part of it is left open by one colour, as drawing programs do.
    pub(super) is_cut_out: bool,
    /// Pages of full size.
    pub(super) pages: u32,
    /// Pixels an inch, across and down, above 0.
    pub(super) density: Option<(u32, u32)>,
    pub(super) origin: Origin,
}

/// Which format it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Jpeg,
    Gif,
    Bmp,
    Tiff,
    Webp,
    Jpeg2000,
}

/// What made it, by its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It does not say.
    Unknown,
    /// A machine with a name: a camera or a scanner.
    Machine,
    /// Something with a lens, or that knows where on earth it was.
    Camera,
}

impl Picture {
    pub(super) fn of(kind: Kind, width: u32, height: u32, bits: u32) -> Option<Self> {
        (width > 0 && height > 0).then_some(Self {
            kind,
            width,
            height,
            bits,
            is_grey: false,
            is_cut_out: false,
            pages: 1,
            density: None,
            origin: Origin::Unknown,
        })
    }

    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The longer side in pixels.
    pub(super) fn long(&self) -> u32 {
        self.width.max(self.height)
    }

    /// The long side to the short one, in thousandths.
    pub(super) fn shape(&self) -> u64 {
        (u64::from(self.long()) * 1_000 + 500) / u64::from(self.width.min(self.height).max(1))
    }
}

/// Reads a header.
pub(super) fn read(octets: &[u8]) -> Option<Picture> {
    match octets {
        [0x89, b'P', b'N', b'G', ..] => png(octets),
        [0xFF, 0xD8, ..] => jpeg(octets),
        [b'G', b'I', b'F', b'8', ..] => {
            let (width, height) = (little_u16(octets, 6)?, little_u16(octets, 8)?);
            Picture::of(Kind::Gif, width, height, u32::from(octets.get(10)? & 7) + 1)
        }
        [b'B', b'M', ..] => bmp(octets),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => tiff::picture(octets),
        [b'R', b'I', b'F', b'F', ..] => webp(octets),
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => jpeg2000(octets),
        _ => None,
    }
}

/// Chunks before the pixels; a program writes ten or so.
const MOST_CHUNKS: usize = 200;

fn png(octets: &[u8]) -> Option<Picture> {
    if octets.get(12..16)? != b"IHDR" {
        return None;
    }
    let (depth, colour) = (u32::from(*octets.get(24)?), *octets.get(25)?);
    let samples = match colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    let mut picture =
        Picture::of(Kind::Png, big_u32(octets, 16)?, big_u32(octets, 20)?, depth.saturating_mul(samples))?;
    picture.is_grey = matches!(colour, 0 | 4);
    picture.is_cut_out = colour == 4;
    let mut at = 33usize;
    for _ in 0..MOST_CHUNKS {
        let (Some(length), Some(kind)) = (big_u32(octets, at), slice(octets, at.saturating_add(4), 4)) else { break };
        let start = at.saturating_add(8);
        match kind {
            b"IDAT" | b"IEND" => break,
            b"tRNS" => picture.is_cut_out = true,
            b"pHYs" if octets.get(start.saturating_add(8)) == Some(&1) => {
                picture.density = per_metre(big_u32(octets, start)?, big_u32(octets, start.saturating_add(4))?);
            }
            b"eXIf" => picture.origin = tiff::origin(slice(octets, start, length as usize).unwrap_or_default()),
            _ => {}
        }
        at = start.saturating_add(length as usize).saturating_add(4);
    }
    Some(picture)
}

/// Octets within which the boxes of JPEG 2000 say its size.
const HEADER_BOXES: usize = 4096;
/// Segments before the pixels.
const MOST_SEGMENTS: usize = 1_000;

fn jpeg(octets: &[u8]) -> Option<Picture> {
    let (mut density, mut origin) = (None, Origin::Unknown);
    let mut at = 2usize;
    for _ in 0..MOST_SEGMENTS {
        let marker = match slice(octets, at, 2)? {
            // Octets of 1 may fill up to a marker; some markers stand alone (T.81 B.1.1.2 and B.1.1.3).
            [0xFF, 0xFF] => {
                at = at.saturating_add(1);
                continue;
            }
            [0xFF, 0x01 | 0xD0..=0xD8] => {
                at = at.saturating_add(2);
                continue;
            }
            [0xFF, marker] => *marker,
            _ => return None,
        };
        let start = at.saturating_add(4);
        let length = (big_u16(octets, at.saturating_add(2))? as usize).checked_sub(2)?;
        let content = octets.get(start..start.saturating_add(length).min(octets.len())).unwrap_or_default();
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let components = u32::from(*content.get(5)?);
                let bits = u32::from(*content.first()?).saturating_mul(components);
                let picture = Picture::of(Kind::Jpeg, big_u16(content, 3)?, big_u16(content, 1)?, bits)?;
                return Some(Picture { is_grey: components == 1, density, origin, ..picture });
            }
            0xE0 if content.starts_with(b"JFIF\0") => {
                let (across, down) = (big_u16(content, 8)?, big_u16(content, 10)?);
                density = match content.get(7)? {
                    1 => per_inch(across, down),
                    2 => per_metre(across.saturating_mul(100), down.saturating_mul(100)),
                    _ => None,
                };
            }
            0xE1 => {
                if let Some(exif) = content.strip_prefix(b"Exif\0\0") {
                    origin = tiff::origin(exif);
                    density = density.or_else(|| tiff::density(exif));
                }
            }
            0xD9 | 0xDA => return None,
            _ => {}
        }
        at = start.saturating_add(length);
    }
    None
}

fn bmp(octets: &[u8]) -> Option<Picture> {
    if little_u32(octets, 14)? == 12 {
        return Picture::of(Kind::Bmp, little_u16(octets, 18)?, little_u16(octets, 20)?, little_u16(octets, 24)?);
    }
    // A height below 0 means that the first row is the upper one.
    let side = |at| little_u32(octets, at).map(|side| side.cast_signed().unsigned_abs());
    let picture = Picture::of(Kind::Bmp, side(18)?, side(22)?, little_u16(octets, 28)?)?;
    let density = little_u32(octets, 38).zip(little_u32(octets, 42)).and_then(|(across, down)| per_metre(across, down));
    Some(Picture { density, ..picture })
}

fn webp(octets: &[u8]) -> Option<Picture> {
    let (width, height) = match octets.get(12..16)? {
        b"VP8X" => {
            let side = |at| little_u32(octets, at).map(|side| (side & 0xFF_FFFF) + 1);
            (side(24)?, side(27)?)
        }
        b"VP8L" => {
            let sides = little_u32(octets, 21)?;
            ((sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1)
        }
        b"VP8 " => (little_u16(octets, 26)? & 0x3FFF, little_u16(octets, 28)? & 0x3FFF),
        _ => return None,
    };
    Picture::of(Kind::Webp, width, height, 24)
}

/// JPEG 2000 (ITU-T T.800 annex I): the box `ihdr` stands in the first `jp2h`.
fn jpeg2000(octets: &[u8]) -> Option<Picture> {
    let start = octets.get(..HEADER_BOXES).unwrap_or(octets);
    let at = memmem::find(start, b"ihdr")?.checked_add(4)?;
    let components = big_u16(octets, at.checked_add(8)?)?;
    let bits = (u32::from(*octets.get(at.checked_add(10)?)?) & 0x7F).saturating_add(1);
    let picture = Picture::of(
        Kind::Jpeg2000,
        big_u32(octets, at.checked_add(4)?)?,
        big_u32(octets, at)?,
        bits.saturating_mul(components),
    )?;
    Some(Picture { is_grey: components == 1, ..picture })
}

/// Pixels an inch; none for the 1 by 1 and 0 by 0 of programs that do not know.
pub(super) fn per_inch(across: u32, down: u32) -> Option<(u32, u32)> {
    (across > 1 && down > 1).then_some((across, down))
}

/// Pixels an inch of pixels a metre: an inch is 0.0254 of it.
pub(super) fn per_metre(across: u32, down: u32) -> Option<(u32, u32)> {
    let inch = |pixels: u32| u32::try_from((u64::from(pixels) * 254 + 5_000) / 10_000).unwrap_or(u32::MAX);
    per_inch(inch(across), inch(down))
}

pub(super) fn slice(octets: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    octets.get(at..at.checked_add(length)?)
}

fn big_u16(octets: &[u8], at: usize) -> Option<u32> {
    Order::Big.u16(octets, at)
}

fn big_u32(octets: &[u8], at: usize) -> Option<u32> {
    Order::Big.u32(octets, at)
}

fn little_u16(octets: &[u8], at: usize) -> Option<u32> {
    Order::Little.u16(octets, at)
}

fn little_u32(octets: &[u8], at: usize) -> Option<u32> {
    Order::Little.u32(octets, at)
}
