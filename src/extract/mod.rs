//! A message -> texts with places, and everything that is unread with its reason.
//!
//! Reads every reading of an ambiguous message. Never decides what a text means; hands documents and archives to
//! whoever reads them ([`Documents`]). Cannot fail: what is broken, locked, unknown or too large is a value ([`Unread`]), and what
//! was read before a limit is kept.

mod begun;
mod content;
pub mod document;
mod html;
mod json;
mod markup;
mod pages;
mod passwords;
mod picture;
mod sheet;
mod sniff;
mod text;

use std::collections::BTreeSet;

use begun::Waiting;
pub use begun::{Answer, Begun, Here};
pub use document::{Document, Documents, Found};
use pages::Room;
pub use pages::{Picture, Pictured, Rank, Read, Recognition, Word, is_sure};
pub use passwords::Passwords;
pub use text::{Cell, Layer, Place, Receipt, Section, Spot, Text, Texts, Unit, Unread, Why, Writer};

use crate::message::{Encoding, Limits, Message, Part, Shape, header, transfer, words};

/// Reads a message but for its pictures; its documents elsewhere, or here when nobody else reads them.
pub fn texts(message: &Message<'_>, limits: &Limits, documents: Option<&dyn Documents>) -> Texts {
    begin(message, limits).finish(documents.unwrap_or(&Here), Passwords::none()).without_pictures()
}

/// Reads a message but for its documents and pictures, which is quick.
pub fn begin(message: &Message<'_>, limits: &Limits) -> Begun {
    let mut reader = Reader::new(limits.clone());
    reader.waiting = Some(Vec::new());
    reader.message(message, &[], 0);
    let limits = Limits { cells: reader.cells_left, unpacked_bytes: reader.unpack_left, ..reader.limits };
    let (waiting, pictured) = (reader.waiting.unwrap_or_default(), reader.pictured);
    Begun { texts: reader.out, waiting, pictured, room: reader.room, limits }
}

/// The fields of a table in text, quotes and all, at most `most`: where [`Text::cells`] would have its cells.
pub(crate) fn fields(text: &str, certain: bool, most: usize) -> Vec<Cell> {
    sheet::fields(text, certain, most)
}

/// Whether the name or the type of a text promises a table.
pub(crate) fn promises_table(name: &str, essence: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, end)| end.trim().to_lowercase()).unwrap_or_default();
    content::is_table(essence, &extension)
}

/// What is written in XML, with its references resolved; one that is not known stays as it is.
pub(crate) fn unescaped(written: &str) -> String {
    document::unescaped(written)
}

/// What is carried through one message and the messages inside it.
struct Reader<'l> {
    limits: Limits,
    out: Texts,
    /// Documents that wait to be read elsewhere; none, and they are read here.
    waiting: Option<Vec<Waiting>>,
    /// Pictures in which text is to be recognised, and the room for more.
    pictured: Vec<Pictured>,
    room: Room,
    /// Who is told what is found as soon as it is.
    listener: Option<&'l mut dyn FnMut(Found<'_>)>,
    /// How much of each the listener was told: texts, unread, receipts, pictures.
    told: (usize, usize, usize, usize),
    /// How many readings there are around this one that may still drop what they found twice.
    unsettled: usize,
    /// Octets of text that may still be kept.
    text_left: usize,
    /// Cells that may still be kept.
    cells_left: usize,
    /// Parts that attached, encoded messages may still have.
    parts_left: usize,
    /// Octets of attached, encoded messages that may still be parsed: each level is parsed anew.
    unpack_left: usize,
    /// What inflates: one for all, since the memory of a new one was never touched, and that costs more than its use.
    inflater: Option<flate2::Decompress>,
    /// Memory of a stream that was read, for the next one, for the same reason.
    buffer: Vec<u8>,
    /// Attachments without a name so far.
    unnamed: usize,
    /// The ids of the pictures that pages showed so far (RFC 2392).
    shown: BTreeSet<String>,
    /// What locked files may open with, and how much work may still go into trying.
    passwords: Passwords,
    work_left: u64,
    /// Which password opened what is being read.
    opened: Option<usize>,
    /// Which one opened something last.
    last_opened: usize,
}

