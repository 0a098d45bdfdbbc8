//! Who may not: robots, guessers, forged forms, links that lead nowhere.

use mailpoort::share::{Factor, Look, Made, Scope};

use super::device::Signs;
use super::factors;
use super::house::*;
use super::passkeys::with_passkey;

#[tokio::test]
async fn every_answer_has_its_headers() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    let link = path(&made.links[1]);
    let item = items(&browser.page)[0].clone();
    for page in ["/echt", "/hulp", "/privacy", "/toegankelijkheid", "/portal.css", &link, &at, "/b/x", &item] {
        let answer = browser.get(page).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{page}");
        }
        assert!(answer.header("x-robots-tag").unwrap().contains("noindex"));
        let cached = if page == "/portal.css" { "private, max-age=3600" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), Some(cached), "{page}");
        assert!(!answer.body.contains("<script") && !answer.body.contains(" style="), "{page}");
    }
    let letter = browser.get(&format!("{at}/brief")).await;
    let policy = letter.header("content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'"), "{policy}");
    assert_eq!(letter.header("x-frame-options"), Some("SAMEORIGIN"));
    let cookie = house.browser().get(&link).await.header("set-cookie").unwrap().to_owned();
    assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
}

/// Unknown, over, withdrawn, malformed: one status, one page, one size; a `HEAD` too.
#[tokio::test]
async fn links_that_lead_nowhere_have_one_answer() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let [withdrawn, over] = &made.links[..] else { panic!() };
    house.shares.withdraw(&made.id, &Scope::Recipient(withdrawn.rid.clone()), JUF).await.unwrap();
    house.later(15 * DAY);
    assert!(matches!(house.shares.look(&over.rid, &over.secret.written()).await.unwrap(), Look::Over(_)));
    let good = path(over);
    let mut seen = Vec::new();
    for link in [
        path(withdrawn),
        good.clone(),
        format!("/b/{}/{}", over.rid, "0".repeat(52)),
        format!("/b/{}/{}", "0".repeat(26), over.secret.written()),
        "/b/kort/kort".into(),
        "/b/kort".into(),
        format!("{good}/meer/nog"),
        "/b/%ff/%fe".into(),
    ] {
        for page in [link.clone(), format!("{link}/code"), format!("{link}/geen-code")] {
            let answer = house.browser().get(&page).await;
            let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
            assert!(answer.body.contains("Deze link werkt niet (meer)"), "{page}: {}", answer.body);
            seen.push((answer.status, headers, answer.body));
        }
    }
    assert!(seen.iter().all(|one| *one == seen[0] && one.0 == 404));
    let head = house.browser().ask("HEAD", &good, &[], None).await;
    assert_eq!((head.status, head.body.as_str()), (404, ""));
}

/// A robot that asks for everything and presses every button, without the code: nothing is opened, nothing is locked, and
/// the sender hears at most that somebody has no code.
#[tokio::test]
async fn a_robot_opens_nothing_and_locks_nothing() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    for link in &made.links {
        assert!(let_loose(&house, path(link)).await >= 7);
        assert!(matches!(house.shares.look(&link.rid, &link.secret.written()).await.unwrap(), Look::Ready(_)));
    }
    untouched(&house, &made, &["created", "code_wanted", "notified"]).await;
}

/// The same at links that take a text message, a passkey or a fixed code, and at the sender's own: a text is sent to whom
/// it is for, five a day at most, and that is all.
#[tokio::test]
async fn a_robot_opens_nothing_by_any_factor() {
    let (house, texts, _folder) = factors::texting(50).await;
    let kinds = ["created", "code_sent", "code_wanted", "notified"];
    let by_text = factors::share(&house).await;
    assert!(matches!(by_text.links[0].factor, Factor::Sms { .. }));
    let_loose(&house, path(&by_text.links[0])).await;
    assert!(texts.asked().len() <= 5, "{}", texts.asked().len());
    untouched(&house, &by_text, &kinds).await;
    let (_, by_passkey) = with_passkey(&house, Signs::es256()).await;
    assert!(by_passkey.links[0].passkey);
    let_loose(&house, path(&by_passkey.links[0])).await;
    untouched(&house, &by_passkey, &[&kinds[..], &["code_failed"]].concat()).await;
    factors::fixed_code(&house, "1111 2222 3333").await;
    let by_fixed = house.share(Mail::default()).await;
    assert!(matches!(by_fixed.links[0].factor, Factor::Organisation));
    let_loose(&house, path(&by_fixed.links[0])).await;
    let own = format!("/kopie/{}/{}", by_fixed.sender.rid, by_fixed.sender.secret.written());
    let_loose(&house, own).await;
    untouched(&house, &by_fixed, &kinds).await;
}

/// A robot that has a link, and follows and presses whatever it finds. Gives how many pages it had.
async fn let_loose(house: &House, link: String) -> usize {
    let mut robot = house.browser();
    let mut waiting = vec![link];
    let mut seen = Vec::new();
    while let Some(at) = waiting.pop() {
        if seen.contains(&at) || seen.len() > 40 {
            continue;
        }
        seen.push(at.clone());
        robot.ask("HEAD", &at, &[("Sec-Purpose", "prefetch")], None).await;
        let page = robot.get(&at).await;
        waiting.extend(links(&page.body, "href=\""));
        for action in links(&page.body, "action=\"") {
            robot.get(&at).await;
            // It fills in whatever it finds: no code has that form, so no try is counted.
            let fields = [("code", "test"), ("language", "en"), ("back", "/echt"), ("reader", "0")];
            let answer = robot.post(&action, &fields).await;
            waiting.extend(answer.header("location").map(str::to_owned));
        }
    }
    seen.len()
}

