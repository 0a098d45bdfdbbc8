//! Reports about TLS (RFC 8460): their form, word for word, and the way of the findings of real deliveries to the domains
//! that ask for them, in the lab of tests/lab.rs.
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

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::GzDecoder;
use mailpoort::message::Mailbox;
use mailpoort::store::tls_finding::{Failed, Finding, Policy};
use mailpoort::tlsrpt::{Report, Settings, gzip, message};
use proof::room::alone;
use proof::school::School;
use proof::world::World;
use serde_json::{Value, json};

/// 22 November 2026.
const DAY: i64 = 20_779;

fn settings() -> Settings {
    let contact = Mailbox::parse("tls@delinde.example").unwrap();
    Settings { contact, organisation: "basisschool De Linde".to_owned(), school: "linde".to_owned() }
}

fn findings() -> Vec<Finding> {
    let strings = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let sts = Policy {
        kind: "sts".to_owned(),
        domain: "veilig.example".to_owned(),
        strings: strings(&["version: STSv1", "mode: enforce", "mx: *.veilig.example", "max_age: 86400"]),
        hosts: strings(&["*.veilig.example"]),
    };
    let tlsa = Policy {
        kind: "tlsa".to_owned(),
        domain: "mx1.veilig.example".to_owned(),
        strings: vec![format!("3 1 1 {}", "1f".repeat(32))],
        hosts: Vec::new(),
    };
    let failed = |result: &str, address: Option<&str>| Failed {
        result: result.to_owned(),
        server: address.map(|address| ("mx1.veilig.example".to_owned(), Some(address.to_owned()))),
    };
    let finding = |policy: &Policy, succeeded, failed| Finding {
        domain: "veilig.example".to_owned(),
        policy: policy.clone(),
        succeeded,
        failed,
    };
    vec![
        finding(&sts, 1, vec![]),
        finding(&sts, 1, vec![failed("certificate-expired", Some("192.0.2.1"))]),
        finding(
            &sts,
            0,
            vec![
                failed("certificate-expired", Some("192.0.2.1")),
                failed("starttls-not-supported", Some("2001:db8::1")),
            ],
        ),
        finding(&sts, 0, vec![failed("sts-policy-fetch-error", None)]),
        finding(&tlsa, 1, vec![]),
    ]
}

#[test]
fn a_report_word_for_word() {
    let found = findings();
    let report = Report::new("veilig.example", DAY, &found);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    let expected = std::fs::read_to_string(golden.join("report.json")).unwrap_or_default();
    let json = report.json(&settings());
    assert_eq!(serde_json::to_string_pretty(&json).unwrap() + "\n", expected);
    let (zipped, mut text) = (gzip(&json), String::new());
    GzDecoder::new(zipped.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json);
    // Made again it is the same report: whoever has it counts it once.
    assert_eq!(Report::new("veilig.example", DAY, &found).json(&settings()), json);
    assert!(!format!("{report:?} {found:?}").contains("veilig"));

    let reader = Mailbox::parse("tls@veilig.example").unwrap();
    let mail = message(&settings(), &report, &reader, b"zipped", "2026-11-23T02:00:00Z".parse().unwrap());
    let mail = String::from_utf8(mail).unwrap();
    assert!(mail.lines().count() > 20 && mail.split("\r\n").all(|line| !line.contains('\n') && line.len() <= 998));
    let expected = std::fs::read_to_string(golden.join("report.mail.txt")).unwrap_or_default();
    assert_eq!(mail.replace("\r\n", "\n"), expected);
}

