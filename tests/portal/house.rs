//! A portal and a desk with their store, shares in it, and browsers that visit them.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use mailpoort::level::Level;
use mailpoort::message::Mailbox;
use mailpoort::outbox::{Outbox, Retry};
use mailpoort::school::{Calendar, Contact, Language, School};
use mailpoort::secret::Secret;
use mailpoort::share::sms::Provider;
use mailpoort::share::{
    CodeMail, CodeWanted, Drafted, ItemKind, KeysMode, Letter, Letters, Lifetimes, Link, Made, NewItem, NewRecipient,
    NewShare, Overview, PasskeyMade, Received, ReplyFile, Settings, Shares,
};
use mailpoort::store::held::Taken;
use mailpoort::store::owed::{Claimed, Envelope};
use mailpoort::vault::share::{Cost, Place};
use mailpoort::web::desk::{self, Desk, Look, Remade};
use mailpoort::web::portal::{self, Around, Looked, Portal};
use mailpoort::web::{Server, Settings as Web, Url};
use tempfile::TempDir;

pub use super::surf::{Answer, Browser};

pub const JUF: &str = "s.devries@delinde.example";
pub const MOTHER: &str = "p.jansen@voorbeeld.example";
pub const FATHER: &str = "k.jansen@voorbeeld.example";
pub const SUBJECT: &str = "Het gesprek over Noor";
pub const HOST: &str = "veilig.delinde.example";
pub const ORIGIN: &str = "https://veilig.delinde.example";
pub const DESK: &str = "https://poort.delinde.example";
pub const DAY: i64 = 24 * 3600 * 1000;
/// Tuesday 24 November 2026, 14.07 in Amsterdam.
pub const START: i64 = 1_795_525_620_000;

pub const HTML: &str = "<html><head><style>p{color:red}</style></head><body><p>Beste mevrouw Jansen,</p><p>Zoals besproken \
    stuur ik u het verslag van het gesprek over <b>Noor</b>. Zij krijgt vanaf maandag extra begeleiding bij het lezen. De \
    afspraken staan in de bijlage.</p><table><tr><td>maandag</td><td>lezen in een klein groepje</td></tr><tr><td>donderdag\
    </td><td>oefenen met juf Els</td></tr></table><p>Heeft u vragen? Antwoord gerust op dit bericht.</p><p>Met vriendelijke \
    groet,<br>Sanne de Vries<br>leerkracht groep 5</p></body></html>";
pub const TEXT: &str = "Beste mevrouw Jansen,\n\nZoals besproken stuur ik u het verslag van het gesprek over Noor. Zij krijgt \
    vanaf maandag extra begeleiding bij het lezen. De afspraken staan in de bijlage.\n\nMet vriendelijke groet,\nSanne de \
    Vries\nleerkracht groep 5\n";

/// A running portal, with the desk beside it.
pub struct House {
    pub shares: Shares,
    pub outbox: Outbox,
    pub clock: Arc<AtomicI64>,
    pub server: Server,
    pub desk: Desk,
    _folder: TempDir,
    made: AtomicU8,
    owed: Mutex<Vec<Claimed>>,
}

/// The gate, as portal, desk and shares see it.
struct Gate;

impl Around for Gate {
    fn schools(&self) -> Vec<School> {
        vec![school()]
    }

    fn language(&self) -> Language {
        Language::Nl
    }

    fn time_zone(&self) -> TimeZone {
        TimeZone::get("Europe/Amsterdam").unwrap()
    }

    fn texts(&self) -> Arc<portal::Texts> {
        let arabic = "language = \"العربية\"\ndirection = \"rtl\"\ndays = \"ا ب ت ث ج ح خ\"\nmonths = \"ا ب ت ث ج ح خ د ذ ر ز س\"\n\
                      welcome_title = \"هناك رسالة لك\"";
        Arc::new(portal::Texts::load(&[("portal.ar.toml".into(), arabic.to_owned())]).unwrap())
    }

    fn look_into(&self, files: &[ReplyFile]) -> Looked {
        // As told by the file itself.
        let told = |file: &ReplyFile| match file.content.as_slice() {
            b"op slot" => Looked::Locked,
            b"kapot" => Looked::Broken,
            _ => Looked::Fine,
        };
        files.iter().map(told).max().unwrap_or(Looked::Fine)
    }

