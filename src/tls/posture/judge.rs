//! The decision table: what was found of a domain -> what a session with each of its hosts must show. Asks nobody.
//!
//! DANE before MTA-STS before pinned names, and never one of them in place of another that failed (RFC 8461 2: a
//! policy must not override a failing DANE; RFC 7672 2.1.1: a failed look-up is no absence).

use std::net::IpAddr;

use super::found::{Dane, MxHost, Ordinary, Proof, StsFound, TlsaFound};
use super::row::{LookUp, NoHost, NotProven, Row, Trouble, Weak};
use super::settings::Pinned;
use super::sts::{Mode, fits};

/// What is known of the domain when a host of it is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Domain<'d> {
    pub name: &'d str,
    pub mx_secure: bool,
    pub sts: &'d StsFound,
    /// How our configuration pins its hosts.
    pub pinned: Option<&'d Pinned>,
    pub accept_unproven: bool,
    /// Whether answers could be validated at all.
    pub validated: bool,
}

/// What was found of a host.
#[derive(Debug)]
pub(super) struct Host {
    pub name: String,
    pub preference: u16,
    pub addresses: Addresses,
    pub tlsa: TlsaFound,
}

/// What was found of a host's addresses.
#[derive(Debug)]
pub(super) enum Addresses {
    Found { addresses: Vec<IpAddr>, secure: bool },
    None,
    Trouble(Trouble),
}

/// What a session with a host must show.
pub(super) fn judge(domain: Domain<'_>, host: Host) -> MxHost {
    let (proof, ordinary) = match (&host.addresses, &host.tlsa) {
        (Addresses::Trouble(trouble), _) => neither(Row::Temp(LookUp::Address, *trouble)),
        (Addresses::None, _) => neither(Row::Nowhere(NoHost::NoAddress)),
        (Addresses::Found { .. }, TlsaFound::Unknown(trouble)) => neither(Row::Temp(LookUp::Tlsa, *trouble)),
        (Addresses::Found { .. }, tlsa) => (proof(domain, &host.name, tlsa), ordinary(domain, &host.name, tlsa)),
    };
    let (addresses, addresses_secure) = match host.addresses {
        Addresses::Found { addresses, secure } => (addresses, secure),
        Addresses::None | Addresses::Trouble(_) => (Vec::new(), false),
    };
    let (name, preference, tlsa) = (host.name, host.preference, host.tlsa);
    MxHost { name, preference, addresses, countries: Vec::new(), addresses_secure, tlsa, proof, ordinary }
}

/// The row of a domain: that of its weakest host, of those that can be reached at all.
pub(super) fn weakest(hosts: &[MxHost]) -> Row {
    let rows = || hosts.iter().map(MxHost::row);
    let reached = rows().filter(|row| !matches!(row, Row::Nowhere(_)));
    let weakest = reached.max_by_key(|row| row.weakness()).or_else(|| rows().next());
    weakest.unwrap_or(Row::Nowhere(NoHost::NoAddress))
}

fn neither(row: Row) -> (Proof, Ordinary) {
    (Proof::None(row), Ordinary::Skip(row))
}

fn proof(domain: Domain<'_>, host: &str, tlsa: &TlsaFound) -> Proof {
    if !domain.validated {
        return Proof::None(Row::Unproven(NotProven::NotValidating));
    }
    // With an insecure MX they are enforced besides, and prove nothing by themselves (RFC 7672 2.2.1).
    let dane: Option<Dane> = match tlsa {
        TlsaFound::Usable(dane) if domain.mx_secure => return Proof::Dane(dane.clone()),
        TlsaFound::Usable(dane) => Some(dane.clone()),
        _ => None,
    };
    let names = vec![host.to_owned()];
    if let StsFound::Policy { mode: Mode::Enforce, mx, .. } = domain.sts {
        let listed = mx.iter().any(|pattern| fits(pattern, host));
        return if listed { Proof::Sts { names, dane } } else { Proof::None(Row::StsNotListed) };
    }
    if let Some(pinned) = domain.pinned {
        let is_pinned = match pinned.mx.as_slice() {
            [] => is_within(host, domain.name),
            patterns => patterns.iter().any(|pattern| fits(pattern, host)),
        };
        return if is_pinned { Proof::Pkix { names, dane } } else { Proof::None(Row::Unproven(NotProven::NotPinned)) };
    }
    // Nobody knows whether there is a policy, who would have us believe less than it might ask.
    if let StsFound::Trouble(trouble) = domain.sts
        && let Some(trouble) = trouble.for_now()
    {
        return Proof::None(Row::Temp(LookUp::Sts, trouble));
    }
    if domain.accept_unproven {
        return Proof::Unproven { names, dane };
    }
    Proof::None(match (tlsa, domain.sts) {
        (TlsaFound::Usable(_), _) => Row::DaneHalf,
        (TlsaFound::Unusable(_), _) => Row::EncryptOnly(Weak::UnusableTlsa),
        (_, StsFound::Policy { mode: Mode::Testing, .. }) => Row::Unproven(NotProven::StsTesting),
        (_, StsFound::Policy { .. }) => Row::Unproven(NotProven::StsNone),
        (_, StsFound::Trouble(_)) => Row::Unproven(NotProven::StsUnreachable),
        (_, StsFound::None) => Row::Unproven(NotProven::NoPolicy),
    })
}

