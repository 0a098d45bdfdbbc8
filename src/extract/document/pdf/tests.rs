//! Files made here, feature by feature, hostile ones, and mutations of them.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use proptest::prelude::*;

use crate::extract::document::{Document, Found, read, read_aloud};
use crate::extract::{Layer, Passwords, Place, Spot, Texts, Unit, Why};
use crate::message::Limits;

/// A file as it is written: its objects in their order, the first of which is the catalog.
#[derive(Default, Clone)]
struct Pdf {
    objects: Vec<Vec<u8>>,
    trailer: String,
}

impl Pdf {
    /// A file of one page: the catalog is 1, the pages 2, the page 3, its content 4, its font 5.
    fn page(content: &str) -> Self {
        Self::page_with(content, "", "")
    }

    fn page_with(content: &str, of_page: &str, of_catalog: &str) -> Self {
        let mut pdf = Self::default();
        pdf.add(format!("<</Type/Catalog/Pages 2 0 R{of_catalog}>>"));
        pdf.add("<</Type/Pages/Kids[3 0 R]/Count 1>>");
        pdf.add(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R{of_page}\
             /Resources<</Font<</F1 5 0 R>>/XObject<</X1 6 0 R>>/Properties<</P1 6 0 R>>/Pattern<</T1 6 0 R>>>>>>"
        ));
        pdf.stream("", content.as_bytes());
        pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>");
        pdf
    }

    fn add(&mut self, object: impl Into<Vec<u8>>) {
        self.objects.push(object.into());
    }

    fn stream(&mut self, entries: &str, data: &[u8]) {
        let head = format!("<<{entries}/Length {}>>stream\n", data.len());
        self.add([head.as_bytes(), data, b"\nendstream"].concat());
    }

    fn write(&self) -> Vec<u8> {
        let mut out = b"%PDF-1.7\n".to_vec();
        let mut table = String::new();
        for (index, object) in self.objects.iter().enumerate() {
            table.push_str(&format!("{:010} 00000 n \n", out.len()));
            out.extend(format!("{} 0 obj\n", index + 1).into_bytes());
            out.extend(object);
            out.extend(b"\nendobj\n");
        }
        let start = out.len();
        let count = self.objects.len() + 1;
        out.extend(format!("xref\n0 {count}\n0000000000 65535 f \n{table}").into_bytes());
        let trailer = format!("trailer\n<</Size {count}/Root 1 0 R{}>>\nstartxref\n{start}\n%%EOF\n", self.trailer);
        out.extend(trailer.into_bytes());
        out
    }

    fn read(&self) -> Texts {
        texts(&self.write())
    }
}

fn texts(octets: &[u8]) -> Texts {
    let place = Place { spot: Spot::Attachment("a.pdf".into()), ..Place::default() };
    read(
        &Document {
            octets,
            essence: "application/pdf",
            name: "a.pdf",
            place: &place,
            depth: 0,
            passwords: Passwords::none(),
        },
        &Limits::default(),
    )
}

/// All texts of a layer.
fn layer(texts: &Texts, layer: Layer) -> String {
    texts.texts.iter().filter(|text| text.place.section.layer == layer).map(|text| text.text.as_str()).collect()
}

fn body(texts: &Texts) -> String {
    layer(texts, Layer::Body).trim().to_string()
}

fn why(texts: &Texts) -> Vec<Why> {
    texts.unread.iter().map(|unread| unread.why).collect()
}

