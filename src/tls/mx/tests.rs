//! Whole handshakes in memory, TLS 1.2 and 1.3, with certificates that are good and bad in every way that counts.
#![allow(clippy::unwrap_used)]

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::ServerConnection;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConnection, ServerConfig, SupportedProtocolVersion};

use super::*;

const MX: &str = "mx1.thuis.example";

/// A server's certificate with what is above it, and its key.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

fn authority(name: &str) -> (Issuer<'static, KeyPair>, CertificateDer<'static>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let its_own = params.self_signed(&key).unwrap().der().clone();
    (Issuer::new(params, key), its_own)
}

fn leaf(name: &str, until: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_string()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
    params
}

fn signed(name: &str, until: i32, by: &(Issuer<'static, KeyPair>, CertificateDer<'static>)) -> Shown {
    let key = KeyPair::generate().unwrap();
    let own = leaf(name, until).signed_by(&key, &by.0).unwrap().der().clone();
    Shown { chain: vec![own, by.1.clone()], key }
}

fn self_signed(name: &str, until: i32) -> Shown {
    let key = KeyPair::generate().unwrap();
    Shown { chain: vec![leaf(name, until).self_signed(&key).unwrap().der().clone()], key }
}

/// The same key in a certificate of version 1: no version, no extensions. Its own signature is nothing that DANE-EE
/// looks at.
fn version_1(shown: Shown) -> Shown {
    let wrap = |tag: u8, inner: &[u8]| {
        let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], length.as_slice(), inner].concat()
    };
    let layers = Layers::of(&shown.chain[0]).unwrap();
    let algorithm = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let tbs = [
        &[0x02, 0x01, 0x07],
        algorithm.as_slice(),
        &wrap(0x30, layers.issuer),
        &wrap(0x30, layers.validity),
        &wrap(0x30, layers.subject),
        layers.key,
    ]
    .concat();
    let all = [wrap(0x30, &tbs).as_slice(), &algorithm, &[0x03, 0x02, 0x00, 0x01]].concat();
    Shown { chain: vec![wrap(0x30, &all).into()], key: shown.key }
}

/// A record by its numbers in DNS.
fn tlsa(usage: u8, selector: u8, matching: u8, of: &CertificateDer<'_>) -> Tlsa {
    let selected = if selector == 1 { Layers::of(of).unwrap().key } else { of.as_ref() };
    let (matching, data) = match matching {
        1 => (Matching::Sha256, digest(&SHA256, selected).as_ref().to_vec()),
        2 => (Matching::Sha512, digest(&SHA512, selected).as_ref().to_vec()),
        _ => (Matching::Exact, selected.to_vec()),
    };
    let usage = if usage == 2 { Usage::Authority } else { Usage::Server };
    let selector = if selector == 1 { Selector::Key } else { Selector::Certificate };
    Tlsa { usage, selector, matching, data }
}

fn dane(records: Vec<Tlsa>) -> Expected {
    let dane = Dane { base: MX.into(), records, names: vec!["thuis.example".into(), MX.into()] };
    Expected { sni: MX.into(), dane: Some(dane), authority: None }
}

fn trusts(authority: &CertificateDer<'_>, names: &[&str]) -> Expected {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let names = names.iter().map(|name| (*name).to_string()).collect();
    Expected { sni: MX.into(), dane: None, authority: Some((Arc::new(roots), names)) }
}

/// A whole handshake; what came of it on our side.
fn shake(shown: &Shown, expected: &Expected, with: &'static SupportedProtocolVersion) -> Result<Certified, Refused> {
    let (config, verifier) = mx_config(expected.clone()).unwrap();
    let key = any_supported_type(&PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap()).unwrap();
    let server = ServerConfig::builder_with_provider(super::super::provider())
        .with_protocol_versions(&[with])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(shown.chain.clone(), key))));
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let mut client = ClientConnection::new(config, ServerName::try_from(MX).unwrap()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut octets = Vec::new();
        client.write_tls(&mut octets).unwrap();
        server.read_tls(&mut octets.as_slice()).unwrap();
        server.process_new_packets().map_err(|_| Refused::Handshake)?;
        let mut octets = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut octets).unwrap();
        }
        let mut rest = octets.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().map_err(|error| Refused::of(&error))?;
        }
    }
    Ok(verifier.certified().unwrap())
}

