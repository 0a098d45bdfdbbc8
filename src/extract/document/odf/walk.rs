//! A walk through the XML of an OpenDocument, element by element, by names without prefix.
//!
//! Text goes to the layer in which a person finds it. Repeated cells and rows only move the count on: they are written
//! once and never unfolded. What stands where no text is expected is kept all the same.

use std::collections::HashSet;
use std::ops::Range;

use super::super::xml::{Element, Node, Xml};
use super::Pictures;
use super::draft::{Draft, Drafts};
use crate::extract::document::Sink;
use crate::extract::{Cell, Layer, Unit, Why};
use crate::message::{Encoding, transfer};

/// What is carried through the parts of one document.
#[derive(Default)]
pub(super) struct Walk {
    kind: Kind,
    styles: Styles,
    document: Drafts,
    /// The sheet or slide that is being read.
    unit: Option<Drafts>,
    units: u32,
    /// Where text goes now.
    layer: Layer,
    /// What to do when the open elements end.
    open: Vec<Effect>,
    /// Open elements whose text is not shown.
    quiet: usize,
    paragraphs: usize,
    /// Open elements of a form.
    forms: usize,
    tables: usize,
    grid: Grid,
    cell: Option<OpenCell>,
    /// The base64 of a file inside.
    data: Option<String>,
    /// Hidden text was last written, within a line.
    hidden_tail: bool,
    /// Cells of the unit so far.
    cells: usize,
    pictures: Pictures,
}

/// What is known by the root of the body.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Text,
    Sheets,
    Slides,
    Drawing,
}

/// What ends with an element.
enum Effect {
    Nothing,
    Quiet,
    Form,
    Paragraph { back: Option<Back> },
    Run { back: Back },
    Layer { back: Back, at: Option<At> },
    Table,
    Row { repeated: u32, hidden: bool },
    Cell,
    Unit,
    Data,
}

/// What a diversion comes back to.
struct Back {
    layer: Layer,
    cell: Option<OpenCell>,
    paragraphs: usize,
}

/// The cell that a comment belongs to, and where the comment begins.
struct At {
    row: u32,
    column: u32,
    start: usize,
}

/// Styles that hide.
#[derive(Default)]
struct Styles {
    current: String,
    texts: HashSet<String>,
    tables: HashSet<String>,
    pages: HashSet<String>,
}

/// Where in a table we are.
#[derive(Default)]
struct Grid {
    table: u32,
    row: u32,
    column: u32,
    columns: u32,
    row_hidden: bool,
    hidden_columns: Vec<Range<u32>>,
}

/// A cell that is being read.
struct OpenCell {
    row: u32,
    column: u32,
    /// Where its text begins; none before there is any.
    start: Option<usize>,
    /// A paragraph has ended in it.
    gap: bool,
    layer: Layer,
    kind: String,
    value: String,
    formula: String,
    /// There is room for it among the cells that are kept.
    counted: bool,
}

/// The element names of shapes that hold text.
const SHAPES: [&str; 13] = [
    "text-box",
    "custom-shape",
    "rect",
    "ellipse",
    "circle",
    "line",
    "polyline",
    "polygon",
    "path",
    "connector",
    "caption",
    "measure",
    "regular-polygon",
];

/// Properties that say nothing about people.
const DULL: [&str; 8] = [
    "generator",
    "creation-date",
    "date",
    "editing-cycles",
    "editing-duration",
    "document-statistic",
    "language",
    "print-date",
];

impl Walk {
    /// A walk through an object inside a document.
    pub(super) fn inside(layer: Layer) -> Self {
        Self { layer, ..Self::default() }
    }

    /// Reads one XML file of the document.
    pub(super) fn part(&mut self, source: &str, sink: &mut Sink<'_, '_>) {
        let outer = self.layer;
        let mut xml = Xml::new(source);
        while let Some(node) = xml.next() {
            match node {
                Node::Open(element) => {
                    let effect = self.opened(&element, sink);
                    self.open.push(effect);
                }
                Node::Close(_) => self.closed(sink),
                Node::Text(text) => self.text(&text),
            }
        }
        while !self.open.is_empty() {
            self.closed(sink);
        }
        self.layer = outer;
        self.document.give(sink);
        if let Some(why) = xml.fault {
            sink.unread(why);
        }
    }

    /// Says what was too much.
    pub(super) fn end(&mut self, sink: &mut Sink<'_, '_>) {
        self.document.give(sink);
    }

    /// The pictures of the document.
    pub(super) fn pictures(&mut self) -> &mut Pictures {
        &mut self.pictures
    }

