//! The pure line, stage by stage: parse, extract, detect, and the whole scan, on four clean mails; detection on texts that
//! somebody made to be slow; and what it costs to have a document read in another process.
//!
//! The mails are made here, the same in every run: school news of invented words, a roster of invented names. Clean
//! mail is what nearly all mail is, so its cost is the cost of the gate.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use mailpoort::decide::{Classes, KnownDomains, KnowsAll, KnowsNoHosts, Mode, Policy};
use mailpoort::detect::{NameIndex, Rules, findings};
use mailpoort::extract::{Document, Documents, Here, Passwords, Place, Spot, Text, Texts, texts};
use mailpoort::gate::house::{Bench, Tenant};
use mailpoort::gate::scan;
use mailpoort::message::{Envelope, Limits, Mail, Mailbox, Message, Recipient};
use mailpoort::reader::{Readers, Settings};
use mailpoort::roster::Roster;
use mailpoort::school::{Contact, School};

fn main() {
    divan::main();
}

/// The mails by name.
const MAILS: [&str; 4] = ["plain_2k", "alternative_20k", "csv_200k", "text_1m"];

#[divan::bench(args = MAILS)]
fn parse(bencher: Bencher<'_, '_>, name: &str) {
    let (raw, limits) = (mail(name), Limits::default());
    bencher.counter(BytesCount::of_slice(&raw)).bench_local(|| Message::parse(&raw, &limits).parts.len());
}

#[divan::bench(args = MAILS)]
fn extract(bencher: Bencher<'_, '_>, name: &str) {
    let (raw, limits) = (mail(name), Limits::default());
    let message = Message::parse(&raw, &limits);
    bencher.counter(BytesCount::of_slice(&raw)).bench_local(|| texts(&message, &limits, None));
}

#[divan::bench(args = MAILS)]
fn detect(bencher: Bencher<'_, '_>, name: &str) {
    let (raw, limits, rules) = (mail(name), Limits::default(), Rules::shipped().unwrap());
    let names = NameIndex::new(&roster());
    let texts = texts(&Message::parse(&raw, &limits), &limits, None);
    bencher.counter(BytesCount::of_slice(&raw)).bench_local(|| findings(&texts, &rules, Some(&names)));
}

/// A megabyte each of what costs detection most: tokens, numbers, names, terms, lines, letters that must be folded. None
/// may take ten times as long as another text of its length.
const HOSTILE: [&str; 16] = [
    "1234567890 ",
    "123456782 ",
    "1 ",
    "1",
    "a ",
    "a@",
    "A",
    "\n",
    "> \n",
    "a;b;c\n",
    "é1 ",
    "3-5-2014 ",
    "Anna Veldhuis, ",
    "Anna Veldhuiss ",
    "Anna heeft dyslexie. ",
    "Op 3 mei schreef Kim <k@x.example>:\n",
];

#[divan::bench(args = HOSTILE)]
fn hostile(bencher: Bencher<'_, '_>, piece: &str) {
    let (rules, names) = (Rules::shipped().unwrap(), NameIndex::new(&roster()));
    let text = Text { text: piece.repeat(1_000_000 / piece.len()), ..Text::default() };
    let texts = Texts { texts: vec![text], ..Texts::default() };
    bencher.counter(BytesCount::new(1_000_000usize)).bench_local(|| findings(&texts, &rules, Some(&names)).len());
}

#[divan::bench(args = MAILS)]
fn whole(bencher: Bencher<'_, '_>, name: &str) {
    let (bench, tenant) = (bench(), tenant());
    let mail = Mail { envelope: envelope(), raw: mail(name), day: Default::default() };
    bencher.counter(BytesCount::of_slice(&mail.raw)).bench_local(|| scan(&mail, &tenant, &bench));
}

