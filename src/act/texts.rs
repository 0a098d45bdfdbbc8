//! The texts of notices, from files that a school may edit, checked at load.
//!
//! A folder holds `notice.nl.txt` (its first line is the subject), `notice.nl.html`, the same two of `failure` (a mail
//! that did not arrive), `unproven` (mail that may only travel under proven TLS, and cannot) and `waiting` (the same, not
//! yet), `several` (mails that were stopped after one another), `digest` (advice of a day), `program` (what a program's owner
//! must know), `linked` (a link in place of a program's mail), `share.nl.txt` and its like (mails about a secure share; HTML is made of them), `choices.nl.txt` (one choice a
//! line) and `advice_KEY.nl.txt` for each advice of the policy, and the same in English. Never
//! falls back to another text: a missing file or an unknown placeholder is a problem, with its line, at
//! start or reload and not at the first notice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::share;
use super::template::Template;
use crate::decide::Policy;
use crate::problem::Problem;
use crate::school::Language;

/// What the texts of a notice may name.
const NOTICE: [&str; 20] = [
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
    "how",
    "link",
    "if_nothing",
    "readers",
    "privacy",
    "deputy",
    "helpdesk",
    "fg",
    "number",
];
/// What the choices and the advice may name besides.
const CHOICES: [&str; 11] = [
    "school",
    "desk",
    "remove_columns",
    "changes",
    "advice",
    "channel",
    "privacy",
    "deputy",
    "helpdesk",
    "fg",
    "number",
];
/// What a message about mail that did not arrive may name.
const FAILURE: [&str; 11] =
    ["school", "time", "clock", "recipients", "reason", "todo", "number", "privacy", "deputy", "helpdesk", "fg"];
/// What a message about mail for which nothing could be proven may name, and one about mail that waits.
const UNPROVEN: [&str; 13] = [
    "school",
    "time",
    "clock",
    "recipients",
    "reason",
    "link",
    "if_nothing",
    "number",
    "privacy",
    "deputy",
    "helpdesk",
    "fg",
    "until",
];
const WAITING: [&str; 12] = [
    "school",
    "time",
    "clock",
    "recipients",
    "reason",
    "until",
    "then",
    "number",
    "privacy",
    "deputy",
    "helpdesk",
    "fg",
];
/// What a message that tells several things may name.
const TOGETHER: [&str; 7] = ["school", "count", "mails", "privacy", "deputy", "helpdesk", "fg"];
/// What a letter with a link in place of a mail may name.
const LINKED: [&str; 3] = ["school", "link", "helpdesk"];
const ADVICE: [&str; 6] = ["school", "privacy", "deputy", "helpdesk", "fg", "most_pupils"];

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
pub(super) struct Set {
    pub(super) notice: Letter,
    pub(super) choices: Template,
    pub(super) failure: Letter,
    pub(super) unproven: Letter,
    pub(super) waiting: Letter,
    pub(super) share: Letter,
    pub(super) files: Letter,
    pub(super) admin: Letter,
    pub(super) receipt: Letter,
    pub(super) ready: Letter,
    pub(super) code_wanted: Letter,
    pub(super) code_instead: Letter,
    pub(super) passkey_made: Letter,
    pub(super) answer: Letter,
    pub(super) several: Letter,
    pub(super) digest: Letter,
    pub(super) program: Letter,
    pub(super) linked: Letter,
    pub(super) advice: BTreeMap<String, Advice>,
}

/// A mail that we write: its subject, and its text in both forms.
#[derive(Debug, Clone, Default)]
pub(super) struct Letter {
    pub(super) subject: Template,
    pub(super) plain: Template,
    pub(super) html: Template,
}

impl Letter {
    const EMPTY: Self = Self { subject: Template::EMPTY, plain: Template::EMPTY, html: Template::EMPTY };

    /// Takes one of its two files.
    fn take(&mut self, path: &Path, form: &str, text: &str, allowed: &[&str]) -> Result<(), Vec<Problem>> {
        if form == "html" {
            self.html = Template::parse(path, text, allowed)?;
            return Ok(());
        }
        self.plain = Template::parse(path, text, allowed)?;
        self.subject = self.plain.split_first_line(SUBJECT).ok_or_else(|| {
            let remedy = "start the file with a line \"Subject: ...\"";
            vec![Problem::new(path, "there is no subject", remedy).at(text, 0)]
        })?;
        Ok(())
    }
}

