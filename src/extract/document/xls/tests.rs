//! Small workbook streams, built here, and what comes of them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::extract::content::About;
use crate::extract::document::{Format, Sink};
use crate::extract::{Passwords, Reader, Texts};
use crate::message::Limits;

fn read(stream: &[u8]) -> Texts {
    read_with(Passwords::none(), stream)
}

fn read_with(passwords: &Passwords, stream: &[u8]) -> Texts {
    let limits = Limits::default();
    let about = About::file("klas.xls", Vec::new(), 0);
    let mut reader = Reader::new(limits.clone());
    reader.passwords = passwords.clone();
    super::read(stream, &mut Sink::new(&mut reader, &about, Format::Compound));
    reader.out
}

/// Each text with its section, `|` between cells and `/` between lines; then what is unread.
fn shown(stream: &[u8]) -> Vec<String> {
    lines(&read(stream))
}

fn lines(read: &Texts) -> Vec<String> {
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

fn record(kind: u16, data: &[&[u8]]) -> Vec<u8> {
    let data = data.concat();
    [&kind.to_le_bytes()[..], &u16::try_from(data.len()).unwrap().to_le_bytes(), &data].concat()
}

/// A string of BIFF8 in narrow characters, behind its length.
fn narrow(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_le_bytes()[..], &[0], text.as_bytes()].concat()
}

fn cell(row: u16, column: u16, style: u16) -> Vec<u8> {
    [row, column, style].iter().flat_map(|number| number.to_le_bytes()).collect()
}

const EOF: [u8; 4] = [0x0a, 0, 0, 0];
const BOF_GLOBALS: [u8; 8] = [0x09, 0x08, 4, 0, 0, 6, 5, 0];
const BOF_SHEET: [u8; 8] = [0x09, 0x08, 4, 0, 0, 6, 0x10, 0];

/// A workbook with one sheet, hidden or not, which holds these records.
fn workbook(hidden: bool, sheet: &[Vec<u8>]) -> Vec<u8> {
    let style = |format: u16| record(0xe0, &[&[0, 0], &format.to_le_bytes()]);
    let globals = [
        record(0x41e, &[&[164, 0], &narrow("000000000")]),
        style(0),
        style(164),
        style(14),
        style(3),
        record(0x18, &[&[0, 0, 0, 3, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0], b"\0Kim", b"\x17\x04\0ADHD"]),
        // Strings that are counted wrongly, and of which the second goes on in wide characters.
        record(0xfc, &[&[0xff; 8], &narrow("naam"), &[7, 0, 0], b"Kim"]),
        record(0x3c, &[b"\x01 \0V\0\xe9\0s\0"]),
    ]
    .concat();
    let sheet_record = |start: u32| record(0x85, &[&start.to_le_bytes(), &[u8::from(hidden), 0, 4, 0], b"Zorg"]);
    let start = (BOF_GLOBALS.len() + globals.len() + sheet_record(0).len() + EOF.len()) as u32;
    [&BOF_GLOBALS[..], &globals, &sheet_record(start), &EOF, &BOF_SHEET, &sheet.concat(), &EOF].concat()
}

fn cells() -> Vec<Vec<u8>> {
    let bsn = 39_568_714_f64.to_le_bytes();
    vec![
        record(0xfd, &[&cell(0, 0, 0), &[0; 4]]),
        record(0xfd, &[&cell(1, 0, 0), &[1, 0, 0, 0]]),
        record(0x203, &[&cell(1, 1, 1), &bsn]),
        record(
            0xbd,
            &[
                &[1, 0, 2, 0],
                &[2, 0],
                &(44_000_u32 << 2 | 2).to_le_bytes(),
                &[0, 0],
                &(75_u32 << 2 | 3).to_le_bytes(),
                &[3, 0],
            ],
        ),
        record(0x06, &[&cell(1, 4, 0), &[0, 0, 0, 0, 0, 0, 0xff, 0xff], &[0; 6], &[7, 0], b"\x17\x04\0ziek"]),
        record(0x207, &[&narrow("uitslag")]),
        record(0x205, &[&cell(1, 5, 0), &[1, 0]]),
        record(0x204, &[&cell(2, 0, 0), &narrow("los")]),
        record(0x203, &[&cell(2, 1, 3), &999_918_564_f64.to_le_bytes()]),
    ]
}

