//! Every page of the portal in a real browser.

use std::collections::BTreeMap;

use mailpoort::level::Level;
use mailpoort::share::Scope;

use super::device::Signs;
use super::drawn::{Styles, wrong_with};
use super::factors;
use super::guard::items;
use super::house::*;
use super::passkeys::with_passkey;

const STYLES: Styles = &[
    ("portal.css", include_str!("../../src/web/portal/pages/portal.css")),
    ("style.css", include_str!("../../src/web/desk/pages/style.css")),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_in_dutch() {
    all_fit("nl").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_in_english() {
    all_fit("en").await;
}

async fn all_fit(language: &'static str) {
    let pages = visit(language).await;
    assert!(pages.len() >= 52, "{}", pages.len());
    let wrong = wrong_with(language, pages, STYLES).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every page and state in a language: its name and its HTML.
async fn visit(language: &'static str) -> BTreeMap<String, String> {
    let house = House::open().await;
    let long = "een-heel-lange-bestandsnaam-zonder-spaties-zoals-scanners-die-maken-20261124140733-origineel.pdf";
    let mut mail = Mail::default();
    mail.files.push((long.into(), "application/pdf", b"%PDF".to_vec()));
    let made = house.share(mail).await;
    let plain = house.share(Mail { html: None, files: Vec::new(), ..Mail::default() }).await;
    let (link, other) = (&made.links[0], &made.links[1]);
    let mut browser = house.browser();
    browser.language = language;
    let mut pages = BTreeMap::new();
    let mut keep = |name: &str, answer: Answer| {
        assert!(answer.body.contains("</html>"), "{name}: {} {}", answer.status, answer.body);
        pages.insert(name.to_owned(), answer.body);
    };
    keep("welcome", browser.get(&path(link)).await);
    let code = format!("{}/code", path(link));
    keep("code", browser.get(&code).await);
    keep("code-short", browser.post(&code, &[("code", "4821 7730")]).await);
    keep("code-wrong", browser.post(&code, &[("code", "000000000000")]).await);
    let none = format!("{}/geen-code", path(link));
    keep("no-code", browser.get(&none).await);
    keep("no-code-told", browser.post(&none, &[]).await);
    let wrong = format!("{}/code", path(other));
    browser.get(&wrong).await;
    for _ in 0..4 {
        browser.post(&wrong, &[("code", "000000000000")]).await;
    }
    keep("code-locked", browser.post(&wrong, &[("code", "000000000000")]).await);
    keep("welcome-locked", browser.get(&path(other)).await);
    keep("missing", browser.get("/b/x/y").await);
    keep("closed", browser.get("/s/x").await);
    let at = house.enter(&mut browser, link).await;
    keep("message", browser.get(&at).await);
    let files = items(&browser.page);
    keep("letter-plain", browser.get(&format!("{at}/tekst")).await);
    keep("file-text", browser.get(&files[2].replace("/bestand/", "/bekijk/")).await);
    keep("welcome-open", browser.get(&path(link)).await);
    let form = format!("{at}/antwoord");
    keep("answer", browser.get(&form).await);
    keep("answer-empty", browser.upload(&form, &[("text", None, b"")]).await);
    keep("answer-kept", browser.upload(&form, &[("text", None, b"Dank u wel"), ("step", None, b"keep")]).await);
    browser.get(&form).await;
    keep("message-sent", browser.get(&format!("{at}?done=sent")).await);
    let item = files[0].rsplit('/').next().unwrap().to_owned();
    house.shares.withdraw(&made.id, &Scope::Item(item), JUF).await.unwrap();
    keep("message-withdrawn", browser.get(&at).await);
    keep("gone", browser.get(&files[0]).await);
    browser.get(&form).await;
    house.later(45 * 60 * 1000);
    keep("answer-closed", browser.upload(&form, &[("text", None, b"Dank u wel")]).await);
    let short = house.enter(&mut browser, &plain.links[0]).await;
    keep("message-plain", browser.get(&short).await);
    for (name, page) in [
        ("real", "/echt"),
        ("help", "/hulp"),
        ("privacy", "/privacy"),
        ("accessibility", "/toegankelijkheid"),
        ("out", "/uit"),
    ] {
        keep(name, browser.get(page).await);
    }
    // As it is with a script: shown.
    let scripted = |answer: Answer| Answer { body: answer.body.replace(" hidden>", ">"), ..answer };
    let (_, next) = with_passkey(&house, Signs::es256()).await;
    let mut back = house.browser();
    back.language = language;
    keep("passkey-welcome", back.get(&path(&next.links[0])).await);
    keep("passkey-open", scripted(back.get(&format!("{}/code", path(&next.links[0]))).await));
    let refused = back.post(&format!("{}/passkey", path(&next.links[0])), &[]).await;
    keep("passkey-wrong", scripted(refused));
    let at = house.enter(&mut back, &next.links[0]).await;
    keep("passkeys", scripted(back.get(&format!("{at}/passkey?done=made")).await));
    keep("passkeys-not-made", scripted(back.post(&format!("{at}/passkey"), &[]).await));
    let mut sender = house.sender(&made).await;
    let ours = [("Sec-Fetch-Site", "same-origin")];
    sender.send("/language", &[("language", language), ("back", "/")], &ours).await;
    let own = format!("/kopie/{}/{}", made.sender.rid, made.sender.secret.written());
    keep("desk-copy", sender.get(&own).await);
    let mut fresh = house.browser();
    fresh.send("/language", &[("language", language), ("back", "/")], &ours).await;
    keep("desk-copy-proof", fresh.get(&own).await);
    keep("desk-shares", sender.get("/shares").await);
    keep("desk-share", sender.get(&format!("/shares/{}", made.id)).await);
    keep("desk-share-passkey", sender.get(&format!("/shares/{}", next.id)).await);
    keep("desk-withdraw", sender.get(&format!("/shares/{}/withdraw", made.id)).await);
    keep("desk-destroy", sender.get(&format!("/shares/{}/delete", made.id)).await);
    sender.get(&format!("/shares/{}", next.id)).await;
    sender.post(&format!("/shares/{}/downloads", next.id), &[("downloads", "off")]).await;
    keep("desk-downloads", sender.get(&format!("/shares/{}?done=viewonly", next.id)).await);
    keep("message-view-only", back.get(&at).await);
    sender.get(&format!("/shares/{}", next.id)).await;
    sender.post(&format!("/shares/{}/extend", next.id), &[]).await;
    keep("desk-extended", sender.get(&format!("/shares/{}?done=extended", next.id)).await);
    sender.get(&format!("/shares/{}/delete", made.id)).await;
    let gone = sender.post(&format!("/shares/{}/delete", made.id), &[]).await;
    keep("desk-destroyed", sender.get(&gone.location()).await);
    if language == "nl" {
        let mut arabic = house.browser();
        arabic.language = "ar";
        let third = house.share(Mail::default()).await;
        keep("arabic-welcome", arabic.get(&path(&third.links[0])).await);
        let at = house.enter(&mut arabic, &third.links[0]).await;
        keep("arabic-message", arabic.get(&at).await);
    }
    pages.extend(by_other_factors(language).await);
    pages
}

/// The pages of a code by text message, and of a fixed code on a device that may be remembered.
async fn by_other_factors(language: &'static str) -> BTreeMap<String, String> {
    let (house, texts, _folder) = factors::texting(7).await;
    let made = factors::share(&house).await;
    let mut pages = BTreeMap::new();
    let mut browser = house.browser();
    browser.language = language;
    let mut keep = |name: &str, answer: Answer| {
        assert!(answer.body.contains("</html>"), "{name}: {} {}", answer.status, answer.body);
        pages.insert(name.to_owned(), answer.body);
    };
    let at = path(&made.links[0]);
    let (code, sms) = (format!("{at}/code"), format!("{at}/sms"));
    keep("sms-welcome", browser.get(&at).await);
    keep("sms-ask", browser.get(&code).await);
    texts.answer(500);
    keep("sms-down", browser.post(&sms, &[]).await);
    texts.answer(200);
    browser.get(&code).await;
    browser.post(&sms, &[]).await;
    keep("sms-code", browser.get(&code).await);
    keep("sms-short", browser.post(&code, &[("code", "12")]).await);
    keep("sms-wrong", browser.post(&code, &[("code", "000000")]).await);
    keep("sms-none", browser.get(&format!("{at}/geen-code")).await);
    house.later(11 * 60 * 1000);
    browser.get(&code).await;
    keep("sms-late", browser.post(&code, &[("code", "000000")]).await);
    factors::fixed_code(&house, "1111 2222 3333").await;
    let made = house.share(Mail::default()).await;
    let at = path(&made.links[0]);
    keep("fixed-welcome", browser.get(&at).await);
    keep("fixed-code", browser.get(&format!("{at}/code")).await);
    keep("fixed-wrong", browser.post(&format!("{at}/code"), &[("code", "000000000000")]).await);
    keep("fixed-none", browser.get(&format!("{at}/geen-code")).await);
    keep("forgotten", browser.get("/vergeet").await);
    pages.extend(by_mail(language).await);
    pages
}

/// The pages of a code by mail, which is for level low alone; and where its sender adds somebody.
async fn by_mail(language: &'static str) -> BTreeMap<String, String> {
    let house = House::open().await;
    let made = house.share(Mail { level: Level::Low, ..Mail::default() }).await;
    let mut pages = BTreeMap::new();
    let mut browser = house.browser();
    browser.language = language;
    let mut keep = |name: &str, answer: Answer| {
        assert!(answer.body.contains("</html>"), "{name}: {} {}", answer.status, answer.body);
        pages.insert(name.to_owned(), answer.body);
    };
    let at = path(&made.links[0]);
    let code = format!("{at}/code");
    keep("by-mail-welcome", browser.get(&at).await);
    keep("by-mail-ask", browser.get(&code).await);
    browser.post(&format!("{at}/per-mail"), &[]).await;
    keep("by-mail-code", browser.get(&code).await);
    keep("by-mail-wrong", browser.post(&code, &[("code", "000000")]).await);
    keep("by-mail-none", browser.get(&format!("{at}/geen-code")).await);
    let mut sender = house.sender(&made).await;
    let ours = [("Sec-Fetch-Site", "same-origin")];
    sender.send("/language", &[("language", language), ("back", "/")], &ours).await;
    keep("desk-add", sender.get(&format!("/shares/{}/add", made.id)).await);
    pages
}
