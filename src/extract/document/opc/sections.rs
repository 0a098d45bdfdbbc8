//! What a document holds so far, section by section: its parts are read in the order of the file, and the notes of a
//! document are one text wherever they stand.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::Flow;
use crate::extract::document::Sink;
use crate::extract::{Cell, Layer, Section, Unit, Why};

/// The texts of a document.
pub(in super::super) struct Sections {
    kept: BTreeMap<Section, Kept>,
    /// Parts that are no XML, with their names, out of a file of one XML.
    pub(super) binaries: Vec<(String, Vec<u8>)>,
    /// Octets of text that may still come.
    text_left: usize,
    /// Cells that may still come.
    cells_left: usize,
    /// Whether there was more than that.
    over_limit: bool,
}

/// The text of one section.
#[derive(Default)]
struct Kept {
    text: String,
    cells: Vec<Cell>,
    tables: u32,
    /// Lines that count once.
    lines: BTreeSet<String>,
}

impl Sections {
    pub(super) fn new(sink: &Sink<'_, '_>) -> Self {
        Self {
            kept: BTreeMap::new(),
            binaries: Vec::new(),
            text_left: sink.limits().text_bytes,
            cells_left: sink.cells_left(),
            over_limit: false,
        }
    }

    /// Hands everything to the sink.
    pub(super) fn give(self, sink: &mut Sink<'_, '_>) {
        if self.over_limit {
            sink.unread(Why::OverLimit);
        }
        for (section, kept) in self.kept {
            sink.text(section, kept.text, kept.cells);
        }
    }

    /// Whether anything was read that is not a property of the document.
    pub(super) fn any(&self) -> bool {
        self.kept.keys().any(|section| section.layer != Layer::Property)
    }

    /// Adds what flowed together, on lines of its own.
    pub(super) fn append(&mut self, unit: &Unit, flow: Flow) {
        if flow.text.trim().is_empty() || !self.may_keep(flow.text.len() + 1) {
            return;
        }
        let over = flow.cells.len() > self.cells_left;
        self.over_limit |= over;
        let taken = if over { self.cells_left } else { flow.cells.len() };
        self.cells_left -= taken;
        let kept = self.kept.entry(Section { unit: unit.clone(), layer: flow.layer }).or_default();
        let (start, tables) = (kept.text.len(), kept.tables);
        kept.cells.extend(flow.cells.into_iter().take(taken).map(|cell| Cell {
            table: cell.table + tables,
            range: cell.range.start + start..cell.range.end + start,
            ..cell
        }));
        kept.tables = tables.saturating_add(flow.tables);
        if start == 0 {
            kept.text = flow.text
        } else {
            kept.text.push_str(&flow.text)
        }
        if !kept.text.ends_with('\n') {
            kept.text.push('\n');
        }
    }

    /// Adds lines that count once in their section.
    pub(super) fn lines(&mut self, unit: &Unit, layer: Layer, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let kept = self.kept.entry(Section { unit: unit.clone(), layer }).or_default();
            if kept.lines.contains(line) {
                continue;
            }
            if line.len() + 1 > self.text_left {
                self.over_limit = true;
                return;
            }
            self.text_left -= line.len() + 1;
            kept.lines.insert(line.to_string());
            kept.text.push_str(line);
            kept.text.push('\n');
        }
    }

    /// Adds the words of a control.
    pub(super) fn control(&mut self, unit: &Unit, words: &str) {
        self.lines(unit, Layer::Field, words);
    }

    fn may_keep(&mut self, octets: usize) -> bool {
        self.over_limit |= octets > self.text_left;
        self.text_left = self.text_left.saturating_sub(octets);
        !self.over_limit
    }
}
