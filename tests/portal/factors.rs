//! Second factors: a code by text message, the fixed code of an organisation, and what a device has proven before.

use mailpoort::level::Level;
use mailpoort::message::Mailbox;
use mailpoort::share::{CodeWords, Factor, Link, Made, OpenedBy, Unlock, Visitor};
use mailpoort::store::contacts::Facts;
use mailpoort::vault::share::{AccessCode, Cost};

use super::house::*;
use super::provider::Texts;

const PHONE: &str = "06-12345678";
const HOUR: i64 = 3600 * 1000;

pub async fn texting(daily: u32) -> (House, Texts, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let texts = Texts::listen(folder.path()).await;
    (House::open_with(Some(texts.provider(daily))).await, texts, folder)
}

/// The mother has a number, the father has none.
pub async fn share(house: &House) -> Made {
    house.share(Mail { phones: vec![(MOTHER, PHONE)], ..Mail::default() }).await
}

/// Asks for a text and types its code; the path of the message.
async fn by_text(browser: &mut Browser, texts: &Texts, link: &Link, fields: &[(&str, &str)]) -> String {
    browser.get(&path(link)).await;
    let on = browser.post(&path(link), &[]).await.location();
    browser.get(&on).await;
    let sent = browser.post(&format!("{}/sms", path(link)), &[]).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    browser.get(&sent.location()).await;
    let code = texts.last_code();
    let fields = [&[("code", code.as_str())], fields].concat();
    let opened = browser.post(&format!("{}/code", path(link)), &fields).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    let at = opened.location();
    browser.get(&at).await;
    at
}

/// Whether the button of a link leads to the message at once, where no message is open.
async fn opens(browser: &mut Browser, link: &Link) -> bool {
    browser.cookies.retain(|name, _| !name.contains("bericht"));
    browser.get(&path(link)).await;
    browser.post(&path(link), &[]).await.location().starts_with("/s/")
}

#[tokio::test]
async fn a_number_gets_its_code_by_text_and_who_has_none_gets_a_code_from_the_sender() {
    let (house, texts, _folder) = texting(10).await;
    let made = share(&house).await;
    let [mother, father] = &made.links[..] else { panic!() };
    assert!(matches!(&mother.factor, Factor::Sms { masked, .. } if masked == "06-••••5678") && mother.code.is_none());
    assert!(father.factor == Factor::Code && father.code.is_some());
    let mut browser = house.browser();
    let welcome = browser.get(&path(mother)).await;
    assert!(welcome.body.contains("per sms") && !welcome.body.contains("5678"), "{}", welcome.body);
    let on = browser.post(&path(mother), &[]).await.location();
    let ask = browser.get(&on).await;
    assert!(ask.body.contains("06-••••5678") && ask.body.contains("Stuur mij een sms"), "{}", ask.body);
    assert!(texts.asked().is_empty(), "the first button sends nothing");
    browser.post(&format!("{}/sms", path(mother)), &[]).await;
    let asked = texts.asked();
    assert_eq!(asked.len(), 1);
    let head = asked[0].to_lowercase();
    assert!(head.starts_with("post /v1/messages?x=1 ") && head.contains("authorization: bearer sleutel"), "{head}");
    assert!(asked[0].contains("\"+31612345678\"") && asked[0].contains(&made.reference), "{}", asked[0]);
    let (text, code) = (texts.last_text(), texts.last_code());
    assert!(text.ends_with(&format!("\n\n@veilig.delinde.example #{code}")) && !text.contains("://"), "{text}");
    let page = browser.get(&on).await;
    assert!(page.body.contains("Code van 6 cijfers") && page.body.contains("one-time-code"), "{}", page.body);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = browser.post(&on, &[("code", wrong)]).await;
    assert!(refused.status == 422 && refused.body.contains("nog 4 keer"), "{}", refused.body);
    assert_eq!(browser.post(&on, &[("code", "1234")]).await.status, 422);
    let opened = browser.post(&on, &[("code", &code)]).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    assert!(browser.get(&opened.location()).await.body.contains(SUBJECT));
    // The same code opens nothing a second time.
    let mut other = house.browser();
    other.get(&path(mother)).await;
    let on = other.post(&path(mother), &[]).await.location();
    other.get(&on).await;
    let again = other.post(&on, &[("code", &code)]).await;
    assert!(again.status == 422 && again.body.contains("werkt niet meer"), "{}", again.body);
    let kinds: Vec<String> = house.shares.events(&made.id).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert!(kinds.contains(&"code_sent".to_owned()) && kinds.contains(&"unlocked".to_owned()), "{kinds:?}");
    for secret in [code.as_str(), "612345678", "5678"] {
        assert!(!house.holds(secret), "{secret} is readable on the disk");
    }
}

