//! What each policy line did, or would have done, in numbers: for the school that decides whether to enforce.
//!
//! Counted from the journal: mails, never people by name. What fewer than five different senders met is told together
//! (they could be recognised); what programs send is told as it is. Lines of another mode than now are counted by what
//! they asked for, so a month of `observe` says what `enforce` would do.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::school::Language;
use crate::seal::Index;
use crate::store::journal::find::Line;

/// Fewer senders than this are told together.
const GROUP: usize = 5;

/// What is counted.
#[derive(Debug, Default)]
pub struct Tally {
    mails: u64,
    senders: HashSet<Index>,
    from: Option<i64>,
    to: Option<i64>,
    /// By the strictest thing that was asked for.
    strictest: BTreeMap<Answer, u64>,
    lines: BTreeMap<(String, Answer), Group>,
    flows: BTreeMap<Flow, Group>,
}

/// What a policy line answers, from mild to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// On, with advice.
    Advise,
    /// On, when the way is proven to be encrypted.
    Tls,
    /// A secure share.
    Share,
    /// A secure share, after its sender said what for.
    ShareWithPurpose,
    /// Not now.
    Defer,
    /// Not sent.
    Block,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Flow {
    client: String,
    program: bool,
    kind: String,
    class: String,
}

#[derive(Debug, Clone, Default)]
struct Group {
    mails: u64,
    stopped: u64,
    recipients: u64,
    senders: HashSet<Index>,
}

/// What a line of the journal says of a mail, as far as it is needed here.
#[derive(Deserialize)]
struct Said {
    event: String,
    #[serde(default)]
    client: String,
    #[serde(default)]
    program: bool,
    #[serde(default)]
    kinds: BTreeMap<String, u64>,
    #[serde(default)]
    routes: Vec<Route>,
}

#[derive(Deserialize)]
struct Route {
    class: String,
    line: String,
    asked: String,
    route: String,
    advise: bool,
    recipients: u64,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Mails that were judged.
    pub mails: u64,
    /// Different senders of these.
    pub senders: usize,
    /// Days from the first to the last of them.
    pub days: f64,
    /// Mails by the strictest thing that is asked for them, and how many that is in a week.
    pub answers: Vec<Answers>,
    /// What each policy line did or would have done. Lines that few senders met are one row without a name, at the end.
    pub lines: Vec<Row>,
    /// What is sent by which client to which class. Flows of few senders are one row without names, at the end.
    pub flows: Vec<FlowRow>,
}

/// Mails for which the strictest answer is this.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answers {
    /// The answer.
    pub answer: Answer,
    /// Mails.
    pub mails: u64,
    /// Mails in a week.
    pub per_week: u64,
}

/// A policy line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its id; none for several together.
    pub line: Option<String>,
    /// What it asks for; none for several together.
    pub answer: Option<Answer>,
    /// Mails that it decided on.
    pub mails: u64,
    /// Of a hundred mails.
    pub per_100: f64,
    /// Different senders; none when they are fewer than five.
    pub senders: Option<usize>,
    /// Mails that were stopped by it.
    pub stopped: u64,
}

/// A flow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlowRow {
    /// The client; none for several together.
    pub client: Option<String>,
    /// The kind of data.
    pub kind: Option<String>,
    /// The class of the recipients.
    pub class: Option<String>,
    /// Mails.
    pub mails: u64,
    /// Recipients.
    pub recipients: u64,
    /// Different senders; none when they are fewer than five.
    pub senders: Option<usize>,
}

impl Tally {
    /// Counts a line of the journal; `advises` says of a policy line whether its sender would be advised.
    pub fn add(&mut self, line: &Line, advises: impl Fn(&str) -> bool) {
        let Ok(said) = Said::deserialize(&line.core) else { return };
        if said.event != "mail" || said.routes.is_empty() {
            return;
        }
        self.mails += 1;
        self.senders.extend(line.sender);
        self.from = Some(self.from.map_or(line.at, |from| from.min(line.at)));
        self.to = Some(self.to.map_or(line.at, |to| to.max(line.at)));
        let answers: Vec<(Answer, &Route)> =
            said.routes.iter().filter_map(|route| Some((answer(route, &advises)?, route))).collect();
        if let Some(strictest) = answers.iter().map(|(answer, _)| *answer).max() {
            *self.strictest.entry(strictest).or_default() += 1;
        }
        // A line that decided for recipients of two classes decided on one mail.
        let mut met = BTreeMap::<(&str, Answer), (bool, u64)>::new();
        for (answer, route) in &answers {
            let met = met.entry((&route.line, *answer)).or_default();
            *met = (met.0 || route.route != "pass", met.1.saturating_add(route.recipients));
        }
        for ((id, answer), (is_stopped, recipients)) in met {
            self.lines.entry((id.to_owned(), answer)).or_default().add(is_stopped, recipients, line.sender);
        }
        self.add_flows(&said, line.sender);
    }

