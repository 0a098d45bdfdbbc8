//! OpenDocument, EPUB and iWork: what of each is read, in which section, and what is said to be unread.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/read.rs"]
mod reading;
#[path = "support/zip.rs"]
mod zips;

use proptest::prelude::*;
use reading::{read, shown};
use zips::{File, deflated, stored, zip};

const NAMESPACES: &str = "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\"";

/// A package with a body of some kind.
fn package(kind: &str, before: &str, body: &str, more: &[File]) -> Vec<u8> {
    let kinds =
        [("text", "text"), ("spreadsheet", "spreadsheet"), ("presentation", "presentation"), ("drawing", "graphics")];
    let (_, word) = kinds.into_iter().find(|(element, _)| *element == kind).unwrap();
    let content = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<office:document-content {NAMESPACES}>{before}<office:body>\
         <office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    );
    let mut files = vec![
        stored("mimetype", format!("application/vnd.oasis.opendocument.{word}").as_bytes()),
        deflated("content.xml", content.as_bytes()),
        deflated("META-INF/manifest.xml", b"<manifest:manifest/>"),
    ];
    files.extend_from_slice(more);
    zip(&files)
}

#[test]
fn sections_of_texts() {
    let hidden = "<office:automatic-styles><style:style style:name=\"T1\" style:family=\"text\"><style:text-properties \
                  text:display=\"none\"/></style:style><number:date-style><number:text>maandag</number:text>\
                  </number:date-style></office:automatic-styles>";
    let mut wrong = Vec::new();
    for (body, expected) in [
        ("<text:h>Verslag</text:h><text:p>Kim &amp; Bo</text:p>", &["a.odt: Verslag\\nKim & Bo\\n"][..]),
        (
            "<text:p>1234<text:span>5</text:span>678<text:s text:c=\"2\"/>x<text:tab/>y<text:line-break/>z</text:p>",
            &["a.odt: 12345678  x\\ty\\nz\\n"],
        ),
        ("<text:p>een\n   regel</text:p>", &["a.odt: een regel\\n"]),
        (
            "<text:p>Zie<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Kim</text:p>\
             </text:note-body></text:note> hier</text:p>",
            &["a.odt: Zie hier\\n", "a.odt, footnote: Kim\\n"],
        ),
        (
            "<text:p>Dag<office:annotation><dc:creator>Juf Bo</dc:creator><dc:date>2026-01-02</dc:date><text:p>Kim \
             </text:p></office:annotation>!</text:p>",
            &["a.odt: Dag!\\n", "a.odt, comment: Juf Bo\\nKim \\n"],
        ),
        (
            "<text:tracked-changes><text:changed-region><text:deletion><office:change-info><dc:creator>Bo</dc:creator>\
             </office:change-info><text:p>Kim</text:p></text:deletion></text:changed-region></text:tracked-changes>\
             <text:p>Rest</text:p>",
            &["a.odt: Rest\\n", "a.odt, deleted text: Kim\\n"],
        ),
        (
            "<text:p>a<text:span text:style-name=\"T1\">123</text:span><text:span text:style-name=\"T1\">456</text:span>b\
             <text:span text:style-name=\"T1\">789</text:span></text:p>",
            &["a.odt: ab\\n", "a.odt, hidden: 123456 789\\n"],
        ),
        ("<text:section text:display=\"none\"><text:p>Kim</text:p></text:section>", &["a.odt, hidden: Kim\\n"]),
        (
            "<text:p>x<draw:frame><draw:text-box><text:p>Kim</text:p></draw:text-box><svg:title>Foto van Bo</svg:title>\
             </draw:frame></text:p>",
            &["a.odt: x\\n", "a.odt, text box: Kim\\n", "a.odt, alt text: Foto van Bo\\n"],
        ),
        (
            "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>naam</text:p>\
             </table:table-cell><table:table-cell><text:p>nr</text:p></table:table-cell></table:table-row>\
             </table:table-header-rows><table:table-row><table:table-cell/><table:table-cell><text:p>1</text:p><text:p>2\
             </text:p></table:table-cell></table:table-row></table:table><text:p>na</text:p>",
            &["a.odt: naam\\tnr\\n1 2\\nna\\n [0.0=naam|0.1=nr|1.1=1 2]"],
        ),
        (
            "<office:forms><form:form form:name=\"Form\"><form:text form:current-value=\"Kim\" form:label=\"Naam\"/>\
             </form:form></office:forms><text:p>x</text:p>",
            &["a.odt: x\\n", "a.odt, form field: Naam Kim\\n"],
        ),
        (
            "<text:user-field-decls><text:user-field-decl text:name=\"bsn\" office:string-value=\"123\"/>\
             </text:user-field-decls><text:p><text:a xlink:href=\"mailto:x@y.example\">x</text:a></text:p>",
            &["a.odt: x\\n", "a.odt, form field: bsn 123\\n", "a.odt, behind the cells: mailto:x@y.example\\n"],
        ),
        ("<text:p>half<text:p>", &["a.odt: half\\n"]),
    ] {
        let found = shown("a.odt", &package("text", hidden, body, &[]));
        let expected: Vec<String> = expected.iter().map(|line| format!("att:{line}")).collect();
        let found: Vec<&String> = found.iter().filter(|line| !line.starts_with("unread")).collect();
        if found != expected.iter().collect::<Vec<_>>() {
            wrong.push(format!("{body}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sheets_are_sparse_and_keep_their_values() {
    let styles = "<office:automatic-styles><style:style style:name=\"ta2\"><style:table-properties \
                  table:display=\"false\"/></style:style></office:automatic-styles>";
    let body = "<table:content-validations><table:content-validation table:condition=\"of:cell-content-is-in-list(&quot;\
                Kim&quot;)\"/></table:content-validations>\
        <table:table table:name=\"Klas\"><table:table-column/><table:table-column table:visibility=\"collapse\"/>\
        <table:table-row table:number-rows-repeated=\"1000000\"><table:table-cell \
        table:number-columns-repeated=\"16384\"/></table:table-row>\
        <table:table-row><table:table-cell office:value-type=\"float\" office:value=\"95739774\"><text:p>095739774</text:p>\
        </table:table-cell><table:table-cell office:value-type=\"string\"><text:p>stiekem</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"float\" office:value=\"1234.5\"><text:p>1.234,50</text:p><office:annotation>\
        <text:p>opmerking</text:p></office:annotation></table:table-cell><table:table-cell \
        office:value-type=\"date\" office:date-value=\"2026-01-02\"/><table:table-cell \
        table:number-columns-repeated=\"900000000\" office:value-type=\"string\" table:formula=\"of:=&quot;Bo&quot;\">\
        <text:p>Bo</text:p></table:table-cell></table:table-row>\
        <table:table-row table:visibility=\"filter\" table:number-rows-repeated=\"4294967295\"><table:table-cell><text:p>weg\
        </text:p></table:table-cell></table:table-row></table:table>\
        <table:table table:name=\"Zorg\" table:style-name=\"ta2\"><table:table-row><table:table-cell><text:p>Kim</text:p>\
        </table:table-cell></table:table-row></table:table>\
        <table:named-expressions><table:named-range table:name=\"Leerlingen\"/></table:named-expressions>";
    let r = 1_000_000;
    assert_eq!(
        shown("a.ods", &package("spreadsheet", styles, body, &[])),
        [
            format!(
                "att:a.ods, sheet Klas: 095739774\\t1.234,50\\t2026-01-02\\tBo \
                 [{r}.0=095739774|{r}.2=1.234,50|{r}.3=2026-01-02|{r}.4=Bo]"
            ),
            format!("att:a.ods, sheet Klas, comment: opmerking\\n [{r}.2=opmerking]"),
            format!("att:a.ods, sheet Klas, hidden: stiekem\\nweg [{r}.1=stiekem|1000001.0=weg]"),
            format!("att:a.ods, sheet Klas, behind the cells: 95739774\\tof:=\"Bo\" [{r}.0=95739774|{r}.4=of:=\"Bo\"]"),
            "att:a.ods, sheet Zorg, hidden: Kim [0.0=Kim]".to_string(),
            "att:a.ods, behind the cells: of:cell-content-is-in-list(\"Kim\")\\nKlas\\nZorg\\nLeerlingen\\n"
                .to_string(),
        ]
    );
}

#[test]
fn slides_with_notes() {
    let styles = "<office:automatic-styles><style:style style:name=\"dp2\"><style:drawing-page-properties \
                  presentation:visibility=\"hidden\"/></style:style></office:automatic-styles>";
    let body = "<presentation:footer-decl>voet</presentation:footer-decl><draw:page><draw:frame><draw:text-box><text:p>een\
        </text:p></draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Kim</text:p>\
        </draw:text-box></draw:frame></presentation:notes></draw:page><draw:page draw:style-name=\"dp2\">\
        <draw:custom-shape><text:p>twee</text:p></draw:custom-shape></draw:page>";
    assert_eq!(
        shown("a.odp", &package("presentation", styles, body, &[])),
        [
            "att:a.odp, slide 1: een\\n",
            "att:a.odp, slide 1, speaker notes: Kim\\n",
            "att:a.odp, slide 2, hidden: twee\\n",
            "att:a.odp, header or footer: voet\\n",
        ]
    );
    let drawing = package("drawing", "", "<draw:page><draw:rect><text:p>Kim</text:p></draw:rect></draw:page>", &[]);
    assert_eq!(shown("a.odg", &drawing), ["att:a.odg, page 1: Kim\\n"]);
}

#[test]
fn parts_of_packages() {
    let styles = b"<office:document-styles><office:styles><style:style style:name=\"H\"><style:text-properties \
                  text:display=\"none\"/></style:style></office:styles><office:master-styles><style:master-page>\
                  <style:header><text:p>kop</text:p></style:header></style:master-page></office:master-styles>\
                  </office:document-styles>";
    let meta = b"<office:document-meta><office:meta><meta:generator>x</meta:generator><dc:title>Kim</dc:title>\
                 <meta:user-defined meta:name=\"klas\">3b</meta:user-defined></office:meta></office:document-meta>";
    let chart = b"<office:document-content><office:body><office:chart><chart:chart><chart:title><text:p>Cijfers</text:p>\
                  </chart:title><table:table><table:table-row><table:table-cell><text:p>Bo</text:p></table:table-cell>\
                  </table:table-row></table:table></chart:chart></office:chart></office:body></office:document-content>";
    let picture = b"\x89PNG\r\n\x1A\n";
    let more = [
        deflated("styles.xml", styles),
        deflated("meta.xml", meta),
        deflated("Object 1/content.xml", chart),
        stored("Pictures/1.png", picture),
        stored("Pictures/2.png", picture),
        stored("Thumbnails/thumbnail.png", picture),
        stored("Pictures/3.svg", b"<svg>Kim</svg>"),
    ];
    let body = "<text:p text:style-name=\"H\">stil</text:p><text:p>x</text:p>";
    assert_eq!(
        shown("a.odt", &package("text", "", body, &more)),
        [
            "att:a.odt, header or footer: kop\\n",
            "att:a.odt, property: Kim\\nklas\\n3b\\n",
            "att:a.odt: x\\n",
            "att:a.odt, hidden: stil\\n",
            "att:a.odt, chart: Cijfers\\nBo\\n [0.0=Bo]",
            "att:a.odt/att:Pictures/3.svg: <svg>Kim</svg>",
            "att:a.odt/att:Pictures/3.svg: Kim",
            "unread att:a.odt/att:Pictures/1.png: media",
        ]
    );
    let locked =
        deflated("META-INF/manifest.xml", b"<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>");
    let octets = zip(&[stored("mimetype", b"x"), locked, stored("content.xml", b"\x9A\x01")]);
    assert_eq!(shown("a.odt", &octets), ["unread att:a.odt: encrypted"]);
}

#[test]
fn flat_files_and_other_charsets() {
    let flat = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<office:document {NAMESPACES} \
         office:mimetype=\"application/vnd.oasis.opendocument.text\"><office:meta><dc:title>Brief</dc:title></office:meta>\
         <office:body><office:text><text:p>Zoë</text:p><draw:image><office:binary-data>S2lt\n</office:binary-data>\
         </draw:image></office:text></office:body></office:document>"
    );
    assert_eq!(
        shown("a.fodt", flat.as_bytes()),
        ["att:a.fodt/att:object: Kim", "att:a.fodt: Zoë\\n", "att:a.fodt, property: Brief\\n",]
    );
    let content =
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><office:body><office:text><text:p>Zoë</text:p></office:text>";
    let latin: Vec<u8> = content.chars().map(|c| c as u8).collect();
    let wide: Vec<u8> = content.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for octets in [latin, wide] {
        let document = zip(&[stored("mimetype", b"opendocument.text"), deflated("content.xml", &octets)]);
        assert_eq!(shown("a.odt", &document), ["att:a.odt: Zoë\\n"]);
    }
}

#[test]
fn entities_and_depth_have_an_end() {
    let laughs =
        "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><office:body><office:text><text:p>&b;</text:p>";
    let deep = format!("<office:body><office:text>{}Kim", "<text:p>".repeat(5000));
    for (source, why) in [(laughs, "damaged"), (&deep, "over_limit")] {
        let document = zip(&[stored("mimetype", b"opendocument.text"), deflated("content.xml", source.as_bytes())]);
        let found = read("a.odt", &document);
        assert_eq!(found.unread.iter().map(|unread| unread.why.word()).collect::<Vec<_>>(), [why]);
    }
}

#[test]
fn books_and_pages() {
    let book = zip(&[
        stored("mimetype", b"application/epub+zip"),
        deflated("META-INF/container.xml", b"<container/>"),
        deflated("OEBPS/content.opf", b"<package><metadata><dc:title>Boek</dc:title></metadata><x>y</x></package>"),
        deflated("OEBPS/een.xhtml", b"<?xml version='1.0'?><html><body><p>Kim</p></body></html>"),
        stored("OEBPS/a.css", b"p {}"),
    ]);
    assert_eq!(shown("a.epub", &book), ["att:a.epub, property: Boek\\n", "att:a.epub: Kim"]);
    // A literal of four octets, and a copy of them.
    let chunk = b"\x08\x0CKim \x01\x04";
    let index = [&[0, u8::try_from(chunk.len()).unwrap(), 0, 0][..], chunk].concat();
    let pages = zip(&[stored("Index/Document.iwa", &index), stored("preview.jpg", b"\xFF\xD8\xFF\xE0")]);
    assert_eq!(
        shown("a.pages", &pages),
        ["att:a.pages: Kim Kim \\n", "unread att:a.pages: unknown_format", "unread att:a.pages/att:preview.jpg: media",]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Elements in any order, closed or not, break nothing and give no more than there is.
    #[test]
    fn any_elements(picks in prop::collection::vec(0usize..24, 1..60)) {
        let pieces = [
            "<text:p>", "</text:p>", "Kim ", "<table:table table:name=\"x\">", "</table:table>", "<table:table-row>",
            "</table:table-row>", "<table:table-cell office:value-type=\"float\" office:value=\"12\">", "</table:table-cell>",
            "<office:annotation>", "</office:annotation>", "<text:note-body>", "</text:note-body>", "<draw:page>",
            "</draw:page>", "<text:span text:style-name=\"T1\">", "</text:span>", "<office:forms>", "</office:forms>",
            "<form:text form:value=\"v\">", "<text:s text:c=\"9\"/>", "<office:binary-data>", "</office:binary-data>",
            "<table:table-row table:number-rows-repeated=\"4294967295\">",
        ];
        let hidden = "<style:style style:name=\"T1\"><style:text-properties text:display=\"none\"/></style:style>";
        let body: String = picks.iter().filter_map(|&pick| pieces.get(pick)).copied().collect();
        for kind in ["text", "spreadsheet", "presentation"] {
            let found = read("a.odt", &package(kind, hidden, &body, &[]));
            let text: usize = found.texts.iter().map(|text| text.text.len()).sum();
            prop_assert!(text < 4000, "{}", text);
            for text in &found.texts {
                prop_assert!(text.cells.iter().all(|cell| text.text.get(cell.range.clone()).is_some()));
            }
        }
    }
}
