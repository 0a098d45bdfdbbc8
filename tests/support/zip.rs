//! Writes zip archives, also such as no program writes.
#![allow(dead_code)]

use std::io::Write;

/// A file in an archive, and what the archive says of it.
#[derive(Clone, Default)]
pub struct File {
    pub name: Vec<u8>,
    /// The name in the local header, when it is another one.
    pub local_name: Option<Vec<u8>>,
    /// The octets as they stand there.
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub checksum: u32,
    pub unpacked: u32,
    pub extra: Vec<u8>,
    /// Sizes stand behind the data, and not in the local header.
    pub streamed: bool,
    /// It is not in the central directory.
    pub unlisted: bool,
}

/// A file that is stored.
pub fn stored(name: &str, content: &[u8]) -> File {
    let mut sum = flate2::Crc::new();
    sum.update(content);
    File {
        name: name.as_bytes().to_vec(),
        data: content.to_vec(),
        flags: if name.is_ascii() { 0 } else { 0x800 },
        checksum: sum.sum(),
        unpacked: u32::try_from(content.len()).unwrap(),
        ..File::default()
    }
}

/// A file that is deflated.
pub fn deflated(name: &str, content: &[u8]) -> File {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(content).unwrap();
    File { data: packer.finish().unwrap(), method: 8, ..stored(name, content) }
}

/// An archive.
pub fn zip(files: &[File]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut list = Vec::new();
    let mut count = 0u16;
    for file in files {
        let offset = u32::try_from(out.len()).unwrap();
        let packed = u32::try_from(file.data.len()).unwrap();
        let flags = file.flags | if file.streamed { 8 } else { 0 };
        let local_name = file.local_name.as_ref().unwrap_or(&file.name);
        let (sum, sizes) = if file.streamed { (0, [0, 0]) } else { (file.checksum, [packed, file.unpacked]) };
        out.extend_from_slice(b"PK\x03\x04\x14\0");
        out.extend_from_slice(&[flags.to_le_bytes(), file.method.to_le_bytes(), [0; 2], [0; 2]].concat());
        out.extend_from_slice(&[sum.to_le_bytes(), sizes[0].to_le_bytes(), sizes[1].to_le_bytes()].concat());
        out.extend_from_slice(&[length(local_name), length(&file.extra)].concat());
        out.extend_from_slice(&[&local_name[..], &file.extra, &file.data].concat());
        if file.streamed {
            out.extend_from_slice(b"PK\x07\x08");
            out.extend_from_slice(
                &[file.checksum.to_le_bytes(), packed.to_le_bytes(), file.unpacked.to_le_bytes()].concat(),
            );
        }
        if !file.unlisted {
            count += 1;
            list.extend_from_slice(b"PK\x01\x02\x14\0\x14\0");
            list.extend_from_slice(&[flags.to_le_bytes(), file.method.to_le_bytes(), [0; 2], [0; 2]].concat());
            list.extend_from_slice(
                &[file.checksum.to_le_bytes(), packed.to_le_bytes(), file.unpacked.to_le_bytes()].concat(),
            );
            list.extend_from_slice(&[length(&file.name), length(&file.extra), [0; 2], [0; 2], [0; 2]].concat());
            list.extend_from_slice(&[[0; 4], offset.to_le_bytes()].concat());
            list.extend_from_slice(&[&file.name[..], &file.extra].concat());
        }
    }
    let start = u32::try_from(out.len()).unwrap();
    out.extend_from_slice(&list);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&[count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend_from_slice(&[u32::try_from(list.len()).unwrap().to_le_bytes(), start.to_le_bytes()].concat());
    out.extend_from_slice(&[0, 0]);
    out
}

fn length(octets: &[u8]) -> [u8; 2] {
    u16::try_from(octets.len()).unwrap().to_le_bytes()
}
