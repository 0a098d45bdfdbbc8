//! Text in pictures: what Tesseract reads of typed pages, wherever they are packed, and what becomes of a picture that
//! it does not read. Tesseract with Dutch and English has to be there: `make test` installs it.
//!
//! Where the recogniser must misbehave, a shell script plays it. The pages are invented, and in tests/scans.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/zip.rs"]
mod zip;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use mailpoort::extract::{Here, Passwords, Texts, Why, begin};
use mailpoort::message::{Limits, Message};
use mailpoort::reader::{Bounds, RecogniserSettings, Recognisers, Sandbox, installed};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailpoort");
const LIST: &str = "Naam\tBSN\tGroep\nKim Vos\t123456782\t5a\nSanne de Vries\t111222333\t5b\nJip Bakker\t999926421\t5a\nBo ter Braak\t987654329\t5b";

fn settings(program: &Path) -> RecogniserSettings {
    // Patience for a machine with much else to do.
    let (per_picture, per_message) = (Duration::from_secs(60), Duration::from_secs(120));
    let own = PROGRAM.into();
    RecogniserSettings { own, per_picture, per_message, ..RecogniserSettings::new(program.into()) }
}

fn tesseract() -> RecogniserSettings {
    settings(&installed(Path::new("tesseract")).expect("apt-get install tesseract-ocr tesseract-ocr-nld"))
}

fn scan(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(".").join("tests/scans").join(name)).unwrap()
}

fn limits() -> Limits {
    Limits { pictures: 10, ..Limits::default() }
}

/// What is read of a mail with these files.
fn read(files: &[(&str, &[u8])], settings: RecogniserSettings) -> Texts {
    let mut mail = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_string();
    for (name, octets) in files {
        mail += &format!(
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename={name}\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        );
        for line in base64::engine::general_purpose::STANDARD.encode(octets).as_bytes().chunks(76) {
            mail += std::str::from_utf8(line).unwrap();
            mail += "\r\n";
        }
    }
    mail += "--b--\r\n";
    let message = Message::parse(mail.as_bytes(), &limits());
    begin(&message, &limits()).finish(&Here, Passwords::none()).recognise(&Recognisers::new(settings))
}

fn whys(texts: &Texts) -> Vec<Why> {
    texts.unread.iter().map(|unread| unread.why).collect()
}

/// The texts that were recognised, with their places.
fn recognised(texts: &Texts) -> Vec<(String, &str)> {
    let place = |place: &mailpoort::extract::Place| place.path_and_section();
    let found = texts.texts.iter().map(|text| (place(&text.place), text.text.as_str()));
    found.filter(|(place, _)| place.ends_with("text in picture")).collect()
}

/// A PDF of pages that each show one picture, which is the data of a PNG in one bit.
fn pdf(pages: usize, png: &[u8]) -> Vec<u8> {
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    let (width, height) = (side(16), side(20));
    let (mut data, mut at) = (Vec::new(), 8);
    while at < png.len() {
        let length = side(at) as usize;
        if &png[at + 4..at + 8] == b"IDAT" {
            data.extend_from_slice(&png[at + 8..at + 8 + length]);
        }
        at += 12 + length;
    }
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 5)).collect();
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Kids[{kids}]/Count {pages}>>").into_bytes(),
        b"<</Length 29>>stream\nq 595 0 0 842 0 0 cm /X1 Do Q\nendstream".to_vec(),
    ];
    let head = format!(
        "<</Subtype/Image/Width {width}/Height {height}/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode\
         /DecodeParms<</Predictor 15/BitsPerComponent 1/Columns {width}>>/Length {}>>stream\n",
        data.len()
    );
    objects.push([head.as_bytes(), &data, b"\nendstream"].concat());
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 3 0 R/Resources<</XObject<</X1 4 0 R>>>>>>";
    objects.extend(vec![page.as_bytes().to_vec(); pages]);
    let mut out = b"%PDF-1.7\n".to_vec();
    for (index, object) in objects.iter().enumerate() {
        out.extend([format!("{} 0 obj\n", index + 1).as_bytes(), object, b"\nendobj\n"].concat());
    }
    out.extend(b"trailer\n<</Root 1 0 R>>\n%%EOF\n");
    out
}

#[test]
fn typed_pages_are_read_with_their_rows() {
    for name in ["klas.png", "klas.jpg", "klas.tif"] {
        let texts = read(&[(name, &scan(name))], tesseract());
        let found = recognised(&texts);
        assert_eq!(found.len(), 1, "{name}: {texts:?}");
        assert_eq!(found[0].0, format!("att:{name}, text in picture"));
        let lines: Vec<&str> = found[0].1.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!((lines[0], lines[1..].join("\n").as_str()), ("Klassenlijst groep 5", LIST), "{name}");
        assert_eq!(whys(&texts), [], "{name}");
        let receipt = texts.receipts.iter().find(|receipt| receipt.format == "media").unwrap();
        assert!(receipt.read && receipt.unread.is_empty(), "{name}");
        let text = texts.texts.iter().find(|text| text.text == found[0].1).unwrap();
        let cell = text.cells.iter().find(|cell| (cell.row, cell.column) == (3, 1)).unwrap();
        assert_eq!(&text.text[cell.range.clone()], "999926421", "{name}");
    }
}

