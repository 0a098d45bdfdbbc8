//! The drawings of old Office documents (MS-ODRAW): words in WordArt, descriptions, and the pictures themselves.
//!
//! Containers are walked through, not into: the walk has no depth. The text of text boxes stands elsewhere.

use super::codepage::utf16_to_nul;
use super::octets::{rest, size_at, u8_at, u16_at, u32_at};
use super::{Pictures, Sink};
use crate::extract::{Layer, Why};

/// Tables of a shape's properties (2.2.9 to 2.2.11).
const PROPERTIES: [u16; 3] = [0xF00B, 0xF121, 0xF122];
/// A stored picture's entry, with or without the picture in it (2.2.32).
const STORE_ENTRY: u16 = 0xF007;
/// Properties that hold a text people see: WordArt (2.3.22.1) and the description (2.3.4.8).
const WORD_ART: u16 = 0x00C0;
const DESCRIPTION: u16 = 0x0381;
/// More pictures than are handed on from one document.
const MOST_PICTURES: u32 = 100;

/// One record: its type, its instance, whether it holds records, and its content as far as it is there.
#[derive(Clone, Copy)]
pub(super) struct Record<'o> {
    /// What it is.
    pub(super) kind: u16,
    /// What that means depends on what it is.
    pub(super) instance: u16,
    /// Whether its content is records.
    pub(super) is_container: bool,
    /// Its content.
    pub(super) content: &'o [u8],
    /// Octets to the end of it by its own account, its header included.
    pub(super) size: usize,
}

impl<'o> Record<'o> {
    /// The record at a place (2.2.1); the records of PowerPoint have the same header.
    pub(super) fn at(octets: &'o [u8], at: usize) -> Option<Self> {
        let first = u16_at(octets, at)?;
        let size = size_at(octets, at.checked_add(4)?)?;
        Some(Self {
            kind: u16_at(octets, at + 2)?,
            instance: first >> 4,
            is_container: first & 0xF == 0xF,
            content: rest(octets, at + 8, size),
            size: size.saturating_add(8),
        })
    }
}

/// What the drawings of a document hold.
#[derive(Default)]
pub(super) struct Drawings {
    /// Words drawn as WordArt.
    pub(super) art: String,
    /// Descriptions of pictures and shapes.
    pub(super) descriptions: String,
    pictures: u32,
    shown: Pictures,
    media: bool,
}

impl Drawings {
    /// Reads records one after another. Between drawings of a Word document stands an octet that says where they are.
    pub(super) fn read(&mut self, octets: &[u8], sink: &mut Sink<'_, '_>) {
        let mut at = 0;
        while let Some(record) = Record::at(octets, at) {
            at += match record.kind {
                0xF000..=0xF1FF if record.is_container => 8,
                STORE_ENTRY => 8 + 36 + usize::from(u8_at(record.content, 33).unwrap_or(0)),
                0xF000..=0xF1FF => {
                    self.atom(record, sink);
                    record.size
                }
                _ => 1,
            };
        }
    }

    /// One record that holds no others.
    pub(super) fn atom(&mut self, record: Record<'_>, sink: &mut Sink<'_, '_>) {
        if PROPERTIES.contains(&record.kind) {
            self.properties(record);
        } else if let Some(extension) = picture_kind(record.kind) {
            // One or two marks of 16 octets stand before a picture, and an octet between (2.2.27 to 2.2.31).
            let start = if record.instance & 1 == 1 { 33 } else { 17 };
            let content = record.content.get(start..).unwrap_or_default();
            self.pictures += 1;
            if extension.is_empty() || self.pictures > MOST_PICTURES {
                self.media = true;
            } else if !content.is_empty() {
                self.shown.file(&format!("picture-{}.{extension}", self.pictures), content, sink);
            }
        }
    }

    /// Writes what was found.
    pub(super) fn finish(self, sink: &mut Sink<'_, '_>) {
        if self.media {
            sink.unread(Why::Media);
        }
        sink.text(Layer::TextBox, self.art, Vec::new());
        sink.text(Layer::AltText, self.descriptions, Vec::new());
    }

    /// The properties of a shape: six octets each, and the long values behind them in the same order (2.3.1).
    fn properties(&mut self, record: Record<'_>) {
        let table = usize::from(record.instance) * 6;
        let mut value = table;
        for at in (0..table).step_by(6) {
            let (Some(id), Some(size)) = (u16_at(record.content, at), u32_at(record.content, at + 2)) else { return };
            if id & 0x8000 == 0 {
                continue;
            }
            let content = rest(record.content, value, size as usize);
            value = value.saturating_add(size as usize);
            let out = match id & 0x3FFF {
                WORD_ART => &mut self.art,
                DESCRIPTION => &mut self.descriptions,
                _ => continue,
            };
            let text = utf16_to_nul(content);
            if !text.trim().is_empty() {
                out.push_str(text.trim());
                out.push('\n');
            }
        }
    }
}

/// The extension of a picture record; empty for vector pictures and bare bitmaps, none for other records.
fn picture_kind(kind: u16) -> Option<&'static str> {
    match kind {
        0xF01A..=0xF01C | 0xF01F => Some(""),
        0xF01D | 0xF02A => Some("jpg"),
        0xF01E => Some("png"),
        0xF029 => Some("tif"),
        _ => None,
    }
}
