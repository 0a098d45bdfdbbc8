//! HTTPS to the authority: one request a connection, bounded in time and size. No redirect is followed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::Scheme;
use axum::http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::ClientConfig;

use super::trouble::Unreached;
use crate::tls::https::Server;

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
            let answered = exchange(&tls, request).await;
            answered.map(BytesResponse::from).map_err(|what| Error::Other(Box::new(Unreached(what))))
        })
    }
}

async fn exchange(
    tls: &Arc<ClientConfig>,
    request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Full<Bytes>>, String> {
    let uri = request.uri().clone();
    if uri.scheme() != Some(&Scheme::HTTPS) {
        return Err("its address does not begin with https://".to_owned());
    }
    let host = uri.host().ok_or("it has no name")?;
    let server = Server::named(host, uri.port_u16().unwrap_or(443)).await.map_err(|trouble| trouble.to_string())?;
    let (mut head, body) = request.into_parts();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse::<Uri>().map_err(|_| "its address has no path")?;
    let Ok(body) = body.collect().await;
    let request = Request::from_parts(head, body.to_bytes().into());
    let answer = server.ask(tls, request, LENGTH, PATIENCE).await.map_err(|trouble| trouble.to_string())?;
    Ok(answer.map(|content| Full::new(Bytes::from(content))))
}