    fn add_flows(&mut self, said: &Said, sender: Option<Index>) {
        let mut classes = BTreeMap::<&str, u64>::new();
        for route in &said.routes {
            *classes.entry(&route.class).or_default() += route.recipients;
        }
        for kind in said.kinds.keys() {
            for (class, recipients) in &classes {
                let flow = Flow {
                    client: said.client.clone(),
                    program: said.program,
                    kind: kind.clone(),
                    class: (*class).to_owned(),
                };
                self.flows.entry(flow).or_default().add(false, *recipients, sender);
            }
        }
    }

    /// The report on what was counted.
    pub fn report(self) -> Report {
        const DAY: f64 = 24.0 * 3600.0 * 1000.0;
        let span = self.to.unwrap_or_default().saturating_sub(self.from.unwrap_or_default());
        // What came within a day says nothing of a week yet, but this much of a day.
        let days = (span as f64 / DAY).max(1.0);
        let mails = self.mails;
        let answers = self.strictest.iter().rev().map(|(answer, mails)| Answers {
            answer: *answer,
            mails: *mails,
            per_week: (*mails as f64 * 7.0 / days).round() as u64,
        });
        Report {
            mails,
            senders: self.senders.len(),
            days: (days * 10.0).round() / 10.0,
            answers: answers.collect(),
            lines: rows(self.lines, mails),
            flows: flow_rows(self.flows),
        }
    }
}

impl Group {
    fn add(&mut self, is_stopped: bool, recipients: u64, sender: Option<Index>) {
        self.mails += 1;
        self.stopped += u64::from(is_stopped);
        self.recipients = self.recipients.saturating_add(recipients);
        self.senders.extend(sender);
    }

    fn is_small(&self) -> bool {
        self.senders.len() < GROUP
    }

    fn senders(&self) -> Option<usize> {
        (!self.is_small()).then_some(self.senders.len())
    }

    fn join(&mut self, other: &Self) {
        self.mails += other.mails;
        self.stopped += other.stopped;
        self.recipients = self.recipients.saturating_add(other.recipients);
        self.senders.extend(&other.senders);
    }
}

/// What the line asked for; none when the mail may just go.
fn answer(route: &Route, advises: impl Fn(&str) -> bool) -> Option<Answer> {
    match route.asked.as_str() {
        "tls" => Some(Answer::Tls),
        "share" => Some(Answer::Share),
        "share_with_purpose" => Some(Answer::ShareWithPurpose),
        "defer" => Some(Answer::Defer),
        "block" => Some(Answer::Block),
        _ => (route.advise || advises(&route.line)).then_some(Answer::Advise),
    }
}

/// The most frequent first, and what few senders met in one row.
fn rows(lines: BTreeMap<(String, Answer), Group>, mails: u64) -> Vec<Row> {
    let row = |line: Option<String>, answer, group: &Group| Row {
        line,
        answer,
        mails: group.mails,
        per_100: (group.mails as f64 * 1000.0 / mails.max(1) as f64).round() / 10.0,
        senders: group.senders(),
        stopped: group.stopped,
    };
    let (small, large): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(_, group)| group.is_small());
    let mut rows: Vec<Row> =
        large.into_iter().map(|((id, answer), group)| row(Some(id), Some(answer), &group)).collect();
    rows.sort_by(|a, b| b.mails.cmp(&a.mails).then_with(|| a.line.cmp(&b.line)));
    let rest = joined(small.iter().map(|(_, group)| group));
    rows.extend(rest.map(|rest| row(None, None, &rest)));
    rows
}

fn flow_rows(flows: BTreeMap<Flow, Group>) -> Vec<FlowRow> {
    let (small, large): (Vec<_>, Vec<_>) =
        flows.into_iter().partition(|(flow, group)| group.is_small() && !flow.program);
    let mut rows: Vec<FlowRow> = large
        .into_iter()
        .map(|(flow, group)| FlowRow {
            client: Some(flow.client),
            kind: Some(flow.kind),
            class: Some(flow.class),
            mails: group.mails,
            recipients: group.recipients,
            senders: group.senders(),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.mails));
    let rest = joined(small.iter().map(|(_, group)| group));
    rows.extend(rest.map(|rest| FlowRow {
        client: None,
        kind: None,
        class: None,
        mails: rest.mails,
        recipients: rest.recipients,
        senders: rest.senders(),
    }));
    rows
}

