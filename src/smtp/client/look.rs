//! Looks at a server of a recipient's domain without sending anything: what `mailpoort tls-check --live` shows.
//!
//! The same session as a delivery's, up to the second EHLO and then QUIT. A host that does not qualify is looked at as
//! any client would that knows the web's authorities, which tells rows 7, 8 and 9 of the decision table apart.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::direct::{Direct, Why};
use super::trouble::Trouble;
use crate::tls::posture::{MxHost, NoHost, Row, TlsaFound, Weak};
use crate::tls::{Certified, Claims, Expected, MxVerifier, Refused, mx_config};

/// What a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its address.
    pub address: IpAddr,
    /// The row of the decision table, now that it was looked at.
    pub row: Row,
    /// The certificate that it showed, accepted or not; none when it showed none, or one that is damaged.
    pub certificate: Option<Certificate>,
    /// The greeting's text, TLS version, cipher suite, and for what the certificate was accepted; else why not.
    pub session: Result<Shown, Why>,
}

/// A certificate, and who would take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What it says of itself.
    pub claims: Claims,
    /// Whether a TLSA record matches it; none when there are no records to match.
    pub dane: Option<bool>,
    /// Whether an authority that we trust vouches for the host's name; else why not.
    pub pkix: Result<(), Refused>,
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
        let Ok(under) = mx_config(expected.clone()) else {
            let session = Err(Why::Refused(Refused::Handshake));
            return Look { address, row: host.row(), certificate: None, session };
        };
        let opened = self.session_under(address, &expected, &under).await;
        let certificate = certificate(under.1.shown(), host, as_the_web());
        let session = match opened {
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
        Look { address, row, certificate, session }
    }
}

fn certificate(chain: &[CertificateDer<'static>], host: &MxHost, as_the_web: Expected) -> Option<Certificate> {
    let claims = Claims::of(chain.first()?)?;
    let dane = match &host.tlsa {
        TlsaFound::Usable(dane) => {
            let expected = Expected { sni: dane.base.clone(), dane: Some(dane.clone()), authority: None };
            Some(MxVerifier::new(expected).judge(chain).is_ok())
        }
        _ => None,
    };
    Some(Certificate { claims, dane, pkix: MxVerifier::new(as_the_web).judge(chain).map(|_| ()) })
}
