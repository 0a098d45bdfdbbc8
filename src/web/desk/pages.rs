//! What the pages tell: words only. The templates (pages/) put them in order and escape them.

use std::fmt;
use std::sync::Arc;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Desk, Texts};
use crate::school::{Language, School};
use crate::web::said;

/// The type of every page.
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// What stands around every page.
pub(super) struct Page {
    /// The language.
    pub language: Language,
    /// The token of its forms.
    pub token: String,
    /// Its own path, for the button of the other language.
    pub back: String,
    /// Who is signed in.
    pub who: Option<String>,
    /// The school's name.
    pub school: String,
    /// Whom to ask about the page itself.
    pub helpdesk: String,
    /// Whether there are shared messages at all.
    pub shares: bool,
    texts: Arc<Texts>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("language", &self.language).finish_non_exhaustive()
    }
}

impl Page {
    /// What stands around a page of a school.
    pub fn new(
        desk: &Desk,
        language: Language,
        school: Option<&School>,
        who: Option<String>,
        token: String,
        back: &str,
    ) -> Self {
        let texts = desk.0.gate.texts();
        let helpdesk = school.map(|school| said::contact(&school.helpdesk));
        let helpdesk = helpdesk.unwrap_or_else(|| texts.get(language, "some_helpdesk").to_owned());
        let school = school.map(|school| school.name.clone()).unwrap_or_default();
        Self { language, token, back: back.to_owned(), who, school, helpdesk, shares: desk.0.shares.is_some(), texts }
    }

    /// What stands around a page that knows nobody.
    pub fn outside(desk: &Desk, language: Language) -> Self {
        Self::new(desk, language, None, None, String::new(), "/")
    }

    /// The same page, of this school.
    #[must_use]
    pub fn of(mut self, school: &School) -> Self {
        self.helpdesk = said::contact(&school.helpdesk);
        self.school.clone_from(&school.name);
        self
    }

    /// The word of the language, for `lang`.
    pub fn lang(&self) -> &'static str {
        self.language.word()
    }

    /// The word of the other language.
    pub fn other(&self) -> &'static str {
        self.language.of("en", "nl")
    }

    /// A text.
    pub fn t(&self, key: &str) -> &str {
        self.texts.get(self.language, key)
    }

    /// A text with one placeholder filled in.
    pub fn with(&self, key: &str, name: &str, value: &str) -> String {
        self.texts.fill(self.language, key, &[(name, value)])
    }

    /// A text with its placeholders filled in.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.texts.fill(self.language, key, values)
    }
}

/// What a notice told: what, where, why, to whom.
pub(super) struct Told {
    /// When it was sent.
    pub sent: String,
    /// The subject, when it may be shown.
    pub subject: Option<String>,
    /// The number.
    pub number: String,
    /// Recipients as they may be named, each with what has become of it.
    pub recipients: Vec<(String, String)>,
    /// What was found and where.
    pub found: Vec<String>,
    /// Why that matters.
    pub why: Vec<String>,
    /// Until when something can be chosen; empty when nothing can.
    pub until: String,
}

/// The page behind the link in a notice, and behind a link to somebody who is asked.
#[derive(Template)]
#[template(path = "door.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct DoorPage {
    pub page: Page,
    pub title: String,
    pub intro: String,
    pub told: Told,
    /// What may be chosen after the proof.
    pub choices: Vec<String>,
    pub proof: String,
    /// The path of the form that sends a code.
    pub action: String,
    /// Who may have one, each with its number.
    pub readers: Vec<(usize, String)>,
    pub error: Option<String>,
}

/// Where the code is typed.
#[derive(Template)]
#[template(path = "code.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct CodePage {
    pub page: Page,
    /// The path of the form that takes the code.
    pub action: String,
    /// The path where another one is asked for.
    pub again: String,
    pub error: Option<String>,
}

/// My blocked mail.
#[derive(Template)]
#[template(path = "list.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct ListPage {
    pub page: Page,
    pub rows: Vec<Row>,
}

