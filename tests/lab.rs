//! Proven TLS end to end, with nothing given: the built binary takes a mail, its policy wants it under proven TLS, what
//! the recipient's domain proves comes from a signed DNS tree on a real name server (knot) through a real resolver
//! (unbound), and mail servers that are good, or bad in one way each, remember every word that they hear. The cases are
//! in tests/proof/rows.rs.
//!
//! Which test shows what of the design's table:
//!
//! | row | shown by |
//! |---|---|
//! | 1 DANE | here: ee, ta, rollover, implicit, alias, two; failing: replaced, oldta, otherta, stripped, injected |
//! | 2 half a DANE | here: half |
//! | 3 DNS that is broken | here: school.bogus, broken; SERVFAIL, stripped and forged answers: tests/tls.rs |
//! | 4 MTA-STS | here: sts; failing: stsold, stsname, stsstripped, stsother |
//! | 5 MTA-STS on trial | here: ststesting; `none`, and policies that are none: tests/tls.rs |
//! | 6 listed by us | here: listed; failing: listedself |
//! | 7 a certificate that proves no domain | here: hosted; with `accept_unproven`: tests/tls.rs |
//! | 8 encryption with whomever | here: unusable, selfsigned |
//! | 9 no STARTTLS, no host, no domain | here: plain, homeless, null, nobody |
//! | 10 a smarthost | tests/forced.rs: `an_attested_next_hop_is_asked_by_our_header` |
//! | 11 REQUIRETLS | tests/forced.rs: `requiretls_*` |
//! | 12 `TLS-Required: No` | here: every mail has it |
//!
//! And of its list of what must pass:
//!
//! | line | shown by |
//! |---|---|
//! | no byte of DATA on the server in any failing case | here, all cases |
//! | a cached policy survives an outage of DNS | tests/tls.rs: `a_policy_survives_outages` |
//! | trouble with DANE never becomes MTA-STS | tests/tls.rs: `a_policy_survives_outages` (both.test) |
//! | TLSA rollover | here: rollover |
//! | an unsigned host whose servers fail on TLSA still delivers | tests/tls.rs: office.test |
//! | the MX is an alias | here: alias; tests/tls.rs: alias, outward |
//! | A secure and AAAA bogus uses IPv4 | tests/tls.rs: `nobody_in_between_takes_a_proof_away` |
//! | of two hosts one qualifies | here: two |
//! | somebody in between strips STARTTLS, replaces the certificate, or injects | here: stripped, replaced, injected |
//! | somebody in between drops TLSA answers | tests/tls.rs: `nobody_in_between_takes_a_proof_away` |
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;
#[allow(dead_code)]
mod proof {
    pub mod room;
    pub mod rows;
    pub mod school;
    pub mod world;
}
mod support;
#[allow(dead_code)]
mod tls {
    pub mod lab;
    pub mod web;
}

use std::collections::BTreeMap;

use inside::next_hop::NextHop;
use mailpoort::dkim::Signer;
use mailpoort::store::held::State;
use mailpoort::store::tls::Delivery;
use proof::room::alone;
use proof::rows::{CASES, Case, Ours};
use proof::school::{ANNA, School};
use proof::world::World;
use support::address;

/// Every case: it goes where it is proven, and nowhere else; it waits, takes its other way or bounces otherwise.
#[test]
fn forced_mail_goes_where_it_is_proven_and_nowhere_else() {
    alone("forced_mail_goes_where_it_is_proven_and_nowhere_else", || async {
        let world = World::start("").await;
        let school = School::start(&world, "", "").await;
        let sent = all(&school, CASES.iter()).await;
        let owed = school.tried().await;
        let store = school.store();
        for (case, number) in &sent {
            let what = format!("{}: {}", case.domain, case.what);
            let tries = store.deliveries(number).await.unwrap();
            let held = store.held(number).await.unwrap().unwrap();
            assert_eq!(tries.len(), 1, "{what}: {tries:?}");
            let waits = owed.iter().any(|one| one.mail.as_deref() == Some(number));
            let state = match case.ours {
                Ours::Goes(row) => {
                    goes(case, row, &tries[0]);
                    State::Sent
                }
                Ours::Waits(code) => {
                    not_gone(code, &tries[0], &what);
                    held.recipients[0].state
                }
                Ours::Other(code) => {
                    not_gone(code, &tries[0], &what);
                    State::Held
                }
                Ours::Bounces(code) => {
                    not_gone(code, &tries[0], &what);
                    State::Failed
                }
            };
            assert_eq!((held.recipients[0].state, waits), (state, matches!(case.ours, Ours::Waits(_))), "{what}");
        }
        heard_what_they_should(&world);
        // Whoever sent it heard of what will not come right by itself, and nobody else heard anything.
        let told = CASES.iter().filter(|case| matches!(case.ours, Ours::Other(_) | Ours::Bounces(_))).count();
        let seen = school.hop.until("a message for each that is kept or lost", |seen| seen.taken().len() >= told).await;
        assert_eq!(seen.taken().len(), told);
        for told in seen.taken() {
            assert_eq!((told.from.as_str(), told.to.as_slice()), ("", [ANNA.to_owned()].as_slice()));
            assert!(!told.text().contains("123456782"));
        }
        school.gate.stop();
    });
}

