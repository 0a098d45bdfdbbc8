//! From the link to a device that is signed in.

use super::house::*;

#[tokio::test]
async fn a_code_goes_to_the_sender_and_opens_the_mail() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.browser();
    let page = browser.get(&link).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Stuur een code naar j•••@delinde.example"), "{}", page.body);
    assert!(!page.body.contains(CANARY) && !page.body.contains("/mail/"));
    let sent = browser.post(&format!("{link}/code"), &[("reader", "0")]).await;
    assert_eq!((sent.status, sent.location()), (303, format!("{link}/code")));
    let letters = house.letters().await;
    assert_eq!((letters.len(), letters[0].to.as_slice(), letters[0].from.clone()), (1, &[JUF.to_owned()][..], None));
    let letter = &letters[0];
    assert!(!letter.raw.contains("http") && !letter.text.contains("http"), "no link beside a code: {}", letter.raw);
    assert!(
        letter.raw.contains("From: \"Mailpoort basisschool De Linde\" <mailpoort@delinde.example>"),
        "{}",
        letter.raw
    );
    assert!(letter.raw.contains("Auto-Submitted: auto-generated"));
    let code = house.code().await;
    assert!(letter.html.contains(&code) && !letter.raw.split("\r\n\r\n").next().unwrap().contains(&code));
    let form = browser.get(&format!("{link}/code")).await;
    assert!(form.body.contains("autocomplete=\"one-time-code\""));
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let right = browser.post(&format!("{link}/sign-in"), &[("code", &spaced)]).await;
    assert_eq!((right.status, right.location()), (303, "/mail/4CRK7QM2XW".to_owned()));
    let page = browser.get("/mail/4CRK7QM2XW").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&format!("Aangemeld als {JUF}")) && page.body.contains("/mail/4CRK7QM2XW/reason"));
    // The link now leads straight on, and the code works no second time.
    assert_eq!(browser.get(&link).await.location(), "/mail/4CRK7QM2XW");
}

#[tokio::test]
async fn five_guesses_and_no_more() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.browser();
    browser.get(&link).await;
    browser.post(&format!("{link}/code"), &[("reader", "0")]).await;
    browser.get(&format!("{link}/code")).await;
    let code = house.code().await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let not_a_code = browser.post(&format!("{link}/sign-in"), &[("code", "12345")]).await;
    assert!(not_a_code.status == 422 && not_a_code.body.contains("Dit is geen code"));
    for left in [4, 3, 2, 1] {
        let answer = browser.post(&format!("{link}/sign-in"), &[("code", wrong)]).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains(&format!("nog {left} keer")), "{}", answer.body);
        assert!(answer.body.contains("aria-invalid=\"true\"") && answer.body.contains("<title>Fout:"));
    }
    assert_eq!(browser.post(&format!("{link}/sign-in"), &[("code", wrong)]).await.status, 429);
    assert_eq!(browser.post(&format!("{link}/sign-in"), &[("code", &code)]).await.status, 429);
    browser.get(&link).await;
    assert_eq!(browser.post(&format!("{link}/code"), &[("reader", "0")]).await.status, 429);
    assert_eq!(house.letters().await.len(), 1);
    house.later(DAY + 1);
    house.sign_in(&mut browser, &link, 0).await;
}

#[tokio::test]
async fn a_code_grows_old_and_works_in_no_other_browser() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let (mut browser, mut other) = (house.browser(), house.browser());
    browser.get(&link).await;
    browser.post(&format!("{link}/code"), &[("reader", "0")]).await;
    let code = house.code().await;
    other.get(&format!("{link}/code")).await;
    let elsewhere = other.post(&format!("{link}/sign-in"), &[("code", &code)]).await;
    assert!(elsewhere.status == 422 && elsewhere.body.contains("werkt niet meer"));
    house.later(10 * 60 * 1000);
    browser.get(&format!("{link}/code")).await;
    let late = browser.post(&format!("{link}/sign-in"), &[("code", &code)]).await;
    assert!(late.status == 422 && late.body.contains("werkt niet meer"));
}

#[tokio::test]
async fn a_session_is_over_after_eight_hours_or_when_signed_out() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.signed_in(&link).await;
    house.later(8 * 3600 * 1000 - 1);
    assert_eq!(browser.get("/mail").await.status, 200);
    let mut stolen = browser.clone();
    let out = browser.post("/sign-out", &[]).await;
    assert_eq!(out.location(), "/signed-out");
    assert_eq!(stolen.get("/mail").await.status, 401, "the cookie is worth nothing any more");
    let gone = browser.get("/signed-out").await;
    assert!(gone.body.contains("Je bent afgemeld"));
    let mut again = house.signed_in(&link).await;
    house.later(8 * 3600 * 1000);
    let over = again.get("/mail/4CRK7QM2XW").await;
    assert!(over.status == 401 && over.body.contains("Je bent niet aangemeld"));
}

#[tokio::test]
async fn signing_in_changes_every_cookie() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.browser();
    browser.get(&link).await;
    let before = browser.cookies.clone();
    house.sign_in(&mut browser, &link, 0).await;
    assert_eq!(before.len(), 1);
    assert!(before.iter().all(|(name, value)| browser.cookies[name] != *value), "fixation");
    assert_eq!(browser.cookies.len(), 2);
    assert!(browser.cookies.keys().all(|name| name.starts_with("__Host-")));
}

/// A mail on behalf of somebody: both got the notice, and each may prove it.
#[tokio::test]
async fn who_sent_it_for_another_chooses_the_mailbox() {
    let house = House::open().await;
    let link = house.hold(Mail { readers: vec![JUF, MEESTER], ..Mail::default() }).await;
    let mut browser = house.browser();
    let page = browser.get(&link).await.body;
    assert!(page.contains("Stuur een code naar j•••@") && page.contains("Stuur een code naar m•••@"));
    house.sign_in(&mut browser, &link, 1).await;
    assert!(browser.page.contains(&format!("Aangemeld als {MEESTER}")));
    assert_eq!(house.letters().await[0].to, [MEESTER]);
    browser.get(&link).await;
    let mut third = house.browser();
    third.get(&link).await;
    assert_eq!(third.post(&format!("{link}/code"), &[("reader", "2")]).await.status, 400);
}

/// Robots that open every link and press every button: at most some codes, and nothing else.
#[tokio::test]
async fn a_robot_that_presses_everything_only_sends_codes() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut robot = house.browser();
    for _ in 0..10 {
        for path in [link.clone(), format!("{link}/code"), "/".into(), "/help".into(), "/mail".into()] {
            robot.get(&path).await;
            robot.ask("HEAD", &path, &[], None).await;
            let page = robot.page.clone();
            for action in page.split("action=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()) {
                robot.post(&action, &[("reader", "0"), ("code", "123456"), ("language", "en")]).await;
            }
        }
    }
    assert_eq!(house.states("4CRK7QM2XW").await, ["held", "held", "sent"]);
    assert_eq!(house.acts("4CRK7QM2XW").await, Vec::<String>::new());
    let letters = house.letters().await.len();
    assert!((1..=5).contains(&letters), "{letters} codes");
}
