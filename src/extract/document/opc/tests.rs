//! One small package for each thing that a document can hold, and packages that lie.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::extract::document::{Document, read};
use crate::extract::{Passwords, Place, Texts};
use crate::message::Limits;

/// A zip archive of stored files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let size = (content.len() as u32).to_le_bytes();
        let mut fields = [0u8; 26];
        fields[0] = 20;
        fields[10..14].copy_from_slice(&crc.sum().to_le_bytes());
        fields[14..18].copy_from_slice(&size);
        fields[18..22].copy_from_slice(&size);
        fields[22..24].copy_from_slice(&(name.len() as u16).to_le_bytes());
        let at = out.len() as u32;
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(fields);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(fields);
        out.extend(name.as_bytes());
        out.extend(*content);
    }
    let (start, count) = (out.len() as u32, (files.len() as u16).to_le_bytes());
    let size = (directory.len() as u32).to_le_bytes();
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend(size);
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

fn texts(octets: &[u8]) -> Texts {
    let place = Place::default();
    let document = Document {
        octets,
        essence: "application/octet-stream",
        name: "a.docx",
        place: &place,
        depth: 0,
        passwords: Passwords::none(),
    };
    read(&document, &Limits::default())
}

/// What came out, a line a text: `slide 1, comment: text`.
fn shown(octets: &[u8]) -> Vec<String> {
    let texts = texts(octets);
    let text = |text: &crate::extract::Text| {
        let section = format!("{:?}", text.place.section);
        let place = if text.place.within.is_empty() { section } else { text.place.path_and_section() };
        format!("{}: {}", place.trim_start_matches("document, "), text.text.trim_end())
    };
    let unread = texts.unread.iter().map(|unread| format!("unread: {}", unread.why.word()));
    texts.texts.iter().map(text).chain(unread).collect()
}

const TYPES: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");
const MAIN: (&str, &[u8]) = (
    "_rels/.rels",
    br#"<Relationships><Relationship Id="r1" Type="http://x/officeDocument" Target="word/document.xml"/></Relationships>"#,
);

fn document(body: &str) -> String {
    format!("<w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>")
}

/// A Word document of a body and other parts.
fn word(body: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let document = document(body);
    let mut files = vec![TYPES, MAIN, ("word/document.xml", document.as_bytes())];
    files.extend(parts.iter().map(|(name, content)| (*name, content.as_bytes())));
    archive(&files)
}

/// A presentation of two slides, the second file shown first.
fn slides(first: &str, second: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let slide = |shapes: &str| format!("<p:sld><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>");
    let (first, second) = (slide(first), slide(second));
    let mut files = vec![
        TYPES,
        ("ppt/slides/slide1.xml", second.as_bytes()),
        ("ppt/slides/slide2.xml", first.as_bytes()),
        (
            "ppt/presentation.xml",
            br#"<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/></p:sldIdLst></p:presentation>"#,
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            br#"<Relationships><Relationship Id="r1" Type="x/slide" Target="slides/slide1.xml"/><Relationship Id="r2" Type="x/slide" Target="slides/slide2.xml"/></Relationships>"#,
        ),
    ];
    files.extend(parts.iter().map(|(name, content)| (*name, content.as_bytes())));
    archive(&files)
}

fn shape(text: &str) -> String {
    format!("<p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>")
}

