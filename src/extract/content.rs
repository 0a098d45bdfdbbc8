//! The content of one leaf: its octets in every reading, as text or as unread.
//!
//! The octets decide what a content is, the name and the declared type only how a text is read.
//! Never recurses but for attached messages, whose depth and size are bounded. Cannot fail.

use std::borrow::Cow;

use super::begun::Waiting;
use super::document::{self, Document, Format, Sink};
use super::picture::{self, Setting};
use super::sniff::{self, Look};
use super::{NAMELESS_MESSAGE, Picture, Place, Reader, Receipt, Spot, Text, Why, html, json, sheet};
use crate::message::{Encoding, Limits, Message, Part, charset, header, is_message_type, transfer};

/// Pictures shown in the pages of one message; a newsletter has a hundred.
const MOST_SHOWN: usize = 2_000;

/// What is known of a content beside its octets.
pub(super) struct About<'p> {
    /// Type and subtype in lower case.
    essence: &'p str,
    /// The extension of its name, in lower case.
    extension: String,
    /// The charsets that were declared.
    charsets: Vec<&'p str>,
    /// format=flowed with DelSp=yes (RFC 3676): the space before a line end is not shown.
    joined_lines: bool,
    /// Where it stands.
    pub(super) place: Place,
    /// Its file name, for what is attached.
    pub(super) name: String,
    /// How many messages and multiparts are around it.
    pub(super) depth: usize,
    /// What a picture there is part of.
    setting: Setting,
    /// Whether structure and encoding leave no doubt. In doubt, only what is plainly readable counts.
    certain: bool,
}

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

    fn about<'p>(&mut self, part: &'p Part, index: usize, within: &[String], depth: usize, certain: bool) -> About<'p> {
        let kind = part.mime.types.get(index);
        let essence = kind.map_or(part.essence(), |kind| kind.essence.as_str());
        // A multipart is a leaf when it has no boundary: its body is text then, as without a type.
        let plain = !essence.contains('/') || essence.starts_with("multipart/");
        let essence = if plain { "text/plain" } else { essence };
        let attached = part.mime.attached || part.file_name().is_some();
        let mut name = part.file_name().unwrap_or_default().to_string();
        let spot = match essence {
            "text/plain" if !attached => Spot::Text,
            "text/html" if !attached => Spot::Html,
            _ => {
                if name.is_empty() {
                    self.unnamed += 1;
                    name = invented_name(essence, self.unnamed);
                }
                Spot::Attachment(name.clone())
            }
        };
        About {
            essence,
            extension: name.rsplit_once('.').map(|(_, end)| end.trim().to_lowercase()).unwrap_or_default(),
            charsets: kind.map(|kind| kind.all("charset").collect()).unwrap_or_default(),
            joined_lines: kind.and_then(|kind| kind.parameter("delsp")).is_some_and(|v| v.eq_ignore_ascii_case("yes")),
            place: Place { within: within.to_vec(), spot, ..Place::default() },
            name,
            depth,
            setting: match &part.mime.id {
                Some(id) if self.shown.contains(id) => Setting::Page,
                _ => Setting::File,
            },
            certain,
        }
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

    /// A declared text with many control characters: a charset that only its label tells, or no text.
    fn odd_text(&mut self, bytes: &[u8], about: &About<'_>) {
        let text = charset::decode(bytes, about.charsets.first().copied());
        // The other control characters are odd, but no charset that was taken for another leaves them.
        let odd = |c: &char| matches!(*c, char::REPLACEMENT_CHARACTER | '\0' | '\u{80}'..='\u{9f}');
        let (all, bad) = text.chars().fold((0usize, 0usize), |(all, bad), c| (all + 1, bad + usize::from(odd(&c))));
        if bad * 10 > all {
            self.unread(about.place.clone(), Why::Damaged);
        }
        self.readable(bytes, about);
    }

    fn readable(&mut self, bytes: &[u8], about: &About<'_>) {
        if about.is_locked_type() {
            self.unread(about.place.clone(), about.unread_reason());
        }
        if about.essence == "message/partial" {
            self.unread(about.place.clone(), Why::Ambiguous);
        }
        if about.essence == "message/external-body" {
            self.unread(about.place.clone(), Why::UnknownFormat);
        }
        if self.attached_message(bytes, about) {
            return;
        }
        let from = self.out.texts.len();
        self.unsettled += 1;
        let labels: Vec<Option<&str>> = match about.charsets.as_slice() {
            [] => vec![None],
            known => known.iter().map(|label| Some(*label)).collect(),
        };
        for label in labels {
            self.decoded(charset::decode(bytes, label), about);
            // A label under which ASCII is no ASCII, on octets that are: programs that obey show other signs.
            if label.is_some_and(charset::is_wide) && bytes.is_ascii() && !bytes.contains(&0) {
                self.decoded(charset::decode(bytes, None), about);
            }
        }
        if self.out.texts.len() > from + 1 {
            self.drop_doubles(from, from);
        }
        self.settled();
        self.files_in_text(bytes, about);
    }

    /// Reads an attached message; false when it is none.
    fn attached_message(&mut self, bytes: &[u8], about: &About<'_>) -> bool {
        let declared = is_message_type(about.essence)
            || matches!(about.essence, "text/rfc822-headers" | "message/rfc822-headers")
            || matches!(about.extension.as_str(), "eml" | "mht" | "mhtml" | "mbox");
        if !(declared || !about.is_body() && looks_like_message(bytes)) {
            return false;
        }
        if about.depth + 1 >= self.limits.depth || self.parts_left == 0 || bytes.len() > self.unpack_left {
            self.unread(about.place.clone(), Why::OverLimit);
            return true;
        }
        self.unpack_left -= bytes.len();
        let mut within = about.place.within.clone();
        within.push(match about.name.as_str() {
            "" => NAMELESS_MESSAGE.to_string(),
            name if name.starts_with("bijlage-") => NAMELESS_MESSAGE.to_string(),
            name => name.to_string(),
        });
        let mails = mails(bytes);
        let several = mails.len() > 1;
        for (number, mail) in (1..).zip(mails) {
            if self.parts_left == 0 {
                self.unread(about.place.clone(), Why::OverLimit);
                break;
            }
            let limits =
                Limits { parts: self.parts_left, depth: self.limits.depth - about.depth - 1, ..self.limits.clone() };
            let mut within = within.clone();
            if several {
                within.push(format!("bericht-{number}.eml"));
            }
            self.message(&Message::parse(mail, &limits), &within, about.depth + 1);
        }
        true
    }

    /// A text in characters, read as what name and type make of it.
    fn decoded(&mut self, text: Cow<'_, str>, about: &About<'_>) {
        let place = about.place.clone();
        let start = text.trim_start().get(..200).unwrap_or(text.trim_start()).to_ascii_lowercase();
        if start.contains("-----begin pgp message")
            || memchr::memmem::find(text.as_bytes(), b"\n-----BEGIN PGP MESSAGE").is_some()
        {
            self.unread(place.clone(), Why::SmimePgp);
        }
        if about.is_html() || start.starts_with("<!doctype html") || start.starts_with("<html") {
            return self.page(&text, place);
        }
        if document::word::is_single(&start) {
            let mut sink = Sink::new(self, about, Format::Zip);
            return document::word::read_single(&text, &mut sink);
        }
        if about.is_markup() || start.starts_with("<?xml") || start.starts_with("<svg") {
            if document::has_nested_entities(&text) {
                self.unread(place.clone(), Why::OverLimit);
            }
            // Both as written, for its attributes, and as shown, for what its tags divide.
            let page = html::read(&text, 0);
            let shown = page.text;
            self.text(place.clone(), text.into_owned(), Vec::new());
            return self.text(place, shown, Vec::new());
        }
        if matches!(about.essence, "text/calendar" | "text/vcard" | "text/x-vcard" | "text/directory")
            || matches!(about.extension.as_str(), "ics" | "vcf" | "ifb")
        {
            return self.text(place, unfolded(&text), Vec::new());
        }
        if about.joined_lines {
            self.text(place.clone(), text.replace(" \r\n", "").replace(" \n", ""), Vec::new());
        }
        let text = if about.is_json() || start.starts_with(['{', '[']) { json::unescaped(text) } else { text };
        let text = super::line_ends(text.into_owned());
        let cells = if about.is_body() { Vec::new() } else { self.cells(&text, about) };
        self.text(place, text, cells);
    }

    fn cells(&mut self, text: &str, about: &About<'_>) -> Vec<super::Cell> {
        let certain = is_table(about.essence, &about.extension);
        // One more than allowed shows that there were more.
        let mut cells = sheet::cells(text, certain, self.cells_left.saturating_add(1));
        if cells.len() > self.cells_left {
            cells.truncate(self.cells_left);
            self.unread(about.place.clone(), Why::OverLimit);
        }
        cells
    }

    pub(super) fn page(&mut self, source: &str, place: Place) {
        self.shown.extend(picture::shown_in(source).take(MOST_SHOWN.saturating_sub(self.shown.len())));
        let page = html::read(source, self.cells_left);
        if page.over_limit {
            self.unread(place.clone(), Why::OverLimit);
        }
        self.text(place.clone(), page.text, page.cells);
        if let Some(text) = page.with_hidden {
            self.text(place, text, Vec::new());
        }
    }

    /// Files that stand in a text, uuencoded or yEnc-encoded. Their content is only looked at, not searched
    /// for further files.
    fn files_in_text(&mut self, bytes: &[u8], about: &About<'_>) {
        for find in [transfer::uuencoded, transfer::yencoded] {
            let mut rest = bytes;
            while self.parts_left > 0
                && let Some(file) = find(rest)
            {
                self.parts_left -= 1;
                let name = charset::decode_header(&file.name).into_owned();
                let spot = |spot: fn(String) -> Spot| Place {
                    within: about.place.within.clone(),
                    spot: spot(name.clone()),
                    ..Place::default()
                };
                self.text(spot(Spot::FileName), name.clone(), Vec::new());
                match sniff::look(&file.content) {
                    Look::Text => {
                        let text = charset::decode(&file.content, None).into_owned();
                        let text = if text.contains("</") { html::read(&text, 0).text } else { text };
                        self.text(spot(Spot::Attachment), text, Vec::new());
                    }
                    Look::Unread(Why::Media) => {
                        let content = &file.content;
                        let why = picture::why(content, content.len(), &name, Setting::File);
                        self.picture(spot(Spot::Attachment), why, content);
                    }
                    Look::Unread(why) => self.unread(spot(Spot::Attachment), why),
                    Look::Signature => {}
                    Look::Unknown | Look::Document(_) => self.unread(spot(Spot::Attachment), Why::UnknownFormat),
                }
                rest = rest.get(file.end..).unwrap_or_default();
            }
        }
    }
}

