//! A server of a recipient's domain, which greets, offers STARTTLS when it has a certificate, and remembers what it heard.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The server. It listens as long as the runtime runs.
#[derive(Clone)]
pub struct Sink {
    /// Where it listens.
    pub listening: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    pub async fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self { listening: listener.local_addr().unwrap(), tls, heard: Arc::default() };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((line, _)) = listener.accept().await {
                tokio::spawn(serving.clone().talk(line));
            }
        });
        sink
    }

    /// The commands that it heard, by their first word.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    async fn talk(self, mut line: TcpStream) -> Option<()> {
        line.write_all(b"220 sink ESMTP\r\n").await.ok()?;
        let offers = if self.tls.is_some() { "250-sink\r\n250 STARTTLS\r\n" } else { "250 sink\r\n" };
        let wants_tls = self.answer(&mut line, offers).await?;
        if let Some(tls) = self.tls.as_ref().filter(|_| wants_tls) {
            line.write_all(b"220 go ahead\r\n").await.ok()?;
            let mut line = TlsAcceptor::from(Arc::clone(tls)).accept(line).await.ok()?;
            self.answer(&mut line, "250-sink\r\n250 REQUIRETLS\r\n").await?;
        }
        Some(())
    }

    /// Answers until the client leaves, or wants TLS.
    async fn answer(&self, line: &mut (impl AsyncRead + AsyncWrite + Unpin), offers: &str) -> Option<bool> {
        let mut line = BufReader::new(line);
        loop {
            let mut command = String::new();
            if line.read_line(&mut command).await.ok()? == 0 {
                return Some(false);
            }
            let verb = command.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            self.heard.lock().unwrap().push(verb.clone());
            let answer = match verb.as_str() {
                "EHLO" => offers,
                "STARTTLS" => return Some(true),
                "QUIT" => "221 bye\r\n",
                _ => "500 what?\r\n",
            };
            line.write_all(answer.as_bytes()).await.ok()?;
        }
    }
}
