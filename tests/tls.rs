//! What is known of a domain, on a DNS tree of our own: every row of the decision table that DNS and policies decide,
//! and everybody in between who would have us believe less.
//!
//! A real name server (knot) signs and serves the tree of tests/tls/zones; a proxy before it answers some questions
//! otherwise; a web server of our own has the policies. Everything is on loopback.
#![allow(clippy::unwrap_used, missing_docs)]

// Each test binary uses its own part of this.
#[allow(dead_code)]
#[path = "inside/authority.rs"]
mod authority;
#[path = "support/countries.rs"]
mod countries;
mod support;
#[allow(dead_code)]
mod tls {
    pub mod between;
    pub mod lab;
    pub mod sink;
    pub mod web;
}

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use authority::AUTHORITY;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hickory_resolver::proto::rr::RecordType;
use jiff::Timestamp;
use mailpoort::decide::MailHosts;
use mailpoort::school::Language;
use mailpoort::smtp::client::{Direct, Patience};
use mailpoort::tls::posture::{
    Dane, Forced, Matching, MxHost, NotProven, Ordinary, Pinned, Posture, Postures, Proof, Resolvers, Row, Selector,
    Settings, Shelf, StsFound, Tlsa, TlsaFound, Usage,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tls::between::{Between, Fault};
use tls::lab::Lab;
use tls::sink::Sink;
use tls::web::{PORT, Web, policy, right};

/// Row by row: what the tree says of a domain, and what a forced message does.
#[tokio::test]
async fn the_rows_that_dns_decides() {
    let lab = Lab::start();
    let postures = Postures::new(lab.settings(lab.dns), None).unwrap();
    assert_eq!(postures.validates().await, Ok(true));
    for (domain, code, forced) in [
        ("dane.test", "dane", Forced::Deliver),
        ("DANE.test.", "dane", Forced::Deliver),
        ("rollover.test", "dane", Forced::Deliver),
        ("authority.test", "dane", Forced::Deliver),
        ("implicit.test", "dane", Forced::Deliver),
        ("alias.test", "dane", Forced::Deliver),
        ("outward.test", "dane", Forced::Deliver),
        ("shared.test", "dane", Forced::Deliver),
        ("renamed.test", "dane", Forced::Deliver),
        ("hosted.test", "dane", Forced::Deliver),
        // Signed answers from a wildcard are bogus to hickory 0.26.3 where they come with NSEC records: its mail waits.
        ("any.wild.test", "temp-mx-bogus", Forced::Defer),
        ("schoöl.test", "dane", Forced::Deliver),
        ("xn--schol-mua.test", "dane", Forced::Deliver),
        ("half.unsigned", "dane-half", Forced::Fallback),
        ("bogus", "temp-mx-bogus", Forced::Defer),
        ("broken.test", "temp-address-bogus", Forced::Defer),
        ("two.test", "unproven", Forced::Deliver),
        ("plain.test", "unproven", Forced::Fallback),
        ("emptied.test", "unproven", Forced::Fallback),
        ("plain.unsigned", "unproven", Forced::Fallback),
        ("own.unsigned", "unproven", Forced::Fallback),
        ("unusable.test", "tlsa-unusable", Forced::Fallback),
        ("dane.optout", "dane", Forced::Deliver),
        ("implicit.optout", "dane", Forced::Deliver),
        ("plain.optout", "unproven", Forced::Fallback),
        ("school.optout", "unproven", Forced::Fallback),
        ("nobody.optout", "no-such-domain", Forced::Undeliverable),
        ("nobody.school.optout", "no-such-domain", Forced::Undeliverable),
        ("null.test", "null-mx", Forced::Undeliverable),
        ("nobody.test", "no-such-domain", Forced::Undeliverable),
        ("nobody.unsigned", "no-such-domain", Forced::Undeliverable),
        ("example.invalid", "no-such-domain", Forced::Undeliverable),
        ("homeless.test", "no-address", Forced::Fallback),
    ] {
        let found = postures.of(domain).await;
        assert_eq!((found.row.code(), found.forced()), (code, forced), "{domain}: {found:#?}");
    }
}

#[tokio::test]
async fn what_a_session_must_show() {
    let lab = Lab::start();
    let postures = Postures::new(lab.settings(lab.dns), None).unwrap();
    let found = postures.of("dane.test").await;
    assert!(found.mx_secure && !found.implicit_mx);
    assert_eq!(found.reports.as_deref(), Some(&["mailto:tls@dane.test".to_owned()][..]));
    let nta = found.nta7516.as_ref().unwrap();
    assert!(nta.secure && nta.provider == "Zorgpost" && nta.mx == ["mx.dane.test"]);
    let host = &found.hosts[0];
    let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
    assert_eq!((host.name.as_str(), host.preference, host.addresses_secure), ("mx.dane.test", 10, true));
    assert_eq!(addresses, ["2001:db8::1", "192.0.2.1"]);
    let dane = dane(&found, 0);
    assert_eq!((dane.base.as_str(), dane.records[0].data.as_slice()), ("mx.dane.test", &[0x11; 32][..]));
    assert_eq!(dane.names, ["mx.dane.test", "dane.test"]);

    let rollover = postures.of("rollover.test").await;
    let mut keys: Vec<u8> = self::dane(&rollover, 0).records.iter().map(|record| record.data[0]).collect();
    keys.sort_unstable();
    assert_eq!(keys, [0x22, 0x33]);
    assert_eq!(self::dane(&*postures.of("authority.test").await, 0).records[0].usage, Usage::Authority);

    // The base is the end of the aliases, when the records stand there, and else the host's own name.
    let alias = postures.of("alias.test").await;
    assert_eq!(alias.hosts[0].name, "mx.alias.test");
    assert_eq!(self::dane(&alias, 0).base, "mx.dane.test");
    assert_eq!(self::dane(&alias, 0).names, ["mx.dane.test", "mx.alias.test", "alias.test"]);
    let outward = postures.of("outward.test").await;
    assert_eq!(self::dane(&outward, 0).base, "mx.outward.test");
    assert!(postures.of("implicit.test").await.implicit_mx);

    // An insecure MX: the records are enforced on ordinary mail, and their names have no domain that was not proven.
    let half = postures.of("half.unsigned").await;
    let Ordinary::Dane(dane) = &half.hosts[0].ordinary else { panic!("{half:#?}") };
    assert_eq!(dane.names, ["mx.dane.test"]);
    let two = postures.of("two.test").await;
    let rows: Vec<&str> = two.hosts.iter().map(|host| host.row().code()).collect();
    assert_eq!(rows, ["unproven", "dane"]);
    assert_eq!(postures.of("unusable.test").await.hosts[0].ordinary, Ordinary::Encrypt);
}

/// Whoever stands between us and the name server can have mail wait, and nothing else.
#[tokio::test]
async fn nobody_in_between_takes_a_proof_away() {
    let lab = Lab::start();
    let tlsa = "_25._tcp.mx.dane.test";
    for (number, (name, kind, fault, code)) in [
        (tlsa, RecordType::TLSA, Fault::ServFail, "temp-tlsa-refused"),
        (tlsa, RecordType::TLSA, Fault::Unsigned, "temp-tlsa-bogus"),
        (tlsa, RecordType::TLSA, Fault::Denied, "temp-tlsa-bogus"),
        (tlsa, RecordType::TLSA, Fault::DeniedBarely, "temp-tlsa-bogus"),
        ("dane.test", RecordType::MX, Fault::ServFail, "temp-mx-refused"),
        ("dane.test", RecordType::MX, Fault::Unsigned, "temp-mx-bogus"),
        ("dane.test", RecordType::MX, Fault::Denied, "temp-mx-bogus"),
        ("dane.test", RecordType::MX, Fault::DeniedBarely, "temp-mx-bogus"),
    ]
    .into_iter()
    .enumerate()
    {
        let between = Between::start(lab.dns, number).await;
        let postures = Postures::new(lab.settings(between.listening), None).unwrap();
        between.set(name, kind, fault);
        let found = postures.of("dane.test").await;
        assert_eq!((found.row.code(), found.forced()), (code, Forced::Defer), "{name} {fault:?}: {found:#?}");
        assert!(found.hosts.iter().all(|host| matches!(host.ordinary, Ordinary::Skip(_))), "{fault:?}: {found:#?}");
        // And when it stops, mail goes.
        between.set_all(None);
        let found = postures.of_now("dane.test").await;
        assert_eq!(found.row.code(), "dane", "after {name} {fault:?}: {found:#?}");
    }
    // Addresses: one family is enough, and neither is trouble; forged ones are not used.
    let between = Between::start(lab.dns, 20).await;
    let postures = Postures::new(lab.settings(between.listening), None).unwrap();
    between.set("mx.dual.test", RecordType::AAAA, Fault::Unsigned);
    let found = postures.of("dual.test").await;
    assert_eq!(found.row.code(), "dane", "{found:#?}");
    assert_eq!(found.hosts[0].addresses, ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()]);
    between.set("mx.dual.test", RecordType::A, Fault::Forged);
    let postures = Postures::new(lab.settings(between.listening), None).unwrap();
    assert_eq!(postures.of("dual.test").await.row.code(), "temp-address-bogus");
}

