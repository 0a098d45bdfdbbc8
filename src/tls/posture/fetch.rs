//! Fetches the policy of MTA-STS (RFC 8461 3.3): one GET over HTTPS, at the one place where it may stand.
//!
//! No redirect is followed, no status but 200 counts, the type is `text/plain`, 64 KiB are read and no more, a minute
//! is waited and no longer, and the certificate is valid for `mta-sts.` and the domain. Sends nothing but that name.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use rustls::ClientConfig;

use super::found::StsTrouble;
use super::sts::Policy;
use crate::tls::https::{Server, Trouble};

/// Octets of a policy (3.2 says 64 KiB).
const LENGTH: usize = 64 << 10;
/// Time for all of it (3.3).
const PATIENCE: Duration = Duration::from_secs(60);

/// Fetches the policy of a domain from one of the addresses of its `mta-sts` host.
///
/// # Errors
/// Why there is none.
pub(super) async fn policy(
    tls: &Arc<ClientConfig>,
    domain: &str,
    addresses: &[IpAddr],
    port: u16,
) -> Result<Policy, StsTrouble> {
    let server = Server::at(&format!("mta-sts.{domain}"), port, addresses);
    let request = Request::get("/.well-known/mta-sts.txt").body(Vec::new()).map_err(|_| words(Trouble::Name))?;
    let response = server.ask(tls, request, LENGTH, PATIENCE).await.map_err(words)?;
    if response.status().is_server_error() {
        return Err(StsTrouble::Now("the policy's server says that it cannot answer"));
    }
    if response.status() != StatusCode::OK {
        return Err(StsTrouble::Server("the policy's server answers with another status than 200"));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/plain") {
        return Err(StsTrouble::Policy("the policy is not text/plain"));
    }
    let text = String::from_utf8(response.into_body()).map_err(|_| StsTrouble::Policy("the policy is no text"))?;
    Policy::parse(&text).map_err(StsTrouble::Policy)
}

fn words(trouble: Trouble) -> StsTrouble {
    match trouble {
        Trouble::Name => StsTrouble::Server("the policy's server has no name for a certificate"),
        Trouble::Unreachable => StsTrouble::Now("the policy's server cannot be reached"),
        Trouble::Certificate => StsTrouble::Certificate,
        Trouble::Silent => StsTrouble::Now("the policy's server speaks no HTTP"),
        Trouble::Slow => StsTrouble::Now("the policy's server is too slow"),
        Trouble::TooLong => StsTrouble::Policy("the policy is longer than 64 KiB, or breaks off"),
    }
}
