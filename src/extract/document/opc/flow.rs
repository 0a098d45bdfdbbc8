//! Running text with tables in it, as it grows: what a reader sees, and beside it the paragraphs as they were before a
//! change and with what is hidden in them.

use crate::extract::{Cell, Layer};

use super::element::Manner;

/// A run of text, by what a reader sees of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// Inserted with changes tracked: shown, and not there before.
    Inserted,
    /// Deleted with changes tracked: there before.
    Deleted,
    Hidden,
}

/// A text that flows: the body of a part, a text box, a shape.
pub(super) struct Flow {
    pub(super) layer: Layer,
    pub(super) manner: Manner,
    pub(super) text: String,
    pub(super) cells: Vec<Cell>,
    /// How many tables there were.
    pub(super) tables: u32,
    /// The tables that are open, the innermost last.
    open: Vec<Table>,
    paragraph: Paragraph,
}

/// The paragraph that is being read.
#[derive(Default)]
struct Paragraph {
    /// Where its shown text begins.
    start: usize,
    /// Its text before the changes, once it differs from what is shown.
    before: Option<String>,
    /// Its text with what is hidden, once it differs.
    whole: Option<String>,
    has_deleted: bool,
    has_hidden: bool,
    /// Its mark was deleted: the next paragraph runs on.
    runs_on: bool,
}

/// What a paragraph held besides what is shown.
#[derive(Default)]
pub(super) struct Unshown {
    pub(super) before: Option<String>,
    pub(super) whole: Option<String>,
}

#[derive(Default)]
struct Table {
    number: u32,
    row: u32,
    column: u32,
    /// Columns that the open cell takes.
    span: u32,
    /// The open cell, as an index into the cells.
    cell: Option<usize>,
}

/// More columns than a table of Word or PowerPoint can have (63 and 75), and no number that a file could lie with.
const MOST_COLUMNS: u32 = 1000;

impl Flow {
    pub(super) fn new(layer: Layer, manner: Manner) -> Self {
        Self {
            layer,
            manner,
            text: String::new(),
            cells: Vec::new(),
            tables: 0,
            open: Vec::new(),
            paragraph: Paragraph::default(),
        }
    }

    pub(super) fn push(&mut self, text: &str, kind: Kind) {
        if kind == Kind::Plain && self.paragraph.before.is_none() && self.paragraph.whole.is_none() {
            return self.text.push_str(text);
        }
        let shown = self.text.get(self.paragraph.start..).unwrap_or_default();
        let Paragraph { before, whole, .. } = &mut self.paragraph;
        match kind {
            Kind::Plain | Kind::Inserted => {
                if kind == Kind::Inserted {
                    before.get_or_insert_with(|| shown.to_string());
                } else if let Some(before) = before {
                    before.push_str(text);
                }
                if let Some(whole) = whole {
                    whole.push_str(text);
                }
                self.text.push_str(text);
            }
            Kind::Deleted => {
                before.get_or_insert_with(|| shown.to_string()).push_str(text);
                self.paragraph.has_deleted = true;
            }
            Kind::Hidden => {
                before.get_or_insert_with(|| shown.to_string()).push_str(text);
                whole.get_or_insert_with(|| shown.to_string()).push_str(text);
                self.paragraph.has_hidden = true;
            }
        }
    }

    pub(super) fn open_paragraph(&mut self) {
        // One within another is no document of Word; nothing of the outer one may be lost.
        if self.paragraph.before.is_none() && self.paragraph.whole.is_none() {
            self.paragraph.start = self.text.len();
        }
    }

    /// Begins a line, unless one has begun.
    pub(super) fn open_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// The mark of the paragraph was deleted.
    pub(super) fn delete_mark(&mut self) {
        self.paragraph.runs_on = true;
        let shown = self.text.get(self.paragraph.start..).unwrap_or_default();
        self.paragraph.before.get_or_insert_with(|| shown.to_string());
        self.paragraph.has_deleted = true;
    }

    /// Ends a paragraph; what it held besides what is shown.
    pub(super) fn close_paragraph(&mut self) -> Unshown {
        if !self.paragraph.runs_on {
            self.text.push('\n');
        }
        self.end_paragraph()
    }

    /// Ends what may be a paragraph, without a line end.
    pub(super) fn end_paragraph(&mut self) -> Unshown {
        let ended = std::mem::take(&mut self.paragraph);
        if ended.runs_on {
            // Before the change, what runs on now was a paragraph of its own.
            self.paragraph.before = Some(String::new());
            self.paragraph.has_deleted = true;
        }
        self.paragraph.start = self.text.len();
        Unshown { before: ended.before.filter(|_| ended.has_deleted), whole: ended.whole.filter(|_| ended.has_hidden) }
    }

    /// The shown text of the paragraph that is open.
    pub(super) fn paragraph(&self) -> &str {
        self.text.get(self.paragraph.start..).unwrap_or_default()
    }

    pub(super) fn open_table(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') && !self.at_cell_start() {
            self.text.push('\n');
        }
        self.open.push(Table { number: self.tables, ..Table::default() });
        self.tables = self.tables.saturating_add(1);
    }

    fn at_cell_start(&self) -> bool {
        let cell = self.open.last().and_then(|table| table.cell).and_then(|index| self.cells.get(index));
        cell.is_some_and(|cell| cell.range.start == self.text.len())
    }

    pub(super) fn close_table(&mut self) {
        self.open.pop();
    }

    pub(super) fn open_row(&mut self) {
        if let Some(table) = self.open.last_mut() {
            table.column = 0;
        }
    }

    pub(super) fn close_row(&mut self) {
        let Some(table) = self.open.last_mut() else { return };
        table.row = table.row.saturating_add(1);
        if self.text.ends_with('\t') {
            self.text.pop();
        }
        self.text.push('\n');
        self.open_paragraph();
    }

    pub(super) fn open_cell(&mut self) {
        let at = self.text.len();
        let Some(table) = self.open.last_mut() else { return };
        table.span = 1;
        table.cell = Some(self.cells.len());
        self.cells.push(Cell { table: table.number, row: table.row, column: table.column, range: at..at });
    }

    pub(super) fn close_cell(&mut self) {
        let Some(table) = self.open.last_mut() else { return };
        if let Some(cell) = table.cell.take().and_then(|index| self.cells.get_mut(index)) {
            while self.text.len() > cell.range.start && self.text.ends_with('\n') {
                self.text.pop();
            }
            cell.range.end = self.text.len().max(cell.range.start);
        }
        self.text.push('\t');
        table.column = table.column.saturating_add(table.span).min(MOST_COLUMNS);
        self.open_paragraph();
    }

    /// The open cell takes so many columns.
    pub(super) fn span(&mut self, columns: u32) {
        if let Some(table) = self.open.last_mut() {
            table.span = columns.clamp(1, MOST_COLUMNS);
        }
    }

    /// The row begins so many columns further.
    pub(super) fn skip(&mut self, columns: u32) {
        if let Some(table) = self.open.last_mut() {
            table.column = columns.min(MOST_COLUMNS);
        }
    }
}
