//! The mails about a share: with the link for a recipient, the receipt for its sender, a call for a code, an answer.
//!
//! The mail with the link is the teacher's own: From and MAIL FROM are his, one link that stands there in full, no
//! attachment, no picture, nothing that hurries; Dutch first, English below. Its subject is the teacher's own where nothing
//! was found in that, else a neutral one, and holds the reference either way; it names nothing else of the content. Text and HTML say the same. Fails (as none) on an address that cannot stand in a header.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox as Named, MultiPart, MultiPartKind, SinglePart};

use super::files::Rest;
use super::{ANSWER_ID, Sending, Why};
use crate::act::notice::{Texts, address};
use crate::act::shown::line;
use crate::act::template::{Form, Value};
use crate::act::texts::Set;
use crate::act::wording;
use crate::level::Level;
use crate::message::{Mailbox, header};
use crate::school::{Language, School};
use crate::share::{
    CodeMail, CodeWanted, Factor, Letter, Link, Made, NumberFrom, Overview, PasskeyMade, Received, ReplyFile, Settings,
};
use crate::vault;

/// The longest subject of a teacher that is repeated, letters.
const LONGEST_SUBJECT: usize = 150;
/// The longest list of Message-IDs that is repeated, octets.
const LONGEST_REFERENCES: usize = 4000;

/// The mail with a link, when a share is made; when only its attachments are shared, the rest of it with the link below.
pub(super) fn of_sending(
    sending: &Sending<'_>,
    settings: &Settings,
    (made, link): (&Made, &Link),
    rest: Option<&Rest>,
) -> Option<Letter> {
    let headers = sending.message.headers();
    let name = headers.from_name.as_ref().map(|name| line(name.expose(), 100)).filter(|name| !name.is_empty());
    let raw = sending.message.raw();
    let references = ["References", "In-Reply-To"].map(|field| header::value_of(raw, field).unwrap_or_default());
    let mut ids: Vec<String> = message_ids(references[0]);
    ids.extend(message_ids(references[1]).into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
    let answers = message_ids(references[1]).pop();
    ids.extend(headers.message_id.as_deref().and_then(|id| message_ids(format!("<{id}>").as_bytes()).pop()));
    let about = About {
        school: sending.school,
        sender: headers.from.first().unwrap_or(sending.sender),
        mail_from: sending.sender,
        name,
        reference: &made.reference,
        until: (made.open_by, made.ends_at),
        zone: sending.arrived.time_zone(),
        at: sending.arrived.timestamp(),
        subject: headers.subject.as_ref().filter(|_| sending.open_subject).map(|subject| subject.expose().as_str()),
    };
    match rest {
        Some(rest) => about.rest(sending.texts, settings, link, rest),
        None => about.invitation(sending.texts, settings, link, answers, &ids),
    }
}

/// The mail with a link, for a share that is there.
pub fn invitation(
    (texts, school, zone): (&Texts, &School, &TimeZone),
    settings: &Settings,
    link: &Link,
    share: &Overview,
    at: Timestamp,
) -> Option<Letter> {
    let sender = Mailbox::parse(share.sender.expose()).ok()?;
    let name = share.sender_name.as_ref().map(|name| line(name.expose(), 100)).filter(|name| !name.is_empty());
    let ids: Vec<String> =
        share.message_id.iter().flat_map(|id| message_ids(format!("<{}>", id.expose()).as_bytes())).collect();
    let until = (share.open_by, share.ends_at);
    let about = About {
        school,
        sender: &sender,
        mail_from: &sender,
        name,
        reference: &share.reference,
        until,
        zone,
        at,
        subject: share.open_subject.then_some(share.subject.expose().as_str()),
    };
    about.invitation(texts, settings, link, None, &ids)
}

/// What the mail with a link tells.
struct About<'a> {
    school: &'a School,
    sender: &'a Mailbox,
    mail_from: &'a Mailbox,
    name: Option<String>,
    reference: &'a str,
    until: (i64, i64),
    zone: &'a TimeZone,
    at: Timestamp,
    /// The teacher's own subject, when it may be told.
    subject: Option<&'a str>,
}