#[test]
fn bodies() {
    let cases: &[(&str, &[&str])] = &[
        // Runs that split a word are joined, paragraphs divided.
        (
            "<w:p><w:r><w:t>1234</w:t></w:r><w:r><w:t>56782</w:t></w:r></w:p><w:p><w:r><w:t>Bo</w:t></w:r></w:p>",
            &["body: 123456782\nBo"],
        ),
        ("<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c &amp; d</w:t></w:r></w:p>", &["body: a\tb\nc & d"]),
        // The tabs of a style are no text.
        ("<w:p><w:pPr><w:tabs><w:tab w:val=\"left\"/></w:tabs></w:pPr><w:r><w:t>a</w:t></w:r></w:p>", &["body: a"]),
        (
            "<w:p><w:r><w:t>9999</w:t><w:noBreakHyphen/><w:t>42</w:t><w:softHyphen/><w:t>7</w:t><w:sym w:font=\"Symbol\" w:char=\"F033\"/></w:r></w:p>",
            &["body: 9999-4273"],
        ),
        (
            "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>astma</w:t></w:r><w:r><w:t>Bo </w:t></w:r></w:p>",
            &["body: Bo", "hidden: astmaBo"],
        ),
        ("<w:p><w:r><w:rPr><w:vanish w:val=\"0\"/></w:rPr><w:t>Bo</w:t></w:r></w:p>", &["body: Bo"]),
        // A change is told with the paragraph as it was.
        (
            "<w:p><w:r><w:t>1234</w:t></w:r><w:del w:author=\"Kim\"><w:r><w:delText>56</w:delText></w:r></w:del><w:ins><w:r><w:t>00</w:t></w:r></w:ins><w:r><w:t>782</w:t></w:r></w:p>",
            &["body: 123400782", "deleted text: 123456782", "property: Kim"],
        ),
        (
            "<w:p><w:moveFrom><w:r><w:t>weg</w:t></w:r></w:moveFrom></w:p><w:p><w:moveTo><w:r><w:t>hier</w:t></w:r></w:moveTo></w:p>",
            &["body: \nhier", "deleted text: weg"],
        ),
        // The mark between two paragraphs was deleted.
        (
            "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>Bo</w:t></w:r></w:p><w:p><w:r><w:t>Vos</w:t></w:r></w:p><w:p><w:r><w:t>x</w:t></w:r></w:p>",
            &["body: BoVos\nx", "deleted text: Bo\nVos"],
        ),
        (
            "<w:p><w:r><w:pict><v:shape alt=\"foto Bo\"><v:textbox><w:txbxContent><w:p><w:r><w:t>kader</w:t></w:r></w:p></w:txbxContent></v:textbox></v:shape></w:pict><w:t>tekst</w:t></w:r></w:p>",
            &["body: tekst", "text box: kader", "alt text: foto Bo"],
        ),
        // The fallback says something else only in its second line.
        (
            "<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>kader</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r><w:t>kader</w:t></w:r></w:p><w:p><w:r><w:t>anders</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>",
            &["text box: kader\nanders"],
        ),
        (
            "<w:p><w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText> HYPERLINK \"mailto:a@b.example?subject=Bo</w:instrText></w:r><w:r><w:instrText>%20Vos\" </w:instrText></w:r><w:r><w:fldChar w:fldCharType=\"separate\"/></w:r><w:r><w:t>mail</w:t></w:r><w:r><w:fldChar w:fldCharType=\"end\"/></w:r></w:p>",
            &[
                "body: mail",
                "behind the cells: HYPERLINK \"mailto:a@b.example?subject=Bo%20Vos\"\nHYPERLINK \"mailto:a@b.example?subject=Bo Vos\"",
            ],
        ),
        (
            "<w:p><w:r><w:fldChar w:fldCharType=\"begin\"><w:fldData>QgByAGEAbQA=</w:fldData><w:ffData><w:name w:val=\"T1\"/><w:textInput><w:default w:val=\"Bo\"/></w:textInput><w:ddList><w:listEntry w:val=\"astma\"/></w:ddList></w:ffData></w:fldChar></w:r></w:p>",
            &["form field: Bram\nBo\nastma"],
        ),
        (
            "<w:sdt><w:sdtPr><w:alias w:val=\"Naam\"/><w:dropDownList><w:listItem w:displayText=\"Bo\" w:value=\"Bo Vos\"/></w:dropDownList></w:sdtPr><w:sdtContent><w:p><w:r><w:t>kies</w:t></w:r></w:p></w:sdtContent></w:sdt>",
            &["body: kies", "form field: Naam\nBo\nBo Vos"],
        ),
        (
            "<w:p><w:r><w:drawing><wp:docPr id=\"1\" name=\"Afbeelding 1\" descr=\"Bo &amp; Kim\" title=\"foto\"/></w:drawing></w:r></w:p>",
            &["alt text: foto\nBo & Kim"],
        ),
        (
            "<w:p><w:r><w:ruby><w:rt><w:r><w:t>ka</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢</w:t></w:r></w:rubyBase></w:ruby></w:r><m:oMath><m:r><m:t>字</m:t></m:r></m:oMath></w:p>",
            &["body: 漢字", "text box: ka"],
        ),
        ("<w:p><w:r><w:unknown>Bo</w:unknown></w:r></w:p>", &["behind the cells: Bo"]),
        ("<v:shape><v:textpath string=\"GEHEIM\"/></v:shape>", &["text box: GEHEIM"]),
    ];
    for (body, expected) in cases {
        assert_eq!(shown(&word(body, &[])), *expected, "{body}");
    }
}