#[tokio::test]
async fn a_resolver_that_cannot_validate_proves_nothing() {
    let lab = Lab::start();
    let between = Between::start(lab.dns, 0).await;
    between.strip_all();
    let postures = Postures::new(lab.settings(between.listening), None).unwrap();
    assert_eq!(postures.validates().await, Ok(false));
    let found = postures.of("dane.test").await;
    assert_eq!((found.row.code(), found.forced()), ("resolver-not-validating", Forced::Fallback));
    // Ordinary mail goes as it always did.
    assert_eq!((found.hosts.len(), &found.hosts[0].ordinary), (1, &Ordinary::Opportunistic));
    // Without our root's key, the same: nothing is what it says.
    let settings = Settings { trust_anchor: None, ..lab.settings(lab.dns) };
    let found = Postures::new(settings, None).unwrap().of("dane.test").await;
    assert_eq!(found.row.code(), "resolver-not-validating");
}

/// The AD bit counts where the configuration says so, and only there.
#[tokio::test]
async fn the_ad_bit_is_believed_when_it_is_told_to() {
    let lab = Lab::start();
    let between = Between::start(lab.dns, 0).await;
    between.claim_authentic();
    between.strip_all();
    let believing = Settings { trust_ad: true, ..lab.settings(between.listening) };
    let postures = Postures::new(believing.clone(), None).unwrap();
    // No key of the root can be asked of this one, so it proves nothing; with them, it is believed.
    assert_eq!(postures.validates().await, Ok(false));
    let with_keys = Between::start(lab.dns, 1).await;
    with_keys.claim_authentic();
    let believing = Settings { trust_ad: true, ..lab.settings(with_keys.listening) };
    let found = Postures::new(believing, None).unwrap().of("dane.test").await;
    assert_eq!(found.row.code(), "dane", "{found:#?}");
    let found = Postures::new(lab.settings(between.listening), None).unwrap().of("dane.test").await;
    assert_eq!(found.row.code(), "resolver-not-validating");
    let elsewhere = Resolvers::Given(vec!["192.0.2.53:53".parse().unwrap()]);
    let elsewhere = Settings { trust_ad: true, resolvers: elsewhere, ..Settings::default() };
    assert!(Postures::new(elsewhere, None).is_err());
}

