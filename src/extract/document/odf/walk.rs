//! A walk through the XML of an OpenDocument, element by element, by names without prefix.
//!
//! Text goes to the layer in which a person finds it. Repeated cells and rows only move the count on: they are written
//! once and never unfolded. What stands where no text is expected is kept all the same.

use std::collections::HashSet;

use super::super::xml::{Element, Node, Xml};
use super::Pictures;
use super::draft::{Draft, Drafts};
use super::table::{Grid, OpenCell};
use crate::extract::document::Sink;
use crate::extract::{Cell, Layer, Unit};
use crate::message::{Encoding, transfer};

/// What is carried through the parts of one document.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) kind: Kind,
    pub(super) styles: Styles,
    pub(super) document: Drafts,
    /// The sheet or slide that is being read.
    pub(super) unit: Option<Drafts>,
    units: u32,
    /// Where text goes now.
    pub(super) layer: Layer,
    /// What to do when the open elements end.
    open: Vec<Effect>,
    /// Open elements whose text is not shown.
    quiet: usize,
    paragraphs: usize,
    /// Open elements of a form.
    forms: usize,
    pub(super) tables: usize,
    pub(super) grid: Grid,
    pub(super) cell: Option<OpenCell>,
    /// The base64 of a file inside.
    data: Option<String>,
    /// Hidden text was last written, within a line.
    hidden_tail: bool,
    /// Cells of the unit so far.
    pub(super) cells: usize,
    pictures: Pictures,
}

/// What is known by the root of the body.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Sheets,
    Slides,
    Drawing,
}

/// What ends with an element.
pub(super) enum Effect {
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
pub(super) struct Back {
    layer: Layer,
    cell: Option<OpenCell>,
    paragraphs: usize,
}

/// The cell that a comment belongs to, and where the comment begins.
pub(super) struct At {
    row: u32,
    column: u32,
    start: usize,
}

/// Styles that hide.
#[derive(Default)]
pub(super) struct Styles {
    current: String,
    texts: HashSet<String>,
    pub(super) tables: HashSet<String>,
    pages: HashSet<String>,
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

    pub(super) fn draft(&mut self, layer: Layer) -> &mut Draft {
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

    fn page(&mut self, element: &Element<'_>) -> Effect {
        self.units = self.units.saturating_add(1);
        let hidden = element.attribute("style-name").is_some_and(|style| self.styles.pages.contains(&style));
        let unit = if self.kind == Kind::Slides { Unit::Slide(self.units) } else { Unit::Page(self.units) };
        self.unit = Some(Drafts::new(unit, hidden));
        Effect::Unit
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

    /// White space that an element stands for.
    pub(super) fn mark(&mut self, text: &str) -> Effect {
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

pub(super) fn number(element: &Element<'_>, key: &str) -> u32 {
    element.attribute(key).and_then(|value| value.parse().ok()).unwrap_or(0)
}
