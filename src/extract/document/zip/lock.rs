//! Locked files of zip archives: ZipCrypto (APPNOTE 6.1) and AES (WinZip's AE-1 and AE-2).
//!
//! ZipCrypto's check is one octet, so one wrong password in 256 passes it: whoever unpacks compares the checksum. AES has
//! a code over all octets. The strong encryption of PKWARE (APPNOTE 7) is not known here. Cannot fail.

use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;

use super::super::cipher::aes_counter;
use super::header::Fields;

/// How a file is locked.
#[derive(Clone, Copy)]
pub(super) enum Lock {
    /// ZipCrypto. Its twelfth octet is one of these: of the checksum, or of the time where the checksum comes later.
    Zip([u8; 2]),
    /// AES with a key of so many octets, and the method of compression below it.
    WinZip {
        /// 16, 24 or 32.
        key: usize,
        /// The compression method (4.4.5).
        method: u16,
    },
}

/// Octets before those of the file in ZipCrypto (6.1.3).
const HEAD: usize = 12;
/// Octets behind those of the file in AES: the first of its code.
const CODE: usize = 10;
/// Rounds of PBKDF2 in AES.
const ROUNDS: u32 = 1_000;

impl Lock {
    /// How the headers say that a file is locked; none when it cannot be opened here.
    pub(super) fn of(fields: &Fields<'_>) -> Option<Self> {
        const STRONG: u16 = 0x2040;
        if fields.flags & STRONG != 0 {
            return None;
        }
        if fields.method != 99 {
            let [.., sum] = fields.checksum.to_le_bytes();
            let [.., time] = fields.time.to_le_bytes();
            return Some(Self::Zip([sum, time]));
        }
        let &[_, _, b'A', b'E', strength @ 1..=3, low, high, ..] = fields.extra(0x9901)? else { return None };
        Some(Self::WinZip { key: 8 + 8 * usize::from(strength), method: u16::from_le_bytes([low, high]) })
    }

    /// The compression method below the lock, where the header has none of its own.
    pub(super) fn method(self) -> Option<u16> {
        match self {
            Self::Zip(_) => None,
            Self::WinZip { method, .. } => Some(method),
        }
    }

    /// What a try costs, in blocks of hashing.
    pub(super) fn work(self) -> u64 {
        match self {
            Self::Zip(_) => 4,
            // Two blocks a round, for each 20 octets of both keys and the check.
            Self::WinZip { key, .. } => u64::from(ROUNDS) * 2 * (2 * key as u64 + 2).div_ceil(20),
        }
    }

    /// The octets below the lock, still compressed; none when the password is not the one.
    pub(super) fn open(self, password: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Zip(checks) => {
                let mut keys = Keys::new(password);
                let (head, locked) = octets.split_first_chunk::<HEAD>()?;
                let last = head.map(|octet| keys.open(octet)).last().copied()?;
                checks.contains(&last).then(|| locked.iter().map(|octet| keys.open(*octet)).collect())
            }
            Self::WinZip { key, .. } => {
                let (salt, rest) = octets.split_at_checked(key / 2)?;
                let (check, rest) = rest.split_first_chunk::<2>()?;
                let (locked, code) = rest.split_at_checked(rest.len().checked_sub(CODE)?)?;
                let mut keys = vec![0; 2 * key + check.len()];
                pbkdf2_hmac::<Sha1>(password, salt, ROUNDS, &mut keys);
                let (cipher, keys) = keys.split_at_checked(key)?;
                let (seal, own_check) = keys.split_at_checked(key)?;
                if own_check != check {
                    return None;
                }
                let own_code = Hmac::<Sha1>::new_from_slice(seal).ok()?.chain_update(locked).finalize().into_bytes();
                own_code.starts_with(code).then(|| aes_counter(cipher, locked))
            }
        }
    }
}

/// The three keys of ZipCrypto (6.1.5).
struct Keys(u32, u32, u32);

impl Keys {
    fn new(password: &[u8]) -> Self {
        let mut keys = Self(0x1234_5678, 0x2345_6789, 0x3456_7890);
        password.iter().for_each(|octet| keys.update(*octet));
        keys
    }

    fn update(&mut self, octet: u8) {
        self.0 = crc(self.0, octet);
        self.1 = self.1.wrapping_add(self.0 & 0xFF).wrapping_mul(134_775_813).wrapping_add(1);
        let [.., high] = self.1.to_le_bytes();
        self.2 = crc(self.2, high);
    }

    fn open(&mut self, octet: u8) -> u8 {
        let mask = (self.2 & 0xFFFF) | 2;
        let [_, mask, ..] = mask.wrapping_mul(mask ^ 1).to_le_bytes();
        let open = octet ^ mask;
        self.update(open);
        open
    }
}

/// CRC-32 by one octet, without what usually stands before and behind it.
fn crc(sum: u32, octet: u8) -> u32 {
    let [low, ..] = sum.to_le_bytes();
    sum >> 8 ^ TABLE.get(usize::from(low ^ octet)).copied().unwrap_or(0)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut sum = index as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};
