//! Looks at a server of a recipient's domain without sending anything: what `mailpoort tls-check --live` shows.
//!
//! The same session as a delivery's, up to the second EHLO and then QUIT. A host that does not qualify is looked at as
//! any client would that knows the web's authorities, which tells rows 7, 8 and 9 of the decision table apart.

use std::net::IpAddr;
use std::sync::Arc;

use super::direct::{Direct, Why};
use super::trouble::Trouble;
use crate::tls::posture::{MxHost, NoHost, Row, Weak};
use crate::tls::{Certified, Expected};

/// What a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its address.
    pub address: IpAddr,
    /// The row of the decision table, now that it was looked at.
    pub row: Row,
    /// The greeting's text, TLS version, cipher suite, and for what the certificate was accepted; else why not.
    pub session: Result<Shown, Why>,
}

/// A session that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The first line of its greeting.
    pub greeting: String,
    /// TLS version.
    pub version: &'static str,
    /// Cipher suite, by its name in the registry.
    pub cipher: String,
    /// What its certificate was accepted for.
    pub certified: Certified,
    /// Whether it offers REQUIRETLS (RFC 8689).
    pub require_tls: bool,
}

impl Direct {
    /// Looks at a host at one of its addresses.
    pub async fn look(&self, host: &MxHost, address: IpAddr) -> Look {
        let qualifies = Expected::of(host, &self.roots);
        let as_the_web = || Expected {
            sni: host.name.clone(),
            dane: None,
            authority: Some((Arc::clone(&self.roots), vec![host.name.clone()])),
        };
        let expected = qualifies.clone().unwrap_or_else(as_the_web);
        let session = match self.session(address, &expected).await {
            Ok((connection, certified, (version, cipher))) => {
                let (greeting, require_tls) = (connection.greeting.clone(), connection.extensions.require_tls);
                connection.quit().await;
                Ok(Shown { greeting, version, cipher, certified, require_tls })
            }
            Err(why) => Err(why),
        };
        let row = match &session {
            Err(Why::Trouble(Trouble::NoTls)) => Row::Nowhere(NoHost::NoStartTls),
            Err(Why::Refused(_)) if qualifies.is_none() => Row::EncryptOnly(Weak::BadCertificate),
            Ok(_) if matches!(host.row(), Row::Unproven(_)) => Row::PkixUnproven,
            _ => host.row(),
        };
        Look { address, row, session }
    }
}
