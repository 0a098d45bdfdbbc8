//! Debian's Postfix beside us, in the same lab (tests/lab.rs): what it does at `smtp_tls_security_level` dane-only and
//! secure with every case of tests/proof/rows.rs is what we do, or the case says by an RFC's section why not. And Postfix
//! as the server of a domain with DANE, which takes what we deliver.
//!
//! Postfix validates nothing itself; it asks the resolver of the lab. Its clients run in a chroot that has a
//! resolv.conf of its own, so that nothing of this machine is changed.
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

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use inside::authority::{Leaf, self_signed};
use inside::client::Client;
use proof::room::alone;
use proof::rows::{CASES, Postfix as Does};
use proof::school::School;
use proof::world::{World, heard_nothing, key_digest};
use regex::Regex;
use support::address;
use support::postfix::Postfix;

const PATIENCE: Duration = Duration::from_secs(40);
/// Who sends by which of its clients.
const SENDERS: [&str; 2] = ["dane", "secure"];

#[test]
fn postfix_decides_as_we_do_or_an_rfc_says_why_not() {
    alone("postfix_decides_as_we_do_or_an_rfc_says_why_not", || async {
        let world = World::start("").await;
        let folder = tempfile::tempdir().unwrap();
        let postfix = sender(&world, folder.path());
        let mut client = Client::hello(format!("{}:2525", address(30)).parse().unwrap()).await;
        for (sender, case) in SENDERS.iter().flat_map(|sender| CASES.iter().map(move |case| (sender, case))) {
            let (from, to) = (format!("{sender}@delinde.example"), format!("melding@{}", case.domain));
            let mail = format!("From: <{from}>\nTo: <{to}>\nSubject: Melding\n\nHallo\n");
            assert_eq!(client.mail(&from, &[&to], &mail).await.0, 250);
        }
        let decided = tokio::task::spawn_blocking(move || {
            let wanted = SENDERS.len() * CASES.len();
            let all = || Some(decisions(&postfix.log())).filter(|decided| decided.len() >= wanted);
            (support::until(|| format!("decision on each; the log says\n{}", postfix.log()), PATIENCE, all), postfix)
        });
        let (decided, postfix) = decided.await.unwrap();
        let mut wrong = Vec::new();
        for case in CASES {
            let of = |sender: &str| decided[&(sender.to_owned(), case.domain.to_owned())].clone();
            let ((dane_only, why), (secure, also)) = (of("dane"), of("secure"));
            if (dane_only, secure) != (case.dane_only, case.secure) {
                wrong.push(format!("{}: {dane_only:?} {why}; {secure:?} {also}", case.domain));
            }
            let differs = [dane_only, secure].iter().any(|does| *does != case.ours.as_postfix());
            if differs == case.differs.is_empty() || (differs && !case.differs.starts_with("RFC ")) {
                wrong.push(format!("{}: it does {dane_only:?} and {secure:?}: {}", case.domain, case.differs));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}\n{}", postfix.log());
        // What neither of us delivers has not been heard of by anybody.
        let goes = |does: Does| does == Does::Goes;
        let deaf = CASES.iter().filter(|case| !goes(case.dane_only) && !goes(case.secure));
        let shared: BTreeSet<&str> = CASES
            .iter()
            .filter(|case| goes(case.dane_only) || goes(case.secure))
            .flat_map(|case| case.mx.iter().copied().chain([case.domain]))
            .collect();
        for host in deaf.flat_map(|case| case.mx).filter(|host| !shared.contains(*host)) {
            if let Some(server) = world.hosts.get(host) {
                heard_nothing(host, server);
            }
        }
    });
}

/// A real mail server that has a self-signed certificate and a TLSA record takes what we deliver.
#[test]
fn a_real_postfix_with_dane_takes_what_we_deliver() {
    alone("a_real_postfix_with_dane_takes_what_we_deliver", || async {
        let (folder, at) = (tempfile::tempdir().unwrap(), address(31));
        let leaf = self_signed("mx.postfix.test");
        let record = key_digest(&leaf);
        let world = World::start(&format!(
            "postfix.test. MX 10 mx.postfix.test.\nmx.postfix.test. A {at}\n_25._tcp.mx.postfix.test. TLSA 3 1 1 {record}\n"
        ))
        .await;
        let postfix = receiver(folder.path(), &at, &leaf);
        let school = School::start(&world, "", "").await;
        let number = school.sends("melding@postfix.test").await;
        assert!(school.tried().await.is_empty());
        let tries = school.store().deliveries(&number).await.unwrap();
        assert_eq!((tries[0].posture.as_str(), tries[0].taken), ("dane", 1), "{tries:?}");
        let mails = tokio::task::spawn_blocking(move || {
            let one = || Some(postfix.mails()).filter(|mails| !mails.is_empty());
            support::until(|| format!("mail at Postfix\n{}", postfix.log()), PATIENCE, one)
        });
        let mails = mails.await.unwrap();
        let text = String::from_utf8_lossy(&mails[0]).into_owned();
        assert!(mails.len() == 1 && text.contains("(using TLSv1.3 with cipher "), "{text}");
        assert!(text.contains("DKIM-Signature: ") && text.contains("123456782"), "{text}");
        school.gate.stop();
    });
}

/// A Postfix that sends by the sender's name: dane-only or secure.
fn sender(world: &World, folder: &Path) -> Postfix {
    let etc = folder.join("queue/etc");
    fs::create_dir_all(&etc).unwrap();
    fs::write(etc.join("resolv.conf"), format!("nameserver {}\noptions trust-ad edns0\n", world.resolver)).unwrap();
    fs::write(etc.join("services"), "smtp 25/tcp\n").unwrap();
    let main = format!(
        "virtual_mailbox_domains =\nsmtp_host_lookup = dns\nsmtp_dns_support_level = dnssec\nsmtp_tls_CAfile = {}\nsmtp_tls_loglevel = 1\n\
         sender_dependent_default_transport_maps = \
         inline:{{{{ dane@delinde.example = dane: }}, {{ secure@delinde.example = secure: }}}}\n\
         minimal_backoff_time = 300s\nmaximal_backoff_time = 300s\nqueue_run_delay = 300s\n\
         transport_maps = inline:{{{{ delinde.example = discard: }}}}\n",
        world.authorities().display()
    );
    let service = |name: &str, level: &str| format!("{name} unix - - y - - smtp -o smtp_tls_security_level={level}\n");
    let services = service("dane", "dane-only") + &service("secure", "secure") + "discard unix - - n - - discard";
    Postfix::with_services(folder, &address(30), &main, &services)
}

/// A Postfix that takes mail at port 25, under TLS with this certificate.
fn receiver(folder: &Path, at: &str, leaf: &Leaf) -> Postfix {
    let (certificate, key) = (folder.join("mx.pem"), folder.join("mx.key"));
    fs::write(&certificate, &leaf.certificate).unwrap();
    fs::write(&key, &leaf.key).unwrap();
    let main = format!(
        "virtual_mailbox_domains = static:all\nsmtpd_tls_security_level = may\nsmtpd_tls_received_header = yes\n\
         smtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\nsmtpd_tls_session_cache_database =\n",
        certificate.display(),
        key.display()
    );
    Postfix::with_services(folder, at, &main, &format!("{at}:25 inet n - n - - smtpd"))
}

/// What its log says became of each mail, and why: by sender and domain.
fn decisions(log: &str) -> BTreeMap<(String, String), (Does, String)> {
    let line = Regex::new(r"\[\d+\]: (\w+): to=<melding@([^>]+)>.* status=(\w+) (.*)").unwrap();
    let from = Regex::new(r": (\w+): from=<(dane|secure)@").unwrap();
    let senders: BTreeMap<&str, &str> =
        from.captures_iter(log).map(|found| (found.get(1).unwrap().as_str(), found.get(2).unwrap().as_str())).collect();
    let decision = |found: regex::Captures<'_>| {
        let does = match &found[3] {
            "sent" => Does::Goes,
            "deferred" => Does::Waits,
            "bounced" => Does::Bounces,
            _ => return None,
        };
        let sender = senders.get(&found[1])?;
        Some((((*sender).to_owned(), found[2].to_owned()), (does, found[4].to_owned())))
    };
    log.lines().filter_map(|text| line.captures(text)).filter_map(decision).collect()
}
