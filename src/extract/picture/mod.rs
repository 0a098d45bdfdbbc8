//! What a picture is for, by its header alone: a logo, a page of text, or a photo.
//!
//! Size, colours, density and what the camera wrote are enough to tell most scans and screenshots from photos, and both
//! from the logo under a mail. Nobody is to be stopped for a photo or a logo, so in doubt a picture is a photo
//! ([`Why::Media`]). Never decodes a pixel; a name helps, but never decides alone. Cannot fail: a header that is broken
//! or unknown is a photo's.

mod header;
mod tiff;

use memchr::memmem;

use self::header::{Kind, Origin, Picture};
use super::Why;

/// Octets from the start of a picture within which its header stands: a JPEG has a preview and colour profiles first.
pub(super) const HEADER: usize = 256 << 10;

/// Where a picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Setting {
    /// A file of its own: attached, or in an archive.
    #[default]
    File,
    /// Shown in the page of a mail.
    Page,
    /// Shown in a document.
    Document,
}

/// Why a picture is unread. `start` is its header at least, `octets` its whole size.
pub(super) fn why(start: &[u8], octets: usize, name: &str, setting: Setting) -> Why {
    let Some(picture) = header::read(start) else { return Why::Media };
    let named = Named::by(name);
    if picture.origin == Origin::Camera {
        Why::Media
    } else if is_ornament(&picture, setting) {
        Why::SignatureImage
    } else if is_page(&picture, named) || is_screen(&picture, named, octets, setting) {
        Why::ScanWithoutOcr
    } else {
        Why::Media
    }
}

/// What recognising text in a picture would ask, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Pixels of its largest page.
    pub(super) pixels: u64,
    /// Pages, at least 1, small ones too.
    pub(super) pages: usize,
    /// Pixels an inch, if its first page is a sheet of A4. What files say of it is often made up.
    pub(super) density: u32,
    /// Whether it is so light that nothing can be on it.
    pub(super) is_blank: bool,
    /// Whether a photo of this size may show a sheet of paper that can be read.
    pub(super) may_be_paper: bool,
    /// Whether it was drawn, or is of a screen.
    pub(super) is_plain: bool,
}

/// Pixels below which no sheet, card or part of a screen can be read, and those of the shorter side.
const LEGIBLE: (u64, u32) = (200_000, 300);

/// Its size; none for formats that nobody recognises text in.
pub(super) fn size(octets: &[u8]) -> Option<Size> {
    let picture = header::read(octets)?;
    let (pages, pixels) = match picture.kind {
        Kind::Tiff => tiff::pages(octets)?,
        _ => (1, picture.pixels()),
    };
    let may_be_paper = picture.pixels() >= LEGIBLE.0 && picture.width.min(picture.height) >= LEGIBLE.1;
    // A card or a part of a screen is no sheet, and as sharp as one.
    let density = (picture.long().saturating_mul(100) / 1169).clamp(150, 600);
    let is_blank = is_blank(&picture, octets.len(), pixels.saturating_mul(pages as u64));
    Some(Size { pixels, pages, density, is_blank, may_be_paper, is_plain: is_plain(&picture, octets.len()) })
}

/// Whether so few octets hold nothing but paper: a line of text takes more, in each coding. In doubt it is written on.
fn is_blank(picture: &Picture, octets: usize, pixels: u64) -> bool {
    let pixels_an_octet = match picture.kind {
        // Half an octet for each block of 64 pixels, twice that with colours.
        Kind::Jpeg | Kind::Jpeg2000 | Kind::Webp => 66,
        _ if picture.bits == 1 => 2_000,
        _ => 500,
    };
    (octets as u64).saturating_mul(pixels_an_octet) <= pixels
}

/// The ids of the parts that a page shows (RFC 2392).
pub(super) fn shown_in(page: &str) -> impl Iterator<Item = String> {
    let starts = ["cid:", "CID:"].into_iter().flat_map(|mark| memmem::find_iter(page.as_bytes(), mark));
    starts.filter_map(|at| {
        let rest = page.get(at + 4..)?;
        let longest = rest.get(..rest.floor_char_boundary(250)).unwrap_or(rest);
        let id = longest.split(['"', '\'', ')', '<', '>', '&', ' ', '\r', '\n', '\t']).next()?;
        (!id.is_empty()).then(|| id.replace("%40", "@"))
    })
}

/// What a name says of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// What scanners and faxes call their pages.
    Scan,
    /// What computers and telephones call a picture of the screen.
    Screen,
    /// What cameras and people call photos and logos.
    Photo,
    Nothing,
}

impl Named {
    fn by(name: &str) -> Self {
        let start: String = name.trim().chars().take(40).collect::<String>().to_lowercase();
        let starts = |words: &[&str]| words.iter().any(|word| start.starts_with(word));
        if starts(&["screenshot", "screen shot", "schermafbeelding", "schermopname", "knipsel"]) {
            Self::Screen
        } else if starts(&["scan", "img_scan", "fax", "doc0", "adobe scan", "camscanner", "skm_", "skmbt", "epson0"]) {
            Self::Scan
        } else if starts(&["img_", "img-", "dsc", "pxl_", "whatsapp image", "photo"])
            || ["foto", "logo", "banner", "handtekening"].iter().any(|word| start.contains(word))
        {
            Self::Photo
        } else {
            Self::Nothing
        }
    }
}

