//! Agile encryption of Office Open XML (MS-OFFCRYPTO 2.3.4.10 to 2.3.4.15): what Word, Excel and PowerPoint write since
//! 2010. Everything that it needs stands in an XML beside the locked package.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::cipher::{BLOCK, aes_cbc_open};
use super::super::xml::{Node, Xml};
use super::hash::{Hash, resized};

/// What tells the keys apart that one password gives (2.3.4.13).
const CHECK: [u8; 8] = [0xFE, 0xA7, 0xD2, 0x76, 0x3B, 0x4B, 0x9E, 0x79];
const CHECK_HASH: [u8; 8] = [0xD7, 0xAA, 0x0F, 0x6D, 0x30, 0x61, 0x34, 0x4E];
const KEY: [u8; 8] = [0x14, 0x6E, 0x0B, 0xE7, 0xAB, 0xAC, 0xD0, 0xD6];
/// What fills a key up that is longer than its hash.
const FILL: u8 = 0x36;
/// Octets of the package that are locked with a vector of their own (2.3.4.15).
const SEGMENT: usize = 4096;
/// More rounds than any program asks for; Office writes 100,000.
const MOST_ROUNDS: u32 = 10_000_000;

/// How a package is locked.
#[derive(Default)]
pub(super) struct Agile {
    /// Of the package.
    data: Cipher,
    /// Of its key.
    password: Cipher,
    rounds: u32,
    check: Vec<u8>,
    check_hash: Vec<u8>,
    key: Vec<u8>,
}

#[derive(Default)]
struct Cipher {
    salt: Vec<u8>,
    hash: Option<Hash>,
    /// Octets of the key.
    key: usize,
}

impl Agile {
    /// Reads the description; none when it is of another kind, or asks for a cipher that is not known here.
    pub(super) fn read(xml: &str) -> Option<Self> {
        let mut agile = Self::default();
        let mut is_known = true;
        let mut reader = Xml::new(xml);
        while let Some(node) = reader.next() {
            let Node::Open(element) = node else { continue };
            let value = |name: &str| element.attribute(name).unwrap_or_default();
            let octets = |name: &str| STANDARD.decode(value(name)).unwrap_or_default();
            let cipher = || Cipher {
                salt: octets("saltValue"),
                hash: Hash::named(&value("hashAlgorithm")),
                key: value("keyBits").parse::<usize>().unwrap_or(0) / 8,
            };
            let is_keyed = match element.name() {
                "keyData" => {
                    agile.data = cipher();
                    true
                }
                "encryptedKey" if agile.key.is_empty() => {
                    agile.password = cipher();
                    agile.rounds = value("spinCount").parse().ok().filter(|rounds| *rounds <= MOST_ROUNDS)?;
                    agile.check = octets("encryptedVerifierHashInput");
                    agile.check_hash = octets("encryptedVerifierHashValue");
                    agile.key = octets("encryptedKeyValue");
                    true
                }
                _ => false,
            };
            is_known &= !is_keyed || value("cipherAlgorithm") == "AES" && value("cipherChaining") == "ChainingModeCBC";
        }
        is_known.then_some(agile)
    }

    /// What a try costs, in blocks of hashing.
    pub(super) fn work(&self) -> u64 {
        u64::from(self.rounds) + 100
    }

    /// The key of the package, if this password opens it.
    pub(super) fn key(&self, password: &str) -> Option<Vec<u8>> {
        let Cipher { salt, hash, key: length } = &self.password;
        let hash = (*hash)?;
        let password: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let spun = hash.spun(&[salt, &password], self.rounds);
        let vector = vector(salt);
        let open = |purpose: [u8; 8], locked: &[u8]| {
            aes_cbc_open(&resized(hash.of(&[&spun, &purpose]), *length, FILL), &vector, locked)
        };
        let check = open(CHECK, &self.check);
        let own = hash.of(&[check.get(..salt.len()).unwrap_or(&check)]);
        if self.check.is_empty() || !open(CHECK_HASH, &self.check_hash).starts_with(&own) {
            return None;
        }
        let mut key = open(KEY, &self.key);
        key.truncate(self.data.key);
        Some(key)
    }

    /// Opens the package, which begins with its size.
    pub(super) fn open(&self, key: &[u8], package: &[u8]) -> Option<Vec<u8>> {
        let hash = self.data.hash?;
        let (size, locked) = package.split_first_chunk::<8>()?;
        let mut out = Vec::with_capacity(locked.len());
        for (index, segment) in (0u32..).zip(locked.chunks(SEGMENT)) {
            let vector = vector(&hash.of(&[&self.data.salt, &index.to_le_bytes()]));
            out.extend(aes_cbc_open(key, &vector, segment));
        }
        out.truncate(usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX));
        Some(out)
    }
}

/// A vector of a salt (2.3.4.12).
fn vector(salt: &[u8]) -> [u8; BLOCK] {
    let mut vector = [FILL; BLOCK];
    vector.iter_mut().zip(salt).for_each(|(to, from)| *to = *from);
    vector
}
