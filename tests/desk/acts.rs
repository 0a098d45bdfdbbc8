//! What may be done with a held mail.

use std::sync::atomic::Ordering;

use super::house::*;

const ID: &str = "4CRK7QM2XW";
const REASON: &str = "Moeder heeft om deze lijst gevraagd.";

/// Opens a choice and sends its form.
async fn choose(browser: &mut Browser, word: &str, fields: &[(&str, &str)]) -> Answer {
    let form = browser.get(&format!("/mail/{ID}/{word}")).await;
    assert_eq!(form.status, 200, "{word}");
    browser.post(&format!("/mail/{ID}/{word}"), fields).await
}

async fn signed_in() -> (House, Browser) {
    let house = House::open().await;
    let link = house.hold(Mail::default()).await;
    let browser = house.signed_in(&link).await;
    (house, browser)
}

/// What is owed as a released mail: its recipients, the places of those, and its octets.
async fn released(house: &House) -> Vec<(Vec<String>, Vec<Option<usize>>, String)> {
    let mut released = Vec::new();
    for owed in house.owed().await.into_iter().filter(|owed| owed.kind.word() == "released") {
        let raw = house.vault.open_item(&owed.item, owed.sealed.clone()).await.unwrap();
        assert_eq!(
            (owed.envelope.sender.as_deref(), owed.envelope.head.as_str()),
            (Some(JUF), "Received: from test\r\n")
        );
        assert_eq!(owed.held.as_deref(), Some(ID));
        let to = owed.envelope.recipients;
        released.push((
            to.iter().map(|to| to.address.clone()).collect(),
            to.iter().map(|to| to.place).collect(),
            String::from_utf8(raw).unwrap(),
        ));
    }
    released
}

#[tokio::test]
async fn a_reason_sends_it_to_those_who_were_ticked() {
    let (house, mut browser) = signed_in().await;
    let done = choose(&mut browser, "reason", &[("place", "1"), ("words", REASON)]).await;
    assert_eq!(done.location(), format!("/mail/{ID}?done=sent"));
    assert_eq!(house.states(ID).await, ["held", "owed", "sent"]);
    let released = released(&house).await;
    assert_eq!((released.len(), &released[0].0[..], &released[0].1[..]), (1, &[FATHER.to_owned()][..], &[Some(1)][..]));
    assert!(released[0].2.contains(CANARY), "as it came");
    let acts = house.store.acts(ID).await.unwrap();
    assert_eq!((acts[0].1.what.as_str(), acts[0].1.who.as_str(), acts[0].1.reason.as_str()), ("released", JUF, REASON));
    // A double click, and one about somebody who is gone and somebody who is not.
    for places in [&["1"][..], &["0", "1"], &["2"], &["7"], &["x"]] {
        browser.get(&format!("/mail/{ID}/reason")).await;
        let mut fields: Vec<(&str, &str)> = places.iter().map(|place| ("place", *place)).collect();
        fields.push(("words", REASON));
        let late = browser.post(&format!("/mail/{ID}/reason"), &fields).await;
        assert!(late.status == 422 && late.body.contains("al iets anders gekozen"), "{places:?}");
    }
    assert_eq!(house.states(ID).await, ["held", "owed", "sent"]);
}

#[tokio::test]
async fn what_is_missing_is_said_at_its_field() {
    let (house, mut browser) = signed_in().await;
    let none = choose(&mut browser, "reason", &[("words", REASON)]).await;
    assert!(none.status == 422 && none.body.contains("Kies minstens één ontvanger."));
    assert!(none.body.contains(REASON), "what was typed is still there");
    assert!(none.body.contains("aria-describedby=\"form-error\" aria-invalid=\"true\"><label"), "{}", none.body);
    assert!(none.body.contains("aria-describedby=\"words-hint\">"));
    for words in ["", "   ", "ja"] {
        let answer = choose(&mut browser, "reason", &[("place", "0"), ("words", words)]).await;
        assert!(answer.status == 422 && answer.body.contains("Dit veld is nog leeg."), "{words:?}");
        assert!(answer.body.contains("aria-describedby=\"words-hint form-error\" aria-invalid=\"true\""));
    }
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
}