#[test]
fn a_workbook_on_lock_opens_with_its_password() {
    // The example of MS-OFFCRYPTO 2.3.6, as other implementations test it.
    let salt = b"\xe8w,\x1d\x91\xc5j7\x96Ga\xb2\x80\x182\x17";
    let check = b"\xc9\xe9\x97\xd4T\x97=1\x0b\xb1\xbap\x14&\x83~";
    let check_hash = b"\xb1\xde\x17\x8f\x07\xe9\x89\xc4M\xae^L\xf9j\xc4\x07";
    let lock = [&[1, 0, 1, 0, 1, 0][..], salt, check, check_hash].concat();
    let plain = workbook(false, &cells());
    let (begin, rest) = plain.split_at(BOF_GLOBALS.len());
    let mut stream = [begin, &record(super::FILEPASS, &[&lock]), rest].concat();
    // What opens a stream locks it too.
    let about = About::file("klas.xls", Vec::new(), 0);
    let mut reader = Reader::new(Limits::default());
    reader.passwords = Passwords::from("password1");
    stream = super::lock::workbook(&stream, &lock, &mut Sink::new(&mut reader, &about, Format::Compound)).unwrap();
    stream[begin.len()..][..2].copy_from_slice(&super::FILEPASS.to_le_bytes());
    assert_eq!(lines(&read_with(&Passwords::from("password1"), &stream)), shown(&plain));
    assert_eq!(lines(&read_with(&Passwords::from("password2"), &stream)), ["unread encrypted"]);
}

#[test]
fn cells_of_every_kind() {
    assert_eq!(
        shown(&workbook(false, &cells())),
        [
            "sheet Zorg: naam/Kim Vés|039568714|18-6-2020|0,75|uitslag|WAAR/los|999.918.564",
            "sheet Zorg, behind the cells: 039568714/999918564",
            "sheet Zorg, behind the cells: ziek",
            "property: Zorg",
            "behind the cells: Kim/ADHD",
        ]
    );
}

#[test]
fn what_stands_around_the_cells() {
    let text = |object: u8, text: &str| {
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        [
            record(0x5d, &[&[0x15, 0, 0x12, 0, 0x19, 0, object, 0]]),
            record(0x1b6, &[&[0; 10], &length, &[0; 6]]),
            record(0x3c, &[&[0], text.as_bytes()]),
            record(0x3c, &[&[0; 16]]),
        ]
        .concat()
    };
    let sheet = [
        record(0x14, &[&narrow("&C&\"Arial\"Groep &P")]),
        text(1, "heeft ADHD"),
        text(2, "in een vak"),
        record(0x1c, &[&cell(4, 1, 0), &[1, 0], &narrow("Juf")]),
        record(
            0x1be,
            &[
                &[0; 4],
                &narrow("\0"),
                &narrow("\0"),
                &narrow("Kies"),
                &narrow("\0"),
                &[8, 0, 0, 0],
                b"\x17\x05\0a b\0c",
                &[0; 4],
            ],
        ),
    ];
    assert_eq!(
        shown(&workbook(true, &sheet))[..4],
        [
            "sheet Zorg, comment: heeft ADHD",
            "sheet Zorg, text box: in een vak",
            "sheet Zorg, header or footer: Groep",
            "sheet Zorg, behind the cells: Kies/a b/c",
        ]
    );
    assert!(shown(&workbook(true, &cells()))[0].starts_with("sheet Zorg, hidden: naam"));
}

#[test]
fn older_workbooks_have_a_code_page() {
    let bof = |kind: u8| [0x09, 0x08, 4, 0, 0, 5, kind, 0];
    let stream = [
        &bof(5)[..],
        &record(0x42, &[&1251_u16.to_le_bytes()]),
        &record(0x85, &[&[0xff; 4], &[0, 0, 1], b"A"]),
        &EOF,
        &bof(0x10),
        &record(0x204, &[&cell(0, 0, 0), &[3, 0], b"\xc8\xe2\xe0"]),
        &record(0x1c, &[&cell(0, 0, 4), b"note"]),
        &EOF,
    ]
    .concat();
    assert_eq!(shown(&stream), ["sheet A: Ива", "sheet A, comment: note", "property: A"]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let locked = [&BOF_GLOBALS[..], &record(0x2f, &[&[1, 0]]), &EOF].concat();
    assert_eq!(shown(&locked), ["unread encrypted"]);
    assert_eq!(shown(b"no records at all"), ["unread damaged"]);
    let mut without_sheet = workbook(false, &[]);
    without_sheet.truncate(without_sheet.len() - 12);
    assert_eq!(shown(&without_sheet).last().unwrap(), "unread damaged");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn broken_streams_break_nothing(changes in proptest::collection::vec((0usize..500, any::<u8>()), 0..8), end in 0usize..600) {
        let mut stream = workbook(false, &cells());
        for (at, octet) in changes {
            if let Some(place) = stream.get_mut(at) {
                *place = octet;
            }
        }
        stream.truncate(end);
        for text in &read(&stream).texts {
            prop_assert!(text.cells.iter().all(|cell| text.text.get(cell.range.clone()).is_some()));
        }
    }

    #[test]
    fn any_octets_break_nothing(octets: Vec<u8>) {
        read(&octets);
    }
}
