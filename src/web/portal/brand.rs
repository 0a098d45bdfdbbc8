//! Several schools in one installation: which are at which address, and what their pages have of their own.
//!
//! A link of one school at the address of another leads nowhere, as if it never was. The address is that of the request
//! (`Host`), which a proxy must hand on; where all schools have one address nobody looks at it.

use axum::extract::{Path, State};
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};

use super::{Answer, Fault, Portal};
use crate::school::School;

/// How long browsers keep looks.
const KEPT: &str = "private, max-age=3600";

impl Portal {
    /// Whether shares of a school are opened at the address that was asked for.
    pub(super) fn is_home_of(&self, school: &str, headers: &HeaderMap) -> bool {
        let settings = self.0.shares.settings();
        settings.urls().len() < 2 || is_at(settings.url_of(school), headers)
    }

    /// The schools whose shares are opened at the address that was asked for; all of them at the desk's.
    pub(super) fn schools_at(&self, headers: &HeaderMap) -> Vec<School> {
        let (all, settings) = (self.0.around.schools(), self.0.shares.settings());
        let here: Vec<School> =
            all.iter().filter(|school| is_at(settings.url_of(&school.id), headers)).cloned().collect();
        if here.is_empty() || settings.urls().len() < 2 { all } else { here }
    }

    /// Whether a school has a colour or a logo of its own.
    pub(super) fn looks(&self, school: &str) -> (bool, bool) {
        let brand = self.0.shares.settings().brands.get(school);
        (brand.is_some_and(|brand| brand.colour.is_some()), brand.is_some_and(|brand| brand.logo.is_some()))
    }
}

/// `GET /huisstijl/SCHOOL`: its colour, over the style sheet. In the dark ours stays, which is light on dark.
pub(super) async fn style(State(portal): State<Portal>, Path(school): Path<String>) -> Answer {
    let brand = portal.0.shares.settings().brands.get(&school);
    let colour = brand.and_then(|brand| brand.colour.as_ref()).ok_or(Fault::MISSING)?;
    let style =
        format!("@media not (prefers-color-scheme: dark) {{ :root {{ --link: {colour}; --on-link: #fff; }} }}\n");
    Ok(with_type("text/css; charset=utf-8", style.into_bytes()))
}

/// `GET /logo/SCHOOL`.
pub(super) async fn logo(State(portal): State<Portal>, Path(school): Path<String>) -> Answer {
    let brand = portal.0.shares.settings().brands.get(&school);
    let logo = brand.and_then(|brand| brand.logo.as_ref()).ok_or(Fault::MISSING)?;
    Ok(with_type("image/png", logo.to_vec()))
}

fn with_type(kind: &'static str, octets: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEPT)], octets).into_response()
}

fn is_at(url: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    url.split_once("://").is_some_and(|(_, name)| name.eq_ignore_ascii_case(host))
}
