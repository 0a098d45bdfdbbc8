//! The demo's web page: what went out, the notices, and the journal. Read only, on this machine only.
//!
//! Shows mail that anybody could have written: text is escaped, and the HTML of a notice stands in a frame that may
//! run nothing and load nothing. A site that resolves its own name to this machine (DNS rebinding) is turned away by
//! the Host header.

mod view;

use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, uri::Authority};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::journal;
use super::provider::{Kept, Provider};

/// What the pages show.
#[derive(Clone)]
pub(super) struct Shown {
    /// The next hop's mailboxes.
    pub provider: Provider,
    /// The journal's file.
    pub journal: Arc<PathBuf>,
    /// Where the gate takes mail.
    pub smtp: std::net::SocketAddr,
}

/// The pages. No script, no cookie, nothing from elsewhere.
pub(super) fn router(shown: Shown) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/mail/{number}", get(mail))
        .route("/mail/{number}/html", get(notice_html))
        .route("/mail/{number}/source", get(source))
        .route("/style.css", get(style))
        .fallback(|| async { not_found() })
        .layer(middleware::from_fn(guard))
        .with_state(shown)
}

/// Of a page: its own style sheet and its own frames.
const PAGE: &str = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Of mail's HTML: its own styles, in a frame of ours, with the rights of a stranger.
const MAIL_HTML: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox";

/// Turns away who asks for another host than this machine, and puts the security headers on every answer.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = if asks_for_this_machine(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "This page answers to 127.0.0.1 and localhost only.\n").into_response()
    };
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(PAGE));
    let always: [(HeaderName, &str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The port may be another one: people forward it.
fn asks_for_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    !authority.as_str().contains('@') && ["127.0.0.1", "localhost", "[::1]"].contains(&authority.host())
}

async fn list(State(shown): State<Shown>) -> Response {
    let (notices, passed): (Vec<_>, Vec<_>) = shown.provider.all().into_iter().partition(|kept| kept.notice);
    let file = Arc::clone(&shown.journal);
    let lines = tokio::task::spawn_blocking(move || journal::last_lines(&file)).await.unwrap_or_default();
    let row = |kept: &Arc<Kept>| view::Row::new(kept);
    page(&view::List {
        notices: notices.iter().map(row).collect(),
        passed: passed.iter().map(row).collect(),
        journal: lines.iter().rev().take(50).map(view::JournalRow::new).collect(),
        smtp: shown.smtp.to_string(),
    })
}

async fn mail(State(shown): State<Shown>, Path(number): Path<u64>) -> Response {
    shown.provider.get(number).map_or_else(not_found, |kept| page(&view::Mail::new(&kept)))
}

async fn notice_html(State(shown): State<Shown>, Path(number): Path<u64>) -> Response {
    let html = shown.provider.get(number).filter(|kept| kept.notice).and_then(|kept| view::html_of(&kept.raw));
    let framed = |html| ([(header::CONTENT_SECURITY_POLICY, MAIL_HTML)], Html(html)).into_response();
    html.map_or_else(not_found, framed)
}

async fn source(State(shown): State<Shown>, Path(number): Path<u64>) -> Response {
    let text = |kept: Arc<Kept>| String::from_utf8_lossy(&kept.raw).into_owned().into_response();
    shown.provider.get(number).map_or_else(not_found, text)
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("pages/style.css"))
        .into_response()
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn not_found() -> Response {
    let mut response = page(&view::Missing {});
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_this_machine_is_asked_for() {
        let asks = |hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
            }
            asks_for_this_machine(&headers)
        };
        for good in ["127.0.0.1:8025", "localhost:8025", "localhost", "127.0.0.1:9999", "[::1]:8025"] {
            assert!(asks(&[good]), "{good}");
        }
        for bad in
            ["evil.example:8025", "127.0.0.1.evil.example", "localhost.evil.example", "x@127.0.0.1:8025", "", " "]
        {
            assert!(!asks(&[bad]), "{bad}");
        }
        assert!(!asks(&[]) && !asks(&["localhost", "localhost"]));
    }
}
