//! Pivot caches (ECMA-376 part 1, 18.10): the whole source of a pivot table, kept in the file, as a table.

use super::tags::{Step, Tag, Tags};
use super::words;
use crate::extract::document::Sink;
use crate::extract::document::cells::Cells;
use crate::extract::{Layer, Section};

/// A column of the source.
struct Field {
    name: String,
    /// The values that records refer to by number.
    shared: Vec<String>,
}

/// Reads a cache: its fields, and its records when it has them.
pub(super) fn read(definition: &str, records: Option<&str>, sink: &mut Sink<'_, '_>) {
    let (fields, rest) = fields(definition);
    let mut cells = Cells::new(sink);
    for (column, field) in (0u32..).zip(&fields) {
        cells.string(0, column, &field.name);
    }
    match records {
        Some(records) => self::records(records, &fields, &mut cells),
        None => {
            for (column, field) in (0u32..).zip(&fields) {
                (1u32..).zip(&field.shared).for_each(|(row, value)| cells.string(row, column, value));
            }
        }
    }
    cells.finish(&Section::from(Layer::Behind), sink);
    sink.text(Layer::Behind, rest, Vec::new());
}

/// The fields, and the words of the definition that stand in none.
fn fields(definition: &str) -> (Vec<Field>, String) {
    let (mut fields, mut rest) = (Vec::<Field>::new(), String::new());
    let mut tags = Tags::new(definition);
    let mut sharing = false;
    while let Some(step) = tags.next() {
        match step {
            Step::Open(tag) => match (tag.name, fields.last_mut()) {
                ("cacheField", _) => {
                    fields.push(Field { name: tag.attribute("name").unwrap_or_default(), shared: Vec::new() });
                }
                ("sharedItems", _) => sharing = !tag.empty,
                (_, Some(field)) if sharing => field.shared.extend(value(&tag)),
                _ => words::attributes(&tag, &mut rest),
            },
            Step::Close("sharedItems") => sharing = false,
            _ => {}
        }
    }
    (fields, rest)
}

fn records(xml: &str, fields: &[Field], cells: &mut Cells) {
    let (mut row, mut column) = (0u32, 0u32);
    let mut tags = Tags::new(xml);
    while let Some(step) = tags.next() {
        let Step::Open(tag) = step else { continue };
        match tag.name {
            "r" => (row, column) = (row.saturating_add(1), 0),
            "x" => {
                let shared = fields.get(column as usize).map(|field| &field.shared);
                let number = tag.written("v").and_then(|number| number.parse::<usize>().ok());
                let value = shared.zip(number).and_then(|(shared, number)| shared.get(number));
                cells.string(row, column, value.map_or("", String::as_str));
                column = column.saturating_add(1);
            }
            _ => {
                if let Some(value) = value(&tag) {
                    cells.string(row, column, &value);
                    column = column.saturating_add(1);
                }
            }
        }
    }
}

/// A value: text, number, date, truth, error; an empty one for none.
fn value(tag: &Tag<'_>) -> Option<String> {
    match tag.name {
        "s" | "n" | "d" | "b" | "e" => Some(tag.attribute("v").unwrap_or_default()),
        "m" => Some(String::new()),
        _ => None,
    }
}