    fn draft(&mut self, layer: Layer) -> &mut Draft {
        self.unit.as_mut().unwrap_or(&mut self.document).layer(layer)
    }

    fn opened(&mut self, element: &Element<'_>, sink: &mut Sink<'_, '_>) -> Effect {
        let name = element.name();
        if self.forms > 0 {
            return self.control(element);
        }
        match name {
            "p" | "h" => self.paragraph(element),
            "span" if self.is_hidden_text(element) => {
                let back = self.divert(Layer::Hidden);
                self.paragraphs = back.paragraphs;
                Effect::Run { back }
            }
            "s" => self.spaces(element),
            "tab" => self.mark("\t"),
            "line-break" => self.mark("\n"),
            "table" => self.table(element),
            "table-column" => self.column(element),
            "table-row" => self.row(element),
            "table-cell" | "covered-table-cell" => self.open_cell(element, sink),
            "page" if matches!(self.kind, Kind::Slides | Kind::Drawing) => self.page(element),
            "style" | "text-properties" | "table-properties" | "drawing-page-properties" => self.style(name, element),
            "forms" => {
                self.forms = 1;
                Effect::Form
            }
            "binary-data" => {
                self.data = Some(String::new());
                Effect::Data
            }
            _ => self.other(name, element),
        }
    }

    /// Elements that only say where text goes.
    fn other(&mut self, name: &str, element: &Element<'_>) -> Effect {
        let text_or_sheets = matches!(self.kind, Kind::Text | Kind::Sheets);
        match name {
            "spreadsheet" => self.kind = Kind::Sheets,
            "presentation" => self.kind = Kind::Slides,
            "drawing" => self.kind = Kind::Drawing,
            "automatic-styles" | "styles" | "font-face-decls" | "settings" | "scripts" | "note-citation" => {
                return self.hush();
            }
            "creator" | "date" | "creator-initials" | "date-string"
                if self.paragraphs == 0 && self.layer != Layer::Property =>
            {
                // Whose comment it is; whose change it is stands there too often to be of use.
                return if self.layer == Layer::Comment && name == "creator" { Effect::Nothing } else { self.hush() };
            }
            _ if self.layer == Layer::Property && DULL.contains(&name) => return self.hush(),
            "note-body" => return self.block(Layer::Note),
            "annotation" => return self.annotation(),
            "tracked-changes" => return self.block(Layer::Deleted),
            "notes" => return self.block(Layer::SpeakerNotes),
            "chart" => return self.block(Layer::Chart),
            "meta" if self.paragraphs == 0 => return self.block(Layer::Property),
            "title" | "desc" if !matches!(self.layer, Layer::Property | Layer::Chart) => {
                return self.block(Layer::AltText);
            }
            "master-page" | "handout-master" | "header-decl" | "footer-decl" | "date-time-decl" => {
                return self.block(Layer::Margin);
            }
            "help-message" | "error-message" => return self.block(Layer::Behind),
            "section" if is(element, "display", "none") || is(element, "is-hidden", "true") => {
                return self.block(Layer::Hidden);
            }
            _ if text_or_sheets && SHAPES.contains(&name) => return self.block(Layer::TextBox),
            _ => self.attributes(name, element),
        }
        Effect::Nothing
    }

    /// Elements whose attributes are shown, or can be.
    fn attributes(&mut self, name: &str, element: &Element<'_>) {
        let (layer, keys): (Layer, &[&str]) = match name {
            "hidden-text" => (Layer::Hidden, &["string-value"]),
            "conditional-text" => (Layer::Hidden, &["string-value-if-true", "string-value-if-false"]),
            "user-field-decl" | "variable-set" => (Layer::Field, &["name", "string-value", "value"]),
            "label" => (Layer::Field, &["value"]),
            "user-defined" if self.layer == Layer::Property => (Layer::Property, &["name"]),
            "alphabetical-index-mark" | "toc-mark" | "user-index-mark" => {
                (Layer::Behind, &["string-value", "key1", "key2"])
            }
            "a" => (Layer::Behind, &["href", "title"]),
            "content-validation" => (Layer::Behind, &["condition"]),
            "named-range" | "database-range" | "data-pilot-table" | "data-pilot-member" => (Layer::Behind, &["name"]),
            "named-expression" => (Layer::Behind, &["name", "expression"]),
            "change-track-table-cell" => (Layer::Deleted, &["value"]),
            _ => return,
        };
        let values: Vec<String> = keys.iter().filter_map(|key| element.attribute(key)).collect();
        // A place in the document itself.
        if name != "a" || !values.first().is_some_and(|href| href.starts_with('#')) {
            self.draft(layer).whole_line(&values.join(" "));
        }
    }

