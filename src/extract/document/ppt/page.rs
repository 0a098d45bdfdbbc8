//! A slide, a page of notes or a master: its records -> its texts.

use std::collections::BTreeSet;

use super::super::Sink;
use super::super::codepage::utf16;
use super::super::drawing::{Drawings, Record};
use super::super::octets::{size_at, u16_at, u32_at};
use super::{NOTES, SLIDE_LIST};

const TEXT_HEADER: u16 = 0x0F9F;
const TEXT_CHARS: u16 = 0x0FA0;
const TEXT_BYTES: u16 = 0x0FA8;
const OUTLINE_REF: u16 = 0x0F9E;
const STRING: u16 = 0x0FBA;
const NOTES_ATOM: u16 = 0x03F1;
const SLIDE_SHOW: u16 = 0x03F9;
const PLACEHOLDER: u16 = 0x0BC3;
const HEADERS: u16 = 0x0FD9;
const LINK: u16 = 0x0FD7;
const COMMENT: u16 = 0x2EE0;
const COMMENT_OLD: u16 = 0x0FD8;
/// Holds records though it does not say so: what later versions added (2.3.11).
const LATER: u16 = 0x138B;
const SHAPE: u16 = 0xF004;
/// Levels of records; a slide of shapes in groups has some ten.
const DEEPEST: usize = 40;

/// What is on one page.
#[derive(Default)]
pub(super) struct Page {
    /// The texts of its shapes, a line end behind each.
    pub(super) text: String,
    /// Headers and footers.
    pub(super) margin: String,
    /// Comments with their writers.
    pub(super) comments: String,
    /// Whether the slide is skipped in a show.
    pub(super) is_hidden: bool,
    /// The slide that the notes are of.
    pub(super) of_slide: Option<u32>,
    /// The texts of the outline that its shapes show.
    pub(super) shown: BTreeSet<usize>,
}

/// Reads pages, and keeps what belongs to the whole presentation.
pub(super) struct Reader<'d> {
    drawings: &'d mut Drawings,
    /// Links: what they show and where they lead.
    pub(super) links: String,
    /// On a master, what stands in a placeholder is a prompt.
    pub(super) is_master: bool,
}

/// Where a record stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Page,
    Headers,
    Link,
    Comment,
}

impl<'d> Reader<'d> {
    pub(super) fn new(drawings: &'d mut Drawings) -> Self {
        Self { drawings, links: String::new(), is_master: false }
    }

    /// Reads the records of a page.
    pub(super) fn read(&mut self, content: &[u8], outline: &[String], page: &mut Page, sink: &mut Sink<'_, '_>) {
        let mut walk = Walk { reader: self, outline, page, sink };
        walk.records(content, Within::Page, false, 0);
    }
}

struct Walk<'w, 'd, 's, 'l, 'r> {
    reader: &'w mut Reader<'d>,
    outline: &'w [String],
    page: &'w mut Page,
    sink: &'r mut Sink<'s, 'l>,
}

impl Walk<'_, '_, '_, '_, '_> {
    fn records(&mut self, content: &[u8], within: Within, prompt: bool, depth: usize) {
        let mut at = 0;
        let mut prompt = prompt;
        while let Some(record) = Record::at(content, at) {
            at += record.size;
            // The lists of slides are read apart; pages never stand within each other.
            let apart = record.kind == SLIDE_LIST || record.kind == NOTES && depth > 0;
            if record.is_container || record.kind == LATER {
                let inner = match record.kind {
                    HEADERS => Within::Headers,
                    LINK => Within::Link,
                    COMMENT | COMMENT_OLD => Within::Comment,
                    _ => within,
                };
                if depth < DEEPEST && !apart {
                    let prompt = prompt || self.is_prompt(&record);
                    self.records(record.content, inner, prompt, depth + 1);
                }
            } else {
                prompt |= self.reader.is_master && record.kind == PLACEHOLDER;
                self.atom(&record, within, prompt);
            }
        }
    }

    /// Whether a shape of a master has a placeholder: it stands a level below the shape, its text beside it.
    fn is_prompt(&self, record: &Record<'_>) -> bool {
        let has = |content: &[u8], kind: u16| {
            let mut at = 0;
            std::iter::from_fn(|| {
                let record = Record::at(content, at)?;
                at += record.size;
                Some(record)
            })
            .find(|record| record.kind == kind)
            .is_some()
        };
        if !self.reader.is_master || record.kind != SHAPE {
            return false;
        }
        let mut at = 0;
        while let Some(inner) = Record::at(record.content, at) {
            at += inner.size;
            if inner.is_container && has(inner.content, PLACEHOLDER) {
                return true;
            }
        }
        false
    }

    fn atom(&mut self, record: &Record<'_>, within: Within, prompt: bool) {
        match record.kind {
            TEXT_CHARS | TEXT_BYTES if !prompt => {
                let text = text_of(record);
                self.page.text.push_str(&text);
            }
            OUTLINE_REF => {
                let index = size_at(record.content, 0).unwrap_or(usize::MAX);
                if let Some(text) = self.outline.get(index)
                    && self.page.shown.insert(index)
                {
                    self.page.text.push_str(text);
                }
            }
            STRING => {
                let out = match within {
                    Within::Headers => &mut self.page.margin,
                    Within::Link => &mut self.reader.links,
                    Within::Comment => &mut self.page.comments,
                    Within::Page => return,
                };
                out.push_str(&line(&utf16(record.content)));
            }
            NOTES_ATOM => self.page.of_slide = u32_at(record.content, 0),
            SLIDE_SHOW => self.page.is_hidden |= u16_at(record.content, 10).is_some_and(|flags| flags & 4 != 0),
            0xF000..=0xF1FF => self.reader.drawings.atom(*record, self.sink),
            _ => {}
        }
    }
}

/// A record of the outline: each header begins a text.
pub(super) fn outline(record: &Record<'_>, texts: &mut Vec<String>) {
    match record.kind {
        TEXT_HEADER => texts.push(String::new()),
        TEXT_CHARS | TEXT_BYTES => {
            if texts.is_empty() {
                texts.push(String::new());
            }
            if let Some(last) = texts.last_mut() {
                last.push_str(&text_of(record));
            }
        }
        _ => {}
    }
}

/// The text of a shape: UTF-16, or the low octets of it (2.9.42, 2.9.43).
fn text_of(record: &Record<'_>) -> String {
    match record.kind {
        TEXT_CHARS => line(&utf16(record.content)),
        _ => line(&record.content.iter().map(|&octet| char::from(octet)).collect::<String>()),
    }
}

/// A text with line ends for its paragraphs and lines, and one behind it.
fn line(text: &str) -> String {
    let mut out: String = text
        .chars()
        .filter_map(|character| match character {
            '\r' | '\u{B}' => Some('\n'),
            '\0' => None,
            other => Some(other),
        })
        .collect();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out
}
