//! One walk through the XML of a part (ECMA-376 part 1): running text with tables and what lies beside it, section by
//! section, whatever the part is. Names of elements decide, not namespaces, content types or paths, so that strict
//! documents, files of one XML (flat OPC, Word 2003) and parts that nobody links to are read alike. Text in an element
//! that has no meaning here goes behind the document, so that none is missed.
//!
//! Never builds a tree, never recurses. A fault in the XML ends the walk; what came before is kept.

use std::collections::BTreeSet;

use super::chart::Chart;
use super::describe;
use super::element::{El, Manner};
use super::flow::{Flow, Kind, Unshown};
use super::lines;
use super::sections::Sections;
use crate::extract::document::xml::{Element, Node, Xml};
use crate::extract::{Layer, Unit, Why};
use crate::message::{Encoding, transfer};

/// More fields within fields than Word allows (20).
const DEEPEST_FIELD: usize = 64;

/// Where a part belongs.
pub(super) struct Whereabouts {
    /// The slide that it belongs to.
    pub(super) unit: Unit,
    /// The layer of its text, as long as its root does not tell another.
    pub(super) layer: Layer,
    /// How that lies in it.
    pub(super) manner: Manner,
}

/// Reads the XML of a part; why it stopped early.
pub(super) fn read(xml: &str, whereabouts: Whereabouts, out: &mut Sections) -> Option<Why> {
    let mut walk = Xml::nameless(xml);
    let mut story = Story::new(whereabouts, out);
    while let Some(node) = walk.next() {
        match node {
            Node::Open(element) => story.open(&element),
            Node::Close(_) => story.close(),
            Node::Text(text) => story.text(&text),
        }
    }
    story.end();
    walk.fault
}

/// The state of a walk.
pub(super) struct Story<'o> {
    pub(super) out: &'o mut Sections,
    pub(super) unit: Unit,
    /// The open elements, and whether each began a flow.
    open: Vec<El>,
    begun: Vec<bool>,
    pub(super) flows: Vec<Flow>,
    /// Elements of deleted, and of inserted text that are open.
    deleted: u32,
    inserted: u32,
    /// Whether the open run is hidden, and those around it.
    hidden: bool,
    runs: Vec<bool>,
    /// The codes of the fields that are open.
    fields: Vec<String>,
    /// Fallbacks that are open; choices, and the lines that stood in them.
    fallbacks: u32,
    choices: u32,
    chosen: BTreeSet<String>,
    /// Text outside of runs, until the next element begins or ends; and the name that goes with it.
    loose: String,
    label: String,
    /// The name of the property that is open.
    pub(super) property: String,
    /// Base64 of a field, or of a part.
    data: String,
    /// The name of the part that is open, in a file of one XML.
    pub(super) part: String,
    pub(super) chart: Chart,
}

impl<'o> Story<'o> {
    fn new(whereabouts: Whereabouts, out: &'o mut Sections) -> Self {
        Self {
            out,
            unit: whereabouts.unit,
            open: Vec::new(),
            begun: Vec::new(),
            flows: vec![Flow::new(whereabouts.layer, whereabouts.manner)],
            deleted: 0,
            inserted: 0,
            hidden: false,
            runs: Vec::new(),
            fields: Vec::new(),
            fallbacks: 0,
            choices: 0,
            chosen: BTreeSet::new(),
            loose: String::new(),
            label: String::new(),
            property: String::new(),
            data: String::new(),
            part: String::new(),
            chart: Chart::default(),
        }
    }

    fn open(&mut self, element: &Element<'_>) {
        self.end_loose();
        let name = element.name();
        let labelled = self.manner() == Manner::Labelled;
        let el = if labelled { El::Other } else { El::of(name, &self.open) };
        let el = if el == El::Annotation { describe::annotation(element) } else { el };
        let flows = self.flows.len();
        if labelled {
            self.labelled(element);
        } else if self.manner() == Manner::Running && matches!(name, "text" | "div" | "title" | "desc") {
            self.flow(Flow::open_line);
        }
        self.begin_flow(el, element);
        self.begin_text(el, element);
        self.describe(el, element);
        self.open.push(el);
        self.begun.push(self.flows.len() > flows);
    }

    fn close(&mut self) {
        self.end_loose();
        self.label.clear();
        let Some(el) = self.open.pop() else { return };
        match el {
            El::Paragraph => self.close_paragraph(),
            El::Run => self.hidden = self.runs.pop().unwrap_or_default(),
            El::Deleted => self.deleted = self.deleted.saturating_sub(1),
            El::Inserted => self.inserted = self.inserted.saturating_sub(1),
            El::Table => self.flow(Flow::close_table),
            El::Row => self.flow(Flow::close_row),
            El::Cell => self.flow(Flow::close_cell),
            El::Choice => self.choices = self.choices.saturating_sub(1),
            El::FieldData => self.field_data(),
            El::Binary => self.binary(),
            El::Series => self.chart.close_series(),
            El::Chart => self.close_chart(),
            El::Value => self.chart.close_value(),
            El::Property => self.property.clear(),
            _ => {}
        }
        if self.begun.pop() == Some(true) {
            self.end_flow();
        }
        if el == El::Fallback {
            self.fallbacks = self.fallbacks.saturating_sub(1);
        }
    }

