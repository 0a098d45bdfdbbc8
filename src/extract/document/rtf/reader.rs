//! Tokens -> texts: which group a character stands in, in which code page, and whether it is shown.

use std::collections::BTreeMap;

use super::super::codepage::CodePage;
use super::super::story::{Seen, Story, instruction};
use super::destinations::{To, character, destination, is_transparent};
use super::tokens::{Token, Tokens, octet};

/// Groups that are kept apart; those in them share what they say.
const DEEPEST: usize = 2_000;
/// More fonts than a document lists, more pictures and objects than are handed on.
const MOST_FONTS: usize = 10_000;
const MOST_EMBEDDED: usize = 200;

/// What a document holds.
#[derive(Default)]
pub(super) struct Rich {
    pub(super) body: Story,
    pub(super) margin: Story,
    pub(super) note: Story,
    pub(super) comment: Story,
    pub(super) shape: Story,
    pub(super) deleted: String,
    pub(super) hidden: String,
    pub(super) fields: String,
    pub(super) properties: String,
    pub(super) descriptions: String,
    /// The HTML from which the text was made.
    pub(super) html: Option<String>,
    /// Pictures and objects, in order.
    pub(super) embedded: Vec<Embedded>,
    /// Whether there are pictures that nobody reads.
    pub(super) has_media: bool,
}

/// What is embedded.
pub(super) enum Embedded {
    /// A picture, by its extension.
    Picture(&'static str, Vec<u8>),
    /// An object in the wrapping of OLE 1.
    Object(Vec<u8>),
}

/// What holds in a group, until it ends.
#[derive(Clone, Copy)]
struct State {
    to: To,
    /// Where text goes around the field, or around the words in two writings.
    around: To,
    /// Characters behind a Unicode character that stand for it.
    stand_ins: usize,
    page: CodePage,
    hidden: bool,
    deleted: bool,
    in_table: bool,
    /// Not part of the HTML.
    not_html: bool,
    /// The kind of picture; empty for those that nobody reads.
    picture: &'static str,
}

pub(super) struct Reader {
    out: Rich,
    state: State,
    around: Vec<State>,
    /// Open groups beyond those.
    deeper: usize,
    /// Octets of text, not yet characters.
    octets: Vec<u8>,
    /// The first half of a character that takes two.
    half: Option<u16>,
    /// Stand-ins still to be passed over.
    pass: usize,
    /// A destination comes that may be ignored.
    ignorable: bool,
    page: CodePage,
    fonts: BTreeMap<i32, CodePage>,
    font: i32,
    default_font: i32,
    /// The instruction of a field, or the property of a shape.
    word: String,
    shape_name: String,
    /// Hexadecimal digits of a picture or an object as octets, and half an octet.
    content: Vec<u8>,
    digit: Option<u8>,
    /// Whether the last text was hidden or deleted: runs that are apart stay apart.
    last_unshown: bool,
}

impl Reader {
    pub(super) fn new() -> Self {
        let page = CodePage::WESTERN;
        let state = State {
            to: To::Body,
            around: To::Body,
            stand_ins: 1,
            page,
            hidden: false,
            deleted: false,
            in_table: false,
            not_html: false,
            picture: "",
        };
        Self {
            out: Rich::default(),
            state,
            around: Vec::new(),
            deeper: 0,
            octets: Vec::new(),
            half: None,
            pass: 0,
            ignorable: false,
            page,
            fonts: BTreeMap::new(),
            font: 0,
            default_font: 0,
            word: String::new(),
            shape_name: String::new(),
            content: Vec::new(),
            digit: None,
            last_unshown: false,
        }
    }

    /// Reads a document to its end.
    pub(super) fn read(mut self, octets: &[u8]) -> Rich {
        for token in Tokens::new(octets) {
            match token {
                Token::Text(text) => self.text(text),
                Token::Octet(octet) => self.octet(octet),
                Token::Open => self.open(),
                Token::Close => self.close(),
                Token::Word(word, number) => self.word(word, number),
                Token::Symbol(symbol) => self.symbol(symbol),
                Token::Binary(octets) => {
                    if matches!(self.state.to, To::Object | To::Picture) {
                        self.content.extend_from_slice(octets);
                    }
                }
            }
        }
        self.deeper = 0;
        while !self.around.is_empty() {
            self.close();
        }
        self.flush();
        self.out
    }

    fn open(&mut self) {
        self.flush();
        self.pass = 0;
        self.ignorable = false;
        if self.around.len() < DEEPEST {
            self.around.push(self.state);
        } else {
            self.deeper += 1;
        }
    }

    fn close(&mut self) {
        self.flush();
        self.pass = 0;
        self.ignorable = false;
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if let Some(before) = self.around.pop() {
            let ended = std::mem::replace(&mut self.state, before);
            if ended.to != before.to {
                self.leave(ended);
            }
        }
    }

