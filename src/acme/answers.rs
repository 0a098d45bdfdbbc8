//! What stands on port 80 while an order is open (http-01, RFC 8555 8.3): the answer to each token, and nothing else.
//!
//! One small page a connection, few connections at the same time, each bounded in time and size. Dropped, it is gone.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Connections at the same time. Authorities look from some places at once.
const CONNECTIONS: usize = 64;
/// Time for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of a request.
const LENGTH: usize = 8 << 10;

type Known = Arc<Mutex<HashMap<String, String>>>;

/// Answers on an address.
#[derive(Debug)]
pub(super) struct Answers {
    known: Known,
    listening: JoinHandle<()>,
}

impl Answers {
    /// Listens, and answers what is [given](Self::give) from now on.
    pub async fn listen(listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let known = Known::default();
        let listening = tokio::spawn(serve(listener, Arc::clone(&known)));
        Ok(Self { known, listening })
    }

    /// The answer to a token.
    pub fn give(&self, token: &str, answer: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), answer.to_owned());
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(listener: TcpListener, known: Known) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((line, _)) = listener.accept().await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let known = Arc::clone(&known);
        tokio::spawn(async move {
            let _ = timeout(PATIENCE, answer(line, &known)).await;
            drop(place);
        });
    }
}

async fn answer(mut line: TcpStream, known: &Known) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > LENGTH || line.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let answer = token(&request)
        .and_then(|token| known.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned())
        .map_or_else(|| page("404 Not Found", "Nothing stands here.\n"), |answer| page("200 OK", &answer));
    line.write_all(answer.as_bytes()).await?;
    line.shutdown().await
}

/// The token that is asked for.
fn token(request: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(request).ok()?;
    let path = head.strip_prefix("GET ")?.split(' ').next()?;
    path.strip_prefix("/.well-known/acme-challenge/")
}

fn page(status: &str, text: &str) -> String {
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: \
         close\r\n\r\n{text}"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn asked(address: SocketAddr, request: &str) -> String {
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_token_has_its_answer_and_nothing_else_stands_there() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let answers = Answers::listen(free).await.unwrap();
        answers.give("abc_-1", "abc_-1.print");
        let right = asked(free, "GET /.well-known/acme-challenge/abc_-1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(right.starts_with("HTTP/1.1 200 ") && right.ends_with("\r\n\r\nabc_-1.print"), "{right}");
        for other in ["GET /", "GET /.well-known/acme-challenge/", "POST /.well-known/acme-challenge/abc_-1", "\u{1}"] {
            let answer = asked(free, &format!("{other} HTTP/1.1\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 404 "), "{other}: {answer}");
        }
        drop(answers);
        tokio::task::yield_now().await;
        assert!(TcpStream::connect(free).await.is_err());
    }
}