#[test]
fn parts_of_a_document() {
    let p = |text: &str| format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>");
    let note = format!(
        "<w:footnotes><w:footnote w:id=\"1\">{}</w:footnote><w:footnote w:id=\"2\">{}</w:footnote></w:footnotes>",
        p("een"),
        p("twee")
    );
    let header = format!("<w:hdr>{}</w:hdr>", p("kop"));
    let comment = format!("<w:comments><w:comment w:author=\"Kim\">{}</w:comment></w:comments>", p("astma"));
    let glossary = format!(
        "<w:glossaryDocument><w:docParts><w:docPart><w:docPartBody>{}</w:docPartBody></w:docPart></w:docParts></w:glossaryDocument>",
        p("bouwsteen")
    );
    let cases: &[(&str, &str, &[&str])] = &[
        ("word/footnotes.xml", &note, &["footnote: een\ntwee"]),
        ("word/header3.xml", &header, &["header or footer: kop"]),
        ("word/comments.xml", &comment, &["comment: Kim: astma", "property: Kim"]),
        ("word/glossary/document.xml", &glossary, &["behind the cells: bouwsteen"]),
        (
            "word/people.xml",
            "<w15:people><w15:person w15:author=\"Kim Vos\"><w15:presenceInfo w15:userId=\"kim@b.example\"/></w15:person></w15:people>",
            &["property: Kim Vos\nkim@b.example"],
        ),
        (
            "docProps/core.xml",
            "<cp:coreProperties><dc:title>Bo</dc:title><dcterms:created>2026-11-22</dcterms:created></cp:coreProperties>",
            &["property: Bo"],
        ),
        (
            "docProps/app.xml",
            "<Properties><Company>School</Company><Words>123456782</Words><TitlesOfParts><vt:vector><vt:lpstr>Bo</vt:lpstr></vt:vector></TitlesOfParts></Properties>",
            &["property: School\nBo"],
        ),
        (
            "docProps/custom.xml",
            "<Properties><property name=\"BSN\"><vt:lpwstr>123456782</vt:lpwstr></property></Properties>",
            &["property: BSN: 123456782"],
        ),
        (
            "customXml/item1.xml",
            "<leerling bsn=\"123456782\"><naam>Bo</naam></leerling>",
            &["behind the cells: bsn: 123456782\nnaam: Bo"],
        ),
        (
            "word/settings.xml",
            "<w:settings><w:docVars><w:docVar w:name=\"leerling\" w:val=\"Bo\"/></w:docVars></w:settings>",
            &["behind the cells: leerling: Bo"],
        ),
        (
            "word/_rels/document.xml.rels",
            "<Relationships><Relationship Id=\"r9\" Type=\"x/hyperlink\" Target=\"https://b.example/?q=Bo%20Vos\" TargetMode=\"External\"/></Relationships>",
            &["behind the cells: https://b.example/?q=Bo%20Vos\nhttps://b.example/?q=Bo Vos"],
        ),
        (
            "word/diagrams/data1.xml",
            "<dgm:dataModel><dgm:ptLst><dgm:pt><dgm:t><a:p><a:r><a:t>Bo</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>",
            &["text box: Bo"],
        ),
        ("word/styles.xml", "<w:styles>\n<w:style>Bo</w:style></w:styles>", &["behind the cells: Bo"]),
        ("word/nobody/links.xml", "<x:y><x:z>Bo</x:z></x:y>", &["behind the cells: Bo"]),
        (
            "word/afchunk.html",
            "<html><body>Bo</body></html>",
            &["name:afchunk.html: afchunk.html", "att:afchunk.html: Bo"],
        ),
        ("word/media/image1.svg", "<svg><text>12<tspan>34</tspan></text></svg>", &["text box: 1234"]),
    ];
    for (name, xml, expected) in cases {
        let all: Vec<String> = expected
            .iter()
            .map(|line| match line.split_once(':') {
                Some(("name" | "att", _)) => format!("att:a.docx/{line}"),
                _ => line.to_string(),
            })
            .collect();
        let found: Vec<String> =
            shown(&word("", &[(name, xml)])).into_iter().map(|line| line.replace("att:/", "att:a.docx/")).collect();
        assert_eq!(found, all, "{name}");
    }
}

