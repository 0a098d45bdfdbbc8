//! The pictures of pages, as they lie in the file: for whoever recognises text in them.
//!
//! Decodes nothing but what text goes through too; a JPEG stays a JPEG.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::STEPS;
use super::content::Painter;
use super::file::File;
use super::filter::{Budget, Decoded};
use super::object::{Dict, Object, Stream};
use super::pages;
use crate::message::Limits;

/// Pictures of one page: a scan comes in strips at times.
const PICTURES: usize = 200;
/// Smaller ones are ornaments, in pixels a side.
const SMALL: u32 = 32;

/// A picture on a page.
pub struct PagePicture {
    /// The page, counted from 1.
    pub page: u32,
    /// What its octets are.
    pub coding: Coding,
    /// The octets.
    pub octets: Vec<u8>,
    /// Its width in pixels, as the file says.
    pub width: u32,
    /// Its height in pixels, as the file says.
    pub height: u32,
}

/// What the octets of a picture are (ISO 32000-1 sections 7.4.6 to 7.4.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coding {
    /// A whole JPEG file.
    Jpeg,
    /// A whole JPEG 2000 file or code stream.
    Jpeg2000,
    /// Facsimile, without a header.
    Fax {
        /// Below 0 Group 4; 0 Group 3 in one dimension; above 0 Group 3 in two.
        k: i64,
        /// Pixels of a row.
        columns: u32,
        /// Whether 1 is black.
        black_is_one: bool,
        /// Whether every row begins at an octet.
        aligned: bool,
    },
    /// JBIG2 segments without a file header, and those that stand before them.
    Jbig2 {
        /// The global segments.
        globals: Vec<u8>,
    },
    /// Pixels, row by row, each row filled up to an octet.
    Raw {
        /// Bits of one component.
        bits: u32,
        /// Components of a pixel: 1 grey, or an index; 3 RGB; 4 CMYK.
        components: u32,
        /// RGB of each index.
        palette: Option<Vec<u8>>,
    },
}

/// Hands out the pictures of these pages. Silent about a file that is locked or broken: reading it has said so.
pub fn pictures(
    octets: &[u8],
    passwords: &[&[u8]],
    wanted: &BTreeSet<u32>,
    limits: &Limits,
    each: &mut dyn FnMut(PagePicture),
) {
    let passwords: Vec<&[u8]> = [&b""[..]].into_iter().chain(passwords.iter().copied()).collect();
    let Ok(file) = File::open(octets, &passwords, Rc::new(Budget::new(limits.unpacked_bytes))) else { return };
    let mut painter = Painter::new(&file, STEPS);
    for (number, page) in (1u32..).zip(pages::pages(&file).0).filter(|(number, _)| wanted.contains(number)) {
        let (drawn, _) = page.draw(&mut painter);
        let mut seen = BTreeSet::new();
        for object in drawn.pictures.iter().filter_map(|picture| picture.object).take(PICTURES) {
            if seen.insert(object)
                && let Object::Stream(stream) = &*file.get(object)
                && let Some(picture) = picture(&file, stream, number)
            {
                each(picture);
            }
        }
    }
}

fn picture(file: &File<'_>, stream: &Stream, page: u32) -> Option<PagePicture> {
    let size = |key: &[u8]| file.at(&stream.dict, key).int().and_then(|side| u32::try_from(side).ok());
    let (width, height) = (size(b"Width")?, size(b"Height")?);
    if width < SMALL || height < SMALL {
        return None;
    }
    let Decoded { octets, picture, .. } = file.decode(stream);
    let coding = match &picture {
        None => raw(file, &stream.dict)?,
        Some((filter, parameters)) => match filter.as_slice() {
            b"DCTDecode" | b"DCT" => Coding::Jpeg,
            b"JPXDecode" => Coding::Jpeg2000,
            b"CCITTFaxDecode" | b"CCF" => fax(parameters, width),
            b"JBIG2Decode" => {
                let globals = file.at(parameters, b"JBIG2Globals");
                let globals = globals.stream().map(|globals| file.decode(globals).octets.into_owned());
                Coding::Jbig2 { globals: globals.unwrap_or_default() }
            }
            _ => return None,
        },
    };
    Some(PagePicture { page, coding, octets: octets.into_owned(), width, height })
}

fn fax(parameters: &Dict, width: u32) -> Coding {
    let is = |key: &[u8]| *parameters.get(key) == Object::Bool(true);
    let columns = parameters.get(b"Columns").int().and_then(|columns| u32::try_from(columns).ok());
    Coding::Fax {
        k: parameters.get(b"K").int().unwrap_or(0),
        columns: columns.unwrap_or(if parameters.has(b"K") { 1728 } else { width }),
        black_is_one: is(b"BlackIs1"),
        aligned: is(b"EncodedByteAlign"),
    }
}

fn raw(file: &File<'_>, dict: &Dict) -> Option<Coding> {
    if *file.at(dict, b"ImageMask") == Object::Bool(true) {
        return Some(Coding::Raw { bits: 1, components: 1, palette: None });
    }
    let bits = u32::try_from(file.at(dict, b"BitsPerComponent").int()?).ok()?;
    let space = file.at(dict, b"ColorSpace");
    let (components, palette) = match &*space {
        Object::Name(name) => (components(name)?, None),
        Object::Array(parts) => {
            let part = |index: usize| parts.get(index).map(|part| file.resolve(part));
            let kind = part(0)?;
            match kind.name()? {
                b"ICCBased" => {
                    let profile = part(1)?;
                    (u32::try_from(file.at(profile.dict()?, b"N").int()?).ok()?, None)
                }
                b"Indexed" | b"I" => {
                    let table = part(3)?;
                    let octets = match &*table {
                        Object::Text(octets) => octets.clone(),
                        other => file.decode(other.stream()?).octets.into_owned(),
                    };
                    (1, Some(octets))
                }
                b"CalGray" | b"Separation" => (1, None),
                b"CalRGB" | b"Lab" => (3, None),
                name => (components(name)?, None),
            }
        }
        _ => return None,
    };
    Some(Coding::Raw { bits, components, palette })
}

fn components(space: &[u8]) -> Option<u32> {
    Some(match space {
        b"DeviceGray" | b"G" | b"CalGray" => 1,
        b"DeviceRGB" | b"RGB" | b"CalRGB" => 3,
        b"DeviceCMYK" | b"CMYK" => 4,
        _ => return None,
    })
}
