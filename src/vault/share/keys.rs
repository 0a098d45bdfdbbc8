//! Derivations. The labels never change: what they made would never open again.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

use super::RecipientKey;
use super::code::CodeKey;
use crate::seal::{self, KeyId, SealKey};
use crate::vault::LinkSecret;
use crate::vault::link;

const CHECK: &str = "mailpoort/share/v1/check";
const RECIPIENT: &str = "mailpoort/share/v1/recipient";
const PEPPER: &str = "mailpoort/share/v1/pepper";
const RECOVERY: &str = "mailpoort/share/v1/recovery";

/// The public half of a link: names a recipient of a share, and opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rid([u8; 16]);

impl Rid {
    /// A new one. None when chance is out of order.
    pub fn new() -> Option<Self> {
        seal::random().ok().map(Self)
    }

    /// The one of these octets.
    pub fn of(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// Its octets.
    pub fn octets(&self) -> &[u8; 16] {
        &self.0
    }

    /// As it stands in a link.
    pub fn written(&self) -> String {
        link::written(&self.0)
    }

    /// Reads one from a link.
    pub fn read(written: &str) -> Option<Self> {
        link::read(written).map(Self)
    }
}

/// What the table knows of a link's secret: enough to say that another one is wrong.
#[derive(Clone, Copy)]
pub struct LinkCheck([u8; 16]);

impl LinkCheck {
    /// Of a secret, with the public half of its link.
    pub fn new(rid: &Rid, secret: &LinkSecret) -> Self {
        // Without it the link of a share is still of no use to anybody else: it opens by its secret.
        Self(derived(secret.octets(), &rid.0, CHECK).unwrap_or_default())
    }

    /// Its octets, for the table.
    pub fn octets(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether it is the one in the table, in constant time.
    pub fn is(&self, kept: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, kept).is_ok()
    }
}

impl fmt::Debug for LinkCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkCheck(..)")
    }
}

/// What the key file adds to a recipient's key: without that file, mailbox and tables together open nothing.
pub struct Pepper([u8; 32]);

impl Pepper {
    /// The one of the key that seals now, and the id of that key, which the table keeps.
    pub fn current(keys: &SealKey) -> Option<(KeyId, Self)> {
        keys.derived(PEPPER).map(|(id, octets)| (id, Self(octets)))
    }

    /// The one of the key of this id. None when that key was dropped.
    pub fn of(keys: &SealKey, id: KeyId) -> Option<Self> {
        keys.derived_by(id, PEPPER).map(Self)
    }

    /// The key of a recipient: out of his link, and his code if he has one.
    pub fn recipient(&self, rid: &Rid, secret: &LinkSecret, code: Option<&CodeKey>) -> Option<RecipientKey> {
        let code = code.map(|code| code.octets().as_slice()).unwrap_or_default();
        let ikm = joined(&[secret.octets(), code]);
        let seed: [u8; 32] = derived(&ikm, &joined(&[&self.0, &rid.0]), RECIPIENT)?;
        RecipientKey::from_seed(seed)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

/// The cookie of a session: its first half names the session, its second half opens it. The table knows a hash of the
/// first.
pub struct Cookie([u8; 64]);

impl Cookie {
    /// A new one. None when chance is out of order.
    pub fn new() -> Option<Self> {
        seal::random().ok().map(Self)
    }

    /// As it stands in the cookie: letters and digits.
    pub fn written(&self) -> String {
        link::written(&self.0)
    }

    /// Reads one.
    pub fn read(written: &str) -> Option<Self> {
        link::read(written).map(Self)
    }

    /// What names the session.
    pub fn name(&self) -> &[u8] {
        self.0.split_at(32).0
    }

    /// Seals the key of a recipient for the table.
    pub fn seal(&self, rid: &Rid, key: &RecipientKey) -> Option<Vec<u8>> {
        let mut sealed = key.seed().to_vec();
        let nonce = self.key()?.seal_in_place_append_tag(Aad::from(rid.0), &mut sealed).ok()?;
        Some([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// Opens it. None when this is another session's cookie.
    pub fn open(&self, rid: &Rid, sealed: &[u8]) -> Option<RecipientKey> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut seed = sealed.to_vec();
        let seed = self.key()?.open_in_place(nonce, Aad::from(rid.0), &mut seed).ok()?;
        RecipientKey::from_seed(seed.try_into().ok()?)
    }

    fn key(&self) -> Option<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, self.0.split_at(32).1).ok()
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}

impl RecipientKey {
    /// The key by which this machine itself opens shares that are `recoverable`: of the key that seals now.
    pub fn recovery(keys: &SealKey) -> Option<(KeyId, Self)> {
        let (id, seed) = keys.derived(RECOVERY)?;
        Some((id, Self::from_seed(seed)?))
    }

    /// That key, of the key of this id.
    pub fn recovery_by(keys: &SealKey, id: KeyId) -> Option<Self> {
        Self::from_seed(keys.derived_by(id, RECOVERY)?)
    }
}

/// None for more than 255 hashes' worth of octets alone; a key of zeros would open for anybody.
fn derived<const N: usize>(ikm: &[u8], salt: &[u8], info: &str) -> Option<[u8; N]> {
    let mut octets = [0; N];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(ikm);
    extracted.expand(&[info.as_bytes()], Length(N)).ok()?.fill(&mut octets).ok()?;
    Some(octets)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Parts, each with its length before it, so that none can be taken for another.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes();
    parts.iter().flat_map(|part| length(part).into_iter().chain(part.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Computed by another program (Python): what is derived otherwise would never open again.
    #[test]
    fn golden_derivations() {
        let (rid, pepper) = (Rid::of([3; 16]), Pepper([9; 32]));
        let secret = LinkSecret::read(&link::written(&[5; 32])).unwrap();
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        let check = LinkCheck::new(&rid, &secret);
        assert_eq!(hex(check.octets()), "d18f1761048c058fc7fe7a4604497ade");
        let alone = pepper.recipient(&rid, &secret, None).unwrap();
        assert_eq!(hex(alone.seed()), "7dd4a93ff6dc72d38d484330c9f77d83981b6260605ea5fa33b8883f4b90b8b1");
        assert_eq!(alone.public(), "age1enpdvppn8lyh2v6tyj6zf6e4p67xely93gmnlsvykv5hlft0ncaqqgy2l8");
        let code = CodeKey::of([11; 32]);
        let with = pepper.recipient(&rid, &secret, Some(&code)).unwrap();
        assert_eq!(hex(with.seed()), "a86d737efab67cc08b5340a4f36f55fe1cea97e072822d8675474ba1955ff784");
        let shown = format!("{pepper:?} {check:?} {code:?} {with:?}");
        assert_eq!(shown, "Pepper(..) LinkCheck(..) CodeKey(..) RecipientKey(..)");
    }

    #[test]
    fn a_session_opens_with_its_own_cookie() {
        let (cookie, other, rid) = (Cookie::new().unwrap(), Cookie::new().unwrap(), Rid::of([3; 16]));
        let key = RecipientKey::from_seed([4; 32]).unwrap();
        let sealed = cookie.seal(&rid, &key).unwrap();
        let again = Cookie::read(&cookie.written()).unwrap();
        assert_eq!(again.open(&rid, &sealed).unwrap().seed(), key.seed());
        assert!(other.open(&rid, &sealed).is_none() && again.open(&Rid::of([2; 16]), &sealed).is_none());
        assert!(!sealed.windows(8).any(|window| window == [4; 8]));
    }
}
