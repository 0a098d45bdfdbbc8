//! HTTPS as a client: one request, one answer, over a connection of its own.
//!
//! For the few servers that we ask something: a policy of MTA-STS, a provider of text messages. The caller says who is
//! trusted (a [`ClientConfig`]), to which addresses, and how much is read; the certificate is valid for the host's name.
//! No redirect is followed, no cookie kept, nothing sent but what the request holds, the host's name and ours. Never
//! logs. Fails as [`Trouble`], which names no address and no header. Source: RFC 9110, 9112.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{HOST, USER_AGENT};
use axum::http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::problem::Problem;

/// Time to connect to one of the addresses.
const CONNECT: Duration = Duration::from_secs(10);
/// Addresses that are tried.
const ADDRESSES: usize = 4;
/// Octets of buffer, which bounds the header fields as well.
const BUFFER: usize = 32 << 10;

/// A server to ask.
#[derive(Debug, Clone)]
pub struct Server {
    host: String,
    port: u16,
    addresses: Vec<IpAddr>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Its name is none that a certificate can be valid for, or that HTTP can carry.
    Name,
    /// It has no address, or none of them can be reached.
    Unreachable,
    /// It has no certificate that is valid for its name.
    Certificate,
    /// It speaks no HTTP.
    Silent,
    /// It takes too long.
    Slow,
    /// Its answer is longer than it may be, or breaks off.
    TooLong,
}

/// Whom to trust as a server: the system's authorities, and those of a PEM file besides.
///
/// # Errors
/// A [`Problem`] that names the file which does not fit.
pub fn trusting(besides: Option<&Path>) -> Result<Arc<ClientConfig>, Problem> {
    let builder = ClientConfig::builder_with_provider(super::provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| {
        Problem::new("rustls", format!("TLS cannot be set up: {error}"), "report this to the makers of mailpoort")
    })?;
    Ok(Arc::new(builder.with_root_certificates(super::authorities(besides)?).with_no_client_auth()))
}

impl Server {
    /// A server whose addresses are known.
    pub fn at(host: &str, port: u16, addresses: &[IpAddr]) -> Self {
        Self { host: host.to_owned(), port, addresses: addresses.to_vec() }
    }

    /// A server whose addresses the system's resolver knows.
    ///
    /// # Errors
    /// [`Trouble::Unreachable`] when it knows none, [`Trouble::Slow`] when it does not say in time.
    pub async fn named(host: &str, port: u16) -> Result<Self, Trouble> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = timeout(CONNECT, lookup_host((bare, port))).await.map_err(|_| Trouble::Slow)?;
        let addresses: Vec<IpAddr> = found.map_err(|_| Trouble::Unreachable)?.map(|address| address.ip()).collect();
        Ok(Self { host: host.to_owned(), port, addresses })
    }

    /// Sends a request, of which the address is a path, and reads its answer: at most `most` octets of content, in at most
    /// this time. Whatever status it has is an answer.
    ///
    /// # Errors
    /// [`Trouble`]. The server may have taken the request all the same.
    pub async fn ask(
        &self,
        tls: &Arc<ClientConfig>,
        request: Request<Vec<u8>>,
        most: usize,
        within: Duration,
    ) -> Result<Response<Vec<u8>>, Trouble> {
        timeout(within, self.talk(tls, request, most)).await.map_err(|_| Trouble::Slow)?
    }

    async fn talk(
        &self,
        tls: &Arc<ClientConfig>,
        mut request: Request<Vec<u8>>,
        most: usize,
    ) -> Result<Response<Vec<u8>>, Trouble> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| Trouble::Name)?;
        let host = if self.port == 443 { self.host.clone() } else { format!("{}:{}", self.host, self.port) };
        request.headers_mut().insert(HOST, HeaderValue::from_str(&host).map_err(|_| Trouble::Name)?);
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("mailpoort"));
        let line = self.connect().await.ok_or(Trouble::Unreachable)?;
        let line = TlsConnector::from(Arc::clone(tls)).connect(name, line).await.map_err(|_| Trouble::Certificate)?;
        let connecting = http1::Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(line)).await;
        let (mut sender, connection) = connecting.map_err(|_| Trouble::Silent)?;
        let talk = async {
            let request = request.map(|content| Full::new(Bytes::from(content)));
            let response = sender.send_request(request).await.map_err(|_| Trouble::Silent)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, most).collect().await.map_err(|_| Trouble::TooLong)?.to_bytes();
            Ok(Response::from_parts(head, body.into()))
        };
        // The connection is driven beside the request, and dropped with it.
        tokio::pin!(talk);
        tokio::select! {
            answer = &mut talk => answer,
            _ = connection => talk.await,
        }
    }

    async fn connect(&self) -> Option<TcpStream> {
        for address in self.addresses.iter().take(ADDRESSES) {
            let connecting = TcpStream::connect(SocketAddr::new(*address, self.port));
            if let Ok(Ok(line)) = timeout(CONNECT, connecting).await {
                return Some(line);
            }
        }
        None
    }
}

/// Whether an address is one of the internet: of no network inside, of this machine or link, of no group, and set aside
/// for nothing else (RFC 6890). An address of IPv4 inside one of IPv6 counts as itself.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.segments();
            let inner = |high: u16, low: u16| {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                is_public_v4(Ipv4Addr::new(a, b, c, d))
            };
            match (a, b) {
                (0, 0) if (c, d, e, f) == (0, 0, 0, 0xffff) => inner(g, h),
                // NAT64 and 6to4, which lead to the address inside.
                (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => inner(g, h),
                (0x2002, _) => inner(b, c),
                // Global unicast (RFC 4291 2.4), but for Teredo and the like, and documentation.
                (0x2001, 0..=0x1ff | 0xdb8) => false,
                _ => a & 0xe000 == 0x2000,
            }
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let set_aside = match (a, b, c) {
        (0 | 10 | 127 | 224.., ..) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Carrier-grade NAT (RFC 6598), protocol assignments, documentation, benchmarks.
        (100, 64..=127, _) | (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !set_aside
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the server has no name for a certificate",
            Self::Unreachable => "the server cannot be reached",
            Self::Certificate => "the server has no valid certificate",
            Self::Silent => "the server speaks no HTTP",
            Self::Slow => "the server is too slow",
            Self::TooLong => "the answer is too long, or breaks off",
        })
    }
}

impl std::error::Error for Trouble {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_address_of_a_network_inside_is_public() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "2001:0:1::1",
            "2001:db8::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in
            ["8.8.8.8", "100.63.0.1", "172.32.0.1", "193.0.6.139", "2a00:1450::1", "2001:610::1", "::ffff:9.9.9.9"]
        {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