#[test]
fn text_as_it_is_drawn() {
    let cases = [
        ("one string", "BT /F1 12 Tf 50 700 Td (Kim de Wit 123456782) Tj ET", "Kim de Wit 123456782"),
        ("kerns in a number", "BT /F1 12 Tf 50 700 Td [(1234)-50(56)80(782)] TJ ET", "123456782"),
        ("a space as a shift", "BT /F1 12 Tf 50 700 Td [(Kim)-280(de)-280(Wit)] TJ ET", "Kim de Wit"),
        (
            "glyph by glyph, backwards",
            "BT /F1 10 Tf 1 0 0 1 61.12 700 Tm (3) Tj 1 0 0 1 55.56 700 Tm (2) Tj 1 0 0 1 50 700 Tm (1) Tj ET",
            "123",
        ),
        ("letter spacing", "BT /F1 12 Tf 3 Tc 50 700 Td (123456782 x) Tj ET", "123456782 x"),
        (
            "boxes of a form",
            "BT /F1 10 Tf 50 700 Td (1)Tj 15 0 Td (2)Tj 15 0 Td (3)Tj 15 0 Td (4)Tj 15 0 Td (5)Tj 15 0 Td (6)Tj ET",
            "123456",
        ),
        (
            "marks in columns",
            "BT /F1 10 Tf 50 700 Td (7)Tj 40 0 Td (8)Tj 40 0 Td (6)Tj 40 0 Td (9)Tj 40 0 Td (5)Tj ET",
            "7\t8\t6\t9\t5",
        ),
        ("turned", "BT /F1 12 Tf 0.906 -0.423 0.423 0.906 50 700 Tm (123) Tj (456 782) Tj ET", "123456 782"),
        ("invisible and white", "BT 3 Tr 1 1 1 rg /F1 2 Tf 50 700 Td (geheim) Tj ET", "geheim"),
        ("twice for bold", "BT /F1 12 Tf 50 700 Td (Kim) Tj ET BT /F1 12 Tf 50.4 700 Td (Kim) Tj ET", "Kim"),
        (
            "a broken word",
            "BT /F1 12 Tf 14 TL 50 700 Td (noten-) Tj T* (allergie en) Tj T* (meer) Tj ET",
            "notenallergie en\nmeer",
        ),
        ("quotes", "BT /F1 12 Tf 14 TL 50 700 Td (een) Tj (twee) ' 1 1 (drie) \" ET", "een\ntwee\ndrie"),
        (
            "columns of running text",
            "BT /F1 10 Tf 12 TL 50 700 Td (De leerling heeft dit jaar veel gemist en) Tj T* (komt na de vakantie weer op) Tj ET
             BT /F1 10 Tf 12 TL 320 700 Td (school, na een gesprek met ouders en) Tj T* (mentor, dat verslagen is in dossier) Tj ET",
            "De leerling heeft dit jaar veel gemist en\nkomt na de vakantie weer op\n\
             school, na een gesprek met ouders en\nmentor, dat verslagen is in dossier",
        ),
        (
            "a table drawn by column",
            "BT /F1 10 Tf 12 TL 50 700 Td (Naam) Tj T* (Kim) Tj ET BT /F1 10 Tf 12 TL 200 700 Td (BSN) Tj T* (123) Tj ET",
            "Naam\tBSN\nKim\t123",
        ),
        ("a layer that is off", "/OC /P1 BDC BT /F1 12 Tf 50 700 Td (verborgen) Tj ET EMC", "verborgen"),
        ("hexadecimal", "BT /F1 12 Tf 50 700 Td <5A6FEB> Tj ET", "Zoë"),
        ("a picture in between", "BI /W 1 /H 1 /BPC 8 ID \u{1}(x) Tj EI BT /F1 9 Tf 5 5 Td (na) Tj ET", "na"),
    ];
    for (name, content, expected) in cases {
        let texts = Pdf::page(content).read();
        assert_eq!(body(&texts), expected, "{name}");
        assert_eq!(why(&texts), [], "{name}");
    }
}

#[test]
fn tables_have_cells() {
    let mut content = String::new();
    let rows =
        [["Naam", "Klas", "BSN"], ["Kim de Wit", "3B", "123456782"], ["Bo", "3B", "111222333"], ["Ali", "3A", "999"]];
    for (row, cells) in rows.iter().enumerate() {
        for (cell, x) in cells.iter().zip([50, 200, 300]) {
            content.push_str(&format!("BT /F1 10 Tf {x} {} Td ({cell}) Tj ET\n", 700 - row * 15));
        }
    }
    let texts = Pdf::page(&content).read();
    let text = &texts.texts[0];
    assert_eq!(text.text.lines().next(), Some("Naam\tKlas\tBSN"));
    assert_eq!(text.cells.len(), 12);
    for cell in &text.cells {
        let (row, column) = (usize::try_from(cell.row).unwrap(), usize::try_from(cell.column).unwrap());
        assert_eq!(&text.text[cell.range.clone()], rows[row][column]);
    }
}

