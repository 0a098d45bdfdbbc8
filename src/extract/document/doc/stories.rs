//! One sub-document of a Word document -> its text: fields, tables and special characters as they are shown.

use std::ops::Range;

use super::super::story::{Seen, Story, instruction};
use super::marks::{DELETED, HIDDEN, IN_TABLE, INNER_CELL, INNER_ROW, ROW_END};
use super::pieces::Units;

/// What is in the document and not shown.
#[derive(Default)]
pub(super) struct Hidden {
    /// Deleted with changes tracked.
    pub(super) deleted: String,
    /// Hidden text, and what stands in the instructions of fields.
    pub(super) hidden: String,
}

/// Reads so many units of the text.
pub(super) fn read(units: &Units, range: Range<usize>, hidden: &mut Hidden) -> Story {
    let text = units.text.get(range.clone()).unwrap_or_default();
    let marks = units.marks.get(range).unwrap_or_default();
    let mut reader = Reader { knows_tables: units.knows_tables, ..Reader::new(Story::default(), hidden) };
    let mut at = 0;
    for unit in char::decode_utf16(text.iter().copied()) {
        let character = unit.unwrap_or(char::REPLACEMENT_CHARACTER);
        reader.character(character, marks.get(at).copied().unwrap_or(0));
        at += character.len_utf16();
    }
    reader.story
}

struct Reader<'h> {
    story: Story,
    hidden: &'h mut Hidden,
    knows_tables: bool,
    /// The fields that are open: whether their instruction is being read.
    fields: Vec<bool>,
    /// Fields that are open beyond those.
    deeper: usize,
    /// How many instructions are being read.
    in_code: usize,
    code: String,
    /// What the last character was marked as.
    last: u8,
}

/// Fields within fields that are kept apart.
const DEEPEST: usize = 64;

impl Reader<'_> {
    fn character(&mut self, character: char, marks: u8) {
        match character {
            '\u{13}' => return self.open_field(),
            '\u{14}' => return self.end_code(),
            '\u{15}' => return self.close_field(),
            _ => {}
        }
        if self.in_code > 0 {
            self.code.push(character);
            return;
        }
        let shown = shown(character);
        let not_shown = marks & (DELETED | HIDDEN);
        if not_shown != 0 && character != '\u{7}' {
            let out = if marks & DELETED != 0 { &mut self.hidden.deleted } else { &mut self.hidden.hidden };
            // Runs that are not together in the text are not together here.
            if self.last != not_shown && !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            out.extend(shown);
            self.last = not_shown;
            return;
        }
        self.last = 0;
        let in_table = marks & IN_TABLE != 0;
        match character {
            '\u{7}' => self.cell_mark(marks),
            '\r' if marks & INNER_ROW != 0 => self.story.push_char('\n', in_table),
            '\r' if marks & INNER_CELL != 0 => self.story.end_inner_cell(),
            _ => {
                if let Some(shown) = shown {
                    self.story.push_char(shown, in_table);
                }
            }
        }
    }

    /// The end of a cell, or of a row: without marks, an empty cell more than the row has.
    fn cell_mark(&mut self, marks: u8) {
        let ends_row = if self.knows_tables { marks & ROW_END != 0 } else { self.story.is_after_cell() };
        if ends_row { self.story.end_row() } else { self.story.end_cell() }
    }

    fn open_field(&mut self) {
        if self.fields.len() < DEEPEST {
            self.fields.push(true);
            self.in_code += 1;
        } else {
            self.deeper += 1;
        }
    }

    fn end_code(&mut self) {
        if self.deeper == 0
            && let Some(in_code @ true) = self.fields.last_mut()
        {
            *in_code = false;
            self.leave_code();
        }
    }

    fn close_field(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if self.fields.pop() == Some(true) {
            self.leave_code();
        }
    }

    fn leave_code(&mut self) {
        self.in_code -= 1;
        if self.in_code == 0 {
            let code = std::mem::take(&mut self.code);
            instruction(&code, |text, seen| match seen {
                Seen::Here => self.story.add(text),
                Seen::Link => self.story.behind(text),
                Seen::Hidden => {
                    self.hidden.hidden.push_str(text);
                    self.hidden.hidden.push('\n');
                }
            });
        }
    }
}

impl<'h> Reader<'h> {
    fn new(story: Story, hidden: &'h mut Hidden) -> Self {
        Self {
            story,
            hidden,
            knows_tables: false,
            fields: Vec::new(),
            deeper: 0,
            in_code: 0,
            code: String::new(),
            last: 0,
        }
    }
}

/// A character as it is shown; none for one that only marks a place (2.4.1).
fn shown(character: char) -> Option<char> {
    match character {
        '\r' | '\u{B}' | '\u{C}' | '\u{E}' => Some('\n'),
        '\t' | '\n' => Some(character),
        '\u{1E}' => Some('-'),
        '\u{0}'..='\u{1F}' => None,
        _ => Some(character),
    }
}
