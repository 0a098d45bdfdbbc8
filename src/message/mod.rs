//! The message: its envelope, its headers and its tree of parts with byte ranges.
//!
//! Pure: no clock, no network, no files. Cannot fail: what is broken or ambiguous is said in the value.
//! RFC 5321 (envelope), RFC 5322 (headers), RFC 2045-2049 and 2231 (MIME).

mod envelope;
mod headers;
mod limits;
mod trace;

pub use envelope::{Envelope, Mail, Mailbox, MailboxError, Recipient, Source};
pub use headers::Headers;
pub use limits::Limits;
pub use trace::{MAX_RECEIVED, Trace};
