//! Fetches the policy of MTA-STS (RFC 8461 3.3): one GET over HTTPS, at the one place where it may stand.
//!
//! No redirect is followed, no status but 200 counts, the type is `text/plain`, 64 KiB are read and no more, a minute
//! is waited and no longer, and the certificate is valid for `mta-sts.` and the domain. Sends nothing but that name.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::sts::Policy;

/// Octets of a policy (3.2 says 64 KiB).
const LENGTH: usize = 64 << 10;
/// Time for all of it (3.3).
const PATIENCE: Duration = Duration::from_secs(60);
/// Time to connect to one of the addresses.
const CONNECT: Duration = Duration::from_secs(10);
/// Addresses that are tried.
const ADDRESSES: usize = 4;
/// Octets of buffer, which bounds the header fields as well.
const BUFFER: usize = 32 << 10;

/// Fetches the policy of a domain from one of the addresses of its `mta-sts` host.
///
/// # Errors
/// Why there is none, in words.
pub(super) async fn policy(
    tls: &Arc<ClientConfig>,
    domain: &str,
    addresses: &[IpAddr],
    port: u16,
) -> Result<Policy, &'static str> {
    let fetched = timeout(PATIENCE, fetch(tls, domain, addresses, port)).await;
    Policy::parse(&fetched.map_err(|_| "the policy's server is too slow")??)
}

async fn fetch(tls: &Arc<ClientConfig>, domain: &str, addresses: &[IpAddr], port: u16) -> Result<String, &'static str> {
    let host = format!("mta-sts.{domain}");
    let name = ServerName::try_from(host.clone()).map_err(|_| "the policy's server has no name for a certificate")?;
    let line = connect(addresses, port).await.ok_or("the policy's server cannot be reached")?;
    let line = TlsConnector::from(Arc::clone(tls)).connect(name, line).await;
    let line = line.map_err(|_| "the policy's server has no valid certificate")?;
    let silent = |_| "the policy's server speaks no HTTP";
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(line)).await.map_err(silent)?;
    let talk = async {
        let request = Request::get("/.well-known/mta-sts.txt").header(HOST, &host).header(USER_AGENT, "mailpoort");
        let request = request.body(Empty::<Bytes>::new()).map_err(|_| "the policy's server has no name for HTTP")?;
        let response = sender.send_request(request).await.map_err(silent)?;
        if response.status() != StatusCode::OK {
            return Err("the policy's server answers with another status than 200");
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/plain") {
            return Err("the policy is not text/plain");
        }
        let body = Limited::new(response.into_body(), LENGTH).collect().await;
        let body = body.map_err(|_| "the policy is longer than 64 KiB, or breaks off")?.to_bytes();
        String::from_utf8(body.into()).map_err(|_| "the policy is no text")
    };
    // The connection is driven beside the request, and dropped with it.
    tokio::pin!(talk);
    tokio::select! {
        fetched = &mut talk => fetched,
        _ = connection => talk.await,
    }
}

async fn connect(addresses: &[IpAddr], port: u16) -> Option<TcpStream> {
    for address in addresses.iter().take(ADDRESSES) {
        if let Ok(Ok(line)) = timeout(CONNECT, TcpStream::connect(SocketAddr::new(*address, port))).await {
            return Some(line);
        }
    }
    None
}
