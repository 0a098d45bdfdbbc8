//! What people are told later: notices that come fast go together in one, the advice of a day is one message, and what is
//! refused to a program is told to its owner. Nothing is dropped, and nothing of it is readable on the disk.
//!
//! The binary as a process takes the mail; the messages are then made here, as if their time had come.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::time::Duration;

use mailpoort::config::Config;
use mailpoort::gate::Gate as Line;
use mailpoort::gate::house::House;
use mailpoort::outbox::Outbox;
use mailpoort::record::Record;
use mailpoort::store;
use mailpoort::store::held::State;
use support::client::Client;
use support::gate::Gate;
use support::sink::Sink;
use support::{address, until};

const JUF: &str = "juf.anneke@delinde.example";
const PILOT: &str = "bert@delinde.example";
const FORM: &str = "formulier@delinde.example";
const OWNER: &str = "administratie@delinde.example";
const PARENT: &str = "ouder@thuis.example";
const BSN: &str = "Het burgerservicenummer (BSN) van de leerling is 123456782.";
const LINK: &str = "https://ouders.delinde.example/berichten";
const DAY: i64 = 24 * 3600 * 1000;
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn much_is_told_in_few_messages_and_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at) = (format!("{}:2525", address(121)), format!("{}:2525", address(122)));
    let sink = Sink::listen(&sink_at);
    let gate = Gate::start(folder.path(), &config(folder.path(), &gate_at, &sink_at));
    let mut client = Client::connect(&address(120), &gate_at);
    for n in 0..6 {
        let reply = client.send(JUF, &[PARENT], &mail(JUF, &format!("stop-{n}")));
        assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    }
    let reply = client.send(FORM, &[PARENT], &mail(FORM, "form"));
    assert!(reply.starts_with("550 5.7.1 Niet verstuurd."), "{reply}");
    for n in 0..2 {
        assert!(client.send(PILOT, &[PARENT], &mail(PILOT, &format!("tip-{n}"))).starts_with("250"));
    }
    // Three notices at once, and the two mails that passed.
    until(|| format!("5 mails, not {}", sink.kept().len()), PATIENCE, || (sink.kept().len() >= 5).then_some(()));
    drop(client);
    gate.stop();
    assert_eq!(sink.kept().len(), 5);
    for canary in ["123456782", "ouder@thuis", "administratie"] {
        let tables = std::fs::read(folder.path().join("data/mailpoort.db")).unwrap();
        assert!(!tables.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary} is readable");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let told = runtime.block_on(tell(folder.path()));
    assert_eq!(told.len(), 3, "{told:#?}");
    let of = |reader: &str| told.iter().find(|(to, _)| to == reader).map(|(_, text)| text.as_str()).unwrap();
    let several = of(JUF);
    assert!(several.contains("Subject: Niet verstuurd: nog 3 van je mails"), "{several}");
    for n in 3..6 {
        assert!(several.contains(&format!("Je mail “Aanmelding stop-{n}” van ")), "{n}: {several}");
    }
    assert_eq!(several.matches("burgerservicenummer (BSN)").count(), 2 * 3, "plain and HTML: {several}");
    let owner = of(OWNER);
    assert!(owner.contains("Geweigerd: mail van een programma (1 keer)") && owner.contains(FORM), "{owner}");
    let digest = of(PILOT);
    assert!(digest.contains("Subject: Tips bij je mail (2)"), "{digest}");
    assert!(digest.contains("aan ouder@thuis.example: ") && !digest.contains("123456782"), "{digest}");
}

