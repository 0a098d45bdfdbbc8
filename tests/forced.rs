//! Proven TLS, or not by mail: our own client against servers of other domains that are good, or bad in one way each;
//! and the gate around it.
//!
//! What counts in every failing case: the server has heard not one word of MAIL or DATA, and nobody else has heard of the
//! mail either. Postures are given here; how they are found out is tests/tls.rs.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/countries.rs"]
mod countries;
mod inside;

use std::sync::Arc;
use std::time::Duration;

use inside::authority::{AUTHORITY, Leaf, self_signed};
use inside::client::Client;
use inside::next_hop::NextHop;
use inside::poort::{Poort, Setup};
use inside::soon;
use jiff::Timestamp;
use mailpoort::gate::house::{House, Road};
use mailpoort::message::{Mailbox, Recipient};
use mailpoort::smtp::client::{Direct, Letter, Patience, Sent};
use mailpoort::smtp::command::MailCommand;
use mailpoort::store::held::State;
use mailpoort::tls::posture::{
    Dane, LookUp, Matching, MxHost, NoHost, NotProven, Ordinary, Posture, Postures, Proof, Row, Selector, StsFound,
    Tlsa, TlsaFound, Trouble, Usage,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const DOMAIN: &str = "veilig.example";
const MX: &str = "mx1.veilig.example";
const ANNA: &str = "anna@delinde.example";
const SAFETY: &str = "melding@veilig.example";
const COLLEAGUE: &str = "bert@delinde.example";
const PORT: u16 = 2525;

/// An address that no other test has.
fn address(host: u8) -> String {
    let pid = std::process::id();
    format!("127.{}.{}.{host}", 64 + (pid >> 8 & 63), pid & 255)
}

fn host(name: &str, at: u8, proof: Proof) -> MxHost {
    MxHost {
        name: name.into(),
        // Those of one preference take turns.
        preference: at.into(),
        addresses: vec![address(at).parse().unwrap()],
        countries: Vec::new(),
        addresses_secure: false,
        tlsa: TlsaFound::NotAsked,
        proof,
        ordinary: Ordinary::Opportunistic,
    }
}

fn posture(row: Row, hosts: Vec<MxHost>) -> Posture {
    Posture {
        domain: DOMAIN.into(),
        row,
        hosts,
        mx_secure: false,
        implicit_mx: false,
        sts: StsFound::None,
        reports: Some(Vec::new()),
        nta7516: None,
        at: Timestamp::now(),
        ttl: Duration::from_secs(3600),
    }
}

fn sts() -> Proof {
    Proof::Sts { names: vec![MX.into()], dane: None }
}

/// A DANE-EE record with the whole certificate.
fn dane(leaf: &Leaf) -> Proof {
    let data = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap().to_vec();
    let record = Tlsa { usage: Usage::Server, selector: Selector::Certificate, matching: Matching::Exact, data };
    Proof::Dane(Dane { base: MX.into(), records: vec![record], names: vec![DOMAIN.into(), MX.into()] })
}

fn direct() -> Direct {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY.pem.as_bytes()).unwrap()).unwrap();
    let patience = Patience { address: Duration::from_secs(10), ..Patience::default() };
    Direct { our_name: "poort.delinde.example".into(), port: PORT, roots: Arc::new(roots), patience }
}

fn recipient(address: &str) -> Recipient {
    Recipient { mailbox: Mailbox::parse(address).unwrap(), parameters: String::new() }
}

async fn deliver(posture: &Posture, require_tls: bool) -> Sent {
    deliver_with(&direct(), posture, require_tls).await
}

async fn deliver_with(direct: &Direct, posture: &Posture, require_tls: bool) -> Sent {
    let mail = MailCommand { sender: Some(Mailbox::parse(ANNA).unwrap()), require_tls, ..MailCommand::default() };
    let recipients = [recipient(SAFETY), recipient("tweede@veilig.example")];
    let body = b"Subject: x\r\n\r\n.kanarie\r\n";
    let letter = Letter { mail: &mail, recipients: &recipients, head: b"Received: here\r\n", body };
    soon("the delivery", direct.deliver(posture, &letter)).await
}

fn codes(sent: &Sent) -> Vec<u16> {
    sent.replies.iter().map(mailpoort::smtp::Reply::code).collect()
}

/// It has heard no more than greetings.
fn heard_nothing(mx: &NextHop, what: &str) {
    let seen = mx.seen();
    assert!(seen.mails.is_empty(), "{what}: it has a mail");
    for line in &seen.commands {
        let greeting = ["EHLO ", "STARTTLS", "QUIT"].iter().any(|verb| line.starts_with(verb));
        assert!(greeting && !line.contains('@'), "{what}: it has heard {line}");
    }
}