    fn text(&mut self, text: &str) {
        let kind = self.kind();
        match self.open.last().copied().unwrap_or(El::Other) {
            El::Text => {
                if self.choices > 0 {
                    self.chosen.insert(text.trim().to_string());
                }
                self.flow(|flow| flow.push(text, kind));
            }
            El::DeletedText => self.flow(|flow| flow.push(text, Kind::Deleted)),
            El::Code => match self.fields.last_mut() {
                Some(code) => code.push_str(text),
                None => self.loose.push_str(text),
            },
            El::FieldData | El::Binary => self.data.push_str(text),
            El::Value if self.chart.takes(text) => {}
            El::Skip => {}
            El::Count if matches!(self.layer(), Layer::Property | Layer::Chart) => {}
            _ if self.manner() == Manner::Running => {
                let words = text.trim_matches(|c: char| c.is_ascii_control());
                self.flow(|flow| flow.push(words, Kind::Plain));
            }
            _ if self.loose.is_empty() && text.trim_ascii().is_empty() => {}
            _ => self.loose.push_str(text),
        }
    }

    /// Closes what a fault left open.
    fn end(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
        self.end_loose();
        self.end_fields(0);
        // Series without a chart around them.
        let mut flow = Flow::new(Layer::Chart, Manner::Runs);
        std::mem::take(&mut self.chart).write(&mut flow);
        self.merge(flow);
        while !self.flows.is_empty() {
            self.end_flow();
        }
    }

    fn end_flow(&mut self) {
        let Some(mut flow) = self.flows.pop() else { return };
        // Text outside of paragraphs can be deleted or hidden too.
        self.unshown(flow.end_paragraph());
        self.merge(flow);
    }

    /// What makes text go elsewhere than into the flow that is open.
    fn begin_flow(&mut self, el: El, element: &Element<'_>) {
        let around = self.layer();
        let begin = match el {
            El::Root(layer, manner) => (layer, manner),
            El::Slide if element.attribute("show").is_some_and(|show| !lines::is_on(&show)) => {
                (Layer::Hidden, Manner::Runs)
            }
            El::Slide => (Layer::Body, Manner::Runs),
            El::Master => (Layer::Margin, Manner::Distinct),
            El::Chart => (Layer::Chart, Manner::Runs),
            El::Annotation => (Layer::Comment, Manner::Runs),
            El::Box if around == Layer::Body => (Layer::TextBox, Manner::Runs),
            El::Box => (around, Manner::Runs),
            El::Shape => (around, self.manner()),
            El::Fallback => {
                self.fallbacks += 1;
                (around, self.manner())
            }
            _ => return,
        };
        self.flows.push(Flow::new(begin.0, begin.1));
    }

    /// What begins, ends or changes running text.
    fn begin_text(&mut self, el: El, element: &Element<'_>) {
        let kind = self.kind();
        match el {
            El::Paragraph => self.flow(Flow::open_paragraph),
            El::Run => self.runs.push(self.hidden),
            El::Vanish => self.hidden |= element.attribute("val").is_none_or(|value| lines::is_on(&value)),
            El::Deleted => self.deleted += 1,
            El::Inserted => self.inserted += 1,
            El::DeletedMark => self.flow(Flow::delete_mark),
            El::Tab => self.flow(|flow| flow.push("\t", kind)),
            El::Break => self.flow(|flow| flow.push("\n", kind)),
            El::NoBreakHyphen => self.flow(|flow| flow.push("-", kind)),
            El::Symbol => {
                if let Some(character) = element.attribute("char").as_deref().and_then(lines::symbol) {
                    self.flow(|flow| flow.push(character.encode_utf8(&mut [0; 4]), kind));
                }
            }
            El::Table => self.flow(Flow::open_table),
            El::Row => self.flow(Flow::open_row),
            El::Cell => self.flow(Flow::open_cell),
            El::GridSpan => self.flow(|flow| flow.span(number(element))),
            El::GridBefore => self.flow(|flow| flow.skip(number(element))),
            El::Choice => self.choices += 1,
            El::FieldChar => self.field(element.attribute("fldCharType").as_deref().unwrap_or_default()),
            El::Comment => self.comment_author(element),
            El::Series => self.chart.open_series(),
            El::Categories | El::Values | El::SeriesName => self.chart.slot(el),
            El::Point => self.chart.point(element.attribute("idx").and_then(|index| index.parse().ok())),
            _ => {}
        }
    }

    fn close_chart(&mut self) {
        let chart = std::mem::take(&mut self.chart);
        self.flow(|flow| chart.write(flow));
    }

