//! Spreadsheets without some of their columns: what goes, what stays, what is refused; and mail with such a file in it.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/read.rs"]
mod reading;
#[path = "support/zip.rs"]
mod zips;

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine;
use mailpoort::extract::{Here, Why};
use mailpoort::message::Limits;
use mailpoort::redact::{CannotRedact, Choice, Column, File, Heading, Note, Redacted, columns, message};
use proptest::prelude::*;
use zips::{deflated, stored, zip};

fn file<'f>(name: &'f str, octets: &'f [u8]) -> File<'f> {
    File { octets, name, essence: "application/octet-stream", charset: None }
}

/// Column C of the sheet `Klas`, whose heading in the first row stays.
fn column_c() -> [Column; 1] {
    [Column { sheet: Some("Klas".into()), column: 2, heading: Heading::Stays(0) }]
}

fn without_c(name: &str, octets: &[u8]) -> Result<Redacted, CannotRedact> {
    columns(&file(name, octets), &column_c(), &Limits::default(), &Here)
}

/// The files of an archive, unpacked by its list.
fn parts(octets: &[u8]) -> BTreeMap<String, String> {
    let short = |at: usize| usize::from(u16::from_le_bytes(octets[at..at + 2].try_into().unwrap()));
    let long = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap()) as usize;
    let end = octets.len() - 22;
    let (mut at, mut parts) = (long(end + 16), BTreeMap::new());
    for _ in 0..short(end + 10) {
        let name = String::from_utf8(octets[at + 46..at + 46 + short(at + 28)].to_vec()).unwrap();
        let local = long(at + 42);
        let start = local + 30 + short(local + 26) + short(local + 28);
        let packed = &octets[start..start + long(at + 20)];
        let mut content = Vec::new();
        match short(at + 10) {
            0 => content.extend_from_slice(packed),
            _ => _ = flate2::read::DeflateDecoder::new(packed).read_to_end(&mut content).unwrap(),
        }
        parts.insert(name, String::from_utf8_lossy(&content).into_owned());
        at += 46 + short(at + 28) + short(at + 30) + short(at + 32);
    }
    parts
}

const TYPES: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn relations(list: &[(&str, &str, &str)]) -> String {
    let one = |(id, kind, target): &(&str, &str, &str)| {
        let mode = if target.contains("://") { " TargetMode=\"External\"" } else { "" };
        format!("<Relationship Id=\"{id}\" Type=\"{TYPES}/{kind}\" Target=\"{target}\"{mode}/>")
    };
    format!("<Relationships>{}</Relationships>", list.iter().map(one).collect::<String>())
}

/// What a workbook of these tests is made of.
#[derive(Default)]
struct Workbook<'w> {
    /// More rows, behind the three with names, numbers and marks.
    rows: &'w str,
    /// What stands behind the rows.
    behind: &'w str,
    /// What stands behind the sheets in the workbook.
    book: &'w str,
    /// What the sheet leads to: id, kind, target.
    of_sheet: &'w [(&'w str, &'w str, &'w str)],
    of_book: &'w [(&'w str, &'w str, &'w str)],
    /// More files.
    more: &'w [(&'w str, &'w str)],
}

/// Row 1 has headings; C2 a shared string, C3 a number, C4 one of its own. `Kim de Vos` is shown in B2 alone.
const ROWS: &str = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c><c r=\"C1\" t=\"s\"><v>2</v></c></row>\
    <row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"B2\" t=\"s\"><v>3</v></c><c r=\"C2\" s=\"4\" t=\"s\"><v>4</v></c></row>\
    <row r=\"3\"><c r=\"A3\"><v>2</v></c><c r=\"B3\" t=\"s\"><v>5</v></c><c r=\"C3\"><v>999979486</v></c></row>\
    <row r=\"4\"><c r=\"A4\"><v>3</v></c><c r=\"C4\" t=\"inlineStr\"><is><t>999937534</t></is></c></row>";

