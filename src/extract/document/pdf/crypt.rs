//! The standard security handler of PDF (ISO 32000-2 section 7.6): RC4 with 40 to 128 bits, AES-128, AES-256.
//!
//! A file that only forbids printing is locked with the empty password, and every program opens it: so do we. With a
//! password it opens for whoever knows it; candidates are tried as the user's and as the owner's. Weak by today's
//! measure (MD5, RC4) because the files are.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use md5::{Digest, Md5};
use sha2::{Sha256, Sha384, Sha512};

use super::super::cipher::{aes_cbc_open, rc4};
use super::file::File;
use super::object::{Dict, Object, Stream};

/// None of the passwords opens it, or it is locked in a way that is not known here.
#[derive(Debug, PartialEq)]
pub(super) struct Locked;

/// What fills a password up to 32 octets (algorithm 2).
const PADDING: [u8; 32] = [
    0x28, 0xBF, 0x4E, 0x5E, 0x4E, 0x75, 0x8A, 0x41, 0x64, 0x00, 0x4E, 0x56, 0xFF, 0xFA, 0x01, 0x08, 0x2E, 0x2E, 0x00,
    0xB6, 0xD0, 0x68, 0x3E, 0x80, 0x2F, 0x0C, 0xA9, 0xFE, 0x64, 0x53, 0x69, 0x7A,
];

/// How octets are locked.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Method {
    None,
    Rc4,
    Aes128,
    Aes256,
}

/// An opened lock.
pub(super) struct Crypt {
    key: Vec<u8>,
    texts: Method,
    streams: Method,
    metadata: bool,
}

/// What the lock's dictionary says.
struct Lock<'l> {
    revision: i64,
    owner: Vec<u8>,
    user: Vec<u8>,
    permissions: i64,
    /// Octets of the key.
    length: usize,
    metadata: bool,
    id: &'l [u8],
}

impl Crypt {
    pub(super) fn open(file: &File<'_>, dict: &Dict, id: &[u8], passwords: &[&[u8]]) -> Result<Self, Locked> {
        if file.at(dict, b"Filter").name().is_some_and(|name| name != b"Standard") {
            return Err(Locked);
        }
        let text = |key: &[u8]| file.at(dict, key).octets().map(<[u8]>::to_vec).unwrap_or_default();
        let version = file.at(dict, b"V").int().unwrap_or(0);
        let bits = file.at(dict, b"Length").int().unwrap_or(40);
        // Some programs write octets for bits.
        let bits = if bits < 40 { bits * 8 } else { bits };
        let metadata = *file.at(dict, b"EncryptMetadata") != Object::Bool(false);
        let lock = Lock {
            revision: file.at(dict, b"R").int().unwrap_or(0),
            owner: text(b"O"),
            user: text(b"U"),
            permissions: file.at(dict, b"P").int().unwrap_or(0),
            length: match version {
                1 => 5,
                4 => 16,
                _ => usize::try_from(bits / 8).unwrap_or(5).clamp(5, 16),
            },
            metadata,
            id,
        };
        let (streams, texts) = match version {
            1..=3 => (Method::Rc4, Method::Rc4),
            4 | 5 => (method(file, dict, b"StmF")?, method(file, dict, b"StrF")?),
            _ => return Err(Locked),
        };
        let key = if lock.revision >= 5 {
            lock.key_of_aes256(&text(b"OE"), &text(b"UE"), passwords)
        } else {
            passwords.iter().find_map(|password| lock.key(password))
        };
        Ok(Self { key: key.ok_or(Locked)?, texts, streams, metadata })
    }

    /// A string of an object.
    pub(super) fn text(&self, id: (u32, u32), octets: &[u8]) -> Vec<u8> {
        self.opened(self.texts, id, octets)
    }