    fn field(&mut self, kind: &str) {
        match kind {
            "begin" if self.fields.len() < DEEPEST_FIELD => self.fields.push(String::new()),
            "separate" => {
                if let Some(code) = self.fields.last_mut().map(std::mem::take) {
                    self.line(Layer::Behind, &code);
                }
            }
            "end" => self.end_fields(self.fields.len().saturating_sub(1)),
            _ => {}
        }
    }

    fn end_fields(&mut self, left: usize) {
        while self.fields.len() > left {
            let code = self.fields.pop().unwrap_or_default();
            self.line(Layer::Behind, &code);
        }
    }

    fn field_data(&mut self) {
        let data = std::mem::take(&mut self.data);
        let words = lines::in_base64(&data);
        self.line(Layer::Field, &words);
    }

    /// A part that is no XML: whoever asked for the walk reads it.
    fn binary(&mut self) {
        let data = std::mem::take(&mut self.data);
        let octets = transfer::decode(Encoding::Base64, data.as_bytes()).into_owned();
        self.out.binaries.push((self.part.clone(), octets));
    }

    fn close_paragraph(&mut self) {
        if self.choices > 0
            && let Some(flow) = self.flows.last()
        {
            self.chosen.insert(flow.paragraph().trim().to_string());
        }
        if let Some(unshown) = self.flows.last_mut().map(Flow::close_paragraph) {
            self.unshown(unshown);
        }
    }

    /// What a paragraph held besides what is shown.
    fn unshown(&mut self, unshown: Unshown) {
        for (layer, text) in [(Layer::Deleted, unshown.before), (Layer::Hidden, unshown.whole)] {
            let Some(text) = text else { continue };
            if self.choices > 0 {
                self.chosen.insert(text.trim().to_string());
            }
            let mut beside = Flow::new(layer, Manner::Runs);
            beside.text = text;
            self.merge(beside);
        }
    }

    /// Text outside of runs: of its layer where the part is made of such text, else behind the document.
    fn end_loose(&mut self) {
        if self.loose.is_empty() {
            return;
        }
        let loose = std::mem::take(&mut self.loose);
        let layer = match self.manner() {
            Manner::Loose | Manner::Labelled => self.layer(),
            Manner::Runs if self.layer() == Layer::Chart => Layer::Chart,
            Manner::Runs | Manner::Distinct | Manner::Running => Layer::Behind,
        };
        let line = match [&self.label, &self.property].into_iter().find(|name| !name.is_empty()) {
            Some(name) => format!("{name}: {}", loose.trim()),
            None => loose,
        };
        self.line(layer, &line);
    }

    /// An element whose name says what its text is.
    fn labelled(&mut self, element: &Element<'_>) {
        let layer = self.layer();
        // A schema says what others may write.
        let is_schema = element.full_name().starts_with("xsd:") || element.full_name().starts_with("xs:");
        for (name, value) in element.attributes().filter(|_| !is_schema) {
            if value.trim().len() > 1 {
                self.out.lines(&self.unit, layer, &format!("{name}: {}", value.trim()));
            }
        }
        self.label.clear();
        self.label.push_str(element.name());
    }

    /// Lines that count once.
    pub(super) fn line(&mut self, layer: Layer, text: &str) {
        if !text.trim().is_empty() {
            self.out.lines(&self.unit, layer, text);
            if let Some(decoded) = lines::percent_decoded(text) {
                self.out.lines(&self.unit, layer, &decoded);
            }
        }
    }

    /// Adds a flow that ended to its section; of a fallback only what the choice did not say.
    fn merge(&mut self, mut flow: Flow) {
        if self.fallbacks > 0 {
            let said = |line: &&str| !line.trim().is_empty() && !self.chosen.contains(line.trim());
            flow.text = flow.text.lines().filter(said).map(|line| format!("{line}\n")).collect();
            flow.cells.clear();
            flow.tables = 0;
        }
        match flow.manner {
            Manner::Distinct => self.out.lines(&self.unit, flow.layer, &flow.text),
            _ => self.out.append(&self.unit, flow),
        }
    }

    fn kind(&self) -> Kind {
        match (self.deleted, self.hidden, self.inserted) {
            (1.., _, _) => Kind::Deleted,
            (_, true, _) => Kind::Hidden,
            (_, _, 1..) => Kind::Inserted,
            _ => Kind::Plain,
        }
    }

    fn manner(&self) -> Manner {
        self.flows.last().map_or(Manner::Loose, |flow| flow.manner)
    }

    pub(super) fn layer(&self) -> Layer {
        self.flows.last().map_or(Layer::Behind, |flow| flow.layer)
    }

    pub(super) fn flow(&mut self, change: impl FnOnce(&mut Flow)) {
        if let Some(flow) = self.flows.last_mut() {
            change(flow);
        }
    }
}

fn number(element: &Element<'_>) -> u32 {
    element.attribute("val").and_then(|value| value.parse().ok()).unwrap_or(1)
}