#[test]
fn pages_on_their_side_are_turned() {
    let texts = read(&[("a.png", &scan("op-zijn-kant.png"))], tesseract());
    let found = recognised(&texts);
    assert!(found[0].1.contains("ernstige\ndyslexie vastgesteld bij uw dochter Sanne."), "{found:?}");
    assert_eq!(whys(&texts), []);
}

#[test]
fn pages_are_read_wherever_they_are_packed() {
    let (list, letter) = (scan("klas.png"), scan("brief.png"));
    let scanned = pdf(2, &list);
    let packed = zip::zip(&[zip::stored("map/klas.png", &list), zip::stored("scan.pdf", &scanned)]);
    let document = zip::zip(&[
        zip::stored("[Content_Types].xml", b"<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>"),
        zip::stored("word/document.xml", b"<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'><w:body><w:p><w:r><w:t>Zie hieronder.</w:t></w:r></w:p></w:body></w:document>"),
        zip::stored("word/media/image1.png", &letter),
    ]);
    let texts = read(&[("a.zip", &packed), ("b.docx", &document)], tesseract());
    assert_eq!(whys(&texts), []);
    let found = recognised(&texts);
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    let expected = [
        "att:a.zip/att:map/klas.png, text in picture",
        "att:a.zip/att:scan.pdf, page 1, text in picture",
        "att:a.zip/att:scan.pdf, page 2, text in picture",
        "att:b.docx, text in picture",
    ];
    assert_eq!(places, expected);
    assert!(found[..3].iter().all(|(_, text)| text.contains(LIST)), "{found:?}");
    assert!(found[3].1.contains("dyslexie vastgesteld"), "{found:?}");
    assert!(texts.receipts.iter().all(|receipt| receipt.read && receipt.unread.is_empty()), "{:?}", texts.receipts);
}

/// What is judged is what was recognised, and the way is the same through the sealed readers.
#[test]
fn a_number_on_a_scan_is_found() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("scan.pdf");
    std::fs::write(&file, pdf(1, &scan("klas.png"))).unwrap();
    let run = |more: &[&str]| {
        let output = Command::new(PROGRAM).arg("scan").args(more).arg("--json").arg(&file).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (with, without) = (run(&["--ocr"]), run(&[]));
    assert!(with.contains("999926421") && !with.contains("scan_without_ocr"), "{with}");
    assert!(!without.contains("999926421") && without.contains("scan_without_ocr"), "{without}");
}

#[test]
fn more_pages_than_the_budget_stay_unread() {
    let program = TempDir::new().unwrap();
    let recogniser = settings(&script(program.path(), &table("hallo")));
    let texts = read(&[("a.pdf", &pdf(12, &scan("klas.png")))], recogniser);
    assert_eq!((recognised(&texts).len(), whys(&texts)), (10, vec![Why::ScanWithoutOcr; 2]));
}

