//! Forms and cookies: what comes back from a page of ours, and what does not.
//!
//! Cookies are `__Host-`: of this host alone, over TLS alone, out of reach of scripts. A POST must come from a page of
//! ours: by `Sec-Fetch-Site`, by `Origin`, and by a token made of cookies. (With `no-referrer` browsers send
//! `Origin: null` with our own forms, so null proves nothing and says nothing.)

use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::Url;

/// What a form holds.
pub(super) type Fields = Vec<(String, String)>;

/// The first value of a field.
pub(super) fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// On to another page of ours (303).
pub(super) fn see(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether a request comes from a page of ours, as far as the browser says so.
pub(super) fn is_from_us(url: &Url, headers: &HeaderMap) -> bool {
    let site = headers.get(HeaderName::from_static("sec-fetch-site"));
    let origin = headers.get(header::ORIGIN);
    let same = |origin: &HeaderValue| origin == "null" || origin.as_bytes() == url.origin().as_bytes();
    site.is_none_or(|site| site == "same-origin") && origin.is_none_or(same)
}

/// A path of ours, to go back to: nothing that a browser takes for another host.
pub(super) fn is_own_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_".contains(&b);
    path.starts_with('/') && !path.starts_with("//") && path.len() <= 200 && path.bytes().all(plain)
}

/// A cookie of a request.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE);
    let mut pairs = all.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))?;
    Some(value.to_owned())
}

/// The cookies of a request whose name begins like this: names and values.
pub(super) fn cookies(headers: &HeaderMap, prefix: &str) -> Vec<(String, String)> {
    let all = headers.get_all(header::COOKIE);
    let pairs = all.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let ours = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| name.starts_with(prefix));
    ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `lasts` in seconds; none for as long as the browser is open.
pub(super) fn set_cookie(response: &mut Response, name: &str, value: &str, lasts: Option<i64>) {
    let age = lasts.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_gone_back_to() {
        for good in ["/", "/mail", "/mail/4CRK7QM2XW", "/m/0123abc"] {
            assert!(is_own_path(good), "{good}");
        }
        for bad in
            ["", "mail", "//evil.example", "/\\evil.example", "https://evil.example", "/a?b", "/a\r\nX: y", "/%2f"]
        {
            assert!(!is_own_path(bad), "{bad:?}");
        }
    }
}
