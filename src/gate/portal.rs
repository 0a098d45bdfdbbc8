//! The gate, as the portal of recipients sees it: which schools there are, in what words, and what it sees in the files of
//! an answer.
//!
//! An answer comes from outside to the school itself, so nothing that is found in it is a reason to keep it; what counts is
//! whether its reader could open it, and should. Pictures are not recognised: a photograph is welcome whatever it shows.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::act;
use crate::extract::{self, Documents, Passwords, Place, Spot, Why};
use crate::gate::Gate;
use crate::message::{Limits, Message};
use crate::school::{Language, School};
use crate::share::ReplyFile;
use crate::web::desk;
use crate::web::portal::{Around, Looked, Texts};

impl Around for Gate {
    fn schools(&self) -> Vec<School> {
        self.house().schools.iter().map(|tenant| tenant.school.clone()).collect()
    }

    fn language(&self) -> Language {
        self.house().language
    }

    fn time_zone(&self) -> TimeZone {
        self.house().time_zone.clone()
    }

    fn texts(&self) -> Arc<Texts> {
        Arc::clone(&self.house().portal_texts)
    }

    fn look_into(&self, files: &[ReplyFile]) -> Looked {
        if files.is_empty() {
            return Looked::Fine;
        }
        let house = self.house();
        let Some(raw) = act::share::as_mail(files) else { return Looked::Broken };
        looked(&raw, &house.bench.limits.for_message(raw.len()), house.bench.documents())
    }

    fn sender_texts(&self) -> Arc<desk::Texts> {
        Arc::clone(&self.house().desk_texts)
    }
}

fn looked(raw: &[u8], limits: &Limits, documents: &dyn Documents) -> Looked {
    let message = Message::parse(raw, limits);
    let texts = extract::begin(&message, limits).finish(documents, Passwords::none()).without_pictures();
    let parts = texts.receipts.iter().map(|part| match part.format.as_str() {
        "program" | "chm" | "cab" => Looked::Dangerous,
        _ if is_program(&part.place) => Looked::Dangerous,
        _ => Looked::Fine,
    });
    let unread = texts.unread.iter().map(|unread| match unread.why {
        Why::Ambiguous => Looked::Dangerous,
        Why::Encrypted | Why::SmimePgp => Looked::Locked,
        Why::OverLimit | Why::Damaged | Why::ReaderDied | Why::ScannerFailed => Looked::Broken,
        Why::Media | Why::SignatureImage | Why::ScanWithoutOcr | Why::UnknownFormat => Looked::Fine,
    });
    parts.chain(unread).max().unwrap_or(Looked::Fine)
}

/// Endings by which Windows runs a file, for what stands inside another.
const RUN: [&str; 16] =
    ["exe", "com", "scr", "pif", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "wsf", "hta", "lnk", "msi", "jar"];

fn is_program(place: &Place) -> bool {
    let own = match &place.spot {
        Spot::FileName(name) | Spot::Attachment(name) => Some(name),
        _ => None,
    };
    let ending = |name: &String| name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    own.into_iter().chain(&place.within).filter_map(ending).any(|ending| RUN.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Cursor, Write};

    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::extract::Here;
    use crate::secret::Secret;

    fn look(name: &str, content: Vec<u8>) -> Looked {
        let file = ReplyFile { name: Secret::new(name.into()), media_type: "application/octet-stream".into(), content };
        looked(&act::share::as_mail(&[file]).unwrap(), &Limits::default(), &Here)
    }

    /// A document of Word with a text and another part.
    fn docx(part: &str, content: &[u8]) -> Vec<u8> {
        let types =
            br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
            <Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml"
            ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
        let text = br#"<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
            <w:body><w:p><w:r><w:t>Beste juf</w:t></w:r></w:p></w:body></w:document>"#;
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let parts: [(&str, &[u8]); 3] = [("[Content_Types].xml", types), ("word/document.xml", text), (part, content)];
        for (name, content) in parts {
            zip.start_file(name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn what_the_reader_could_not_open_or_should_not_is_refused_and_nothing_else() {
        let photo = [&b"\xff\xd8\xff\xe0\x00\x10JFIF"[..], &[7; 3000]].concat();
        let whole = docx("word/media/leeg.txt", b"");
        let cut = whole[..whole.len() / 2].to_vec();
        let locked = include_bytes!("../../tests/locked/agile.docx").to_vec();
        for (name, content, expected) in [
            ("foto.jpg", photo, Looked::Fine),
            ("briefje.txt", b"Noor heeft griep, BSN 123456782".to_vec(), Looked::Fine),
            ("brief.docx", whole, Looked::Fine),
            ("film.mp4", b"\0\0\0\x18ftypmp42 film".to_vec(), Looked::Fine),
            ("brief.docx", cut, Looked::Broken),
            ("brief.docx", locked, Looked::Locked),
            ("brief.docx", docx("word/embeddings/factuur.exe", b"MZ\x90\0"), Looked::Dangerous),
            ("brief.docx", docx("word/embeddings/oleObject1.bin", b"\x7fELF\x02"), Looked::Dangerous),
        ] {
            assert_eq!(look(name, content), expected, "{name}");
        }
    }
}
