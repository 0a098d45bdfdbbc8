//! Access codes: 12 digits in groups of four, for any keyboard and any language (39.9 bits; who guesses is locked out, and
//! who has stolen everything pays Argon2id for each guess).
//!
//! What a guess costs matters to one thief alone: who has the link out of a mailbox, and tables, files and key file as
//! well. To everybody else the secret of the link (256 bits) or the pepper is missing, and at the page five tries lock. For
//! that thief 10^12 codes at 64 MiB and three rounds are some 2400 years of one core for the half in which the code is
//! found, or some nine years of a large graphics card, for one recipient of one share; the least that OWASP names (19 MiB,
//! two rounds) would be a fifth of that. The price is ours too: 0.15 s of a core each time a code is typed, two at a time,
//! so that two hundred parents in the same second wait up to 15 s, once. That is rare and the theft is for good, so the
//! cost stays high. It stands in each row ([`Cost::number`]), so that another can be chosen for what is made from then on.

use std::fmt;
use std::sync::{Arc, LazyLock};

use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::Rid;
use crate::seal;

const DIGITS: usize = 12;
const CODES: u64 = 1_000_000_000_000;
/// Codes whose key is computed at the same time: each takes the memory of its cost.
const AT_ONCE: usize = 2;

static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(AT_ONCE)));

/// A code. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessCode(String);

/// What a code adds to a recipient's key.
#[derive(Clone)]
pub struct CodeKey([u8; 32]);

/// What computing the key of a code costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    number: u32,
    /// KiB.
    memory: u32,
    rounds: u32,
}

impl Default for Cost {
    /// What is paid for codes that are made now.
    fn default() -> Self {
        Self::FIRST
    }
}

impl Cost {
    /// Next to nothing: for tests that are not about it. Never for a school.
    pub const TEST: Self = Self { number: 0, memory: 8, rounds: 1 };
    /// 64 MiB, three rounds: 0.15 s.
    const FIRST: Self = Self { number: 1, memory: 64 * 1024, rounds: 3 };

    /// The number by which a row names it; what a number means never changes.
    pub fn number(self) -> u32 {
        self.number
    }

    /// The one with this number. None for one that a later version knows.
    pub fn of(number: u32) -> Option<Self> {
        [Self::TEST, Self::FIRST].into_iter().find(|cost| cost.number == number)
    }
}

impl AccessCode {
    /// A new one, each as likely as any other. None when chance is out of order.
    pub fn new() -> Option<Self> {
        const FAIR: u64 = u64::MAX - u64::MAX % CODES;
        for _ in 0..64 {
            let number = u64::from_be_bytes(seal::random().ok()?);
            if number < FAIR {
                return Some(Self(format!("{:012}", number % CODES)));
            }
        }
        None
    }

    /// Reads one as people type it: spaces and dashes count for nothing. None when it is not 12 digits.
    pub fn read(typed: &str) -> Option<Self> {
        let ignored = |c: char| c.is_whitespace() || "-.\u{2010}\u{2011}\u{2013}".contains(c);
        let digits: String = typed.chars().filter(|c| !ignored(*c)).take(DIGITS + 1).collect();
        (digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then_some(Self(digits))
    }

    /// As it is told and read out: `4821 7730 5519`. For the sender alone.
    pub fn grouped(&self) -> String {
        let groups: Vec<&str> = (0..DIGITS).step_by(4).filter_map(|at| self.0.get(at..at + 4)).collect();
        groups.join(" ")
    }

    /// The key of the code for one link. Takes its time and its memory, at most two at once. None when the system has no
    /// memory or threads left.
    pub async fn key(&self, rid: &Rid, cost: Cost) -> Option<CodeKey> {
        self.key_with(*rid.octets(), cost).await
    }

    /// The key of a fixed code of an organisation, the same for all links to that contact. As [`AccessCode::key`].
    pub async fn fixed_key(&self, contact: &[u8; 16], cost: Cost) -> Option<CodeKey> {
        self.key_with(*contact, cost).await
    }

    async fn key_with(&self, salt: [u8; 16], cost: Cost) -> Option<CodeKey> {
        let place = Arc::clone(&PLACES).acquire_owned().await.ok()?;
        let digits = self.0.clone();
        let computing = move || {
            let params = Params::new(cost.memory, cost.rounds, 1, Some(32)).ok()?;
            let mut key = [0; 32];
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            argon.hash_password_into(digits.as_bytes(), &salt, &mut key).ok()?;
            drop(place);
            Some(CodeKey(key))
        };
        tokio::task::spawn_blocking(computing).await.ok().flatten()
    }
}

impl CodeKey {
    /// The one of these octets, which a contact's row or a device's cookie held sealed.
    pub fn of(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Its octets.
    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for AccessCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessCode(..)")
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = AccessCode::new().unwrap();
        let grouped = code.grouped();
        assert_eq!(grouped.len(), 14);
        for typed in [grouped.clone(), grouped.replace(' ', ""), grouped.replace(' ', " - "), format!(" {grouped}\n")] {
            assert_eq!(AccessCode::read(&typed), Some(code.clone()), "{typed}");
        }
        for wrong in ["", "1234", "1234 5678 901", "1234 5678 9012 3", "1234 5678 901a", "١٢٣٤٥٦٧٨٩٠١٢"] {
            assert_eq!(AccessCode::read(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{code:?}"), "AccessCode(..)");
    }

    #[tokio::test]
    async fn the_key_of_a_code_is_of_one_link() {
        let (code, rid) = (AccessCode::read("482177305519").unwrap(), Rid::of([7; 16]));
        let key = code.key(&rid, Cost::TEST).await.unwrap();
        assert_eq!(key.octets(), code.key(&rid, Cost::TEST).await.unwrap().octets());
        assert_ne!(key.octets(), code.key(&Rid::of([8; 16]), Cost::TEST).await.unwrap().octets());
        let other = AccessCode::read("482177305518").unwrap();
        assert_ne!(key.octets(), other.key(&rid, Cost::TEST).await.unwrap().octets());
        // Computed by another program (Python), at the cost of schools.
        let golden = code.key(&Rid::of([3; 16]), Cost::default()).await.unwrap();
        let hex: String = golden.octets().iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(hex, "2167a13ce4c74e40fc91dd0a833fa475aa62b83c9fc8978249a3d141cd179a16");
    }
}
