//! Annotations and form fields (ISO 32000-1 sections 12.5 and 12.7): what people wrote on a page or filled in.
//!
//! What an annotation's appearance shows is read too, as far as its text does not say it already: a field may show
//! something else than its value.

use std::collections::BTreeSet;

use super::super::Sink;
use super::content::Painter;
use super::encoding;
use super::file::File;
use super::lines;
use super::object::{Dict, Object, Stream};
use crate::extract::Layer;

/// Annotations of one page.
const NOTES: usize = 10_000;
/// Appearances of one annotation: a checkbox has two.
const STATES: usize = 8;
/// Levels of a field's name.
const LEVELS: usize = 32;
/// Choices of one field.
const CHOICES: usize = 5_000;

/// What was met on the pages so far.
#[derive(Default)]
pub(super) struct Notes {
    /// Annotations and fields by their numbers.
    seen: BTreeSet<u32>,
    /// Files that hang on a page.
    pub(super) files: Vec<Dict>,
}

impl Notes {
    /// The texts of a page's annotations and fields.
    pub(super) fn of_page(&mut self, painter: &mut Painter<'_, '_>, page: &Dict) -> Vec<(Layer, String)> {
        let file = painter.file;
        let list = file.at(page, b"Annots");
        let (mut notes, mut fields) = (String::new(), String::new());
        for item in list.array().unwrap_or_default().iter().take(NOTES) {
            if let Object::Ref(number) = item
                && !self.seen.insert(*number)
            {
                continue;
            }
            let note = file.resolve(item);
            let Some(note) = note.dict() else { continue };
            let out = if file.at(note, b"Subtype").name() == Some(b"Widget") {
                fields.push_str(&self.field(file, note));
                &mut fields
            } else {
                notes.push_str(&self.note(file, note));
                &mut notes
            };
            let shown = appearance(painter, note);
            add_unsaid(out, &shown);
        }
        vec![(Layer::Annotation, notes), (Layer::Field, fields)]
    }

    /// Fields that no page shows.
    pub(super) fn other_fields(&mut self, file: &File<'_>, form: &Dict) -> String {
        let fields = file.at(form, b"Fields");
        let number = |object: &Object| if let Object::Ref(number) = object { Some(*number) } else { None };
        let mut todo: Vec<u32> = fields.array().unwrap_or_default().iter().rev().filter_map(number).collect();
        let mut walked = BTreeSet::new();
        let mut out = String::new();
        while let Some(next) = todo.pop() {
            if !walked.insert(next) {
                continue;
            }
            let field = file.get(next);
            let Some(dict) = field.dict() else { continue };
            if self.seen.insert(next) {
                out.push_str(&self.field(file, dict));
            }
            let kids = file.at(dict, b"Kids");
            todo.extend(kids.array().unwrap_or_default().iter().rev().filter_map(number));
        }
        out
    }

    /// What an annotation says, and where it leads.
    fn note(&mut self, file: &File<'_>, note: &Dict) -> String {
        let mut lines: Vec<String> = Vec::new();
        for key in [&b"T"[..], b"Subj", b"Contents", b"OverlayText", b"Alt"] {
            lines.extend(file.at(note, key).octets().map(encoding::text));
        }
        let rich = rich(file, &file.at(note, b"RC"));
        if !is_said(&lines.concat(), &rich) {
            lines.push(rich);
        }
        for action in [file.at(note, b"A"), file.at(note, b"PA")] {
            lines.extend(action.dict().map(|action| target(file, action)));
        }
        let attached = file.at(note, b"FS");
        self.files.extend(attached.dict().cloned());
        lines.retain(|line| !line.trim().is_empty());
        lines.iter().map(|line| format!("{}\n", line.trim())).collect()
    }

