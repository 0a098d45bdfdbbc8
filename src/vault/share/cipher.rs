//! The age format (age-encryption.org/v1, C2SP): X25519 identities, and streams of ChaCha20-Poly1305 in pieces of 64 KiB.
//!
//! The only file that knows the crate `age`, so that a swap touches this one. The format is fixed and any age tool opens
//! what is sealed here; golden files in the tests hold it. Nothing here is ever shown.

use std::fmt;
use std::io::{self, BufReader, Read, Seek, Write};
use std::iter;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use age::secrecy::ExposeSecret;
use age::stream::{StreamReader, StreamWriter};
use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use bech32::{Bech32, Hrp};

/// The key of one item: who has it, reads the item.
#[derive(Clone)]
pub struct ItemKey(Identity);

/// The key of a recipient of a share: opens grants.
#[derive(Clone)]
pub struct RecipientKey {
    seed: [u8; 32],
    identity: Identity,
}

/// The private half of a school's own age recipient.
pub struct EscrowKey(Identity);

/// Whether a text is an age recipient (`age1...`).
pub fn is_recipient(text: &str) -> bool {
    Recipient::from_str(text).is_ok()
}

impl ItemKey {
    /// A new one.
    pub fn new() -> Self {
        Self(Identity::generate())
    }

    /// Its public half, for the table.
    pub fn public(&self) -> String {
        self.0.to_public().to_string()
    }

    /// Itself, sealed for whoever has the private half of this age recipient. None when that is none.
    pub fn wrapped_for(&self, recipient: &str) -> Option<Vec<u8>> {
        let recipient = Recipient::from_str(recipient).ok()?;
        age::encrypt(&recipient, self.0.to_string().expose_secret().as_bytes()).ok()
    }

    /// What seals an item: give it plain octets, take sealed ones.
    pub(super) fn sealer(&self) -> io::Result<Sealer> {
        let public = self.0.to_public();
        let encryptor = Encryptor::with_recipients(iter::once(&public as &dyn age::Recipient));
        let sealed = Sealed::default();
        let stream = encryptor.map_err(io::Error::other)?.wrap_output(sealed.clone())?;
        Ok(Sealer { stream, sealed })
    }

    /// What opens an item, anywhere in it.
    pub(super) fn opener<R: Read + Seek>(&self, sealed: R) -> Option<Opener<R>> {
        // Four pieces of the stream, with their tags: what is read at once.
        let sealed = BufReader::with_capacity(4 * (64 * 1024 + 16), sealed);
        let decryptor = Decryptor::new_buffered(sealed).ok()?;
        Some(Opener(decryptor.decrypt(iter::once(&self.0 as &dyn age::Identity)).ok()?))
    }

    fn unwrapped(wrapped: &[u8], identity: &Identity) -> Option<Self> {
        let text = age::decrypt(identity, wrapped).ok()?;
        Identity::from_str(std::str::from_utf8(&text).ok()?).ok().map(Self)
    }
}

impl Default for ItemKey {
    fn default() -> Self {
        Self::new()
    }
}

impl RecipientKey {
    /// The key that a seed gives. None when it gives none, which cannot be.
    pub fn from_seed(seed: [u8; 32]) -> Option<Self> {
        let text = bech32::encode::<Bech32>(Hrp::parse("age-secret-key-").ok()?, &seed).ok()?;
        let identity = Identity::from_str(&text.to_uppercase()).ok()?;
        Some(Self { seed, identity })
    }

    /// The seed, to be sealed in a session.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Its public half, for the table.
    pub fn public(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// Whether its public half is the one in the table, in constant time: that is how a code is checked.
    pub fn is(&self, public: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.public().as_bytes(), public.as_bytes()).is_ok()
    }

    /// Opens a grant.
    pub fn unwrap(&self, grant: &[u8]) -> Option<ItemKey> {
        ItemKey::unwrapped(grant, &self.identity)
    }
}

impl EscrowKey {
    /// The first identity in an age identity file; comments are passed over.
    pub fn read(file: &str) -> Option<Self> {
        let line = file.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
        Identity::from_str(line).ok().map(Self)
    }

    /// Opens what was sealed for it.
    pub fn unwrap(&self, escrow: &[u8]) -> Option<ItemKey> {
        ItemKey::unwrapped(escrow, &self.0)
    }
}

/// Seals a stream of octets, piece by piece.
pub(super) struct Sealer {
    stream: StreamWriter<Sealed>,
    sealed: Sealed,
}

impl Sealer {
    /// Seals the next octets; what is ready of the sealed ones is in [`Sealer::take`].
    pub fn write(&mut self, plain: &[u8]) -> io::Result<()> {
        self.stream.write_all(plain)
    }

    /// How many sealed octets are ready.
    pub fn length(&self) -> usize {
        self.sealed.lock().len()
    }

