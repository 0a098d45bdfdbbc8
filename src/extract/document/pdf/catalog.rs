//! What belongs to the document and to no page: properties, outline, attached files, scripts, descriptions of pictures
//! (ISO 32000-1 sections 7.11, 12.3.3, 14.3, 14.9 and 12.7.8).

use std::collections::BTreeSet;

use super::super::xml::{self, Node, Xml};
use super::encoding;
use super::file::File;
use super::notes::target;
use super::object::{Dict, Object, Stream};

/// Nodes of a tree: outline, names, structure.
const NODES: usize = 50_000;
/// Octets of text of one kind.
const TEXT: usize = 4 << 20;

/// A file in the document.
pub(super) struct Attached {
    pub(super) name: String,
    pub(super) described: String,
    pub(super) stream: Stream,
}

fn number(object: &Object) -> Option<u32> {
    if let Object::Ref(number) = object { Some(*number) } else { None }
}

/// The document's catalog.
pub(super) fn root(file: &File<'_>) -> Dict {
    file.at(&file.trailer, b"Root").dict().cloned().unwrap_or_default()
}

/// Title, author, subject, keywords and whatever else programs write; not what only programs read.
pub(super) fn properties(file: &File<'_>, root: &Dict) -> String {
    const SILENT: [&[u8]; 5] = [b"CreationDate", b"ModDate", b"Trapped", b"Producer", b"PTEX.Fullbanner"];
    let mut out = String::new();
    let info = file.at(&file.trailer, b"Info");
    for (key, value) in info.dict().map(|info| info.iter().collect::<Vec<_>>()).unwrap_or_default() {
        let value = file.resolve(value).octets().map(encoding::text).unwrap_or_default();
        if !SILENT.contains(&key) && !value.trim().is_empty() && out.len() < TEXT {
            out.push_str(&format!("{}: {}\n", String::from_utf8_lossy(key), value.trim()));
        }
    }
    if let Some(stream) = file.at(root, b"Metadata").stream() {
        for line in xml_texts(&file.decode(stream).octets, false) {
            let said = |line: &str| line.starts_with("uuid:") || line.starts_with("xmp.") || out.contains(line);
            if line.contains(char::is_alphabetic) && !said(&line) && !is_date(&line) && out.len() < TEXT {
                out.push_str(&line);
                out.push('\n');
            }
        }
    }
    out
}

fn is_date(line: &str) -> bool {
    line.len() < 40 && line.get(..4).is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit())) && line.contains('T')
}

/// The texts between the tags of XML, one for each.
fn xml_texts(octets: &[u8], values: bool) -> Vec<String> {
    let decoded = xml::decoded(octets);
    let mut walk = Xml::new(&decoded);
    let mut out: Vec<String> = vec![String::new()];
    while let Some(node) = walk.next() {
        match node {
            Node::Text(text) => out.last_mut().into_iter().for_each(|last| last.push_str(&text)),
            Node::Open(element) => {
                if values && let Some(label) = element.attribute("name") {
                    out.push(label);
                }
                out.push(String::new());
            }
            Node::Close(_) => out.push(String::new()),
        }
        if out.len() > NODES {
            break;
        }
    }
    out.iter().map(|line| line.trim().to_string()).filter(|line| !line.is_empty()).collect()
}

/// The form that XFA describes: its template and its data.
pub(super) fn xfa(file: &File<'_>, form: &Dict) -> String {
    let packets = file.at(form, b"XFA");
    let mut streams: Vec<Stream> = Vec::new();
    match &*packets {
        Object::Stream(stream) => streams.push(stream.clone()),
        Object::Array(items) => {
            for pair in items.as_chunks::<2>().0.iter().take(50) {
                let [name, stream] = pair;
                let name = file.resolve(name).octets().unwrap_or_default().to_ascii_lowercase();
                if matches!(name.as_slice(), b"template" | b"datasets" | b"form") {
                    streams.extend(file.resolve(stream).stream().cloned());
                }
            }
        }
        _ => {}
    }
    let texts = streams.iter().flat_map(|stream| xml_texts(&file.decode(stream).octets, false));
    let mut out = String::new();
    for text in texts.take(NODES) {
        if out.len() < TEXT {
            out.push_str(&text);
            out.push('\n');
        }
    }
    out
}

/// The titles of the outline.
pub(super) fn outline(file: &File<'_>, root: &Dict) -> String {
    let top = file.at(root, b"Outlines");
    let mut todo: Vec<u32> = top.dict().and_then(|top| number(top.get(b"First"))).into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut out = String::new();
    while let Some(next) = todo.pop() {
        if seen.len() >= NODES || !seen.insert(next) {
            continue;
        }
        let item = file.get(next);
        let Some(item) = item.dict() else { continue };
        if let Some(title) = file.at(item, b"Title").octets().map(encoding::text)
            && out.len() < TEXT
        {
            out.push_str(title.trim());
            out.push('\n');
        }
        if let Some(action) = file.at(item, b"A").dict() {
            out.push_str(&target(file, action));
        }
        todo.extend(number(item.get(b"Next")));
        todo.extend(number(item.get(b"First")));
    }
    out
}

