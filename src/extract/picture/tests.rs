#![allow(clippy::unwrap_used)]

use super::*;

/// A number of octets in the order of the network, or the other one.
fn big(value: u32, octets: usize) -> Vec<u8> {
    value.to_be_bytes()[4 - octets..].to_vec()
}

fn little(value: u32, octets: usize) -> Vec<u8> {
    value.to_le_bytes()[..octets].to_vec()
}

/// A PNG of a size, bits and colours, with more chunks before its pixels.
fn png(width: u32, height: u32, bits: u8, colours: u8, chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR".to_vec();
    out.extend([big(width, 4), big(height, 4), vec![bits, colours, 0, 0, 0, 1, 2, 3, 4]].concat());
    for (kind, content) in chunks {
        out.extend([&big(content.len() as u32, 4)[..], kind, content, b"sums"].concat());
    }
    [&out[..], b"\0\0\0\x05IDATpixel"].concat()
}

/// pHYs: pixels a metre.
fn metre(pixels: u32) -> Vec<u8> {
    [big(pixels, 4), big(pixels, 4), vec![1]].concat()
}

/// A JPEG of a size and components, with a density in pixels an inch, and Exif.
fn jpeg(width: u32, height: u32, components: u8, density: u32, exif: &[u8]) -> Vec<u8> {
    let jfif = [&b"JFIF\0\x01\x01\x01"[..], &big(density, 2), &big(density, 2), &[0, 0]].concat();
    let exif = [&b"Exif\0\0"[..], exif].concat();
    let frame = [&[8][..], &big(height, 2), &big(width, 2), &[components, 1, 0x11, 0]].concat();
    let mut out = b"\xFF\xD8".to_vec();
    for (marker, content) in [(0xE0, jfif), (0xE1, exif), (0xC0, frame)] {
        out.extend([&[0xFF, 0xFF, marker][..], &big(content.len() as u32 + 2, 2), &content].concat());
    }
    out
}

/// A TIFF of directories, each of tags with a number.
fn tiff(directories: &[&[(u32, u32)]]) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    for (index, tags) in directories.iter().enumerate() {
        out.extend(little(tags.len() as u32, 2));
        for (tag, value) in *tags {
            out.extend([little(*tag, 2), little(4, 2), little(1, 4), little(*value, 4)].concat());
        }
        let next = if index + 1 < directories.len() { out.len() as u32 + 4 } else { 0 };
        out.extend(little(next, 4));
    }
    out
}

/// Exif of a camera: its maker, and when it opened its lens.
fn camera() -> Vec<u8> {
    let mut exif = tiff(&[&[(271, 0), (0x8769, 38)], &[(0x829A, 1)]]);
    // The second directory is that of the lens alone.
    exif[34..38].fill(0);
    exif
}

fn page(width: u32, height: u32) -> Vec<(u32, u32)> {
    vec![(256, width), (257, height), (258, 1), (259, 4)]
}

