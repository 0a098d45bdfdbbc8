//! A package of parts (ECMA-376 part 2): which part belongs to which, and which were read.
//!
//! A part is handed out once, so parts that refer to each other in a ring end, and what nobody asked for can be read
//! at last.

use std::collections::BTreeSet;

use super::tags::{Step, Tags};
use crate::extract::document::{Sink, xml, zip::Archive};

/// The parts of a file.
pub(in crate::extract::document) struct Package<'a, 'b> {
    archive: &'a Archive<'b>,
    /// The parts handed out, in lower case.
    read: BTreeSet<String>,
}

/// One part's relation to another, or to something outside.
pub(in crate::extract::document) struct Relation {
    pub(in crate::extract::document) id: String,
    /// The last word of its type: `worksheet`, `comments`, `image`.
    pub(in crate::extract::document) kind: String,
    /// The path of the part, or the address outside.
    pub(in crate::extract::document) target: String,
    /// Whether it is outside.
    pub(in crate::extract::document) external: bool,
}

impl<'a, 'b> Package<'a, 'b> {
    pub(in crate::extract::document) fn new(archive: &'a Archive<'b>) -> Self {
        Self { archive, read: BTreeSet::new() }
    }

    /// The octets of a part, the first time.
    pub(in crate::extract::document) fn take(&mut self, name: &str, sink: &mut Sink<'_, '_>) -> Option<Vec<u8>> {
        self.read.insert(name.to_ascii_lowercase()).then(|| self.archive.file(name, sink)).flatten()
    }

    /// A part of XML, the first time.
    pub(super) fn take_xml(&mut self, name: &str, sink: &mut Sink<'_, '_>) -> Option<String> {
        let octets = self.take(name, sink)?;
        // Nearly all are UTF-8, and need no copy.
        Some(String::from_utf8(octets).unwrap_or_else(|fault| xml::decoded(fault.as_bytes()).into_owned()))
    }

    /// The parts that nobody has taken, in their order.
    pub(in crate::extract::document) fn left(&self) -> Vec<String> {
        let left = |name: &&str| !self.read.contains(&name.to_ascii_lowercase());
        self.archive.names().filter(left).map(str::to_string).collect()
    }

    /// The relations of a part; those of the package itself for an empty name.
    pub(in crate::extract::document) fn relations(&mut self, part: &str, sink: &mut Sink<'_, '_>) -> Vec<Relation> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let slash = if folder.is_empty() { "" } else { "/" };
        let path = format!("{folder}{slash}_rels/{file}.rels");
        let Some(text) = self.take_xml(&path, sink) else { return Vec::new() };
        let mut relations = Vec::new();
        let mut tags = Tags::new(&text);
        while let Some(step) = tags.next() {
            let Step::Open(tag) = step else { continue };
            let (Some(kind), Some(target)) = (tag.written("Type"), tag.attribute("Target")) else { continue };
            let external = tag.written("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("external"));
            relations.push(Relation {
                id: tag.attribute("Id").unwrap_or_default(),
                kind: kind.rsplit('/').next().unwrap_or(kind).to_string(),
                target: if external { target } else { resolved(folder, &target) },
                external,
            });
        }
        sink.keep_buffer(text.into_bytes());
        relations
    }
}

/// A target, seen from a folder, as a path in the package.
fn resolved(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let mut path: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => folder.split('/').filter(|step| !step.is_empty()).collect(),
    };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(path.pop()),
            step => path.push(step),
        }
    }
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_paths() {
        for (folder, target, path) in [
            ("xl", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl/worksheets", "../comments1.xml", "xl/comments1.xml"),
            ("xl/worksheets", "/xl/comments1.xml", "xl/comments1.xml"),
            ("", "../../xl\\a.xml", "xl/a.xml"),
        ] {
            assert_eq!(resolved(folder, target), path);
        }
    }
}
