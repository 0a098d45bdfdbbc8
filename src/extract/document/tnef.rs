//! winmail.dat (MS-OXTNEF): the message of an Outlook that did not think others read mail, and what is attached to it.
//!
//! Checksums are not believed: programs get them wrong, and a wrong one hides nothing.

use super::Sink;
use super::codepage::CodePage;
use super::mapi::{self, Properties};
use super::octets::{piece, rest, size_at, u8_at, u16_at, u32_at};
use crate::extract::Why;

/// Attributes (2.1.3.1), without their types.
const BODY: u16 = 0x800C;
const SUBJECT: u16 = 0x8004;
const ATTACH_DATA: u16 = 0x800F;
const ATTACH_TITLE: u16 = 0x8010;
const ATTACH_BEGIN: u16 = 0x9002;
const MESSAGE: u16 = 0x9003;
const RECIPIENTS: u16 = 0x9004;
const ATTACH_PROPERTIES: u16 = 0x9005;
const CODE_PAGE: u16 = 0x9007;
/// An object that is a message in TNEF begins with this (2.1.3.4).
const IS_MESSAGE: &[u8] = b"\x07\x03\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46";
/// More properties than a message has.
const MOST: usize = 10_000;

/// What is attached.
#[derive(Default)]
struct Attached<'o> {
    title: String,
    content: Option<&'o [u8]>,
    properties: Properties,
    has_any: bool,
}

pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let mut message = Properties::default();
    let mut recipients = Vec::new();
    let mut files: Vec<Attached<'_>> = Vec::new();
    let mut at = 6;
    let mut is_whole = true;
    while let (Some(id), Some(size)) = (u16_at(octets, at + 1), size_at(octets, at + 5)) {
        let value = rest(octets, at + 9, size);
        is_whole = value.len() == size;
        let page = message.page.unwrap_or(CodePage::WESTERN);
        match id {
            CODE_PAGE => message.page = u32_at(value, 0).map(CodePage::of),
            SUBJECT => message.add(mapi::SUBJECT, mapi::STRING8, value),
            BODY => message.add(mapi::BODY, mapi::STRING8, value),
            MESSAGE => {
                properties(value, &mut |id, kind, value| message.add(id, kind, value));
            }
            RECIPIENTS => recipients = people(value, page),
            ATTACH_BEGIN => files.push(Attached::default()),
            ATTACH_TITLE | ATTACH_DATA | ATTACH_PROPERTIES => {
                if files.is_empty() {
                    files.push(Attached::default());
                }
                if let Some(file) = files.last_mut() {
                    file.attribute(id, value, page);
                }
            }
            _ => {}
        }
        at = at.saturating_add(11).saturating_add(size);
    }
    message.show(&recipients, sink);
    for file in files.iter().filter(|file| file.has_any) {
        file.show(sink);
    }
    // What stands behind the last attribute is less than one.
    if !is_whole || at < octets.len() && octets.len() - at >= 9 || octets.len() < 17 {
        sink.unread(Why::Damaged);
    }
}

impl<'o> Attached<'o> {
    fn attribute(&mut self, id: u16, value: &'o [u8], page: CodePage) {
        self.has_any = true;
        match id {
            ATTACH_TITLE => self.title = page.decode(value).trim_end_matches('\0').to_string(),
            ATTACH_DATA => self.content = Some(value),
            _ => {
                self.properties.page = Some(page);
                let (all, content) = (&mut self.properties, &mut self.content);
                properties(value, &mut |id, kind, value| match (id, kind) {
                    (mapi::ATTACHMENT, mapi::OBJECT | mapi::BINARY) => {
                        content.get_or_insert(value);
                    }
                    _ => all.add(id, kind, value),
                });
            }
        }
    }

    fn show(&self, sink: &mut Sink<'_, '_>) {
        let name = self.properties.file_name().unwrap_or_else(|| self.title.clone());
        let name = if name.is_empty() { "bijlage".to_string() } else { name };
        let Some(content) = self.content else { return sink.unread_file(&name, Why::Damaged) };
        match content.strip_prefix(IS_MESSAGE) {
            Some(message) => sink.file(&name, message),
            // Any other object has the mark of its interface before it as well.
            None if content.get(4..16) == IS_MESSAGE.get(4..16) => {
                sink.file(&name, content.get(16..).unwrap_or_default());
            }
            None => sink.file(&name, content),
        }
    }
}

/// The names of the recipients: a row of properties for each (2.1.3.5.1).
fn people(value: &[u8], page: CodePage) -> Vec<String> {
    let rows = size_at(value, 0).unwrap_or(0).min(MOST);
    let mut at = 4;
    let mut out = Vec::new();
    for _ in 0..rows {
        let mut row = Properties::default();
        row.page = Some(page);
        let Some(size) = properties(rest(value, at, value.len()), &mut |id, kind, value| row.add(id, kind, value))
        else {
            break;
        };
        out.extend(row.recipient());
        at += size;
    }
    out
}

/// A list of properties (2.1.3.4): how many octets it takes, none when it breaks off.
fn properties<'o>(octets: &'o [u8], found: &mut dyn FnMut(u16, u16, &'o [u8])) -> Option<usize> {
    let count = size_at(octets, 0)?.min(MOST);
    let mut at = 4;
    for _ in 0..count {
        let (kind, id) = (u16_at(octets, at)?, u16_at(octets, at + 2)?);
        at += 4;
        if id >= 0x8000 {
            // The set and the name of a named property.
            let is_text = u32_at(octets, at + 16)? == 1;
            let size = size_at(octets, at + 20)?;
            at += 24 + if is_text { padded(size)? } else { 0 };
        }
        let is_list = kind & mapi::LIST != 0;
        let single = kind & !mapi::LIST;
        let is_long = matches!(single, mapi::STRING8 | mapi::STRING | mapi::OBJECT | mapi::BINARY);
        let values = if is_list || is_long { size_at(octets, at)? } else { 1 };
        at += if is_list || is_long { 4 } else { 0 };
        for _ in 0..values {
            let size = match single {
                _ if is_long => {
                    at += 4;
                    size_at(octets, at - 4)?
                }
                0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => 8,
                0x0048 => 16,
                _ => 4,
            };
            // A property without a value says so often enough; each has to take up room.
            u8_at(octets, at)?;
            let Some(value) = piece(octets, at, size) else {
                found(id, single, rest(octets, at, size));
                return None;
            };
            found(id, single, value);
            at = at.checked_add(padded(size)?)?;
        }
    }
    Some(at)
}

/// Values are filled up to four octets.
fn padded(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(4)
}