    /// A control of a form: everything that it shows.
    fn control(&mut self, element: &Element<'_>) -> Effect {
        self.forms += 1;
        let values = ["label", "current-value", "value", "title"].iter().filter_map(|key| element.attribute(key));
        let mut values: Vec<String> = values.collect();
        values.dedup();
        self.draft(Layer::Field).whole_line(&values.join(" "));
        Effect::Form
    }

    fn paragraph(&mut self, element: &Element<'_>) -> Effect {
        let back = self.is_hidden_text(element).then(|| self.divert(Layer::Hidden));
        self.paragraphs += 1;
        Effect::Paragraph { back }
    }

    fn is_hidden_text(&self, element: &Element<'_>) -> bool {
        !self.styles.texts.is_empty()
            && element.attribute("style-name").is_some_and(|style| self.styles.texts.contains(&style))
    }

    fn hush(&mut self) -> Effect {
        self.quiet += 1;
        Effect::Quiet
    }

    fn divert(&mut self, layer: Layer) -> Back {
        Back {
            layer: std::mem::replace(&mut self.layer, layer),
            cell: self.cell.take(),
            paragraphs: std::mem::take(&mut self.paragraphs),
        }
    }

    fn block(&mut self, layer: Layer) -> Effect {
        let back = self.divert(layer);
        self.draft(layer).line();
        Effect::Layer { back, at: None }
    }

    fn annotation(&mut self) -> Effect {
        let back = self.divert(Layer::Comment);
        let draft = self.draft(Layer::Comment);
        draft.line();
        let start = draft.text.len();
        let at = back.cell.as_ref().map(|cell| At { row: cell.row, column: cell.column, start });
        Effect::Layer { back, at }
    }

    fn spaces(&mut self, element: &Element<'_>) -> Effect {
        let count = number(element, "c").clamp(1, 32) as usize;
        self.mark(&" ".repeat(count))
    }

