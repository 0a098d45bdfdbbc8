//! Our own certificate from a real authority (Debian's pebble): asked for, shown, renewed without ending a session, and
//! what is said when it does not come.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;
#[path = "acme/pebble.rs"]
mod pebble;
mod support;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use inside::soon;
use mailpoort::acme::{Acme, Blame, Challenge, Settings, Trouble, files};
use mailpoort::tls::{Challenges, Trust, client_config};
use pebble::{HTTP, PAGES, Pebble, is_private};
use rustls::pki_types::{CertificateDer, ServerName};
use support::address;
use support::gate::Gate;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const NAME: &str = "poort.delinde.example";
const PAGE: &str = "veilig.delinde.example";
const LONG: Duration = Duration::from_secs(3600);

fn settings(pebble: &Pebble, challenge: Challenge) -> Settings {
    Settings {
        directory: pebble.directory(),
        contact: "ict@delinde.example".into(),
        names: vec![NAME.into(), PAGE.into()],
        challenge,
        ca: Some(pebble.trusted()),
        again: Duration::from_millis(500),
    }
}

/// TLS with whoever listens, and the certificate that is shown.
async fn secure(tcp: TcpStream, name: &str) -> (TlsStream<TcpStream>, CertificateDer<'static>) {
    let connector = TlsConnector::from(Arc::new(client_config(Trust::Unverified, None).unwrap()));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = soon("a handshake", connector.connect(name, tcp)).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    (stream, shown)
}

fn is_for(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate).unwrap();
    rustls::client::verify_server_name(&parsed, &ServerName::try_from(name).unwrap()).is_ok()
}

/// A session with the gate, and what it was shown.
struct Session {
    stream: BufReader<TlsStream<TcpStream>>,
    shown: CertificateDer<'static>,
}

impl Session {
    /// None while the gate offers no TLS.
    async fn begin(gate: SocketAddr) -> Option<Self> {
        let mut plain = BufReader::new(TcpStream::connect(gate).await.unwrap());
        assert_eq!(heard(&mut plain).await.0, "220");
        let offered = said(&mut plain, "EHLO mail.delinde.example").await.1;
        if !offered.contains("STARTTLS") {
            return None;
        }
        assert_eq!(said(&mut plain, "STARTTLS").await.0, "220");
        let (stream, shown) = secure(plain.into_inner(), NAME).await;
        Some(Self { stream: BufReader::new(stream), shown })
    }
}

async fn said(stream: &mut (impl AsyncBufReadExt + AsyncWriteExt + Unpin), line: &str) -> (String, String) {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    heard(stream).await
}

async fn heard(stream: &mut (impl AsyncBufReadExt + Unpin)) -> (String, String) {
    let mut reply = String::new();
    loop {
        let mut line = String::new();
        assert!(soon("a reply", stream.read_line(&mut line)).await.unwrap() > 0, "hung up after {reply}");
        reply += &line;
        if line.as_bytes().get(3) != Some(&b'-') {
            return (line[..3].to_owned(), reply);
        }
    }
}