    /// A stream's octets. `own` are the parameters of a filter of its own, which can only be that it is not locked.
    pub(super) fn stream(&self, stream: &Stream, own: Option<&Dict>, octets: &[u8]) -> Vec<u8> {
        let open = own.is_some_and(|own| matches!(own.get(b"Name").name(), None | Some(b"Identity")))
            || !self.metadata && stream.dict.is_type(b"Metadata");
        if open { octets.to_vec() } else { self.opened(self.streams, stream.id, octets) }
    }

    fn opened(&self, method: Method, id: (u32, u32), octets: &[u8]) -> Vec<u8> {
        match method {
            Method::None => octets.to_vec(),
            Method::Rc4 => rc4(&self.key_of(id, b""), octets),
            Method::Aes128 => unpadded(&self.key_of(id, b"sAlT"), octets),
            Method::Aes256 => unpadded(&self.key, octets),
        }
    }

    /// The key of one object (algorithm 1).
    fn key_of(&self, (number, generation): (u32, u32), salt: &[u8]) -> Vec<u8> {
        let mut hash = Md5::new();
        hash.update(&self.key);
        hash.update(number.to_le_bytes().get(..3).unwrap_or_default());
        hash.update(generation.to_le_bytes().get(..2).unwrap_or_default());
        hash.update(salt);
        let length = (self.key.len() + 5).min(16);
        hash.finalize().iter().take(length).copied().collect()
    }
}

/// The method of a crypt filter (section 7.6.6).
fn method(file: &File<'_>, dict: &Dict, which: &[u8]) -> Result<Method, Locked> {
    let name = file.at(dict, which);
    let name = name.name().unwrap_or(b"Identity");
    if name == b"Identity" {
        return Ok(Method::None);
    }
    let filters = file.at(dict, b"CF");
    let filter = file.at(filters.dict().ok_or(Locked)?, name);
    let method = file.at(filter.dict().ok_or(Locked)?, b"CFM");
    match method.name() {
        None | Some(b"None") => Ok(Method::None),
        Some(b"V2") => Ok(Method::Rc4),
        Some(b"AESV2") => Ok(Method::Aes128),
        Some(b"AESV3") => Ok(Method::Aes256),
        Some(_) => Err(Locked),
    }
}

