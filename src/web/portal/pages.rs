//! What the pages tell: words only. The templates (pages/) put them in order and escape them.

use std::fmt;
use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;

use super::{Portal, Texts};
use crate::school::School;
use crate::web::said;

/// The type of every page.
const HTML: &str = "text/html; charset=utf-8";

/// What stands around every page.
pub(super) struct Page {
    /// The tag of its language.
    pub tag: String,
    /// The token of its forms.
    pub token: String,
    /// Its own path, for the buttons of other languages.
    pub back: String,
    /// The school's name; empty when it is not known.
    pub school: String,
    /// Whom to call; empty when the school is not known.
    pub contact: String,
    /// Where its own colour and its logo are.
    pub style: Option<String>,
    pub logo: Option<String>,
    /// The version of the privacy statement, where somebody is about to open something.
    pub statement: Option<String>,
    texts: Arc<Texts>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("tag", &self.tag).finish_non_exhaustive()
    }
}

impl Page {
    /// What stands around a page; of the only school at this address when there is but one.
    pub fn new(portal: &Portal, headers: &HeaderMap, tag: &str, token: String, back: &str) -> Self {
        let page = Self {
            tag: tag.to_owned(),
            token,
            back: back.to_owned(),
            school: String::new(),
            contact: String::new(),
            style: None,
            logo: None,
            statement: None,
            texts: portal.0.around.texts(),
        };
        match portal.schools_at(headers).as_slice() {
            [only] => page.of(portal, only),
            _ => page,
        }
    }

    /// The same page, of this school.
    #[must_use]
    pub fn of(mut self, portal: &Portal, school: &School) -> Self {
        let (style, logo) = portal.looks(&school.id);
        self.style = style.then(|| format!("/huisstijl/{}", school.id));
        self.logo = logo.then(|| format!("/logo/{}", school.id));
        self.contact = said::contact(&school.helpdesk);
        self.school.clone_from(&school.name);
        self
    }

    /// The same page, which names the version of the privacy statement that stands behind it.
    #[must_use]
    pub fn under(mut self, version: String) -> Self {
        self.statement = Some(version);
        self
    }

    /// The other languages: tag and own name.
    pub fn others(&self) -> Vec<(&str, &str)> {
        self.texts.languages().into_iter().filter(|(tag, _)| *tag != self.tag).collect()
    }

    /// A text.
    pub fn t(&self, key: &str) -> &str {
        self.texts.get(&self.tag, key)
    }

    /// A text with one placeholder filled in.
    pub fn with(&self, key: &str, name: &str, value: &str) -> String {
        self.texts.fill(&self.tag, key, &[(name, value)])
    }

    /// A text with its placeholders filled in.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.texts.fill(&self.tag, key, values)
    }

    /// A text of several paragraphs, with its placeholders filled in.
    pub fn paragraphs(&self, key: &str, values: &[(&str, &str)]) -> Vec<String> {
        self.fill(key, values).split("\n\n").map(|text| text.trim().to_owned()).collect()
    }

    /// A day in words.
    pub fn day(&self, millis: i64, zone: &TimeZone) -> String {
        self.texts.day(&self.tag, millis, zone)
    }

    /// A day and an hour in words.
    pub fn moment(&self, millis: i64, zone: &TimeZone) -> String {
        self.texts.moment(&self.tag, millis, zone)
    }

    /// An hour in words.
    pub fn clock(&self, millis: i64, zone: &TimeZone) -> String {
        self.texts.clock(&self.tag, millis, zone)
    }

    /// A list of which one is meant.
    pub fn any_of(&self, items: &[String]) -> String {
        self.texts.any_of(&self.tag, items)
    }

    /// A number of octets in words.
    pub fn size(&self, octets: u64) -> String {
        self.texts.size(&self.tag, octets)
    }
}

/// Something that is known: a name and a value, and what is added to it.
pub(super) struct Fact {
    pub name: String,
    pub value: String,
    pub beside: String,
}

impl Fact {
    /// A fact.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), beside: String::new() }
    }

    /// The same, with something beside it that is not the same again.
    #[must_use]
    pub fn with(mut self, beside: &str) -> Self {
        if beside != self.value {
            beside.clone_into(&mut self.beside);
        }
        self
    }
}

/// The page behind the link.
#[derive(Template)]
#[template(path = "welcome.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct WelcomePage {
    pub page: Page,
    pub intro: String,
    pub facts: Vec<Fact>,
    pub needs: String,
    /// No code works now: until when.
    pub locked: Option<String>,
    /// Where the message is, when it is open on this device.
    pub open: Option<String>,
    pub action: String,
}

/// What a device with a passkey is asked.
pub(super) struct PasskeyForm {
    pub action: String,
    /// The path of the page itself, to be asked anew.
    pub page: String,
    pub challenge: String,
    /// In JSON.
    pub asked: String,
    /// What was wrong with the answer before; empty when nothing was.
    pub error: String,
}

/// A passkey in a list.
pub(super) struct OwnKey {
    pub id: String,
    pub name: String,
    /// Since when, and when it was used last.
    pub about: String,
}