#[test]
fn fonts_say_what_their_codes_mean() {
    let map = b"1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0001> <0009> <0031> endbfrange";
    let composite = "<</Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[<</Subtype/CIDFontType2/DW 556>>]";
    let shown = "BT /F1 12 Tf 50 700 Td <000100020003000400050006000700080009> Tj ET";
    let with_font = |font: String, extra: &[u8]| {
        let mut pdf = Pdf::page(shown);
        pdf.objects[4] = font.into_bytes();
        pdf.stream("", extra);
        pdf.read()
    };
    assert_eq!(body(&with_font(format!("{composite}/ToUnicode 6 0 R>>"), map)), "123456789");
    let unknown = with_font(format!("{composite}>>"), b"");
    assert_eq!((body(&unknown).as_str(), why(&unknown)), ("", vec![Why::ScanWithoutOcr]));

    // A map that forgets a code leaves it to the font's own table.
    let own = b"\0\x01\0\0\0\x01\0\0\0\0\0\0cmap\0\0\0\0\0\0\0\x1c\0\0\0\x22\0\0\0\x01\0\x03\0\x01\0\0\0\x0c\0\x06\0\x0e\0\0\0\x41\0\x02\0\x01\0\x02";
    let mut pdf = Pdf::page("BT /F1 12 Tf 50 700 Td <00010002> Tj ET");
    let partly = composite.replace("/DW 556", "/W[1[600 600]]/FontDescriptor<</FontFile2 7 0 R>>");
    pdf.objects[4] = format!("{partly}/ToUnicode 6 0 R>>").into_bytes();
    pdf.stream("", b"1 beginbfchar <0001> <0078> endbfchar");
    pdf.stream("", own);
    assert_eq!(body(&pdf.read()), "xB");

    let simple = |encoding: &str, text: &str| {
        let mut pdf = Pdf::page(&format!("BT /F1 12 Tf 50 700 Td ({text}) Tj ET"));
        pdf.objects[4] = format!("<</Subtype/Type1/BaseFont/X/Encoding{encoding}>>").into_bytes();
        body(&pdf.read())
    };
    assert_eq!(simple("<</Differences[65/one/two/uni0033/edieresis]>>", "ABCD"), "123ë");
    assert_eq!(simple("/MacRomanEncoding", "\\221"), "ë");
    assert_eq!(simple("<</Differences[65/f_i/fl]>>", "AB"), "fifl");
}

#[test]
fn forms_patterns_and_replacements() {
    let mut pdf = Pdf::page("q 1 0 0 1 100 0 cm /X1 Do Q");
    pdf.stream(
        "/Subtype/Form/Matrix[2 0 0 2 0 0]/Resources<</Font<</F1 5 0 R>>>>",
        b"BT /F1 6 Tf 0 50 Td (in een vorm) Tj ET",
    );
    assert_eq!(body(&pdf.read()), "in een vorm");
    pdf.objects[3] = b"<</Length 24>>stream\n/Pattern cs /T1 scn 0 0 9 9 re f\nendstream".to_vec();
    assert_eq!(body(&pdf.read()), "in een vorm");

    let replaced = Pdf::page("/Span <</ActualText(123456782)>> BDC BT /F1 9 Tf 9 9 Td (geheim) Tj ET EMC").read();
    assert_eq!((body(&replaced).as_str(), layer(&replaced, Layer::AltText).trim()), ("geheim", "123456782"));
}

