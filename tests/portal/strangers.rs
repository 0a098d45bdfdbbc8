//! What strangers wrote: HTML, subjects, names of files, names of people.

use std::collections::BTreeSet;
use std::io::Cursor;

use zip::ZipArchive;

use super::guard::items;
use super::house::*;

/// Ways in that are known (after the lists of OWASP, PortSwigger and html5sec), one a line.
const PAYLOADS: &str = include_str!("payloads.txt");

fn payloads() -> impl Iterator<Item = &'static str> {
    PAYLOADS.lines().filter(|line| !line.is_empty() && !line.starts_with("## "))
}

/// Every payload as the text of a mail: what is left has allowed elements and attributes alone.
#[tokio::test]
async fn html_of_strangers_is_made_harmless() {
    let house = House::open().await;
    assert!(payloads().count() > 100);
    let html: String = payloads().map(|payload| format!("<p>voor</p>{payload}<p>na</p>\n")).collect();
    // All of them in one mail, and those that would swallow the rest in mails of their own.
    for html in
        [html.as_str(), "<p>voor</p><plaintext><p>na</p>", "<p>voor</p><!--<p>na</p>", "<p>voor</p><textarea><p>na</p>"]
    {
        let made = house.share(Mail { html: Some(html.into()), files: Vec::new(), ..Mail::default() }).await;
        let (mut browser, at) = house.open_share(&made.links[0]).await;
        let page = browser.get(&format!("{at}/brief")).await.body;
        let body = page.split_once("<div dir=\"auto\">").unwrap().1;
        assert!(body.contains("voor"), "{body}");
        harmless(body);
    }
}

/// Every payload as a subject and as a file's name: it stands there as a text.
#[tokio::test]
async fn subjects_and_names_are_only_texts() {
    let house = House::open().await;
    let all: String = payloads().filter(|payload| payload.len() < 60).take(4).collect::<Vec<_>>().join(" ");
    let files =
        payloads().take(40).map(|payload| (format!("{payload}.pdf"), "application/pdf", b"%PDF".to_vec())).collect();
    let made = house.share(Mail { subject: all, files, ..Mail::default() }).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    let page = browser.get(&at).await;
    let known: BTreeSet<&str> =
        "!doctype a bdi body button dd div dl dt footer form h1 h2 head header html iframe input li \
        link main meta nav p section span strong title ul"
            .split_whitespace()
            .collect();
    let found: BTreeSet<String> = tags(&page.body).into_iter().map(|(tag, _)| tag).collect();
    let unknown: Vec<&String> = found.iter().filter(|tag| !known.contains(tag.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for file in items(&page.body) {
        let answer = browser.get(&file).await;
        let disposition = answer.header("content-disposition").unwrap();
        assert!(
            disposition.starts_with("attachment; filename=\"") && disposition.matches('"').count() == 2,
            "{disposition}"
        );
    }
}

#[tokio::test]
async fn names_in_the_zip_stay_in_their_folder() {
    let house = House::open().await;
    let names = [
        "../../etc/passwd",
        "..\\..\\windows\\win.ini",
        "/etc/shadow",
        "C:\\boot.ini",
        "a\u{0}b.pdf",
        "gpj\u{202e}exe.pdf",
        "CON",
        "brief.pdf",
        "BRIEF.PDF",
        "brief.pdf",
        "bericht.txt",
        "",
        "..",
        "lang".repeat(200).leak(),
    ];
    let files = names.map(|name| (name.to_owned(), "application/pdf", b"x".to_vec())).into();
    let made = house.share(Mail { files, ..Mail::default() }).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    let zip = browser.get(&format!("{at}/alles.zip")).await;
    let zip = ZipArchive::new(Cursor::new(zip.octets)).unwrap();
    let inside: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(inside.len(), names.len() + 3);
    for name in &inside {
        assert!(!name.contains(['/', '\\', ':', '\u{202e}']) && !name.contains(char::is_control), "{name:?}");
        assert!(!name.starts_with('.') && name.chars().count() <= 130, "{name:?}");
    }
    let distinct: BTreeSet<String> = inside.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(distinct.len(), inside.len(), "{inside:?}");
    assert!(["brief (3).pdf", "bericht (2).txt"].iter().all(|name| inside.iter().any(|one| one == name)), "{inside:?}");
}

#[tokio::test]
async fn a_picture_that_is_none_is_not_shown() {
    let house = House::open().await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    let made = house.share(Mail { files: vec![("foto.png".into(), "image/png", svg)], ..Mail::default() }).await;
    let (mut browser, _) = house.open_share(&made.links[0]).await;
    let file = items(&browser.page)[0].clone();
    assert_eq!(browser.get(&file.replace("/bestand/", "/beeld/")).await.status, 404);
    let had = browser.get(&file).await;
    assert!(had.header("content-disposition").unwrap().starts_with("attachment"));
}

/// What stands in a page of a mail's text: known elements, known attributes, known schemes.
fn harmless(html: &str) {
    const TAGS: &str = "a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del div dl dt em h1 \
        h2 h3 h4 h5 h6 hr i img ins li ol p pre q s small span strike strong sub sup table tbody td tfoot th thead tr u ul body html";
    const ATTRIBUTES: &str =
        "href target rel src alt width height colspan rowspan scope start type span dir lang title";
    for (tag, attributes) in tags(html) {
        assert!(TAGS.split_whitespace().any(|known| known == tag), "<{tag}> in {html}");
        for (name, value) in attributes {
            assert!(ATTRIBUTES.split_whitespace().any(|known| known == name), "{name} of <{tag}>");
            let scheme =
                ["http:", "https:", "mailto:", "tel:"].iter().any(|scheme| value.to_lowercase().starts_with(scheme));
            assert!(name != "href" || scheme, "{value}");
            assert!(name != "src" || value.starts_with("data:image/"), "{value}");
        }
    }
}

/// The elements of serialised HTML with their attributes. (It is serialised by rule: every `<` that opens is an element,
/// every value stands in double quotes.)
fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut tags = Vec::new();
    for rest in html.split('<').skip(1).filter(|rest| !rest.starts_with('/')) {
        let name: String = rest.chars().take_while(|c| !c.is_whitespace() && *c != '>').collect();
        let mut attributes = Vec::new();
        let mut rest = rest.get(name.len()..).unwrap_or_default();
        while let Some((key, after)) = rest.split_once('=').filter(|(key, _)| !key.contains('>')) {
            let (value, behind) =
                after.strip_prefix('"').and_then(|after| after.split_once('"')).unwrap_or((after, ""));
            attributes.push((key.trim().to_owned(), value.to_owned()));
            rest = behind;
        }
        tags.push((name.to_lowercase(), attributes));
    }
    tags
}