impl About<'_> {
    fn invitation(
        &self,
        texts: &Texts,
        settings: &Settings,
        link: &Link,
        answers: Option<String>,
        ids: &[String],
    ) -> Option<Letter> {
        let written = Language::ALL.map(|language| self.filled(&texts.set(language).share, settings, link, language));
        let [(subject, dutch), (_, english)] = &written;
        let own = self.subject.and_then(|subject| titled(subject, self.reference));
        let subject = own.as_ref().unwrap_or(subject);
        let body = format!("{dutch}\n\n---\n\n{english}");
        let from = Named::new(self.name.clone(), address(self.sender).ok()?);
        let mut builder = builder(from, &link.mailbox, subject, self.at, self.sender.domain())?
            .reply_to(Named::new(None, address(self.sender).ok()?));
        if let Some(answers) = answers {
            builder = builder.in_reply_to(answers);
        }
        if !ids.is_empty() {
            builder = builder.references(ids.join(" "));
        }
        let raw = builder.multipart(both(&body, Language::Nl, subject)?).ok()?.formatted();
        Some(Letter { raw, sender: Some(self.mail_from.clone()), readers: vec![link.mailbox.clone()] })
    }

    /// The mail itself without its attachments, with the words about them below its own.
    fn rest(&self, texts: &Texts, settings: &Settings, link: &Link, rest: &Rest) -> Option<Letter> {
        let written = Language::ALL.map(|language| self.filled(&texts.set(language).files, settings, link, language));
        let [(heading, dutch), (_, english)] = &written;
        let raw = rest.with(heading, &format!("{dutch}\n\n---\n\n{english}"))?;
        Some(Letter { raw, sender: Some(self.mail_from.clone()), readers: vec![link.mailbox.clone()] })
    }

    /// The words about a link, in a language.
    fn filled(
        &self,
        letter: &crate::act::texts::Letter,
        settings: &Settings,
        link: &Link,
        language: Language,
    ) -> (String, String) {
        let url = format!("{}/b/{}/{}", settings.url_of(&self.school.id), link.rid, link.secret.written());
        let day = |millis: i64| day(millis, self.zone, language);
        let who = self.name.clone().unwrap_or_else(|| self.sender.typed().to_owned());
        let values = [
            ("sender", who.clone()),
            ("school", self.school.name.clone()),
            ("reference", self.reference.to_owned()),
            ("link", url.clone()),
            ("open_by", day(self.until.0)),
            ("ends_at", day(self.until.1)),
            ("code", code_words(link, &who, settings, language)),
            ("channels", channels(settings, language)),
            ("helpdesk", wording::contact(&self.school.helpdesk)),
        ];
        filled(letter, &values)
    }
}

/// The teacher's own subject with the reference of the share, and without that of an earlier one in the thread. None when
/// nothing is left of it.
fn titled(subject: &str, reference: &str) -> Option<String> {
    let mut subject = line(subject, LONGEST_SUBJECT);
    while let Some(before) = subject.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")).filter(|(_, word)| {
        let letters = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() && !"ILOU".contains(c);
        word.len() == 4 && word.chars().all(letters) && word.chars().any(|c| c.is_ascii_uppercase())
    }) {
        subject = before.0.trim_end().to_owned();
    }
    (!subject.is_empty()).then(|| format!("{subject} ({reference})"))
}