#[test]
fn notes_fields_and_properties() {
    let mut pdf = Pdf::page_with(
        "BT /F1 9 Tf 9 9 Td (bladzijde) Tj ET",
        "/Annots[6 0 R 7 0 R 8 0 R 9 0 R]",
        "/AcroForm<</Fields[8 0 R 12 0 R]>>/Outlines 10 0 R/Names<</JavaScript<</Names[(a)<</S/JavaScript/JS(alert\\(1\\))>>]>>\
         /EmbeddedFiles<</Names[(x)13 0 R]>>>>",
    );
    pdf.add("<</Subtype/Text/T(Jan)/Contents(een notitie)>>");
    pdf.add("<</Subtype/Link/A<</S/URI/URI(https://school.example/a)>>>>");
    pdf.add("<</Subtype/Widget/FT/Tx/T(bsn)/TU(Burgerservicenummer)/V(123456782)/Parent 11 0 R>>");
    pdf.add("<</Subtype/Widget/FT/Ch/T(klas)/V(3B)/Opt[(3A)(3B)]>>");
    pdf.add("<</First 14 0 R>>");
    pdf.add("<</T(leerling)/Kids[8 0 R]>>");
    pdf.add("<</FT/Tx/T(verborgen)/V(\\376\\377\\000Z\\000o\\000\\353)>>");
    pdf.add("<</Type/Filespec/F(map/lijst.txt)/Desc(de lijst)/EF<</F 15 0 R>>>>");
    pdf.add("<</Title(Hoofdstuk 1)/Next 14 0 R>>");
    pdf.stream("/Type/EmbeddedFile", b"inhoud van de lijst");
    pdf.add("<</Title(Verslag Kim)/Producer(x)>>");
    pdf.trailer = "/Info 16 0 R".to_string();
    let texts = pdf.read();
    let annotations = layer(&texts, Layer::Annotation);
    for part in ["Jan\neen notitie\n", "https://school.example/a\n", "de lijst"] {
        assert!(annotations.contains(part), "{annotations}");
    }
    let fields = layer(&texts, Layer::Field);
    for part in ["leerling.bsn, Burgerservicenummer\t123456782\n", "klas\t3B\t3A, 3B\n", "verborgen\tZoë\n"] {
        assert!(fields.contains(part), "{fields}");
    }
    assert_eq!(layer(&texts, Layer::Property), "Title: Verslag Kim\nHoofdstuk 1\n");
    assert_eq!(layer(&texts, Layer::Behind), "alert(1)\n");
    let file = texts.texts.iter().find(|text| text.place.spot == Spot::Attachment("lijst.txt".into())).unwrap();
    assert_eq!((file.text.as_str(), &file.place.within), ("inhoud van de lijst", &vec!["a.pdf".to_string()]));
    assert_eq!(why(&texts), []);
}

#[test]
fn older_states_and_lost_pages() {
    let mut old = Pdf::page("BT /F1 9 Tf 14 TL 9 99 Td (blijft staan) Tj T* (Kim 123456782) Tj ET").write();
    let table = memchr::memmem::rfind(&old, b"xref\n0").unwrap();
    let at = old.len();
    let new = "BT /F1 9 Tf 9 99 Td (blijft staan) Tj ET";
    old.extend(format!("4 0 obj\n<</Length {}>>stream\n{new}\nendstream\nendobj\n", new.len()).into_bytes());
    let start = old.len();
    old.extend(
        format!(
            "xref\n4 1\n{at:010} 00000 n \ntrailer\n<</Size 6/Root 1 0 R/Prev {table}>>\nstartxref\n{start}\n%%EOF"
        )
        .into_bytes(),
    );
    let texts = texts(&old);
    assert_eq!((body(&texts).as_str(), layer(&texts, Layer::Deleted).as_str()), ("blijft staan", "Kim 123456782\n"));

    let mut pdf = Pdf::page("BT /F1 9 Tf 9 9 Td (hier) Tj ET");
    pdf.add("<</Type/Page/Contents 7 0 R/Resources<</Font<</F1 5 0 R>>>>>>");
    pdf.stream("", b"BT /F1 9 Tf 9 9 Td (weg) Tj ET");
    assert_eq!(layer(&pdf.read(), Layer::Deleted), "weg\n");
}

#[test]
fn broken_files_are_read_as_far_as_they_go() {
    let whole = Pdf::page("BT /F1 9 Tf 9 9 Td (leesbaar) Tj ET").write();
    let table = memchr::memmem::rfind(&whole, b"xref\n0").unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no table", whole[..table].to_vec()),
        ("late", [b"rommel\n".repeat(100), whole.clone()].concat()),
        ("a lying length", text.replace("/Length 35", "/Length 9").into_bytes()),
        ("no length", text.replace("/Length 35", "/Size 9").into_bytes()),
        ("lying offsets", text.replace("00000 n", "00001 n").replace("\n0000000", "\n0000001").into_bytes()),
        ("a table in a circle", text.replace("/Root 1 0 R", &format!("/Root 1 0 R/Prev {table}")).into_bytes()),
        ("no end", text.replace("endstream", "").into_bytes()),
    ];
    for (name, octets) in cases {
        assert_eq!(body(&texts(&octets)), "leesbaar", "{name}");
    }
}

