//! Small workbooks, built here, and what comes of them: one line for each text, with its section.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::extract::document::{Document, read};
use crate::extract::{Passwords, Place, Texts};
use crate::message::Limits;

/// A zip archive that packs nothing.
pub(in crate::extract::document) fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in parts {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let size = u32::try_from(content.len()).unwrap().to_le_bytes();
        let mut head = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        head.extend(crc.sum().to_le_bytes());
        head.extend([size, size].concat());
        head.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        head.extend([0, 0]);
        directory.extend([b"PK\x01\x02\x14\0", &head[..], &[0; 10]].concat());
        directory.extend(u32::try_from(out.len()).unwrap().to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend([b"PK\x03\x04", &head[..], name.as_bytes(), content].concat());
    }
    let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
    let (start, size) = (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    out.extend(directory);
    out.extend(
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat(),
    );
    out
}

/// What is read of a file.
pub(in crate::extract::document) fn texts(octets: &[u8], limits: &Limits) -> Texts {
    let place = Place::default();
    read(
        &Document {
            octets,
            essence: "application/octet-stream",
            name: "klas.xlsx",
            place: &place,
            depth: 0,
            passwords: Passwords::none(),
        },
        limits,
    )
}

/// Each text with its section, `|` between cells and `/` between lines; then what is unread.
pub(in crate::extract::document) fn shown(octets: &[u8]) -> Vec<String> {
    let read = texts(octets, &Limits::default());
    let mut lines: Vec<String> = read
        .texts
        .iter()
        .map(|text| {
            let path = text.place.path_and_section();
            let section = path.split_once(", ").map_or("", |(_, section)| section);
            format!("{section}: {}", text.text.trim_end().replace('\t', "|").replace('\n', "/"))
        })
        .collect();
    lines.extend(read.unread.iter().map(|unread| format!("unread {}", unread.why.word())));
    lines
}

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn relations(list: &[(&str, &str, &str)]) -> String {
    let one = |(id, kind, target): &(&str, &str, &str)| {
        let mode = if target.contains("://") { " TargetMode=\"External\"" } else { "" };
        format!("<Relationship Id=\"{id}\" Type=\"{RELATIONS}/{kind}\" Target=\"{target}\"{mode}/>")
    };
    format!("<Relationships>{}</Relationships>", list.iter().map(one).collect::<String>())
}

/// A workbook with one sheet, and more parts.
fn workbook(sheet: &str, of_sheet: &[(&str, &str, &str)], more: &[(&str, &[u8])]) -> Vec<u8> {
    let styles = "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='000000000'/>\
        <numFmt numFmtId='165' formatCode='0.0E+0'/></numFmts><cellStyleXfs><xf numFmtId='9'/></cellStyleXfs><cellXfs>\
        <xf numFmtId='0'/><xf numFmtId='164'/><xf numFmtId='165'/><xf numFmtId='14'/><xf numFmtId='3'/></cellXfs></styleSheet>";
    let book = "<workbook xmlns:r='r'><sheets><sheet name='Groep &amp; 3' sheetId='1' state='visible' r:id='rId1'/></sheets>\
        <definedNames><definedName name='Leerling'>\"999918564 Kim\"</definedName></definedNames></workbook>";
    let strings = "<sst><si><t>naam</t></si><si><r><t>Kim </t></r><r><t>Vos</t></r></si><si><t>vergeten</t></si></sst>";
    let (root, of_book, of_sheet) = (
        relations(&[("rId1", "officeDocument", "xl/workbook.xml")]),
        relations(&[
            ("rId1", "worksheet", "worksheets/sheet1.xml"),
            ("rId2", "styles", "styles.xml"),
            ("rId3", "sharedStrings", "/xl/sharedStrings.xml"),
        ]),
        relations(of_sheet),
    );
    let mut parts: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", of_book.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ("xl/worksheets/_rels/sheet1.xml.rels", of_sheet.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
    ];
    parts.extend(more);
    zip(&parts)
}

/// What every workbook of these tests has beside its sheet.
const ALWAYS: [&str; 4] = [
    "property: Groep & 3",
    "behind the cells: vergeten",
    "behind the cells: naam/Kim Vos/vergeten",
    "behind the cells: Leerling/\"999918564 Kim\"",
];

fn golden(octets: &[u8], expected: &[&str]) {
    let mut lines = shown(octets);
    lines.retain(|line| !ALWAYS.contains(&line.as_str()));
    assert_eq!(lines, expected);
}