impl Lock<'_> {
    /// The key by a user's or an owner's password (algorithms 4 to 7).
    fn key(&self, password: &[u8]) -> Option<Vec<u8>> {
        let padded = padded(password);
        self.key_of_user(&padded).or_else(|| self.key_of_user(&self.user_password(&padded)))
    }

    fn key_of_user(&self, padded: &[u8]) -> Option<Vec<u8>> {
        let mut hash = Md5::new();
        hash.update(padded);
        hash.update(self.owner.get(..32).unwrap_or(&self.owner));
        hash.update((self.permissions as u32).to_le_bytes());
        hash.update(self.id);
        if self.revision >= 4 && !self.metadata {
            hash.update([0xFF; 4]);
        }
        let mut key = hash.finalize().to_vec();
        key.truncate(self.length);
        if self.revision >= 3 {
            for _ in 0..50 {
                key = Md5::digest(&key).to_vec();
                key.truncate(self.length);
            }
        }
        self.opens(&key).then_some(key)
    }

    fn opens(&self, key: &[u8]) -> bool {
        if self.revision < 3 {
            return rc4(key, &PADDING) == self.user;
        }
        let hash = Md5::new().chain_update(PADDING).chain_update(self.id).finalize();
        let mut mark = rc4(key, &hash);
        for turn in 1..20u8 {
            mark = rc4(&key.iter().map(|octet| octet ^ turn).collect::<Vec<_>>(), &mark);
        }
        self.user.get(..16) == Some(mark.as_slice())
    }

    /// The user's password, which the owner's opens.
    fn user_password(&self, padded: &[u8]) -> Vec<u8> {
        let mut key = Md5::digest(padded).to_vec();
        if self.revision >= 3 {
            for _ in 0..50 {
                key = Md5::digest(&key).to_vec();
            }
        }
        key.truncate(self.length);
        let mut password = self.owner.get(..32).unwrap_or(&self.owner).to_vec();
        let turns = if self.revision >= 3 { 20u8 } else { 1 };
        for turn in (0..turns).rev() {
            password = rc4(&key.iter().map(|octet| octet ^ turn).collect::<Vec<_>>(), &password);
        }
        password
    }

    /// The key of AES-256 (algorithm 2.A): it lies there locked, once for the user, once for the owner.
    fn key_of_aes256(&self, owner_key: &[u8], user_key: &[u8], passwords: &[&[u8]]) -> Option<Vec<u8>> {
        let user = self.user.get(..48)?;
        let owner = self.owner.get(..48).unwrap_or_default();
        passwords.iter().find_map(|password| {
            let password = password.get(..127).unwrap_or(password);
            let by = |lock: &[u8], extra: &[u8], locked: &[u8]| {
                let (hash, salts) = lock.split_at_checked(32)?;
                let (check, salt) = salts.split_at_checked(8)?;
                if self.hash(password, check, extra) != hash {
                    return None;
                }
                let key = self.hash(password, salt, extra);
                Some(aes_cbc_open(&key, &[0; 16], locked.get(..32)?))
            };
            by(user, b"", user_key).or_else(|| by(owner, user, owner_key))
        })
    }

    /// The hash of a password (algorithm 2.B); of revision 5, one round of SHA-256.
    fn hash(&self, password: &[u8], salt: &[u8], extra: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new().chain_update(password).chain_update(salt).chain_update(extra).finalize().to_vec();
        if self.revision < 6 {
            return hash;
        }
        let mut round = 0u32;
        loop {
            let once = [password, &hash, extra].concat();
            let (key, vector) = hash.split_at(16.min(hash.len()));
            let locked = aes128_cbc_lock(key, vector.get(..16).unwrap_or(vector), &once.repeat(64));
            let rest = locked.iter().take(16).map(|octet| u32::from(*octet)).sum::<u32>() % 3;
            hash = match rest {
                0 => Sha256::digest(&locked).to_vec(),
                1 => Sha384::digest(&locked).to_vec(),
                _ => Sha512::digest(&locked).to_vec(),
            };
            round += 1;
            if round >= 64 && u32::from(locked.last().copied().unwrap_or(0)) + 32 <= round {
                break;
            }
        }
        hash.truncate(32);
        hash
    }
}

fn padded(password: &[u8]) -> Vec<u8> {
    password.iter().chain(&PADDING).take(32).copied().collect()
}

/// AES in CBC mode, its vector in front, its padding gone.
fn unpadded(key: &[u8], octets: &[u8]) -> Vec<u8> {
    let Some((vector, octets)) = octets.split_first_chunk::<16>() else { return Vec::new() };
    let mut open = aes_cbc_open(key, vector, octets);
    if let Some(&padding @ 1..=16) = open.last() {
        open.truncate(open.len().saturating_sub(usize::from(padding)));
    }
    open
}

fn aes128_cbc_lock(key: &[u8], vector: &[u8], octets: &[u8]) -> Vec<u8> {
    let Ok(aes) = Aes128::new_from_slice(key) else { return Vec::new() };
    let mut before: [u8; 16] = vector.try_into().unwrap_or_default();
    let mut out = Vec::with_capacity(octets.len());
    for block in octets.as_chunks::<16>().0 {
        let mut locked = Array::from(*block);
        locked.iter_mut().zip(before).for_each(|(octet, before)| *octet ^= before);
        aes.encrypt_block(&mut locked);
        before = locked.into();
        out.extend_from_slice(&before);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_block_opens_again() {
        // NIST SP 800-38A, F.2.1, first block.
        let key = [0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c];
        let vector: [u8; 16] = std::array::from_fn(|index| index as u8);
        let plain = [0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a];
        let locked = aes128_cbc_lock(&key, &vector, &plain);
        assert_eq!(locked.get(..4), Some(&[0x76, 0x49, 0xab, 0xac][..]));
        assert_eq!(aes_cbc_open(&key, &vector, &locked), plain);
    }
}
