//! One connection to a next hop: greeting, EHLO, TLS, sign-in, commands, content.
//!
//! After the 220 to STARTTLS the buffer must be empty, and everything learnt before is forgotten (RFC 3207 4.2).
//! No reply is awaited without a deadline, none may be endless. Content goes out exactly as it is, dot-stuffed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::secret::Secret;
use crate::smtp::client::hop::{Demand, Hop};
use crate::smtp::client::reply_reader::{NextHopReply, ReplyReader};
use crate::smtp::client::trouble::Trouble;
use crate::smtp::data;
use crate::smtp::handler::Extensions;
use crate::smtp::stream::{Stream, Wire};

/// An open connection that has said EHLO, with TLS and sign-in as configured.
#[derive(Debug)]
pub struct Connection {
    wire: Wire,
    patience: Duration,
    final_patience: Duration,
    /// The words of its greeting, which may tell its time.
    pub greeting: String,
    /// What EHLO offered.
    pub extensions: Extensions,
    /// PIPELINING was offered (RFC 2920).
    pub pipelining: bool,
    /// AUTH PLAIN was offered, and AUTH LOGIN.
    mechanisms: (bool, bool),
    /// A transaction is open at the next hop, or may be.
    in_transaction: bool,
    /// Something failed: not to be used again.
    broken: bool,
}

/// What EHLO offered, all of it.
#[derive(Debug, Default)]
struct Offer {
    pipelining: bool,
    eight_bit_mime: bool,
    smtputf8: bool,
    dsn: bool,
    size: usize,
    starttls: bool,
    require_tls: bool,
    plain: bool,
    login: bool,
}

impl Connection {
    /// Connects to one address of one host.
    pub(super) async fn open(hop: &Hop, host: &str, address: SocketAddr) -> Result<Self, Trouble> {
        match Self::attempt(hop, host, address, hop.demand != Demand::Off).await {
            // Opportunistic: plain is better than nothing when TLS fails (RFC 7435).
            Err(Trouble::NoTls | Trouble::Tls) if hop.demand == Demand::Opportunistic => {
                Self::attempt(hop, host, address, false).await
            }
            result => result,
        }
    }

    async fn attempt(hop: &Hop, host: &str, address: SocketAddr, tls: bool) -> Result<Self, Trouble> {
        let tcp = match timeout(hop.connect_timeout, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => tcp,
            _ => return Err(Trouble::Unreachable),
        };
        let _ = tcp.set_nodelay(true);
        let stream = if hop.implicit_tls && tls { secure(hop, host, tcp).await? } else { Stream::Plain(tcp) };
        let mut connection = Self {
            wire: Wire::new(stream),
            patience: hop.reply_timeout,
            final_patience: hop.final_reply_timeout,
            greeting: String::new(),
            extensions: Extensions::UNKNOWN,
            pipelining: false,
            mechanisms: (false, false),
            in_transaction: false,
            broken: false,
        };
        match connection.reply(hop.reply_timeout).await? {
            greeting if greeting.code == 220 => {
                connection.greeting = greeting.lines.into_iter().next().unwrap_or_default();
            }
            _ => return Err(Trouble::Unreachable),
        }
        let mut offer = connection.hello(hop, tls).await?;
        if tls && !hop.implicit_tls {
            if offer.starttls {
                connection = connection.starttls(hop, host).await?;
                offer = connection.hello(hop, true).await?;
            } else if hop.demand != Demand::Opportunistic {
                return Err(Trouble::NoTls);
            }
        }
        connection.extensions = Extensions {
            eight_bit_mime: offer.eight_bit_mime,
            smtputf8: offer.smtputf8,
            dsn: offer.dsn,
            size: offer.size,
            // Only where it was verified can a promise be kept (RFC 8689 4.2.1).
            require_tls: offer.require_tls && hop.demand == Demand::Verify && connection.is_encrypted(),
        };
        connection.pipelining = offer.pipelining;
        connection.mechanisms = (offer.plain, offer.login);
        if let Some((name, password)) = &hop.credentials
            && connection.sign_in(name, password).await?.code != 235
        {
            return Err(Trouble::RefusesUs);
        }
        Ok(connection)
    }