#[tokio::test]
async fn a_server_hears_of_the_mail_only_when_it_has_proven_who_it_is() {
    let good = AUTHORITY.leaf(MX);
    let other = AUTHORITY.leaf("mx1.elders.example");
    let (old, own, odd) = (AUTHORITY.expired(MX), self_signed(MX), AUTHORITY.expired("iets.example"));
    let none = Proof::None(Row::Unproven(NotProven::NoPolicy));
    // What is shown, what it must show, what the server does, and what comes of it.
    type Case<'c> = (&'c str, Option<&'c Leaf>, Proof, &'c [&'c str], Result<&'c str, &'c str>);
    let cases: Vec<Case<'_>> = vec![
        ("STS, good", Some(&good), sts(), &[], Ok("sts")),
        ("PKIX, good", Some(&good), Proof::Pkix { names: vec![MX.into()], dane: None }, &[], Ok("pkix")),
        ("DANE, expired, self-signed or not, and another name", Some(&odd), dane(&odd), &[], Ok("dane")),
        ("DANE, another certificate", Some(&good), dane(&own), &[], Err("validation-failure")),
        ("STS, expired", Some(&old), sts(), &[], Err("certificate-expired")),
        ("STS, another name", Some(&other), sts(), &[], Err("certificate-host-mismatch")),
        ("STS, self-signed", Some(&own), sts(), &[], Err("certificate-not-trusted")),
        ("no STARTTLS", None, sts(), &[], Err("starttls-not-supported")),
        (
            "STARTTLS taken out of the offer",
            Some(&good),
            sts(),
            &["on EHLO say 250-mx\\r\\n250 8BITMIME"],
            Err("starttls-not-supported"),
        ),
        ("STARTTLS refused", Some(&good), sts(), &["on STARTTLS say 454 4.7.0 not now"], Err("starttls-not-supported")),
        ("no EHLO", Some(&good), sts(), &["on EHLO say 502 5.5.1 what?"], Err("starttls-not-supported")),
        (
            "replies put behind the 220",
            Some(&good),
            sts(),
            &["on STARTTLS say 220 go\\r\\n250-mx\\r\\n250 8BITMIME"],
            Err("validation-failure"),
        ),
        ("hangs up at STARTTLS", Some(&good), sts(), &["on STARTTLS drop"], Err("lost")),
        ("does not greet", Some(&good), sts(), &["on connect say 554 5.3.2 no"], Err("unreachable")),
        ("does not qualify", Some(&good), none, &[], Err("unproven")),
    ];
    for (what, leaf, proof, rules, expected) in cases {
        let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), leaf.map(Leaf::server_config)).await;
        rules.iter().for_each(|rule| mx.rule(rule));
        let sent = deliver(&posture(Row::Sts, vec![host(MX, 1, proof)]), false).await;
        match expected {
            Ok(row) => {
                assert_eq!(codes(&sent), [250, 250], "{what}");
                let evidence = sent.evidence.unwrap();
                assert_eq!(
                    (evidence.row.code(), evidence.mx.as_str(), evidence.version),
                    (row, MX, "TLSv1.3"),
                    "{what}"
                );
                assert!(evidence.cipher.starts_with("TLS13_"), "{what}: {}", evidence.cipher);
                assert_eq!(mx.seen().mails[0].text(), "Received: here\r\nSubject: x\r\n\r\n.kanarie\r\n", "{what}");
            }
            Err(reason) => {
                assert!(codes(&sent).iter().all(|code| (400..500).contains(code)), "{what}: {:?}", codes(&sent));
                assert!(sent.evidence.is_none(), "{what}");
                let reasons: Vec<_> = sent.misses.iter().map(|miss| miss.why.code()).collect();
                assert_eq!(reasons, [reason], "{what}");
                heard_nothing(&mx, what);
                if reason == "unproven" {
                    assert_eq!(mx.seen().connections, 0, "a server that does not qualify is not spoken to");
                }
            }
        }
        mx.gone().await;
    }
}

#[tokio::test]
async fn the_next_server_has_its_turn_and_one_that_does_not_qualify_has_none() {
    let good = AUTHORITY.leaf(MX);
    let bad =
        NextHop::listen(&format!("{}:{PORT}", address(1)), Some(self_signed("mx0.veilig.example").server_config()))
            .await;
    let skipped = NextHop::listen(&format!("{}:{PORT}", address(2)), Some(good.server_config())).await;
    let busy = NextHop::listen(&format!("{}:{PORT}", address(3)), Some(good.server_config())).await;
    busy.rule("on MAIL say 451 4.3.2 later");
    let right = NextHop::listen(&format!("{}:{PORT}", address(4)), Some(good.server_config())).await;
    right.rule("on RCPT TO:<tweede say 550 5.1.1 no such user");
    let hosts = vec![
        host("mx0.veilig.example", 1, sts()),
        host("mx9.veilig.example", 2, Proof::None(Row::DaneHalf)),
        host(MX, 3, sts()),
        host(MX, 4, sts()),
        host(MX, 5, sts()),
    ];
    let sent = deliver(&posture(Row::DaneHalf, hosts), false).await;
    assert_eq!(codes(&sent), [250, 550]);
    assert_eq!(right.seen().mails[0].to, [SAFETY]);
    let reasons: Vec<_> = sent.misses.iter().map(|miss| miss.why.code()).collect();
    assert_eq!(reasons, ["certificate-not-trusted", "dane-half", "refused"]);
    heard_nothing(&bad, "not trusted");
    assert_eq!(skipped.seen().connections, 0);
    assert!(busy.seen().mails.is_empty());
}

