//! 7z archives, by the crate sevenz-rust2.
//!
//! Encrypted files, and an encrypted list of files, are said; so is a dictionary larger than the reader's memory.
//! PPMd, and what else is rarely chosen, is unknown. Reads in one thread. Cannot fail.

use std::io::Cursor;

use sevenz_rust2::{Archive, BlockDecoder, EncoderMethod, Error, Password};

use super::{Sink, unpack};
use crate::extract::Why;

/// More files than a person sends.
const MOST_FILES: usize = 2_000;
/// The largest dictionary, in octets: what 7-Zip's highest setting asks for.
const WINDOW: u64 = 64 << 20;

/// Reads the files of a 7z archive.
pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let password = Password::empty();
    let archive = match Archive::read(&mut Cursor::new(octets), &password) {
        Ok(archive) => archive,
        Err(error) => return sink.unread(reason(&error)),
    };
    if archive.files.len() > MOST_FILES {
        sink.unread(Why::OverLimit);
    }
    let names = archive.files.iter().zip(&archive.stream_map.file_block_index);
    for (file, _) in names.take(MOST_FILES).filter(|(_, block)| block.is_none()) {
        sink.name_only(&file.name);
    }
    for index in 0..archive.blocks.len().min(MOST_FILES) {
        block(&archive, index, octets, sink);
    }
}

/// Reads the files of one block, which are packed as one stream.
fn block(archive: &Archive, index: usize, octets: &[u8], sink: &mut Sink<'_, '_>) {
    let password = Password::empty();
    let mut source = Cursor::new(octets);
    let mut done = 0;
    let why = match archive.blocks.get(index).and_then(forbidden) {
        Some(why) => why,
        None => {
            let decoder = BlockDecoder::new(1, index, archive, &password, &mut source);
            let read = decoder.for_each_entries(&mut |entry, stream| {
                done += 1;
                let read = unpack::drain(stream, octets.len(), sink);
                match read.fault {
                    Some(why) if read.content.is_empty() => sink.unread_file(&entry.name, why),
                    fault => {
                        sink.file(&entry.name, &read.content);
                        if let Some(why) = fault {
                            sink.unread(why);
                        }
                    }
                }
                Ok(read.fault.is_none())
            });
            match read {
                Ok(true) => return,
                Ok(false) => Why::OverLimit,
                Err(error) => reason(&error),
            }
        }
    };
    let files = archive.files.iter().zip(&archive.stream_map.file_block_index);
    let left = files.filter(|(_, block)| **block == Some(index)).skip(done).take(MOST_FILES);
    for (file, _) in left {
        sink.unread_file(&file.name, why);
    }
}

/// Why a block cannot be read, by how it is packed.
fn forbidden(block: &sevenz_rust2::Block) -> Option<Why> {
    block.coders.iter().find_map(|coder| {
        let properties = coder.properties();
        let window = match coder.encoder_method_id() {
            EncoderMethod::ID_AES256_SHA256 => return Some(Why::Encrypted),
            EncoderMethod::ID_LZMA => properties
                .get(1..5)
                .and_then(<[u8]>::first_chunk)
                .map_or(0, |size| u64::from(u32::from_le_bytes(*size))),
            // 2 or 3 times a power of two, from 4 KiB.
            EncoderMethod::ID_LZMA2 => {
                properties.first().map_or(0, |&bits| (2 | u64::from(bits & 1)) << (bits.min(40) / 2 + 11))
            }
            _ => 0,
        };
        (window > WINDOW).then_some(Why::OverLimit)
    })
}

fn reason(error: &Error) -> Why {
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => Why::Encrypted,
        // The crate is built without AES: its id is then a method like any other that it does not know.
        Error::UnsupportedCompressionMethod(name) if name.contains("AES") || name.contains("[6, 241, 7, 1]") => {
            Why::Encrypted
        }
        Error::UnsupportedCompressionMethod(_) | Error::Unsupported(_) | Error::ExternalUnsupported => {
            Why::UnknownFormat
        }
        Error::MaxMemLimited { .. } => Why::OverLimit,
        _ => Why::Damaged,
    }
}