/// Each recipient of a pupil system gets a link where the mail may not go, and the mail itself is kept.
#[test]
fn a_link_takes_the_place_of_what_a_program_may_not_send() {
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at) = (format!("{}:2525", address(125)), format!("{}:2525", address(126)));
    let sink = Sink::listen(&sink_at);
    let owner = format!("owner = \"{OWNER}\"\n");
    let config = config(folder.path(), &gate_at, &sink_at).replace(&owner, &format!("{owner}link_only = \"{LINK}\"\n"));
    let gate = Gate::start(folder.path(), &config);
    let mut client = Client::connect(&address(124), &gate_at);
    let content = mail(FORM, "toets");
    let reply = client.send(FORM, &[PARENT, PILOT, "oma@elders.example"], &content);
    assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    // Its client missed that, and sends it again.
    assert!(client.send(FORM, &[PARENT, PILOT, "oma@elders.example"], &content).starts_with("250"));
    until(|| format!("3 mails, not {}", sink.kept().len()), PATIENCE, || (sink.kept().len() >= 3).then_some(()));
    drop(client);
    let log = gate.stop();
    let kept = sink.kept();
    assert_eq!(kept.len(), 3);
    let colleague = kept.iter().find(|(to, _)| to[0].contains(PILOT)).unwrap();
    assert!(colleague.1.ends_with(&content), "a colleague may have it as it is");
    for parent in [PARENT, "oma@elders.example"] {
        let (to, letter) = kept.iter().find(|(to, _)| to[0].contains(parent)).unwrap();
        let letter = readable(letter);
        assert_eq!(to.len(), 1);
        assert!(letter.contains(&format!("From: \"basisschool De Linde\" <{FORM}>")), "{letter}");
        assert!(
            letter.contains(&format!("Ga naar {LINK}")) && letter.contains("Auto-Submitted: auto-generated"),
            "{letter}"
        );
        let other = if parent == PARENT { "oma@" } else { "ouder@" };
        for canary in ["123456782", "Aanmelding", "burgerservicenummer", other] {
            assert!(!letter.contains(canary), "{canary}: {letter}");
        }
    }
    assert!(!log.contains(PARENT) && !log.contains(LINK), "{log}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let outbox = Outbox::beside(&folder.path().join("data")).unwrap();
        let sender = outbox.store().index("address", &[FORM.as_bytes()]);
        let held = outbox.store().held_of("linde", sender, 9).await.unwrap().swap_remove(0);
        let states: Vec<_> = held.recipients.iter().map(|one| one.state).collect();
        assert_eq!(states, [State::Held, State::Sent, State::Held]);
        let item = held.item.clone().unwrap();
        let sealed = outbox.store().item(&item).await.unwrap().unwrap();
        assert_eq!(outbox.vault().open_item(&item, sealed).await.unwrap(), content);
    });
}

/// A program reads no mail: what of its mail does not arrive is told to who answers for it.
#[test]
fn what_a_program_cannot_deliver_is_told_to_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at) = (format!("{}:2525", address(128)), format!("{}:2525", address(129)));
    let sink = Sink::listen(&sink_at);
    let owner = format!("owner = \"{OWNER}\"\n");
    let config = config(folder.path(), &gate_at, &sink_at).replace(&owner, &format!("{owner}link_only = \"{LINK}\"\n"));
    let gate = Gate::start(folder.path(), &config);
    let mut client = Client::connect(&address(127), &gate_at);
    let reply = client.send(FORM, &["weg@thuis.example"], &mail(FORM, "toets"));
    assert!(reply.starts_with("250 "), "{reply}");
    until(|| format!("a letter: {:?}", sink.kept()), PATIENCE, || (!sink.kept().is_empty()).then_some(()));
    drop(client);
    gate.stop();
    let kept = sink.kept();
    assert_eq!(kept.len(), 1);
    let letter = readable(&kept[0].1);
    assert!(kept[0].0.len() == 1 && kept[0].0[0].contains(OWNER), "{:?}", kept[0].0);
    assert!(letter.contains("weg@thuis.example") && !letter.contains("123456782"), "{letter}");
}

const DOCTOR: &str = "arts@zorg.example";

/// Exchange sends one mail once for each domain of its recipients: it is one mail at the desk, with one notice.
#[test]
fn a_mail_in_several_transactions_is_one_incident_with_one_notice() {
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at) = (format!("{}:2525", address(131)), format!("{}:2525", address(132)));
    let sink = Sink::listen(&sink_at);
    let gate = Gate::start(folder.path(), &config(folder.path(), &gate_at, &sink_at));
    let mut client = Client::connect(&address(130), &gate_at);
    let part = |received: &str| {
        let mail = String::from_utf8(mail(JUF, "deel")).unwrap();
        let to = format!("To: <{PARENT}>");
        format!("X-Deel: {received}\r\n{}", mail.replacen(&to, &format!("{to}, <{DOCTOR}>, <{PILOT}>"), 1)).into_bytes()
    };
    for (to, number) in [(PARENT, "1"), (DOCTOR, "2"), (PARENT, "1"), (DOCTOR, "2")] {
        let reply = client.send(JUF, &[to], &part(number));
        assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    }
    until(|| "a notice".to_owned(), PATIENCE, || (!sink.kept().is_empty()).then_some(()));
    drop(client);
    gate.stop();
    let kept = sink.kept();
    assert_eq!(kept.len(), 1, "one notice");
    let notice = readable(&kept[0].1);
    assert!(notice.contains(&format!("{PARENT} en {DOCTOR}")), "{notice}");
    assert_eq!(notice.matches("Doe je niets?").count(), 2, "once in plain text and once in HTML: {notice}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let outbox = Outbox::beside(&folder.path().join("data")).unwrap();
        let sender = outbox.store().index("address", &[JUF.as_bytes()]);
        let [held] = outbox.store().held_of("linde", sender, 9).await.unwrap().try_into().unwrap();
        let to: Vec<&str> = held.facts.envelope.recipients.iter().map(|to| to.address.as_str()).collect();
        assert_eq!(to, [PARENT, DOCTOR]);
        assert_eq!(held.recipients.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Held, State::Held]);
        assert_eq!(held.facts.offers.len(), 2);
        let places: Vec<_> = held.facts.envelope.recipients.iter().map(|to| to.place).collect();
        assert_eq!(places, [Some(0), Some(1)]);
        assert!(notice.contains(&held.id), "{notice}");
    });
}

