//! What may come in with an answer: photographs, PDF, documents, sound and film. No program, script, archive, page or
//! document with macros.
//!
//! By the name's ending, which decides what opens it, and by the first octets, which decide what it is. Pure; cannot fail.
//! The school's own mail server looks into it for viruses, as into any mail.

/// Endings, and how a file with such an ending begins: one of these, or anything.
const WELCOME: [(&str, &[&[u8]]); 32] = [
    ("pdf", &[b"%PDF-"]),
    ("jpg", &[b"\xff\xd8\xff"]),
    ("jpeg", &[b"\xff\xd8\xff"]),
    ("png", &[b"\x89PNG\r\n\x1a\n"]),
    ("gif", &[b"GIF8"]),
    ("webp", &[b"RIFF"]),
    ("heic", &[]),
    ("heif", &[]),
    ("tif", &[b"II*\0", b"MM\0*"]),
    ("tiff", &[b"II*\0", b"MM\0*"]),
    ("bmp", &[b"BM"]),
    ("docx", &[b"PK"]),
    ("xlsx", &[b"PK"]),
    ("pptx", &[b"PK"]),
    ("odt", &[b"PK"]),
    ("ods", &[b"PK"]),
    ("odp", &[b"PK"]),
    ("doc", &[OLE, b"{\\rtf"]),
    ("xls", &[OLE]),
    ("ppt", &[OLE]),
    ("rtf", &[b"{\\rtf"]),
    ("pages", &[b"PK"]),
    ("txt", &[]),
    ("csv", &[]),
    ("mp3", &[]),
    ("m4a", &[]),
    ("wav", &[b"RIFF"]),
    ("ogg", &[b"OggS"]),
    ("mp4", &[]),
    ("mov", &[]),
    ("3gp", &[]),
    ("ics", &[b"BEGIN:VCALENDAR"]),
];

const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// How programs and scripts begin (PE, ELF, Mach-O, Java, a script's line), whatever they are called.
const PROGRAMS: [&[u8]; 8] = [
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"#!",
    b"L\0\0\0\x01\x14\x02\0",
];

/// Whether a file of this name and content may come in.
pub(super) fn may_come_in(name: &str, content: &[u8]) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let Some((_, begins)) = WELCOME.iter().find(|(known, _)| *known == ending) else { return false };
    let is_program = PROGRAMS.iter().any(|mark| content.starts_with(mark));
    let begin = content.get(..1024).unwrap_or(content).trim_ascii_start();
    !is_program && (begins.is_empty() || begins.iter().any(|mark| begin.starts_with(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parents_send_comes_in_and_programs_do_not() {
        for (name, content, comes_in) in [
            ("foto.JPG", &b"\xff\xd8\xff\xe0"[..], true),
            ("brief.pdf", b"%PDF-1.7", true),
            ("brief.docx", b"PK\x03\x04", true),
            ("lijst.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", true),
            ("notitie.txt", "Beste juf".as_bytes(), true),
            ("leeg.txt", b"", true),
            ("foto.jpg", b"MZ\x90", false),
            ("foto.heic", b"\x7fELF", false),
            ("notitie.txt", b"#!/bin/sh", false),
            ("brief.pdf.exe", b"MZ\x90", false),
            ("brief.pdf", b"<html>", false),
            ("brief.docm", b"PK\x03\x04", false),
            ("alles.zip", b"PK\x03\x04", false),
            ("pagina.html", b"<html>", false),
            ("plaatje.svg", b"<svg>", false),
            ("snel.lnk", b"L\0\0\0", false),
            ("zonder", b"abc", false),
        ] {
            assert_eq!(may_come_in(name, content), comes_in, "{name}");
        }
    }
}