#[tokio::test]
async fn what_may_have_been_taken_goes_to_no_other_server() {
    let good = AUTHORITY.leaf(MX);
    let first = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    first.rule("on . drop");
    let second = NextHop::listen(&format!("{}:{PORT}", address(2)), Some(good.server_config())).await;
    let sent = deliver(&posture(Row::Sts, vec![host(MX, 1, sts()), host(MX, 2, sts())]), false).await;
    assert_eq!(codes(&sent), [451, 451]);
    assert_eq!((first.seen().mails.len(), second.seen().connections), (1, 0));
}

#[tokio::test]
async fn requiretls_goes_only_where_it_is_offered() {
    let good = AUTHORITY.leaf(MX);
    let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    let there = posture(Row::Sts, vec![host(MX, 1, sts())]);
    let sent = deliver(&there, true).await;
    assert_eq!(codes(&sent), [550, 550]);
    assert_eq!(sent.misses[0].why.code(), "requiretls-not-offered");
    heard_nothing(&mx, "REQUIRETLS is not offered");
    mx.rule("offers REQUIRETLS");
    let sent = deliver(&there, true).await;
    assert_eq!(codes(&sent), [250, 250]);
    assert_eq!(
        mx.seen().count(&format!("MAIL FROM:<{ANNA}> SIZE="))
            + mx.seen().count(&format!("MAIL FROM:<{ANNA}> REQUIRETLS")),
        1
    );
    assert!(mx.seen().commands.iter().any(|line| line.ends_with(" REQUIRETLS")));
}

#[tokio::test]
async fn what_a_server_has_taken_stays_taken_when_it_says_no_goodbye() {
    let good = AUTHORITY.leaf(MX);
    let first = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    first.rule("on QUIT stall goodbye");
    let second = NextHop::listen(&format!("{}:{PORT}", address(2)), Some(good.server_config())).await;
    let patience = Patience { whole: Duration::from_millis(950), ..direct().patience };
    let there = posture(Row::Sts, vec![host(MX, 1, sts()), host(MX, 2, sts())]);
    let sent = deliver_with(&Direct { patience, ..direct() }, &there, false).await;
    assert_eq!(codes(&sent), [250, 250], "{:?}", sent.misses);
    assert_eq!((first.seen().mails.len(), second.seen().connections), (1, 0));
}

#[tokio::test]
async fn requiretls_goes_to_no_server_that_proves_nothing() {
    let good = AUTHORITY.leaf(MX);
    let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    mx.rule("offers REQUIRETLS");
    let unproven = || host(MX, 1, Proof::Unproven { names: vec![MX.into()], dane: None });
    // RFC 8689 4.2.1: what row 7 of the table does for other mail is not enough here, whatever is offered.
    let sent = deliver(&posture(Row::PkixUnproven, vec![unproven()]), true).await;
    assert_eq!(codes(&sent), [550, 550]);
    assert_eq!(sent.misses[0].why.code(), "pkix-unproven");
    assert_eq!(mx.seen().connections, 0);
    // Beside one of which DNS says nothing now, it may come right.
    let silent = host("mx2.veilig.example", 2, Proof::None(Row::Temp(LookUp::Tlsa, Trouble::Silent)));
    let sent = deliver(&posture(Row::PkixUnproven, vec![unproven(), silent]), true).await;
    assert!(codes(&sent).iter().all(|code| (400..500).contains(code)), "{:?}", codes(&sent));
    // Without REQUIRETLS row 7 is delivered, and is called what it is.
    let sent = deliver(&posture(Row::PkixUnproven, vec![unproven()]), false).await;
    assert_eq!((codes(&sent), sent.evidence.unwrap().row.code()), (vec![250, 250], "pkix-unproven"));
}

// -- the gate around it

