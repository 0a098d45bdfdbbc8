//! What the pages show.

use std::sync::atomic::Ordering;

use mailpoort::store::held::State;
use mailpoort::store::tls::{Facts, NewDelivery};

use super::house::*;

const ID: &str = "4CRK7QM2XW";

async fn in_english(browser: &mut Browser) {
    let fields = [("language", "en"), ("back", "/")];
    browser.send("/language", &fields, &[("Sec-Fetch-Site", "same-origin")]).await;
}

#[tokio::test]
async fn the_link_alone_shows_kinds_places_and_choices() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.browser();
    let page = browser.get(&link).await.body;
    for shown in [
        "Niet verstuurd: je mail van dinsdag 24 november, 14.07 uur",
        "27 burgerservicenummers",
        "UAVG, artikel 46",
        "Toch versturen, met een reden",
        "Niet versturen en nu wissen",
        "Dan wissen we de mail op dinsdag 8 december.",
        "Nummer: 4CRK7QM2XW",
        "We vragen nooit om je wachtwoord.",
        "<html lang=\"nl\">",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    for hidden in [JUF, CANARY, MOTHER, FATHER, "Lijst groep 5"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    in_english(&mut browser).await;
    let page = browser.get(&link).await.body;
    for shown in ["Not sent: your mail of Tuesday 24 November, 14:07", "Send anyway, with a reason", "8 December"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}

#[tokio::test]
async fn only_what_the_policy_offers_is_drawn() {
    let house = House::open().await;
    let link = house.hold(Mail { offers: vec!["help", "delete", "share"], ..Mail::default() }).await;
    let mut browser = house.signed_in(&link).await;
    let page = browser.page.clone();
    assert!(page.contains(&format!("/mail/{ID}/help")) && page.contains(&format!("/mail/{ID}/delete")));
    for word in ["columns", "bcc", "reason", "second", "mistake"] {
        assert!(!page.contains(&format!("/mail/{ID}/{word}")), "{word}");
        let form = browser.get(&format!("/mail/{ID}/{word}")).await;
        assert_eq!((form.status, form.location()), (303, format!("/mail/{ID}?done=late")));
        browser.get(&format!("/mail/{ID}/delete")).await;
        let fields = [("place", "0"), ("words", "omdat het moet"), ("person", "0"), ("step", "send")];
        assert_eq!(
            browser.post(&format!("/mail/{ID}/{word}"), &fields).await.location(),
            format!("/mail/{ID}?done=late")
        );
    }
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
}

#[tokio::test]
async fn an_address_that_may_not_be_named_is_not() {
    let house = House::open().await;
    let link = house.hold(Mail { discreet: vec![1], ..Mail::default() }).await;
    let mut browser = house.browser();
    assert!(!browser.get(&link).await.body.contains("een ouder of verzorger"), "nobody is named before the proof");
    let mut browser = house.signed_in(&link).await;
    let page = browser.page.clone();
    assert!(!page.contains(FATHER) && page.contains("een ouder of verzorger") && page.contains(MOTHER));
    let form = browser.get(&format!("/mail/{ID}/reason")).await.body;
    assert!(!form.contains(FATHER) && form.contains("een ouder of verzorger"));
    assert!(!browser.get("/mail").await.body.contains(FATHER));
}

#[tokio::test]
async fn who_is_signed_in_may_ask_whether_a_domain_is_safe() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    assert_eq!(house.browser().get("/safely").await.status, 401);
    let mut browser = house.signed_in(&link).await;
    let page = browser.get("/safely").await;
    assert!(page.status == 200 && page.body.contains("Kan ik veilig mailen naar ...?"), "{}", page.body);
    for (typed, status, shown) in [
        (
            "mama@veilig.example",
            200,
            "Uitkomst van veilig.example.</p>\n<p>Mag je mail alleen versleuteld weg? Dan versturen",
        ),
        ("provider.example", 200, "Dan maken we er een veilig bericht van."),
        ("weg.example", 503, "Dat lukt nu niet."),
        ("geen adres", 422, "Dit is geen mailadres en geen domein."),
        ("<script>@a b", 422, "value=\"&#60;script&#62;@a b\""),
    ] {
        let answer = browser.post("/safely", &[("to", typed)]).await;
        assert!(answer.status == status && answer.body.contains(shown), "{typed}: {} {}", answer.status, answer.body);
    }
    // A form of somebody else's page asks nothing, and nobody asks without end.
    assert_eq!(
        browser.send("/safely", &[("to", "veilig.example")], &[("Sec-Fetch-Site", "same-origin")]).await.status,
        403
    );
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(browser.post("/safely", &[("to", "veilig.example")]).await.status);
    }
    assert!(asked.first() == Some(&200) && asked.last() == Some(&429), "{asked:?}");
    house.clock.fetch_add(11 * 60 * 1000, Ordering::Relaxed);
    assert_eq!(browser.post("/safely", &[("to", "veilig.example")]).await.status, 200);
}