#[test]
fn object_streams() {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    let objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]>>", "<</Type/Page/Contents 5 0 R>>"];
    let heads = format!("1 0 2 {} 3 {} ", objects[0].len(), objects[0].len() + objects[1].len());
    writer.write_all(format!("{heads}{}", objects.concat()).as_bytes()).unwrap();
    let packed = writer.finish().unwrap();
    let mut out = b"%PDF-1.5\n".to_vec();
    let first = out.len();
    let head =
        format!("4 0 obj<</Type/ObjStm/N 3/First {}/Filter/FlateDecode/Length {}>>stream\n", heads.len(), packed.len());
    out.extend([head.as_bytes(), &packed, b"\nendstream endobj\n"].concat());
    let second = out.len();
    out.extend(b"5 0 obj<</Length 31>>stream\nBT /F1 9 Tf 9 9 Td (pak) Tj ET \nendstream endobj\n");
    let table = out.len();
    let entry = |kind: u8, at: usize, index: u8| [kind, u8::try_from(at >> 8).unwrap(), (at & 255) as u8, index];
    let rows = [entry(2, 4, 0), entry(2, 4, 1), entry(2, 4, 2), entry(1, first, 0), entry(1, second, 0)].concat();
    let head = format!("6 0 obj<</Type/XRef/W[1 2 1]/Index[1 5]/Size 7/Root 1 0 R/Length {}>>stream\n", rows.len());
    out.extend([head.as_bytes(), &rows, b"\nendstream endobj\n"].concat());
    let cut = out.clone();
    out.extend(format!("startxref\n{table}\n%%EOF").into_bytes());
    assert_eq!(body(&texts(&out)), "pak");
    // And without a way to the table.
    assert_eq!(body(&texts(&cut)), "pak");
}

#[test]
fn what_is_a_picture_is_said() {
    let scan = |content: &str, size: u32| {
        let mut pdf = Pdf::page(content);
        pdf.stream(&format!("/Subtype/Image/Width {size}/Height {size}/Filter/DCTDecode"), b"\xFF\xD8picture");
        pdf
    };
    let page = scan("q 595 0 0 842 0 0 cm /X1 Do Q", 900);
    let texts = page.read();
    assert_eq!(why(&texts), [Why::ScanWithoutOcr]);
    assert_eq!(texts.unread[0].place.section.unit, Unit::Page(1));

    let text = "BT /F1 9 Tf 9 9 Td (Een brief met een logo erboven.) Tj ET q 90 0 0 60 9 700 cm /X1 Do Q";
    assert_eq!(why(&scan(text, 90).read()), []);
    assert_eq!(why(&Pdf::page("").read()), [Why::ScanWithoutOcr]);
}

/// The pictures that a page shows, each as a file, and whether these are all.
fn scanned(drawn: &str, pictures: &[(&str, &[u8])]) -> (Vec<Vec<u8>>, bool) {
    let mut pdf = Pdf::page_with(drawn, "/Resources<</XObject<</X1 6 0 R/X2 7 0 R>>>>", "");
    pictures.iter().for_each(|(entries, data)| pdf.stream(&format!("/Subtype/Image{entries}"), data));
    let limits = Limits { pictures: 10, ..Limits::default() };
    let place = Place::default();
    let octets = pdf.write();
    let passwords = Passwords::none();
    let (essence, name) = ("application/pdf", "a.pdf");
    let document = Document { octets: &octets, essence, name, place: &place, depth: 0, passwords };
    let (mut found, mut all) = (Vec::new(), true);
    let mut listener = |one: Found<'_>| {
        if let Found::Pictured(part) = one {
            assert_eq!((&part.place.section.unit, part.why), (&Unit::Page(1), Why::ScanWithoutOcr));
            found.extend(part.pictures.iter().map(|picture| picture.octets().to_vec()));
            all &= part.whole;
        }
    };
    read_aloud(&document, &limits, Some(&mut listener));
    (found, all)
}

/// The header of a JPEG of 900 by 900 pixels.
const JPEG: &[u8] = b"\xFF\xD8\xFF\xC0\0\x0B\x08\x03\x84\x03\x84\x01\x01\x11\0\xFF\xD9";