/// Fields other than the subject that mail programs show: those with addresses, and those with plain text.
const ADDRESS_FIELDS: [&str; 6] = ["From", "To", "Cc", "Bcc", "Reply-To", "Sender"];
const TEXT_FIELDS: [&str; 5] = ["Comments", "Keywords", "Organization", "Thread-Topic", "Content-Description"];

/// The name of an attached message that has none.
pub(crate) const NAMELESS_MESSAGE: &str = "bericht.eml";

impl<'l> Reader<'l> {
    fn new(limits: Limits) -> Self {
        Self {
            out: Texts::default(),
            waiting: None,
            pictured: Vec::new(),
            room: Room::new(&limits),
            listener: None,
            told: (0, 0, 0, 0),
            unsettled: 0,
            text_left: limits.text_bytes,
            cells_left: limits.cells,
            parts_left: limits.parts,
            unpack_left: limits.unpacked_bytes,
            inflater: None,
            buffer: Vec::new(),
            unnamed: 0,
            shown: BTreeSet::new(),
            passwords: Passwords::default(),
            work_left: document::lock::WORK,
            opened: None,
            last_opened: 0,
            limits,
        }
    }

    fn message(&mut self, message: &Message<'_>, within: &[String], depth: usize) {
        let place = |spot| Place { within: within.to_vec(), spot, ..Place::default() };
        if message.over_limit {
            self.unread(place(Spot::Text), Why::OverLimit);
        }
        if message.unsure {
            self.unread(place(Spot::Text), Why::Ambiguous);
        }
        self.parts_left = self.parts_left.saturating_sub(message.parts.len());
        let mut around: Vec<Vec<String>> = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            let parent = part.parent.and_then(|parent| message.parts.get(parent).map(|found| (parent, found)));
            let mut inside = parent.and_then(|(parent, _)| around.get(parent)).cloned().unwrap_or(within.to_vec());
            let top = match parent {
                Some((_, found)) if found.shape == Shape::Message => {
                    inside.push(found.file_name().unwrap_or(NAMELESS_MESSAGE).to_string());
                    true
                }
                _ => index == 0,
            };
            self.header(message.header_of(part), &inside, top);
            self.part(message, part, &inside, depth + part.depth, false);
            around.push(inside);
        }
        for gap in &message.gaps {
            self.gap(message.raw().get(gap.clone()).unwrap_or_default(), within);
        }
        self.loose(message, within, depth);
    }

    /// The texts that the structure does not show but another reading of it would.
    fn loose(&mut self, message: &Message<'_>, within: &[String], depth: usize) {
        if message.loose.is_empty() {
            return;
        }
        let from = self.out.texts.len();
        self.unsettled += 1;
        for part in &message.loose {
            self.header(message.header_of(part), within, part.range.start == 0);
            self.part(message, part, within, depth, true);
        }
        let read: BTreeSet<&str> = self.out.texts.iter().take(from).map(|text| text.text.trim()).collect();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let keep: Vec<bool> = self
            .out
            .texts
            .iter()
            .skip(from)
            .map(|text| !read.contains(text.text.trim()) && seen.insert(text.text.trim().to_string()))
            .collect();
        drop(read);
        for waiting in self.waiting.iter_mut().flatten() {
            let before = waiting.behind_texts.saturating_sub(from);
            waiting.behind_texts -= keep.iter().take(before).filter(|keep| !**keep).count();
        }
        let mut keep = std::iter::repeat_n(true, from).chain(keep);
        self.out.texts.retain(|_| keep.next().unwrap_or(true));
        self.settled();
    }

    /// The fields that people see. `top` says that this is a message's header and not only a part's.
    fn header(&mut self, section: &[u8], within: &[String], top: bool) {
        let section = section.get(..self.limits.header_bytes).unwrap_or(section);
        let place = |spot| Place { within: within.to_vec(), spot, ..Place::default() };
        let mut subject = String::new();
        for field in header::fields(section) {
            if top && field.is("Subject") {
                subject = words::shown(field.value);
                self.text(place(Spot::Subject), subject.clone(), Vec::new());
            } else if let Some(name) = ADDRESS_FIELDS.iter().find(|name| top && field.is(name)) {
                let shown = words::shown(field.value);
                let names = display_names(&shown);
                if *name == "From" && !within.is_empty() {
                    self.out.writers.push(Writer { within: within.to_vec(), address: shown });
                }
                self.text(place(Spot::Header(name.to_string())), names, Vec::new());
            } else if let Some(name) = TEXT_FIELDS.iter().find(|name| field.is(name)) {
                let shown = words::shown(field.value);
                if shown != subject {
                    self.text(place(Spot::Header(name.to_string())), shown, Vec::new());
                }
            }
        }
    }

    fn part(&mut self, message: &Message<'_>, part: &Part, within: &[String], depth: usize, loose: bool) {
        for name in &part.mime.names.0 {
            let spot = Spot::FileName(name.clone());
            self.text(Place { within: within.to_vec(), spot, ..Place::default() }, name.clone(), Vec::new());
        }
        match part.shape {
            Shape::OverLimit => {
                let spot = Spot::Attachment(part.file_name().unwrap_or(NAMELESS_MESSAGE).to_string());
                let place = Place { within: within.to_vec(), spot, ..Place::default() };
                self.not_looked_into(place, "message", message.body_of(part).len(), Why::OverLimit);
            }
            Shape::Multipart if part.essence() == "multipart/encrypted" => {
                let place = Place { within: within.to_vec(), spot: Spot::Text, ..Place::default() };
                self.not_looked_into(place, "multipart", message.body_of(part).len(), Why::SmimePgp);
            }
            Shape::Multipart if part.mime.encodings != [Encoding::Identity] => {
                self.encoded_multipart(message, part, within, depth);
            }
            Shape::Multipart | Shape::Message => {}
            Shape::Leaf => self.leaf(message.body_of(part), part, within, depth, loose),
        }
    }

    /// A multipart whose body as a whole is encoded, which RFC 2045 section 6.4 forbids and programs decode.
    fn encoded_multipart(&mut self, message: &Message<'_>, part: &Part, within: &[String], depth: usize) {
        let body = message.body_of(part);
        for &encoding in part.mime.encodings.iter().filter(|encoding| **encoding != Encoding::Identity) {
            if depth + 1 >= self.limits.depth || self.parts_left == 0 || body.len() > self.unpack_left {
                let place = Place { within: within.to_vec(), spot: Spot::Text, ..Place::default() };
                return self.not_looked_into(place, "multipart", body.len(), Why::OverLimit);
            }
            self.unpack_left -= body.len();
            let mut inner = b"Content-Type:".to_vec();
            inner.extend_from_slice(header::value_of(message.header_of(part), "Content-Type").unwrap_or_default());
            inner.extend_from_slice(b"\r\n\r\n");
            inner.extend_from_slice(&transfer::decode(encoding, body));
            let limits = Limits { parts: self.parts_left, depth: self.limits.depth - depth - 1, ..self.limits.clone() };
            self.message(&Message::parse(&inner, &limits), within, depth + 1);
        }
    }

    /// Text before, between and after the parts.
    fn gap(&mut self, bytes: &[u8], within: &[String]) {
        let text = crate::message::charset::decode(bytes, None).into_owned();
        self.text(Place { within: within.to_vec(), spot: Spot::Text, ..Place::default() }, text, Vec::new());
    }

    /// Keeps a text, as far as the limits allow. Line ends become LF.
    fn text(&mut self, place: Place, text: String, mut cells: Vec<Cell>) {
        let mut text = line_ends(text);
        if text.trim().is_empty() {
            return;
        }
        if text.len() > self.text_left {
            text.truncate(text.floor_char_boundary(self.text_left));
            cells.retain(|cell| cell.range.end <= text.len());
            self.unread(place.clone(), Why::OverLimit);
        }
        if cells.len() > self.cells_left {
            cells.truncate(self.cells_left);
            self.unread(place.clone(), Why::OverLimit);
        }
        self.text_left -= text.len();
        self.cells_left -= cells.len();
        if !text.is_empty() {
            self.out.texts.push(Text { place, text, cells });
            self.tell();
        }
    }

    fn unread(&mut self, place: Place, why: Why) {
        let unread = Unread { place, why };
        // The last few are enough to look at: doubles come from readings of the same part.
        if !self.out.unread.iter().rev().take(8).any(|known| *known == unread) {
            self.out.unread.push(unread);
            self.tell();
        }
    }

    /// Something is unread unless text is recognised in these pictures, which are all that it has when `whole`.
    fn pictured(&mut self, place: Place, why: Why, pictures: Vec<Picture>, whole: bool) {
        let offered = pictures.len();
        let pictures: Vec<Picture> = pictures.into_iter().filter(|picture| self.room.takes(picture)).collect();
        if !pictures.is_empty() {
            let whole = whole && pictures.len() == offered;
            self.pictured.push(Pictured { place, why, pictures, whole });
            self.tell();
        }
    }

    /// A picture is unread, unless text is recognised in it.
    fn picture(&mut self, place: Place, why: Why, octets: &[u8]) {
        self.unread(place.clone(), why);
        if self.limits.pictures == 0 {
            return;
        }
        // Another reading of the same part.
        let is_known = self
            .pictured
            .iter()
            .any(|known| known.place == place && known.pictures.iter().any(|picture| picture.octets() == octets));
        if !is_known && let Some(picture) = Picture::of(octets, why, &self.limits) {
            self.pictured(place, why, vec![picture], true);
        }
    }

    /// A reading that drops what it found twice has come to its end.
    fn settled(&mut self) {
        self.unsettled -= 1;
        self.tell();
    }

    /// Tells the listener what is new, unless some of it may still be dropped.
    fn tell(&mut self) {
        if self.unsettled > 0 {
            return;
        }
        let Some(listener) = &mut self.listener else { return };
        let (texts, unread, receipts, pictured) = self.told;
        self.out.texts.iter().skip(texts).for_each(|text| listener(Found::Text(text)));
        self.out.unread.iter().skip(unread).for_each(|unread| listener(Found::Unread(unread)));
        self.out.receipts.iter().skip(receipts).for_each(|receipt| listener(Found::Receipt(receipt)));
        self.pictured.iter().skip(pictured).for_each(|pictured| listener(Found::Pictured(pictured)));
        self.told = (self.out.texts.len(), self.out.unread.len(), self.out.receipts.len(), self.pictured.len());
    }
}