    fn sender_texts(&self) -> Arc<desk::Texts> {
        Arc::new(desk::Texts::shipped().unwrap())
    }
}

impl desk::Gate for Gate {
    fn school(&self, id: &str) -> Option<School> {
        (id == "linde").then(school)
    }

    fn language(&self) -> Language {
        Language::Nl
    }

    fn time_zone(&self) -> TimeZone {
        TimeZone::get("Europe/Amsterdam").unwrap()
    }

    fn calendar(&self) -> Calendar {
        Calendar::new(TimeZone::get("Europe/Amsterdam").unwrap(), Vec::new())
    }

    fn texts(&self) -> Arc<desk::Texts> {
        Arc::new(desk::Texts::shipped().unwrap())
    }

    fn look(&self, _: &str, _: &Envelope, _: Vec<u8>) -> Option<Look> {
        None
    }

    fn without_columns(&self, _: &str, _: &Envelope, _: Vec<u8>) -> Result<Remade, [String; 2]> {
        Err([String::new(), String::new()])
    }
}

impl Letters for Gate {
    fn school(&self, id: &str) -> Option<School> {
        desk::Gate::school(self, id)
    }

    fn invitation(&self, link: &Link, _: &Overview) -> Option<Letter> {
        let raw = format!("link {}\n", path(link)).into_bytes();
        Some(Letter { raw, sender: None, readers: vec![link.mailbox.clone()] })
    }

    fn code_wanted(&self, wanted: &CodeWanted) -> Option<Letter> {
        let raw = format!("no code: {}\n", wanted.from.expose()).into_bytes();
        Some(Letter { raw, sender: None, readers: vec![Mailbox::parse(wanted.to.expose()).unwrap()] })
    }

    fn passkey_made(&self, made: &PasskeyMade) -> Option<Letter> {
        let raw = format!("passkey {}\n", made.address.expose()).into_bytes();
        Some(Letter { raw, sender: None, readers: vec![Mailbox::parse(made.address.expose()).unwrap()] })
    }

    fn code_mail(&self, mail: &CodeMail) -> Option<Letter> {
        let raw = format!("Subject: {}\n\n{}\n", mail.subject, mail.text.expose()).into_bytes();
        Some(Letter { raw, sender: None, readers: vec![Mailbox::parse(mail.to.expose()).unwrap()] })
    }

    fn reply(&self, received: &Received) -> Option<Letter> {
        let files: Vec<&str> = received.reply.files.iter().map(|file| file.name.expose().as_str()).collect();
        let raw = format!("from {}\n{}\n{}\n", received.from.expose(), received.reply.text.expose(), files.join("|"));
        let readers = vec![Mailbox::parse(received.to.expose()).unwrap()];
        Some(Letter { raw: raw.into_bytes(), sender: None, readers })
    }
}

pub fn school() -> School {
    let contact = |name: &str, role: &str, mail: &str| Contact {
        name: name.into(),
        role: role.into(),
        phone: Some("040-555 01 10".into()),
        mail: Some(mail.into()),
        hours: None,
    };
    School {
        id: "linde".into(),
        name: "basisschool De Linde".into(),
        domains: vec!["delinde.example".into()],
        gate_address: Mailbox::parse("mailpoort@delinde.example").unwrap(),
        privacy: contact("Ilse Bakker", "privacycoördinator", "privacy@delinde.example"),
        deputy: None,
        director: None,
        helpdesk: contact("de administratie", "", "info@delinde.example"),
        fg: Some(contact("Nadia Smit", "", "fg@bestuur.example")),
        channels: std::collections::BTreeMap::new(),
    }
}

/// A share to be made.
pub struct Mail {
    pub subject: String,
    pub html: Option<String>,
    pub text: Option<String>,
    /// Name, media type, content.
    pub files: Vec<(String, &'static str, Vec<u8>)>,
    pub recipients: Vec<&'static str>,
    /// Numbers of some of them.
    pub phones: Vec<(&'static str, &'static str)>,
    pub level: Level,
}

impl Default for Mail {
    fn default() -> Self {
        let file = |name: &str, kind: &'static str, content: &[u8]| (name.to_owned(), kind, content.to_vec());
        Self {
            subject: SUBJECT.into(),
            html: Some(HTML.into()),
            text: Some(TEXT.into()),
            files: vec![
                file("verslag gesprek 24 november.pdf", "application/pdf", &b"%PDF-1.7 verslag ".repeat(9000)),
                file("werk van Noor.png", "image/png", &picture()),
                file("afspraken.txt", "text/plain", b"Maandag: lezen. <b>Donderdag</b>: oefenen.\n"),
            ],
            recipients: vec![MOTHER, FATHER],
            phones: Vec::new(),
            level: Level::default(),
        }
    }
}

impl House {
    pub async fn open() -> Self {
        Self::built(None, |_| {}).await
    }