/// A number of a TIFF file, by its tag.
fn tag(file: &[u8], tag: u16) -> Option<u32> {
    let long = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let start = long(4) as usize;
    let entries = usize::from(u16::from_le_bytes(file[start..start + 2].try_into().unwrap()));
    let mut places = (0..entries).map(|index| start + 2 + index * 12);
    places.find(|&at| file[at..at + 2] == tag.to_le_bytes()).map(|at| long(at + 8))
}

#[test]
fn scans_come_out_as_files() {
    let page = "q 595 0 0 842 0 0 cm /X1 Do Q";
    let jpeg = ("/Width 900/Height 900/Filter/DCTDecode", JPEG);
    assert_eq!(scanned(page, &[jpeg]), (vec![JPEG.to_vec()], true));
    // What has no reader outside, what is no picture, and what stands beside it.
    let jbig2 = ("/Width 900/Height 900/Filter/JBIG2Decode", &b"segments"[..]);
    assert_eq!(scanned(page, &[jbig2]), (vec![], true));
    assert!(!scanned("q 595 0 0 842 0 0 cm /X1 Do Q q 300 0 0 842 0 0 cm /X2 Do Q", &[jpeg, jbig2]).1);
    assert!(scanned("q 595 0 0 842 0 0 cm /X1 Do Q q 20 0 0 20 0 0 cm /X2 Do Q", &[jpeg, jbig2]).1);
    let bomb = ("/Width 30000/Height 30000/BitsPerComponent 8/ColorSpace/DeviceGray", &b""[..]);
    assert_eq!(scanned(page, &[bomb]).0.len(), 0);

    // Compression, bits, which is black, columns, rows.
    let tags = |file: &[u8]| [259, 258, 262, 256, 257].map(|number| tag(file, number).unwrap());
    let fax = |more: &str| {
        let entries =
            format!("/Width 900/Height 40/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/CCITTFaxDecode{more}");
        scanned(page, &[(&entries, b"fax")]).0.first().map(|file| (tags(file), tag(file, 292)))
    };
    assert_eq!(fax("/DecodeParms<</K -1/Columns 900>>"), Some(([4, 1, 0, 900, 40], None)));
    assert_eq!(fax("/DecodeParms<</K -1/Columns 900/BlackIs1 true>>"), Some(([4, 1, 1, 900, 40], None)));
    assert_eq!(fax("/DecodeParms<</K -1/Columns 900/BlackIs1 true>>/Decode[1 0]"), Some(([4, 1, 0, 900, 40], None)));
    assert_eq!(fax("/DecodeParms<</K 1/Columns 900>>"), Some(([3, 1, 0, 900, 40], Some(1))));
    assert_eq!(fax("/DecodeParms<</K -1>>"), None);

    let raw = |entries: &str, octets: &[u8]| {
        let entries = format!("/Width 2/Height 2{entries}");
        let file = scanned(page, &[(&entries, octets)]).0.pop()?;
        let (at, length) = (tag(&file, 273).unwrap() as usize, tag(&file, 279).unwrap() as usize);
        let mut pixels = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&file[at..at + length]), &mut pixels).unwrap();
        Some((tag(&file, 258).unwrap(), tag(&file, 262).unwrap(), pixels))
    };
    let grey = "/BitsPerComponent 8/ColorSpace/DeviceGray";
    assert_eq!(raw(grey, &[0, 9, 99, 255]), Some((8, 1, vec![0, 9, 99, 255])));
    assert_eq!(raw(&format!("{grey}/Decode[1 0]"), &[0, 9, 99, 255]), Some((8, 0, vec![0, 9, 99, 255])));
    assert_eq!(raw(grey, &[0, 9, 99]), None);
    assert_eq!(raw("/ImageMask true", &[0x40, 0x80]), Some((1, 1, vec![0x40, 0x80])));
    let colours = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
    assert_eq!(raw("/BitsPerComponent 8/ColorSpace/DeviceRGB", &colours), Some((8, 1, vec![76, 149, 29, 255])));
    let inks = [0, 0, 0, 255, 0, 0, 0, 0, 255, 255, 255, 0, 0, 0, 0, 100];
    assert_eq!(raw("/BitsPerComponent 8/ColorSpace/DeviceCMYK", &inks), Some((8, 1, vec![0, 255, 0, 155])));
    let indexed = "/BitsPerComponent 4/ColorSpace[/Indexed/DeviceRGB 1<000000FFFFFF>]";
    assert_eq!(raw(indexed, &[0x01, 0x10]), Some((8, 1, vec![0, 255, 255, 0])));
    assert_eq!(raw("/BitsPerComponent 2/ColorSpace/DeviceGray", &[0x70, 0x80]), Some((8, 1, vec![85, 255, 170, 0])));
}

