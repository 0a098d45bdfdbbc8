//! Words where they stand -> lines of text, cells divided by tabs, and tables where the cells stand under one another.
//!
//! The order in which a page was drawn is the order in which it is read, as a rule; words on one line belong together
//! wherever they come from, unless they are columns of running text. Sorts, and otherwise looks at each word a bounded
//! number of times.

use std::collections::HashMap;

use super::words::{Word, Words};
use crate::extract::Cell;

/// A gap of so many times the size divides cells.
const CELL_GAP: f32 = 1.5;
/// Pieces of a line that were drawn apart belong together when they stand this close.
const NEAR: f32 = 0.8;
/// Characters that a cell has at most on average; a line of running text has more.
const CELL: usize = 24;
/// Rows that make a table.
const ROWS: usize = 3;
/// Columns of a table, at most.
const COLUMNS: usize = 200;

/// A line of words.
struct Row {
    angle: i16,
    line: f32,
    size: f32,
    from: f32,
    to: f32,
    /// Indices of its words.
    words: Vec<usize>,
    /// When it was drawn.
    drawn: usize,
}

/// A stretch of a line between two cell gaps.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    from: f32,
    to: f32,
}

/// The text of a page, and the cells of its tables.
pub(super) fn read(words: &Words) -> (String, Vec<Cell>) {
    let kept = without_shadows(words);
    let mut rows = merged(rows(words, &kept), words);
    put_in_order(&mut rows);
    let mut page = Page { words, text: String::new(), lines: Vec::new() };
    let mut before: Option<&Row> = None;
    for row in &rows {
        page.row(row, before);
        before = Some(row);
    }
    page.text.push('\n');
    let cells = tables(&page.lines);
    (page.text, cells)
}

/// Words that are drawn once more in nearly the same place show bold or a shadow. Words of unknown glyphs say nothing.
fn without_shadows(words: &Words) -> Vec<usize> {
    let mut seen: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut kept = Vec::with_capacity(words.words.len());
    for (index, word) in words.words.iter().enumerate() {
        let text = words.text_of(word);
        if text.chars().all(|c| c == '\u{FFFD}') {
            continue;
        }
        let near = 0.3 * word.spot.size;
        let known = seen.entry(text).or_default();
        let shadow = known.iter().rev().take(4).filter_map(|index| words.words.get(*index)).any(|other| {
            other.spot.angle == word.spot.angle
                && (other.spot.from - word.spot.from).abs() < near
                && (other.spot.line - word.spot.line).abs() < near
        });
        if !shadow {
            known.push(index);
            kept.push(index);
        }
    }
    kept
}

/// Lines of words that were drawn one after another.
fn rows(words: &Words, kept: &[usize]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for &index in kept {
        let Some(word) = words.words.get(index) else { continue };
        if let Some(row) = rows.last_mut()
            && row.takes(word)
        {
            row.from = row.from.min(word.spot.from);
            row.to = row.to.max(word.spot.to);
            row.size = row.size.max(word.spot.size);
            row.words.push(index);
            continue;
        }
        rows.push(Row {
            angle: word.spot.angle,
            line: word.spot.line,
            size: word.spot.size,
            from: word.spot.from,
            to: word.spot.to,
            words: vec![index],
            drawn: index,
        });
    }
    rows
}

impl Row {
    fn takes(&self, word: &Word) -> bool {
        let size = self.size.max(word.spot.size);
        let off = (word.spot.line - self.line).abs();
        // A raised figure stands close to what it belongs to.
        let near = (word.spot.from - self.to).abs() < size;
        let high = if near { 0.55 * size } else { 0.3 * self.size.min(word.spot.size) };
        let apart = word.spot.from > self.to - 0.4 * size || word.spot.to < self.from + 0.4 * size;
        self.angle == word.spot.angle && off < high && apart
    }
}