/// A letter of a few pages, as a document: read in this process, in one that waited for it, and in one that is started
/// for it. The differences are what the reader processes cost.
#[divan::bench(args = ["here", "spare", "started"])]
fn document(bencher: Bencher<'_, '_>, by: &str) {
    let letter = format!("{{\\rtf1\\ansi {}}}", News(7).letter(20_000).join("\\par\n"));
    let place = Place { spot: Spot::Attachment("brief.rtf".into()), ..Place::default() };
    let (octets, limits) = (letter.as_bytes(), Limits::default());
    let document = Document {
        octets,
        essence: "application/rtf",
        name: "brief.rtf",
        place: &place,
        depth: 1,
        passwords: Passwords::none(),
    };
    let spares = if by == "spare" { 2 } else { 0 };
    let readers =
        Readers::new(Settings { program: env!("CARGO_BIN_EXE_mailpoort").into(), spares, ..Settings::default() });
    let by: &dyn Documents = if by == "here" { &Here } else { &readers };
    let read = || by.read(&[document], &limits);
    assert!(read().iter().all(|answer| answer.texts.unread.is_empty() && !answer.texts.texts.is_empty()));
    bencher.counter(BytesCount::of_slice(octets)).bench_local(read);
}

fn mail(name: &str) -> Vec<u8> {
    let mut news = News(7);
    match name {
        "plain_2k" => single("text/plain", "8bit", &news.letter(1_800).join("\r\n\r\n")),
        "alternative_20k" => alternative(&news.letter(8_900)),
        "csv_200k" => with_list(&news.letter(1_800), &news.list(3_300)),
        _ => single("text/plain", "8bit", &news.letter(1_000_000).join("\r\n\r\n")),
    }
}

const HEADER: &str = "Date: Mon, 5 Jan 2026 08:00:00 +0100\r\nFrom: Leraar <leraar@school.example>\r\n\
    To: Ouder <ouder@thuis.example>\r\nSubject: Nieuws van de week\r\nMessage-ID: <1@school.example>\r\nMIME-Version: 1.0\r\n";

fn single(kind: &str, encoding: &str, body: &str) -> Vec<u8> {
    let fields = format!("Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}");
    format!("{HEADER}{fields}\r\n\r\n{body}\r\n").into_bytes()
}

/// The same letter as text and as a page, both quoted-printable.
fn alternative(letter: &[String]) -> Vec<u8> {
    let page: String = letter.iter().map(|text| format!("<p style=\"margin:0\">{text}</p>\r\n")).collect();
    let page = format!("<html><head><title></title></head><body>\r\n{page}</body></html>");
    let parts = [("plain", letter.join("\r\n\r\n")), ("html", page)].map(|(kind, text)| {
        format!(
            "--alt\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
            quoted_printable(&text)
        )
    });
    format!("{HEADER}Content-Type: multipart/alternative; boundary=\"alt\"\r\n\r\n{}--alt--\r\n", parts.concat()).into()
}

fn with_list(letter: &[String], list: &str) -> Vec<u8> {
    let letter = letter.join("\r\n\r\n");
    format!(
        "{HEADER}Content-Type: multipart/mixed; boundary=\"mix\"\r\n\r\n--mix\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{letter}\r\n--mix\r\nContent-Type: text/csv; charset=utf-8\r\n\
         Content-Disposition: attachment; filename=\"boeken.csv\"\r\n\r\n{list}\r\n--mix--\r\n"
    )
    .into_bytes()
}

fn quoted_printable(text: &str) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for byte in text.bytes() {
        if byte == b'\r' || byte == b'\n' {
            (column, _) = (0, out.push(char::from(byte)));
            continue;
        }
        if column > 72 {
            out.push_str("=\r\n");
            column = 0;
        }
        match byte {
            b' '..=b'~' if byte != b'=' => out.push(char::from(byte)),
            _ => write!(out, "={byte:02X}").unwrap(),
        }
        column += 1;
    }
    out
}

/// Writes school news; the number is where its chance stands.
struct News(u64);