/// What could not be proven in time takes the way that was decided: a share, kept while its sender chooses, or not at all.
#[test]
fn when_the_time_is_over_mail_takes_its_other_way() {
    alone("when_the_time_is_over_mail_takes_its_other_way", || async {
        let world = World::start("").await;
        let share = "[web]\nlisten = \"127.0.0.1:8443\"\nurl = \"https://poort.delinde.example\"\n\
                     [share]\nurl = \"https://veilig.delinde.example\"\n[storage]\ncountry = \"NL\"";
        for (unproven, tables, state) in
            [("hold", "", State::Held), ("bounce", "", State::Failed), ("hold", share, State::Shared)]
        {
            let tls = format!("retry = \"1s\"\nunproven = \"{unproven}\"");
            let school = School::start(&world, &tls, tables).await;
            let fails = CASES.iter().filter(|case| !matches!(case.ours, Ours::Goes(_) | Ours::Bounces(_)));
            let sent = all(&school, fails).await;
            assert!(school.tried().await.is_empty());
            for (case, number) in &sent {
                let held = school.store().held(number).await.unwrap().unwrap();
                assert_eq!(held.recipients[0].state, state, "{}: {}", case.domain, case.what);
            }
            let each = if state == State::Shared { 2 } else { 1 };
            let seen = school.hop.until("the messages", |seen| seen.taken().len() >= each * sent.len()).await;
            assert_eq!(seen.taken().len(), each * sent.len());
            for mail in seen.taken() {
                let text = mail.text().replace("=\r\n", "");
                assert!(!text.contains("123456782"), "{text}");
                assert!(mail.to == [ANNA] || text.contains("https://veilig.delinde.example/b/"), "{text}");
            }
            world.heard_nothing_but(&[]);
            school.gate.stop();
        }
    });
}

