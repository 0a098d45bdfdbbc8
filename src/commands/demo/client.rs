//! A mail program of the demo: hands one mail to the gate over plain SMTP, from a chosen address of this machine.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::smtp::client::{NextHopReply, ReplyReader};
use crate::smtp::data;

/// The gate is in this same process; a reply that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends `raw` (lines ending in CRLF) and returns the reply that settled it: the one to the end of data, or the first
/// that refused.
///
/// # Errors
/// The connection failed, or what answered does not speak SMTP.
pub(super) async fn send(
    gate: SocketAddr,
    from_address: IpAddr,
    sender: &str,
    recipient: &str,
    raw: &[u8],
) -> io::Result<NextHopReply> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from_address, 0).into())?;
    let mut line = Line { tcp: timeout(PATIENCE, socket.connect(gate)).await??, pending: Vec::new() };
    let mut reply = line.reply().await?;
    let commands =
        ["EHLO demo.delinde.example", &format!("MAIL FROM:<{sender}>"), &format!("RCPT TO:<{recipient}>"), "DATA"];
    for command in commands {
        if reply.code >= 400 {
            return Ok(reply);
        }
        reply = line.say(format!("{command}\r\n").as_bytes()).await?;
    }
    if reply.code == 354 {
        let mut content: Vec<u8> = data::stuffed(raw).flatten().copied().collect();
        content.extend_from_slice(b".\r\n");
        reply = line.say(&content).await?;
    }
    let _ = line.say(b"QUIT\r\n").await;
    Ok(reply)
}

struct Line {
    tcp: TcpStream,
    pending: Vec<u8>,
}

impl Line {
    async fn say(&mut self, octets: &[u8]) -> io::Result<NextHopReply> {
        self.tcp.write_all(octets).await?;
        self.reply().await
    }

    async fn reply(&mut self) -> io::Result<NextHopReply> {
        timeout(PATIENCE, self.read_reply()).await?
    }

    async fn read_reply(&mut self) -> io::Result<NextHopReply> {
        let mut reader = ReplyReader::default();
        loop {
            match reader.take(&self.pending).map_err(|_| io::ErrorKind::InvalidData)? {
                Some((octets, reply)) => {
                    self.pending.drain(..octets);
                    if let Some(reply) = reply {
                        return Ok(reply);
                    }
                }
                None => {
                    if self.tcp.read_buf(&mut self.pending).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }
}