/// The sender's receipt: who got what, the codes to pass on, and his own link.
pub(super) fn receipt(sending: &Sending<'_>, settings: &Settings, made: &Made, files_alone: bool) -> Option<Letter> {
    let (language, school, arrived) = (sending.language, sending.school, sending.arrived.datetime());
    let points: Vec<String> = families(sending, made, language);
    // Whose family all have passkeys, needs no code to be told.
    let told = made.links.iter().filter(|link| link.code.is_some() && !link.passkey);
    let number = told.map(|link| link.family).collect::<std::collections::BTreeSet<_>>().len();
    let codes = match (number, language) {
        (1, Language::Nl) => "nog één code".to_owned(),
        (1, Language::En) => "one more code".to_owned(),
        (more, Language::Nl) => format!("nog {more} codes"),
        (more, Language::En) => format!("{more} more codes"),
    };
    let why = match &sending.why {
        Why::Found(kinds) if !kinds.is_empty() => {
            let kinds: Vec<String> = kinds.iter().map(|(kind, count)| wording::kind(*kind, *count, language)).collect();
            let kinds = wording::list(&kinds, language);
            language.of(format!("Er staat in: {kinds}."), format!("It holds: {kinds}."))
        }
        Why::Found(_) => String::new(),
        Why::NoProvenTls => language
            .of(
                "De mailserver van de ontvanger bewijst niet dat hij mail versleutelt.",
                "The recipient's mail server does not prove that it encrypts mail.",
            )
            .to_owned(),
        Why::Asked => language.of("Je vroeg daar zelf om.", "You asked for that.").to_owned(),
        Why::Answers => {
            language.of("Je antwoordt daarmee op een veilig bericht.", "It answers a secure message.").to_owned()
        }
    };
    let rest = language.of(
        "De tekst is gewone mail gebleven; alleen de bijlagen staan klaar.",
        "The text has gone as ordinary mail; only the attachments wait.",
    );
    let why = if files_alone { format!("{why} {rest}").trim().to_owned() } else { why };
    let own = format!("{}/kopie/{}/{}", settings.desk, made.sender.rid, made.sender.secret.written());
    let values = [
        ("codes", codes),
        ("reference", made.reference.clone()),
        ("time", wording::moment(arrived, language)),
        ("clock", wording::clock(arrived, language)),
        ("why", why),
        ("channels", channels(settings, language)),
        ("open_by", day(made.open_by, sending.arrived.time_zone(), language)),
        ("link", own),
        ("helpdesk", wording::contact(&school.helpdesk)),
        ("number", sending.number.to_owned()),
    ];
    let set = sending.texts.set(language);
    let receipt = if number == 0 { &set.ready } else { &set.receipt };
    let mut all: Vec<(&'static str, Value)> = words(&values);
    all.push(("recipients", Value::Points(points)));
    let (subject, body) = (line(&receipt.subject.fill(&all, Form::Plain), 200), receipt.plain.fill(&all, Form::Plain));
    let answers = sending.message.headers().message_id.as_deref();
    let at = sending.arrived.timestamp();
    ours(school, sending.sender, (&subject, &body), language, at, answers.map(|id| format!("<{id}>")))
}

/// A point for each family: whom the code is for, and the code.
fn families(sending: &Sending<'_>, made: &Made, language: Language) -> Vec<String> {
    let mut points: Vec<Family> = Vec::new();
    let mut others = Vec::new();
    for link in &made.links {
        let discreet = sending.recipients.iter().any(|to| to.discreet && to.mailbox.folded() == link.mailbox.folded());
        let who = if discreet {
            language.of("een ouder of verzorger", "a parent or guardian").to_owned()
        } else {
            line(link.mailbox.typed(), 320)
        };
        let Some(code) = link.code.as_ref().map(|code| code.grouped().to_owned()) else {
            let passkey = match link.passkey {
                true => language.of("passkey op een eigen toestel, of ", "passkey on a device of their own, or "),
                false => "",
            };
            others.push(format!("{who}: {passkey}{}", without_code(&link.factor, discreet, language)));
            continue;
        };
        match points.iter_mut().find(|one| one.number == link.family) {
            Some(family) => {
                family.people.push((who, link.passkey));
                family.level = family.level.max(link.level);
            }
            None => {
                let people = vec![(who, link.passkey)];
                points.push(Family { number: link.family, people, code, level: link.level });
            }
        }
    }
    points.iter().map(|family| point(family, language)).chain(others).collect()
}

/// People with one code; of each whether he has a passkey.
struct Family {
    number: u32,
    people: Vec<(String, bool)>,
    code: String,
    /// The highest of them.
    level: Level,
}

/// Whom a code is for. Who has a passkey needs none, but may.
fn point(Family { people, code, level, .. }: &Family, language: Language) -> String {
    let himself = match level {
        Level::High => language.of(
            ". Zeg deze code zelf: op school of aan de telefoon, niet via een app of bericht",
            ". Say this code yourself: at school or by phone, not by app or message",
        ),
        Level::Low | Level::Normal => "",
    };
    let also = language.of("heeft ook een passkey", "has a passkey too");
    if people.iter().all(|(_, passkey)| *passkey) {
        let names: Vec<String> = people.iter().map(|(who, _)| who.clone()).collect();
        let how = language.of(
            "opent met een passkey op een eigen toestel, je hoeft niets te doen. Lukt dat niet: code",
            "opens with a passkey on a device of their own, nothing for you to do. If that does not work: code",
        );
        return format!("{}: {how} {code}{himself}", wording::list(&names, language));
    }
    let named = |(who, passkey): &(String, bool)| if *passkey { format!("{who} ({also})") } else { who.clone() };
    let names: Vec<String> = people.iter().map(named).collect();
    format!("{}: code {code}{himself}", wording::list(&names, language))
}

/// How somebody opens his link to whom the sender need not tell anything.
fn without_code(factor: &Factor, discreet: bool, language: Language) -> String {
    match factor {
        Factor::Sms { masked, from } => {
            let from = match from {
                NumberFrom::Roster => {
                    language.of("nummer uit de leerlingadministratie", "number from the pupil records")
                }
                NumberFrom::Contacts => {
                    language.of("nummer uit de contacten van school", "number from the school's contacts")
                }
            };
            // Of who has a secret address the sender learns no number either.
            let number = if discreet { String::new() } else { format!(" {} {masked}", language.of("naar", "to")) };
            let nothing = language.of("je hoeft niets te doen", "nothing for you to do");
            format!("{}{number} ({from}), {nothing}", language.of("code per sms", "code by text message"))
        }
        Factor::Email => language
            .of(
                "code per mail, je hoeft niets te doen. Dit beschermt minder: wie de mailbox van de ontvanger kan lezen, kan \
                 ook dit bericht lezen",
                "code by mail, nothing for you to do. This protects against less: whoever can read the recipient's mailbox \
                 can read this message too",
            )
            .to_owned(),
        Factor::Organisation => language
            .of(
                "vaste code van de organisatie, je hoeft niets te doen",
                "the organisation's own code, nothing for you to do",
            )
            .to_owned(),
        Factor::Code | Factor::Sender => String::new(),
    }
}

/// The recipient's third step.
fn code_words(link: &Link, sender: &str, settings: &Settings, language: Language) -> String {
    let code = code_alone(link, sender, settings, language);
    if !link.passkey {
        return code;
    }
    let passkey =
        language.of("Kies Open met passkey. Of gebruik een code:", "Choose Open with passkey. Or use a code:");
    format!("{passkey} {}", uncapitalised(&code))
}

/// The same sentence, behind a colon.
fn uncapitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn code_alone(link: &Link, sender: &str, settings: &Settings, language: Language) -> String {
    match &link.factor {
        Factor::Sms { .. } => language
            .of(
                "Kies Stuur mij een sms. Typ daarna de code van 6 cijfers uit die sms.",
                "Choose Send me a text message. Then type the code of 6 digits from that message.",
            )
            .to_owned(),
        Factor::Email => language
            .of(
                "Kies Stuur mij de code. U krijgt dan een tweede mail met een code van 6 cijfers. Typ die code. Let op: wie uw \
                 mailbox kan lezen, kan zo ook dit bericht lezen.",
                "Choose Send me the code. You then get a second mail with a code of 6 digits. Type that code. Note: whoever \
                 can read your mailbox can read this message too.",
            )
            .to_owned(),
        Factor::Organisation => language
            .of(
                "Typ de vaste code van 12 cijfers die uw organisatie van de school heeft.",
                "Type the fixed code of 12 digits that your organisation has from the school.",
            )
            .to_owned(),
        Factor::Code | Factor::Sender => {
            let channels = match link.level {
                Level::High => language.of("zelf, op school of aan de telefoon", "in person, at school or by phone").to_owned(),
                Level::Low | Level::Normal => channels(settings, language),
            };
            language.of(
                format!("Typ de code van 12 cijfers. Die krijgt u van {sender}: {channels}. Nooit per mail."),
                format!("Type the code of 12 digits. {sender} gives it to you: {channels}. Never by mail."),
            )
        }
    }
}

/// Tells the sender, and the school's deputy, that somebody has no code.
pub fn code_wanted(
    (texts, school, language): (&Texts, &School, Language),
    settings: &Settings,
    wanted: &CodeWanted,
) -> Option<Letter> {
    let values = [
        ("recipient", line(wanted.from.expose(), 320)),
        ("reference", wanted.reference.clone()),
        ("link", format!("{}/shares", settings.desk)),
        ("channels", channels(settings, language)),
        ("helpdesk", wording::contact(&school.helpdesk)),
    ];
    let set = texts.set(language);
    let letter = if wanted.factor == Factor::Code { &set.code_wanted } else { &set.code_instead };
    let (subject, body) = filled(letter, &values);
    let sender = Mailbox::parse(wanted.to.expose()).ok()?;
    let at = Timestamp::from_millisecond(wanted.at).ok()?;
    let mut letter = ours(school, &sender, (&subject, &body), language, at, None)?;
    let deputy = school.deputy.as_ref().and_then(|deputy| Mailbox::parse(deputy.mail.as_deref()?).ok());
    letter.readers.extend(deputy.filter(|deputy| deputy.folded() != sender.folded()));
    Some(letter)
}

/// Tells an address that there is a passkey now; Dutch first, English below, and no link.
pub fn passkey_made((texts, school, zone): (&Texts, &School, &TimeZone), made: &PasskeyMade) -> Option<Letter> {
    let (reader, at) = (Mailbox::parse(made.address.expose()).ok()?, Timestamp::from_millisecond(made.at).ok()?);
    let [(subject, dutch), (_, english)] = Language::ALL.map(|language| {
        let values = [
            ("recipient", line(made.address.expose(), 320)),
            ("school", school.name.clone()),
            ("time", wording::moment(at.to_zoned(zone.clone()).datetime(), language)),
            ("helpdesk", wording::contact(&school.helpdesk)),
        ];
        filled(&texts.set(language).passkey_made, &values)
    });
    let body = format!("{dutch}\n\n---\n\n{english}");
    ours(school, &reader, (&subject, &body), Language::Nl, at, None)
}

/// A code of six digits, for the recipient's own mailbox: from the school and not from the teacher, whom an answer to it
/// would not help. Plain text, in the language of the page on which it was asked for.
pub fn code_mail(school: &School, mail: &CodeMail) -> Option<Letter> {
    let to = Mailbox::parse(mail.to.expose()).ok()?;
    let from = Named::new(Some(line(&school.name, 100)), address(&school.gate_address).ok()?);
    let at = Timestamp::from_millisecond(mail.at).ok()?;
    let auto = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let builder = builder(from, &to, &line(&mail.subject, 200), at, school.gate_address.domain())?.raw_header(auto);
    let raw = builder.singlepart(SinglePart::plain(format!("{}\n", mail.text.expose()))).ok()?.formatted();
    Some(Letter { raw, sender: None, readers: vec![to] })
}

/// Tells the sender that whoever runs the machine has withdrawn his share, or deleted it, and why.
pub fn taken_back(
    (texts, school, language, zone): (&Texts, &School, Language, &TimeZone),
    share: &Overview,
    (what, reason): (&TakenBack, &str),
    at: Timestamp,
) -> Option<Letter> {
    let (nl, en) = match what {
        TakenBack::All => (
            ["ingetrokken", "De ontvangers kunnen het niet meer openen. Je eigen kopie staat er nog."],
            ["withdrawn", "Its recipients cannot open it any more. Your own copy is still there."],
        ),
        TakenBack::From(_) => (
            ["ingetrokken", "Deze ontvanger kan het niet meer openen. Voor anderen verandert er niets."],
            ["withdrawn", "This recipient cannot open it any more. Nothing changes for others."],
        ),
        TakenBack::Deleted => (
            ["gewist", "Niemand kan het meer openen, jij ook niet. In je map Verzonden items staat je mail nog."],
            ["deleted", "Nobody can open it any more, and nor can you. Your mail is still in your Sent Items."],
        ),
    };
    let [taken, means] = language.of(nl, en);
    let whom = match what {
        TakenBack::From(address) => {
            let address = line(address.expose(), 320);
            language.of(format!(" voor {address}"), format!(", as far as {address} is concerned"))
        }
        TakenBack::All | TakenBack::Deleted => String::new(),
    };
    let sent = Timestamp::from_millisecond(share.made_at).ok()?.to_zoned(zone.clone()).datetime();
    let values = [
        ("taken", taken.to_owned()),
        ("whom", whom),
        ("reference", share.reference.clone()),
        ("school", school.name.clone()),
        ("sent", wording::moment(sent, language)),
        ("reason", line(reason, 1000)),
        ("means", means.to_owned()),
        ("helpdesk", wording::contact(&school.helpdesk)),
    ];
    let (subject, body) = filled(&texts.set(language).admin, &values);
    let sender = Mailbox::parse(share.sender.expose()).ok()?;
    ours(school, &sender, (&subject, &body), language, at, None)
}

/// What an administrator has taken back.
pub enum TakenBack {
    /// All of it, from its recipients.
    All,
    /// All of it, from one, by his address.
    From(crate::secret::Secret<String>),
    /// All of it, from everybody.
    Deleted,
}

/// A recipient's answer, for the sender's own mailbox. An answer to it goes to the recipient, and past the gate again.
pub fn answer((texts, school, language): (&Texts, &School, Language), received: &Received) -> Option<Letter> {
    let recipient = line(received.from.expose(), 320);
    let values = [
        ("recipient", recipient.clone()),
        ("school", school.name.clone()),
        ("reference", received.reference.clone()),
        ("text", received.reply.text.expose().replace("\r\n", "\n")),
    ];
    let (subject, body) = filled(&texts.set(language).answer, &values);
    let (sender, from) = (Mailbox::parse(received.to.expose()).ok()?, Mailbox::parse(received.from.expose()).ok()?);
    let via = language.of("via veilig bericht", "by secure message");
    // Without its domain: an address as a name is what deceivers write, and no line holds it unfolded. The text has it.
    let name = format!("{} {via}", from.local_part());
    let at = Timestamp::from_millisecond(received.at).ok()?;
    let named = Named::new(Some(name), address(&school.gate_address).ok()?);
    let domain = school.gate_address.domain();
    // By it the gate knows what answers this mail.
    let id = format!("<{ANSWER_ID}{}@{domain}>", vault::random_id().ok()?);
    let mut builder = builder(named, &sender, &subject, at, domain)?.message_id(Some(id));
    if let Ok(address) = address(&from) {
        builder = builder.reply_to(Named::new(None, address));
    }
    if let Some(id) =
        received.message_id.as_ref().and_then(|id| message_ids(format!("<{}>", id.expose()).as_bytes()).pop())
    {
        builder = builder.in_reply_to(id.clone()).references(id);
    }
    let mut parts = MultiPart::builder()
        .kind(MultiPartKind::Mixed)
        .boundary(boundary()?)
        .multipart(both(&body, language, &subject)?);
    for file in &received.reply.files {
        parts = parts.singlepart(attached(file)?);
    }
    let raw = builder.multipart(parts).ok()?.formatted();
    Some(Letter { raw, sender: None, readers: vec![sender] })
}

/// The files of an answer as a mail, for whoever looks into mails. None when one cannot be attached.
pub fn as_mail(files: &[ReplyFile]) -> Option<Vec<u8>> {
    let mut parts = MultiPart::builder()
        .kind(MultiPartKind::Mixed)
        .boundary(boundary()?)
        .singlepart(SinglePart::plain(String::new()));
    for file in files {
        parts = parts.singlepart(attached(file)?);
    }
    Some(parts.formatted())
}

fn attached(file: &ReplyFile) -> Option<SinglePart> {
    let kind = ContentType::parse(&file.media_type).or_else(|_| ContentType::parse("application/octet-stream"));
    Some(Attachment::new(line(file.name.expose(), 200)).body(file.content.clone(), kind.ok()?))
}

/// A mail from the gate's own address to staff.
fn ours(
    school: &School,
    reader: &Mailbox,
    (subject, body): (&str, &str),
    language: Language,
    at: Timestamp,
    answers: Option<String>,
) -> Option<Letter> {
    let from = Named::new(Some(format!("Mailpoort {}", line(&school.name, 100))), address(&school.gate_address).ok()?);
    let auto = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-replied".to_owned());
    let mut builder = builder(from, reader, subject, at, school.gate_address.domain())?.raw_header(auto);
    if let Some(id) = answers.and_then(|id| message_ids(id.as_bytes()).pop()) {
        builder = builder.in_reply_to(id.clone()).references(id);
    }
    let raw = builder.multipart(both(body, language, subject)?).ok()?.formatted();
    Some(Letter { raw, sender: None, readers: vec![reader.clone()] })
}

fn builder(
    from: Named,
    to: &Mailbox,
    subject: &str,
    at: Timestamp,
    domain: &str,
) -> Option<lettre::message::MessageBuilder> {
    let id = vault::random_id().ok()?;
    let builder = lettre::Message::builder()
        .from(from)
        .subject(subject)
        .date(at.into())
        .message_id(Some(format!("<mailpoort.{id}@{domain}>")));
    // An international local part stays out of the header; the envelope has it.
    Some(match address(to) {
        Ok(address) => builder.to(Named::new(None, address)),
        Err(_) => builder,
    })
}

pub(super) fn boundary() -> Option<String> {
    // "=_" cannot stand in quoted-printable or base64.
    Some(format!("=_mailpoort_{}", vault::random_id().ok()?))
}

/// A text, and the same in HTML.
fn both(text: &str, language: Language, title: &str) -> Option<MultiPart> {
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(boundary()?)
        .singlepart(SinglePart::plain(format!("{text}\n")))
        .singlepart(SinglePart::html(html(text, language, title)));
    Some(parts)
}

/// Paragraphs with their line breaks; addresses of pages are links that show themselves.
fn html(text: &str, language: Language, title: &str) -> String {
    let body = html_paragraphs(text);
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family: Calibri, Arial, sans-serif; font-size: 11pt; line-height: 1.4; max-width: 42em; overflow-wrap: break-word\">\n\
         {body}</body>\n</html>\n",
        language.word(),
        escaped(title),
    )
}