    /// One that sends codes by text message.
    pub async fn open_with(provider: Option<Arc<Provider>>) -> Self {
        Self::built(provider, |_| {}).await
    }

    /// One that sends codes by text message, with other settings.
    pub async fn open_with_settings(provider: Option<Arc<Provider>>, change: impl FnOnce(&mut Settings)) -> Self {
        Self::built(provider, change).await
    }

    /// One with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::built(None, change).await
    }

    async fn built(provider: Option<Arc<Provider>>, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(START));
        let outbox = Outbox::open(folder.path(), Retry::default()).unwrap();
        let mut settings = Settings {
            url: ORIGIN.into(),
            brands: BTreeMap::new(),
            desk: DESK.into(),
            lifetimes: Lifetimes::default(),
            calendar: Calendar::new(TimeZone::UTC, Vec::new()),
            keys: KeysMode::Strict,
            escrow: None,
            passkeys: true,
            remember: vec!["linde".into()],
            code_channels: vec!["via Parro".into(), "op school".into()],
            place: Place::Disk,
            country: "NL".into(),
            outside_eu: None,
        };
        change(&mut settings);
        let now = {
            let clock = Arc::clone(&clock);
            Arc::new(move || clock.load(Ordering::Relaxed)) as Arc<dyn Fn() -> i64 + Send + Sync>
        };
        let shares = Shares::with(folder.path(), outbox.clone(), settings, Arc::clone(&now), Cost::default()).unwrap();
        let shares = shares.with_letters(Arc::new(Gate));
        let shares = if let Some(provider) = provider { shares.with_sms(provider) } else { shares };
        let urls = vec![Url::parse(ORIGIN).unwrap(), Url::parse(DESK).unwrap()];
        let portal = Portal::new(portal::Means {
            shares: shares.clone(),
            store: outbox.store().clone(),
            around: Arc::new(Gate),
            urls,
        });
        let desk = Desk::new(desk::Means {
            store: outbox.store().clone(),
            vault: outbox.vault().clone(),
            gate: Arc::new(Gate),
            url: Url::parse(DESK).unwrap(),
            clock: now,
            wake: Arc::new(|| {}),
            give_up: 48 * 3600 * 1000,
            shares: Some(shares.clone()),
        });
        let web = Web {
            listen: "127.0.0.1:0".parse().unwrap(),
            url: Url::parse(DESK).unwrap(),
            certificate: None,
            proxies: Vec::new(),
            max_connections: 512,
            idle_timeout: Duration::from_secs(20),
        };
        let server = Server::start(&web, None, desk.router().merge(portal.router())).await.unwrap();
        Self { shares, outbox, clock, server, desk, _folder: folder, made: AtomicU8::new(0), owed: Mutex::default() }
    }

    pub async fn share(&self, mail: Mail) -> Made {
        let mut items = Vec::new();
        let item = |kind, name: &str, media_type: &str, content: Vec<u8>| NewItem {
            kind,
            name: Secret::new(name.to_owned()),
            media_type: media_type.into(),
            content_id: None,
            content: Box::new(Cursor::new(content)),
        };
        items.extend(mail.html.map(|html| item(ItemKind::Html, "", "text/html", html.into_bytes())));
        items.extend(mail.text.map(|text| item(ItemKind::Text, "", "text/plain", text.into_bytes())));
        items
            .extend(mail.files.into_iter().map(|(name, kind, octets)| item(ItemKind::Attachment, &name, kind, octets)));
        items.push(item(ItemKind::Original, "", "message/rfc822", b"From: x\r\n\r\nde hele mail\r\n".to_vec()));
        let recipient = |address: &&str| NewRecipient {
            mailbox: Mailbox::parse(address).unwrap(),
            family: Secret::new("jansen".into()),
            phones: mail
                .phones
                .iter()
                .filter(|(to, _)| to == address)
                .map(|(_, phone)| Secret::new((*phone).to_owned()))
                .collect(),
            line: "12_health".into(),
            level: mail.level,
        };
        let new = NewShare {
            school: "linde".into(),
            mail: "4CRK7QM2XW".into(),
            incident: [self.made.fetch_add(1, Ordering::Relaxed); 16],
            sender: Mailbox::parse(JUF).unwrap(),
            sender_name: Some(Secret::new("Sanne de Vries".into())),
            subject: Secret::new(mail.subject),
            message_id: None,
            items,
            recipients: mail.recipients.iter().map(recipient).collect(),
            is_password: false,
            purpose: None,
            open_subject: false,
        };
        self.keep(new).await
    }

    /// Makes a share and keeps it.
    pub async fn keep(&self, new: NewShare) -> Made {
        let Drafted::Draft(mut draft) = self.shares.draft(new).await.unwrap() else { panic!("it is there") };
        let made = draft.made().clone();
        let share = draft.rows(Vec::new());
        let taken = Taken {
            school: "linde".into(),
            items: Vec::new(),
            held: None,
            owed: Vec::new(),
            share,
            notes: Vec::new(),
            once: Default::default(),
            journal: None,
        };
        self.outbox.take(taken).await.unwrap();
        draft.kept();
        made
    }

    /// Whether a value is readable on the disk.
    pub fn holds(&self, value: &str) -> bool {
        let mut folders = vec![self._folder.path().to_owned()];
        let mut found = false;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let octets = std::fs::read(entry).unwrap();
                    found |= octets.windows(value.len()).any(|window| window == value.as_bytes());
                }
            }
        }
        found
    }

    pub fn later(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.server.listening(), HOST)
    }

    /// A browser in which a share is open; its path.
    pub async fn open_share(&self, link: &Link) -> (Browser, String) {
        let mut browser = self.browser();
        let at = self.enter(&mut browser, link).await;
        (browser, at)
    }

    pub async fn enter(&self, browser: &mut Browser, link: &Link) -> String {
        browser.get(&path(link)).await;
        let answer = browser.post(&path(link), &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser.get(&answer.location()).await;
        let code = link.code.as_ref().unwrap().grouped().to_owned();
        let answer = browser.post(&format!("{}/code", path(link)), &[("code", &code)]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let at = answer.location();
        browser.get(&at).await;
        at
    }

    /// A browser in which the sender is signed in at the desk, through his own link.
    pub async fn sender(&self, made: &Made) -> Browser {
        let mut browser = self.browser();
        let own = format!("/kopie/{}/{}", made.sender.rid, made.sender.secret.written());
        browser.get(&own).await;
        let sent = browser.post(&format!("{own}/code"), &[("reader", "0")]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let letter = self.letters().await.pop().unwrap();
        let code = letter.split_once("Je code is ").unwrap().1[..6].to_owned();
        browser.get(&format!("{own}/code")).await;
        let answer = browser.post(&format!("{own}/sign-in"), &[("code", &code)]).await;
        assert_eq!(answer.location(), own, "{}", answer.body);
        browser.get(&own).await;
        browser
    }

    /// The mails that are owed, oldest first.
    pub async fn letters(&self) -> Vec<String> {
        let now = mailpoort::store::now().max(self.clock.load(Ordering::Relaxed));
        let new = self.outbox.store().claim(now, 365 * DAY, DAY, 1000).await.unwrap();
        let owed = {
            let mut owed = self.owed.lock().unwrap();
            owed.extend(new);
            owed.clone()
        };
        let mut letters = Vec::new();
        for one in owed {
            let raw = self.outbox.vault().open_item(&one.item, one.sealed.clone()).await.unwrap();
            letters.push(String::from_utf8_lossy(&raw).into_owned());
        }
        letters
    }
}

/// The path of a link.
pub fn path(link: &Link) -> String {
    format!("/b/{}/{}", link.rid, link.secret.written())
}

/// A picture of a few dots (PNG).
pub fn picture() -> Vec<u8> {
    let hex = "89504e470d0a1a0a0000000d49484452000000080000000808020000004b6d29dc000000304944415478da633871e2848686\
               0690aca8a83801031212120c40006405040400c9050b1600c90f1f3e00498641a903007adc738180c278980000000049454e\
               44ae426082";
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
