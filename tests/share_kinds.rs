//! What policy says of a share, from the real SMTP port to the mails that go out: how sure it must be who opens it, whether
//! the attachments alone are shared, what its subject may be, and what it is for.
//!
//! The binary as a process, with a policy of the test's own. All names, numbers and mails are invented.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::path::Path;
use std::time::Duration;

use browser::Browser;
use mailpoort::detect::Kind;
use mailpoort::extract::Why;
use support::client::Client;
use support::gate::Gate;
use support::sink::Sink;
use support::{address, until};

const JUF: &str = "juf.anneke@delinde.example";
const FATHER: &str = "vader@thuis.example";
const MOTHER: &str = "moeder@elders.example";
const PATIENCE: Duration = Duration::from_secs(30);
const BSN: &str = "123456782";

/// Everything that is found becomes a share; `more` says how.
fn policy(route: &str, more: &str) -> String {
    let quoted = |words: Vec<&str>| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    format!(
        "[[line]]\nid = \"all\"\nwhy = \"the test wants it\"\nkinds = [{}]\nroute = \"{route}\"\nadvice = \"bsn\"\n{more}\n\
         offers = [\"share\", \"help\", \"delete\"]\n\n[[line]]\nid = \"unread\"\nwhy = \"the test wants it\"\nunread = [{}]\n\
         route = \"{route}\"\nadvice = \"bsn\"\n{more}\n",
        quoted(Kind::ALL.iter().map(|kind| kind.word()).collect()),
        quoted(Why::ALL.iter().map(|why| why.word()).collect()),
    )
}

struct House {
    folder: tempfile::TempDir,
    sink: Sink,
    gate: Gate,
    client: Client,
    web: String,
}

impl House {
    fn new(host: u8, policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |n: u8| format!("{}:2525", address(host + n));
        let web = format!("{}:8026", address(host + 3));
        std::fs::write(folder.path().join("policy.toml"), policy).unwrap();
        let pupils = "Leerlingnummer;Roepnaam;Tussenvoegsel;Achternaam;Geboortedatum;Groep\n\
                      1001;Noor;van;Zilverschoon;12-03-2016;5\n1002;Sem;;Bakker;01-02-2016;5\n";
        std::fs::write(folder.path().join("leerlingen.csv"), pupils).unwrap();
        let sink = Sink::listen(&at(2));
        let gate = Gate::start(folder.path(), &config(folder.path(), (&at(1), &at(2), &web)));
        let client = Client::connect(&address(host), &at(1));
        Self { folder, sink, gate, client, web }
    }

    fn send(&mut self, to: &[&str], mail: &str) {
        let reply = self.client.send(JUF, to, mail.replace('\n', "\r\n").as_bytes());
        assert!(reply.starts_with("250"), "{reply}");
    }

    /// The mail to somebody that holds this, without the soft line ends of quoted-printable.
    fn heard(&self, reader: &str, says: &str) -> String {
        let plain = |raw: &[u8]| String::from_utf8_lossy(raw).replace("=\r\n", "").replace("=3D", "=");
        let look = || {
            let kept = self.sink.kept();
            let mut mails =
                kept.iter().filter(|(to, _)| to.iter().any(|to| to.contains(reader))).map(|(_, raw)| plain(raw));
            mails.find(|mail| mail.contains(says))
        };
        until(|| format!("mail to {reader} with {says:?}"), PATIENCE, look)
    }

    fn browser(&self, host: &'static str) -> Browser {
        Browser::new(self.web.parse().unwrap(), host)
    }
}

