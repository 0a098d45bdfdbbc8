//! Content streams (ISO 32000-1 sections 7.8, 8.10, 9.4 and 14.6), run for their text: what stands where.
//!
//! Colour, clipping, text mode and optional content are not looked at: what is white, invisible or switched off lies in
//! the document as much as the rest. Forms in forms are followed 16 deep and never into themselves; operators are
//! counted, as ten forms that draw ten forms each need no more than a page to run forever.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::encoding::{self, Shown};
use super::file::File;
use super::font::{Font, Glyph};
use super::lexer::{Lexer, Token, is_space};
use super::object::{self, Dict, Object, Stream};
use super::words::{Spot, Words};

/// Forms within forms.
const DEEPEST: usize = 16;
/// Operators of one page.
const PAGE_STEPS: usize = 2_000_000;
/// Saved states.
const SAVED: usize = 512;
/// Operands of one operator; more are dropped.
const OPERANDS: usize = 40;
/// Strings and shifts of one array of text.
const ARRAY: usize = 100_000;
/// Fonts and forms that are kept.
const KEPT: usize = 400;
/// Octets of a form that is kept.
const FORM: usize = 128 << 10;

/// A matrix as PDF writes it.
type Matrix = [f64; 6];

const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// First the left, then the right.
fn times(left: &Matrix, right: &Matrix) -> Matrix {
    let [a, b, c, d, e, f] = *left;
    let [g, h, i, j, k, l] = *right;
    [a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l]
}

/// A matrix that stands in a dictionary.
fn matrix(file: &File<'_>, dict: &Dict) -> Matrix {
    let list = file.at(dict, b"Matrix");
    let numbers: Vec<f64> =
        list.array().unwrap_or_default().iter().filter_map(|item| file.resolve(item).number()).collect();
    numbers.try_into().unwrap_or(IDENTITY)
}

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
    fonts: HashMap<u32, Rc<Font>>,
    forms: HashMap<u32, Rc<[u8]>>,
    drawn: Drawn,
    /// Operators that may still be run: of this page, and of the document.
    steps: usize,
    steps_left: usize,
    /// The forms that are being drawn.
    stack: Vec<u32>,
    /// Patterns that were drawn on this page.
    patterns: Vec<u32>,
}

#[derive(Clone)]
struct State {
    matrix: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    letter: f64,
    word: f64,
    stretch: f64,
    leading: f64,
    rise: f64,
}

/// A run of one content stream.
struct Run<'r> {
    resources: &'r Dict,
    /// Fonts by their names here.
    fonts: HashMap<Vec<u8>, Rc<Font>>,
    state: State,
    saved: Vec<State>,
    /// States that were not saved any more.
    unsaved: usize,
    text: Matrix,
    line: Matrix,
    /// Marked content that is open, and where a replacement began.
    marks: Vec<Option<Actual>>,
}

