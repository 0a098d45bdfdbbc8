//! Who may not: forged forms, other people, other schools, unknown links.

use mailpoort::store::held::State;

use super::house::*;

const ID: &str = "4CRK7QM2XW";

#[tokio::test]
async fn every_answer_has_its_headers() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.signed_in(&link).await;
    for path in ["/", "/help", "/mail", &format!("/mail/{ID}"), "/style.css", "/nergens", &link] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"));
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("x-robots-tag").unwrap().contains("noindex"));
        let cached = if path == "/style.css" { "private, max-age=3600" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), Some(cached), "{path}");
        assert!(!answer.body.contains("<script") && !answer.body.contains("style="), "{path}");
    }
    let mut fresh = house.browser();
    let cookie = fresh.get(&link).await.header("set-cookie").unwrap().to_owned();
    assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
}

/// Unknown, expired, malformed: one status, one page, one size; a `HEAD` too.
#[tokio::test]
async fn links_that_lead_nowhere_have_one_answer() {
    let house = House::open().await;
    let over = house.hold(Mail::default()).await;
    house.later(14 * DAY);
    let unknown = format!("/m/{}", "0".repeat(52));
    let mut browser = house.browser();
    let mut seen = Vec::new();
    for path in [
        over.clone(),
        format!("{over}/code"),
        unknown.clone(),
        "/m/kort".into(),
        format!("/m/{}", "z".repeat(52)),
        "/m/%ff%fe".into(),
        over.replace("/m/", "/r/"),
        "/r/kort".into(),
        "/nergens".into(),
    ] {
        let answer = browser.get(&path).await;
        let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        assert!(answer.body.contains("Deze link werkt niet (meer)"), "{path}: {}", answer.body);
        seen.push((answer.status, headers, answer.body));
    }
    assert!(seen.iter().all(|one| *one == seen[0] && one.0 == 404));
    let head = browser.ask("HEAD", &unknown, &[], None).await;
    assert_eq!((head.status, head.body.as_str()), (404, ""));
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.signed_in(&link).await;
    let token = browser.token();
    let path = format!("/mail/{ID}/delete");
    let ours = ("Sec-Fetch-Site", "same-origin");
    let own = ("Origin", ORIGIN);
    let fields = |token| [("place", "0"), ("token", token)];
    for (fields, headers) in [
        (vec![("place", "0")], vec![ours]),
        (fields("").to_vec(), vec![ours]),
        (fields("0123").to_vec(), vec![ours]),
        (fields(&token).to_vec(), vec![("Sec-Fetch-Site", "cross-site")]),
        (fields(&token).to_vec(), vec![("Sec-Fetch-Site", "same-site")]),
        (fields(&token).to_vec(), vec![("Sec-Fetch-Site", "none")]),
        (fields(&token).to_vec(), vec![("Origin", "https://evil.example")]),
        (fields(&token).to_vec(), vec![ours, ("Origin", "https://evil.example")]),
    ] {
        let answer = browser.send(&path, &fields, &headers).await;
        assert_eq!(answer.status, 403, "{fields:?} {headers:?}");
        assert!(answer.body.contains("Er is niets veranderd"));
    }
    // Another browser's token, and this one's without its cookies.
    let other = house.signed_in(&link).await;
    let theirs = other.token();
    assert_eq!(browser.send(&path, &fields(&theirs), &[ours]).await.status, 403);
    let mut bare = house.browser();
    assert_eq!(bare.send(&path, &fields(&token), &[ours]).await.status, 403);
    assert_eq!(bare.send(&format!("{link}/code"), &[("reader", "0"), ("token", &token)], &[ours]).await.status, 403);
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
    // And it is the token that was missing.
    assert_eq!(browser.send(&path, &fields(&token), &[own]).await.status, 303);
    assert_eq!(house.states(ID).await, ["deleted", "held", "sent"]);
}

#[tokio::test]
async fn a_get_changes_nothing() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.signed_in(&link).await;
    let owed = house.owed().await.len();
    for word in ["columns", "bcc", "reason", "second", "help", "mistake", "delete", "passage"] {
        for method in ["GET", "HEAD"] {
            browser.ask(method, &format!("/mail/{ID}/{word}?place=0&words=daarom"), &[], None).await;
        }
    }
    for path in ["/sign-out", "/language", &format!("{link}/sign-in")] {
        assert_eq!(browser.ask("GET", path, &[], None).await.status, 405);
    }
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
    assert_eq!((house.acts(ID).await.len(), house.owed().await.len()), (0, owed));
    assert_eq!(browser.get("/mail").await.status, 200);
}

