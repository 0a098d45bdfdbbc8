//! A desk with its store, its mail, and browsers that visit it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use mailpoort::extract::{self, Spot};
use mailpoort::message::{Limits, Mailbox, Message};
use mailpoort::school::{Calendar, Contact, Language, School};
use mailpoort::seal::SealKey;
use mailpoort::secret::Secret;
use mailpoort::share::{Purpose, ShareError};
use mailpoort::store::Store;
use mailpoort::store::held::{Facts, Held, NewHeld, NewRecipient, State, Taken};
use mailpoort::store::owed::{Claimed, Envelope, Settled, To};
use mailpoort::store::tls::NewDelivery;
use mailpoort::tls::{Files, Shown};
use mailpoort::vault::{LinkSecret, Vault};
use mailpoort::web::desk::{Asking, Desk, Does, Gate, Look, Means, Passage, Remade, Reported, Safely, Sharing, Texts};
use mailpoort::web::{Server, Settings, Url};
use tempfile::TempDir;

pub use super::surf::{Answer, Browser};

pub const JUF: &str = "juf.anna@delinde.example";
pub const MEESTER: &str = "meester.bram@delinde.example";
pub const DIRECTOR: &str = "directie@delinde.example";
pub const PRIVACY: &str = "privacy@delinde.example";
pub const HELPDESK: &str = "helpdesk@delinde.example";
pub const MOTHER: &str = "p.jansen@voorbeeld.example";
pub const FATHER: &str = "k.jansen@voorbeeld.example";
pub const ORIGIN: &str = "https://poort.delinde.example";
pub const DAY: i64 = 24 * 3600 * 1000;
/// Tuesday 24 November 2026, 14.07 in Amsterdam.
pub const START: i64 = 1_795_525_620_000;
/// Stands in every held mail, and nowhere else.
pub const CANARY: &str = "123456782";

pub const ALL_OFFERS: [&str; 7] = ["remove_columns", "reason", "second_person", "bcc", "help", "mistake", "delete"];

/// A running desk.
pub struct House {
    pub store: Store,
    pub vault: Vault,
    pub desk: Desk,
    pub clock: Arc<AtomicI64>,
    pub gate: Arc<Told>,
    pub server: Server,
    folder: TempDir,
    /// What was claimed so far.
    owed: Mutex<Vec<Claimed>>,
}

/// A gate that answers as it is told.
pub struct Told {
    /// Whether a changed mail is stopped still.
    pub stops: AtomicBool,
    /// Whether columns can be taken out.
    pub columns: AtomicBool,
    /// Whether senders get a list of the week.
    pub weekly: AtomicBool,
    /// What it was asked to look at.
    pub looked_at: Mutex<Vec<Vec<u8>>>,
    pub language: Mutex<Language>,
    /// For what it was asked to make a share.
    pub purposes: Mutex<Vec<Option<Purpose>>>,
    texts: Arc<Texts>,
}

impl Gate for Told {
    fn school(&self, id: &str) -> Option<School> {
        ["linde", "berk"].contains(&id).then(|| school(id))
    }

    fn language(&self) -> Language {
        *self.language.lock().unwrap()
    }

    fn time_zone(&self) -> TimeZone {
        TimeZone::get("Europe/Amsterdam").unwrap()
    }

    fn calendar(&self) -> Calendar {
        Calendar::new(TimeZone::get("Europe/Amsterdam").unwrap(), Vec::new())
    }

    fn tells_weekly(&self) -> bool {
        self.weekly.load(Ordering::Relaxed)
    }

    fn texts(&self) -> Arc<Texts> {
        Arc::clone(&self.texts)
    }

