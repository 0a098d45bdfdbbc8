//! Content streams (ISO 32000-1 sections 7.8, 8.10, 9.4 and 14.6), run for their text: what stands where.
//!
//! Colour, clipping, text mode and optional content are not looked at: what is white, invisible or switched off lies in
//! the document as much as the rest. Forms in forms are followed 16 deep and never into themselves; operators are
//! counted, as ten forms that draw ten forms each need no more than a page to run forever.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::encoding::Shown;
use super::file::File;
use super::font::{Font, Glyph};
use super::lexer::{Lexer, Token, is_space};
use super::marks::Actual;
use super::object::{self, Dict, Stream};
use super::pen::{IDENTITY, Matrix, Pen, six, times};
use super::words::Words;

/// Operators of one page.
const PAGE_STEPS: usize = 2_000_000;
/// Saved states.
pub(super) const SAVED: usize = 512;
/// Operands of one operator; more are dropped.
const OPERANDS: usize = 40;
/// Strings and shifts of one array of text.
const ARRAY: usize = 100_000;
/// A picture on a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    /// The number of its object; none for one that stands in the content.
    pub(super) object: Option<u32>,
    /// The area that it covers, in square points.
    pub(super) area: f64,
}

/// What was drawn.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) words: Words,
    pub(super) pictures: Vec<Picture>,
    /// Glyphs that show something.
    pub(super) glyphs: usize,
    /// Glyphs of which nobody knows what they show.
    pub(super) unknown: usize,
    /// Lines and shapes.
    pub(super) paths: usize,
    /// Descriptions, and texts that stand for others.
    pub(super) alternates: String,
    /// Not all of it was run.
    pub(super) over: bool,
}

/// Runs content streams; keeps fonts and forms from page to page.
pub(super) struct Painter<'f, 'd> {
    pub(super) file: &'f File<'d>,
    pub(super) fonts: HashMap<u32, Rc<Font>>,
    pub(super) forms: HashMap<u32, Rc<[u8]>>,
    pub(super) drawn: Drawn,
    /// Operators that may still be run: of this page, and of the document.
    pub(super) steps: usize,
    pub(super) steps_left: usize,
    /// The forms that are being drawn.
    pub(super) stack: Vec<u32>,
    /// Patterns that were drawn on this page.
    pub(super) patterns: Vec<u32>,
}

#[derive(Clone)]
pub(super) struct State {
    pub(super) matrix: Matrix,
    pub(super) font: Option<Rc<Font>>,
    pub(super) size: f64,
    pub(super) letter: f64,
    pub(super) word: f64,
    pub(super) stretch: f64,
    pub(super) leading: f64,
    pub(super) rise: f64,
}

/// A run of one content stream.
pub(super) struct Run<'r> {
    pub(super) resources: &'r Dict,
    /// Fonts by their names here.
    pub(super) fonts: HashMap<Vec<u8>, Rc<Font>>,
    pub(super) state: State,
    pub(super) saved: Vec<State>,
    /// States that were not saved any more.
    pub(super) unsaved: usize,
    pub(super) text: Matrix,
    pub(super) line: Matrix,
    /// Marked content that is open, and where a replacement began.
    pub(super) marks: Vec<Option<Actual>>,
}

impl<'f, 'd> Painter<'f, 'd> {
    pub(super) fn new(file: &'f File<'d>, steps: usize) -> Self {
        Self {
            file,
            fonts: HashMap::new(),
            forms: HashMap::new(),
            drawn: Drawn::default(),
            steps: 0,
            steps_left: steps,
            stack: Vec::new(),
            patterns: Vec::new(),
        }
    }

    /// Runs a page's content; what it drew.
    pub(super) fn draw(&mut self, content: &[u8], resources: &Dict) -> Drawn {
        self.counted(|painter| painter.run(content, resources, IDENTITY))
    }

    /// Runs a form by itself: an annotation's appearance.
    pub(super) fn draw_form(&mut self, number: u32, stream: &Stream) -> Drawn {
        self.counted(|painter| painter.form(number, stream, &Dict::default(), &IDENTITY))
    }

