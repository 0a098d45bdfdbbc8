//! What a content is, by its first octets and not by its name.
//!
//! Knows the marks of pictures, media, documents, archives and locked things; everything else is text or
//! is not. Never decodes or unpacks. Cannot fail.

use memchr::memmem;

use super::Why;
use super::document::{self, Format};

/// What a content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Readable in some charset.
    Text,
    /// A document or archive.
    Document(Format),
    /// Not readable, with a mark that says why.
    Unread(Why),
    /// A detached signature: nothing a person reads.
    Signature,
    /// Neither text nor anything we know.
    Unknown,
}

/// Looks at a content.
pub(super) fn look(bytes: &[u8]) -> Look {
    if let Some(look) = by_mark(bytes) {
        return look;
    }
    if is_armored_signature(bytes) {
        return Look::Signature;
    }
    if is_text(bytes) { Look::Text } else { Look::Unknown }
}

/// What else a content is: programs find a zip archive from its end, and a PDF anywhere in its first kilobyte.
pub(super) fn second_look(bytes: &[u8], first: Look, named_pdf: bool) -> Option<Format> {
    if first == Look::Document(Format::Zip) {
        let start = bytes.get(..1024).unwrap_or(bytes);
        return (named_pdf && memmem::find(start, b"%PDF-").is_some()).then_some(Format::Pdf);
    }
    // An archive can hold a zip as it stands: only what stands at the very end is not in it.
    let whole = match first {
        Look::Document(Format::Tar) => return None,
        Look::Document(format) => format != Format::Pdf,
        _ => false,
    };
    document::ends_in_zip(bytes, whole).then_some(Format::Zip)
}

/// Whether the end of a content has the mark of a zip archive's end.
pub(super) fn mentions_zip(end: &[u8]) -> bool {
    memmem::find(end, b"PK\x05\x06").is_some()
}

/// Whether a content has the mark of a document, an archive or a picture.
pub(super) fn is_known(bytes: &[u8]) -> bool {
    by_mark(bytes).is_some()
}

/// What a content's first octets promise without the rest: pictures and media.
pub(super) fn is_picture_or_media(start: &[u8]) -> Option<Why> {
    match by_mark(start) {
        Some(Look::Unread(why @ Why::Media)) => Some(why),
        _ => None,
    }
}

fn by_mark(bytes: &[u8]) -> Option<Look> {
    if let Some(why) = picture(bytes).or_else(|| media(bytes)) {
        return Some(Look::Unread(why));
    }
    let at = |offset: usize, mark: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") || at(0, b"PK\x07\x08") || at(0, b"PK00PK") {
        return Some(Look::Document(Format::Zip));
    }
    if at(0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return Some(Look::Document(Format::Compound));
    }
    let start = bytes.get(..1024).unwrap_or(bytes);
    // Programs look for the mark in the first kilobyte. A PDF may be written in ASCII alone; no text holds its objects.
    let is_file = || !is_text(bytes) || memmem::find(bytes, b"endobj").is_some();
    if start.trim_ascii_start().starts_with(b"%PDF-") || memmem::find(start, b"%PDF-").is_some() && is_file() {
        return Some(Look::Document(Format::Pdf));
    }
    if at(0, b"\x76\xE8\x04\x60\xC4\x11\xE3\x86") {
        return Some(Look::Unread(Why::Encrypted));
    }
    let marks: [(&[u8], Format); 18] = [
        (b"7z\xBC\xAF\x27\x1C", Format::SevenZ),
        (b"Rar!\x1A\x07", Format::Rar),
        (b"\x1F\x8B", Format::Compressed),
        (b"BZh", Format::Compressed),
        (b"\xFD7zXZ\0", Format::Compressed),
        (b"\x28\xB5\x2F\xFD", Format::Compressed),
        (b"\x04\x22\x4D\x18", Format::Compressed),
        (b"\x1F\x9D", Format::Compressed),
        (b"{\\rtf", Format::Rtf),
        (b"\x78\x9F\x3E\x22", Format::Tnef),
        (b"MSCF", Format::Known("cab")),
        (b"\x60\xEA", Format::Known("arj")),
        (b"!BDN", Format::Known("pst")),
        (b"SQLite format 3\0", Format::Known("sqlite")),
        (b"\x7FELF", Format::Known("program")),
        (b"wOFF", Format::Known("font")),
        (b"ITSF", Format::Known("chm")),
        (b"%!PS", Format::Known("postscript")),
    ];
    if let Some((_, format)) = marks.iter().find(|(mark, _)| at(0, mark)) {
        return Some(Look::Document(*format));
    }
    if at(257, b"ustar") || bytes.len() >= 512 && document::is_tar(bytes) {
        return Some(Look::Document(Format::Tar));
    }
    if is_flat_odf(start) {
        return Some(Look::Document(Format::FlatOdf));
    }
    // A frame of Zstandard that is to be skipped (RFC 8878 section 3.1.2).
    if matches!(bytes, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]) {
        return Some(Look::Document(Format::Compressed));
    }
    if at(2, b"-lh") {
        return Some(Look::Document(Format::Known("lha")));
    }
    pkcs7(bytes)
}