/// One advice: `advice_KEY.nl.txt` holds its line, an empty line, the reasons, behind `+ ` what must change for the
/// mail to pass, and behind `- ` what else the sender can do. Changes of all advice go together in one choice, since
/// the mail is stopped again when one is left undone.
#[derive(Debug, Clone)]
pub(super) struct Advice {
    pub(super) line: Template,
    pub(super) reasons: Template,
    pub(super) changes: Template,
    pub(super) choices: Template,
}

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

    /// The texts of a language.
    pub(super) fn set(&self, language: Language) -> &Set {
        const NONE: &Set = &Set {
            notice: Letter::EMPTY,
            choices: Template::EMPTY,
            failure: Letter::EMPTY,
            unproven: Letter::EMPTY,
            waiting: Letter::EMPTY,
            share: Letter::EMPTY,
            files: Letter::EMPTY,
            admin: Letter::EMPTY,
            receipt: Letter::EMPTY,
            ready: Letter::EMPTY,
            code_wanted: Letter::EMPTY,
            code_instead: Letter::EMPTY,
            passkey_made: Letter::EMPTY,
            answer: Letter::EMPTY,
            several: Letter::EMPTY,
            digest: Letter::EMPTY,
            program: Letter::EMPTY,
            linked: Letter::EMPTY,
            advice: BTreeMap::new(),
        };
        self.languages.get(&language).unwrap_or(NONE)
    }

    fn take(&mut self, path: &Path, name: &str, text: &str) -> Result<(), Vec<Problem>> {
        let unknown = || {
            let remedy = "name it notice, failure, unproven, waiting, several, digest, program, linked, choices, share, \
                          share_receipt, share_ready, share_code_wanted, share_code_instead, share_passkey, share_answer or \
                          advice_KEY, then .nl or .en, then .txt (the first eight also .html)";
            vec![Problem::new(path, "no text of this name is used", remedy)]
        };
        let (stem, form) = name.rsplit_once('.').ok_or_else(unknown)?;
        let (stem, word) = stem.rsplit_once('.').ok_or_else(unknown)?;
        let language = Language::ALL.into_iter().find(|language| language.word() == word).ok_or_else(unknown)?;
        let set = self.languages.entry(language).or_default();
        if let Some((letter, allowed)) = set.of_share(stem).filter(|_| form == "txt") {
            return letter.take(path, form, text, allowed);
        }
        match (stem, form, stem.strip_prefix("advice_")) {
            ("notice", "txt" | "html", _) => set.notice.take(path, form, text, &NOTICE)?,
            ("failure", "txt" | "html", _) => set.failure.take(path, form, text, &FAILURE)?,
            ("unproven", "txt" | "html", _) => set.unproven.take(path, form, text, &UNPROVEN)?,
            ("waiting", "txt" | "html", _) => set.waiting.take(path, form, text, &WAITING)?,
            ("several", "txt" | "html", _) => set.several.take(path, form, text, &TOGETHER)?,
            ("digest", "txt" | "html", _) => set.digest.take(path, form, text, &TOGETHER)?,
            ("program", "txt" | "html", _) => set.program.take(path, form, text, &TOGETHER)?,
            ("linked", "txt" | "html", _) => set.linked.take(path, form, text, &LINKED)?,
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
            [
                "notice.txt",
                "notice.html",
                "failure.txt",
                "failure.html",
                "unproven.txt",
                "unproven.html",
                "waiting.txt",
                "waiting.html",
                "several.txt",
                "several.html",
                "digest.txt",
                "digest.html",
                "program.txt",
                "program.html",
                "linked.txt",
                "linked.html",
                "choices.txt",
            ]
            .map(|name| name.replace('.', &format!(".{language}."))),
        );
        wanted.extend(share::names().map(|name| format!("{name}.{language}.txt")));
        let advices = seen.iter().filter(|name| name.starts_with("advice_"));
        wanted.extend(advices.filter_map(|name| Some(format!("{}.{language}.txt", name.split('.').next()?))));
    }
    wanted
}