/// Looks until it is there.
async fn wait<T, F: Future<Output = Option<T>>>(what: impl Fn() -> String, mut look: impl FnMut() -> F) -> T {
    let end = std::time::Instant::now() + Duration::from_secs(25);
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(std::time::Instant::now() < end, "this never came: {}", what());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn configuration(folder: &Path, pebble: &Pebble, host: &str) -> String {
    std::fs::write(folder.join("authority.pem"), std::fs::read(pebble.trusted()).unwrap()).unwrap();
    format!(
        r#"hostname = "{NAME}"
data_dir = "data"
[[school]]
id = "linde"
name = "De Linde"
domains = ["delinde.example"]
privacy = {{ name = "Sanne Vos", phone = "000-1" }}
helpdesk = {{ name = "ICT", phone = "000-2" }}
[smtp]
listen = ["{host}:2525"]
tls = {{ certificate = "acme" }}
[[smtp.client]]
name = "mailserver"
networks = ["127.0.0.0/8"]
[[next_hop]]
name = "provider"
hosts = ["{host}:2526"]
tls = "off"
[web]
listen = "{host}:{PAGES}"
url = "https://{PAGE}"
certificate = "acme"
[metrics]
listen = "{host}:9925"
[acme]
accept_terms = true
contact = "ict@delinde.example"
directory = "{}"
listen = "{host}:{HTTP}"
ca = "authority.pem"
"#,
        pebble.directory()
    )
}

/// The gate begins without a certificate, gets one, and renews it at two thirds of its life, while a session of the mail
/// server and a browser's connection go on.
#[tokio::test]
async fn a_certificate_comes_and_is_renewed_while_sessions_go_on() {
    let host = address(21);
    let pebble = Pebble::start(22, Duration::from_secs(13), &host);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let gate = Gate::start(folder.path(), &configuration(folder.path(), &pebble, &host));
    let (smtp, pages): (SocketAddr, SocketAddr) =
        (format!("{host}:2525").parse().unwrap(), format!("{host}:{PAGES}").parse().unwrap());
    let said_so_far = || format!("{}\n{}", gate.log(), pebble.log());
    let mut session = wait(said_so_far, || Session::begin(smtp)).await;
    let (mut browser, shown) = secure(TcpStream::connect(pages).await.unwrap(), PAGE).await;
    assert!(session.shown == shown && is_for(&shown, NAME) && is_for(&shown, PAGE));
    for file in ["account.json", "certificate.pem"] {
        assert!(is_private(&folder.path().join("data/acme").join(file)), "{file}");
    }
    assert!(TcpStream::connect((host.as_str(), HTTP)).await.is_err(), "nothing stays on the port of challenges");
    let renewed = wait(said_so_far, || async {
        Session::begin(smtp).await.filter(|other| other.shown != shown).map(|other| other.shown)
    })
    .await;
    assert!(is_for(&renewed, NAME));
    let fresh = secure(TcpStream::connect(pages).await.unwrap(), PAGE).await.1;
    assert_ne!(fresh, shown);
    // What was open goes on.
    assert!(said(&mut session.stream, "EHLO mail.delinde.example").await.1.contains("SIZE"));
    assert_eq!(said(&mut session.stream, "NOOP").await.0, "250");
    browser.write_all(format!("GET / HTTP/1.1\r\nHost: {PAGE}\r\n\r\n").as_bytes()).await.unwrap();
    let mut page = [0; 12];
    soon("a page", browser.read_exact(&mut page)).await.unwrap();
    assert_eq!(&page, b"HTTP/1.1 200");
    gate.stop();
}

/// The answer is a handshake with the pages; nothing listens anywhere else.
#[tokio::test]
async fn a_handshake_with_the_pages_is_an_answer_too() {
    let host = address(23);
    let pebble = Pebble::start(24, LONG, &host);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let config = configuration(folder.path(), &pebble, &host);
    let config = config.replace(&format!("listen = \"{host}:{HTTP}\""), "challenge = \"tls-alpn-01\"");
    let gate = Gate::start(folder.path(), &config);
    let smtp: SocketAddr = format!("{host}:2525").parse().unwrap();
    let session = wait(|| format!("{}\n{}", gate.log(), pebble.log()), || Session::begin(smtp)).await;
    assert!(is_for(&session.shown, NAME) && is_for(&session.shown, PAGE));
    // Whoever else asks in the authority's protocol gets nothing.
    let mut config = client_config(Trust::Unverified, None).unwrap();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let tcp = TcpStream::connect((host.as_str(), PAGES)).await.unwrap();
    let name = ServerName::try_from(PAGE).unwrap();
    assert!(soon("a refusal", TlsConnector::from(Arc::new(config)).connect(name, tcp)).await.is_err());
    gate.stop();
}

/// A try that comes to nothing says why and who can mend it, and is tried again until it is mended.
#[tokio::test]
async fn a_refused_challenge_is_told_and_tried_again() {
    let (host, elsewhere) = (address(25), address(26));
    let pebble = Pebble::start(27, LONG, &host);
    let folder = tempfile::tempdir().unwrap();
    let listen = |host: &str| Challenge::Http(format!("{host}:{HTTP}").parse().unwrap());
    // The answers stand where the names do not lead to.
    let acme = Acme::new(folder.path(), settings(&pebble, listen(&elsewhere)), Challenges::default());
    tokio::spawn(acme.clone().tend());
    let trouble = wait(|| pebble.log(), || async { acme.trouble() }).await;
    assert_eq!(trouble.blame, Blame::Names, "{trouble}");
    let told = trouble.to_string();
    assert!(told.contains(".delinde.example is ours") && told.contains("port 80 lead to"), "{told}");
    assert!(!files(folder.path()).certificate.exists());
    // Somebody mends it, and reloads.
    let mut fetched = acme.fetched();
    acme.reload(settings(&pebble, listen(&host)));
    soon("a certificate", fetched.changed()).await.unwrap();
    assert!(files(folder.path()).certificate.exists() && acme.trouble().is_none());
}

/// Each trouble has its own culprit.
#[tokio::test]
async fn it_is_said_who_is_to_blame() {
    let (host, dead) = (address(28), address(29));
    let pebble = Pebble::start(30, LONG, &host);
    let taken = TcpListener::bind(format!("{host}:{HTTP}")).unwrap();
    let listen = Challenge::Http(taken.local_addr().unwrap());
    let right = settings(&pebble, listen);
    let nobody = format!("https://{dead}:14000/dir");
    for (settings, blame, words) in [
        (right.clone(), Blame::Machine, "cannot listen on"),
        (Settings { directory: nobody, ..right.clone() }, Blame::Way, "cannot be reached"),
        (Settings { ca: None, ..right.clone() }, Blame::Way, "no valid certificate"),
        (Settings { directory: pebble.directory() + "x", ..right.clone() }, Blame::Authority, "is not ACME"),
        (
            Settings { names: vec!["*.delinde.example".into()], challenge: Challenge::TlsAlpn, ..right.clone() },
            Blame::Configuration,
            "does not offer this `challenge`",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let acme = Acme::new(folder.path(), settings, Challenges::default());
        let tending = tokio::spawn(acme.clone().tend());
        let trouble: Trouble = wait(|| pebble.log(), || async { acme.trouble() }).await;
        assert!(trouble.blame == blame && trouble.to_string().contains(words), "{trouble}");
        tending.abort();
    }
    drop(taken);
}
