//! The text of a mail as a page of its own, from HTML that anybody may have written.
//!
//! An allow-list (ammonia, on the parser that browsers' rules describe): the marks of text, tables, lists and links. No
//! script, style, form, frame, drawing or formula; no picture from elsewhere, so that opening a message tells nobody;
//! pictures of the mail itself (`cid:`, RFC 2392) are put into the page. The page is shown in a frame without scripts and
//! without an origin, under a policy that would stop what came through all the same.
//!
//! Pure: values in, a value out. Cannot fail; what is too large is not shown ([`LARGEST`]).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use ammonia::{Builder, UrlRelative};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use sha2::{Digest, Sha256};

/// HTML that is larger is not shown as such: its plain text is.
pub(super) const LARGEST: u64 = 2 * 1024 * 1024;
/// A picture of the mail that is larger stays a file.
pub(super) const LARGEST_PICTURE: u64 = 1024 * 1024;
/// All pictures that are put into one page.
pub(super) const LARGEST_PICTURES: u64 = 8 * 1024 * 1024;
/// More elements than this no mail of people has; a parser can make dozens of each.
const MOST_MARKS: usize = 20_000;

/// How it looks. It stands in the page, since a frame without an origin loads nothing from us.
const STYLE: &str = include_str!("pages/mail.css");

const TAGS: [&str; 52] = [
    "a",
    "abbr",
    "address",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];

/// What goes with all that stands in it.
const WHOLLY: [&str; 16] = [
    "script", "style", "title", "template", "noscript", "object", "embed", "applet", "iframe", "frameset", "svg",
    "math", "select", "textarea", "audio", "video",
];

/// A picture of the mail.
pub(super) struct Picture {
    /// Its Content-ID, without brackets.
    pub id: String,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// The text of a mail, fit to be shown.
pub(super) struct Shown {
    /// HTML of the body.
    pub html: String,
    /// Pictures from elsewhere that were left out.
    pub left_out: usize,
}

/// Takes out of the HTML of a mail whatever is no text. None when it is too large to be shown.
pub(super) fn shown(html: &str, pictures: &[Picture]) -> Option<Shown> {
    if html.len() as u64 > LARGEST || html.matches('<').count() > MOST_MARKS {
        return None;
    }
    let html = &plain_marks(html);
    let inlined = inlined(pictures);
    let left_out = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&left_out);
    let attributes: HashMap<&str, HashSet<&str>> = [
        ("a", vec!["href"]),
        ("img", vec!["src", "alt", "width", "height"]),
        ("td", vec!["colspan", "rowspan"]),
        ("th", vec!["colspan", "rowspan", "scope"]),
        ("ol", vec!["start", "type"]),
        ("col", vec!["span"]),
        ("colgroup", vec!["span"]),
    ]
    .into_iter()
    .map(|(tag, names)| (tag, names.into_iter().collect()))
    .collect();
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.into_iter().collect())
        .clean_content_tags(WHOLLY.into_iter().collect())
        .tag_attributes(attributes)
        .generic_attributes(["dir", "lang"].into_iter().collect())
        .url_schemes(["http", "https", "mailto", "tel", "cid"].into_iter().collect())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .strip_comments(true)
        .attribute_filter(move |tag, name, value| match (tag, name) {
            ("img", "src") => {
                let picture = cid(value).and_then(|id| inlined.get(&id));
                if picture.is_none() && is_elsewhere(value) {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                picture.map(|picture| picture.clone().into())
            }
            ("a", "href") => (!is_cid(value)).then(|| value.into()),
            ("img", "width" | "height") | (_, "colspan" | "rowspan" | "span" | "start") => {
                is_small(value).then(|| value.into())
            }
            ("ol", "type") => ["1", "a", "A", "i", "I"].contains(&value).then(|| value.into()),
            (_, "dir") => ["ltr", "rtl", "auto"].contains(&value).then(|| value.into()),
            _ => Some(value.into()),
        });
    let html = builder.clean(html).to_string();
    Some(Shown { html, left_out: left_out.load(Ordering::Relaxed) })
}

/// A whole page of it: a note above, when there is one to make.
pub(super) fn whole(tag: &str, title: &str, note: &str, body: &str) -> String {
    let note = if note.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>\n", escaped(note)) };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{tag}\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{}</title><style>{STYLE}</style></head>\n\
         <body>\n{note}<div dir=\"auto\">{body}</div>\n</body>\n</html>\n",
        escaped(title),
    )
}

/// The policy of that page: its own style and the pictures in it, and nothing else, whatever it says.
pub(super) fn policy() -> String {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; \
         style-src 'sha256-{style}'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
}