fn joined<'g>(groups: impl Iterator<Item = &'g Group>) -> Option<Group> {
    groups.fold(None, |rest: Option<Group>, group| {
        let mut rest = rest.unwrap_or_default();
        rest.join(group);
        Some(rest)
    })
}

impl Answer {
    fn words(self, language: Language) -> &'static str {
        match self {
            Self::Advise => language.of("versturen, met advies", "send, with advice"),
            Self::Tls => language.of("alleen versleuteld versturen", "send over proven encryption only"),
            Self::Share => language.of("veilig delen", "secure share"),
            Self::ShareWithPurpose => language.of("veilig delen, met het doel erbij", "secure share, with its purpose"),
            Self::Defer => language.of("later", "later"),
            Self::Block => language.of("tegenhouden", "stop"),
        }
    }

    fn a_week(self, mails: u64, language: Language) -> String {
        let (nl, en) = match self {
            Self::Advise => ("zouden gaan, met advies aan de afzender", "would go, with advice to their senders"),
            Self::Tls => {
                ("zouden alleen gaan als de weg bewezen versleuteld is", "would go over proven encryption only")
            }
            Self::Share => ("zouden veilig gedeeld worden", "would become shares"),
            Self::ShareWithPurpose => (
                "zouden veilig gedeeld worden, nadat gevraagd is waarvoor",
                "would become shares, after asking what for",
            ),
            Self::Defer => ("zouden later gaan", "would go later"),
            Self::Block => ("zouden niet verstuurd worden", "would be stopped"),
        };
        language.of(format!("{mails} mails per week {nl}."), format!("{mails} mails a week {en}."))
    }
}

impl Report {
    /// What the policy lines would do, for people.
    pub fn in_language(&self, language: Language) -> String {
        if self.mails == 0 {
            return language.of("Er is nog geen mail beoordeeld.", "No mail has been judged yet.").to_owned();
        }
        let mut text = self.head(language);
        for answers in &self.answers {
            let _ = writeln!(text, "{}", answers.answer.a_week(answers.per_week, language));
        }
        let _ = writeln!(
            text,
            "\n{:<24} {:<34}{:>7}{:>9}{:>11}{:>13}",
            language.of("regel", "line"),
            language.of("vraagt om", "asks for"),
            "mails",
            language.of("per 100", "per 100"),
            language.of("afzenders", "senders"),
            language.of("gestopt", "stopped"),
        );
        for row in &self.lines {
            let line = row.line.as_deref().unwrap_or(language.of("de overige", "the others"));
            let asks = row
                .answer
                .map_or(language.of("(minder dan 5 afzenders)", "(fewer than 5 senders)"), |a| a.words(language));
            let senders = row.senders.map_or("<5".to_owned(), |senders| senders.to_string());
            let _ = writeln!(
                text,
                "{line:<24} {asks:<34}{:>7}{:>9.1}{senders:>11}{:>13}",
                row.mails, row.per_100, row.stopped
            );
        }
        text
    }

    /// What is sent by which client to whom, for people.
    pub fn flows_in_language(&self, language: Language) -> String {
        let mut text = self.head(language);
        let _ = writeln!(
            text,
            "\n{:<20} {:<22} {:<18}{:>7}{:>12}{:>11}",
            language.of("van", "from"),
            language.of("soort gegevens", "kind of data"),
            language.of("naar", "to"),
            "mails",
            language.of("ontvangers", "recipients"),
            language.of("afzenders", "senders"),
        );
        for row in &self.flows {
            let others = language.of("de overige", "the others");
            let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".to_owned());
            let client = row.client.as_deref().unwrap_or(others);
            let senders = row.senders.map_or("<5".to_owned(), |senders| senders.to_string());
            let _ = writeln!(
                text,
                "{client:<20} {:<22} {:<18}{:>7}{:>12}{senders:>11}",
                cell(&row.kind),
                cell(&row.class),
                row.mails,
                row.recipients
            );
        }
        text
    }

    fn head(&self, language: Language) -> String {
        let days = self.days;
        language.of(
            format!("{} mails van {} afzenders, in {days:.0} dagen.\n", self.mails, self.senders),
            format!("{} mails of {} senders, in {days:.0} days.\n", self.mails, self.senders),
        )
    }
}
