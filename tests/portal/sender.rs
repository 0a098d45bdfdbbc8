//! The sender at the desk: his own copy, what became of it, withdraw, extend, a new link.

use std::sync::atomic::Ordering;

use mailpoort::share::Scope;

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
        "p.jansen@voorbeeld.example heeft het bericht geopend, met de code.",
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
    assert!(page.contains("ingetrokken") && page.contains("Het hele bericht is ingetrokken."), "{page}");
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

#[tokio::test]
async fn destroyed_is_gone_for_everybody_and_what_happened_stays() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut sender = house.sender(&made).await;
    let own = format!("/kopie/{}/{}", made.sender.rid, made.sender.secret.written());
    let copy = sender.post(&own, &[]).await.location();
    let (mut parent, message) = house.open_share(&made.links[0]).await;
    let at = format!("/shares/{}", made.id);
    let page = sender.get(&at).await.body;
    let code = made.links[1].code.as_ref().unwrap().grouped();
    assert!(page.contains(code), "a code that lives is shown again: {page}");
    let asked = sender.get(&format!("{at}/delete")).await.body;
    assert!(asked.contains("niemand het nog openen") && asked.contains("6 in totaal"), "{asked}");
    assert_eq!(sender.post(&format!("{at}/delete"), &[]).await.location(), format!("{at}?done=destroyed"));
    assert!(house.shares.files().names().await.unwrap().is_empty());
    let share = house.shares.share(&made.id).await.unwrap().unwrap();
    assert!(share.is_destroyed && share.recipients.iter().all(|one| one.items.is_empty() && one.code.is_none()));
    assert_eq!(parent.get(&message).await.status, 401);
    assert_eq!(sender.get(&copy).await.status, 401, "his own copy too");
    assert_eq!(house.browser().get(&path(&made.links[1])).await.status, 404);
    let page = sender.get(&format!("{at}?done=destroyed")).await.body;
    for says in ["Vernietigd op", "vernietigd</span>", "Het bericht is gewist."] {
        assert!(page.contains(says), "{says}: {page}");
    }
    for gone in ["/withdraw", "/extend", "/renew", "/delete", "/downloads"] {
        assert!(!page.contains(&format!("{at}{gone}")), "{gone}: {page}");
    }
    assert_eq!(sender.get(&format!("{at}/delete")).await.location(), format!("{at}?done=late"));
}

#[tokio::test]
async fn withdrawing_takes_the_senders_copy_only_when_he_says_so() {
    for (fields, done, copy) in [(&[][..], "withdrawn", 200), (&[("own", "yes")], "destroyed", 401)] {
        let house = House::open().await;
        let made = house.share(Mail::default()).await;
        let mut sender = house.sender(&made).await;
        let own = format!("/kopie/{}/{}", made.sender.rid, made.sender.secret.written());
        let his = sender.post(&own, &[]).await.location();
        let all = format!("/shares/{}/withdraw", made.id);
        assert!(sender.get(&all).await.body.contains("name=\"own\""));
        assert!(sender.post(&all, fields).await.location().ends_with(done));
        assert_eq!(sender.get(&his).await.status, copy);
        let one = format!("{all}?recipient={}", made.links[0].rid);
        assert!(!sender.get(&one).await.body.contains("name=\"own\""));
    }
}

#[tokio::test]
async fn without_downloads_a_message_is_read_on_its_page_and_no_file_is_had() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut sender = house.sender(&made).await;
    let (mut parent, message) = house.open_share(&made.links[0]).await;
    let files = super::guard::items(&parent.page);
    let at = format!("/shares/{}", made.id);
    sender.get(&at).await;
    let off = sender.post(&format!("{at}/downloads"), &[("downloads", "off")]).await;
    assert_eq!(off.location(), format!("{at}?done=viewonly"));
    // At the next click, in a session that is open.
    let refused = parent.get(&files[0]).await;
    assert!(refused.status == 409 && refused.body.contains("downloaden uitgezet"), "{}", refused.body);
    assert_eq!(parent.get(&format!("{message}/alles.zip")).await.status, 409);
    let page = parent.get(&message).await.body;
    assert!(!page.contains("/bestand/") && !page.contains("alles.zip"), "{page}");
    assert!(page.contains("verslag gesprek 24 november.pdf") && page.contains("/bekijk/"), "{page}");
    let text = parent.get(&files[2].replace("/bestand/", "/bekijk/")).await;
    assert!(text.status == 200 && !text.body.contains("/bestand/"), "{}", text.body);
    assert_eq!(parent.get(&format!("{message}/brief")).await.status, 200);
    // The sender's own copy is his.
    let own = format!("/kopie/{}/{}", made.sender.rid, made.sender.secret.written());
    sender.get(&own).await;
    let his = sender.post(&own, &[]).await.location();
    assert_eq!(sender.get(&format!("{his}/alles.zip")).await.status, 200);
    sender.get(&at).await;
    sender.post(&format!("{at}/downloads"), &[("downloads", "on")]).await;
    assert_eq!(parent.get(&files[0]).await.status, 200);
}