/// Whether a type or an extension promises a table.
pub(super) fn is_table(essence: &str, extension: &str) -> bool {
    matches!(essence, "text/csv" | "text/tab-separated-values" | "text/comma-separated-values")
        || matches!(extension, "csv" | "tsv" | "tab")
}

impl<'p> About<'p> {
    /// What is known of a document that is handed over.
    pub(super) fn of(document: &Document<'p>) -> Self {
        Self {
            essence: document.essence,
            place: document.place.clone(),
            ..Self::file(document.name, Vec::new(), document.depth)
        }
    }

    /// What is known of a file by its name alone.
    pub(super) fn file(name: &str, within: Vec<String>, depth: usize) -> Self {
        Self {
            essence: "application/octet-stream",
            extension: name.rsplit_once('.').map(|(_, end)| end.trim().to_lowercase()).unwrap_or_default(),
            charsets: Vec::new(),
            joined_lines: false,
            place: Place { within, spot: Spot::Attachment(name.to_string()), ..Place::default() },
            name: name.to_string(),
            depth,
            setting: Setting::File,
            certain: true,
        }
    }

    /// What is known of a picture that a document shows.
    pub(super) fn picture(name: &str, within: Vec<String>, depth: usize) -> Self {
        Self { setting: Setting::Document, ..Self::file(name, within, depth) }
    }

