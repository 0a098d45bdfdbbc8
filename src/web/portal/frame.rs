//! Around every answer: the page of an error.

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::pages::{self, Page, Said};
use super::{Portal, visit};

/// Writes the page of an error; handlers and axum say the status alone.
pub(super) async fn errors(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let (tag, headers) = (visit::language_of(request.headers(), &portal), request.headers().clone());
    let (is_head, reads) = (request.method() == Method::HEAD, request.method().is_safe());
    let response = next.run(request).await;
    let status = match response.status() {
        // A path that is no text is a link like any other that leads nowhere.
        StatusCode::BAD_REQUEST if reads => StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED => StatusCode::NOT_FOUND,
        status => status,
    };
    let is_ours = response.headers().contains_key(header::CONTENT_TYPE)
        && response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind != "text/plain; charset=utf-8");
    if !status.is_client_error() && !status.is_server_error() || is_ours {
        return response;
    }
    // A page that shows nothing of the path or the device: whatever was wrong with a link, the answer is the same.
    let page = Page::new(&portal, &headers, &tag, String::new(), "/echt");
    let mut shown = pages::show(&Said::error(page, word(status)));
    *shown.status_mut() = status;
    if is_head {
        *shown.body_mut() = axum::body::Body::empty();
    }
    shown
}

fn word(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "closed",
        StatusCode::FORBIDDEN => "forged",
        StatusCode::NOT_FOUND => "missing",
        StatusCode::GONE => "gone",
        StatusCode::CONFLICT => "view_only",
        StatusCode::PAYLOAD_TOO_LARGE => "large",
        status if status.is_client_error() => "form",
        _ => "trouble",
    }
}

/// The style sheet.
pub(super) async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "private, max-age=3600")];
    (headers, include_str!("pages/portal.css")).into_response()
}
