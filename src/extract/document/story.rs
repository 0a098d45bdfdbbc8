//! Running text with tables in it, as the old formats write it: character after character, with marks that end a
//! paragraph, a cell and a row.
//!
//! Cells of a row are divided by a tab, rows by a line end; the cells are kept as ranges in the text.

use crate::extract::Cell;

/// Fields whose instruction holds no words of the writer (MS-DOC 2.9.90, ECMA-376 part 1 section 17.16).
const PLAIN_FIELDS: [&str; 12] = [
    "PAGE",
    "NUMPAGES",
    "DATE",
    "TIME",
    "CREATEDATE",
    "SAVEDATE",
    "PRINTDATE",
    "PAGEREF",
    "TOC",
    "SEQ",
    "STYLEREF",
    "REF",
];

/// More cells than a person fills in running text; the text of those behind them is kept.
const MOST_CELLS: usize = 500_000;

/// One text under way.
#[derive(Default)]
pub(super) struct Story {
    text: String,
    cells: Vec<Cell>,
    /// The table that is open or comes next, and the next cell in it.
    table: u32,
    row: u32,
    column: u32,
    /// Where the open cell begins.
    open: Option<usize>,
    /// Link targets and other texts that follow at the end, a line each.
    behind: String,
}

impl Story {
    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.behind.is_empty()
    }

    /// Text that stands in a table, or that does not.
    pub(super) fn push(&mut self, text: &str, in_table: bool) {
        self.at_place(in_table);
        self.text.push_str(text);
    }

    /// Text that stands where the text before it stands.
    pub(super) fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A character that stands in a table, or that does not.
    pub(super) fn push_char(&mut self, character: char, in_table: bool) {
        self.at_place(in_table);
        self.text.push(character);
    }

    /// The end of a cell.
    pub(super) fn end_cell(&mut self) {
        let start = self.open.take().unwrap_or_else(|| self.after_mark());
        if self.cells.len() < MOST_CELLS {
            let range = start..self.text.len();
            self.cells.push(Cell { table: self.table, row: self.row, column: self.column, range });
        }
        self.column = self.column.saturating_add(1);
        self.text.push('\t');
    }

    /// The end of a cell of a table within a cell: it divides, and is part of the outer cell.
    pub(super) fn end_inner_cell(&mut self) {
        self.push_char('\t', true);
    }

    /// The end of a row.
    pub(super) fn end_row(&mut self) {
        self.open = None;
        if self.column == 0 {
            return;
        }
        if self.text.ends_with('\t') {
            self.text.pop();
        }
        self.text.push('\n');
        self.row = self.row.saturating_add(1);
        self.column = 0;
    }

    /// Whether a cell has ended and nothing was written since.
    pub(super) fn is_after_cell(&self) -> bool {
        self.column > 0 && self.open.is_none() && self.text.ends_with('\t')
    }

    /// Ends the line, unless it is at a line's start.
    pub(super) fn end_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// A text that is shown elsewhere or on request: it follows at the end.
    pub(super) fn behind(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.behind.push_str(text.trim());
            self.behind.push('\n');
        }
    }

    /// The text and the cells of its tables.
    pub(super) fn finish(mut self) -> (String, Vec<Cell>) {
        if !self.behind.is_empty() {
            self.end_line();
            self.text.push_str(&self.behind);
        }
        // The text becomes a copy without CR LF, so no carriage return may stand in it: ranges would move.
        (self.text, self.cells)
    }

    fn at_place(&mut self, in_table: bool) {
        if in_table {
            if self.open.is_none() {
                self.open = Some(self.text.len());
            }
        } else if self.row > 0 || self.column > 0 {
            self.end_row();
            self.table = self.table.saturating_add(1);
            self.row = 0;
        }
    }

    /// The place behind the last tab or line end.
    fn after_mark(&self) -> usize {
        memchr::memrchr2(b'\t', b'\n', self.text.as_bytes()).map_or(0, |at| at + 1)
    }
}

/// Where the words of a field's instruction are to be seen.
pub(super) enum Seen {
    /// In the place of the field: buttons and equations have their text in the instruction.
    Here,
    /// Where the field's link leads.
    Link,
    /// Only when the instructions are shown.
    Hidden,
}

/// The words of the writer in a field's instruction.
pub(super) fn instruction(code: &str, mut found: impl FnMut(&str, Seen)) {
    let code = code.trim();
    let (name, arguments) = code.split_once(char::is_whitespace).unwrap_or((code, ""));
    let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is(&PLAIN_FIELDS) {
        return;
    }
    if is(&["MACROBUTTON", "GOTOBUTTON"]) {
        let text = arguments.trim().split_once(char::is_whitespace).map_or("", |(_, text)| text);
        return found(text, Seen::Here);
    }
    if is(&["EQ"]) {
        let words = arguments.split(['(', ')', ',', ';']).map(str::trim);
        let words: Vec<&str> = words.filter(|word| !word.is_empty() && !word.starts_with('\\')).collect();
        return found(&words.join(" "), Seen::Here);
    }
    let is_link = is(&["HYPERLINK"]);
    if is_link && !arguments.contains('"') {
        let target = arguments.split_whitespace().find(|word| !word.starts_with('\\'));
        return target.into_iter().for_each(|target| found(target, Seen::Link));
    }
    // Every second piece stands between quotes, straight ones or those that Word makes of them.
    for quoted in arguments.split(['"', '“', '”', '„']).skip(1).step_by(2) {
        if !quoted.trim().is_empty() {
            found(quoted, if is_link { Seen::Link } else { Seen::Hidden });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_part_of_the_text() {
        let mut story = Story::default();
        story.push("voor\n", false);
        for (name, number) in [("naam", "nr"), ("Kim", "12\n34")] {
            story.push(name, true);
            story.end_cell();
            story.push(number, true);
            story.end_cell();
            story.end_row();
        }
        story.push("na", false);
        story.behind("https://school.example");
        let (text, cells) = story.finish();
        assert_eq!(text, "voor\nnaam\tnr\nKim\t12\n34\nna\nhttps://school.example\n");
        let read: Vec<_> = cells.iter().map(|c| (c.table, c.row, c.column, &text[c.range.clone()])).collect();
        assert_eq!(read, [(0, 0, 0, "naam"), (0, 0, 1, "nr"), (0, 1, 0, "Kim"), (0, 1, 1, "12\n34")]);
    }

    #[test]
    fn second_table_counts_on_and_an_empty_cell_is_one() {
        let mut story = Story::default();
        story.end_cell();
        story.push("a", true);
        story.end_cell();
        story.end_row();
        story.push("tussen\n", false);
        story.push("b", true);
        story.end_cell();
        let (text, cells) = story.finish();
        assert_eq!(text, "\ta\ntussen\nb\t");
        assert_eq!(
            cells.iter().map(|c| (c.table, c.row, c.column)).collect::<Vec<_>>(),
            [(0, 0, 0), (0, 0, 1), (1, 0, 0)]
        );
    }
}