#[tokio::test]
async fn policies_of_mta_sts() {
    let lab = Lab::start();
    let hosts = ["sts", "elsewhere", "testing", "off", "redirect", "missing", "html", "long", "doubled", "office"];
    let hosts = hosts.map(|host| format!("{host}.test"));
    let web = Web::start(lab.web, lab.folder(), &hosts.each_ref().map(String::as_str)).await;
    let enforced = policy("enforce", &["mx.sts.test"]);
    web.say("sts.test", Some(right(&enforced)));
    web.say("elsewhere.test", Some(right(&policy("enforce", &["*.provider.test"]))));
    web.say("testing.test", Some(right(&policy("testing", &["mx.sts.test"]))));
    web.say("off.test", Some(right(&policy("none", &[]))));
    let elsewhere =
        format!("HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.sts.test:{PORT}/.well-known/mta-sts.txt\r\n");
    web.say("redirect.test", Some(format!("{elsewhere}Content-Length: 0\r\n\r\n")));
    web.say("missing.test", Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into()));
    web.say("html.test", Some(right(&enforced).replace("text/plain", "text/html")));
    web.say("long.test", Some(right(&format!("{enforced}x: {}\r\n", "x".repeat(65 << 10)))));
    web.say("misnamed.test", Some(right(&enforced)));
    web.say("doubled.test", Some(right(&enforced)));
    web.say("office.test", Some(right(&policy("enforce", &["*.mail.unsigned"]))));
    let between = Between::start(lab.dns, 0).await;
    between.set("_25._tcp.office.mail.unsigned", RecordType::TLSA, Fault::ServFail);
    let settings = Settings { ca: Some(web.ca.clone()), sts_port: PORT, ..lab.settings(between.listening) };
    let postures = Postures::new(settings, None).unwrap();
    for (domain, code, forced) in [
        ("sts.test", "sts", Forced::Deliver),
        ("elsewhere.test", "sts-mx-not-listed", Forced::Defer),
        ("testing.test", "sts-testing", Forced::Fallback),
        ("off.test", "sts-none", Forced::Fallback),
        ("redirect.test", "sts-unreachable", Forced::Fallback),
        ("missing.test", "sts-unreachable", Forced::Fallback),
        ("html.test", "sts-unreachable", Forced::Fallback),
        ("long.test", "sts-unreachable", Forced::Fallback),
        ("misnamed.test", "sts-unreachable", Forced::Fallback),
        ("doubled.test", "unproven", Forced::Fallback),
        // Its hosts' zone is unsigned, so that nobody asks it for TLSA, on which it fails.
        ("office.test", "sts", Forced::Deliver),
    ] {
        let found = postures.of(domain).await;
        assert_eq!((found.row.code(), found.forced()), (code, forced), "{domain}: {found:#?}");
    }
    assert_eq!((web.asked("misnamed.test"), web.asked("doubled.test")), (0, 0));
    assert_eq!(between.asked("_25._tcp.office.mail.unsigned", RecordType::TLSA), 0);
    let sts = postures.of("sts.test").await;
    assert_eq!(sts.hosts[0].proof, Proof::Sts { names: vec!["mx.sts.test".into()], dane: None });
}

