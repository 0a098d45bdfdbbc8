//! The strings that cells share (ECMA-376 part 1, 18.4.9), in one piece of memory.

use super::tags::{Step, Tags, cell_text};
use crate::extract::Why;

/// The strings of a workbook, by their number.
#[derive(Default)]
pub(in crate::extract::document) struct Strings {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
    used: Vec<bool>,
    /// How strings are pronounced, a line each.
    pub(super) phonetic: String,
    /// Why some may be missing.
    pub(super) fault: Option<Why>,
}

impl Strings {
    pub(super) fn read(xml: &str) -> Self {
        let mut out = Self { text: String::with_capacity(xml.len() / 3), ..Self::default() };
        let mut tags = Tags::new(xml);
        let (mut in_text, mut in_phonetic) = (false, false);
        while let Some(step) = tags.next() {
            match step {
                Step::Open(tag) => match tag.name {
                    "si" if tag.empty => out.end(),
                    "t" => in_text = !tag.empty,
                    "rPh" => in_phonetic = !tag.empty,
                    _ => {}
                },
                Step::Close("si") => out.end(),
                Step::Close("t") => in_text = false,
                Step::Close("rPh") => {
                    in_phonetic = false;
                    out.phonetic.push('\n');
                }
                Step::Text(text) if in_text && in_phonetic => cell_text(text, &mut out.phonetic),
                Step::Text(text) if in_text => cell_text(text, &mut out.text),
                Step::Verbatim(text) if in_text => out.text.push_str(text),
                _ => {}
            }
        }
        out.fault = tags.fault;
        out
    }

    /// Adds a string, or ends the one that was written to the text.
    fn end(&mut self) {
        self.ends.push(self.text.len());
        self.used.push(false);
    }

    /// Adds a string.
    pub(in crate::extract::document) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.end();
    }

    /// A string that a cell shows.
    pub(in crate::extract::document) fn used(&mut self, number: usize) -> Option<&str> {
        *self.used.get_mut(number)? = true;
        self.get(number)
    }

    fn get(&self, number: usize) -> Option<&str> {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..*self.ends.get(number)?)
    }

    /// The strings that no cell shows, a line each.
    pub(in crate::extract::document) fn unused(&self) -> String {
        let unused =
            self.used.iter().enumerate().filter(|(_, used)| !**used).filter_map(|(number, _)| self.get(number));
        unused.filter(|text| !text.trim().is_empty()).fold(String::new(), |mut out, text| {
            out.push_str(text);
            out.push('\n');
            out
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined() {
        let mut strings = Strings::read(
            "<sst count='9999999'><si><t>een</t></si><si><r><rPr><b/></rPr><t>9999</t></r><r><t>18564</t></r></si><si/>\
             <si><t>x</t><rPh sb='0'><t>iks</t></rPh></si></sst>",
        );
        assert_eq!(strings.used(1).unwrap(), "999918564");
        assert_eq!(strings.used(2).unwrap(), "");
        assert_eq!(strings.used(3).unwrap(), "x");
        assert!(strings.used(4).is_none());
        assert_eq!(strings.unused(), "een\n");
        assert_eq!(strings.phonetic, "iks\n");
    }
}
