//! The block notice: what was stopped, what was found and where, why it matters, what to do now.
//!
//! An ordinary multipart/alternative mail from the gate's own address, since mail programs show reports in
//! a shape of their own, without our advice. Composing is pure: date, Message-ID and report number come from the caller,
//! and so does the sending (MAIL FROM `<>`). Never holds a found value (see [`super::Incident`]). It fails
//! only on an address that cannot stand in a header. RFC 3834 (Auto-Submitted), RFC 5322, RFC 2046 5.1.4.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{MultiPart, MultiPartKind, SinglePart};
use unicode_normalization::UnicodeNormalization;

use super::incident::{Advised, Incident};
use super::shown::line;
use super::template::{Form, Template, Value};
pub use super::texts::Texts;
use super::texts::{Letter, Set};
use super::wording;
use crate::decide::Offer;
use crate::message::Mailbox;
use crate::school::{Language, School};
use crate::store::notes::NoteKind;

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
        compose(&set.notice, &values, readers, school, stamp, &incident.number, incident.message_id.as_deref())
    }

    /// Composes a message about a mail that did not arrive, or not yet; `words` are what it may name besides the school's
    /// part.
    pub(super) fn told_later(
        &self,
        about: Later,
        words: &[(&'static str, String)],
        readers: &[Mailbox],
        school: &School,
        language: Language,
        stamp: &Stamp,
    ) -> Result<Notice, ComposeError> {
        let number = words.iter().find(|(key, _)| *key == "number").map(|(_, number)| number.as_str());
        let number = number.unwrap_or_default();
        let mut values = school_values(school, number);
        values.retain(|(key, _)| *key != "number");
        values.extend(words.iter().map(|(key, text)| (*key, Value::Words(line(text, 4000)))));
        let set = self.set(language);
        let letter = match about {
            Later::Failed => &set.failure,
            Later::Unproven => &set.unproven,
            Later::Waits => &set.waiting,
        };
        compose(letter, &values, readers, school, stamp, number, None)
    }

    /// Composes a message that tells several things, a paragraph each.
    pub(super) fn together(
        &self,
        kind: NoteKind,
        said: Vec<String>,
        reader: Mailbox,
        school: &School,
        language: Language,
        stamp: &Stamp,
    ) -> Result<Notice, ComposeError> {
        let set = self.set(language);
        let letter = match kind {
            NoteKind::Advice => &set.digest,
            NoteKind::Notice => &set.several,
            NoteKind::Program => &set.program,
        };
        let mut values = school_values(school, "");
        values.push(("count", Value::Words(said.len().to_string())));
        values.push(("mails", Value::Points(said.iter().map(|said| line(said, 4000)).collect())));
        let number = stamp.message_id.split('@').next().unwrap_or_default();
        compose(letter, &values, &[reader], school, stamp, number, None)
    }

    /// Composes the letter with a link in place of a program's mail, to one of its recipients, in the program's name.
    pub(super) fn linked(
        &self,
        link: &str,
        program: &Mailbox,
        to: &Mailbox,
        school: &School,
        language: Language,
        stamp: &Stamp,
    ) -> Result<Notice, ComposeError> {
        let mut values = school_values(school, "");
        values.push(("link", Value::Words(link.to_owned())));
        let number = stamp.message_id.split('@').next().unwrap_or_default();
        let from = lettre::message::Mailbox::new(Some(line(&school.name, 100)), address(program)?);
        let letter = &self.set(language).linked;
        written(letter, &values, (from, "auto-generated"), std::slice::from_ref(to), stamp, number, None)
    }

    /// The lines of some advice, each with what to change.
    pub(super) fn advised(&self, keys: &[Arc<str>], school: &School, language: Language) -> Vec<String> {
        let set = self.set(language);
        let mut values = school_values(school, "");
        values.push(("most_pupils", Value::Words(String::new())));
        let said = keys.iter().filter_map(|key| set.advice.get(&**key)).flat_map(|advice| {
            let changes = advice.changes.choices(&values);
            let changes = changes.iter().filter_map(|line| line.strip_prefix("+ ")).map(str::to_string);
            [advice.line.fill(&values, Form::Plain)].into_iter().chain(changes.collect::<Vec<_>>())
        });
        said.filter(|line| !line.is_empty()).collect()
    }

    /// What the desk shows of an incident, in the words of the notice.
    pub(super) fn told(&self, incident: &Incident, school: &School, language: Language) -> ToldAgain {
        let set = self.set(language);
        let advice = all_advice(set, incident, language, &common_values(incident, school));
        ToldAgain {
            sent: wording::moment(incident.sent, language),
            found: found(incident, &advice, language),
            why: reasons(&advice),
        }
    }

    /// Why a mail is stopped, as a notice says it: paragraphs in Dutch and English.
    pub fn why(&self, incident: &Incident, school: &School) -> [Vec<String>; 2] {
        Language::ALL.map(|language| self.told(incident, school, language).why)
    }

    /// The advice in one line of ASCII of at most 400 octets, for a `550 5.7.1` in the session. It names
    /// nothing of the mail: its reader may be a program, or a stranger behind one.
    pub fn one_line(&self, incident: &Incident, school: &School, language: Language) -> String {
        let set = self.set(language);
        let common = common_values(incident, school);
        let advice = all_advice(set, incident, language, &common);
        let (head, help, number) = match language {
            Language::Nl => ("Niet verstuurd.", "Hulp", "Nummer"),
            Language::En => ("Not sent.", "Help", "Number"),
        };
        let last = ascii(&format!("{help}: {}. {number} {}", wording::contact(&school.privacy), incident.number));
        let last: String = last.chars().take(LONGEST_REPLY / 2).collect();
        let mut said = head.to_string();
        let changes = advice.iter().flat_map(|advice| &advice.changes);
        for sentence in advice.first().map(|advice| &advice.line).into_iter().chain(changes) {
            let sentence = ascii(sentence);
            // Half a sentence says something else than a whole one.
            if said.len() + sentence.len() + last.len() + 2 > LONGEST_REPLY {
                break;
            }
            said = format!("{said} {sentence}");
        }
        format!("{said} {last}")
    }
}

/// What is told of a mail after its client has heard that it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Later {
    /// It did not arrive.
    Failed,
    /// Nothing could be proven, and it is kept.
    Unproven,
    /// It waits.
    Waits,
}