    fn is_body(&self) -> bool {
        matches!(self.place.spot, Spot::Text | Spot::Html)
    }

    fn is_html(&self) -> bool {
        matches!(self.essence, "text/html" | "application/xhtml+xml" | "text/enriched" | "text/richtext")
            || matches!(self.extension.as_str(), "htm" | "html" | "xhtml" | "shtml")
    }

    fn is_json(&self) -> bool {
        self.essence.ends_with("/json") || self.essence.ends_with("+json") || self.extension == "json"
    }

    fn is_markup(&self) -> bool {
        self.essence.ends_with("/xml")
            || self.essence.ends_with("+xml")
            || matches!(self.extension.as_str(), "xml" | "svg" | "xsl" | "xslt" | "edexml")
    }

    /// Whether type or name say that nobody reads it without a key.
    fn is_locked_type(&self) -> bool {
        let essence = self.essence;
        matches!(essence, "application/pkcs7-mime" | "application/x-pkcs7-mime")
            || matches!(self.extension.as_str(), "p7m" | "pgp" | "gpg" | "rpmsg" | "pfile")
    }

    fn unread_reason(&self) -> Why {
        match self.essence.split('/').next() {
            _ if matches!(self.extension.as_str(), "rpmsg" | "pfile") => Why::Encrypted,
            _ if self.is_locked_type() || self.essence == "application/pgp-encrypted" => Why::SmimePgp,
            Some("image") => Why::Media,
            Some("audio" | "video") => Why::Media,
            _ => Why::UnknownFormat,
        }
    }
}

