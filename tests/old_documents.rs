//! Documents from before 2007, and mail as Outlook keeps it: built here octet by octet, read with the public reader.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "old_documents/build.rs"]
mod build;

use mailpoort::extract::{Document, Passwords, Place, Spot, Texts, Why, document};
use mailpoort::message::Limits;
use proptest::prelude::*;

fn read(octets: &[u8]) -> Texts {
    let place = Place { spot: Spot::Attachment("x".into()), ..Place::default() };
    let document = Document {
        octets,
        essence: "application/octet-stream",
        name: "x",
        place: &place,
        depth: 0,
        passwords: Passwords::none(),
    };
    document::read(&document, &Limits::default())
}

/// Every text with its place; `att:x` is left out.
fn shown(octets: &[u8]) -> Vec<(String, String)> {
    let texts = read(octets).texts;
    let place = |path: String| path.trim_start_matches("att:x").trim_start_matches([',', ' ', '/']).to_string();
    texts.into_iter().map(|text| (place(text.place.path_and_section()), text.text)).collect()
}

fn check(octets: &[u8], expected: &[(&str, &str)]) {
    let shown = shown(octets);
    let shown: Vec<(&str, &str)> = shown.iter().map(|(place, text)| (place.as_str(), text.as_str())).collect();
    assert_eq!(shown, expected);
}

fn unread(octets: &[u8]) -> Vec<Why> {
    read(octets).unread.iter().map(|unread| unread.why).collect()
}

#[test]
fn rich_text() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        (r"{\rtf1\ansi BSN 123\b 456\b0 782\par Zo\'eb \u233?\~\_x\par}", &[("", "BSN 123456782\nZoë é\u{a0}-x\n")]),
        (
            r"{\rtf1{\header kop}tekst{\footnote noot}{\*\annotation oei}{\footer voet} na}",
            &[("", "tekst na"), ("header or footer", "kop\nvoet\n"), ("footnote", "noot\n"), ("comment", "oei\n")],
        ),
        (
            r"{\rtf1 a{\deleted weg}b{\v stil}c{\deleted ook}}",
            &[("", "abc"), ("deleted text", "weg\nook"), ("hidden", "stil")],
        ),
        (
            r"{\rtf1{\info{\title Titel}{\author Juf Kim}{\creatim\yr2026}}{\*\userprops{\propname BSN}{\staticval 12}}x}",
            &[("", "x"), ("property", "Titel\nJuf Kim\nBSN: 12\n")],
        ),
        (
            r#"{\rtf1{\field{\*\fldinst HYPERLINK "https://a.example/Kim"}{\fldrslt klik}} hier}"#,
            &[("", "klik hier\nhttps://a.example/Kim\n")],
        ),
        (
            r"{\rtf1{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset128 B;}{\f2\fcharset204 C;}}\f1\'83A\f2\'c0\f0\'e9}",
            &[("", "アАé")],
        ),
        (r"{\rtf1\uc2 \u1040??b\u-10179??\u-8704??{\uc0\u8364}e}", &[("", "Аb😀€e")]),
        (
            r"{\rtf1{\shp{\*\shpinst{\sp{\sn wzDescription}{\sv een foto}}{\shptxt kader\par}}}{\*\niets x}{\pict\wmetafile8 0102}y}",
            &[("", "y"), ("text box", "kader\n"), ("alt text", "een foto\n")],
        ),
        (r"{\rtf1\upr{x}{\*\ud{Zo\u235?}}}", &[("", "Zoë")]),
        (r"{\rtf1 {{{ open \bin3 }}}dicht", &[("", " open dicht")]),
        (
            r"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Beste Kim\htmlrtf\par}\htmlrtf0{\*\htmltag72 </p>}}",
            &[("", "Beste Kim")],
        ),
    ];
    for (source, expected) in cases {
        check(source.as_bytes(), expected);
    }
    assert_eq!(unread(br"{\rtf1{\pict\wmetafile8 0102}}"), [Why::Media]);
}