#[test]
fn tables_keep_rows_and_columns() {
    let cell = |inner: &str| format!("<w:tc>{inner}</w:tc>");
    let p = |text: &str| format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>");
    let wide = format!("<w:tc><w:tcPr><w:gridSpan w:val=\"2\"/></w:tcPr>{}</w:tc>", p("breed"));
    let nested = format!("<w:tbl><w:tr>{}{}</w:tr></w:tbl><w:p/>", cell(&p("n1")), cell(&p("n2")));
    let table = format!(
        "<w:tbl><w:tr>{wide}{}</w:tr><w:tr><w:trPr><w:gridBefore w:val=\"1\"/></w:trPr>{}{}</w:tr></w:tbl>",
        cell(&p("c")),
        cell(&(p("d") + &p("e"))),
        cell(&(p("f") + &nested)),
    );
    let texts = texts(&word(&(p("voor") + &table + &p("na")), &[]));
    let text = texts.texts.first().unwrap();
    assert_eq!(text.text, "voor\nbreed\tc\nd\ne\tf\nn1\tn2\nna\n");
    let cells: Vec<_> = text.cells.iter().map(|c| (c.table, c.row, c.column, &text.text[c.range.clone()])).collect();
    assert_eq!(
        cells,
        [
            (0, 0, 0, "breed"),
            (0, 0, 2, "c"),
            (0, 1, 1, "d\ne"),
            (0, 1, 2, "f\nn1\tn2"),
            (1, 0, 0, "n1"),
            (1, 0, 1, "n2")
        ]
    );
}

#[test]
fn presentations() {
    let hidden = "<p:grpSp><p:nvGrpSpPr><p:cNvPr id=\"2\" name=\"Group 2\" hidden=\"1\"/></p:nvGrpSpPr>".to_string()
        + &shape("weg")
        + "</p:grpSp>";
    let links = "<Relationships><Relationship Id=\"r1\" Type=\"x/notesSlide\" Target=\"../notesSlides/n1.xml\"/><Relationship Id=\"r2\" Type=\"x/comments\" Target=\"../comments/c1.xml\"/></Relationships>";
    let notes = format!("<p:notes>{}</p:notes>", shape("notitie"));
    let comments = "<p:cmLst><p:cm authorId=\"0\"><p:text>astma</p:text></p:cm></p:cmLst>";
    let prompt = "<p:sp><p:nvSpPr><p:nvPr><p:ph type=\"title\"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>Klik</a:t></a:r></a:p></p:txBody></p:sp>";
    let master = format!("<p:sldMaster>{prompt}{}</p:sldMaster>", shape("School"));
    let found = shown(&slides(
        &(shape("eerste") + &hidden),
        &shape("tweede"),
        &[
            ("ppt/slides/_rels/slide2.xml.rels", links),
            ("ppt/notesSlides/n1.xml", &notes),
            ("ppt/comments/c1.xml", comments),
            ("ppt/slideMasters/m1.xml", &master),
            ("ppt/commentAuthors.xml", "<p:cmAuthorLst><p:cmAuthor name=\"Kim\"/></p:cmAuthorLst>"),
        ],
    ));
    assert_eq!(
        found,
        [
            "header or footer: School",
            "property: Kim",
            "behind the cells: Klik",
            "slide 1, body: eerste",
            "slide 1, comment: astma",
            "slide 1, hidden: weg",
            "slide 1, speaker notes: notitie",
            "slide 2, body: tweede",
        ]
    );
}

#[test]
fn hidden_slides_and_tables_on_slides() {
    let table = "<p:graphicFrame><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>Bo</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>12</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>";
    let octets =
        slides(table, "", &[("ppt/slides/slide3.xml", &format!("<p:sld show=\"0\">{}</p:sld>", shape("weg")))]);
    assert_eq!(shown(&octets), ["hidden: weg", "slide 1, body: Bo\t12"]);
    let texts = texts(&octets);
    assert_eq!(texts.texts[1].cells.iter().map(|cell| (cell.row, cell.column)).collect::<Vec<_>>(), [(0, 0), (0, 1)]);
}