/// OpenDocument as one XML file (ODF 1.3 part 3, section 3.1.2): its root element stands near the start.
fn is_flat_odf(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    start.starts_with(b"<") && memmem::find(start, b"<office:document").is_some()
}

fn picture(bytes: &[u8]) -> Option<Why> {
    let at = |offset: usize, mark: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    let marks: [&[u8]; 11] = [
        b"\x89PNG\r\n\x1A\n",
        b"\xFF\xD8\xFF",
        b"GIF87a",
        b"GIF89a",
        b"II*\0",
        b"MM\0*",
        b"\0\0\x01\0",
        b"8BPS",
        b"\xD7\xCD\xC6\x9A",
        b"\0\0\0\x0CjP",
        b"AT&TFORM",
    ];
    // A bitmap repeats its length behind its two letters, which a text cannot well do.
    let bitmap = at(0, b"BM") && at(6, b"\0\0\0\0");
    let boxed = at(4, b"ftyp") && [&b"heic"[..], b"heix", b"mif1", b"msf1", b"avif"].iter().any(|brand| at(8, brand));
    let metafile = at(0, b"\x01\0\0\0") && at(40, b" EMF");
    let webp = at(0, b"RIFF") && at(8, b"WEBP");
    (marks.iter().any(|mark| at(0, mark)) || bitmap || boxed || metafile || webp).then_some(Why::Media)
}

fn media(bytes: &[u8]) -> Option<Why> {
    let at = |offset: usize, mark: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    let marks: [&[u8]; 10] = [
        b"ID3",
        b"OggS",
        b"fLaC",
        b"\x1A\x45\xDF\xA3",
        b"\xFF\xFB",
        b"\xFF\xF1",
        b"#!AMR",
        b"MThd",
        b"FLV\x01",
        b"\x30\x26\xB2\x75\x8E\x66\xCF\x11",
    ];
    let riff = at(0, b"RIFF") && (at(8, b"WAVE") || at(8, b"AVI "));
    (marks.iter().any(|mark| at(0, mark)) || riff || at(4, b"ftyp")).then_some(Why::Media)
}

/// CMS in DER or BER (RFC 5652): a sequence that holds the id of its content type.
fn pkcs7(bytes: &[u8]) -> Option<Look> {
    let start = bytes.get(..64).unwrap_or(bytes);
    if start.first() != Some(&0x30) || is_text(bytes) {
        return None;
    }
    let at = memmem::find(start, b"\x2A\x86\x48\x86\xF7\x0D\x01")?;
    match start.get(at + 7..at + 9)? {
        // A signature has no content inside; a signed message has (section 5.2).
        [7, 2] => {
            let detached = bytes.len() < 20_000 && memmem::find_iter(bytes, b"\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01").any(|data| {
                // Nothing but the end of the sequence, or the certificates, behind the id of the data.
                matches!(bytes.get(data + 9), Some(0x30 | 0x31 | 0x00) | Some(0xA0) if bytes.get(data + 9) != Some(&0xA0))
            });
            Some(if detached { Look::Signature } else { Look::Unread(Why::SmimePgp) })
        }
        [7, _] => Some(Look::Unread(Why::SmimePgp)),
        // id-ct-authEnvelopedData and compressedData (1.2.840.113549.1.9.16.1.x).
        [9, 16] => Some(Look::Unread(Why::SmimePgp)),
        _ => None,
    }
}