#[tokio::test]
async fn two_forms_at_once_and_one_wins() {
    let (house, browser) = signed_in().await;
    let (mut one, mut other) = (browser.clone(), browser);
    one.get(&format!("/mail/{ID}/reason")).await;
    other.get(&format!("/mail/{ID}/delete")).await;
    let (reason, delete) = (format!("/mail/{ID}/reason"), format!("/mail/{ID}/delete"));
    let fields = [("place", "0"), ("words", REASON)];
    let (sent, deleted) = tokio::join!(one.post(&reason, &fields), other.post(&delete, &[("place", "0")]));
    let told = [sent, deleted].map(|answer| answer.header("location").map(str::to_owned));
    let wins = told.iter().flatten().filter(|to| to.ends_with("=sent") || to.ends_with("=deleted")).count();
    assert_eq!(wins, 1, "{told:?}");
    let sent = released(&house).await.len();
    assert_eq!(house.states(ID).await[0], if sent == 1 { "owed" } else { "deleted" });
}

#[tokio::test]
async fn deleting_sends_nothing() {
    let (house, mut browser) = signed_in().await;
    let done = choose(&mut browser, "delete", &[("place", "0"), ("place", "1")]).await;
    assert_eq!(done.location(), format!("/mail/{ID}?done=deleted"));
    assert_eq!(house.states(ID).await, ["deleted", "deleted", "sent"]);
    assert!(released(&house).await.is_empty());
    house.store.purge(house.now()).await.unwrap();
    assert_eq!(house.store.held(ID).await.unwrap().unwrap().item, None);
    let page = browser.get(&format!("/mail/{ID}")).await.body;
    assert!(page.contains("Bij deze mail valt niets meer te kiezen.") && !page.contains("/passage"));
    assert_eq!(browser.post(&format!("/mail/{ID}/passage"), &[]).await.location(), format!("/mail/{ID}?done=late"));
}

#[tokio::test]
async fn as_bcc_nobody_is_named_and_the_gate_agrees() {
    let (house, mut browser) = signed_in().await;
    house.gate.stops.store(true, Ordering::Relaxed);
    let left = choose(&mut browser, "bcc", &[("place", "0"), ("place", "1")]).await;
    assert!(left.status == 409 && left.body.contains("In de tekst van de mail: een BSN."), "{}", left.body);
    assert!(left.body.contains("We hebben niets verstuurd.") && !left.body.contains("<form class=\"act\""));
    assert!(released(&house).await.is_empty());
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
    house.gate.stops.store(false, Ordering::Relaxed);
    choose(&mut browser, "bcc", &[("place", "0"), ("place", "1")]).await;
    let released = released(&house).await;
    assert_eq!(released[0].0, [MOTHER, FATHER]);
    let head = released[0].2.split("\r\n\r\n").next().unwrap();
    assert!(head.contains("To: undisclosed-recipients:;") && !head.contains("jansen"), "{head}");
    let looked = house.gate.looked_at.lock().unwrap().last().unwrap().clone();
    assert_eq!(String::from_utf8(looked).unwrap(), released[0].2, "what was judged is what goes");
}

#[tokio::test]
async fn columns_are_shown_first_and_judged_again() {
    let (house, mut browser) = signed_in().await;
    let look = choose(&mut browser, "columns", &[("place", "0"), ("step", "look")]).await;
    assert_eq!(look.status, 200);
    assert!(look.body.contains("klas5.xlsx, kolom C: 27 cellen") && look.body.contains("value=\"send\""));
    assert!(released(&house).await.is_empty());
    house.gate.stops.store(true, Ordering::Relaxed);
    let fields = [("place", "0"), ("step", "send")];
    assert_eq!(browser.post(&format!("/mail/{ID}/columns"), &fields).await.status, 409);
    house.gate.stops.store(false, Ordering::Relaxed);
    let done = choose(&mut browser, "columns", &fields).await;
    assert_eq!(done.location(), format!("/mail/{ID}?done=sent"));
    let released = released(&house).await;
    assert!(released[0].0 == [MOTHER] && !released[0].2.contains(CANARY));
    assert_eq!(house.acts(ID).await, ["columns"]);
}

