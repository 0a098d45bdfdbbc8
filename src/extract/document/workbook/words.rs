//! The words of any part: text between tags, and the attributes that hold words.
//!
//! Runs of one paragraph are joined. It knows no part in particular, so it misses no element that it has not heard of.

use super::tags::{Step, Tag, Tags, unescape};
use crate::extract::Why;

/// What a part says.
#[derive(Default)]
pub(super) struct Words {
    /// Its text, a line for each paragraph or value.
    pub(super) text: String,
    /// The descriptions of its pictures.
    pub(super) alt: String,
    /// Why some may be missing.
    pub(super) fault: Option<Why>,
}

/// Attributes in which people write.
const ATTRIBUTES: [&str; 22] = [
    "author",
    "caption",
    "command",
    "comment",
    "connection",
    "displayName",
    "error",
    "errorTitle",
    "display",
    "lastModifiedBy",
    "name",
    "prompt",
    "promptTitle",
    "sourceName",
    "string",
    "text",
    "title",
    "tooltip",
    "uniqueName",
    "user",
    "userName",
    "v",
];
/// Attributes that describe a picture or shape.
const DESCRIPTIONS: [&str; 3] = ["descr", "title", "alt"];
/// Elements whose names are those of a look.
const NAMED: [&str; 6] = ["theme", "clrScheme", "fontScheme", "fmtScheme", "cellStyle", "tableStyle"];
/// Elements within a paragraph: their end ends no line.
const INLINE: [&str; 13] = ["t", "r", "fld", "font", "span", "b", "i", "u", "s", "strong", "em", "rPr", "phoneticPr"];
/// Elements that hold places and sizes, and with them numbers of any length; and formats.
const PLACES: [&str; 6] = ["from", "to", "ClientData", "formatCode", "sqref", "pos"];

/// Reads the words. `all` says that every attribute counts: in parts that are not of the format itself.
pub(super) fn read(xml: &str, all: bool) -> Words {
    let mut out = Words::default();
    let mut tags = Tags::new(xml);
    let mut skipped: Option<(&str, usize)> = None;
    let mut in_run = false;
    while let Some(step) = tags.next() {
        if let Some((name, depth)) = &mut skipped {
            match step {
                Step::Open(tag) if tag.name == *name && !tag.empty => *depth += 1,
                Step::Close(closed) if closed == *name => *depth -= 1,
                _ => {}
            }
            if *depth == 0 {
                skipped = None;
            }
            continue;
        }
        match step {
            Step::Open(tag) => {
                in_run = tag.name == "t" && !tag.empty;
                if matches!(tag.name, "br" | "tab") {
                    out.text.push(if tag.name == "br" { '\n' } else { '\t' });
                }
                if !all && !tag.empty && PLACES.contains(&tag.name) {
                    skipped = Some((tag.name, 1));
                }
                described(&tag, &mut out.alt);
                if all {
                    every_attribute(&tag, &mut out.text);
                } else if !NAMED.contains(&tag.name) {
                    attributes(&tag, &mut out.text);
                }
            }
            Step::Close(name) => {
                in_run = false;
                if all || !INLINE.contains(&name) {
                    end_line(&mut out.text);
                }
            }
            Step::Text(text) if in_run => unescape(text, &mut out.text),
            Step::Text(text) if !text.trim().is_empty() => {
                unescape(text.trim_matches(['\n', '\r', '\t']), &mut out.text)
            }
            Step::Text(_) => {}
            Step::Verbatim(text) => out.text.push_str(text),
        }
    }
    end_line(&mut out.text);
    out.fault = tags.fault;
    out
}

/// Adds the attributes in which people write, a line each.
pub(super) fn attributes(tag: &Tag<'_>, text: &mut String) {
    for (name, value) in tag.attributes().filter(|(_, value)| !value.is_empty()) {
        if ATTRIBUTES.contains(&name) {
            line(text, value);
        }
    }
}

fn described(tag: &Tag<'_>, text: &mut String) {
    for (name, value) in tag.attributes().filter(|(_, value)| !value.is_empty()) {
        if DESCRIPTIONS.contains(&name) {
            line(text, value);
        }
    }
}

/// Adds all attributes but the names of namespaces.
fn every_attribute(tag: &Tag<'_>, text: &mut String) {
    let is_namespace = |value: &str| value.starts_with("http://") || value.starts_with("urn:");
    tag.attributes()
        .filter(|(_, value)| !value.is_empty() && !is_namespace(value))
        .for_each(|(_, value)| line(text, value));
}

/// Adds a line with a value as written.
pub(super) fn line(text: &mut String, value: &str) {
    end_line(text);
    unescape(value, text);
    text.push('\n');
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_attributes_and_descriptions() {
        let words = read(
            "<d><from><col>999918564</col></from><cNvPr name='Vak 1' descr='Foto van &quot;Bo&quot;'/><a:p><a:r><a:t>9999</a:t>\
             </a:r><a:r><a:t>18564</a:t></a:r></a:p><a:p><a:t>twee </a:t><a:br/><a:t>drie</a:t></a:p></d>",
            false,
        );
        assert_eq!(words.text, "Vak 1\n999918564\ntwee \ndrie\n");
        assert_eq!(words.alt, "Foto van \"Bo\"\n");
        assert_eq!(read("<a xmlns='urn:u'><b nr='12'>x</b>\n <c>y</c></a>", true).text, "12\nx\ny\n");
    }
}
