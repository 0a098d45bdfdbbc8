//! The number format of each cell style (ECMA-376 part 1, 18.8.10, 18.8.31).

use std::collections::BTreeMap;

use super::tags::{Step, Tags};
use crate::extract::document::shown::Format;

/// The number formats of a workbook, by style.
#[derive(Default)]
pub(in crate::extract::document) struct Styles {
    formats: Vec<Format>,
    /// A format's number in the file -> its place here.
    known: BTreeMap<u16, usize>,
    /// A cell's style -> the place of its format.
    styles: Vec<usize>,
    general: Format,
}

impl Styles {
    pub(super) fn read(xml: &str) -> Self {
        let mut out = Self::default();
        let mut tags = Tags::new(xml);
        let mut of_cells = false;
        while let Some(step) = tags.next() {
            match step {
                Step::Open(tag) if tag.name == "numFmt" => {
                    let id = tag.written("numFmtId").and_then(|id| id.parse().ok());
                    if let (Some(id), Some(code)) = (id, tag.attribute("formatCode")) {
                        out.format(id, &code);
                    }
                }
                Step::Open(tag) if tag.name == "cellXfs" => of_cells = true,
                Step::Close("cellXfs") => of_cells = false,
                Step::Open(tag) if of_cells && tag.name == "xf" => {
                    out.style(tag.written("numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0));
                }
                _ => {}
            }
        }
        out
    }

    /// A format that the file defines.
    pub(in crate::extract::document) fn format(&mut self, id: u16, code: &str) {
        self.known.insert(id, self.formats.len());
        self.formats.push(Format::parse(code));
    }

    /// The next style, which has a format of this number.
    pub(in crate::extract::document) fn style(&mut self, id: u16) {
        let place = *self.known.entry(id).or_insert_with(|| {
            self.formats.push(Format::builtin(id));
            self.formats.len() - 1
        });
        self.styles.push(place);
    }

    /// The format of a style.
    pub(in crate::extract::document) fn of(&self, style: usize) -> &Format {
        self.styles.get(style).and_then(|place| self.formats.get(*place)).unwrap_or(&self.general)
    }
}
