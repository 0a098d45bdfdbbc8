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

use mailpoort::store::held::State;
use mailpoort::store::tls::Delivery;
use proof::room::alone;
use proof::rows::{CASES, Case, Ours};
use proof::school::{ANNA, School};
use proof::world::World;

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
        (got.sort(), recipients.sort());
        assert_eq!(got, *recipients, "{name}");
        let said = seen.commands.iter().filter(|line| line.starts_with("RCPT ")).count();
        assert_eq!(said, recipients.len(), "{name}: {:?}", seen.commands);
    }
}
