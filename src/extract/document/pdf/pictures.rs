//! The pictures of a page that is a scan, each as a file that can be read outside of this one.
//!
//! Decodes nothing but what text goes through too: JPEG and JPEG 2000 are files as they stand, facsimile gets the header
//! of a TIFF 6.0 file around it, and bare pixels become grey. A scan that was cut into strips is put together again. JBIG2
//! has no reader outside. Cannot fail: a picture that is none of these is left out, and its page is unread.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::content;
use super::file::File;
use super::filter::Decoded;
use super::object::{Dict, Object, Stream};
use crate::extract::{Picture, Why};
use crate::message::Limits;

/// Pictures of one page: a scan comes in strips at times.
const PICTURES: usize = 200;
/// A picture that covers less of the page is an ornament.
const ORNAMENT: f64 = 0.02;

/// The pictures of a page, and whether these are all that it shows.
pub(super) fn of_page(file: &File<'_>, drawn: &[content::Picture], area: f64, limits: &Limits) -> (Vec<Picture>, bool) {
    let mut whole = drawn.len() <= PICTURES;
    let mut parts: Vec<Part> = Vec::new();
    let mut seen = Vec::new();
    for picture in drawn.iter().take(PICTURES) {
        if picture.object.is_some_and(|object| seen.contains(&object)) {
            continue;
        }
        seen.extend(picture.object);
        let part = picture.object.and_then(|object| match &*file.get(object) {
            Object::Stream(stream) => part(file, stream, limits),
            _ => None,
        });
        match part {
            Some(part) => match parts.last_mut() {
                Some(last) if last.takes(&part) => last.strips.extend(part.strips),
                _ => parts.push(part),
            },
            None => whole &= picture.area < ORNAMENT * area,
        }
    }
    let before = parts.len();
    let pictures: Vec<Picture> =
        parts.into_iter().filter_map(|part| Picture::new(part.file()?, Why::ScanWithoutOcr, limits)).collect();
    whole &= pictures.len() == before;
    (pictures, whole)
}

/// A picture, or the strips of one.
struct Part {
    width: u32,
    coding: Coding,
    /// Rows and octets of each.
    strips: Vec<(u32, Vec<u8>)>,
}

/// What the octets of a picture are (ISO 32000-1 sections 7.4.6 to 7.4.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// A file as it stands: JPEG, JPEG 2000.
    File,
    /// Facsimile: the number of the compression in TIFF, its options, and whether black is white.
    Fax { compression: u32, options: u32, inverted: bool },
    /// Pixels of one bit, or of eight, packed with zlib.
    Grey { bits: u32, inverted: bool },
}

impl Part {
    /// Whether another one is the next strip of it. In TIFF all strips but the last have the same height.
    fn takes(&self, next: &Self) -> bool {
        let heights = |part: &Self| (part.strips.first().map(|strip| strip.0), part.strips.last().map(|strip| strip.0));
        let (first, last) = heights(self);
        self.coding != Coding::File
            && (self.width, self.coding) == (next.width, next.coding)
            && first == last
            && heights(next).0 <= first
    }

    /// It as a file; none when it is too large for one.
    fn file(self) -> Option<Vec<u8>> {
        // Compression, bits of a pixel and what 0 means (TIFF 6.0 sections 3, 4 and 11; technical note of 2002 for zlib).
        let (compression, bits, options, black_is_zero) = match self.coding {
            Coding::File => return self.strips.into_iter().next().map(|strip| strip.1),
            Coding::Fax { compression, options, inverted } => (compression, 1, options, inverted),
            Coding::Grey { bits, inverted } => (8, bits, 0, !inverted),
        };
        let mut out = b"II*\0\0\0\0\0".to_vec();
        let (mut offsets, mut counts, mut height) = (Vec::new(), Vec::new(), 0u32);
        for (rows, octets) in &self.strips {
            offsets.push(u32::try_from(out.len()).ok()?);
            counts.push(u32::try_from(octets.len()).ok()?);
            height = height.checked_add(*rows)?;
            out.extend_from_slice(octets);
        }
        let rows = self.strips.first()?.0;
        let mut entries: Vec<(u16, Vec<u32>)> = vec![
            (256, vec![self.width]),
            (257, vec![height]),
            (258, vec![bits]),
            (259, vec![compression]),
            (262, vec![u32::from(black_is_zero)]),
            (273, offsets),
            (277, vec![1]),
            (278, vec![rows]),
            (279, counts),
        ];
        if compression == 3 {
            entries.push((292, vec![options]));
        }
        directory(out, &entries)
    }
}

