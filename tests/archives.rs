//! Archives: what of each is read, what is said to be unread, and that hostile ones are neither believed nor unfolded.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/read.rs"]
mod reading;
#[path = "support/zip.rs"]
mod zips;

use std::io::Write;

use proptest::prelude::*;
use reading::{names, read, shown};
use zips::{File, deflated, stored, zip};

/// Everything that is wrong, and not only the first.
fn check(cases: Vec<(&str, &str, Vec<u8>, &[&str])>) {
    let mut wrong = Vec::new();
    for (what, name, octets, expected) in cases {
        let found = shown(name, &octets);
        if found != expected {
            wrong.push(format!("{what}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn zip_archives_of_programs() {
    let file = || deflated("map/lijst.txt", b"Kim 123");
    let read: &[&str] = &["att:a.zip/att:map/lijst.txt: Kim 123"];
    let windows = File { name: b"Zo\x89.txt".to_vec(), flags: 0, ..stored("", b"Kim 123") };
    let unicode = File { extra: [&b"up\x0b\0\x01\0\0\0\0"[..], "Zoë.t".as_bytes()].concat(), ..windows.clone() };
    let wide = File { extra: b"\x01\0\0\0".to_vec(), ..file() };
    check(vec![
        ("deflated", "a.zip", zip(&[file()]), read),
        ("stored", "a.zip", zip(&[stored("map/lijst.txt", b"Kim 123")]), read),
        ("sizes behind the data", "a.zip", zip(&[File { streamed: true, ..file() }]), read),
        ("an empty zip64 field", "a.zip", zip(&[wide]), read),
        ("octets in front", "a.zip", [b"PK00PK".to_vec(), zip(&[file()])].concat(), read),
        ("octets behind", "a.zip", [zip(&[file()]), vec![0; 9]].concat(), read),
        ("a name of Windows", "a.zip", zip(&[windows]), &["att:a.zip/att:Zoë.txt: Kim 123"]),
        ("a name in Info-ZIP's field", "a.zip", zip(&[unicode]), &["att:a.zip/att:Zoë.t: Kim 123"]),
        ("traversal", "a.zip", zip(&[stored("../../etc/x.txt", b"Kim")]), &["att:a.zip/att:../../etc/x.txt: Kim"]),
        (
            "a zip in a zip",
            "a.zip",
            zip(&[stored("b.zip", &zip(&[file()]))]),
            &["att:a.zip/att:b.zip/att:map/lijst.txt: Kim 123"],
        ),
        ("nothing in it", "a.zip", zip(&[]), &[]),
        (
            "what macOS adds",
            "a.zip",
            zip(&[file(), stored("__MACOSX/map/._lijst.txt", b"\0\x05\x16\x07\0\x02\0\0Mac OS X \0\0\0\x02\0\0")]),
            read,
        ),
    ]);
    assert_eq!(names("a.zip", &zip(&[stored("map/", b""), file(), stored("leeg/", b"")])), ["map/lijst.txt", "leeg/"]);
}

#[test]
fn zip_archives_that_are_locked_or_unknown() {
    let open = || stored("open.txt", b"Kim");
    let locked = |flags, method| File { flags, method, ..stored("x.txt", b"????") };
    let expected: &[&str] = &["att:a.zip/att:open.txt: Kim", "unread att:a.zip/att:x.txt: encrypted"];
    check(vec![
        ("ZipCrypto", "a.zip", zip(&[locked(1, 8), open()]), expected),
        ("AES", "a.zip", zip(&[open(), locked(1, 99)]), expected),
        ("strong", "a.zip", zip(&[open(), locked(0x41, 0)]), expected),
        (
            "an unknown method",
            "a.zip",
            zip(&[open(), locked(0, 98)]),
            &["att:a.zip/att:open.txt: Kim", "unread att:a.zip/att:x.txt: unknown_format"],
        ),
    ]);
}

#[test]
fn zip_archives_that_programs_read_differently() {
    let a = || stored("a.txt", b"Kim");
    let b = || stored("b.txt", b"Bo");
    let both = [zip(&[a()]), zip(&[b()])].concat();
    let renamed = zip(&[File { local_name: Some(b"c.txt".to_vec()), ..a() }]);
    let mut resized = zip(&[stored("a.txt", b"Kim Vos")]);
    resized[18] = 3;
    let mut ended = zip(&[a()]);
    let length = ended.len();
    ended[length - 2] = 22;
    ended.extend_from_slice(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let broken = {
        let mut octets = zip(&[deflated("a.txt", &b"Kim ".repeat(200))]);
        octets[14] ^= 1;
        let list = octets.windows(4).position(|mark| mark == b"PK\x01\x02").unwrap();
        octets[list + 16] ^= 1;
        octets
    };
    let cut = |mut octets: Vec<u8>, keep: usize| {
        octets.truncate(keep);
        octets
    };
    check(vec![
        (
            "a file that no list names",
            "a.zip",
            zip(&[a(), File { unlisted: true, ..b() }]),
            &["att:a.zip/att:a.txt: Kim", "att:a.zip/att:b.txt: Bo", "unread att:a.zip: ambiguous"],
        ),
        (
            "two archives, one behind the other",
            "a.zip",
            both,
            &["att:a.zip/att:b.txt: Bo", "att:a.zip/att:a.txt: Kim", "unread att:a.zip: ambiguous"],
        ),
        (
            "two names",
            "a.zip",
            renamed,
            &["att:a.zip/att:a.txt: Kim", "unread att:a.zip: ambiguous", "unread att:a.zip/att:c.txt: ambiguous"],
        ),
        (
            "two sizes",
            "a.zip",
            resized,
            &["att:a.zip/att:a.txt: Kim Vos", "att:a.zip/att:a.txt: Kim Vos", "unread att:a.zip: ambiguous"],
        ),
        ("an end in the comment", "a.zip", ended, &["att:a.zip/att:a.txt: Kim", "unread att:a.zip: ambiguous"]),
        (
            "one name twice",
            "a.zip",
            zip(&[a(), stored("a.txt", b"Bo")]),
            &["att:a.zip/att:a.txt: Kim", "att:a.zip/att:a.txt: Bo", "unread att:a.zip: ambiguous"],
        ),
        (
            "a wrong checksum",
            "a.zip",
            broken,
            &[&format!("att:a.zip/att:a.txt: {}", "Kim ".repeat(200)), "unread att:a.zip: damaged"],
        ),
        (
            "no list",
            "a.zip",
            cut(zip(&[a(), b()]), 80),
            &["att:a.zip/att:a.txt: Kim", "att:a.zip/att:b.txt: Bo", "unread att:a.zip: damaged"],
        ),
        (
            "no list, no sizes",
            "a.zip",
            cut(zip(&[File { streamed: true, ..deflated("a.txt", b"Kim") }]), 50),
            &["att:a.zip/att:a.txt: Kim", "unread att:a.zip: damaged"],
        ),
        ("no archive", "a.zip", b"PK\x03\x04en verder niets".to_vec(), &["unread att:a.zip: damaged"]),
    ]);
}

#[test]
fn zip_archives_behind_something_else() {
    let archive = zip(&[stored("a.txt", b"Kim")]);
    let behind = |front: &[u8]| [front, &archive[..]].concat();
    check(vec![
        (
            "a picture",
            "foto.jpg",
            behind(b"\xFF\xD8\xFF\xE0 picture"),
            &["att:foto.jpg/att:a.txt: Kim", "unread att:foto.jpg: media"],
        ),
        (
            "a program",
            "pak-uit.exe",
            behind(b"\x7FELF\0\0\0"),
            &["att:pak-uit.exe/att:a.txt: Kim", "unread att:pak-uit.exe: unknown_format"],
        ),
    ]);
    let text = shown("notitie.txt", &behind(&b"Dag! ".repeat(2000)));
    assert_eq!(text.last().unwrap(), "att:notitie.txt/att:a.txt: Kim");
    assert_eq!(text.len(), 2);
}

#[test]
fn bombs_are_not_unfolded() {
    let zeros = vec![0; 40 << 20];
    let packed = deflated("nul.bin", &zeros);
    // One stream, found by fifty local headers that stand before it in each other's data.
    let overlapping = {
        let kernel = zip(std::slice::from_ref(&packed));
        let mut octets = Vec::new();
        let mut list = Vec::new();
        for _ in 0..50 {
            list.extend_from_slice(&kernel[kernel.len() - 75..kernel.len() - 22]);
        }
        octets.extend_from_slice(&kernel[..kernel.len() - 75]);
        let start = u32::try_from(octets.len()).unwrap();
        octets.extend_from_slice(&list);
        octets.extend_from_slice(b"PK\x05\x06\0\0\0\0\x32\0\x32\0");
        octets.extend_from_slice(&u32::try_from(list.len()).unwrap().to_le_bytes());
        octets.extend_from_slice(&start.to_le_bytes());
        octets.extend_from_slice(&[0, 0]);
        octets
    };
    let many: Vec<File> = (0..3000).map(|number| stored(&format!("{number}.txt"), b"")).collect();
    let mut nested = zip(&[stored("kern.txt", b"Kim")]);
    for _ in 0..40 {
        nested = zip(&[stored("dieper.zip", &nested)]);
    }
    let mut chain = b"Kim".to_vec();
    for _ in 0..40 {
        chain = gzip(&chain);
    }
    for (what, octets) in [
        ("one ratio", zip(&[packed])),
        ("overlapping", overlapping),
        ("many", zip(&many)),
        ("nested", nested),
        ("gzip in gzip", chain),
        ("gzip", gzip(&zeros)),
        ("gzip, many members", gzip(b"Kim").repeat(20_000)),
        ("tar", one("kim.txt", b"Kim").repeat(3000)),
    ] {
        let found = read("bom.bin", &octets);
        let said = found.unread.iter().any(|unread| unread.why.word() == "over_limit");
        assert!(said || what == "overlapping" && found.unread.iter().any(|u| u.why.word() == "ambiguous"), "{what}");
        assert!(found.unread.len() < 100, "{what}: {}", found.unread.len());
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packer = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

/// A tar archive of one file, with more octets said than there are when `content` is shorter than `sized`.
fn tar(name: &str, sized: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", sized.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    let sum: u32 = header.iter().map(|&octet| u32::from(octet)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut out = header.to_vec();
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn one(name: &str, content: &[u8]) -> Vec<u8> {
    tar(name, content, content)
}

/// A header of another kind before a file.
fn of_kind(kind: u8, mut header: Vec<u8>) -> Vec<u8> {
    header[156] = kind;
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|&octet| u32::from(octet)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

#[test]
fn tar_archives() {
    let long = of_kind(b'L', one("././@LongLink", b"een-lange-naam.txt\0"));
    let pax = of_kind(b'x', one("PaxHeaders/a", b"24 path=naam-in-pax.txt\n"));
    let sparse = of_kind(b'x', one("PaxHeaders/a", b"22 GNU.sparse.major=1\n"));
    let mut old = one("oud.txt", b"Kim");
    old[257..263].fill(0);
    let old = of_kind(b'0', old);
    check(vec![
        ("ustar", "a.tar", [one("a.txt", b"Kim"), vec![0; 1024]].concat(), &["att:a.tar/att:a.txt: Kim"]),
        ("before ustar", "a.tar", old, &["att:a.tar/att:oud.txt: Kim"]),
        ("a long name", "a.tar", [long, one("kort", b"Kim")].concat(), &["att:a.tar/att:een-lange-naam.txt: Kim"]),
        ("a name of pax", "a.tar", [pax, one("kort", b"Kim")].concat(), &["att:a.tar/att:naam-in-pax.txt: Kim"]),
        (
            "a sparse file",
            "a.tar",
            [sparse, one("ijl.txt", b"Kim"), one("b.txt", b"Bo")].concat(),
            &["att:a.tar/att:b.txt: Bo", "unread att:a.tar/att:ijl.txt: unknown_format"],
        ),
        (
            "cut",
            "a.tar",
            tar("a.txt", &[b'x'; 9000], &b"Kim ".repeat(128)),
            &[&format!("att:a.tar/att:a.txt: {}", "Kim ".repeat(128)), "unread att:a.tar: damaged"],
        ),
        (
            "broken in the middle",
            "a.tar",
            [one("a.txt", b"Kim"), vec![7; 512], one("b.txt", b"Bo")].concat(),
            &["att:a.tar/att:a.txt: Kim", "unread att:a.tar: damaged"],
        ),
        ("compressed", "a.tar.gz", gzip(&one("a.txt", b"Kim")), &["att:a.tar.gz/att:a.tar/att:a.txt: Kim"]),
    ]);
    assert_eq!(names("a.tar", &of_kind(b'5', one("leerlingen/", b""))), ["leerlingen/"]);
}

#[test]
fn compressed_files() {
    let named = {
        let mut packer = flate2::GzBuilder::new().filename("kim.txt").write(Vec::new(), flate2::Compression::best());
        packer.write_all(b"Kim").unwrap();
        packer.finish().unwrap()
    };
    let bzip2 = {
        let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        packer.write_all(b"Kim").unwrap();
        packer.finish().unwrap()
    };
    let zstd = ruzstd::encoding::compress_to_vec(&b"Kim"[..], ruzstd::encoding::CompressionLevel::Fastest);
    let skipped = [&b"\x28\xB5\x2F\xFD"[..0], &zstd[..], b"\x50\x2A\x4D\x18\x02\0\0\0xx", &zstd[..]].concat();
    let short = gzip(&b"Kim ".repeat(9));
    check(vec![
        ("gzip", "a.txt.gz", gzip(b"Kim"), &["att:a.txt.gz/att:a.txt: Kim"]),
        ("gzip with a name", "a.gz", named, &["att:a.gz/att:kim.txt: Kim"]),
        ("gzip of two", "a.txt.gz", [gzip(b"Kim "), gzip(b"Vos")].concat(), &["att:a.txt.gz/att:a.txt: Kim Vos"]),
        ("gzip and zeros", "a.txt.gz", [gzip(b"Kim"), vec![0; 99]].concat(), &["att:a.txt.gz/att:a.txt: Kim"]),
        (
            "gzip and more",
            "a.txt.gz",
            [gzip(b"Kim"), b"Bo".to_vec()].concat(),
            &["att:a.txt.gz/att:a.txt: Kim", "unread att:a.txt.gz: damaged"],
        ),
        (
            "gzip cut",
            "a.txt.gz",
            short[..short.len() - 4].to_vec(),
            &[&format!("att:a.txt.gz/att:a.txt: {}", "Kim ".repeat(9)), "unread att:a.txt.gz: damaged"],
        ),
        ("bzip2", "a.txt.bz2", bzip2, &["att:a.txt.bz2/att:a.txt: Kim"]),
        ("zstd", "a.txt.zst", zstd.clone(), &["att:a.txt.zst/att:a.txt: Kim"]),
        ("zstd of two", "a.txt.zst", skipped, &["att:a.txt.zst/att:a.txt: KimKim"]),
        ("xz", "a.txt.xz", XZ.to_vec(), &["att:a.txt.xz/att:a.txt: Kim"]),
        ("lz4", "a.txt.lz4", b"\x04\x22\x4D\x18rest".to_vec(), &["unread att:a.txt.lz4: unknown_format"]),
    ]);
}

/// "Kim", by xz.
const XZ: &[u8] = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\x02\0!\x01\x16\0\0\0t/\xe5\xa3\x01\0\x02Kim\0\0c\xfa\xe0x\xf5\x91b\x95\0\x01\x1b\x03\x0b/\xb9\x10\x1f\xb6\xf3}\x01\0\0\0\0\x04YZ";

/// "Kim" in a chunk of LZMA2 that is stored.
const PACKED: &[u8] = b"\x01\0\x02Kim\0";
/// The coder of a 7z archive: flags and length of its id, its id, its properties.
const LZMA2: &[u8] = b"\x21\x21\x01\x16";
const COPY: &[u8] = b"\x01\0";
const AES: &[u8] = b"\x24\x06\xF1\x07\x01\x02\x13\0";
const PPMD: &[u8] = b"\x23\x03\x04\x01\x05\x06\0\0\x10\0";

/// A 7z archive of one file, a.txt, of three octets.
fn seven_z(coder: &[u8], packed: &[u8]) -> Vec<u8> {
    let mut header = b"\x01\x04\x06\0\x01\x09".to_vec();
    header.push(u8::try_from(packed.len()).unwrap());
    header.extend_from_slice(b"\0\x07\x0B\x01\0\x01");
    header.extend_from_slice(coder);
    header.extend_from_slice(b"\x0C\x03\0\x08\0\0\x05\x01\x11\x0D\0a\0.\0t\0x\0t\0\0\0\0\0");
    let mut start = (packed.len() as u64).to_le_bytes().to_vec();
    start.extend_from_slice(&(header.len() as u64).to_le_bytes());
    start.extend_from_slice(&sum(&header).to_le_bytes());
    [&b"7z\xBC\xAF\x27\x1C\0\x04"[..], &sum(&start).to_le_bytes(), &start, packed, &header].concat()
}

fn sum(octets: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(octets);
    sum.sum()
}

/// A RAR archive of version 5: one file, a.txt, by a method, with extra records.
fn rar5(method: u8, extra: &[u8]) -> Vec<u8> {
    let mut file = vec![2, 3, u8::try_from(extra.len()).unwrap(), 3, 0, 3, 0x20];
    // The compression information takes two octets: seven bits each.
    file.extend_from_slice(&[0x80, method, 1, 5]);
    file.extend_from_slice(b"a.txt");
    file.extend_from_slice(extra);
    let block = |header: &[u8]| [&[0, 0, 0, 0, u8::try_from(header.len()).unwrap()], header].concat();
    [&b"Rar!\x1A\x07\x01\0"[..], &block(&[1, 0, 0]), &block(&file), b"Kim", &block(&[5, 0, 0])].concat()
}

/// A RAR archive of version 4: one file, a.txt.
fn rar4(flags: u16, method: u8) -> Vec<u8> {
    let mut file = vec![0, 0, 0x74];
    file.extend_from_slice(&(flags | 0x8000).to_le_bytes());
    file.extend_from_slice(&37u16.to_le_bytes());
    file.extend_from_slice(&[3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 20, method, 5, 0, 0, 0, 0, 0]);
    file.extend_from_slice(b"a.txtKim");
    let main = [0, 0, 0x73, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0];
    [&b"Rar!\x1A\x07\0"[..], &main, &file, &[0, 0, 0x7B, 0, 0, 7, 0]].concat()
}

#[test]
fn archives_of_seven_zip_and_rar() {
    let locked_list = [&b"Rar!\x1A\x07\x01\0\0\0\0\0\x04\x04\0\0\0"[..], &[7; 40]].concat();
    let mut locked_main = rar4(0, 0x30);
    locked_main[10] = 0x80;
    check(vec![
        ("7z, LZMA2", "a.7z", seven_z(LZMA2, PACKED), &["att:a.7z/att:a.txt: Kim"]),
        ("7z, stored", "a.7z", seven_z(COPY, b"Kim"), &["att:a.7z/att:a.txt: Kim"]),
        ("7z, locked", "a.7z", seven_z(AES, b"????"), &["unread att:a.7z/att:a.txt: encrypted"]),
        ("7z, PPMd", "a.7z", seven_z(PPMD, b"????"), &["unread att:a.7z/att:a.txt: unknown_format"]),
        (
            "7z, a dictionary of 4 GB",
            "a.7z",
            seven_z(b"\x21\x21\x01\x28", PACKED),
            &["unread att:a.7z/att:a.txt: over_limit"],
        ),
        ("RAR 5, stored", "a.rar", rar5(0, &[]), &["att:a.rar/att:a.txt: Kim"]),
        ("RAR 5, packed", "a.rar", rar5(7, &[]), &["unread att:a.rar/att:a.txt: unknown_format"]),
        ("RAR 5, locked", "a.rar", rar5(0, &[2, 1, 0]), &["unread att:a.rar/att:a.txt: encrypted"]),
        ("RAR 5, locked list", "a.rar", locked_list, &["unread att:a.rar: encrypted"]),
        ("RAR 5 cut", "a.rar", rar5(0, &[])[..30].to_vec(), &["unread att:a.rar: damaged"]),
        ("RAR 4, stored", "a.rar", rar4(0, 0x30), &["att:a.rar/att:a.txt: Kim"]),
        ("RAR 4, packed", "a.rar", rar4(0, 0x33), &["unread att:a.rar/att:a.txt: unknown_format"]),
        ("RAR 4, locked", "a.rar", rar4(4, 0x30), &["unread att:a.rar/att:a.txt: encrypted"]),
        ("RAR 4, locked list", "a.rar", locked_main, &["unread att:a.rar: encrypted"]),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Octets that were changed anywhere break no reader, and no more comes out than a bomb may give.
    #[test]
    fn broken_archives_are_read_or_said(kind in 0usize..6, changes in prop::collection::vec((any::<u16>(), any::<u8>()), 1..12), cut in any::<u16>()) {
        let text = b"Kim heeft 123 gehaald. ".repeat(20);
        let mut octets = match kind {
            0 => zip(&[deflated("a.txt", &text), File { streamed: true, ..deflated("b.txt", &text) }, stored("c.zip", &zip(&[stored("d", b"Kim")]))]),
            1 => [one("a.txt", &text), one("b.txt", &text)].concat(),
            2 => gzip(&one("a.txt", &text)),
            3 => rar5(0, &[]),
            4 => rar4(0x8000, 0x30),
            _ => seven_z(LZMA2, PACKED),
        };
        for (at, octet) in changes {
            let at = usize::from(at) % octets.len();
            octets[at] = octet;
        }
        octets.truncate(octets.len() - usize::from(cut) % octets.len() / 4);
        let found = read("a.bin", &octets);
        let text: usize = found.texts.iter().map(|text| text.text.len()).sum();
        prop_assert!(text < 100_000, "{text}");
    }
}