#[tokio::test]
async fn a_code_by_text_lives_ten_minutes_and_five_tries() {
    let (house, texts, _folder) = texting(10).await;
    let made = share(&house).await;
    let link = &made.links[0];
    let (rid, secret) = (link.rid.as_str(), link.secret.written());
    let send = || {
        house.shares.text_code(rid, &secret, Visitor::default(), |code| CodeWords {
            subject: String::new(),
            text: format!("{code} x"),
        })
    };
    let unlock = |code: String| {
        let (shares, secret) = (house.shares.clone(), secret.clone());
        async move { shares.unlock(rid, &secret, &code, Visitor::default()).await.unwrap() }
    };
    assert!(matches!(unlock("000000".into()).await, Unlock::Expired), "before one was sent");
    send().await.unwrap();
    let code = texts.last_code();
    house.later(11 * 60_000);
    assert!(matches!(unlock(code).await, Unlock::Expired));
    send().await.unwrap();
    let first = texts.last_code();
    send().await.unwrap();
    let second = texts.last_code();
    // Chance gives the same code twice once in a million.
    if first != second {
        assert!(matches!(unlock(first).await, Unlock::Wrong { .. }), "the newest counts");
    }
    for _ in 0..5 {
        unlock(if second == "000000" { "000001".into() } else { "000000".into() }).await;
    }
    assert!(!matches!(unlock(second).await, Unlock::Open { .. }));
}

#[tokio::test]
async fn texts_are_few_and_a_provider_that_is_down_is_no_dead_end() {
    let (house, texts, _folder) = texting(7).await;
    let made = share(&house).await;
    let mut browser = house.browser();
    browser.get(&path(&made.links[0])).await;
    let on = browser.post(&path(&made.links[0]), &[]).await.location();
    browser.get(&on).await;
    let sms = format!("{}/sms", path(&made.links[0]));
    texts.answer(500);
    let down = browser.post(&sms, &[]).await;
    assert!(down.status == 503 && down.body.contains("/geen-code"), "{} {}", down.status, down.body);
    assert_eq!(texts.asked().len(), 2, "one more try, since nothing was taken");
    texts.answer(403);
    assert_eq!(browser.post(&sms, &[]).await.status, 503);
    assert_eq!(texts.asked().len(), 3, "what is refused once is refused twice");
    let no_code = browser.get(&format!("{}/geen-code", path(&made.links[0]))).await;
    assert!(no_code.body.contains("06-••••5678"), "{}", no_code.body);
    browser.post(&format!("{}/geen-code", path(&made.links[0])), &[]).await;
    assert!(house.letters().await.iter().any(|letter| letter.contains(MOTHER)), "the sender is told");
    texts.answer(200);
    browser.get(&on).await;
    for sent in 0..5 {
        assert_eq!(browser.post(&sms, &[]).await.status, 303, "{sent}");
        browser.get(&on).await;
    }
    let enough = browser.post(&sms, &[]).await;
    assert!(enough.status == 429 && enough.body.contains("vijf keer"), "{}", enough.body);
    // Through another link to the same mailbox it is no more.
    let more = share(&house).await;
    let mut other = house.browser();
    other.get(&path(&more.links[0])).await;
    assert_eq!(other.post(&format!("{}/sms", path(&more.links[0])), &[]).await.status, 429);
    house.later(DAY + HOUR);
    assert_eq!(browser.post(&sms, &[]).await.status, 303);
    // The school's own ceiling.
    let others = house.share(Mail { phones: vec![(FATHER, "0687654321")], ..Mail::default() }).await;
    let mut last = 0;
    for _ in 0..7 {
        let mut browser = house.browser();
        browser.get(&path(&others.links[1])).await;
        last = browser.post(&format!("{}/sms", path(&others.links[1])), &[]).await.status;
    }
    assert_eq!(last, 429);
    let (small, small_texts, _folder) = texting(1).await;
    let made = share(&small).await;
    let mut browser = small.browser();
    browser.get(&path(&made.links[0])).await;
    let sms = format!("{}/sms", path(&made.links[0]));
    assert_eq!(browser.post(&sms, &[]).await.status, 303);
    browser.get(&path(&made.links[0])).await;
    assert_eq!(browser.post(&sms, &[]).await.status, 503);
    assert_eq!(small_texts.asked().len(), 1);
}