/// Puts a directory of long numbers behind what is there.
fn directory(mut out: Vec<u8>, entries: &[(u16, Vec<u32>)]) -> Option<Vec<u8>> {
    let mut table = u16::try_from(entries.len()).ok()?.to_le_bytes().to_vec();
    for (tag, values) in entries {
        table.extend(tag.to_le_bytes());
        table.extend(4u16.to_le_bytes());
        table.extend(u32::try_from(values.len()).ok()?.to_le_bytes());
        match values.as_slice() {
            [one] => table.extend(one.to_le_bytes()),
            many => {
                table.extend(u32::try_from(out.len()).ok()?.to_le_bytes());
                out.extend(many.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
    let start = u32::try_from(out.len()).ok()?.to_le_bytes();
    out.get_mut(4..8)?.copy_from_slice(&start);
    out.extend(table);
    out.extend([0; 4]);
    Some(out)
}

fn part(file: &File<'_>, stream: &Stream, limits: &Limits) -> Option<Part> {
    let size = |key: &[u8], short: &[u8]| {
        let side = if stream.dict.has(key) { key } else { short };
        file.at(&stream.dict, side).int().and_then(|side| u32::try_from(side).ok())
    };
    let (width, height) = (size(b"Width", b"W")?, size(b"Height", b"H")?);
    let pixels = u64::from(width).checked_mul(u64::from(height)).filter(|pixels| *pixels > 0)?;
    // Unpacked it is held twice, and what it takes is taken from the texts of other documents.
    let space = Space::of(file, &stream.dict);
    let needed = pixels.saturating_mul(space.as_ref().map_or(1, Space::bits).into()) / 8;
    if pixels > limits.picture_pixels || needed > (file.budget.left() / 2) as u64 {
        return None;
    }
    let Decoded { octets, picture, whole } = file.decode(stream);
    let (coding, octets) = match &picture {
        None => {
            let space = space.filter(|_| whole)?;
            (space.coding(), space.grey(&octets, width, height)?)
        }
        Some((filter, parameters)) => match filter.as_slice() {
            b"DCTDecode" | b"DCT" | b"JPXDecode" => (Coding::File, octets.into_owned()),
            b"CCITTFaxDecode" | b"CCF" => (fax(file, &stream.dict, parameters, width)?, octets.into_owned()),
            _ => return None,
        },
    };
    Some(Part { width, coding, strips: vec![(height, octets)] })
}

/// The same in the words of TIFF. Rows of another width than the picture's are nobody's.
fn fax(file: &File<'_>, dict: &Dict, parameters: &Dict, width: u32) -> Option<Coding> {
    let is = |key: &[u8]| *parameters.get(key) == Object::Bool(true);
    let columns = parameters.get(b"Columns").int().map_or(Some(1728), |columns| u32::try_from(columns).ok());
    if columns != Some(width) {
        return None;
    }
    let inverted = is(b"BlackIs1") != is_inverted(file, dict);
    Some(match parameters.get(b"K").int().unwrap_or(0) {
        k if k < 0 && !is(b"EncodedByteAlign") => Coding::Fax { compression: 4, options: 0, inverted },
        k if k < 0 => return None,
        0 if is(b"EncodedByteAlign") => return None,
        0 => Coding::Fax { compression: 3, options: 0, inverted },
        _ => Coding::Fax { compression: 3, options: 1, inverted },
    })
}

/// Whether a picture turns black and white around (section 8.9.5.2).
fn is_inverted(file: &File<'_>, dict: &Dict) -> bool {
    let decode = file.at(dict, if dict.has(b"Decode") { b"Decode" } else { b"D" });
    decode.array().and_then(|ranges| file.resolve(ranges.first()?).number()).is_some_and(|first| first > 0.5)
}

/// What bare pixels mean.
struct Space {
    bits: u32,
    components: u32,
    /// The grey of each index.
    palette: Option<Vec<u8>>,
    inverted: bool,
}

impl Space {
    fn of(file: &File<'_>, dict: &Dict) -> Option<Self> {
        let inverted = is_inverted(file, dict);
        if *file.at(dict, b"ImageMask") == Object::Bool(true) || *file.at(dict, b"IM") == Object::Bool(true) {
            return Some(Self { bits: 1, components: 1, palette: None, inverted });
        }
        let bits = u32::try_from(file.at(dict, b"BitsPerComponent").int()?).ok()?;
        let space = file.at(dict, b"ColorSpace");
        let (components, palette) = match &*space {
            Object::Name(name) => (components(name)?, None),
            Object::Array(parts) => {
                let part = |index: usize| parts.get(index).map(|part| file.resolve(part));
                let kind = part(0)?;
                match kind.name()? {
                    b"ICCBased" => (u32::try_from(file.at(part(1)?.dict()?, b"N").int()?).ok()?, None),
                    b"Indexed" | b"I" => {
                        let table = part(3)?;
                        let octets = match &*table {
                            Object::Text(octets) => octets.clone(),
                            other => file.decode(other.stream()?).octets.into_owned(),
                        };
                        let base = part(1)?;
                        let is_grey = base.name().and_then(components) == Some(1);
                        (1, Some(if is_grey { octets } else { octets.chunks_exact(3).map(grey).collect() }))
                    }
                    b"Separation" => return Some(Self { bits, components: 1, palette: None, inverted: !inverted }),
                    b"CalRGB" | b"Lab" => (3, None),
                    name => (components(name)?, None),
                }
            }
            _ => return None,
        };
        let known = matches!(bits, 1 | 2 | 4 | 8 | 16) && matches!(components, 1 | 3 | 4);
        known.then_some(Self { bits, components, palette, inverted })
    }

    /// Bits of a pixel.
    fn bits(&self) -> u32 {
        self.bits * self.components
    }

    fn is_bilevel(&self) -> bool {
        (self.bits, self.components, self.palette.is_none()) == (1, 1, true)
    }

    fn coding(&self) -> Coding {
        Coding::Grey { bits: if self.is_bilevel() { 1 } else { 8 }, inverted: self.inverted }
    }

    /// Rows as grey, packed.
    fn grey(&self, octets: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
        let row = usize::try_from(u64::from(width).checked_mul(self.bits().into())?.div_ceil(8)).ok()?;
        let width = width as usize;
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        let mut line = Vec::with_capacity(width);
        for row in octets.chunks_exact(row).take(height as usize) {
            if self.is_bilevel() {
                packed.write_all(row).ok()?;
                continue;
            }
            line.clear();
            self.line(row, width, &mut line);
            packed.write_all(&line).ok()?;
        }
        let missing = (height as usize).saturating_sub(octets.len() / row);
        (missing == 0).then(|| packed.finish().ok())?
    }

    fn line(&self, row: &[u8], width: usize, line: &mut Vec<u8>) {
        let sample = |index: usize| -> u8 {
            match self.bits {
                8 => row.get(index).copied().unwrap_or_default(),
                16 => row.get(index * 2).copied().unwrap_or_default(),
                bits => {
                    let (at, bits) = (index * bits as usize, bits as usize);
                    let octet = row.get(at / 8).copied().unwrap_or_default();
                    let value = (octet >> (8 - bits - at % 8)) & ((1 << bits) - 1);
                    // Indices stay; shades are spread over all there are.
                    if self.palette.is_some() { value } else { value * (255 / ((1 << bits) - 1)) }
                }
            }
        };
        for pixel in 0..width {
            let at = pixel * self.components as usize;
            line.push(match (&self.palette, self.components) {
                (Some(palette), _) => palette.get(usize::from(sample(at))).copied().unwrap_or(255),
                (None, 3) => grey(&[sample(at), sample(at + 1), sample(at + 2)]),
                (None, 4) => {
                    let ink =
                        u16::from(grey(&[sample(at), sample(at + 1), sample(at + 2)])) + u16::from(sample(at + 3));
                    255 - u8::try_from(ink).unwrap_or(255)
                }
                _ => sample(at),
            });
        }
    }
}

/// How light a colour is (ITU-R BT.601).
fn grey(colour: &[u8]) -> u8 {
    let &[red, green, blue] = colour else { return 255 };
    let light = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    u8::try_from(light / 1000).unwrap_or(255)
}

fn components(space: &[u8]) -> Option<u32> {
    Some(match space {
        b"DeviceGray" | b"G" | b"CalGray" => 1,
        b"DeviceRGB" | b"RGB" | b"CalRGB" => 3,
        b"DeviceCMYK" | b"CMYK" => 4,
        _ => return None,
    })
}