    fn look(&self, _: &str, envelope: &Envelope, raw: Vec<u8>) -> Option<Look> {
        self.looked_at.lock().unwrap().push(raw);
        let stopped =
            if self.stops.load(Ordering::Relaxed) { (0..envelope.recipients.len()).collect() } else { vec![] };
        let line = |text: &str| vec![text.to_owned()];
        Some(Look {
            stopped,
            left: [line("In de tekst van de mail: een BSN."), line("In the text of the mail: one BSN.")],
            passages: vec![Passage {
                place: ["Bijlage klas5.xlsx, blad Leerlingen".into(), "Attachment klas5.xlsx, sheet Leerlingen".into()],
                kind: ["een burgerservicenummer (BSN)".into(), "one BSN".into()],
                before: Secret::new("Het nummer van <b>Noor</b> is ".into()),
                found: Secret::new(CANARY.into()),
                after: Secret::new(", geboren in maart".into()),
            }],
            findings: vec![Reported {
                rule: "nl.bsn".into(),
                kind: "bsn".into(),
                percent: 93,
                features: vec!["elfproef +3.0".into()],
                like: "Kige dafo is 111222333".into(),
            }],
        })
    }

    fn can_share(&self) -> bool {
        true
    }

    fn share<'a>(&'a self, _: &'a Held, _: Vec<u8>, _: &'a [usize], purpose: Option<Purpose>) -> Sharing<'a> {
        self.purposes.lock().unwrap().push(purpose);
        Box::pin(async { Err(ShareError::System) })
    }

    fn safely<'a>(&'a self, domain: &'a str) -> Asking<'a> {
        Box::pin(async move { (domain != "weg.example").then(|| safely(domain)) })
    }

    fn without_columns(&self, _: &str, _: &Envelope, raw: Vec<u8>) -> Result<Remade, [String; 2]> {
        let gone = |text: &str| vec![text.to_owned()];
        if !self.columns.load(Ordering::Relaxed) {
            return Err(["Dit bestand is op slot.".into(), "This file is locked.".into()]);
        }
        Ok(Remade {
            raw: String::from_utf8_lossy(&raw).replace(CANARY, "").into_bytes(),
            gone: [gone("klas5.xlsx, kolom C: 27 cellen"), gone("klas5.xlsx, column C: 27 cells")],
        })
    }
}

/// What the page about a domain is answered.
fn safely(domain: &str) -> Safely {
    let does = if domain.starts_with("veilig") { Does::Send } else { Does::Share };
    Safely { sentence: [format!("Uitkomst van {domain}."), format!("Outcome of {domain}.")], does }
}

pub fn school(id: &str) -> School {
    let contact = |name: &str, role: &str, mail: &str| Contact {
        name: name.into(),
        role: role.into(),
        phone: Some("040-555 01 23".into()),
        mail: Some(mail.into()),
        hours: Some("ma-do".into()),
    };
    let domain = format!("de{id}.example");
    School {
        id: id.into(),
        name: format!("basisschool De {}", if id == "linde" { "Linde" } else { "Berk" }),
        domains: vec![domain.clone()],
        gate_address: Mailbox::parse(&format!("mailpoort@{domain}")).unwrap(),
        privacy: contact("Ilse Bakker", "privacycoördinator", PRIVACY),
        deputy: Some(contact("Bram de Wit", "intern begeleider", "ib@delinde.example")),
        director: Some(contact("Joke Visser", "directeur", DIRECTOR)),
        helpdesk: contact("de helpdesk", "", HELPDESK),
        fg: Some(contact("Nadia Smit", "FG", "fg@bestuur.example")),
        channels: BTreeMap::new(),
    }
}

/// A mail to be held.
pub struct Mail<'m> {
    pub id: &'m str,
    pub school: &'m str,
    pub sender: &'m str,
    pub readers: Vec<&'m str>,
    pub recipients: Vec<(&'m str, State)>,
    pub offers: Vec<&'m str>,
    pub subject: Option<&'m str>,
    pub found: &'m str,
    pub discreet: Vec<usize>,
    pub asks_purpose: Vec<usize>,
}

impl Default for Mail<'_> {
    fn default() -> Self {
        Self {
            id: "4CRK7QM2XW",
            school: "linde",
            sender: JUF,
            readers: vec![JUF],
            recipients: vec![(MOTHER, State::Held), (FATHER, State::Held), ("m.smit@delinde.example", State::Sent)],
            offers: ALL_OFFERS.to_vec(),
            subject: Some("Lijst groep 5"),
            found: "Bijlage klas5.xlsx, blad Leerlingen: kolom C: 27 burgerservicenummers (BSN), het eerste staat in rij \
                    2 en eindigt op 82.",
            discreet: Vec::new(),
            asks_purpose: Vec::new(),
        }
    }
}