#[tokio::test]
async fn a_second_person_agrees_from_another_mailbox() {
    let (house, mut browser) = signed_in().await;
    let form = browser.get(&format!("/mail/{ID}/second")).await.body;
    assert!(
        form.contains("Joke Visser") && form.contains("Ilse Bakker") && !form.contains("Nadia Smit"),
        "never the FG"
    );
    let fields = [("place", "0"), ("place", "1"), ("words", REASON), ("person", "0")];
    let done = choose(&mut browser, "second", &fields).await;
    assert_eq!(done.location(), format!("/mail/{ID}?done=asked"));
    assert_eq!(house.states(ID).await, ["asked", "asked", "sent"]);
    let letter = house.letters().await.pop().unwrap();
    assert_eq!(letter.to, [DIRECTOR]);
    assert!(
        letter.text.contains("27 burgerservicenummers")
            && !letter.text.contains(REASON)
            && !letter.raw.contains(CANARY)
    );
    let link = letter.link();
    let mut director = house.browser();
    let page = director.get(&link).await.body;
    assert!(
        page.contains("•••@delinde.example vraagt je toestemming") && page.contains("27 burgerservicenummers"),
        "{page}"
    );
    assert!(!page.contains(JUF), "who asks comes after the proof");
    assert!(!page.contains(MOTHER) && !page.contains("Lijst groep 5"), "whom and what about come after the proof");
    assert!(!page.contains(REASON) && !page.contains("Goed, verstuur") && page.contains("Stuur een code naar d•••@"));
    // The asker's own device proves nothing here.
    let own = browser.get(&link).await.body;
    assert!(own.contains("Stuur een code naar d•••@"));
    let forged = browser.post(&format!("{link}/answer"), &[("answer", "agree")]).await;
    assert_eq!(forged.status, 404);
    house.sign_in(&mut director, &link, 0).await;
    let page = director.page.clone();
    assert!(page.contains(REASON) && page.contains("Goed, verstuur de mail") && !page.contains(CANARY), "{page}");
    assert!(director.get(&format!("/mail/{ID}")).await.status == 404, "the mail itself is not theirs");
    director.get(&link).await;
    let done = director.post(&format!("{link}/answer"), &[("answer", "agree"), ("words", "Prima.")]).await;
    assert!(done.status == 200 && done.body.contains("De mail wordt verstuurd"), "{}", done.body);
    assert_eq!(house.states(ID).await, ["owed", "owed", "sent"]);
    assert_eq!(released(&house).await[0].0, [MOTHER, FATHER]);
    let told = house.letters().await.pop().unwrap();
    assert!(told.to == [JUF] && told.text.contains("Prima."), "{}", told.text);
    assert_eq!(house.acts(ID).await, ["asked", "agreed"]);
    // Twice is once.
    let again = director.get(&link).await.body;
    assert!(again.contains("Hier hoeft niets meer"));
    director.get("/help").await;
    let twice = director.post(&format!("{link}/answer"), &[("answer", "agree")]).await;
    assert!(twice.body.contains("Hier hoeft niets meer"));
    assert_eq!(released(&house).await.len(), 1);
}

#[tokio::test]
async fn a_second_person_refuses_and_the_mail_is_held_as_before() {
    let (house, mut browser) = signed_in().await;
    let fields = [("place", "0"), ("words", REASON), ("person", "1")];
    choose(&mut browser, "second", &fields).await;
    let letter = house.letters().await.pop().unwrap();
    assert_eq!(letter.to, [PRIVACY]);
    let link = letter.link();
    let mut privacy = house.signed_in(&link).await;
    let done = privacy.post(&format!("{link}/answer"), &[("answer", "refuse"), ("words", "Vraag het via OSO.")]).await;
    assert!(done.body.contains("De mail wordt niet verstuurd"));
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
    assert!(released(&house).await.is_empty());
    let told = house.letters().await.pop().unwrap();
    assert!(told.to == [JUF] && told.text.contains("Vraag het via OSO."));
    let page = browser.get(&format!("/mail/{ID}")).await.body;
    assert!(page.contains(&format!("{PRIVACY} vindt het niet goed: de mail gaat niet naar {MOTHER}.")), "{page}");
    assert!(page.contains(&format!("/mail/{ID}/second")), "it can be asked again");
}