impl News {
    fn chance(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.chance(words.len())]
    }

    /// Paragraphs of a few sentences each, of so many characters together.
    fn letter(&mut self, size: usize) -> Vec<String> {
        let mut letter = vec!["Beste ouders,".to_owned()];
        let mut length = 0;
        while length < size {
            let sentences: Vec<String> = (0..2 + self.chance(3)).map(|_| self.sentence()).collect();
            let paragraph = sentences.join(" ");
            length += paragraph.len() + 2;
            letter.push(paragraph);
        }
        letter
    }

    fn sentence(&mut self) -> String {
        let (day, hour) = (self.pick(&["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag"]), 9 + self.chance(8));
        let (group, first, number) = (1 + self.chance(8), self.pick(&FIRST), 100_000 + self.chance(800_000));
        match self.chance(9) {
            0 => format!("Op {day} om {hour}.15 uur begint het concert van het koor in de aula."),
            1 => format!("Groep {group} gaat {day} naar het museum; neem een regenjas en een lunch mee."),
            2 => format!("{first} las voor uit het boek over de zeevaarders en kreeg een groot applaus."),
            3 => format!("Betaal het excursiegeld van € {hour},50 onder vermelding van nummer {number}{group}02."),
            4 => format!("De coördinator belt u terug als u vóór {day} een bericht achterlaat."),
            5 => format!("Wilt u het formulier getekend meegeven vóór {day} {hour} maart?"),
            6 => "Wij zoeken nog hulp bij het versieren van de hal en het opruimen van de schuur.".to_owned(),
            7 => format!("De toets van hoofdstuk {group} telt mee voor het rapport, schrijft {first}."),
            _ => format!("Meer over de open dag staat op https://www.school.example/n/{number}."),
        }
    }

    /// A list of books, as many rows.
    fn list(&mut self, rows: usize) -> String {
        let mut list = "titel;vak;groep;aantal;prijs;leverdatum\r\n".to_owned();
        for row in 0..rows {
            let (subject, group, copies) =
                (self.pick(&["taal", "rekenen", "muziek"]), 1 + self.chance(8), self.chance(40));
            write!(
                list,
                "Werkboek {row} voor de middenbouw;{subject};{group};{copies};12,95;2026-03-{:02}\r\n",
                1 + group
            )
            .unwrap();
        }
        list
    }
}

const FIRST: [&str; 40] = [
    "Anna", "Bram", "Cato", "Daan", "Elif", "Finn", "Gijs", "Hanna", "Isa", "Jesse", "Kato", "Lieke", "Mats", "Noor",
    "Olaf", "Pien", "Quinten", "Roos", "Saar", "Tess", "Umut", "Vera", "Wout", "Xavi", "Yara", "Zoë", "Amir", "Bente",
    "Casper", "Dina", "Evi", "Floris", "Guusje", "Hidde", "Ilse", "Joep", "Kyra", "Lars", "Mila", "Nora",
];
const SURNAMES: [&str; 10] =
    ["Veldhuis", "Boskamp", "Duinwijk", "Heerema", "Klaver", "Meerdink", "Oosting", "Polder", "Riethof", "Zandvoort"];
const ENDS: [&str; 5] = ["", "sma", "ers", "inga", "stra"];

/// 2,000 pupils.
fn roster() -> Roster {
    let surnames = || SURNAMES.iter().flat_map(|name| ENDS.map(|end| format!("{name}{end}")));
    let names: Vec<String> =
        FIRST.iter().flat_map(|first| surnames().map(move |surname| format!("{first} {surname}"))).collect();
    Roster::from_names(&names)
}

fn envelope() -> Envelope {
    let mailbox = |address: &str| Mailbox::parse(address).unwrap();
    let recipient = Recipient { mailbox: mailbox("ouder@thuis.example"), parameters: String::new() };
    Envelope { sender: Some(mailbox("leraar@school.example")), recipients: vec![recipient], ..Envelope::default() }
}

fn bench() -> Bench {
    let classes = Classes::new(&["school.example".to_owned()], BTreeMap::new());
    Bench {
        limits: Limits::default(),
        rules: Rules::shipped().unwrap(),
        policy: Policy::shipped().unwrap(),
        domains: KnownDomains::new(classes.domains()).and_providers(),
        means: mailpoort::decide::Means::default(),
        share_tag: None,
        share_answers: false,
        share_codes: Arc::default(),
        acquaintance: Arc::new(KnowsAll),
        hosts: Arc::new(KnowsNoHosts),
        told: None,
        classes,
        mode: Mode::Enforce,
        readers: None,
        recognisers: None,
    }
}

fn tenant() -> Tenant {
    let contact = Contact { name: "Anna".to_owned(), role: "privacy".to_owned(), phone: None, mail: None, hours: None };
    let school = School {
        id: "bench".into(),
        name: "School".to_owned(),
        domains: vec!["school.example".to_owned()],
        gate_address: Mailbox::parse("mailpoort@school.example").unwrap(),
        privacy: contact.clone(),
        director: None,
        deputy: None,
        helpdesk: contact,
        fg: None,
        channels: BTreeMap::new(),
    };
    Tenant::new(school, Some(&roster()), None)
}
