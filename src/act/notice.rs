//! The block notice: what was stopped, what was found and where, why it matters, what to do now.
//!
//! An ordinary multipart/alternative mail from the gate's own address, since mail programs show reports in
//! a shape of their own, without our advice. Composing is pure: date, Message-ID and report number come from the caller,
//! and so does the sending (MAIL FROM `<>`). Never holds a found value (see [`super::Incident`]). It fails
//! only on an address that cannot stand in a header. RFC 3834 (Auto-Submitted), RFC 5322, RFC 2046 5.1.4.

use std::fmt;

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{MultiPart, MultiPartKind, SinglePart};
use unicode_normalization::UnicodeNormalization;

use super::incident::Incident;
use super::shown::line;
use super::template::{Form, Value};
use super::texts::Set;
pub use super::texts::Texts;
use super::wording;
use crate::message::Mailbox;
use crate::school::{Language, School};

/// The longest advice line of a reply, in octets; with code and enhanced code it stays below the 512 of
/// RFC 5321 4.5.3.1.5.
const LONGEST_REPLY: usize = 400;

/// A composed notice, ready to be sent with MAIL FROM `<>`.
pub struct Notice {
    /// Who gets it.
    pub readers: Vec<Mailbox>,
    /// The message, lines ending in CRLF.
    pub raw: Vec<u8>,
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").field("readers", &self.readers).field("bytes", &self.raw.len()).finish()
    }
}

/// What the caller stamps on a notice, since there is no clock or chance in here.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// Now.
    pub date: Timestamp,
    /// A fresh Message-ID, without angle brackets.
    pub message_id: String,
}

/// Why no notice could be composed; the mail is refused in the session instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComposeError {
    /// An address (the gate's own, or a reader's) cannot stand in a header as it is.
    Address,
    /// The mail library refused the message.
    Message,
}

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "an address of the notice cannot stand in a header",
            Self::Message => "the notice could not be composed",
        })
    }
}

impl std::error::Error for ComposeError {}

impl Texts {
    /// Composes the notice of an incident for its readers (see [`crate::decide::may_be_noticed`]).
    ///
    /// # Errors
    /// [`ComposeError`]; refuse the mail with [`Texts::one_line`] then.
    pub fn notice(
        &self,
        incident: &Incident,
        readers: &[Mailbox],
        school: &School,
        language: Language,
        stamp: &Stamp,
    ) -> Result<Notice, ComposeError> {
        let set = self.set(language);
        let values = values(set, incident, readers, school, language);
        let subject = line(&set.subject.fill(&values, Form::Plain), 200);
        let from = format!("Mailpoort {}", line(&school.name, 100));
        let mut message = lettre::Message::builder()
            .from(lettre::message::Mailbox::new(Some(from), address(&school.gate_address)?))
            .subject(subject)
            .date(stamp.date.into())
            .message_id(Some(format!("<{}>", stamp.message_id)))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-replied".to_string()));
        for reader in readers {
            message = message.to(lettre::message::Mailbox::new(None, address(reader)?));
        }
        if let Some(id) = &incident.message_id {
            message = message.in_reply_to(format!("<{id}>")).references(format!("<{id}>"));
        }
        // "=_" cannot stand in quoted-printable or base64, and nobody but us knows the report number.
        let number: String = incident.number.chars().filter(char::is_ascii_alphanumeric).collect();
        let body = MultiPart::builder()
            .kind(MultiPartKind::Alternative)
            .boundary(format!("=_mailpoort_{number}"))
            .singlepart(SinglePart::plain(set.plain.fill(&values, Form::Plain) + "\n"))
            .singlepart(SinglePart::html(set.html.fill(&values, Form::Html) + "\n"));
        let raw = message.multipart(body).map_err(|_| ComposeError::Message)?.formatted();
        Ok(Notice { readers: readers.to_vec(), raw })
    }