/// Paragraphs in HTML.
pub(super) fn html_paragraphs(text: &str) -> String {
    let paragraph = |text: &str| match text.trim() {
        "---" => "<hr>\n".to_owned(),
        text => format!("<p>{}</p>\n", open_links(&escaped(text)).replace('\n', "<br>\n")),
    };
    text.split("\n\n").map(paragraph).collect()
}

/// Escaped text in which each `https://` word is a link; `http://` too, which only this machine itself has.
fn open_links(escaped: &str) -> String {
    let is_link = |word: &str| word.starts_with("https://") || word.starts_with("http://127.0.0.1");
    let linked = |word: &str| match is_link(word) {
        true => format!("<a href=\"{word}\">{word}</a>"),
        false => word.to_owned(),
    };
    let lines = escaped.split('\n').map(|line| line.split(' ').map(linked).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn filled(letter: &crate::act::texts::Letter, values: &[(&'static str, String)]) -> (String, String) {
    let values = words(values);
    (line(&letter.subject.fill(&values, Form::Plain), 200), letter.plain.fill(&values, Form::Plain))
}

fn words(values: &[(&'static str, String)]) -> Vec<(&'static str, Value)> {
    values.iter().map(|(key, text)| (*key, Value::Words(text.clone()))).collect()
}

fn channels(settings: &Settings, language: Language) -> String {
    match settings.code_channels.as_slice() {
        [] => language.of("telefonisch of op school", "by phone or at school").to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {} {last}", first.join(", "), language.of("of", "or")),
    }
}

fn day(millis: i64, zone: &TimeZone, language: Language) -> String {
    let at = Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(zone.clone());
    format!("{} {}", language.day(at.date()), at.year())
}

/// The Message-IDs in a field, each with its angle brackets; what is none is left out.
fn message_ids(field: &[u8]) -> Vec<String> {
    let field = String::from_utf8_lossy(field.get(..LONGEST_REFERENCES).unwrap_or(field)).into_owned();
    let id = |word: &str| {
        let inner = word.strip_prefix('<')?.strip_suffix('>')?;
        let plain = inner.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
        (plain && !inner.is_empty() && word.len() <= 300).then(|| word.to_owned())
    };
    field.split_whitespace().filter_map(id).collect()
}

/// The texts that a set must have for shares.
pub(in crate::act) fn names() -> [&'static str; 9] {
    [
        "share_admin",
        "share",
        "share_files",
        "share_receipt",
        "share_ready",
        "share_code_wanted",
        "share_code_instead",
        "share_passkey",
        "share_answer",
    ]
}

impl Set {
    /// The letter of one of those names, and what it may name.
    pub(in crate::act) fn of_share(
        &mut self,
        name: &str,
    ) -> Option<(&mut crate::act::texts::Letter, &'static [&'static str])> {
        Some(match name {
            "share" => (&mut self.share, &SHARE),
            "share_admin" => (&mut self.admin, &ADMIN),
            "share_files" => (&mut self.files, &SHARE),
            "share_receipt" => (&mut self.receipt, &RECEIPT),
            "share_ready" => (&mut self.ready, &RECEIPT),
            "share_code_instead" => (&mut self.code_instead, &CODE_WANTED),
            "share_code_wanted" => (&mut self.code_wanted, &CODE_WANTED),
            "share_passkey" => (&mut self.passkey_made, &PASSKEY),
            "share_answer" => (&mut self.answer, &ANSWER),
            _ => return None,
        })
    }
}

const SHARE: [&str; 9] =
    ["sender", "school", "reference", "link", "open_by", "ends_at", "code", "channels", "helpdesk"];
const RECEIPT: [&str; 11] =
    ["codes", "reference", "time", "clock", "why", "channels", "open_by", "link", "helpdesk", "number", "recipients"];
const ADMIN: [&str; 8] = ["taken", "whom", "reference", "school", "sent", "reason", "means", "helpdesk"];
const CODE_WANTED: [&str; 5] = ["recipient", "reference", "link", "channels", "helpdesk"];
const PASSKEY: [&str; 4] = ["recipient", "school", "time", "helpdesk"];
const ANSWER: [&str; 4] = ["recipient", "school", "reference", "text"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_message_ids_are_repeated() {
        let field = b"<a@b.example> junk <c d@e> <x\x01@y>\r\n <f@g.example>";
        assert_eq!(message_ids(field), ["<a@b.example>", "<f@g.example>"]);
    }

    #[test]
    fn a_subject_has_one_reference() {
        for (subject, expected) in [
            ("Ouderavond", Some("Ouderavond (K7QM)")),
            ("Re: Ouderavond (7DX2)", Some("Re: Ouderavond (K7QM)")),
            ("Re: Ouderavond (7DX2) (9AB3)", Some("Re: Ouderavond (K7QM)")),
            ("Jaarplan (2026)", Some("Jaarplan (2026) (K7QM)")),
            ("Advies (HAVO)", Some("Advies (HAVO) (K7QM)")),
            (" (7DX2)", Some("(7DX2) (K7QM)")),
            ("a\r\nBcc: x@y.example", Some("a Bcc: x@y.example (K7QM)")),
            ("  ", None),
        ] {
            assert_eq!(titled(subject, "K7QM").as_deref(), expected, "{subject:?}");
        }
    }

    #[test]
    fn a_link_shows_itself_and_text_is_escaped() {
        let html = html("Open: https://veilig.delinde.example/b/x\n<b>\n\n---\n\nEinde", Language::Nl, "a<b");
        let link = "<a href=\"https://veilig.delinde.example/b/x\">https://veilig.delinde.example/b/x</a>";
        assert!(html.contains(&format!("<p>Open: {link}<br>\n&lt;b&gt;</p>\n<hr>\n<p>Einde</p>")), "{html}");
    }
}