/// A part that comes when its notice is out is told later, with the number and link of that mail. Another mail under the
/// same Message-ID is another mail.
#[test]
fn a_part_that_comes_late_joins_and_is_told_later() {
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at) = (format!("{}:2525", address(134)), format!("{}:2525", address(135)));
    let sink = Sink::listen(&sink_at);
    let gate = Gate::start(folder.path(), &config(folder.path(), &gate_at, &sink_at));
    let mut client = Client::connect(&address(133), &gate_at);
    let content = mail(JUF, "deel");
    assert!(client.send(JUF, &[PARENT], &content).starts_with("250"));
    until(|| "a notice".to_owned(), PATIENCE, || (!sink.kept().is_empty()).then_some(()));
    // To did not name who gets a blind copy.
    assert!(client.send(JUF, &[DOCTOR, PILOT], &content).starts_with("250"));
    until(|| "the colleague's mail".to_owned(), PATIENCE, || (sink.kept().len() >= 2).then_some(()));
    let other = String::from_utf8(content).unwrap().replace("Aanmelding", "Afmelding");
    assert!(client.send(JUF, &["oma@elders.example"], other.as_bytes()).starts_with("250"));
    until(|| "a notice of the other mail".to_owned(), PATIENCE, || (sink.kept().len() >= 3).then_some(()));
    drop(client);
    gate.stop();
    let kept = sink.kept();
    let notices: Vec<String> =
        kept.iter().filter(|(to, _)| to[0].contains(JUF)).map(|(_, raw)| readable(raw)).collect();
    assert!(notices.len() == 2 && notices[0].contains(PARENT) && notices[1].contains("oma@elders.example"));
    assert!(!notices[1].contains(DOCTOR), "{}", notices[1]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let [(reader, told)] = runtime.block_on(tell(folder.path())).try_into().unwrap();
    assert!(reader == JUF && told.contains(DOCTOR) && !told.contains("oma@"), "{told}");
    assert_eq!(told.matches("Doe je niets?").count(), 2, "once in plain text and once in HTML: {told}");
    runtime.block_on(async {
        let outbox = Outbox::beside(&folder.path().join("data")).unwrap();
        let sender = outbox.store().index("address", &[JUF.as_bytes()]);
        let all = outbox.store().held_of("linde", sender, 9).await.unwrap();
        let [_, first] = &all[..] else { panic!("{} mails", all.len()) };
        let states: Vec<_> = first.recipients.iter().map(|one| one.state).collect();
        assert_eq!(states, [State::Held, State::Held, State::Sent]);
        assert!(told.contains(&first.id) && notices[0].contains(&first.id));
    });
}

/// Mail merges and corrected mails keep the Message-ID and the subject: what one holds is not in the other.
#[test]
fn another_content_under_the_same_message_id_is_held_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at) = (format!("{}:2525", address(137)), format!("{}:2525", address(138)));
    let sink = Sink::listen(&sink_at);
    let gate = Gate::start(folder.path(), &config(folder.path(), &gate_at, &sink_at));
    let mut client = Client::connect(&address(136), &gate_at);
    let first = mail(JUF, "brief");
    let second = String::from_utf8(first.clone()).unwrap().replace("123456782", "111222333").into_bytes();
    for (to, content) in [(PARENT, &first), (DOCTOR, &second)] {
        let reply = client.send(JUF, &[to], content);
        assert!(reply.starts_with("250 2.7.1 Taken"), "{reply}");
    }
    until(|| "a notice of each".to_owned(), PATIENCE, || (sink.kept().len() >= 2).then_some(()));
    drop(client);
    gate.stop();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let outbox = Outbox::beside(&folder.path().join("data")).unwrap();
        let sender = outbox.store().index("address", &[JUF.as_bytes()]);
        let all = outbox.store().held_of("linde", sender, 9).await.unwrap();
        assert_eq!(all.len(), 2);
        for (to, content) in [(PARENT, &first), (DOCTOR, &second)] {
            let held = all.iter().find(|held| held.facts.envelope.recipients[0].address == to).unwrap();
            assert_eq!(held.recipients.len(), 1);
            let item = held.item.clone().unwrap();
            let sealed = outbox.store().item(&item).await.unwrap().unwrap();
            assert_eq!(&outbox.vault().open_item(&item, sealed).await.unwrap(), content, "{to}");
        }
    });
}