    /// The end of a group with a destination of its own.
    fn leave(&mut self, ended: State) {
        match ended.to {
            To::Margin => self.out.margin.end_line(),
            To::Note => self.out.note.end_line(),
            To::Comment => self.out.comment.end_line(),
            To::Shape => self.out.shape.end_line(),
            To::Hidden => end_line(&mut self.out.hidden),
            To::Field => end_line(&mut self.out.fields),
            To::Property => end_line(&mut self.out.properties),
            To::Instruction => self.leave_instruction(),
            To::ShapeName => self.shape_name = std::mem::take(&mut self.word),
            To::ShapeValue => self.leave_shape_value(),
            To::Object | To::Picture => self.leave_content(ended),
            _ => {}
        }
    }

    fn leave_instruction(&mut self) {
        let word = std::mem::take(&mut self.word);
        instruction(&word, |text, seen| match seen {
            Seen::Here => self.out.body.add(text),
            Seen::Link => self.out.body.behind(text),
            Seen::Hidden => {
                self.out.hidden.push_str(text);
                self.out.hidden.push('\n');
            }
        });
    }

    fn leave_shape_value(&mut self) {
        let value = std::mem::take(&mut self.word);
        match self.shape_name.as_str() {
            "wzDescription" if !value.trim().is_empty() => {
                self.out.descriptions.push_str(value.trim());
                self.out.descriptions.push('\n');
            }
            "gtextUNICODE" => self.out.shape.behind(&value),
            _ => {}
        }
    }

    fn leave_content(&mut self, ended: State) {
        let content = std::mem::take(&mut self.content);
        self.digit = None;
        let is_object = ended.to == To::Object;
        if content.is_empty() || !is_object && ended.picture.is_empty() || self.out.embedded.len() >= MOST_EMBEDDED {
            self.out.has_media |= !is_object || !content.is_empty();
            return;
        }
        self.out.embedded.push(match is_object {
            true => Embedded::Object(content),
            false => Embedded::Picture(ended.picture, content),
        });
    }

    fn text(&mut self, text: &[u8]) {
        match self.state.to {
            To::Nowhere | To::Frame => {}
            To::Object | To::Picture => self.digits(text),
            _ => {
                for &octet in text {
                    // Line ends mean nothing, and other control characters are no text.
                    if octet >= b' ' || octet == b'\t' {
                        self.octet(octet);
                    }
                }
            }
        }
    }

    fn octet(&mut self, octet: u8) {
        if self.pass > 0 {
            self.pass -= 1;
        } else {
            self.octets.push(octet);
        }
    }

    fn digits(&mut self, text: &[u8]) {
        // A picture that nobody reads need not be decoded to know that it is there.
        if self.state.to == To::Picture && self.state.picture.is_empty() {
            self.out.has_media |= text.len() > 2;
            return;
        }
        for &digit in text.iter().filter(|b| b.is_ascii_hexdigit()) {
            match self.digit.take() {
                None => self.digit = Some(digit),
                Some(first) => self.content.extend(octet(&[first, digit])),
            }
        }
    }

    /// Makes characters of the octets so far.
    fn flush(&mut self) {
        if self.octets.is_empty() {
            return;
        }
        let octets = std::mem::take(&mut self.octets);
        match std::str::from_utf8(&octets) {
            Ok(text) if octets.is_ascii() => self.characters(text),
            _ => {
                let text = self.state.page.decode(&octets);
                self.characters(&text);
            }
        }
        self.octets = octets;
        self.octets.clear();
    }

    /// Text, to where the group says.
    fn characters(&mut self, text: &str) {
        let state = self.state;
        if let Some(html) = &mut self.out.html {
            if state.to == To::Tag || state.to == To::Body && !state.not_html {
                html.push_str(text);
            }
            if matches!(state.to, To::Tag | To::Body) {
                return;
            }
        }
        let story = match state.to {
            To::Body => &mut self.out.body,
            To::Margin => &mut self.out.margin,
            To::Note => &mut self.out.note,
            To::Comment => &mut self.out.comment,
            To::Shape => &mut self.out.shape,
            To::Hidden => return self.out.hidden.push_str(text),
            To::Field => return self.out.fields.push_str(text),
            To::Property => return self.out.properties.push_str(text),
            To::Instruction | To::ShapeName | To::ShapeValue => return self.word.push_str(text),
            _ => return,
        };
        if !state.deleted && !state.hidden {
            self.last_unshown = false;
            return story.push(text, state.in_table);
        }
        let out = if state.deleted { &mut self.out.deleted } else { &mut self.out.hidden };
        if !self.last_unshown {
            end_line(out);
        }
        self.last_unshown = true;
        out.push_str(text);
    }

    fn symbol(&mut self, symbol: u8) {
        if self.pass > 0 {
            self.pass -= 1;
            return;
        }
        match symbol {
            b'*' => self.ignorable = true,
            b'\\' | b'{' | b'}' => self.octet(symbol),
            b'~' => self.one('\u{A0}'),
            // The hyphen that does not break stands in numbers; the one that only may break is not shown.
            b'_' => self.one('-'),
            b'\r' | b'\n' => self.one('\n'),
            b'\t' => self.one('\t'),
            _ => {}
        }
    }

