//! What a content stream names and its resources hold: fonts, forms, patterns, masks, pictures (ISO 32000-1 sections
//! 7.8.3, 8.10 and 11.6.5).

use std::rc::Rc;

use super::content::{Painter, Picture, Run};
use super::font::Font;
use super::object::{Dict, Object, Stream};
use super::pen::{Matrix, matrix, times};

/// Forms within forms.
const DEEPEST: usize = 16;
/// Fonts and forms that are kept.
const KEPT: usize = 400;
/// Octets of a form that is kept.
const FORM: usize = 128 << 10;

impl Painter<'_, '_> {
    /// A font by its name in the resources.
    pub(super) fn font(&mut self, name: &[u8], run: &mut Run<'_>) -> Option<Rc<Font>> {
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

    /// Draws a form, or counts a picture.
    pub(super) fn object(&mut self, name: &[u8], run: &Run<'_>) {
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

    pub(super) fn picture(&mut self, object: Option<u32>, [a, b, c, d, ..]: &Matrix) {
        if self.drawn.pictures.len() < 10_000 {
            self.drawn.pictures.push(Picture { object, area: (a * d - b * c).abs() });
        }
    }

    /// Draws a form, with the resources around it when it has none.
    pub(super) fn form(&mut self, number: u32, stream: &Stream, around: &Dict, outer: &Matrix) {
        if self.stack.len() >= DEEPEST {
            self.drawn.over = true;
            return;
        }
        if self.stack.contains(&number) || !self.may(60) {
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
    pub(super) fn graphics_state(&mut self, name: &[u8], run: &mut Run<'_>) {
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
    pub(super) fn pattern(&mut self, name: &[u8], run: &Run<'_>) {
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
}
