//! What DNS says of the schools' own domains: whether others accept what we sign and send straight, and can prove
//! themselves to them. Looked up with `--live` alone; changes nothing, and says which record to change.

use std::net::IpAddr;

use super::report::Report;
use super::{outward, spf};
use crate::commands::reach::reach;
use crate::config::{Config, TlsRoute};
use crate::dkim;
use crate::gate::house::{House, Road, Tenant};
use crate::outbox::Outbox;
use crate::record::reach::Way;
use crate::school::Language;
use crate::store;
use crate::store::journal::find::Which;
use crate::tls::posture::{Forced, LookUp, NotProven, Postures, Row};

/// All of them, where something of ours `depends` on what others find there; and how far mail can go proven. What cannot be
/// looked up now is said, and is no error of theirs.
pub(super) async fn all(report: &mut Report, config: &Config, house: &House, depends: bool) {
    let postures = match Postures::new(config.tls.postures.clone(), None) {
        Ok(postures) => postures,
        Err(problem) => return report.problem("dns", &problem),
    };
    if !depends {
        recipients(report, &postures, config).await;
        return;
    }
    match postures.validates().await {
        Ok(true) => report
            .ok("dns", ["antwoorden van DNS worden gecontroleerd (DNSSEC)", "answers of DNS are validated (DNSSEC)"]),
        Err(_) => {
            return report.bad(
                "dns",
                [
                    "onze eigen resolver antwoordt niet; wat DNS van jullie domeinen zegt, is niet nagekeken",
                    "our own resolver does not answer; what DNS says of your domains was not looked at",
                ],
                [
                    "kijk naar `resolver` in [tls], of naar /etc/resolv.conf, en of poort 53 naar buiten open is",
                    "look at `resolver` in [tls], or at /etc/resolv.conf, and whether port 53 is open outward",
                ],
            );
        }
        Ok(false) => report.warn(
            "dns",
            ["de resolver geeft geen antwoorden die te controleren zijn", "the resolver gives no answers to validate"],
            [
                "zet een resolver die DNSSEC doorgeeft in `resolver` van [tls]; tot dan is niets bewezen",
                "name a resolver that passes DNSSEC on in `resolver` of [tls]; until then nothing is proven",
            ],
        ),
    }
    let direct = config.tls.route == TlsRoute::Direct;
    let ours = if direct { postures.addresses(&config.tls.ehlo).await.unwrap_or_default() } else { Vec::new() };
    for tenant in &house.schools {
        for domain in &tenant.school.domains {
            own(report, &postures, domain).await;
            if record(report, &postures, "spf", domain, domain, "v=spf1").await {
                allowed(report, &postures, domain, &ours).await;
            }
            record(report, &postures, "dmarc", domain, &format!("_dmarc.{domain}"), "v=DMARC1").await;
        }
        if let Some(signer) = &tenant.dkim {
            key(report, &postures, signer).await;
        }
        if direct {
            signs(report, tenant);
        }
    }
    if direct {
        name(report, &postures, &config.tls.ehlo).await;
    }
    let proven = recipients(report, &postures, config).await;
    if let Road::Direct(direct, _) = &house.road {
        let own = house.schools.iter().flat_map(|tenant| &tenant.school.domains).cloned();
        outward::check(report, &postures, direct, proven.into_iter().chain(own)).await;
    }
}

/// Whether all mail of a school that goes straight to others is signed for by a key of ours: DMARC passes on nothing else
/// where our address is not the domain's, and without it such mail takes its other way.
fn signs(report: &mut Report, tenant: &Tenant) {
    let is_signed = |domain: &&String| {
        let signer = tenant.dkim.as_ref();
        signer.is_some_and(|signer| dkim::is_aligned(signer.domain(), domain))
    };
    for domain in tenant.school.domains.iter().filter(|domain| !is_signed(domain)) {
        report.bad(
            "dkim",
            [
                format!("{domain}: mail onder bewezen TLS wordt niet ondertekend, en gaat dus niet rechtstreeks"),
                format!("{domain}: mail under proven TLS is not signed, and so does not go straight"),
            ],
            [
                format!("geef de school van {domain} een `dkim` met een sleutel voor dit domein"),
                format!("give the school of {domain} a `dkim` with a key for this domain"),
            ],
        );
    }
}

