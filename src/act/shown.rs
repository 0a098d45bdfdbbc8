//! Which words of a mail a notice may show.
//!
//! A notice is forwarded, printed and read over shoulders, so it shows a text of the mail (subject, file
//! name) only when that holds no finding and no part of one. What is shown is stripped of every character
//! that could end a header line, reorder the sentence around it or hide itself. Cannot fail.

use std::collections::{BTreeSet, HashSet};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::detect::{Finding, Kind};

/// The longest text of a mail that a notice repeats, in characters.
const LONGEST: usize = 80;

/// The longest text that is asked about, in octets; a longer one is left out, so that a thousand long
/// file names cost no time.
const LONGEST_ASKED: usize = 250;

/// Everything that was found, in a form in which a text can be asked whether it repeats any of it.
pub(super) struct Revealing {
    /// Whole values: letters and digits only, folded.
    values: HashSet<String>,
    /// The lengths of those, in characters.
    lengths: BTreeSet<usize>,
    /// The single words of names and terms.
    words: HashSet<String>,
}

impl Revealing {
    /// Takes all findings, those below the threshold too: hiding a text too many costs nothing.
    pub(super) fn new(findings: &[Finding]) -> Self {
        let (mut values, mut words) = (HashSet::new(), HashSet::new());
        for finding in findings {
            let found = finding.found.expose();
            values.insert(compact(found));
            if !is_number(finding.kind) {
                words.extend(folded_words(found).filter(|word| word.chars().count() > 1 && !is_particle(word)));
            }
        }
        values.remove("");
        let lengths = values.iter().map(|value| value.chars().count()).collect();
        Self { values, lengths, words }
    }

    /// The text as a notice may show it, or none when it repeats something that was found.
    pub(super) fn pass(&self, text: &str) -> Option<String> {
        // Asked before it is cut short: the cut must not hide that there is more of it.
        let shown = line(text, usize::MAX);
        let short = line(text, LONGEST);
        (!short.is_empty() && shown.len() <= LONGEST_ASKED && !self.repeats(&shown)).then_some(short)
    }

    fn repeats(&self, text: &str) -> bool {
        if folded_words(text).any(|word| self.words.contains(&word)) {
            return true;
        }
        let compact: Vec<char> = compact(text).chars().collect();
        self.lengths.iter().any(|length| {
            compact.windows(*length).any(|window| self.values.contains(&window.iter().collect::<String>()))
        })
    }
}

/// One line of plain text: control, direction, joining and other unseen characters gone, white space
/// single, at most `longest` characters, and nothing that a mail program would take for an encoded word
/// (RFC 2047), since that may hold all of those.
pub(super) fn line(text: &str, longest: usize) -> String {
    if is_line(text) && text.len() <= longest {
        return text.to_owned();
    }
    let mut line = String::new();
    let mut length = 0;
    let seen = text.chars().filter(|c| !is_unseen(*c)).collect::<String>().replace("=?", "= ?");
    for word in seen.split_whitespace() {
        for c in (!line.is_empty()).then_some(' ').into_iter().chain(word.chars()) {
            if length == longest {
                line.push('…');
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

/// Whether it is what [`line`] makes of it, as far as that shows at a glance: most of what a notice tells is our own words.
fn is_line(text: &str) -> bool {
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ')
        && !ends.contains(&Some(b' '))
        && !["  ", "=?"].iter().any(|other| text.contains(other))
}

/// Characters that show nothing, or change how their neighbours are shown (Unicode `Cc` but white space,
/// `Cf`, `Default_Ignorable_Code_Point`).
fn is_unseen(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_number(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::PupilName
            | Kind::Health
            | Kind::Care
            | Kind::BeliefOrigin
            | Kind::Criminal
            | Kind::Marks
            | Kind::Conduct
            | Kind::Password
            | Kind::LockedWithPassword
            | Kind::ShareCode
            | Kind::Employment
            | Kind::ChatExport
    )
}

/// Small words of Dutch surnames and terms, which say nothing of anybody.
fn is_particle(word: &str) -> bool {
    [
        "van", "de", "den", "der", "het", "ten", "ter", "te", "in", "op", "la", "le", "el", "al", "di", "da", "dos",
        "von", "met", "een", "en", "of", "aan", "bij", "voor",
    ]
    .contains(&word)
}

/// Letters and digits, lower case, without accents.
fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.nfkd().filter(|c| !is_combining_mark(*c) && !is_unseen(*c)).flat_map(char::to_lowercase)
}

fn compact(text: &str) -> String {
    folded(text).filter(|c| c.is_alphanumeric()).collect()
}

fn folded_words(text: &str) -> impl Iterator<Item = String> {
    let folded: String = folded(text).collect();
    folded
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unseen_stays() {
        assert_eq!(line("a\r\nBcc: x\tb\u{0}c\u{202e}d\u{200b}e\u{2028}f  ", 80), "a Bcc: x bcde f");
        assert_eq!(line("abc def", 5), "abc d…");
        assert_eq!(line("=\u{200b}?utf-8?q?=0D?=", 80), "= ?utf-8?q?=0D?=");
        assert_eq!(line("\u{feff}\u{202e}", 5), "");
        for (plain, shown) in
            [("abc", "abc"), (" abc", "abc"), ("abc ", "abc"), ("a  b", "a b"), ("a=?b", "a= ?b"), ("", "")]
        {
            assert_eq!(line(plain, 5), shown);
        }
    }
}