/// The last octets of a base64 body, decoded by themselves.
fn end_of_base64(body: &[u8]) -> Vec<u8> {
    let end = body.get(body.len().saturating_sub(4096)..).unwrap_or(body);
    let coded = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    let coded: Vec<u8> = end.iter().copied().filter(coded).collect();
    transfer::decode(Encoding::Base64, coded.get(coded.len() % 4..).unwrap_or_default()).into_owned()
}

/// Whether octets begin with a mail's header: two fields at least, one of them known, up to an empty line.
fn looks_like_message(bytes: &[u8]) -> bool {
    const KNOWN: [&str; 9] =
        ["From", "To", "Subject", "Date", "Received", "Message-ID", "MIME-Version", "Return-Path", "Delivered-To"];
    let start = bytes.get(..32_768).unwrap_or(bytes);
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    if !start.starts_with(b"From ") && !start.iter().take(60).any(|&b| b == b':') {
        return false;
    }
    let fields: Vec<_> = header::fields(start).take(40).collect();
    let known = fields.iter().filter(|field| KNOWN.iter().any(|name| field.is(name))).count();
    let typed = fields.iter().any(|field| field.is("Content-Type"));
    known >= 2 || known + usize::from(typed) >= 2
}

/// The mails of a mailbox in one file (RFC 4155), or the one mail. Each begins with a line of its own, behind an empty
/// line: a sender, and a date that ends in the year.
fn mails(bytes: &[u8]) -> Vec<&[u8]> {
    let is_start = |at: usize| {
        let from = bytes.get(at..).unwrap_or_default();
        let line = from.split(|&b| b == b'\n').next().unwrap_or_default().trim_ascii_end();
        let year = line.len().checked_sub(4).and_then(|year| line.get(year..));
        let next = from.get(line.len()..).unwrap_or_default().trim_ascii_start();
        line.starts_with(b"From ")
            && line.len() < 500
            && year.is_some_and(|year| year.iter().all(u8::is_ascii_digit))
            && header::fields(next.get(..2_000).unwrap_or(next)).next().is_some()
    };
    if !is_start(0) {
        return vec![bytes];
    }
    let mut starts = vec![0];
    let marks = memchr::memmem::find_iter(bytes, b"\nFrom ").filter(|&at| {
        let before = bytes.get(..at).unwrap_or_default();
        before.ends_with(b"\n") || before.ends_with(b"\n\r")
    });
    starts.extend(marks.map(|at| at + 1).filter(|&at| is_start(at)));
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).filter_map(|(&start, end)| bytes.get(start..end)).collect()
}

/// Folded lines joined (RFC 5545 section 3.1, RFC 6350 section 3.2).
fn unfolded(text: &str) -> String {
    text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
}

fn invented_name(essence: &str, number: usize) -> String {
    let extension = match essence {
        "text/plain" => "txt",
        "text/html" => "html",
        "text/csv" => "csv",
        "text/calendar" => "ics",
        "text/vcard" | "text/x-vcard" => "vcf",
        "application/json" => "json",
        "application/pdf" => "pdf",
        "application/zip" => "zip",
        "application/pkcs7-mime" => "p7m",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        _ if is_message_type(essence) => "eml",
        _ if essence.ends_with("xml") => "xml",
        _ if essence.starts_with("text/") => "txt",
        _ => "bin",
    };
    format!("bijlage-{number}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_by_their_looks() {
        assert!(looks_like_message(b"From: a@b.example\r\nSubject: x\r\n\r\nhoi"));
        assert!(!looks_like_message(b"naam: Kim\r\nklas: 3\r\n"));
        assert!(!looks_like_message(b"Aan: allen\r\n"));
    }

    #[test]
    fn mailboxes_hold_several_mails() {
        let mail = "From a@b.example Sun Nov 22 07:00:00 2026\nSubject: x\n\nFrom nu af\n\n";
        let both = format!("{mail}{mail}");
        assert_eq!(mails(both.as_bytes()), [mail.as_bytes(), mail.as_bytes()]);
        assert_eq!(mails(b"Subject: x\n\nFrom a 2026\nB: c\n"), [b"Subject: x\n\nFrom a 2026\nB: c\n"]);
        assert_eq!(mails(b""), [b""]);
    }

    #[test]
    fn folded_lines_are_joined() {
        assert_eq!(unfolded("DESCRIPTION:12\r\n 34\r\nX:1"), "DESCRIPTION:1234\nX:1");
    }
}