fn advice(path: &Path, text: &str) -> Result<Advice, Vec<Problem>> {
    // Each of the four keeps all lines, the others' emptied, so that a problem has its right line number.
    let only = |wanted: fn(usize, &str) -> bool| {
        let lines = text.lines().enumerate().map(|(n, line)| if wanted(n, line) { line } else { "" });
        lines.collect::<Vec<_>>().join("\n")
    };
    let parsed = |wanted| Template::parse(path, &only(wanted), &ADVICE);
    let line = parsed(|n, _| n == 0);
    let reasons = parsed(|n, line| n > 0 && !line.starts_with("- ") && !line.starts_with("+ "));
    let changes = parsed(|n, line| n > 0 && line.starts_with("+ "));
    let choices = parsed(|n, line| n > 0 && line.starts_with("- "));
    match (line, reasons, changes, choices) {
        (Ok(line), Ok(reasons), Ok(changes), Ok(choices)) if !text.trim_start_matches(['\r', '\n']).is_empty() => {
            Ok(Advice { line, reasons, changes, choices })
        }
        (Ok(_), Ok(_), Ok(_), Ok(_)) => {
            Err(vec![Problem::new(path, "the text is empty", "write one line, an empty line, and the reasons")])
        }
        (line, reasons, changes, choices) => {
            Err([line, reasons, changes, choices].into_iter().filter_map(Result::err).flatten().collect())
        }
    }
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
    "advice_bulk.en.txt",
    "advice_bulk.nl.txt",
    "advice_bulk_sender.en.txt",
    "advice_bulk_sender.nl.txt",
    "advice_calendar.en.txt",
    "advice_calendar.nl.txt",
    "advice_conduct.en.txt",
    "advice_conduct.nl.txt",
    "advice_confidential.en.txt",
    "advice_confidential.nl.txt",
    "advice_document.en.txt",
    "advice_document.nl.txt",
    "advice_employment.en.txt",
    "advice_employment.nl.txt",
    "advice_first_time.en.txt",
    "advice_first_time.nl.txt",
    "advice_health.en.txt",
    "advice_health.nl.txt",
    "advice_health_light.en.txt",
    "advice_health_light.nl.txt",
    "advice_list.en.txt",
    "advice_list.nl.txt",
    "advice_locked_with_password.en.txt",
    "advice_locked_with_password.nl.txt",
    "advice_look_alike.en.txt",
    "advice_look_alike.nl.txt",
    "advice_marks.en.txt",
    "advice_marks.nl.txt",
    "advice_name.en.txt",
    "advice_name.nl.txt",
    "advice_password.en.txt",
    "advice_password.nl.txt",
    "advice_share_code.en.txt",
    "advice_share_code.nl.txt",
    "advice_personal.en.txt",
    "advice_personal.nl.txt",
    "advice_photo.en.txt",
    "advice_photo.nl.txt",
    "advice_picture.en.txt",
    "advice_picture.nl.txt",
    "advice_picture_refused.en.txt",
    "advice_picture_refused.nl.txt",
    "advice_program.en.txt",
    "advice_program.nl.txt",
    "advice_quote.en.txt",
    "advice_quote.nl.txt",
    "advice_special.en.txt",
    "advice_special.nl.txt",
    "advice_two_households.en.txt",
    "advice_two_households.nl.txt",
    "advice_unread_broken.en.txt",
    "advice_unread_broken.nl.txt",
    "advice_unread_encrypted.en.txt",
    "advice_unread_encrypted.nl.txt",
    "advice_unread_large.en.txt",
    "advice_unread_large.nl.txt",
    "advice_unread_unknown.en.txt",
    "advice_unread_unknown.nl.txt",
    "advice_visible.en.txt",
    "advice_visible.nl.txt",
    "choices.en.txt",
    "choices.nl.txt",
    "digest.en.html",
    "digest.en.txt",
    "digest.nl.html",
    "digest.nl.txt",
    "failure.en.html",
    "failure.en.txt",
    "failure.nl.html",
    "failure.nl.txt",
    "linked.en.html",
    "linked.en.txt",
    "linked.nl.html",
    "linked.nl.txt",
    "notice.en.html",
    "notice.en.txt",
    "notice.nl.html",
    "notice.nl.txt",
    "program.en.html",
    "program.en.txt",
    "program.nl.html",
    "program.nl.txt",
    "several.en.html",
    "several.en.txt",
    "several.nl.html",
    "several.nl.txt",
    "unproven.en.html",
    "unproven.en.txt",
    "unproven.nl.html",
    "unproven.nl.txt",
    "waiting.en.html",
    "waiting.en.txt",
    "waiting.nl.html",
    "waiting.nl.txt",
    "share.en.txt",
    "share.nl.txt",
    "share_admin.en.txt",
    "share_admin.nl.txt",
    "share_answer.en.txt",
    "share_answer.nl.txt",
    "share_code_instead.en.txt",
    "share_code_instead.nl.txt",
    "share_code_wanted.en.txt",
    "share_code_wanted.nl.txt",
    "share_files.en.txt",
    "share_files.nl.txt",
    "share_passkey.en.txt",
    "share_passkey.nl.txt",
    "share_ready.en.txt",
    "share_ready.nl.txt",
    "share_receipt.en.txt",
    "share_receipt.nl.txt",
];