/// Where a passkey is made.
#[derive(Template)]
#[template(path = "passkeys.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct PasskeysPage {
    pub page: Page,
    pub intro: Vec<String>,
    /// Whose passkeys these are.
    pub own: String,
    pub make: Option<PasskeyForm>,
    pub passkeys: Vec<OwnKey>,
    pub remove: String,
    pub done: Option<String>,
    pub error: Option<String>,
    pub back: String,
}

/// Where the code is typed.
#[derive(Template)]
#[template(path = "code.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct CodePage {
    pub page: Page,
    /// With a passkey it opens too.
    pub passkey: Option<PasskeyForm>,
    pub about: String,
    pub label: String,
    pub hint: String,
    /// How a code looks.
    pub shape: &'static str,
    /// The device can be remembered.
    pub remember: bool,
    /// The path where another code is asked for, and the word on its button.
    pub again: Option<(String, String)>,
    pub no_code_word: String,
    pub typed: String,
    pub error: Option<String>,
    pub action: String,
    pub no_code: String,
}

/// Where a code by text message or mail is asked for.
#[derive(Template)]
#[template(path = "text_code.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct TextCodePage {
    pub page: Page,
    /// With a passkey it opens too.
    pub passkey: Option<PasskeyForm>,
    pub about: String,
    pub title: String,
    pub intro: String,
    pub button: String,
    pub no_code_word: String,
    pub error: Option<String>,
    pub action: String,
    pub no_code: String,
}

/// What to do without a code.
#[derive(Template)]
#[template(path = "no_code.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct NoCodePage {
    pub page: Page,
    pub title: String,
    pub ask: String,
    pub back_word: String,
    pub intro: String,
    pub phone: Option<String>,
    pub button: String,
    /// The sender was told.
    pub told: Option<String>,
    pub action: String,
    pub back: String,
}

/// A message.
#[derive(Template)]
#[template(path = "message.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct MessagePage {
    pub page: Page,
    pub subject: String,
    pub facts: Vec<Fact>,
    pub until: String,
    /// The text, when it is shown here.
    pub text: Option<String>,
    /// The text is in the mail that the recipient has: only its attachments are shared.
    pub mailed: bool,
    /// The path of the text in a frame, and how high it is: a class.
    pub frame: Option<(String, &'static str)>,
    /// The path of the same text without looks.
    pub plain: Option<String>,
    pub files: Vec<File>,
    /// The path of all files in one.
    pub zip: Option<String>,
    /// The path of the whole mail.
    pub original: Option<String>,
    /// Whether no file of it may be had.
    pub view_only: bool,
    /// The path of the answer's form; none for the sender's own copy.
    pub answer: Option<String>,
    pub close: String,
    /// The path where a passkey is made; none where there are none.
    pub passkeys: Option<String>,
    /// The device is remembered.
    pub remembered: bool,
    /// What was done just now.
    pub done: Option<String>,
}

/// A file of a message.
pub(super) struct File {
    pub name: String,
    /// How large it is, or when it was withdrawn.
    pub about: String,
    /// The path where it is shown.
    pub view: Option<String>,
    /// The path where it is had; none when it was withdrawn, or is read on a page alone.
    pub download: Option<String>,
}

/// A file that is shown.
#[derive(Template)]
#[template(path = "file.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct FilePage {
    pub page: Page,
    pub title: String,
    /// The path of a picture.
    pub picture: Option<String>,
    pub text: Option<String>,
    pub download: Option<String>,
    pub back: String,
}

/// An answer's form.
#[derive(Template)]
#[template(path = "answer.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct AnswerPage {
    pub page: Page,
    pub to: String,
    pub draft: String,
    pub limit: String,
    pub keep: String,
    pub error: Option<String>,
    /// Something good, such as that there is more time now.
    pub done: Option<String>,
    pub action: String,
    /// Back to the message; none when it is not open any more.
    pub back: Option<String>,
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "said.html", config = "src/web/portal/pages/askama.toml")]
pub(super) struct Said {
    pub page: Page,
    pub title: String,
    pub paragraphs: Vec<String>,
    /// What is listed: name and value.
    pub facts: Vec<Fact>,
    /// Paragraphs behind the list.
    pub after: Vec<String>,
    /// The path of a good next page, and its name.
    pub next: Option<(String, String)>,
}

impl Said {
    /// The page of an error.
    pub fn error(page: Page, word: &str) -> Self {
        let title = page.t(&format!("error_{word}_title")).to_owned();
        let paragraphs = page.paragraphs(&format!("error_{word}_text"), &[]);
        Self::new(page, title, paragraphs)
    }

    /// A page of its own title and text.
    pub fn new(page: Page, title: String, paragraphs: Vec<String>) -> Self {
        Self { page, title, paragraphs, facts: Vec::new(), after: Vec::new(), next: None }
    }
}

/// A page as an answer.
pub(super) fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => ([(header::CONTENT_TYPE, HTML)], html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