    /// Whether it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.wire.stream(), Stream::Client(_))
    }

    /// Version and cipher suite of its TLS; none without TLS.
    pub fn tls(&self) -> Option<(&'static str, String)> {
        let Stream::Client(stream) = self.wire.stream() else { return None };
        let session = stream.get_ref().1;
        let version = match session.protocol_version()? {
            ProtocolVersion::TLSv1_2 => "TLSv1.2",
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            _ => "TLS",
        };
        Some((version, format!("{:?}", session.negotiated_cipher_suite()?.suite())))
    }

    async fn hello(&mut self, hop: &Hop, tls: bool) -> Result<Offer, Trouble> {
        let reply = self.command(&format!("EHLO {}\r\n", hop.our_name)).await?;
        if reply.is_ok() {
            return Ok(offer(&reply));
        }
        // A server without EHLO has no STARTTLS, so this is no way around a demand for TLS.
        if reply.code >= 500 && tls {
            return Err(Trouble::NoTls);
        }
        if reply.code >= 500 && self.command(&format!("HELO {}\r\n", hop.our_name)).await?.is_ok() {
            return Ok(Offer::default());
        }
        Err(Trouble::Unreachable)
    }

    async fn starttls(mut self, hop: &Hop, host: &str) -> Result<Self, Trouble> {
        if self.command("STARTTLS\r\n").await?.code != 220 {
            return Err(Trouble::NoTls);
        }
        // Replies behind the 220 were put there by somebody who wants them believed inside TLS.
        let Some(Stream::Plain(tcp)) = std::mem::replace(&mut self.wire, Wire::gone()).into_stream() else {
            return Err(Trouble::Tls);
        };
        self.wire = Wire::new(secure(hop, host, tcp).await?);
        Ok(self)
    }

    /// Signs in by what is offered (RFC 4954); the reply says whether it may.
    pub(super) async fn sign_in(&mut self, name: &str, password: &Secret<String>) -> Result<NextHopReply, Trouble> {
        let (plain, login) = self.mechanisms;
        if plain {
            let response = BASE64.encode(format!("\0{name}\0{}", password.expose()));
            self.command(&format!("AUTH PLAIN {response}\r\n")).await
        } else if login {
            // Each only when it is asked for: else it would be a command, and end in a log.
            for answer in ["AUTH LOGIN\r\n".to_string(), format!("{}\r\n", BASE64.encode(name))] {
                let reply = self.command(&answer).await?;
                if reply.code != 334 {
                    return Ok(reply);
                }
            }
            self.command(&format!("{}\r\n", BASE64.encode(password.expose()))).await
        } else {
            Err(Trouble::RefusesUs)
        }
    }

    /// Sends one command line and awaits its reply.
    pub(super) async fn command(&mut self, line: &str) -> Result<NextHopReply, Trouble> {
        self.send(line).await?;
        self.reply(self.patience).await
    }

    /// Sends command lines and awaits their replies, in one exchange where PIPELINING allows it. The replies end
    /// early at the first trouble, which is returned beside them.
    pub async fn commands(&mut self, lines: &[String]) -> (Vec<NextHopReply>, Option<Trouble>) {
        let mut replies = Vec::with_capacity(lines.len());
        let trouble = self.exchange(lines, &mut replies).await.err();
        (replies, trouble)
    }

    async fn exchange(&mut self, lines: &[String], replies: &mut Vec<NextHopReply>) -> Result<(), Trouble> {
        self.in_transaction = true;
        if self.pipelining {
            self.send(&lines.concat()).await?;
        }
        for line in lines {
            if !self.pipelining {
                self.send(line).await?;
            }
            replies.push(self.reply(self.patience).await?);
        }
        Ok(())
    }

    /// DATA: whether the next hop is ready for the content. The reply is there when it is not.
    pub async fn data(&mut self) -> Result<Option<NextHopReply>, Trouble> {
        let reply = self.command("DATA\r\n").await?;
        match reply.code {
            354 if self.wire.pending().is_empty() => Ok(None),
            400..=599 => Ok(Some(reply)),
            // A reply behind the 354 would be taken for the answer to the message.
            _ => self.fail(Trouble::Nonsense),
        }
    }

    /// Sends the content, dot-stuffed, and the end of data. `head` is our own header fields, which end in CRLF and of
    /// which no line begins with a dot. Trouble here means that the end of data did not go out: nothing was sent. So
    /// does a reply: the next hop refused in the middle of the content.
    pub async fn content(&mut self, head: &[u8], body: &[u8]) -> Result<Option<NextHopReply>, Trouble> {
        let mut buffer = Vec::with_capacity(BUFFER.min(head.len() + body.len() + 1024));
        for slice in std::iter::once(head).chain(data::stuffed(body)) {
            let mut left = slice;
            while buffer.len() + left.len() > BUFFER {
                let (now, later) = left.split_at(BUFFER - buffer.len());
                buffer.extend_from_slice(now);
                if let Some(refusal) = self.piece(&buffer).await? {
                    return Ok(Some(refusal));
                }
                buffer.clear();
                left = later;
            }
            buffer.extend_from_slice(left);
        }
        // The last octets and the end of data go out in one write, so that no packet waits for another.
        buffer.extend_from_slice(b".\r\n");
        self.piece(&buffer).await
    }

    /// Writes one piece of the content, unless the next hop has spoken up: before the end of data that can only be a
    /// refusal, and anything else would be taken for the answer to the message.
    async fn piece(&mut self, octets: &[u8]) -> Result<Option<NextHopReply>, Trouble> {
        let spoke = tokio::select! {
            biased;
            read = self.wire.read_more() => Some(read),
            () = std::future::ready(()) => None,
        };
        let trouble = match spoke {
            Some(Ok(0) | Err(_)) => Trouble::Lost,
            Some(Ok(_)) => Trouble::Nonsense,
            None => match self.write(octets).await {
                Ok(()) => return Ok(None),
                Err(trouble) => trouble,
            },
        };
        // It may have said why before it hung up.
        self.broken = true;
        match timeout(LAST_WORDS, self.read_reply()).await {
            Ok(Ok(reply)) if reply.code >= 400 => Ok(Some(reply)),
            _ => Err(trouble),
        }
    }

    /// The reply to the end of data, by `deadline` at the latest. Trouble here leaves open whether the message was taken.
    pub async fn final_reply(&mut self, deadline: Instant) -> Result<NextHopReply, Trouble> {
        let patience = self.final_patience.min(deadline.saturating_duration_since(Instant::now()));
        let reply = self.reply(patience).await?;
        match reply.code {
            200..=299 | 400..=599 => {
                self.in_transaction = false;
                Ok(reply)
            }
            _ => self.fail(Trouble::Nonsense),
        }
    }

    /// RSET, when a transaction is or may be open. Afterwards [`is_clean`](Self::is_clean) says whether it worked.
    pub async fn reset(&mut self) {
        if !self.in_transaction || self.broken {
            return;
        }
        // The client waits for this, and a fresh connection costs less than a slow RSET.
        match timeout(RESET, self.command("RSET\r\n")).await {
            Ok(Ok(reply)) if reply.is_ok() => self.in_transaction = false,
            _ => self.broken = true,
        }
    }

    /// Whether the connection may carry another transaction.
    pub fn is_clean(&self) -> bool {
        !self.in_transaction && !self.broken && self.wire.is_quiet()
    }

    /// Says QUIT and closes, without waiting for the answer longer than a moment.
    pub async fn quit(mut self) {
        if !self.broken {
            let _ = timeout(Duration::from_secs(1), self.command("QUIT\r\n")).await;
        }
        let _ = timeout(Duration::from_secs(1), self.wire.close()).await;
    }

    async fn send(&mut self, lines: &str) -> Result<(), Trouble> {
        // Replies that nobody asked for would be taken for the answer to what we send now.
        if !self.wire.pending().is_empty() {
            return self.fail(Trouble::Nonsense);
        }
        self.write(lines.as_bytes()).await
    }

    async fn write(&mut self, octets: &[u8]) -> Result<(), Trouble> {
        match timeout(self.patience, self.wire.write(octets)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => self.fail(Trouble::Lost),
            Err(_) => self.fail(Trouble::Silent),
        }
    }

    async fn reply(&mut self, patience: Duration) -> Result<NextHopReply, Trouble> {
        match timeout(patience, self.read_reply()).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(trouble)) => self.fail(trouble),
            Err(_) => self.fail(Trouble::Silent),
        }
    }

    async fn read_reply(&mut self) -> Result<NextHopReply, Trouble> {
        let mut reader = ReplyReader::default();
        loop {
            match reader.take(self.wire.pending()) {
                Err(_) => return Err(Trouble::Nonsense),
                Ok(Some((octets, reply))) => {
                    self.wire.consume(octets);
                    if let Some(reply) = reply {
                        return Ok(reply);
                    }
                }
                Ok(None) => match self.wire.read_more().await {
                    Ok(0) | Err(_) => return Err(Trouble::Lost),
                    Ok(_) => {}
                },
            }
        }
    }

    fn fail<T>(&mut self, trouble: Trouble) -> Result<T, Trouble> {
        self.broken = true;
        Err(trouble)
    }
}