#[tokio::test]
async fn the_sender_sees_how_a_mail_travelled() {
    let house = House::open().await;
    let facts = Facts {
        domain: "veilig.example".into(),
        mx: Some("mx1.veilig.example".into()),
        address: Some("192.0.2.7".into()),
        misses: Vec::new(),
    };
    let proof = Some(("TLSv1.3".into(), "TLS13_AES_256_GCM_SHA384".into(), "dane".into()));
    let proven =
        NewDelivery { recipients: 1, taken: 1, posture: "dane".into(), proof, facts, ..NewDelivery::default() };
    let failed = NewDelivery { recipients: 1, posture: "unproven".into(), ..NewDelivery::default() };
    let link = house.hold(Mail::default()).await;
    let mut browser = house.signed_in(&link).await;
    assert!(!browser.get(&format!("/mail/{ID}")).await.body.contains("Hoe is de mail verstuurd?"));
    house.tried(ID, failed).await;
    house.tried(ID, proven.clone()).await;
    let page = browser.get(&format!("/mail/{ID}")).await.body;
    for shown in [
        "Hoe is de mail verstuurd?",
        "Niet verstuurd: de mailserver van de ontvanger kon niet bewijzen wie hij is.",
        "Versleuteld bezorgd bij mx1.veilig.example. We hebben eerst gecontroleerd of dat de goede mailserver is (DANE).",
        "192.0.2.7, TLSv1.3, TLS13_AES_256_GCM_SHA384",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    // Where an address may not be named, its server is not either.
    let house = House::open().await;
    let link = house.hold(Mail { discreet: vec![1], ..Mail::default() }).await;
    let mut browser = house.signed_in(&link).await;
    house.tried(ID, proven).await;
    let page = browser.get(&format!("/mail/{ID}")).await.body;
    assert!(
        page.contains("Versleuteld bezorgd. We") && !page.contains("veilig.example") && !page.contains("192.0.2.7")
    );
}

#[tokio::test]
async fn the_list_and_the_history_tell_what_happened() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    house.later(1000);
    let others = vec![(MOTHER, State::Expired)];
    house.hold(Mail { id: "SECOND0000", subject: None, recipients: others, ..Mail::default() }).await;
    let mut browser = house.signed_in(&link).await;
    browser.get(&format!("/mail/{ID}/reason")).await;
    let fields = [("place", "0"), ("words", "Moeder heeft om deze lijst gevraagd.")];
    let done = browser.post(&format!("/mail/{ID}/reason"), &fields).await;
    let page = browser.get(&done.location()).await.body;
    for shown in [
        "role=\"status\"",
        "De mail wordt verstuurd.",
        "wordt verstuurd",
        "Je mail is tegengehouden.",
        &format!("Je hebt de mail laten versturen aan {MOTHER}. “Moeder heeft om deze lijst gevraagd.”"),
        "dinsdag 24 november, 14.07 uur",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let list = browser.get("/mail").await.body;
    let (first, second) = (list.find("/mail/SECOND0000").unwrap(), list.find(&format!("/mail/{ID}")).unwrap());
    assert!(first < second, "the newest first");
    assert!(list.contains("gewist, de tijd was om") && list.contains("Je mail van dinsdag 24 november"));
    let over = browser.get("/mail/SECOND0000").await.body;
    assert!(over.contains("Bij deze mail valt niets meer te kiezen.") && !over.contains("/mail/SECOND0000/"));
}

#[tokio::test]
async fn the_passage_is_shown_after_the_proof_and_written_down() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.signed_in(&link).await;
    assert!(!browser.page.contains(CANARY));
    let page = browser.post(&format!("/mail/{ID}/passage"), &[]).await;
    assert_eq!(page.status, 200);
    let marked = format!("Het nummer van &#60;b&#62;Noor&#60;/b&#62; is <mark>{CANARY}</mark>, geboren in maart");
    assert!(page.body.contains(&marked), "{}", page.body);
    assert!(page.body.contains("Bijlage klas5.xlsx, blad Leerlingen: een burgerservicenummer (BSN)"));
    assert_eq!(house.acts(ID).await, ["shown"]);
    let looked = house.gate.looked_at.lock().unwrap();
    assert!(String::from_utf8_lossy(&looked[0]).contains(CANARY), "the mail as it came");
}

#[tokio::test]
async fn help_and_home_and_errors() {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.browser();
    assert!(browser.get("/").await.body.contains("Open de link in de melding"));
    assert!(browser.get("/help").await.body.contains("de helpdesk van je school"));
    let mut browser = house.signed_in(&link).await;
    assert_eq!(browser.get("/").await.location(), "/mail");
    let help = browser.get("/help").await.body;
    assert!(help.contains("Ilse Bakker, privacycoördinator (ma-do, 040-555 01 23, privacy@delinde.example)"), "{help}");
    assert!(help.contains("Bram de Wit") && help.contains("Verzonden items"));
}

#[tokio::test]
async fn the_house_chooses_the_language_and_the_visitor_another() {
    let house = House::open().await;
    *house.gate.language.lock().unwrap() = mailpoort::school::Language::En;
    let link = house.hold(Mail::default()).await;
    let mut browser = house.browser();
    assert!(browser.get(&link).await.body.contains("What is in it?"));
    let missing = browser.get("/nowhere").await.body;
    assert!(missing.contains("This link does not work (any more)") && missing.contains("lang=\"en\""));
    let fields = [("language", "nl"), ("back", "/")];
    browser.send("/language", &fields, &[("Sec-Fetch-Site", "same-origin")]).await;
    assert!(browser.get(&link).await.body.contains("Wat staat erin?"));
}

#[tokio::test]
async fn without_columns_to_take_out_that_is_said() {
    let house = House::open().await;
    house.gate.columns.store(false, Ordering::Relaxed);
    let link = house.hold(Mail::default()).await;
    let mut browser = house.signed_in(&link).await;
    browser.get(&format!("/mail/{ID}/columns")).await;
    let answer = browser.post(&format!("/mail/{ID}/columns"), &[("place", "0"), ("step", "look")]).await;
    assert!(answer.status == 409 && answer.body.contains("Dit bestand is op slot."), "{}", answer.body);
    assert!(!answer.body.contains("<form class=\"act\""));
}
