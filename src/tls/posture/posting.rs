//! Posts a report to where a domain wants it (RFC 8460 3, 5.5): one POST over HTTPS, of which the answer is a status.
//!
//! The certificate must be valid for the name in the address; no redirect is followed. Fails in words.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use rustls::ClientConfig;

use crate::tls::https::{Server, Trouble};

/// Octets of an answer that are read; nobody looks at them.
const LENGTH: usize = 64 << 10;
/// Time for all of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a report is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'u> {
    /// Its host.
    pub host: &'u str,
    /// Its port.
    pub port: u16,
    path: &'u str,
}

impl<'u> Target<'u> {
    /// Of an `https:` address; none for what is none.
    pub fn of(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, 443),
        };
        let known = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
        let is_name = !host.is_empty() && host.bytes().all(known);
        let path = if path.is_empty() { "/" } else { path };
        (scheme.eq_ignore_ascii_case("https") && is_name).then_some(Self { host, port, path })
    }
}

/// Posts it.
///
/// # Errors
/// Why it was not taken, in words.
pub(super) async fn post(
    tls: &Arc<ClientConfig>,
    target: &Target<'_>,
    addresses: &[IpAddr],
    (kind, content): (&str, Vec<u8>),
) -> Result<(), String> {
    let request = Request::post(target.path).header(CONTENT_TYPE, kind).body(content);
    let request = request.map_err(|_| "the address is none for HTTP")?;
    match Server::at(target.host, target.port, addresses).ask(tls, request, LENGTH, PATIENCE).await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("the server answers with {}", response.status().as_u16())),
        // It has answered, with more than anybody wants to read.
        Err(Trouble::TooLong) => Ok(()),
        Err(trouble) => Err(trouble.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_a_port_and_a_path() {
        for (url, expected) in [
            ("https://b.example/v1/tlsrpt?x=1", Some(("b.example", 443, "/v1/tlsrpt?x=1"))),
            ("HTTPS://b.example", Some(("b.example", 443, "/"))),
            ("https://b.example:8443/r", Some(("b.example", 8443, "/r"))),
            ("http://b.example/r", None),
            ("https://user@b.example/r", None),
            ("https:///r", None),
            ("https://b.example:x/r", None),
            ("https://[::1]/r", None),
            ("mailto:a@b.example", None),
        ] {
            let target = Target::of(url).map(|target| (target.host, target.port, target.path));
            assert_eq!(target, expected, "{url}");
        }
    }
}
