//! Outlook's messages (MS-OXMSG): the message, its recipients, what is attached to it and the messages in it.

use std::collections::BTreeSet;

use super::Sink;
use super::compound::{self, Storage};
use super::mapi::{self, Properties};
use super::octets::{piece, u16_at};
use crate::extract::{Layer, Spot, Why};

/// The streams and storages of a message (2.1.3, 2.2).
const FIXED: &str = "__properties_version1.0";
const STREAM: &str = "__substg1.0_";
const RECIPIENT: &str = "__recip_version1.0_#";
const ATTACHED: &str = "__attach_version1.0_#";
const NAMES: &str = "__nameid_version1.0";
/// The object of an attachment: a message, or an OLE object.
const OBJECT: &str = "__substg1.0_3701000D";
/// Octets before the fixed properties: in a file, in a message within it, in recipients and attachments (2.4.1).
const IN_FILE: usize = 32;
const IN_MESSAGE: usize = 24;
const IN_PART: usize = 8;
/// Named properties that are fields of a mail's header, which nobody is shown (MS-OXPROPS 1.3.2).
const HEADER_FIELDS: &[u8] = b"\x86\x03\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46";
/// An attachment that is a message (MS-OXCMSG 2.2.2.9).
const METHOD: u16 = 0x3705;

/// The named properties of a file that are not shown.
type Unshown = BTreeSet<u16>;

pub(super) fn read(at: Storage<'_>, sink: &mut Sink<'_, '_>) {
    let unshown = at.storage(NAMES).map(unshown).unwrap_or_default();
    message(at, IN_FILE, &unshown, sink);
}

fn message(at: Storage<'_>, head: usize, unshown: &Unshown, sink: &mut Sink<'_, '_>) {
    let properties = properties(at, head, unshown);
    let parts = |start: &'static str| at.storages().filter(move |(name, _)| name.starts_with(start));
    let recipients: Vec<String> =
        parts(RECIPIENT).filter_map(|(_, part)| properties_of(part, unshown).recipient()).collect();
    properties.show(&recipients, sink);
    for (_, part) in parts(ATTACHED) {
        attachment(part, unshown, sink);
    }
}

fn attachment(part: Storage<'_>, unshown: &Unshown, sink: &mut Sink<'_, '_>) {
    let properties = properties_of(part, unshown);
    let name = properties.file_name();
    if let Some(object) = part.storage(OBJECT) {
        let name = name.unwrap_or_else(|| "bericht".to_string());
        if object.has(FIXED) {
            let name = if name.ends_with(".msg") { name } else { name + ".msg" };
            sink.message_text(Spot::FileName(name.clone()), name.clone());
            return sink.document(&name, |sink| {
                sink.is("msg");
                message(object, IN_MESSAGE, unshown, sink);
            });
        }
        return sink.document(&name, |sink| compound::storage(object, sink));
    }
    let name = name.unwrap_or_else(|| "bijlage".to_string());
    match part.stream("__substg1.0_37010102") {
        Some(content) => sink.file(&name, &content),
        None => match properties.link() {
            Some(link) => sink.text(Layer::Property, link, Vec::new()),
            // A method of 0 says that there is nothing.
            None if properties.number(METHOD) == Some(0) => {}
            None => sink.unread_file(&name, Why::Damaged),
        },
    }
}

fn properties_of(part: Storage<'_>, unshown: &Unshown) -> Properties {
    properties(part, IN_PART, unshown)
}

fn properties(at: Storage<'_>, head: usize, unshown: &Unshown) -> Properties {
    let mut out = Properties::default();
    let fixed = at.stream(FIXED).unwrap_or_default();
    for entry in fixed.get(head..).unwrap_or_default().as_chunks::<16>().0 {
        if let (Some(kind), Some(id)) = (u16_at(entry, 0), u16_at(entry, 2))
            && kind == mapi::INTEGER
        {
            out.add(id, kind, entry.get(8..12).unwrap_or_default());
        }
    }
    for name in at.streams() {
        let Some((id, kind)) = tag(name).filter(|(id, _)| *id != mapi::ATTACHMENT && !unshown.contains(id)) else {
            continue;
        };
        // A list has a stream of lengths without a number, and one for each value.
        let is_lengths = kind & mapi::LIST != 0 && name.len() == STREAM.len() + 8;
        if !is_lengths && let Some(value) = at.stream(name) {
            out.add(id, kind, &value);
        }
    }
    out
}

/// The property and the type that a stream's name tells: `__substg1.0_0037001F`.
fn tag(name: &str) -> Option<(u16, u16)> {
    let tag = u32::from_str_radix(name.strip_prefix(STREAM)?.get(..8)?, 16).ok()?;
    Some(((tag >> 16) as u16, tag as u16))
}

/// The named properties that nobody is shown (2.2.3).
fn unshown(names: Storage<'_>) -> Unshown {
    let sets = names.stream("__substg1.0_00020102").unwrap_or_default();
    let entries = names.stream("__substg1.0_00030102").unwrap_or_default();
    let mut out = Unshown::new();
    for entry in entries.as_chunks::<8>().0 {
        let (Some(kind), Some(number)) = (u16_at(entry, 4), u16_at(entry, 6)) else { continue };
        // The first two sets are not listed, and 0 is none.
        let set = usize::from(kind >> 1).checked_sub(3).and_then(|set| piece(&sets, set * 16, 16));
        if set == Some(HEADER_FIELDS) {
            out.insert(0x8000u16.saturating_add(number));
        }
    }
    out
}