/// A policy is kept through outages of DNS and of its server, replaced when it changes, and outlives us on the shelf.
#[tokio::test]
async fn a_policy_survives_outages() {
    let lab = Lab::start();
    let web = Web::start(lab.web, lab.folder(), &["sts.test", "both.test"]).await;
    web.say("sts.test", Some(right(&policy("enforce", &["mx.sts.test"]))));
    web.say("both.test", Some(right(&policy("enforce", &["mx.servfail.test"]))));
    let between = Between::start(lab.dns, 0).await;
    let settings = Settings { ca: Some(web.ca.clone()), sts_port: PORT, ..lab.settings(between.listening) };
    let shelf = Arc::new(Kept::default());
    let postures = Postures::new(settings.clone(), Some(Arc::clone(&shelf) as Arc<dyn Shelf>)).unwrap();
    assert_eq!(postures.of("sts.test").await.row.code(), "sts");
    assert_eq!(web.asked("sts.test"), 1);
    web.say("sts.test", None);
    for fault in [Fault::ServFail, Fault::Denied, Fault::DeniedBarely] {
        between.set("_mta-sts.sts.test", RecordType::TXT, fault);
        let found = postures.of_now("sts.test").await;
        assert_eq!(found.row.code(), "sts", "{fault:?}: {found:#?}");
    }
    // Another process, which has it from the shelf alone.
    let again = Postures::new(settings.clone(), Some(Arc::clone(&shelf) as Arc<dyn Shelf>)).unwrap();
    assert_eq!(again.of("sts.test").await.row.code(), "sts");
    let without = Postures::new(settings, None).unwrap().of("sts.test").await;
    // Who knows it not from before, does not know now; that is no reason to believe less.
    assert_eq!((without.row.code(), without.forced()), ("temp-sts-bogus", Forced::Defer), "{without:#?}");
    // What fails is DANE: no policy makes that good.
    between.set("_25._tcp.mx.servfail.test", RecordType::TLSA, Fault::ServFail);
    let both = postures.of("both.test").await;
    assert!(matches!(both.sts, StsFound::Policy { .. }), "{both:#?}");
    assert_eq!((both.row.code(), both.forced()), ("temp-tlsa-refused", Forced::Defer));
}

