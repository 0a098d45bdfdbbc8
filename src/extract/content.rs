//! The content of one leaf: its octets in every reading, as text or as unread.
//!
//! The octets decide what a content is, the name and the declared type only how a text is read ([`about`]). What is text
//! is read in [`text`], attached messages in [`mailbox`]: nothing else recurses, and their depth and size are bounded.
//! Cannot fail.

mod about;
mod mailbox;
mod text;

pub(super) use about::{About, is_table};

use super::begun::Waiting;
use super::document::{self, Format, Sink};
use super::picture;
use super::sniff::{self, Look};
use super::{Picture, Place, Reader, Receipt, Text, Why};
use crate::message::{Encoding, Part, transfer};

impl Reader<'_> {
    /// Reads the body of a leaf in each of its encodings.
    pub(super) fn leaf(&mut self, body: &[u8], part: &Part, within: &[String], depth: usize, loose: bool) {
        let encodings = &part.mime.encodings;
        let certain = encodings.len() == 1 && !loose;
        let types = part.mime.types.len().max(1);
        let before = self.counts();
        self.unsettled += 1;
        for index in 0..types {
            let about = self.about(part, index, within, depth, certain);
            for &encoding in encodings {
                if self.is_plain_picture(encoding, body, &about) {
                    continue;
                }
                let from = self.out.texts.len();
                if encoding == Encoding::Base64 {
                    let readings = transfer::base64_readings(body);
                    let one = readings.len() == 1;
                    for reading in readings {
                        self.content(&reading, &about, certain && one);
                    }
                } else {
                    self.content(&transfer::decode(encoding, body), &about, certain);
                }
                self.drop_doubles(before.0, from);
            }
        }
        if before == self.counts() && !certain && !loose && !body.trim_ascii().is_empty() {
            let place = self.about(part, 0, within, depth, certain).place;
            self.unread(place, Why::Ambiguous);
        }
        self.settled();
    }

    /// Texts, unread parts and waiting documents so far.
    fn counts(&self) -> (usize, usize, usize) {
        (self.out.texts.len(), self.out.unread.len(), self.waiting.as_ref().map_or(0, Vec::len))
    }

    /// A picture or film is known by its start; the rest need not be decoded.
    fn is_plain_picture(&mut self, encoding: Encoding, body: &[u8], about: &About<'_>) -> bool {
        if !about.certain || encoding != Encoding::Base64 || body.len() < 8192 {
            return false;
        }
        let start = transfer::decode(encoding, body.get(..4096).unwrap_or(body));
        let Some(known) = sniff::is_picture_or_media(&start) else { return false };
        // A TIFF may have its header at its end.
        if matches!(*start, [b'I' | b'M', ..]) || sniff::mentions_zip(&end_of_base64(body)) {
            return false;
        }
        // 57 octets to each line of 76 letters: near enough for what is not decoded.
        let octets = body.len() / 78 * 57;
        let start = transfer::decode(encoding, body.get(..picture::HEADER).unwrap_or(body));
        let why = picture::why(&start, octets, &about.name, about.setting);
        // Its size is in its header, and whoever recognises text wants all of it.
        if self.limits.pictures > 0 && Picture::may_show_text(&start, why, &self.limits) {
            return false;
        }
        self.not_looked_into(about.place.clone(), known.word(), octets, why);
        true
    }

    /// Something that is unread as a whole, with its line in the receipt.
    pub(super) fn not_looked_into(&mut self, place: Place, format: &str, octets: usize, why: Why) {
        self.unread(place.clone(), why);
        let receipt =
            Receipt { place, format: format.to_string(), octets, read: false, unread: vec![why], opened: None };
        self.out.receipts.push(receipt);
        self.tell();
    }

    /// Texts of a later reading that an earlier one of the same part gave already.
    fn drop_doubles(&mut self, first: usize, from: usize) {
        let mut index = from.max(first);
        while index < self.out.texts.len() {
            let (known, rest) = self.out.texts.split_at(index);
            // Two sheets of one workbook may say the same, and both have a name.
            let same = |old: &Text, new: &Text| {
                (&old.place.within, &old.place.section) == (&new.place.within, &new.place.section)
                    && old.text.trim() == new.text.trim()
            };
            let double = rest.first().is_some_and(|new| known.iter().skip(first).any(|old| same(old, new)));
            if double {
                self.out.texts.remove(index);
                let behind = self.waiting.iter_mut().flatten().filter(|waiting| waiting.behind_texts > index);
                behind.for_each(|waiting| waiting.behind_texts -= 1);
            } else {
                index += 1;
            }
        }
    }

    /// Reads octets that are decoded, and writes a line of the receipt.
    pub(super) fn content(&mut self, bytes: &[u8], about: &About<'_>, certain: bool) {
        if bytes.trim_ascii().is_empty() {
            return;
        }
        self.receipted(&about.place, bytes.len(), |reader| reader.looked_at(bytes, about, certain));
    }

    /// Reads something, and writes a line of the receipt when a format comes of it.
    pub(super) fn receipted(
        &mut self,
        place: &Place,
        octets: usize,
        read: impl FnOnce(&mut Self) -> Option<&'static str>,
    ) {
        let (texts, unread) = (self.out.texts.len(), self.out.unread.len());
        let around = std::mem::take(&mut self.opened);
        let format = read(self);
        let opened = std::mem::replace(&mut self.opened, around);
        let Some(format) = format else { return };
        let (texts, unread) = (self.out.texts.get(texts..), self.out.unread.get(unread..));
        let receipt = Receipt {
            place: place.clone(),
            format: format.to_string(),
            octets,
            read: texts.is_some_and(|texts| !texts.is_empty()),
            unread: unread.unwrap_or_default().iter().map(|unread| unread.why).collect(),
            opened,
        };
        self.out.receipts.push(receipt);
        self.tell();
    }

    /// Reads octets as everything that they look like; the first format, unless who read them elsewhere has written the
    /// receipt.
    fn looked_at(&mut self, bytes: &[u8], about: &About<'_>, certain: bool) -> Option<&'static str> {
        let first = sniff::look(bytes);
        let Some(second) = sniff::second_look(bytes, first, about.extension == "pdf").filter(|_| !about.is_body())
        else {
            return self.read_as(first, bytes, about, certain);
        };
        // Who reads it elsewhere comes by here too.
        if self.waiting.is_some() {
            return self.document(second, bytes, about);
        }
        let format = self.read_as(first, bytes, about, certain);
        self.document(second, bytes, about);
        format
    }

    fn read_as(&mut self, look: Look, bytes: &[u8], about: &About<'_>, certain: bool) -> Option<&'static str> {
        let declared_text = about.essence.starts_with("text/") || about.essence == "message/delivery-status";
        // A running text may begin with any letters; only octets that no text has make it something else.
        let running_text = || declared_text && sniff::is_text(bytes) && about.is_body();
        match look {
            Look::Document(format) if format == Format::Rtf || !running_text() => {
                return self.document(format, bytes, about);
            }
            Look::Unread(known) if !running_text() => {
                match known {
                    Why::Media => {
                        let why = picture::why(bytes, bytes.len(), &about.name, about.setting);
                        self.picture(about.place.clone(), why, bytes);
                    }
                    why => self.unread(about.place.clone(), why),
                }
                return Some(known.word());
            }
            Look::Signature => return Some("signature"),
            Look::Document(_) | Look::Unread(_) | Look::Text => self.readable(bytes, about),
            Look::Unknown if !certain => {}
            Look::Unknown if declared_text => self.odd_text(bytes, about),
            Look::Unknown => {
                self.unread(about.place.clone(), about.unread_reason());
                return Some("unknown");
            }
        }
        Some("text")
    }

    /// Reads a document, or lets it wait for its reader; the format, if it was read.
    fn document(&mut self, format: Format, bytes: &[u8], about: &About<'_>) -> Option<&'static str> {
        let is_read_here = self.waiting.is_none() || matches!(format, Format::Known(_));
        if is_read_here {
            let mut sink = Sink::new(self, about, format);
            document::open(format, bytes, &mut sink);
            return Some(sink.format());
        }
        let known = self.waiting.iter().flatten();
        let mut held: usize = 0;
        for waiting in known {
            if waiting.octets == bytes && waiting.place == about.place {
                return None;
            }
            held = held.saturating_add(waiting.octets.len());
        }
        // Another reading of the same octets would be held beside the first, and so on.
        if held.saturating_add(bytes.len()) > self.limits.text_bytes {
            self.unread(about.place.clone(), Why::OverLimit);
            return Some(format.word());
        }
        let waiting = Waiting {
            octets: bytes.to_vec(),
            essence: about.essence.to_string(),
            name: about.name.clone(),
            place: about.place.clone(),
            depth: about.depth,
            format: format.word(),
            behind_texts: self.out.texts.len(),
            behind_receipts: self.out.receipts.len(),
        };
        self.waiting.get_or_insert_default().push(waiting);
        None
    }
}

/// The last octets of a base64 body, decoded by themselves.
fn end_of_base64(body: &[u8]) -> Vec<u8> {
    let end = body.get(body.len().saturating_sub(4096)..).unwrap_or(body);
    let coded = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    let coded: Vec<u8> = end.iter().copied().filter(coded).collect();
    transfer::decode(Encoding::Base64, coded.get(coded.len() % 4..).unwrap_or_default()).into_owned()
}
