//! The secret of a link: who has it may see what the link leads to, and no more.

use std::fmt;

use crate::seal;

/// 32 random octets, written in Crockford's base 32 (lower case, no look-alikes). The store knows a keyed hash of it.
#[derive(Clone)]
pub struct LinkSecret([u8; 32]);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Octets in Crockford's base 32, five bits a letter, lower case.
pub fn written(octets: &[u8]) -> String {
    let bit = |n: usize| octets.get(n / 8).is_some_and(|octet| octet >> (7 - n % 8) & 1 == 1);
    let letter = |n: usize| (0..5).fold(0, |value, one| value << 1 | usize::from(bit(n * 5 + one)));
    let letters = (octets.len() * 8).div_ceil(5);
    (0..letters).map(|n| char::from(ALPHABET.get(letter(n)).copied().unwrap_or(b'0'))).collect()
}

/// Reads what [`written`] wrote; people who type it may use capitals. None for anything else: there is one writing of
/// each.
pub fn read<const N: usize>(written: &str) -> Option<[u8; N]> {
    if written.len() != (N * 8).div_ceil(5) {
        return None;
    }
    let mut octets = [0u8; N];
    for (n, letter) in written.bytes().enumerate() {
        let value = ALPHABET.iter().position(|one| *one == letter.to_ascii_lowercase())?;
        for one in 0..5 {
            let (at, set) = (n * 5 + one, value >> (4 - one) & 1 == 1);
            match octets.get_mut(at / 8) {
                Some(octet) if set => *octet |= 1 << (7 - at % 8),
                // The last letter has bits to spare, which must be clear.
                None if set => return None,
                _ => {}
            }
        }
    }
    Some(octets)
}

impl LinkSecret {
    /// A new one. None when chance is out of order.
    pub fn new() -> Option<Self> {
        seal::random().ok().map(Self)
    }

    /// Its octets, of which the store keeps the hash.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// As it stands in a link. For the mail to its reader alone.
    pub fn written(&self) -> String {
        written(&self.0)
    }

    /// Reads one from a link.
    pub fn read(written: &str) -> Option<Self> {
        read(written).map(Self)
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let secret = LinkSecret::new().unwrap();
        let written = secret.written();
        assert_eq!(LinkSecret::read(&written).unwrap().octets(), secret.octets());
        assert_eq!(LinkSecret::read(&written.to_uppercase()).unwrap().octets(), secret.octets());
        assert!(LinkSecret::read(&written[1..]).is_none());
        assert!(LinkSecret::read(&written.replace(&written[..1], "u")).is_none());
        // Two writings of one secret would be two links.
        assert!(LinkSecret::read(&"z".repeat(52)).is_none());
        assert_eq!(format!("{secret:?}"), "LinkSecret(..)");
    }
}
