//! Mail programs and copiers with an account at the provider: their credentials are passed on, the provider's answer is
//! theirs, and nothing of them stays here. Copiers with a certificate of the school's own authority. What the gate keeps or owes goes by the school's own way.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use inside::authority::{AUTHORITY, self_signed};
use inside::client::Client;
use inside::next_hop::NextHop;
use inside::poort::{Poort, Setup};

const ANNA: &str = "anna@delinde.example";
const BRAM: &str = "bram@delinde.example";
const OUDER: &str = "ouder@thuis.example";
const PASSWORD: &str = "Zonnebloem-4711";

#[tokio::test]
async fn credentials_are_the_providers_business_and_the_mail_goes_by_the_account() {
    let (own, provider, poort) = start().await;
    // Without TLS nobody is asked for a password.
    let mut client = Client::hello(poort.address).await;
    assert_eq!(client.ask(&plain(ANNA, PASSWORD)).await.0, 538);
    let offered = encrypted(&mut client).await;
    assert!(offered.contains("AUTH PLAIN LOGIN"), "{offered}");
    let (_, reply) = client.ask(&plain(ANNA, "verkeerd")).await;
    assert_eq!(reply, "535 5.7.8 Zo kennen wij u niet (X1)", "the provider's own words");
    // Whoever is nobody's at the school is not even asked about.
    let asked = provider.seen().count("AUTH");
    let (code, reply) = client.ask(&plain("klant@elders.example", PASSWORD)).await;
    assert!(code == 535 && !reply.contains("X1"), "{reply}");
    assert_eq!(provider.seen().count("AUTH"), asked);
    assert_eq!(client.ask(&plain(ANNA, PASSWORD)).await.0, 235);
    let connections = provider.seen().connections;
    for other in [BRAM, "anna@deeik.example", "klant@elders.example"] {
        assert_eq!(client.ask(&format!("MAIL FROM:<{other}>")).await.0, 550, "{other}");
    }
    let (code, reply) =
        client.mail(ANNA, &[OUDER], "From: <anna@delinde.example>\nSubject: Uitje\n\nTot vrijdag.\n").await;
    assert_eq!(code, 250, "{reply}");
    let seen = provider.seen();
    assert_eq!((seen.connections, seen.taken().len(), own.seen().mails.len()), (connections, 1, 0));
    assert!(seen.taken()[0].text().contains("with ESMTPSA"), "{}", seen.taken()[0].text());
    // The provider hangs up between two mails: the account signs in once more.
    provider.hang_up("").await;
    assert_eq!(client.mail(ANNA, &[OUDER], "From: <anna@delinde.example>\n\nNog iets.\n").await.0, 250);
    let signed_in = plain(ANNA, PASSWORD);
    assert_eq!((provider.seen().taken().len(), provider.seen().count(&signed_in)), (2, 2));
    // What is stopped is kept here, and its notice goes by the school's own way.
    let (code, reply) = client.mail(ANNA, &[OUDER], &stopped()).await;
    assert!(code == 250 && reply.contains("Taken"), "{reply}");
    let notice = own.until("a notice", |seen| !seen.mails.is_empty()).await.mails[0].clone();
    assert_eq!((notice.from.as_str(), notice.to[0].as_str()), ("", ANNA));
    assert_eq!((own.seen().count("AUTH"), provider.seen().mails.len()), (0, 2));
    client.ask("QUIT").await;
    for word in [PASSWORD, &BASE64.encode(PASSWORD), signed_in.rsplit(' ').next().unwrap()] {
        assert!(!is_below(poort.dir.path(), word), "{word} is on the disk");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_refuses_nobody() {
    let (_, provider, poort) = start().await;
    let mut client = Client::hello(poort.address).await;
    encrypted(&mut client).await;
    provider.rule("on AUTH say 250 2.0.0 what did you say?");
    assert_eq!(client.ask(&plain(ANNA, PASSWORD)).await.0, 454);
    provider.rule("on connect drop");
    assert_eq!(client.ask(&plain(ANNA, PASSWORD)).await.0, 454);
    // It is not signed in, but a client of the school's network as before.
    assert_eq!(client.ask(&format!("MAIL FROM:<{BRAM}>")).await.0, 250);
}

#[tokio::test]
async fn copiers_that_know_login_alone_are_passed_on_too() {
    let (_, provider, poort) = start().await;
    let mut client = Client::hello(poort.address).await;
    encrypted(&mut client).await;
    assert_eq!(client.ask("AUTH LOGIN").await.0, 334);
    assert_eq!(client.ask(&BASE64.encode(ANNA)).await.0, 334);
    assert_eq!(client.ask(&BASE64.encode(PASSWORD)).await.0, 235);
    assert_eq!(provider.seen().count(&plain(ANNA, PASSWORD)), 1);
    // A user of our own is one still.
    let mut client = Client::hello(poort.address).await;
    encrypted(&mut client).await;
    assert_eq!(client.ask(&plain("kopieerapparaat", inside::poort::PASSWORD)).await.0, 235);
    assert_eq!(provider.seen().count("AUTH"), 1);
}

/// The school's own next hop, the provider of the accounts, and the gate before them.
async fn start() -> (NextHop, NextHop, Poort) {
    let own = NextHop::start().await;
    let provider = NextHop::with_tls(AUTHORITY.leaf("localhost").server_config()).await;
    provider.rule("offers AUTH PLAIN LOGIN");
    provider.rule("on AUTH say 535 5.7.8 Zo kennen wij u niet (X1)");
    provider.rule(&format!("on {} say 235 2.7.0 welkom", plain(ANNA, PASSWORD)));
    let hosts = format!("hosts = [\"localhost:{}\"]", provider.address.port());
    let second =
        ["tls = \"off\"", "[[next_hop]]", "name = \"accounts\"", "sender_domains = [\"accounts.example\"]", &hosts];
    let next_hop = second.into_iter().chain(["tls = \"verify\"", "ca = \"authority.pem\""]).map(String::from).collect();
    let setup = Setup {
        top: vec!["data_dir = \"data\"".into()],
        smtp: vec!["auth = { users = \"users.toml\", pass_to = \"accounts\" }".into()],
        next_hop,
        ..Setup::default()
    };
    let poort = Poort::start(&setup, &own).await;
    (own, provider, poort)
}

/// A copier shows a certificate of the school's own authority, from wherever it sends.
#[tokio::test]
async fn a_certificate_counts_for_a_listed_name_of_the_own_authority() {
    let log = Log::listen();
    let own = NextHop::start().await;
    let client = ["ca = \"authority.pem\"", "names = [\"Kopieer1.delinde.example\"]"].map(String::from).into();
    let poort = Poort::start(&Setup { client, ..Setup::default() }, &own).await;
    let name = "kopieer1.delinde.example";
    for (leaf, may, said) in [
        (Some(AUTHORITY.leaf(name)), true, None),
        (Some(AUTHORITY.leaf("kopieer2.delinde.example")), false, Some("it is for none of the `names`")),
        (Some(AUTHORITY.expired(name)), false, Some("it has expired")),
        (Some(self_signed(name)), false, Some("it is not from the authority in `ca`")),
        (None, false, None),
    ] {
        let mut client = Client::hello(poort.address).await;
        assert_eq!(client.ask("STARTTLS").await.0, 220);
        let config = leaf.as_ref().map_or_else(|| AUTHORITY.client_config(), |leaf| AUTHORITY.client_config_of(leaf));
        client.handshake_with(config).await;
        client.ask("EHLO kopieer1.delinde.example").await;
        let (code, reply) = client.ask("MAIL FROM:<scan@delinde.example>").await;
        assert_eq!(code, if may { 250 } else { 530 }, "{said:?}: {reply}");
        client.ask("QUIT").await;
        let told = log.take();
        assert_eq!(told.matches("does not count").count(), usize::from(said.is_some()), "{told}");
        assert!(told.contains(said.unwrap_or_default()) && !told.to_lowercase().contains("kopieer"), "{told}");
    }
}

/// What this process logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn listen() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(move || writer.clone());
        tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        log
    }

    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

async fn encrypted(client: &mut Client) -> String {
    assert_eq!(client.ask("STARTTLS").await.0, 220);
    client.handshake().await;
    client.ask("EHLO laptop.delinde.example").await.1
}

fn plain(name: &str, password: &str) -> String {
    format!("AUTH PLAIN {}", BASE64.encode(format!("\0{name}\0{password}")))
}

fn stopped() -> String {
    format!(
        "From: <{ANNA}>\nTo: <{OUDER}>\nSubject: Aanmelding\nMessage-ID: <1@laptop.delinde.example>\n\n\
         Het burgerservicenummer (BSN) van de leerling is 123456782.\n"
    )
}

fn is_below(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return is_below(&path, text);
        }
        std::fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    })
}
