//! The list of a week: whom it goes to, when, what it says, word for word (`tests/desk/week.NL.txt`), and its link.

use std::path::Path;
use std::sync::atomic::Ordering;

use mailpoort::school::Language;
use mailpoort::store::held::{Act, Choice, State};
use mailpoort::web::desk::{Desk, Means};

use super::house::*;

const HOUR: i64 = 3_600_000;
/// From Tuesday 15.07 to a minute past eight on Monday.
const TO_MONDAY: i64 = 6 * DAY - 7 * HOUR - 6 * 60_000;

/// One that waits, one of which a part was sent and a part deleted, and one of a subject that may not be told.
async fn week(house: &House) {
    house.hold(Mail::default()).await;
    house.later(HOUR);
    let some = vec![(MOTHER, State::Held), ("m.smit@delinde.example", State::Sent)];
    house.hold(Mail { id: "7K2M9PQR3T", recipients: some, subject: None, ..Mail::default() }).await;
    let held = house.store.held("7K2M9PQR3T").await.unwrap().unwrap();
    let act = Act { what: "deleted".into(), who: JUF.into(), reason: String::new(), places: vec![0] };
    let choice = Choice { act, to: State::Deleted, items: Vec::new(), owed: Vec::new(), asked: None };
    house.store.choose(&held, choice, house.now()).await.unwrap();
    // For the school's mailbox, by a teacher; and for nobody of ours.
    let readers = vec!["info@delinde.example", MEESTER];
    house.hold(Mail { id: "B3B3B3B3B3", sender: "info@delinde.example", readers, ..Mail::default() }).await;
    let elsewhere = "oud@elders.example";
    house.hold(Mail { id: "C4C4C4C4C4", sender: elsewhere, readers: vec![elsewhere], ..Mail::default() }).await;
}

fn lists(letters: &[Letter]) -> Vec<&Letter> {
    letters.iter().filter(|letter| letter.text.contains("/w/")).collect()
}

/// The path of the link in a list.
fn link(letter: &Letter) -> String {
    let at = letter.text.find("/w/").unwrap();
    letter.text[at..].split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_list_says_word_for_word_what_waits_and_what_lies_in_sent() {
    for language in Language::ALL {
        let house = House::open().await;
        *house.gate.language.lock().unwrap() = language;
        week(&house).await;
        house.later(TO_MONDAY);
        house.desk.tend().await.unwrap();
        let letters = house.letters().await;
        let all = lists(&letters);
        let letter = all.iter().find(|letter| letter.to == [JUF]).unwrap();
        let secret = link(letter);
        let got = format!("{}\n", letter.text.trim_end().replace(&secret, "/w/SECRET"));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/desk/week.{}.txt", language.word()));
        assert_eq!(got, std::fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
        assert!(letter.html.contains(&secret) && !letter.raw.contains(CANARY) && !letter.text.contains("voorbeeld"));
    }
}

#[tokio::test]
async fn one_list_a_week_to_whoever_had_something_and_to_nobody_else() {
    let house = House::open().await;
    week(&house).await;
    house.later(TO_MONDAY - 5 * 60_000);
    house.desk.tend().await.unwrap();
    assert!(lists(&house.letters().await).is_empty(), "before eight");
    house.later(5 * 60_000);
    for _ in 0..2 {
        house.desk.tend().await.unwrap();
    }
    // After a restart nobody gets it again.
    let now = std::sync::Arc::clone(&house.clock);
    let again = Desk::new(Means {
        store: house.store.clone(),
        vault: house.vault.clone(),
        gate: std::sync::Arc::clone(&house.gate) as _,
        url: mailpoort::web::Url::parse(ORIGIN).unwrap(),
        clock: std::sync::Arc::new(move || now.load(Ordering::Relaxed)),
        wake: std::sync::Arc::new(|| {}),
        shares: None,
        give_up: DAY,
    });
    again.tend().await.unwrap();
    let letters = house.letters().await;
    let mut to: Vec<&str> = lists(&letters).iter().map(|letter| letter.to[0].as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["info@delinde.example", JUF, MEESTER]);
    // A week later one of them still waits, and the others are told of nothing twice.
    house.later(7 * DAY);
    house.desk.tend().await.unwrap();
    let letters = house.letters().await;
    let mut second: Vec<(&str, bool)> =
        lists(&letters)[3..].iter().map(|letter| (letter.to[0].as_str(), letter.text.contains("7K2M9PQR3T"))).collect();
    second.sort_unstable();
    assert_eq!(second, [("info@delinde.example", false), (JUF, false), (MEESTER, false)]);
    // Then its time is over, and nobody had anything.
    house.later(7 * DAY);
    house.store.purge(house.now()).await.unwrap();
    house.desk.tend().await.unwrap();
    assert_eq!(lists(&house.letters().await).len(), 6);
}

#[tokio::test]
async fn a_school_may_do_without() {
    let house = House::open().await;
    house.gate.weekly.store(false, Ordering::Relaxed);
    week(&house).await;
    house.later(TO_MONDAY);
    house.desk.tend().await.unwrap();
    assert!(lists(&house.letters().await).is_empty());
}

#[tokio::test]
async fn the_link_opens_my_pages_with_a_code_to_my_mailbox_for_a_fortnight() {
    let house = House::open().await;
    week(&house).await;
    house.later(TO_MONDAY);
    house.desk.tend().await.unwrap();
    let letters = house.letters().await;
    let of = |reader: &str| link(lists(&letters).iter().find(|letter| letter.to == [reader]).unwrap());
    let mine = of(JUF);
    let mut browser = house.browser();
    let page = browser.get(&mine).await;
    assert!(page.status == 200 && page.body.contains("Stuur een code naar j•••@delinde.example"), "{}", page.body);
    assert!(!page.body.contains("4CRK7QM2XW") && !page.body.contains("Lijst groep 5"), "nothing without a code");
    house.sign_in(&mut browser, &mine, 0).await;
    assert_eq!(browser.get(&mine).await.location(), "/mail");
    assert!(browser.get("/mail").await.body.contains("Lijst groep 5"));
    // Another's link asks for a code to that mailbox.
    assert_eq!(browser.get(&of(MEESTER)).await.status, 200);
    assert_eq!(browser.get("/w/onzin").await.status, 404);
    house.later(15 * DAY);
    assert_eq!(browser.get(&mine).await.status, 404);
}