#[test]
fn charts_are_tables() {
    let series = |name: &str, value: &str| {
        format!(
            "<c:ser><c:tx><c:strRef><c:f>Blad1!$A$1</c:f><c:strCache><c:pt idx=\"0\"><c:v>{name}</c:v></c:pt></c:strCache></c:strRef></c:tx>\
             <c:cat><c:strRef><c:strCache><c:pt idx=\"0\"><c:v>Bo</c:v></c:pt><c:pt idx=\"4000000000\"><c:v>Kim</c:v></c:pt></c:strCache></c:strRef></c:cat>\
             <c:val><c:numRef><c:numCache><c:formatCode>General</c:formatCode><c:pt idx=\"0\"><c:v>{value}</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser>"
        )
    };
    let chart = format!(
        "<c:chartSpace><c:chart><c:title><a:p><a:r><a:t>Cijfers</a:t></a:r></a:p></c:title>{}{}</c:chart></c:chartSpace>",
        series("toets", "7"),
        series("herkansing", "8")
    );
    let octets = word("", &[("word/charts/chart1.xml", &chart)]);
    assert_eq!(shown(&octets), ["chart: Cijfers\ntoets\therkansing\nBo\t7\t8\nKim"]);
}

#[test]
fn documents_of_one_xml() {
    let flat = format!(
        "<?xml version=\"1.0\"?><?mso-application progid=\"Word.Document\"?><pkg:package><pkg:part pkg:name=\"/word/document.xml\"><pkg:xmlData>{}</pkg:xmlData></pkg:part>\
         <pkg:part pkg:name=\"/word/header1.xml\"><pkg:xmlData><w:hdr><w:p><w:r><w:t>kop</w:t></w:r></w:p></w:hdr></pkg:xmlData></pkg:part>\
         <pkg:part pkg:name=\"/word/embeddings/lijst.txt\"><pkg:binaryData>Qm8gVm9z</pkg:binaryData></pkg:part></pkg:package>",
        document("<w:p><w:r><w:t>12</w:t></w:r><w:r><w:t>34</w:t></w:r></w:p><w:p/>"),
    );
    assert_eq!(
        shown(flat.as_bytes()),
        ["att:/name:lijst.txt: lijst.txt", "att:/att:lijst.txt: Bo Vos", "body: 1234", "header or footer: kop"]
            .map(|line| line.replace("att:/", "att:a.docx/"))
    );
    let old = "<?xml version=\"1.0\"?><?mso-application progid=\"Word.Document\"?><w:wordDocument><o:DocumentProperties><o:Title>Titel</o:Title></o:DocumentProperties><w:body><w:p><w:r><w:t>12</w:t></w:r><w:r><w:t>34</w:t></w:r>\
         <aml:annotation aml:author=\"Kim\" w:type=\"Word.Comment\"><aml:content><w:p><w:r><w:t>astma</w:t></w:r></w:p></aml:content></aml:annotation>\
         <aml:annotation w:name=\"_Toc1\" w:type=\"Word.Bookmark.Start\"/><aml:annotation w:type=\"Word.Deletion\"><aml:content><w:r><w:delText>56</w:delText></w:r></aml:content></aml:annotation></w:p></w:body></w:wordDocument>";
    assert_eq!(shown(old.as_bytes()), ["body: 1234", "comment: astma", "deleted text: 123456", "property: Titel\nKim"]);
}

#[test]
fn what_lies_is_read_or_said() {
    let one = document("<w:p><w:r><w:t>een</w:t></w:r></w:p>");
    let two = document("<w:p><w:r><w:t>twee</w:t></w:r></w:p>");
    let part = |text: &'static str| ("word/document.xml", text.as_bytes());
    // Two main parts of one name.
    let twice = archive(&[TYPES, MAIN, ("word/document.xml", one.as_bytes()), ("word/document.xml", two.as_bytes())]);
    let found = shown(&twice);
    assert_eq!(found.first().map(String::as_str), Some("body: een\ntwee"));
    assert_eq!(found.last().map(String::as_str), Some("unread: ambiguous"), "programs differ in which one they take");
    // The main part elsewhere, as the links say, and as nobody says.
    let links = br#"<Relationships><Relationship Id="r1" Type="x/officeDocument" Target="/x/y.xml"/></Relationships>"#;
    assert_eq!(shown(&archive(&[TYPES, ("_rels/.rels", links), ("x/y.xml", one.as_bytes())])), ["body: een"]);
    assert_eq!(shown(&archive(&[TYPES, ("x/y.xml", one.as_bytes())])), ["body: een"]);
    // Nothing at all; a document type; an end that is missing.
    assert_eq!(shown(&archive(&[TYPES])), ["unread: damaged"]);
    let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\">]><w:document><w:p><w:r><w:t>&a; een</w:t></w:r></w:p></w:document>";
    assert_eq!(shown(&archive(&[TYPES, part(laughs)])), ["body: &a; een", "unread: damaged"]);
    assert_eq!(shown(&archive(&[TYPES, part("<w:document><w:p><w:r><w:t>een")])), ["body: een"]);
    // Deeper than any document.
    let deep = format!("<w:document>{}een", "<w:p>".repeat(100_000));
    assert_eq!(shown(&archive(&[TYPES, ("word/document.xml", deep.as_bytes())])), ["unread: over_limit"]);
}