/// Who asks cannot agree: a director's own mail goes to the privacy contact.
#[tokio::test]
async fn nobody_is_their_own_second_person() {
    let house = House::open().await;
    let link = house.hold(Mail { sender: DIRECTOR, readers: vec![DIRECTOR], ..Mail::default() }).await;
    let mut browser = house.signed_in(&link).await;
    let form = browser.get(&format!("/mail/{ID}/second")).await.body;
    assert!(!form.contains("Joke Visser") && form.contains("Je vraagt het aan Ilse Bakker"), "{form}");
    let both = Mail { id: "B0TH000000", sender: DIRECTOR, readers: vec![DIRECTOR, PRIVACY], ..Mail::default() };
    let link = house.hold(both).await;
    let mut browser = house.signed_in(&link).await;
    assert!(!browser.page.contains("/second"), "nobody is left to ask");
    assert_eq!(browser.get("/mail/B0TH000000/second").await.status, 303);
}

/// While a second person is asked, the teacher may still delete; then there is nothing to agree to.
#[tokio::test]
async fn what_was_deleted_cannot_be_agreed_to() {
    let (house, mut browser) = signed_in().await;
    choose(&mut browser, "second", &[("place", "0"), ("words", REASON), ("person", "0")]).await;
    let link = house.letters().await.pop().unwrap().link();
    let mut director = house.signed_in(&link).await;
    choose(&mut browser, "delete", &[("place", "0")]).await;
    let done = director.post(&format!("{link}/answer"), &[("answer", "agree")]).await;
    assert!(done.body.contains("Hier hoeft niets meer"), "{}", done.body);
    assert_eq!(house.states(ID).await, ["deleted", "held", "sent"]);
    assert!(released(&house).await.is_empty());
}

#[tokio::test]
async fn help_is_asked_and_answered() {
    let (house, mut browser) = signed_in().await;
    let question = "Mag deze lijst naar de ouders?";
    let done = choose(&mut browser, "help", &[("words", question)]).await;
    assert_eq!(done.location(), format!("/mail/{ID}?done=helped"));
    let letter = house.letters().await.pop().unwrap();
    assert_eq!(letter.to, [PRIVACY, "ib@delinde.example"]);
    assert!(letter.text.contains(question) && letter.text.contains(ID) && !letter.raw.contains(CANARY));
    let link = letter.link();
    let mut helper = house.browser();
    house.sign_in(&mut helper, &link, 1).await;
    assert!(helper.page.contains(question) && !helper.page.contains(CANARY));
    let empty = helper.post(&format!("{link}/answer"), &[("answer", "reply")]).await;
    assert_eq!(empty.status, 422);
    let sent = helper.post(&format!("{link}/answer"), &[("answer", "reply"), ("words", "Nee, liever niet.")]).await;
    assert!(sent.body.contains("Je antwoord is gestuurd"), "{}", sent.body);
    let told = house.letters().await.pop().unwrap();
    assert!(told.to == [JUF] && told.text.contains("Nee, liever niet."));
    let page = browser.get(&format!("/mail/{ID}")).await.body;
    assert!(page.contains("ib@delinde.example heeft geantwoord. “Nee, liever niet.”"), "{page}");
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
    let letters = house.letters().await.len();
    house.later(5 * DAY);
    house.desk.tend().await.unwrap();
    assert_eq!(house.letters().await.len(), letters, "it was answered");
}

#[tokio::test]
async fn whom_nobody_answers_is_told_once() {
    let (house, mut browser) = signed_in().await;
    choose(&mut browser, "help", &[("words", "Mag deze lijst naar de ouders?")]).await;
    let letters = house.letters().await.len();
    house.later(2 * DAY - 1);
    house.desk.tend().await.unwrap();
    assert_eq!(house.letters().await.len(), letters);
    house.later(1);
    house.desk.tend().await.unwrap();
    house.desk.tend().await.unwrap();
    let all = house.letters().await;
    assert_eq!(all.len(), letters + 1);
    let told = all.last().unwrap();
    assert!(told.to == [JUF] && told.text.contains("Ilse Bakker") && told.text.contains("040-555 01 23"));
}

