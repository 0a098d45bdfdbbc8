//! What a recipient does: reads, downloads, answers, asks for a code; and what he sees when something was withdrawn.

use std::io::{Cursor, Read};

use mailpoort::share::Scope;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use zip::ZipArchive;

use super::guard::items;
use super::house::*;

#[tokio::test]
async fn from_the_link_to_the_message_in_three_steps() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut browser = house.browser();
    let welcome = browser.get(&path(&made.links[0])).await;
    for says in [
        "Sanne de Vries",
        JUF,
        "basisschool De Linde",
        &made.reference,
        "Openen kan tot en met",
        "via Parro of op school",
    ] {
        assert!(welcome.body.contains(says), "{says}: {}", welcome.body);
    }
    for hides in [SUBJECT, MOTHER, FATHER, "verslag", made.links[0].code.as_ref().unwrap().grouped()] {
        assert!(!welcome.body.contains(hides), "{hides}");
    }
    let at = house.enter(&mut browser, &made.links[0]).await;
    assert!(!at.contains(&made.links[0].secret.written()));
    let message = browser.get(&at).await;
    for says in [
        SUBJECT,
        MOTHER,
        "verslag gesprek 24 november.pdf",
        "153 kB",
        "werk van Noor.png",
        "U kunt dit bericht lezen tot en met",
    ] {
        assert!(message.body.contains(says), "{says}: {}", message.body);
    }
    let letter = browser.get(&format!("{at}/brief")).await;
    assert!(
        letter.body.contains("extra begeleiding")
            && letter.body.contains("<b>Noor</b>")
            && !letter.body.contains("color:red")
    );
    assert!(browser.get(&format!("{at}/tekst")).await.body.contains("Zoals besproken stuur ik u"));
    // The link leads back to what is open on this device.
    let again = browser.get(&path(&made.links[0])).await;
    assert!(again.body.contains("Lees het bericht verder") && again.body.contains(&at));
}

#[tokio::test]
async fn files_are_had_one_by_one_in_part_and_all_at_once() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    let files = items(&browser.page);
    let pdf = browser.get(&files[0]).await;
    assert_eq!(pdf.octets, b"%PDF-1.7 verslag ".repeat(9000));
    assert_eq!(pdf.header("content-type"), Some("application/pdf"));
    let disposition = pdf.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; filename=\"verslag gesprek 24 november.pdf\""), "{disposition}");
    let part = browser.ask("GET", &files[0], &[("Range", "bytes=9-15")], None).await;
    assert_eq!((part.status, part.body.as_str()), (206, "verslag"));
    assert_eq!(part.header("content-range"), Some("bytes 9-15/153000"));
    let view = browser.get(&files[1].replace("/bestand/", "/bekijk/")).await;
    assert!(view.body.contains("<img class=\"picture\"") && view.body.contains("werk van Noor.png"), "{}", view.body);
    let shown = browser.get(&files[1].replace("/bestand/", "/beeld/")).await;
    assert_eq!((shown.header("content-type"), &shown.octets), (Some("image/png"), &picture()));
    let text = browser.get(&files[2].replace("/bestand/", "/bekijk/")).await;
    assert!(text.body.contains("&#60;b&#62;Donderdag&#60;/b&#62;"), "{}", text.body);
    assert_eq!(
        browser.get(&files[0].replace("/bestand/", "/bekijk/")).await.status,
        404,
        "a PDF is not shown in place"
    );
    let zip = browser.get(&format!("{at}/alles.zip")).await;
    let mut zip = ZipArchive::new(Cursor::new(zip.octets)).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let expected = [
        "bericht.html",
        "bericht.txt",
        "verslag gesprek 24 november.pdf",
        "werk van Noor.png",
        "afspraken.txt",
        "bericht.eml",
    ];
    assert_eq!(names, expected);
    let mut read = Vec::new();
    zip.by_name("verslag gesprek 24 november.pdf").unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, b"%PDF-1.7 verslag ".repeat(9000));
    let original = files.last().unwrap();
    assert!(browser.get(original).await.body.contains("de hele mail"));
    let kinds: Vec<String> = house.shares.events(&made.id).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert!(kinds.contains(&"zip_downloaded".to_owned()) && kinds.contains(&"item_downloaded".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn what_is_withdrawn_is_gone_at_the_next_click() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    let file = items(&browser.page)[0].clone();
    let id = file.rsplit('/').next().unwrap().to_owned();
    house.shares.withdraw(&made.id, &Scope::Item(id), JUF).await.unwrap();
    let gone = browser.get(&file).await;
    assert!([404, 410].contains(&gone.status), "{}", gone.status);
    let message = browser.get(&at).await;
    assert!(
        message.body.contains("Ingetrokken bestand") && !message.body.contains("verslag gesprek"),
        "{}",
        message.body
    );
    house.shares.withdraw(&made.id, &Scope::All, JUF).await.unwrap();
    assert_eq!(browser.get(&at).await.status, 401);
    assert_eq!(browser.get(&format!("{at}/alles.zip")).await.status, 401);
    assert_eq!(browser.get(&path(&made.links[0])).await.status, 404);
}

#[tokio::test]
async fn an_answer_reaches_the_sender_and_none_is_lost() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    let form = format!("{at}/antwoord");
    let page = browser.get(&form).await;
    assert!(page.body.contains("Sanne de Vries") && page.body.contains("Deze pagina blijft open tot"), "{}", page.body);
    let text = "Dank u wel. Wij komen dinsdag <graag>.";
    let photo = [&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 1000]].concat();
    for (parts, status, says) in [
        (vec![("text", None, &b" "[..])], 422, "nog leeg"),
        (vec![("text", None, text.as_bytes()), ("files", Some("x.exe"), &b"MZ"[..])], 422, "mag niet mee"),
        (vec![("text", None, text.as_bytes()), ("files", Some("x.pdf"), &b"MZ"[..])], 422, "mag niet mee"),
        (vec![("text", None, text.as_bytes()), ("files", Some("x.txt"), &b"op slot"[..])], 422, "wachtwoord"),
        (vec![("text", None, text.as_bytes()), ("files", Some("x.txt"), &b"kapot"[..])], 422, "niet openen"),
        (vec![("text", None, text.as_bytes()), ("step", None, &b"keep"[..])], 200, "weer een half uur"),
    ] {
        let answer = browser.upload(&form, &parts).await;
        assert!(answer.status == status && answer.body.contains(says), "{says}: {} {}", answer.status, answer.body);
        assert!(says == "nog leeg" || answer.body.contains("Wij komen dinsdag &#60;graag&#62;."), "{}", answer.body);
    }
    let large = vec![b'a'; 16 * 1024 * 1024];
    let answer = browser.upload(&form, &[("text", None, text.as_bytes()), ("files", Some("a.txt"), &large)]).await;
    assert!(answer.status == 422 && answer.body.contains("Dit is te groot") && answer.body.contains("Wij komen"));
    let many = vec![("files", Some("a.txt"), &b"a"[..]); 11];
    let answer = browser.upload(&form, &[vec![("text", None, text.as_bytes())], many].concat()).await;
    assert!(answer.status == 422 && answer.body.contains("te veel bestanden"), "{}", answer.body);
    assert!(house.letters().await.is_empty());
    browser.get(&form).await;
    let parts = [("text", None, text.as_bytes()), ("files", Some("../../foto.jpg"), &photo), ("files", Some(""), b"")];
    let answer = browser.upload(&form, &parts).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(browser.get(&answer.location()).await.body.contains("Uw antwoord is verstuurd aan Sanne de Vries."));
    let letter = house.letters().await.pop().unwrap();
    assert!(letter.starts_with(&format!("from {MOTHER}\n{text}\n_.._foto.jpg")), "{letter}");
}

