//! What `smtp` asks of whoever judges the mail. It does not know that there is a scanner.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use crate::message::{Recipient, Source};
use crate::smtp::budget::Reservation;
use crate::smtp::client::NextHop;
use crate::smtp::command::MailCommand;
use crate::smtp::reply::Reply;

/// The extensions that depend on the next hop; what we offer mirrors them (RFC 5321 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions {
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// SIZE in octets (RFC 1870); 0 is "no limit declared".
    pub size: usize,
    /// REQUIRETLS (RFC 8689), over a session that was verified.
    pub require_tls: bool,
}

impl Extensions {
    /// What to offer before the next hop was ever reached. Everything: a client that is refused an extension
    /// may bounce the mail for good, whereas RCPT will answer 451 as long as the next hop is away. But no promise: who
    /// is told that REQUIRETLS will be honoured does without another way.
    pub const UNKNOWN: Self = Self { eight_bit_mime: true, smtputf8: true, dsn: true, size: 0, require_tls: false };

    /// What both have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let size = match (self.size, other.size) {
            (0, size) | (size, 0) => size,
            (a, b) => a.min(b),
        };
        Self {
            eight_bit_mime: self.eight_bit_mime && other.eight_bit_mime,
            smtputf8: self.smtputf8 && other.smtputf8,
            dsn: self.dsn && other.dsn,
            size,
            require_tls: self.require_tls && other.require_tls,
        }
    }

    /// Refuses a MAIL command that needs what is not there (any more).
    ///
    /// # Errors
    /// The reply for the client.
    pub fn allow(&self, mail: &MailCommand) -> Result<(), Reply> {
        if mail.eight_bit && !self.eight_bit_mime {
            return Err(Reply::no_8bitmime());
        }
        if mail.require_tls && !self.require_tls {
            return Err(Reply::no_requiretls());
        }
        if mail.smtputf8 && !self.smtputf8 {
            return Err(Reply::no_smtputf8());
        }
        if !mail.dsn.is_empty() && !self.dsn {
            return Err(Reply::offer_changed());
        }
        match mail.size {
            Some(size) if self.size > 0 && size > self.size => Err(Reply::too_large(self.size)),
            _ => Ok(()),
        }
    }
}

/// The client of a session, as far as the mail needs to know it.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// The name it gave in EHLO or HELO: printable, no spaces.
    pub hello: Arc<str>,
    /// The `with` word of the Received line: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA (RFC 3848), UTF8SMTP* (RFC 6531 4.3).
    pub protocol: &'static str,
    /// TLS version and cipher suite, when the session is encrypted.
    pub tls: Option<Arc<str>>,
    /// Which client of the configuration this is.
    pub source: Source,
    /// Whether its network is shared by other customers of a provider, so that the message must prove itself by
    /// the school's secret header.
    pub shared_network: bool,
    /// The next hop, signed in with the client's own account: its mail goes that way and no other.
    pub account: Option<Arc<NextHop>>,
}

/// A whole message as it came.
#[derive(Debug)]
pub struct Content {
    /// The octets: dot-unstuffed, every line ending in CRLF.
    pub raw: Vec<u8>,
    /// The memory it holds; grown by the scan, given back when the message is gone.
    pub memory: Reservation,
}

/// Takes mail from sessions.
pub trait Handler: Send + Sync + 'static {
    /// A transaction of this handler.
    type Transaction: Transaction;

    /// What may be offered now. Called for each EHLO; must not wait.
    fn extensions(&self) -> Extensions;

    /// A client that may relay begins a transaction. No connection is needed yet.
    ///
    /// # Errors
    /// The reply that refuses MAIL.
    fn open(&self, client: Client, mail: MailCommand) -> Result<Self::Transaction, Reply>;
}

/// One transaction, in step with the client's.
pub trait Transaction: Send {
    /// Answers recipients, in order, one reply each. The session hands over all that the client pipelined.
    fn recipients(&mut self, batch: Vec<Recipient>) -> impl Future<Output = Vec<Reply>> + Send;

    /// The client is slow: what others need may be given up until it goes on.
    fn rest(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Judges the message and does what the verdict says; its reply is the client's reply.
    fn judge_and_send(self, content: Content) -> impl Future<Output = Reply> + Send;

    /// The client gave up the transaction (RSET, EHLO, refused DATA).
    fn abandon(self) -> impl Future<Output = ()> + Send;
}