/// Joins lines that stand on one another's height: those close to each other always, those apart when they are cells.
fn merged(mut rows: Vec<Row>, words: &Words) -> Vec<Row> {
    rows.sort_by(|a, b| a.angle.cmp(&b.angle).then(b.line.total_cmp(&a.line)).then(a.from.total_cmp(&b.from)));
    let mut groups: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        if let Some(group) = groups.last_mut()
            && let Some(first) = group.first()
            && first.angle == row.angle
            && (first.line - row.line).abs() <= 0.25 * first.size.min(row.size)
        {
            group.push(row);
            continue;
        }
        groups.push(vec![row]);
    }
    let far = groups.iter().filter(|group| group.len() > 1).flatten();
    let (count, length) = far.fold((0, 0), |(count, length), row| {
        let octets: usize =
            row.words.iter().filter_map(|word| words.words.get(*word)).map(|w| w.end - w.start + 1).sum();
        (count + 1, length + octets)
    });
    let as_cells = count * CELL >= length;
    let mut out: Vec<Row> = Vec::new();
    for mut group in groups {
        group.sort_by(|a, b| a.from.total_cmp(&b.from));
        let mut last: Option<Row> = None;
        for row in group {
            match &mut last {
                Some(left) => {
                    let gap = row.from - left.to;
                    let size = left.size.max(row.size);
                    if gap > -0.4 * size && (as_cells || gap < NEAR * size) {
                        left.to = left.to.max(row.to);
                        left.size = size;
                        left.words.extend(row.words);
                        left.drawn = left.drawn.min(row.drawn);
                    } else {
                        out.extend(last.replace(row));
                    }
                }
                None => last = Some(row),
            }
        }
        out.extend(last);
    }
    out.sort_by_key(|row| row.drawn);
    for row in &mut out {
        let from = |index: &usize| words.words.get(*index).map_or(0.0, |word| word.spot.from);
        row.words.sort_by(|a, b| from(a).total_cmp(&from(b)));
    }
    out
}

/// A page that was drawn in no order at all is read from the top.
fn put_in_order(rows: &mut [Row]) {
    let level = |pair: &&[Row]| matches!(pair, [a, b] if a.angle == b.angle && b.line > a.line + a.size);
    let upwards = rows.windows(2).filter(level).count();
    if rows.len() > 6 && upwards * 3 > rows.len() {
        rows.sort_by(|a, b| a.angle.cmp(&b.angle).then(b.line.total_cmp(&a.line)).then(a.from.total_cmp(&b.from)));
    }
}

/// A page as it grows.
struct Page<'w> {
    words: &'w Words,
    text: String,
    /// The pieces of each line.
    lines: Vec<Vec<Piece>>,
}

/// What stands between two words of a line.
#[derive(Clone, Copy, PartialEq)]
enum Between {
    Nothing,
    Space,
    Tab,
}

impl Page<'_> {
    fn row(&mut self, row: &Row, before: Option<&Row>) {
        let words: Vec<&Word> = row.words.iter().filter_map(|index| self.words.words.get(*index)).collect();
        let between = between(&words, self.words);
        let single = !between.contains(&Between::Tab);
        match before {
            None => {}
            Some(before) if single && self.goes_on(before, row, &words) => {
                self.text.pop();
                // It is one line now: no cells can stand in it.
                self.lines.pop();
            }
            Some(before) => {
                let blank = before.angle == row.angle && before.line - row.line > 2.2 * row.size.max(before.size);
                self.text.push_str(if blank { "\n\n" } else { "\n" });
            }
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let gap = index.checked_sub(1).and_then(|index| between.get(index)).copied();
            match gap {
                Some(Between::Space) => self.text.push(' '),
                Some(Between::Tab) => self.text.push('\t'),
                Some(Between::Nothing) | None => {}
            }
            let start = self.text.len();
            self.text.push_str(self.words.text_of(word));
            let end = self.text.len();
            match pieces.last_mut() {
                Some(piece) if gap != Some(Between::Tab) => {
                    piece.end = end;
                    piece.to = piece.to.max(word.spot.to);
                }
                _ => pieces.push(Piece { start, end, from: word.spot.from, to: word.spot.to }),
            }
        }
        self.lines.push(pieces);
    }

    /// Whether a word of the line before was broken with a hyphen, and goes on here.
    fn goes_on(&self, before: &Row, row: &Row, words: &[&Word]) -> bool {
        let mut end = self.text.chars().rev();
        let hyphen =
            matches!(end.next(), Some('-' | '\u{2010}' | '\u{AD}')) && end.next().is_some_and(char::is_lowercase);
        let small =
            words.first().and_then(|word| self.words.text_of(word).chars().next()).is_some_and(char::is_lowercase);
        let step = before.line - row.line;
        hyphen
            && small
            && before.angle == row.angle
            && step < 2.5 * before.size
            && self.lines.last().is_some_and(|pieces| pieces.len() == 1)
    }
}

