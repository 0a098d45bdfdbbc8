//! A small binary workbook, built here, and what comes of it.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::extract::document::workbook::tests::{shown, texts, zip};
use crate::message::Limits;

fn record(kind: u16, data: &[&[u8]]) -> Vec<u8> {
    let data = data.concat();
    let mut out = if kind < 128 { vec![kind as u8] } else { vec![kind as u8 & 0x7f | 0x80, (kind >> 7) as u8] };
    out.push(u8::try_from(data.len()).unwrap());
    out.extend(data);
    out
}

fn wide(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&u32::try_from(units.len() / 2).unwrap().to_le_bytes()[..], &units].concat()
}

fn workbook(sheet: &[u8]) -> Vec<u8> {
    let relations = |list: &[(&str, &str)]| {
        let one =
            |(kind, target): &(&str, &str)| format!("<Relationship Id='{kind}' Type='x/{kind}' Target='{target}'/>");
        format!("<Relationships>{}</Relationships>", list.iter().map(one).collect::<String>())
    };
    let book = record(156, &[&[1, 0, 0, 0, 1, 0, 0, 0], &wide("worksheet"), &wide("Zorg")]);
    let strings = record(19, &[&[0], &wide("Kim Vos")]);
    let styles = [
        record(44, &[&[164, 0], &wide("000000000")]),
        record(617, &[]),
        record(47, &[&[0, 0, 0, 0]]),
        record(47, &[&[0, 0, 164, 0]]),
        record(618, &[]),
    ]
    .concat();
    let comments = [
        record(632, &[&wide("Juf")]),
        record(635, &[&[0; 4], &[3, 0, 0, 0], &[3, 0, 0, 0], &[1, 0, 0, 0], &[1, 0, 0, 0]]),
        record(637, &[&[0], &wide("heeft ADHD")]),
    ]
    .concat();
    let of_book = relations(&[("worksheet", "s.bin"), ("sharedStrings", "t.bin"), ("styles", "y.bin")]);
    let of_sheet = relations(&[("comments", "c.bin")]);
    zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.bin", &book),
        ("xl/_rels/workbook.bin.rels", of_book.as_bytes()),
        ("xl/s.bin", sheet),
        ("xl/_rels/s.bin.rels", of_sheet.as_bytes()),
        ("xl/t.bin", &strings),
        ("xl/y.bin", &styles),
        ("xl/c.bin", &comments),
    ])
}

fn sheet() -> Vec<u8> {
    let column = |number: u8, style: u8| [number, 0, 0, 0, style, 0, 0, 0];
    [
        record(0, &[&[4, 0, 0, 0]]),
        record(7, &[&column(0, 0), &[0; 4]]),
        record(5, &[&column(1, 1), &39_568_714_f64.to_le_bytes()]),
        record(13, &[&[0; 4], &(75_u32 << 2 | 3).to_le_bytes()]),
        record(8, &[&column(5, 0), &wide("uitslag"), &[0, 0], &[11, 0, 0, 0], b"\x17\x04\0z\0i\0e\0k\0"]),
        record(479, &[&[0, 0], &wide("&CGroep"), &[0xff; 4]]),
        record(64, &[&wide("Kies een")]),
    ]
    .concat()
}

#[test]
fn cells_and_what_stands_around_them() {
    assert_eq!(
        shown(&workbook(&sheet())),
        [
            "property: Zorg",
            "sheet Zorg, hidden: Kim Vos|039568714|0,75|uitslag",
            "sheet Zorg, header or footer: Groep",
            "sheet Zorg, behind the cells: Kies een/ziek",
            "sheet Zorg, comment: heeft ADHD",
            "sheet Zorg, behind the cells: Juf",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn broken_records_break_nothing(changes in proptest::collection::vec((0usize..200, any::<u8>()), 0..6), end in 0usize..300) {
        let mut part = sheet();
        for (at, octet) in changes {
            if let Some(place) = part.get_mut(at) {
                *place = octet;
            }
        }
        part.truncate(end);
        for text in &texts(&workbook(&part), &Limits::default()).texts {
            prop_assert!(text.cells.iter().all(|cell| text.text.get(cell.range.clone()).is_some()));
        }
    }
}