#[test]
fn cells_of_every_kind() {
    let sheet = "<worksheet><sheetData><row r='2'><c r='B2' t='s'><v>0</v></c><c t='inlineStr'><is><r><t>9999</t></r><r>\
        <t>18564</t></r></is></c></row><row><c r='B3' t='s'><v>1</v></c><c r='C3' s='1'><v>39568714</v></c><c r='F3' t='b'>\
        <v>1</v></c><c t='e'><v>#N/A</v></c><c t='str'><f>IF(A1,\"zieke \"\"Bo\"\"\",1)</f><v>uit_x000A_slag</v></c>\
        <c s='3'><v>44000</v></c><c><v>7.5</v></c><c s='1'/></row></sheetData></worksheet>";
    golden(
        &workbook(sheet, &[], &[]),
        &[
            "sheet Groep & 3: naam|999918564/Kim Vos|039568714|WAAR|#N/A|uit/slag|18-6-2020|7,5",
            "sheet Groep & 3, behind the cells: zieke \"Bo\"",
        ],
    );
}

#[test]
fn rows_and_columns_are_the_sheets_own() {
    let sheet =
        "<sheetData><row r='2'><c r='C2'><v>1</v></c></row><row><c r='XFD1048576'><v>2</v></c></row></sheetData>";
    let read = texts(&workbook(sheet, &[], &[]), &Limits::default());
    let text = read.texts.iter().find(|text| !text.cells.is_empty()).unwrap();
    let cells: Vec<_> = text.cells.iter().map(|cell| (cell.row, cell.column, &text.text[cell.range.clone()])).collect();
    assert_eq!(cells, [(1, 2, "1"), (1_048_575, 16_383, "2")]);
}

#[test]
fn columns_that_hide_digits_come_as_stored_too() {
    let row = |number: u32, style: u32, value: f64| {
        format!(
            "<row r='{number}'><c r='A{number}'><v>{number}</v></c><c r='B{number}' s='{style}'><v>{value}</v></c></row>"
        )
    };
    let head = "<row r='1'><c r='A1' t='str'><v>nr</v></c><c r='B1' t='str'><v>BSN</v></c></row>";
    for (style, hidden, value) in
        [(2, true, 1.0), (3, true, 1.0), (4, true, 1.0), (0, false, 1.0), (1, false, 1.0), (4, false, 1e-4)]
    {
        let sheet = format!("<sheetData>{head}{}</sheetData>", row(2, style, 999_918_564.0 * value));
        let lines = shown(&workbook(&sheet, &[], &[])).join("\n");
        let behind = "sheet Groep & 3, behind the cells: BSN/999918564";
        assert_eq!(lines.contains(behind), hidden, "{style} {lines}");
    }
}

#[test]
fn what_belongs_to_a_sheet() {
    let sheet = "<worksheet><sheetData/><hyperlinks><hyperlink ref='A1' display='Kims map' tooltip='van Kim'/></hyperlinks>\
        <dataValidations><dataValidation prompt='Kies &lt;'><formula1>\"astma,eczeem\"</formula1><formula2>$A$1</formula2>\
        </dataValidation></dataValidations><headerFooter><oddHeader>&amp;C&amp;\"Arial\"&amp;12 Zorg</oddHeader></headerFooter>\
        </worksheet>";
    let comments =
        b"<comments><authors><author>Juf</author></authors><commentList><comment ref='B2' authorId='0'><text><r>\
        <t>heeft </t></r><r><t>ADHD</t></r></text></comment></commentList></comments>";
    let drawing = b"<d:wsDr><d:cNvPr name='Vak' descr='foto'/><a:p><a:r><a:t>9999</a:t></a:r><a:r><a:t>18564</a:t></a:r></a:p></d:wsDr>";
    let chart = b"<c:chart><c:tx><a:t>Cijfers</a:t></c:tx><c:f>Blad1!$A$1</c:f><c:pt><c:v>Bo</c:v></c:pt></c:chart>";
    let links = relations(&[("rId1", "chart", "../charts/chart1.xml")]);
    let octets = workbook(
        sheet,
        &[
            ("rId1", "comments", "../comments1.xml"),
            ("rId2", "drawing", "../drawings/drawing1.xml"),
            ("rId3", "hyperlink", "https://school.example/kim"),
        ],
        &[
            ("xl/comments1.xml", comments),
            ("xl/drawings/drawing1.xml", drawing),
            ("xl/drawings/_rels/drawing1.xml.rels", links.as_bytes()),
            ("xl/charts/chart1.xml", chart),
            ("customXml/item1.xml", b"<leerling bsn='999918564'>Bo</leerling>"),
        ],
    );
    golden(
        &octets,
        &[
            "sheet Groep & 3, header or footer:  Zorg",
            "sheet Groep & 3, behind the cells: Kims map/van Kim/Kies </astma,eczeem",
            "sheet Groep & 3, comment: heeft ADHD",
            "sheet Groep & 3, behind the cells: Juf",
            "sheet Groep & 3, text box: Vak/999918564",
            "sheet Groep & 3, alt text: foto",
            "sheet Groep & 3, chart: Cijfers/Blad1!$A$1/Bo",
            "sheet Groep & 3, behind the cells: https://school.example/kim",
            "behind the cells: 999918564/Bo",
        ],
    );
}

