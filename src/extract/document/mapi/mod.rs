//! The properties of a message as Outlook keeps them (MS-OXPROPS) -> its subject, people, bodies and what else is shown.
//!
//! MSG files and winmail.dat hold the same properties in different wrappings.

mod lzfu;

pub(super) use lzfu::unpack;

use super::codepage::{CodePage, utf16};
use super::octets::{size_at, u32_at};
use super::{Sink, rtf};
use crate::extract::{Layer, Spot};
use crate::message::charset;

/// Types (MS-OXCDATA 2.11.1).
pub(super) const INTEGER: u16 = 0x0003;
pub(super) const OBJECT: u16 = 0x000D;
pub(super) const STRING8: u16 = 0x001E;
pub(super) const STRING: u16 = 0x001F;
pub(super) const BINARY: u16 = 0x0102;
/// Set in the type of a list.
pub(super) const LIST: u16 = 0x1000;

/// Properties.
pub(super) const SUBJECT: u16 = 0x0037;
pub(super) const BODY: u16 = 0x1000;
const RTF: u16 = 0x1009;
const HTML: u16 = 0x1013;
const TOPIC: u16 = 0x0070;
pub(super) const DISPLAY_NAME: u16 = 0x3001;
const RECIPIENT_NAME: u16 = 0x5FF6;
const MESSAGE_PAGE: u16 = 0x3FFD;
const INTERNET_PAGE: u16 = 0x3FDE;
pub(super) const ATTACHMENT: u16 = 0x3701;
const SHORT_NAME: u16 = 0x3704;
const LONG_NAME: u16 = 0x3707;
const LINK_NAME: u16 = 0x370D;
const MIME_TYPE: u16 = 0x370E;
/// Who it is from and to, as shown.
const PEOPLE: [(u16, &str); 5] =
    [(0x0042, "From"), (0x0C1A, "Sender"), (0x0E04, "To"), (0x0E03, "Cc"), (0x0E02, "Bcc")];

/// One property.
struct Property {
    id: u16,
    kind: u16,
    value: Vec<u8>,
}

/// The properties of a message, a recipient or an attachment.
#[derive(Default)]
pub(super) struct Properties {
    all: Vec<Property>,
    /// The code page, where the wrapping says it.
    pub(super) page: Option<CodePage>,
}

impl Properties {
    /// Keeps a property when its type is one of those that are read.
    pub(super) fn add(&mut self, id: u16, kind: u16, value: &[u8]) {
        if matches!(kind & !LIST, INTEGER | STRING8 | STRING) || matches!(id, HTML | RTF) {
            self.all.push(Property { id, kind: kind & !LIST, value: value.to_vec() });
        }
    }

    /// The code page of strings that are not Unicode.
    fn page(&self) -> CodePage {
        let number =
            |id| self.find(id, INTEGER).and_then(|property| u32_at(&property.value, 0)).filter(|&page| page != 0);
        let said = self.page.or_else(|| number(MESSAGE_PAGE).or_else(|| number(INTERNET_PAGE)).map(CodePage::of));
        said.filter(|page| *page != CodePage::UTF16).unwrap_or(CodePage::WESTERN)
    }

    fn find(&self, id: u16, kind: u16) -> Option<&Property> {
        self.all.iter().find(|property| property.id == id && property.kind == kind)
    }

    /// A number.
    pub(super) fn number(&self, id: u16) -> Option<usize> {
        self.find(id, INTEGER).and_then(|property| size_at(&property.value, 0))
    }

    /// A string that is not empty.
    pub(super) fn string(&self, id: u16) -> Option<String> {
        let texts = self.all.iter().filter(|property| property.id == id).filter_map(|property| self.text_of(property));
        texts.into_iter().find(|text| !text.trim().is_empty())
    }

    fn text_of(&self, property: &Property) -> Option<String> {
        let text = match property.kind {
            STRING => utf16(&property.value),
            STRING8 => self.page().decode(&property.value),
            _ => return None,
        };
        Some(text.trim_end_matches('\0').to_string())
    }

    /// The name under which a recipient is shown.
    pub(super) fn recipient(&self) -> Option<String> {
        self.string(DISPLAY_NAME).or_else(|| self.string(RECIPIENT_NAME)).filter(|name| !name.contains('@'))
    }

    /// The name of an attached file.
    pub(super) fn file_name(&self) -> Option<String> {
        // A signed message is attached as what it is in mail; by the name that Outlook gives it, it would be locked.
        if self.string(MIME_TYPE).is_some_and(|mime| mime.eq_ignore_ascii_case("multipart/signed")) {
            return Some("signed.eml".to_string());
        }
        [LONG_NAME, SHORT_NAME, DISPLAY_NAME].into_iter().find_map(|id| self.string(id))
    }

    /// Where an attachment that is only linked to stands.
    pub(super) fn link(&self) -> Option<String> {
        self.string(LINK_NAME)
    }

    /// Writes what a mail program shows of a message.
    pub(super) fn show(&self, recipients: &[String], sink: &mut Sink<'_, '_>) {
        let subject = self.string(SUBJECT).unwrap_or_default();
        if let Some(topic) = self.string(TOPIC).filter(|topic| !subject.contains(topic.as_str())) {
            sink.message_text(Spot::Subject, topic);
        }
        sink.message_text(Spot::Subject, subject);
        for (id, name) in PEOPLE {
            if let Some(people) = self.string(id).filter(|people| !people.contains('@')) {
                sink.message_text(Spot::Header(name.to_string()), people);
            }
        }
        sink.message_text(Spot::Header("To".to_string()), recipients.join(", "));
        self.bodies(sink);
        let others = self.all.iter().filter(|property| matches!(property.id, 0x3A00..=0x3A5F | 0x1001 | 0x8000..));
        let mut out = String::new();
        for text in others.filter_map(|property| self.text_of(property)) {
            if !text.trim().is_empty() {
                out.push_str(text.trim());
                out.push('\n');
            }
        }
        sink.text(Layer::Property, out, Vec::new());
    }

    /// The same text in up to three forms; what differs is read, like the parts of multipart/alternative.
    fn bodies(&self, sink: &mut Sink<'_, '_>) {
        let body = self.string(BODY);
        let html = self.all.iter().find(|property| property.id == HTML).map(|property| self.html(property));
        let html = html.filter(|html| !html.trim().is_empty());
        if let Some(packed) = self.find(RTF, BINARY) {
            let most = sink.unpack_left().min(packed.value.len().saturating_mul(10));
            let rich = unpack(&packed.value, most).filter(|rich| sink.may_unpack(rich.len()));
            match rich {
                Some(rich) => rtf::message(&rich, body.as_deref(), html.is_some(), sink),
                None if body.is_none() && html.is_none() => sink.unread(crate::extract::Why::Damaged),
                None => {}
            }
        }
        if let Some(html) = html {
            sink.message_page(&html);
        }
        if let Some(body) = body {
            sink.message_text(Spot::Text, body);
        }
    }

    fn html(&self, property: &Property) -> String {
        let value = property.value.as_slice();
        match property.kind {
            STRING => utf16(value),
            _ if std::str::from_utf8(value).is_ok() => charset::decode(value, None).into_owned(),
            _ => match self.number(INTERNET_PAGE).filter(|&page| page != 0) {
                Some(page) => CodePage::of(page as u32).decode(value),
                None => charset::decode(value, None).into_owned(),
            },
        }
    }
}
