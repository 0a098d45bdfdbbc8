//! Templates of notices: text with `{placeholders}`, which a school may edit.
//!
//! A placeholder that is not known is a problem at load, never at the first notice. A line of which every
//! placeholder turns out empty is left out, so a text needs no conditions. In HTML every value is escaped
//! here and nowhere else; the template itself is trusted, values never are.

use std::path::Path;

use crate::problem::Problem;

/// A template that was checked.
#[derive(Debug, Clone, Default)]
pub(super) struct Template {
    lines: Vec<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Slot(String),
}

/// What stands in for a placeholder.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Words in a sentence.
    Words(String),
    /// Paragraphs.
    Paragraphs(Vec<String>),
    /// Points in no order.
    Points(Vec<String>),
    /// Numbered choices.
    Steps(Vec<String>),
}

/// In which form values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// text/plain.
    Plain,
    /// text/html.
    Html,
}

/// The values of a notice, by placeholder.
pub(super) type Values = [(&'static str, Value)];

impl Template {
    /// Checks a template; every bad placeholder is a problem with its line and the allowed ones.
    pub(super) fn parse(file: &Path, text: &str, allowed: &[&str]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut lines = Vec::new();
        let mut offset = 0;
        for typed in text.split('\n') {
            let trimmed = typed.trim_end();
            match pieces(trimmed, allowed) {
                Ok(pieces) => lines.push(pieces),
                Err(what) => {
                    problems.push(Problem::new(file, what, format!("use one of: {}", braced(allowed))).at(text, offset))
                }
            }
            offset += typed.len() + 1;
        }
        if problems.is_empty() { Ok(Self { lines }) } else { Err(problems) }
    }

    /// Nothing.
    pub(super) const EMPTY: Self = Self { lines: Vec::new() };

    /// Takes the first line away and gives it as a template of its own, without the mark that it starts
    /// with; none when it does not start so.
    pub(super) fn split_first_line(&mut self, mark: &str) -> Option<Self> {
        let first = self.lines.first_mut()?;
        let Some(Piece::Literal(text)) = first.first_mut() else { return None };
        *text = text.strip_prefix(mark)?.to_string();
        Some(Self { lines: vec![self.lines.remove(0)] })
    }

    /// The template filled in: lines ending in LF, no two empty lines in a row, none at either end.
    pub(super) fn fill(&self, values: &Values, form: Form) -> String {
        let mut filled = String::new();
        for line in self.lines.iter().filter_map(|line| fill_line(line, values, form, Keep::AnyGiven)) {
            if line.is_empty() && (filled.is_empty() || filled.ends_with("\n\n")) {
                continue;
            }
            filled.push_str(&line);
            filled.push('\n');
        }
        filled.truncate(filled.trim_end().len());
        filled
    }

    /// The lines one by one in plain text, those left out of which a placeholder is empty: a choice that
    /// names a deputy is none where the school has no deputy.
    pub(super) fn choices(&self, values: &Values) -> Vec<String> {
        self.lines.iter().filter_map(|line| fill_line(line, values, Form::Plain, Keep::AllGiven)).collect()
    }
}

/// When a line with placeholders stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    AnyGiven,
    AllGiven,
}

fn pieces(line: &str, allowed: &[&str]) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            return Err("a { without its }".to_string());
        };
        if !allowed.contains(&name) {
            return Err(format!("unknown placeholder {{{}}}", name.escape_debug()));
        }
        if !before.is_empty() {
            pieces.push(Piece::Literal(before.to_string()));
        }
        pieces.push(Piece::Slot(name.to_string()));
        rest = behind;
    }
    if rest.contains('}') {
        return Err("a } without its {".to_string());
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_string()));
    }
    Ok(pieces)
}

fn braced(names: &[&str]) -> String {
    names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}

fn fill_line(line: &[Piece], values: &Values, form: Form, keep: Keep) -> Option<String> {
    let (mut filled, mut slots, mut given) = (String::new(), 0, 0);
    for piece in line {
        match piece {
            Piece::Literal(text) => filled.push_str(text),
            Piece::Slot(name) => {
                slots += 1;
                let value = values.iter().find(|(key, _)| key == name).map(|(_, value)| value);
                let written = value.map(|value| write(value, form)).unwrap_or_default();
                given += usize::from(!written.is_empty());
                filled.push_str(&written);
            }
        }
    }
    let enough = if keep == Keep::AllGiven { slots } else { 1 };
    (slots == 0 || given >= enough).then_some(filled)
}

fn write(value: &Value, form: Form) -> String {
    match (value, form) {
        (Value::Words(words), Form::Plain) => words.clone(),
        (Value::Words(words), Form::Html) => escape(words),
        (Value::Paragraphs(all), Form::Plain) => all.join("\n\n"),
        (Value::Paragraphs(all), Form::Html) => tagged(all, "p"),
        (Value::Points(all), Form::Plain) => {
            all.iter().map(|point| format!("- {point}")).collect::<Vec<_>>().join("\n")
        }
        (Value::Points(all), Form::Html) => {
            let points: Vec<String> =
                all.iter().map(|text| format!("<li style=\"{APART}\">{}</li>", opened(text))).collect();
            if points.is_empty() { String::new() } else { format!("<ul>\n{}\n</ul>", points.join("\n")) }
        }
        (Value::Steps(all), Form::Plain) => {
            let numbered = all.iter().enumerate().map(|(n, step)| format!("{}. {step}", n + 1));
            numbered.collect::<Vec<_>>().join("\n")
        }
        (Value::Steps(all), Form::Html) => listed(all, "ol"),
    }
}