/// CR LF and a lone CR become LF; a text without CR is not copied.
fn line_ends(text: String) -> String {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('\r') {
        out.push_str(before);
        if !after.starts_with('\n') {
            out.push('\n');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What an address field shows beside its addresses: what stands between angle brackets goes, and words
/// with an `@` in them.
fn display_names(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        out.push(' ');
        rest = after.split_once('>').map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    let words: Vec<&str> = out.split_whitespace().filter(|word| !word.contains('@')).collect();
    let shown = words.join(" ");
    if shown.chars().any(char::is_alphanumeric) { shown.replace(" ,", ",") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_without_addresses() {
        for (value, names) in [
            ("Juf Kim <kim@school.example>", "Juf Kim"),
            ("a@b.example, c@d.example", ""),
            ("\"Vos, Bo\" <b@c.example>, Kim (thuis) <k@c.example>", "\"Vos, Bo\", Kim (thuis)"),
            ("Kim <", "Kim"),
        ] {
            assert_eq!(display_names(value), names);
        }
    }

    #[test]
    fn lines_end_in_lf() {
        assert_eq!(line_ends("a\r\nb\rc\n\r\n".to_string()), "a\nb\nc\n\n");
    }

    #[test]
    fn limits_keep_what_was_read() {
        let raw = format!("Subject: een\r\n\r\n{}", "é".repeat(50));
        let limits = Limits { text_bytes: 20, ..Limits::default() };
        let found = texts(&Message::parse(raw.as_bytes(), &limits), &limits, None);
        assert_eq!(found.texts.iter().map(|t| t.text.len()).collect::<Vec<_>>(), [3, 16]);
        assert_eq!(found.unread.iter().map(|u| u.why).collect::<Vec<_>>(), [Why::OverLimit]);
    }
}