#[test]
fn rich_text_tables_have_cells() {
    let source =
        br"{\rtf1 voor\par\trowd\pard\intbl naam\cell nr\cell\row\pard\intbl Kim\cell 12\b 3\cell\row\pard na}";
    let texts = read(source).texts;
    assert_eq!(texts[0].text, "voor\nnaam\tnr\nKim\t123\nna");
    let cells: Vec<_> =
        texts[0].cells.iter().map(|c| (c.table, c.row, c.column, &texts[0].text[c.range.clone()])).collect();
    assert_eq!(cells, [(0, 0, 0, "naam"), (0, 0, 1, "nr"), (0, 1, 0, "Kim"), (0, 1, 1, "123")]);
}

#[test]
fn rich_text_hands_on_what_is_embedded() {
    let object = build::ole1("Package", &build::package("klas.csv", b"naam;nr"));
    let hex: String = object.iter().map(|octet| format!("{octet:02x}")).collect();
    let source = format!(r"{{\rtf1 x{{\object\objemb{{\*\objdata {hex}}}{{\result y}}}}}}");
    check(source.as_bytes(), &[("", "xy"), ("name:klas.csv", "klas.csv"), ("att:klas.csv", "naam;nr")]);
}

#[test]
fn word_documents_story_by_story() {
    let word = build::Word {
        stories: ["Beste Zoë,\r", "noot\r", "kop\r", "", "let op\r", "eindnoot\r", "kader\r", ""],
        ..build::Word::default()
    };
    let expected = [
        ("", "Beste Zoë,\n"),
        ("footnote", "noot\n"),
        ("header or footer", "kop\n"),
        ("comment", "let op\n"),
        ("footnote", "eindnoot\n"),
        ("text box", "kader\n"),
    ];
    check(&word.file(), &expected);
    check(&build::Word { wide: true, ..word }.file(), &expected);
}

#[test]
fn word_documents_with_fields_tables_and_hidden_text() {
    let text = "12\u{1f}34\u{1e}5\u{13}HYPERLINK \"https://a.example\"\u{14}klik\u{15}\ra\u{7}b\u{7}\u{7}weg en stil\r";
    let at =
        |part: &str| text.chars().count() - text.split_once(part).unwrap().1.chars().count() - part.chars().count();
    let word = build::Word {
        stories: [text, "", "", "", "", "", "", ""],
        characters: &[(at("weg"), at(" en"), &[0x00, 0x08, 1]), (at("stil"), at("stil") + 4, &[0x3C, 0x08, 1])],
        paragraphs: &[(at("a\u{7}"), at("\u{7}weg"), &[0x16, 0x24, 1]), (at("\u{7}weg"), at("weg"), &[0x17, 0x24, 1])],
        ..build::Word::default()
    };
    let file = word.file();
    check(&file, &[("", "1234-5klik\na\tb\n en \nhttps://a.example\n"), ("deleted text", "weg"), ("hidden", "stil")]);
    let cells: Vec<_> = read(&file).texts[0].cells.iter().map(|c| (c.row, c.column)).collect();
    assert_eq!(cells, [(0, 0), (0, 1)]);
}