#[tokio::test]
async fn what_happened_is_a_file_without_addresses_of_machines() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let (mut parent, _) = house.open_share(&made.links[0]).await;
    let file = super::guard::items(&parent.page)[0].clone();
    parent.get(&file).await;
    let mut sender = house.sender(&made).await;
    let log = sender.get(&format!("/shares/{}/log", made.id)).await;
    let name = format!("attachment; filename=\"verloop-{}.txt\"", made.reference);
    assert_eq!(log.header("content-disposition"), Some(name.as_str()));
    for says in [
        "Onderwerp: Het gesprek over Noor\r\n",
        "- p.jansen@voorbeeld.example: geopend op 24-11-2026 14.07, met de code\r\n",
        "- k.jansen@voorbeeld.example: niet geopend\r\n",
        "24-11-2026 14.07  p.jansen@voorbeeld.example heeft verslag gesprek 24 november.pdf gedownload.\r\n",
    ] {
        assert!(log.body.contains(says), "{says}: {}", log.body);
    }
    assert!(!log.body.contains("127.0.0.1"), "{}", log.body);
    let own = format!("/kopie/{}/{}", made.sender.rid, made.sender.secret.written());
    sender.get(&own).await;
    let his = sender.post(&own, &[]).await.location();
    let zip = sender.get(&format!("{his}/alles.zip")).await;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip.octets)).unwrap();
    let mut told = String::new();
    let inside = format!("verloop-{}.txt", made.reference);
    std::io::Read::read_to_string(&mut zip.by_name(&inside).unwrap(), &mut told).unwrap();
    assert_eq!(told, log.body, "the own copy has it too");
    let message = file.split("/bestand").next().unwrap();
    let parents = parent.get(&format!("{message}/alles.zip")).await;
    let parents = zip::ZipArchive::new(std::io::Cursor::new(parents.octets)).unwrap();
    assert!(!parents.file_names().any(|name| name.unwrap().contains("verloop")));
}

#[tokio::test]
async fn a_sender_hears_once_of_what_is_not_opened_and_the_recipient_nothing() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    house.open_share(&made.links[0]).await;
    let before = house.letters().await.len();
    let since = house.shares.share(&made.id).await.unwrap().unwrap().made_at;
    let due = house.shares.settings().calendar.school_days_after(since, 3);
    house.clock.store(due - 1, Ordering::Relaxed);
    house.desk.tend().await.unwrap();
    assert_eq!(house.letters().await.len(), before);
    house.clock.store(due, Ordering::Relaxed);
    house.desk.tend().await.unwrap();
    let letters = house.letters().await;
    assert_eq!(letters.len(), before + 1);
    let letter = letters.last().unwrap().replace("=\r\n", "").replace("=3D", "=");
    for says in [JUF, &made.reference, "1 van de 2 ontvangers", &format!("{DESK}/shares/{}", made.id)] {
        assert!(letter.contains(says), "{says}: {letter}");
    }
    assert!(!letter.contains("voorbeeld.example") && !letter.contains("Noor"), "{letter}");
    house.later(DAY);
    house.desk.tend().await.unwrap();
    assert_eq!(house.letters().await.len(), before + 1, "once");
    // Three days before nobody can open it first, once more; and that is the last.
    let open_by = house.shares.share(&made.id).await.unwrap().unwrap().open_by;
    house.clock.store(open_by - 3 * DAY - 1, Ordering::Relaxed);
    house.desk.tend().await.unwrap();
    assert_eq!(house.letters().await.len(), before + 1, "not yet");
    for _ in 0..2 {
        house.clock.store(open_by - 3 * DAY, Ordering::Relaxed);
        house.desk.tend().await.unwrap();
        let letters = house.letters().await;
        assert_eq!(letters.len(), before + 2);
        let letter = letters.last().unwrap().replace("=\r\n", "").replace("=3D", "=");
        for says in [JUF, &made.reference, "1 van de 2 ontvangers", "nog te openen tot en met", &made.id] {
            assert!(letter.contains(says), "{says}: {letter}");
        }
        assert!(!letter.contains("voorbeeld.example") && !letter.contains("Noor"), "{letter}");
    }
    let kinds: Vec<String> = house.shares.events(&made.id).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert!(kinds.ends_with(&["reminded".to_owned(), "warned".to_owned()]), "{kinds:?}");
    // Opened by all, or withdrawn: nothing to tell.
    let made = house.share(Mail::default()).await;
    let other = house.share(Mail::default()).await;
    for link in &made.links {
        house.open_share(link).await;
    }
    house.shares.withdraw(&other.id, &Scope::All, JUF).await.unwrap();
    let before = house.letters().await.len();
    house.later(8 * DAY);
    house.desk.tend().await.unwrap();
    assert_eq!(house.letters().await.len(), before);
}