/// `mailpoort doctor --live` about the school's own domains: each wrong record gives the sentence that says which one to
/// change.
#[test]
fn doctor_says_which_record_to_change() {
    alone("doctor_says_which_record_to_change", || async {
        let (folder, gate) = (tempfile::tempdir().unwrap(), address(40));
        // No loopback: resolvers answer for that themselves.
        let (ours, other) = ("192.0.2.40", "192.0.2.41");
        let key = folder.path().join("linde.dkim");
        let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        std::fs::write(&key, made).unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let record = Signer::load("goed.test", "poort", &key).unwrap().record();
        let world = World::start(&format!(
            "goed.test. MX 10 mx.ta.test.\n\
             goed.test. TXT \"v=spf1 include:spf.test -all\"\n\
             spf.test. TXT \"v=spf1 ip4:198.51.100.0/24 ip4:{ours} ?all\"\n\
             _dmarc.goed.test. TXT \"v=DMARC1; p=reject\"\n\
             poort._domainkey.goed.test. TXT \"{record}\"\n\
             oud._domainkey.goed.test. TXT \"v=DKIM1; k=ed25519; p=AAAA\"\n\
             poort.goed.test. A {ours}\n\
             40.2.0.192.in-addr.arpa. PTR poort.goed.test.\n\
             naamloos.goed.test. A {other}\n\
             dubbel.test. TXT \"v=spf1 -all\"\ndubbel.test. TXT \"v=spf1 mx -all\"\n\
             anders.test. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n\
             kaal.test. TXT \"v=spf10 iets anders\"\n"
        ))
        .await;
        let hop = NextHop::start().await;
        let run_with = |ehlo: &str, selector: &str, resolver: &str, port: u16| {
            let domains = "goed.test dubbel.test anders.test kaal.test stsother.test ststesting.test unusable.test \
                           school.bogus broken.test half.unsigned";
            let domains: Vec<String> = domains.split(' ').map(|domain| format!("\"{domain}\"")).collect();
            let (anchor, ca) = (world.lab.anchor(), world.authorities());
            let config = format!(
                "hostname = \"poort.goed.test\"\nmode = \"observe\"\ndata_dir = \"data\"\n[[school]]\nid = \"linde\"\n\
                 name = \"De Linde\"\ndomains = [{}]\nprivacy = {{ name = \"Ilse Bakker\", phone = \"0123 456 781\" }}\n\
                 helpdesk = {{ name = \"ICT\", phone = \"0123 456 789\" }}\n\
                 dkim = {{ selector = \"{selector}\", key_file = \"linde.dkim\" }}\n[smtp]\nlisten = [\"{gate}:2525\"]\n\
                 [[smtp.client]]\nname = \"school\"\nnetworks = [\"{gate}\"]\n[[next_hop]]\nname = \"provider\"\n\
                 hosts = [\"{}\"]\ntls = \"off\"\n[tls]\nroute = \"direct\"\nehlo = \"{ehlo}\"\nport = {port}\n\
                 resolver = [\"{}\"]\ntrust_anchor = \"{}\"\nca = \"{}\"\n",
                domains.join(", "),
                hop.address,
                resolver,
                anchor.display(),
                ca.display(),
            );
            let file = folder.path().join("mailpoort.toml");
            std::fs::write(&file, config).unwrap();
            let mut command = std::process::Command::new(support::gate::BINARY);
            let output = command.args(["doctor", "--live", "--config"]).arg(&file).output().unwrap();
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
        };
        let here = world.resolver.to_string();
        let run = |ehlo: &str, selector: &str| run_with(ehlo, selector, &here, 25);
        let said = run("poort.goed.test", "poort");
        let has = |said: &str, state: &str, what: &str, todo: &str| {
            let fits = |line: &&str| line.starts_with(state) && line.contains(what) && line.contains(todo);
            assert!(said.lines().any(|line| fits(&line)), "no line {state} {what} {todo} in\n{said}");
        };
        for (state, what, todo) in [
            ("ok", "antwoorden van DNS worden gecontroleerd", ""),
            ("ok", "goed.test: bewezen TLS (dane)", ""),
            ("ok", &format!("goed.test: mail mag van {ours} komen"), ""),
            ("ok", "poort._domainkey.goed.test: de sleutel staat er", ""),
            ("ok", &format!("{ours} heet poort.goed.test"), ""),
            ("ok", "poort 25 naar buiten is open: een mailserver van goed.test antwoordt", ""),
            (
                "fout",
                "dubbel.test: mail onder bewezen TLS wordt niet ondertekend",
                "geef de school van dubbel.test een `dkim`",
            ),
            ("let op", "er zijn 2 records `v=spf1` bij dubbel.test", "Doen: zet één TXT-record bij dubbel.test"),
            (
                "let op",
                "anders.test: volgens SPF mag mail niet",
                &format!("zet `ip4:{ours}` in het SPF-record bij anders"),
            ),
            ("let op", "er zijn 0 records `v=spf1` bij kaal.test", "Doen: zet één TXT-record bij kaal.test"),
            ("let op", "er zijn 0 records `v=DMARC1` bij _dmarc.kaal.test", "Doen: zet één TXT-record bij _dmarc.kaal"),
            ("let op", "kaal.test: anderen kunnen niet", "zet bij kaal.test een MX-record"),
            (
                "let op",
                "stsother.test: anderen",
                "zet mx.stsother.test in het beleid op https://mta-sts.stsother.test/",
            ),
            (
                "let op",
                "ststesting.test: anderen",
                "`mode: enforce`, en verander het id in het TXT-record bij _mta-sts.",
            ),
            ("let op", "unusable.test: anderen", "zet bij _25._tcp.mx.unusable.test een TLSA-record"),
            ("let op", "school.bogus: anderen", "(DNSSEC) van school.bogus"),
            ("let op", "broken.test: anderen", "(DNSSEC) van _25._tcp.mx.broken.test"),
            ("let op", "half.unsigned: anderen", "laat half.unsigned ondertekenen (DNSSEC)"),
        ] {
            has(&said, state, what, todo);
        }
        let said = run("naamloos.goed.test", "oud");
        has(
            &said,
            "fout",
            "oud._domainkey.goed.test: onze sleutel staat er niet",
            &format!("zet daar dit TXT-record: {record}"),
        );
        has(
            &said,
            "fout",
            &format!("{other} heet in DNS niet naamloos"),
            &format!("PTR-record van {other} naar naamloos"),
        );
        let said = run("nergens.goed.test", "poort");
        has(&said, "fout", "nergens.goed.test: heeft geen adres in DNS", "zet bij nergens.goed.test een A-record");
        // Nobody listens there, as behind a firewall.
        let said = run_with("poort.goed.test", "poort", &here, 2);
        has(&said, "fout", "poort 2 naar buiten lijkt dicht", "laat deze machine in de firewall");
        // It is our own resolver that is silent, and no fault of anybody's records.
        let said = run_with("poort.goed.test", "poort", &format!("{here}:2"), 25);
        has(&said, "fout", "onze eigen resolver antwoordt niet", "kijk naar `resolver` in [tls]");
        assert!(!said.contains("A-record") && !said.contains("DNSSEC"), "{said}");
    });
}