/// What share of the recipients of the last 30 days a proven route reaches, and at which domains.
async fn recipients(report: &mut Report, postures: &Postures, config: &Config) -> Vec<String> {
    const MONTH: i64 = 30 * 24 * 3600 * 1000;
    if postures.validates().await.is_err() {
        return Vec::new();
    }
    let Some(kept) = config.data_dir.as_deref().and_then(|folder| Outbox::beside(folder).ok()) else {
        return Vec::new();
    };
    let from = Some(store::now().saturating_sub(MONTH));
    let which = Which { from, of_mail: true, ..Which::default() };
    let Ok(reached) = reach(kept.store(), &which, config, postures).await else { return Vec::new() };
    if reached.recipients > 0 {
        let told = [Language::Nl, Language::En].map(|language| reached.sentence(language));
        report.ok("reach", told);
    }
    let proven = reached.rows.into_iter().filter(|row| row.way == Some(Way::Proven));
    proven.filter_map(|row| row.domain).collect()
}

/// Whether others can prove that they reach the domain's own servers, and if not, which record is in the way.
async fn own(report: &mut Report, postures: &Postures, domain: &str) {
    let posture = postures.of(domain).await;
    let code = posture.row.code();
    if posture.forced() == Forced::Deliver {
        return report
            .ok("own_tls", [format!("{domain}: bewezen TLS ({code})"), format!("{domain}: proven TLS ({code})")]);
    }
    let host = posture.hosts.first().map_or(domain, |host| host.name.as_str());
    let todo = match posture.row {
        Row::Temp(LookUp::Sts, _) => policy_is_there(domain),
        Row::Temp(look_up, _) => {
            let at = match look_up {
                LookUp::Tlsa => format!("_25._tcp.{host}"),
                LookUp::Address => host.to_owned(),
                LookUp::Mx | LookUp::Sts | LookUp::All => domain.to_owned(),
            };
            [
                format!("laat wie DNS beheert de handtekeningen (DNSSEC) van {at} nakijken"),
                format!("have whoever runs DNS look at the signatures (DNSSEC) of {at}"),
            ]
        }
        Row::StsNotListed => [
            format!(
                "zet {host} in het beleid op https://mta-sts.{domain}/.well-known/mta-sts.txt, of neem het MX-record weg"
            ),
            format!(
                "list {host} in the policy at https://mta-sts.{domain}/.well-known/mta-sts.txt, or remove the MX record"
            ),
        ],
        Row::Unproven(NotProven::StsUnreachable) => policy_is_there(domain),
        Row::Unproven(NotProven::StsTesting | NotProven::StsNone) => [
            format!(
                "zet in het beleid van mta-sts.{domain} `mode: enforce`, en verander het id in het TXT-record bij _mta-sts.{domain}"
            ),
            format!(
                "set `mode: enforce` in the policy of mta-sts.{domain}, and change the id in the TXT record at _mta-sts.{domain}"
            ),
        ],
        Row::DaneHalf => [
            format!(
                "laat {domain} ondertekenen (DNSSEC): de TLSA-records van {host} tellen pas als het MX-record veilig is"
            ),
            format!(
                "have {domain} signed (DNSSEC): the TLSA records of {host} count only when the MX record is secure"
            ),
        ],
        Row::EncryptOnly(_) => [
            format!(
                "zet bij _25._tcp.{host} een TLSA-record dat met 3 1 1 begint; wat er nu staat, kan SMTP niet gebruiken"
            ),
            format!(
                "put a TLSA record at _25._tcp.{host} that begins with 3 1 1; SMTP cannot use what stands there now"
            ),
        ],
        Row::Nowhere(_) => [
            format!("zet bij {domain} een MX-record naar een mailserver die een adres heeft"),
            format!("have an MX record at {domain} for a mail server that has an address"),
        ],
        _ => [
            format!(
                "publiceer TLSA-records (DANE) bij _25._tcp.{host}, of MTA-STS: een TXT-record bij _mta-sts.{domain}"
            ),
            format!("publish TLSA records (DANE) at _25._tcp.{host}, or MTA-STS: a TXT record at _mta-sts.{domain}"),
        ],
    };
    report.warn(
        "own_tls",
        [
            format!("{domain}: anderen kunnen niet bewijzen dat ze bij jullie mailserver zijn ({code})"),
            format!("{domain}: others cannot prove that they reach your mail server ({code})"),
        ],
        todo,
    );
}

/// What to do about a policy that cannot be had, by language.
fn policy_is_there(domain: &str) -> [String; 2] {
    [
        format!(
            "zorg dat https://mta-sts.{domain}/.well-known/mta-sts.txt een goed beleid geeft, of haal het TXT-record bij _mta-sts.{domain} weg"
        ),
        format!(
            "have https://mta-sts.{domain}/.well-known/mta-sts.txt give a good policy, or remove the TXT record at _mta-sts.{domain}"
        ),
    ]
}

