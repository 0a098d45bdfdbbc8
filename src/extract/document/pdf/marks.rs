//! Marked content (ISO 32000-1 sections 14.6 and 14.9): what stands for what is drawn, and where cells and paragraphs
//! begin.

use super::content::{Painter, Run, SAVED};
use super::encoding;
use super::lexer::Token;
use super::object::Dict;

/// A text that stands for what is drawn.
pub(super) struct Actual {
    pub(super) text: String,
    /// What was drawn under it.
    from: usize,
    pub(super) used: bool,
}

impl Painter<'_, '_> {
    pub(super) fn begin_mark(&mut self, operands: &[Token<'_>], dict: Option<Dict>, run: &mut Run<'_>) {
        let tag = match operands.first() {
            Some(Token::Name(tag)) => tag.as_ref(),
            _ => b"",
        };
        let named = match operands.get(1) {
            Some(Token::Name(name)) if tag != b"OC" => {
                let all = self.file.at(run.resources, b"Properties");
                all.dict().and_then(|all| self.file.at(all, name).dict().cloned())
            }
            _ => None,
        };
        let mut mark = None;
        if let Some(dict) = dict.or(named) {
            // A paragraph, a cell, a label; what is marked within one is not set apart.
            let within = [&b"Span"[..], b"Link", b"Reference", b"Artifact", b"Quote", b"Em", b"Strong"];
            if dict.has(b"MCID") && !within.contains(&tag) {
                self.drawn.words.block += 1;
            }
            let text = |key: &[u8]| self.file.at(&dict, key).octets().map(encoding::text);
            if let Some(description) = text(b"Alt") {
                self.alternate(&description);
            }
            let from = self.drawn.words.text.len();
            mark = text(b"ActualText").map(|text| Actual { text, from, used: false });
        }
        if run.marks.len() < SAVED {
            run.marks.push(mark);
        }
    }

    /// A text that stands for what was drawn is kept beside it when it says something else.
    pub(super) fn end_mark(&mut self, run: &mut Run<'_>) {
        let Some(Some(mark)) = run.marks.pop() else { return };
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let said = letters(&mark.text);
        if said.is_empty() || mark.used {
            return;
        }
        let drawn = letters(self.drawn.words.text.get(mark.from..).unwrap_or_default());
        if drawn != said {
            self.alternate(&mark.text);
        }
    }

    fn alternate(&mut self, text: &str) {
        if self.drawn.alternates.len() < 1 << 20 && !text.trim().is_empty() {
            self.drawn.alternates.push_str(text.trim());
            self.drawn.alternates.push('\n');
        }
    }
}
