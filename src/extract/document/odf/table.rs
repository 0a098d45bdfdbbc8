//! The tables of an OpenDocument: sheets, and tables in a text.
//!
//! Repeated rows and columns move the count on and are never unfolded; an empty cell is not kept. A cell is kept as it is
//! shown; what its value or formula holds beyond that stands behind the cells, at the same place.

use std::ops::Range;

use super::super::xml::Element;
use super::draft::Drafts;
use super::walk::{Effect, Kind, Walk, number};
use crate::extract::document::Sink;
use crate::extract::{Cell, Layer, Unit, Why};

/// Where in a table we are.
#[derive(Default)]
pub(super) struct Grid {
    pub(super) table: u32,
    pub(super) row: u32,
    pub(super) column: u32,
    columns: u32,
    pub(super) row_hidden: bool,
    hidden_columns: Vec<Range<u32>>,
}

/// A cell that is being read.
pub(super) struct OpenCell {
    pub(super) row: u32,
    pub(super) column: u32,
    /// Where its text begins; none before there is any.
    pub(super) start: Option<usize>,
    /// A paragraph has ended in it.
    pub(super) gap: bool,
    layer: Layer,
    kind: String,
    value: String,
    formula: String,
    /// There is room for it among the cells that are kept.
    counted: bool,
}

impl Walk {
    pub(super) fn table(&mut self, element: &Element<'_>) -> Effect {
        self.tables += 1;
        if self.tables > 1 {
            return Effect::Table;
        }
        self.grid = Grid::default();
        if self.kind != Kind::Sheets || self.layer != Layer::Body {
            let layer = self.layer;
            self.grid.table = self.draft(layer).tables;
            self.draft(layer).line();
            return Effect::Table;
        }
        let name = element.attribute("name").unwrap_or_default();
        let hidden = element.attribute("style-name").is_some_and(|style| self.styles.tables.contains(&style));
        self.document.layer(Layer::Behind).whole_line(&name);
        self.unit = Some(Drafts::new(Unit::Sheet(name), hidden));
        Effect::Unit
    }

    pub(super) fn column(&mut self, element: &Element<'_>) -> Effect {
        if self.tables == 1 {
            let start = self.grid.columns;
            self.grid.columns = start.saturating_add(number(element, "number-columns-repeated").max(1));
            if is_collapsed(element) {
                self.grid.hidden_columns.push(start..self.grid.columns);
            }
        }
        Effect::Nothing
    }

    pub(super) fn row(&mut self, element: &Element<'_>) -> Effect {
        if self.tables != 1 {
            return Effect::Nothing;
        }
        self.grid.column = 0;
        let hidden = std::mem::replace(&mut self.grid.row_hidden, is_collapsed(element));
        Effect::Row { repeated: number(element, "number-rows-repeated").max(1), hidden }
    }

    pub(super) fn open_cell(&mut self, element: &Element<'_>, sink: &mut Sink<'_, '_>) -> Effect {
        if self.tables != 1 {
            self.mark(" ");
            return Effect::Nothing;
        }
        let counted = self.cells < sink.cells_left();
        if !counted {
            sink.unread(Why::OverLimit);
        }
        let column = self.grid.column;
        self.grid.column = column.saturating_add(number(element, "number-columns-repeated").max(1));
        let hidden = self.grid.row_hidden || self.grid.hidden_columns.iter().any(|columns| columns.contains(&column));
        let outer = self.layer;
        if hidden && outer == Layer::Body {
            self.layer = Layer::Hidden;
        }
        let kind = element.attribute("value-type").unwrap_or_default();
        let value = match kind.as_str() {
            "string" => "string-value",
            "date" => "date-value",
            "time" => "time-value",
            "boolean" => "boolean-value",
            _ => "value",
        };
        let value = if kind.is_empty() { String::new() } else { element.attribute(value).unwrap_or_default() };
        let formula = element.attribute("formula").unwrap_or_default();
        let row = self.grid.row;
        self.cell =
            Some(OpenCell { row, column, start: None, gap: false, layer: outer, kind, value, formula, counted });
        Effect::Cell
    }

    /// Ends a cell: its place is kept, and what its value says beyond what it shows.
    pub(super) fn end_cell(&mut self) {
        let (table, layer) = (self.grid.table, self.layer);
        let Some(mut cell) = self.cell.take() else { return };
        if cell.start.is_none() && !cell.value.is_empty() {
            let draft = self.draft(layer);
            cell.start = Some(draft.cell(cell.row));
            draft.text.push_str(&cell.value);
            cell.value.clear();
        }
        self.layer = cell.layer;
        self.cells = self.cells.saturating_add(usize::from(cell.start.is_some()));
        let Some(start) = cell.start else { return };
        let draft = self.draft(layer);
        let range = start..draft.text.len();
        let shown = draft.text.get(range.clone()).unwrap_or_default();
        let differs = match cell.kind.as_str() {
            "float" => !cell.value.is_empty() && !same_number(shown, &cell.value),
            "string" => !cell.value.is_empty() && shown != cell.value,
            _ => false,
        };
        if !cell.counted {
            return;
        }
        draft.cells.push(Cell { table, row: cell.row, column: cell.column, range });
        let behind = [(differs, &cell.value), (tells(&cell.formula), &cell.formula)];
        for (_, text) in behind.into_iter().filter(|(keep, _)| *keep) {
            let draft = self.draft(Layer::Behind);
            let start = draft.cell(cell.row);
            draft.text.push_str(text);
            let range = start..draft.text.len();
            draft.cells.push(Cell { table: 0, row: cell.row, column: cell.column, range });
        }
    }
}

fn is_collapsed(element: &Element<'_>) -> bool {
    element.attribute("visibility").is_some_and(|visibility| visibility != "visible")
}

/// Whether a number as shown is the value: 1.234,50 is 1234.5, 012 is not 12.
fn same_number(shown: &str, value: &str) -> bool {
    let shown = shown.trim();
    let leading = shown.starts_with('0') && shown.len() > 1 && shown.bytes().all(|b| b.is_ascii_digit());
    let number = |text: &str| text.parse::<f64>().ok();
    let plain = number(&shown.replace(['.', ' ', '\u{a0}', '\u{202f}'], "").replace(',', "."));
    let english = number(&shown.replace(',', ""));
    let value = number(value);
    !leading && value.is_some() && (plain == value || english == value)
}

/// Whether a formula holds a text or a long number of its own.
fn tells(formula: &str) -> bool {
    formula.contains('"') || formula.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 6)
}