/// An incident as the desk tells it.
pub(super) struct ToldAgain {
    /// When it was sent.
    pub sent: String,
    /// What was found and where, a line each.
    pub found: Vec<String>,
    /// Why that matters, a paragraph each.
    pub why: Vec<String>,
}

/// A mail of ours in both forms, to readers at the school.
fn compose(
    letter: &Letter,
    values: &Filled,
    readers: &[Mailbox],
    school: &School,
    stamp: &Stamp,
    number: &str,
    answers: Option<&str>,
) -> Result<Notice, ComposeError> {
    let from = format!("Mailpoort {}", line(&school.name, 100));
    let from = lettre::message::Mailbox::new(Some(from), address(&school.gate_address)?);
    written(letter, values, (from, "auto-replied"), readers, stamp, number, answers)
}

/// The same from anybody; the word says what makes it (RFC 3834 5).
fn written(
    letter: &Letter,
    values: &Filled,
    (from, submitted): (lettre::message::Mailbox, &str),
    readers: &[Mailbox],
    stamp: &Stamp,
    number: &str,
    answers: Option<&str>,
) -> Result<Notice, ComposeError> {
    let subject = line(&letter.subject.fill(values, Form::Plain), 200);
    let mut message = lettre::Message::builder()
        .from(from)
        .subject(subject)
        .date(stamp.date.into())
        .message_id(Some(format!("<{}>", stamp.message_id)))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), submitted.to_string()));
    for reader in readers {
        message = message.to(lettre::message::Mailbox::new(None, address(reader)?));
    }
    if let Some(id) = answers {
        message = message.in_reply_to(format!("<{id}>")).references(format!("<{id}>"));
    }
    // "=_" cannot stand in quoted-printable or base64, and nobody but us knows the report number.
    let number: String = number.chars().filter(char::is_ascii_alphanumeric).collect();
    let body = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_mailpoort_{number}"))
        .singlepart(SinglePart::plain(letter.plain.fill(values, Form::Plain) + "\n"))
        .singlepart(SinglePart::html(letter.html.fill(values, Form::Html) + "\n"));
    let raw = message.multipart(body).map_err(|_| ComposeError::Message)?.formatted();
    Ok(Notice { readers: readers.to_vec(), raw })
}

type Filled = Vec<(&'static str, Value)>;

/// The school's part of every text.
fn common_values(incident: &Incident, school: &School) -> Filled {
    school_values(school, &incident.number)
}

fn school_values(school: &School, number: &str) -> Filled {
    let person = |contact: Option<&crate::school::Contact>| contact.map(wording::contact).unwrap_or_default();
    [
        ("school", school.name.clone()),
        ("privacy", wording::contact(&school.privacy)),
        ("deputy", person(school.deputy.as_ref())),
        ("helpdesk", wording::contact(&school.helpdesk)),
        ("fg", person(school.fg.as_ref())),
        ("number", number.to_owned()),
    ]
    .map(|(key, text)| (key, Value::Words(line(&text, 300))))
    .into()
}

fn values(set: &Set, incident: &Incident, readers: &[Mailbox], school: &School, language: Language) -> Filled {
    let mut values = common_values(incident, school);
    let advice = all_advice(set, incident, language, &values);
    let choices = choices(set, incident, school, language, &values, &advice);
    let typed: Vec<String> = readers.iter().map(|reader| line(reader.typed(), 320)).collect();
    let words = [
        ("mail", wording::mail(incident, language)),
        ("time", wording::moment(incident.sent, language)),
        ("clock", wording::clock(incident.sent, language)),
        ("with_file", wording::with_file(incident, language)),
        ("recipients", wording::people(&incident.not_reached, language)),
        ("outcome", wording::outcome(incident, language)),
        ("heading", wording::heading(incident, language)),
        ("how", wording::how(incident, language)),
        ("link", incident.link.clone().unwrap_or_default()),
        ("if_nothing", wording::if_nothing(incident, language)),
        ("readers", if typed.len() > 1 { wording::list(&typed, language) } else { wording::you(language) }),
    ];
    values.extend(words.map(|(key, text)| (key, Value::Words(text))));
    values.extend([
        ("found", Value::Points(found(incident, &advice, language))),
        ("why", Value::Paragraphs(reasons(&advice))),
        ("choices", Value::Steps(choices)),
    ]);
    values
}

/// What was found, a line each; what is wrong with addresses comes first.
fn found(incident: &Incident, advice: &[Said], language: Language) -> Vec<String> {
    let addresses = incident.advice.iter().zip(advice).filter(|(advised, _)| advised.of_addresses);
    addresses.map(|(_, said)| said.line.clone()).chain(wording::found(incident, language)).collect()
}

/// Why it matters, each paragraph once.
fn reasons(advice: &[Said]) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for paragraph in advice.iter().flat_map(|advice| &advice.reasons) {
        if !reasons.contains(paragraph) {
            reasons.push(paragraph.clone());
        }
    }
    reasons
}

