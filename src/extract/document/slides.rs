//! PowerPoint presentations, shows and templates (PPTX, PPTM, PPSX, POTX): the slides in their order, each with its
//! notes, comments, charts and diagrams, then all other parts.
//!
//! Source: ECMA-376 part 1, 19.3 (slides), 13.3 (parts); MS-PPTX for modern comments.

use std::collections::{BTreeMap, BTreeSet};

use super::Sink;
use super::opc::Package;
use super::xml::{Node, Xml};
use super::zip::Archive;
use crate::extract::Unit;

/// Links from a slide to what other slides have too.
const SHARED: [&str; 2] = ["slideLayout", "slide"];

pub(super) fn read(archive: &Archive<'_>, sink: &mut Sink<'_, '_>) {
    sink.is("pptx");
    let mut package = Package::new(archive, sink);
    let main = package.main(sink).or_else(|| package.part("ppt/presentation.xml"));
    let slides = main.map(|main| order(&package, main, sink)).unwrap_or_default();
    for (number, slide) in (1..).zip(slides) {
        let unit = Unit::Slide(number);
        package.read(slide, &unit, sink);
        for relation in package.relations(slide, sink) {
            match package.part(&relation.target) {
                Some(part) if !SHARED.contains(&relation.kind.as_str()) => package.read(part, &unit, sink),
                _ => {}
            }
        }
    }
    package.finish(main.is_some(), sink);
}

/// The slides, in the order in which they are shown.
fn order(package: &Package<'_, '_>, main: usize, sink: &mut Sink<'_, '_>) -> Vec<usize> {
    let Some(text) = package.xml(main, sink) else { return Vec::new() };
    let targets: BTreeMap<String, String> =
        package.relations(main, sink).into_iter().map(|relation| (relation.id, relation.target)).collect();
    let mut xml = Xml::nameless(&text);
    let (mut slides, mut known) = (Vec::new(), BTreeSet::new());
    while let Some(node) = xml.next() {
        let Node::Open(element) = node else { continue };
        if element.name() != "sldId" {
            continue;
        }
        // Its number has the same name without prefix.
        let targets = element.attributes().filter(|(name, _)| *name == "id").filter_map(|(_, id)| targets.get(&id));
        slides.extend(targets.filter_map(|target| package.part(target)).filter(|slide| known.insert(*slide)));
    }
    slides
}