fn config(folder: &Path, (gate, sink, web): (&str, &str, &str)) -> String {
    format!(
        "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
         [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
         roster = [\"leerlingen.csv\"]\n\
         privacy = {{ name = \"Ilse Bakker\", role = \"privacycoördinator\", phone = \"040-555 01 23\" }}\n\
         helpdesk = {{ name = \"de helpdesk\", role = \"helpdesk\", phone = \"040-555 01 00\" }}\n\n\
         [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
         [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n\n[policy]\nfile = \"policy.toml\"\n\n\
         [recipients.supplier]\ndomains = [\"leverancier.example\"]\n\n\
         [web]\nlisten = \"{web}\"\nurl = \"https://poort.delinde.example\"\n\n\
         [share]\nurl = \"https://veilig.delinde.example\"\n\n[storage]\ncountry = \"NL\"\n",
        folder.join("data").display(),
    )
}

fn mail(id: &str, subject: &str, text: &str, file: &str) -> String {
    format!(
        "From: Juf Anneke <{JUF}>\nTo: <{FATHER}>\nSubject: {subject}\nMessage-ID: <{id}@werkplek.delinde.example>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/plain\n\n{text}\n--a\n\
         Content-Type: text/csv; name=\"lijst.csv\"\nContent-Disposition: attachment; filename=\"lijst.csv\"\n\n{file}\n--a--\n"
    )
}

fn subject(mail: &str) -> String {
    mail.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().trim().to_owned()
}

/// The path of the page behind a link.
fn path(mail: &str, host: &str) -> String {
    let rest = mail.split(&format!("https://{host}/")).nth(1).unwrap();
    format!("/{}", rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect::<String>())
}

#[test]
fn at_level_low_mail_receipt_and_page_say_what_a_code_by_mail_is_worth() {
    let mut house = House::new(10, &policy("share", "level = \"low\""));
    house.send(&[FATHER], &mail("1", "Ouderavond", "Dag.", &format!("naam;bsn\nN;{BSN}")));
    let invitation = house.heard(FATHER, "/b/");
    assert!(invitation.contains("wie uw mailbox kan lezen, kan zo ook dit bericht lezen"), "{invitation}");
    assert!(invitation.contains("whoever can read your mailbox can read this message too"), "{invitation}");
    let receipt = house.heard(JUF, "Dit beschermt minder");
    assert!(receipt.contains("Je hoeft geen code door te geven"), "{receipt}");
    by_mail(&house, &path(&invitation, "veilig.delinde.example"));
    house.gate.stop();
}

/// Link, code by mail, message.
#[tokio::main(flavor = "current_thread")]
async fn by_mail(house: &House, link: &str) {
    let mut browser = house.browser("veilig.delinde.example");
    browser.get(link).await;
    let on = browser.post(link, &[]).await.location();
    browser.get(&on).await;
    assert_eq!(browser.post(&format!("{link}/per-mail"), &[]).await.status, 303);
    let letter = house.heard(FATHER, "is uw code voor bericht");
    assert!(letter.contains("Auto-Submitted: auto-generated") && letter.contains("basisschool De Linde"), "{letter}");
    let code = letter.split(" is uw code").next().unwrap().lines().next_back().unwrap().trim();
    browser.get(&on).await;
    let opened = browser.post(&on, &[("code", code)]).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    assert!(browser.get(&opened.location()).await.body.contains("lijst.csv"));
}

#[test]
fn at_level_high_the_code_is_said_and_not_sent() {
    let mut house = House::new(20, &policy("share", "level = \"high\""));
    house.send(&[FATHER], &mail("1", "Ouderavond", "Dag.", &format!("naam;bsn\nN;{BSN}")));
    let invitation = house.heard(FATHER, "/b/");
    assert!(invitation.contains("zelf, op school of aan de telefoon"), "{invitation}");
    assert!(house.heard(JUF, "code ").contains("niet via een app of bericht"));
    house.gate.stop();
}

#[test]
fn the_text_goes_as_mail_and_the_attachments_are_shared_where_nothing_is_found_in_it() {
    let mut house = House::new(30, &policy("share", "share_parts = \"attachments\""));
    let list = format!("naam;bsn\nN;{BSN}");
    house.send(&[FATHER, MOTHER], &mail("1", "Lijst groep 5", "Hierbij de lijst kanarie-1.", &list));
    let mailed = house.heard(FATHER, "kanarie-1");
    for stays in
        ["From: Juf Anneke", "Subject: Lijst groep 5\r\n", "<1@werkplek.delinde.example>", "Zo opent u de bijlagen"]
    {
        assert!(mailed.contains(stays), "{stays}\n{mailed}");
    }
    assert!(!mailed.contains(BSN) && !mailed.contains("lijst.csv") && !mailed.contains("Auto-Submitted"), "{mailed}");
    let own = path(&house.heard(MOTHER, "kanarie-1"), "veilig.delinde.example");
    assert_ne!(path(&mailed, "veilig.delinde.example"), own, "each has a link of his own");
    let receipt = house.heard(JUF, "alleen de bijlagen staan klaar");
    opened(&house, &path(&mailed, "veilig.delinde.example"), &code(&receipt));
    // With a finding in the text the whole of it is shared.
    house.send(&[FATHER], &mail("2", "Lijst groep 6", &format!("Hierbij kanarie-2, BSN {BSN}."), &list));
    let invitation = house.heard(FATHER, "Lijst groep 6 (");
    assert!(!invitation.contains("kanarie-2") && !invitation.contains(BSN), "{invitation}");
    house.gate.stop();
    for (to, raw) in house.sink.kept() {
        assert!(!String::from_utf8_lossy(&raw).contains(BSN), "{to:?}");
    }
}

fn code(receipt: &str) -> String {
    receipt.split(&format!("{FATHER}: code ")).nth(1).unwrap().chars().take(14).collect()
}

#[tokio::main(flavor = "current_thread")]
async fn opened(house: &House, link: &str, code: &str) {
    let mut browser = house.browser("veilig.delinde.example");
    browser.get(link).await;
    let on = browser.post(link, &[]).await.location();
    browser.get(&on).await;
    let opened = browser.post(&on, &[("code", code)]).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    let page = browser.get(&opened.location()).await.body;
    assert!(page.contains("lijst.csv") && page.contains("staat in de mail die u heeft gekregen"), "{page}");
}

#[test]
fn a_subject_is_the_teachers_own_where_nothing_is_in_it_and_never_a_name_or_a_value() {
    let mut house = House::new(40, &policy("share", ""));
    let list = format!("naam;bsn\nNoor van Zilverschoon;{BSN}");
    for (id, typed, own) in [
        ("1", "Ouderavond donderdag", true),
        ("2", "Re: Ouderavond (7DX2)", true),
        ("3", "Gesprek over Noor", false),
        ("4", "gesprek zilverschoon", false),
        ("5", &*format!("Nummer {BSN}"), false),
        ("6", "Sems rapport", false),
        ("7", "=?utf-8?q?Over_No=6Fr?=", false),
        ("8", "", false),
    ] {
        let mail = mail(id, typed, &format!("Dag, zie kanarie-{id}."), &list)
            .replace("MIME-Version", "In-Reply-To: <eerder@thuis.example>\nMIME-Version");
        house.send(&[FATHER], &mail);
        let invitation = house.heard(FATHER, &format!("<{id}@werkplek.delinde.example>"));
        let subject = subject(&invitation);
        let (said, reference) = subject.rsplit_once(" (").unwrap();
        assert_eq!(reference.len(), 5, "{subject}");
        let expected = if own { typed.split(" (").next().unwrap() } else { "Veilig bericht van basisschool De Linde" };
        assert_eq!(said, expected);
        assert!(invitation.contains("In-Reply-To: <eerder@thuis.example>"), "{invitation}");
        for canary in ["Noor", "ilverschoon", "Sem", BSN, "kanarie"] {
            assert!(!invitation.contains(canary), "{canary}\n{invitation}");
        }
    }
    house.gate.stop();
}

#[test]
fn who_is_asked_for_a_purpose_answers_and_it_is_kept_with_the_share() {
    let mut house = House::new(50, &policy("share_with_purpose", ""));
    house.send(&[FATHER], &mail("1", "Ouderavond", "Dag.", &format!("naam;bsn\nN;{BSN}")));
    let notice = house.heard(JUF, "/m/");
    assert!(!house.sink.kept().iter().any(|(to, _)| to.iter().any(|to| to.contains(FATHER))), "it waits");
    answered(&house, &path(&notice, "poort.delinde.example"));
    house.gate.stop();
    drop(house.folder);
}

#[tokio::main(flavor = "current_thread")]
async fn answered(house: &House, link: &str) {
    let mut browser = house.browser("poort.delinde.example");
    browser.get(link).await;
    let sent = browser.post(&format!("{link}/code"), &[("reader", "0")]).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let letter = house.heard(JUF, "Je code is ");
    browser.get(&format!("{link}/code")).await;
    let code = letter.split("Je code is ").nth(1).unwrap()[..6].to_owned();
    let mail = browser.post(&format!("{link}/sign-in"), &[("code", &code)]).await.location();
    let form = format!("{mail}/share");
    assert!(browser.get(&form).await.body.contains("Waarom mag je deze gegevens delen?"));
    let words = ("words", "Gehooronderzoek door de GGD.");
    let refused = browser.post(&form, &[("place", "0"), words, ("needed", "yes")]).await;
    assert_eq!(refused.status, 422, "without a ground");
    let done = browser.post(&form, &[("place", "0"), words, ("ground", "law"), ("needed", "yes")]).await;
    assert_eq!(done.location(), format!("{mail}?done=shared"));
    house.heard(FATHER, "/b/");
    house.heard(JUF, &format!("{FATHER}: code "));
    let list = browser.get("/shares").await.body;
    let share = list.split("href=\"/shares/").nth(1).unwrap().split('"').next().unwrap();
    let page = browser.get(&format!("/shares/{share}")).await.body;
    assert!(page.contains("Gehooronderzoek door de GGD.") && page.contains("Een wet verplicht"), "{page}");
    let log = browser.get(&format!("/shares/{share}/log")).await.body;
    assert!(log.contains("Grond in de wet: Een wet verplicht"), "{log}");
}

#[test]
fn who_comes_later_is_judged_as_any_recipient_and_an_administrator_can_take_it_back() {
    let block = "\n[[line]]\nid = \"stop\"\nwhy = \"the test wants it\"\nkinds = [\"bsn\"]\nto = [\"supplier\"]\n\
                 route = \"block\"\nrelease = \"nobody\"\nadvice = \"bsn\"\n";
    let mut house = House::new(60, &(policy("share", "") + block));
    house.send(&[FATHER], &mail("1", "Ouderavond", "Dag.", &format!("naam;bsn\nN;{BSN}")));
    let receipt = house.heard(JUF, &format!("{FATHER}: code "));
    let id = late(&house, &path(&receipt, "poort.delinde.example"));
    house.heard("oma@thuis.example", "/b/");
    let to = |reader: &str| house.sink.kept().iter().filter(|(to, _)| to.iter().any(|to| to.contains(reader))).count();
    assert_eq!(
        (to("leverancier.example"), to("oma@thuis.example"), to(FATHER)),
        (0, 1, 1),
        "one invitation, to that one alone"
    );
    taken_back(&house, &id, &path(&house.heard(FATHER, "/b/"), "veilig.delinde.example"));
    house.gate.stop();
}

#[tokio::main(flavor = "current_thread")]
async fn late(house: &House, own: &str) -> String {
    let mut browser = house.browser("poort.delinde.example");
    browser.get(own).await;
    browser.post(&format!("{own}/code"), &[("reader", "0")]).await;
    let letter = house.heard(JUF, "Je code is ");
    browser.get(&format!("{own}/code")).await;
    let code = letter.split("Je code is ").nth(1).unwrap()[..6].to_owned();
    browser.post(&format!("{own}/sign-in"), &[("code", &code)]).await;
    let list = browser.get("/shares").await.body;
    let id = list.split("href=\"/shares/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let add = format!("/shares/{id}/add");
    browser.get(&add).await;
    // Without the sender's own link open there is no key.
    let answer = browser.post(&add, &[("to", "oma@thuis.example")]).await;
    assert_eq!(answer.location(), format!("/shares/{id}?done=link"));
    browser.get(own).await;
    browser.post(own, &[]).await;
    for (typed, says) in [
        ("geen adres", "Dit is geen mailadres"),
        (FATHER, "Dit adres heeft al een link"),
        ("bert@delinde.example", "Verzonden items"),
        ("inkoop@leverancier.example", "inkoop@leverancier.example mag dit bericht niet krijgen"),
        ("inkoop@leverancier.example", "artikel 46"),
    ] {
        browser.get(&add).await;
        let answer = browser.post(&add, &[("to", typed)]).await;
        assert!(answer.status == 422 && answer.body.contains(says), "{typed}: {}", answer.body);
    }
    let mut forged = browser.clone();
    forged.page = String::new();
    let strange = forged.send(&add, &[("to", "oma@thuis.example")], &[("Sec-Fetch-Site", "cross-site")]).await;
    assert_eq!(strange.status, 403);
    browser.get(&add).await;
    let done = browser.post(&add, &[("to", "oma@thuis.example")]).await;
    assert_eq!(done.location(), format!("/shares/{id}?done=added"), "{}", done.body);
    let page = browser.get(&done.location()).await.body;
    assert!(page.contains("oma@thuis.example") && page.contains("Geef de code door"), "{page}");
    let log = browser.get(&format!("/shares/{id}/log")).await.body;
    assert!(log.contains("Je hebt oma@thuis.example later toegevoegd."), "{log}");
    id
}

#[tokio::main(flavor = "current_thread")]
async fn taken_back(house: &House, id: &str, link: &str) {
    let mut parent = house.browser("veilig.delinde.example");
    assert_eq!(parent.get(link).await.status, 200);
    let run = |arguments: &[&str]| {
        let config = house.folder.path().join("mailpoort.toml");
        let mut command = std::process::Command::new(support::gate::BINARY);
        command.arg("share").args(arguments).arg("--config").arg(config).output().unwrap()
    };
    assert!(!run(&["withdraw", id, "--reason", " "]).status.success(), "a reason is needed");
    assert!(!run(&["withdraw", id, "--recipient", "9", "--reason", "verkeerd adres"]).status.success());
    let one = run(&["withdraw", id, "--recipient", "1", "--reason", "Het adres was van iemand anders."]);
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    assert_eq!(parent.get(link).await.status, 404, "at the next request");
    let told = house.heard(JUF, "Het adres was van iemand anders.");
    assert!(
        told.contains("ingetrokken voor vader@thuis.example")
            && told.contains("Subject: Je veilige bericht is ingetrokken")
    );
    let all = run(&["delete", id, "--reason", "Op verzoek van de directie."]);
    assert!(all.status.success(), "{}", String::from_utf8_lossy(&all.stderr));
    assert!(house.heard(JUF, "Op verzoek van de directie.").contains("gewist"));
    let config = house.folder.path().join("mailpoort.toml");
    let journal = std::process::Command::new(support::gate::BINARY)
        .args(["share", "list", "--json", "--config"])
        .arg(config)
        .output()
        .unwrap();
    let journal = String::from_utf8_lossy(&journal.stdout).into_owned();
    assert!(journal.contains("\"state\":\"over\"") && journal.contains("\"withdrawn\":true"), "{journal}");
}
