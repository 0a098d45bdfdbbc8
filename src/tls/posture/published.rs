//! What a domain has published of its servers, as reports about TLS name it (RFC 8460 4.4), and which of their words a
//! finding is that no session was needed for (4.3).

use super::found::{MxHost, Posture, Proof, StsFound, Tlsa, TlsaFound};
use super::row::{LookUp, Row, Trouble};

/// A policy by which a session was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `tlsa`, `sts` or `no-policy-found`.
    pub kind: &'static str,
    /// The policy domain: with DANE the TLSA base domain, else the recipient's (1.1).
    pub domain: String,
    /// Its records or lines.
    pub strings: Vec<String>,
    /// The hosts that it lists: MTA-STS alone.
    pub hosts: Vec<String>,
}

impl Posture {
    /// The policy that counts for a host, or for the host that is the domain's best.
    pub fn published(&self, mx: Option<&str>) -> Published {
        let named = mx.and_then(|mx| self.hosts.iter().find(|host| host.name == mx));
        let best = || self.hosts.iter().find(|host| host.proof.qualifies()).or(self.hosts.first());
        let host = named.or_else(best);
        if let Some(published) = host.and_then(|host| self.records(host)) {
            return published;
        }
        let domain = self.domain.clone();
        match &self.sts {
            StsFound::Policy { mode, mx, fetched, until, .. } => {
                let age = until.as_second().saturating_sub(fetched.as_second());
                let head = ["version: STSv1".to_owned(), format!("mode: {}", mode.word())];
                let listed = mx.iter().map(|host| format!("mx: {host}"));
                let strings = head.into_iter().chain(listed).chain([format!("max_age: {age}")]).collect();
                Published { kind: "sts", domain, strings, hosts: mx.clone() }
            }
            // A record without a policy that can be had is one all the same: what is wrong is the finding.
            StsFound::Trouble(_) => Published { kind: "sts", domain, strings: Vec::new(), hosts: Vec::new() },
            StsFound::None => Published { kind: "no-policy-found", domain, strings: Vec::new(), hosts: Vec::new() },
        }
    }

    /// A host's own TLSA records, where the MX that leads to it is secure.
    fn records(&self, host: &MxHost) -> Option<Published> {
        let (domain, strings) = match (&host.proof, &host.tlsa) {
            (Proof::Dane(dane), _) => (dane.base.clone(), dane.records.iter().map(written).collect()),
            (_, TlsaFound::Unusable(_) | TlsaFound::Unknown(_)) => (host.name.clone(), Vec::new()),
            _ => return None,
        };
        self.mx_secure.then_some(Published { kind: "tlsa", domain, strings, hosts: Vec::new() })
    }

    /// What is wrong before any session, in the words of RFC 8460 4.3; none when nothing is, or nothing that it has a
    /// word for.
    pub fn finding(&self) -> Option<&'static str> {
        let rows = || self.hosts.iter().map(MxHost::row).chain([self.row]);
        let silent = |row: Row| matches!(row, Row::Temp(LookUp::All, _) | Row::Temp(_, Trouble::Silent));
        if rows().any(|row| matches!(row, Row::Temp(..)) && !silent(row)) {
            return Some("dnssec-invalid");
        }
        if self.mx_secure && self.hosts.iter().any(|host| matches!(host.tlsa, TlsaFound::Unusable(_))) {
            return Some("tlsa-invalid");
        }
        match self.sts {
            StsFound::Trouble(reason) if reason.contains("certificate") => Some("sts-webpki-invalid"),
            // What was fetched, and is none; the rest is about its server.
            StsFound::Trouble(reason) if reason.starts_with("the policy ") => Some("sts-policy-invalid"),
            StsFound::Trouble(_) => Some("sts-policy-fetch-error"),
            _ if rows().any(|row| row == Row::StsNotListed) => Some("validation-failure"),
            _ => None,
        }
    }
}

fn written(record: &Tlsa) -> String {
    let [usage, selector, matching] = record.numbers();
    let data: String = record.data.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{usage} {selector} {matching} {data}")
}
