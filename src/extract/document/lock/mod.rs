//! Locks, opened with the passwords that stand in the message: how much work may go into that, and how Office and
//! OpenDocument lock. Archives and PDF have their own locks beside their readers.
//!
//! What is opened is read by whoever reads it without a lock. What no password opens, and what is locked in a way that
//! is not known here, stays locked: each function gives none, and whoever called it says so.

mod agile;
mod binary;
mod hash;
mod odf;

use agile::Agile;
use binary::{Binary, Key};
pub(super) use odf::files;

use super::Sink;
use super::compound::Storage;
use super::octets::u16_at;
use super::xml::decoded;
use crate::extract::Passwords;

/// Blocks of hashing that may go into the trying of passwords on one document with all that is in it: one or two seconds
/// of the slowest hash. A password costs an Office document a hundred thousand, 7-Zip and LibreOffice three or four.
pub(in crate::extract) const WORK: u64 = 5_000_000;

impl Sink<'_, '_> {
    /// The passwords of the message.
    pub(in super::super) fn passwords(&self) -> &Passwords {
        &self.reader.passwords
    }

    /// Opens what is locked with a password of the message; each try costs so many blocks of hashing ([`WORK`]). None
    /// when none fits.
    pub(in super::super) fn with_password<T>(
        &mut self,
        work: u64,
        mut open: impl FnMut(&str, &mut Self) -> Option<T>,
    ) -> Option<T> {
        let passwords = self.reader.passwords.clone();
        for place in passwords.places_from(self.reader.last_opened) {
            if !self.may_try(work) {
                break;
            }
            if let Some(found) = open(passwords.get(place)?, self) {
                self.reader.last_opened = place;
                self.reader.opened = Some(place);
                return Some(found);
            }
        }
        None
    }

    /// Whether a try that costs so many blocks of hashing may be made.
    pub(in super::super) fn may_try(&mut self, work: u64) -> bool {
        let left = self.reader.work_left.checked_sub(work);
        self.reader.work_left = left.unwrap_or(0);
        left.is_some()
    }
}

/// Excel opens what is locked with this without a question: it is how it hides what it only protects.
const NO_SECRET: &str = "VelvetSweatshop";

/// The package in a storage (MS-OFFCRYPTO 2.3.4): the OOXML document below the lock.
pub(super) fn package(at: Storage<'_>, package: &[u8], sink: &mut Sink<'_, '_>) -> Option<Vec<u8>> {
    let info = at.stream("EncryptionInfo")?;
    if !sink.may_unpack(package.len()) {
        return None;
    }
    match (u16_at(&info, 0)?, u16_at(&info, 2)?) {
        (4, 4) => {
            let agile = Agile::read(&decoded(info.get(8..)?))?;
            let key = opened(agile.work(), sink, |password| agile.key(password))?;
            agile.open(&key, package)
        }
        _ => {
            let binary = Binary::read(&info)?;
            opened(binary.work(), sink, |password| binary.key(password))?.package(package)
        }
    }
}

/// A workbook stream below the lock that one of its records describes (MS-XLS 2.2.10); that record is gone in it.
pub(super) fn workbook(stream: &[u8], lock: &[u8], sink: &mut Sink<'_, '_>) -> Option<Vec<u8>> {
    // 0 is the obfuscation of Excel 95.
    let binary = Binary::read(lock.get(2..).filter(|_| u16_at(lock, 0) == Some(1))?)?;
    let key = opened(binary.work(), sink, |password| binary.key(password))?;
    if !sink.may_unpack(stream.len()) {
        return None;
    }
    let open = key.stream(stream, 1024);
    let mut out = stream.to_vec();
    let mut at = 0usize;
    while let (Some(kind), Some(size)) = (u16_at(stream, at), u16_at(stream, at.checked_add(2)?)) {
        let start = at.checked_add(4)?;
        let end = start.checked_add(usize::from(size))?.min(stream.len());
        match kind {
            LOCK => out.get_mut(at..at.checked_add(2)?)?.fill(0xFF),
            // Begin, who has it open, and what Excel must know before it asks for the password.
            0x809 | 0x194 | 0x195 | 0xE1 | 0x196 | 0x138 => {}
            _ => {
                // Where a sheet begins is never locked.
                let from = if kind == SHEET { start.saturating_add(4) } else { start };
                if let (Some(to), Some(from)) = (out.get_mut(from..end), open.get(from..end)) {
                    to.copy_from_slice(from);
                }
            }
        }
        at = end;
    }
    Some(out)
}

const LOCK: u16 = 0x2F;
const SHEET: u16 = 0x85;

/// The key of a Word document, which is described in front of its tables (MS-DOC 2.2.6).
pub(super) fn document(table: &[u8], sink: &mut Sink<'_, '_>) -> Option<Document> {
    let binary = Binary::read(table)?;
    opened(binary.work(), sink, |password| binary.key(password)).map(Document)
}

/// What opens the streams of a Word document.
pub(super) struct Document(Key);

impl Document {
    /// A stream, of which so many octets at the start are not locked.
    pub(super) fn stream(&self, octets: &[u8], open: usize) -> Vec<u8> {
        let mut out = self.0.stream(octets, 512);
        out.iter_mut().zip(octets).take(open).for_each(|(to, from)| *to = *from);
        out
    }
}

fn opened<T>(work: u64, sink: &mut Sink<'_, '_>, mut key: impl FnMut(&str) -> Option<T>) -> Option<T> {
    let told = sink.with_password(work, |password, _| key(password));
    told.or_else(|| if sink.may_try(work) { key(NO_SECRET) } else { None })
}
