//! Every page of the desk in a real browser.

use std::collections::BTreeMap;

use mailpoort::store::tls::{Facts, NewDelivery};

use super::drawn::{Styles, wrong_with};
use super::house::*;

const ID: &str = "4CRK7QM2XW";
const STYLES: Styles = &[("style.css", include_str!("../../src/web/desk/pages/style.css"))];

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
    assert!(pages.len() >= 30, "{}", pages.len());
    let wrong = wrong_with(language, pages, STYLES).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every page in a language: its name and its HTML.
async fn visit(language: &str) -> BTreeMap<String, String> {
    let house = House::open().await;
    let long = "een.ontvanger.met.een.heel.lang.adres.dat.niet.op.een.regel.past@onderwijsinstelling.voorbeeld.example";
    let mail = Mail::default();
    let recipients = [mail.recipients.clone(), vec![(long, mailpoort::store::held::State::Held)]].concat();
    let link = house.hold(Mail { recipients, readers: vec![JUF, MEESTER], ..mail }).await;
    let mut pages = BTreeMap::new();
    let mut browser = house.browser();
    let ours = [("Sec-Fetch-Site", "same-origin")];
    browser.send("/language", &[("language", language), ("back", "/")], &ours).await;
    let mut keep = |name: &str, answer: Answer| {
        assert!(answer.body.contains("</html>"), "{name}: {} {}", answer.status, answer.body);
        pages.insert(name.to_owned(), answer.body);
    };
    keep("home", browser.get("/").await);
    keep("missing", browser.get("/m/x").await);
    keep("stranger", browser.get("/mail").await);
    keep("link", browser.get(&link).await);
    keep("code", browser.get(&format!("{link}/code")).await);
    keep("code-wrong", browser.post(&format!("{link}/sign-in"), &[("code", "1")]).await);
    house.sign_in(&mut browser, &link, 0).await;
    let proof = Some(("TLSv1.3".into(), "TLS13_AES_256_GCM_SHA384".into(), "dane".into()));
    let mx = Some("een-mailserver.met-een-lange-naam.van-een-provider.example".into());
    let facts = Facts { mx, address: Some("2001:db8:1234:5678:9abc:def0:1234:5678".into()), ..Facts::default() };
    house.tried(ID, NewDelivery { taken: 1, proof, facts, ..NewDelivery::default() }).await;
    keep("mail", browser.get(&format!("/mail/{ID}")).await);
    keep("help-page", browser.get("/help").await);
    keep("safely", browser.get("/safely").await);
    keep(
        "safely-answer",
        browser.post("/safely", &[("to", "mama@een.heel.lange.naam.van.een.provider.example")]).await,
    );
    keep("safely-wrong", browser.post("/safely", &[("to", "mama")]).await);
    for word in ["columns", "bcc", "reason", "second", "help", "mistake", "delete"] {
        keep(word, browser.get(&format!("/mail/{ID}/{word}")).await);
    }
    browser.get(&format!("/mail/{ID}/reason")).await;
    keep("reason-wrong", browser.post(&format!("/mail/{ID}/reason"), &[("words", "ja")]).await);
    keep("columns-look", browser.post(&format!("/mail/{ID}/columns"), &[("place", "0"), ("step", "look")]).await);
    house.gate.stops.store(true, std::sync::atomic::Ordering::Relaxed);
    browser.get(&format!("/mail/{ID}/bcc")).await;
    keep("bcc-left", browser.post(&format!("/mail/{ID}/bcc"), &[("place", "0")]).await);
    browser.get(&format!("/mail/{ID}")).await;
    keep("passage", browser.post(&format!("/mail/{ID}/passage"), &[]).await);
    let words = "Moeder heeft om deze lijst gevraagd, en de vader krijgt hem ook.";
    browser.get(&format!("/mail/{ID}/second")).await;
    browser.post(&format!("/mail/{ID}/second"), &[("place", "0"), ("words", words), ("person", "0")]).await;
    let asked = house.letters().await.pop().unwrap().link();
    browser.get(&format!("/mail/{ID}/help")).await;
    browser.post(&format!("/mail/{ID}/help"), &[("words", "Mag deze lijst naar de ouders?")]).await;
    let helps = house.letters().await.pop().unwrap().link();
    keep("mail-done", browser.get(&format!("/mail/{ID}?done=asked")).await);
    keep("list", browser.get("/mail").await);
    let mut other = house.browser();
    other.send("/language", &[("language", language), ("back", "/")], &ours).await;
    keep("asked-link", other.get(&asked).await);
    house.sign_in(&mut other, &asked, 0).await;
    keep("asked", other.get(&asked).await);
    keep("list-empty", other.get("/mail").await);
    other.get(&asked).await;
    keep("asked-done", other.post(&format!("{asked}/answer"), &[("answer", "refuse")]).await);
    house.sign_in(&mut other, &helps, 0).await;
    keep("helper", other.get(&helps).await);
    keep("signed-out", other.get("/signed-out").await);
    house.later(7 * DAY);
    house.desk.tend().await.unwrap();
    let list = house.letters().await.into_iter().find(|letter| letter.text.contains("/w/")).unwrap();
    keep("week", other.get(&list.link()).await);
    pages
}
