//! A connection, plain or encrypted, with one input buffer that is empty while nothing is under way.
//!
//! Both the server and the client side read through [`Wire`]; its buffer is what "the buffer must be empty at
//! STARTTLS" means (CVE-2011-0411, NO STARTTLS 2021).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection, or TLS over one.
#[derive(Debug)]
pub enum Stream {
    /// None: the connection is in a handshake, or its handshake failed.
    Gone(tokio::io::Empty),
    /// Plain.
    Plain(TcpStream),
    /// We are the server.
    Server(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    /// We are the client.
    Client(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

macro_rules! each {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Gone($stream) => $call,
            Stream::Plain($stream) => $call,
            Stream::Server($stream) => $call,
            Stream::Client($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// A stream and what was read of it and not yet used.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    /// Octets of `buffer` already used.
    used: usize,
}

/// One read takes at most this much.
const READ: usize = 64 * 1024;
/// A buffer larger than this is given back when it is empty, so that an idle connection costs little.
const KEEP: usize = 4 * 1024;

impl Wire {
    /// A fresh connection.
    pub fn new(stream: Stream) -> Self {
        Self { stream, buffer: Vec::new(), used: 0 }
    }

    /// A wire without connection, for the time of a handshake.
    pub fn gone() -> Self {
        Self::new(Stream::Gone(tokio::io::empty()))
    }

    /// What was read and not yet used.
    pub fn pending(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// Marks octets of [`pending`](Self::pending) as used.
    pub fn consume(&mut self, octets: usize) {
        self.used = (self.used + octets).min(self.buffer.len());
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
        }
    }

    /// Reads more; 0 is the end of the stream. While nothing is pending the connection holds no read buffer: a
    /// thousand idle clients cost their sockets, not a thousand buffers.
    ///
    /// # Errors
    /// Whatever the connection says. An end of TLS without close_notify is an error too.
    pub async fn read_more(&mut self) -> io::Result<usize> {
        self.read_step(KEEP).await
    }

    /// As [`read_more`](Self::read_more), in the large steps that the content of a message deserves.
    ///
    /// # Errors
    /// The same.
    pub async fn read_content(&mut self) -> io::Result<usize> {
        self.read_step(READ).await
    }

    async fn read_step(&mut self, step: usize) -> io::Result<usize> {
        if self.buffer.is_empty() {
            if self.buffer.capacity() > step {
                self.buffer = Vec::new();
            }
            if let Stream::Plain(tcp) = &self.stream {
                tcp.readable().await?;
            }
        } else if self.used > 0 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        self.buffer.reserve(step);
        self.stream.read_buf(&mut self.buffer).await
    }

    /// Writes all of it and flushes.
    ///
    /// # Errors
    /// Whatever the connection says.
    pub async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets).await?;
        self.stream.flush().await
    }

    /// Ends our side, politely.
    pub async fn close(&mut self) {
        // The peer may be gone already; there is nobody left to tell.
        let _ = self.stream.shutdown().await;
    }

    /// The stream, for a TLS handshake. `None` when input is pending, which nobody honest causes.
    pub fn into_stream(self) -> Option<Stream> {
        self.pending().is_empty().then_some(self.stream)
    }

    /// The stream itself.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whether a kept connection is quiet: nothing pending, nothing to read, not closed by the peer.
    pub fn is_quiet(&self) -> bool {
        let tcp = match &self.stream {
            Stream::Gone(_) => return false,
            Stream::Plain(tcp) => tcp,
            Stream::Client(tls) => tls.get_ref().0,
            Stream::Server(tls) => tls.get_ref().0,
        };
        let mut probe = [0u8; 1];
        self.pending().is_empty() && matches!(tcp.try_read(&mut probe), Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }
}