/// RFC 8461 3.3: a record with another id announces another policy, which counts from then on, one that says none as well.
#[tokio::test]
async fn a_policy_is_replaced_when_its_record_changes() {
    let lab = Lab::start();
    let web = Web::start(lab.web, lab.folder(), &["sts.test"]).await;
    let settings = Settings { ca: Some(web.ca.clone()), sts_port: PORT, ..lab.settings(lab.dns) };
    let shelf = Arc::new(Kept::default());
    let ask = async |mode: &str, host: &str| {
        web.say("sts.test", Some(right(&policy(mode, &[host]))));
        // Another process, which has the policy from the shelf.
        let postures = Postures::new(settings.clone(), Some(Arc::clone(&shelf) as Arc<dyn Shelf>)).unwrap();
        postures.of("sts.test").await.row.code()
    };
    let was_kept_under_another_id = || {
        let mut kept = shelf.0.lock().unwrap();
        let octets = kept.get_mut("sts.test").unwrap();
        assert_eq!(octets.get(..2), Some(&[1, b'1'][..]), "the id, with its length before it");
        octets[1] = b'0';
    };
    assert_eq!(ask("enforce", "mx.sts.test").await, "sts");
    assert_eq!(
        (ask("none", "mx.sts.test").await, web.asked("sts.test")),
        ("sts", 1),
        "what holds is not asked for again"
    );
    was_kept_under_another_id();
    assert_eq!((ask("enforce", "mx.other.test").await, web.asked("sts.test")), ("sts-mx-not-listed", 2));
    was_kept_under_another_id();
    assert_eq!((ask("none", "mx.sts.test").await, web.asked("sts.test")), ("sts-none", 3));
}

#[tokio::test]
async fn hosts_that_the_configuration_pins() {
    let lab = Lab::start();
    let pinned = |domain: &str, mx: &[&str]| Pinned {
        domains: vec![domain.into()],
        mx: mx.iter().map(|&mx| mx.into()).collect(),
    };
    let pkix = vec![
        pinned("plain.unsigned", &[]),
        pinned("plain.test", &["*.provider.test"]),
        pinned("office.test", &["*.mail.unsigned"]),
        pinned("servfail.test", &[]),
    ];
    let between = Between::start(lab.dns, 0).await;
    between.set("_25._tcp.mx.servfail.test", RecordType::TLSA, Fault::ServFail);
    between.set("_mta-sts.office.test", RecordType::TXT, Fault::ServFail);
    let settings = Settings { pkix, ..lab.settings(between.listening) };
    let postures = Postures::new(settings.clone(), None).unwrap();
    for (domain, code) in [
        ("plain.unsigned", "pkix"),
        ("plain.test", "pkix-mx-not-pinned"),
        ("office.test", "pkix"),
        ("servfail.test", "temp-tlsa-refused"),
        ("dane.test", "dane"),
        ("half.unsigned", "dane-half"),
    ] {
        let found = postures.of(domain).await;
        assert_eq!(found.row.code(), code, "{domain}: {found:#?}");
    }
    between.set("_mta-sts.own.unsigned", RecordType::TXT, Fault::ServFail);
    let accepting = Postures::new(Settings { accept_unproven: true, ..settings }, None).unwrap();
    // It may have a policy that asks for more than we would do with then.
    let found = accepting.of("own.unsigned").await;
    assert_eq!((found.row.code(), found.forced()), ("temp-sts-refused", Forced::Defer));
    let found = accepting.of("half.unsigned").await;
    assert_eq!((found.row.code(), found.forced()), ("pkix-unproven", Forced::Deliver));
    assert!(matches!(&found.hosts[0].proof, Proof::Unproven { dane: Some(_), .. }));
}