/// Strangers who begin an answer and do not go on hold up nobody, and what they send is not kept.
#[tokio::test]
async fn strangers_hold_up_no_answer() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    let form = format!("{at}/antwoord");
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut tcp = TcpStream::connect(house.server.listening()).await.unwrap();
        let head = format!(
            "POST {form} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: multipart/form-data; boundary=x\r\n\
             Content-Length: 100000\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\n"
        );
        tcp.write_all(head.as_bytes()).await.unwrap();
        slow.push(tcp);
    }
    browser.get(&form).await;
    let answer = browser.upload(&form, &[("text", None, b"Wij komen")]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    drop(slow);
}

/// Who was signed out while typing signs in again beside it, and sends the same form.
#[tokio::test]
async fn what_was_typed_outlives_the_session() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let (mut browser, at) = house.open_share(&made.links[0]).await;
    let form = format!("{at}/antwoord");
    browser.get(&form).await;
    house.later(45 * 60 * 1000);
    let parts = [("text", None, &b"Een lang antwoord"[..])];
    let answer = browser.upload(&form, &parts).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("Een lang antwoord</textarea>") && answer.body.contains("Open de link in de mail"));
    let page = browser.page.clone();
    house.enter(&mut browser, &made.links[0]).await;
    browser.page = page;
    let answer = browser.upload(&form, &parts).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

#[tokio::test]
async fn who_has_no_code_asks_for_it_and_the_sender_hears_once() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let mut browser = house.browser();
    let at = format!("{}/geen-code", path(&made.links[0]));
    assert!(browser.get(&at).await.body.contains("040-555 01 10"));
    assert!(browser.post(&at, &[]).await.body.contains("We hebben Sanne de Vries een mail gestuurd"));
    browser.get(&at).await;
    assert!(browser.post(&at, &[]).await.body.contains("weet al dat u op de code wacht"));
    assert_eq!(house.letters().await, [format!("no code: {MOTHER}\n")]);
}

#[tokio::test]
async fn languages_go_by_browser_and_by_choice() {
    let house = House::open().await;
    let made = house.share(Mail::default()).await;
    let link = path(&made.links[0]);
    let mut browser = house.browser();
    browser.language = "en-GB,en;q=0.9";
    let page = browser.get(&link).await;
    assert!(page.body.contains("<html lang=\"en\" dir=\"ltr\">") && page.body.contains("There is a message for you"));
    let ours = [("Sec-Fetch-Site", "same-origin")];
    let answer = browser.send("/taal", &[("language", "ar"), ("back", &link)], &ours).await;
    assert_eq!(answer.location(), link);
    let page = browser.get(&link).await;
    assert!(
        page.body.contains("<html lang=\"ar\" dir=\"rtl\">") && page.body.contains("هناك رسالة لك"),
        "{}",
        page.body
    );
    assert!(page.body.contains("Continue"), "what is missing is English");
    assert_eq!(browser.send("/taal", &[("language", "xx"), ("back", "/")], &ours).await.status, 400);
    let away = browser.send("/taal", &[("language", "nl"), ("back", "//evil.example")], &ours).await;
    assert_eq!(away.location(), "/");
}

#[tokio::test]
async fn the_privacy_page_is_made_from_the_settings() {
    let house = House::open().await;
    let page = house.browser().get("/privacy").await.body;
    for says in [
        "Nederland",
        "Europese Economische Ruimte",
        "30 dagen",
        "14 dagen",
        "Ilse Bakker",
        "Nadia Smit",
        "ook de beheerder niet",
    ] {
        assert!(page.contains(says), "{says}: {page}");
    }
    assert!(house.browser().get("/echt").await.body.contains("https://veilig.delinde.example/"));
}