#[test]
fn strips_are_one_scan() {
    let strip = |rows: u32| {
        format!(
            "/Width 900/Height {rows}/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 900>>"
        )
    };
    let (first, second) = (strip(40), strip(30));
    let drawn = "q 595 0 0 442 0 400 cm /X1 Do Q q 595 0 0 400 0 0 cm /X2 Do Q";
    let (files, all) = scanned(drawn, &[(&first, b"one"), (&second, b"two")]);
    assert_eq!((files.len(), all), (1, true));
    assert_eq!([257, 278].map(|number| tag(&files[0], number)), [Some(70), Some(40)]);
    assert!(files[0].starts_with(b"II*\0") && files[0][8..].starts_with(b"onetwo"));
    // A larger one behind a smaller one is no strip of it.
    assert_eq!(scanned(drawn, &[(&second, b"one"), (&first, b"two")]).0.len(), 2);
}

#[test]
fn hostile_files_end() {
    let mut around = Pdf::page("/X1 Do BT /F1 9 Tf 9 9 Td (eind) Tj ET");
    around.stream("/Subtype/Form/Resources<</XObject<</X1 6 0 R>>>>", b"/X1 Do /X1 Do");
    assert_eq!(body(&around.read()), "eind");

    let mut wide = Pdf::page("/X1 Do");
    for next in 7..17 {
        let entries = format!("/Subtype/Form/Resources<</XObject<</X1 {next} 0 R>>>>");
        wide.stream(&entries, b"/X1 Do ".repeat(10).as_slice());
    }
    wide.stream("/Subtype/Form", b"");
    assert_eq!(why(&wide.read()), [Why::OverLimit]);

    let deep = Pdf::page(&"[".repeat(100_000));
    assert_eq!(why(&deep.read()), [Why::ScanWithoutOcr]);
    let mut pdf = Pdf::page("BT /F1 9 Tf 9 9 Td (door) Tj ET");
    pdf.add(b"<</A".repeat(50_000));
    assert_eq!(body(&pdf.read()), "door");

    let mut tree = Pdf::default();
    tree.add("<</Type/Catalog/Pages 2 0 R>>");
    tree.add("<</Type/Pages/Kids[2 0 R 2 0 R]>>");
    assert_eq!(why(&tree.read()), [Why::Damaged]);
    assert_eq!(why(&texts(b"%PDF-1.4 nothing")), [Why::Damaged]);

    // A length that stands in the stream whose length it is.
    let mut length = Pdf::page("");
    length.objects[3] = b"<</Length 4 0 R>>stream\nBT /F1 9 Tf 9 9 Td (x) Tj ET\nendstream".to_vec();
    assert_eq!(body(&length.read()), "x");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutations_end(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>()) {
        let mut pdf = Pdf::page_with(
            "q 1 0 0 1 9 9 cm /X1 Do Q BT /F1 12 Tf 50 700 Td [(Kim)-280(de)] TJ 3 Tr <0041> Tj T* (Wit) ' ET /Span<</ActualText(x)>>BDC EMC",
            "/Annots[8 0 R]", "/AcroForm<</Fields[8 0 R]>>",
        );
        pdf.stream("/Subtype/Form/Resources<</Font<</F2 7 0 R>>>>", b"BT /F2 6 Tf 0 50 Td <00410042> Tj ET");
        pdf.add("<</Subtype/Type0/Encoding/Identity-H/ToUnicode 4 0 R/DescendantFonts[<</W[1[500 600]3 9 400]>>]>>");
        pdf.add("<</Subtype/Widget/T(a)/V(b)/AP<</N 6 0 R>>>>");
        let mut octets = pdf.write();
        for (at, to) in changes {
            let at = at.index(octets.len());
            octets[at] = to;
        }
        if cut.index(4) == 0 {
            octets.truncate(cut.index(octets.len()));
        }
        let texts = texts(&[b"%PDF-".as_slice(), &octets].concat());
        prop_assert!(!texts.texts.is_empty() || !texts.unread.is_empty());
    }
}
