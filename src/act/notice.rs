//! The block notice: what was stopped, what was found and where, why it matters, what to do now.
//!
//! An ordinary multipart/alternative mail from the gate's own address, since mail programs show reports in
//! a shape of their own, without our advice. The texts are templates that a school may edit; what is wrong
//! with one is told at load. Composing is pure: date, Message-ID and report number come from the caller,
//! and so does the sending (MAIL FROM `<>`). Never holds a found value (see [`super::Incident`]). It fails
//! only on an address that cannot stand in a header. RFC 3834 (Auto-Submitted), RFC 5322, RFC 2046 5.1.4.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{MultiPart, MultiPartKind, SinglePart};
use unicode_normalization::UnicodeNormalization;

use super::incident::Incident;
use super::shown::line;
use super::template::{Form, Template, Value};
use super::wording::{self, Language};
use crate::decide::Policy;
use crate::message::Mailbox;
use crate::problem::Problem;
use crate::school::School;

/// The longest advice line of a reply, in octets; with code and enhanced code it stays below the 512 of
/// RFC 5321 4.5.3.1.5.
const LONGEST_REPLY: usize = 400;

/// What the texts of a notice may name.
const NOTICE: [&str; 17] = [
    "school",
    "mail",
    "time",
    "clock",
    "with_file",
    "recipients",
    "outcome",
    "heading",
    "found",
    "why",
    "choices",
    "readers",
    "privacy",
    "deputy",
    "helpdesk",
    "fg",
    "number",
];
/// What the choices and the advice may name besides.
const CHOICES: [&str; 9] =
    ["school", "remove_columns", "advice", "channel", "privacy", "deputy", "helpdesk", "fg", "number"];
const ADVICE: [&str; 5] = ["school", "privacy", "deputy", "helpdesk", "fg"];

/// The subject of a notice stands in the first line of its plain template, behind this.
const SUBJECT: &str = "Subject: ";

/// All texts, in both languages.
#[derive(Debug, Clone)]
pub struct Texts {
    languages: BTreeMap<Language, Set>,
    /// For problems that are about no single file.
    folder: PathBuf,
}

/// The texts of one language.
#[derive(Debug, Clone, Default)]
struct Set {
    subject: Template,
    plain: Template,
    html: Template,
    choices: Template,
    advice: BTreeMap<String, Advice>,
}

/// One advice: `advice_KEY.nl.txt` holds its line, an empty line, the reasons, and choices behind `- `.
#[derive(Debug, Clone)]
struct Advice {
    line: Template,
    reasons: Template,
    choices: Template,
}

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
    /// The shipped texts, rules/texts.
    ///
    /// # Errors
    /// None in a build whose tests passed; the same as [`Texts::load`] otherwise.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        let file = |(name, text): &(&str, &str)| (Path::new("rules/texts").join(name), text.to_string());
        Self::load(&SHIPPED.iter().map(file).collect::<Vec<_>>())
    }

    /// Checks and takes the text files of a folder (path and content each). Only `.txt` and `.html` files
    /// are looked at.
    ///
    /// # Errors
    /// Unknown placeholders with file and line, files that are missing in a language, and files whose name
    /// nobody asks for.
    pub fn load(files: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        let folder = files.first().and_then(|(path, _)| path.parent()).unwrap_or(Path::new("")).to_path_buf();
        let mut texts =
            Self { languages: Language::ALL.map(|language| (language, Set::default())).into(), folder: folder.clone() };
        let (mut problems, mut seen) = (Vec::new(), BTreeSet::new());
        for (path, text) in files {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !name.ends_with(".txt") && !name.ends_with(".html") {
                continue;
            }
            seen.insert(name.to_string());
            if let Err(found) = texts.take(path, name, text) {
                problems.extend(found);
            }
        }
        problems.extend(wanted(&seen).into_iter().filter(|name| !seen.contains(name)).map(|name| {
            Problem::new(
                folder.join(&name),
                "this text is missing",
                "copy the shipped one from rules/texts and edit that",
            )
        }));
        if problems.is_empty() { Ok(texts) } else { Err(problems) }
    }

    /// The advice texts that a policy names and that are not there.
    pub fn check(&self, policy: &Policy) -> Vec<Problem> {
        let known = |key: &str| self.languages.values().all(|set| set.advice.contains_key(key));
        let missing = |line: &&crate::decide::Line| line.advice.as_deref().is_some_and(|key| !known(key));
        let tell = |line: &crate::decide::Line| {
            let key = line.advice.as_deref().unwrap_or_default();
            let mut problem = Problem::new(
                &policy.file,
                format!("line \"{}\" names the advice \"{}\", which has no text", line.id, key.escape_debug()),
                format!("add advice_{key}.nl.txt and advice_{key}.en.txt in {}", self.folder.display()),
            );
            problem.line = Some(line.at);
            problem
        };
        policy.lines.iter().filter(missing).map(tell).collect()
    }

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

    fn set(&self, language: Language) -> &Set {
        const NONE: &Set = &Set {
            subject: Template::EMPTY,
            plain: Template::EMPTY,
            html: Template::EMPTY,
            choices: Template::EMPTY,
            advice: BTreeMap::new(),
        };
        self.languages.get(&language).unwrap_or(NONE)
    }

    fn take(&mut self, path: &Path, name: &str, text: &str) -> Result<(), Vec<Problem>> {
        let unknown = || {
            let remedy = "name it notice, choices or advice_KEY, then .nl or .en, then .txt (notice also .html)";
            vec![Problem::new(path, "no text of this name is used", remedy)]
        };
        let (stem, form) = name.rsplit_once('.').ok_or_else(unknown)?;
        let (stem, word) = stem.rsplit_once('.').ok_or_else(unknown)?;
        let language = Language::ALL.into_iter().find(|language| language.word() == word).ok_or_else(unknown)?;
        let set = self.languages.entry(language).or_default();
        match (stem, form, stem.strip_prefix("advice_")) {
            ("notice", "txt", _) => {
                set.plain = Template::parse(path, text, &NOTICE)?;
                set.subject = set.plain.split_first_line(SUBJECT).ok_or_else(|| {
                    vec![
                        Problem::new(path, "there is no subject", "start the file with a line \"Subject: ...\"")
                            .at(text, 0),
                    ]
                })?;
            }
            ("notice", "html", _) => set.html = Template::parse(path, text, &NOTICE)?,
            ("choices", "txt", _) => set.choices = Template::parse(path, text, &CHOICES)?,
            (_, "txt", Some(key)) => {
                set.advice.insert(key.to_string(), advice(path, text)?);
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }
}

fn wanted(seen: &BTreeSet<String>) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for language in Language::ALL.map(Language::word) {
        wanted.extend(
            ["notice.txt", "notice.html", "choices.txt"].map(|name| name.replace('.', &format!(".{language}."))),
        );
        let advices = seen.iter().filter(|name| name.starts_with("advice_"));
        wanted.extend(advices.filter_map(|name| Some(format!("{}.{language}.txt", name.split('.').next()?))));
    }
    wanted
}

