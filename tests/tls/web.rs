//! The web server of policies: HTTPS on loopback, with a certificate of the tests' own authority, saying per host what
//! the test wants.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub const PORT: u16 = 4443;

/// A policy that lists hosts.
pub fn policy(mode: &str, hosts: &[&str]) -> String {
    let hosts: String = hosts.iter().map(|host| format!("mx: {host}\r\n")).collect();
    format!("version: STSv1\r\nmode: {mode}\r\n{hosts}max_age: 86400\r\n")
}

/// Says it as a web server should.
pub fn right(policy: &str) -> String {
    let length = policy.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{policy}")
}

/// A request with its header fields in lower case, and its content.
pub type Posted = (String, Vec<u8>);

/// The server. It listens as long as the runtime runs.
#[derive(Clone)]
pub struct Web {
    said: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
    posted: Arc<Mutex<Vec<Posted>>>,
    /// The authority of its certificate.
    pub ca: PathBuf,
}

impl Web {
    /// Listens, with a certificate for these hosts.
    pub async fn start(address: IpAddr, folder: &Path, hosts: &[&str]) -> Self {
        Self::at(SocketAddr::new(address, PORT), folder, hosts).await
    }

    /// The same, at a port of choice.
    pub async fn at(address: SocketAddr, folder: &Path, hosts: &[&str]) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = folder.join("authority.pem");
        std::fs::write(&ca, params.self_signed(&key).unwrap().pem()).unwrap();
        let authority = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let name =
            |host: &&str| if host.starts_with("tlsrpt.") { (*host).to_owned() } else { format!("mta-sts.{host}") };
        let names: Vec<String> = hosts.iter().map(name).collect();
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap().pem();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        let web = Self { said: Arc::default(), asked: Arc::default(), posted: Arc::default(), ca };
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(web.clone().serve(listener, TlsAcceptor::from(Arc::new(config))));
        web
    }

    /// From now on it says this for a domain; with none it closes the line.
    pub fn say(&self, domain: &str, answer: Option<String>) {
        let mut said = self.said.lock().unwrap();
        match answer {
            Some(answer) => said.insert(format!("mta-sts.{domain}"), answer),
            None => said.remove(&format!("mta-sts.{domain}")),
        };
    }

    /// How often it was asked for a domain's policy.
    pub fn asked(&self, domain: &str) -> usize {
        self.asked.lock().unwrap().get(&format!("mta-sts.{domain}")).copied().unwrap_or_default()
    }

    /// What was posted.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }

    async fn serve(self, listener: TcpListener, acceptor: TlsAcceptor) {
        while let Ok((line, _)) = listener.accept().await {
            let (web, acceptor) = (self.clone(), acceptor.clone());
            tokio::spawn(async move { web.answer(acceptor, line).await });
        }
    }

    async fn answer(&self, acceptor: TlsAcceptor, line: TcpStream) -> Option<()> {
        let mut line = acceptor.accept(line).await.ok()?;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(line.read_u8().await.ok()?);
        }
        let request = String::from_utf8(request).unwrap().to_ascii_lowercase();
        if request.starts_with("post ") {
            let length = request.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut content = vec![0; length.parse().unwrap()];
            line.read_exact(&mut content).await.ok()?;
            self.posted.lock().unwrap().push((request, content));
            line.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await.ok()?;
            return line.shutdown().await.ok();
        }
        assert!(request.starts_with("get /.well-known/mta-sts.txt http/1.1\r\n"), "{request}");
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let host = host.split(':').next().unwrap_or_default().to_owned();
        *self.asked.lock().unwrap().entry(host.clone()).or_default() += 1;
        let answer = self.said.lock().unwrap().get(&host).cloned()?;
        line.write_all(answer.as_bytes()).await.ok()?;
        line.shutdown().await.ok()
    }
}