/// Nobody has opened a share or is locked out of it, and nothing happened to it but this.
async fn untouched(house: &House, made: &Made, kinds: &[&str]) {
    let share = house.shares.share(&made.id).await.unwrap().unwrap();
    assert!(share.recipients.iter().all(|one| one.opened_at.is_none() && one.locked.is_none() && one.read.is_empty()));
    let events = house.shares.events(&made.id).await.unwrap();
    let other: Vec<&str> =
        events.iter().map(|event| event.kind.as_str()).filter(|kind| !kinds.contains(kind)).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[tokio::test]
async fn guessing_locks_and_the_right_code_waits() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let link = &made.links[0];
    let mut browser = house.browser();
    let at = format!("{}/code", path(link));
    browser.get(&at).await;
    for (typed, says) in [
        ("1234", "Dit zijn 4 cijfers"),
        ("000000000000", "nog 4 keer"),
        ("000000000001", "nog 3 keer"),
        ("000000000002", "nog 2 keer"),
        ("000000000003", "nog 1 keer"),
        ("000000000004", "te vaak een verkeerde code"),
    ] {
        let answer = browser.post(&at, &[("code", typed)]).await;
        assert!(answer.body.contains(says) && answer.body.contains("aria-invalid=\"true\""), "{}", answer.body);
        assert_eq!(answer.status, if says.starts_with("te vaak") { 429 } else { 422 });
    }
    let right = link.code.as_ref().unwrap().grouped().to_owned();
    let answer = browser.post(&at, &[("code", &right)]).await;
    assert_eq!(answer.status, 429);
    assert!(browser.get(&path(link)).await.body.contains("te vaak een verkeerde code"));
    house.later(16 * 60 * 1000);
    browser.get(&at).await;
    // Dashes, spaces and other digits' company count for nothing.
    let answer = browser.post(&at, &[("code", &right.replace(' ', " - "))]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let link = &made.links[0];
    let at = format!("{}/code", path(link));
    let code = link.code.as_ref().unwrap().grouped().to_owned();
    let mut browser = house.browser();
    browser.get(&at).await;
    let token = browser.token();
    let ours = ("Sec-Fetch-Site", "same-origin");
    let fields = |token| [("code", code.as_str()), ("token", token)];
    for (fields, headers) in [
        (vec![("code", code.as_str())], vec![ours]),
        (fields("").to_vec(), vec![ours]),
        (fields("0123").to_vec(), vec![ours]),
        (fields(&token).to_vec(), vec![("Sec-Fetch-Site", "cross-site")]),
        (fields(&token).to_vec(), vec![("Origin", "https://evil.example")]),
        (fields(&token).to_vec(), vec![ours, ("Origin", "https://evil.example")]),
    ] {
        let answer = browser.send(&at, &fields, &headers).await;
        assert_eq!(answer.status, 403, "{fields:?} {headers:?}");
        assert!(answer.body.contains("Er is niets veranderd"));
    }
    let mut bare = house.browser();
    assert_eq!(bare.send(&at, &fields(&token), &[ours]).await.status, 403, "without the cookie");
    assert_eq!(browser.send(&path(link), &[("token", "x")], &[ours]).await.status, 403);
    assert_eq!(browser.send(&format!("{}/geen-code", path(link)), &[], &[ours]).await.status, 403);
    assert!(house.letters().await.is_empty());
    let own = browser.send(&at, &fields(&token), &[ours, ("Origin", ORIGIN)]).await;
    assert_eq!(own.status, 303, "{}", own.body);
}

/// What is open in one browser is not in another, nor is another share.
#[tokio::test]
async fn a_session_is_of_one_browser_and_one_share() {
    let house = House::open().await;
    let (one, two) = (house.share(Mail::default()).await, house.share(Mail::default()).await);
    let (mut browser, at) = house.open_share(&one.links[0]).await;
    let other = format!("/s/{}", two.id);
    let stranger = house.browser().get(&at).await;
    assert_eq!(stranger.status, 401);
    assert!(stranger.body.contains("Dit bericht is nu dicht"));
    assert_eq!(browser.get(&other).await.body, stranger.body.clone());
    // The cookie of one share under the name of another.
    let cookies: Vec<(String, String)> = browser.cookies.clone().into_iter().collect();
    for (name, value) in cookies {
        browser.cookies.insert(name.replace(&one.id, &two.id), value);
    }
    assert_eq!(browser.get(&other).await.status, 401);
    let file = items(&browser.get(&at).await.body)[0].clone();
    assert_eq!(house.browser().get(&file).await.status, 401);
    assert_eq!(browser.get(&file.replace(&one.id, &two.id)).await.status, 401);
    browser.get(&at).await;
    assert_eq!(browser.post(&format!("{at}/uit"), &[]).await.location(), "/uit");
    assert!(browser.get("/uit").await.body.contains("U bent uitgelogd"));
    assert_eq!(browser.get(&at).await.status, 401);
    // Half an hour of silence.
    let at = house.enter(&mut browser, &one.links[0]).await;
    house.later(31 * 60 * 1000);
    assert_eq!(browser.get(&at).await.status, 401);
}

/// The paths of the files of a message's page.
pub fn items(page: &str) -> Vec<String> {
    links(page, "href=\"").into_iter().filter(|link| link.contains("/bestand/")).collect()
}

fn links(page: &str, before: &str) -> Vec<String> {
    let found = page.split(before).skip(1).filter_map(|rest| rest.split('"').next());
    found.filter(|link| link.starts_with('/')).map(str::to_owned).collect()
}