/// A delivery that was proven is reported by mail, one that was not by a POST; and who asks for nothing gets nothing.
#[test]
fn findings_reach_who_asks_for_them() {
    alone("findings_reach_who_asks_for_them", || async {
        let records = "_smtp._tls.ee.test. TXT \"v=TLSRPTv1; rua=mailto:tls@ee.test\"\n\
             _smtp._tls.replaced.test. TXT \"v=TLSRPTv1; rua=https://tlsrpt.replaced.test/v1\"\n\
             _smtp._tls.unusable.test. TXT \"v=TLSRPTv1; rua=https://tlsrpt.replaced.test/v1?x\"\n";
        let world = World::start(records).await;
        let tls = "report_from = \"tls@delinde.example\"\nretry = \"1s\"\nunproven = \"bounce\"";
        let school = School::start(&world, tls, "").await;
        for domain in ["ee.test", "replaced.test", "unusable.test", "ta.test", "homeless.test"] {
            school.sends(&format!("melding@{domain}")).await;
            school.tried().await;
        }
        let all = |school: &School| {
            let store = school.store();
            async move { store.findings_before(i64::MAX).await.unwrap() }
        };
        assert_eq!(all(&school).await.len(), 4, "of a host without address there is nothing to tell");
        assert!(world.web.posted().is_empty(), "the day is not over");
        // Two days later.
        let school = school.again(|data| {
            let tables = rusqlite::Connection::open(data.join("mailpoort.db")).unwrap();
            assert_eq!(tables.execute("UPDATE tls_finding SET day = day - 2", []).unwrap(), 4);
        });
        let seen =
            school.hop.until("a report by mail", |seen| seen.taken().iter().any(|mail| mail.to == ["tls@ee.test"]));
        let seen = seen.await;
        let mails: Vec<_> = seen.taken().into_iter().filter(|mail| mail.to == ["tls@ee.test"]).collect();
        assert_eq!((mails.len(), mails[0].from.as_str()), (1, ""));
        let text = mails[0].text();
        for part in [
            "DKIM-Signature: v=1; a=ed25519-sha256;",
            "From: <tls@delinde.example>\r\n",
            "Subject: Report Domain: ee.test Submitter: delinde.example Report-ID: <",
            "TLS-Report-Domain: ee.test\r\n",
            "TLS-Report-Submitter: delinde.example\r\n",
            "TLS-Required: No\r\n",
            "Content-Type: application/tlsrpt+gzip\r\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let octets: String =
            text.rsplit("\r\n\r\n").next().unwrap().lines().take_while(|line| !line.starts_with("--")).collect();
        let report = read(&BASE64.decode(octets).unwrap());
        assert_eq!(report["organization-name"], "De Linde");
        assert_eq!(report["policies"][0]["policy"]["policy-type"], "tlsa");
        assert_eq!(report["policies"][0]["policy"]["policy-domain"], "mx.ee.test");
        assert_eq!(
            report["policies"][0]["summary"],
            json!({ "total-successful-session-count": 1, "total-failure-session-count": 0 })
        );
        assert!(!report.to_string().contains('@') || !report.to_string().contains("melding@"), "{report}");

        let posted = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                match world.web.posted() {
                    posted if posted.len() >= 2 => return posted,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        });
        let posted = posted.await.unwrap();
        let by_path = |path: &str| {
            let (request, content) = posted.iter().find(|(request, _)| request.starts_with(path)).unwrap();
            assert!(request.contains("content-type: application/tlsrpt+gzip\r\n"), "{request}");
            read(content)["policies"][0].clone()
        };
        let replaced = by_path("post /v1 http/1.1\r\n");
        assert_eq!(
            replaced["summary"],
            json!({ "total-successful-session-count": 0, "total-failure-session-count": 1 })
        );
        let detail = &replaced["failure-details"][0];
        assert_eq!(
            (&detail["result-type"], &detail["receiving-mx-hostname"]),
            (&json!("validation-failure"), &json!("mx.replaced.test"))
        );
        assert_eq!(by_path("post /v1?x http/1.1\r\n")["failure-details"][0]["result-type"], "tlsa-invalid");
        // Told once, and then forgotten; so is what nobody asked for.
        let end = tokio::time::Instant::now() + Duration::from_secs(20);
        while !all(&school).await.is_empty() {
            assert!(tokio::time::Instant::now() < end, "{:?}", all(&school).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(world.web.posted().len(), 2);
        school.gate.stop();
    });
}

fn read(zipped: &[u8]) -> Value {
    let mut text = String::new();
    GzDecoder::new(zipped).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}