fn ordinary(domain: Domain<'_>, host: &str, tlsa: &TlsaFound) -> Ordinary {
    let dane = if let TlsaFound::Usable(dane) = tlsa { Some(dane) } else { None };
    if let (Some(dane), true) = (dane, domain.mx_secure) {
        return Ordinary::Dane(dane.clone());
    }
    if let StsFound::Policy { mode: Mode::Enforce, mx, .. } = domain.sts {
        if !mx.iter().any(|pattern| fits(pattern, host)) {
            return Ordinary::Skip(Row::StsNotListed);
        }
        return Ordinary::Valid { names: vec![host.to_owned()], dane: dane.cloned() };
    }
    match (dane, tlsa) {
        (Some(dane), _) => Ordinary::Dane(dane.clone()),
        (None, TlsaFound::Unusable(_)) => Ordinary::Encrypt,
        (None, _) => Ordinary::Opportunistic,
    }
}

/// Whether a name is a domain, or in it.
fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::found::{Matching, Selector, StsTrouble, Tlsa, Usage};
    use super::*;
    use jiff::Timestamp;

    const HOST: &str = "mx.linde.example";

    fn dane() -> Dane {
        let record =
            Tlsa { usage: Usage::Server, selector: Selector::Key, matching: Matching::Sha256, data: vec![7; 32] };
        Dane { base: HOST.into(), records: vec![record], names: vec![HOST.into()] }
    }

    fn sts(mode: Mode, mx: &str) -> StsFound {
        let at = Timestamp::UNIX_EPOCH;
        StsFound::Policy { mode, mx: vec![mx.into()], id: "1".into(), fetched: at, until: at }
    }

    fn pinned(mx: &[&str]) -> Pinned {
        Pinned { domains: vec!["linde.example".into()], mx: mx.iter().map(|&mx| mx.into()).collect() }
    }

    fn judged(mx_secure: bool, tlsa: TlsaFound, sts: &StsFound, pinned: Option<&Pinned>, accept: bool) -> MxHost {
        let domain = Domain { name: "linde.example", mx_secure, sts, pinned, accept_unproven: accept, validated: true };
        let addresses = Addresses::Found { addresses: vec!["192.0.2.1".parse().unwrap()], secure: true };
        judge(domain, Host { name: HOST.into(), preference: 10, addresses, tlsa })
    }

    #[test]
    fn the_rows_of_the_table() {
        let (usable, unusable) = (TlsaFound::Usable(dane()), TlsaFound::Unusable(1));
        let enforced = sts(Mode::Enforce, "*.linde.example");
        let elsewhere = sts(Mode::Enforce, "mx.elsewhere.example");
        let within = pinned(&[]);
        let provider = pinned(&["*.provider.example"]);
        let gone = StsFound::Trouble(StsTrouble::Server("x"));
        let slow = StsFound::Trouble(StsTrouble::Pending);
        let unknown = StsFound::Trouble(StsTrouble::Record(Trouble::Refused));
        for (mx_secure, tlsa, sts, pinned, accept, code) in [
            (true, &usable, &StsFound::None, None, false, "dane"),
            // DANE stands before a policy that says otherwise.
            (true, &usable, &elsewhere, None, false, "dane"),
            (false, &usable, &StsFound::None, None, false, "dane-half"),
            (false, &usable, &enforced, None, false, "sts"),
            (false, &usable, &StsFound::None, Some(&within), false, "pkix"),
            // A failed look-up is not made good by a policy, nor by names of ours.
            (true, &TlsaFound::Unknown(Trouble::Refused), &enforced, Some(&within), true, "temp-tlsa-refused"),
            (false, &TlsaFound::Unknown(Trouble::Bogus), &enforced, None, false, "temp-tlsa-bogus"),
            (true, &TlsaFound::None, &enforced, None, false, "sts"),
            (false, &TlsaFound::NotAsked, &enforced, None, false, "sts"),
            (true, &unusable, &enforced, None, false, "sts"),
            // The domain says that this is no host of it, whatever we pin.
            (true, &TlsaFound::None, &elsewhere, Some(&within), true, "sts-mx-not-listed"),
            (true, &TlsaFound::None, &sts(Mode::Testing, HOST), None, false, "sts-testing"),
            (true, &TlsaFound::None, &sts(Mode::None, HOST), None, false, "sts-none"),
            (true, &TlsaFound::None, &gone, None, false, "sts-unreachable"),
            (true, &TlsaFound::None, &gone, None, true, "pkix-unproven"),
            (true, &TlsaFound::None, &slow, None, false, "temp-sts-silent"),
            (true, &TlsaFound::None, &slow, None, true, "temp-sts-silent"),
            (true, &unusable, &unknown, None, false, "temp-sts-refused"),
            (false, &usable, &unknown, None, true, "temp-sts-refused"),
            (true, &usable, &unknown, None, false, "dane"),
            (true, &TlsaFound::None, &unknown, Some(&within), false, "pkix"),
            (true, &TlsaFound::None, &StsFound::None, None, false, "unproven"),
            (false, &TlsaFound::NotAsked, &StsFound::None, Some(&within), false, "pkix"),
            (false, &TlsaFound::NotAsked, &StsFound::None, Some(&provider), true, "pkix-mx-not-pinned"),
            (false, &TlsaFound::NotAsked, &sts(Mode::Testing, HOST), Some(&within), false, "pkix"),
            (false, &TlsaFound::NotAsked, &StsFound::None, None, true, "pkix-unproven"),
            (true, &unusable, &StsFound::None, None, false, "tlsa-unusable"),
        ] {
            let host = judged(mx_secure, tlsa.clone(), sts, pinned, accept);
            assert_eq!(host.row().code(), code, "{mx_secure} {tlsa:?} {sts:?} {pinned:?}");
        }
    }

    #[test]
    fn half_a_dane_is_enforced_besides() {
        let usable = TlsaFound::Usable(dane());
        let host = judged(false, usable.clone(), &sts(Mode::Enforce, HOST), None, false);
        assert_eq!(host.proof, Proof::Sts { names: vec![HOST.into()], dane: Some(dane()) });
        assert_eq!(host.ordinary, Ordinary::Valid { names: vec![HOST.into()], dane: Some(dane()) });
        let host = judged(false, usable, &StsFound::None, None, false);
        assert_eq!((host.row(), host.ordinary), (Row::DaneHalf, Ordinary::Dane(dane())));
    }

    #[test]
    fn ordinary_mail_does_as_the_rfcs_ask() {
        let none = StsFound::None;
        for (tlsa, sts, expected) in [
            (TlsaFound::Usable(dane()), &none, Ordinary::Dane(dane())),
            (TlsaFound::Unusable(2), &none, Ordinary::Encrypt),
            (TlsaFound::None, &none, Ordinary::Opportunistic),
            (TlsaFound::None, &sts(Mode::Testing, "mx.elsewhere.example"), Ordinary::Opportunistic),
            (TlsaFound::None, &sts(Mode::Enforce, "mx.elsewhere.example"), Ordinary::Skip(Row::StsNotListed)),
            (TlsaFound::Unknown(Trouble::Silent), &none, Ordinary::Skip(Row::Temp(LookUp::Tlsa, Trouble::Silent))),
        ] {
            assert_eq!(judged(true, tlsa, sts, None, false).ordinary, expected);
        }
    }

    #[test]
    fn without_validation_nothing_is_proven() {
        let none = sts(Mode::Enforce, HOST);
        let domain = Domain {
            name: "linde.example",
            mx_secure: false,
            sts: &none,
            pinned: None,
            accept_unproven: true,
            validated: false,
        };
        let addresses = Addresses::Found { addresses: Vec::new(), secure: false };
        let host = judge(domain, Host { name: HOST.into(), preference: 0, addresses, tlsa: TlsaFound::NotAsked });
        assert_eq!(host.row().code(), "resolver-not-validating");
        assert!(matches!(host.ordinary, Ordinary::Valid { .. }));
    }

    #[test]
    fn a_name_in_a_domain_ends_with_it_behind_a_dot() {
        assert!(is_within("mx.linde.example", "linde.example") && is_within("linde.example", "linde.example"));
        assert!(!is_within("mxlinde.example", "linde.example") && !is_within("example", "linde.example"));
    }
}