#[test]
fn pictures_by_their_headers() {
    use Setting::{Document, File, Page};
    use Why::{Media, ScanWithoutOcr as Scan, SignatureImage as Signature};
    let fax = page(1728, 2200);
    let small_fax = page(400, 200);
    let preview = [&[(254, 1)][..], &page(1728, 2200)].concat();
    let colour = [(256, 1654), (257, 2339), (258, 8), (277, 3)];
    let scanner = tiff(&[&[(271, 0)]]);
    for (label, picture, octets, name, setting, expected) in [
        ("logo that is attached", png(200, 80, 8, 6, &[]), 9_000, "a.png", File, Signature),
        ("logo in the page", jpeg(240, 240, 3, 72, &[]), 9_000, "a.jpg", Page, Signature),
        ("banner in the page", jpeg(600, 200, 3, 72, &[]), 40_000, "a.jpg", Page, Signature),
        ("banner that is attached", jpeg(600, 200, 3, 72, &[]), 40_000, "a.jpg", File, Media),
        ("large banner in the page", jpeg(1200, 300, 3, 72, &[]), 40_000, "a.jpg", Page, Media),
        ("icon", jpeg(64, 64, 3, 72, &[]), 2_000, "a.jpg", File, Signature),
        ("portrait of a pupil", jpeg(200, 250, 3, 72, &[]), 9_000, "a.jpg", File, Media),
        ("small photo of a camera", jpeg(160, 120, 3, 72, &camera()), 9_000, "a.jpg", Page, Media),
        ("photo", jpeg(4032, 3024, 3, 72, &camera()), 3_000_000, "a.jpg", File, Media),
        ("photo of a page", jpeg(2480, 3508, 3, 300, &camera()), 3_000_000, "scan.jpg", File, Media),
        ("photo that was sent on", jpeg(1200, 1600, 3, 72, &[]), 300_000, "a.jpg", File, Media),
        ("photo that is called a scan", jpeg(1600, 1067, 3, 72, &[]), 300_000, "scan.jpg", File, Media),
        ("print of 13 by 18", jpeg(1500, 2100, 3, 300, &[]), 900_000, "a.jpg", File, Media),
        ("scan", jpeg(1654, 2339, 3, 200, &scanner), 400_000, "a.jpg", File, Scan),
        ("scan without a density", jpeg(1240, 1754, 1, 1, &[]), 100_000, "a.jpg", File, Scan),
        ("scan on its side", jpeg(2339, 1654, 3, 1, &[]), 400_000, "a.jpg", Document, Scan),
        ("grey scan of part of a page", jpeg(1600, 2100, 1, 200, &[]), 400_000, "a.jpg", File, Scan),
        ("scan by its name and shape", jpeg(1500, 2000, 3, 1, &[]), 400_000, "Scan_0001.jpg", File, Scan),
        ("photo of the shape of paper", jpeg(1240, 1754, 3, 1, &[]), 400_000, "IMG_2024.jpg", File, Media),
        ("page in black and white", png(2480, 3508, 1, 0, &[]), 230_000, "IMG_1.png", File, Scan),
        ("code to be scanned", png(1000, 1000, 1, 0, &[]), 9_000, "a.png", File, Media),
        ("letter paper", png(1700, 2200, 8, 2, &[(b"pHYs", &metre(7874))]), 9_000_000, "a.png", File, Scan),
        ("screen", png(1366, 768, 8, 2, &[]), 200_000, "a.png", File, Scan),
        ("screen in the page", png(1920, 1080, 8, 6, &[]), 300_000, "image001.png", Page, Scan),
        ("screen of a telephone", png(1080, 2400, 8, 2, &[]), 300_000, "image001.png", Page, Scan),
        ("screen of a tablet", png(1640, 2360, 8, 2, &[]), 300_000, "a.png", File, Scan),
        ("small screen", png(800, 600, 8, 0, &[]), 14_000, "a.png", File, Scan),
        ("plot", png(640, 480, 8, 6, &[]), 20_000, "a.png", File, Media),
        ("screen in a document", png(1920, 1080, 8, 6, &[]), 300_000, "image1.png", Document, Media),
        ("screen that shows a photo", png(1920, 1080, 8, 2, &[]), 3_000_000, "a.png", File, Media),
        ("illustration in the page", png(1200, 675, 8, 2, &[]), 90_000, "a.png", Page, Media),
        ("logo for print", png(1600, 1200, 8, 2, &[]), 40_000, "Logo school.png", File, Media),
        ("drawing that is cut out", png(1600, 1200, 8, 3, &[(b"tRNS", b"\0")]), 40_000, "a.png", File, Media),
        ("part of a screen", jpeg(900, 700, 3, 1, &[]), 90_000, "Schermafbeelding 2026.jpg", File, Scan),
        ("fax", tiff(&[&fax]), 90_000, "a.tif", File, Scan),
        ("fax of two pages", tiff(&[&fax, &fax]), 90_000, "a.tif", File, Scan),
        ("drawing in black and white", tiff(&[&small_fax]), 9_000, "a.tif", File, Media),
        ("colour scan", tiff(&[&colour]), 9_000_000, "a.tif", File, Scan),
        ("colour photo", tiff(&[&[(256, 1500), (257, 1000), (258, 8), (277, 4)]]), 9_000_000, "a.tif", File, Media),
        ("wide photo", tiff(&[&[(256, 1600), (257, 900), (258, 8), (277, 3)]]), 9_000_000, "a.tif", File, Media),
        ("preview of a page", tiff(&[&preview]), 90_000, "a.tif", File, Media),
        ("moving ornament", b"GIF89a\x40\0\x20\0\xF7\0\0".to_vec(), 9_000, "a.gif", File, Signature),
        ("bitmap", bitmap(1024, -768), 2_400_000, "a.bmp", File, Media),
        ("bitmap of a page", bitmap(1654, 2339), 12_000_000, "a.bmp", File, Scan),
        ("webp", webp(640, 480), 40_000, "a.webp", Page, Media),
        ("small webp", webp(120, 40), 2_000, "a.webp", Page, Signature),
        ("telephone's photo", b"\0\0\0\x18ftypheic".to_vec(), 2_000_000, "scan.heic", File, Media),
        ("nothing", Vec::new(), 0, "scan.png", File, Media),
        ("no width", png(0, 3000, 1, 0, &[]), 100, "scan.png", File, Media),
    ] {
        assert_eq!(why(&picture, octets, name, setting), expected, "{label}");
    }
}

