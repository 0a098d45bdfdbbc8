//! CSV and its kin: the cells of a text that has a row on each line.
//!
//! Never changes the text; cells are ranges in it, without their quotes. Cannot fail: a text that is no
//! table has no cells. RFC 4180, with whatever delimiter the program used.

use std::ops::Range;

use super::Cell;

/// The cells of a table in text, at most `most`. `certain` says that name or type promise a table; without
/// that promise the rows must agree.
pub(super) fn cells(text: &str, certain: bool, most: usize) -> Vec<Cell> {
    walk(text, certain, most, |range, _| range)
}

/// The same, with all that stands between two delimiters: quotes too, and what stands outside of them.
pub(super) fn fields(text: &str, certain: bool, most: usize) -> Vec<Cell> {
    walk(text, certain, most, |_, field| field)
}

fn walk(text: &str, certain: bool, most: usize, take: fn(Range<usize>, Range<usize>) -> Range<usize>) -> Vec<Cell> {
    let named = named_delimiter(text);
    let (Some(delimiter), start) = named.map_or((delimiter(text, certain), 0), |(sign, start)| (Some(sign), start))
    else {
        return Vec::new();
    };
    let mut cells = Vec::new();
    let (mut row, mut column, mut at) = (0, 0, start);
    while cells.len() < most {
        let (range, next, end) = cell(text.as_bytes(), at, delimiter);
        let stop = if matches!(end, End::Text) { next } else { next.saturating_sub(1) };
        cells.push(Cell { table: 0, row, column, range: take(range, at..stop) });
        match end {
            End::Cell => column += 1,
            End::Row if next < text.len() => (row, column) = (row + 1, 0),
            End::Row | End::Text => break,
        }
        at = next;
    }
    cells
}

/// What stands behind a cell.
enum End {
    Cell,
    Row,
    Text,
}

/// The content of the cell that starts here, where the next starts, and what divides them.
fn cell(text: &[u8], at: usize, delimiter: u8) -> (Range<usize>, usize, End) {
    let mut range = at..at;
    let mut from = at;
    if text.get(at) == Some(&b'"')
        && let Some(close) = closing_quote(text, at + 1)
    {
        range = at + 1..close;
        from = close + 1;
    }
    let rest = text.get(from..).unwrap_or_default();
    let stop = memchr::memchr2(delimiter, b'\n', rest).map_or(text.len(), |offset| from + offset);
    if from == at {
        range.end = stop;
    }
    match text.get(stop) {
        Some(b'\n') => (range, stop + 1, End::Row),
        Some(_) => (range, stop + 1, End::Cell),
        None => (range, text.len(), End::Text),
    }
}

/// The quote that closes a cell; a doubled quote stands for one. Quotes that are never closed would make the
/// rest of the text one cell, so a cell ends at 10,000 octets at the latest and is then no quoted one.
fn closing_quote(text: &[u8], from: usize) -> Option<usize> {
    let window = text.get(from..(from + 10_000).min(text.len()))?;
    let mut at = 0;
    while let Some(offset) = memchr::memchr(b'"', window.get(at..)?) {
        at += offset;
        if window.get(at + 1) != Some(&b'"') {
            return Some(from + at);
        }
        at += 2;
    }
    None
}

/// The delimiter that a first line `sep=;` names, and where the rows begin: Excel shows no row for that line.
fn named_delimiter(text: &str) -> Option<(u8, usize)> {
    let line = text.lines().next()?;
    let sign = line.trim_matches('"').strip_prefix("sep=")?;
    let &[sign] = sign.as_bytes() else { return None };
    Some((sign, line.len() + 1)).filter(|(_, start)| *start < text.len())
}

/// The delimiter that divides the first rows into the most even number of cells.
fn delimiter(text: &str, certain: bool) -> Option<u8> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(20).collect();
    let count = |line: &str, delimiter: u8| {
        let mut quoted = false;
        line.bytes()
            .filter(|&b| {
                quoted ^= b == b'"';
                b == delimiter && !quoted
            })
            .count()
    };
    let score = |delimiter: u8| {
        let counts: Vec<usize> = lines.iter().map(|line| count(line, delimiter)).collect();
        let first = counts.iter().copied().find(|&c| c > 0).unwrap_or(0);
        let same = counts.iter().filter(|&&c| c == first && c > 0).count();
        (same, counts.iter().sum::<usize>())
    };
    // The first of equals: a table of one column has none of them.
    let best = [b'|', b',', b'\t', b';'].into_iter().max_by_key(|&delimiter| score(delimiter))?;
    let (same, all) = score(best);
    let even = lines.len() >= 3 && same == lines.len() && all >= 2 * lines.len();
    (certain && !lines.is_empty() || even).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, certain: bool) -> Vec<(u32, u32, &str)> {
        cells(text, certain, 1000).into_iter().map(|c| (c.row, c.column, &text[c.range])).collect()
    }

    #[test]
    fn rows_and_columns() {
        assert_eq!(
            read("naam;nr\n\"Kim; B\";1\nBo;\n", true),
            [(0, 0, "naam"), (0, 1, "nr"), (1, 0, "Kim; B"), (1, 1, "1"), (2, 0, "Bo"), (2, 1, "")]
        );
        assert_eq!(read("a\tb\n1\t2", true).len(), 4);
        assert_eq!(read("een zin, met komma\n", false), []);
        assert_eq!(read("a,b,c\n1,2,3\n4,5,6\n", false).len(), 9);
        assert_eq!(read("\"a\nb;c", true)[0].2, "\"a");
        assert_eq!(read("nr\n12\n", true), [(0, 0, "nr"), (1, 0, "12")]);
        assert_eq!(read("", true), []);
        assert_eq!(read("sep=,\na;b,c\n", false), [(0, 0, "a;b"), (0, 1, "c")]);
        assert_eq!(read("sep=,\n", true).len(), 2);
    }
}
