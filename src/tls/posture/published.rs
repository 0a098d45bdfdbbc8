//! What a domain has published of its servers, as reports about TLS name it (RFC 8460 4.4), and which of their words a
//! finding is that no session was needed for (4.3).

use super::found::{MxHost, Posture, Proof, StsFound, StsTrouble, Tlsa, TlsaFound};
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
            StsFound::Trouble(
                StsTrouble::Pending
                | StsTrouble::Now(_)
                | StsTrouble::Server(_)
                | StsTrouble::Certificate
                | StsTrouble::Policy(_),
            ) => Published { kind: "sts", domain, strings: Vec::new(), hosts: Vec::new() },
            StsFound::None | StsFound::Trouble(StsTrouble::Record(_)) => {
                Published { kind: "no-policy-found", domain, strings: Vec::new(), hosts: Vec::new() }
            }
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
        let silent = |row: Row| matches!(row, Row::Temp(LookUp::All | LookUp::Sts, _) | Row::Temp(_, Trouble::Silent));
        if rows().any(|row| matches!(row, Row::Temp(..)) && !silent(row)) {
            return Some("dnssec-invalid");
        }
        if self.mx_secure && self.hosts.iter().any(|host| matches!(host.tlsa, TlsaFound::Unusable(_))) {
            return Some("tlsa-invalid");
        }
        match self.sts {
            StsFound::Trouble(StsTrouble::Certificate) => Some("sts-webpki-invalid"),
            StsFound::Trouble(StsTrouble::Policy(_)) => Some("sts-policy-invalid"),
            StsFound::Trouble(StsTrouble::Now(_) | StsTrouble::Server(_)) => Some("sts-policy-fetch-error"),
            // It may have none, or one that is good.
            StsFound::Trouble(StsTrouble::Record(_) | StsTrouble::Pending) => None,
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

#[cfg(test)]
mod tests {
    use super::super::look::posture;
    use super::super::row::NotProven;
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_domain_is_told_of_its_policy_only_what_is_known_of_it() {
        for (trouble, kind, expected) in [
            (StsTrouble::Record(Trouble::Refused), "no-policy-found", None),
            (StsTrouble::Record(Trouble::Bogus), "no-policy-found", None),
            (StsTrouble::Pending, "sts", None),
            (StsTrouble::Now("x"), "sts", Some("sts-policy-fetch-error")),
            (StsTrouble::Server("x"), "sts", Some("sts-policy-fetch-error")),
            (StsTrouble::Certificate, "sts", Some("sts-webpki-invalid")),
            (StsTrouble::Policy("x"), "sts", Some("sts-policy-invalid")),
        ] {
            let row = trouble
                .for_now()
                .map_or(Row::Unproven(NotProven::StsUnreachable), |trouble| Row::Temp(LookUp::Sts, trouble));
            let sts = StsFound::Trouble(trouble);
            let found = Posture { sts, ..posture("linde.example", row, Duration::ZERO) };
            assert_eq!((found.published(None).kind, found.finding()), (kind, expected), "{trouble:?}");
        }
    }
}
