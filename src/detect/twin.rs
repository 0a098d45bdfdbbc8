//! Twins: a page that says, word for word, what the plain text before it says. Most mails carry their text twice.
//!
//! Detection reads words and the white space between them. So twins have the same words, and the same white space
//! but for two things that every mail program does: it ends a paragraph with an empty line in the plain text and
//! with a line end in the page, and it wraps long lines in the plain text alone. Even those count only where no
//! token, number or sentence could come out differently: whoever spreads a name or number over lines in the one and
//! not in the other has no twins. In doubt they are none, and both are read. Linear, and never fails.

use crate::detect::reading::{SHORT_LINE, is_abbreviation};
use crate::extract::{Spot, Text};

/// Whether a page says just what a plain text of the same message says.
pub fn are_twins(plain: &Text, page: &Text) -> bool {
    let one_body = plain.place.spot == Spot::Text
        && page.place.spot == Spot::Html
        && plain.place.within == page.place.within
        && plain.cells.is_empty()
        && page.cells.is_empty();
    // What is shown backwards has its white space elsewhere.
    let turned = memchr::memmem::find(plain.text.as_bytes(), "\u{202E}".as_bytes()).is_some();
    one_body && !turned && same_words(plain.text.as_bytes().trim_ascii(), page.text.as_bytes().trim_ascii())
}

fn same_words(plain: &[u8], page: &[u8]) -> bool {
    let (mut at, mut page_at) = (0, 0);
    loop {
        let (rest, page_rest) = (plain.get(at..).unwrap_or_default(), page.get(page_at..).unwrap_or_default());
        let same = common(rest, page_rest);
        if same == rest.len() && same == page_rest.len() {
            return true;
        }
        let spaces = rest.iter().take(same).rev().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (gap, page_gap) = (Gap::new(plain, at + same - spaces), Gap::new(page, page_at + same - spaces));
        if !gap.reads_as(&page_gap) {
            return false;
        }
        (at, page_at) = (gap.end, page_gap.end);
    }
}

/// How many bytes at the start are the same.
fn common(a: &[u8], b: &[u8]) -> usize {
    let chunks = a.chunks(64).zip(b.chunks(64)).take_while(|(a, b)| a == b);
    let whole = chunks.map(|(chunk, _)| chunk.len()).sum();
    let rest = a.iter().zip(b).skip(whole).take_while(|(a, b)| a == b);
    whole + rest.count()
}

/// White space in a text, with what stands around it.
struct Gap<'t> {
    text: &'t [u8],
    start: usize,
    end: usize,
}

impl<'t> Gap<'t> {
    fn new(text: &'t [u8], start: usize) -> Self {
        let rest = text.get(start..).unwrap_or_default();
        Self { text, start, end: start + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count() }
    }

    /// Whether this gap in a plain text divides just what its counterpart in a page divides.
    fn reads_as(&self, page: &Gap<'_>) -> bool {
        let bytes = |gap: &Gap<'t>| gap.text.get(gap.start..gap.end).unwrap_or_default();
        let dash = matches!(self.after(), Some(b'-' | b'*' | b'>'));
        match (bytes(self), page.text.get(page.start..page.end).unwrap_or_default()) {
            // A wrapped line: not one that its writer ended, and not where a number could go on.
            (b"\n", b" ") => {
                !dash && self.line().filter(|byte| byte.is_ascii()).count() >= SHORT_LINE && !self.joins_a_number(true)
            }
            // The end of a paragraph: in the page too something ends here.
            (b"\n\n", b"\n") => {
                let short = || page.line().take(SHORT_LINE).count() < SHORT_LINE;
                let told = page.ends_sentence();
                !self.joins_a_number(!told) && (told || short() && page.line().all(|byte| byte.is_ascii()))
            }
            _ => false,
        }
    }

    fn after(&self) -> Option<&u8> {
        self.text.get(self.end)
    }

