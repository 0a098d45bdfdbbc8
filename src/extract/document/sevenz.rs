//! 7z archives, by the crate sevenz-rust2.
//!
//! Encrypted files, and an encrypted list of files, are opened if a password of the message does, and said otherwise;
//! so is a dictionary larger than the reader's memory. PPMd, and what else is rarely chosen, is unknown. Reads in one
//! thread. Cannot fail.

use std::io::{Cursor, Read};

use sevenz_rust2::{Archive, Block, BlockDecoder, EncoderMethod, Error, Password};

use super::{Sink, unpack};
use crate::extract::Why;

/// More files than a person sends.
const MOST_FILES: usize = 2_000;
/// The largest dictionary, in octets: what 7-Zip's highest setting asks for.
const WINDOW: u64 = 64 << 20;

/// The octets of a locked file that show whether a password fits, at most.
const SHOWN: u64 = 64 << 20;
/// The mark of AES among the coders.
const AES: &[u8] = b"\x06\xF1\x07\x01";

/// Reads the files of a 7z archive.
pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let (archive, password) = match list(octets, sink) {
        Ok(opened) => opened,
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
        let is_locked = archive.blocks.get(index).is_some_and(is_locked);
        let password = match is_locked && password.is_empty() {
            true => unlock(&archive, index, octets, sink).unwrap_or_default(),
            false => password.clone(),
        };
        block(&archive, index, &password, octets, sink);
    }
}

/// The list of files, and the password if that was locked too.
fn list(octets: &[u8], sink: &mut Sink<'_, '_>) -> Result<(Archive, Password), Error> {
    let read = |password: Password| Archive::read(&mut Cursor::new(octets), &password).map(|list| (list, password));
    read(Password::empty()).or_else(|error| {
        if !matches!(reason(&error), Why::Encrypted) {
            return Err(error);
        }
        sink.with_password(work(octets), |password, _| read(password.into()).ok()).ok_or(error)
    })
}

/// The password of a block: the first file of it comes out whole.
fn unlock(archive: &Archive, index: usize, octets: &[u8], sink: &mut Sink<'_, '_>) -> Option<Password> {
    if archive.blocks.get(index).and_then(forbidden).is_some() {
        return None;
    }
    sink.with_password(work(octets), |password, _| {
        let password = Password::from(password);
        let mut source = Cursor::new(octets);
        let mut fits = false;
        let decoder = BlockDecoder::new(1, index, archive, &password, &mut source);
        let _ = decoder.for_each_entries(&mut |entry, stream| {
            let is_empty = !entry.has_stream() || entry.size() == 0;
            if !is_empty {
                fits = entry.has_crc && std::io::copy(&mut stream.take(SHOWN), &mut std::io::sink()).is_ok();
            }
            Ok(is_empty)
        });
        fits.then_some(password)
    })
}

/// What a try costs, in blocks of hashing: the lowest six bits behind the mark are the power of two of its rounds, and a
/// round is less than a block. The crate refuses more than 24.
fn work(octets: &[u8]) -> u64 {
    let marks = memchr::memmem::find_iter(octets, AES).filter_map(|at| octets.get(at + AES.len() + 1));
    marks.map(|power| 1u64 << (power & 0x3F).min(24)).max().unwrap_or(1 << 19) / 2
}

/// Reads the files of one block, which are packed as one stream.
fn block(archive: &Archive, index: usize, password: &Password, octets: &[u8], sink: &mut Sink<'_, '_>) {
    let mut source = Cursor::new(octets);
    let mut done = 0;
    let packed = archive.blocks.get(index);
    let why = match packed.and_then(forbidden) {
        Some(why) => why,
        None if password.is_empty() && packed.is_some_and(is_locked) => Why::Encrypted,
        None => {
            let decoder = BlockDecoder::new(1, index, archive, password, &mut source);
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

fn is_locked(block: &Block) -> bool {
    block.coders.iter().any(|coder| coder.encoder_method_id() == EncoderMethod::ID_AES256_SHA256)
}

/// Why a block cannot be read, by how it is packed.
fn forbidden(block: &Block) -> Option<Why> {
    block.coders.iter().find_map(|coder| {
        let properties = coder.properties();
        let window = match coder.encoder_method_id() {
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
        Error::UnsupportedCompressionMethod(_) | Error::Unsupported(_) | Error::ExternalUnsupported => {
            Why::UnknownFormat
        }
        Error::MaxMemLimited { .. } => Why::OverLimit,
        _ => Why::Damaged,
    }
}
