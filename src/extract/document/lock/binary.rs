//! The older locks of Office, whose description is binary (MS-OFFCRYPTO 2.3.4.5 to 2.3.4.9, 2.3.5, 2.3.6): AES in the
//! first packages of Office 2007, RC4 in DOC and XLS. The obfuscation of Office 95 is not known here.

use super::super::cipher::{Rc4, aes_ecb_open, rc4};
use super::super::octets::{piece, size_at, u16_at, u32_at};
use super::hash::{Hash, resized};

/// Rounds of the standard encryption (2.3.4.7).
const ROUNDS: u32 = 50_000;

/// How a document is locked.
pub(super) struct Binary {
    kind: Kind,
    salt: Vec<u8>,
    check: Vec<u8>,
    check_hash: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// RC4 with a key of 40 bits (2.3.6).
    Old,
    /// RC4 with a key of so many octets (2.3.5).
    Rc4(usize),
    /// AES with a key of so many octets (2.3.4.5).
    Aes(usize),
}

impl Binary {
    /// Reads the description of a DOC, which stands in front of its tables, or of an XLS.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        match (u16_at(octets, 0)?, u16_at(octets, 2)?) {
            (1, 1) => {
                let part = |at| piece(octets, at, 16).map(<[u8]>::to_vec);
                Some(Self { kind: Kind::Old, salt: part(4)?, check: part(20)?, check_hash: part(36)? })
            }
            (2..=4, 2) => Self::with_header(octets),
            _ => None,
        }
    }

    /// A description with a header and a verifier (2.3.2, 2.3.3), as Windows calls its ciphers.
    fn with_header(octets: &[u8]) -> Option<Self> {
        let size = size_at(octets, 8)?;
        let header = piece(octets, 12, size)?;
        let verifier = octets.get(12usize.checked_add(size)?..)?;
        let bits = size_at(header, 16)?;
        let kind = match u32_at(header, 8)? {
            // 0 is 40 bits.
            0x6801 => Kind::Rc4(if bits == 0 { 5 } else { bits / 8 }),
            0x660E => Kind::Aes(16),
            0x660F => Kind::Aes(24),
            0x6610 => Kind::Aes(32),
            _ => return None,
        };
        let length = if matches!(kind, Kind::Rc4(_)) { 20 } else { 32 };
        Some(Self {
            kind,
            salt: piece(verifier, 4, size_at(verifier, 0)?)?.to_vec(),
            check: piece(verifier, 20, 16)?.to_vec(),
            check_hash: piece(verifier, 40, length)?.to_vec(),
        })
    }

    /// What a try costs, in blocks of hashing.
    pub(super) fn work(&self) -> u64 {
        if matches!(self.kind, Kind::Aes(_)) { u64::from(ROUNDS) } else { 10 }
    }

    /// The key, if this password opens it.
    pub(super) fn key(&self, password: &str) -> Option<Key> {
        let password: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let base = match self.kind {
            Kind::Old => {
                let short = resized(Hash::Md5.of(&[&password]), 5, 0);
                resized(Hash::Md5.of(&[&[short, self.salt.clone()].concat().repeat(16)]), 5, 0)
            }
            Kind::Rc4(_) => Hash::Sha1.of(&[&self.salt, &password]),
            Kind::Aes(length) => {
                let spun = Hash::Sha1.spun(&[&self.salt, &password], ROUNDS);
                derived(&Hash::Sha1.of(&[&spun, &[0; 4]]), length)
            }
        };
        let key = Key { kind: self.kind, base };
        let hash = if self.kind == Kind::Old { Hash::Md5 } else { Hash::Sha1 };
        let opened = match self.kind {
            Kind::Aes(_) => [aes_ecb_open(&key.base, &self.check), aes_ecb_open(&key.base, &self.check_hash)].concat(),
            _ => rc4(&key.of_block(0), &[self.check.clone(), self.check_hash.clone()].concat()),
        };
        let (check, own) = opened.split_at_checked(16)?;
        own.starts_with(&hash.of(&[check])).then_some(key)
    }
}

/// A key of AES from a hash (2.3.4.7).
fn derived(hash: &[u8], length: usize) -> Vec<u8> {
    let half = |fill: u8| {
        let mut block = [fill; 64];
        block.iter_mut().zip(hash).for_each(|(to, from)| *to ^= from);
        Hash::Sha1.of(&[&block])
    };
    resized([half(0x36), half(0x5C)].concat(), length, 0)
}

/// What opens a document.
pub(super) struct Key {
    kind: Kind,
    base: Vec<u8>,
}

impl Key {
    /// A package, which begins with its size.
    pub(super) fn package(&self, package: &[u8]) -> Option<Vec<u8>> {
        let (size, locked) = package.split_first_chunk::<8>()?;
        let mut out = aes_ecb_open(&self.base, locked);
        out.truncate(usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX));
        Some(out)
    }

    /// A stream that has a key for each block of so many octets.
    pub(super) fn stream(&self, octets: &[u8], block: usize) -> Vec<u8> {
        let mut out = octets.to_vec();
        for (index, piece) in (0u32..).zip(out.chunks_mut(block)) {
            Rc4::new(&self.of_block(index)).apply(piece);
        }
        out
    }

    /// The key of RC4 for a block.
    fn of_block(&self, index: u32) -> Vec<u8> {
        let index = index.to_le_bytes();
        match self.kind {
            Kind::Old => Hash::Md5.of(&[&self.base, &index]),
            // A key of 40 bits is one of 128 with zeros (2.3.5.2).
            Kind::Rc4(5) => resized(resized(Hash::Sha1.of(&[&self.base, &index]), 5, 0), 16, 0),
            Kind::Rc4(length) => resized(Hash::Sha1.of(&[&self.base, &index]), length.clamp(5, 20), 0),
            Kind::Aes(_) => self.base.clone(),
        }
    }
}
