//! What was looked at, in the language of the installation.

use serde::Serialize;

use crate::problem::Problem;
use crate::school::Language;

/// What was looked at so far.
#[derive(Debug)]
pub(super) struct Report {
    language: Language,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    state: State,
    said: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Error,
}

impl Report {
    /// An empty one.
    pub fn new(language: Language) -> Self {
        Self { language, checks: Vec::new() }
    }

    /// All is well with this. Texts are Dutch and English.
    pub fn ok<T: Into<String>>(&mut self, check: &'static str, said: [T; 2]) {
        self.add(check, State::Ok, said, None::<[String; 2]>);
    }

    /// Somebody must look at this.
    pub fn warn<T: Into<String>, U: Into<String>>(&mut self, check: &'static str, said: [T; 2], todo: [U; 2]) {
        self.add(check, State::Warning, said, Some(todo));
    }

    /// This stops mail, or will soon.
    pub fn bad<T: Into<String>, U: Into<String>>(&mut self, check: &'static str, said: [T; 2], todo: [U; 2]) {
        self.add(check, State::Error, said, Some(todo));
    }

    /// As others say it, with file and line.
    pub fn problem(&mut self, check: &'static str, problem: &Problem) {
        let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
        let said = format!("{}{line}: {}", problem.file.display(), problem.what);
        self.checks.push(Check { check, state: State::Error, said, todo: Some(problem.remedy.clone()) });
    }

    /// Whether nothing is wrong; warnings are not.
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.state != State::Error)
    }

    /// A line a check, in columns.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.checks.iter().map(|check| {
            let state = match check.state {
                State::Ok => "ok",
                State::Warning => self.language.of("let op", "warning"),
                State::Error => self.language.of("fout", "error"),
            };
            let todo = check.todo.as_ref().map(|todo| self.language.of("Doen: ", "To do: ").to_string() + todo);
            let todo = todo.map_or_else(String::new, |todo| format!(". {todo}"));
            format!("{state:7} {:14} {}{todo}", check.check, check.said)
        })
    }

    /// All of it as one object.
    pub fn json(&self) -> String {
        serde_json::json!({ "ok": self.is_good(), "checks": self.checks }).to_string()
    }

    fn add<T: Into<String>, U: Into<String>>(
        &mut self,
        check: &'static str,
        state: State,
        [nl, en]: [T; 2],
        todo: Option<[U; 2]>,
    ) {
        let said = self.language.of(nl, en).into();
        let todo = todo.map(|[nl, en]| self.language.of(nl, en).into());
        self.checks.push(Check { check, state, said, todo });
    }
}