/// The advice of one line of the policy, filled in.
struct Said {
    line: String,
    reasons: Vec<String>,
    changes: Vec<String>,
    choices: Vec<String>,
}

fn all_advice(set: &Set, incident: &Incident, language: Language, common: &Filled) -> Vec<Said> {
    let said = |advised: &Advised| {
        let advice = set.advice.get(&*advised.key)?;
        let mut values = common.clone();
        let most = advised.most_pupils.map(|most| most.to_string()).unwrap_or_default();
        values.push(("most_pupils", Value::Words(most)));
        let marked = |template: &Template, mark: &str| -> Vec<String> {
            template.choices(&values).iter().filter_map(|line| line.strip_prefix(mark)).map(str::to_string).collect()
        };
        let reasons = advice.reasons.fill(&values, Form::Plain);
        let reasons = reasons.split("\n\n").map(|paragraph| line(paragraph, usize::MAX)).filter(|p| !p.is_empty());
        let grounds = advised.grounds.iter().map(|[nl, en]| language.of(nl, en).clone());
        let reasons = reasons.chain(grounds).collect();
        Some(Said {
            line: advice.line.fill(&values, Form::Plain),
            reasons: if advised.again { Vec::new() } else { reasons },
            changes: if advised.again { Vec::new() } else { marked(&advice.changes, "+ ") },
            choices: marked(&advice.choices, "- "),
        })
    };
    incident.advice.iter().filter_map(said).collect()
}

/// The choices, one a line of the template; `{advice}` and `{channel}` stand for several. Contacts are named when the
/// policy offers what they are for.
fn choices(
    set: &Set,
    incident: &Incident,
    school: &School,
    language: Language,
    common: &Filled,
    advice: &[Said],
) -> Vec<String> {
    let columns = wording::remove_columns(incident, language);
    // Where columns hold everything, taking them out is the change; a shorter list is another way.
    let shorter = incident.advice.iter().any(|advised| advised.most_pupils.is_some());
    let changes = advice.iter().flat_map(|advice| &advice.changes).filter(|_| columns.is_empty() || shorter);
    let channels = incident.advice.iter().filter_map(|advised| school.channels.get(&*advised.key));
    let mut values = common.clone();
    for (offer, contacts) in [(Offer::Help, ["privacy", "deputy"].as_slice()), (Offer::Mistake, &["helpdesk"])] {
        // A mistake is reported on the desk, where there is one.
        let offered = incident.offers.contains(&offer) && (offer == Offer::Help || incident.link.is_none());
        values.retain(|(key, _)| offered || !contacts.contains(key));
    }
    values.extend([
        ("desk", Value::Words(wording::desk(incident, language).join("\n"))),
        ("changes", Value::Words(once(changes, " "))),
        ("advice", Value::Words(once(advice.iter().flat_map(|advice| &advice.choices), "\n"))),
        ("channel", Value::Words(once(channels.map(|sentence| line(sentence, 1000)), "\n"))),
        // The desk takes them out; nobody need do it by hand.
        ("remove_columns", Value::Words(if incident.link.is_some() { String::new() } else { columns })),
    ]);
    let lines = set.choices.choices(&values);
    lines.iter().flat_map(|line| line.lines()).map(str::to_string).filter(|line| !line.is_empty()).collect()
}

/// Joins sentences, each of them once.
fn once<S: AsRef<str>>(sentences: impl IntoIterator<Item = S>, joint: &str) -> String {
    let mut said: Vec<String> = Vec::new();
    for sentence in sentences {
        if !said.iter().any(|known| known == sentence.as_ref()) {
            said.push(sentence.as_ref().to_string());
        }
    }
    said.join(joint)
}

pub(super) fn address(mailbox: &Mailbox) -> Result<lettre::Address, ComposeError> {
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