fn listed(all: &[String], list: &str) -> String {
    if all.is_empty() { String::new() } else { format!("<{list}>\n{}\n</{list}>", tagged(all, "li")) }
}

fn tagged(all: &[String], tag: &str) -> String {
    all.iter().map(|text| format!("<{tag}>{}</{tag}>", escape(text))).collect::<Vec<_>>().join("\n")
}

/// Points may be long.
const APART: &str = "margin-bottom: 4pt";

/// A point, escaped, in which the link to the desk can be pressed: the last address that has the shape of one, where it
/// stands behind our own words for it and no quoted word of a mail comes after it. No other becomes a link: a notice must
/// not lead where a mail says.
fn opened(point: &str) -> String {
    let is_ours = |word: &&str| {
        let (place, secret) = word.rsplit_once("/m/").unwrap_or_default();
        place.starts_with("https://")
            && secret.len() >= SECRET
            && secret.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit())
    };
    let last = point.split(' ').rfind(|word| word.contains("://")).filter(is_ours);
    match last.and_then(|link| Some((link, point.rsplit_once(link)?))) {
        Some((link, (before, behind)))
            if LEADS.iter().any(|words| before.trim_end().ends_with(words)) && !behind.contains(['“', '”', '"']) =>
        {
            format!("{}<a href=\"{link}\">{link}</a>{}", escape(before), escape(behind))
        }
        _ => escape(point),
    }
}

/// What stands before the link to the desk in a note.
pub(super) const LEADS: [&str; 2] = ["Kies wat je wilt doen:", "Choose what to do:"];
/// The letters of a link's secret, at least.
const SECRET: usize = 40;

/// Escapes text for HTML, inside elements and attribute values alike.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ALLOWED: [&str; 2] = ["mail", "found"];

    fn words(text: &str) -> Value {
        Value::Words(text.to_string())
    }

    #[test]
    fn a_line_of_empty_placeholders_is_left_out() {
        let template = Template::parse(Path::new("a"), "\nA {mail}.\n\n{found}\n\nB\n", &ALLOWED).unwrap();
        assert_eq!(template.fill(&[("mail", words("x")), ("found", words(""))], Form::Plain), "A x.\n\nB");
        let list = Value::Points(vec!["a".to_string(), "b".to_string()]);
        assert_eq!(template.fill(&[("found", list)], Form::Plain), "- a\n- b\n\nB");
    }

    #[test]
    fn values_are_escaped_in_html_and_never_filled_twice() {
        let template = Template::parse(Path::new("a"), "<p>{mail}</p>", &ALLOWED).unwrap();
        let filled = template.fill(&[("mail", words("<b a=\"'&{found}")), ("found", words("X"))], Form::Html);
        assert_eq!(filled, "<p>&lt;b a=&quot;&#39;&amp;{found}</p>");
    }

    #[test]
    fn the_desk_can_be_reached_from_a_point_and_nothing_that_a_mail_says() {
        let html = |point: &str| write(&Value::Points(vec![point.to_owned()]), Form::Html);
        let secret = "5".repeat(52);
        let desk = format!("https://poort.delinde.example/m/{secret}");
        let link = format!("<a href=\"{desk}\">{desk}</a>");
        let words = LEADS[0];
        let shown = html(&format!("Bijlage https://elders.example/m/{secret} <b>. {words} {desk} Bewaard."));
        assert!(shown.contains(&format!("/m/{secret} &lt;b&gt;. {words} {link} Bewaard.</li>")), "{shown}");
        assert_eq!(shown.matches("href").count(), 1, "{shown}");
        // A subject with the shape of it, where there is none of ours.
        let subject = format!("Je mail “{words} https://elders.example/m/{secret} y” van dinsdag");
        let bare = format!("Bijlage https://elders.example/m/{secret}");
        for other in [
            "https://elders.example/x",
            &format!("{desk}\"x"),
            &format!("{desk} https://elders.example"),
            &subject,
            &bare,
        ] {
            assert!(!html(other).contains("href"), "{other}");
        }
    }

    #[test]
    fn bad_placeholders_are_told_with_their_line() {
        let problems = Template::parse(Path::new("a.txt"), "{mail}\n{mial}\nx } y\n{found", &ALLOWED).unwrap_err();
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "a.txt:2: unknown placeholder {mial}. To do: use one of: {mail}, {found}.",
                "a.txt:3: a } without its {. To do: use one of: {mail}, {found}.",
                "a.txt:4: a { without its }. To do: use one of: {mail}, {found}.",
            ]
        );
    }
}
