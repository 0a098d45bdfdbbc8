//! The pages over TLS: a browser that trusts the school's authority is served, one that speaks no TLS is not, and a new
//! certificate is shown without a restart.
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use inside::authority::AUTHORITY;
use inside::soon;
use mailpoort::tls::{Files, Shown};
use mailpoort::web::{Server, Settings, Url};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const NAME: &str = "poort.delinde.example";

#[tokio::test]
async fn the_pages_are_served_under_tls_and_a_new_certificate_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    show(folder.path());
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        url: Url::parse(&format!("https://{NAME}")).unwrap(),
        proxies: Vec::new(),
        certificate: Some(Files {
            certificate: folder.path().join("web.pem"),
            key: folder.path().join("web.key"),
            fetched: false,
        }),
        max_connections: 16,
        idle_timeout: Duration::from_secs(10),
    };
    let shown = Shown::load(settings.certificate.as_ref().unwrap()).unwrap();
    let pages = Router::new().route("/", get(|| async { "Mijn mail" }));
    let server = Server::start(&settings, Some(&shown), pages).await.unwrap();
    let (first, answer) = ask(&server).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("Mijn mail"), "{answer}");
    // Without TLS there is no answer.
    let mut plain = TcpStream::connect(server.listening()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: poort.delinde.example\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = soon("the end of a plain connection", plain.read_to_end(&mut said)).await;
    assert!(!said.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&said));
    show(folder.path());
    assert_eq!(shown.look(), Ok(true));
    let (second, _) = ask(&server).await;
    assert_ne!(first, second, "the certificate is the old one");
    // One that does not fit is refused, and the other is shown on.
    std::fs::write(folder.path().join("web.key"), AUTHORITY.leaf(NAME).key).unwrap();
    assert!(Shown::load(shown.files()).is_err() && shown.look() != Ok(true));
    assert_eq!(ask(&server).await.0, second);
}

/// The certificate that is shown, and the page.
async fn ask(server: &Server) -> (Vec<u8>, String) {
    let tcp = TcpStream::connect(server.listening()).await.unwrap();
    let connector = TlsConnector::from(AUTHORITY.client_config());
    let name = ServerName::try_from(NAME).unwrap();
    let mut stream = soon("a handshake", connector.connect(name, tcp)).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = soon("a page", stream.read_to_string(&mut answer)).await;
    (shown, answer)
}

fn show(folder: &Path) {
    let leaf = AUTHORITY.leaf(NAME);
    std::fs::write(folder.join("web.pem"), leaf.certificate).unwrap();
    let key = folder.join("web.key");
    std::fs::write(&key, leaf.key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
}
