//! A connection of a browser: it ends when the browser is silent for too long, never because we are.
//!
//! From the end of a request to the beginning of its answer the silence is ours: two hundred parents who type their code
//! in the same second wait for each other, and nobody is hung up on for it. HTTP/1.1 alone, so one request at a time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::server::Place;

/// However busy, a connection ends; browsers make another. A phone that downloads all files of a message takes a while.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Whose turn it is on a connection: ours from the end of a request to the beginning of its answer. A clone is another
/// handle on the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Turn(Arc<AtomicBool>);

impl Turn {
    fn is_ours(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Until it is dropped, it may be our turn.
pub(super) struct Answering<'t>(pub &'t Turn);

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// The content of a request; when all of it is read, it is our turn.
pub(super) struct Asked {
    content: Body,
    turn: Turn,
}

impl Asked {
    /// Content without octets is read already.
    pub fn new(content: Body, turn: Turn) -> Self {
        turn.0.store(content.is_end_stream(), Ordering::Relaxed);
        Self { content, turn }
    }
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.content).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.content.is_end_stream() {
            self.turn.0.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.content.size_hint()
    }
}

/// What octets travel on.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

/// A connection that ends when its other end is silent for too long, or when it is too old.
pub(super) struct Connection {
    stream: Stream,
    turn: Turn,
    idle: Duration,
    ends: Instant,
    alarm: Pin<Box<Sleep>>,
    _place: Place,
}

impl Connection {
    pub fn new(stream: Stream, idle: Duration, place: Place) -> Self {
        let now = Instant::now();
        Self {
            stream,
            turn: Turn::default(),
            idle,
            ends: now + LIFETIME,
            alarm: Box::pin(sleep_until(now + idle)),
            _place: place,
        }
    }

    /// Whose turn it is.
    pub fn turn(&self) -> Turn {
        self.turn.clone()
    }

    /// Something happened: the silence begins anew, the life does not.
    fn heard(&mut self) {
        self.alarm.as_mut().reset((Instant::now() + self.idle).min(self.ends));
    }

    /// Who waits for our answer is not silent.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        while self.alarm.as_mut().poll(context).is_ready() {
            if !self.turn.is_ours() || self.ends <= Instant::now() {
                return true;
            }
            self.heard();
        }
        false
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(context, into),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_read(context, into),
        };
        match read {
            Poll::Pending if self.is_over(context) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
            done => {
                self.heard();
                done
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(context, octets),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_write(context, octets),
        };
        match written {
            Poll::Pending if self.is_over(context) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
            done => {
                self.heard();
                done
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::Router;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::web::Url;
    use crate::web::server::{Server, Settings};

    #[tokio::test]
    async fn who_waits_for_us_is_not_silent_and_who_does_not_end_his_request_is() {
        let settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            url: Url::parse("https://poort.delinde.example").unwrap(),
            certificate: None,
            proxies: Vec::new(),
            max_connections: 8,
            idle_timeout: Duration::from_millis(50),
        };
        let done = Arc::new(Semaphore::new(0));
        let handed = Arc::clone(&done);
        let slow = move |content: String| async move {
            let _done = handed.acquire_owned().await;
            content
        };
        let pages = Router::new().route("/", post(slow.clone()).get(slow));
        let server = Server::start(&settings, None, pages).await.unwrap();
        let at = server.listening();
        let asked = |request: String| async move {
            let mut tcp = TcpStream::connect(at).await.unwrap();
            tcp.write_all(request.as_bytes()).await.unwrap();
            tcp
        };
        let heard = |mut tcp: TcpStream| async move {
            let mut answer = String::new();
            // A connection that is hung up on may end with a reset.
            let _ = tcp.read_to_string(&mut answer).await;
            answer
        };
        let get = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\n";
        let whole = [asked(format!("{get}\r\n")).await, asked(format!("{post}code")).await];
        // These came later and are hung up on, each after its silence, while the others wait for us.
        for half in [get.to_owned(), format!("{post}co"), format!("{post}co")] {
            let answer = heard(asked(half).await).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
        }
        done.add_permits(2);
        for (tcp, content) in whole.into_iter().zip(["", "code"]) {
            let answer = heard(tcp).await;
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&format!("\r\n\r\n{content}")), "{answer}");
        }
    }
}
