//! What DNS says of the schools' own domains: whether others accept what we sign and send straight, and can prove
//! themselves to them. Looked up with `--live` alone; changes nothing, and says which record to change.

use super::report::Report;
use crate::commands::reach::reach;
use crate::config::{Config, TlsRoute};
use crate::dkim;
use crate::gate::house::House;
use crate::outbox::Outbox;
use crate::school::Language;
use crate::store;
use crate::store::journal::find::Which;
use crate::tls::posture::{Forced, Postures};

/// All of them, where something of ours `depends` on what others find there; and how far mail can go proven. What cannot be
/// looked up now is said, and is no error of theirs.
pub(super) async fn all(report: &mut Report, config: &Config, house: &House, depends: bool) {
    let postures = match Postures::new(config.tls.postures.clone(), None) {
        Ok(postures) => postures,
        Err(problem) => return report.problem("dns", &problem),
    };
    if !depends {
        return recipients(report, &postures, config).await;
    }
    match postures.validates().await {
        Ok(true) => report
            .ok("dns", ["antwoorden van DNS worden gecontroleerd (DNSSEC)", "answers of DNS are validated (DNSSEC)"]),
        Ok(false) | Err(_) => report.warn(
            "dns",
            ["de resolver geeft geen antwoorden die te controleren zijn", "the resolver gives no answers to validate"],
            [
                "zet een resolver die DNSSEC doorgeeft in `resolver` van [tls]; tot dan is niets bewezen",
                "name a resolver that passes DNSSEC on in `resolver` of [tls]; until then nothing is proven",
            ],
        ),
    }
    for tenant in &house.schools {
        for domain in &tenant.school.domains {
            own(report, &postures, domain).await;
            record(report, &postures, "spf", domain, domain, "v=spf1").await;
            record(report, &postures, "dmarc", domain, &format!("_dmarc.{domain}"), "v=DMARC1").await;
        }
        if let Some(signer) = &tenant.dkim {
            key(report, &postures, signer).await;
        }
    }
    if config.tls.route == TlsRoute::Direct {
        name(report, &postures, &config.tls.ehlo).await;
    }
    recipients(report, &postures, config).await;
}

/// What share of the recipients of the last 30 days a proven route reaches.
async fn recipients(report: &mut Report, postures: &Postures, config: &Config) {
    const MONTH: i64 = 30 * 24 * 3600 * 1000;
    if postures.validates().await.is_err() {
        return;
    }
    let Some(kept) = config.data_dir.as_deref().and_then(|folder| Outbox::beside(folder).ok()) else { return };
    let from = Some(store::now().saturating_sub(MONTH));
    let which = Which { from, of_mail: true, ..Which::default() };
    let Ok(reached) = reach(kept.store(), &which, config, postures).await else { return };
    if reached.recipients > 0 {
        let told = [Language::Nl, Language::En].map(|language| reached.sentence(language));
        report.ok("reach", told);
    }
}

/// Whether others can prove that they reach the domain's own servers.
async fn own(report: &mut Report, postures: &Postures, domain: &str) {
    let posture = postures.of(domain).await;
    let code = posture.row.code();
    match posture.forced() {
        Forced::Deliver => {
            report.ok("own_tls", [format!("{domain}: bewezen TLS ({code})"), format!("{domain}: proven TLS ({code})")])
        }
        Forced::Defer => report.warn(
            "own_tls",
            [format!("{domain}: DNS is niet in orde ({code})"), format!("{domain}: DNS is out of order ({code})")],
            ["vraag wie DNS beheert om DNSSEC na te kijken", "ask who runs DNS to look at DNSSEC"],
        ),
        Forced::Fallback | Forced::Undeliverable => report.warn(
            "own_tls",
            [
                format!("{domain}: anderen kunnen niet bewijzen dat ze bij jullie mailserver zijn ({code})"),
                format!("{domain}: others cannot prove that they reach your mail server ({code})"),
            ],
            [
                format!("publiceer TLSA-records (DANE), of MTA-STS: een TXT-record bij _mta-sts.{domain}"),
                format!("publish TLSA records (DANE), or MTA-STS: a TXT record at _mta-sts.{domain}"),
            ],
        ),
    }
}

/// A TXT record that must be there once.
async fn record(report: &mut Report, postures: &Postures, check: &'static str, domain: &str, at: &str, version: &str) {
    let found = match postures.texts(at).await {
        Ok(found) => found.into_iter().filter(|text| text.starts_with(version)).count(),
        Err(_) => return unknown(report, check, at),
    };
    if found == 1 {
        return report.ok(check, [format!("{domain}: het record is er"), format!("{domain}: the record is there")]);
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
    let addresses = postures.addresses(ehlo).await;
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
        if postures.names(address).await.iter().any(|name| name == ehlo) {
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