    fn counted(&mut self, run: impl FnOnce(&mut Self)) -> Drawn {
        self.steps = PAGE_STEPS.min(self.steps_left);
        let before = self.steps;
        self.patterns.clear();
        run(self);
        self.steps_left = self.steps_left.saturating_sub(before - self.steps);
        let mut drawn = std::mem::take(&mut self.drawn);
        drawn.words.close();
        drawn.over |= drawn.words.over;
        drawn
    }

    /// Takes so many steps; false when there are none left.
    pub(super) fn may(&mut self, steps: usize) -> bool {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                true
            }
            None => {
                self.steps = 0;
                self.drawn.over = true;
                false
            }
        }
    }

    pub(super) fn run(&mut self, content: &[u8], resources: &Dict, matrix: Matrix) {
        if !self.may(1 + content.len() / 64) {
            return;
        }
        let state =
            State { matrix, font: None, size: 0.0, letter: 0.0, word: 0.0, stretch: 1.0, leading: 0.0, rise: 0.0 };
        let mut run = Run {
            resources,
            fonts: HashMap::new(),
            state,
            saved: Vec::new(),
            unsaved: 0,
            text: IDENTITY,
            line: IDENTITY,
            marks: Vec::new(),
        };
        let mut lexer = Lexer::new(content, 0);
        let mut operands: Vec<Token<'_>> = Vec::with_capacity(8);
        let mut array: Vec<Token<'_>> = Vec::new();
        let mut in_array = false;
        let mut dict: Option<Dict> = None;
        while let Some(token) = lexer.next() {
            match token {
                Token::Word(b"BI") => {
                    operands.clear();
                    self.inline_picture(&mut lexer, &run);
                }
                Token::Word(word) => {
                    if !self.may(1) {
                        break;
                    }
                    self.operator(word, &operands, &array, dict.take(), &mut run);
                    operands.clear();
                    array.clear();
                    in_array = false;
                }
                Token::ArrayOpen => in_array = true,
                Token::ArrayClose => in_array = false,
                Token::DictOpen => dict = Some(object::parse_dict(&mut lexer)),
                Token::DictClose => {}
                token if in_array => {
                    if array.len() < ARRAY {
                        array.push(token);
                    }
                }
                token => {
                    if operands.len() < OPERANDS {
                        operands.push(token);
                    }
                }
            }
        }
        while !run.marks.is_empty() {
            self.end_mark(&mut run);
        }
    }

    fn operator(
        &mut self,
        word: &[u8],
        operands: &[Token<'_>],
        array: &[Token<'_>],
        dict: Option<Dict>,
        run: &mut Run<'_>,
    ) {
        let number = |index: usize| match operands.get(index) {
            Some(Token::Int(value)) => *value as f64,
            Some(Token::Real(value)) => *value,
            _ => 0.0,
        };
        let text = || match operands.last() {
            Some(Token::Text(text)) => text.as_ref(),
            _ => b"",
        };
        let name = || match operands.last() {
            Some(Token::Name(name)) => Some(name.as_ref()),
            _ => None,
        };
        match word {
            b"q" if run.saved.len() < SAVED => run.saved.push(run.state.clone()),
            b"q" => run.unsaved += 1,
            b"Q" if run.unsaved > 0 => run.unsaved -= 1,
            b"Q" => {
                if let Some(state) = run.saved.pop() {
                    run.state = state;
                }
            }
            b"cm" => run.state.matrix = times(&six(&number), &run.state.matrix),
            b"BT" => (run.text, run.line) = (IDENTITY, IDENTITY),
            b"Tc" => run.state.letter = number(0),
            b"Tw" => run.state.word = number(0),
            b"Tz" => run.state.stretch = number(0) / 100.0,
            b"TL" => run.state.leading = number(0),
            b"Ts" => run.state.rise = number(0),
            b"Tf" => {
                if let Some(Token::Name(name)) = operands.first() {
                    run.state.font = self.font(name, run);
                }
                run.state.size = number(1);
            }
            b"Td" => run.step(number(0), number(1)),
            b"TD" => {
                run.state.leading = -number(1);
                run.step(number(0), number(1));
            }
            b"Tm" => {
                run.line = six(&number);
                run.text = run.line;
            }
            b"T*" => run.step(0.0, -run.state.leading),
            b"Tj" => self.show(text(), run),
            b"'" => {
                run.step(0.0, -run.state.leading);
                self.show(text(), run);
            }
            b"\"" => {
                (run.state.word, run.state.letter) = (number(0), number(1));
                run.step(0.0, -run.state.leading);
                self.show(text(), run);
            }
            b"TJ" => {
                for item in array {
                    match item {
                        Token::Text(text) => self.show(text, run),
                        Token::Int(shift) => run.shift(*shift as f64),
                        Token::Real(shift) => run.shift(*shift),
                        _ => {}
                    }
                }
            }
            b"Do" => {
                if let Some(name) = name() {
                    self.object(name, run);
                }
            }
            b"gs" => {
                if let Some(name) = name() {
                    self.graphics_state(name, run);
                }
            }
            b"scn" | b"SCN" => {
                if let Some(name) = name() {
                    self.pattern(name, run);
                }
            }
            b"BMC" => run.marks.push(None),
            b"BDC" => self.begin_mark(operands, dict, run),
            b"EMC" => self.end_mark(run),
            b"f" | b"F" | b"f*" | b"S" | b"s" | b"B" | b"B*" | b"b" | b"b*" => self.drawn.paths += 1,
            _ => {}
        }
    }

    /// Shows a string: each of its glyphs becomes part of a word.
    fn show(&mut self, text: &[u8], run: &mut Run<'_>) {
        let Some(font) = run.state.font.clone() else { return };
        if !self.may(text.len() / 4) {
            return;
        }
        let state = &run.state;
        let Some(mut pen) = Pen::new(state, &times(&run.text, &state.matrix), &font) else { return };
        let drawn = &mut self.drawn;
        let mut replaced = run.marks.iter_mut().flatten().next();
        let mut total = 0.0;
        font.each(text, &mut |glyph: &Glyph| {
            let width = glyph.width * state.size * state.stretch;
            let spacing = (state.letter + if glyph.spaces { state.word } else { 0.0 }) * state.stretch;
            let spot = pen.glyph(width, spacing);
            total += width + spacing;
            let mut shown = Cow::Borrowed(&glyph.shown);
            if glyph.shown == Shown::Unknown {
                match &mut replaced {
                    Some(actual) if actual.used => return,
                    Some(actual) => {
                        actual.used = true;
                        shown = Cow::Owned(Shown::of(&actual.text));
                    }
                    None => drawn.unknown += 1,
                }
            }
            drawn.glyphs += usize::from(!shown.is_space());
            drawn.words.glyph(&shown, spot);
        });
        if font.vertical {
            run.text = times(&[1.0, 0.0, 0.0, 1.0, 0.0, -total], &run.text);
        } else {
            run.text = times(&[1.0, 0.0, 0.0, 1.0, total, 0.0], &run.text);
        }
    }

    /// `BI ... ID ... EI`.
    fn inline_picture(&mut self, lexer: &mut Lexer<'_>, run: &Run<'_>) {
        self.picture(None, &run.state.matrix);
        loop {
            match lexer.next() {
                None => return,
                Some(Token::Word(b"ID")) => break,
                Some(_) => {}
            }
        }
        let rest = lexer.rest();
        let end = memchr::memmem::find_iter(rest, b"EI").find(|at| {
            let before = at.checked_sub(1).and_then(|at| rest.get(at)).is_some_and(|octet| is_space(*octet));
            let after = rest.get(at + 2..).unwrap_or_default();
            let text = |octet: &u8| is_space(*octet) && *octet != 0 || (0x20..0x7F).contains(octet);
            before && after.first().is_none_or(|octet| is_space(*octet)) && after.iter().take(12).all(text)
        });
        lexer.at += end.map_or(rest.len(), |end| end + 2);
    }
}

impl Run<'_> {
    /// To the start of a line, so far from that of the last.
    fn step(&mut self, x: f64, y: f64) {
        self.line = times(&[1.0, 0.0, 0.0, 1.0, x, y], &self.line);
        self.text = self.line;
    }

    /// Back by so many thousandths of the size.
    fn shift(&mut self, thousandths: f64) {
        let shift = -thousandths / 1000.0 * self.state.size;
        let vertical = self.state.font.as_ref().is_some_and(|font| font.vertical);
        let (x, y) = if vertical { (0.0, shift) } else { (shift * self.state.stretch, 0.0) };
        self.text = times(&[1.0, 0.0, 0.0, 1.0, x, y], &self.text);
    }
}
