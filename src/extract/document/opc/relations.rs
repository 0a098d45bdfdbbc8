//! What parts of a package link to (ECMA-376 part 2, 9.3).

use crate::extract::document::xml::{Node, Xml, decoded};

/// A link from one part to another.
pub(in super::super) struct Relation {
    /// Its name within the part.
    pub(in super::super) id: String,
    /// The last word of its type: `slide`, `notesSlide`.
    pub(in super::super) kind: String,
    /// The part it leads to, from the root of the package.
    pub(in super::super) target: String,
}

/// The name of the part that holds the links of a part; of the package itself when the name is empty.
pub(super) fn name(part: &str) -> String {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    if folder.is_empty() { format!("_rels/{name}.rels") } else { format!("{folder}/_rels/{name}.rels") }
}

/// The links to other parts that stand in such a part.
pub(super) fn of(octets: &[u8], part: &str) -> Vec<Relation> {
    let folder = part.rsplit_once('/').map_or("", |(folder, _)| folder);
    let text = decoded(octets);
    let mut xml = Xml::nameless(&text);
    let mut relations = Vec::new();
    while let Some(node) = xml.next() {
        let Node::Open(element) = node else { continue };
        let external = element.attribute("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("External"));
        if element.name() != "Relationship" || external {
            continue;
        }
        let value = |name| element.attribute(name).unwrap_or_default();
        relations.push(Relation {
            id: value("Id"),
            kind: value("Type").rsplit('/').next().unwrap_or_default().to_string(),
            target: resolved(folder, &value("Target")),
        });
    }
    relations
}

/// A target from the root of the package.
fn resolved(folder: &str, target: &str) -> String {
    let mut path: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.retain(|step| !step.is_empty());
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_from_the_root() {
        for (folder, target, path) in [
            ("ppt/slides", "../media/a.png", "ppt/media/a.png"),
            ("ppt", "slides/slide1.xml", "ppt/slides/slide1.xml"),
            ("ppt", "/word/x.xml", "word/x.xml"),
            ("", "word/document.xml", "word/document.xml"),
            ("", "../../x", "x"),
        ] {
            assert_eq!(resolved(folder, target), path);
        }
    }
}