/// A mail for each; their numbers.
async fn all<'c>(school: &School, cases: impl Iterator<Item = &'c Case>) -> Vec<(&'c Case, String)> {
    let mut sent = Vec::new();
    for case in cases {
        sent.push((case, school.sends(&to(case)).await));
    }
    sent
}

fn to(case: &Case) -> String {
    format!("melding@{}", case.domain)
}

/// The host that a case is delivered to: the last of its domain.
fn host(case: &Case) -> &'static str {
    case.mx.last().unwrap_or(&case.domain)
}

/// The evidence of a delivery.
fn goes(case: &Case, row: &str, delivery: &Delivery) {
    let what = format!("{}: {} {delivery:?}", case.domain, case.what);
    assert_eq!(
        (delivery.posture.as_str(), delivery.verified.as_deref(), delivery.taken),
        (row, Some(row), 1),
        "{what}"
    );
    assert_eq!((delivery.tls_version.as_deref(), delivery.code), (Some("TLSv1.3"), Some(250)), "{what}");
    assert!(delivery.cipher.as_ref().is_some_and(|cipher| cipher.starts_with("TLS13_")), "{what}");
    assert_eq!(delivery.facts.mx.as_deref(), Some(host(case)), "{what}");
    assert!(delivery.facts.address.is_some() && delivery.reason.is_none(), "{what}");
}

fn not_gone(code: &str, delivery: &Delivery, what: &str) {
    assert!(delivery.posture.starts_with(code), "{what}: {delivery:?}");
    assert!(delivery.taken == 0 && delivery.verified.is_none() && delivery.reason.is_some(), "{what}: {delivery:?}");
}

/// Each server has the mails of the cases that are delivered to it, and not a word of any other.
fn heard_what_they_should(world: &World) {
    let mut expected: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for case in CASES.iter().filter(|case| matches!(case.ours, Ours::Goes(_))) {
        let at = if host(case) == "mx.alias.test" { "mx.ee.test" } else { host(case) };
        expected.entry(at).or_default().push(to(case));
    }
    world.heard_nothing_but(&expected.keys().copied().collect::<Vec<_>>());
    for (name, recipients) in &mut expected {
        let seen = world.hosts[name].seen();
        let mut got: Vec<String> = seen.taken().iter().flat_map(|mail| mail.to.clone()).collect();
        got.sort();
        recipients.sort();
        assert_eq!(got, *recipients, "{name}");
        let said = seen.commands.iter().filter(|line| line.starts_with("RCPT ")).count();
        assert_eq!(said, recipients.len(), "{name}: {:?}", seen.commands);
    }
}