    /// The first of the sealed octets that are ready, at most so many.
    pub fn take(&self, most: usize) -> Vec<u8> {
        let mut ready = self.sealed.lock();
        let at = most.min(ready.len());
        let rest = ready.split_off(at);
        std::mem::replace(&mut *ready, rest)
    }

    /// Ends the stream, and gives the rest.
    pub fn end(self) -> io::Result<Vec<u8>> {
        self.stream.finish()?;
        Ok(std::mem::take(&mut *self.sealed.lock()))
    }
}

/// Where the sealer's octets gather. The crate keeps its writer to itself, so that it is shared with us.
#[derive(Clone, Default)]
struct Sealed(Arc<Mutex<Vec<u8>>>);

impl Sealed {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Sealed {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a sealed stream, from its start or from anywhere.
pub struct Opener<R>(StreamReader<BufReader<R>>);

impl<R: Read + Seek> Read for Opener<R> {
    fn read(&mut self, plain: &mut [u8]) -> io::Result<usize> {
        self.0.read(plain)
    }
}

impl<R: Read + Seek> Seek for Opener<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

macro_rules! shown_as_nothing {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

shown_as_nothing!(ItemKey, RecipientKey, EscrowKey);

impl<R> fmt::Debug for Opener<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Written by another program (Python, after the specification), for the seed and item key below.
    const GRANT: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBFNzVQNnVyeUJNZjlNMWo4bkFCeUdJSFJkQ2VCS0NKK3huVHpmMy9wZTIwCi9XTlF1MzhqcVNabjduWXkwL2dsVlBCaUw0Z1JEMGZPOWJncVRPZ3FMd3cKLS0tIHg4bExYa3c1dzBDZ1lRb0Zra3FZRHFSMU1VMWVOaW8vZWtvRzVjc2ZscmMKTk5OTk5OTk5OTk5OTk5OTtbr94gvMqJtA5q2BZMu2Zyz5DLjApA/648u+JE5srtRs/0Nc/CbEws91tdcs7FyJUoHmIP7Zt9mxmtPRNO+x4iAG325epL0YJ9Dts50ND5+luv6MxWn1Sn9Tw==";
    const FILE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBWOXRMTlo4anJsNFViazRsRWdWbkJISWxCalNNRlF3VWRUME1rejBFMUNFClMvNHg4aGdVcUpROVBNcjNaN202aXhLYmdpQkc2YWRSUUJYTml1OWJ6dzAKLS0tIEc3RlVOdTBXTXZCam5qMENZQ0pRcDNuQ0E0VlZFQm1STDF0SDYweUdvMFUKTU1NTU1NTU1NTU1NTU1NTWCqYKQs1Z2q0gx95tvKLmolspmsALqwLHwb/cxQ3JY1RMjBKDdMJDOI";

    #[test]
    fn golden_files_open() {
        let recipient = RecipientKey::from_seed(std::array::from_fn(|n| n as u8 + 1)).unwrap();
        assert_eq!(recipient.public(), "age1q73he0q5yzfu3d64msd3p6rvksnrwjk3d2598mgtmlqt9wrdr37q2vrn72");
        let item = recipient.unwrap(&STANDARD.decode(GRANT).unwrap()).unwrap();
        assert_eq!(item.public(), "age12u28d8g3d0mkgd4wwj78j0fvxzk3jq79ntzjwwq9cl3xnz6ppsmq4eu6rs");
        let mut plain = String::new();
        let mut opener = item.opener(Cursor::new(STANDARD.decode(FILE).unwrap())).unwrap();
        opener.read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "Juf Sanne schrijft: zoë.");
        let other = RecipientKey::from_seed([7; 32]).unwrap();
        assert!(other.unwrap(&STANDARD.decode(GRANT).unwrap()).is_none());
        let mut changed = STANDARD.decode(FILE).unwrap();
        *changed.last_mut().unwrap() ^= 1;
        assert!(item.opener(Cursor::new(changed)).unwrap().read_to_string(&mut plain).is_err());
    }

    #[test]
    fn what_is_sealed_in_pieces_is_read_from_anywhere() {
        let key = ItemKey::new();
        let plain: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        let mut sealer = key.sealer().unwrap();
        let mut sealed = Vec::new();
        for piece in plain.chunks(100_000) {
            sealer.write(piece).unwrap();
            sealed.extend(sealer.take(usize::MAX));
        }
        sealed.extend(sealer.end().unwrap());
        let mut opener = key.opener(Cursor::new(&sealed)).unwrap();
        for at in [0usize, 65_535, 65_536, 131_072, 299_990] {
            opener.seek(io::SeekFrom::Start(at as u64)).unwrap();
            let mut ten = [0; 10];
            opener.read_exact(&mut ten).unwrap();
            assert_eq!(ten, plain[at..at + 10], "{at}");
        }
        // One that was cut short does not open to its end.
        sealed.truncate(sealed.len() - 70_000);
        let mut opener = key.opener(Cursor::new(&sealed)).unwrap();
        assert!(opener.read_to_end(&mut Vec::new()).is_err());
    }
}
