//! What is known of a recipient's domain before a server of it is spoken to: whom mail may go to, and how that server
//! must prove itself.
//!
//! [`Postures::of`] asks DNS, validated here (RFC 4035), and the domain's MTA-STS policy, and gives a [`Posture`]: the
//! row of the decision table ([`Row`]), and for each MX host what a session with it must show ([`Proof`]). It never
//! connects to a mail server; a session that shows less than `Proof` asks is whoever connects' to break off.
//!
//! | source | what it is read for |
//! |---|---|
//! | RFC 7672 | DANE for SMTP: which TLSA records count, which names a certificate may have (2.1, 2.2, 3.1, 3.2) |
//! | RFC 8461 | MTA-STS: record, policy, which hosts it lists, how long it is kept (3, 4, 5) |
//! | RFC 7505, RFC 5321 5.1 | null MX; a domain without MX is its own host |
//! | RFC 8460 3 | where findings about TLS are to be sent |
//! | NTA 7516 | the record by which care providers name each other |
//!
//! How it fails: a look-up that is bogus, refused, or late is trouble for the moment ([`Row::Temp`]) and never an
//! absence, since whoever could drop an answer would choose what is proven (RFC 7672 2.1.1, 2.1.3). A resolver through
//! which nothing can be validated makes every domain unproven. Memory, time, and what is read of each answer are
//! bounded.

mod countries;
mod dns;
mod fetch;
mod found;
mod judge;
mod look;
mod policies;
mod posting;
mod postures;
mod published;
mod row;
mod said;
mod settings;
mod sts;
mod texts;
mod tlsa;

pub use found::{
    Dane, Forced, Matching, MxHost, Nta7516, Ordinary, Posture, Proof, Selector, StsFound, StsTrouble, Tlsa, TlsaFound,
    Usage,
};
pub use policies::Shelf;
pub use postures::Postures;
pub use published::Published;
pub use row::{LookUp, NoHost, NotProven, Row, Trouble, Weak};
pub use said::why_not;
pub use settings::{Pinned, Resolvers, Settings};
pub use sts::Mode as StsMode;