#[tokio::test]
async fn a_mistake_is_reported_without_a_word_of_the_mail() {
    let (house, mut browser) = signed_in().await;
    let done = choose(&mut browser, "mistake", &[]).await;
    assert_eq!(done.location(), format!("/mail/{ID}?done=reported"));
    let letter = house.letters().await.pop().unwrap();
    assert_eq!(letter.to, [HELPDESK]);
    assert!(letter.text.contains("nl.bsn (bsn, 93%)\nelfproef +3.0\n> Kige dafo is 111222333"), "{}", letter.text);
    assert!(letter.text.contains("unknown: bsn-list"));
    for gone in [CANARY, "Noor", MOTHER, JUF, "Lijst groep 5"] {
        assert!(!letter.raw.contains(gone) && !letter.text.contains(gone), "{gone}");
    }
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
    assert_eq!(house.acts(ID).await, ["mistake"]);
}

#[tokio::test]
async fn nothing_can_be_chosen_after_its_day() {
    let (house, mut browser) = signed_in().await;
    house.later(8 * 3600 * 1000 - 1);
    let mut browser = {
        browser.get(&format!("/mail/{ID}/reason")).await;
        browser
    };
    let link = house.hold(Mail { id: "LATER00000", ..Mail::default() }).await;
    house.later(14 * DAY - 8 * 3600 * 1000 + 1);
    house.sign_in(&mut browser, &link, 0).await;
    browser.get("/mail/LATER00000/reason").await;
    let late = browser.post(&format!("/mail/{ID}/reason"), &[("place", "0"), ("words", REASON)]).await;
    assert_eq!(late.location(), format!("/mail/{ID}?done=late"));
    assert_eq!(house.states(ID).await, ["held", "held", "sent"]);
}

/// Where the policy asks for it, a share is made only when its sender has said what for.
#[tokio::test]
async fn a_list_is_shared_when_its_sender_has_said_what_for() {
    let house = House::open().await;
    let link = house.hold(Mail { offers: vec!["share"], asks_purpose: vec![0], ..Mail::default() }).await;
    let mut browser = house.signed_in(&link).await;
    let form = format!("/mail/{ID}/share");
    let page = browser.get(&form).await.body;
    for shown in
        ["Waarvoor heeft de ontvanger deze gegevens nodig?", "name=\"needed\"", "name=\"informed\"", "artikel 6"]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let words = ("words", "Gehooronderzoek groep 5 door de GGD.");
    let ground = ("ground", "task");
    for (fields, says) in [
        (vec![("place", "0"), ("needed", "yes"), ground], "nog leeg"),
        (vec![("place", "0"), words, ground], "niet te veel in staat"),
        (vec![("place", "0"), words, ("needed", "yes")], "Kies waarom je deze gegevens mag delen"),
        (vec![("place", "0"), words, ("needed", "yes"), ("ground", "zomaar")], "Kies waarom"),
        (vec![("place", "0"), words, ("needed", "yes"), ("ground", "interest")], "Kies waarom"),
    ] {
        let answer = browser.post(&form, &fields).await;
        assert!(answer.status == 422 && answer.body.contains(says), "{says}: {}", answer.body);
    }
    assert!(browser.page.contains(words.1), "what was typed is there still: {}", browser.page);
    assert!(house.gate.purposes.lock().unwrap().is_empty());
    browser.post(&form, &[("place", "0"), words, ("needed", "yes"), ground]).await;
    let told = house.gate.purposes.lock().unwrap().pop().unwrap().unwrap();
    let whole = "Gehooronderzoek groep 5 door de GGD. Nagekeken dat er niet meer in staat dan nodig. Niet aangevinkt dat de \
                 ouders ervan weten.";
    assert_eq!((told.words.expose().as_str(), told.ground.as_str()), (whole, "task"));
    // Where nobody asks, nothing is asked.
    browser.get(&form).await;
    browser.post(&form, &[("place", "1"), ("step", "send")]).await;
    assert!(house.gate.purposes.lock().unwrap().pop().unwrap().is_none());
}
