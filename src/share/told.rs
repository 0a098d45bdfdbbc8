//! What of a share nobody should mail on: the codes that its sender tells, and his receipt with his own link. Known as long
//! as the share lives, although a code itself is forgotten when it was used or is a week old.
//!
//! Of a code its mark is kept: PBKDF2 (RFC 8018 5.2) with a salt that only the key file gives. Without that file nobody
//! makes one; with it, trying all twelve digits takes 10^12 times so many rounds. A receipt is known by the public half of its
//! link, which is in the tables anyway. Cannot fail: what cannot be made is not found.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;

use super::{ShareError, Shares};
use crate::store::Store;
use crate::vault::share::Rid;

/// Some milliseconds for each number that is looked at.
const ROUNDS: NonZeroU32 = NonZeroU32::new(20_000).expect("it is not nothing");
const LENGTH: usize = 16;
/// Digits of a code.
const DIGITS: usize = 12;

/// The codes and receipts of the shares that live. `Debug` shows how many.
pub struct Told {
    store: Store,
    codes: HashSet<Vec<u8>>,
    receipts: HashSet<(String, String)>,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Told({} codes, {} receipts)", self.codes.len(), self.receipts.len())
    }
}

impl Shares {
    /// What of the shares that live is not to be mailed on.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn told(&self) -> Result<Told, ShareError> {
        let store = self.inner.outbox.store();
        let (mut codes, mut receipts) = (HashSet::new(), HashSet::new());
        for (school, mark, rid) in store.share_told(self.now()).await? {
            codes.extend(mark);
            receipts.extend(rid.map(|rid| (school, Rid::of(rid).written().to_lowercase())));
        }
        Ok(Told { store: store.clone(), codes, receipts })
    }
}

impl Told {
    /// Whether this number is the code of a share of this school. Takes some milliseconds.
    pub fn is_code(&self, school: &str, number: u64) -> bool {
        !self.codes.is_empty() && self.codes.contains(&mark(&self.store, school, &format!("{number:012}")))
    }

    /// Whether this is the public half of a sender's own link, at this school.
    pub fn is_receipt(&self, school: &str, rid: &str) -> bool {
        self.receipts.contains(&(school.to_owned(), rid.to_lowercase()))
    }
}

/// By which a code is known: of its digits alone. Blocks for some milliseconds.
pub(super) fn mark(store: &Store, school: &str, code: &str) -> Vec<u8> {
    let digits: String = code.chars().filter(char::is_ascii_digit).take(DIGITS).collect();
    let salt = store.index("share code told", &[school.as_bytes()]);
    let mut mark = vec![0; LENGTH];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, digits.as_bytes(), &mut mark);
    mark
}