    fn table(&mut self, element: &Element<'_>) -> Effect {
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

    fn page(&mut self, element: &Element<'_>) -> Effect {
        self.units = self.units.saturating_add(1);
        let hidden = element.attribute("style-name").is_some_and(|style| self.styles.pages.contains(&style));
        let unit = if self.kind == Kind::Slides { Unit::Slide(self.units) } else { Unit::Page(self.units) };
        self.unit = Some(Drafts::new(unit, hidden));
        Effect::Unit
    }

    fn column(&mut self, element: &Element<'_>) -> Effect {
        if self.tables == 1 {
            let start = self.grid.columns;
            self.grid.columns = start.saturating_add(number(element, "number-columns-repeated").max(1));
            if is_collapsed(element) {
                self.grid.hidden_columns.push(start..self.grid.columns);
            }
        }
        Effect::Nothing
    }

    fn row(&mut self, element: &Element<'_>) -> Effect {
        if self.tables != 1 {
            return Effect::Nothing;
        }
        self.grid.column = 0;
        let hidden = std::mem::replace(&mut self.grid.row_hidden, is_collapsed(element));
        Effect::Row { repeated: number(element, "number-rows-repeated").max(1), hidden }
    }

    fn open_cell(&mut self, element: &Element<'_>, sink: &mut Sink<'_, '_>) -> Effect {
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

    fn style(&mut self, name: &str, element: &Element<'_>) -> Effect {
        let styles = &mut self.styles;
        match name {
            "style" => {
                styles.current = element.attribute("name").unwrap_or_default();
                let parent = element.attribute("parent-style-name").unwrap_or_default();
                if styles.texts.contains(&parent) {
                    styles.texts.insert(styles.current.clone());
                }
                return Effect::Nothing;
            }
            "text-properties" if is(element, "display", "none") => styles.texts.insert(styles.current.clone()),
            "table-properties" if is(element, "display", "false") => styles.tables.insert(styles.current.clone()),
            "drawing-page-properties" if is(element, "visibility", "hidden") => {
                styles.pages.insert(styles.current.clone())
            }
            _ => false,
        };
        Effect::Nothing
    }

    fn closed(&mut self, sink: &mut Sink<'_, '_>) {
        match self.open.pop() {
            None | Some(Effect::Nothing) => {}
            Some(Effect::Quiet) => self.quiet = self.quiet.saturating_sub(1),
            Some(Effect::Form) => self.forms = self.forms.saturating_sub(1),
            Some(Effect::Paragraph { back }) => self.end_paragraph(back),
            Some(Effect::Run { back }) => {
                self.hidden_tail = true;
                self.restore(back);
            }
            Some(Effect::Layer { back, at }) => self.end_block(back, at),
            Some(Effect::Table) => {
                self.tables = self.tables.saturating_sub(1);
                let layer = self.layer;
                if self.tables == 0 {
                    self.draft(layer).table();
                }
            }
            Some(Effect::Row { repeated, hidden }) => {
                self.grid.row = self.grid.row.saturating_add(repeated);
                self.grid.row_hidden = hidden;
            }
            Some(Effect::Cell) => self.end_cell(),
            Some(Effect::Unit) => {
                (self.tables, self.cells) = (0, 0);
                if let Some(mut unit) = self.unit.take() {
                    unit.give(sink);
                }
            }
            Some(Effect::Data) => {
                let data = self.data.take().unwrap_or_default();
                let octets = transfer::decode(Encoding::Base64, data.as_bytes());
                self.pictures.file("object", &octets, sink);
            }
        }
    }

    fn restore(&mut self, back: Back) {
        self.layer = back.layer;
        self.cell = back.cell;
        self.paragraphs = back.paragraphs;
    }

    fn end_paragraph(&mut self, back: Option<Back>) {
        self.paragraphs = self.paragraphs.saturating_sub(1);
        match &mut self.cell {
            Some(cell) => cell.gap = true,
            None => {
                let layer = self.layer;
                self.draft(layer).line();
            }
        }
        if std::mem::take(&mut self.hidden_tail) {
            self.draft(Layer::Hidden).line();
        }
        if let Some(back) = back {
            self.restore(back);
        }
    }

    fn end_block(&mut self, back: Back, at: Option<At>) {
        let layer = self.layer;
        let draft = self.draft(layer);
        let end = draft.text.trim_end().len();
        if let Some(At { row, column, start }) = at.filter(|at| at.start < end) {
            draft.cells.push(Cell { table: 0, row, column, range: start..end });
        }
        draft.line();
        self.restore(back);
    }

    /// Ends a cell: its place is kept, and what its value says beyond what it shows.
    fn end_cell(&mut self) {
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

    /// White space that an element stands for.
    fn mark(&mut self, text: &str) -> Effect {
        if self.quiet == 0 && (self.paragraphs > 0 || self.cell.is_some()) {
            let text = if self.cell.is_some() && text != " " { " " } else { text };
            let layer = self.layer;
            if self.cell.as_ref().is_none_or(|cell| cell.start.is_some()) {
                self.draft(layer).text.push_str(text);
            }
        }
        Effect::Nothing
    }

    fn text(&mut self, text: &str) {
        if let Some(data) = &mut self.data {
            return data.push_str(text);
        }
        if self.quiet > 0 {
            return;
        }
        if self.paragraphs == 0 {
            let layer = self.layer;
            return self.draft(layer).whole_line(text);
        }
        let layer = self.layer;
        if layer != Layer::Hidden && std::mem::take(&mut self.hidden_tail) {
            self.draft(Layer::Hidden).text.push(' ');
        }
        let mut cell = self.cell.take();
        let draft = self.draft(layer);
        if let Some(cell) = cell.as_mut().filter(|_| !text.trim().is_empty()) {
            match cell.start {
                None => cell.start = Some(draft.cell(cell.row)),
                Some(_) if cell.gap => draft.text.push(' '),
                Some(_) => {}
            }
            cell.gap = false;
        }
        if cell.as_ref().is_none_or(|cell| cell.start.is_some()) {
            push_collapsed(&mut draft.text, text);
        }
        self.cell = cell;
    }
}

/// Adds text in which a run of white space counts as one space (ODF 1.3 part 3, section 6.1.2).
fn push_collapsed(out: &mut String, text: &str) {
    let space = |c: char| matches!(c, ' ' | '\n' | '\t' | '\r');
    for piece in text.split_inclusive(space) {
        let word = piece.trim_end_matches(space);
        out.push_str(word);
        if word.len() < piece.len() && !out.is_empty() && !out.ends_with(space) {
            out.push(' ');
        }
    }
}

fn is(element: &Element<'_>, key: &str, value: &str) -> bool {
    element.attribute(key).is_some_and(|known| known == value)
}

fn is_collapsed(element: &Element<'_>) -> bool {
    element.attribute("visibility").is_some_and(|visibility| visibility != "visible")
}

fn number(element: &Element<'_>, key: &str) -> u32 {
    element.attribute(key).and_then(|value| value.parse().ok()).unwrap_or(0)
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