    /// The line before this gap, from its end.
    fn line(&self) -> impl Iterator<Item = &'t u8> + Clone {
        self.text.get(..self.start).unwrap_or_default().iter().rev().take_while(|byte| **byte != b'\n')
    }

    /// Whether a digit stands in the word behind, or, when asked, in the word before.
    fn joins_a_number(&self, before: bool) -> bool {
        // Beyond Latin letters (U+00C0 to U+017F) there are digits of other scripts and forms.
        let digit = |byte: &u8| byte.is_ascii_digit() || matches!(byte, 0xC0..=0xC2 | 0xC6..);
        let ahead = self.text.get(self.end..).unwrap_or_default().iter();
        let mut behind = self.line().take_while(|byte| !byte.is_ascii_whitespace());
        ahead.take_while(|byte| !byte.is_ascii_whitespace()).any(digit) || before && behind.any(digit)
    }

    /// Whether a sentence plainly ends here: a word of two letters or more, or a number, and a capital behind.
    fn ends_sentence(&self) -> bool {
        let mut line = self.line();
        let stop = line.next();
        let word = |byte: &&u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
        let mut letters: Vec<u8> = line.clone().take_while(word).take(8).copied().collect();
        letters.reverse();
        let number = line.next().is_some_and(u8::is_ascii_digit);
        let whole = letters.len() > 1 && letters.is_ascii() && !is_abbreviation(&letters);
        match stop {
            Some(b'!' | b'?') => true,
            Some(b'.') => (number || whole) && self.after().is_some_and(u8::is_ascii_uppercase),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::Place;

    fn twins(plain: &str, page: &str) -> bool {
        let text = |spot, text: &str| Text {
            place: Place { spot, ..Place::default() },
            text: text.to_owned(),
            cells: Vec::new(),
        };
        are_twins(&text(Spot::Text, plain), &text(Spot::Html, page))
    }

    #[test]
    fn paragraphs_and_wrapped_lines_are_the_same_text() {
        let long = "Op maandag begint het concert van het koor om half drie in de";
        for (plain, page) in [
            ("Hallo Kim,\n\nTot morgen.\n\nDag", "Hallo Kim,\nTot morgen.\nDag\n"),
            (&format!("{long}\naula."), &format!("{long} aula.")),
            (&format!("{long} zaal.\n\nDaan"), &format!("{long} zaal.\nDaan")),
            (&format!("{long} nr 12.\n\nDaan"), &format!("{long} nr 12.\nDaan")),
            ("", ""),
        ] {
            assert!(twins(plain, page), "{plain:?}");
        }
    }

    #[test]
    fn white_space_that_could_hide_something_makes_no_twins() {
        let long = "Op maandag begint het concert van het koor om half drie voor";
        for (plain, page) in [
            ("Hallo Kim", "Hallo Kim en Bo"),
            ("Hallo", "Hallo Kim"),
            ("1 2 3 4 5", "12345"),
            ("K i m", "Kim"),
            ("Kim\nVos", "Kim Vos"),
            ("Kim\n\nVos", "Kim Vos"),
            ("BSN\n\n\n\n123456782", "BSN 123456782"),
            ("BSN    123456782", "BSN 123456782"),
            (&format!("{long} 1234\n56782"), &format!("{long} 1234 56782")),
            (&format!("{long} 1234\n\n56782"), &format!("{long} 1234\n56782")),
            (&format!("{long} Kim\n\nVos"), &format!("{long} Kim\nVos")),
            (&format!("{long} dhr.\n\nVos"), &format!("{long} dhr.\nVos")),
            (&format!("{long} K.\n\nVos"), &format!("{long} K.\nVos")),
            (&format!("{}\nVos", "\u{200b}".repeat(60)), &format!("{} Vos", "\u{200b}".repeat(60))),
            ("Ja.\n\nDe \u{202E}a\n\nb", "Ja.\nDe \u{202E}a\nb"),
            ("3\n\nmei 2014", "3\nmei 2014"),
        ] {
            assert!(!twins(plain, page), "{plain:?}");
        }
        assert!(!are_twins(&Text::default(), &Text::default()));
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        for (plain, page) in [("a\n\n", "a\n"), ("12345678901234567890123456789012345678901234567890a\nb ", "")] {
            let plain = plain.repeat(200_000);
            let page = if page.is_empty() { plain.replace('\n', " ") } else { page.repeat(200_000) };
            twins(&plain, &page);
        }
    }
}