#[test]
fn pivot_caches_are_tables() {
    let definition = b"<pivotCacheDefinition><cacheFields><cacheField name='naam'><sharedItems><s v='Kim'/><s v='Bo'/>\
        </sharedItems></cacheField><cacheField name='BSN'><sharedItems containsNumber='1'/></cacheField></cacheFields>\
        </pivotCacheDefinition>";
    let records = b"<pivotCacheRecords><r><x v='1'/><n v='999918564'/></r><r><x v='7'/><m/></r></pivotCacheRecords>";
    let links = relations(&[("rId1", "pivotCacheRecords", "records1.xml")]);
    let octets = workbook(
        "<worksheet/>",
        &[("rId1", "pivotCacheDefinition", "../pivotCache/definition1.xml")],
        &[
            ("xl/pivotCache/definition1.xml", definition),
            ("xl/pivotCache/_rels/definition1.xml.rels", links.as_bytes()),
            ("xl/pivotCache/records1.xml", records),
        ],
    );
    golden(&octets, &["behind the cells: naam|BSN/Bo|999918564"]);
}

#[test]
fn paths_may_be_those_of_windows_or_have_no_folder() {
    let book = b"<sheets><sheet name='A' r:id='rId1'/></sheets>";
    let sheet = b"<c r='A1'><v>999918564</v></c>";
    let (root, of_book) =
        (relations(&[("rId1", "officeDocument", "/workbook.xml")]), relations(&[("rId1", "worksheet", "sheet1.xml")]));
    let flat: [(&str, &[u8]); 5] = [
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", root.as_bytes()),
        ("workbook.xml", book),
        ("_rels/workbook.xml.rels", of_book.as_bytes()),
        ("sheet1.xml", sheet),
    ];
    let windows: [(&str, &[u8]); 4] = [
        ("[Content_Types].xml", b"<Types/>"),
        ("xl\\workbook.xml", book),
        ("xl\\_rels\\workbook.xml.rels", of_book.as_bytes()),
        ("xl\\sheet1.xml", sheet),
    ];
    for parts in [&flat[..], &windows] {
        assert_eq!(shown(&zip(parts)), ["property: A", "sheet A: 999918564"]);
    }
}

#[test]
fn sheets_that_are_hidden_or_not_listed() {
    let octets = workbook("<sheetData/>", &[], &[("xl/worksheets/oud.xml", b"<c r='A1'><v>999918564</v></c>")]);
    golden(&octets, &["sheet oud, hidden: 999918564"]);
}

#[test]
fn strings_that_a_cell_repeats_end_at_the_limit() {
    let long = format!("<sst><si/><si><t>{}</t></si></sst>", "a".repeat(1 << 20));
    let sheet = format!("<sheetData>{}</sheetData>", "<c t='s'><v>1</v></c>".repeat(200));
    let relations = relations(&[("rId1", "worksheet", "s.xml"), ("rId3", "sharedStrings", "t.xml")]);
    let octets = zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", b"<sheets><sheet name='A' r:id='rId1'/></sheets>"),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/s.xml", sheet.as_bytes()),
        ("xl/t.xml", long.as_bytes()),
    ]);
    let read = texts(&octets, &Limits::default());
    assert!(read.texts.iter().map(|text| text.text.len()).sum::<usize>() < 40 << 20);
    assert_eq!(read.unread.iter().map(|unread| unread.why.word()).collect::<Vec<_>>(), ["over_limit"]);
}

#[test]
fn a_million_plain_tags_are_a_million_steps() {
    let xml = "<si><t>a</t></si>".repeat(300_000);
    let mut strings = super::Strings::read(&xml);
    assert_eq!(strings.used(299_999), Some("a"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn broken_sheets_break_nothing(at in 0usize..600, octet: u8, end in 0usize..700) {
        let sheet = "<worksheet><sheetData><row r='2'><c r='B2' t='s'><v>0</v></c><c t='inlineStr'><is><t>_x0031_</t></is></c>\
            <c s='2'><f t='array'>IF(\"a\")</f><v>1e9</v></c></row></sheetData><headerFooter><oddHeader>&amp;L&amp;12a\
            </oddHeader></headerFooter></worksheet>";
        let mut sheet = sheet.as_bytes().to_vec();
        if let Some(place) = sheet.get_mut(at) {
            *place = octet;
        }
        sheet.truncate(end);
        let octets = workbook(&String::from_utf8_lossy(&sheet), &[], &[]);
        let read = texts(&octets, &Limits::default());
        for text in &read.texts {
            prop_assert!(text.cells.iter().all(|cell| text.text.get(cell.range.clone()).is_some()));
        }
    }
}