    /// A field's name or description, its value, its choices; those of a part of it stand with what is above it.
    fn field(&mut self, file: &File<'_>, field: &Dict) -> String {
        let mut names = Vec::new();
        let mut found: [Option<String>; 4] = [None, None, None, None];
        let mut level = field.clone();
        for _ in 0..LEVELS {
            names.extend(file.at(&level, b"T").octets().map(encoding::text));
            let [described, value, default, choices] = &mut found;
            let text = |key: &[u8]| file.at(&level, key).octets().map(encoding::text);
            *described = described.take().or_else(|| text(b"TU"));
            *value = value.take().or_else(|| value_of(file, &file.at(&level, b"V")));
            *value = value.take().or_else(|| Some(rich(file, &file.at(&level, b"RV"))).filter(|rich| !rich.is_empty()));
            *default = default.take().or_else(|| value_of(file, &file.at(&level, b"DV")));
            *choices = choices.take().or_else(|| choices_of(file, &file.at(&level, b"Opt")));
            let &Object::Ref(parent) = level.get(b"Parent") else { break };
            self.seen.insert(parent);
            match file.get(parent).dict() {
                Some(above) => level = above.clone(),
                None => break,
            }
        }
        names.reverse();
        let caption = file.at(field, b"MK").dict().and_then(|look| file.at(look, b"CA").octets().map(encoding::text));
        let [described, value, default, choices] = found;
        let mut line = names.join(".");
        for label in [described, caption].into_iter().flatten() {
            if !label.trim().is_empty() && !line.contains(label.trim()) {
                line.push_str(if line.is_empty() { "" } else { ", " });
                line.push_str(label.trim());
            }
        }
        let default = default.filter(|default| Some(default) != value.as_ref());
        for said in [value, default, choices].into_iter().flatten().filter(|said| !said.trim().is_empty()) {
            line.push('\t');
            line.push_str(said.trim());
        }
        if line.is_empty() { line } else { line + "\n" }
    }
}

fn value_of(file: &File<'_>, value: &Object) -> Option<String> {
    match value {
        Object::Text(octets) => Some(encoding::text(octets)),
        Object::Name(name) if name != b"Off" => Some(encoding::text(name)),
        Object::Stream(stream) => Some(encoding::text(&file.decode(stream).octets)),
        Object::Array(items) => {
            let texts: Vec<String> =
                items.iter().take(CHOICES).filter_map(|item| file.resolve(item).octets().map(encoding::text)).collect();
            Some(texts.join(", "))
        }
        _ => None,
    }
}

/// The choices of a field, as they are shown.
fn choices_of(file: &File<'_>, choices: &Object) -> Option<String> {
    let texts = choices.array()?.iter().take(CHOICES).filter_map(|choice| match &*file.resolve(choice) {
        Object::Text(octets) => Some(encoding::text(octets)),
        Object::Array(pair) => file.resolve(pair.last()?).octets().map(encoding::text),
        _ => None,
    });
    Some(texts.collect::<Vec<_>>().join(", "))
}

/// Rich text (section 12.7.3.4): XHTML in a string or stream.
fn rich(file: &File<'_>, value: &Object) -> String {
    let source = match value {
        Object::Text(octets) => encoding::text(octets),
        Object::Stream(stream) => encoding::text(&file.decode(stream).octets),
        _ => return String::new(),
    };
    Sink::html_text(&source)
}

/// Where an action leads: an address, a file, a script.
pub(super) fn target(file: &File<'_>, action: &Dict) -> String {
    let mut out = String::new();
    for key in [&b"URI"[..], b"F", b"JS"] {
        match &*file.at(action, key) {
            Object::Text(octets) => out.push_str(&encoding::text(octets)),
            Object::Stream(stream) => out.push_str(&encoding::text(&file.decode(stream).octets)),
            Object::Dict(named) => {
                let name = file.at(named, if named.has(b"UF") { b"UF" } else { b"F" }).octets().map(encoding::text);
                out.push_str(&name.unwrap_or_default());
            }
            _ => continue,
        }
        out.push('\n');
    }
    out
}

/// The text of an annotation's appearances.
fn appearance(painter: &mut Painter<'_, '_>, note: &Dict) -> String {
    let file = painter.file;
    let looks = file.at(note, b"AP");
    let Some(normal) = looks.dict().map(|looks| looks.get(b"N")) else { return String::new() };
    let resolved = file.resolve(normal);
    let states: Vec<&Object> = match &*resolved {
        Object::Dict(states) => states.iter().take(STATES).map(|(_, state)| state).collect(),
        _ => vec![normal],
    };
    let mut out = String::new();
    for state in states {
        if let Object::Ref(number) = state
            && let Object::Stream(stream) = &*file.get(*number)
        {
            add_unsaid(&mut out, &shown(painter, *number, stream));
        }
    }
    out
}

fn shown(painter: &mut Painter<'_, '_>, number: u32, stream: &Stream) -> String {
    let drawn = painter.draw_form(number, stream);
    lines::read(&drawn.words).0
}

/// Adds the lines that are not in it yet.
fn add_unsaid(out: &mut String, lines: &str) {
    if lines.trim().is_empty()
        || is_said(out.get(out.floor_char_boundary(out.len().saturating_sub(20_000))..).unwrap_or_default(), lines)
    {
        return;
    }
    out.push_str(lines.trim());
    out.push('\n');
}

/// Whether a text says it already, white space apart.
fn is_said(text: &str, more: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let more = letters(more);
    more.is_empty() || letters(text).contains(&more)
}
