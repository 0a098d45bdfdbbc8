//! Two schools of one board: each with its own address and looks.

use std::sync::Arc;

use mailpoort::share::{Brand, Settings};

use super::house::*;
use super::provider::Texts;
use super::surf::Browser;

/// The school whose shares the house makes has the address ELSEWHERE, and another has the installation's own.
const ELSEWHERE: &str = "veilig.deberk.example";

async fn house() -> House {
    House::with(|settings| {
        let own = Brand {
            url: Some(format!("https://{ELSEWHERE}")),
            colour: Some("#7a1f3d".into()),
            logo: Some(Arc::from(picture())),
        };
        settings.brands.insert("linde".into(), own);
    })
    .await
}

#[tokio::test]
async fn a_link_at_the_address_of_another_school_is_one_that_never_was() {
    let house = house().await;
    let made = house.share(Mail::default()).await;
    let mut here = Browser::new(house.server.listening(), ELSEWHERE);
    assert_eq!(here.get(&path(&made.links[0])).await.status, 200);
    let mut other = house.browser();
    let strange = other.get(&path(&made.links[0])).await;
    let unknown = other.get(&format!("/b/{}/{}", "0".repeat(26), made.sender.secret.written())).await;
    assert_eq!((strange.status, &strange.body), (404, &unknown.body));
    for page in ["code", "geen-code"] {
        assert_eq!(other.get(&format!("{}/{page}", path(&made.links[0]))).await.status, 404);
    }
    let at = house.enter(&mut here, &made.links[0]).await;
    assert!(here.get(&at).await.body.contains(SUBJECT));
}

/// A browser fills in a code only where its last line says that it belongs.
#[tokio::test]
async fn a_text_names_the_address_of_the_school_that_shared() {
    let folder = tempfile::tempdir().unwrap();
    let texts = Texts::listen(folder.path()).await;
    let own = Brand { url: Some(format!("https://{ELSEWHERE}")), colour: None, logo: None };
    let change = |settings: &mut Settings| _ = settings.brands.insert("linde".into(), own);
    let house = House::open_with_settings(Some(texts.provider(10)), change).await;
    let made = house.share(Mail { phones: vec![(MOTHER, "06-12345678")], ..Mail::default() }).await;
    let mut browser = Browser::new(house.server.listening(), ELSEWHERE);
    browser.get(&path(&made.links[0])).await;
    let on = browser.post(&path(&made.links[0]), &[]).await.location();
    browser.get(&on).await;
    browser.post(&format!("{}/sms", path(&made.links[0])), &[]).await;
    let (text, code) = (texts.last_text(), texts.last_code());
    assert!(text.ends_with(&format!("\n\n@{ELSEWHERE} #{code}")), "{text}");
}

#[tokio::test]
async fn pages_have_the_colour_and_the_logo_of_their_school() {
    let house = house().await;
    let made = house.share(Mail::default()).await;
    let mut browser = Browser::new(house.server.listening(), ELSEWHERE);
    let page = browser.get(&path(&made.links[0])).await.body;
    assert!(page.contains("href=\"/huisstijl/linde\"") && page.contains("src=\"/logo/linde\""), "{page}");
    let style = browser.get("/huisstijl/linde").await;
    assert!(style.header("content-type").unwrap().starts_with("text/css") && style.body.contains("--link: #7a1f3d"));
    let logo = browser.get("/logo/linde").await;
    assert_eq!((logo.header("content-type"), &logo.octets), (Some("image/png"), &picture()));
    for missing in ["/huisstijl/berk", "/logo/berk", "/logo/..%2f"] {
        assert_eq!(browser.get(missing).await.status, 404, "{missing}");
    }
    assert!(browser.get("/echt").await.body.contains(ELSEWHERE));
}