#[test]
fn pictures_are_said_once() {
    let picture = [&b"\x89PNG\r\n\x1A\n"[..], &[1; 5000]].concat();
    let main = document("");
    let tiny = [TYPES, MAIN, ("word/document.xml", main.as_bytes()), ("word/media/i.png", &picture[..200])];
    assert_eq!(shown(&archive(&tiny)), Vec::<String>::new());
    let two = [
        TYPES,
        MAIN,
        ("word/document.xml", main.as_bytes()),
        ("word/media/i.png", &picture),
        ("word/media/j.png", &picture),
    ];
    assert_eq!(shown(&archive(&two)), ["unread: media"]);
}

#[test]
fn pages_as_pictures_are_told_from_paper() {
    // 2480 by 3508 pixels in black and white.
    let page = [&b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x09\xB0\0\0\x0D\xB4\x01\0"[..], &[1; 5000]].concat();
    let main = document("");
    let links = br#"<Relationships><Relationship Id="r1" Type="x/image" Target="media/i.png"/></Relationships>"#;
    let shown_by = |part: &str| {
        let links = (part, &links[..]);
        let main = ("word/document.xml", main.as_bytes());
        shown(&archive(&[TYPES, MAIN, main, ("word/header1.xml", b"<w:hdr/>"), links, ("word/media/i.png", &page)]))
    };
    assert_eq!(shown_by("word/_rels/document.xml.rels"), ["unread: scan_without_ocr"]);
    assert_eq!(shown_by("word/_rels/header1.xml.rels"), ["unread: media"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever elements stand in whatever order, what a run says comes out, and every cell lies in its text.
    #[test]
    fn any_order_of_elements(tags in prop::collection::vec(prop::sample::select(TAGS), 0..60)) {
        let octets = word(&tags.concat(), &[("word/header1.xml", &tags.concat())]);
        let texts = texts(&octets);
        for text in &texts.texts {
            for cell in &text.cells {
                prop_assert!(text.text.get(cell.range.clone()).is_some());
            }
        }
        let all: String = texts.texts.iter().map(|text| text.text.as_str()).collect();
        prop_assert_eq!(tags.iter().any(|tag| tag.contains("Vos")), all.contains("Vos"));
    }
}

const TAGS: &[&str] = &[
    "<w:p>",
    "</w:p>",
    "<w:r>",
    "</w:r>",
    "<w:t>Vos</w:t>",
    "<w:delText>Vos</w:delText>",
    "<w:tbl>",
    "</w:tbl>",
    "<w:tr>",
    "</w:tr>",
    "<w:tc>",
    "</w:tc>",
    "<w:tcPr><w:gridSpan w:val=\"4294967295\"/></w:tcPr>",
    "<w:trPr><w:gridBefore w:val=\"9\"/></w:trPr>",
    "<w:del>",
    "</w:del>",
    "<w:ins>",
    "</w:ins>",
    "<w:rPr><w:vanish/></w:rPr>",
    "<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>",
    "<w:txbxContent>",
    "</w:txbxContent>",
    "<mc:AlternateContent>",
    "<mc:Choice>",
    "</mc:Choice>",
    "<mc:Fallback>",
    "</mc:Fallback>",
    "</mc:AlternateContent>",
    "<w:fldChar w:fldCharType=\"begin\"/>",
    "<w:fldChar w:fldCharType=\"end\"/>",
    "<w:instrText>x</w:instrText>",
    "<c:chartSpace>",
    "<c:ser>",
    "<c:cat><c:pt idx=\"7\"><c:v>Vos</c:v></c:pt></c:cat>",
    "</c:ser>",
    "</c:chartSpace>",
    "<sld show=\"0\">",
    "</sld>",
    "<p:ph/>",
    "<sldMaster>",
    "</sldMaster>",
    "<cNvPr hidden=\"1\"/>",
    "\t",
    "\n",
];
