//! Words that were recognised in a picture -> lines and cells, as those of a page that is drawn.
//!
//! A box says where a word's ink ends and not where its line is: what letters it has tells how far the one is from the
//! other.

use super::lines;
use super::words::{self, Spot, Words};
use crate::extract::{Cell, Word};

/// The text of one page, and the cells of its tables.
pub(in crate::extract) fn placed(recognised: &[Word]) -> (String, Vec<Cell>) {
    let mut page = Words::default();
    for line in recognised.chunk_by(|a, b| a.line == b.line) {
        let inks: Vec<Ink> = line.iter().map(Ink::of).collect();
        // One line and one size for all of them, or a crooked page would fall apart.
        let size = middle(inks.iter().map(|ink| ink.size).collect());
        let height = middle(inks.iter().map(|ink| ink.line).collect());
        for word in line {
            let start = page.text.len();
            page.text.push_str(word.text.trim());
            let spot = Spot {
                angle: 0,
                from: word.left as f32,
                to: word.left.saturating_add(word.width) as f32,
                line: height,
                size,
            };
            let glyphs = u32::try_from(word.text.chars().count()).unwrap_or(u32::MAX);
            page.words.push(words::Word { spot, start, end: page.text.len(), glyphs, spaced: true, block: 0 });
        }
    }
    lines::read(&page)
}

/// What the box around a word says of its line.
struct Ink {
    /// Its size, as printers count.
    size: f32,
    /// Its line, upwards.
    line: f32,
}

/// How far letters reach in parts of their size: small ones and high ones above the line, low ones below it.
const SMALL: f32 = 0.5;
const HIGH: f32 = 0.72;
const LOW: f32 = 0.2;

impl Ink {
    fn of(word: &Word) -> Self {
        let is_high = word.text.chars().any(|c| c.is_uppercase() || c.is_ascii_digit() || "bdfhijklt".contains(c));
        let low = if word.text.contains(['g', 'j', 'p', 'q', 'y', ',', ';', '(', ')', '/']) { LOW } else { 0.0 };
        let above = if is_high { HIGH } else { SMALL };
        let height = word.height.max(1) as f32;
        let size = height / (above + low);
        Self { size, line: size * low - word.top.saturating_add(word.height) as f32 }
    }
}

fn middle(mut numbers: Vec<f32>) -> f32 {
    numbers.sort_by(f32::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, line: u32, left: i32, top: i32, height: i32) -> Word {
        let width = 18 * i32::try_from(text.len()).unwrap_or(0);
        Word { text: text.to_string(), confidence: 90.0, page: 1, line, left, top, width, height }
    }

    /// A list whose columns were recognised one after another, as far as its lines are concerned.
    #[test]
    fn columns_become_rows() {
        let mut words = Vec::new();
        let columns: [(i32, [&str; 4]); 3] = [
            (100, ["Naam", "Kim", "Sanne", "Jip"]),
            (500, ["BSN", "123456782", "111222333", "999926421"]),
            (900, ["groep", "5a", "5b", "5a"]),
        ];
        for (left, column) in columns {
            for (row, text) in (0..).zip(column) {
                // The ink of `groep` begins and ends lower.
                let (above, below) =
                    (if text == "groep" { 9 } else { 0 }, if text.contains(['p', 'g']) { 8 } else { 0 });
                let line = u32::try_from(left + row).unwrap_or(0);
                words.push(word(text, line, left, 200 + 60 * row + above, 30 - above + below));
            }
        }
        let (text, cells) = placed(&words);
        assert_eq!(text, "Naam\tBSN\tgroep\nKim\t123456782\t5a\nSanne\t111222333\t5b\nJip\t999926421\t5a\n");
        assert_eq!(cells.len(), 12);
        assert_eq!((cells[4].row, cells[4].column, text.get(cells[4].range.clone())), (1, 1, Some("123456782")));
    }
}