/// What DNS does not say now is not taken for a no: neither of TLSA records nor of where reports go.
#[tokio::test]
async fn silence_is_no_denial() {
    let lab = Lab::start();
    let between = Between::start(lab.dns, 0).await;
    between.set("_25._tcp.mx.dane.test", RecordType::TLSA, Fault::Silence);
    between.set("_smtp._tls.rollover.test", RecordType::TXT, Fault::ServFail);
    let postures = Postures::new(lab.settings(between.listening), None).unwrap();
    let (silent, unknown) = tokio::join!(postures.of("dane.test"), postures.of("rollover.test"));
    assert_eq!((silent.row.code(), silent.forced()), ("temp-tlsa-silent", Forced::Defer), "{silent:#?}");
    assert_eq!((unknown.row.code(), &unknown.reports), ("dane", &None), "{unknown:#?}");
    assert!(unknown.ttl <= Duration::from_secs(30), "asked again soon");
    assert_eq!(postures.of("authority.test").await.reports, Some(Vec::new()), "it wants none");
}

/// A file tells where the addresses of hosts stand; what it does not know is nowhere.
#[tokio::test]
async fn in_which_countries_hosts_stand() {
    let lab = Lab::start();
    let file = lab.folder().join("country.mmdb");
    let networks =
        [("192.0.2.0", 31, "nl"), ("192.0.2.2", 32, "NL"), ("2001:db8::", 32, "US"), ("192.0.2.3", 32, "DE")];
    std::fs::write(&file, countries::file(&networks)).unwrap();
    let settings = Settings { countries: Some(file.clone()), ..lab.settings(lab.dns) };
    let postures = Postures::new(settings.clone(), None).unwrap();
    for (domain, stands, outside) in [
        ("dane.test", &["US", "NL"] as &[&str], true),
        ("rollover.test", &["NL"], false),
        ("authority.test", &["DE"], false),
        ("shared.test", &[], false),
        ("null.test", &[], false),
    ] {
        assert!(!postures.outside_eea(domain), "{domain} was not looked up yet");
        let found = postures.of(domain).await;
        let codes: Vec<&str> =
            found.hosts.iter().flat_map(|host| &host.countries).map(mailpoort::country::Country::code).collect();
        assert_eq!(found.sentence(Language::Nl).contains("buiten de Europese Unie"), outside, "{domain}");
        assert_eq!((codes.as_slice(), postures.outside_eea(domain)), (stands, outside), "{domain}: {found:#?}");
    }
    let refused = |content: &[u8]| {
        std::fs::write(&file, content).unwrap();
        Postures::new(settings.clone(), None).unwrap_err().to_string()
    };
    assert!(refused(b"<html>Please sign in</html>").contains("this is no file of countries"));
    std::fs::remove_file(&file).unwrap();
    assert!(Postures::new(settings.clone(), None).unwrap_err().to_string().contains("cannot be read"));
}