fn workbook(made: &Workbook<'_>) -> Vec<u8> {
    let sheet = format!("<worksheet><sheetData>{ROWS}{}</sheetData>{}</worksheet>", made.rows, made.behind);
    let book = format!(
        "<workbook xmlns:r=\"r\"><sheets><sheet name=\"Klas\" sheetId=\"1\" r:id=\"rId1\"/><sheet name=\"Rest\" sheetId=\"2\" \
         r:id=\"rId2\"/></sheets>{}</workbook>",
        made.book
    );
    let strings = "<sst count=\"6\" uniqueCount=\"7\"><si><t>nr</t></si><si><t>naam</t></si><si><t>BSN</t></si><si><t>Kim de Vos</t>\
        </si><si><r><t>9999</t></r><r><t>00924</t></r></si><si><t>Bo</t></si><si><t>oud 999900924</t></si></sst>";
    let rest = "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><f>Klas!C2</f><v>999900924</v></c>\
        <c r=\"B1\"><f>A1*2</f><v>1999801848</v></c><c r=\"C1\"><f>SUM(Klas!A2:A4)</f><v>6</v></c></row></sheetData></worksheet>";
    let mut of_book = vec![
        ("rId1", "worksheet", "worksheets/sheet1.xml"),
        ("rId2", "worksheet", "worksheets/sheet2.xml"),
        ("rId3", "sharedStrings", "sharedStrings.xml"),
    ];
    of_book.extend(made.of_book);
    let (of_book, of_sheet) = (relations(&of_book), relations(made.of_sheet));
    let root =
        relations(&[("rId1", "officeDocument", "xl/workbook.xml"), ("rId2", "thumbnail", "docProps/thumbnail.jpeg")]);
    let types = "<Types><Default Extension=\"xml\"/><Override PartName=\"/xl/calcChain.xml\"/></Types>";
    let mut files = vec![
        deflated("[Content_Types].xml", types.as_bytes()),
        deflated("_rels/.rels", root.as_bytes()),
        deflated("xl/workbook.xml", book.as_bytes()),
        deflated("xl/_rels/workbook.xml.rels", of_book.as_bytes()),
        deflated("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        deflated("xl/worksheets/_rels/sheet1.xml.rels", of_sheet.as_bytes()),
        deflated("xl/worksheets/sheet2.xml", rest.as_bytes()),
        deflated("xl/sharedStrings.xml", strings.as_bytes()),
        stored("docProps/thumbnail.jpeg", b"\xFF\xD8\xFFpicture"),
    ];
    files.extend(made.more.iter().map(|(name, content)| deflated(name, content.as_bytes())));
    zip(&files)
}

/// The workbook without column C, file by file.
fn redacted(made: &Workbook<'_>) -> (Redacted, BTreeMap<String, String>) {
    let redacted = without_c("klas.xlsx", &workbook(made)).unwrap();
    let parts = parts(&redacted.octets);
    for (name, content) in &parts {
        for number in ["999900924", "999979486", "999937534", "9999</t>"] {
            assert!(!content.contains(number), "{number} in {name}: {content}");
        }
    }
    (redacted, parts)
}

#[test]
fn cells_of_a_column_are_emptied_and_the_rest_stays() {
    let (redacted, parts) = redacted(&Workbook::default());
    assert_eq!(redacted.cells, [3]);
    assert_eq!(redacted.notes, [Note::Formulas(2)]);
    let rows = ROWS
        .replace("<c r=\"C2\" s=\"4\" t=\"s\"><v>4</v></c>", "<c r=\"C2\" s=\"4\"/>")
        .replace("<c r=\"C3\"><v>999979486</v></c>", "<c r=\"C3\"/>")
        .replace("<c r=\"C4\" t=\"inlineStr\"><is><t>999937534</t></is></c>", "<c r=\"C4\"/>");
    assert_eq!(parts["xl/worksheets/sheet1.xml"], format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"));
    assert_eq!(
        parts["xl/worksheets/sheet2.xml"],
        "<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><f>Klas!C2</f></c><c r=\"B1\"><f>A1*2</f></c>\
         <c r=\"C1\"><f>SUM(Klas!A2:A4)</f><v>6</v></c></row></sheetData></worksheet>"
    );
    assert!(parts["xl/sharedStrings.xml"].ends_with("<si><t/></si><si><t>Bo</t></si><si><t/></si></sst>"));
    assert!(parts["xl/sharedStrings.xml"].contains("<si><t>BSN</t></si><si><t>Kim de Vos</t></si>"));
    assert!(parts["xl/workbook.xml"].contains("</sheets><calcPr fullCalcOnLoad=\"1\"/></workbook>"));
    assert!(!parts.contains_key("docProps/thumbnail.jpeg") && !parts["_rels/.rels"].contains("thumbnail"));
}

#[test]
fn what_repeats_a_column_goes_along() {
    let link = "https://school.example/999937534";
    let chart = "<c:chartSpace><c:cat><c:strRef><c:f>Klas!$C$2:$C$4</c:f><c:strCache><c:pt><c:v>999900924</c:v></c:pt></c:strCache>\
        </c:strRef></c:cat></c:chartSpace>";
    let other = "<c:chartSpace><c:cat><c:strRef><c:f>Klas!$A$2:$A$4</c:f><c:strCache><c:pt><c:v>1</c:v></c:pt></c:strCache></c:strRef>\
        </c:cat></c:chartSpace>";
    let comments = "<comments><commentList><comment ref=\"C2\"><text><t>999900924 klopt</t></text></comment><comment ref=\"B2\"><text>\
        <t>lief</t></text></comment></commentList></comments>";
    let boxes = "<xml><v:shape id=\"a\"><x:Row>1</x:Row><x:Column>2</x:Column></v:shape><v:shape id=\"b\"><x:Column>1</x:Column></v:shape></xml>";
    let table = "<table ref=\"A1:C4\" displayName=\"T\"><autoFilter ref=\"A1:C4\"><filterColumn colId=\"2\"><filters><filter \
        val=\"999900924\"/></filters></filterColumn></autoFilter><tableColumns><tableColumn id=\"1\" name=\"nr\"/><tableColumn id=\"2\" \
        name=\"naam\"/><tableColumn id=\"3\" name=\"BSN\" totalsRowLabel=\"999900924\"/></tableColumns></table>";
    let (redacted, parts) = redacted(&Workbook {
        rows: "<row r=\"5\"><c r=\"C5\"><f t=\"shared\" ref=\"C5:D5\" si=\"0\">COUNT(C2:C4)</f><v>3</v></c><c r=\"D5\"><f t=\"shared\" si=\"0\"/>\
            <v>0</v></c></row>",
        behind: "<conditionalFormatting sqref=\"C2:C4\"><cfRule/></conditionalFormatting><conditionalFormatting sqref=\"A2\"><cfRule/>\
            </conditionalFormatting><dataValidations count=\"2\"><dataValidation sqref=\"C2:C4\"/><dataValidation sqref=\"A2:C4\"/>\
            </dataValidations><hyperlinks><hyperlink ref=\"C4\" r:id=\"rId9\"/></hyperlinks>",
        book: "<definedNames><definedName name=\"Wie\">Klas!$C$2</definedName><definedName name=\"V\">\"999900924\"</definedName>\
            </definedNames><calcPr calcId=\"1\"/>",
        of_sheet: &[
            ("rId1", "comments", "../comments1.xml"),
            ("rId2", "vmlDrawing", "../drawings/vml1.vml"),
            ("rId3", "table", "../tables/table1.xml"),
            ("rId4", "drawing", "../drawings/drawing1.xml"),
            ("rId9", "hyperlink", link),
        ],
        of_book: &[("rId8", "calcChain", "calcChain.xml")],
        more: &[
            ("xl/calcChain.xml", "<calcChain><c r=\"C5\"/></calcChain>"),
            ("xl/comments1.xml", comments),
            ("xl/drawings/vml1.vml", boxes),
            ("xl/tables/table1.xml", table),
            ("xl/charts/chart1.xml", chart),
            ("xl/charts/chart2.xml", other),
            ("xl/drawings/drawing1.xml", "<xdr:wsDr/>"),
        ],
    });
    assert_eq!(redacted.cells, [4]);
    assert_eq!(redacted.notes, [Note::Formulas(2), Note::Comments(1), Note::Charts(1)]);
    let sheet = &parts["xl/worksheets/sheet1.xml"];
    assert!(sheet.contains("<c r=\"C5\"/><c r=\"D5\"><f>COUNT(D2:D4)</f><v>0</v></c>"), "{sheet}");
    assert!(
        sheet.ends_with(
            "</sheetData><conditionalFormatting sqref=\"A2\"><cfRule/></conditionalFormatting><dataValidations>\
             <dataValidation sqref=\"A2:C4\"/></dataValidations></worksheet>"
        ),
        "{sheet}"
    );
    let book = &parts["xl/workbook.xml"];
    let names = "<definedNames><definedName name=\"Wie\">Klas!$C$2</definedName></definedNames><calcPr fullCalcOnLoad=\"1\" calcId=\"1\"/>";
    assert!(book.contains(names), "{book}");
    assert!(!parts.contains_key("xl/calcChain.xml"));
    assert!(
        !parts["xl/_rels/workbook.xml.rels"].contains("calcChain")
            && !parts["[Content_Types].xml"].contains("calcChain")
    );
    assert!(!parts["xl/worksheets/_rels/sheet1.xml.rels"].contains("hyperlink"));
    assert_eq!(parts["xl/charts/chart2.xml"], other);
    assert!(!parts["xl/charts/chart1.xml"].contains("Cache"));
    assert!(parts["xl/comments1.xml"].contains("lief"));
    assert_eq!(parts["xl/drawings/vml1.vml"], "<xml><v:shape id=\"b\"><x:Column>1</x:Column></v:shape></xml>");
    assert!(parts["xl/tables/table1.xml"].contains("<tableColumn id=\"3\" name=\"BSN\"/>"));
}

#[test]
fn headings_stay_where_they_are_headings() {
    let table = "<table ref=\"A1:C4\" displayName=\"T\"><tableColumns><tableColumn name=\"nr\"/><tableColumn name=\"naam\"/><tableColumn \
        name=\"BSN\"/></tableColumns></table>";
    let of_sheet = [("rId3", "table", "../tables/table1.xml")];
    let in_table = Workbook { of_sheet: &of_sheet, more: &[("xl/tables/table1.xml", table)], ..Workbook::default() };
    let placeholder = "t=\"inlineStr\"><is><t>Kolom C (weg)</t></is></c>";
    for (what, made, heading, cell, name) in [
        ("it stays", &Workbook::default(), Heading::Stays(0), "<c r=\"C1\" t=\"s\"><v>2</v></c>", None),
        ("it goes", &Workbook::default(), Heading::Goes, "<c r=\"C1\"/>", None),
        ("no table", &Workbook::default(), Heading::StaysInTable(0), "<c r=\"C1\"/>", None),
        ("a table", &in_table, Heading::StaysInTable(0), "<c r=\"C1\" t=\"s\"><v>2</v></c>", Some("name=\"BSN\"")),
        ("it goes from a table", &in_table, Heading::Goes, placeholder, Some("name=\"Kolom C (weg)\"")),
    ] {
        let column = [Column { heading, ..column_c()[0].clone() }];
        let octets = workbook(made);
        let redacted = columns(&file("klas.xlsx", &octets), &column, &Limits::default(), &Here).unwrap();
        let parts = parts(&redacted.octets);
        assert!(parts["xl/worksheets/sheet1.xml"].contains(cell), "{what}: {}", parts["xl/worksheets/sheet1.xml"]);
        if let Some(name) = name {
            assert!(parts["xl/tables/table1.xml"].contains(name), "{what}: {}", parts["xl/tables/table1.xml"]);
        }
    }
}

#[test]
fn values_in_other_cells_are_told() {
    let rows = "<row r=\"9\"><c r=\"F9\"><v>999979486</v></c><c r=\"G9\" t=\"str\"><v>over 999979486</v></c></row>";
    let redacted = without_c("klas.xlsx", &workbook(&Workbook { rows, ..Workbook::default() })).unwrap();
    let also = |column| Note::AlsoIn { sheet: Some("Klas".into()), column, cells: 1 };
    assert_eq!(redacted.notes, [Note::Formulas(2), also(5), also(6)]);
}

#[test]
fn what_cannot_be_done_truthfully_is_refused() {
    let pivot = "<pivotCacheDefinition><cacheSource><worksheetSource ref=\"A1:C4\" sheet=\"Klas\"/></cacheSource></pivotCacheDefinition>";
    let with = |name: &str, content: &str| workbook(&Workbook { more: &[(name, content)], ..Workbook::default() });
    let locked = [&b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"[..], &[b'E', 0, b'n', 0]].concat();
    for (what, octets, why) in [
        ("a pivot table", with("xl/pivotCache/d1.xml", pivot), CannotRedact::Pivot),
        ("signed", with("_xmlsignatures/sig1.xml", "<a/>"), CannotRedact::Signed),
        ("tracked changes", with("xl/revisions/log1.xml", "<revisions/>"), CannotRedact::History),
        ("a data model", with("xl/model/item.data", "abc"), CannotRedact::Model),
        (
            "a picture of cells",
            with("xl/drawings/d.xml", "<wsDr><a uri='cameraTool'/></wsDr>"),
            CannotRedact::PictureOfCells,
        ),
        ("a copy", with("customXml/item1.xml", "<leerling bsn='999900924'/>"), CannotRedact::Copy("part")),
        ("a binary workbook", with("xl/workbook.bin", ""), CannotRedact::Binary),
        ("an old one", locked, CannotRedact::OldFormat),
        ("no document", zip(&[deflated("a.txt", b"a")]), CannotRedact::NotASheet),
        ("octets in front", [b"xx".to_vec(), with("a.xml", "<a/>")].concat(), CannotRedact::Unread(Why::UnknownFormat)),
        ("cut off", with("a.xml", "<a/>")[..900].to_vec(), CannotRedact::Damaged),
    ] {
        assert_eq!(without_c("klas.xlsx", &octets).map(|_| ()), Err(why), "{what}");
    }
    for (what, column) in [
        ("another sheet", Column { sheet: Some("Groep".into()), ..column_c()[0].clone() }),
        ("an empty column", Column { column: 9, ..column_c()[0].clone() }),
        ("no sheet", Column { sheet: None, ..column_c()[0].clone() }),
    ] {
        let octets = workbook(&Workbook::default());
        let done = columns(&file("klas.xlsx", &octets), &[column], &Limits::default(), &Here);
        assert_eq!(done.map(|_| ()), Err(CannotRedact::NoColumn), "{what}");
    }
}

/// A spreadsheet of OpenDocument with these rows in the sheet `Klas`.
fn ods(rows: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"Klas\"><table:table-column/>{rows}\
         </table:table></office:spreadsheet></office:body></office:document-content>"
    );
    let mut files = vec![
        stored("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        deflated("content.xml", content.as_bytes()),
        deflated(
            "META-INF/manifest.xml",
            b"<m:manifest><m:file-entry m:full-path=\"Thumbnails/thumbnail.png\"/></m:manifest>",
        ),
        deflated("Thumbnails/thumbnail.png", b"\x89PNG\r\n\x1a\n"),
    ];
    files.extend(more.iter().map(|(name, content)| deflated(name, content.as_bytes())));
    zip(&files)
}

#[test]
fn cells_of_an_opendocument() {
    let cell = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let rows = |inside: &str| {
        format!(
            "<table:table-row>{}{}{}</table:table-row><table:table-row>{inside}</table:table-row>",
            cell("nr"),
            cell("naam"),
            cell("BSN")
        )
    };
    let a = cell("een");
    for (what, inside, left, cells) in [
        ("text", format!("{a}{a}{}", cell("999900924")), format!("{a}{a}<table:table-cell></table:table-cell>"), 1),
        (
            "a number with a style and a comment",
            format!(
                "{a}{a}<table:table-cell table:style-name=\"n\" office:value-type=\"float\" office:value=\"999900924\"><office:annotation>\
                 <text:p>van Bo</text:p></office:annotation><text:p>999900924</text:p></table:table-cell>{a}"
            ),
            format!("{a}{a}<table:table-cell table:style-name=\"n\"></table:table-cell>{a}"),
            1,
        ),
        (
            "a cell that repeats",
            "<table:table-cell table:number-columns-repeated=\"4\" office:value-type=\"string\"><text:p>999900924</text:p></table:table-cell>"
                .into(),
            "<table:table-cell table:number-columns-repeated=\"2\" office:value-type=\"string\"><text:p>999900924</text:p></table:table-cell>\
             <table:table-cell></table:table-cell><table:table-cell table:number-columns-repeated=\"1\" office:value-type=\"string\"><text:p>\
             999900924</text:p></table:table-cell>"
                .into(),
            1,
        ),
        (
            "formulas",
            format!(
                "{a}<table:table-cell/>{}<table:table-cell table:formula=\"of:=[.C2]\" office:value-type=\"string\" office:string-value=\"\
                 999900924\"><text:p>999900924</text:p></table:table-cell><table:table-cell table:formula=\"of:=[.A2]\"><text:p>een</text:p>\
                 </table:table-cell>",
                cell("999900924")
            ),
            format!(
                "{a}<table:table-cell/><table:table-cell></table:table-cell><table:table-cell table:formula=\"of:=[.C2]\"></table:table-cell>\
                 <table:table-cell table:formula=\"of:=[.A2]\"><text:p>een</text:p></table:table-cell>"
            ),
            1,
        ),
    ] {
        let redacted = without_c("klas.ods", &ods(&rows(&inside), &[])).unwrap_or_else(|why| panic!("{what}: {why:?}"));
        assert_eq!(redacted.cells, [cells], "{what}");
        let parts = parts(&redacted.octets);
        let seen = parts["content.xml"].split_once("<table:table-column/>").unwrap().1.split_once("</table:table>").unwrap().0;
        assert_eq!(seen, rows(&left), "{what}");
        assert!(!parts.contains_key("Thumbnails/thumbnail.png") && !parts["META-INF/manifest.xml"].contains("Thumbnails"));
    }
    let bsn = rows(&format!("{a}{a}{}", cell("999900924")));
    for (what, rows, more, why) in [
        ("signed", bsn.clone(), ("META-INF/documentsignatures.xml", "<a/>"), CannotRedact::Signed),
        ("older versions", bsn.clone(), ("Versions/Version1", "PK"), CannotRedact::History),
        ("changes", format!("<table:tracked-changes/>{bsn}"), ("a", ""), CannotRedact::History),
        ("a copy", bsn.clone(), ("settings.xml", "<a b='999900924'/>"), CannotRedact::Copy("part")),
        ("encrypted", bsn.clone(), ("encrypted-package", ""), CannotRedact::Locked),
    ] {
        assert_eq!(without_c("klas.ods", &ods(&rows, &[more])).map(|_| ()), Err(why), "{what}");
    }
}

#[test]
fn charts_of_an_opendocument_lose_their_copy() {
    let chart = "<office:document-content><chart:chart><chart:series chart:values-cell-range-address=\"Klas.C2:Klas.C2\"/><table:table \
        table:name=\"local-table\"><table:table-row><table:table-cell><text:p>999900924</text:p></table:table-cell></table:table-row>\
        </table:table></chart:chart></office:document-content>";
    let rows = "<table:table-row><table:table-cell/><table:table-cell/><table:table-cell office:value-type=\"float\" office:value=\"999900924\">\
        <text:p>999900924</text:p></table:table-cell></table:table-row>";
    let more = [("Object 1/content.xml", chart), ("ObjectReplacements/Object 1", "999900924")];
    let column = [Column { heading: Heading::Goes, ..column_c()[0].clone() }];
    let octets = ods(rows, &more);
    let redacted = columns(&file("klas.ods", &octets), &column, &Limits::default(), &Here).unwrap();
    let parts = parts(&redacted.octets);
    assert_eq!(redacted.notes, [Note::Charts(1)]);
    assert!(parts.values().all(|content| !content.contains("999900924")) && parts.len() == 4, "{parts:?}");
}

#[test]
fn cells_of_text_go_octet_by_octet() {
    let wide = |text: &str| -> Vec<u8> {
        [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    for (what, name, octets, left) in [
        ("semicolons", "a.csv", b"nr;naam;bsn\r\n1;Bo;999900924\r\n".to_vec(), b"nr;naam;bsn\r\n1;Bo;\r\n".to_vec()),
        ("in quotes", "a.csv", b"a,b,\"c\"\n1,2,\"9,\"\"\n9\" x,4\n".to_vec(), b"a,b,\"c\"\n1,2,,4\n".to_vec()),
        (
            "tabs, one octet a letter",
            "a.tsv",
            b"a\tna\xEFm\tc\n1\tZo\xEB\tCa\xEFro\n".to_vec(),
            b"a\tna\xEFm\tc\n1\tZo\xEB\t\n".to_vec(),
        ),
        (
            "a mark in front",
            "a.csv",
            b"\xEF\xBB\xBFa,b,c\n1,\xC3\xAB,\xC3\xAB\n".to_vec(),
            b"\xEF\xBB\xBFa,b,c\n1,\xC3\xAB,\n".to_vec(),
        ),
        ("UTF-16", "a.txt", wide("a\tb\tc\r\n1\t2\t3\r\n4\t5\té😀\r\n"), wide("a\tb\tc\r\n1\t2\t\r\n4\t5\t\r\n")),
        ("old line ends", "a.csv", b"a;b;c\r1;2;3\r".to_vec(), b"a;b;c\r1;2;\r".to_vec()),
        ("short rows", "a.csv", b"a;b;c\n1\n1;2;3;4".to_vec(), b"a;b;c\n1\n1;2;;4".to_vec()),
    ] {
        let column = [Column { sheet: None, ..column_c()[0].clone() }];
        let redacted = columns(&file(name, &octets), &column, &Limits::default(), &Here);
        assert_eq!(redacted.map(|done| done.octets), Ok(left), "{what}");
    }
    let column = [Column { sheet: None, ..column_c()[0].clone() }];
    for (what, octets) in [("no table", &b"Beste ouders"[..]), ("no such column", b"a;b\n1;2\n"), ("JSON", b"[1,2,3]")]
    {
        let done = columns(&file("a.csv", octets), &column, &Limits::default(), &Here);
        assert!(done.is_err(), "{what}: {done:?}");
    }
}

const SIGNED: &str = "DKIM-Signature: v=1; b=abc\r\n def\r\n";

fn mail(name: &str, octets: &[u8]) -> Vec<u8> {
    let lines = base64::engine::general_purpose::STANDARD.encode(octets);
    let lines: Vec<&str> = lines.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "{SIGNED}From: juf@delinde.example\r\nSubject: lijst\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\n\r\nBeste ouder\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; size=99;\r\n \
         filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\nnaschrift\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

fn choice(path: &[&str]) -> Choice {
    Choice { path: path.iter().map(|name| name.to_string()).collect(), columns: column_c().to_vec() }
}

#[test]
fn a_mail_changes_in_its_file_alone() {
    let octets = workbook(&Workbook::default());
    let without = without_c("klas.xlsx", &octets).unwrap().octets;
    let packed = |octets: &[u8]| zip(&[deflated("lees.txt", b"hallo"), deflated("map/klas.xlsx", octets)]);
    for (what, path, before, after) in [
        ("a file", vec!["klas.xlsx"], mail("klas.xlsx", &octets), mail("klas.xlsx", &without)),
        (
            "in an archive",
            vec!["a.zip", "map/klas.xlsx"],
            mail("a.zip", &packed(&octets)),
            mail("a.zip", &packed(&without)),
        ),
    ] {
        let done = message(&before, &[choice(&path)], &Limits::default(), &Here).unwrap();
        assert_eq!((done.signatures, &done.files[0].cells), (1, &vec![3]), "{what}");
        let size = if path.len() == 1 { without.len() } else { 0 };
        let (seen, expected) = (String::from_utf8(done.raw).unwrap(), String::from_utf8(after).unwrap());
        let expected = expected.replace(SIGNED, "").replace("size=99", &format!("size={size}"));
        if path.len() == 1 {
            assert_eq!(seen, expected, "{what}");
        } else {
            // Whoever packs it, the files are the same.
            assert!(seen.contains("naschrift") && !seen.contains(SIGNED));
            let body = seen.split("\r\n\r\n").nth(3).unwrap().split("\r\n--b--").next().unwrap().replace("\r\n", "");
            let archive = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
            assert_eq!(parts(&archive)["lees.txt"], "hallo");
        }
    }
}

#[test]
fn text_in_a_mail_is_encoded_anew() {
    let table = "nr,naam,bsn\r\n1,Bo,999900924\r\n";
    let raw = |header: &str, body: &str| {
        format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/csv; name=a.csv\n{header}\n{body}\n--b--\n"
        )
    };
    let column = Column { sheet: None, ..column_c()[0].clone() };
    let choice = Choice { path: vec!["a.csv".into()], columns: vec![column] };
    let text = base64::engine::general_purpose::STANDARD.encode(table.replace("999900924", ""));
    for header in
        ["Content-Transfer-Encoding: 8bit\nContent-MD5: abc\n", "Content-Transfer-Encoding: quoted-printable\n", ""]
    {
        let done =
            message(raw(header, table).as_bytes(), std::slice::from_ref(&choice), &Limits::default(), &Here).unwrap();
        let body = String::from_utf8(done.raw).unwrap();
        assert!(body.starts_with(&raw("Content-Transfer-Encoding: base64\n", &text)[..140]), "{body}");
        assert!(body.contains(&text[..text.len() - 8]), "{body}");
    }
}

#[test]
fn mail_that_cannot_be_changed_is_refused() {
    let octets = workbook(&Workbook::default());
    let plain = String::from_utf8(mail("klas.xlsx", &octets)).unwrap();
    let twice =
        plain.replace("--b--", &plain[plain.rfind("--b\r\n").unwrap()..plain.find("--b--").unwrap()]) + "--b--\r\n";
    for (what, raw, path, why) in [
        ("signed", plain.replace("multipart/mixed", "multipart/signed"), vec!["klas.xlsx"], CannotRedact::SealedMail),
        (
            "unclear",
            plain.replace("boundary=b", "boundary=b; boundary=c"),
            vec!["klas.xlsx"],
            CannotRedact::UnclearMail,
        ),
        ("another name", plain.clone(), vec!["groep.xlsx"], CannotRedact::NoFile),
        ("two of one name", twice, vec!["klas.xlsx"], CannotRedact::UnclearMail),
        ("not in that archive", plain.clone(), vec!["klas.xlsx", "a.xlsx"], CannotRedact::NoFile),
    ] {
        let done = message(raw.as_bytes(), &[choice(&path)], &Limits::default(), &Here);
        assert_eq!(done.map(|_| ()), Err((0, why)), "{what}");
    }
}

#[test]
fn the_command_writes_once_and_judges_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let scan = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mailpoort"));
        let done = command.args(["scan", "--redact"]).args(more).current_dir(folder.path()).output().unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap())
    };
    std::fs::write(folder.path().join("klas.csv"), "nr;BSN;dag\n1;999900924;ma\n2;999979486;di\n").unwrap();
    std::fs::write(folder.path().join("schoon.csv"), "nr;dag\n1;ma\n2;di\n").unwrap();
    for (arguments, code, says) in [
        (
            &["uit.csv", "klas.csv"][..],
            0,
            "Weg uit klas.csv:\n  kolom B “BSN” (2 cellen)\nWat overblijft:\nklas.csv: clean",
        ),
        (&["uit.csv", "klas.csv"], 1, ""),
        (&["--language", "en", "out.csv", "klas.csv"], 0, "Gone from klas.csv:\n  column B “BSN” (2 cells)"),
        (&["geen.csv", "schoon.csv"], 1, "Er is geen kolom weggehaald."),
    ] {
        let arguments = match arguments {
            ["--language", language, rest @ ..] => [rest, &["--language", *language]].concat(),
            same => same.to_vec(),
        };
        let (seen, said) = scan(&arguments);
        assert_eq!(seen, code, "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("uit.csv")).unwrap(), "nr;BSN;dag\n1;;ma\n2;;di\n");
    assert!(!folder.path().join("geen.csv").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever breaks, nothing panics, and what is written has no number of the column.
    #[test]
    fn broken_files_are_refused_or_redacted(at in 0usize..6000, octet: u8, end in 0usize..9000, text in "[a-c;\"\r\n,]{0,60}") {
        let mut octets = workbook(&Workbook::default());
        if let Some(place) = octets.get_mut(at) {
            *place = octet;
        }
        octets.truncate(end.max(200));
        if let Ok(done) = without_c("klas.xlsx", &octets) {
            prop_assert!(parts(&done.octets).values().all(|content| !content.contains("999979486")));
        }
        let column = [Column { sheet: None, ..column_c()[0].clone() }];
        _ = columns(&file("a.csv", text.as_bytes()), &column, &Limits::default(), &Here);
    }

    /// A broken sheet within a sound archive.
    #[test]
    fn broken_sheets_are_refused_or_redacted(at in 0usize..900, octet in 32u8..127, length in 1usize..4) {
        let mut rows = ROWS.as_bytes().to_vec();
        rows.iter_mut().skip(at).take(length).for_each(|place| *place = octet);
        let behind = String::from_utf8_lossy(&rows).into_owned();
        let made = Workbook { rows: &behind, ..Workbook::default() };
        _ = without_c("klas.xlsx", &workbook(&made));
        _ = without_c("klas.ods", &ods(&behind.replace("<c ", "<table:table-cell ").replace("</c>", "</table:table-cell>"), &[]));
    }
}
