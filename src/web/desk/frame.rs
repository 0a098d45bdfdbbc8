//! Around every answer: its headers, and the page of an error.

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Desk;
use super::pages::{self, Page};
use super::visit;

/// Nothing but our own style sheet, and forms to ourselves; no script, no frame, no base.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; \
                      frame-src 'none'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 10] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow, noarchive"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    ),
];

/// Puts the security headers on every answer. The style sheet alone may be kept.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let keeps = response.headers().contains_key(header::CACHE_CONTROL);
    for (name, value) in HEADERS {
        if !(keeps && name == header::CACHE_CONTROL) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// Writes the page of an error; handlers and axum say the status alone.
pub(super) async fn errors(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let language = visit::language_of(request.headers(), &desk);
    let (is_head, reads) = (request.method() == Method::HEAD, request.method().is_safe());
    let response = next.run(request).await;
    let status = match response.status() {
        // A path that is no text is a link like any other that leads nowhere.
        StatusCode::BAD_REQUEST if reads => StatusCode::NOT_FOUND,
        status => status,
    };
    let is_page = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == pages::HTML);
    if !status.is_client_error() && !status.is_server_error() || is_page {
        return response;
    }
    // A page that shows nothing of the path or the device: whatever was wrong with a link, the answer is the same.
    let page = Page::outside(&desk, language);
    let mut shown = pages::show(&pages::Said::error(page, word(status)));
    *shown.status_mut() = status;
    if is_head {
        *shown.body_mut() = axum::body::Body::empty();
    }
    shown
}

fn word(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "stranger",
        StatusCode::FORBIDDEN => "forged",
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => "missing",
        StatusCode::PAYLOAD_TOO_LARGE => "large",
        status if status.is_client_error() => "form",
        _ => "trouble",
    }
}

/// The style sheet.
pub(super) async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "private, max-age=3600")];
    (headers, include_str!("pages/style.css")).into_response()
}
