//! The headers of every answer: what a browser may do with a page of ours.

use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// Nothing but our own style sheet, and forms to ourselves; no script, no base. A frame of our own only where a page has
/// one (a mail's text).
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; \
                      frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same, with scripts of our own: for the pages of passkeys, which browsers give to scripts alone.
pub(super) const POLICY_WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; \
                                             form-action 'self'; frame-src 'self'; base-uri 'none'; \
                                             frame-ancestors 'none'; script-src 'self'";

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

/// What a handler may say itself: the style sheet may be kept, and the page of a mail's text stands in a frame of ours.
const OWN: [HeaderName; 3] = [header::CACHE_CONTROL, header::CONTENT_SECURITY_POLICY, header::X_FRAME_OPTIONS];

/// Puts the security headers on every answer.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        if !(OWN.contains(&name) && response.headers().contains_key(&name)) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
