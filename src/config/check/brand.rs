//! What pages for the recipients of one school have of their own: address, colour, logo.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::Check;
use crate::config::raw;
use crate::share::Brand;
use crate::web::Url;

/// A logo is had with every page.
const LARGEST_LOGO: usize = 100_000;
/// More dots than this nobody sees in the head of a page.
const WIDEST_LOGO: u32 = 2000;
/// WCAG 2.2, 1.4.3.
const CONTRAST: f64 = 4.5;

impl Check<'_> {
    pub(super) fn brands(&mut self, schools: &[Spanned<raw::School>], shares: bool) -> BTreeMap<String, Brand> {
        let mut brands = BTreeMap::new();
        for school in schools.iter().map(Spanned::get_ref) {
            let spans = [
                school.share_url.as_ref().map(Spanned::span),
                school.share_colour.as_ref().map(Spanned::span),
                school.share_logo.as_ref().map(Spanned::span),
            ];
            let Some(span) = spans.into_iter().flatten().next() else { continue };
            if !shares {
                let what = format!(
                    "the school `{}` has pages of its own for shares, and there is no [share]",
                    school.id.get_ref()
                );
                self.problem(&span, what, "add [share], or remove `share_url`, `share_colour` and `share_logo`");
            }
            let brand = Brand {
                url: school.share_url.as_ref().and_then(|url| self.share_url(url)),
                colour: school.share_colour.as_ref().and_then(|colour| self.colour(colour)),
                logo: school.share_logo.as_ref().and_then(|logo| self.logo(logo)),
            };
            brands.insert(school.id.get_ref().clone(), brand);
        }
        brands
    }

    fn share_url(&mut self, typed: &Spanned<String>) -> Option<String> {
        let url = Url::parse(typed.get_ref());
        if url.is_none() {
            self.problem(
                &typed.span(),
                format!("`{}` is no address of a website", typed.get_ref()),
                "write https:// and the name that parents see, without a path: \"https://veilig.school.example\"",
            );
        }
        url.map(|url| url.origin().to_owned())
    }

    fn colour(&mut self, typed: &Spanned<String>) -> Option<String> {
        let Some(light) = luminance(typed.get_ref()) else {
            let what = format!("`{}` is no colour", typed.get_ref());
            self.problem(&typed.span(), what, "write six hexadecimal digits, for example \"#0a4f8f\"");
            return None;
        };
        let contrast = 1.05 / (light + 0.05);
        if contrast < CONTRAST {
            let what = format!("the colour `{}` is too light to be read on white ({contrast:.1} : 1)", typed.get_ref());
            self.problem(&typed.span(), what, "choose a darker one: 4.5 : 1 or more (WCAG 1.4.3)");
            return None;
        }
        Some(typed.get_ref().to_ascii_lowercase())
    }

    fn logo(&mut self, typed: &Spanned<PathBuf>) -> Option<Arc<[u8]>> {
        let file = self.path(typed.get_ref());
        let wrong = match std::fs::read(&file) {
            Err(error) => format!("the logo cannot be read: {error}"),
            Ok(octets) if octets.len() > LARGEST_LOGO => format!("the logo has {} octets", octets.len()),
            Ok(octets) => match dots(&octets) {
                None => "the logo is no PNG".to_owned(),
                Some(size) if size > WIDEST_LOGO => format!("the logo is {size} dots wide or high"),
                Some(_) => return Some(octets.into()),
            },
        };
        self.problem(&typed.span(), wrong, "give a PNG of at most 100 kB and 2000 dots; 200 dots high is enough");
        None
    }
}

/// How light a colour is, 0 to 1 (WCAG 2.2, relative luminance).
fn luminance(colour: &str) -> Option<f64> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?) / 255.0;
        Some(if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) })
    };
    Some(0.2126 * part(0)? + 0.7152 * part(2)? + 0.0722 * part(4)?)
}

/// The larger of width and height of a PNG (ISO/IEC 15948, 11.2.2).
fn dots(octets: &[u8]) -> Option<u32> {
    let head = octets.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let side = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    Some(side(0)?.max(side(4)?))
}
