//! The hashes that locked documents name, and keys made of a password by hashing it over and over.

use md5::Md5;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};

/// A hash by the name that a document gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// By its name, as `SHA512`, `SHA-512` or the end of the address that XML encryption has for it.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.rsplit(['#', '/']).next().unwrap_or(name).to_ascii_lowercase();
        match name.replace('-', "").as_str() {
            "md5" => Some(Self::Md5),
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The hash of octets that stand in pieces.
    pub(super) fn of(self, pieces: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5 => of::<Md5>(pieces),
            Self::Sha1 => of::<Sha1>(pieces),
            Self::Sha256 => of::<Sha256>(pieces),
            Self::Sha384 => of::<Sha384>(pieces),
            Self::Sha512 => of::<Sha512>(pieces),
        }
    }

    /// The hash of a start, hashed again so many times behind the number of the round (MS-OFFCRYPTO 2.3.6.2, 2.3.4.11).
    pub(super) fn spun(self, start: &[&[u8]], rounds: u32) -> Vec<u8> {
        match self {
            Self::Md5 => spun::<Md5>(start, rounds),
            Self::Sha1 => spun::<Sha1>(start, rounds),
            Self::Sha256 => spun::<Sha256>(start, rounds),
            Self::Sha384 => spun::<Sha384>(start, rounds),
            Self::Sha512 => spun::<Sha512>(start, rounds),
        }
    }
}

fn of<D: Digest>(pieces: &[&[u8]]) -> Vec<u8> {
    let mut hash = D::new();
    pieces.iter().for_each(|piece| hash.update(piece));
    hash.finalize().to_vec()
}

fn spun<D: Digest>(start: &[&[u8]], rounds: u32) -> Vec<u8> {
    let mut hash = D::new();
    start.iter().for_each(|piece| hash.update(piece));
    let mut out = hash.finalize();
    for round in 0..rounds {
        out = D::new().chain_update(round.to_le_bytes()).chain_update(&out).finalize();
    }
    out.to_vec()
}

/// PBKDF2 with HMAC-SHA-1 (RFC 8018), which OpenDocument makes keys with.
pub(super) fn pbkdf2(password: &[u8], salt: &[u8], rounds: u32, length: usize) -> Vec<u8> {
    let mut key = vec![0; length];
    pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut key);
    key
}

/// Cut off, or filled up with an octet.
pub(super) fn resized(mut octets: Vec<u8>, length: usize, fill: u8) -> Vec<u8> {
    octets.resize(length, fill);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hashes() {
        for (name, hash) in [
            ("SHA512", Some(Hash::Sha512)),
            ("SHA-1", Some(Hash::Sha1)),
            ("http://www.w3.org/2000/09/xmldsig#sha256", Some(Hash::Sha256)),
            ("WHIRLPOOL", None),
        ] {
            assert_eq!(Hash::named(name), hash);
        }
    }

    #[test]
    fn keys_by_their_published_vectors() {
        // RFC 6070, the second.
        let key = [
            0xea, 0x6c, 0x01, 0x4d, 0xc7, 0x2d, 0x6f, 0x8c, 0xcd, 0x1e, 0xd9, 0x2a, 0xce, 0x1d, 0x41, 0xf0, 0xd8, 0xde,
            0x89, 0x57,
        ];
        assert_eq!(pbkdf2(b"password", b"salt", 2, 20), key);
        assert_eq!(Hash::Md5.spun(&[b"a"], 1), Hash::Md5.of(&[&[0; 4], &Hash::Md5.of(&[b"a"])]));
    }
}