    /// The advice in one line of ASCII of at most 400 octets, for a `550 5.7.1` in the session. It names
    /// nothing of the mail: its reader may be a program, or a stranger behind one.
    pub fn one_line(&self, incident: &Incident, school: &School, language: Language) -> String {
        let set = self.set(language);
        let values = advice_values(incident, school);
        let advice = set.advice.get(&*incident.advice).map(|advice| advice.line.fill(&values, Form::Plain));
        let (head, help, number) = match language {
            Language::Nl => ("Niet verstuurd", "Hulp", "Nummer"),
            Language::En => ("Not sent", "Help", "Number"),
        };
        let first = ascii(&format!("{head}. {}", advice.unwrap_or_default()));
        let last = ascii(&format!("{help}: {}. {number} {}", wording::contact(&school.privacy), incident.number));
        let last: String = last.chars().take(LONGEST_REPLY / 2).collect();
        let first: String = first.chars().take(LONGEST_REPLY - 1 - last.len()).collect();
        format!("{first} {last}")
    }
}

type Filled = Vec<(&'static str, Value)>;

/// The school's part of every text.
fn advice_values(incident: &Incident, school: &School) -> Filled {
    let person = |contact: Option<&crate::school::Contact>| contact.map(wording::contact).unwrap_or_default();
    [
        ("school", school.name.clone()),
        ("privacy", wording::contact(&school.privacy)),
        ("deputy", person(school.deputy.as_ref())),
        ("helpdesk", wording::contact(&school.helpdesk)),
        ("fg", person(school.fg.as_ref())),
        ("number", incident.number.clone()),
    ]
    .map(|(key, text)| (key, Value::Words(line(&text, 300))))
    .into()
}

fn values(set: &Set, incident: &Incident, readers: &[Mailbox], school: &School, language: Language) -> Filled {
    let mut values = advice_values(incident, school);
    let advice = set.advice.get(&*incident.advice);
    let reasons = advice.map(|advice| advice.reasons.fill(&values, Form::Plain)).unwrap_or_default();
    let reasons =
        reasons.split("\n\n").map(|paragraph| line(paragraph, usize::MAX)).filter(|p| !p.is_empty()).collect();
    let choices = choices(set, incident, school, language, &values);
    let typed: Vec<String> = readers.iter().map(|reader| line(reader.typed(), 320)).collect();
    let found = wording::found(incident, language);
    let words = [
        ("mail", wording::mail(incident, language)),
        ("time", wording::moment(incident.sent, language)),
        ("clock", wording::clock(incident.sent, language)),
        ("with_file", wording::with_file(incident, language)),
        ("recipients", wording::people(&incident.not_reached, language)),
        ("outcome", wording::outcome(incident, language)),
        ("heading", wording::heading(incident, language)),
        ("readers", if typed.len() > 1 { wording::list(&typed, language) } else { wording::you(language) }),
    ];
    values.extend(words.map(|(key, text)| (key, Value::Words(text))));
    values.extend([
        ("found", Value::Points(found)),
        ("why", Value::Paragraphs(reasons)),
        ("choices", Value::Steps(choices)),
    ]);
    values
}

/// The choices, one a line of the template; `{advice}` stands for all those of the advice.
fn choices(set: &Set, incident: &Incident, school: &School, language: Language, common: &Filled) -> Vec<String> {
    let advice = set.advice.get(&*incident.advice);
    let own = advice.map(|advice| advice.choices.choices(common)).unwrap_or_default();
    let own: Vec<&str> = own.iter().filter_map(|choice| choice.strip_prefix("- ")).collect();
    let channel = school.channels.get(&*incident.advice).map(|sentence| line(sentence, 1000)).unwrap_or_default();
    let mut values = common.clone();
    values.extend([
        ("remove_columns", Value::Words(wording::remove_columns(incident, language))),
        ("advice", Value::Words(own.join("\n"))),
        ("channel", Value::Words(channel)),
    ]);
    let lines = set.choices.choices(&values);
    lines.iter().flat_map(|line| line.lines()).map(str::to_string).filter(|line| !line.is_empty()).collect()
}

fn address(mailbox: &Mailbox) -> Result<lettre::Address, ComposeError> {
    // An international local part would need SMTPUTF8 of every hop back to the sender.
    if !mailbox.local_part().is_ascii() {
        return Err(ComposeError::Address);
    }
    lettre::Address::new(mailbox.local_part(), mailbox.domain()).map_err(|_| ComposeError::Address)
}

/// Printable ASCII in one line: accents gone, the rest left out.
fn ascii(text: &str) -> String {
    let plain: String = line(text, usize::MAX).nfkd().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
