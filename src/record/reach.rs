//! What share of the school's real recipients a proven route reaches: for the school that decides whether to enforce.
//!
//! Counted from the journal, whose addresses are opened for it and go no further than memory: told are numbers, and the
//! names of domains at which at least five recipients have their mail. The domains with most recipients are looked up.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use serde::Serialize;

use crate::school::Language;

/// A domain of fewer recipients is told together with others: it may be a family's.
const GROUP: usize = 5;

/// What is counted.
#[derive(Debug, Default)]
pub struct Reach {
    domains: BTreeMap<String, Domain>,
}

#[derive(Default)]
struct Domain {
    /// Recipients of all mails, each as often as it was written to.
    sent: u64,
    /// Different ones.
    people: HashSet<String>,
}

/// Addresses are in there.
impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Domain").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// What was found out of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Mail under force is delivered there.
    Proven,
    /// It is not known now.
    Unknown,
    /// Nothing is proven.
    Unproven,
    /// Nobody takes mail there.
    Nowhere,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Recipients outside the schools, each as often as it was written to.
    pub sent: u64,
    /// Different ones.
    pub recipients: usize,
    /// Their domains.
    pub domains: usize,
    /// Of a hundred recipients, those that a proven route reaches.
    pub proven_percent: f64,
    /// Of a hundred, those of whose domain it is not known now, or that were not looked up.
    pub unknown_percent: f64,
    /// By domain, those with most recipients first; domains of few recipients are the row without a name, at the end.
    pub rows: Vec<Row>,
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name; none for several together.
    pub domain: Option<String>,
    /// Different recipients there.
    pub recipients: usize,
    /// What was found out; none for several together.
    pub way: Option<Way>,
    /// The code of the row of the decision table; none for several together.
    pub posture: Option<&'static str>,
    /// How many of the recipients a proven route reaches.
    pub proven: usize,
}

impl Reach {
    /// Counts the recipients of a mail; `is_own` says of a domain that it is a school's.
    pub fn add(&mut self, recipients: &[String], is_own: impl Fn(&str) -> bool) {
        for recipient in recipients {
            let Some((_, domain)) = recipient.rsplit_once('@') else { continue };
            let domain = domain.to_lowercase();
            if !is_own(&domain) {
                let domain = self.domains.entry(domain).or_default();
                domain.sent += 1;
                domain.people.insert(recipient.to_lowercase());
            }
        }
    }

    /// The domains, those with most recipients first.
    pub fn domains(&self) -> Vec<String> {
        let mut domains: Vec<(&String, &Domain)> = self.domains.iter().collect();
        domains.sort_by_key(|(_, domain)| std::cmp::Reverse(domain.people.len()));
        domains.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// The report; `found` says what was found out of a domain, with the code of its row.
    pub fn report(&self, found: impl Fn(&str) -> (Way, &'static str)) -> Report {
        let recipients: usize = self.domains.values().map(|domain| domain.people.len()).sum();
        let (mut proven, mut unknown, mut rows) = (0, 0, Vec::new());
        let mut few = Row { domain: None, recipients: 0, way: None, posture: None, proven: 0 };
        for (name, domain) in &self.domains {
            let ((way, posture), people) = (found(name), domain.people.len());
            let reached = if way == Way::Proven { people } else { 0 };
            proven += reached;
            unknown += if way == Way::Unknown { people } else { 0 };
            if people < GROUP {
                few.recipients += people;
                few.proven += reached;
            } else {
                let (domain, way, posture) = (Some(name.clone()), Some(way), Some(posture));
                rows.push(Row { domain, recipients: people, way, posture, proven: reached });
            }
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.recipients));
        rows.extend((few.recipients > 0).then_some(few));
        let percent = |part: usize| (part as f64 * 1000.0 / recipients.max(1) as f64).round() / 10.0;
        Report {
            sent: self.domains.values().map(|domain| domain.sent).sum(),
            recipients,
            domains: self.domains.len(),
            proven_percent: percent(proven),
            unknown_percent: percent(unknown),
            rows,
        }
    }
}

impl Report {
    /// One sentence.
    pub fn sentence(&self, language: Language) -> String {
        let Self { recipients, domains, proven_percent, unknown_percent, .. } = self;
        let open = match *unknown_percent > 0.0 {
            true => language.of(
                format!(" Van {unknown_percent:.1}% is het nu niet bekend."),
                format!(" Of {unknown_percent:.1}% it is not known now."),
            ),
            false => String::new(),
        };
        let said = language.of(
            format!("Een bewezen weg bereikt {proven_percent:.1}% van {recipients} ontvangers buiten school, bij {domains} domeinen."),
            format!("A proven route reaches {proven_percent:.1}% of {recipients} recipients outside the schools, at {domains} domains."),
        );
        said + &open
    }

    /// All of it, for people.
    pub fn in_language(&self, language: Language) -> String {
        if self.recipients == 0 {
            return language.of("Er is nog geen mail naar buiten gegaan.", "No mail has gone outside yet.").to_owned();
        }
        let mut text = format!("{}\n\n", self.sentence(language));
        let _ = writeln!(
            text,
            "{:<40}{:>12}{:>10}  {}",
            language.of("domein", "domain"),
            language.of("ontvangers", "recipients"),
            language.of("bereikt", "reached"),
            language.of("uitkomst", "row"),
        );
        for row in &self.rows {
            let few = language.of("domeinen met minder dan 5", "domains with fewer than 5");
            let name = row.domain.as_deref().unwrap_or(few);
            let _ =
                writeln!(text, "{name:<40}{:>12}{:>10}  {}", row.recipients, row.proven, row.posture.unwrap_or("-"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_told_and_no_domain_of_few() {
        let mut reach = Reach::default();
        let to = |local: &str, domain: &str| format!("{local}@{domain}");
        for number in 0..6 {
            let local = format!("ouder{number}");
            reach.add(&[to(&local, "groot.example"), to("juf", "delinde.example")], |domain| {
                domain == "delinde.example"
            });
            reach.add(&[to(&local, "Groot.example")], |_| false);
        }
        for one in ["jansen.example", "pietersen.example"] {
            reach.add(&[to("mama", one), to("papa", one)], |_| false);
        }
        assert_eq!(reach.domains().first().map(String::as_str), Some("groot.example"));
        let report = reach.report(|domain| match domain {
            "groot.example" => (Way::Proven, "dane"),
            "jansen.example" => (Way::Unknown, "temp-no-answer"),
            _ => (Way::Unproven, "unproven"),
        });
        assert_eq!((report.sent, report.recipients, report.domains), (16, 10, 3));
        assert_eq!((report.proven_percent, report.unknown_percent), (60.0, 20.0));
        let names: Vec<_> = report.rows.iter().map(|row| (row.domain.as_deref(), row.recipients, row.proven)).collect();
        assert_eq!(names, [(Some("groot.example"), 6, 6), (None, 4, 0)]);
        for language in Language::ALL {
            let text = report.in_language(language);
            assert!(text.contains("60.0%") && !text.contains("jansen") && !text.contains('@'), "{text}");
        }
        assert!(!format!("{reach:?}").contains("ouder1"));
    }
}