/// Its header says what a picture asks for: nobody is started for these.
#[test]
fn bombs_are_known_by_their_headers() {
    let mut wide = scan("klas.png");
    wide[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let mut fax = scan("klas.tif");
    let start = u32::from_le_bytes(fax[4..8].try_into().unwrap()) as usize;
    // The first two entries of its directory are width and height.
    for at in [start + 2, start + 14] {
        fax[at + 2..at + 12].copy_from_slice(&[4, 0, 1, 0, 0, 0, 0x30, 0x75, 0, 0]);
    }
    let program = TempDir::new().unwrap();
    let texts = read(&[("a.png", &wide), ("a.tif", &fax)], settings(&script(program.path(), &table("hallo"))));
    assert_eq!((whys(&texts), recognised(&texts).len()), (vec![Why::Media; 2], 0));
    assert!(texts.receipts.iter().all(|receipt| !receipt.read));
}

/// A program that does this, and the folders that programs are in.
fn script(folder: &Path, does: &str) -> std::path::PathBuf {
    let program = folder.join("bin").join("fake");
    std::fs::create_dir_all(folder.join("bin")).unwrap();
    std::fs::write(&program, format!("#!/bin/sh\n{does}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Says that it sees this word.
fn table(word: &str) -> String {
    let columns =
        "level\\tpage_num\\tblock_num\\tpar_num\\tline_num\\tword_num\\tleft\\ttop\\twidth\\theight\\tconf\\ttext";
    format!("printf '{columns}\\n5\\t1\\t1\\t1\\t1\\t1\\t10\\t10\\t90\\t30\\t95.0\\t%s\\n' {word}")
}

/// What is written to the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_recogniser_that_fails_leaves_the_picture_unread() {
    let folder = TempDir::new().unwrap();
    let short = |does: &str| {
        let time = Duration::from_secs(2);
        // One after another, so that nothing is lost of the log, which is this thread's.
        RecogniserSettings {
            per_picture: time,
            per_message: time,
            processes: 1,
            ..settings(&script(folder.path(), does))
        }
    };
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    tracing::subscriber::with_default(subscriber.finish(), || {
        for does in [
            "kill -9 $$",
            "kill -11 $$",
            "exit 1",
            "exit 0",
            "echo kwinten 123456782; echo kwinten >&2",
            "while :; do :; done",
            "while :; do echo kwinten 123456782; done",
            "printf '\\377\\376'",
        ] {
            let texts = read(&[("kwinten.png", &scan("klas.png"))], short(does));
            assert_eq!((whys(&texts), recognised(&texts).len()), (vec![Why::ScanWithoutOcr], 0), "{does}");
        }
        for gone in ["/nonexistent/tesseract", "/etc/hostname"] {
            let texts = read(&[("kwinten.png", &scan("klas.png"))], settings(Path::new(gone)));
            assert_eq!(whys(&texts), [Why::ScanWithoutOcr], "{gone}");
        }
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("text recognition died") && log.contains("took too long"), "{log}");
    assert!(!log.contains("kwinten") && !log.contains("12345"), "{log}");
}

/// Half a picture, and what only begins like one.
#[test]
fn broken_pictures_are_unread() {
    let (png, jpeg, tiff) = (scan("klas.png"), scan("klas.jpg"), scan("klas.tif"));
    let broken = [
        ("a.png", [&png[..60], &[0x5A; 4000]].concat()),
        ("a.jpg", [&jpeg[..700], &[0; 4000]].concat()),
        ("a.tif", [&[0xA5; 64], &tiff[64..]].concat()),
    ];
    for (name, octets) in &broken {
        let texts = read(&[(name, octets)], tesseract());
        assert_eq!(recognised(&texts), [], "{name}");
    }
    let half = &png[..png.len() / 2];
    assert_eq!(whys(&read(&[("a.png", half)], tesseract())), [Why::ScanWithoutOcr]);
}

#[test]
fn doubtful_words_leave_a_picture_unread() {
    let folder = TempDir::new().unwrap();
    let doubtful = table("onzin").replace("95.0", "31.0")
        + "; printf '5\\t1\\t1\\t1\\t1\\t2\\t200\\t10\\t90\\t30\\t80.0\\tBSN\\n'";
    let texts = read(&[("a.png", &scan("klas.png"))], settings(&script(folder.path(), &doubtful)));
    assert_eq!(whys(&texts), [Why::ScanWithoutOcr]);
    assert_eq!(recognised(&texts)[0].1.trim(), "BSN");
    // No words on a page that is not blank: somebody wrote by hand.
    let nothing = table("x").replace("\\n5\\t", "\\n4\\t");
    let texts = read(&[("a.png", &scan("klas.png"))], settings(&script(folder.path(), &nothing)));
    assert_eq!((whys(&texts), recognised(&texts).len()), (vec![Why::ScanWithoutOcr], 0));
}

#[test]
fn a_recogniser_reaches_nothing() {
    let folder = TempDir::new().unwrap();
    let outside = folder.path().join("secret");
    std::fs::write(&outside, "x\n").unwrap();
    let whole = RecogniserSettings { sandbox: Sandbox::Require, ..settings(Path::new("/usr/bin/true")) };
    let is_whole = Recognisers::new(whole).check().is_ok();
    let run = |does: &str| {
        let place = folder.path().join("a").join("b");
        let texts = read(&[("a.png", &scan("klas.png"))], settings(&script(&place, does)));
        recognised(&texts).first().map(|(_, text)| text.trim().to_string())
    };
    assert_eq!(run(&table("open")).as_deref(), Some("open"));
    // No other process, nothing written.
    assert_eq!(run(&format!("/usr/bin/true; {}", table("open"))), None);
    let written = format!("echo x >{} && {}", folder.path().join("written").display(), table("open"));
    assert_eq!(run(&written), None);
    assert!(!folder.path().join("written").exists());
    if is_whole {
        let said = format!("read -r x <{} && {}", outside.display(), table("open"));
        assert_eq!(run(&said), None);
    }
}

/// More memory than it may have, and time that it takes from nobody else.
#[test]
fn a_hog_ends_alone() {
    let small = RecogniserSettings { bounds: Bounds { memory: 16 << 20, seconds: 20 }, ..tesseract() };
    assert_eq!(whys(&read(&[("a.png", &scan("klas.png"))], small)), [Why::ScanWithoutOcr]);
    let folder = TempDir::new().unwrap();
    let time = Duration::from_millis(600);
    let late = RecogniserSettings {
        per_picture: time,
        per_message: time,
        ..settings(&script(folder.path(), "while :; do :; done"))
    };
    let since = Instant::now();
    let names: Vec<String> = (0..8).map(|n| format!("{n}.png")).collect();
    let page = scan("klas.png");
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), page.as_slice())).collect();
    assert_eq!(whys(&read(&files, late)), [Why::ScanWithoutOcr; 8]);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

#[test]
fn languages_that_are_missing_are_named() {
    let more = RecogniserSettings { languages: ["nld", "eng", "tlh"].map(String::from).to_vec(), ..tesseract() };
    assert_eq!(Recognisers::new(more).check().unwrap(), ["tlh"]);
    assert!(Recognisers::new(settings(Path::new("/nonexistent/tesseract"))).check().is_err());
}