#[tokio::test]
async fn what_was_proven_counts_eight_hours_on_that_device() {
    let (house, texts, _folder) = texting(50).await;
    let made = share(&house).await;
    let mut browser = house.browser();
    let at = by_text(&mut browser, &texts, &made.links[0], &[]).await;
    let next = share(&house).await;
    assert!(!opens(&mut house.browser(), &next.links[0]).await, "another device has proven nothing");
    house.later(7 * HOUR);
    assert!(opens(&mut browser, &next.links[0]).await);
    assert!(!opens(&mut browser, &next.links[1]).await, "the father's link asks for his own code");
    // Another number is another factor.
    let moved = house.share(Mail { phones: vec![(MOTHER, "06-99999999")], ..Mail::default() }).await;
    assert!(!opens(&mut browser, &moved.links[0]).await);
    house.later(HOUR + 60_000);
    assert!(!opens(&mut browser, &next.links[0]).await);
    by_text(&mut browser, &texts, &next.links[0], &[]).await;
    assert!(opens(&mut browser, &made.links[0]).await);
    browser.get(&at).await;
    assert_eq!(browser.post(&format!("{at}/uit"), &[]).await.status, 303);
    assert!(!opens(&mut browser, &next.links[0]).await, "who signs out proves it again");
    let kept = browser.cookies.iter().find(|(name, _)| name.contains("bewijs"));
    assert!(kept.is_none(), "{kept:?}");
}

#[tokio::test]
async fn a_code_counts_for_its_own_sending_and_no_other() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut browser = house.browser();
    house.enter(&mut browser, &made.links[0]).await;
    // Signed out for being idle, and back without typing; the other mailbox of the family too.
    house.later(HOUR);
    assert!(opens(&mut browser, &made.links[0]).await);
    assert!(opens(&mut browser, &made.links[1]).await);
    let next = house.share(Mail::default()).await;
    assert!(!opens(&mut browser, &next.links[0]).await, "a code is part of the key");
    house.later(8 * HOUR);
    assert!(!opens(&mut browser, &made.links[0]).await);
    // A proof that somebody has tampered with is none.
    let (name, value) = browser.cookies.iter().find(|(name, _)| name.contains("bewijs")).unwrap();
    let (name, mut value) = (name.clone(), value.clone().into_bytes());
    let last = value.len() - 2;
    value[last] = if value[last] == b'A' { b'B' } else { b'A' };
    browser.cookies.insert(name, String::from_utf8(value).unwrap());
    assert!(!opens(&mut browser, &made.links[0]).await);
}

#[tokio::test]
async fn a_device_is_remembered_where_the_school_allows_it_and_forgotten_at_once() {
    let (house, texts, _folder) = texting(50).await;
    let made = share(&house).await;
    let mut browser = house.browser();
    let at = by_text(&mut browser, &texts, &made.links[0], &[("remember", "yes")]).await;
    assert!(browser.page.contains("Dit apparaat wordt onthouden"), "{}", browser.page);
    browser.post(&format!("{at}/uit"), &[]).await;
    house.later(20 * DAY);
    let next = share(&house).await;
    assert!(opens(&mut browser, &next.links[0]).await);
    let proofs: Vec<String> =
        browser.cookies.iter().filter(|(name, _)| name.contains("apparaat")).map(|(_, value)| value.clone()).collect();
    let (rid, secret) = (&next.links[0].rid, next.links[0].secret.written());
    let elsewhere = house.shares.unlock_by_proof(rid, &secret, &proofs, (Visitor::default(), false)).await.unwrap();
    assert!(matches!(elsewhere, Unlock::Nothing), "not where the school does not allow it");
    let mut forgetful = browser.clone();
    forgetful.cookies.retain(|name, _| !name.contains("bericht"));
    forgetful.get(&path(&next.links[0])).await;
    assert_eq!(forgetful.post("/vergeet", &[]).await.location(), "/vergeet");
    assert!(forgetful.get("/vergeet").await.body.contains("vergeten"));
    assert!(!opens(&mut forgetful, &next.links[0]).await);
    house.later(71 * DAY);
    let late = share(&house).await;
    assert!(!opens(&mut browser, &late.links[0]).await, "90 days are over");
}

/// The mother reads for an organisation, which has this fixed code.
pub async fn fixed_code(house: &House, code: &str) {
    let store = house.outbox.store();
    let facts = Facts { address: MOTHER.into(), checked: Some("2026-11-24".into()), ..Facts::default() };
    store.keep_contacts("linde", vec![([4; 16], facts)], START).await.unwrap();
    let key = AccessCode::read(code).unwrap().fixed_key(&[4; 16], Cost::default()).await.unwrap();
    store.set_contact_code([4; 16], key.octets(), Cost::default().number()).await.unwrap();
}