/// A text that stands for what is drawn.
struct Actual {
    text: String,
    /// What was drawn under it.
    from: usize,
    used: bool,
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
    fn may(&mut self, steps: usize) -> bool {
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

    fn run(&mut self, content: &[u8], resources: &Dict, matrix: Matrix) {
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

    /// A font by its name in the resources.
    fn font(&mut self, name: &[u8], run: &mut Run<'_>) -> Option<Rc<Font>> {
        if let Some(font) = run.fonts.get(name) {
            return Some(Rc::clone(font));
        }
        let fonts = self.file.at(run.resources, b"Font");
        let entry = fonts.dict().map_or(&Object::Null, |fonts| fonts.get(name));
        let font = self.font_of(entry);
        if run.fonts.len() < KEPT {
            run.fonts.insert(name.to_vec(), Rc::clone(&font));
        }
        Some(font)
    }

    fn font_of(&mut self, entry: &Object) -> Rc<Font> {
        if let Object::Ref(number) = entry
            && let Some(font) = self.fonts.get(number)
        {
            return Rc::clone(font);
        }
        let object = self.file.resolve(entry);
        // A font is worth as many steps as it has parts.
        let font = match object.dict() {
            Some(dict) if self.may(100 + object.weight()) => Font::load(self.file, dict),
            _ => Font::fallback(),
        };
        let font = Rc::new(font);
        if let Object::Ref(number) = entry {
            if self.fonts.len() >= KEPT {
                self.fonts.clear();
            }
            self.fonts.insert(*number, Rc::clone(&font));
        }
        font
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

    /// Draws a form, or counts a picture.
    fn object(&mut self, name: &[u8], run: &Run<'_>) {
        let objects = self.file.at(run.resources, b"XObject");
        let Some(entry) = objects.dict().map(|objects| objects.get(name)) else { return };
        let Object::Ref(number) = *entry else { return };
        let object = self.file.get(number);
        let Some(stream) = object.stream() else { return };
        match self.file.at(&stream.dict, b"Subtype").name() {
            Some(b"Image") => self.picture(Some(number), &run.state.matrix),
            _ => self.form(number, stream, run.resources, &run.state.matrix),
        }
    }

    fn picture(&mut self, object: Option<u32>, [a, b, c, d, ..]: &Matrix) {
        if self.drawn.pictures.len() < 10_000 {
            self.drawn.pictures.push(Picture { object, area: (a * d - b * c).abs() });
        }
    }

    /// Draws a form, with the resources around it when it has none.
    fn form(&mut self, number: u32, stream: &Stream, around: &Dict, outer: &Matrix) {
        if self.stack.len() >= DEEPEST {
            self.drawn.over = true;
            return;
        }
        if self.stack.contains(&number) || !self.may(20) {
            return;
        }
        let content = self.form_content(number, stream);
        let resources = self.file.at(&stream.dict, b"Resources");
        let resources = resources.dict().unwrap_or(around);
        self.stack.push(number);
        self.run(&content, resources, times(&matrix(self.file, &stream.dict), outer));
        self.stack.pop();
    }

    fn form_content(&mut self, number: u32, stream: &Stream) -> Rc<[u8]> {
        if let Some(content) = self.forms.get(&number) {
            return Rc::clone(content);
        }
        let content: Rc<[u8]> = self.file.decode(stream).octets.into();
        if content.len() <= FORM {
            if self.forms.len() >= KEPT / 4 {
                self.forms.clear();
            }
            self.forms.insert(number, Rc::clone(&content));
        }
        content
    }

    /// A graphics state may set the font, and its mask is drawn.
    fn graphics_state(&mut self, name: &[u8], run: &mut Run<'_>) {
        let states = self.file.at(run.resources, b"ExtGState");
        let Some(state) = states.dict().map(|states| self.file.at(states, name)) else { return };
        let Some(state) = state.dict() else { return };
        if let Some([font, size, ..]) = self.file.at(state, b"Font").array() {
            run.state.font = Some(self.font_of(font));
            run.state.size = self.file.resolve(size).number().unwrap_or(0.0);
        }
        let mask = self.file.at(state, b"SMask");
        if let Some(Object::Ref(number)) = mask.dict().map(|mask| mask.get(b"G")) {
            self.once(*number, run);
        }
    }

    /// A tiling pattern can be text.
    fn pattern(&mut self, name: &[u8], run: &Run<'_>) {
        let patterns = self.file.at(run.resources, b"Pattern");
        if let Some(Object::Ref(number)) = patterns.dict().map(|patterns| patterns.get(name)) {
            self.once(*number, run);
        }
    }

    /// Draws something that would be drawn over and over, once on a page.
    fn once(&mut self, number: u32, run: &Run<'_>) {
        if self.patterns.contains(&number) || self.patterns.len() >= 100 {
            return;
        }
        self.patterns.push(number);
        if let Some(stream) = self.file.get(number).stream() {
            self.form(number, stream, run.resources, &run.state.matrix);
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

    fn begin_mark(&mut self, operands: &[Token<'_>], dict: Option<Dict>, run: &mut Run<'_>) {
        let tag = match operands.first() {
            Some(Token::Name(tag)) => tag.as_ref(),
            _ => b"",
        };
        let named = match operands.get(1) {
            Some(Token::Name(name)) if tag != b"OC" => {
                let all = self.file.at(run.resources, b"Properties");
                all.dict().and_then(|all| self.file.at(all, name).dict().cloned())
            }
            _ => None,
        };
        let mut mark = None;
        if let Some(dict) = dict.or(named) {
            // A paragraph, a cell, a label; what is marked within one is not set apart.
            let within = [&b"Span"[..], b"Link", b"Reference", b"Artifact", b"Quote", b"Em", b"Strong"];
            if dict.has(b"MCID") && !within.contains(&tag) {
                self.drawn.words.block += 1;
            }
            let text = |key: &[u8]| self.file.at(&dict, key).octets().map(encoding::text);
            if let Some(description) = text(b"Alt") {
                self.alternate(&description);
            }
            let from = self.drawn.words.text.len();
            mark = text(b"ActualText").map(|text| Actual { text, from, used: false });
        }
        if run.marks.len() < SAVED {
            run.marks.push(mark);
        }
    }

    /// A text that stands for what was drawn is kept beside it when it says something else.
    fn end_mark(&mut self, run: &mut Run<'_>) {
        let Some(Some(mark)) = run.marks.pop() else { return };
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let said = letters(&mark.text);
        if said.is_empty() || mark.used {
            return;
        }
        let drawn = letters(self.drawn.words.text.get(mark.from..).unwrap_or_default());
        if drawn != said {
            self.alternate(&mark.text);
        }
    }

    fn alternate(&mut self, text: &str) {
        if self.drawn.alternates.len() < 1 << 20 && !text.trim().is_empty() {
            self.drawn.alternates.push_str(text.trim());
            self.drawn.alternates.push('\n');
        }
    }
}

fn six(number: &dyn Fn(usize) -> f64) -> Matrix {
    std::array::from_fn(number)
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

/// Where the glyphs of one string come to stand.
struct Pen {
    angle: i16,
    at: f64,
    line: f64,
    /// Points of the page for one unit of text.
    scale: f64,
    size: f64,
}

impl Pen {
    /// None where nothing can be seen for size or number.
    fn new(state: &State, matrix: &Matrix, font: &Font) -> Option<Self> {
        let [a, b, c, d, ..] = *matrix;
        let (mut x, mut y) = if font.vertical { (-c, -d) } else { (a, b) };
        let length = x.hypot(y);
        let across = if font.vertical { a.hypot(b) } else { (a * d - b * c).abs() / length };
        // A negative size or stretch writes to the left.
        let backwards = !font.vertical && (state.size < 0.0) != (state.stretch < 0.0);
        if backwards {
            (x, y) = (-x, -y);
        }
        let angle = (y.atan2(x).to_degrees() * 10.0).round();
        let size = (state.size.abs() * across * font.em).max(0.01);
        if !(length > 0.0 && length.is_finite() && size.is_finite() && angle.is_finite()) {
            return None;
        }
        let angle = if angle == -1800.0 { 1800.0 } else { angle };
        let (sin, cos) = (angle / 10.0).to_radians().sin_cos();
        let [_, _, _, _, left, up] = times(&[1.0, 0.0, 0.0, 1.0, 0.0, state.rise], matrix);
        Some(Self {
            angle: angle as i16,
            at: left * cos + up * sin,
            line: up * cos - left * sin,
            scale: if backwards { -length } else { length },
            size,
        })
    }

    /// The next glyph, so wide and with so much space behind it, in units of text.
    fn glyph(&mut self, width: f64, spacing: f64) -> Spot {
        let (width, spacing) = (width * self.scale, spacing * self.scale);
        let from = self.at;
        self.at += width + spacing;
        // Letter spacing belongs to the glyph; what is wider than a letter divides.
        let to = from + width + if spacing.abs() < self.size { spacing } else { 0.0 };
        Spot { angle: self.angle, from: from as f32, to: to as f32, line: self.line as f32, size: self.size as f32 }
    }
}
