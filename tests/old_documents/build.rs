//! Files of old formats, as small as they can be: MS-CFB by the cfb crate, the records in it by hand.

use std::io::{Cursor, Write};

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn cp1252(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// A compound file of these streams; their storages are made.
pub fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (path, content) in streams {
        let folder = path.rsplit_once('/').unwrap().0;
        if !folder.is_empty() {
            file.create_storage_all(folder).unwrap();
        }
        file.create_stream(path).unwrap().write_all(content).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// A file in the packager's wrapping.
pub fn package(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = [&[2, 0][..], name.as_bytes(), b"\0C:\\x\0\0\0\x03\0\x05\0\0\0C:\\x\0"].concat();
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out.extend_from_slice(content);
    out
}

/// An object in the wrapping of OLE 1.
pub fn ole1(class: &str, content: &[u8]) -> Vec<u8> {
    let mut out = [1, 5, 0, 0, 2, 0, 0, 0].to_vec();
    out.extend_from_slice(&(class.len() as u32 + 1).to_le_bytes());
    out.extend_from_slice(class.as_bytes());
    out.extend_from_slice(&[0; 9]);
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out.extend_from_slice(content);
    out
}

/// A property set with a title in code page 1252.
pub fn summary(title: &str) -> Vec<u8> {
    let title = cp1252(title);
    let mut set = Vec::new();
    for number in [0u32, 2, 1, 24, 2, 32, 2, 1252, 30, title.len() as u32 + 1] {
        set.extend_from_slice(&number.to_le_bytes());
    }
    set.extend_from_slice(&title);
    set.push(0);
    let mut out = vec![0xFE, 0xFF, 0, 0, 0, 0, 0, 0];
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&1u32.to_le_bytes());
    out.extend_from_slice(&[1; 16]);
    out.extend_from_slice(&48u32.to_le_bytes());
    out.extend_from_slice(&set);
    out
}

/// Characters from and to, and their modifiers.
pub type Runs<'t> = &'t [(usize, usize, &'t [u8])];

/// A Word document: its stories, and the properties of characters and paragraphs.
#[derive(Default)]
pub struct Word<'t> {
    pub stories: [&'t str; 8],
    pub characters: Runs<'t>,
    pub paragraphs: Runs<'t>,
    pub wide: bool,
    pub locked: bool,
}

const TEXT: usize = 2048;

impl Word<'_> {
    pub fn file(&self) -> Vec<u8> {
        let (main, table) = self.streams();
        compound(&[("/WordDocument", &main), ("/1Table", &table)])
    }

    /// The main stream and the table stream.
    pub fn streams(&self) -> (Vec<u8>, Vec<u8>) {
        let text: String = self.stories.concat();
        let octets = if self.wide { utf16(&text) } else { cp1252(&text) };
        let mut main = vec![0; TEXT];
        main.extend_from_slice(&octets);
        main.resize(main.len().next_multiple_of(512), 0);
        let flags = 0x0200 | if self.locked { 0x0100 } else { 0 };
        put(&mut main, 0, &0xA5ECu16.to_le_bytes());
        put(&mut main, 2, &0x00C1u16.to_le_bytes());
        put(&mut main, 10, &u16::to_le_bytes(flags));
        put(&mut main, 152, &93u16.to_le_bytes());
        for (index, story) in self.stories.iter().enumerate() {
            put(&mut main, 0x4C + 4 * index, &(story.chars().count() as u32).to_le_bytes());
        }
        let mut table = Vec::new();
        let place = TEXT as u32;
        let place = if self.wide { place } else { (place * 2) | 0x4000_0000 };
        let mut pieces = vec![2];
        for number in [16u32, 0, text.chars().count() as u32] {
            pieces.extend_from_slice(&number.to_le_bytes());
        }
        pieces.extend_from_slice(&[0, 0]);
        pieces.extend_from_slice(&place.to_le_bytes());
        pieces.extend_from_slice(&[0, 0]);
        add_table(&mut main, &mut table, 33, &pieces);
        for (index, runs, width) in [(12, self.characters, 1), (13, self.paragraphs, 13)] {
            if !runs.is_empty() {
                let number = (main.len() / 512) as u32;
                main.extend_from_slice(&page(runs, width));
                let bounds: Vec<u8> = [0u32, u32::MAX, number].iter().flat_map(|number| number.to_le_bytes()).collect();
                add_table(&mut main, &mut table, index, &bounds);
            }
        }
        (main, table)
    }
}

fn put(out: &mut [u8], at: usize, octets: &[u8]) {
    out[at..at + octets.len()].copy_from_slice(octets);
}

fn add_table(main: &mut [u8], table: &mut Vec<u8>, index: usize, content: &[u8]) {
    put(main, 154 + 8 * index, &(table.len() as u32).to_le_bytes());
    put(main, 158 + 8 * index, &(content.len() as u32).to_le_bytes());
    table.extend_from_slice(content);
}

/// A page of properties; what stands between the runs has none.
fn page(runs: Runs<'_>, width: usize) -> [u8; 512] {
    let mut bounds = vec![TEXT];
    let mut modifiers: Vec<&[u8]> = Vec::new();
    for (from, to, modifier) in runs {
        bounds.extend([TEXT + from, TEXT + to]);
        modifiers.extend([&[][..], modifier]);
    }
    let mut out = [0; 512];
    let mut free = 510;
    for (run, modifier) in modifiers.iter().enumerate() {
        if !modifier.is_empty() {
            // Paragraphs have a style of two octets first, and count in pairs with one too many.
            let with_style = [&[0, 0][..], modifier].concat();
            let (size, content) = match width {
                1 => (modifier.len(), modifier.to_vec()),
                _ => (with_style.len().div_ceil(2), with_style),
            };
            free = (free - content.len() - 1) / 2 * 2;
            out[free] = size as u8;
            put(&mut out, free + 1, &content);
            out[4 * bounds.len() + width * run] = (free / 2) as u8;
        }
    }
    for (index, bound) in bounds.iter().enumerate() {
        put(&mut out, 4 * index, &(*bound as u32).to_le_bytes());
    }
    out[511] = modifiers.len() as u8;
    out
}

/// A record of PowerPoint's.
fn record(version: u16, instance: u16, kind: u16, content: &[u8]) -> Vec<u8> {
    let mut out = (instance << 4 | version).to_le_bytes().to_vec();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out.extend_from_slice(content);
    out
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn shape(text: &[u8], placeholder: bool) -> Vec<u8> {
    let data = if placeholder { record(0xF, 0, 0xF011, &record(0, 0, 0x0BC3, &[0; 8])) } else { Vec::new() };
    let text = record(0xF, 0, 0xF00D, text);
    record(0xF, 0, 0x040C, &record(0xF, 0, 0xF002, &record(0xF, 0, 0xF004, &[data, text].concat())))
}

/// Two slides, the second hidden; notes and a comment on the first; a master with a prompt and a logo.
pub fn presentation() -> Vec<u8> {
    let chars = |text: &str| record(0, 0, 0x0FA0, &utf16(text));
    let bytes = |text: &str| record(0, 0, 0x0FA8, text.as_bytes());
    let comment = [record(0, 0, 0x0FBA, &utf16("Juf")), record(0, 1, 0x0FBA, &utf16("klopt dit?"))].concat();
    let later =
        record(0xF, 0, 0x1388, &record(0xF, 0, 0x138A, &record(0, 0, 0x138B, &record(0xF, 0, 0x2EE0, &comment))));
    let outline_ref = record(0, 0, 0x0F9E, &words(&[0]));
    let first = [shape(&outline_ref, true), shape(&bytes("Kim 123456782"), false), later].concat();
    let first = record(0xF, 0, 0x03EE, &first);
    let hidden = record(0, 0, 0x03F9, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let second = record(0xF, 0, 0x03EE, &[hidden, shape(&bytes("stil"), false)].concat());
    let notes_of = record(0, 0, 0x03F1, &words(&[256, 0]));
    let notes = record(0xF, 0, 0x03F0, &[notes_of, shape(&chars("zeg dit"), true)].concat());
    let master = [shape(&bytes("Klik om te bewerken"), true), shape(&bytes("Logo van de school"), false)].concat();
    let master = record(0xF, 0, 0x03F8, &master);
    let listed = |persist: u32, id: u32| record(0, 0, 0x03F3, &words(&[persist, 0, 0, id, 0]));
    let outline = [listed(2, 256), record(0, 0, 0x0F9F, &words(&[0])), chars("Titel Zoë"), listed(3, 257)].concat();
    let document = record(0xF, 0, 0x03E8, &record(0xF, 0, 0x0FF0, &outline));
    let mut stream = Vec::new();
    let mut places = vec![5 << 20 | 1];
    for object in [document, first, second, notes, master] {
        places.push(stream.len() as u32);
        stream.extend_from_slice(&object);
    }
    let directory = stream.len() as u32;
    stream.extend_from_slice(&record(0, 0, 0x1772, &words(&places)));
    let edit = stream.len() as u32;
    stream.extend_from_slice(&record(0, 0, 0x0FF5, &words(&[0, 0, 0, directory, 1, 6, 0])));
    let user = record(0, 0, 0x0FF6, &words(&[20, 0xE391_C05F, edit]));
    compound(&[("/PowerPoint Document", &stream), ("/Current User", &user)])
}

/// A message with a recipient, a file and a message in it.
pub fn message() -> Vec<u8> {
    let fixed = |head: usize| vec![0; head];
    compound(&[
        ("/__properties_version1.0", &fixed(32)),
        ("/__substg1.0_0037001F", &utf16("Zorg om Zoë")),
        ("/__substg1.0_0042001F", &utf16("Juf Kim")),
        ("/__substg1.0_1000001F", &utf16("Beste ouders")),
        ("/__substg1.0_8001001E", b"lokaal 3"),
        ("/__recip_version1.0_#00000000/__properties_version1.0", &fixed(8)),
        ("/__recip_version1.0_#00000000/__substg1.0_3001001F", &utf16("Ouders")),
        ("/__attach_version1.0_#00000000/__properties_version1.0", &fixed(8)),
        ("/__attach_version1.0_#00000000/__substg1.0_3707001F", &utf16("klas.csv")),
        ("/__attach_version1.0_#00000000/__substg1.0_37010102", b"naam;nr"),
        ("/__attach_version1.0_#00000001/__properties_version1.0", &fixed(8)),
        ("/__attach_version1.0_#00000001/__substg1.0_3001001F", &utf16("Eerder")),
        ("/__attach_version1.0_#00000001/__substg1.0_3701000D/__properties_version1.0", &fixed(24)),
        ("/__attach_version1.0_#00000001/__substg1.0_3701000D/__substg1.0_0037001F", &utf16("Eerder")),
        ("/__attach_version1.0_#00000001/__substg1.0_3701000D/__substg1.0_10130102", b"<p>Al gemeld</p>"),
    ])
}

fn attribute(level: u8, id: u32, content: &[u8]) -> Vec<u8> {
    let mut out = vec![level];
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out.extend_from_slice(content);
    out.extend_from_slice(&[0xBA, 0xD1]);
    out
}

/// A message with a file whose long name is a property.
pub fn winmail() -> Vec<u8> {
    let name = utf16("een lange naam.csv");
    let mut properties = words(&[2, 0x3705_0003, 1, 0x3707_001F, 1, name.len() as u32]);
    properties.extend_from_slice(&name);
    properties.resize(properties.len().next_multiple_of(4), 0);
    [
        vec![0x78, 0x9F, 0x3E, 0x22, 1, 0],
        attribute(1, 0x0006_9007, &words(&[1252, 0])),
        attribute(1, 0x0001_8004, b"Zorg\0"),
        attribute(1, 0x0002_800C, b"Beste Zo\xEB\0"),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"EENLAN~1.CSV\0"),
        attribute(2, 0x0006_800F, b"naam;nr"),
        attribute(2, 0x0006_9005, &properties),
    ]
    .concat()
}