    fn one(&mut self, character: char) {
        self.flush();
        self.characters(character.encode_utf8(&mut [0; 4]));
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        self.flush();
        self.pass = 0;
        let ignorable = std::mem::take(&mut self.ignorable);
        if self.state.to == To::Nowhere {
            // Words in two writings: the second is the one in Unicode.
            if word == "ud" {
                self.state.to = self.state.around;
            }
            return;
        }
        if word == "upr" || word == "field" {
            self.state.around = self.state.to;
        }
        if word == "fldrslt" {
            self.state.to = self.state.around;
        } else if let Some(to) = destination(word) {
            self.enter(to, word);
        } else if ignorable && !is_transparent(word) {
            self.state.to = To::Nowhere;
        } else if let Some(character) = character(word) {
            self.one(character);
        } else {
            self.format(word, number);
        }
    }

    fn enter(&mut self, to: To, word: &str) {
        // A note's text begins with formatting of its own, whatever holds around it; deleted and hidden it stays.
        self.state.to = to;
        match to {
            To::Margin | To::Note | To::Comment | To::Shape => self.state.in_table = false,
            To::ShapeName | To::ShapeValue => self.word.clear(),
            To::Picture => self.state.picture = "",
            To::Property if word == "staticval" && self.out.properties.ends_with('\n') => {
                self.out.properties.pop();
                self.out.properties.push_str(": ");
            }
            _ => {}
        }
    }

    /// Words that change what follows.
    fn format(&mut self, word: &str, number: Option<i32>) {
        let on = number != Some(0);
        match word {
            "u" => self.unicode(number.unwrap_or(0)),
            "uc" => self.state.stand_ins = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(8),
            "f" => self.set_font(number.unwrap_or(0)),
            "plain" => {
                (self.state.hidden, self.state.deleted) = (false, false);
                self.state.page = self.page_of(self.default_font);
            }
            "v" => self.state.hidden = on,
            "deleted" => self.state.deleted = on,
            "intbl" => self.state.in_table = true,
            "pard" => self.state.in_table = false,
            "itap" => self.state.in_table = number.is_some_and(|depth| depth > 0),
            "cell" => self.mark(Story::end_cell, '\t'),
            "row" => self.mark(Story::end_row, '\n'),
            "nestcell" => self.one('\t'),
            "nestrow" => self.one('\n'),
            "pngblip" => self.state.picture = "png",
            "jpegblip" => self.state.picture = "jpg",
            "htmlrtf" => self.state.not_html = on,
            "fromhtml" if on && self.out.html.is_none() => self.out.html = Some(String::new()),
            _ => self.code_page(word, number),
        }
    }

    /// Words that say in which code page octets are.
    fn code_page(&mut self, word: &str, number: Option<i32>) {
        let number = number.unwrap_or(0);
        let known = |page: u32| Some(CodePage::of(page));
        let page = match word {
            "ansicpg" => u32::try_from(number).ok().filter(|&page| page > 0).map(CodePage::of),
            "mac" => known(10000),
            "pc" => known(437),
            "pca" => known(850),
            "deff" => {
                self.default_font = number;
                return;
            }
            "fcharset" | "cpg" if self.state.to == To::Fonts => {
                let page = match word {
                    "cpg" => u32::try_from(number).ok().map(CodePage::of),
                    _ => CodePage::of_charset(number),
                };
                if let Some(page) = page.filter(|_| self.fonts.len() < MOST_FONTS) {
                    self.fonts.insert(self.font, page);
                }
                return;
            }
            _ => return,
        };
        if let Some(page) = page {
            self.page = page;
            self.state.page = page;
        }
    }

    fn set_font(&mut self, font: i32) {
        if self.state.to == To::Fonts {
            self.font = font;
        } else {
            self.state.page = self.page_of(font);
        }
    }

    fn page_of(&self, font: i32) -> CodePage {
        self.fonts.get(&font).copied().unwrap_or(self.page)
    }

    /// A character by its number, followed by what stands for it in older programs.
    fn unicode(&mut self, number: i32) {
        self.pass = self.state.stand_ins;
        let unit = number as u16;
        let half = self.half.take();
        match (half, unit) {
            (_, 0xD800..=0xDBFF) => self.half = Some(unit),
            (Some(high), 0xDC00..=0xDFFF) => {
                let pair = char::decode_utf16([high, unit]).next().and_then(Result::ok);
                self.one(pair.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // Some write characters beyond the first plane by their number.
            _ => match char::from_u32(u32::try_from(number).ok().filter(|&n| n > 0xFFFF).unwrap_or(unit.into())) {
                Some(character) if character >= ' ' || matches!(character, '\t' | '\n') => self.one(character),
                _ => {}
            },
        }
    }

    /// The end of a cell or a row, or what divides where there are no cells.
    fn mark(&mut self, mark: impl FnOnce(&mut Story), divider: char) {
        if self.out.html.is_some() {
            return;
        }
        match self.state.to {
            To::Body => mark(&mut self.out.body),
            To::Margin => mark(&mut self.out.margin),
            To::Note => mark(&mut self.out.note),
            To::Shape => mark(&mut self.out.shape),
            _ => self.one(divider),
        }
    }
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}