/// However slow DNS is, a posture is there within its time; from memory at once; and many who ask are one question.
#[tokio::test]
async fn a_posture_is_bounded_in_time() {
    let lab = Lab::start();
    let between = Between::start(lab.dns, 0).await;
    let postures = Postures::new(lab.settings(between.listening), None).unwrap();
    let all = futures_util::future::join_all((0..50).map(|_| postures.of("rollover.test"))).await;
    assert!(all.iter().all(|found| found.row.code() == "dane"));
    assert_eq!(between.asked("rollover.test", RecordType::MX), 1);
    let begun = Instant::now();
    for _ in 0..1000 {
        assert_eq!(postures.of("rollover.test").await.row.code(), "dane");
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "a thousand from memory took {:?}", begun.elapsed());
    between.set_all(Some(Fault::Silence));
    let begun = Instant::now();
    let silent = postures.of("dane.test").await;
    assert_eq!(silent.forced(), Forced::Defer, "{silent:#?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// `mailpoort tls-check`: its exit codes, its page and its JSON.
#[test]
fn the_command_says_what_a_message_would_do() {
    let lab = Lab::start();
    let config = lab.folder().join("mailpoort.toml");
    let dns = lab.dns;
    std::fs::write(
        &config,
        format!(
            "hostname = \"poort.delinde.example\"\n[[school]]\nid = \"linde\"\nname = \"De Linde\"\ndomains = \
             [\"delinde.example\"]\nprivacy = {{ name = \"Ilse Bakker\", phone = \"0123 456 781\" }}\nhelpdesk = {{ name = \
             \"ICT\", phone = \"0123 456 789\" }}\n[smtp]\nlisten = [\"127.0.0.1:25\"]\n[[smtp.client]]\nname = \"school\"\n\
             networks = [\"192.0.2.25/32\"]\n[[next_hop]]\nname = \"provider\"\nhosts = [\"smtp.provider.example:587\"]\n\
             [tls]\nresolver = [\"{dns}\"]\ntrust_anchor = \"root.key\"\n\
             country_file = \"country.mmdb\"\n"
        ),
    )
    .unwrap();
    std::fs::write(lab.folder().join("country.mmdb"), countries::file(&[("192.0.2.1", 32, "NL")])).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mailpoort"));
        let done = command.arg("tls-check").args(arguments).arg("--config").arg(&config).output().unwrap();
        assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    for (domain, code) in [("dane.test", 0), ("two.test", 0), ("plain.test", 1), ("bogus", 2), ("nobody.test", 3)] {
        let (status, page) = run(&[domain]);
        assert_eq!(status, Some(code), "{page}");
    }
    let (_, page) = run(&["dane.test"]);
    for line in [
        "Resolver   answers can be validated (DNSSEC)",
        "  10 mx.dane.test  row 1 (dane), qualifies",
        "                3 1 1 1111111111111111111111111111111111111111111111111111111111111111",
        "     country    NL; in the EU or the EEA, as `country_file` has it",
        "NTA 7516   Zorgpost until 2999-12-31; secure",
        "Row        1 (dane)",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line}\n\n{page}");
    }
    assert!(page.contains("Ja. dane.test bewijst zijn mailserver met DANE"), "{page}");
    let (_, json) = run(&["dane.test", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["row"].as_u64(), json["forced"].as_str()), (Some(1), Some("deliver")));
    assert_eq!(json["hosts"][0]["countries"], serde_json::json!(["NL"]));
    assert_eq!(json["hosts"][0]["tlsa_base"], "mx.dane.test");
    assert!(json["sentence"]["en"].as_str().unwrap().starts_with("Yes."));
}

/// `tls-check --live`: what a server shows, without anything being sent.
#[tokio::test]
async fn a_server_is_looked_at_without_sending_anything() {
    let name = "mx.linde.example";
    let ca = tempfile::NamedTempFile::new().unwrap();
    AUTHORITY.write(ca.path());
    let roots = mailpoort::tls::authorities(Some(ca.path())).unwrap();
    let good = AUTHORITY.leaf(name);
    let unproven = Proof::None(Row::Unproven(NotProven::NoPolicy));
    let sts = Proof::Sts { names: vec![name.into()], dane: None };
    let der = CertificateDer::from_pem_slice(good.certificate.as_bytes()).unwrap().to_vec();
    let record =
        |data: Vec<u8>| Tlsa { usage: Usage::Server, selector: Selector::Certificate, matching: Matching::Exact, data };
    let dane =
        |data: Vec<u8>| Proof::Dane(Dane { base: name.into(), records: vec![record(data)], names: vec![name.into()] });
    let (matching, other) = (dane(der.clone()), dane(AUTHORITY.leaf(name).certificate.into_bytes()));
    for (leaf, proof, row, trouble) in [
        (Some(&good), &matching, "dane", None),
        (Some(&good), &other, "dane", Some("validation-failure")),
        (Some(&good), &sts, "sts", None),
        (Some(&good), &unproven, "pkix-unproven", None),
        (Some(&AUTHORITY.leaf("mx.berk.example")), &unproven, "encrypt-only", Some("certificate-host-mismatch")),
        (Some(&AUTHORITY.expired(name)), &sts, "sts", Some("certificate-expired")),
        (Some(&authority::self_signed(name)), &unproven, "encrypt-only", Some("certificate-not-trusted")),
        (None, &unproven, "no-starttls", Some("starttls-not-supported")),
    ] {
        let sink = Sink::start(leaf.map(authority::Leaf::server_config)).await;
        let (our_name, patience) = ("poort.delinde.example".to_owned(), Patience::default());
        let direct = Direct { our_name, port: sink.listening.port(), roots: Arc::clone(&roots), patience };
        let host = MxHost {
            name: name.into(),
            preference: 10,
            addresses: vec![sink.listening.ip()],
            countries: Vec::new(),
            addresses_secure: true,
            tlsa: if let Proof::Dane(dane) = proof { TlsaFound::Usable(dane.clone()) } else { TlsaFound::None },
            proof: proof.clone(),
            ordinary: Ordinary::Opportunistic,
        };
        let look = direct.look(&host, sink.listening.ip()).await;
        let why = look.session.as_ref().err().map(|why| why.code());
        assert_eq!((look.row.code(), why), (row, trouble), "{look:?}");
        if let Ok(shown) = &look.session {
            assert!(shown.require_tls && shown.version == "TLSv1.3" && shown.greeting.contains("sink"), "{shown:?}");
        }
        // The facts of the certificate are told whether it was taken or not.
        let shown = look.certificate.as_ref().map(|certificate| (certificate.dane, certificate.pkix.is_ok()));
        let dane = matches!(proof, Proof::Dane(_)).then_some(trouble.is_none());
        let is_good = leaf.is_some_and(|leaf| std::ptr::eq(leaf, &good));
        assert_eq!(shown, leaf.map(|_| (dane, is_good)), "{look:?}");
        let until = look.certificate.as_ref().map(|certificate| certificate.claims.until.to_string());
        assert_eq!(until.is_some_and(|until| until.starts_with("2021")), trouble == Some("certificate-expired"));
        let heard = sink.heard();
        assert!(heard.iter().all(|verb| ["EHLO", "STARTTLS", "QUIT"].contains(&verb.as_str())), "{heard:?}");
    }
}

fn dane(posture: &Posture, host: usize) -> &Dane {
    match &posture.hosts[host].tlsa {
        TlsaFound::Usable(dane) => dane,
        other => panic!("{other:?}"),
    }
}

/// A shelf in memory.
#[derive(Default)]
struct Kept(Mutex<HashMap<String, Vec<u8>>>);

impl Shelf for Kept {
    fn find(&self, domain: &str) -> BoxFuture<'_, Option<Vec<u8>>> {
        let found = self.0.lock().unwrap().get(domain).cloned();
        async move { found }.boxed()
    }

    fn keep(&self, domain: &str, octets: Vec<u8>, _: Timestamp) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().insert(domain.to_owned(), octets);
        async {}.boxed()
    }
}
