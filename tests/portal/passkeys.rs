//! Passkeys: made by whoever has a message open, and then by that device alone, once for each challenge.

use mailpoort::share::{Link, Made, OpenedBy};
use serde_json::Value;

use super::device::{Device, Says, Signs};
use super::house::*;

const RIGHT: fn() -> Says = || Says::right(ORIGIN, HOST);

/// A lie, and how it is told.
type Lie = (&'static str, fn(Says) -> Says);

/// What a page asks of a device: its challenge, and what the script hands on.
fn asked(page: &str) -> Option<(String, Value)> {
    let challenge = page.split_once("name=\"challenge\" value=\"")?.1.split('"').next()?;
    let asked = page.split_once("data-asked=\"")?.1.split('"').next()?;
    let asked = asked.replace("&#34;", "\"").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    Some((challenge.to_owned(), serde_json::from_str(&asked).unwrap()))
}

/// Makes a passkey in a browser in which a message is open.
async fn make(browser: &mut Browser, at: &str, device: &mut Device, name: &str, says: Says) -> Answer {
    let page = format!("{at}/passkey");
    let shown = browser.get(&page).await;
    assert!(shown.header("content-security-policy").unwrap().ends_with("script-src 'self'"), "{:?}", shown.headers);
    let (challenge, asked) = asked(&shown.body).unwrap();
    let answer = device.make(&asked, says);
    browser.post(&page, &[("challenge", &challenge), ("answer", &answer), ("name", name)]).await
}

/// A house with a passkey of the mother's, and a further message for her.
async fn had() -> (House, Device, Made) {
    let house = House::open().await;
    let (device, made) = with_passkey(&house, Signs::es256()).await;
    (house, device, made)
}

pub async fn with_passkey(house: &House, signs: Signs) -> (Device, Made) {
    let first = house.share(Mail::default()).await;
    let (mut browser, at) = house.open_share(&first.links[0]).await;
    let mut device = Device::new(signs);
    let made = make(&mut browser, &at, &mut device, "mijn telefoon", RIGHT()).await;
    assert_eq!(made.status, 303, "{}", made.body);
    assert_eq!(made.location(), format!("{at}/passkey?done=made"));
    let told = house.letters().await;
    let told = told.iter().filter(|letter| **letter == format!("passkey {MOTHER}\n")).count();
    assert_eq!(told, 1, "its address is told");
    (device, house.share(Mail::default()).await)
}

/// Where a link asks for a passkey: a browser at that page, and what is asked.
async fn at_link(house: &House, link: &Link) -> (Browser, Option<(String, Value)>) {
    let mut browser = house.browser();
    browser.get(&path(link)).await;
    let on = browser.post(&path(link), &[]).await.location();
    let shown = browser.get(&on).await;
    (browser, asked(&shown.body))
}

async fn send(browser: &mut Browser, link: &Link, challenge: &str, answer: &str) -> Answer {
    browser.post(&format!("{}/passkey", path(link)), &[("challenge", challenge), ("answer", answer)]).await
}

#[tokio::test]
async fn a_passkey_opens_the_next_message_with_each_kind_of_key() {
    for signs in [Signs::es256(), Signs::eddsa(), Signs::rs256()] {
        let house = House::open().await;
        let (mut device, next) = with_passkey(&house, signs).await;
        let link = &next.links[0];
        assert!(link.passkey && link.code.is_some(), "the code is still the other way");
        assert!(!next.links[1].passkey, "nobody else has it");
        let (mut browser, found) = at_link(&house, link).await;
        let (challenge, asked) = found.unwrap();
        assert!(device.is_asked(&asked));
        let answer = device.prove(&asked, RIGHT());
        let opened = send(&mut browser, link, &challenge, &answer).await;
        assert_eq!(opened.status, 303, "{}", opened.body);
        let read = browser.get(&opened.location()).await;
        assert!(read.body.contains(SUBJECT), "{}", read.body);
        let share = house.shares.share(&next.id).await.unwrap().unwrap();
        assert_eq!(share.recipients[0].opened_by, Some(OpenedBy::Passkey));
        assert_eq!(share.recipients[1].opened_by, None);
        // What was answered once opens nothing again.
        browser.get(&format!("{}/code", path(link))).await;
        let again = send(&mut browser, link, &challenge, &answer).await;
        assert_eq!(again.status, 422, "{}", again.body);
    }
}

#[tokio::test]
async fn a_passkey_that_was_shown_counts_for_eight_hours_on_that_device_while_it_is_there() {
    let (house, mut device, first) = had().await;
    let (mut browser, found) = at_link(&house, &first.links[0]).await;
    let (challenge, asked) = found.unwrap();
    send(&mut browser, &first.links[0], &challenge, &device.prove(&asked, RIGHT())).await;
    let next = house.share(Mail::default()).await;
    let further = |link: &Link, browser: &Browser| {
        let (mut browser, at) = (browser.clone(), path(link));
        async move {
            browser.get(&at).await;
            browser.post(&at, &[]).await.location()
        }
    };
    assert!(further(&next.links[0], &browser).await.starts_with("/s/"));
    let share = house.shares.share(&next.id).await.unwrap().unwrap();
    assert_eq!(share.recipients[0].opened_by, Some(OpenedBy::Device));
    let asks = format!("{}/code", path(&next.links[1]));
    assert_eq!(further(&next.links[1], &browser).await, asks, "for nobody else's link");
    let (plain, third) = (house.browser(), house.share(Mail::default()).await);
    let asks = format!("{}/code", path(&third.links[0]));
    assert_eq!(further(&third.links[0], &plain).await, asks, "nor on another device");
    house.later(8 * 3600 * 1000);
    assert_eq!(further(&third.links[0], &browser).await, asks, "nor after eight hours");
    // Gone is gone, however lately it was shown.
    let (mut again, found) = at_link(&house, &third.links[0]).await;
    let (challenge, asked) = found.unwrap();
    let opened = send(&mut again, &third.links[0], &challenge, &device.prove(&asked, RIGHT())).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    let fourth = house.share(Mail::default()).await;
    house.shares.remove_passkeys(&fourth.id, &fourth.links[0].rid, JUF).await.unwrap();
    assert_eq!(further(&fourth.links[0], &again).await, format!("{}/code", path(&fourth.links[0])));
}

#[tokio::test]
async fn whatever_is_wrong_with_an_answer_it_is_refused_alike() {
    let lies: [Lie; 10] = [
        ("from other pages", |says| Says { origin: "https://veilig.delinde.example.kwaad.example", ..says }),
        ("from another port", |says| Says { origin: "https://veilig.delinde.example:8443", ..says }),
        ("unsecured", |says| Says { origin: "http://veilig.delinde.example", ..says }),
        ("for another host", |says| Says { host: "delinde.example", ..says }),
        ("nobody looked at", |says| Says { verified: false, ..says }),
        ("nobody there", |says| Says { present: false, ..says }),
        ("in a frame", |says| Says { framed: true, ..says }),
        ("made, not proven", |says| Says { does: Some("webauthn.create"), ..says }),
        ("another challenge", |says| Says { challenge: Some("AAAAAAAAAAAAAAAAAAAAAA"), ..says }),
        ("forged", |says| Says { forged: true, ..says }),
    ];
    let (house, mut device, next) = had().await;
    let mut told = Vec::new();
    for (name, lie) in lies {
        let (mut browser, found) = at_link(&house, &next.links[0]).await;
        let (challenge, asked) = found.unwrap();
        let answer = device.prove(&asked, lie(RIGHT()));
        let refused = send(&mut browser, &next.links[0], &challenge, &answer).await;
        assert_eq!(refused.status, 422, "{name}: {}", refused.body);
        told.push(refused.body.split("role=\"alert\">").last().unwrap()[..90].to_owned());
        // The same device opens it after that.
        let (challenge, asked) = super::passkeys::asked(&refused.body).unwrap();
        let right = send(&mut browser, &next.links[0], &challenge, &device.prove(&asked, RIGHT())).await;
        assert_eq!(right.status, 303, "{name}: {}", right.body);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn a_copied_device_is_known_by_its_counter() {
    let (house, mut device, next) = had().await;
    let link = &next.links[0];
    let (mut browser, found) = at_link(&house, link).await;
    let (challenge, asked) = found.unwrap();
    assert_eq!(send(&mut browser, link, &challenge, &device.prove(&asked, RIGHT())).await.status, 303);
    let (mut other, found) = at_link(&house, link).await;
    let (challenge, asked) = found.unwrap();
    let copied = device.prove(&asked, Says { counts: 0, ..RIGHT() });
    assert_eq!(send(&mut other, link, &challenge, &copied).await.status, 422);
}

#[tokio::test]
async fn a_challenge_is_for_one_browser_one_link_and_five_minutes() {
    let (house, mut device, next) = had().await;
    let (link, more) = (&next.links[0], house.share(Mail::default()).await);
    // Of another browser.
    let (_, found) = at_link(&house, link).await;
    let (challenge, asked_there) = found.unwrap();
    let (mut browser, found) = at_link(&house, link).await;
    let stolen = send(&mut browser, link, &challenge, &device.prove(&asked_there, RIGHT())).await;
    assert_eq!(stolen.status, 422, "{}", stolen.body);
    // Of another link.
    let (own, asked_here) = found.unwrap();
    let other = send(&mut browser, &more.links[0], &own, &device.prove(&asked_here, RIGHT())).await;
    assert_eq!(other.status, 422, "{}", other.body);
    // Five minutes later.
    let (mut late, found) = at_link(&house, link).await;
    let (challenge, asked_late) = found.unwrap();
    house.later(5 * 60 * 1000);
    let late = send(&mut late, link, &challenge, &device.prove(&asked_late, RIGHT())).await;
    assert_eq!(late.status, 422, "{}", late.body);
    // What is no answer at all.
    for (challenge, answer) in [("", ""), ("zz", "{}"), (own.as_str(), "[]")] {
        let nothing = send(&mut browser, &more.links[0], challenge, answer).await;
        assert_eq!(nothing.status, 422, "{}", nothing.body);
    }
    // It counts as wrong codes do: the fifth is a lock, and no passkey opens it then.
    let last = send(&mut browser, &more.links[0], "", "").await;
    assert_eq!(last.status, 429, "{}", last.body);
    assert!(asked(&last.body).is_none() && last.body.contains("te vaak"), "{}", last.body);
}

#[tokio::test]
async fn a_passkey_of_somebody_else_opens_nothing() {
    let (house, mut mothers, next) = had().await;
    let father = &next.links[1];
    let (_, none) = at_link(&house, father).await;
    assert!(none.is_none(), "he has none, so nothing is offered");
    let (mut fathers_browser, at) = house.open_share(father).await;
    let mut fathers = Device::new(Signs::es256());
    assert_eq!(make(&mut fathers_browser, &at, &mut fathers, "", RIGHT()).await.status, 303);
    let more = house.share(Mail::default()).await;
    let (mut browser, found) = at_link(&house, &more.links[1]).await;
    let (challenge, asked) = found.unwrap();
    assert!(fathers.is_asked(&asked) && !mothers.is_asked(&asked));
    let refused = send(&mut browser, &more.links[1], &challenge, &mothers.prove(&asked, RIGHT())).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
}

#[tokio::test]
async fn a_passkey_that_was_removed_opens_nothing_and_the_code_still_does() {
    let (house, mut device, next) = had().await;
    let link = &next.links[0];
    let (mut asking, found) = at_link(&house, link).await;
    let (challenge, asked_before) = found.unwrap();
    // In a message that is open, a second one is made, and the first is removed.
    let (mut browser, at) = house.open_share(link).await;
    let mut second = Device::new(Signs::eddsa());
    assert_eq!(make(&mut browser, &at, &mut second, "tablet", RIGHT()).await.status, 303);
    let list = browser.get(&format!("{at}/passkey")).await;
    assert!(list.body.contains("mijn telefoon") && list.body.contains("tablet") && list.body.contains(MOTHER));
    // Both were made at one moment of the test's clock, so either may stand first; the hint above them says the name too.
    let telephone = list.body.split_once("<bdi>mijn telefoon</bdi>").unwrap().1;
    let first = telephone.split_once("name=\"passkey\" value=\"").unwrap().1[..32].to_owned();
    let gone = browser.post(&format!("{at}/passkey/weg"), &[("passkey", &first)]).await;
    assert_eq!(gone.status, 303, "{}", gone.body);
    let again = browser.post(&format!("{at}/passkey/weg"), &[("passkey", &first)]).await;
    assert_eq!(again.status, 410, "{}", again.body);
    let refused = send(&mut asking, link, &challenge, &device.prove(&asked_before, RIGHT())).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let third = house.share(Mail::default()).await;
    let (_, found) = at_link(&house, &third.links[0]).await;
    let (_, asked_now) = found.unwrap();
    assert!(second.is_asked(&asked_now) && !device.is_asked(&asked_now));
    // The sender takes all of them away: what was made before takes its code alone.
    let rid = &house.shares.share(&third.id).await.unwrap().unwrap().recipients[0].rid;
    assert_eq!(house.shares.remove_passkeys(&third.id, rid, JUF).await.unwrap(), 1);
    let (_, none) = at_link(&house, &third.links[0]).await;
    assert!(none.is_none());
    house.open_share(&third.links[0]).await;
    assert!(!house.share(Mail::default()).await.links[0].passkey);
}

#[tokio::test]
async fn what_was_made_before_there_was_a_passkey_takes_its_code() {
    let house = House::open().await;
    let before = house.share(Mail::default()).await;
    let (_, next) = with_passkey(&house, Signs::es256()).await;
    let (_, none) = at_link(&house, &before.links[0]).await;
    assert!(none.is_none(), "its key holds a code that nobody kept");
    assert!(at_link(&house, &next.links[0]).await.1.is_some());
    house.open_share(&before.links[0]).await;
}

#[tokio::test]
async fn a_passkey_that_is_made_wrongly_is_not_kept() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    for (name, lie) in [
        ("from other pages", Says { origin: "https://kwaad.example", ..RIGHT() }),
        ("for another host", Says { host: "kwaad.example", ..RIGHT() }),
        ("nobody looked at", Says { verified: false, ..RIGHT() }),
        ("proven, not made", Says { does: Some("webauthn.get"), ..RIGHT() }),
        ("another challenge", Says { challenge: Some("AAAAAAAAAAAAAAAAAAAAAA"), ..RIGHT() }),
    ] {
        let refused = make(&mut browser, &at, &mut Device::new(Signs::es256()), "", lie).await;
        assert_eq!(refused.status, 422, "{name}: {}", refused.body);
    }
    let mut device = Device::new(Signs::es256());
    assert_eq!(make(&mut browser, &at, &mut device, "<b>\u{7}mijn</b> telefoon", RIGHT()).await.status, 303);
    let known = make(&mut browser, &at, &mut device, "", RIGHT()).await;
    assert_eq!(known.status, 422, "one passkey is kept once");
    let list = browser.get(&format!("{at}/passkey")).await;
    assert!(list.body.contains("&#60;b&#62;mijn") && !list.body.contains("<b>mijn"), "{}", list.body);
    assert!(!house.holds("mijn"), "what it is called is sealed");
}

#[tokio::test]
async fn where_passkeys_are_off_or_cannot_be_nobody_hears_of_them() {
    for (name, change) in [
        ("off", (|settings| settings.passkeys = false) as fn(&mut mailpoort::share::Settings)),
        ("an address that is a number", |settings| settings.url = "https://127.0.0.1:8443".into()),
    ] {
        let house = House::with(change).await;
        let made = house.share(Mail::default()).await;
        let (mut browser, at) = house.open_share(&made.links[0]).await;
        assert!(!browser.page.contains("passkey"), "{name}: {}", browser.page);
        assert_eq!(browser.get(&format!("{at}/passkey")).await.status, 404, "{name}");
    }
}

#[tokio::test]
async fn what_nobody_used_for_a_year_is_gone_and_so_is_what_its_code_adds() {
    let (house, ..) = had().await;
    let next = house.share(Mail::default()).await;
    let late = house.outbox.store().purge_shares(START + 366 * DAY).await.unwrap();
    assert!(late.due > 0);
    house.later(366 * DAY);
    assert!(!house.share(Mail::default()).await.links[0].passkey);
    let share = house.shares.share(&next.id).await.unwrap();
    assert!(share.is_none_or(|share| !share.recipients[0].passkey));
}

#[tokio::test]
async fn no_page_but_those_of_passkeys_has_a_script() {
    let (house, _, next) = had().await;
    let (mut browser, at) = house.open_share(&next.links[0]).await;
    for page in [at.as_str(), "/hulp", "/privacy"] {
        let shown = browser.get(page).await;
        assert!(!shown.header("content-security-policy").unwrap().contains("script"), "{page}");
        assert!(!shown.body.contains("<script"), "{page}");
    }
    let script = browser.get("/passkey.js").await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
}