fn between(words: &[&Word], all: &Words) -> Vec<Between> {
    let mut out: Vec<Between> = words
        .windows(2)
        .map(|pair| {
            let &[left, right] = pair else { return Between::Space };
            let gap = right.spot.from - left.spot.to;
            let size = left.spot.size.max(right.spot.size);
            let raised = (left.spot.line - right.spot.line).abs() > 0.15 * size;
            if gap > CELL_GAP * size || left.block != right.block && gap > 0.13 * size {
                Between::Tab
            } else if right.spaced || gap > 0.13 * size || raised {
                Between::Space
            } else {
                Between::Nothing
            }
        })
        .collect();
    join_letters(words, all, &mut out);
    out
}

/// Letters and figures that stand alone at even distances are one word: a number in the boxes of a form, a title with
/// wide letters.
fn join_letters(words: &[&Word], all: &Words, between: &mut [Between]) {
    let alone = |word: &&Word| word.glyphs == 1 && all.text_of(word).chars().all(char::is_alphanumeric);
    let mut index = 0;
    while index < words.len() {
        let run = words.iter().skip(index).take_while(|word| alone(word)).count();
        if run >= 4
            && let (Some(run_words), Some(run_between)) =
                (words.get(index..index + run), between.get_mut(index..index + run - 1))
        {
            join_run(run_words, run_between);
        }
        index += run.max(1);
    }
}

fn join_run(words: &[&Word], between: &mut [Between]) {
    let size = words.iter().map(|word| word.spot.size).fold(0.0, f32::max);
    let gaps: Vec<f32> =
        words.windows(2).map(|pair| if let [a, b] = pair { b.spot.from - a.spot.to } else { f32::MAX }).collect();
    let mut sorted = gaps.clone();
    sorted.sort_by(f32::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(f32::MAX);
    let even = |gap: f32| (gap - middle).abs() < 0.2 * size;
    let spaced = words.iter().skip(1).filter(|word| word.spaced).count();
    if middle > 1.2 * size
        || spaced * 2 > gaps.len()
        || gaps.iter().filter(|gap| even(**gap)).count() * 10 < gaps.len() * 7
    {
        return;
    }
    for (slot, gap) in between.iter_mut().zip(gaps) {
        *slot = if even(gap) || gap < middle {
            Between::Nothing
        } else if gap > CELL_GAP * size + middle {
            Between::Tab
        } else {
            Between::Space
        };
    }
}

/// The cells of lines whose pieces stand under one another, in at least three lines.
fn tables(lines: &[Vec<Piece>]) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut table = 0;
    let mut from = 0;
    while from < lines.len() {
        let (rows, columns) = table_at(lines.get(from..).unwrap_or_default());
        if rows >= ROWS {
            for (row, pieces) in (0u32..).zip(lines.iter().skip(from).take(rows)) {
                for piece in pieces {
                    let column = columns.partition_point(|(_, to)| *to < piece.from);
                    let column = u32::try_from(column).unwrap_or(u32::MAX);
                    cells.push(Cell { table, row, column, range: piece.start..piece.end });
                }
            }
            table += 1;
        }
        from += rows.max(1);
    }
    cells
}

/// How many lines from here on are rows of one table, and the extent of its columns.
fn table_at(lines: &[Vec<Piece>]) -> (usize, Vec<(f32, f32)>) {
    let mut columns: Vec<(f32, f32)> = Vec::new();
    let mut rows = 0;
    let mut widest = 0;
    for pieces in lines {
        if pieces.len() < 2 || pieces.len() > COLUMNS {
            break;
        }
        let next = with(&columns, pieces);
        widest = widest.max(pieces.len());
        // A line that runs through the gaps between the columns is no row of theirs.
        let apart = pieces.windows(2).all(|pair| match pair {
            [a, b] => column_of(&next, a) < column_of(&next, b),
            _ => true,
        });
        if next.len() < widest || !apart || next.len() > COLUMNS {
            break;
        }
        columns = next;
        rows += 1;
    }
    (rows, columns)
}

fn column_of(columns: &[(f32, f32)], piece: &Piece) -> usize {
    columns.partition_point(|(_, to)| *to < piece.from)
}

/// Columns, widened by a line's pieces; those that touch become one.
fn with(columns: &[(f32, f32)], pieces: &[Piece]) -> Vec<(f32, f32)> {
    let mut all: Vec<(f32, f32)> =
        columns.iter().copied().chain(pieces.iter().map(|piece| (piece.from, piece.to.max(piece.from)))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out: Vec<(f32, f32)> = Vec::with_capacity(all.len());
    for (from, to) in all {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}