/// Every value of a name tree (section 7.9.6), with its name.
fn named(file: &File<'_>, tree: &Object, each: &mut dyn FnMut(&[u8], &Object)) {
    let mut todo: Vec<Object> = vec![tree.clone()];
    let mut seen = BTreeSet::new();
    let mut left = NODES;
    while let Some(next) = todo.pop() {
        if left == 0 || number(&next).is_some_and(|number| !seen.insert(number)) {
            continue;
        }
        left -= 1;
        let node = file.resolve(&next);
        let Some(node) = node.dict() else { continue };
        let names = file.at(node, b"Names");
        for pair in names.array().unwrap_or_default().as_chunks::<2>().0 {
            let [name, value] = pair;
            left = left.saturating_sub(1);
            if left > 0 {
                each(file.resolve(name).octets().unwrap_or_default(), &file.resolve(value));
            }
        }
        let kids = file.at(node, b"Kids");
        todo.extend(kids.array().unwrap_or_default().iter().rev().filter(|kid| number(kid).is_some()).cloned());
    }
}

/// The attached files: those of the name tree, those that hang on a page, those of the document.
pub(super) fn attached(file: &File<'_>, root: &Dict, on_pages: Vec<Dict>) -> Vec<Attached> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |name: &[u8], dict: &Dict| {
        let streams = file.at(dict, b"EF");
        let Some(streams) = streams.dict() else { return };
        let stream =
            [&b"UF"[..], b"F", b"DOS", b"Unix", b"Mac"].iter().find_map(|key| file.at(streams, key).stream().cloned());
        let Some(stream) = stream.filter(|stream| seen.insert(stream.range.start)) else { return };
        let text = |key: &[u8]| file.at(dict, key).octets().map(encoding::text).filter(|text| !text.trim().is_empty());
        let name = text(b"UF").or_else(|| text(b"F")).unwrap_or_else(|| encoding::text(name));
        // A path is a way to a file on somebody's disk.
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_string();
        let name = if name.is_empty() { "bijlage".to_string() } else { name };
        found.push(Attached { name, described: text(b"Desc").unwrap_or_default(), stream });
    };
    let names = file.at(root, b"Names");
    if let Some(names) = names.dict() {
        named(file, names.get(b"EmbeddedFiles"), &mut |name, value| {
            value.dict().into_iter().for_each(|dict| add(name, dict));
        });
    }
    for dict in &on_pages {
        add(b"", dict);
    }
    let associated = file.at(root, b"AF");
    for item in associated.array().unwrap_or_default().iter().take(1_000) {
        file.resolve(item).dict().into_iter().for_each(|dict| add(b"", dict));
    }
    found
}

/// The scripts of the document.
pub(super) fn scripts(file: &File<'_>, root: &Dict) -> String {
    let mut out = String::new();
    let names = file.at(root, b"Names");
    let mut add = |action: &Object| {
        if let Some(action) = action.dict()
            && out.len() < TEXT
        {
            out.push_str(&target(file, action));
        }
    };
    if let Some(names) = names.dict() {
        named(file, names.get(b"JavaScript"), &mut |_, value| add(value));
    }
    add(&file.at(root, b"OpenAction"));
    out
}

/// The descriptions of pictures in the structure of a tagged document.
pub(super) fn descriptions(file: &File<'_>, root: &Dict) -> String {
    let mut out = String::new();
    let mut todo: Vec<Object> = vec![root.get(b"StructTreeRoot").clone()];
    let mut seen = BTreeSet::new();
    let mut left = NODES;
    while let Some(next) = todo.pop() {
        if left == 0 || number(&next).is_some_and(|number| !seen.insert(number)) {
            continue;
        }
        left -= 1;
        let node = file.resolve(&next);
        let Some(node) = node.dict() else { continue };
        for key in [&b"Alt"[..], b"E"] {
            if let Some(text) = file.at(node, key).octets().map(encoding::text)
                && out.len() < TEXT
                && !text.trim().is_empty()
            {
                out.push_str(text.trim());
                out.push('\n');
            }
        }
        match &*file.at(node, b"K") {
            Object::Array(kids) => todo.extend(kids.iter().rev().filter(|kid| !matches!(kid, Object::Int(_))).cloned()),
            Object::Dict(_) => todo.push(node.get(b"K").clone()),
            _ => {}
        }
    }
    out
}
