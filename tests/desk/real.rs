//! The real gate behind the desk: a held mail judged again.

use mailpoort::config::Config;
use mailpoort::gate::Gate;
use mailpoort::gate::house::House;
use mailpoort::record::Record;
use mailpoort::store::owed::{Envelope, To};
use mailpoort::web::desk;
use tempfile::TempDir;

use super::house::{CANARY, JUF, MOTHER};

const CONFIG: &str = r#"
hostname = "poort.delinde.example"
mode = "enforce"
[[school]]
id = "linde"
name = "basisschool De Linde"
domains = ["delinde.example"]
[school.privacy]
name = "Ilse Bakker"
phone = "0123 456 789"
[school.helpdesk]
name = "de helpdesk"
phone = "0123 456 789"
[smtp]
listen = ["127.0.0.1:0"]
[[smtp.client]]
name = "mailserver"
networks = ["127.0.0.1/32"]
[[next_hop]]
name = "provider"
hosts = ["127.0.0.1:1"]
tls = "off"
"#;

fn gate() -> (Gate, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mailpoort.toml");
    std::fs::write(&file, CONFIG).unwrap();
    let (mut house, _) = House::load(Config::load(&file).unwrap(), &mut |_| {}).unwrap();
    // A test has no reader processes of its own.
    std::sync::Arc::get_mut(&mut house.bench).unwrap().readers = None;
    (Gate::new(house, Record::open(None).unwrap(), None), folder)
}

fn envelope() -> Envelope {
    let to = |address: &str| To { address: address.into(), parameters: String::new(), place: Some(0) };
    Envelope { sender: Some(JUF.into()), recipients: vec![to(MOTHER)], ..Envelope::default() }
}

fn mail(body: &str, csv: &str) -> Vec<u8> {
    let text = format!(
        "From: {JUF}\nTo: {MOTHER}\nSubject: Lijst\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\n{body}\n--b\nContent-Type: text/csv; name=klas5.csv\n\
         Content-Disposition: attachment; filename=klas5.csv\n\n{csv}\n--b--\n"
    );
    text.replace('\n', "\r\n").into_bytes()
}

const CSV: &str = "groep;BSN\n5;123456782\n5;111222333\n6;999990019";

#[test]
fn what_was_found_is_shown_and_what_is_reported_is_invented() {
    let (gate, _folder) = gate();
    let raw = mail(&format!("Beste ouder, het BSN van Kwinten Zandvlietstra is {CANARY}. Groet, Anna"), "groep\n5");
    let look = desk::Gate::look(&gate, "linde", &envelope(), raw).unwrap();
    assert_eq!(look.stopped, [0]);
    let passage = look.passages.first().unwrap();
    assert_eq!((passage.found.expose().as_str(), passage.place[0].as_str()), (CANARY, "Tekst van de mail"));
    assert!(passage.before.expose().ends_with("het BSN van Kwinten Zandvlietstra is ") && !look.left[0].is_empty());
    let reported = look.findings.first().unwrap();
    assert!(reported.kind == "bsn" && !reported.features.is_empty() && reported.percent > 50, "{}", reported.rule);
    for finding in &look.findings {
        let all = format!("{} {} {}", finding.rule, finding.features.join(" "), finding.like);
        for gone in [CANARY, "Kwinten", "Zandvlietstra", "Anna"] {
            assert!(!all.contains(gone), "{gone} in {all}");
        }
    }
    assert!(reported.like.contains("111222333") && reported.like.contains(" van "), "{}", reported.like);
    assert!(desk::Gate::look(&gate, "berk", &envelope(), mail("", "")).is_none(), "no such school");
}

#[test]
fn columns_go_and_the_rest_passes() {
    let (gate, _folder) = gate();
    let raw = mail("In de bijlage staat de lijst.", CSV);
    assert_eq!(desk::Gate::look(&gate, "linde", &envelope(), raw.clone()).unwrap().stopped, [0]);
    let remade = desk::Gate::without_columns(&gate, "linde", &envelope(), raw).unwrap();
    assert_eq!(remade.gone[0], ["klas5.csv, kolom B: 3 cellen"]);
    let text = String::from_utf8(remade.raw.clone()).unwrap();
    assert!(!text.contains(CANARY) && !text.contains("111222333") && text.contains("In de bijlage staat de lijst."));
    assert!(desk::Gate::look(&gate, "linde", &envelope(), remade.raw).unwrap().stopped.is_empty());
    let none = desk::Gate::without_columns(&gate, "linde", &envelope(), mail(&format!("BSN {CANARY}"), "groep\n5"));
    assert!(none.unwrap_err()[0].contains("niet in een kolom"));
}
