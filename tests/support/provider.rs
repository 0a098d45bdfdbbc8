//! A provider of text messages: a real HTTPS server on this machine, which keeps what it is asked and answers as it is told.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, Mutex};

use mailpoort::secret::Secret;
use mailpoort::share::sms::{Format, Provider, Settings};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The server.
#[derive(Clone)]
pub struct Texts {
    port: u16,
    ca: std::path::PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
    status: Arc<Mutex<u16>>,
}

impl Texts {
    /// Listens; its certificate is written into this folder.
    pub async fn listen(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let ca = folder.join("provider.pem");
        std::fs::write(&ca, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let texts = Self { port, ca, asked: Arc::default(), status: Arc::new(Mutex::new(200)) };
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), texts.clone()));
        texts
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    /// What it was asked: head and content of each request.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The text that it was to send last.
    pub fn last_text(&self) -> String {
        let asked = self.asked().pop().unwrap();
        let body = asked.split_once("\r\n\r\n").unwrap().1;
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["text"].as_str().unwrap().to_owned()
    }

    /// The code that it was to send last.
    pub fn last_code(&self) -> String {
        self.last_text()[..6].to_owned()
    }

    /// How it is asked, with at most so many texts a day.
    pub fn provider(&self, daily: u32) -> Arc<Provider> {
        let settings = Settings {
            host: "127.0.0.1".into(),
            port: self.port,
            path: "/v1/messages?x=1".into(),
            method: axum::http::Method::POST,
            headers: vec![(axum::http::HeaderName::from_static("authorization"), Secret::new("Bearer sleutel".into()))],
            format: Format::Json,
            body: r#"{"to": "{to}", "text": "{text}", "ref": "{ref}"}"#.into(),
            ok_status: vec![axum::http::StatusCode::OK],
            ok_json: None,
            country: "NL".into(),
            calling_code: "31".into(),
            daily,
            ca: Some(self.ca.clone()),
        };
        Arc::new(Provider::new(settings).unwrap())
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, texts: Texts) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (tls, texts) = (tls.clone(), texts.clone());
        tokio::spawn(async move {
            let Ok(mut line) = tls.accept(tcp).await else { return };
            let mut read = Vec::new();
            let mut piece = [0; 4096];
            loop {
                let octets = line.read(&mut piece).await.unwrap_or(0);
                read.extend_from_slice(&piece[..octets]);
                let text = String::from_utf8_lossy(&read).into_owned();
                let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                    let length = head.to_lowercase();
                    let length = length.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
                    body.len() >= length.and_then(|length| length.parse::<usize>().ok()).unwrap_or(0)
                });
                if whole || octets == 0 {
                    texts.asked.lock().unwrap().push(text);
                    break;
                }
            }
            let status = *texts.status.lock().unwrap();
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
            let _ = line.write_all(answer.as_bytes()).await;
            let _ = line.shutdown().await;
        });
    }
}