/// One mail in the list.
pub(super) struct Row {
    /// Its number.
    pub number: String,
    /// What the link says.
    pub title: String,
    /// To whom.
    pub recipients: String,
    /// What has become of it, each once.
    pub states: Vec<String>,
    /// Until when something can be chosen; empty when nothing can.
    pub until: String,
}

/// A shared message in the list.
pub(super) struct ShareRow {
    /// Its id.
    pub number: String,
    /// What the link says.
    pub title: String,
    /// Some of its recipients.
    pub people: Vec<SharedWith>,
    /// How many more there are; empty when none.
    pub more: String,
    /// Until when it can be read; empty when it is over.
    pub until: String,
}

/// A recipient in the list of shared messages.
pub(super) struct SharedWith {
    pub address: String,
    pub state: String,
    /// By what it was opened, or will be.
    pub by: String,
}

/// One mail.
#[derive(Template)]
#[template(path = "mail.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct MailPage {
    pub page: Page,
    pub title: String,
    pub told: Told,
    /// What was done just now.
    pub done: Option<String>,
    /// What may be chosen: its path, its name, and what it does.
    pub choices: Vec<(String, String, String)>,
    /// The path of the passage's form, when the mail is still there.
    pub passage: Option<String>,
    /// What was done: when, and what.
    pub history: Vec<(String, String)>,
    /// How it travelled under proven TLS: when, what, and the facts of it.
    pub ways: Vec<(String, String, String)>,
}

/// The words around what was found.
#[derive(Template)]
#[template(path = "passage.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct PassagePage {
    pub page: Page,
    pub passages: Vec<Around>,
    pub mail: String,
}

/// A finding with the words around it.
pub(super) struct Around {
    pub heading: String,
    pub before: String,
    pub found: String,
    pub after: String,
}

/// The form of a choice.
#[derive(Template)]
#[template(path = "choice.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct ChoicePage {
    pub page: Page,
    pub title: String,
    pub intro: Vec<String>,
    /// Lines that stand apart: what is left in the mail, or what was taken out.
    pub lines_heading: String,
    pub lines: Vec<String>,
    /// The path of the form; empty when there is nothing to send.
    pub action: String,
    /// For whom: place and address. One is said, more can be ticked.
    pub recipients: Vec<(usize, String, bool)>,
    /// Whom to ask: number and name.
    pub people: Vec<(usize, String)>,
    /// What is typed: label, hint, and what was typed before.
    pub area: Option<(String, String, String)>,
    /// On which ground of the law: word, what it says, and whether it is chosen.
    pub grounds: Vec<(&'static str, String, bool)>,
    /// What may be ticked besides.
    pub also: Vec<Tick>,
    /// A hidden step.
    pub step: &'static str,
    pub button: String,
    /// It cannot be undone.
    pub grave: bool,
    pub error: Option<String>,
    /// What is wrong is what was typed, not who was ticked.
    pub words_wrong: bool,
    /// Or which ground was chosen.
    pub ground_wrong: bool,
    /// Back to the mail.
    pub mail: String,
}

/// A box to be ticked.
pub(super) struct Tick {
    /// Its field.
    pub name: &'static str,
    pub label: String,
    /// Whether it was ticked before.
    pub on: bool,
}

impl ChoicePage {
    /// A page without anything to choose yet.
    pub fn bare(page: Page) -> Self {
        Self {
            page,
            title: String::new(),
            intro: Vec::new(),
            lines_heading: String::new(),
            lines: Vec::new(),
            action: String::new(),
            recipients: Vec::new(),
            people: Vec::new(),
            area: None,
            grounds: Vec::new(),
            also: Vec::new(),
            step: "",
            button: String::new(),
            grave: false,
            error: None,
            words_wrong: false,
            ground_wrong: false,
            mail: String::new(),
        }
    }
}

/// My shared messages.
#[derive(Template)]
#[template(path = "shares.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct ShareListPage {
    pub page: Page,
    pub rows: Vec<ShareRow>,
}

