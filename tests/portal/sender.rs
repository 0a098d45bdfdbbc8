//! The sender at the desk: his own copy, what became of it, withdraw, extend, a new link.

use super::house::*;

#[tokio::test]
async fn the_senders_link_takes_a_code_to_his_mailbox_and_opens_his_copy() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut browser = house.browser();
    let to_desk = browser.get(&path(&made.sender)).await;
    let own = format!("/kopie/{}/{}", made.sender.rid, made.sender.secret.written());
    assert_eq!(to_desk.location(), format!("{DESK}{own}"));
    assert_eq!(browser.get(&path(&made.links[0]).replace("/b/", "/kopie/")).await.status, 404, "a parent's link");
    let mut browser = house.sender(&made).await;
    let opened = browser.post(&own, &[]).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    let copy = browser.get(&opened.location()).await;
    assert!(copy.body.contains(SUBJECT) && !copy.body.contains("/antwoord"), "{}", copy.body);
    let strange = house.browser().send(&own, &[], &[("Sec-Fetch-Site", "same-origin")]).await;
    assert_eq!(strange.status, 403);
}

#[tokio::test]
async fn the_sender_sees_what_became_of_it_and_takes_it_back() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut sender = house.sender(&made).await;
    let at = format!("/shares/{}", made.id);
    let list = sender.get("/shares").await.body;
    assert!(list.contains(SUBJECT) && list.contains("staat klaar") && list.contains(MOTHER), "{list}");
    house.later(7 * DAY);
    // A week is long: signed in again.
    let mut sender = house.sender(&made).await;
    assert!(sender.get(&at).await.body.contains("niet geopend na drie schooldagen"));
    let (mut parent, message) = house.open_share(&made.links[0]).await;
    let file = super::guard::items(&parent.page)[0].clone();
    parent.get(&file).await;
    let page = sender.get(&at).await.body;
    for says in [
        "geopend",
        "bekeken",
        "nog niet bekeken",
        "verslag gesprek 24 november.pdf",
        "p.jansen@voorbeeld.example heeft het bericht geopend.",
    ] {
        assert!(page.contains(says), "{says}: {page}");
    }
    let item = file.rsplit('/').next().unwrap();
    let one = format!("{at}/withdraw?recipient={}&item={item}", made.links[0].rid);
    let asked = sender.get(&one).await.body;
    assert!(asked.contains("verslag gesprek") && asked.contains("kunt het niet terugdraaien"), "{asked}");
    assert_eq!(sender.post(&one, &[]).await.location(), format!("{at}?done=withdrawn"));
    assert!([404, 410].contains(&parent.get(&file).await.status));
    assert_eq!(parent.get(&message).await.status, 200);
    sender.get(&at).await;
    let extended = sender.post(&format!("{at}/extend"), &[]).await;
    assert_eq!(extended.location(), format!("{at}?done=extended"), "{}", extended.body);
    let person = format!("{at}/withdraw?recipient={}", made.links[0].rid);
    sender.get(&person).await;
    sender.post(&person, &[]).await;
    assert_eq!(parent.get(&message).await.status, 401);
    house.open_share(&made.links[1]).await;
    let all = format!("{at}/withdraw");
    sender.get(&all).await;
    sender.post(&all, &[]).await;
    assert_eq!(house.browser().get(&path(&made.links[1])).await.status, 404);
    let page = sender.get(&at).await.body;
    assert!(page.contains("ingetrokken") && page.contains("Je hebt het hele bericht ingetrokken."), "{page}");
}

#[tokio::test]
async fn a_new_link_takes_the_senders_own_link_open() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut sender = house.sender(&made).await;
    let at = format!("/shares/{}", made.id);
    let fields = [("recipient", made.links[0].rid.as_str())];
    sender.get(&at).await;
    assert_eq!(sender.post(&format!("{at}/renew"), &fields).await.location(), format!("{at}?done=link"));
    let own = format!("/kopie/{}/{}", made.sender.rid, made.sender.secret.written());
    sender.get(&own).await;
    sender.post(&own, &[]).await;
    sender.get(&at).await;
    assert_eq!(sender.post(&format!("{at}/renew"), &fields).await.location(), format!("{at}?done=renewed"));
    assert_eq!(house.browser().get(&path(&made.links[0])).await.status, 404, "the old link");
    let letter = house.letters().await.pop().unwrap();
    let new = letter.trim().strip_prefix("link ").unwrap().to_owned();
    assert_eq!(house.browser().get(&new).await.status, 200);
}

/// Another teacher, and IT, see none of it.
#[tokio::test]
async fn somebody_elses_share_is_not_there() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut stranger = house.browser();
    for page in ["/shares".to_owned(), format!("/shares/{}", made.id), format!("/shares/{}/withdraw", made.id)] {
        assert_eq!(stranger.get(&page).await.status, 401, "{page}");
    }
    let mut sender = house.sender(&made).await;
    assert_eq!(sender.get("/shares/0123456789").await.status, 404);
    let at = format!("/shares/{}/withdraw", made.id);
    assert_eq!(sender.get(&format!("{at}?item=x")).await.status, 404);
    assert_eq!(sender.send(&at, &[], &[("Sec-Fetch-Site", "same-origin")]).await.status, 403);
}