/// More pixels are more than a logo in a mail has.
const SMALL: u64 = 64 << 10;
/// The same for one that is shown in the mail and is far wider than high.
const BANNER: u64 = 200_000;
/// Pixels a side of an icon.
const ICON: u32 = 128;

/// Whether a picture belongs to a signature or the layout. A small photo that is attached may show a pupil: only one
/// that was drawn, is an icon or has the shape of a banner counts there.
fn is_ornament(picture: &Picture, setting: Setting) -> bool {
    let is_banner = u64::from(picture.width) >= 2 * u64::from(picture.height);
    let is_drawn = matches!(picture.kind, Kind::Png | Kind::Gif | Kind::Bmp);
    let is_icon = picture.width <= ICON && picture.height <= ICON;
    let in_page = setting == Setting::Page;
    match picture.pixels() {
        0..=SMALL => in_page || is_banner || is_drawn || is_icon,
        pixels => pixels < BANNER && is_banner && in_page,
    }
}

/// Pixels of the long side of a page that can be read.
const PAGE: u32 = 1_000;
/// Pixels of a screen, or of a page in black and white.
const FULL: u64 = 300_000;
/// Long and short side of papers in hundredths of an inch: A4, A5, Letter, Legal (ISO 216, ANSI/ASME Y14.1).
const PAPERS: [(u64, u64); 4] = [(1169, 827), (827, 583), (1100, 850), (1400, 850)];

/// Whether a picture is a page of text. Photos have sides of 4:3, 3:2, 16:9 or 7:5; the square root of two is paper.
fn is_page(picture: &Picture, named: Named) -> bool {
    let shape = picture.shape();
    let is_bilevel = picture.bits == 1 && picture.pixels() >= FULL;
    // Barcodes are square; what is as long as a till's receipt is paper too.
    if is_bilevel && shape >= 1_200 || picture.pages > 1 {
        return true;
    }
    if named == Named::Photo || picture.long() < PAGE {
        return false;
    }
    let is_unknown = picture.origin == Origin::Unknown;
    let like_page = (1_270..=1_450).contains(&shape) && is_unknown;
    is_paper(picture)
        || is_unknown && (1_405..=1_425).contains(&shape)
        || like_page && (picture.kind == Kind::Tiff || named == Named::Scan)
        || like_page && picture.is_grey && picture.density.is_some_and(|(across, _)| across >= 100)
}

/// Whether a picture is as large as a sheet of paper, by its own account.
fn is_paper(picture: &Picture) -> bool {
    let Some((across, down)) = picture.density.filter(|(x, y)| (90..=1_300).contains(x) && (90..=1_300).contains(y))
    else {
        return false;
    };
    let (width, height) =
        (u64::from(picture.width) * 100 / u64::from(across), u64::from(picture.height) * 100 / u64::from(down));
    let near = |side: u64, paper: u64| side.abs_diff(paper) * 40 <= paper;
    PAPERS.iter().any(|&(long, short)| near(width.max(height), long) && near(width.min(height), short))
}

/// Long side to short side of wide screens, in thousandths: computers and telephones. Plots and drawings are as often
/// 4:3 or 3:2 as screens are.
const SCREENS: [u64; 7] = [1_600, 1_778, 2_055, 2_165, 2_222, 2_333, 2_370];
/// Screens of computers and tablets, long side first, in pixels.
const SIZES: [(u32, u32); 21] = [
    (3840, 2160),
    (2880, 1800),
    (2736, 1824),
    (2732, 2048),
    (2560, 1600),
    (2560, 1440),
    (2388, 1668),
    (2360, 1640),
    (2256, 1504),
    (2160, 1620),
    (2160, 1440),
    (1920, 1200),
    (1920, 1080),
    (1680, 1050),
    (1600, 900),
    (1536, 864),
    (1440, 900),
    (1366, 768),
    (1280, 1024),
    (1024, 768),
    (800, 600),
];

/// Whether a picture is one of a screen. In a page, an illustration may have the same shape: there only the size of a
/// real screen tells, or the shape of a telephone. In documents it is instructions, which are full of them.
fn is_screen(picture: &Picture, named: Named, octets: usize, setting: Setting) -> bool {
    let (pixels, shape) = (picture.pixels(), picture.shape());
    let is_unknown = picture.origin == Origin::Unknown && !picture.is_cut_out;
    if setting == Setting::Document || named == Named::Photo || !is_unknown || pixels < FULL {
        return false;
    }
    if named == Named::Screen {
        return true;
    }
    let is_plain = picture.kind == Kind::Png && is_plain(picture, octets);
    let like_screen = SCREENS.iter().any(|screen| screen.abs_diff(shape) <= 8);
    let like_telephone = like_screen && shape > 2_000 && picture.height > picture.width;
    let is_size = SIZES.contains(&(picture.long(), picture.width.min(picture.height)));
    is_plain && (is_size || like_telephone || like_screen && setting == Setting::File)
}

/// A photo takes one octet a pixel at least when nothing of it may be lost; lines and letters take little.
fn is_plain(picture: &Picture, octets: usize) -> bool {
    matches!(picture.kind, Kind::Png | Kind::Gif) && (octets as u64).saturating_mul(10) <= picture.pixels() * 6
}

#[cfg(test)]
mod tests;
