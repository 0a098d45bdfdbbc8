//! The texts of an OpenDocument in the making: one for each layer of the unit that is being read.

use std::collections::BTreeMap;

use crate::extract::document::Sink;
use crate::extract::{Cell, Layer, Section, Unit};

/// The texts of one unit, layer by layer.
pub(super) struct Drafts {
    unit: Unit,
    /// Whether the whole unit is hidden.
    hidden: bool,
    layers: BTreeMap<Layer, Draft>,
}

/// One text in the making.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) cells: Vec<Cell>,
    /// Tables so far.
    pub(super) tables: u32,
    /// The row of the last cell.
    row: Option<u32>,
}

impl Default for Drafts {
    fn default() -> Self {
        Self::new(Unit::Document, false)
    }
}

impl Drafts {
    pub(super) fn new(unit: Unit, hidden: bool) -> Self {
        Self { unit, hidden, layers: BTreeMap::new() }
    }

    pub(super) fn layer(&mut self, layer: Layer) -> &mut Draft {
        let layer = if self.hidden && layer == Layer::Body { Layer::Hidden } else { layer };
        self.layers.entry(layer).or_default()
    }

    /// Hands the texts over.
    pub(super) fn give(&mut self, sink: &mut Sink<'_, '_>) {
        for (layer, draft) in std::mem::take(&mut self.layers) {
            sink.text(Section { unit: self.unit.clone(), layer }, draft.text, draft.cells);
        }
    }
}

impl Draft {
    /// What comes stands on a line of its own.
    pub(super) fn line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// A line of its own.
    pub(super) fn whole_line(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.line();
            self.text.push_str(text.trim());
            self.text.push('\n');
        }
    }

    /// Begins a cell: behind a tab in the row of the last one, on a new line in another row.
    pub(super) fn cell(&mut self, row: u32) -> usize {
        if self.row == Some(row) {
            self.text.push('\t');
        } else {
            self.line();
            self.row = Some(row);
        }
        self.text.len()
    }

    /// Ends a table.
    pub(super) fn table(&mut self) {
        self.line();
        self.row = None;
        self.tables = self.tables.saturating_add(1);
    }
}