#[tokio::test]
async fn an_organisation_has_a_fixed_code_until_it_is_changed() {
    let (house, texts, _folder) = texting(50).await;
    let store = house.outbox.store().clone();
    let index = store.sender(&Mailbox::parse(MOTHER).unwrap().folded());
    fixed_code(&house, "1111 2222 3333").await;
    let made = share(&house).await;
    assert!(made.links[0].factor == Factor::Organisation && made.links[0].code.is_none());
    let mut browser = house.browser();
    browser.get(&path(&made.links[0])).await;
    let on = browser.post(&path(&made.links[0]), &[]).await.location();
    let page = browser.get(&on).await;
    assert!(page.body.contains("Vaste code van uw organisatie") && texts.asked().is_empty(), "{}", page.body);
    assert_eq!(browser.post(&on, &[("code", "1111 2222 3334")]).await.status, 422);
    let opened = browser.post(&on, &[("code", "1111-2222-3333"), ("remember", "yes")]).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    assert!(store.contact("linde", index).await.unwrap().unwrap().proven_at.is_some());
    house.later(10 * DAY);
    let next = share(&house).await;
    assert!(opens(&mut browser, &next.links[0]).await, "the device is remembered");
    fixed_code(&house, "4444 5555 6666").await;
    let changed = share(&house).await;
    assert!(!opens(&mut browser, &changed.links[0]).await, "another code, another key");
    let mut browser = house.browser();
    for (link, code, status) in [(&changed.links[0], "4444 5555 6666", 303), (&next.links[0], "1111 2222 3333", 303)] {
        browser.get(&path(link)).await;
        browser.post(&path(link), &[]).await;
        browser.get(&format!("{}/code", path(link))).await;
        let answer = browser.post(&format!("{}/code", path(link)), &[("code", code)]).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    for code in ["1111 2222 3333", "111122223333", "444455556666"] {
        assert!(!house.holds(code), "{code} is readable on the disk");
    }
}

/// The code in the mail that was owed last.
async fn mailed_code(house: &House) -> String {
    let letter = house.letters().await.pop().unwrap();
    letter.split("\n\n").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn at_level_low_a_code_comes_by_mail_and_it_says_what_that_is_worth() {
    let house = House::open().await;
    let made = house.share(Mail { level: Level::Low, ..Mail::default() }).await;
    let link = &made.links[0];
    assert!(link.factor == Factor::Email && link.code.is_none());
    let mut browser = house.browser();
    let welcome = browser.get(&path(link)).await;
    assert!(welcome.body.contains("tweede mail"), "{}", welcome.body);
    let on = browser.post(&path(link), &[]).await.location();
    let ask = browser.get(&on).await;
    assert!(ask.body.contains("wie die mailbox kan lezen") && !ask.body.contains(MOTHER), "{}", ask.body);
    assert!(house.letters().await.is_empty(), "the first button sends nothing");
    let by_mail = format!("{}/per-mail", path(link));
    assert_eq!(browser.post(&by_mail, &[]).await.status, 303);
    let letter = house.letters().await.pop().unwrap();
    assert!(letter.contains(&made.reference) && letter.contains("10 minuten") && !letter.contains("://"), "{letter}");
    let code = mailed_code(&house).await;
    assert!(code.len() == 6 && !house.holds(&code), "{letter}");
    let page = browser.get(&on).await;
    assert!(page.body.contains("Code van 6 cijfers") && page.body.contains("Stuur een nieuwe mail"), "{}", page.body);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(browser.post(&on, &[("code", wrong)]).await.status, 422);
    let opened = browser.post(&on, &[("code", &code)]).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    let message = opened.location();
    assert!(browser.get(&message).await.body.contains(SUBJECT));
    // A passkey would open what takes more than this mailbox.
    assert!(!browser.page.contains("/passkey"), "{}", browser.page);
    assert_ne!(browser.get(&format!("{message}/passkey")).await.status, 200);
    let share = house.shares.share(&made.id).await.unwrap().unwrap();
    assert_eq!(share.recipients[0].opened_by, Some(OpenedBy::Email));
    // What was proven counts for the same, and for no more.
    let low = house.share(Mail { level: Level::Low, ..Mail::default() }).await;
    assert!(opens(&mut browser, &low.links[0]).await && !opens(&mut browser, &low.links[1]).await);
    let normal = house.share(Mail::default()).await;
    assert!(!opens(&mut browser, &normal.links[0]).await);
    for sent in 1..5 {
        browser.get(&path(link)).await;
        assert_eq!(browser.post(&by_mail, &[]).await.status, 303, "{sent}");
    }
    browser.get(&path(link)).await;
    let enough = browser.post(&by_mail, &[]).await;
    assert!(enough.status == 429 && enough.body.contains("vijf keer een code gevraagd"), "{}", enough.body);
    let code = mailed_code(&house).await;
    house.later(11 * 60_000);
    let (rid, secret) = (link.rid.as_str(), link.secret.written());
    let late = house.shares.unlock(rid, &secret, &code, mailpoort::share::Visitor::default()).await.unwrap();
    assert!(matches!(late, Unlock::Expired));
}

#[tokio::test]
async fn at_level_low_a_number_and_a_fixed_code_come_first() {
    let (house, _texts, _folder) = texting(10).await;
    let mail = Mail { level: Level::Low, phones: vec![(MOTHER, PHONE)], ..Mail::default() };
    let made = house.share(mail).await;
    assert!(matches!(made.links[0].factor, Factor::Sms { .. }) && made.links[1].factor == Factor::Email);
    // A new link takes a code that the sender tells.
    let opened = house.shares.open_as_sender(&made.sender.rid, &made.sender.secret.written(), JUF).await.unwrap();
    let Unlock::Open { opened, .. } = opened else { panic!() };
    house.shares.renew(&made.id, &made.links[1].rid, Some(&opened), JUF).await.unwrap();
    let share = house.shares.share(&made.id).await.unwrap().unwrap();
    assert!(share.recipients.iter().any(|one| one.factor == Factor::Code && one.level == Level::Low));
}

#[tokio::test]
async fn at_level_high_nobody_is_remembered_and_no_fixed_code_counts() {
    let (house, texts, _folder) = texting(50).await;
    let store = house.outbox.store().clone();
    let facts = Facts { address: FATHER.into(), checked: Some("2026-11-24".into()), ..Facts::default() };
    store.keep_contacts("linde", vec![([4; 16], facts)], START).await.unwrap();
    let key = AccessCode::read("1111 2222 3333").unwrap().fixed_key(&[4; 16], Cost::default()).await.unwrap();
    store.set_contact_code([4; 16], key.octets(), Cost::default().number()).await.unwrap();
    let high = || Mail { level: Level::High, phones: vec![(MOTHER, PHONE)], ..Mail::default() };
    let made = house.share(high()).await;
    assert!(made.links[1].factor == Factor::Code && made.links[1].code.is_some());
    let mut browser = house.browser();
    let welcome = browser.get(&path(&made.links[1])).await;
    assert!(welcome.body.contains("zelf, op school of aan de telefoon"), "{}", welcome.body);
    assert!(!welcome.body.contains("Parro"), "{}", welcome.body);
    by_text(&mut browser, &texts, &made.links[0], &[("remember", "yes")]).await;
    assert!(!browser.page.contains("Dit apparaat wordt onthouden"), "{}", browser.page);
    // A device that was remembered for something else opens nothing of this level.
    let normal = share(&house).await;
    let mut kept = house.browser();
    by_text(&mut kept, &texts, &normal.links[0], &[("remember", "yes")]).await;
    house.later(9 * HOUR);
    let (next, ordinary) = (house.share(high()).await, share(&house).await);
    assert!(!opens(&mut kept, &next.links[0]).await && opens(&mut kept, &ordinary.links[0]).await);
}

#[tokio::test]
async fn a_number_that_nobody_checked_or_used_is_forgotten_after_a_fortnight() {
    let house = House::open().await;
    let store = house.outbox.store().clone();
    let facts = |address: &str, checked: Option<&str>| Facts {
        address: address.into(),
        phone: Some("+31612345678".into()),
        checked: checked.map(str::to_owned),
        ..Facts::default()
    };
    let all =
        vec![([1; 16], facts(MOTHER, None)), ([2; 16], facts(FATHER, Some("2026-11-24"))), ([3; 16], facts(JUF, None))];
    store.keep_contacts("linde", all, START).await.unwrap();
    store.contact_proven([3; 16], START).await.unwrap();
    store.purge_shares(START + 13 * DAY).await.unwrap();
    assert_eq!(store.contacts().await.unwrap().len(), 3);
    store.purge_shares(START + 14 * DAY).await.unwrap();
    let left: Vec<String> = store.contacts().await.unwrap().into_iter().map(|one| one.facts.address).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(!left.contains(&MOTHER.to_owned()));
    assert!(!house.holds("612345678"));
}
