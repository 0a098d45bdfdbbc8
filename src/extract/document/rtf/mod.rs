//! Rich text (RTF 1.9.1), by Word, WordPad, LibreOffice, Outlook and the many others that write it.
//!
//! Reads the text in every group that is shown or can be made to show; control words inside a number do not divide it.
//! Never runs an object; hands it on as a file. Linear, without recursion, and never refuses: groups that are not
//! closed, or closed too often, are as good as closed ones. Rich text that was made from HTML (MS-OXRTFEX) is that HTML.

mod destinations;
mod reader;
mod tokens;

use super::compound::{Native, ole1};
use super::{Pictures, Sink};
use crate::extract::{Layer, Spot, Why};
use reader::{Embedded, Reader, Rich};

pub(super) fn read(octets: &[u8], sink: &mut Sink<'_, '_>) {
    let rich = Reader::new().read(octets);
    if let Some(html) = &rich.html {
        sink.page(Layer::Body, html);
    }
    write(rich, sink);
}

/// Reads the body of a message. What the message says as plain text already is not said twice, nor is the HTML that the
/// message has of itself.
pub(super) fn message(octets: &[u8], plain: Option<&str>, has_html: bool, sink: &mut Sink<'_, '_>) {
    let mut rich = Reader::new().read(octets);
    match rich.html.take() {
        Some(_) if has_html => {}
        Some(html) => sink.message_page(&html),
        None => {
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let (text, cells) = std::mem::take(&mut rich.body).finish();
            if has_html || plain.is_none_or(|plain| letters(plain) != letters(&text)) {
                sink.message_body(Spot::Text, text, cells);
            }
        }
    }
    write(rich, sink);
}

fn write(rich: Rich, sink: &mut Sink<'_, '_>) {
    let stories = [
        (Layer::Body, rich.body),
        (Layer::Margin, rich.margin),
        (Layer::Note, rich.note),
        (Layer::Comment, rich.comment),
        (Layer::TextBox, rich.shape),
    ];
    for (layer, story) in stories {
        let (text, cells) = story.finish();
        sink.text(layer, text, cells);
    }
    let texts = [
        (Layer::Deleted, rich.deleted),
        (Layer::Hidden, rich.hidden),
        (Layer::Field, rich.fields),
        (Layer::Property, rich.properties),
        (Layer::AltText, rich.descriptions),
    ];
    for (layer, text) in texts {
        sink.text(layer, text, Vec::new());
    }
    if rich.has_media {
        sink.unread(Why::Media);
    }
    let mut pictures = Pictures::default();
    for (number, embedded) in (1..).zip(&rich.embedded) {
        match embedded {
            Embedded::Picture(extension, content) => {
                pictures.file(&format!("picture-{number}.{extension}"), content, sink);
            }
            Embedded::Object(content) => object(number, content, sink),
        }
    }
}

/// An object in the wrapping of OLE 1; inside it a file of the packager's, or a compound file.
fn object(number: u32, octets: &[u8], sink: &mut Sink<'_, '_>) {
    let Some((class, content)) = ole1(octets) else { return };
    let file = class.eq_ignore_ascii_case("Package").then(|| Native::in_package(content)).flatten();
    match file {
        Some(file) => sink.file(&file.name, file.content),
        None => sink.file(&format!("object-{number}"), content),
    }
}
