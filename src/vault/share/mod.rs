//! What opens a secure share: keys, codes and sealed files.
//!
//! ```text
//! link_secret   = 32 random octets, in the recipient's mail alone
//! rid           = 16 random octets, the public half of the link
//! link_check    = HKDF-SHA256(ikm = link_secret, salt = rid, info = "mailpoort/share/v1/check"), 16 octets: stored
//! code_key      = Argon2id(code, salt = rid, 64 MiB, t = 3, p = 1), 32 octets, for who has a code;
//!                 of an organisation's fixed code the salt is the contact's id, and its row keeps the key sealed
//! seed          = HKDF-SHA256(ikm = link_secret || code_key?, salt = pepper || rid, info = ".../recipient"), 32 octets
//! recipient key = age X25519 identity of the seed; its public half is stored
//! item key      = a random age X25519 identity for each item; the file is an age stream for it
//! grant         = the item key, sealed with age for the recipient key: one row for each recipient and item
//! recovery      = the same for a key that follows from the key file; only with `keys = "recoverable"`
//! escrow        = the same for the school's own age recipient, whose private half lies elsewhere
//! session       = the seed, sealed with 32 octets that only the cookie holds
//! pepper        = follows from the key file; not in the tables
//! ```
//!
//! `||` joins with the length of each part before it. So tables, files and key file together open nothing in `strict`
//! mode: the 256 bits of the link are not among them. To take a grant back is to delete its row; an item whose last grant
//! is gone goes too.
//!
//! | file | what |
//! |---|---|
//! | `cipher` | the age format (age-encryption.org/v1); the only file that knows the crate |
//! | `code` | access codes of 12 digits |
//! | `files` | sealed items as files: written and read in pieces |
//! | `place` | where files lie: on the disk, or with a provider of S3 |
//! | `keys` | the derivations above |

mod cipher;
mod code;
mod files;
mod keys;
mod place;

pub use cipher::{EscrowKey, ItemKey, Opener, RecipientKey, is_recipient};
pub use code::{AccessCode, CodeKey, Cost};
pub use files::{Files, Reading};
pub use keys::{Cookie, LinkCheck, Pepper, Rid};
pub use place::{Bucket, Place};