/// One of them.
#[derive(Template)]
#[template(path = "share.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct SharePage {
    pub page: Page,
    pub title: String,
    pub intro: String,
    pub until: String,
    /// What it is shared for, when its sender was asked.
    pub purpose: Option<String>,
    /// And on which ground of the law.
    pub ground: Option<String>,
    /// That nothing of its content is left.
    pub destroyed: Option<String>,
    /// What was done just now.
    pub done: Option<String>,
    pub people: Vec<Person>,
    /// Files that may be withdrawn from everybody: path and name.
    pub files: Vec<(String, String)>,
    /// The path where all of it is withdrawn.
    pub withdraw: Option<String>,
    /// The path of the form that lets it live longer.
    pub extend: Option<String>,
    /// Where somebody is added.
    pub add: Option<String>,
    /// The path of the form that switches the files off and on.
    pub downloads: Option<String>,
    /// Whether they are off.
    pub view_only: bool,
    /// The path where it is deleted.
    pub delete: Option<String>,
    /// The path of what happened, as a file.
    pub log: String,
    /// What happened: when, and what.
    pub history: Vec<(String, String)>,
}

/// A recipient of a shared message.
pub(super) struct Person {
    pub address: String,
    pub rid: String,
    pub state: String,
    /// The code that is to be passed on.
    pub code: Option<String>,
    pub lines: Vec<String>,
    pub pieces: Vec<Piece>,
    /// The path where it is withdrawn from this one.
    pub withdraw: Option<String>,
    /// The path of the form that makes a new link.
    pub renew: Option<String>,
    /// The path of the form that takes this one's passkeys away.
    pub passkeys: Option<String>,
}

/// A file, for one recipient.
pub(super) struct Piece {
    pub name: String,
    /// What its link is called to who hears it.
    pub label: String,
    pub state: String,
    pub withdraw: Option<String>,
}

/// The sender's own link.
#[derive(Template)]
#[template(path = "copy.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct CopyPage {
    pub page: Page,
    pub intro: String,
    /// The path of the form: it opens the copy, or sends a code.
    pub action: String,
    /// To which mailbox a code goes; none when this device is signed in.
    pub reader: Option<String>,
    /// The path of what became of it.
    pub share: String,
}

/// The link in the list of a week.
#[derive(Template)]
#[template(path = "week.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct WeekPage {
    pub page: Page,
    /// The path of the form that sends a code.
    pub action: String,
    /// To which mailbox.
    pub reader: String,
}

/// What somebody else is asked.
#[derive(Template)]
#[template(path = "request.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct RequestPage {
    pub page: Page,
    pub title: String,
    pub intro: String,
    pub told: Told,
    /// What the asker typed.
    pub words_heading: String,
    pub words: String,
    pub action: String,
    /// Label and hint of what is typed.
    pub area: (String, String),
    /// The buttons: value and name, the first one says yes.
    pub buttons: Vec<(&'static str, String)>,
    pub error: Option<String>,
}

/// Somebody who is to have a shared message too.
#[derive(Template)]
#[template(path = "share_late.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct ShareLatePage {
    pub page: Page,
    pub action: String,
    pub back: String,
    pub typed: String,
    /// Why he does not get it, in paragraphs.
    pub errors: Vec<String>,
}

/// "Can I mail safely to ...?"
#[derive(Template)]
#[template(path = "safely.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct SafelyPage {
    pub page: Page,
    /// What was typed.
    pub typed: String,
    /// The answer; empty before anything was asked.
    pub said: Vec<String>,
    pub error: Option<String>,
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "said.html", config = "src/web/desk/pages/askama.toml")]
pub(super) struct Said {
    pub page: Page,
    pub title: String,
    pub paragraphs: Vec<String>,
}

impl Said {
    /// The page of an error.
    pub fn error(page: Page, word: &str) -> Self {
        let title = page.t(&format!("error_{word}_title")).to_owned();
        let text = page.t(&format!("error_{word}_text")).to_owned();
        Self { title, paragraphs: vec![text], page }
    }

    /// A page of its own title and text.
    pub fn new(page: Page, title: String, paragraphs: Vec<String>) -> Self {
        Self { page, title, paragraphs }
    }
}

/// A page as an answer.
pub(super) fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => ([(header::CONTENT_TYPE, HTML)], html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
