//! Glyphs where they stand -> words, in the order in which they were drawn.
//!
//! A word ends where a space is drawn, where the next glyph stands apart or on another line. Nothing is believed of how
//! strings were cut: a number drawn digit by digit is one word, and so is one with letter spacing.

use super::encoding::Shown;

/// Words of one page, at most; a page has some hundreds.
const WORDS: usize = 200_000;
/// Octets of one page's text.
const TEXT: usize = 8 << 20;
/// A gap of so much of the size divides words; a space has 0.25 or so, a kern 0.1 at most.
const GAP: f32 = 0.13;
/// Between digits a little more may be: figures that stand free belong together.
const DIGIT_GAP: f32 = 0.2;

/// Where a glyph stands, in the direction of its writing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    /// The direction, in tenths of a degree.
    pub(super) angle: i16,
    /// Where it begins along its line.
    pub(super) from: f32,
    /// Where it ends.
    pub(super) to: f32,
    /// Its line: how far from the origin, upwards.
    pub(super) line: f32,
    /// How high a letter is.
    pub(super) size: f32,
}

/// A word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) spot: Spot,
    /// Its text, in octets of the page's.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) glyphs: u32,
    /// A space was drawn before it.
    pub(super) spaced: bool,
    /// The paragraph or cell that it stands in, where the page tells.
    pub(super) block: u32,
}

/// The words of a page.
#[derive(Default)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) words: Vec<Word>,
    open: Option<Word>,
    /// The last glyph of the open word: where its text and where it itself begins.
    last: (usize, f32),
    spaced: bool,
    pub(super) block: u32,
    /// There were more than are kept.
    pub(super) over: bool,
}

impl Words {
    /// Adds a glyph. `to` of its spot includes letter spacing.
    pub(super) fn glyph(&mut self, shown: &Shown, spot: Spot) {
        if shown.is_space() {
            self.close();
            self.spaced = true;
            return;
        }
        let mut buffer = [0; 4];
        let piece: &str = match shown {
            Shown::Unknown => "\u{FFFD}",
            Shown::One(c) => c.encode_utf8(&mut buffer),
            Shown::Many(many) => many,
        };
        if let Some(open) = &mut self.open {
            let (last, last_from) = self.last;
            let same_line = open.spot.angle == spot.angle
                && (spot.line - open.spot.line).abs() < 0.12 * spot.size.max(open.spot.size);
            let double = (spot.from - last_from).abs() < 0.1 * spot.size && self.text.get(last..) == Some(piece);
            if same_line && double {
                return;
            }
            let gap = spot.from - open.spot.to;
            let digits =
                piece.starts_with(|c: char| c.is_ascii_digit()) && self.text.ends_with(|c: char| c.is_ascii_digit());
            let allowed = if digits { DIGIT_GAP } else { GAP } * spot.size;
            let alike = open.spot.size < spot.size * 1.3 && spot.size < open.spot.size * 1.3;
            if same_line && alike && gap < allowed && gap > -0.4 * spot.size {
                self.last = (self.text.len(), spot.from);
                self.text.push_str(piece);
                open.end = self.text.len();
                open.glyphs += 1;
                open.spot.to = open.spot.to.max(spot.to);
                return;
            }
            self.close();
        }
        if self.words.len() >= WORDS || self.text.len() >= TEXT {
            self.over = true;
            return;
        }
        let start = self.text.len();
        self.last = (start, spot.from);
        self.text.push_str(piece);
        let spaced = std::mem::take(&mut self.spaced);
        self.open = Some(Word { spot, start, end: self.text.len(), glyphs: 1, spaced, block: self.block });
    }

    /// Ends the open word.
    pub(super) fn close(&mut self) {
        let Some(word) = self.open.take() else { return };
        self.turn_right_to_left(word);
        self.words.push(word);
    }

    /// Letters of scripts that are read from the right are drawn from the left: into reading order.
    fn turn_right_to_left(&mut self, word: Word) {
        let Some(text) = self.text.get(word.start..word.end) else { return };
        if text.is_ascii() || !text.chars().any(|c| matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FEFC}')) {
            return;
        }
        let turned: String = text.chars().rev().collect();
        self.text.truncate(word.start);
        self.text.push_str(&turned);
    }

    /// The text of a word.
    pub(super) fn text_of(&self, word: &Word) -> &str {
        self.text.get(word.start..word.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A glyph, where it begins and ends, and its line.
    type Drawn = (&'static str, f32, f32, f32);

    fn drawn(glyphs: &[Drawn]) -> Vec<String> {
        let mut words = Words::default();
        for (text, from, to, line) in glyphs {
            words.glyph(&Shown::of(text), Spot { angle: 0, from: *from, to: *to, line: *line, size: 10.0 });
        }
        words.close();
        words.words.iter().map(|word| words.text_of(word).to_string()).collect()
    }

    #[test]
    fn words_by_where_glyphs_stand() {
        let cases: [(&[Drawn], &[&str]); 8] = [
            (&[("1", 0.0, 5.0, 0.0), ("2", 5.0, 10.0, 0.0)], &["12"]),
            (&[("1", 0.0, 5.0, 0.0), ("2", 6.5, 11.5, 0.0)], &["12"]),
            (&[("a", 0.0, 5.0, 0.0), ("b", 6.5, 11.5, 0.0)], &["a", "b"]),
            (&[("1", 0.0, 5.0, 0.0), ("2", 8.0, 13.0, 0.0)], &["1", "2"]),
            (&[("a", 0.0, 5.0, 0.0), (" ", 5.0, 5.0, 0.0), ("b", 5.0, 10.0, 0.0)], &["a", "b"]),
            (&[("a", 0.0, 5.0, 0.0), ("a", 0.3, 5.3, 0.2), ("b", 5.0, 10.0, 0.0)], &["ab"]),
            (&[("a", 0.0, 5.0, 0.0), ("b", 5.0, 10.0, -12.0)], &["a", "b"]),
            (&[("א", 0.0, 5.0, 0.0), ("ב", 5.0, 10.0, 0.0)], &["בא"]),
        ];
        for (glyphs, expected) in cases {
            assert_eq!(drawn(glyphs), expected);
        }
    }
}
