//! The points of a chart (ECMA-376 part 1, 21.2), as a table: categories in a column, a column for each series.

use std::collections::BTreeMap;

use super::element::El;
use super::flow::{Flow, Kind};

/// What was read of a chart.
#[derive(Default)]
pub(super) struct Chart {
    columns: Vec<Column>,
    /// The categories that the last series had; the next one often has the same.
    categories: BTreeMap<u32, String>,
    series: Option<Series>,
}

struct Column {
    name: String,
    points: BTreeMap<u32, String>,
}

/// The series that is open.
#[derive(Default)]
struct Series {
    name: String,
    categories: BTreeMap<u32, String>,
    values: BTreeMap<u32, String>,
    slot: Slot,
    point: u32,
    text: String,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Slot {
    #[default]
    None,
    Name,
    Categories,
    Values,
}

impl Chart {
    pub(super) fn open_series(&mut self) {
        self.close_series();
        self.series = Some(Series::default());
    }

    /// What the values that follow are.
    pub(super) fn slot(&mut self, el: El) {
        if let Some(series) = &mut self.series {
            series.slot = match el {
                El::SeriesName => Slot::Name,
                El::Categories => Slot::Categories,
                _ => Slot::Values,
            };
        }
    }

    pub(super) fn point(&mut self, index: Option<u32>) {
        if let Some(series) = &mut self.series {
            series.point = index.unwrap_or_else(|| series.point.saturating_add(1));
        }
    }

    /// Takes the text of a value; false when it belongs to no series.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        match &mut self.series {
            Some(series) if series.slot != Slot::None => {
                series.text.push_str(text);
                true
            }
            _ => false,
        }
    }

    pub(super) fn close_value(&mut self) {
        let Some(series) = &mut self.series else { return };
        let text = std::mem::take(&mut series.text);
        let place = match series.slot {
            Slot::None => return,
            Slot::Name => &mut series.name,
            Slot::Categories => series.categories.entry(series.point).or_default(),
            Slot::Values => series.values.entry(series.point).or_default(),
        };
        // Several levels of categories, sizes of bubbles.
        if !place.is_empty() && !text.is_empty() {
            place.push(' ');
        }
        place.push_str(text.trim());
    }

    pub(super) fn close_series(&mut self) {
        let Some(series) = self.series.take() else { return };
        if series.categories != self.categories && !series.categories.is_empty() {
            self.categories = series.categories.clone();
            self.columns.push(Column { name: String::new(), points: series.categories });
        }
        self.columns.push(Column { name: series.name, points: series.values });
    }

    /// Writes the table. As long as there are points: rows and columns without any take nothing.
    pub(super) fn write(mut self, flow: &mut Flow) {
        self.close_series();
        let mut cells: BTreeMap<(u32, u32), String> = BTreeMap::new();
        for (number, column) in (0u32..).zip(self.columns) {
            cells.insert((0, number), column.name);
            let points = column.points.into_iter().map(|(index, text)| ((index.saturating_add(1), number), text));
            cells.extend(points);
        }
        cells.retain(|_, text| !text.is_empty());
        if cells.is_empty() {
            return;
        }
        flow.open_table();
        let mut row = None;
        for ((index, column), text) in cells {
            if row != Some(index) {
                if row.is_some() {
                    flow.close_row();
                }
                flow.open_row();
                row = Some(index);
            }
            flow.skip(column);
            flow.open_cell();
            flow.push(&text, Kind::Plain);
            flow.close_cell();
        }
        flow.close_row();
        flow.close_table();
    }
}