/// How long a next hop that hung up in the middle of the content is listened to.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long RSET may take.
const RESET: Duration = Duration::from_secs(5);
/// One write towards the next hop takes at most this much.
const BUFFER: usize = 64 * 1024;

/// The handshake, with the certificate verified inside it.
async fn secure(hop: &Hop, host: &str, tcp: TcpStream) -> Result<Stream, Trouble> {
    let name = ServerName::try_from(host.to_string()).map_err(|_| Trouble::Tls)?;
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(&hop.tls));
    match timeout(hop.connect_timeout, Box::pin(connector.connect(name, tcp))).await {
        Ok(Ok(stream)) => Ok(Stream::Client(Box::new(stream))),
        Ok(Err(error)) => {
            // The server of somebody else's domain may have a family's name, which stands in no log.
            let host = (!hop.hosts.is_empty()).then_some(host);
            let error = host.map(|_| tracing::field::display(&error));
            tracing::warn!(next_hop = hop.name, host, error, "TLS failed");
            Err(Trouble::Tls)
        }
        Err(_) => Err(Trouble::Silent),
    }
}

fn offer(reply: &NextHopReply) -> Offer {
    let mut offer = Offer::default();
    for line in reply.lines.iter().skip(1) {
        let line = line.to_ascii_uppercase();
        let mut words = line.split_ascii_whitespace();
        match words.next().unwrap_or_default() {
            "PIPELINING" => offer.pipelining = true,
            "8BITMIME" => offer.eight_bit_mime = true,
            "SMTPUTF8" => offer.smtputf8 = true,
            "DSN" => offer.dsn = true,
            "STARTTLS" => offer.starttls = true,
            "REQUIRETLS" => offer.require_tls = true,
            "SIZE" => offer.size = words.next().and_then(|size| size.parse().ok()).unwrap_or(0),
            "AUTH" => words.for_each(|mechanism| match mechanism {
                "PLAIN" => offer.plain = true,
                "LOGIN" => offer.login = true,
                _ => {}
            }),
            _ => {}
        }
    }
    offer
}
