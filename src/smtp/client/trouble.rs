//! What can go wrong with the next hop, and what the client hears of it.

use crate::smtp::reply::Reply;

/// Trouble with the next hop or the way to it. Every kind is a 451 to the client: its mail stays where it is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No address answers, or none greets us.
    Unreachable,
    /// It hung up.
    Lost,
    /// It did not answer in time.
    Silent,
    /// Its answer can be no SMTP reply, or came unasked.
    Nonsense,
    /// It does not offer the TLS that is demanded.
    NoTls,
    /// TLS is not what is demanded: the handshake failed, or its certificate proves nothing.
    Tls,
    /// It refuses our credentials.
    RefusesUs,
    /// All our connections to it are in use.
    Busy,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unreachable,
        Self::Lost,
        Self::Silent,
        Self::Nonsense,
        Self::NoTls,
        Self::Tls,
        Self::RefusesUs,
        Self::Busy,
    ];

    /// The word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Lost => "lost",
            Self::Silent => "silent",
            Self::Nonsense => "nonsense",
            Self::NoTls => "no_tls",
            Self::Tls => "tls",
            Self::RefusesUs => "refuses_us",
            Self::Busy => "busy",
        }
    }

    /// The reply for the client, as long as the message's final dot was not sent.
    pub fn reply(self) -> Reply {
        match self {
            Self::Unreachable => Reply::next_hop_unreachable(),
            Self::Lost | Self::Silent => Reply::next_hop_lost(),
            Self::Nonsense => Reply::next_hop_nonsense(),
            Self::NoTls | Self::Tls => Reply::next_hop_tls(),
            Self::RefusesUs => Reply::next_hop_refuses_us(),
            Self::Busy => Reply::next_hop_busy(),
        }
    }

    /// The reply after the final dot, when nobody can know whether the message was taken (RFC 1047).
    pub fn reply_after_dot(self) -> Reply {
        match self {
            Self::Nonsense => Reply::next_hop_nonsense(),
            _ => Reply::next_hop_lost_after_dot(),
        }
    }
}
