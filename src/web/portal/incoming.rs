//! What may come in with an answer: photographs, PDF, documents, sound and film. No program, script, archive, page or
//! document with macros.
//!
//! By the name's ending, which decides what opens it, by the first octets, which decide what it is, and by the marks of
//! macros and of objects that open by themselves. Pure; cannot fail. Then the gate looks into it as into any mail
//! ([`Looked`]): what nobody could open, or would rather not, is refused too, so that its sender hears of it and can send
//! it otherwise. What is found in it is no reason: it goes to the school itself, by the school's own mail server, which
//! looks for viruses as in any mail.

use memchr::memmem;

/// Endings, and how a file with such an ending begins: one of these, or anything. A document of Office with a password is
/// a compound file; what is wrong with it is said by who looks into it.
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
    ("docx", &[b"PK", OLE]),
    ("xlsx", &[b"PK", OLE]),
    ("pptx", &[b"PK", OLE]),
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

/// What the gate saw in the files of an answer: the gravest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Looked {
    /// Nothing that stands in the way.
    Fine,
    /// One is broken, or larger inside than anybody can look into.
    Broken,
    /// One opens with a password alone.
    Locked,
    /// One holds a program, or shows different things to different readers.
    Dangerous,
}

impl Looked {
    /// Why an answer is not sent, as the name of a text.
    pub(super) fn refuses(self) -> Option<&'static str> {
        match self {
            Self::Fine => None,
            Self::Broken => Some("answer_broken"),
            Self::Locked => Some("answer_locked"),
            Self::Dangerous => Some("answer_kind"),
        }
    }
}

/// Marks of what acts when a document is opened: macros of Office in a zip and in a compound file (MS-OVBA 2.2.1: the
/// stream `_VBA_PROJECT`, named in UTF-16), and objects in RTF.
const ACTS: [(&[u8], &[u8]); 3] =
    [(b"PK", b"vbaProject.bin"), (OLE, b"_\0V\0B\0A\0_\0P\0R\0O\0J\0E\0C\0T\0"), (b"{\\rtf", b"\\objdata")];

/// Whether a file of this name and content may come in.
pub(super) fn may_come_in(name: &str, content: &[u8]) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let Some((_, begins)) = WELCOME.iter().find(|(known, _)| *known == ending) else { return false };
    let is_program = PROGRAMS.iter().any(|mark| content.starts_with(mark));
    let begin = content.get(..1024).unwrap_or(content).trim_ascii_start();
    let acts = |(kind, mark): &(&[u8], &[u8])| begin.starts_with(kind) && memmem::find(content, mark).is_some();
    !is_program && !ACTS.iter().any(acts) && (begins.is_empty() || begins.iter().any(|mark| begin.starts_with(mark)))
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
            ("brief.docx", b"PK\x03\x04 word/vbaProject.bin", false),
            ("lijst.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 _\0V\0B\0A\0_\0P\0R\0O\0J\0E\0C\0T\0", false),
            ("brief.rtf", b"{\\rtf1 {\\object{\\*\\objdata 0105", false),
            ("brief.rtf", b"{\\rtf1 Beste juf", true),
            ("over.txt", b"vbaProject.bin is de naam", true),
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
