//! The client side: connections to the next hops.
//!
//! Our own and not lettre's: verified TLS without reply injection, replies carried back as they are, content byte
//! for byte (crates that were tried lose one of these). Connections know commands; what a
//! transaction means is [`Relay`]'s.

mod connection;
mod direct;
mod examine;
mod hop;
mod lines;
mod look;
mod met;
mod relay;
mod reply_reader;
mod trouble;

pub use connection::Connection;
pub use direct::{Direct, Evidence, Letter, Miss, Patience, Sent, Why};
pub use examine::{Answer, Examined};
pub use hop::{Demand, Hop, Lease, NextHop};
pub use look::{Certificate, Look};
pub use met::{Last, Met};
pub use relay::Relay;
pub use reply_reader::{MAX_LINE, NextHopReply, Nonsense, ReplyReader};
pub use trouble::Trouble;
