//! What a page tells of a message: words only; the templates (pages/) put them in order and escape them.

use askama::Template;
use jiff::{Timestamp, Zoned};

use super::super::journal;
use super::super::provider::{Kept, TIME_ZONE};
use crate::extract::{self, Spot, Unread};
use crate::message::transfer::{self, Encoding};
use crate::message::{Limits, Message, Shape};

/// More of one text than this nobody reads here; the source has all of it.
const MOST_SHOWN: usize = 20_000;

/// The list of everything.
#[derive(Template)]
#[template(path = "list.html", config = "src/commands/demo/pages/askama.toml")]
pub(super) struct List {
    pub notices: Vec<Row>,
    pub passed: Vec<Row>,
    pub journal: Vec<JournalRow>,
    pub smtp: String,
}

/// One message in the list.
pub(super) struct Row {
    number: u64,
    time: String,
    subject: String,
    recipients: String,
    opening: String,
}

impl Row {
    /// What the list tells.
    pub fn new(kept: &Kept) -> Self {
        Self {
            number: kept.number,
            time: clock(kept.arrived.clone()),
            subject: subject(kept),
            recipients: kept.recipients.join(", "),
            opening: kept.opening.clone(),
        }
    }
}

/// One line of the journal.
pub(super) struct JournalRow {
    time: String,
    client: String,
    became: &'static str,
    class: String,
    line: String,
    found: String,
    code: u16,
}

impl JournalRow {
    /// What the list tells. Which recipient it was the journal does not know.
    pub fn new(line: &journal::Line) -> Self {
        let names = |name: fn(&journal::Decision) -> &str| line.routes.iter().map(name).collect::<Vec<_>>().join(", ");
        let has = |route: &str| line.routes.iter().any(|decision| decision.route == route);
        Self {
            time: line.time.parse().and_then(|time: Timestamp| time.in_tz(TIME_ZONE)).map(clock).unwrap_or_default(),
            client: line.client.clone(),
            became: match line.code {
                200..=299 if has("block") => "tegengehouden",
                200..=299 if has("share") => "veilig klaargezet",
                200..=299 => "doorgelaten",
                500..=599 => "geweigerd",
                _ => "uitgesteld",
            },
            class: names(|decision| &decision.class),
            line: names(|decision| &decision.line),
            found: line.found(),
            code: line.code,
        }
    }
}

/// One message, opened.
#[derive(Template)]
#[template(path = "mail.html", config = "src/commands/demo/pages/askama.toml")]
pub(super) struct Mail {
    number: u64,
    notice: bool,
    subject: String,
    time: String,
    sender: String,
    recipients: String,
    header: String,
    /// Where it stands, and the words.
    texts: Vec<(String, String)>,
    /// Files that are not shown, with the reason.
    unread: Vec<(String, &'static str)>,
    html: bool,
    /// Where the sender may choose: the link of a notice, which the frame around it does not follow.
    desk: Option<String>,
}

impl Mail {
    /// Reads the message as the gate does.
    pub fn new(kept: &Kept) -> Self {
        let limits = Limits::default();
        let message = Message::parse(&kept.raw, &limits);
        let read = extract::texts(&message, &limits, None);
        let end = message.parts.first().map_or(0, |root| root.body.start);
        let header = String::from_utf8_lossy(kept.raw.get(..end).unwrap_or_default()).trim_end().to_string();
        Self {
            number: kept.number,
            notice: kept.notice,
            subject: subject(kept),
            time: clock(kept.arrived.clone()),
            sender: if kept.sender.is_empty() {
                "<> (leeg, zodat er geen antwoord op komt)".into()
            } else {
                kept.sender.clone()
            },
            recipients: kept.recipients.join(", "),
            header: cut(&header),
            texts: read.texts.iter().filter(|text| is_content(text)).map(shown).collect(),
            unread: read.unread.iter().map(|Unread { place, why }| (file(&place.path()), why.word())).collect(),
            html: kept.notice && html_of(&kept.raw).is_some(),
            desk: read.texts.iter().filter(|_| kept.notice).find_map(desk_link),
        }
    }
}

/// The page for what is not there (any more).
#[derive(Template)]
#[template(path = "missing.html", config = "src/commands/demo/pages/askama.toml")]
pub(super) struct Missing {}

/// The first HTML part of a message, decoded; the gate writes its own in UTF-8.
pub(super) fn html_of(raw: &[u8]) -> Option<String> {
    let message = Message::parse(raw, &Limits::default());
    let part = message.parts.iter().find(|part| part.shape == Shape::Leaf && part.essence() == "text/html")?;
    let encoding = part.mime.encodings.first().copied().unwrap_or(Encoding::Identity);
    Some(String::from_utf8_lossy(&transfer::decode(encoding, message.body_of(part))).into_owned())
}

fn desk_link(text: &extract::Text) -> Option<String> {
    let links = text.text.split_whitespace().filter(|word| word.starts_with("http://127.0.0.1:"));
    links.filter(|link| link.contains("/m/")).map(str::to_string).next()
}

fn is_content(text: &extract::Text) -> bool {
    matches!(text.place.spot, Spot::Text | Spot::Attachment(_))
}

fn shown(text: &extract::Text) -> (String, String) {
    (file(&text.place.path()), cut(text.text.trim_end()))
}

/// A place, in words for people.
fn file(path: &str) -> String {
    match path {
        "text" => "Tekst".into(),
        "html" => "Opgemaakte tekst".into(),
        path => path.replace("att:", "bijlage "),
    }
}

fn subject(kept: &Kept) -> String {
    if kept.subject.trim().is_empty() { "(geen onderwerp)".into() } else { cut(&kept.subject) }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{} […]", text.get(..end).unwrap_or_default()),
        None => text.to_string(),
    }
}

fn clock(moment: Zoned) -> String {
    moment.strftime("%H.%M.%S").to_string()
}
