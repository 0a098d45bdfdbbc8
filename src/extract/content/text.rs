//! Octets that are text: in every charset that was declared, as a page, as markup, as what folds its lines, as a table;
//! and the files that stand in a text.
//!
//! A content whose type says that nobody can read it is unread, and its text is read all the same.

use std::borrow::Cow;

use super::about::{About, is_table};
use crate::extract::document::{self, Format, Sink};
use crate::extract::picture::{self, Setting};
use crate::extract::sniff::{self, Look};
use crate::extract::{Cell, Place, Reader, Spot, Why, html, json, line_ends, sheet};
use crate::message::{charset, transfer};

/// Pictures shown in the pages of one message; a newsletter has a hundred.
const MOST_SHOWN: usize = 2_000;

impl Reader<'_> {
    /// A declared text with many control characters: a charset that only its label tells, or no text.
    pub(super) fn odd_text(&mut self, bytes: &[u8], about: &About<'_>) {
        let text = charset::decode(bytes, about.charsets.first().copied());
        // The other control characters are odd, but no charset that was taken for another leaves them.
        let odd = |c: &char| matches!(*c, char::REPLACEMENT_CHARACTER | '\0' | '\u{80}'..='\u{9f}');
        let (all, bad) = text.chars().fold((0usize, 0usize), |(all, bad), c| (all + 1, bad + usize::from(odd(&c))));
        if bad * 10 > all {
            self.unread(about.place.clone(), Why::Damaged);
        }
        self.readable(bytes, about);
    }

    pub(super) fn readable(&mut self, bytes: &[u8], about: &About<'_>) {
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
            // What a page says of itself, programs obey or not: who makes one may count on either.
            [] => declared(bytes).map(Some).into_iter().chain([None]).collect(),
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
        let text = line_ends(text.into_owned());
        let cells = if about.is_body() { Vec::new() } else { self.cells(&text, about) };
        self.text(place, text, cells);
    }

    fn cells(&mut self, text: &str, about: &About<'_>) -> Vec<Cell> {
        let certain = is_table(about.essence, &about.extension);
        // One more than allowed shows that there were more.
        let mut cells = sheet::cells(text, certain, self.cells_left.saturating_add(1));
        if cells.len() > self.cells_left {
            cells.truncate(self.cells_left);
            self.unread(about.place.clone(), Why::OverLimit);
        }
        cells
    }

    /// A page, as shown, and with what it hides.
    pub(in crate::extract) fn page(&mut self, source: &str, place: Place) {
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

/// Octets of a page in which it may say its charset. Programs look at the first 1,024, and those that write more before
/// it are read as well.
const HEAD: usize = 4_096;

/// The charset that a page (WHATWG HTML, the prescan) or an XML file (XML 1.0, section 4.3.3) says of itself. Obeyed where
/// no mail program said another and the octets are not UTF-8.
fn declared(bytes: &[u8]) -> Option<&str> {
    let head = bytes.get(..HEAD).unwrap_or(bytes).trim_ascii_start();
    if !head.starts_with(b"<") || std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    let label = memchr::memchr_iter(b'<', head).find_map(|at| {
        let tag = head.get(at + 1..)?;
        let tag = tag.get(..memchr::memchr(b'>', tag)?)?.to_ascii_lowercase();
        let word: &[u8] = if tag.starts_with(b"?xml") { b"encoding" } else { b"charset" };
        let may = tag.starts_with(b"?xml") || tag.starts_with(b"meta");
        let behind = memchr::memmem::find(&tag, word).filter(|_| may)? + word.len();
        let value = tag.get(behind..)?.trim_ascii_start().strip_prefix(b"=")?;
        let quotes = value.iter().take_while(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'')).count();
        let length = value.iter().skip(quotes).take_while(|b| b.is_ascii_alphanumeric() || b"-_:.".contains(b)).count();
        let start = at + 1 + (tag.len() - value.len()) + quotes;
        head.get(start..start + length).filter(|label| !label.is_empty())
    });
    // Who could read so far read ASCII.
    label.and_then(|label| std::str::from_utf8(label).ok()).filter(|label| !charset::is_wide(label))
}

/// Folded lines joined (RFC 5545 section 3.1, RFC 6350 section 3.2).
fn unfolded(text: &str) -> String {
    text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_say_their_charset() {
        for (page, label) in [
            (&b"<html><head><meta charset=ISO-8859-2></head>\xe9"[..], Some("ISO-8859-2")),
            (
                b"<HTML><META http-equiv=Content-Type content=\"text/html; charset=windows-1252\">\xe9",
                Some("windows-1252"),
            ),
            (b" <?xml version=\"1.0\" encoding='iso-8859-15'?><a>\xa4</a>", Some("iso-8859-15")),
            (b"<html><script charset=big5></script>\xe9", None),
            (b"<meta charset=utf-16>\xe9", None),
            (b"<meta charset=windows-1252>caf\xc3\xa9", None),
            (b"meta charset=big5 \xe9", None),
            (b"<meta charset", None),
            (b"<meta charset=>\xe9", None),
        ] {
            assert_eq!(declared(page), label);
        }
    }

    #[test]
    fn folded_lines_are_joined() {
        assert_eq!(unfolded("DESCRIPTION:12\r\n 34\r\nX:1"), "DESCRIPTION:1234\nX:1");
    }
}