impl House {
    pub async fn open() -> Self {
        Self::with(None).await
    }

    pub async fn with(certificate: Option<(&Path, &Path)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Arc::new(SealKey::load_or_make(&folder.path().join("key")).unwrap());
        let store = Store::open(folder.path(), Arc::clone(&keys)).unwrap();
        let vault = Vault::open(folder.path(), keys).unwrap();
        let clock = Arc::new(AtomicI64::new(START));
        let gate = Arc::new(Told {
            stops: AtomicBool::new(false),
            columns: AtomicBool::new(true),
            weekly: AtomicBool::new(true),
            looked_at: Mutex::default(),
            language: Mutex::new(Language::Nl),
            purposes: Mutex::default(),
            texts: Arc::new(Texts::shipped().unwrap()),
        });
        let now = Arc::clone(&clock);
        let desk = Desk::new(Means {
            store: store.clone(),
            vault: vault.clone(),
            gate: Arc::clone(&gate) as Arc<dyn Gate>,
            url: Url::parse(ORIGIN).unwrap(),
            clock: Arc::new(move || now.load(Ordering::Relaxed)),
            wake: Arc::new(|| {}),
            shares: None,
            give_up: 48 * 3600 * 1000,
        });
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            url: Url::parse(ORIGIN).unwrap(),
            certificate: certificate.map(|(certificate, key)| Files {
                certificate: certificate.into(),
                key: key.into(),
                fetched: false,
            }),
            proxies: Vec::new(),
            max_connections: 64,
            idle_timeout: Duration::from_secs(20),
        };
        let shown = settings.certificate.as_ref().map(|files| Shown::load(files).unwrap());
        let server = Server::start(&settings, shown.as_ref(), desk.router()).await.unwrap();
        Self { store, vault, desk, clock, gate, server, folder, owed: Mutex::default() }
    }

    /// Holds a mail; gives the path of its link.
    pub async fn hold(&self, mail: Mail<'_>) -> String {
        let secret = LinkSecret::new().unwrap();
        let raw = format!(
            "From: {}\r\nTo: {MOTHER}\r\nCc: {FATHER}\r\nSubject: Lijst\r\n\r\nHet BSN is {CANARY}.\r\n",
            mail.sender
        );
        let item = self.vault.put(Arc::new(raw.into_bytes())).await.unwrap();
        let to = |(place, (address, _)): (usize, &(&str, State))| To {
            address: (*address).into(),
            parameters: String::new(),
            place: Some(place),
        };
        let lines = |text: &str| vec![text.to_owned()];
        let facts = Facts {
            envelope: Envelope {
                sender: Some(mail.sender.into()),
                recipients: mail.recipients.iter().enumerate().map(to).collect(),
                head: "Received: from test\r\n".into(),
                ..Envelope::default()
            },
            readers: mail.readers.iter().map(|reader| (*reader).to_owned()).collect(),
            subject: mail.subject.map(str::to_owned),
            sent: ["dinsdag 24 november, 14.07 uur".into(), "Tuesday 24 November, 14:07".into()],
            found: [lines(mail.found), lines(mail.found)],
            why: [
                lines("Een BSN mag de school alleen delen als dat in de wet staat (UAVG, artikel 46)."),
                lines("The school may share a BSN only where the law says so (UAVG, article 46)."),
            ],
            offers: mail
                .recipients
                .iter()
                .map(|(_, state)| if *state == State::Held { strings(&mail.offers) } else { Vec::new() })
                .collect(),
            discreet: mail.discreet.clone(),
            asks_purpose: mail.asks_purpose.clone(),
        };
        let held = NewHeld {
            id: mail.id.into(),
            incident: self.store.index("incident", &[mail.id.as_bytes()]),
            part: self.store.index("part", &[mail.id.as_bytes()]),
            sender: self.store.sender(mail.sender),
            link: self.store.link(secret.octets()),
            delete_at: self.now() + 14 * DAY,
            item: Some(item.id.clone()),
            size: item.size,
            facts,
            recipients: mail
                .recipients
                .iter()
                .map(|(address, state)| NewRecipient {
                    address: self.store.index("address", &[address.as_bytes()]),
                    class: "unknown".into(),
                    line: "bsn-list".into(),
                    state: *state,
                })
                .collect(),
            joins: None,
        };
        let taken = Taken {
            school: mail.school.into(),
            items: vec![item],
            held: Some(held),
            owed: Vec::new(),
            share: None,
            notes: Vec::new(),
            once: Default::default(),
            journal: None,
        };
        self.store.take(taken, self.now(), 0).await.unwrap();
        format!("/m/{}", secret.written())
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    pub fn later(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.server.listening(), "poort.delinde.example")
    }

    /// A browser that is signed in through a link.
    pub async fn signed_in(&self, link: &str) -> Browser {
        let mut browser = self.browser();
        self.sign_in(&mut browser, link, 0).await;
        browser
    }

    pub async fn sign_in(&self, browser: &mut Browser, link: &str, reader: usize) {
        browser.get(link).await;
        let sent = browser.post(&format!("{link}/code"), &[("reader", &reader.to_string())]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let code = self.code().await;
        browser.get(&format!("{link}/code")).await;
        let answer = browser.post(&format!("{link}/sign-in"), &[("code", &code)]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let to = answer.location();
        browser.get(&to).await;
    }

    /// The newest code that was mailed.
    pub async fn code(&self) -> String {
        let letters = self.letters().await;
        let code = letters.iter().rev().find_map(|letter| letter.text.strip_prefix("Je code is "));
        code.or(letters.iter().rev().find_map(|letter| letter.text.strip_prefix("Your code is "))).unwrap()[..6].into()
    }

    /// Everything that is owed, oldest first.
    pub async fn owed(&self) -> Vec<Claimed> {
        let new = self.store.claim(self.now(), 365 * DAY, DAY, 1000).await.unwrap();
        let mut owed = self.owed.lock().unwrap();
        owed.extend(new);
        owed.clone()
    }

    /// A try of a mail under proven TLS, as the outbox writes it down.
    pub async fn tried(&self, id: &str, delivery: NewDelivery) {
        let mut claimed = self.owed().await.pop().unwrap();
        claimed.held = Some(id.to_owned());
        let settled = Settled { delivery: Some(delivery), ..Settled::default() };
        self.store.settle(&claimed, settled, self.clock.load(Ordering::Relaxed)).await.unwrap();
    }

    /// The mails that the desk has written, oldest first.
    pub async fn letters(&self) -> Vec<Letter> {
        let mut letters = Vec::new();
        for owed in self.owed().await.into_iter().filter(|owed| owed.kind.word() == "message") {
            let raw = self.vault.open_item(&owed.item, owed.sealed.clone()).await.unwrap();
            letters.push(Letter::read(&owed, &raw));
        }
        letters
    }

    /// Every file of the data folder.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
                }
            }
        }
        files
    }

    /// The state of each recipient, in words.
    pub async fn states(&self, id: &str) -> Vec<&'static str> {
        let held = self.store.held(id).await.unwrap().unwrap();
        held.recipients.iter().map(|recipient| recipient.state.word()).collect()
    }

    /// What was done to a mail, in words.
    pub async fn acts(&self, id: &str) -> Vec<String> {
        self.store.acts(id).await.unwrap().into_iter().map(|(_, act)| act.what).collect()
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A mail that the desk has written.
pub struct Letter {
    pub to: Vec<String>,
    pub from: Option<String>,
    pub raw: String,
    /// Its plain text.
    pub text: String,
    pub html: String,
}

impl Letter {
    fn read(owed: &Claimed, raw: &[u8]) -> Self {
        let limits = Limits::default();
        let read = extract::texts(&Message::parse(raw, &limits), &limits, None);
        let part = |spot: Spot| read.texts.iter().find(|text| text.place.spot == spot).unwrap().text.clone();
        Self {
            to: owed.envelope.recipients.iter().map(|to| to.address.clone()).collect(),
            from: owed.envelope.sender.clone(),
            raw: String::from_utf8_lossy(raw).into_owned(),
            text: part(Spot::Text),
            html: part(Spot::Html),
        }
    }

    /// The path of the link in it.
    pub fn link(&self) -> String {
        let (_, rest) = self.text.split_once(ORIGIN).unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }
}
