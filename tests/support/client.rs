//! A small SMTP client that says what it is told and keeps what it hears.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tokio::net::TcpSocket;

/// A session.
pub struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Connects from an address, hears the greeting and says EHLO.
    pub fn connect(from: &str, to: &str) -> Self {
        let stream = connect(from, to);
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut client = Self { reader: BufReader::new(stream) };
        assert!(client.reply().starts_with("220 "));
        assert!(client.says("EHLO client.example").starts_with("250"));
        client
    }

    /// Sends a line; its reply, all lines of it.
    pub fn says(&mut self, line: &str) -> String {
        self.reader.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    /// A whole transaction; the first reply that is no success, or the last one.
    pub fn send(&mut self, from: &str, to: &[&str], content: &[u8]) -> String {
        let mut lines = vec![format!("MAIL FROM:<{from}>")];
        lines.extend(to.iter().map(|to| format!("RCPT TO:<{to}>")));
        for line in lines {
            let reply = self.says(&line);
            if !reply.starts_with('2') {
                self.says("RSET");
                return reply;
            }
        }
        let reply = self.says("DATA");
        if !reply.starts_with("354") {
            return reply;
        }
        let mut stuffed = Vec::with_capacity(content.len() + 5);
        for line in content.split_inclusive(|&b| b == b'\n') {
            stuffed.extend_from_slice(if line.starts_with(b".") { b"." } else { b"" });
            stuffed.extend_from_slice(line);
        }
        stuffed.extend_from_slice(b".\r\n");
        self.reader.get_mut().write_all(&stuffed).unwrap();
        self.reply()
    }

    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            assert!(self.reader.read_line(&mut reply).unwrap() > 0, "the session ended after {reply:?}");
            if reply.as_bytes().get(start + 3) != Some(&b'-') {
                return reply.trim_end().to_string();
            }
        }
    }
}

/// The standard library cannot choose the address that a connection comes from.
fn connect(from: &str, to: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let to: SocketAddr = to.parse().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}