fn bitmap(width: i32, height: i32) -> Vec<u8> {
    let start = [&b"BM"[..], &[0; 12], &little(40, 4), &width.to_le_bytes(), &height.to_le_bytes()].concat();
    [start, little(1, 2), little(24, 2), vec![0; 24]].concat()
}

fn webp(width: u32, height: u32) -> Vec<u8> {
    let sides = [little(width - 1, 3), little(height - 1, 3)].concat();
    [&b"RIFF\0\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0"[..], &sides, b"VP8 "].concat()
}

#[test]
fn densities_and_pages() {
    let read = |octets: &[u8]| header::read(octets).unwrap();
    assert_eq!(read(&png(9, 9, 8, 2, &[(b"pHYs", &metre(11811))])).density, Some((300, 300)));
    assert_eq!(read(&jpeg(9, 9, 3, 72, &[])).density, Some((72, 72)));
    assert_eq!(read(&jpeg(9, 9, 3, 1, &camera())).origin, Origin::Camera);
    assert_eq!(read(&tiff(&[&page(1000, 1000), &page(1000, 1000)])).pages, 2);
    // A directory that says that it is its own next one.
    let mut endless = tiff(&[&page(1000, 1000)]);
    let end = endless.len();
    endless[end - 4..].copy_from_slice(&8u32.to_le_bytes());
    assert!(read(&endless).pages > 1);
}

/// Every header, cut off anywhere and with any octet changed, is a header or none.
#[test]
fn broken_headers_do_no_harm() {
    let wholes = [
        png(1000, 900, 8, 3, &[(b"pHYs", &metre(4000)), (b"eXIf", &camera())]),
        jpeg(1000, 900, 3, 72, &camera()),
        tiff(&[&page(1000, 900), &page(1000, 900)]),
        bitmap(10, 10),
        webp(10, 10),
    ];
    for whole in wholes {
        for at in 0..whole.len() {
            let _ = header::read(&whole[..at]);
            for octet in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut broken = whole.clone();
                broken[at] = octet;
                let _ = why(&broken, usize::MAX, "", Setting::File);
            }
        }
    }
}

#[test]
fn pages_show_parts_by_their_ids() {
    let page = "<img src=\"cid:image001.png@01DA\"><img src=CID:b%40c><p style='background:url(cid:é)'>cid:";
    let shown: Vec<String> = shown_in(page).collect();
    assert_eq!(shown, ["image001.png@01DA", "é", "b@c"]);
}
