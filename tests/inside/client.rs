//! A client that says what it is told and shows what it hears.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::authority::AUTHORITY;
use super::{on_the_wire, soon};

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to the gate.
pub struct Client {
    stream: Option<Box<dyn Duplex>>,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects; the greeting is not read yet.
    pub async fn connect(address: SocketAddr) -> Self {
        let tcp = soon("a connection to the gate", TcpStream::connect(address)).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Self { stream: Some(Box::new(tcp)), buffer: Vec::new() }
    }

    /// Connects and says EHLO.
    pub async fn hello(address: SocketAddr) -> Self {
        let mut client = Self::connect(address).await;
        client.expect(220).await;
        assert_eq!(client.ask("EHLO postfix.delinde.example").await.0, 250);
        client
    }

    /// Sends octets as they are.
    pub async fn send(&mut self, octets: &[u8]) {
        let stream = self.stream.as_mut().unwrap();
        // A gate that has hung up is seen when it is read.
        let _ = stream.write_all(octets).await;
        let _ = stream.flush().await;
    }

    /// The next line without CRLF; none at the end of the connection.
    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Some(line);
            }
            let stream = self.stream.as_mut().unwrap();
            let read = soon("a line from the gate", stream.read_buf(&mut self.buffer)).await;
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }

    /// A whole reply: its code and its lines.
    pub async fn reply(&mut self) -> (u16, String) {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await.unwrap_or_else(|| panic!("the gate hung up after {lines:?}"));
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                let text = lines.join("\n");
                return (text[..3].parse().unwrap(), text);
            }
        }
    }

    /// Says one line and hears the reply.
    pub async fn ask(&mut self, line: &str) -> (u16, String) {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.reply().await
    }

    /// Hears a reply with this code.
    #[track_caller]
    pub fn expect(&mut self, code: u16) -> impl Future<Output = String> {
        let caller = std::panic::Location::caller();
        async move {
            let (heard, text) = self.reply().await;
            assert_eq!(heard, code, "{caller}: {text}");
            text
        }
    }

    /// MAIL and RCPT, all accepted, and DATA.
    pub async fn begin(&mut self, from: &str, to: &[&str]) {
        assert_eq!(self.ask(&format!("MAIL FROM:<{from}>")).await.0, 250);
        for to in to {
            assert_eq!(self.ask(&format!("RCPT TO:<{to}>")).await.0, 250);
        }
        assert_eq!(self.ask("DATA").await.0, 354);
    }

    /// The content and its end; the reply.
    pub async fn content(&mut self, text: &str) -> (u16, String) {
        self.send(format!("{}.\r\n", on_the_wire(text)).as_bytes()).await;
        self.reply().await
    }

    /// A whole mail; the reply to it.
    pub async fn mail(&mut self, from: &str, to: &[&str], text: &str) -> (u16, String) {
        self.begin(from, to).await;
        self.content(text).await
    }

    /// The handshake, after the 220.
    pub async fn handshake(&mut self) {
        self.handshake_with(AUTHORITY.client_config()).await;
    }

    /// The same with a configuration of one's own.
    pub async fn handshake_with(&mut self, config: Arc<rustls::ClientConfig>) {
        let stream = self.stream.take().unwrap();
        let name = ServerName::try_from("poort.delinde.example").unwrap();
        let connector = tokio_rustls::TlsConnector::from(config);
        let stream = soon("a handshake", connector.connect(name, stream)).await.unwrap();
        self.stream = Some(Box::new(stream));
    }
}