/// A key of its own for this run.
fn dkim_key(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
    let file = folder.join("linde.dkim");
    std::fs::write(&file, key).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn proving(house: &mut House, postures: Vec<Posture>) {
    house.road = Road::Direct(Arc::new(direct()), Postures::given(postures));
    Arc::get_mut(&mut house.bench).unwrap().means.tls = true;
}

/// A gate that can prove TLS, with a class of recipients who get special things under it.
async fn gate(hop: &NextHop, keys: &std::path::Path, change: impl FnOnce(&mut House)) -> Poort {
    gate_with(hop, keys, "", change).await
}

/// The same with further tables in its configuration.
async fn gate_with(hop: &NextHop, keys: &std::path::Path, tables: &str, change: impl FnOnce(&mut House)) -> Poort {
    dkim_key(keys);
    let setup = Setup {
        top: vec![
            format!("data_dir = \"{}\"", keys.join("data").display()),
            "[outbox]\nretry_after = \"50ms\"\nretry_at_most = \"100ms\"".into(),
            "[recipients.safety]\ndomains = [\"veilig.example\"]".into(),
            tables.into(),
        ],
        school: vec![format!(
            "dkim = {{ selector = \"poort\", key_file = \"{}\" }}",
            keys.join("linde.dkim").display()
        )],
        ..Setup::default()
    };
    Poort::start_with(&setup, hop, change).await
}

fn mail() -> String {
    format!(
        "X-Mailpoort-TLS: require\nTLS-Required: No\nFrom: Anna <{ANNA}>\nTo: <{SAFETY}>\nSubject: Melding\n\
         Message-ID: <melding@delinde.example>\n\nHet burgerservicenummer (BSN) van de leerling is 123456782.\n"
    )
}

/// Waits for a mail to be settled: nothing is owed for it any more.
async fn settled(poort: &Poort) {
    let store = poort.gate.outbox().unwrap().store().clone();
    soon("an empty outbox", async {
        while !store.owed(10).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

fn number(reply: &str) -> String {
    reply.rsplit_once("(id ").unwrap().1.trim_end_matches(')').to_string()
}

#[tokio::test]
async fn a_mail_under_force_goes_straight_to_the_proven_server_and_the_rest_as_always() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let good = AUTHORITY.leaf(MX);
    let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    let known = posture(Row::Dane, vec![host(MX, 1, dane(&good))]);
    let poort = gate(&hop, keys.path(), |house| proving(house, vec![known])).await;
    let mut client = Client::hello(poort.address).await;
    let (code, reply) = client.mail(ANNA, &[COLLEAGUE, SAFETY], &mail()).await;
    assert_eq!(code, 250, "{reply}");
    let seen = mx.until("the mail at the proven server", |seen| !seen.taken().is_empty()).await;
    let got = seen.taken()[0];
    assert_eq!((got.from.as_str(), got.to.as_slice()), (ANNA, [SAFETY.to_string()].as_slice()));
    let text = got.text();
    assert!(text.starts_with("Received: ") && text.contains("\r\nDKIM-Signature: v=1; a=ed25519-sha256;"), "{text}");
    assert!(!text.contains("X-Mailpoort") && text.contains("TLS-Required: No"), "our own demand is ours alone: {text}");
    let rest = hop.until("the rest at the next hop", |seen| !seen.taken().is_empty()).await;
    assert_eq!(rest.taken()[0].to, [COLLEAGUE]);
    settled(&poort).await;
    assert_eq!(hop.seen().mails.len(), 1, "no notice, nothing in plain");
    let store = poort.gate.outbox().unwrap().store();
    let tries = store.deliveries(&number(&reply)).await.unwrap();
    assert_eq!(tries.len(), 1);
    let (proven, facts) = (&tries[0], &tries[0].facts);
    assert_eq!((proven.posture.as_str(), proven.verified.as_deref(), proven.taken), ("dane", Some("dane"), 1));
    assert_eq!((facts.domain.as_str(), facts.mx.as_deref()), (DOMAIN, Some(MX)));
    assert_eq!(proven.tls_version.as_deref(), Some("TLSv1.3"));
    let held = store.held(&number(&reply)).await.unwrap().unwrap();
    assert!(held.recipients.iter().all(|recipient| recipient.state == State::Sent), "{:?}", held.recipients);
    // The journal and a command tell how it travelled; where to, only whoever opens addresses.
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mailpoort"));
        let done =
            command.args(arguments).arg("--config").arg(poort.dir.path().join("mailpoort.toml")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let (id, server) = (number(&reply), format!("{MX} [{}], TLSv1.3, ", address(1)));
    let closed = run(&["journal", "find", "--id", &id]);
    assert!(closed.contains(r#""verified":"dane""#) && !closed.contains(DOMAIN), "{closed}");
    assert!(closed.contains(r#""overruled":"tls-required-no""#), "row 12 is told: {closed}");
    let opened = run(&["journal", "find", "--id", &id, "--addresses"]);
    assert!(opened.contains(&format!(r#""mx":"{MX}""#)), "{opened}");
    let tried = run(&["tls-check", "--deliveries", DOMAIN]);
    assert!(tried.contains(&server) && tried.contains("1 of 1 taken") && tried.contains("verified: dane"), "{tried}");
    assert!(run(&["tls-check", "--deliveries", "elders.example"]).starts_with("No mail had to"));
    assert!(run(&["tls-check", "--deliveries", "VEILIG.example."]).contains(&server));
}

#[tokio::test]
async fn what_cannot_be_proven_is_kept_and_told_and_never_goes_in_plain() {
    let nothing = || Row::Unproven(NotProven::NoPolicy);
    // A server that shows the wrong certificate until the time is over, and a domain that can prove nothing.
    let cases = [
        (
            "the wrong certificate",
            posture(Row::Sts, vec![host(MX, 1, sts())]),
            "certificate-not-trusted",
            "kan niet bewijzen dat",
        ),
        (
            "no proof",
            posture(nothing(), vec![host(MX, 1, Proof::None(nothing()))]),
            "unproven",
            "bewijst niet welke mailservers van hem zijn",
        ),
        ("no domain", posture(Row::Nowhere(NoHost::NullMx), vec![]), "null-mx", "NIET AANGEKOMEN"),
    ];
    for (what, known, reason, words) in cases {
        let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
        let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(self_signed(MX).server_config())).await;
        let poort = gate(&hop, keys.path(), |house| {
            proving(house, vec![known]);
            house.prove_within = Duration::ZERO;
        })
        .await;
        let mut client = Client::hello(poort.address).await;
        let (code, reply) = client.mail(ANNA, &[SAFETY], &mail()).await;
        assert_eq!(code, 250, "{what}: {reply}");
        let seen = hop.until("the message to the sender", |seen| !seen.taken().is_empty()).await;
        let told = seen.taken()[0];
        let text = told.text().replace("=\r\n", "");
        assert_eq!((told.from.as_str(), told.to.as_slice()), ("", [ANNA.to_string()].as_slice()), "{what}");
        assert!(text.contains(words) && text.contains("DKIM-Signature: "), "{what}: {text}");
        settled(&poort).await;
        heard_nothing(&mx, what);
        assert_eq!(hop.seen().mails.len(), 1, "{what}: nothing but the message to its sender went out");
        let store = poort.gate.outbox().unwrap().store();
        let tries = store.deliveries(&number(&reply)).await.unwrap();
        assert_eq!(tries.last().unwrap().reason.as_deref(), Some(reason), "{what}");
        let held = store.held(&number(&reply)).await.unwrap().unwrap();
        let (state, item) = if reason == "null-mx" { (State::Failed, true) } else { (State::Held, true) };
        assert_eq!((held.recipients[0].state, held.item.is_some()), (state, item), "{what}");
        assert!(!held.facts.offers[0].iter().any(|offer| offer == "reason"), "{what}: {:?}", held.facts.offers);
        mx.gone().await;
    }
}

const SECOND: &str = "tweede@veilig.example";

/// Both the failure and what became of the rest are told, when one try ends in both.
#[tokio::test]
async fn whom_it_did_not_reach_is_told_beside_what_became_of_the_others() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let good = AUTHORITY.leaf(MX);
    let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    mx.rule("on RCPT TO:<melding say 451 4.3.0 later");
    mx.rule("on RCPT TO:<tweede say 550 5.1.1 no such user");
    let known = posture(Row::Sts, vec![host(MX, 1, sts())]);
    let poort = gate(&hop, keys.path(), |house| {
        proving(house, vec![known]);
        house.prove_within = Duration::ZERO;
    })
    .await;
    let mut client = Client::hello(poort.address).await;
    let (code, reply) = client.mail(ANNA, &[SAFETY, SECOND], &mail()).await;
    assert_eq!(code, 250, "{reply}");
    settled(&poort).await;
    let seen = hop.seen();
    let texts: Vec<String> = seen.taken().iter().map(|mail| mail.text().replace("=\r\n", "")).collect();
    assert_eq!(texts.len(), 2, "{texts:#?}");
    let about = |address: &str, words: &str| texts.iter().any(|text| text.contains(address) && text.contains(words));
    assert!(about(SECOND, "NIET AANGEKOMEN"), "{texts:#?}");
    assert!(about(SAFETY, "kan niet bewijzen dat") || about(SAFETY, "WACHT"), "{texts:#?}");
    let store = poort.gate.outbox().unwrap().store();
    let held = store.held(&number(&reply)).await.unwrap().unwrap();
    let states: Vec<State> = held.recipients.iter().map(|recipient| recipient.state).collect();
    assert_eq!(states, [State::Held, State::Failed]);
}

/// A family has its own mail server, whose name is theirs too: no part of the journal that is not sealed names it.
#[tokio::test]
async fn no_mail_server_stands_in_the_journal_in_clear() {
    const CANARY: &str = "familie-jansen";
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let name = format!("mail.{CANARY}.example");
    let good = AUTHORITY.leaf(&name);
    let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    let proof = Proof::Sts { names: vec![name.clone()], dane: None };
    let known = posture(Row::Sts, vec![host(&name, 1, proof)]);
    let poort = gate(&hop, keys.path(), |house| proving(house, vec![known])).await;
    let mut client = Client::hello(poort.address).await;
    let (_, reply) = client.mail(ANNA, &[SAFETY], &mail()).await;
    mx.until("the mail", |seen| !seen.taken().is_empty()).await;
    settled(&poort).await;
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mailpoort"));
        let done =
            command.args(arguments).arg("--config").arg(poort.dir.path().join("mailpoort.toml")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let id = number(&reply);
    let found = run(&["journal", "find", "--id", &id]);
    assert!(found.contains(r#""verified":"sts""#) && !found.contains(CANARY), "{found}");
    let opened = run(&["journal", "find", "--id", &id, "--addresses"]);
    assert!(opened.contains(CANARY), "{opened}");
    for file in std::fs::read_dir(keys.path().join("data")).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            let octets = std::fs::read(&file).unwrap();
            let found = octets.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
            assert!(!found, "{} names it", file.display());
        }
    }
}

#[tokio::test]
async fn what_cannot_be_proven_becomes_a_share_where_shares_are_made() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let nothing = Row::Unproven(NotProven::NoPolicy);
    let known = posture(nothing, vec![host(MX, 1, Proof::None(nothing))]);
    let tables = "[web]\nlisten = \"127.0.0.1:0\"\nurl = \"https://poort.delinde.example\"\n\
                  [share]\nurl = \"https://veilig.delinde.example\"\n[storage]\ncountry = \"NL\"";
    let poort = gate_with(&hop, keys.path(), tables, |house| proving(house, vec![known])).await;
    let mut client = Client::hello(poort.address).await;
    let (code, reply) = client.mail(ANNA, &[SAFETY], &mail()).await;
    assert_eq!(code, 250, "{reply}");
    let seen = hop.until("an invitation and a receipt", |seen| seen.taken().len() == 2).await;
    let text = |reader: &str| {
        let got =
            seen.taken().into_iter().find(|mail| mail.to == [reader]).unwrap_or_else(|| panic!("none for {reader}"));
        got.text().replace("=\r\n", "")
    };
    assert!(text(SAFETY).contains("https://veilig.delinde.example/b/"), "{}", text(SAFETY));
    assert!(!text(SAFETY).contains("123456782") && !text(ANNA).contains("123456782"));
    settled(&poort).await;
    assert_eq!(hop.seen().mails.len(), 2, "and nothing in plain");
    let store = poort.gate.outbox().unwrap().store();
    let held = store.held(&number(&reply)).await.unwrap().unwrap();
    assert_eq!(held.recipients[0].state, State::Shared);
}

/// No room for a share is no reason to make something worse of the mail: it waits for the room.
#[tokio::test]
async fn a_share_that_cannot_be_made_now_is_made_later() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let nothing = Row::Unproven(NotProven::NoPolicy);
    let known = posture(nothing, vec![host(MX, 1, Proof::None(nothing))]);
    let tables = "[web]\nlisten = \"127.0.0.1:0\"\nurl = \"https://poort.delinde.example\"\n\
                  [share]\nurl = \"https://veilig.delinde.example\"\n[storage]\ncountry = \"NL\"";
    let poort = gate_with(&hop, keys.path(), tables, |house| proving(house, vec![known])).await;
    // Where files of shares go, there is a file.
    let (folder, away) = (keys.path().join("data/shares"), keys.path().join("away"));
    if folder.exists() {
        std::fs::rename(&folder, &away).unwrap();
    }
    std::fs::write(&folder, "").unwrap();
    let mut client = Client::hello(poort.address).await;
    let (code, reply) = client.mail(ANNA, &[SAFETY], &mail()).await;
    assert_eq!(code, 250, "{reply}");
    let store = poort.gate.outbox().unwrap().store().clone();
    soon("a first try", async {
        while !matches!(store.owed(10).await.unwrap().as_slice(), [owed] if owed.tries > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let state = async || store.held(&number(&reply)).await.unwrap().unwrap().recipients[0].state;
    assert_eq!(state().await, State::Owed);
    assert!(hop.seen().mails.is_empty(), "nobody hears of it");
    std::fs::remove_file(&folder).unwrap();
    if away.exists() {
        std::fs::rename(&away, &folder).unwrap();
    }
    store.retry(None, Timestamp::now().as_millisecond()).await.unwrap();
    poort.gate.outbox().unwrap().wake();
    hop.until("an invitation and a receipt", |seen| seen.taken().len() == 2).await;
    settled(&poort).await;
    assert_eq!(state().await, State::Shared);
}

#[tokio::test]
async fn trouble_that_may_pass_is_tried_again_and_nobody_hears_of_it() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(AUTHORITY.expired(MX).server_config())).await;
    let known = posture(Row::Sts, vec![host(MX, 1, sts())]);
    let poort = gate(&hop, keys.path(), |house| proving(house, vec![known])).await;
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.mail(ANNA, &[SAFETY], &mail()).await.0, 250);
    let store = poort.gate.outbox().unwrap().store().clone();
    let owed = soon("a first try", async {
        loop {
            match store.owed(10).await.unwrap().pop() {
                Some(owed) if owed.tries > 0 => return owed,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    })
    .await;
    assert_eq!(
        (owed.kind.as_str(), owed.last_code, owed.last_reason.as_deref()),
        ("forced", Some(451), Some("certificate-expired"))
    );
    let pause = owed.due_at - Timestamp::now().as_millisecond();
    assert!((50_000..=60_000).contains(&pause), "a minute, not {pause} ms");
    heard_nothing(&mx, "expired");
    assert!(hop.seen().mails.is_empty());
}

#[tokio::test]
async fn without_a_signature_it_does_not_go_straight() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let good = AUTHORITY.leaf(MX);
    let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    let known = posture(Row::Dane, vec![host(MX, 1, dane(&good))]);
    let poort = gate(&hop, keys.path(), |house| {
        proving(house, vec![known]);
        house.schools.iter_mut().for_each(|tenant| Arc::get_mut(tenant).unwrap().dkim = None);
    })
    .await;
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.mail(ANNA, &[SAFETY], &mail()).await.0, 250);
    let seen = hop.until("the message to the sender", |seen| !seen.taken().is_empty()).await;
    assert!(seen.taken()[0].text().replace("=\r\n", "").contains("nog niet ondertekenen"));
    assert_eq!(mx.seen().connections, 0);
    // Words that look like a signature of the school's prove nothing to anybody, and change nothing.
    let signed = format!("{FORGED}{}", mail().replace("melding@", "tweede@"));
    assert_eq!(client.mail(ANNA, &[SAFETY], &signed).await.0, 250);
    hop.until("the second message to the sender", |seen| seen.taken().len() == 2).await;
    assert_eq!(mx.seen().connections, 0);
}

/// Something that says of itself that it is the school's signature.
const FORGED: &str = "DKIM-Signature: v=1; a=rsa-sha256; d=delinde.example; s=x; b=AAAA\n";

#[tokio::test]
async fn whatever_signature_it_has_ours_stands_above_it() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let good = AUTHORITY.leaf(MX);
    let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
    let known = posture(Row::Dane, vec![host(MX, 1, dane(&good))]);
    let poort = gate(&hop, keys.path(), |house| proving(house, vec![known])).await;
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.mail(ANNA, &[SAFETY], &format!("{FORGED}{}", mail())).await.0, 250);
    let got = mx.until("the mail", |seen| !seen.taken().is_empty()).await;
    let text = got.taken()[0].text();
    let ours = text.find("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=delinde.example; s=poort;");
    assert!(ours.is_some() && ours < text.find("b=AAAA"), "{text}");
}

#[tokio::test]
async fn an_attested_next_hop_is_asked_by_our_header() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let poort = gate(&hop, keys.path(), |house| {
        house.road = Road::Attested(0);
        Arc::get_mut(&mut house.bench).unwrap().means.tls = true;
    })
    .await;
    let mut client = Client::hello(poort.address).await;
    let (code, reply) = client.mail(ANNA, &[SAFETY], &mail()).await;
    assert_eq!(code, 250);
    let seen = hop.until("the mail", |seen| !seen.taken().is_empty()).await;
    let text = seen.taken()[0].text();
    assert_eq!(text.matches("X-Mailpoort-TLS: require\r\n").count(), 1, "ours, and not the one that came in: {text}");
    settled(&poort).await;
    let tries = poort.gate.outbox().unwrap().store().deliveries(&number(&reply)).await.unwrap();
    assert_eq!((tries[0].posture.as_str(), tries[0].tls_version.as_deref()), ("smarthost", None), "not proven by us");
}

/// What was found out of domains is known after a reload, unless a file says otherwise by then, under the same name or not.
#[tokio::test]
async fn a_reload_reads_the_files_of_postures_again_when_they_have_changed() {
    let (keys, hop) = (tempfile::tempdir().unwrap(), NextHop::start().await);
    let file = keys.path().join("country.mmdb");
    let write = |country: &str| {
        std::fs::write(file.with_extension("new"), countries::file(&[("192.0.2.0", 24, country)])).unwrap();
        std::fs::rename(file.with_extension("new"), &file).unwrap();
    };
    write("NL");
    let tables =
        format!("[tls]\nroute = \"direct\"\nresolver = [\"127.0.0.1:9\"]\ncountry_file = \"{}\"", file.display());
    let known = posture(Row::Sts, vec![host(MX, 1, sts())]);
    let poort = gate_with(&hop, keys.path(), &tables, |house| proving(house, vec![known])).await;
    let knows = || match &poort.gate.house().road {
        Road::Direct(_, postures) => postures.known_of(DOMAIN).is_some(),
        _ => panic!("it goes straight"),
    };
    poort.reload();
    assert!(knows(), "nothing has changed");
    write("DE");
    poort.reload();
    assert!(!knows(), "it stands elsewhere now");
}

// -- REQUIRETLS at our own door (RFC 8689)

/// A gate before a next hop that was verified, and a client inside TLS.
async fn over_tls(hop: &NextHop) -> (Poort, Client) {
    let setup = Setup {
        hosts: Some(format!("[\"localhost:{}\"]", hop.address.port())),
        next_hop: ["tls = \"verify\"", "ca = \"authority.pem\"", "keep_idle = \"0s\""].map(String::from).into(),
        ..Setup::default()
    };
    let poort = Poort::start(&setup, hop).await;
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.ask("STARTTLS").await.0, 220);
    client.handshake().await;
    (poort, client)
}

#[tokio::test]
async fn requiretls_is_offered_where_it_can_be_honoured_and_goes_on() {
    let hop = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    hop.rule("offers REQUIRETLS");
    let (poort, mut client) = over_tls(&hop).await;
    assert!(client.ask("EHLO postfix.delinde.example").await.1.contains("REQUIRETLS"));
    assert_eq!(client.ask(&format!("MAIL FROM:<{ANNA}> REQUIRETLS")).await.0, 250);
    assert_eq!(client.ask(&format!("RCPT TO:<{COLLEAGUE}>")).await.0, 250);
    assert_eq!(client.ask("DATA").await.0, 354);
    assert_eq!(client.content(&format!("From: <{ANNA}>\nSubject: Studiedag\n\nTot vrijdag.\n")).await.0, 250);
    let said = |line: &String| line.starts_with(&format!("MAIL FROM:<{ANNA}> ")) && line.ends_with(" REQUIRETLS");
    assert_eq!(hop.seen().commands.iter().filter(|line| said(line)).count(), 1, "{:?}", hop.seen().commands);
    // In plain nobody is offered it, and who asks for it all the same is told.
    let mut plain = Client::connect(poort.address).await;
    plain.reply().await;
    assert!(!plain.ask("EHLO postfix.delinde.example").await.1.contains("REQUIRETLS"));
    assert_eq!(plain.ask(&format!("MAIL FROM:<{ANNA}> REQUIRETLS")).await.0, 530);
}

#[tokio::test]
async fn requiretls_that_nobody_offers_is_refused() {
    let hop = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    let (_poort, mut client) = over_tls(&hop).await;
    assert!(!client.ask("EHLO postfix.delinde.example").await.1.contains("REQUIRETLS"));
    let (code, reply) = client.ask(&format!("MAIL FROM:<{ANNA}> REQUIRETLS")).await;
    assert!(code == 550 && reply.contains("5.7.30"), "{reply}");
    assert_eq!(hop.seen().count("MAIL"), 0);
}

/// Asked for by its sender, and not offered by the recipient's server: it becomes what the configuration says.
#[tokio::test]
async fn requiretls_that_the_recipients_server_does_not_offer_is_met_otherwise() {
    for (bounces, state) in [(true, State::Failed), (false, State::Held)] {
        let keys = tempfile::tempdir().unwrap();
        let hop = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
        hop.rule("offers REQUIRETLS");
        let good = AUTHORITY.leaf(MX);
        let mx = NextHop::listen(&format!("{}:{PORT}", address(1)), Some(good.server_config())).await;
        dkim_key(keys.path());
        let tables = format!(
            "data_dir = \"{}\"\n[outbox]\nretry_after = \"50ms\"\n[recipients.safety]\ndomains = [\"{DOMAIN}\"]\n\
             [tls]\nrequiretls = \"{}\"",
            keys.path().join("data").display(),
            if bounces { "bounce" } else { "share" },
        );
        let key = keys.path().join("linde.dkim");
        let setup = Setup {
            top: vec![tables],
            school: vec![format!("dkim = {{ selector = \"poort\", key_file = \"{}\" }}", key.display())],
            hosts: Some(format!("[\"localhost:{}\"]", hop.address.port())),
            next_hop: ["tls = \"verify\"", "ca = \"authority.pem\"", "keep_idle = \"0s\""].map(String::from).into(),
            ..Setup::default()
        };
        let known = posture(Row::Sts, vec![host(MX, 1, sts())]);
        let poort = Poort::start_with(&setup, &hop, |house| proving(house, vec![known])).await;
        let mut client = Client::hello(poort.address).await;
        assert_eq!(client.ask("STARTTLS").await.0, 220);
        client.handshake().await;
        client.ask("EHLO postfix.delinde.example").await;
        assert_eq!(client.ask(&format!("MAIL FROM:<{ANNA}> REQUIRETLS")).await.0, 250);
        assert_eq!(client.ask(&format!("RCPT TO:<{SAFETY}>")).await.0, 250);
        assert_eq!(client.ask("DATA").await.0, 354);
        let (code, reply) = client.content(&mail()).await;
        assert_eq!(code, 250, "{reply}");
        hop.until("the message to the sender", |seen| !seen.taken().is_empty()).await;
        settled(&poort).await;
        heard_nothing(&mx, "REQUIRETLS is not offered");
        let store = poort.gate.outbox().unwrap().store();
        let held = store.held(&number(&reply)).await.unwrap().unwrap();
        assert_eq!(held.recipients[0].state, state, "bounces: {bounces}");
        let tries = store.deliveries(&number(&reply)).await.unwrap();
        assert_eq!(tries[0].posture, "requiretls");
        mx.gone().await;
    }
}
