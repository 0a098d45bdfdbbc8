//! What a session is handed: names, limits, certificate, who may relay. Swapped whole at a reload.

use std::sync::Arc;
use std::time::Duration;

use crate::smtp::access::Access;
use crate::smtp::budget::Budget;
use crate::tls::Serving;

/// Settings of the server side.
#[derive(Debug)]
pub struct Settings {
    /// Our name in greeting, EHLO and Received.
    pub hostname: String,
    /// Who may relay.
    pub access: Access,
    /// STARTTLS and implicit TLS; none offers none.
    pub tls: Option<Serving>,
    /// Limits.
    pub limits: SessionLimits,
    /// The memory budget; it outlives reloads.
    pub budget: Budget,
}

impl Settings {
    /// What a handshake takes now; none offers no TLS.
    pub fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.tls.as_ref().and_then(Serving::config)
    }
}

/// Limits of one session. None can be switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLimits {
    /// Octets of one message (552 above).
    pub max_message_size: usize,
    /// Recipients of one transaction (452 above; RFC 5321 4.5.3.1.8 asks for 100 at least).
    pub max_recipients: usize,
    /// A whole request must be there within this time (421 after).
    pub command_timeout: Duration,
    /// Octets a second that the content of a message must come with, on average, after a first `command_timeout`.
    pub min_rate: u64,
    /// Sessions at the same time (421 above).
    pub max_connections: usize,
    /// Of which from one address that is in no list.
    pub max_connections_per_stranger: usize,
}

/// Longest command line, octets without CRLF: RFC 5321 4.5.3.1.4 with room for the extensions' parameters.
pub const MAX_COMMAND: usize = 4096;
/// Octets of an endless command line that are read away before the session is ended.
pub const MAX_JUNK: usize = 4 * 1024 * 1024;
/// Errors since the last message that went through after which a session is ended.
pub const MAX_ERRORS: usize = 20;
/// Commands since the last message that send nothing (NOOP, RSET, VRFY, HELP, EHLO) after which it is ended.
pub const MAX_IDLE_COMMANDS: usize = 200;
/// Failed sign-ins after which it is ended.
pub const MAX_FAILED_SIGN_INS: usize = 3;
/// Recipients that are handed to the next hop in one go.
pub const MAX_BATCH: usize = 100;
