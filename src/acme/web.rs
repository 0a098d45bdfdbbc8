//! HTTPS to the authority: one request a connection, bounded in time and size. No redirect is followed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::HOST;
use axum::http::{HeaderValue, Request, Response, Uri, uri::Scheme};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::trouble::Unreached;

/// Octets of an answer: a chain of certificates is some kilobytes.
const LENGTH: usize = 1 << 20;
/// Time for a request and its answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client for requests to the authority.
pub(super) struct Web(pub Arc<ClientConfig>);

impl HttpClient for Web {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let tls = Arc::clone(&self.0);
        Box::pin(async move {
            let answered = timeout(PATIENCE, exchange(tls, request)).await;
            let answered = answered.unwrap_or_else(|_| Err("it does not answer within a minute".to_owned()));
            answered.map(BytesResponse::from).map_err(|what| Error::Other(Box::new(Unreached(what))))
        })
    }
}

async fn exchange(
    tls: Arc<ClientConfig>,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Full<Bytes>>, String> {
    let uri = request.uri().clone();
    if uri.scheme() != Some(&Scheme::HTTPS) {
        return Err("its address does not begin with https://".to_owned());
    }
    let (Some(host), Some(authority)) = (uri.host(), uri.authority()) else { return Err("it has no name".to_owned()) };
    let bare = host.trim_matches(['[', ']']).to_owned();
    let line = TcpStream::connect((bare.as_str(), uri.port_u16().unwrap_or(443))).await;
    let line = line.map_err(|error| error.to_string())?;
    let name = ServerName::try_from(bare).map_err(|_| "it has no name for a certificate")?;
    let line = TlsConnector::from(tls).connect(name, line).await;
    let line = line.map_err(|error| format!("no TLS with it: {error}"))?;
    let silent = |error: hyper::Error| format!("it speaks no HTTP: {error}");
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| "it has no name for HTTP")?;
    request.headers_mut().insert(HOST, host);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| "its address has no path")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(line)).await.map_err(silent)?;
    let talk = async {
        let (head, body) = sender.send_request(request).await.map_err(silent)?.into_parts();
        let body = Limited::new(body, LENGTH).collect().await;
        let body = body.map_err(|error| format!("its answer is too long, or breaks off: {error}"))?.to_bytes();
        Ok(Response::from_parts(head, Full::new(body)))
    };
    // The connection is driven beside the request, and dropped with it.
    tokio::pin!(talk);
    tokio::select! {
        answered = &mut talk => answered,
        _ = connection => talk.await,
    }
}