#[test]
fn each_certificate_counts_for_what_it_is() {
    let (ours, other) = (authority("Ours"), authority("Other"));
    let good = signed(MX, 2100, &ours);
    let expired = signed(MX, 2021, &ours);
    let elsewhere = signed("mx1.elders.example", 2100, &ours);
    let alone = self_signed(MX, 2100);
    let odd = self_signed("iets.anders.example", 2021);
    let first = version_1(self_signed(MX, 2100));
    let rolled = self_signed(MX, 2100);
    let (ee, ta) = (Ok(Certified::DaneEe), Ok(Certified::DaneTa));
    let mut wrong_length = tlsa(3, 1, 1, &alone.chain[0]);
    wrong_length.data.truncate(31);
    let cases: Vec<(&str, &Shown, Expected, Result<Certified, Refused>)> = vec![
        ("DANE-EE, key", &alone, dane(vec![tlsa(3, 1, 1, &alone.chain[0])]), ee),
        ("DANE-EE, key, SHA-512", &alone, dane(vec![tlsa(3, 1, 2, &alone.chain[0])]), ee),
        ("DANE-EE, key itself", &alone, dane(vec![tlsa(3, 1, 0, &alone.chain[0])]), ee),
        ("DANE-EE, certificate", &alone, dane(vec![tlsa(3, 0, 1, &alone.chain[0])]), ee),
        ("DANE-EE, certificate, SHA-512", &alone, dane(vec![tlsa(3, 0, 2, &alone.chain[0])]), ee),
        ("DANE-EE, certificate itself", &alone, dane(vec![tlsa(3, 0, 0, &alone.chain[0])]), ee),
        ("DANE-EE, expired and another name", &odd, dane(vec![tlsa(3, 1, 1, &odd.chain[0])]), ee),
        ("DANE-EE, a certificate of version 1", &first, dane(vec![tlsa(3, 1, 1, &first.chain[0])]), ee),
        ("DANE-EE, another key", &alone, dane(vec![tlsa(3, 1, 1, &odd.chain[0])]), Err(Refused::NoMatch)),
        ("DANE-EE, cut short", &alone, dane(vec![wrong_length]), Err(Refused::NoMatch)),
        (
            "rollover: the old and the new key, the new is shown",
            &rolled,
            dane(vec![tlsa(3, 1, 1, &alone.chain[0]), tlsa(3, 1, 1, &rolled.chain[0])]),
            ee,
        ),
        (
            "rollover: the old and the new key, the old is shown",
            &alone,
            dane(vec![tlsa(3, 1, 1, &alone.chain[0]), tlsa(3, 1, 1, &rolled.chain[0])]),
            ee,
        ),
        ("DANE-TA, certificate", &good, dane(vec![tlsa(2, 0, 1, &ours.1)]), ta),
        ("DANE-TA, key", &good, dane(vec![tlsa(2, 1, 2, &ours.1)]), ta),
        ("DANE-TA, key itself", &good, dane(vec![tlsa(2, 1, 0, &ours.1)]), ta),
        ("DANE-TA, another authority", &good, dane(vec![tlsa(2, 0, 1, &other.1)]), Err(Refused::NoMatch)),
        ("DANE-TA, expired", &expired, dane(vec![tlsa(2, 0, 1, &ours.1)]), Err(Refused::Expired)),
        ("DANE-TA, another name", &elsewhere, dane(vec![tlsa(2, 0, 1, &ours.1)]), Err(Refused::WrongName)),
        (
            "DANE-TA, the leaf is no authority",
            &alone,
            dane(vec![tlsa(2, 0, 1, &alone.chain[0])]),
            Err(Refused::NoMatch),
        ),
        (
            "a DANE-TA record that fails takes no DANE-EE record with it",
            &expired,
            dane(vec![tlsa(2, 0, 1, &ours.1), tlsa(3, 1, 1, &expired.chain[0])]),
            ee,
        ),
        ("no record", &good, dane(vec![]), Err(Refused::NoMatch)),
        ("authority", &good, trusts(&ours.1, &[MX]), Ok(Certified::Authority)),
        ("authority, the second name", &good, trusts(&ours.1, &["thuis.example", MX]), Ok(Certified::Authority)),
        ("authority, none of the names", &good, trusts(&ours.1, &["thuis.example"]), Err(Refused::WrongName)),
        ("authority, no name", &good, trusts(&ours.1, &[]), Err(Refused::WrongName)),
        ("authority, expired", &expired, trusts(&ours.1, &[MX]), Err(Refused::Expired)),
        ("authority, another name", &elsewhere, trusts(&ours.1, &[MX]), Err(Refused::WrongName)),
        ("another authority", &good, trusts(&other.1, &[MX]), Err(Refused::Untrusted)),
        ("self-signed", &alone, trusts(&ours.1, &[MX]), Err(Refused::Untrusted)),
    ];
    let mut wrong = Vec::new();
    for (what, shown, expected, outcome) in &cases {
        for with in [&version::TLS12, &version::TLS13] {
            let came = shake(shown, expected, with);
            if came != *outcome {
                wrong.push(format!("{what}, {:?}: {came:?}, not {outcome:?}", with.version));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_policy_and_records_must_both_be_met_and_nothing_is_met_by_nobody() {
    let (ours, other) = (authority("Ours"), authority("Other"));
    let shown = signed(MX, 2100, &ours);
    let both = |trusted: &CertificateDer<'_>, record: &CertificateDer<'_>| Expected {
        dane: dane(vec![tlsa(3, 1, 1, record)]).dane,
        ..trusts(trusted, &[MX])
    };
    let nothing = Expected { sni: MX.into(), dane: None, authority: None };
    for (expected, outcome) in [
        (both(&ours.1, &shown.chain[0]), Ok(Certified::Authority)),
        (both(&ours.1, &other.1), Err(Refused::NoMatch)),
        (both(&other.1, &shown.chain[0]), Err(Refused::Untrusted)),
        (nothing, Err(Refused::NoMatch)),
    ] {
        assert_eq!(shake(&shown, &expected, &version::TLS13), outcome, "{expected:?}");
    }
}

#[test]
fn the_record_may_hold_the_authority_that_the_server_does_not_send() {
    let ours = authority("Ours");
    let mut shown = signed(MX, 2100, &ours);
    shown.chain.truncate(1);
    for (selector, matching, outcome) in
        [(0, 0, Ok(Certified::DaneTa)), (1, 0, Ok(Certified::DaneTa)), (0, 1, Err(Refused::NoMatch))]
    {
        let came = shake(&shown, &dane(vec![tlsa(2, selector, matching, &ours.1)]), &version::TLS13);
        assert_eq!(came, outcome, "2 {selector} {matching}");
    }
}

#[test]
fn a_key_that_is_not_the_servers_passes_for_nobody() {
    // The certificate that the record speaks of, copied by somebody who does not have its key.
    let (real, thief) = (self_signed(MX, 2100), KeyPair::generate().unwrap());
    let expected = dane(vec![tlsa(3, 1, 1, &real.chain[0])]);
    let copied = Shown { chain: real.chain, key: thief };
    let first = version_1(Shown { chain: copied.chain.clone(), key: KeyPair::generate().unwrap() });
    for with in [&version::TLS12, &version::TLS13] {
        assert_eq!(shake(&copied, &expected, with), Err(Refused::Untrusted), "{:?}", with.version);
        assert_eq!(shake(&first, &expected, with), Err(Refused::Untrusted), "{:?}", with.version);
    }
}

#[test]
fn bent_records_and_certificates_match_nothing() {
    let shown = self_signed(MX, 2100);
    let exact = |usage, selector, data: &[u8]| Tlsa { usage, selector, matching: Matching::Exact, data: data.to_vec() };
    for record in [
        exact(Usage::Authority, Selector::Certificate, b"no certificate"),
        exact(Usage::Authority, Selector::Key, &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        exact(Usage::Authority, Selector::Key, b""),
        exact(Usage::Server, Selector::Key, b""),
        exact(Usage::Server, Selector::Key, shown.chain[0].as_ref()),
    ] {
        assert_eq!(shake(&shown, &dane(vec![record.clone()]), &version::TLS13), Err(Refused::NoMatch), "{record:?}");
    }
}