fn advice(path: &Path, text: &str) -> Result<Advice, Vec<Problem>> {
    // Each of the three keeps all lines, the others' emptied, so that a problem has its right line number.
    let only = |wanted: fn(usize, &str) -> bool| {
        let lines = text.lines().enumerate().map(|(n, line)| if wanted(n, line) { line } else { "" });
        lines.collect::<Vec<_>>().join("\n")
    };
    let parsed = |wanted| Template::parse(path, &only(wanted), &ADVICE);
    let line = parsed(|n, _| n == 0);
    let reasons = parsed(|n, line| n > 0 && !line.starts_with("- "));
    let choices = parsed(|n, line| n > 0 && line.starts_with("- "));
    match (line, reasons, choices) {
        (Ok(line), Ok(reasons), Ok(choices)) if !text.trim_start_matches(['\r', '\n']).is_empty() => {
            Ok(Advice { line, reasons, choices })
        }
        (Ok(_), Ok(_), Ok(_)) => {
            Err(vec![Problem::new(path, "the text is empty", "write one line, an empty line, and the reasons")])
        }
        (line, reasons, choices) => {
            Err([line, reasons, choices].into_iter().filter_map(Result::err).flatten().collect())
        }
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

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../rules/texts/", $name)))),+]
    };
}

/// rules/texts, as built in.
const SHIPPED: &[(&str, &str)] = shipped![
    "advice_bsn.en.txt",
    "advice_bsn.nl.txt",
    "advice_bsn_gov.en.txt",
    "advice_bsn_gov.nl.txt",
    "advice_bsn_list.en.txt",
    "advice_bsn_list.nl.txt",
    "advice_calendar.en.txt",
    "advice_calendar.nl.txt",
    "advice_document.en.txt",
    "advice_document.nl.txt",
    "advice_health.en.txt",
    "advice_health.nl.txt",
    "advice_health_light.en.txt",
    "advice_health_light.nl.txt",
    "advice_list.en.txt",
    "advice_list.nl.txt",
    "advice_name.en.txt",
    "advice_name.nl.txt",
    "advice_personal.en.txt",
    "advice_personal.nl.txt",
    "advice_photo.en.txt",
    "advice_photo.nl.txt",
    "advice_special.en.txt",
    "advice_special.nl.txt",
    "advice_unread_broken.en.txt",
    "advice_unread_broken.nl.txt",
    "advice_unread_encrypted.en.txt",
    "advice_unread_encrypted.nl.txt",
    "advice_unread_large.en.txt",
    "advice_unread_large.nl.txt",
    "choices.en.txt",
    "choices.nl.txt",
    "notice.en.html",
    "notice.en.txt",
    "notice.nl.html",
    "notice.nl.txt",
];