#[test]
fn locked_and_broken_compound_files_are_said() {
    let word = build::Word { stories: ["x\r", "", "", "", "", "", "", ""], locked: true, ..build::Word::default() };
    assert_eq!(unread(&word.file()), [Why::Encrypted]);
    assert_eq!(unread(&build::compound(&[("/EncryptedPackage", &[0; 64])])), [Why::Encrypted]);
    assert_eq!(unread(&build::compound(&[("/VisioDocument", &[0; 64])])), [Why::UnknownFormat]);
    assert_eq!(unread(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 en verder niets"), [Why::Damaged]);
    let whole = build::Word { stories: ["tekst\r", "", "", "", "", "", "", ""], ..build::Word::default() }.file();
    for end in (0..whole.len()).step_by(97) {
        assert!(end < 8 || !unread(&whole[..end]).is_empty() || !shown(&whole[..end]).is_empty(), "{end}");
    }
}

#[test]
fn properties_and_objects_of_compound_files() {
    let package = build::package("klas.csv", b"naam;nr");
    let native = [&(package.len() as u32).to_le_bytes()[..], &package].concat();
    let word = build::Word { stories: ["x\r", "", "", "", "", "", "", ""], ..build::Word::default() };
    let (main, table) = word.streams();
    let file = build::compound(&[
        ("/WordDocument", &main),
        ("/1Table", &table),
        ("/\u{5}SummaryInformation", &build::summary("Klas van Zoë")),
        ("/ObjectPool/_1/\u{1}Ole10Native", &native),
        ("/ObjectPool/_2/\u{2}OlePres000", &[0; 40]),
    ]);
    let expected =
        [("property", "Klas van Zoë\n"), ("", "x\n"), ("name:klas.csv", "klas.csv"), ("att:klas.csv", "naam;nr")];
    check(&file, &expected);
    assert_eq!(unread(&file), [Why::Media]);
}

#[test]
fn presentations_slide_by_slide() {
    let file = build::presentation();
    check(
        &file,
        &[
            ("slide 1", "Titel Zoë\nKim 123456782\n"),
            ("slide 1, comment", "Juf\nklopt dit?\n"),
            ("slide 2, hidden", "stil\n"),
            ("slide 1, speaker notes", "zeg dit\n"),
            ("header or footer", "Logo van de school\n"),
        ],
    );
    assert_eq!(unread(&file), []);
}

#[test]
fn messages_of_outlook() {
    let file = build::message();
    check(
        &file,
        &[
            ("subject", "Zorg om Zoë"),
            ("header:From", "Juf Kim"),
            ("header:To", "Ouders"),
            ("text", "Beste ouders"),
            ("property", "lokaal 3\n"),
            ("name:klas.csv", "klas.csv"),
            ("att:klas.csv", "naam;nr"),
            ("name:Eerder.msg", "Eerder.msg"),
            ("att:Eerder.msg/subject", "Eerder"),
            ("att:Eerder.msg/html", "Al gemeld"),
        ],
    );
    assert_eq!(unread(&file), []);
}

#[test]
fn winmail() {
    let file = build::winmail();
    check(
        &file,
        &[
            ("subject", "Zorg"),
            ("text", "Beste Zoë"),
            ("name:een lange naam.csv", "een lange naam.csv"),
            ("att:een lange naam.csv", "naam;nr"),
        ],
    );
    assert_eq!(unread(&file), []);
    assert_eq!(unread(&file[..file.len() - 20]), [Why::Damaged]);
}

#[test]
fn deep_and_looping_files_end() {
    let deep = [b"{\\rtf1 ".to_vec(), b"{".repeat(100_000), b"diep".to_vec(), b"}".repeat(100_001)].concat();
    check(&deep, &[("", "diep")]);
    let word = build::Word { stories: ["x\r", "", "", "", "", "", "", ""], ..build::Word::default() };
    let mut file = word.file();
    // Every sector of the table follows itself.
    let table = 512 * (1 + u32::from_le_bytes(file[76..80].try_into().unwrap()) as usize);
    for (number, entry) in file[table..table + 512].chunks_mut(4).enumerate() {
        entry.copy_from_slice(&(number as u32).to_le_bytes());
    }
    read(&file);
    file[44..48].copy_from_slice(&u32::MAX.to_le_bytes());
    read(&file);
}

proptest! {
    /// Whatever is changed or cut off, reading ends, and nothing comes out that is larger than what could be in it.
    #[test]
    fn mutations_are_read(
        which in 0usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..24),
        end in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let word = build::Word { stories: ["a\u{7}b\u{7}\u{7}\u{13}X\u{14}c\u{15}\r", "n\r", "", "", "", "", "", ""], ..build::Word::default() };
        let mut file = match which {
            0 => word.file(),
            1 => build::presentation(),
            2 => build::message(),
            3 => build::winmail(),
            _ => br"{\rtf1{\fonttbl{\f1\fcharset128 A;}}\f1\'83\u-10179?{\*\annotation a}\trowd\intbl b\cell\row{\object{\*\objdata 01050000}}}".to_vec(),
        };
        for (place, octet) in changes {
            let at = place.index(file.len());
            file[at] = octet;
        }
        if let Some(end) = end {
            file.truncate(end.index(file.len()));
        }
        let texts = read(&file);
        let all: usize = texts.texts.iter().map(|text| text.text.len()).sum();
        prop_assert!(all <= 64 * file.len() + 4096);
    }
}