/// Somebody who is signed in, at mail of a colleague and at mail of another school: not there, on every route.
#[tokio::test]
async fn nobody_reaches_the_mail_of_another() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let theirs =
        house.hold(Mail { id: "COLLEAGUE1", sender: MEESTER, readers: vec![MEESTER], ..Mail::default() }).await;
    // The same mailbox at another school of the same board: another tenant.
    let other = house.hold(Mail { id: "0THERSCH00", school: "berk", ..Mail::default() }).await;
    let mut browser = house.signed_in(&link).await;
    for id in ["COLLEAGUE1", "0THERSCH00", "UNKNOWN000"] {
        let page = browser.get(&format!("/mail/{id}")).await;
        assert_eq!(page.status, 404, "{id}");
        for word in ["columns", "bcc", "reason", "second", "help", "mistake", "delete"] {
            browser.get("/mail").await;
            let path = format!("/mail/{id}/{word}");
            assert_eq!(browser.get(&path).await.status, 404, "{path}");
            browser.get("/mail").await;
            let fields = [("place", "0"), ("words", "omdat het moet"), ("person", "0")];
            assert_eq!(browser.post(&path, &fields).await.status, 404, "{path}");
        }
        browser.get("/mail").await;
        assert_eq!(browser.post(&format!("/mail/{id}/passage"), &[]).await.status, 404, "{id}");
    }
    let list = browser.get("/mail").await.body;
    assert!(list.contains(&format!("/mail/{ID}")) && !list.contains("COLLEAGUE1") && !list.contains("0THERSCH00"));
    // Their links ask this device for a code of their own readers.
    for link in [&theirs, &other] {
        let page = browser.get(link).await;
        assert!(page.status == 200 && page.body.contains("Stuur een code naar"));
    }
    for id in ["COLLEAGUE1", "0THERSCH00"] {
        assert_eq!(house.states(id).await, ["held", "held", "sent"]);
        assert!(house.acts(id).await.is_empty());
    }
}

#[tokio::test]
async fn a_stranger_reaches_nothing() {
    let house = House::open().await;
    house.hold(Mail::default()).await;
    let mut browser = house.browser();
    for path in ["/mail", &format!("/mail/{ID}"), &format!("/mail/{ID}/reason")] {
        assert_eq!(browser.get(path).await.status, 401, "{path}");
    }
    browser.get("/").await;
    assert_eq!(browser.post(&format!("/mail/{ID}/delete"), &[("place", "0")]).await.status, 403);
}

/// What a stranger can put into a mail is shown as words.
#[tokio::test]
async fn nothing_of_a_mail_is_markup() {
    let house = House::open().await;
    for (n, payload) in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'><svg/onload=alert(1)>",
        "</title><script>alert(1)</script>",
        "javascript:alert(1)",
        "{{ 7*7 }}${7*7}",
        "&lt;script&gt;",
        "\u{202e}gpj.exe<b>",
        "</textarea><script>alert(1)</script>",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("XSS{n:07}");
        let address = format!("\"{}\"@voorbeeld.example", payload.replace('"', ""));
        let mail = Mail {
            id: &id,
            recipients: vec![(&address, State::Held), (MOTHER, State::Held)],
            subject: Some(payload),
            found: payload,
            ..Mail::default()
        };
        let link = house.hold(mail).await;
        let mut browser = house.signed_in(&link).await;
        browser.get(&format!("/mail/{id}")).await;
        let long = format!("{payload} {}", "x".repeat(1000));
        let mut pages = vec![house.browser().get(&link).await.body, browser.page.clone()];
        pages.push(browser.get("/mail").await.body);
        for word in ["reason", "second", "help", "delete"] {
            pages.push(browser.get(&format!("/mail/{id}/{word}")).await.body);
        }
        // What was typed comes back with the error.
        let typed = browser.post(&format!("/mail/{id}/reason"), &[("place", "0"), ("words", &long)]).await;
        assert_eq!(typed.status, 422);
        pages.push(typed.body);
        browser.get(&format!("/mail/{id}")).await;
        pages.push(browser.post(&format!("/mail/{id}/passage"), &[]).await.body);
        browser.get(&format!("/mail/{id}/reason")).await;
        browser.post(&format!("/mail/{id}/reason"), &[("place", "1"), ("words", payload)]).await;
        pages.push(browser.get(&format!("/mail/{id}?done=%3Cscript%3E")).await.body);
        for page in pages {
            for bad in ["<script", "<img", "<svg", "onerror=alert(1)>", "<b>", "</textarea><"] {
                assert!(!page.contains(bad), "{payload}: {bad} in {page}");
            }
            assert_eq!(page.matches("</title>").count(), 1);
        }
        house.later(3600 * 1000);
    }
}

#[tokio::test]
async fn a_form_that_is_too_long_is_refused() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.signed_in(&link).await;
    let long = "x".repeat(20_000);
    let answer = browser.post(&format!("/mail/{ID}/reason"), &[("place", "0"), ("words", &long)]).await;
    assert!(answer.status == 413 && answer.body.contains("Dat is te lang"), "{}", answer.status);
    let many = "x".repeat(1001);
    browser.get(&format!("/mail/{ID}/reason")).await;
    let answer = browser.post(&format!("/mail/{ID}/reason"), &[("place", "0"), ("words", &many)]).await;
    assert!(answer.status == 422 && answer.body.contains("Maak het korter"));
}

#[tokio::test]
async fn the_language_goes_back_to_our_own_pages_only() {
    let house = House::open().await;
    let mut browser = house.browser();
    let ours = [("Sec-Fetch-Site", "same-origin")];
    for (back, to) in [("/help", "/help"), ("//evil.example", "/"), ("https://evil.example/", "/"), ("/\\evil", "/")] {
        let answer = browser.send("/language", &[("language", "en"), ("back", back)], &ours).await;
        assert_eq!((answer.status, answer.location().as_str()), (303, to), "{back}");
    }
    assert!(browser.get("/").await.body.contains("<html lang=\"en\">"));
    assert_eq!(browser.send("/language", &[("language", "fr")], &ours).await.status, 400);
    let elsewhere = [("Sec-Fetch-Site", "cross-site")];
    assert_eq!(browser.send("/language", &[("language", "nl")], &elsewhere).await.status, 400);
    assert!(browser.get("/").await.body.contains("<html lang=\"en\">"));
}