/// Whether the SPF record lets mail come from our own address, where we send by ourselves.
async fn allowed(report: &mut Report, postures: &Postures, domain: &str, addresses: &[IpAddr]) {
    for address in addresses {
        let kind = if address.is_ipv4() { "ip4" } else { "ip6" };
        match spf::allows(postures, domain, *address).await {
            Ok(true) => report.ok(
                "spf",
                [format!("{domain}: mail mag van {address} komen"), format!("{domain}: mail may come from {address}")],
            ),
            Ok(false) => report.warn(
                "spf",
                [
                    format!("{domain}: volgens SPF mag mail niet van {address} komen, het adres van mailpoort"),
                    format!("{domain}: by SPF no mail may come from {address}, the address of mailpoort"),
                ],
                [
                    format!(
                        "zet `{kind}:{address}` in het SPF-record bij {domain}, voor het woord dat op `all` eindigt"
                    ),
                    format!(
                        "put `{kind}:{address}` into the SPF record at {domain}, before the word that ends in `all`"
                    ),
                ],
            ),
            Err(_) => unknown(report, "spf", domain),
        }
    }
}

/// A TXT record that must be there once; whether it is.
async fn record(
    report: &mut Report,
    postures: &Postures,
    check: &'static str,
    domain: &str,
    at: &str,
    version: &str,
) -> bool {
    let is_one = |text: &String| {
        let rest = text.strip_prefix(version);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ';']))
    };
    let found = match postures.texts(at).await {
        Ok(found) => found.iter().filter(|text| is_one(text)).count(),
        Err(_) => {
            unknown(report, check, at);
            return false;
        }
    };
    if found == 1 {
        let (nl, en) = (format!("{domain}: het record is er"), format!("{domain}: the record is there"));
        report.ok(check, [nl, en]);
        return true;
    }
    report.warn(
        check,
        [
            format!("{domain}: er zijn {found} records `{version}` bij {at}, en het moet er één zijn"),
            format!("{domain}: there are {found} records `{version}` at {at}, and it must be one"),
        ],
        [
            format!("zet één TXT-record bij {at} dat met `{version}` begint"),
            format!("have one TXT record at {at} that begins with `{version}`"),
        ],
    );
    false
}

/// The public half of the key with which we sign.
async fn key(report: &mut Report, postures: &Postures, signer: &dkim::Signer) {
    let (at, wanted) = (signer.name(), signer.record());
    let Ok(found) = postures.texts(&at).await else { return unknown(report, "dkim", &at) };
    let public = |text: &str| {
        let tags = text.split(';').filter_map(|tag| tag.split_once('='));
        tags.map(|(name, value)| (name.trim().to_owned(), value.split_whitespace().collect::<String>()))
            .find(|(name, _)| name == "p")
    };
    if found.iter().any(|text| public(text) == public(&wanted)) {
        return report.ok("dkim", [format!("{at}: de sleutel staat er"), format!("{at}: the key is there")]);
    }
    report.bad(
        "dkim",
        [
            format!("{at}: onze sleutel staat er niet, dus anderen vertrouwen niet wat we ondertekenen"),
            format!("{at}: our key is not there, so others do not trust what we sign"),
        ],
        [format!("zet daar dit TXT-record: {wanted}"), format!("put this TXT record there: {wanted}")],
    );
}

/// Our name towards recipients' servers has an address, and that address has the name.
async fn name(report: &mut Report, postures: &Postures, ehlo: &str) {
    let Ok(addresses) = postures.addresses(ehlo).await else { return unknown(report, "ehlo", ehlo) };
    if addresses.is_empty() {
        return report.bad(
            "ehlo",
            [format!("{ehlo}: heeft geen adres in DNS"), format!("{ehlo}: has no address in DNS")],
            [
                format!("zet bij {ehlo} een A-record (en AAAA) met het adres waarmee deze machine naar buiten gaat"),
                format!("put an A record (and AAAA) at {ehlo} with the address by which this machine goes out"),
            ],
        );
    }
    for address in addresses {
        let Ok(names) = postures.names(address).await else {
            unknown(report, "ehlo", &address.to_string());
            continue;
        };
        if names.iter().any(|name| name == ehlo) {
            report.ok("ehlo", [format!("{address} heet {ehlo}"), format!("{address} is called {ehlo}")]);
            continue;
        }
        report.bad(
            "ehlo",
            [format!("{address} heet in DNS niet {ehlo}"), format!("{address} is not called {ehlo} in DNS")],
            [
                format!("vraag je internetprovider om een PTR-record van {address} naar {ehlo}"),
                format!("ask your internet provider for a PTR record from {address} to {ehlo}"),
            ],
        );
    }
}

fn unknown(report: &mut Report, check: &'static str, at: &str) {
    report.warn(
        check,
        [format!("{at}: nu niet op te vragen"), format!("{at}: cannot be looked up now")],
        ["probeer het later opnieuw, en kijk of DNS het doet", "try later, and look whether DNS works"],
    );
}
