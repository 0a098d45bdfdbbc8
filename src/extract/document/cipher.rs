//! The ciphers that documents are locked with, for opening them: RC4 (RFC 6229 has its vectors), and AES (FIPS 197) block
//! by block, in CBC mode (NIST SP 800-38A) and in the counter mode of WinZip.
//!
//! A key of a length that the cipher does not have opens nothing: what comes out is then what went in, and whoever
//! checks it finds it wrong. Cannot fail.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};

/// A block of AES.
pub(super) const BLOCK: usize = 16;

/// RC4 on its way through a stream.
pub(super) struct Rc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

impl Rc4 {
    /// At the start of a stream.
    pub(super) fn new(key: &[u8]) -> Self {
        let mut state: [u8; 256] = std::array::from_fn(|index| index as u8);
        let mut j = 0u8;
        for (index, key) in (0..=255u8).zip(key.iter().cycle()) {
            j = j.wrapping_add(at(&state, index)).wrapping_add(*key);
            state.swap(usize::from(index), usize::from(j));
        }
        Self { state, i: 0, j: 0 }
    }

    /// Opens, or locks, the next octets.
    pub(super) fn apply(&mut self, octets: &mut [u8]) {
        let state = &mut self.state;
        for octet in octets {
            self.i = self.i.wrapping_add(1);
            self.j = self.j.wrapping_add(at(state, self.i));
            state.swap(usize::from(self.i), usize::from(self.j));
            *octet ^= at(state, at(state, self.i).wrapping_add(at(state, self.j)));
        }
    }
}

fn at(state: &[u8; 256], index: u8) -> u8 {
    state.get(usize::from(index)).copied().unwrap_or(0)
}

/// RC4 over octets that are a whole stream.
pub(super) fn rc4(key: &[u8], octets: &[u8]) -> Vec<u8> {
    let mut out = octets.to_vec();
    Rc4::new(key).apply(&mut out);
    out
}

/// AES with a key of any of its lengths.
enum Aes {
    Short(Aes128),
    Middle(Aes192),
    Long(Aes256),
}

impl Aes {
    fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128::new_from_slice(key).ok().map(Self::Short),
            24 => Aes192::new_from_slice(key).ok().map(Self::Middle),
            32 => Aes256::new_from_slice(key).ok().map(Self::Long),
            _ => None,
        }
    }

    fn open(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Array::from(block);
        match self {
            Self::Short(aes) => aes.decrypt_block(&mut block),
            Self::Middle(aes) => aes.decrypt_block(&mut block),
            Self::Long(aes) => aes.decrypt_block(&mut block),
        }
        block.into()
    }

    fn lock(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Array::from(block);
        match self {
            Self::Short(aes) => aes.encrypt_block(&mut block),
            Self::Middle(aes) => aes.encrypt_block(&mut block),
            Self::Long(aes) => aes.encrypt_block(&mut block),
        }
        block.into()
    }
}

/// Opens whole blocks that are chained; what is left over at the end is no block.
pub(super) fn aes_cbc_open(key: &[u8], vector: &[u8; BLOCK], octets: &[u8]) -> Vec<u8> {
    let Some(aes) = Aes::new(key) else { return octets.to_vec() };
    let mut out = Vec::with_capacity(octets.len());
    let mut before = *vector;
    for block in octets.as_chunks::<BLOCK>().0 {
        out.extend(aes.open(*block).iter().zip(before).map(|(octet, before)| octet ^ before));
        before = *block;
    }
    out
}

/// Opens whole blocks, each by itself.
pub(super) fn aes_ecb_open(key: &[u8], octets: &[u8]) -> Vec<u8> {
    let Some(aes) = Aes::new(key) else { return octets.to_vec() };
    octets.as_chunks::<BLOCK>().0.iter().flat_map(|block| aes.open(*block)).collect()
}

/// Opens octets that a counter was locked for, which begins at 1 and has its lowest octet first (WinZip's AE, section
/// II; other counters have it last).
pub(super) fn aes_counter(key: &[u8], octets: &[u8]) -> Vec<u8> {
    let Some(aes) = Aes::new(key) else { return octets.to_vec() };
    let mut out = Vec::with_capacity(octets.len());
    for (count, block) in (1u128..).zip(octets.chunks(BLOCK)) {
        out.extend(block.iter().zip(aes.lock(count.to_le_bytes())).map(|(octet, mask)| octet ^ mask));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 16] =
        [0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a];

    #[test]
    fn rc4_by_its_published_vector() {
        let locked = [0xBB, 0xF3, 0x16, 0xE8, 0xD9, 0x40, 0xAF, 0x0A, 0xD3];
        assert_eq!(rc4(b"Key", b"Plaintext"), locked);
        let mut stream = Rc4::new(b"Key");
        let mut pieces = locked;
        let (first, second) = pieces.split_at_mut(4);
        stream.apply(first);
        stream.apply(second);
        assert_eq!(&pieces, b"Plaintext");
    }

    #[test]
    fn aes_by_its_published_vectors() {
        // NIST SP 800-38A: F.2.1 (CBC, 128 bits), F.1.3 (ECB, 192 bits), first blocks.
        let key = [0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c];
        let vector: [u8; 16] = std::array::from_fn(|index| index as u8);
        let locked = [0x76, 0x49, 0xab, 0xac, 0x81, 0x19, 0xb2, 0x46, 0xce, 0xe9, 0x8e, 0x9b, 0x12, 0xe9, 0x19, 0x7d];
        assert_eq!(aes_cbc_open(&key, &vector, &locked), PLAIN);
        let key = [
            0x8e, 0x73, 0xb0, 0xf7, 0xda, 0x0e, 0x64, 0x52, 0xc8, 0x10, 0xf3, 0x2b, 0x80, 0x90, 0x79, 0xe5, 0x62, 0xf8,
            0xea, 0xd2, 0x52, 0x2c, 0x6b, 0x7b,
        ];
        let locked = [0xbd, 0x33, 0x4f, 0x1d, 0x6e, 0x45, 0xf2, 0x5f, 0xf7, 0x12, 0xa2, 0x14, 0x57, 0x1f, 0xa5, 0xcc];
        assert_eq!(aes_ecb_open(&key, &locked), PLAIN);
    }

    #[test]
    fn a_counter_opens_what_it_locked_and_a_wrong_key_nothing() {
        let text = b"twee blokken en een stuk van een derde";
        let locked = aes_counter(&[7; 32], text);
        assert_ne!(locked, text);
        assert_eq!(aes_counter(&[7; 32], &locked), text);
        assert_eq!(aes_counter(&[7; 5], text), text);
    }
}
