//! The client side: connections to the next hops.
//!
//! Our own and not lettre's: verified TLS without reply injection, replies carried back as they are, content byte
//! for byte (crates that were tried lose one of these). It knows connections and commands; what a transaction means
//! is `act::relay`'s.

mod connection;
mod examine;
mod hop;
mod met;
mod reply_reader;
mod trouble;

pub use connection::Connection;
pub use examine::{Answer, Examined};
pub use hop::{Demand, Hop, Lease, NextHop};
pub use met::{Last, Met};
pub use reply_reader::{MAX_LINE, NextHopReply, Nonsense, ReplyReader};
pub use trouble::Trouble;