/// An OpenPGP signature in armor (RFC 9580 section 6.2) with nothing else in it: full lines of base64, and a
/// last line and checksum that hold letters.
fn is_armored_signature(bytes: &[u8]) -> bool {
    let Some(armor) = bytes.trim_ascii().strip_prefix(b"-----BEGIN PGP SIGNATURE-----") else { return false };
    let Some(armor) = armor.strip_suffix(b"-----END PGP SIGNATURE-----") else { return false };
    armor.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).all(|line| {
        let coded = line.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
        let digits = line.iter().filter(|b| b.is_ascii_digit()).count();
        line.is_empty() || line.starts_with(b"Version: GnuPG") || coded && digits * 2 < line.len()
    })
}

/// Whether octets read as text in some charset: hardly any control characters, or the pattern of UTF-16.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let sample = bytes.get(..8192).unwrap_or(bytes);
    if matches!(sample, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0xEF, 0xBB, 0xBF, ..]) {
        return true;
    }
    let zeros = memchr::memchr_iter(0, sample).count();
    if zeros * 10 > sample.len() * 3 {
        return latin_in_wide(sample);
    }
    // Counted in octets, a chunk at a time, so that the compiler can compare sixteen at once.
    let bad: usize = sample.chunks(255).map(|chunk| usize::from(chunk.iter().map(|&b| is_odd(b)).sum::<u8>())).sum();
    bad * 50 <= sample.len()
}

/// 1 for a control character that no text holds. Without branches: it looks at every octet of every body.
fn is_odd(b: u8) -> u8 {
    let control = (b < 0x20) | (b == 0x7F);
    let shift = (b == 0x0E) | (b == 0x0F) | (b == 0x1B) | (b == 0x15);
    let space = (b == b'\t') | (b == b'\n') | (b == b'\r') | (b == 0x0C);
    u8::from(control & !shift & !space)
}

/// Whether the zeros stand where UTF-16 or UTF-32 has them, with printable characters between.
fn latin_in_wide(sample: &[u8]) -> bool {
    let printable = |b: u8| b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r');
    let others: Vec<u8> = sample.iter().copied().filter(|&b| b != 0).collect();
    let (pairs, _) = sample.as_chunks::<2>();
    let half = pairs.iter().filter(|[a, b]| *a == 0 || *b == 0).count();
    others.len() * 5 >= sample.len()
        && others.iter().filter(|&&b| printable(b)).count() * 50 >= others.len() * 49
        && half * 10 >= pairs.len() * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_by_their_marks() {
        for (bytes, expected) in [
            (&b"PK\x03\x04\x14\0\0\0rest"[..], Look::Document(Format::Zip)),
            (b"%PDF-1.7 ...", Look::Document(Format::Pdf)),
            (b"\x89PNG\r\n\x1a\n\0\0", Look::Unread(Why::Media)),
            (b"ID3\x03", Look::Unread(Why::Media)),
            (b"{\\rtf1 a}", Look::Document(Format::Rtf)),
            (b"BM is een bedrijf", Look::Text),
            (b"MM\0*\0\0", Look::Unread(Why::Media)),
            (b"Beste ouders,\r\n", Look::Text),
            (b"a\0b\0c\0d\0", Look::Text),
            (b"\x01\x02\x03\x04\x05", Look::Unknown),
            (b"0\x80\x06\x09*\x86H\x86\xf7\x0d\x01\x07\x03\xa0\x80\0\0", Look::Unread(Why::SmimePgp)),
            (b"", Look::Text),
        ] {
            assert_eq!(look(bytes), expected, "{bytes:?}");
        }
    }
}