/// The type of a picture that browsers may show, by its first octets: what the mail says of it counts for nothing.
pub(super) fn picture_type(octets: &[u8]) -> Option<&'static str> {
    match octets {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

fn inlined(pictures: &[Picture]) -> HashMap<String, String> {
    let mut inlined = HashMap::new();
    for picture in pictures {
        let Some(kind) = picture_type(&picture.octets) else { continue };
        let written = format!("data:{kind};base64,{}", STANDARD.encode(&picture.octets));
        inlined.entry(picture.id.to_lowercase()).or_insert(written);
    }
    inlined
}

fn is_cid(value: &str) -> bool {
    value.trim_start().get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:"))
}

/// The Content-ID that an address names; octets may be written as `%40`.
fn cid(value: &str) -> Option<String> {
    let id = if is_cid(value) { value.trim().get(4..)? } else { return None };
    Some(id.replace("%40", "@").to_lowercase())
}

fn is_elsewhere(value: &str) -> bool {
    let value = value.trim_start().to_ascii_lowercase();
    value.starts_with("http:") || value.starts_with("https:") || value.starts_with("//")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn is_small(value: &str) -> bool {
    value.trim().parse::<u32>().is_ok_and(|number| number <= 5000)
}

/// The same HTML, with marks of text that have no attributes. A parser repeats marks that were not closed in every
/// paragraph after them (WHATWG HTML 13.2.4.3), of equal ones three at most: different ones would be repeated by the
/// thousand.
fn plain_marks(html: &str) -> Cow<'_, str> {
    static MARK: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)<(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)([\s/][^>]*)?>").ok());
    MARK.as_ref().map_or(Cow::Borrowed(html), |mark| mark.replace_all(html, "<$1>"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn body(html: &str) -> String {
        shown(html, &[]).unwrap().html
    }

    #[test]
    fn marks_of_text_stay_and_looks_go() {
        for (html, expected) in [
            ("<p style=\"color:red\" class=x id=y>Dag <b>Noor</b></p>", "<p>Dag <b>Noor</b></p>"),
            ("<o:p>Word</o:p><font face=Arial>x</font>", "Wordx"),
            ("<h1>Kop</h1><ul><li>een<li>twee</ul>", "<h1>Kop</h1><ul><li>een</li><li>twee</li></ul>"),
            ("a<script>b</script>c<style>d</style>e", "ace"),
            ("<form action=x>a<input value=b><button>c</button></form>", "ac"),
            ("<td colspan=2>x</td><th colspan=99999>y</th>", "xy"),
            ("<p dir=rtl lang=ar>x</p><p dir=evil>y</p>", "<p dir=\"rtl\" lang=\"ar\">x</p><p>y</p>"),
            (
                "<a href=https://a.example/ onclick=x>x</a>",
                "<a href=\"https://a.example/\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">x</a>",
            ),
        ] {
            assert_eq!(body(html), expected, "{html}");
        }
    }

    #[test]
    fn pictures_of_the_mail_are_shown_and_others_are_counted() {
        let png = b"\x89PNG\r\n\x1a\n...".to_vec();
        let pictures = [
            Picture { id: "Logo@x.example".into(), octets: png },
            Picture { id: "svg".into(), octets: b"<svg onload=alert(1)>".to_vec() },
        ];
        let html = "<img src=\"cid:logo%40X.example\" alt=Logo><img src=cid:svg><img src=https://evil.example/1><img src=//evil.example/2>\
                    <img src=\"data:image/png;base64,AAAA\">";
        let shown = shown(html, &pictures).unwrap();
        // An address without a scheme leads nowhere from a mail: it goes, and is nothing that anybody misses.
        assert_eq!(shown.left_out, 1);
        assert!(shown.html.starts_with("<img src=\"data:image/png;base64,iVBORw0K"), "{}", shown.html);
        assert_eq!(shown.html.matches(" src=").count(), 1, "{}", shown.html);
        assert!(!shown.html.contains("evil"), "{}", shown.html);
    }

    #[test]
    fn what_is_too_large_is_not_shown_and_what_is_made_to_grow_does_not() {
        assert!(shown(&"x".repeat(LARGEST as usize + 1), &[]).is_none());
        assert!(shown(&"<p>".repeat(MOST_MARKS + 1), &[]).is_none());
        assert!(shown(&"<div>".repeat(MOST_MARKS), &[]).is_some());
        // Thousands of marks that differ, none of them closed, and thousands of paragraphs that repeat them.
        let marks: String = (0..5000).map(|n| format!("<b id={n}><I/class={n}>")).collect();
        let grown = shown(&(marks + &"<p>x".repeat(5000)), &[]).unwrap();
        assert!(grown.html.len() < 500_000, "{}", grown.html.len());
    }

    #[test]
    fn what_is_harmless_stays_as_it_is() {
        for html in ["<p>a &lt;b&gt; c</p>", "<table><tbody><tr><td>x</td></tr></tbody></table>", "a &amp; b"] {
            assert_eq!(body(html), html);
            assert_eq!(body(&body(html)), html);
        }
    }

    #[test]
    fn the_policy_knows_the_style() {
        assert!(
            policy().contains("style-src 'sha256-") && whole("nl", "<t>", "", "x").contains("<title>&lt;t&gt;</title>")
        );
    }
}
