//! The message: its envelope, its headers and its tree of parts with byte ranges.
//!
//! Pure: no clock, no network, no files. Cannot fail: what is broken or ambiguous is said in the value.
//! RFC 5321 (envelope), RFC 5322 (headers), RFC 2045-2049 and 2231 (MIME).

pub(crate) mod charset;
mod day;
mod envelope;
mod facts;
pub mod header;
mod headers;
mod limits;
mod loose;
pub(crate) mod mime;
mod parse;
pub mod rewrite;
mod trace;
pub(crate) mod transfer;
pub(crate) mod words;

pub use day::Day;
pub use envelope::{Envelope, Mail, Mailbox, MailboxError, Recipient, Source};
pub use headers::Headers;
pub use limits::Limits;
pub use mime::{ContentType, Mime, Names};
pub(crate) use parse::is_message_type;
pub use parse::{Message, Part, Shape};
pub use trace::{MAX_RECEIVED, Trace};
pub use transfer::Encoding;