/// The notice that waits for other parts is not lost where its sender had so many that the next go together.
#[test]
fn a_part_after_many_notices_takes_no_notice_away() {
    let folder = tempfile::tempdir().unwrap();
    let (gate_at, sink_at) = (format!("{}:2525", address(117)), format!("{}:2525", address(118)));
    let sink = Sink::listen(&sink_at);
    let gate = Gate::start(folder.path(), &config(folder.path(), &gate_at, &sink_at));
    let mut client = Client::connect(&address(116), &gate_at);
    for n in 0..2 {
        assert!(client.send(JUF, &[PARENT], &mail(JUF, &format!("stop-{n}"))).starts_with("250"));
    }
    // Its notice waits for the doctor's part.
    let to = format!("To: <{PARENT}>");
    let content = String::from_utf8(mail(JUF, "deel")).unwrap();
    let content = content.replacen(&to, &format!("To: <oma@elders.example>, <{DOCTOR}>"), 1).into_bytes();
    for to in ["oma@elders.example", DOCTOR] {
        assert!(client.send(JUF, &[to], &content).starts_with("250"));
    }
    until(|| format!("3 notices, not {}", sink.kept().len()), PATIENCE, || (sink.kept().len() >= 3).then_some(()));
    drop(client);
    gate.stop();
    let letters: String = sink.kept().iter().map(|(_, raw)| readable(raw)).collect();
    for to in ["oma@elders.example", DOCTOR] {
        assert!(letters.contains(to), "{to}: {letters}");
    }
}

/// What is told in a day, by its reader, as text.
async fn tell(folder: &Path) -> Vec<(String, String)> {
    let config = Config::load(&folder.join("mailpoort.toml")).unwrap();
    let (house, _) = House::load(config, &mut |_| {}).unwrap();
    let outbox = Outbox::open(&folder.join("data"), house.retry).unwrap();
    let line = Line::new(house, Record::open(None).unwrap(), Some(outbox.clone()));
    line.tell_later(store::now()).await;
    assert_eq!(outbox.store().owed(100).await.unwrap().len(), 0, "nobody is told too early");
    line.tell_later(store::now() + 2 * DAY).await;
    // Once.
    line.tell_later(store::now() + 2 * DAY).await;
    let mut told = Vec::new();
    for one in outbox.store().claim(store::now() + 1_000, 1_000, DAY, 100).await.unwrap() {
        let raw = outbox.vault().open_item(&one.item, one.sealed.clone()).await.unwrap();
        told.push((one.envelope.recipients[0].address.clone(), readable(&raw)));
    }
    told
}

/// Encoded words and quoted-printable undone, as far as these mails have them.
fn readable(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw).replace("=\r\n", "");
    let (mut octets, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let hex = (*first == b'=').then(|| std::str::from_utf8(behind.get(..2)?).ok()).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = &behind[2..];
            }
            None => {
                octets.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

fn mail(from: &str, id: &str) -> Vec<u8> {
    format!(
        "From: <{from}>\r\nTo: <{PARENT}>\r\nSubject: Aanmelding {id}\r\nMessage-ID: <{id}@werkplek.delinde.example>\r\n\r\n\
         {BSN}\r\n"
    )
    .into_bytes()
}

fn config(folder: &Path, gate: &str, sink: &str) -> String {
    format!(
        "hostname = \"poort.delinde.example\"\nmode = \"enforce\"\ndata_dir = \"{}\"\n\n\
         [[program]]\naddress = \"{FORM}\"\nowner = \"{OWNER}\"\n\n\
         [[school]]\nid = \"linde\"\nname = \"basisschool De Linde\"\ndomains = [\"delinde.example\"]\n\
         privacy = {{ name = \"Ilse Bakker\", phone = \"040-555 01 23\" }}\n\
         helpdesk = {{ name = \"de helpdesk\", phone = \"040-555 01 00\" }}\n\n\
         [[school.pilot]]\nmode = \"advise\"\nsenders = [\"{PILOT}\"]\n\n\
         [smtp]\nlisten = [\"{gate}\"]\n\n[[smtp.client]]\nname = \"school\"\nnetworks = [\"127.0.0.0/8\"]\n\n\
         [[next_hop]]\nname = \"provider\"\nhosts = [\"{sink}\"]\ntls = \"off\"\n",
        folder.join("data").display(),
    )
}
